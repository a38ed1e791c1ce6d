//! The reference pages that follow from the command line and from the schemas of `trueup.yaml` and documents.
//!
//! They are written by the test that holds `docs/reference`, so the program does not carry them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};
use serde_json::Value as Json;
use trueup::cli::command_line::CommandLine;
use trueup::kind::registry::KindRegistry;
use trueup::kind::schema::WorkspaceNames;

/// The pages, by their paths below `docs/reference/`.
pub fn render_pages() -> Vec<(&'static str, String)> {
    let schemas: BTreeMap<String, Json> =
        trueup::cli::schema::build_schemas(KindRegistry::get_builtin(), &WorkspaceNames::default())
            .into_iter()
            .map(|(path, text)| (path, serde_json::from_str(&text).expect("JSON")))
            .collect();
    vec![
        ("cli.md", render_cli()),
        ("trueup-yaml.md", render_settings(&schemas["trueup.json"])),
        ("documents.md", render_documents(&schemas)),
    ]
}

// -- the command line ------------------------------------------------------------------------------------------

fn render_cli() -> String {
    let mut root = CommandLine::command().term_width(100);
    root.build();
    let mut out = String::from(
        "# Command line\n\nThis page is generated from the program. `trueup help COMMAND` prints the same.\n\n\
         Each option with a variable can be set by it; the option wins.\n",
    );
    write_options(&mut out, "Global options", &list_options(&root, true));
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        write_command(&mut out, command, "trueup");
    }
    out
}

fn write_command(out: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    let _ = writeln!(out, "\n## {name}\n");
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string);
    let about = about.unwrap_or_default();
    let end = if about.ends_with('.') { "" } else { "." };
    let _ = writeln!(out, "{about}{end}\n");
    let usage = command.clone().render_usage().to_string();
    let _ = writeln!(out, "```text\n{}\n```", usage.trim_start_matches("Usage: ").trim());
    let arguments: Vec<&Arg> = command.get_positionals().collect();
    if !arguments.is_empty() {
        out.push_str("\n| argument | meaning |\n|---|---|\n");
        for argument in arguments {
            let shown =
                argument.get_value_names().map(|names| names.iter().map(ToString::to_string).collect());
            let shown: Vec<String> = shown.unwrap_or_default();
            let _ = writeln!(out, "| `{}` | {} |", shown.join(" "), describe(argument));
        }
    }
    write_options(out, "", &list_options(command, false));
    for inner in command.get_subcommands().filter(|command| command.get_name() != "help") {
        write_command(out, inner, &name);
    }
}

fn list_options(command: &Command, global: bool) -> Vec<&Arg> {
    let options = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    let known = options.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
    known.filter(|arg| arg.is_global_set() == global).collect()
}

fn write_options(out: &mut String, title: &str, options: &[&Arg]) {
    if options.is_empty() {
        return;
    }
    if !title.is_empty() {
        let _ = writeln!(out, "\n## {title}");
    }
    out.push_str("\n| option | variable | meaning |\n|---|---|---|\n");
    for option in options {
        let variable =
            option.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        let _ = writeln!(out, "| `{}` | {variable} | {} |", spell(option), describe(option));
    }
}

/// `-o`, `--output <FILE>` as it is typed.
fn spell(option: &Arg) -> String {
    let mut names: Vec<String> = option.get_short().map(|short| format!("-{short}")).into_iter().collect();
    names.extend(option.get_long().map(|long| format!("--{long}")));
    let takes = option.get_action().takes_values();
    let values = option.get_value_names().filter(|_| takes).unwrap_or_default();
    let values: Vec<String> = values.iter().map(|name| format!("<{name}>")).collect();
    let optional = option.get_num_args().is_some_and(|range| range.min_values() == 0);
    let value = match (values.is_empty(), optional) {
        (true, _) => String::new(),
        (false, true) => format!("[={}]", values.join(" ")),
        (false, false) => format!(" {}", values.join(" ")),
    };
    // a bar would end the cell
    format!("{}{value}", names.join(", ")).replace('|', "\\|")
}

fn describe(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = escape(&help);
    let end = if help.ends_with(['.', ':']) { "" } else { "." };
    let mut parts = vec![format!("{help}{end}")];
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    // a permission that is not given
    let is_off = default == ["no"];
    if !default.is_empty() && !is_off && arg.get_action().takes_values() {
        parts.push(format!("Default: `{}`.", default.join(" ")));
    }
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set() && arg.get_action().takes_values())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({})", value.get_name(), escape(&help.to_string())),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if !possible.is_empty() {
        parts.push(format!("One of {}.", possible.join(", ")));
    }
    parts.join(" ")
}

fn escape(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|").replace('<', "&lt;")
}

// -- schemas -----------------------------------------------------------------------------------------------------

