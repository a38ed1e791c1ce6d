//! `trueup show`: a file that an earlier run wrote, in any format; no workspace, no network.

use std::path::Path;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::report_args::ReportArgs;
use super::reports::{ReportContent, ReportOutputs, ReportedCommand};
use super::screen::TerminalScreen;
use super::{plan, shared_receipts};
use crate::cli::digest_keys::DigestKeys;
use crate::diagnostic::Diagnostic;
use crate::report::receipt::{self, Receipt};
use crate::report::saved_plan::{SavedPlan, is_plan, read_unverified, read_verified};
use crate::report::to_json;
use crate::run::journal::read::parse_run;
use crate::state::files::read_text;
use crate::state::receipt as receipts;
use crate::workspace;
use crate::workspace::state_folder::STATE_FOLDER;

/// Arguments of `show`.
#[derive(Args)]
#[command(after_help = "\
The job that made the plan has written its annotations already, so `show` writes annotations with `--ci github` only.

Exit codes: 0 shown; 1 the file cannot be read.")]
pub struct ShowArgs {
    /// A saved plan, a file in `.trueup/receipts` or `.trueup/journal`, or the name of a run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub beside: ReportArgs,
}

/// Shows a saved plan, a receipt, or the journal of a run that was interrupted.
///
/// # Errors
/// When the file cannot be read, or stdout or a report not be written.
pub fn run(common: &GlobalArgs, args: &ShowArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let Some(reports) = ReportOutputs::new(common, &args.beside, ReportedCommand::File, screen) else {
        return Ok(ExitStatus::Usage);
    };
    let screen = &reports.select_screen(screen);
    let path = receipts::resolve_path(&common.directory.join(STATE_FOLDER), &common.directory, &args.file);
    let text = match read_shared_receipt(&common.directory, &path, &args.file) {
        Some(Ok(text)) => text,
        Some(Err(why)) => return report_failure(why, screen, &reports),
        None => read_text(&path).map_err(|why| anyhow!("{} cannot be read: {why}", args.file.display()))?,
    };
    if is_plan(&text) {
        return show_plan(&text, &common.directory, screen, &reports);
    }
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let receipt = match parse_run(name, &text) {
        Some(account) => Some(Receipt::new(&account, None)),
        None => receipt::read_unverified(&text),
    };
    match receipt {
        Some(receipt) => self::show_receipt(&receipt, screen, &reports),
        None => report_failure(diagnose_unknown_file(&args.file), screen, &reports),
    }
}

/// A receipt that is not here, from the place that the workspace shares; nothing where it shares none.
fn read_shared_receipt(root: &Path, path: &Path, named: &Path) -> Option<Result<String, Diagnostic>> {
    if path.exists() {
        return None;
    }
    let (base, _) = workspace::open_config(root);
    let store = base?.settings.receipts.store?;
    Some(shared_receipts::read_receipt(&store, &named.to_string_lossy()))
}

fn diagnose_unknown_file(path: &Path) -> Diagnostic {
    let message = format!("{} is not a saved plan, a receipt or a journal", path.display());
    Diagnostic::error("unknown-file", message)
        .with_hint("name a file written by `trueup plan -o FILE`, or a file in `.trueup/receipts`")
}

fn report_failure(
    why: Diagnostic,
    screen: &TerminalScreen,
    reports: &ReportOutputs,
) -> anyhow::Result<ExitStatus> {
    screen.print_diagnostics(std::slice::from_ref(&why));
    plan::report_failure(vec![why], screen, reports)
}

fn show_receipt(
    receipt: &Receipt,
    screen: &TerminalScreen,
    reports: &ReportOutputs,
) -> anyhow::Result<ExitStatus> {
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(receipt)?)?,
        StdoutFormat::Text => screen.print_stdout(&receipt.render_text(screen.width()))?,
    }
    reports.write_reports(&ReportContent::Receipt(receipt), screen)?;
    Ok(ExitStatus::Done)
}

/// Whoever has no key may look at a plan that was made under one; that its seal was not checked is said.
fn show_plan(
    text: &str,
    root: &Path,
    screen: &TerminalScreen,
    reports: &ReportOutputs,
) -> anyhow::Result<ExitStatus> {
    let read = DigestKeys::load(root).and_then(|keys| open_plan(text, &keys));
    let plan = match read {
        Ok((plan, unchecked)) => {
            screen.print_diagnostics(&unchecked);
            plan
        }
        Err(fault) => return report_failure(fault, screen, reports),
    };
    screen.print_remark(&plan.describe_origin());
    plan::print_report(&plan.report, screen)?;
    reports.write_reports(&ReportContent::Plan(&plan.report), screen)?;
    Ok(ExitStatus::Done)
}

fn open_plan(text: &str, keys: &DigestKeys) -> Result<(SavedPlan, Vec<Diagnostic>), Diagnostic> {
    match read_verified(text, |keyed| keys.select_key(keyed)) {
        Ok(plan) => Ok((plan, Vec::new())),
        Err(fault) if fault.code == "no-digest-key" => {
            let message = "this plan was sealed with a key that is not set, so its seal was not verified";
            let hint = "set TRUEUP_DIGEST_KEY to verify that it is unchanged";
            Ok((
                read_unverified(text)?,
                vec![Diagnostic::warning("unverified-plan", message).with_hint(hint)],
            ))
        }
        Err(fault) => Err(fault),
    }
}
