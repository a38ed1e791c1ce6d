//! One document against one live object, decided: a step, agreement, or a refusal with its reasons.
//!
//! Here the gates of a single object stand: what cannot be read back is not blanked, what was misread is not
//! written, a create is made only where the service has one. [`recheck`] is what `apply` asks right before a
//! write: whether what the step relied on is still so.

use crate::diagnostic::{Diagnostic, Span};
use crate::document::State;
use crate::kind::{Field, Kind, Leaf, Maker, Sends, Write};
use crate::plan::agree::agrees;
use crate::plan::compare::differences;
use crate::plan::permit::Permission;
use crate::plan::propose::{Permits, Proposal, Question, propose};
use crate::plan::request::{self, Manner};
use crate::plan::{Action, Agreeing, Change, Form, Refused, Step};
use crate::value::{Mark, Object, Path, Segment, Value};

/// What becomes of one document.
pub enum Decision {
    Step(Box<Step>),
    Agreeing(Agreeing),
    Refused(Refused),
}

/// Which of an API's ways to change an object is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Method {
    /// The kind's own update.
    #[default]
    Usual,
    /// The full PUT.
    Put,
    /// The PATCH.
    Patch,
}

/// How steps are to be made.
#[derive(Clone, Copy)]
pub struct Rules {
    pub method: Method,
    pub manner: Manner,
    pub permits: Permits,
    /// The object is new and ours: what does not read back and was not written is surely blank.
    pub newborn: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            method: Method::Usual,
            manner: Manner { carry_nested: true },
            permits: Permits::default(),
            newborn: false,
        }
    }
}

/// Decides about one object.
pub fn decide(question: &Question, rules: Rules) -> Decision {
    if question.document.state == State::Absent {
        return remove(question, rules.permits);
    }
    if question.rotate.is_empty() && question.live.is_some_and(|live| agrees(question.document, live)) {
        debug_assert!(is_settled(&propose(question, rules.permits)), "a quick yes must be a yes");
        return Decision::Agreeing(Agreeing::plain(question.subject));
    }
    let proposal = propose(question, rules.permits);
    if !proposal.faults.is_empty() {
        return refuse(question, proposal, Vec::new());
    }
    match question.live {
        None => create(question, proposal),
        Some(_) if proposal.changes.is_empty() => {
            let asked = proposal.uncompared.iter().map(|one| uncompared(question, one, false));
            let notes = proposal.notes.iter().cloned().chain(asked).collect();
            let (subject, recalled) = (question.subject.clone(), proposal.recalled);
            Decision::Agreeing(Agreeing { subject, notes, recalled })
        }
        Some(live) => update(question, live, proposal, rules),
    }
}

/// Whether there is nothing to do and nothing to say.
fn is_settled(proposal: &Proposal) -> bool {
    proposal.faults.is_empty() && proposal.changes.is_empty() && proposal.notes.is_empty()
}

fn refuse(question: &Question, proposal: Proposal, mut reasons: Vec<Diagnostic>) -> Decision {
    reasons.splice(0..0, proposal.faults);
    Decision::Refused(Refused { subject: question.subject.clone(), reasons, changes: proposal.changes })
}

