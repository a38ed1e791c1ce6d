//! How well a kind's description fits live objects: what it misses, what it mistypes, what never came.
//!
//! Names and types are told, values never: a member that the description does not know may hold anything.
//! Only of a field that is described as open are odd choices named. Paths are written `tariffs[].price`.
//! Deliberately absent: requests, and how the findings look.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::kind::leaf::Token;
use crate::kind::{Field, FormatWord, Item, Kind, Leaf, ListType, NamesWord, Shape, ToldApart, Type};
use crate::remote::wire::{Live, read_any};
use crate::run::match_up::live_key;
use crate::value::{Mark, Object, Stranger, Value};

/// The most objects that are named where several have the same key.
const MAX_IDS: usize = 5;
/// The most odd choices that are named.
const MAX_CHOICES: usize = 5;
/// The most paths of each sort.
const MAX_PATHS: usize = 1000;

/// What live objects say about the description of their kind.
#[derive(Serialize, JsonSchema, Default)]
pub struct Fit {
    /// The kind, `api/kind`.
    pub kind: String,
    /// How many objects were looked at.
    pub objects: usize,
    /// Members that no field describes.
    pub missing: Vec<Missing>,
    /// Fields that are not as described.
    pub mistyped: Vec<Mistyped>,
    /// Choices with values that are not listed.
    pub unlisted: Vec<Unlisted>,
    /// Fields that no object had.
    pub never_came: Vec<String>,
    /// Fields that were null in every object that had them.
    pub only_null: Vec<String>,
    /// How many objects came without an id.
    pub without_id: usize,
    /// Whether the natural key tells the objects apart; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub natural_key: Option<KeyFit>,
    /// Whether the items of each list can be told apart.
    pub lists: Vec<ListFit>,
}

/// A member that no field describes.
#[derive(Serialize, JsonSchema)]
pub struct Missing {
    /// Where it stands.
    pub path: String,
    /// What stood there on the wire: `string`, `number`, `boolean`, `array`, `object`, `null`.
    pub came: BTreeSet<&'static str>,
    /// The type of the format that fits every one of them.
    pub suggested: &'static str,
    /// In how many objects.
    pub objects: usize,
}

/// A field that is not as described.
#[derive(Serialize, JsonSchema)]
pub struct Mistyped {
    /// Where it stands.
    pub path: String,
    /// The type that is described.
    pub described: &'static str,
    /// What stood there on the wire.
    pub came: BTreeSet<&'static str>,
    /// What does not fit.
    pub message: String,
    /// In how many objects.
    pub objects: usize,
}

/// A choice with values that are not listed.
#[derive(Serialize, JsonSchema)]
pub struct Unlisted {
    /// Where it stands.
    pub path: String,
    /// Some of them; none where the field is marked.
    pub values: BTreeSet<String>,
    /// Whether the description says that others may come.
    pub open: bool,
    /// In how many objects.
    pub objects: usize,
}

/// Whether the natural key tells the objects apart.
#[derive(Serialize, JsonSchema)]
pub struct KeyFit {
    /// Its fields.
    pub fields: Vec<String>,
    /// Whether no two objects share it.
    pub unique: bool,
    /// The ids of some objects that share a key with another, group by group.
    pub shared: Vec<Vec<String>>,
    /// How many objects have no complete key.
    pub absent: usize,
}

/// Whether the items of a list can be told apart.
#[derive(Serialize, JsonSchema)]
pub struct ListFit {
    /// Where it stands.
    pub path: String,
    /// By what its items are told apart.
    pub told_apart: String,
    /// Whether that does in every object.
    pub unique: bool,
    /// In how many objects items were alike.
    pub ambiguous: usize,
    /// How many objects had items there.
    pub objects: usize,
}

