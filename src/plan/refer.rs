//! Which thing a name means, and whether a value keeps the bounds that stand in such a thing.
//!
//! Exactly one thing must have the name; none and several are faults that tell what there is, as far as it may
//! be seen. Deliberately absent: where the things come from; they were read before.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, SourceSpan, find_nearest};
use crate::document::{DesiredNode, DesiredValue, Document, NamedReference};
use crate::kind::equality::is_equal;
use crate::kind::{
    Field, FieldLimits, FieldReference, FieldType, ItemType, Kind, ReferenceSource as Stands, ScalarType,
    Shape,
};
use crate::value::{Object, Sensitivity, Value};

/// How many names a message shows.
const MAX_SHOWN_NAMES: usize = 12;
/// How many characters of a name are shown.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// A thing that may be referred to.
#[derive(Clone)]
pub struct ReferenceCandidate {
    pub id: Value,
    /// What it has in the members by which it may be named.
    pub names: Vec<(Arc<str>, Box<str>)>,
}

/// What is said of a choice among things.
pub struct CandidateContext<'a> {
    pub kind: &'a Kind,
    /// The field that refers.
    pub field: &'a str,
    /// What must not be seen of the things.
    pub sensitivity: Sensitivity,
}

/// The things of a list of objects.
pub fn collect_candidates(
    kind: &Kind,
    shape: &Shape,
    refers: &FieldReference,
    list: &Value,
) -> Vec<ReferenceCandidate> {
    let Some(id) = shape.find_field(&refers.id) else { return Vec::new() };
    let named = |object: &Object| {
        let name = |by: &Arc<str>| {
            let value = object.get_field(shape.find_field(by)?.number).filter(|value| !value.is_blank())?;
            Some((Arc::clone(by), ScalarType::render_url_text(value, &kind.api).into()))
        };
        let id = object.get_field(id.number).filter(|id| !id.is_blank())?.clone();
        Some(ReferenceCandidate { id, names: refers.by.iter().filter_map(name).collect() })
    };
    list.items().iter().filter_map(Value::as_object).filter_map(named).collect()
}

/// The id of the one thing that has the name.
///
/// # Errors
/// When none has it, or several have.
pub fn resolve_reference(
    reference: &NamedReference,
    things: &[ReferenceCandidate],
    among: &CandidateContext,
) -> Result<Value, Diagnostic> {
    let mut hits: Vec<&ReferenceCandidate> = Vec::new();
    for thing in things.iter().filter(|thing| thing.matches_reference(reference)) {
        // pages may overlap: the same thing twice is one thing
        if !hits.iter().any(|hit| hit.id == thing.id) {
            hits.push(thing);
        }
    }
    match hits.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(diagnose_no_candidate(reference, things, among)),
        several => Err(diagnose_ambiguous(reference, several, among)),
    }
}

impl ReferenceCandidate {
    fn matches_reference(&self, reference: &NamedReference) -> bool {
        let by = reference.member.as_deref();
        self.names.iter().any(|(own, name)| Some(&**own) == by && *name == reference.name)
    }

    fn find_name(&self, by: Option<&str>) -> Option<&str> {
        self.names.iter().find(|(own, _)| Some(&**own) == by).map(|(_, name)| &**name)
    }

    /// The id with every name.
    fn format_candidate(&self, kind: &Kind) -> String {
        let names: Vec<String> = self.names.iter().map(|(_, name)| shorten_name(name)).collect();
        let id = ScalarType::render_url_text(&self.id, &kind.api);
        if names.is_empty() { id } else { format!("{id} ({})", names.join(", ")) }
    }
}

fn shorten_name(name: &str) -> String {
    let short: String = name.chars().take(MAX_SHOWN_CHARACTERS).collect();
    short.escape_debug().to_string()
}

