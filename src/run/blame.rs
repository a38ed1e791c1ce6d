//! What a service says of a request, brought home to the line of the document that it is about.
//!
//! Services echo values in their sentences: every marked value of the document and of the live object is
//! blotted out before a sentence becomes a diagnostic.

use super::hidden;
use crate::diagnostic::{Diagnostic, Span};
use crate::document::{Document, Wanted, Wish};
use crate::exchange::Wire;
use crate::kind::{Field, Item, Type};
use crate::plan::Step;
use crate::plan::request::is_left_out;
use crate::remote::blot::Blots;
use crate::remote::complaint::Complaint;
use crate::remote::service::{Trouble, UNREADABLE};
use crate::value::Object;

/// The diagnostics of a trouble, at the document's lines.
pub fn blame(trouble: &Trouble, document: &Document, live: Option<&Object>) -> Vec<Diagnostic> {
    let hidden = hidden::texts(document, live);
    let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
    let mut diagnostic = (*trouble.diagnostic).clone();
    // our own sentences hold nothing of a service, but for what it calls an answer that cannot be read;
    // blotting the others would only pick the digits out of hosts and times
    if diagnostic.code == UNREADABLE {
        diagnostic.message = Blots::new(&hidden).over(&diagnostic.message);
    }
    diagnostic.place.get_or_insert_with(|| document.place(document.name_span));
    let mut all = vec![diagnostic];
    all.extend(trouble.complaints(&hidden).iter().map(|complaint| one(complaint, document)));
    all
}

/// Whether a service refused an update only because required fields were not in it.
pub fn wants_required(trouble: &Trouble, step: &Step) -> bool {
    let planned = step.requests.first().and_then(|planned| planned.request.body.as_ref());
    let Some(Wire::Object(members)) = planned else { return false };
    let shape = &step.subject.kind.shape;
    let left_out =
        |name: &str| shape.fields.iter().any(|field| is_left_out(field, members) && is_called(field, name));
    let complaints = trouble.complaints(&[]);
    let mut fields = complaints.iter().filter_map(|complaint| complaint.field.as_deref()).peekable();
    trouble.status() == Some(400) && fields.peek().is_some() && fields.all(left_out)
}

/// What is said when the required fields cannot be added.
pub fn hidden_required(step: &Step, fields: &[std::sync::Arc<str>]) -> Diagnostic {
    let names: Vec<String> = fields.iter().map(|name| format!("`{name}`")).collect();
    let message = format!("the service asks for {}, which cannot be seen and is not sent", names.join(", "));
    Diagnostic::error("required-hidden", message)
        .at(step.subject.place.clone())
        .hint("name it in the document, or let credentials that may see it do this")
}

fn one(said: &Complaint, document: &Document) -> Diagnostic {
    let message = &said.message;
    let found = said.field.as_deref().and_then(|name| locate(document, name));
    match found {
        Some((name, span)) => Diagnostic::error("rejected-field", format!("`{name}`: {message}"))
            .at(document.place(span))
            .hint("the service says this about the field at this line"),
        None => {
            let about = said.field.as_deref().map(|field| format!("`{field}`: "));
            Diagnostic::error("rejected-request", format!("{}{message}", about.unwrap_or_default()))
                .at(document.place(document.name_span))
                .hint("the service says this")
        }
    }
}

/// The field that a service calls `name` (any case, dots and indexes reach inwards), and its line.
fn locate(document: &Document, name: &str) -> Option<(String, Span)> {
    let (mut shape, mut node) = (&document.kind.shape, &document.spec);
    let mut found = None;
    for step in name.split(['.', '[', ']', '/']).filter(|step| !step.is_empty()) {
        if let Ok(index) = step.parse::<usize>() {
            let Wish::List(items) = &node.wish else { break };
            let Some(item) = items.get(index) else { break };
            node = item;
            continue;
        }
        let Some(field) = shape.fields.iter().find(|field| is_called(field, step)) else { break };
        let Some(inner) = child(node, field) else {
            found.get_or_insert((field.name.to_string(), document.name_span));
            break;
        };
        found = Some((field.name.to_string(), inner.span));
        node = inner;
        match &field.ty {
            Type::Object(inner) => shape = inner,
            Type::List(list) => match &list.item {
                Item::Object(inner) => shape = inner,
                Item::Leaf(_) => {}
            },
            _ => break,
        }
    }
    found
}

fn is_called(field: &Field, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
        || field.written_as.eq_ignore_ascii_case(name)
        || field.read_as.last().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn child<'w>(node: &'w Wanted, field: &Field) -> Option<&'w Wanted> {
    match &node.wish {
        Wish::Object(fields) => {
            fields.iter().find(|(number, _)| *number == field.number).map(|(_, inner)| inner)
        }
        _ => None,
    }
}
