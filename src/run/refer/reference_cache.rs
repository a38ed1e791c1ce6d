//! Lists of things: those that live objects hold, and those of the service, each read once in a run.
//!
//! An object that is there speaks for itself. For one that is not, or that says nothing, another object of its
//! collection does: one that was read anyway, else the first of the list that says something.
//! Deliberately absent: which thing is meant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::reference_error::ReferenceError;
use crate::document::refer::ReferenceSite;
use crate::kind::scalar::ScalarToken;
use crate::kind::{FieldReference, ReferenceSource, ScalarType, address};
use crate::plan::refer::ReferenceCandidate;
use crate::remote::target_client::{CollectionRef, LookupSource, RequestError, TargetClient};
use crate::remote::wire::{LookupRow, Snapshot};
use crate::run::fetch::ObjectJob;
use crate::value::Value;

/// What is to be known of a live object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookupNeed {
    /// A root field that is a list.
    List(u16),
    /// The URL of the list of things for the field at this path.
    Url(Box<str>),
}

/// What a live object says.
#[derive(Clone)]
enum LookupValue {
    List(Value),
    Url(Box<str>),
}

/// Target, kind, scope.
type LookupKey = (Arc<str>, Arc<str>, String);
type LookupCell<T> = Arc<OnceCell<Result<T, Arc<RequestError>>>>;
type ValueCell = LookupCell<Option<LookupValue>>;
type CandidatesCell = LookupCell<Arc<Vec<ReferenceCandidate>>>;

/// What was read of lists.
#[derive(Default)]
pub struct ReferenceCache {
    values: Mutex<BTreeMap<(LookupKey, LookupNeed), ValueCell>>,
    /// By target and address, with what was read of each thing.
    candidates: Mutex<BTreeMap<(Arc<str>, String), CandidatesCell>>,
}

impl ReferenceCache {
    /// Keeps what live objects say of what is wanted in their collections.
    pub fn record_live<'j, 'd: 'j>(
        &self,
        wants: impl Iterator<Item = (&'j ObjectJob<'d>, LookupNeed)>,
        lives: impl Iterator<Item = (&'j ObjectJob<'d>, &'j Snapshot)>,
    ) {
        let mut wanted: BTreeMap<LookupKey, Vec<LookupNeed>> = BTreeMap::new();
        for (job, want) in wants {
            let own = wanted.entry(build_lookup_key(job)).or_default();
            if !own.contains(&want) {
                own.push(want);
            }
        }
        if wanted.is_empty() {
            return;
        }
        for (job, live) in lives {
            let place = build_lookup_key(job);
            for want in wanted.get(&place).into_iter().flatten() {
                let cell = self.get_value_cell(&place, want);
                if let (false, Some(said)) = (cell.initialized(), extract_value(want, live)) {
                    // nobody else is at it yet
                    let _ = cell.set(Ok(Some(said)));
                }
            }
        }
    }

    /// Looks for an object that says what is wanted, where the own one does not.
    pub async fn fetch_value(
        &self,
        service: &TargetClient,
        job: &ObjectJob<'_>,
        want: &LookupNeed,
        live: Option<&Snapshot>,
    ) {
        if live.is_some_and(|live| extract_value(want, live).is_some()) {
            return;
        }
        let cell = self.get_value_cell(&build_lookup_key(job), want);
        cell.get_or_init(|| async {
            let of = CollectionRef { kind: &job.document.kind, scope: &job.scope };
            let mut found = None;
            let mut enough = |live: &Snapshot| {
                found = extract_value(want, live);
                found.is_some()
            };
            service.search_objects(of, &mut enough).await.map_err(Arc::new)?;
            Ok(found)
        })
        .await;
    }

    /// Reads the list of the service to which a reference leads.
    pub async fn fetch_candidates(
        &self,
        service: &TargetClient,
        job: &ObjectJob<'_>,
        yaml_path: &ReferenceSite<'_>,
        live: Option<&Snapshot>,
    ) {
        let Some(refers) = yaml_path.reference else { return };
        let Ok(Some(lead)) = self.find_source(job, yaml_path, live) else { return };
        let cell = self.get_candidates_cell(job.target.clone(), lead.build_cache_key(job, refers));
        cell.get_or_init(|| async {
            let of = CollectionRef { kind: &job.document.kind, scope: &job.scope };
            let members: Vec<&str> =
                std::iter::once(&*refers.id).chain(refers.by.iter().map(|by| &**by)).collect();
            let rows =
                service.list_lookup_rows(of, lead.as_remote_source(), &members).await.map_err(Arc::new)?;
            Ok(Arc::new(
                rows.into_iter().filter_map(|row| parse_candidate(row, refers, yaml_path.id_type)).collect(),
            ))
        })
        .await;
    }

    /// A list that stands in the object itself, or in another one where it does not.
    pub fn get_list(
        &self,
        job: &ObjectJob,
        root: u16,
        live: Option<&Snapshot>,
    ) -> Result<Option<Value>, ReferenceError> {
        let want = LookupNeed::List(root);
        if let Some(LookupValue::List(list)) = live.and_then(|live| extract_value(&want, live)) {
            return Ok(Some(list));
        }
        match self.get_value_cell(&build_lookup_key(job), &want).get() {
            Some(Ok(Some(LookupValue::List(list)))) => Ok(Some(list.clone())),
            Some(Err(trouble)) => Err(build_read_error(trouble)),
            _ => Ok(None),
        }
    }

