//! A report on the terminal: the summary first, then object by object what would change and which request
//! does it, then what was refused and why.
//!
//! The text carries ANSI styles; print it through `anstream`. It is legible without them. Everything that
//! came from outside is escaped here, so no value can move the cursor or pretend to be a line of ours.
//! Deliberately absent: source lines of diagnostics (`draw` shows those), and plans.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::object_name::spans_environments;
use super::plan_report::{
    ActionView, DiagnosticView, FieldChange, HiddenValue, HiddenValueState, ObjectChange, ObjectName,
    PlanReport, RequestView, SeverityView, UnchangedView, ValidationReport,
};
use super::replacement_view::ReplacementView;
use super::sanitize::{self, format_count, group_digits};
use super::styled_text::{
    ADDED, BOLD, CHANGED, DIM, ERROR, HELP, PLAIN, REMOVED, StyledText, TextPage, WARNING, measure_width,
    pad_text, style_text,
};
use super::{field, request_estimate, selection};

/// The most names of unknown members that a request line lists.
const MAX_NAMES: usize = 8;
/// After more objects the numbers of the plan are said once more, because its first lines are out of sight.
const MAX_OBJECTS_IN_VIEW: usize = 20;

/// The whole report for a terminal of `width` columns.
pub fn render_plan(report: &PlanReport, width: usize) -> String {
    let mut page = TextPage::new(width);
    write_summary(&mut page, report);
    for change in &report.changes {
        write_object(&mut page, change);
    }
    for refusal in &report.refused {
        write_heading(&mut page, "refused", ERROR, &refusal.object);
        field::write_fields(&mut page, 2, &refusal.fields);
        write_diagnostics(&mut page, 2, &refusal.reasons);
    }
    // what is said of a whole list stands at the end
    for unread in report.unread.iter().filter(|unread| !unread.reasons.is_empty()) {
        write_heading(&mut page, "unread", ERROR, &unread.object);
        write_diagnostics(&mut page, 2, &unread.reasons);
    }
    for unchanged in report.unchanged.iter().filter(|unchanged| !unchanged.notes.is_empty()) {
        write_heading(&mut page, "unchanged", DIM, &unchanged.object);
        write_notes(&mut page, &unchanged.notes);
    }
    write_unchanged_values(&mut page, &report.unchanged);
    for finding in &report.diagnostics {
        page.write_gap();
        write_diagnostics(&mut page, 0, std::slice::from_ref(finding));
    }
    let numbers = build_headline(report);
    let objects = report.changes.len() + report.refused.len();
    if objects > MAX_OBJECTS_IN_VIEW {
        page.write_gap();
        page.write_wrapped(0, 2, &numbers);
    }
    if let Some(line) = request_estimate::format_estimates(&report.requests) {
        page.write_gap();
        page.write_wrapped(0, 2, &[style_text(DIM, line)]);
    }
    page.finish()
}

fn write_summary(page: &mut TextPage, report: &PlanReport) {
    selection::write_selection(page, report.selection.as_ref());
    if report.lacks_live_state() {
        let said = "This plan is incomplete: some live state could not be read";
        page.write_wrapped(0, 2, &[style_text(WARNING, said)]);
        page.write_gap();
    }
    if report.changes.is_empty() && report.refused.is_empty() && report.unread.is_empty() {
        return page.write_wrapped(0, 2, &[style_text(BOLD, describe_no_changes(report))]);
    }
    page.write_wrapped(0, 2, &build_headline(report));
    page.write_gap();
    write_table(page, report);
}

fn describe_no_changes(report: &PlanReport) -> String {
    match (report.summary.unchanged, !report.lacks_live_state()) {
        (0, true) if report.is_narrowed() => "No changes: no object is selected".to_owned(),
        (_, false) => "No changes found, but the plan is incomplete".to_owned(),
        (0, true) => "No changes: there are no documents".to_owned(),
        (1, true) => "No changes: 1 object unchanged".to_owned(),
        (n, true) => format!("No changes: {} unchanged", format_count(n, "object")),
    }
}

