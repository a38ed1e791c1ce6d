//! From a YAML tree to a Rust type, with every structural fault at its place.
//!
//! The type's own JSON Schema guides one walk over the tree: it finds unknown keys and words (with the nearest
//! known one), missing keys, wrong types and numbers, and says what each scalar is, so that a text stays a text
//! whatever it looks like. Only a tree without fault goes through serde. Descriptions of APIs and kinds come
//! this way, and so do the settings of a workspace.
//! Deliberately absent: what the words mean together. `check` knows.

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value as Json};

use crate::diagnostic::{Diagnostic, Source, Span, did_you_mean};
use crate::yaml::{Data, Entry, Node, flag_word, is_number_word};

/// How often a schema may refer on before it is taken to go in circles.
const MAX_HOPS: usize = 32;

/// Reads a tree that may hold credentials by mistake: what stands where it does not belong is veiled.
/// Faults are added to `faults`; the value comes only when there is none.
pub fn typed<T: DeserializeOwned + JsonSchema>(
    node: &Node,
    source: &Arc<Source>,
    faults: &mut Vec<Diagnostic>,
) -> Option<T> {
    guided(node, source, true, faults)
}

/// Reads a tree that holds no secrets: source lines are shown in full.
pub(super) fn open<T: DeserializeOwned + JsonSchema>(
    node: &Node,
    source: &Arc<Source>,
    faults: &mut Vec<Diagnostic>,
) -> Option<T> {
    guided(node, source, false, faults)
}

fn guided<T: DeserializeOwned + JsonSchema>(
    node: &Node,
    source: &Arc<Source>,
    veil: bool,
    faults: &mut Vec<Diagnostic>,
) -> Option<T> {
    let schema = schemars::schema_for!(T).to_value();
    let mut walk = Walk { root: &schema, source, veil, faults: Vec::new() };
    let start = Span { start: node.span.start, end: node.span.start };
    let json = walk.value(node, &schema, start);
    if !walk.faults.is_empty() {
        faults.append(&mut walk.faults);
        return None;
    }
    // what the schema lets through and serde does not is a mistake in the type, not in the tree
    let read = serde_json::from_value(json);
    if let Err(error) = &read {
        let message = format!("this cannot be read: {error}");
        faults.push(Diagnostic::error("not-readable", message).at(source.place(start)));
    }
    read.ok()
}

