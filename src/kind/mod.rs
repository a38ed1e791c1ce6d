//! What one sort of object is, and each question asked of it.
//!
//! A [`Kind`] is made from its description ([`file::KindFile`]) by [`check`] alone and cannot be in an
//! illegal state: names are resolved to field numbers, every list says how its items are told apart.
//! Built-in descriptions are embedded from `builtin/`; a workspace's own come through the same door.
//! Deliberately absent: anything about one particular service. That is data.

pub mod address;
mod builtin;
pub mod check;
pub mod draft;
pub mod explain;
pub mod file;
pub mod leaf;
pub mod read;
pub mod reference;
pub mod registry;
pub mod schema;

use std::sync::Arc;

use uuid::Uuid;

pub use file::{
    Answer, Appears, AuthWord, FormatWord, GuidForm, ItemsSent, ListAnswer, Maker, NamesWord, NumberForm,
    ScopePlace, Sends, Travels,
};

use crate::exchange::Verb;
use crate::value::{Mark, Value};

/// One service.
pub struct Api {
    pub name: Arc<str>,
    pub title: String,
    pub is: String,
    pub source: Option<String>,
    pub base_url: Option<String>,
    /// Hosts that may have this API's credentials, lower case; none for an API of a workspace.
    pub hosts: Vec<String>,
    /// Never empty; the first is the default.
    pub formats: Vec<FormatWord>,
    pub names: NamesWord,
    pub guids: GuidForm,
    pub auth: Vec<AuthWord>,
    /// Headers that take credentials.
    pub auth_headers: Vec<String>,
    pub oauth: Option<file::OauthFile>,
    pub login: Option<file::LoginFile>,
    pub headers: Vec<(String, String)>,
    pub clears: file::ClearsFile,
    pub errors: file::ErrorsFile,
    pub limits: file::LimitsFile,
}

/// One sort of object.
pub struct Kind {
    pub api: Arc<Api>,
    /// `api/kind`.
    pub name: Arc<str>,
    pub title: String,
    pub is: String,
    pub source: Option<String>,
    pub scope: Vec<Scope>,
    pub identity: Identity,
    pub operations: Operations,
    pub history: History,
    pub shape: Arc<Shape>,
    /// What tells that a whole object still waits for somebody.
    pub waiting: Option<Waiting>,
    /// Live objects for the sandbox: scope values by name, and the object as the service answers it (JSON).
    pub samples: Vec<file::SampleFile>,
}

/// A path or query parameter that a document or its target fixes.
pub struct Scope {
    pub name: Arc<str>,
    pub ty: Leaf,
    pub is: String,
    pub place: ScopePlace,
    pub example: Option<serde_json::Value>,
}

/// How one object is told from another.
pub struct Identity {
    /// The root field with the service's id.
    pub id: u16,
    pub made_by: Maker,
    /// Paths of field numbers from the root; empty when only the id tells.
    pub natural_key: Vec<Vec<u16>>,
    /// Paths of open fields after which an import names things; empty for the natural key.
    pub named_after: Vec<Vec<u16>>,
}

/// While a root field has one of these values, empty `pending` fields wait rather than differ.
pub struct Waiting {
    pub field: u16,
    pub values: Vec<Arc<str>>,
}

/// Root fields that tell when, and by whom, an object was last edited.
#[derive(Clone, Copy, Default)]
pub struct History {
    /// Moves with every edit.
    pub changed_at: Option<u16>,
    /// Who edited the object last.
    pub changed_by: Option<u16>,
    /// When the person behind the object last edited it, past the operator.
    pub edited_by_others_at: Option<u16>,
}

/// What the service can do.
pub struct Operations {
    pub list: file::ListFile,
    pub get: Option<ReadOne>,
    pub find: Option<file::FindFile>,
    pub create: Option<Write>,
    pub update: Option<Write>,
    pub replace: Option<Write>,
    pub delete: Option<file::DeleteFile>,
    /// What goes as `If-Match` with every write to an object.
    pub if_match: Option<IfMatch>,
}

/// What tells one state of an object from the next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// The `ETag` of a read by the object's own path.
    Etag,
    /// A root field.
    Field(u16),
}

/// How one object is read by its id.
pub enum ReadOne {
    /// By a path of its own.
    Path(String),
    /// By the list with these query parameters added; the item with the id is the object.
    List(Vec<(String, String)>),
    /// By the path, and by the list where the path answers 404 or 405.
    PathElseList(String, Vec<(String, String)>),
}

/// A writing operation.
#[derive(Clone)]
pub struct Write {
    pub verb: Verb,
    /// With `{parameters}`.
    pub path: String,
    pub sends: Sends,
    pub nested: Option<Nested>,
    pub answer: Answer,
    /// When a created object shows in reads.
    pub appears: Appears,
    /// A 400 about fields that were not sent is answered once with the live values of all required fields.
    pub adds_required_when_asked: bool,
    pub source: Option<String>,
}