/// What becomes of an object that is not to be there.
fn remove(question: &Question, permits: Permits) -> Decision {
    let (document, subject) = (question.document, question.subject);
    let Some(live) = question.live else {
        return Decision::Agreeing(Agreeing::plain(subject));
    };
    let mut changes = differences(&document.kind.shape, live, &Object::default(), &|_| false);
    // everything goes, whether it can be seen or not
    changes.iter_mut().for_each(|change| change.unseen = false);
    let refusal = match &document.kind.operations.delete {
        None => Some(("no-delete", "cannot be deleted through this API", "delete it by hand")),
        Some(_) if document.protect => Some((
            "protected",
            "is protected and is not deleted",
            "take `protect` away first, in a run of its own",
        )),
        Some(_) if !permits.delete => {
            Some(("delete-not-allowed", "would be deleted", "`--allow-delete` if that is meant"))
        }
        Some(_) => None,
    };
    if let Some((code, what, hint)) = refusal {
        let message = format!("this {} {what}", document.kind.title.to_lowercase());
        let reason = Diagnostic::error(code, message).at(subject.place.clone()).hint(hint);
        return Decision::Refused(Refused { subject: subject.clone(), reasons: vec![reason], changes });
    }
    let planned = request::delete(subject);
    Decision::Step(Box::new(Step {
        subject: subject.clone(),
        action: Action::Delete,
        changes,
        requests: planned.into_iter().collect(),
        sends: Sends::Everything,
        notes: Vec::new(),
        live: Some(live.clone()),
        wanted: Object::default(),
        hidden: Vec::new(),
        recalled: Vec::new(),
        needs: vec![Permission::Delete],
    }))
}

fn create(question: &Question, proposal: Proposal) -> Decision {
    let kind = &question.document.kind;
    let Some(write) = &kind.operations.create else {
        let fault =
            Diagnostic::error("no-create", format!("{} cannot be created through this API", kind.name))
                .at(question.subject.place.clone())
                .hint("create it by hand, then name its `id` in the document");
        return refuse(question, proposal, vec![fault]);
    };
    if kind.identity.made_by == Maker::Caller && question.subject.id.is_none() {
        let message = format!("a new {} needs an id, which is yours to choose", kind.title.to_lowercase());
        let fault = Diagnostic::error("no-id", message).at(question.subject.place.clone());
        return refuse(question, proposal, vec![fault.hint("name it as `id` in the document")]);
    }
    let first = request::create(question.subject, write, &proposal);
    let second =
        kind.operations.update.as_ref().and_then(|write| request::finish(question.subject, write, &proposal));
    Decision::Step(Box::new(Step {
        subject: question.subject.clone(),
        action: Action::Create,
        changes: proposal.changes,
        requests: std::iter::once(first).chain(second).collect(),
        sends: Sends::Everything,
        notes: proposal.notes,
        live: None,
        wanted: proposal.wanted,
        hidden: proposal.hidden,
        recalled: proposal.recalled,
        needs: proposal.needs,
    }))
}

fn update(question: &Question, live: &Object, proposal: Proposal, rules: Rules) -> Decision {
    let Some(write) = operation(question, rules.method) else {
        let what = if rules.method == Method::Put { "a full PUT" } else { "such an update" };
        let fault = Diagnostic::error("no-update", format!("{} has no {what}", question.document.kind.name))
            .at(question.subject.place.clone())
            .hint("leave `--method` out to use what the API has");
        return refuse(question, proposal, vec![fault]);
    };
    let planned = request::update(question.subject, write, live, &proposal, rules.manner);
    let lost = |path: &Path| !rules.newborn && request::replaces(write, &proposal, &planned, path);
    let lost = proposal.unreadable.iter().filter(|(path, _)| lost(path));
    let reasons: Vec<_> = lost.map(|(path, span)| would_blank(question, path, *span)).collect();
    if !reasons.is_empty() {
        return refuse(question, proposal, reasons);
    }
    let seen = question.document.kind.history.edited_by_others_at;
    let seen = seen.map(|number| question.document.kind.shape.field(number).name.clone());
    // of a list everything is sent
    let of_list = |path: &Path| matches!(path.0.get(1), Some(Segment::Item { .. }));
    let same = |change: &Change, path: &Path| {
        overlap(&change.path, path) || (change.path.top() == path.top() && of_list(path))
    };
    let sent = |(path, _): &(Path, Value)| {
        write.sends == Sends::Everything
            || path.top() == seen.as_deref()
            || proposal.changes.iter().any(|change| same(change, path))
    };
    let notes = proposal.uncompared.iter().map(|one| {
        let travels =
            write.sends == Sends::Everything || proposal.changes.iter().any(|own| same(own, &one.0));
        uncompared(question, one, travels)
    });
    let notes = proposal.notes.iter().cloned().chain(notes).collect();
    let hidden = proposal.hidden.into_iter().filter(sent).collect();
    Decision::Step(Box::new(Step {
        subject: question.subject.clone(),
        action: Action::Update,
        changes: proposal.changes,
        requests: vec![planned],
        sends: write.sends,
        notes,
        live: Some(live.clone()),
        wanted: proposal.wanted,
        hidden,
        recalled: proposal.recalled,
        needs: proposal.needs,
    }))
}

