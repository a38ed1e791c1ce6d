//! HTTP of one target: a [`Request`] goes out with credentials, in the target's wire format, and its
//! answer comes back.
//!
//! At most so many requests are under way, each within bounds, and none after the end of the run; a service that
//! is down is left alone. Redirects are followed on reads only, and only to the
//! same scheme, host and port. A 401 is answered with a new token once, where tokens are asked for at all.
//! Every attempt is one event in the log: verb, path, status, time and size; never a query, header or body.
//! Deliberately absent: what an answer means, bodies' encoding (`wire`), and repetition (`retry`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH};
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::allowance::Allowance;
use super::auth::{Credentials, Tickets};
use super::breaker::{Breaker, Leave};
use super::failure::{Detour, Failure, Reason, Sent};
use super::hosts::{self, Allowed};
use super::pace::{Pace, Speed};
use super::retry;
use super::session::Way;
use super::target::Target;
use super::transport::{Answer, Call, Courier, Transport, below};
use crate::diagnostic::Diagnostic;
use crate::exchange::{Request, Response, Verb};
use crate::kind::FormatWord;

pub use super::transport::Bounds;

/// The most redirects one read follows.
const REDIRECTS: u32 = 5;

/// The longest pause that one answer imposes on all requests to a service.
const HOLD: Duration = Duration::from_secs(60);

/// The connection to one target. Shared by all requests to it.
pub struct Client {
    target: Arc<str>,
    base: Url,
    /// The root of the same host.
    root: Url,
    host: String,
    format: FormatWord,
    transport: Transport,
    credentials: Credentials,
    pace: Pace,
    breaker: Breaker,
    allowance: Arc<Allowance>,
    first: AtomicU64,
    again: AtomicU64,
}

/// How many requests a service was sent; logins, renewed tokens and redirects are not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Each once, however often it was sent.
    pub requests: u64,
    /// How often one was sent again.
    pub repeated: u64,
}

impl Tally {
    /// What came since an earlier count.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            repeated: self.repeated.saturating_sub(earlier.repeated),
        }
    }
}

/// What became of one attempt, and how long it took.
pub(super) type Attempt = (Result<Response, Failure>, Duration);

/// One request on its way.
#[derive(Clone, Copy)]
pub(super) struct Errand<'r> {
    /// Where the path of the request starts.
    pub base: &'r Url,
    pub request: &'r Request,
    pub body: Option<&'r Bytes>,
    /// The state of the object over which it may be done.
    pub if_match: Option<&'r str>,
    pub bounds: &'r Bounds,
}

impl Client {
    /// The client of `target`, when its credentials may go where it points. Nothing is sent yet.
    pub fn new(target: &Target, allowed: &Allowed) -> Result<Self, Diagnostic> {
        Self::by(target, allowed, None)
    }

