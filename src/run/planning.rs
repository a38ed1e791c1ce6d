//! From documents to a plan: read what they need, decide about each, in the order of the documents.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, stream};

use super::decide_create::{CreateDecision, decide_create, diagnose_appears_later, diagnose_hidden_create};
use super::fetch::{ObjectJob, ReadOutcome};
use super::job_decision::{JobDecision, block_dependents, refuse_blocked, set_referent_status};
use super::live_state::{CollectionFacts, FetchedState, fetch_all, fetch_state};
use super::match_up::ObjectMatch;
use super::parents;
use super::refer::{
    DependencyLookup, DependencyOrder, ReferentStatus, UnresolvedReferences, build_edges, diagnose_cycle,
    sort_topologically,
};
use super::unmatched::UnmatchedObjects;
use super::{
    RunSession, answered_ids, blocked_replacements, described_objects, gone_dependents, identity, leftovers,
    locate_error, mismatches, needed_objects, open_updates, read_errors, renames, skipped_secrets,
};
use crate::cores::map_parallel;
use crate::diagnostic::Diagnostic;
use crate::document::{Document, DocumentState};
use crate::kind::address;
use crate::plan::permission::Permission;
use crate::plan::permission_check;
use crate::plan::propose::{GrantedPermissions, ProposalInput};
use crate::plan::rotate::NO_ROTATION;
use crate::plan::step::{DecideOptions, PlanDecision, decide_object};
use crate::plan::{Plan, PlanSubject, RefusedObject, Step, StepRequest, UnchangedObject};
use crate::remote::wire::Snapshot;
use crate::value::Value;

/// The most collections looked at at once; each target has its own limit below this.
const MAX_PARALLEL_COLLECTIONS: usize = 64;
/// So many objects are decided by one core before it looks for more.
const DECIDE_BATCH_SIZE: usize = 256;

/// Reads live state and makes the plan.
pub async fn make_plan(session: &RunSession<'_>, jobs: &mut [ObjectJob<'_>]) -> Plan {
    let FetchedState { mut reads, in_sync_ids: agreed, facts, collections, unmatched } =
        fetch_state(session, jobs, session.rotation.is_empty()).await;
    answered_ids::drop_wrong_answers(session, jobs, &mut reads).await;
    let jobs = &*jobs;
    let leftovers = leftovers::find_leftovers(session, jobs).await;
    let unmatched = UnmatchedObjects::new(session, unmatched);
    renames::find_renamed_objects(session, jobs, &mut reads).await;
    // each of these looks at every document, so they are left out where none of them refers to anything
    if jobs.iter().any(|job| job.document.needs_lookup()) {
        session.references.record_fetched(jobs, &reads, &agreed);
        refuse_foreign_referents(session, jobs, &reads);
        fetch_lookups(session, jobs, &reads).await;
    }
    let incomplete = collections.iter().filter_map(read_errors::diagnose_incomplete);
    let unmanaged = if session.unmanaged { unmatched.list_unmanaged() } else { Vec::new() };
    let diagnostics = incomplete.chain(unmanaged).collect();
    let mut plan = Plan { diagnostics, collections, ..Plan::default() };
    for judged in decide_all(session, jobs, reads, agreed, &facts) {
        add_decision(&mut plan, judged);
    }
    leftovers::plan_leftovers(session, jobs, &mut plan, leftovers);
    plan.complete = plan.unread.is_empty();
    described_objects::remove_conflicting_steps(session, jobs, &mut plan);
    gone_dependents::note_gone_dependents(session, jobs, &plan).await;
    blocked_replacements::refuse_needed_replacements(session, jobs, &mut plan);
    needed_objects::refuse_needed_deletes(session, jobs, &mut plan);
    unmatched.review_creates(&mut plan);
    permission_check::add_counts_to_hints(&mut plan);
    read_errors::merge_read_errors(&mut plan);
    plan.diagnostics.extend(session.references.take_unselected_reasons());
    plan.diagnostics.splice(0..0, session.collect_run_errors(plan.complete));
    plan
}

