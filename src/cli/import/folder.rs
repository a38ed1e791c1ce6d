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

use super::super::args::ImportArgs;
use super::super::settings;
use super::super::workspace::Workspace;
use super::told::{Row, Word};
use crate::diagnostic::{Diagnostic, Source, Span};
use crate::document::Document;
use crate::remote::wire::Live;
use crate::run::import::page::{Page, Proof, Revised};
use crate::run::import::{Import, names};

/// The schema that an editor checks documents by, below the workspace.
const SCHEMA: &str = "schemas/document.json";
/// The byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Where documents are written.
pub struct Folder {
    root: PathBuf,
    path: PathBuf,
    /// Documents that stand here and are not the workspace's own.
    pub beside: Vec<Document>,
    single_file: bool,
}

impl Folder {
    /// Looks at what stands there.
    pub fn open(workspace: &Workspace, args: &ImportArgs, faults: &mut Vec<Diagnostic>) -> Self {
        let path = workspace.locate(&args.output);
        let known: HashSet<&str> = workspace.sources.iter().map(|source| &*source.path).collect();
        let mut files = Vec::new();
        match yaml_files(&path) {
            Ok(found) => files = found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("{} can't be looked at: {}", workspace.shown(&path), error.kind());
                faults.push(Diagnostic::error("no-folder", message).hint("name another folder with `-o`"));
            }
        }
        files.retain(|file| !known.contains(&*workspace.shown(file)));
        files.sort();
        let beside = files.iter().flat_map(|file| workspace.read_beside(file)).collect();
        Self { root: workspace.root.clone(), path, beside, single_file: args.single_file }
    }

    /// Whether a document stands where this import writes.
    pub fn holds(&self, document: &Document) -> bool {
        // what stands outside the workspace is named in full
        self.root.join(&document.source.path).starts_with(&self.path)
    }

    /// A warning when a plan would not read what was written.
    pub fn unseen(&self, workspace: &Workspace, rows: &[Row]) -> Option<Diagnostic> {
        let patterns = patterns(workspace);
        let unseen = |row: &&Row| {
            let new = matches!(row.word, Word::New | Word::Updated);
            new && row.file.as_ref().is_some_and(|file| !patterns.is_match(file))
        };
        let row = rows.iter().find(unseen)?;
        let file = row.file.as_deref().unwrap_or_default();
        let message = format!("{file} matches no pattern of `documents` in {}", settings::NAME);
        Some(
            Diagnostic::warning("unread-folder", message)
                .hint("add a pattern for this folder, so that a plan reads what was written here"),
        )
    }
}

fn yaml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
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

fn patterns(workspace: &Workspace) -> GlobSet {
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
pub struct Pages<'p> {
    workspace: &'p Workspace,
    folder: &'p Folder,
    import: &'p Import,
    pages: BTreeMap<PathBuf, Page<'p>>,
    /// What stands in files that were read, by their paths.
    sources: HashMap<&'p str, &'p Arc<Source>>,
}

impl<'p> Pages<'p> {
    /// No file yet.
    pub fn new(workspace: &'p Workspace, folder: &'p Folder, import: &'p Import) -> Self {
        let beside = folder.beside.iter().map(|document| &document.source);
        let sources = workspace.sources.iter().chain(beside).map(|source| (&*source.path, source)).collect();
        Self { workspace, folder, import, pages: BTreeMap::new(), sources }
    }

    /// A new document; gives its file.
    pub fn add(&mut self, text: String, live: &'p Live, row: &mut Row) -> Option<PathBuf> {
        let Some(path) = self.free(&row.name) else {
            row.refuse(vec![taken(&row.name)]);
            return None;
        };
        row.at(self.workspace.shown(&path), Word::New);
        self.page(&path).new.push((text, live));
        Some(path)
    }

    /// A document that changes; gives its file.
    pub fn change(&mut self, revised: Revised<'p>, row: &mut Row) -> Option<PathBuf> {
        let path = self.workspace.locate(Path::new(&revised.document.source.path));
        row.found(revised.document, Word::Updated);
        self.page(&path).revised.push(revised);
        Some(path)
    }

