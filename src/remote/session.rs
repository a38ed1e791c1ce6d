//! Tokens that are requested: with name and password, for the client itself, or with a refresh token.
//!
//! A token is asked for on first need, once however many requests wait for it, and again when it runs out
//! or the service says 401. A refused password is not tried again, because services lock accounts; new
//! tokens that are refused like the old ones are not asked for without end. The answer of a login is secret
//! as a whole: nothing of it but the token is kept, and nothing of it is ever shown.
//! Deliberately absent: refresh tokens beside a password. The password is at hand, and one way is enough.

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

use super::hosts;
use super::rate_limiter::RateLimiter;
use super::request_parts::{StaticRequestParts, build_sensitive_header, set_query_parameter};
use super::target::{LoginCredentials, OauthGrant, OauthGrantType, Target};
use super::transport::{ExchangeLimits, HostConnection, PreparedRequest, TransportResponse, join_path};
use super::transport_error::{DeliveryStatus, RedirectError, TransportError, TransportErrorReason};
use crate::diagnostic::Diagnostic;
use crate::exchange::HttpResponse;
use crate::kind::MemberNameCase;
use crate::kind::registry::is_workspace_api;

/// The most bytes of the answer to a login.
const MAX_LOGIN_RESPONSE_BYTES: u64 = 1024 * 1024;

/// New tokens in a row that may be refused at once, until 401 is taken for what it says.
const MAX_REJECTED_RENEWALS: u32 = 3;

/// The parameter and member of refresh tokens.
const REFRESH_TOKEN: &str = "refresh_token";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// What a login needs of the client that wants it.
#[derive(Clone, Copy)]
pub(super) struct LoginContext<'c> {
    pub rate_limiter: &'c RateLimiter,
    pub limits: &'c ExchangeLimits,
}

/// A token that is asked for, and the one at hand.
pub(super) struct LoginSession {
    connection: HostConnection,
    grant_flow: GrantFlow,
    token_parameter: TokenParameter,
    state: Mutex<TokenState>,
}

#[derive(Default)]
struct TokenState {
    token: Option<Arc<AccessToken>>,
    /// Tokens had so far.
    issued: u64,
    /// When the last login failed, and how.
    last_failure: Option<(Instant, TransportError)>,
    /// New tokens in a row that were refused at once.
    rejected_renewals: u32,
    /// The newest refresh token that the service gave.
    refresh_token: Option<SecretString>,
}

/// A token, ready to be sent.
pub(super) struct AccessToken {
    number: u64,
    credential: TokenCredential,
    expires_at: Option<Instant>,
}

enum TokenCredential {
    Header(HeaderName, HeaderValue),
    Query(String, SecretString),
}

/// Where a token goes: a header, with what stands before it, or a query parameter.
pub(super) enum TokenParameter {
    Header(HeaderName, String),
    Query(String),
}

