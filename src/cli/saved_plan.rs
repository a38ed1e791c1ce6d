//! Saved plans on disk: written by `plan -o`, held by `apply FILE` against what is planned again.
//!
//! A reviewed step is applied only when the same workspace makes the same step of the same live object again;
//! every other one is refused by itself. Deliberately absent: what a plan's file holds (`report::saved`).

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::merge_base::{DocumentKey, build_document_key, build_subject_key};
use super::object_patterns::ObjectLabel;
use super::output_file::write_output;
use super::plan_report_builder::build_report_with;
use super::prepared_run::PreparedRun;
use super::run_args::{MethodArg, RunArgs};
use super::selection_args::SelectionArgs;
use super::selection_filter::ObjectSelection;
use super::since_filter::find_needed_documents;
use crate::cli::digest_keys::DigestKeys;
use crate::diagnostic::Diagnostic;
use crate::output_filter::filter_bytes;
use crate::plan::count_limit::ObjectCounts;
use crate::plan::unrecorded::is_part_of;
use crate::plan::{Plan, RefusedObject, Step, digest, permission};
use crate::policy::NOT_EVALUATED_CODE;
use crate::report::code_table::CodeTable;
use crate::report::plan_report::{DiagnosticView, ObjectChange, ObjectName, SeverityView};
use crate::report::pseudonyms::PersonalDataMode;
use crate::report::sanitize::format_count;
use crate::report::saved_plan::{
    self, BoundStep, BoundTarget, PlanCircumstances, STALE_PLAN_CODE, SavedPlan, StaleObjects, StaleStep,
    is_same_object,
};
use crate::report::{PlanReport, to_json};
use crate::run::applied_plans::AppliedPlans;
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::state::files::read_text;

/// What a plan is made of besides its steps.
#[derive(Default)]
pub struct PlanOrigin {
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// The run that it undoes.
    pub undoes: Option<String>,
}

/// How a plan was made: the flags, the targets, the commit.
pub fn collect_circumstances(
    plan: &Plan,
    origin: PlanOrigin,
    prepared: &PreparedRun,
    reading: &RunArgs,
) -> PlanCircumstances {
    PlanCircumstances {
        created_at: crate::run::clock::format_now(),
        flags: collect_flags(reading),
        method: format_method(reading.method),
        rotate: reading.rotate.clone(),
        targets: collect_targets(plan, prepared),
        commit: origin.commit,
        undoes: origin.undoes,
        pseudonyms: prepared.keys.identify_pseudonym_key(),
    }
}

