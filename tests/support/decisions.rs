//! What the tests over whole decisions share: the way from a document and a live object to a decision.

use std::sync::Arc;

use trueup::document::Document;
use trueup::plan::propose::ProposalInput;
use trueup::plan::rotate::NO_ROTATION;
use trueup::plan::step::{DecideOptions, PlanDecision, decide_object};
use trueup::plan::{PlanSubject, WriteHistory};
use trueup::value::{Object, Value};

/// What a document is about, as a run would say it.
pub fn subject(document: &Document, scope: Vec<Value>, live: Option<&Object>) -> PlanSubject {
    let seen = live.and_then(|live| live.get_field(document.kind.identity.id));
    PlanSubject {
        number: 0,
        kind: document.kind.clone(),
        name: document.name.clone(),
        environment: document.environment.clone(),
        target: document.target.clone().unwrap_or_else(|| Arc::from("test")),
        scope,
        id: seen.or(document.id.as_ref()).cloned(),
        place: document.locate_span(document.name_span),
    }
}

/// One document against one live object.
pub fn decided(
    document: &Document,
    subject: &PlanSubject,
    live: Option<&Object>,
    memory: &dyn WriteHistory,
    rules: DecideOptions,
) -> PlanDecision {
    decide_object(
        &ProposalInput { document, subject, live, write_history: memory, rotation: &NO_ROTATION },
        rules,
    )
}
