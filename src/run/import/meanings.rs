//! What the references of a document mean, and a document with everything in place that it does not say itself.
//!
//! Names of things are looked up as a plan would; names of other documents are taken for what is live, because
//! an import reads one kind alone. Secrets come from the live object, where nobody else knows them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::Import;
use super::fill::{What, fill};
use crate::diagnostic::Diagnostic;
use crate::document::{Document, Reference, Wanted, Wish};
use crate::remote::service::Service;
use crate::remote::wire::Live;
use crate::run::gather::{Job, Read};
use crate::run::index::Index;
use crate::run::match_up::Found;
use crate::run::refer::References;
use crate::value::{Object, Value};

/// The ids of what a document names, each with where it stands and how it is named.
#[derive(Clone, Default)]
pub struct Meanings(Vec<(String, Reference, Value)>);

/// Looks up what documents name; `pairs` are documents with their objects.
///
/// Each result is an error where a name means nothing, or several things.
pub async fn meanings(
    import: &Import,
    service: &Service,
    pairs: &[(&Document, &Live)],
) -> Vec<Result<Meanings, Vec<Diagnostic>>> {
    let documents: Vec<Document> =
        pairs.iter().map(|(document, live)| filled(document, &live.object, What::Links)).collect();
    let jobs: Vec<Job> = documents.iter().map(|document| import.job(document)).collect();
    let read = |(_, live): &(&Document, &Live)| Some(Read::Found(Found::One(Box::new((*live).clone()))));
    let reads: Vec<Option<Read>> = pairs.iter().map(read).collect();
    let (references, index) = (References::default(), Mutex::new(Index::blank()));
    references.survey(&jobs, &reads, &BTreeMap::new());
    let mut meanings = Vec::with_capacity(pairs.len());
    for (job, (_, live)) in jobs.iter().zip(pairs) {
        references.ready(service, job, Some(live)).await;
        let resolved = references.resolve(&index, job, Some(live));
        let told = resolved.map(|resolved| Meanings::of(job.document, &resolved));
        meanings.push(told.map_err(|unresolved| unresolved.reasons));
    }
    meanings
}

impl Meanings {
    fn of(document: &Document, resolved: &Document) -> Self {
        let one = |(spot, reference): (crate::document::refer::Spot, &Reference)| {
            let id = leaf_at(&resolved.spec, spot.span)?;
            Some((spot.path, reference.clone(), id.clone()))
        };
        Self(document.references().into_iter().filter_map(one).collect())
    }

    fn id(&self, path: &str, reference: &Reference) -> Option<Value> {
        let known = self.0.iter().find(|(own, named, _)| own == path && named == reference);
        known.map(|(_, _, id)| id.clone())
    }

    /// A document with ids for its references and the live object's secrets for its slots.
    pub fn in_place(&self, document: &Document, live: &Object) -> Document {
        let linked = filled(document, live, What::Links);
        let unknown = || Diagnostic::error("unknown-reference", "this was not looked up");
        let mut find = |spot: &crate::document::refer::Spot, reference: &Reference| {
            self.id(&spot.path, reference).ok_or_else(unknown)
        };
        // what stays a reference is a fault of the comparison that follows
        let referred = linked.refer(&mut find).unwrap_or(linked);
        filled(&referred, live, What::Secrets)
    }
}

fn filled(document: &Document, live: &Object, what: What) -> Document {
    Document { spec: fill(&document.spec, &document.kind.shape, live, what), ..document.clone() }
}

/// The value that stands at a span.
fn leaf_at(wanted: &Wanted, span: crate::diagnostic::Span) -> Option<&Value> {
    match &wanted.wish {
        Wish::Leaf(value) if wanted.span == span => Some(value),
        Wish::Object(fields) => fields.iter().find_map(|(_, inner)| leaf_at(inner, span)),
        Wish::List(items) => items.iter().find_map(|inner| leaf_at(inner, span)),
        _ => None,
    }
}