    /// The same through a courier instead of a network, where there is one.
    pub(super) fn by(
        target: &Target,
        allowed: &Allowed,
        courier: Option<Arc<dyn Courier>>,
    ) -> Result<Self, Diagnostic> {
        let base = target.base_url.clone();
        let whose = format!("target `{}`", target.name);
        allowed.check(&base, &target.api.hosts, &whose)?;
        if base.query().is_some() || base.fragment().is_some() {
            let message = format!("the base URL of {whose} has a query or a fragment");
            return Err(Diagnostic::error("invalid-url", message).hint("end it with the path"));
        }
        let transport =
            courier.map_or_else(|| Transport::to(&base), |courier| Ok(Transport::Courier(courier)))?;
        let credentials = Credentials::new(target, allowed, &transport)?;
        let limits = &target.api.limits;
        let parallel = target.parallelism.min(limits.parallelism.unwrap_or(u32::MAX));
        let pace = Pace::new(parallel, limits);
        let (target, format, host) = (Arc::clone(&target.name), target.format, hosts::authority(&base));
        let mut root = base.clone();
        root.set_path("/");
        let (breaker, allowance) = (Breaker::default(), Arc::default());
        let (first, again) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self {
            target,
            base,
            root,
            host,
            format,
            transport,
            credentials,
            pace,
            breaker,
            allowance,
            first,
            again,
        })
    }

    /// As a part of a run that may cost only so much.
    #[must_use]
    pub fn under(self, allowance: Arc<Allowance>) -> Self {
        Self { allowance, ..self }
    }

    /// Why nothing is sent to the service any more, when that is so.
    pub fn given_up(&self) -> Option<Failure> {
        let why = self.breaker.given_up()?;
        Some(self.failure(Reason::GivenUp(why), Sent::No))
    }

    /// Sends `request` once. `body` is `request.body` in the target's wire format.
    pub async fn send(
        &self,
        request: &Request,
        body: Option<Vec<u8>>,
        bounds: &Bounds,
    ) -> Result<Response, Failure> {
        let body = body.map(Bytes::from);
        let errand = Errand { base: &self.base, request, body: body.as_ref(), if_match: None, bounds };
        self.attempt(errand, 1).await.0
    }

    /// Where the paths of requests start.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// The root of the same host.
    pub(super) fn root(&self) -> &Url {
        &self.root
    }

    /// Everything that the service is shown and may repeat, but nobody else may see.
    pub(super) async fn secrets(&self) -> Vec<SecretString> {
        self.credentials.secrets().await
    }

    /// The name of the target.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The host that is asked.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What the run may cost.
    pub(super) fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    /// One attempt, in its turn and in the log; with the time it took, the wait for its turn left out.
    pub(super) async fn attempt(&self, errand: Errand<'_>, number: u32) -> Attempt {
        let _turn = match self.in_time(errand, self.pace.turn()).await {
            Ok(turn) => turn,
            Err(failure) => return (Err(failure), Duration::ZERO),
        };
        let leave = match self.in_time(errand, self.leave()).await.flatten() {
            Ok(leave) => leave,
            Err(failure) => return (Err(failure), Duration::ZERO),
        };
        let counter = if number == 1 { &self.first } else { &self.again };
        counter.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        let outcome = self.bounded(errand).await;
        let took = began.elapsed();
        self.log(errand, number, took, &outcome);
        self.learn(&outcome, began);
        if leave.heard(&outcome) {
            tracing::warn!(target = &*self.target, "it fails again and again, and is left alone for a while");
        }
        (outcome, took)
    }

    /// Waits until the service may be asked: it is not left alone, and its rate allows one more.
    async fn leave(&self) -> Result<Leave<'_>, Failure> {
        let gone = || self.given_up().unwrap_or_else(|| self.failure(Reason::Stopped, Sent::No));
        let leave = self.breaker.leave().await.ok_or_else(gone)?;
        self.pace.tick().await;
        Ok(leave)
    }

    /// Waits for something, but not past the end of the run; a write also not past its stop.
    async fn in_time<T>(&self, errand: Errand<'_>, wait: impl Future<Output = T>) -> Result<T, Failure> {
        let stop = &self.allowance.stop;
        let stopped = async {
            match errand.request.verb {
                Verb::Get => std::future::pending().await,
                _ => stop.wait().await,
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(self.failure(Reason::Stopped, Sent::No)),
            () = stop.ended() => Err(self.failure(Reason::OutOfTime, Sent::No)),
            done = wait => Ok(done),
        }
    }

    /// The exchange, cut off where the run ends.
    async fn bounded(&self, errand: Errand<'_>) -> Result<Response, Failure> {
        tokio::select! {
            biased;
            outcome = self.exchange(errand) => outcome,
            () = self.allowance.stop.ended() => Err(self.failure(Reason::OutOfTime, Sent::Maybe)),
        }
    }

    /// How fast the service is asked by now.
    pub(super) fn speed(&self) -> Speed {
        self.pace.speed()
    }

    /// What it was sent by now.
    pub(super) fn tally(&self) -> Tally {
        let (first, again) = (&self.first, &self.again);
        Tally { requests: first.load(Ordering::Relaxed), repeated: again.load(Ordering::Relaxed) }
    }

    /// What an answer tells about the pace that the service bears.
    fn learn(&self, outcome: &Result<Response, Failure>, began: Instant) {
        match outcome {
            Ok(response) if response.status == 429 => self.pace.too_much(began),
            Ok(response) if response.is_success() => self.pace.went_well(),
            _ => {}
        }
        if let Some(pause) = retry::asked_pause(outcome, SystemTime::now()).filter(|asked| *asked <= HOLD) {
            self.pace.hold(pause);
        }
    }

    async fn exchange(&self, errand: Errand<'_>) -> Result<Response, Failure> {
        let way = Way { pace: &self.pace, bounds: errand.bounds };
        let tickets = self.credentials.tickets(way).await?;
        let response = self.follow(errand, &tickets).await?;
        if response.status != 401 {
            return Ok(response);
        }
        let Some(tickets) = self.credentials.renew(&tickets, way).await? else { return Ok(response) };
        self.pace.tick().await;
        let response = self.follow(errand, &tickets).await?;
        if response.status != 401 {
            self.credentials.accepted().await;
        }
        Ok(response)
    }

    async fn follow(&self, errand: Errand<'_>, tickets: &Tickets) -> Result<Response, Failure> {
        let mut call = self.call(errand, tickets)?;
        for _ in 0..=REDIRECTS {
            let to = match self.transport.exchange(call.clone(), errand.bounds).await? {
                Answer::Complete(response) => return Ok(response),
                Answer::Elsewhere(to) => to,
            };
            let next = next_hop(&call, to.as_deref()).map_err(|detour| self.detoured(detour))?;
            tracing::debug!(target = &*self.target, path = next.path(), "redirect");
            call.url = next;
            self.credentials.dress_again(&mut call.url, tickets);
            self.pace.tick().await;
        }
        Err(self.detoured(Detour::Loop))
    }

    fn call(&self, errand: Errand<'_>, tickets: &Tickets) -> Result<Call, Failure> {
        let request = errand.request;
        let mut url =
            below(errand.base, &request.path).ok_or_else(|| self.failure(Reason::InvalidPath, Sent::No))?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let (accept, content_type) = media(self.format);
        let mut headers = HeaderMap::from_iter([(ACCEPT, accept)]);
        if errand.body.is_some() {
            headers.insert(CONTENT_TYPE, content_type);
        }
        if let Some(state) = errand.if_match {
            let value = HeaderValue::from_str(state);
            headers.insert(IF_MATCH, value.map_err(|_| self.failure(Reason::InvalidPath, Sent::No))?);
        }
        // a write without a body still says its length
        let empty = matches!(request.verb, Verb::Post | Verb::Put | Verb::Patch).then(Bytes::new);
        let mut call =
            Call { method: method(request.verb), url, headers, body: errand.body.cloned().or(empty) };
        self.credentials.dress(&mut call, tickets);
        Ok(call)
    }

    fn detoured(&self, detour: Detour) -> Failure {
        self.failure(Reason::Redirect(detour), Sent::Maybe)
    }

    fn failure(&self, reason: Reason, sent: Sent) -> Failure {
        Failure::new(reason, self.host.clone(), sent)
    }

    fn log(&self, errand: Errand<'_>, attempt: u32, took: Duration, outcome: &Result<Response, Failure>) {
        let (target, ms) = (&*self.target, took.as_millis());
        let (verb, path) = (errand.request.verb.word(), &*errand.request.path);
        let sent = errand.body.map_or(0, Bytes::len);
        match outcome {
            Ok(response) => {
                let (status, bytes) = (response.status, response.body.len());
                tracing::debug!(target, verb, path, status, ms, attempt, sent, bytes, "answer");
            }
            Err(failure) => {
                tracing::debug!(target, verb, path, code = failure.code(), ms, attempt, sent, "no answer");
            }
        }
    }
}

