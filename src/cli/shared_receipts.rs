//! Receipts in the place that machines share: each is put there once it is kept here, and what those of other
//! machines tell of objects is taken over by whoever asks what was applied last.
//!
//! What is about to be shared is marked in `.trueup/outbox` before its run is over, so that a run that was killed
//! in between, or did not reach the place, leaves it to the next one. Others are believed only under the same key.
//! Deliberately absent: how a place is spoken to (`run::archive`), and the journals of this workspace (`records`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use tokio::runtime::Runtime;
use url::Url;

use super::prepared_run::PreparedRun;
use super::runtime::build_runtime;
use super::screen::TerminalScreen;
use crate::diagnostic::Diagnostic;
use crate::document::{Document, visit_spec};
use crate::kind::ScalarType;
use crate::kind::visit::{NodeType, VisitFlow};
use crate::plan::rotate::is_rotatable;
use crate::plan::{Plan, PlanSubject, Step};
use crate::report::outcome::{ObjectResult, ResultStatus};
use crate::report::plan_report::ActionView;
use crate::report::receipt::{self as receipts, Receipt};
use crate::run::last_applied::{DigestExport, DigestRecord, LastApplied};
use crate::run::write_digests::WrittenObjectKey;
use crate::state::files::replace_file;
use crate::state::receipt;
use crate::state::receipt_error::ReceiptStoreError;
use crate::state::receipt_store::ReceiptStore;
use crate::workspace::state_folder::STATE_FOLDER;

/// The folder in `.trueup` with the names of receipts that are not shared yet.
const OUTBOX: &str = "outbox";
/// The most receipts of earlier runs that one run shares.
const MAX_SHARED_RECEIPTS: usize = 20;
/// The most receipts of others that are read.
pub const MAX_READ_RECEIPTS: usize = 50;

/// Keeps a receipt here; where receipts are shared, marked as one that is not yet.
///
/// # Errors
/// When it cannot be written.
pub fn keep_receipt(prepared: &PreparedRun, name: &str, text: &str) -> io::Result<PathBuf> {
    let folder = prepared.workspace.root.join(STATE_FOLDER);
    if prepared.workspace.settings.receipts.store.is_some() {
        replace_file(&folder.join(OUTBOX).join(name), b"")?;
    }
    receipt::write_receipt(&folder, name, text)
}

/// Puts a receipt where other machines find it, and says whether it is there. The copy here stays whatever comes
/// of that.
pub fn share_receipt(prepared: &PreparedRun, name: &str, text: &str, screen: &TerminalScreen) -> bool {
    let settings = &prepared.workspace.settings;
    let Some(store) = &settings.receipts.store else { return false };
    match run_on_archive(store, async |archive| archive.put_receipt(name, text).await) {
        Ok(own) => {
            screen.print_remark(&format!("receipt: {own}.json in {store}\n"));
            // one that stays is put once more, which changes nothing
            let _ = std::fs::remove_file(prepared.workspace.root.join(STATE_FOLDER).join(OUTBOX).join(name));
            true
        }
        Err(why) => {
            let message = format!("the receipt is not in {store}: {why}");
            let fault = Diagnostic::warning("not-shared", message)
                .with_location(settings.source.locate_span(settings.receipts.span))
                .with_hint(format!(
                    "the next apply uploads {STATE_FOLDER}/receipts/{name}.json, which is kept"
                ));
            screen.print_diagnostics(&[fault]);
            false
        }
    }
}

/// Shares receipts of earlier runs that did not come to it, as long as that works.
pub fn share_pending_receipts(prepared: &PreparedRun, screen: &TerminalScreen) {
    let folder = prepared.workspace.root.join(STATE_FOLDER);
    let mut left = list_names(&folder.join(OUTBOX));
    // a run under way has not kept its own yet
    left.retain(|name| receipt::has_receipt(&folder, name));
    for name in left.iter().take(MAX_SHARED_RECEIPTS) {
        let Ok(Some(text)) = receipt::read_receipt(&folder, name) else { continue };
        if !share_receipt(prepared, name, &text, screen) {
            return;
        }
    }
}

/// The names in a folder, oldest first.
fn list_names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The text of a receipt in a shared place.
///
/// # Errors
/// When there is none of that name, or it cannot be read.
pub fn read_receipt(store: &Url, name: &str) -> Result<String, Diagnostic> {
    run_on_archive(store, async |archive| archive.get_receipt(name).await).map_err(|why| {
        Diagnostic::error(
            "no-receipt",
            format!("{name} exists neither in this workspace nor in {store}: {why}"),
        )
        .with_hint("name the run of a receipt, as `trueup apply` prints it")
    })
}

