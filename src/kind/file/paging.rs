//! The words of paging: how the pages of a list are requested, and what a response says about further ones.
//!
//! A style says how a page is named in a request; the other words name parameters, members and headers.
//! Deliberately absent: which page comes next and whether a list is complete (`remote::pager`).

use schemars::JsonSchema;
use serde::Deserialize;

/// How further pages are requested, until the service says that there is no more. Where it says nothing (none of `has_more`, `total`, `pages`, `next` and their headers), until a page is empty, because a service may give fewer items than requested.
#[derive(Deserialize, JsonSchema, Clone, Debug, Default)]
#[serde(deny_unknown_fields)]
pub struct PagingFile {
    /// How a request names a page; `offset` without this word.
    #[serde(default)]
    pub style: PagingStyle,
    /// Where a request of a list by `post` names a page: in the `query` (default), or in members of the `body`, whose dots lead inwards.
    #[serde(default, rename = "in")]
    pub location: PagingLocation,
    /// With `style: offset`: the query parameter with the number of items to skip.
    #[serde(default)]
    pub offset: Option<String>,
    /// With `style: page`: the query parameter with the number of the page.
    #[serde(default)]
    pub page: Option<String>,
    /// With `style: page`: the number of the first page; 1 without this word.
    #[serde(default)]
    pub first_page: Option<u64>,
    /// With `style: cursor`: the query parameter with the cursor. The first request has none.
    #[serde(default)]
    pub cursor: Option<String>,
    /// With `style: cursor`: the field of the last item of a page whose value is the cursor of the next one.
    #[serde(default)]
    pub cursor_from_item: Option<String>,
    /// The query parameter with the page size.
    #[serde(default)]
    pub limit: Option<String>,
    /// The number of items to request at a time: the most that the service gives.
    #[serde(default)]
    pub page_size: Option<u32>,
    /// The member of the response that says whether there is more.
    #[serde(default)]
    pub has_more: Option<String>,
    /// The member of the response with the number of all items.
    #[serde(default)]
    pub total: Option<String>,
    /// The header of the response with the number of all items.
    #[serde(default)]
    pub total_header: Option<String>,
    /// The member of the response with the number of all pages.
    #[serde(default)]
    pub pages: Option<String>,
    /// The member of the response that leads to the next page: its cursor with `style: cursor`, else its URL, which is followed on the configured origin only.
    #[serde(default)]
    pub next: Option<String>,
    /// The header of the response that leads to the next page, as `next` does; of `Link` it is the target of `rel="next"`.
    #[serde(default)]
    pub next_header: Option<String>,
}

impl PagingFile {
    /// Whether a response says which page is next.
    pub fn names_next_page(&self) -> bool {
        self.next.is_some() || self.next_header.is_some()
    }
}

/// Where a request names a page.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum PagingLocation {
    /// In the query.
    #[default]
    Query,
    /// In the body.
    Body,
}

/// How a request names a page.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum PagingStyle {
    /// By the number of items to skip.
    #[default]
    Offset,
    /// By its number.
    Page,
    /// By a cursor: a text from the page before.
    Cursor,
    /// By a URL from the page before.
    Link,
}
