//! Credentials on their way into requests.
//!
//! Everything a target names is checked when its client is made: that it can be sent at all, that it may go
//! where it would go, and that no two credentials want the same header or query parameter. Values are
//! marked sensitive, so that no layer below prints them or keeps them in a compression table.
//! Deliberately absent: where credentials come from (`cli`), which hosts are allowed (`hosts`), and how
//! tokens are had (`session`).

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::hosts::Allowed;
use super::session::{Opening, Place, Session, Ticket, Way};
use super::target::{Target, TokenPlace};
use super::transport::{Call, Transport};
use crate::diagnostic::Diagnostic;

/// Headers of the transport; a credential or a fixed header of that name would break requests.
const RESERVED: [&str; 12] = [
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

/// All that a target proves itself with.
pub(super) struct Credentials {
    fixed: Arc<Fixed>,
    sessions: Vec<Session>,
    /// As the target names them.
    named: Vec<SecretString>,
}

/// What every request carries: the API's fixed headers, and credentials that never change.
#[derive(Default)]
pub(super) struct Fixed {
    headers: HeaderMap,
    query: Vec<(String, SecretString)>,
}

/// Tokens of all sessions of a target, in their order.
pub(super) type Tickets = Vec<Arc<Ticket>>;

impl Credentials {
    /// The credentials of `target`, whose host was checked before.
    pub(super) fn new(target: &Target, allowed: &Allowed, transport: &Transport) -> Result<Self, Diagnostic> {
        let mut claims = Claims { target: &target.name, taken: HashMap::new() };
        let fixed = Arc::new(claims.fixed(target)?);
        let mut sessions = Vec::new();
        if let Some(login) = &target.auth.login {
            let place = claims.place(&login.sends)?;
            let opening = Opening::login(target, login, Arc::clone(&fixed))?;
            sessions.push(Session::new(transport.clone(), opening, place));
        }
        if let Some(oauth) = &target.auth.oauth_password {
            allowed.check(
                &oauth.url,
                &target.api.hosts,
                &format!("the login of target `{}`", target.name),
            )?;
            claims.header(&AUTHORIZATION, "oauth_password")?;
            let place = Place::Header(AUTHORIZATION, "Bearer ".to_owned());
            sessions.push(Session::new(Transport::to(&oauth.url)?, Opening::oauth(oauth), place));
        }
        Ok(Self { fixed, sessions, named: target.auth.secrets() })
    }

    /// Everything in them that nobody may see, tokens and encoded forms included.
    pub(super) async fn secrets(&self) -> Vec<SecretString> {
        let mut secrets = self.named.clone();
        let encoded = self.fixed.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        secrets.extend(encoded.and_then(|value| value.split_once(' ')).map(|(_, word)| word.into()));
        for session in &self.sessions {
            secrets.extend(session.token().await);
        }
        secrets
    }

    /// A token of every session, asked for where there is none at hand.
    pub(super) async fn tickets(&self, way: Way<'_>) -> Result<Tickets, Failure> {
        let mut tickets = Tickets::new();
        for session in &self.sessions {
            tickets.push(session.ticket(way).await?);
        }
        Ok(tickets)
    }

    /// Tokens other than `used`, which the service refused; none when asking for more is of no use.
    pub(super) async fn renew(&self, used: &Tickets, way: Way<'_>) -> Result<Option<Tickets>, Failure> {
        let mut tickets = Tickets::new();
        for (session, used) in self.sessions.iter().zip(used) {
            match session.renew(used, way).await? {
                Some(ticket) => tickets.push(ticket),
                None => return Ok(None),
            }
        }
        Ok((!tickets.is_empty()).then_some(tickets))
    }

    /// The tokens of the last [`renew`](Self::renew) were taken.
    pub(super) async fn accepted(&self) {
        for session in &self.sessions {
            session.accepted().await;
        }
    }

    /// Puts everything into `call`.
    pub(super) fn dress(&self, call: &mut Call, tickets: &Tickets) {
        self.fixed.dress(call);
        for ticket in tickets {
            ticket.dress(call);
        }
    }

    /// Puts the query parameters into `url` where they are missing, as after a redirect.
    pub(super) fn dress_again(&self, url: &mut Url, tickets: &Tickets) {
        let tokens = tickets.iter().filter_map(|ticket| ticket.query());
        let fixed = self.fixed.query.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in fixed.chain(tokens) {
            if !url.query_pairs().any(|(own, _)| own == name) {
                url.query_pairs_mut().append_pair(name, value.expose_secret());
            }
        }
    }
}

impl Fixed {
    /// Puts everything into `call`.
    pub(super) fn dress(&self, call: &mut Call) {
        for (name, value) in &self.headers {
            call.headers.insert(name, value.clone());
        }
        for (name, value) in &self.query {
            call.url.query_pairs_mut().append_pair(name, value.expose_secret());
        }
    }
}

/// Which headers and query parameters are taken, and by what.
struct Claims<'t> {
    target: &'t str,
    taken: HashMap<String, String>,
}

