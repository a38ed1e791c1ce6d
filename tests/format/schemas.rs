//! The generated files: fresh, of the draft they claim, kind to editors, and of one mind with the checker.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value as Json, json};
use trueup::diagnostic::{NamedSource, has_errors};
use trueup::kind::reference::{self, FormatRole, UsageFile};
use trueup::kind::registry::KindRegistry;
use trueup::kind::schema::WorkspaceNames;
use trueup::kind::{ArrayType, Field, FieldType, ItemType, Kind, Shape, explain};
use trueup::value::Sensitivity;
use trueup::{document, yaml};

fn schema_files() -> BTreeMap<PathBuf, String> {
    let files = trueup::cli::schema::build_schemas(KindRegistry::get_builtin(), &WorkspaceNames::default());
    files.into_iter().map(|(path, text)| (path.into(), text)).collect()
}

fn reference_files() -> BTreeMap<PathBuf, String> {
    let mut files: BTreeMap<PathBuf, String> = reference::render_pages(KindRegistry::get_builtin())
        .into_iter()
        .map(|(path, text)| (path.into(), text))
        .collect();
    files.insert("diagnostics.md".into(), trueup::report::code_table::CodeTable::load().render_page());
    files.insert("format.md".into(), reference::render_format_page(&descriptions()).text);
    let more = crate::reference_pages::render_pages();
    files.extend(more.into_iter().map(|(path, text)| (path.into(), text)));
    files
}

/// The built-in descriptions, in which the words of the format are used.
fn descriptions() -> Vec<UsageFile> {
    let folder = Path::new("src/kind/builtin");
    let files = tree(folder).into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "yaml"));
    let used = |(path, text): (PathBuf, String)| {
        let role = if path.file_stem().is_some_and(|stem| stem == "api") {
            FormatRole::Api
        } else {
            FormatRole::Kind
        };
        UsageFile { role, source: NamedSource::new(path.to_string_lossy(), text) }
    };
    files.map(used).collect()
}

/// Every file below a folder, by its path from there.
fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let text = fs::read_to_string(&path).expect("a text file");
                found.insert(path.strip_prefix(root).expect("a file below").to_owned(), text);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

/// Holds the committed files against the generated ones, or accepts the generated ones.
fn hold(folder: &str, generated: &BTreeMap<PathBuf, String>, command: &str) {
    let folder = Path::new(folder);
    if std::env::var_os("TRUEUP_ACCEPT").is_some() {
        let _ = fs::remove_dir_all(folder);
        for (path, text) in generated {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
            fs::write(path, text).expect("the file can be written");
        }
    }
    let committed = tree(folder);
    let paths = committed.keys().chain(generated.keys());
    let mut stale: Vec<_> = paths.filter(|path| committed.get(*path) != generated.get(*path)).collect();
    stale.sort();
    stale.dedup();
    assert!(stale.is_empty(), "{} is stale: {stale:?}; run `{command}`", folder.display());
}

#[test]
fn the_committed_schemas_are_fresh() {
    hold("schemas", &schema_files(), "cargo run -- schema");
}

#[test]
fn the_committed_reference_is_fresh() {
    hold("docs/reference", &reference_files(), "TRUEUP_ACCEPT=1 cargo test --test format schemas");
}

#[test]
fn every_word_of_the_kind_format_has_an_example() {
    let bare = reference::render_format_page(&descriptions()).missing_examples;
    assert!(bare.is_empty(), "no description uses these, so examples.yaml must: {bare:#?}");
}

#[test]
fn every_written_example_is_of_a_word_and_uses_it() {
    let written: BTreeMap<String, String> =
        serde_yaml::from_str(include_str!("../../src/kind/reference/examples.yaml"))
            .expect("a mapping of texts");
    let page = reference::render_format_page(&descriptions()).text;
    for (word, example) in written {
        let first = example.lines().next().unwrap_or_default();
        assert!(page.contains(first), "{word} is no word of the format: its example stands nowhere");
        let parsed: Json = serde_yaml::from_str(&example).unwrap_or_else(|error| panic!("{word}: {error}"));
        let used = word.rsplit('.').next().unwrap_or_default();
        assert!(parsed.to_string().contains(&format!("\"{used}\"")), "the example of {word} does not use it");
    }
}

// -- the schemas themselves ------------------------------------------------------------------------------------

