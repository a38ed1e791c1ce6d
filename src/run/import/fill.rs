//! Slots, and names of other documents, filled from the live object: what a document would be if what it does not
//! say itself were what is in place.
//!
//! Used to prove that a document says what is live, where no one knows the secrets. What the service does not
//! show is taken out, as if the document left it alone.

use crate::document::{DesiredNode, DesiredValue};
use crate::kind::{ArrayType, FieldType, ItemType, Shape};
use crate::value::{Object, Value};

/// What is filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FillMode {
    /// Slots; those for which nothing is live are left out.
    Secrets,
    /// Slots; those for which nothing is live stay.
    KnownSecrets,
    /// Names of other documents.
    References,
    /// Sources and all references.
    Everything,
}

impl FillMode {
    fn matches(self, desired: &DesiredValue) -> bool {
        match desired {
            DesiredValue::Source(_) => {
                matches!(self, Self::Secrets | Self::KnownSecrets | Self::Everything)
            }
            DesiredValue::Reference(reference) => match self {
                Self::Secrets | Self::KnownSecrets => false,
                Self::References => reference.member.is_none(),
                Self::Everything => true,
            },
            _ => false,
        }
    }
}

/// The fields of a spec with live values in place of what is to be filled.
pub fn fill_spec(spec: &DesiredNode, shape: &Shape, live: &Object, what: FillMode) -> DesiredNode {
    DesiredNode {
        span: spec.span,
        value: DesiredValue::Object(fill_fields(get_object_fields(spec), shape, Some(live), what)),
    }
}

/// The fields of an object that is wanted.
pub fn get_object_fields(wanted: &DesiredNode) -> &[(u16, DesiredNode)] {
    match &wanted.value {
        DesiredValue::Object(fields) => fields,
        _ => &[],
    }
}

fn fill_fields(
    wanted: &[(u16, DesiredNode)],
    shape: &Shape,
    live: Option<&Object>,
    what: FillMode,
) -> Vec<(u16, DesiredNode)> {
    let one = |(number, wanted): &(u16, DesiredNode)| {
        let field = shape.fields.get(*number as usize)?;
        Some((*number, fill_node(wanted, &field.ty, live.and_then(|live| live.get_field(*number)), what)?))
    };
    wanted.iter().filter_map(one).collect()
}

fn fill_node(
    wanted: &DesiredNode,
    ty: &FieldType,
    live: Option<&Value>,
    what: FillMode,
) -> Option<DesiredNode> {
    let desired = match (&wanted.value, ty) {
        (desired, _) if what.matches(desired) => match live.filter(|value| !value.is_blank()) {
            Some(value) => DesiredValue::Literal(value.clone()),
            None if what == FillMode::KnownSecrets => desired.clone(),
            None => return None,
        },
        (DesiredValue::Object(own), FieldType::Object(shape)) => {
            DesiredValue::Object(fill_fields(own, shape, live.and_then(Value::as_object), what))
        }
        (DesiredValue::Map(entries), _) => {
            let entry = |(key, wanted): &(Box<str>, DesiredNode)| {
                let live = match live {
                    Some(Value::Map(own)) => own.iter().find(|(name, _)| name == key).map(|(_, value)| value),
                    _ => None,
                };
                Some((key.clone(), fill_node(wanted, ty, live, what)?))
            };
            DesiredValue::Map(entries.iter().filter_map(entry).collect())
        }
        (DesiredValue::List(items), FieldType::Array(list)) => {
            let live = live.map(Value::items).unwrap_or_default();
            let partners = find_live_items(items, list, live);
            let partner = |at: usize| partners.get(at).copied().flatten().and_then(|at| live.get(at));
            DesiredValue::List(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(at, own)| fill_item(own, list, partner(at), what))
                    .collect(),
            )
        }
        (desired, _) => desired.clone(),
    };
    Some(DesiredNode { span: wanted.span, value: desired })
}

fn fill_item(
    wanted: &DesiredNode,
    list: &ArrayType,
    live: Option<&Value>,
    what: FillMode,
) -> Option<DesiredNode> {
    match &list.item {
        ItemType::Object(shape) => {
            let inner = fill_fields(get_object_fields(wanted), shape, live.and_then(Value::as_object), what);
            Some(DesiredNode { span: wanted.span, value: DesiredValue::Object(inner) })
        }
        ItemType::Scalar(scalar) => fill_node(wanted, &FieldType::Scalar(scalar.clone()), live, what),
    }
}

/// The live partner of each item, found by what is written in clear.
fn find_live_items(items: &[DesiredNode], list: &ArrayType, live: &[Value]) -> Vec<Option<usize>> {
    let Some(identity) = list.item_identity() else {
        return (0..items.len()).map(|at| Some(at).filter(|at| *at < live.len())).collect();
    };
    let clear = |item: &DesiredNode| -> Vec<(u16, DesiredNode)> {
        let open = |(_, wanted): &&(u16, DesiredNode)| {
            !matches!(wanted.value, DesiredValue::Source(_) | DesiredValue::Reference(_))
        };
        get_object_fields(item).iter().filter(open).cloned().collect()
    };
    let clear: Vec<Vec<(u16, DesiredNode)>> = items.iter().map(clear).collect();
    let clear: Vec<&[(u16, DesiredNode)]> = clear.iter().map(Vec::as_slice).collect();
    let objects: Vec<&Object> = live.iter().filter_map(Value::as_object).collect();
    identity.match_items(&clear, &objects).unwrap_or_else(|_| vec![None; items.len()])
}
