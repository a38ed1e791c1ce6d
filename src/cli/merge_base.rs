//! The checked-out branch, its merge base with the main branch, and the documents of that base.
//!
//! Only files that differ from the work tree are read. Sources and references of documents stay as they are written.
//! Deliberately absent: what a difference means (`plan::cause`), and how Git is asked (`repository`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::Diagnostic;
use crate::document::{Document, taint};
use crate::plan::PlanSubject;
use crate::plan::cause::BaseState;
use crate::plan::desired_digest::DesiredDigest;
use crate::workspace::LoadedWorkspace;
use crate::workspace::earlier::{CommitDocuments, is_shared_path, list_document_files};
use crate::workspace::repository::{BlobId, CommitFiles, CommitId, CommittedFile, GitRepository, MergeBase};
use crate::workspace::settings::SETTINGS_FILE_NAME;

/// The most earlier texts of a file that are read.
const MAX_EARLIER_VERSIONS: usize = 20;

/// A commit and how it was named.
type NamedCommit = (String, CommitId);

/// The checked-out branch and its merge base with the main branch.
#[derive(Clone)]
pub struct GitBranch {
    repository: GitRepository,
    head: CommitId,
    main_branch: NamedCommit,
    merge_base: MergeBase,
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
                Some(_) => {
                    Err(Diagnostic::error("no-repository", "this workspace is not in a Git repository")
                        .with_hint("run without `--base`; the records in `.trueup` show what was applied"))
                }
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
        Self::with_base(repository, head, trunk).map(Some)
    }

    /// The branch that is checked out, and where it parted from a commit.
    ///
    /// # Errors
    /// When there is no repository, no such commit, or not the history that is needed.
    pub fn open_since(root: &Path, named: &str) -> Result<Self, Diagnostic> {
        let nothing = || {
            Diagnostic::error(
                "no-repository",
                "this workspace is not in a Git repository, or the repository has no commit",
            )
            .with_hint("run without `--since`; only Git history shows which documents changed")
        };
        let repository = GitRepository::discover(root).ok_or_else(nothing)?;
        let head = repository.head().ok_or_else(nothing)?;
        let trunk = (named.to_owned(), repository.resolve_commit(named)?);
        Self::with_base(repository, head, trunk)
    }

    fn with_base(
        repository: GitRepository,
        head: CommitId,
        main_branch: NamedCommit,
    ) -> Result<Self, Diagnostic> {
        let merge_base = repository.find_merge_base(&head, &main_branch.1)?;
        Ok(Self { repository, head, main_branch, merge_base })
    }

    /// The best common ancestor with the main branch.
    pub fn merge_base(&self) -> &CommitId {
        &self.merge_base.commit
    }

    /// The commit that is checked out.
    pub fn head(&self) -> &CommitId {
        &self.head
    }

    /// What to say where earlier commits are needed and the clone has only the latest.
    pub fn diagnose_shallow_clone(&self) -> Option<Diagnostic> {
        self.repository.diagnose_shallow_clone()
    }

    /// Why it is not up to date with the branch that it is to be merged into.
    ///
    /// # Errors
    /// When the history is not here.
    pub fn diagnose_behind(&self) -> Result<Option<Diagnostic>, Diagnostic> {
        let (name, trunk) = &self.main_branch;
        Ok((!self.repository.contains_commit(&self.head, trunk)?).then(|| {
            let message = format!("this branch does not contain the latest commits of {name}");
            Diagnostic::error("not-up-to-date", message)
                .with_hint(format!("merge {name} into it, or rebase it, and plan again"))
        }))
    }
}

