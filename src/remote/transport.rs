//! One HTTP exchange, within bounds: a call goes out, an answer is read whole or not at all.
//!
//! TLS roots are only read for an https address, so a run against plain loopback starts at once. The body
//! is counted while it is read, after decompression. Redirects are reported, never followed here.
//! What the network library says about a failure is sorted into [`TransportErrorReason`]s; its words, which may hold
//! whole URLs, stay here.
//! Deliberately absent: credentials, retries, and what a status means.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE,
};
use reqwest::{Method, redirect};
use tokio::time::timeout;
use url::Url;

use super::connection_options::ConnectionOptions;
use super::proxy::{PROXY_AUTHENTICATION_REQUIRED, attribute_to_proxy};
use super::transport_error::{DeliveryStatus, TransportError, TransportErrorReason};
use super::{hosts, rate_limit_headers};
use crate::diagnostic::Diagnostic;
use crate::exchange::HttpResponse;
use crate::kind::file::LimitsFile;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Servers drop idle connections after 5 s and more; a connection unused for longer is not trusted.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Headers in which services name an exchange, the most telling first.
const REQUEST_ID_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("cf-ray"),
];

/// What one exchange may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExchangeLimits {
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
    /// The most bytes of a body, decompressed.
    pub max_response_bytes: u64,
}

impl ExchangeLimits {
    /// What the description of an API allows.
    pub fn from_limits(limits: &LimitsFile) -> Self {
        let timeout = Duration::from_secs(u64::from(limits.timeout.max(1)));
        Self { timeout, max_response_bytes: limits.response_bytes }
    }
}

/// A request with everything in place.
#[derive(Clone)]
pub(super) struct PreparedRequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
}

impl From<PreparedRequest> for TransportRequest {
    fn from(mut call: PreparedRequest) -> Self {
        if let Some(body) = &call.body {
            call.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        let (verb, body) = (call.method.as_str().to_owned(), call.body.unwrap_or_default());
        Self { method: verb, url: call.url, headers: call.headers, body }
    }
}

/// What came back.
pub(super) enum TransportResponse {
    Complete(HttpResponse),
    /// A redirect, with where it leads when that is text at all.
    Redirect(Option<String>),
}

/// Carries requests in the place of a network: a simulated service, with whatever goes wrong on the way.
pub trait Transport: Send + Sync {
    /// Takes one request to its answer, or to why there is none. It may take its time; the bounds of the request
    /// hold for it as for a network.
    fn send_request(&self, parcel: TransportRequest) -> ResponseFuture;
}

/// What comes of a request that a courier carries.
pub type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<HttpResponse, (TransportErrorReason, DeliveryStatus)>> + Send>>;

/// A request with everything in place, credentials included.
pub struct TransportRequest {
    pub method: String,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Connections to one host.
#[derive(Clone)]
pub(super) enum HostConnection {
    Http {
        client: reqwest::Client,
        /// The proxy through which the host is reached, where there is one.
        proxy: Option<Arc<str>>,
    },
    Custom(Arc<dyn Transport>),
}

impl HostConnection {
    /// Connections to the host of `url`. Nothing is connected yet.
    pub(super) fn new(url: &Url, options: &ConnectionOptions) -> Result<Self, Diagnostic> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("trueup/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT);
        let builder = options.configure_proxy(configure_tls(builder, url, options)?, url);
        let client = builder.build().map_err(|_| build_tls_error())?;
        Ok(Self::Http { client, proxy: options.find_proxy(url).map(Arc::from) })
    }

    /// Sends `call` once and reads its answer.
    pub(super) async fn send_request(
        &self,
        call: PreparedRequest,
        bounds: &ExchangeLimits,
    ) -> Result<TransportResponse, TransportError> {
        let host = hosts::format_authority(&call.url);
        let answer = timeout(bounds.timeout, self.receive_response(call, bounds.max_response_bytes)).await;
        let late = |_| Err((TransportErrorReason::Timeout(bounds.timeout), DeliveryStatus::MaybeSent));
        answer.unwrap_or_else(late).map_err(|(reason, sent)| TransportError::new(reason, host, sent))
    }

