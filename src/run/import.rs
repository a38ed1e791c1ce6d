//! Import: live objects become documents, and documents that are there are brought up to what is live.
//!
//! Objects are read, written down, read again from what was written, and held against the live object before
//! anybody sees a file; in the end a plan over all of them has to be empty. Secrets never get this far as text:
//! documents say where they come from, and the proof takes them from the live object.
//! Deliberately absent: files on disk, settings, and any request that writes.

mod compose;
pub mod draft;
pub mod edited_file;
pub mod fill;
pub mod import_job;
pub mod imported_object;
pub mod imported_references;
pub mod live_layout;
mod match_check;
mod member_nodes;
pub mod names;
pub mod pending;
pub mod revise;
pub mod select;
pub mod verify;

pub use import_job::ImportJob;
pub use imported_object::{ExistingDocument, ImportAction, ImportContext, ImportedObject};
use select::ObjectSelector;

use crate::diagnostic::Diagnostic;
use crate::kind::ScalarType;
use crate::remote::pager::IncompleteReason;
use crate::remote::target_client::{CollectionRef, ListEvent, RequestError, TargetClient};
use crate::remote::wire::Snapshot;
use crate::value::Value;

/// Up to so many objects chosen by id are read one by one, where the API can.
const MAX_SINGLE_READS: usize = 5;

/// What a service has.
#[derive(Default)]
pub struct FetchedObjects {
    /// Those that were asked for, ordered by their ids.
    pub objects: Vec<Snapshot>,
    /// How many there are in all.
    pub total: usize,
    /// Why there may be others that were not read.
    pub incomplete: Option<IncompleteReason>,
    /// Selectors, by their place, that match nothing.
    pub unmatched_selectors: Vec<usize>,
}

impl ImportJob {
    /// Reads the objects of the collection that a selector takes; all of them without any.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn fetch_objects(
        &self,
        service: &TargetClient,
        selectors: &[ObjectSelector],
    ) -> Result<FetchedObjects, RequestError> {
        let of = CollectionRef { kind: &self.kind, scope: &self.scope };
        let mut fetched = FetchedObjects::default();
        let mut used = vec![false; selectors.len()];
        let mut take = |event: ListEvent| {
            let live = match event {
                ListEvent::Object(live) => live,
                ListEvent::Restarted => {
                    fetched.objects.clear();
                    fetched.total = 0;
                    return used.fill(false);
                }
            };
            fetched.total += 1;
            // what the service brings along is only imported when it is named
            let mut wanted = selectors.is_empty() && !self.kind.is_built_in(&live.object);
            for (selector, used) in selectors.iter().zip(&mut used) {
                let takes = selector.matches_object(&self.kind, &live.object);
                *used |= takes;
                wanted |= takes;
            }
            if wanted {
                fetched.objects.push(live);
            }
        };
        match self.find_single_ids(selectors) {
            Some(ids) => {
                for id in ids {
                    let live = service.get_object(of, id).await?;
                    live.into_iter().for_each(|live| take(ListEvent::Object(live)));
                }
            }
            None => {
                let completeness = service.list_objects(of, &mut take).await?;
                fetched.incomplete = completeness.reason().cloned();
                let mut complete = Vec::with_capacity(fetched.objects.len());
                for live in std::mem::take(&mut fetched.objects) {
                    complete.extend(service.complete_snapshot(of, live).await?);
                }
                fetched.objects = complete;
            }
        }
        fetched.unmatched_selectors = (0..used.len()).filter(|at| used.get(*at) == Some(&false)).collect();
        self.sort_objects(&mut fetched.objects);
        Ok(fetched)
    }

    /// The ids to read one by one, when that is all that was asked for.
    fn find_single_ids<'s>(&self, selectors: &'s [ObjectSelector]) -> Option<Vec<&'s Value>> {
        let id = |selector: &'s ObjectSelector| match selector {
            ObjectSelector::Id(id) => Some(id),
            ObjectSelector::Field { .. } => None,
        };
        let few = (1..=MAX_SINGLE_READS).contains(&selectors.len()) && self.kind.operations.get.is_some();
        selectors.iter().map(id).collect::<Option<Vec<_>>>().filter(|_| few)
    }

    /// In an order of their own, each once: pages may overlap while a collection grows.
    fn sort_objects(&self, objects: &mut Vec<Snapshot>) {
        objects.sort_by_cached_key(|live| self.format_id(live));
        objects.dedup_by_key(|live| self.format_id(live));
    }

    fn format_id(&self, live: &Snapshot) -> String {
        let id = live.object.get_field(self.kind.identity.id);
        id.map(|id| ScalarType::render_url_text(id, &self.kind.api)).unwrap_or_default()
    }
}

/// What kept objects from being read.
pub fn diagnose_request_error(trouble: &RequestError) -> Vec<Diagnostic> {
    let said = trouble.read_api_errors(&[]).into_iter().map(|complaint| {
        Diagnostic::error("rejected-request", complaint.message).with_hint("the service says this")
    });
    std::iter::once((*trouble.diagnostic).clone()).chain(said).collect()
}
