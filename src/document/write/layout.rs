//! Trees of plain words and texts laid out as YAML: block style, with short items of lists on one line.
//!
//! Texts get quotes where any reader could take them for something else; a text of several lines stands as a
//! literal block where that is exact. Comments stay on their own lines or behind values.
//! Deliberately absent: kinds and marks. What comes here may be written.

use std::fmt::Write as _;

use crate::document::Slot;
use crate::yaml;

/// Lines are kept below this many characters where that is possible without breaking texts.
const WIDTH: usize = 100;
/// How many columns one level takes.
const STEP: usize = 2;

/// What is written.
#[derive(Clone)]
pub enum Tree {
    /// A number, a flag or null: written as it is.
    Word(String),
    Text(String),
    /// Where a value comes from.
    Slot(Slot),
    List(Vec<Tree>),
    Map(Vec<Row>),
}

/// One entry of a mapping, or a comment in its place.
#[derive(Clone)]
pub struct Row {
    pub key: String,
    /// None when only the remark is written.
    pub tree: Option<Tree>,
    pub remark: Option<String>,
}

/// A comment on a line of its own.
pub fn comment(text: &str, indent: usize, out: &mut String) {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(out, "{:indent$}# {}", "", text.trim_end());
}

/// The entries of a mapping, each on lines of its own.
pub fn rows(rows: &[Row], indent: usize, out: &mut String) {
    for row in rows {
        match &row.tree {
            Some(tree) => {
                let _ = write!(out, "{:indent$}{}:", "", yaml::key(&row.key));
                value(tree, row.remark.as_deref(), indent, out);
            }
            None => comment(row.remark.as_deref().unwrap_or_default(), indent, out),
        }
    }
}

/// What stands after `key:` or `-`, up to and with the end of its last line.
pub fn value(tree: &Tree, remark: Option<&str>, indent: usize, out: &mut String) {
    let remark = remark.map(|remark| format!("  # {remark}")).unwrap_or_default();
    if let Some(line) = on_one_line(tree, indent) {
        let _ = writeln!(out, " {line}{remark}");
        return;
    }
    match tree {
        Tree::Text(text) => {
            let (header, body) = literal(text, indent + STEP).unwrap_or_default();
            let _ = writeln!(out, " {header}{remark}");
            out.push_str(&body);
        }
        Tree::List(items) => {
            let _ = writeln!(out, "{remark}");
            items.iter().for_each(|tree| item(tree, indent + STEP, out));
        }
        Tree::Map(entries) if entries.iter().all(|row| row.tree.is_none()) => {
            let _ = writeln!(out, " {{}}{remark}");
            rows(entries, indent + STEP, out);
        }
        Tree::Map(entries) => {
            let _ = writeln!(out, "{remark}");
            rows(entries, indent + STEP, out);
        }
        Tree::Word(_) | Tree::Slot(_) => {}
    }
}

/// One item of a list, its dash at column `indent`.
pub fn item(tree: &Tree, indent: usize, out: &mut String) {
    let _ = write!(out, "{:indent$}-", "");
    match tree {
        Tree::Map(entries) if entries.iter().any(|row| row.tree.is_some()) => {
            let line = flow(tree);
            if entries.iter().all(is_plain_row) && fits(&line, indent) {
                let _ = writeln!(out, " {line}");
                return;
            }
            // a comment can't stand between the dash and the first entry
            let at = entries.iter().position(|row| row.tree.is_some()).unwrap_or(0);
            let mut entries = entries.clone();
            let first = entries.remove(at);
            entries.insert(0, first);
            let mut text = String::new();
            rows(&entries, indent + STEP, &mut text);
            let _ = write!(out, " {}", text.trim_start_matches(' '));
        }
        _ => value(tree, None, indent, out),
    }
}

/// An entry with one value and nothing to say about it.
fn is_plain_row(row: &Row) -> bool {
    let leaf = |tree: &Tree| matches!(tree, Tree::Word(_)) || is_line(tree);
    let leaves = |tree: &Tree| match tree {
        Tree::List(items) => items.iter().all(leaf),
        tree => leaf(tree),
    };
    row.remark.is_none() && row.tree.as_ref().is_some_and(leaves)
}

fn is_line(tree: &Tree) -> bool {
    matches!(tree, Tree::Text(text) if !text.contains('\n'))
}

fn fits(line: &str, indent: usize) -> bool {
    indent + STEP + line.chars().count() <= WIDTH
}

/// The value on one line, where that is how it is best read.
fn on_one_line(tree: &Tree, indent: usize) -> Option<String> {
    match tree {
        Tree::Word(word) => Some(word.clone()),
        Tree::Text(text) => literal(text, indent + STEP).is_none().then(|| yaml::scalar(text, false)),
        Tree::Slot(_) => Some(flow(tree)),
        Tree::List(items) => {
            let leaves = items.iter().all(|item| matches!(item, Tree::Word(_)) || is_line(item));
            let line = flow(tree);
            (items.is_empty() || (leaves && fits(&line, indent))).then_some(line)
        }
        Tree::Map(entries) => entries.is_empty().then(|| "{}".into()),
    }
}

