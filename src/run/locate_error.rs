//! What a service says of a request, brought home to the line of the document that it is about.
//!
//! Services echo values in their sentences: every marked value of the document and of the live object is
//! blotted out before a sentence becomes a diagnostic.

use super::sensitive_texts;
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::exchange::WireValue;
use crate::kind::{ArrayType, Field, FieldType, ItemType};
use crate::plan::Step;
use crate::plan::request::is_missing_required;
use crate::remote::api_error::ApiError;
use crate::remote::redactor::Redactor;
use crate::remote::target_client::{RequestError, UNREADABLE};
use crate::value::{Object, Value};

/// The diagnostics of a trouble, at the document's lines.
pub fn locate_error(trouble: &RequestError, document: &Document, live: Option<&Object>) -> Vec<Diagnostic> {
    let hidden = sensitive_texts::collect_sensitive_texts(document, live);
    let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
    let mut diagnostic = (*trouble.diagnostic).clone();
    // our own sentences hold nothing of a service, but for what it calls an answer that cannot be read;
    // blotting the others would only pick the digits out of hosts and times
    if diagnostic.code == UNREADABLE {
        diagnostic.message = Redactor::new(&hidden).redact_text(&diagnostic.message);
    }
    diagnostic.location.get_or_insert_with(|| document.locate_span(document.name_span));
    // what a service says of credentials is about no document
    let place = diagnostic.location.clone().filter(|_| trouble.status() == Some(401));
    let mut all = vec![diagnostic];
    all.extend(trouble.read_api_errors(&hidden).iter().map(|said| {
        let fault = build_diagnostic(said, document);
        Diagnostic { location: place.clone().or(fault.location.clone()), ..fault }
    }));
    all
}

/// Whether a service refused an update only because required fields were not in it.
pub fn needs_required_fields(trouble: &RequestError, step: &Step) -> bool {
    let planned = step.requests.first().and_then(|planned| planned.request.body.as_ref());
    let Some(WireValue::Object(members)) = planned else { return false };
    let shape = &step.subject.kind.shape;
    let left_out = |name: &str| {
        shape.fields.iter().any(|field| is_missing_required(field, members) && is_called(field, name))
    };
    let complaints = trouble.read_api_errors(&[]);
    let mut fields = complaints.iter().filter_map(|complaint| complaint.field.as_deref()).peekable();
    trouble.status() == Some(400) && fields.peek().is_some() && fields.all(left_out)
}

/// What is said when the required fields cannot be added.
pub fn diagnose_hidden_required(step: &Step, fields: &[std::sync::Arc<str>]) -> Diagnostic {
    let names: Vec<String> = fields.iter().map(|name| format!("`{name}`")).collect();
    let message = format!("the service asks for {}, which cannot be seen and is not sent", names.join(", "));
    Diagnostic::error("required-hidden", message)
        .with_location(step.subject.place.clone())
        .with_hint("name it in the document, or let credentials that may see it do this")
}

fn build_diagnostic(said: &ApiError, document: &Document) -> Diagnostic {
    let message = &said.message;
    let found = said.field.as_deref().and_then(|name| find_field_span(document, name));
    match found {
        Some((name, span)) => Diagnostic::error("rejected-field", format!("`{name}`: {message}"))
            .with_location(document.locate_span(span))
            .with_hint("the service says this about the field at this line"),
        None => {
            let about = said.field.as_deref().map(|field| format!("`{field}`: "));
            Diagnostic::error("rejected-request", format!("{}{message}", about.unwrap_or_default()))
                .with_location(document.locate_span(document.name_span))
                .with_hint("the service says this")
        }
    }
}

/// The field that a service calls `name` (any case, dots and indexes reach inwards), and its line.
fn find_field_span(document: &Document, name: &str) -> Option<(String, SourceSpan)> {
    let (mut shape, mut node) = (&document.kind.shape, &document.spec);
    let (mut found, mut list) = (None, None);
    for step in name.split(['.', '[', ']', '/']).filter(|step| !step.is_empty()) {
        if let (Some(list), DesiredValue::List(items)) = (list.take(), &node.value) {
            let Some(item) = find_item(list, items, step) else { break };
            node = item;
            continue;
        }
        let Some(field) = shape.fields.iter().find(|field| is_called(field, step)) else { break };
        let Some(inner) = find_child(node, field) else {
            found.get_or_insert((field.name.to_string(), document.name_span));
            break;
        };
        found = Some((field.name.to_string(), inner.span));
        node = inner;
        match &field.ty {
            FieldType::Object(inner) => shape = inner,
            FieldType::Array(own) => {
                list = Some(own);
                if let ItemType::Object(inner) = &own.item {
                    shape = inner;
                }
            }
            _ => break,
        }
    }
    found
}

/// The item of a list at an index, or of the member of that name.
fn find_item<'w>(list: &ArrayType, items: &'w [DesiredNode], step: &str) -> Option<&'w DesiredNode> {
    let Some(keyed) = list.keyed_members else { return items.get(step.parse::<usize>().ok()?) };
    let is_named = |item: &&DesiredNode| {
        let name = item.get_field(keyed.key).map(|name| &name.value);
        matches!(name, Some(DesiredValue::Literal(Value::String(own))) if **own == *step)
    };
    items.iter().find(is_named)
}

fn is_called(field: &Field, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
        || field.write_to.eq_ignore_ascii_case(name)
        || field.read_from.last().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn find_child<'w>(node: &'w DesiredNode, field: &Field) -> Option<&'w DesiredNode> {
    match &node.value {
        DesiredValue::Object(fields) => {
            fields.iter().find(|(number, _)| *number == field.number).map(|(_, inner)| inner)
        }
        _ => None,
    }
}
