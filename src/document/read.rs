//! A source to its documents: what stands around `spec`, and the kind that guides the rest.
//!
//! Every fault is found, each at its place. A document whose kind and name can be read is returned even when
//! other parts of it are faulty, so that checks across documents see it; callers stop at any error.
//! Deliberately absent: targets, which are the workspace's to know, and files.

use std::sync::Arc;

use super::composition::{COMPOSITION_KEYS, DeferRule};
use super::source_reader::{SourceReader, escape_for_message, locate_start};
use super::spec::parse_scalar;
use super::{DesiredNode, DesiredValue, Document, DocumentState, ParentReference, refer};
use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan, suggest_word};
use crate::kind::registry::KindRegistry;
use crate::kind::{FieldType, Kind, address};
use crate::value::{Sensitivity, Value};
use crate::yaml::{YamlData, YamlNode, parse_boolean};

/// The most bytes of one file.
pub const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// What to do about a missing spec.
const MISSING_SPEC_HINT: &str = "write what the object is to be under `spec:`";
/// The most characters of a name.
const MAX_NAME: usize = 200;
/// The keys of a document.
pub(super) const DOCUMENT_KEYS: [&str; 9] =
    ["kind", "name", "target", "state", "id", "protect", "depends_on", "scope", "spec"];

/// What became of a node.
pub(super) enum DocumentOutcome {
    Complete(Box<Document>),
    /// Faults are told.
    Invalid,
    /// It needs other documents.
    Deferred,
}

/// Reads one node of a source as a document.
pub fn read_node(
    node: &YamlNode,
    source: &Arc<NamedSource>,
    kinds: &KindRegistry,
    faults: &mut Vec<Diagnostic>,
) -> Option<Document> {
    SourceReader::new(source, faults).read_document(node, kinds)
}

/// The fault of a file beyond [`MAX_BYTES`].
pub fn diagnose_too_large(place: SourceLocation) -> Diagnostic {
    let message = format!("this file is larger than {} MiB", MAX_BYTES / 1024 / 1024);
    Diagnostic::error("file-too-large", message).with_location(place).with_hint("split the file")
}

