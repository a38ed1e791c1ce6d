//! One view of plans, checks and results, from which the formats for other programs' pages are made.
//!
//! A sheet borrows from a report, so it holds nothing that may not be shown. Every object is an entry with a
//! word for what is, or was, done to it; findings that are about no object stand beside.
//! Deliberately absent: looks, and text and JSON, which say more about each report than a sheet does.

use std::collections::{BTreeMap, HashMap};

use super::drift::{DriftObject, DriftReport, DriftState};
use super::outcome::{self, ApplyReport, ConflictView, ObjectResult, ResultStatus};
use super::plan_report::{
    ActionView, DiagnosticView, FieldChange, ObjectChange, ObjectName, PlanReport, RefusalView, RequestView,
    SelectionView, SeverityView, UnchangedView, UnreadView, ValidationReport,
};
use super::sanitize::group_digits;
use super::styled_text::{DIM, PLAIN, TextPage, style_text};
use super::{field, request_estimate, text};

/// The width at which changes are drawn; what is narrower wraps them again.
const WIDTH: usize = 110;

/// What a report says, object by object.
pub struct ViewModel<'r> {
    /// The command that made it.
    pub title: &'static str,
    /// False when something could not be read.
    pub complete: bool,
    /// The objects, in the order of the report.
    pub entries: Vec<ViewEntry<'r>>,
    /// What is not about one object.
    pub diagnostics: Vec<&'r DiagnosticView>,
    /// From the root of the repository to the workspace, with a slash at the end; empty when they are one.
    base_path: &'r str,
    /// How many requests it takes, where that is foreseen, or took where that is notable.
    pub request_summary: Option<String>,
    /// The part of the workspace that it is about.
    pub selection: Option<String>,
}

/// A document, and the lines of its file that it takes, from 1.
pub struct DocumentLineRange {
    pub object: ObjectName,
    pub lines: std::ops::Range<usize>,
}

/// One object.
pub struct ViewEntry<'r> {
    pub object: &'r ObjectName,
    pub status: ViewEntryStatus,
    /// What is done to it, or what came of it.
    pub label: &'static str,
    /// What differs.
    pub fields: &'r [FieldChange],
    /// Whether the fields are what was sent and is not there.
    is_lost: bool,
    /// What moved between the plan and the write.
    pub conflicts: &'r [ConflictView],
    pub requests: &'r [RequestView],
    pub diagnostics: Vec<&'r DiagnosticView>,
}

/// How an entry is to be taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ViewEntryStatus {
    Failed,
    Unknown,
    Refused,
    Drifted,
    Create,
    Update,
    Delete,
    Replace,
    NotStarted,
    Unchanged,
}

impl ViewEntryStatus {
    /// Whether this is why a run did not do what was asked.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Unknown | Self::Refused | Self::Drifted)
    }
}

impl<'r> ViewModel<'r> {
    /// What a plan says. `base` leads from the root of the repository to the workspace.
    pub fn from_plan_report(report: &'r PlanReport, base: &'r str) -> Self {
        let changes = report.changes.iter().map(build_change_entry);
        let refused = report.refused.iter().map(build_refusal_entry);
        let unread = report.unread.iter().map(build_unread_entry);
        let entries = changes.chain(refused).chain(unread);
        let entries = entries.chain(report.unchanged.iter().map(build_unchanged_entry)).collect();
        let remarks = report.diagnostics.iter().collect();
        let effort = request_estimate::format_estimates(&report.requests);
        Self {
            title: "plan",
            complete: !report.lacks_live_state(),
            entries,
            diagnostics: remarks,
            base_path: base,
            request_summary: effort,
            selection: report.selection.as_ref().map(SelectionView::describe),
        }
    }

    /// What came of an apply.
    pub fn from_apply_report(report: &'r ApplyReport, base: &'r str) -> Self {
        let entries = report.results.iter().map(build_result_entry).collect();
        let remarks = report.diagnostics.iter().collect();
        let effort = request_estimate::format_deviations(&report.requests);
        Self {
            title: "apply",
            complete: true,
            entries,
            diagnostics: remarks,
            base_path: base,
            request_summary: effort,
            selection: None,
        }
    }

    /// What differs from what was last applied, and why.
    pub fn from_drift_report(report: &'r DriftReport, base: &'r str) -> Self {
        let differing = report.objects.iter().map(build_drift_entry);
        let unknown = report.unknown.iter().map(|refusal| ViewEntry {
            diagnostics: refusal.reasons.iter().collect(),
            ..ViewEntry::new(&refusal.object, ViewEntryStatus::Unknown, "unknown")
        });
        let unchanged = report
            .unchanged
            .iter()
            .map(|object| ViewEntry::new(object, ViewEntryStatus::Unchanged, "as applied"));
        let remarks = report.unmanaged.iter().chain(&report.diagnostics).collect();
        Self {
            title: "drift",
            complete: !report.lacks_live_state(),
            entries: differing.chain(unknown).chain(unchanged).collect(),
            diagnostics: remarks,
            base_path: base,
            request_summary: None,
            selection: report.selection.as_ref().map(SelectionView::describe),
        }
    }

