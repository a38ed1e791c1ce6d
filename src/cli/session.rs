//! From a folder to a run: the workspace is read and checked, secrets are looked up, targets are connected.
//!
//! Whatever is wrong is said before the first request, all of it.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;

use super::args::{Changed, Common, MethodWord, Network, Reading, Selection};
use super::keys::Keys;
use super::screen::Screen;
use super::settings::Settings;
use super::since::Since;
use super::slots::World;
use super::workspace::{self, Workspace};
use crate::diagnostic::{Diagnostic, Source, Span, any_error};
use crate::document::{Document, State, Wanted, Wish};
use crate::kind::Kind;
use crate::kind::leaf::Token;
use crate::plan::propose::Permits;
use crate::plan::rotate::Rotation;
use crate::plan::step::Method;
use crate::remote::allowance::Allowance;
use crate::remote::hosts::{self, Allowed};
use crate::remote::service::Service;
use crate::remote::target::Target;
use crate::report::persons::Persons;
use crate::run::gather::Job;
use crate::run::index::{Entry, Index};
use crate::run::memory::{self, Written};
use crate::run::refer::References;
use crate::run::{Event, Session};
use crate::value::Value;

/// Where a workspace keeps what it remembers of earlier runs.
pub const FOLDER: &str = ".trueup";
/// Where variables are asked for.
pub type Env<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// The environment of the process.
pub const REAL: Env<'static> = &|name| std::env::var_os(name);

/// What keeps a run from its work; told already.
pub type Faults = Vec<Diagnostic>;

/// Everything that a run needs.
pub struct Prepared {
    pub workspace: Workspace,
    pub services: BTreeMap<Arc<str>, Service>,
    pub memory: Mutex<Written>,
    pub index: Mutex<Index>,
    pub references: References,
    pub rotate: Rotation,
    pub keys: Keys,
    pub allowance: Arc<Allowance>,
    /// What the run is limited to.
    pub since: Option<Since>,
}

/// Which objects of a workspace a run is about.
#[derive(Clone, Copy)]
pub struct Reach<'r> {
    /// Paths were named.
    pub narrowed: bool,
    /// Only what changed since the branch parted from this commit.
    pub since: Option<&'r str>,
}

impl<'r> Reach<'r> {
    /// All of them.
    pub const WHOLE: Self = Self { narrowed: false, since: None };

    /// Some of them.
    pub const PART: Self = Self { narrowed: true, since: None };

    /// Those at these paths.
    pub fn of(selection: &Selection) -> Self {
        Self { narrowed: !selection.paths.is_empty(), since: None }
    }

    /// Of these only what changed.
    #[must_use]
    pub fn since(self, changed: &'r Changed) -> Self {
        Self { since: changed.since.as_deref(), ..self }
    }

    fn limits(self, workspace: &Workspace) -> Result<Option<Since>, Diagnostic> {
        self.since.map(|name| Since::of(workspace, name, self.narrowed)).transpose()
    }
}

/// Reads and checks the workspace; tells every fault. `Err` carries those that keep a run from its work.
pub fn open(common: &Common, selection: &Selection, screen: &Screen) -> Result<Workspace, Faults> {
    let (workspace, faults) = workspace::open(&common.directory, &selection.paths);
    screen.diagnose(&faults);
    match workspace {
        Some(workspace) if !any_error(&faults) => Ok(workspace),
        _ => Err(faults),
    }
}

/// Looks up secrets and connects the targets of a workspace; tells every fault.
///
/// # Errors
/// With the faults that keep a run from its work.
pub fn prepare(
    mut workspace: Workspace,
    reading: &Reading,
    reach: Reach,
    screen: &Screen,
    env: Env,
) -> Result<Prepared, Faults> {
    let allowance = reading.network.allowance();
    let root = workspace.root.clone();
    let world = World { env, ..World::real(&root) };
    let told = |fault: Diagnostic| {
        screen.diagnose(std::slice::from_ref(&fault));
        vec![fault]
    };
    let (keys, memory, index) = remembered(&root).map_err(told)?;
    let since = reach.limits(&workspace).map_err(told)?;
    let (gone, notes) = match reach.narrowed {
        true => (Vec::new(), Vec::new()),
        false => orphans(&workspace, &index, reading, since.as_ref()),
    };
    workspace.documents.extend(gone);
    let rotate = Rotation::new(&reading.rotate);
    let unmatched = rotate.unmatched(&workspace.documents);
    if let Some(since) = &since {
        workspace.documents.retain(|document| since.is_read(document));
    }
    let (targets, mut faults) = workspace.connect(&world, reading.parallelism);
    faults.extend(unmatched);
    faults.extend(notes);
    let services = connect(targets, &workspace.settings, &reading.network, &allowance, &mut faults);
    screen.diagnose(&faults);
    if any_error(&faults) {
        return Err(faults);
    }
    let (memory, index) = (Mutex::new(memory), Mutex::new(index));
    let references = References::default();
    Ok(Prepared { workspace, services, memory, index, references, rotate, keys, allowance, since })
}