/// How a session is opened.
pub(super) enum GrantFlow {
    Login(Box<LoginEndpoint>),
    Oauth { url: Url, grant: Vec<(&'static str, SecretString)> },
}

/// The API's own login.
pub(super) struct LoginEndpoint {
    url: Url,
    static_parts: Arc<StaticRequestParts>,
    /// Members of the body.
    members: [(String, SecretString); 2],
    /// Where the answer may hold the token.
    token_paths: Vec<String>,
    member_names: MemberNameCase,
}

/// What a login brought.
struct TokenResponse {
    token: SecretString,
    expires_in: Option<Duration>,
    /// Another one for the next time.
    refresh_token: Option<SecretString>,
}

impl LoginSession {
    pub(super) fn new(transport: HostConnection, opening: GrantFlow, place: TokenParameter) -> Self {
        Self { connection: transport, grant_flow: opening, token_parameter: place, state: Mutex::default() }
    }

    /// The token at hand, or a new one.
    pub(super) async fn acquire_token(
        &self,
        way: LoginContext<'_>,
    ) -> Result<Arc<AccessToken>, TransportError> {
        let requested = Instant::now();
        let mut state = self.state.lock().await;
        match state.find_valid_token(Instant::now()) {
            Some(ticket) => Ok(ticket),
            None => self.open_session(&mut state, requested, way).await,
        }
    }

    /// Another token than `used`, which the service refused; none when asking for more is of no use.
    pub(super) async fn renew_token(
        &self,
        used: &AccessToken,
        way: LoginContext<'_>,
    ) -> Result<Option<Arc<AccessToken>>, TransportError> {
        let requested = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(newer) =
            state.find_valid_token(Instant::now()).filter(|ticket| ticket.number != used.number)
        {
            return Ok(Some(newer));
        }
        if state.rejected_renewals >= MAX_REJECTED_RENEWALS {
            return Ok(None);
        }
        state.rejected_renewals += 1;
        state.token = None;
        self.open_session(&mut state, requested, way).await.map(Some)
    }

    /// The token at hand.
    pub(super) async fn read_secret(&self) -> Option<SecretString> {
        match &self.state.lock().await.token.as_ref()?.credential {
            TokenCredential::Query(_, token) => Some(token.clone()),
            // behind the word or the name that stands before it
            TokenCredential::Header(_, value) => {
                let value = value.to_str().ok()?;
                value.rsplit([' ', '=']).find(|part| !part.is_empty()).map(SecretString::from)
            }
        }
    }

    /// A renewed token was taken.
    pub(super) async fn confirm_renewal(&self) {
        self.state.lock().await.rejected_renewals = 0;
    }

    async fn open_session(
        &self,
        state: &mut TokenState,
        requested: Instant,
        way: LoginContext<'_>,
    ) -> Result<Arc<AccessToken>, TransportError> {
        if let Some(failure) = state.find_lasting_failure(requested) {
            return Err(failure);
        }
        match self.request_token(state.refresh_token.as_ref(), way).await {
            Ok((carried, expires, refresh)) => {
                state.issued += 1;
                state.refresh_token = refresh.or(state.refresh_token.take());
                let ticket =
                    Arc::new(AccessToken { number: state.issued, credential: carried, expires_at: expires });
                state.token = Some(Arc::clone(&ticket));
                Ok(ticket)
            }
            Err(failure) => {
                // whatever became of the login, the request itself was not sent
                let failure =
                    TransportError { during_login: true, delivery: DeliveryStatus::NotSent, ..failure };
                state.last_failure = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    async fn request_token(
        &self,
        refresh: Option<&SecretString>,
        way: LoginContext<'_>,
    ) -> Result<(TokenCredential, Option<Instant>, Option<SecretString>), TransportError> {
        way.rate_limiter.wait_for_start().await;
        let began = Instant::now();
        let call = self.grant_flow.build_request(refresh);
        let host = hosts::format_authority(&call.url);
        let bounds = ExchangeLimits {
            max_response_bytes: MAX_LOGIN_RESPONSE_BYTES.min(way.limits.max_response_bytes),
            ..*way.limits
        };
        let answer = self.connection.send_request(call, &bounds).await?;
        let read = self.grant_flow.parse_response(answer).and_then(|grant| {
            let expires = grant.compute_expiry(Instant::now());
            Ok((
                self.token_parameter.build_credential(grant.token).ok_or(TransportErrorReason::NoToken)?,
                expires,
                grant.refresh_token,
            ))
        });
        tracing::debug!(host, ok = read.is_ok(), ms = began.elapsed().as_millis(), "login");
        read.map_err(|reason| TransportError::new(reason, host, DeliveryStatus::NotSent))
    }
}

impl TokenState {
    fn find_valid_token(&self, now: Instant) -> Option<Arc<AccessToken>> {
        self.token.clone().filter(|ticket| ticket.expires_at.is_none_or(|end| now < end))
    }

    /// The failure of a login that this request waited for, or of one that would end no better again.
    fn find_lasting_failure(&self, requested: Instant) -> Option<TransportError> {
        let (when, failure) = self.last_failure.as_ref()?;
        (requested <= *when || !failure.reason.is_transient()).then(|| failure.clone())
    }
}

impl AccessToken {
    /// Puts the token into `call`.
    pub(super) fn apply_auth(&self, call: &mut PreparedRequest) {
        match &self.credential {
            TokenCredential::Header(name, value) => {
                call.headers.insert(name, value.clone());
            }
            TokenCredential::Query(name, token) => {
                set_query_parameter(&mut call.url, name, token);
            }
        }
    }

    /// The query parameter, when that is how the token is sent.
    pub(super) fn query_parameter(&self) -> Option<(&str, &SecretString)> {
        match &self.credential {
            TokenCredential::Header(..) => None,
            TokenCredential::Query(name, token) => Some((name, token)),
        }
    }
}

impl TokenParameter {
    fn build_credential(&self, token: SecretString) -> Option<TokenCredential> {
        match self {
            Self::Query(name) => Some(TokenCredential::Query(name.clone(), token)),
            Self::Header(name, before) => {
                // in a cookie these would end the value and begin another
                let breaks =
                    before.ends_with('=') && token.expose_secret().contains([';', ',', '"', ' ', '\\']);
                let value = build_sensitive_header(before, &token).filter(|_| !breaks)?;
                Some(TokenCredential::Header(name.clone(), value))
            }
        }
    }
}

impl GrantFlow {
    /// The login that the target's API describes.
    pub(super) fn from_login(
        target: &Target,
        login: &LoginCredentials,
        fixed: Arc<StaticRequestParts>,
    ) -> Result<Self, Diagnostic> {
        let whose = || format!("target `{}`", target.name);
        let file = target.api.login.as_ref().ok_or_else(|| {
            let message =
                format!("{} uses `login`, which the API `{}` does not describe", whose(), target.api.name);
            Diagnostic::error("no-login", message)
                .with_hint("use another way to authenticate, or describe `login` in api.yaml")
        })?;
        let url = join_path(&target.base_url, &file.post).ok_or_else(|| {
            let message = format!("the path of `login` in the API of {} cannot be sent", whose());
            Diagnostic::error("invalid-path", message)
                .with_hint("write it percent-encoded and without dot segments")
        })?;
        let members = [
            (file.username.clone(), login.username.clone()),
            (file.password.clone(), login.password.clone()),
        ];
        let tokens = file.token.clone();
        Ok(Self::Login(Box::new(LoginEndpoint {
            url,
            static_parts: fixed,
            members,
            token_paths: tokens,
            member_names: target.api.member_names,
        })))
    }

    /// A grant of RFC 6749.
    pub(super) fn from_oauth(oauth: &OauthGrant) -> Self {
        let kind = match &oauth.grant {
            OauthGrantType::Password { .. } => "password",
            OauthGrantType::ClientCredentials => "client_credentials",
            OauthGrantType::RefreshToken(_) => REFRESH_TOKEN,
        };
        let mut grant = vec![("grant_type", kind.into()), ("client_id", oauth.client_id.clone().into())];
        grant.extend(oauth.client_secret.clone().map(|secret| ("client_secret", secret)));
        grant.extend(oauth.scope.clone().map(|scope| ("scope", scope.into())));
        match &oauth.grant {
            OauthGrantType::Password { username, password } => {
                grant.extend([("username", username.clone()), ("password", password.clone())]);
            }
            OauthGrantType::ClientCredentials => {}
            OauthGrantType::RefreshToken(token) => grant.push((REFRESH_TOKEN, token.clone())),
        }
        Self::Oauth { url: oauth.url.clone(), grant }
    }

    /// Where tokens are asked for.
    pub(super) fn url(&self) -> &Url {
        match self {
            Self::Login(endpoint) => &endpoint.url,
            Self::Oauth { url, .. } => url,
        }
    }

    /// The request for a token; `refresh` is the newest refresh token, where the service gave another one.
    fn build_request(&self, refresh: Option<&SecretString>) -> PreparedRequest {
        match self {
            Self::Login(endpoint) => endpoint.build_request(),
            Self::Oauth { url, grant } => {
                let pairs = grant.iter().map(|(name, value)| {
                    let newest = refresh.filter(|_| *name == REFRESH_TOKEN);
                    (name, newest.unwrap_or(value).expose_secret())
                });
                let body = Serializer::new(String::new()).extend_pairs(pairs).finish();
                build_post(url.clone(), FORM, body.into())
            }
        }
    }

    fn parse_response(&self, answer: TransportResponse) -> Result<TokenResponse, TransportErrorReason> {
        let response = match answer {
            TransportResponse::Complete(response) => response,
            TransportResponse::Redirect(_) => {
                return Err(TransportErrorReason::Redirect(RedirectError::WriteRedirected(None)));
            }
        };
        if !response.is_success() {
            return Err(classify_rejection(&response));
        }
        let body = Zeroizing::new(response.body);
        let answer: Value = serde_json::from_slice(&body).map_err(|_| TransportErrorReason::NoToken)?;
        match self {
            Self::Login(door) => {
                let token =
                    door.token_paths.iter().find_map(|path| find_text(&answer, path, door.member_names));
                Ok(TokenResponse {
                    token: token.ok_or(TransportErrorReason::NoToken)?.into(),
                    expires_in: None,
                    refresh_token: None,
                })
            }
            Self::Oauth { .. } => {
                let token = find_text(&answer, "access_token", MemberNameCase::Exact)
                    .ok_or(TransportErrorReason::NoToken)?;
                Ok(TokenResponse {
                    token: token.into(),
                    expires_in: answer.get("expires_in").and_then(parse_lifetime),
                    refresh_token: find_text(&answer, REFRESH_TOKEN, MemberNameCase::Exact).map(Into::into),
                })
            }
        }
    }
}

impl LoginEndpoint {
    fn build_request(&self) -> PreparedRequest {
        let member = |(name, value): &(String, SecretString)| (name.clone(), value.expose_secret().into());
        let body: Map<String, Value> = self.members.iter().map(member).collect();
        let mut call = build_post(self.url.clone(), JSON, Value::Object(body).to_string().into());
        self.static_parts.apply_auth(&mut call);
        call
    }
}

impl TokenResponse {
    /// A little before the service's own end, so that a request under way does not outlive its token.
    fn compute_expiry(&self, now: Instant) -> Option<Instant> {
        let lasts = self.expires_in?;
        now.checked_add(lasts.saturating_sub((lasts / 2).min(Duration::from_secs(30))))
    }
}

/// Where tokens are asked for, when the API is described in the workspace: a reviewer should see it.
pub(super) fn list_described_logins(target: &Target) -> Vec<Url> {
    if !is_workspace_api(&target.api) {
        return Vec::new();
    }
    let described = target.auth.login.as_ref().and(target.api.login.as_ref());
    let login = described.and_then(|login| join_path(&target.base_url, &login.post));
    login.into_iter().chain(target.auth.oauth.iter().map(|oauth| oauth.url.clone())).collect()
}

fn build_post(url: Url, content_type: HeaderValue, body: Bytes) -> PreparedRequest {
    let headers = HeaderMap::from_iter([(ACCEPT, JSON), (CONTENT_TYPE, content_type)]);
    PreparedRequest { method: Method::POST, url, headers, body: Some(body) }
}

fn classify_rejection(response: &HttpResponse) -> TransportErrorReason {
    let status = response.status;
    match status {
        429 | 502..=504 => {
            TransportErrorReason::LoginUnavailable { status, retry_after: response.retry_after.clone() }
        }
        _ => TransportErrorReason::LoginRejected { status, oauth_error: find_oauth_error(&response.body) },
    }
}

/// The error code of an OAuth answer, when it is one of the standard's. Anything else may be secret.
fn find_oauth_error(body: &[u8]) -> Option<&'static str> {
    const ERROR_CODES: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let answer: Value = serde_json::from_slice(body).ok()?;
    let word = answer.get("error")?.as_str()?;
    ERROR_CODES.into_iter().find(|known| *known == word)
}

/// The text at a dotted path; the empty path is the answer itself.
fn find_text(answer: &Value, path: &str, names: MemberNameCase) -> Option<String> {
    let same = |own: &str, name: &str| match names {
        MemberNameCase::Exact => own == name,
        MemberNameCase::CaseInsensitive | MemberNameCase::PreserveCase => own.eq_ignore_ascii_case(name),
    };
    let mut at = answer;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        at = at.as_object()?.iter().find(|(own, _)| same(own, name))?.1;
    }
    at.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A lifetime in seconds, which some services write as text. Nothing that is over at once.
fn parse_lifetime(value: &Value) -> Option<Duration> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}
