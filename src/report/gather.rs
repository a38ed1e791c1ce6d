//! From a plan to its report: the only place where a plan's values are read to be shown.
//!
//! Each value goes through `mask` with the strictest mark that stands on its path, each request through
//! `request`. Linear in the plan.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::mask::{self, Look, Route, Turn};
use super::persons::Persons;
use super::places::Places;
use super::request::{self, Routes};
use super::shown::{
    Action, Cause, Checked, FORMAT_VERSION, FieldAction, FieldChange, Finding, HiddenValue, Known,
    ObjectChange, ObjectName, Refusal, Report, Summary, Tested, Unchanged, Unread, Weight,
};
use crate::diagnostic::{Diagnostic, Severity};
use crate::kind::Leaf;
use crate::plan::{self, Change, Form, Plan, Planned, Recall, Recalled, Step, Subject};
use crate::value::{Mark, Value};

impl Report {
    /// What may be shown of a plan to anybody. `bytes` tells the size of a request's body in the target's wire
    /// format.
    pub fn of_plan(plan: &Plan, bytes: &dyn Fn(&Subject, &Planned) -> usize) -> Self {
        Self::of_plan_with(plan, bytes, Persons::Masked)
    }

    /// The same, with persons shown in this way.
    pub fn of_plan_with(plan: &Plan, bytes: &dyn Fn(&Subject, &Planned) -> usize, persons: Persons) -> Self {
        let mut gather = Gather { showing: Showing::new(persons), bytes };
        let changes: Vec<_> = plan.steps.iter().map(|step| gather.step(step)).collect();
        let count = |action| changes.iter().filter(|change| change.action == action).count();
        let summary = Summary {
            create: count(Action::Create),
            update: count(Action::Update),
            delete: count(Action::Delete),
            unchanged: plan.agreeing.len(),
            refused: plan.refused.len().saturating_sub(plan.unread.len()),
            unread: plan.unread.len(),
        };
        let unchanged = plan.agreeing.iter().map(|agreeing| Unchanged {
            object: object(&mut gather.showing, &agreeing.subject),
            notes: findings(&mut gather.showing.places, &agreeing.notes),
            hidden: hidden(&agreeing.subject, &agreeing.recalled),
        });
        let unchanged = unchanged.collect();
        let is_unread = |refused: &&plan::Refused| plan.unread.contains(&refused.subject.number);
        let (unread, refused): (Vec<_>, Vec<_>) = plan.refused.iter().partition(is_unread);
        let refused = refused.into_iter().map(|refused| gather.refusal(refused)).collect();
        let unread = unread.into_iter().map(|refused| gather.unread(refused)).collect();
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            complete: plan.complete,
            since: None,
            summary,
            changes,
            unchanged,
            refused,
            unread,
            diagnostics: findings(&mut gather.showing.places, &plan.diagnostics),
            requests: Vec::new(),
        }
    }
}

impl Report {
    /// With what else is to be known of the plan, before everything that is known already.
    pub fn tell(&mut self, said: &[Diagnostic]) {
        self.diagnostics.splice(0..0, findings(&mut Places::default(), said));
    }
}

impl Tested {
    /// What came of the cases of policies.
    pub fn of((rules, cases, passed): (usize, usize, usize), faults: &[Diagnostic]) -> Self {
        let tool_version = env!("CARGO_PKG_VERSION").to_owned();
        let diagnostics = findings(&mut Places::default(), faults);
        Self { format_version: FORMAT_VERSION, tool_version, rules, cases, passed, diagnostics }
    }
}

impl Checked {
    /// What may be shown of a check.
    pub fn of(documents: usize, faults: &[Diagnostic]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            documents,
            diagnostics: findings(&mut Places::default(), faults),
        }
    }
}

/// What showing an object takes: the lines of the sources, and how persons are shown.
pub struct Showing<'p> {
    pub places: Places,
    persons: Persons<'p>,
}

impl<'p> Showing<'p> {
    /// Nothing is shown yet.
    pub fn new(persons: Persons<'p>) -> Self {
        Self { places: Places::default(), persons }
    }

    /// How a value under this mark is looked at.
    pub fn look(&self, mark: Mark, turn: Turn) -> Look<'p> {
        Look { mark, turn, persons: self.persons }
    }
}

/// Carries along what showing takes, and how bytes are counted.
struct Gather<'b> {
    showing: Showing<'b>,
    bytes: &'b dyn Fn(&Subject, &Planned) -> usize,
}