/// Does `work` with the store at this URL.
///
/// # Errors
/// When the store cannot be opened, and those of the work.
pub fn run_on_archive<T>(
    store: &Url,
    work: impl AsyncFnOnce(&ReceiptStore) -> Result<T, ReceiptStoreError>,
) -> Result<T, ReceiptStoreError> {
    let runtime = build_runtime().map_err(|_| ReceiptStoreError::Unavailable)?;
    let archive = ReceiptStore::open(store)?;
    run_detached(runtime, work(&archive))
}

/// A folder on a network that hangs keeps its thread, and nobody waits for that.
fn run_detached<T>(runtime: Runtime, work: impl Future<Output = T>) -> T {
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

/// What the ledger tells others of a run: what it wrote, and what it noted besides.
pub fn collect_applied_notes(prepared: &PreparedRun, receipt: &Receipt) -> Option<DigestExport> {
    prepared.workspace.settings.receipts.store.as_ref()?;
    // that it cannot be read was told when this run was noted there
    let ledger =
        LastApplied::open(&prepared.workspace.root.join(STATE_FOLDER), prepared.keys.environment_key())
            .ok()?;
    let note = |result: &ObjectResult| {
        let own = &result.object;
        // of what a run that was interrupted wrote the ledger may know nothing
        let done = receipt.ended.is_some() && result.result == ResultStatus::Done;
        if done && result.action == Some(ActionView::Delete) {
            let (target, kind, name) = (own.target.clone(), own.kind.clone(), own.name.clone());
            let (id, written) = (None, Vec::new());
            return Some(DigestRecord { target, kind, name, applied: None, id, protect: false, written });
        }
        let mut noted = ledger.export_record(&own.target, &own.kind, &own.name)?;
        let index = prepared.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = index.get(&own.target, &own.kind, &own.name) {
            (noted.id, noted.protect) = (entry.id.clone(), entry.protect);
        }
        // digests under the key of this machine say nothing elsewhere
        if prepared.keys.environment_key().is_some() {
            let digests = prepared.write_digests.lock().unwrap_or_else(PoisonError::into_inner);
            noted.written = digests.export_written(identify_written(&noted));
        }
        let is_new = noted.applied.as_ref().is_some_and(|entry| entry.at >= receipt.started);
        (done || is_new).then_some(noted)
    };
    let objects: Vec<DigestRecord> = receipt.results.results.iter().filter_map(note).collect();
    (!objects.is_empty()).then(|| DigestExport { key: ledger.key_digest(), objects })
}

/// Lets a ledger know what receipts of other machines tell of the objects in which a plan differs; gives what there
/// is to say about that.
pub fn merge_shared_receipts(
    ledger: &mut LastApplied,
    prepared: &PreparedRun,
    plan: &Plan,
) -> Vec<Diagnostic> {
    let settings = &prepared.workspace.settings;
    let Some(store) = &settings.receipts.store else { return Vec::new() };
    let refused = plan.refused.iter().filter(|own| !own.changes.is_empty()).map(|own| &own.subject);
    let differing = plan.steps.iter().map(|step| &step.subject).chain(refused);
    let sought: BTreeSet<ReceiptObjectKey> = differing.map(build_subject_key).collect();
    if sought.is_empty() {
        return Vec::new();
    }
    let mut search =
        ReceiptSearch { prepared, ledger, pending: sought, learned: 0, foreign: 0, invalid: None };
    let read = run_on_archive(store, async |archive| search.read_receipts(archive).await);
    let rest = match read {
        Ok(ReceiptSearchResult::Complete) => None,
        Ok(ReceiptSearchResult::Partial) => Some(
            Diagnostic::note(
                "older-receipts",
                format!("{MAX_READ_RECEIPTS} receipts in {store} were read, the newest"),
            )
            .with_hint("older receipts are ignored"),
        ),
        Err(why) => Some(
            Diagnostic::warning(
                "unreadable-receipts",
                format!("the receipts in {store} cannot be read: {why}"),
            )
            .with_location(settings.source.locate_span(settings.receipts.span))
            .with_hint("applies of other machines are unknown; only local records are used"),
        ),
    };
    search.diagnose_search(store).into_iter().chain(rest).collect()
}

/// The steps, by the numbers of their documents, whose objects the newest receipt about each protects. A place that
/// cannot be read protects nothing: what is known here decides.
pub fn find_protected(steps: &[&Step], prepared: &PreparedRun) -> BTreeSet<usize> {
    let mut protected = BTreeSet::new();
    let Some(store) = prepared.workspace.settings.receipts.store.as_ref().filter(|_| !steps.is_empty())
    else {
        return protected;
    };
    let mut open: Vec<&PlanSubject> = steps.iter().map(|step| &step.subject).collect();
    let read = run_on_archive(store, async |archive| {
        for name in archive.list_newest(MAX_READ_RECEIPTS).await? {
            let Ok(text) = archive.get_receipt(&name).await else { continue };
            for note in read_trusted_notes(&text, prepared) {
                open.retain(|subject| {
                    let is_about = is_about_object(&note, subject);
                    protected.extend((is_about && note.protect).then_some(subject.number));
                    !is_about
                });
            }
        }
        Ok(())
    });
    read.map(|()| protected).unwrap_or_default()
}

/// Learns from receipts what other machines last wrote where the services do not show it, of the objects whose
/// documents supply such values. The newest receipt about each counts. A place that cannot be read teaches nothing.
pub fn learn_written_values(prepared: &PreparedRun) {
    let Some(store) = &prepared.workspace.settings.receipts.store else { return };
    let documents = prepared.workspace.documents.iter().filter(|document| supplies_hidden_value(document));
    let mut sought: BTreeSet<ReceiptObjectKey> = documents
        .filter_map(|own| {
            Some((own.target.as_ref()?.to_string(), own.kind.name.to_string(), own.name.to_string()))
        })
        .collect();
    if sought.is_empty() || prepared.keys.environment_key().is_none() {
        return;
    }
    let read = run_on_archive(store, async |archive| {
        for name in archive.list_newest(MAX_READ_RECEIPTS).await? {
            if sought.is_empty() {
                break;
            }
            let Ok(text) = archive.get_receipt(&name).await else { continue };
            for mut note in read_trusted_notes(&text, prepared) {
                if sought.remove(&build_note_key(&note)) {
                    let written = std::mem::take(&mut note.written);
                    let mut digests = prepared.write_digests.lock().unwrap_or_else(PoisonError::into_inner);
                    digests.import_written(identify_written(&note), written);
                }
            }
        }
        Ok(())
    });
    // drift and apply report a place that cannot be read
    let _ = read;
}

/// Whether a document supplies a value that a service may not show.
fn supplies_hidden_value(document: &Document) -> bool {
    let mut supplies = false;
    visit_spec(document, &mut |at| {
        supplies |= matches!(at.node_type, NodeType::Field) && is_rotatable(at.field);
        VisitFlow::Descend
    });
    supplies
}

fn identify_written(note: &DigestRecord) -> WrittenObjectKey<'_> {
    WrittenObjectKey { target: &note.target, kind: &note.kind, name: &note.name, id: note.id.as_deref() }
}

