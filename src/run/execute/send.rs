//! One write: the object as it is now is held against the plan, what is to be sent goes on record, then it is sent.
//!
//! Whether it took is not judged here: an answer may be lost or lie, so what was sent is looked up afterwards
//! (`prove`). Only what surely did not take ends here.

use std::io;

use super::diagnostics::{
    diagnose_ambiguous_object, diagnose_concurrent_change, diagnose_missing_reference,
    diagnose_missing_state, diagnose_unrecorded_outcome, diagnose_unsaved_digests, diagnose_unsaved_id,
    diagnose_unwritten_journal, end_unmarked_create,
};
use super::{StepExecutor, lock_mutex};
use crate::diagnostic::Diagnostic;
use crate::document::DocumentState;
use crate::exchange::{Method, PlannedRequest};
use crate::kind::{IdAssigner, IfMatchSource, Kind, ScalarType, WriteResponse};
use crate::plan::propose::ProposalInput;
use crate::plan::request::add_required_fields;
use crate::plan::step::{RecheckOutcome, recheck_step};
use crate::plan::{PlanSubject, Step, StepAction};
use crate::remote::retry::CompletedRequest;
use crate::remote::target_client::{CollectionRef, RequestError, TargetClient};
use crate::remote::wire::{self, Snapshot};
use crate::run::fetch::{ObjectJob, ReadOutcome, read_one};
use crate::run::journal::{PendingLine, RecordedResponse as Noted};
use crate::run::match_up::ObjectMatch;
use crate::run::outcome::OutcomeStatus;
use crate::run::planning::build_subject;
use crate::run::refer::ReferentStatus;
use crate::run::{RunEvent, locate_error};
use crate::value::{Object, Value};

impl StepExecutor<'_, '_> {
    pub(super) async fn write_object(
        &self,
        service: &TargetClient,
        step: &Step,
        read: ReadOutcome,
    ) -> SendResult {
        let job = self.build_job(step, None);
        let live = match read {
            ReadOutcome::Failed(trouble) if trouble.not_started => {
                return SendResult::NotSent(OutcomeStatus::NotStarted);
            }
            ReadOutcome::Failed(trouble) => {
                return SendResult::NotSent(OutcomeStatus::Failed(locate_error::locate_error(
                    &trouble,
                    job.document,
                    None,
                )));
            }
            ReadOutcome::Found(ObjectMatch::Several(_)) => {
                return SendResult::NotSent(OutcomeStatus::Refused(vec![diagnose_ambiguous_object(step)]));
            }
            ReadOutcome::Found(ObjectMatch::One(live)) => Some(live),
            ReadOutcome::Found(ObjectMatch::Nothing) => None,
        };
        self.session.references.fetch_lookups(service, &job, live.as_deref()).await;
        let fresh = match self.recheck_step(step, &job, live.as_deref()) {
            Ok(fresh) => fresh,
            Err(result) => return SendResult::NotSent(result),
        };
        if self.session.stop.is_cancelled() {
            return SendResult::NotSent(OutcomeStatus::NotStarted);
        }
        self.send_step(service, &fresh, &job, live.as_deref()).await
    }

    /// The service refused to write over what somebody else wrote since the last read: what moved is told, and
    /// nothing is sent again.
    async fn handle_conflict(
        &self,
        service: &TargetClient,
        step: &Step,
        job: &ObjectJob<'_>,
    ) -> OutcomeStatus {
        let of = CollectionRef { kind: &step.subject.kind, scope: &job.scope };
        let live = match read_one(service, of, job).await {
            ReadOutcome::Found(ObjectMatch::One(live)) => Some(live),
            ReadOutcome::Found(ObjectMatch::Nothing) => None,
            ReadOutcome::Found(ObjectMatch::Several(_)) => {
                return OutcomeStatus::Refused(vec![diagnose_ambiguous_object(step)]);
            }
            ReadOutcome::Failed(_) => return OutcomeStatus::Refused(vec![diagnose_concurrent_change(step)]),
        };
        match self.recheck_step(step, job, live.as_deref()) {
            Err(ending) => ending,
            // what moved is nothing on which the step relies; it is another object all the same
            Ok(_) => OutcomeStatus::Refused(vec![diagnose_concurrent_change(step)]),
        }
    }

