//! The journal of an apply from its first write to its receipt, and what journals say of runs that were cut off.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::repository::Repository;
use super::screen::Screen;
use super::session::{FOLDER, Faults, Prepared, forgotten};
use super::settings::Settings;
use super::shared;
use super::who::who;
use super::workspace::Workspace;
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::remote::service::Service;
use crate::report::ApplyReport;
use crate::report::receipt::Receipt;
use crate::report::to_json;
use crate::run::archive::Archive;
use crate::run::gather::Job;
use crate::run::journal::{self, Account, Circumstances, Journal, Spoken};
use crate::run::ledger::{self, Ledger};
use crate::run::memory;
use crate::run::outcome::Outcome;
use crate::run::receipt;
use crate::run::undo::Keeper;
use crate::run::undo::safe::{Safe, Unfit};

/// Begins the journal of an apply, after the runs that were cut off have got their receipts.
///
/// # Errors
/// When that cannot be written; then nothing should be sent.
pub fn begin(
    prepared: &Prepared,
    plan: &Plan,
    (cut_off, reviewed): (&[Account], Option<&str>),
    screen: &Screen,
) -> Result<Journal, Diagnostic> {
    let safe = safe(&prepared.workspace.settings)?;
    let folder = prepared.workspace.root.join(FOLDER);
    let begun = || -> anyhow::Result<Journal> {
        take_up(prepared, cut_off, screen)?;
        let key = key(prepared, plan)?;
        let of = circumstances(prepared, reviewed, key.is_some());
        Ok(Journal::begin(&folder, of, Keeper { key, safe })?)
    };
    begun().map_err(|error| unwritable(&error))
}

/// A workspace for a command that writes, where this program can keep receipts as the settings ask.
///
/// # Errors
/// When it cannot; that was told, before anything was sent.
pub fn to_write(workspace: Workspace, screen: &Screen) -> Result<Workspace, Faults> {
    let settings = &workspace.settings;
    let faults: Faults = [safe(settings).err(), without_clouds(settings)].into_iter().flatten().collect();
    screen.diagnose(&faults);
    if faults.is_empty() { Ok(workspace.to_write()) } else { Err(faults) }
}

/// What is said where a program without clouds is to put receipts into one.
fn without_clouds(settings: &Settings) -> Option<Diagnostic> {
    let store = settings.receipts.store.as_ref().filter(|store| !Archive::is_built_in(store))?;
    let message = format!("this program was built without clouds, and receipts go to {store}");
    let fault = Diagnostic::error("no-clouds", message).at(settings.source.place(settings.receipts.span));
    Some(fault.hint("take one that was released, or build it with `--features cloud`"))
}

/// Where values under a mark are sealed, where that is asked for.
fn safe(settings: &Settings) -> Result<Option<Safe>, Diagnostic> {
    let Some(recipients) = &settings.receipts.recipients else { return Ok(None) };
    let place = settings.source.place(settings.receipts.span);
    Safe::new(recipients).map(Some).map_err(|unfit| match unfit {
        Unfit::NotBuiltIn => no_encryption().at(place),
        Unfit::Unreadable => Diagnostic::error("bad-recipient", "one of these recipients is none")
            .at(place)
            .hint("name public keys of age, as `age-keygen` tells them: `age1…`"),
    })
}

/// What is said where a program without encryption is to seal or open.
pub fn no_encryption() -> Diagnostic {
    Diagnostic::error("no-encryption", "this program was built without encryption")
        .hint("take one that was released, or build it with `--features encryption`")
}

/// The key of a run's digests. One that writes what does not read back needs one, or its receipt could not tell
/// what was written.
fn key(prepared: &Prepared, plan: &Plan) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let folder = prepared.workspace.root.join(FOLDER);
    match prepared.keys.key() {
        Some(key) => Ok(Some(Zeroizing::new(key.to_vec()))),
        None if plan.steps.iter().all(|step| step.hidden.is_empty()) => Ok(None),
        None => memory::key(&folder).map(Some),
    }
}

fn circumstances(prepared: &Prepared, reviewed: Option<&str>, keyed: bool) -> Circumstances {
    let spoken = |service: &Service| Spoken {
        name: service.target.name.to_string(),
        api: service.target.api.name.to_string(),
        base_url: service.target.base_url.to_string(),
    };
    let commit = Repository::of(&prepared.workspace.root).and_then(|repository| repository.head());
    Circumstances {
        plan: reviewed.map(str::to_owned),
        who: Some(who()),
        commit: commit.map(|commit| commit.to_string()),
        keyed,
        targets: prepared.services.values().map(spoken).collect(),
    }
}

fn unwritable(error: &anyhow::Error) -> Diagnostic {
    let message = format!("`{FOLDER}/journal` cannot be written, so nothing was sent: {error}");
    Diagnostic::error("not-recorded", message)
        .hint("without it nobody could tell what a killed run did; make room or give access")
}

