//! Where a target and its credentials are written, for errors about them: those name the line of the settings, the
//! sources of the credentials and the URL, not the document that happened to be read.

use url::Url;

use crate::diagnostic::{Diagnostic, SourceLocation};

/// Codes of errors about credentials.
const CREDENTIAL_CODES: [&str; 4] = ["unauthorized", "forbidden", "login-refused", "no-token"];
/// Codes of errors about the URL of a target.
const URL_CODES: [&str; 10] = [
    "cannot-connect",
    "proxy-unreachable",
    "proxy-refused",
    "tls",
    "timeout",
    "broken",
    "not-http",
    "redirect",
    "login-busy",
    "circuit-open",
];

/// Where a target is written.
pub struct TargetOrigin {
    pub target: SourceLocation,
    /// Where its proxy is written, or the target where none is.
    pub proxy: SourceLocation,
    /// Where its credentials are written; none where it has none.
    pub credentials: Option<SourceLocation>,
    /// The sources of the credentials, in words.
    pub sources: Vec<String>,
}

impl TargetOrigin {
    /// The error with its place in the settings, when it is about the target.
    pub(super) fn attribute_error(&self, error: Diagnostic, base_url: &Url) -> Diagnostic {
        let is_credential = CREDENTIAL_CODES.contains(&error.code);
        if !is_credential && !URL_CODES.contains(&error.code) {
            return error;
        }
        let other = if error.code.starts_with("proxy-") { &self.proxy } else { &self.target };
        let place = self.credentials.as_ref().filter(|_| is_credential).unwrap_or(other).clone();
        let hint = error.hint.map(|hint| match is_credential && !self.sources.is_empty() {
            true => format!("{hint}; they come from {}", self.sources.join(" and ")),
            false => hint,
        });
        let message = format!("{} (base URL {base_url})", error.message);
        Diagnostic { message, hint, location: error.location.or(Some(place)), ..error }
    }
}
