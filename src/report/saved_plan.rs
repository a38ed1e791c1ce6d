//! A plan as a file: what may be shown of it, and what binds it to the objects that were reviewed.
//!
//! The file holds the report and digests, no value that a mark hides; it may be attached to a pull request.
//! It is sealed (`seal`). Deliberately absent: what a step is digested from (`plan::digest`), and where files are.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::outcome::{ApplyReport, ConflictView, ObjectResult, ResultStatus};
use super::plan_report::{
    ActionView, DiagnosticView, FieldChange, HiddenValueState, ObjectChange, ObjectName, PlanReport,
    SeverityView,
};
use super::seal::{FileSeal, SealMessages};
use super::{pseudonyms, sanitize};
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::plan::count_limit::ObjectCounts;
use crate::plan::digest::{self, StepDigest};
use crate::plan::unrecorded::UnrecordedValues;

/// The version of the file that is written here.
const FORMAT: u32 = 1;
/// The version of the descriptions of kinds that this program reads.
const KIND_FORMAT: u32 = 1;
/// The member that tells a saved plan from other files.
const MEMBER: &str = "trueup_plan";
/// The code of what is not any more as it was reviewed.
pub const STALE_PLAN_CODE: &str = "stale-plan";

/// A plan that was saved to be reviewed and applied later, exactly as it is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct SavedPlan {
    /// The version of this file: 1.
    pub trueup_plan: u32,
    /// The version of the program that made it, which alone applies it.
    pub tool_version: String,
    /// The version of the descriptions of kinds that it was made with.
    pub kind_format: u32,
    /// When it was made, in UTC.
    pub created_at: String,
    /// Flags of the plan that allow what is refused otherwise; an apply has to name them too.
    pub flags: Vec<String>,
    /// Which way to change objects was asked for: `usual`, `put` or `patch`.
    pub method: String,
    /// What was to be written again although it may be the same, as it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotate: Vec<String>,
    /// The commit on which it was made, in a Git repository. It is reported and not required: what binds a step is
    /// its document and its object, so a merge that changes neither changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The name of the run that it undoes: its objects are held against the receipt of that run instead of
    /// documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// The targets of its steps.
    pub targets: Vec<BoundTarget>,
    /// One for each of the report's changes, in the same order.
    pub steps: Vec<BoundStep>,
    /// What tells the key under which persons have short names in the report; absent where they are masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonyms: Option<String>,
    /// The plan, as `plan --format json` shows it.
    pub report: PlanReport,
    /// What tells whether anything above was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<FileSeal>,
}

/// A target as it was.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct BoundTarget {
    /// Its name.
    pub name: String,
    /// Its API.
    pub api: String,
    /// Where it was.
    pub base_url: String,
    /// What else of it shapes requests: the wire format, and where which credential goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connection: Vec<String>,
}

/// What binds one step to its object and its request.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct BoundStep {
    /// The digest of what it relied on.
    pub from: String,
    /// The digest of what it would send.
    pub to: String,
    /// Where it relied on the whole object: short digests of its fields, so that a message can name those that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<BoundField>,
}

/// One field that a step relied on.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct BoundField {
    /// Its name.
    pub name: String,
    /// A short digest of its value.
    pub digest: String,
}

/// What of a run is bound into a plan besides its steps.
pub struct PlanCircumstances {
    /// When, in UTC.
    pub created_at: String,
    pub flags: Vec<String>,
    pub method: String,
    pub rotate: Vec<String>,
    pub targets: Vec<BoundTarget>,
    /// The commit that was checked out.
    pub commit: Option<String>,
    /// The run that it undoes.
    pub undoes: Option<String>,
    /// What tells the key under which persons have short names.
    pub pseudonyms: Option<String>,
}

