//! One object of an answer, read as its shape says.
//!
//! Member names are looked up in the order in which the last object had them, so a list of like objects costs
//! one comparison a member. Spelling is read leniently (numbers in quotes, one item for a list of one, `1` for
//! true), meaning never: what does not fit becomes a stranger and a [`SchemaMismatch`]. A choice may have values that
//! no description lists, and a text may be longer than a document's may: what a service holds is a fact.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use rust_decimal::Decimal;

use super::lexer::{
    DecodeError, KeySyntax, TokenKind, WireLexer, WireReadError, WireReadResult, WireScalar, into_text,
};
use super::snapshot::{LookupLink, MemberSpelling, SchemaMismatch, Snapshot};
use crate::exchange::WireValue;
use crate::kind::scalar::ScalarToken;
use crate::kind::{
    Field, FieldType, ItemType, Kind, MemberNameCase, ReferenceSource, ScalarType, Shape, address,
};
use crate::value::{Object, UnknownField, Value};

/// How many values one answer may hold.
const MAX_VALUES: usize = 8_000_000;
/// So many names are held against each other one by one.
const LINEAR_SEARCH_LIMIT: usize = 16;
/// How many misreads of one object are reported; one is enough to refuse it.
const MAX_MISMATCHES: usize = 20;

/// The members of a shape, as they stand on the wire.
pub(super) struct MemberIndex<'k> {
    members: Vec<IndexedMember<'k>>,
    /// Behind each member (and, first of all, at the start of an object) the one that followed it last time.
    successors: Vec<Cell<usize>>,
    member_names: MemberNameCase,
    /// Where members may be that are read over.
    ignoring: Option<&'k Shape>,
    /// Where the id of the object is made of its fields.
    composed: Option<&'k Kind>,
}

struct IndexedMember<'k> {
    name: &'k str,
    /// As it was last spelt, where that counts.
    last_spelling: RefCell<Option<Box<str>>>,
    /// The field that stands here.
    field: Option<(&'k Field, MemberType<'k>)>,
    /// The fields that stand further inside.
    nested: Option<MemberIndex<'k>>,
}

/// A value; where it is the id of something else, that thing may stand there whole.
#[derive(Clone, Copy)]
struct ScalarTarget<'k> {
    scalar_type: &'k ScalarType,
    embedded: Option<EmbeddedReference<'k>>,
}

/// A thing that stands whole where its id is meant.
#[derive(Clone, Copy)]
struct EmbeddedReference<'k> {
    /// The member that holds its id.
    id_member: &'k str,
    /// The member that holds the URL of the list in which it stands.
    list_member: Option<&'k str>,
    member_names: MemberNameCase,
}