fn render_settings(schema: &Json) -> String {
    let mut out = String::from(
        "# trueup.yaml\n\nThis page is generated from [schemas/trueup.json](../../schemas/trueup.json), with which \
         editors complete and check the file.\n\nA *source* is one of `{ from_env: NAME }`, `{ from_file: PATH }`, \
         `{ from_command: [PROGRAM, ARGUMENT] }` and `{ from_secret: { PROVIDER: NAME } }`; see \
         [Secrets](../secrets.md).\n",
    );
    write_keys(&mut out, "", schema);
    out
}

fn render_documents(schemas: &BTreeMap<String, Json>) -> String {
    let mut out = String::from(
        "# Documents\n\nThis page is generated from the schemas of the kinds. The fields of `spec` are on the page of \
         each [kind](README.md).\n\nA document describes one object; one file may hold several, separated by `---`.\n",
    );
    let forms = [
        ("document", ""),
        ("objects", "Many objects of a kind in one document:"),
        ("object", "Each of these objects:"),
        ("overlay", "An overlay, which says what one object has otherwise in one environment:"),
        ("base", "A base, which documents of its kind extend:"),
    ];
    for (form, title) in forms {
        if !title.is_empty() {
            let _ = writeln!(out, "\n{title}");
        }
        let shared = collect_shared_keys(schemas, form);
        write_keys(&mut out, "", &serde_json::json!({ "properties": shared }));
    }
    out
}

/// The keys that documents of a form have, whatever their kind.
fn collect_shared_keys(schemas: &BTreeMap<String, Json>, form: &str) -> serde_json::Map<String, Json> {
    let mut shared = serde_json::Map::new();
    for (path, schema) in schemas.iter().filter(|(path, _)| path.contains('/')) {
        let keys = schema["definitions"][form]["properties"].as_object().into_iter().flatten();
        for (key, own) in keys.filter(|(_, own)| own["doNotSuggest"] != true) {
            let mut own = own.clone();
            match &**key {
                "kind" => own["description"] = "Which sort of object this is, as `api/kind`.".into(),
                "spec" | "scope" => own["properties"] = Json::Null,
                "objects" => own["additionalProperties"] = Json::Null,
                "id" => {
                    own["description"] =
                        "The service's id of the object. Without it the object is found by its natural key."
                            .into()
                }
                _ => {}
            }
            own["markdownDescription"] = Json::Null;
            let before = shared.entry(key.clone()).or_insert_with(|| own.clone());
            assert_eq!(before["description"], own["description"], "{path}: `{key}` means another thing");
        }
    }
    assert!(!shared.is_empty(), "no kind has the form {form}");
    shared
}

/// A table of the keys below a path, and of what is in them.
fn write_keys(out: &mut String, path: &str, schema: &Json) {
    let keys: Vec<(String, &Json)> = list_keys(schema);
    if keys.is_empty() {
        return;
    }
    if !path.is_empty() {
        let _ = writeln!(out, "\n## `{path}`");
    }
    out.push_str("\n| key | type | meaning |\n|---|---|---|\n");
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    for (key, own) in &keys {
        let needed = if required.contains(&&**key) { "Required. " } else { "" };
        let _ = writeln!(out, "| `{key}` | {} | {needed}{} |", name_type(own), describe_schema(own));
    }
    for (key, own) in keys {
        let below = if path.is_empty() { key } else { format!("{path}.{key}") };
        match own["type"].as_str() {
            _ if is_source(own) => {}
            Some("array") => write_keys(out, &format!("{below}[]"), &own["items"]),
            _ => write_keys(out, &below, own),
        }
    }
}

fn list_keys(schema: &Json) -> Vec<(String, &Json)> {
    let own = schema["properties"].as_object().into_iter().flatten();
    let mut keys: Vec<(String, &Json)> = own.map(|(key, value)| (key.clone(), value)).collect();
    let other = &schema["additionalProperties"];
    keys.extend(other.is_object().then(|| ("NAME".to_owned(), other)));
    keys
}

fn is_source(schema: &Json) -> bool {
    schema["properties"]["from_env"].is_object()
}

fn name_type(schema: &Json) -> String {
    let own = |schema: &Json| match &schema["type"] {
        Json::String(name) => name.clone(),
        Json::Array(names) => names.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    };
    match own(schema).as_str() {
        _ if is_source(schema) => "source".to_owned(),
        "array" => format!("list of {}", own(&schema["items"])).trim_end_matches(" of ").to_owned(),
        name => name.to_owned(),
    }
}

fn describe_schema(schema: &Json) -> String {
    let text = schema["markdownDescription"].as_str().or_else(|| schema["description"].as_str());
    let mut parts = vec![escape(text.unwrap_or_default())];
    let words = schema["enum"].as_array().or_else(|| schema["items"]["enum"].as_array());
    if let Some(words) = words {
        let words: Vec<String> =
            words.iter().filter_map(Json::as_str).map(|word| format!("`{word}`")).collect();
        parts.push(format!("One of {}.", words.join(", ")));
    }
    if !schema["default"].is_null() {
        parts.push(format!("Default: `{}`.", schema["default"]));
    }
    parts.join(" ").trim().to_owned()
}
