//! How the service of a target is reached besides its base URL: whom to trust, and which proxy to use.
//!
//! The texts come from their sources as they are; `connection_options` checks them before the first request.
//! Deliberately absent: the network, and which hosts are allowed.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::{Position, Url};

/// How the service of a target is reached.
#[derive(Default)]
pub struct TargetConnection {
    /// Certificates in PEM, which alone are trusted; those of the machine, when there are none.
    pub certificate_authority: Option<SecretString>,
    pub proxy: TargetProxy,
}

/// The proxy between this machine and a service.
#[derive(Default)]
pub enum TargetProxy {
    /// The one of the environment, where there is one.
    #[default]
    Environment,
    /// None, whatever the environment says.
    Direct,
    /// The one of this URL, which may hold a user and a password.
    Url(SecretString),
}

/// A certificate that a client presents; both parts in PEM.
pub struct ClientCertificate {
    pub certificate: SecretString,
    pub key: SecretString,
}

impl TargetConnection {
    /// What of it decides who gets requests, without any credential. Certificates are public; of what is none, nothing
    /// is said.
    pub fn describe_parts(&self) -> Vec<String> {
        let certificates = self.certificate_authority.as_ref().and_then(read_certificates);
        let mut parts: Vec<String> = certificates.iter().flatten().map(describe_authority).collect();
        match &self.proxy {
            TargetProxy::Environment => {}
            TargetProxy::Direct => parts.push("proxy none".to_owned()),
            TargetProxy::Url(text) => {
                let url = parse_proxy_url(text);
                parts.extend(url.map(|url| format!("proxy {}", format_proxy_authority(&url))));
            }
        }
        parts
    }
}

fn describe_authority(certificate: &CertificateDer) -> String {
    let digits: String = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("certificate authority sha256:{digits}")
}

/// The certificates of a text in PEM; nothing where it has none, or one that is broken.
pub(super) fn read_certificates(pem: &SecretString) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes()).collect();
    all.ok().filter(|all| !all.is_empty())
}

/// The URL of a proxy, when it is one.
pub fn parse_proxy_url(text: &SecretString) -> Option<Url> {
    let url = Url::parse(text.expose_secret().trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(url)
}

/// Host and port of a proxy, without user and password.
pub fn format_proxy_authority(url: &Url) -> String {
    url[Position::BeforeHost..Position::AfterPort].to_owned()
}
