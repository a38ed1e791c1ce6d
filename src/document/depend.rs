//! `depends_on`: the documents whose objects are written before that of this one, and deleted after it.
//!
//! Each is named as `api/kind/NAME`. Deliberately absent: whether there is such a document, which the workspace knows.

use std::collections::HashSet;

use super::source_reader::{SourceReader, escape_for_message};
use super::{Document, DocumentDependency};
use crate::diagnostic::{Diagnostic, suggest_word};
use crate::kind::registry::KindRegistry;
use crate::yaml::{YamlData, YamlNode};

/// How a document is named.
const FORM_HINT: &str = "write the kind and the name of a document, as in `api/kind/NAME`";

impl SourceReader<'_> {
    /// The documents that a document names under `depends_on`.
    pub(super) fn read_dependencies(
        &mut self,
        node: &YamlNode,
        kinds: &KindRegistry,
    ) -> Vec<DocumentDependency> {
        let Some(value) = node.get_value("depends_on") else { return Vec::new() };
        let YamlData::Sequence(items) = &value.data else {
            self.report_wrong_type(value, "depends_on", "a list");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.read_dependency(item, kinds)).collect()
    }

    fn read_dependency(&mut self, item: &YamlNode, kinds: &KindRegistry) -> Option<DocumentDependency> {
        let text = item.as_scalar().filter(|_| !item.is_null());
        let parts = text.map(|text| text.splitn(3, '/').collect::<Vec<_>>());
        let Some(&[api, kind, name]) = parts.as_deref() else {
            self.redact_span(item.span);
            let fault = Diagnostic::error("invalid-dependency", "this names no document");
            self.add_diagnostic(item.span, fault.with_hint(FORM_HINT));
            return None;
        };
        let kind = format!("{api}/{kind}");
        let known = || kinds.kind_names().iter().map(String::as_str);
        let (message, hint) = if name.trim().is_empty() {
            let written = escape_for_message(text.unwrap_or_default());
            (format!("`{written}` names no document"), None)
        } else if !known().any(|known| known == kind) {
            (format!("there is no kind `{}`", escape_for_message(&kind)), suggest_word(&kind, known()))
        } else {
            return Some(DocumentDependency { kind: kind.into(), name: name.into(), span: item.span });
        };
        let fault = Diagnostic::error("invalid-dependency", message);
        let fault = fault.with_hint(hint.unwrap_or_else(|| FORM_HINT.to_owned()));
        self.add_diagnostic(item.span, fault);
        None
    }
}

impl DocumentDependency {
    /// As it is written.
    pub fn to_text(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

/// Reports every name under `depends_on` that no document of its environment has; `documents` are all there are.
pub fn report_dangling_dependencies(documents: &[Document], faults: &mut Vec<Diagnostic>) {
    let dependents = || documents.iter().filter(|document| !document.depends_on.is_empty());
    if dependents().next().is_none() {
        return;
    }
    let known: HashSet<(&str, &str, Option<&str>)> =
        documents.iter().map(|own| (&*own.kind.name, &*own.name, own.environment.as_deref())).collect();
    for document in dependents() {
        let is_unknown = |own: &&DocumentDependency| {
            !known.contains(&(&*own.kind, &*own.name, document.environment.as_deref()))
        };
        for dependency in document.depends_on.iter().filter(is_unknown) {
            let of_kind = documents.iter().filter(|other| *other.kind.name == *dependency.kind);
            let hint = suggest_word(&dependency.name, of_kind.map(|other| &*other.name));
            let fault = diagnose_unknown_dependency(dependency)
                .with_hint(hint.unwrap_or_else(|| "write one, or remove this line".to_owned()));
            faults.push(fault.with_location(document.locate_span(dependency.span)));
        }
    }
}

/// The fault of a name that no document has.
pub fn diagnose_unknown_dependency(dependency: &DocumentDependency) -> Diagnostic {
    let name = escape_for_message(&dependency.name);
    let message = format!("no document of kind `{}` is named `{name}`", dependency.kind);
    Diagnostic::error("unknown-dependency", message)
}
