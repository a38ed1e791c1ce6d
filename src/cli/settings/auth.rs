//! The credentials of a target: each a slot, never a literal.
//!
//! Read straight from the nodes, before anything else looks at them, so that whatever stands in the place of
//! a credential is veiled and named a plain secret instead of being quoted in some other fault.
//! Deliberately absent: values. `slots` looks them up; [`Auth::with`] puts them in.

use secrecy::SecretString;
use url::Url;

use super::address;
use super::file::SendsFile;
use crate::cli::slots::Secrets;
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::document::read::Reading;
use crate::document::{Slot, slot};
use crate::kind::{Api, AuthWord, read::typed};
use crate::remote::target::{self, TokenPlace};
use crate::yaml::{Data, Entry, Node};

/// How a target's requests prove who sends them, as far as it could be read.
#[derive(Default)]
pub struct Auth {
    pub bearer: Option<Credential>,
    pub token: Option<Credential>,
    pub basic: Option<User>,
    pub headers: Vec<(String, Credential)>,
    pub query: Vec<(String, Credential)>,
    pub login: Option<Login>,
    pub oauth_password: Option<OauthPassword>,
}

/// What a run is to do with its credentials.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Purpose {
    /// Reads alone.
    #[default]
    Read,
    /// Writes, and reads what it is about to write.
    Write,
}

/// The credentials of a target.
pub enum Access {
    /// The same for everything.
    One(Box<Auth>),
    /// Others to read than to write; without the second the target is not written to.
    Apart { read: Box<Auth>, write: Option<Box<Auth>> },
}

impl Default for Access {
    fn default() -> Self {
        Self::One(Box::default())
    }
}

impl Access {
    /// The credentials for a purpose, where there are any for it.
    pub fn to(&self, purpose: Purpose) -> Option<&Auth> {
        match (self, purpose) {
            (Self::One(auth), _) => Some(auth),
            (Self::Apart { read, .. }, Purpose::Read) => Some(read),
            (Self::Apart { write, .. }, Purpose::Write) => write.as_deref(),
        }
    }

    /// Every credential, whatever its purpose.
    pub fn all(&self) -> Vec<&Credential> {
        match self {
            Self::One(auth) => auth.credentials(),
            Self::Apart { read, write } => read
                .credentials()
                .into_iter()
                .chain(write.iter().flat_map(|auth| auth.credentials()))
                .collect(),
        }
    }

    /// What does not go together, or not with this API.
    pub fn check(&mut self, api: &Api, base_url: Option<&Url>, reading: &mut Reading) {
        match self {
            Self::One(auth) => auth.check(api, base_url, reading),
            Self::Apart { read, write } => {
                [Some(read), write.as_mut()]
                    .into_iter()
                    .flatten()
                    .for_each(|auth| auth.check(api, base_url, reading));
            }
        }
    }
}

/// Where a credential comes from, and where that is written.
pub struct Credential {
    pub slot: Slot,
    pub span: Span,
}

/// A name and a password.
pub struct User {
    pub username: Credential,
    pub password: Credential,
}

/// A session that is opened with a name and a password.
pub struct Login {
    pub user: User,
    pub sends: TokenPlace,
}

/// A token from an OAuth password grant.
pub struct OauthPassword {
    /// Once checked, never nothing.
    pub url: Option<Url>,
    /// Once checked, never nothing.
    pub client_id: Option<String>,
    pub client_secret: Option<Credential>,
    pub user: User,
}

/// What of `auth` was read, and the ranges about which everything is said.
pub struct Keyring<'k, 'r> {
    pub reading: &'k mut Reading<'r>,
    pub claimed: Vec<Span>,
}

impl<'k, 'r> Keyring<'k, 'r> {
    /// Reads credentials, telling faults to `reading`.
    pub fn new(reading: &'k mut Reading<'r>) -> Self {
        Self { reading, claimed: Vec::new() }
    }

