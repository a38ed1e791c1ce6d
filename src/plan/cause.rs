//! Why a change is there: somebody edited the document, somebody edited the object, nobody applied it yet, or
//! the service or this program does not let it settle.
//!
//! A place is held against what was last applied there, and against the base of the branch, as far as each is
//! known. A document that moved and an object that moved are two causes; a change may have both.
//! Deliberately absent: where the past comes from. Records and repositories are read elsewhere.

use std::collections::BTreeMap;

use super::asked::{Asked, Spot, place};
use super::{Action, Change, Plan, Refused, Step, Subject};
use crate::diagnostic::Diagnostic;
use crate::kind::Kind;

/// Why a change is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// This branch edits the document.
    Branch,
    /// The live object moved since it was last applied.
    Drift,
    /// The document asks for it outside of this branch, and that was never applied.
    Unapplied,
    /// Neither moved: the service does not keep or show it, or this program compares in another way.
    Tool,
}

/// What is known of an object's past.
#[derive(Clone, Default)]
pub struct Past {
    /// What its document asked when it was last applied, and what the service did not keep of that, by place.
    pub applied: Option<Asked>,
    pub kept: BTreeMap<String, String>,
    /// It is on record as ours, so it was there.
    pub existed: bool,
    /// Its document in the base of the branch.
    pub base: Base,
    /// Earlier documents of the base, where that had to be looked up.
    pub older: Vec<Asked>,
}

/// A document in the base of the branch.
#[derive(Clone, Default)]
pub enum Base {
    /// There is no repository, or its history is not here.
    #[default]
    Unknown,
    /// There was no such document.
    Absent,
    There(Asked),
}

/// A document now and before; `key` is what the digests of both were made under.
pub struct History<'h> {
    pub now: &'h Asked,
    /// The same with sources and references as they are written, as those of other commits are.
    pub said: &'h Asked,
    pub past: &'h Past,
    pub key: &'h [u8],
}

/// Notes the causes of every change of a plan. `history` tells the past of an object, when anything is known.
pub fn note<'h>(plan: &mut Plan, history: &dyn Fn(&Subject) -> Option<History<'h>>) {
    for Step { subject, action, changes, .. } in &mut plan.steps {
        if let Some(history) = history(subject) {
            history.note(&subject.kind, *action, changes);
        }
    }
    for Refused { subject, changes, .. } in &mut plan.refused {
        if let Some(history) = history(subject) {
            let action = if subject.id.is_some() { Action::Update } else { Action::Create };
            history.note(&subject.kind, action, changes);
        }
    }
}

/// Leaves in a plan what differs for this cause alone. What differs for others is left out, and counted; what
/// differs for this one and others is refused, because a write may carry the whole object.
pub fn only(plan: &mut Plan, cause: Cause) -> usize {
    let (mut left_out, mut kept) = (0, Vec::with_capacity(plan.steps.len()));
    for step in std::mem::take(&mut plan.steps) {
        let has = |change: &Change| change.causes.contains(&cause);
        match step.changes.iter().all(|change| change.causes == [cause]) {
            true => kept.push(step),
            false if step.changes.iter().any(has) || step.changes.iter().any(|own| own.causes.is_empty()) => {
                plan.refused.push(mixed(step));
            }
            false => left_out += 1,
        }
    }
    plan.steps = kept;
    plan.refused.sort_by_key(|refused| refused.subject.number);
    left_out
}

fn mixed(step: Step) -> Refused {
    let known = step.changes.iter().all(|change| !change.causes.is_empty());
    let (code, message, hint) = match known {
        true => (
            "mixed-causes",
            "this object differs for other causes too",
            "settle these first: apply what is on the main branch, or write what was edited by hand into the document",
        ),
        false => (
            "unknown-cause",
            "nothing tells why this object differs",
            "run in a Git repository with its history, or apply from this workspace once",
        ),
    };
    let reason = Diagnostic::error(code, message).at(step.subject.place.clone()).hint(hint);
    Refused { subject: step.subject, reasons: vec![reason], changes: step.changes }
}

