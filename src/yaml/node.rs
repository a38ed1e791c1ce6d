//! Trees of YAML with places. Scalars stay text until someone who knows says what they are.

use std::borrow::Cow;

use crate::diagnostic::SourceSpan;

/// One node, with the bytes it came from.
#[derive(Clone)]
pub struct YamlNode<'t> {
    pub span: SourceSpan,
    pub data: YamlData<'t>,
}

/// What a node is.
#[derive(Clone)]
pub enum YamlData<'t> {
    /// A scalar and whether it stood bare: only a bare `null` is null, only a bare `true` a flag.
    Scalar {
        text: Cow<'t, str>,
        plain: bool,
    },
    Sequence(Vec<YamlNode<'t>>),
    Mapping(Vec<YamlEntry<'t>>),
}

/// One key of a mapping with its value.
#[derive(Clone)]
pub struct YamlEntry<'t> {
    pub key: Cow<'t, str>,
    pub key_span: SourceSpan,
    pub value: YamlNode<'t>,
}

impl<'t> YamlNode<'t> {
    /// Bare `null`, `~` or nothing at all.
    pub fn is_null(&self) -> bool {
        matches!(&self.data, YamlData::Scalar { text, plain: true } if is_null_literal(text))
    }

    /// The value under `key`, when this is a mapping that has it.
    pub fn get_value(&self, key: &str) -> Option<&YamlNode<'t>> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[YamlEntry<'t>] {
        match &self.data {
            YamlData::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[YamlNode<'t>] {
        match &self.data {
            YamlData::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn as_scalar(&self) -> Option<&str> {
        match &self.data {
            YamlData::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The node at a JSON Pointer below this one.
    pub fn resolve_pointer(&self, pointer: &str) -> Option<&YamlNode<'t>> {
        pointer.split('/').skip(1).try_fold(self, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match &node.data {
                YamlData::Sequence(items) => items.get(step.parse::<usize>().ok()?),
                _ => node.get_value(&step),
            }
        })
    }

    /// What it is, for messages: `a text`, `a list`, `a mapping`, `nothing`.
    pub fn describe_type(&self) -> &'static str {
        match &self.data {
            _ if self.is_null() => "nothing",
            YamlData::Scalar { .. } => "a single value",
            YamlData::Sequence(_) => "a list",
            YamlData::Mapping(_) => "a mapping",
        }
    }
}

/// Whether a bare scalar means null.
pub fn is_null_literal(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The flag that a bare scalar means; YAML 1.2 words only, so `no` stays text.
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Whether a bare scalar reads as a JSON-like number.
pub fn is_number_literal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0') || digits.starts_with("0."))
        && digits.parse::<f64>().is_ok()
}
