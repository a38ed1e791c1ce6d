//! The page of the kind format: every word of `<kind>.yaml` and `api.yaml`, what it means, and how it is used.
//!
//! The words come from the schemas of the types; the examples from `examples.yaml`, and for the other words
//! they are cut out of the files in which the words are used, so that they can't go stale.
//! A word without an example is reported to the caller, whose test fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{build_anchor, escape_cell, write_code_block};
use crate::diagnostic::{NamedSource, SourceSpan};
use crate::kind::file::{ApiFile, KindFile};
use crate::kind::schema;
use crate::yaml::{self, YamlData, YamlEntry, YamlNode};

const INTRODUCTION: &str = include_str!("introduction.md");
/// Examples by `Definition.word`.
const EXAMPLES_YAML: &str = include_str!("examples.yaml");
/// Longer examples are cut.
const MAX_EXAMPLE_LINES: usize = 10;
/// No description nests deeper.
const MAX_DEPTH: usize = 32;

/// A file in which words of the format are used.
pub struct UsageFile {
    pub role: FormatRole,
    pub source: Arc<NamedSource>,
}

/// Which of the two formats a file is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatRole {
    Api,
    Kind,
}

/// The page, and what it lacks.
pub struct FormatPage {
    pub text: String,
    /// Words without an example, as `Definition.word`.
    pub missing_examples: Vec<String>,
}

/// Makes the page from the types and the files in which their words are used.
pub fn render_format_page(files: &[UsageFile]) -> FormatPage {
    let mut examples = load_examples();
    let formats = [
        (FormatRole::Kind, "`<kind>.yaml`", schema::generate_schema_with_definitions::<KindFile>()),
        (FormatRole::Api, "`api.yaml`", schema::generate_schema_with_definitions::<ApiFile>()),
    ];
    let mut page = FormatPage { text: INTRODUCTION.to_owned(), missing_examples: Vec::new() };
    for (role, title, schema) in &formats {
        let Some(root) = schema.as_object() else { continue };
        let format = FormatSchema { root };
        for used in files.iter().filter(|used| used.role == *role) {
            let mut faults = Vec::new();
            for document in yaml::read_documents(&used.source, &mut faults) {
                format.collect_examples(&document, root.get("title"), &used.source, &mut examples);
            }
        }
        format.write_format(title, &examples, &mut page);
    }
    page
}

type KeywordExamples = BTreeMap<String, KeywordExample>;

/// The examples of the data file.
fn load_examples() -> KeywordExamples {
    let source = NamedSource::new("examples.yaml", EXAMPLES_YAML);
    let documents = yaml::read_documents(&source, &mut Vec::new());
    let entries = documents.iter().flat_map(YamlNode::entries);
    entries
        .map(|entry| {
            (entry.key.to_string(), KeywordExample::new(entry.value.as_scalar().unwrap_or_default(), true))
        })
        .collect()
}

/// How a word is used.
struct KeywordExample {
    text: String,
    /// Written for the page; others give way to shorter ones.
    is_handwritten: bool,
}

impl KeywordExample {
    fn new(text: &str, written: bool) -> Self {
        Self { text: text.trim_end().to_owned(), is_handwritten: written }
    }
}

/// One of the two formats: its schema, with the definitions in it.
struct FormatSchema<'s> {
    root: &'s Map<String, Json>,
}

/// A mapping of the format: what its definition is called, where it first stands, its schema.
struct SchemaMapping<'s> {
    name: &'s str,
    path: String,
    schema: &'s Map<String, Json>,
}

impl<'s> FormatSchema<'s> {
    /// What a schema says, and the name of its definition where it is a reference.
    fn resolve_definition(&self, schema: &'s Json) -> (Option<&'s str>, &'s Json) {
        let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"));
        let name = reference.and_then(Json::as_str).and_then(|path| path.rsplit('/').next());
        let found =
            name.and_then(|name| self.root.get("definitions")?.get(name).map(|one| (Some(name), one)));
        found.unwrap_or((None, schema))
    }

