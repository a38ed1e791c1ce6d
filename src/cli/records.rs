//! The journal of an apply from its first write to its receipt, and what journals say of runs that were cut off.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::digest_keys::DigestKeys;
use super::exit::ExitStatus;
use super::prepared_run::PreparedRun;
use super::run_setup::DiagnosticList;
use super::screen::TerminalScreen;
use super::shared_receipts;
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::plan::{Change, ChangeValueType, Plan, Step};
use crate::remote::target_client::TargetClient;
use crate::report::receipt::Receipt;
use crate::report::{ApplyReport, to_json};
use crate::run::execute;
use crate::run::fetch::ObjectJob;
use crate::run::journal::read::{close_interrupted_run, find_unfinished_runs, parse_run};
use crate::run::journal::{Journal, RecordedRun, RecordedTarget, RunContext};
use crate::run::last_applied::{self, LastApplied};
use crate::run::outcome::StepOutcome;
use crate::run::undo::UndoRecorder;
use crate::run::undo::added::is_addition;
use crate::run::write_digests;
use crate::state::file_lock::try_lock_apply;
use crate::state::files::read_text;
use crate::state::holder_identity::find_holder_identity;
use crate::state::receipt;
use crate::state::receipt_store::ReceiptStore;
use crate::state::sealer::{SealerError, ValueSealer};
use crate::value::Sensitivity;
use crate::workspace::LoadedWorkspace;
use crate::workspace::repository::GitRepository;
use crate::workspace::settings::WorkspaceSettings;
use crate::workspace::state_folder::{STATE_FOLDER, diagnose_unreadable_state};

/// The code of a run that does not begin because another one writes in the workspace.
const APPLY_RUNNING_CODE: &str = "apply-running";
/// How long another run is waited for.
const APPLY_LOCK_TIMEOUT: Duration = Duration::from_secs(600);
/// How often it is looked for.
const APPLY_LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// Begins the journal of an apply, after the runs that were cut off have got their receipts.
///
/// # Errors
/// When that cannot be written; then nothing should be sent.
pub fn begin_journal(
    prepared: &PreparedRun,
    plan: &Plan,
    cut_off: &[RecordedRun],
    reviewed: Option<&str>,
    screen: &TerminalScreen,
) -> Result<Journal, Diagnostic> {
    let safe = build_sealer(&prepared.workspace.settings)?;
    let folder = prepared.workspace.root.join(STATE_FOLDER);
    let begun = || -> anyhow::Result<Journal> {
        write_interrupted_receipts(prepared, cut_off, screen)?;
        let key = find_or_create_key(prepared, plan)?;
        let of = collect_run_context(prepared, reviewed, key.is_some());
        Ok(Journal::begin_run(&folder, of, UndoRecorder { key, sealer: safe })?)
    };
    begun().map_err(|error| diagnose_unwritable_journal(&error))
}

/// A workspace for a command that writes, where this program can keep receipts as the settings ask.
///
/// # Errors
/// When it cannot; that was reported, before anything was sent.
pub fn enable_writes(
    workspace: LoadedWorkspace,
    screen: &TerminalScreen,
) -> Result<LoadedWorkspace, DiagnosticList> {
    let settings = &workspace.settings;
    let mut faults: DiagnosticList =
        [build_sealer(settings).err(), diagnose_missing_cloud(settings)].into_iter().flatten().collect();
    let lock = if faults.is_empty() { lock_workspace(&workspace.root, screen) } else { Ok(None) };
    let lock = lock.map_err(|busy| faults.push(busy)).unwrap_or_default();
    screen.print_diagnostics(&faults);
    if faults.is_empty() { Ok(workspace.with_write_access(lock)) } else { Err(faults) }
}

/// How a command exits that could not begin.
pub fn compute_failure(faults: &[Diagnostic]) -> ExitStatus {
    match faults.iter().any(|fault| fault.code == APPLY_RUNNING_CODE) {
        true => ExitStatus::Refused,
        false => ExitStatus::Error,
    }
}

