//! A first draft of a description, from an OpenAPI document.
//!
//! What the document says is taken over; where it is silent and the format asks, the cautious word stands with
//! a remark (`# decide: …`) for the person who refines the draft. Every file is read and checked again before
//! it is given out, so a draft always passes the check.
//! Deliberately absent: disks and the network. Whoever calls hands in a text and gets texts.

mod book;
mod envelope;
mod field;
mod kind;
mod old;
mod paging;
mod plain;
mod resource;
mod service;
mod sheet;
mod views;
mod words;

use std::sync::Arc;

use self::book::Book;
use self::kind::{Named, Whole};
use self::resource::Resource;
pub use self::resource::Skipped;
use super::registry::Registry;
use crate::diagnostic::{Diagnostic, Source, Span, did_you_mean};

/// The most kinds of one draft.
const MAX_KINDS: usize = 500;

/// Files of a description, and what of the document is not in them.
pub struct Draft {
    /// `api.yaml` first.
    pub files: Vec<File>,
    pub skipped: Vec<Skipped>,
}

/// One file of a draft.
pub struct File {
    /// Without a folder.
    pub name: String,
    pub text: String,
    /// How many places ask for a decision.
    pub decide: usize,
}

/// Drafts the API `name` from an OpenAPI document; `only` are the names of the kinds that are wanted, all when
/// empty.
///
/// # Errors
/// When the document cannot be read, the API not be called so, or nothing in it can become a kind.
pub fn draft(name: &str, source: &Arc<Source>, only: &[String]) -> Result<Draft, Diagnostic> {
    checked(name, vec![("api.yaml".into(), "format: 1\ntitle: x\nis: x\nformats: [json]\n".into())])?;
    let book = Book::read(source)?;
    let (found, mut skipped) = resource::resources(&book);
    let named = chosen(named(found), only, source)?;
    let document = document(&book, source);
    let names: Vec<String> = named.iter().map(|named| named.name.clone()).collect();
    let whole = Whole { book: &book, api: name, source: &document, kinds: &names };
    let resources: Vec<&Resource> = named.iter().map(|named| &named.resource).collect();
    let api = service::text(&book, &document, &resources);
    let api = checked(name, vec![("api.yaml".into(), api)])?.pop().into_iter();
    let mut files: Vec<(String, String)> = api.collect();
    for one in &named {
        match drafted(&whole, one, &files) {
            Ok(file) => files.push(file),
            Err(why) => skipped.push(Skipped { path: one.resource.path.clone(), why }),
        }
    }
    if files.len() < 2 {
        return Err(nothing(source, &skipped));
    }
    Ok(Draft { files: files.into_iter().map(File::new).collect(), skipped })
}

impl File {
    fn new((name, text): (String, String)) -> Self {
        let mark = format!("# {}", sheet::DECIDE);
        let decide = text.lines().filter(|line| line.trim_start().starts_with(&mark)).count();
        Self { name, text, decide }
    }
}

/// How many places of a description still ask for a decision.
pub fn undecided(text: &str) -> usize {
    File::new((String::new(), text.to_owned())).decide
}

/// A kind's file that passes the check; samples of the document that do not fit are left out.
fn drafted(whole: &Whole, named: &Named, api: &[(String, String)]) -> Result<(String, String), String> {
    let mut fault = String::new();
    for samples in [true, false] {
        let text = kind::text(whole, named, samples)?;
        let file = (format!("{}.yaml", named.name), text);
        match checked(whole.api, api.iter().take(1).chain([&file]).cloned().collect()) {
            Ok(_) => return Ok(file),
            Err(found) => fault = found.message,
        }
    }
    Err(format!("the format cannot say it: {fault}"))
}

/// Files that pass the check.
fn checked(name: &str, files: Vec<(String, String)>) -> Result<Vec<(String, String)>, Diagnostic> {
    let mut faults = Vec::new();
    let placed = files.iter().map(|(file, text)| (format!("apis/{name}/{file}"), text.clone())).collect();
    Registry::with_workspace(placed, &mut faults);
    match faults.into_iter().next() {
        // a sample with a member that no field has would be told in every check from now on
        Some(fault) => Err(Diagnostic { place: None, ..fault }),
        None => Ok(files),
    }
}

/// Names for all resources, no two the same: by their last word, and by the word before where a shorter path
/// has that name.
fn named(mut resources: Vec<Resource>) -> Vec<Named> {
    resources.truncate(MAX_KINDS);
    resources.sort_by_key(|resource| resource.path.matches('/').count());
    let mut named: Vec<Named> = Vec::new();
    for resource in resources {
        let mut words = resource.path.rsplit('/').filter(|part| !part.is_empty() && !part.starts_with('{'));
        let last = words::kind_name(words.next().unwrap_or_default());
        let longer = words.next().map(|before| format!("{}-{last}", words::kind_name(before)));
        let numbered = (2..).map(|number| format!("{last}-{number}"));
        let mut free = std::iter::once(last.clone()).chain(longer).chain(numbered);
        let name = free.find(|name| !named.iter().any(|other| other.name == *name));
        named.push(Named { name: name.unwrap_or_default(), resource });
    }
    named.sort_by(|a, b| a.resource.path.cmp(&b.resource.path));
    named
}

fn chosen(named: Vec<Named>, only: &[String], source: &Arc<Source>) -> Result<Vec<Named>, Diagnostic> {
    if only.is_empty() {
        return Ok(named);
    }
    let known: Vec<&str> = named.iter().map(|named| named.name.as_str()).collect();
    if let Some(odd) = only.iter().find(|name| !known.contains(&name.as_str())) {
        let message = format!("the document has nothing that would become the kind `{}`", odd.escape_debug());
        let mut fault = Diagnostic::error("unknown-kind", message).at(source.place(Span::default()));
        fault.hint = did_you_mean(odd, known.iter().copied());
        return Err(fault);
    }
    Ok(named.into_iter().filter(|named| only.contains(&named.name)).collect())
}

/// What the document is called: its file, its title, its version.
fn document(book: &Book, source: &Source) -> String {
    let file = source.path.rsplit(['/', '\\']).next().unwrap_or(&source.path);
    let said = [Some(words::tidy(file)), book.said("/info/title"), book.said("/info/version")];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn nothing(source: &Arc<Source>, skipped: &[Skipped]) -> Diagnostic {
    let why: Vec<String> =
        skipped.iter().take(3).map(|one| format!("{}: {}", words::tidy(&one.path), one.why)).collect();
    let hint = match why.is_empty() {
        true => "a kind needs a path that lists objects and one below it that writes them".to_owned(),
        false => why.join("; "),
    };
    Diagnostic::error("nothing-to-draft", "nothing in this document can become a kind")
        .at(source.place(Span::default()))
        .hint(hint)
}