/// Connects targets; what keeps one from being spoken to is a fault at its place in the settings.
pub fn connect(
    targets: Vec<Target>,
    settings: &Settings,
    network: &Network,
    allowance: &Arc<Allowance>,
    faults: &mut Vec<Diagnostic>,
) -> BTreeMap<Arc<str>, Service> {
    let named = std::env::var(hosts::VARIABLE).unwrap_or_default();
    let allowed = match Allowed::new(&named) {
        Ok(allowed) => allowed,
        Err(fault) => {
            faults.push(fault);
            return BTreeMap::new();
        }
    };
    let mut services = BTreeMap::new();
    for target in targets {
        let place = settings.targets.iter().find(|own| own.name == target.name).map(|own| own.span);
        match Service::connect(Arc::new(target), &allowed) {
            Ok(service) => {
                let service = service.under(Arc::clone(allowance));
                let service = match network.request_timeout {
                    Some(timeout) => service.timeout(timeout),
                    None => service,
                };
                services.insert(service.target.name.clone(), service);
            }
            Err(fault) => {
                let place = place.map(|span| settings.source.place(span));
                faults.push(Diagnostic { place, ..fault });
            }
        }
    }
    services
}

/// Managed objects whose document is gone: with `--allow-delete` they are to be deleted, else they are told.
/// Only a run over the whole workspace can know.
fn orphans(
    workspace: &Workspace,
    index: &Index,
    reading: &Reading,
    since: Option<&Since>,
) -> (Vec<Document>, Vec<Diagnostic>) {
    let source = Source::new(".trueup/index.json", "");
    let here: HashSet<(Option<&str>, &str, &str)> = workspace
        .documents
        .iter()
        .map(|document| (document.target.as_deref(), &*document.kind.name, &*document.name))
        .collect();
    let (mut documents, mut notes) = (Vec::new(), moved(workspace, index, since));
    let is_here = |entry: &Entry| here.contains(&(Some(&*entry.target), &*entry.kind, &*entry.name));
    let is_asked = |entry: &Entry| since.is_none_or(|since| since.is_gone(entry));
    for entry in index.entries().filter(|entry| !is_here(entry) && is_asked(entry)) {
        let named = format!("{} {} at target {}", entry.kind, entry.name, entry.target);
        let Some(kind) = workspace.registry.kind(&entry.kind) else { continue };
        if entry.id.is_none()
            || !workspace.settings.targets.iter().any(|target| *target.name == *entry.target)
        {
            continue;
        }
        if reading.allow_delete.is_given() && kind.operations.delete.is_some() {
            documents.push(absent(entry, kind, &source));
        } else {
            let hint = match (&kind.operations.delete, entry.protect) {
                (Some(_), false) => "`--allow-delete` deletes it; write a document again to keep it",
                (Some(_), true) => "it is protected; delete it by hand if that is meant",
                (None, _) => "this API cannot delete; it stays as it is",
            };
            notes.push(
                Diagnostic::note("orphan", format!("{named} was managed, and its document is gone"))
                    .hint(hint),
            );
        }
    }
    (documents, notes)
}

/// Managed objects whose documents now describe an object of another scope.
fn moved(workspace: &Workspace, index: &Index, since: Option<&Since>) -> Vec<Diagnostic> {
    let left = |document: &&Document| {
        let target = document.target.as_deref().unwrap_or_default();
        let (kind, scope) = (&document.kind, complete_scope(document));
        let known = index.get(target, &kind.name, &document.name);
        known.is_some_and(|entry| entry.id.is_some())
            && index.within(kind, (target, &document.name), &scope).is_none()
    };
    let note = |document: &Document| {
        let message = format!("{} {} was managed in another scope", document.kind.name, document.name);
        Diagnostic::note("orphan", message)
            .at(document.place(document.name_span))
            .hint("the object there stays as it is; write a document for it to go on with it")
    };
    let is_asked = |document: &&Document| since.is_none_or(|since| since.is_chosen(document));
    workspace.documents.iter().filter(is_asked).filter(left).map(note).collect()
}

