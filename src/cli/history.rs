//! What is known of the past of a workspace's objects: the records of what was applied, here or elsewhere, and
//! what their documents were in the base of the branch.
//!
//! Only objects that differ are asked about, so a workspace that agrees costs nothing. Where there is no record
//! the commits before the base tell what was asked earlier.
//! Deliberately absent: what it means (`plan::cause`), and how Git keeps it (`repository`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, PoisonError};

use zeroize::Zeroizing;

use super::run_setup::{PreparedRun, STATE_FOLDER, diagnose_unreadable_state};
use super::shared_receipts;
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::document::Document;
use crate::plan::cause::{self, BaseState, CauseInput, PriorState};
use crate::plan::desired_digest::DesiredDigest;
use crate::plan::{Plan, PlanSubject};
use crate::report::drift::DriftBaseline;
use crate::run::fetch::ObjectJob;
use crate::run::last_applied::{self, LastApplied};
use crate::workspace::LoadedWorkspace;
use crate::workspace::repository::{BlobId, CommitId, GitRepository};

/// The most earlier texts of a file that are read.
const MAX_EARLIER_VERSIONS: usize = 20;

/// A branch and where it parted from the one that it is to be merged into.
pub struct GitBranch {
    repository: GitRepository,
    head: CommitId,
    main_branch: (String, CommitId),
    merge_base: CommitId,
}

impl GitBranch {
    /// The branch that is checked out in a workspace; none where there is no repository, or no branch to part
    /// from. `named` is the commit to compare with.
    ///
    /// # Errors
    /// When the commit is not there, or the history is not.
    pub fn find_current(root: &Path, named: Option<&str>) -> Result<Option<Self>, Diagnostic> {
        let Some(repository) = GitRepository::discover(root) else {
            return match named {
                Some(_) => Err(Diagnostic::error("no-repository", "this workspace is in no Git repository")
                    .with_hint("leave `--base` out; the records in `.trueup` tell what was applied")),
                None => Ok(None),
            };
        };
        let Some(head) = repository.head() else { return Ok(None) };
        let env = |name: &str| std::env::var(name).ok();
        let trunk = match named {
            Some(name) => Some((name.to_owned(), repository.resolve_commit(name)?)),
            None => repository.find_main_branch(&env),
        };
        let Some(trunk) = trunk else { return Ok(None) };
        let base = repository.find_merge_base(head, trunk.1)?;
        Ok(Some(Self { repository, head, main_branch: trunk, merge_base: base }))
    }

    /// The branch that is checked out, and where it parted from a commit.
    ///
    /// # Errors
    /// When there is no repository, no such commit, or not the history that is needed.
    pub fn open_since(root: &Path, named: &str) -> Result<Self, Diagnostic> {
        let nothing = || {
            Diagnostic::error("no-repository", "this workspace is in no Git repository, or has no commit yet")
                .with_hint("leave `--since` out; only history tells which documents changed")
        };
        let repository = GitRepository::discover(root).ok_or_else(nothing)?;
        let head = repository.head().ok_or_else(nothing)?;
        let trunk = (named.to_owned(), repository.resolve_commit(named)?);
        let base = repository.find_merge_base(head, trunk.1)?;
        Ok(Self { repository, head, main_branch: trunk, merge_base: base })
    }

    /// The commit at which it parted.
    pub fn merge_base(&self) -> CommitId {
        self.merge_base
    }

    /// The commit that is checked out.
    pub fn head(&self) -> CommitId {
        self.head
    }

    /// Why it is not up to date with the branch that it is to be merged into.
    ///
    /// # Errors
    /// When the history is not here.
    pub fn diagnose_behind(&self) -> Result<Option<Diagnostic>, Diagnostic> {
        let (name, trunk) = &self.main_branch;
        Ok((!self.repository.contains_commit(self.head, *trunk)?).then(|| {
            let message = format!("this branch does not contain what is on {name} by now");
            Diagnostic::error("not-up-to-date", message)
                .with_hint(format!("merge {name} into it, or rebase it, and plan again"))
        }))
    }
}