/// One walk over a tree along a schema.
struct Walk<'a> {
    root: &'a Json,
    source: &'a Arc<Source>,
    veil: bool,
    faults: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    /// The JSON form of a node; `owner` is the place of the key that holds it.
    fn value(&mut self, node: &Node, schema: &'a Json, owner: Span) -> Json {
        let alternatives = self.alternatives(schema);
        if alternatives.iter().any(|one| is_anything(one)) {
            return free(node);
        }
        let nothing = node.is_null() && !words(&alternatives).contains(&node.scalar().unwrap_or_default());
        if nothing && alternatives.iter().any(|one| takes(one, "null")) {
            return Json::Null;
        }
        let fitting = match &node.data {
            Data::Scalar { text, bare } => self.scalar(text, *bare && !node.is_null(), node, &alternatives),
            Data::List(items) => self.list(items, &alternatives),
            Data::Map(entries) => self.mapping(entries, &alternatives, owner),
        };
        fitting.unwrap_or_else(|| {
            self.wrong_type(node, &alternatives);
            Json::Null
        })
    }

    /// Every schema that a node may meet, references followed and `anyOf` and `oneOf` laid flat.
    fn alternatives(&self, schema: &'a Json) -> Vec<&'a Json> {
        let (mut flat, mut open) = (Vec::new(), vec![(schema, 0)]);
        while let Some((schema, hops)) = open.pop() {
            let branches = ["anyOf", "oneOf"].iter().find_map(|word| schema.get(word)?.as_array());
            if hops > MAX_HOPS {
                continue;
            } else if let Some(target) = schema.get("$ref").and_then(Json::as_str) {
                let target = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                open.extend(target.map(|target| (target, hops + 1)));
            } else if let Some(branches) = branches {
                open.extend(branches.iter().rev().map(|branch| (branch, hops + 1)));
            } else {
                flat.push(schema);
            }
        }
        flat
    }

    /// A scalar as the first of: a known word, a flag, a number, a text. None when it can be none of them.
    fn scalar(&mut self, text: &str, bare: bool, node: &Node, alternatives: &[&Json]) -> Option<Json> {
        let words = words(alternatives);
        if words.contains(&text) {
            return Some(Json::from(text));
        }
        if bare
            && alternatives.iter().any(|one| takes(one, "boolean"))
            && let Some(flag) = flag_word(text)
        {
            return Some(Json::Bool(flag));
        }
        let numeric = alternatives.iter().find(|one| takes(one, "integer") || takes(one, "number"));
        if let Some(schema) = numeric.filter(|_| bare && is_number_word(text)) {
            return Some(self.number(text, schema, node.span));
        }
        if !node.is_null() && alternatives.iter().any(|one| is_text(one)) {
            return Some(Json::from(text));
        }
        if node.is_null() || words.is_empty() || numeric.is_some() {
            return None;
        }
        let mut fault = Diagnostic::error("unknown-word", format!("`{text}` is not a word that fits here"))
            .at(self.source.place(node.span));
        fault.hint = did_you_mean(text, words.iter().copied());
        self.faults.push(fault);
        Some(Json::Null)
    }

    fn number(&mut self, text: &str, schema: &Json, span: Span) -> Json {
        let (least, most) = bounds(schema);
        if takes(schema, "number") {
            return exact(text);
        }
        match text.parse::<i128>() {
            Ok(number) if (least..=most).contains(&number) => whole(number),
            _ => {
                let message = format!("a whole number from {least} to {most} is wanted here");
                self.faults.push(Diagnostic::error("wrong-number", message).at(self.source.place(span)));
                Json::Null
            }
        }
    }

    fn list(&mut self, items: &[Node], alternatives: &[&'a Json]) -> Option<Json> {
        let schema = alternatives.iter().find(|one| takes(one, "array"))?;
        let Some(item) = schema.get("items") else {
            return Some(items.iter().map(free).collect());
        };
        let start = |node: &Node| Span { start: node.span.start, end: node.span.start };
        Some(items.iter().map(|node| self.value(node, item, start(node))).collect())
    }

    fn mapping(&mut self, entries: &[Entry], alternatives: &[&'a Json], owner: Span) -> Option<Json> {
        let objects: Vec<&Json> = alternatives.iter().copied().filter(|one| takes(one, "object")).collect();
        let matches = |schema: &&&Json| {
            let known = entries.iter().filter(|entry| accepts_key(schema, &entry.key)).count();
            (agrees(schema, entries), known)
        };
        // the last of equals would win; the first is the one that stands first in the type
        let best = objects.iter().rev().max_by_key(matches).copied()?;
        let known: BTreeSet<&str> = objects.iter().flat_map(|schema| property_names(schema)).collect();
        let mut map = Map::new();
        for entry in entries {
            match member(best, &entry.key) {
                Member::Known(schema) => {
                    map.insert(entry.key.to_string(), self.value(&entry.value, schema, entry.key_span));
                }
                Member::Free => {
                    map.insert(entry.key.to_string(), free(&entry.value));
                }
                Member::Unknown => self.unknown_key(entry, entries, &known),
            }
        }
        self.missing_keys(best, entries, owner);
        Some(Json::Object(map))
    }

    fn unknown_key(&mut self, entry: &Entry, entries: &[Entry], known: &BTreeSet<&str>) {
        self.hide(&entry.value);
        let unused = known.iter().copied().filter(|name| !entries.iter().any(|other| other.key == *name));
        let message = format!("the key `{}` is not known here", entry.key);
        let mut fault = Diagnostic::error("unknown-key", message).at(self.source.place(entry.key_span));
        fault.hint = did_you_mean(&entry.key, unused);
        self.faults.push(fault);
    }

    fn missing_keys(&mut self, schema: &Json, entries: &[Entry], owner: Span) {
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
        for name in required.filter_map(Json::as_str) {
            if entries.iter().any(|entry| entry.key == name) {
                continue;
            }
            let mut fault = Diagnostic::error("missing-key", format!("the key `{name}` is missing here"))
                .at(self.source.place(owner));
            let is = schema.pointer(&format!("/properties/{name}/description")).and_then(Json::as_str);
            fault.hint = is.map(|is| format!("`{name}`: {}", first_sentence(is)));
            self.faults.push(fault);
        }
    }

    fn wrong_type(&mut self, node: &Node, alternatives: &[&Json]) {
        self.hide(node);
        let mut wanted: Vec<&str> = Vec::new();
        for noun in alternatives.iter().flat_map(|one| nouns(one)) {
            if !wanted.contains(&noun) {
                wanted.push(noun);
            }
        }
        let message = format!("this is {}, but {} is wanted here", node.noun(), either(&wanted));
        let fault = Diagnostic::error("wrong-type", message).at(self.source.place(node.span));
        let words = words(alternatives);
        self.faults.push(match words.is_empty() {
            true => fault,
            false => fault.hint(format!("known here: {}", words.join(", "))),
        });
    }

    /// What does not belong where it stands may be a credential.
    fn hide(&self, node: &Node) {
        if self.veil {
            self.source.veil(node.span);
        }
    }
}

/// What a schema says of a key.
enum Member<'s> {
    Known(&'s Json),
    Free,
    Unknown,
}

fn member<'s>(schema: &'s Json, key: &str) -> Member<'s> {
    if let Some(known) = schema.get("properties").and_then(|properties| properties.get(key)) {
        return Member::Known(known);
    }
    let beyond = ["additionalProperties", "unevaluatedProperties"].iter().find_map(|word| schema.get(word));
    match beyond {
        Some(Json::Bool(false)) => Member::Unknown,
        Some(schema @ Json::Object(_)) => Member::Known(schema),
        _ => Member::Free,
    }
}

