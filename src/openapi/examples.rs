//! Samples of a draft: objects that the document shows as examples of what is read.
//!
//! Deliberately absent: values of secrets, whatever the document shows.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::openapi::document::OpenApiDocument;
use crate::openapi::flatten_schema::FlatSchema;
use crate::openapi::resource::OpenApiResource;
use crate::openapi::scope::{DraftScope, build_example_scope};
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};
use crate::openapi::{naming, sensitivity};

/// The most samples of a kind.
const MAX_EXAMPLES: usize = 3;

/// Where the samples of a kind come from.
pub struct ExampleSource<'s> {
    pub document: &'s OpenApiDocument,
    pub resource: &'s OpenApiResource,
    pub read_schema: &'s FlatSchema,
    pub id: &'s str,
    pub scope: &'s [DraftScope],
}

impl<'s> ExampleSource<'s> {
    /// The `examples` of the kind, each id once.
    pub fn build_entry(&self) -> Option<DraftEntry> {
        let mut seen = BTreeSet::new();
        let mut items: Vec<Vec<DraftEntry>> = Vec::new();
        for object in self.collect_objects() {
            let id = object.get(self.id).filter(|id| !id.is_null() && !id.is_object());
            let Some(id) = id.map(|id| naming::normalize_name(&id.to_string())) else { continue };
            if items.len() < MAX_EXAMPLES && seen.insert(id) {
                let object =
                    DraftEntry::new("object", DraftValue::Json(Json::Object(remove_secrets(object))));
                items.push(build_example_scope(self.scope)?.into_iter().chain([object]).collect());
            }
        }
        (!items.is_empty()).then(|| DraftEntry::new("examples", DraftValue::MappingList(items)))
    }

    fn collect_objects(&self) -> Vec<&'s Map<String, Json>> {
        let (resource, description) = (self.resource, self.document);
        let get = resource.item.get.as_ref().and_then(|get| get.response.media_pointer.as_deref());
        let list = resource.list.response.media_pointer.as_deref();
        let items = resource.envelope.items.as_deref().unwrap_or_default();
        let mut found: Vec<&Json> =
            get.map_or_else(Vec::new, |media| read_media_examples(description, media));
        for listed in list.map_or_else(Vec::new, |media| read_media_examples(description, media)) {
            let mut steps = items.split('.').filter(|step| !step.is_empty());
            let inner = steps.try_fold(listed, |json, step| json.get(step));
            found.extend(inner.and_then(Json::as_array).into_iter().flatten());
        }
        found.extend(self.read_schema.example.as_ref());
        found.into_iter().filter_map(Json::as_object).collect()
    }
}

/// The examples beside a schema.
fn read_media_examples<'b>(description: &'b OpenApiDocument, media: &str) -> Vec<&'b Json> {
    let one = description.find_json(&format!("{media}/example"));
    let several =
        description.list_members(&format!("{media}/examples")).into_iter().filter_map(|(_, pointer)| {
            let place = description.resolve_pointer(&pointer)?;
            description.find_json(&format!("{place}/value"))
        });
    one.into_iter().chain(several).collect()
}

/// An example without members whose names are those of secrets, at any depth.
fn remove_secrets(object: &Map<String, Json>) -> Map<String, Json> {
    let open = object.iter().filter(|(name, _)| {
        sensitivity::guess_sensitivity(name) != Some(sensitivity::DraftSensitivity::Secret)
    });
    open.map(|(name, value)| (name.clone(), remove_inner_secrets(value))).collect()
}

fn remove_inner_secrets(value: &Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(remove_secrets(members)),
        Json::Array(items) => Json::Array(items.iter().map(remove_inner_secrets).collect()),
        scalar => scalar.clone(),
    }
}