    /// What a check found in `documents`, each finding with the document in which it stands.
    pub fn from_check_report(
        checked: &'r ValidationReport,
        documents: &'r [DocumentLineRange],
        base: &'r str,
    ) -> Self {
        let mut starts: HashMap<&str, BTreeMap<usize, usize>> = HashMap::new();
        for (number, document) in documents.iter().enumerate() {
            starts.entry(&document.object.file).or_default().insert(document.lines.start, number);
        }
        let holder = |finding: &DiagnosticView| {
            let (file, line) = (finding.file.as_deref()?, finding.line?);
            let (_, number) = starts.get(file)?.range(..=line).next_back()?;
            // what stands behind it is in a document that could not be read
            documents.get(*number)?.lines.contains(&line).then_some(*number)
        };
        let mut entries: Vec<_> = documents
            .iter()
            .map(|document| ViewEntry::new(&document.object, ViewEntryStatus::Unchanged, "fine"))
            .collect();
        let mut remarks = Vec::new();
        for finding in &checked.diagnostics {
            match holder(finding).and_then(|number| entries.get_mut(number)) {
                Some(entry) => entry.add_diagnostic(finding),
                None => remarks.push(finding),
            }
        }
        Self {
            title: "validate",
            complete: true,
            entries,
            diagnostics: remarks,
            base_path: base,
            request_summary: None,
            selection: None,
        }
    }

    /// The numbers of a run on one line: `1 to create, 2 to update, 12 unchanged`; `refused: …` for a plan that is not
    /// applied as it is.
    pub fn format_headline(&self) -> String {
        let is_refused = self.title == "plan"
            && self.complete
            && self.diagnostics.iter().any(|own| own.severity == SeverityView::Error);
        let numbers = self.format_numbers();
        if is_refused { format!("refused: {numbers}") } else { numbers }
    }

    fn format_numbers(&self) -> String {
        let mut numbers: BTreeMap<(ViewEntryStatus, &str), usize> = BTreeMap::new();
        for entry in &self.entries {
            *numbers.entry((entry.status, entry.label)).or_default() += 1;
        }
        let said = numbers.iter().map(|((_, word), number)| {
            let to = if matches!(*word, "create" | "update" | "delete" | "replace") { "to " } else { "" };
            format!("{} {to}{word}", group_digits(*number))
        });
        let said: Vec<_> = said.collect();
        if said.is_empty() { "no objects".to_owned() } else { said.join(", ") }
    }

    /// Every finding, with its entry when it is about one.
    pub fn iter_diagnostics(&self) -> impl Iterator<Item = (&'r DiagnosticView, Option<&ViewEntry<'r>>)> {
        let of_entries =
            self.entries.iter().flat_map(|entry| entry.diagnostics.iter().map(move |f| (*f, Some(entry))));
        self.diagnostics.iter().map(|finding| (*finding, None)).chain(of_entries)
    }

    /// Where a finding stands: a file from the root of the repository, and the line and column as far as known.
    /// One without a place of its own stands where the document of its object starts.
    pub fn locate_diagnostic(
        &self,
        finding: &DiagnosticView,
        entry: Option<&ViewEntry>,
    ) -> Option<RepositoryLocation> {
        let location = match (&finding.file, entry) {
            (Some(file), _) => RepositoryLocation {
                file: self.resolve_file(file),
                line: finding.line,
                column: finding.column,
            },
            (None, Some(entry)) => RepositoryLocation {
                file: self.resolve_file(&entry.object.file),
                line: Some(entry.object.line),
                column: None,
            },
            (None, None) => return None,
        };
        Some(location)
    }

    /// A file from the root of the repository, with slashes.
    pub fn resolve_file(&self, file: &str) -> String {
        let file = if cfg!(windows) { file.replace('\\', "/") } else { file.to_owned() };
        match std::path::Path::new(&file).is_absolute() {
            true => file,
            false => format!("{}{}", self.base_path, file.strip_prefix("./").unwrap_or(&file)),
        }
    }
}

/// A place in the repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepositoryLocation {
    pub file: String,
    pub line: Option<usize>,
    pub column: Option<usize>,
}

impl std::fmt::Display for RepositoryLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file)?;
        [self.line, self.column].into_iter().flatten().try_for_each(|number| write!(f, ":{number}"))
    }
}