/// The whole tree on one line; remarks are left out.
pub fn flow(tree: &Tree) -> String {
    match tree {
        Tree::Word(word) => word.clone(),
        Tree::Text(text) => yaml::scalar(text, true),
        Tree::Slot(slot) => self::slot(slot),
        Tree::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Tree::Map(entries) => {
            let entries: Vec<String> = entries.iter().filter_map(entry).collect();
            if entries.is_empty() { "{}".into() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    }
}

/// `key: value` on one line.
pub fn entry(row: &Row) -> Option<String> {
    Some(format!("{}: {}", yaml::key(&row.key), flow(row.tree.as_ref()?)))
}

/// A slot as documents have it.
pub fn slot(slot: &Slot) -> String {
    match slot {
        Slot::Env(name) => format!("{{ from_env: {} }}", yaml::scalar(name, true)),
        Slot::File(path) => format!("{{ from_file: {} }}", yaml::scalar(path, true)),
        Slot::Command(words) => {
            let words: Vec<String> = words.iter().map(|word| yaml::scalar(word, true)).collect();
            format!("{{ from_command: [{}] }}", words.join(", "))
        }
    }
}

/// Header and lines of a literal block at column `indent`; none where it would not be exact, or not be seen
/// for what it is: at most one line break at the end, no blanks at ends of lines, nothing that needs an escape.
pub fn literal(text: &str, indent: usize) -> Option<(&'static str, String)> {
    let (header, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let several = body.contains('\n');
    let neat = |line: &str| line.trim_end() == line && !line.starts_with('\t');
    let first = body.lines().next().unwrap_or_default();
    let exact = |c: char| c == '\n' || c == '\t' || !(c.is_control() || is_odd(c));
    if !several || first.is_empty() || first.starts_with(' ') || body.ends_with('\n') {
        return None;
    }
    if !body.split('\n').all(neat) || !body.chars().all(exact) {
        return None;
    }
    let mut out = String::new();
    for line in body.split('\n') {
        let blanks = if line.is_empty() { 0 } else { indent };
        let _ = writeln!(out, "{:blanks$}{line}", "");
    }
    Some((header, out))
}

/// Characters that editors and readers of YAML do not agree about.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Tree {
        Tree::Text(text.into())
    }

    fn row(key: &str, tree: Tree) -> Row {
        Row { key: key.into(), tree: Some(tree), remark: None }
    }

    fn laid_out(entries: &[Row]) -> String {
        let mut out = String::new();
        rows(entries, 0, &mut out);
        out
    }

    #[test]
    fn short_items_stand_on_one_line_and_slots_never_do() {
        let fee = Tree::Map(vec![row("type", text("CC")), row("min", Tree::Word("0.00".into()))]);
        let login = Tree::Map(vec![
            row("name", text("Tickets")),
            row("password", Tree::Slot(Slot::Env("TICKETS_PASSWORD".into()))),
        ]);
        let written = laid_out(&[row("fees", Tree::List(vec![fee, login]))]);
        let expected = "fees:\n  - { type: CC, min: 0.00 }\n  - name: Tickets\n    password: { from_env: TICKETS_PASSWORD }\n";
        assert_eq!(written, expected);
    }

    #[test]
    fn remarks_stay_beside_what_they_are_about() {
        let written = laid_out(&[
            Row { remark: Some("reads back empty".into()), ..row("pin", Tree::Word("null".into())) },
            Row { key: String::new(), tree: None, remark: Some("key: somewhere".into()) },
            row("inner", Tree::Map(vec![Row { key: String::new(), tree: None, remark: Some("a".into()) }])),
        ]);
        assert_eq!(written, "pin: null  # reads back empty\n# key: somewhere\ninner: {}\n  # a\n");
    }

    #[test]
    fn texts_of_several_lines_are_blocks_where_that_is_exact() {
        assert_eq!(laid_out(&[row("note", text("one\n\ntwo\n"))]), "note: |\n  one\n\n  two\n");
        assert_eq!(laid_out(&[row("note", text("one\ntwo"))]), "note: |-\n  one\n  two\n");
        for odd in ["\n", "a\n\n", " a\nb", "a \nb", "a\r\nb", "\na\nb", "a\n\u{2028}"] {
            assert!(literal(odd, 2).is_none(), "{odd:?}");
        }
    }

    #[test]
    fn what_could_be_taken_for_something_else_has_quotes() {
        let written = laid_out(&[
            row("no", text("no")),
            row("<<", text("012")),
            row("a:b", text("2026-01-31")),
            row("list", Tree::List(vec![text("a, b"), text("+46 70"), text("")])),
        ]);
        let expected =
            "\"no\": \"no\"\n\"<<\": \"012\"\n\"a:b\": \"2026-01-31\"\nlist: [\"a, b\", +46 70, \"\"]\n";
        assert_eq!(written, expected);
    }
}