/// What a receipt tells of objects of the same services, if it is sealed under the same key.
fn read_trusted_notes(text: &str, prepared: &PreparedRun) -> Vec<DigestRecord> {
    let Some(mut receipt) = receipts::read_unverified(text) else { return Vec::new() };
    let trusted = receipts::read_verified(text, |keyed| prepared.keys.select_key(keyed)).is_ok();
    let Some(export) = receipt.applied.take().filter(|_| trusted) else { return Vec::new() };
    let same = |note: &DigestRecord| is_same_service(prepared, &receipt, &note.target);
    export.objects.into_iter().filter(same).collect()
}

fn is_about_object(note: &DigestRecord, subject: &PlanSubject) -> bool {
    let id = subject.id.as_ref().map(|id| ScalarType::render_url_text(id, &subject.kind.api));
    (*note.kind == *subject.kind.name && *note.target == *subject.target)
        && (note.id.is_some() && note.id == id || *note.name == *subject.name)
}

/// Whether a receipt means the same service by the name of a target.
fn is_same_service(prepared: &PreparedRun, receipt: &Receipt, target: &str) -> bool {
    let there = receipt.targets.iter().find(|own| own.name == target);
    let here = prepared.services.get(target).map(|service| &service.target);
    there.zip(here).is_some_and(|(there, here)| {
        there.api == *here.api.name && there.base_url == here.base_url.to_string()
    })
}

/// Target, kind and name of an object.
type ReceiptObjectKey = (String, String, String);

fn build_subject_key(subject: &PlanSubject) -> ReceiptObjectKey {
    (subject.target.to_string(), subject.kind.name.to_string(), subject.name.to_string())
}

/// How far receipts were read.
enum ReceiptSearchResult {
    Complete,
    /// There may be older ones that tell of what is sought.
    Partial,
}