/// How nested fields travel in an update that sends only the changes.
#[derive(Clone)]
pub struct Nested {
    pub travels: Travels,
    pub query: Vec<(String, String)>,
    /// Root fields that ride along.
    pub along: Vec<u16>,
}

/// The fields of an object type.
pub struct Shape {
    pub fields: Vec<Field>,
    /// See [`Shape::looks_up`].
    looks_up: bool,
}

/// One field.
pub struct Field {
    /// Its number in the shape.
    pub number: u16,
    /// As documents write it.
    pub name: Arc<str>,
    /// Members to go through to read it; usually one.
    pub read_as: Vec<Arc<str>>,
    pub written_as: Arc<str>,
    pub ty: Type,
    pub is: String,
    pub access: Rights,
    pub mark: Mark,
    pub absent: Absent,
    pub clear: Clear,
    pub compare: Compare,
    pub copy_of: Option<Copy>,
    /// A write of everything leaves it out.
    pub never_sent: bool,
    /// An import leaves it out.
    pub never_imported: bool,
    /// The value, or each item of a list of leaves, is the id of something else.
    pub refers_to: Option<Refers>,
    pub bounded_by: Option<Bounds>,
    /// From the least to the best protection of the object's data; a change that lowers it, or may, needs a flag.
    pub protection: Option<Vec<Value>>,
    pub example: Option<serde_json::Value>,
    pub source: Option<String>,
}

/// Who may write a field and when.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Rights {
    pub required: bool,
    pub computed: bool,
    pub create_only: bool,
    pub update_only: bool,
    pub write_only: bool,
    /// Part of the identity of the object or of a list item: a document may name it even when the service sets it.
    pub names_it: bool,
}

/// What null or a missing member means when the object is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Absent {
    /// No value.
    #[default]
    Null,
    /// The type's zero.
    Zero,
    /// Perhaps hidden: never compared, never overwritten with nothing.
    Unknown,
    /// Perhaps waiting for somebody: never compared while it waits, never overwritten with nothing.
    Pending,
}

/// How a value is cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clear {
    Null,
    Empty,
    Zero,
    Never,
}

/// How two texts are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Compare {
    #[default]
    Exact,
    IgnoreCase,
    Addresses,
}

/// What an id refers to.
pub struct Refers {
    /// The member of the thing referred to that holds its id.
    pub id: Arc<str>,
    /// The members by which a document may name it; empty when only the id will do.
    pub by: Vec<Arc<str>>,
    /// Where such things stand; known whenever `by` is not empty.
    pub among: Option<Among>,
}

/// Where the things stand that may be referred to.
pub enum Among {
    /// A root field that is a list of objects.
    Field(u16),
    /// The list at the URL in this member of a thing read whole.
    UrlIn(Arc<str>),
    List(Box<file::ListFile>),
    /// The workspace's objects of a kind, `api/kind`.
    Kind(Arc<str>),
}

/// Bounds that stand in the thing to which a field beside refers; paths lead from an item of that list.
pub struct Bounds {
    /// The field beside, by its number in the same shape; it refers among a root field.
    pub of: u16,
    pub max_length: Option<u16>,
    /// Empty when there is no such bound; a step over a list means each of its items.
    pub choices: Vec<u16>,
}

/// Where a copied value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Copy {
    /// A root field.
    Field(u16),
    /// A scope parameter.
    Scope(Arc<str>),
}

/// What a value is.
pub enum Type {
    Leaf(Leaf),
    Object(Arc<Shape>),
    /// Free keys.
    Map(MapType),
    List(ListType),
}

/// A value without parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Leaf {
    Text {
        max: Option<u32>,
    },
    Whole(NumberForm),
    Decimal(NumberForm),
    Flag,
    Guid,
    Date,
    Time,
    Choice {
        choices: Vec<(Arc<str>, String)>,
        open: bool,
    },
    /// Anything, compared as a whole.
    Any,
}

/// A map with free keys.
pub struct MapType {
    pub value: Leaf,
    /// Known keys with their meaning; empty when any key is as good as another.
    pub keys: Vec<(Arc<str>, String)>,
    pub complete: bool,
}

impl MapType {
    /// What must not be seen of a key, where `mark` is the map's: what the description names is no secret.
    pub fn key_mark(&self, key: &str, mark: Mark) -> Mark {
        if self.keys.iter().any(|(known, _)| **known == *key) { Mark::Open } else { mark }
    }
}

/// A list.
pub struct ListType {
    pub item: Item,
    pub told_apart: ToldApart,
    /// What is not listed is removed.
    pub complete: bool,
    /// Another order is told, not changed.
    pub order_told: bool,
    pub items_sent: ItemsSent,
    pub removals: Option<Removals>,
}

/// How items of a list are removed where their absence does not do it.
pub struct Removals {
    /// The member of an update's body that takes them.
    pub through: Arc<str>,
    /// The fields of each that are sent there, by their number in the item's shape.
    pub with: Vec<u16>,
}

/// What a list holds.
pub enum Item {
    Leaf(Leaf),
    Object(Arc<Shape>),
}

