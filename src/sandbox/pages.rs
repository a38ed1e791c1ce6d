//! The pages of a list: which items a request asks for, and what the answer says of further ones.
//!
//! Each style of paging is read as `remote::page_position` writes it. Cursors say where the next page starts, in a
//! form that no one can guess from ids.
//! Deliberately absent: which objects are in the list.

use std::ops::Range;

use crate::exchange::WireValue;
use crate::kind::file::{ListFile, PagingFile, PagingStyle};
use crate::remote::page_position::{PagePosition, PageProgress};
use crate::sandbox::error::{SandboxError, set_member};
use crate::sandbox::filter;
use crate::sandbox::handler::SandboxHandler;
use crate::sandbox::response::SandboxResponse;
use crate::sandbox::service::FaultMode;

/// How many items come when no one says how many.
const DEFAULT_PAGE_SIZE: usize = 10;
/// The query parameter with the cursor in the URLs of next pages.
const LINK_CURSOR: &str = "after";
/// What a cursor begins with.
const CURSOR_PREFIX: &str = "after-";

/// Which part of a list is answered.
pub struct SandboxPage {
    pub items: Range<usize>,
    total: usize,
    pages: usize,
    /// What leads to the page after this one; none when this is the last.
    next: Option<String>,
}

/// What a page is cut from.
pub struct SandboxListing<'l> {
    pub list: &'l ListFile,
    pub count: usize,
    /// Where the item is whose field holds this cursor.
    pub find_cursor: &'l dyn Fn(&str) -> Option<usize>,
    /// The cursor of an item.
    pub read_cursor: &'l dyn Fn(usize) -> Option<String>,
}

