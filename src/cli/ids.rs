//! Ids that a run has learnt, written into the documents that have none: `apply --write-ids`.
//!
//! Where an object cannot be deleted, a document that loses it creates a second one for good: there the id is written
//! after a create without being asked for.
//! The services are written to by then, so nothing here is an error: what a document cannot take is reported beside
//! what became of its object, with the line that a person may add. A file that changed meanwhile is left alone.

use std::collections::BTreeMap;
use std::path::Path;

use super::import::folder::{self, ReplaceOutcome};
use super::output_file::check_no_links_below;
use super::prepared_run::PreparedRun;
use super::screen::TerminalScreen;
use crate::diagnostic::Diagnostic;
use crate::document::write::ids::{self, AssignedId};
use crate::document::{Document, DocumentState};
use crate::kind::IdAssigner;
use crate::plan::StepAction;
use crate::report::sanitize::format_count;
use crate::run::fetch::ObjectJob;
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::value::Value;

/// Which ids are written.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum WrittenIds {
    #[default]
    None,
    /// Those of created objects that the API cannot delete.
    Undeletable,
    All,
}

impl WrittenIds {
    /// What `--write-ids` and `--no-write-ids` ask for.
    pub fn from_flags(all: bool, none: bool) -> Self {
        match (all, none) {
            (true, _) => Self::All,
            (false, true) => Self::None,
            (false, false) => Self::Undeletable,
        }
    }

    fn includes(self, outcome: &StepOutcome, document: &Document) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Undeletable => {
                outcome.action == Some(StepAction::Create) && document.kind.operations.delete.is_none()
            }
        }
    }
}

/// The document of an outcome and the id of its object.
struct LearnedId<'d> {
    outcome: usize,
    document: &'d Document,
    id: Value,
}

/// Writes the ids that are known now and stand in no document.
pub fn write_ids(
    prepared: &PreparedRun,
    jobs: &[ObjectJob],
    outcomes: &mut [StepOutcome],
    which: WrittenIds,
    screen: &TerminalScreen,
) {
    let mut files: BTreeMap<&str, Vec<LearnedId>> = BTreeMap::new();
    for (number, outcome) in outcomes.iter().enumerate() {
        let job = jobs.get(outcome.subject.number).filter(|job| which.includes(outcome, job.document));
        if let Some(learnt) = job.and_then(|job| find_learned_id(number, outcome, job.document)) {
            files.entry(&learnt.document.source.path).or_default().push(learnt);
        }
    }
    let (mut written, mut changed) = (0, 0);
    for learnt in files.values() {
        let left = write_file_ids(prepared, learnt);
        let here = left.iter().filter(|why| why.is_none()).count();
        written += here;
        changed += usize::from(here > 0);
        for (learnt, why) in learnt.iter().zip(left) {
            outcomes[learnt.outcome].findings.extend(why.map(|why| diagnose_unwritten_id(learnt, &why)));
        }
    }
    if written > 0 {
        screen.print_remark(&format!(
            "\n{} written into {}\n",
            format_count(written, "id"),
            format_count(changed, "file")
        ));
    }
}

/// The id of an object that was seen, where its document does not say it.
fn find_learned_id<'d>(outcome: usize, of: &StepOutcome, document: &'d Document) -> Option<LearnedId<'d>> {
    let seen = match &of.status {
        OutcomeStatus::Done | OutcomeStatus::Unchanged => true,
        // it is there, though not as it should be
        OutcomeStatus::Failed(_) | OutcomeStatus::Partial(_) => !of.lost_changes.is_empty(),
        _ => false,
    };
    let wanted = document.id.is_none() && document.state == DocumentState::Present;
    // an id belongs to one object, which a text that stands for several cannot say
    let ours = !document.is_composed && document.kind.identity.id_assigned_by == IdAssigner::Server;
    let id = of.subject.id.clone().filter(|_| seen && wanted && ours)?;
    Some(LearnedId { outcome, document, id })
}

/// Why ids are not in their file now; none for those that are.
fn write_file_ids(prepared: &PreparedRun, learnt: &[LearnedId]) -> Vec<Option<String>> {
    let Some(first) = learnt.first() else { return Vec::new() };
    let source = &first.document.source;
    let named: Vec<AssignedId> =
        learnt.iter().map(|learnt| AssignedId { document: learnt.document, id: &learnt.id }).collect();
    let page = ids::write_ids(source, &prepared.workspace.registry, &named);
    let explain = |why: &Option<&str>| why.map(|why| format!("the document {why}"));
    let left: Vec<Option<String>> = page.unwritten_reasons.iter().map(explain).collect();
    if left.iter().all(Option::is_some) {
        return left;
    }
    let path = prepared.workspace.locate_path(Path::new(&source.path));
    if check_no_links_below(&prepared.workspace.root, &path).is_err() {
        let failed = "the file is a link or in one, and is not written through it".to_owned();
        return left.into_iter().map(|why| Some(why.unwrap_or_else(|| failed.clone()))).collect();
    }
    let failed = match folder::replace_if_unchanged(&path, &source.text, &page.text) {
        Ok(ReplaceOutcome::Done) => return left,
        Ok(ReplaceOutcome::Conflict) => "the file changed in the meantime".to_owned(),
        Err(error) => format!("the file can't be written: {}", error.kind()),
    };
    left.into_iter().map(|why| Some(why.unwrap_or_else(|| failed.clone()))).collect()
}

fn diagnose_unwritten_id(learnt: &LearnedId, why: &str) -> Diagnostic {
    let document = learnt.document;
    let message = format!("the id was not written to the document: {why}");
    let hint = match document.kind.id_field().sensitivity {
        crate::value::Sensitivity::Public => {
            format!("add `{}` below its name", ids::render_id_line(&learnt.id))
        }
        _ => "the id is recorded in `.trueup`".to_owned(),
    };
    Diagnostic::warning("id-not-written", message)
        .with_location(document.locate_span(document.name_span))
        .with_hint(hint)
}
