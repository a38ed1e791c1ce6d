//! One view of plans, checks and results, from which the formats for other programs' pages are made.
//!
//! A sheet borrows from a report, so it holds nothing that may not be shown. Every object is an entry with a
//! word for what is, or was, done to it; findings that are about no object stand beside.
//! Deliberately absent: looks, and text and JSON, which say more about each report than a sheet does.

use std::collections::{BTreeMap, HashMap};

use super::clean::grouped;
use super::drift::{DriftObject, DriftReport, DriftState};
use super::field;
use super::forecast;
use super::outcome::{self, ApplyReport, MovedField, ObjectResult, Word};
use super::paint::{DIM, PLAIN, Page, piece};
use super::shown::{
    Action, Checked, FieldChange, Finding, ObjectChange, ObjectName, Refusal, Report, RequestShown,
    Unchanged, Unread, Weight,
};
use super::text;

/// The width at which changes are drawn; what is narrower wraps them again.
const WIDTH: usize = 110;

/// What a report says, object by object.
pub struct Sheet<'r> {
    /// The command that made it.
    pub title: &'static str,
    /// False when something could not be read.
    pub complete: bool,
    /// The objects, in the order of the report.
    pub entries: Vec<Entry<'r>>,
    /// What is not about one object.
    pub remarks: Vec<&'r Finding>,
    /// From the root of the repository to the workspace, with a slash at the end; empty when they are one.
    base: &'r str,
    /// How many requests it takes, where that is foreseen, or took where that is notable.
    pub effort: Option<String>,
}

/// A document, and the lines of its file that it takes, from 1.
pub struct Stretch {
    pub object: ObjectName,
    pub lines: std::ops::Range<usize>,
}

/// One object.
pub struct Entry<'r> {
    pub object: &'r ObjectName,
    pub tone: Tone,
    /// What is done to it, or what came of it.
    pub word: &'static str,
    /// What differs.
    pub fields: &'r [FieldChange],
    /// Whether the fields are what was sent and is not there.
    is_lost: bool,
    /// What moved between the plan and the write.
    pub moved: &'r [MovedField],
    pub requests: &'r [RequestShown],
    pub findings: Vec<&'r Finding>,
}

/// How an entry is to be taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tone {
    Failed,
    Unknown,
    Refused,
    Drifted,
    Create,
    Update,
    Delete,
    NotStarted,
    Calm,
}

impl Tone {
    /// Whether this is why a run did not do what was asked.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Unknown | Self::Refused | Self::Drifted)
    }
}

impl<'r> Sheet<'r> {
    /// What a plan says. `base` leads from the root of the repository to the workspace.
    pub fn of_plan(report: &'r Report, base: &'r str) -> Self {
        let changes = report.changes.iter().map(changed);
        let refused = report.refused.iter().map(refused);
        let unread = report.unread.iter().map(unread);
        let entries = changes.chain(refused).chain(unread);
        let entries = entries.chain(report.unchanged.iter().map(unchanged)).collect();
        let remarks = report.diagnostics.iter().collect();
        let effort = forecast::line(&report.requests);
        Self { title: "plan", complete: report.complete, entries, remarks, base, effort }
    }

    /// What came of an apply.
    pub fn of_results(report: &'r ApplyReport, base: &'r str) -> Self {
        let entries = report.results.iter().map(ended).collect();
        let remarks = report.diagnostics.iter().collect();
        let effort = forecast::surprise(&report.requests);
        Self { title: "apply", complete: true, entries, remarks, base, effort }
    }

    /// What differs from what was last applied, and why.
    pub fn of_drift(report: &'r DriftReport, base: &'r str) -> Self {
        let differing = report.objects.iter().map(|object| drifted(report, object));
        let unknown = report.unknown.iter().map(|refusal| Entry {
            findings: refusal.reasons.iter().collect(),
            ..Entry::new(&refusal.object, Tone::Unknown, "unknown")
        });
        let unchanged = report.unchanged.iter().map(|object| Entry::new(object, Tone::Calm, "as applied"));
        let remarks = report.unmanaged.iter().chain(&report.diagnostics).collect();
        Self {
            title: "drift",
            complete: report.complete,
            entries: differing.chain(unknown).chain(unchanged).collect(),
            remarks,
            base,
            effort: None,
        }
    }

    /// What a check found in `documents`, each finding with the document in which it stands.
    pub fn of_check(checked: &'r Checked, documents: &'r [Stretch], base: &'r str) -> Self {
        let mut starts: HashMap<&str, BTreeMap<usize, usize>> = HashMap::new();
        for (number, document) in documents.iter().enumerate() {
            starts.entry(&document.object.file).or_default().insert(document.lines.start, number);
        }
        let holder = |finding: &Finding| {
            let (file, line) = (finding.file.as_deref()?, finding.line?);
            let (_, number) = starts.get(file)?.range(..=line).next_back()?;
            // what stands behind it is in a document that could not be read
            documents.get(*number)?.lines.contains(&line).then_some(*number)
        };
        let mut entries: Vec<_> =
            documents.iter().map(|document| Entry::new(&document.object, Tone::Calm, "fine")).collect();
        let mut remarks = Vec::new();
        for finding in &checked.diagnostics {
            match holder(finding).and_then(|number| entries.get_mut(number)) {
                Some(entry) => entry.found(finding),
                None => remarks.push(finding),
            }
        }
        Self { title: "validate", complete: true, entries, remarks, base, effort: None }
    }