    fn collect_examples(
        &self,
        node: &YamlNode,
        title: Option<&Json>,
        source: &NamedSource,
        examples: &mut KeywordExamples,
    ) {
        let name = title.and_then(Json::as_str).unwrap_or_default();
        let mut collector = ExampleCollector { schema: self, source, examples };
        collector.collect_from_mapping(node, name, self.root, 0);
    }

    fn write_format(&self, title: &str, examples: &KeywordExamples, page: &mut FormatPage) {
        let _ = writeln!(page.text, "## {title}\n");
        let mappings = self.list_mappings();
        for mapping in &mappings {
            if !mapping.path.is_empty() {
                let _ = writeln!(page.text, "## {}\n", render_heading(&mapping.path));
            }
            if let Some(is) = mapping.schema.get("markdownDescription").and_then(Json::as_str) {
                let _ = writeln!(page.text, "{is}\n");
            }
            self.write_keywords(mapping, &mappings, examples, page);
        }
    }

    /// Every mapping of the format, each before what is inside of it.
    fn list_mappings(&self) -> Vec<SchemaMapping<'s>> {
        let name = self.root.get("title").and_then(Json::as_str).unwrap_or_default();
        let mut all = Vec::new();
        self.visit_mapping(SchemaMapping { name, path: String::new(), schema: self.root }, &mut all);
        all
    }

    fn visit_mapping(&self, mapping: SchemaMapping<'s>, all: &mut Vec<SchemaMapping<'s>>) {
        if all.iter().any(|seen| seen.name == mapping.name) {
            return;
        }
        let (above, schema) = (mapping.path.clone(), mapping.schema);
        all.push(mapping);
        for (word, inner) in list_properties(schema) {
            let path = if above.is_empty() { word.clone() } else { format!("{above}.{word}") };
            for mapping in self.find_inner_mappings(inner, path, 0) {
                self.visit_mapping(mapping, all);
            }
        }
    }

    /// The mappings that a value may be or hold, with the path to them.
    fn find_inner_mappings(&self, schema: &'s Json, path: String, depth: usize) -> Vec<SchemaMapping<'s>> {
        let (name, schema) = self.resolve_definition(schema);
        let Some(map) = schema.as_object().filter(|_| depth < MAX_DEPTH) else { return Vec::new() };
        if let (Some(name), true) = (name, map.contains_key("properties")) {
            return vec![SchemaMapping { name, path, schema: map }];
        }
        let values = map.get("additionalProperties").map(|inner| (inner, format!("{path}.*")));
        let items = map.get("items").map(|inner| (inner, format!("{path}[]")));
        let choices = map.get("anyOf").and_then(Json::as_array).into_iter().flatten();
        let choices = choices.map(|inner| (inner, path.clone()));
        values
            .into_iter()
            .chain(items)
            .chain(choices)
            .flat_map(|(s, p)| self.find_inner_mappings(s, p, depth + 1))
            .collect()
    }

    fn write_keywords(
        &self,
        mapping: &SchemaMapping,
        all: &[SchemaMapping],
        examples: &KeywordExamples,
        page: &mut FormatPage,
    ) {
        let required = mapping.schema.get("required").and_then(Json::as_array);
        for (word, schema) in list_properties(mapping.schema) {
            let must = required.is_some_and(|words| words.iter().any(|one| one == word));
            let ty = self.render_type(schema, all, 0);
            let is = schema.get("markdownDescription").and_then(Json::as_str).unwrap_or_default();
            let must = if must { ", required" } else { "" };
            let _ = writeln!(page.text, "### `{word}`\n\n*{ty}{must}{}*. {is}\n", render_default(schema));
            let shown = self.write_enum_values(schema, examples, page);
            match examples.get(&format!("{}.{word}", mapping.name)) {
                Some(example) if shown.contains(&&*example.text) => {}
                Some(example) => write_code_block(&mut page.text, &example.text),
                None => page.missing_examples.push(format!("{}.{word}", mapping.name)),
            }
        }
    }

    /// The words that a value may be, each with its meaning and an example; the examples shown.
    fn write_enum_values<'e>(
        &self,
        schema: &'s Json,
        examples: &'e KeywordExamples,
        page: &mut FormatPage,
    ) -> Vec<&'e str> {
        let choices = self.list_enum_values(schema, 0);
        if choices.is_empty() {
            return Vec::new();
        }
        page.text.push_str("| word | what it means | example |\n|---|---|---|\n");
        let mut shown = Vec::new();
        for (name, value, is) in choices {
            let word = format!("{name}.{value}");
            // a longer example stands whole with the word that holds it
            let line = examples.get(&word).and_then(|example| example.text.lines().next());
            let _ = writeln!(
                page.text,
                "| `{value}` | {} | `{}` |",
                escape_cell(is),
                escape_cell(line.unwrap_or_default())
            );
            page.missing_examples.extend(line.is_none().then_some(word));
            shown.extend(line);
        }
        page.text.push('\n');
        shown
    }

    fn list_enum_values(&self, schema: &'s Json, depth: usize) -> Vec<(&'s str, &'s str, &'s str)> {
        let (name, schema) = self.resolve_definition(schema);
        if depth >= MAX_DEPTH {
            return Vec::new();
        }
        if let (Some(name), Some(values)) = (name, schema.get("enum").and_then(Json::as_array)) {
            let meanings = schema.get("markdownEnumDescriptions").and_then(Json::as_array);
            let meaning = |at: usize| meanings.and_then(|all| all.get(at)?.as_str()).unwrap_or_default();
            let word = |(at, value): (usize, &'s Json)| Some((name, value.as_str()?, meaning(at)));
            return values.iter().enumerate().filter_map(word).collect();
        }
        let several = schema.get("anyOf").and_then(Json::as_array).into_iter().flatten();
        let mut found: Vec<_> = several
            .chain(schema.get("items"))
            .flat_map(|inner| self.list_enum_values(inner, depth + 1))
            .collect();
        found.dedup();
        let mut seen = BTreeSet::new();
        found.retain(|(name, value, _)| seen.insert((*name, *value)));
        found
    }

    /// What a value is, with links to the mappings that it holds.
    fn render_type(&self, schema: &'s Json, all: &[SchemaMapping], depth: usize) -> String {
        let (name, schema) = self.resolve_definition(schema);
        if depth >= MAX_DEPTH {
            return "anything".into();
        }
        if let Some(mapping) = all.iter().find(|mapping| Some(mapping.name) == name) {
            return format!("[{}](#{})", mapping.path, build_anchor(&render_heading(&mapping.path)));
        }
        let inner = |key: &str| schema.get(key).filter(|inner| inner.is_object());
        if let Some(several) = schema.get("anyOf").and_then(Json::as_array) {
            let texts: Vec<_> = several.iter().map(|one| self.render_type(one, all, depth + 1)).collect();
            return texts.join(" or ");
        }
        match schema.get("type").and_then(Json::as_str) {
            _ if schema.get("enum").is_some() => "one word".into(),
            Some("string") => "string".into(),
            Some("integer") => "integer".into(),
            Some("boolean") => "true or false".into(),
            Some("array") => match inner("items") {
                Some(items) => format!("list, each {}", self.render_type(items, all, depth + 1)),
                None => "list".into(),
            },
            Some("object") => match inner("additionalProperties") {
                Some(values) => format!("names, each with {}", self.render_type(values, all, depth + 1)),
                None => "mapping".into(),
            },
            _ => "anything".into(),
        }
    }
}

