//! `trueup show`: a file that an earlier run wrote, in any format; no workspace, no network.

use std::path::Path;

use anyhow::anyhow;

use super::args::{Common, Format, ShowArgs};
use super::exit::Exit;
use super::keys::Keys;
use super::plan;
use super::reports::{Of, Reports, Shown};
use super::saved;
use super::screen::Screen;
use super::session::FOLDER;
use super::shared;
use super::workspace;
use crate::diagnostic::Diagnostic;
use crate::report::receipt::{self, Receipt};
use crate::report::saved::{SavedPlan, is_plan, open, unsealed};
use crate::report::to_json;
use crate::run::journal;
use crate::run::receipt as receipts;

/// Shows a saved plan, a receipt, or the journal of a run that was cut off.
///
/// # Errors
/// When the file cannot be read, or stdout or a report not be written.
pub fn run(common: &Common, args: &ShowArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(reports) = Reports::new(common, &args.beside, Of::File, screen) else { return Ok(Exit::Usage) };
    let screen = &reports.screen(screen);
    let path = receipts::here(&common.directory.join(FOLDER), &common.directory, &args.file);
    let text = match shared(&common.directory, &path, &args.file) {
        Some(Ok(text)) => text,
        Some(Err(why)) => return not_shown(why, screen, &reports),
        None => saved::read(&path).map_err(|why| anyhow!("{} cannot be read: {why}", args.file.display()))?,
    };
    if is_plan(&text) {
        return plan(&text, &common.directory, screen, &reports);
    }
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let receipt = match journal::account(name, &text) {
        Some(account) => Some(Receipt::new(&account, None)),
        None => receipt::open(&text),
    };
    match receipt {
        Some(receipt) => self::receipt(&receipt, screen, &reports),
        None => not_shown(unknown(&args.file), screen, &reports),
    }
}

/// A receipt that is not here, from the place that the workspace shares; nothing where it shares none.
fn shared(root: &Path, path: &Path, named: &Path) -> Option<Result<String, Diagnostic>> {
    if path.exists() {
        return None;
    }
    let (base, _) = workspace::base(root);
    let store = base?.settings.receipts.store?;
    Some(shared::text(&store, &named.to_string_lossy()))
}

fn unknown(path: &Path) -> Diagnostic {
    let message = format!("{} is nothing that this program wrote to be shown", path.display());
    Diagnostic::error("unknown-file", message)
        .hint("name a file that `trueup plan -o FILE` wrote, or one in `.trueup/receipts`")
}

fn not_shown(why: Diagnostic, screen: &Screen, reports: &Reports) -> anyhow::Result<Exit> {
    screen.diagnose(std::slice::from_ref(&why));
    plan::unplanned(vec![why], screen, reports)
}

fn receipt(receipt: &Receipt, screen: &Screen, reports: &Reports) -> anyhow::Result<Exit> {
    match screen.format {
        Format::Json => screen.out(&to_json(receipt)?)?,
        Format::Text => screen.out(&receipt.text(screen.width()))?,
    }
    reports.write(&Shown::Receipt(receipt), screen)?;
    Ok(Exit::Done)
}

/// Whoever has no key may look at a plan that was made under one; that its seal was not checked is said.
fn plan(text: &str, root: &Path, screen: &Screen, reports: &Reports) -> anyhow::Result<Exit> {
    let read = Keys::of(root).and_then(|keys| read(text, &keys));
    let plan = match read {
        Ok((plan, unchecked)) => {
            screen.diagnose(&unchecked);
            plan
        }
        Err(fault) => return not_shown(fault, screen, reports),
    };
    screen.say(&plan.about());
    plan::show_report(&plan.report, screen)?;
    reports.write(&Shown::Plan(&plan.report), screen)?;
    Ok(Exit::Done)
}

fn read(text: &str, keys: &Keys) -> Result<(SavedPlan, Vec<Diagnostic>), Diagnostic> {
    match open(text, |keyed| keys.key_for(keyed)) {
        Ok(plan) => Ok((plan, Vec::new())),
        Err(fault) if fault.code == "no-digest-key" => {
            let message = "this plan was made under a key that is not here, so its seal was not checked";
            let hint = "set TRUEUP_DIGEST_KEY to know that nobody changed it";
            Ok((unsealed(text)?, vec![Diagnostic::warning("unchecked-plan", message).hint(hint)]))
        }
        Err(fault) => Err(fault),
    }
}
