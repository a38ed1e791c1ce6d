//! One write: the object as it is now is held against the plan, what is to be sent goes on record, then it is sent.
//!
//! Whether it took is not judged here: an answer may be lost or lie, so what was sent is looked up afterwards
//! (`prove`). Only what surely did not take ends here.

use std::io;
use std::time::Duration;

use super::attempts::{ConditionalRequest, build_response_record, count_earlier_attempts, may_still_act};
use super::diagnostics::{
    diagnose_ambiguous_object, diagnose_concurrent_change, diagnose_missing_reference,
    diagnose_missing_state, diagnose_unmarked_values, diagnose_unrecorded_outcome, diagnose_unsaved_digests,
    diagnose_unsaved_id, diagnose_unwritten_journal, end_unmarked_create,
};
use super::step_executor::StepExecutor;
use super::write_result::{LostResponse, SendResult, SentWrite, list_sent_values};
use crate::diagnostic::Diagnostic;
use crate::document::DocumentState;
use crate::exchange::{HttpResponse, Method};
use crate::kind::{IdAssigner, IfMatchSource, Kind, ScalarType, WriteOperation, WriteResponse};
use crate::plan::propose::ProposalInput;
use crate::plan::request::{add_required_fields, starts_confirmation};
use crate::plan::step::{RecheckOutcome, recheck_step};
use crate::plan::{PlanSubject, Step, StepAction};
use crate::remote::retry::CompletedRequest;
use crate::remote::target_client::{CollectionRef, RequestError, TargetClient};
use crate::remote::transport_error::DeliveryStatus;
use crate::remote::wire::{self, Snapshot};
use crate::run::decide_create::{build_open_create, compute_unknown_until};
use crate::run::fetch::{ObjectJob, ReadOutcome, read_one};
use crate::run::journal::{PendingLine, RecordedResponse as Noted};
use crate::run::lock_mutex;
use crate::run::match_up::ObjectMatch;
use crate::run::outcome::OutcomeStatus;
use crate::run::planning::build_subject;
use crate::run::refer::ReferentStatus;
use crate::run::{RunEvent, identity, locate_error, read_errors};
use crate::value::{Object, Value};

impl StepExecutor<'_, '_> {
    pub(super) async fn write_object(
        &self,
        service: &TargetClient,
        step: &Step,
        job: &ObjectJob<'_>,
        read: ReadOutcome,
    ) -> SendResult {
        match self.recheck_read(service, step, job, read).await {
            Ok((fresh, live)) => self.send_step(service, &fresh, job, live.as_deref()).await,
            Err(result) => SendResult::NotSent(result),
        }
    }

