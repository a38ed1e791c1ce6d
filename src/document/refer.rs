//! References: the id of a thing, said by a name of that thing.
//!
//! `{ name: Front desk }` with a member by which the kind lets the thing be named, or `{ ref: harbor }` with the
//! name of another document. A reference stays one until [`Document::resolve_references`]red: only a run knows the ids.
//! Deliberately absent: looking anything up, and which of several things is meant.

use std::collections::HashMap;
use std::sync::Arc;

use super::source_reader::{SourceReader, ValueContext, escape_for_message};
use super::{DesiredNode, DesiredValue, Document, NamedReference, ParentReference, list_keys, visit_spec};
use crate::diagnostic::{Diagnostic, SourceSpan, suggest_word};
use crate::kind::visit::VisitFlow;
use crate::kind::{FieldReference, FieldType, ReferenceSource, ScalarType, ScopeParameter, Shape};
use crate::value::{Sensitivity, Value};
use crate::yaml::{YamlData, YamlNode};

/// The most bytes of a name.
const MAX_NAME: usize = 4096;

/// Where a reference stands, and what is to stand there.
pub struct ReferenceSite<'k> {
    /// The field or scope parameter.
    pub name: &'k str,
    pub reference: Option<&'k FieldReference>,
    /// What the id is read as.
    pub id_type: &'k ScalarType,
    /// The names of the fields that lead to it, with slashes between them.
    pub path: String,
    pub span: SourceSpan,
}

/// The words that a mapping may use here, when it can be meant as a reference.
pub(super) fn find_reference_keys<'k>(node: &YamlNode, refers: &'k FieldReference) -> Option<Vec<&'k str>> {
    let mapping = matches!(node.data, YamlData::Mapping(_)) && !super::value_source::is_value_source(node);
    Some(refers.list_reference_keys()).filter(|words| mapping && !words.is_empty())
}

/// Reads a mapping as a reference by one of `words`; anything else is a fault.
pub(super) fn read_reference(
    reading: &mut SourceReader,
    node: &YamlNode,
    role: ValueContext,
    words: &[&str],
) -> Option<NamedReference> {
    let [entry] = node.entries() else {
        let message = format!("`{}` is named by exactly one of {}", role.name, format_words(words));
        return report_bad_reference(reading, node, message, words);
    };
    let Some(word) = words.iter().find(|word| **word == entry.key.as_ref()) else {
        reading.redact_entry(entry);
        let message = format!("`{}` is not named by `{}`", role.name, escape_for_message(&entry.key));
        let mut fault = Diagnostic::error("invalid-reference", message);
        fault.hint = suggest_word(&entry.key, words.iter().copied());
        reading.add_diagnostic(entry.key_span, fault);
        return None;
    };
    let name = entry.value.as_scalar().filter(|_| !entry.value.is_null());
    let Some(name) = name.filter(|name| !name.trim().is_empty() && name.len() <= MAX_NAME) else {
        return report_bad_reference(reading, node, format!("`{word}` of `{}` is no name", role.name), words);
    };
    let to_document =
        matches!(role.reference.and_then(|refers| refers.source.as_ref()), Some(ReferenceSource::Kind(_)));
    let by = (!to_document).then(|| (*word).into());
    Some(NamedReference { member: by, name: name.into(), sensitivity: role.sensitivity })
}

/// The parent that a scope parameter names, where it names one; nothing inside where it does so badly.
pub(super) fn find_parent(
    reading: &mut SourceReader,
    node: &YamlNode,
    parameter: &ScopeParameter,
) -> Option<Option<NamedReference>> {
    let refers = parameter.reference.as_ref()?;
    let words = find_reference_keys(node, refers)?;
    let role =
        ValueContext { name: &parameter.name, sensitivity: Sensitivity::Public, reference: Some(refers) };
    Some(read_reference(reading, node, role, &words))
}

