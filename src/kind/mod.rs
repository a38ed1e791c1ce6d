//! What one sort of object is, and each question asked of it.
//!
//! A [`Kind`] is made from its description ([`file::KindFile`]) by [`check`] alone and cannot be in an
//! illegal state: names are resolved to field numbers, every list says how its items are distinguished.
//! Built-in descriptions are embedded from `builtin/`; a workspace's own come through the same door.
//! Deliberately absent: anything about one particular service. That is data.

pub mod address;
mod builtin;
pub mod check;
pub mod equality;
pub mod explain;
pub mod file;
pub mod identity;
pub mod limits;
pub mod mask;
mod object_state;
pub mod read;
pub mod reference;
pub mod registry;
pub mod scalar;
pub mod schema;
pub mod visit;
pub mod wildcard;

use std::sync::Arc;

pub use file::{
    AbsenceRule, AuthScheme, ClearValue, ComparisonRule, IdAssigner, ListResponseShape, MapTypeName,
    MemberNameCase, NestedGranularity, NumberEncoding, ParameterLocation, ReadConsistency, ReplacementRule,
    SecretReadback, UnknownMembers, UuidFormat, WireFormat, WriteBody, WriteResponse, WrittenItems,
};
use uuid::Uuid;

use crate::exchange::{BodyForm, Method};
use crate::kind::wildcard::matches_wildcard;
use crate::value::{Sensitivity, Value};

/// One service.
#[derive(Clone)]
pub struct Api {
    pub name: Arc<str>,
    pub title: String,
    pub description: String,
    pub source: Option<String>,
    pub base_url: Option<String>,
    /// Hosts that may have this API's credentials, lower case; none for an API of a workspace.
    pub hosts: Vec<String>,
    /// Never empty; the first is the default.
    pub formats: Vec<WireFormat>,
    pub member_names: MemberNameCase,
    pub uuid_format: UuidFormat,
    pub auth: Vec<AuthScheme>,
    /// Headers that take credentials.
    pub auth_headers: Vec<String>,
    pub oauth: Option<file::OauthFile>,
    pub login: Option<file::ApiLoginFile>,
    pub headers: Vec<(String, String)>,
    /// The header for the key of a POST.
    pub idempotency_header: Option<String>,
    pub operation_status: Option<file::OperationStatusFile>,
    pub clear_with: file::ClearDefaultsFile,
    pub errors: file::ErrorsFile,
    pub limits: file::LimitsFile,
}

/// One sort of object.
#[derive(Clone)]
pub struct Kind {
    pub api: Arc<Api>,
    /// `api/kind`.
    pub name: Arc<str>,
    pub title: String,
    pub description: String,
    pub source: Option<String>,
    pub scope: Vec<ScopeParameter>,
    pub identity: KindIdentity,
    pub operations: KindOperations,
    /// What a change of an immutable field does.
    pub replacement: ReplacementRule,
    pub history: HistoryFields,
    pub shape: Arc<Shape>,
    /// What tells that a whole object still waits for someone.
    pub pending_when: Option<FieldCondition>,
    /// What says that a written object is ready.
    pub pending_until: Option<ReadyCondition>,
    /// What says that an object counts as deleted.
    pub deleted_when: Option<FieldCondition>,
    /// Live objects for the sandbox: scope values by name, and the object as the service answers it (JSON).
    pub examples: Vec<file::ExampleFile>,
}

/// A path or query parameter that a document or its target fixes.
#[derive(Clone)]
pub struct ScopeParameter {
    pub name: Arc<str>,
    pub ty: ScalarType,
    pub description: String,
    pub location: ParameterLocation,
    /// The parent whose id the value is.
    pub reference: Option<FieldReference>,
    /// Whether an import without a value goes through all parents.
    pub each: bool,
    pub example: Option<serde_json::Value>,
}

