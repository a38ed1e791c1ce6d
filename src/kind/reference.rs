//! The reference pages, in Markdown: one a kind, from the same source as `trueup explain`, and one for the
//! format in which kinds are written, from its types.
//!
//! Deliberately absent: prose that somebody would have to keep true by hand.

mod format;

use std::fmt::Write as _;
use std::sync::Arc;

pub use format::{Page, Role, Used, format};

use super::explain::{self, Entry, Explanation};
use super::registry::Registry;
use super::{Item, Kind, ListType, Shape, Type};
use crate::yaml;

/// The page of every kind, and one that lists them: the path below `docs/reference/` and the text, ordered by
/// path.
pub fn pages(registry: &Registry) -> Vec<(String, String)> {
    let kinds: Vec<Arc<Kind>> = registry.kinds().iter().filter_map(|name| registry.kind(name)).collect();
    let mut pages: Vec<_> = kinds.iter().map(|kind| (format!("{}.md", kind.name), page(kind))).collect();
    pages.push(("README.md".into(), contents(&kinds)));
    pages.sort();
    pages
}

fn contents(kinds: &[Arc<Kind>]) -> String {
    let mut out = String::from("# Reference\n\n| kind | what it is |\n|---|---|\n");
    for kind in kinds {
        let _ = writeln!(out, "| [`{0}`]({0}.md) | {1} |", kind.name, cell(&kind.is));
    }
    out.push_str("\nHow kinds are described, and how to describe your own: [the kind format](format.md).\n");
    out
}

/// The page of one kind.
pub fn page(kind: &Kind) -> String {
    let mut out = String::new();
    let Ok(whole) = explain::explain(kind, "") else { return out };
    let _ = writeln!(out, "# {}\n\n`{}`, of {}\n\n{}\n", kind.title, kind.name, kind.api.title, kind.is);
    facts(&mut out, &whole);
    table(&mut out, "Scope", "parameter", &whole.scope);
    if let Some(example) = &whole.example {
        out.push_str("## Example\n\n");
        fenced(&mut out, &yaml::write(example));
    }
    out.push_str("## Fields\n\n");
    overview(&mut out, &whole.fields);
    sections(&mut out, kind, &kind.shape, "");
    if let Some(source) = &whole.source {
        let _ = writeln!(out, "Source: {source}");
    }
    format!("{}\n", out.trim_end())
}

fn overview(out: &mut String, fields: &[Entry]) {
    out.push_str("| field | type | |\n|---|---|---|\n");
    for field in fields {
        let _ = writeln!(
            out,
            "| [`{}`](#{}) | {} | {} |",
            field.name,
            anchor(&field.name),
            field.ty,
            field.flags.join(", ")
        );
    }
    out.push('\n');
}

/// A section for every field, each before what is inside of it.
fn sections(out: &mut String, kind: &Kind, shape: &Shape, path: &str) {
    for field in &shape.fields {
        let path = if path.is_empty() { field.name.to_string() } else { format!("{path}.{}", field.name) };
        let Ok(explanation) = explain::explain(kind, &path) else { continue };
        section(out, kind, &explanation);
        if let Type::Object(inner) | Type::List(ListType { item: Item::Object(inner), .. }) = &field.ty {
            sections(out, kind, inner, &path);
        }
    }
}

fn section(out: &mut String, kind: &Kind, explanation: &Explanation) {
    let _ = writeln!(out, "### {}\n\n*{}*. {}\n", explanation.path, explanation.ty, explanation.is);
    facts(out, explanation);
    for choices in &explanation.choices {
        let _ = writeln!(out, "{}:\n", capital(choices.title));
        for (word, is) in &choices.words {
            let _ = writeln!(out, "- `{word}`: {is}");
        }
        out.push('\n');
    }
    if let Some(example) = &explanation.example {
        fenced(out, &yaml::write(&explanation.in_place(example)));
    }
    if let Some(source) = explanation.source.as_ref().filter(|source| kind.source.as_ref() != Some(source)) {
        let _ = writeln!(out, "Source: {source}\n");
    }
}

fn facts(out: &mut String, explanation: &Explanation) {
    for fact in &explanation.facts {
        let _ = writeln!(out, "- {}: {}", fact.about, fact.text);
    }
    if !explanation.facts.is_empty() {
        out.push('\n');
    }
}

fn table(out: &mut String, title: &str, first: &str, entries: &[Entry]) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(out, "## {title}\n\n| {first} | type | what it is |\n|---|---|---|");
    for entry in entries {
        let _ = writeln!(out, "| `{}` | {} | {} |", entry.name, entry.ty, cell(&entry.is));
    }
    out.push('\n');
}

fn fenced(out: &mut String, yaml: &str) {
    let _ = writeln!(out, "```yaml\n{}\n```\n", yaml.trim_end());
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The anchor that renderers of Markdown give a heading.
fn anchor(heading: &str) -> String {
    let keep = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    heading.to_lowercase().chars().filter(keep).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
