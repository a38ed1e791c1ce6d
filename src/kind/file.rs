//! Kind format 1 as typed: what stands in `<api>/<kind>.yaml` and `<api>/api.yaml`.
//!
//! Flat, every word closed; the JSON Schemas `schemas/kind.json` and `schemas/api.json` and the reference are
//! made from these types and their comments. `check` turns them into [`super::Kind`] and [`super::Api`].
//! A new word is a field or variant here, a case in `check`, and a line in the reference (its comment).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// One sort of object of an API, described once; everything else is derived from it.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct KindFile {
    /// The version of this format: 1.
    pub format: u32,
    /// What one object is called, e.g. `Payment gateway`.
    pub title: String,
    /// What it is, in one or two sentences.
    pub is: String,
    /// Where the facts come from: the page or operation of the service's own documentation.
    #[serde(default)]
    pub source: Option<String>,
    /// Parameters of the paths that a document or its target fixes, e.g. the customer to which a gateway belongs.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ScopeParameterFile>")]
    pub scope: OrderedMap<ScopeParameterFile>,
    /// How one object is told from another.
    pub identity: IdentityFile,
    /// What tells that an object still waits for somebody, so that its empty `pending` fields wait rather than differ.
    #[serde(default)]
    pub waiting: Option<PendingWhenFile>,
    /// What the service can do with such an object.
    pub operations: OperationsFile,
    /// Fields that tell when, and by whom, an object was last edited.
    #[serde(default)]
    pub history: Option<HistoryFile>,
    /// The fields of the object, in the order in which they are written and shown.
    #[schemars(with = "BTreeMap<String, FieldFile>")]
    pub fields: OrderedMap<FieldFile>,
    /// Live objects that the sandbox starts with, as the service would answer them.
    #[serde(default)]
    pub samples: Vec<ExampleFile>,
}

/// Named things in the order in which they were written.
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

/// One path parameter.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ScopeParameterFile {
    /// Its type: `text`, `whole` or `guid`.
    #[serde(rename = "type")]
    pub ty: TypeName,
    /// What it is.
    pub is: String,
    /// Where it travels: in the `path` (default) or in the `query`.
    #[serde(default)]
    pub travels_in: ParameterLocation,
    /// A value as it could stand there.
    #[serde(default)]
    pub example: Option<serde_json::Value>,
}

/// Where a scope parameter travels.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ParameterLocation {
    /// `{name}` stands in the operation's path.
    #[default]
    Path,
    /// It is added to the query of every operation.
    Query,
}

/// How one object is told from another.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct IdentityFile {
    /// The field that holds the service's own id; it fills `{name}` in paths.
    pub id: String,
    /// Who makes that id: the `server` (default), or the `caller`, who chooses it on create.
    #[serde(default)]
    pub id_made_by: IdAssigner,
    /// The fields by which a document without `id` finds its object: exactly one live object may match. Dots reach into objects.
    #[serde(default)]
    pub natural_key: Vec<String>,
    /// The fields after which an import names documents and files; without them, or where one is empty, it is the natural key, and the id where that may not be seen. Names stand in paths and logs, so no marked field may be among them.
    #[serde(default)]
    pub named_after: Vec<String>,
}

/// What tells that an object still waits for somebody.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct PendingWhenFile {
    /// A text or choice field of the object.
    pub field: String,
    /// Its values while the object waits.
    pub values: Vec<String>,
}

/// Who makes an id.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum IdAssigner {
    /// The service, on create.
    #[default]
    Server,
    /// Whoever creates the object.
    Caller,
}

/// Fields that tell when, and by whom, an object was last edited.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct HistoryFile {
    /// The field that moves with every edit: an object in which it moved since the plan is not written.
    #[serde(default)]
    pub changed_at: Option<String>,
    /// The field that tells who edited the object last, for reports of drift.
    #[serde(default)]
    pub changed_by: Option<String>,
    /// The field with the moment at which the person behind the object last edited it, past the operator. An edit that is newer than the last one seen is shown as a conflict.
    #[serde(default)]
    pub edited_by_others_at: Option<String>,
}

