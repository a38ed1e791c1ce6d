//! The order of environments: one that comes `after` another is applied once the same commit is verified there.
//!
//! At the end of an apply, each environment that others come after is planned once more. If nothing differs, the
//! receipt names it as verified, with the commit. Receipts of this workspace and shared ones are the evidence; without
//! one, with edits that are not committed, or without a commit, the apply is refused.
//! Deliberately absent: what happens to the service after that.

use std::collections::BTreeSet;

use super::plan::make_plan_within;
use super::prepared_run::PreparedRun;
use super::run_args::RunArgs;
use super::run_setup::{self, RunSelection};
use super::screen::TerminalScreen;
use super::shared_receipts::{MAX_READ_RECEIPTS, run_on_archive};
use crate::compose::settings::EnvironmentSettings;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::plan::permission::PermissionLimit;
use crate::plan::{Plan, RefusedObject};
use crate::report::receipt as receipts;
use crate::report::sanitize::{self, format_count};
use crate::report::saved_plan::SavedPlan;
use crate::state::receipt;
use crate::state::receipt_error::ReceiptStoreError;
use crate::workspace;
use crate::workspace::LoadedWorkspace;
use crate::workspace::repository::GitRepository;
use crate::workspace::state_folder::STATE_FOLDER;

/// The characters of a commit that are shown.
const SHOWN_COMMIT: usize = 12;
/// So many objects that are not in sync are named.
const MAX_SHOWN_OBJECTS: usize = 5;
/// What is to be done about objects without a document, by their action or the code of their refusal.
const REMEDIES: [(&str, &str); 2] = [
    ("delete", "`--allow-delete` deletes objects that are to be absent"),
    ("protected", "`trueup forget` releases a protected object whose document was removed"),
];

/// A run in a workspace where environments come after each other, and the commit that it applies.
pub struct OrderedRun<'r> {
    prepared: &'r PreparedRun,
    reading: &'r RunArgs,
    commit: Result<String, UnknownCommit>,
}

/// Why no commit describes the documents, and what to do.
struct UnknownCommit {
    reason: String,
    hint: String,
}

impl<'r> OrderedRun<'r> {
    /// A run that has changed nothing yet; nothing where no environment comes after another one.
    pub fn begin(prepared: &'r PreparedRun, reading: &'r RunArgs) -> Option<Self> {
        let environments = &prepared.workspace.settings.composition.environments;
        let is_ordered = environments.iter().any(|own| own.after.is_some());
        is_ordered.then(|| Self { prepared, reading, commit: read_clean_commit(&prepared.workspace) })
    }

    /// Why the steps of a plan are not applied: the environment before theirs is not verified at this commit.
    pub fn check_order(&self, plan: &Plan) -> Vec<Diagnostic> {
        let composition = &self.prepared.workspace.settings.composition;
        let names: BTreeSet<&str> =
            plan.steps.iter().filter_map(|step| step.subject.environment.as_deref()).collect();
        let entries = names.into_iter().filter_map(|name| composition.find_environment(name));
        let check = |own: &EnvironmentSettings| {
            let fault = self.check_environment(own)?;
            Some(fault.with_location(composition.source.locate_span(own.span)))
        };
        entries.filter_map(check).collect()
    }

    fn check_environment(&self, own: &EnvironmentSettings) -> Option<Diagnostic> {
        let (name, after) = (&own.name, own.after.as_ref()?);
        let refuse = |reason: &str, hint: &str| {
            let fault = Diagnostic::error(
                "environment-order",
                format!("`{name}` comes after `{after}`, and {reason}"),
            );
            Some(fault.with_hint(format!("{hint}; `--allow-unverified` applies all the same")))
        };
        let commit = match &self.commit {
            Ok(commit) => commit,
            Err(unknown) => return refuse(&unknown.reason, &unknown.hint),
        };
        let mut evidence = ReceiptEvidence::default();
        let sought = SoughtEvidence { environment: after, commit };
        self.read_own_receipts(&mut evidence, sought);
        let unread = match evidence.is_proven {
            true => None,
            false => self.read_shared_receipts(&mut evidence, sought).err(),
        };
        if evidence.is_proven {
            return None;
        }
        let unread =
            unread.map_or_else(String::new, |why| format!("; shared receipts cannot be read: {why}"));
        let reason = format!("{}{unread}", evidence.describe(shorten_commit(commit)));
        refuse(&reason, &self.describe_remedy(after))
    }

    fn describe_remedy(&self, after: &str) -> String {
        let first = format!("apply `{after}` first, at this commit");
        match self.prepared.workspace.settings.receipts.store {
            Some(_) => first,
            None => format!(
                "{first}; if another machine did, share receipts in trueup.yaml or keep `{STATE_FOLDER}` between the jobs, with the same TRUEUP_DIGEST_KEY"
            ),
        }
    }