/// The operation that a method asks for.
fn operation<'q>(question: &'q Question, method: Method) -> Option<&'q Write> {
    use crate::exchange::Verb;
    let operations = &question.document.kind.operations;
    let with = |verb: Verb| {
        let both = [&operations.update, &operations.replace];
        both.into_iter().flatten().find(|write| write.verb == verb)
    };
    match method {
        Method::Usual => operations.update.as_ref(),
        Method::Put => with(Verb::Put),
        Method::Patch => with(Verb::Patch),
    }
}

fn would_blank(question: &Question, path: &Path, span: Span) -> Diagnostic {
    let name = located(&question.document.kind, path);
    let message = format!("`{name}` does not read back, and this write of the whole would blank it");
    Diagnostic::error("would-blank", message)
        .at(question.document.place(span))
        .hint("name it in the document: where its value comes from, or `null` if there is none")
}

/// What is said of a value that could not be compared. `travels`: the step sends it along with the rest.
fn uncompared(question: &Question, (path, span): &(Path, Span), travels: bool) -> Diagnostic {
    let name = path.0.iter().rev().find_map(|segment| match segment {
        Segment::Field(name) => Some(&**name),
        _ => None,
    });
    let message = format!("`{}` cannot be seen and is not compared", name.unwrap_or_default());
    let hint = match travels {
        true => "the document's value is sent along with this update",
        false => "`--force-hidden` writes it all the same",
    };
    Diagnostic::note("not-comparable", message).at(question.document.place(*span)).hint(hint)
}

/// A path for sentences, with the keys of items that anybody may see.
pub fn located(kind: &Kind, path: &Path) -> String {
    let (mut name, mut shape, mut mark) = (String::new(), Some(&kind.shape), Mark::Open);
    for segment in &path.0 {
        match segment {
            Segment::Field(field) => {
                let known = shape.and_then(|shape| shape.named(field));
                mark = mark.max(known.map_or(Mark::Sensitive, |field| field.mark));
                shape = known.and_then(|field| field.ty.inner());
                name.push_str(if name.is_empty() { "" } else { "." });
                name.push_str(field);
            }
            Segment::Item { key, .. } => {
                let open = key.iter().filter(|leaf| mark.max(leaf.mark) == Mark::Open);
                let leaves: Vec<_> = open.map(|leaf| Leaf::url_text(&leaf.value, &kind.api)).collect();
                name.push_str(&format!("[{}]", leaves.join(", ")));
            }
            Segment::Key(..) => name.push_str("[]"),
        }
    }
    name
}

/// The field names of a path, for sentences; keys of items may be secret, so they stay out.
pub fn named(path: &Path) -> String {
    let mut name = String::new();
    for segment in &path.0 {
        match segment {
            Segment::Field(field) if name.is_empty() => name.push_str(field),
            Segment::Field(field) => {
                name.push('.');
                name.push_str(field);
            }
            Segment::Item { .. } | Segment::Key(..) => name.push_str("[]"),
        }
    }
    name
}

/// What to do with a step whose object was read again right before the write.
pub enum Recheck {
    /// As planned; the step is made anew from what was just read, so that nothing older is sent.
    Go(Box<Step>),
    /// Somebody else did it meanwhile.
    Done,
    /// What the step relied on has moved.
    Moved(Vec<Moved>),
    /// It may not be written any more, and why.
    Refused(Vec<Diagnostic>),
}

