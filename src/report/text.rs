//! A report on the terminal: the summary first, then object by object what would change and which request
//! does it, then what was refused and why.
//!
//! The text carries ANSI styles; print it through `anstream`. It is legible without them. Everything that
//! came from outside is escaped here, so no value can move the cursor or pretend to be a line of ours.
//! Deliberately absent: source lines of diagnostics (`draw` shows those), and plans.

use std::collections::{BTreeMap, HashSet};

use super::clean::{self, count, grouped};
use super::field;
use super::forecast;
use super::paint::{
    ADDED, BOLD, CHANGED, DIM, ERROR, HELP, PLAIN, Page, Piece, REMOVED, WARNING, padded, piece, width_of,
};
use super::shown::{
    Action, Checked, Finding, HiddenValue, Known, ObjectChange, ObjectName, Report, RequestShown, Unchanged,
    Weight,
};

/// The most names of unknown members that a request line lists.
const MOST_NAMES: usize = 8;

/// The whole report for a terminal of `width` columns.
pub fn text(report: &Report, width: usize) -> String {
    let mut page = Page::new(width);
    summary(&mut page, report);
    for change in &report.changes {
        object(&mut page, change);
    }
    for refusal in &report.refused {
        heading(&mut page, ("refused", ERROR), &refusal.object);
        field::show(&mut page, 2, &refusal.fields);
        findings(&mut page, 2, &refusal.reasons);
    }
    // what is said of a whole list stands at the end
    for unread in report.unread.iter().filter(|unread| !unread.reasons.is_empty()) {
        heading(&mut page, ("unread", ERROR), &unread.object);
        findings(&mut page, 2, &unread.reasons);
    }
    for unchanged in report.unchanged.iter().filter(|unchanged| !unchanged.notes.is_empty()) {
        heading(&mut page, ("as wanted", DIM), &unchanged.object);
        notes(&mut page, &unchanged.notes);
    }
    as_written(&mut page, &report.unchanged);
    for finding in &report.diagnostics {
        page.gap();
        findings(&mut page, 0, std::slice::from_ref(finding));
    }
    if let Some(line) = forecast::line(&report.requests) {
        page.gap();
        page.flow(0, 2, &[piece(DIM, line)]);
    }
    page.finish()
}

fn summary(page: &mut Page, report: &Report) {
    if !report.complete {
        let said = "This plan is incomplete: some live state could not be read";
        page.flow(0, 2, &[piece(WARNING, said)]);
        page.gap();
    }
    if report.changes.is_empty() && report.refused.is_empty() && report.unread.is_empty() {
        return page.flow(0, 2, &[piece(BOLD, nothing_to_do(report))]);
    }
    page.flow(0, 2, &headline(report));
    page.gap();
    table(page, report);
}

fn nothing_to_do(report: &Report) -> String {
    match (report.summary.unchanged, report.complete) {
        (_, false) => "Nothing to do as far as can be told".to_owned(),
        (0, true) => "Nothing to do: there are no documents".to_owned(),
        (1, true) => "Nothing to do: 1 object is as wanted".to_owned(),
        (n, true) => format!("Nothing to do: {} are as wanted", count(n, "object")),
    }
}

/// `1 to create, 2 to update, 1 refused, 12 as wanted`
fn headline(report: &Report) -> Vec<Piece<'static>> {
    let summary = &report.summary;
    let parts = [
        (summary.create, "to create", ADDED.bold()),
        (summary.update, "to update", CHANGED.bold()),
        (summary.delete, "to delete", REMOVED.bold()),
        (summary.refused, "refused", ERROR),
        (summary.unread, "unread", ERROR),
        (summary.unchanged, "as wanted", DIM),
    ];
    tally(&parts)
}

/// Numbers that are not zero, with what they count.
pub fn tally(parts: &[(usize, &str, anstyle::Style)]) -> Vec<Piece<'static>> {
    let mut line = Vec::new();
    for (number, what, style) in parts.iter().filter(|(number, ..)| *number > 0) {
        if !line.is_empty() {
            line.push(piece(PLAIN, ", "));
        }
        line.push(piece(*style, format!("{} {what}", grouped(*number))));
    }
    line
}

/// What becomes of an object, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Does(Action),
    Refused,
    Unread,
}