impl ViewEntry<'_> {
    /// The changes as on a terminal, with its styles.
    pub fn render_changes(&self) -> String {
        let mut page = TextPage::new(WIDTH);
        if !self.conflicts.is_empty() {
            page.write_wrapped(0, 2, &[style_text(DIM, "changed since the plan; not written:")]);
            self.conflicts.iter().for_each(|moved| outcome::write_conflict(&mut page, moved));
        }
        if self.is_lost && !self.fields.is_empty() {
            page.write_wrapped(0, 2, &[style_text(PLAIN, "live, and sent:")]);
        }
        field::write_fields(&mut page, 0, self.fields);
        page.finish()
    }

    /// The requests as on a terminal, with its styles.
    pub fn render_requests(&self) -> String {
        let mut page = TextPage::new(WIDTH);
        self.requests.iter().for_each(|request| text::write_request(&mut page, 0, request));
        page.finish()
    }
}

impl<'r> ViewEntry<'r> {
    fn new(object: &'r ObjectName, tone: ViewEntryStatus, word: &'static str) -> Self {
        Self {
            object,
            status: tone,
            label: word,
            fields: &[],
            is_lost: false,
            conflicts: &[],
            requests: &[],
            diagnostics: Vec::new(),
        }
    }

    fn add_diagnostic(&mut self, finding: &'r DiagnosticView) {
        if finding.severity == SeverityView::Error {
            (self.status, self.label) = (ViewEntryStatus::Failed, "faulty");
        }
        self.diagnostics.push(finding);
    }
}

fn build_change_entry(change: &ObjectChange) -> ViewEntry<'_> {
    ViewEntry {
        fields: &change.fields,
        requests: &change.requests,
        diagnostics: change.notes.iter().collect(),
        ..ViewEntry::new(&change.object, map_action_status(change.action), change.action.as_str())
    }
}

fn build_refusal_entry(refusal: &RefusalView) -> ViewEntry<'_> {
    let findings = refusal.reasons.iter().collect();
    ViewEntry {
        fields: &refusal.fields,
        diagnostics: findings,
        ..ViewEntry::new(&refusal.object, ViewEntryStatus::Refused, "refused")
    }
}

fn build_unread_entry(unread: &UnreadView) -> ViewEntry<'_> {
    let findings = unread.reasons.iter().collect();
    ViewEntry { diagnostics: findings, ..ViewEntry::new(&unread.object, ViewEntryStatus::Unknown, "unread") }
}

fn build_unchanged_entry(unchanged: &UnchangedView) -> ViewEntry<'_> {
    let findings = unchanged.notes.iter().collect();
    ViewEntry {
        diagnostics: findings,
        ..ViewEntry::new(&unchanged.object, ViewEntryStatus::Unchanged, "unchanged")
    }
}

fn build_drift_entry(object: &DriftObject) -> ViewEntry<'_> {
    let tone = match object.states.as_slice() {
        states if states.contains(&DriftState::Drift) => ViewEntryStatus::Drifted,
        states if states.contains(&DriftState::NeverApplied) => ViewEntryStatus::Create,
        _ => ViewEntryStatus::Update,
    };
    let findings = object.diagnostics.iter().collect();
    ViewEntry {
        fields: &object.fields,
        diagnostics: findings,
        ..ViewEntry::new(&object.object, tone, object.describe_states())
    }
}

fn build_result_entry(result: &ObjectResult) -> ViewEntry<'_> {
    let tone = match result.result {
        ResultStatus::Done => result.action.map_or(ViewEntryStatus::Update, map_action_status),
        ResultStatus::Unchanged => ViewEntryStatus::Unchanged,
        ResultStatus::Refused => ViewEntryStatus::Refused,
        ResultStatus::Failed | ResultStatus::Partial => ViewEntryStatus::Failed,
        ResultStatus::Unknown | ResultStatus::Unread => ViewEntryStatus::Unknown,
        ResultStatus::NotStarted => ViewEntryStatus::NotStarted,
    };
    ViewEntry {
        fields: &result.not_kept,
        is_lost: true,
        conflicts: &result.conflicts,
        diagnostics: result.reasons.iter().chain(&result.diagnostics).collect(),
        ..ViewEntry::new(&result.object, tone, outcome::describe_result(result))
    }
}

fn map_action_status(action: ActionView) -> ViewEntryStatus {
    match action {
        ActionView::Create => ViewEntryStatus::Create,
        ActionView::Update => ViewEntryStatus::Update,
        ActionView::Delete => ViewEntryStatus::Delete,
        ActionView::Replace => ViewEntryStatus::Replace,
    }
}
