//! Which wanted list item is which live one.
//!
//! Items are told apart by the kind's keys: the first key finds candidates, the further ones narrow them down
//! by what the document names. An item that names its row id means that row. Two candidates left are a fault,
//! never a guess.

use crate::document::{Wanted, Wish};
use crate::kind::{Field, Shape};
use crate::plan::compare::same;
use crate::value::{Object, Value};

/// The live partner of each wanted item; `None` for a new one.
pub type Pairs = Vec<Option<usize>>;

/// Why an item cannot be paired: its number among the wanted ones, and what is wrong.
pub struct Unpaired {
    pub item: usize,
    pub reason: Reason,
}

/// What keeps an item from being paired.
#[derive(Debug, PartialEq, Eq)]
pub enum Reason {
    /// Several live items match; naming one of these fields may help.
    Ambiguous(Vec<String>),
    /// Another wanted item, by its number, means the same live one.
    Twice(usize),
    /// It names a row id that no live item has.
    UnknownId(String),
}

/// Pairs wanted items with live ones.
///
/// # Errors
/// Every item that cannot be paired.
pub fn pair(
    shape: &Shape,
    keys: &[Vec<u16>],
    wanted: &[&[(u16, Wanted)]],
    live: &[&Object],
) -> Result<Pairs, Vec<Unpaired>> {
    let (mut pairs, mut faults): (Pairs, Vec<Unpaired>) = (Vec::new(), Vec::new());
    for (number, item) in wanted.iter().enumerate() {
        match partner(shape, keys, item, live) {
            Ok(Some(at)) => match pairs.iter().position(|other| *other == Some(at)) {
                Some(first) => faults.push(Unpaired { item: number, reason: Reason::Twice(first) }),
                None => {
                    pairs.push(Some(at));
                    continue;
                }
            },
            Ok(None) => {}
            Err(reason) => faults.push(Unpaired { item: number, reason }),
        }
        pairs.push(None);
    }
    if faults.is_empty() { Ok(pairs) } else { Err(faults) }
}

fn partner(
    shape: &Shape,
    keys: &[Vec<u16>],
    item: &[(u16, Wanted)],
    live: &[&Object],
) -> Result<Option<usize>, Reason> {
    if let Some(found) = by_row_id(shape, keys, item, live) {
        return found.map(Some);
    }
    let Some((first, rest)) = keys.split_first() else { return Ok(None) };
    let fits = |at: &usize, key: &[u16], only_named: bool| {
        key.iter().map(|number| shape.field(*number)).all(|field| {
            let named = named(item, field);
            (only_named && named.is_none()) || same(field, live[*at].get(field.number), named.as_ref())
        })
    };
    let mut candidates: Vec<usize> = (0..live.len()).filter(|at| fits(at, first, false)).collect();
    for key in rest {
        if candidates.len() > 1 {
            candidates.retain(|at| fits(at, key, true));
        }
    }
    match candidates.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(Reason::Ambiguous(unnamed(shape, keys, item))),
    }
}

/// A key of one field that the service sets is a row id; an item that names it means that row.
fn by_row_id(
    shape: &Shape,
    keys: &[Vec<u16>],
    item: &[(u16, Wanted)],
    live: &[&Object],
) -> Option<Result<usize, Reason>> {
    let row_id = keys.iter().find_map(|key| match key.as_slice() {
        [number] if shape.field(*number).access.computed => Some(shape.field(*number)),
        _ => None,
    })?;
    let wanted = named(item, row_id).filter(|value| !matches!(value, Value::Null))?;
    let at = live.iter().position(|live| same(row_id, live.get(row_id.number), Some(&wanted)));
    Some(at.ok_or_else(|| Reason::UnknownId(row_id.name.to_string())))
}

/// The value that an item names for a field.
fn named(item: &[(u16, Wanted)], field: &Field) -> Option<Value> {
    let (_, wanted) = item.iter().find(|(number, _)| *number == field.number)?;
    Some(leaf_value(wanted))
}

fn leaf_value(wanted: &Wanted) -> Value {
    match &wanted.wish {
        Wish::Leaf(value) => value.clone(),
        Wish::List(items) => Value::List(items.iter().map(leaf_value).collect()),
        _ => Value::Null,
    }
}

fn unnamed(shape: &Shape, keys: &[Vec<u16>], item: &[(u16, Wanted)]) -> Vec<String> {
    let mut names = Vec::new();
    for field in keys.iter().flatten().map(|number| shape.field(*number)) {
        if named(item, field).is_none() && !names.contains(&field.name.to_string()) {
            names.push(field.name.to_string());
        }
    }
    names
}
