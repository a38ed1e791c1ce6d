//! What the service starts with: the kind's samples, or a data file, multiplied where many are wanted.
//!
//! A data file is YAML or JSON, `kind -> [{scope, object}]`, each object as the service would answer it.
//! Multiplied objects differ in their ids, row ids, natural keys, numbers at the end of texts and mail
//! addresses, and stay valid. Deliberately absent: saving the state back.

use std::collections::HashSet;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, NamedSource, suggest_word};
use crate::kind::scalar::ScalarToken;
use crate::kind::{ArrayType, FieldType, ItemType, Kind, ScalarType, ScopeParameter, Shape, address};
use crate::sandbox::deserialize::{SandboxBodyDirection, SandboxDeserializer};
use crate::sandbox::embedded_objects::EmbeddedObject;
use crate::sandbox::id_generator::{SandboxIdGenerator, increment_number};
use crate::sandbox::list_items;
use crate::sandbox::raw_body::RawBodyValue;
use crate::sandbox::rules::SandboxWriteRules;
use crate::sandbox::store::{SandboxRecord, SandboxTable};
use crate::value::{Object, Value};
use crate::yaml;
use crate::yaml::YamlNode;

/// One object to start with.
#[derive(Clone)]
pub struct SandboxSeed {
    pub scope: Vec<Value>,
    pub object: Object,
    embedded: Vec<EmbeddedObject>,
}

/// What a data file holds, by the name of the kind.
#[derive(Clone, Default)]
pub struct SandboxData {
    seeds: Vec<(Arc<str>, Vec<SandboxSeed>)>,
}

impl SandboxData {
    /// Reads a data file; every fault is added to `faults`.
    pub fn parse_source(
        source: &Arc<NamedSource>,
        kinds: &[Arc<Kind>],
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut data = Self::default();
        for document in yaml::read_documents(source, faults) {
            if document.entries().is_empty() && !document.is_null() {
                let message =
                    format!("the data starts with {}, a mapping is expected", document.describe_type());
                let hint = "write the name of each kind with a list of its objects under it";
                faults.push(
                    Diagnostic::error("sandbox-data", message)
                        .with_location(source.locate_span(document.span))
                        .with_hint(hint),
                );
            }
            for entry in document.entries() {
                let Some(kind) = kinds.iter().find(|kind| *kind.name == *entry.key) else {
                    let message = format!("there is no kind `{}`", entry.key);
                    let mut fault = Diagnostic::error("unknown-kind", message)
                        .with_location(source.locate_span(entry.key_span));
                    fault.hint = suggest_word(&entry.key, kinds.iter().map(|kind| &*kind.name));
                    faults.push(fault);
                    continue;
                };
                let reading = SandboxSeedReader { source, kind };
                if entry.value.items().is_empty() && !matches!(entry.value.data, yaml::YamlData::Sequence(_))
                {
                    let message =
                        format!("here is {}, a list of objects is expected", entry.value.describe_type());
                    reading.add_diagnostic(&entry.value, &message, faults);
                }
                let seeds = entry.value.items().iter().map(|item| reading.read_seed(item, faults)).collect();
                data.seeds.push((Arc::clone(&kind.name), seeds));
            }
        }
        data
    }

    fn list_seeds(&self, kind: &Kind) -> Vec<SandboxSeed> {
        let of_kind = self.seeds.iter().filter(|(name, _)| *name == kind.name);
        of_kind.flat_map(|(_, seeds)| seeds.iter().cloned()).collect()
    }
}

struct SandboxSeedReader<'r> {
    source: &'r Arc<NamedSource>,
    kind: &'r Kind,
}

