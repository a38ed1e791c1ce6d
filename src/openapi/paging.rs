//! Paging: which query parameters of a list ask for a page.
//!
//! The format skips items and wants so many; a list that counts pages or hands out cursors cannot be said in
//! it. Then as much as the document allows is asked for at once, and a person is told.
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
const OTHER_PAGING_NAMES: [&str; 11] = [
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
    [&OFFSET_NAMES[..], &LIMIT_NAMES, &OTHER_PAGING_NAMES].iter().any(|names| names.contains(&own.as_str()))
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
    let (offset, limit, other) = (find(&OFFSET_NAMES), find(&LIMIT_NAMES), find(&OTHER_PAGING_NAMES));
    match (offset, limit, other) {
        (Some(offset), Some(limit), _) => {
            let mut lines = vec![
                DraftEntry::from_text("offset", get_parameter_name(offset)),
                DraftEntry::from_text("limit", get_parameter_name(limit)),
                build_page_size_entry(book, limit),
            ];
            let said =
                [("has_more", &envelope.has_more), ("total", &envelope.total), ("next", &envelope.next)];
            for (word, member) in said {
                lines.extend(member.as_ref().map(|member| DraftEntry::from_text(word, &**member)));
            }
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
        (_, limit, other) => draft_unpaged_list(book, limit, other.or(offset)),
    }
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