impl SavedPlan {
    /// A plan with what binds it.
    pub fn new(plan: &Plan, report: PlanReport, of: PlanCircumstances, key: Option<&[u8]>) -> Self {
        Self {
            trueup_plan: FORMAT,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            kind_format: KIND_FORMAT,
            created_at: of.created_at,
            flags: of.flags,
            method: of.method,
            commit: of.commit,
            undoes: of.undoes,
            rotate: of.rotate,
            targets: of.targets,
            steps: plan.steps.iter().map(|step| digest::digest_step(step, key).into()).collect(),
            pseudonyms: of.pseudonyms,
            report,
            seal: None,
        }
    }

    /// Seals it, under the key where there is one.
    ///
    /// # Errors
    /// When it cannot be JSON at all; a plan always can.
    pub fn seal(mut self, key: Option<&[u8]>) -> serde_json::Result<Self> {
        self.seal = None;
        self.seal = Some(FileSeal::from_json(&serde_json::to_value(&self)?, key));
        Ok(self)
    }

    /// Whether its digests are made under a key.
    pub fn is_keyed(&self) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.keyed)
    }

    /// The digest that names it; empty when it was never sealed.
    pub fn name(&self) -> &str {
        self.seal.as_ref().map_or("", |seal| &seal.digest)
    }

    /// The changes with what binds them.
    pub fn iter_bound_steps(&self) -> impl Iterator<Item = (&ObjectChange, &BoundStep)> {
        self.report.changes.iter().zip(&self.steps)
    }

    /// Leaves only some of its objects in the plan.
    pub fn retain_objects(&mut self, is_kept: impl Fn(&ObjectName) -> bool) {
        let steps = std::mem::take(&mut self.steps);
        let changes = std::mem::take(&mut self.report.changes);
        let pairs = changes.into_iter().zip(steps);
        let kept = pairs.filter(|(change, _)| is_kept(&change.object));
        (self.report.changes, self.steps) = kept.unzip();
    }

    /// The values of which its maker had no record.
    pub fn list_unrecorded_values(&self) -> UnrecordedValues {
        let mut values = UnrecordedValues::default();
        for change in &self.report.changes {
            let ObjectName { target, kind, name, .. } = &change.object;
            let unrecorded = change.hidden.iter().filter(|own| own.status == HiddenValueState::NeverWritten);
            unrecorded.for_each(|value| values.add_value([target, kind, name], &value.path));
        }
        values
    }

    /// When, over what, and how it was made, for people.
    pub fn describe_origin(&self) -> String {
        let line = |text: &str| sanitize::escape_line(text).into_owned();
        let targets: Vec<String> =
            self.targets.iter().map(|own| format!("{} ({})", line(&own.name), line(&own.base_url))).collect();
        let over = if targets.is_empty() { "no target".to_owned() } else { targets.join(", ") };
        let flags: String = self.flags.iter().map(|flag| format!(" {}", line(flag))).collect();
        let (at, tool) = (line(&self.created_at), line(&self.tool_version));
        let commit = self.commit.as_ref().map_or_else(String::new, |own| format!(" at commit {}", line(own)));
        let undoes = self.undoes.as_ref().map_or_else(String::new, |own| format!(", undoing {}", line(own)));
        format!("plan of {at} for {over}{commit}{undoes}, made by trueup {tool}{flags}\n\n")
    }

    /// What keeps this program from applying it, whatever the objects are.
    pub fn check_compatibility(&self) -> Option<Diagnostic> {
        let tool = env!("CARGO_PKG_VERSION");
        let foreign = |what: String| {
            Diagnostic::error("plan-mismatch", what)
                .with_hint("plan again with the program that is to apply it")
        };
        if self.tool_version != tool {
            let theirs = sanitize::escape_line(&self.tool_version).into_owned();
            return Some(foreign(format!("this plan was made by trueup {theirs}, and this is {tool}")));
        }
        (self.kind_format != KIND_FORMAT)
            .then(|| foreign(format!("this plan was made with kinds of format {}", self.kind_format)))
    }

    /// The same with masks in the place of short names, for whoever has another key.
    #[must_use]
    pub fn to_masked_plan(&self) -> Self {
        let mut plan = self.clone();
        let fields = plan.report.changes.iter_mut().flat_map(|change| &mut change.fields);
        fields
            .flat_map(|field| [&mut field.before, &mut field.after])
            .flatten()
            .for_each(pseudonyms::remove_pseudonyms);
        plan
    }

    /// How many live objects of each kind the plan was made over.
    pub fn count_objects(&self) -> ObjectCounts {
        let report = &self.report;
        let live = report.changes.iter().filter(|change| change.action != ActionView::Create);
        let named = live.map(|change| &change.object);
        let named = named.chain(report.unchanged.iter().map(|own| &own.object));
        let named = named.chain(report.refused.iter().map(|own| &own.object));
        let mut counts = ObjectCounts::default();
        for object in named.chain(report.unread.iter().map(|own| &own.object)) {
            counts.add_objects(&object.kind, &object.target, 1);
        }
        counts
    }

    /// How many documents the plan left out, of whatever kinds.
    pub fn count_left_out(&self) -> usize {
        let skipped = self.report.selection.as_ref().map(|selection| selection.skipped);
        skipped.or(self.report.since.as_ref().map(|since| since.skipped)).unwrap_or_default()
    }
}

