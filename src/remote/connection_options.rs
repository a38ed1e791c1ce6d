//! How connections of a target are made: whom they trust, what they present, through which proxy.
//!
//! A target may trust authorities of its own in place of those of the machine, present a client certificate, and use a
//! proxy that was allowed outside the repository. All of it is checked before the first request, so a key that does not
//! fit its certificate is an error of the settings. Errors repeat nothing of the texts.
//! Deliberately absent: where the texts come from (`workspace::settings`).

use percent_encoding::percent_decode_str;
use reqwest::{Certificate, ClientBuilder, Identity, Proxy};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as RustlsError, InconsistentKeys, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::hosts::{self, AllowedHosts};
use super::proxy;
use super::target::Target;
use super::target_connection::{
    ClientCertificate, TargetProxy, format_proxy_authority, parse_proxy_url, read_certificates,
};
use crate::diagnostic::Diagnostic;

/// How to make PEM of other forms.
const PEM_HINT: &str = "it is PEM text, with a line like -----BEGIN CERTIFICATE-----; `openssl x509 -inform der -in FILE` makes it of DER";
/// What a private key looks like.
const KEY_HINT: &str = "it is PEM text, with a line like -----BEGIN PRIVATE KEY-----";

/// What is the same for all connections of a target.
#[derive(Default)]
pub(super) struct ConnectionOptions {
    /// Those of the machine, when there are none.
    authorities: Option<Vec<Certificate>>,
    identity: Option<Identity>,
    proxy: ProxyRoute,
}

/// Which way requests go.
#[derive(Default)]
enum ProxyRoute {
    /// As the environment says.
    #[default]
    Environment,
    Direct,
    Through {
        proxy: Box<Proxy>,
        authority: String,
    },
}

impl ConnectionOptions {
    /// The options of a target, once they are known to be right and allowed.
    pub(super) fn from_target(target: &Target, allowed: &AllowedHosts) -> Result<Self, Diagnostic> {
        let authorities = target.connection.certificate_authority.as_ref().map(read_authorities);
        let identity = target.auth.client_certificate.as_ref().map(build_identity);
        Ok(Self {
            authorities: authorities.transpose()?,
            identity: identity.transpose()?,
            proxy: ProxyRoute::from_target(target, allowed)?,
        })
    }

    /// With the authorities and the certificate of the target.
    pub(super) fn configure_tls(&self, mut builder: ClientBuilder) -> ClientBuilder {
        if let Some(authorities) = &self.authorities {
            builder = builder.tls_certs_only(authorities.iter().cloned());
        }
        match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        }
    }

    /// With the way to `url`. What is meant for this machine must not pass through another.
    pub(super) fn configure_proxy(&self, builder: ClientBuilder, url: &Url) -> ClientBuilder {
        match &self.proxy {
            _ if hosts::is_local(url) => builder.no_proxy(),
            ProxyRoute::Environment => builder,
            ProxyRoute::Direct => builder.no_proxy(),
            ProxyRoute::Through { proxy, .. } => builder.proxy(Proxy::clone(proxy)),
        }
    }

    /// Host and port of the proxy through which a URL is reached; none where it is reached directly.
    pub(super) fn find_proxy(&self, url: &Url) -> Option<String> {
        match &self.proxy {
            _ if hosts::is_local(url) => None,
            ProxyRoute::Environment => proxy::find_proxy(url),
            ProxyRoute::Direct => None,
            ProxyRoute::Through { authority, .. } => Some(authority.clone()),
        }
    }
}

impl ProxyRoute {
    fn from_target(target: &Target, allowed: &AllowedHosts) -> Result<Self, Diagnostic> {
        let text = match &target.connection.proxy {
            TargetProxy::Environment => return Ok(Self::Environment),
            TargetProxy::Direct => return Ok(Self::Direct),
            TargetProxy::Url(text) => text,
        };
        let invalid = || {
            let message = format!("the proxy of target `{}` is not an http or https URL", target.name);
            Diagnostic::error("invalid-proxy", message).with_hint("like http://proxy.example.com:3128")
        };
        let mut url = parse_proxy_url(text).ok_or_else(invalid)?;
        allowed.check_proxy(target, &url)?;
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (decode(url.username()), decode(url.password().unwrap_or_default()));
        // the library gets user and password by themselves, so that they are in no URL that it may report
        let is_clean = url.set_username("").is_ok() && url.set_password(None).is_ok();
        let proxy = Proxy::all(url.as_str()).ok().filter(|_| is_clean).ok_or_else(invalid)?;
        let proxy = match user.is_empty() && password.is_empty() {
            true => proxy,
            false => proxy.basic_auth(&user, &password),
        };
        Ok(Self::Through { proxy: Box::new(proxy), authority: format_proxy_authority(&url) })
    }
}

fn read_authorities(pem: &SecretString) -> Result<Vec<Certificate>, Diagnostic> {
    let invalid = || {
        let message = "`certificate_authority` gives no certificate that can be read";
        Diagnostic::error("invalid-certificate-authority", message).with_hint(PEM_HINT)
    };
    let all = read_certificates(pem).ok_or_else(invalid)?;
    let mut store = RootCertStore::empty();
    let is_valid = |own: &CertificateDer| store.add(own.clone()).is_ok();
    if !all.iter().all(is_valid) {
        return Err(invalid());
    }
    all.iter().map(|own| Certificate::from_der(own).map_err(|_| invalid())).collect()
}

/// The certificate and key that prove who the client is, when they belong together.
fn build_identity(own: &ClientCertificate) -> Result<Identity, Diagnostic> {
    let invalid = || {
        let message = "`client_certificate` gives no certificate that can be read";
        Diagnostic::error("invalid-client-certificate", message).with_hint(PEM_HINT)
    };
    let chain = read_certificates(&own.certificate).ok_or_else(invalid)?;
    let text = own.key.expose_secret();
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes());
    let key = key.map_err(|_| diagnose_key(text.contains("ENCRYPTED")))?;
    match CertifiedKey::from_der(chain, key, &default_provider()) {
        Ok(_) => {}
        Err(RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            let message = "`client_key` does not belong to `client_certificate`";
            return Err(Diagnostic::error("client-key-mismatch", message)
                .with_hint("name the key with which the certificate was requested"));
        }
        Err(RustlsError::InvalidCertificate(_)) => return Err(invalid()),
        Err(_) => return Err(diagnose_key(false)),
    }
    let pem = format!("{}\n{text}\n", own.certificate.expose_secret());
    Identity::from_pem(pem.as_bytes()).map_err(|_| invalid())
}

fn diagnose_key(is_encrypted: bool) -> Diagnostic {
    let (message, hint) = match is_encrypted {
        true => ("`client_key` is encrypted", "decrypt it with `openssl pkey` where its source is kept"),
        false => ("`client_key` gives no private key that can be read", KEY_HINT),
    };
    Diagnostic::error("invalid-client-key", message).with_hint(hint)
}
