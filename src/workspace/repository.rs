//! The Git repository of a workspace, read only: commits, what they hold, and how they are related.
//!
//! Git itself answers, so ancestry, shallow clones, worktrees and object formats are as Git sees them. Nothing is
//! fetched or written. A repository without the history that a question needs says so; a folder in no repository, or
//! a machine without Git, has none.
//! Deliberately absent: what a document is, and what a difference means.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;

/// The most bytes of a file; documents are no longer.
const MAX_FILE_BYTES: usize = 16 << 20;
/// The most commits that are searched for earlier texts.
const MAX_HISTORY_COMMITS: usize = 200;
/// Variables that a Git hook sets and that would name another repository.
const REPOSITORY_VARIABLES: [&str; 5] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"];

/// A repository.
#[derive(Clone)]
pub struct GitRepository {
    workspace: PathBuf,
    is_shallow: bool,
}

/// A commit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CommitId(Arc<str>);

impl std::fmt::Display for CommitId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where two branches parted.
#[derive(Clone, PartialEq, Eq)]
pub struct MergeBase {
    /// The best common ancestor.
    pub commit: CommitId,
    /// The files of it, or of several that are merged.
    pub tree: CommitId,
}

/// The content of a file of a commit: the same for the same text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(Arc<str>);

/// One file as a commit holds it.
pub struct CommittedFile {
    /// From the workspace.
    pub path: String,
    pub blob: BlobId,
}

/// The files of a commit in the workspace.
pub struct CommitFiles {
    /// By their paths from the workspace.
    pub blobs: BTreeMap<String, BlobId>,
    /// Paths whose text in the work tree differs, or is gone.
    changed: BTreeSet<String>,
}

impl CommitFiles {
    /// Whether the work tree has the file as the commit has it.
    pub fn is_unchanged(&self, path: &str) -> bool {
        self.blobs.contains_key(path) && !self.changed.contains(path)
    }
}

type GitResult<T> = Result<T, Diagnostic>;

impl GitRepository {
    /// The repository in whose work tree a workspace is; none where there is none, or no Git.
    pub fn discover(workspace: &Path) -> Option<Self> {
        // a program that is started for nothing costs more than the plan of an object
        find_git_entry(workspace)?;
        let mut repository = Self { workspace: workspace.to_owned(), is_shallow: false };
        let found = repository.run_git(&["rev-parse", "--is-inside-work-tree", "--is-shallow-repository"])?;
        let mut lines = found.lines();
        let is_inside = lines.next() == Some("true");
        repository.is_shallow = lines.next() == Some("true");
        is_inside.then_some(repository)
    }

    /// Whether Git runs on this machine.
    pub fn is_available() -> bool {
        let mut version = Command::new("git");
        version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    }