/// What was read for each job, where the answers are to be those of the objects that the documents mean.
pub async fn fetch_checked(session: &RunSession<'_>, jobs: &mut [ObjectJob<'_>]) -> Vec<Option<ReadOutcome>> {
    let mut reads = fetch_all(session, jobs).await;
    answered_ids::drop_wrong_answers(session, jobs, &mut reads).await;
    renames::find_renamed_objects(session, jobs, &mut reads).await;
    reads
}

/// Nothing refers to an object that was found by a remembered id and is another one by now.
fn refuse_foreign_referents(session: &RunSession, jobs: &[ObjectJob], reads: &[Option<ReadOutcome>]) {
    for (job, read) in jobs.iter().zip(reads) {
        if let Some(ReadOutcome::Found(ObjectMatch::One(live))) = read
            && identity::check_identity(session, job, &live.object).is_err()
        {
            session.references.set_status(job, ReferentStatus::Refused);
        }
    }
}

/// Reads what references need.
async fn fetch_lookups(session: &RunSession<'_>, jobs: &[ObjectJob<'_>], reads: &[Option<ReadOutcome>]) {
    let looking = jobs.iter().zip(reads).filter(|(job, _)| job.document.needs_lookup());
    let looks = looking.map(|(job, read)| fetch_job_lookups(session, job, read));
    stream::iter(looks).buffer_unordered(MAX_PARALLEL_COLLECTIONS).collect::<()>().await;
}

async fn fetch_job_lookups(session: &RunSession<'_>, job: &ObjectJob<'_>, read: &Option<ReadOutcome>) {
    let live = match read {
        Some(ReadOutcome::Found(ObjectMatch::One(live))) => Some(&**live),
        Some(ReadOutcome::Found(ObjectMatch::Nothing)) => None,
        // what cannot be decided anyway needs nothing
        _ => return,
    };
    if let Some(service) = session.services.get(&job.target).filter(|_| !session.stop.is_cancelled()) {
        session.references.fetch_lookups(service, job, live).await;
    }
}

/// Decides about every job, each after those to whose objects it refers; in the order of the jobs.
fn decide_all(
    session: &RunSession,
    jobs: &[ObjectJob],
    mut reads: Vec<Option<ReadOutcome>>,
    agreed: BTreeMap<usize, Value>,
    facts: &[CollectionFacts],
) -> Vec<JobDecision> {
    let there: Vec<bool> = reads.iter().map(|read| read.as_ref().is_some_and(is_found)).collect();
    let missing = |(number, read): (usize, &Option<ReadOutcome>)| {
        let stays = read
            .as_ref()
            .is_some_and(|read| is_found(read) && !leftovers::may_be_replaced(session, &jobs[number], read));
        !agreed.contains_key(&number) && !stays
    };
    // what others wait for: an object that is not there, or may give way to a new one
    let missing: Vec<bool> = reads.iter().enumerate().map(missing).collect();
    let edges = build_edges(jobs, &|number| missing[number]);
    let DependencyOrder { sequence, cycles: circles } = sort_topologically(&edges);
    let mut judged = decide_independent(session, jobs, &mut reads, facts);
    for (number, one) in judged.iter().enumerate() {
        let Some(one) = one else { continue };
        block_dependents(session, &jobs[number], number, one);
        if missing[number] {
            set_referent_status(session, &jobs[number], one, there[number]);
        }
    }
    let dependencies = DependencyLookup::new(jobs);
    for (number, id) in agreed {
        let subject = PlanSubject { id: Some(id), ..build_subject(number, &jobs[number], None) };
        judged[number] =
            Some(JobDecision::Decided(PlanDecision::Unchanged(UnchangedObject::from_subject(&subject))));
    }
    for number in sequence {
        if judged[number].is_some() {
            continue;
        }
        let job = &jobs[number];
        let circle = circles.iter().find(|circle| circle.contains(&number));
        let one = match (circle, reads[number].take()) {
            (Some(circle), _) => refuse_job(
                build_subject(number, job, None),
                vec![diagnose_cycle(jobs, &edges, circle, number)],
            ),
            (None, Some(read)) => {
                let one = decide_job(session, number, job, read, &facts[number]);
                refuse_blocked(session, jobs, &dependencies, one)
            }
            (None, None) if !job.has_known_scope() => decide_without_parent(session, number, job),
            (None, None) => refuse_unread(number, job),
        };
        block_dependents(session, job, number, &one);
        if missing[number] {
            set_referent_status(session, job, &one, there[number]);
        }
        judged[number] = Some(one);
    }
    judged.into_iter().flatten().collect()
}