    async fn receive_response(
        &self,
        call: PreparedRequest,
        limit: u64,
    ) -> Result<TransportResponse, (TransportErrorReason, DeliveryStatus)> {
        let (client, proxy) = match self {
            Self::Http { client, proxy } => (client, proxy.as_deref()),
            Self::Custom(courier) => {
                return courier.send_request(call.into()).await.map(TransportResponse::Complete);
            }
        };
        let mut request = client.request(call.method, call.url).headers(call.headers);
        if let Some(body) = call.body {
            // said by hand, so that an empty body has its length too
            request = request.header(CONTENT_LENGTH, body.len()).body(body);
        }
        let answer = request.send().await.map_err(|error| {
            let (reason, sent) = classify_send_error(&error);
            (proxy.map_or(reason.clone(), |proxy| attribute_to_proxy(reason, &error, proxy)), sent)
        })?;
        if let Some(proxy) = proxy.filter(|_| answer.status() == PROXY_AUTHENTICATION_REQUIRED) {
            let reason =
                TransportErrorReason::ProxyRefused { proxy: proxy.to_owned(), needs_credentials: true };
            return Err((reason, DeliveryStatus::NotSent));
        }
        match answer.headers().get(LOCATION) {
            Some(to) if answer.status().is_redirection() => {
                Ok(TransportResponse::Redirect(to.to_str().ok().map(str::to_owned)))
            }
            _ => read_response(answer, limit)
                .await
                .map(TransportResponse::Complete)
                .map_err(|reason| (reason, DeliveryStatus::MaybeSent)),
        }
    }
}

/// With TLS as `url` needs it.
fn configure_tls(
    builder: reqwest::ClientBuilder,
    url: &Url,
    options: &ConnectionOptions,
) -> Result<reqwest::ClientBuilder, Diagnostic> {
    if url.scheme() == "https" {
        // whoever was first is as good: there is one provider in the binary
        let _ = rustls::crypto::ring::default_provider().install_default();
        return Ok(options.configure_tls(builder.tls_backend_rustls().https_only(true)));
    }
    // without a configuration of its own the library would read the machine's roots: trust no one instead
    let provider = rustls::crypto::ring::default_provider().into();
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config =
        config.map_err(|_| build_tls_error())?.with_root_certificates(rustls::RootCertStore::empty());
    Ok(builder.tls_backend_preconfigured(config.with_no_client_auth()))
}

fn build_tls_error() -> Diagnostic {
    Diagnostic::error("no-tls", "no secure connection can be set up on this machine")
        .with_hint("install the package with the certificate authorities, usually ca-certificates")
}

/// The address of `path` below `base`; `None` when it would not arrive as it is written.
pub(super) fn join_path(base: &Url, path: &str) -> Option<Url> {
    let path = format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/'));
    let mut url = base.clone();
    url.set_path(&path);
    // a difference means dot segments, which lead to another object, or characters that were not encoded
    (url.path() == path).then_some(url)
}

async fn read_response(
    mut answer: reqwest::Response,
    limit: u64,
) -> Result<HttpResponse, TransportErrorReason> {
    let announced = answer.content_length();
    if announced.is_some_and(|length| length > limit) {
        return Err(TransportErrorReason::TooLarge(limit));
    }
    let mut body = Vec::with_capacity(announced.map_or(0, |length| length.min(1 << 20) as usize));
    while let Some(part) = answer.chunk().await.map_err(|error| classify_body_error(&error))? {
        if (body.len() + part.len()) as u64 > limit {
            return Err(TransportErrorReason::TooLarge(limit));
        }
        body.extend_from_slice(&part);
    }
    Ok(HttpResponse {
        status: answer.status().as_u16(),
        content_type: read_content_type(answer.headers()),
        retry_after: read_header(answer.headers(), &RETRY_AFTER),
        etag: read_header(answer.headers(), &ETAG),
        headers: read_headers(answer.headers()),
        rate_limit: rate_limit_headers::read_rate_limit(answer.headers()),
        request_id: REQUEST_ID_HEADERS.iter().find_map(|name| read_header(answer.headers(), name)),
        body,
    })
}

fn read_content_type(headers: &HeaderMap) -> String {
    let whole = read_header(headers, &CONTENT_TYPE).unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A short header of plain characters; these may be printed and kept.
fn read_header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty() && value.len() <= 200).then(|| value.to_owned())
}

/// The headers that a description may name. None is left out or cut, since any may lead to the next page of a list;
/// the network library bounds how many there are and how long they may be.
fn read_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let named = headers.iter().filter(|(name, _)| *name != SET_COOKIE);
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    named.map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// Why there was no answer at all, and whether the request may have arrived.
fn classify_send_error(error: &reqwest::Error) -> (TransportErrorReason, DeliveryStatus) {
    if error.is_connect() {
        return (classify_connect_error(error), DeliveryStatus::NotSent);
    }
    if error.is_builder() {
        return (TransportErrorReason::InvalidPath, DeliveryStatus::NotSent);
    }
    let hyper = find_cause::<hyper::Error>(error);
    let reason = match (find_cause::<rustls::Error>(error), hyper) {
        (Some(tls), _) => TransportErrorReason::Tls(describe_tls_error(tls)),
        (_, Some(hyper)) if hyper.is_parse_too_large() => TransportErrorReason::TooManyHeaders,
        (_, Some(hyper)) if hyper.is_parse() => TransportErrorReason::NotHttp,
        _ => TransportErrorReason::ConnectionClosed,
    };
    (reason, DeliveryStatus::MaybeSent)
}

fn classify_connect_error(error: &reqwest::Error) -> TransportErrorReason {
    if let Some(tls) = find_cause::<rustls::Error>(error) {
        return TransportErrorReason::Tls(describe_tls_error(tls));
    }
    let why = match find_cause::<io::Error>(error) {
        _ if error.is_timeout() => format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()),
        _ if error.is_dns() => "its name is not known".to_owned(),
        Some(io) => io.kind().to_string(),
        None => "no connection".to_owned(),
    };
    TransportErrorReason::CannotConnect(why)
}

