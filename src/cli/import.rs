//! `trueup import`: documents from what is live.
//!
//! Everything that can be wrong before the first request is told first. Then objects are read, composed into
//! files, proved file by file, put on disk, and a plan over all of them is made to see that it is empty.
//! Deliberately absent: rules about what a document says; `run::import` has them.

mod aim;
pub(super) mod folder;
mod told;

pub use told::ImportReport;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use self::aim::Aim;
use self::folder::{Folder, Pages};
use self::told::{Row, Told, Word};
use super::args::{Common, ImportArgs};
use super::exit::Exit;
use super::progress::Progress;
use super::screen::Screen;
use super::session;
use super::settings::auth::Purpose;
use super::slots::{self, World};
use super::workspace::{self, Workspace};
use crate::diagnostic::{Diagnostic, any_error};
use crate::document::{Document, Slot, State};
use crate::kind::Maker;
use crate::plan::propose::Permits;
use crate::plan::rotate::NOTHING;
use crate::plan::step::Method;
use crate::remote::service::Service;
use crate::run::import::names::Variables;
use crate::run::import::prove::prove;
use crate::run::import::{self as job, Composed, Existing, Fetched, Place, Work};
use crate::run::index::Index;
use crate::run::memory::Written;
use crate::run::refer::References;
use crate::run::{Event, Session};

/// Writes documents from live state.
///
/// # Errors
/// When there is no runtime, or stdout cannot be written.
pub fn run(common: &Common, args: &ImportArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let mut told = Told::new(&args.kind);
    let ready = ready(common, args, &mut told.diagnostics);
    if let Some(ready) = ready.filter(|_| !any_error(&told.diagnostics)) {
        told.target = Some(ready.aim.import.target.to_string());
        ready.import(args, screen, &mut told)?;
    }
    told.show(screen)?;
    Ok(told.exit())
}

/// All that is needed before the first request.
struct Ready {
    workspace: Workspace,
    aim: Aim,
    folder: Folder,
    service: Service,
}

/// The workspace, what is to be done in it, and a connection; every fault is told.
fn ready(common: &Common, args: &ImportArgs, faults: &mut Vec<Diagnostic>) -> Option<Ready> {
    let (workspace, found) = workspace::open(&common.directory, &[]);
    // that there is no document yet is what an import is for
    faults.extend(found.into_iter().filter(|fault| fault.code != "no-document"));
    let workspace = workspace?;
    let aim = Aim::take(&workspace, args, faults)?;
    let folder = Folder::open(&workspace, args, faults);
    let service = connect(&workspace, args, &aim, faults)?;
    Some(Ready { workspace, aim, folder, service })
}

impl Ready {
    fn import(self, args: &ImportArgs, screen: &Screen, told: &mut Told) -> anyhow::Result<()> {
        let Self { workspace, aim, folder, service } = self;
        let runtime = session::runtime()?;
        let fetched = match runtime.block_on(aim.import.fetch(&service, &aim.selectors)) {
            Ok(fetched) => fetched,
            Err(trouble) => {
                told.diagnostics.extend(job::trouble(&trouble));
                return Ok(());
            }
        };
        told.diagnostics.extend(remarks(&aim, args, &fetched));
        let mut place = place(&workspace, &folder, &aim);
        let composed = runtime.block_on(aim.import.compose(&service, &fetched, &mut place));
        told.diagnostics.extend(without_object(&aim, &place.existing, &fetched));
        told.diagnostics.extend(composed.iter().flat_map(Composed::misread));
        let pages = Pages::new(&workspace, &folder, &aim.import);
        let written = write(pages, composed, &mut told.rows);
        told.diagnostics.extend(folder.unseen(&workspace, &told.rows));
        let proof = runtime.block_on(proof(service, &aim, &written, screen));
        told.proven = proof.is_ok();
        told.diagnostics.extend(proof.err().into_iter().flatten());
        Ok(())
    }
}

/// A connection to the target, with its own credentials alone.
fn connect(
    workspace: &Workspace,
    args: &ImportArgs,
    aim: &Aim,
    faults: &mut Vec<Diagnostic>,
) -> Option<Service> {
    let target = workspace.settings.targets.iter().find(|own| own.name == aim.import.target)?;
    let source = &workspace.settings.source;
    let slots = target.credentials(Purpose::Read).into_iter();
    let slots = slots.map(|own| (own.slot.clone(), source.place(own.span))).collect();
    let (secrets, mut unresolved) = slots::resolve(slots, &World::real(&workspace.root));
    faults.append(&mut unresolved);
    let allowance = args.network.allowance();
    let target = target.connect(&secrets, Purpose::Read, args.parallelism)?;
    let services = session::connect(vec![target], &workspace.settings, &args.network, &allowance, faults);
    services.into_values().next()
}

