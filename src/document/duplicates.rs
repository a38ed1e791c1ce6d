//! Documents held against each other: two of them must not describe one object.
//!
//! They do when kind and target are the same, and so is the name; or kind, service, scope and id or natural key. Several
//! targets can be one service; below parents that are named, the target counts in its place. Targets and scopes are the
//! caller's to assign first. One pass over all documents, however many.
//! Deliberately absent: the live objects, where two different keys can still turn out to be one object.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::list_keys::{encode_node, write_value};
use super::{DesiredValue, Document};
use crate::cores::map_parallel;
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::kind::ComparisonRule;

/// So many documents are one piece of work for a thread.
const THREAD_BATCH_SIZE: usize = 256;

/// For each target, one that is the same service.
pub type ServiceNames = HashMap<Arc<str>, Arc<str>>;

/// Reports every document that describes the object of an earlier one, with both places.
pub fn check_duplicates(documents: &[Document], services: &ServiceNames, faults: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<String, &Document> = HashMap::with_capacity(documents.len() * 3);
    let batches: Vec<&[Document]> = documents.chunks(THREAD_BATCH_SIZE).collect();
    let keys = map_parallel(&batches, |batch| {
        batch.iter().map(|document| encode_identity_keys(document, services)).collect::<Vec<_>>()
    });
    for (document, keys) in documents.iter().zip(keys.into_iter().flatten()) {
        let mut is_reported = false;
        for (key, alike, span) in keys {
            match seen.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(document);
                }
                Entry::Occupied(first) if is_reported || are_distinct(document, first.get(), alike) => {}
                Entry::Occupied(first) => {
                    is_reported = true;
                    faults.push(diagnose_duplicate(document, first.get(), alike, span));
                }
            }
        }
    }
}

/// What two documents have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DuplicateCriterion {
    Name,
    Id,
    NaturalKey,
}

/// Different ids make different objects, even of one natural key.
fn are_distinct(document: &Document, first: &Document, alike: DuplicateCriterion) -> bool {
    let ids = document.id.as_ref().zip(first.id.as_ref());
    alike != DuplicateCriterion::Name && ids.is_some_and(|(a, b)| a != b)
}

fn diagnose_duplicate(
    document: &Document,
    first: &Document,
    alike: DuplicateCriterion,
    span: SourceSpan,
) -> Diagnostic {
    let alike = match alike {
        DuplicateCriterion::Name => "name".to_owned(),
        DuplicateCriterion::Id => "id".to_owned(),
        DuplicateCriterion::NaturalKey => document.kind.list_natural_key_names().join(", "),
    };
    let mut message = format!("two documents of kind `{}` have the same {alike}", document.kind.name);
    let mut hint = "one object is described by one document: merge the two, or change the identity of one";
    if let (Some(own), Some(other)) = (&document.target, &first.target)
        && own != other
    {
        message.push_str(&format!(
            ", and the targets `{own}` and `{other}` are one service: they have the same base URL and credentials"
        ));
        hint = "correct `base_url`, `auth` or `scope` of one target, or remove one of the documents";
    }
    Diagnostic::error("duplicate-document", message)
        .with_location(document.locate_span(span))
        .with_related(first.locate_span(first.name_span), "the other document")
        .with_hint(hint)
}

/// The texts by which a document is known, each with what it is and where it stands.
fn encode_identity_keys(
    document: &Document,
    services: &ServiceNames,
) -> Vec<(String, DuplicateCriterion, SourceSpan)> {
    let target = document.target.as_deref().unwrap_or("");
    let environment = document.environment.as_deref().unwrap_or("");
    let kind = &document.kind.name;
    let name = [kind, "\n", target, "\n", environment, "\nname\n", &document.name].concat();
    // the environment belongs to the target, and two environments may be one service; the parents that documents of
    // two targets name may be two objects all the same
    let has_parents = !document.parents.is_empty();
    let target_of_known_scope = document.target.as_ref().filter(|_| !has_parents);
    let mut scoped = match target_of_known_scope.and_then(|target| services.get(target)) {
        Some(service) => [kind, "\n", service, "\n\n"].concat(),
        None => [kind, "\n", target, "\n", environment, "\n"].concat(),
    };
    let mut keys = vec![(name, DuplicateCriterion::Name, document.name_span)];
    for (number, value) in &document.scope {
        scoped.push_str(&format!("{number}="));
        write_value(&mut scoped, value, ComparisonRule::Exact);
    }
    if let Some(id) = &document.id {
        let mut key = [&scoped, "\nid\n"].concat();
        write_value(&mut key, id, ComparisonRule::Exact);
        keys.push((key, DuplicateCriterion::Id, document.id_span));
    }
    if let Some((key, span)) = encode_natural_key(document) {
        keys.push(([&scoped, "\nkey\n", &key].concat(), DuplicateCriterion::NaturalKey, span));
    }
    keys
}

/// The natural key and where it starts, when every part of it is written as a plain value.
fn encode_natural_key(document: &Document) -> Option<(String, SourceSpan)> {
    let paths = &document.kind.identity.natural_key;
    let mut key = String::new();
    let mut span = None;
    for path in paths {
        if path.first().is_some_and(|number| document.kind.shape.get_field(*number).copy_of.is_some()) {
            // a copy of the scope, which is part of the key already
            continue;
        }
        let wanted = document.spec.get_path(path)?;
        let DesiredValue::Literal(_) = wanted.value else { return None };
        key.push_str(&encode_node(
            wanted,
            document
                .kind
                .shape
                .find_path_field(path)
                .map_or(ComparisonRule::Exact, |(_, field)| field.compare),
        ));
        span = span.or(Some(wanted.span));
    }
    Some((key, span?))
}
