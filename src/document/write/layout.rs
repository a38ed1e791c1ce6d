//! Trees of plain words and texts laid out as YAML: block style, with short items of lists on one line.
//!
//! Texts get quotes where any reader could take them for something else; a text of several lines stands as a
//! literal block where that is exact. Comments stay on their own lines or behind values.
//! Deliberately absent: kinds and marks. What comes here may be written.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::document::ValueSource;
use crate::yaml;

/// Lines are kept below this many characters where that is possible without breaking texts.
const LINE_WIDTH: usize = 100;
/// How many columns one level takes.
const INDENT_WIDTH: usize = 2;

/// What is written.
#[derive(Clone, PartialEq)]
pub enum LayoutNode {
    /// A number, a flag or null: written as it is.
    Plain(String),
    Text(String),
    /// Where a value comes from.
    Source(ValueSource),
    List(Vec<LayoutNode>),
    Map(Vec<LayoutEntry>),
}

/// One entry of a mapping, or a comment in its place.
#[derive(Clone, PartialEq)]
pub struct LayoutEntry {
    pub key: String,
    /// None when only the remark is written.
    pub node: Option<LayoutNode>,
    pub comment: Option<String>,
}

/// The entries of a mapping as JSON; comments are left out.
pub fn entries_to_json(entries: &[LayoutEntry]) -> Json {
    let member = |entry: &LayoutEntry| Some((entry.key.clone(), node_to_json(entry.node.as_ref()?)));
    Json::Object(entries.iter().filter_map(member).collect())
}

fn node_to_json(node: &LayoutNode) -> Json {
    match node {
        LayoutNode::Plain(word) => serde_json::from_str(word).unwrap_or_else(|_| word.clone().into()),
        LayoutNode::Text(text) => text.clone().into(),
        LayoutNode::Source(ValueSource::Env(name)) => json!({ "from_env": name }),
        LayoutNode::Source(ValueSource::File(path)) => json!({ "from_file": path }),
        LayoutNode::Source(ValueSource::Command(words)) => json!({ "from_command": words }),
        LayoutNode::Source(ValueSource::Provider(provider, name)) => {
            json!({ "from_secret": { provider: name } })
        }
        LayoutNode::List(items) => items.iter().map(node_to_json).collect(),
        LayoutNode::Map(entries) => entries_to_json(entries),
    }
}

/// A comment on a line of its own.
pub fn write_comment(text: &str, indent: usize, out: &mut String) {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(out, "{:indent$}# {}", "", text.trim_end());
}

/// The entries of a mapping, each on lines of its own.
pub fn write_entries(rows: &[LayoutEntry], indent: usize, out: &mut String) {
    for row in rows {
        match &row.node {
            Some(tree) => {
                let _ = write!(out, "{:indent$}{}:", "", yaml::format_key(&row.key));
                write_node(tree, row.comment.as_deref(), indent, out);
            }
            None => write_comment(row.comment.as_deref().unwrap_or_default(), indent, out),
        }
    }
}

/// What stands after `key:` or `-`, up to and with the end of its last line.
pub fn write_node(tree: &LayoutNode, remark: Option<&str>, indent: usize, out: &mut String) {
    let remark = remark.map(|remark| format!("  # {remark}")).unwrap_or_default();
    if let Some(line) = render_single_line(tree, indent) {
        let _ = writeln!(out, " {line}{remark}");
        return;
    }
    match tree {
        LayoutNode::Text(text) => {
            let (header, body) = render_literal_block(text, indent + INDENT_WIDTH).unwrap_or_default();
            let _ = writeln!(out, " {header}{remark}");
            out.push_str(&body);
        }
        LayoutNode::List(items) => {
            let _ = writeln!(out, "{remark}");
            items.iter().for_each(|tree| write_item(tree, indent + INDENT_WIDTH, out));
        }
        LayoutNode::Map(entries) if entries.iter().all(|row| row.node.is_none()) => {
            let _ = writeln!(out, " {{}}{remark}");
            write_entries(entries, indent + INDENT_WIDTH, out);
        }
        LayoutNode::Map(entries) => {
            let _ = writeln!(out, "{remark}");
            write_entries(entries, indent + INDENT_WIDTH, out);
        }
        LayoutNode::Plain(_) | LayoutNode::Source(_) => {}
    }
}

