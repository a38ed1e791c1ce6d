//! Sending again, where that is safe.
//!
//! What may be repeated: a request that is the same twice as once, after 429, 502, 503, 504 or a connection that
//! failed; any other only when it surely took no effect (nothing was sent, or 429). The pauses grow and
//! are jittered; a longer pause that the service asks for is kept, up to a limit. Attempts and the whole
//! time are bounded, whatever comes first.
//! Deliberately absent: looking up what an unknown outcome was. That takes the kind, in `run`.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use tokio::time::sleep;

use super::allowance::{Again, Allowance};
use super::client::{Attempt, Bounds, Client, Errand};
use super::failure::{Failure, Reason, Sent};
use crate::exchange::{Request, Response, Verb};

/// How often and how long to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Attempts in all.
    pub attempts: u32,
    /// The first pause; each further one is twice as long.
    pub first: Duration,
    /// The longest pause, also of those a service asks for.
    pub longest: Duration,
    /// All attempts and pauses together, without the waits for a turn.
    pub total: Duration,
    pub jitter: Jitter,
}

/// How pauses are spread, so that requests that failed together do not come back together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Jitter {
    Random,
    Seeded(u64),
    None,
}

/// An answer, and what it took.
#[derive(Clone)]
pub struct Answered {
    pub response: Response,
    /// How many times the request was sent, the last one included.
    pub attempts: u32,
    /// Whether an attempt before the last may have taken effect.
    pub earlier: Sent,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(60),
            total: Duration::from_secs(180),
            jitter: Jitter::Random,
        }
    }
}

impl Client {
    /// Sends `request`, again and again where that is safe. `body` is `request.body` in the target's wire
    /// format.
    pub async fn send_safely(
        &self,
        request: &Request,
        body: Option<Vec<u8>>,
        bounds: &Bounds,
        patience: &Patience,
    ) -> Result<Answered, Failure> {
        self.send_bound((request, None), body, bounds, patience).await
    }

    /// The same, bound to the state of the object over which it may be done.
    pub(super) async fn send_bound(
        &self,
        (request, if_match): (&Request, Option<&str>),
        body: Option<Vec<u8>>,
        bounds: &Bounds,
        patience: &Patience,
    ) -> Result<Answered, Failure> {
        let body = body.map(Bytes::from);
        let errand = Errand { base: self.base(), request, body: body.as_ref(), if_match, bounds };
        self.safely(errand, patience).await
    }

    /// Sends a read whose path starts at the root of the host rather than at the base URL.
    pub async fn read_from_root(
        &self,
        request: &Request,
        bounds: &Bounds,
        patience: &Patience,
    ) -> Result<Answered, Failure> {
        let errand = Errand { base: self.root(), request, body: None, if_match: None, bounds };
        self.safely(errand, patience).await
    }

    async fn safely(&self, errand: Errand<'_>, patience: &Patience) -> Result<Answered, Failure> {
        let allowance = self.allowance();
        allowance.begin();
        let writes = errand.request.verb != Verb::Get;
        let repeatable = errand.request.repeatable;
        let terms =
            Terms { patience, repeatable, writes, target: self.target(), host: self.host(), allowance };
        persist(terms, |number, left| async move {
            let bounds = Bounds { timeout: errand.bounds.timeout.min(left), ..*errand.bounds };
            self.attempt(Errand { bounds: &bounds, ..errand }, number).await
        })
        .await
    }
}

pub(super) type Outcome = Result<Response, Failure>;

/// Under which terms a request may be sent again.
#[derive(Clone, Copy)]
struct Terms<'t> {
    patience: &'t Patience,
    /// Whether sending it twice is the same as sending it once.
    repeatable: bool,
    /// Whether it is not sent again once the run is to end.
    writes: bool,
    target: &'t str,
    host: &'t str,
    allowance: &'t Allowance,
}

/// Calls `attempt` with its number and the time left, until an outcome stands.
async fn persist<A>(
    terms: Terms<'_>,
    mut attempt: impl FnMut(u32, Duration) -> A,
) -> Result<Answered, Failure>
where
    A: Future<Output = Attempt>,
{
    let patience = terms.patience;
    let mut pauses = patience.pauses();
    let mut left = patience.total;
    let (mut attempts, mut earlier) = (1, Sent::No);
    let mut before = None;
    loop {
        // counted by hand, because a request that waits for its turn among thousands has not begun
        let (outcome, took) = attempt(attempts, left).await;
        let outcome = match (outcome, before.take()) {
            // what is not begun again stands as it was
            (Err(failure), Some(last)) if failure.is_not_begun() => {
                return finish(last, attempts - 1, earlier);
            }
            (outcome, _) => outcome,
        };
        left = left.saturating_sub(took);
        let pause = match pauses.next() {
            Some(pause) if terms.may_repeat(&outcome) => pause,
            _ => return finish(outcome, attempts, earlier),
        };
        let pause = pause.max(asked_pause(&outcome, SystemTime::now()).unwrap_or_default());
        if pause > patience.longest {
            return finish(Err(terms.asked_to_wait(&outcome, pause)), attempts, earlier);
        }
        if pause >= left || !terms.allowance.repeat() {
            return finish(outcome, attempts, earlier);
        }
        terms.tell(&outcome, attempts, pause);
        earlier = earlier.max(sent(&outcome));
        attempts += 1;
        left -= pause;
        before = Some(outcome);
        terms.rest(pause).await;
    }
}