/// Says which earlier runs were cut off.
pub fn tell_cut_off(root: &Path, screen: &Screen) -> Vec<Account> {
    let accounts = match journal::unfinished(&root.join(FOLDER)) {
        Ok(accounts) => accounts,
        Err(error) => {
            let hint = "what earlier runs did cannot be told; live objects are read all the same";
            let fault = forgotten("journal", &error).hint(hint);
            screen.diagnose(&[Diagnostic { severity: crate::diagnostic::Severity::Warning, ..fault }]);
            return Vec::new();
        }
    };
    for account in &accounts {
        screen.diagnose(&[cut_off(account)]);
    }
    accounts
}

fn cut_off(account: &Account) -> Diagnostic {
    let done = account.ends.iter().filter(|end| end.result == "done").count();
    let open = account.open();
    let names: Vec<&str> = open.iter().take(5).map(|sent| &*sent.object.name).collect();
    let more = if open.len() > names.len() { ", …" } else { "" };
    let unknown = match open.len() {
        0 => "nothing is unknown".to_owned(),
        number => format!("{number} unknown ({}{more})", names.join(", ")),
    };
    let message = format!("the apply of {} was cut off: {done} done, {unknown}", account.started);
    let hint = format!(
        "every object is looked up again; `trueup show {FOLDER}/journal/{}.jsonl` tells all",
        account.name
    );
    Diagnostic::warning("cut-off", message).hint(hint)
}

/// Gives runs that were cut off their receipts, so that they are told once.
fn take_up(prepared: &Prepared, accounts: &[Account], screen: &Screen) -> anyhow::Result<()> {
    let folder = prepared.workspace.root.join(FOLDER);
    for account in accounts {
        // one that was killed between its receipt and the end of its journal has told more than is known here
        let text = match receipt::kept(&folder, &account.name)? {
            Some(text) => text,
            None => {
                let mut receipt = Receipt::new(account, None);
                receipt.applied = shared::notes(prepared, &receipt);
                let text = to_json(&receipt.seal(prepared.keys.key_for(account.of.keyed))?)?;
                shared::keep(prepared, &account.name, &text)?;
                text
            }
        };
        shared::share(prepared, &account.name, &text, screen);
        journal::take_up(&folder, account)?;
    }
    Ok(())
}

/// Gives runs that were cut off their receipts where there is nothing left to write.
pub fn account_for(prepared: &Prepared, accounts: &[Account], screen: &Screen) {
    if let Err(error) = take_up(prepared, accounts, screen) {
        let message = format!("the receipt of a run that was cut off cannot be written: {error}");
        let hint = "its journal tells the same; make room or give access";
        screen.diagnose(&[Diagnostic::warning("no-receipt", message).hint(hint)]);
    }
    shared::share_left(prepared, screen);
}

/// Notes what each object was applied as, for whoever asks later which side moved.
///
/// Where `in_part`, the documents name only what was written, and the rest stays as it was applied before.
pub fn note_applied(
    prepared: &Prepared,
    (jobs, in_part): (&[Job], bool),
    outcomes: &[Outcome],
    screen: &Screen,
) {
    let folder = prepared.workspace.root.join(FOLDER);
    if let Err(error) = Ledger::settle((&folder, prepared.keys.named()), outcomes, jobs, in_part) {
        let message = format!("`{FOLDER}/{}` cannot be written: {}", ledger::FILE, error.kind());
        let hint = "`trueup drift` cannot tell edits of these documents from edits of their objects";
        screen.diagnose(&[Diagnostic::warning("not-recorded", message).hint(hint)]);
    }
}

/// Ends a journal and keeps the receipt.
pub fn close(prepared: &Prepared, journal: &Journal, results: ApplyReport, screen: &Screen) {
    if let Err(error) = keep(prepared, journal, results, screen) {
        let message = format!("the receipt cannot be written: {error}");
        let hint = "the journal of the run tells the same; make room or give access";
        screen.diagnose(&[Diagnostic::warning("no-receipt", message).hint(hint)]);
    }
}

fn keep(prepared: &Prepared, journal: &Journal, results: ApplyReport, screen: &Screen) -> anyhow::Result<()> {
    let (folder, name) = (prepared.workspace.root.join(FOLDER), journal.name().to_owned());
    let receipt = || -> anyhow::Result<Option<String>> {
        let text = super::saved::read(&folder.join("journal").join(format!("{name}.jsonl")))?;
        let Some(mut account) = journal::account(name.clone(), &text) else { return Ok(None) };
        account.ended = Some(crate::run::now());
        let mut receipt = Receipt::new(&account, Some(results));
        receipt.applied = shared::notes(prepared, &receipt);
        let text = to_json(&receipt.seal(journal.key())?)?;
        shared::keep(prepared, &name, &text)?;
        Ok(Some(text))
    };
    // a run that is killed before the end of its journal is taken up by the next one: none is without a receipt
    let kept = receipt();
    journal.finish()?;
    let Some(text) = kept? else { return Ok(()) };
    screen.say(&format!("receipt: {FOLDER}/receipts/{name}.json\n"));
    if shared::share(prepared, &name, &text, screen) {
        shared::share_left(prepared, screen);
    }
    Ok(())
}