impl History<'_> {
    fn note(&self, kind: &Kind, action: Action, changes: &mut [Change]) {
        for change in changes {
            change.causes = match action {
                Action::Create => self.of_birth(),
                Action::Delete => vec![self.of_edit(self.now.is_present())],
                Action::Update => self.of_change(kind, change),
            };
        }
    }

    /// Why an object that its document wants is not there.
    fn of_birth(&self) -> Vec<Cause> {
        let existed = self.past.existed || self.past.applied.as_ref().is_some_and(Asked::is_present);
        if existed { vec![Cause::Drift] } else { vec![self.of_edit(true)] }
    }

    /// Who asks that there be an object, or none.
    fn of_edit(&self, present: bool) -> Cause {
        match &self.past.base {
            Base::There(base) if base.is_present() == present => Cause::Unapplied,
            Base::Absent if !present => Cause::Unapplied,
            Base::Unknown => Cause::Unapplied,
            _ => Cause::Branch,
        }
    }

    fn of_change(&self, kind: &Kind, change: &Change) -> Vec<Cause> {
        let differ = |a: &Asked, b: &Asked| a.at(kind, change, self.key) != b.at(kind, change, self.key);
        let branch = match &self.past.base {
            Base::Unknown => None,
            Base::Absent => Some(true),
            Base::There(base) => Some(differ(self.said, base)),
        };
        match (&self.past.applied, branch) {
            (Some(applied), branch) => {
                self.since_applied(kind, change, (applied, differ(self.now, applied)), branch)
            }
            (None, None) => Vec::new(),
            (None, Some(true)) => self.by_branch(kind, change),
            (None, Some(false)) => vec![self.of_base(kind, change)],
        }
    }

    /// With a record, it is known which side moved.
    fn since_applied(
        &self,
        kind: &Kind,
        change: &Change,
        (applied, edited): (&Asked, bool),
        branch: Option<bool>,
    ) -> Vec<Cause> {
        let mut causes = Vec::new();
        if edited {
            causes.push(if branch == Some(true) { Cause::Branch } else { Cause::Unapplied });
        }
        let is = applied.at(kind, change, self.key).is(kind, change, self.key);
        if !change.unseen && !self.is_kept(kind, change) && !is.unwrap_or(edited) {
            causes.push(Cause::Drift);
        }
        if causes.is_empty() {
            causes.push(Cause::Tool);
        }
        causes.sort_unstable();
        causes
    }

    /// Whether the service has there what it made of it when it was applied.
    fn is_kept(&self, kind: &Kind, change: &Change) -> bool {
        let kept = self.past.kept.get(&place(change, kind, self.key));
        kept.is_some_and(|kept| *kept == kept_digest(change, self.key))
    }

    /// Without a record: what the branch edits may have been edited by hand as well.
    fn by_branch(&self, kind: &Kind, change: &Change) -> Vec<Cause> {
        let Base::There(base) = &self.past.base else { return vec![Cause::Branch] };
        let spot = base.at(kind, change, self.key);
        let as_before =
            |asked: &Asked| asked.at(kind, change, self.key).is(kind, change, self.key) != Some(false);
        let known = matches!(spot, Spot::Said(_) | Spot::Unlisted) && !change.unseen;
        match known && !as_before(base) && !self.past.older.iter().any(as_before) {
            true => vec![Cause::Branch, Cause::Drift],
            false => vec![Cause::Branch],
        }
    }

    /// Without a record: what an earlier commit asked for is what was applied last.
    fn of_base(&self, kind: &Kind, change: &Change) -> Cause {
        let was = |asked: &Asked| asked.at(kind, change, self.key).is(kind, change, self.key) == Some(true);
        match self.past.older.iter().any(was) {
            _ if change.unseen => Cause::Tool,
            true => Cause::Unapplied,
            false => Cause::Drift,
        }
    }
}

/// The digest of what a service has at a place, for a change whose value it did not keep.
pub fn kept_digest(change: &Change, key: &[u8]) -> String {
    use crate::kind::Compare;
    use crate::value::Value;
    super::digest::value(change.before.as_ref().unwrap_or(&Value::Null), Compare::Exact, key)
}