/// A TLS error as text; it may quote names that the other side put into its certificate.
fn describe_tls_error(error: &rustls::Error) -> String {
    error.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Why the answer could not be read to its end.
fn classify_body_error(error: &reqwest::Error) -> TransportErrorReason {
    let broke = find_cause::<hyper::Error>(error).is_some()
        || find_cause::<io::Error>(error).is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
    if broke { TransportErrorReason::Truncated } else { TransportErrorReason::DecompressionFailed }
}

/// The first cause of that type. An I/O error hides what it was made from behind `get_ref`.
fn find_cause<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(hidden) => Some(hidden),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below_text(base: &str, path: &str) -> Option<String> {
        join_path(&Url::parse(base).expect("a url"), path).map(String::from)
    }

    #[test]
    fn a_path_is_appended_to_the_path_of_the_base() {
        for (base, path, whole) in [
            ("https://a.fi", "/partners", "https://a.fi/partners"),
            ("https://a.fi/core/v2", "/partners/x", "https://a.fi/core/v2/partners/x"),
            ("https://a.fi/core/v2/", "partners/", "https://a.fi/core/v2/partners/"),
            ("https://a.fi", "/a%2Fb%3Fc", "https://a.fi/a%2Fb%3Fc"),
            ("https://a.fi", "/v1.2/.hidden/a..b", "https://a.fi/v1.2/.hidden/a..b"),
        ] {
            assert_eq!(below_text(base, path).as_deref(), Some(whole));
        }
    }

    #[test]
    fn a_header_that_leads_to_the_next_page_is_kept() {
        let long = format!("</boats?after={}>; rel=\"next\"", "x".repeat(20_000));
        for link in ["</boats?page=2>; rel=\"next\"; title=\"Nächste\"".as_bytes(), long.as_bytes()] {
            let mut headers = HeaderMap::new();
            for number in 0..120 {
                let name = HeaderName::try_from(format!("x-{number}")).expect("a name");
                headers.insert(name, HeaderValue::from_static("any"));
            }
            headers.insert("link", HeaderValue::from_bytes(link).expect("a value"));
            headers.insert(SET_COOKIE, HeaderValue::from_static("session=canary"));
            let read = read_headers(&headers);
            let found = read.iter().find(|(name, _)| name == "link").map(|(_, value)| value.as_bytes());
            assert_eq!(found, Some(link));
            assert!(read.iter().all(|(name, _)| name != "set-cookie"));
        }
    }

    #[test]
    fn a_path_that_would_lead_elsewhere_is_refused() {
        for path in [
            "/partners/..",
            "/partners/../admin",
            "/a/%2e%2e/b",
            "/./a",
            "/a\\b",
            "/a?b=c",
            "/a#b",
            "/a b",
            "/å",
        ] {
            assert_eq!(below_text("https://a.fi/core", path), None, "{path}");
        }
    }
}