/// Whether a text is, or was meant to be, a saved plan.
pub fn is_plan(text: &str) -> bool {
    super::is_json_with_member(text, MEMBER)
}

/// Reads a saved plan and holds its seal against the key, of which it tells whether it was made under one.
///
/// # Errors
/// When it is not one, is of another version, or was changed.
pub fn read_verified<'k>(
    text: &str,
    key: impl Fn(bool) -> Option<&'k [u8]>,
) -> Result<SavedPlan, Diagnostic> {
    let (plan, json) = parse_plan(text)?;
    FileSeal::check(plan.seal.as_ref(), json, key(plan.is_keyed()), SEAL_MESSAGES)?;
    Ok(plan)
}

/// Reads a saved plan without a look at its seal: to be shown, never to be applied.
///
/// # Errors
/// When it is not one, or is of another version.
pub fn read_unverified(text: &str) -> Result<SavedPlan, Diagnostic> {
    parse_plan(text).map(|(plan, _)| plan)
}

fn parse_plan(text: &str) -> Result<(SavedPlan, Json), Diagnostic> {
    let broken = |why: String| {
        Diagnostic::error("invalid-plan", format!("this saved plan cannot be read: {why}"))
            .with_hint("plan again, or get the original file")
    };
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        broken(format!("it is not JSON at line {line}, column {column}"))
    })?;
    match json.get(MEMBER).and_then(Json::as_u64) {
        Some(version) if version == u64::from(FORMAT) => {}
        Some(version) => {
            return Err(Diagnostic::error("plan-mismatch", format!("this saved plan has format {version}"))
                .with_hint(format!("this program reads format {FORMAT}; plan again with it")));
        }
        None => return Err(broken(format!("it has no `{MEMBER}`"))),
    }
    // what serde says of a value repeats it, and no one knows what stands in a broken file
    let plan: SavedPlan =
        serde_json::from_value(json.clone()).map_err(|_| broken("a member is missing or invalid".into()))?;
    if plan.steps.len() != plan.report.changes.len() {
        return Err(broken("the number of digests does not match the number of changes".into()));
    }
    if !counts_what_it_lists(&plan.report) {
        return Err(broken("its summary counts other objects than it lists".into()));
    }
    Ok((plan, json))
}

/// Whether the summary of a plan counts the objects that are listed.
fn counts_what_it_lists(report: &PlanReport) -> bool {
    let count = |action: ActionView| report.changes.iter().filter(|own| own.action == action).count();
    let own = &report.summary;
    (own.create, own.update) == (count(ActionView::Create), count(ActionView::Update))
        && (own.delete, own.replace) == (count(ActionView::Delete), count(ActionView::Replace))
        && (own.unchanged, own.refused, own.unread)
            == (report.unchanged.len(), report.refused.len(), report.unread.len())
}

