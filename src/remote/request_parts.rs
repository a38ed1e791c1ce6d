//! What requests carry beside their own: fixed headers, and credentials in headers and in the query.

use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::transport::PreparedRequest;

/// What every request carries: the API's fixed headers, and credentials that never change.
#[derive(Default)]
pub(super) struct StaticRequestParts {
    pub(super) headers: HeaderMap,
    pub(super) query: Vec<(String, SecretString)>,
}

impl StaticRequestParts {
    /// Puts everything into `call`.
    pub(super) fn apply_auth(&self, call: &mut PreparedRequest) {
        for (name, value) in &self.headers {
            call.headers.insert(name, value.clone());
        }
        for (name, value) in &self.query {
            set_query_parameter(&mut call.url, name, value);
        }
    }
}

/// Puts a credential into a query, in the place of what a URL that the service gave has there.
pub(super) fn set_query_parameter(url: &mut Url, name: &str, value: &SecretString) {
    if url.query_pairs().any(|(own, _)| own == name) {
        let others = url.query_pairs().into_owned().filter(|(own, _)| own != name);
        let others: Vec<(String, String)> = others.collect();
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    url.query_pairs_mut().append_pair(name, value.expose_secret());
}

/// A header value that no one prints; `None` when it is empty or no header can carry it.
pub(super) fn build_sensitive_header(before: &str, secret: &SecretString) -> Option<HeaderValue> {
    let secret = secret.expose_secret();
    let text = Zeroizing::new(format!("{before}{secret}"));
    let mut value = HeaderValue::from_str(&text).ok().filter(|_| !secret.trim().is_empty())?;
    value.set_sensitive(true);
    Some(value)
}