impl Gather<'_> {
    fn step(&mut self, step: &Step) -> ObjectChange {
        // of a new object everything is known: there is nothing yet
        let is_new = step.action == plan::Action::Create;
        let (fields, routes) = self.fields(&step.subject, &step.changes, is_new);
        let requests = step.requests.iter().map(|planned| {
            request::show(&step.subject, planned, &routes, (self.bytes)(&step.subject, planned))
        });
        ObjectChange {
            requests: requests.collect(),
            object: object(&mut self.showing, &step.subject),
            action: step.action.into(),
            fields,
            notes: findings(&mut self.showing.places, &step.notes),
            hidden: hidden(&step.subject, &step.recalled),
        }
    }

    fn refusal(&mut self, refused: &plan::Refused) -> Refusal {
        Refusal {
            object: object(&mut self.showing, &refused.subject),
            reasons: findings(&mut self.showing.places, &refused.reasons),
            fields: self.fields(&refused.subject, &refused.changes, false).0,
        }
    }

    fn unread(&mut self, refused: &plan::Refused) -> Unread {
        Unread {
            object: object(&mut self.showing, &refused.subject),
            reasons: findings(&mut self.showing.places, &refused.reasons),
        }
    }

    /// The changes of an object, and their routes by their plain pointers, in order where several have one.
    fn fields(&mut self, subject: &Subject, changes: &[Change], is_new: bool) -> (Vec<FieldChange>, Routes) {
        let mut routes = Routes::with_capacity(changes.len());
        let mut hidden: HashMap<String, usize> = HashMap::new();
        let fields = changes.iter().map(|change| {
            let mut route = mask::route(&subject.kind, &change.path);
            if route.pointer.ends_with('*') {
                let number = hidden.entry(route.pointer.clone()).or_default();
                *number += 1;
                route.pointer.extend((*number > 1).then(|| number.to_string()));
            }
            let field = field(&mut self.showing, change, &route, change.unseen && !is_new);
            routes.entry(change.path.pointer()).or_default().push(route);
            field
        });
        (fields.collect(), routes)
    }
}

/// One change as it may be shown. `unseen`: nobody can see the value before.
pub fn field(showing: &mut Showing, change: &Change, route: &Route, unseen: bool) -> FieldChange {
    let mark = route.mark.max(change.mark);
    let turn = if unseen { Turn::Changed } else { Turn::of(change) };
    let look = showing.look(mark, turn);
    let show = |side: &Option<Value>| side.as_ref().map(|value| mask::show(value, &change.form, look));
    let place = change.place.as_ref().map(|place| showing.places.line_column(place));
    FieldChange {
        path: route.pointer.clone(),
        label: route.label.clone(),
        action: if unseen { FieldAction::Replace } else { action(change) },
        // what reads back of a value that cannot be seen is a mask of the service's own, or nothing
        before: if unseen { None } else { show(&change.before) },
        after: show(&change.after),
        mark: mark_word(mark),
        unseen,
        causes: change.causes.iter().copied().map(Cause::from).collect(),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
    }
}

/// What is known of values that do not read back.
fn hidden(subject: &Subject, recalled: &[Recalled]) -> Vec<HiddenValue> {
    let one = |recalled: &Recalled| {
        let route = mask::route(&subject.kind, &recalled.path);
        HiddenValue {
            path: route.pointer,
            label: route.label,
            known: match recalled.recall {
                Recall::Same => Known::Same,
                Recall::Differs => Known::Differs,
                Recall::Never => Known::NeverWritten,
            },
            written_at: recalled.written.as_ref().map(|written| written.at.clone()),
            written_days_ago: recalled.written.as_ref().map(|written| written.days),
            rotated: recalled.rotated,
        }
    };
    recalled.iter().map(one).collect()
}

/// The word of a mark; none for what may be seen.
pub fn mark_word(mark: Mark) -> Option<String> {
    (mark != Mark::Open).then(|| mark.word().to_owned())
}

fn action(change: &Change) -> FieldAction {
    match change.word() {
        "add" => FieldAction::Add,
        "remove" => FieldAction::Remove,
        _ => FieldAction::Replace,
    }
}

/// The name of an object; its id under the mark of the field that holds it.
pub fn object(showing: &mut Showing, subject: &Subject) -> ObjectName {
    let look = showing.look(subject.kind.id_field().mark, Turn::Changed);
    let id = |value: &Value| mask::show(value, &Form::Leaf(Leaf::Any), look);
    ObjectName {
        kind: subject.kind.name.to_string(),
        name: subject.name.to_string(),
        target: subject.target.to_string(),
        id: subject.id.as_ref().map(id).filter(|id| *id != Json::Null),
        file: subject.place.source.path.clone(),
        line: showing.places.line_column(&subject.place).0,
    }
}

/// Diagnostics as data.
pub fn findings(places: &mut Places, diagnostics: &[Diagnostic]) -> Vec<Finding> {
    diagnostics.iter().map(|diagnostic| finding(places, diagnostic)).collect()
}

fn finding(places: &mut Places, diagnostic: &Diagnostic) -> Finding {
    let place = diagnostic.place.as_ref().map(|place| places.line_column(place));
    Finding {
        code: diagnostic.code.to_owned(),
        severity: diagnostic.severity.into(),
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
        file: diagnostic.place.as_ref().map(|place| place.source.path.clone()),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
    }
}

impl From<plan::Action> for Action {
    fn from(action: plan::Action) -> Self {
        match action {
            plan::Action::Create => Self::Create,
            plan::Action::Update => Self::Update,
            plan::Action::Delete => Self::Delete,
        }
    }
}

impl From<plan::cause::Cause> for Cause {
    fn from(cause: plan::cause::Cause) -> Self {
        match cause {
            plan::cause::Cause::Branch => Self::ThisBranch,
            plan::cause::Cause::Drift => Self::Drift,
            plan::cause::Cause::Unapplied => Self::NeverApplied,
            plan::cause::Cause::Tool => Self::ToolOrApi,
        }
    }
}

impl From<Severity> for Weight {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}
