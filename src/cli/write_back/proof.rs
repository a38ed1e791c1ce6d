//! The proof of edits: which effective documents they change, and that nothing else changes in those.
//!
//! Documents are compared as they are rendered: typed values, sources and references, not texts.
//! Deliberately absent: live objects.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cli::merge_base::{DocumentKey, build_document_key};
use crate::diagnostic::Diagnostic;
use crate::document::{DesiredNode, DesiredValue, Document, NamedReference, ValueSource};
use crate::kind::{FieldType, Shape};
use crate::plan::Change;
use crate::run::accept::level_choice::SharedLevel;
use crate::run::accept::selection::format_dotted;
use crate::run::import::edited_file::has_same_header;
use crate::run::import::revise::{TouchedSpans, is_same_except};

/// Environment, target, kind and name: what is the same document before and after.
pub type RenderKey = (Option<Arc<str>>, Option<Arc<str>>, Arc<str>, Arc<str>);

/// The key of an effective document.
pub fn build_render_key(document: &Document) -> RenderKey {
    let Document { environment, target, kind, name, .. } = document;
    (environment.clone(), target.clone(), Arc::clone(&kind.name), Arc::clone(name))
}

/// A document that renders otherwise, before and after.
pub type ChangedDocument<'d> = (&'d Document, &'d Document);

/// So many of the objects that change are named beside the first.
const MAX_RELATED: usize = 5;
/// What `accept` lets people do where other objects change too.
const HINT_INTO: &str = "nothing was written; `--into base=N` writes into a level of N objects";

/// The documents that render otherwise, before and after.
///
/// # Errors
/// When documents would come or go.
pub fn list_changed<'d>(
    before: &'d [Document],
    after: &'d [Document],
) -> Result<Vec<ChangedDocument<'d>>, Diagnostic> {
    let keys = |documents: &[Document]| documents.iter().map(build_render_key).collect::<BTreeSet<_>>();
    if before.len() != after.len() || keys(before) != keys(after) {
        let message = "the edits would change which objects there are";
        let fault = Diagnostic::error("unsafe-edit", message);
        return Err(fault.with_hint("nothing was written; please report this"));
    }
    let own: BTreeMap<RenderKey, &Document> = before.iter().map(|own| (build_render_key(own), own)).collect();
    let pair = |after: &'d Document| Some((*own.get(&build_render_key(after))?, after));
    Ok(after.iter().filter_map(pair).filter(|(before, after)| !is_same_render(before, after)).collect())
}

/// Whether two effective documents render the same.
pub fn is_same_render(before: &Document, after: &Document) -> bool {
    before.environment == after.environment
        && has_same_header(before, after)
        && is_same_except(&before.spec, &after.spec, &TouchedSpans::default())
}

/// An object whose document changes on purpose.
pub struct AcceptedEdit<'a> {
    /// Target, kind and name.
    pub key: DocumentKey,
    /// The differences that are written down.
    pub changes: &'a [Change],
}

/// Checks that edits change what they are to change and nothing else; gives the fault of another number of objects than
/// a shared level is to change, which is of all edits together.
///
/// # Errors
/// With the documents of which more would change.
pub fn check_edits(
    before: &[Document],
    after: &[Document],
    accepted: &[AcceptedEdit],
    into: Option<SharedLevel>,
) -> Result<Option<Diagnostic>, Vec<Diagnostic>> {
    let changed = list_changed(before, after).map_err(|fault| vec![fault])?;
    let edits: HashMap<_, &AcceptedEdit> = accepted.iter().map(|own| (&own.key, own)).collect();
    let mut faults = Vec::new();
    let mut others = Vec::new();
    for (before, after) in &changed {
        match edits.get(&build_document_key(after)) {
            Some(edit) if is_preserved(before, after, edit.changes) => {}
            Some(_) => faults.push(diagnose_more(before)),
            None => others.push(*before),
        }
    }
    if into.is_none() {
        faults.extend(others.iter().map(|own| diagnose_other(own, HINT_INTO)));
    }
    // each object that the shared level reaches has another value now, or said it by itself already
    let objects = others.len() + accepted.len();
    // where nothing changes, there is another reason for it
    let other_number = into.filter(|shared| objects != shared.objects && !changed.is_empty());
    match faults.is_empty() {
        true => Ok(other_number.map(|shared| diagnose_count(shared, objects, &changed))),
        false => Err(faults),
    }
}

fn diagnose_more(document: &Document) -> Diagnostic {
    let message = format!("an edit of `{}` would change more than was meant", document.name);
    Diagnostic::error("unsafe-edit", message)
        .with_location(document.locate_span(document.name_span))
        .with_hint("nothing of it was written; change it by hand")
}

/// The fault of an object that would change too, with what the command lets people do about it.
pub fn diagnose_other(document: &Document, hint: &str) -> Diagnostic {
    let place = document.environment.as_ref().map_or_else(String::new, |own| format!(" in `{own}`"));
    let message = format!("this would change `{}`{place} too", document.name);
    Diagnostic::error("shared-level", message)
        .with_location(document.locate_span(document.name_span))
        .with_hint(hint)
}

/// The fault of another number of objects than expected, at the first of those that would change.
fn diagnose_count(shared: SharedLevel, objects: usize, changed: &[ChangedDocument]) -> Diagnostic {
    let (level, expected) = (shared.level.as_str(), shared.objects);
    let message = format!(
        "this changes {}, not {expected}",
        match objects {
            1 => "1 object".to_owned(),
            _ => format!("{objects} objects"),
        }
    );
    let fault = Diagnostic::error("shared-level", message)
        .with_hint(format!("nothing was written; look at `--dry-run --into {level}={objects}`"));
    let mut places = changed.iter().map(|(own, _)| (own, own.locate_span(own.name_span)));
    let Some((_, first)) = places.next() else { return fault };
    places.take(MAX_RELATED).fold(fault.with_location(first), |fault, (own, place)| {
        let place_name = own.environment.as_ref().map_or_else(String::new, |own| format!(" in `{own}`"));
        fault.with_related(place, format!("`{}`{place_name} changes too", own.name))
    })
}