/// What is to be said about what was read.
fn remarks(aim: &Aim, args: &ImportArgs, fetched: &Fetched) -> Vec<Diagnostic> {
    let mut remarks = Vec::new();
    if fetched.total == 0 && aim.selectors.is_empty() {
        let message = "the service shows no objects at all here, which may be missing access";
        remarks.push(
            Diagnostic::warning("empty-collection", message).hint("check the credentials and the scope"),
        );
    }
    for at in &fetched.idle {
        let selector = args.selectors.get(*at).map_or("", String::as_str);
        let message = format!("no live object matches `{}`", selector.escape_debug());
        remarks.push(Diagnostic::error("no-match", message).hint("`*` at either end stands for anything"));
    }
    remarks
}

/// What stands in the workspace already.
fn place<'e>(workspace: &'e Workspace, folder: &'e Folder, aim: &Aim) -> Place<'e> {
    let documents = || workspace.documents.iter().chain(&folder.beside);
    let existing = documents().filter(|document| aim.owns(document));
    let existing = existing.map(|document| Existing { document, here: folder.holds(document) });
    // names are one kind's and one target's, whatever the scope
    let taken = documents().filter(|own| aim.names(own)).map(|own| own.name.to_string());
    Place {
        existing: existing.collect(),
        taken: taken.collect(),
        variables: Variables::new(variables(workspace, documents())),
        registry: &workspace.registry,
    }
}

/// Proves and writes every file; gives the documents over which a plan has to be empty.
fn write<'e>(mut pages: Pages<'e>, composed: Vec<Composed<'e>>, rows: &mut Vec<Row>) -> Vec<Document> {
    let mut same = Vec::new();
    for composed in composed {
        let mut row = Row::of(&composed);
        match composed.work {
            Work::New { text } => row.page = pages.add(text, composed.live, &mut row),
            Work::Changed(revised) => row.page = pages.change(revised, &mut row),
            Work::Same(document) => {
                row.found(document, Word::Unchanged);
                same.push(composed.meanings.in_place(document, &composed.live.object));
            }
            Work::Elsewhere(document) => row.found(document, Word::Elsewhere),
            Work::Not(reasons) => row.refuse(reasons),
        }
        rows.push(row);
    }
    same.extend(pages.write(rows));
    rows.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
    same
}

/// Variables that secrets of this workspace come from already.
fn variables<'d>(workspace: &Workspace, documents: impl Iterator<Item = &'d Document>) -> BTreeSet<String> {
    let credentials = workspace.settings.targets.iter().flat_map(|target| target.auth.all());
    let of_targets = credentials.map(|own| own.slot.clone());
    let of_documents = documents.flat_map(|document| document.spec.slots().map(|(slot, _)| slot.clone()));
    let name = |slot| match slot {
        Slot::Env(name) => Some(name),
        Slot::File(_) | Slot::Command(_) => None,
    };
    of_targets.chain(of_documents).filter_map(name).collect()
}

/// Documents of this place whose objects are gone, when all objects were asked for.
fn without_object(aim: &Aim, existing: &[Existing], fetched: &Fetched) -> Vec<Diagnostic> {
    if !aim.selectors.is_empty() || fetched.total == 0 {
        return Vec::new();
    }
    let number = aim.import.kind.identity.id;
    let live: BTreeSet<String> =
        fetched.objects.iter().filter_map(|live| aim.id_text(live.object.get(number)?)).collect();
    let gone = |document: &&Document| {
        let id = document.id.as_ref().and_then(|id| aim.id_text(id));
        document.state == State::Present && id.is_some_and(|id| !live.contains(&id))
    };
    let here = existing.iter().filter(|existing| existing.here).map(|existing| existing.document);
    here.filter(gone).map(|document| no_object(aim, document)).collect()
}

fn no_object(aim: &Aim, document: &Document) -> Diagnostic {
    let hint = match aim.import.kind.identity.made_by {
        Maker::Server => "a plan will refuse it; remove the document if the object is gone for good",
        Maker::Caller => "a plan will create it; remove the document if the object is gone for good",
    };
    Diagnostic::warning("no-live-object", "no live object has the id of this document")
        .at(document.place(document.id_span))
        .hint(hint)
}

/// The plan over everything that was written.
async fn proof(
    service: Service,
    aim: &Aim,
    documents: &[Document],
    screen: &Screen,
) -> Result<(), Vec<Diagnostic>> {
    let stop = Arc::clone(&service.allowance().stop);
    let services = BTreeMap::from([(Arc::clone(&aim.import.target), service)]);
    let progress = Progress::new(screen, &services);
    let tell = |event: Event| progress.tell(event);
    // what this machine wrote before must not decide whether a document says what is live
    let (memory, index) = (Mutex::new(Written::blank()), Mutex::new(Index::blank()));
    let session = Session {
        services: &services,
        method: Method::Usual,
        // nothing is written
        permits: Permits { personal: true, ..Permits::default() },
        trust_empty: false,
        memory: &memory,
        index: &index,
        references: &References::default(),
        rotate: &NOTHING,
        unmanaged: false,
        retry_creates: false,
        journal: None,
        stop: &stop,
        tell: &tell,
    };
    let proof = prove(&session, &aim.import, documents).await;
    progress.clear();
    proof
}
