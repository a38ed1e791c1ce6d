//! One file of an import: documents that change, documents that come, and everything else byte for byte.
//!
//! The new text is read again before anybody sees it: each document has to be what it was but for what was
//! meant to change, and has to say what is live. A file of which one part fails that is left alone.

use std::collections::HashMap;
use std::sync::Arc;

use super::Import;
use super::compose::agrees;
use super::meanings::Meanings;
use super::revise::{Touched, alike};
use crate::diagnostic::{Diagnostic, Source, any_error};
use crate::document::write::edit::{Cut, apply};
use crate::document::{self, Document};
use crate::kind::registry::Registry;
use crate::remote::wire::Live;

/// A document with its edits.
pub struct Revised<'e> {
    pub document: &'e Document,
    pub live: &'e Live,
    pub meanings: Meanings,
    pub cuts: Vec<Cut>,
    pub touched: Touched,
}

/// A file in the making.
pub struct Page<'e> {
    /// As people name it.
    pub path: String,
    /// What stands there; none for a new file.
    pub before: Option<Arc<Source>>,
    pub revised: Vec<Revised<'e>>,
    /// Texts of new documents, each with its object.
    pub new: Vec<(String, &'e Live)>,
    /// The first line of a new file.
    pub first_line: Option<String>,
}

/// A file as it will be.
pub struct Proof {
    pub text: String,
    /// The documents of this import in it, with everything in place that they do not say themselves.
    pub documents: Vec<Document>,
}

impl<'e> Page<'e> {
    /// The new text, proved.
    ///
    /// # Errors
    /// Why the file is better left alone.
    pub fn proof(&self, import: &Import, registry: &Registry) -> Result<Proof, Vec<Diagnostic>> {
        let text = self.text().ok_or_else(|| vec![self.fault("two edits of this file meet")])?;
        let source = Source::new(self.path.clone(), text);
        let mut faults = Vec::new();
        let documents = document::read(&source, registry, &mut faults);
        if any_error(&faults) {
            return Err(faults);
        }
        let documents = self.held_against(import, registry, documents)?;
        Ok(Proof { text: source.text.to_string(), documents })
    }

    fn text(&self) -> Option<String> {
        let mut text = match &self.before {
            Some(source) => {
                let cuts: Vec<Cut> = self.revised.iter().flat_map(|revised| revised.cuts.clone()).collect();
                apply(&source.text, &cuts)?
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
    fn held_against(
        &self,
        import: &Import,
        registry: &Registry,
        documents: Vec<Document>,
    ) -> Result<Vec<Document>, Vec<Diagnostic>> {
        let old = match &self.before {
            Some(source) => document::read(source, registry, &mut Vec::new()),
            None => Vec::new(),
        };
        if documents.len() != old.len() + self.new.len() {
            return Err(vec![self.fault("the edits of this file would change how many documents it holds")]);
        }
        let (mut mine, mut faults) = (Vec::new(), Vec::new());
        let (untouched, nothing) = (Touched::default(), Meanings::default());
        let revised: HashMap<u32, &Revised> =
            self.revised.iter().map(|revised| (revised.document.name_span.start, revised)).collect();
        let mut new = self.new.iter();
        for (at, document) in documents.into_iter().enumerate() {
            let Some(old) = old.get(at) else {
                mine.extend(new.next().map(|(_, live)| (document, *live, &nothing)));
                continue;
            };
            let revised = revised.get(&old.name_span.start);
            let touched = revised.map_or(&untouched, |revised| &revised.touched);
            if !same_head(old, &document) || !alike(&old.spec, &document.spec, touched) {
                let fault = self.fault("an edit of this file would change more than was meant");
                faults.push(fault.at(old.place(old.name_span)));
            }
            mine.extend(revised.map(|revised| (document, revised.live, &revised.meanings)));
        }
        for (document, live, meanings) in &mine {
            faults.extend(agrees(import, document, meanings, live).err().into_iter().flatten());
        }
        let in_place = |(document, live, meanings): &(Document, &Live, &Meanings)| {
            meanings.in_place(document, &live.object)
        };
        if faults.is_empty() { Ok(mine.iter().map(in_place).collect()) } else { Err(faults) }
    }

    fn fault(&self, message: &str) -> Diagnostic {
        let fault =
            Diagnostic::error("unsafe-edit", message).hint("the file is left as it is; change it by hand");
        match &self.before {
            Some(source) => fault.at(source.place(crate::diagnostic::Span::default())),
            None => fault,
        }
    }
}

fn same_head(old: &Document, new: &Document) -> bool {
    old.kind.name == new.kind.name
        && old.name == new.name
        && old.target == new.target
        && old.state == new.state
        && old.id == new.id
        && old.protect == new.protect
        && old.scope == new.scope
}
