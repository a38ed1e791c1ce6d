//! How many requests carrying out a plan takes when nothing fails and no one else writes meanwhile.
//!
//! The rule is that of `apply`, step for step: the same turns and portions, a read before, the write, a read back,
//! and for what only an update takes one more write and read. It counts; it sends nothing and looks at no clock.
//! A test holds it against what the sandbox was sent. Deliberately absent: lists that grow over the end of a page,
//! filters that a service does not know, and fields that it asks for once more; so it is a forecast.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::execute::first_creates::list_first_creates;
use super::execute::{build_step_job, compute_chunking, group_by_level};
use crate::kind::file::ListShows;
use crate::kind::{IdAssigner, Kind, ReadOperation, WriteResponse};
use crate::plan::{Plan, Step, StepAction};
use crate::remote::page_position::needs_empty_page;
use crate::remote::target_client::{CollectionRef, CollectionSize, TargetClient};
use crate::run::fetch::{
    JobGroup, ObjectJob, build_find_key, build_key_job, can_read_each, find_id, is_duplicate_checked,
};
use crate::run::match_up::is_hidden_until_confirmed;
use crate::run::natural_key::build_desired_key;
use crate::value::Value;

/// The number of requests, by the name of the target; nothing of a target to which nothing is to be written.
pub fn estimate_requests(
    services: &BTreeMap<Arc<str>, TargetClient>,
    plan: &Plan,
    jobs: &[ObjectJob<'_>],
) -> BTreeMap<Arc<str>, u64> {
    let mut foreseen = BTreeMap::new();
    if plan.steps.is_empty() {
        return foreseen;
    }
    let steps: BTreeMap<usize, &Step> = plan.steps.iter().map(|step| (step.subject.number, step)).collect();
    for group in group_by_level(jobs, &steps).iter().flatten() {
        let Some(service) = services.get(&group.target) else { continue };
        let mut count = RequestEstimate::new(service, group);
        let creates = list_first_creates(jobs, group, &steps);
        if let Some(first) = creates.first().and_then(|first| steps.get(first)) {
            count.count_chunk(&[*first], jobs);
            let look = |number: &usize| (build_key_job(&jobs[*number]), *number == first.subject.number);
            count.count_reads(&creates.iter().map(look).collect::<Vec<_>>());
        }
        let rest: Vec<usize> =
            group.jobs.iter().filter(|number| creates.first() != Some(number)).copied().collect();
        for numbers in rest.chunks(compute_chunking(service, group).0) {
            let chosen: Vec<&Step> = numbers.iter().filter_map(|number| steps.get(number).copied()).collect();
            count.count_chunk(&chosen, jobs);
        }
        count.count_duplicate_check(group, &steps, jobs);
        *foreseen.entry(group.target.clone()).or_default() += count.requests;
    }
    foreseen
}

/// The requests of one collection.
struct RequestEstimate<'g> {
    kind: &'g Kind,
    /// How large the collection is by then, as far as is known.
    size: Option<CollectionSize>,
    requests: u64,
}

impl<'g> RequestEstimate<'g> {
    fn new(service: &TargetClient, group: &'g JobGroup) -> Self {
        let of = CollectionRef { kind: &group.kind, scope: &group.scope };
        Self { kind: &group.kind, size: service.find_collection_size(of), requests: 0 }
    }

    /// A few objects: read, write, read back.
    fn count_chunk(&mut self, steps: &[&Step], jobs: &[ObjectJob]) {
        let before =
            steps.iter().map(|step| (build_step_job(jobs, step, None), step.action != StepAction::Create));
        self.count_reads(&before.collect::<Vec<_>>());
        self.requests += steps.len() as u64;
        steps.iter().for_each(|step| self.adjust_size(step.action));
        let made = Value::KnownAfterApply("".into());
        let after = steps.iter().map(|step| {
            let id = (step.action == StepAction::Create && returns_id(self.kind)).then_some(&made);
            (build_step_job(jobs, step, id), is_visible_after_write(step))
        });
        let after: Vec<(ObjectJob, bool)> = after.collect();
        self.count_reads(&after);
        for (step, (job, shows)) in steps.iter().zip(&after) {
            for _ in step.requests.iter().skip(1).filter(|_| *shows) {
                self.count_finish(job);
            }
        }
    }

