//! From documents to a plan: read what they need, decide about each, in the order of the documents.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, stream};

use super::apply::appears_later;
use super::gather::{Gathered, Group, How, Job, Reach, Read, collect, groups};
use super::match_up::{Found, key_field, live_leaf, wanted_key};
use super::refer::{Order, Standing, Unresolved, edges, in_circle, order};
use super::{Event, Session, blame, described, unread};
use crate::cores::on_every_core;
use crate::diagnostic::Diagnostic;
use crate::document::{Document, State};
use crate::kind::{Appears, Kind, Leaf, Maker};
use crate::plan::permit::{self, Permission};
use crate::plan::propose::{Permits, Question};
use crate::plan::rotate::NOTHING;
use crate::plan::step::{Decision, decide};
use crate::plan::{Agreeing, Plan, Refused, Subject};
use crate::remote::wire::Live;
use crate::value::{Mark, Object, Value};

/// The most collections read at once; each target has its own limit below this.
const COLLECTIONS: usize = 64;
/// So many objects are decided by one core before it looks for more.
const PORTION: usize = 256;

/// Reads live state and makes the plan.
pub async fn plan(session: &Session<'_>, jobs: &[Job<'_>]) -> Plan {
    let Seen { reads, agreed, empty, others } = see(session, jobs, session.rotate.is_empty()).await;
    session.references.survey(jobs, &reads, &agreed);
    look_up(session, jobs, &reads).await;
    let mut plan = Plan { diagnostics: others, ..Plan::default() };
    for judged in judge_all(session, jobs, (reads, agreed), &empty) {
        enter(&mut plan, judged);
    }
    plan.complete = plan.unread.is_empty();
    described::spare(session, jobs, &mut plan);
    permit::name_counts(&mut plan);
    unread::tell_once(&mut plan);
    plan.diagnostics.splice(0..0, session.hindrances(plan.complete));
    plan
}

/// What was read for each job; nothing where the run was stopped.
pub async fn look(session: &Session<'_>, jobs: &[Job<'_>]) -> Vec<Option<Read>> {
    see(session, jobs, false).await.reads
}

/// Live state as it was read.
struct Seen {
    /// One for each job, but for those that were let go of.
    reads: Vec<Option<Read>>,
    /// The ids of objects that are as wanted and were let go of, by the number of the job.
    agreed: BTreeMap<usize, Value>,
    /// Of each job, whether its collection showed nothing at all.
    empty: Vec<bool>,
    /// What is said of live objects that no job needs.
    others: Vec<Diagnostic>,
}

/// Where it `settles`, of objects that are as wanted only the id is kept.
async fn see(session: &Session<'_>, jobs: &[Job<'_>], settles: bool) -> Seen {
    (session.tell)(Event::Reading(jobs.len()));
    let groups = groups(jobs);
    let mut reads: Vec<Option<Read>> = jobs.iter().map(|_| None).collect();
    let mut agreed = BTreeMap::new();
    let mut empty = vec![false; jobs.len()];
    let mut others = Vec::new();
    let mut work = stream::iter(groups.iter().map(|group| read_group(session, group, jobs, settles)))
        .buffer_unordered(COLLECTIONS);
    while let Some((group, mut gathered)) = work.next().await {
        (session.tell)(Event::Read(gathered.reads.len().saturating_sub(gathered.told)));
        for (at, (number, read)) in group.jobs.iter().zip(gathered.reads).enumerate() {
            match gathered.agreed.remove(&at) {
                Some(id) => drop(agreed.insert(*number, id)),
                None => reads[*number] = Some(read),
            }
            empty[*number] = gathered.empty;
        }
        others.extend(gathered.others.iter().map(|object| unmanaged(group, object)));
    }
    drop(work);
    others.sort_by(|a, b| a.message.cmp(&b.message));
    Seen { reads, agreed, empty, others }
}

