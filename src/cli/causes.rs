//! Why the changes of a plan are there, and which of them are wanted.
//!
//! In a Git repository the base of the branch tells what the branch itself edits; records tell what moved by
//! hand. Without both a plan has no causes, and nothing is said about them unless someone asked.
//! Deliberately absent: what a cause is (`plan::cause`).

use clap::{Args, ValueEnum};

use super::exit::ExitStatus;
use super::history::ObjectHistory;
use super::merge_base::GitBranch;
use super::prepared_run::PreparedRun;
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::plan::Plan;
use crate::plan::cause::{self, ChangeCause};
use crate::run::fetch::ObjectJob;

/// Which changes are wanted, by their cause.
#[derive(Args, Clone, Default)]
pub struct CauseArgs {
    /// The commit to compare this branch with [default: the merge base with the main branch of CI or of the remote]
    #[arg(long, value_name = "REF", env = "TRUEUP_BASE", hide_env_values = true)]
    pub base: Option<String>,
    /// Plan only objects that differ for this cause alone; objects with other causes too are refused, because a write may replace the whole object
    #[arg(long, value_enum, value_name = "CAUSE", env = "TRUEUP_ONLY", hide_env_values = true)]
    pub only: Option<CauseArg>,
    /// Refuse to plan a branch that does not contain the latest commits of the main branch
    #[arg(long, env = "TRUEUP_REQUIRE_UP_TO_DATE", hide_env_values = true)]
    pub require_up_to_date: bool,
}

/// A cause to select.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum CauseArg {
    /// What this branch edits
    ThisBranch,
}

/// What keeps a plan from being reported.
pub struct CauseFailure {
    pub diagnostic: Diagnostic,
    pub exit: ExitStatus,
}

/// Notes the causes of a plan's changes and takes out those that are not wanted. Gives the branch, where there
/// is one.
///
/// # Errors
/// When the branch is not up to date although it has to be, or what was asked cannot be known.
pub fn explain_plan(
    plan: &mut Plan,
    jobs: &[ObjectJob],
    prepared: &PreparedRun,
    requested: Option<&CauseArgs>,
) -> Result<Option<GitBranch>, CauseFailure> {
    let default = CauseArgs::default();
    let requested = requested.unwrap_or(&default);
    let needed = requested.base.is_some() || requested.require_up_to_date || requested.only.is_some();
    let unknown = |why| CauseFailure { diagnostic: why, exit: ExitStatus::Error };
    let branch = match prepared.find_branch(requested.base.as_deref()) {
        Ok(branch) => branch,
        Err(why) if needed => return Err(unknown(why)),
        Err(why) => {
            plan.diagnostics.push(Diagnostic { severity: DiagnosticSeverity::Warning, ..why });
            None
        }
    };
    if requested.require_up_to_date {
        let behind = branch
            .as_ref()
            .ok_or_else(diagnose_missing_branch)
            .and_then(GitBranch::diagnose_behind)
            .map_err(unknown)?;
        if let Some(why) = behind {
            return Err(CauseFailure { diagnostic: why, exit: ExitStatus::Refused });
        }
    }
    ObjectHistory::annotate_plan(plan, jobs, prepared, branch.as_ref());
    if requested.only == Some(CauseArg::ThisBranch) {
        let left_out = cause::retain_cause(plan, ChangeCause::Branch);
        plan.diagnostics.extend((left_out > 0).then(|| diagnose_left_out_objects(left_out)));
    }
    Ok(branch)
}

/// Notes the causes of a plan's changes as far as they are known, and says nothing where they are not: who applies
/// has seen a plan that did.
pub fn label_plan(plan: &mut Plan, jobs: &[ObjectJob], prepared: &PreparedRun) {
    let said = plan.diagnostics.len();
    let branch = prepared.find_branch(None).ok().flatten();
    ObjectHistory::annotate_plan(plan, jobs, prepared, branch.as_ref());
    plan.diagnostics.truncate(said);
}

fn diagnose_missing_branch() -> Diagnostic {
    Diagnostic::error("no-repository", "no Git repository, or no main branch in it")
        .with_hint("run in a clone with the main branch, or name it with `--base`")
}

fn diagnose_left_out_objects(objects: usize) -> Diagnostic {
    let objects = if objects == 1 { "1 object is".to_owned() } else { format!("{objects} objects are") };
    Diagnostic::note(
        "not-selected",
        format!("{objects} skipped: this branch is not the cause of their differences"),
    )
    .with_hint("run without `--only` to see them, or run `trueup drift`")
}
