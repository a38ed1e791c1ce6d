//! The reference pages, in Markdown: one a kind, from the same source as `trueup explain`, and one for the
//! format in which kinds are written, from its types.
//!
//! Deliberately absent: prose that someone would have to keep true by hand.

mod format;

use std::fmt::Write as _;
use std::sync::Arc;

pub use format::{FormatPage, FormatRole, UsageFile, render_format_page};

use super::explain::{self, FieldSummary, TopicExplanation};
use super::registry::KindRegistry;
use super::{ArrayType, FieldType, ItemType, Kind, Shape};
use crate::yaml;

/// The page of every kind, and one that lists them: the path below `docs/reference/` and the text, ordered by
/// path.
pub fn render_pages(registry: &KindRegistry) -> Vec<(String, String)> {
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    let mut pages: Vec<_> =
        kinds.iter().map(|kind| (format!("{}.md", kind.name), render_page(kind))).collect();
    pages.push(("README.md".into(), render_contents(&kinds)));
    pages.sort();
    pages
}

fn render_contents(kinds: &[Arc<Kind>]) -> String {
    let mut out = String::from("# Reference\n\n| kind | what it is |\n|---|---|\n");
    for kind in kinds {
        let _ = writeln!(out, "| [`{0}`]({0}.md) | {1} |", kind.name, escape_cell(&kind.description));
    }
    out.push_str("\nHow kinds are described, and how to describe your own: [the kind format](format.md).\n");
    out
}

/// The page of one kind.
pub fn render_page(kind: &Kind) -> String {
    let mut out = String::new();
    let Ok(whole) = explain::explain_path(kind, "") else { return out };
    let _ =
        writeln!(out, "# {}\n\n`{}`, of {}\n\n{}\n", kind.title, kind.name, kind.api.title, kind.description);
    write_facts(&mut out, &whole);
    write_table(&mut out, "Scope", "parameter", &whole.scope);
    if let Some(example) = &whole.example {
        out.push_str("## Example\n\n");
        write_code_block(&mut out, &yaml::write_yaml(example));
    }
    out.push_str("## Fields\n\n");
    write_overview(&mut out, &whole.fields);
    write_sections(&mut out, kind, &kind.shape, "");
    if let Some(source) = &whole.source {
        let _ = writeln!(out, "Source: {source}");
    }
    format!("{}\n", out.trim_end())
}

fn write_overview(out: &mut String, fields: &[FieldSummary]) {
    out.push_str("| field | type | |\n|---|---|---|\n");
    for field in fields {
        let _ = writeln!(
            out,
            "| [`{}`](#{}) | {} | {} |",
            field.name,
            build_anchor(&field.name),
            field.ty,
            field.flags.join(", ")
        );
    }
    out.push('\n');
}

/// A section for every field, each before what is inside of it.
fn write_sections(out: &mut String, kind: &Kind, shape: &Shape, path: &str) {
    for field in &shape.fields {
        let path = if path.is_empty() { field.name.to_string() } else { format!("{path}.{}", field.name) };
        let Ok(explanation) = explain::explain_path(kind, &path) else { continue };
        write_section(out, kind, &explanation);
        if let FieldType::Object(inner) | FieldType::Array(ArrayType { item: ItemType::Object(inner), .. }) =
            &field.ty
        {
            write_sections(out, kind, inner, &path);
        }
    }
}

fn write_section(out: &mut String, kind: &Kind, explanation: &TopicExplanation) {
    let _ = writeln!(out, "### {}\n\n*{}*. {}\n", explanation.path, explanation.ty, explanation.description);
    write_facts(out, explanation);
    for choices in &explanation.known_values {
        let _ = writeln!(out, "{}:\n", capitalize_first(choices.title));
        for (word, is) in &choices.values {
            let _ = writeln!(out, "- `{word}`: {is}");
        }
        out.push('\n');
    }
    if let Some(example) = &explanation.example {
        write_code_block(out, &yaml::write_yaml(&explanation.wrap_example(example)));
    }
    if let Some(source) = explanation.source.as_ref().filter(|source| kind.source.as_ref() != Some(source)) {
        let _ = writeln!(out, "Source: {source}\n");
    }
}

fn write_facts(out: &mut String, explanation: &TopicExplanation) {
    for fact in &explanation.facts {
        let _ = writeln!(out, "- {}: {}", fact.label, fact.text);
    }
    if !explanation.facts.is_empty() {
        out.push('\n');
    }
}

fn write_table(out: &mut String, title: &str, first: &str, entries: &[FieldSummary]) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(out, "## {title}\n\n| {first} | type | what it is |\n|---|---|---|");
    for entry in entries {
        let _ = writeln!(out, "| `{}` | {} | {} |", entry.name, entry.ty, escape_cell(&entry.description));
    }
    out.push('\n');
}

fn write_code_block(out: &mut String, yaml: &str) {
    let _ = writeln!(out, "```yaml\n{}\n```\n", yaml.trim_end());
}

fn escape_cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The anchor that renderers of Markdown give a heading.
fn build_anchor(heading: &str) -> String {
    let keep = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    heading.to_lowercase().chars().filter(keep).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn capitalize_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
