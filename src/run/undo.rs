//! What an apply keeps for whoever wants to take it back, and the way back: the objects as they are now, and
//! documents that ask for what was there before.
//!
//! Deliberately absent: planning and writing, which go the way of every other document.

pub mod added;
mod added_leaves;
pub mod leaf_record;
pub mod record;
pub mod revert;
mod value_json;

use std::collections::BTreeMap;
use std::io;

use leaf_record::LeafRecord;
use record::LeafRecords;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::write_digests::digest_secret;
use crate::kind::{Kind, ScalarType};
use crate::plan::{PlanSubject, Step, digest};
use crate::state::sealer::ValueSealer;
use crate::value::{Object, Sensitivity, Value};

/// How a run keeps what it overwrites.
#[derive(Default)]
pub struct UndoRecorder {
    /// The key of digests; without one marked values enter none.
    pub key: Option<Zeroizing<Vec<u8>>>,
    /// Where values under a mark go; without one they are left out.
    pub sealer: Option<ValueSealer>,
}

/// What is kept of one request.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub struct UndoRecord {
    /// None before a create, and where it must not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    scope: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaves: Vec<LeafRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<SecretDigest>,
}

/// An object as a run left it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct WrittenObject {
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
    pub leaves: Vec<LeafRecord>,
    /// The leaves whose values are sealed: age, in Base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<String>,
    /// Digests of written values that do not read back; only under a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretDigest>,
}

/// A value that was written and does not read back.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct SecretDigest {
    /// Where it stands, as JSON Pointer.
    pub path: String,
    /// Its digest, made for this place.
    pub digest: String,
}

impl UndoRecorder {
    fn key(&self) -> Option<&[u8]> {
        self.key.as_ref().map(|key| key.as_slice())
    }

    /// What is kept of a request that is about to be sent.
    ///
    /// # Errors
    /// When what is to be sealed cannot be.
    pub fn build_record(&self, step: &Step) -> io::Result<UndoRecord> {
        let subject = &step.subject;
        let secret = |key: &[u8]| {
            let one = |(path, value): &(crate::value::ValuePath, Value)| SecretDigest {
                path: path.to_pointer(),
                digest: digest_secret(key, subject, path, value),
            };
            step.hidden.iter().map(one).collect()
        };
        let LeafRecords { open, marked } = record::build_records(step, self.sealer.is_some(), self.key());
        let sealed = match &self.sealer {
            Some(safe) if !marked.is_empty() => {
                Some(safe.seal(&Zeroizing::new(serde_json::to_vec(&marked)?))?)
            }
            _ => None,
        };
        Ok(UndoRecord {
            id: format_open_id(subject),
            scope: format_scope(subject),
            before: step.live.as_ref().map(|live| self.digest_object(&subject.kind, live)),
            leaves: open,
            sealed,
            secrets: self.key().map(secret).unwrap_or_default(),
        })
    }

    /// The digest of an object as it was read.
    pub fn digest_object(&self, kind: &Kind, live: &Object) -> String {
        digest::digest_object(kind, live, self.key())
    }

    /// What is sent, as a digest.
    pub fn digest_step(&self, step: &Step) -> String {
        digest::digest_step(step, self.key()).payload
    }
}

/// The id of an object where everybody may see it.
pub fn format_open_id(subject: &PlanSubject) -> Option<String> {
    let open = subject.kind.id_field().sensitivity == Sensitivity::Public;
    subject.id.as_ref().filter(|_| open).map(|id| ScalarType::render_url_text(id, &subject.kind.api))
}

fn format_scope(subject: &PlanSubject) -> BTreeMap<String, String> {
    let kind = &subject.kind;
    let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
    kind.scope.iter().zip(&subject.scope).map(|(own, value)| (own.name.to_string(), text(value))).collect()
}

impl WrittenObject {
    /// An object of which this was kept when it was first written to.
    pub fn new(target: &str, kind: &str, name: &str, action: &str, kept: UndoRecord) -> Self {
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
            sealed: kept.sealed.into_iter().collect(),
            secrets: kept.secrets,
        }
    }

    /// What another request of the same run did: a create and a delete are the two parts of a replacement.
    pub fn note_action(&mut self, action: &str) {
        if matches!((&*self.action, action), ("create", "delete") | ("delete", "create")) {
            self.action = "replace".to_owned();
        }
    }

    /// Another request of the same run that wrote to it: what a leaf was before the first, and became by the last.
    pub fn merge_record(&mut self, kept: UndoRecord) {
        for record in kept.leaves {
            match self.leaves.iter_mut().find(|own| !own.path.is_empty() && own.path == record.path) {
                Some(own) => {
                    (own.after, own.withheld, own.digests) = (record.after, record.withheld, record.digests);
                }
                None => self.leaves.push(record),
            }
        }
        self.id = self.id.take().or(kept.id);
        self.sealed.extend(kept.sealed);
        self.secrets.extend(kept.secrets);
    }
}
