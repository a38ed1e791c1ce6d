//! The typed tree: what a document wants and what a service holds, once read under a kind's guidance.
//!
//! Decimals are exact, guids are 128 bits, text stays text; comparison of two values is plain equality.
//! Fields are numbers into the kind's shape, so a field that the kind does not know cannot be in the tree;
//! what a service sent beyond the kind travels as a [`UnknownField`], in the very bytes it came in.
//! Deliberately absent: `Debug`, `Display` and `Serialize`. A value may be a secret; only the `report`
//! room, which knows the field's mark, turns one into text.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

/// One node of the typed tree.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Present, and nothing. Absent is the field's missing from its [`Object`].
    Null,
    Boolean(bool),
    Integer(i64),
    /// Compared by value: `1.5` equals `1.50`. The scale is kept for writing.
    Decimal(Decimal),
    Uuid(Uuid),
    String(Box<str>),
    Date(Box<SourceText<Date>>),
    DateTime(Box<SourceText<Timestamp>>),
    /// A number of a free-form (`any`) field that no decimal can hold, as it was written.
    Number(Box<str>),
    /// The id of an object that the same run creates, by the name of its document; known once it is there.
    KnownAfterApply(Box<str>),
    Array(Vec<Value>),
    /// Free keys, in the order in which they were written; equality ignores that order (see [`Value::is_equivalent`]).
    Map(Vec<(Box<str>, Value)>),
    Object(Box<Object>),
}

/// A date or a time, with the very text in which a service sent it where that is not the usual one. Compared by
/// what it is; what travels along is written as it was sent.
#[derive(Clone)]
pub struct SourceText<T> {
    pub value: T,
    pub text: Option<Box<str>>,
}

impl<T: PartialEq> PartialEq for SourceText<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for SourceText<T> {}

impl<T: std::fmt::Display> SourceText<T> {
    /// As it was sent, else in its usual form.
    pub fn to_text(&self) -> String {
        self.text.as_deref().map_or_else(|| self.value.to_string(), str::to_owned)
    }

    /// Keeps the text in which it was sent.
    pub fn set_text(&mut self, text: &str) {
        self.text = (self.value.to_string() != text).then(|| text.into());
    }
}

/// The fields of one object, by their number in the kind's shape, ascending.
#[derive(Clone, Default)]
pub struct Object {
    fields: Vec<(u16, Value)>,
    /// What is sent back as it came and says nothing about the object.
    carried: Option<Box<CarriedTexts>>,
    /// Members that the kind does not know, as the service sent them.
    pub unknown_fields: Vec<UnknownField>,
}

/// What a full write sends back as it came, and no one compares.
#[derive(Clone, Default)]
struct CarriedTexts {
    /// Of fields that came in another form than the one in which they are written, by their number: the text that came.
    sources: Vec<(u16, Box<str>)>,
    /// Members that the kind ignores.
    ignored_fields: Vec<UnknownField>,
}

/// The form in which a value came, and what the kind ignores, say nothing about what it is.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields && self.unknown_fields == other.unknown_fields
    }
}

impl Eq for Object {}

/// A member that the kind does not know: its name and its value in the bytes of the wire format it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct UnknownField {
    pub name: Box<str>,
    pub raw: Box<str>,
}

impl Value {
    /// A text value.
    pub fn from_text(text: impl Into<Box<str>>) -> Self {
        Self::String(text.into())
    }

    /// A day.
    pub fn from_date(is: Date) -> Self {
        Self::Date(Box::new(SourceText { value: is, text: None }))
    }

    /// A moment.
    pub fn from_datetime(is: Timestamp) -> Self {
        Self::DateTime(Box::new(SourceText { value: is, text: None }))
    }