/// Saves a plan; gives what is to be said about the file.
///
/// # Errors
/// When the file cannot be written.
pub fn write_plan(
    path: &Path,
    plan: &Plan,
    report: &PlanReport,
    circumstances: PlanCircumstances,
    key: Option<&[u8]>,
) -> anyhow::Result<Option<Diagnostic>> {
    let saved = SavedPlan::new(plan, report.clone(), circumstances, key).seal(key)?;
    let text = to_json(&saved)?;
    // it would no longer be what was sealed
    anyhow::ensure!(
        filter_bytes(text.as_bytes()) == text.as_bytes(),
        "the plan holds a secret of this run in clear, and is not saved"
    );
    write_output(path, text.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(diagnose_unbound_values(report).filter(|_| key.is_none()))
}

/// Without a key, a plan does not know the values that it does not show.
fn diagnose_unbound_values(report: &PlanReport) -> Option<Diagnostic> {
    let what = describe_unbound_objects(report)?;
    let message = format!("the saved plan does not bind the secret and personal values of {what}");
    Some(Diagnostic::warning("unbound-values", message).with_hint(UNBOUND_HINT))
}

/// What is said of values that an apply cannot hold against those of the review: their sizes alone are known.
pub fn diagnose_uncompared_values(saved: &SavedPlan) -> Option<Diagnostic> {
    let what = describe_unbound_objects(&saved.report).filter(|_| !saved.is_keyed())?;
    let message = format!(
        "the secret and personal values of {what} cannot be compared with those of the review, only their sizes"
    );
    Some(Diagnostic::warning("unbound-values", message).with_hint(UNBOUND_HINT))
}

const UNBOUND_HINT: &str = "set TRUEUP_DIGEST_KEY for plan and apply to detect edits of these values";

fn describe_unbound_objects(report: &PlanReport) -> Option<String> {
    let marked = |change: &&ObjectChange| change.fields.iter().any(|field| field.sensitivity.is_some());
    let objects = report.changes.iter().filter(marked).count();
    (objects > 0).then(|| format_count(objects, "object"))
}

/// Why a plan is refused that was saved with an error of a rule which a new plan does not have: what was reviewed was
/// not to be applied. Errors with a code of the program are decided by the flags and the state of the apply.
pub fn diagnose_lost_error(saved: &SavedPlan, fresh: &PlanReport) -> Option<Diagnostic> {
    let is_there = |own: &DiagnosticView| {
        fresh.diagnostics.iter().any(|new| (&new.code, &new.message) == (&own.code, &own.message))
    };
    let errors = saved.report.diagnostics.iter().filter(|own| own.severity == SeverityView::Error);
    let mut lost = errors.filter(|own| !is_there(own)).peekable();
    lost.peek()?;
    let table = CodeTable::load();
    let is_of_rule =
        |own: &DiagnosticView| own.code == NOT_EVALUATED_CODE || table.find_code(&own.code).is_none();
    let lost = lost.find(|own| is_of_rule(own))?;
    let message = format!("the plan was saved with the error `{}`: {}", lost.code, lost.message);
    Some(Diagnostic::error("stale-plan", message).with_hint("plan again, and review the new plan"))
}

/// The flags that allow what is refused otherwise.
fn collect_flags(reading: &RunArgs) -> Vec<String> {
    let given =
        permission::ALL_PERMISSIONS.into_iter().filter(|own| reading.get_permission_limit(*own).is_granted());
    given.map(|own| own.flag().to_owned()).collect()
}

fn format_method(method: MethodArg) -> String {
    method.to_possible_value().map_or_else(String::new, |word| word.get_name().to_owned())
}

/// The targets of a plan's steps, as they are now.
fn collect_targets(plan: &Plan, prepared: &PreparedRun) -> Vec<BoundTarget> {
    let of = |name: &str| plan.steps.iter().any(|step| *step.subject.target == *name);
    let bound = |service: &crate::remote::target_client::TargetClient| BoundTarget {
        name: service.target.name.to_string(),
        api: service.target.api.name.to_string(),
        base_url: service.target.base_url.to_string(),
        connection: service.target.describe_connection(),
    };
    prepared.services.values().filter(|service| of(&service.target.name)).map(bound).collect()
}

/// The saved plan that these paths name, when they do; its seal is right, and this program may apply it.
///
/// # Errors
/// When it is a saved plan, but not one to be applied.
pub fn find_saved_plan(root: &Path, paths: &[PathBuf]) -> Result<Option<SavedPlan>, Diagnostic> {
    let is_json = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let text = |path: &PathBuf| read_text(&root.join(path)).ok().filter(|text| saved_plan::is_plan(text));
    let mut texts = paths.iter().filter(is_json).filter_map(text);
    let Some(text) = texts.next() else { return Ok(None) };
    if texts.next().is_some() {
        let fault = Diagnostic::error("several-plans", "an apply takes one saved plan");
        return Err(
            fault.with_hint("name one saved plan, and files of documents to select some of its objects")
        );
    }
    let keys = DigestKeys::load(root)?;
    let plan = saved_plan::read_verified(&text, |keyed| keys.select_key(keyed))?;
    plan.check_compatibility().map_or(Ok(Some(plan)), Err)
}

/// Leaves only the selected objects in a plan: by the files of their documents, and by target, kind and name.
///
/// # Errors
/// When that leaves none.
pub fn select_objects(
    saved: &mut SavedPlan,
    prepared: &PreparedRun,
    args: &SelectionArgs,
) -> Result<(), Vec<Diagnostic>> {
    let selection = ObjectSelection::new(&prepared.workspace, args)?;
    let objects = saved.report.changes.iter().map(|change| &change.object);
    selection.check_patterns(objects.map(label_object))?;
    saved.retain_objects(|own| selection.selects(label_object(own), Some(&own.file)));
    match saved.report.changes.is_empty() && !selection.is_everything() {
        false => Ok(()),
        true => Err(vec![
            Diagnostic::error("nothing-selected", "no object of the saved plan is selected")
                .with_hint("`trueup show` lists the objects of the plan"),
        ]),
    }
}

fn label_object(object: &ObjectName) -> ObjectLabel<'_> {
    ObjectLabel { target: &object.target, kind: &object.kind, name: &object.name }
}

fn build_object_key(own: &ObjectName) -> DocumentKey {
    (Some(own.target.as_str().into()), own.kind.as_str().into(), own.name.as_str().into())
}