    /// The environments of the run that others come after. A saved plan may have no step for the environment that it
    /// is for.
    pub fn list_preceding(&self, saved: Option<&SavedPlan>) -> Vec<String> {
        let workspace = &self.prepared.workspace;
        let composition = &workspace.settings.composition;
        let of_plan = saved.and_then(|saved| saved.report.selection.as_ref());
        let of_plan = of_plan.map(|selection| &selection.environments).filter(|names| !names.is_empty());
        let is_selected = |name: &str| match of_plan {
            Some(names) => names.iter().any(|own| own == name),
            None => {
                let selected = &workspace.selected_environments;
                selected.is_empty() || selected.iter().any(|own| **own == *name)
            }
        };
        let names = composition.environments.iter().map(|own| &*own.name);
        names.filter(|name| composition.has_successor(name) && is_selected(name)).map(str::to_owned).collect()
    }

    /// The environments of this list that are as the commit describes them.
    pub fn verify_environments(&self, names: &[String], screen: &TerminalScreen) -> Vec<String> {
        let mut verified = Vec::new();
        for name in names {
            let checked = match &self.commit {
                Ok(commit) => self.check_in_sync(name, screen).map(|()| shorten_commit(commit)),
                Err(unknown) => Err(unknown.reason.clone().into()),
            };
            match checked {
                Err(difference) => screen.print_diagnostics(&[difference.diagnose_unverified(name)]),
                Ok(commit) => {
                    screen.print_remark(&format!("verified: {name} is as commit {commit} describes it\n"));
                    verified.push(name.clone());
                }
            }
        }
        verified
    }

    /// Plans a whole environment once more, with the credentials of this run, on connections that cannot write, within
    /// its time and its retries.
    ///
    /// # Errors
    /// What is not in sync.
    fn check_in_sync(&self, name: &str, screen: &TerminalScreen) -> Result<(), EnvironmentDifference> {
        let stop = &self.prepared.retry_budget.cancellation;
        let stopped = || match (stop.is_interrupted(), stop.is_expired()) {
            (true, _) => Some("the run was interrupted before it was planned again"),
            (false, true) => Some("the time of the run was over before it was planned again"),
            (false, false) => None,
        };
        let failed = || Err(stopped().unwrap_or("it could not be planned again").to_owned().into());
        if stop.is_cancelled() {
            return failed();
        }
        let root = &self.prepared.workspace.root;
        let (workspace, faults) = workspace::open_environments(root, &[], &[name.to_owned()]);
        let Some(workspace) = workspace.filter(|_| !has_errors(&faults)) else { return failed() };
        let workspace = workspace.with_write_access(None);
        // what is still to be deleted is a difference too
        let allow_delete = PermissionLimit::Unlimited;
        let reading = RunArgs { rotate: Vec::new(), unmanaged: false, allow_delete, ..self.reading.clone() };
        let whole = RunSelection { retry_budget: Some(&self.prepared.retry_budget), ..RunSelection::WHOLE };
        let fresh = run_setup::prepare_run(workspace, &reading, whole, screen, run_setup::PROCESS_ENV);
        let Ok(fresh) = fresh else { return failed() };
        // an apply that is over keeps its results whatever comes of this
        let Ok(Some(plan)) = make_plan_within(&fresh, &reading, screen) else { return failed() };
        match (stopped(), EnvironmentDifference::from_plan(&plan)) {
            (Some(why), _) => Err(why.to_owned().into()),
            (None, Some(difference)) => Err(difference),
            (None, None) if plan.complete => Ok(()),
            (None, None) => Err("not everything could be read".to_owned().into()),
        }
    }

    fn read_own_receipts(&self, evidence: &mut ReceiptEvidence, sought: SoughtEvidence<'_>) {
        let folder = self.prepared.workspace.root.join(STATE_FOLDER);
        for name in receipt::list_newest(&folder, MAX_READ_RECEIPTS) {
            match receipt::read_receipt(&folder, &name) {
                Ok(Some(text)) => self.weigh_receipt(evidence, &name, &text, sought),
                Ok(None) => {}
                Err(_) => evidence.unreadable.push(name),
            }
            if evidence.is_proven {
                return;
            }
        }
    }

    /// # Errors
    /// Why the receipts of other machines cannot be read.
    fn read_shared_receipts(
        &self,
        evidence: &mut ReceiptEvidence,
        sought: SoughtEvidence<'_>,
    ) -> Result<(), String> {
        let Some(store) = &self.prepared.workspace.settings.receipts.store else { return Ok(()) };
        let read = run_on_archive(store, async |archive| {
            for name in archive.list_newest(MAX_READ_RECEIPTS).await? {
                match archive.get_receipt(&name).await {
                    Ok(text) => self.weigh_receipt(evidence, &name, &text, sought),
                    Err(ReceiptStoreError::NotFound) => {}
                    Err(_) => evidence.unreadable.push(name),
                }
                if evidence.is_proven {
                    break;
                }
            }
            Ok(())
        });
        read.map_err(|why| why.to_string())
    }

