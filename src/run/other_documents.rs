//! What is known of documents beside those of a run: earlier versions of them, and those that the run leaves out.
//!
//! Only where they are needed are they read; a run over everything, without a repository, knows of none.
//! Deliberately absent: where they come from. Commits and files are not the matter of a run.

use std::sync::Arc;

use crate::document::Document;
use crate::value::Value;

/// A document that a run leaves out, and where its object is.
pub struct UnselectedDocument<'d> {
    pub document: &'d Document,
    pub target: Arc<str>,
    /// Scope values by the number of the parameter, complete.
    pub scope: Vec<Value>,
    /// The id that the index knows.
    pub known_id: Option<Value>,
}

/// What is known of documents beside those of a run.
pub trait OtherDocuments: Sync {
    /// The versions of a document in the base of the branch and before, the newest first.
    fn list_versions(&self, document: &Document) -> Vec<Document>;

    /// The documents of the workspace that the run leaves out; nothing where they cannot be read.
    fn list_unselected(&self) -> Option<Vec<UnselectedDocument<'_>>> {
        Some(Vec::new())
    }
}

/// Without a repository, and over everything.
pub struct NoOtherDocuments;

impl OtherDocuments for NoOtherDocuments {
    fn list_versions(&self, _: &Document) -> Vec<Document> {
        Vec::new()
    }
}
