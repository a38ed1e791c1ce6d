//! No secret ever reaches a file, stdout or stderr, and nothing personal that was not asked for.
//!
//! Every marked value of every built-in kind holds a canary; so do the credentials of the target.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use trueup::diagnostic::{NamedSource, has_errors};
use trueup::kind::{FieldType, Kind, Shape, WireFormat};
use trueup::sandbox::{SandboxData, SandboxOptions, SandboxSecretMode};
use trueup::value::Sensitivity;

use super::import_fixture::{ImportFixture, each_kind, options};
use crate::support::canaries::Canaries;
use crate::support::marked_documents;

/// An fixture whose objects are full of canaries.
fn house(kind: &Arc<Kind>, canaries: &mut Canaries, secrets: SandboxSecretMode) -> ImportFixture {
    let objects = kind.examples.iter().enumerate().map(|(number, sample)| {
        let mut object = sample.object.clone();
        marked_documents::fill(
            canaries,
            &kind.shape,
            Sensitivity::Public,
            &mut object,
            &format!("live {number}"),
        );
        json!({ "scope": sample.scope, "object": object })
    });
    let data = json!({ &*kind.name: objects.collect::<Vec<Json>>() });
    let (source, mut faults) = (NamedSource::new("data.json", data.to_string()), Vec::new());
    let data = SandboxData::parse_source(&source, std::slice::from_ref(kind), &mut faults);
    assert!(!has_errors(&faults), "{}", faults[0].message);
    let options = SandboxOptions { data: Some(data), secret_mode: secrets, ..options() };
    let mut fixture = ImportFixture::with(&kind.name, WireFormat::Json, options);
    fixture.workspace.set("CREDENTIAL", canaries.word("the credential"));
    fixture
}

/// The dotted names of fields with this mark, below the names of objects and lists.
fn marked(shape: &Shape, mark: Sensitivity, above: Sensitivity, at: &str, found: &mut Vec<String>) {
    for field in &shape.fields {
        let own = above.max(field.sensitivity);
        let path = format!("{at}/{}", field.name);
        match &field.ty {
            FieldType::Object(inner) => marked(inner, mark, own, &path, found),
            FieldType::Array(list) => match &list.item {
                trueup::kind::ItemType::Object(inner) => marked(inner, mark, own, &path, found),
                trueup::kind::ItemType::Scalar(_) if own == mark => found.push(path),
                trueup::kind::ItemType::Scalar(_) => {}
            },
            _ if own == mark => found.push(path),
            _ => {}
        }
    }
}

fn everything(fixture: &ImportFixture) -> Vec<(String, Vec<u8>)> {
    let root = fixture.workspace.root().to_owned();
    let files = fixture.workspace.files().into_iter();
    files
        .map(|(path, bytes)| (path.strip_prefix(&root).unwrap_or(&path).display().to_string(), bytes))
        .collect()
}

#[test]
fn nothing_marked_is_written_unasked() {
    for secrets in [SandboxSecretMode::Clear, SandboxSecretMode::Masked, SandboxSecretMode::Hidden] {
        each_kind(|kind| {
            let mut canaries = Canaries::default();
            let fixture = house(kind, &mut canaries, secrets);
            for format in ["text", "json"] {
                for flags in [&["-vv", "--format", format][..], &["--all-fields", "-vv", "--format", format]]
                {
                    let ran = fixture.import(0, flags);
                    let found = canaries.found_in(ran.all().as_bytes());
                    assert!(found.is_empty(), "{} says {found:?}\n{}", kind.name, ran.all());
                }
            }
            for (path, bytes) in everything(&fixture) {
                let found = canaries.found_in(&bytes);
                assert!(found.is_empty(), "{} has {found:?} in {path}", kind.name);
                assert!(canaries.found_in(path.as_bytes()).is_empty(), "{path}");
            }
        });
    }
}

#[test]
fn a_secret_never_leaves_and_personal_values_do_when_asked_for() {
    let mut written = 0;
    let count = std::cell::Cell::new(0);
    each_kind(|kind| {
        let mut canaries = Canaries::default();
        let fixture = house(kind, &mut canaries, SandboxSecretMode::Clear);
        let mut secret = Vec::new();
        marked(&kind.shape, Sensitivity::Secret, Sensitivity::Public, "", &mut secret);
        let is_secret =
            |whose: &String| whose == "the credential" || secret.iter().any(|path| whose.ends_with(&**path));
        let ran = fixture.import(0, &["--personal", "-vv"]);
        let again = fixture.import(0, &["--personal", "-vv", "--format", "json"]);
        let mut all: Vec<(String, Vec<u8>)> = everything(&fixture);
        all.push(("stdout and stderr".into(), format!("{}{}", ran.all(), again.all()).into_bytes()));
        for (path, bytes) in all {
            let found = canaries.found_in(&bytes);
            let leaks: Vec<&String> = found.iter().filter(|whose| is_secret(whose)).collect();
            assert!(leaks.is_empty(), "{} has {leaks:?} in {path}", kind.name);
            count.set(count.get() + found.len());
        }
    });
    written += count.get();
    // the search does find what is there
    assert!(written > 30, "{written} canaries in files");
}

#[test]
fn a_second_import_tells_no_values() {
    each_kind(|kind| {
        let mut canaries = Canaries::default();
        let fixture = house(kind, &mut canaries, SandboxSecretMode::Clear);
        fixture.import(0, &["--personal"]);
        let mut object = kind.examples[0].object.clone();
        marked_documents::fill(&mut canaries, &kind.shape, Sensitivity::Public, &mut object, "moved");
        let id = kind.id_field().read_from[0].to_string();
        object.remove(&id);
        fixture.edit(0, Json::Object(object));
        for flags in [&["-vv"][..], &["-vv", "--format", "json"]] {
            let arguments = [&["--output", "config"], flags].concat();
            let ran = fixture.workspace.run(&fixture.command(&arguments)[..]);
            let found = canaries.found_in(ran.all().as_bytes());
            let names: Vec<&String> = found.iter().filter(|whose| !is_key(kind, whose)).collect();
            assert!(names.is_empty(), "{} says {names:?}\n{}", kind.name, ran.all());
        }
    });
}

/// Names of documents and files were made of the natural key, which was asked for.
fn is_key(kind: &Kind, whose: &str) -> bool {
    kind.list_natural_key_names().iter().any(|name| whose.ends_with(&format!("/{}", name.replace('.', "/"))))
}
