//! Live objects that are not what their kind says.
//!
//! A field that was not understood is a warning, unless the write manages or carries it: then the step is refused.
//! Deliberately absent: how a field is read.

use crate::diagnostic::Diagnostic;
use crate::document::{DesiredValue, Document};
use crate::kind::WriteBody;
use crate::plan::{Step, StepAction, StepRequest};
use crate::remote::wire::{SchemaMismatch, Snapshot};

/// Why a step is refused: it writes a field of the live object that was not understood. What it leaves alone is
/// noted.
pub fn check_mismatches(step: &mut Step, document: &Document, live: &Snapshot) -> Vec<Diagnostic> {
    let (carried, others): (Vec<&SchemaMismatch>, Vec<&SchemaMismatch>) =
        live.mismatches.iter().partition(|mismatch| carries_field(step, document, mismatch));
    let place = step.subject.place.clone();
    let warnings = others.into_iter().map(|mismatch| {
        Diagnostic::warning("misread-field", describe_mismatch(mismatch))
            .with_hint("this write leaves it as it is; look at the description of the kind")
            .with_location(place.clone())
    });
    step.notes.extend(warnings);
    let refuse = |mismatch: &SchemaMismatch| {
        Diagnostic::error("misread-field", describe_mismatch(mismatch))
            .with_hint("an object that is not understood is not written; look at the description of the kind")
    };
    carried.into_iter().map(refuse).collect()
}

/// Whether a write sends a field that was not understood, or what it holds.
fn carries_field(step: &Step, document: &Document, mismatch: &SchemaMismatch) -> bool {
    let root = mismatch.pointer.split('/').nth(1).unwrap_or_default();
    let shape = &step.subject.kind.shape;
    let is_managed = match &document.spec.value {
        DesiredValue::Object(fields) => fields
            .iter()
            .any(|(number, _)| shape.fields.get(*number as usize).is_some_and(|own| *own.name == *root)),
        _ => true,
    };
    let sends = |planned: &StepRequest| planned.sent_unchanged.iter().any(|name| name == root);
    let is_escaped = root.contains('~');
    step.action == StepAction::Update
        && (is_managed || is_escaped || step.body_mode == WriteBody::Full || step.requests.iter().any(sends))
}

fn describe_mismatch(mismatch: &SchemaMismatch) -> String {
    format!("the live `{}` is not what the kind says: {}", mismatch.pointer, mismatch.message)
}
