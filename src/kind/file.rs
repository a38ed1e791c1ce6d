//! Kind format 1 as Rust types: the content of `<api>/<kind>.yaml` and `<api>/api.yaml`.
//!
//! The format is flat and its vocabulary is closed. The JSON Schemas `schemas/kind.json` and `schemas/api.json`
//! and the reference are generated from these types and their comments. `check` turns them into
//! [`super::Kind`] and [`super::Api`]. A new word is a field or variant here, a case in `check`, and a line in
//! the reference.

mod api;
mod body;
mod field;
mod operations;
mod paging;

use std::collections::BTreeMap;

pub use api::{
    ApiFile, ApiLoginFile, AuthScheme, ClearDefaultsFile, ErrorListFile, ErrorsFile, LimitsFile,
    MemberNameCase, OauthFile, OperationStatusFile, UuidFormat, WireFormat,
};
pub use body::{BodyEncoding, ReadConsistency, SettleTime};
pub use field::{
    AbsenceRule, ClearValue, ComparisonRule, FieldFile, FieldLimitsFile, ItemDeletionFile, ItemFile,
    ListOrder, ListTypeName, MapTypeName, NumberEncoding, OmittedUse, ReferenceFile, ReferenceSourceFile,
    SecretReadback, SensitivityFile, TypeName, UnlistedItems, WrittenItems,
};
pub use operations::{
    DeleteFile, EmptyListForm, EmptyListSign, FindFile, IfMatchFile, ListFile, ListResponseShape, ListShows,
    NestedFieldsFile, NestedGranularity, OperationsFile, ReadFile, WriteBody, WriteFile, WriteResponse,
};
pub use paging::{PagingFile, PagingLocation, PagingStyle};
use schemars::JsonSchema;
use serde::Deserialize;

/// One kind of object of an API, described once; everything else is derived from it.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct KindFile {
    /// The version of this format: 1.
    pub format: u32,
    /// The name of one object, e.g. `Payment gateway`.
    pub title: String,
    /// What it is, in one or two sentences.
    pub description: String,
    /// Where the facts come from: the page or operation of the service's own documentation.
    #[serde(default)]
    pub source: Option<String>,
    /// Parameters of the paths that a document or its target fixes, e.g. the customer to which a gateway belongs.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ScopeParameterFile>")]
    pub scope: OrderedMap<ScopeParameterFile>,
    /// Which fields identify an object; `singleton` where each scope has exactly one object, which has no id.
    pub identity: IdentityForm,
    /// When an object waits for a person, for example for a confirmation. Its empty `pending` fields are then not compared.
    #[serde(default)]
    pub pending_when: Option<PendingWhenFile>,
    /// The values of a field with which a written object is ready; until then it is read again, as long as `read_after_write` allows.
    #[serde(default)]
    pub pending_until: Option<PendingUntilFile>,
    /// When an object counts as deleted although reads still return it.
    #[serde(default)]
    pub deleted_when: Option<DeletedWhenFile>,
    /// The operations of the service on such objects.
    pub operations: OperationsFile,
    /// What a change of an `immutable` field does: it is refused (`refuse`, default), or the object is replaced by a new one, if `--allow-replace` is given. What the document does not name is not taken over.
    #[serde(default)]
    pub replacement: ReplacementRule,
    /// Fields that hold when, and by whom, an object was last edited.
    #[serde(default)]
    pub history: Option<HistoryFile>,
    /// The fields of the object, in the order in which they are written and shown.
    #[schemars(with = "BTreeMap<String, FieldFile>")]
    pub properties: OrderedMap<FieldFile>,
    /// Known members of responses that no document manages: counters, links, states. They are never compared, shown or set; a full write sends them back as they were read, like `unknown_members`. `*` matches any characters; dots reach into fields.
    #[serde(default)]
    pub ignore_members: Vec<String>,
    /// What a full write does with members that no field describes: it sends them back as they were read (`carried`, default), or leaves them out (`dropped`) for a service that refuses them or keeps them by itself.
    #[serde(default)]
    pub unknown_members: UnknownMembers,
    /// Live objects with which the sandbox starts, as the service answers them.
    #[serde(default)]
    pub examples: Vec<ExampleFile>,
}

/// What a full write does with members that no field describes.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum UnknownMembers {
    /// They are sent back as they were read.
    #[default]
    Carried,
    /// They are left out.
    Dropped,
}

/// How an object is replaced of which an immutable field is to change.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ReplacementRule {
    /// It is not: the change is refused.
    #[default]
    Refuse,
    /// The object is deleted, then the new one is created: for a service that takes no two objects with one natural key.
    DeleteThenCreate,
    /// The new object is created, objects that refer to it are updated, then the former one is deleted.
    CreateThenDelete,
}

