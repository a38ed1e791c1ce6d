//! The place of an import on disk: which documents stand there, which names are free, and how files are put.
//!
//! A file is replaced as a whole or not at all, and only when it still is what was read; a new one never takes
//! the place of another. Byte order marks, permissions and links stay as they are.
//! Deliberately absent: what stands in a file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use tempfile::TempPath;

use super::report::{ImportRow, ImportStatus};
use crate::cli::import::args::ImportArgs;
use crate::cli::output_file::{build_new_file, check_no_links_below};
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use crate::document::Document;
use crate::remote::wire::Snapshot;
use crate::run::import::edited_file::{EditedDocument, EditedFile, VerifiedFile};
use crate::run::import::{ImportJob, names};
use crate::workspace::{LoadedWorkspace, settings};

/// The byte order mark.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where documents are written.
pub struct ImportFolder {
    root: PathBuf,
    path: PathBuf,
    /// Documents that stand here and are not the workspace's own.
    pub other_documents: Vec<Document>,
    single_file: bool,
}

impl ImportFolder {
    /// Looks at what stands there.
    pub fn open(workspace: &LoadedWorkspace, args: &ImportArgs, faults: &mut Vec<Diagnostic>) -> Self {
        let path = workspace.locate_path(&args.output);
        let known: HashSet<&str> = workspace.sources.files.iter().map(|source| &*source.path).collect();
        let mut files = Vec::new();
        match list_yaml_files(&path) {
            Ok(found) => files = found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("{} cannot be read: {}", workspace.format_path(&path), error.kind());
                faults
                    .push(Diagnostic::error("no-folder", message).with_hint("name another folder with `-o`"));
            }
        }
        files.retain(|file| !known.contains(&*workspace.format_path(file)));
        files.sort();
        let beside = files.iter().flat_map(|file| workspace.read_other_file(file)).collect();
        Self { root: workspace.root.clone(), path, other_documents: beside, single_file: args.single_file }
    }

    /// Whether a document stands where this import writes.
    pub fn contains_document(&self, document: &Document) -> bool {
        // what stands outside the workspace is named in full
        self.root.join(&document.source.path).starts_with(&self.path)
    }

    /// A warning when a plan would not read what was written.
    pub fn diagnose_unmatched_files(
        &self,
        workspace: &LoadedWorkspace,
        rows: &[ImportRow],
    ) -> Option<Diagnostic> {
        let patterns = build_patterns(workspace);
        let unseen = |row: &&ImportRow| {
            let new = matches!(row.status, ImportStatus::New | ImportStatus::Updated);
            new && row.file.as_ref().is_some_and(|file| !patterns.is_match(file))
        };
        let row = rows.iter().find(unseen)?;
        let file = row.file.as_deref().unwrap_or_default();
        let message = format!("{file} matches no pattern of `documents` in {}", settings::SETTINGS_FILE_NAME);
        Some(
            Diagnostic::warning("unreadable-folder", message).with_hint(
                "add a pattern for this folder, so that `trueup plan` reads the files written there",
            ),
        )
    }
}

fn list_yaml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if yaml && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

fn build_patterns(workspace: &LoadedWorkspace) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for (pattern, _) in &workspace.settings.documents {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() {
            set.add(glob);
        }
    }
    // faulty patterns stopped the run before
    set.build().unwrap_or_else(|_| GlobSet::empty())
}

/// Files in the making, by their paths.
pub struct PendingFiles<'p> {
    workspace: &'p LoadedWorkspace,
    folder: &'p ImportFolder,
    import: &'p ImportJob,
    files: BTreeMap<PathBuf, EditedFile<'p>>,
    /// Nothing is put on disk.
    dry_run: bool,
    /// What stands in files that were read, by their paths.
    sources: HashMap<&'p str, &'p Arc<NamedSource>>,
}

impl<'p> PendingFiles<'p> {
    /// No file yet.
    pub fn new(
        workspace: &'p LoadedWorkspace,
        folder: &'p ImportFolder,
        import: &'p ImportJob,
        dry_run: bool,
    ) -> Self {
        let beside = folder.other_documents.iter().map(|document| &document.source);
        let sources =
            workspace.sources.files.iter().chain(beside).map(|source| (&*source.path, source)).collect();
        Self { workspace, folder, import, files: BTreeMap::new(), dry_run, sources }
    }

    /// A new document; gives its file.
    pub fn add_document(&mut self, text: String, live: &'p Snapshot, row: &mut ImportRow) -> Option<PathBuf> {
        let Some(path) = self.find_free_path(&row.name) else {
            row.mark_refused(vec![diagnose_taken_path(&row.name)]);
            return None;
        };
        row.set_file(self.workspace.format_path(&path), ImportStatus::New);
        self.get_or_insert_file(&path).new.push((text, live));
        Some(path)
    }

    /// A document that changes; gives its file.
    pub fn add_revision(&mut self, revised: EditedDocument<'p>, row: &mut ImportRow) -> Option<PathBuf> {
        let path = self.workspace.locate_path(Path::new(&revised.document.source.path));
        row.count_sources(revised.document);
        row.set_document(revised.document, ImportStatus::Updated);
        self.get_or_insert_file(&path).edited.push(revised);
        Some(path)
    }

