//! The credentials of a target: each a source, never a literal.
//!
//! Read straight from the nodes, before anything else looks at them, so that a literal in the place of a credential
//! is redacted and reported as a plain secret instead of being quoted in another error.
//! Deliberately absent: values. `secrets` reads them; [`AuthSettings::resolve_secrets`] puts them in.

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::document::source_reader::SourceReader;
use crate::document::{ValueSource, value_source};
use crate::kind::read::read_typed;
use crate::kind::{Api, AuthScheme};
use crate::output_filter::hide_texts;
use crate::remote::target;
use crate::remote::target::TokenLocation;
use crate::remote::target_connection::ClientCertificate;
use crate::workspace::secrets::{self, ResolvedSecrets, SecretEnvironment};
use crate::workspace::settings::address;
use crate::workspace::settings::file::SendsFile;
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// How a target's requests prove who sends them, as far as it could be read.
#[derive(Clone, Default)]
pub struct AuthSettings {
    pub bearer: Option<CredentialSource>,
    pub token: Option<CredentialSource>,
    pub basic: Option<UserCredentials>,
    pub headers: Vec<(String, CredentialSource)>,
    pub query: Vec<(String, CredentialSource)>,
    pub login: Option<LoginSettings>,
    pub oauth: Option<OauthSettings>,
    /// The certificate that is presented.
    pub client_certificate: Option<CredentialSource>,
    /// Once checked, there is one exactly where there is a certificate.
    pub client_key: Option<CredentialSource>,
}

/// What a run is to do with its credentials.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CredentialPurpose {
    /// Reads alone.
    #[default]
    Read,
    /// Writes, and reads what it is about to write.
    Write,
}

/// The credentials of a target.
pub enum AccessSettings {
    /// The same for everything.
    Shared(Box<AuthSettings>),
    /// Others to read than to write; without the second the target is not written to.
    Separate { read: Box<AuthSettings>, write: Option<Box<AuthSettings>> },
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self::Shared(Box::default())
    }
}

impl AccessSettings {
    /// The credentials for a purpose, where there are any for it.
    pub fn select_auth(&self, purpose: CredentialPurpose) -> Option<&AuthSettings> {
        match (self, purpose) {
            (Self::Shared(auth), _) => Some(auth),
            (Self::Separate { read, .. }, CredentialPurpose::Read) => Some(read),
            (Self::Separate { write, .. }, CredentialPurpose::Write) => write.as_deref(),
        }
    }

    /// Every credential, whatever its purpose.
    pub fn list_credentials(&self) -> Vec<&CredentialSource> {
        match self {
            Self::Shared(auth) => auth.list_credentials(),
            Self::Separate { read, write } => read
                .list_credentials()
                .into_iter()
                .chain(write.iter().flat_map(|auth| auth.list_credentials()))
                .collect(),
        }
    }

    /// Where an error of this code is caused, when that is at a client certificate.
    pub fn find_span(&self, code: &str) -> Option<SourceSpan> {
        let find = |auth: &AuthSettings| match code {
            "invalid-client-certificate" => auth.client_certificate.clone(),
            "invalid-client-key" | "client-key-mismatch" => auth.client_key.clone(),
            _ => None,
        };
        match self {
            Self::Shared(auth) => find(auth),
            Self::Separate { read, write } => {
                let (read, write) = (find(read), write.as_deref().and_then(find));
                // which of two is wrong is not known here
                if read.is_some() && write.is_some() { None } else { read.or(write) }
            }
        }
        .map(|own| own.span)
    }

    /// Whether both authenticate one account, as far as their sources tell: to read, or to write.
    pub fn is_same_account(&self, other: &Self) -> bool {
        let parts = |own: &Self, purpose| own.select_auth(purpose).map(AuthSettings::list_account_parts);
        [CredentialPurpose::Read, CredentialPurpose::Write].into_iter().any(|purpose| {
            let own = parts(self, purpose);
            own.is_some() && own == parts(other, purpose)
        })
    }

    /// What does not go together, or not with this API.
    pub fn check_auth(&mut self, api: &Api, base_url: Option<&Url>, reading: &mut SourceReader) {
        match self {
            Self::Shared(auth) => auth.check_auth(api, base_url, reading),
            Self::Separate { read, write } => {
                [Some(read), write.as_mut()]
                    .into_iter()
                    .flatten()
                    .for_each(|auth| auth.check_auth(api, base_url, reading));
            }
        }
    }
}

/// Where a credential comes from, and where that is written.
#[derive(Clone)]
pub struct CredentialSource {
    pub source: ValueSource,
    pub span: SourceSpan,
}

/// A name and a password.
#[derive(Clone)]
pub struct UserCredentials {
    pub username: CredentialSource,
    pub password: CredentialSource,
}

