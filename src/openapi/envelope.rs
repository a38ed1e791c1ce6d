//! The envelope of a list: the member with the items, and what is said of further pages.
//!
//! Deliberately absent: the query parameters that ask for a page; `paging` has those.

use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};
use crate::openapi::member_path::{ObjectPlace, count_common_members, locate_object, select_member};
use crate::openapi::naming::{normalize_name, split_words};

/// The names of members that usually hold the items.
const ITEMS_NAMES: [&str; 9] =
    ["items", "data", "results", "value", "values", "records", "entries", "content", "list"];
/// How deep the words about pages may be.
const MAX_DEPTH: usize = 3;
/// The rank of a list whose name says nothing.
const UNNAMED_RANK: usize = 100;
const HAS_MORE_NAMES: [&str; 6] =
    ["hasmore", "more", "hasnext", "hasnextpage", "moreitems", "nextpageavailable"];
const TOTAL_NAMES: [&str; 12] = [
    "total",
    "totalcount",
    "totalitems",
    "totalitemscount",
    "itemstotal",
    "totalresults",
    "totalelements",
    "totalentries",
    "totalrecords",
    "totalhits",
    "totalsize",
    "numfound",
];
const PAGES_NAMES: [&str; 6] = ["totalpages", "lastpage", "pages", "pagestotal", "pagecount", "numpages"];
/// Members with the cursor or the URL of the next page.
const NEXT_NAMES: [&str; 18] = [
    "next",
    "nextlink",
    "nexturl",
    "nexturi",
    "nextpageurl",
    "nextpageuri",
    "nexthref",
    "nextpage",
    "nextcursor",
    "nextpagetoken",
    "nextpagecursor",
    "nexttoken",
    "nextmarker",
    "continuationtoken",
    "endcursor",
    "nextafter",
    "continue",
    "after",
];
/// Members that are lists, but never the objects.
const MESSAGE_NAMES: [&str; 8] =
    ["errors", "warnings", "messages", "links", "notices", "problems", "included", "failures"];

/// The items of a list, and what is said of pages; dots lead inwards.
pub struct DraftEnvelope {
    /// None when the answer is the list itself.
    pub items: Option<String>,
    /// Whether another member could be meant as well.
    pub ambiguous: bool,
    /// What each item is.
    pub item: FlatSchema,
    pub has_more: Option<String>,
    pub total: Option<String>,
    pub pages: Option<String>,
    pub next: Option<NextMember>,
}

/// The member that leads to the next page.
#[derive(Clone)]
pub struct NextMember {
    pub path: String,
    /// Whether it holds a URL, not a cursor.
    pub is_url: bool,
}

/// A list of objects in an answer.
struct ItemsMember {
    rank: usize,
    path: String,
    item: FlatSchema,
}

/// The envelope of an answer; none when it holds no list of objects. The path may give their name away, and
/// `single`, the answer about one object, what they are like.
pub fn detect_envelope(
    answer: &FlatSchema,
    path: &str,
    single: Option<&FlatSchema>,
) -> Option<DraftEnvelope> {
    if let SchemaForm::Array { item, .. } = &answer.form {
        return Some(DraftEnvelope {
            items: None,
            ambiguous: false,
            item: as_object_item(item)?,
            has_more: None,
            total: None,
            pages: None,
            next: None,
        });
    }
    let flat = flatten_members(answer, MAX_DEPTH);
    let mut lists: Vec<ItemsMember> =
        flat.iter().filter_map(|(at, schema)| read_items_member(at, schema, path)).collect();
    let likeness = |list: &ItemsMember| single.map_or(0, |single| count_like_members(single, &list.item));
    lists.sort_by_key(|list| (usize::MAX - likeness(list), list.rank));
    // a list of another name is no rival of one that is called like the path or `data`
    let ambiguous = match lists.as_slice() {
        [first, second, ..] if likeness(first) == likeness(second) => {
            second.rank < UNNAMED_RANK || first.rank >= UNNAMED_RANK
        }
        _ => false,
    };
    let best = lists.into_iter().next()?;
    let find = |names: &[&str], fits: fn(&SchemaForm) -> bool| {
        let rank = |path: &str| {
            let mut steps = path.rsplit('.').map(normalize_name);
            let own = steps.next().filter(|last| last != "href").or_else(|| steps.next())?;
            names.iter().position(|name| *name == own)
        };
        let all = flat.iter().filter(|(_, schema)| fits(&schema.form));
        let ranked = all.filter_map(|(path, schema)| Some((rank(path)?, path, *schema)));
        ranked.min_by_key(|(rank, ..)| *rank).map(|(_, path, schema)| (path.clone(), schema))
    };
    let is_integer = |form: &SchemaForm| matches!(form, SchemaForm::Integer { .. } | SchemaForm::Number);
    let next = find(&NEXT_NAMES, |form| matches!(form, SchemaForm::String(_)));
    let total = find(&TOTAL_NAMES, is_integer);
    // Django names the number of all items `count`, and the next page beside it
    let count = || find(&["count"], is_integer).filter(|_| next.is_some());
    Some(DraftEnvelope {
        has_more: find(&HAS_MORE_NAMES, |form| matches!(form, SchemaForm::Boolean)).map(|(path, _)| path),
        total: total.or_else(count).map(|(path, _)| path),
        pages: find(&PAGES_NAMES, is_integer).map(|(path, _)| path),
        next: next.map(|(path, schema)| NextMember { is_url: is_url_member(&path, schema), path }),
        items: Some(best.path),
        ambiguous,
        item: best.item,
    })
}

