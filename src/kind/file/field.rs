//! The words of a field: its type, who may write it, how it is read, compared, cleared and written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ListFile, OrderedMap};

/// One field of an object.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct FieldFile {
    /// The type of the value.
    #[serde(rename = "type")]
    pub ty: TypeName,
    /// What it means, in one sentence.
    pub description: String,
    /// A create must have it, and nothing may clear it.
    #[serde(default)]
    pub required: bool,
    /// The service sets it. This holds for everything inside of it too.
    #[serde(default)]
    pub read_only: bool,
    /// It may be set on create and never changed.
    #[serde(default)]
    pub immutable: bool,
    /// It can't be set on create; an update after the create sets it.
    #[serde(default)]
    pub update_only: bool,
    /// It can be written but is never returned.
    #[serde(default)]
    pub write_only: bool,
    /// `secret` (a credential; documents name its source), `personal` (about a person) or `internal` (may carry credentials).
    #[serde(default)]
    pub sensitivity: Option<SensitivityFile>,
    /// How a secret comes back when the object is read: in `clear`, `masked`, or `never`. Without this word it is unknown: the value is written back only when it is known to be the real one.
    #[serde(default)]
    pub reads_back: Option<SecretReadback>,
    /// The texts that the service shows in place of a secret.
    #[serde(default)]
    pub masked_as: Vec<String>,
    /// What null or a missing member means when the object is read: `null` (default, no value), `zero` (the zero value of the type: false, 0, no items), `hidden` (the service may hide it) or `pending` (it may wait for a person).
    #[serde(default)]
    pub when_absent: AbsenceRule,
    /// What clears this field: `null`, the `empty` string, array or map, the `zero` value, or `nothing`.
    #[serde(default)]
    pub clear_with: Option<ClearValue>,
    /// How two strings are compared.
    #[serde(default)]
    pub compare: ComparisonRule,
    /// The member from which it is read, where the name differs; dots reach into objects.
    #[serde(default)]
    pub read_from: Option<String>,
    /// The member to which it is written, where the name differs; one name, without dots.
    #[serde(default)]
    pub write_to: Option<String>,
    /// The value is a copy of a field of the whole object, or of a scope parameter; the tool fills it in.
    #[serde(default)]
    pub copy_of: Option<String>,
    /// Where the field is left out: of all `writes`, also of full ones, or of an `import`. A document may still name a field that imports leave out.
    #[serde(default)]
    pub omit_from: Vec<OmittedUse>,
    /// Whether requests carry a number as a `number` (default) or as a `string`; both are always read. A `datetime` that the service writes as a number counts seconds (`unix`) or milliseconds (`unix_ms`) since 1970.
    #[serde(default)]
    pub encode_as: Option<NumberEncoding>,
    /// The values that a `string` may have, with the meaning of each.
    #[serde(default, rename = "enum")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub values: Option<OrderedMap<String>>,
    /// Whether values that `enum` does not list are a warning, not an error.
    #[serde(default)]
    pub open_enum: bool,
    /// The keys that a `map` is known to have, with the meaning of each; others are a warning.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub keys: Option<OrderedMap<String>>,
    /// The fields of an `object`.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, FieldFile>>")]
    pub properties: Option<OrderedMap<FieldFile>>,
    /// What each item of an `array`, or each value of a `map`, is.
    #[serde(default)]
    pub items: Option<Box<ItemFile>>,
    /// How the items of an `array` are matched: not at all (`atomic`), by value (`set`), or by `list_keys` (`map`).
    #[serde(default)]
    pub list_type: Option<ListTypeName>,
    /// The keys of a `list_type: map`: each is a list of fields. The first key that is unique on both sides matches the items.
    #[serde(default)]
    pub list_keys: Vec<Vec<String>>,
    /// The service has an object in place of this array: each of its members is an item, and this field of the items has the names of the members.
    #[serde(default)]
    pub keyed_by: Option<String>,
    /// How the service takes a `map`, or an array with `keyed_by`, in an update with `granularity: members`: entry by entry (`granular`, the default), where null deletes an entry, or only as a whole (`atomic`).
    #[serde(default)]
    pub map_type: Option<MapTypeName>,
    /// What happens to the items of an array, or the keys of a map, that a document does not list: `delete` or `keep`.
    #[serde(default)]
    pub unlisted_items: Option<UnlistedItems>,
    /// What another order of the items means. The default is `significant` for atomic lists and `ignored` for others.
    #[serde(default)]
    pub order: Option<ListOrder>,
    /// Which items of a list a write holds: `all` (default), or only those that are new or `changed`. With `changed`, an item without its id is created anew each time it is sent, so such a write is never repeated blindly.
    #[serde(default)]
    pub write_items: WrittenItems,
    /// The service deletes items of this list only when another list of the same body names them.
    #[serde(default)]
    pub delete_items_through: Option<ItemDeletionFile>,
    /// The service keeps items that a list does not name, so an empty list deletes nothing: it clears these fields of each item. Without this word an empty list is refused.
    #[serde(default)]
    pub clear_item_fields: Vec<String>,
    /// The value, or each item of a list of scalars, is the id of something else, which a document may name instead. Where the service answers the whole thing, its id is the value.
    #[serde(default)]
    pub reference: Option<ReferenceFile>,
    /// The limits of the value are part of live data: of the thing to which a sibling field refers.
    #[serde(default)]
    pub limits_from: Option<FieldLimitsFile>,
    /// The field decides how well the data of the object are protected. The values from the least to the best protection. Lowering it needs a flag; a change from or to a value that is not listed counts as lowering, unless the field was empty.
    #[serde(default)]
    pub protection_levels: Option<Vec<serde_json::Value>>,
    /// The most characters that a string may have.
    #[serde(default)]
    pub max_length: Option<u32>,
    /// The smallest number that a document may have.
    #[serde(default)]
    pub minimum: Option<serde_json::Value>,
    /// The largest number that a document may have.
    #[serde(default)]
    pub maximum: Option<serde_json::Value>,
    /// A regular expression that a string of a document matches somewhere; `^` and `$` match its ends.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Siblings that can't have a value when this field has one. A write that sets one of them clears the others.
    #[serde(default)]
    pub conflicts_with: Vec<String>,
    /// A possible value in a document.
    #[serde(default)]
    pub example: Option<serde_json::Value>,
    /// Where the facts come from, when not the kind's own source.
    #[serde(default)]
    pub source: Option<String>,
}

