//! Credentials on their way into requests.
//!
//! Everything a target names is checked when its client is made: that it can be sent at all, that it may go
//! where it would go, and that no two credentials want the same header or query parameter. Values are
//! marked sensitive, so that no layer below prints them or keeps them in a compression table.
//! Credentials that a service refuses are read from their sources once more, where a source may give others.
//! Deliberately absent: where credentials come from (`workspace`), which hosts are allowed (`hosts`), and how
//! tokens are had (`session`).

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

use super::connection_options::ConnectionOptions;
use super::hosts::AllowedHosts;
use super::request_parts::{StaticRequestParts, build_sensitive_header, set_query_parameter};
use super::session::{AccessToken, GrantFlow, LoginContext, LoginSession, TokenParameter};
use super::target::{CredentialRenewal, Target, TargetAuth, TokenLocation};
use super::transport::{HostConnection, PreparedRequest};
use super::transport_error::TransportError;
use crate::diagnostic::Diagnostic;
use crate::kind::Api;

/// Headers of the transport; a credential or a fixed header of that name would break requests.
const RESERVED_HEADERS: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// New credentials in a row that may be refused at once, until 401 is taken for what it says.
const MAX_REJECTED_RENEWALS: u32 = 3;

/// All that a target proves itself with.
pub(super) struct TargetCredentials {
    target: Arc<str>,
    api: Arc<Api>,
    state: Mutex<StaticState>,
    renewal: Option<CredentialRenewal>,
    sessions: Vec<LoginSession>,
}

/// The credentials that need no login, as they were read last.
struct StaticState {
    parts: Arc<StaticRequestParts>,
    /// All that were read so far, as the target names them.
    configured_secrets: Vec<SecretString>,
    rejected_renewals: u32,
}

/// What one request proves itself with.
pub(super) struct RequestCredentials {
    static_parts: Arc<StaticRequestParts>,
    /// Of all sessions of a target, in their order.
    tokens: Vec<Arc<AccessToken>>,
}

impl TargetCredentials {
    /// The credentials of `target`, whose host was checked before.
    pub(super) fn new(
        target: &Target,
        allowed: &AllowedHosts,
        transport: &HostConnection,
        options: &ConnectionOptions,
    ) -> Result<Self, Diagnostic> {
        let mut claims = UsedParameters { target: &target.name, owners: HashMap::new() };
        let fixed = Arc::new(claims.build_static_parts(&target.api, &target.auth)?);
        let mut sessions = Vec::new();
        if let Some(login) = &target.auth.login {
            let place = claims.build_token_parameter(&login.token_location)?;
            let opening = GrantFlow::from_login(target, login, Arc::clone(&fixed))?;
            allowed.check_described_login(target, opening.url())?;
            sessions.push(LoginSession::new(transport.clone(), opening, place));
        }
        if let Some(oauth) = &target.auth.oauth {
            allowed.check_token_url(target, &oauth.url)?;
            claims.reserve_header(&AUTHORIZATION, "oauth")?;
            let place = TokenParameter::Header(AUTHORIZATION, "Bearer ".to_owned());
            sessions.push(LoginSession::new(
                HostConnection::new(&oauth.url, options)?,
                GrantFlow::from_oauth(oauth),
                place,
            ));
        }
        let state = StaticState {
            parts: fixed,
            configured_secrets: target.auth.collect_secrets(),
            rejected_renewals: 0,
        };
        Ok(Self {
            target: Arc::clone(&target.name),
            api: Arc::clone(&target.api),
            state: Mutex::new(state),
            renewal: target.auth.renewal.clone(),
            sessions,
        })
    }

    /// Everything in them that no one may see, tokens and encoded forms included.
    pub(super) async fn collect_secrets(&self) -> Vec<SecretString> {
        let (mut secrets, parts) = {
            let state = self.state.lock().await;
            (state.configured_secrets.clone(), Arc::clone(&state.parts))
        };
        let encoded = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        secrets.extend(encoded.and_then(|value| value.split_once(' ')).map(|(_, word)| word.into()));
        for session in &self.sessions {
            secrets.extend(session.read_secret().await);
        }
        secrets
    }

