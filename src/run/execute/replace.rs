//! Replacements: the former object is deleted and a new one created, in the order that the kind says.
//!
//! Each part is a step of its own, on record before it is sent and read back after it. Where the new object comes
//! first, the former one goes after all other steps, so that those that refer to it have let go of it; until then
//! `.trueup` knows both ids. Deliberately absent: what a run finds that was cut off between the parts
//! (`run::leftovers`).

use std::collections::BTreeMap;

use super::diagnostics::{diagnose_concurrent_change, diagnose_missing_reference};
use super::former_objects::{ReferenceHolders, sort_former};
use super::record::record_successor;
use super::{StepExecutor, build_step_job, lock_mutex};
use crate::diagnostic::Diagnostic;
use crate::document::DocumentState;
use crate::kind::ReplacementRule;
use crate::plan::compare::diff_objects;
use crate::plan::replacement::{build_create_part, build_delete_part};
use crate::plan::step::PlanDecision;
use crate::plan::{PlanSubject, Step, StepAction};
use crate::remote::target_client::{CollectionRef, TargetClient};
use crate::remote::wire::Snapshot;
use crate::run::fetch::{ReadOutcome, read_one};
use crate::run::leftovers::read_by_id;
use crate::run::match_up::ObjectMatch;
use crate::run::object_job::ObjectJob;
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::run::planning::decide_live;

impl StepExecutor<'_, '_> {
    /// Carries out replacements, and deletes what interrupted ones left.
    pub(super) async fn replace_objects(
        &self,
        service: &TargetClient,
        of: CollectionRef<'_>,
        steps: &[&Step],
    ) -> Vec<StepOutcome> {
        let mut outcomes = Vec::with_capacity(steps.len());
        for step in steps {
            outcomes.push(match step.action {
                StepAction::Delete => self.defer_leftover(step),
                _ => match self.replace_object(service, of, step).await {
                    Ok(outcome) => outcome,
                    Err(status) => self.end_step(step, status),
                },
            });
        }
        outcomes
    }

    /// Whether the former object of a replacement is still to be deleted.
    pub(super) fn has_former(&self, number: usize) -> bool {
        lock_mutex(self.former).contains_key(&number)
    }

    async fn replace_object(
        &self,
        service: &TargetClient,
        of: CollectionRef<'_>,
        step: &Step,
    ) -> Result<StepOutcome, OutcomeStatus> {
        let job = build_step_job(self.jobs, step, None);
        let read = read_one(service, of, &job).await;
        let (fresh, live) = self.recheck_read(service, step, &job, read).await?;
        let rule = fresh.replacement.as_ref().map(|own| own.rule);
        // nothing is deleted whose successor cannot be created
        let create = self.build_create(&fresh, &job)?;
        match rule {
            Some(ReplacementRule::DeleteThenCreate) => {
                self.delete_and_create(service, &fresh, &create, live.as_deref()).await
            }
            Some(ReplacementRule::CreateThenDelete) => {
                let created = self.run_part(service, &create, None).await;
                let created = StepOutcome { action: Some(StepAction::Replace), ..created };
                let former = build_delete_part(&fresh, created.subject.id.clone());
                if let (OutcomeStatus::Done, Some(former)) = (&created.status, former) {
                    lock_mutex(self.former).insert(step.subject.number, former);
                    record_successor(self.session, job.document, &created);
                }
                Ok(created)
            }
            // it needs no replacement any more
            Some(ReplacementRule::Refuse) | None => {
                Err(OutcomeStatus::Refused(vec![diagnose_concurrent_change(step)]))
            }
        }
    }

    /// The part that creates the new object, all of it known.
    fn build_create(&self, step: &Step, job: &ObjectJob) -> Result<Step, OutcomeStatus> {
        let subject = step.subject.to_successor();
        let create = match decide_live(self.session, job, &subject, None) {
            PlanDecision::Step(create) => build_create_part(step, *create),
            PlanDecision::Refused(refused) => return Err(OutcomeStatus::Refused(refused.reasons)),
            PlanDecision::Unchanged(_) => None,
        };
        let create = create.filter(|create| create.desired.is_wholly_known());
        create.ok_or_else(|| OutcomeStatus::Refused(vec![diagnose_missing_reference(step)]))
    }

