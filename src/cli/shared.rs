//! Receipts in the place that machines share: each is put there once it is kept here, and what those of other
//! machines tell of objects is taken over by whoever asks what was applied last.
//!
//! What is about to be shared is marked in `.trueup/outbox` before its run is over, so that a run that was killed
//! in between, or did not reach the place, leaves it to the next one. Others are believed only under the same key.
//! Deliberately absent: how a place is spoken to (`run::archive`), and the journals of this workspace (`records`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use super::screen::Screen;
use super::session::{FOLDER, Prepared, runtime};
use crate::diagnostic::Diagnostic;
use crate::plan::{Plan, Subject};
use crate::report::outcome::{ObjectResult, Word};
use crate::report::receipt::{self as receipts, Receipt};
use crate::report::shown::Action;
use crate::run::archive::{Archive, Trouble};
use crate::run::ledger::{Ledger, Note, Notes};
use crate::run::memory::replace;
use crate::run::receipt;

/// The folder in `.trueup` with the names of receipts that are not shared yet.
const OUTBOX: &str = "outbox";
/// The most receipts of earlier runs that one run shares.
const MOST_LEFT: usize = 20;
/// The most receipts of others that are read.
const MOST_READ: usize = 50;

/// Keeps a receipt here; where receipts are shared, marked as one that is not yet.
///
/// # Errors
/// When it cannot be written.
pub fn keep(prepared: &Prepared, name: &str, text: &str) -> io::Result<PathBuf> {
    let folder = prepared.workspace.root.join(FOLDER);
    if prepared.workspace.settings.receipts.store.is_some() {
        replace(&folder.join(OUTBOX).join(name), b"")?;
    }
    receipt::keep(&folder, name, text)
}

/// Puts a receipt where other machines find it, and says whether it is there. The copy here stays whatever comes
/// of that.
pub fn share(prepared: &Prepared, name: &str, text: &str, screen: &Screen) -> bool {
    let settings = &prepared.workspace.settings;
    let Some(store) = &settings.receipts.store else { return false };
    match at(store, async |archive| archive.put(name, text).await) {
        Ok(own) => {
            screen.say(&format!("receipt: {own}.json in {store}\n"));
            // one that stays is put once more, which changes nothing
            let _ = std::fs::remove_file(prepared.workspace.root.join(FOLDER).join(OUTBOX).join(name));
            true
        }
        Err(why) => {
            let message = format!("the receipt is not in {store}: {why}");
            let fault = Diagnostic::warning("not-shared", message)
                .at(settings.source.place(settings.receipts.span))
                .hint(format!("the next apply puts {FOLDER}/receipts/{name}.json there, which is kept"));
            screen.diagnose(&[fault]);
            false
        }
    }
}

/// Shares receipts of earlier runs that did not come to it, as long as that works.
pub fn share_left(prepared: &Prepared, screen: &Screen) {
    let folder = prepared.workspace.root.join(FOLDER);
    let mut left = names(&folder.join(OUTBOX));
    // a run under way has not kept its own yet
    left.retain(|name| receipt::is_kept(&folder, name));
    for name in left.iter().take(MOST_LEFT) {
        let Ok(Some(text)) = receipt::kept(&folder, name) else { continue };
        if !share(prepared, name, &text, screen) {
            return;
        }
    }
}

/// The names in a folder, oldest first.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The text of a receipt in a shared place.
///
/// # Errors
/// When there is none of that name, or it cannot be read.
pub fn text(store: &Url, name: &str) -> Result<String, Diagnostic> {
    at(store, async |archive| archive.get(name).await).map_err(|why| {
        Diagnostic::error("no-receipt", format!("{name} is neither here nor in {store}: {why}"))
            .hint("name the run of a receipt, as applies tell it")
    })
}

fn at<T>(store: &Url, work: impl AsyncFnOnce(&Archive) -> Result<T, Trouble>) -> Result<T, Trouble> {
    let runtime = runtime().map_err(|_| Trouble::Broken)?;
    let archive = Archive::open(store)?;
    runtime.block_on(work(&archive))
}

/// What the ledger tells others of a run: what it wrote, and what it noted besides.
pub fn notes(prepared: &Prepared, receipt: &Receipt) -> Option<Notes> {
    prepared.workspace.settings.receipts.store.as_ref()?;
    // that it cannot be read was told when this run was noted there
    let ledger = Ledger::open(&prepared.workspace.root.join(FOLDER), prepared.keys.named()).ok()?;
    let note = |result: &ObjectResult| {
        let own = &result.object;
        // of what a run that was cut off wrote the ledger may know nothing
        let done = receipt.ended.is_some() && result.result == Word::Done;
        if done && result.action == Some(Action::Delete) {
            let (target, kind, name) = (own.target.clone(), own.kind.clone(), own.name.clone());
            return Some(Note { target, kind, name, applied: None });
        }
        let noted = ledger.note(&own.target, &own.kind, &own.name)?;
        let is_new = noted.applied.as_ref().is_some_and(|entry| entry.at >= receipt.started);
        (done || is_new).then_some(noted)
    };
    let objects: Vec<Note> = receipt.results.results.iter().filter_map(note).collect();
    (!objects.is_empty()).then(|| Notes { key: ledger.key_told(), objects })
}

