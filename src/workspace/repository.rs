//! The Git repository of a workspace, read only: commits, what they hold, and how they are related.
//!
//! What comes out is plain data: ids as text, files as text. Nothing is fetched, written or run. A repository
//! without the history that a question needs (a shallow clone) says so; a folder in no repository has none.
//! Deliberately absent: what a document is, and what a difference means.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use gix_hash::ObjectId;
use gix_object::bstr::ByteSlice;
use gix_object::{FindExt, Kind};
use gix_ref::file::ReferenceExt;

use crate::diagnostic::Diagnostic;

/// The most commits that one question looks at.
const MAX_COMMITS: usize = 50_000;
/// The most files of one commit.
const MAX_FILES: usize = 200_000;
/// The deepest folder.
const MAX_DEPTH: usize = 64;
/// The most bytes of a file; documents are no longer.
const MAX_FILE_BYTES: usize = 16 << 20;

/// A repository.
pub struct GitRepository {
    objects: gix_odb::Handle,
    references: gix_ref::file::Store,
    /// From the root of the work tree to the workspace.
    workspace_path: PathBuf,
    is_shallow: bool,
}

/// A commit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitId(ObjectId);

impl std::fmt::Display for CommitId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a file of a commit holds, without its text: the same for the same text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(ObjectId);

type GitResult<T> = Result<T, Diagnostic>;

impl GitRepository {
    /// The repository in whose work tree a workspace stands; none when there is no such, or a damaged one.
    pub fn discover(workspace: &Path) -> Option<Self> {
        let workspace = workspace.canonicalize().ok()?;
        let (found, _) = gix_discover::upwards(&workspace).ok()?;
        let (git, work) = found.into_repository_and_work_tree_directories();
        let inside = workspace.strip_prefix(work?.canonicalize().ok()?).ok()?.to_owned();
        // a work tree that was added to a repository shares all but its own HEAD
        let common = std::fs::read_to_string(git.join("commondir")).ok();
        let common = common.map(|path| git.join(path.trim_end()));
        let hash = gix_hash::Kind::Sha1;
        let references = match &common {
            Some(common) => gix_ref::file::Store::for_linked_worktree(git.clone(), common.clone(), hash),
            None => gix_ref::file::Store::at(git.clone(), hash),
        };
        let common = common.unwrap_or(git);
        let objects = gix_odb::at(common.join("objects"), hash).ok()?;
        let is_shallow = common.join("shallow").exists();
        Some(Self { objects, references, workspace_path: inside, is_shallow })
    }

    /// The commit that is checked out; none before the first one.
    pub fn head(&self) -> Option<CommitId> {
        self.resolve_reference("HEAD")
    }

    /// The commit of a name: a branch, a tag, a remote's branch, an id; with `~N` so many first parents before.
    ///
    /// # Errors
    /// When there is no such commit here.
    pub fn resolve_commit(&self, name: &str) -> GitResult<CommitId> {
        let (plain, back) = match name.split_once('~') {
            Some((plain, "")) => (plain, Some(1)),
            Some((plain, back)) => (plain, back.parse().ok()),
            None => (name, Some(0)),
        };
        let id = || ObjectId::from_hex(plain.as_bytes()).ok().map(CommitId);
        let found = self.resolve_reference(plain).or_else(id).filter(|own| self.read_parents(*own).is_ok());
        let (Some(mut commit), Some(back)) = (found, back.filter(|back: &usize| *back <= MAX_COMMITS)) else {
            return Err(self.diagnose_unknown_commit(name));
        };
        for _ in 0..back {
            commit = self
                .read_parents(commit)?
                .first()
                .copied()
                .ok_or_else(|| self.diagnose_unknown_commit(name))?;
        }
        Ok(commit)
    }

    fn diagnose_unknown_commit(&self, name: &str) -> Diagnostic {
        let message = format!("there is no commit `{}` in this repository", name.escape_debug());
        Diagnostic::error("unknown-commit", message).with_hint(match self.is_shallow {
            true => "this is a shallow clone: fetch more of it (`fetch-depth: 0` in GitHub Actions, `GIT_DEPTH: 0` in GitLab)",
            false => "name a branch, a tag or a whole id; fetch it first if it is a remote's",
        })
    }

