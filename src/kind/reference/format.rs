//! The page of the kind format: every word of `<kind>.yaml` and `api.yaml`, what it means, and how it is used.
//!
//! The words come from the schemas of the types; the examples from `examples.yaml`, and for the other words
//! they are cut out of the files in which the words are used, so that they can't go stale.
//! A word without an example is reported to the caller, whose test fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{anchor, cell, fenced};
use crate::diagnostic::{Source, Span};
use crate::kind::file::{ApiFile, KindFile};
use crate::kind::schema;
use crate::yaml::{self, Data, Entry, Node};

const INTRODUCTION: &str = include_str!("introduction.md");
/// Examples by `Definition.word`.
const WRITTEN: &str = include_str!("examples.yaml");
/// Longer examples are cut.
const LINES: usize = 10;
/// No description nests deeper.
const DEPTH: usize = 32;

/// A file in which words of the format are used.
pub struct Used {
    pub role: Role,
    pub source: Arc<Source>,
}

/// Which of the two formats a file is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Api,
    Kind,
}

/// The page, and what it lacks.
pub struct Page {
    pub text: String,
    /// Words without an example, as `Definition.word`.
    pub bare: Vec<String>,
}

/// Makes the page from the types and the files in which their words are used.
pub fn format(files: &[Used]) -> Page {
    let mut examples = written();
    let formats = [
        (Role::Kind, "`<kind>.yaml`", schema::in_parts::<KindFile>()),
        (Role::Api, "`api.yaml`", schema::in_parts::<ApiFile>()),
    ];
    let mut page = Page { text: INTRODUCTION.to_owned(), bare: Vec::new() };
    for (role, title, schema) in &formats {
        let Some(root) = schema.as_object() else { continue };
        let format = Format { root };
        for used in files.iter().filter(|used| used.role == *role) {
            let mut faults = Vec::new();
            for document in yaml::read(&used.source, &mut faults) {
                format.collect(&document, root.get("title"), &used.source, &mut examples);
            }
        }
        format.write(title, &examples, &mut page);
    }
    page
}

type Examples = BTreeMap<String, Example>;

/// The examples of the data file.
fn written() -> Examples {
    let source = Source::new("examples.yaml", WRITTEN);
    let documents = yaml::read(&source, &mut Vec::new());
    let entries = documents.iter().flat_map(Node::entries);
    entries
        .map(|entry| (entry.key.to_string(), Example::new(entry.value.scalar().unwrap_or_default(), true)))
        .collect()
}

/// How a word is used.
struct Example {
    text: String,
    /// Written for the page; others give way to shorter ones.
    written: bool,
}

impl Example {
    fn new(text: &str, written: bool) -> Self {
        Self { text: text.trim_end().to_owned(), written }
    }
}

/// One of the two formats: its schema, with the definitions in it.
struct Format<'s> {
    root: &'s Map<String, Json>,
}

/// A mapping of the format: what its definition is called, where it first stands, its schema.
struct Mapping<'s> {
    name: &'s str,
    path: String,
    schema: &'s Map<String, Json>,
}

impl<'s> Format<'s> {
    /// What a schema says, and the name of its definition where it is a reference.
    fn resolve(&self, schema: &'s Json) -> (Option<&'s str>, &'s Json) {
        let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"));
        let name = reference.and_then(Json::as_str).and_then(|path| path.rsplit('/').next());
        let found =
            name.and_then(|name| self.root.get("definitions")?.get(name).map(|one| (Some(name), one)));
        found.unwrap_or((None, schema))
    }

    fn collect(&self, node: &Node, title: Option<&Json>, source: &Source, examples: &mut Examples) {
        let name = title.and_then(Json::as_str).unwrap_or_default();
        let mut collector = Collector { format: self, source, examples };
        collector.mapping(node, name, self.root, 0);
    }

    fn write(&self, title: &str, examples: &Examples, page: &mut Page) {
        let _ = writeln!(page.text, "## {title}\n");
        let mappings = self.mappings();
        for mapping in &mappings {
            if !mapping.path.is_empty() {
                let _ = writeln!(page.text, "## {}\n", heading(&mapping.path));
            }
            if let Some(is) = mapping.schema.get("markdownDescription").and_then(Json::as_str) {
                let _ = writeln!(page.text, "{is}\n");
            }
            self.words(mapping, &mappings, examples, page);
        }
    }