/// `1 to create, 2 to update, 1 refused, 12 unchanged`
fn build_headline(report: &PlanReport) -> Vec<StyledText<'static>> {
    let summary = &report.summary;
    let parts = [
        (summary.create, "to create", ADDED.bold()),
        (summary.update, "to update", CHANGED.bold()),
        (summary.delete, "to delete", REMOVED.bold()),
        (summary.replace, "to replace", REMOVED.bold()),
        (summary.refused, "refused", ERROR),
        (summary.unread, "unread", ERROR),
        (summary.unchanged, "unchanged", DIM),
    ];
    build_counts(&parts)
}

/// Numbers that are not zero, with what they count.
pub fn build_counts(parts: &[(usize, &str, anstyle::Style)]) -> Vec<StyledText<'static>> {
    let mut line = Vec::new();
    for (number, what, style) in parts.iter().filter(|(number, ..)| *number > 0) {
        if !line.is_empty() {
            line.push(style_text(PLAIN, ", "));
        }
        line.push(style_text(*style, format!("{} {what}", group_digits(*number))));
    }
    line
}

/// What becomes of an object, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SummaryRowAction {
    Planned(ActionView),
    Refused,
    Unread,
}

/// Kind, action, number and names, one line each.
fn write_table(page: &mut TextPage, report: &PlanReport) {
    let mut rows: BTreeMap<(&str, SummaryRowAction), Vec<Cow<str>>> = BTreeMap::new();
    let changes =
        report.changes.iter().map(|change| (&change.object, SummaryRowAction::Planned(change.action)));
    let refused = report.refused.iter().map(|refusal| (&refusal.object, SummaryRowAction::Refused));
    let unread = report.unread.iter().map(|unread| (&unread.object, SummaryRowAction::Unread));
    let all = changes.chain(refused).chain(unread);
    let is_long = spans_environments(all.clone().map(|(object, _)| object));
    for (object, turn) in all {
        rows.entry((&object.kind, turn)).or_default().push(object.describe_name(is_long));
    }
    let kinds = rows.keys().map(|(kind, _)| measure_width(&sanitize::escape_line(kind))).max().unwrap_or(0);
    let numbers = rows.values().map(|names| group_digits(names.len()).len()).max().unwrap_or(0);
    let is_wide =
        |(_, turn): &(&str, SummaryRowAction)| *turn == SummaryRowAction::Planned(ActionView::Replace);
    let words = if rows.keys().any(is_wide) { 7 } else { 6 };
    let mut last = "";
    for ((kind, turn), names) in &rows {
        let shown = if *kind == last { "" } else { kind };
        last = kind;
        let (word, style) = match turn {
            SummaryRowAction::Planned(action) => style_action(*action),
            SummaryRowAction::Refused => ("refuse", ERROR),
            SummaryRowAction::Unread => ("unread", ERROR),
        };
        let count = group_digits(names.len());
        let line = [
            style_text(PLAIN, format!("{}  ", pad_text(&sanitize::escape_line(shown), kinds))),
            style_text(style, format!("{}  ", pad_text(word, words))),
            style_text(PLAIN, format!("{}{count}  ", " ".repeat(numbers - count.len()))),
        ];
        let used = 2 + kinds + 2 + words + 2 + numbers + 2;
        let names = join_names(names, page.width().saturating_sub(used));
        page.write_wrapped(2, used, &[&line[..], &[style_text(PLAIN, names)]].concat());
    }
}

/// As many names as fit, and how many there are beyond them.
pub fn join_names(names: &[impl AsRef<str>], room: usize) -> String {
    let mut list = String::new();
    for (at, name) in names.iter().enumerate() {
        let next = format!("{}{}", if at == 0 { "" } else { ", " }, sanitize::escape_line(name.as_ref()));
        let more = if at + 1 == names.len() { 0 } else { measure_width(&format_more(names.len())) };
        if at > 0 && measure_width(&list) + measure_width(&next) + more > room {
            list.push_str(&format_more(names.len() - at));
            break;
        }
        list.push_str(&next);
    }
    list
}

fn format_more(number: usize) -> String {
    format!(" and {} more", group_digits(number))
}

fn style_action(action: ActionView) -> (&'static str, anstyle::Style) {
    let style = match action {
        ActionView::Create => ADDED,
        ActionView::Update => CHANGED,
        ActionView::Delete | ActionView::Replace => REMOVED,
    };
    (action.as_str(), style.bold())
}