impl SandboxHandler<'_> {
    /// The part of a list that was asked for.
    pub fn select_page(&self, listing: &SandboxListing<'_>) -> Result<SandboxPage, SandboxError> {
        let count = listing.count;
        let Some(paging) = &listing.list.paging else {
            return Ok(SandboxPage { items: 0..count, total: count, pages: 1, next: None });
        };
        let limit = self.read_limit(paging)?;
        let requested = self.read_start(paging, listing, limit)?;
        let endless = self.fault_mode == FaultMode::EndlessPages;
        let start = if endless { 0 } else { requested.min(count) };
        let end = start.saturating_add(limit).min(count);
        let goes_on = end < count || endless;
        let next = goes_on.then(|| self.render_next(paging, listing, requested.saturating_add(end - start)));
        let pages = count.div_ceil(limit);
        Ok(SandboxPage { items: start..end, total: count, pages, next: next.flatten() })
    }

    fn read_limit(&self, paging: &PagingFile) -> Result<usize, SandboxError> {
        let most = paging.page_size.and_then(|size| usize::try_from(size).ok()).unwrap_or(DEFAULT_PAGE_SIZE);
        let requested = match &paging.limit {
            Some(name) => filter::parse_number(&self.request.query, name)?.filter(|limit| *limit > 0),
            None => None,
        };
        Ok(requested.unwrap_or(DEFAULT_PAGE_SIZE).min(most.max(1)))
    }

    /// How many items come before the page.
    fn read_start(
        &self,
        paging: &PagingFile,
        listing: &SandboxListing<'_>,
        limit: usize,
    ) -> Result<usize, SandboxError> {
        let number = |name: &Option<String>| match name {
            Some(name) => filter::parse_number(&self.request.query, name),
            None => Ok(None),
        };
        let start = match paging.style {
            PagingStyle::Offset => number(&paging.offset)?.unwrap_or_default(),
            PagingStyle::Page => {
                let first = usize::try_from(paging.first_page.unwrap_or(1)).unwrap_or_default();
                number(&paging.page)?.unwrap_or(first).saturating_sub(first).saturating_mul(limit)
            }
            PagingStyle::Cursor | PagingStyle::Link => {
                let name = paging.cursor.as_deref().unwrap_or(LINK_CURSOR);
                let given = self.request.query.iter().find(|(own, text)| own == name && !text.is_empty());
                let Some((_, cursor)) = given else { return Ok(0) };
                let start = match paging.cursor_from_item {
                    Some(_) => (listing.find_cursor)(cursor).map(|at| at + 1),
                    None => cursor.strip_prefix(CURSOR_PREFIX).and_then(|text| text.parse().ok()),
                };
                start.ok_or_else(|| SandboxError::new(400, "InvalidCursor", "The cursor is not known."))?
            }
        };
        Ok(start)
    }

    /// What the answer says of the page that starts after so many items.
    fn render_next(&self, paging: &PagingFile, listing: &SandboxListing<'_>, start: usize) -> Option<String> {
        let cursor = || format!("{CURSOR_PREFIX}{start}");
        match paging.style {
            PagingStyle::Cursor if paging.cursor_from_item.is_some() => {
                (listing.read_cursor)(start.checked_sub(1)?)
            }
            PagingStyle::Cursor => Some(cursor()),
            PagingStyle::Link => Some(self.build_next_url(paging, vec![(LINK_CURSOR.to_owned(), cursor())])),
            PagingStyle::Offset | PagingStyle::Page => {
                let progress = PageProgress { items: start as u64, pages: 0, next: None };
                let position = PagePosition::find_counted(paging, &progress)?;
                let size = u32::try_from(self.read_limit(paging).ok()?).ok()?;
                Some(self.build_next_url(paging, position.build_query(paging, size)))
            }
        }
    }

    fn build_next_url(&self, paging: &PagingFile, own: Vec<(String, String)>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let is_own = |name: &String| own.iter().any(|(other, _)| other == name);
        let kept = self.request.query.iter().filter(|(name, _)| !is_own(name));
        query.extend_pairs(kept).extend_pairs(&own);
        let url = format!("http://{}{}?{}", self.host(), self.request.path, query.finish());
        let is_link = paging.next_header.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("link"));
        if is_link { format!("<{url}>; rel=\"next\"") } else { url }
    }

    /// A page in the envelope that the description says, with its headers.
    pub fn build_page_response(
        &self,
        list: &ListFile,
        items: Vec<WireValue>,
        page: &SandboxPage,
    ) -> SandboxResponse {
        let mut response = self.build_response(200, &wrap_list(list, items, page));
        let Some(paging) = &list.paging else { return response };
        let total = paging.total_header.clone().zip(Some(page.total.to_string()));
        let next = paging.next_header.clone().zip(page.next.clone());
        response.headers.extend(total.into_iter().chain(next));
        response
    }
}

/// An item without the member whose value is its name.
fn take_key(item: WireValue, name: &str) -> Option<(String, WireValue)> {
    let WireValue::Object(mut members) = item else { return None };
    let at = members.iter().position(|(own, _)| own == name)?;
    let key = match members.remove(at).1 {
        WireValue::String(text) | WireValue::Number(text) => text,
        WireValue::Uuid(uuid) => uuid.hyphenated().to_string(),
        _ => return None,
    };
    Some((key, WireValue::Object(members)))
}

/// A list in the envelope that the description says.
fn wrap_list(list: &ListFile, items: Vec<WireValue>, page: &SandboxPage) -> WireValue {
    let items = match &list.keyed_by {
        Some(name) => WireValue::Object(items.into_iter().filter_map(|item| take_key(item, name)).collect()),
        None => WireValue::Array(items),
    };
    let Some(at) = &list.items else { return items };
    let mut answer = WireValue::Object(Vec::new());
    set_member(&mut answer, at, items);
    let Some(paging) = &list.paging else { return answer };
    if let Some(at) = &paging.has_more {
        set_member(&mut answer, at, WireValue::Boolean(page.next.is_some()));
    }
    for (at, number) in [(&paging.total, page.total), (&paging.pages, page.pages)] {
        if let Some(at) = at {
            set_member(&mut answer, at, WireValue::Number(number.to_string()));
        }
    }
    if let Some(at) = &paging.next {
        set_member(&mut answer, at, page.next.clone().map_or(WireValue::Null, WireValue::String));
    }
    answer
}