fn is_found(read: &ReadOutcome) -> bool {
    matches!(read, ReadOutcome::Found(ObjectMatch::One(_)))
}

/// Decides at once, on every core, about the objects that are there and whose documents refer to nothing.
fn decide_independent(
    session: &RunSession,
    jobs: &[ObjectJob],
    reads: &mut [Option<ReadOutcome>],
    facts: &[CollectionFacts],
) -> Vec<Option<JobDecision>> {
    let mut judged: Vec<Option<JobDecision>> = jobs.iter().map(|_| None).collect();
    let portions = jobs
        .chunks(DECIDE_BATCH_SIZE)
        .zip(reads.chunks_mut(DECIDE_BATCH_SIZE))
        .zip(judged.chunks_mut(DECIDE_BATCH_SIZE));
    let portions: Vec<Mutex<_>> = (0..).step_by(DECIDE_BATCH_SIZE).zip(portions).map(Mutex::new).collect();
    map_parallel(&portions, |portion| {
        let mut portion = portion.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, ((jobs, reads), judged)) = &mut *portion;
        for (at, job) in jobs.iter().enumerate().filter(|(_, job)| !job.document.needs_lookup()) {
            if let Some(read) = reads[at].take_if(|read| is_found(read)) {
                judged[at] = Some(decide_job(session, *first + at, job, read, &facts[*first + at]));
            }
        }
    });
    judged
}

fn refuse_job(subject: PlanSubject, reasons: Vec<Diagnostic>) -> JobDecision {
    JobDecision::Decided(PlanDecision::Refused(RefusedObject { subject, reasons, changes: Vec::new() }))
}

fn add_decision(plan: &mut Plan, judged: JobDecision) {
    match judged {
        JobDecision::Decided(PlanDecision::Step(step)) => plan.steps.push(*step),
        JobDecision::Decided(PlanDecision::Unchanged(agreeing)) => plan.unchanged.push(agreeing),
        JobDecision::Decided(PlanDecision::Refused(refused)) => plan.refused.push(refused),
        JobDecision::Unread(refused) => {
            plan.unread.insert(refused.subject.number);
            plan.refused.push(refused);
        }
    }
}

/// What a job is about, with the id of its live object where there is one.
pub fn build_subject(number: usize, job: &ObjectJob, live: Option<&Snapshot>) -> PlanSubject {
    let kind = &job.document.kind;
    let seen = live.and_then(|live| live.object.get_field(kind.identity.id));
    PlanSubject {
        number,
        kind: kind.clone(),
        name: job.document.name.clone(),
        environment: job.document.environment.clone(),
        target: job.target.clone(),
        scope: job.scope.clone(),
        id: seen.filter(|id| !id.is_blank()).or(job.document.id.as_ref()).or(job.known_id.as_ref()).cloned(),
        place: job.document.locate_span(job.document.name_span),
    }
}

/// Decides about an object whose parent is not there: nothing is there either.
fn decide_without_parent(session: &RunSession, number: usize, job: &ObjectJob) -> JobDecision {
    match parents::resolve_planned_scope(session.references, session.index, job) {
        Ok(job) => {
            let nothing = ReadOutcome::Found(ObjectMatch::Nothing);
            decide_job(session, number, &job, nothing, &CollectionFacts::default())
        }
        Err(UnresolvedReferences { reasons, unread: false }) => {
            refuse_job(build_subject(number, job, None), reasons)
        }
        Err(UnresolvedReferences { reasons, unread: true }) => {
            leave_unread(build_subject(number, job, None), reasons)
        }
    }
}

