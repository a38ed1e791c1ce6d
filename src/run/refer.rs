//! References of documents: names to ids, before an object is decided.
//!
//! What a name may mean stands in the object itself, in a list of the service, in a list whose URL an object
//! carries, or in another document. Each list is read once in a run. Objects that others refer to and that are
//! not there yet come first; a circle of them can never begin.
//! Deliberately absent: which thing has the name, and what bounds mean; the plan room knows.

mod dependencies;
mod dependents;
mod order;
mod reference_cache;
mod reference_error;
mod referent_status;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

pub use dependencies::{BlockedDependencies, DependencyBlock, DependencyChecker, DependencyLookup};
pub use dependents::DependentRelation;
pub use order::{
    DependencyEdges, DependencyOrder, add_delete_edges, add_dependent_deletes, build_edges, compute_levels,
    diagnose_cycle, diagnose_cycles, sort_topologically,
};
use reference_cache::{LookupNeed, ReferenceCache};
use reference_error::{ReferenceError, build_lookup_error};
use referent_status::ReferentStatuses;
pub use referent_status::{ReferentKey, ReferentStatus};

use super::fetch::{ObjectJob, ReadOutcome};
use super::index::ObjectIndex;
use super::match_up::ObjectMatch;
use crate::diagnostic::Diagnostic;
use crate::document::refer::ReferenceSite;
use crate::document::{Document, DocumentState, NamedReference, visit_spec};
use crate::kind::visit::VisitFlow;
use crate::kind::{FieldReference, ReferenceSource};
use crate::plan::refer;
use crate::remote::target_client::TargetClient;
use crate::remote::wire::Snapshot;
use crate::value::{Sensitivity, Value};

/// What the references of one run mean, as far as it is known.
#[derive(Default)]
pub struct ReferenceResolver {
    statuses: ReferentStatuses,
    cache: ReferenceCache,
    /// Objects on which others cannot depend.
    pub blocked: BlockedDependencies,
    /// Why objects that the run leaves out, and to which others refer, are not known.
    unselected_reasons: Mutex<Vec<Diagnostic>>,
}

/// Why a document cannot be decided.
pub struct UnresolvedReferences {
    pub reasons: Vec<Diagnostic>,
    /// Something that it needs could not be read.
    pub unread: bool,
}

impl ReferenceResolver {
    /// Remembers what live objects tell about the lists to which their like refer, and which objects are there.
    /// Of those that were let go of as they are unchanged there is the id.
    pub fn record_fetched(
        &self,
        jobs: &[ObjectJob],
        reads: &[Option<ReadOutcome>],
        agreed: &BTreeMap<usize, Value>,
    ) {
        if !jobs.iter().any(|job| job.document.needs_lookup()) {
            return;
        }
        for (number, (job, read)) in jobs.iter().zip(reads).enumerate() {
            let id = match (read, agreed.get(&number)) {
                (_, Some(id)) => Some(id),
                (Some(ReadOutcome::Found(ObjectMatch::One(live))), _) => {
                    live.object.get_field(job.document.kind.identity.id)
                }
                _ => continue,
            };
            let standing = match (job.document.state, id) {
                (DocumentState::Absent, _) | (_, None) => ReferentStatus::Absent,
                (_, Some(id)) => ReferentStatus::Known(id.clone()),
            };
            self.statuses.set_status(job, standing);
        }
        let lives = jobs.iter().zip(reads).filter_map(|(job, read)| match read {
            Some(ReadOutcome::Found(ObjectMatch::One(live))) => Some((job, &**live)),
            _ => None,
        });
        let wants =
            jobs.iter().flat_map(|job| collect_needs(job.document).into_iter().map(move |want| (job, want)));
        self.cache.record_live(wants, lives);
    }

    /// How the object of a document stands from now on.
    pub fn set_status(&self, job: &ObjectJob, standing: ReferentStatus) {
        self.statuses.set_status(job, standing);
    }

