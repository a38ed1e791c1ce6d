//! What the service starts with: the kind's samples, or a data file, multiplied where many are wanted.
//!
//! A data file is YAML or JSON, `kind -> [{scope, object}]`, each object as the service would answer it.
//! Multiplied objects differ in their ids, row ids, natural keys, numbers at the end of texts and mail
//! addresses, and stay valid. Deliberately absent: saving the state back.

use std::collections::HashSet;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, did_you_mean};
use crate::kind::leaf::Token;
use crate::kind::{Item, Kind, Leaf, ListType, Scope, Shape, Type};
use crate::value::{Object, Value};
use crate::yaml::{self, Node};

use super::bind::{Binder, Spelling};
use super::given::Given;
use super::mint::Mint;
use super::rows;
use super::rules::Rules;
use super::store::{Record, Table};
use super::things::Whole;

/// One object to start with.
#[derive(Clone)]
pub struct Seed {
    pub scope: Vec<Value>,
    pub object: Object,
    wholes: Vec<Whole>,
}

/// What a data file holds, by the name of the kind.
#[derive(Clone, Default)]
pub struct Data {
    seeds: Vec<(Arc<str>, Vec<Seed>)>,
}

impl Data {
    /// Reads a data file; every fault is added to `faults`.
    pub fn read(source: &Arc<Source>, kinds: &[Arc<Kind>], faults: &mut Vec<Diagnostic>) -> Self {
        let mut data = Self::default();
        for document in yaml::read(source, faults) {
            if document.entries().is_empty() && !document.is_null() {
                let message = format!("the data starts with {}, a mapping is expected", document.noun());
                let hint = "write the name of each kind with a list of its objects under it";
                faults.push(
                    Diagnostic::error("sandbox-data", message).at(source.place(document.span)).hint(hint),
                );
            }
            for entry in document.entries() {
                let Some(kind) = kinds.iter().find(|kind| *kind.name == *entry.key) else {
                    let message = format!("there is no kind `{}`", entry.key);
                    let mut fault =
                        Diagnostic::error("unknown-kind", message).at(source.place(entry.key_span));
                    fault.hint = did_you_mean(&entry.key, kinds.iter().map(|kind| &*kind.name));
                    faults.push(fault);
                    continue;
                };
                let reading = Reading { source, kind };
                if entry.value.items().is_empty() && !matches!(entry.value.data, yaml::Data::List(_)) {
                    let message = format!("here is {}, a list of objects is expected", entry.value.noun());
                    reading.fault(&entry.value, &message, faults);
                }
                let seeds = entry.value.items().iter().map(|item| reading.seed(item, faults)).collect();
                data.seeds.push((Arc::clone(&kind.name), seeds));
            }
        }
        data
    }

    fn of(&self, kind: &Kind) -> Vec<Seed> {
        let of_kind = self.seeds.iter().filter(|(name, _)| *name == kind.name);
        of_kind.flat_map(|(_, seeds)| seeds.iter().cloned()).collect()
    }
}

struct Reading<'r> {
    source: &'r Arc<Source>,
    kind: &'r Kind,
}

impl Reading<'_> {
    fn seed(&self, item: &Node, faults: &mut Vec<Diagnostic>) -> Seed {
        let scope = self.kind.scope.iter().map(|parameter| self.scope(parameter, item, faults)).collect();
        let Some(node) = item.get("object") else {
            self.fault(item, "an object of the data has no `object`", faults);
            return Seed { scope, object: Object::default(), wholes: Vec::new() };
        };
        let mut binder = Binder::new(&self.kind.api, Spelling::Read);
        let object = binder.object(&self.kind.shape, Given::from(node), "");
        for grievance in binder.grievances {
            let at = node.at(&format!("/{}", grievance.field.replace('.', "/"))).unwrap_or(node);
            self.fault(at, &format!("`{}`: {}", grievance.field, grievance.message), faults);
        }
        Seed { scope, object, wholes: binder.wholes }
    }

    fn scope(&self, parameter: &Scope, item: &Node, faults: &mut Vec<Diagnostic>) -> Value {
        let node = item.get("scope").and_then(|scope| scope.get(&parameter.name));
        let read = node.and_then(Node::scalar).map(|text| parameter.ty.read(Token::Bare(text)));
        match read {
            Some(Ok(value)) => value,
            Some(Err(mismatch)) => {
                let message = format!("`{}`: {}", parameter.name, mismatch.message);
                self.fault(node.unwrap_or(item), &message, faults);
                Value::Null
            }
            None => {
                self.fault(item, &format!("the scope lacks `{}`", parameter.name), faults);
                Value::Null
            }
        }
    }

    fn fault(&self, node: &Node, message: &str, faults: &mut Vec<Diagnostic>) {
        let fault = Diagnostic::error("sandbox-data", message).at(self.source.place(node.span));
        faults.push(fault.hint("write the object as the service would answer it"));
    }
}

