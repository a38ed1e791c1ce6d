//! From a plan to its report: the only place where a plan's values are read to be shown.
//!
//! Each value goes through `mask` with the strictest mark that stands on its path, each request through
//! `request`. Linear in the plan.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::line_index::SourceLineIndex;
use super::mask::{self, MaskContext, MaskedChange, RedactedPath};
use super::plan_report::{
    ActionView, CauseView, CollectionView, DiagnosticView, FORMAT_VERSION, FieldAction, FieldChange,
    HiddenValue, HiddenValueState, ObjectChange, ObjectName, PlanReport, PlanSummary, PolicyTestReport,
    RefusalView, SeverityView, UnchangedView, UnreadView, ValidationReport,
};
use super::pseudonyms::PersonalDataMode;
use super::replacement_view::ReplacementView;
use super::request::{self, RedactedPathMap};
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::kind::ScalarType;
use crate::plan::{
    self, Change, ChangeValueType, LastWritten, Plan, PlanCollection, PlanSubject, Step, StepRequest,
    WriteComparison,
};
use crate::value::{Sensitivity, Value};

impl PlanReport {
    /// What may be shown of a plan to anybody. `bytes` tells the size of a request's body in the target's wire
    /// format.
    pub fn from_plan(plan: &Plan, bytes: &dyn Fn(&PlanSubject, &StepRequest) -> usize) -> Self {
        Self::from_plan_with_mode(plan, bytes, PersonalDataMode::Masked)
    }

    /// The same, with persons shown in this way.
    pub fn from_plan_with_mode(
        plan: &Plan,
        bytes: &dyn Fn(&PlanSubject, &StepRequest) -> usize,
        persons: PersonalDataMode,
    ) -> Self {
        let mut gather = ReportBuilder { context: ReportContext::new(persons), count_bytes: bytes };
        let changes: Vec<_> = plan.steps.iter().map(|step| gather.build_change(step)).collect();
        let count = |action| changes.iter().filter(|change| change.action == action).count();
        let summary = PlanSummary {
            create: count(ActionView::Create),
            update: count(ActionView::Update),
            delete: count(ActionView::Delete),
            replace: count(ActionView::Replace),
            unchanged: plan.unchanged.len(),
            refused: plan.refused.len().saturating_sub(plan.unread.len()),
            unread: plan.unread.len(),
        };
        let unchanged = plan.unchanged.iter().map(|agreeing| UnchangedView {
            object: build_object_name(&mut gather.context, &agreeing.subject),
            notes: convert_diagnostics(&mut gather.context.line_index, &agreeing.notes),
            hidden: build_hidden_values(&agreeing.subject, &agreeing.last_written),
        });
        let unchanged = unchanged.collect();
        let is_unread = |refused: &&plan::RefusedObject| plan.unread.contains(&refused.subject.number);
        let (unread, refused): (Vec<_>, Vec<_>) = plan.refused.iter().partition(is_unread);
        let refused = refused.into_iter().map(|refused| gather.build_refusal(refused)).collect();
        let unread = unread.into_iter().map(|refused| gather.build_unread(refused)).collect();
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            complete: plan.complete,
            since: None,
            selection: None,
            summary,
            changes,
            unchanged,
            refused,
            unread,
            collections: build_collection_views(&plan.collections),
            diagnostics: convert_diagnostics(&mut gather.context.line_index, &plan.diagnostics),
            requests: Vec::new(),
        }
    }
}

impl From<&PlanCollection> for CollectionView {
    fn from(collection: &PlanCollection) -> Self {
        Self {
            kind: collection.kind.name.to_string(),
            target: collection.target.to_string(),
            complete: collection.incomplete.is_none(),
            reason: collection.incomplete.clone(),
        }
    }
}

/// The lists of a plan; those of several scopes that are alike are one.
fn build_collection_views(collections: &[PlanCollection]) -> Vec<CollectionView> {
    let mut views: Vec<CollectionView> = collections.iter().map(CollectionView::from).collect();
    views.dedup();
    views
}

impl PlanReport {
    /// With what else is to be known of the plan, before everything that is known already.
    pub fn prepend_diagnostics(&mut self, said: &[Diagnostic]) {
        self.diagnostics.splice(0..0, convert_diagnostics(&mut SourceLineIndex::default(), said));
    }
}

impl PolicyTestReport {
    /// What came of the cases of policies.
    pub fn from_results(rules: usize, cases: usize, passed: usize, faults: &[Diagnostic]) -> Self {
        let tool_version = env!("CARGO_PKG_VERSION").to_owned();
        let diagnostics = convert_diagnostics(&mut SourceLineIndex::default(), faults);
        Self { format_version: FORMAT_VERSION, tool_version, rules, cases, passed, diagnostics }
    }
}

