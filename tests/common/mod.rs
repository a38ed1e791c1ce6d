//! What the tests over whole decisions share: the way from a document and a live object to a decision.

use std::sync::Arc;

use trueup::document::Document;
use trueup::plan::propose::Question;
use trueup::plan::rotate::NOTHING;
use trueup::plan::step::{Decision, Rules, decide};
use trueup::plan::{Memory, Subject};
use trueup::value::{Object, Value};

/// What a document is about, as a run would say it.
pub fn subject(document: &Document, scope: Vec<Value>, live: Option<&Object>) -> Subject {
    let seen = live.and_then(|live| live.get(document.kind.identity.id));
    Subject {
        number: 0,
        kind: document.kind.clone(),
        name: document.name.clone(),
        target: document.target.clone().unwrap_or_else(|| Arc::from("test")),
        scope,
        id: seen.or(document.id.as_ref()).cloned(),
        place: document.place(document.name_span),
    }
}

/// One document against one live object.
pub fn decided(
    document: &Document,
    subject: &Subject,
    live: Option<&Object>,
    memory: &dyn Memory,
    rules: Rules,
) -> Decision {
    decide(&Question { document, subject, live, memory, rotate: &NOTHING }, rules)
}