    /// The things of the list of the service to which a reference leads.
    pub fn get_candidates(
        &self,
        job: &ObjectJob,
        yaml_path: &ReferenceSite,
        live: Option<&Snapshot>,
    ) -> Result<Option<Arc<Vec<ReferenceCandidate>>>, ReferenceError> {
        let (Some(refers), Some(lead)) = (yaml_path.reference, self.find_source(job, yaml_path, live)?)
        else {
            return Ok(None);
        };
        match self.get_candidates_cell(job.target.clone(), lead.build_cache_key(job, refers)).get() {
            Some(Ok(things)) => Ok(Some(things.clone())),
            Some(Err(trouble)) => Err(build_read_error(trouble)),
            None => Ok(None),
        }
    }

    /// Where a reference leads, as far as it is known.
    fn find_source<'s>(
        &self,
        job: &ObjectJob,
        yaml_path: &ReferenceSite<'s>,
        live: Option<&Snapshot>,
    ) -> Result<Option<CandidateSource<'s>>, ReferenceError> {
        match yaml_path.reference.and_then(|refers| refers.source.as_ref()) {
            Some(ReferenceSource::List(list)) => Ok(Some(CandidateSource::List(list))),
            Some(ReferenceSource::UrlIn(_)) => {
                let want = LookupNeed::Url(yaml_path.path.as_str().into());
                if let Some(LookupValue::Url(url)) = live.and_then(|live| extract_value(&want, live)) {
                    return Ok(Some(CandidateSource::Url(url)));
                }
                match self.get_value_cell(&build_lookup_key(job), &want).get() {
                    Some(Ok(Some(LookupValue::Url(url)))) => Ok(Some(CandidateSource::Url(url.clone()))),
                    Some(Err(trouble)) => Err(build_read_error(trouble)),
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    fn get_value_cell(&self, place: &LookupKey, want: &LookupNeed) -> LookupCell<Option<LookupValue>> {
        let mut said = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        said.entry((place.clone(), want.clone())).or_default().clone()
    }

    fn get_candidates_cell(
        &self,
        target: Arc<str>,
        list: String,
    ) -> LookupCell<Arc<Vec<ReferenceCandidate>>> {
        let mut things = self.candidates.lock().unwrap_or_else(PoisonError::into_inner);
        things.entry((target, list)).or_default().clone()
    }
}

/// Where a list stands.
enum CandidateSource<'k> {
    List(&'k crate::kind::file::ListFile),
    Url(Box<str>),
}

impl CandidateSource<'_> {
    /// A text that is the same for the same things of the same list.
    fn build_cache_key(&self, job: &ObjectJob, refers: &FieldReference) -> String {
        let members = refers.by.iter().map(|by| &**by).collect::<Vec<_>>().join(",");
        let stands = match self {
            Self::Url(url) => url.to_string(),
            Self::List(list) => {
                let path = address::expand_path(list.path(), &job.document.kind, &job.scope, None);
                let query = address::build_scope_query(&job.document.kind, &job.scope);
                format!("{path}?{query:?}{:?}", list.query)
            }
        };
        format!("{stands} {} {members}", refers.id)
    }

    fn as_remote_source(&self) -> LookupSource<'_> {
        match self {
            Self::List(list) => LookupSource::List(list),
            Self::Url(url) => LookupSource::Url(url),
        }
    }
}

fn build_lookup_key(job: &ObjectJob) -> LookupKey {
    let kind = &job.document.kind;
    let scope: Vec<String> =
        job.scope.iter().map(|value| ScalarType::render_url_text(value, &kind.api)).collect();
    (job.target.clone(), kind.name.clone(), scope.join("\u{1f}"))
}

fn extract_value(want: &LookupNeed, live: &Snapshot) -> Option<LookupValue> {
    match want {
        LookupNeed::List(root) => {
            let list = live.object.get_field(*root).filter(|list| !list.is_blank())?;
            Some(LookupValue::List(list.clone()))
        }
        LookupNeed::Url(path) => {
            let link = live.links.iter().find(|link| link.path == *path)?;
            Some(LookupValue::Url(link.url.clone()))
        }
    }
}

/// A row as a thing; one without an id that fits cannot be referred to.
fn parse_candidate(row: LookupRow, refers: &FieldReference, leaf: &ScalarType) -> Option<ReferenceCandidate> {
    let mut row = row.into_iter();
    let id = leaf.read_token(ScalarToken::String(&row.next()??)).ok()?;
    let names = refers.by.iter().zip(row).filter_map(|(by, name)| Some((by.clone(), name?))).collect();
    Some(ReferenceCandidate { id, names })
}

fn build_read_error(trouble: &RequestError) -> ReferenceError {
    ReferenceError { diagnostic: (*trouble.diagnostic).clone(), unread: true }
}
