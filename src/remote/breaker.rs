//! Leaving a service alone that is down.
//!
//! After so many failures in a row nothing is begun there for a while; then one request tries. When it gets an
//! answer everything goes on, when it fails too the target is given up for the rest of the run. A failure is a
//! connection that broke, an answer that did not come, or a status of 500 and more; any other answer shows that
//! the service is there.
//! Deliberately absent: 429, which is a matter of pace, and what becomes of objects whose turn did not come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::failure::{Failure, Reason};
use crate::exchange::Response;

/// So many failures in a row are more than bad luck.
const MOST: u32 = 10;
/// How long a service is left alone.
const REST: Duration = Duration::from_secs(15);

/// Whether a service is spoken to.
#[derive(Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
    changed: Notify,
}

enum State {
    /// So many failures in a row so far.
    Sound(u32),
    Resting(Instant),
    /// One request tries.
    Trying,
    GivenUp(String),
}

impl Default for State {
    fn default() -> Self {
        Self::Sound(0)
    }
}

/// Leave to send one request; what came of it is to be told.
pub(super) struct Leave<'b> {
    breaker: &'b Breaker,
    tries: bool,
}

impl Breaker {
    /// Waits until a request may be sent; nothing when the service is given up.
    pub(super) async fn leave(&self) -> Option<Leave<'_>> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let until = match self.ask(Instant::now()) {
                Ask::Go(leave) => return Some(leave),
                Ask::Never => return None,
                Ask::Wait(until) => until,
            };
            match until {
                Some(until) => tokio::select! {
                    () = sleep_until(until) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    fn ask(&self, now: Instant) -> Ask<'_> {
        let mut state = self.state();
        match *state {
            State::Sound(_) => Ask::Go(Leave { breaker: self, tries: false }),
            State::GivenUp(_) => Ask::Never,
            State::Trying => Ask::Wait(None),
            State::Resting(until) if now < until => Ask::Wait(Some(until)),
            State::Resting(_) => {
                *state = State::Trying;
                Ask::Go(Leave { breaker: self, tries: true })
            }
        }
    }

    /// Why the service was given up, when it was: what the last request came to.
    pub(super) fn given_up(&self) -> Option<String> {
        match &*self.state() {
            State::GivenUp(why) => Some(why.clone()),
            _ => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Ask<'b> {
    Go(Leave<'b>),
    Never,
    /// Until then, or until something changes.
    Wait(Option<Instant>),
}

impl Leave<'_> {
    /// What came of the request. True when the service is left alone from now on.
    pub(super) fn heard(mut self, outcome: &Result<Response, Failure>) -> bool {
        let tried = std::mem::replace(&mut self.tries, false);
        let mut state = self.breaker.state();
        let next = match (sign(outcome), &*state) {
            (Sign::Down(why), _) if tried => State::GivenUp(why),
            (_, _) if tried => State::Sound(0),
            (Sign::Down(_), State::Sound(before)) if before + 1 >= MOST => {
                State::Resting(Instant::now() + REST)
            }
            (Sign::Down(_), State::Sound(before)) => State::Sound(before + 1),
            // a request of before the rest that got through after all shows as much as one that tries
            (Sign::There, State::Sound(_) | State::Resting(_)) => State::Sound(0),
            _ => return false,
        };
        let rests = matches!(next, State::Resting(_));
        *state = next;
        drop(state);
        self.breaker.changed.notify_waiters();
        rests
    }
}

impl Drop for Leave<'_> {
    /// Somebody else tries when the one who was to is gone.
    fn drop(&mut self) {
        if self.tries {
            *self.breaker.state() = State::Resting(Instant::now());
            self.breaker.changed.notify_waiters();
        }
    }
}

/// What an outcome says about the service.
enum Sign {
    There,
    Down(String),
    None,
}

fn sign(outcome: &Result<Response, Failure>) -> Sign {
    match outcome {
        Ok(response) if response.status == 429 => Sign::None,
        Ok(response) if response.status >= 500 => Sign::Down(format!("status {}", response.status)),
        Ok(_) => Sign::There,
        Err(failure) => match failure.reason {
            Reason::CannotConnect(_)
            | Reason::Tls(_)
            | Reason::Timeout(_)
            | Reason::Broken
            | Reason::Truncated
            | Reason::LoginBusy { .. } => Sign::Down(failure.code().to_owned()),
            _ => Sign::None,
        },
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::remote::failure::Sent;

    fn answer(status: u16) -> Result<Response, Failure> {
        let (content_type, body) = (String::new(), Vec::new());
        Ok(Response { status, content_type, retry_after: None, etag: None, request_id: None, body })
    }

    fn broken() -> Result<Response, Failure> {
        Err(Failure::new(Reason::Broken, "api.example.com".into(), Sent::Maybe))
    }

    async fn tell(breaker: &Breaker, outcome: Result<Response, Failure>) -> bool {
        breaker.leave().await.is_some_and(|leave| leave.heard(&outcome))
    }

    async fn fail(breaker: &Breaker) {
        for at in 1..=MOST {
            let outcome = if at % 2 == 0 { broken() } else { answer(503) };
            assert_eq!(tell(breaker, outcome).await, at == MOST);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_down_is_left_alone_tried_once_and_given_up() {
        let (breaker, began) = (Breaker::default(), Instant::now());
        fail(&breaker).await;
        assert_eq!(breaker.given_up(), None);
        assert!(!tell(&breaker, answer(502)).await);
        assert_eq!(began.elapsed(), REST);
        assert_eq!(breaker.given_up().as_deref(), Some("status 502"));
        assert!(breaker.leave().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_shows_that_it_is_back() {
        let breaker = Breaker::default();
        fail(&breaker).await;
        tell(&breaker, answer(404)).await;
        let began = Instant::now();
        fail(&breaker).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "counted from the start again");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_count_only_in_a_row_and_busy_is_none() {
        let breaker = Breaker::default();
        for at in 0..10 * MOST {
            let outcome = if at % MOST == 0 { answer(200) } else { answer(500) };
            assert!(!tell(&breaker, outcome).await);
        }
        tell(&breaker, answer(200)).await;
        for _ in 0..10 * MOST {
            assert!(!tell(&breaker, answer(429)).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_one_tries_the_others_wait_for_it() {
        let breaker = Breaker::default();
        fail(&breaker).await;
        let first = breaker.leave().await.expect("leave to try");
        let (mut second, mut third) = (Box::pin(breaker.leave()), Box::pin(breaker.leave()));
        assert!(second.as_mut().now_or_never().is_none());
        // the one that tried goes away without a word
        drop(first);
        let second = second.await.expect("leave to try");
        assert!(third.as_mut().now_or_never().is_none());
        second.heard(&answer(200));
        assert!(third.await.is_some());
    }
}