/// The document of an object that is to go, made from the index.
fn absent(entry: &Entry, kind: Arc<Kind>, source: &Arc<Source>) -> Document {
    let scope = kind.scope.iter().enumerate().filter_map(|(number, scope)| {
        let text = entry.scope.get(&*scope.name)?;
        Some((u16::try_from(number).ok()?, scope.ty.read(Token::Bare(text)).ok()?))
    });
    Document {
        name: entry.name.as_str().into(),
        target: Some(entry.target.as_str().into()),
        state: State::Absent,
        id: entry.typed_id(&kind),
        protect: entry.protect,
        scope: scope.collect(),
        spec: Wanted { span: Span::default(), wish: Wish::Object(Vec::new()) },
        source: source.clone(),
        name_span: Span::default(),
        id_span: Span::default(),
        target_span: Span::default(),
        kind,
    }
}

/// What the workspace remembers of earlier runs.
fn remembered(root: &Path) -> Result<(Keys, Written, Index), Diagnostic> {
    let folder = root.join(FOLDER);
    if folder.is_file() {
        let message = format!("`{FOLDER}` is a file, where runs keep what they remember in a folder");
        return Err(Diagnostic::error("unreadable-memory", message).hint("move it away"));
    }
    let keys = Keys::of(root)?;
    let memory = Written::open(&folder, keys.named()).map_err(|error| {
        let hint = "put it back from a copy; without it, values that do not read back are sent once more";
        forgotten(memory::FILE, &error).hint(hint)
    })?;
    let index = Index::open(&folder).map_err(|error| {
        let hint = "put it back from a copy; without it, nothing is known of creates under way and of \
                    objects whose documents are gone";
        forgotten("index.json", &error).hint(hint)
    })?;
    Ok((keys, memory, index))
}

/// What is to be said of a file of earlier runs that cannot be read.
pub fn forgotten(name: &str, error: &io::Error) -> Diagnostic {
    let message = format!("{FOLDER}/{name} cannot be read: {error}");
    Diagnostic::error("unreadable-memory", message)
}

impl Prepared {
    /// How reports show persons.
    pub fn persons(&self) -> Persons<'_> {
        Persons::Named { key: &self.keys, domains: self.workspace.settings.mail_domains }
    }

    /// With connections that may write.
    #[must_use]
    pub fn for_writing(mut self) -> Self {
        self.services = self.services.into_iter().map(|(name, own)| (name, own.for_writing())).collect();
        self
    }

    /// One job for each document.
    pub fn jobs(&self) -> Vec<Job<'_>> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        self.workspace.documents.iter().map(|document| job(document, &index)).collect()
    }

    /// A session for runs; `tell` hears how far they are.
    pub fn session<'s>(&'s self, reading: &Reading, tell: &'s (dyn Fn(Event) + Sync)) -> Session<'s> {
        Session {
            services: &self.services,
            method: match reading.method {
                MethodWord::Usual => Method::Usual,
                MethodWord::Put => Method::Put,
                MethodWord::Patch => Method::Patch,
            },
            permits: Permits {
                force_hidden: reading.force_hidden.is_given(),
                lower_protection: reading.allow_lower_protection.is_given(),
                overwrite_edits: reading.overwrite_edits.is_given(),
                delete: reading.allow_delete.is_given(),
                // the target says that
                personal: false,
                force_personal: reading.allow_personal.is_given(),
            },
            trust_empty: reading.trust_empty.is_given(),
            memory: &self.memory,
            index: &self.index,
            references: &self.references,
            rotate: &self.rotate,
            unmanaged: reading.unmanaged,
            retry_creates: reading.retry_creates.is_given(),
            journal: None,
            stop: &self.allowance.stop,
            tell,
        }
    }
}

fn job<'d>(document: &'d Document, index: &Index) -> Job<'d> {
    // a workspace without faults has a target for every document
    let target = document.target.clone().unwrap_or_else(|| "".into());
    let scope = complete_scope(document);
    let entry = index.within(&document.kind, (&target, &document.name), &scope);
    Job {
        document,
        scope,
        known_id: entry.and_then(|entry| entry.typed_id(&document.kind)),
        newborn: entry.is_some_and(|entry| entry.create_sent.is_some()),
        target,
    }
}

/// The scope values of a document, by the number of the parameter.
fn complete_scope(document: &Document) -> Vec<Value> {
    let mut scope = document.scope.clone();
    scope.sort_by_key(|(number, _)| *number);
    scope.into_iter().map(|(_, value)| value).collect()
}

/// A runtime on this thread, enough to wait for many answers.
///
/// # Errors
/// When the system gives none.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime to wait for answers in")
}