    /// The step as it is made from what was read right before the write.
    ///
    /// # Errors
    /// How it ends where nothing is sent.
    pub(super) async fn recheck_read(
        &self,
        service: &TargetClient,
        step: &Step,
        job: &ObjectJob<'_>,
        read: ReadOutcome,
    ) -> Result<(Box<Step>, Option<Box<Snapshot>>), OutcomeStatus> {
        let blocked = self.check_dependencies(step);
        if !blocked.is_empty() {
            return Err(OutcomeStatus::Refused(blocked));
        }
        let live = match read {
            ReadOutcome::Failed(trouble) if trouble.not_started => return Err(OutcomeStatus::NotStarted),
            ReadOutcome::Failed(trouble) => {
                let reasons = locate_error::locate_error(&trouble, job.document, None);
                return Err(OutcomeStatus::Failed(reasons));
            }
            ReadOutcome::Found(ObjectMatch::Several(_)) => {
                return Err(OutcomeStatus::Refused(vec![diagnose_ambiguous_object(step)]));
            }
            ReadOutcome::Unseen(reason) => {
                let why = read_errors::diagnose_unseen(&step.subject, &reason);
                return Err(OutcomeStatus::Refused(vec![why]));
            }
            ReadOutcome::Found(ObjectMatch::One(live)) => Some(live),
            ReadOutcome::Found(ObjectMatch::Nothing) => None,
        };
        self.session.references.fetch_lookups(service, job, live.as_deref()).await;
        let fresh = self.recheck_step(step, job, live.as_deref())?;
        if self.session.stop.is_cancelled() {
            return Err(OutcomeStatus::NotStarted);
        }
        Ok((fresh, live))
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
            ReadOutcome::Failed(_) | ReadOutcome::Unseen(_) => {
                return OutcomeStatus::Refused(vec![diagnose_concurrent_change(step)]);
            }
        };
        match self.recheck_step(step, job, live.as_deref()) {
            Err(ending) => ending,
            // what moved is nothing on which the step relies; it is another object all the same
            Ok(_) => OutcomeStatus::Refused(vec![diagnose_concurrent_change(step)]),
        }
    }

    pub(super) fn recheck_step(
        &self,
        step: &Step,
        job: &ObjectJob,
        live: Option<&Snapshot>,
    ) -> Result<Box<Step>, OutcomeStatus> {
        if let Some(live) = live {
            identity::check_identity(self.session, job, &live.object)
                .map_err(|reason| OutcomeStatus::Refused(vec![reason]))?;
        }
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
        let request = match self.record_intent(service, fresh, planned.request.method).await {
            Ok(request) => request,
            Err(ending) => return SendResult::NotSent(ending),
        };
        let conditional = ConditionalRequest { request: &planned.request, state: state.as_deref() };
        let (answered, added) = self.send_request(service, fresh, job, conditional).await;
        let answer = build_response_record(&answered);
        (self.session.on_event)(RunEvent::Sent(fresh, planned.request.method, &answer));
        let mut sent = SentWrite {
            before: fresh.live.clone().unwrap_or_default(),
            desired: fresh.desired.clone(),
            id: fresh.subject.id.clone(),
            wrong_id: None,
            status: answer.status,
            attempts: answer.attempts,
            answer: None,
            lost_response: None,
            unseen_values: Vec::new(),
            repeated_until: None,
            findings: Vec::new(),
            pending_line: self.record_response(request, answer),
        };
        let is_maybe_sent = |own: &CompletedRequest| own.earlier_delivery == DeliveryStatus::MaybeSent;
        let is_repeated = answered.as_ref().is_ok_and(is_maybe_sent);
        match answered {
            Ok(answered) => {
                let response = &answered.response;
                sent.findings.extend(self.read_response(service, fresh, response, &mut sent.id));
                sent.answer = read_created_object(service, fresh, &response.body);
            }
            // the object may be gone already: it is read back
            Err(trouble)
                if fresh.action == StepAction::Delete && matches!(trouble.status(), Some(404 | 410)) => {}
            Err(trouble) if trouble.not_started => {
                return self.end_without_effect(fresh, OutcomeStatus::NotStarted);
            }
            Err(trouble) if state.is_some() && trouble.status() == Some(412) && !trouble.outcome_unknown => {
                let ending = self.handle_conflict(service, fresh, job).await;
                return self.end_without_effect(fresh, ending);
            }
            Err(trouble) => {
                let mut reasons = locate_error::locate_error(&trouble, job.document, fresh.live.as_ref());
                reasons.extend(added);
                // a service that throttles may have carried it out: what does not read back stays marked
                if !trouble.outcome_unknown && (trouble.attempts > 1 || trouble.status() == Some(429)) {
                    self.forget_create(fresh);
                    self.mark_answered(fresh, &trouble);
                    return SendResult::NotSent(OutcomeStatus::Failed(reasons));
                }
                if !trouble.outcome_unknown {
                    return self.end_without_effect(fresh, OutcomeStatus::Failed(reasons));
                }
                self.mark_answered(fresh, &trouble);
                sent.lost_response =
                    Some(LostResponse { reasons, may_still_act: may_still_act(fresh, &trouble) });
                return SendResult::Sent(Box::new(sent));
            }
        }
        let subject = PlanSubject { id: sent.id.clone(), ..fresh.subject.clone() };
        sent.unseen_values = [&*fresh.hidden, &*fresh.shown_secrets].concat();
        sent.unseen_values.retain(|(path, _)| !fresh.is_sent_later(path));
        if is_repeated {
            sent.repeated_until = Some(compute_unknown_until(self.session, service, &fresh.subject.kind));
        }
        let mut memory = lock_mutex(self.session.write_digests);
        if let Err(error) = memory.assume_written(&[(&subject, &sent.unseen_values)]) {
            sent.findings.push(diagnose_unsaved_digests(fresh, &error));
        }
        SendResult::Sent(Box::new(sent))
    }

    /// A service that answered the only attempt itself carries nothing out later.
    fn mark_answered(&self, fresh: &Step, trouble: &RequestError) {
        let is_over = !may_still_act(fresh, trouble) || trouble.status() == Some(429);
        // whoever is asked to confirm may have been asked already
        let asks = starts_confirmation(&fresh.subject.kind.shape, &fresh.changes);
        if trouble.attempts <= 1 && is_over && fresh.action == StepAction::Update && !asks {
            // a time that stays only makes later runs write again
            let _ = lock_mutex(self.session.write_digests)
                .mark_answered(&fresh.subject, &list_sent_values(fresh));
        }
    }

    /// The write surely took no effect: what was marked before it is taken back.
    fn end_without_effect(&self, fresh: &Step, ending: OutcomeStatus) -> SendResult {
        self.forget_create(fresh);
        if fresh.action == StepAction::Update {
            // a mark that stays only makes the next run write again
            let _ = lock_mutex(self.session.write_digests)
                .restore_values(&fresh.subject, &list_sent_values(fresh));
        }
        SendResult::NotSent(ending)
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
        job: &ObjectJob<'_>,
        request: ConditionalRequest<'_>,
    ) -> (Result<CompletedRequest, RequestError>, Option<Diagnostic>) {
        let first = match self.send_after_looks(service, fresh, job, request).await {
            Err(trouble) if locate_error::needs_required_fields(&trouble, fresh) => trouble,
            answered => return (answered, None),
        };
        let attempts = first.attempts;
        match add_required_fields(fresh) {
            None => (Err(first), None),
            Some(Err(hidden)) => (Err(first), Some(locate_error::diagnose_hidden_required(fresh, &hidden))),
            Some(Ok(added)) => {
                let request = ConditionalRequest { request: &added, ..request };
                let again = self.send_after_looks(service, fresh, job, request).await;
                (count_earlier_attempts(again, attempts), None)
            }
        }
    }

    /// Waits so long; false when the run ends meanwhile.
    pub(super) async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.session.stop.wait_for_cancellation() => false,
        }
    }

    /// What is to be sent is on record before it is, so that a killed run leaves a trace of it; gives its number in
    /// the journal. Values that do not read back are marked as unknown. A create is marked last: what is marked was
    /// sent, as far as anybody can tell.
    async fn record_intent(
        &self,
        service: &TargetClient,
        fresh: &Step,
        verb: Method,
    ) -> Result<u64, OutcomeStatus> {
        let request = match self.session.journal {
            Some(journal) => journal.record_request(fresh, verb).await,
            None => Ok(0),
        };
        let request = request
            .map_err(|error| OutcomeStatus::Failed(vec![diagnose_unwritten_journal(fresh, &error)]))?;
        if fresh.action != StepAction::Create {
            let until = compute_unknown_until(self.session, service, &fresh.subject.kind);
            let values = list_sent_values(fresh);
            let marked = lock_mutex(self.session.write_digests).mark_sent(&fresh.subject, &values, until);
            return match marked {
                Ok(()) => Ok(request),
                Err(error) => {
                    self.abandon_request(request).await;
                    Err(OutcomeStatus::Failed(vec![diagnose_unmarked_values(fresh, &error)]))
                }
            };
        }
        let open = build_open_create(self.session, service, &fresh.subject.kind);
        let replaced = fresh.replacement.as_ref().and_then(|own| own.other_id.as_ref());
        let marked = lock_mutex(self.session.index).mark_create(&fresh.subject, open, replaced);
        if let Err(error) = marked {
            self.abandon_request(request).await;
            return Err(end_unmarked_create(fresh, &error));
        }
        Ok(request)
    }

    /// Notes that a request was not sent; it stays in doubt when not even this can be noted.
    async fn abandon_request(&self, request: u64) {
        if let Some(Ok(pending)) = self.record_response(request, Noted::default()) {
            let _ = pending.wait_until_written().await;
        }
    }

    /// A create that surely did not take leaves nothing behind.
    pub(super) fn forget_create(&self, fresh: &Step) {
        if fresh.action == StepAction::Create {
            let mut index = lock_mutex(self.session.index);
            index.forget_create(&fresh.subject);
            // a mark that stays only makes the next run look twice
            let _ = index.save();
        }
    }

    /// What an answer tells: the id of a new object, which is on record at once, or that it is about another.
    fn read_response(
        &self,
        service: &TargetClient,
        fresh: &Step,
        response: &HttpResponse,
        id: &mut Option<Value>,
    ) -> Option<Diagnostic> {
        let kind = &fresh.subject.kind;
        match fresh.action {
            StepAction::Create => {
                if kind.identity.id_assigned_by == IdAssigner::Server {
                    *id = wire::read_created_id(response, service.target.format, kind);
                }
                let subject = PlanSubject { id: id.clone(), ..fresh.subject.clone() };
                let mut index = lock_mutex(self.session.index);
                index.record_accepted(&subject, self.jobs[fresh.subject.number].document);
                index.save().err().map(|error| diagnose_unsaved_id(&subject, &error))
            }
            StepAction::Update => diagnose_wrong_object(service, fresh, &response.body),
            StepAction::Delete | StepAction::Replace => None,
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

/// The object that a create answered, where its kind says that it answers the object.
fn read_created_object(service: &TargetClient, fresh: &Step, body: &[u8]) -> Option<Box<Snapshot>> {
    let create = fresh.subject.kind.operations.create.as_ref();
    let is_object =
        |own: &&WriteOperation| fresh.action == StepAction::Create && own.response == WriteResponse::Object;
    let member = create.filter(is_object)?.response_member.as_deref();
    let read = wire::read_object_spellings(body, service.target.format, &fresh.subject.kind, member);
    read.ok().map(|(live, _)| Box::new(live))
}

/// An answer that speaks of another object than was asked for.
fn diagnose_wrong_object(service: &TargetClient, step: &Step, body: &[u8]) -> Option<Diagnostic> {
    let kind = &step.subject.kind;
    let write = step.requests.first()?.operation.as_ref()?;
    if write.response != WriteResponse::Object || step.action != StepAction::Update {
        return None;
    }
    let member = write.response_member.as_deref();
    let (answered, _) = wire::read_object_spellings(body, service.target.format, kind, member).ok()?;
    let (own, requested) = (answered.object.get_field(kind.identity.id)?, step.subject.id.as_ref()?);
    (own != requested).then(|| {
        Diagnostic::warning("wrong-object", "the service answered with another id than was asked for")
            .with_location(step.subject.place.clone())
            .with_hint("the object is read again and compared; look at the service if this comes back")
    })
}