/// What of the samples of a kind does not fit it.
pub fn sample_faults(kind: &Kind) -> Vec<String> {
    samples(kind).1
}

/// The samples of a kind, and what is wrong with them.
pub fn samples(kind: &Kind) -> (Vec<Seed>, Vec<String>) {
    let mut wrong = Vec::new();
    let seeds = kind.samples.iter().map(|sample| {
        let scope = kind.scope.iter().map(|parameter| {
            let text = sample.scope.get(&*parameter.name).map(String::as_str);
            let value = text.and_then(|text| parameter.ty.read(Token::Bare(text)).ok());
            value.unwrap_or(Value::Null)
        });
        let mut binder = Binder::new(&kind.api, Spelling::Read);
        let object = binder.object(&kind.shape, Given::from(&sample.object), "");
        wrong.extend(binder.grievances.into_iter().map(|g| format!("{}: {}", g.field, g.message)));
        Seed { scope: scope.collect(), object, wholes: binder.wholes }
    });
    (seeds.collect(), wrong)
}

/// The table of a kind as the service starts with it.
pub fn table(kind: &Arc<Kind>, data: Option<&Data>, count: Option<usize>, mint: &mut Mint) -> Table {
    let mut seeds = match data {
        Some(data) => data.of(kind),
        None => samples(kind).0,
    };
    if let Some(count) = count {
        seeds.truncate(count);
        let mut press = Press::new(kind, &seeds, mint);
        for number in seeds.len()..count {
            let Some(original) = press.original(number, &seeds) else { break };
            seeds.push(press.varied(original, number));
        }
    }
    let mut table = Table::new(Arc::clone(kind));
    for seed in seeds {
        let object = filled(kind, &seed, mint);
        table.put(&seed.scope, Record::new(object));
        seed.wholes.into_iter().for_each(|whole| table.wholes.put(whole));
    }
    table
}

/// A seed with everything that a service never leaves out: an id, row ids, copies, zeros.
fn filled(kind: &Kind, seed: &Seed, mint: &mut Mint) -> Object {
    let mut object = seed.object.clone();
    let id = kind.id_field();
    if object.get(id.number).is_none_or(Value::is_zero) {
        object.set(id.number, rows::new_number(id, mint));
    }
    rows::settle(&kind.shape, &mut object, mint);
    let rules = Rules { kind, scope: &seed.scope, pattern: None, mint };
    rules.fill_copies(&mut object);
    object
}

/// Makes many objects of a few.
struct Press<'p> {
    kind: &'p Kind,
    originals: usize,
    /// The largest id, where ids are whole numbers.
    largest: i64,
    keys: HashSet<String>,
    mint: &'p mut Mint,
}

impl<'p> Press<'p> {
    fn new(kind: &'p Kind, seeds: &[Seed], mint: &'p mut Mint) -> Self {
        let wholes = seeds.iter().filter_map(|seed| match seed.object.get(kind.identity.id) {
            Some(Value::Whole(id)) => Some(*id),
            _ => None,
        });
        let largest = wholes.max().unwrap_or(0);
        let keys = seeds.iter().map(|seed| key(kind, &seed.object)).collect();
        Self { kind, originals: seeds.len(), largest, keys, mint }
    }

    fn original(&self, number: usize, seeds: &[Seed]) -> Option<Seed> {
        seeds.get(number.checked_rem(self.originals)?).cloned()
    }

    /// The same object once more, with everything different that tells objects apart.
    fn varied(&mut self, seed: Seed, number: usize) -> Seed {
        let Seed { scope, mut object, .. } = seed;
        let n = i64::try_from(number).unwrap_or(i64::MAX);
        let id = self.kind.identity.id;
        let new_id = self.next_id(object.get(id), n);
        if let Some(old_id) = object.get(id).cloned() {
            // wherever the object repeats its id
            object = substituted(&object, &old_id, &new_id);
        }
        object.set(id, new_id);
        vary_texts(&self.kind.shape, &mut object, n);
        without_rows(&self.kind.shape, &mut object);
        if !self.kind.identity.natural_key.is_empty() && !self.keys.insert(key(self.kind, &object)) {
            for path in &self.kind.identity.natural_key {
                vary_key(&self.kind.shape, &mut object, path, (n, self.mint));
            }
            self.keys.insert(key(self.kind, &object));
        }
        Seed { scope, object, wholes: Vec::new() }
    }

    fn next_id(&mut self, old: Option<&Value>, n: i64) -> Value {
        match old {
            Some(Value::Whole(_)) => {
                self.largest = self.largest.saturating_add(1);
                Value::Whole(self.largest)
            }
            Some(Value::Text(old)) => Value::text(suffixed(old, n, None)),
            _ => rows::new_number(self.kind.id_field(), self.mint),
        }
    }
}