/// What is said of a plan whose seal is not right.
const SEAL_MESSAGES: SealMessages = SealMessages {
    noun: "saved plan",
    tampered_code: "tampered-plan",
    foreign_code: "plan-mismatch",
    hint: "get the original file, or plan again",
    unkeyed_hint: "plan again with TRUEUP_DIGEST_KEY set, or apply without it",
};

impl From<StepDigest> for BoundStep {
    fn from(digest: StepDigest) -> Self {
        let fields = digest.field_digests.into_iter().map(|(name, digest)| BoundField { name, digest });
        Self { from: digest.precondition, to: digest.payload, fields: fields.collect() }
    }
}

/// What is not any more as it was reviewed, of one object.
#[derive(Clone, Debug)]
pub struct StaleStep {
    /// Planned from, now, wanted, where values may be shown.
    pub conflicts: Vec<ConflictView>,
    /// One sentence.
    pub message: String,
}

/// Holds a reviewed step against the same step planned again; nothing when they are the same.
pub fn compare_steps(
    reviewed: &ObjectChange,
    bound: &BoundStep,
    fresh: &ObjectChange,
    now: &BoundStep,
) -> Option<StaleStep> {
    if bound.from == now.from && bound.to == now.to {
        return has_other_values(reviewed, fresh).then(|| StaleStep {
            conflicts: Vec::new(),
            message: "the plan file shows other values than this step has".to_owned(),
        });
    }
    let is_live_same = bound.from == now.from;
    let moved = collect_conflicts(reviewed, fresh, !is_live_same);
    let unshown = list_unshown_fields(bound, now, &moved);
    let message = if reviewed.action != fresh.action {
        let (was, is) = (reviewed.action.as_str(), fresh.action.as_str());
        format!("the reviewed plan says {was}; a new plan says {is}")
    } else if is_live_same {
        // without a key, whether a secret of the live object changed cannot be told
        "what the step sends changed since the review: the document, the description of its kind, or a value that is \
         not shown"
            .to_owned()
    } else if !moved.is_empty() || unshown.is_empty() {
        match wants_other_values(reviewed, fresh) {
            true => "the live object and the document changed since the review".to_owned(),
            false => "the live object changed since the review".to_owned(),
        }
    } else {
        format!("the object changed since the review: {}; this request replaces the whole object", unshown)
    };
    Some(StaleStep { conflicts: moved, message })
}

/// Whether a reviewed step shows anything else than the same step that is planned now. It may show more fields that
/// cannot be read back: who planned without the records of this machine does not know that they were written.
fn has_other_values(reviewed: &ObjectChange, fresh: &ObjectChange) -> bool {
    let is_listed = |field: &FieldChange| fresh.fields.iter().any(|own| own.label == field.label);
    let shown = |change: &ObjectChange| -> Vec<FieldChange> {
        let fields = change.fields.iter().filter(|field| !field.unreadable || is_listed(field)).cloned();
        // lines move with the file, and causes with what was applied meanwhile
        fields
            .map(|field| FieldChange { file: None, line: None, column: None, causes: Vec::new(), ..field })
            .collect()
    };
    reviewed.action != fresh.action
        || reviewed.object.id != fresh.object.id
        || reviewed.requests.len() != fresh.requests.len()
        || shown(reviewed) != shown(fresh)
}

/// Whether a step wants another value than the reviewed one for a field that both change.
fn wants_other_values(reviewed: &ObjectChange, fresh: &ObjectChange) -> bool {
    let planned = |label: &str| reviewed.fields.iter().find(|field| field.label == label);
    fresh.fields.iter().any(|field| planned(&field.label).is_some_and(|own| own.after != field.after))
}