/// A leaf that moved between plan and write.
pub struct Moved {
    pub path: Path,
    /// As it was when planned.
    pub planned: Option<Value>,
    pub now: Option<Value>,
    pub wanted: Option<Value>,
    pub form: Form,
    pub mark: Mark,
}

/// Holds a step against the object as it is now (the question's live object).
pub fn recheck(step: &Step, question: &Question, rules: Rules) -> Recheck {
    let fresh = match decide(question, rules) {
        Decision::Agreeing(_) => return Recheck::Done,
        Decision::Refused(refused) => return Recheck::Refused(refused.reasons),
        Decision::Step(fresh) => fresh,
    };
    let mut moved = match (&step.live, question.live) {
        (Some(planned), Some(now)) => moved_leaves(step, planned, now),
        (None, None) => Vec::new(),
        // it was there and is gone, or the reverse
        _ => vec![came_or_went(step)],
    };
    if moved.is_empty() {
        moved.extend(other_changes(step, &fresh));
    }
    if moved.is_empty() { Recheck::Go(fresh) } else { Recheck::Moved(moved) }
}

/// A write of everything relies on the whole object but for what the service sets; a write of changes on the
/// leaves that it changes.
fn moved_leaves(step: &Step, planned: &Object, now: &Object) -> Vec<Moved> {
    let shape = &step.subject.kind.shape;
    let moves = step.subject.kind.history.changed_at.map(|number| shape.field(number));
    let set_by_service = |field: &Field| {
        field.access.computed && !field.access.names_it && !moves.is_some_and(|own| std::ptr::eq(own, field))
    };
    let found = differences(shape, planned, now, &set_by_service);
    let relied = |path: &Path| {
        step.sends == Sends::Everything || step.changes.iter().any(|change| overlap(&change.path, path))
    };
    let moved = |change: Change| {
        let planned_change = step.changes.iter().find(|own| overlap(&own.path, &change.path));
        Moved {
            wanted: planned_change.map_or_else(|| change.before.clone(), |own| own.after.clone()),
            path: change.path,
            planned: change.before,
            now: change.after,
            form: change.form,
            mark: change.mark,
        }
    };
    found.into_iter().filter(|change| relied(&change.path)).map(moved).collect()
}

fn came_or_went(step: &Step) -> Moved {
    let whole = |object: &Object| Value::Object(Box::new(object.clone()));
    Moved {
        path: Path::default(),
        planned: step.live.as_ref().map(whole),
        now: None,
        wanted: Some(whole(&step.wanted)),
        form: Form::Object(step.subject.kind.shape.clone()),
        mark: Mark::Open,
    }
}

/// Changes that the same document would now make beyond those that were planned.
fn other_changes(step: &Step, fresh: &Step) -> Vec<Moved> {
    let planned = |change: &&Change| !step.changes.iter().any(|own| overlap(&own.path, &change.path));
    let moved = |change: &Change| Moved {
        path: change.path.clone(),
        planned: None,
        now: change.before.clone(),
        wanted: change.after.clone(),
        form: change.form.clone(),
        mark: change.mark,
    };
    fresh.changes.iter().filter(planned).map(moved).collect()
}

/// Whether these changes are all that a create leaves for the update after it.
pub fn finishes_create(step: &Step) -> bool {
    let shape = &step.subject.kind.shape;
    let late = |change: &Change| {
        change.path.top().and_then(|name| shape.named(name)).is_some_and(|field| field.access.update_only)
    };
    step.action == Action::Update && step.changes.iter().all(late)
}

/// Whether one path leads into the other; items count by their key, not by where they stand.
pub fn overlap(a: &Path, b: &Path) -> bool {
    a.0.iter().zip(&b.0).all(|(a, b)| match (a, b) {
        (Segment::Item { key: a, index: i }, Segment::Item { key: b, index: j }) => {
            if a.is_empty() {
                i == j
            } else {
                a == b
            }
        }
        (a, b) => a == b,
    })
}