    /// Every mapping of the format, each before what is inside of it.
    fn mappings(&self) -> Vec<Mapping<'s>> {
        let name = self.root.get("title").and_then(Json::as_str).unwrap_or_default();
        let mut all = Vec::new();
        self.visit(Mapping { name, path: String::new(), schema: self.root }, &mut all);
        all
    }

    fn visit(&self, mapping: Mapping<'s>, all: &mut Vec<Mapping<'s>>) {
        if all.iter().any(|seen| seen.name == mapping.name) {
            return;
        }
        let (above, schema) = (mapping.path.clone(), mapping.schema);
        all.push(mapping);
        for (word, inner) in properties(schema) {
            let path = if above.is_empty() { word.clone() } else { format!("{above}.{word}") };
            for mapping in self.inside(inner, path, 0) {
                self.visit(mapping, all);
            }
        }
    }

    /// The mappings that a value may be or hold, with the path to them.
    fn inside(&self, schema: &'s Json, path: String, depth: usize) -> Vec<Mapping<'s>> {
        let (name, schema) = self.resolve(schema);
        let Some(map) = schema.as_object().filter(|_| depth < DEPTH) else { return Vec::new() };
        if let (Some(name), true) = (name, map.contains_key("properties")) {
            return vec![Mapping { name, path, schema: map }];
        }
        let values = map.get("additionalProperties").map(|inner| (inner, format!("{path}.*")));
        let items = map.get("items").map(|inner| (inner, format!("{path}[]")));
        let choices = map.get("anyOf").and_then(Json::as_array).into_iter().flatten();
        let choices = choices.map(|inner| (inner, path.clone()));
        values
            .into_iter()
            .chain(items)
            .chain(choices)
            .flat_map(|(s, p)| self.inside(s, p, depth + 1))
            .collect()
    }

    fn words(&self, mapping: &Mapping, all: &[Mapping], examples: &Examples, page: &mut Page) {
        let required = mapping.schema.get("required").and_then(Json::as_array);
        for (word, schema) in properties(mapping.schema) {
            let must = required.is_some_and(|words| words.iter().any(|one| one == word));
            let ty = self.type_text(schema, all, 0);
            let is = schema.get("markdownDescription").and_then(Json::as_str).unwrap_or_default();
            let must = if must { ", required" } else { "" };
            let _ = writeln!(page.text, "### `{word}`\n\n*{ty}{must}{}*. {is}\n", default_text(schema));
            let shown = self.values(schema, examples, page);
            match examples.get(&format!("{}.{word}", mapping.name)) {
                Some(example) if shown.contains(&&*example.text) => {}
                Some(example) => fenced(&mut page.text, &example.text),
                None => page.bare.push(format!("{}.{word}", mapping.name)),
            }
        }
    }

    /// The words that a value may be, each with its meaning and an example; the examples shown.
    fn values<'e>(&self, schema: &'s Json, examples: &'e Examples, page: &mut Page) -> Vec<&'e str> {
        let choices = self.choices(schema, 0);
        if choices.is_empty() {
            return Vec::new();
        }
        page.text.push_str("| word | what it means | example |\n|---|---|---|\n");
        let mut shown = Vec::new();
        for (name, value, is) in choices {
            let word = format!("{name}.{value}");
            // a longer example stands whole with the word that holds it
            let line = examples.get(&word).and_then(|example| example.text.lines().next());
            let _ =
                writeln!(page.text, "| `{value}` | {} | `{}` |", cell(is), cell(line.unwrap_or_default()));
            page.bare.extend(line.is_none().then_some(word));
            shown.extend(line);
        }
        page.text.push('\n');
        shown
    }

    fn choices(&self, schema: &'s Json, depth: usize) -> Vec<(&'s str, &'s str, &'s str)> {
        let (name, schema) = self.resolve(schema);
        if depth >= DEPTH {
            return Vec::new();
        }
        if let (Some(name), Some(values)) = (name, schema.get("enum").and_then(Json::as_array)) {
            let meanings = schema.get("markdownEnumDescriptions").and_then(Json::as_array);
            let meaning = |at: usize| meanings.and_then(|all| all.get(at)?.as_str()).unwrap_or_default();
            let word = |(at, value): (usize, &'s Json)| Some((name, value.as_str()?, meaning(at)));
            return values.iter().enumerate().filter_map(word).collect();
        }
        let several = schema.get("anyOf").and_then(Json::as_array).into_iter().flatten();
        let mut found: Vec<_> =
            several.chain(schema.get("items")).flat_map(|inner| self.choices(inner, depth + 1)).collect();
        found.dedup();
        let mut seen = BTreeSet::new();
        found.retain(|(name, value, _)| seen.insert((*name, *value)));
        found
    }

    /// What a value is, with links to the mappings that it holds.
    fn type_text(&self, schema: &'s Json, all: &[Mapping], depth: usize) -> String {
        let (name, schema) = self.resolve(schema);
        if depth >= DEPTH {
            return "anything".into();
        }
        if let Some(mapping) = all.iter().find(|mapping| Some(mapping.name) == name) {
            return format!("[{}](#{})", mapping.path, anchor(&heading(&mapping.path)));
        }
        let inner = |key: &str| schema.get(key).filter(|inner| inner.is_object());
        if let Some(several) = schema.get("anyOf").and_then(Json::as_array) {
            let texts: Vec<_> = several.iter().map(|one| self.type_text(one, all, depth + 1)).collect();
            return texts.join(" or ");
        }
        match schema.get("type").and_then(Json::as_str) {
            _ if schema.get("enum").is_some() => "one word".into(),
            Some("string") => "text".into(),
            Some("integer") => "whole number".into(),
            Some("boolean") => "true or false".into(),
            Some("array") => match inner("items") {
                Some(items) => format!("list, each {}", self.type_text(items, all, depth + 1)),
                None => "list".into(),
            },
            Some("object") => match inner("additionalProperties") {
                Some(values) => format!("names, each with {}", self.type_text(values, all, depth + 1)),
                None => "mapping".into(),
            },
            _ => "anything".into(),
        }
    }
}

fn properties(schema: &Map<String, Json>) -> impl Iterator<Item = (&String, &Json)> {
    schema.get("properties").and_then(Json::as_object).into_iter().flatten()
}

/// Not the bare path, which is the heading of a word too.
fn heading(path: &str) -> String {
    format!("Inside `{path}`")
}

fn default_text(schema: &Json) -> String {
    match schema.get("default") {
        Some(Json::Object(_) | Json::Array(_)) | None => String::new(),
        Some(default) => format!(", {default} when left out"),
    }
}

/// Cuts examples out of one file.
struct Collector<'f, 's, 'e> {
    format: &'f Format<'s>,
    source: &'f Source,
    examples: &'e mut Examples,
}

