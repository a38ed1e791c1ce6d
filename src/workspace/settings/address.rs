//! Addresses of services: `https`, or `http` on this machine.
//!
//! A name and password in an address is a secret in clear; such an address is redacted and never repeated.
//! Deliberately absent: which hosts may get credentials (`remote::hosts`).

use url::{Host, Url};

use crate::diagnostic::Diagnostic;
use crate::document::source_reader::SourceReader;
use crate::yaml::YamlNode;

/// The address in a node, or nothing when it is faulty.
pub fn read_url(node: &YamlNode, key: &str, reading: &mut SourceReader) -> Option<Url> {
    let fault = match Url::parse(node.as_scalar()?) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            reading.redact_span(node.span);
            Diagnostic::error("plain-secret", format!("`{key}` holds a name or password in clear"))
                .with_hint("take it out of the address and name its source under `auth`; change it if it was ever committed")
        }
        Ok(url) if !is_safe(&url) => {
            // `user:password@host` has a scheme `user`
            if url.host().is_none() || url.as_str().contains('@') {
                reading.redact_span(node.span);
            }
            Diagnostic::error("unsafe-url", format!("`{key}` is not safe for credentials"))
                .with_hint("use https; http is for this machine (localhost, 127.0.0.1) only")
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            // a key may stand there
            reading.redact_span(node.span);
            Diagnostic::error("invalid-url", format!("`{key}` ends in a query or fragment"))
                .with_hint("write the address only, up to the path")
        }
        Ok(url) => return Some(trim_trailing_slash(url)),
        Err(error) => {
            // it may hold a name and password, or a key, all the same
            reading.redact_span(node.span);
            Diagnostic::error("invalid-url", format!("`{key}` is not an address: {error}"))
                .with_hint("like https://api.example.com")
        }
    };
    reading.add_diagnostic(node.span, fault);
    None
}

/// Without a slash at the end; paths are added with one of their own.
pub fn trim_trailing_slash(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}

fn is_safe(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}