impl ValidationReport {
    /// What may be shown of a check.
    pub fn from_diagnostics(documents: usize, faults: &[Diagnostic]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            documents,
            diagnostics: convert_diagnostics(&mut SourceLineIndex::default(), faults),
        }
    }
}

/// What showing an object takes: the lines of the sources, and how persons are shown.
pub struct ReportContext<'p> {
    pub line_index: SourceLineIndex,
    personal_data: PersonalDataMode<'p>,
}

impl<'p> ReportContext<'p> {
    /// Nothing is shown yet.
    pub fn new(persons: PersonalDataMode<'p>) -> Self {
        Self { line_index: SourceLineIndex::default(), personal_data: persons }
    }

    /// How a value under this mark is looked at.
    pub fn build_mask_context(&self, mark: Sensitivity, turn: MaskedChange) -> MaskContext<'p> {
        MaskContext { sensitivity: mark, change: turn, personal_data: self.personal_data }
    }
}

/// Carries along what showing takes, and how bytes are counted.
struct ReportBuilder<'b> {
    context: ReportContext<'b>,
    count_bytes: &'b dyn Fn(&PlanSubject, &StepRequest) -> usize,
}

impl ReportBuilder<'_> {
    fn build_change(&mut self, step: &Step) -> ObjectChange {
        // of a new object everything is known: there is nothing yet
        let is_new = step.action == plan::StepAction::Create;
        let (mut fields, routes) = self.build_fields(&step.subject, &step.changes, is_new);
        let replacement = step.replacement.as_ref().filter(|_| step.action == plan::StepAction::Replace);
        for (field, change) in fields.iter_mut().zip(&step.changes) {
            field.forces_replacement = replacement.is_some_and(|own| own.forced_by.contains(&change.path));
        }
        let requests = step.requests.iter().map(|planned| {
            request::build_request_view(
                &step.subject,
                planned,
                &routes,
                (self.count_bytes)(&step.subject, planned),
            )
        });
        ObjectChange {
            requests: requests.collect(),
            object: build_object_name(&mut self.context, &step.subject),
            action: step.action.into(),
            replacement: replacement.and_then(|own| ReplacementView::from_rule(own.rule)),
            fields,
            notes: convert_diagnostics(&mut self.context.line_index, &step.notes),
            hidden: build_hidden_values(&step.subject, &step.last_written),
        }
    }

    fn build_refusal(&mut self, refused: &plan::RefusedObject) -> RefusalView {
        RefusalView {
            object: build_object_name(&mut self.context, &refused.subject),
            reasons: convert_diagnostics(&mut self.context.line_index, &refused.reasons),
            fields: self.build_fields(&refused.subject, &refused.changes, false).0,
        }
    }

    fn build_unread(&mut self, refused: &plan::RefusedObject) -> UnreadView {
        UnreadView {
            object: build_object_name(&mut self.context, &refused.subject),
            reasons: convert_diagnostics(&mut self.context.line_index, &refused.reasons),
        }
    }

    /// The changes of an object, and their routes by their plain pointers, in order where several have one.
    fn build_fields(
        &mut self,
        subject: &PlanSubject,
        changes: &[Change],
        is_new: bool,
    ) -> (Vec<FieldChange>, RedactedPathMap) {
        let mut routes = RedactedPathMap::with_capacity(changes.len());
        let mut hidden: HashMap<String, usize> = HashMap::new();
        let fields = changes.iter().map(|change| {
            let mut route = mask::redact_path(&subject.kind, &change.path);
            if route.pointer.ends_with('*') {
                let number = hidden.entry(route.pointer.clone()).or_default();
                *number += 1;
                route.pointer.extend((*number > 1).then(|| number.to_string()));
            }
            let mut field =
                build_field_change(&mut self.context, change, &route, change.unreadable && !is_new);
            field.file = find_level_file(subject, change);
            routes.entry(change.path.to_pointer()).or_default().push(route);
            field
        });
        (fields.collect(), routes)
    }
}

/// The file of the level that decides a change, when that is not the file of the document.
pub fn find_level_file(subject: &PlanSubject, change: &Change) -> Option<String> {
    let file = &change.place.as_ref()?.source.path;
    (*file != subject.place.source.path).then(|| file.clone())
}