/// Waits until no other run writes in the workspace.
///
/// # Errors
/// When the other one takes too long. Where no lock can be had, the journal says what is wrong.
fn lock_workspace(root: &Path, screen: &TerminalScreen) -> Result<Option<File>, Diagnostic> {
    let folder = root.join(STATE_FOLDER);
    let began = Instant::now();
    let mut is_reported = false;
    loop {
        match try_lock_apply(&folder) {
            Ok(lock) => return Ok(lock),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Ok(None),
            Err(_) if began.elapsed() > APPLY_LOCK_TIMEOUT => break,
            Err(_) if !is_reported => {
                is_reported = true;
                screen.print_remark("another apply runs in this workspace; waiting until it ends\n");
            }
            Err(_) => std::thread::sleep(APPLY_LOCK_INTERVAL),
        }
    }
    let minutes = APPLY_LOCK_TIMEOUT.as_secs() / 60;
    let message = format!("another apply has run in this workspace for {minutes} minutes");
    Err(Diagnostic::error(APPLY_RUNNING_CODE, message).with_hint("wait until it ends, then run again"))
}

/// What is said where a program without clouds is to put receipts into one.
fn diagnose_missing_cloud(settings: &WorkspaceSettings) -> Option<Diagnostic> {
    let store = settings.receipts.store.as_ref().filter(|store| !ReceiptStore::is_built_in(store))?;
    let message = format!("this build has no cloud support, and receipts go to {store}");
    let fault = Diagnostic::error("no-cloud-support", message)
        .with_location(settings.source.locate_span(settings.receipts.span));
    Some(fault.with_hint("use a released build, or build with `--features cloud`"))
}

/// Where values under a mark are sealed, where that is asked for.
fn build_sealer(settings: &WorkspaceSettings) -> Result<Option<ValueSealer>, Diagnostic> {
    let Some(recipients) = &settings.receipts.recipients else { return Ok(None) };
    let place = settings.source.locate_span(settings.receipts.span);
    ValueSealer::new(recipients).map(Some).map_err(|unfit| match unfit {
        SealerError::NotBuiltIn => diagnose_missing_encryption().with_location(place),
        SealerError::InvalidKey => {
            Diagnostic::error("invalid-recipient", "one of these recipients is not valid")
                .with_location(place)
                .with_hint("name age public keys, as `age-keygen` prints them: `age1…`")
        }
    })
}

/// What is said where a program without encryption is to seal or open.
pub fn diagnose_missing_encryption() -> Diagnostic {
    Diagnostic::error("no-encryption-support", "this build has no encryption support")
        .with_hint("use a released build, or build with `--features encryption`")
}

/// The key of a run's digests. One that writes what does not read back needs one, or its receipt could not tell
/// what was written.
fn find_or_create_key(prepared: &PreparedRun, plan: &Plan) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let folder = prepared.workspace.root.join(STATE_FOLDER);
    match prepared.keys.key() {
        Some(key) => Ok(Some(Zeroizing::new(key.to_vec()))),
        None if !plan.steps.iter().any(needs_key) => Ok(None),
        None => write_digests::load_key(&folder).map(Some),
    }
}

/// Whether a record of a step has digests of values: those that do not read back, and those under a mark that are put
/// where nothing is.
fn needs_key(step: &Step) -> bool {
    let is_marked = |change: &Change| {
        change.sensitivity > Sensitivity::Public || matches!(change.value_type, ChangeValueType::Object(_))
    };
    let is_marked_addition = |change: &Change| is_addition(step, change) && is_marked(change);
    !step.hidden.is_empty() || step.changes.iter().any(is_marked_addition)
}

fn collect_run_context(prepared: &PreparedRun, reviewed: Option<&str>, keyed: bool) -> RunContext {
    let spoken = |service: &TargetClient| RecordedTarget {
        name: service.target.name.to_string(),
        api: service.target.api.name.to_string(),
        base_url: service.target.base_url.to_string(),
    };
    let commit = GitRepository::discover(&prepared.workspace.root).and_then(|repository| repository.head());
    RunContext {
        plan: reviewed.map(str::to_owned),
        who: Some(find_holder_identity()),
        commit: commit.map(|commit| commit.to_string()),
        keyed,
        targets: prepared.services.values().map(spoken).collect(),
    }
}

fn diagnose_unwritable_journal(error: &anyhow::Error) -> Diagnostic {
    let message = format!("`{STATE_FOLDER}/journal` cannot be written; nothing was sent: {error}");
    Diagnostic::error("not-recorded", message).with_hint(
        "without the journal, the outcome of a killed run is unknown; free disk space or fix the permissions",
    )
}

