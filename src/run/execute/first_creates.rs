//! The first create of a collection shows whether its list is to be believed: an object that was created and that the
//! list does not show may not be the only one that it lacks.
//!
//! It is created alone, then the list is looked at, then the others follow. Where the list does not show it in the time
//! in which reads may lag behind writes, nothing more is created there. Collections that are read back by their list
//! alone have been looked at already.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::read_back::{FIRST_PAUSE, LONGEST_PAUSE};
use super::{SettledChunk, StepExecutor};
use crate::diagnostic::Diagnostic;
use crate::kind::ScalarType;
use crate::plan::{PlanSubject, Step, StepAction};
use crate::remote::target_client::TargetClient;
use crate::run::decide_create::get_read_after_write;
use crate::run::fetch::{
    JobGroup, ObjectJob, ReadOutcome, build_key_job, fetch_needed, is_duplicate_checked,
};
use crate::run::lock_mutex;
use crate::run::match_up::ObjectMatch;
use crate::run::outcome::{OutcomeStatus, StepOutcome};

/// So many creates are tried one after the other until one is done.
const MAX_FIRST_CREATES: usize = 3;

impl StepExecutor<'_, '_> {
    /// Carries out creates one by one until one is done, looks at the list then, and takes them out of the group.
    pub(super) async fn execute_first_creates(
        &self,
        service: &TargetClient,
        group: &mut JobGroup,
        steps: &BTreeMap<usize, Step>,
    ) -> SettledChunk {
        let creates = list_first_creates(self.jobs, group, steps);
        let mut done = SettledChunk::default();
        for first in creates.iter().copied().take(MAX_FIRST_CREATES) {
            if !done.created.is_empty() {
                break;
            }
            let chunk = self.execute_chunk(service, group, &[first], steps).await;
            let part = self.journal_settled(chunk, steps).await;
            group.jobs.retain(|number| *number != first);
            done.recorded.extend(part.recorded);
            done.created.extend(part.created);
        }
        if let [created] = &*done.created {
            let own = created.subject.number;
            let others = creates.iter().filter(|number| **number != own).copied();
            let numbers: Vec<usize> = std::iter::once(own).chain(others).collect();
            let is_shown = |reads: &[ReadOutcome]| !is_missing(reads.first());
            if !is_shown(&self.look_for_keys(service, group, &numbers, &is_shown).await) {
                lock_mutex(self.doubted).insert(build_collection_key(group));
            }
        }
        done
    }

    /// Ends the creates of a group whose list is known to lack objects.
    pub(super) async fn refuse_doubted(
        &self,
        group: &mut JobGroup,
        steps: &BTreeMap<usize, Step>,
    ) -> Vec<StepOutcome> {
        if !lock_mutex(self.doubted).contains(&build_collection_key(group)) {
            return Vec::new();
        }
        let creates: BTreeSet<usize> = list_creates(group, steps).into_iter().collect();
        group.jobs.retain(|number| !creates.contains(number));
        let refuse = |number: &usize| {
            let step = steps.get(number)?;
            Some(self.end_step(step, OutcomeStatus::Refused(vec![diagnose_doubted(&step.subject)])))
        };
        self.journal_outcomes(creates.iter().filter_map(refuse).collect(), steps).await
    }

    /// Looks for the natural keys of these jobs, again until what is found is settled or reads do not lag any more.
    pub(super) async fn look_for_keys(
        &self,
        service: &TargetClient,
        group: &JobGroup,
        numbers: &[usize],
        is_settled: &(dyn Fn(&[ReadOutcome]) -> bool + Sync),
    ) -> Vec<ReadOutcome> {
        let jobs: Vec<ObjectJob> = numbers.iter().map(|number| build_key_job(&self.jobs[*number])).collect();
        let group = JobGroup { jobs: (0..jobs.len()).collect(), ..group.clone() };
        let is_doubted = lock_mutex(self.doubted).contains(&build_collection_key(&group));
        let (began, window) = (Instant::now(), get_read_after_write(self.session, &group.kind));
        let mut pause = FIRST_PAUSE;
        loop {
            let reads = fetch_needed(service, &group, &jobs).await.reads;
            let left = window.saturating_sub(began.elapsed());
            let is_over = is_doubted || left.is_zero() || is_settled(&reads);
            if is_over || !self.pause(pause.min(left)).await {
                return reads;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// The creates of a group of which one is carried out before the others; nothing where no look is needed.
pub(in crate::run) fn list_first_creates<S: Borrow<Step>>(
    jobs: &[ObjectJob],
    group: &JobGroup,
    steps: &BTreeMap<usize, S>,
) -> Vec<usize> {
    let mut creates = list_creates(group, steps);
    creates.retain(|number| is_duplicate_checked(&jobs[*number]));
    match creates.len() > 1 && group.kind.operations.get.is_some() {
        true => creates,
        false => Vec::new(),
    }
}

/// Whether a look says that there is no such object.
pub(super) fn is_missing(read: Option<&ReadOutcome>) -> bool {
    matches!(read, Some(ReadOutcome::Found(ObjectMatch::Nothing)))
}

fn list_creates<S: Borrow<Step>>(group: &JobGroup, steps: &BTreeMap<usize, S>) -> Vec<usize> {
    let is_create =
        |number: &&usize| steps.get(number).is_some_and(|step| step.borrow().action == StepAction::Create);
    group.jobs.iter().filter(is_create).copied().collect()
}

/// Target, kind and scope.
fn build_collection_key(group: &JobGroup) -> String {
    let scope = group.scope.iter().map(|value| ScalarType::render_url_text(value, &group.kind.api));
    let parts = [group.target.to_string(), group.kind.name.to_string()];
    parts.into_iter().chain(scope).collect::<Vec<_>>().join("\u{1f}")
}

/// A create that follows one whose object the list does not show.
fn diagnose_doubted(subject: &PlanSubject) -> Diagnostic {
    let list = format!("the list of {} at target {}", subject.kind.name, subject.target);
    let message =
        format!("{list} does not show an object that this run created, so this one may be there too");
    Diagnostic::error("incomplete-list", message).with_location(subject.place.clone()).with_hint(HINT)
}

/// An object that was created, can be read, and is not in the list of its collection.
pub(super) fn diagnose_unlisted(subject: &PlanSubject) -> Diagnostic {
    let list = format!("the list of {} at target {}", subject.kind.name, subject.target);
    let message = format!(
        "it was created, and {list} does not show it, so nobody knows whether there was one with its natural key before"
    );
    Diagnostic::error("incomplete-list", message).with_location(subject.place.clone()).with_hint(HINT)
}

const HINT: &str = "check `paging` in the description of the kind; if the list only lags behind, say how long: `read_after_write`";
