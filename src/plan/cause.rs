//! Why a change is there: someone edited the document, someone edited the object, no one applied it yet, or the
//! service or this program does not let it settle.
//!
//! A change is compared with what was last applied and with the base of the branch, as far as each is known. A
//! document that was edited and an object that was edited are two causes; a change may have both. Without a record
//! of an apply nothing is called drift.
//! Deliberately absent: where the past comes from. Records and repositories are read elsewhere.

use std::collections::{BTreeMap, BTreeSet};

pub use super::change_cause::ChangeCause;
use super::desired_digest::{DesiredDigest, DigestLookup, encode_change_path};
use super::{Change, Plan, PlanSubject, RefusedObject, Step, StepAction, WriteComparison};
use crate::diagnostic::Diagnostic;
use crate::kind::Kind;

/// What is known of an object's past.
#[derive(Clone, Default)]
pub struct PriorState {
    /// What its document asked when it was last applied, and what the service did not keep of that, by place.
    pub last_applied: Option<DesiredDigest>,
    pub normalized: BTreeMap<String, String>,
    /// It is on record as ours, so it was there.
    pub existed: bool,
    /// Its document in the base of the branch.
    pub base: BaseState,
    /// Earlier documents of the base, where that had to be looked up.
    pub older_bases: Vec<DesiredDigest>,
}

/// A document in the base of the branch.
#[derive(Clone, Default)]
pub enum BaseState {
    /// There is no repository, or its history is not here.
    #[default]
    Unknown,
    /// There was no such document.
    Absent,
    Present(DesiredDigest),
}

/// A document now and before; `key` is what the digests of both were made under.
pub struct CauseInput<'h> {
    pub desired: &'h DesiredDigest,
    /// The same with sources and references as they are written, as those of other commits are.
    pub as_written: &'h DesiredDigest,
    pub prior: &'h PriorState,
    pub key: &'h [u8],
}

/// Assigns the causes of every change of a plan. `history` gives the past of an object, where anything is known.
pub fn assign_causes<'h>(plan: &mut Plan, history: &dyn Fn(&PlanSubject) -> Option<CauseInput<'h>>) {
    for Step { subject, action, changes, last_written, .. } in &mut plan.steps {
        if let Some(history) = history(subject) {
            history.assign_causes(&subject.kind, *action, changes);
        }
        let rotated = |change: &Change| {
            let written = last_written.iter().find(|own| own.path.overlaps(&change.path));
            written.is_some_and(|own| own.rotated && own.comparison == WriteComparison::Same)
        };
        changes
            .iter_mut()
            .filter(|change| rotated(change))
            .for_each(|own| own.causes = vec![ChangeCause::Rotation]);
    }
    for RefusedObject { subject, changes, .. } in &mut plan.refused {
        if let Some(history) = history(subject) {
            let action = match (history.desired.requires_object(), &subject.id) {
                (false, _) => StepAction::Delete,
                (true, Some(_)) => StepAction::Update,
                (true, None) => StepAction::Create,
            };
            history.assign_causes(&subject.kind, action, changes);
        }
    }
}

/// Leaves in a plan what differs for this cause alone. What differs for others is left out, and counted; what
/// differs for this one and others is refused, because a write may carry the whole object.
pub fn retain_cause(plan: &mut Plan, cause: ChangeCause) -> usize {
    let (mut left_out, mut kept) = (0, Vec::with_capacity(plan.steps.len()));
    for step in std::mem::take(&mut plan.steps) {
        let has = |change: &Change| change.causes.contains(&cause);
        let is_only = |change: &Change| change.causes == [cause] || change.causes == [ChangeCause::Rotation];
        match step.changes.iter().all(is_only) {
            true => kept.push(step),
            false if step.changes.iter().any(has) || step.changes.iter().any(|own| own.causes.is_empty()) => {
                plan.refused.push(refuse_mixed(step));
            }
            false => left_out += 1,
        }
    }
    plan.steps = kept;
    plan.refused.sort_by_key(|refused| refused.subject.number);
    left_out
}

fn refuse_mixed(step: Step) -> RefusedObject {
    let known = step.changes.iter().all(|change| !change.causes.is_empty());
    let (code, message, hint) = match known {
        true => (
            "mixed-causes",
            "this object differs for other causes too",
            "resolve these first: apply what is on the main branch, or write manual edits into the document",
        ),
        false => (
            "unknown-cause",
            "the cause of this difference is unknown",
            "run in a Git repository with full history, or run `trueup apply` in this workspace once",
        ),
    };
    let reason = Diagnostic::error(code, message).with_location(step.subject.place.clone()).with_hint(hint);
    RefusedObject { subject: step.subject, reasons: vec![reason], changes: step.changes }
}

