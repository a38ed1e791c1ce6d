//! An OpenAPI document, and its parts by their pointers, each read by itself.
//!
//! The crate that knows OpenAPI 3.0 reads one part at a time: what stands inside a part is handed to it as a
//! reference to where it stands. So a broken part spoils no other, a schema that holds itself ends nothing, and
//! the work grows with the document only. What 3.1 says otherwise is said in the words of 3.0 on the way.
//! Deliberately absent: files and versions; `bundle` makes one document of several files, and `upgrade_20` one of 3.0
//! of one of 2.0.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use openapiv3::{Operation, Parameter, ReferenceOr, RequestBody, Response, Schema, SecurityScheme};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use crate::kind::read::convert_untyped;
use crate::openapi::bundle::bundle_files;
use crate::openapi::downgrade_31;
use crate::openapi::naming::extract_summary;
use crate::openapi::pointer::{build_reference, escape_pointer_token};
use crate::openapi::upgrade_20::upgrade_document;
use crate::yaml;

/// How many references are followed from one to the next.
const MAX_REFERENCE_HOPS: usize = 32;
/// How many characters of a description are kept.
const MAX_NOTE_CHARS: usize = 1_000;
/// How deep a document may nest; the YAML reader keeps the same bound.
const MAX_DEPTH: usize = 64;

/// Reads another file of a document, by its path relative to the folder of the document.
pub type DraftFileReader<'r> = &'r dyn Fn(&str) -> Option<Arc<NamedSource>>;

/// A document.
pub struct OpenApiDocument {
    tree: Json,
    missing_files: Vec<String>,
    /// Schemas that were read already; most stand in many places.
    schema_cache: RefCell<HashMap<String, Rc<SchemaNode>>>,
}

/// A schema at a pointer, with its texts.
#[derive(Default)]
pub struct SchemaNode {
    /// Strings inside it are references.
    pub schema: Option<Schema>,
    /// The reference that it is, if it is one; none inside where it leads to another file.
    pub reference: Option<Option<String>>,
    pub title: Option<String>,
    /// The first paragraph of its description.
    pub description: Option<String>,
    /// Its description, shortened.
    pub note: Option<Rc<str>>,
}

impl OpenApiDocument {
    /// Reads a document, JSON or YAML, with the files to which it refers.
    ///
    /// # Errors
    /// What keeps it from being read at all.
    pub fn parse_source(source: &Arc<NamedSource>, read: DraftFileReader) -> Result<Self, Diagnostic> {
        let mut tree = parse_tree(source)?;
        check_version(&tree)
            .map_err(|fault| fault.with_location(source.locate_span(SourceSpan::default())))?;
        let missing_files = bundle_files(&mut tree, &|path| parse_tree(&read(path)?).ok());
        if tree.get("swagger").is_some() && tree.get("openapi").is_none() {
            upgrade_document(&mut tree);
        }
        Ok(Self { tree, missing_files, schema_cache: RefCell::default() })
    }

    /// The files to which the document refers and that cannot be read.
    pub fn missing_files(&self) -> &[String] {
        &self.missing_files
    }

    /// The text at a pointer, as one line; none when it says nothing.
    pub fn read_text(&self, pointer: &str) -> Option<String> {
        extract_summary(self.tree.pointer(pointer)?.as_str()?)
    }

    /// What stands at a pointer, as it was written.
    pub fn find_json(&self, pointer: &str) -> Option<&Json> {
        self.tree.pointer(pointer)
    }

    /// Whether the description of the service says that the header `Link` leads to the next page.
    pub fn mentions_link_header(&self) -> bool {
        let text = self.tree.pointer("/info/description").and_then(Json::as_str);
        text.is_some_and(crate::openapi::wording::says_link_header)
    }

    /// The names in the mapping at a pointer, each with the pointer of what it names.
    pub fn list_members(&self, pointer: &str) -> Vec<(&str, String)> {
        let members = self.tree.pointer(pointer).and_then(Json::as_object);
        let named = |name: &'_ String| format!("{pointer}/{}", escape_pointer_token(name));
        members.into_iter().flatten().map(|(name, _)| (name.as_str(), named(name))).collect()
    }