/// How one object is distinguished from another.
#[derive(Clone)]
pub struct KindIdentity {
    /// The root field with the service's id.
    pub id: u16,
    pub id_assigned_by: IdAssigner,
    /// The root fields whose values make the id, where it is not a member itself; none of them for the only object of
    /// a scope.
    pub composition: Option<Vec<u16>>,
    /// Paths of field numbers from the root; empty when only the id tells.
    pub natural_key: Vec<Vec<u16>>,
    /// Paths of open fields after which an import names things; empty for the natural key.
    pub import_name: Vec<Vec<u16>>,
}

/// A root field has one of these values; without any, it has a value.
#[derive(Clone)]
pub struct FieldCondition {
    pub field: u16,
    pub values: Vec<Arc<str>>,
}

/// When a written object is ready, and when it never will be.
#[derive(Clone)]
pub struct ReadyCondition {
    pub field: u16,
    pub ready: Vec<Arc<str>>,
    pub failed: Vec<Arc<str>>,
}

/// Root fields that tell when, and by whom, an object was last edited.
#[derive(Clone, Copy, Default)]
pub struct HistoryFields {
    /// Moves with every edit.
    pub changed_at: Option<u16>,
    /// Who edited the object last.
    pub changed_by: Option<u16>,
    /// When the person behind the object last edited it, past the operator.
    pub edited_by_others_at: Option<u16>,
}

/// What the service can do.
#[derive(Clone)]
pub struct KindOperations {
    /// Whether objects can be listed; else `list` says nothing.
    pub is_listed: bool,
    pub list: file::ListFile,
    pub get: Option<ReadOperation>,
    /// What is around an object that is read by its own path, and what its request has.
    pub get_form: ReadForm,
    pub find: Option<file::FindFile>,
    pub create: Option<WriteOperation>,
    pub update: Option<WriteOperation>,
    /// Further updates, each of fields of its own.
    pub updates: Vec<WriteOperation>,
    pub replace: Option<WriteOperation>,
    pub delete: Option<file::DeleteFile>,
    /// What goes as `If-Match` with every write to an object.
    pub if_match: Option<IfMatchSource>,
}

/// What a read of one object by its own path has besides.
#[derive(Clone, Default)]
pub struct ReadForm {
    /// The member of the response that holds the object.
    pub member: Option<String>,
    pub query: Vec<(String, String)>,
}

/// What tells one state of an object from the next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IfMatchSource {
    /// The `ETag` of a read by the object's own path.
    Etag,
    /// A root field.
    Field(u16),
}

/// How one object is read by its id.
#[derive(Clone)]
pub enum ReadOperation {
    /// By a path of its own.
    Path(String),
    /// By the list with these query parameters added; the item with the id is the object.
    List(Vec<(String, String)>),
    /// By the path, and by the list where the path answers 404 or 405.
    PathOrList(String, Vec<(String, String)>),
}

/// A writing operation.
#[derive(Clone)]
pub struct WriteOperation {
    pub method: Method,
    /// With `{parameters}`.
    pub path: String,
    pub body: WriteBody,
    /// The root fields that it takes; all without this.
    pub fields: Option<Vec<u16>>,
    pub body_form: BodyForm,
    /// The member of the response that holds the object or its id.
    pub response_member: Option<String>,
    pub query: Vec<(String, String)>,
    pub nested_fields: Option<NestedFields>,
    pub response: WriteResponse,
    /// When a created object shows in reads.
    pub read_after_write: ReadConsistency,
    /// A 400 about fields that were not sent is answered once with the live values of all required fields.
    pub retry_with_required: bool,
    pub source: Option<String>,
}

/// How nested fields travel in an update that sends only the changes.
#[derive(Clone)]
pub struct NestedFields {
    pub granularity: NestedGranularity,
    pub query: Vec<(String, String)>,
    /// Root fields that ride along.
    pub also_send: Vec<u16>,
}

/// The fields of an object type.
#[derive(Clone)]
pub struct Shape {
    pub fields: Vec<Field>,
    /// Names of members, with `*`, that are never compared or shown; a full write sends them back as they were read.
    pub ignored_members: Vec<Arc<str>>,
    pub unknown_members: UnknownMembers,
    /// See [`Shape::list_referring_fields`].
    referring_fields: Vec<u16>,
}