    /// Everything below `auth`.
    pub fn access(&mut self, node: &Node) -> Access {
        let [read, write] = ["read", "write"].map(|key| node.get(key));
        if read.is_none() && write.is_none() {
            return Access::One(Box::new(self.auth(node)));
        }
        for entry in node.entries().iter().filter(|entry| !matches!(&*entry.key, "read" | "write")) {
            self.reading.veil(entry);
            self.claimed.push(Span { start: entry.key_span.start, end: entry.value.span.end });
            let fault = Diagnostic::error("mixed-auth", "this stands beside `read` or `write`")
                .hint("move it into both of them, or use it alone for everything");
            self.reading.put(entry.key_span, fault);
        }
        if let (None, Some(write)) = (read, write) {
            let fault = Diagnostic::error("missing-key", "`write` stands without `read`")
                .hint("write `read` beside it, or leave both words out and use the same for everything");
            self.reading.put(write.span, fault);
        }
        let [read, write] = [read, write].map(|node| node.map(|node| Box::new(self.inner(node))));
        Access::Apart { read: read.unwrap_or_default(), write }
    }

    fn inner(&mut self, node: &Node) -> Auth {
        for entry in node.entries().iter().filter(|entry| matches!(&*entry.key, "read" | "write")) {
            let fault = Diagnostic::error("mixed-auth", "`read` and `write` do not stand inside each other");
            self.reading.put(entry.key_span, fault.hint("name ways to authenticate here, such as `bearer`"));
        }
        self.auth(node)
    }

    fn auth(&mut self, node: &Node) -> Auth {
        let mut auth = Auth::default();
        for entry in node.entries() {
            let value = &entry.value;
            match &*entry.key {
                "bearer" => auth.bearer = self.credential(entry),
                "token" => auth.token = self.credential(entry),
                "basic" => auth.basic = self.user(value, &[]),
                "headers" => auth.headers = self.named(value),
                "query" => auth.query = self.named(value),
                "login" => auth.login = self.login(value),
                "oauth_password" => auth.oauth_password = self.oauth_password(value),
                _ => self.reading.veil(entry),
            }
        }
        auth
    }

    /// One credential.
    pub fn credential(&mut self, entry: &Entry) -> Option<Credential> {
        let node = &entry.value;
        let slot = match node.data {
            Data::Map(_) => slot::read(node, self.reading),
            // that something is missing here is a matter of form
            _ if node.is_null() => return None,
            _ => {
                self.reading.veil(entry);
                self.reading.put(node.span, slot::plain_secret(&entry.key));
                None
            }
        };
        self.claimed.push(Span { start: entry.key_span.start, end: node.span.end });
        slot.map(|slot| Credential { slot, span: node.span })
    }

    fn named(&mut self, node: &Node) -> Vec<(String, Credential)> {
        let named = |entry: &Entry| Some((entry.key.to_string(), self.credential(entry)?));
        node.entries().iter().filter_map(named).collect()
    }

    /// A name and a password; `beside` are the other words that may stand there.
    fn user(&mut self, node: &Node, beside: &[&str]) -> Option<User> {
        let (mut username, mut password) = (None, None);
        for entry in node.entries() {
            match &*entry.key {
                "username" => username = self.credential(entry),
                "password" => password = self.credential(entry),
                other if beside.contains(&other) => {}
                _ => self.reading.veil(entry),
            }
        }
        Some(User { username: username?, password: password? })
    }

    fn login(&mut self, node: &Node) -> Option<Login> {
        let user = self.user(node, &["sends"]);
        let sends = typed(node.get("sends")?, self.reading.source, &mut Vec::new())?;
        Some(Login { user: user?, sends: token_place(sends) })
    }

    fn oauth_password(&mut self, node: &Node) -> Option<OauthPassword> {
        let user = self.user(node, &["url", "client_id", "client_secret"]);
        let client_secret = node.entries().iter().find(|entry| entry.key == "client_secret");
        let client_secret = client_secret.map(|entry| self.credential(entry));
        let url = node.get("url").filter(|url| !url.is_null());
        // an address that is written and faulty is not made up for by the API's own
        let url = all(url.map(|url| address::read(url, "url", self.reading)))?;
        let client_id = node.get("client_id").filter(|id| !id.is_null()).and_then(Node::scalar);
        let client_secret = client_secret.unwrap_or(None);
        Some(OauthPassword { url, client_id: client_id.map(str::to_owned), client_secret, user: user? })
    }
}