    /// Where a pointer leads when the references there are followed.
    pub fn resolve_pointer(&self, pointer: &str) -> Option<String> {
        let mut pointer = pointer.to_owned();
        for _ in 0..MAX_REFERENCE_HOPS {
            match self.tree.pointer(&pointer)?.get("$ref") {
                Some(reference) => pointer = parse_local_reference(reference.as_str()?)?,
                None => return Some(pointer),
            }
        }
        None
    }

    /// The operation at a pointer.
    pub fn read_operation(&self, pointer: &str) -> Option<Operation> {
        let mut part = self.read_part(pointer, &["summary", "description", "operationId", "deprecated"])?;
        part.add_item_references("parameters");
        part.add_reference("requestBody");
        let responses =
            part.find_member("responses").map(|responses| part.build_references(responses, "responses"));
        part.output.insert("responses".into(), responses.unwrap_or_default().into());
        part.deserialize_part()
    }

    /// The parameter at a pointer, with its schema as a reference.
    pub fn read_parameter(&self, pointer: &str) -> Option<Parameter> {
        let mut part = self.read_part(pointer, &["name", "in", "description", "required", "example"])?;
        let schema = match part.find_member("schema") {
            Some(_) => format!("{}/schema", part.pointer),
            // a schema below `content`, or none at all: then the reference leads nowhere
            None => {
                self.find_json_schema(&part.pointer).unwrap_or_else(|| format!("{}/schema", part.pointer))
            }
        };
        part.output.insert("schema".into(), build_reference(&schema));
        if part.output.get("in").and_then(Json::as_str) == Some("path") {
            part.output.insert("required".into(), true.into());
        }
        part.deserialize_part()
    }

    /// The schema of a request's body, in JSON where it has that.
    pub fn find_body(&self, body: &ReferenceOr<RequestBody>) -> Option<BodySchema> {
        const FORM: &str = "application/x-www-form-urlencoded";
        let place = self.resolve_pointer(parse_target(body)?)?;
        let content = format!("{place}/content");
        let media = self.list_media(&content);
        let form = || media.iter().find(|media| media.name == FORM);
        let best = select_json_media(&media).or_else(form);
        let schema = best.map(|media| format!("{}/schema", media.pointer));
        Some(BodySchema {
            schema: schema.filter(|schema| self.tree.pointer(schema).is_some()),
            media: match best {
                Some(media) => vec![media.written.clone()],
                None => media.into_iter().map(|media| media.written).collect(),
            },
        })
    }

    /// The pointer of the JSON schema of an answer; none when it answers no JSON.
    pub fn find_response_schema(&self, response: &ReferenceOr<Response>) -> Option<String> {
        self.find_json_schema(&self.resolve_pointer(parse_target(response)?)?)
    }

    /// A security scheme.
    pub fn read_security_scheme(&self, pointer: &str) -> Option<SecurityScheme> {
        let words = ["type", "description", "name", "in", "scheme", "bearerFormat", "openIdConnectUrl"];
        let mut part = self.read_part(pointer, &words)?;
        if let Some(flows) = part.find_member("flows").cloned() {
            part.output.insert("flows".into(), downgrade_31::downgrade_flows(flows));
        }
        part.deserialize_part()
    }

    /// The schema at a pointer.
    pub fn load_schema(&self, pointer: &str) -> Rc<SchemaNode> {
        if let Some(known) = self.schema_cache.borrow().get(pointer) {
            return Rc::clone(known);
        }
        let node = Rc::new(self.read_schema_node(pointer));
        self.schema_cache.borrow_mut().insert(pointer.to_owned(), Rc::clone(&node));
        node
    }

