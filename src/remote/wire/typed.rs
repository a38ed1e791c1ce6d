//! One object of an answer, read as its shape says.
//!
//! Member names are looked up in the order in which the last object had them, so a list of like objects costs
//! one comparison a member. Spelling is read leniently (numbers in quotes, one item for a list of one, `1` for
//! true), meaning never: what does not fit becomes a stranger and a [`Misread`]. A choice may have values that
//! no description lists, and a text may be longer than a document's may: what a service holds is a fact.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use super::{Ahead, Keys, Lexer, Link, Live, Misread, Scalar, Spelt, Step, Stop, Unreadable};
use crate::kind::leaf::Token;
use crate::kind::{Among, Field, Item, Leaf, NamesWord, Shape, Type};
use crate::value::{Object, Stranger, Value};

/// How many values one answer may hold.
const MAX_VALUES: usize = 8_000_000;
/// So many names are held against each other one by one.
const FEW: usize = 16;
/// How many misreads of one object are told; one is enough to refuse it.
const MAX_MISREADS: usize = 20;

/// The members of a shape, as they stand on the wire.
pub(super) struct Names<'k> {
    members: Vec<Member<'k>>,
    /// Behind each member (and, first of all, at the start of an object) the one that followed it last time.
    next: Vec<Cell<usize>>,
    words: NamesWord,
}

struct Member<'k> {
    name: &'k str,
    /// As it was last spelt, where that counts.
    spelt: RefCell<Option<Box<str>>>,
    /// The field that stands here.
    field: Option<(&'k Field, Reads<'k>)>,
    /// The fields that stand further inside.
    inside: Option<Names<'k>>,
}

/// A leaf; where it is the id of something else, that thing may stand there whole.
#[derive(Clone, Copy)]
struct One<'k> {
    leaf: &'k Leaf,
    whole: Option<Whole<'k>>,
}

/// A thing that stands whole where its id is meant.
#[derive(Clone, Copy)]
struct Whole<'k> {
    /// The member that holds its id.
    id: &'k str,
    /// The member that holds the URL of the list in which it stands.
    list: Option<&'k str>,
    words: NamesWord,
}