fn decide_job(
    session: &RunSession,
    number: usize,
    job: &ObjectJob,
    read: ReadOutcome,
    facts: &CollectionFacts,
) -> JobDecision {
    let found = match read {
        ReadOutcome::Found(found) => found,
        ReadOutcome::Unseen(reason) => {
            let subject = build_subject(number, job, None);
            let reasons = vec![read_errors::diagnose_unseen(&subject, &reason)];
            return leave_unread(subject, reasons);
        }
        ReadOutcome::Failed(trouble) => {
            let reasons = locate_error::locate_error(&trouble, job.document, None);
            return leave_unread(build_subject(number, job, None), reasons);
        }
    };
    let live = match found {
        ObjectMatch::Nothing => None,
        ObjectMatch::One(live) => Some(live),
        ObjectMatch::Several(ids) => {
            let reason = read_errors::diagnose_ambiguous(job, &ids);
            return refuse_job(build_subject(number, job, None), vec![reason]);
        }
    };
    let subject = build_subject(number, job, live.as_deref());
    let object = live.as_deref().map(|live| &live.object);
    if let Some(reason) = identity::diagnose_moved_address(session, job, object) {
        return refuse_job(subject, vec![reason]);
    }
    if let Some(live) = &live {
        return decide_found(session, job, subject, live, facts.key_holder.as_ref());
    }
    if job.document.state == DocumentState::Present {
        match decide_create(session, job, &subject, &facts.emptiness) {
            CreateDecision::Create(needs) => {
                // the object of an id that only we remember is gone: a new one gets a new id
                let subject = PlanSubject { id: job.document.id.clone(), ..subject };
                return add_permissions(resolve_and_decide(session, job, subject, None), needs);
            }
            CreateDecision::Pending => {
                let notes = vec![diagnose_appears_later(&subject)];
                return JobDecision::Decided(PlanDecision::Unchanged(UnchangedObject {
                    notes,
                    ..UnchangedObject::from_subject(&subject)
                }));
            }
            CreateDecision::Refused(reason) => return refuse_job(subject, vec![reason]),
        }
    }
    match diagnose_hidden_create(session, job, &subject) {
        Some(reason) => refuse_job(subject, vec![reason]),
        None => resolve_and_decide(session, job, subject, None),
    }
}

/// Decides about a live object that is there, once it is known to be the one that the document means.
fn decide_found(
    session: &RunSession,
    job: &ObjectJob,
    subject: PlanSubject,
    live: &Snapshot,
    key_holder: Option<&Value>,
) -> JobDecision {
    let identity = match identity::check_identity(session, job, &live.object) {
        Ok(identity) => identity,
        Err(reason) => return refuse_job(subject, vec![reason]),
    };
    if let Some(reason) = key_holder.and_then(|holder| identity.diagnose_taken_key(job, &live.object, holder))
    {
        return refuse_job(subject, vec![reason]);
    }
    let protected = identity::diagnose_protected(session, &subject);
    if let Some(reason) = protected.clone().filter(|_| job.document.state == DocumentState::Absent) {
        return refuse_job(subject, vec![reason]);
    }
    if job.document.state == DocumentState::Unmanaged {
        return JobDecision::Decided(PlanDecision::Unchanged(identity::build_released(session, &subject)));
    }
    let mut decision = resolve_and_decide(session, job, subject, Some(live));
    if let JobDecision::Decided(PlanDecision::Step(step)) = &mut decision {
        let protected = protected.filter(|_| step.action.takes_away());
        if let Some(reason) = protected.or_else(|| open_updates::diagnose_open_update(session, step)) {
            return refuse_job(step.subject.clone(), vec![reason]);
        }
        step.notes.extend(identity.to_note(job, &live.object));
    }
    add_permissions(decision, identity.required_permission().into_iter().collect())
}

/// A create with what somebody had to allow.
fn add_permissions(mut judged: JobDecision, needs: Vec<Permission>) -> JobDecision {
    if let JobDecision::Decided(PlanDecision::Step(step)) = &mut judged {
        step.required_permissions.extend(needs);
    }
    judged
}

