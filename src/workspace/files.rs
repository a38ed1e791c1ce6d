//! Files of a workspace: found by patterns, narrowed by paths, read on every core.
//!
//! Order and result are the same on every machine. Hidden files, `.git`, `.trueup`, a `target` at the top and
//! the workspace's own descriptions are no documents. Links are followed as far as they stay in the workspace
//! ([`boundary`](super::boundary)), loops end, everything is bounded.
//! Deliberately absent: what a file contains.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::{DirEntry, WalkDir};

use crate::compose::bases::BASES_FOLDER;
use crate::compose::settings::EnvironmentSettings;
use crate::compose::values::VALUES_FOLDER;
use crate::cores::map_parallel;
use crate::diagnostic::{
    Diagnostic, DiagnosticSeverity, NamedSource, SourceLocation, SourceSpan, describe_io_error,
};
use crate::document::Document;
use crate::document::read::MAX_BYTES;
use crate::workspace::boundary::{BoundaryError, OUTSIDE_HINT, WorkspaceBoundary};
use crate::workspace::settings;
use crate::{document, policy};

/// The directory with a workspace's own kinds.
pub const API_FOLDER: &str = "apis";
/// How deep directories are walked.
const MAX_DEPTH: usize = 64;
/// How many files and directories are looked at.
const MAX_ENTRIES: usize = 1_000_000;
/// Directories at the top of a workspace that hold no documents.
const EXCLUDED_FOLDERS: [&str; 3] = ["target", API_FOLDER, policy::FOLDER];

/// Files by their paths as shown: relative to the workspace, with `/`.
pub type FileMap = BTreeMap<String, PathBuf>;

/// The root of a workspace as an absolute path.
pub fn resolve_root(root: &Path) -> Result<PathBuf, Diagnostic> {
    let absolute = std::path::absolute(root).map(|path| normalize_path(&path));
    match absolute {
        Ok(path) if path.is_dir() => Ok(path),
        _ => {
            let message = format!("{} is not a directory", escape_path(root));
            Err(Diagnostic::error("no-workspace", message).with_hint("name the workspace with -C DIR"))
        }
    }
}

/// The settings file of a workspace.
pub fn read_settings_source(root: &Path) -> Result<Arc<NamedSource>, Diagnostic> {
    let path = root.join(settings::SETTINGS_FILE_NAME);
    if !path.exists() {
        let message = format!("there is no {} in {}", settings::SETTINGS_FILE_NAME, escape_path(root));
        let hint = "go to the workspace, name it with -C DIR, or write the file there";
        return Err(Diagnostic::error("no-workspace", message).with_hint(hint));
    }
    check_boundary(&WorkspaceBoundary::from_process(root), &path, settings::SETTINGS_FILE_NAME)?;
    load_source(&path, settings::SETTINGS_FILE_NAME)
}

/// Whether a path, links resolved, may be read.
fn check_boundary(boundary: &WorkspaceBoundary, path: &Path, name: &str) -> Result<(), Diagnostic> {
    match boundary.resolve_file(path) {
        Ok(_) => Ok(()),
        Err(BoundaryError::Unreadable(kind)) => Err(diagnose_unreadable_file(name, kind)),
        Err(BoundaryError::Outside) => {
            let fault = Diagnostic::error("outside-workspace", "this link leads out of the workspace");
            Err(fault.with_hint(OUTSIDE_HINT).with_location(build_file_place(name)))
        }
    }
}

/// The workspace's own descriptions: pairs of path and text.
pub fn read_descriptions(root: &Path, under: &str, faults: &mut Vec<Diagnostic>) -> Vec<(String, String)> {
    let mut files = FileMap::new();
    // no `min_depth`: what is above it would not be checked
    let walk = WalkDir::new(root.join(under)).max_depth(2);
    let is_description = |path: &Path| is_yaml(path) && path.components().count() == 3;
    collect_files(root, walk, &is_description, &mut files, faults);
    let mut texts = Vec::with_capacity(files.len());
    for (shown, path) in files {
        match load_source(&path, &shown) {
            Ok(source) => texts.push((shown, source.text.to_string())),
            Err(fault) => faults.push(fault),
        }
    }
    texts
}

/// The workspace's own policies.
pub fn read_policies(root: &Path, faults: &mut Vec<Diagnostic>) -> Vec<Arc<NamedSource>> {
    let mut files = FileMap::new();
    let walk = WalkDir::new(root.join(policy::FOLDER)).max_depth(MAX_DEPTH);
    collect_files(root, walk, &is_yaml, &mut files, faults);
    read_sources(&files.into_iter().collect::<Vec<_>>(), faults)
}

