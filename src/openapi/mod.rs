//! A first draft of a description, from an OpenAPI document.
//!
//! What the document says is taken over; where it says nothing, the careful word is taken. `# decide: …` marks
//! what may not work or may write something wrong, `# polish: …` what can be more precise. Every file is read and
//! checked again before it is returned, so a draft always passes the check.
//! Deliberately absent: disks and the network. The caller passes a text and gets texts.

mod bundle;
mod document;
mod downgrade_31;
pub mod edit;
mod envelope;
mod examples;
mod field;
mod field_type;
mod flatten_schema;
mod identity;
mod kind;
mod member_path;
mod naming;
mod operations;
mod paging;
mod pointer;
mod resource;
mod schema_pair;
mod scope;
mod sensitivity;
mod service;
mod upgrade_20;
mod wording;
mod yaml_writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan, suggest_word};
use crate::kind::registry::KindRegistry;
pub use crate::openapi::document::DraftFileReader;
use crate::openapi::document::OpenApiDocument;
use crate::openapi::kind::{DraftContext, NamedResource};
pub use crate::openapi::naming::rank_identifying_name;
use crate::openapi::resource::OpenApiResource;
pub use crate::openapi::resource::SkippedPath;
pub use crate::openapi::yaml_writer::DraftEntry;
use crate::openapi::yaml_writer::{RemarkLevel, remove_remarks};

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
    /// What a person must decide, in the order of the lines.
    pub decisions: Vec<DraftDecision>,
    /// How many places can be more precise.
    pub polish_count: usize,
    /// What a refresh changed; none for a new file.
    pub changes: Option<FileChanges>,
}

/// What a refresh changed in a file.
#[derive(Default)]
pub struct FileChanges {
    /// The paths of what is new in the document, and was added.
    pub added: Vec<String>,
    /// The paths of what the document has no more, and was kept.
    pub gone: Vec<String>,
}

/// A remark that asks for a decision.
pub struct DraftDecision {
    /// The number of its line, from 1.
    pub line: usize,
    pub text: String,
}

/// What is to be drafted.
pub struct DraftRequest<'r> {
    /// The name of the API.
    pub api: &'r str,
    pub source: &'r Arc<NamedSource>,
    /// Reads another file of the document.
    pub read_file: DraftFileReader<'r>,
    /// The names of the kinds that are wanted; all when empty.
    pub only: &'r [String],
    /// The files that are there already, by name. `api.yaml` stays as it is; a kind gets what is new in the document.
    pub existing: &'r BTreeMap<String, String>,
    /// Whether the files show where the draft can be more precise.
    pub with_polish: bool,
}

/// Drafts an API from an OpenAPI document.
///
/// # Errors
/// When the document cannot be read, the API not be called so, or nothing in it can become a kind.
pub fn draft_api(request: &DraftRequest) -> Result<ApiDraft, Diagnostic> {
    let &DraftRequest { api, source, only, .. } = request;
    check_files(
        api,
        vec![("api.yaml".into(), "format: 1\ntitle: x\ndescription: x\nformats: [json]\n".into())],
        None,
    )?;
    let description = OpenApiDocument::parse_source(source, request.read_file)?;
    let (found, mut skipped) = resource::find_resources(&description);
    skipped.splice(0..0, list_missing_files(&description));
    let named = name_resources(found);
    let names: Vec<String> = named.iter().map(|named| named.name.clone()).collect();
    let named = select_resources(named, only, source)?;
    skipped.retain(|_| only.is_empty());
    let document = describe_document(&description, source);
    let context = DraftContext { document: &description, api, source_name: &document, kind_names: &names };
    skipped.extend(list_vanished_files(request.existing, &names));
    let resources: Vec<&OpenApiResource> = named.iter().map(|named| &named.resource).collect();
    let service = match request.existing.get("api.yaml") {
        Some(text) => {
            DraftFile { changes: Some(FileChanges::default()), ..DraftFile::from_text("api", text.clone()) }
        }
        None => {
            let entries = service::draft_api_entries(&description, &document, &resources);
            DraftFile::render("api", entries, request.with_polish)
        }
    };
    check_files(api, vec![(service.name.clone(), service.text.clone())], None)?;
    let mut files = vec![service];
    for one in &named {
        let made = match request.existing.get(&format!("{}.yaml", one.name)) {
            Some(_) => refresh_kind_file(&context, one, &files[0], request.existing, request.with_polish),
            None => draft_kind_file(&context, one, &files[0], request.with_polish),
        };
        match made {
            Ok(file) => files.push(file),
            Err(why) => skipped.push(SkippedPath { path: one.resource.path.clone(), reason: why }),
        }
    }
    if files.len() < 2 {
        return Err(report_empty_draft(source, &skipped));
    }
    Ok(ApiDraft { files, skipped })
}