fn list_properties(schema: &Map<String, Json>) -> impl Iterator<Item = (&String, &Json)> {
    schema.get("properties").and_then(Json::as_object).into_iter().flatten()
}

/// Not the bare path, which is the heading of a word too.
fn render_heading(path: &str) -> String {
    format!("Inside `{path}`")
}

fn render_default(schema: &Json) -> String {
    match schema.get("default") {
        Some(Json::Object(_) | Json::Array(_)) | None => String::new(),
        Some(default) => format!(", {default} when left out"),
    }
}

/// Cuts examples out of one file.
struct ExampleCollector<'f, 's, 'e> {
    schema: &'f FormatSchema<'s>,
    source: &'f NamedSource,
    examples: &'e mut KeywordExamples,
}

impl<'s> ExampleCollector<'_, 's, '_> {
    fn collect_from_mapping(
        &mut self,
        node: &YamlNode,
        name: &str,
        schema: &'s Map<String, Json>,
        depth: usize,
    ) {
        for entry in node.entries() {
            let Some(inner) = schema.get("properties").and_then(|all| all.get(&*entry.key)) else { continue };
            let span = find_entry_span(entry);
            self.keep_shortest(format!("{name}.{}", entry.key), span);
            self.collect_from_value(&entry.value, inner, span, depth + 1);
        }
    }

