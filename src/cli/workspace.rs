//! The workspace: its settings, its own kinds, and every document, checked together.
//!
//! All faults of all files are found in one run, in an order that does not depend on the machine. Files are
//! read on every core. What comes out holds slots, not secrets, until [`Workspace::connect`].
//! Deliberately absent: requests. A workspace is complete without any network.

mod assign;
mod files;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::files::{Narrowed, Patterns};
use super::settings::{self, Settings};
use super::slots::{self, World};
use crate::diagnostic::{self, Diagnostic, Place, Source};
use crate::document::{self, Document, Slot};
use crate::kind::registry::Registry;
use crate::policy::Policies;
use crate::remote::target::Target;

/// The directory with a workspace's own kinds.
pub const KINDS: &str = "apis";

/// Everything that a run knows before it speaks to a service.
pub struct Workspace {
    pub root: PathBuf,
    pub settings: Settings,
    pub registry: Registry,
    /// In the order of their files' names, and in the order in which each file holds them.
    pub documents: Vec<Document>,
    /// Every document file that was read.
    pub sources: Vec<Arc<Source>>,
    pub policies: Policies,
}

/// What a workspace says before any document is read.
pub struct Base {
    pub root: PathBuf,
    pub settings: Settings,
    pub registry: Registry,
}

/// The texts of a workspace's own descriptions, pairs of path and text.
pub struct Descriptions {
    pub root: PathBuf,
    pub files: Vec<(String, String)>,
}

/// Reads the workspace in `root`. `narrow` are paths of files and directories, relative to it, that limit the
/// documents; empty means all. Nothing comes back only when there is no workspace.
pub fn open(root: &Path, narrow: &[PathBuf]) -> (Option<Workspace>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let workspace = read(root, narrow, &mut faults);
    if let Err(fault) = &workspace {
        faults.push(fault.clone());
    }
    diagnostic::sort(&mut faults);
    (workspace.ok(), faults)
}

/// Reads the settings and the kinds of a workspace, but no document. Nothing comes back only when there is no
/// workspace.
pub fn base(root: &Path) -> (Option<Base>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let base = read_base(root, &mut faults).map_err(|fault| faults.push(fault)).ok();
    diagnostic::sort(&mut faults);
    (base, faults)
}

/// The policies of a workspace, without its documents.
pub fn policies(root: &Path) -> (Policies, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let read = |faults: &mut Vec<Diagnostic>| {
        let Base { root, registry, .. } = read_base(root, faults)?;
        Ok(Policies::read(&files::policies(&root, faults), &registry, faults))
    };
    let policies = read(&mut faults).unwrap_or_else(|fault| {
        faults.push(fault);
        Policies::default()
    });
    diagnostic::sort(&mut faults);
    (policies, faults)
}

/// The texts that a workspace is written in.
pub struct Texts {
    pub root: PathBuf,
    pub documents: Vec<Arc<Source>>,
    /// Settings and policies; none where only some documents were asked for.
    pub others: Vec<Arc<Source>>,
}

/// Reads the texts of a workspace, whatever they say. Nothing comes back only when there is no workspace.
pub fn texts(root: &Path, narrow: &[PathBuf]) -> (Option<Texts>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let texts = read_texts(root, narrow, &mut faults).map_err(|fault| faults.push(fault)).ok();
    diagnostic::sort(&mut faults);
    (texts, faults)
}

fn read_texts(root: &Path, narrow: &[PathBuf], faults: &mut Vec<Diagnostic>) -> Result<Texts, Diagnostic> {
    let root = files::absolute(root)?;
    let source = files::settings(&root)?;
    // faults of the settings keep nobody from laying out a text
    let settings = settings::read(&source, Registry::builtin(), &mut Vec::new());
    let found = files::find(&root, &Patterns::new(&settings.documents, faults), faults);
    let narrowed = Narrowed::new(&root, narrow, found, faults);
    let documents = files::texts(&narrowed.files, faults);
    let mut others = vec![source];
    others.extend(files::policies(&root, faults));
    others.retain(|_| narrow.is_empty());
    Ok(Texts { root, documents, others })
}

/// The texts of the descriptions that a folder brings along; no workspace is needed.
pub fn descriptions(root: &Path) -> (Option<Descriptions>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    match files::absolute(root) {
        Ok(root) => {
            (Some(Descriptions { files: files::descriptions(&root, KINDS, &mut faults), root }), faults)
        }
        Err(fault) => (None, vec![fault]),
    }
}

/// Reads a text file that a person named, within the bounds of documents.
///
/// # Errors
/// When it is not there, too large, or no text.
pub fn text(path: &Path) -> Result<Arc<Source>, Diagnostic> {
    files::load(path, &path.to_string_lossy())
}

fn read_base(root: &Path, faults: &mut Vec<Diagnostic>) -> Result<Base, Diagnostic> {
    let root = files::absolute(root)?;
    let source = files::settings(&root)?;
    let registry = Registry::with_workspace(files::descriptions(&root, KINDS, faults), faults);
    let settings = settings::read(&source, &registry, faults);
    Ok(Base { root, settings, registry })
}