/// Reads what references need.
async fn look_up(session: &Session<'_>, jobs: &[Job<'_>], reads: &[Option<Read>]) {
    let looking = jobs.iter().zip(reads).filter(|(job, _)| job.document.looks_up());
    let looks = looking.map(|(job, read)| look_up_one(session, job, read));
    stream::iter(looks).buffer_unordered(COLLECTIONS).collect::<()>().await;
}

async fn look_up_one(session: &Session<'_>, job: &Job<'_>, read: &Option<Read>) {
    let live = match read {
        Some(Read::Found(Found::One(live))) => Some(&**live),
        Some(Read::Found(Found::Nothing)) => None,
        // what cannot be decided anyway needs nothing
        _ => return,
    };
    if let Some(service) = session.services.get(&job.target).filter(|_| !session.stop.is_set()) {
        session.references.ready(service, job, live).await;
    }
}

/// Decides about every job, each after those to whose objects it refers; in the order of the jobs.
fn judge_all(
    session: &Session,
    jobs: &[Job],
    (mut reads, agreed): (Vec<Option<Read>>, BTreeMap<usize, Value>),
    empty: &[bool],
) -> Vec<Judged> {
    let missing = |(number, read): (usize, &Option<Read>)| {
        !agreed.contains_key(&number) && !read.as_ref().is_some_and(is_there)
    };
    let missing: Vec<bool> = reads.iter().enumerate().map(missing).collect();
    let edges = edges(jobs, &|number| missing[number]);
    let Order { sequence, circles } = order(&edges);
    let mut judged = judge_simple(session, jobs, &mut reads);
    for (number, id) in agreed {
        let subject = Subject { id: Some(id), ..subject(number, &jobs[number], None) };
        judged[number] = Some(Judged::Decided(Decision::Agreeing(Agreeing::plain(&subject))));
    }
    for number in sequence {
        if judged[number].is_some() {
            continue;
        }
        let job = &jobs[number];
        let circle = circles.iter().find(|circle| circle.contains(&number));
        let one = match (circle, reads[number].take()) {
            (Some(circle), _) => {
                refused(subject(number, job, None), vec![in_circle(jobs, &edges, circle, number)])
            }
            (None, Some(read)) => decide_job(session, number, job, read, empty[number]),
            (None, None) => no_service(number, job),
        };
        if missing[number] {
            session.references.stands(job, standing(&one, job));
        }
        judged[number] = Some(one);
    }
    judged.into_iter().flatten().collect()
}

fn is_there(read: &Read) -> bool {
    matches!(read, Read::Found(Found::One(_)))
}

/// Decides at once, on every core, about the objects that are there and whose documents refer to nothing.
fn judge_simple(session: &Session, jobs: &[Job], reads: &mut [Option<Read>]) -> Vec<Option<Judged>> {
    let mut judged: Vec<Option<Judged>> = jobs.iter().map(|_| None).collect();
    let portions = jobs.chunks(PORTION).zip(reads.chunks_mut(PORTION)).zip(judged.chunks_mut(PORTION));
    let portions: Vec<Mutex<_>> = (0..).step_by(PORTION).zip(portions).map(Mutex::new).collect();
    on_every_core(&portions, |portion| {
        let mut portion = portion.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, ((jobs, reads), judged)) = &mut *portion;
        for (at, job) in jobs.iter().enumerate().filter(|(_, job)| !job.document.looks_up()) {
            if let Some(read) = reads[at].take_if(|read| is_there(read)) {
                judged[at] = Some(decide_job(session, *first + at, job, read, false));
            }
        }
    });
    judged
}