/// What a field is, with the names below it.
enum Reads<'k> {
    Leaf(One<'k>),
    Map(&'k Leaf),
    Leaves(One<'k>),
    Object(Names<'k>),
    Objects(Names<'k>),
}

impl<'k> Names<'k> {
    pub(super) fn of(shape: &'k Shape, words: NamesWord) -> Self {
        let mut names = Self::empty(words);
        for field in &shape.fields {
            if let [first, rest @ ..] = field.read_as.as_slice() {
                names.enter(first, rest, field, Reads::of(field, words));
            }
        }
        names
    }

    fn empty(words: NamesWord) -> Self {
        Self { members: Vec::new(), next: vec![Cell::new(0)], words }
    }

    fn enter(&mut self, name: &'k str, rest: &'k [std::sync::Arc<str>], field: &'k Field, reads: Reads<'k>) {
        let at = self.members.iter().position(|member| self.same(member.name, name)).unwrap_or_else(|| {
            self.members.push(Member { name, spelt: RefCell::default(), field: None, inside: None });
            self.next.push(Cell::new(self.members.len()));
            self.members.len() - 1
        });
        let words = self.words;
        let Some(member) = self.members.get_mut(at) else { return };
        match rest {
            [] => member.field = Some((field, reads)),
            [first, rest @ ..] => {
                member.inside.get_or_insert_with(|| Self::empty(words)).enter(first, rest, field, reads);
            }
        }
    }

    fn same(&self, own: &str, name: &str) -> bool {
        same_name(self.words, own, name)
    }

    /// The member called `name`. `after` is where the search before ended; it is moved on.
    fn find(&self, name: &str, after: &mut usize) -> Option<&Member<'k>> {
        let member = self.seek(name, after)?;
        if self.words == NamesWord::AsRead && member.spelt.borrow().as_deref() != Some(name) {
            member.spelt.replace(Some(name.into()));
        }
        Some(member)
    }

    /// How the members were last spelt that are written under the names under which they are read.
    pub(super) fn spelt(&self, above: &str, found: &mut Vec<Spelt>) {
        for member in &self.members {
            let Some((field, reads)) = &member.field else { continue };
            let path = format!("{above}/{}", field.written_as);
            let name = member.spelt.borrow().clone();
            if let Some(name) = name.filter(|name| name.eq_ignore_ascii_case(&field.written_as)) {
                found.push(Spelt { path: path.as_str().into(), name });
            }
            if let Reads::Object(names) | Reads::Objects(names) = reads {
                names.spelt(&path, found);
            }
        }
    }

    fn seek(&self, name: &str, after: &mut usize) -> Option<&Member<'k>> {
        let hint = self.next.get(*after)?;
        let guess = self.members.get(hint.get()).filter(|member| self.same(member.name, name));
        if let Some(member) = guess {
            *after = hint.get() + 1;
            return Some(member);
        }
        let at = self.members.iter().position(|member| self.same(member.name, name))?;
        hint.set(at);
        *after = at + 1;
        self.members.get(at)
    }
}

/// Whether a member of an answer is called `name`.
pub(super) fn same_name(words: NamesWord, own: &str, name: &str) -> bool {
    match words {
        NamesWord::Exact => own == name,
        NamesWord::CaseInsensitive | NamesWord::AsRead => own.eq_ignore_ascii_case(name),
    }
}

impl<'k> Reads<'k> {
    fn of(field: &'k Field, words: NamesWord) -> Self {
        let whole = field.refers_to.as_ref().map(|refers| Whole {
            id: &refers.id,
            list: match &refers.among {
                Some(Among::UrlIn(member)) => Some(member),
                _ => None,
            },
            words,
        });
        match &field.ty {
            Type::Leaf(leaf) => Self::Leaf(One { leaf, whole }),
            Type::Map(map) => Self::Map(&map.value),
            Type::Object(shape) => Self::Object(Names::of(shape, words)),
            Type::List(list) => match &list.item {
                Item::Leaf(leaf) => Self::Leaves(One { leaf, whole }),
                Item::Object(shape) => Self::Objects(Names::of(shape, words)),
            },
        }
    }
}

/// What is known while an answer is read.
#[derive(Default)]
pub(super) struct Reading<'k> {
    values: usize,
    trail: Vec<Place<'k>>,
    misread: Vec<Misread>,
    links: Vec<Link>,
}

/// One step of the way to the value at hand.
enum Place<'k> {
    Field(&'k str),
    Item(usize),
}

impl<'k> Reading<'k> {
    /// The object that stands here, with what did not fit.
    pub(super) fn live<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, names: &Names<'k>) -> Step<Live> {
        let object = self.object(lexer, names)?;
        let (misread, links) = (std::mem::take(&mut self.misread), std::mem::take(&mut self.links));
        Ok(Live { object, misread, links, etag: None })
    }

    fn object<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, names: &Names<'k>) -> Step<Object> {
        let (mut object, mut after) = (Object::default(), 0);
        lexer.members(Keys::Fixed, |name, lexer| match names.find(name, &mut after) {
            Some(member) => self.member(lexer, name, member, &mut object),
            None => self.stranger(lexer, name, &mut object),
        })?;
        last_wins(&mut object.strangers, |stranger| &stranger.name);
        Ok(object)
    }

    fn stranger<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, name: &str, object: &mut Object) -> Step<()> {
        self.count()?;
        let raw = lexer.skip()?;
        object.strangers.push(Stranger { name: name.into(), raw: raw.into() });
        Ok(())
    }

    /// A member that the kind knows: as the field that stands here, and for those that stand inside.
    fn member<'b, L: Lexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        member: &Member<'k>,
        object: &mut Object,
    ) -> Step<()> {
        let mut again = *lexer;
        if let Some(known) = &member.field {
            self.field(lexer, name, known, object)?;
        }
        if let Some(inside) = &member.inside {
            if member.field.is_none() {
                self.inside(lexer, name, inside, object)?;
            } else {
                self.inside(&mut again, name, inside, object)?;
            }
        }
        Ok(())
    }

    fn field<'b, L: Lexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        (field, reads): &(&'k Field, Reads<'k>),
        object: &mut Object,
    ) -> Step<()> {
        let start = *lexer;
        self.trail.push(Place::Field(&field.name));
        let depth = self.trail.len();
        match self.value(lexer, reads) {
            Ok(value) => object.set(field.number, value),
            Err(Stop::Misfit(message)) => {
                self.misread(message);
                object.take(field.number);
                *lexer = start;
                self.stranger(lexer, name, object)?;
            }
            Err(fault) => return Err(fault),
        }
        self.trail.truncate(depth - 1);
        Ok(())
    }

    /// Fields that stand inside a member. Its other members are not theirs to carry: they are passed over.
    fn inside<'b, L: Lexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        names: &Names<'k>,
        object: &mut Object,
    ) -> Step<()> {
        match lexer.ahead()? {
            Ahead::Object => {
                let mut after = 0;
                lexer.members(Keys::Fixed, |name, lexer| match names.find(name, &mut after) {
                    Some(member) => self.member(lexer, name, member, object),
                    None => lexer.skip().map(drop),
                })
            }
            Ahead::Nothing => {
                lexer.nothing()?;
                names.set_null(object);
                Ok(())
            }
            Ahead::Scalar | Ahead::List => self.flat(lexer, name, names, object),
        }
    }

    /// A reference that is read inside an object may come bare, as it is written.
    fn flat<'b, L: Lexer<'b>>(
        &mut self,
        lexer: &mut L,
        name: &str,
        names: &Names<'k>,
        object: &mut Object,
    ) -> Step<()> {
        let known = names.members.iter().filter_map(|member| member.field.as_ref());
        let mut bare = known.filter(|(field, _)| names.same(&field.written_as, name));
        if let Some(known) = bare.next() {
            return self.field(lexer, name, known, object);
        }
        let first = names.members.iter().find_map(|member| member.field.as_ref());
        self.trail.extend(first.map(|(field, _)| Place::Field(&field.name)));
        self.misread("this is not an object".to_owned());
        self.trail.truncate(self.trail.len() - usize::from(first.is_some()));
        self.stranger(lexer, name, object)
    }

    fn value<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, reads: &Reads<'k>) -> Step<Value> {
        match reads {
            Reads::Leaf(one) => self.one(lexer, *one),
            Reads::Leaves(one) => self.leaves(lexer, *one),
            Reads::Map(leaf) => self.map(lexer, leaf),
            Reads::Object(names) => self.nested(lexer, names, "this is not an object"),
            Reads::Objects(names) => self.objects(lexer, names),
        }
    }

    fn nested<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, names: &Names<'k>, otherwise: &str) -> Step<Value> {
        self.count()?;
        match lexer.ahead()? {
            Ahead::Object => Ok(Value::Object(Box::new(self.object(lexer, names)?))),
            ahead => null(lexer, ahead, otherwise),
        }
    }

    fn objects<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, names: &Names<'k>) -> Step<Value> {
        match lexer.ahead()? {
            Ahead::List => {
                self.items(lexer, |reading, lexer| reading.nested(lexer, names, "this is not an object"))
            }
            _ => match self.nested(lexer, names, "this is not a list")? {
                Value::Null => Ok(Value::Null),
                one => Ok(Value::List(vec![one])),
            },
        }
    }

    fn leaves<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, item: One) -> Step<Value> {
        match lexer.ahead()? {
            Ahead::List => self.items(lexer, |reading, lexer| reading.one(lexer, item)),
            _ => match self.one(lexer, item)? {
                Value::Null => Ok(Value::Null),
                one => Ok(Value::List(vec![one])),
            },
        }
    }

    fn one<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, one: One) -> Step<Value> {
        match (lexer.ahead()?, one.whole) {
            (Ahead::Object, Some(whole)) => {
                let mut found = None;
                lexer.members(Keys::Fixed, |name, lexer| {
                    if same_name(whole.words, whole.id, name) {
                        found = Some(self.leaf(lexer, one.leaf)?);
                        return Ok(());
                    }
                    let list = whole.list.is_some_and(|list| same_name(whole.words, list, name));
                    if list && lexer.ahead()? == Ahead::Scalar {
                        let url = into_text(lexer.scalar()?);
                        self.link(url);
                        return Ok(());
                    }
                    lexer.skip().map(drop)
                })?;
                found.ok_or_else(|| Stop::Misfit(format!("this has no `{}`", whole.id)))
            }
            _ => self.leaf(lexer, one.leaf),
        }
    }

    fn items<'b, L: Lexer<'b>>(
        &mut self,
        lexer: &mut L,
        mut item: impl FnMut(&mut Self, &mut L) -> Step<Value>,
    ) -> Step<Value> {
        self.count()?;
        let (mut items, depth) = (Vec::new(), self.trail.len());
        lexer.list(|lexer| {
            self.trail.push(Place::Item(items.len()));
            items.push(item(self, lexer)?);
            self.trail.truncate(depth);
            Ok(())
        })?;
        Ok(Value::List(items))
    }

    fn map<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, leaf: &Leaf) -> Step<Value> {
        self.count()?;
        match lexer.ahead()? {
            Ahead::Object => {
                let mut entries = Vec::new();
                lexer.members(Keys::Free, |key, lexer| {
                    entries.push((Box::from(key), self.leaf(lexer, leaf)?));
                    Ok(())
                })?;
                last_wins(&mut entries, |(key, _)| key);
                Ok(Value::Map(entries))
            }
            ahead => null(lexer, ahead, "this is not a map"),
        }
    }

    /// A leaf; one that may be anything can have parts.
    pub(super) fn leaf<'b, L: Lexer<'b>>(&mut self, lexer: &mut L, leaf: &Leaf) -> Step<Value> {
        match (lexer.ahead()?, leaf) {
            (Ahead::List, Leaf::Any) => self.items(lexer, |reading, lexer| reading.leaf(lexer, leaf)),
            (Ahead::Object, Leaf::Any) => self.map(lexer, leaf),
            (Ahead::Nothing, _) => {
                self.count()?;
                lexer.nothing()?;
                Ok(Value::Null)
            }
            (Ahead::Scalar, _) => {
                self.count()?;
                read(leaf, lexer.scalar()?)
            }
            // a guid may stand in braces, which in JSV looks like an object
            (Ahead::Object, Leaf::Guid) => read(leaf, Scalar::Bare(lexer.skip()?)),
            (Ahead::Object | Ahead::List, _) => Err(Stop::Misfit(format!("this is not {}", leaf.noun()))),
        }
    }

    fn count(&mut self) -> Step<()> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Unreadable::new(format!("the answer holds more than {MAX_VALUES} values")).into());
        }
        Ok(())
    }

    /// Things in one field stand in one list.
    fn link(&mut self, url: Box<str>) {
        let names = self.trail.iter().filter_map(|place| match place {
            Place::Field(name) => Some(*name),
            Place::Item(_) => None,
        });
        let path = names.collect::<Vec<_>>().join("/");
        if !self.links.iter().any(|link| *link.path == *path) {
            self.links.push(Link { path: path.into(), url });
        }
    }

    fn misread(&mut self, message: String) {
        if self.misread.len() < MAX_MISREADS {
            let pointer = pointer(&self.trail);
            self.misread.push(Misread { pointer, message });
        }
    }
}