fn write_object(page: &mut TextPage, change: &ObjectChange) {
    let (word, style) = style_action(change.action);
    let sign = change.replacement.map_or("", ReplacementView::sign);
    write_heading(page, &format!("{sign}{word}"), style, &change.object);
    field::write_fields(page, 2, &change.fields);
    change.hidden.iter().for_each(|hidden| write_hidden_value(page, hidden));
    write_notes(page, &change.notes);
    for request in &change.requests {
        write_request(page, 2, request);
    }
}

/// What differs, indented.
pub fn render_field_changes(fields: &[FieldChange], width: usize) -> String {
    let mut page = TextPage::new(width);
    field::write_fields(&mut page, 4, fields);
    page.finish()
}

/// Two lines: what is done to which object, and where it and its document are.
pub fn write_heading(page: &mut TextPage, word: &str, style: anstyle::Style, object: &ObjectName) {
    page.write_gap();
    let line = [
        style_text(style, word),
        style_text(PLAIN, format!(" {} ", sanitize::escape_line(&object.kind))),
        style_text(BOLD, sanitize::escape_line(&object.name)),
    ];
    page.write_wrapped(0, 4, &line);
    let id = object.id.as_ref().map_or_else(String::new, |id| format!(", id {}", field::format_id(id)));
    let environment =
        object.environment.as_ref().map_or_else(String::new, |own| format!("environment {own}, "));
    let place = format!("{environment}target {}{id}, {}:{}", object.target, object.file, object.line);
    page.write_wrapped(4, 4, &[style_text(DIM, sanitize::escape_line(&place))]);
}

/// A value that does not read back: what is known of it.
fn write_hidden_value(page: &mut TextPage, hidden: &HiddenValue) {
    let when = hidden.written_days_ago.map_or_else(|| "last".to_owned(), format_days_ago);
    let never = hidden.status == HiddenValueState::NeverWritten;
    let what = match (hidden.rotated, hidden.status) {
        (true, _) if never => "rotated; never written from this workspace".to_owned(),
        (true, _) => format!("rotated; written {when}"),
        (false, HiddenValueState::Same) => format!("as written {when}"),
        (false, HiddenValueState::Differs) => format!("differs from what was written {when}"),
        (false, HiddenValueState::NeverWritten) => "never written from this workspace".to_owned(),
    };
    let line = format!("{}: {what}", sanitize::escape_line(&hidden.label));
    page.write_wrapped(2, 4, &[style_text(DIM, "· "), style_text(PLAIN, line)]);
}

fn format_days_ago(days: u64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        days => format!("{} days ago", group_digits(usize::try_from(days).unwrap_or(usize::MAX))),
    }
}

/// Values of objects to which nothing is to be done: how many there are, and how old the oldest is.
fn write_unchanged_values(page: &mut TextPage, unchanged: &[UnchangedView]) {
    let same =
        unchanged.iter().flat_map(|own| &own.hidden).filter(|hidden| hidden.status == HiddenValueState::Same);
    let days: Vec<Option<u64>> = same.map(|hidden| hidden.written_days_ago).collect();
    if days.is_empty() {
        return;
    }
    let does = if days.len() == 1 {
        "is not returned by the API and is"
    } else {
        "are not returned by the API and are"
    };
    let oldest = days.iter().flatten().max().map(|days| format!(", the oldest {}", format_days_ago(*days)));
    let said = format!(
        "{} {does} unchanged since the last write{}",
        format_count(days.len(), "value"),
        oldest.unwrap_or_default()
    );
    page.write_gap();
    page.write_wrapped(0, 2, &[style_text(DIM, "· "), style_text(PLAIN, said)]);
}

fn write_notes(page: &mut TextPage, notes: &[DiagnosticView]) {
    for note in notes {
        page.write_wrapped(
            2,
            4,
            &[style_text(DIM, "· "), style_text(PLAIN, sanitize::escape_line(&note.message))],
        );
        write_hint(page, 4, note);
    }
}