/// The natural key of an object, as text.
fn key(kind: &Kind, object: &Object) -> String {
    let part = |path: &Vec<u16>| {
        let (last, inner) = path.split_last()?;
        let inside = inner.iter().try_fold(object, |object, number| object.get(*number)?.as_object());
        Some(Leaf::url_text(inside?.get(*last)?, &kind.api))
    };
    let parts = kind.identity.natural_key.iter().map(|path| part(path).unwrap_or_default());
    parts.collect::<Vec<_>>().join("\n")
}

/// The same object with one value in the place of another.
fn substituted(object: &Object, old: &Value, new: &Value) -> Object {
    let mut other = Object::default();
    other.strangers.clone_from(&object.strangers);
    for (number, value) in object.fields() {
        other.set(number, substitute(value, old, new));
    }
    other
}

fn substitute(value: &Value, old: &Value, new: &Value) -> Value {
    match value {
        Value::Guid(_) if value == old => new.clone(),
        Value::List(items) => Value::List(items.iter().map(|item| substitute(item, old, new)).collect()),
        Value::Object(object) => Value::Object(Box::new(substituted(object, old, new))),
        other => other.clone(),
    }
}

/// Texts that end in digits and mail addresses get another number.
fn vary_texts(shape: &Shape, object: &mut Object, n: i64) {
    for field in &shape.fields {
        let (Type::Leaf(Leaf::Text { max }), Some(Value::Text(text))) = (&field.ty, object.get(field.number))
        else {
            continue;
        };
        let other = match text.split_once('@') {
            Some((name, host)) if !host.is_empty() && !text.contains([' ', ',', '/']) => {
                format!("{name}+{n}@{host}")
            }
            _ if text.ends_with(|last: char| last.is_ascii_digit()) => numbered(text, n),
            _ => continue,
        };
        if max.is_none_or(|max| other.chars().count() <= max as usize) {
            object.set(field.number, Value::text(other));
        }
    }
}

fn vary_key(shape: &Shape, object: &mut Object, path: &[u16], (n, mint): (i64, &mut Mint)) {
    let Some((first, rest)) = path.split_first() else { return };
    let field = shape.field(*first);
    let Some(value) = object.take(*first) else { return };
    let varied = match (&field.ty, value) {
        (Type::Object(inner), Value::Object(mut object)) => {
            vary_key(inner, &mut object, rest, (n, mint));
            Value::Object(object)
        }
        (_, Value::Text(text)) => {
            let max = match &field.ty {
                Type::Leaf(Leaf::Text { max }) => max.map(|max| max as usize),
                _ => None,
            };
            Value::text(suffixed(&text, n, max))
        }
        (_, Value::Whole(number)) => Value::Whole(number.saturating_add(n)),
        (_, Value::Guid(_)) if field.copy_of.is_none() => Value::Guid(mint.guid()),
        (_, value) => value,
    };
    object.set(*first, varied);
}

fn suffixed(text: &str, n: i64, max: Option<usize>) -> String {
    let spaced = if text.contains(' ') { " " } else { "-" };
    let suffix = format!("{spaced}{n}");
    let room = max.unwrap_or(usize::MAX).saturating_sub(suffix.len());
    text.chars().take(room).chain(suffix.chars()).collect()
}

/// The number at the end of a text plus `n`, as wide as it was; without one, `n` is put there.
pub fn numbered(text: &str, n: i64) -> String {
    let head = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &text[head.len()..];
    // of a long number only the last digits count up
    let cut = digits.len().saturating_sub(15);
    let (kept, tail) = digits.split_at(cut);
    let number = tail.parse::<i64>().unwrap_or(0).saturating_add(n);
    format!("{head}{kept}{number:0width$}", width = tail.len())
}

/// Takes the row ids off, so that new ones are made.
fn without_rows(shape: &Shape, object: &mut Object) {
    for field in &shape.fields {
        let Type::List(ListType { item: Item::Object(inner), .. }) = &field.ty else { continue };
        let Some(Value::List(mut items)) = object.take(field.number) else { continue };
        for item in &mut items {
            if let (Value::Object(item), Some(row_id)) = (item, rows::row_id(inner)) {
                item.take(row_id.number);
            }
        }
        object.set(field.number, Value::List(items));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_end_count_up_and_keep_their_width() {
        assert_eq!(numbered("CX10000001", 1), "CX10000002");
        assert_eq!(numbered("007", 5), "012");
        assert_eq!(numbered("plain", 7), "plain7");
        assert_eq!(numbered("99999999999999999999", 1), "999991000000000000000");
        assert_eq!(numbered("é9", 1), "é10");
        assert_eq!(suffixed("Harbor City", 12, Some(9)), "Harbor 12");
    }
}
