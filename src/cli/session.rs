//! From a folder to a run: the workspace is read and checked, secrets are looked up, targets are connected.
//!
//! Whatever is wrong is said before the first request, all of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context;

use super::args::{Common, MethodWord, Reading, Selection};
use super::exit::Exit;
use super::screen::Screen;
use super::slots::World;
use super::workspace::{self, Workspace};
use crate::diagnostic::{Diagnostic, any_error};
use crate::document::{Document, State};
use crate::plan::propose::Permits;
use crate::plan::step::Method;
use crate::remote::hosts::{self, Allowed};
use crate::remote::service::Service;
use crate::remote::target::Target;
use crate::run::gather::Job;
use crate::run::memory::Written;
use crate::run::{Event, Session, Stop};

/// The variable with the key under which digests of secrets are kept.
const DIGEST_KEY: &str = "TRUEUP_DIGEST_KEY";

/// Where variables are asked for.
pub type Env<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// The environment of the process.
pub const REAL: Env<'static> = &|name| std::env::var_os(name);

/// Everything that a run needs.
pub struct Prepared {
    pub workspace: Workspace,
    pub services: BTreeMap<Arc<str>, Service>,
    pub memory: Mutex<Written>,
    pub stop: Stop,
}

/// Reads and checks the workspace; tells every fault. `Err` carries the exit code.
pub fn open(common: &Common, selection: &Selection, screen: &Screen) -> Result<Workspace, Exit> {
    let (workspace, faults) = workspace::open(&common.directory, &selection.paths);
    screen.diagnose(&faults);
    match workspace {
        Some(workspace) if !any_error(&faults) => Ok(workspace),
        _ => Err(Exit::Error),
    }
}

/// Looks up secrets and connects the targets of a workspace.
///
/// # Errors
/// When the memory of the workspace cannot be read.
pub fn prepare(
    mut workspace: Workspace,
    reading: &Reading,
    screen: &Screen,
    env: Env,
) -> anyhow::Result<Result<Prepared, Exit>> {
    let root = workspace.root.clone();
    let world = World { env, ..World::real(&root) };
    let (targets, mut faults) = workspace.connect(&world, reading.parallelism);
    let services = connect(targets, reading, &mut faults);
    faults.extend(workspace.documents.iter().filter_map(unwanted));
    screen.diagnose(&faults);
    if any_error(&faults) {
        return Ok(Err(Exit::Error));
    }
    let memory = memory(&root)?;
    Ok(Ok(Prepared { workspace, services, memory: Mutex::new(memory), stop: Stop::default() }))
}

/// Connects targets that may be spoken to; nothing is sent yet.
pub fn connect(
    targets: Vec<Target>,
    reading: &Reading,
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
        match Service::connect(Arc::new(target), &allowed) {
            Ok(service) => {
                let service = match reading.request_timeout {
                    Some(timeout) => service.timeout(timeout),
                    None => service,
                };
                services.insert(service.target.name.clone(), service);
            }
            Err(fault) => faults.push(fault),
        }
    }
    services
}

/// A document that asks for what this version does not do.
fn unwanted(document: &Document) -> Option<Diagnostic> {
    (document.state == State::Absent).then(|| {
        Diagnostic::error("no-delete", "`state: absent` is not carried out by this version")
            .at(document.place(document.name_span))
            .hint("delete the object by hand and take the document away")
    })
}

fn memory(root: &Path) -> anyhow::Result<Written> {
    let folder: PathBuf = root.join(".trueup");
    let key = std::env::var(DIGEST_KEY).ok();
    Written::open(&folder, key.as_deref()).with_context(|| "the memory in `.trueup` cannot be read")
}

impl Prepared {
    /// One job for each document.
    pub fn jobs(&self) -> Vec<Job<'_>> {
        self.workspace.documents.iter().map(job).collect()
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
                force_hidden: reading.force_hidden,
                lower_protection: reading.allow_lower_protection,
                overwrite_edits: reading.overwrite_edits,
            },
            trust_empty: reading.trust_empty,
            memory: &self.memory,
            stop: &self.stop,
            tell,
        }
    }
}

fn job(document: &Document) -> Job<'_> {
    let mut scope: Vec<_> = document.scope.clone();
    scope.sort_by_key(|(number, _)| *number);
    Job {
        document,
        scope: scope.into_iter().map(|(_, value)| value).collect(),
        // a workspace without faults has a target for every document
        target: document.target.clone().unwrap_or_else(|| "".into()),
        known_id: None,
    }
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