impl Names<'_> {
    fn set_null(&self, object: &mut Object) {
        for member in &self.members {
            if let Some((field, _)) = &member.field {
                object.set(field.number, Value::Null);
            }
            if let Some(inside) = &member.inside {
                inside.set_null(object);
            }
        }
    }
}

/// Null, in any of its spellings; anything else does not fit.
fn null<'b, L: Lexer<'b>>(lexer: &mut L, ahead: Ahead, otherwise: &str) -> Step<Value> {
    let is_null = match ahead {
        Ahead::Nothing => lexer.nothing().map(|()| true)?,
        Ahead::Scalar => matches!(lexer.scalar()?, Scalar::Bare("null")),
        Ahead::List | Ahead::Object => false,
    };
    if is_null { Ok(Value::Null) } else { Err(Stop::Misfit(otherwise.to_owned())) }
}

/// A scalar of a service, as this leaf.
fn read(leaf: &Leaf, scalar: Scalar) -> Step<Value> {
    match (leaf, scalar) {
        (Leaf::Text { .. } | Leaf::Choice { .. }, scalar) => Ok(Value::Text(into_text(scalar))),
        (Leaf::Any, scalar) => fit(leaf, scalar.token()),
        (Leaf::Flag, Scalar::Text(text)) if matches!(&*text, "0" | "1") => Ok(Value::Flag(text == "1")),
        (Leaf::Flag, Scalar::Bare(text @ ("0" | "1")) | Scalar::Number(text @ ("0" | "1"))) => {
            Ok(Value::Flag(text == "1"))
        }
        // an empty text is no number, no guid, no date
        (_, Scalar::Text(text)) if text.is_empty() => Ok(Value::Null),
        (_, Scalar::Bare("null")) => Ok(Value::Null),
        (_, scalar) => fit(leaf, scalar.token()),
    }
}