/// What a field is, with the names below it.
enum MemberType<'k> {
    Scalar(ScalarTarget<'k>),
    Map(&'k ScalarType),
    ScalarArray(ScalarTarget<'k>),
    Object(MemberIndex<'k>),
    ObjectArray(MemberIndex<'k>),
    /// Each member is an item; the number of the field with its name.
    KeyedArray(MemberIndex<'k>, u16),
}

impl<'k> MemberIndex<'k> {
    /// The members of an object of a kind.
    pub(super) fn from_kind(kind: &'k Kind) -> Self {
        let composed = Some(kind).filter(|kind| kind.identity.composition.is_some());
        Self { composed, ..Self::from_shape(&kind.shape, kind.api.member_names) }
    }

    pub(super) fn from_shape(shape: &'k Shape, words: MemberNameCase) -> Self {
        let mut names = Self::new(words);
        names.ignoring = Some(shape).filter(|shape| !shape.ignored_members.is_empty());
        for field in &shape.fields {
            if let [first, rest @ ..] = field.read_from.as_slice() {
                names.insert_field(first, rest, field, MemberType::from_field(field, words));
            }
        }
        names
    }

    fn new(words: MemberNameCase) -> Self {
        Self {
            members: Vec::new(),
            successors: vec![Cell::new(0)],
            member_names: words,
            ignoring: None,
            composed: None,
        }
    }

    fn insert_field(
        &mut self,
        name: &'k str,
        rest: &'k [std::sync::Arc<str>],
        field: &'k Field,
        reads: MemberType<'k>,
    ) {
        let at = self.members.iter().position(|member| self.matches_name(member.name, name)).unwrap_or_else(
            || {
                self.members.push(IndexedMember {
                    name,
                    last_spelling: RefCell::default(),
                    field: None,
                    nested: None,
                });
                self.successors.push(Cell::new(self.members.len()));
                self.members.len() - 1
            },
        );
        let words = self.member_names;
        let Some(member) = self.members.get_mut(at) else { return };
        match rest {
            [] => member.field = Some((field, reads)),
            [first, rest @ ..] => {
                member.nested.get_or_insert_with(|| Self::new(words)).insert_field(first, rest, field, reads);
            }
        }
    }

    fn matches_name(&self, own: &str, name: &str) -> bool {
        self.member_names.is_same_name(own, name)
    }

    /// The member called `name`. `after` is where the search before ended; it is moved on.
    fn find_member(&self, name: &str, after: &mut usize) -> Option<&IndexedMember<'k>> {
        let member = self.seek_member(name, after)?;
        if self.member_names == MemberNameCase::PreserveCase
            && member.last_spelling.borrow().as_deref() != Some(name)
        {
            member.last_spelling.replace(Some(name.into()));
        }
        Some(member)
    }

    /// How the members were last spelt that are written under the names under which they are read.
    pub(super) fn collect_spellings(&self, above: &str, found: &mut Vec<MemberSpelling>) {
        for member in &self.members {
            let Some((field, reads)) = &member.field else { continue };
            let path = format!("{above}/{}", field.write_to);
            let name = member.last_spelling.borrow().clone();
            if let Some(name) = name.filter(|name| name.eq_ignore_ascii_case(&field.write_to)) {
                found.push(MemberSpelling { path: path.as_str().into(), name });
            }
            if let MemberType::Object(names) | MemberType::ObjectArray(names) = reads {
                names.collect_spellings(&path, found);
            }
        }
    }

    fn seek_member(&self, name: &str, after: &mut usize) -> Option<&IndexedMember<'k>> {
        let hint = self.successors.get(*after)?;
        let guess = self.members.get(hint.get()).filter(|member| self.matches_name(member.name, name));
        if let Some(member) = guess {
            *after = hint.get() + 1;
            return Some(member);
        }
        let at = self.members.iter().position(|member| self.matches_name(member.name, name))?;
        hint.set(at);
        *after = at + 1;
        self.members.get(at)
    }
}

impl<'k> MemberType<'k> {
    fn from_field(field: &'k Field, words: MemberNameCase) -> Self {
        let whole = field.reference.as_ref().map(|refers| EmbeddedReference {
            id_member: &refers.id,
            list_member: match &refers.source {
                Some(ReferenceSource::UrlIn(member)) => Some(member),
                _ => None,
            },
            member_names: words,
        });
        match &field.ty {
            FieldType::Scalar(own_scalar) => {
                Self::Scalar(ScalarTarget { scalar_type: own_scalar, embedded: whole })
            }
            FieldType::Map(map) => Self::Map(&map.value),
            FieldType::Object(shape) => Self::Object(MemberIndex::from_shape(shape, words)),
            FieldType::Array(list) => match &list.item {
                ItemType::Scalar(own_scalar) => {
                    Self::ScalarArray(ScalarTarget { scalar_type: own_scalar, embedded: whole })
                }
                ItemType::Object(shape) => {
                    let index = MemberIndex::from_shape(shape, words);
                    match list.keyed_members {
                        Some(keyed) => Self::KeyedArray(index, keyed.key),
                        None => Self::ObjectArray(index),
                    }
                }
            },
        }
    }
}

/// What is known while an answer is read.
#[derive(Default)]
pub(super) struct ObjectReader<'k> {
    value_count: usize,
    path: Vec<WirePathSegment<'k>>,
    mismatches: Vec<SchemaMismatch>,
    links: Vec<LookupLink>,
    /// The value at hand came in another form than the one in which it is written.
    reshaped: bool,
}

/// One step of the way to the value at hand.
enum WirePathSegment<'k> {
    Field(&'k str),
    Item(usize),
}

impl<'k> ObjectReader<'k> {
    /// The object that stands here, with what did not fit.
    pub(super) fn read_snapshot<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        names: &MemberIndex<'k>,
    ) -> WireReadResult<Snapshot> {
        let mut object = self.read_object(lexer, names)?;
        let id = names.composed.and_then(|kind| {
            Some((kind.identity.id, address::compose_id(kind, |number| object.get_field(number))?))
        });
        id.into_iter().for_each(|(number, id)| object.set_field(number, id));
        let (misread, links) = (std::mem::take(&mut self.mismatches), std::mem::take(&mut self.links));
        Ok(Snapshot { object, mismatches: misread, links, etag: None })
    }

    fn read_object<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        names: &MemberIndex<'k>,
    ) -> WireReadResult<Object> {
        let (mut object, mut after) = (Object::default(), 0);
        lexer.read_members(KeySyntax::Identifier, |name, lexer| {
            match names.find_member(name, &mut after) {
                Some(member) => self.read_member(lexer, name, member, &mut object),
                None if names.ignoring.is_some_and(|shape| shape.ignores_member(name)) => {
                    let raw = lexer.skip_value()?;
                    object.keep_ignored_field(UnknownField { name: name.into(), raw: raw.into() });
                    Ok(())
                }
                None => self.read_unknown_field(lexer, name, &mut object),
            }
        })?;
        keep_last(&mut object.unknown_fields, |stranger| &stranger.name);
        Ok(object)
    }

    fn read_unknown_field<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        object: &mut Object,
    ) -> WireReadResult<()> {
        self.count_value()?;
        let raw = lexer.skip_value()?;
        object.unknown_fields.push(UnknownField { name: name.into(), raw: raw.into() });
        Ok(())
    }

    /// A member that the kind knows: as the field that stands here, and for those that stand inside.
    fn read_member<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        member: &IndexedMember<'k>,
        object: &mut Object,
    ) -> WireReadResult<()> {
        let mut again = *lexer;
        if let Some(known) = &member.field {
            self.read_field(lexer, name, known, object)?;
        }
        if let Some(inside) = &member.nested {
            if member.field.is_none() {
                self.read_nested_members(lexer, name, inside, object)?;
            } else {
                self.read_nested_members(&mut again, name, inside, object)?;
            }
        }
        Ok(())
    }

    fn read_field<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        (field, reads): &(&'k Field, MemberType<'k>),
        object: &mut Object,
    ) -> WireReadResult<()> {
        let start = *lexer;
        self.path.push(WirePathSegment::Field(&field.name));
        let depth = self.path.len();
        let above = std::mem::replace(&mut self.reshaped, false);
        let read = self.read_value(lexer, reads);
        let reshaped = std::mem::replace(&mut self.reshaped, above);
        match read {
            Ok(value) => {
                object.set_field(field.number, value);
                if reshaped {
                    let mut again = start;
                    object.keep_source(field.number, again.skip_value()?);
                }
            }
            Err(WireReadError::TypeMismatch(message)) => {
                self.record_mismatch(message);
                object.take_field(field.number);
                *lexer = start;
                self.read_unknown_field(lexer, name, object)?;
            }
            Err(fault) => return Err(fault),
        }
        self.path.truncate(depth - 1);
        Ok(())
    }

    /// Fields that stand inside a member. Its other members are not theirs to carry: they are passed over.
    fn read_nested_members<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        names: &MemberIndex<'k>,
        object: &mut Object,
    ) -> WireReadResult<()> {
        match lexer.peek_token()? {
            TokenKind::Object => {
                let mut after = 0;
                lexer.read_members(KeySyntax::Identifier, |name, lexer| {
                    match names.find_member(name, &mut after) {
                        Some(member) => self.read_member(lexer, name, member, object),
                        None => lexer.skip_value().map(drop),
                    }
                })
            }
            TokenKind::Null => {
                lexer.read_null()?;
                names.set_null(object);
                Ok(())
            }
            TokenKind::Scalar | TokenKind::Array => self.read_flat_reference(lexer, name, names, object),
        }
    }

    /// A reference that is read inside an object may come bare, as it is written.
    fn read_flat_reference<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        names: &MemberIndex<'k>,
        object: &mut Object,
    ) -> WireReadResult<()> {
        let known = names.members.iter().filter_map(|member| member.field.as_ref());
        let mut bare = known.filter(|(field, _)| names.matches_name(&field.write_to, name));
        if let Some(known) = bare.next() {
            return self.read_field(lexer, name, known, object);
        }
        let first = names.members.iter().find_map(|member| member.field.as_ref());
        self.path.extend(first.map(|(field, _)| WirePathSegment::Field(&field.name)));
        self.record_mismatch("this is not an object".to_owned());
        self.path.truncate(self.path.len() - usize::from(first.is_some()));
        self.read_unknown_field(lexer, name, object)
    }

    fn read_value<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        reads: &MemberType<'k>,
    ) -> WireReadResult<Value> {
        match reads {
            MemberType::Scalar(one) => self.read_scalar_or_object(lexer, *one),
            MemberType::ScalarArray(one) => self.read_scalar_array(lexer, *one),
            MemberType::Map(own_scalar) => self.read_map(lexer, own_scalar),
            MemberType::Object(names) => self.read_nested_object(lexer, names, "this is not an object"),
            MemberType::ObjectArray(names) => self.read_object_array(lexer, names),
            MemberType::KeyedArray(names, key) => self.read_keyed_array(lexer, names, *key),
        }
    }

    fn read_nested_object<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        names: &MemberIndex<'k>,
        otherwise: &str,
    ) -> WireReadResult<Value> {
        self.count_value()?;
        match lexer.peek_token()? {
            TokenKind::Object => Ok(Value::Object(Box::new(self.read_object(lexer, names)?))),
            TokenKind::Array => read_empty(lexer, otherwise).map(|()| Value::Object(Box::default())),
            ahead => read_null(lexer, ahead, otherwise),
        }
    }

    fn read_object_array<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        names: &MemberIndex<'k>,
    ) -> WireReadResult<Value> {
        match lexer.peek_token()? {
            TokenKind::Array => self.read_items(lexer, |reading, lexer| {
                reading.read_nested_object(lexer, names, "this is not an object")
            }),
            _ if is_empty_container(lexer) => self.read_empty_array(lexer),
            _ => match self.read_nested_object(lexer, names, "this is not a list")? {
                Value::Null => Ok(Value::Null),
                one => {
                    self.reshaped = true;
                    Ok(Value::Array(vec![one]))
                }
            },
        }
    }

    /// The members of an object as items, each with its name; one that is null is none.
    fn read_keyed_array<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        names: &MemberIndex<'k>,
        key: u16,
    ) -> WireReadResult<Value> {
        self.count_value()?;
        let (mut items, depth) = (Vec::new(), self.path.len());
        match lexer.peek_token()? {
            TokenKind::Object => lexer.read_members(KeySyntax::AnyText, |name, lexer| {
                self.path.push(WirePathSegment::Item(items.len()));
                let item = self.read_nested_object(lexer, names, "this is not an object")?;
                items.push((Box::from(name), item));
                self.path.truncate(depth);
                Ok(())
            })?,
            TokenKind::Array => read_empty(lexer, "this is not an object")?,
            ahead => return read_null(lexer, ahead, "this is not an object"),
        }
        keep_last(&mut items, |(name, _)| name);
        // what is no item is sent back as it came
        self.reshaped |= items.iter().any(|(_, item)| matches!(item, Value::Null));
        let item = |(name, item): (Box<str>, Value)| match item {
            Value::Object(mut object) => {
                object.set_field(key, Value::String(name));
                Some(Value::Object(object))
            }
            _ => None,
        };
        Ok(Value::Array(items.into_iter().filter_map(item).collect()))
    }

    fn read_scalar_array<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        item: ScalarTarget,
    ) -> WireReadResult<Value> {
        match lexer.peek_token()? {
            TokenKind::Array => {
                self.read_items(lexer, |reading, lexer| reading.read_scalar_or_object(lexer, item))
            }
            _ if is_empty_container(lexer) => self.read_empty_array(lexer),
            _ => match self.read_scalar_or_object(lexer, item)? {
                Value::Null => Ok(Value::Null),
                one => {
                    self.reshaped = true;
                    Ok(Value::Array(vec![one]))
                }
            },
        }
    }

    fn read_scalar_or_object<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        one: ScalarTarget,
    ) -> WireReadResult<Value> {
        match (lexer.peek_token()?, one.embedded) {
            (TokenKind::Object, Some(whole)) => {
                let mut found = None;
                lexer.read_members(KeySyntax::Identifier, |name, lexer| {
                    if whole.member_names.is_same_name(whole.id_member, name) {
                        found = Some(self.read_scalar(lexer, one.scalar_type)?);
                        return Ok(());
                    }
                    let list =
                        whole.list_member.is_some_and(|list| whole.member_names.is_same_name(list, name));
                    if list && lexer.peek_token()? == TokenKind::Scalar {
                        let url = into_text(lexer.read_scalar()?);
                        self.record_link(url);
                        return Ok(());
                    }
                    lexer.skip_value().map(drop)
                })?;
                found.ok_or_else(|| WireReadError::TypeMismatch(format!("this has no `{}`", whole.id_member)))
            }
            _ => self.read_scalar(lexer, one.scalar_type),
        }
    }

    /// `{}` where a list is meant: languages without a type for empty lists write it so.
    fn read_empty_array<'b, L: WireLexer<'b>>(&mut self, lexer: &mut L) -> WireReadResult<Value> {
        self.count_value()?;
        lexer.skip_value()?;
        Ok(Value::Array(Vec::new()))
    }

    fn read_items<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        mut item: impl FnMut(&mut Self, &mut L) -> WireReadResult<Value>,
    ) -> WireReadResult<Value> {
        self.count_value()?;
        let (mut items, depth) = (Vec::new(), self.path.len());
        lexer.read_array(|lexer| {
            self.path.push(WirePathSegment::Item(items.len()));
            items.push(item(self, lexer)?);
            self.path.truncate(depth);
            Ok(())
        })?;
        Ok(Value::Array(items))
    }

    fn read_map<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        own_scalar: &ScalarType,
    ) -> WireReadResult<Value> {
        self.count_value()?;
        match lexer.peek_token()? {
            TokenKind::Object => {
                let mut entries = Vec::new();
                lexer.read_members(KeySyntax::AnyText, |key, lexer| {
                    entries.push((Box::from(key), self.read_scalar(lexer, own_scalar)?));
                    Ok(())
                })?;
                keep_last(&mut entries, |(key, _)| key);
                Ok(Value::Map(entries))
            }
            TokenKind::Array => read_empty(lexer, "this is not a map").map(|()| Value::Map(Vec::new())),
            ahead => read_null(lexer, ahead, "this is not a map"),
        }
    }

    /// A value; one that may be anything can have parts.
    pub(super) fn read_scalar<'b, L: WireLexer<'b>>(
        &mut self,
        lexer: &mut L,
        own_scalar: &ScalarType,
    ) -> WireReadResult<Value> {
        match (lexer.peek_token()?, own_scalar) {
            (TokenKind::Array, ScalarType::Any) => {
                self.read_items(lexer, |reading, lexer| reading.read_scalar(lexer, own_scalar))
            }
            (TokenKind::Object, ScalarType::Any) => self.read_map(lexer, own_scalar),
            (TokenKind::Null, _) => {
                self.count_value()?;
                lexer.read_null()?;
                Ok(Value::Null)
            }
            (TokenKind::Scalar, _) => {
                self.count_value()?;
                let mut again = *lexer;
                let value = convert_scalar(own_scalar, lexer.read_scalar()?)?;
                self.reshaped |= !is_same_form(own_scalar, &again.read_scalar()?, &value);
                Ok(value)
            }
            // a guid may stand in braces, which in JSV looks like an object
            (TokenKind::Object, ScalarType::Uuid) => {
                convert_scalar(own_scalar, WireScalar::Plain(lexer.skip_value()?))
            }
            (TokenKind::Object | TokenKind::Array, _) => {
                Err(WireReadError::TypeMismatch(format!("this is not {}", own_scalar.describe_type())))
            }
        }
    }

    fn count_value(&mut self) -> WireReadResult<()> {
        self.value_count += 1;
        if self.value_count > MAX_VALUES {
            return Err(DecodeError::new(format!("the answer holds more than {MAX_VALUES} values")).into());
        }
        Ok(())
    }

    /// Things in one field stand in one list.
    fn record_link(&mut self, url: Box<str>) {
        let names = self.path.iter().filter_map(|place| match place {
            WirePathSegment::Field(name) => Some(*name),
            WirePathSegment::Item(_) => None,
        });
        let path = names.collect::<Vec<_>>().join("/");
        if !self.links.iter().any(|link| *link.path == *path) {
            self.links.push(LookupLink { path: path.into(), url });
        }
    }

    fn record_mismatch(&mut self, message: String) {
        if self.mismatches.len() < MAX_MISMATCHES {
            let pointer = format_pointer(&self.path);
            self.mismatches.push(SchemaMismatch { pointer, message });
        }
    }
}