/// How a secret comes back.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SecretReadback {
    /// As it is.
    Clear,
    /// As a mask; empty where there is none.
    Masked,
    /// Not at all.
    Never,
}

/// A list that names the items to delete from another list.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ItemDeletionFile {
    /// The member of the body that takes the deleted items; only updates have it.
    pub member: String,
    /// The fields of each deleted item that are sent there.
    pub keys: Vec<String>,
}

/// What an id refers to.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ReferenceFile {
    /// The member of the referenced thing that holds its id.
    #[serde(default = "get_default_reference_id")]
    pub id: String,
    /// The members by which a document may name it, as in `{ name: Front desk }`: exactly one must match.
    #[serde(default)]
    pub by: Vec<String>,
    /// Where the things are that may be referenced.
    #[serde(default)]
    pub source: Option<ReferenceSourceFile>,
}

fn get_default_reference_id() -> String {
    "id".into()
}

/// Where the things are that may be referenced.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceSourceFile {
    /// In a list field of the same live object.
    Field(String),
    /// In the list at the URL in a member of the referenced thing; followed on the configured origin only.
    UrlIn(String),
    /// In a list of the service.
    List(Box<ListFile>),
    /// The objects of a kind: a document names one of the workspace, as in `{ ref: harbor }`.
    Kind(String),
}

