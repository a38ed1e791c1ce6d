//! The words of operations: paths, paging, and what requests and responses hold.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{BodyEncoding, PagingFile, ReadConsistency};
use crate::exchange::Method;

/// The operations of the service.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct OperationsFile {
    /// Reads all objects of a scope. Without it, each object is read by its id alone, and an import names ids.
    #[serde(default)]
    pub list: Option<ListFile>,
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
    /// Further ways to change an object, each for `fields` that no other operation takes.
    #[serde(default)]
    pub updates: Vec<WriteFile>,
    /// A second way to change an object, used with `--method put`.
    #[serde(default)]
    pub replace: Option<WriteFile>,
    /// Deletes an object.
    #[serde(default)]
    pub delete: Option<DeleteFile>,
    /// The version of an object. Every update and delete sends it as `If-Match`, so that the service refuses a write (412) if another client changed the object since the last read.
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
#[derive(Deserialize, JsonSchema, Clone, Debug, Default)]
#[serde(deny_unknown_fields)]
pub struct ListFile {
    /// The path of a GET, with `{scope}` parameters.
    #[serde(default)]
    pub get: String,
    /// The path of a POST that finds objects and changes nothing, in place of `get`. It is sent by `plan` too, so for an API of a workspace its URL has to be allowed outside the repository, in `TRUEUP_ALLOWED_SEARCH_URLS`.
    #[serde(default)]
    pub post: Option<String>,
    /// The members of the body of `post`; the text `{name}` alone is the value of a scope parameter.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// Fixed query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// The member of the response that holds the items; dots reach inwards. Without it the response is the list itself. A response that is a list is always taken as the list.
    #[serde(default)]
    pub items: Option<String>,
    /// The items are an object instead of a list: each member is one of them, and its name is the value of this field.
    #[serde(default)]
    pub keyed_by: Option<String>,
    /// `list` (default), or `one_or_list` where a single object, or nothing, may come instead.
    #[serde(default)]
    pub response: ListResponseShape,
    /// What the items are: the `object` (default), or a `summary` with its id and natural key. Then each object that is needed is read by `get`.
    #[serde(default)]
    pub shows: ListShows,
    /// Responses that mean an empty list: statuses such as 404, and `absent` where the member `items` may be missing.
    #[serde(default)]
    pub none: Vec<EmptyListSign>,
    /// How further pages are requested; without it one response holds the whole list.
    #[serde(default)]
    pub paging: Option<PagingFile>,
    /// The values that fields of an object have when it belongs to this kind; `*` matches any characters. Other items of the list are ignored. `{name}` is the value of a scope parameter, where one list has the objects of all scopes.
    #[serde(default)]
    pub only: BTreeMap<String, Vec<String>>,
    /// The values that mark an object which the service creates itself; `*` matches any characters, and one match is enough. Such an object is never reported as unmanaged, imported only when it is named, and never deleted.
    #[serde(default)]
    pub built_in: BTreeMap<String, Vec<String>>,
    /// A path that answers 2xx only where the scope exists and may be seen. It is requested before an empty list is accepted, because a service may return an empty list to a client without access.
    #[serde(default)]
    pub access_check: Option<String>,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
}

impl ListFile {
    /// The path, by whatever verb.
    pub fn path(&self) -> &str {
        self.post.as_deref().unwrap_or(&self.get)
    }

    /// How it is read.
    pub fn method(&self) -> Method {
        if self.post.is_some() { Method::Search } else { Method::Get }
    }

    /// The texts in the body.
    pub fn list_body_texts(&self) -> Vec<&str> {
        let mut open: Vec<&serde_json::Value> = self.body.iter().collect();
        let mut texts = Vec::new();
        while let Some(node) = open.pop() {
            match node {
                serde_json::Value::String(text) => texts.push(&**text),
                serde_json::Value::Array(items) => open.extend(items),
                serde_json::Value::Object(members) => open.extend(members.values()),
                _ => {}
            }
        }
        texts
    }
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

/// What the items of a list are.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ListShows {
    /// The objects, as a read of each shows them.
    #[default]
    Object,
    /// Less of each: at least the id and the natural key.
    Summary,
}

/// A response that means an empty list.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(untagged)]
pub enum EmptyListSign {
    /// A response with this status.
    Status(u16),
    /// A response of another form.
    Form(EmptyListForm),
}

/// The form of a response that means an empty list.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum EmptyListForm {
    /// The member with the items is missing.
    Absent,
}

/// Reads one object: by a path, by the list, or by the list if the path does not exist.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ReadFile {
    /// The path, with `{scope}` and `{id}` parameters.
    #[serde(default)]
    pub get: Option<String>,
    /// The member of the response that holds the object; dots reach inwards, and a list of one counts as that one.
    #[serde(default)]
    pub response_member: Option<String>,
    /// Fixed query parameters of the path.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
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
    /// Characters that this filter cannot express. An object with one of them in its key is searched in the whole list.
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
    /// The fields that this update takes, where there are several; `update` takes the others.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The member of the body that holds the object; dots reach inwards, and `[]` at the end makes it a list of one.
    #[serde(default)]
    pub request_member: Option<String>,
    /// The member of the response that holds the object, or its id; dots reach inwards, and a list of one counts as that one.
    #[serde(default)]
    pub response_member: Option<String>,
    /// How the body is encoded: in the format of the API (default), as a `form`, as a JSON `merge_patch` (RFC 7396), or as a `json_patch` (RFC 6902).
    #[serde(default)]
    pub encoding: BodyEncoding,
    /// Fixed query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// How objects, maps and arrays are sent when the body holds only the changes.
    #[serde(default)]
    pub nested_fields: Option<NestedFieldsFile>,
    /// What the response holds: the `object`, its `id` alone, its URL in the header `Location`, or `none` of them.
    #[serde(default)]
    pub response: WriteResponse,
    /// When reads show what was written: `immediate` (default), `{ within: 10s }`, or for a create `eventual`, for instance once a mail is confirmed.
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
    /// The URL of the object in the header `Location`; its last segment is the id.
    Location,
    /// Nothing of use.
    None,
}

/// Deletes one object.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct DeleteFile {
    /// The path of a DELETE.
    pub delete: String,
    /// Fixed query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// The body, where the service needs one.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
}