/// Lets a ledger know what receipts of other machines tell of the objects in which a plan differs; gives what there
/// is to say about that.
pub fn learn(ledger: &mut Ledger, prepared: &Prepared, plan: &Plan) -> Vec<Diagnostic> {
    let settings = &prepared.workspace.settings;
    let Some(store) = &settings.receipts.store else { return Vec::new() };
    let refused = plan.refused.iter().filter(|own| !own.changes.is_empty()).map(|own| &own.subject);
    let differing = plan.steps.iter().map(|step| &step.subject).chain(refused);
    let sought: BTreeSet<Sought> = differing.map(sought).collect();
    if sought.is_empty() {
        return Vec::new();
    }
    let mut search = Search { prepared, ledger, sought, learned: 0, foreign: 0, broken: None };
    let read = at(store, async |archive| search.read(archive).await);
    let rest = match read {
        Ok(Read::Enough) => None,
        Ok(Read::InPart) => Some(
            Diagnostic::note(
                "older-receipts",
                format!("{MOST_READ} receipts in {store} were read, the newest"),
            )
            .hint("what earlier ones tell was applied does not count"),
        ),
        Err(why) => Some(
            Diagnostic::warning("unread-receipts", format!("the receipts in {store} cannot be read: {why}"))
                .at(settings.source.place(settings.receipts.span))
                .hint("what was applied elsewhere is not known; what is here tells the rest"),
        ),
    };
    search.told(store).into_iter().chain(rest).collect()
}

/// Target, kind and name of an object.
type Sought = (String, String, String);

fn sought(subject: &Subject) -> Sought {
    (subject.target.to_string(), subject.kind.name.to_string(), subject.name.to_string())
}

/// How far receipts were read.
enum Read {
    Enough,
    /// There may be older ones that tell of what is sought.
    InPart,
}

/// A look through receipts, the newest first. The newest that tells of an object counts.
struct Search<'s> {
    prepared: &'s Prepared,
    ledger: &'s mut Ledger,
    /// The objects of which none has told yet.
    sought: BTreeSet<Sought>,
    /// How many objects were last applied elsewhere.
    learned: usize,
    /// How many receipts were made under another key.
    foreign: usize,
    /// What is wrong with the first one that is not believed.
    broken: Option<Diagnostic>,
}

impl Search<'_> {
    async fn read(&mut self, archive: &Archive) -> Result<Read, Trouble> {
        let names = archive.newest(MOST_READ).await?;
        for name in &names {
            match archive.get(name).await {
                Ok(text) => self.hear(name, &text),
                // somebody took it away, or put something else there
                Err(Trouble::Missing | Trouble::TooLong) => {}
                Err(why) => return Err(why),
            }
            if self.sought.is_empty() {
                return Ok(Read::Enough);
            }
        }
        Ok(if names.len() < MOST_READ { Read::Enough } else { Read::InPart })
    }

    /// Takes over what one receipt tells.
    fn hear(&mut self, name: &str, text: &str) {
        let Some(mut receipt) = receipts::open(text) else { return };
        let own = receipt::is_kept(&self.prepared.workspace.root.join(FOLDER), name);
        if own {
            self.know(&receipt);
        }
        let Some(Notes { key, mut objects }) = receipt.applied.take() else { return };
        objects.retain(|note| self.sought.contains(&named(note)) && self.is_ours(&receipt, &note.target));
        if objects.is_empty() {
            return;
        }
        if key != self.ledger.key_told() {
            self.foreign += 1;
            return;
        }
        if let Err(why) = receipts::unsealed(text, |keyed| self.prepared.keys.key_for(keyed)) {
            self.broken.get_or_insert(why);
            return;
        }
        let ended = receipt.ended.unwrap_or(receipt.started);
        for note in objects {
            self.sought.remove(&named(&note));
            let here = self.ledger.get(&note.target, &note.kind, &note.name);
            if here.is_none_or(|here| here.at <= ended) {
                self.learned += usize::from(!own);
                self.ledger.learn(note);
            }
        }
    }

    /// What this workspace wrote or found as wanted in that run, its own ledger knows.
    fn know(&mut self, receipt: &Receipt) {
        let settled =
            receipt.results.results.iter().filter(|own| matches!(own.result, Word::Done | Word::Unchanged));
        for ObjectResult { object, .. } in settled {
            if self.ledger.get(&object.target, &object.kind, &object.name).is_some() {
                self.sought.remove(&(object.target.clone(), object.kind.clone(), object.name.clone()));
            }
        }
    }

    /// Whether a receipt means the same service by the name of a target.
    fn is_ours(&self, receipt: &Receipt, target: &str) -> bool {
        let there = receipt.targets.iter().find(|own| own.name == target);
        let here = self.prepared.services.get(target).map(|service| &service.target);
        there.zip(here).is_some_and(|(there, here)| {
            there.api == *here.api.name && there.base_url == here.base_url.to_string()
        })
    }

    fn told(&self, store: &Url) -> Vec<Diagnostic> {
        let learned = (self.learned > 0).then(|| {
            let objects = if self.learned == 1 { "1 object" } else { &*format!("{} objects", self.learned) };
            let message = format!("receipts in {store} tell what {objects} had last been applied as");
            Diagnostic::note("applied-elsewhere", message)
        });
        let foreign = (self.foreign > 0).then(|| {
            let receipts =
                if self.foreign == 1 { "1 receipt" } else { &*format!("{} receipts", self.foreign) };
            let message = format!("{receipts} in {store} cannot be used: made under another key");
            Diagnostic::note("foreign-receipts", message).hint(
                "give every run the same TRUEUP_DIGEST_KEY; until then what is here tells what was applied",
            )
        });
        let broken = self.broken.as_ref().map(|why| {
            let message = format!("not every receipt in {store} is believed: {}", why.message);
            Diagnostic::warning("unbelieved-receipts", message)
                .hint("what such a receipt says was applied does not count")
        });
        [learned, foreign, broken].into_iter().flatten().collect()
    }
}

fn named(note: &Note) -> Sought {
    (note.target.clone(), note.kind.clone(), note.name.clone())
}