fn diagnose_no_candidate(
    reference: &NamedReference,
    things: &[ReferenceCandidate],
    among: &CandidateContext,
) -> Diagnostic {
    let by = reference.member.as_deref().unwrap_or_default();
    let open = among.sensitivity == Sensitivity::Public;
    let called = if open {
        format!("this `{by}`, `{}`", shorten_name(&reference.name))
    } else {
        format!("this `{by}`")
    };
    let message = match things.len() {
        0 => format!("there is nothing that `{}` could refer to", among.field),
        1 => format!("the one thing that `{}` may refer to does not have {called}", among.field),
        count => format!("none of the {count} things that `{}` may refer to has {called}", among.field),
    };
    let names = things.iter().filter_map(|thing| thing.find_name(reference.member.as_deref()));
    let near = find_nearest(&reference.name, names).filter(|_| open);
    let hint = match (near, things.is_empty()) {
        (Some(near), _) => {
            format!("did you mean `{}`? There are: {}", shorten_name(near), format_candidates(things, among))
        }
        (None, false) if open => format!("there are: {}", format_candidates(things, among)),
        _ => "look at the things in the service, and write the id".to_owned(),
    };
    Diagnostic::error("unknown-reference", message).with_hint(hint)
}

fn format_candidates(things: &[ReferenceCandidate], among: &CandidateContext) -> String {
    let shown: Vec<String> =
        things.iter().take(MAX_SHOWN_NAMES).map(|thing| thing.format_candidate(among.kind)).collect();
    let more = things.len().saturating_sub(MAX_SHOWN_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn diagnose_ambiguous(
    reference: &NamedReference,
    several: &[&ReferenceCandidate],
    among: &CandidateContext,
) -> Diagnostic {
    let by = reference.member.as_deref().unwrap_or_default();
    let all: Vec<ReferenceCandidate> = several.iter().map(|thing| (*thing).clone()).collect();
    let listed = if among.sensitivity == Sensitivity::Public {
        format!(": {}", format_candidates(&all, among))
    } else {
        String::new()
    };
    let message = format!("{} things have this `{by}`{listed}", several.len());
    Diagnostic::error("ambiguous-reference", message).with_hint("write the id of the one that is meant")
}

/// Values beyond the bounds that stand in the things to which fields beside them refer. `list` gives the list
/// of a root field. What is live already is left alone: no one asks for it anew.
pub fn check_candidate_limits(
    document: &Document,
    live: Option<&Object>,
    list: &dyn Fn(u16) -> Option<Value>,
) -> Vec<Diagnostic> {
    let mut check = CandidateLimitCheck { document, find_list: list, diagnostics: Vec::new() };
    check.check_fields(&document.kind.shape, &document.spec, &live.into_iter().collect::<Vec<_>>());
    check.diagnostics
}

struct CandidateLimitCheck<'c> {
    document: &'c Document,
    find_list: &'c dyn Fn(u16) -> Option<Value>,
    diagnostics: Vec<Diagnostic>,
}

impl CandidateLimitCheck<'_> {
    /// `live` are the objects that may be this one now.
    fn check_fields(&mut self, shape: &Shape, wanted: &DesiredNode, live: &[&Object]) {
        let DesiredValue::Object(fields) = &wanted.value else { return };
        for (number, inner) in fields {
            let field = shape.get_field(*number);
            let values = || live.iter().filter_map(|object| object.get_field(*number));
            match (&field.ty, &inner.value) {
                (FieldType::Scalar(_), DesiredValue::Literal(value)) => {
                    if let Some(bounds) = &field.limits_from {
                        self.check_scalar(shape, (field, bounds), (value, wanted, inner.span), live);
                    }
                }
                (FieldType::Object(shape), _) => {
                    self.check_fields(
                        shape,
                        inner,
                        &values().filter_map(Value::as_object).collect::<Vec<_>>(),
                    );
                }
                (FieldType::Array(list), DesiredValue::List(items)) => {
                    if let ItemType::Object(shape) = &list.item {
                        let live: Vec<_> =
                            values().flat_map(Value::items).filter_map(Value::as_object).collect();
                        items.iter().for_each(|item| self.check_fields(shape, item, &live));
                    }
                }
                _ => {}
            }
        }
    }

    fn check_scalar(
        &mut self,
        shape: &Shape,
        (field, bounds): (&Field, &FieldLimits),
        (value, wanted, span): (&Value, &DesiredNode, SourceSpan),
        live: &[&Object],
    ) {
        let of = shape.get_field(bounds.reference_field);
        let Some(DesiredValue::Literal(id)) =
            wanted.get_field(bounds.reference_field).map(|beside| &beside.value)
        else {
            return;
        };
        let is_there = |object: &&Object| {
            is_equal(of, object.get_field(of.number), Some(id))
                && is_equal(field, object.get_field(field.number), Some(value))
        };
        let (Some(text), false) = (value.as_str(), live.iter().any(is_there)) else { return };
        let Some(limits) = self.find_limits(of, bounds, id) else { return };
        if let Some(most) = limits.max_length.filter(|most| text.chars().count() > *most) {
            let message = format!("`{}` is longer than the {most} characters that fit", field.name);
            self.push_diagnostic(span, Diagnostic::error("too-long", message).with_hint("shorten it"));
        }
        let known =
            limits.allowed_values.is_empty() || limits.allowed_values.iter().any(|choice| **choice == *text);
        if !text.is_empty() && !known {
            let message = format!("`{}` is none of the values to choose from", field.name);
            self.push_diagnostic(
                span,
                Diagnostic::error("unknown-enum-value", message).with_hint(limits.build_hint()),
            );
        }
    }

    /// The bounds in the thing with an id.
    fn find_limits(&self, of: &Field, bounds: &FieldLimits, id: &Value) -> Option<CandidateLimits> {
        let refers = of.reference.as_ref()?;
        let Some(Stands::Field(root)) = refers.source else { return None };
        let root = self.document.kind.shape.get_field(root);
        let shape = root.ty.item_shape()?;
        let (own, list) = (shape.find_field(&refers.id)?, (self.find_list)(root.number)?);
        let mut things = list.items().iter().filter_map(Value::as_object);
        let thing = things.find(|thing| thing.get_field(own.number) == Some(id))?;
        let max_length = bounds.max_length.and_then(|number| match thing.get_field(number) {
            // 0 is no bound
            Some(Value::Integer(most)) if *most > 0 => usize::try_from(*most).ok(),
            _ => None,
        });
        let mut choices = Vec::new();
        let mark = root.sensitivity.max(collect_texts(shape, thing, &bounds.allowed_values, &mut choices));
        Some(CandidateLimits { max_length, allowed_values: choices, sensitivity: mark })
    }

    fn push_diagnostic(&mut self, span: SourceSpan, fault: Diagnostic) {
        self.diagnostics.push(fault.with_location(self.document.locate_span(span)));
    }
}