/// Decides about one object as it was read, once everything to which its document refers is known.
fn resolve_and_decide(
    session: &RunSession,
    job: &ObjectJob,
    subject: PlanSubject,
    live: Option<&Snapshot>,
) -> JobDecision {
    match session.references.resolve_document(session.index, job, live) {
        Ok(document) if session.permissions.assume_secrets => {
            let filled = skipped_secrets::fill_sources(&document, live.map(|live| &live.object));
            let requested = filled.as_ref().unwrap_or(&document);
            let decision = decide_resolved(session, job, requested, &subject, live);
            JobDecision::Decided(skipped_secrets::note_skipped(decision, job.document, &subject))
        }
        Ok(document) => JobDecision::Decided(decide_resolved(session, job, &document, &subject, live)),
        Err(UnresolvedReferences { reasons, unread: true }) => {
            JobDecision::Unread(RefusedObject { subject, reasons, changes: Vec::new() })
        }
        Err(UnresolvedReferences { reasons, unread: false }) => refuse_job(subject, reasons),
    }
}

/// Decides about one object as it was read.
///
/// Whether it is unchanged, not whether anything of it is to be written again.
pub fn decide_live(
    session: &RunSession,
    job: &ObjectJob,
    subject: &PlanSubject,
    live: Option<&Snapshot>,
) -> PlanDecision {
    let permits = GrantedPermissions { personal: true, ..session.permissions };
    let session = RunSession { rotation: &NO_ROTATION, permissions: permits, ..*session };
    match resolve_and_decide(&session, job, subject.clone(), live) {
        JobDecision::Decided(decision) => decision,
        JobDecision::Unread(refused) => PlanDecision::Refused(refused),
    }
}

fn decide_resolved(
    session: &RunSession,
    job: &ObjectJob,
    document: &Document,
    subject: &PlanSubject,
    live: Option<&Snapshot>,
) -> PlanDecision {
    let question = ProposalInput {
        document,
        subject,
        live: live.map(|live| &live.object),
        write_history: session.write_digests,
        rotation: session.rotation,
    };
    let rules = session.build_rules(job);
    let decision = decide_object(&question, rules);
    let PlanDecision::Step(mut step) = decision else { return decision };
    step.without_records = decide_without_records(session, &step, &question, rules);
    let mut reasons: Vec<Diagnostic> =
        live.map(|live| mismatches::check_mismatches(&mut step, document, live)).unwrap_or_default();
    let is_incomplete = |request: &StepRequest| address::is_incomplete(&request.request.path);
    if live.is_some() && step.requests.iter().any(is_incomplete) {
        reasons.push(diagnose_missing_id(subject));
    }
    if reasons.is_empty() {
        return PlanDecision::Step(step);
    }
    let locate = |reason: Diagnostic| reason.with_location(subject.place.clone());
    let reasons = reasons.into_iter().map(locate).collect();
    PlanDecision::Refused(RefusedObject { subject: step.subject, reasons, changes: step.changes })
}

/// The same step as the maker of a reviewed plan had it, where that one lacked records.
fn decide_without_records(
    session: &RunSession,
    step: &Step,
    question: &ProposalInput,
    rules: DecideOptions,
) -> Option<Box<Step>> {
    let history = session.unrecorded?.find_reviewed_history(step, question.write_history)?;
    match decide_object(&ProposalInput { write_history: &history, ..*question }, rules) {
        PlanDecision::Step(reviewed) => Some(reviewed),
        _ => None,
    }
}

/// A live object that the service shows without an id cannot be addressed.
fn diagnose_missing_id(subject: &PlanSubject) -> Diagnostic {
    let message = format!("the service shows this {} without an id", subject.kind.title.to_lowercase());
    Diagnostic::error("missing-id", message)
        .with_hint("no request can name the object; ask the operator of the service")
}

fn refuse_unread(number: usize, job: &ObjectJob) -> JobDecision {
    let reason = Diagnostic::error("not-read", "the live object was not read")
        .with_location(job.document.locate_span(job.document.name_span))
        .with_hint("the run was interrupted, or its target could not be reached");
    leave_unread(build_subject(number, job, None), vec![reason])
}

fn leave_unread(subject: PlanSubject, reasons: Vec<Diagnostic>) -> JobDecision {
    JobDecision::Unread(RefusedObject { subject, reasons, changes: Vec::new() })
}
