//! What is known of the past of the documents that an import finds: the records of what was applied, and commits.
//!
//! Deliberately absent: what follows from it (`run::import::pending`).

use std::sync::Mutex;

use crate::cli::digest_keys::DigestKeys;
use crate::cli::history::HistorySources;
use crate::cli::merge_base::{GitBranch, MergeBaseDocuments};
use crate::document::Document;
use crate::plan::{Change, Plan, PlanSubject, RefusedObject, cause};
use crate::run::import::pending::EditHistory;
use crate::run::index::ObjectIndex;
use crate::run::last_applied::LastApplied;
use crate::workspace::LoadedWorkspace;
use crate::workspace::state_folder::STATE_FOLDER;

/// The past of a workspace's documents.
pub struct ImportHistory<'w> {
    sources: HistorySources<'w>,
}

/// Records and commits of a workspace, read once for all scopes.
pub struct HistoryRecords {
    ledger: Option<LastApplied>,
    before: Option<MergeBaseDocuments>,
    index: Mutex<ObjectIndex>,
}

impl HistoryRecords {
    /// Reads records and commits; what cannot be read is not known.
    pub fn open(workspace: &LoadedWorkspace) -> Self {
        let folder = workspace.root.join(STATE_FOLDER);
        let keys = DigestKeys::load(&workspace.root).ok();
        let key = keys.as_ref().and_then(DigestKeys::environment_key);
        let branch = GitBranch::find_current(&workspace.root, None).ok().flatten();
        let before = branch.and_then(|branch| MergeBaseDocuments::new(&branch, workspace).ok());
        let index = ObjectIndex::open(&folder).unwrap_or_else(|_| ObjectIndex::new_in_memory());
        let ledger = LastApplied::open(&folder, key).ok();
        Self { ledger, before, index: Mutex::new(index) }
    }

    /// What they say of the documents of their workspace.
    pub fn describe_documents<'w>(&'w self, workspace: &'w LoadedWorkspace) -> ImportHistory<'w> {
        let (ledger, before) = (self.ledger.as_ref(), self.before.as_ref());
        ImportHistory { sources: HistorySources { workspace, ledger, before, index: &self.index } }
    }
}

impl EditHistory for ImportHistory<'_> {
    fn label_changes(&self, document: &Document, subject: &PlanSubject, changes: Vec<Change>) -> Vec<Change> {
        if changes.is_empty() {
            return changes;
        }
        let mut entry = self.sources.build_entry(subject, document);
        entry.adopt_recorded_sources();
        let refused = RefusedObject { subject: subject.clone(), reasons: Vec::new(), changes };
        let mut plan = Plan { refused: vec![refused], ..Plan::default() };
        cause::assign_causes(&mut plan, &|_| Some(entry.to_input(self.sources.key())));
        plan.refused.pop().map(|own| own.changes).unwrap_or_default()
    }
}
