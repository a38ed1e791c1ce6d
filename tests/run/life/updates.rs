//! Changes: of every field that may be written, to nothing and back, one object each; of lists, item by item;
//! and none where none is asked for. Whatever a document does not name stays as it is.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use trueup::kind::explain::build_example;
use trueup::kind::{
    AbsenceRule, ArrayType, ClearValue, Field, FieldType, ItemType, Kind, ListType, ScalarType, WireFormat,
    WriteBody,
};
use trueup::sandbox::SandboxOptions;
use trueup::value::Sensitivity;

use super::changed_lists::stir;
use crate::support::new_documents::{bare, complete_within, kinds, plain, variables};
use crate::support::sandbox_fixture::{SandboxFixture, differing, options};
use crate::support::written_documents::WrittenDocument;

const APPLY: [&str; 4] = ["apply", "--auto-approve", "--allow-lower-protection", "--allow-rename"];
const SETTLED: [&str; 4] = ["plan", "--detailed-exitcode", "--allow-lower-protection", "--allow-rename"];

/// How many objects a field can choose from; as many as a kind has samples.
const CHOICE: usize = 4;

/// The fields that an update may change.
fn writable(kind: &Kind) -> Vec<&Field> {
    let is =
        |field: &&Field| !field.behavior.read_only && !field.behavior.immutable && field.copy_of.is_none();
    kind.shape.fields.iter().filter(is).collect()
}

/// Whether a document can ask for nothing. What is not listed stays in some lists, so those are never empty.
fn is_clearable(field: &Field) -> bool {
    let stays = match &field.ty {
        FieldType::Array(list) => !list.deletes_unlisted,
        FieldType::Map(map) => !map.deletes_unlisted,
        _ => false,
    };
    !field.behavior.required && field.clear_with != ClearValue::Nothing && !stays
}

/// What shows nothing may be hidden; that there is nothing must be said, or a write of the whole is refused.
fn may_be_hidden(field: &Field, object: &Json) -> bool {
    (field.when_absent, field.sensitivity) == (AbsenceRule::Hidden, Sensitivity::Secret)
        && is_blank(&object[&*field.read_from[0]])
}

fn is_blank(live: &Json) -> bool {
    live.is_null() || [json!(""), json!([]), json!({})].contains(live)
}

/// Lets each document say one field of its object alone, of the first of a few objects that can be reported to be
/// otherwise there.
fn say(
    fixture: &mut SandboxFixture,
    whole: &[WrittenDocument],
    said: &dyn Fn(&Field, &Json) -> Option<Json>,
) -> Vec<(usize, String)> {
    let kind = Arc::clone(&fixture.kind);
    let (dump, supplies) = (fixture.dump(), must_supply_secrets(&kind));
    let (mut documents, mut fields) = (Vec::new(), Vec::new());
    for (turn, field) in writable(&kind).into_iter().enumerate() {
        let live = |number: usize| &dump[number]["object"][&*field.read_from[0]];
        let mut reported =
            (turn * CHOICE..(turn + 1) * CHOICE).filter_map(|n| Some((n, said(field, live(n))?)));
        let Some((number, value)) = reported.next() else { continue };
        let id = fixture.id(number);
        let mut document = json!({ "kind": &*kind.name, "name": format!("o-{number}"), "id": id });
        if !kind.scope.is_empty() {
            document["scope"] = dump[number]["scope"].clone();
        }
        let mut spec = Map::from_iter([(field.name.to_string(), value)]);
        complete_within(field, &mut spec);
        for hidden in kind.shape.fields.iter().filter(|one| may_be_hidden(one, &dump[number]["object"])) {
            spec.entry(&*hidden.name).or_insert(Json::Null);
        }
        let mut secrets = Vec::new();
        if supplies {
            for own in kind.shape.fields.iter().filter(|own| holds_secret(own)) {
                secrets.extend(supply_secret(own, &whole[number], &mut spec));
            }
        }
        document["spec"] = Json::Object(spec);
        let mut variables = variables(&document);
        variables.retain(|(name, _)| secrets.iter().all(|(own, _)| own != name));
        variables.extend(secrets);
        documents.push(WrittenDocument { document, variables, places: Vec::new(), cleared: Vec::new() });
        fields.push((number, format!("/{}", field.read_from[0])));
    }
    std::fs::remove_dir_all(fixture.workspace.path("config")).expect("documents to replace");
    fixture.documents = documents;
    fixture.write();
    fields
}