/// All schemas compiled together, so that references between them are followed; compiling holds each against
/// the draft that it claims.
struct Compiled {
    schemas: Schemas,
    by_path: BTreeMap<String, SchemaIndex>,
}

fn compiled() -> Compiled {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let files: Vec<(String, Json)> = schema_files()
        .into_iter()
        .map(|(path, text)| {
            (path.to_string_lossy().replace('\\', "/"), serde_json::from_str(&text).expect("JSON"))
        })
        .collect();
    let url = |path: &str| format!("https://schemas.example/{path}");
    for (path, schema) in &files {
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#", "{path}");
        compiler.add_resource(&url(path), schema.clone()).expect("a resource");
    }
    let by_path = files
        .iter()
        .map(|(path, _)| {
            let index = compiler.compile(&url(path), &mut schemas);
            (path.clone(), index.unwrap_or_else(|error| panic!("{path} is no schema: {error:#}")))
        })
        .collect();
    Compiled { schemas, by_path }
}

impl Compiled {
    fn check(&self, path: &str, value: &Json) -> Result<(), String> {
        let index = self.by_path.get(path).unwrap_or_else(|| panic!("there is no {path}"));
        self.schemas.validate(value, *index).map_err(|error| format!("{error:#}"))
    }

    /// What the two schemas that serve a kind say, which must be the same.
    fn document(&self, kind: &Kind, value: &Json) -> Result<(), String> {
        let own = self.check(&format!("{}.json", kind.name), value);
        let chosen = self.check("document.json", value);
        assert_eq!(own.is_ok(), chosen.is_ok(), "document.json and {} disagree about {value:#}", kind.name);
        own
    }
}

