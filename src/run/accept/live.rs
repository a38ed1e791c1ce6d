//! The live objects of documents, and how each differs from what its document says.
//!
//! What a document takes from a source, or names rather than says, counts as it is live.

use crate::diagnostic::Diagnostic;
use crate::document::{Document, DocumentState};
use crate::plan::PlanSubject;
use crate::plan::propose::ObjectProposal;
use crate::remote::wire::Snapshot;
use crate::run::fetch::{ObjectJob, ReadOutcome};
use crate::run::import::fill::{FillMode, fill_spec};
use crate::run::import::revise::compare_filled;
use crate::run::match_up::ObjectMatch;
use crate::run::planning::{build_subject, fetch_checked};
use crate::run::{RunSession, identity, locate_error, read_errors};
use crate::value::Object;

/// What was read for the document of a job.
pub enum AcceptedRead {
    /// The object that the document means.
    Found(PlanSubject, Box<Snapshot>),
    /// There is nothing to take values from.
    Missing(PlanSubject),
    /// It may be another object.
    Refused(Vec<Diagnostic>),
    /// It could not be read.
    Unread(Vec<Diagnostic>),
    /// The document asks for no object.
    NotManaged,
}

/// Reads the live object of each job.
pub async fn read_live(session: &RunSession<'_>, jobs: &mut [ObjectJob<'_>]) -> Vec<AcceptedRead> {
    let reads = fetch_checked(session, jobs).await;
    let check = |(number, (job, read)): (usize, (&ObjectJob, Option<ReadOutcome>))| {
        check_read(session, number, job, read)
    };
    jobs.iter().zip(reads).enumerate().map(check).collect()
}

fn check_read(
    session: &RunSession,
    number: usize,
    job: &ObjectJob,
    read: Option<ReadOutcome>,
) -> AcceptedRead {
    let subject = build_subject(number, job, None);
    let live = match read {
        _ if job.document.state != DocumentState::Present => return AcceptedRead::NotManaged,
        Some(ReadOutcome::Found(ObjectMatch::One(live))) => live,
        Some(ReadOutcome::Found(ObjectMatch::Nothing)) => return AcceptedRead::Missing(subject),
        Some(ReadOutcome::Found(ObjectMatch::Several(_))) => {
            return AcceptedRead::Refused(vec![diagnose_several(job)]);
        }
        Some(ReadOutcome::Unseen(reason)) => {
            return AcceptedRead::Unread(vec![read_errors::diagnose_unseen(&subject, &reason)]);
        }
        Some(ReadOutcome::Failed(error)) => {
            return AcceptedRead::Unread(locate_error::locate_error(&error, job.document, None));
        }
        None => return AcceptedRead::Unread(vec![diagnose_not_read(job)]),
    };
    let moved = identity::diagnose_moved_address(session, job, Some(&live.object));
    match moved.map_or_else(|| identity::check_identity(session, job, &live.object).map(|_| ()), Err) {
        Ok(()) => AcceptedRead::Found(build_subject(number, job, Some(&live)), live),
        Err(reason) => AcceptedRead::Refused(vec![reason]),
    }
}

fn diagnose_several(job: &ObjectJob) -> Diagnostic {
    let key = job.document.kind.list_natural_key_names().join(", ");
    Diagnostic::error("ambiguous-object", format!("several live objects have this {key}"))
        .with_location(job.document.locate_span(job.document.name_span))
        .with_hint("name the `id` of the one that is meant")
}

fn diagnose_not_read(job: &ObjectJob) -> Diagnostic {
    Diagnostic::error("not-read", "the live object was not read")
        .with_location(job.document.locate_span(job.document.name_span))
        .with_hint("the run was interrupted, or its target could not be reached")
}

/// How a live object differs from a document, as a plan would see it.
pub fn compare_with_live(document: &Document, subject: &PlanSubject, live: &Object) -> ObjectProposal {
    compare_filled(&fill_document(document, live), subject, live)
}

/// A document with live values for its sources and references.
pub fn fill_document(document: &Document, live: &Object) -> Document {
    let spec = fill_spec(&document.spec, &document.kind.shape, live, FillMode::Everything);
    Document { spec, ..document.clone() }
}
