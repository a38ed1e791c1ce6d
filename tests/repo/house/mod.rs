//! The rules of the source, as `src/lib.rs` and CONTRIBUTING.md state them: rooms and their imports, sizes, names,
//! what a room may call, and what a value may implement.
//!
//! `exceptions.txt` lists what breaks a rule today. The list only shrinks: an entry that is no longer needed fails
//! the test, and `TRUEUP_ACCEPT=1` removes it.

mod exceptions;
mod imports;
mod pages;
mod source;
mod threat_model;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use exceptions::check_exceptions;
use imports::{ModuleMap, find_circles};
use source::{SourceFile, read_sources};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 60;
const MAX_PARAMETERS: usize = 5;

/// The rooms from top to bottom, each with the rooms that it may import.
const ROOMS: [(&str, &str); 21] = [
    ("main", "cli"),
    (
        "cli",
        "cores output_filter value diagnostic exchange yaml kind openapi document compose remote sandbox plan state run report policy workspace",
    ),
    (
        "workspace",
        "cores output_filter value diagnostic exchange yaml kind document compose remote state policy",
    ),
    ("policy", "value diagnostic yaml kind document report"),
    ("report", "cores value diagnostic exchange yaml kind document plan state run"),
    ("run", "cores value diagnostic exchange yaml kind document compose remote plan state"),
    ("state", "output_filter value diagnostic exchange yaml kind document"),
    ("plan", "value diagnostic exchange yaml kind document"),
    ("sandbox", "value diagnostic exchange yaml kind remote"),
    ("remote", "value diagnostic exchange yaml kind"),
    ("compose", "cores value diagnostic yaml kind document"),
    ("document", "cores value diagnostic exchange yaml kind"),
    ("openapi", "value diagnostic exchange yaml kind"),
    ("kind", "value diagnostic exchange yaml"),
    ("yaml", "value diagnostic"),
    ("exchange", "value diagnostic"),
    ("diagnostic", ""),
    ("value", ""),
    ("cores", ""),
    ("output_filter", ""),
    ("lib", ""),
];

/// What breaks a rule: the entry of the list of exceptions, and more about it.
type Violations = BTreeMap<String, String>;

/// Every rule over one reading of the source, which takes most of the time. All violations are reported together.
#[test]
fn the_source_follows_its_rules() {
    let sources = read_sources();
    let rules = [
        find_upward_imports,
        find_file_circles,
        find_shared_type_names,
        find_long_files,
        find_functions_out_of_bounds,
        find_climbing_paths,
        find_impure_plan_files,
        find_printing_files,
        find_clients_in_lower_rooms,
        find_writable_connections,
        find_named_services,
        find_printable_values,
        find_undeclared_files,
    ];
    check_exceptions(&rules.into_iter().flat_map(|rule| rule(&sources)).collect());
}

fn find_upward_imports(sources: &[SourceFile]) -> Violations {
    let map = ModuleMap::new(sources);
    let below: BTreeMap<&str, BTreeSet<&str>> =
        ROOMS.iter().map(|(room, below)| (*room, below.split_whitespace().collect())).collect();
    let rooms: BTreeMap<&str, &str> = sources.iter().map(|file| (file.path.as_str(), file.room())).collect();
    let mut found = Violations::new();
    for file in sources {
        let Some(below) = below.get(file.room()) else {
            found.insert(format!("no-room {}", file.path), String::new());
            continue;
        };
        for used in map.find_uses(file) {
            let room = rooms[used];
            if room != file.room() && !below.contains(room) {
                found.insert(format!("upward-import {} {room}", file.path), format!("for {used}"));
            }
        }
    }
    found
}

fn find_file_circles(sources: &[SourceFile]) -> Violations {
    let map = ModuleMap::new(sources);
    let rooms: BTreeMap<&str, &str> = sources.iter().map(|file| (file.path.as_str(), file.room())).collect();
    let uses = sources.iter().map(|file| {
        let is_near = |used: &&str| rooms[used] == file.room();
        (file.path.as_str(), map.find_uses(file).into_iter().filter(is_near).collect())
    });
    let mut found = Violations::new();
    for circle in find_circles(&uses.collect()) {
        for file in &circle {
            let others: Vec<&str> = circle.iter().copied().filter(|other| other != file).collect();
            found.insert(format!("circle {file}"), format!("with {}", others.join(", ")));
        }
    }
    found
}

