//! What is said of URLs and entries that are not allowed.
//!
//! Nothing of a text that may be a credential is repeated.

use url::Url;

use super::address::format_authority;
use super::purpose::HostPurpose;
use crate::diagnostic::Diagnostic;

pub(super) fn build_host_error(url: &Url, purpose: HostPurpose, whose: &str) -> Diagnostic {
    let host = format_authority(url);
    // the address of a webhook is a secret; the one of a login is not, and its path counts
    let entry = match purpose {
        HostPurpose::Login => format!("{host}{}", url.path().trim_end_matches('/')),
        HostPurpose::Api | HostPurpose::Search | HostPurpose::Webhook | HostPurpose::Proxy => host,
    };
    let message = match purpose {
        HostPurpose::Webhook => format!("{whose} may not go to `{entry}`"),
        HostPurpose::Api | HostPurpose::Login | HostPurpose::Search | HostPurpose::Proxy => {
            format!("the credentials of {whose} may not go to `{entry}`")
        }
    };
    Diagnostic::error("host-not-allowed", message).with_hint(format!(
        "if that is right, set {}={entry} in the environment, outside the repository",
        purpose.variable()
    ))
}

pub(super) fn build_scheme_error(url: &Url, whose: &str) -> Diagnostic {
    let message = format!("the URL of {whose} begins with `{}:`, which is not secure", url.scheme());
    Diagnostic::error("insecure-url", message).with_hint("use https; http is for this machine alone")
}

pub(super) fn build_userinfo_error(whose: &str) -> Diagnostic {
    Diagnostic::error("credentials-in-url", format!("the URL of {whose} holds a user name or a password"))
        .with_hint("take it out and name its source under `auth`")
}

pub(super) fn build_pattern_error(purpose: HostPurpose, word: &str) -> Diagnostic {
    // the value may be anything, a pasted key for example, so no more than a plain name is repeated
    let plain = word.len() <= 100 && word.chars().all(|c| c.is_ascii_alphanumeric() || "-.:*".contains(c));
    let shown = if plain { format!("`{word}`") } else { "an entry".to_owned() };
    Diagnostic::error("invalid-host", format!("{shown} of {} is not a host", purpose.variable())).with_hint(
        "write names like api.example.com, api.example.com:8443, *.example.com, api.example.com/v2 or \
         TARGET=api.example.com, separated by commas",
    )
}