/// One item of a list, its dash at column `indent`.
pub fn write_item(tree: &LayoutNode, indent: usize, out: &mut String) {
    let _ = write!(out, "{:indent$}-", "");
    match tree {
        LayoutNode::Map(entries) if entries.iter().any(|row| row.node.is_some()) => {
            let line = render_flow(tree);
            if entries.iter().all(is_plain_entry) && fits_line_width(&line, indent) {
                let _ = writeln!(out, " {line}");
                return;
            }
            // a comment can't stand between the dash and the first entry
            let at = entries.iter().position(|row| row.node.is_some()).unwrap_or(0);
            let mut entries = entries.clone();
            let first = entries.remove(at);
            entries.insert(0, first);
            let mut text = String::new();
            write_entries(&entries, indent + INDENT_WIDTH, &mut text);
            let _ = write!(out, " {}", text.trim_start_matches(' '));
        }
        _ => write_node(tree, None, indent, out),
    }
}

/// An entry with one value and nothing to say about it.
fn is_plain_entry(row: &LayoutEntry) -> bool {
    let scalar = |tree: &LayoutNode| matches!(tree, LayoutNode::Plain(_)) || is_single_line(tree);
    let values = |tree: &LayoutNode| match tree {
        LayoutNode::List(items) => items.iter().all(scalar),
        tree => scalar(tree),
    };
    row.comment.is_none() && row.node.as_ref().is_some_and(values)
}

fn is_single_line(tree: &LayoutNode) -> bool {
    matches!(tree, LayoutNode::Text(text) if !text.contains('\n'))
}

fn fits_line_width(line: &str, indent: usize) -> bool {
    indent + INDENT_WIDTH + line.chars().count() <= LINE_WIDTH
}

/// The value on one line, where that is how it is best read.
fn render_single_line(tree: &LayoutNode, indent: usize) -> Option<String> {
    match tree {
        LayoutNode::Plain(word) => Some(word.clone()),
        LayoutNode::Text(text) => render_literal_block(text, indent + INDENT_WIDTH)
            .is_none()
            .then(|| yaml::format_scalar(text, false)),
        LayoutNode::Source(_) => Some(render_flow(tree)),
        LayoutNode::List(items) => {
            let values =
                items.iter().all(|item| matches!(item, LayoutNode::Plain(_)) || is_single_line(item));
            let line = render_flow(tree);
            (items.is_empty() || (values && fits_line_width(&line, indent))).then_some(line)
        }
        LayoutNode::Map(entries) => entries.is_empty().then(|| "{}".into()),
    }
}