impl Patience {
    fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        let builder = ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .with_max_times(self.attempts.saturating_sub(1) as usize);
        let builder = match self.jitter {
            Jitter::None => builder,
            Jitter::Random => builder.with_jitter(),
            Jitter::Seeded(seed) => builder.with_jitter().with_jitter_seed(seed),
        };
        let longest = self.longest;
        builder.build().map(move |pause| pause.min(longest))
    }
}

impl Terms<'_> {
    /// A pause, which the end of the run cuts short; what is sent then, if anything, is the sender's to say.
    async fn rest(&self, pause: Duration) {
        let stopped = async {
            match self.writes {
                true => self.allowance.stop.wait().await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stopped => {}
            () = self.allowance.stop.ended() => {}
        }
    }

    /// Says that a request is sent again.
    fn tell(&self, outcome: &Outcome, attempts: u32, pause: Duration) {
        let why = &*why(outcome);
        tracing::info!(host = self.host, after = why, ms = pause.as_millis(), attempts, "waits");
        let throttled = asked_pause(outcome, SystemTime::now()).is_some()
            || outcome.as_ref().is_ok_and(|response| response.status == 429);
        self.allowance.tell(&Again { target: self.target, why, throttled, attempts, pause });
    }

    fn may_repeat(&self, outcome: &Outcome) -> bool {
        match outcome {
            // who sends too much is turned away before anything is done
            Ok(response) if response.status == 429 => true,
            Ok(response) => self.repeatable && matches!(response.status, 502..=504),
            Err(failure) => failure.reason.may_pass() && (self.repeatable || failure.sent == Sent::No),
        }
    }

    fn asked_to_wait(&self, outcome: &Outcome, pause: Duration) -> Failure {
        Failure::new(Reason::AskedToWait(pause), self.host.to_owned(), sent(outcome))
    }
}

/// Whether an attempt that ended like this may have taken effect.
fn sent(outcome: &Outcome) -> Sent {
    match outcome {
        Ok(response) if response.status == 429 => Sent::No,
        // a gateway's word says nothing about what is behind it
        Ok(_) => Sent::Maybe,
        Err(failure) => failure.sent,
    }
}