impl MemberIndex<'_> {
    fn set_null(&self, object: &mut Object) {
        for member in &self.members {
            if let Some((field, _)) = &member.field {
                object.set_field(field.number, Value::Null);
            }
            if let Some(inside) = &member.nested {
                inside.set_null(object);
            }
        }
    }
}

/// Whether an object or a list without anything in it follows.
fn is_empty_container<'b, L: WireLexer<'b>>(lexer: &L) -> bool {
    let mut ahead = *lexer;
    let text = ahead.skip_value().unwrap_or_default();
    let inner = text.strip_prefix(['{', '[']).and_then(|rest| rest.strip_suffix(['}', ']']));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

/// `[]` where an object or a map is meant.
fn read_empty<'b, L: WireLexer<'b>>(lexer: &mut L, otherwise: &str) -> WireReadResult<()> {
    if is_empty_container(lexer) {
        return lexer.skip_value().map(drop);
    }
    Err(WireReadError::TypeMismatch(otherwise.to_owned()))
}

/// Null, in any of its spellings; anything else does not fit.
fn read_null<'b, L: WireLexer<'b>>(
    lexer: &mut L,
    ahead: TokenKind,
    otherwise: &str,
) -> WireReadResult<Value> {
    let is_null = match ahead {
        TokenKind::Null => lexer.read_null().map(|()| true)?,
        TokenKind::Scalar => matches!(lexer.read_scalar()?, WireScalar::Plain("null")),
        TokenKind::Array | TokenKind::Object => false,
    };
    if is_null { Ok(Value::Null) } else { Err(WireReadError::TypeMismatch(otherwise.to_owned())) }
}

/// A scalar of a service, as this value.
fn convert_scalar(own_scalar: &ScalarType, scalar: WireScalar) -> WireReadResult<Value> {
    match (own_scalar, scalar) {
        (ScalarType::String { .. } | ScalarType::Enum { .. }, scalar) => Ok(Value::String(into_text(scalar))),
        (ScalarType::Any, scalar) => convert_token(own_scalar, scalar.as_token()),
        (ScalarType::Boolean, WireScalar::String(text)) if matches!(&*text, "0" | "1") => {
            Ok(Value::Boolean(text == "1"))
        }
        (
            ScalarType::Boolean,
            WireScalar::Plain(text @ ("0" | "1")) | WireScalar::Number(text @ ("0" | "1")),
        ) => Ok(Value::Boolean(text == "1")),
        // an empty text is no number, no guid, no date
        (_, WireScalar::String(text)) if text.is_empty() => Ok(Value::Null),
        (_, WireScalar::Plain("null")) => Ok(Value::Null),
        (_, scalar) => convert_token(own_scalar, scalar.as_token()),
    }
}

/// Whether a value is written in the form in which it came. Of dates the text is kept, and every spelling of a UUID
/// is the same to a service.
fn is_same_form(own_scalar: &ScalarType, scalar: &WireScalar, value: &Value) -> bool {
    match (scalar, value) {
        (_, Value::Uuid(_) | Value::Date(_) | Value::DateTime(_)) => true,
        (WireScalar::String(_) | WireScalar::Plain(_), Value::String(_)) => true,
        (WireScalar::Boolean(_), Value::Boolean(_)) => true,
        (WireScalar::Plain(text), Value::Boolean(flag)) => text.eq_ignore_ascii_case(&flag.to_string()),
        (scalar, Value::Integer(_) | Value::Decimal(_) | Value::Number(_)) => {
            match (scalar, own_scalar.encode_value(value)) {
                (WireScalar::String(text), WireValue::String(written)) => *text == written,
                (WireScalar::Number(text), WireValue::Number(written)) => *text == written,
                (WireScalar::Plain(text), WireValue::Number(written) | WireValue::String(written)) => {
                    *text == written
                }
                _ => false,
            }
        }
        _ => false,
    }
}

fn convert_token(own_scalar: &ScalarType, token: ScalarToken) -> WireReadResult<Value> {
    if matches!(own_scalar, ScalarType::Integer(_))
        && let ScalarToken::String(text) | ScalarToken::Plain(text) | ScalarToken::Number(text) = token
        && let Some(digits) = expand_integer(text)
    {
        return convert_token(own_scalar, ScalarToken::Number(&digits));
    }
    let mut value =
        own_scalar.read_token(token).map_err(|mismatch| WireReadError::TypeMismatch(mismatch.message))?;
    if let ScalarToken::String(text) | ScalarToken::Plain(text) | ScalarToken::Number(text) = token {
        match &mut value {
            Value::Date(date) => date.set_text(text),
            Value::DateTime(time) if *own_scalar == ScalarType::DateTime => time.set_text(text),
            _ => {}
        }
    }
    Ok(value)
}

/// The digits of an integer that is written with an exponent, such as `1.0E7`.
fn expand_integer(text: &str) -> Option<String> {
    if !text.contains(['e', 'E']) {
        return None;
    }
    let number = Decimal::from_scientific(text).ok()?;
    number.is_integer().then(|| number.trunc().normalize().to_string())
}

fn format_pointer(trail: &[WirePathSegment]) -> String {
    let mut pointer = String::new();
    for place in trail {
        pointer.push('/');
        match place {
            WirePathSegment::Field(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            WirePathSegment::Item(index) => pointer.push_str(&index.to_string()),
        }
    }
    pointer
}

/// Of entries with the same name the last one stays.
fn keep_last<T>(entries: &mut Vec<T>, name: impl Fn(&T) -> &str) {
    let few = entries.len() <= LINEAR_SEARCH_LIMIT;
    if few
        && entries.iter().enumerate().all(|(at, one)| entries[..at].iter().all(|own| name(own) != name(one)))
    {
        return;
    }
    let mut seen = HashSet::with_capacity(entries.len());
    let mut stays: Vec<bool> = entries.iter().rev().map(|entry| seen.insert(name(entry))).collect();
    entries.retain(|_| stays.pop().unwrap_or(true));
}