impl SourceReader<'_> {
    /// Reads a document, unless it needs others to be complete.
    pub(super) fn read_or_defer(&mut self, node: &YamlNode, kinds: &KindRegistry) -> DocumentOutcome {
        if self.defers_unread(node) {
            return DocumentOutcome::Deferred;
        }
        let before = self.diagnostics.len();
        self.is_deferred = false;
        let document = self.read_document(node, kinds);
        if self.is_deferred {
            // what is missing may stand elsewhere
            self.diagnostics.truncate(before);
            return DocumentOutcome::Deferred;
        }
        document.map_or(DocumentOutcome::Invalid, |document| DocumentOutcome::Complete(Box::new(document)))
    }

    fn defers_unread(&self, node: &YamlNode) -> bool {
        match self.defer_rule {
            DeferRule::Never => false,
            DeferRule::Always => matches!(node.data, YamlData::Mapping(_)),
            // what other documents complete is read once, when it is complete
            DeferRule::WhereNeeded(kinds) => {
                let kind = || node.get_value("kind").and_then(YamlNode::as_scalar);
                node.entries().iter().any(|entry| COMPOSITION_KEYS.contains(&&*entry.key))
                    || (!kinds.is_empty() && kind().is_some_and(|kind| kinds.contains(&kind)))
            }
        }
    }

    pub(super) fn read_document(&mut self, node: &YamlNode, kinds: &KindRegistry) -> Option<Document> {
        if !matches!(node.data, YamlData::Mapping(_)) {
            self.redact_span(node.span);
            let message = format!("a document is a mapping, this is {}", node.describe_type());
            let hint = "start with `kind:`, `name:` and `spec:`";
            self.add_diagnostic(locate_start(node), Diagnostic::error("wrong-type", message).with_hint(hint));
            return None;
        }
        self.report_unknown_keys(node);
        let kind = self.read_kind(node, kinds);
        let (name, target) = (self.read_name(node), self.read_target(node));
        let (state, protect) = (self.read_state(node), self.read_protect(node));
        let Some(kind) = kind else {
            self.redact_without_kind(node, state);
            return None;
        };
        let (scope, parents) = self.read_scope(node, &kind);
        let depends_on = self.read_dependencies(node, kinds);
        let (id, spec) = self.read_identity_and_spec(node, &kind, state);
        let (name, name_span) = name?;
        let (id, id_span) = id.unzip();
        let (target, target_span) = target.unzip();
        let mut document = Document {
            kind,
            name,
            target,
            state,
            id,
            protect,
            scope,
            parents,
            depends_on,
            spec,
            source: Arc::clone(self.source),
            environment: None,
            is_composed: false,
            levels: None,
            name_span,
            id_span: id_span.unwrap_or(name_span),
            target_span: target_span.unwrap_or(name_span),
        };
        self.tainted_kinds.mark_sources(&mut document);
        Some(document)
    }

    /// Without a kind nobody knows what of a document is secret.
    fn redact_without_kind(&mut self, node: &YamlNode, state: DocumentState) {
        self.redact_guided_entries(node);
        if node.get_value("spec").is_none() && state == DocumentState::Present {
            self.report_missing_key(node, "spec", MISSING_SPEC_HINT);
        }
    }

    /// Hides what only a kind can say to be no secret.
    pub fn redact_guided_entries(&mut self, node: &YamlNode) {
        let is_guided = |key: &str| ["spec", "scope", "id", "objects"].contains(&key);
        let guided = node.entries().iter().filter(|entry| is_guided(&entry.key));
        guided.for_each(|entry| self.redact_entry(entry));
    }

    /// Which object, and what it is to be.
    fn read_identity_and_spec(
        &mut self,
        node: &YamlNode,
        kind: &Kind,
        state: DocumentState,
    ) -> (Option<(Value, SourceSpan)>, DesiredNode) {
        let id = self.read_id(node, kind);
        let spec = self.read_spec(node, kind, state, id.is_some());
        let id = self.reconcile_ids(id, &spec, kind);
        if id.is_none() && node.get_value("id").is_none() {
            self.check_natural_key(node, kind);
            self.check_key_references(&spec, kind);
            self.diagnostics.extend(
                find_blank_key(&spec, kind).map(|(span, fault)| fault.with_location(self.locate_span(span))),
            );
        }
        (id, spec)
    }

    fn report_unknown_keys(&mut self, node: &YamlNode) {
        for entry in node.entries() {
            if !DOCUMENT_KEYS.contains(&&*entry.key) {
                if COMPOSITION_KEYS.contains(&&*entry.key) && self.defer_document() {
                    continue;
                }
                self.redact_entry(entry);
                self.report_unknown_name("unknown-key", entry, "a document has no key", &DOCUMENT_KEYS);
            }
        }
    }

    /// The kind that a document names.
    pub fn read_kind(&mut self, node: &YamlNode, kinds: &KindRegistry) -> Option<Arc<Kind>> {
        let value = self.require_key(node, "kind", "name the sort of object, like `kind: api/kind`")?;
        let name = self.read_text(value, "kind")?;
        if let Some(kind) = kinds.find_kind(name) {
            return Some(kind);
        }
        let known = kinds.kind_names().iter().map(String::as_str);
        let fault = if known.clone().any(|known| known == name) {
            let message = format!("the description of the kind `{name}` has faults");
            Diagnostic::error("unknown-kind", message).with_hint("mend the description first")
        } else {
            let mut fault =
                Diagnostic::error("unknown-kind", format!("there is no kind `{}`", escape_for_message(name)));
            fault.hint = suggest_word(name, known);
            fault
        };
        self.add_diagnostic(value.span, fault);
        None
    }

    fn read_name(&mut self, node: &YamlNode) -> Option<(Arc<str>, SourceSpan)> {
        let value =
            self.require_key(node, "name", "give the object a name that is unique in this repository")?;
        let name = self.read_text(value, "name")?;
        let fault = match name {
            _ if name.trim().is_empty() => "the name is empty",
            _ if name.chars().any(char::is_control) => "the name is more than one line of plain text",
            _ if name.chars().count() > MAX_NAME => "the name is too long",
            _ => return Some((name.into(), value.span)),
        };
        let hint = format!("a name is one line of at most {MAX_NAME} characters");
        self.add_diagnostic(value.span, Diagnostic::error("invalid-name", fault).with_hint(hint));
        None
    }

    fn read_target(&mut self, node: &YamlNode) -> Option<(Arc<str>, SourceSpan)> {
        let value = node.get_value("target")?;
        let name = self.read_text(value, "target")?;
        Some((name.into(), value.span))
    }

    fn read_state(&mut self, node: &YamlNode) -> DocumentState {
        let Some(value) = node.get_value("state") else { return DocumentState::Present };
        match value.as_scalar() {
            Some("present") => return DocumentState::Present,
            Some("absent") => return DocumentState::Absent,
            Some("unmanaged") => return DocumentState::Unmanaged,
            _ => {}
        }
        let fault = Diagnostic::error("wrong-value", "`state` is none of present, absent and unmanaged");
        let hint = "write `state: present`, `state: absent` or `state: unmanaged`";
        self.add_diagnostic(value.span, fault.with_hint(hint));
        DocumentState::Present
    }

    fn read_protect(&mut self, node: &YamlNode) -> bool {
        let Some(value) = node.get_value("protect") else { return false };
        match &value.data {
            YamlData::Scalar { text, plain: true } if parse_boolean(text).is_some() => {
                parse_boolean(text) == Some(true)
            }
            _ => {
                let fault = Diagnostic::error("wrong-value", "`protect` is neither true nor false");
                self.add_diagnostic(value.span, fault.with_hint("write `protect: true` or leave it out"));
                // in doubt for the object
                true
            }
        }
    }

    fn read_scope(&mut self, node: &YamlNode, kind: &Kind) -> (Vec<(u16, Value)>, Vec<ParentReference>) {
        let (mut scope, mut parents) = (Vec::new(), Vec::new());
        let Some(value) = node.get_value("scope") else { return (scope, parents) };
        if !matches!(value.data, YamlData::Mapping(_)) {
            self.report_wrong_type(value, "scope", "a mapping");
            return (scope, parents);
        }
        for entry in value.entries() {
            match (0u16..).zip(&kind.scope).find(|(_, parameter)| *parameter.name == *entry.key) {
                Some((number, parameter)) => match refer::find_parent(self, &entry.value, parameter) {
                    Some(reference) => {
                        let span = entry.value.span;
                        parents.extend(reference.map(|reference| ParentReference {
                            number,
                            reference,
                            span,
                        }));
                    }
                    None => {
                        let leaf = parse_scalar(self, &entry.value, &parameter.ty, &entry.key);
                        scope.extend(leaf.map(|value| (number, value)));
                    }
                },
                None => {
                    self.redact_entry(entry);
                    let known: Vec<&str> = kind.scope.iter().map(|parameter| &*parameter.name).collect();
                    self.report_unknown_name(
                        "unknown-scope",
                        entry,
                        &format!("`{}` has no scope", kind.name),
                        &known,
                    );
                }
            }
        }
        scope.extend(parents.iter().map(|parent: &ParentReference| (parent.number, parent.to_placeholder())));
        scope.sort_by_key(|(number, _)| *number);
        (scope, parents)
    }

    fn read_id(&mut self, node: &YamlNode, kind: &Kind) -> Option<(Value, SourceSpan)> {
        let value = node.get_value("id")?;
        let FieldType::Scalar(leaf) = &kind.id_field().ty else { return None };
        let id = parse_scalar(self, value, leaf, "id")?;
        if address::is_empty_segment(&id, kind) {
            let fault = Diagnostic::error("wrong-value", "`id` is empty, or is no id: `.` or `..`");
            self.add_diagnostic(
                value.span,
                fault.with_hint("leave it out: the object is then found by its natural key"),
            );
            return None;
        }
        Some((id, value.span))
    }

    fn read_spec(&mut self, node: &YamlNode, kind: &Kind, state: DocumentState, has_id: bool) -> DesiredNode {
        let nothing = |span| DesiredNode { span, value: DesiredValue::Object(Vec::new()) };
        let Some(value) = node.get_value("spec") else {
            if state == DocumentState::Present || !has_id {
                self.report_missing_key(node, "spec", MISSING_SPEC_HINT);
            }
            return nothing(locate_start(node));
        };
        if !matches!(value.data, YamlData::Mapping(_)) {
            self.report_wrong_type(value, "spec", "a mapping");
            return nothing(value.span);
        }
        DesiredNode { span: value.span, value: self.read_object(value, &kind.shape, Sensitivity::Public) }
    }

    /// The id that the document names, at the top or in its spec; both are one.
    fn reconcile_ids(
        &mut self,
        id: Option<(Value, SourceSpan)>,
        spec: &DesiredNode,
        kind: &Kind,
    ) -> Option<(Value, SourceSpan)> {
        if kind.identity.composition.is_some() {
            return self.compose_id(id, spec, kind);
        }
        let Some(inner) = spec.get_field(kind.identity.id) else { return id };
        let DesiredValue::Literal(value) = &inner.value else { return id };
        let Some((outer, span)) = id else { return Some((value.clone(), inner.span)) };
        if outer != *value {
            self.report_conflicting_ids(span, inner.span, &format!("spec.{}", kind.id_field().name));
        }
        Some((outer, span))
    }

    fn report_conflicting_ids(&mut self, outer: SourceSpan, inner: SourceSpan, name: &str) {
        let message = format!("`id` and `{name}` name different objects");
        let fault = Diagnostic::error("conflicting-ids", message)
            .with_hint("keep one of the two")
            .with_related(self.locate_span(inner), "the other one");
        self.add_diagnostic(outer, fault);
    }

    /// The id that is made of fields of the document.
    fn compose_id(
        &mut self,
        id: Option<(Value, SourceSpan)>,
        spec: &DesiredNode,
        kind: &Kind,
    ) -> Option<(Value, SourceSpan)> {
        let literal = |number: u16| match &spec.get_field(number)?.value {
            DesiredValue::Literal(value) => Some(value),
            _ => None,
        };
        let own = address::compose_id(kind, literal);
        if let (Some((outer, span)), Some(own)) = (&id, &own)
            && outer != own
        {
            self.report_conflicting_ids(*span, spec.span, "spec");
        }
        if let (None, None) = (&id, &own) {
            let parts = kind.identity.composition.iter().flatten();
            let names: Vec<String> =
                parts.map(|number| format!("`{}`", kind.shape.get_field(*number).name)).collect();
            let message = format!("missing identity: {} identify the object together", names.join(" and "));
            let fault = Diagnostic::error("no-identity", message);
            self.add_diagnostic(spec.span, fault.with_hint("write a value for each of them in `spec`"));
        }
        id.or(own.map(|own| (own, spec.span)))
    }

    /// Without an id, the object is found by its natural key, which the document must then name.
    fn check_natural_key(&mut self, node: &YamlNode, kind: &Kind) {
        let Some(spec) = node.get_value("spec") else { return };
        let unnamed = |path: &[u16]| {
            let copied = path.first().is_some_and(|number| kind.shape.get_field(*number).copy_of.is_some());
            !copied && !has_field_at(spec, kind, path)
        };
        let missing: Vec<String> = kind
            .identity
            .natural_key
            .iter()
            .zip(kind.list_natural_key_names())
            .filter(|(path, _)| unnamed(path))
            .map(|(_, name)| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            let message = format!("missing identity: neither `id` nor {} is set", missing.join(", "));
            let hint = "name its natural key in `spec`, or its `id`";
            self.add_diagnostic(
                locate_start(node),
                Diagnostic::error("no-identity", message).with_hint(hint),
            );
        }
    }

    /// What finds the object must be known before anything is read, so a name of something else won't do.
    fn check_key_references(&mut self, spec: &DesiredNode, kind: &Kind) {
        for path in &kind.identity.natural_key {
            if let Some(DesiredNode { value: DesiredValue::Reference(_), span }) = spec.get_path(path) {
                let fault = Diagnostic::error("reference-in-key", "this is a part of what finds the object");
                self.add_diagnostic(
                    *span,
                    fault.with_hint("write the id itself here, or name the object's own `id`"),
                );
            }
        }
    }

    fn require_key<'n, 't>(
        &mut self,
        node: &'n YamlNode<'t>,
        key: &str,
        hint: &str,
    ) -> Option<&'n YamlNode<'t>> {
        let value = node.get_value(key).filter(|value| !value.is_null());
        if value.is_none() {
            self.report_missing_key(node, key, hint);
        }
        value
    }

    fn report_missing_key(&mut self, node: &YamlNode, key: &str, hint: &str) {
        let fault = Diagnostic::error("missing-key", format!("this document has no `{key}`"));
        self.add_diagnostic(locate_start(node), fault.with_hint(hint));
    }

    fn read_text<'n>(&mut self, value: &'n YamlNode, key: &str) -> Option<&'n str> {
        match value.as_scalar() {
            Some(text) if !value.is_null() => Some(text),
            _ => {
                self.report_wrong_type(value, key, "text");
                None
            }
        }
    }
}

/// A natural key of which a part is blank finds nothing, or everything that has none.
pub(super) fn find_blank_key(spec: &DesiredNode, kind: &Kind) -> Option<(SourceSpan, Diagnostic)> {
    let parts = kind.identity.natural_key.iter().filter_map(|path| spec.get_path(path));
    let is_blank = |desired: &DesiredValue| match desired {
        DesiredValue::Literal(Value::String(text)) => text.trim().is_empty(),
        DesiredValue::Literal(value) => value.is_blank(),
        _ => false,
    };
    let blank = parts.into_iter().find(|part| is_blank(&part.value))?;
    let fault = Diagnostic::error("no-identity", "this finds the object, and it is empty");
    Some((blank.span, fault.with_hint("write the natural key of the object, or name its `id`")))
}

/// Whether the spec names the field at a path, however wrongly: that fault is told already.
fn has_field_at(spec: &YamlNode, kind: &Kind, path: &[u16]) -> bool {
    let mut shape = &kind.shape;
    let mut node = spec;
    for number in path {
        let field = shape.get_field(*number);
        let Some(value) = node.get_value(&field.name) else { return false };
        if let FieldType::Object(inner) = &field.ty {
            shape = inner;
        }
        node = value;
    }
    !node.is_null()
}
