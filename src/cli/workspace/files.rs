//! Files of a workspace: found by patterns, narrowed by paths, read on every core.
//!
//! Order and result are the same on every machine. Hidden files, `.git`, `.trueup`, a `target` at the top and
//! the workspace's own descriptions are no documents. Links are followed, loops end, everything is bounded.
//! Deliberately absent: what stands in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::{DirEntry, WalkDir};

use crate::cli::settings;
use crate::diagnostic::{Diagnostic, Place, Severity, Source, Span, any_error};
use crate::document::{self, Document, read::MAX_BYTES};
use crate::kind::registry::Registry;
use crate::policy;

/// How deep directories are walked.
const MAX_DEPTH: usize = 64;
/// How many files and directories are looked at.
const MAX_ENTRIES: usize = 1_000_000;
/// The most threads that read files.
const MAX_THREADS: usize = 16;
/// Larger files are read in stretches of this many bytes.
const STRETCH: usize = 256 * 1024;
/// Directories at the top of a workspace that hold no documents.
const NO_DOCUMENTS: [&str; 3] = ["target", super::KINDS, policy::FOLDER];

/// Files by their paths as shown: relative to the workspace, with `/`.
pub type Files = BTreeMap<String, PathBuf>;

/// The root of a workspace as an absolute path.
pub fn absolute(root: &Path) -> Result<PathBuf, Diagnostic> {
    let absolute = std::path::absolute(root).map(|path| lexical(&path));
    match absolute {
        Ok(path) if path.is_dir() => Ok(path),
        _ => {
            let message = format!("{} is not a directory", shown(root));
            Err(Diagnostic::error("no-workspace", message).hint("name the workspace with -C DIR"))
        }
    }
}

/// The settings file of a workspace.
pub fn settings(root: &Path) -> Result<Arc<Source>, Diagnostic> {
    let path = root.join(settings::NAME);
    if !path.exists() {
        let message = format!("there is no {} in {}", settings::NAME, shown(root));
        let hint = "go to the workspace, name it with -C DIR, or write the file there";
        return Err(Diagnostic::error("no-workspace", message).hint(hint));
    }
    load(&path, settings::NAME)
}

/// The workspace's own descriptions: pairs of path and text.
pub fn descriptions(root: &Path, under: &str, faults: &mut Vec<Diagnostic>) -> Vec<(String, String)> {
    let mut files = Files::new();
    let walk = WalkDir::new(root.join(under)).min_depth(2).max_depth(2);
    collect(root, walk, &is_yaml, &mut files, faults);
    let mut texts = Vec::with_capacity(files.len());
    for (shown, path) in files {
        match load(&path, &shown) {
            Ok(source) => texts.push((shown, source.text.to_string())),
            Err(fault) => faults.push(fault),
        }
    }
    texts
}

/// The workspace's own policies.
pub fn policies(root: &Path, faults: &mut Vec<Diagnostic>) -> Vec<Arc<Source>> {
    let mut files = Files::new();
    let walk = WalkDir::new(root.join(policy::FOLDER)).max_depth(MAX_DEPTH);
    collect(root, walk, &is_yaml, &mut files, faults);
    texts(&files.into_iter().collect::<Vec<_>>(), faults)
}

