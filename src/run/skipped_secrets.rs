//! Plans without secrets: a value that comes from a source is taken as unchanged, and the plan says so.
//!
//! Such a plan shows what else differs where no one may read secrets. It is never saved or applied.
//! Deliberately absent: credentials of targets, which are always read.

use secrecy::SecretString;

use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::plan::PlanSubject;
use crate::plan::step::PlanDecision;
use crate::run::import::fill::{FillMode, fill_spec};
use crate::value::Object;

/// What stands for a secret of an object that does not exist yet; reports never show it.
const STAND_IN: &str = "not-read";

/// The document with live values in place of its sources; nothing when it has none.
pub fn fill_sources(document: &Document, live: Option<&Object>) -> Option<Document> {
    document.spec.iter_value_sources().next()?;
    let mut filled = document.clone();
    if let Some(live) = live {
        filled.spec = fill_spec(&document.spec, &document.kind.shape, live, FillMode::Secrets);
        return Some(filled);
    }
    filled.resolve_sources(&|_| Some(SecretString::from(STAND_IN)), &mut Vec::new());
    // what no text fits is left out
    if filled.spec.iter_value_sources().next().is_some() {
        filled.spec = fill_spec(&filled.spec, &document.kind.shape, &Object::default(), FillMode::Secrets);
    }
    Some(filled)
}

/// Says of each source of a document that its value was not compared.
pub fn note_skipped(mut decision: PlanDecision, document: &Document, subject: &PlanSubject) -> PlanDecision {
    let notes = document.spec.iter_value_sources().map(|(source, span)| {
        let message = match subject.id {
            Some(_) => format!("{source} was not read, so this value was not compared"),
            None => format!("{source} was not read, so this value is not checked"),
        };
        Diagnostic::note("not-compared", message)
            .with_location(document.locate_span(span))
            .with_hint("plan without `--no-secrets` to compare it")
    });
    match &mut decision {
        PlanDecision::Step(step) => step.notes.extend(notes),
        PlanDecision::Unchanged(unchanged) => unchanged.notes.extend(notes),
        PlanDecision::Refused(refused) => refused.reasons.extend(notes),
    }
    decision
}