    fn recheck_step(
        &self,
        step: &Step,
        job: &ObjectJob,
        live: Option<&Snapshot>,
    ) -> Result<Box<Step>, OutcomeStatus> {
        let references = self.session.references;
        let document = references
            .resolve_document(self.session.index, job, live)
            .map_err(|unresolved| OutcomeStatus::Refused(unresolved.reasons))?;
        let memory = lock_mutex(self.session.write_digests);
        let now = build_subject(step.subject.number, job, live);
        let question = ProposalInput {
            document: &document,
            subject: &now,
            live: live.map(|live| &live.object),
            write_history: &*memory,
            rotation: self.session.rotation,
        };
        match recheck_step(step, &question, self.session.build_rules(job)) {
            RecheckOutcome::Proceed(fresh) if fresh.desired.is_wholly_known() => Ok(fresh),
            RecheckOutcome::Proceed(_) => Err(OutcomeStatus::Refused(vec![diagnose_missing_reference(step)])),
            RecheckOutcome::AlreadyDone => {
                if let (Some(id), DocumentState::Present) = (now.id, job.document.state) {
                    references.set_status(job, ReferentStatus::Known(id));
                }
                Err(OutcomeStatus::Unchanged)
            }
            RecheckOutcome::Conflict(moved) => Err(OutcomeStatus::Conflict(moved)),
            RecheckOutcome::Refused(reasons) => Err(OutcomeStatus::Refused(reasons)),
        }
    }

    /// Sends a step that was made from `live`.
    pub(super) async fn send_step(
        &self,
        service: &TargetClient,
        fresh: &Step,
        job: &ObjectJob<'_>,
        live: Option<&Snapshot>,
    ) -> SendResult {
        // what follows a create is made anew once the object is there
        let Some(planned) = fresh.requests.first() else {
            return SendResult::NotSent(OutcomeStatus::Unchanged);
        };
        let state = live.and_then(|live| build_if_match(&fresh.subject.kind, live));
        if fresh.action != StepAction::Create
            && state.is_none()
            && fresh.subject.kind.operations.if_match.is_some()
        {
            return SendResult::NotSent(OutcomeStatus::Refused(vec![diagnose_missing_state(fresh)]));
        }
        let mut sent = SentWrite {
            before: fresh.live.clone().unwrap_or_default(),
            desired: fresh.desired.clone(),
            id: fresh.subject.id.clone(),
            attempts: 0,
            lost_response: None,
            findings: Vec::new(),
            pending_line: None,
        };
        let request = match self.record_intent(fresh, planned.request.method).await {
            Ok(request) => request,
            Err(ending) => return SendResult::NotSent(ending),
        };
        let (answered, added) = self.send_request(service, fresh, (&planned.request, state.as_deref())).await;
        let answer = build_response_record(&answered);
        (self.session.on_event)(RunEvent::Sent(fresh, planned.request.method, &answer));
        sent.pending_line = self.record_response(request, answer);
        match answered {
            Ok(answered) => {
                sent.attempts = answered.attempts;
                sent.findings.extend(self.read_response(
                    service,
                    fresh,
                    &answered.response.body,
                    &mut sent.id,
                ));
            }
            // to delete what is gone already is to delete it
            Err(trouble) if fresh.action == StepAction::Delete && trouble.status() == Some(404) => {
                sent.attempts = trouble.attempts;
            }
            Err(trouble) if trouble.not_started => {
                self.forget_create(fresh);
                return SendResult::NotSent(OutcomeStatus::NotStarted);
            }
            Err(trouble) if state.is_some() && trouble.status() == Some(412) && !trouble.outcome_unknown => {
                return SendResult::NotSent(self.handle_conflict(service, fresh, job).await);
            }
            Err(trouble) => {
                let mut reasons = locate_error::locate_error(&trouble, job.document, fresh.live.as_ref());
                reasons.extend(added);
                if !trouble.outcome_unknown {
                    self.forget_create(fresh);
                    return SendResult::NotSent(OutcomeStatus::Failed(reasons));
                }
                sent.attempts = trouble.attempts;
                sent.lost_response = Some(reasons);
                return SendResult::Sent(sent);
            }
        }
        let subject = PlanSubject { id: sent.id.clone(), ..fresh.subject.clone() };
        let mut memory = lock_mutex(self.session.write_digests);
        if let Err(error) = memory.record_values(&subject, &fresh.hidden) {
            sent.findings.push(diagnose_unsaved_digests(fresh, &error));
        }
        SendResult::Sent(sent)
    }

