//! Documents written from live objects, under the guidance of the kind and naming none: everything that a
//! document may say, as it is, with a note of every value that could be said otherwise.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use trueup::kind::{
    ArrayType, ClearValue, ComparisonRule, Field, FieldType, ItemType, Kind, ListType, NumberEncoding,
    ScalarType, ScopeParameter, Shape,
};
use trueup::value::{Object, Sensitivity, Value};

/// One document and what can be changed in it.
pub struct WrittenDocument {
    pub document: Json,
    /// Variables that its slots name, with their values.
    pub variables: Vec<(String, String)>,
    pub places: Vec<Spot>,
    /// Where in the live object it asks for nothing: nothing there may become empty.
    pub cleared: Vec<String>,
}

/// A place that a document may say otherwise.
#[derive(Clone)]
pub struct Spot {
    /// In the document's `spec`.
    pub wanted: String,
    /// In the live object.
    pub live: String,
    pub say: Say,
}

/// What to say instead.
#[derive(Clone)]
pub enum Say {
    Value(Json),
    /// Another value of a variable.
    Variable(String, String),
    /// One item less.
    Less,
}

/// Writes the document of one object.
pub fn document(kind: &Arc<Kind>, name: &str, scope: &Map<String, Json>, object: &Object) -> WrittenDocument {
    let mut writer = Writer { name, variables: Vec::new(), places: Vec::new(), cleared: Vec::new() };
    let at = At { wanted: String::new(), live: String::new() };
    let keys: Vec<Vec<u16>> = kind.identity.natural_key.clone();
    let spec = writer.object(&kind.shape, object, &keys, &at);
    let mut document = json!({ "kind": &*kind.name, "name": name });
    if !scope.is_empty() {
        document["scope"] = Json::Object(scope.clone());
    }
    document["spec"] = spec;
    WrittenDocument { document, variables: writer.variables, places: writer.places, cleared: writer.cleared }
}

/// A value of a value as a document says it.
pub fn said(value: &Value) -> Json {
    match value {
        Value::Null | Value::Object(_) => Json::Null,
        Value::Boolean(flag) => json!(flag),
        Value::Integer(number) => json!(number),
        Value::Decimal(number) => {
            let digits = number.normalize().to_string();
            let whole = digits.parse::<i64>().map(|whole| json!(whole));
            whole.unwrap_or_else(|_| json!(digits.parse::<f64>().expect("a number")))
        }
        Value::Uuid(guid) => json!(guid.hyphenated().to_string()),
        Value::String(text) | Value::Number(text) | Value::KnownAfterApply(text) => json!(&**text),
        Value::Date(date) => json!(date.to_text()),
        Value::DateTime(time) => json!(time.to_text()),
        Value::Array(items) => items.iter().map(said).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.to_string(), said(value))).collect())
        }
    }
}

/// The scope parameters of a kind, by what the sandbox says of an object.
pub fn scope(kind: &Kind, dumped: &Json) -> Map<String, Json> {
    let value = |scope: &ScopeParameter| (scope.name.to_string(), dumped["scope"][&*scope.name].clone());
    kind.scope.iter().map(value).collect()
}

struct Writer<'k> {
    name: &'k str,
    variables: Vec<(String, String)>,
    places: Vec<Spot>,
    cleared: Vec<String>,
}

#[derive(Clone)]
struct At {
    wanted: String,
    live: String,
}

impl At {
    fn field(&self, field: &Field) -> Self {
        let live: String = field.read_from.iter().map(|step| format!("/{}", escaped(step))).collect();
        Self {
            wanted: format!("{}/{}", self.wanted, escaped(&field.name)),
            live: format!("{}{live}", self.live),
        }
    }

    fn step(&self, step: &str) -> Self {
        let step = escaped(step);
        Self { wanted: format!("{}/{step}", self.wanted), live: format!("{}/{step}", self.live) }
    }
}

fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

