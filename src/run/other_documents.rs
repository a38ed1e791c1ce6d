//! What is known of documents beside those of a run: earlier versions of them, and those that the run leaves out.
//!
//! Only where they are needed are they read; a run over everything, without a repository, knows of none.
//! Deliberately absent: where they come from. Commits and files are not the matter of a run.

use super::object_job::ObjectJob;
use crate::document::Document;

/// What is known of documents beside those of a run.
pub trait OtherDocuments: Sync {
    /// The versions of a document in the base of the branch and before, the newest first.
    fn list_versions(&self, document: &Document) -> Vec<Document>;

    /// The documents of the workspace that the run leaves out, with what the index knows of their objects; nothing
    /// where they cannot be read.
    fn list_unselected(&self) -> Option<Vec<ObjectJob<'_>>> {
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
