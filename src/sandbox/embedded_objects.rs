//! What ids refer to: the things that a service knows besides the objects of its kinds.
//!
//! A thing that stands whole in a sample is kept, answered whole wherever an object is read, and listed at the
//! URL that it names. Of a list of things that no sample shows only the ids are known, from the objects that
//! use them; such a thing is named after its id. Deliberately absent: writing things.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::WireValue;
use crate::kind::{Field, FieldReference, FieldType, ReferenceSource};
use crate::sandbox::raw_body;
use crate::value::Value;

/// A thing that stood whole where its id is the value.
#[derive(Clone)]
pub struct EmbeddedObject {
    /// The name of the field.
    pub field: Arc<str>,
    pub id: Value,
    /// As JSON.
    pub raw: Box<str>,
}

/// The things that stood whole, by field and id.
#[derive(Default)]
pub struct EmbeddedObjects {
    pub by_field: BTreeMap<Arc<str>, Vec<(Value, Box<str>)>>,
}

impl EmbeddedObjects {
    /// Keeps a thing, over the one with the same id.
    pub fn insert_object(&mut self, whole: EmbeddedObject) {
        let things = self.by_field.entry(whole.field).or_default();
        match things.iter_mut().find(|(id, _)| *id == whole.id) {
            Some((_, raw)) => *raw = whole.raw,
            None => things.push((whole.id, whole.raw)),
        }
    }

    /// What an id is answered as: the whole thing, where this field is read whole. `base` is where the API is.
    pub fn expand_reference(&self, field: &Field, id: &Value, base: &str) -> Option<WireValue> {
        let (refers, things) = (field.reference.as_ref()?, self.by_field.get(&field.name)?);
        let FieldType::Scalar(scalar) = &field.ty else { return None };
        if *id == Value::Null {
            return None;
        }
        let Some((_, raw)) = things.iter().find(|(own, _)| own == id) else {
            return Some(WireValue::Object(vec![(refers.id.to_string(), scalar.encode_value(id))]));
        };
        Some(render_embedded(raw, refers, base))
    }
}

/// A whole thing, its URL leading here.
pub fn render_embedded(raw: &str, refers: &FieldReference, base: &str) -> WireValue {
    let mut wire = raw_body::parse_json(raw).map_or(WireValue::Null, raw_body::RawBodyValue::into_wire);
    if let (WireValue::Object(members), Some(ReferenceSource::UrlIn(at))) = (&mut wire, &refers.source) {
        for (_, value) in members.iter_mut().filter(|(name, _)| **name == **at) {
            if let WireValue::String(url) = value {
                *url = format!("{base}{}", extract_path(url));
            }
        }
    }
    wire
}

/// The path of a URL, or of what is only a path.
pub fn extract_path(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned())
}