/// What the service can do.
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
    /// Makes a new object.
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
    /// What tells one state of an object from the next. It goes as `If-Match` with every update and delete, so that the service itself refuses a write (412) over what somebody else wrote in the moment before.
    #[serde(default)]
    pub if_match: Option<IfMatchFile>,
}

/// What tells one state of an object from the next.
#[derive(Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum IfMatchFile {
    /// The `ETag` with which the `get` of an object is answered.
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
    /// The member of the answer that holds the items; dots reach inwards. Without it the answer is the list itself. An answer that is a list is always taken as the list.
    #[serde(default)]
    pub items: Option<String>,
    /// `list` (default), or `one_or_list` where a single object, or nothing, may come instead.
    #[serde(default)]
    pub answer: ListResponseShape,
    /// How further pages are asked for; without it the list comes whole.
    #[serde(default)]
    pub paging: Option<PagingFile>,
    /// A path that answers 2xx only where the scope exists and may be seen. It is asked before an empty list is believed, because a service may answer one to those who may not look.
    #[serde(default)]
    pub probe: Option<String>,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
}

/// What a list operation answers.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ListResponseShape {
    /// A list.
    #[default]
    List,
    /// A list, one bare object, or nothing at all.
    OneOrList,
}

/// How further pages are asked for: the number of items received so far is skipped, until the service says that there is no more. Where it says nothing (none of `has_more`, `total`, `next`), until a page comes empty, because a service may give fewer than it is asked for.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct PagingFile {
    /// The query parameter with the number of items to skip.
    pub offset: String,
    /// The query parameter with the number of items wanted.
    pub limit: String,
    /// How many items to ask for at a time.
    pub page: u32,
    /// The member of the answer that says whether there is more.
    #[serde(default)]
    pub has_more: Option<String>,
    /// The member of the answer with the number of all items.
    #[serde(default)]
    pub total: Option<String>,
    /// The member of the answer with the URL of the next page; followed on the configured origin only.
    #[serde(default)]
    pub next: Option<String>,
}

/// Reads one object, by a path of its own, by the list, or by the list where the path is not there.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ReadFile {
    /// The path, with `{scope}` and `{id}` parameters.
    #[serde(default)]
    pub get: Option<String>,
    /// Query parameters added to the list operation, among them `{id}`; the item with that id is the object. Where `get` stands too, this is asked when the path answers 404 or 405.
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
    /// Query parameters added to the list operation; `{field}` stands for the wanted value. An item that comes back is believed only when its natural key is the wanted one.
    pub query: BTreeMap<String, String>,
    /// Characters that can't be said in this filter: an object with one of them in its key is looked for in the whole list.
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
    /// What the body holds: `everything` (the live object overlaid with the document) or only the `changes`.
    #[serde(default)]
    pub sends: WriteBody,
    /// How nested fields (objects, maps, lists) travel when the body holds only the changes.
    #[serde(default)]
    pub nested: Option<NestedFieldsFile>,
    /// What comes back: the `object`, its `id` alone, or `nothing` of use.
    #[serde(default)]
    pub answer: WriteResponse,
    /// When a created object shows in reads: `at_once` (default) or `later`, for instance once a mail is confirmed.
    #[serde(default)]
    pub appears: ReadConsistency,
    /// An update that sends only changes and is answered 400 about fields that it did not send is sent once more with the live values of all required fields added.
    #[serde(default)]
    pub adds_required_when_asked: bool,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
}

/// What the body of a write holds.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WriteBody {
    /// The whole object: what is left out is reset by the service.
    #[default]
    Everything,
    /// The top-level fields that differ.
    Changes,
}

/// How nested fields travel in an update that sends only the changes.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct NestedFieldsFile {
    /// `whole`: a nested field that differs is sent complete. `parts`: only the members that differ.
    pub travels: NestedGranularity,
    /// Query parameters added when any nested field is sent.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Fields whose complete live value is sent too when any nested field is sent, so that a service that empties what is left out empties nothing.
    #[serde(default)]
    pub along: Vec<String>,
}

/// In what unit a nested field travels.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum NestedGranularity {
    /// The complete value of the field.
    Whole,
    /// Only the members that differ.
    Parts,
}