    /// The numbers of a run on one line: `1 to create, 2 to update, 12 as wanted`.
    pub fn headline(&self) -> String {
        let mut numbers: BTreeMap<(Tone, &str), usize> = BTreeMap::new();
        for entry in &self.entries {
            *numbers.entry((entry.tone, entry.word)).or_default() += 1;
        }
        let said = numbers.iter().map(|((_, word), number)| {
            let to = if matches!(*word, "create" | "update" | "delete") { "to " } else { "" };
            format!("{} {to}{word}", grouped(*number))
        });
        let said: Vec<_> = said.collect();
        if said.is_empty() { "no objects".to_owned() } else { said.join(", ") }
    }

    /// Every finding, with its entry when it is about one.
    pub fn findings(&self) -> impl Iterator<Item = (&'r Finding, Option<&Entry<'r>>)> {
        let of_entries =
            self.entries.iter().flat_map(|entry| entry.findings.iter().map(move |f| (*f, Some(entry))));
        self.remarks.iter().map(|finding| (*finding, None)).chain(of_entries)
    }

    /// Where a finding stands: a file from the root of the repository, and the line and column as far as known.
    /// One without a place of its own stands where the document of its object starts.
    pub fn place(&self, finding: &Finding, entry: Option<&Entry>) -> Option<Spot> {
        let spot = match (&finding.file, entry) {
            (Some(file), _) => Spot { file: self.file(file), line: finding.line, column: finding.column },
            (None, Some(entry)) => {
                Spot { file: self.file(&entry.object.file), line: Some(entry.object.line), column: None }
            }
            (None, None) => return None,
        };
        Some(spot)
    }

    /// A file from the root of the repository, with slashes.
    pub fn file(&self, file: &str) -> String {
        let file = if cfg!(windows) { file.replace('\\', "/") } else { file.to_owned() };
        match std::path::Path::new(&file).is_absolute() {
            true => file,
            false => format!("{}{}", self.base, file.strip_prefix("./").unwrap_or(&file)),
        }
    }
}

/// A place in the repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spot {
    pub file: String,
    pub line: Option<usize>,
    pub column: Option<usize>,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file)?;
        [self.line, self.column].into_iter().flatten().try_for_each(|number| write!(f, ":{number}"))
    }
}

impl Entry<'_> {
    /// The changes as on a terminal, with its styles.
    pub fn changes(&self) -> String {
        let mut page = Page::new(WIDTH);
        if !self.moved.is_empty() {
            page.flow(0, 2, &[piece(DIM, "it moved since it was planned, so it was left alone:")]);
            self.moved.iter().for_each(|moved| outcome::three(&mut page, moved));
        }
        if self.is_lost && !self.fields.is_empty() {
            page.flow(0, 2, &[piece(PLAIN, "what is there, and what was sent:")]);
        }
        field::show(&mut page, 0, self.fields);
        page.finish()
    }

    /// The requests as on a terminal, with its styles.
    pub fn sends(&self) -> String {
        let mut page = Page::new(WIDTH);
        self.requests.iter().for_each(|request| text::send(&mut page, 0, request));
        page.finish()
    }
}

impl<'r> Entry<'r> {
    fn new(object: &'r ObjectName, tone: Tone, word: &'static str) -> Self {
        Self {
            object,
            tone,
            word,
            fields: &[],
            is_lost: false,
            moved: &[],
            requests: &[],
            findings: Vec::new(),
        }
    }

    fn found(&mut self, finding: &'r Finding) {
        if finding.severity == Weight::Error {
            (self.tone, self.word) = (Tone::Failed, "faulty");
        }
        self.findings.push(finding);
    }
}

fn changed(change: &ObjectChange) -> Entry<'_> {
    Entry {
        fields: &change.fields,
        requests: &change.requests,
        findings: change.notes.iter().collect(),
        ..Entry::new(&change.object, tone(change.action), change.action.word())
    }
}

fn refused(refusal: &Refusal) -> Entry<'_> {
    let findings = refusal.reasons.iter().collect();
    Entry { fields: &refusal.fields, findings, ..Entry::new(&refusal.object, Tone::Refused, "refused") }
}

fn unread(unread: &Unread) -> Entry<'_> {
    let findings = unread.reasons.iter().collect();
    Entry { findings, ..Entry::new(&unread.object, Tone::Unknown, "unread") }
}

fn unchanged(unchanged: &Unchanged) -> Entry<'_> {
    let findings = unchanged.notes.iter().collect();
    Entry { findings, ..Entry::new(&unchanged.object, Tone::Calm, "as wanted") }
}

fn drifted<'r>(report: &'r DriftReport, object: &'r DriftObject) -> Entry<'r> {
    let tone = match object.states.as_slice() {
        states if states.iter().any(|state| report.counts(*state)) => Tone::Drifted,
        states if states.contains(&DriftState::NeverApplied) => Tone::Create,
        _ => Tone::Update,
    };
    let findings = object.findings.iter().collect();
    Entry { fields: &object.fields, findings, ..Entry::new(&object.object, tone, object.word()) }
}

fn ended(result: &ObjectResult) -> Entry<'_> {
    let tone = match result.result {
        Word::Done => result.action.map_or(Tone::Update, tone),
        Word::Unchanged => Tone::Calm,
        Word::Refused => Tone::Refused,
        Word::Failed => Tone::Failed,
        Word::Unknown | Word::Unread => Tone::Unknown,
        Word::NotStarted => Tone::NotStarted,
    };
    Entry {
        fields: &result.lost,
        is_lost: true,
        moved: &result.moved,
        findings: result.reasons.iter().chain(&result.findings).collect(),
        ..Entry::new(&result.object, tone, outcome::word(result))
    }
}

fn tone(action: Action) -> Tone {
    match action {
        Action::Create => Tone::Create,
        Action::Update => Tone::Update,
        Action::Delete => Tone::Delete,
    }
}