/// How many members an item has in common with the object in an answer about one.
fn count_like_members(answer: &FlatSchema, item: &FlatSchema) -> usize {
    match locate_object(answer, item) {
        ObjectPlace::Whole => count_common_members(answer, item),
        ObjectPlace::Member(path) => {
            select_member(answer, &path).map_or(0, |object| count_common_members(object, item))
        }
        ObjectPlace::Nowhere => 0,
    }
}

/// Whether the member that leads to the next page holds a URL.
fn is_url_member(path: &str, schema: &FlatSchema) -> bool {
    let words = split_words(path);
    let named = words.iter().any(|word| ["url", "uri", "link", "links", "href"].contains(&word.as_str()));
    let format = match &schema.form {
        SchemaForm::String(text) => text.format.as_deref(),
        _ => None,
    };
    let example = schema.example.as_ref().and_then(|example| example.as_str());
    let shown = example.is_some_and(|text| text.starts_with("http") || text.starts_with('/'));
    let cursor = words.iter().any(|word| ["cursor", "token", "marker"].contains(&word.as_str()));
    let said = schema.notes.iter().any(|note| {
        let note = note.to_lowercase();
        ["url", "uri", "link to"].iter().any(|word| note.contains(word))
    });
    !cursor && (named || format.is_some_and(|format| format.starts_with("uri")) || shown || said)
}

fn read_items_member(path: &str, schema: &FlatSchema, of_path: &str) -> Option<ItemsMember> {
    let SchemaForm::Array { item, .. } = &schema.form else { return None };
    let last = path.rsplit('.').next().unwrap_or(path);
    let item = as_object_item(item).filter(|_| !MESSAGE_NAMES.contains(&normalize_name(last).as_str()))?;
    Some(ItemsMember { rank: rank_items_member(path, of_path), path: path.to_owned(), item })
}

/// What the items are, when they are objects.
fn as_object_item(item: &FlatSchema) -> Option<FlatSchema> {
    (!item.properties().is_empty()).then(|| item.clone())
}

/// The members of an answer and of the objects in it, by their dotted names.
fn flatten_members(answer: &FlatSchema, depth: usize) -> Vec<(String, &FlatSchema)> {
    let mut flat = Vec::new();
    for member in answer.properties().iter().filter(|member| !member.name.contains('.')) {
        flat.push((member.name.clone(), &member.schema));
        if depth > 1 {
            let below = flatten_members(&member.schema, depth - 1).into_iter();
            flat.extend(below.map(|(path, schema)| (format!("{}.{path}", member.name), schema)));
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
    let known = ITEMS_NAMES.iter().position(|name| *name == normalize_name(last));
    known.map_or(UNNAMED_RANK + depth, |known| MAX_DEPTH * (1 + known) + depth)
}