/// The whole tree on one line; remarks are left out.
pub fn render_flow(tree: &LayoutNode) -> String {
    match tree {
        LayoutNode::Plain(word) => word.clone(),
        LayoutNode::Text(text) => yaml::format_scalar(text, true),
        LayoutNode::Source(slot) => self::render_value_source(slot),
        LayoutNode::List(items) => {
            format!("[{}]", items.iter().map(render_flow).collect::<Vec<_>>().join(", "))
        }
        LayoutNode::Map(entries) => {
            let entries: Vec<String> = entries.iter().filter_map(render_flow_entry).collect();
            if entries.is_empty() { "{}".into() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    }
}

/// `key: value` on one line.
pub fn render_flow_entry(row: &LayoutEntry) -> Option<String> {
    Some(format!("{}: {}", yaml::format_key(&row.key), render_flow(row.node.as_ref()?)))
}

/// A slot as documents have it.
pub fn render_value_source(slot: &ValueSource) -> String {
    match slot {
        ValueSource::Env(name) => format!("{{ from_env: {} }}", yaml::format_scalar(name, true)),
        ValueSource::File(path) => format!("{{ from_file: {} }}", yaml::format_scalar(path, true)),
        ValueSource::Provider(provider, name) => {
            let (provider, name) = (yaml::format_scalar(provider, true), yaml::format_scalar(name, true));
            format!("{{ from_secret: {{ {provider}: {name} }} }}")
        }
        ValueSource::Command(words) => {
            let words: Vec<String> = words.iter().map(|word| yaml::format_scalar(word, true)).collect();
            format!("{{ from_command: [{}] }}", words.join(", "))
        }
    }
}

/// Header and lines of a literal block at column `indent`; none where it would not be exact, or not be seen
/// for what it is: at most one line break at the end, no blanks at ends of lines, nothing that needs an escape.
pub fn render_literal_block(text: &str, indent: usize) -> Option<(&'static str, String)> {
    let (header, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let several = body.contains('\n');
    let neat = |line: &str| line.trim_end() == line && !line.starts_with('\t');
    let first = body.lines().next().unwrap_or_default();
    let exact = |c: char| c == '\n' || c == '\t' || !(c.is_control() || is_ambiguous_char(c));
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
fn is_ambiguous_char(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> LayoutNode {
        LayoutNode::Text(text.into())
    }

    fn row(key: &str, tree: LayoutNode) -> LayoutEntry {
        LayoutEntry { key: key.into(), node: Some(tree), comment: None }
    }

    fn laid_out(entries: &[LayoutEntry]) -> String {
        let mut out = String::new();
        write_entries(entries, 0, &mut out);
        out
    }

    #[test]
    fn short_items_stand_on_one_line_and_slots_never_do() {
        let fee =
            LayoutNode::Map(vec![row("type", text("CC")), row("min", LayoutNode::Plain("0.00".into()))]);
        let login = LayoutNode::Map(vec![
            row("name", text("Tickets")),
            row("password", LayoutNode::Source(ValueSource::Env("TICKETS_PASSWORD".into()))),
        ]);
        let written = laid_out(&[row("fees", LayoutNode::List(vec![fee, login]))]);
        let expected = "fees:\n  - { type: CC, min: 0.00 }\n  - name: Tickets\n    password: { from_env: TICKETS_PASSWORD }\n";
        assert_eq!(written, expected);
    }

    #[test]
    fn remarks_stay_beside_what_they_are_about() {
        let written = laid_out(&[
            LayoutEntry {
                comment: Some("reads back empty".into()),
                ..row("pin", LayoutNode::Plain("null".into()))
            },
            LayoutEntry { key: String::new(), node: None, comment: Some("key: somewhere".into()) },
            row(
                "inner",
                LayoutNode::Map(vec![LayoutEntry {
                    key: String::new(),
                    node: None,
                    comment: Some("a".into()),
                }]),
            ),
        ]);
        assert_eq!(written, "pin: null  # reads back empty\n# key: somewhere\ninner: {}\n  # a\n");
    }

    #[test]
    fn texts_of_several_lines_are_blocks_where_that_is_exact() {
        assert_eq!(laid_out(&[row("note", text("one\n\ntwo\n"))]), "note: |\n  one\n\n  two\n");
        assert_eq!(laid_out(&[row("note", text("one\ntwo"))]), "note: |-\n  one\n  two\n");
        for odd in ["\n", "a\n\n", " a\nb", "a \nb", "a\r\nb", "\na\nb", "a\n\u{2028}"] {
            assert!(render_literal_block(odd, 2).is_none(), "{odd:?}");
        }
    }

    #[test]
    fn what_could_be_taken_for_something_else_has_quotes() {
        let written = laid_out(&[
            row("no", text("no")),
            row("<<", text("012")),
            row("a:b", text("2026-01-31")),
            row("list", LayoutNode::List(vec![text("a, b"), text("+46 70"), text("")])),
        ]);
        let expected =
            "\"no\": \"no\"\n\"<<\": \"012\"\n\"a:b\": \"2026-01-31\"\nlist: [\"a, b\", +46 70, \"\"]\n";
        assert_eq!(written, expected);
    }
}