/// Limits that are part of live data.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct FieldLimitsFile {
    /// The sibling field that refers to the thing with the limits.
    pub reference: String,
    /// The member there with the most characters that a string may have; 0 is no limit.
    #[serde(default)]
    pub max_length: Option<String>,
    /// The member there with the allowed values; dots reach into the items of a list. An empty list is no limit.
    #[serde(default, rename = "enum")]
    pub values: Option<String>,
}

/// What each item of a list is: a scalar, or an object with properties.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ItemFile {
    /// The type of a scalar; left out for objects.
    #[serde(default, rename = "type")]
    pub ty: Option<TypeName>,
    /// The fields of each item.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, FieldFile>>")]
    pub properties: Option<OrderedMap<FieldFile>>,
    /// The values that a `string` may have.
    #[serde(default, rename = "enum")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub values: Option<OrderedMap<String>>,
    /// Whether values that `enum` does not list are a warning, not an error.
    #[serde(default)]
    pub open_enum: bool,
}

/// The types of values.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum TypeName {
    /// A string; stays exactly as written.
    String,
    /// A whole number.
    Integer,
    /// A decimal number, exact.
    Decimal,
    /// True or false.
    Boolean,
    /// A UUID in any spelling.
    Uuid,
    /// A day, `2026-01-31`.
    Date,
    /// A time of a day, `2026-01-31T08:00:00Z`.
    DateTime,
    /// Named fields.
    Object,
    /// Free keys with values of one type.
    Map,
    /// Items of one type.
    Array,
    /// Any value; compared as a whole.
    Any,
}

/// Why and how a value is masked.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SensitivityFile {
    /// A credential: a document may only name its source.
    Secret,
    /// About a person.
    Personal,
    /// May carry credentials or reveal too much.
    Internal,
}

/// What null or a missing member means when the object is read.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceRule {
    /// There is no value.
    #[default]
    Null,
    /// It has the zero value of the type: `false`, `0`, all zeros, no items.
    Zero,
    /// The service may hide it: never compared, and never overwritten with nothing.
    Hidden,
    /// It may wait for a person (a mail to confirm): not compared while it waits, and never erased.
    Pending,
}

/// What clears a field.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ClearValue {
    /// Null.
    Null,
    /// The empty string, array or map.
    Empty,
    /// The zero value of the type.
    Zero,
    /// It can't be cleared.
    Nothing,
}

/// How two strings are compared.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonRule {
    /// Letter by letter.
    #[default]
    Exact,
    /// Upper and lower case are the same.
    CaseInsensitive,
    /// Mail addresses separated by commas: blanks around commas and the case of domains do not count.
    Addresses,
    /// JSON documents: blanks and the order of members do not count.
    Json,
}

/// Where a field is left out.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OmittedUse {
    /// Of every write, also of full ones.
    Writes,
    /// Of what an import writes.
    Import,
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

/// How requests carry numbers.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum NumberEncoding {
    /// Bare: `12.5`.
    #[default]
    Number,
    /// In quotes: `"12.5"`.
    String,
    /// A time as the seconds since 1970.
    Unix,
    /// A time as the milliseconds since 1970.
    UnixMs,
}

/// How the items of a list are matched.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ListTypeName {
    /// Not at all: the list is compared item by item, in its order.
    Atomic,
    /// By value.
    Set,
    /// By `list_keys`.
    Map,
}

/// How the service takes a map in an update of members.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum MapTypeName {
    /// Entry by entry: what is not sent stays, and null deletes an entry.
    #[default]
    Granular,
    /// As a whole.
    Atomic,
}

/// What another order of the items means.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    /// A change.
    Significant,
    /// A note, but no change.
    Reported,
    /// Nothing.
    Ignored,
}

/// What happens to items that a document does not list.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum UnlistedItems {
    /// They are deleted.
    Delete,
    /// They stay.
    Keep,
}
