//! `trueup undo`: what an apply overwrote becomes an ordinary plan again, with the same gates and the same proof.
//!
//! The receipt says what was there; only what still holds what that run wrote is touched. The documents in Git
//! are not: they still ask for what is undone, which is said.
//! Deliberately absent: what is asked for instead (`run::undo`).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::apply::{self, Way};
use super::args::{Common, Reading, Selection, UndoArgs};
use super::events::Events;
use super::exit::Exit;
use super::keys::Keys;
use super::plan;
use super::progress::Progress;
use super::records::{self, no_encryption};
use super::reports::{Of, Reports};
use super::saved;
use super::screen::Screen;
use super::session::{self, FOLDER, Faults, Prepared, Reach};
use super::shared;
use super::workspace::Workspace;
use crate::diagnostic::{Diagnostic, Source};
use crate::document::Document;
use crate::plan::{Plan, Subject, gate};
use crate::report::receipt::{self, Receipt};
use crate::run::Event;
use crate::run::outcome::Outcome;
use crate::run::planning;
use crate::run::receipt as receipts;
use crate::run::undo::back::{self, Case, Trail};
use crate::run::undo::safe::{Opener, Unfit};

/// The variable that names what opens sealed values.
const IDENTITY: &str = "TRUEUP_AGE_IDENTITY";

/// Undoes what an apply did, as far as it is still there; with `-o` the plan is only saved.
///
/// # Errors
/// When the plan or the result cannot be written.
pub fn run(common: &Common, args: &UndoArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let of = if args.output.is_some() { Of::Plan } else { Of::Apply };
    let Some(reports) = Reports::new(common, &args.beside, of, screen) else { return Ok(Exit::Usage) };
    let Some(screen) = &reports.sighted(screen, args.sight) else { return Ok(Exit::Usage) };
    Events::during(&reports.events, |events| {
        let way = Way {
            approved: args.auto_approve,
            all_or_nothing: args.all_or_nothing,
            reports: Some(&reports),
            events: Some(events),
            ..Way::default()
        };
        undone(common, args, (screen, &reports), way)
    })
}

fn undone(
    common: &Common,
    args: &UndoArgs,
    (screen, reports): (&Screen, &Reports),
    way: Way,
) -> anyhow::Result<Exit> {
    let writes = args.output.is_none();
    let opened = session::open(common, &Selection { paths: Vec::new() }, screen)
        .and_then(|workspace| if writes { records::to_write(workspace, screen) } else { Ok(workspace) })
        .and_then(|workspace| open(workspace, &args.receipt, &args.reading, screen));
    let (prepared, undoing) = match opened {
        Ok(opened) => opened,
        Err(faults) if writes => return apply::not_begun(&[], &faults, screen, way).map(|()| Exit::Error),
        Err(faults) => return plan::unplanned(faults, screen, reports),
    };
    match &args.output {
        Some(file) => {
            let file = common.directory.join(file);
            let wish = plan::Wish { output: Some(&file), reports: Some(reports), ..plan::Wish::default() };
            planned(&prepared, &undoing, (&args.reading, screen), wish)
        }
        None => {
            let way = Way { undoing: Some(&undoing), ..way };
            apply::applied(&prepared.for_writing(), &args.reading, screen, way)
        }
    }
}

/// Target, kind and name of an object.
type Name = (Arc<str>, Arc<str>, Arc<str>);

/// What a run did, and what becomes of it.
pub struct Undoing {
    /// The name of the run.
    pub run: String,
    commit: Option<String>,
    cases: HashMap<Name, Case>,
}

impl Undoing {
    fn case(&self, subject: &Subject) -> Option<&Case> {
        self.cases.get(&(subject.target.clone(), subject.kind.name.clone(), subject.name.clone()))
    }

    /// Leaves in a plan only what undoes.
    pub fn hold(&self, plan: &mut Plan) {
        back::hold(plan, |subject| self.case(subject));
        if !plan.steps.is_empty() {
            plan.diagnostics.push(self.documents_differ());
        }
    }

    /// Says of each object that was written what of it stays as it is.
    pub fn tell(&self, outcomes: &mut [Outcome]) {
        for outcome in outcomes {
            if let Some(case) = self.case(&outcome.subject).filter(|case| case.is_partial()) {
                outcome.findings.extend(case.stays.iter().cloned());
            }
        }
    }