/// Says which earlier runs were cut off.
pub fn report_interrupted_runs(root: &Path, screen: &TerminalScreen) -> Vec<RecordedRun> {
    let accounts = match find_unfinished_runs(&root.join(STATE_FOLDER)) {
        Ok(accounts) => accounts,
        Err(error) => {
            let hint = "the outcome of earlier runs is unknown; live objects are read again";
            let fault = diagnose_unreadable_state("journal", &error).with_hint(hint);
            screen.print_diagnostics(&[Diagnostic { severity: DiagnosticSeverity::Warning, ..fault }]);
            return Vec::new();
        }
    };
    for account in &accounts {
        let has_receipt = receipt::has_receipt(&root.join(STATE_FOLDER), &account.name);
        let diagnostic = match (account.ended.is_some(), has_receipt) {
            (false, _) => diagnose_interrupted_run(account),
            (true, false) => diagnose_run_without_receipt(account),
            // only the last line of its journal is missing
            (true, true) => continue,
        };
        screen.print_diagnostics(&[diagnostic]);
    }
    accounts
}

fn diagnose_run_without_receipt(account: &RecordedRun) -> Diagnostic {
    let message = format!("the apply of {} came to its end, and has no receipt", account.started);
    let hint = format!("the next apply makes it from `{STATE_FOLDER}/journal/{}.jsonl`", account.name);
    Diagnostic::warning("no-receipt", message).with_hint(hint)
}

fn diagnose_interrupted_run(account: &RecordedRun) -> Diagnostic {
    let done = account.results.iter().filter(|end| end.result == "done").count();
    let open = account.find_open_requests();
    let names: Vec<&str> = open.iter().take(5).map(|sent| &*sent.object.name).collect();
    let more = if open.len() > names.len() { ", …" } else { "" };
    let unknown = match open.len() {
        0 => "nothing unknown".to_owned(),
        number => format!("{number} unknown ({}{more})", names.join(", ")),
    };
    let message = format!("the apply of {} was interrupted: {done} done, {unknown}", account.started);
    let hint = format!(
        "every object is read again; `trueup show {STATE_FOLDER}/journal/{}.jsonl` shows the details",
        account.name
    );
    Diagnostic::warning("interrupted-run", message).with_hint(hint)
}

/// Gives runs that were cut off their receipts, so that they are reported once.
fn write_interrupted_receipts(
    prepared: &PreparedRun,
    accounts: &[RecordedRun],
    screen: &TerminalScreen,
) -> anyhow::Result<()> {
    let folder = prepared.workspace.root.join(STATE_FOLDER);
    for account in accounts {
        // one that was killed between its receipt and the end of its journal has said more than is known here
        let text = match receipt::read_receipt(&folder, &account.name)? {
            Some(text) => text,
            None => {
                let mut receipt = Receipt::new(account, None);
                receipt.applied = shared_receipts::collect_applied_notes(prepared, &receipt);
                let text = to_json(&receipt.seal(prepared.keys.select_key(account.context.keyed))?)?;
                shared_receipts::keep_receipt(prepared, &account.name, &text)?;
                text
            }
        };
        shared_receipts::share_receipt(prepared, &account.name, &text, screen);
        close_interrupted_run(&folder, account)?;
    }
    Ok(())
}

/// Gives runs that were cut off their receipts where there is nothing left to write.
pub fn recover_interrupted_runs(prepared: &PreparedRun, accounts: &[RecordedRun], screen: &TerminalScreen) {
    if let Err(error) = write_interrupted_receipts(prepared, accounts, screen) {
        let message = format!("the receipt of an interrupted run cannot be written: {error}");
        let hint = "its journal has the same content; free disk space or fix the permissions";
        screen.print_diagnostics(&[Diagnostic::warning("no-receipt", message).with_hint(hint)]);
    }
    shared_receipts::share_pending_receipts(prepared, screen);
}

/// Notes what each object was applied as, so that a later difference can be put down to a side; whether that is on
/// record now.
///
/// Where `in_part`, the documents name only what was written, and the rest stays as it was applied before.
pub fn record_last_applied(
    prepared: &PreparedRun,
    jobs: &[ObjectJob],
    in_part: bool,
    outcomes: &[StepOutcome],
    screen: &TerminalScreen,
) -> bool {
    let folder = prepared.workspace.root.join(STATE_FOLDER);
    let key = prepared.keys.environment_key();
    let recorded = LastApplied::record_outcomes(&folder, key, outcomes, jobs, in_part);
    let Err(error) = recorded else { return true };
    if !in_part && !LastApplied::has_updates(&folder, key, outcomes, jobs) {
        return true;
    }
    let fault = diagnose_unrecorded(&error);
    screen.print_diagnostics(&[Diagnostic { severity: DiagnosticSeverity::Error, ..fault }]);
    false
}

