//! Ids that a run has learnt, written into the documents that have none: `apply --write-ids`.
//!
//! The services are written to by then, so nothing here is an error: what a document cannot take is told beside
//! what became of its object, with the line that a person may add. A file that changed meanwhile is left alone.

use std::collections::BTreeMap;
use std::path::Path;

use super::import::folder::{self, Put};
use super::screen::Screen;
use super::session::Prepared;
use crate::diagnostic::Diagnostic;
use crate::document::write::ids::{self, Named};
use crate::document::{Document, State};
use crate::kind::Maker;
use crate::report::clean::count;
use crate::run::gather::Job;
use crate::run::outcome::{Ending, Outcome};
use crate::value::Value;

/// The document of an outcome and the id of its object.
struct Learnt<'d> {
    outcome: usize,
    document: &'d Document,
    id: Value,
}

/// Writes every id that is known now and stands in no document.
pub fn write(prepared: &Prepared, jobs: &[Job], outcomes: &mut [Outcome], screen: &Screen) {
    let mut files: BTreeMap<&str, Vec<Learnt>> = BTreeMap::new();
    for (number, outcome) in outcomes.iter().enumerate() {
        let learnt = jobs.get(outcome.subject.number).and_then(|job| learnt(number, outcome, job.document));
        if let Some(learnt) = learnt {
            files.entry(&learnt.document.source.path).or_default().push(learnt);
        }
    }
    let (mut written, mut changed) = (0, 0);
    for learnt in files.values() {
        let left = one_file(prepared, learnt);
        let here = left.iter().filter(|why| why.is_none()).count();
        written += here;
        changed += usize::from(here > 0);
        for (learnt, why) in learnt.iter().zip(left) {
            outcomes[learnt.outcome].findings.extend(why.map(|why| not_written(learnt, &why)));
        }
    }
    if written > 0 {
        screen.say(&format!("\n{} written into {}\n", count(written, "id"), count(changed, "file")));
    }
}

/// The id of an object that was seen, where its document does not say it.
fn learnt<'d>(outcome: usize, of: &Outcome, document: &'d Document) -> Option<Learnt<'d>> {
    let seen = match &of.ending {
        Ending::Done | Ending::Unchanged => true,
        // it is there, though not as it should be
        Ending::Failed(_) => !of.lost.is_empty(),
        _ => false,
    };
    let wanted = document.id.is_none() && document.state == State::Present;
    let ours = document.kind.identity.made_by == Maker::Server;
    let id = of.subject.id.clone().filter(|_| seen && wanted && ours)?;
    Some(Learnt { outcome, document, id })
}

/// Why ids are not in their file now; none for those that are.
fn one_file(prepared: &Prepared, learnt: &[Learnt]) -> Vec<Option<String>> {
    let Some(first) = learnt.first() else { return Vec::new() };
    let source = &first.document.source;
    let named: Vec<Named> =
        learnt.iter().map(|learnt| Named { document: learnt.document, id: &learnt.id }).collect();
    let page = ids::write(source, &prepared.workspace.registry, &named);
    let told = |why: &Option<&str>| why.map(|why| format!("the document {why}"));
    let left: Vec<Option<String>> = page.left.iter().map(told).collect();
    if left.iter().all(Option::is_some) {
        return left;
    }
    let path = prepared.workspace.locate(Path::new(&source.path));
    let failed = match folder::put_over(&path, &source.text, &page.text) {
        Ok(Put::Done) => return left,
        Ok(Put::Moved) => "the file was changed meanwhile".to_owned(),
        Err(error) => format!("the file can't be written: {}", error.kind()),
    };
    left.into_iter().map(|why| Some(why.unwrap_or_else(|| failed.clone()))).collect()
}

fn not_written(learnt: &Learnt, why: &str) -> Diagnostic {
    let document = learnt.document;
    let message = format!("its id is not in the document: {why}");
    let hint = match document.kind.id_field().mark {
        crate::value::Mark::Open => format!("add `{}` below its name", ids::line(&learnt.id)),
        _ => "it is known in `.trueup` all the same".to_owned(),
    };
    Diagnostic::warning("id-not-written", message).at(document.place(document.name_span)).hint(hint)
}