/// What was asked for when the plan was made is asked for again; what it allowed has to be allowed here too.
///
/// # Errors
/// When the plan was made with a flag that is not here.
pub fn merge_run_args(saved: &SavedPlan, own: &RunArgs) -> Result<RunArgs, Diagnostic> {
    let here = collect_flags(own);
    let missing: Vec<&str> =
        saved.flags.iter().filter(|flag| !here.contains(flag)).map(String::as_str).collect();
    if !missing.is_empty() {
        let message = format!("this plan was made with {}, and this apply was not", missing.join(" "));
        return Err(Diagnostic::error("plan-flags", message)
            .with_hint("add the flag to this command too: an apply needs the permission itself"));
    }
    if let Some(foreign) = own.rotate.iter().find(|own| !saved.rotate.contains(own)) {
        let message = format!("this plan was made without `--rotate {}`", foreign.escape_debug());
        return Err(Diagnostic::error("plan-flags", message).with_hint("plan again with it"));
    }
    let method = MethodArg::from_str(&saved.method, false).unwrap_or(own.method);
    Ok(RunArgs { method, rotate: saved.rotate.clone(), unmanaged: false, ..own.clone() })
}

/// Leaves only the documents of the plan's steps in the workspace, and compares its targets with those here. Gives
/// how many documents were left out.
///
/// # Errors
/// With a target that is another one now.
pub fn narrow_workspace(saved: &SavedPlan, prepared: &mut PreparedRun) -> Result<ObjectCounts, Diagnostic> {
    let planned = collect_planned_keys(saved);
    prepared.leaves_documents_out = true;
    let documents = &mut prepared.workspace.documents;
    let needed = find_needed_documents(documents, &planned);
    let mut left_out = ObjectCounts::default();
    documents.retain(|document| {
        let key = build_document_key(document);
        let is_kept = planned.contains(&key) || needed.contains(&key);
        let target = document.target.as_deref().unwrap_or_default();
        left_out.add_objects(&document.kind.name, target, usize::from(!is_kept));
        is_kept
    });
    let left_out = left_out.with_others(&prepared.other_documents);
    for target in &saved.targets {
        let Some(here) = prepared.services.get(&*target.name) else { continue };
        let (api, base_url) = (&*here.target.api.name, here.target.base_url.as_str());
        let connection = here.target.describe_connection();
        if *target.api != *api || *target.base_url != *base_url || target.connection != connection {
            let message = format!("target {} differs from the target of this plan", here.target.name);
            return Err(Diagnostic::error("plan-mismatch", message)
                .with_hint("apply the plan in its own workspace, or plan again"));
        }
    }
    Ok(left_out)
}

/// The documents of a plan's steps.
fn collect_planned_keys(saved: &SavedPlan) -> HashSet<DocumentKey> {
    saved.report.changes.iter().map(|change| build_object_key(&change.object)).collect()
}

/// Takes from a plan every step that is not the reviewed one; it is refused instead. What was read for its id alone
/// is no part of it.
pub fn retain_reviewed_steps(
    saved: &SavedPlan,
    applied: &AppliedPlans,
    plan: &mut Plan,
    prepared: &PreparedRun,
) -> StaleObjects {
    let key = prepared.keys.select_key(saved.is_keyed());
    let mut persons = prepared.build_pseudonyms();
    // the first short name finds their key
    let mut fresh = build_report_with(plan, prepared, persons);
    let mut saved = Cow::Borrowed(saved);
    if saved.pseudonyms != prepared.keys.identify_pseudonym_key() {
        // short names under another key tell nothing of each other
        persons = PersonalDataMode::Masked;
        fresh = build_report_with(plan, prepared, persons);
        saved = Cow::Owned(saved.to_masked_plan());
    }
    let saved = &*saved;
    let without_records = StepsWithoutRecords::take_from(plan, prepared, persons);
    let mut held = StaleObjects { stale: Vec::new(), without_document: find_missing_objects(saved, &fresh) };
    let steps = std::mem::take(&mut plan.steps);
    for (step, shown) in steps.into_iter().zip(&fresh.changes) {
        let now: BoundStep = digest::digest_step(&step, key).into();
        let reviewed = saved.iter_bound_steps().find(|(own, _)| is_same_object(&own.object, &shown.object));
        let stale = match reviewed {
            Some(_) if is_settled(saved, applied, &shown.object) => Some(describe_repeated_apply()),
            Some((change, bound)) => saved_plan::compare_steps(change, bound, shown, &now)
                .filter(|_| !without_records.has_part(&step, change, bound, key)),
            // narrowing left only documents of the plan; an object of another target is none of them
            None => continue,
        };
        match stale {
            None => plan.steps.push(step),
            Some(stale) => {
                plan.refused.push(refuse_step(step, &stale));
                held.stale.push((shown.object.clone(), stale));
            }
        }
    }
    let planned = collect_planned_keys(saved);
    plan.unchanged.retain(|agreeing| planned.contains(&build_subject_key(&agreeing.subject)));
    plan.refused.retain(|refused| planned.contains(&build_subject_key(&refused.subject)));
    plan.prune_unread();
    plan.refused.sort_by_key(|refused| refused.subject.number);
    held
}

