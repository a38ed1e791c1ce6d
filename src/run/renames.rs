//! Documents that find no object by the natural key that they name: their object may have an earlier one.
//!
//! The natural keys of a document in the base of the branch and before are looked up too, so an edited key is a
//! rename and not a create. An object that another document describes is no such object.
//! Deliberately absent: objects that are known by an id, which keep it through a rename.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};

use super::RunSession;
use super::fetch::{JobGroup, ObjectJob, ReadOutcome, fetch_needed, group_jobs};
use super::match_up::ObjectMatch;
use super::natural_key::build_desired_key;
use crate::document::{Document, DocumentState};
use crate::kind::ScalarType;
use crate::value::Value;

/// The most earlier natural keys of a document that are looked up.
const MAX_EARLIER_KEYS: usize = 3;
/// The most collections that are read at once.
const MAX_PARALLEL_COLLECTIONS: usize = 8;

/// An earlier version of the document of a job.
struct EarlierVersion {
    job: usize,
    document: Document,
}

/// Reads the objects of documents that found none under the natural keys that the documents had earlier.
pub async fn find_renamed_objects(
    session: &RunSession<'_>,
    jobs: &[ObjectJob<'_>],
    reads: &mut [Option<ReadOutcome>],
) {
    let missing = jobs.iter().zip(&*reads).enumerate().filter(|(_, (_, read))| is_nothing(read));
    let versions: Vec<EarlierVersion> =
        missing.flat_map(|(number, (job, _))| list_earlier_versions(session, number, job)).collect();
    if versions.is_empty() || session.stop.is_cancelled() {
        return;
    }
    let earlier: Vec<ObjectJob> = versions.iter().map(|version| build_job(version, jobs)).collect();
    let groups = group_jobs(&earlier);
    let fetched = stream::iter(groups.iter().map(|group| fetch_group(session, group, &earlier)));
    let fetched: Vec<_> = fetched.buffer_unordered(MAX_PARALLEL_COLLECTIONS).concat().await;
    let mut taken: HashSet<String> =
        jobs.iter().zip(&*reads).filter_map(|(job, read)| build_read_key(job, read)).collect();
    let mut fetched: Vec<(usize, ReadOutcome)> = fetched;
    fetched.sort_by_key(|(number, _)| *number);
    for (number, read) in fetched {
        let job = versions[number].job;
        let read = Some(read);
        let key = build_read_key(&jobs[job], &read);
        if is_nothing(&reads[job]) && key.is_some_and(|key| taken.insert(key)) {
            reads[job] = read;
        }
    }
}

fn is_nothing(read: &Option<ReadOutcome>) -> bool {
    matches!(read, Some(ReadOutcome::Found(ObjectMatch::Nothing)))
}

/// The versions of a document that name another natural key, the newest first.
fn list_earlier_versions(session: &RunSession, number: usize, job: &ObjectJob) -> Vec<EarlierVersion> {
    let (kind, document) = (&job.document.kind, job.document);
    let key = build_desired_key(kind, document);
    if key.is_none() || document.id.is_some() || document.state != DocumentState::Present {
        return Vec::new();
    }
    let mut seen = HashSet::from([key]);
    let versions = session.other_documents.list_versions(document).into_iter();
    let renamed = versions.filter(|own| own.state == DocumentState::Present && own.kind.name == kind.name);
    let renamed = renamed.filter(|own| seen.insert(build_desired_key(kind, own)));
    renamed.take(MAX_EARLIER_KEYS).map(|document| EarlierVersion { job: number, document }).collect()
}

fn build_job<'v>(version: &'v EarlierVersion, jobs: &[ObjectJob]) -> ObjectJob<'v> {
    let job = &jobs[version.job];
    ObjectJob {
        document: &version.document,
        scope: job.scope.clone(),
        target: job.target.clone(),
        known_id: None,
        just_created: false,
        excluded_id: job.excluded_id.clone(),
    }
}

async fn fetch_group(
    session: &RunSession<'_>,
    group: &JobGroup,
    jobs: &[ObjectJob<'_>],
) -> Vec<(usize, ReadOutcome)> {
    match session.services.get(&group.target) {
        Some(service) => {
            let fetched = fetch_needed(service, group, jobs).await;
            group.jobs.iter().copied().zip(fetched.reads).collect()
        }
        None => Vec::new(),
    }
}

/// The kind, target, scope and id of the one object that was read.
fn build_read_key(job: &ObjectJob, read: &Option<ReadOutcome>) -> Option<String> {
    let Some(ReadOutcome::Found(ObjectMatch::One(live))) = read else { return None };
    let kind = &job.document.kind;
    let id = live.object.get_field(kind.identity.id).filter(|id| !id.is_blank())?;
    let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
    let scope: Vec<String> = job.scope.iter().chain([id]).map(text).collect();
    Some(format!("{}\n{}\n{}", job.target, kind.name, scope.join("\n")))
}