/// What is known of the past of the objects in which a plan differs.
pub struct ObjectHistory {
    key: Zeroizing<Vec<u8>>,
    /// By the number of the document.
    entries: HashMap<usize, ObjectHistoryEntry>,
    pub baseline: DriftBaseline,
    /// Whether anything at all is known.
    pub is_empty: bool,
}

struct ObjectHistoryEntry {
    current: DesiredDigest,
    written: DesiredDigest,
    past: PriorState,
    applied_at: Option<String>,
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
        Self::build_history(plan, jobs, prepared, (ledger, branch))
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
        Self::build_history(plan, jobs, prepared, (ledger, branch))
    }

    fn build_history(
        plan: &mut Plan,
        jobs: &[ObjectJob],
        prepared: &PreparedRun,
        (ledger, branch): (Option<LastApplied>, Option<&GitBranch>),
    ) -> Self {
        let records = ledger.as_ref().is_some_and(|ledger| !ledger.is_empty());
        let commit = branch.filter(|_| !records).map(|branch| branch.merge_base.to_string());
        let key = Zeroizing::new(ledger.as_ref().map(|ledger| ledger.key().to_vec()).unwrap_or_default());
        let mut pasts = Self {
            key,
            entries: HashMap::new(),
            baseline: DriftBaseline { records, commit },
            is_empty: !records && branch.is_none(),
        };
        let differs = !plan.steps.is_empty() || plan.refused.iter().any(|own| !own.changes.is_empty());
        let asked = branch.filter(|_| differs);
        let before =
            match asked.map(|branch| MergeBaseDocuments::new(branch, &prepared.workspace)).transpose() {
                Ok(before) => before,
                Err(fault) => {
                    plan.diagnostics.push(Diagnostic { severity: DiagnosticSeverity::Warning, ..fault });
                    None
                }
            };
        let differing = plan.steps.iter().map(|step| &step.subject);
        let refused = plan.refused.iter().filter(|own| !own.changes.is_empty()).map(|own| &own.subject);
        for subject in differing.chain(refused) {
            if let Some(job) = jobs.get(subject.number) {
                let known = pasts.build_entry(subject, job, (ledger.as_ref(), before.as_ref()), prepared);
                pasts.entries.insert(subject.number, known);
            }
        }
        let short = branch.filter(|_| !records && !pasts.entries.is_empty());
        let short = short.and_then(|branch| branch.repository.diagnose_shallow_clone());
        plan.diagnostics.extend(short.map(|why| Diagnostic { severity: DiagnosticSeverity::Warning, ..why }));
        cause::assign_causes(plan, &|subject| pasts.find_history(subject));
        pasts
    }

    fn build_entry(
        &self,
        subject: &PlanSubject,
        job: &ObjectJob,
        (ledger, before): (Option<&LastApplied>, Option<&MergeBaseDocuments>),
        prepared: &PreparedRun,
    ) -> ObjectHistoryEntry {
        let (target, kind, name) = (&*subject.target, &*subject.kind.name, &*subject.name);
        let entry = ledger.and_then(|ledger| ledger.get(target, kind, name));
        let index = prepared.index.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = index.get(target, kind, name);
        let existed = ours.is_some_and(|own| own.id.is_some() && own.open_create.is_none());
        let said =
            before.and_then(|before| before.current.find_in_file(&job.document.source.path, job.document));
        let now = DesiredDigest::from_document(job.document, &self.key);
        let said = said.map_or_else(|| now.clone(), |said| DesiredDigest::from_document(said, &self.key));
        let base =
            before.map_or(BaseState::Unknown, |before| before.find_base(job.document, &said, &self.key));
        let older = match (before, &entry) {
            (Some(before), None) => before.find_older_digests(job.document, &self.key),
            _ => Vec::new(),
        };
        let (applied, kept, applied_at) = match entry {
            Some(entry) => (Some(entry.asked), entry.kept, Some(entry.at)),
            None => (None, BTreeMap::new(), None),
        };
        let past = PriorState { last_applied: applied, normalized: kept, existed, base, older_bases: older };
        ObjectHistoryEntry { current: now, written: said, past, applied_at }
    }

    fn find_history(&self, subject: &PlanSubject) -> Option<CauseInput<'_>> {
        let ObjectHistoryEntry { current: now, written: said, past, .. } =
            self.entries.get(&subject.number)?;
        Some(CauseInput { desired: now, as_written: said, prior: past, key: &self.key })
    }

    /// When an object was applied as it was last applied.
    pub fn find_applied_at(&self, subject: &PlanSubject) -> Option<String> {
        self.entries.get(&subject.number)?.applied_at.clone()
    }
}

