//! The numbers of a forecast, from the connections of a run: what they were sent, and what they will be.
//!
//! The counts come from `run`, the least time from the reckoning that spaces requests (`remote::pace`).
//! Deliberately absent: how they are told (`report::forecast`), and any measured time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::remote::pace;
use crate::remote::service::{Service, Tally};
use crate::report::outcome::Asked;
use crate::report::shown::Foreseen;

/// The requests of a plan, by target: those that made it, where it is `complete`, and those that applying it takes.
pub fn foreseen(
    services: &BTreeMap<Arc<str>, Service>,
    applying: &BTreeMap<Arc<str>, u64>,
    complete: bool,
) -> Vec<Foreseen> {
    let one = |(name, service): (&Arc<str>, &Service)| {
        let limits = &service.target.api.limits;
        let apply = applying.get(name).copied().filter(|requests| *requests > 0);
        let least = apply.and_then(|requests| pace::least(limits, requests));
        Foreseen {
            target: name.to_string(),
            api: service.target.api.name.to_string(),
            // of reads that failed it is chance how many were under way
            planned: complete.then(|| service.tally().requests),
            apply,
            least_millis: least.map(|least| u64::try_from(least.as_millis()).unwrap_or(u64::MAX)),
            per_second: limits.per_second,
            per_minute: limits.per_minute,
            burst: limits.burst,
        }
    };
    let all = services.iter().map(one);
    all.filter(|one| one.apply.is_some() || one.planned.is_some_and(|requests| requests > 0)).collect()
}

/// What became of a forecast; `before` is what the targets had been sent when the plan stood.
pub fn asked(
    foreseen: &[Foreseen],
    services: &BTreeMap<Arc<str>, Service>,
    before: &BTreeMap<Arc<str>, Tally>,
) -> Vec<Asked> {
    let one = |(name, service): (&Arc<str>, &Service)| {
        let own = foreseen.iter().find(|own| own.target == **name);
        let sent = service.tally().since(before.get(name).copied().unwrap_or_default());
        Asked {
            target: name.to_string(),
            foreseen: own.and_then(|own| own.apply).unwrap_or(0),
            sent: sent.requests,
            repeated: sent.repeated,
        }
    };
    services.iter().map(one).filter(|one| one.foreseen + one.sent + one.repeated > 0).collect()
}
