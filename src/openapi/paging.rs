//! Paging: which query parameters of a list ask for a page, and what an answer says of further ones.
//!
//! Items to skip, numbers of pages, cursors from an answer, from its last item or from a header. Names, types and
//! texts of the document decide which. Where it leaves open whether a list is read to its end, a remark asks.
//! Deliberately absent: the members of an answer; `envelope` finds those.

use openapiv3::Parameter;
use serde_json::{Map, Value as Json};

use crate::openapi::document::{OpenApiDocument, parse_target};
use crate::openapi::envelope::{DraftEnvelope, NextMember};
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};
use crate::openapi::naming::{normalize_name, sanitize_text};
use crate::openapi::resource::{OpenApiOperation, flatten_parameter, get_parameter_name};
use crate::openapi::wording;
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};

/// Items to skip, beyond doubt.
const OFFSET_NAMES: [&str; 5] = ["offset", "skip", "startat", "startindex", "firstresult"];
/// Items to skip, or pages.
const UNCERTAIN_OFFSET_NAMES: [&str; 4] = ["start", "from", "pageoffset", "first"];
const LIMIT_NAMES: [&str; 16] = [
    "limit",
    "take",
    "top",
    "pagesize",
    "perpage",
    "maxresults",
    "max",
    "pagelimit",
    "resultsperpage",
    "itemsperpage",
    "maxitems",
    "size",
    "count",
    "num",
    "maxpagesize",
    "first",
];
const PAGE_NAMES: [&str; 6] = ["page", "pagenumber", "pageno", "pageindex", "currentpage", "pagenum"];
const CURSOR_NAMES: [&str; 12] = [
    "pagetoken",
    "nextpagetoken",
    "cursor",
    "pagecursor",
    "after",
    "pageafter",
    "marker",
    "starttoken",
    "nexttoken",
    "continuationtoken",
    "continue",
    "nextcursor",
];
/// Parameters that take the id of the last item.
const ITEM_CURSOR_NAMES: [&str; 6] =
    ["startingafter", "afterid", "sinceid", "startafter", "lastid", "exclusivestartkey"];
const TOTAL_HEADERS: [&str; 4] = ["x-total-count", "x-total", "total-count", "x-pagination-total-count"];
/// The most items of a page, where the document names a larger bound or none.
const MAX_PAGE_SIZE: i64 = 1000;
/// The items of a page, where the document says nothing.
const USUAL_PAGE_SIZE: i64 = 100;

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
    let known: [&[&str]; 6] = [
        &OFFSET_NAMES,
        &UNCERTAIN_OFFSET_NAMES,
        &LIMIT_NAMES,
        &PAGE_NAMES,
        &CURSOR_NAMES,
        &ITEM_CURSOR_NAMES,
    ];
    known.iter().any(|names| names.contains(&own.as_str()))
}

/// How a list is asked for its pages; `id`: the field of its items that holds their id.
pub fn draft_paging(
    openapi_document: &OpenApiDocument,
    list: &OpenApiOperation,
    envelope: &DraftEnvelope,
    id: Option<&str>,
) -> DraftPaging {
    let query = PageQuery::from_list(openapi_document, list, envelope, id);
    match query.select_style() {
        Some(style) => DraftPaging { query: None, paging: Some(query.build_entry(&style)) },
        None => query.draft_unpaged_list(),
    }
}

/// The parameters and headers of a list that concern pages.
struct PageQuery<'p> {
    openapi_document: &'p OpenApiDocument,
    envelope: &'p DraftEnvelope,
    limit: Option<PageParameter>,
    others: Vec<PageParameter>,
    id: Option<&'p str>,
    total_header: Option<&'p str>,
    /// Whether the header `Link` leads to the next page.
    links: bool,
}

/// A query parameter.
struct PageParameter {
    name: String,
    normal: String,
    text: String,
    schema: Option<FlatSchema>,
    /// The pointer of its schema.
    pointer: Option<String>,
}