/// The documents of the merge base whose files differ from the work tree.
pub struct MergeBaseDocuments {
    branch: GitBranch,
    files: CommitFiles,
    base: DocumentSet,
    /// Documents of the base that were read in part.
    faulty: Vec<Document>,
    /// The same files in the work tree, sources and references as they are written.
    current: DocumentSet,
    /// A file of the base cannot be read, so its documents are unknown.
    is_partial: bool,
    /// Whether a document of the base that cannot be read may fill a field from a source.
    may_hide_sources: bool,
    /// Whether documents need files besides their own, so that only they themselves tell whether they differ.
    is_composed: bool,
    /// Composed documents of earlier commits, by the commit and the files that were read.
    earlier: Mutex<EarlierDocuments>,
}

type EarlierDocuments = HashMap<(CommitId, String), Arc<Vec<Document>>>;

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

/// Documents by their keys.
#[derive(Default)]
struct DocumentSet {
    by_key: HashMap<DocumentKey, Vec<Document>>,
}

impl DocumentSet {
    fn insert_documents(&mut self, documents: Vec<Document>) {
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

/// Whether an earlier file is needed for documents that are made from these paths: besides the paths themselves all
/// that may be shared.
fn is_part_of(path: &str, paths: &[&str]) -> bool {
    paths.contains(&".") || paths.contains(&path) || path == SETTINGS_FILE_NAME || is_shared_path(path)
}

/// The texts of the files of a commit that documents are composed from; none for what is no text.
type ComposedTexts = BTreeMap<String, Option<String>>;

fn read_composed_texts(
    repository: &GitRepository,
    blobs: &BTreeMap<String, BlobId>,
    workspace: &LoadedWorkspace,
) -> ComposedTexts {
    let files: Vec<_> = blobs.iter().filter(|(path, _)| workspace.is_composed_from(path)).collect();
    let requested: Vec<_> = files.iter().map(|(_, blob)| (*blob).clone()).collect();
    let texts = repository.read_texts(&requested);
    files.into_iter().map(|(path, _)| path.clone()).zip(texts).collect()
}

fn compose_commit(texts: &ComposedTexts, workspace: &LoadedWorkspace) -> CommitDocuments {
    let read = texts.iter().filter_map(|(path, text)| Some((path.clone(), text.clone()?)));
    let mut composed = workspace.compose_texts(&read.collect());
    composed.is_partial |= texts.values().any(Option::is_none);
    composed
}

/// Whether a text that cannot be read as documents may fill a field from a source.
fn may_have_sources(text: &Option<String>) -> bool {
    text.as_ref().is_none_or(|text| text.contains("from_"))
}

impl MergeBaseDocuments {
    /// Whether these are the documents of the base of a branch.
    pub fn is_base_of(&self, branch: &GitBranch) -> bool {
        self.branch.merge_base == branch.merge_base
    }

    /// # Errors
    /// When the base is not here.
    pub fn new(branch: &GitBranch, workspace: &LoadedWorkspace) -> Result<Self, Diagnostic> {
        let files = branch.repository.list_files(&branch.merge_base.tree)?;
        if workspace.composes() {
            return Ok(Self::compose(branch, files, workspace));
        }
        let paths = workspace.filter_document_paths(files.blobs.keys().map(String::as_str));
        let differing: Vec<_> = paths.into_iter().filter(|path| !files.is_unchanged(path)).collect();
        let blobs: Vec<_> = differing.iter().filter_map(|path| files.blobs.get(*path).cloned()).collect();
        let (mut base, mut current) = (DocumentSet::default(), DocumentSet::default());
        let mut unread = Vec::new();
        for (path, text) in differing.iter().zip(branch.repository.read_texts(&blobs)) {
            match text.as_deref().and_then(|text| workspace.parse_documents(path, text)) {
                Some(documents) => base.insert_documents(documents),
                None => unread.push(text),
            }
        }
        for source in workspace.sources.files.iter().filter(|source| !files.is_unchanged(&source.path)) {
            let documents = workspace.parse_documents(&source.path, &source.text);
            current.insert_documents(documents.unwrap_or_default());
        }
        Ok(Self {
            branch: branch.clone(),
            files,
            base,
            faulty: Vec::new(),
            current,
            is_partial: !unread.is_empty(),
            may_hide_sources: unread.iter().any(may_have_sources),
            is_composed: false,
            earlier: Mutex::default(),
        })
    }

    /// The documents of the base and of the work tree, each composed from all files.
    fn compose(branch: &GitBranch, files: CommitFiles, workspace: &LoadedWorkspace) -> Self {
        let texts = read_composed_texts(&branch.repository, &files.blobs, workspace);
        let before = compose_commit(&texts, workspace);
        let (mut base, mut current) = (DocumentSet::default(), DocumentSet::default());
        base.insert_documents(before.documents);
        current.insert_documents(workspace.compose_current().unwrap_or_default());
        Self {
            branch: branch.clone(),
            files,
            base,
            faulty: before.faulty,
            current,
            is_partial: before.is_partial,
            may_hide_sources: before.is_partial && texts.values().any(may_have_sources),
            is_composed: true,
            earlier: Mutex::default(),
        }
    }

    /// Whether a document differs from its version in the base, or is new.
    pub fn is_changed(&self, document: &Document) -> bool {
        if !self.is_composed && self.files.is_unchanged(&document.source.path) {
            return false;
        }
        let written = self.find_current(document).unwrap_or(document);
        self.find_base_document(document).is_none_or(|base| !is_equivalent(base, written))
    }

    /// Whether every file that a document is made from is as the base has it.
    fn is_unchanged(&self, document: &Document) -> bool {
        let settings = self.is_composed.then_some(SETTINGS_FILE_NAME);
        list_document_files(document).into_iter().chain(settings).all(|path| self.files.is_unchanged(path))
    }

    /// The version of a document in the base, where its file differs.
    pub fn find_base_document(&self, document: &Document) -> Option<&Document> {
        let path = &*document.source.path;
        self.base.find_in_file(path, document).or_else(|| self.base.find_in_any_file(document))
    }

    /// A field that a document filled from a source in the base stays sensitive in the branch: the live object still
    /// holds that value. Where the document of the base cannot be read, any field may be such a one.
    pub fn mark_sources(&self, documents: &mut [Document]) {
        for document in documents {
            let Some(earlier) = self.find_base_document(document) else {
                if self.may_hide_sources && !self.is_unchanged(document) {
                    document.kind = taint::mark_all(&document.kind);
                }
                continue;
            };
            // the kind of the earlier version has its own marks already
            let earlier = Document { kind: Arc::clone(&document.kind), ..earlier.clone() };
            let paths = taint::list_unmarked_sources(&earlier);
            if !paths.is_empty() {
                document.kind = taint::mark_paths(&document.kind, &paths);
            }
        }
    }

    /// A document of the work tree as it is written, where its file differs.
    pub fn find_current(&self, document: &Document) -> Option<&Document> {
        match self.is_composed {
            true => self.current.find_in_any_file(document),
            false => self.current.find_in_file(&document.source.path, document),
        }
    }

    /// The documents of the base in files that differ from the work tree, also those that were read in part.
    pub fn list_base_documents(&self) -> impl Iterator<Item = &Document> {
        self.base.by_key.values().flatten().chain(&self.faulty)
    }

    /// The files of the base, by their paths from the workspace.
    pub fn list_paths(&self) -> impl Iterator<Item = &str> {
        self.files.blobs.keys().map(String::as_str)
    }

    /// Whether the work tree has a file as the base has it.
    pub fn is_file_unchanged(&self, path: &str) -> bool {
        self.files.is_unchanged(path)
    }

    /// What a document was in the base.
    pub fn find_base(&self, document: &Document, written: &DesiredDigest, key: &[u8]) -> BaseState {
        if let Some(base) = self.find_base_document(document) {
            return BaseState::Present(DesiredDigest::from_document(base, key));
        }
        let is_unchanged = !self.is_composed && self.files.is_unchanged(&document.source.path);
        match (is_unchanged, self.is_partial) {
            (true, _) => BaseState::Present(written.clone()),
            (false, true) => BaseState::Unknown,
            (false, false) => BaseState::Absent,
        }
    }

    /// The versions of a document in the base and in the commits before it, the newest first.
    pub fn list_versions(&self, document: &Document, workspace: &LoadedWorkspace) -> Vec<Document> {
        let key = build_document_key(document);
        let base = self.find_base_document(document);
        let is_other = |base: &&Document| self.is_composed || base.source.path != document.source.path;
        let base = base.filter(is_other).cloned();
        let paths = list_document_files(document);
        let paths: Vec<&str> = paths.into_iter().filter(|path| *path != SETTINGS_FILE_NAME).collect();
        let earlier = match self.is_composed {
            true => self.compose_earlier(workspace, &paths, MAX_EARLIER_VERSIONS),
            false => self.parse_earlier(workspace, &document.source.path, MAX_EARLIER_VERSIONS),
        };
        base.into_iter().chain(earlier.into_iter().filter(|own| build_document_key(own) == key)).collect()
    }

    /// The documents of the workspace in the base and in the commits before it, the newest first.
    pub fn list_earlier_documents(&self, workspace: &LoadedWorkspace, most: usize) -> Vec<Document> {
        match self.is_composed {
            true => self.compose_earlier(workspace, &["."], most.min(MAX_EARLIER_VERSIONS)),
            false => self.parse_earlier(workspace, ".", most),
        }
    }

    /// The documents of files below a path, each file by itself.
    fn parse_earlier(&self, workspace: &LoadedWorkspace, path: &str, most: usize) -> Vec<Document> {
        let repository = &self.branch.repository;
        let mut files = repository.list_earlier_files(&self.branch.merge_base.commit, path, most);
        let paths = workspace.filter_document_paths(files.iter().map(|file| &*file.path));
        let paths: BTreeSet<String> = paths.into_iter().map(str::to_owned).collect();
        files.retain(|file| paths.contains(&file.path));
        let blobs: Vec<_> = files.iter().map(|file| file.blob.clone()).collect();
        let texts = repository.read_texts(&blobs);
        let read =
            |(file, text): (CommittedFile, Option<String>)| workspace.parse_documents(&file.path, &text?);
        files.into_iter().zip(texts).filter_map(read).flatten().collect()
    }

    /// The documents of the commits that changed one of these files, each composed as the commit has it. The newest
    /// of these commits has what the base has, so it is left out.
    fn compose_earlier(&self, workspace: &LoadedWorkspace, paths: &[&str], most: usize) -> Vec<Document> {
        let repository = &self.branch.repository;
        let commits = repository.list_earlier_commits(&self.branch.merge_base.commit, paths, most);
        let compose = |commit: CommitId| {
            let mut known = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            let documents = known.entry((commit, paths.join("\n"))).or_insert_with_key(|(commit, _)| {
                let mut blobs = repository.list_blobs(commit).unwrap_or_default();
                blobs.retain(|path, _| is_part_of(path, paths));
                let texts = read_composed_texts(repository, &blobs, workspace);
                let CommitDocuments { documents, mut faulty, .. } = compose_commit(&texts, workspace);
                faulty.extend(documents);
                Arc::new(faulty)
            });
            Arc::clone(documents)
        };
        let composed: Vec<_> = commits.into_iter().skip(1).map(compose).collect();
        composed.iter().flat_map(|documents| documents.iter().cloned()).collect()
    }

    /// What a document was before the base.
    pub fn find_older_digests(
        &self,
        document: &Document,
        workspace: &LoadedWorkspace,
        key: &[u8],
    ) -> Vec<DesiredDigest> {
        let versions = self.list_versions(document, workspace);
        // the first is the base's own
        versions.iter().skip(1).map(|own| DesiredDigest::from_document(own, key)).collect()
    }
}
