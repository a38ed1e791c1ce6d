//! What a plan will ask of its targets, and what an apply asked in the end.
//!
//! The plan says it in one line; after an apply only what differs notably is said. The numbers come
//! from the command line, which knows the connections; no clock is looked at.
//! Deliberately absent: how long services take to answer, which no one knows beforehand.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plan_report::TargetRequestEstimate;
use super::sanitize::{self, format_count, group_digits};

/// What an apply asked of a target, reads before and after the writes included; logins are not counted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct TargetRequestUsage {
    /// The target.
    pub target: String,
    /// How many requests the plan foresaw.
    pub estimated: u64,
    /// How many were sent, each counted once.
    pub sent: u64,
    /// How often one was sent again.
    pub retried: u64,
}

/// `about 12 requests to phones, at least 2 s at 600 a minute`; nothing when nothing is to be sent.
pub(super) fn format_estimates(foreseen: &[TargetRequestEstimate]) -> Option<String> {
    let one = |own: &TargetRequestEstimate| {
        let requests = own.apply?;
        let least = own.min_duration_ms.filter(|least| *least > 0);
        let least =
            least.map(|least| format!(", at least {} at {}", format_duration(least), format_rate(own)));
        Some(format!(
            "{} to {}{}",
            format_requests(requests),
            sanitize::escape_line(&own.target),
            least.unwrap_or_default()
        ))
    };
    let all: Vec<String> = foreseen.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| format!("about {}", all.join("; ")))
}

/// `30 requests to phones where 12 were estimated, 3 retried`, where that is notable.
pub(super) fn format_deviations(requested: &[TargetRequestUsage]) -> Option<String> {
    let one = |own: &TargetRequestUsage| {
        let again = if own.retried > 0 { format!(", {} retried", own.retried) } else { String::new() };
        format!(
            "{} to {} where {} were estimated{again}",
            format_requests(own.sent),
            sanitize::escape_line(&own.target),
            own.estimated
        )
    };
    let all: Vec<String> = requested.iter().filter(|own| is_notable(own)).map(one).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// More than a fifth off, and more than an object's worth.
fn is_notable(requested: &TargetRequestUsage) -> bool {
    let off = |requests: u64| requests > 3 && requests.saturating_mul(5) > requested.estimated;
    off(requested.sent.abs_diff(requested.estimated)) || off(requested.retried)
}

fn format_requests(requests: u64) -> String {
    format_count(usize::try_from(requests).unwrap_or(usize::MAX), "request")
}

/// Rounded down: less than that it cannot be.
fn format_duration(millis: u64) -> String {
    let whole = |units: u64| group_digits(usize::try_from(units).unwrap_or(usize::MAX));
    match (Duration::from_millis(millis).as_secs(), millis) {
        (0, millis) => format!("{millis} ms"),
        (seconds @ 0..10, millis) if millis % 1000 >= 100 => format!("{seconds}.{} s", millis % 1000 / 100),
        (seconds @ 0..120, _) => format!("{seconds} s"),
        (seconds @ 0..7200, _) => format!("{} min", seconds / 60),
        (seconds, _) => format!("{} h", whole(seconds / 3600)),
    }
}

fn format_rate(foreseen: &TargetRequestEstimate) -> String {
    let say = |most: Option<u32>, span| most.map(|most| format!("{} {span}", group_digits(most as usize)));
    let rates = [say(foreseen.per_second, "a second"), say(foreseen.per_minute, "a minute")];
    rates.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(target: &str, apply: Option<u64>, least: Option<u64>) -> TargetRequestEstimate {
        TargetRequestEstimate {
            target: target.to_owned(),
            api: "phones".to_owned(),
            planned: Some(1),
            apply,
            min_duration_ms: least,
            per_second: None,
            per_minute: Some(600),
            burst: None,
        }
    }

    #[test]
    fn the_line_says_what_is_known() {
        let said = |all: &[TargetRequestEstimate]| format_estimates(all);
        assert_eq!(said(&[own("a", None, None)]), None);
        assert_eq!(said(&[own("a", Some(1), Some(0))]).as_deref(), Some("about 1 request to a"));
        let both = [own("a", Some(1200), Some(60_000)), own("b", Some(3), Some(1_250)), own("c", None, None)];
        let want = "about 1,200 requests to a, at least 60 s at 600 a minute; 3 requests to b, at least 1.2 s at \
                    600 a minute";
        assert_eq!(said(&both).as_deref(), Some(want));
        let twice = TargetRequestEstimate { per_second: Some(20), ..own("a", Some(5000), Some(480_000)) };
        let want = "about 5,000 requests to a, at least 8 min at 20 a second and 600 a minute";
        assert_eq!(said(&[twice]).as_deref(), Some(want));
    }

    #[test]
    fn only_what_is_far_off_is_said() {
        let requested = |foreseen, sent, repeated| {
            [TargetRequestUsage { target: "a".to_owned(), estimated: foreseen, sent, retried: repeated }]
        };
        for near in [requested(12, 12, 0), requested(12, 15, 1), requested(100, 120, 20), requested(3, 0, 0)]
        {
            assert_eq!(format_deviations(&near), None);
        }
        let said = format_deviations(&requested(12, 30, 2));
        assert_eq!(said.as_deref(), Some("30 requests to a where 12 were estimated, 2 retried"));
        assert!(format_deviations(&requested(12, 12, 9)).is_some_and(|said| said.ends_with("9 retried")));
    }
}
