//! What surrounds the items of a list: where they stand, and what is said of further pages.
//!
//! Deliberately absent: the query parameters that ask for a page; `kind` has those.

use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};
use crate::openapi::naming::{normalize_name, split_words};

/// The names of members that usually hold the items.
const ITEMS_NAMES: [&str; 9] =
    ["items", "data", "results", "value", "values", "records", "entries", "content", "list"];
const HAS_MORE_NAMES: [&str; 4] = ["hasmore", "more", "hasnext", "hasnextpage"];
const TOTAL_NAMES: [&str; 8] = [
    "total",
    "totalcount",
    "totalitems",
    "totalresults",
    "totalelements",
    "totalrecords",
    "totalhits",
    "totalsize",
];
const NEXT_NAMES: [&str; 5] = ["next", "nextlink", "nexturl", "nextpageurl", "nexthref"];

/// Where the items of a list stand, and what is said of pages; dots lead inwards.
pub struct DraftEnvelope {
    /// None when the answer is the list itself.
    pub items: Option<String>,
    /// Whether another member could be meant as well.
    pub ambiguous: bool,
    /// What each item is.
    pub item: FlatSchema,
    pub has_more: Option<String>,
    pub total: Option<String>,
    pub next: Option<String>,
}

/// The envelope of an answer; none when it holds no list of objects. The path may give their name away.
pub fn detect_envelope(answer: &FlatSchema, path: &str) -> Option<DraftEnvelope> {
    if let SchemaForm::Array { item, .. } = &answer.form {
        let item = as_object_item(item)?;
        return Some(DraftEnvelope {
            items: None,
            ambiguous: false,
            item,
            has_more: None,
            total: None,
            next: None,
        });
    }
    let flat = flatten_members(answer);
    let mut lists: Vec<(usize, &String, FlatSchema)> = Vec::new();
    for (dotted, plain) in &flat {
        if let SchemaForm::Array { item, .. } = &plain.form
            && let Some(item) = as_object_item(item)
        {
            lists.push((rank_items_member(dotted, path), dotted, item));
        }
    }
    lists.sort_by_key(|(rank, ..)| *rank);
    let doubtful = lists.len() > 1;
    let (_, items, item) = lists.into_iter().next()?;
    let find = |names: &[&str], fits: fn(&SchemaForm) -> bool| {
        let own = |dotted: &str| normalize_name(dotted.rsplit('.').next().unwrap_or(dotted));
        let mut all =
            flat.iter().filter(|(dotted, plain)| fits(&plain.form) && names.contains(&&*own(dotted)));
        all.next().map(|(dotted, _)| dotted.clone())
    };
    Some(DraftEnvelope {
        has_more: find(&HAS_MORE_NAMES, |form| matches!(form, SchemaForm::Boolean)),
        total: find(&TOTAL_NAMES, |form| matches!(form, SchemaForm::Integer { .. })),
        next: find(&NEXT_NAMES, |form| matches!(form, SchemaForm::String(_))),
        items: Some(items.clone()),
        ambiguous: doubtful,
        item,
    })
}

/// What the items are, when they are objects.
fn as_object_item(item: &FlatSchema) -> Option<FlatSchema> {
    (!item.properties().is_empty()).then(|| item.clone())
}

/// The members of an answer and of the objects in it, by their dotted names.
fn flatten_members(answer: &FlatSchema) -> Vec<(String, &FlatSchema)> {
    let mut flat = Vec::new();
    for member in answer.properties().iter().filter(|member| !member.name.contains('.')) {
        flat.push((member.name.clone(), &member.schema));
        for inner in member.schema.properties().iter().filter(|inner| !inner.name.contains('.')) {
            flat.push((format!("{}.{}", member.name, inner.name), &inner.schema));
        }
    }
    flat
}

/// How well a member's name says that it holds the items; the best is the least.
fn rank_items_member(dotted: &str, path: &str) -> usize {
    let last = dotted.rsplit('.').next().unwrap_or(dotted);
    let depth = dotted.matches('.').count();
    let of_path = path.trim_end_matches('/').rsplit('/').find(|part| !part.starts_with('{'));
    if of_path.is_some_and(|of_path| split_words(of_path) == split_words(last)) {
        return depth;
    }
    let known =
        ITEMS_NAMES.iter().position(|name| *name == normalize_name(last)).unwrap_or(ITEMS_NAMES.len());
    2 + 2 * known + depth
}
