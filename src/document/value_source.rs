//! Slots: where a value that must not stand in the repository comes from.
//!
//! `{ from_env: NAME }`, `{ from_file: PATH }`, `{ from_command: [PROGRAM, ARGUMENT] }` or
//! `{ from_secret: { PROVIDER: NAME } }`, read from a node.
//! What stands there instead is never repeated: it may be the secret itself, so it is redacted.
//! Deliberately absent: looking anything up. The `cli` room does, once, before the first request.

use std::fmt;

use super::ValueSource;
use super::source_reader::SourceReader;
use crate::diagnostic::{Diagnostic, find_nearest};
use crate::yaml::{YamlData, YamlNode};

/// The words that open a slot.
const SOURCE_KEYS: [&str; 4] = ["from_env", "from_file", "from_command", "from_secret"];
/// How a slot is written, for hints.
pub const FORMS: &str = "{ from_env: NAME }, { from_file: PATH }, { from_command: [PROGRAM, ARGUMENT] } or { from_secret: { PROVIDER: NAME } }";
/// The most bytes of a name, a path or an argument.
const MAX_WORD: usize = 4096;
/// The most arguments of a command.
const MAX_ARGUMENTS: usize = 256;

/// Whether a node is meant as a slot: a mapping with one of a slot's words, even a misspelt one.
pub fn is_value_source(node: &YamlNode) -> bool {
    node.entries().first().is_some_and(|first| first.key.starts_with("from_"))
}

/// Reads a mapping as a slot; anything else is a fault.
pub fn read_source(node: &YamlNode, reading: &mut SourceReader) -> Option<ValueSource> {
    let slot = match node.entries() {
        [entry] => parse_source(&entry.key, &entry.value),
        _ => Err("takes exactly one of its words".into()),
    };
    match slot {
        Ok(slot) => Some(slot),
        Err(why) => {
            reading.redact_span(node.span);
            let fault = Diagnostic::error("unknown-secret-source", format!("the source of this value {why}"));
            reading.add_diagnostic(node.span, fault.with_hint(format!("write {FORMS}")));
            None
        }
    }
}

fn parse_source(key: &str, value: &YamlNode) -> Result<ValueSource, String> {
    match key {
        "from_env" => match value.as_scalar() {
            Some(name) if is_variable_name(name) => Ok(ValueSource::Env(name.to_owned())),
            _ => Err("is not the name of an environment variable".into()),
        },
        "from_file" => match value.as_scalar() {
            Some(path) if is_valid_path(path) && !value.is_null() => Ok(ValueSource::File(path.to_owned())),
            _ => Err("is not the path of a file".into()),
        },
        "from_command" => parse_command(value).map(ValueSource::Command),
        "from_secret" => parse_provider(value),
        other => Err(match find_nearest(other, SOURCE_KEYS) {
            Some(near) => format!("has an unknown key; did you mean `{near}`?"),
            None => "has an unknown word".into(),
        }),
    }
}

fn parse_command(value: &YamlNode) -> Result<Vec<String>, String> {
    let YamlData::Sequence(items) = &value.data else {
        return Err("is not a list of the program and its arguments (no shell is used)".into());
    };
    let words: Vec<String> = items
        .iter()
        .filter_map(|item| item.as_scalar().filter(|word| is_within_limit(word)).map(str::to_owned))
        .collect();
    let whole = words.len() == items.len() && words.len() <= MAX_ARGUMENTS;
    match words.first() {
        Some(program) if whole && !program.is_empty() => Ok(words),
        _ => Err("is not a program with its arguments".into()),
    }
}

fn parse_provider(value: &YamlNode) -> Result<ValueSource, String> {
    let is_name = |word: &&str| is_valid_path(word) && !word.contains(['\n', '\r']);
    match value.entries() {
        [entry] if !entry.value.is_null() => match entry.value.as_scalar().filter(is_name) {
            Some(name) => Ok(ValueSource::Provider(entry.key.to_string(), name.to_owned())),
            None => Err("is not the name of a secret".into()),
        },
        _ => Err("is not one provider with the name of a secret".into()),
    }
}

fn is_within_limit(word: &str) -> bool {
    word.len() <= MAX_WORD && !word.contains('\0')
}

fn is_valid_path(word: &str) -> bool {
    !word.is_empty() && is_within_limit(word)
}

fn is_variable_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.len() <= 255 && name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// The fault of a secret that stands in clear.
pub fn diagnose_plain_secret(name: &str) -> Diagnostic {
    Diagnostic::error("plain-secret", format!("`{name}` is a secret and must not be here in clear"))
        .with_hint(format!("write {}; a secret that was ever committed must be changed", FORMS))
}

impl fmt::Display for ValueSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(out, "the environment variable {name}"),
            Self::File(path) => write!(out, "the file {}", path.escape_debug()),
            // arguments may be telling, and there can be many
            Self::Command(words) => {
                let program = words.first().map_or("", String::as_str);
                write!(out, "the command {}", program.escape_debug())
            }
            Self::Provider(provider, name) => {
                write!(out, "the secret {} of provider {}", name.escape_debug(), provider.escape_debug())
            }
        }
    }
}