impl DraftFile {
    /// The file about the API (`api`) or about a kind.
    fn render(name: &str, mut entries: Vec<DraftEntry>, with_polish: bool) -> Self {
        let hidden = match with_polish {
            true => 0,
            false => remove_remarks(&mut entries, RemarkLevel::Polish),
        };
        let schema = if name == "api" { "api" } else { "kind" };
        let top = [format!("yaml-language-server: $schema=../../schemas/{schema}.json")];
        let mut file = Self::from_text(name, yaml_writer::render_entries(&top, &entries));
        file.polish_count += hidden;
        file
    }

    fn from_text(name: &str, text: String) -> Self {
        let decisions = list_remarks(&text, yaml_writer::DECISION_PREFIX);
        let polish_count = list_remarks(&text, yaml_writer::POLISH_PREFIX).len();
        Self { name: format!("{name}.yaml"), text, decisions, polish_count, changes: None }
    }
}

/// The remarks of a description that begin so.
fn list_remarks(text: &str, prefix: &str) -> Vec<DraftDecision> {
    let mark = format!("# {prefix}");
    let mut found: Vec<DraftDecision> = Vec::new();
    let mut last = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if let Some(rest) = line.strip_prefix(&mark) {
            found.push(DraftDecision { line: number, text: rest.to_owned() });
            last = number;
        } else if let (Some(rest), Some(open)) = (line.strip_prefix("#   "), found.last_mut())
            && last + 1 == number
        {
            open.text.extend([" ", rest]);
            last = number;
        }
    }
    found
}

/// How many places of a description still ask for a decision.
pub fn count_decisions(text: &str) -> usize {
    list_remarks(text, yaml_writer::DECISION_PREFIX).len()
}

/// A kind's file that passes the check; samples of the document that do not fit are left out.
fn draft_kind_file(
    context: &DraftContext,
    named: &NamedResource,
    service: &DraftFile,
    with_polish: bool,
) -> Result<DraftFile, String> {
    let mut fault = String::new();
    for samples in [true, false] {
        let file = DraftFile::render(&named.name, kind::draft_kind(context, named, samples)?, with_polish);
        let pairs = [service, &file].map(|file| (file.name.clone(), file.text.clone()));
        match check_files(context.api, pairs.into(), None) {
            Ok(()) => return Ok(file),
            Err(found) => fault = found.message,
        }
    }
    Err(format!("the format cannot say it: {fault}"))
}

/// A kind's file with what is new in the document.
fn refresh_kind_file(
    context: &DraftContext,
    named: &NamedResource,
    service: &DraftFile,
    existing: &BTreeMap<String, String>,
    with_polish: bool,
) -> Result<DraftFile, String> {
    let unchanged = |why: String| format!("its file stays as it is: {why}");
    let mut entries = kind::draft_kind(context, named, false)?;
    let text = existing.get(&format!("{}.yaml", named.name)).map_or("", String::as_str);
    let made = edit::refresh_fields(text, &mut entries, with_polish).map_err(unchanged)?;
    let changes = FileChanges { added: made.added, gone: made.gone };
    let file = DraftFile { changes: Some(changes), ..DraftFile::from_text(&named.name, made.text) };
    // a kind may refer to the others of its API
    let mut all = existing.clone();
    all.extend([service, &file].map(|file| (file.name.clone(), file.text.clone())));
    check_files(context.api, all.into_iter().collect(), Some(&file.name))
        .map_err(|fault| unchanged(fault.message))?;
    Ok(file)
}