/// A mapping that keeps the order in which it was written.
#[derive(Clone, Debug)]
pub struct OrderedMap<T>(pub Vec<(String, T)>);

impl<T> Default for OrderedMap<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrderedMap<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrderedMapVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for OrderedMapVisitor<T> {
            type Value = OrderedMap<T>;
            fn expecting(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
                out.write_str("a mapping")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(OrderedMap(fields))
            }
        }
        deserializer.deserialize_map(OrderedMapVisitor(std::marker::PhantomData))
    }
}

/// One scope parameter.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ScopeParameterFile {
    /// Its type: `string`, `integer` or `uuid`.
    #[serde(rename = "type")]
    pub ty: TypeName,
    /// What it is.
    pub description: String,
    /// Where requests carry it: in the `path` (default) or in the `query`.
    #[serde(default, rename = "in")]
    pub location: ParameterLocation,
    /// The kind of the parent whose id the value is. A document names its parent by the name of its document, as in `{ ref: orders }`, or writes the id.
    #[serde(default)]
    pub reference: Option<ParentReferenceFile>,
    /// Without a value, an import goes through all parents.
    #[serde(default)]
    pub each: bool,
    /// A possible value.
    #[serde(default)]
    pub example: Option<serde_json::Value>,
}

/// The parent of an object.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ParentReferenceFile {
    /// The kind of the parent, as `api/kind`; it belongs to the same API.
    pub kind: String,
}

/// Where requests carry a scope parameter.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ParameterLocation {
    /// As `{name}` in the path of the operation.
    #[default]
    Path,
    /// In the query of every operation.
    Query,
}

/// What identifies an object.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(untagged)]
pub enum IdentityForm {
    /// Nothing but its scope.
    Singleton(SingletonWord),
    /// Fields.
    Fields(IdentityFile),
}

/// The only object of a scope.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug)]
#[serde(rename_all = "snake_case")]
pub enum SingletonWord {
    /// Each scope has exactly one object. It is read by `get`, whose path has no id, and there is no `list`.
    Singleton,
}

/// Which fields hold an id.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(untagged)]
pub enum IdFieldsFile {
    /// One field.
    One(String),
    /// Several, which identify an object together.
    Several(Vec<String>),
}

/// Which fields identify an object.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct IdentityFile {
    /// The field that holds the service's own id; it fills `{name}` in paths. A list of fields where several identify an object together, which the client chooses.
    pub id: IdFieldsFile,
    /// Who assigns that id: the `server` (default), or the `client`, which chooses it on create.
    #[serde(default)]
    pub id_assigned_by: IdAssigner,
    /// The fields by which a document without `id` finds its object: exactly one live object may match. Dots reach into objects.
    #[serde(default)]
    pub natural_key: Vec<String>,
    /// The fields from which an import makes the names of documents and files. The default is the natural key, and the id where the natural key is sensitive or empty. Names are part of paths and logs, so no sensitive field may be among them.
    #[serde(default)]
    pub import_name: Vec<String>,
}

/// Who assigns an id.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum IdAssigner {
    /// The service, on create.
    #[default]
    Server,
    /// The client, on create.
    Client,
}

/// When a written object is ready.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct PendingUntilFile {
    /// A string or boolean field of the object that the service sets.
    pub field: String,
    /// Its values when the object is ready.
    pub values: Vec<String>,
    /// Its values when the object will never be ready.
    #[serde(default)]
    pub failed: Vec<String>,
}

/// When an object counts as deleted.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct DeletedWhenFile {
    /// The field that says so.
    pub field: String,
    /// Its values for that; without them any value but null, false and an empty string.
    #[serde(default)]
    pub values: Vec<String>,
}

/// When an object waits for a person.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct PendingWhenFile {
    /// A string field of the object.
    pub field: String,
    /// Its values while the object waits.
    pub values: Vec<String>,
}

/// Fields that hold when, and by whom, an object was last edited.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct HistoryFile {
    /// The field that changes with every edit: an object in which it changed since the plan is not written.
    #[serde(default)]
    pub changed_at: Option<String>,
    /// The field with the name of the last editor, for reports of drift.
    #[serde(default)]
    pub changed_by: Option<String>,
    /// The field with the time at which the account owner last edited the object, past the operator. An edit newer than the last one seen is shown as a conflict.
    #[serde(default)]
    pub edited_by_others_at: Option<String>,
}

/// A live object for the sandbox.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ExampleFile {
    /// The scope in which it lives.
    #[serde(default)]
    pub scope: BTreeMap<String, String>,
    /// The object as the service answers it.
    pub object: serde_json::Map<String, serde_json::Value>,
}