/// A session that is opened with a name and a password.
#[derive(Clone)]
pub struct LoginSettings {
    pub user: UserCredentials,
    pub token_place: TokenLocation,
}

/// A token from an OAuth grant.
#[derive(Clone)]
pub struct OauthSettings {
    pub scheme: AuthScheme,
    /// Where the grant is written.
    pub span: SourceSpan,
    /// Once checked, never nothing.
    pub url: Option<Url>,
    /// Once checked, never nothing.
    pub client_id: Option<String>,
    pub scope: Option<String>,
    pub client_secret: Option<CredentialSource>,
    /// With a password grant.
    pub user: Option<UserCredentials>,
    /// With a refresh token grant.
    pub refresh_token: Option<CredentialSource>,
}

/// What of `auth` was read, and the ranges about which everything is said.
pub struct CredentialReader<'k, 'r> {
    pub reading: &'k mut SourceReader<'r>,
    pub claimed_spans: Vec<SourceSpan>,
}

impl<'k, 'r> CredentialReader<'k, 'r> {
    /// Reads credentials, telling faults to `reading`.
    pub fn new(reading: &'k mut SourceReader<'r>) -> Self {
        Self { reading, claimed_spans: Vec::new() }
    }

    /// Everything below `auth`.
    pub fn read_access(&mut self, node: &YamlNode) -> AccessSettings {
        let [read, write] = ["read", "write"].map(|key| node.get_value(key));
        if read.is_none() && write.is_none() {
            return AccessSettings::Shared(Box::new(self.read_auth(node)));
        }
        for entry in node.entries().iter().filter(|entry| !matches!(&*entry.key, "read" | "write")) {
            self.reading.redact_entry(entry);
            self.claimed_spans.push(SourceSpan { start: entry.key_span.start, end: entry.value.span.end });
            let fault = Diagnostic::error("mixed-auth", "this is beside `read` or `write`")
                .with_hint("move it into both of them, or use it alone for everything");
            self.reading.add_diagnostic(entry.key_span, fault);
        }
        if let (None, Some(write)) = (read, write) {
            let fault = Diagnostic::error("missing-key", "`write` stands without `read`")
                .with_hint("write `read` beside it, or leave both words out and use the same for everything");
            self.reading.add_diagnostic(write.span, fault);
        }
        let [read, write] = [read, write].map(|node| node.map(|node| Box::new(self.read_inner_auth(node))));
        AccessSettings::Separate { read: read.unwrap_or_default(), write }
    }

    fn read_inner_auth(&mut self, node: &YamlNode) -> AuthSettings {
        for entry in node.entries().iter().filter(|entry| matches!(&*entry.key, "read" | "write")) {
            let fault = Diagnostic::error("mixed-auth", "`read` and `write` do not stand inside each other");
            self.reading.add_diagnostic(
                entry.key_span,
                fault.with_hint("name ways to authenticate here, such as `bearer`"),
            );
        }
        self.read_auth(node)
    }

    fn read_auth(&mut self, node: &YamlNode) -> AuthSettings {
        let mut auth = AuthSettings::default();
        for entry in node.entries() {
            let value = &entry.value;
            match &*entry.key {
                "bearer" => auth.bearer = self.read_credential(entry),
                "token" => auth.token = self.read_credential(entry),
                "basic" => auth.basic = self.read_user(value, &[]),
                "headers" => auth.headers = self.read_named_credentials(value),
                "query" => auth.query = self.read_named_credentials(value),
                "login" => auth.login = self.read_login(value),
                "client_certificate" => auth.client_certificate = self.read_credential(entry),
                "client_key" => auth.client_key = self.read_credential(entry),
                "oauth_password" | "oauth_client_credentials" | "oauth_refresh_token" => {
                    self.read_oauth_entry(entry, &mut auth);
                }
                _ => self.reading.redact_entry(entry),
            }
        }
        auth
    }

    /// One credential.
    pub fn read_credential(&mut self, entry: &YamlEntry) -> Option<CredentialSource> {
        let node = &entry.value;
        let slot = match node.data {
            YamlData::Mapping(_) => value_source::read_source(node, self.reading),
            // that the expression is incomplete is a matter of form
            _ if node.is_null() => return None,
            _ => {
                self.reading.redact_entry(entry);
                self.reading.add_diagnostic(node.span, value_source::diagnose_plain_secret(&entry.key));
                None
            }
        };
        self.claimed_spans.push(SourceSpan { start: entry.key_span.start, end: node.span.end });
        slot.map(|slot| CredentialSource { source: slot, span: node.span })
    }