/// How an object that is not there yet stands after the decision.
fn standing(judged: &Judged, job: &Job) -> Standing {
    match judged {
        Judged::Unread(_) => Standing::Unread,
        Judged::Decided(Decision::Step(step)) => match &step.subject.id {
            Some(id) if job.document.kind.identity.made_by == Maker::Caller => Standing::Known(id.clone()),
            _ => Standing::Later,
        },
        Judged::Decided(Decision::Agreeing(_)) if job.document.state == State::Absent => Standing::Gone,
        Judged::Decided(Decision::Agreeing(agreeing)) => {
            agreeing.subject.id.clone().map_or(Standing::Refused, Standing::Known)
        }
        Judged::Decided(Decision::Refused(_)) => Standing::Refused,
    }
}

fn refused(subject: Subject, reasons: Vec<Diagnostic>) -> Judged {
    Judged::Decided(Decision::Refused(Refused { subject, reasons, changes: Vec::new() }))
}

async fn read_group<'g>(
    session: &Session<'_>,
    group: &'g Group,
    jobs: &[Job<'_>],
    settles: bool,
) -> (&'g Group, Gathered) {
    let reach = if session.unmanaged { Reach::Whole } else { Reach::Needed };
    match session.services.get(&group.target) {
        Some(service) if !session.stop.is_set() => {
            (group, collect(service, group, jobs, How { reach, settles }, session.tell).await)
        }
        _ => (group, Gathered::default()),
    }
}

/// A live object that no document describes; by its id and the open leaves of its natural key.
fn unmanaged(group: &Group, object: &Object) -> Diagnostic {
    let kind = &group.kind;
    let text = |value: &Value| Leaf::url_text(value, &kind.api);
    let id = object.get(kind.identity.id).map(text).unwrap_or_default();
    let open = kind
        .identity
        .natural_key
        .iter()
        .filter(|path| key_field(kind, path).is_some_and(|f| f.mark == Mark::Open));
    let key: Vec<String> = open.filter_map(|path| live_leaf(object, path)).map(text).collect();
    let named = if key.is_empty() { String::new() } else { format!(" ({})", key.join(", ")) };
    let message = format!("{} {id}{named} at target {} is in no document", kind.name, group.target);
    Diagnostic::note("unmanaged", message).hint(format!("`trueup import {} {id}` writes one", kind.name))
}

enum Judged {
    Decided(Decision),
    /// The live state could not be read.
    Unread(Refused),
}

fn enter(plan: &mut Plan, judged: Judged) {
    match judged {
        Judged::Decided(Decision::Step(step)) => plan.steps.push(*step),
        Judged::Decided(Decision::Agreeing(agreeing)) => plan.agreeing.push(agreeing),
        Judged::Decided(Decision::Refused(refused)) => plan.refused.push(refused),
        Judged::Unread(refused) => {
            plan.unread.insert(refused.subject.number);
            plan.refused.push(refused);
        }
    }
}

/// What a job is about, with the id of its live object where there is one.
pub fn subject(number: usize, job: &Job, live: Option<&Live>) -> Subject {
    let kind = &job.document.kind;
    let seen = live.and_then(|live| live.object.get(kind.identity.id));
    Subject {
        number,
        kind: kind.clone(),
        name: job.document.name.clone(),
        target: job.target.clone(),
        scope: job.scope.clone(),
        id: seen.or(job.document.id.as_ref()).or(job.known_id.as_ref()).cloned(),
        place: job.document.place(job.document.name_span),
    }
}