    async fn delete_and_create(
        &self,
        service: &TargetClient,
        step: &Step,
        create: &Step,
        live: Option<&Snapshot>,
    ) -> Result<StepOutcome, OutcomeStatus> {
        let Some(delete) = build_delete_part(step, None) else {
            return Err(OutcomeStatus::Refused(vec![diagnose_concurrent_change(step)]));
        };
        let deleted = self.run_part(service, &delete, live).await;
        if !matches!(deleted.status, OutcomeStatus::Done) {
            return Ok(StepOutcome { action: Some(StepAction::Replace), ..deleted });
        }
        // its id counts for nothing from now on
        let mut findings = deleted.findings;
        findings.extend(self.forget_former(step));
        let created = self.run_part(service, create, None).await;
        let is_done = matches!(created.status, OutcomeStatus::Done);
        findings.extend((!is_done).then(|| diagnose_missing_successor(step)));
        findings.extend(created.findings);
        Ok(StepOutcome {
            action: Some(StepAction::Replace),
            status: to_partial(created.status),
            findings,
            attempts: deleted.attempts + created.attempts,
            ..created
        })
    }

    fn forget_former(&self, step: &Step) -> Option<Diagnostic> {
        let mut index = lock_mutex(self.session.index);
        index.forget_object(&step.subject);
        index.save().err().map(|error| diagnose_unsaved_index(step, &error))
    }

    /// One part: sent, read back, compared.
    async fn run_part(&self, service: &TargetClient, part: &Step, live: Option<&Snapshot>) -> StepOutcome {
        let of = CollectionRef { kind: &part.subject.kind, scope: &part.subject.scope };
        let job = self.build_job(part, part.subject.id.as_ref());
        let mut written = [self.send_step(service, part, &job, live).await];
        let read = self.read_back(service, of, &[part], &mut written).await.into_iter().next().flatten();
        let [written] = written;
        self.conclude_step(service, part, written, read).await
    }

    /// Deletes the former objects of replacements, now that nothing refers to them any more.
    pub(super) async fn delete_former_objects(
        &self,
        outcomes: Vec<StepOutcome>,
        steps: &BTreeMap<usize, Step>,
    ) -> Vec<StepOutcome> {
        let former = std::mem::take(&mut *lock_mutex(self.former));
        if former.is_empty() {
            return outcomes;
        }
        let (replaced, mut all): (Vec<StepOutcome>, Vec<StepOutcome>) =
            outcomes.into_iter().partition(|outcome| former.contains_key(&outcome.subject.number));
        let mut replaced: BTreeMap<usize, StepOutcome> =
            replaced.into_iter().map(|outcome| (outcome.subject.number, outcome)).collect();
        let mut holders = ReferenceHolders::default();
        all.iter().for_each(|outcome| holders.add_outcome(self.jobs, outcome));
        for number in sort_former(self.jobs, self.dependencies, &former) {
            let Some((part, created)) = former.get(&number).zip(replaced.remove(&number)) else { continue };
            let ended = match self.find_objections(&holders, part) {
                reasons if reasons.is_empty() => self.delete_former(created, part).await,
                reasons => self.keep_former(created, reasons),
            };
            holders.add_former(self.jobs, &ended);
            all.extend(self.journal_outcomes(vec![ended], steps).await);
        }
        all
    }

    /// Why a former object stays: another one may refer to it, or depends on it.
    fn find_objections(&self, holders: &ReferenceHolders, part: &Step) -> Vec<Diagnostic> {
        let held = holders.find(self.dependencies, &part.subject).map(|holder| diagnose_held(part, holder));
        match self.jobs[part.subject.number].document.state {
            DocumentState::Absent => held.into_iter().chain(self.check_dependencies(part)).collect(),
            _ => held.into_iter().collect(),
        }
    }

    fn keep_former(&self, created: StepOutcome, reasons: Vec<Diagnostic>) -> StepOutcome {
        match created.action {
            Some(StepAction::Delete) => StepOutcome { status: OutcomeStatus::Refused(reasons), ..created },
            _ => StepOutcome {
                status: OutcomeStatus::Partial(Box::new(OutcomeStatus::NotStarted)),
                findings: [created.findings, reasons].concat(),
                ..created
            },
        }
    }

    async fn delete_former(&self, created: StepOutcome, part: &Step) -> StepOutcome {
        let deleted = match self.session.services.get(&part.subject.target) {
            Some(service) => self.delete_if_unchanged(service, part).await,
            None => self.end_step(part, OutcomeStatus::NotStarted),
        };
        let millis = created.millis + deleted.millis;
        let is_done = matches!(deleted.status, OutcomeStatus::Done | OutcomeStatus::Unchanged);
        if created.action == Some(StepAction::Delete) {
            let ended = StepOutcome { subject: created.subject, millis, ..deleted };
            return if is_done { self.end_leftover(ended, part) } else { ended };
        }
        let mut findings = [created.findings, deleted.findings].concat();
        findings.extend((!is_done).then(|| diagnose_left_object(part)));
        StepOutcome {
            status: to_partial(deleted.status),
            findings,
            attempts: created.attempts + deleted.attempts,
            millis,
            ..created
        }
    }