    /// The credentials of a request; a token is asked for where there is none at hand.
    pub(super) async fn acquire(&self, way: LoginContext<'_>) -> Result<RequestCredentials, TransportError> {
        let mut tokens = Vec::new();
        for session in &self.sessions {
            tokens.push(session.acquire_token(way).await?);
        }
        Ok(RequestCredentials { static_parts: Arc::clone(&self.state.lock().await.parts), tokens })
    }

    /// Other credentials than `used`, which the service refused; none when asking for more is of no use.
    pub(super) async fn renew(
        &self,
        used: &RequestCredentials,
        way: LoginContext<'_>,
    ) -> Result<Option<RequestCredentials>, TransportError> {
        let renewed_parts = self.renew_static_parts(&used.static_parts).await;
        let mut tokens = Vec::new();
        for (session, used) in self.sessions.iter().zip(&used.tokens) {
            match session.renew_token(used, way).await? {
                Some(token) => tokens.push(token),
                None => return Ok(None),
            }
        }
        let is_new = renewed_parts.is_some() || !tokens.is_empty();
        let static_parts = renewed_parts.unwrap_or_else(|| Arc::clone(&used.static_parts));
        Ok(is_new.then_some(RequestCredentials { static_parts, tokens }))
    }

    /// What the sources give by now, read once however many requests were refused.
    async fn renew_static_parts(&self, used: &Arc<StaticRequestParts>) -> Option<Arc<StaticRequestParts>> {
        let renewal = self.renewal.clone()?;
        let mut state = self.state.lock().await;
        if !Arc::ptr_eq(&state.parts, used) {
            return Some(Arc::clone(&state.parts));
        }
        if state.rejected_renewals >= MAX_REJECTED_RENEWALS {
            return None;
        }
        state.rejected_renewals += 1;
        let auth = tokio::task::spawn_blocking(move || (renewal.0)()).await.ok()??;
        let mut used = UsedParameters { target: &self.target, owners: HashMap::new() };
        state.parts = Arc::new(used.build_static_parts(&self.api, &auth).ok()?);
        state.configured_secrets.extend(auth.collect_secrets());
        Some(Arc::clone(&state.parts))
    }

    /// The credentials of the last [`renew`](Self::renew) were taken.
    pub(super) async fn confirm_renewal(&self) {
        self.state.lock().await.rejected_renewals = 0;
        for session in &self.sessions {
            session.confirm_renewal().await;
        }
    }
}

impl RequestCredentials {
    /// Puts everything into `call`.
    pub(super) fn apply_auth(&self, call: &mut PreparedRequest) {
        self.static_parts.apply_auth(call);
        for token in &self.tokens {
            token.apply_auth(call);
        }
    }

    /// Puts the query parameters into `url`, as after a redirect.
    pub(super) fn restore_query_auth(&self, url: &mut Url) {
        let tokens = self.tokens.iter().filter_map(|token| token.query_parameter());
        let fixed = self.static_parts.query.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in fixed.chain(tokens) {
            set_query_parameter(url, name, value);
        }
    }
}

/// Which headers and query parameters are taken, and by what.
struct UsedParameters<'t> {
    target: &'t str,
    owners: HashMap<String, String>,
}

