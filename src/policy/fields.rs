//! Whether the fields that a rule names are fields of the kinds that it is about.
//!
//! A misspelt field would make a rule that never speaks, or one that always fails; both are found when the rule
//! is read. Only rules that name their kinds in full can be held against them.

use std::sync::Arc;

use crate::diagnostic::suggest_word;
use crate::kind::{FieldType, ItemType, Kind, Shape};

/// What is wrong with the names of fields that lead from the spec of every one of these kinds.
pub fn find_unknown_field(kinds: &[Arc<Kind>], path: &[String]) -> Option<(String, Option<String>)> {
    let mut first = None;
    for kind in kinds {
        match find_missing_field(&kind.shape, path) {
            // one kind that has it is enough: the rule may ask with `has`
            None => return None,
            Some(fault) => first = first.or(Some((kind, fault))),
        }
    }
    let (kind, (name, hint)) = first?;
    Some((format!("{} has no field `{name}`", kind.name), hint))
}

/// The same for an entry of the list `each`.
pub fn find_unknown_item_field(
    kinds: &[Arc<Kind>],
    each: &[String],
    path: &[String],
) -> Option<(String, Option<String>)> {
    let mut first = None;
    for kind in kinds {
        let Some(FieldType::Array(list)) = find_type(&kind.shape, each) else { return None };
        let ItemType::Object(shape) = &list.item else { return None };
        match find_missing_field(shape, path) {
            None => return None,
            Some(fault) => first = first.or(Some((kind, fault))),
        }
    }
    let (kind, (name, hint)) = first?;
    Some((format!("`{}` of {} has no field `{name}`", each.join("."), kind.name), hint))
}

/// Whether the names lead to a list or a map in one of the kinds.
pub fn has_entries(kinds: &[Arc<Kind>], path: &[String]) -> bool {
    kinds.is_empty()
        || kinds
            .iter()
            .any(|kind| matches!(find_type(&kind.shape, path), Some(FieldType::Array(_) | FieldType::Map(_))))
}

fn find_missing_field(shape: &Shape, path: &[String]) -> Option<(String, Option<String>)> {
    let (name, rest) = path.split_first()?;
    let Some(field) = shape.find_field(name) else {
        let known: Vec<&str> = shape.fields.iter().map(|field| &*field.name).collect();
        return Some((name.clone(), suggest_word(name, known)));
    };
    match &field.ty {
        FieldType::Object(inner) => find_missing_field(inner, rest),
        // what lies in a map or a mask has names of its own
        _ => None,
    }
}

fn find_type<'k>(shape: &'k Shape, path: &[String]) -> Option<&'k FieldType> {
    let (name, rest) = path.split_first()?;
    let field = shape.find_field(name)?;
    match &field.ty {
        FieldType::Object(inner) if !rest.is_empty() => find_type(inner, rest),
        ty if rest.is_empty() => Some(ty),
        _ => None,
    }
}