/// How a request names a page.
enum PageStyle<'q> {
    Offset(&'q PageParameter),
    Page(&'q PageParameter),
    Cursor(&'q PageParameter, CursorOrigin<'q>),
    Link(CursorOrigin<'q>),
}

/// Where the next cursor or URL comes from.
enum CursorOrigin<'q> {
    Member(&'q str),
    Header,
    Item(&'q str),
}

impl PageParameter {
    /// A parameter, and the parts of one that is an object: `page[size]`.
    fn list_parts(openapi_document: &OpenApiDocument, parameter: &Parameter) -> Vec<Self> {
        let name = get_parameter_name(parameter);
        let pointer = match &parameter.parameter_data_ref().format {
            openapiv3::ParameterSchemaOrContent::Schema(schema) => parse_target(schema).map(str::to_owned),
            openapiv3::ParameterSchemaOrContent::Content(_) => None,
        };
        let schema = flatten_parameter(openapi_document, parameter);
        let parts = schema.iter().flat_map(FlatSchema::properties).map(|part| Self {
            name: format!("{name}[{}]", part.name),
            normal: normalize_name(&format!("{name} {}", part.name)),
            text: part.schema.description.clone().unwrap_or_default(),
            schema: Some(part.schema.clone()),
            pointer: None,
        });
        let parts: Vec<Self> = parts.collect();
        match parts.is_empty() {
            true => vec![Self {
                name: name.to_owned(),
                normal: normalize_name(name),
                text: parameter.parameter_data_ref().description.clone().unwrap_or_default(),
                schema,
                pointer,
            }],
            false => parts,
        }
    }

    fn is_number(&self) -> bool {
        let form = self.schema.as_ref().map(|schema| &schema.form);
        matches!(form, Some(SchemaForm::Integer { .. } | SchemaForm::Number | SchemaForm::Unknown(_)) | None)
    }

    /// A text that is no date.
    fn is_text(&self) -> bool {
        match self.schema.as_ref().map(|schema| &schema.form) {
            Some(SchemaForm::String(text)) => text.format.as_deref().is_none_or(|format| format == "uuid"),
            Some(SchemaForm::Unknown(_)) | None => true,
            _ => false,
        }
    }

    fn mentions(&self, words: &[&str]) -> bool {
        let text = self.text.to_lowercase();
        words.iter().any(|word| text.contains(word))
    }

    /// A number that the schema of the parameter says.
    fn read_number(&self, openapi_document: &OpenApiDocument, word: &str) -> Option<i64> {
        let place = openapi_document.resolve_pointer(self.pointer.as_deref()?)?;
        openapi_document.find_json(&format!("{place}/{word}"))?.as_i64()
    }
}

impl<'p> PageQuery<'p> {
    fn from_list(
        openapi_document: &'p OpenApiDocument,
        list: &'p OpenApiOperation,
        envelope: &'p DraftEnvelope,
        id: Option<&'p str>,
    ) -> Self {
        let mut all: Vec<PageParameter> = list
            .list_query_parameters()
            .flat_map(|one| PageParameter::list_parts(openapi_document, one))
            .collect();
        let rank = |one: &PageParameter| LIMIT_NAMES.iter().position(|name| *name == one.normal);
        let best = (0..all.len())
            .filter(|at| all[*at].is_number() || !all[*at].is_text())
            .filter_map(|at| Some((rank(&all[at])?, at)))
            .min();
        let limit = best.map(|(_, at)| all.remove(at));
        let headers = list.list_response_headers(openapi_document);
        let total_header = headers.iter().find(|name| TOTAL_HEADERS.contains(&name.to_lowercase().as_str()));
        let texts = [&list.operation.description, &list.operation.summary];
        let linked = wording::says_link_header;
        let links = headers.iter().any(|name| name.eq_ignore_ascii_case("Link"))
            || texts.into_iter().flatten().any(|text| linked(text))
            || all.iter().any(|one| linked(&one.text))
            || openapi_document.mentions_link_header();
        Self {
            openapi_document,
            envelope,
            limit,
            total_header: total_header.copied(),
            others: all,
            id,
            links,
        }
    }

    fn find(&self, names: &[&str], fits: impl Fn(&PageParameter) -> bool) -> Option<&PageParameter> {
        let rank = |one: &&PageParameter| names.iter().position(|name| *name == one.normal);
        self.others.iter().filter(|one| rank(one).is_some() && fits(one)).min_by_key(rank)
    }

    fn select_style(&self) -> Option<PageStyle<'_>> {
        let counts_items = |one: &PageParameter| {
            one.is_number() && !one.mentions(&["page number", "number of the page", "page to"])
        };
        let offset = self
            .find(&OFFSET_NAMES, |one| one.is_number())
            .or_else(|| self.find(&UNCERTAIN_OFFSET_NAMES, counts_items).filter(|_| self.limit.is_some()));
        if let Some(offset) = offset.filter(|_| self.limit.is_some()) {
            return Some(PageStyle::Offset(offset));
        }
        self.select_cursor_style().or_else(|| {
            let page = self.find(&PAGE_NAMES, |one| !one.mentions(&["cursor", "token"]) && one.is_number());
            page.map(PageStyle::Page)
        })
    }

    fn select_cursor_style(&self) -> Option<PageStyle<'_>> {
        let named = self.find(&CURSOR_NAMES, |one| one.is_text());
        let paged = self.find(&PAGE_NAMES, |one| !one.is_number());
        let cursor = named.or(paged);
        let item = self.find(&ITEM_CURSOR_NAMES, |_| true);
        let of_item =
            |one: &PageParameter| one.mentions(&["object id", "id of the last", "last id", "last item"]);
        let next = self.envelope.next.as_ref();
        let page = self.find(&PAGE_NAMES, |one| one.is_number());
        match (cursor, next) {
            (_, Some(NextMember { path, is_url: true })) => Some(PageStyle::Link(CursorOrigin::Member(path))),
            (Some(cursor), Some(next)) => Some(PageStyle::Cursor(cursor, CursorOrigin::Member(&next.path))),
            (Some(cursor), None) if of_item(cursor) && self.id.is_some() => {
                Some(PageStyle::Cursor(cursor, CursorOrigin::Item(self.id?)))
            }
            (_, None) if self.links && page.is_none() => Some(PageStyle::Link(CursorOrigin::Header)),
            _ => Some(PageStyle::Cursor(item?, CursorOrigin::Item(self.id?))),
        }
    }

    fn build_entry(&self, style: &PageStyle) -> DraftEntry {
        let mut entries = build_style_entries(style);
        let remark = self.describe_doubt(style, &mut entries);
        if let Some(limit) = &self.limit {
            entries.push(DraftEntry::from_text("limit", &*limit.name));
            entries.push(self.build_page_size_entry(limit));
        }
        entries.extend(self.build_sign_entries(style));
        DraftEntry::new("paging", DraftValue::Mapping(entries)).with_decisions(remark)
    }

    /// What may keep a list from being read to its end.
    fn describe_doubt(&self, style: &PageStyle, entries: &mut Vec<DraftEntry>) -> Option<String> {
        match style {
            PageStyle::Offset(offset) => {
                let certain = OFFSET_NAMES.contains(&offset.normal.as_str())
                    || offset.mentions(&["skip", "offset", "first result", "pagination offset"]);
                let text = format!(
                    "whether `{}` counts the items to skip, not the pages",
                    sanitize_text(&offset.name)
                );
                (!certain && !self.says_end()).then_some(text)
            }
            PageStyle::Page(page) => {
                let first = self.find_first_page(page);
                if first.is_some_and(|first| first != 1) {
                    entries.extend(first.map(|first| DraftEntry::from_keyword("first_page", first)));
                }
                let text = "whether the first page is number 1, else `first_page: 0`";
                (first.is_none() && !self.says_end()).then(|| text.to_owned())
            }
            PageStyle::Cursor(..) | PageStyle::Link(_) => None,
        }
    }

    /// Whether an answer says how many items or pages there are, so that a list that was not read to its end is
    /// known to be incomplete.
    fn says_end(&self) -> bool {
        self.envelope.total.is_some() || self.total_header.is_some()
    }

    fn find_first_page(&self, page: &PageParameter) -> Option<i64> {
        let said = wording::find_first_page(&page.text);
        let read = |word: &str| page.read_number(self.openapi_document, word);
        // an example of 1 may be the second page
        let shown = || read("example").filter(|number| *number == 0);
        let first = said.or_else(|| read("default")).or_else(shown).or_else(|| read("minimum"));
        first.filter(|first| (0..=1).contains(first))
    }

    /// What the answer says of further pages.
    fn build_sign_entries(&self, style: &PageStyle) -> Vec<DraftEntry> {
        let envelope = self.envelope;
        let by_url =
            envelope.next.as_ref().filter(|next| next.is_url && matches!(style, PageStyle::Offset(_)));
        let pages = envelope.pages.as_ref().filter(|_| matches!(style, PageStyle::Page(_)));
        let signs = [
            ("has_more", envelope.has_more.as_deref()),
            ("total", envelope.total.as_deref()),
            ("total_header", self.total_header.filter(|_| envelope.total.is_none())),
            ("pages", pages.map(String::as_str)),
            ("next", by_url.map(|next| &*next.path)),
        ];
        let entry = |(word, member): (&str, Option<&str>)| Some(DraftEntry::from_text(word, member?));
        signs.into_iter().filter_map(entry).collect()
    }

    fn build_page_size_entry(&self, limit: &PageParameter) -> DraftEntry {
        let usual = limit.read_number(self.openapi_document, "default").filter(|usual| *usual > 0);
        match (self.find_largest_page(limit), usual) {
            (Some(most), _) => DraftEntry::from_keyword("page_size", most),
            (None, usual) => {
                let size = usual.unwrap_or(USUAL_PAGE_SIZE).min(MAX_PAGE_SIZE);
                DraftEntry::from_keyword("page_size", size)
                    .with_polish("how many items a page may have at most")
            }
        }
    }

    /// The most items that may be asked for, within reason.
    fn find_largest_page(&self, limit: &PageParameter) -> Option<i64> {
        let by_schema = match &limit.schema.as_ref()?.form {
            SchemaForm::Integer { maximum, .. } => *maximum,
            _ => None,
        };
        let most = by_schema.or_else(|| wording::find_largest_page(&limit.text)).filter(|most| *most > 0);
        most.map(|most| most.min(MAX_PAGE_SIZE))
    }

    /// A list whose pages cannot be asked for.
    fn draft_unpaged_list(&self) -> DraftPaging {
        let names = [&OFFSET_NAMES[..], &UNCERTAIN_OFFSET_NAMES, &PAGE_NAMES, &CURSOR_NAMES].concat();
        let other = self.find(&names, |one| one.is_number() || one.mentions(&["page", "cursor", "token"]));
        if self.limit.is_none() && other.is_none() {
            return DraftPaging::default();
        }
        let how = other.map_or_else(String::new, |other| format!(" by `{}`", sanitize_text(&other.name)));
        let remark = format!(
            "the list comes in pages{how}, and the document does not say how the next one is requested: objects \
             beyond the first page are not seen, and would be created again"
        );
        let query = match &self.limit {
            Some(limit) => {
                let most = self.find_largest_page(limit).unwrap_or(MAX_PAGE_SIZE).to_string();
                DraftValue::Mapping(vec![DraftEntry::from_text(&*limit.name, most)])
            }
            None => DraftValue::Json(Json::Object(Map::new())),
        };
        DraftPaging { query: Some(DraftEntry::new("query", query).with_decision(remark)), paging: None }
    }
}

/// The words that say how a request names a page.
fn build_style_entries(style: &PageStyle) -> Vec<DraftEntry> {
    let origin = |origin: &CursorOrigin| match origin {
        CursorOrigin::Member(path) => DraftEntry::from_text("next", *path),
        CursorOrigin::Header => DraftEntry::from_text("next_header", "Link"),
        CursorOrigin::Item(field) => DraftEntry::from_text("cursor_from_item", *field),
    };
    let named = |word: &str, one: &PageParameter| {
        vec![DraftEntry::from_keyword("style", word), DraftEntry::from_text(word, &*one.name)]
    };
    match style {
        PageStyle::Offset(offset) => vec![DraftEntry::from_text("offset", &*offset.name)],
        PageStyle::Page(page) => named("page", page),
        PageStyle::Cursor(cursor, from) => {
            named("cursor", cursor).into_iter().chain([origin(from)]).collect()
        }
        PageStyle::Link(from) => vec![DraftEntry::from_keyword("style", "link"), origin(from)],
    }
}
