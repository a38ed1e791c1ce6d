//! A canary in every marked value: of a live object, and of the document that wants another one.
//!
//! Where the marks are is taken from the kind; no field is named here.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use trueup::kind::{ArrayType, Field, FieldType, ItemType, Kind, ListType, ScalarType, Shape};
use trueup::remote::wire;
use trueup::value::{Object, Sensitivity, Value};

use crate::support::canaries::Canaries;
use crate::support::written_documents::said;

/// Fills every marked value of an object, as the service answers it, with a canary. References and flags stay:
/// there are too few values to hide one among them.
pub fn fill(
    canaries: &mut Canaries,
    shape: &Shape,
    above: Sensitivity,
    object: &mut Map<String, Json>,
    whose: &str,
) {
    for field in &shape.fields {
        let mark = above.max(field.sensitivity);
        let whose = format!("{whose}/{}", labelled(field, mark));
        if field.copy_of.is_some() || field.reference.is_some() || !holds_marks(field, mark) {
            continue;
        }
        let Some(place) = member(object, field) else { continue };
        *place = filled(canaries, field, mark, place.take(), &whose);
    }
}

/// The name of a field, with its mark where that counts.
fn labelled(field: &Field, mark: Sensitivity) -> String {
    if mark == Sensitivity::Secret { format!("secret {}", field.name) } else { field.name.to_string() }
}

/// Whether there is a marked value in it.
fn holds_marks(field: &Field, mark: Sensitivity) -> bool {
    let inside =
        |shape: &Shape| shape.fields.iter().any(|field| holds_marks(field, mark.max(field.sensitivity)));
    match &field.ty {
        _ if mark > Sensitivity::Public => true,
        FieldType::Object(shape) => inside(shape),
        FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) => inside(shape),
        _ => false,
    }
}

/// Where a field is read from.
fn member<'o>(object: &'o mut Map<String, Json>, field: &Field) -> Option<&'o mut Json> {
    let (last, outer) = field.read_from.split_last()?;
    let mut object = object;
    for step in outer {
        object = object.entry(step.to_string()).or_insert_with(|| json!({})).as_object_mut()?;
    }
    Some(object.entry(last.to_string()).or_insert(Json::Null))
}

fn filled(canaries: &mut Canaries, field: &Field, mark: Sensitivity, old: Json, whose: &str) -> Json {
    match &field.ty {
        FieldType::Scalar(scalar_field) => scalar_canary(canaries, scalar_field, old, whose),
        FieldType::Map(map) => {
            let mut entries = Map::new();
            entries.insert(canaries.word(whose), json!(canaries.text(whose)));
            if map.value == ScalarType::Any {
                let inner = json!({ canaries.word(whose): [canaries.number(whose), canaries.word(whose)] });
                entries.insert(canaries.word(whose), inner);
            }
            if let Some((known, _)) = map.keys.first() {
                entries.insert(known.to_string(), json!(canaries.text(whose)));
            }
            Json::Object(entries)
        }
        FieldType::Object(shape) => {
            let mut object = old.as_object().cloned().unwrap_or_else(|| example(shape));
            fill(canaries, shape, mark, &mut object, whose);
            Json::Object(object)
        }
        FieldType::Array(list) => {
            let mut items = old.as_array().cloned().unwrap_or_default();
            if items.is_empty() {
                items.push(match &list.item {
                    ItemType::Object(shape) => Json::Object(example(shape)),
                    ItemType::Scalar(_) => Json::Null,
                });
            }
            for item in &mut items {
                match (&list.item, item) {
                    (ItemType::Object(shape), Json::Object(object)) => {
                        fill(canaries, shape, mark, object, whose)
                    }
                    (ItemType::Scalar(scalar_field), item) => {
                        *item = scalar_canary(canaries, scalar_field, item.take(), whose)
                    }
                    _ => {}
                }
            }
            Json::Array(items)
        }
    }
}

fn scalar_canary(canaries: &mut Canaries, scalar_field: &ScalarType, old: Json, whose: &str) -> Json {
    match scalar_field {
        ScalarType::String { max_length: None } => json!(canaries.text(whose)),
        ScalarType::String { max_length: Some(max) } if *max >= 24 => json!(canaries.word(whose)),
        ScalarType::Enum { open: true, .. } => json!(canaries.word(whose)),
        ScalarType::Integer(_) => json!(canaries.number(whose)),
        ScalarType::Decimal(_) => json!(format!("{}.25", canaries.number(whose))),
        ScalarType::Uuid => json!(canaries.guid(whose)),
        ScalarType::Date => json!(canaries.day(whose)),
        ScalarType::DateTime | ScalarType::UnixTime(_) => json!(format!("{}T01:02:03Z", canaries.day(whose))),
        ScalarType::Any => json!({ canaries.word(whose): canaries.word(whose) }),
        _ => old,
    }
}

/// An object of the fields' examples.
fn example(shape: &Shape) -> Map<String, Json> {
    let mut object = Map::new();
    for field in &shape.fields {
        if let (Some(example), Some(place)) = (&field.example, member(&mut object, field)) {
            *place = example.clone();
        }
    }
    object
}

/// How a value gets into a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// As it is, where that is allowed.
    Plain,
    Env,
    File,
    Command,
}

/// One document with everything that it needs.
pub struct MarkedDocument {
    pub document: Json,
    /// Variables by name.
    pub variables: Vec<(String, String)>,
    /// Files by name.
    pub files: Vec<(String, String)>,
}