fn diagnose_unrecorded(error: &io::Error) -> Diagnostic {
    let message = format!("`{STATE_FOLDER}/{}` cannot be written: {}", last_applied::FILE, error.kind());
    let hint = "`trueup drift` cannot distinguish edits of these documents from edits of their objects";
    Diagnostic::warning("not-recorded", message).with_hint(hint)
}

/// Records what the objects are that a plan found in sync, so that a later difference is put down to the side that was
/// edited; a warning where that cannot be kept, as in a checkout that can only be read.
pub fn record_baselines(prepared: &PreparedRun, jobs: &[ObjectJob], plan: &Plan) -> Option<Diagnostic> {
    record_plan(&prepared.workspace.root, &prepared.keys, jobs, plan)
}

/// The same for documents that an import has written.
pub fn record_imported(root: &Path, jobs: &[ObjectJob], plan: &Plan) {
    if let Ok(keys) = DigestKeys::load(root) {
        record_plan(root, &keys, jobs, plan);
    }
}

fn record_plan(root: &Path, keys: &DigestKeys, jobs: &[ObjectJob], plan: &Plan) -> Option<Diagnostic> {
    let outcomes = execute::build_unstarted_outcomes(plan);
    let (folder, key) = (root.join(STATE_FOLDER), keys.environment_key());
    let error = LastApplied::record_outcomes(&folder, key, &outcomes, jobs, false).err()?;
    LastApplied::has_updates(&folder, key, &outcomes, jobs).then(|| diagnose_unrecorded(&error))
}

/// How a run ended that had nothing to write.
pub struct RunConclusion {
    pub results: ApplyReport,
    /// The environments that are verified.
    pub verified: Vec<String>,
}

/// Keeps the receipt of a run that had nothing to write and found environments verified; gives what kept it from that.
pub fn record_verified(
    prepared: &PreparedRun,
    plan: &Plan,
    RunConclusion { results, verified }: RunConclusion,
    screen: &TerminalScreen,
) -> Option<Diagnostic> {
    let journal = match begin_journal(prepared, plan, &[], None, screen) {
        Ok(journal) => journal,
        Err(fault) => return Some(fault),
    };
    complete_journal(&journal)
        .or_else(|| note_verified(&journal, &verified))
        .or_else(|| close_journal(prepared, &journal, results, screen))
}

/// Notes that every object of a run has its result; gives what kept it from that.
pub fn complete_journal(journal: &Journal) -> Option<Diagnostic> {
    journal.complete_run().err().map(|error| diagnose_missing_receipt(&error.into()))
}

/// Notes which environments a run has verified; gives what kept it from that.
pub fn note_verified(journal: &Journal, verified: &[String]) -> Option<Diagnostic> {
    journal.record_verified(verified).err().map(|error| diagnose_missing_receipt(&error.into()))
}

/// Keeps the receipt of a run and ends its journal; gives what kept it from that. A journal without a receipt stays
/// open, and the next run makes the receipt from it.
pub fn close_journal(
    prepared: &PreparedRun,
    journal: &Journal,
    results: ApplyReport,
    screen: &TerminalScreen,
) -> Option<Diagnostic> {
    write_receipt(prepared, journal, results, screen).err().map(|error| diagnose_missing_receipt(&error))
}

fn diagnose_missing_receipt(error: &anyhow::Error) -> Diagnostic {
    Diagnostic::error("no-receipt", format!("the receipt cannot be written: {error}")).with_hint(
        "free disk space or fix the permissions; the next apply makes the receipt from the journal of the run",
    )
}

fn write_receipt(
    prepared: &PreparedRun,
    journal: &Journal,
    results: ApplyReport,
    screen: &TerminalScreen,
) -> anyhow::Result<()> {
    let (folder, name) = (prepared.workspace.root.join(STATE_FOLDER), journal.name().to_owned());
    let text = read_text(&folder.join("journal").join(format!("{name}.jsonl")))?;
    let mut account =
        parse_run(name.clone(), &text).ok_or_else(|| anyhow::anyhow!("its journal cannot be read"))?;
    account.ended.get_or_insert_with(crate::run::clock::format_now);
    let mut receipt = Receipt::new(&account, Some(results));
    receipt.applied = shared_receipts::collect_applied_notes(prepared, &receipt);
    let text = to_json(&receipt.seal(journal.key())?)?;
    shared_receipts::keep_receipt(prepared, &name, &text)?;
    journal.finish_run()?;
    screen.print_remark(&format!("receipt: {STATE_FOLDER}/receipts/{name}.json\n"));
    if shared_receipts::share_receipt(prepared, &name, &text, screen) {
        shared_receipts::share_pending_receipts(prepared, screen);
    }
    Ok(())
}
