//! What the references of a document mean, and a document with everything in place that it does not say itself.
//!
//! Names of things are looked up as a plan would; names of other documents are taken for what is live, because
//! an import reads one kind alone. Secrets come from the live object, where no one else knows them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::fill::{FillMode, fill_spec};
use super::import_job::ImportJob;
use crate::diagnostic::Diagnostic;
use crate::document::{DesiredNode, DesiredValue, Document, NamedReference};
use crate::remote::target_client::TargetClient;
use crate::remote::wire::Snapshot;
use crate::run::fetch::{ObjectJob, ReadOutcome};
use crate::run::index::ObjectIndex;
use crate::run::match_up::ObjectMatch;
use crate::run::refer::ReferenceResolver;
use crate::value::{Object, Value};

/// The ids of what a document names, each with where it stands and how it is named.
#[derive(Clone, Default)]
pub struct ImportedReferences(Vec<(String, NamedReference, Value)>);

/// Looks up what documents name; `pairs` are documents with their objects.
///
/// Each result is an error where a name means nothing, or several things.
pub async fn resolve_references(
    import: &ImportJob,
    service: &TargetClient,
    pairs: &[(&Document, &Snapshot)],
) -> Vec<Result<ImportedReferences, Vec<Diagnostic>>> {
    let documents: Vec<Document> = pairs
        .iter()
        .map(|(document, live)| fill_copy(document, &live.object, FillMode::References))
        .collect();
    let jobs: Vec<ObjectJob> = documents.iter().map(|document| import.build_job(document)).collect();
    let read = |(_, live): &(&Document, &Snapshot)| {
        Some(ReadOutcome::Found(ObjectMatch::One(Box::new((*live).clone()))))
    };
    let reads: Vec<Option<ReadOutcome>> = pairs.iter().map(read).collect();
    let (references, index) = (ReferenceResolver::default(), Mutex::new(ObjectIndex::new_in_memory()));
    references.record_fetched(&jobs, &reads, &BTreeMap::new());
    let mut meanings = Vec::with_capacity(pairs.len());
    for (job, (_, live)) in jobs.iter().zip(pairs) {
        references.fetch_lookups(service, job, Some(live)).await;
        let resolved = references.resolve_document(&index, job, Some(live));
        let meaning = resolved.map(|resolved| ImportedReferences::from_documents(job.document, &resolved));
        meanings.push(meaning.map_err(|unresolved| unresolved.reasons));
    }
    meanings
}

impl ImportedReferences {
    fn from_documents(document: &Document, resolved: &Document) -> Self {
        let one = |(site, reference): (crate::document::refer::ReferenceSite, &NamedReference)| {
            let id = find_value_at(&resolved.spec, site.span)?;
            Some((site.path, reference.clone(), id.clone()))
        };
        Self(document.collect_references().into_iter().filter_map(one).collect())
    }

    fn find_id(&self, path: &str, reference: &NamedReference) -> Option<Value> {
        let known = self.0.iter().find(|(own, named, _)| own == path && named == reference);
        known.map(|(_, _, id)| id.clone())
    }

    /// A document with ids for its references and the live object's secrets for its slots.
    pub fn fill_document(&self, document: &Document, live: &Object) -> Document {
        self.fill_with(document, live, FillMode::Secrets)
    }

    /// The same, with the slots as they are for which nothing is live.
    pub fn fill_known(&self, document: &Document, live: &Object) -> Document {
        self.fill_with(document, live, FillMode::KnownSecrets)
    }

    fn fill_with(&self, document: &Document, live: &Object, secrets: FillMode) -> Document {
        let linked = fill_copy(document, live, FillMode::References);
        let unknown = || Diagnostic::error("unknown-reference", "this was not looked up");
        let mut find = |site: &crate::document::refer::ReferenceSite, reference: &NamedReference| {
            self.find_id(&site.path, reference).ok_or_else(unknown)
        };
        // what stays a reference is a fault of the comparison that follows
        let referred = linked.resolve_references(&mut find).unwrap_or(linked);
        fill_copy(&referred, live, secrets)
    }
}

fn fill_copy(document: &Document, live: &Object, what: FillMode) -> Document {
    // an import knows the scope
    let spec = fill_spec(&document.spec, &document.kind.shape, live, what);
    Document { spec, parents: Vec::new(), ..document.clone() }
}

/// The value that stands at a span.
fn find_value_at(wanted: &DesiredNode, span: crate::diagnostic::SourceSpan) -> Option<&Value> {
    match &wanted.value {
        DesiredValue::Literal(value) if wanted.span == span => Some(value),
        DesiredValue::Object(fields) => fields.iter().find_map(|(_, inner)| find_value_at(inner, span)),
        DesiredValue::List(items) => items.iter().find_map(|inner| find_value_at(inner, span)),
        _ => None,
    }
}