/// The documents of the base of a branch, as far as their files differ from those of now.
pub struct MergeBaseDocuments<'b> {
    branch: &'b GitBranch,
    workspace: &'b LoadedWorkspace,
    files: BTreeMap<String, BlobId>,
    base: DocumentSet,
    /// The documents of now as they are written, of the same files.
    current: DocumentSet,
    /// A file of the base cannot be understood, so nobody knows what is not in it.
    is_partial: bool,
}

/// Target, kind and name: what is the same document in every commit.
pub type DocumentKey = (Option<Arc<str>>, Arc<str>, Arc<str>);

/// The key of a document.
pub fn build_document_key(document: &Document) -> DocumentKey {
    (document.target.clone(), document.kind.name.clone(), document.name.clone())
}

/// The key of the document of an object.
pub fn build_subject_key(subject: &PlanSubject) -> DocumentKey {
    (Some(subject.target.clone()), subject.kind.name.clone(), subject.name.clone())
}

/// Documents, and the files in which they stand.
#[derive(Default)]
struct DocumentSet {
    paths: HashSet<String>,
    by_key: HashMap<DocumentKey, Vec<Document>>,
}

impl DocumentSet {
    fn insert_documents(&mut self, path: &str, documents: Vec<Document>) {
        self.paths.insert(path.to_owned());
        for document in documents {
            self.by_key.entry(build_document_key(&document)).or_default().push(document);
        }
    }

    fn find_in_file(&self, path: &str, like: &Document) -> Option<&Document> {
        self.by_key.get(&build_document_key(like))?.iter().find(|own| own.source.path == path)
    }

    fn find_in_any_file(&self, like: &Document) -> Option<&Document> {
        self.by_key.get(&build_document_key(like))?.first()
    }
}

/// Whether two versions of a document ask the same.
fn is_equivalent(a: &Document, b: &Document) -> bool {
    let alike = |a: &Document, b: &Document| {
        DesiredDigest::from_document(a, &[]) == DesiredDigest::from_document(b, &[])
    };
    (a.state, a.protect) == (b.state, b.protect) && a.id == b.id && a.scope == b.scope && alike(a, b)
}

impl<'b> MergeBaseDocuments<'b> {
    /// # Errors
    /// When the base is not here.
    pub fn new(branch: &'b GitBranch, workspace: &'b LoadedWorkspace) -> Result<Self, Diagnostic> {
        let files = branch.repository.list_files(branch.merge_base)?;
        let texts: HashMap<&str, &str> =
            workspace.sources.iter().map(|source| (&*source.path, &*source.text)).collect();
        let (mut then, mut now, mut is_partial) = (DocumentSet::default(), DocumentSet::default(), false);
        for path in workspace.filter_document_paths(files.keys().map(String::as_str)) {
            let Some(blob) = files.get(path) else { continue };
            if texts.get(path).is_some_and(|text| branch.repository.matches_text(*blob, text)) {
                continue;
            }
            let text = branch.repository.read_text(*blob);
            match text.and_then(|text| workspace.parse_documents(path, &text)) {
                Some(documents) => then.insert_documents(path, documents),
                None => is_partial = true,
            }
        }
        for source in &workspace.sources {
            let same = files.get(&*source.path);
            if !same.is_some_and(|blob| branch.repository.matches_text(*blob, &source.text)) {
                let documents = workspace.parse_documents(&source.path, &source.text).unwrap_or_default();
                now.insert_documents(&source.path, documents);
            }
        }
        Ok(Self { branch, workspace, files, base: then, current: now, is_partial })
    }