    fn get_or_insert_file(&mut self, path: &Path) -> &mut EditedFile<'p> {
        let (workspace, sources) = (self.workspace, &self.sources);
        self.files.entry(path.to_owned()).or_insert_with(|| {
            let shown = workspace.format_path(path);
            EditedFile {
                first_line: workspace.render_schema_line(path),
                before: sources.get(&*shown).map(|source| Arc::clone(source)),
                edited: Vec::new(),
                new: Vec::new(),
                path: shown,
            }
        })
    }

    /// The file for a new document, which never is another's.
    fn find_free_path(&self, name: &str) -> Option<PathBuf> {
        let kind = names::to_kebab(&self.import.kind.name);
        if self.folder.single_file {
            return Some(self.folder.path.join(format!("{kind}.yaml")));
        }
        let names = [format!("{name}.yaml"), format!("{name}-{kind}.yaml")];
        let names = names.into_iter().skip(usize::from(names::is_reserved_file_name(name)));
        let paths = names.map(|name| self.folder.path.join(name));
        paths.into_iter().find(|path| !self.files.contains_key(path) && path.symlink_metadata().is_err())
    }

    /// Proves and writes every file, telling the rows of those that fail; gives the documents as written,
    /// with the secrets of their objects in place.
    pub fn write_files(self, rows: &mut [ImportRow]) -> Vec<Document> {
        let mut written = Vec::new();
        for (path, page) in &self.files {
            let proof = page.verify_file(self.import, &self.workspace.registry);
            let put = proof.and_then(|proof| match self.dry_run {
                true => Ok(proof),
                false => write_file(&self.workspace.root, path, page, &proof).map(|()| proof),
            });
            match put {
                Ok(proof) => written.extend(proof.documents),
                Err(reasons) => {
                    let mut reasons = Some(reasons);
                    for row in rows.iter_mut().filter(|row| row.pending_file.as_ref() == Some(path)) {
                        // the reasons of a file are reported once
                        row.mark_refused(reasons.take().unwrap_or_default());
                    }
                }
            }
        }
        written
    }
}

fn diagnose_taken_path(name: &str) -> Diagnostic {
    let message = format!("files for `{}` exist already with other content", name);
    Diagnostic::error("file-exists", message).with_hint("name another folder with `-o`, or move these files")
}

/// Puts a file on disk.
fn write_file(
    root: &Path,
    path: &Path,
    page: &EditedFile,
    proof: &VerifiedFile,
) -> Result<(), Vec<Diagnostic>> {
    if check_no_links_below(root, path).is_err() {
        let message = format!("{} is a link or in one, and is not written through it", page.path);
        let fault = Diagnostic::error("unwritable-file", message);
        return Err(vec![fault.with_hint("import into the folder to which it leads")]);
    }
    let failed = |error: io::Error| {
        let message = format!("{} can't be written: {}", page.path, error.kind());
        vec![Diagnostic::error("unwritable-file", message).with_hint("check the folder and its permissions")]
    };
    let Some(before) = &page.before else {
        return create_file(path, proof.text.as_bytes()).map_err(failed);
    };
    match replace_if_unchanged(path, &before.text, &proof.text).map_err(failed)? {
        ReplaceOutcome::Done => Ok(()),
        ReplaceOutcome::Conflict => {
            let message = "this file changed during the import";
            let fault = Diagnostic::error("file-changed", message)
                .with_location(before.locate_span(SourceSpan::default()));
            Err(vec![fault.with_hint("import again")])
        }
    }
}

/// What became of a file that was to be replaced.
pub enum ReplaceOutcome {
    Done,
    /// It is not what it was, and was left alone.
    Conflict,
}

/// Puts another text over the one that was read from a file, unless something else stands there by now.
///
/// # Errors
/// When it cannot be read or written.
pub fn replace_if_unchanged(path: &Path, before: &str, text: &str) -> io::Result<ReplaceOutcome> {
    let there = fs::read(path)?;
    let (mark, old) = match there.strip_prefix(BYTE_ORDER_MARK) {
        Some(old) => (BYTE_ORDER_MARK, old),
        None => (&[][..], there.as_slice()),
    };
    if old != before.as_bytes() {
        return Ok(ReplaceOutcome::Conflict);
    }
    replace_file(path, &[mark, text.as_bytes()].concat()).map(|()| ReplaceOutcome::Done)
}

/// Puts bytes into a new file; one that is there stays.
fn create_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    stage_new_file(path, bytes)?.persist_noclobber(path).map_err(|error| error.error)
}

/// The bytes of a new file, in a temporary file beside it.
///
/// # Errors
/// When that cannot be done.
pub fn stage_new_file(path: &Path, bytes: &[u8]) -> io::Result<TempPath> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = build_new_file(".import-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    Ok(file.into_temp_path())
}

/// Puts other bytes into a file that is there, as a whole. Whether a link leads to it is for the caller to check.
///
/// # Errors
/// When that cannot be done.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    stage_replacement(path, bytes)?.persist(path).map_err(|error| error.error)
}

/// Other bytes for a file that is there, in a temporary file beside it.
///
/// # Errors
/// When that cannot be done.
pub fn stage_replacement(path: &Path, bytes: &[u8]) -> io::Result<TempPath> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".import-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    // someone's work stands there: the new text is on disk before the old one goes
    file.as_file().sync_all()?;
    file.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    Ok(file.into_temp_path())
}