impl UsedParameters<'_> {
    fn build_static_parts(&mut self, api: &Api, auth: &TargetAuth) -> Result<StaticRequestParts, Diagnostic> {
        let mut fixed = StaticRequestParts::default();
        for (name, value) in &api.headers {
            let name = self.reserve_named_header(name, "a header of the API")?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| self.build_value_error("the fixed headers of the API"))?;
            fixed.headers.insert(name, value);
        }
        if let Some(secret) = &auth.bearer {
            self.set_authorization(&mut fixed, "bearer", "Bearer ", secret)?;
        }
        if let Some(secret) = &auth.token {
            self.set_authorization(&mut fixed, "token", "Token ", secret)?;
        }
        if let Some((username, password)) = &auth.basic {
            let pair = self.encode_basic(username, password)?;
            self.set_authorization(&mut fixed, "basic", "Basic ", &pair)?;
        }
        for (name, secret) in &auth.headers {
            let name = self.reserve_named_header(name, "headers")?;
            let value =
                build_sensitive_header("", secret).ok_or_else(|| self.build_value_error("headers"))?;
            fixed.headers.insert(name, value);
        }
        for (name, secret) in &auth.query {
            self.reserve_parameter(format!("the query parameter `{name}`"), "query")?;
            fixed.query.push((name.clone(), secret.clone()));
        }
        Ok(fixed)
    }

    fn set_authorization(
        &mut self,
        fixed: &mut StaticRequestParts,
        what: &str,
        scheme: &str,
        secret: &SecretString,
    ) -> Result<(), Diagnostic> {
        self.reserve_header(&AUTHORIZATION, what)?;
        let value = build_sensitive_header(scheme, secret).ok_or_else(|| self.build_value_error(what))?;
        fixed.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    fn encode_basic(
        &self,
        username: &SecretString,
        password: &SecretString,
    ) -> Result<SecretString, Diagnostic> {
        let (username, password) = (username.expose_secret(), password.expose_secret());
        if username.is_empty() || username.contains(':') {
            // the first colon ends the name (RFC 7617), so the service would read another one
            return Err(self.build_value_error("basic"));
        }
        let pair = Zeroizing::new(format!("{username}:{password}"));
        Ok(BASE64_STANDARD.encode(pair.as_bytes()).into())
    }

    fn build_token_parameter(&mut self, sends: &TokenLocation) -> Result<TokenParameter, Diagnostic> {
        match sends {
            TokenLocation::Bearer => {
                self.reserve_header(&AUTHORIZATION, "login")?;
                Ok(TokenParameter::Header(AUTHORIZATION, "Bearer ".to_owned()))
            }
            TokenLocation::Header(name) => {
                Ok(TokenParameter::Header(self.reserve_named_header(name, "login")?, String::new()))
            }
            TokenLocation::Query(name) => {
                self.reserve_parameter(format!("the query parameter `{name}`"), "login")?;
                Ok(TokenParameter::Query(name.clone()))
            }
            TokenLocation::Cookie(name) => {
                // the names of cookies and of headers are made of the same characters
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| self.build_header_error(name))?;
                self.reserve_header(&COOKIE, "login")?;
                Ok(TokenParameter::Header(COOKIE, format!("{name}=")))
            }
        }
    }

    fn reserve_named_header(&mut self, name: &str, what: &str) -> Result<HeaderName, Diagnostic> {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| self.build_header_error(name))?;
        if RESERVED_HEADERS.contains(&header.as_str()) {
            return Err(self.build_header_error(name));
        }
        self.reserve_header(&header, what)?;
        Ok(header)
    }

    fn reserve_header(&mut self, name: &HeaderName, what: &str) -> Result<(), Diagnostic> {
        self.reserve_parameter(format!("the header `{name}`"), what)
    }

    fn reserve_parameter(&mut self, slot: String, what: &str) -> Result<(), Diagnostic> {
        let Some(other) = self.owners.insert(slot.clone(), what.to_owned()) else { return Ok(()) };
        let message = format!("`{other}` and `{what}` of target `{}` both want {slot}", self.target);
        Err(Diagnostic::error("auth-conflict", message).with_hint("keep one of them"))
    }

    fn build_header_error(&self, name: &str) -> Diagnostic {
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let message = format!("target `{}` cannot send a header or cookie named `{name}`", self.target);
        Diagnostic::error("invalid-header", message)
            .with_hint("use letters, digits and `-`; some names belong to HTTP itself")
    }

    fn build_value_error(&self, what: &str) -> Diagnostic {
        let message = format!("`{what}` of target `{}` is empty or cannot be sent in a header", self.target);
        Diagnostic::error("invalid-credential", message)
            .with_hint("look for a line break at its end, or a missing value")
    }
}