fn token_place(sends: SendsFile) -> TokenPlace {
    match sends {
        SendsFile::Bearer => TokenPlace::Bearer,
        SendsFile::Header(name) => TokenPlace::Header(name),
        SendsFile::Query(name) => TokenPlace::Query(name),
        SendsFile::Cookie(name) => TokenPlace::Cookie(name),
    }
}

impl Auth {
    /// Every credential.
    pub fn credentials(&self) -> Vec<&Credential> {
        let mut all: Vec<&Credential> = self.bearer.iter().chain(&self.token).collect();
        let users = [
            self.basic.as_ref(),
            self.login.as_ref().map(|login| &login.user),
            self.oauth_password.as_ref().map(|oauth| &oauth.user),
        ];
        for user in users.into_iter().flatten() {
            all.extend([&user.username, &user.password]);
        }
        all.extend(self.headers.iter().chain(&self.query).map(|(_, credential)| credential));
        all.extend(self.oauth_password.as_ref().and_then(|oauth| oauth.client_secret.as_ref()));
        all
    }

    /// The ways to authenticate that are used, with where.
    fn words(&self) -> Vec<(AuthWord, Span)> {
        let mut words = Vec::new();
        let mut used = |word, credential: Option<&Credential>| {
            words.extend(credential.map(|credential| (word, credential.span)));
        };
        used(AuthWord::Bearer, self.bearer.as_ref());
        used(AuthWord::Token, self.token.as_ref());
        used(AuthWord::Basic, self.basic.as_ref().map(|user| &user.username));
        used(AuthWord::Headers, self.headers.first().map(|(_, credential)| credential));
        used(AuthWord::Query, self.query.first().map(|(_, credential)| credential));
        used(AuthWord::Login, self.login.as_ref().map(|login| &login.user.username));
        used(AuthWord::OauthPassword, self.oauth_password.as_ref().map(|oauth| &oauth.user.username));
        words
    }

    /// What does not go together, or not with this API. What is left out and the API knows is put in.
    pub fn check(&mut self, api: &Api, base_url: Option<&Url>, reading: &mut Reading) {
        if let (Some(oauth), Some(base_url)) = (&mut self.oauth_password, base_url) {
            oauth.complete(api, base_url, reading);
        }
        self.unlisted(api, reading);
        self.unlisted_headers(api, reading);
        self.one_authorization(reading);
        self.names(reading);
        if let (Some(login), None) = (&self.login, &api.login) {
            let message = format!("the API `{}` does not say how a session is opened", api.name);
            let fault = Diagnostic::error("no-login", message).hint("use another way to authenticate");
            reading.put(login.user.username.span, fault);
        }
    }

    fn unlisted(&self, api: &Api, reading: &mut Reading) {
        for (word, span) in self.words().into_iter().filter(|(word, _)| !api.auth.contains(word)) {
            let message = format!("the API `{}` is not known to take `{}`", api.name, word_of(word));
            let known: Vec<_> = api.auth.iter().map(|word| format!("`{}`", word_of(*word))).collect();
            let mut fault = Diagnostic::warning("unlisted-auth", message);
            fault.hint = (!known.is_empty()).then(|| format!("it is known to take {}", known.join(", ")));
            reading.put(span, fault);
        }
    }

    fn unlisted_headers(&self, api: &Api, reading: &mut Reading) {
        let is_listed = |name: &str| api.auth_headers.iter().any(|known| known.eq_ignore_ascii_case(name));
        if api.auth_headers.is_empty() {
            return;
        }
        for (name, credential) in self.headers.iter().filter(|(name, _)| !is_listed(name)) {
            let message = format!("the API `{}` is not known to take credentials in this header", api.name);
            let mut fault = Diagnostic::warning("unlisted-auth", message);
            fault.hint = did_you_mean(name, api.auth_headers.iter().map(String::as_str));
            reading.put(credential.span, fault);
        }
    }

