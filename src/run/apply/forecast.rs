//! How many requests carrying out a plan takes when nothing fails and nobody else writes meanwhile.
//!
//! The rule is that of `apply`, step for step: the same turns and portions, a read before, the write, a read back,
//! and for what only an update takes one more write and read. It counts; it sends nothing and looks at no clock.
//! A test holds it against what the sandbox was sent. Deliberately absent: lists that grow over the end of a page,
//! filters that a service does not know, and fields that it asks for once more; so it is a forecast.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{in_turn, job_of, portions};
use crate::kind::{Answer, Appears, Kind, Maker, ReadOne};
use crate::plan::{Action, Plan, Step};
use crate::remote::service::{Collection, Extent, Service};
use crate::run::gather::{Group, Job, each_alone, id_of, key_to_find};
use crate::run::match_up::wanted_key;
use crate::run::planning::appears;
use crate::value::Value;

/// The number of requests, by the name of the target; nothing of a target to which nothing is to be written.
pub fn forecast(
    services: &BTreeMap<Arc<str>, Service>,
    plan: &Plan,
    jobs: &[Job<'_>],
) -> BTreeMap<Arc<str>, u64> {
    let mut foreseen = BTreeMap::new();
    if plan.steps.is_empty() {
        return foreseen;
    }
    let steps: BTreeMap<usize, &Step> = plan.steps.iter().map(|step| (step.subject.number, step)).collect();
    for group in in_turn(jobs, &steps).iter().flatten() {
        let Some(service) = services.get(&group.target) else { continue };
        let mut count = Count::new(service, group);
        for numbers in group.jobs.chunks(portions(service, group).0) {
            let chosen: Vec<&Step> = numbers.iter().filter_map(|number| steps.get(number).copied()).collect();
            count.chunk(&chosen, jobs);
        }
        *foreseen.entry(group.target.clone()).or_default() += count.requests;
    }
    foreseen
}

/// The requests of one collection.
struct Count<'g> {
    kind: &'g Kind,
    /// How large the collection is by then, as far as is known.
    extent: Option<Extent>,
    requests: u64,
}

impl<'g> Count<'g> {
    fn new(service: &Service, group: &'g Group) -> Self {
        let of = Collection { kind: &group.kind, scope: &group.scope };
        Self { kind: &group.kind, extent: service.extent(of), requests: 0 }
    }

    /// A few objects: read, write, read back.
    fn chunk(&mut self, steps: &[&Step], jobs: &[Job]) {
        let before = steps.iter().map(|step| (job_of(jobs, step, None), step.action != Action::Create));
        self.read_all(&before.collect::<Vec<_>>());
        self.requests += steps.len() as u64;
        steps.iter().for_each(|step| self.moved(step.action));
        let made = Value::Later("".into());
        let after = steps.iter().map(|step| {
            let id = (step.action == Action::Create && answers_id(self.kind)).then_some(&made);
            (job_of(jobs, step, id), shows(step))
        });
        let after: Vec<(Job, bool)> = after.collect();
        self.read_all(&after);
        for (step, (job, shows)) in steps.iter().zip(&after) {
            if step.requests.len() > 1 && *shows {
                self.finish(job);
            }
        }
    }

    /// The second half of a create.
    fn finish(&mut self, job: &Job) {
        if self.kind.operations.if_match.is_some() {
            self.read_one(job, true);
        }
        self.requests += 1;
        self.read_one(job, true);
    }

    /// The size of the collection after a write.
    fn moved(&mut self, action: Action) {
        let Some(extent) = &mut self.extent else { return };
        match action {
            Action::Create => extent.items += 1,
            Action::Update => {}
            Action::Delete => extent.items = extent.items.saturating_sub(1),
        }
    }

    /// Jobs, and whether their objects are there.
    fn read_all(&mut self, jobs: &[(Job, bool)]) {
        let own: Vec<&Job> = jobs.iter().map(|(job, _)| job).collect();
        if jobs.len() <= 1 || each_alone(&own) {
            return jobs.iter().for_each(|(job, is_there)| self.read_one(job, *is_there));
        }
        self.list();
        // an empty list is asked about
        let empty = self.extent.is_some_and(|extent| extent.items == 0);
        self.requests += u64::from(empty && self.kind.operations.list.probe.is_some());
    }

    fn read_one(&mut self, job: &Job, is_there: bool) {
        let (named, kind) = (job.document.id.is_some(), self.kind);
        if let Some(get) = kind.operations.get.as_ref().filter(|_| id_of(job).is_some()) {
            let twice = matches!(get, ReadOne::PathElseList(..)) && !is_there;
            self.requests += if twice { 2 } else { 1 };
            if is_there || named || wanted_key(kind, job.document).is_none() {
                return;
            }
        }
        match key_to_find(kind, job.document).filter(|_| !named) {
            Some(_) => self.requests += 1,
            None => self.list(),
        }
    }

    fn list(&mut self) {
        let least = if is_blind(self.kind) { 2 } else { 1 };
        let pages = match self.extent {
            Some(extent) if extent.items == 0 => 1,
            extent => extent.map_or(least, |extent| extent.pages.max(least)),
        };
        self.requests += u64::from(pages);
    }
}

/// Whether nothing but an empty page tells that the pages of a list are over.
fn is_blind(kind: &Kind) -> bool {
    let paging = kind.operations.list.paging.as_ref();
    paging.is_some_and(|own| own.has_more.is_none() && own.next.is_none() && own.total.is_none())
}

/// Whether the answer to a create tells the id.
fn answers_id(kind: &Kind) -> bool {
    let answer = kind.operations.create.as_ref().map(|create| create.answer);
    kind.identity.made_by == Maker::Server && answer.is_some_and(|answer| answer != Answer::Nothing)
}

/// Whether the object is there after its write.
fn shows(step: &Step) -> bool {
    match step.action {
        Action::Create => appears(&step.subject.kind) == Appears::AtOnce,
        Action::Update => true,
        Action::Delete => false,
    }
}