    /// Notes what came of a request in the journal, where there is one.
    fn record_response(&self, request: u64, answer: Noted) -> Option<io::Result<PendingLine>> {
        self.session.journal.map(|journal| journal.record_response(request, answer))
    }

    /// Waits until what came of a write is on record.
    pub(super) async fn wait_until_recorded(&self, step: &Step, written: &mut SendResult) {
        let SendResult::Sent(sent) = written else { return };
        let noted = match sent.pending_line.take() {
            Some(Ok(pending)) => pending.wait_until_written().await,
            Some(Err(error)) => Err(error),
            None => Ok(()),
        };
        sent.findings.extend(noted.err().map(|error| diagnose_unrecorded_outcome(step, &error)));
    }

    /// The digest of an object as it was read back.
    pub(super) fn digest_object(&self, kind: &Kind, live: &Object) -> Option<String> {
        self.session.journal.map(|journal| journal.digest_object(kind, live))
    }

    /// Sends a request, and where the service asks for required fields that were left out, once more with all of
    /// them. Beside a refusal, why that was not done.
    async fn send_request(
        &self,
        service: &TargetClient,
        fresh: &Step,
        (request, state): (&PlannedRequest, Option<&str>),
    ) -> (Result<CompletedRequest, RequestError>, Option<Diagnostic>) {
        let kind = &fresh.subject.kind;
        let first = match service.write_object(kind, request, state).await {
            Err(trouble) if locate_error::needs_required_fields(&trouble, fresh) => trouble,
            answered => return (answered, None),
        };
        let attempts = first.attempts;
        match add_required_fields(fresh) {
            None => (Err(first), None),
            Some(Err(hidden)) => (Err(first), Some(locate_error::diagnose_hidden_required(fresh, &hidden))),
            Some(Ok(request)) => {
                let again = service.write_object(kind, &request, state).await;
                let answered = again
                    .map(|answered| CompletedRequest { attempts: answered.attempts + attempts, ..answered })
                    .map_err(|trouble| trouble.with_earlier_attempts(attempts));
                (answered, None)
            }
        }
    }

    /// What is to be sent is on record before it is, so that a killed run leaves a trace of it; gives its number in
    /// the journal. A create is marked last: what is marked was sent, as far as anybody can tell.
    async fn record_intent(&self, fresh: &Step, verb: Method) -> Result<u64, OutcomeStatus> {
        let request = match self.session.journal {
            Some(journal) => journal.record_request(fresh, verb).await,
            None => Ok(0),
        };
        let request = request
            .map_err(|error| OutcomeStatus::Failed(vec![diagnose_unwritten_journal(fresh, &error)]))?;
        if fresh.action != StepAction::Create {
            return Ok(request);
        }
        let marked = lock_mutex(self.session.index).mark_create(&fresh.subject);
        if let Err(error) = marked {
            // it stays in doubt for whoever reads the journal when not even this can be noted
            if let Some(Ok(pending)) = self.record_response(request, Noted::default()) {
                let _ = pending.wait_until_written().await;
            }
            return Err(end_unmarked_create(fresh, &error));
        }
        Ok(request)
    }