/// The texts of files.
pub fn texts(files: &[(String, PathBuf)], faults: &mut Vec<Diagnostic>) -> Vec<Arc<Source>> {
    let mut sources = Vec::with_capacity(files.len());
    for (shown, path) in files {
        match load(path, shown) {
            Ok(source) => sources.push(source),
            Err(fault) => faults.push(fault),
        }
    }
    sources
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// The patterns of the settings, ready to match.
pub struct Patterns {
    set: GlobSet,
    /// Where the walk starts: what stands before the first wildcard.
    bases: Vec<PathBuf>,
}

impl Patterns {
    /// Faulty patterns are reported and left out.
    pub fn new(patterns: &[(String, Place)], faults: &mut Vec<Diagnostic>) -> Self {
        let (mut set, mut bases) = (GlobSetBuilder::new(), BTreeSet::new());
        for (pattern, place) in patterns {
            let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            match glob {
                Ok(glob) if is_inside(Path::new(pattern)) => {
                    set.add(glob);
                    bases.insert(base(pattern));
                }
                Ok(_) => {
                    let fault = Diagnostic::error("bad-pattern", "this pattern leads out of the workspace");
                    let hint = format!("write it relative to {}, without `..`", settings::NAME);
                    faults.push(fault.hint(hint).at(place.clone()));
                }
                Err(error) => {
                    let message = format!("this is not a pattern: {}", error.kind());
                    faults.push(Diagnostic::error("bad-pattern", message).at(place.clone()));
                }
            }
        }
        // each glob is sound, and so is their set unless it is monstrous
        let set = set.build().unwrap_or_else(|error| {
            let fault =
                Diagnostic::error("bad-pattern", format!("these are too many patterns: {}", error.kind()));
            let place = patterns.first().map(|(_, place)| place.clone());
            faults.push(Diagnostic { place, ..fault });
            GlobSet::empty()
        });
        // what lies below another base is walked with it
        let outer = |base: &&PathBuf| !base.ancestors().skip(1).any(|above| bases.contains(above));
        Self { set, bases: bases.iter().filter(outer).cloned().collect() }
    }
}

impl Patterns {
    /// Whether a path from the workspace, with `/`, is that of a document.
    pub fn hold(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let at_top = |part: &str| path.contains('/') && NO_DOCUMENTS.contains(&part);
        self.set.is_match(path)
            && !parts.next().is_some_and(at_top)
            && !path.split('/').any(|part| part.starts_with('.'))
    }
}

fn is_inside(path: &Path) -> bool {
    !path.as_os_str().is_empty()
        && path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn base(pattern: &str) -> PathBuf {
    let parts: Vec<&str> = pattern.split('/').collect();
    let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).count();
    parts.into_iter().take(plain).collect()
}

/// Every file that a pattern matches.
pub fn find(root: &Path, patterns: &Patterns, faults: &mut Vec<Diagnostic>) -> Files {
    let mut files = Files::new();
    for base in &patterns.bases {
        let is_document = |path: &Path| patterns.set.is_match(path);
        let walk = WalkDir::new(root.join(base)).max_depth(MAX_DEPTH);
        collect(root, walk, &is_document, &mut files, faults);
    }
    files.remove(settings::NAME);
    files
}

fn collect(
    root: &Path,
    walk: WalkDir,
    wanted: &dyn Fn(&Path) -> bool,
    files: &mut Files,
    faults: &mut Vec<Diagnostic>,
) {
    let kept = |entry: &DirEntry| entry.depth() == 0 || !is_skipped(root, entry);
    for (count, entry) in walk.follow_links(true).into_iter().filter_entry(kept).enumerate() {
        if count > MAX_ENTRIES {
            let message = format!("more than {MAX_ENTRIES} files and directories");
            let hint = "narrow the patterns of `documents`";
            faults.push(Diagnostic::error("too-many-files", message).hint(hint));
            return;
        }
        match entry {
            Ok(entry) => {
                let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
                if !wanted(path) {
                } else if entry.file_type().is_file() {
                    files.insert(slashed(path), entry.into_path());
                } else {
                    faults.push(not_a_file(&slashed(path)));
                }
            }
            Err(error) => faults.extend(unwalkable(root, &error)),
        }
    }
}

/// Hidden ones, and at the top what builds and descriptions put there.
fn is_skipped(root: &Path, entry: &DirEntry) -> bool {
    let Some(name) = entry.file_name().to_str() else { return false };
    let at_top = entry.path().parent() == Some(root);
    name.starts_with('.') || (at_top && entry.file_type().is_dir() && NO_DOCUMENTS.contains(&name))
}

/// What keeps the walk from a file; a base that is not there just matches nothing.
fn unwalkable(root: &Path, error: &walkdir::Error) -> Option<Diagnostic> {
    let path = error.path().unwrap_or(root);
    let path = slashed(path.strip_prefix(root).unwrap_or(path));
    if error.loop_ancestor().is_some() {
        let fault = Diagnostic::warning("link-loop", "this link leads back to where it stands");
        return Some(fault.hint("take the link out").at(top(&path)));
    }
    let kind = error.io_error().map(std::io::Error::kind)?;
    let nothing = error.depth() == 0 && kind == std::io::ErrorKind::NotFound;
    (!nothing).then(|| unreadable(&path, kind))
}

/// The files of a run, and which of the user's paths asked for each.
pub struct Narrowed {
    pub files: Vec<(String, PathBuf)>,
    asked: Vec<(String, Vec<String>)>,
}

impl Narrowed {
    /// The files below any of the paths in `narrow`, or all when there is none.
    pub fn new(root: &Path, narrow: &[PathBuf], files: Files, faults: &mut Vec<Diagnostic>) -> Self {
        if narrow.is_empty() {
            return Self { files: files.into_iter().collect(), asked: Vec::new() };
        }
        let (mut chosen, mut asked) = (Files::new(), Vec::new());
        for path in narrow {
            match below(root, path, &files) {
                Ok(below) => {
                    asked.push((shown(path), below.iter().map(|(name, _)| (*name).clone()).collect()));
                    chosen.extend(below.into_iter().map(|(name, path)| (name.clone(), path.clone())));
                }
                Err(fault) => faults.push(fault),
            }
        }
        Self { files: chosen.into_iter().collect(), asked }
    }

    /// Reports each of the user's paths below which no file held anything.
    pub fn without_documents(&self, read: &ReadFiles, faults: &mut Vec<Diagnostic>) {
        for (path, names) in &self.asked {
            if names.iter().all(|name| read.empty.contains(name)) {
                faults.push(no_document(path));
            }
        }
    }
}

fn below<'f>(
    root: &Path,
    path: &Path,
    files: &'f Files,
) -> Result<Vec<(&'f String, &'f PathBuf)>, Diagnostic> {
    let full = lexical(&root.join(path));
    let real = full.canonicalize().map_err(|error| {
        let message = match error.kind() {
            io::ErrorKind::NotFound => format!("{} does not exist", shown(path)),
            kind => format!("{} can't be found: {kind}", shown(path)),
        };
        Diagnostic::error("no-such-path", message).hint("paths are relative to the workspace")
    })?;
    let choose =
        |above: &Path| -> Vec<_> { files.iter().filter(|(_, file)| file.starts_with(above)).collect() };
    let mut chosen = choose(&full);
    if chosen.is_empty() {
        // the same place by another name, through a link
        let inner = root.canonicalize().ok().and_then(|root| Some(real.strip_prefix(root).ok()?.to_owned()));
        chosen = inner.map_or_else(Vec::new, |inner| choose(&root.join(inner)));
    }
    if chosen.is_empty() { Err(no_document(&shown(path))) } else { Ok(chosen) }
}

