//! Why the changes of a plan are there, and which of them are wanted.
//!
//! In a Git repository the base of the branch tells what the branch itself edits; records tell what moved by
//! hand. Without both a plan has no causes, and nothing is said about them unless somebody asked.
//! Deliberately absent: what a cause is (`plan::cause`).

use super::args::{CauseWord, Causes};
use super::exit::Exit;
use super::past::{Branch, Pasts};
use super::session::Prepared;
use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::Plan;
use crate::plan::cause::{self, Cause};
use crate::run::gather::Job;

/// What keeps a plan from being told.
pub struct Fault {
    pub why: Diagnostic,
    pub exit: Exit,
}

/// Notes the causes of a plan's changes and takes out those that are not wanted. Gives the branch, where there
/// is one.
///
/// # Errors
/// When the branch is not up to date although it has to be, or what was asked cannot be known.
pub fn explain(
    plan: &mut Plan,
    jobs: &[Job],
    prepared: &Prepared,
    asked: Option<&Causes>,
) -> Result<Option<Branch>, Fault> {
    let default = Causes::default();
    let asked = asked.unwrap_or(&default);
    let needed = asked.base.is_some() || asked.require_up_to_date || asked.only.is_some();
    let unknown = |why| Fault { why, exit: Exit::Error };
    let branch = match Branch::of(&prepared.workspace.root, asked.base.as_deref()) {
        Ok(branch) => branch,
        Err(why) if needed => return Err(unknown(why)),
        Err(why) => {
            plan.diagnostics.push(Diagnostic { severity: Severity::Warning, ..why });
            None
        }
    };
    if asked.require_up_to_date {
        let behind = branch.as_ref().ok_or_else(no_branch).and_then(Branch::behind).map_err(unknown)?;
        if let Some(why) = behind {
            return Err(Fault { why, exit: Exit::Refused });
        }
    }
    Pasts::note(plan, jobs, prepared, branch.as_ref());
    if asked.only == Some(CauseWord::ThisBranch) {
        let left_out = cause::only(plan, Cause::Branch);
        plan.diagnostics.extend((left_out > 0).then(|| left_alone(left_out)));
    }
    Ok(branch)
}

/// Notes the causes of a plan's changes as far as they are known, and says nothing where they are not: who applies
/// has seen a plan that did.
pub fn label(plan: &mut Plan, jobs: &[Job], prepared: &Prepared) {
    let said = plan.diagnostics.len();
    let branch = Branch::of(&prepared.workspace.root, None).ok().flatten();
    Pasts::note(plan, jobs, prepared, branch.as_ref());
    plan.diagnostics.truncate(said);
}

fn no_branch() -> Diagnostic {
    Diagnostic::error("no-repository", "there is no Git repository here, or no main branch in it")
        .hint("run in a clone with the main branch, or name it with `--base`")
}

fn left_alone(objects: usize) -> Diagnostic {
    let objects = if objects == 1 { "1 object is".to_owned() } else { format!("{objects} objects are") };
    Diagnostic::note("left-alone", format!("{objects} left alone: this branch is not why they differ"))
        .hint("leave `--only` out to see them, or look at `trueup drift`")
}