/// One change as it may be shown, without its file. `unseen`: no one can see the value before.
pub fn build_field_change(
    showing: &mut ReportContext,
    change: &Change,
    route: &RedactedPath,
    unseen: bool,
) -> FieldChange {
    let mark = route.sensitivity.max(change.sensitivity);
    let is_cleared = change.after.as_ref().is_none_or(Value::is_blank);
    let turn = match unseen && !is_cleared {
        true => MaskedChange::Changed,
        false => MaskedChange::from_change(change),
    };
    let look = showing.build_mask_context(mark, turn);
    let show =
        |side: &Option<Value>| side.as_ref().map(|value| mask::mask_value(value, &change.value_type, look));
    let place = change.place.as_ref().map(|place| showing.line_index.find_line_column(place));
    FieldChange {
        path: route.pointer.clone(),
        label: route.label.clone(),
        action: if unseen { FieldAction::Replace } else { classify_change(change) },
        // what reads back of a value that cannot be seen is a mask of the service's own, or nothing
        before: if unseen { None } else { show(&change.before) },
        after: show(&change.after),
        sensitivity: format_sensitivity(mark),
        unreadable: unseen,
        forces_replacement: false,
        causes: change.causes.iter().copied().map(CauseView::from).collect(),
        file: None,
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
    }
}

/// What is known of values that do not read back.
fn build_hidden_values(subject: &PlanSubject, recalled: &[LastWritten]) -> Vec<HiddenValue> {
    let one = |recalled: &LastWritten| {
        let route = mask::redact_path(&subject.kind, &recalled.path);
        HiddenValue {
            path: route.pointer,
            label: route.label,
            status: match recalled.comparison {
                WriteComparison::Same => HiddenValueState::Same,
                WriteComparison::Differs => HiddenValueState::Differs,
                WriteComparison::NeverWritten => HiddenValueState::NeverWritten,
            },
            written_at: recalled.write_time.as_ref().map(|written| written.written_at.clone()),
            written_days_ago: recalled.write_time.as_ref().map(|written| written.age_days),
            rotated: recalled.rotated,
        }
    };
    recalled.iter().map(one).collect()
}

/// The word of a mark; none for what may be seen.
pub fn format_sensitivity(mark: Sensitivity) -> Option<String> {
    (mark != Sensitivity::Public).then(|| mark.as_str().to_owned())
}

fn classify_change(change: &Change) -> FieldAction {
    match change.to_operation() {
        "add" => FieldAction::Add,
        "remove" => FieldAction::Remove,
        _ => FieldAction::Replace,
    }
}

/// The name of an object; its id under the mark of the field that holds it.
pub fn build_object_name(showing: &mut ReportContext, subject: &PlanSubject) -> ObjectName {
    let look = showing.build_mask_context(subject.kind.id_field().sensitivity, MaskedChange::Changed);
    let id = |value: &Value| mask::mask_value(value, &ChangeValueType::Scalar(ScalarType::Any), look);
    ObjectName {
        kind: subject.kind.name.to_string(),
        name: subject.name.to_string(),
        target: subject.target.to_string(),
        environment: subject.environment.as_deref().map(str::to_owned),
        id: subject.id.as_ref().map(id).filter(|id| *id != Json::Null),
        file: subject.place.source.path.clone(),
        line: showing.line_index.find_line_column(&subject.place).0,
    }
}

/// Diagnostics as data.
pub fn convert_diagnostics(places: &mut SourceLineIndex, diagnostics: &[Diagnostic]) -> Vec<DiagnosticView> {
    diagnostics.iter().map(|diagnostic| convert_diagnostic(places, diagnostic)).collect()
}

fn convert_diagnostic(places: &mut SourceLineIndex, diagnostic: &Diagnostic) -> DiagnosticView {
    let place = diagnostic.location.as_ref().map(|place| places.find_line_column(place));
    DiagnosticView {
        code: diagnostic.code.to_owned(),
        severity: diagnostic.severity.into(),
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
        file: diagnostic.location.as_ref().map(|place| place.source.path.clone()),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
    }
}

impl From<plan::StepAction> for ActionView {
    fn from(action: plan::StepAction) -> Self {
        match action {
            plan::StepAction::Create => Self::Create,
            plan::StepAction::Update => Self::Update,
            plan::StepAction::Delete => Self::Delete,
            plan::StepAction::Replace => Self::Replace,
        }
    }
}

impl From<plan::cause::ChangeCause> for CauseView {
    fn from(cause: plan::cause::ChangeCause) -> Self {
        match cause {
            plan::cause::ChangeCause::Branch => Self::ThisBranch,
            plan::cause::ChangeCause::Drift => Self::Drift,
            plan::cause::ChangeCause::Pending => Self::Pending,
            plan::cause::ChangeCause::NeverApplied => Self::NeverApplied,
            plan::cause::ChangeCause::Rotation => Self::Rotation,
            plan::cause::ChangeCause::Tool => Self::ToolOrApi,
        }
    }
}

impl From<DiagnosticSeverity> for SeverityView {
    fn from(severity: DiagnosticSeverity) -> Self {
        match severity {
            DiagnosticSeverity::Note => Self::Note,
            DiagnosticSeverity::Warning => Self::Warning,
            DiagnosticSeverity::Error => Self::Error,
        }
    }
}