/// What a write answers.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WriteResponse {
    /// The whole object, as a read would show it.
    #[default]
    Object,
    /// An id: bare, quoted, or in an object.
    Id,
    /// Nothing of use.
    Nothing,
}

/// When a created object shows in reads.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ReadConsistency {
    /// As soon as the create is answered.
    #[default]
    AtOnce,
    /// Some time after: until then it is known by the id that the create answered, and never created again.
    Later,
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

/// One field of an object.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct FieldFile {
    /// What the value is.
    #[serde(rename = "type")]
    pub ty: TypeName,
    /// What it means, in one sentence.
    pub is: String,
    /// Who may write it and when: `required`, `optional` (default), `computed`, `create_only`, `update_only`, `write_only`; several as a list.
    #[serde(default)]
    pub access: OneOrMany<FieldBehaviorFile>,
    /// `secret` (a credential; documents name its source), `personal` (about a person) or `sensitive` (may carry credentials).
    #[serde(default)]
    pub mark: Option<SensitivityFile>,
    /// What null or a missing member means when the object is read: `null` (default, no value), `zero` (the type's own zero: false, 0, no items), `unknown` (it may be hidden) or `pending` (it may wait for somebody).
    #[serde(default)]
    pub absent: Option<AbsenceRuleFile>,
    /// How this field is cleared: with `null`, with the `empty` text, list or map, with the `zero` value, or `never`.
    #[serde(default)]
    pub clear: Option<ClearValueFile>,
    /// How two texts are compared.
    #[serde(default)]
    pub compare: Option<ComparisonRuleFile>,
    /// The member's name when it is read, where it differs; dots reach into objects.
    #[serde(default)]
    pub read_as: Option<String>,
    /// The member's name when it is written, where it differs.
    #[serde(default)]
    pub written_as: Option<String>,
    /// The value is a copy of a field of the whole object, or of a scope parameter; the tool fills it in.
    #[serde(default)]
    pub copy_of: Option<String>,
    /// `never`: not even a write of everything sends this field.
    #[serde(default)]
    pub sent: Option<NeverKeyword>,
    /// `never`: an import leaves the field out, because it is the business of somebody else. A document may still name it.
    #[serde(default)]
    pub imported: Option<NeverKeyword>,
    /// Numbers stand as `text` or as a `number` on the wire; both are always read.
    #[serde(default)]
    pub wire: Option<NumberEncoding>,
    /// The values that a `choice` may have, with what each means.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub choices: Option<OrderedMap<String>>,
    /// Whether a `choice` may have values that are not listed (a warning, not an error).
    #[serde(default)]
    pub open: bool,
    /// The keys that a `map` is known to have, with what each means; others are a warning.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub keys: Option<OrderedMap<String>>,
    /// The fields of an `object`.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, FieldFile>>")]
    pub fields: Option<OrderedMap<FieldFile>>,
    /// What each item of a `list`, or each value of a `map`, is.
    #[serde(default)]
    pub items: Option<Box<ItemFile>>,
    /// How the items of a `list` are told apart: `order`, `set`, or `key: [field, …]`; several keys are tried in turn until one is unique.
    #[serde(default)]
    pub told_apart: Option<ListTypeFile>,
    /// What a written list or map means: it is `complete` (what is not listed is removed) or an `upsert` (what is not listed stays).
    #[serde(default)]
    pub listed: Option<UnlistedItems>,
    /// A list whose items came back in another order is told, not changed.
    #[serde(default)]
    pub order_told: bool,
    /// Which items of a list a write holds: `all` (default), or only those that are new or `changed`. Where only changed ones travel, an item without its id is made anew each time it is sent, so such a write is never repeated blindly.
    #[serde(default)]
    pub items_sent: WrittenItems,
    /// The service removes items of this list not by their absence but by another list in the same body.
    #[serde(default)]
    pub removals: Option<ItemDeletionFile>,
    /// The value, or each item of a list of leaves, is the id of something else, which a document may name instead. Where such a thing is read whole, its id is the value.
    #[serde(default)]
    pub refers_to: Option<ReferenceFile>,
    /// What the value may be stands in live data: in the thing to which a field beside this one refers.
    #[serde(default)]
    pub bounded_by: Option<FieldLimitsFile>,
    /// The field decides how well the data of the object are protected. Lowering that needs a flag.
    #[serde(default)]
    pub protection: Option<ProtectionFile>,
    /// The most characters a text may have.
    #[serde(default)]
    pub max_length: Option<u32>,
    /// A value as it could stand in a document.
    #[serde(default)]
    pub example: Option<serde_json::Value>,
    /// Where the facts come from, when not the kind's own source.
    #[serde(default)]
    pub source: Option<String>,
}

