//! What the values of live objects show: fields that no two objects share, and masks in place of secrets.
//!
//! Values are compared and forgotten. A mask is a text that no secret looks like, so it is named.
//! Deliberately absent: members that no field describes (`fit`).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::kind::mask::is_opaque_mask;
use crate::kind::{Field, FieldType, Kind, ScalarType};
use crate::openapi::rank_identifying_name;
use crate::value::{Object, Sensitivity, Value};

/// How many objects must differ before a field is proposed as a key.
const MIN_OBJECTS: usize = 3;
/// The most masks of one field.
const MAX_MASKS: usize = 5;

/// The texts that the service shows in place of a secret.
#[derive(Serialize, JsonSchema)]
pub struct SeenMasks {
    /// The field.
    pub path: String,
    /// The masks.
    pub masks: BTreeSet<String>,
}

/// Compares the values of objects.
#[derive(Default)]
pub struct ValueTracker {
    objects: usize,
    distinct: BTreeMap<u16, HashSet<String>>,
    masks: BTreeMap<u16, BTreeSet<String>>,
}

impl ValueTracker {
    /// Looks at one more object.
    pub fn inspect_object(&mut self, kind: &Kind, object: &Object) {
        self.objects += 1;
        for field in kind.shape.fields.iter() {
            let Some(value) = object.get_field(field.number) else { continue };
            if let Value::String(text) = value
                && field.sensitivity == Sensitivity::Secret
                && is_opaque_mask(text)
            {
                let masks = self.masks.entry(field.number).or_default();
                masks.extend((masks.len() < MAX_MASKS).then(|| text.to_string()));
            }
            if is_key_candidate(kind, field) {
                let text = ScalarType::render_url_text(value, &kind.api);
                self.distinct.entry(field.number).or_default().extend((!text.is_empty()).then_some(text));
            }
        }
    }

    /// The fields that no two objects share, the likeliest key first.
    pub fn list_unique_fields(&self, kind: &Kind) -> Vec<String> {
        let differs = |field: &&Field| {
            let seen = self.distinct.get(&field.number).map_or(0, HashSet::len);
            self.objects >= MIN_OBJECTS && seen == self.objects
        };
        let own = kind.name.rsplit('/').next().unwrap_or_default();
        let fields = kind.shape.fields.iter().filter(differs);
        let ranked = fields.filter_map(|field| {
            Some((
                (!field.behavior.required, rank_identifying_name(&field.name, own)?),
                field.name.to_string(),
            ))
        });
        let mut ranked: Vec<((bool, usize), String)> = ranked.collect();
        ranked.sort();
        ranked.into_iter().map(|(_, name)| name).collect()
    }

    /// The masks of secrets that the description does not name.
    pub fn list_masks(&self, kind: &Kind) -> Vec<SeenMasks> {
        let fields = kind.shape.fields.iter().filter(|field| field.masked_as.is_empty());
        let seen = fields.filter_map(|field| Some((field, self.masks.get(&field.number)?)));
        seen.map(|(field, masks)| SeenMasks { path: field.name.to_string(), masks: masks.clone() }).collect()
    }
}

/// A string, integer or UUID that documents set and everybody may see.
fn is_key_candidate(kind: &Kind, field: &Field) -> bool {
    let scalar = matches!(
        field.ty,
        FieldType::Scalar(ScalarType::String { .. } | ScalarType::Integer(_) | ScalarType::Uuid)
    );
    let set = !field.behavior.read_only && !field.behavior.write_only;
    scalar && set && field.number != kind.identity.id && field.sensitivity == Sensitivity::Public
}
