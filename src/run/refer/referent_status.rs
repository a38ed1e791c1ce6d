//! How the objects of documents stand: there, to be created, to be deleted, or in doubt.
//!
//! A document refers to another one of its own target. Of objects whose documents are not in this run, the
//! index knows the ids. Deliberately absent: the order in which objects are created.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::reference_error::ReferenceError;
use crate::diagnostic::{Diagnostic, SourceLocation};
use crate::document::NamedReference;
use crate::document::refer::{ReferenceSite, diagnose_unknown_document};
use crate::kind::scalar::ScalarToken;
use crate::run::fetch::ObjectJob;
use crate::run::index::ObjectIndex;
use crate::value::Value;

/// How an object stands.
#[derive(Clone)]
pub enum ReferentStatus {
    /// It has this id.
    Known(Value),
    /// It will be created in this run.
    KnownAfterApply,
    /// It is to be deleted, or not to be there.
    Absent,
    /// It is not there, and will not be created.
    Refused,
    /// No one knows whether it is there.
    Unread,
}

/// Target, kind, name.
pub type ReferentKey = (Arc<str>, Arc<str>, Arc<str>);

/// The standings of a run, each with the place of the document, unless that cannot be read.
#[derive(Default)]
pub struct ReferentStatuses(Mutex<BTreeMap<ReferentKey, (ReferentStatus, Option<SourceLocation>)>>);

impl ReferentStatuses {
    /// From now on.
    pub fn set_status(&self, job: &ObjectJob, standing: ReferentStatus) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(job.build_referent_key(), (standing, locate_job(job)));
    }

    /// The state of an object that cannot be read is unknown.
    pub fn set_unread(&self, key: ReferentKey) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(key, (ReferentStatus::Unread, None));
    }

    /// Unless it is known.
    pub fn set_initial_status(&self, job: &ObjectJob, standing: ReferentStatus) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(job.build_referent_key()).or_insert_with(|| (standing, locate_job(job)));
    }

    /// The id of the object of a kind whose document has the name; without an index, only where it was seen.
    pub fn find_id(
        &self,
        index: Option<&Mutex<ObjectIndex>>,
        job: &ObjectJob,
        site: &ReferenceSite,
        reference: &NamedReference,
        kind: &Arc<str>,
    ) -> Result<Value, ReferenceError> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (job.target.clone(), kind.clone(), Arc::from(&*reference.name));
        let found = all.get(&key);
        let unread = matches!(found, Some((ReferentStatus::Unread, _)));
        let (code, what, hint, place) = match found {
            Some((ReferentStatus::Known(id), _)) => return Ok(id.clone()),
            Some((ReferentStatus::KnownAfterApply, _)) => {
                return Ok(Value::KnownAfterApply(reference.name.clone()));
            }
            Some((ReferentStatus::Absent, place)) => {
                ("reference-gone", "has `state: absent`", "take the reference out, or keep the object", place)
            }
            Some((ReferentStatus::Refused, place)) => (
                "reference-refused",
                "is not there and was not created",
                "see the diagnostic of that object",
                place,
            ),
            Some((ReferentStatus::Unread, place @ None)) => {
                let hint = "correct the errors of the other documents; `trueup validate` lists them";
                ("reference-unread", "could not be read", hint, place)
            }
            Some((ReferentStatus::Unread, place)) => {
                ("reference-unread", "could not be read", "see the diagnostic of that object", place)
            }
            None => {
                let known = index.and_then(|index| {
                    let index = index.lock().unwrap_or_else(PoisonError::into_inner);
                    let entry = index.get(&job.target, kind, &reference.name)?;
                    site.id_type.read_token(ScalarToken::Plain(entry.id.as_deref()?)).ok()
                });
                let names: Vec<&str> = all
                    .keys()
                    .filter(|(target, own, _)| *target == job.target && own == kind)
                    .map(|(.., name)| &**name)
                    .collect();
                return known.ok_or_else(|| diagnose_unknown_document(reference, kind, &names).into());
            }
        };
        let message = format!("`{}`, to which `{}` refers, {what}", reference.name, site.name);
        let mut diagnostic = Diagnostic::error(code, message).with_hint(hint);
        diagnostic.related.extend(place.clone().map(|place| (place, "its document".to_owned())));
        Err(ReferenceError { diagnostic, unread })
    }
}

impl ObjectJob<'_> {
    /// By what others refer to the object.
    pub fn build_referent_key(&self) -> ReferentKey {
        (self.target.clone(), self.document.kind.name.clone(), self.document.name.clone())
    }
}

fn locate_job(job: &ObjectJob) -> Option<SourceLocation> {
    Some(job.document.locate_span(job.document.name_span))
}
