//! What a ledger noted of objects, as receipts carry it to other machines, and what it learns from theirs.
//!
//! Digests under the ledger's key, no values: they say something only to a ledger that has the same key.
//! Deliberately absent: where receipts are kept, and which of them is the newest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LastApplied, LastAppliedEntry, build_object_key};
use crate::run::write_digests::WrittenDigest;

/// What was noted of objects.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct DigestExport {
    /// A digest that tells the key under which the digests below are made.
    pub key: String,
    /// The objects.
    pub objects: Vec<DigestRecord>,
}

/// What was noted of one object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq)]
pub struct DigestRecord {
    /// The target.
    pub target: String,
    /// The kind.
    pub kind: String,
    /// The name of the document.
    pub name: String,
    /// What it was applied as, in digests, and since when; absent for an object that was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub applied: Option<LastAppliedEntry>,
    /// The id of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether its document protects it from deletion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// What was last written where the service does not show it, in digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<WrittenDigest>,
}

/// The digests say nothing to anybody who reads them.
impl std::fmt::Debug for DigestRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Note").field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

impl LastApplied {
    /// A digest that tells its key.
    pub fn key_digest(&self) -> String {
        self.key_digest.clone()
    }

    /// What is noted of an object, for others.
    pub fn export_record(&self, target: &str, kind: &str, name: &str) -> Option<DigestRecord> {
        let applied = Some(self.get(target, kind, name)?);
        Some(DigestRecord {
            target: target.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            applied,
            id: None,
            protect: false,
            written: Vec::new(),
        })
    }

    /// Takes over what another one noted; nothing of it is written to this folder.
    pub fn import_record(&mut self, note: DigestRecord) {
        self.shared_entries.insert(build_object_key(&note.target, &note.kind, &note.name), note.applied);
    }
}