fn decide_job(session: &Session, number: usize, job: &Job, read: Read, empty: bool) -> Judged {
    let found = match read {
        Read::Found(found) => found,
        Read::Failed(trouble) => {
            let reasons = blame::blame(&trouble, job.document, None);
            return Judged::Unread(Refused {
                subject: subject(number, job, None),
                reasons,
                changes: Vec::new(),
            });
        }
    };
    let live = match found {
        Found::Nothing => None,
        Found::One(live) => Some(live),
        Found::Several(ids) => return Judged::Decided(several(number, job, &ids)),
    };
    let subject = subject(number, job, live.as_deref());
    if live.is_none() && job.document.state == State::Present {
        match birth(session, job, &subject, empty) {
            Birth::Create(needs) => {
                // the object of an id that only we remember is gone: a new one gets a new id
                let subject = Subject { id: job.document.id.clone(), ..subject };
                return allowed(judge(session, job, subject, None), needs);
            }
            Birth::Waits => {
                let notes = vec![appears_later(&subject)];
                return Judged::Decided(Decision::Agreeing(Agreeing { notes, ..Agreeing::plain(&subject) }));
            }
            Birth::Refused(reason) => return refused(subject, vec![reason]),
        }
    }
    match hidden_birth(session, job, &subject).filter(|_| live.is_none()) {
        Some(reason) => refused(subject, vec![reason]),
        None => judge(session, job, subject, live.as_deref()),
    }
}

/// An object that is to go, was created by us and does not show: nobody can say that it is gone.
fn hidden_birth(session: &Session, job: &Job, subject: &Subject) -> Option<Diagnostic> {
    let document = job.document;
    let index = session.index.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = index.within(&document.kind, (&subject.target, &subject.name), &subject.scope)?;
    entry.create_sent.as_ref().filter(|_| document.state == State::Absent)?;
    let findable =
        document.id.is_some() || entry.id.is_some() || wanted_key(&document.kind, document).is_some();
    if findable && appears(&document.kind) == Appears::AtOnce {
        return None;
    }
    let reason =
        Diagnostic::error("not-shown-yet", "it was created and does not show, so it cannot be deleted");
    let place = document.place(document.name_span);
    Some(reason.at(place).hint("plan again once it shows; it stays on record in `.trueup` until then"))
}

/// A create with what somebody had to allow.
fn allowed(mut judged: Judged, needs: Vec<Permission>) -> Judged {
    if let Judged::Decided(Decision::Step(step)) = &mut judged {
        step.needs.extend(needs);
    }
    judged
}

/// Decides about one object as it was read, once everything to which its document refers is known.
fn judge(session: &Session, job: &Job, subject: Subject, live: Option<&Live>) -> Judged {
    match session.references.resolve(session.index, job, live) {
        Ok(document) => Judged::Decided(decide_referred(session, job, (&document, &subject), live)),
        Err(Unresolved { reasons, unread: true }) => {
            Judged::Unread(Refused { subject, reasons, changes: Vec::new() })
        }
        Err(Unresolved { reasons, unread: false }) => refused(subject, reasons),
    }
}

/// Decides about one object as it was read.
///
/// Whether it is as wanted, not whether anything of it is to be written again.
pub fn decide_live(session: &Session, job: &Job, subject: &Subject, live: Option<&Live>) -> Decision {
    let permits = Permits { personal: true, ..session.permits };
    let session = Session { rotate: &NOTHING, permits, ..*session };
    match judge(&session, job, subject.clone(), live) {
        Judged::Decided(decision) => decision,
        Judged::Unread(refused) => Decision::Refused(refused),
    }
}

fn decide_referred(
    session: &Session,
    job: &Job,
    (document, subject): (&Document, &Subject),
    live: Option<&Live>,
) -> Decision {
    let question = Question {
        document,
        subject,
        live: live.map(|live| &live.object),
        memory: session.memory,
        rotate: session.rotate,
    };
    match decide(&question, session.rules(job)) {
        Decision::Step(step) => match live.map(misread).filter(|reasons| !reasons.is_empty()) {
            Some(reasons) => Decision::Refused(Refused {
                subject: step.subject,
                reasons: reasons.into_iter().map(|reason| reason.at(subject.place.clone())).collect(),
                changes: step.changes,
            }),
            None => Decision::Step(step),
        },
        other => other,
    }
}

/// What of a live object is not as the kind says; such an object is not written.
fn misread(live: &Live) -> Vec<Diagnostic> {
    let one = |misread: &crate::remote::wire::Misread| {
        let message =
            format!("the live `{}` is not what the kind says: {}", misread.pointer, misread.message);
        Diagnostic::error("misread-field", message)
            .hint("an object that is not understood is not written; look at the description of the kind")
    };
    live.misread.iter().map(one).collect()
}