fn accepts_key(schema: &Json, key: &str) -> bool {
    !matches!(member(schema, key), Member::Unknown)
}

/// Whether no member that a schema fixes to one word says another: how tagged alternatives are told apart.
fn agrees(schema: &Json, entries: &[Entry]) -> bool {
    entries.iter().all(|entry| {
        let fixed = schema.get("properties").and_then(|all| all.get(&*entry.key)?.get("const")?.as_str());
        fixed.is_none_or(|word| entry.value.scalar() == Some(word))
    })
}

fn property_names(schema: &Json) -> impl Iterator<Item = &str> {
    schema
        .get("properties")
        .and_then(Json::as_object)
        .into_iter()
        .flat_map(|all| all.keys().map(String::as_str))
}

/// No word in it limits what may stand there.
fn is_anything(schema: &Json) -> bool {
    match schema {
        Json::Object(words) => {
            let limits = ["type", "const", "enum", "properties", "items", "required"];
            !limits.iter().any(|word| words.contains_key(*word))
        }
        other => other == &Json::Bool(true),
    }
}

/// Whether a schema names this JSON type.
fn takes(schema: &Json, ty: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(own)) => own == ty,
        Some(Json::Array(several)) => several.iter().any(|own| own == ty),
        _ => false,
    }
}

/// A text that is not one of a few words.
fn is_text(schema: &Json) -> bool {
    takes(schema, "string") && schema.get("const").is_none() && schema.get("enum").is_none()
}

fn words<'s>(alternatives: &[&'s Json]) -> Vec<&'s str> {
    let of = |schema: &'s Json| {
        let listed = schema.get("enum").and_then(Json::as_array).into_iter().flatten();
        schema.get("const").into_iter().chain(listed).filter_map(Json::as_str)
    };
    alternatives.iter().flat_map(|schema| of(schema)).collect()
}

fn nouns(schema: &Json) -> Vec<&'static str> {
    let known = [
        ("string", "a text"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("boolean", "true or false"),
        ("array", "a list"),
        ("object", "a mapping"),
    ];
    if schema.get("const").is_some() || schema.get("enum").is_some() {
        return vec!["a word"];
    }
    known.iter().filter(|(ty, _)| takes(schema, ty)).map(|(_, noun)| *noun).collect()
}

fn either(nouns: &[&str]) -> String {
    match nouns {
        [] => "nothing".into(),
        [one] => (*one).into(),
        [several @ .., last] => format!("{} or {last}", several.join(", ")),
    }
}

fn first_sentence(text: &str) -> String {
    let line = text.split("\n\n").next().unwrap_or(text).replace('\n', " ");
    let end = line.find(". ").unwrap_or(line.len());
    line[..end].trim_end_matches('.').to_owned()
}

/// The least and the most that an integer schema allows.
fn bounds(schema: &Json) -> (i128, i128) {
    let format = schema.get("format").and_then(Json::as_str).unwrap_or("int64");
    let (least, most) = match format {
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" | "uint" => (0, u64::MAX.into()),
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    };
    let word = |word| schema.get(word).and_then(Json::as_i64).map(i128::from);
    (word("minimum").map_or(least, |own| own.max(least)), word("maximum").map_or(most, |own| own.min(most)))
}

fn whole(number: i128) -> Json {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Json::from(number),
        (_, Ok(number)) => Json::from(number),
        _ => Json::from(number.to_string()),
    }
}

/// A tree of any form: bare flags and numbers as such, everything else text.
fn free(node: &Node) -> Json {
    match &node.data {
        _ if node.is_null() => Json::Null,
        Data::Scalar { text, bare: true } => match flag_word(text) {
            Some(flag) => Json::Bool(flag),
            None if is_number_word(text) => exact(text),
            None => Json::from(&**text),
        },
        Data::Scalar { text, .. } => Json::from(&**text),
        Data::List(items) => items.iter().map(free).collect(),
        Data::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.to_string(), free(&entry.value))).collect())
        }
    }
}

/// A number, or its text where a JSON number would lose a digit.
fn exact(text: &str) -> Json {
    if let Some(number) = text.parse::<i64>().ok().filter(|_| !text.starts_with('+')) {
        return Json::from(number);
    }
    let decimal = |text: &str| Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok();
    let same = |number: &f64| decimal(text).is_some_and(|own| decimal(&number.to_string()) == Some(own));
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && same(number));
    number.and_then(Number::from_f64).map_or_else(|| Json::from(text), Json::Number)
}
