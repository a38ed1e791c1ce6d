//! What is known of the past of a workspace's objects: the records of what was applied, here or elsewhere, and
//! what their documents were in the base of the branch.
//!
//! Only objects that differ are asked about, so a workspace that agrees costs nothing. Where there is no record
//! the commits before the base tell what was asked earlier.
//! Deliberately absent: what it means (`plan::cause`), and how Git keeps it (`repository`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::merge_base::{GitBranch, MergeBaseDocuments};
use super::prepared_run::PreparedRun;
use super::shared_receipts;
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::document::Document;
use crate::plan::cause::{self, BaseState, CauseInput, PriorState};
use crate::plan::desired_digest::DesiredDigest;
use crate::plan::{Plan, PlanSubject};
use crate::report::drift::DriftBaseline;
use crate::run::fetch::ObjectJob;
use crate::run::index::ObjectIndex;
use crate::run::last_applied::{self, LastApplied};
use crate::workspace::LoadedWorkspace;
use crate::workspace::state_folder::{STATE_FOLDER, diagnose_unreadable_state};

/// What is known of the past of the objects in which a plan differs.
pub struct ObjectHistory {
    key: Zeroizing<Vec<u8>>,
    /// By the number of the document.
    entries: HashMap<usize, ObjectHistoryEntry>,
    pub baseline: DriftBaseline,
    /// Whether anything at all is known.
    pub is_empty: bool,
}

/// What is known of the past of one object.
pub struct ObjectHistoryEntry {
    current: DesiredDigest,
    written: DesiredDigest,
    past: PriorState,
    applied_at: Option<String>,
}

impl ObjectHistoryEntry {
    /// With the key of its digests.
    pub fn to_input<'h>(&'h self, key: &'h [u8]) -> CauseInput<'h> {
        CauseInput { desired: &self.current, as_written: &self.written, prior: &self.past, key }
    }

    /// Sources of the document that no one looked up count as what the record has there.
    pub fn adopt_recorded_sources(&mut self) {
        if let Some(applied) = &self.past.last_applied {
            self.current.adopt_recorded_sources(applied);
        }
    }
}

/// Where the past of objects is read.
pub struct HistorySources<'w> {
    pub workspace: &'w LoadedWorkspace,
    pub ledger: Option<&'w LastApplied>,
    pub before: Option<&'w MergeBaseDocuments>,
    pub index: &'w Mutex<ObjectIndex>,
}

impl ObjectHistory {
    /// Notes the causes of a plan's changes, and what keeps them from being known.
    pub fn annotate_plan(
        plan: &mut Plan,
        jobs: &[ObjectJob],
        prepared: &PreparedRun,
        branch: Option<&GitBranch>,
    ) -> Self {
        let (ledger, faults) = open_last_applied(prepared);
        plan.diagnostics.extend(faults);
        Self::build_history(plan, jobs, prepared, ledger, branch)
    }

    /// The same, with what receipts of other machines tell of what was applied.
    pub fn annotate_plan_with_shared(
        plan: &mut Plan,
        jobs: &[ObjectJob],
        prepared: &PreparedRun,
        branch: Option<&GitBranch>,
    ) -> Self {
        let (mut ledger, mut faults) = open_last_applied(prepared);
        faults.extend(
            ledger
                .iter_mut()
                .flat_map(|ledger| shared_receipts::merge_shared_receipts(ledger, prepared, plan)),
        );
        plan.diagnostics.extend(faults);
        Self::build_history(plan, jobs, prepared, ledger, branch)
    }