impl SandboxSeedReader<'_> {
    fn read_seed(&self, item: &YamlNode, faults: &mut Vec<Diagnostic>) -> SandboxSeed {
        let scope =
            self.kind.scope.iter().map(|parameter| self.read_scope(parameter, item, faults)).collect();
        let Some(node) = item.get_value("object") else {
            self.add_diagnostic(item, "an object of the data has no `object`", faults);
            return SandboxSeed { scope, object: Object::default(), embedded: Vec::new() };
        };
        let mut binder = SandboxDeserializer::new(&self.kind.api, SandboxBodyDirection::Response);
        let object = binder.read_object(&self.kind.shape, RawBodyValue::from(node), "");
        for grievance in binder.field_errors {
            let at = node.resolve_pointer(&format!("/{}", grievance.field.replace('.', "/"))).unwrap_or(node);
            self.add_diagnostic(at, &format!("`{}`: {}", grievance.field, grievance.message), faults);
        }
        SandboxSeed { scope, object, embedded: binder.embedded }
    }

    fn read_scope(&self, parameter: &ScopeParameter, item: &YamlNode, faults: &mut Vec<Diagnostic>) -> Value {
        let node = item.get_value("scope").and_then(|scope| scope.get_value(&parameter.name));
        let read =
            node.and_then(YamlNode::as_scalar).map(|text| parameter.ty.read_token(ScalarToken::Plain(text)));
        match read {
            Some(Ok(value)) => value,
            Some(Err(mismatch)) => {
                let message = format!("`{}`: {}", parameter.name, mismatch.message);
                self.add_diagnostic(node.unwrap_or(item), &message, faults);
                Value::Null
            }
            None => {
                self.add_diagnostic(item, &format!("the scope lacks `{}`", parameter.name), faults);
                Value::Null
            }
        }
    }

    fn add_diagnostic(&self, node: &YamlNode, message: &str, faults: &mut Vec<Diagnostic>) {
        let fault =
            Diagnostic::error("sandbox-data", message).with_location(self.source.locate_span(node.span));
        faults.push(fault.with_hint("write the object as the service would answer it"));
    }
}

/// What of the samples of a kind does not fit it.
pub fn find_example_errors(kind: &Kind) -> Vec<String> {
    read_examples(kind).1
}

/// The samples of a kind, and what is wrong with them.
pub fn read_examples(kind: &Kind) -> (Vec<SandboxSeed>, Vec<String>) {
    let mut wrong = Vec::new();
    let seeds = kind.examples.iter().map(|sample| {
        let scope = kind.scope.iter().map(|parameter| {
            let text = sample.scope.get(&*parameter.name).map(String::as_str);
            let value = text.and_then(|text| parameter.ty.read_token(ScalarToken::Plain(text)).ok());
            value.unwrap_or(Value::Null)
        });
        let mut binder = SandboxDeserializer::new(&kind.api, SandboxBodyDirection::Response);
        let object = binder.read_object(&kind.shape, RawBodyValue::from(&sample.object), "");
        wrong.extend(binder.field_errors.into_iter().map(|g| format!("{}: {}", g.field, g.message)));
        SandboxSeed { scope: scope.collect(), object, embedded: binder.embedded }
    });
    (seeds.collect(), wrong)
}

/// The table of a kind as the service starts with it.
pub fn build_table(
    kind: &Arc<Kind>,
    data: Option<&SandboxData>,
    count: Option<usize>,
    mint: &mut SandboxIdGenerator,
) -> SandboxTable {
    let mut seeds = match data {
        Some(data) => data.list_seeds(kind),
        None => read_examples(kind).0,
    };
    if let Some(count) = count {
        seeds.truncate(count);
        let mut press = SandboxSeedMultiplier::new(kind, &seeds, mint);
        for number in seeds.len()..count {
            let Some(original) = press.pick_original(number, &seeds) else { break };
            seeds.push(press.vary_seed(original, number));
        }
    }
    let mut table = SandboxTable::new(Arc::clone(kind));
    for seed in seeds {
        let object = complete_object(kind, &seed, mint);
        table.put_record(&seed.scope, SandboxRecord::new(object));
        seed.embedded.into_iter().for_each(|whole| table.embedded.insert_object(whole));
    }
    table
}

