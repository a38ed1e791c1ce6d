//! Why a request brought no answer, and whether it may have taken effect all the same.
//!
//! A failure has a stable code, a sentence and a hint, and says whether the service may have got the request:
//! only what surely was not sent may be sent again without a look. Its texts are made of fixed words and
//! the host; what the network library says is never passed on, because that prints whole URLs.
//! Deliberately absent: answers with an error status. Those are answers.

use std::fmt;
use std::time::Duration;

use crate::diagnostic::Diagnostic;

/// A request without an answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct TransportError {
    pub reason: TransportErrorReason,
    /// The host that was asked, with its port where it is not the usual one.
    pub host: String,
    /// Whether the service may have got the request.
    pub delivery: DeliveryStatus,
    /// Whether it happened on the way to a token, not to an answer.
    pub during_login: bool,
    /// How many times the request was tried.
    pub attempts: u32,
}

/// Whether a request may have reached the service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DeliveryStatus {
    /// Surely not, or the service said that it did not act on it.
    NotSent,
    /// It may have taken effect.
    MaybeSent,
}

/// What went wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransportErrorReason {
    /// No connection; the words say why.
    CannotConnect(String),
    /// No connection to the proxy through which the host is reached; the words say why.
    ProxyUnreachable { proxy: String, why: String },
    /// The proxy does not let the request through.
    ProxyRefused { proxy: String, needs_credentials: bool },
    /// No secure connection; the words say why.
    Tls(String),
    /// No whole answer within the time a request has.
    Timeout(Duration),
    /// The connection broke before an answer.
    ConnectionClosed,
    /// The connection broke within the answer.
    Truncated,
    /// The body is larger than this many bytes.
    TooLarge(u64),
    /// More headers than are read.
    TooManyHeaders,
    /// What came back is not HTTP.
    NotHttp,
    /// The body cannot be decompressed.
    DecompressionFailed,
    /// The service sends the request to another place, where it must not go.
    Redirect(RedirectError),
    /// The path would not arrive as it was written.
    InvalidPath,
    /// The service refused name and password; a word of the OAuth standard may say why.
    LoginRejected { status: u16, oauth_error: Option<&'static str> },
    /// The service cannot open a session now.
    LoginUnavailable { status: u16, retry_after: Option<String> },
    /// A session was opened, but its answer holds no token that can be sent.
    NoToken,
    /// The service asks for a longer pause than is waited.
    RetryAfterTooLong(Duration),
    /// The run was to end before it was sent.
    Cancelled,
    /// The time of the run was over before there was an answer.
    DeadlineExceeded,
    /// The service was down for so long that nothing is sent there any more; the words say how it was last.
    CircuitOpen(String),
}

/// Where a redirect leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RedirectError {
    /// A write is never sent on; the host it was sent on to, where that can be read.
    WriteRedirected(Option<String>),
    /// Another scheme, host or port.
    OtherOrigin(String),
    /// An address that cannot be read.
    InvalidLocation,
    /// One after the other, without end.
    TooManyRedirects,
}

impl TransportError {
    pub(super) fn new(reason: TransportErrorReason, host: String, sent: DeliveryStatus) -> Self {
        Self { reason, host, delivery: sent, during_login: false, attempts: 1 }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self.reason {
            TransportErrorReason::CannotConnect(_) => "cannot-connect",
            TransportErrorReason::ProxyUnreachable { .. } => "proxy-unreachable",
            TransportErrorReason::ProxyRefused { .. } => "proxy-refused",
            TransportErrorReason::Tls(_) => "tls",
            TransportErrorReason::Timeout(_) => "timeout",
            TransportErrorReason::ConnectionClosed => "broken",
            TransportErrorReason::Truncated => "truncated",
            TransportErrorReason::TooLarge(_) | TransportErrorReason::TooManyHeaders => "answer-too-large",
            TransportErrorReason::NotHttp => "not-http",
            TransportErrorReason::DecompressionFailed => "garbled",
            TransportErrorReason::Redirect(_) => "redirect",
            TransportErrorReason::InvalidPath => "invalid-path",
            TransportErrorReason::LoginRejected { .. } => "login-refused",
            TransportErrorReason::LoginUnavailable { .. } => "login-busy",
            TransportErrorReason::NoToken => "no-token",
            TransportErrorReason::RetryAfterTooLong(_) => "rate-limited",
            TransportErrorReason::Cancelled => "stopped",
            TransportErrorReason::DeadlineExceeded => "run-timeout",
            TransportErrorReason::CircuitOpen(_) => "circuit-open",
        }
    }