    /// What an interrupted replacement left goes last too; the object that is managed is the other one.
    fn defer_leftover(&self, step: &Step) -> StepOutcome {
        let other_id = step.replacement.as_ref().and_then(|own| own.other_id.clone());
        let Some(part) = build_delete_part(step, other_id.clone()) else {
            return self.end_step(step, OutcomeStatus::NotStarted);
        };
        lock_mutex(self.former).insert(step.subject.number, part);
        let outcome = self.end_step(step, OutcomeStatus::Done);
        StepOutcome { subject: PlanSubject { id: other_id, ..outcome.subject }, ..outcome }
    }

    /// Where the document wants neither of the two objects, the other one is still to be deleted.
    fn end_leftover(&self, ended: StepOutcome, part: &Step) -> StepOutcome {
        let is_absent = self.jobs[part.subject.number].document.state == DocumentState::Absent;
        if !is_absent || ended.subject.id.is_none() {
            return ended;
        }
        let status = OutcomeStatus::Partial(Box::new(OutcomeStatus::NotStarted));
        StepOutcome {
            status,
            findings: [ended.findings, vec![diagnose_other_object(part)]].concat(),
            ..ended
        }
    }

    /// Deletes a former object that is as it was when its replacement was planned.
    async fn delete_if_unchanged(&self, service: &TargetClient, part: &Step) -> StepOutcome {
        let Some(id) = part.subject.id.as_ref().filter(|_| !self.is_stopped(service)) else {
            return self.end_step(part, OutcomeStatus::NotStarted);
        };
        let live = match read_by_id(service, &self.jobs[part.subject.number], id).await {
            ReadOutcome::Found(ObjectMatch::One(live)) => live,
            ReadOutcome::Found(ObjectMatch::Nothing) => {
                lock_mutex(self.session.index).finish_replacement(
                    &part.subject.target,
                    &part.subject.kind.name,
                    &part.subject.name,
                );
                return self.end_step(part, OutcomeStatus::Unchanged);
            }
            _ => return self.end_step(part, OutcomeStatus::Refused(vec![diagnose_unread_former(part)])),
        };
        let shape = &part.subject.kind.shape;
        let moved = part.live.as_ref().is_none_or(|planned| {
            !diff_objects(shape, planned, &live.object, &|field| field.behavior.read_only).is_empty()
        });
        if moved {
            return self.end_step(part, OutcomeStatus::Refused(vec![diagnose_concurrent_change(part)]));
        }
        let outcome = self.run_part(service, part, Some(&live)).await;
        if matches!(outcome.status, OutcomeStatus::Done) {
            lock_mutex(self.session.index).finish_replacement(
                &part.subject.target,
                &part.subject.kind.name,
                &part.subject.name,
            );
        }
        outcome
    }
}

/// How a replacement ends whose first part was carried out.
fn to_partial(second: OutcomeStatus) -> OutcomeStatus {
    match second {
        OutcomeStatus::Done | OutcomeStatus::Unchanged => OutcomeStatus::Done,
        OutcomeStatus::Unknown(reasons) => OutcomeStatus::Unknown(reasons),
        ending => OutcomeStatus::Partial(Box::new(ending)),
    }
}

fn diagnose_missing_successor(step: &Step) -> Diagnostic {
    Diagnostic::error("replacement-unfinished", "the former object is deleted, and the new one is not there")
        .with_location(step.subject.place.clone())
        .with_hint("run again: the object is created then")
}

fn diagnose_left_object(step: &Step) -> Diagnostic {
    Diagnostic::error("replacement-unfinished", "the new object is there, and the former one is not deleted")
        .with_location(step.subject.place.clone())
        .with_hint("run again with `--allow-replace`: the former object is deleted then")
}

fn diagnose_other_object(step: &Step) -> Diagnostic {
    let message = "the former object is deleted, and the new one, which took its place, is still there";
    Diagnostic::error("replacement-unfinished", message)
        .with_location(step.subject.place.clone())
        .with_hint("run again: the new object is deleted then")
}

fn diagnose_held(step: &Step, holder: &str) -> Diagnostic {
    let message = format!(
        "the new object is there; the former one is not deleted, because `{holder}` may refer to it or depend on it"
    );
    Diagnostic::error("replacement-unfinished", message)
        .with_location(step.subject.place.clone())
        .with_hint("see the diagnostic of that object, then run again with `--allow-replace`")
}

fn diagnose_unread_former(step: &Step) -> Diagnostic {
    Diagnostic::error("not-read", "the former object could not be read, so it was not deleted")
        .with_location(step.subject.place.clone())
        .with_hint("run again with `--allow-replace`: the former object is deleted then")
}

fn diagnose_unsaved_index(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("`.trueup/index.json` cannot be written: {}", error.kind());
    Diagnostic::warning("not-recorded", message)
        .with_location(step.subject.place.clone())
        .with_hint("free disk space or fix the permissions")
}
