//! What a service says about its rate limit: how many requests are left, and when it allows more.
//!
//! `RateLimit-*` and `X-RateLimit-*` are three headers; later drafts have one `RateLimit` with parameters. A reset
//! is a number of seconds, or a time in seconds or milliseconds since 1970.
//! Deliberately absent: `Retry-After`, which goes before all of these.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;

use crate::exchange::{HttpResponse, RateLimitHeaders};

/// Larger numbers of seconds are times.
const MIN_EPOCH_SECONDS: u64 = 1_000_000_000;
/// Larger times are in milliseconds.
const MIN_EPOCH_MILLIS: u64 = 1_000_000_000_000;

/// What the headers of a response say.
pub(super) fn read_rate_limit(headers: &HeaderMap) -> RateLimitHeaders {
    let number = |names: [&str; 4]| names.iter().find_map(|name| read_number(headers, name));
    let whole = headers.get("ratelimit").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parameter = |names: [&str; 2]| names.iter().find_map(|name| find_parameter(whole, name));
    RateLimitHeaders {
        remaining: number([
            "ratelimit-remaining",
            "x-ratelimit-remaining",
            "x-rate-limit-remaining",
            "rate-limit-remaining",
        ])
        .or_else(|| parameter(["remaining", "r"])),
        reset: number(["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset", "rate-limit-reset"])
            .or_else(|| parameter(["reset", "t"])),
    }
}

/// A number; fractions of a second are rounded up.
fn read_number(headers: &HeaderMap, name: &str) -> Option<u64> {
    parse_seconds(headers.get(name)?.to_str().ok()?)
        .map(|pause| pause.as_secs() + u64::from(pause.subsec_nanos() > 0))
}

/// `remaining=0, reset=5` or `"default";r=0;t=5`.
fn find_parameter(text: &str, name: &str) -> Option<u64> {
    let mut pairs = text.split([',', ';']).filter_map(|part| part.split_once('='));
    pairs
        .find(|(own, _)| own.trim().eq_ignore_ascii_case(name))
        .and_then(|(_, value)| value.trim().parse().ok())
}

/// Seconds with or without a fraction.
pub(super) fn parse_seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Duration::try_from_secs_f64(text.parse().ok()?).ok(),
    }
}

/// Whether a response refuses a request because there were too many.
pub(super) fn is_throttled(response: &HttpResponse) -> bool {
    response.status == 429 || (response.status == 403 && response.rate_limit.remaining == Some(0))
}

/// When a service that refuses a request allows more.
pub(super) fn find_reset(response: &HttpResponse, now: SystemTime) -> Option<Duration> {
    if !is_throttled(response) && response.status != 503 {
        return None;
    }
    let reset = response.rate_limit.reset?;
    let time = match reset {
        ..MIN_EPOCH_SECONDS => return Some(Duration::from_secs(reset)),
        MIN_EPOCH_SECONDS..MIN_EPOCH_MILLIS => Duration::from_secs(reset),
        MIN_EPOCH_MILLIS.. => Duration::from_millis(reset),
    };
    Some(time.saturating_sub(now.duration_since(UNIX_EPOCH).unwrap_or_default()))
}

/// Seconds, or the time until a date.
pub(super) fn parse_pause(text: &str, now: SystemTime) -> Option<Duration> {
    if let Some(pause) = parse_seconds(text) {
        return Some(pause);
    }
    httpdate::parse_http_date(text.trim()).ok().map(|date| date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> RateLimitHeaders {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        read_rate_limit(&pairs.iter().map(header).collect())
    }

    #[test]
    fn every_spelling_is_read() {
        let wanted = RateLimitHeaders { remaining: Some(0), reset: Some(7) };
        for pairs in [
            &[("ratelimit-remaining", "0"), ("ratelimit-reset", "7")][..],
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "6.2")],
            &[("x-rate-limit-remaining", " 0 "), ("x-rate-limit-reset", "7")],
            &[("ratelimit", "limit=100, remaining=0, reset=7")],
            &[("ratelimit", "\"default\";r=0;t=7")],
        ] {
            assert_eq!(read(pairs), wanted, "{pairs:?}");
        }
        assert_eq!(read(&[("ratelimit", "soon"), ("x-ratelimit-reset", "-1")]), RateLimitHeaders::default());
    }

    #[test]
    fn a_reset_counts_where_the_service_refuses() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let after = |status, remaining, reset| {
            let rate_limit = RateLimitHeaders { remaining: Some(remaining), reset: Some(reset) };
            find_reset(&HttpResponse { status, rate_limit, ..HttpResponse::default() }, now)
                .map(|pause| pause.as_secs())
        };
        assert_eq!(after(429, 0, 9), Some(9));
        assert_eq!(after(429, 3, 1_800_000_012), Some(12));
        assert_eq!(after(403, 0, 1_800_000_012_000), Some(12));
        assert_eq!(after(503, 0, 1_700_000_000), Some(0));
        assert_eq!(after(403, 1, 9), None, "forbidden for another reason");
        assert_eq!(after(200, 0, 9), None);
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        let requested = |text| parse_pause(text, now).map(|pause| pause.as_secs());
        assert_eq!(requested("120"), Some(120));
        assert_eq!(requested(" 0 "), Some(0));
        assert_eq!(requested("1.5"), Some(1));
        assert_eq!(requested("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(
            requested("Sun, 06 Nov 1994 08:00:00 GMT"),
            Some(0),
            "a date that is over asks for nothing"
        );
        for nonsense in ["", "soon", "-1", "1e3", "nan"] {
            assert_eq!(requested(nonsense), None, "{nonsense}");
        }
    }
}