/// A seed with everything that a service never leaves out: an id, row ids, copies, zeros.
fn complete_object(kind: &Kind, seed: &SandboxSeed, mint: &mut SandboxIdGenerator) -> Object {
    let mut object = seed.object.clone();
    let id = kind.id_field();
    if let Some(own) = address::compose_id(kind, |number| object.get_field(number)) {
        object.set_field(id.number, own);
    } else if object.get_field(id.number).is_none_or(Value::is_zero) {
        object.set_field(id.number, list_items::generate_id(id, mint));
    }
    list_items::fill_defaults(&kind.shape, &mut object, mint);
    let rules = SandboxWriteRules { kind, scope: &seed.scope, template: None, id_generator: mint };
    rules.fill_copies(&mut object);
    object
}

/// Makes many objects of a few.
struct SandboxSeedMultiplier<'p> {
    kind: &'p Kind,
    original_count: usize,
    /// The largest id, where ids are whole numbers.
    largest_id: i64,
    natural_keys: HashSet<String>,
    id_generator: &'p mut SandboxIdGenerator,
}

impl<'p> SandboxSeedMultiplier<'p> {
    fn new(kind: &'p Kind, seeds: &[SandboxSeed], mint: &'p mut SandboxIdGenerator) -> Self {
        let wholes = seeds.iter().filter_map(|seed| match seed.object.get_field(kind.identity.id) {
            Some(Value::Integer(id)) => Some(*id),
            _ => None,
        });
        let largest = wholes.max().unwrap_or(0);
        let keys = seeds.iter().map(|seed| render_natural_key(kind, &seed.object)).collect();
        Self {
            kind,
            original_count: seeds.len(),
            largest_id: largest,
            natural_keys: keys,
            id_generator: mint,
        }
    }

    fn pick_original(&self, number: usize, seeds: &[SandboxSeed]) -> Option<SandboxSeed> {
        seeds.get(number.checked_rem(self.original_count)?).cloned()
    }

    /// The same object once more, with everything different that tells objects apart.
    fn vary_seed(&mut self, seed: SandboxSeed, number: usize) -> SandboxSeed {
        let SandboxSeed { scope, mut object, .. } = seed;
        let n = i64::try_from(number).unwrap_or(i64::MAX);
        let id = self.kind.identity.id;
        let new_id = self.generate_next_id(object.get_field(id), n);
        if let Some(old_id) = object.get_field(id).cloned() {
            // wherever the object repeats its id
            object = substitute_object(&object, &old_id, &new_id);
        }
        object.set_field(id, new_id);
        vary_texts(&self.kind.shape, &mut object, n);
        remove_row_ids(&self.kind.shape, &mut object);
        if !self.kind.identity.natural_key.is_empty()
            && !self.natural_keys.insert(render_natural_key(self.kind, &object))
        {
            for path in &self.kind.identity.natural_key {
                vary_key(&self.kind.shape, &mut object, path, n, self.id_generator);
            }
            self.natural_keys.insert(render_natural_key(self.kind, &object));
        }
        SandboxSeed { scope, object, embedded: Vec::new() }
    }

    fn generate_next_id(&mut self, old: Option<&Value>, n: i64) -> Value {
        match old {
            Some(Value::Integer(_)) => {
                self.largest_id = self.largest_id.saturating_add(1);
                Value::Integer(self.largest_id)
            }
            Some(Value::String(old)) => Value::from_text(append_suffix(old, n, None)),
            _ => list_items::generate_id(self.kind.id_field(), self.id_generator),
        }
    }
}

/// The natural key of an object, as text.
fn render_natural_key(kind: &Kind, object: &Object) -> String {
    let part = |path: &Vec<u16>| {
        let (last, inner) = path.split_last()?;
        let inside = inner.iter().try_fold(object, |object, number| object.get_field(*number)?.as_object());
        Some(ScalarType::render_url_text(inside?.get_field(*last)?, &kind.api))
    };
    let parts = kind.identity.natural_key.iter().map(|path| part(path).unwrap_or_default());
    parts.collect::<Vec<_>>().join("\n")
}

