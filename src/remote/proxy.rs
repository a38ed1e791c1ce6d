//! The proxy between this machine and a host, for errors: a proxy that refuses or does not answer is named, not the
//! service behind it.
//!
//! Which proxy it is follows from the environment by the rules of the network library, which picks it by itself.
//! Deliberately absent: credentials of proxies, which stay in their URLs.

use std::error::Error as StdError;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::transport_error::TransportErrorReason;

/// What the network library says where a proxy asks for credentials.
const CREDENTIALS_REQUIRED: &str = "tunnel error: proxy authorization required";
/// What it says where a proxy does not open a tunnel.
const TUNNEL_REFUSED: &str = "tunnel error: unsuccessful";
/// The status with which a proxy asks for credentials.
pub(super) const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

/// Host and port of the proxy through which a URL is reached; none where it is reached directly.
pub(super) fn find_proxy(url: &Url) -> Option<String> {
    let proxy = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    let host = proxy.uri().host()?;
    Some(proxy.uri().port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// The reason with the proxy named, where there was no connection because of it.
pub(super) fn attribute_to_proxy(
    reason: TransportErrorReason,
    error: &reqwest::Error,
    proxy: &str,
) -> TransportErrorReason {
    let proxy = proxy.to_owned();
    let says = |text: &str| has_cause(error, text);
    match reason {
        TransportErrorReason::CannotConnect(_) if says(CREDENTIALS_REQUIRED) => {
            TransportErrorReason::ProxyRefused { proxy, needs_credentials: true }
        }
        TransportErrorReason::CannotConnect(_) if says(TUNNEL_REFUSED) => {
            TransportErrorReason::ProxyRefused { proxy, needs_credentials: false }
        }
        TransportErrorReason::CannotConnect(why) => TransportErrorReason::ProxyUnreachable { proxy, why },
        other => other,
    }
}

/// Whether a cause of an error is described by this text.
fn has_cause(error: &reqwest::Error, text: &str) -> bool {
    let mut next: Option<&dyn StdError> = Some(error);
    while let Some(error) = next {
        if error.to_string() == text {
            return true;
        }
        next = error.source();
    }
    false
}
