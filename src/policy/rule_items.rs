//! From names of fields to what a document holds there: the entries of a list or map, and the place of a field.

use cel::Value as Fact;
use cel::objects::Key;

use crate::diagnostic::SourceSpan;
use crate::document::{DesiredNode, DesiredValue};
use crate::kind::{FieldType, ItemType, Shape};

/// What a rule is asked of: the value, its key in a map, and where it stands.
pub struct RuleItem<'d> {
    pub value: Fact,
    pub key: Option<Fact>,
    pub desired: Option<&'d DesiredNode>,
    pub shape: Option<&'d Shape>,
}

/// The value below the names of some fields.
fn find_value(fact: &Fact, path: &[String]) -> Option<Fact> {
    let mut fact = fact.clone();
    for name in path {
        let Fact::Map(map) = &fact else { return None };
        fact = map.map.get(&Key::String(std::sync::Arc::new(name.clone())))?.clone();
    }
    Some(fact)
}

/// The entries of the list or map below the names of some fields; none where there is no such thing.
pub fn collect_items<'d>(
    fact: &Fact,
    wanted: &'d DesiredNode,
    shape: &'d Shape,
    path: &[String],
) -> Vec<RuleItem<'d>> {
    let (place, ty) = find_node(wanted, shape, path);
    let inner = ty.and_then(|ty| match ty {
        FieldType::Array(list) => match &list.item {
            ItemType::Object(shape) => Some(&**shape),
            ItemType::Scalar(_) => None,
        },
        _ => None,
    });
    match (find_value(fact, path), place.map(|place| &place.value)) {
        (Some(Fact::List(facts)), Some(DesiredValue::List(items))) => {
            let entry = |(fact, wanted): (&Fact, &'d DesiredNode)| RuleItem {
                value: fact.clone(),
                key: None,
                desired: Some(wanted),
                shape: inner,
            };
            facts.iter().zip(items).map(entry).collect()
        }
        (Some(Fact::Map(map)), Some(DesiredValue::Map(entries))) => {
            let entry = |(key, wanted): &'d (Box<str>, DesiredNode)| {
                let name = std::sync::Arc::new(key.to_string());
                let fact = map.map.get(&Key::String(std::sync::Arc::clone(&name)))?.clone();
                Some(RuleItem {
                    value: fact,
                    key: Some(Fact::String(name)),
                    desired: Some(wanted),
                    shape: None,
                })
            };
            entries.iter().filter_map(entry).collect()
        }
        _ => Vec::new(),
    }
}

/// The place of a field: of the innermost one on the way that is written; nothing when none is.
pub fn find_field_span(wanted: &DesiredNode, shape: Option<&Shape>, path: &[String]) -> Option<SourceSpan> {
    let (mut here, mut shape) = (wanted, shape);
    for name in path {
        let Some((next, ty)) = find_child(here, shape, name) else { break };
        here = next;
        shape = match ty {
            FieldType::Object(inner) => Some(inner),
            _ => None,
        };
    }
    (!std::ptr::eq(here, wanted)).then_some(here.span)
}

fn find_node<'d>(
    wanted: &'d DesiredNode,
    shape: &'d Shape,
    path: &[String],
) -> (Option<&'d DesiredNode>, Option<&'d FieldType>) {
    let (mut here, mut ty, mut shape) = (wanted, None, Some(shape));
    for name in path {
        let Some((next, found)) = find_child(here, shape, name) else { return (None, None) };
        here = next;
        shape = match found {
            FieldType::Object(inner) => Some(inner),
            _ => None,
        };
        ty = Some(found);
    }
    (Some(here), ty)
}

fn find_child<'d>(
    here: &'d DesiredNode,
    shape: Option<&'d Shape>,
    name: &str,
) -> Option<(&'d DesiredNode, &'d FieldType)> {
    let (DesiredValue::Object(fields), Some(field)) = (&here.value, shape?.find_field(name)) else {
        return None;
    };
    let (_, next) = fields.iter().find(|(number, _)| *number == field.number)?;
    Some((next, &field.ty))
}