    /// Whether a document asks something else than it did, or was not there.
    pub fn is_changed(&self, document: &Document) -> bool {
        let path = &*document.source.path;
        if self.files.contains_key(path) && !self.current.paths.contains(path) {
            return false;
        }
        let written = self.current.find_in_file(path, document).unwrap_or(document);
        let then = self.base.find_in_file(path, document).or_else(|| self.base.find_in_any_file(document));
        then.is_none_or(|then| !is_equivalent(then, written))
    }

    /// The documents of the base in files that are not what they were.
    pub fn list_base_documents(&self) -> impl Iterator<Item = &Document> {
        self.base.by_key.values().flatten()
    }

    /// The files of the base, by their paths from the workspace.
    pub fn list_paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether a file is now what it was; one that is not there has no text.
    pub fn matches_text(&self, path: &str, text: Option<&str>) -> bool {
        match (self.files.get(path), text) {
            (Some(blob), Some(text)) => self.branch.repository.matches_text(*blob, text),
            (then, now) => then.is_none() && now.is_none(),
        }
    }

    /// What a document was in the base.
    fn find_base(&self, document: &Document, said: &DesiredDigest, key: &[u8]) -> BaseState {
        let path = &*document.source.path;
        if let Some(then) =
            self.base.find_in_file(path, document).or_else(|| self.base.find_in_any_file(document))
        {
            return BaseState::Present(DesiredDigest::from_document(then, key));
        }
        let unchanged = self.files.contains_key(path) && !self.current.paths.contains(path);
        match (unchanged, self.is_partial) {
            (true, _) => BaseState::Present(said.clone()),
            (false, true) => BaseState::Unknown,
            (false, false) => BaseState::Absent,
        }
    }

    /// What a document asked in commits before the base, where its file was another one.
    fn find_older_digests(&self, document: &Document, key: &[u8]) -> Vec<DesiredDigest> {
        let path = &*document.source.path;
        let earlier =
            self.branch.repository.list_earlier_blobs(self.branch.merge_base, path, MAX_EARLIER_VERSIONS);
        let read = |blob: BlobId| {
            let text = self.branch.repository.read_text(blob)?;
            let documents = self.workspace.parse_documents(path, &text)?;
            documents
                .iter()
                .find(|own| self::build_document_key(own) == self::build_document_key(document))
                .map(|own| DesiredDigest::from_document(own, key))
        };
        // the newest is the base's own
        earlier.into_iter().skip(1).filter_map(read).collect()
    }
}

/// The records, as far as they can be read.
fn open_last_applied(prepared: &PreparedRun) -> (Option<LastApplied>, Vec<Diagnostic>) {
    match LastApplied::open(&prepared.workspace.root.join(STATE_FOLDER), prepared.keys.environment_key()) {
        Ok(ledger) => (Some(ledger), Vec::new()),
        Err(error) => {
            let hint = "put it back from a copy, or take it away and apply once more";
            let fault = diagnose_unreadable_state(last_applied::FILE, &error).with_hint(hint);
            (None, vec![Diagnostic { severity: DiagnosticSeverity::Warning, ..fault }])
        }
    }
}

/// That nothing tells which side moved.
pub fn diagnose_missing_history() -> Diagnostic {
    let message = "nothing tells what was applied last, so every difference counts as drift";
    Diagnostic::note("no-record", message)
        .with_hint("apply from this workspace once, or keep it in a Git repository with a main branch")
}
