//! The proof of a promotion: one environment renders as before, another one renders the same at the paths that moved,
//! and everything else stays.

use std::collections::HashMap;
use std::sync::Arc;

use super::proof::{diagnose_other, is_same_outside, list_changed};
use crate::compose::origin::find_level;
use crate::compose::statements::format_shown_path;
use crate::diagnostic::Diagnostic;
use crate::document::levels::LevelKind;
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::run::import::revise::{TouchedSpans, is_same_except};

/// What to do where another document would render otherwise.
const HINT_OTHER_OBJECTS: &str =
    "nothing was written; select other objects with `--name`, or values with `--path`";

/// An object whose values move.
pub struct PromotedValues {
    pub kind: Arc<str>,
    pub name: Arc<str>,
    /// The keys that lead to each value.
    pub moved: Vec<Vec<String>>,
}

/// Checks a promotion.
///
/// # Errors
/// With the documents that would render otherwise than they are to.
pub fn check_promotion<'d>(
    before: &'d [Document],
    after: &'d [Document],
    objects: &'d [PromotedValues],
    from: &'d str,
    to: &'d str,
) -> Result<(), Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let by_name: HashMap<(&str, &str), &PromotedValues> =
        objects.iter().map(|own| ((&*own.kind, &*own.name), own)).collect();
    for (before, after) in list_changed(before, after).map_err(|fault| vec![fault])? {
        let object = by_name.get(&(&*after.kind.name, &*after.name));
        let object = object.filter(|_| after.environment.as_deref() == Some(to));
        let paths = |object: &PromotedValues| object.moved.iter().map(|keys| keys.join(".")).collect();
        if !object.is_some_and(|object| is_same_outside(before, after, &[], paths(object))) {
            faults.push(diagnose_other(before, HINT_OTHER_OBJECTS));
        }
    }
    let key = |own: &'d Document| (own.environment.as_deref(), &*own.kind.name, &*own.name);
    let after: HashMap<_, &Document> = after.iter().map(|own| (key(own), own)).collect();
    for object in objects {
        let find = |environment| after.get(&(Some(environment), &*object.kind, &*object.name));
        let (Some(from), Some(to)) = (find(from), find(to)) else { continue };
        faults.extend(object.moved.iter().filter_map(|keys| diagnose_difference(from, to, keys)));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Why a value that moved is not the same in both environments; one that a named value sets may differ.
fn diagnose_difference(from: &Document, to: &Document, keys: &[String]) -> Option<Diagnostic> {
    let (own, other) = (find_node(from, keys), find_node(to, keys));
    let is_same = match (own, other) {
        (Some(own), Some(other)) => {
            is_same_except(own, other, &TouchedSpans::default()) || uses_value(from, own)
        }
        (own, other) => own.is_none() && other.is_none(),
    };
    (!is_same).then(|| {
        let path = format_shown_path(&to.kind.shape, keys);
        let message = format!("`{path}` of `{}` would not be the same in both environments", to.name);
        let place = other.map_or(to.name_span, |other| other.span);
        Diagnostic::error("not-verified", message)
            .with_location(to.locate_span(place))
            .with_hint("nothing was written; write it into the overlay by hand")
    })
}

/// The node below keys of fields, of which the last may be one of a map.
fn find_node<'d>(document: &'d Document, keys: &[String]) -> Option<&'d DesiredNode> {
    let (mut shape, mut node) = (Some(&document.kind.shape), &document.spec);
    for key in keys {
        node = match &node.value {
            DesiredValue::Map(entries) => {
                entries.iter().find(|(own, _)| **own == **key).map(|(_, node)| node)?
            }
            _ => {
                let field = shape?.find_field(key)?;
                shape = field.ty.inner_shape();
                node.get_field(field.number)?
            }
        };
    }
    Some(node)
}

/// Whether a named value is in a node.
fn uses_value(document: &Document, node: &DesiredNode) -> bool {
    let is_value = matches!(find_level(document, node.span), LevelKind::Values(_) | LevelKind::ValueDefaults);
    is_value
        || match &node.value {
            DesiredValue::Object(fields) => fields.iter().any(|(_, inner)| uses_value(document, inner)),
            DesiredValue::Map(entries) => entries.iter().any(|(_, inner)| uses_value(document, inner)),
            DesiredValue::List(items) => items.iter().any(|inner| uses_value(document, inner)),
            _ => false,
        }
}
