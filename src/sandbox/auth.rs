//! Whether a request shows a credential of a sort that the API takes.
//!
//! Any value will do but the word `wrong`, so that no real credential is needed for practice, and a wrong one
//! can be tried; one that is called `read-only` may read and not write.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::HeaderMap;

use crate::kind::{Api, AuthScheme};

/// The credential that is refused.
const REJECTED_CREDENTIAL: &str = "wrong";

/// The credential that may not write.
const READ_ONLY_CREDENTIAL: &str = "read-only";

/// Headers that every client sends; none of them is a credential.
const COMMON_HEADERS: [&str; 12] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-request-id",
];

/// Whether one of the API's own ways is used. `known` are the query parameters that mean something else.
pub fn is_authenticated(
    api: &Api,
    headers: &HeaderMap,
    query: &[(String, String)],
    known: &HashSet<String>,
) -> bool {
    let authorization = read_header(headers, "authorization");
    let after = |scheme: &str| {
        let (word, rest) = authorization.split_once(' ')?;
        word.eq_ignore_ascii_case(scheme).then_some(rest.trim())
    };
    let header = || {
        let listed = |name: &str, names: &[String]| names.iter().any(|own| own.eq_ignore_ascii_case(name));
        let fixed = |name: &str| api.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let counts = |name: &str| match api.auth_headers.is_empty() {
            true => !COMMON_HEADERS.contains(&name) && !fixed(name),
            false => listed(name, &api.auth_headers),
        };
        headers.iter().any(|(name, value)| {
            counts(name.as_str()) && is_valid_credential(value.to_str().unwrap_or_default())
        })
    };
    let parameter = || query.iter().any(|(name, value)| !known.contains(name) && is_valid_credential(value));
    let bearer = || after("bearer").is_some_and(is_valid_credential);
    api.auth.is_empty()
        || api.auth.iter().any(|way| match way {
            AuthScheme::Bearer
            | AuthScheme::OauthPassword
            | AuthScheme::OauthClientCredentials
            | AuthScheme::OauthRefreshToken => bearer(),
            AuthScheme::Token => after("token").is_some_and(is_valid_credential),
            AuthScheme::Basic => after("basic").is_some_and(is_valid_basic),
            AuthScheme::Headers => header(),
            AuthScheme::Query => parameter(),
            AuthScheme::Login => bearer() || header() || parameter(),
        })
}

/// Whether this may be a credential.
pub fn is_valid_credential(credential: &str) -> bool {
    !credential.is_empty() && !credential.split(['=', ';', ' ']).any(|part| part == REJECTED_CREDENTIAL)
}

/// Whether one of the credentials may only read.
pub fn is_read_only(headers: &HeaderMap, query: &[(String, String)]) -> bool {
    let is = |value: &str| value.split(['=', ';', ' ']).any(|part| part == READ_ONLY_CREDENTIAL);
    headers.values().filter_map(|value| value.to_str().ok()).any(is)
        || query.iter().any(|(_, value)| is(value))
}

fn is_valid_basic(encoded: &str) -> bool {
    let decoded = BASE64_STANDARD.decode(encoded).unwrap_or_default();
    let pair = String::from_utf8_lossy(&decoded);
    pair.split_once(':').is_some_and(|(name, password)| !name.is_empty() && is_valid_credential(password))
}

fn read_header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
