//! What a service and a workspace hold, so that two histories can be compared: ids that the service made stand
//! as numbers in the order in which they appear, and when things were written is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use trueup::kind::{FieldType, Kind, ScalarType};
use uuid::Uuid;

use crate::support::sandbox_fixture::SandboxFixture;

/// The objects of a service. `known` holds what was there before, and keeps its ids.
pub fn state(fixture: &SandboxFixture, known: &Json) -> Json {
    settled(vec![(&fixture.kind, Json::Array(fixture.dump()))], known)[0].take()
}

/// The same of several kinds.
pub fn settled(dumps: Vec<(&Kind, Json)>, known: &Json) -> Json {
    let mut all = Vec::new();
    for (kind, mut objects) in dumps {
        for object in objects.as_array_mut().into_iter().flatten() {
            without_times(kind, &mut object["object"]);
        }
        all.push(objects);
    }
    let mut objects = Json::Array(all);
    let mut old = BTreeSet::new();
    guids(known, &mut |guid| old.extend([guid]));
    let mut numbers = BTreeMap::new();
    guids(&objects, &mut |guid| {
        let next = numbers.len();
        if !old.contains(&guid) {
            numbers.entry(guid).or_insert(next);
        }
    });
    numbered(&mut objects, &numbers);
    objects
}

fn without_times(kind: &Kind, object: &mut Json) {
    let times = kind.shape.fields.iter().filter(|field| {
        field.behavior.read_only && matches!(field.ty, FieldType::Scalar(ScalarType::DateTime))
    });
    for field in times {
        if let Some(members) = object.as_object_mut() {
            members.remove(&*field.read_from[0]);
        }
    }
}

fn guids(json: &Json, found: &mut dyn FnMut(Uuid)) {
    match json {
        Json::String(text) => text.parse().into_iter().for_each(found),
        Json::Array(items) => items.iter().for_each(|item| guids(item, found)),
        Json::Object(members) => members.values().for_each(|value| guids(value, found)),
        _ => {}
    }
}

fn numbered(json: &mut Json, numbers: &BTreeMap<Uuid, usize>) {
    match json {
        Json::String(text) => {
            if let Some(number) = text.parse().ok().and_then(|guid: Uuid| numbers.get(&guid)) {
                *json = json!(format!("made {number}"));
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| numbered(item, numbers)),
        Json::Object(members) => members.values_mut().for_each(|value| numbered(value, numbers)),
        _ => {}
    }
}

/// What the workspace remembers of its objects.
pub fn index(fixture: &SandboxFixture) -> Vec<Json> {
    let path = fixture.workspace.path(".trueup/index.json");
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let index: Json = serde_json::from_str(&text).expect("an index");
    index["objects"].as_array().expect("objects").clone()
}
