//! Updates of unknown outcome that someone is asked to confirm.
//!
//! The service shows such a change once it is confirmed, so no look tells whether an earlier update took. Sent again
//! while that one may still be carried out, it would ask twice.

use super::decide_create::round_second;
use super::{RunSession, lock_mutex};
use crate::diagnostic::Diagnostic;
use crate::plan::Step;
use crate::plan::request::starts_confirmation;

/// A change that someone is asked to confirm is not sent again while an earlier one may still be carried out: the
/// service shows neither before it is confirmed.
pub fn diagnose_open_update(session: &RunSession, step: &Step) -> Option<Diagnostic> {
    let memory = lock_mutex(session.write_digests);
    let shape = &step.subject.kind.shape;
    let asking =
        step.changes.iter().filter(|change| starts_confirmation(shape, std::slice::from_ref(change)));
    let until = asking.filter_map(|change| memory.find_unknown_until(&step.subject, &change.path)).max()?;
    (session.clock.now() < until).then(|| {
        let message = format!("an update was sent and its outcome is unknown until {}", round_second(until));
        Diagnostic::error("update-unknown", message).with_location(step.subject.place.clone()).with_hint(
            "run again after that time: the service may still carry it out, and would ask for two confirmations",
        )
    })
}
