//! How the service of a target is reached: whom it trusts, and through which proxy.
//!
//! Both come from sources, as credentials do; the URL of a proxy without user and password may be written itself. What
//! is wrong with a text of a source shows when the target is connected: [`ConnectionSettings::find_span`] says where
//! it is written.
//! Deliberately absent: the client certificate, which is a credential (`auth`).

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::output_filter::hide_texts;
use crate::remote::target_connection::{
    TargetConnection, TargetProxy, format_proxy_authority, parse_proxy_url,
};
use crate::workspace::secrets::ResolvedSecrets;
use crate::workspace::settings::auth::{CredentialReader, CredentialSource};
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// The word for no proxy.
const NO_PROXY: &str = "none";

/// How the service of a target is reached, as far as it could be read.
#[derive(Default)]
pub struct ConnectionSettings {
    pub certificate_authority: Option<CredentialSource>,
    pub proxy: ProxySettings,
    proxy_span: Option<SourceSpan>,
}

/// Which proxy is used.
#[derive(Default)]
pub enum ProxySettings {
    /// The one of the environment, where there is one.
    #[default]
    Environment,
    /// None.
    Direct,
    /// The one of this URL.
    Url(Url),
    /// The one whose URL a source gives.
    Source(CredentialSource),
}

impl ConnectionSettings {
    /// Reads what a target says of its connection.
    pub fn read(target: &YamlNode, keyring: &mut CredentialReader) -> Self {
        let mut connection = Self::default();
        for entry in target.entries().iter().filter(|entry| !entry.value.is_null()) {
            match &*entry.key {
                "certificate_authority" => connection.certificate_authority = read_authority(entry, keyring),
                "proxy" => {
                    connection.proxy_span = Some(entry.value.span);
                    connection.proxy = read_proxy(entry, keyring).unwrap_or_default();
                }
                _ => {}
            }
        }
        connection
    }

    /// The sources of its texts.
    pub fn list_sources(&self) -> impl Iterator<Item = &CredentialSource> {
        let proxy = match &self.proxy {
            ProxySettings::Source(source) => Some(source),
            ProxySettings::Environment | ProxySettings::Direct | ProxySettings::Url(_) => None,
        };
        self.certificate_authority.iter().chain(proxy)
    }

    /// Where an error of this code is caused, when that is here.
    pub fn find_span(&self, code: &str) -> Option<SourceSpan> {
        match code {
            "invalid-certificate-authority" => self.certificate_authority.as_ref().map(|own| own.span),
            "invalid-proxy" | "proxy-not-allowed" | "proxy-refused" | "proxy-unreachable" => self.proxy_span,
            _ => None,
        }
    }

    /// With the texts in place; nothing when one is unknown, which was reported when it was looked up.
    pub fn resolve_secrets(&self, secrets: &ResolvedSecrets) -> Option<TargetConnection> {
        let certificate_authority = match &self.certificate_authority {
            Some(own) => Some(secrets.get(&own.source)?.clone()),
            None => None,
        };
        let proxy = match &self.proxy {
            ProxySettings::Environment => TargetProxy::Environment,
            ProxySettings::Direct => TargetProxy::Direct,
            ProxySettings::Url(url) => TargetProxy::Url(url.as_str().into()),
            ProxySettings::Source(own) => {
                let url = secrets.get(&own.source)?;
                hide_proxy_password(url);
                TargetProxy::Url(url.clone())
            }
        };
        Some(TargetConnection { certificate_authority, proxy })
    }

    /// What of it differs from the defaults of this machine, for people.
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let authority = self.certificate_authority.iter();
        let authority =
            authority.map(|own| ("CA", format!("trusts the authorities of {} alone", own.source)));
        let proxy = match &self.proxy {
            ProxySettings::Environment => None,
            ProxySettings::Direct => Some("requests use no proxy, whatever the environment says".to_owned()),
            ProxySettings::Url(url) => {
                Some(format!("requests go through the proxy {}", format_proxy_authority(url)))
            }
            ProxySettings::Source(own) => Some(format!("requests go through the proxy of {}", own.source)),
        };
        authority.chain(proxy.map(|message| ("proxy", message))).collect()
    }
}

/// The password of a proxy is looked for in outputs by itself, as it is and as the URL writes it.
fn hide_proxy_password(text: &SecretString) {
    let Some(url) = parse_proxy_url(text) else { return };
    let written = url.password().unwrap_or_default().to_owned();
    let decoded = percent_decode_str(&written).decode_utf8_lossy().into_owned();
    hide_texts([text.expose_secret(), &written, &decoded].into_iter());
}

/// The source of certificates, which are public: what is written instead is no secret in clear, but may be a key.
fn read_authority(entry: &YamlEntry, keyring: &mut CredentialReader) -> Option<CredentialSource> {
    if matches!(entry.value.data, YamlData::Mapping(_)) {
        return keyring.read_credential(entry);
    }
    let fault = Diagnostic::error("invalid-certificate-authority", "`certificate_authority` is not a source")
        .with_hint("write { from_file: PATH } or { from_env: NAME }");
    refuse_entry(entry, fault, keyring);
    None
}

fn read_proxy(entry: &YamlEntry, keyring: &mut CredentialReader) -> Option<ProxySettings> {
    let node = &entry.value;
    if matches!(node.data, YamlData::Mapping(_)) {
        return keyring.read_credential(entry).map(ProxySettings::Source);
    }
    let text = node.as_scalar().unwrap_or_default();
    if text == NO_PROXY {
        return Some(ProxySettings::Direct);
    }
    let hint =
        "write `none`, a URL like http://proxy.example.com:3128, or { from_env: NAME } if it has a password";
    let fault = match parse_proxy_url(&text.into()) {
        Some(url) if url.username().is_empty() && url.password().is_none() => {
            return Some(ProxySettings::Url(url));
        }
        Some(_) => Diagnostic::error("plain-secret", "`proxy` holds a user or password in clear").with_hint(
            "write { from_env: NAME } with the whole URL in the variable; change the password if it was ever committed",
        ),
        None => Diagnostic::error("invalid-proxy", "`proxy` is not an http or https URL").with_hint(hint),
    };
    refuse_entry(entry, fault, keyring);
    None
}

/// Reports a fault about an entry whose text is not repeated.
fn refuse_entry(entry: &YamlEntry, fault: Diagnostic, keyring: &mut CredentialReader) {
    keyring.reading.redact_entry(entry);
    keyring.reading.add_diagnostic(entry.value.span, fault);
    keyring.claimed_spans.push(SourceSpan { start: entry.key_span.start, end: entry.value.span.end });
}