/// What no one asks for is lost with the object, for the reasons for which that is replaced.
fn assign_lost_causes(changes: &mut [Change]) {
    let (asked, lost): (Vec<_>, Vec<_>) = changes.iter_mut().partition(|change| change.place.is_some());
    let causes: BTreeSet<ChangeCause> =
        asked.iter().flat_map(|change| change.causes.iter().copied()).collect();
    lost.into_iter().for_each(|change| change.causes = causes.iter().copied().collect());
}

impl CauseInput<'_> {
    fn assign_causes(&self, kind: &Kind, action: StepAction, changes: &mut [Change]) {
        for change in changes.iter_mut() {
            change.causes = match action {
                StepAction::Create => self.find_create_causes(),
                StepAction::Delete => vec![self.find_edit_cause(self.desired.requires_object())],
                StepAction::Update | StepAction::Replace => self.find_change_causes(kind, change),
            };
        }
        if action == StepAction::Replace {
            assign_lost_causes(changes);
        }
    }

    /// Why an object that its document wants is not there.
    fn find_create_causes(&self) -> Vec<ChangeCause> {
        let existed = self.prior.existed
            || self.prior.last_applied.as_ref().is_some_and(DesiredDigest::requires_object);
        match (existed, self.find_edit_cause(true)) {
            (true, _) => vec![ChangeCause::Drift],
            (false, ChangeCause::Pending) if self.is_past_unknown() => vec![ChangeCause::NeverApplied],
            (false, cause) => vec![cause],
        }
    }

    fn is_past_unknown(&self) -> bool {
        matches!(self.prior.base, BaseState::Unknown)
    }

    /// Who asks that there be an object, or none.
    fn find_edit_cause(&self, present: bool) -> ChangeCause {
        match &self.prior.base {
            BaseState::Present(base) if base.requires_object() == present => ChangeCause::Pending,
            BaseState::Absent if !present => ChangeCause::Pending,
            BaseState::Unknown => ChangeCause::Pending,
            _ => ChangeCause::Branch,
        }
    }

    fn find_change_causes(&self, kind: &Kind, change: &Change) -> Vec<ChangeCause> {
        let differ = |a: &DesiredDigest, b: &DesiredDigest| {
            a.find_node(kind, change, self.key) != b.find_node(kind, change, self.key)
        };
        let branch = match &self.prior.base {
            BaseState::Unknown => None,
            BaseState::Absent => Some(true),
            BaseState::Present(base) => Some(differ(self.as_written, base)),
        };
        match (&self.prior.last_applied, branch) {
            (Some(applied), branch) => {
                self.find_causes_since_apply(kind, change, (applied, differ(self.desired, applied)), branch)
            }
            (None, None) => Vec::new(),
            (None, Some(true)) => vec![ChangeCause::Branch],
            (None, Some(false)) => vec![self.find_base_cause(kind, change)],
        }
    }

    /// With a record, it is known which side moved.
    fn find_causes_since_apply(
        &self,
        kind: &Kind,
        change: &Change,
        (applied, edited): (&DesiredDigest, bool),
        branch: Option<bool>,
    ) -> Vec<ChangeCause> {
        let mut causes = Vec::new();
        if edited {
            causes.push(if branch == Some(true) { ChangeCause::Branch } else { ChangeCause::Pending });
        }
        let is = applied.find_node(kind, change, self.key).matches_live(kind, change, self.key);
        if !change.unreadable && !self.is_normalized(kind, change) && !is.unwrap_or(edited) {
            causes.push(ChangeCause::Drift);
        }
        if causes.is_empty() {
            causes.push(ChangeCause::Tool);
        }
        causes.sort_unstable();
        causes
    }

    /// Whether the service has there what it made of it when it was applied.
    fn is_normalized(&self, kind: &Kind, change: &Change) -> bool {
        let kept = self.prior.normalized.get(&encode_change_path(change, kind, self.key));
        kept.is_some_and(|kept| *kept == digest_normalized(change, self.key))
    }

    /// Without a record: where the live object is as an earlier commit asked, the merged edit is pending. Whether
    /// anything else was ever applied is not known.
    fn find_base_cause(&self, kind: &Kind, change: &Change) -> ChangeCause {
        let is_live = |earlier: &DesiredDigest| {
            let found = earlier.find_node(kind, change, self.key);
            matches!(found, DigestLookup::Unspecified)
                || found.matches_live(kind, change, self.key) == Some(true)
        };
        match self.prior.older_bases.iter().any(is_live) {
            _ if change.unreadable => ChangeCause::Tool,
            true => ChangeCause::Pending,
            false => ChangeCause::NeverApplied,
        }
    }
}

/// The digest of what a service has at a place, for a change whose value it did not keep.
pub fn digest_normalized(change: &Change, key: &[u8]) -> String {
    use crate::kind::ComparisonRule;
    use crate::value::Value;
    super::digest::digest_value(change.before.as_ref().unwrap_or(&Value::Null), ComparisonRule::Exact, key)
}
