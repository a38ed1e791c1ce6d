//! What becomes of the objects of an import, and of the documents that are there.

use std::sync::Arc;

use super::draft::SecretVariable;
use super::edited_file::EditedDocument;
use super::imported_references::ImportedReferences;
use super::pending::EditHistory;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::kind::Kind;
use crate::kind::registry::KindRegistry;
use crate::plan::Change;
use crate::remote::wire::Snapshot;

/// A document that is there already.
pub struct ExistingDocument<'e> {
    pub document: &'e Document,
    /// Whether it stands where this import writes.
    pub is_editable: bool,
}

/// What stands in a workspace already.
pub struct ImportContext<'e> {
    /// Documents of the kind, at the target, in the scope.
    pub existing: Vec<ExistingDocument<'e>>,
    pub registry: &'e KindRegistry,
    /// What is known of edits that were not applied.
    pub history: &'e dyn EditHistory,
}

/// What becomes of one object.
pub struct ImportedObject<'e> {
    pub kind: Arc<Kind>,
    pub name: String,
    pub live: &'e Snapshot,
    /// What its document names.
    pub references: ImportedReferences,
    pub action: ImportAction<'e>,
    /// Where its document is changed to what is live.
    pub changes: Vec<Change>,
    /// Edits of its document that were not applied.
    pub pending: Vec<Change>,
    /// Variables that have to be set.
    pub variables: Vec<SecretVariable>,
    /// How many personal or sensitive fields were left out.
    pub omitted: usize,
}

/// What is to be done for one object.
pub enum ImportAction<'e> {
    /// A document to be written, and what it reads as.
    New { text: String },
    /// A document to be changed.
    Changed(EditedDocument<'e>),
    /// A document that says what is live.
    Unchanged(&'e Document),
    /// A document that differs by edits alone that were not applied.
    Pending(&'e Document),
    /// A document outside the place of this import.
    Elsewhere(&'e Document),
    /// Nothing can be written, and why.
    Refused(Vec<Diagnostic>),
}

impl ImportedObject<'_> {
    /// What of the live object is not as the kind says, and so is in no document.
    pub fn diagnose_misread(&self) -> impl Iterator<Item = Diagnostic> + '_ {
        self.live.mismatches.iter().map(|misread| {
            let message = format!(
                "the live `{}` of `{}` is not what the kind says: {}",
                misread.pointer, self.name, misread.message
            );
            Diagnostic::warning("schema-mismatch", message).with_hint(
                "it is left out, and the object is not written until the description of the kind fits",
            )
        })
    }
}