/// The steps of a plan as the maker of the reviewed plan had them, where that one lacked records.
struct StepsWithoutRecords {
    steps: Vec<Step>,
    shown: Vec<ObjectChange>,
}

impl StepsWithoutRecords {
    fn take_from(plan: &mut Plan, prepared: &PreparedRun, persons: PersonalDataMode) -> Self {
        let steps = plan.steps.iter_mut().filter_map(|step| step.without_records.take());
        let plan = Plan { steps: steps.map(|step| *step).collect(), ..Plan::default() };
        let shown = build_report_with(&plan, prepared, persons).changes;
        Self { steps: plan.steps, shown }
    }

    /// Whether a step is a part of the reviewed one: without the records, it is planned just as it was reviewed.
    fn has_part(&self, step: &Step, reviewed: &ObjectChange, bound: &BoundStep, key: Option<&[u8]>) -> bool {
        let mut steps = self.steps.iter().zip(&self.shown);
        let same = steps.find(|(own, _)| own.subject.number == step.subject.number);
        same.is_some_and(|(whole, shown)| {
            let now = digest::digest_step(whole, key).into();
            is_part_of(step, whole) && saved_plan::compare_steps(reviewed, bound, shown, &now).is_none()
        })
    }
}

fn find_missing_objects(saved: &SavedPlan, fresh: &PlanReport) -> Vec<ObjectName> {
    let here = fresh.changes.iter().map(|change| &change.object);
    let here = here.chain(fresh.unchanged.iter().map(|unchanged| &unchanged.object));
    let here = here.chain(fresh.refused.iter().map(|refused| &refused.object));
    let here: Vec<&ObjectName> = here.chain(fresh.unread.iter().map(|unread| &unread.object)).collect();
    let planned = saved.report.changes.iter().map(|change| &change.object);
    planned.filter(|planned| !here.iter().any(|own| is_same_object(own, planned))).cloned().collect()
}

fn is_settled(saved: &SavedPlan, applied: &AppliedPlans, object: &ObjectName) -> bool {
    applied.is_applied(saved.name(), &object.target, &object.kind, &object.name)
}

fn describe_repeated_apply() -> StaleStep {
    let message = "the object was written from this plan already, and changed since".to_owned();
    StaleStep { conflicts: Vec::new(), message }
}

fn refuse_step(step: Step, stale: &StaleStep) -> RefusedObject {
    let reason = Diagnostic::error(STALE_PLAN_CODE, stale.message.clone())
        .with_location(step.subject.place.clone())
        .with_hint("plan again and review the new plan");
    RefusedObject { subject: step.subject, reasons: vec![reason], changes: step.changes }
}

/// Whether a plan has nothing left to apply because all of it was applied.
pub fn diagnose_spent_plan(saved: &SavedPlan, applied: &AppliedPlans) -> Option<Diagnostic> {
    let mut changes = saved.report.changes.iter();
    let spent =
        !saved.report.changes.is_empty() && changes.all(|own| is_settled(saved, applied, &own.object));
    spent.then(|| {
        Diagnostic::error("plan-applied", "this plan was applied already")
            .with_hint("plan again; a saved plan can be applied once")
    })
}

/// Notes what of a plan is settled now.
///
/// # Errors
/// When it cannot be written.
pub fn record_settled_steps(
    saved: &SavedPlan,
    applied: &mut AppliedPlans,
    outcomes: &[StepOutcome],
) -> io::Result<()> {
    let settled =
        outcomes.iter().filter(|own| matches!(own.status, OutcomeStatus::Done | OutcomeStatus::Unchanged));
    applied.record_applied(saved.name(), settled.map(|outcome| &outcome.subject))
}