/// The texts of files.
pub fn read_sources(files: &[(String, PathBuf)], faults: &mut Vec<Diagnostic>) -> Vec<Arc<NamedSource>> {
    let mut sources = Vec::with_capacity(files.len());
    for (shown, path) in files {
        match load_source(path, shown) {
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
pub struct DocumentPatterns {
    set: GlobSet,
    /// Where the walk starts: what stands before the first wildcard.
    bases: Vec<PathBuf>,
}

impl DocumentPatterns {
    /// Faulty patterns are reported and left out.
    pub fn new(patterns: &[(String, SourceLocation)], faults: &mut Vec<Diagnostic>) -> Self {
        let (mut set, mut bases) = (GlobSetBuilder::new(), BTreeSet::new());
        for (pattern, place) in patterns {
            let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            match glob {
                Ok(glob) if is_inside(Path::new(pattern)) => {
                    set.add(glob);
                    bases.insert(find_pattern_base(pattern));
                }
                Ok(_) => {
                    let fault =
                        Diagnostic::error("invalid-pattern", "this pattern leads out of the workspace");
                    let hint = format!("write it relative to {}, without `..`", settings::SETTINGS_FILE_NAME);
                    faults.push(fault.with_hint(hint).with_location(place.clone()));
                }
                Err(error) => {
                    let message = format!("this is not a pattern: {}", error.kind());
                    faults.push(Diagnostic::error("invalid-pattern", message).with_location(place.clone()));
                }
            }
        }
        // each glob is sound, and so is their set unless it is monstrous
        let set = set.build().unwrap_or_else(|error| {
            let fault = Diagnostic::error(
                "invalid-pattern",
                format!("these are too many patterns: {}", error.kind()),
            );
            let place = patterns.first().map(|(_, place)| place.clone());
            faults.push(Diagnostic { location: place, ..fault });
            GlobSet::empty()
        });
        // what lies below another base is walked with it
        let outer = |base: &&PathBuf| !base.ancestors().skip(1).any(|above| bases.contains(above));
        Self { set, bases: bases.iter().filter(outer).cloned().collect() }
    }
}

impl DocumentPatterns {
    /// Whether a path from the workspace, with `/`, is that of a document.
    pub fn matches_path(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let at_top = |part: &str| path.contains('/') && EXCLUDED_FOLDERS.contains(&part);
        self.set.is_match(path)
            && !parts.next().is_some_and(at_top)
            && !path.split('/').any(|part| part.starts_with('.'))
    }
}

fn is_inside(path: &Path) -> bool {
    !path.as_os_str().is_empty()
        && path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn find_pattern_base(pattern: &str) -> PathBuf {
    let parts: Vec<&str> = pattern.split('/').collect();
    let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).count();
    parts.into_iter().take(plain).collect()
}

/// Every file that a pattern matches.
pub fn find_files(root: &Path, patterns: &DocumentPatterns, faults: &mut Vec<Diagnostic>) -> FileMap {
    let mut files = FileMap::new();
    for base in &patterns.bases {
        let is_document = |path: &Path| patterns.set.is_match(path);
        let walk = WalkDir::new(root.join(base)).max_depth(MAX_DEPTH);
        collect_files(root, walk, &is_document, &mut files, faults);
    }
    files.remove(settings::SETTINGS_FILE_NAME);
    files
}

fn collect_files(
    root: &Path,
    walk: WalkDir,
    wanted: &dyn Fn(&Path) -> bool,
    files: &mut FileMap,
    faults: &mut Vec<Diagnostic>,
) {
    let boundary = WorkspaceBoundary::from_process(root);
    let mut outside = Vec::new();
    let kept = |entry: &DirEntry| {
        if entry.depth() > 0 && is_skipped(root, entry) {
            return false;
        }
        let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
        // what is below a folder that is no link is inside with it
        let is_link = entry.depth() == 0 || entry.path_is_symlink();
        let is_relevant = is_link && (entry.file_type().is_dir() || wanted(path));
        let fault = is_relevant.then(|| check_boundary(&boundary, entry.path(), &to_slash_path(path)).err());
        let fault = fault.flatten();
        outside.extend(fault.clone());
        fault.is_none()
    };
    for (count, entry) in walk.follow_links(true).into_iter().filter_entry(kept).enumerate() {
        if count > MAX_ENTRIES {
            let message = format!("more than {MAX_ENTRIES} files and directories");
            let hint = "narrow the patterns of `documents`";
            faults.push(Diagnostic::error("too-many-files", message).with_hint(hint));
            break;
        }
        match entry {
            Ok(entry) => {
                let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
                if !wanted(path) {
                } else if entry.file_type().is_file() {
                    files.insert(to_slash_path(path), entry.into_path());
                } else {
                    faults.push(diagnose_not_a_file(&to_slash_path(path)));
                }
            }
            Err(error) => faults.extend(diagnose_walk_error(root, &error)),
        }
    }
    faults.append(&mut outside);
}

/// Hidden ones, and at the top what builds and descriptions put there.
fn is_skipped(root: &Path, entry: &DirEntry) -> bool {
    let Some(name) = entry.file_name().to_str() else { return false };
    let at_top = entry.path().parent() == Some(root);
    name.starts_with('.') || (at_top && entry.file_type().is_dir() && EXCLUDED_FOLDERS.contains(&name))
}

/// What keeps the walk from a file; a base that is not there just matches nothing.
fn diagnose_walk_error(root: &Path, error: &walkdir::Error) -> Option<Diagnostic> {
    let path = error.path().unwrap_or(root);
    let path = to_slash_path(path.strip_prefix(root).unwrap_or(path));
    if error.loop_ancestor().is_some() {
        let fault = Diagnostic::warning("link-loop", "this link leads back to a folder above it");
        return Some(fault.with_hint("remove the link").with_location(build_file_place(&path)));
    }
    let kind = error.io_error().map(std::io::Error::kind)?;
    let nothing = error.depth() == 0 && kind == std::io::ErrorKind::NotFound;
    (!nothing).then(|| diagnose_unreadable_file(&path, kind))
}

/// The files of a run, and which of the user's paths asked for each.
pub struct SelectedFiles {
    pub files: Vec<(String, PathBuf)>,
    files_by_request: Vec<(String, Vec<String>)>,
}

impl SelectedFiles {
    /// The files below any of the paths in `narrow`, or all when there is none.
    pub fn new(root: &Path, narrow: &[PathBuf], files: FileMap, faults: &mut Vec<Diagnostic>) -> Self {
        if narrow.is_empty() {
            return Self { files: files.into_iter().collect(), files_by_request: Vec::new() };
        }
        let (mut chosen, mut requested) = (FileMap::new(), Vec::new());
        for path in narrow {
            match select_below(root, path, &files) {
                Ok(below) => {
                    requested
                        .push((escape_path(path), below.iter().map(|(name, _)| (*name).clone()).collect()));
                    chosen.extend(below.into_iter().map(|(name, path)| (name.clone(), path.clone())));
                }
                Err(fault) => faults.push(fault),
            }
        }
        Self { files: chosen.into_iter().collect(), files_by_request: requested }
    }

    /// Whether a file was asked for.
    pub fn contains_file(&self, name: &str) -> bool {
        self.files.binary_search_by(|(own, _)| own.as_str().cmp(name)).is_ok()
    }

    /// Whether a level of a document stands in a file that was asked for.
    pub fn contains(&self, document: &Document) -> bool {
        let levels = document.levels.iter().flat_map(|levels| levels.iter_levels());
        let of_levels = levels.filter(|level| level.kind.is_document()).map(|level| &level.source);
        self.contains_file(&document.source.path)
            || of_levels.into_iter().any(|source| self.contains_file(&source.path))
    }

    /// Reports each of the user's paths below which no file held anything.
    pub fn diagnose_empty_paths(&self, empty: &BTreeSet<String>, faults: &mut Vec<Diagnostic>) {
        for (path, names) in &self.files_by_request {
            if names.iter().all(|name| empty.contains(name)) {
                faults.push(diagnose_no_document(path));
            }
        }
    }
}

fn select_below<'f>(
    root: &Path,
    path: &Path,
    files: &'f FileMap,
) -> Result<Vec<(&'f String, &'f PathBuf)>, Diagnostic> {
    let full = normalize_path(&root.join(path));
    let real = full.canonicalize().map_err(|error| {
        let message = match error.kind() {
            io::ErrorKind::NotFound => format!("{} does not exist", escape_path(path)),
            kind => format!("{} can't be found: {kind}", escape_path(path)),
        };
        Diagnostic::error("no-such-path", message).with_hint("paths are relative to the workspace")
    })?;
    let choose =
        |above: &Path| -> Vec<_> { files.iter().filter(|(_, file)| file.starts_with(above)).collect() };
    let mut chosen = choose(&full);
    if chosen.is_empty() {
        // the same place by another name, through a link
        let inner = root.canonicalize().ok().and_then(|root| Some(real.strip_prefix(root).ok()?.to_owned()));
        chosen = inner.map_or_else(Vec::new, |inner| choose(&root.join(inner)));
    }
    if chosen.is_empty() { Err(diagnose_no_document(&escape_path(path))) } else { Ok(chosen) }
}

fn diagnose_no_document(path: &str) -> Diagnostic {
    let hint = format!("documents are the files that match `documents` in {}", settings::SETTINGS_FILE_NAME);
    Diagnostic::error("no-document", format!("{path} holds no document")).with_hint(hint)
}

/// Reads the texts of files, on every core; what cannot be read is reported.
pub fn load_sources(files: &[(String, PathBuf)], faults: &mut Vec<Diagnostic>) -> Vec<Arc<NamedSource>> {
    let loaded = map_parallel(files, |(name, path)| load_source(path, name));
    loaded.into_iter().filter_map(|source| source.map_err(|fault| faults.push(fault)).ok()).collect()
}

/// Adds the files with bases; gives the names of those that no pattern matches.
pub fn add_base_files(root: &Path, files: &mut FileMap, faults: &mut Vec<Diagnostic>) -> BTreeSet<String> {
    let folder = root.join(BASES_FOLDER);
    let mut found = FileMap::new();
    if folder.is_dir() {
        let walk = WalkDir::new(folder).max_depth(MAX_DEPTH);
        collect_files(root, walk, &is_yaml, &mut found, faults);
    }
    found.retain(|name, _| !files.contains_key(name));
    let names = found.keys().cloned().collect();
    files.append(&mut found);
    names
}

/// The values of each environment that has a file of them.
pub fn read_values(
    root: &Path,
    environments: &[EnvironmentSettings],
    faults: &mut Vec<Diagnostic>,
) -> Vec<(Arc<str>, Arc<NamedSource>)> {
    let mut read = Vec::new();
    for environment in environments {
        let name = format_values_path(&environment.name);
        let path = root.join(&name);
        // a link that leads nowhere is a fault, not an environment without values
        if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            continue;
        }
        let boundary = WorkspaceBoundary::from_process(root);
        match check_boundary(&boundary, &path, &name).and_then(|()| load_source(&path, &name)) {
            Ok(source) => read.push((Arc::clone(&environment.name), source)),
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(list_unused_values(root, environments));
    read
}

/// Files of values that belong to no environment: a misspelt name would leave the defaults in force.
fn list_unused_values(root: &Path, environments: &[EnvironmentSettings]) -> Vec<Diagnostic> {
    let Ok(entries) = root.join(VALUES_FOLDER).read_dir() else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().filter(|entry| is_yaml(&entry.path())).map(format_entry).collect();
    names.sort();
    names.retain(|name| !environments.iter().any(|own| format_values_path(&own.name) == *name));
    let diagnose = |name: String| {
        let known: Vec<String> =
            environments.iter().map(|own| format!("`{}`", format_values_path(&own.name))).collect();
        let hint = format!("name it after an environment: {}", known.join(", "));
        let message = format!("`{}` holds the values of no environment", name.escape_debug());
        Diagnostic::error("unused-values-file", message).with_hint(hint)
    };
    if environments.is_empty() { Vec::new() } else { names.into_iter().map(diagnose).collect() }
}

fn format_entry(entry: std::fs::DirEntry) -> String {
    format!("{VALUES_FOLDER}/{}", entry.file_name().to_string_lossy())
}

/// Where the values of an environment are.
pub fn format_values_path(environment: &str) -> String {
    format!("{VALUES_FOLDER}/{environment}.yaml")
}

/// Reads one file as text, within bounds.
pub fn load_source(path: &Path, name: &str) -> Result<Arc<NamedSource>, Diagnostic> {
    let failed = |error: std::io::Error| diagnose_unreadable_file(name, error.kind());
    // asked before opening: a pipe could keep the run waiting for ever
    let metadata = path.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Diagnostic { severity: DiagnosticSeverity::Error, ..diagnose_not_a_file(name) });
    }
    if metadata.len() > MAX_BYTES {
        return Err(document::read::diagnose_too_large(build_file_place(name)));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(document::read::diagnose_too_large(build_file_place(name)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let message = format!("this file is not UTF-8 text (byte {})", error.utf8_error().valid_up_to());
        Diagnostic::error("not-utf8", message)
            .with_hint("save it as UTF-8")
            .with_location(build_file_place(name))
    })?;
    Ok(NamedSource::new(name, text))
}

fn diagnose_unreadable_file(name: &str, kind: std::io::ErrorKind) -> Diagnostic {
    let fault = Diagnostic::error(
        "unreadable-file",
        format!("this file cannot be read: {}", describe_io_error(kind)),
    );
    fault
        .with_hint("check that the file exists and that this user may read it")
        .with_location(build_file_place(name))
}

fn diagnose_not_a_file(name: &str) -> Diagnostic {
    let fault = Diagnostic::warning("not-a-file", "this is named like a document, but is not a file");
    fault.with_hint("rename it").with_location(build_file_place(name))
}

/// The start of a file whose text is not known.
fn build_file_place(name: &str) -> SourceLocation {
    NamedSource::new(name, "").locate_span(SourceSpan::default())
}

/// A path without `.` and `..`, without asking the disk.
pub fn normalize_path(path: &Path) -> PathBuf {
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
pub fn to_slash_path(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// A path of the user's, fit for a message.
fn escape_path(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
