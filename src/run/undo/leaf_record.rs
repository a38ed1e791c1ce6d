//! The form in which journals and receipts keep a leaf that was written.
//!
//! Deliberately absent: which leaves are kept, and which of their values (`record`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One leaf that was written; or one list item or map entry that came or went as a whole.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Default)]
#[serde(deny_unknown_fields)]
pub struct LeafRecord {
    /// Its path in words, without keys that must not be shown.
    pub label: String,
    /// Its path; absent when its values are not here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<LeafPathPart>,
    /// What was there; absent when there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// What was written; absent when it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
    /// Why its values are not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<WithheldReason>,
    /// Where nothing was before: digests of what was written and is not here, by the names of the fields below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<LeafDigest>,
}

/// The value may be confidential; the label is not.
impl std::fmt::Debug for LeafRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("label", &self.label).field("withheld", &self.withheld).finish()
    }
}

/// Why values are not kept.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum WithheldReason {
    /// They are in the sealed part.
    Sealed,
    /// They are secret, and nothing is sealed here.
    Secret,
    /// They are about a person, and nothing is sealed here.
    Personal,
    /// They may tell too much, and nothing is sealed here.
    Sensitive,
    /// The service does not show what was there.
    Unseen,
    /// They hold members that this version does not know.
    Unknown,
    /// They are longer than what is kept.
    TooLong,
}

/// One step of the way to a leaf.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq)]
#[serde(untagged)]
pub enum LeafPathPart {
    Field {
        /// A field, by its name.
        field: String,
    },
    Key {
        /// A key of a map.
        key: String,
    },
    HiddenKey {
        /// The digest of a key of a map that must not be seen.
        key_digest: String,
    },
    Item(ItemPart),
}

/// An item of a list: where it stood, and what tells it apart.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ItemPart {
    /// Where it stood in the list.
    pub index: usize,
    /// The field with the ids of rows and this one's, where they have one and it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<(String, Json)>,
    /// The fields that tell it apart, with their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, Json)>,
}

/// A value that is not here.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct LeafDigest {
    /// Where it stands below the leaf, by the name of the field; empty for the leaf itself.
    pub path: String,
    /// Its digest under the key of the receipt.
    pub digest: String,
}