impl Claims<'_> {
    fn fixed(&mut self, target: &Target) -> Result<Fixed, Diagnostic> {
        let mut fixed = Fixed::default();
        for (name, value) in &target.api.headers {
            let name = self.named(name, "a header of the API")?;
            let value =
                HeaderValue::from_str(value).map_err(|_| self.unfit("the fixed headers of the API"))?;
            fixed.headers.insert(name, value);
        }
        let auth = &target.auth;
        if let Some(secret) = &auth.bearer {
            self.authorization(&mut fixed, "bearer", "Bearer ", secret)?;
        }
        if let Some(secret) = &auth.token {
            self.authorization(&mut fixed, "token", "Token ", secret)?;
        }
        if let Some((username, password)) = &auth.basic {
            let pair = self.basic(username, password)?;
            self.authorization(&mut fixed, "basic", "Basic ", &pair)?;
        }
        for (name, secret) in &auth.headers {
            let name = self.named(name, "headers")?;
            let value = sensitive("", secret).ok_or_else(|| self.unfit("headers"))?;
            fixed.headers.insert(name, value);
        }
        for (name, secret) in &auth.query {
            self.claim(format!("the query parameter `{name}`"), "query")?;
            fixed.query.push((name.clone(), secret.clone()));
        }
        Ok(fixed)
    }

    fn authorization(
        &mut self,
        fixed: &mut Fixed,
        what: &str,
        scheme: &str,
        secret: &SecretString,
    ) -> Result<(), Diagnostic> {
        self.header(&AUTHORIZATION, what)?;
        let value = sensitive(scheme, secret).ok_or_else(|| self.unfit(what))?;
        fixed.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    fn basic(&self, username: &SecretString, password: &SecretString) -> Result<SecretString, Diagnostic> {
        let (username, password) = (username.expose_secret(), password.expose_secret());
        if username.is_empty() || username.contains(':') {
            // the first colon ends the name (RFC 7617), so the service would read another one
            return Err(self.unfit("basic"));
        }
        let pair = Zeroizing::new(format!("{username}:{password}"));
        Ok(BASE64_STANDARD.encode(pair.as_bytes()).into())
    }

    fn place(&mut self, sends: &TokenPlace) -> Result<Place, Diagnostic> {
        match sends {
            TokenPlace::Bearer => {
                self.header(&AUTHORIZATION, "login")?;
                Ok(Place::Header(AUTHORIZATION, "Bearer ".to_owned()))
            }
            TokenPlace::Header(name) => Ok(Place::Header(self.named(name, "login")?, String::new())),
            TokenPlace::Query(name) => {
                self.claim(format!("the query parameter `{name}`"), "login")?;
                Ok(Place::Query(name.clone()))
            }
            TokenPlace::Cookie(name) => {
                // the names of cookies and of headers are made of the same characters
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| self.no_header(name))?;
                self.header(&COOKIE, "login")?;
                Ok(Place::Header(COOKIE, format!("{name}=")))
            }
        }
    }

    fn named(&mut self, name: &str, what: &str) -> Result<HeaderName, Diagnostic> {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| self.no_header(name))?;
        if RESERVED.contains(&header.as_str()) {
            return Err(self.no_header(name));
        }
        self.header(&header, what)?;
        Ok(header)
    }

    fn header(&mut self, name: &HeaderName, what: &str) -> Result<(), Diagnostic> {
        self.claim(format!("the header `{name}`"), what)
    }

    fn claim(&mut self, slot: String, what: &str) -> Result<(), Diagnostic> {
        let Some(other) = self.taken.insert(slot.clone(), what.to_owned()) else { return Ok(()) };
        let message = format!("`{other}` and `{what}` of target `{}` both want {slot}", self.target);
        Err(Diagnostic::error("auth-conflict", message).hint("keep one of them"))
    }

    fn no_header(&self, name: &str) -> Diagnostic {
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let message = format!("target `{}` cannot send a header or cookie named `{name}`", self.target);
        Diagnostic::error("invalid-header", message)
            .hint("use letters, digits and `-`; some names belong to HTTP itself")
    }

    fn unfit(&self, what: &str) -> Diagnostic {
        let message = format!("`{what}` of target `{}` is empty or cannot be sent in a header", self.target);
        Diagnostic::error("invalid-credential", message)
            .hint("look for a line break at its end, or a missing value")
    }
}

/// A header value that nobody prints; `None` when it is empty or no header can carry it.
pub(super) fn sensitive(before: &str, secret: &SecretString) -> Option<HeaderValue> {
    let secret = secret.expose_secret();
    let text = Zeroizing::new(format!("{before}{secret}"));
    let mut value = HeaderValue::from_str(&text).ok().filter(|_| !secret.trim().is_empty())?;
    value.set_sensitive(true);
    Some(value)
}