impl Fit {
    /// Whether the description needs work.
    pub fn is_good(&self) -> bool {
        let choices = self.unlisted.iter().all(|unlisted| unlisted.open);
        let keys = self.natural_key.as_ref().is_none_or(|key| key.unique);
        let told = self.lists.iter().all(|list| list.unique);
        self.missing.is_empty() && self.mistyped.is_empty() && self.without_id == 0 && choices && keys && told
    }
}

/// Looks at objects one by one.
pub struct Look<'k> {
    kind: &'k Kind,
    format: FormatWord,
    fit: Fit,
    missing: BTreeMap<String, Counted<Vec<Sort>>>,
    mistyped: BTreeMap<String, Counted<Mistyped>>,
    unlisted: BTreeMap<String, Counted<Unlisted>>,
    /// Each list, and in how many objects its items were alike.
    lists: BTreeMap<String, (Counted<ListFit>, Counted<()>)>,
    /// How often a field came, and how often with a value.
    came: BTreeMap<String, (usize, usize)>,
    keys: BTreeMap<String, Vec<String>>,
}

/// Something with the number of objects that have it; an object counts once.
struct Counted<T> {
    what: T,
    objects: usize,
    last: usize,
}

impl<T> Counted<T> {
    fn new(what: T) -> Self {
        Self { what, objects: 0, last: 0 }
    }

    /// Counts object number `object`, from 1.
    fn count(&mut self, object: usize) {
        if self.last != object {
            self.last = object;
            self.objects += 1;
        }
    }
}

/// What stood on the wire, and the type that it would fit.
#[derive(Clone, Copy)]
struct Sort {
    json: &'static str,
    word: &'static str,
}