/// A look through receipts, the newest first. The newest that tells of an object counts.
struct ReceiptSearch<'s> {
    prepared: &'s PreparedRun,
    ledger: &'s mut LastApplied,
    /// The objects of which none has told yet.
    pending: BTreeSet<ReceiptObjectKey>,
    /// How many objects were last applied elsewhere.
    learned: usize,
    /// How many receipts were made under another key.
    foreign: usize,
    /// What is wrong with the first one that is not believed.
    invalid: Option<Diagnostic>,
}

impl ReceiptSearch<'_> {
    async fn read_receipts(
        &mut self,
        archive: &ReceiptStore,
    ) -> Result<ReceiptSearchResult, ReceiptStoreError> {
        let names = archive.list_newest(MAX_READ_RECEIPTS).await?;
        for name in &names {
            match archive.get_receipt(name).await {
                Ok(text) => self.merge_receipt(name, &text),
                // somebody took it away, or put something else there
                Err(ReceiptStoreError::NotFound | ReceiptStoreError::TooLong) => {}
                Err(why) => return Err(why),
            }
            if self.pending.is_empty() {
                return Ok(ReceiptSearchResult::Complete);
            }
        }
        Ok(if names.len() < MAX_READ_RECEIPTS {
            ReceiptSearchResult::Complete
        } else {
            ReceiptSearchResult::Partial
        })
    }

    /// Takes over what one receipt tells.
    fn merge_receipt(&mut self, name: &str, text: &str) {
        let Some(mut receipt) = receipts::read_unverified(text) else { return };
        let own = receipt::has_receipt(&self.prepared.workspace.root.join(STATE_FOLDER), name);
        if own {
            self.skip_known_objects(&receipt);
        }
        let Some(DigestExport { key, mut objects }) = receipt.applied.take() else { return };
        objects.retain(|note| {
            self.pending.contains(&build_note_key(note))
                && is_same_service(self.prepared, &receipt, &note.target)
        });
        if objects.is_empty() {
            return;
        }
        if key != self.ledger.key_digest() {
            self.foreign += 1;
            return;
        }
        if let Err(why) = receipts::read_verified(text, |keyed| self.prepared.keys.select_key(keyed)) {
            self.invalid.get_or_insert(why);
            return;
        }
        let ended = receipt.ended.unwrap_or(receipt.started);
        for note in objects {
            self.pending.remove(&build_note_key(&note));
            let here = self.ledger.get(&note.target, &note.kind, &note.name);
            if here.is_none_or(|here| here.at <= ended) {
                self.learned += usize::from(!own);
                self.ledger.import_record(note);
            }
        }
    }

    /// What this workspace wrote or found unchanged in that run, its own ledger knows.
    fn skip_known_objects(&mut self, receipt: &Receipt) {
        let settled = receipt
            .results
            .results
            .iter()
            .filter(|own| matches!(own.result, ResultStatus::Done | ResultStatus::Unchanged));
        for ObjectResult { object, .. } in settled {
            if self.ledger.get(&object.target, &object.kind, &object.name).is_some() {
                self.pending.remove(&(object.target.clone(), object.kind.clone(), object.name.clone()));
            }
        }
    }

    fn diagnose_search(&self, store: &Url) -> Vec<Diagnostic> {
        let learned = (self.learned > 0).then(|| {
            let objects = if self.learned == 1 { "1 object" } else { &*format!("{} objects", self.learned) };
            let message = format!("receipts in {store} have the last applied state of {objects}");
            Diagnostic::note("applied-elsewhere", message)
        });
        let foreign = (self.foreign > 0).then(|| {
            let receipts =
                if self.foreign == 1 { "1 receipt" } else { &*format!("{} receipts", self.foreign) };
            let message = format!("{receipts} in {store} cannot be used: sealed with another key");
            Diagnostic::note("receipt-key-mismatch", message).with_hint(
                "set the same TRUEUP_DIGEST_KEY for every run; until then only local records are used",
            )
        });
        let broken = self.invalid.as_ref().map(|why| {
            let message = format!("some receipts in {store} are not trusted: {}", why.message);
            Diagnostic::warning("untrusted-receipts", message).with_hint("these receipts are ignored")
        });
        [learned, foreign, broken].into_iter().flatten().collect()
    }
}

fn build_note_key(note: &DigestRecord) -> ReceiptObjectKey {
    (note.target.clone(), note.kind.clone(), note.name.clone())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_thread_that_hangs_keeps_nobody_waiting() {
        let began = Instant::now();
        let done = run_detached(build_runtime().expect("a runtime"), async {
            let hangs = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(20)));
            tokio::time::timeout(Duration::from_millis(50), hangs).await.is_err()
        });
        assert!(done && began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}