    /// How many objects of a plan are undone in part.
    pub fn parts<'s>(&self, subjects: impl Iterator<Item = &'s Subject>) -> usize {
        subjects.filter(|subject| self.case(subject).is_some_and(Case::is_partial)).count()
    }

    fn documents_differ(&self) -> Diagnostic {
        let message = "the documents still ask for what this undoes, so the next apply would write it again";
        let hint = match &self.commit {
            Some(commit) => format!("take it back in Git too: `git revert {commit}`, or edit the documents"),
            None => "edit the documents, or take the commit back that asked for it".to_owned(),
        };
        Diagnostic::warning("documents-differ", message).hint(hint)
    }
}

/// Prepares a workspace to undo what a receipt tells, whose name or file is given.
///
/// # Errors
/// With the faults that keep it from that; they were told.
pub fn open(
    mut workspace: Workspace,
    named: &Path,
    reading: &Reading,
    screen: &Screen,
) -> Result<(Prepared, Undoing), Faults> {
    let told = |fault: Diagnostic| {
        screen.diagnose(std::slice::from_ref(&fault));
        vec![fault]
    };
    let keys = Keys::of(&workspace.root).map_err(told)?;
    let (text, shown) = find(&workspace, named).map_err(told)?;
    let receipt = receipt::unsealed(&text, |keyed| keys.key_for(keyed)).map_err(told)?;
    fits(&receipt, &workspace).map_err(told)?;
    let opener = opener(&workspace.root).map_err(told)?;
    let trails = trails(&receipt, (&workspace, &shown), opener.as_ref()).map_err(told)?;
    let protected = protected(&workspace);
    let own = std::mem::take(&mut workspace.documents);
    let own = |trail: &Trail| own.iter().find(|document| trail.is_of(document));
    workspace.documents = trails.iter().map(|trail| trail.sought(own(trail))).collect();
    let reading = Reading { unmanaged: false, ..reading.clone() };
    let mut prepared = session::prepare(workspace, &reading, Reach::PART, screen, session::REAL)?;
    let keyed = receipt.seal.as_ref().is_some_and(|seal| seal.keyed);
    let reads = look(&prepared, &reading, screen).map_err(told)?;
    let mut cases = HashMap::new();
    let sought = std::mem::take(&mut prepared.workspace.documents);
    for ((trail, sought), read) in trails.iter().zip(&sought).zip(&reads) {
        let mut case = trail.case(read.as_ref(), sought, keys.key_for(keyed));
        case.document.protect = is_protected(&case.document, &protected, &prepared);
        let document = case.document.clone();
        let name =
            (document.target.clone().unwrap_or_default(), document.kind.name.clone(), document.name.clone());
        prepared.workspace.documents.push(document);
        cases.insert(name, case);
    }
    Ok((prepared, Undoing { run: receipt.run, commit: receipt.commit, cases }))
}

type Reads = Vec<Option<crate::run::gather::Read>>;

/// The objects as they are now.
fn look(prepared: &Prepared, reading: &Reading, screen: &Screen) -> Result<Reads, Diagnostic> {
    let runtime = session::runtime()
        .map_err(|error| Diagnostic::error("no-runtime", error.to_string()).hint("run again"))?;
    let progress = Progress::new(screen, &prepared.services);
    let tell = |event: Event| progress.tell(event);
    let session = prepared.session(reading, &tell);
    let reads = runtime.block_on(planning::look(&session, &prepared.jobs()));
    progress.clear();
    Ok(reads)
}

/// The text of a receipt, by its file or by the name of its run, here or in the shared place, and how the file is
/// called.
fn find(workspace: &Workspace, named: &Path) -> Result<(String, String), Diagnostic> {
    let path = receipts::here(&workspace.root.join(FOLDER), &workspace.root, named);
    if let (false, Some(store)) = (path.is_file(), &workspace.settings.receipts.store) {
        let name = named.to_string_lossy();
        return Ok((shared::text(store, &name)?, format!("{store}/{name}.json")));
    }
    let text = saved::read(&path).map_err(|error| {
        Diagnostic::error("no-receipt", format!("{} cannot be read: {error}", named.display()))
            .hint(format!("name a file in {FOLDER}/{}, or the run that it is of", receipts::FOLDER))
    })?;
    Ok((text, workspace.shown(&path)))
}

