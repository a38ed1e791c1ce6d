//! What tells objects of a kind from each other: the natural key, of documents and of live objects.
//!
//! Keys are compared as the kind says. Two that differ only in what people do not see are almost the same: no one
//! can tell whether they mean one object.
//! Deliberately absent: which object a document gets (`match_up`).

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::{ComparisonRule, Kind, ScalarType};
use crate::value::{Object, Sensitivity, Value};

/// The natural key that a document names; `None` when it does not name all of it.
pub fn build_desired_key(kind: &Kind, document: &Document) -> Option<String> {
    build_key_text(kind, |path| find_desired_value(&document.spec, path))
}

/// The natural key of a live object.
pub fn build_live_key(kind: &Kind, object: &Object) -> Option<String> {
    build_key_text(kind, |path| find_live_value(object, path))
}

/// The value that a document wants at a path of field numbers.
pub fn find_desired_value<'w>(wanted: &'w DesiredNode, path: &[u16]) -> Option<&'w Value> {
    let scalar = path.iter().try_fold(wanted, |node, number| match &node.value {
        DesiredValue::Object(fields) => fields.iter().find(|(own, _)| own == number).map(|(_, inner)| inner),
        _ => None,
    })?;
    match &scalar.value {
        DesiredValue::Literal(value) => Some(value),
        _ => None,
    }
}

/// The value that an object has at a path of field numbers.
pub fn find_live_value<'o>(object: &'o Object, path: &[u16]) -> Option<&'o Value> {
    let (last, inner) = path.split_last()?;
    inner.iter().try_fold(object, |object, number| object.get_field(*number)?.as_object())?.get_field(*last)
}

fn build_key_text<'v>(kind: &Kind, scalar: impl Fn(&[u16]) -> Option<&'v Value>) -> Option<String> {
    if kind.identity.natural_key.is_empty() {
        return None;
    }
    let mut key = String::new();
    for path in &kind.identity.natural_key {
        let value = scalar(path).filter(|value| !value.is_blank())?;
        let text = ScalarType::render_url_text(value, &kind.api);
        let compare =
            kind.shape.find_path_field(path).map_or(ComparisonRule::Exact, |(_, field)| field.compare);
        key.push_str(&if compare == ComparisonRule::Exact { text } else { text.trim().to_lowercase() });
        key.push('\u{1f}');
    }
    Some(key)
}

/// An id as anybody may see it.
pub fn show_id(kind: &Kind, id: &Value) -> String {
    match kind.id_field().sensitivity {
        Sensitivity::Public => ScalarType::render_url_text(id, &kind.api).escape_debug().to_string(),
        _ => "(not shown)".to_owned(),
    }
}

/// A live object, by what tells it from others.
#[derive(Clone)]
pub struct UnmatchedObject {
    pub id: String,
    pub natural_key: Option<String>,
    /// The parts of its natural key that anybody may see.
    open_key: String,
}

impl UnmatchedObject {
    /// What tells a live object from others.
    pub fn from_object(kind: &Kind, object: &Object) -> Self {
        let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
        let is_open = |path: &&Vec<u16>| {
            kind.shape.find_path_field(path).is_some_and(|(mark, _)| mark == Sensitivity::Public)
        };
        let open = kind.identity.natural_key.iter().filter(is_open);
        let open: Vec<String> = open.filter_map(|path| find_live_value(object, path)).map(text).collect();
        Self {
            id: object.get_field(kind.identity.id).map(text).unwrap_or_default(),
            natural_key: build_live_key(kind, object),
            open_key: open.join(", "),
        }
    }

    /// Its id and what anybody may see of its natural key.
    pub fn describe(&self) -> String {
        let named = if self.open_key.is_empty() { String::new() } else { format!(" ({})", self.open_key) };
        format!("{}{named}", self.id)
    }

    /// The same where the id may be about a person.
    pub fn describe_to_anybody(&self, kind: &Kind) -> String {
        match kind.id_field().sensitivity {
            Sensitivity::Public => self.describe().escape_debug().to_string(),
            _ => "(not shown)".to_owned(),
        }
    }
}

/// Finds documents whose natural key is almost that of a live object.
pub struct SimilarKeys {
    /// By the folded natural key: the places of documents.
    by_key: HashMap<String, Vec<usize>>,
}

impl SimilarKeys {
    /// Of documents by their places, with their natural keys.
    pub fn new(keys: impl Iterator<Item = (usize, String)>) -> Self {
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        keys.for_each(|(at, key)| by_key.entry(fold_key(&key)).or_default().push(at));
        Self { by_key }
    }

    /// The places of the documents whose natural key is almost this one.
    pub fn find(&self, natural_key: &str) -> &[usize] {
        self.by_key.get(&fold_key(natural_key)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A natural key without what people do not see in it: case, Unicode form, blanks at its ends and double ones.
pub fn fold_key(key: &str) -> String {
    let fold = |part: &str| {
        let part = part.nfkc().collect::<String>().to_lowercase();
        let is_seen = |c: &char| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
        let part: String = part.chars().filter(is_seen).collect();
        part.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    key.split('\u{1f}').map(fold).collect::<Vec<_>>().join("\u{1f}")
}

#[cfg(test)]
mod tests {
    use super::fold_key;

    #[test]
    fn what_nobody_sees_does_not_count() {
        for (one, other) in [
            ("Malm\u{f6}", "malmo\u{308}"),
            ("North  Shore", " north shore"),
            ("a\u{a0}b", "A B"),
            ("ko\u{200b}de", "kode"),
            ("\u{ff21}1", "a1"),
            ("a \u{1f}b\u{1f}", "A\u{1f} b\u{1f}"),
        ] {
            assert_eq!(fold_key(one), fold_key(other), "{one} {other}");
        }
        for (one, other) in [("Malm\u{f6}", "Malmo"), ("a b", "ab"), ("a\u{1f}b", "ab"), ("a-b", "a_b")] {
            assert_ne!(fold_key(one), fold_key(other), "{one} {other}");
        }
    }
}