    fn read_schema_node(&self, pointer: &str) -> SchemaNode {
        let reference = self.read_reference(pointer);
        let Some(schema) = self.parse_schema(pointer) else {
            return SchemaNode { reference, ..SchemaNode::default() };
        };
        let data = &schema.schema_data;
        let shorten = |text: &str| text.chars().take(MAX_NOTE_CHARS).collect::<String>().into();
        SchemaNode {
            reference,
            title: data.title.as_deref().and_then(extract_summary),
            description: data.description.as_deref().and_then(extract_summary),
            note: data.description.as_deref().map(shorten),
            schema: Some(schema),
        }
    }

    fn parse_schema(&self, pointer: &str) -> Option<Schema> {
        match self.tree.pointer(pointer)? {
            Json::Object(members) => {
                serde_json::from_value(Json::Object(downgrade_31::downgrade_schema(members, pointer))).ok()
            }
            // a schema that lets everything, or nothing, through
            Json::Bool(_) => serde_json::from_value(Json::Object(Map::new())).ok(),
            _ => None,
        }
    }

    fn read_reference(&self, pointer: &str) -> Option<Option<String>> {
        let reference = self.tree.pointer(pointer)?.get("$ref")?;
        Some(reference.as_str().and_then(parse_local_reference))
    }

    /// The pointer of the JSON schema below `content`.
    fn find_json_schema(&self, pointer: &str) -> Option<String> {
        let media = self.list_media(&format!("{pointer}/content"));
        let schema = format!("{}/schema", select_json_media(&media)?.pointer);
        self.tree.pointer(&schema).map(|_| schema)
    }

    /// The media types at a pointer.
    fn list_media(&self, content: &str) -> Vec<MediaEntry> {
        let entry = |(name, pointer): (&str, String)| MediaEntry {
            name: name.split(';').next().unwrap_or(name).trim().to_lowercase(),
            written: name.to_owned(),
            pointer,
        };
        self.list_members(content).into_iter().map(entry).collect()
    }

    fn read_part(&self, pointer: &str, words: &[&str]) -> Option<OpenApiPart<'_>> {
        let pointer = self.resolve_pointer(pointer)?;
        let members = self.tree.pointer(&pointer)?.as_object()?;
        let kept = |(word, value): (&String, &Json)| (word.clone(), value.clone());
        let made = members.iter().filter(|(word, _)| words.contains(&word.as_str())).map(kept).collect();
        Some(OpenApiPart { members, pointer, output: made })
    }
}

/// The schema of a request's body.
pub struct BodySchema {
    /// The pointer of the schema; none for media types that are neither JSON nor a form.
    pub schema: Option<String>,
    /// The media type that was chosen, or all of them where none fits.
    pub media: Vec<String>,
}

/// A media type.
struct MediaEntry {
    /// In lower case and without parameters.
    name: String,
    written: String,
    pointer: String,
}

/// The media type with JSON.
fn select_json_media(media: &[MediaEntry]) -> Option<&MediaEntry> {
    let find = |fits: &dyn Fn(&str) -> bool| media.iter().find(|media| fits(&media.name));
    find(&|name| name == "application/json")
        // a JSON Patch is a list of edits, not an object
        .or_else(|| find(&|name| name.ends_with("+json") && name != "application/json-patch+json"))
        .or_else(|| find(&|name| name == "text/json"))
        .or_else(|| find(&|name| name == "*/*"))
}

/// One part on its way to the crate: the words that are plain values, and references in place of the others.
struct OpenApiPart<'b> {
    members: &'b Map<String, Json>,
    pointer: String,
    output: Map<String, Json>,
}

impl<'b> OpenApiPart<'b> {
    fn find_member(&self, word: &str) -> Option<&'b Json> {
        self.members.get(word)
    }

    fn add_reference(&mut self, word: &str) {
        if self.find_member(word).is_some() {
            self.output.insert(word.into(), build_reference(&format!("{}/{word}", self.pointer)));
        }
    }

    fn add_item_references(&mut self, word: &str) {
        let items = self.find_member(word).and_then(Json::as_array).map_or(0, Vec::len);
        let references = (0..items).map(|at| build_reference(&format!("{}/{word}/{at}", self.pointer)));
        self.output.insert(word.into(), references.collect());
    }

    /// A mapping with a reference in place of each value.
    fn build_references(&self, value: &Json, word: &str) -> Map<String, Json> {
        let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
        names
            .map(|name| {
                (
                    name.clone(),
                    build_reference(&format!("{}/{word}/{}", self.pointer, escape_pointer_token(name))),
                )
            })
            .collect()
    }

    fn deserialize_part<T: DeserializeOwned>(self) -> Option<T> {
        serde_json::from_value(Json::Object(self.output)).ok()
    }
}