/// Whether a document says what it said, but for the values that changed.
fn is_preserved(before: &Document, after: &Document, changes: &[Change]) -> bool {
    let paths: Vec<String> = changes.iter().map(|change| format_dotted(&change.path.0)).collect();
    is_same_outside(before, after, changes, paths)
}

/// Whether two versions of a document are the same but for values at paths with dots.
pub fn is_same_outside(before: &Document, after: &Document, changes: &[Change], paths: Vec<String>) -> bool {
    let check = PreservationCheck { before, changes, paths };
    before.environment == after.environment
        && has_same_header(before, after)
        && check.has_same_fields(&before.kind.shape, &before.spec, &after.spec, "")
}

struct PreservationCheck<'p> {
    before: &'p Document,
    changes: &'p [Change],
    /// With dots.
    paths: Vec<String>,
}

impl PreservationCheck<'_> {
    fn has_same_fields(&self, shape: &Shape, before: &DesiredNode, after: &DesiredNode, above: &str) -> bool {
        shape.fields.iter().all(|field| {
            let path = join_path(above, &field.name);
            let own = before.get_field(field.number);
            self.is_same_value(&field.ty, own, after.get_field(field.number), &path)
        })
    }

    fn is_same_value(
        &self,
        ty: &FieldType,
        before: Option<&DesiredNode>,
        after: Option<&DesiredNode>,
        path: &str,
    ) -> bool {
        let nothing = TouchedSpans::default();
        let is_below = |own: &String| own.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        let (here, below) = (self.paths.iter().any(|own| own == path), self.paths.iter().any(is_below));
        let values = (before.map(|node| &node.value), after.map(|node| &node.value));
        match (ty, values) {
            (FieldType::Array(_), _) if here || below => self.keeps_sources(before, after),
            _ if here => true,
            (FieldType::Object(shape), (Some(DesiredValue::Object(_)), Some(DesiredValue::Object(_))))
                if below =>
            {
                before
                    .zip(after)
                    .is_some_and(|(before, after)| self.has_same_fields(shape, before, after, path))
            }
            (FieldType::Map(_), (Some(DesiredValue::Map(before)), Some(DesiredValue::Map(after))))
                if below =>
            {
                self.has_same_entries(before, after, path)
            }
            // a map or an object that gets its first value, or loses its last
            _ if below => before.is_none() || after.is_none(),
            _ => match (before, after) {
                (Some(before), Some(after)) => is_same_except(before, after, &nothing),
                (before, after) => before.is_none() && after.is_none(),
            },
        }
    }

    fn has_same_entries(
        &self,
        before: &[(Box<str>, DesiredNode)],
        after: &[(Box<str>, DesiredNode)],
        path: &str,
    ) -> bool {
        let nothing = TouchedSpans::default();
        let is_changed = |key: &str| self.paths.contains(&join_path(path, key));
        let is_kept = |(key, node): &(Box<str>, DesiredNode), others: &[(Box<str>, DesiredNode)]| {
            let other = others.iter().find(|(own, _)| own == key).map(|(_, node)| node);
            is_changed(key) || other.is_some_and(|other| is_same_except(node, other, &nothing))
        };
        before.iter().all(|entry| is_kept(entry, after)) && after.iter().all(|entry| is_kept(entry, before))
    }

    /// Whether items that stay keep their sources and references, which no comparison with a live object shows.
    fn keeps_sources(&self, before: Option<&DesiredNode>, after: Option<&DesiredNode>) -> bool {
        let (mut own, mut kept) = (Vec::new(), Vec::new());
        before.iter().for_each(|node| self.collect_named(node, &mut own));
        after.iter().for_each(|node| collect_named_values(node, &mut kept));
        own.iter()
            .all(|value| kept.iter().position(|other| other == value).map(|at| kept.remove(at)).is_some())
    }

    fn collect_named<'d>(&self, node: &'d DesiredNode, found: &mut Vec<IndirectValue<'d>>) {
        let DesiredValue::List(items) = &node.value else { return };
        let is_removed = |item: &DesiredNode| {
            let place = self.before.locate_span(item.span);
            let goes = |change: &Change| {
                let own = change.place.as_ref();
                change.before.is_none()
                    && own.is_some_and(|own| own.span == place.span && own.source.path == place.source.path)
            };
            self.changes.iter().any(goes)
        };
        items.iter().filter(|item| !is_removed(item)).for_each(|item| collect_named_values(item, found));
    }
}

/// A value that a document names rather than says.
#[derive(PartialEq)]
enum IndirectValue<'d> {
    Source(&'d ValueSource),
    Reference(&'d NamedReference),
}

fn collect_named_values<'d>(node: &'d DesiredNode, found: &mut Vec<IndirectValue<'d>>) {
    match &node.value {
        DesiredValue::Source(source) => found.push(IndirectValue::Source(source)),
        DesiredValue::Reference(reference) => found.push(IndirectValue::Reference(reference)),
        DesiredValue::Object(fields) => {
            fields.iter().for_each(|(_, inner)| collect_named_values(inner, found));
        }
        DesiredValue::Map(entries) => {
            entries.iter().for_each(|(_, inner)| collect_named_values(inner, found))
        }
        DesiredValue::List(items) => items.iter().for_each(|inner| collect_named_values(inner, found)),
        DesiredValue::Clear | DesiredValue::Literal(_) => {}
    }
}

fn join_path(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}