impl<'k> Look<'k> {
    /// Nothing seen yet.
    pub fn new(kind: &'k Kind, format: FormatWord) -> Self {
        Self {
            fit: Fit { kind: kind.name.to_string(), ..Fit::default() },
            kind,
            format,
            missing: BTreeMap::new(),
            mistyped: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            lists: BTreeMap::new(),
            came: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// How many objects were looked at.
    pub fn objects(&self) -> usize {
        self.fit.objects
    }

    /// Looks at one more.
    pub fn take(&mut self, live: &Live) {
        self.fit.objects += 1;
        self.object(&self.kind.shape, &live.object, "");
        for misread in &live.misread {
            self.misread(&live.object, &misread.pointer, &misread.message);
        }
        let id = live.object.get(self.kind.identity.id).filter(|id| !id.is_zero());
        if id.is_none() {
            self.fit.without_id += 1;
        }
        let shown = self.kind.id_field().mark == Mark::Open;
        let id = id.filter(|_| shown).map_or_else(|| "?".into(), |id| Leaf::url_text(id, &self.kind.api));
        if let Some(key) = live_key(self.kind, &live.object) {
            self.keys.entry(key).or_default().push(id);
        }
    }

    /// What was found.
    pub fn fit(mut self) -> Fit {
        let mut fit = std::mem::take(&mut self.fit);
        let missing = self.missing.iter().map(|(path, counted)| missing(path, counted));
        fit.missing = missing.collect();
        fit.natural_key = self.natural_key(fit.objects);
        (fit.never_came, fit.only_null) = self.never_came(fit.objects);
        fit.mistyped = self
            .mistyped
            .into_values()
            .map(|counted| Mistyped { objects: counted.objects, ..counted.what })
            .collect();
        fit.unlisted = self
            .unlisted
            .into_values()
            .map(|counted| Unlisted { objects: counted.objects, ..counted.what })
            .collect();
        let list = |(counted, alike): (Counted<ListFit>, Counted<()>)| {
            let (objects, ambiguous) = (counted.objects, alike.objects);
            ListFit { unique: ambiguous == 0, ambiguous, objects, ..counted.what }
        };
        fit.lists = self.lists.into_values().map(list).collect();
        fit
    }

    fn object(&mut self, shape: &Shape, object: &Object, at: &str) {
        for stranger in &object.strangers {
            // what does not fit its field stands among the strangers too, and is told as a misfit
            if !shape.fields.iter().any(|field| reads(field, &stranger.name, self.kind.api.names)) {
                self.stranger(stranger, at);
            }
        }
        for field in &shape.fields {
            let path = below(at, &field.name);
            if let Some(value) = object.get(field.number) {
                let (came, valued) = self.came.entry(path.clone()).or_default();
                *came += 1;
                *valued += usize::from(!matches!(value, Value::Null));
                self.value(field, value, &path);
            }
        }
    }

    fn stranger(&mut self, stranger: &Stranger, at: &str) {
        let path = below(at, &stranger.name);
        if self.missing.len() >= MAX_PATHS && !self.missing.contains_key(&path) {
            return;
        }
        let value = read_any(stranger.raw.as_bytes(), self.format).ok();
        let sort = value.as_ref().map_or(Sort { json: "unreadable", word: "any" }, sort);
        let counted = self.missing.entry(path).or_insert_with(|| Counted::new(Vec::new()));
        counted.what.push(sort);
        counted.count(self.fit.objects);
    }

    fn value(&mut self, field: &Field, value: &Value, path: &str) {
        match (&field.ty, value) {
            (Type::Object(shape), Value::Object(inner)) => self.object(shape, inner, path),
            (Type::List(list), Value::List(items)) => self.list(list, items, path),
            (Type::Leaf(Leaf::Choice { choices, open }), Value::Text(text))
                if !text.is_empty() && !choices.iter().any(|(choice, _)| **choice == **text) =>
            {
                self.choice(field.mark, text, *open, path);
            }
            _ => {}
        }
    }

    fn choice(&mut self, mark: Mark, text: &str, open: bool, path: &str) {
        let new = || Unlisted { path: path.to_owned(), values: BTreeSet::new(), open, objects: 0 };
        let counted = self.unlisted.entry(path.to_owned()).or_insert_with(|| Counted::new(new()));
        counted.count(self.fit.objects);
        if mark == Mark::Open && counted.what.values.len() < MAX_CHOICES {
            counted.what.values.insert(text.chars().take(60).collect());
        }
    }

    fn list(&mut self, list: &ListType, items: &[Value], path: &str) {
        let inside = format!("{path}[]");
        if let Item::Object(shape) = &list.item {
            items.iter().filter_map(Value::as_object).for_each(|item| self.object(shape, item, &inside));
        }
        let Some(told_apart) = told_apart(list).filter(|_| !items.is_empty()) else { return };
        let new = || ListFit { path: path.to_owned(), told_apart, unique: true, ambiguous: 0, objects: 0 };
        let (counted, alike) =
            self.lists.entry(path.to_owned()).or_insert_with(|| (Counted::new(new()), Counted::new(())));
        counted.count(self.fit.objects);
        if !are_told_apart(list, items) {
            alike.count(self.fit.objects);
        }
    }

    fn misread(&mut self, object: &Object, pointer: &str, message: &str) {
        let steps: Vec<String> =
            pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        let (path, field) = self.labelled(&steps);
        let came = self.came_instead(object, &steps);
        let described = field.map_or("object", |field| described(field, path.ends_with("[]")));
        let new = || Mistyped {
            path: path.clone(),
            described,
            came: BTreeSet::new(),
            message: message.to_owned(),
            objects: 0,
        };
        if self.mistyped.len() >= MAX_PATHS && !self.mistyped.contains_key(&path) {
            return;
        }
        let counted = self.mistyped.entry(path.clone()).or_insert_with(|| Counted::new(new()));
        counted.what.came.extend(came);
        counted.count(self.fit.objects);
    }

    /// The path of a pointer, and the field at its end.
    fn labelled(&self, steps: &[String]) -> (String, Option<&'k Field>) {
        let (mut shape, mut field, mut path) = (Some(&*self.kind.shape), None, String::new());
        for step in steps {
            match shape.and_then(|shape| shape.named(step)) {
                Some(own) => {
                    path = below(&path, step);
                    field = Some(own);
                    shape = match &own.ty {
                        Type::Object(inner) => Some(inner),
                        _ => None,
                    };
                }
                // a step that names no field is the number of an item
                None => {
                    path.push_str("[]");
                    shape = field.and_then(item_shape);
                }
            }
        }
        (path, field)
    }

    /// What stood on the wire at a pointer that was misread.
    fn came_instead(&self, object: &Object, steps: &[String]) -> Option<&'static str> {
        let (mut shape, mut object) = (&*self.kind.shape, object);
        let mut steps = steps.iter();
        loop {
            let field = shape.named(steps.next()?)?;
            match object.get(field.number) {
                Some(Value::Object(inner)) => {
                    let Type::Object(inside) = &field.ty else { return None };
                    (shape, object) = (inside, inner);
                }
                Some(Value::List(items)) => {
                    (shape, object) =
                        (item_shape(field)?, items.get(steps.next()?.parse::<usize>().ok()?)?.as_object()?);
                }
                Some(_) => return None,
                None => {
                    let names = self.kind.api.names;
                    let own = object.strangers.iter().find(|stranger| reads(field, &stranger.name, names))?;
                    let mut value = read_any(own.raw.as_bytes(), self.format).ok()?;
                    for step in steps {
                        value = value.items().get(step.parse::<usize>().ok()?)?.clone();
                    }
                    return Some(sort(&value).json);
                }
            }
        }
    }

    fn natural_key(&self, objects: usize) -> Option<KeyFit> {
        let fields = self.kind.natural_key_names();
        if fields.is_empty() {
            return None;
        }
        let complete: usize = self.keys.values().map(Vec::len).sum();
        let shared = self.keys.values().filter(|ids| ids.len() > 1);
        let shared: Vec<Vec<String>> =
            shared.take(MAX_IDS).map(|ids| ids.iter().take(MAX_IDS).cloned().collect()).collect();
        Some(KeyFit { fields, unique: shared.is_empty(), shared, absent: objects.saturating_sub(complete) })
    }

    /// Fields that no object had, and those that were null wherever they came. Of a container that never came
    /// the fields inside are not told.
    fn never_came(&self, objects: usize) -> (Vec<String>, Vec<String>) {
        let (mut never, mut null) = (Vec::new(), Vec::new());
        if objects > 0 {
            self.unseen(&self.kind.shape, "", &mut never, &mut null);
        }
        (never, null)
    }

    fn unseen(&self, shape: &Shape, at: &str, never: &mut Vec<String>, null: &mut Vec<String>) {
        for field in shape.fields.iter().filter(|field| !field.access.write_only) {
            let path = below(at, &field.name);
            match self.came.get(&path) {
                None if self.is_mistyped(&path) => {}
                None => never.push(path),
                Some((_, 0)) => null.push(path),
                Some(_) => match &field.ty {
                    Type::Object(inner) => self.unseen(inner, &path, never, null),
                    Type::List(ListType { item: Item::Object(inner), .. }) => {
                        let inside = format!("{path}[]");
                        // of empty lists nothing is known
                        if inner
                            .fields
                            .iter()
                            .any(|field| self.came.contains_key(&below(&inside, &field.name)))
                        {
                            self.unseen(inner, &inside, never, null);
                        }
                    }
                    _ => {}
                },
            }
        }
    }

    fn is_mistyped(&self, path: &str) -> bool {
        self.mistyped.keys().any(|own| own == path || own.strip_prefix(path).is_some_and(|rest| rest == "[]"))
    }
}

fn missing(path: &str, counted: &Counted<Vec<Sort>>) -> Missing {
    let sorts = || counted.what.iter().filter(|sort| sort.json != "null");
    let words: BTreeSet<&str> = sorts().map(|sort| sort.word).collect();
    let suggested = match words.into_iter().collect::<Vec<_>>().as_slice() {
        ["date"] => "date",
        ["decimal"] | ["decimal", "whole"] => "decimal",
        ["flag"] => "flag",
        ["guid"] => "guid",
        ["list"] => "list",
        ["object"] => "object",
        ["time"] => "time",
        ["whole"] => "whole",
        several if !several.is_empty() && sorts().all(|sort| sort.json == "string") => "text",
        _ => "any",
    };
    let came = counted.what.iter().map(|sort| sort.json).collect();
    Missing { path: path.to_owned(), came, suggested, objects: counted.objects }
}

/// What a value was on the wire, and the narrowest type that it fits.
fn sort(value: &Value) -> Sort {
    let (json, word) = match value {
        Value::Null | Value::Later(_) => ("null", "any"),
        Value::Flag(_) => ("boolean", "flag"),
        Value::Whole(_) => ("number", "whole"),
        Value::Decimal(number) if number.is_integer() => ("number", "whole"),
        Value::Decimal(_) | Value::Number(_) => ("number", "decimal"),
        Value::List(_) => ("array", "list"),
        Value::Map(_) | Value::Object(_) => ("object", "object"),
        Value::Guid(_) => ("string", "guid"),
        Value::Date(_) => ("string", "date"),
        Value::Time(_) => ("string", "time"),
        Value::Text(text) => {
            let reads = |leaf: &Leaf| leaf.read(Token::Text(text)).is_ok();
            let known = [(Leaf::Guid, "guid"), (Leaf::Date, "date"), (Leaf::Time, "time")];
            ("string", known.into_iter().find(|(leaf, _)| reads(leaf)).map_or("text", |(_, word)| word))
        }
    };
    Sort { json, word }
}

/// Whether a field is read from, or from within, a member of that name.
fn reads(field: &Field, member: &str, names: NamesWord) -> bool {
    field.read_as.first().is_some_and(|own| match names {
        NamesWord::Exact => **own == *member,
        NamesWord::CaseInsensitive | NamesWord::AsRead => own.eq_ignore_ascii_case(member),
    })
}

fn item_shape(field: &Field) -> Option<&Shape> {
    match &field.ty {
        Type::List(ListType { item: Item::Object(shape), .. }) => Some(shape),
        _ => None,
    }
}

fn described(field: &Field, item: bool) -> &'static str {
    match &field.ty {
        Type::List(list) if item => match &list.item {
            Item::Leaf(leaf) => leaf.word(),
            Item::Object(_) => "object",
        },
        ty => ty.word(),
    }
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// How the items of a list are told apart, in words; none where their place tells.
fn told_apart(list: &ListType) -> Option<String> {
    match (&list.told_apart, &list.item) {
        (ToldApart::Order, _) => None,
        (ToldApart::Set, _) => Some("set".to_owned()),
        (ToldApart::Keys(keys), Item::Object(shape)) => {
            let names = |key: &Vec<u16>| {
                let names: Vec<&str> = key.iter().map(|number| &*shape.field(*number).name).collect();
                names.join(", ")
            };
            Some(keys.iter().map(names).collect::<Vec<_>>().join("; else "))
        }
        (ToldApart::Keys(_), Item::Leaf(_)) => None,
    }
}

/// Whether one of the keys of a list is unique among its items.
fn are_told_apart(list: &ListType, items: &[Value]) -> bool {
    let distinct = |same: &dyn Fn(&Value, &Value) -> bool| {
        items.iter().enumerate().all(|(at, item)| !items.iter().take(at).any(|other| same(item, other)))
    };
    match &list.told_apart {
        ToldApart::Order => true,
        ToldApart::Set => distinct(&|a, b| a.same(b)),
        ToldApart::Keys(keys) => keys.iter().any(|key| distinct(&|a, b| same_key(key, a, b))),
    }
}

fn same_key(key: &[u16], a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return false };
    let leaf = |object: &Object, number: u16| object.get(number).cloned().unwrap_or(Value::Null);
    key.iter().all(|number| leaf(a, *number).same(&leaf(b, *number)))
}