    /// Whether a receipt says that this commit was verified in an environment, and may be believed.
    fn weigh_receipt(
        &self,
        evidence: &mut ReceiptEvidence,
        name: &str,
        text: &str,
        sought: SoughtEvidence<'_>,
    ) {
        let Some(receipt) = receipts::read_unverified(text) else {
            return evidence.unreadable.push(name.to_owned());
        };
        let is_about = receipt.commit.as_deref() == Some(sought.commit)
            && receipt.verified.iter().any(|own| own == sought.environment)
            && receipt.ended.is_some();
        if !is_about {
            return;
        }
        // where all machines have a key, a receipt without it can be from anybody
        let keys = &self.prepared.keys;
        let is_keyed = receipt.seal.as_ref().is_some_and(|seal| seal.keyed);
        let verified = receipts::read_verified(text, |keyed| keys.select_key(keyed));
        match verified {
            Ok(_) if is_keyed || keys.environment_key().is_none() => evidence.is_proven = true,
            Ok(_) => evidence.reject(name, "it was sealed without a key, and TRUEUP_DIGEST_KEY is set here"),
            Err(fault) => evidence.reject(name, &fault.message),
        }
    }
}

/// What is looked for in receipts.
#[derive(Clone, Copy)]
struct SoughtEvidence<'s> {
    environment: &'s str,
    commit: &'s str,
}

/// What receipts say of a commit in an environment.
#[derive(Default)]
struct ReceiptEvidence {
    is_proven: bool,
    /// The newest receipt that says so and is not believed, and why not.
    rejected: Option<String>,
    /// Receipts that cannot be read.
    unreadable: Vec<String>,
}

impl ReceiptEvidence {
    fn reject(&mut self, name: &str, why: &str) {
        self.rejected.get_or_insert_with(|| {
            format!("the receipt {} that says so is not believed: {why}", sanitize::escape_line(name))
        });
    }

    /// Why a commit does not count as verified.
    fn describe(&self, commit: &str) -> String {
        let unreadable = match &*self.unreadable {
            [] => String::new(),
            [first, rest @ ..] => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                format!("; the receipt {}{more} cannot be read", sanitize::escape_line(first))
            }
        };
        match &self.rejected {
            Some(why) => format!("commit {commit} is not proven to be verified there: {why}{unreadable}"),
            None => format!("no receipt says that commit {commit} is verified there{unreadable}"),
        }
    }
}

/// Why an environment is not as the commit describes it.
struct EnvironmentDifference {
    reason: String,
    /// What is to be done about it, where an apply of the environment is not enough.
    remedies: Vec<&'static str>,
}

impl From<String> for EnvironmentDifference {
    fn from(reason: String) -> Self {
        Self { reason, remedies: Vec::new() }
    }
}

impl EnvironmentDifference {
    /// The objects that are not in sync, the first ones by name, each with its action or why it is refused.
    fn from_plan(plan: &Plan) -> Option<Self> {
        let code = |own: &RefusedObject| own.reasons.first().map(|reason| reason.code).unwrap_or_default();
        let refused = plan.refused.iter().map(|own| (&own.subject, code(own)));
        let steps = plan.steps.iter().map(|own| (&own.subject, own.action.as_str()));
        let objects: Vec<_> = refused.chain(steps).collect();
        let shown = objects.iter().take(MAX_SHOWN_OBJECTS);
        let shown: Vec<String> =
            shown.map(|(own, why)| format!("{} {} ({why})", own.kind.name, own.name)).collect();
        let more = if objects.len() > shown.len() { ", …" } else { "" };
        let count = format_count(objects.len(), "object");
        let remedies = REMEDIES.iter().filter(|(word, _)| objects.iter().any(|(_, why)| why == word));
        (!objects.is_empty()).then(|| Self {
            reason: format!("{count} not in sync: {}{more}", shown.join(", ")),
            remedies: remedies.map(|(_, remedy)| *remedy).collect(),
        })
    }

    fn diagnose_unverified(&self, name: &str) -> Diagnostic {
        let message = format!("this commit does not count as verified in `{name}`: {}", self.reason);
        let refused =
            format!("the environments after `{name}` are refused until an apply ends with all of it in sync");
        let hint = self.remedies.iter().fold(refused, |hint, remedy| format!("{hint}; {remedy}"));
        Diagnostic::warning("environment-not-verified", message).with_hint(hint)
    }
}

fn shorten_commit(commit: &str) -> &str {
    commit.get(..SHOWN_COMMIT).unwrap_or(commit)
}

/// The checked-out commit, if every file of the workspace is as it has it.
fn read_clean_commit(workspace: &LoadedWorkspace) -> Result<String, UnknownCommit> {
    let unknown = |reason: String, hint: &str| Err(UnknownCommit { reason, hint: hint.to_owned() });
    let head = GitRepository::discover(&workspace.root).and_then(|own| Some((own.head()?, own)));
    let Some((head, repository)) = head else {
        return unknown("these documents are in no Git commit".to_owned(), "commit them");
    };
    let files = workspace.list_input_files();
    match repository.find_uncommitted(files.iter().map(String::as_str)) {
        Ok(None) => Ok(head.to_string()),
        Ok(Some(path)) => {
            let reason = format!("`{}` differs from the commit", path.escape_debug());
            unknown(reason, "commit the edit, or take it back")
        }
        Err(fault) => unknown(fault.message, &fault.hint.unwrap_or_default()),
    }
}
