//! What surrounds the items of a list: where they stand, and what is said of further pages.
//!
//! Deliberately absent: the query parameters that ask for a page; `kind` has those.

use super::plain::{Form, Plain};
use super::words::{folded, parts};

/// The names of members that usually hold the items.
const ITEMS: [&str; 9] =
    ["items", "data", "results", "value", "values", "records", "entries", "content", "list"];
const HAS_MORE: [&str; 4] = ["hasmore", "more", "hasnext", "hasnextpage"];
const TOTAL: [&str; 8] = [
    "total",
    "totalcount",
    "totalitems",
    "totalresults",
    "totalelements",
    "totalrecords",
    "totalhits",
    "totalsize",
];
const NEXT: [&str; 5] = ["next", "nextlink", "nexturl", "nextpageurl", "nexthref"];

/// Where the items of a list stand, and what is said of pages; dots lead inwards.
pub struct Envelope {
    /// None when the answer is the list itself.
    pub items: Option<String>,
    /// Whether another member could be meant as well.
    pub doubtful: bool,
    /// What each item is.
    pub item: Plain,
    pub has_more: Option<String>,
    pub total: Option<String>,
    pub next: Option<String>,
}

/// The envelope of an answer; none when it holds no list of objects. The path may give their name away.
pub fn envelope(answer: &Plain, path: &str) -> Option<Envelope> {
    if let Form::List { item, .. } = &answer.form {
        let item = objects(item)?;
        return Some(Envelope {
            items: None,
            doubtful: false,
            item,
            has_more: None,
            total: None,
            next: None,
        });
    }
    let flat = flat(answer);
    let mut lists: Vec<(usize, &String, Plain)> = Vec::new();
    for (dotted, plain) in &flat {
        if let Form::List { item, .. } = &plain.form
            && let Some(item) = objects(item)
        {
            lists.push((rank(dotted, path), dotted, item));
        }
    }
    lists.sort_by_key(|(rank, ..)| *rank);
    let doubtful = lists.len() > 1;
    let (_, items, item) = lists.into_iter().next()?;
    let find = |names: &[&str], fits: fn(&Form) -> bool| {
        let own = |dotted: &str| folded(dotted.rsplit('.').next().unwrap_or(dotted));
        let mut all =
            flat.iter().filter(|(dotted, plain)| fits(&plain.form) && names.contains(&&*own(dotted)));
        all.next().map(|(dotted, _)| dotted.clone())
    };
    Some(Envelope {
        has_more: find(&HAS_MORE, |form| matches!(form, Form::Flag)),
        total: find(&TOTAL, |form| matches!(form, Form::Whole { .. })),
        next: find(&NEXT, |form| matches!(form, Form::Text(_))),
        items: Some(items.clone()),
        doubtful,
        item,
    })
}

/// What the items are, when they are objects.
fn objects(item: &Plain) -> Option<Plain> {
    (!item.members().is_empty()).then(|| item.clone())
}

/// The members of an answer and of the objects in it, by their dotted names.
fn flat(answer: &Plain) -> Vec<(String, &Plain)> {
    let mut flat = Vec::new();
    for member in answer.members().iter().filter(|member| !member.name.contains('.')) {
        flat.push((member.name.clone(), &member.plain));
        for inner in member.plain.members().iter().filter(|inner| !inner.name.contains('.')) {
            flat.push((format!("{}.{}", member.name, inner.name), &inner.plain));
        }
    }
    flat
}

/// How well a member's name says that it holds the items; the best is the least.
fn rank(dotted: &str, path: &str) -> usize {
    let last = dotted.rsplit('.').next().unwrap_or(dotted);
    let depth = dotted.matches('.').count();
    let of_path = path.trim_end_matches('/').rsplit('/').find(|part| !part.starts_with('{'));
    if of_path.is_some_and(|of_path| parts(of_path) == parts(last)) {
        return depth;
    }
    let known = ITEMS.iter().position(|name| *name == folded(last)).unwrap_or(ITEMS.len());
    2 + 2 * known + depth
}