/// Diagnostics without their source lines.
pub fn write_diagnostics(page: &mut TextPage, indent: usize, findings: &[DiagnosticView]) {
    for finding in findings {
        let style = match finding.severity {
            SeverityView::Error => ERROR,
            SeverityView::Warning => WARNING,
            SeverityView::Note => BOLD,
        };
        let line = [
            style_text(style, format!("{}[{}]", finding.severity.as_str(), finding.code)),
            style_text(PLAIN, ": "),
            style_text(PLAIN, sanitize::escape_line(&finding.message)),
        ];
        page.write_wrapped(indent, indent + 4, &line);
        write_place(page, indent + 2, finding);
        write_hint(page, indent + 2, finding);
    }
}

fn write_place(page: &mut TextPage, indent: usize, finding: &DiagnosticView) {
    let Some(file) = &finding.file else { return };
    let mut place = sanitize::escape_line(file).into_owned();
    for number in [finding.line, finding.column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    page.write_wrapped(indent, indent + 4, &[style_text(DIM, "--> "), style_text(DIM, place)]);
}

fn write_hint(page: &mut TextPage, indent: usize, finding: &DiagnosticView) {
    let Some(hint) = &finding.hint else { return };
    page.write_wrapped(
        indent,
        indent + 6,
        &[style_text(HELP, "help: "), style_text(PLAIN, sanitize::escape_line(hint))],
    );
}

/// The request: verb, path and query; then what it is about and what travels along.
pub fn write_request(page: &mut TextPage, indent: usize, request: &RequestView) {
    let mut target = sanitize::escape_line(&request.path).into_owned();
    for (at, parameter) in request.query.iter().enumerate() {
        let value = parameter.value.as_deref().unwrap_or("…");
        target.push_str(if at == 0 { "?" } else { "&" });
        target.push_str(&sanitize::escape_line(&format!("{}={value}", parameter.name)));
    }
    page.write_wrapped(
        indent,
        indent + 6,
        &[style_text(BOLD, &*request.method), style_text(PLAIN, " "), style_text(PLAIN, target)],
    );
    if request.changed_fields.is_empty() && request.unmanaged_fields.is_empty() {
        return;
    }
    let mut said = format!("sends {}", format_sent_fields(request));
    if !request.unmanaged_fields.is_empty() {
        said.push_str(&format!("; {}", format_unmanaged_fields(request)));
    }
    said.push_str(&format!(" ({})", format_count(request.bytes, "byte")));
    page.write_wrapped(indent + 4, indent + 4, &[style_text(DIM, said)]);
}

/// The fields that are the reason, and which of them are replaced as a whole.
fn format_sent_fields(request: &RequestView) -> String {
    let mut seen = HashSet::new();
    let tops = request.changed_fields.iter().map(|pointer| pointer.split('/').nth(1).unwrap_or(""));
    let shown = tops.filter(|top| seen.insert(*top)).map(|top| {
        let whole = request.replaced_fields.iter().find(|whole| whole.path.strip_prefix('/') == Some(top));
        let name = top.replace("~1", "/").replace("~0", "~");
        let what = whole.map_or(String::new(), |whole| format!(" (whole {})", whole.ty));
        format!("{}{what}", sanitize::escape_line(&name))
    });
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() { "no changes".to_owned() } else { shown.join(", ") }
}

/// `14 unmanaged fields sent back unchanged, 2 of them unknown to this version (foo, bar)`
fn format_unmanaged_fields(request: &RequestView) -> String {
    let count = format_count(request.unmanaged_fields.len(), "unmanaged field");
    let mut said = format!("{count} sent back unchanged");
    let unknown = &request.unknown_fields;
    if !unknown.is_empty() {
        let names: Vec<_> = unknown
            .iter()
            .take(MAX_NAMES)
            .map(|name| sanitize::truncate_line(&sanitize::escape_line(name), 40).into_owned())
            .collect();
        let more = if unknown.len() > MAX_NAMES { ", …" } else { "" };
        let number = match (unknown.len(), request.unmanaged_fields.len()) {
            (1, 1) => String::new(),
            (n, _) => format!("{} of them ", group_digits(n)),
        };
        said.push_str(&format!(", {number}not described by the kind ({}{more})", names.join(", ")));
    }
    said
}

/// A check, for a file: its numbers, then what it found.
pub fn render_check(checked: &ValidationReport, headline: &str, width: usize) -> String {
    let mut page = TextPage::new(width);
    page.write_wrapped(0, 2, &[style_text(BOLD, headline)]);
    write_diagnostics(&mut page, 0, &checked.diagnostics);
    page.finish()
}
