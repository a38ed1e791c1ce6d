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
pub struct Failure {
    pub reason: Reason,
    /// The host that was asked, with its port where it is not the usual one.
    pub host: String,
    /// Whether the service may have got the request.
    pub sent: Sent,
    /// Whether it happened on the way to a token, not to an answer.
    pub login: bool,
    /// How many times the request was tried.
    pub attempts: u32,
}

/// Whether a request may have reached the service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sent {
    /// Surely not, or the service said that it did not act on it.
    No,
    /// It may have taken effect.
    Maybe,
}

/// What went wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// No connection; the words say why.
    CannotConnect(String),
    /// No secure connection; the words say why.
    Tls(String),
    /// No whole answer within the time a request has.
    Timeout(Duration),
    /// The connection broke before an answer.
    Broken,
    /// The connection broke within the answer.
    Truncated,
    /// The body is larger than this many bytes.
    TooLarge(u64),
    /// More headers than are read.
    TooManyHeaders,
    /// What came back is not HTTP.
    NotHttp,
    /// The body cannot be decompressed.
    Garbled,
    /// The service sends the request to another place, where it must not go.
    Redirect(Detour),
    /// The path would not arrive as it was written.
    InvalidPath,
    /// The service refused name and password; a word of the OAuth standard may say why.
    LoginRefused { status: u16, word: Option<&'static str> },
    /// The service cannot open a session now.
    LoginBusy { status: u16, retry_after: Option<String> },
    /// A session was opened, but its answer holds no token that can be sent.
    NoToken,
    /// The service asks for a longer pause than is waited.
    AskedToWait(Duration),
    /// The run was to end before it was sent.
    Stopped,
    /// The time of the run was over before there was an answer.
    OutOfTime,
    /// The service was down for so long that nothing is sent there any more; the words say how it was last.
    GivenUp(String),
}

/// Where a redirect leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Detour {
    /// A write is never sent on; the host it was sent on to, where that can be read.
    Write(Option<String>),
    /// Another scheme, host or port.
    Elsewhere(String),
    /// An address that cannot be read.
    Nowhere,
    /// One after the other, without end.
    Loop,
}

impl Failure {
    pub(super) fn new(reason: Reason, host: String, sent: Sent) -> Self {
        Self { reason, host, sent, login: false, attempts: 1 }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self.reason {
            Reason::CannotConnect(_) => "cannot-connect",
            Reason::Tls(_) => "tls",
            Reason::Timeout(_) => "timeout",
            Reason::Broken => "broken",
            Reason::Truncated => "truncated",
            Reason::TooLarge(_) | Reason::TooManyHeaders => "answer-too-large",
            Reason::NotHttp => "not-http",
            Reason::Garbled => "garbled",
            Reason::Redirect(_) => "redirect",
            Reason::InvalidPath => "invalid-path",
            Reason::LoginRefused { .. } => "login-refused",
            Reason::LoginBusy { .. } => "login-busy",
            Reason::NoToken => "no-token",
            Reason::AskedToWait(_) => "asked-to-wait",
            Reason::Stopped => "stopped",
            Reason::OutOfTime => "out-of-time",
            Reason::GivenUp(_) => "target-given-up",
        }
    }

    /// Whether it was never begun, because the run ends or the service was given up; nothing is wrong with the
    /// request itself.
    pub fn is_not_begun(&self) -> bool {
        let held = matches!(self.reason, Reason::Stopped | Reason::OutOfTime | Reason::GivenUp(_));
        held && self.sent == Sent::No
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.reason {
            Reason::CannotConnect(_) => "check the base URL, the network and the proxy settings",
            Reason::Tls(_) => "check the address, and which certificates this machine trusts",
            Reason::Timeout(_) => {
                "try again later; the API's `limits.timeout` says how long a request may take"
            }
            Reason::Broken | Reason::Truncated => {
                "try again; if it stays, look at the service or at a proxy between"
            }
            Reason::TooLarge(_) => "narrow the run; the API's `limits.answer_bytes` says how much is read",
            Reason::TooManyHeaders | Reason::NotHttp | Reason::Garbled => {
                "check that the base URL is that of the API"
            }
            Reason::Redirect(_) => "if the address is right, make it the base URL of the target",
            Reason::InvalidPath => "look for `.` or `..` among the ids and scope values",
            Reason::LoginRefused { status: 404 | 405, .. } => "check the address of the login",
            Reason::LoginRefused { .. } => "check the user name and the password of the target",
            Reason::LoginBusy { .. } | Reason::AskedToWait(_) => "try again later",
            Reason::NoToken => "check `login.token` in the description of the API",
            Reason::Stopped => "run again to go on",
            Reason::OutOfTime => "run again to go on; `--timeout` says how long a run may take",
            Reason::GivenUp(_) => "run again once the service is back",
        }
    }

    /// The same as a diagnostic, without a place.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(self.code(), self.to_string()).hint(self.hint())
    }
}

impl Reason {
    /// Whether it may go better a little later.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::CannotConnect(_)
                | Self::Timeout(_)
                | Self::Broken
                | Self::Truncated
                | Self::LoginBusy { .. }
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.login {
            f.write_str("while logging in, ")?;
        }
        let host = &self.host;
        match &self.reason {
            Reason::CannotConnect(why) => write!(f, "{host} cannot be reached: {why}"),
            Reason::Tls(why) => write!(f, "there is no secure connection to {host}: {why}"),
            Reason::Timeout(after) => write!(f, "{host} did not answer within {} s", after.as_secs_f32()),
            Reason::Broken => write!(f, "{host} broke the connection before it answered"),
            Reason::Truncated => write!(f, "the answer of {host} broke off"),
            Reason::TooLarge(limit) => write!(f, "the answer of {host} is larger than {limit} bytes"),
            Reason::TooManyHeaders => write!(f, "the answer of {host} has too many headers"),
            Reason::NotHttp => write!(f, "the answer of {host} is not HTTP"),
            Reason::Garbled => write!(f, "the answer of {host} cannot be decompressed"),
            Reason::Redirect(detour) => detour.write(f, host),
            Reason::InvalidPath => f.write_str("the path of the request would not arrive as it is written"),
            Reason::LoginRefused { status, word: None } => {
                write!(f, "{host} refused it with status {status}")
            }
            Reason::LoginRefused { status, word: Some(word) } => {
                write!(f, "{host} refused it with status {status} and `{word}`")
            }
            Reason::LoginBusy { status, .. } => write!(f, "{host} answered with status {status}"),
            Reason::NoToken => write!(f, "{host} gave no token that can be sent"),
            Reason::AskedToWait(pause) => write!(f, "{host} asks to wait for {} s", pause.as_secs()),
            Reason::Stopped => write!(f, "the run ended before {host} was asked"),
            Reason::OutOfTime => write!(f, "the time of the run was over before {host} answered"),
            Reason::GivenUp(why) => write!(f, "{host} was down and nothing more is sent there ({why})"),
        }
    }
}

impl Detour {
    fn write(&self, f: &mut fmt::Formatter<'_>, host: &str) -> fmt::Result {
        match self {
            Self::Write(Some(to)) => write!(f, "{host} redirects a write to {to}"),
            Self::Write(None) => write!(f, "{host} redirects a write"),
            Self::Elsewhere(to) => write!(f, "{host} redirects to {to}, where credentials must not go"),
            Self::Nowhere => write!(f, "{host} redirects to an address that cannot be read"),
            Self::Loop => write!(f, "{host} redirects without end"),
        }
    }
}