fn read(root: &Path, narrow: &[PathBuf], faults: &mut Vec<Diagnostic>) -> Result<Workspace, Diagnostic> {
    let Base { root, settings, registry } = read_base(root, faults)?;
    let patterns = Patterns::new(&settings.documents, faults);
    let found = files::find(&root, &patterns, faults);
    let narrowed = Narrowed::new(&root, narrow, found, faults);
    let mut read = files::read(&narrowed.files, &registry, faults);
    narrowed.without_documents(&read, faults);
    if narrow.is_empty() && read.documents.is_empty() && !diagnostic::any_error(faults) {
        faults.push(no_document(&settings));
    }
    assign::assign(&mut read.documents, &settings, faults);
    document::together(&read.documents, faults);
    if narrow.is_empty() {
        document::refer::dangling(&read.documents, faults);
    }
    let policies = Policies::read(&files::policies(&root, faults), &registry, faults);
    Ok(Workspace { root, settings, registry, documents: read.documents, sources: read.sources, policies })
}

/// The built-in kinds and those that the folder brings along; no workspace is needed.
///
/// # Errors
/// When a description there has faults; the first of them.
pub fn own_kinds(root: &Path) -> anyhow::Result<Registry> {
    let mut faults = Vec::new();
    let root = files::absolute(root).map_err(|fault| anyhow::anyhow!(fault.message))?;
    let registry = Registry::with_workspace(files::descriptions(&root, KINDS, &mut faults), &mut faults);
    match faults.iter().find(|fault| fault.severity == diagnostic::Severity::Error) {
        Some(fault) => Err(anyhow::anyhow!("{} (`trueup validate` tells all)", fault.message)),
        None => Ok(registry),
    }
}

fn no_document(settings: &Settings) -> Diagnostic {
    let patterns: Vec<_> = settings.documents.iter().map(|(pattern, _)| format!("`{pattern}`")).collect();
    let message = format!("no document matches {}", patterns.join(", "));
    let fault = Diagnostic::warning("no-document", message);
    let place = settings.documents.first().map(|(_, place)| place.clone());
    let fault =
        fault.hint(format!("write one, or name other patterns under `documents` in {}", settings::NAME));
    Diagnostic { place, ..fault }
}

impl Workspace {
    /// A path of the user's, without `.` and `..`; relative ones are so to the workspace.
    pub fn locate(&self, path: &Path) -> PathBuf {
        files::lexical(&self.root.join(path))
    }

    /// How a path is shown: relative to the workspace where it lies in it, with `/`.
    pub fn shown(&self, path: &Path) -> String {
        match path.strip_prefix(&self.root) {
            Ok(inner) => files::slashed(inner),
            Err(_) => path.to_string_lossy().into_owned(),
        }
    }

    /// Reads a file that is not the workspace's own; nothing when it is no file of sound documents. Targets
    /// and scopes stay as they are written.
    pub fn read_beside(&self, path: &Path) -> Vec<Document> {
        let mut faults = Vec::new();
        let named = [(self.shown(path), path.to_owned())];
        let documents = files::read(&named, &self.registry, &mut faults).documents;
        if diagnostic::any_error(&faults) { Vec::new() } else { documents }
    }

    /// The targets that documents of this run are for.
    pub fn targets(&self) -> impl Iterator<Item = &settings::TargetSettings> {
        let used: std::collections::HashSet<&str> =
            self.documents.iter().filter_map(|document| document.target.as_deref()).collect();
        self.settings.targets.iter().filter(move |target| used.contains(&*target.name))
    }

    /// Every slot of this run's documents and targets, with where it stands.
    pub fn slots(&self) -> Vec<(Slot, Place)> {
        let source = &self.settings.source;
        let credentials = self.targets().flat_map(|target| target.auth.credentials());
        let of_targets =
            credentials.map(|credential| (credential.slot.clone(), source.place(credential.span)));
        let of_documents = self.documents.iter().flat_map(|document| {
            document.spec.slots().map(|(slot, span)| (slot.clone(), document.place(span)))
        });
        of_targets.chain(of_documents).collect()
    }

    /// Looks up every slot, puts the values into the documents, and gives the targets ready for use. All that
    /// stay unresolved or do not fit are reported; then no target should be spoken to.
    pub fn connect(&mut self, world: &World, parallelism: Option<u32>) -> (Vec<Target>, Vec<Diagnostic>) {
        let (secrets, mut faults) = slots::resolve(self.slots(), world);
        for document in &mut self.documents {
            document.resolve(&|slot| secrets.get(slot).cloned(), &mut faults);
        }
        diagnostic::sort(&mut faults);
        let targets = self.targets().filter_map(|target| target.connect(&secrets, parallelism)).collect();
        (targets, faults)
    }
}
