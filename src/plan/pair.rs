//! Which wanted list item is which live one.
//!
//! Items are told apart by the kind's keys: the first that the item names in full finds candidates, the others
//! narrow them down by what the document names and the service shows. An item that names its row id means that
//! row. Two candidates left are a fault, never a guess; of two items that find the same row, the one that its
//! further keys deny is a new one.

use crate::document::{DesiredNode, DesiredValue};
use crate::kind::{Field, Shape};
use crate::plan::compare::{find_row_id, is_equal, is_row_id, is_unreadable};
use crate::value::{Object, Value};

/// The live partner of each wanted item; `None` for a new one.
pub type ItemMatches = Vec<Option<usize>>;

/// What a wanted item names, by the numbers of the fields.
type ItemFields<'w> = &'w [(u16, DesiredNode)];

/// Why an item cannot be paired: its number among the wanted ones, and what is wrong.
pub struct UnmatchedItem {
    pub item: usize,
    pub reason: UnmatchedReason,
}

/// What keeps an item from being paired.
#[derive(Debug, PartialEq, Eq)]
pub enum UnmatchedReason {
    /// Several live items match; naming one of these fields may help.
    Ambiguous(Vec<String>),
    /// Another wanted item, by its number, means the same live one.
    DuplicateMatch(usize),
    /// Another item, by its number, is to have the same keys: the next run could not tell the rows apart.
    DuplicateKey(usize),
    /// It names a row id that no live item has.
    UnknownId(String),
}

/// Pairs wanted items with live ones.
///
/// # Errors
/// Every item that cannot be paired.
pub fn match_items(
    shape: &Shape,
    keys: &[Vec<u16>],
    wanted: &[&[(u16, DesiredNode)]],
    live: &[&Object],
) -> Result<ItemMatches, Vec<UnmatchedItem>> {
    let (mut pairs, mut faults): (ItemMatches, Vec<UnmatchedItem>) = (Vec::new(), Vec::new());
    for (number, item) in wanted.iter().enumerate() {
        pairs.push(find_match(shape, keys, item, live).unwrap_or_else(|reason| {
            faults.push(UnmatchedItem { item: number, reason });
            None
        }));
    }
    for at in find_contested(&pairs, live.len()) {
        let rivals: Vec<usize> = (0..pairs.len()).filter(|number| pairs[*number] == Some(at)).collect();
        match resolve_contested((shape, keys), (wanted, &rivals), live[at]) {
            Some(own) => {
                rivals.iter().filter(|number| **number != own).for_each(|number| pairs[*number] = None);
            }
            None => faults.extend(rivals[1..].iter().map(|item| UnmatchedItem {
                item: *item,
                reason: UnmatchedReason::DuplicateMatch(rivals[0]),
            })),
        }
    }
    faults.sort_by_key(|fault| fault.item);
    if faults.is_empty() {
        faults = find_duplicate_keys(shape, keys, wanted, &pairs);
    }
    if faults.is_empty() { Ok(pairs) } else { Err(faults) }
}

fn find_match(
    shape: &Shape,
    keys: &[Vec<u16>],
    item: &[(u16, DesiredNode)],
    live: &[&Object],
) -> Result<Option<usize>, UnmatchedReason> {
    if let Some(found) = match_by_row_id(shape, keys, item, live) {
        return found.map(Some);
    }
    let own: Vec<&Vec<u16>> = keys.iter().filter(|key| !is_row_id(shape, key)).collect();
    // the first key that the item names in full; without one, what it leaves out of the first counts as nothing
    let whole = own
        .iter()
        .position(|key| key.iter().all(|number| find_named_value(item, shape.get_field(*number)).is_some()));
    let Some(first) = own.get(whole.unwrap_or(0)) else { return Ok(None) };
    let mut candidates: Vec<usize> =
        (0..live.len()).filter(|at| matches_key(shape, first, item, live[*at], false)).collect();
    for key in &own {
        if candidates.len() > 1 {
            candidates.retain(|at| matches_key(shape, key, item, live[*at], true));
        }
    }
    let hidden =
        |live: &&Object| first.iter().any(|n| is_unreadable(shape.get_field(*n), live.get_field(*n)));
    match candidates.as_slice() {
        [] if live.iter().any(hidden) => {
            Err(UnmatchedReason::Ambiguous(list_unnamed_fields(shape, keys, item)))
        }
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(UnmatchedReason::Ambiguous(list_unnamed_fields(shape, keys, item))),
    }
}

/// The live items that several wanted ones mean.
fn find_contested(pairs: &ItemMatches, live: usize) -> Vec<usize> {
    let mut claims = vec![0_u32; live];
    for at in pairs.iter().flatten() {
        claims[*at] += 1;
    }
    (0..live).filter(|at| claims[*at] > 1).collect()
}

