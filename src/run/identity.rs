//! Whether a live object is the one that a document means, and whether it is protected.
//!
//! An id, from a document or from the index, holds at the address where it was learned and for the natural key that
//! the document names. A key that the object had when it was last applied, or that the document had in the base of
//! the branch, makes the difference a rename. Everything else is refused with both facts.
//! Deliberately absent: which live object a document finds (`match_up`).

use std::sync::PoisonError;

use super::RunSession;
use super::fetch::ObjectJob;
use super::natural_key::{
    build_desired_key, build_live_key, find_desired_value, find_live_value, fold_key, show_id,
};
use crate::diagnostic::Diagnostic;
use crate::document::{Document, DocumentState};
use crate::kind::{Kind, ScalarType};
use crate::plan::permission::Permission;
use crate::plan::{PlanSubject, UnchangedObject};
use crate::value::{Object, Sensitivity, Value};

/// How a live object belongs to a document.
pub enum ObjectIdentity {
    /// It has the natural key that the document names, or nothing says otherwise.
    Confirmed,
    /// It had the natural key that it has when it was last applied, or in an earlier version of the document.
    Renamed,
    /// It has another one, and someone allowed that.
    Allowed,
}

impl ObjectIdentity {
    /// What someone had to allow.
    pub fn required_permission(&self) -> Option<Permission> {
        matches!(self, Self::Allowed).then_some(Permission::Rename)
    }

    /// Why a rename is refused: another live object has the natural key that the document names.
    pub fn diagnose_taken_key(&self, job: &ObjectJob, live: &Object, holder: &Value) -> Option<Diagnostic> {
        let (kind, document) = (&job.document.kind, job.document);
        let is_renamed = !matches!(self, Self::Confirmed) && document.state == DocumentState::Present;
        let id = live.get_field(kind.identity.id)?;
        let is_public = kind.id_field().sensitivity == Sensitivity::Public;
        let show = |id: &Value| match is_public {
            true => format!("the object {}", ScalarType::render_url_text(id, &kind.api)),
            false => "another object".to_owned(),
        };
        (is_renamed && holder != id).then(|| {
            let message = format!(
                "this document is known as {}, and the natural key that it names, {}, belongs to {}",
                show(id),
                describe_desired_key(document),
                show(holder)
            );
            let hint =
                "set `id` to the object that is meant; two objects with one natural key are never made";
            Diagnostic::error("natural-key-taken", message)
                .with_location(document.locate_span(document.name_span))
                .with_hint(hint)
        })
    }

    /// What to say beside the step.
    pub fn to_note(&self, job: &ObjectJob, live: &Object) -> Option<Diagnostic> {
        let document = job.document;
        let (from, to) = (describe_live_key(&document.kind, live), describe_desired_key(document));
        (matches!(self, Self::Renamed) && document.state == DocumentState::Present).then(|| {
            Diagnostic::note("renamed", format!("this renames the object from {from} to {to}"))
                .with_location(document.locate_span(document.name_span))
        })
    }
}

/// How the live object that was found belongs to the document of a job.
///
/// # Errors
/// When it may be another object.
pub fn check_identity(
    session: &RunSession,
    job: &ObjectJob,
    live: &Object,
) -> Result<ObjectIdentity, Diagnostic> {
    let (kind, document) = (&job.document.kind, job.document);
    let Some(live_key) = build_live_key(kind, live) else { return Ok(ObjectIdentity::Confirmed) };
    let desired_key = build_desired_key(kind, document);
    if desired_key.as_ref().is_some_and(|key| is_same_key(key, &live_key)) {
        return Ok(ObjectIdentity::Confirmed);
    }
    match (had_natural_key(session, job, live, &live_key), desired_key.is_some()) {
        (Some(true), true) => return Ok(ObjectIdentity::Renamed),
        (Some(true), false) => return Ok(ObjectIdentity::Confirmed),
        // the document names the id, and nothing that contradicts it
        (_, false) if document.id.is_some() => return Ok(ObjectIdentity::Confirmed),
        (None, false) if document.state == DocumentState::Present => return Ok(ObjectIdentity::Confirmed),
        _ => {}
    }
    let versions = session.other_documents.list_versions(document);
    if versions.iter().any(|version| build_desired_key(kind, version).as_ref() == Some(&live_key)) {
        return Ok(ObjectIdentity::Renamed);
    }
    match session.allow_rename {
        true => Ok(ObjectIdentity::Allowed),
        false => Err(diagnose_wrong_object(job, live)),
    }
}

/// Case, blanks and Unicode form are no other object where the id is the same.
pub fn is_same_key(a: &str, b: &str) -> bool {
    a == b || fold_key(a) == fold_key(b)
}

/// Whether the index recorded this natural key for the object; nothing where it recorded none.
fn had_natural_key(session: &RunSession, job: &ObjectJob, live: &Object, live_key: &str) -> Option<bool> {
    let kind = &job.document.kind;
    let index = session.index.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = index.get_in_scope(kind, &job.target, &job.document.name, &job.scope)?;
    let id = live.get_field(kind.identity.id).map(|id| ScalarType::render_url_text(id, &kind.api))?;
    index.had_natural_key(entry, &id, live_key)
}

