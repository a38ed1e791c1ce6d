//! From documents to a plan: read what they need, decide about each, in the order of the documents.

use std::sync::PoisonError;

use futures_util::{StreamExt, stream};

use super::gather::{Group, Job, Read, gather, groups};
use super::match_up::Found;
use super::{Event, Session, blame};
use crate::diagnostic::Diagnostic;
use crate::kind::{Leaf, Maker};
use crate::plan::propose::Question;
use crate::plan::step::{Decision, decide};
use crate::plan::{Plan, Refused, Subject};
use crate::remote::wire::Live;
use crate::value::Value;

/// The most collections read at once; each target has its own limit below this.
const COLLECTIONS: usize = 64;

/// Reads live state and makes the plan.
pub async fn plan(session: &Session<'_>, jobs: &[Job<'_>]) -> Plan {
    (session.tell)(Event::Reading(jobs.len()));
    let groups = groups(jobs);
    let mut reads: Vec<Option<Read>> = jobs.iter().map(|_| None).collect();
    let mut empty = vec![false; jobs.len()];
    let mut work = stream::iter(groups.iter().map(|group| read_group(session, group, jobs)))
        .buffer_unordered(COLLECTIONS);
    while let Some((group, found, nothing_there)) = work.next().await {
        (session.tell)(Event::Read(found.len()));
        for (number, read) in group.jobs.iter().zip(found) {
            reads[*number] = Some(read);
            empty[*number] = nothing_there;
        }
    }
    drop(work);
    let mut plan = Plan { complete: true, ..Plan::default() };
    for (number, (job, read)) in jobs.iter().zip(reads).enumerate() {
        let decision = match read {
            Some(read) => decide_job(session, number, job, read, empty[number]),
            None => no_service(number, job),
        };
        plan.complete &= !matches!(&decision, Judged::Unread(_));
        enter(&mut plan, decision);
    }
    plan
}

async fn read_group<'g>(
    session: &Session<'_>,
    group: &'g Group,
    jobs: &[Job<'_>],
) -> (&'g Group, Vec<Read>, bool) {
    match session.services.get(&group.target) {
        Some(service) if !session.stop.is_set() => {
            let (reads, empty) = gather(service, group, jobs).await;
            (group, reads, empty)
        }
        _ => (group, Vec::new(), false),
    }
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
        Judged::Decided(Decision::Refused(refused)) | Judged::Unread(refused) => plan.refused.push(refused),
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
    if live.is_none()
        && let Some(refusal) = may_not_create(session, job, &subject, empty)
    {
        return Judged::Decided(refusal);
    }
    Judged::Decided(decide_live(session, job, &subject, live.as_deref()))
}

/// Decides about one object as it was read.
pub fn decide_live(session: &Session, job: &Job, subject: &Subject, live: Option<&Live>) -> Decision {
    let memory = session.memory.lock().unwrap_or_else(PoisonError::into_inner);
    let question =
        Question { document: job.document, subject, live: live.map(|live| &live.object), memory: &*memory };
    match decide(&question, session.rules(&job.target)) {
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

/// Why a document without a live object is not simply created.
fn may_not_create(session: &Session, job: &Job, subject: &Subject, empty: bool) -> Option<Decision> {
    let place = job.document.place(job.document.id_span);
    let server_made = job.document.kind.identity.made_by == Maker::Server;
    let reason = if job.document.id.is_some() && server_made {
        Diagnostic::error("not-found", "no live object has this id").hint(
            "check the id, the target and the scope; without `id` the object is found by its natural key",
        )
    } else if empty && !session.trust_empty {
        Diagnostic::error(
            "empty-collection",
            "the service shows no objects at all here, which may be missing access",
        )
        .hint("check the credentials and the scope; `--trust-empty` if there really are none yet")
    } else {
        return None;
    };
    let reasons = vec![reason.at(place)];
    Some(Decision::Refused(Refused { subject: subject.clone(), reasons, changes: Vec::new() }))
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