    fn page(&mut self, path: &Path) -> &mut Page<'p> {
        let (workspace, sources) = (self.workspace, &self.sources);
        self.pages.entry(path.to_owned()).or_insert_with(|| {
            let shown = workspace.shown(path);
            Page {
                first_line: schema_line(workspace, path),
                before: sources.get(&*shown).map(|source| Arc::clone(source)),
                revised: Vec::new(),
                new: Vec::new(),
                path: shown,
            }
        })
    }

    /// The file for a new document, which never is another's.
    fn free(&self, name: &str) -> Option<PathBuf> {
        let kind = names::kebab(&self.import.kind.name);
        if self.folder.single_file {
            return Some(self.folder.path.join(format!("{kind}.yaml")));
        }
        let names = [format!("{name}.yaml"), format!("{name}-{kind}.yaml")];
        let paths = names.into_iter().map(|name| self.folder.path.join(name));
        paths.into_iter().find(|path| !self.pages.contains_key(path) && path.symlink_metadata().is_err())
    }

    /// Proves and writes every file, telling the rows of those that fail; gives the documents as written,
    /// with the secrets of their objects in place.
    pub fn write(self, rows: &mut [Row]) -> Vec<Document> {
        let mut written = Vec::new();
        for (path, page) in &self.pages {
            let proof = page.proof(self.import, &self.workspace.registry);
            let put = proof.and_then(|proof| put(path, page, &proof).map(|()| proof));
            match put {
                Ok(proof) => written.extend(proof.documents),
                Err(reasons) => {
                    let mut reasons = Some(reasons);
                    for row in rows.iter_mut().filter(|row| row.page.as_ref() == Some(path)) {
                        // the reasons of a file are told once
                        row.refuse(reasons.take().unwrap_or_default());
                    }
                }
            }
        }
        written
    }
}

fn taken(name: &str) -> Diagnostic {
    let message = format!("the files that could hold `{}` are there already and hold something else", name);
    Diagnostic::error("file-taken", message).hint("name another folder with `-o`, or move them")
}

/// The line that tells an editor the schema, where the workspace has it and the file lies in the workspace.
fn schema_line(workspace: &Workspace, path: &Path) -> Option<String> {
    let inner = path.strip_prefix(&workspace.root).ok()?;
    let depth = inner.components().count().checked_sub(1)?;
    let there = workspace.root.join(SCHEMA).is_file();
    there.then(|| format!("# yaml-language-server: $schema={}{SCHEMA}", "../".repeat(depth)))
}

/// Puts a file on disk.
fn put(path: &Path, page: &Page, proof: &Proof) -> Result<(), Vec<Diagnostic>> {
    let failed = |error: io::Error| {
        let message = format!("{} can't be written: {}", page.path, error.kind());
        vec![Diagnostic::error("unwritable-file", message).hint("check the folder and its permissions")]
    };
    let Some(before) = &page.before else {
        return create(path, proof.text.as_bytes()).map_err(failed);
    };
    match put_over(path, &before.text, &proof.text).map_err(failed)? {
        Put::Done => Ok(()),
        Put::Moved => {
            let message = "this file was changed while it was being imported into";
            let fault = Diagnostic::error("file-moved", message).at(before.place(Span::default()));
            Err(vec![fault.hint("import again")])
        }
    }
}

/// What became of a file that was to be replaced.
pub enum Put {
    Done,
    /// It is not what it was, and was left alone.
    Moved,
}

/// Puts another text over the one that was read from a file, unless something else stands there by now.
///
/// # Errors
/// When it cannot be read or written.
pub fn put_over(path: &Path, before: &str, text: &str) -> io::Result<Put> {
    let there = fs::read(path)?;
    let (mark, old) = match there.strip_prefix(MARK) {
        Some(old) => (MARK, old),
        None => (&[][..], there.as_slice()),
    };
    if old != before.as_bytes() {
        return Ok(Put::Moved);
    }
    replace(path, &[mark, text.as_bytes()].concat()).map(|()| Put::Done)
}

fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".import-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // as any new file: what the user's mask leaves of it
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Puts other bytes into a file that is there, as a whole.
///
/// # Errors
/// When that cannot be done.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // a link stays one
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".import-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    // somebody's work stands there: the new text is on disk before the old one goes
    file.as_file().sync_all()?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