fn no_document(path: &str) -> Diagnostic {
    let hint = format!("documents are the files that match `documents` in {}", settings::NAME);
    Diagnostic::error("no-document", format!("{path} holds no document")).hint(hint)
}

/// What the files of a run hold.
#[derive(Default)]
pub struct ReadFiles {
    pub documents: Vec<Document>,
    pub sources: Vec<Arc<Source>>,
    /// Files without any document, and without an error that could be the reason.
    empty: BTreeSet<String>,
}

/// Reads files on every core, large ones in stretches; the result does not depend on the number of cores.
pub fn read(files: &[(String, PathBuf)], registry: &Registry, faults: &mut Vec<Diagnostic>) -> ReadFiles {
    let loaded = on_every_core(files, |(name, path)| load(path, name));
    let mut pieces = Vec::new();
    for (file, source) in loaded.iter().enumerate() {
        let stretches = source.iter().flat_map(|source| document::read::stretches(source, STRETCH));
        pieces.extend(stretches.map(|stretch| (file, stretch)));
    }
    let stretches = on_every_core(&pieces, |(file, stretch)| {
        let source = loaded.get(*file)?.as_ref().ok()?;
        Some(document::read::read_stretch(source, stretch.clone(), registry))
    });
    let mut stretches = pieces.iter().zip(stretches).peekable();
    let mut read = ReadFiles::default();
    for (file, ((name, _), source)) in files.iter().zip(&loaded).enumerate() {
        let own = std::iter::from_fn(|| stretches.next_if(|((of, _), _)| *of == file));
        let own: Vec<_> = own.filter_map(|(_, stretch)| stretch).collect();
        let mut found = Vec::new();
        let documents = match source {
            Ok(source) => document::read::join(source, own, registry, &mut found),
            Err(fault) => {
                found.push(fault.clone());
                Vec::new()
            }
        };
        if documents.is_empty() && !any_error(&found) {
            read.empty.insert(name.clone());
        }
        read.documents.extend(documents);
        faults.append(&mut found);
    }
    read.sources = loaded.into_iter().flatten().collect();
    read
}

/// Does the same to each of these on every core; the results are in their order.
fn on_every_core<T: Sync, R: Send>(these: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    // the number of cores stands in files of the system; who needs one core does not open them
    if these.len() < 2 {
        return these.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = these.get(number) else { return done };
            done.push((number, work(one)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(these.len())).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Reads one file as text, within bounds.
pub fn load(path: &Path, name: &str) -> Result<Arc<Source>, Diagnostic> {
    let failed = |error: std::io::Error| unreadable(name, error.kind());
    // asked before opening: a pipe could keep the run waiting for ever
    let metadata = path.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Diagnostic { severity: Severity::Error, ..not_a_file(name) });
    }
    if metadata.len() > MAX_BYTES {
        return Err(document::read::too_large(top(name)));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(document::read::too_large(top(name)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let message = format!("this file is not UTF-8 text (byte {})", error.utf8_error().valid_up_to());
        Diagnostic::error("not-utf8", message).hint("save it as UTF-8").at(top(name))
    })?;
    Ok(Source::new(name, text))
}

fn unreadable(name: &str, kind: std::io::ErrorKind) -> Diagnostic {
    let fault = Diagnostic::error("unreadable-file", format!("this file can't be read: {kind}"));
    fault.hint("check that it is there and may be read").at(top(name))
}

fn not_a_file(name: &str) -> Diagnostic {
    let fault = Diagnostic::warning("not-a-file", "this is named like a document, but is not a file");
    fault.hint("rename it").at(top(name))
}

/// The start of a file whose text is not known.
fn top(name: &str) -> Place {
    Source::new(name, "").place(Span::default())
}

/// A path without `.` and `..`, without asking the disk.
pub fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// A path with `/` on every machine.
pub fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// A path of the user's, fit for a message.
fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