    fn resolve_reference(&self, name: &str) -> Option<CommitId> {
        let mut found = self.references.try_find(name).ok()??;
        found.peel_to_id(&self.references, &self.objects).ok().map(CommitId)
    }

    /// The branch that others are merged into, by what CI says, else by what the remote says, else by its usual
    /// names.
    pub fn find_main_branch(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<(String, CommitId)> {
        let named = ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"].map(env);
        let named = named.into_iter().flatten().filter(|name| !name.is_empty());
        let candidates: Vec<String> = named
            .flat_map(|name| [format!("origin/{name}"), name])
            .chain(["origin/HEAD", "origin/main", "origin/master", "main", "master"].map(str::to_owned))
            .collect();
        candidates.into_iter().find_map(|name| Some((name.clone(), self.resolve_reference(&name)?)))
    }

    fn read_parents(&self, commit: CommitId) -> GitResult<Vec<CommitId>> {
        let mut buffer = Vec::new();
        let found =
            self.objects.find_commit(&commit.0, &mut buffer).map_err(|_| self.diagnose_missing_history())?;
        Ok(found.parents().map(CommitId).collect())
    }

    /// What is to be said where earlier commits are asked for and the clone has only the latest.
    pub fn diagnose_shallow_clone(&self) -> Option<Diagnostic> {
        self.is_shallow.then(|| self.diagnose_missing_history())
    }

    fn diagnose_missing_history(&self) -> Diagnostic {
        let what = match self.is_shallow {
            true => "this is a shallow clone, and the history that tells why things differ is not here",
            false => "the history that tells why things differ cannot be read",
        };
        Diagnostic::error("history-missing", what).with_hint(
            "fetch all of it: `fetch-depth: 0` in GitHub Actions, `GIT_DEPTH: 0` in GitLab, `git fetch --unshallow`",
        )
    }

    /// Every commit that another one builds on, itself included; where the clone ends, so do they.
    fn collect_ancestors(&self, commit: CommitId) -> GitResult<HashSet<CommitId>> {
        let mut seen = HashSet::from([commit]);
        let mut open = VecDeque::from([commit]);
        while let Some(next) = open.pop_front() {
            for parent in self.read_available_parents(next)? {
                if seen.len() >= MAX_COMMITS {
                    return Ok(seen);
                }
                if seen.insert(parent) {
                    open.push_back(parent);
                }
            }
        }
        Ok(seen)
    }

    /// The parents of a commit, as far as a shallow clone has them.
    fn read_available_parents(&self, commit: CommitId) -> GitResult<Vec<CommitId>> {
        match self.read_parents(commit) {
            Err(_) if self.is_shallow => Ok(Vec::new()),
            parents => parents,
        }
    }

    /// Whether a branch builds on a commit.
    ///
    /// # Errors
    /// When the history is not here.
    pub fn contains_commit(&self, branch: CommitId, commit: CommitId) -> GitResult<bool> {
        Ok(self.collect_ancestors(branch)?.contains(&commit))
    }

    /// Where two branches parted.
    ///
    /// # Errors
    /// When the history is not here, or they have none in common.
    pub fn find_merge_base(&self, a: CommitId, b: CommitId) -> GitResult<CommitId> {
        let own = self.collect_ancestors(a)?;
        let (mut seen, mut open) = (HashSet::from([b]), VecDeque::from([b]));
        while let Some(next) = open.pop_front() {
            if own.contains(&next) {
                return Ok(next);
            }
            let parents = self.read_available_parents(next)?;
            open.extend(parents.into_iter().filter(|own| seen.len() < MAX_COMMITS && seen.insert(*own)));
        }
        Err(self.diagnose_missing_history())
    }

    /// The files of a commit in the workspace, by their paths from there.
    ///
    /// # Errors
    /// When the commit is not here.
    pub fn list_files(&self, commit: CommitId) -> GitResult<BTreeMap<String, BlobId>> {
        let mut files = BTreeMap::new();
        if let Some(tree) = self.find_workspace_tree(commit)? {
            self.walk_tree(tree, "", 0, &mut files)?;
        }
        Ok(files)
    }

    /// The tree of the workspace in a commit; none when it was not there.
    fn find_workspace_tree(&self, commit: CommitId) -> GitResult<Option<ObjectId>> {
        let mut buffer = Vec::new();
        let mut tree = self
            .objects
            .find_commit(&commit.0, &mut buffer)
            .map_err(|_| self.diagnose_missing_history())?
            .tree();
        for part in &self.workspace_path {
            match self.find_tree_entry(tree, &part.to_string_lossy(), true)? {
                Some(next) => tree = next,
                None => return Ok(None),
            }
        }
        Ok(Some(tree))
    }

    /// Whether a commit has a file, a folder, a link or a submodule of this name in the workspace. Case does not
    /// matter, because it does not on some file systems.
    pub fn has_entry(&self, commit: CommitId, name: &str) -> bool {
        let Ok(Some(tree)) = self.find_workspace_tree(commit) else { return false };
        let mut buffer = Vec::new();
        let Ok(tree) = self.objects.find_tree(&tree, &mut buffer) else { return false };
        tree.entries.iter().any(|own| own.filename.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// What stands in a tree under a name.
    fn find_tree_entry(&self, tree: ObjectId, name: &str, is_folder: bool) -> GitResult<Option<ObjectId>> {
        let mut buffer = Vec::new();
        let entries =
            self.objects.find_tree(&tree, &mut buffer).map_err(|_| self.diagnose_missing_history())?.entries;
        let fits = |own: &&gix_object::tree::EntryRef| {
            own.mode.is_tree() == is_folder && own.filename == name.as_bytes().as_bstr()
        };
        Ok(entries.iter().find(fits).map(|own| own.oid.to_owned()))
    }

    /// One file of a commit, by its path from the workspace.
    fn find_file(&self, commit: CommitId, path: &str) -> GitResult<Option<BlobId>> {
        let Some(mut tree) = self.find_workspace_tree(commit)? else { return Ok(None) };
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            match self.find_tree_entry(tree, part, true)? {
                Some(next) => tree = next,
                None => return Ok(None),
            }
        }
        Ok(self.find_tree_entry(tree, name, false)?.map(BlobId))
    }

    fn walk_tree(
        &self,
        tree: ObjectId,
        at: &str,
        depth: usize,
        files: &mut BTreeMap<String, BlobId>,
    ) -> GitResult<()> {
        let mut buffer = Vec::new();
        let entries =
            self.objects.find_tree(&tree, &mut buffer).map_err(|_| self.diagnose_missing_history())?.entries;
        for entry in entries {
            let Ok(name) = entry.filename.to_str() else { continue };
            let path = format!("{at}{name}");
            if entry.mode.is_blob() && files.len() < MAX_FILES {
                files.insert(path, BlobId(entry.oid.to_owned()));
            } else if entry.mode.is_tree() && depth < MAX_DEPTH {
                self.walk_tree(entry.oid.to_owned(), &format!("{path}/"), depth + 1, files)?;
            }
        }
        Ok(())
    }

    /// The text of a file; nothing when it is no text, or too long.
    pub fn read_text(&self, blob: BlobId) -> Option<String> {
        let header = gix_odb::Header::try_header(&self.objects, &blob.0).ok()??;
        if header.size() > MAX_FILE_BYTES as u64 {
            return None;
        }
        let mut buffer = Vec::new();
        let found = self.objects.find(&blob.0, &mut buffer).ok()?;
        (found.kind == Kind::Blob).then(|| found.data.to_str().ok().map(str::to_owned)).flatten()
    }

    /// Whether a text is what a file of a commit holds.
    pub fn matches_text(&self, blob: BlobId, text: &str) -> bool {
        let hashed = gix_object::compute_hash(gix_hash::Kind::Sha1, Kind::Blob, text.as_bytes());
        hashed.is_ok_and(|own| own == blob.0)
    }

    /// What a file was in commits before this one, newest first, each text once; so many at most.
    pub fn list_earlier_blobs(&self, commit: CommitId, path: &str, most: usize) -> Vec<BlobId> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut next = Some(commit);
        for _ in 0..MAX_HISTORY_COMMITS {
            let Some(own) = next else { break };
            // where the clone ends, nothing more is known
            let Ok(file) = self.find_file(own, path) else { break };
            found.extend(file.filter(|blob| seen.insert(*blob)));
            if found.len() >= most {
                break;
            }
            next = self.read_available_parents(own).ok().and_then(|parents| parents.first().copied());
        }
        found
    }
}

/// The most commits that are looked through for what a file was.
const MAX_HISTORY_COMMITS: usize = 200;