/// A list through which items of another one are removed.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ItemDeletionFile {
    /// The member of the body that takes the removed items; only updates have it.
    pub through: String,
    /// The fields of each removed item that are sent there.
    pub with: Vec<String>,
}

/// What an id refers to.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ReferenceFile {
    /// The member of the thing referred to that holds its id.
    #[serde(default = "default_reference_id")]
    pub id: String,
    /// The members by which a document may name it, as in `{ name: Front desk }`: exactly one must match.
    #[serde(default)]
    pub by: Vec<String>,
    /// Where the things stand that may be referred to.
    #[serde(default)]
    pub among: Option<ReferenceSourceFile>,
}

fn default_reference_id() -> String {
    "id".into()
}

/// Where the things stand that may be referred to.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceSourceFile {
    /// In a list field of the same live object.
    Field(String),
    /// In the list at the URL that a member of a thing read whole holds; followed on the configured origin only.
    UrlIn(String),
    /// In a list of the service.
    List(Box<ListFile>),
    /// Among the objects of a kind: a document names one of the workspace, as in `{ ref: harbor }`.
    Kind(String),
}

/// Bounds that stand in live data.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct FieldLimitsFile {
    /// The field beside this one that refers to what holds the bounds.
    pub of: String,
    /// The member there with the most characters a text may have; 0 is no bound.
    #[serde(default)]
    pub max_length: Option<String>,
    /// The member there with the values allowed; dots reach into the items of a list. None listed is no bound.
    #[serde(default)]
    pub choices: Option<String>,
}

/// How well the data of the object are protected.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ProtectionFile {
    /// The values from the least to the best protection. A change from or to a value that is not listed counts as lowering, unless the field was empty.
    #[serde(default)]
    pub levels: Vec<serde_json::Value>,
}

/// What each item of a list is: a leaf type, or an object with fields.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ItemFile {
    /// The type of a leaf; left out for objects.
    #[serde(default, rename = "type")]
    pub ty: Option<TypeName>,
    /// The fields of each item.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, FieldFile>>")]
    pub fields: Option<OrderedMap<FieldFile>>,
    /// The values that a `choice` may have.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub choices: Option<OrderedMap<String>>,
    /// Whether other values than the listed ones may come.
    #[serde(default)]
    pub open: bool,
}

/// The types of values.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum TypeName {
    /// Text; stays exactly as written.
    Text,
    /// A whole number.
    Whole,
    /// A decimal number, exact.
    Decimal,
    /// True or false.
    Flag,
    /// A UUID in any spelling.
    Guid,
    /// A day, `2026-01-31`.
    Date,
    /// A moment, `2026-01-31T08:00:00Z`.
    Time,
    /// One of a few texts.
    Choice,
    /// Named fields.
    Object,
    /// Free keys with values of one type.
    Map,
    /// Items of one type.
    List,
    /// Anything; compared as a whole.
    Any,
}

/// Who may write a field and when.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum FieldBehaviorFile {
    /// A create must have it, and nothing may clear it.
    Required,
    /// May be written.
    Optional,
    /// The service sets it.
    Computed,
    /// May be set on create and never changed.
    CreateOnly,
    /// Can't be set on create; needs an update after it.
    UpdateOnly,
    /// Can be written but never reads back.
    WriteOnly,
}

/// One word or several.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// Several.
    Many(Vec<T>),
    /// One.
    One(T),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T: Copy> OneOrMany<T> {
    /// All of them.
    pub fn to_vec(&self) -> Vec<T> {
        match self {
            Self::Many(several) => several.clone(),
            Self::One(one) => vec![*one],
        }
    }
}