/// Where an object is not what it was: what moves by itself, and what was and is nothing, left out.
fn moved(kind: &Kind, before: &Json, after: &Json) -> Vec<String> {
    let (before, after) = (&before["object"], &after["object"]);
    let by_itself = kind.history.changed_at.map(|at| format!("/{}", kind.shape.get_field(at).read_from[0]));
    let still_nothing = |at: &str| [before, after].iter().all(|side| side.pointer(at).is_none_or(is_blank));
    let mut moved = differing(before, after);
    moved.retain(|at| by_itself.as_ref() != Some(at) && !still_nothing(at));
    moved
}

/// Applies, and holds that of each object nothing but its field has changed.
fn only(fixture: &SandboxFixture, fields: &[(usize, String)]) {
    let before = fixture.dump();
    fixture.workspace.expect(0, &APPLY);
    let after = fixture.dump();
    for (number, field) in fields {
        let moved = moved(&fixture.kind, &before[*number], &after[*number]);
        let within = |at: &String| at == field || at.starts_with(&format!("{field}/"));
        assert!(!moved.is_empty(), "{} {field} has changed", fixture.kind.name);
        assert!(moved.iter().all(within), "{} {field} alone: {moved:?}", fixture.kind.name);
    }
    fixture.workspace.expect(0, &SETTLED);
}

/// A value of the field that is not the live one: its example, else one like it.
fn another(field: &Field, live: &Json) -> Option<Json> {
    let example = build_example(field)?;
    let other = match (&field.ty, &example) {
        _ if field.sensitivity == Sensitivity::Secret || is_blank(live) => return Some(example),
        (FieldType::Scalar(ScalarType::Boolean), Json::Bool(_)) => json!(live == &json!(false)),
        (FieldType::Scalar(ScalarType::String { .. }), Json::String(text)) => json!(format!("{text}-2")),
        _ => example.clone(),
    };
    let same = |said: &Json| plain(said) == plain(bare(field, live));
    [example, other].into_iter().find(|said| !same(said))
}

/// Supplies what a whole document says of a field with secrets, with the values of its variables.
fn supply_secret(
    field: &Field,
    whole: &WrittenDocument,
    spec: &mut Map<String, Json>,
) -> Vec<(String, String)> {
    let Some(own) = whole.document["spec"].get(&*field.name) else { return Vec::new() };
    if spec.contains_key(&*field.name) {
        return Vec::new();
    }
    spec.insert(field.name.to_string(), own.clone());
    let named: Vec<String> = variables(own).into_iter().map(|(name, _)| name).collect();
    whole.variables.iter().filter(|(name, _)| named.contains(name)).cloned().collect()
}

fn holds_secret(field: &Field) -> bool {
    let is_secret = |field: &Field| field.sensitivity == Sensitivity::Secret;
    match &field.ty {
        FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) => {
            shape.fields.iter().any(is_secret)
        }
        _ => is_secret(field),
    }
}

/// Whether a document of this kind must supply secrets that it does not change.
fn must_supply_secrets(kind: &Kind) -> bool {
    let is_full = kind.operations.update.as_ref().is_none_or(|update| update.body == WriteBody::Full);
    is_full && kind.shape.fields.iter().any(holds_secret)
}

#[test]
fn every_field_to_nothing_and_to_its_example() {
    for kind in kinds() {
        let fields = writable(&kind);
        let count = Some(fields.len() * CHOICE);
        let mut fixture =
            SandboxFixture::with(&kind.name, WireFormat::Json, SandboxOptions { count, ..options() });
        let whole = std::mem::take(&mut fixture.documents);
        let cleared = say(&mut fixture, &whole, &|field, live| {
            (is_clearable(field) && !is_blank(live)).then_some(Json::Null)
        });
        only(&fixture, &cleared);
        let after = fixture.dump();
        for (number, field) in &cleared {
            assert!(after[*number]["object"].pointer(field).is_some_and(is_blank), "{} {field}", kind.name);
        }
        let written = say(&mut fixture, &whole, &another);
        only(&fixture, &written);
        assert_eq!(written.len(), fields.len(), "{}: each field", kind.name);
    }
}

#[test]
fn nothing_is_sent_where_everything_is_said_as_it_is() {
    for kind in kinds() {
        for format in &kind.api.formats {
            let fixture =
                SandboxFixture::with(&kind.name, *format, SandboxOptions { count: Some(9), ..options() });
            let before = fixture.dump();
            fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes: 9 objects"]);
            fixture.workspace.expect(0, &APPLY).says(&["No changes: 9 objects"]);
            assert!(fixture.writes().is_empty() && fixture.dump() == before, "{}", kind.name);
        }
    }
}

