//! A first draft of a description, from an OpenAPI document.
//!
//! What the document says is taken over; where it is silent and the format asks, the cautious word stands with
//! a remark (`# decide: …`) for the person who refines the draft. Every file is read and checked again before
//! it is given out, so a draft always passes the check.
//! Deliberately absent: disks and the network. Whoever calls hands in a text and gets texts.

mod document;
mod downgrade_31;
mod envelope;
mod field;
mod flatten_schema;
mod kind;
mod naming;
mod paging;
mod pointer;
mod resource;
mod schema_pair;
mod service;
mod yaml_writer;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan, suggest_word};
use crate::kind::registry::KindRegistry;
use crate::openapi::document::OpenApiDocument;
use crate::openapi::kind::{DraftContext, NamedResource};
use crate::openapi::resource::OpenApiResource;
pub use crate::openapi::resource::SkippedPath;

/// The most kinds of one draft.
const MAX_KINDS: usize = 500;

/// Files of a description, and what of the document is not in them.
pub struct ApiDraft {
    /// `api.yaml` first.
    pub files: Vec<DraftFile>,
    pub skipped: Vec<SkippedPath>,
}

/// One file of a draft.
pub struct DraftFile {
    /// Without a folder.
    pub name: String,
    pub text: String,
    /// How many places ask for a decision.
    pub decision_count: usize,
}

/// Drafts the API `name` from an OpenAPI document; `only` are the names of the kinds that are wanted, all when
/// empty.
///
/// # Errors
/// When the document cannot be read, the API not be called so, or nothing in it can become a kind.
pub fn draft_api(name: &str, source: &Arc<NamedSource>, only: &[String]) -> Result<ApiDraft, Diagnostic> {
    check_files(
        name,
        vec![("api.yaml".into(), "format: 1\ntitle: x\ndescription: x\nformats: [json]\n".into())],
    )?;
    let book = OpenApiDocument::parse_source(source)?;
    let (found, mut skipped) = resource::find_resources(&book);
    let named = select_resources(name_resources(found), only, source)?;
    let document = describe_document(&book, source);
    let names: Vec<String> = named.iter().map(|named| named.name.clone()).collect();
    let whole = DraftContext { document: &book, api: name, source_name: &document, kind_names: &names };
    let resources: Vec<&OpenApiResource> = named.iter().map(|named| &named.resource).collect();
    let api = service::render_api(&book, &document, &resources);
    let api = check_files(name, vec![("api.yaml".into(), api)])?.pop().into_iter();
    let mut files: Vec<(String, String)> = api.collect();
    for one in &named {
        match draft_kind_file(&whole, one, &files) {
            Ok(file) => files.push(file),
            Err(why) => skipped.push(SkippedPath { path: one.resource.path.clone(), reason: why }),
        }
    }
    if files.len() < 2 {
        return Err(report_empty_draft(source, &skipped));
    }
    Ok(ApiDraft {
        files: files.into_iter().map(|(name, text)| DraftFile::new(name, text)).collect(),
        skipped,
    })
}

impl DraftFile {
    fn new(name: String, text: String) -> Self {
        let mark = format!("# {}", yaml_writer::DECISION_PREFIX);
        let decide = text.lines().filter(|line| line.trim_start().starts_with(&mark)).count();
        Self { name, text, decision_count: decide }
    }
}

/// How many places of a description still ask for a decision.
pub fn count_decisions(text: &str) -> usize {
    DraftFile::new(String::new(), text.to_owned()).decision_count
}

/// A kind's file that passes the check; samples of the document that do not fit are left out.
fn draft_kind_file(
    whole: &DraftContext,
    named: &NamedResource,
    api: &[(String, String)],
) -> Result<(String, String), String> {
    let mut fault = String::new();
    for samples in [true, false] {
        let text = kind::render_kind(whole, named, samples)?;
        let file = (format!("{}.yaml", named.name), text);
        match check_files(whole.api, api.iter().take(1).chain([&file]).cloned().collect()) {
            Ok(_) => return Ok(file),
            Err(found) => fault = found.message,
        }
    }
    Err(format!("the format cannot say it: {fault}"))
}

/// Files that pass the check.
fn check_files(name: &str, files: Vec<(String, String)>) -> Result<Vec<(String, String)>, Diagnostic> {
    let mut faults = Vec::new();
    let placed = files.iter().map(|(file, text)| (format!("apis/{name}/{file}"), text.clone())).collect();
    KindRegistry::with_workspace(placed, &mut faults);
    match faults.into_iter().next() {
        // a sample with a member that no field has would be told in every check from now on
        Some(fault) => Err(Diagnostic { location: None, ..fault }),
        None => Ok(files),
    }
}

/// Names for all resources, no two the same: by their last word, and by the word before where a shorter path
/// has that name.
fn name_resources(mut resources: Vec<OpenApiResource>) -> Vec<NamedResource> {
    resources.truncate(MAX_KINDS);
    resources.sort_by_key(|resource| resource.path.matches('/').count());
    let mut named: Vec<NamedResource> = Vec::new();
    for resource in resources {
        let mut words = resource.path.rsplit('/').filter(|part| !part.is_empty() && !part.starts_with('{'));
        let last = naming::derive_kind_name(words.next().unwrap_or_default());
        let longer = words.next().map(|before| format!("{}-{last}", naming::derive_kind_name(before)));
        let numbered = (2..).map(|number| format!("{last}-{number}"));
        let mut free = std::iter::once(last.clone()).chain(longer).chain(numbered);
        let name = free.find(|name| !named.iter().any(|other| other.name == *name));
        named.push(NamedResource { name: name.unwrap_or_default(), resource });
    }
    named.sort_by(|a, b| a.resource.path.cmp(&b.resource.path));
    named
}

fn select_resources(
    named: Vec<NamedResource>,
    only: &[String],
    source: &Arc<NamedSource>,
) -> Result<Vec<NamedResource>, Diagnostic> {
    if only.is_empty() {
        return Ok(named);
    }
    let known: Vec<&str> = named.iter().map(|named| named.name.as_str()).collect();
    if let Some(odd) = only.iter().find(|name| !known.contains(&name.as_str())) {
        let message = format!("the document has nothing that would become the kind `{}`", odd.escape_debug());
        let mut fault = Diagnostic::error("unknown-kind", message)
            .with_location(source.locate_span(SourceSpan::default()));
        fault.hint = suggest_word(odd, known.iter().copied());
        return Err(fault);
    }
    Ok(named.into_iter().filter(|named| only.contains(&named.name)).collect())
}

/// What the document is called: its file, its title, its version.
fn describe_document(book: &OpenApiDocument, source: &NamedSource) -> String {
    let file = source.path.rsplit(['/', '\\']).next().unwrap_or(&source.path);
    let said =
        [Some(naming::sanitize_text(file)), book.read_text("/info/title"), book.read_text("/info/version")];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn report_empty_draft(source: &Arc<NamedSource>, skipped: &[SkippedPath]) -> Diagnostic {
    let why: Vec<String> = skipped
        .iter()
        .take(3)
        .map(|one| format!("{}: {}", naming::sanitize_text(&one.path), one.reason))
        .collect();
    let hint = match why.is_empty() {
        true => "a kind needs a path that lists objects and one below it that writes them".to_owned(),
        false => why.join("; "),
    };
    Diagnostic::error("nothing-to-draft", "nothing in this document can become a kind")
        .with_location(source.locate_span(SourceSpan::default()))
        .with_hint(hint)
}