    /// Nothing to see: null, the empty text, an empty list, map or object.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::String(text) => text.is_empty(),
            Self::Array(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            Self::Object(object) => object.fields.is_empty() && object.unknown_fields.is_empty(),
            _ => false,
        }
    }

    /// The value that a field has when no one ever set it: `false`, `0`, all zeros, empty.
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Boolean(flag) => !flag,
            Self::Integer(number) => *number == 0,
            Self::Decimal(number) => number.is_zero(),
            Self::Uuid(guid) => guid.is_nil(),
            other => other.is_blank(),
        }
    }

    /// Whether nothing in it is an id that only a create will tell.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::KnownAfterApply(_) => false,
            Self::Array(items) => items.iter().all(Self::is_wholly_known),
            Self::Map(entries) => entries.iter().all(|(_, value)| value.is_wholly_known()),
            Self::Object(object) => object.is_wholly_known(),
            _ => true,
        }
    }

    /// Equality that ignores the order of map keys and of unknown members.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, value)| b.iter().any(|(k, v)| k == key && value.is_equivalent(v)))
            }
            (Self::Array(a), Self::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_equivalent(b))
            }
            (Self::Object(a), Self::Object(b)) => a.is_equivalent(b),
            _ => self == other,
        }
    }

    /// The text inside, when this is a text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items inside; none for anything that is not a list.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The object that it is, or those that are its items.
    pub fn list_objects(&self) -> impl Iterator<Item = &Object> {
        self.as_object().into_iter().chain(self.items().iter().filter_map(Self::as_object))
    }

    /// The object inside, when this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl Object {
    /// The value of field number `field`; `None` when the field is absent.
    pub fn get_field(&self, field: u16) -> Option<&Value> {
        let at = self.fields.binary_search_by_key(&field, |(number, _)| *number).ok()?;
        Some(&self.fields[at].1)
    }

    /// Sets field number `field`, replacing what was there.
    pub fn set_field(&mut self, field: u16, value: Value) {
        self.forget_source(field);
        match self.fields.binary_search_by_key(&field, |(number, _)| *number) {
            Ok(at) => self.fields[at].1 = value,
            Err(at) => self.fields.insert(at, (field, value)),
        }
    }

    /// Takes field number `field` out, so that it is absent.
    pub fn take_field(&mut self, field: u16) -> Option<Value> {
        self.forget_source(field);
        let at = self.fields.binary_search_by_key(&field, |(number, _)| *number).ok()?;
        Some(self.fields.remove(at).1)
    }

    /// Keeps the text in which a field came, in the bytes of its wire format, until the field is set anew.
    pub fn keep_source(&mut self, field: u16, text: &str) {
        self.carried.get_or_insert_default().sources.push((field, text.into()));
    }

    /// The text in which a field came, where it is not the form in which its value is written.
    pub fn find_source(&self, field: u16) -> Option<&str> {
        let carried = self.carried.as_ref()?;
        carried.sources.iter().find(|(number, _)| *number == field).map(|(_, text)| &**text)
    }

    fn forget_source(&mut self, field: u16) {
        if let Some(carried) = &mut self.carried {
            carried.sources.retain(|(number, _)| *number != field);
        }
    }

    /// Keeps a member that the kind ignores.
    pub fn keep_ignored_field(&mut self, ignored: UnknownField) {
        let fields = &mut self.carried.get_or_insert_default().ignored_fields;
        fields.retain(|own| own.name != ignored.name);
        fields.push(ignored);
    }

    /// The members that the kind ignores, as the service sent them.
    pub fn ignored_fields(&self) -> &[UnknownField] {
        self.carried.as_ref().map_or(&[], |carried| &carried.ignored_fields)
    }

    /// Every present field, in the kind's order.
    pub fn fields(&self) -> impl Iterator<Item = (u16, &Value)> {
        self.fields.iter().map(|(number, value)| (*number, value))
    }

    /// Every present field, in the kind's order.
    pub fn field_slice(&self) -> &[(u16, Value)] {
        &self.fields
    }

    /// Whether nothing in it is an id that only a create will tell.
    pub fn is_wholly_known(&self) -> bool {
        self.fields.iter().all(|(_, value)| value.is_wholly_known())
    }

    /// Gives back the room that growing left over; worth it before many objects are kept.
    pub fn shrink_to_fit(&mut self) {
        self.fields.shrink_to_fit();
        self.unknown_fields.shrink_to_fit();
    }

    /// Equality that ignores the order of map keys and of unknown members.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(|((i, a), (j, b))| i == j && a.is_equivalent(b))
            && self.has_same_unknown_fields(other)
    }

    /// Whether the same unknown members came, in any order.
    pub fn has_same_unknown_fields(&self, other: &Self) -> bool {
        if self.unknown_fields == other.unknown_fields {
            return true;
        }
        let sorted = |object: &Self| {
            let mut unknown_members: Vec<UnknownField> = object.unknown_fields.clone();
            unknown_members.sort_unstable_by(|a, b| a.name.cmp(&b.name).then_with(|| a.raw.cmp(&b.raw)));
            unknown_members
        };
        self.unknown_fields.len() == other.unknown_fields.len() && sorted(self) == sorted(other)
    }
}

