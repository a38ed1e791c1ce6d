//! Lists said otherwise, all of a document at once and under the guidance of the kind: the first item is changed,
//! the last is gone where what is not listed goes, and a new one is added.

use serde_json::{Map, Value as Json, json};
use trueup::kind::explain::build_example;
use trueup::kind::{ArrayType, Field, FieldType, ItemType, Kind, ListType, ScalarType, Shape};

use crate::support::new_documents::{complete, guid_of, variables};
use crate::support::sandbox_fixture::vary;
use crate::support::written_documents::WrittenDocument;

/// What was done to one list.
pub struct Stirred {
    /// The member in which the service shows it.
    pub read_as: String,
    /// The member with the row ids of its items.
    pub row: Option<String>,
    pub changed: bool,
    pub added: bool,
    pub removed: bool,
}

/// Stirs every list of objects that a document may write and has.
pub fn stir(kind: &Kind, one: &mut WrittenDocument) -> Vec<Stirred> {
    let lists = kind.shape.fields.iter().filter_map(|field| match &field.ty {
        FieldType::Array(list) if !field.behavior.read_only => match (&list.item, &list.list_type) {
            (ItemType::Object(shape), ListType::Map(keys)) => Some((field, list, shape, keys)),
            _ => None,
        },
        _ => None,
    });
    let mut stirred = Vec::new();
    for (field, list, shape, keys) in lists {
        let Some(Json::Array(items)) = one.document["spec"].get(&*field.name) else { continue };
        let count = items.len();
        let key =
            keys.iter().find(|key| !key.iter().any(|number| shape.get_field(*number).behavior.read_only));
        let new = key.and_then(|key| new_item(field, shape, key, items));
        let first = format!("/{}/0/", field.name);
        let yaml_path = one.places.iter().find(|yaml_path| yaml_path.wanted.starts_with(&first)).cloned();
        let changed = yaml_path.filter(|_| count > 0).inspect(|yaml_path| vary(one, yaml_path)).is_some();
        let items = one.document["spec"][&*field.name].as_array_mut().expect("a list");
        let removed = list.deletes_unlisted && count > 1;
        if removed {
            items.pop();
        }
        let added = new.is_some();
        items.extend(new);
        let row = list
            .item_identity()
            .and_then(|identity| identity.row_id_field())
            .map(|field| field.read_from[0].to_string());
        let read_as = field.read_from[0].to_string();
        stirred.push(Stirred { read_as, row, changed, added, removed });
    }
    let known: Vec<String> = one.variables.iter().map(|(name, _)| name.clone()).collect();
    one.variables.extend(variables(&one.document).into_iter().filter(|(name, _)| !known.contains(name)));
    stirred
}

/// The example of a list's items with a key that no item has.
fn new_item(field: &Field, shape: &Shape, key: &[u16], items: &[Json]) -> Option<Json> {
    let mut item = build_example(field)?.as_array()?.first()?.as_object()?.clone();
    complete(shape, &mut item);
    let taken = |item: &Map<String, Json>| {
        items.iter().any(|other| {
            key.iter()
                .all(|number| other[&*shape.get_field(*number).name] == item[&*shape.get_field(*number).name])
        })
    };
    // other things can only be named where they are
    let own = key.iter().map(|number| shape.get_field(*number)).find(|field| field.limits_from.is_none());
    let referred = key.iter().any(|number| is_bound(shape, *number));
    if let Some(own) = own.filter(|_| !referred) {
        let other = others(own).into_iter().find(|other| {
            item.insert(own.name.to_string(), other.clone());
            !taken(&item)
        });
        other?;
    }
    (!taken(&item)).then_some(Json::Object(item))
}

/// Whether a field beside has bounds in what this one refers to.
fn is_bound(shape: &Shape, number: u16) -> bool {
    shape
        .fields
        .iter()
        .any(|field| field.limits_from.as_ref().is_some_and(|bounds| bounds.reference_field == number))
}

/// Values that the samples do not have.
fn others(field: &Field) -> Vec<Json> {
    let guid = || json!(guid_of(&field.name));
    match &field.ty {
        FieldType::Scalar(ScalarType::Integer(_)) => vec![json!(977)],
        FieldType::Scalar(ScalarType::Decimal(_)) => vec![json!(977.25)],
        FieldType::Scalar(ScalarType::Uuid) => vec![guid()],
        FieldType::Scalar(ScalarType::Enum { values: choices, .. }) => {
            choices.iter().map(|(choice, _)| json!(&**choice)).collect()
        }
        FieldType::Scalar(ScalarType::String { .. }) => vec![json!("newcomer")],
        FieldType::Array(ArrayType { item: ItemType::Scalar(ScalarType::Uuid), .. }) => vec![json!([guid()])],
        _ => Vec::new(),
    }
}
