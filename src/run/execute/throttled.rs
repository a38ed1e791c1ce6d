//! Requests that must not be carried out twice and were answered 429: they may have been carried out, so looks come
//! before they are sent again.
//!
//! Deliberately absent: all other requests, which are repeated below (`remote::retry`) or not at all.

use std::time::Duration;

use tokio::time::Instant;

use super::attempts::{ConditionalRequest, count_earlier_attempts};
use super::step_executor::StepExecutor;
use crate::plan::request::starts_confirmation;
use crate::plan::{Step, StepAction};
use crate::remote::retry::CompletedRequest;
use crate::remote::target_client::{CollectionRef, RequestError, TargetClient};
use crate::run::decide_create::get_read_after_write;
use crate::run::fetch::{ObjectJob, ReadOutcome, read_one};
use crate::run::match_up::{ObjectMatch, is_surely_visible};

/// Before a request that must not be carried out twice is sent again after 429.
const THROTTLED_PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// The longest pause between two looks meanwhile.
const LONGEST_LOOK_PAUSE: Duration = Duration::from_secs(10);

/// How long a write is looked for that was answered 429 without a word of when to come back.
const BARE_THROTTLE_WINDOW: Duration = Duration::from_secs(30);

/// When looks begin and end.
#[derive(Clone, Copy)]
struct LookTimes {
    first: Duration,
    window: Duration,
}

impl StepExecutor<'_, '_> {
    /// Sends a request. One that must not be carried out twice and is answered 429 may have been carried out: it
    /// is sent again only after a look that shows that it was not.
    pub(super) async fn send_after_looks(
        &self,
        service: &TargetClient,
        fresh: &Step,
        job: &ObjectJob<'_>,
        ConditionalRequest { request, state }: ConditionalRequest<'_>,
    ) -> Result<CompletedRequest, RequestError> {
        let mut attempts = 0;
        for pause in THROTTLED_PAUSES {
            let answered = service.write_object(&fresh.subject.kind, request, state).await;
            let trouble = match count_earlier_attempts(answered, attempts) {
                Err(trouble) if trouble.status() == Some(429) && !request.idempotent => trouble,
                answered => return answered,
            };
            attempts = trouble.attempts;
            let may_repeat = service.try_withdraw_retry() && {
                let window = self.compute_look_window(fresh, &trouble).max(pause);
                self.stays_without_effect(service, fresh, job, LookTimes { first: pause, window }).await
            };
            if !may_repeat {
                return Err(trouble);
            }
        }
        count_earlier_attempts(service.write_object(&fresh.subject.kind, request, state).await, attempts)
    }

    /// How long a write may take to show. A service that says when to come back has refused it itself; a bare 429 may
    /// be a gateway's, and then only the kind knows.
    fn compute_look_window(&self, fresh: &Step, trouble: &RequestError) -> Duration {
        let kind = &fresh.subject.kind;
        let is_known = self.session.read_back_timeout.is_some()
            || kind.operations.find_settle_time().is_some()
            || trouble.names_pause();
        match is_known {
            true => get_read_after_write(self.session, kind),
            false => BARE_THROTTLE_WINDOW,
        }
    }

    /// Whether looks show that a write was not carried out, from the first pause to the end of the time in which
    /// reads may lag behind writes: what a look does not show yet may have been carried out all the same.
    async fn stays_without_effect(
        &self,
        service: &TargetClient,
        fresh: &Step,
        job: &ObjectJob<'_>,
        LookTimes { first, window }: LookTimes,
    ) -> bool {
        let (began, mut pause) = (Instant::now(), first);
        loop {
            let left = window.saturating_sub(began.elapsed());
            if !self.pause(pause.min(left)).await {
                return false;
            }
            let effect = self.look_for_effect(service, fresh, job).await;
            if effect == Some(true) || began.elapsed() >= window {
                return effect == Some(false);
            }
            pause = (pause * 2).min(LONGEST_LOOK_PAUSE);
        }
    }

    /// Whether a look shows that a write was carried out; nothing where it does not tell.
    async fn look_for_effect(
        &self,
        service: &TargetClient,
        fresh: &Step,
        job: &ObjectJob<'_>,
    ) -> Option<bool> {
        let of = CollectionRef { kind: &fresh.subject.kind, scope: &job.scope };
        match (fresh.action, read_one(service, of, job).await) {
            (StepAction::Create, ReadOutcome::Found(ObjectMatch::Nothing)) => {
                is_surely_visible(job.document).then_some(false)
            }
            (StepAction::Update, ReadOutcome::Found(ObjectMatch::One(live))) => {
                let asks = starts_confirmation(&fresh.subject.kind.shape, &fresh.changes);
                (!asks).then(|| self.recheck_step(fresh, job, Some(&live)).is_err())
            }
            (_, ReadOutcome::Found(_)) => Some(true),
            (_, ReadOutcome::Failed(_) | ReadOutcome::Unseen(_)) => None,
        }
    }
}