    fn build_history(
        plan: &mut Plan,
        jobs: &[ObjectJob],
        prepared: &PreparedRun,
        ledger: Option<LastApplied>,
        branch: Option<&GitBranch>,
    ) -> Self {
        let records = ledger.as_ref().is_some_and(|ledger| !ledger.is_empty());
        let commit = branch.filter(|_| !records).map(|branch| branch.merge_base().to_string());
        let key = Zeroizing::new(ledger.as_ref().map(|ledger| ledger.key().to_vec()).unwrap_or_default());
        let mut pasts = Self {
            key,
            entries: HashMap::new(),
            baseline: DriftBaseline { records, commit },
            is_empty: !records && branch.is_none(),
        };
        let differs = !plan.steps.is_empty() || plan.refused.iter().any(|own| !own.changes.is_empty());
        let requested = branch.filter(|_| differs);
        let before = match requested.map(|branch| load_base_documents(branch, prepared)).transpose() {
            Ok(before) => before,
            Err(fault) => {
                plan.diagnostics.push(Diagnostic { severity: DiagnosticSeverity::Warning, ..fault });
                None
            }
        };
        let sources = HistorySources {
            workspace: &prepared.workspace,
            ledger: ledger.as_ref(),
            before: before.as_deref(),
            index: &prepared.index,
        };
        let differing = plan.steps.iter().map(|step| &step.subject);
        let refused = plan.refused.iter().filter(|own| !own.changes.is_empty()).map(|own| &own.subject);
        for subject in differing.chain(refused) {
            if let Some(job) = jobs.get(subject.number) {
                pasts.entries.insert(subject.number, sources.build_entry(subject, job.document));
            }
        }
        let short = branch.filter(|_| !records && !pasts.entries.is_empty());
        let short = short.and_then(|branch| branch.diagnose_shallow_clone());
        plan.diagnostics.extend(short.map(|why| Diagnostic { severity: DiagnosticSeverity::Warning, ..why }));
        cause::assign_causes(plan, &|subject| pasts.find_history(subject));
        pasts
    }

    fn find_history(&self, subject: &PlanSubject) -> Option<CauseInput<'_>> {
        Some(self.entries.get(&subject.number)?.to_input(&self.key))
    }

    /// When an object was applied as it was last applied.
    pub fn find_applied_at(&self, subject: &PlanSubject) -> Option<String> {
        self.entries.get(&subject.number)?.applied_at.clone()
    }
}

/// The documents of the base of a branch: those of the run, unless it compares with another commit.
fn load_base_documents(
    branch: &GitBranch,
    prepared: &PreparedRun,
) -> Result<Arc<MergeBaseDocuments>, Diagnostic> {
    match prepared.base_documents().filter(|own| own.is_base_of(branch)) {
        Some(own) => Ok(Arc::clone(own)),
        None => MergeBaseDocuments::new(branch, &prepared.workspace).map(Arc::new),
    }
}

impl HistorySources<'_> {
    /// The key of the digests in records.
    pub fn key(&self) -> &[u8] {
        self.ledger.map(LastApplied::key).unwrap_or_default()
    }

    /// What is known of the past of an object.
    pub fn build_entry(&self, subject: &PlanSubject, document: &Document) -> ObjectHistoryEntry {
        let (target, kind, name) = (&*subject.target, &*subject.kind.name, &*subject.name);
        let (key, before) = (self.key(), self.before);
        let entry = self.ledger.and_then(|ledger| ledger.get(target, kind, name));
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = index.get(target, kind, name);
        let existed = ours.is_some_and(|own| own.id.is_some() && own.open_create.is_none());
        let said = before.and_then(|before| before.find_current(document));
        let now = DesiredDigest::from_document(document, key);
        let said = said.map_or_else(|| now.clone(), |said| DesiredDigest::from_document(said, key));
        let base = before.map_or(BaseState::Unknown, |before| before.find_base(document, &said, key));
        let older = match (before, &entry) {
            (Some(before), None) => before.find_older_digests(document, self.workspace, key),
            _ => Vec::new(),
        };
        let (applied, kept, applied_at) = match entry {
            Some(entry) => (Some(entry.requested), entry.kept, Some(entry.at)),
            None => (None, BTreeMap::new(), None),
        };
        let past = PriorState { last_applied: applied, normalized: kept, existed, base, older_bases: older };
        ObjectHistoryEntry { current: now, written: said, past, applied_at }
    }
}

/// The records, as far as they can be read.
fn open_last_applied(prepared: &PreparedRun) -> (Option<LastApplied>, Vec<Diagnostic>) {
    match LastApplied::open(&prepared.workspace.root.join(STATE_FOLDER), prepared.keys.environment_key()) {
        Ok(ledger) => (Some(ledger), Vec::new()),
        Err(error) => {
            let hint = "restore it from a backup, or delete it and apply again";
            let fault = diagnose_unreadable_state(last_applied::FILE, &error).with_hint(hint);
            (None, vec![Diagnostic { severity: DiagnosticSeverity::Warning, ..fault }])
        }
    }
}

/// That nothing tells which side moved.
pub fn diagnose_missing_history() -> Diagnostic {
    let message = "no record of the last apply; no difference is called drift";
    Diagnostic::note("no-record", message)
        .with_hint("run `trueup apply` in this workspace once, or keep the workspace in a Git repository with a main branch")
}