    /// Notes why an object that the run leaves out is not known.
    pub fn add_unselected_reasons(&self, reasons: Vec<Diagnostic>) {
        let mut all = self.unselected_reasons.lock().unwrap_or_else(PoisonError::into_inner);
        for reason in reasons {
            if !all.iter().any(|own| (own.code, &own.message) == (reason.code, &reason.message)) {
                all.push(reason);
            }
        }
    }

    /// What was noted of them.
    pub fn take_unselected_reasons(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut *self.unselected_reasons.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The state of an object that cannot be read is unknown.
    pub fn set_unread(&self, key: ReferentKey) {
        self.statuses.set_unread(key);
    }

    /// How the object of a document stands, unless that is known.
    pub fn set_initial_status(&self, job: &ObjectJob, standing: ReferentStatus) {
        self.statuses.set_initial_status(job, standing);
    }

    /// Reads what a document needs and what was not read yet.
    pub async fn fetch_lookups(&self, service: &TargetClient, job: &ObjectJob<'_>, live: Option<&Snapshot>) {
        if job.document.state != DocumentState::Present {
            return;
        }
        for want in collect_needs(job.document) {
            self.cache.fetch_value(service, job, &want, live).await;
        }
        for (yaml_path, _) in job.document.collect_references() {
            self.cache.fetch_candidates(service, job, &yaml_path, live).await;
        }
    }

    /// The document with ids for its references, its bounded values checked.
    ///
    /// # Errors
    /// What is wrong with them, each at its line.
    pub fn resolve_document<'d>(
        &self,
        index: &Mutex<ObjectIndex>,
        job: &ObjectJob<'d>,
        live: Option<&Snapshot>,
    ) -> Result<Cow<'d, Document>, UnresolvedReferences> {
        let document = job.document;
        if document.state != DocumentState::Present
            || (document.collect_references().is_empty() && collect_needs(document).is_empty())
        {
            return Ok(Cow::Borrowed(document));
        }
        let mut unread = false;
        let mut find = |yaml_path: &ReferenceSite, reference: &NamedReference| {
            let found = self.resolve_reference(index, job, live, yaml_path, reference);
            unread |= found.as_ref().is_err_and(|missing| missing.unread);
            found.map_err(|missing| missing.diagnostic)
        };
        let referred = document
            .resolve_references(&mut find)
            .map_err(|reasons| UnresolvedReferences { reasons, unread })?;
        let faults = self.check_limits(job, &referred, live)?;
        if faults.is_empty() {
            Ok(Cow::Owned(referred))
        } else {
            Err(UnresolvedReferences { reasons: faults, unread: false })
        }
    }

    /// The ids of the parents that a document names, by the number of the parameter; those of parents that are to be
    /// created are placeholders. Where nothing is to be there, a parent that is gone has nothing either. The id that the
    /// index remembers of a parent may be another object's by now.
    ///
    /// # Errors
    /// When a parent is not there and will not be created, or could not be read.
    pub fn resolve_parents(&self, job: &ObjectJob) -> Result<Vec<(u16, Value)>, UnresolvedReferences> {
        let (mut values, mut reasons, mut unread) = (Vec::new(), Vec::new(), false);
        let sites = job.document.collect_references().into_iter();
        for (parent, (site, reference)) in job.document.parents.iter().zip(sites) {
            let Some(kind) = site.reference.and_then(FieldReference::referenced_kind) else { continue };
            match self.statuses.find_id(None, job, &site, reference, kind) {
                Ok(id) => values.push((parent.number, id)),
                Err(missing) => {
                    if job.document.state == DocumentState::Present || missing.unread {
                        let place = job.document.locate_span(site.span);
                        reasons.push(missing.diagnostic.with_location(place));
                    }
                    unread |= missing.unread;
                }
            }
        }
        if reasons.is_empty() { Ok(values) } else { Err(UnresolvedReferences { reasons, unread }) }
    }

    /// The values beyond their bounds; bounds that could not be read are not taken for none.
    fn check_limits(
        &self,
        job: &ObjectJob,
        document: &Document,
        live: Option<&Snapshot>,
    ) -> Result<Vec<Diagnostic>, UnresolvedReferences> {
        let unread = RefCell::new(None);
        let list = |root: u16| match self.cache.get_list(job, root, live) {
            Ok(list) => list,
            Err(missing) => {
                unread.replace(Some(missing.diagnostic));
                None
            }
        };
        let faults = refer::check_candidate_limits(document, live.map(|live| &live.object), &list);
        match unread.into_inner() {
            Some(why) => {
                let why = why.with_location(document.locate_span(document.name_span));
                Err(UnresolvedReferences { reasons: vec![why], unread: true })
            }
            None => Ok(faults),
        }
    }

    fn resolve_reference(
        &self,
        index: &Mutex<ObjectIndex>,
        job: &ObjectJob,
        live: Option<&Snapshot>,
        yaml_path: &ReferenceSite,
        reference: &NamedReference,
    ) -> Result<Value, ReferenceError> {
        let kind = &job.document.kind;
        let choice = |mark| refer::CandidateContext { kind, field: yaml_path.name, sensitivity: mark };
        let Some(refers) = yaml_path.reference else {
            return Err(build_lookup_error(yaml_path, NO_PLACE));
        };
        match &refers.source {
            None => Err(build_lookup_error(yaml_path, NO_PLACE)),
            Some(ReferenceSource::Kind(kind)) => {
                Ok(self.statuses.find_id(Some(index), job, yaml_path, reference, kind)?)
            }
            Some(ReferenceSource::Field(root)) => {
                let field = kind.shape.get_field(*root);
                let list = self.cache.get_list(job, *root, live)?;
                let (Some(shape), Some(list)) = (field.ty.item_shape(), list) else {
                    return Err(build_lookup_error(
                        yaml_path,
                        &format!("no live object shows `{}`", field.name),
                    ));
                };
                let named = reference.member.as_deref().and_then(|by| shape.find_field(by));
                let mark = field.sensitivity.max(named.map_or(Sensitivity::Public, |own| own.sensitivity));
                Ok(refer::resolve_reference(
                    reference,
                    &refer::collect_candidates(kind, shape, refers, &list),
                    &choice(mark),
                )?)
            }
            Some(ReferenceSource::UrlIn(_) | ReferenceSource::List(_)) => {
                match self.cache.get_candidates(job, yaml_path, live)? {
                    Some(things) => {
                        Ok(refer::resolve_reference(reference, &things, &choice(reference.sensitivity))?)
                    }
                    None => {
                        Err(build_lookup_error(yaml_path, "no live object tells where such things stand"))
                    }
                }
            }
        }
    }
}

const NO_PLACE: &str = "nothing says where such things stand";

/// What a document needs to know of a live object of its collection.
fn collect_needs(document: &Document) -> Vec<LookupNeed> {
    let mut wants = Vec::new();
    if !document.needs_lookup() {
        return wants;
    }
    for (yaml_path, _) in document.collect_references() {
        match yaml_path.reference.and_then(|refers| refers.source.as_ref()) {
            Some(ReferenceSource::Field(root)) => wants.push(LookupNeed::List(*root)),
            Some(ReferenceSource::UrlIn(_)) => wants.push(LookupNeed::Url(yaml_path.path.into())),
            _ => {}
        }
    }
    // the lists in which bounds stand for values of this document
    visit_spec(document, &mut |at| {
        let of = at.field.limits_from.as_ref().map(|bounds| at.shape.get_field(bounds.reference_field));
        if let Some(ReferenceSource::Field(root)) = of.and_then(|of| of.reference.as_ref()?.source.as_ref()) {
            wants.push(LookupNeed::List(*root));
        }
        VisitFlow::Descend
    });
    wants.sort_unstable();
    wants.dedup();
    wants
}