/// The same object with one value in the place of another.
fn substitute_object(object: &Object, old: &Value, new: &Value) -> Object {
    let mut other = Object::default();
    other.unknown_fields.clone_from(&object.unknown_fields);
    for (number, value) in object.fields() {
        other.set_field(number, substitute_value(value, old, new));
    }
    other
}

fn substitute_value(value: &Value, old: &Value, new: &Value) -> Value {
    match value {
        Value::Uuid(_) if value == old => new.clone(),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| substitute_value(item, old, new)).collect())
        }
        Value::Object(object) => Value::Object(Box::new(substitute_object(object, old, new))),
        other => other.clone(),
    }
}

/// Texts that end in digits and mail addresses get another number.
fn vary_texts(shape: &Shape, object: &mut Object, n: i64) {
    for field in &shape.fields {
        let (FieldType::Scalar(ScalarType::String { max_length: max }), Some(Value::String(text))) =
            (&field.ty, object.get_field(field.number))
        else {
            continue;
        };
        let other = match text.split_once('@') {
            Some((name, host)) if !host.is_empty() && !text.contains([' ', ',', '/']) => {
                format!("{name}+{n}@{host}")
            }
            _ if text.ends_with(|last: char| last.is_ascii_digit()) => increment_number(text, n),
            _ => continue,
        };
        if max.is_none_or(|max| other.chars().count() <= max as usize) {
            object.set_field(field.number, Value::from_text(other));
        }
    }
}

fn vary_key(shape: &Shape, object: &mut Object, path: &[u16], n: i64, mint: &mut SandboxIdGenerator) {
    let Some((first, rest)) = path.split_first() else { return };
    let field = shape.get_field(*first);
    let Some(value) = object.take_field(*first) else { return };
    let varied = match (&field.ty, value) {
        (FieldType::Object(inner), Value::Object(mut object)) => {
            vary_key(inner, &mut object, rest, n, mint);
            Value::Object(object)
        }
        (_, Value::String(text)) => {
            let max = match &field.ty {
                FieldType::Scalar(ScalarType::String { max_length: max }) => max.map(|max| max as usize),
                _ => None,
            };
            Value::from_text(append_suffix(&text, n, max))
        }
        (_, Value::Integer(number)) => Value::Integer(number.saturating_add(n)),
        (_, Value::Uuid(_)) if field.copy_of.is_none() => Value::Uuid(mint.generate_uuid()),
        (_, value) => value,
    };
    object.set_field(*first, varied);
}

fn append_suffix(text: &str, n: i64, max: Option<usize>) -> String {
    let spaced = if text.contains(' ') { " " } else { "-" };
    let suffix = format!("{spaced}{n}");
    let room = max.unwrap_or(usize::MAX).saturating_sub(suffix.len());
    text.chars().take(room).chain(suffix.chars()).collect()
}

/// Takes the row ids off, so that new ones are made.
fn remove_row_ids(shape: &Shape, object: &mut Object) {
    for field in &shape.fields {
        let FieldType::Array(ArrayType { item: ItemType::Object(inner), .. }) = &field.ty else { continue };
        let Some(Value::Array(mut items)) = object.take_field(field.number) else { continue };
        for item in &mut items {
            if let (Value::Object(item), Some(row_id)) = (item, list_items::find_row_id(inner)) {
                item.take_field(row_id.number);
            }
        }
        object.set_field(field.number, Value::Array(items));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_end_count_up_and_keep_their_width() {
        assert_eq!(increment_number("CX10000001", 1), "CX10000002");
        assert_eq!(increment_number("007", 5), "012");
        assert_eq!(increment_number("plain", 7), "plain7");
        assert_eq!(increment_number("99999999999999999999", 1), "999991000000000000000");
        assert_eq!(increment_number("é9", 1), "é10");
        assert_eq!(append_suffix("Harbor City", 12, Some(9)), "Harbor 12");
    }
}