/// How list items are told apart.
pub enum ToldApart {
    Order,
    Set,
    /// Fields of the item; tried in turn until one key is unique on both sides. Never empty.
    Keys(Vec<Vec<u16>>),
}

impl Api {
    /// A guid as this API writes it.
    pub fn guid_text(&self, guid: Uuid) -> String {
        match self.guids {
            GuidForm::Plain => guid.simple().to_string(),
            GuidForm::Hyphenated => guid.hyphenated().to_string(),
        }
    }
}

impl Kind {
    /// The field that holds the service's id.
    pub fn id_field(&self) -> &Field {
        &self.shape.fields[self.identity.id as usize]
    }

    /// The scope parameter of that name.
    pub fn scope_named(&self, name: &str) -> Option<&Scope> {
        self.scope.iter().find(|scope| &*scope.name == name)
    }

    /// The dotted names of the natural key, as documents write them.
    pub fn natural_key_names(&self) -> Vec<String> {
        let dotted = |path: &Vec<u16>| {
            let mut shape = &self.shape;
            let mut names = Vec::new();
            for number in path {
                let field = &shape.fields[*number as usize];
                names.push(&*field.name);
                if let Type::Object(inner) = &field.ty {
                    shape = inner;
                }
            }
            names.join(".")
        };
        self.identity.natural_key.iter().map(dotted).collect()
    }
}

impl Refers {
    /// The words by which a document may name the thing, as in `{ word: name }`; none where only its id will do.
    pub fn words(&self) -> Vec<&str> {
        match &self.among {
            Some(Among::Kind(_)) => vec!["ref"],
            Some(_) => self.by.iter().map(|name| &**name).collect(),
            None => Vec::new(),
        }
    }
}

impl ReadOne {
    /// The path of its own.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Path(path) | Self::PathElseList(path, _) => Some(path),
            Self::List(_) => None,
        }
    }

    /// What is added to the query of the list.
    pub fn list_with(&self) -> Option<&[(String, String)]> {
        match self {
            Self::List(query) | Self::PathElseList(_, query) => Some(query),
            Self::Path(_) => None,
        }
    }
}

impl Shape {
    /// The shape of these fields.
    pub fn new(fields: Vec<Field>) -> Self {
        let looks_up = fields.iter().any(|field| {
            let inside = field.ty.inner().is_some_and(|inner| inner.looks_up);
            inside || field.refers_to.is_some() || field.bounded_by.is_some()
        });
        Self { fields, looks_up }
    }

    /// Whether something in it refers to other things, or is bounded by them, so that they are to be looked up.
    pub fn looks_up(&self) -> bool {
        self.looks_up
    }

    /// The field that documents call `name`.
    pub fn named(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| &*field.name == name)
    }

    /// Field number `number`.
    pub fn field(&self, number: u16) -> &Field {
        &self.fields[number as usize]
    }
}

impl Field {
    /// Objects, maps and lists, which some services write by rules of their own.
    pub fn is_nested(&self) -> bool {
        !matches!(self.ty, Type::Leaf(_))
    }
}

impl Type {
    /// The value that a field of this type has when nobody set it.
    pub fn zero(&self) -> Value {
        match self {
            Self::Leaf(leaf) => leaf.zero(),
            Self::Object(_) => Value::Null,
            Self::Map(_) => Value::Map(Vec::new()),
            Self::List(_) => Value::List(Vec::new()),
        }
    }

    /// The fields of what is inside: of the object, or of each item.
    pub fn inner(&self) -> Option<&Arc<Shape>> {
        match self {
            Self::Object(shape) | Self::List(ListType { item: Item::Object(shape), .. }) => Some(shape),
            _ => None,
        }
    }

    /// The word in kind files.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Leaf(leaf) => leaf.word(),
            Self::Object(_) => "object",
            Self::Map(_) => "map",
            Self::List(_) => "list",
        }
    }
}

impl Leaf {
    /// The value of a leaf that nobody set.
    pub fn zero(&self) -> Value {
        match self {
            Self::Text { .. } | Self::Choice { .. } => Value::text(""),
            Self::Whole(_) => Value::Whole(0),
            Self::Decimal(_) => Value::Decimal(rust_decimal::Decimal::ZERO),
            Self::Flag => Value::Flag(false),
            Self::Guid => Value::Guid(Uuid::nil()),
            Self::Date | Self::Time | Self::Any => Value::Null,
        }
    }

    /// The word in kind files.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Whole(_) => "whole",
            Self::Decimal(_) => "decimal",
            Self::Flag => "flag",
            Self::Guid => "guid",
            Self::Date => "date",
            Self::Time => "time",
            Self::Choice { .. } => "choice",
            Self::Any => "any",
        }
    }

    /// What it is, for messages.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Whole(_) => "a whole number",
            Self::Decimal(_) => "a decimal number",
            Self::Flag => "true or false",
            Self::Guid => "a guid",
            Self::Date => "a date (2026-01-31)",
            Self::Time => "a time (2026-01-31T08:00:00Z)",
            Self::Choice { .. } => "one of its choices",
            Self::Any => "any value",
        }
    }
}