    fn read_named_credentials(&mut self, node: &YamlNode) -> Vec<(String, CredentialSource)> {
        let named = |entry: &YamlEntry| Some((entry.key.to_string(), self.read_credential(entry)?));
        node.entries().iter().filter_map(named).collect()
    }

    /// A name and a password; `beside` are the other words that may stand there.
    fn read_user(&mut self, node: &YamlNode, beside: &[&str]) -> Option<UserCredentials> {
        let (mut username, mut password) = (None, None);
        for entry in node.entries() {
            match &*entry.key {
                "username" => username = self.read_credential(entry),
                "password" => password = self.read_credential(entry),
                other if beside.contains(&other) => {}
                _ => self.reading.redact_entry(entry),
            }
        }
        Some(UserCredentials { username: username?, password: password? })
    }

    fn read_login(&mut self, node: &YamlNode) -> Option<LoginSettings> {
        let user = self.read_user(node, &["sends"]);
        let sends = read_typed(node.get_value("sends")?, self.reading.source, &mut Vec::new())?;
        Some(LoginSettings { user: user?, token_place: to_token_place(sends) })
    }

    fn read_oauth_entry(&mut self, entry: &YamlEntry, auth: &mut AuthSettings) {
        let scheme = match &*entry.key {
            "oauth_client_credentials" => AuthScheme::OauthClientCredentials,
            "oauth_refresh_token" => AuthScheme::OauthRefreshToken,
            _ => AuthScheme::OauthPassword,
        };
        let grant = self.read_oauth(&entry.value, scheme);
        if let (Some(first), Some(second)) = (&auth.oauth, &grant) {
            let also = self.reading.source.locate_span(first.span);
            let fault = Diagnostic::error(
                "conflicting-authorization",
                "two grants both set the Authorization header",
            )
            .with_related(also, "the other one");
            self.reading.add_diagnostic(second.span, fault.with_hint("keep one of the two"));
        }
        auth.oauth = grant.or(auth.oauth.take());
    }

    fn read_oauth(&mut self, node: &YamlNode, scheme: AuthScheme) -> Option<OauthSettings> {
        let mut credentials: [Option<CredentialSource>; 4] = Default::default();
        for entry in node.entries() {
            let names = ["username", "password", "client_secret", "refresh_token"];
            match names.iter().position(|name| entry.key == *name) {
                Some(at) => credentials[at] = self.read_credential(entry),
                None if ["url", "client_id", "scope"].contains(&&*entry.key) => {}
                None => self.reading.redact_entry(entry),
            }
        }
        let [username, password, client_secret, refresh_token] = credentials;
        let url = node.get_value("url").filter(|url| !url.is_null());
        // an address that is written and faulty is not made up for by the API's own
        let url = resolve_optional(url.map(|url| address::read_url(url, "url", self.reading)))?;
        let text = |key| node.get_value(key).filter(|text| !text.is_null()).and_then(YamlNode::as_scalar);
        let user = username.zip(password).map(|(username, password)| UserCredentials { username, password });
        // what a grant needs and lacks is a matter of form
        let is_complete = match scheme {
            AuthScheme::OauthPassword => user.is_some(),
            AuthScheme::OauthClientCredentials => client_secret.is_some(),
            _ => refresh_token.is_some(),
        };
        is_complete.then(|| OauthSettings {
            scheme,
            span: SourceSpan { end: node.span.start, ..node.span },
            url,
            client_id: text("client_id").map(str::to_owned),
            scope: text("scope").map(str::to_owned),
            client_secret,
            user,
            refresh_token,
        })
    }
}

fn to_token_place(sends: SendsFile) -> TokenLocation {
    match sends {
        SendsFile::Bearer => TokenLocation::Bearer,
        SendsFile::Header(name) => TokenLocation::Header(name),
        SendsFile::Query(name) => TokenLocation::Query(name),
        SendsFile::Cookie(name) => TokenLocation::Cookie(name),
    }
}

impl AuthSettings {
    /// The users for whom requests are sent.
    fn list_users(&self) -> impl Iterator<Item = &UserCredentials> {
        let login = self.login.iter().map(|login| &login.user);
        self.basic.iter().chain(login).chain(self.oauth.iter().filter_map(|oauth| oauth.user.as_ref()))
    }

    /// The sources of user names.
    pub fn list_user_names(&self) -> Vec<&CredentialSource> {
        self.list_users().map(|user| &user.username).collect()
    }

