//! What was last written where the service does not show it, as receipts carry it to other machines.
//!
//! Keyed digests, no values: they say something only under the same key. What is in doubt is not carried.
//! Deliberately absent: where receipts are kept, and which of them is the newest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{WriteDigestEntry, WriteDigests};

/// The digest of one value that was written.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct WrittenDigest {
    /// Where the value is in the object.
    pub path: String,
    /// A keyed digest of the value.
    pub digest: String,
    /// When it was written, RFC 3339.
    pub at: String,
}

/// Which object was written.
#[derive(Clone, Copy)]
pub struct WrittenObjectKey<'o> {
    pub target: &'o str,
    pub kind: &'o str,
    pub name: &'o str,
    pub id: Option<&'o str>,
}

impl WrittenObjectKey<'_> {
    /// The begin of the names of its values.
    fn build_prefix(&self) -> String {
        let id = self.id.map_or_else(|| format!("name:{}", self.name), str::to_owned);
        format!("{}/{}/{id}#", self.target, self.kind)
    }
}

impl WriteDigests {
    /// What was written of an object, for others.
    pub fn export_written(&self, object: WrittenObjectKey) -> Vec<WrittenDigest> {
        let prefix = object.build_prefix();
        let is_certain = |entry: &WriteDigestEntry| {
            !entry.digest.is_empty() && !entry.is_doubtful() && entry.repeated_until.is_none()
        };
        let own =
            self.entries.entries().filter(|(_, entry)| is_certain(entry)).filter_map(|(name, entry)| {
                let path = name.strip_prefix(&prefix)?.to_owned();
                Some(WrittenDigest { path, digest: entry.digest.clone(), at: entry.at.clone() })
            });
        let mut own: Vec<WrittenDigest> = own.collect();
        own.sort_by(|a, b| a.path.cmp(&b.path));
        own
    }

    /// Takes over what another machine wrote; nothing of it is written to this folder.
    pub fn import_written(&mut self, object: WrittenObjectKey, written: Vec<WrittenDigest>) {
        let prefix = object.build_prefix();
        for WrittenDigest { path, digest, at } in written {
            let entry = WriteDigestEntry {
                digest,
                at,
                unknown_until: None,
                doubtful_until: None,
                repeated_until: None,
            };
            self.shared.insert(format!("{prefix}{path}"), entry);
        }
    }
}