fn find_shared_type_names(sources: &[SourceFile]) -> Violations {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in sources {
        for name in &file.facts.types {
            places.entry(name).or_default().push(&file.path);
        }
    }
    let shared = places.into_iter().filter(|(_, files)| files.len() > 1);
    shared.map(|(name, files)| (format!("same-name {name}"), files.join(", "))).collect()
}

fn find_long_files(sources: &[SourceFile]) -> Violations {
    let long = sources.iter().filter(|file| file.line_count > MAX_FILE_LINES);
    long.map(|file| (format!("long-file {}", file.path), format!("{} lines", file.line_count))).collect()
}

fn find_functions_out_of_bounds(sources: &[SourceFile]) -> Violations {
    let mut found = Violations::new();
    for file in sources {
        for function in &file.facts.functions {
            let place = format!("{} {}", file.path, function.name);
            if function.line_count > MAX_FUNCTION_LINES {
                found.insert(format!("long-function {place}"), format!("{} lines", function.line_count));
            }
            if function.parameter_count > MAX_PARAMETERS {
                found.insert(format!("many-parameters {place}"), function.parameter_count.to_string());
            }
            if function.has_tuple_parameter {
                found.insert(format!("tuple-parameter {place}"), String::new());
            }
        }
    }
    found
}

fn find_climbing_paths(sources: &[SourceFile]) -> Violations {
    let climbs = |file: &&SourceFile| {
        let mut paths = file.facts.reexports.iter().map(|(_, path)| path).chain(&file.facts.references);
        paths.any(|path| path.iter().take_while(|part| *part == "super").count() > 1)
    };
    sources.iter().filter(climbs).map(|file| (format!("super-super {}", file.path), String::new())).collect()
}

fn find_impure_plan_files(sources: &[SourceFile]) -> Violations {
    let forbidden = [
        "tokio",
        "reqwest",
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "std::thread",
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
    ];
    let is_plan = |file: &&SourceFile| matches!(file.room(), "plan" | "compose");
    let mut found = find_calls(sources.iter().filter(is_plan), &forbidden);
    for file in sources.iter().filter(is_plan).filter(|file| file.facts.is_async) {
        found.insert(format!("async {}", file.path), String::new());
    }
    found
}

fn find_printing_files(sources: &[SourceFile]) -> Violations {
    let files = sources.iter().filter(|file| !matches!(file.room(), "cli" | "main"));
    find_calls(files, &["println!", "eprintln!", "print!", "eprint!", "dbg!", "std::process::exit"])
}

fn find_clients_in_lower_rooms(sources: &[SourceFile]) -> Violations {
    let rooms = ["plan", "document", "kind", "report", "policy", "state", "openapi"];
    let files = sources.iter().filter(|file| rooms.contains(&file.room()));
    find_calls(files, &["HttpClient", "TargetClient", "reqwest"])
}

/// Calls of these paths and macros, of which a path may name the beginning or the end.
fn find_calls<'s>(files: impl Iterator<Item = &'s SourceFile>, forbidden: &[&str]) -> Violations {
    let mut found = Violations::new();
    for file in files {
        let paths = file.facts.references.iter().map(|path| path.join("::"));
        let paths: BTreeSet<String> =
            paths.chain(file.facts.macros.iter().map(|name| format!("{name}!"))).collect();
        for word in forbidden {
            let is_called = |path: &String| format!("::{path}::").contains(&format!("::{word}::"));
            if paths.iter().any(is_called) {
                found.insert(format!("call {} {word}", file.path), String::new());
            }
        }
    }
    found
}

/// Only these commands make a client that can write.
fn find_writable_connections(sources: &[SourceFile]) -> Violations {
    let allowed = ["src/cli/apply.rs", "src/cli/demo.rs", "src/cli/prepared_run.rs", "src/cli/undo.rs"];
    let asks = |file: &SourceFile| {
        ["with_writes", "into_writable"].iter().any(|method| file.facts.methods.contains(*method))
    };
    let asking: BTreeSet<&str> =
        sources.iter().filter(|file| asks(file)).map(|file| file.path.as_str()).collect();
    assert!(!asking.is_empty(), "the methods have other names now");
    let wrong = asking.into_iter().filter(|path| !allowed.contains(path));
    wrong.map(|path| (format!("writable-connection {path}"), String::new())).collect()
}

