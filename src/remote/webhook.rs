//! One message to a webhook: signed, sent once, within bounds, and only to a host that was allowed.
//!
//! The address of a webhook is a credential, so nothing that is said about a failure holds more of it than the
//! host. Redirects are not followed, and what comes back is not looked at.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, Mac};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::Url;

use super::connection_options::ConnectionOptions;
use super::hosts::AllowedHosts;
use super::transport::{ExchangeLimits, HostConnection, PreparedRequest, TransportResponse};
use crate::diagnostic::Diagnostic;

/// How long a webhook may take, and how much it may answer.
const WEBHOOK_LIMITS: ExchangeLimits =
    ExchangeLimits { timeout: Duration::from_secs(10), max_response_bytes: 64 << 10 };
/// What the message is about.
const EVENT_HEADER: HeaderName = HeaderName::from_static("x-trueup-event");
/// When it was sent, in seconds since 1970.
const TIMESTAMP_HEADER: HeaderName = HeaderName::from_static("x-trueup-timestamp");
/// HMAC-SHA256 over the timestamp, a dot and the body.
const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-trueup-signature");

/// A webhook with its address and secret in place.
pub struct WebhookSender<'h> {
    pub url: &'h SecretString,
    /// Signs the message.
    pub secret: Option<&'h SecretString>,
    /// What the message is about.
    pub event: &'static str,
}

impl WebhookSender<'_> {
    /// Sends a message.
    ///
    /// # Errors
    /// With why it did not arrive.
    pub async fn send_message(&self, body: String, allowed: &AllowedHosts) -> Result<(), Diagnostic> {
        let url = Url::parse(self.url.expose_secret().trim()).map_err(|_| build_url_warning())?;
        allowed.check_webhook(&url)?;
        let headers = self.build_headers(body.as_bytes())?;
        let transport = HostConnection::new(&url, &ConnectionOptions::default())?;
        let call = PreparedRequest { method: Method::POST, url, headers, body: Some(Bytes::from(body)) };
        match transport.send_request(call, &WEBHOOK_LIMITS).await {
            Ok(TransportResponse::Complete(answer)) if (200..300).contains(&answer.status) => Ok(()),
            Ok(TransportResponse::Complete(answer)) => {
                Err(build_rejection_warning(&format!("answers {}", answer.status)))
            }
            Ok(TransportResponse::Redirect(_)) => {
                Err(build_rejection_warning("answers with a redirect, which is not followed"))
            }
            Err(failure) => {
                Err(Diagnostic::warning("not-notified", format!("webhook notification failed: {failure}")))
            }
        }
    }

    fn build_headers(&self, body: &[u8]) -> Result<HeaderMap, Diagnostic> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).to_string();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(EVENT_HEADER, HeaderValue::from_static(self.event));
        if let Some(secret) = self.secret {
            let signature = sign_body(secret.expose_secret(), &now, body).ok_or_else(build_url_warning)?;
            headers.insert(
                SIGNATURE_HEADER,
                HeaderValue::from_str(&signature).map_err(|_| build_url_warning())?,
            );
        }
        headers.insert(TIMESTAMP_HEADER, HeaderValue::from_str(&now).map_err(|_| build_url_warning())?);
        Ok(headers)
    }
}

/// `sha256=` and the digits.
fn sign_body(secret: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("sha256={digits}"))
}

fn build_url_warning() -> Diagnostic {
    Diagnostic::warning("not-notified", "the source of a webhook's address does not give an address")
        .with_hint("it gives one like https://hooks.example.com/…")
}

fn build_rejection_warning(what: &str) -> Diagnostic {
    Diagnostic::warning("not-notified", format!("the webhook {what}"))
        .with_hint("check the address and what is expected there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_other_programs_make() {
        // printf '1.{}' | openssl dgst -sha256 -hmac key
        let expected = "sha256=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224";
        assert_eq!(sign_body("key", "1", b"{}").as_deref(), Some(expected));
    }
}