#[test]
fn every_scalar_said_otherwise_changes_alone() {
    for kind in kinds() {
        let count = 40;
        let options = SandboxOptions { count: Some(count), ..options() };
        let mut fixture = SandboxFixture::with(&kind.name, WireFormat::Json, options);
        fixture.edit(0, json!({ "zzStranger": { "kept": [1, "2", null] } }));
        let spots = fixture.vary(0, 1);
        let before = fixture.dump();
        fixture.workspace.expect(0, &APPLY);
        let after = fixture.dump();
        for (number, yaml_path) in &spots {
            let moved = moved(&kind, &before[*number], &after[*number]);
            assert_eq!(moved, std::slice::from_ref(&yaml_path.live), "{} {}", kind.name, yaml_path.wanted);
        }
        assert_eq!(fixture.writes().len(), count, "{}: each object is written once", kind.name);
        fixture.workspace.expect(0, &SETTLED);
    }
}

/// The items of a list as the service has them, by their row ids where they have any.
fn rows(list: &Json, row: Option<&str>) -> Vec<String> {
    let items = list.as_array().expect("a list").iter();
    items.filter_map(|item| Some(item[row?].to_string())).collect()
}

#[test]
fn lists_change_item_by_item() {
    let (mut changed, mut added, mut removed) = (0, 0, 0);
    for kind in kinds() {
        let mut fixture = SandboxFixture::with(&kind.name, WireFormat::Json, options());
        let mut one = fixture.documents.remove(1);
        let lists = stir(&kind, &mut one);
        fixture.documents = vec![one];
        fixture.write();
        if lists.is_empty() {
            continue;
        }
        let (before, others) = (fixture.dump()[1].clone(), [fixture.dump()[0].clone()]);
        fixture.workspace.expect(0, &APPLY);
        let dump = fixture.dump();
        assert_eq!((fixture.writes().len(), &dump[..1]), (1, &others[..]), "{}: one write", kind.name);
        let fields: Vec<String> = lists.iter().map(|list| format!("/{}/", list.read_as)).collect();
        for at in moved(&kind, &before, &dump[1]) {
            assert!(fields.iter().any(|field| at.starts_with(field)), "{} {at} was not asked for", kind.name);
        }
        for list in &lists {
            let (was, is) = (&before["object"][&*list.read_as], &dump[1]["object"][&*list.read_as]);
            let count = |list: &Json| list.as_array().map_or(0, Vec::len);
            let wanted = count(was) + usize::from(list.added) - usize::from(list.removed);
            assert_eq!(count(is), wanted, "{} {}", kind.name, list.read_as);
            assert_eq!(list.changed, was[0] != is[0], "{} {}", kind.name, list.read_as);
            let (was, is) = (rows(was, list.row.as_deref()), rows(is, list.row.as_deref()));
            let kept = was.len() - usize::from(list.removed && list.row.is_some());
            assert_eq!(
                is.get(..kept),
                was.get(..kept),
                "{} {}: rows keep their ids",
                kind.name,
                list.read_as
            );
            changed += usize::from(list.changed);
            added += usize::from(list.added);
            removed += usize::from(list.removed);
        }
        fixture.workspace.expect(0, &SETTLED);
    }
    assert!(changed > 5 && added > 5 && removed > 4, "{changed} changed, {added} added, {removed} removed");
}

#[test]
fn another_order_of_items_is_no_change() {
    let mut turned = 0;
    for kind in kinds() {
        let mut fixture = SandboxFixture::with(&kind.name, WireFormat::Json, options());
        for one in &mut fixture.documents {
            for field in kind.shape.fields.iter().filter(|field| is_set(field)) {
                if let Some(Json::Array(items)) = one.document["spec"].get_mut(&*field.name) {
                    turned += usize::from(items.len() > 1);
                    items.reverse();
                }
            }
        }
        fixture.write();
        fixture.workspace.expect(0, &SETTLED).says(&["No changes"]);
    }
    assert!(turned > 5, "there are such lists");
}

/// Whether the order of a list's items means nothing.
fn is_set(field: &Field) -> bool {
    matches!(&field.ty, FieldType::Array(list) if !matches!(list.list_type, ListType::Atomic))
}

#[test]
fn a_full_put_says_the_same() {
    for kind in kinds().iter().filter(|kind| kind.operations.replace.is_some()) {
        let options = SandboxOptions { count: Some(9), ..options() };
        let mut fixture = SandboxFixture::with(&kind.name, WireFormat::Json, options);
        let spots = fixture.vary(0, 1);
        let before = fixture.dump();
        fixture.workspace.expect(0, &[&APPLY[..], &["--method", "put"]].concat());
        let after = fixture.dump();
        for (number, yaml_path) in &spots {
            let moved = moved(kind, &before[*number], &after[*number]);
            assert_eq!(moved, std::slice::from_ref(&yaml_path.live), "{} {}", kind.name, yaml_path.wanted);
        }
        assert!(fixture.writes().iter().all(|entry| entry.method == "PUT"));
        fixture.workspace.expect(0, &SETTLED);
    }
}
