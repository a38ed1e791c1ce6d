//! What a document may say that only other files complete: which keys and which values these are.
//!
//! A document that says none of it is read where it stands; any other is deferred, as the tree that was parsed, until
//! the rest is known. Deliberately absent: what the words mean (`compose`).

use crate::kind::ScalarType;
use crate::yaml::YamlNode;

/// Keys of documents that need other documents, or stand for several.
pub const COMPOSITION_KEYS: [&str; 6] = ["base", "overlay", "extends", "environments", "objects", "unset"];
/// The keys of an edit of a list from below.
pub const EDIT_KEYS: [&str; 3] = ["add", "change", "remove"];
/// The key of a value that is named.
const VALUE_KEY: &str = "value";

/// Which documents are deferred.
#[derive(Clone, Copy, Default)]
pub enum DeferRule<'r> {
    /// None: composition is an error.
    #[default]
    Never,
    /// Those that need it, and those of these kinds.
    WhereNeeded(&'r [&'r str]),
    /// All.
    Always,
}

/// A document as it was parsed.
pub struct PartialDocument<'t> {
    pub node: YamlNode<'t>,
    /// How many documents of its file that are no partial ones stand before it.
    pub preceding: usize,
}

/// The name of a value, where a node is `{ value: NAME }` and the field takes no mapping.
pub fn find_value_reference<'n, 't>(node: &'n YamlNode<'t>, scalar: &ScalarType) -> Option<&'n YamlNode<'t>> {
    match node.entries() {
        [entry] if entry.key == VALUE_KEY && *scalar != ScalarType::Any => Some(&entry.value),
        _ => None,
    }
}

/// Whether a node edits a list rather than being one.
pub fn is_list_edit(node: &YamlNode) -> bool {
    let entries = node.entries();
    !entries.is_empty() && entries.iter().all(|entry| EDIT_KEYS.contains(&&*entry.key))
}
