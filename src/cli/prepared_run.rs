//! A run that is ready to begin: the workspace, its connected targets, and what earlier runs left.
//!
//! Deliberately absent: how it comes about (`run_setup`).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::merge_base::{GitBranch, MergeBaseDocuments, build_document_key};
use super::orphans::collect_scope_values;
use super::run_args::{MethodArg, RunArgs};
use super::selection_filter::SelectionFilter;
use crate::cli::digest_keys::DigestKeys;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::document::Document;
use crate::plan::count_limit::ObjectCounts;
use crate::plan::propose::GrantedPermissions;
use crate::plan::rotate::SecretRotation;
use crate::plan::step::UpdateMethod;
use crate::plan::unrecorded::UnrecordedValues;
use crate::remote::retry_budget::RetryBudget;
use crate::remote::target_client::TargetClient;
use crate::report::plan_report::SelectionView;
use crate::report::pseudonyms::PersonalDataMode;
use crate::run::clock::RunClock;
use crate::run::fetch::ObjectJob;
use crate::run::index::ObjectIndex;
use crate::run::other_documents::OtherDocuments;
use crate::run::refer::ReferenceResolver;
use crate::run::write_digests::WriteDigests;
use crate::run::{RunEvent, RunSession};
use crate::workspace;
use crate::workspace::LoadedWorkspace;

/// Everything that a run needs.
pub struct PreparedRun {
    pub workspace: LoadedWorkspace,
    pub services: BTreeMap<Arc<str>, TargetClient>,
    pub write_digests: Mutex<WriteDigests>,
    pub index: Mutex<ObjectIndex>,
    pub references: ReferenceResolver,
    pub rotation: SecretRotation,
    /// What the maker of a reviewed plan had no record of.
    pub unrecorded: Option<UnrecordedValues>,
    pub keys: DigestKeys,
    pub retry_budget: Arc<RetryBudget>,
    /// What the run is limited to.
    pub selection: Option<SelectionFilter>,
    /// How many documents are of targets that the saved plan does not name.
    pub other_documents: ObjectCounts,
    /// The checked-out branch, once it was needed.
    pub current_branch: OnceLock<Result<Option<GitBranch>, Diagnostic>>,
    /// The documents of the base of the branch, once they were needed.
    pub base_documents: OnceLock<Option<Arc<MergeBaseDocuments>>>,
    /// Whether the run is over some documents of the workspace only.
    pub leaves_documents_out: bool,
    /// The other documents, once they were needed; nothing where they cannot be read.
    pub unselected_documents: OnceLock<Option<Vec<Document>>>,
}

impl OtherDocuments for PreparedRun {
    fn list_versions(&self, document: &Document) -> Vec<Document> {
        let base = self.base_documents();
        base.map(|base| base.list_versions(document, &self.workspace)).unwrap_or_default()
    }

    fn list_unselected(&self) -> Option<Vec<ObjectJob<'_>>> {
        if !self.leaves_documents_out {
            return Some(Vec::new());
        }
        let documents = self.unselected_documents.get_or_init(|| {
            let (workspace, faults) = workspace::open_workspace(&self.workspace.root, &[]);
            let own: HashSet<_> = self.workspace.documents.iter().map(build_document_key).collect();
            let mut documents = workspace.filter(|_| !has_errors(&faults))?.documents;
            documents.retain(|document| !own.contains(&build_document_key(document)));
            Some(documents)
        });
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        Some(documents.as_ref()?.iter().map(|document| build_job(document, &index)).collect())
    }
}

impl PreparedRun {
    /// What reports say of paths, patterns and environments.
    pub fn describe_selection(&self) -> Option<SelectionView> {
        let environments: Vec<String> =
            self.workspace.selected_environments.iter().map(|own| own.to_string()).collect();
        match self.selection.as_ref().and_then(SelectionFilter::to_selection_view) {
            Some(view) => Some(SelectionView { environments, ..view }),
            None if environments.is_empty() => None,
            None => Some(SelectionView { environments, ..SelectionView::default() }),
        }
    }