    /// Every credential.
    pub fn list_credentials(&self) -> Vec<&CredentialSource> {
        let mut all: Vec<&CredentialSource> = self.bearer.iter().chain(&self.token).collect();
        for user in self.list_users() {
            all.extend([&user.username, &user.password]);
        }
        all.extend(self.headers.iter().chain(&self.query).map(|(_, credential)| credential));
        let oauth = self.oauth.iter().flat_map(|oauth| [&oauth.client_secret, &oauth.refresh_token]);
        all.extend(oauth.flatten());
        all.extend(self.client_certificate.iter().chain(&self.client_key));
        all
    }

    /// What says for which account requests are sent.
    fn list_account_parts(&self) -> (Vec<ValueSource>, Option<String>) {
        let sources = self.list_credentials().into_iter().map(|own| own.source.clone()).collect();
        (sources, self.oauth.as_ref().and_then(|oauth| oauth.client_id.clone()))
    }

    /// With the values in place; nothing when one of them is unknown, which was reported when it was looked up.
    pub fn resolve_secrets(&self, secrets: &ResolvedSecrets) -> Option<target::TargetAuth> {
        let value = |credential: &CredentialSource| secrets.get(&credential.source).cloned();
        let user = |user: &UserCredentials| Some((value(&user.username)?, value(&user.password)?));
        Some(target::TargetAuth {
            bearer: resolve_optional(self.bearer.as_ref().map(value))?,
            token: resolve_optional(self.token.as_ref().map(value))?,
            basic: resolve_optional(self.basic.as_ref().map(user))?,
            headers: resolve_named(&self.headers, value)?,
            query: resolve_named(&self.query, value)?,
            login: resolve_optional(self.login.as_ref().map(|login| {
                let (username, password) = user(&login.user)?;
                Some(target::LoginCredentials {
                    username,
                    password,
                    token_location: login.token_place.clone(),
                })
            }))?,
            oauth: resolve_optional(self.oauth.as_ref().map(|oauth| {
                let grant = match oauth.scheme {
                    AuthScheme::OauthClientCredentials => target::OauthGrantType::ClientCredentials,
                    AuthScheme::OauthRefreshToken => {
                        target::OauthGrantType::RefreshToken(value(oauth.refresh_token.as_ref()?)?)
                    }
                    _ => {
                        let (username, password) = user(oauth.user.as_ref()?)?;
                        target::OauthGrantType::Password { username, password }
                    }
                };
                let client_secret = resolve_optional(oauth.client_secret.as_ref().map(value))?;
                let (url, client_id) = (oauth.url.clone()?, oauth.client_id.clone()?);
                Some(target::OauthGrant { url, client_id, client_secret, scope: oauth.scope.clone(), grant })
            }))?,
            client_certificate: resolve_optional(
                self.client_certificate.as_ref().zip(self.client_key.as_ref()).map(|(certificate, key)| {
                    Some(ClientCertificate { certificate: value(certificate)?, key: value(key)? })
                }),
            )?,
            renewal: None,
        })
    }

    /// The same, able to run the programs and providers among the sources once more. What they print then is hidden in
    /// outputs like the rest.
    pub fn resolve_renewable(
        &self,
        secrets: &ResolvedSecrets,
        secret_environment: &SecretEnvironment,
    ) -> Option<target::TargetAuth> {
        let resolved = self.resolve_secrets(secrets)?;
        let is_renewable = self.list_credentials().iter().any(|own| is_program(&own.source));
        let (auth, root, providers) =
            (self.clone(), secret_environment.root.to_owned(), secret_environment.providers.to_vec());
        let renewal = move || {
            let sources = auth.list_credentials().into_iter().map(|own| own.source.clone());
            let process = SecretEnvironment::from_process(&root);
            let secrets =
                secrets::read_sources_again(sources, &SecretEnvironment { providers: &providers, ..process });
            let is_name =
                |source: &ValueSource| auth.list_user_names().iter().any(|own| own.source == *source);
            hide_texts(secrets.list_texts(|source| is_program(source) && !is_name(source)));
            auth.resolve_secrets(&secrets)
        };
        let renewal = is_renewable.then(|| target::CredentialRenewal(Arc::new(renewal)));
        Some(target::TargetAuth { renewal, ..resolved })
    }
}

/// Whether a program prints the value, which can be another one each time.
fn is_program(source: &ValueSource) -> bool {
    matches!(source, ValueSource::Command(_) | ValueSource::Provider(..))
}

/// Nothing wanted is fine; something wanted and unknown is not.
fn resolve_optional<T>(wanted: Option<Option<T>>) -> Option<Option<T>> {
    wanted.map_or(Some(None), |known| known.map(Some))
}

fn resolve_named(
    credentials: &[(String, CredentialSource)],
    value: impl Fn(&CredentialSource) -> Option<SecretString>,
) -> Option<Vec<(String, SecretString)>> {
    credentials.iter().map(|(name, credential)| Some((name.clone(), value(credential)?))).collect()
}