/// The pointer to which a reference of ours leads.
pub fn parse_target<T>(reference: &ReferenceOr<T>) -> Option<&str> {
    match reference {
        ReferenceOr::Reference { reference } => reference.strip_prefix('#'),
        ReferenceOr::Item(_) => None,
    }
}

/// The pointer of a reference within the document.
fn parse_local_reference(reference: &str) -> Option<String> {
    let pointer = percent_decode_str(reference.strip_prefix('#')?).decode_utf8().ok()?;
    (pointer.is_empty() || pointer.starts_with('/')).then(|| pointer.into_owned())
}

/// The tree of a file, JSON or YAML.
fn parse_tree(source: &Arc<NamedSource>) -> Result<Json, Diagnostic> {
    let tree = match source.text.trim_start().starts_with('{') {
        true => parse_json(source)?,
        false => parse_yaml(source)?,
    };
    if exceeds_depth(&tree, MAX_DEPTH) {
        let message = format!("this document nests deeper than {MAX_DEPTH}");
        let fault = Diagnostic::error("too-deep", message).with_hint("take out what is not needed");
        return Err(fault.with_location(source.locate_span(SourceSpan::default())));
    }
    Ok(tree)
}

fn parse_json(source: &Arc<NamedSource>) -> Result<Json, Diagnostic> {
    serde_json::from_str(&source.text).map_err(|error| {
        let line = error.line().saturating_sub(1);
        let start: usize = source.text.split_inclusive('\n').take(line).map(str::len).sum();
        let at = u32::try_from(start + error.column().saturating_sub(1)).unwrap_or(0);
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default();
        Diagnostic::error("json-syntax", format!("this is not JSON: {why}"))
            .with_location(source.locate_span(SourceSpan { start: at, end: at }))
            .with_hint("look at the quotes, commas and brackets just before this place")
    })
}

fn parse_yaml(source: &Arc<NamedSource>) -> Result<Json, Diagnostic> {
    let mut faults = Vec::new();
    let nodes = yaml::read_documents(source, &mut faults);
    match (faults.into_iter().next(), nodes.as_slice()) {
        (Some(fault), _) => Err(fault),
        (None, [one]) => Ok(convert_untyped(one)),
        (None, several) => {
            let message = format!("an OpenAPI file is one document, here are {}", several.len());
            Err(Diagnostic::error("document-count", message)
                .with_location(source.locate_span(SourceSpan::default())))
        }
    }
}

fn exceeds_depth(tree: &Json, most: usize) -> bool {
    let deeper = |inner: &Json| most == 0 || exceeds_depth(inner, most - 1);
    match tree {
        Json::Array(items) => items.iter().any(deeper),
        Json::Object(members) => members.values().any(deeper),
        _ => false,
    }
}

fn check_version(tree: &Json) -> Result<(), Diagnostic> {
    let known = "documents of OpenAPI 3.0 and 3.1, and of Swagger 2.0, are read";
    let text = |word: &str| {
        tree.get(word).map(|version| match version {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    let reads = |version: &str, known: &[&str]| known.iter().any(|known| version.starts_with(known));
    match (text("openapi"), text("swagger")) {
        (Some(version), _) if reads(&version, &["3.0", "3.1"]) => Ok(()),
        (None, Some(version)) if reads(&version, &["2"]) => Ok(()),
        (None, None) => {
            Err(Diagnostic::error("not-openapi", "this is not an OpenAPI document").with_hint(known))
        }
        _ => {
            Err(Diagnostic::error("openapi-version", "this version of OpenAPI is not read").with_hint(known))
        }
    }
}