/// The pause that the service asks for: seconds, or a date.
pub(super) fn asked_pause(outcome: &Outcome, now: SystemTime) -> Option<Duration> {
    let text = match outcome {
        Ok(response) => response.retry_after.as_deref()?,
        Err(Failure { reason: Reason::LoginBusy { retry_after, .. }, .. }) => retry_after.as_deref()?,
        Err(_) => return None,
    };
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn why(outcome: &Outcome) -> String {
    match outcome {
        Ok(response) => response.status.to_string(),
        Err(failure) => failure.code().to_owned(),
    }
}

fn finish(outcome: Outcome, attempts: u32, earlier: Sent) -> Result<Answered, Failure> {
    match outcome {
        Ok(response) => Ok(Answered { response, attempts, earlier }),
        Err(failure) => Err(Failure { attempts, sent: failure.sent.max(earlier), ..failure }),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Outcome {
        Ok(Response {
            status,
            content_type: String::new(),
            retry_after: retry_after.map(str::to_owned),
            etag: None,
            request_id: None,
            body: Vec::new(),
        })
    }

    fn failure(reason: Reason, sent: Sent) -> Outcome {
        Err(Failure::new(reason, "api.example.com".into(), sent))
    }

    fn patience() -> Patience {
        Patience { jitter: Jitter::None, first: Duration::from_secs(1), ..Patience::default() }
    }

    /// Plays `outcomes` in turn, the last one for ever; the result with the seconds it took.
    async fn play(
        patience: &Patience,
        repeatable: bool,
        outcomes: &[Outcome],
    ) -> (Result<Answered, Failure>, f64) {
        let began = Instant::now();
        let allowance = Allowance::default();
        let terms = Terms {
            patience,
            repeatable,
            writes: true,
            target: "there",
            host: "api.example.com",
            allowance: &allowance,
        };
        let result = persist(terms, |number, _| {
            let outcome = outcomes[(number as usize - 1).min(outcomes.len() - 1)].clone();
            std::future::ready((outcome, Duration::from_millis(1)))
        });
        (result.await, began.elapsed().as_secs_f64())
    }

    fn shown(result: &Result<Answered, Failure>) -> (String, u32, Sent) {
        match result {
            Ok(answered) => (answered.response.status.to_string(), answered.attempts, answered.earlier),
            Err(failure) => (failure.code().to_owned(), failure.attempts, failure.sent),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_repeatable_request_outlives_busy_servers_and_broken_connections() {
        let outcomes =
            [answer(503, None), failure(Reason::Broken, Sent::Maybe), answer(429, None), answer(200, None)];
        let (result, seconds) = play(&patience(), true, &outcomes).await;
        assert_eq!(shown(&result), ("200".into(), 4, Sent::Maybe));
        assert!((7.0..7.1).contains(&seconds), "1 + 2 + 4 seconds, not {seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_counted_and_end() {
        for last in [502, 503, 504, 429] {
            let (result, _) = play(&patience(), true, &[answer(last, None)]).await;
            assert_eq!(shown(&result).0, last.to_string());
            assert_eq!(shown(&result).1, 4);
        }
        let one = Patience { attempts: 1, ..patience() };
        assert_eq!(shown(&play(&one, true, &[answer(503, None)]).await.0).1, 1);
        let none = Patience { attempts: 0, ..patience() };
        assert_eq!(shown(&play(&none, true, &[answer(503, None)]).await.0).1, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_repeatable_is_sent_again_only_when_it_surely_took_no_effect() {
        let fine = answer(201, None);
        for (first, attempts) in [
            (answer(429, None), 2),
            (failure(Reason::CannotConnect("refused".into()), Sent::No), 2),
            (failure(Reason::LoginBusy { status: 503, retry_after: None }, Sent::No), 2),
            (answer(502, None), 1),
            (answer(503, Some("1")), 1),
            (answer(504, None), 1),
            (failure(Reason::Broken, Sent::Maybe), 1),
            (failure(Reason::Truncated, Sent::Maybe), 1),
            (failure(Reason::Timeout(Duration::ZERO), Sent::Maybe), 1),
        ] {
            let (result, _) = play(&patience(), false, &[first, fine.clone()]).await;
            assert_eq!(shown(&result).1, attempts, "{:?}", shown(&result));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_pass_is_not_repeated() {
        for outcome in [
            answer(200, None),
            answer(400, None),
            answer(401, None),
            answer(409, None),
            answer(500, None),
            failure(Reason::Tls("bad".into()), Sent::No),
            failure(Reason::TooLarge(1), Sent::Maybe),
            failure(Reason::NotHttp, Sent::Maybe),
            failure(Reason::LoginRefused { status: 401, word: None }, Sent::No),
        ] {
            let (result, seconds) = play(&patience(), true, &[outcome]).await;
            assert_eq!((shown(&result).1, seconds), (1, 0.0), "{:?}", shown(&result));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_the_service_asks_for_is_kept_up_to_a_limit() {
        let fine = answer(200, None);
        let (_, seconds) = play(&patience(), true, &[answer(503, Some("30")), fine.clone()]).await;
        assert!((30.0..30.1).contains(&seconds), "{seconds}");
        let (_, seconds) = play(&patience(), true, &[answer(429, Some("0")), fine.clone()]).await;
        assert!((1.0..1.1).contains(&seconds), "never sooner than the first pause: {seconds}");
        for (status, effect) in [(429, Sent::No), (503, Sent::Maybe)] {
            let (result, seconds) =
                play(&patience(), true, &[answer(status, Some("61")), fine.clone()]).await;
            assert_eq!((shown(&result), seconds), (("asked-to-wait".into(), 1, effect), 0.0));
        }
        let endless = answer(429, Some("18446744073709551615"));
        assert_eq!(shown(&play(&patience(), true, &[endless]).await.0).0, "asked-to-wait");
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_time_is_bounded() {
        let short = Patience { total: Duration::from_secs(2), ..patience() };
        let (result, seconds) = play(&short, true, &[answer(503, None)]).await;
        assert_eq!(shown(&result).1, 2, "the second pause would end after the deadline");
        assert!(seconds < 2.0, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_earlier_attempt_may_have_done_is_not_forgotten() {
        let outcomes =
            [failure(Reason::Broken, Sent::Maybe), failure(Reason::CannotConnect("x".into()), Sent::No)];
        let (result, _) = play(&patience(), true, &outcomes).await;
        assert_eq!(shown(&result), ("cannot-connect".into(), 4, Sent::Maybe));
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        let asked = |text| asked_pause(&answer(503, Some(text)), now).map(|pause| pause.as_secs());
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked(" 0 "), Some(0));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "a date that is over asks for nothing");
        for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn jitter_spreads_and_a_seed_repeats_it() {
        let pauses = |jitter| Patience { jitter, ..patience() }.pauses().collect::<Vec<_>>();
        assert_eq!(pauses(Jitter::Seeded(7)), pauses(Jitter::Seeded(7)));
        assert_ne!(pauses(Jitter::Seeded(7)), pauses(Jitter::Seeded(8)));
        let bare = pauses(Jitter::None);
        for (spread, bare) in pauses(Jitter::Random).iter().zip(bare) {
            assert!(*spread >= bare && *spread <= bare * 2, "{spread:?} for {bare:?}");
        }
    }
}