/// Files that pass the check, or one of them that does together with the others.
fn check_files(name: &str, files: Vec<(String, String)>, only: Option<&str>) -> Result<(), Diagnostic> {
    let mut faults: Vec<Diagnostic> = Vec::new();
    let placed = files.into_iter().map(|(file, text)| (format!("apis/{name}/{file}"), text)).collect();
    KindRegistry::with_workspace(placed, &mut faults);
    let own = only.map(|file| format!("apis/{name}/{file}"));
    let is_own = |fault: &Diagnostic| match (&own, &fault.location) {
        (Some(path), Some(place)) => place.source.path == *path,
        _ => true,
    };
    faults.retain(is_own);
    match faults.into_iter().next() {
        // a sample with a member that no field has would be a warning of every check
        Some(fault) => Err(Diagnostic { location: None, ..fault }),
        None => Ok(()),
    }
}

/// Names for all resources, no two the same: where a shorter path has the name, a longer one.
fn name_resources(mut resources: Vec<OpenApiResource>) -> Vec<NamedResource> {
    resources.truncate(MAX_KINDS);
    resources.sort_by_key(|resource| resource.path.matches('/').count());
    let mut named: Vec<NamedResource> = Vec::new();
    for resource in resources {
        let names = list_possible_names(&resource);
        let numbered = (2..).map(|number| format!("{}-{number}", names.first().map_or("", String::as_str)));
        let mut free = names.iter().cloned().chain(numbered);
        let name = free.find(|name| !named.iter().any(|other| other.name == *name));
        named.push(NamedResource { name: name.unwrap_or_default(), resource });
    }
    named.sort_by(|a, b| a.resource.path.cmp(&b.resource.path));
    named
}

/// The names that a resource may have, the best first: the last word of its path, with the word before, as its
/// schema, and with all words.
fn list_possible_names(resource: &OpenApiResource) -> Vec<String> {
    let path = resource.path.strip_suffix(".json").unwrap_or(&resource.path);
    let words = path.rsplit('/').filter(|part| !part.is_empty() && !part.starts_with('{'));
    let schema = resource.envelope.item.name.as_deref();
    let mut words = words.enumerate().map(|(at, word)| match at {
        0 => naming::merge_kind_names(word, schema),
        _ => naming::derive_kind_name(word),
    });
    let last = words.next().unwrap_or_else(|| naming::derive_kind_name(""));
    let longer: Vec<String> = words
        .scan(last.clone(), |name, before| {
            *name = format!("{before}-{name}");
            Some(name.clone())
        })
        .collect();
    let of_schema = schema.and_then(naming::derive_schema_kind_name);
    let (two, more) = longer.split_at(longer.len().min(1));
    [last].into_iter().chain(two.to_vec()).chain(of_schema).chain(more.to_vec()).collect()
}

fn list_missing_files(description: &OpenApiDocument) -> Vec<SkippedPath> {
    let reason = "the document refers to this file, which is not in its folder: bundle the document first";
    let missing = description.missing_files().iter();
    missing.map(|path| SkippedPath { path: path.clone(), reason: reason.to_owned() }).collect()
}

/// The files of kinds that the document has no more.
fn list_vanished_files(existing: &BTreeMap<String, String>, names: &[String]) -> Vec<SkippedPath> {
    let kinds = existing.keys().filter_map(|file| Some((file, file.strip_suffix(".yaml")?)));
    let gone = kinds.filter(|(_, name)| *name != "api" && !names.iter().any(|own| own == name));
    let reason = "nothing in the document is called so; the file stays as it is";
    gone.map(|(file, _)| SkippedPath { path: file.clone(), reason: reason.to_owned() }).collect()
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
fn describe_document(description: &OpenApiDocument, source: &NamedSource) -> String {
    let file = source.path.rsplit(['/', '\\']).next().unwrap_or(&source.path);
    let said = [
        Some(naming::sanitize_text(file)),
        description.read_text("/info/title"),
        description.read_text("/info/version"),
    ];
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