    /// Whether it was never begun, because the run ends or the service was given up; nothing is wrong with the
    /// request itself.
    pub fn is_not_started(&self) -> bool {
        let held = matches!(
            self.reason,
            TransportErrorReason::Cancelled
                | TransportErrorReason::DeadlineExceeded
                | TransportErrorReason::CircuitOpen(_)
        );
        held && self.delivery == DeliveryStatus::NotSent
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.reason {
            TransportErrorReason::CannotConnect(_) => {
                "check the base URL, the network and the proxy settings"
            }
            TransportErrorReason::ProxyUnreachable { .. } => {
                "check `proxy` of the target, or HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; NO_PROXY names hosts that are reached directly"
            }
            TransportErrorReason::ProxyRefused { needs_credentials: true, .. } => {
                "put user and password into the URL of the proxy, in HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or the source of `proxy`"
            }
            TransportErrorReason::ProxyRefused { .. } => {
                "ask the people who run the proxy to allow this host, name it in NO_PROXY, or write `proxy: none` in the target"
            }
            // TLS 1.3 names it; a server of TLS 1.2 says no more than that the handshake failed
            TransportErrorReason::Tls(ref why) if why.contains("CertificateRequired") => {
                "the service asks for a client certificate; name `client_certificate` and `client_key` under `auth`"
            }
            TransportErrorReason::Tls(_) => {
                "check the address, and which certificates this machine trusts; `certificate_authority` of the target names others"
            }
            TransportErrorReason::Timeout(_) => {
                "try again later; the API's `limits.timeout` says how long a request may take"
            }
            TransportErrorReason::ConnectionClosed | TransportErrorReason::Truncated => {
                "try again; if it stays, look at the service or at a proxy between"
            }
            TransportErrorReason::TooLarge(_) => {
                "narrow the run; the API's `limits.response_bytes` says how much is read"
            }
            TransportErrorReason::TooManyHeaders
            | TransportErrorReason::NotHttp
            | TransportErrorReason::DecompressionFailed => "check that the base URL is that of the API",
            TransportErrorReason::Redirect(_) => {
                "if the address is right, make it the base URL of the target"
            }
            TransportErrorReason::InvalidPath => "look for `.` or `..` among the ids and scope values",
            TransportErrorReason::LoginRejected { status: 404 | 405, .. } => "check the address of the login",
            TransportErrorReason::LoginRejected { .. } => {
                "check the user name and the password of the target"
            }
            TransportErrorReason::LoginUnavailable { .. } | TransportErrorReason::RetryAfterTooLong(_) => {
                "try again later"
            }
            TransportErrorReason::NoToken => "check `login.token` in the description of the API",
            TransportErrorReason::Cancelled => "run again to go on",
            TransportErrorReason::DeadlineExceeded => {
                "run again to go on; `--timeout` says how long a run may take"
            }
            TransportErrorReason::CircuitOpen(_) => "run again once the service is back",
        }
    }

    /// The same as a diagnostic, without a place.
    pub fn to_diagnostic(&self) -> Diagnostic {
        Diagnostic::error(self.code(), self.to_string()).with_hint(self.hint())
    }
}

impl TransportErrorReason {
    /// Whether it may go better a little later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::CannotConnect(_)
                | Self::ProxyUnreachable { .. }
                | Self::Timeout(_)
                | Self::ConnectionClosed
                | Self::Truncated
                | Self::LoginUnavailable { .. }
        )
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.during_login {
            f.write_str("while logging in, ")?;
        }
        let host = &self.host;
        match &self.reason {
            TransportErrorReason::CannotConnect(why) => write!(f, "{host} cannot be reached: {why}"),
            TransportErrorReason::ProxyUnreachable { proxy, why } => {
                write!(f, "{host} cannot be reached: no connection to the proxy {proxy}: {why}")
            }
            TransportErrorReason::ProxyRefused { proxy, needs_credentials: true } => {
                write!(f, "{host} cannot be reached: the proxy {proxy} asks for credentials (407)")
            }
            TransportErrorReason::ProxyRefused { proxy, .. } => {
                write!(f, "{host} cannot be reached: the proxy {proxy} refused the connection")
            }
            TransportErrorReason::Tls(why) => write!(f, "there is no secure connection to {host}: {why}"),
            TransportErrorReason::Timeout(after) => {
                write!(f, "{host} did not answer within {} s", after.as_secs_f32())
            }
            TransportErrorReason::ConnectionClosed => {
                write!(f, "{host} broke the connection before it answered")
            }
            TransportErrorReason::Truncated => write!(f, "the answer of {host} broke off"),
            TransportErrorReason::TooLarge(limit) => {
                write!(f, "the answer of {host} is larger than {limit} bytes")
            }
            TransportErrorReason::TooManyHeaders => write!(f, "the answer of {host} has too many headers"),
            TransportErrorReason::NotHttp => write!(f, "the answer of {host} is not HTTP"),
            TransportErrorReason::DecompressionFailed => {
                write!(f, "the answer of {host} cannot be decompressed")
            }
            TransportErrorReason::Redirect(detour) => detour.write_message(f, host),
            TransportErrorReason::InvalidPath => {
                f.write_str("the path of the request would not arrive as it is written")
            }
            TransportErrorReason::LoginRejected { status, oauth_error: None } => {
                write!(f, "{host} refused it with status {status}")
            }
            TransportErrorReason::LoginRejected { status, oauth_error: Some(word) } => {
                write!(f, "{host} refused it with status {status} and `{word}`")
            }
            TransportErrorReason::LoginUnavailable { status, .. } => {
                write!(f, "{host} answered with status {status}")
            }
            TransportErrorReason::NoToken => write!(f, "{host} gave no token that can be sent"),
            TransportErrorReason::RetryAfterTooLong(pause) => {
                write!(f, "{host} asks to wait for {} s", pause.as_secs())
            }
            TransportErrorReason::Cancelled => write!(f, "the run ended before {host} was asked"),
            TransportErrorReason::DeadlineExceeded => {
                write!(f, "the time of the run was over before {host} answered")
            }
            TransportErrorReason::CircuitOpen(why) => {
                write!(f, "{host} was down and nothing more is sent there ({why})")
            }
        }
    }
}

impl RedirectError {
    fn write_message(&self, f: &mut fmt::Formatter<'_>, host: &str) -> fmt::Result {
        match self {
            Self::WriteRedirected(Some(to)) => write!(f, "{host} redirects a write to {to}"),
            Self::WriteRedirected(None) => write!(f, "{host} redirects a write"),
            Self::OtherOrigin(to) => write!(f, "{host} redirects to {to}, where credentials must not go"),
            Self::InvalidLocation => write!(f, "{host} redirects to an address that cannot be read"),
            Self::TooManyRedirects => write!(f, "{host} redirects without end"),
        }
    }
}
