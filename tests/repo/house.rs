//! The house stands as drawn in `src/lib.rs`: imports only run downward, nothing in Rust names a built-in
//! service, and values keep their mouths shut.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms each room may look into.
const ROOMS: [(&str, &[&str]); 19] = [
    ("cores", &[]),
    ("value", &[]),
    ("diagnostic", &[]),
    ("exchange", &["value", "diagnostic"]),
    ("yaml", &["value", "diagnostic"]),
    ("kind", &["value", "diagnostic", "exchange", "yaml"]),
    ("openapi", &["value", "diagnostic", "exchange", "yaml", "kind"]),
    ("document", &["value", "diagnostic", "exchange", "yaml", "kind"]),
    ("remote", &["value", "diagnostic", "exchange", "yaml", "kind"]),
    ("sandbox", &["value", "diagnostic", "exchange", "yaml", "kind", "remote"]),
    ("plan", &["value", "diagnostic", "exchange", "yaml", "kind", "document"]),
    ("state", &["value", "diagnostic", "exchange", "yaml", "kind", "document"]),
    (
        "run",
        &["cores", "value", "diagnostic", "exchange", "yaml", "kind", "document", "remote", "plan", "state"],
    ),
    (
        "report",
        &["cores", "value", "diagnostic", "exchange", "yaml", "kind", "document", "plan", "state", "run"],
    ),
    ("policy", &["value", "diagnostic", "yaml", "kind", "document", "report"]),
    (
        "workspace",
        &[
            "cores",
            "value",
            "diagnostic",
            "exchange",
            "yaml",
            "kind",
            "document",
            "remote",
            "state",
            "policy",
        ],
    ),
    (
        "cli",
        &[
            "cores",
            "value",
            "diagnostic",
            "exchange",
            "yaml",
            "kind",
            "openapi",
            "document",
            "remote",
            "sandbox",
            "plan",
            "state",
            "run",
            "report",
            "policy",
            "workspace",
        ],
    ),
    ("lib", &[]),
    ("main", &["cli"]),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("the source folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("src"), &mut found);
    found.sort();
    found
}

/// The room a file belongs to.
fn room(path: &Path) -> String {
    let below = path.strip_prefix("src").expect("a file below src");
    let first = below.iter().next().expect("a name").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The text without its test modules, comments and strings of documentation.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod ").next().unwrap_or("");
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn imports_run_downward() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        let Some((_, below)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{} is in no room of the table", path.display()));
            continue;
        };
        let code = code(&text).replace("use trueup::", "crate::");
        let uses: BTreeSet<&str> = code
            .split("crate::")
            .skip(1)
            .flat_map(|rest| match rest.strip_prefix('{') {
                Some(group) => group.split('}').next().unwrap_or("").split(',').collect(),
                None => vec![rest],
            })
            .map(|name| name.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""))
            .filter(|name| ROOMS.iter().any(|(room, _)| room == name))
            .collect();
        for used in uses.into_iter().filter(|used| *used != room && !below.contains(used)) {
            wrong.push(format!("{} looks up into `{used}`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "imports must run downward:\n{}", wrong.join("\n"));
}

#[test]
fn the_plan_is_pure() {
    let forbidden = [
        "tokio",
        "reqwest",
        "std::fs",
        "std::env",
        "std::net",
        "async ",
        "println!",
        "eprintln!",
        "SystemTime",
        "Timestamp::now",
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| room(path) == "plan") {
        for word in forbidden.iter().filter(|word| code(&text).contains(*word)) {
            wrong.push(format!("{} has `{word}`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_command_line_prints() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if matches!(room(&path).as_str(), "cli" | "main") {
            continue;
        }
        for word in ["println!", "eprintln!", "print!(", "dbg!", "std::process::exit"] {
            if code(&text).contains(word) {
                wrong.push(format!("{} has `{word}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_apply_makes_a_client_that_writes() {
    for room_name in ["plan", "document", "kind", "report", "policy"] {
        for (path, text) in sources().into_iter().filter(|(path, _)| room(path) == room_name) {
            assert!(!code(&text).contains("Client::"), "{} makes a client", path.display());
        }
    }
}

#[test]
fn only_apply_asks_for_connections_that_write() {
    let asks = sources().into_iter().filter(|(_, text)| {
        [".with_writes()", ".into_writable()"].iter().any(|call| code(text).contains(call))
    });
    let asks: Vec<String> = asks.map(|(path, _)| path.to_string_lossy().replace('\\', "/")).collect();
    assert_eq!(asks, ["src/cli/apply.rs", "src/cli/demo.rs", "src/cli/run_setup.rs", "src/cli/undo.rs"]);
}

#[test]
fn no_service_is_named_in_rust() {
    let (mut names, vocabulary) = (BTreeSet::new(), vocabulary());
    for api in fs::read_dir("src/kind/builtin").expect("the built-in kinds") {
        let api = api.expect("an entry").path();
        let files: Vec<PathBuf> =
            fs::read_dir(&api).expect("an API").map(|file| file.expect("an entry").path()).collect();
        if files.is_empty() {
            continue;
        }
        names.insert(api.file_name().expect("a name").to_string_lossy().into_owned());
        for file in files {
            let text = fs::read_to_string(&file).expect("a kind");
            // field names that are nobody's ordinary word: camelCase, PascalCase or snake_case below `fields:`
            let mut in_fields = false;
            for line in text.lines() {
                if !line.starts_with(' ') {
                    in_fields = line.starts_with("fields:");
                }
                let Some((key, _)) = line.trim().split_once(':') else { continue };
                let compound = key.contains('_') || key.chars().skip(1).any(char::is_uppercase);
                let word = key.chars().all(|c| c.is_alphanumeric() || c == '_');
                if in_fields && line.starts_with("  ") && compound && word && !vocabulary.contains(key) {
                    names.insert(key.to_owned());
                }
            }
        }
    }
    assert!(names.len() > 20, "the names were found: {names:?}");
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let code = code(&text);
        for name in names.iter().filter(|name| code.contains(&format!("\"{name}\""))) {
            wrong.push(format!("{} names `{name}`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "what is known of a service is data:\n{}", wrong.join("\n"));
}

/// Words of the kind format itself.
fn vocabulary() -> BTreeSet<String> {
    fn keys(schema: &serde_json::Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema.get("properties").and_then(|all| all.as_object()) {
            found.extend(properties.keys().cloned());
        }
        let words = schema.get("const").into_iter().chain(schema.get("enum").and_then(|all| all.get(0)));
        found.extend(words.filter_map(|word| word.as_str()).map(str::to_owned));
        let inner = schema.as_object().into_iter().flat_map(|all| all.values());
        inner.chain(schema.as_array().into_iter().flatten()).for_each(|inner| keys(inner, found));
    }
    let mut found = BTreeSet::new();
    keys(&schemars::schema_for!(trueup::kind::file::KindFile).to_value(), &mut found);
    found
}

#[test]
fn values_do_not_speak() {
    for file in ["src/value.rs", "src/exchange.rs", "src/document/mod.rs", "src/plan/mod.rs"] {
        let text = fs::read_to_string(file).expect("a source file");
        for name in [
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
        ] {
            for keyword in ["enum", "struct"] {
                let Some(at) = text.find(&format!("pub {keyword} {name} {{")) else { continue };
                let derive = text[..at].rsplit("#[derive(").next().unwrap_or("");
                let derive = &derive[..derive.find(']').unwrap_or(0)];
                let own =
                    text[..at].rfind("#[derive(").is_some_and(|d| text[d..at].matches('\n').count() <= 1);
                assert!(
                    !own || !(derive.contains("Debug") || derive.contains("Serialize")),
                    "{file}: {name} speaks"
                );
            }
        }
    }
}

/// Every test function of this repository, by its name.
fn tests_there_are() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        for entry in walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("readable")) {
            if entry.path().extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            let text = fs::read_to_string(entry.path()).expect("a text");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                match line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")) {
                    Some(named) if is_test => {
                        names.extend(named.split('(').next().map(str::to_owned));
                        is_test = false;
                    }
                    Some(_) => is_test = false,
                    None => is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test"),
                }
            }
        }
    }
    names
}

/// The words in backticks that look like names of tests: several words with underscores.
fn tests_named(page: &str) -> BTreeSet<&str> {
    let words = page.split('`').skip(1).step_by(2);
    words
        .filter(|word| {
            word.contains('_')
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
        .collect()
}

#[test]
fn the_threat_model_names_tests_that_there_are() {
    let page = fs::read_to_string("docs/threat-model.md").expect("the threat model");
    let (there, mut named) = (tests_there_are(), tests_named(&page));
    // a word of the format
    named.remove("from_command");
    assert!(named.len() >= 40, "{}", named.len());
    let missing: Vec<_> = named.into_iter().filter(|name| !there.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/threat-model.md names tests that are not there: {missing:?}");
    let claims = page.lines().filter(|line| line.starts_with("- "));
    let bare: Vec<_> = claims.filter(|line| tests_named(line).is_empty()).collect();
    assert!(bare.is_empty(), "claims without a test: {bare:#?}");
}
