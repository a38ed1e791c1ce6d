//! Tokens that are asked for with name and password.
//!
//! A token is asked for on first need, once however many requests wait for it, and again when it runs out
//! or the service says 401. A refused password is not tried again, because services lock accounts; new
//! tokens that are refused like the old ones are not asked for without end. The answer of a login is secret
//! as a whole: nothing of it but the token is kept, and nothing of it is ever shown.
//! Deliberately absent: refresh tokens. The password is at hand, and one way is enough.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use super::auth::{Fixed, sensitive};
use super::failure::{Detour, Failure, Reason, Sent};
use super::hosts;
use super::pace::Pace;
use super::target::{Login, OauthPassword, Target};
use super::transport::{Answer, Bounds, Call, Transport, below};
use crate::diagnostic::Diagnostic;
use crate::exchange::Response;
use crate::kind::NamesWord;

/// The most bytes of the answer to a login.
const ANSWER: u64 = 1024 * 1024;

/// New tokens in a row that may be refused at once, until 401 is taken for what it says.
const FUTILE: u32 = 3;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// What a login needs of the client that wants it.
#[derive(Clone, Copy)]
pub(super) struct Way<'c> {
    pub pace: &'c Pace,
    pub bounds: &'c Bounds,
}

/// A token that is asked for, and the one at hand.
pub(super) struct Session {
    transport: Transport,
    opening: Opening,
    place: Place,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ticket: Option<Arc<Ticket>>,
    /// Tokens had so far.
    count: u64,
    /// When the last login failed, and how.
    failed: Option<(Instant, Failure)>,
    /// New tokens in a row that were refused at once.
    futile: u32,
}

/// A token, ready to be sent.
pub(super) struct Ticket {
    number: u64,
    carried: Carried,
    expires: Option<Instant>,
}

enum Carried {
    Header(HeaderName, HeaderValue),
    Query(String, SecretString),
}

/// Where a token goes: a header, with what stands before it, or a query parameter.
pub(super) enum Place {
    Header(HeaderName, String),
    Query(String),
}

/// How a session is opened.
pub(super) enum Opening {
    Login(Box<Door>),
    Oauth { url: Url, grant: Vec<(&'static str, SecretString)> },
}

/// The API's own login.
pub(super) struct Door {
    url: Url,
    fixed: Arc<Fixed>,
    /// Members of the body.
    members: [(String, SecretString); 2],
    /// Where the answer may hold the token.
    tokens: Vec<String>,
    names: NamesWord,
}

/// What a login brought.
struct Grant {
    token: SecretString,
    lasts: Option<Duration>,
}

impl Session {
    pub(super) fn new(transport: Transport, opening: Opening, place: Place) -> Self {
        Self { transport, opening, place, state: Mutex::default() }
    }

    /// The token at hand, or a new one.
    pub(super) async fn ticket(&self, way: Way<'_>) -> Result<Arc<Ticket>, Failure> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        match state.good(Instant::now()) {
            Some(ticket) => Ok(ticket),
            None => self.open(&mut state, asked, way).await,
        }
    }

    /// Another token than `used`, which the service refused; none when asking for more is of no use.
    pub(super) async fn renew(&self, used: &Ticket, way: Way<'_>) -> Result<Option<Arc<Ticket>>, Failure> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(newer) = state.good(Instant::now()).filter(|ticket| ticket.number != used.number) {
            return Ok(Some(newer));
        }
        if state.futile >= FUTILE {
            return Ok(None);
        }
        state.futile += 1;
        state.ticket = None;
        self.open(&mut state, asked, way).await.map(Some)
    }

    /// The token at hand.
    pub(super) async fn token(&self) -> Option<SecretString> {
        match &self.state.lock().await.ticket.as_ref()?.carried {
            Carried::Query(_, token) => Some(token.clone()),
            // behind the word or the name that stands before it
            Carried::Header(_, value) => {
                let value = value.to_str().ok()?;
                value.rsplit([' ', '=']).find(|part| !part.is_empty()).map(SecretString::from)
            }
        }
    }

