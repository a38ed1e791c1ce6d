//! Paging: which query parameters of a list ask for a page.
//!
//! The format skips items and wants so many; a list that counts pages or hands out cursors cannot be said in
//! it. Then as much as the document allows is asked for at once, and a person is told.
//! Deliberately absent: what an answer says of further pages; `envelope` has that.

use openapiv3::Parameter;
use serde_json::Value as Json;

use super::book::Book;
use super::envelope::Envelope;
use super::plain::Form;
use super::resource::{Op, form, name};
use super::sheet::{Line, Said};
use super::words::{folded, tidy};

const OFFSET: [&str; 8] =
    ["offset", "skip", "startat", "startindex", "firstresult", "start", "from", "pageoffset"];
const LIMIT: [&str; 14] = [
    "limit",
    "take",
    "top",
    "count",
    "pagesize",
    "perpage",
    "size",
    "maxresults",
    "max",
    "pagelimit",
    "resultsperpage",
    "itemsperpage",
    "maxitems",
    "num",
];
const OTHER: [&str; 11] = [
    "page",
    "pagenumber",
    "pageno",
    "pageindex",
    "pagetoken",
    "nextpagetoken",
    "cursor",
    "after",
    "marker",
    "starttoken",
    "nexttoken",
];
/// The most items of a page, where the document names a larger bound or none.
const PAGE: i64 = 1000;

/// What a list says of pages.
#[derive(Default)]
pub struct Paging {
    /// A fixed query, where pages cannot be asked for.
    pub query: Option<Line>,
    pub paging: Option<Line>,
}

/// Whether a parameter of that name asks for a page.
pub fn is_paging(name: &str) -> bool {
    let own = folded(name);
    [&OFFSET[..], &LIMIT, &OTHER].iter().any(|names| names.contains(&own.as_str()))
}

/// How a list is asked for its pages.
pub fn paging(book: &Book, list: &Op, envelope: &Envelope) -> Paging {
    let find = |names: &[&str]| {
        let rank = |parameter: &&Parameter| names.iter().position(|own| *own == folded(name(parameter)));
        list.query().filter(|parameter| rank(parameter).is_some()).min_by_key(rank)
    };
    let (offset, limit, other) = (find(&OFFSET), find(&LIMIT), find(&OTHER));
    match (offset, limit, other) {
        (Some(offset), Some(limit), _) => {
            let mut lines =
                vec![Line::text("offset", name(offset)), Line::text("limit", name(limit)), page(book, limit)];
            let said =
                [("has_more", &envelope.has_more), ("total", &envelope.total), ("next", &envelope.next)];
            for (word, member) in said {
                lines.extend(member.as_ref().map(|member| Line::text(word, &**member)));
            }
            let remark = format!("whether `{}` counts the items to skip, not the pages", tidy(name(offset)));
            Paging { query: None, paging: Some(Line::new("paging", Said::Lines(lines)).decide(remark)) }
        }
        (_, None, None) if offset.is_none() => Paging::default(),
        (_, limit, other) => unpaged(book, limit, other.or(offset)),
    }
}

/// A list whose pages cannot be asked for.
fn unpaged(book: &Book, limit: Option<&Parameter>, other: Option<&Parameter>) -> Paging {
    let how = other.map_or_else(String::new, |other| format!(" by `{}`", tidy(name(other))));
    let remark = format!(
        "the list comes in pages{how}, which the format cannot ask for: objects beyond the first page are not \
         seen, and would be made anew"
    );
    let Some(limit) = limit else {
        let none = Line::new("query", Said::Json(Json::Object(serde_json::Map::new())));
        return Paging { query: Some(none.decide(remark)), paging: None };
    };
    let line = Line::text(name(limit), most(book, limit).unwrap_or(PAGE).to_string());
    Paging { query: Some(Line::new("query", Said::Lines(vec![line])).decide(remark)), paging: None }
}

fn page(book: &Book, limit: &Parameter) -> Line {
    match most(book, limit) {
        Some(most) => Line::word("page", most),
        None => Line::word("page", 100).decide("how many items a page may have at most"),
    }
}

/// The most items that may be asked for, within reason.
fn most(book: &Book, limit: &Parameter) -> Option<i64> {
    match form(book, limit)?.form {
        Form::Whole { most: Some(most), .. } if most > 0 => Some(most.min(PAGE)),
        _ => None,
    }
}