/// One field.
#[derive(Clone)]
pub struct Field {
    /// Its number in the shape.
    pub number: u16,
    /// As documents write it.
    pub name: Arc<str>,
    /// Members to go through to read it; usually one.
    pub read_from: Vec<Arc<str>>,
    pub write_to: Arc<str>,
    pub ty: FieldType,
    pub description: String,
    pub behavior: FieldBehavior,
    pub sensitivity: Sensitivity,
    /// How a secret comes back, where that is known.
    pub reads_back: Option<SecretReadback>,
    /// What the service shows in place of a secret.
    pub masked_as: Vec<Arc<str>>,
    pub when_absent: AbsenceRule,
    pub clear_with: ClearValue,
    pub compare: ComparisonRule,
    pub copy_of: Option<CopySource>,
    /// A write of everything leaves it out.
    pub omit_from_writes: bool,
    /// An import leaves it out.
    pub omit_from_import: bool,
    /// The value, or each item of a list of values, is the id of something else.
    pub reference: Option<FieldReference>,
    pub limits_from: Option<FieldLimits>,
    pub value_limits: limits::ValueLimits,
    /// The siblings of which at most one may have a value together with it, by their number.
    pub conflicts_with: Vec<u16>,
    /// From the least to the best protection of the object's data; a change that lowers it, or may, needs a flag.
    pub protection_levels: Option<Vec<Value>>,
    pub example: Option<serde_json::Value>,
    pub source: Option<String>,
}

/// Who may write a field and when.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct FieldBehavior {
    pub required: bool,
    pub read_only: bool,
    pub immutable: bool,
    pub update_only: bool,
    pub write_only: bool,
    /// Part of the identity of the object or of a list item: a document may name it even when the service sets it.
    pub identifier: bool,
}

/// What an id refers to.
#[derive(Clone)]
pub struct FieldReference {
    /// The member of the thing referred to that holds its id.
    pub id: Arc<str>,
    /// The members by which a document may name it; empty when only the id will do.
    pub by: Vec<Arc<str>>,
    /// Where such things stand; known whenever `by` is not empty.
    pub source: Option<ReferenceSource>,
}

/// Where the things stand that may be referred to.
#[derive(Clone)]
pub enum ReferenceSource {
    /// A root field that is a list of objects.
    Field(u16),
    /// The list at the URL in this member of a thing read whole.
    UrlIn(Arc<str>),
    List(Box<file::ListFile>),
    /// The workspace's objects of a kind, `api/kind`.
    Kind(Arc<str>),
}

/// Bounds that stand in the thing to which a field beside refers; paths lead from an item of that list.
#[derive(Clone)]
pub struct FieldLimits {
    /// The field beside, by its number in the same shape; it refers among a root field.
    pub reference_field: u16,
    pub max_length: Option<u16>,
    /// Empty when there is no such bound; a step over a list means each of its items.
    pub allowed_values: Vec<u16>,
}

/// Where a copied value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CopySource {
    /// A root field.
    Field(u16),
    /// A scope parameter.
    Scope(Arc<str>),
}

/// What a value is.
#[derive(Clone)]
pub enum FieldType {
    Scalar(ScalarType),
    Object(Arc<Shape>),
    /// Free keys.
    Map(MapType),
    Array(ArrayType),
}

/// A value without parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScalarType {
    String {
        max_length: Option<u32>,
    },
    Integer(NumberEncoding),
    Decimal(NumberEncoding),
    Boolean,
    Uuid,
    Date,
    DateTime,
    /// A time that the service writes as a number.
    UnixTime(UnixTimeUnit),
    Enum {
        values: Vec<(Arc<str>, String)>,
        open: bool,
    },
    /// Anything, compared as a whole.
    Any,
}

/// What the number of a time counts, since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnixTimeUnit {
    Seconds,
    Milliseconds,
}

/// A map with free keys.
#[derive(Clone)]
pub struct MapType {
    pub value: ScalarType,
    /// Known keys with their meaning; empty when any key is as good as another.
    pub keys: Vec<(Arc<str>, String)>,
    pub deletes_unlisted: bool,
    pub map_type: MapTypeName,
}