    /// A create that surely did not take leaves nothing behind.
    pub(super) fn forget_create(&self, fresh: &Step) {
        if fresh.action == StepAction::Create {
            let mut index = lock_mutex(self.session.index);
            index.forget_object(&fresh.subject);
            // a mark that stays only makes the next run look twice
            let _ = index.save();
        }
    }

    /// What an answer tells: the id of a new object, which is on record at once, or that it is about another.
    fn read_response(
        &self,
        service: &TargetClient,
        fresh: &Step,
        body: &[u8],
        id: &mut Option<Value>,
    ) -> Option<Diagnostic> {
        let kind = &fresh.subject.kind;
        match fresh.action {
            StepAction::Create => {
                if kind.identity.id_assigned_by == IdAssigner::Server {
                    *id = wire::read_id(body, service.target.format, kind);
                }
                let subject = PlanSubject { id: id.clone(), ..fresh.subject.clone() };
                let protect = self.jobs[fresh.subject.number].document.protect;
                let mut index = lock_mutex(self.session.index);
                index.record_created(&subject, protect);
                index.save().err().map(|error| diagnose_unsaved_id(&subject, &error))
            }
            StepAction::Update => diagnose_wrong_object(service, fresh, body),
            StepAction::Delete => None,
        }
    }
}

/// What tells the state of an object from the next, where its kind says by what.
fn build_if_match(kind: &Kind, live: &Snapshot) -> Option<String> {
    match kind.operations.if_match? {
        IfMatchSource::Etag => live.etag.as_deref().map(str::to_owned),
        IfMatchSource::Field(number) => {
            let value = live.object.get_field(number).filter(|value| !value.is_blank())?;
            Some(format!("\"{}\"", ScalarType::render_url_text(value, &kind.api)))
        }
    }
}

/// What became of a write before it is proved.
pub(super) enum SendResult {
    /// It was not sent, or surely did not take.
    NotSent(OutcomeStatus),
    Sent(SentWrite),
}

pub(super) struct SentWrite {
    /// What the object was right before the write; nothing of one that is new.
    pub(super) before: Object,
    /// What the object was to become.
    pub(super) desired: Object,
    /// The service's id, as far as it is known.
    pub(super) id: Option<Value>,
    pub(super) attempts: u32,
    /// Why there was no good answer; whether the write took has to be looked up.
    pub(super) lost_response: Option<Vec<Diagnostic>>,
    pub(super) findings: Vec<Diagnostic>,
    /// What came of it, on its way to the journal.
    pending_line: Option<io::Result<PendingLine>>,
}

/// An answer that speaks of another object than was asked for.
fn diagnose_wrong_object(service: &TargetClient, step: &Step, body: &[u8]) -> Option<Diagnostic> {
    let kind = &step.subject.kind;
    let operations = [&kind.operations.update, &kind.operations.replace];
    let write = operations
        .into_iter()
        .flatten()
        .find(|write| step.requests.first().is_some_and(|planned| planned.request.method == write.method))?;
    if write.response != WriteResponse::Object || step.action != StepAction::Update {
        return None;
    }
    let answered = wire::read_object(body, service.target.format, kind).ok()?;
    let (own, asked) = (answered.object.get_field(kind.identity.id)?, step.subject.id.as_ref()?);
    (own != asked).then(|| {
        Diagnostic::warning("wrong-object", "the service answered with another id than was asked for")
            .with_location(step.subject.place.clone())
            .with_hint("the object is read again and compared; look at the service if this comes back")
    })
}

/// What came of a request, for the journal.
fn build_response_record(answered: &Result<CompletedRequest, RequestError>) -> Noted {
    match answered {
        Ok(answered) => Noted {
            status: Some(answered.response.status),
            request_id: answered.response.request_id.clone(),
            attempts: answered.attempts,
            unknown: false,
        },
        Err(trouble) => Noted {
            status: trouble.status(),
            request_id: None,
            attempts: trouble.attempts,
            unknown: trouble.outcome_unknown,
        },
    }
}