fn fit(leaf: &Leaf, token: Token) -> Step<Value> {
    let mut value = leaf.read(token).map_err(|mismatch| Stop::Misfit(mismatch.message))?;
    if let Token::Text(text) | Token::Bare(text) | Token::Number(text) = token {
        match &mut value {
            Value::Date(date) => date.told_as(text),
            Value::Time(time) => time.told_as(text),
            _ => {}
        }
    }
    Ok(value)
}

/// The text of a scalar; services that keep text answer a number or a flag where it looks like one.
pub(super) fn into_text(scalar: Scalar) -> Box<str> {
    match scalar {
        Scalar::Text(text) => text.into(),
        Scalar::Bare(text) | Scalar::Number(text) => text.into(),
        Scalar::Flag(flag) => flag.to_string().into(),
    }
}

fn pointer(trail: &[Place]) -> String {
    let mut pointer = String::new();
    for place in trail {
        pointer.push('/');
        match place {
            Place::Field(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Place::Item(index) => pointer.push_str(&index.to_string()),
        }
    }
    pointer
}

/// Of entries with the same name the last one stays.
fn last_wins<T>(entries: &mut Vec<T>, name: impl Fn(&T) -> &str) {
    let few = entries.len() <= FEW;
    if few
        && entries.iter().enumerate().all(|(at, one)| entries[..at].iter().all(|own| name(own) != name(one)))
    {
        return;
    }
    let mut seen = HashSet::with_capacity(entries.len());
    let mut stays: Vec<bool> = entries.iter().rev().map(|entry| seen.insert(name(entry))).collect();
    entries.retain(|_| stays.pop().unwrap_or(true));
}