impl MapType {
    /// What must not be seen of a key, where `mark` is the map's: what the description names is no secret.
    pub fn resolve_key_sensitivity(&self, key: &str, mark: Sensitivity) -> Sensitivity {
        if self.keys.iter().any(|(known, _)| **known == *key) { Sensitivity::Public } else { mark }
    }
}

/// A list.
#[derive(Clone)]
pub struct ArrayType {
    pub item: ItemType,
    pub list_type: ListType,
    /// What is not listed is removed.
    pub deletes_unlisted: bool,
    /// Another order is reported, not changed.
    pub reports_order: bool,
    pub write_items: WrittenItems,
    pub delete_items_through: Option<ItemDeletion>,
    /// The fields of each item that an empty list clears, by their number in the item's shape, where the service keeps
    /// what is not listed.
    pub cleared_item_fields: Vec<u16>,
    /// How a body holds the items where the service has an object in place of the list.
    pub keyed_members: Option<KeyedMembers>,
}

/// The members of an object in place of a list.
#[derive(Clone, Copy)]
pub struct KeyedMembers {
    /// The field of the items with the names of the members.
    pub key: u16,
    pub map_type: MapTypeName,
}

impl KeyedMembers {
    /// The name of the member that holds an item.
    pub fn read_name(self, item: &Value) -> Option<&str> {
        item.as_object()?.get_field(self.key)?.as_str()
    }
}

impl ArrayType {
    /// Whether an empty list leaves no items, or none that count.
    pub fn can_be_emptied(&self) -> bool {
        self.deletes_unlisted || !self.cleared_item_fields.is_empty()
    }
}

/// How items of a list are removed where their absence does not do it.
#[derive(Clone)]
pub struct ItemDeletion {
    /// The member of an update's body that takes them.
    pub member: Arc<str>,
    /// The fields of each that are sent there, by their number in the item's shape.
    pub keys: Vec<u16>,
}

/// What a list holds.
#[derive(Clone)]
pub enum ItemType {
    Scalar(ScalarType),
    Object(Arc<Shape>),
}

/// How list items are distinguished.
#[derive(Clone)]
pub enum ListType {
    Atomic,
    Set,
    /// Fields of the item; tried in turn until one key is unique on both sides. Never empty.
    Map(Vec<Vec<u16>>),
}

impl Api {
    /// A guid as this API writes it.
    pub fn render_uuid(&self, guid: Uuid) -> String {
        match self.uuid_format {
            UuidFormat::Plain => guid.simple().to_string(),
            UuidFormat::Hyphenated => guid.hyphenated().to_string(),
        }
    }
}

impl Kind {
    /// The field that holds the service's id.
    pub fn id_field(&self) -> &Field {
        &self.shape.fields[self.identity.id as usize]
    }

    /// The scope parameter of that name.
    pub fn find_scope_parameter(&self, name: &str) -> Option<&ScopeParameter> {
        self.scope.iter().find(|scope| &*scope.name == name)
    }

    /// Whether two natural keys may be the same although they are not letter by letter.
    pub fn compares_natural_key_loosely(&self) -> bool {
        let is_loose = |field: &Field| field.compare != ComparisonRule::Exact;
        let fields = self.identity.natural_key.iter().filter_map(|path| self.shape.find_path_field(path));
        fields.into_iter().any(|(_, field)| is_loose(field))
    }

    /// The dotted names of the natural key, as documents write them.
    pub fn list_natural_key_names(&self) -> Vec<String> {
        let names =
            |path| self.shape.list_path_fields(path).iter().map(|field| &*field.name).collect::<Vec<_>>();
        self.identity.natural_key.iter().map(|path| names(path).join(".")).collect()
    }
}

impl WriteOperation {
    /// Whether the operation takes a root field.
    pub fn takes_field(&self, number: u16) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.contains(&number))
    }
}

