//! A named connection to an API: where it is, how to authenticate, which wire format, which limits.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::target_connection::{ClientCertificate, TargetConnection};
use crate::kind::{Api, WireFormat};
use crate::value::Value;

/// One target of the workspace, its credentials resolved.
pub struct Target {
    pub name: Arc<str>,
    pub api: Arc<Api>,
    /// Without a slash at the end.
    pub base_url: Url,
    pub format: WireFormat,
    pub auth: TargetAuth,
    pub connection: TargetConnection,
    /// Scope parameters that the target fixes, by name; texts until a kind says their type.
    pub scope: Vec<(Arc<str>, String)>,
    /// The most requests under way at once.
    pub parallelism: u32,
    /// Whether unchanged nested fields ride along with changed ones (see `nested.along` in kind files).
    pub also_send_nested: bool,
    /// Whether personal values of documents are written.
    pub write_personal: bool,
}

/// How requests prove who sends them. Any of these may stand together.
#[derive(Default)]
pub struct TargetAuth {
    pub bearer: Option<SecretString>,
    /// `Authorization: Token …`.
    pub token: Option<SecretString>,
    pub basic: Option<(SecretString, SecretString)>,
    pub headers: Vec<(String, SecretString)>,
    pub query: Vec<(String, SecretString)>,
    pub login: Option<LoginCredentials>,
    pub oauth: Option<OauthGrant>,
    pub client_certificate: Option<ClientCertificate>,
    /// How credentials are read from their sources once more; none where that would change nothing.
    pub renewal: Option<CredentialRenewal>,
}

/// Reads credentials from their sources once more; nothing when a source gives none.
#[derive(Clone)]
pub struct CredentialRenewal(pub Arc<dyn Fn() -> Option<TargetAuth> + Send + Sync>);

impl TargetAuth {
    /// Everything in it that is sent and must not be seen. The one list of credentials: requests, redaction and echoes
    /// use it. The key of a client certificate is not in it, for it is never sent.
    pub fn collect_secrets(&self) -> Vec<SecretString> {
        let pairs = self.basic.iter().flat_map(|(name, password)| [name, password]);
        let login = self.login.iter().flat_map(|login| [&login.username, &login.password]);
        let oauth = self.oauth.iter().flat_map(OauthGrant::list_secrets);
        let named = self.headers.iter().chain(&self.query).map(|(_, value)| value);
        let alone = self.bearer.iter().chain(&self.token);
        alone.chain(pairs).chain(named).chain(login).chain(oauth).cloned().collect()
    }
}

/// A session opened with name and password; the API says where (`login` in `api.yaml`).
pub struct LoginCredentials {
    pub username: SecretString,
    pub password: SecretString,
    pub token_location: TokenLocation,
}

/// How a token from a login travels with each request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenLocation {
    Bearer,
    Header(String),
    Query(String),
    Cookie(String),
}

/// A token from an OAuth grant.
pub struct OauthGrant {
    pub url: Url,
    pub client_id: String,
    pub client_secret: Option<SecretString>,
    pub scope: Option<String>,
    pub grant: OauthGrantType,
}

/// What is given for the token.
pub enum OauthGrantType {
    /// RFC 6749, section 4.3.
    Password { username: SecretString, password: SecretString },
    /// RFC 6749, section 4.4.
    ClientCredentials,
    /// RFC 6749, section 6.
    RefreshToken(SecretString),
}

impl OauthGrantType {
    /// The `grant_type` of RFC 6749.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Password { .. } => "password",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken(_) => "refresh_token",
        }
    }
}

impl OauthGrant {
    fn list_secrets(&self) -> Vec<&SecretString> {
        let given = match &self.grant {
            OauthGrantType::Password { username, password } => vec![username, password],
            OauthGrantType::ClientCredentials => Vec::new(),
            OauthGrantType::RefreshToken(token) => vec![token],
        };
        given.into_iter().chain(&self.client_secret).collect()
    }
}

impl Target {
    /// Whether requests of both reach the same objects: one address, and credentials of one account. At one address,
    /// other credentials can be those of another account with objects of its own.
    pub fn is_same_service(&self, other: &Self) -> bool {
        let client = |own: &Self| own.auth.oauth.as_ref().map(|oauth| oauth.client_id.clone());
        let certificate = |own: &Self| {
            let certificate = own.auth.client_certificate.as_ref();
            certificate.map(|own| own.certificate.expose_secret().to_owned())
        };
        normalize_base_url(&self.base_url) == normalize_base_url(&other.base_url)
            && client(self) == client(other)
            && certificate(self) == certificate(other)
            && self.auth.collect_texts() == other.auth.collect_texts()
    }

    /// Whether the target names the authorities that it trusts. The hosts of an API are right only where the authorities of
    /// the machine vouch for them, so such a target needs its host to be named outside the repository.
    pub fn trusts_own_authorities(&self) -> bool {
        self.connection.certificate_authority.is_some()
    }

    /// The target in messages.
    pub fn describe(&self) -> String {
        match self.trusts_own_authorities() {
            true => format!("target `{}`, which has its own `certificate_authority`,", self.name),
            false => format!("target `{}`", self.name),
        }
    }

    /// What of the connection shapes requests besides the base URL, without any credential.
    pub fn describe_connection(&self) -> Vec<String> {
        let auth = &self.auth;
        let mut parts = vec![format!("format {:?}", self.format).to_lowercase()];
        let schemes = [
            ("bearer", auth.bearer.is_some()),
            ("token", auth.token.is_some()),
            ("basic", auth.basic.is_some()),
            ("client certificate", auth.client_certificate.is_some()),
        ];
        parts.extend(schemes.into_iter().filter(|(_, is_used)| *is_used).map(|(name, _)| name.to_owned()));
        parts.extend(auth.headers.iter().map(|(name, _)| format!("header {name}")));
        parts.extend(auth.query.iter().map(|(name, _)| format!("query {name}")));
        parts.extend(auth.oauth.iter().map(|oauth| format!("oauth {} {}", oauth.grant.as_str(), oauth.url)));
        if let Some(login) = &auth.login {
            let path = self.api.login.as_ref().map_or_else(String::new, |own| own.post.to_string());
            parts.push(format!("login {path}, {:?}", login.token_location));
        }
        parts.extend(self.connection.describe_parts());
        parts
    }

    /// The scope value of that name, read as the kind says.
    pub fn read_scope_value(&self, name: &str, ty: &crate::kind::ScalarType) -> Option<Value> {
        let (_, text) = self.scope.iter().find(|(own, _)| &**own == name)?;
        ty.read_token(crate::kind::scalar::ScalarToken::Plain(text)).ok()
    }
}

impl TargetAuth {
    /// Every credential as a text, to be looked for in what a service echoes.
    pub fn collect_texts(&self) -> Vec<String> {
        self.collect_secrets().iter().map(|secret| secret.expose_secret().to_owned()).collect()
    }
}

/// A base URL as it is the same for one service however its origin is spelled. `Url` has taken care of case and of
/// default ports.
pub fn normalize_base_url(url: &Url) -> String {
    let mut url = url.clone();
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_owned();
            let _ = url.set_host(Some(&name));
            name == "localhost"
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_loopback {
        let _ = url.set_host(Some("localhost"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url.to_string()
}
