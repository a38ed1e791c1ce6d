//! Ids that creates answered and under which no one has seen the object yet.
//!
//! A service may answer the id of another object. Where the run that sent the create ended before its look, the next
//! one finds that object under the id: the answer counts for nothing then, and the natural key finds the new object.
//! Deliberately absent: ids that were seen to be right, which may be those of renamed objects (`renames`).

use super::fetch::{ObjectJob, ReadOutcome, build_key_job, is_duplicate_checked, read_one};
use super::identity::is_same_key;
use super::match_up::ObjectMatch;
use super::natural_key::{build_desired_key, build_live_key};
use super::{RunSession, lock_mutex};
use crate::remote::target_client::CollectionRef;

/// Reads by their natural keys the objects whose creates answered the id of another object, and forgets these ids: the
/// document that means the other object is no duplicate.
pub async fn drop_wrong_answers(
    session: &RunSession<'_>,
    jobs: &mut [ObjectJob<'_>],
    reads: &mut [Option<ReadOutcome>],
) {
    for (number, job) in jobs.iter_mut().enumerate().filter(|(_, job)| job.just_created) {
        let Some(service) = session.services.get(&job.target) else { continue };
        if !is_wrong_answer(session, job, &reads[number]) || session.stop.is_cancelled() {
            continue;
        }
        let document = job.document;
        lock_mutex(session.index).reject_answered_id(&job.target, &document.kind.name, &document.name);
        job.known_id = None;
        let of = CollectionRef { kind: &document.kind, scope: &job.scope };
        reads[number] = Some(read_one(service, of, &build_key_job(job)).await);
    }
}

/// Whether what was found has another natural key and was never seen under this id before.
fn is_wrong_answer(session: &RunSession, job: &ObjectJob, read: &Option<ReadOutcome>) -> bool {
    let Some(ReadOutcome::Found(ObjectMatch::One(live))) = read else { return false };
    let kind = &job.document.kind;
    let index = lock_mutex(session.index);
    let entry = index.get(&job.target, &kind.name, &job.document.name);
    let is_answered = entry.is_some_and(|entry| entry.id.is_none() && entry.open_create.is_some());
    let (desired, live) = (build_desired_key(kind, job.document), build_live_key(kind, &live.object));
    let is_same = desired.zip(live).is_some_and(|(desired, live)| is_same_key(&desired, &live));
    is_answered && is_duplicate_checked(job) && !is_same
}