impl KindOperations {
    /// Every operation that changes an object, `replace` aside.
    pub fn list_updates(&self) -> impl Iterator<Item = &WriteOperation> {
        self.update.iter().chain(&self.updates)
    }

    /// How long reads may lag behind a write, where the kind says it.
    pub fn find_settle_time(&self) -> Option<std::time::Duration> {
        let writes = self.create.iter().chain(self.list_updates()).chain(&self.replace);
        let time = |write: &WriteOperation| match write.read_after_write {
            ReadConsistency::Within(time) => Some(time.0),
            ReadConsistency::Immediate | ReadConsistency::Eventual => None,
        };
        writes.filter_map(time).max()
    }
}

impl ScopeParameter {
    /// The kind of the parent, `api/kind`.
    pub fn parent_kind(&self) -> Option<&Arc<str>> {
        self.reference.as_ref().and_then(FieldReference::referenced_kind)
    }
}

impl FieldReference {
    /// The kind whose objects the workspace describes, `api/kind`, where it refers to one.
    pub fn referenced_kind(&self) -> Option<&Arc<str>> {
        match &self.source {
            Some(ReferenceSource::Kind(kind)) => Some(kind),
            _ => None,
        }
    }

    /// The words by which a document may name the thing, as in `{ word: name }`; none where only its id will do.
    pub fn list_reference_keys(&self) -> Vec<&str> {
        match &self.source {
            Some(ReferenceSource::Kind(_)) => vec!["ref"],
            Some(_) => self.by.iter().map(|name| &**name).collect(),
            None => Vec::new(),
        }
    }
}

impl ReadOperation {
    /// The path of its own.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Path(path) | Self::PathOrList(path, _) => Some(path),
            Self::List(_) => None,
        }
    }

    /// What is added to the query of the list.
    pub fn list_query(&self) -> Option<&[(String, String)]> {
        match self {
            Self::List(query) | Self::PathOrList(_, query) => Some(query),
            Self::Path(_) => None,
        }
    }
}

impl Shape {
    /// The shape of these fields.
    pub fn new(fields: Vec<Field>) -> Self {
        let looks_up = |field: &Field| {
            let inside = field.ty.inner_shape().is_some_and(|inner| !inner.referring_fields.is_empty());
            inside || field.reference.is_some() || field.limits_from.is_some()
        };
        let referring_fields = (0..).zip(&fields).filter(|(_, field)| looks_up(field)).map(|(at, _)| at);
        let referring_fields = referring_fields.collect();
        Self {
            fields,
            ignored_members: Vec::new(),
            unknown_members: UnknownMembers::default(),
            referring_fields,
        }
    }

    /// Whether a member is known and left alone.
    pub fn ignores_member(&self, name: &str) -> bool {
        self.ignored_members.iter().any(|pattern| matches_wildcard(pattern, name))
    }

    /// Whether some of its fields exclude each other.
    pub fn has_conflicts(&self) -> bool {
        self.fields.iter().any(|field| !field.conflicts_with.is_empty())
    }

    /// The numbers of fields that refer to other things, or are bounded by them, or have such fields within.
    pub fn list_referring_fields(&self) -> &[u16] {
        &self.referring_fields
    }

    /// The field that documents call `name`.
    pub fn find_field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| &*field.name == name)
    }

    /// The fields on a path of field numbers, as far as it leads; items of lists have no number.
    pub fn list_path_fields(&self, path: &[u16]) -> Vec<&Field> {
        let mut shape = Some(self);
        let step = |number: &u16| {
            let field = shape.take()?.fields.get(usize::from(*number))?;
            shape = field.ty.inner_shape().map(|inner| &**inner);
            Some(field)
        };
        path.iter().map_while(step).collect()
    }

    /// The field at the end of a path of field numbers, and the strictest sensitivity on the way to it.
    pub fn find_path_field(&self, path: &[u16]) -> Option<(Sensitivity, &Field)> {
        let fields = self.list_path_fields(path);
        let sensitivity = fields.iter().map(|field| field.sensitivity).max()?;
        fields.last().filter(|_| fields.len() == path.len()).map(|field| (sensitivity, *field))
    }

    /// Every field, those inside of others behind them.
    pub fn list_all_fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        for field in &self.fields {
            fields.push(field);
            fields.extend(field.ty.inner_shape().into_iter().flat_map(|inner| inner.list_all_fields()));
        }
        fields
    }

    /// Field number `number`.
    pub fn get_field(&self, number: u16) -> &Field {
        &self.fields[number as usize]
    }
}

