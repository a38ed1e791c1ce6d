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

use super::repository::{Blob, Commit, Repository};
use super::session::{FOLDER, Prepared, forgotten};
use super::shared;
use super::workspace::Workspace;
use crate::diagnostic::{Diagnostic, Severity};
use crate::document::Document;
use crate::plan::asked::Asked;
use crate::plan::cause::{self, Base, History, Past};
use crate::plan::{Plan, Subject};
use crate::report::drift::Against;
use crate::run::gather::Job;
use crate::run::ledger::{self, Ledger};

/// The most earlier texts of a file that are read.
const MOST_EARLIER: usize = 20;

/// A branch and where it parted from the one that it is to be merged into.
pub struct Branch {
    repository: Repository,
    head: Commit,
    trunk: (String, Commit),
    base: Commit,
}

impl Branch {
    /// The branch that is checked out in a workspace; none where there is no repository, or no branch to part
    /// from. `named` is the commit to compare with.
    ///
    /// # Errors
    /// When the commit is not there, or the history is not.
    pub fn of(root: &Path, named: Option<&str>) -> Result<Option<Self>, Diagnostic> {
        let Some(repository) = Repository::of(root) else {
            return match named {
                Some(_) => Err(Diagnostic::error("no-repository", "this workspace is in no Git repository")
                    .hint("leave `--base` out; the records in `.trueup` tell what was applied")),
                None => Ok(None),
            };
        };
        let Some(head) = repository.head() else { return Ok(None) };
        let env = |name: &str| std::env::var(name).ok();
        let trunk = match named {
            Some(name) => Some((name.to_owned(), repository.commit(name)?)),
            None => repository.trunk(&env),
        };
        let Some(trunk) = trunk else { return Ok(None) };
        let base = repository.parted(head, trunk.1)?;
        Ok(Some(Self { repository, head, trunk, base }))
    }

    /// The branch that is checked out, and where it parted from a commit.
    ///
    /// # Errors
    /// When there is no repository, no such commit, or not the history that is needed.
    pub fn since(root: &Path, named: &str) -> Result<Self, Diagnostic> {
        let nothing = || {
            Diagnostic::error("no-repository", "this workspace is in no Git repository, or has no commit yet")
                .hint("leave `--since` out; only history tells which documents changed")
        };
        let repository = Repository::of(root).ok_or_else(nothing)?;
        let head = repository.head().ok_or_else(nothing)?;
        let trunk = (named.to_owned(), repository.commit(named)?);
        let base = repository.parted(head, trunk.1)?;
        Ok(Self { repository, head, trunk, base })
    }

    /// The commit at which it parted.
    pub fn base(&self) -> Commit {
        self.base
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Commit {
        self.head
    }

    /// Why it is not up to date with the branch that it is to be merged into.
    ///
    /// # Errors
    /// When the history is not here.
    pub fn behind(&self) -> Result<Option<Diagnostic>, Diagnostic> {
        let (name, trunk) = &self.trunk;
        Ok((!self.repository.builds_on(self.head, *trunk)?).then(|| {
            let message = format!("this branch does not contain what is on {name} by now");
            Diagnostic::error("not-up-to-date", message)
                .hint(format!("merge {name} into it, or rebase it, and plan again"))
        }))
    }
}

/// What is known of the past of the objects in which a plan differs.
pub struct Pasts {
    key: Zeroizing<Vec<u8>>,
    /// By the number of the document.
    known: HashMap<usize, Known>,
    pub against: Against,
    /// Whether anything at all is known.
    pub is_blank: bool,
}

struct Known {
    now: Asked,
    said: Asked,
    past: Past,
    applied_at: Option<String>,
}

impl Pasts {
    /// Notes the causes of a plan's changes, and what keeps them from being known.
    pub fn note(plan: &mut Plan, jobs: &[Job], prepared: &Prepared, branch: Option<&Branch>) -> Self {
        let (ledger, faults) = ledger(prepared);
        plan.diagnostics.extend(faults);
        Self::known(plan, jobs, prepared, (ledger, branch))
    }

    /// The same, with what receipts of other machines tell of what was applied.
    pub fn note_shared(plan: &mut Plan, jobs: &[Job], prepared: &Prepared, branch: Option<&Branch>) -> Self {
        let (mut ledger, mut faults) = ledger(prepared);
        faults.extend(ledger.iter_mut().flat_map(|ledger| shared::learn(ledger, prepared, plan)));
        plan.diagnostics.extend(faults);
        Self::known(plan, jobs, prepared, (ledger, branch))
    }

