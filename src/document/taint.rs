//! Taint: a value from outside the repository is sensitive in every field, whatever the kind says of the field.
//!
//! A document that fills an unmarked field from a source gets a kind of its own, in which that field is marked. So
//! everything that respects marks (plan, reports, journal, receipts, policies, redaction) protects the value.
//! Deliberately absent: values. The mark follows from the form of the document alone.

use std::sync::Arc;

use super::{DesiredValue, Document, visit_spec};
use crate::kind::visit::VisitFlow;
use crate::kind::{ArrayType, FieldType, ItemType, Kind, Shape};
use crate::value::Sensitivity;

/// The least sensitivity of a value from outside.
const SOURCE_SENSITIVITY: Sensitivity = Sensitivity::Internal;

/// Field numbers from the root; items of lists and values of maps add none.
type FieldPath = Vec<u16>;

/// Kinds with further marks. Documents that fill the same fields share one.
#[derive(Default)]
pub(super) struct TaintedKinds {
    known: Vec<(Arc<str>, Vec<FieldPath>, Arc<Kind>)>,
}

impl TaintedKinds {
    /// Marks the fields that a document fills from outside.
    pub(super) fn mark_sources(&mut self, document: &mut Document) {
        let paths = list_unmarked_sources(document);
        if !paths.is_empty() {
            document.kind = self.find_or_build(&document.kind, paths);
        }
    }

    fn find_or_build(&mut self, kind: &Arc<Kind>, paths: Vec<FieldPath>) -> Arc<Kind> {
        let known = self.known.iter().find(|(name, own, _)| *name == kind.name && *own == paths);
        if let Some((_, _, known)) = known {
            return Arc::clone(known);
        }
        let built = mark_paths(kind, &paths);
        self.known.push((Arc::clone(&kind.name), paths, Arc::clone(&built)));
        built
    }
}

/// The fields without a mark that a document fills from outside.
pub fn list_unmarked_sources(document: &Document) -> Vec<FieldPath> {
    let mut paths = Vec::new();
    visit_spec(document, &mut |at| {
        if at.field.sensitivity >= SOURCE_SENSITIVITY {
            return VisitFlow::Skip;
        }
        if matches!(at.node.value, DesiredValue::Source(_)) {
            paths.push(at.path.iter().map(|field| field.number).collect());
        }
        VisitFlow::Descend
    });
    paths.sort();
    paths.dedup();
    paths
}

/// The kind with marks on further fields.
pub fn mark_paths(kind: &Arc<Kind>, paths: &[FieldPath]) -> Arc<Kind> {
    let mut shape = Shape::clone(&kind.shape);
    paths.iter().for_each(|path| mark_path(&mut shape, path));
    Arc::new(Kind { shape: Arc::new(shape), ..Kind::clone(kind) })
}

/// The kind with marks on every field that a document can fill: where it is unknown which of them come from outside.
pub fn mark_all(kind: &Arc<Kind>) -> Arc<Kind> {
    let written = kind.shape.fields.iter().filter(|field| !field.behavior.read_only);
    let paths: Vec<FieldPath> = written.map(|field| vec![field.number]).collect();
    mark_paths(kind, &paths)
}

fn mark_path(shape: &mut Shape, path: &[u16]) {
    let Some((first, rest)) = path.split_first() else { return };
    let Some(field) = shape.fields.get_mut(usize::from(*first)) else { return };
    match &mut field.ty {
        _ if rest.is_empty() => field.sensitivity = field.sensitivity.max(SOURCE_SENSITIVITY),
        FieldType::Object(inner) | FieldType::Array(ArrayType { item: ItemType::Object(inner), .. }) => {
            mark_path(Arc::make_mut(inner), rest);
        }
        _ => {}
    }
}
