//! One file of an import: documents that change, documents that come, and everything else byte for byte.
//!
//! The new text is read again before anybody sees it: each document has to be what it was but for what was
//! meant to change, and has to say what is live. A file of which one part fails that is left alone.

use std::collections::HashMap;
use std::sync::Arc;

use super::import_job::ImportJob;
use super::imported_references::ImportedReferences;
use super::match_check::check_matches_live;
use super::revise::{TouchedSpans, is_same_except};
use crate::diagnostic::{Diagnostic, NamedSource, has_errors};
use crate::document::write::edit::{TextEdit, apply_edits};
use crate::document::{self, Document};
use crate::kind::registry::KindRegistry;
use crate::plan::Change;
use crate::remote::wire::Snapshot;

/// A document with its edits.
pub struct EditedDocument<'e> {
    pub document: &'e Document,
    pub live: &'e Snapshot,
    pub references: ImportedReferences,
    /// Edits that were not applied, and stay.
    pub pending: Vec<Change>,
    pub cuts: Vec<TextEdit>,
    pub touched: TouchedSpans,
}

/// A file in the making.
pub struct EditedFile<'e> {
    /// As people name it.
    pub path: String,
    /// What stands there; none for a new file.
    pub before: Option<Arc<NamedSource>>,
    pub edited: Vec<EditedDocument<'e>>,
    /// Texts of new documents, each with its object.
    pub new: Vec<(String, &'e Snapshot)>,
    /// The first line of a new file.
    pub first_line: Option<String>,
}

/// A file as it will be.
pub struct VerifiedFile {
    pub text: String,
    /// The documents of this import in it, with everything in place that they do not say themselves.
    pub documents: Vec<Document>,
}

impl<'e> EditedFile<'e> {
    /// The new text, proved.
    ///
    /// # Errors
    /// Why the file is better left alone.
    pub fn verify_file(
        &self,
        import: &ImportJob,
        registry: &KindRegistry,
    ) -> Result<VerifiedFile, Vec<Diagnostic>> {
        let text = self
            .build_text()
            .ok_or_else(|| vec![self.diagnose_unsafe_edit("two edits of this file meet")])?;
        let source = NamedSource::new(self.path.clone(), text);
        let mut faults = Vec::new();
        let documents = document::read_documents(&source, registry, &mut faults);
        if has_errors(&faults) {
            return Err(faults);
        }
        let documents = self.verify_documents(import, registry, documents)?;
        Ok(VerifiedFile { text: source.text.to_string(), documents })
    }

    fn build_text(&self) -> Option<String> {
        let mut text = match &self.before {
            Some(source) => {
                let cuts: Vec<TextEdit> =
                    self.edited.iter().flat_map(|revised| revised.cuts.clone()).collect();
                apply_edits(&source.text, &cuts)?
            }
            None => self.first_line.iter().map(|line| format!("{line}\n")).collect(),
        };
        for (at, (new, _)) in self.new.iter().enumerate() {
            if at > 0 || self.before.is_some() {
                let unended = !text.is_empty() && !text.ends_with('\n');
                text.push_str(if unended { "\n---\n" } else { "---\n" });
            }
            text.push_str(new);
        }
        Some(text)
    }

    /// Every document that was there is what it was, but for what was touched; the new ones come behind.
    fn verify_documents(
        &self,
        import: &ImportJob,
        registry: &KindRegistry,
        documents: Vec<Document>,
    ) -> Result<Vec<Document>, Vec<Diagnostic>> {
        let old = match &self.before {
            Some(source) => document::read_documents(source, registry, &mut Vec::new()),
            None => Vec::new(),
        };
        if documents.len() != old.len() + self.new.len() {
            return Err(vec![
                self.diagnose_unsafe_edit("the edits of this file would change how many documents it holds"),
            ]);
        }
        let (mut mine, mut faults) = (Vec::new(), Vec::new());
        let (untouched, nothing) = (TouchedSpans::default(), ImportedReferences::default());
        let revised: HashMap<u32, &EditedDocument> =
            self.edited.iter().map(|revised| (revised.document.name_span.start, revised)).collect();
        let mut new = self.new.iter();
        for (at, document) in documents.into_iter().enumerate() {
            let Some(old) = old.get(at) else {
                mine.extend(new.next().map(|(_, live)| (document, *live, &nothing, &[][..])));
                continue;
            };
            let revised = revised.get(&old.name_span.start);
            let touched = revised.map_or(&untouched, |revised| &revised.touched);
            if !has_same_header(old, &document) || !is_same_except(&old.spec, &document.spec, touched) {
                let fault =
                    self.diagnose_unsafe_edit("an edit of this file would change more than was meant");
                faults.push(fault.with_location(old.locate_span(old.name_span)));
            }
            mine.extend(revised.map(|own| (document, own.live, &own.references, own.pending.as_slice())));
        }
        let mut in_place = Vec::new();
        for (document, live, meanings, pending) in mine {
            let wrong = check_matches_live(import, &document, meanings, live, pending).err();
            faults.extend(wrong.into_iter().flatten());
            // over a document with pending edits a plan is not empty
            in_place.extend(pending.is_empty().then(|| meanings.fill_document(&document, &live.object)));
        }
        if faults.is_empty() { Ok(in_place) } else { Err(faults) }
    }

    fn diagnose_unsafe_edit(&self, message: &str) -> Diagnostic {
        let fault = Diagnostic::error("unsafe-edit", message)
            .with_hint("the file is left as it is; change it by hand");
        match &self.before {
            Some(source) => fault.with_location(source.locate_span(crate::diagnostic::SourceSpan::default())),
            None => fault,
        }
    }
}

/// Whether two versions of a document say the same around `spec`.
pub fn has_same_header(old: &Document, new: &Document) -> bool {
    old.kind.name == new.kind.name
        && old.name == new.name
        && old.target == new.target
        && old.state == new.state
        && old.id == new.id
        && old.protect == new.protect
        && has_same_dependencies(old, new)
        && old.scope == new.scope
}

fn has_same_dependencies(old: &Document, new: &Document) -> bool {
    old.depends_on.iter().map(|own| own.to_text()).eq(new.depends_on.iter().map(|own| own.to_text()))
}