    /// There is one Authorization header; two that want it would send only one of them.
    fn one_authorization(&self, reading: &mut Reading) {
        let bearer = self.login.as_ref().is_some_and(|login| login.sends == TokenPlace::Bearer);
        let mut wanting: Vec<(&str, Span)> = self
            .words()
            .into_iter()
            .filter(|(word, _)| match word {
                AuthWord::Headers | AuthWord::Query => false,
                AuthWord::Login => bearer,
                _ => true,
            })
            .map(|(word, span)| (word_of(word), span))
            .collect();
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        wanting.extend(header.map(|(_, credential)| ("headers", credential.span)));
        let Some(((first, at), others)) = wanting.split_first().map(|(first, others)| (*first, others))
        else {
            return;
        };
        for (other, span) in others {
            let message = format!("`{first}` and `{other}` both set the Authorization header");
            let also = reading.source.place(at);
            let fault = Diagnostic::error("two-authorizations", message).also(also, "the other one");
            reading.put(*span, fault.hint("keep one of the two"));
        }
    }

    fn names(&self, reading: &mut Reading) {
        let login = self.login.as_ref().map(|login| (&login.sends, login.user.username.span));
        let sent = login.into_iter().filter_map(|(sends, span)| match sends {
            TokenPlace::Header(name) | TokenPlace::Cookie(name) => Some((name, span)),
            TokenPlace::Bearer | TokenPlace::Query(_) => None,
        });
        let headers = self.headers.iter().map(|(name, credential)| (name, credential.span));
        for (_, span) in headers.chain(sent).filter(|(name, _)| !is_token(name)) {
            let fault = Diagnostic::error("bad-header-name", "this is not the name of a header or cookie");
            reading.put(span, fault.hint("letters, digits and hyphens, like X-Api-Key"));
        }
    }

    /// With the values in place; nothing when one of them is unknown, which was reported when it was looked up.
    pub fn with(&self, secrets: &Secrets) -> Option<target::Auth> {
        let value = |credential: &Credential| secrets.get(&credential.slot).cloned();
        let user = |user: &User| Some((value(&user.username)?, value(&user.password)?));
        Some(target::Auth {
            bearer: all(self.bearer.as_ref().map(value))?,
            token: all(self.token.as_ref().map(value))?,
            basic: all(self.basic.as_ref().map(user))?,
            headers: named(&self.headers, value)?,
            query: named(&self.query, value)?,
            login: all(self.login.as_ref().map(|login| {
                let (username, password) = user(&login.user)?;
                Some(target::Login { username, password, sends: login.sends.clone() })
            }))?,
            oauth_password: all(self.oauth_password.as_ref().map(|oauth| {
                let (username, password) = user(&oauth.user)?;
                let client_secret = all(oauth.client_secret.as_ref().map(value))?;
                let (url, client_id) = (oauth.url.clone()?, oauth.client_id.clone()?);
                Some(target::OauthPassword { url, client_id, client_secret, username, password })
            }))?,
        })
    }
}

impl OauthPassword {
    fn complete(&mut self, api: &Api, base_url: &Url, reading: &mut Reading) {
        let own = api.oauth.as_ref();
        let host = base_url.host_str().unwrap_or("");
        let token_url = own.and_then(|own| own.token_urls.get(host));
        self.url = self.url.take().or_else(|| Url::parse(token_url?).ok());
        self.client_id = self.client_id.take().or_else(|| own?.client_id.clone());
        let missing = [("url", self.url.is_none()), ("client_id", self.client_id.is_none())];
        for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
            let message =
                format!("`oauth_password` has no `{key}`, and the API `{}` has none for this host", api.name);
            let fault =
                Diagnostic::error("missing-key", message).hint(format!("write `{key}` beside `username`"));
            reading.put(self.user.username.span, fault);
        }
    }
}

/// Nothing wanted is fine; something wanted and unknown is not.
fn all<T>(wanted: Option<Option<T>>) -> Option<Option<T>> {
    wanted.map_or(Some(None), |known| known.map(Some))
}

fn named(
    credentials: &[(String, Credential)],
    value: impl Fn(&Credential) -> Option<SecretString>,
) -> Option<Vec<(String, SecretString)>> {
    credentials.iter().map(|(name, credential)| Some((name.clone(), value(credential)?))).collect()
}

/// The word in settings.
fn word_of(word: AuthWord) -> &'static str {
    match word {
        AuthWord::Bearer => "bearer",
        AuthWord::Token => "token",
        AuthWord::Basic => "basic",
        AuthWord::Headers => "headers",
        AuthWord::Query => "query",
        AuthWord::Login => "login",
        AuthWord::OauthPassword => "oauth_password",
    }
}

/// The characters that HTTP allows in a name.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