    /// The checked-out branch; none without a repository. `named` is the commit to compare with, else the main branch.
    ///
    /// # Errors
    /// When the commit is not there, or the history is not.
    pub fn find_branch(&self, named: Option<&str>) -> Result<Option<GitBranch>, Diagnostic> {
        let find = || GitBranch::find_current(&self.workspace.root, named);
        match named {
            Some(_) => find(),
            None => self.current_branch.get_or_init(find).clone(),
        }
    }

    /// The documents of the base of the checked-out branch; none without a repository.
    pub fn base_documents(&self) -> Option<&Arc<MergeBaseDocuments>> {
        let load = || {
            let branch = self.find_branch(None).ok().flatten()?;
            MergeBaseDocuments::new(&branch, &self.workspace).ok().map(Arc::new)
        };
        self.base_documents.get_or_init(load).as_ref()
    }

    /// Keeps fields sensitive that documents of the base fill from outside.
    pub(super) fn mark_base_sources(&mut self) {
        self.base_documents();
        if let Some(Some(base)) = self.base_documents.get() {
            base.mark_sources(&mut self.workspace.documents);
        }
    }

    /// How reports show persons.
    pub fn build_pseudonyms(&self) -> PersonalDataMode<'_> {
        PersonalDataMode::Pseudonymized { key: &self.keys, domains: self.workspace.settings.mail_domains }
    }

    /// With connections that may write.
    #[must_use]
    pub fn into_writable(mut self) -> Self {
        self.services = self.services.into_iter().map(|(name, own)| (name, own.with_writes())).collect();
        self
    }

    /// One job for each document.
    pub fn build_jobs(&self) -> Vec<ObjectJob<'_>> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        self.workspace.documents.iter().map(|document| build_job(document, &index)).collect()
    }

    /// A session for runs; `tell` receives their progress.
    pub fn build_session<'s>(
        &'s self,
        reading: &RunArgs,
        tell: &'s (dyn Fn(RunEvent) + Sync),
    ) -> RunSession<'s> {
        RunSession {
            services: &self.services,
            method: match reading.method {
                MethodArg::Usual => UpdateMethod::Default,
                MethodArg::Put => UpdateMethod::Put,
                MethodArg::Patch => UpdateMethod::Patch,
            },
            permissions: GrantedPermissions {
                force_hidden: reading.force_hidden.is_granted(),
                lower_protection: reading.allow_lower_protection.is_granted(),
                overwrite_edits: reading.overwrite_edits.is_granted(),
                delete: reading.allow_delete.is_granted(),
                replace: reading.allow_replace.is_granted(),
                assume_secrets: self.workspace.skips_secrets,
                // the target says that
                personal: false,
                force_personal: reading.allow_personal.is_granted(),
            },
            trust_empty: reading.trust_empty.is_granted(),
            write_digests: &self.write_digests,
            index: &self.index,
            references: &self.references,
            rotation: &self.rotation,
            unrecorded: self.unrecorded.as_ref(),
            unmanaged: reading.unmanaged,
            retry_creates: reading.retry_creates.is_granted(),
            allow_rename: reading.allow_rename.is_granted(),
            other_documents: self,
            journal: None,
            clock: RunClock::start(),
            read_back_timeout: reading.network.read_back_timeout,
            stop: &self.retry_budget.cancellation,
            on_event: tell,
        }
    }
}

/// The job of a document, with what the index knows of its object.
pub fn build_job<'d>(document: &'d Document, index: &ObjectIndex) -> ObjectJob<'d> {
    // a workspace without faults has a target for every document
    let target = document.target.clone().unwrap_or_else(|| "".into());
    let scope = collect_scope_values(document);
    let job = ObjectJob { document, scope, known_id: None, target, just_created: false, excluded_id: None };
    job.with_known_object(index)
}