/// A receipt counts for the services that it was made at.
fn fits(receipt: &Receipt, workspace: &Workspace) -> Result<(), Diagnostic> {
    let foreign = |message: String| {
        Err(Diagnostic::error("foreign-receipt", message)
            .hint("undo it in the workspace, and with the targets, in which it was made"))
    };
    for object in &receipt.objects {
        let Some(then) = receipt.targets.iter().find(|target| target.name == object.target) else {
            return foreign(format!("this receipt does not say where target {} was", clean(&object.target)));
        };
        let here = workspace.settings.targets.iter().find(|target| *target.name == *object.target);
        let Some(here) = here else {
            return foreign(format!("there is no target {} here", clean(&object.target)));
        };
        if *here.api.name != *then.api || *here.base_url.as_str() != *then.base_url {
            return foreign(format!("target {} is not the one that this receipt was made at", here.name));
        }
    }
    Ok(())
}

fn clean(text: &str) -> String {
    crate::report::clean::line(text).into_owned()
}

/// What opens sealed values, where the environment names it: a file, or an identity itself.
fn opener(root: &Path) -> Result<Option<Opener>, Diagnostic> {
    let Some(named) = std::env::var_os(IDENTITY).filter(|named| !named.is_empty()) else { return Ok(None) };
    let unreadable = |why: String| {
        Diagnostic::error("bad-identity", format!("what {IDENTITY} names is no identity: {why}"))
            .hint("name the file that `age-keygen` wrote")
    };
    let itself = named.to_str().filter(|text| text.starts_with("AGE-SECRET-KEY-"));
    let text = match itself {
        Some(text) => Zeroizing::new(text.to_owned()),
        None => saved::read(&root.join(named))
            .map(Zeroizing::new)
            .map_err(|error| unreadable(error.kind().to_string()))?,
    };
    Opener::new(&text).map(Some).map_err(|unfit| match unfit {
        Unfit::NotBuiltIn => no_encryption(),
        Unfit::Unreadable => unreadable("it is of another form".to_owned()),
    })
}

fn trails(
    receipt: &Receipt,
    (workspace, file): (&Workspace, &str),
    opener: Option<&Opener>,
) -> Result<Vec<Trail>, Diagnostic> {
    let source = Source::new(file, "");
    let trail = |entry: &crate::run::undo::Entry| {
        let kind = workspace.registry.kind(&entry.kind)?;
        Trail::new(kind, entry.clone(), &source, opener)
    };
    let misfit = |entry: &crate::run::undo::Entry| {
        let message = format!("what this receipt says of {} does not fit its kind", clean(&entry.name));
        Diagnostic::error("foreign-receipt", message)
            .hint("undo it with the version of the program, and of `apis/`, that made it")
    };
    receipt.objects.iter().map(|entry| trail(entry).ok_or_else(|| misfit(entry))).collect()
}

type Names = Vec<(Option<Arc<str>>, Arc<str>, Arc<str>)>;

/// The objects that their documents protect.
fn protected(workspace: &Workspace) -> Names {
    let protected = workspace.documents.iter().filter(|document| document.protect);
    protected.map(|own| (own.target.clone(), own.kind.name.clone(), own.name.clone())).collect()
}

/// Protection holds whoever asks, and survives the removal of its document.
fn is_protected(document: &Document, protected: &Names, prepared: &Prepared) -> bool {
    let (target, kind, name) = (&document.target, &document.kind.name, &document.name);
    let index = prepared.index.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let known = index.get(target.as_deref().unwrap_or_default(), kind, name);
    known.is_some_and(|own| own.protect) || protected.contains(&(target.clone(), kind.clone(), name.clone()))
}

/// Shows and saves the plan, and writes nothing to any service.
fn planned(
    prepared: &Prepared,
    undoing: &Undoing,
    (reading, screen): (&Reading, &Screen),
    wish: plan::Wish,
) -> anyhow::Result<Exit> {
    let mut plan = plan::made(prepared, reading, screen)?;
    let objects = gate::objects(&plan);
    undoing.hold(&mut plan);
    let of = saved::Of { commit: None, undoes: Some(undoing.run.clone()) };
    plan::concluded((plan, objects, of), (prepared, reading), screen, wish)
}