#[test]
fn no_default_is_null() {
    fn nulls(at: &str, value: &Json, found: &mut Vec<String>) {
        match value {
            Json::Object(map) => {
                if map.get("default").is_some_and(Json::is_null) {
                    found.push(at.to_owned());
                }
                map.iter().for_each(|(key, inner)| nulls(&format!("{at}/{key}"), inner, found));
            }
            Json::Array(items) => items.iter().for_each(|inner| nulls(at, inner, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (path, text) in schema_files() {
        nulls(&path.to_string_lossy(), &serde_json::from_str(&text).expect("JSON"), &mut found);
    }
    assert!(found.is_empty(), "a null default silently ends completion in editors: {found:#?}");
}

#[test]
fn every_offered_property_says_what_it_is() {
    fn silent(at: &str, value: &Json, root: &Json, found: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Json::as_object) {
            for (name, schema) in properties {
                // a field that several forms of a document have is defined once
                let definition = schema["$ref"].as_str().and_then(|own| own.strip_prefix('#'));
                let schema = definition.map_or(schema, |own| root.pointer(own).expect("a definition"));
                let said = schema.get("description").is_some_and(|text| text != "");
                if !said
                    && schema.get("doNotSuggest").is_none()
                    && !at.ends_with("/if")
                    && !at.contains("/if/")
                {
                    found.push(format!("{at}/{name}"));
                }
            }
        }
        match value {
            Json::Object(map) => {
                for (key, inner) in map {
                    let at = format!("{at}/{key}");
                    // a property may be called `properties`
                    match inner.as_object().filter(|_| key == "properties") {
                        Some(named) => named
                            .iter()
                            .for_each(|(name, inner)| silent(&format!("{at}/{name}"), inner, root, found)),
                        None => silent(&at, inner, root, found),
                    }
                }
            }
            Json::Array(items) => items.iter().for_each(|inner| silent(at, inner, root, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (path, text) in schema_files() {
        let schema: Json = serde_json::from_str(&text).expect("JSON");
        silent(&path.to_string_lossy(), &schema, &schema, &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_built_in_descriptions_fit_their_own_schemas() {
    let compiled = compiled();
    for used in descriptions() {
        let value: Json = serde_yaml::from_str(&used.source.text).expect("YAML");
        let path = if used.role == FormatRole::Api { "api.json" } else { "kind.json" };
        if let Err(error) = compiled.check(path, &value) {
            panic!("{}: {error}", used.source.path);
        }
        let mut wrong = value.clone();
        wrong["titel"] = "x".into();
        assert!(compiled.check(path, &wrong).is_err(), "{} with a wrong key", used.source.path);
    }
}

#[test]
fn settings_take_sources_and_no_credentials() {
    let compiled = compiled();
    let settings = |auth: Json| json!({ "targets": { "harbor": { "api": "bootview", "auth": auth } } });
    let env = json!({ "from_env": "TOKEN" });
    for right in [
        json!({ "bearer": env }),
        json!({ "bearer": { "from_command": ["pass", "show", "harbor"] } }),
        json!({ "basic": { "username": env, "password": { "from_file": "secret.txt" } } }),
        json!({ "headers": { "x-api-key": env } }),
        json!({ "login": { "username": env, "password": env, "sends": "bearer" } }),
        json!({ "login": { "username": env, "password": env, "sends": { "header": "X-Token" } } }),
    ] {
        let checked = compiled.check("trueup.json", &settings(right.clone()));
        assert!(checked.is_ok(), "{right}: {}", checked.unwrap_err());
    }
    for wrong in [
        json!({ "bearer": "topsecret" }),
        json!({ "bearer": { "from_env": "A", "from_file": "b" } }),
        json!({ "bearer": {} }),
        json!({ "bearer": null }),
        json!({ "barer": env }),
        json!({ "basic": { "username": env } }),
        json!({ "login": { "username": env, "password": env, "sends": "somehow" } }),
    ] {
        assert!(compiled.check("trueup.json", &settings(wrong.clone())).is_err(), "{wrong} passes");
    }
}

// -- documents: the schema and the checker are of one mind -----------------------------------------------------

/// What `validate` says of a document.
fn checked(value: &Json) -> bool {
    let source = NamedSource::new("sample.yaml", yaml::write_yaml(value));
    let mut faults = Vec::new();
    let documents = document::read_documents(&source, KindRegistry::get_builtin(), &mut faults);
    documents.len() == 1 && !has_errors(&faults)
}

struct Judge {
    compiled: Compiled,
    kind: Arc<Kind>,
}

impl Judge {
    fn accepts(&self, why: &str, value: &Json) {
        if let Err(error) = self.compiled.document(&self.kind, value) {
            panic!("{why}: the schema refuses\n{}{error}", yaml::write_yaml(value));
        }
        assert!(
            checked(value),
            "{why}: the schema accepts what the checker refuses\n{}",
            yaml::write_yaml(value)
        );
    }

    fn refuses(&self, why: &str, value: &Json) {
        let accepted = self.compiled.document(&self.kind, value).is_ok();
        assert!(!accepted, "{why}: the schema accepts\n{}", yaml::write_yaml(value));
        assert!(
            !checked(value),
            "{why}: the checker accepts what the schema refuses\n{}",
            yaml::write_yaml(value)
        );
    }
}

fn each_kind(judge: impl Fn(&Judge, Json)) {
    let mut compiled = Some(compiled());
    for name in KindRegistry::get_builtin().kind_names() {
        let kind = KindRegistry::get_builtin().find_kind(name).expect("a kind without faults");
        let sample = findable(&kind, explain::build_document_example(&kind));
        let one = Judge { compiled: compiled.take().expect("the schemas"), kind };
        judge(&one, sample);
        compiled = Some(one.compiled);
    }
}

/// The sample of a kind, with an id, so that parts of it can be taken away.
fn findable(kind: &Kind, mut sample: Json) -> Json {
    let id = kind.id_field();
    sample["id"] = id.example.clone().expect("an id has an example");
    if let Some(spec) = sample["spec"].as_object_mut() {
        spec.remove(&*id.name);
    }
    sample
}

/// Looks at a field with its mark, and a way to put a value in its place.
type Look<'l> = dyn FnMut(&Field, Sensitivity, &dyn Fn(Json) -> Json) + 'l;

/// Calls `judge` with every field below `spec`, and with documents in which a value stands in its place.
fn each_field(kind: &Kind, sample: &Json, judge: &mut Look) {
    fn fields(shape: &Shape, mark: Sensitivity, put: &dyn Fn(&str, Json) -> Json, judge: &mut Look) {
        for field in &shape.fields {
            let mark = mark.max(field.sensitivity);
            judge(field, mark, &|value| put(&field.name, value));
            match &field.ty {
                _ if explain::is_set_by_service(field) => {}
                FieldType::Object(inner) => {
                    fields(inner, mark, &|name, value| put(&field.name, json!({ name: value })), judge);
                }
                FieldType::Array(ArrayType { item: ItemType::Object(inner), .. }) => {
                    let item =
                        explain::build_example(field).map_or_else(|| json!({}), |list| list[0].clone());
                    let put_item = |name: &str, value: Json| {
                        let mut item = item.clone();
                        item[name] = value;
                        put(&field.name, json!([item]))
                    };
                    fields(inner, mark, &put_item, judge);
                }
                _ => {}
            }
        }
    }
    let put = |name: &str, value: Json| {
        let mut document = sample.clone();
        document["spec"][name] = value;
        document
    };
    fields(&kind.shape, Sensitivity::Public, &put, judge);
}

#[test]
fn the_samples_of_every_kind_pass() {
    each_kind(|judge, sample| {
        judge.accepts("the sample", &sample);
        let mut little = sample.clone();
        little["spec"] = json!({});
        judge.accepts("an object that is found by its id", &little);
        let mut gone = little.clone();
        gone["state"] = "absent".into();
        gone.as_object_mut().expect("a mapping").remove("spec");
        judge.accepts("an object that is to go", &gone);
    });
}

#[test]
fn wrong_envelopes_fail() {
    each_kind(|judge, sample| {
        for word in ["kind", "name", "spec"] {
            let mut without = sample.clone();
            without.as_object_mut().expect("a mapping").remove(word);
            judge.refuses(&format!("no {word}"), &without);
        }
        for (word, value) in [
            ("kind", json!("nobody/nothing")),
            ("name", json!("")),
            ("name", json!(["a"])),
            ("protect", json!("maybe")),
            ("state", json!("gone")),
            ("id", json!({ "a": 1 })),
            ("scope", json!({ "nowhere": 1 })),
            ("spec", json!("text")),
            ("spec", json!(null)),
            ("sepc", json!({})),
        ] {
            let mut wrong = sample.clone();
            wrong[word] = value;
            judge.refuses(word, &wrong);
        }
    });
}

#[test]
fn a_document_says_which_object_it_is() {
    each_kind(|judge, mut sample| {
        sample["spec"] = json!({});
        sample.as_object_mut().expect("a mapping").remove("id");
        judge.refuses("neither id nor natural key", &sample);
        if let [path] = judge.kind.identity.natural_key.as_slice()
            && let [number] = path.as_slice()
        {
            sample["spec"] = json!({ (&*judge.kind.shape.get_field(*number).name): " " });
            judge.refuses("an empty natural key", &sample);
        }
        let id = judge.kind.id_field();
        sample["spec"] = json!({ (&*id.name): id.example });
        judge.accepts("the id in the spec", &sample);
    });
}

#[test]
fn every_field_takes_what_it_is_and_nothing_else() {
    each_kind(|judge, sample| {
        let kind = Arc::clone(&judge.kind);
        let mut seen = 0;
        each_field(&kind, &sample, &mut |field, mark, with| {
            seen += 1;
            if explain::is_set_by_service(field) {
                judge.refuses(&field.name, &with(json!("x")));
                return;
            }
            // an id must be the one at the top, so only its own example fits
            if let Some(example) = explain::build_example(field) {
                judge.accepts(&field.name, &with(example));
            }
            let wrong = match &field.ty {
                FieldType::Scalar(trueup::kind::ScalarType::Any) => None,
                FieldType::Scalar(_) => Some(json!([[]])),
                FieldType::Object(_) | FieldType::Map(_) => Some(json!([1])),
                FieldType::Array(_) => Some(json!("text")),
            };
            if let Some(wrong) = wrong {
                judge.refuses(&field.name, &with(wrong));
            }
            if mark == Sensitivity::Secret {
                judge.refuses(&field.name, &with(json!("topsecret")));
                judge.refuses(&field.name, &with(json!({ "from_env": "A", "from_file": "b" })));
                judge.refuses(&field.name, &with(json!({ "from_evn": "A" })));
                judge.accepts(&field.name, &with(json!({ "from_file": "secrets/a.txt" })));
                judge.accepts(&field.name, &with(json!({ "from_command": ["pass", "show", "a"] })));
            }
        });
        assert!(seen > 5, "{} fields", seen);
    });
}

#[test]
fn a_quoted_flag_is_one_and_a_word_is_none() {
    let seen = std::cell::Cell::new(0);
    each_kind(|judge, sample| {
        let kind = Arc::clone(&judge.kind);
        each_field(&kind, &sample, &mut |field, _, with| {
            let is_flag = matches!(&field.ty, FieldType::Scalar(trueup::kind::ScalarType::Boolean));
            if !is_flag || explain::is_set_by_service(field) {
                return;
            }
            for flag in [json!(true), json!("true"), json!("False"), json!("FALSE")] {
                judge.accepts(&field.name, &with(flag));
            }
            for other in [json!("yes"), json!("on"), json!(" true"), json!(1), json!("tRUE")] {
                judge.refuses(&field.name, &with(other));
            }
            seen.set(seen.get() + 1);
        });
    });
    assert!(seen.get() > 1, "{} flags", seen.get());
}

/// Where a service keeps what a list does not name, an empty list is a mistake, unless it clears the items.
#[test]
fn a_list_that_nothing_empties_has_an_item() {
    let kind = "
format: 1
title: Boat
description: A boat.
identity: { id: id, natural_key: [code] }
operations:
  list: { get: /boats, items: items }
  update: { put: '/boats/{id}', body: full }
properties:
  id: { type: string, description: The id., read_only: true }
  code: { type: string, description: The code., required: true }
  tags: { type: array, description: Tags., list_type: set, unlisted_items: keep, items: { type: string } }
  notes:
    type: array
    description: Notes.
    list_type: map
    list_keys: [[day]]
    unlisted_items: keep
    clear_item_fields: [text]
    items:
      properties:
        day: { type: integer, description: The day., required: true }
        text: { type: string, description: The text. }
";
    let api = "format: 1\ntitle: Depot\ndescription: Boats.\nformats: [json]\n";
    let files = [("apis/depot/api.yaml", api), ("apis/depot/boat.yaml", kind)];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files.to_vec(), &mut faults);
    assert!(!has_errors(&faults), "{:?}", faults.iter().map(|own| &own.message).collect::<Vec<_>>());
    let schema = trueup::kind::schema::build_document_schema(
        &registry.find_kind("depot/boat").expect("a kind"),
        &WorkspaceNames::default(),
    );
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("boat.json", schema.to_value()).expect("a schema");
    let index = compiler.compile("boat.json", &mut schemas).expect("a schema");
    for (field, value, is_right) in [
        ("tags", json!([]), false),
        ("tags", json!(null), false),
        ("tags", json!(["a"]), true),
        ("notes", json!([]), true),
        ("notes", json!(null), true),
    ] {
        let document = json!({ "kind": "depot/boat", "name": "a", "spec": { "code": "A", field: value } });
        assert_eq!(schemas.validate(&document, index).is_ok(), is_right, "{field} {value} in the schema");
        let source = NamedSource::new("a.yaml", yaml::write_yaml(&document));
        let mut faults = Vec::new();
        document::read_documents(&source, &registry, &mut faults);
        assert_eq!(!has_errors(&faults), is_right, "{field} {value} in the check");
    }
}

#[test]
fn null_is_for_what_can_be_cleared() {
    each_kind(|judge, sample| {
        let kind = Arc::clone(&judge.kind);
        each_field(&kind, &sample, &mut |field, _, with| {
            if explain::is_set_by_service(field) || field.behavior.identifier {
                return;
            }
            match explain::can_be_cleared(field) {
                true => judge.accepts(&field.name, &with(Json::Null)),
                false => judge.refuses(&field.name, &with(Json::Null)),
            }
        });
    });
}

#[test]
fn an_unknown_field_fails_everywhere() {
    each_kind(|judge, sample| {
        let mut wrong = sample.clone();
        wrong["spec"]["noSuchField"] = 1.into();
        judge.refuses("in spec", &wrong);
        let kind = Arc::clone(&judge.kind);
        each_field(&kind, &sample, &mut |field, _, with| {
            let wrong = match &field.ty {
                _ if explain::is_set_by_service(field) => return,
                FieldType::Object(_) => json!({ "noSuchField": 1 }),
                FieldType::Array(ArrayType { item: ItemType::Object(_), .. }) => {
                    let mut list = explain::build_example(field).expect("a list of objects has an example");
                    list[0]["noSuchField"] = 1.into();
                    list
                }
                _ => return,
            };
            judge.refuses(&field.name, &with(wrong));
        });
    });
}

#[test]
fn list_items_must_be_distinguished() {
    each_kind(|judge, sample| {
        let kind = Arc::clone(&judge.kind);
        each_field(&kind, &sample, &mut |field, _, with| {
            let FieldType::Array(list) = &field.ty else { return };
            let trueup::kind::ListType::Map(_) = &list.list_type else { return };
            judge.refuses(&field.name, &with(json!([{}])));
        });
    });
}

// -- examples --------------------------------------------------------------------------------------------------

/// The documents of an example: the text of each file, and what stands in it.
fn written_in(folder: &Path) -> Vec<(PathBuf, String, Vec<Json>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.join("config")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                open.push(entry);
                continue;
            }
            let text = fs::read_to_string(&entry).expect("a text");
            let documents = serde_yaml::from_multiple(&text).expect("documents");
            found.push((entry, text, documents));
        }
    }
    found
}

/// What is wrong with a document once someone has been at it.
fn spoilt(document: &Json) -> Vec<(&'static str, Json)> {
    let with = |at: &[&str], value: Json| {
        let mut spoilt = document.clone();
        let (last, above) = at.split_last().expect("a place");
        let place = above.iter().fold(&mut spoilt, |place, step| &mut place[*step]);
        place[*last] = value;
        spoilt
    };
    vec![
        ("an unknown field", with(&["spec", "nosuchField"], json!(1))),
        ("an unknown key", with(&["sepc"], json!({}))),
        ("no kind", with(&["kind"], json!("bootview/payment-gate"))),
        ("no name", with(&["name"], json!(null))),
        ("a spec of another type", with(&["spec"], json!(["a"]))),
        ("an id of another type", with(&["id"], json!({ "a": 1 }))),
    ]
}

#[test]
fn the_examples_pass_and_spoilt_ones_fail_both() {
    let compiled = compiled();
    let mut seen = 0;
    for example in ["quickstart", "bootview", "carrierx"] {
        let folder = Path::new("examples").join(example);
        let settings = fs::read_to_string(folder.join("trueup.yaml")).expect("settings");
        let settings: Json = serde_yaml::from_str(&settings).expect("YAML");
        compiled.check("trueup.json", &settings).unwrap_or_else(|error| panic!("{example}: {error}"));
        for (path, text, documents) in written_in(&folder) {
            let source = NamedSource::new(path.to_string_lossy(), text);
            let mut faults = Vec::new();
            let read = document::read_documents(&source, KindRegistry::get_builtin(), &mut faults);
            assert!(faults.is_empty() && read.len() == documents.len(), "{}", path.display());
            for document in documents {
                seen += 1;
                if let Err(error) = compiled.check("document.json", &document) {
                    panic!("{}: {error}", path.display());
                }
                for (why, spoilt) in spoilt(&document) {
                    assert!(compiled.check("document.json", &spoilt).is_err(), "{}: {why}", path.display());
                    assert!(!checked(&spoilt), "{}: {why}", path.display());
                }
            }
        }
    }
    assert!(seen >= 6, "the examples hold {seen} documents");
}

/// A value that stands as an example in a description stands in the right place of a document.
#[test]
fn the_example_of_every_field_passes() {
    each_kind(|judge, sample| {
        for field in judge.kind.shape.fields.iter().filter(|field| !field.behavior.read_only) {
            let Some(example) = explain::build_example(field).filter(|_| field.copy_of.is_none()) else {
                continue;
            };
            let mut alone = sample.clone();
            alone["spec"] = json!({ (&*field.name): example });
            judge.accepts(&format!("{} with {} alone", judge.kind.name, field.name), &alone);
            items_are_whole(field, &explain::build_example(field).expect("an example"));
        }
    });
}

/// Whoever copies an example into a new object must not hear that it lacks something.
fn items_are_whole(field: &Field, example: &Json) {
    let FieldType::Array(list) = &field.ty else { return };
    let ItemType::Object(shape) = &list.item else { return };
    for item in example.as_array().expect("items") {
        let needed = shape.fields.iter().filter(|inner| inner.behavior.required && !inner.behavior.read_only);
        for inner in needed {
            assert!(item.get(&*inner.name).is_some(), "the example of {} lacks {}", field.name, inner.name);
        }
    }
}

/// The description that the reference shows whole is one.
#[test]
fn the_description_in_the_reference_is_whole() {
    let page = fs::read_to_string("docs/reference/format.md").expect("the reference");
    let blocks = page.split("```yaml\n# apis/").skip(1).filter_map(|rest| rest.split("```").next());
    let files: Vec<(String, String)> = blocks
        .map(|block| {
            let (path, text) = block.split_once('\n').expect("a path and a text");
            (format!("apis/{path}"), text.to_owned())
        })
        .collect();
    assert_eq!(files.len(), 2);
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files, &mut faults);
    let reported: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
    assert!(faults.is_empty(), "{reported:#?}");
    assert!(registry.find_kind("depot/bay").is_some());
}