    fn known(
        plan: &mut Plan,
        jobs: &[Job],
        prepared: &Prepared,
        (ledger, branch): (Option<Ledger>, Option<&Branch>),
    ) -> Self {
        let records = ledger.as_ref().is_some_and(|ledger| !ledger.is_empty());
        let commit = branch.filter(|_| !records).map(|branch| branch.base.to_string());
        let key = Zeroizing::new(ledger.as_ref().map(|ledger| ledger.key().to_vec()).unwrap_or_default());
        let mut pasts = Self {
            key,
            known: HashMap::new(),
            against: Against { records, commit },
            is_blank: !records && branch.is_none(),
        };
        let differs = !plan.steps.is_empty() || plan.refused.iter().any(|own| !own.changes.is_empty());
        let asked = branch.filter(|_| differs);
        let before = match asked.map(|branch| Before::new(branch, &prepared.workspace)).transpose() {
            Ok(before) => before,
            Err(fault) => {
                plan.diagnostics.push(Diagnostic { severity: Severity::Warning, ..fault });
                None
            }
        };
        let differing = plan.steps.iter().map(|step| &step.subject);
        let refused = plan.refused.iter().filter(|own| !own.changes.is_empty()).map(|own| &own.subject);
        for subject in differing.chain(refused) {
            if let Some(job) = jobs.get(subject.number) {
                let known = pasts.known_of(subject, job, (ledger.as_ref(), before.as_ref()), prepared);
                pasts.known.insert(subject.number, known);
            }
        }
        let short = branch.filter(|_| !records && !pasts.known.is_empty());
        let short = short.and_then(|branch| branch.repository.cut_short());
        plan.diagnostics.extend(short.map(|why| Diagnostic { severity: Severity::Warning, ..why }));
        cause::note(plan, &|subject| pasts.history(subject));
        pasts
    }

    fn known_of(
        &self,
        subject: &Subject,
        job: &Job,
        (ledger, before): (Option<&Ledger>, Option<&Before>),
        prepared: &Prepared,
    ) -> Known {
        let (target, kind, name) = (&*subject.target, &*subject.kind.name, &*subject.name);
        let entry = ledger.and_then(|ledger| ledger.get(target, kind, name));
        let index = prepared.index.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = index.get(target, kind, name);
        let existed = ours.is_some_and(|own| own.id.is_some() && own.create_sent.is_none());
        let said = before.and_then(|before| before.now.get(&job.document.source.path, job.document));
        let now = Asked::of(job.document, &self.key);
        let said = said.map_or_else(|| now.clone(), |said| Asked::of(said, &self.key));
        let base = before.map_or(Base::Unknown, |before| before.base(job.document, &said, &self.key));
        let older = match (before, &entry) {
            (Some(before), None) => before.older(job.document, &self.key),
            _ => Vec::new(),
        };
        let (applied, kept, applied_at) = match entry {
            Some(entry) => (Some(entry.asked), entry.kept, Some(entry.at)),
            None => (None, BTreeMap::new(), None),
        };
        let past = Past { applied, kept, existed, base, older };
        Known { now, said, past, applied_at }
    }

    fn history(&self, subject: &Subject) -> Option<History<'_>> {
        let Known { now, said, past, .. } = self.known.get(&subject.number)?;
        Some(History { now, said, past, key: &self.key })
    }

    /// When an object was applied as it was last applied.
    pub fn applied_at(&self, subject: &Subject) -> Option<String> {
        self.known.get(&subject.number)?.applied_at.clone()
    }
}

/// The documents of the base of a branch, as far as their files differ from those of now.
pub struct Before<'b> {
    branch: &'b Branch,
    workspace: &'b Workspace,
    files: BTreeMap<String, Blob>,
    then: Documents,
    /// The documents of now as they are written, of the same files.
    now: Documents,
    /// A file of the base cannot be understood, so nobody knows what is not in it.
    is_partial: bool,
}

/// Target, kind and name: what is the same document in every commit.
pub type Key = (Option<Arc<str>>, Arc<str>, Arc<str>);

/// The key of a document.
pub fn key(document: &Document) -> Key {
    (document.target.clone(), document.kind.name.clone(), document.name.clone())
}

/// The key of the document of an object.
pub fn key_of(subject: &Subject) -> Key {
    (Some(subject.target.clone()), subject.kind.name.clone(), subject.name.clone())
}

/// Documents, and the files in which they stand.
#[derive(Default)]
struct Documents {
    paths: HashSet<String>,
    all: HashMap<Key, Vec<Document>>,
}

impl Documents {
    fn put(&mut self, path: &str, documents: Vec<Document>) {
        self.paths.insert(path.to_owned());
        for document in documents {
            self.all.entry(key(&document)).or_default().push(document);
        }
    }

    fn get(&self, path: &str, like: &Document) -> Option<&Document> {
        self.all.get(&key(like))?.iter().find(|own| own.source.path == path)
    }