/// Kind, action, number and names, one line each.
fn table(page: &mut Page, report: &Report) {
    let mut rows: BTreeMap<(&str, Turn), Vec<&str>> = BTreeMap::new();
    let changes = report.changes.iter().map(|change| (&change.object, Turn::Does(change.action)));
    let refused = report.refused.iter().map(|refusal| (&refusal.object, Turn::Refused));
    let unread = report.unread.iter().map(|unread| (&unread.object, Turn::Unread));
    for (object, turn) in changes.chain(refused).chain(unread) {
        rows.entry((&object.kind, turn)).or_default().push(&object.name);
    }
    let kinds = rows.keys().map(|(kind, _)| width_of(&clean::line(kind))).max().unwrap_or(0);
    let numbers = rows.values().map(|names| grouped(names.len()).len()).max().unwrap_or(0);
    let mut last = "";
    for ((kind, turn), names) in &rows {
        let shown = if *kind == last { "" } else { kind };
        last = kind;
        let (word, style) = match turn {
            Turn::Does(action) => look(*action),
            Turn::Refused => ("refuse", ERROR),
            Turn::Unread => ("unread", ERROR),
        };
        let count = grouped(names.len());
        let line = [
            piece(PLAIN, format!("{}  ", padded(&clean::line(shown), kinds))),
            piece(style, format!("{word}  ")),
            piece(PLAIN, format!("{}{count}  ", " ".repeat(numbers - count.len()))),
        ];
        let used = 2 + kinds + 2 + 6 + 2 + numbers + 2;
        let names = name_list(names, page.width().saturating_sub(used));
        page.flow(2, used, &[&line[..], &[piece(PLAIN, names)]].concat());
    }
}

/// As many names as fit, and how many there are beyond them.
pub fn name_list(names: &[&str], room: usize) -> String {
    let mut list = String::new();
    for (at, name) in names.iter().enumerate() {
        let next = format!("{}{}", if at == 0 { "" } else { ", " }, clean::line(name));
        let more = if at + 1 == names.len() { 0 } else { width_of(&and_more(names.len())) };
        if at > 0 && width_of(&list) + width_of(&next) + more > room {
            list.push_str(&and_more(names.len() - at));
            break;
        }
        list.push_str(&next);
    }
    list
}

fn and_more(number: usize) -> String {
    format!(" and {} more", grouped(number))
}

fn look(action: Action) -> (&'static str, anstyle::Style) {
    let style = match action {
        Action::Create => ADDED,
        Action::Update => CHANGED,
        Action::Delete => REMOVED,
    };
    (action.word(), style.bold())
}

fn object(page: &mut Page, change: &ObjectChange) {
    heading(page, look(change.action), &change.object);
    field::show(page, 2, &change.fields);
    change.hidden.iter().for_each(|hidden| known(page, hidden));
    notes(page, &change.notes);
    for request in &change.requests {
        send(page, 2, request);
    }
}

/// Two lines: what is done to which object, and where it and its document are.
pub fn heading(page: &mut Page, (word, style): (&str, anstyle::Style), object: &ObjectName) {
    page.gap();
    let line = [
        piece(style, word),
        piece(PLAIN, format!(" {} ", clean::line(&object.kind))),
        piece(BOLD, clean::line(&object.name)),
    ];
    page.flow(0, 4, &line);
    let id = object.id.as_ref().map_or_else(String::new, |id| format!(", id {}", field::id(id)));
    let place = format!("target {}{id}, {}:{}", object.target, object.file, object.line);
    page.flow(4, 4, &[piece(DIM, clean::line(&place))]);
}

/// A value that does not read back: what is known of it.
fn known(page: &mut Page, hidden: &HiddenValue) {
    let when = hidden.written_days_ago.map_or_else(|| "last".to_owned(), ago);
    let never = hidden.known == Known::NeverWritten;
    let what = match (hidden.rotated, hidden.known) {
        (true, _) if never => "rotated; never written from here".to_owned(),
        (true, _) => format!("rotated; written {when}"),
        (false, Known::Same) => format!("as written {when}"),
        (false, Known::Differs) => format!("differs from what was written {when}"),
        (false, Known::NeverWritten) => "never written from here".to_owned(),
    };
    let line = format!("{}: {what}", clean::line(&hidden.label));
    page.flow(2, 4, &[piece(DIM, "· "), piece(PLAIN, line)]);
}

fn ago(days: u64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        days => format!("{} days ago", grouped(usize::try_from(days).unwrap_or(usize::MAX))),
    }
}

/// Values of objects to which nothing is to be done: how many there are, and how old the oldest is.
fn as_written(page: &mut Page, unchanged: &[Unchanged]) {
    let same = unchanged.iter().flat_map(|own| &own.hidden).filter(|hidden| hidden.known == Known::Same);
    let days: Vec<Option<u64>> = same.map(|hidden| hidden.written_days_ago).collect();
    if days.is_empty() {
        return;
    }
    let does = if days.len() == 1 { "does not read back and is" } else { "do not read back and are" };
    let oldest = days.iter().flatten().max().map(|days| format!(", the oldest {}", ago(*days)));
    let said = format!("{} {does} as last written{}", count(days.len(), "value"), oldest.unwrap_or_default());
    page.gap();
    page.flow(0, 2, &[piece(DIM, "· "), piece(PLAIN, said)]);
}

