//! The words of operations: paths, paging, and what requests and responses hold.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::PagingFile;

/// The operations of the service.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct OperationsFile {
    /// Reads all objects of a scope.
    pub list: ListFile,
    /// Reads one object by its id.
    #[serde(default)]
    pub get: Option<ReadFile>,
    /// Reads the objects that have a natural key, by a filter of the list.
    #[serde(default)]
    pub find: Option<FindFile>,
    /// Creates an object.
    #[serde(default)]
    pub create: Option<WriteFile>,
    /// Changes an object.
    #[serde(default)]
    pub update: Option<WriteFile>,
    /// A second way to change an object, used with `--method put`.
    #[serde(default)]
    pub replace: Option<WriteFile>,
    /// Deletes an object.
    #[serde(default)]
    pub delete: Option<DeleteFile>,
    /// The version of an object. Every update and delete sends it as `If-Match`, so that the service itself refuses a write (412) over what somebody else wrote in the moment before.
    #[serde(default)]
    pub if_match: Option<IfMatchFile>,
}

/// The version of an object.
#[derive(Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum IfMatchFile {
    /// The `ETag` of the response to the `get` of an object.
    Etag,
    /// The value of this field of the object, which the service changes with every write; it is sent in quotes.
    Field(String),
}

/// The list operation.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ListFile {
    /// The path, with `{scope}` parameters.
    pub get: String,
    /// Fixed query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// The member of the response that holds the items; dots reach inwards. Without it the response is the list itself. A response that is a list is always taken as the list.
    #[serde(default)]
    pub items: Option<String>,
    /// `list` (default), or `one_or_list` where a single object, or nothing, may come instead.
    #[serde(default)]
    pub response: ListResponseShape,
    /// How further pages are requested; without it one response holds the whole list.
    #[serde(default)]
    pub paging: Option<PagingFile>,
    /// A path that answers 2xx only where the scope exists and may be seen. It is requested before an empty list is believed, because a service may answer an empty list to those who may not look.
    #[serde(default)]
    pub access_check: Option<String>,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
}

/// The response of a list operation.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ListResponseShape {
    /// A list.
    #[default]
    List,
    /// A list, one bare object, or nothing at all.
    OneOrList,
}

/// Reads one object, by a path of its own, by the list, or by the list where the path does not exist.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ReadFile {
    /// The path, with `{scope}` and `{id}` parameters.
    #[serde(default)]
    pub get: Option<String>,
    /// Query parameters added to the list operation, among them `{id}`; the item with that id is the object. With `get`, this is requested when the path answers 404 or 405.
    #[serde(default)]
    pub list_with: BTreeMap<String, String>,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
}

/// Finds objects by their natural key.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct FindFile {
    /// Query parameters added to the list operation; `{field}` is replaced by the wanted value. An item that comes back counts only when its natural key is the wanted one.
    pub query: BTreeMap<String, String>,
    /// Characters of a value that are written otherwise in this filter, and how.
    #[serde(default)]
    pub escape: BTreeMap<char, String>,
    /// Characters that this filter can't express: an object with one of them in its key is looked for in the whole list.
    #[serde(default)]
    pub except: Option<String>,
}

/// Writes one object. Exactly one of `post`, `put` and `patch` names the path.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// The path of a POST.
    #[serde(default)]
    pub post: Option<String>,
    /// The path of a PUT.
    #[serde(default)]
    pub put: Option<String>,
    /// The path of a PATCH.
    #[serde(default)]
    pub patch: Option<String>,
    /// What the body holds: the `full` object (the live object overlaid with the document) or only the `changes`.
    #[serde(default)]
    pub body: WriteBody,
    /// How objects, maps and arrays are sent when the body holds only the changes.
    #[serde(default)]
    pub nested_fields: Option<NestedFieldsFile>,
    /// What the response holds: the `object`, its `id` alone, or `none` of them.
    #[serde(default)]
    pub response: WriteResponse,
    /// When reads show a created object: `immediate` (default) or `eventual`, for instance once a mail is confirmed.
    #[serde(default)]
    pub read_after_write: ReadConsistency,
    /// An update that sends only changes, and is answered 400 about fields that it did not send, is sent once more with the live values of all required fields.
    #[serde(default)]
    pub retry_with_required: bool,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
}

/// What the body of a write holds.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WriteBody {
    /// The full object: the service resets what is left out.
    #[default]
    Full,
    /// The top-level fields that differ.
    Changes,
}

/// How objects, maps and arrays are sent in an update that sends only the changes.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct NestedFieldsFile {
    /// `whole`: a nested field that differs is sent complete. `members`: only its members that differ.
    pub granularity: NestedGranularity,
    /// Query parameters added when any nested field is sent.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Fields whose complete live value is sent too when any nested field is sent, so that a service that empties what is left out empties nothing.
    #[serde(default)]
    pub also_send: Vec<String>,
}

/// The unit in which a nested field is sent.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum NestedGranularity {
    /// The complete value of the field.
    Whole,
    /// Only the members that differ.
    Members,
}

/// The response of a write.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WriteResponse {
    /// The whole object, as a read shows it.
    #[default]
    Object,
    /// An id: bare, quoted, or in an object.
    Id,
    /// Nothing of use.
    None,
}

/// When reads show a created object.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ReadConsistency {
    /// As soon as the create is answered.
    #[default]
    Immediate,
    /// Some time after: until then it is known by the id in the response of the create, and never created again.
    Eventual,
}

/// Deletes one object.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct DeleteFile {
    /// The path of a DELETE.
    pub delete: String,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
}