    fn anywhere(&self, like: &Document) -> Option<&Document> {
        self.all.get(&key(like))?.first()
    }
}

/// Whether two versions of a document ask the same.
fn asks_same(a: &Document, b: &Document) -> bool {
    let alike = |a: &Document, b: &Document| Asked::of(a, &[]) == Asked::of(b, &[]);
    (a.state, a.protect) == (b.state, b.protect) && a.id == b.id && a.scope == b.scope && alike(a, b)
}

impl<'b> Before<'b> {
    /// # Errors
    /// When the base is not here.
    pub fn new(branch: &'b Branch, workspace: &'b Workspace) -> Result<Self, Diagnostic> {
        let files = branch.repository.files(branch.base)?;
        let texts: HashMap<&str, &str> =
            workspace.sources.iter().map(|source| (&*source.path, &*source.text)).collect();
        let (mut then, mut now, mut is_partial) = (Documents::default(), Documents::default(), false);
        for path in workspace.document_paths(files.keys().map(String::as_str)) {
            let Some(blob) = files.get(path) else { continue };
            if texts.get(path).is_some_and(|text| branch.repository.holds(*blob, text)) {
                continue;
            }
            let text = branch.repository.text(*blob);
            match text.and_then(|text| workspace.read_text(path, &text)) {
                Some(documents) => then.put(path, documents),
                None => is_partial = true,
            }
        }
        for source in &workspace.sources {
            let same = files.get(&*source.path);
            if !same.is_some_and(|blob| branch.repository.holds(*blob, &source.text)) {
                let documents = workspace.read_text(&source.path, &source.text).unwrap_or_default();
                now.put(&source.path, documents);
            }
        }
        Ok(Self { branch, workspace, files, then, now, is_partial })
    }

    /// Whether a document asks something else than it did, or was not there.
    pub fn changed(&self, document: &Document) -> bool {
        let path = &*document.source.path;
        if self.files.contains_key(path) && !self.now.paths.contains(path) {
            return false;
        }
        let written = self.now.get(path, document).unwrap_or(document);
        let then = self.then.get(path, document).or_else(|| self.then.anywhere(document));
        then.is_none_or(|then| !asks_same(then, written))
    }

    /// The documents of the base in files that are not what they were.
    pub fn then(&self) -> impl Iterator<Item = &Document> {
        self.then.all.values().flatten()
    }

    /// The files of the base, by their paths from the workspace.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether a file is now what it was; one that is not there has no text.
    pub fn holds(&self, path: &str, text: Option<&str>) -> bool {
        match (self.files.get(path), text) {
            (Some(blob), Some(text)) => self.branch.repository.holds(*blob, text),
            (then, now) => then.is_none() && now.is_none(),
        }
    }

    /// What a document was in the base.
    fn base(&self, document: &Document, said: &Asked, key: &[u8]) -> Base {
        let path = &*document.source.path;
        if let Some(then) = self.then.get(path, document).or_else(|| self.then.anywhere(document)) {
            return Base::There(Asked::of(then, key));
        }
        let unchanged = self.files.contains_key(path) && !self.now.paths.contains(path);
        match (unchanged, self.is_partial) {
            (true, _) => Base::There(said.clone()),
            (false, true) => Base::Unknown,
            (false, false) => Base::Absent,
        }
    }

    /// What a document asked in commits before the base, where its file was another one.
    fn older(&self, document: &Document, key: &[u8]) -> Vec<Asked> {
        let path = &*document.source.path;
        let earlier = self.branch.repository.earlier(self.branch.base, path, MOST_EARLIER);
        let read = |blob: Blob| {
            let text = self.branch.repository.text(blob)?;
            let documents = self.workspace.read_text(path, &text)?;
            documents.iter().find(|own| self::key(own) == self::key(document)).map(|own| Asked::of(own, key))
        };
        // the newest is the base's own
        earlier.into_iter().skip(1).filter_map(read).collect()
    }
}

/// The records, as far as they can be read.
fn ledger(prepared: &Prepared) -> (Option<Ledger>, Vec<Diagnostic>) {
    match Ledger::open(&prepared.workspace.root.join(FOLDER), prepared.keys.named()) {
        Ok(ledger) => (Some(ledger), Vec::new()),
        Err(error) => {
            let hint = "put it back from a copy, or take it away and apply once more";
            let fault = forgotten(ledger::FILE, &error).hint(hint);
            (None, vec![Diagnostic { severity: Severity::Warning, ..fault }])
        }
    }
}

/// That nothing tells which side moved.
pub fn no_past() -> Diagnostic {
    let message = "nothing tells what was applied last, so every difference counts as drift";
    Diagnostic::note("no-record", message)
        .hint("apply from this workspace once, or keep it in a Git repository with a main branch")
}