    /// The look for other objects with the natural keys of those that were created.
    fn count_duplicate_check(
        &mut self,
        group: &JobGroup,
        steps: &BTreeMap<usize, &Step>,
        jobs: &[ObjectJob],
    ) {
        let created = group.jobs.iter().filter(|number| {
            steps.get(number).is_some_and(|step| step.action == StepAction::Create)
                && is_duplicate_checked(&jobs[**number])
        });
        let looks: Vec<(ObjectJob, bool)> =
            created.map(|number| (build_key_job(&jobs[*number]), true)).collect();
        if !looks.is_empty() {
            self.count_reads(&looks);
        }
    }

    /// The second half of a create.
    fn count_finish(&mut self, job: &ObjectJob) {
        if self.kind.operations.if_match.is_some() {
            self.count_read(job, true);
        }
        self.requests += 1;
        self.count_read(job, true);
    }

    /// The size of the collection after a write.
    fn adjust_size(&mut self, action: StepAction) {
        let Some(extent) = &mut self.size else { return };
        match action {
            StepAction::Create => extent.items += 1,
            StepAction::Update | StepAction::Replace => {}
            StepAction::Delete => extent.items = extent.items.saturating_sub(1),
        }
    }

    /// Jobs, and whether their objects are there.
    fn count_reads(&mut self, jobs: &[(ObjectJob, bool)]) {
        let own: Vec<&ObjectJob> = jobs.iter().map(|(job, _)| job).collect();
        if jobs.len() <= 1 || can_read_each(&own) || !self.kind.operations.is_listed {
            return jobs.iter().for_each(|(job, is_there)| self.count_read(job, *is_there));
        }
        self.count_list();
        self.count_completions(jobs.iter().filter(|(_, is_there)| *is_there).count());
        // an empty list is asked about
        let empty = self.size.is_some_and(|extent| extent.items == 0);
        self.requests += u64::from(empty && self.kind.operations.list.access_check.is_some());
    }

    fn count_read(&mut self, job: &ObjectJob, is_there: bool) {
        let (named, kind) = (job.document.id.is_some(), self.kind);
        if let Some(get) = kind.operations.get.as_ref().filter(|_| find_id(job).is_some()) {
            let twice = matches!(get, ReadOperation::PathOrList(..)) && !is_there;
            self.requests += if twice { 2 } else { 1 };
            if is_there || named || build_desired_key(kind, job.document).is_none() {
                return;
            }
        }
        match build_find_key(kind, job.document).filter(|_| !named) {
            Some(_) => self.requests += 1,
            None => self.count_list(),
        }
        self.count_completions(usize::from(is_there));
    }

    /// Where the list shows summaries, each object that it shows is read.
    fn count_completions(&mut self, objects: usize) {
        if self.kind.operations.list.shows == ListShows::Summary {
            self.requests += objects as u64;
        }
    }

    fn count_list(&mut self) {
        let paging = self.kind.operations.list.paging.as_ref();
        let least = if paging.is_some_and(needs_empty_page) { 2 } else { 1 };
        let pages = match self.size {
            Some(extent) if extent.items == 0 => 1,
            extent => extent.map_or(least, |extent| extent.pages.max(least)),
        };
        self.requests += u64::from(pages);
    }
}

/// Whether the answer to a create tells the id.
fn returns_id(kind: &Kind) -> bool {
    let answer = kind.operations.create.as_ref().map(|create| create.response);
    kind.identity.id_assigned_by == IdAssigner::Server
        && answer.is_some_and(|answer| answer != WriteResponse::None)
}

/// Whether the object is there after its write.
fn is_visible_after_write(step: &Step) -> bool {
    match step.action {
        StepAction::Create => !is_hidden_until_confirmed(&step.subject.kind),
        StepAction::Update | StepAction::Replace => true,
        StepAction::Delete => false,
    }
}