/// What must not be seen.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SensitivityFile {
    /// A credential: a document may only say where it comes from.
    Secret,
    /// About a person.
    Personal,
    /// May carry credentials or tell too much.
    Sensitive,
}

/// What a missing value means on read.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceRuleFile {
    /// There is no value.
    Null,
    /// It has the type's zero: `false`, `0`, all zeros, no items.
    Zero,
    /// It may be hidden: never compared, and never overwritten with nothing.
    Unknown,
    /// It may wait for somebody (a mail to confirm): never compared while it waits, and never overwritten with nothing.
    Pending,
}

/// How a value is cleared.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ClearValueFile {
    /// Null is sent.
    Null,
    /// The empty text, list or map is sent.
    Empty,
    /// The type's zero is sent.
    Zero,
    /// It can't be cleared.
    Never,
}

/// How two texts are compared.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonRuleFile {
    /// Letter by letter.
    Exact,
    /// Upper and lower case are the same.
    CaseInsensitive,
    /// Mail addresses separated by commas: blanks around commas and the case of domains do not count.
    Addresses,
}

/// Not at all.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum NeverKeyword {
    /// Under no circumstances.
    Never,
}

/// Which items of a list a write holds.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WrittenItems {
    /// All of them.
    #[default]
    All,
    /// Those that are new or differ, each with all its fields.
    Changed,
}

/// How numbers stand on the wire.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum NumberEncoding {
    /// Bare: `12.5`.
    #[default]
    Number,
    /// In quotes: `"12.5"`.
    Text,
}

/// How list items are told apart.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(untagged)]
pub enum ListTypeFile {
    /// By where they stand (`order`) or by what they are (`set`).
    Word(ListTypeName),
    /// By some of their fields.
    Keys(ListKeysFile),
}

/// The ways to tell items apart without a key.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ListTypeName {
    /// By where they stand: the list is compared item by item.
    Order,
    /// By what they are: the order means nothing.
    Set,
}

/// Fields that tell items apart.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ListKeysFile {
    /// The fields.
    pub key: Vec<String>,
    /// Tried in turn where the key before is not unique.
    #[serde(default, rename = "else")]
    pub otherwise: Vec<Vec<String>>,
}

/// What a written list or map means.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum UnlistedItems {
    /// What is not listed is removed.
    Complete,
    /// What is not listed stays.
    Upsert,
}

/// A live object for the sandbox.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ExampleFile {
    /// The scope in which it lives.
    #[serde(default)]
    pub scope: BTreeMap<String, String>,
    /// The object as the service would answer it.
    pub object: serde_json::Map<String, serde_json::Value>,
}

/// Everything about one API that its kinds share.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ApiFile {
    /// The version of this format: 1.
    pub format: u32,
    /// The service's name, e.g. `BootView`.
    pub title: String,
    /// What it is, in one or two sentences.
    pub is: String,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
    /// The base URL a target has when it names none. Without it every target must name one.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The API's own hosts. Credentials may go there without asking when the API comes with trueup; for an API of a workspace, whoever runs trueup names them in `TRUEUP_ALLOWED_HOSTS`, because a change of the repository alone must not send a credential anywhere.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The wire formats it speaks; the first is the default.
    pub formats: Vec<WireFormat>,
    /// Whether member names are read with or without regard to case.
    #[serde(default)]
    pub names: MemberNameCase,
    /// How guids are written.
    #[serde(default)]
    pub guids: UuidFormat,
    /// The ways to authenticate that this API is known to take.
    #[serde(default)]
    pub auth: Vec<AuthScheme>,
    /// The headers in which this API takes credentials, where it takes them in headers of its own.
    #[serde(default)]
    pub auth_headers: Vec<String>,
    /// Where tokens come from with `oauth_password`.
    #[serde(default)]
    pub oauth: Option<OauthFile>,
    /// How a session is opened with `login`, where the API has one.
    #[serde(default)]
    pub login: Option<ApiLoginFile>,
    /// Headers sent with every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How texts and other values are cleared, unless a field says otherwise.
    #[serde(default)]
    pub clears: ClearDefaultsFile,
    /// Where the sentences of an error answer stand.
    #[serde(default)]
    pub errors: ErrorsFile,
    /// What the API bears.
    #[serde(default)]
    pub limits: LimitsFile,
}

