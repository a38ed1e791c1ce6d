//! The numbers of a forecast, from the connections of a run: what they were sent, and what they will be.
//!
//! The counts come from `run`, the least time from the reckoning that spaces requests (`remote::pace`).
//! Deliberately absent: how they are reported (`report::forecast`), and any measured time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::remote::rate_limiter;
use crate::remote::target_client::{RequestCount, TargetClient};
use crate::report::plan_report::TargetRequestEstimate;
use crate::report::request_estimate::TargetRequestUsage;

/// The requests of a plan, by target: those that made it, where it is `complete`, and those that applying it takes.
pub fn forecast_requests(
    services: &BTreeMap<Arc<str>, TargetClient>,
    applying: &BTreeMap<Arc<str>, u64>,
    complete: bool,
) -> Vec<TargetRequestEstimate> {
    let one = |(name, service): (&Arc<str>, &TargetClient)| {
        let limits = &service.target.api.limits;
        let apply = applying.get(name).copied().filter(|requests| *requests > 0);
        let least = apply.and_then(|requests| rate_limiter::estimate_min_duration(limits, requests));
        TargetRequestEstimate {
            target: name.to_string(),
            api: service.target.api.name.to_string(),
            // of reads that failed it is chance how many were under way
            planned: complete.then(|| service.count_requests().requests),
            apply,
            min_duration_ms: least.map(|least| u64::try_from(least.as_millis()).unwrap_or(u64::MAX)),
            per_second: limits.per_second,
            per_minute: limits.per_minute,
            burst: limits.burst,
        }
    };
    let all = services.iter().map(one);
    all.filter(|one| one.apply.is_some() || one.planned.is_some_and(|requests| requests > 0)).collect()
}

/// What became of a forecast; `before` is what the targets had been sent when the plan stood.
pub fn compare_forecast(
    foreseen: &[TargetRequestEstimate],
    services: &BTreeMap<Arc<str>, TargetClient>,
    before: &BTreeMap<Arc<str>, RequestCount>,
) -> Vec<TargetRequestUsage> {
    let one = |(name, service): (&Arc<str>, &TargetClient)| {
        let own = foreseen.iter().find(|own| own.target == **name);
        let sent = service.count_requests().subtract_earlier(before.get(name).copied().unwrap_or_default());
        TargetRequestUsage {
            target: name.to_string(),
            estimated: own.and_then(|own| own.apply).unwrap_or(0),
            sent: sent.requests,
            retried: sent.retries,
        }
    };
    services.iter().map(one).filter(|one| one.estimated + one.sent + one.retried > 0).collect()
}
