//! How the objects of documents stand: there, to be created, to be deleted, or in doubt.
//!
//! A document refers to another one of its own target. Of objects whose documents are not in this run, the
//! index knows the ids. Deliberately absent: the order in which objects are created.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Missing;
use crate::diagnostic::{self, Diagnostic};
use crate::document::Reference;
use crate::document::refer::{Spot, no_document};
use crate::kind::leaf::Token;
use crate::run::gather::Job;
use crate::run::index::Index;
use crate::value::Value;

/// How an object stands.
#[derive(Clone)]
pub enum Standing {
    /// It has this id.
    Known(Value),
    /// It will be created in this run.
    Later,
    /// It is to be deleted, or not to be there.
    Gone,
    /// It is not there, and will not be created.
    Refused,
    /// Nobody knows whether it is there.
    Unread,
}

/// Target, kind, name.
type Key = (Arc<str>, Arc<str>, Arc<str>);

/// The standings of a run.
#[derive(Default)]
pub struct Standings(Mutex<BTreeMap<Key, (Standing, diagnostic::Place)>>);

impl Standings {
    /// From now on.
    pub fn put(&self, job: &Job, standing: Standing) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(key(job), (standing, job.document.place(job.document.name_span)));
    }

    /// Unless it is known.
    pub fn put_first(&self, job: &Job, standing: Standing) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key(job)).or_insert_with(|| (standing, job.document.place(job.document.name_span)));
    }

    /// The id of the object of a kind whose document has the name.
    pub fn id(
        &self,
        index: &Mutex<Index>,
        job: &Job,
        (spot, reference, kind): (&Spot, &Reference, &Arc<str>),
    ) -> Result<Value, Missing> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (job.target.clone(), kind.clone(), Arc::from(&*reference.name));
        let (code, what, hint, place) = match all.get(&key) {
            Some((Standing::Known(id), _)) => return Ok(id.clone()),
            Some((Standing::Later, _)) => return Ok(Value::Later(reference.name.clone())),
            Some((Standing::Gone, place)) => {
                ("reference-gone", "is not to be there", "take the reference out, or keep the object", place)
            }
            Some((Standing::Refused, place)) => {
                ("reference-refused", "is not there and was not created", "see what is said about it", place)
            }
            Some((Standing::Unread, place)) => {
                ("reference-unread", "could not be read", "see what is said about it", place)
            }
            None => {
                let index = index.lock().unwrap_or_else(PoisonError::into_inner);
                let entry = index.get(&job.target, kind, &reference.name);
                let known = entry.and_then(|entry| spot.leaf.read(Token::Bare(entry.id.as_deref()?)).ok());
                let names: Vec<&str> = all
                    .keys()
                    .filter(|(target, own, _)| *target == job.target && own == kind)
                    .map(|(.., name)| &**name)
                    .collect();
                return known.ok_or_else(|| no_document(reference, kind, &names).into());
            }
        };
        let message = format!("`{}`, to which `{}` refers, {what}", reference.name, spot.field.name);
        let why = Diagnostic::error(code, message).hint(hint).also(place.clone(), "its document");
        Err(why.into())
    }
}

fn key(job: &Job) -> Key {
    (job.target.clone(), job.document.kind.name.clone(), job.document.name.clone())
}
