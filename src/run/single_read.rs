//! How the object of one job is asked for without its collection: by its id, or by its natural key where the API
//! filters by it.
//!
//! Deliberately absent: the requests (`fetch`).

use super::match_up::is_surely_visible;
use super::natural_key::{build_desired_key, find_desired_value};
use super::object_job::ObjectJob;
use crate::document::Document;
use crate::kind::{Kind, ScalarType};
use crate::value::Value;

/// Up to so many documents of one collection are read one by one.
const MAX_SINGLE_READS: usize = 5;

/// Whether the natural key of a created object is looked for: its document names it, and nothing but the service
/// makes it unique.
pub fn is_duplicate_checked(job: &ObjectJob) -> bool {
    job.document.id.is_none() && is_surely_visible(job.document)
}

/// The same job for a look by the natural key alone.
pub fn build_key_job<'d>(job: &ObjectJob<'d>) -> ObjectJob<'d> {
    ObjectJob { known_id: None, ..job.clone() }
}

/// Whether these objects of one collection are read one by one without a look at the list.
pub(super) fn can_read_each(jobs: &[&ObjectJob]) -> bool {
    jobs.len() <= MAX_SINGLE_READS && jobs.iter().all(|job| can_read_alone(job))
}

/// Whether the API can read this one object without its collection.
pub(super) fn can_read_alone(job: &ObjectJob) -> bool {
    let operations = &job.document.kind.operations;
    match find_id(job) {
        Some(_) => operations.get.is_some(),
        None => build_find_key(&job.document.kind, job.document).is_some(),
    }
}

/// The natural key of a document, where the API can be asked for just that.
pub(super) fn build_find_key(kind: &Kind, document: &Document) -> Option<String> {
    let find = kind.operations.find.as_ref()?;
    let except = find.except.as_deref().unwrap_or_default();
    let sayable = |(_, value): (String, Value)| {
        !ScalarType::render_url_text(&value, &kind.api).contains(|c| except.contains(c))
    };
    build_desired_key(kind, document).filter(|_| collect_key_values(kind, document).into_iter().all(sayable))
}

pub(super) fn find_id<'j>(job: &'j ObjectJob) -> Option<&'j Value> {
    job.document.id.as_ref().or(job.known_id.as_ref())
}

/// The values of the natural key, by the names that the filter's template uses.
pub(super) fn collect_key_values(kind: &Kind, document: &Document) -> Vec<(String, Value)> {
    let values = kind.identity.natural_key.iter().map(|path| find_desired_value(&document.spec, path));
    let named = kind.list_natural_key_names().into_iter().zip(values);
    named.filter_map(|(name, value)| Some((name, value?.clone()))).collect()
}
