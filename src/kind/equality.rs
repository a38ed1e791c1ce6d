//! When two values of a field are the same.
//!
//! The field decides: null, absent and the empty text are one for texts, absent is zero where the kind says so,
//! addresses ignore blanks around commas. Members that no field describes move by themselves and count for nothing.
//! Everything else is plain equality of typed values. Deliberately absent:
//! where two objects differ, and which item of a list is which.

use crate::kind::{
    AbsenceRule, ArrayType, ComparisonRule, Field, FieldType, ItemType, ListType, ScalarType, Shape,
};
use crate::value::{Object, Value};

/// Whether a field holds the same on both sides.
pub fn is_equal(field: &Field, a: Option<&Value>, b: Option<&Value>) -> bool {
    let (a, b) = (a.filter(|v| !matches!(v, Value::Null)), b.filter(|v| !matches!(v, Value::Null)));
    match (a, b) {
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => equals_absent(field, one),
        (Some(a), Some(b)) => is_equal_value(&field.ty, field.compare, a, b),
    }
}

/// Whether a value says no more than its absence would.
pub fn equals_absent(field: &Field, value: &Value) -> bool {
    match &field.ty {
        FieldType::Scalar(ScalarType::String { .. } | ScalarType::Enum { .. }) => value.is_blank(),
        FieldType::Scalar(_) => field.when_absent == AbsenceRule::Zero && value.is_zero(),
        FieldType::Map(_) | FieldType::Array(_) => value.is_blank(),
        FieldType::Object(shape) => value.as_object().is_some_and(|object| {
            object.unknown_fields.is_empty()
                && object.fields().all(|(number, value)| is_equal(shape.get_field(number), Some(value), None))
        }),
    }
}

fn is_equal_value(ty: &FieldType, compare: ComparisonRule, a: &Value, b: &Value) -> bool {
    match ty {
        FieldType::Scalar(ScalarType::String { .. } | ScalarType::Enum { .. }) => {
            is_equal_text(compare, a, b)
        }
        FieldType::Scalar(_) | FieldType::Map(_) => a.is_equivalent(b),
        FieldType::Object(shape) => match (a.as_object(), b.as_object()) {
            (Some(a), Some(b)) => is_equal_object(shape, a, b),
            _ => a == b,
        },
        FieldType::Array(list) => is_equal_list(list, a.items(), b.items()),
    }
}

fn is_equal_text(compare: ComparisonRule, a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_str(), b.as_str()) else { return a == b };
    match compare {
        ComparisonRule::Exact => a == b,
        ComparisonRule::CaseInsensitive => a == b || a.to_lowercase() == b.to_lowercase(),
        ComparisonRule::Addresses => a == b || normalize_addresses(a) == normalize_addresses(b),
        ComparisonRule::Json => a == b || parse_json(a).is_some_and(|own| parse_json(b) == Some(own)),
    }
}

fn parse_json(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(text).ok()
}

/// A JSON document in its one form: without blanks, members by name. Other texts stay as they are.
pub fn normalize_json(text: &str) -> String {
    let Some(mut value) = parse_json(text) else { return text.to_owned() };
    value.sort_all_objects();
    value.to_string()
}

/// Addresses without the blanks around commas, their domains in lower case.
pub fn normalize_addresses(text: &str) -> Vec<String> {
    let one = |address: &str| match address.rsplit_once('@') {
        Some((person, domain)) => format!("{person}@{}", domain.to_lowercase()),
        None => address.to_owned(),
    };
    text.split(',').map(str::trim).filter(|address| !address.is_empty()).map(one).collect()
}

fn is_equal_object(shape: &Shape, a: &Object, b: &Object) -> bool {
    shape.fields.iter().all(|field| is_equal(field, a.get_field(field.number), b.get_field(field.number)))
}

fn is_equal_list(list: &ArrayType, a: &[Value], b: &[Value]) -> bool {
    let alike = |a: &Value, b: &Value| match &list.item {
        ItemType::Scalar(_) => a.is_equivalent(b),
        ItemType::Object(shape) => match (a.as_object(), b.as_object()) {
            (Some(a), Some(b)) => is_equal_object(shape, a, b),
            _ => a == b,
        },
    };
    if a.len() != b.len() {
        return false;
    }
    match list.list_type {
        ListType::Atomic => a.iter().zip(b).all(|(a, b)| alike(a, b)),
        ListType::Set | ListType::Map(_) => {
            let mut free: Vec<&Value> = b.iter().collect();
            a.iter().all(|a| match free.iter().position(|b| alike(a, b)) {
                Some(at) => {
                    free.swap_remove(at);
                    true
                }
                None => false,
            })
        }
    }
}
