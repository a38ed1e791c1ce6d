//! Managed objects whose documents were removed or moved to another scope, from the index of the workspace.

use std::sync::Arc;

use super::selection_filter::SelectionFilter;
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use crate::document::{DesiredNode, DesiredValue, Document, DocumentState};
use crate::kind::Kind;
use crate::kind::scalar::ScalarToken;
use crate::run::index::{IndexEntry, ObjectIndex};
use crate::value::Value;
use crate::workspace::LoadedWorkspace;

/// Managed objects whose documents now describe an object of another scope.
pub fn diagnose_moved_documents(
    workspace: &LoadedWorkspace,
    index: &ObjectIndex,
    selection: Option<&SelectionFilter>,
) -> Vec<Diagnostic> {
    let left = |document: &&Document| {
        let target = document.target.as_deref().unwrap_or_default();
        let (kind, scope) = (&document.kind, collect_scope_values(document));
        let known = index.get(target, &kind.name, &document.name);
        known.is_some_and(|entry| entry.id.is_some())
            && index.get_in_scope(kind, target, &document.name, &scope).is_none()
    };
    let note = |document: &Document| {
        let message = format!("{} {} was managed in another scope", document.kind.name, document.name);
        Diagnostic::note("orphan", message)
            .with_location(document.locate_span(document.name_span))
            .with_hint("that object remains; write a document to manage it again")
    };
    let is_asked = |document: &&Document| selection.is_none_or(|own| own.is_chosen(document));
    // what names its parent has a scope that only the service tells
    let has_scope = |document: &&Document| document.parents.is_empty();
    workspace.documents.iter().filter(has_scope).filter(is_asked).filter(left).map(note).collect()
}

/// The document of an object that is to go, made from the index.
pub fn build_absent_document(
    entry: &IndexEntry,
    kind: Arc<Kind>,
    source: &Arc<NamedSource>,
    environment: Option<Arc<str>>,
) -> Document {
    let scope = kind.scope.iter().enumerate().filter_map(|(number, scope)| {
        let text = entry.scope.get(&*scope.name)?;
        Some((u16::try_from(number).ok()?, scope.ty.read_token(ScalarToken::Plain(text)).ok()?))
    });
    Document {
        name: entry.name.as_str().into(),
        target: Some(entry.target.as_str().into()),
        state: DocumentState::Absent,
        // the job knows it from the index, where it was learned at the address of the target
        id: None,
        protect: entry.protect,
        scope: scope.collect(),
        parents: Vec::new(),
        depends_on: Vec::new(),
        spec: DesiredNode { span: SourceSpan::default(), value: DesiredValue::Object(Vec::new()) },
        source: source.clone(),
        environment,
        is_composed: false,
        levels: None,
        name_span: SourceSpan::default(),
        id_span: SourceSpan::default(),
        target_span: SourceSpan::default(),
        kind,
    }
}

/// The scope values of a document, by the number of the parameter.
pub fn collect_scope_values(document: &Document) -> Vec<Value> {
    let mut scope = document.scope.clone();
    scope.sort_by_key(|(number, _)| *number);
    scope.into_iter().map(|(_, value)| value).collect()
}