/// Which of several wanted items a live one is: the only one that it fits in everything that they name of their
/// keys, where each of the others says otherwise. These were beside it and are gone, or are yet to come.
fn resolve_contested(
    (shape, keys): (&Shape, &[Vec<u16>]),
    (wanted, rivals): (&[ItemFields<'_>], &[usize]),
    live: &Object,
) -> Option<usize> {
    let own = || keys.iter().filter(|key| !is_row_id(shape, key));
    let fitting: Vec<&usize> = rivals
        .iter()
        .filter(|number| own().all(|key| matches_key(shape, key, wanted[**number], live, true)))
        .collect();
    let [one] = fitting[..] else { return None };
    let differ = |other: usize, field: &Field| {
        let (a, b) = (find_named_value(wanted[*one], field), find_named_value(wanted[other], field));
        a.is_some() && b.is_some() && !is_equal(field, a.as_ref(), b.as_ref())
    };
    let names_row = |other: usize| {
        find_row_id(shape, keys).is_some_and(|row| find_named_value(wanted[other], row).is_some())
    };
    // so that the next run can tell them apart
    let told = |other: usize| own().flatten().any(|number| differ(other, shape.get_field(*number)));
    let mut others = rivals.iter().copied().filter(|other| other != one);
    others.all(|other| !names_row(other) && told(other)).then_some(*one)
}

/// Items that are to have the same keys, unless row ids tell both. Only new rows, and those named by their id,
/// can come to the key of another.
fn find_duplicate_keys(
    shape: &Shape,
    keys: &[Vec<u16>],
    wanted: &[&[(u16, DesiredNode)]],
    pairs: &ItemMatches,
) -> Vec<UnmatchedItem> {
    let fields: Vec<&Field> = keys
        .iter()
        .filter(|key| !is_row_id(shape, key))
        .flatten()
        .map(|number| shape.get_field(*number))
        .collect();
    if fields.is_empty() {
        return Vec::new();
    }
    let key = |item: &[(u16, DesiredNode)]| {
        fields.iter().map(|field| find_named_value(item, field)).collect::<Vec<_>>()
    };
    let names: Vec<Vec<Option<Value>>> = wanted.iter().map(|item| key(item)).collect();
    let row = find_row_id(shape, keys);
    let by_id: Vec<bool> =
        wanted.iter().map(|item| row.is_some_and(|row| find_named_value(item, row).is_some())).collect();
    let moves = |at: usize| by_id[at] || pairs[at].is_none();
    let alike = |a: usize, b: usize| {
        let mut both = fields.iter().zip(names[a].iter().zip(&names[b]));
        both.all(|(field, (a, b))| is_equal(field, a.as_ref(), b.as_ref()))
    };
    let twin = |number: usize| {
        let open = |other: &usize| (moves(number) || moves(*other)) && !(by_id[number] && by_id[*other]);
        let first = (0..number).find(|other| open(other) && alike(number, *other))?;
        Some(UnmatchedItem { item: number, reason: UnmatchedReason::DuplicateKey(first) })
    };
    (0..wanted.len()).filter_map(twin).collect()
}

/// Whether a live item has what a wanted one names of a key. `only_named`: what is not named, or cannot be
/// seen, speaks neither for it nor against it.
fn matches_key(
    shape: &Shape,
    key: &[u16],
    item: &[(u16, DesiredNode)],
    live: &Object,
    only_named: bool,
) -> bool {
    key.iter().map(|number| shape.get_field(*number)).all(|field| {
        let (named, live) = (find_named_value(item, field), live.get_field(field.number));
        let silent = named.is_none() || is_unreadable(field, live);
        (only_named && silent) || is_equal(field, live, named.as_ref())
    })
}

/// An item that names its row id means that row.
fn match_by_row_id(
    shape: &Shape,
    keys: &[Vec<u16>],
    item: &[(u16, DesiredNode)],
    live: &[&Object],
) -> Option<Result<usize, UnmatchedReason>> {
    let row_id = find_row_id(shape, keys)?;
    let wanted = find_named_value(item, row_id).filter(|value| !matches!(value, Value::Null))?;
    let at = live.iter().position(|live| is_equal(row_id, live.get_field(row_id.number), Some(&wanted)));
    Some(at.ok_or_else(|| UnmatchedReason::UnknownId(row_id.name.to_string())))
}

/// The value that an item names for a field.
fn find_named_value(item: &[(u16, DesiredNode)], field: &Field) -> Option<Value> {
    let (_, wanted) = item.iter().find(|(number, _)| *number == field.number)?;
    Some(to_plain_value(wanted))
}

fn to_plain_value(wanted: &DesiredNode) -> Value {
    match &wanted.value {
        DesiredValue::Literal(value) => value.clone(),
        DesiredValue::List(items) => Value::Array(items.iter().map(to_plain_value).collect()),
        _ => Value::Null,
    }
}

fn list_unnamed_fields(shape: &Shape, keys: &[Vec<u16>], item: &[(u16, DesiredNode)]) -> Vec<String> {
    let mut names = Vec::new();
    for field in keys.iter().flatten().map(|number| shape.get_field(*number)) {
        if find_named_value(item, field).is_none() && !names.contains(&field.name.to_string()) {
            names.push(field.name.to_string());
        }
    }
    names
}