/// A wire format.
#[derive(Deserialize, serde::Serialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WireFormat {
    /// JSON.
    Json,
    /// ServiceStack's JSV.
    Jsv,
}

/// How member names are read.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum MemberNameCase {
    /// Letter by letter.
    #[default]
    Exact,
    /// Upper and lower case are the same.
    CaseInsensitive,
    /// Upper and lower case are the same, and a name is written as the service last spelt it.
    AsRead,
}

/// How guids are written.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum UuidFormat {
    /// `5e1f0a77-2c3d-4b4e-8f50-6172839405a6`.
    #[default]
    Hyphenated,
    /// `5e1f0a772c3d4b4e8f506172839405a6`.
    Plain,
}

/// A way to authenticate.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum AuthScheme {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: Token …`.
    Token,
    /// `Authorization: Basic …`.
    Basic,
    /// Headers of any name.
    Headers,
    /// Query parameters of any name.
    Query,
    /// A session opened with name and password.
    Login,
    /// A token from an OAuth password grant.
    OauthPassword,
    /// A token from an OAuth client credentials grant.
    OauthClientCredentials,
    /// A token from an OAuth refresh token.
    OauthRefreshToken,
}

/// How a session is opened.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ApiLoginFile {
    /// The path of the POST.
    pub post: String,
    /// The member of the body that takes the user's name.
    pub username: String,
    /// The member of the body that takes the password.
    pub password: String,
    /// The members of the answer that may hold the token, the first that is there wins; dots reach inwards.
    pub token: Vec<String>,
}

/// Where tokens come from.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct OauthFile {
    /// The client id that a target has when it names none.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The token URL for each host of the API.
    pub token_urls: BTreeMap<String, String>,
}

/// How values are cleared.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug)]
#[serde(deny_unknown_fields, default)]
pub struct ClearDefaultsFile {
    /// Texts.
    pub text: ClearValueFile,
    /// Everything else but lists and maps, which are always cleared with the empty one.
    pub other: ClearValueFile,
}

impl Default for ClearDefaultsFile {
    fn default() -> Self {
        Self { text: ClearValueFile::Null, other: ClearValueFile::Null }
    }
}

/// Where the sentences of an error answer stand. Dots reach inwards; the empty text is the answer itself.
#[derive(Deserialize, JsonSchema, Clone, Debug, Default)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorsFile {
    /// Members that hold a sentence.
    pub messages: Vec<String>,
    /// Members that hold a code.
    pub codes: Vec<String>,
    /// Members that hold a list of objects, each about a field.
    pub lists: Vec<ErrorListFile>,
    /// Members that hold an object from field names to a sentence or a list of sentences.
    pub maps: Vec<String>,
    /// Members that make an answer an error although its status is 2xx.
    pub despite_success: Vec<String>,
}

/// A list of faults in an error answer.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ErrorListFile {
    /// Where the list stands.
    pub at: String,
    /// The member of each item that names the field.
    pub field: String,
    /// The member of each item that holds the sentence.
    pub message: String,
}

/// What an API bears.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsFile {
    /// The most requests under way at once.
    pub parallelism: Option<u32>,
    /// The most requests in a second.
    pub per_second: Option<u32>,
    /// The most requests in a minute.
    pub per_minute: Option<u32>,
    /// The most requests that start at once after a rest; the rate then allows one after the other. As many as the rate when left out.
    pub burst: Option<u32>,
    /// The most bytes of one answer.
    pub answer_bytes: u64,
    /// The most pages of one list.
    pub pages: u32,
    /// Seconds until a request is given up.
    pub timeout: u32,
}

impl Default for LimitsFile {
    fn default() -> Self {
        Self {
            parallelism: None,
            per_second: None,
            per_minute: None,
            burst: None,
            answer_bytes: 64 * 1024 * 1024,
            pages: 10_000,
            timeout: 30,
        }
    }
}