impl Writer<'_> {
    /// `keys` are paths to what finds the object or tells the item apart; they are said and never changed.
    fn object(&mut self, shape: &Shape, object: &Object, keys: &[Vec<u16>], at: &At) -> Json {
        let mut said = Map::new();
        for field in &shape.fields {
            let below: Vec<Vec<u16>> = keys
                .iter()
                .filter(|path| path.first() == Some(&field.number))
                .map(|path| path[1..].to_vec())
                .collect();
            let set_by_service = field.copy_of.is_some() || (field.behavior.read_only && below.is_empty());
            let value = object.get_field(field.number).unwrap_or(&Value::Null);
            if set_by_service || field.behavior.write_only {
                continue;
            }
            if let Some(value) = self.field(field, value, &below, &at.field(field)) {
                said.insert(field.name.to_string(), value);
            }
        }
        Json::Object(said)
    }

    fn field(&mut self, field: &Field, value: &Value, keys: &[Vec<u16>], at: &At) -> Option<Json> {
        let fixed = !keys.is_empty() || field.behavior.immutable || field.behavior.read_only;
        match (&field.ty, value) {
            (_, Value::Null) => {
                let clears = !field.behavior.required && field.clear_with != ClearValue::Nothing && !fixed;
                clears.then(|| {
                    self.cleared.push(at.live.clone());
                    Json::Null
                })
            }
            (FieldType::Object(shape), Value::Object(object)) if fixed => {
                Some(self.object_of_keys(shape, object, keys))
            }
            (FieldType::Object(shape), Value::Object(object)) => Some(self.object(shape, object, &[], at)),
            (FieldType::Map(_), Value::Map(entries)) => {
                for (key, value) in entries {
                    if !matches!(value, Value::Map(_) | Value::Array(_)) {
                        let at = at.step(key);
                        let say = Say::Value(json!("said otherwise"));
                        self.places.push(Spot { wanted: at.wanted, live: at.live, say });
                    }
                }
                Some(said(value))
            }
            (FieldType::Array(list), Value::Array(items)) => Some(self.list(list, items, fixed, at)),
            (FieldType::Scalar(scalar_field), value) => {
                Some(self.scalar_field(field, scalar_field, value, fixed, at))
            }
            _ => None,
        }
    }

    /// Only what finds the object.
    fn object_of_keys(&mut self, shape: &Shape, object: &Object, keys: &[Vec<u16>]) -> Json {
        let named = keys.iter().filter_map(|path| {
            let field = shape.get_field(*path.first()?);
            Some((field.name.to_string(), said(object.get_field(field.number)?)))
        });
        Json::Object(named.collect())
    }

    fn list(&mut self, list: &ArrayType, items: &[Value], fixed: bool, at: &At) -> Json {
        let keys: Vec<Vec<u16>> = match &list.list_type {
            ListType::Map(keys) => keys.iter().flatten().map(|number| vec![*number]).collect(),
            _ => Vec::new(),
        };
        let written = items.iter().enumerate().map(|(index, item)| match (&list.item, item) {
            (ItemType::Object(shape), Value::Object(object)) => {
                self.item(shape, object, &keys, &at.step(&index.to_string()))
            }
            (_, item) => said(item),
        });
        let written: Vec<Json> = written.collect();
        if let (false, true, Some(last)) = (fixed, list.deletes_unlisted, items.len().checked_sub(1)) {
            let at = at.step(&last.to_string());
            self.places.push(Spot { wanted: at.wanted, live: at.live, say: Say::Less });
        }
        Json::Array(written)
    }

    /// A row's own id is left out: the keys tell rows apart, as they do in a document written by hand.
    fn item(&mut self, shape: &Shape, object: &Object, keys: &[Vec<u16>], at: &At) -> Json {
        let by_hand = |path: &&Vec<u16>| !shape.get_field(path[0]).behavior.read_only;
        let keys: Vec<Vec<u16>> = keys.iter().filter(by_hand).cloned().collect();
        self.object(shape, object, &keys, at)
    }

    fn scalar_field(
        &mut self,
        field: &Field,
        scalar_field: &ScalarType,
        value: &Value,
        fixed: bool,
        at: &At,
    ) -> Json {
        let other = (!fixed && field.reference.is_none() && field.limits_from.is_none())
            .then(|| otherwise(field, scalar_field, value))
            .flatten();
        if field.sensitivity != Sensitivity::Secret {
            if let Some(other) = other {
                let say = Say::Value(other);
                self.places.push(Spot { wanted: at.wanted.clone(), live: at.live.clone(), say });
            }
            return said(value);
        }
        let variable = format!("SECRET_{}_{}", self.name.replace('-', "_"), self.variables.len());
        let text = value.as_str().expect("secrets are texts").to_owned();
        if !fixed {
            let say = Say::Variable(variable.clone(), format!("{text} otherwise"));
            self.places.push(Spot { wanted: at.wanted.clone(), live: at.live.clone(), say });
        }
        self.variables.push((variable.clone(), text));
        json!({ "from_env": variable })
    }
}

/// Another value that the field takes.
fn otherwise(field: &Field, scalar_field: &ScalarType, value: &Value) -> Option<Json> {
    Some(match (scalar_field, value) {
        (ScalarType::String { .. }, _) if field.compare == ComparisonRule::Addresses => {
            json!("otherwise@example.org")
        }
        (ScalarType::String { max_length: max }, Value::String(text)) => {
            let other = format!("{text} – said \"otherwise\", {{really}}: 1");
            json!(other.chars().take(max.map_or(usize::MAX, |max| max as usize)).collect::<String>())
        }
        (ScalarType::Integer(_), Value::Integer(number)) => json!(number + 1),
        (ScalarType::Decimal(NumberEncoding::Number | NumberEncoding::String), Value::Decimal(_)) => {
            json!(77.25)
        }
        (ScalarType::Boolean, Value::Boolean(flag)) => json!(!flag),
        (ScalarType::Date, _) => json!("2031-02-03"),
        (ScalarType::Enum { values: choices, .. }, Value::String(text)) => {
            let (other, _) = choices.iter().find(|(choice, _)| **choice != **text)?;
            json!(&**other)
        }
        _ => return None,
    })
}
