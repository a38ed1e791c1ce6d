//! What an apply keeps for whoever wants to take it back, and the way back: the objects as they are now, and
//! documents that ask for what was there before.
//!
//! Deliberately absent: planning and writing, which go the way of every other document.

pub mod back;
pub mod record;
mod told;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::memory::witness;
use crate::kind::{Kind, Leaf};
use crate::plan::{Step, Subject, digest};
use crate::value::{Mark, Object, Value};
use record::Record;

/// How a run keeps what it overwrites.
#[derive(Default)]
pub struct Keeper {
    /// The key of digests; without one marked values enter none.
    pub key: Option<Zeroizing<Vec<u8>>>,
}

/// What is kept of one request.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub struct Kept {
    /// None before a create, and where it must not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    scope: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaves: Vec<Record>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Secret>,
}

/// An object as a run left it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct Entry {
    /// The target.
    pub target: String,
    /// The kind.
    pub kind: String,
    /// The name of the document.
    pub name: String,
    /// The service's id, as addresses have it; absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it lives: parameters of paths, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scope: BTreeMap<String, String>,
    /// What was done to it: `create`, `update` or `delete`.
    pub action: String,
    /// The digest of the object as it was; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The digest of the object as it was read back; absent when it was not, or is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What was written.
    pub leaves: Vec<Record>,
    /// Digests of written values that do not read back; only under a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
}

/// A value that was written and does not read back.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct Secret {
    /// Where it stands, as JSON Pointer.
    pub path: String,
    /// Its digest, made for this place.
    pub digest: String,
}

impl Keeper {
    fn key(&self) -> Option<&[u8]> {
        self.key.as_ref().map(|key| key.as_slice())
    }

    /// What is kept of a request that is about to be sent.
    pub fn keep(&self, step: &Step) -> Kept {
        let subject = &step.subject;
        let secret = |key: &[u8]| {
            let one = |(path, value): &(crate::value::Path, Value)| Secret {
                path: path.pointer(),
                digest: witness(key, subject, path, value),
            };
            step.hidden.iter().map(one).collect()
        };
        Kept {
            id: id_of(subject),
            scope: scope_of(subject),
            before: step.live.as_ref().map(|live| self.digest(&subject.kind, live)),
            leaves: record::records(step),
            secrets: self.key().map(secret).unwrap_or_default(),
        }
    }

    /// The digest of an object as it was read.
    pub fn digest(&self, kind: &Kind, live: &Object) -> String {
        digest::object(kind, live, self.key())
    }

    /// What is sent, as a digest.
    pub fn sent(&self, step: &Step) -> String {
        digest::step(step, self.key()).to
    }
}

/// The id of an object where everybody may see it.
pub fn id_of(subject: &Subject) -> Option<String> {
    let open = subject.kind.id_field().mark == Mark::Open;
    subject.id.as_ref().filter(|_| open).map(|id| Leaf::url_text(id, &subject.kind.api))
}

fn scope_of(subject: &Subject) -> BTreeMap<String, String> {
    let kind = &subject.kind;
    let text = |value: &Value| Leaf::url_text(value, &kind.api);
    kind.scope.iter().zip(&subject.scope).map(|(own, value)| (own.name.to_string(), text(value))).collect()
}

impl Entry {
    /// An object of which this was kept when it was first written to.
    pub fn new((target, kind, name): (&str, &str, &str), action: &str, kept: Kept) -> Self {
        Self {
            target: target.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            id: kept.id,
            scope: kept.scope,
            action: action.to_owned(),
            before: kept.before,
            after: None,
            leaves: kept.leaves,
            secrets: kept.secrets,
        }
    }

    /// Another request of the same run that wrote to it: what a leaf was before the first, and became by the last.
    pub fn then(&mut self, kept: Kept) {
        for record in kept.leaves {
            match self.leaves.iter_mut().find(|own| !own.path.is_empty() && own.path == record.path) {
                Some(own) => own.after = record.after,
                None => self.leaves.push(record),
            }
        }
        self.id = self.id.take().or(kept.id);
        self.secrets.extend(kept.secrets);
    }
}