impl Field {
    /// Whether no member holds it: it is made of other fields.
    pub fn is_composed(&self) -> bool {
        self.read_from.is_empty()
    }

    /// Whether it is the name of the member that holds the item.
    pub fn is_member_name(&self) -> bool {
        self.is_composed() && self.behavior.identifier
    }

    /// Objects, maps and lists, which some services write by rules of their own.
    pub fn is_nested(&self) -> bool {
        !matches!(self.ty, FieldType::Scalar(_))
    }
}

impl FieldType {
    /// The value that a field of this type has when no one set it.
    pub fn build_zero_value(&self) -> Value {
        match self {
            Self::Scalar(own_scalar) => own_scalar.build_zero_value(),
            Self::Object(_) => Value::Null,
            Self::Map(_) => Value::Map(Vec::new()),
            Self::Array(_) => Value::Array(Vec::new()),
        }
    }

    /// The fields of what is inside: of the object, or of each item.
    pub fn inner_shape(&self) -> Option<&Arc<Shape>> {
        match self {
            Self::Object(shape) | Self::Array(ArrayType { item: ItemType::Object(shape), .. }) => Some(shape),
            _ => None,
        }
    }

    /// The type of its value, or of each item of a list of scalars.
    pub fn scalar_type(&self) -> Option<&ScalarType> {
        match self {
            Self::Scalar(own) | Self::Array(ArrayType { item: ItemType::Scalar(own), .. }) => Some(own),
            _ => None,
        }
    }

    /// The fields of the items of a list of objects.
    pub fn item_shape(&self) -> Option<&Arc<Shape>> {
        self.inner_shape().filter(|_| matches!(self, Self::Array(_)))
    }

    /// The word in kind files.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Scalar(own_scalar) => own_scalar.type_name(),
            Self::Object(_) => "object",
            Self::Map(_) => "map",
            Self::Array(_) => "array",
        }
    }
}

impl ScalarType {
    /// The value of a scalar that no one set.
    pub fn build_zero_value(&self) -> Value {
        match self {
            Self::String { .. } | Self::Enum { .. } => Value::from_text(""),
            Self::Integer(_) => Value::Integer(0),
            Self::Decimal(_) => Value::Decimal(rust_decimal::Decimal::ZERO),
            Self::Boolean => Value::Boolean(false),
            Self::Uuid => Value::Uuid(Uuid::nil()),
            Self::Date | Self::DateTime | Self::UnixTime(_) | Self::Any => Value::Null,
        }
    }

    /// The word in kind files.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::String { .. } => "string",
            Self::Integer(_) => "integer",
            Self::Decimal(_) => "decimal",
            Self::Boolean => "boolean",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::DateTime | Self::UnixTime(_) => "datetime",
            Self::Enum { .. } => "string",
            Self::Any => "any",
        }
    }

    /// Whether a named value of that type can be put here.
    pub fn takes_value_of(&self, value: &Self) -> bool {
        self.type_name() == value.type_name() || matches!((value, self), (Self::Integer(_), Self::Decimal(_)))
    }

    /// What it is, for messages.
    pub fn describe_type(&self) -> &'static str {
        match self {
            Self::String { .. } => "a string",
            Self::Integer(_) => "an integer",
            Self::Decimal(_) => "a decimal number",
            Self::Boolean => "true or false",
            Self::Uuid => "a UUID",
            Self::Date => "a date (2026-01-31)",
            Self::DateTime | Self::UnixTime(_) => "a date and time (2026-01-31T08:00:00Z)",
            Self::Enum { .. } => "one of its values",
            Self::Any => "any value",
        }
    }
}
