//! Paging: which query parameters of a list ask for a page.
//!
//! Items to skip, numbers of pages, and cursors whose next one an answer holds. Where a document says less, as much
//! as it allows is asked for at once, and a person is told.
//! Deliberately absent: what an answer says of further pages; `envelope` has that.

use openapiv3::Parameter;
use serde_json::Value as Json;

use crate::openapi::document::OpenApiDocument;
use crate::openapi::envelope::DraftEnvelope;
use crate::openapi::flatten_schema::SchemaForm;
use crate::openapi::naming::{normalize_name, sanitize_text};
use crate::openapi::resource::{OpenApiOperation, flatten_parameter, get_parameter_name};
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};

const OFFSET_NAMES: [&str; 8] =
    ["offset", "skip", "startat", "startindex", "firstresult", "start", "from", "pageoffset"];
const LIMIT_NAMES: [&str; 14] = [
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
const PAGE_NAMES: [&str; 4] = ["page", "pagenumber", "pageno", "pageindex"];
const CURSOR_NAMES: [&str; 7] =
    ["pagetoken", "nextpagetoken", "cursor", "after", "marker", "starttoken", "nexttoken"];
/// The most items of a page, where the document names a larger bound or none.
const MAX_PAGE_SIZE: i64 = 1000;

/// What a list says of pages.
#[derive(Default)]
pub struct DraftPaging {
    /// A fixed query, where pages cannot be asked for.
    pub query: Option<DraftEntry>,
    pub paging: Option<DraftEntry>,
}

/// Whether a parameter of that name asks for a page.
pub fn is_paging_parameter(name: &str) -> bool {
    let own = normalize_name(name);
    [&OFFSET_NAMES[..], &LIMIT_NAMES, &PAGE_NAMES, &CURSOR_NAMES]
        .iter()
        .any(|names| names.contains(&own.as_str()))
}

/// How a list is asked for its pages.
pub fn draft_paging(
    book: &OpenApiDocument,
    list: &OpenApiOperation,
    envelope: &DraftEnvelope,
) -> DraftPaging {
    let find = |names: &[&str]| {
        let rank = |parameter: &&Parameter| {
            names.iter().position(|own| *own == normalize_name(get_parameter_name(parameter)))
        };
        list.list_query_parameters().filter(|parameter| rank(parameter).is_some()).min_by_key(rank)
    };
    let (offset, limit) = (find(&OFFSET_NAMES), find(&LIMIT_NAMES));
    let (page, cursor) = (find(&PAGE_NAMES), find(&CURSOR_NAMES));
    match (offset, limit, page.or(cursor)) {
        (Some(offset), Some(limit), _) => {
            let mut lines = vec![DraftEntry::from_text("offset", get_parameter_name(offset))];
            lines.extend(build_size_entries(book, Some(limit)));
            lines.extend(build_sign_entries(envelope, true));
            let remark = format!(
                "whether `{}` counts the items to skip, not the pages",
                sanitize_text(get_parameter_name(offset))
            );
            DraftPaging {
                query: None,
                paging: Some(DraftEntry::new("paging", DraftValue::Mapping(lines)).with_decision(remark)),
            }
        }
        (_, None, None) if offset.is_none() => DraftPaging::default(),
        (None, limit, Some(_)) if page.is_some() || envelope.next.is_some() => {
            let mut lines = build_style_entries(page, cursor, envelope);
            lines.extend(build_size_entries(book, limit));
            lines.extend(build_sign_entries(envelope, page.is_none()));
            let remark = match page {
                Some(_) => {
                    "whether the first page is number 1; without a word that says whether there is more, the list ends with an empty page"
                }
                None => "whether `next` is the cursor of the next page, not its URL",
            };
            let paging = DraftEntry::new("paging", DraftValue::Mapping(lines)).with_decision(remark);
            DraftPaging { query: None, paging: Some(paging) }
        }
        (_, limit, other) => draft_unpaged_list(book, limit, other.or(offset)),
    }
}

/// How a request names a page by its number or a cursor.
fn build_style_entries(
    page: Option<&Parameter>,
    cursor: Option<&Parameter>,
    envelope: &DraftEnvelope,
) -> Vec<DraftEntry> {
    let style = |style: &str, parameter: &Parameter| {
        vec![
            DraftEntry::from_text("style", style),
            DraftEntry::from_text(style, get_parameter_name(parameter)),
        ]
    };
    match (page, cursor.filter(|_| envelope.next.is_some())) {
        (Some(page), _) => style("page", page),
        (None, Some(cursor)) => style("cursor", cursor),
        (None, None) => Vec::new(),
    }
}

fn build_size_entries(book: &OpenApiDocument, limit: Option<&Parameter>) -> Vec<DraftEntry> {
    let Some(limit) = limit else { return Vec::new() };
    vec![DraftEntry::from_text("limit", get_parameter_name(limit)), build_page_size_entry(book, limit)]
}

/// What the answer says of further pages.
fn build_sign_entries(envelope: &DraftEnvelope, with_next: bool) -> Vec<DraftEntry> {
    let next = envelope.next.as_ref().filter(|_| with_next);
    let said = [("has_more", envelope.has_more.as_ref()), ("total", envelope.total.as_ref()), ("next", next)];
    let entry = |(word, member): (&str, Option<&String>)| Some(DraftEntry::from_text(word, &**member?));
    said.into_iter().filter_map(entry).collect()
}

/// A list whose pages cannot be asked for.
fn draft_unpaged_list(
    book: &OpenApiDocument,
    limit: Option<&Parameter>,
    other: Option<&Parameter>,
) -> DraftPaging {
    let how =
        other.map_or_else(String::new, |other| format!(" by `{}`", sanitize_text(get_parameter_name(other))));
    let remark = format!(
        "the list comes in pages{how}, which the format cannot ask for: objects beyond the first page are not \
         seen, and would be made anew"
    );
    let Some(limit) = limit else {
        let none = DraftEntry::new("query", DraftValue::Json(Json::Object(serde_json::Map::new())));
        return DraftPaging { query: Some(none.with_decision(remark)), paging: None };
    };
    let line = DraftEntry::from_text(
        get_parameter_name(limit),
        find_max_page_size(book, limit).unwrap_or(MAX_PAGE_SIZE).to_string(),
    );
    DraftPaging {
        query: Some(DraftEntry::new("query", DraftValue::Mapping(vec![line])).with_decision(remark)),
        paging: None,
    }
}

fn build_page_size_entry(book: &OpenApiDocument, limit: &Parameter) -> DraftEntry {
    match find_max_page_size(book, limit) {
        Some(most) => DraftEntry::from_keyword("page_size", most),
        None => {
            DraftEntry::from_keyword("page_size", 100).with_decision("how many items a page may have at most")
        }
    }
}

/// The most items that may be asked for, within reason.
fn find_max_page_size(book: &OpenApiDocument, limit: &Parameter) -> Option<i64> {
    match flatten_parameter(book, limit)?.form {
        SchemaForm::Integer { maximum: Some(most), .. } if most > 0 => Some(most.min(MAX_PAGE_SIZE)),
        _ => None,
    }
}