/// What is known of a service is data.
fn find_named_services(sources: &[SourceFile]) -> Violations {
    let names = builtin_names();
    assert!(names.len() > 20, "the names were found: {names:?}");
    let mut found = Violations::new();
    for file in sources {
        for name in file.facts.strings.iter().filter(|text| names.contains(*text)) {
            found.insert(format!("service-name {} {name}", file.path), String::new());
        }
    }
    found
}

/// The APIs that are built in, and those of their fields whose names are ordinary words of no one.
fn builtin_names() -> BTreeSet<String> {
    let (mut names, vocabulary) = (BTreeSet::new(), vocabulary());
    let files = walkdir::WalkDir::new("src/kind/builtin")
        .into_iter()
        .map(|entry| entry.expect("readable").into_path());
    for file in files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")) {
        let api = file.parent().and_then(|folder| folder.file_name()).expect("an API");
        names.insert(api.to_string_lossy().into_owned());
        let text = fs::read_to_string(&file).expect("a kind");
        let tree: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
        for fields in ["fields", "properties"].iter().filter_map(|word| tree.get(word)) {
            add_compound_names(fields, &vocabulary, &mut names);
        }
    }
    names
}

fn add_compound_names(tree: &serde_json::Value, vocabulary: &BTreeSet<String>, names: &mut BTreeSet<String>) {
    for (key, below) in tree.as_object().into_iter().flatten().filter(|(key, _)| *key != "example") {
        let is_compound = key.contains('_') || key.chars().skip(1).any(char::is_uppercase);
        let is_word = key.chars().all(|c| c.is_alphanumeric() || c == '_');
        if is_compound && is_word && !vocabulary.contains(key) {
            names.insert(key.clone());
        }
        add_compound_names(below, vocabulary, names);
    }
    for item in tree.as_array().into_iter().flatten() {
        add_compound_names(item, vocabulary, names);
    }
}

/// Words of the kind format itself.
fn vocabulary() -> BTreeSet<String> {
    fn add_keys(schema: &serde_json::Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema.get("properties").and_then(|all| all.as_object()) {
            found.extend(properties.keys().cloned());
        }
        let words = schema.get("enum").and_then(|all| all.as_array()).into_iter().flatten();
        let words = words.chain(schema.get("const"));
        found.extend(words.filter_map(|word| word.as_str()).map(str::to_owned));
        let inner = schema.as_object().into_iter().flat_map(|all| all.values());
        inner.chain(schema.as_array().into_iter().flatten()).for_each(|inner| add_keys(inner, found));
    }
    let mut found = BTreeSet::new();
    add_keys(&schemars::schema_for!(trueup::kind::file::KindFile).to_value(), &mut found);
    found
}

/// Types that hold values of services and documents.
const VALUE_TYPES: [&str; 10] = [
    "Value",
    "Object",
    "UnknownField",
    "WireValue",
    "DesiredValue",
    "DesiredNode",
    "Document",
    "Change",
    "Step",
    "PlannedRequest",
];

fn find_printable_values(sources: &[SourceFile]) -> Violations {
    let (mut seen, mut found) = (BTreeSet::new(), Violations::new());
    let derives = sources.iter().flat_map(|file| &file.facts.derives);
    for (name, derives) in derives.filter(|(name, _)| VALUE_TYPES.contains(&name.as_str())) {
        seen.insert(name);
        for word in ["Debug", "Display", "Serialize"].iter().filter(|word| derives.contains(**word)) {
            found.insert(format!("printable-value {name} {word}"), String::new());
        }
    }
    assert_eq!(seen.len(), VALUE_TYPES.len(), "types that there are: {seen:?}");
    found
}

fn find_undeclared_files(sources: &[SourceFile]) -> Violations {
    let mut declared = BTreeSet::from(["src/lib.rs".to_owned(), "src/main.rs".to_owned()]);
    for file in sources {
        let folder = match file.path.strip_suffix("/mod.rs") {
            Some(folder) => folder,
            None if matches!(file.path.as_str(), "src/lib.rs" | "src/main.rs") => "src",
            None => file.path.trim_end_matches(".rs"),
        };
        for child in &file.facts.child_modules {
            declared.extend([format!("{folder}/{child}.rs"), format!("{folder}/{child}/mod.rs")]);
        }
    }
    let undeclared = sources.iter().filter(|file| !declared.contains(&file.path));
    undeclared.map(|file| (format!("undeclared {}", file.path), String::new())).collect()
}