fn notes(page: &mut Page, notes: &[Finding]) {
    for note in notes {
        page.flow(2, 4, &[piece(DIM, "· "), piece(PLAIN, clean::line(&note.message))]);
        hint(page, 4, note);
    }
}

/// Diagnostics without their source lines.
pub fn findings(page: &mut Page, indent: usize, findings: &[Finding]) {
    for finding in findings {
        let style = match finding.severity {
            Weight::Error => ERROR,
            Weight::Warning => WARNING,
            Weight::Note => BOLD,
        };
        let line = [
            piece(style, format!("{}[{}]", finding.severity.word(), finding.code)),
            piece(PLAIN, ": "),
            piece(PLAIN, clean::line(&finding.message)),
        ];
        page.flow(indent, indent + 4, &line);
        place(page, indent + 2, finding);
        hint(page, indent + 2, finding);
    }
}

fn place(page: &mut Page, indent: usize, finding: &Finding) {
    let Some(file) = &finding.file else { return };
    let mut place = clean::line(file).into_owned();
    for number in [finding.line, finding.column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    page.flow(indent, indent + 4, &[piece(DIM, "--> "), piece(DIM, place)]);
}

fn hint(page: &mut Page, indent: usize, finding: &Finding) {
    let Some(hint) = &finding.hint else { return };
    page.flow(indent, indent + 6, &[piece(HELP, "help: "), piece(PLAIN, clean::line(hint))]);
}

/// The request: verb, path and query; then what it is about and what travels along.
pub fn send(page: &mut Page, indent: usize, request: &RequestShown) {
    let mut target = clean::line(&request.path).into_owned();
    for (at, parameter) in request.query.iter().enumerate() {
        let value = parameter.value.as_deref().unwrap_or("…");
        target.push_str(if at == 0 { "?" } else { "&" });
        target.push_str(&clean::line(&format!("{}={value}", parameter.name)));
    }
    page.flow(indent, indent + 6, &[piece(BOLD, &*request.method), piece(PLAIN, " "), piece(PLAIN, target)]);
    if request.sends.is_empty() && request.along.is_empty() {
        return;
    }
    let mut said = format!("sends {}", sent(request));
    if !request.along.is_empty() {
        said.push_str(&format!("; {}", along(request)));
    }
    said.push_str(&format!(" ({})", count(request.bytes, "byte")));
    page.flow(indent + 4, indent + 4, &[piece(DIM, said)]);
}

/// The fields that are the reason, and which of them are replaced as a whole.
fn sent(request: &RequestShown) -> String {
    let mut seen = HashSet::new();
    let tops = request.sends.iter().map(|pointer| pointer.split('/').nth(1).unwrap_or(""));
    let shown = tops.filter(|top| seen.insert(*top)).map(|top| {
        let whole = request.whole.iter().find(|whole| whole.path.strip_prefix('/') == Some(top));
        let name = top.replace("~1", "/").replace("~0", "~");
        let what = whole.map_or(String::new(), |whole| format!(" (whole {})", whole.ty));
        format!("{}{what}", clean::line(&name))
    });
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() { "nothing new".to_owned() } else { shown.join(", ") }
}

/// `14 fields travel along, 2 of them unknown to this version (foo, bar)`
fn along(request: &RequestShown) -> String {
    let verb = if request.along.len() == 1 { "travels" } else { "travel" };
    let mut said = format!("{} {verb} along", count(request.along.len(), "field"));
    let unknown = &request.unknown;
    if !unknown.is_empty() {
        let names: Vec<_> = unknown
            .iter()
            .take(MOST_NAMES)
            .map(|name| clean::cut(&clean::line(name), 40).into_owned())
            .collect();
        let more = if unknown.len() > MOST_NAMES { ", …" } else { "" };
        let number = match (unknown.len(), request.along.len()) {
            (1, 1) => String::new(),
            (n, _) => format!("{} of them ", grouped(n)),
        };
        said.push_str(&format!(", {number}unknown to this version ({}{more})", names.join(", ")));
    }
    said
}

/// A check, for a file: its numbers, then what it found.
pub fn check(checked: &Checked, headline: &str, width: usize) -> String {
    let mut page = Page::new(width);
    page.flow(0, 2, &[piece(BOLD, headline)]);
    findings(&mut page, 0, &checked.diagnostics);
    page.finish()
}
