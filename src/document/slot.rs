//! Slots: where a value that must not stand in the repository comes from.
//!
//! `{ from_env: NAME }`, `{ from_file: PATH }` or `{ from_command: [PROGRAM, ARGUMENT] }`, read from a node.
//! What stands there instead is never repeated: it may be the secret itself, so it is veiled.
//! Deliberately absent: looking anything up. The `cli` room does, once, before the first request.

use std::fmt;

use super::Slot;
use super::read::Reading;
use crate::diagnostic::{Diagnostic, nearest};
use crate::yaml::{Data, Node};

/// The words that open a slot.
const WORDS: [&str; 3] = ["from_env", "from_file", "from_command"];
/// How a slot is written, for hints.
pub const FORMS: &str = "{ from_env: NAME }, { from_file: PATH } or { from_command: [PROGRAM, ARGUMENT] }";
/// The most bytes of a name, a path or an argument.
const MAX_WORD: usize = 4096;
/// The most arguments of a command.
const MAX_ARGUMENTS: usize = 256;

/// Whether a node is meant as a slot: a mapping with one of a slot's words, even a misspelt one.
pub(super) fn is_meant(node: &Node) -> bool {
    node.entries().first().is_some_and(|first| first.key.starts_with("from_"))
}

/// Reads a mapping as a slot; anything else is a fault.
pub fn read(node: &Node, reading: &mut Reading) -> Option<Slot> {
    let slot = match node.entries() {
        [entry] => word(&entry.key, &entry.value),
        _ => Err("takes exactly one of its words".into()),
    };
    match slot {
        Ok(slot) => Some(slot),
        Err(why) => {
            reading.veil_span(node.span);
            let fault = Diagnostic::error("bad-slot", format!("the source of this value {why}"));
            reading.put(node.span, fault.hint(format!("write {FORMS}")));
            None
        }
    }
}

fn word(key: &str, value: &Node) -> Result<Slot, String> {
    match key {
        "from_env" => match value.scalar() {
            Some(name) if is_variable(name) => Ok(Slot::Env(name.to_owned())),
            _ => Err("is not the name of an environment variable".into()),
        },
        "from_file" => match value.scalar() {
            Some(path) if is_word(path) && !value.is_null() => Ok(Slot::File(path.to_owned())),
            _ => Err("is not the path of a file".into()),
        },
        "from_command" => command(value).map(Slot::Command),
        other => Err(match nearest(other, WORDS) {
            Some(near) => format!("has an unknown word, perhaps meant as `{near}`"),
            None => "has an unknown word".into(),
        }),
    }
}

fn command(value: &Node) -> Result<Vec<String>, String> {
    let Data::List(items) = &value.data else {
        return Err("is not a list of the program and its arguments (no shell is used)".into());
    };
    let words: Vec<String> =
        items.iter().filter_map(|item| item.scalar().filter(|word| fits(word)).map(str::to_owned)).collect();
    let whole = words.len() == items.len() && words.len() <= MAX_ARGUMENTS;
    match words.first() {
        Some(program) if whole && !program.is_empty() => Ok(words),
        _ => Err("is not a program with its arguments".into()),
    }
}

fn fits(word: &str) -> bool {
    word.len() <= MAX_WORD && !word.contains('\0')
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && fits(word)
}

fn is_variable(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.len() <= 255 && name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// The fault of a secret that stands in clear.
pub fn plain_secret(name: &str) -> Diagnostic {
    Diagnostic::error("plain-secret", format!("`{name}` is a secret and must not stand here in clear"))
        .hint(format!("write {}; a secret that was ever committed must be changed", FORMS))
}

impl fmt::Display for Slot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(out, "the environment variable {name}"),
            Self::File(path) => write!(out, "the file {}", path.escape_debug()),
            // arguments may be telling, and there can be many
            Self::Command(words) => {
                let program = words.first().map_or("", String::as_str);
                write!(out, "the command {}", program.escape_debug())
            }
        }
    }
}