impl ParentReference {
    /// What is in the place of the id until the parent is known.
    pub fn to_placeholder(&self) -> Value {
        Value::KnownAfterApply(self.reference.name.clone())
    }
}

fn report_bad_reference(
    reading: &mut SourceReader,
    node: &YamlNode,
    message: String,
    words: &[&str],
) -> Option<NamedReference> {
    reading.redact_span(node.span);
    let forms: Vec<String> = words.iter().map(|word| format!("{{ {word}: NAME }}")).collect();
    let hint = format!("write {} or the id itself", forms.join(", "));
    reading.add_diagnostic(node.span, Diagnostic::error("invalid-reference", message).with_hint(hint));
    None
}

fn format_words(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl Document {
    /// Every reference, in the order of the kind, with where it stands.
    pub fn collect_references(&self) -> Vec<(ReferenceSite<'_>, &NamedReference)> {
        let mut found = Vec::new();
        for parent in &self.parents {
            let Some(parameter) = self.kind.scope.get(usize::from(parent.number)) else { continue };
            let (name, reference) = (&*parameter.name, parameter.reference.as_ref());
            let path = format!("scope/{name}");
            let site = ReferenceSite { name, reference, id_type: &parameter.ty, path, span: parent.span };
            found.push((site, &parent.reference));
        }
        if needs_lookup_within(&self.kind.shape, &self.spec) {
            visit_spec(self, &mut |at| {
                if let (DesiredValue::Reference(reference), Some(id_type)) =
                    (&at.node.value, at.scalar_type())
                {
                    let names: Vec<&str> = at.path.iter().map(|field| &*field.name).collect();
                    let (path, span) = (names.join("/"), at.node.span);
                    let (name, refers) = (&*at.field.name, at.field.reference.as_ref());
                    found.push((ReferenceSite { name, reference: refers, id_type, path, span }, reference));
                }
                VisitFlow::Descend
            });
        }
        found
    }

    /// Whether a name in it is to be looked up, it waits for other documents, or a value held against bounds that other things set.
    pub fn needs_lookup(&self) -> bool {
        !self.parents.is_empty()
            || !self.depends_on.is_empty()
            || needs_lookup_within(&self.kind.shape, &self.spec)
    }

    /// This document with an id for every reference, as `find` knows it.
    ///
    /// # Errors
    /// What is wrong with the references, each at its place.
    pub fn resolve_references(
        &self,
        find: &mut dyn FnMut(&ReferenceSite, &NamedReference) -> Result<Value, Diagnostic>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (mut ids, mut faults) = (Vec::new(), Vec::new());
        for (yaml_path, reference) in self.collect_references() {
            match find(&yaml_path, reference) {
                Ok(id) => ids.push(id),
                Err(fault) if fault.location.is_some() => faults.push(fault),
                Err(fault) => faults.push(fault.with_location(self.locate_span(yaml_path.span))),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let (mut referred, mut ids) = (self.clone(), ids.into_iter());
        for (parent, id) in std::mem::take(&mut referred.parents).into_iter().zip(&mut ids) {
            let own = referred.scope.iter_mut().find(|(number, _)| *number == parent.number);
            own.into_iter().for_each(|(_, value)| *value = id.clone());
        }
        fill_ids(&mut referred.spec, &mut ids);
        // two names can be those of one thing, which only their ids tell
        let mut reading = SourceReader::of_document(self, &mut faults);
        visit_spec(&referred, &mut |at| {
            if let (FieldType::Array(list), DesiredValue::List(items)) = (&at.field.ty, &at.node.value) {
                list_keys::check_items(&mut reading, &items.iter().collect::<Vec<_>>(), list, &at.field.name);
            }
            VisitFlow::Descend
        });
        if faults.is_empty() { Ok(referred) } else { Err(faults) }
    }
}

fn needs_lookup_within(shape: &Shape, wanted: &DesiredNode) -> bool {
    shape.list_referring_fields().iter().any(|number| {
        let Some(wanted) = wanted.get_field(*number) else { return false };
        let field = shape.get_field(*number);
        let inside = |shape: &Arc<Shape>| match &wanted.value {
            DesiredValue::List(items) => items.iter().any(|item| needs_lookup_within(shape, item)),
            _ => needs_lookup_within(shape, wanted),
        };
        field.limits_from.is_some()
            || (field.reference.is_some() && has_reference(wanted))
            || field.ty.inner_shape().is_some_and(inside)
    })
}

fn has_reference(wanted: &DesiredNode) -> bool {
    match &wanted.value {
        DesiredValue::Reference(_) => true,
        DesiredValue::List(items) => items.iter().any(has_reference),
        _ => false,
    }
}

/// Puts ids in the places of references, in the order in which [`Document::collect_references`] finds them.
fn fill_ids(wanted: &mut DesiredNode, ids: &mut dyn Iterator<Item = Value>) {
    match &mut wanted.value {
        DesiredValue::Object(fields) => fields.iter_mut().for_each(|(_, wanted)| fill_ids(wanted, ids)),
        DesiredValue::List(items) => items.iter_mut().for_each(|wanted| fill_ids(wanted, ids)),
        DesiredValue::Reference(_) => {
            if let Some(id) = ids.next() {
                wanted.value = DesiredValue::Literal(id);
            }
        }
        DesiredValue::Clear | DesiredValue::Literal(_) | DesiredValue::Source(_) | DesiredValue::Map(_) => {}
    }
}

/// Reports every name of a document that no document has; `documents` are all there are.
pub fn report_dangling_references(documents: &[Document], faults: &mut Vec<Diagnostic>) {
    let mut names: HashMap<(&str, Option<&str>), Vec<&str>> = HashMap::new();
    for document in documents {
        let key = (&*document.kind.name, document.target.as_deref());
        names.entry(key).or_default().push(&document.name);
    }
    for document in documents {
        for (yaml_path, reference) in document.collect_references() {
            let among = yaml_path.reference.and_then(|refers| refers.source.as_ref());
            let Some(ReferenceSource::Kind(kind)) = among else { continue };
            let known = names.get(&(&**kind, document.target.as_deref())).map_or(&[][..], Vec::as_slice);
            if !known.contains(&&*reference.name) {
                let elsewhere = documents.iter().find(|own| {
                    *own.kind.name == **kind
                        && *own.name == *reference.name
                        && own.environment != document.environment
                });
                let fault = match elsewhere {
                    Some(other) => diagnose_other_environment(document, other),
                    None => diagnose_unknown_document(reference, kind, known),
                };
                faults.push(fault.with_location(document.locate_span(yaml_path.span)));
            }
        }
    }
}

/// The fault of a reference to a document that another environment has.
fn diagnose_other_environment(document: &Document, other: &Document) -> Diagnostic {
    let name = escape_for_message(&other.name);
    let own = document.environment.as_deref().unwrap_or_default();
    let there = other.environment.as_deref().unwrap_or_default();
    let message = format!("`{name}` is not in the environment `{own}`, where this reference is");
    Diagnostic::error("reference-across-environments", message)
        .with_related(other.locate_span(other.name_span), format!("the document, in `{there}`"))
        .with_hint(
            "name the environment in its `environments` too, or narrow this document to its environments",
        )
}

/// The fault of a name that no document has; `known` are those that documents of the kind have.
pub fn diagnose_unknown_document(reference: &NamedReference, kind: &str, known: &[&str]) -> Diagnostic {
    let name = escape_for_message(&reference.name);
    let message = format!("no document of kind `{kind}` at this target is named `{name}`");
    let hint = suggest_word(&reference.name, known.iter().copied());
    Diagnostic::error("unknown-reference", message)
        .with_hint(hint.unwrap_or_else(|| "write one, or the id itself".into()))
}