    /// The output of a Git command that succeeds.
    fn run_git(&self, arguments: &[&str]) -> Option<String> {
        let output = self.build_command(arguments).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Settings of a repository start no program here, and a work tree of another owner is read all the same.
    fn build_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        for name in REPOSITORY_VARIABLES {
            command.env_remove(name);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C");
        command.arg("-C").arg(&self.workspace).args(["-c", "core.fsmonitor=false", "-c", "safe.directory=*"]);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// The commit that is checked out; none before the first one.
    pub fn head(&self) -> Option<CommitId> {
        self.find_commit("HEAD")
    }

    /// The commit of a name, as Git reads names: a branch, a tag, a remote's branch, an id, `NAME~N`.
    ///
    /// # Errors
    /// When there is no such commit here.
    pub fn resolve_commit(&self, name: &str) -> GitResult<CommitId> {
        self.find_commit(name).ok_or_else(|| self.diagnose_unknown_commit(name))
    }

    fn find_commit(&self, name: &str) -> Option<CommitId> {
        let commit = format!("{name}^{{commit}}");
        let found = self.run_git(&["rev-parse", "--quiet", "--verify", "--end-of-options", &commit])?;
        Some(CommitId(found.trim_end().into()))
    }

    /// The first of these names that is a commit here, found by one process for all of them.
    fn find_first_commit(&self, names: Vec<String>) -> Option<(String, CommitId)> {
        let names: Vec<String> = names.into_iter().filter(|name| !name.contains(['\n', '\0'])).collect();
        let requested: String = names.iter().map(|name| format!("{name}^{{commit}}\n")).collect();
        let mut command = self.build_command(&["cat-file", "--batch-check=%(objectname)"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        // a few names fit into a pipe, whatever Git answers meanwhile
        let written = child.stdin.take()?.write_all(requested.as_bytes());
        let output = child.wait_with_output().ok()?;
        written.ok()?;
        let answers = String::from_utf8_lossy(&output.stdout);
        // `<id>`, else `<name> missing`
        let is_id = |answer: &str| answer.len() >= 40 && answer.bytes().all(|byte| byte.is_ascii_hexdigit());
        let found = names.into_iter().zip(answers.lines()).find(|(_, answer)| is_id(answer));
        found.map(|(name, answer)| (name, CommitId(answer.into())))
    }

    fn diagnose_unknown_commit(&self, name: &str) -> Diagnostic {
        let message = format!("there is no commit `{}` in this repository", name.escape_debug());
        Diagnostic::error("unknown-commit", message).with_hint(match self.is_shallow {
            true => "this is a shallow clone: fetch more of it (`fetch-depth: 0` in GitHub Actions, `GIT_DEPTH: 0` in GitLab)",
            false => "name a branch, a tag or a whole id; fetch it first if it is a remote's",
        })
    }

    /// The branch that others are merged into: as CI says, else as the remote says, else by its usual names.
    pub fn find_main_branch(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<(String, CommitId)> {
        let named = ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"].map(env);
        let named = named.into_iter().flatten().filter(|name| !name.is_empty());
        let candidates: Vec<String> = named
            .flat_map(|name| [format!("origin/{name}"), name])
            .chain(["origin/HEAD", "origin/main", "origin/master", "main", "master"].map(str::to_owned))
            .collect();
        self.find_first_commit(candidates)
    }

    /// What to say where earlier commits are needed and the clone has only the latest.
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

    /// Whether a branch contains a commit.
    ///
    /// # Errors
    /// When the history is not here.
    pub fn contains_commit(&self, branch: &CommitId, commit: &CommitId) -> GitResult<bool> {
        let mut command = self.build_command(&["merge-base", "--is-ancestor", &commit.0, &branch.0]);
        let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        match ended.ok().and_then(|status| status.code()) {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(self.diagnose_missing_history()),
        }
    }

    /// The best common ancestor of two commits, and the tree against which the edits of a branch are compared. Where several
    /// ancestors are as good, none of them has what the other has, so the tree is their merge, as Git makes it.
    ///
    /// # Errors
    /// When the history is not here, or they have none in common.
    pub fn find_merge_base(&self, a: &CommitId, b: &CommitId) -> GitResult<MergeBase> {
        if a == b {
            return Ok(MergeBase { commit: a.clone(), tree: a.clone() });
        }
        let all = self.run_git(&["merge-base", "--all", &a.0, &b.0]).unwrap_or_default();
        let mut bases = all.lines();
        let best = bases.next().ok_or_else(|| self.diagnose_missing_history())?;
        let merged = bases.next().and_then(|second| self.merge_commits(best, second));
        let commit = CommitId(best.into());
        Ok(MergeBase { tree: merged.unwrap_or_else(|| commit.clone()), commit })
    }

    /// The tree of a merge; files that both changed in one place have marks of conflicts.
    fn merge_commits(&self, first: &str, second: &str) -> Option<CommitId> {
        let merge = ["merge-tree", "--write-tree", "--no-messages", first, second];
        let output = self.build_command(&merge).stderr(Stdio::null()).output().ok()?;
        let tree = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
        let is_tree = matches!(output.status.code(), Some(0 | 1)) && tree.len() >= 40;
        is_tree.then(|| CommitId(tree.into()))
    }

    /// The files of a commit in the workspace.
    ///
    /// # Errors
    /// When the commit is not here.
    pub fn list_files(&self, commit: &CommitId) -> GitResult<CommitFiles> {
        let blobs = self.list_blobs(commit);
        let differing =
            ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z", "--relative"];
        let differing = self.run_git(&[&differing[..], &[&commit.0, "--", "."]].concat());
        let (Some(blobs), Some(differing)) = (blobs, differing) else {
            return Err(self.diagnose_missing_history());
        };
        let changed = differing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        Ok(CommitFiles { blobs, changed })
    }

    /// The files of a commit in the workspace, by their paths; nothing when the commit is not here.
    pub fn list_blobs(&self, commit: &CommitId) -> Option<BTreeMap<String, BlobId>> {
        let listed = self.run_git(&["ls-tree", "-r", "-z", &commit.0])?;
        // `<mode> blob <id>\t<path>`
        let entry = |line: &str| {
            let (facts, path) = line.split_once('\t')?;
            let mut facts = facts.split(' ');
            let is_file = facts.next()?.starts_with("100") && facts.next()? == "blob";
            is_file.then(|| Some((path.to_owned(), BlobId(facts.next()?.into())))).flatten()
        };
        Some(listed.split('\0').filter_map(entry).collect())
    }

    /// A file of the workspace that differs from the checked-out commit: one that is changed or gone, or one of these
    /// that the commit does not have.
    ///
    /// # Errors
    /// When the commit cannot be read.
    pub fn find_uncommitted<'p>(
        &self,
        mut paths: impl Iterator<Item = &'p str>,
    ) -> GitResult<Option<String>> {
        let differing =
            ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z", "--relative"];
        let differing = self.run_git(&[&differing[..], &["HEAD", "--", "."]].concat());
        let listed = self.run_git(&["ls-tree", "-r", "--name-only", "-z", "HEAD"]);
        let (Some(differing), Some(listed)) = (differing, listed) else {
            return Err(self.diagnose_missing_history());
        };
        let committed: BTreeSet<&str> = listed.split('\0').collect();
        let changed = differing.split('\0').find(|path| !path.is_empty());
        Ok(changed.or_else(|| paths.find(|path| !committed.contains(path))).map(str::to_owned))
    }

    /// Whether the checked-out commit or the index has a file, a folder, a link or a submodule of this name in the
    /// workspace. Case does not matter, because it does not on some file systems.
    pub fn has_entry(&self, name: &str) -> bool {
        let committed = self.run_git(&["ls-tree", "--name-only", "-z", "HEAD"]).unwrap_or_default();
        let indexed = self.run_git(&["ls-files", "-z", "--", &format!(":(icase){name}")]);
        indexed.is_some_and(|paths| !paths.is_empty())
            || committed.split('\0').any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether Git ignores a file or folder of the workspace.
    pub fn ignores(&self, name: &str) -> bool {
        self.run_git(&["check-ignore", "--quiet", "--no-index", "--", name]).is_some()
    }

    /// The texts of files, in their order; nothing for what is no text, or too long.
    pub fn read_texts(&self, blobs: &[BlobId]) -> Vec<Option<String>> {
        let mut texts = Vec::with_capacity(blobs.len());
        if !blobs.is_empty() && self.read_batch(blobs, &mut texts).is_none() {
            texts.resize(blobs.len(), None);
        }
        texts
    }

    fn read_batch(&self, blobs: &[BlobId], texts: &mut Vec<Option<String>>) -> Option<()> {
        let mut command = self.build_command(&["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let (mut input, mut output) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let requested: String = blobs.iter().map(|blob| format!("{}\n", blob.0)).collect();
        let writer = std::thread::spawn(move || input.write_all(requested.as_bytes()));
        let read = blobs.iter().try_for_each(|_| {
            texts.push(read_blob(&mut output)?);
            Some(())
        });
        drop(output);
        let _ = writer.join();
        let _ = child.wait();
        read
    }

    /// A commit and those before it that changed one of these paths, the newest first; so many at most.
    pub fn list_earlier_commits(&self, commit: &CommitId, paths: &[&str], most: usize) -> Vec<CommitId> {
        let number = most.min(MAX_HISTORY_COMMITS).to_string();
        let log =
            ["--literal-pathspecs", "log", "--first-parent", "--format=%H", "-n", &number, &commit.0, "--"];
        let listed = self.run_git(&[&log[..], paths].concat()).unwrap_or_default();
        listed.lines().map(|id| CommitId(id.into())).collect()
    }

    /// What files below a path were in a commit and before it, the newest first, each text once; so many at most.
    pub fn list_earlier_files(&self, commit: &CommitId, path: &str, most: usize) -> Vec<CommittedFile> {
        let number = MAX_HISTORY_COMMITS.to_string();
        let log = ["log", "--first-parent", "-m", "--raw", "--no-abbrev", "--no-renames", "--relative"];
        let log = [&log[..], &["-z", "--format=", "-n", &number, &commit.0, "--", path]].concat();
        let Some(listed) = self.run_git(&log) else { return Vec::new() };
        let mut seen = BTreeSet::new();
        let mut parts = listed.split('\0');
        let mut found = Vec::new();
        // `:<mode> <mode> <id before> <id after> <status>`, then the path
        while let (Some(facts), Some(path)) = (parts.next(), parts.next()) {
            let Some(id) = facts.trim_start().split(' ').nth(3) else { break };
            let blob = BlobId(id.into());
            if id.bytes().any(|digit| digit != b'0') && seen.insert((path, blob.clone())) {
                found.push(CommittedFile { path: path.to_owned(), blob });
            }
            if found.len() >= most {
                break;
            }
        }
        found
    }
}

/// The `.git` folder or file of the work tree around a workspace, where Git looks for it too.
pub fn find_git_entry(workspace: &Path) -> Option<PathBuf> {
    let workspace = workspace.canonicalize().ok()?;
    workspace.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())
}

/// Whether the index of the clone around a workspace may name an entry, on a machine where Git does not run.
pub fn may_track(workspace: &Path, name: &str) -> bool {
    let Some(git) = find_git_entry(workspace) else { return false };
    // the file of a linked work tree says where its folder is
    let linked = std::fs::read_to_string(&git).ok();
    let linked = linked.and_then(|text| Some(git.parent()?.join(text.strip_prefix("gitdir:")?.trim())));
    let Ok(index) = std::fs::read(linked.unwrap_or(git).join("index")) else { return false };
    let name = name.to_ascii_lowercase();
    // from version 4 on, paths are shortened
    index.get(7).is_some_and(|version| *version > 3)
        || index.to_ascii_lowercase().windows(name.len()).any(|part| part == name.as_bytes())
}

/// `<id> blob <size>`, the bytes, a line feed; or `<id> missing`.
fn read_blob(output: &mut impl BufRead) -> Option<Option<String>> {
    let mut header = String::new();
    output.read_line(&mut header).ok().filter(|read| *read > 0)?;
    let Some(size) = header.trim_end().rsplit_once(" blob ").map(|(_, size)| size) else { return Some(None) };
    let size: u64 = size.parse().ok()?;
    if size > MAX_FILE_BYTES as u64 {
        std::io::copy(&mut output.take(size + 1), &mut std::io::sink()).ok()?;
        return Some(None);
    }
    let mut bytes = vec![0; size as usize + 1];
    output.read_exact(&mut bytes).ok()?;
    bytes.pop();
    Some(String::from_utf8(bytes).ok())
}
