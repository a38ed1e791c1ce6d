//! Fields that exclude each other: of those that a document leaves alone, which lose their value.
//!
//! Deliberately absent: two such fields in one document, which reading it refuses.

use crate::document::{DesiredNode, DesiredValue};
use crate::kind::{Field, Shape};

/// The fields that a document leaves alone and that others, to which it gives a value, exclude.
pub fn list_conflicting_fields<'s>(shape: &'s Shape, wanted: &[(u16, DesiredNode)]) -> Vec<&'s Field> {
    let is_named = |number: u16| wanted.binary_search_by_key(&number, |(own, _)| *own);
    let has_value =
        |number: u16| is_named(number).is_ok_and(|at| !matches!(wanted[at].1.value, DesiredValue::Clear));
    let excludes = |one: &Field, other: &Field| {
        one.conflicts_with.contains(&other.number) || other.conflicts_with.contains(&one.number)
    };
    let is_excluded = |field: &&Field| {
        is_named(field.number).is_err()
            && !field.behavior.read_only
            && shape.fields.iter().any(|own| excludes(own, field) && has_value(own.number))
    };
    match shape.has_conflicts() {
        true => shape.fields.iter().filter(is_excluded).collect(),
        false => Vec::new(),
    }
}