fn several(number: usize, job: &Job, ids: &[Value]) -> Decision {
    let kind = &job.document.kind;
    let ids: Vec<String> = ids.iter().map(|id| Leaf::url_text(id, &kind.api)).collect();
    let key = kind.natural_key_names().join(", ");
    let message = format!("{} live objects have this {key}: {}", ids.len(), ids.join(", "));
    let reason = Diagnostic::error("ambiguous-object", message)
        .at(job.document.place(job.document.name_span))
        .hint("name the `id` of the one that is meant");
    Decision::Refused(Refused {
        subject: subject(number, job, None),
        reasons: vec![reason],
        changes: Vec::new(),
    })
}

/// What is to become of a document without a live object.
enum Birth {
    /// With what somebody had to allow.
    Create(Vec<Permission>),
    /// It was created and does not show yet.
    Waits,
    Refused(Diagnostic),
}

fn birth(session: &Session, job: &Job, subject: &Subject, empty: bool) -> Birth {
    let (kind, document) = (&job.document.kind, job.document);
    let place = document.place(document.id_span);
    let index = session.index.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = index.within(kind, (&subject.target, &subject.name), &subject.scope);
    let named = document.id.is_some() || entry.is_some_and(|entry| entry.id.is_some());
    let mut needs = Vec::new();
    match entry.and_then(|entry| entry.create_sent.as_ref()) {
        Some(_) if named && appears(kind) == Appears::Later => return Birth::Waits,
        Some(_) if named || shows_for_sure(document) => {}
        Some(_) if session.retry_creates => needs.push(Permission::RetryCreate),
        Some(sent) => return Birth::Refused(create_unknown(kind, sent).at(place)),
        None => {}
    }
    if document.id.is_some() && kind.identity.made_by == Maker::Server {
        let reason = Diagnostic::error("not-found", "no live object has this id").at(place).hint(
            "check the id, the target and the scope; without `id` the object is found by its natural key",
        );
        return Birth::Refused(reason);
    }
    if empty && session.trust_empty {
        needs.push(Permission::TrustEmpty);
    } else if empty {
        let message = "the service shows no objects at all here, which may be missing access";
        let reason = Diagnostic::error("empty-collection", message)
            .at(place)
            .hint("check the credentials and the scope; `--trust-empty` if there really are none yet");
        return Birth::Refused(reason);
    }
    Birth::Create(needs)
}

fn create_unknown(kind: &Kind, sent: &str) -> Diagnostic {
    let why = match appears(kind) {
        Appears::Later => "such objects show late",
        Appears::AtOnce => "nothing in the document would find it",
    };
    let message = format!("a create was sent at {sent}, its outcome is unknown, and {why}");
    Diagnostic::error("create-unknown", message).hint(
        "look for it in the service and name its `id` here; `--retry-creates` if it surely is not there",
    )
}

/// Whether an object that was created is found by whoever looks.
pub fn shows_for_sure(document: &Document) -> bool {
    let kind = &document.kind;
    let findable = document.id.is_some() || wanted_key(kind, document).is_some();
    findable && appears(kind) == Appears::AtOnce
}

/// When new objects of a kind show.
pub fn appears(kind: &Kind) -> Appears {
    kind.operations.create.as_ref().map_or(Appears::AtOnce, |create| create.appears)
}

fn no_service(number: usize, job: &Job) -> Judged {
    let reason = Diagnostic::error("not-read", "the live object was not read")
        .at(job.document.place(job.document.name_span))
        .hint("the run was interrupted, or its target could not be reached");
    Judged::Unread(Refused {
        subject: subject(number, job, None),
        reasons: vec![reason],
        changes: Vec::new(),
    })
}
