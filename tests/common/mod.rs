//! What the tests over whole decisions share: a target's scope, a memory that is told what it remembers, and
//! the way from an answer and a document to a decision. Nothing here names a service.

#![allow(dead_code)] // each test binary uses its part

pub mod service;

use std::collections::BTreeMap;
use std::sync::Arc;

use trueup::document::Document;
use trueup::kind::Kind;
use trueup::kind::leaf::Token;
use trueup::plan::propose::Question;
use trueup::plan::step::{Decision, Rules, decide};
use trueup::plan::{Memory, Recall, Subject};
use trueup::value::{Object, Path, Value};

/// The values of a scope, complete, in the order of the kind: the document's own, else the target's.
pub fn scope(
    kind: &Kind,
    target: &BTreeMap<String, String>,
    document: &Document,
) -> Result<Vec<Value>, String> {
    (0u16..)
        .zip(&kind.scope)
        .map(|(number, parameter)| {
            if let Some((_, value)) = document.scope.iter().find(|(own, _)| *own == number) {
                return Ok(value.clone());
            }
            let text = target.get(&*parameter.name).ok_or(format!("nothing fixes {}", parameter.name))?;
            parameter.ty.read(Token::Text(text)).map_err(|mismatch| mismatch.message)
        })
        .collect()
}

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
    decide(&Question { document, subject, live, memory }, rules)
}

/// A memory of what the test says, by JSON Pointer; of everything else it knows nothing.
#[derive(Default)]
pub struct Told(pub BTreeMap<String, Recall>);

impl Memory for Told {
    fn recall(&self, _: &Subject, path: &Path, _: &Value) -> Recall {
        self.0.get(&path.pointer()).copied().unwrap_or(Recall::Never)
    }
}

/// A memory of exactly what was written, as a run keeps it.
#[derive(Default)]
pub struct Kept(pub Vec<(Path, Value)>);

impl Memory for Kept {
    fn recall(&self, _: &Subject, path: &Path, value: &Value) -> Recall {
        match self.0.iter().find(|(own, _)| trueup::plan::step::overlap(own, path)) {
            None => Recall::Never,
            Some((_, own)) if own == value => Recall::Same,
            Some(_) => Recall::Differs,
        }
    }
}