fn diagnose_wrong_object(job: &ObjectJob, live: &Object) -> Diagnostic {
    let document = job.document;
    let id = live.get_field(document.kind.identity.id).or(job.known_id.as_ref());
    let (is, source) = (
        describe_live_key(&document.kind, live),
        if document.id.is_some() && document.id.as_ref() == id { "the document" } else { "`.trueup`" },
    );
    let id = id.map(|id| show_id(&document.kind, id)).unwrap_or_default();
    let message = match document.spec.value {
        _ if build_desired_key(&document.kind, document).is_some() => {
            let desired = describe_desired_key(document);
            format!("the id {id} from {source} belongs to {is}, and the document names {desired}")
        }
        _ => format!("the id {id} from {source} belongs to {is}, which is not what was applied under it"),
    };
    Diagnostic::error(Permission::Rename.code(), message)
        .with_location(document.locate_span(document.id_span))
        .with_hint(format!(
            "`{}` if it is the same object under another natural key; else correct the `id`, or give the document \
             another `name`",
            Permission::Rename.flag()
        ))
}

/// Why an object that was known at another address is not touched; `live` is what was found by its natural key.
pub fn diagnose_moved_address(
    session: &RunSession,
    job: &ObjectJob,
    live: Option<&Object>,
) -> Option<Diagnostic> {
    let (kind, document) = (&job.document.kind, job.document);
    let index = session.index.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = index.get_elsewhere(&job.target, &kind.name, &document.name)?;
    let (known, learned) = (entry.id.as_ref()?, entry.address.as_ref()?);
    let id = live.and_then(|live| live.get_field(kind.identity.id));
    let is_same_id = id.is_some_and(|id| ScalarType::render_url_text(id, &kind.api) == *known);
    let key = build_desired_key(kind, document);
    let is_same_key = key.is_some() && key == live.and_then(|live| build_live_key(kind, live));
    if is_same_id && is_same_key {
        return None;
    }
    let here = session.services.get(&job.target).map(|service| service.target.base_url.to_string());
    let known = entry.parse_id(kind).map_or_else(String::new, |id| show_id(kind, &id));
    let message = format!(
        "this object is known by the id {known} at {learned}, and the target {} is now {}",
        job.target,
        here.unwrap_or_default()
    );
    let hint = "correct `base_url`, or give the document another `name` if the other object stays";
    Some(
        Diagnostic::error("moved-address", message)
            .with_location(document.locate_span(document.name_span))
            .with_hint(hint),
    )
}

/// Why an object that was protected when it was last applied is neither deleted nor replaced, whichever document
/// names it.
pub fn diagnose_protected(session: &RunSession, subject: &PlanSubject) -> Option<Diagnostic> {
    let index = session.index.lock().unwrap_or_else(PoisonError::into_inner);
    index
        .is_protected(subject)
        .then(|| build_protected_reason(subject, "was protected when it was last applied"))
}

/// An object that is to be left as it is; that it was managed is said.
pub fn build_released(session: &RunSession, subject: &PlanSubject) -> UnchangedObject {
    let index = session.index.lock().unwrap_or_else(PoisonError::into_inner);
    let note = index.knows_object(subject).then(|| {
        let message = format!("this {} is not managed any more", subject.kind.title.to_lowercase());
        Diagnostic::note("released", message)
            .with_location(subject.place.clone())
            .with_hint("an apply takes it out of the records; nothing is sent")
    });
    UnchangedObject { notes: note.into_iter().collect(), ..UnchangedObject::from_subject(subject) }
}

/// The refusal of a delete; `why` says where the protection is known from.
pub fn build_protected_reason(subject: &PlanSubject, why: &str) -> Diagnostic {
    let message = format!("this {} {why}, and is not deleted", subject.kind.title.to_lowercase());
    Diagnostic::error("protected", message)
        .with_location(subject.place.clone())
        .with_hint("take `protect` away first, in a run of its own")
}

/// The natural key that a document names, as far as anybody may see it.
pub fn describe_desired_key(document: &Document) -> String {
    describe_key(&document.kind, |path| find_desired_value(&document.spec, path))
}

/// The natural key of a live object, as far as anybody may see it.
pub fn describe_live_key(kind: &Kind, object: &Object) -> String {
    describe_key(kind, |path| find_live_value(object, path))
}

fn describe_key<'v>(kind: &Kind, find: impl Fn(&[u16]) -> Option<&'v Value>) -> String {
    let show = |path: &[u16]| {
        let is_public = kind.shape.find_path_field(path)?.0 == Sensitivity::Public;
        let text = is_public.then(|| find(path).map(|value| ScalarType::render_url_text(value, &kind.api)));
        Some(
            text.flatten()
                .map_or_else(|| "(not shown)".to_owned(), |text| format!("`{}`", text.escape_debug())),
        )
    };
    let parts: Vec<String> = kind.identity.natural_key.iter().filter_map(|path| show(path)).collect();
    parts.join(", ")
}