    /// A renewed token was taken.
    pub(super) async fn accepted(&self) {
        self.state.lock().await.futile = 0;
    }

    async fn open(&self, state: &mut State, asked: Instant, way: Way<'_>) -> Result<Arc<Ticket>, Failure> {
        if let Some(failure) = state.still_fails(asked) {
            return Err(failure);
        }
        match self.login(way).await {
            Ok((carried, expires)) => {
                state.count += 1;
                let ticket = Arc::new(Ticket { number: state.count, carried, expires });
                state.ticket = Some(Arc::clone(&ticket));
                Ok(ticket)
            }
            Err(failure) => {
                // whatever became of the login, the request itself was not sent
                let failure = Failure { login: true, sent: Sent::No, ..failure };
                state.failed = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    async fn login(&self, way: Way<'_>) -> Result<(Carried, Option<Instant>), Failure> {
        way.pace.tick().await;
        let began = Instant::now();
        let call = self.opening.call();
        let host = hosts::authority(&call.url);
        let bounds = Bounds { answer_bytes: ANSWER.min(way.bounds.answer_bytes), ..*way.bounds };
        let answer = self.transport.exchange(call, &bounds).await?;
        let read = self.opening.read(answer).and_then(|grant| {
            let expires = grant.expires(Instant::now());
            Ok((self.place.carry(grant.token).ok_or(Reason::NoToken)?, expires))
        });
        tracing::debug!(host, ok = read.is_ok(), ms = began.elapsed().as_millis(), "login");
        read.map_err(|reason| Failure::new(reason, host, Sent::No))
    }
}

impl State {
    fn good(&self, now: Instant) -> Option<Arc<Ticket>> {
        self.ticket.clone().filter(|ticket| ticket.expires.is_none_or(|end| now < end))
    }

    /// The failure of a login that this request waited for, or of one that would end no better again.
    fn still_fails(&self, asked: Instant) -> Option<Failure> {
        let (when, failure) = self.failed.as_ref()?;
        (asked <= *when || !failure.reason.may_pass()).then(|| failure.clone())
    }
}

impl Ticket {
    /// Puts the token into `call`.
    pub(super) fn dress(&self, call: &mut Call) {
        match &self.carried {
            Carried::Header(name, value) => {
                call.headers.insert(name, value.clone());
            }
            Carried::Query(name, token) => {
                call.url.query_pairs_mut().append_pair(name, token.expose_secret());
            }
        }
    }

    /// The query parameter, when that is how the token is sent.
    pub(super) fn query(&self) -> Option<(&str, &SecretString)> {
        match &self.carried {
            Carried::Header(..) => None,
            Carried::Query(name, token) => Some((name, token)),
        }
    }
}

impl Place {
    fn carry(&self, token: SecretString) -> Option<Carried> {
        match self {
            Self::Query(name) => Some(Carried::Query(name.clone(), token)),
            Self::Header(name, before) => {
                // in a cookie these would end the value and begin another
                let breaks =
                    before.ends_with('=') && token.expose_secret().contains([';', ',', '"', ' ', '\\']);
                let value = sensitive(before, &token).filter(|_| !breaks)?;
                Some(Carried::Header(name.clone(), value))
            }
        }
    }
}

impl Opening {
    /// The login that the target's API describes.
    pub(super) fn login(target: &Target, login: &Login, fixed: Arc<Fixed>) -> Result<Self, Diagnostic> {
        let whose = || format!("target `{}`", target.name);
        let file = target.api.login.as_ref().ok_or_else(|| {
            let message =
                format!("{} uses `login`, which the API `{}` does not describe", whose(), target.api.name);
            Diagnostic::error("no-login", message)
                .hint("use another way to authenticate, or describe `login` in api.yaml")
        })?;
        let url = below(&target.base_url, &file.post).ok_or_else(|| {
            let message = format!("the path of `login` in the API of {} cannot be sent", whose());
            Diagnostic::error("invalid-path", message)
                .hint("write it percent-encoded and without dot segments")
        })?;
        let members = [
            (file.username.clone(), login.username.clone()),
            (file.password.clone(), login.password.clone()),
        ];
        let tokens = file.token.clone();
        Ok(Self::Login(Box::new(Door { url, fixed, members, tokens, names: target.api.names })))
    }

    /// A password grant (RFC 6749, section 4.3).
    pub(super) fn oauth(oauth: &OauthPassword) -> Self {
        let mut grant =
            vec![("grant_type", "password".into()), ("client_id", oauth.client_id.clone().into())];
        grant.extend(oauth.client_secret.clone().map(|secret| ("client_secret", secret)));
        grant.push(("username", oauth.username.clone()));
        grant.push(("password", oauth.password.clone()));
        Self::Oauth { url: oauth.url.clone(), grant }
    }

    fn call(&self) -> Call {
        match self {
            Self::Login(door) => door.call(),
            Self::Oauth { url, grant } => {
                let pairs = grant.iter().map(|(name, value)| (name, value.expose_secret()));
                let body = Serializer::new(String::new()).extend_pairs(pairs).finish();
                post(url.clone(), FORM, body.into())
            }
        }
    }

    fn read(&self, answer: Answer) -> Result<Grant, Reason> {
        let response = match answer {
            Answer::Complete(response) => response,
            Answer::Elsewhere(_) => return Err(Reason::Redirect(Detour::Write(None))),
        };
        if !response.is_success() {
            return Err(refused(&response));
        }
        let body = Zeroizing::new(response.body);
        let answer: Value = serde_json::from_slice(&body).map_err(|_| Reason::NoToken)?;
        match self {
            Self::Login(door) => {
                let token = door.tokens.iter().find_map(|path| find(&answer, path, door.names));
                Ok(Grant { token: token.ok_or(Reason::NoToken)?.into(), lasts: None })
            }
            Self::Oauth { .. } => {
                let token = find(&answer, "access_token", NamesWord::Exact).ok_or(Reason::NoToken)?;
                Ok(Grant { token: token.into(), lasts: answer.get("expires_in").and_then(seconds) })
            }
        }
    }
}

impl Door {
    fn call(&self) -> Call {
        let member = |(name, value): &(String, SecretString)| (name.clone(), value.expose_secret().into());
        let body: Map<String, Value> = self.members.iter().map(member).collect();
        let mut call = post(self.url.clone(), JSON, Value::Object(body).to_string().into());
        self.fixed.dress(&mut call);
        call
    }
}

impl Grant {
    /// A little before the service's own end, so that a request under way does not outlive its token.
    fn expires(&self, now: Instant) -> Option<Instant> {
        let lasts = self.lasts?;
        now.checked_add(lasts.saturating_sub((lasts / 2).min(Duration::from_secs(30))))
    }
}

fn post(url: Url, content_type: HeaderValue, body: Bytes) -> Call {
    let headers = HeaderMap::from_iter([(ACCEPT, JSON), (CONTENT_TYPE, content_type)]);
    Call { method: Method::POST, url, headers, body: Some(body) }
}

fn refused(response: &Response) -> Reason {
    let status = response.status;
    match status {
        429 | 502..=504 => Reason::LoginBusy { status, retry_after: response.retry_after.clone() },
        _ => Reason::LoginRefused { status, word: oauth_word(&response.body) },
    }
}

/// The error code of an OAuth answer, when it is one of the standard's. Anything else may be secret.
fn oauth_word(body: &[u8]) -> Option<&'static str> {
    const WORDS: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let answer: Value = serde_json::from_slice(body).ok()?;
    let word = answer.get("error")?.as_str()?;
    WORDS.into_iter().find(|known| *known == word)
}

/// The text at a dotted path; the empty path is the answer itself.
fn find(answer: &Value, path: &str, names: NamesWord) -> Option<String> {
    let same = |own: &str, name: &str| match names {
        NamesWord::Exact => own == name,
        NamesWord::CaseInsensitive | NamesWord::AsRead => own.eq_ignore_ascii_case(name),
    };
    let mut at = answer;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        at = at.as_object()?.iter().find(|(own, _)| same(own, name))?.1;
    }
    at.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A lifetime in seconds, which some services write as text. Nothing that is over at once.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}