struct CandidateLimits {
    max_length: Option<usize>,
    allowed_values: Vec<Box<str>>,
    /// What must not be seen of the choices.
    sensitivity: Sensitivity,
}

impl CandidateLimits {
    fn build_hint(&self) -> String {
        if self.sensitivity != Sensitivity::Public {
            return "look at the choices in the service".to_owned();
        }
        let listed: Vec<String> =
            self.allowed_values.iter().take(MAX_SHOWN_NAMES).map(|choice| shorten_name(choice)).collect();
        let more = self.allowed_values.len().saturating_sub(MAX_SHOWN_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("choose from: {}{more}", listed.join(", "))
    }
}

/// Adds the texts at a path of field numbers that may lead over lists; gives the strictest mark on the way.
fn collect_texts(shape: &Shape, object: &Object, path: &[u16], found: &mut Vec<Box<str>>) -> Sensitivity {
    let Some((number, rest)) = path.split_first() else { return Sensitivity::Public };
    let field = shape.get_field(*number);
    let Some(value) = object.get_field(*number) else { return field.sensitivity };
    let mut mark = field.sensitivity;
    match field.ty.inner_shape() {
        None => found.extend(value.as_str().map(Box::from)),
        Some(inner) => {
            let several = value.items();
            let objects = if several.is_empty() { std::slice::from_ref(value) } else { several };
            for object in objects.iter().filter_map(Value::as_object) {
                mark = mark.max(collect_texts(inner, object, rest, found));
            }
        }
    }
    mark
}