/// Where a redirect may be followed to.
fn next_hop(call: &Call, to: Option<&str>) -> Result<Url, Detour> {
    let to = to.and_then(|to| call.url.join(to).ok());
    if call.method != Method::GET {
        return Err(Detour::Write(to.filter(Url::has_host).map(|to| hosts::authority(&to))));
    }
    let mut to = to.filter(Url::has_host).ok_or(Detour::Nowhere)?;
    if to.origin() != call.url.origin() {
        return Err(Detour::Elsewhere(format!("{}://{}", to.scheme(), hosts::authority(&to))));
    }
    let bare = to.set_username("").and_then(|()| to.set_password(None));
    bare.map_err(|()| Detour::Nowhere)?;
    to.set_fragment(None);
    Ok(to)
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
    }
}

/// What is asked for, and what a body is called.
fn media(format: FormatWord) -> (HeaderValue, HeaderValue) {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    match format {
        FormatWord::Json => (JSON, JSON),
        // the second name alone is answered with HTML by the servers that speak it
        FormatWord::Jsv => (
            HeaderValue::from_static("application/jsv, text/jsv"),
            HeaderValue::from_static("application/jsv"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::retry::Patience;

    #[test]
    fn requests_may_run_on_any_thread() {
        fn sendable<T: Send>(_: T) {}
        let _ = |client: &Client, request: &Request, bounds: &Bounds, patience: &Patience| {
            sendable(client.send(request, None, bounds));
            sendable(client.send_safely(request, None, bounds, patience));
        };
    }
}