impl<'s> Collector<'_, 's, '_> {
    fn mapping(&mut self, node: &Node, name: &str, schema: &'s Map<String, Json>, depth: usize) {
        for entry in node.entries() {
            let Some(inner) = schema.get("properties").and_then(|all| all.get(&*entry.key)) else { continue };
            let span = whole(entry);
            self.keep(format!("{name}.{}", entry.key), span);
            self.value(&entry.value, inner, span, depth + 1);
        }
    }

    fn value(&mut self, node: &Node, schema: &'s Json, span: Option<Span>, depth: usize) {
        let (name, schema) = self.format.resolve(schema);
        let Some(map) = schema.as_object().filter(|_| depth < DEPTH) else { return };
        for inner in map.get("anyOf").and_then(Json::as_array).into_iter().flatten() {
            self.value(node, inner, span, depth + 1);
        }
        match &node.data {
            Data::Scalar { text, .. } => {
                let listed = map.get("enum").and_then(Json::as_array);
                if let (Some(name), true) =
                    (name, listed.is_some_and(|all| all.iter().any(|one| *one == **text)))
                {
                    self.keep(format!("{name}.{text}"), span);
                }
            }
            Data::List(items) => {
                let Some(inner) = map.get("items") else { return };
                items.iter().for_each(|item| self.value(item, inner, span, depth + 1));
            }
            Data::Map(entries) => {
                if map.contains_key("properties") {
                    self.mapping(node, name.unwrap_or_default(), map, depth);
                } else if let Some(inner) = map.get("additionalProperties") {
                    for entry in entries {
                        let span = whole(entry);
                        self.value(&entry.value, inner, span, depth + 1);
                    }
                }
            }
        }
    }

    /// The shortest use of a word is its example, the first of several.
    fn keep(&mut self, word: String, span: Option<Span>) {
        let Some(span) = span else { return };
        let text = cut(self.source, span);
        match self.examples.get(&word) {
            Some(known) if known.written || known.text.len() <= text.len() => {}
            _ => drop(self.examples.insert(word, Example::new(&text, false))),
        }
    }
}

/// From a key to the end of its value; nothing where the value stands elsewhere and is only named.
fn whole(entry: &Entry) -> Option<Span> {
    let here = entry.value.span.start >= entry.key_span.end;
    here.then_some(Span { start: entry.key_span.start, end: entry.value.span.end })
}

/// The lines of a span, moved to the left, at most [`LINES`].
fn cut(source: &Source, span: Span) -> String {
    let (start, end) = (span.start as usize, span.end as usize);
    let text = source.text.get(start..end).unwrap_or_default();
    let (_, column) = source.line_column(span.start);
    let mut lines: Vec<_> = text.lines().map(|line| shifted(line, column - 1)).collect();
    // a block ends where the next thing starts, so what is said about that would stand here
    while lines.last().is_some_and(|line| line.is_empty() || line.trim_start().starts_with('#')) {
        lines.pop();
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines.push("  # and so on".into());
    }
    lines.join("\n")
}

/// A line without its first `by` blanks; the first line of a span has none.
fn shifted(line: &str, by: usize) -> String {
    let blanks = line.len() - line.trim_start_matches(' ').len();
    line[blanks.min(by)..].trim_end().to_owned()
}