/// What must not be seen of a field, and why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub enum Sensitivity {
    #[default]
    Public,
    /// Not personal, but it may carry credentials or tell too much: shown only as "changed".
    Internal,
    /// About a person.
    Personal,
    /// A credential: a document may only say where it comes from.
    Secret,
}

impl Sensitivity {
    /// The word in kind files and reports; empty for an open field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "",
            Self::Internal => "sensitive",
            Self::Personal => "personal",
            Self::Secret => "secret",
        }
    }

    /// Whether a field may hold a value that is this sensitive: no more than itself, and secrets by themselves.
    pub fn takes_value_of(self, value: Self) -> bool {
        value <= self && (value == Self::Secret) == (self == Self::Secret)
    }
}

/// Where a value stands in an object.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ValuePath(pub Vec<PathSegment>);

/// One step of a [`ValuePath`].
#[derive(Clone, PartialEq, Eq)]
pub enum PathSegment {
    /// A field, by the name that documents use.
    Field(std::sync::Arc<str>),
    /// A key of a map, with the mark of the map.
    Key(Box<str>, Sensitivity),
    /// An item of a list: where it stands, and the values that tell it apart.
    Item { index: usize, key: Vec<ItemKeyField> },
}

/// One value of a list item's key, with its own mark: a key can be a secret too.
#[derive(Clone, PartialEq, Eq)]
pub struct ItemKeyField {
    pub name: std::sync::Arc<str>,
    pub value: Value,
    pub sensitivity: Sensitivity,
}

impl ValuePath {
    /// Whether one path leads into the other; items count by their key, not by where they are.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.count_common_segments(other) == self.0.len().min(other.0.len())
    }

    /// How many segments two paths begin with in common; items count by their key, not by where they are.
    pub fn count_common_segments(&self, other: &Self) -> usize {
        let is_same = |(a, b): &(&PathSegment, &PathSegment)| match (a, b) {
            (PathSegment::Item { key: a, .. }, PathSegment::Item { key: b, .. }) if !a.is_empty() => a == b,
            (a, b) => a == b,
        };
        self.0.iter().zip(&other.0).take_while(is_same).count()
    }

    /// This path with one more step.
    pub fn join_segment(&self, segment: PathSegment) -> Self {
        let mut path = self.clone();
        path.0.push(segment);
        path
    }

    /// The name of the top-level field under which the value stands.
    pub fn top_field(&self) -> Option<&str> {
        match self.0.first() {
            Some(PathSegment::Field(name)) => Some(name),
            _ => None,
        }
    }

    /// As JSON Pointer (RFC 6901). Items stand by their index, so no key value appears in it.
    pub fn to_pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in &self.0 {
            pointer.push('/');
            match segment {
                PathSegment::Field(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
                PathSegment::Key(key, Sensitivity::Public) => {
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"))
                }
                PathSegment::Key(_, _) => pointer.push('*'),
                PathSegment::Item { index, .. } => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_in_the_order_of_the_shape() {
        let mut object = Object::default();
        for number in [3, 1, 2] {
            object.set_field(number, Value::Integer(i64::from(number)));
        }
        assert!(object.fields().map(|(number, _)| number).eq([1, 2, 3]));
        assert!(object.take_field(2) == Some(Value::Integer(2)));
        assert!(object.get_field(2).is_none());
    }

    #[test]
    fn maps_are_the_same_in_any_order() {
        let entry = |key: &str, n| (Box::from(key), Value::Integer(n));
        let a = Value::Map(vec![entry("a", 1), entry("b", 2)]);
        let b = Value::Map(vec![entry("b", 2), entry("a", 1)]);
        assert!(a.is_equivalent(&b));
    }

    #[test]
    fn a_pointer_escapes_and_hides_marked_keys() {
        let path = ValuePath(vec![
            PathSegment::Field("a/b~".into()),
            PathSegment::Item { index: 4, key: Vec::new() },
            PathSegment::Key("https://x".into(), Sensitivity::Internal),
        ]);
        assert_eq!(path.to_pointer(), "/a~1b~0/4/*");
    }
}