    fn collect_from_value(
        &mut self,
        node: &YamlNode,
        schema: &'s Json,
        span: Option<SourceSpan>,
        depth: usize,
    ) {
        let (name, schema) = self.schema.resolve_definition(schema);
        let Some(map) = schema.as_object().filter(|_| depth < MAX_DEPTH) else { return };
        for inner in map.get("anyOf").and_then(Json::as_array).into_iter().flatten() {
            self.collect_from_value(node, inner, span, depth + 1);
        }
        match &node.data {
            YamlData::Scalar { text, .. } => {
                let listed = map.get("enum").and_then(Json::as_array);
                if let (Some(name), true) =
                    (name, listed.is_some_and(|all| all.iter().any(|one| *one == **text)))
                {
                    self.keep_shortest(format!("{name}.{text}"), span);
                }
            }
            YamlData::Sequence(items) => {
                let Some(inner) = map.get("items") else { return };
                items.iter().for_each(|item| self.collect_from_value(item, inner, span, depth + 1));
            }
            YamlData::Mapping(entries) => {
                if map.contains_key("properties") {
                    self.collect_from_mapping(node, name.unwrap_or_default(), map, depth);
                } else if let Some(inner) = map.get("additionalProperties") {
                    for entry in entries {
                        let span = find_entry_span(entry);
                        self.collect_from_value(&entry.value, inner, span, depth + 1);
                    }
                }
            }
        }
    }

    /// The shortest use of a word is its example, the first of several.
    fn keep_shortest(&mut self, word: String, span: Option<SourceSpan>) {
        let Some(span) = span else { return };
        let text = extract_example(self.source, span);
        match self.examples.get(&word) {
            Some(known) if known.is_handwritten || known.text.len() <= text.len() => {}
            _ => drop(self.examples.insert(word, KeywordExample::new(&text, false))),
        }
    }
}

/// From a key to the end of its value; nothing where the value stands elsewhere and is only named.
fn find_entry_span(entry: &YamlEntry) -> Option<SourceSpan> {
    let here = entry.value.span.start >= entry.key_span.end;
    here.then_some(SourceSpan { start: entry.key_span.start, end: entry.value.span.end })
}

/// The lines of a span, moved to the left, at most [`MAX_EXAMPLE_LINES`].
fn extract_example(source: &NamedSource, span: SourceSpan) -> String {
    let (start, end) = (span.start as usize, span.end as usize);
    let text = source.text.get(start..end).unwrap_or_default();
    let (_, column) = source.find_line_column(span.start);
    let mut lines: Vec<_> = text.lines().map(|line| unindent_line(line, column - 1)).collect();
    // a block ends where the next thing starts, so what is said about that would stand here
    while lines.last().is_some_and(|line| line.is_empty() || line.trim_start().starts_with('#')) {
        lines.pop();
    }
    if lines.len() > MAX_EXAMPLE_LINES {
        lines.truncate(MAX_EXAMPLE_LINES);
        lines.push("  # and so on".into());
    }
    lines.join("\n")
}

/// A line without its first `by` blanks; the first line of a span has none.
fn unindent_line(line: &str, by: usize) -> String {
    let blanks = line.len() - line.trim_start_matches(' ').len();
    line[blanks.min(by)..].trim_end().to_owned()
}