/// The fields in which two steps over one object differ, as far as they may be shown. Of a field that moved to the
/// value that is wanted nothing is left to do.
fn collect_conflicts(reviewed: &ObjectChange, fresh: &ObjectChange, live_moved: bool) -> Vec<ConflictView> {
    let planned: HashMap<&str, &FieldChange> =
        reviewed.fields.iter().map(|field| (&*field.label, field)).collect();
    let same = |field: &&FieldChange| {
        let planned = planned.get(&*field.label);
        planned.is_some_and(|own| own.before == field.before && own.after == field.after)
    };
    let moved = |field: &FieldChange| ConflictView {
        path: field.path.clone(),
        label: field.label.clone(),
        planned: planned.get(&*field.label).and_then(|own| own.before.clone()),
        now: field.before.clone(),
        desired: field.after.clone(),
        sensitivity: field.sensitivity.clone(),
    };
    let settled =
        |field: &&FieldChange| live_moved && fresh.fields.iter().all(|own| own.label != field.label);
    let done = |field: &FieldChange| ConflictView {
        path: field.path.clone(),
        label: field.label.clone(),
        planned: field.before.clone(),
        now: field.after.clone(),
        desired: field.after.clone(),
        sensitivity: field.sensitivity.clone(),
    };
    let settled = reviewed.fields.iter().filter(settled).map(done);
    fresh.fields.iter().filter(|field| !same(field)).map(moved).chain(settled).collect()
}

/// The fields of a whole object that moved and are in no column, as words.
fn list_unshown_fields(bound: &BoundStep, now: &BoundStep, shown: &[ConflictView]) -> String {
    let digests = |step: &BoundStep| -> HashMap<String, String> {
        step.fields.iter().map(|field| (field.name.clone(), field.digest.clone())).collect()
    };
    let (before, after) = (digests(bound), digests(now));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let is_shown = |name: &str| shown.iter().any(|field| field.path.split('/').nth(1) == Some(name));
    let moved = names.into_iter().filter(|name| before.get(*name) != after.get(*name) && !is_shown(name));
    moved.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Whether two names mean one document.
pub fn is_same_object(a: &ObjectName, b: &ObjectName) -> bool {
    (&a.target, &a.kind, &a.name) == (&b.target, &b.kind, &b.name)
}

/// What of a reviewed plan is not to be applied.
#[derive(Default)]
pub struct StaleObjects {
    /// Objects that moved, or of which something else is asked now.
    pub stale: Vec<(ObjectName, StaleStep)>,
    /// Objects that no document describes any more.
    pub without_document: Vec<ObjectName>,
}

impl StaleObjects {
    /// Whether everything is as it was reviewed.
    pub fn is_empty(&self) -> bool {
        self.stale.is_empty() && self.without_document.is_empty()
    }

    /// Adds to the results what is known of these objects beyond the outcomes.
    pub fn add_to_report(&self, report: &mut ApplyReport) {
        for result in &mut report.results {
            if let Some((_, stale)) = self.stale.iter().find(|(name, _)| is_same_object(name, &result.object))
            {
                result.conflicts.clone_from(&stale.conflicts);
            }
        }
        report.summary.refused += self.without_document.len();
        report.results.extend(self.without_document.iter().map(build_removed_result));
    }
}

fn build_removed_result(object: &ObjectName) -> ObjectResult {
    let reason = DiagnosticView {
        code: STALE_PLAN_CODE.to_owned(),
        severity: SeverityView::Error,
        message: "its document was removed since the plan".to_owned(),
        hint: Some("plan again".to_owned()),
        file: None,
        line: None,
        column: None,
    };
    ObjectResult {
        object: object.clone(),
        action: None,
        result: ResultStatus::Refused,
        attempts: 0,
        duration_ms: 0,
        reasons: vec![reason],
        conflicts: Vec::new(),
        not_kept: Vec::new(),
        diagnostics: Vec::new(),
    }
}