/// The document of a live object, which wants a new canary in every marked value that may be changed; with
/// `everything` also in those that may not.
pub fn document(
    canaries: &mut Canaries,
    kind: &Arc<Kind>,
    dumped: &Json,
    (name, way, everything): (&str, Way, bool),
) -> MarkedDocument {
    let bytes = serde_json::to_vec(&dumped["object"]).expect("JSON");
    let live = wire::read_object(&bytes, trueup::kind::WireFormat::Json, kind).expect("an object");
    assert!(live.mismatches.is_empty(), "{}: {:?}", kind.name, live.mismatches);
    let marked = MarkedDocument { document: Json::Null, variables: Vec::new(), files: Vec::new() };
    let mut writer = Writer { canaries, way, everything, name, marked };
    let spec = writer.object(&kind.shape, &live.object, Sensitivity::Public, &kind.identity.natural_key);
    let mut document = json!({ "kind": &*kind.name, "name": name });
    let scope = crate::support::written_documents::scope(kind, dumped);
    if !scope.is_empty() {
        document["scope"] = Json::Object(scope);
    }
    document["spec"] = spec;
    MarkedDocument { document, ..writer.marked }
}

struct Writer<'w> {
    canaries: &'w mut Canaries,
    way: Way,
    everything: bool,
    name: &'w str,
    marked: MarkedDocument,
}

impl Writer<'_> {
    fn object(&mut self, shape: &Shape, object: &Object, above: Sensitivity, keys: &[Vec<u16>]) -> Json {
        let mut spec = Map::new();
        for field in &shape.fields {
            let below: Vec<Vec<u16>> =
                keys.iter().filter(|path| path[0] == field.number).map(|path| path[1..].to_vec()).collect();
            let mark = above.max(field.sensitivity);
            let value = object.get_field(field.number).unwrap_or(&Value::Null);
            let by_service = field.copy_of.is_some() || field.behavior.read_only;
            // what may not be said of every object, because something of the object forbids it
            let fixed = field.behavior.immutable || field.limits_from.is_some();
            match (&field.ty, value) {
                (FieldType::Object(inner), Value::Object(object)) if !below.is_empty() => {
                    let own = inner.fields.iter().filter(|f| below.iter().any(|path| path[0] == f.number));
                    let named =
                        own.filter_map(|f| Some((f.name.to_string(), said(object.get_field(f.number)?))));
                    spec.insert(field.name.to_string(), Json::Object(named.collect()));
                }
                // what finds the object, or tells the item apart, is as it is
                (_, value) if !below.is_empty() => {
                    let value = said(value);
                    let value = if mark > Sensitivity::Public { self.put(mark, value) } else { value };
                    spec.insert(field.name.to_string(), value);
                }
                _ if by_service || (fixed && !self.everything) || field.reference.is_some() => {}
                (_, value) if holds_marks(field, mark) => {
                    let wanted = self.wanted(field, mark, value);
                    spec.insert(field.name.to_string(), wanted);
                }
                _ => {}
            }
        }
        Json::Object(spec)
    }

    fn wanted(&mut self, field: &Field, mark: Sensitivity, value: &Value) -> Json {
        let whose = format!("{} wants {}", self.name, field.name);
        match (&field.ty, value) {
            (FieldType::Scalar(scalar_field), value) => {
                let new = scalar_canary(self.canaries, scalar_field, said(value), &whose);
                if mark > Sensitivity::Public { self.put(mark, new) } else { new }
            }
            (FieldType::Map(_), _) => {
                let mut entries = filled(self.canaries, field, mark, Json::Null, &whose);
                for (_, value) in entries.as_object_mut().into_iter().flatten() {
                    if value.is_string() {
                        *value = self.put(mark, value.take());
                    }
                }
                entries
            }
            (FieldType::Object(shape), Value::Object(object)) => self.object(shape, object, mark, &[]),
            (FieldType::Object(shape), _) => self.object(shape, &Object::default(), mark, &[]),
            (FieldType::Array(list), value) => self.items(list, value.items(), mark),
        }
    }

    fn items(&mut self, list: &ArrayType, items: &[Value], mark: Sensitivity) -> Json {
        let ItemType::Object(shape) = &list.item else { return items.iter().map(said).collect() };
        let by_hand = |number: &&u16| !shape.get_field(**number).behavior.read_only;
        let keys: Vec<Vec<u16>> = match &list.list_type {
            ListType::Map(keys) => keys.iter().flatten().filter(by_hand).map(|n| vec![*n]).collect(),
            _ => Vec::new(),
        };
        let objects = items.iter().filter_map(Value::as_object);
        objects.map(|object| self.object(shape, object, mark, &keys)).collect()
    }

    /// Lets a value stand in the document, or only say where it comes from. A secret never stands there.
    fn put(&mut self, mark: Sensitivity, value: Json) -> Json {
        let way = match (self.way, mark) {
            (Way::Plain, Sensitivity::Secret) => Way::Env,
            (way, _) => way,
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let number = self.marked.variables.len() + self.marked.files.len();
        let name = format!("{}_{number}", self.name.replace('-', "_"));
        match way {
            Way::Plain => value,
            Way::Env => {
                self.marked.variables.push((name.clone(), text));
                json!({ "from_env": name })
            }
            Way::File | Way::Command => {
                let path = format!("secrets/{name}");
                self.marked.files.push((path.clone(), text));
                match way {
                    Way::File => json!({ "from_file": path }),
                    _ => json!({ "from_command": ["cat", path] }),
                }
            }
        }
    }
}
