//! Lists of objects, page by page.
//!
//! Where the first page says how many items there are, the other pages are requested at once. Objects are handed
//! on as they arrive. A list that contradicts itself is read once more, since it may have changed meanwhile.
//! Deliberately absent: when a list is complete (`pager`), and which objects are needed.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde_json::Value as Json;
use url::Url;

use super::{
    CollectionRef, CollectionSize, ObjectReading, RequestError, TargetClient, UNREADABLE, search_body,
};
use crate::diagnostic::Diagnostic;
use crate::exchange::{HttpResponse, Method, PlannedRequest, WireValue};
use crate::kind::file::{EmptyListSign, ListFile, ListShows, PagingLocation};
use crate::kind::{Kind, ScalarType, address};
use crate::remote::page_position::{self, PagePosition};
use crate::remote::pager::{ListCompleteness, PageSigns, Pager};
use crate::remote::wire::{self, ListPage, Snapshot};

/// How many pages are decoded at once, beside the thread that waits for responses.
const PARALLEL_READERS: usize = 2;
/// Shorter responses are decoded where they arrive.
const MIN_OFFLOAD_BYTES: usize = 64 * 1024;

/// What happens while a list is read.
pub enum ListEvent {
    Object(Snapshot),
    /// The list is read again from its start: what came before does not count.
    Restarted,
}

/// How the reading of a list ended.
pub enum ListReading {
    Done(ListCompleteness),
    /// The list has more pages than the caller wants to read; the objects of the first one were handed over.
    TooLong,
}

/// A list at an address.
pub(super) struct ListRequest<'l> {
    pub list: &'l ListFile,
    pub path: String,
    pub query: Vec<(String, String)>,
    /// The body of a search.
    pub body: Option<Json>,
    /// Whether the path starts at the root of the host rather than at the base URL.
    pub from_root: bool,
    pub page_size: u32,
}

impl<'l> ListRequest<'l> {
    /// The list of a collection.
    pub(super) fn from_collection(of: CollectionRef<'l>) -> Self {
        Self::from_list(of, &of.kind.operations.list)
    }

    /// A list that the kind describes, in the scope of a collection.
    pub(super) fn from_list(of: CollectionRef<'_>, list: &'l ListFile) -> Self {
        let mut query = address::build_scope_query(of.kind, of.scope);
        query.extend(list.query.iter().map(|(name, value)| (name.clone(), value.clone())));
        let path = address::expand_path(list.path(), of.kind, of.scope, None);
        let page_size = list.paging.as_ref().and_then(|paging| paging.page_size).unwrap_or_default();
        let body = list.post.as_ref().map(|_| search_body::build_body(of.kind, of.scope, list));
        Self { list, path, query, body, from_root: false, page_size }
    }

    fn build_request(&self, position: &PagePosition) -> PlannedRequest {
        let (mut query, mut body) = (self.query.clone(), self.body.clone());
        if let Some(paging) = &self.list.paging {
            let own = position.build_query(paging, self.page_size);
            match body.as_mut().filter(|_| paging.location == PagingLocation::Body) {
                Some(body) => search_body::put_page(body, paging, own),
                None => {
                    query.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
                    query.extend(own);
                }
            }
        }
        let read = PlannedRequest::read(self.path.clone(), query);
        match body {
            Some(body) => PlannedRequest {
                method: Method::Search,
                body: Some(WireValue::Raw(body.to_string())),
                ..read
            },
            None => read,
        }
    }
}

/// What the pager has to know of an object.
pub(super) fn count_object(pager: &mut Pager, kind: &Kind, live: &Snapshot) {
    let id = live.object.get_field(kind.identity.id).filter(|id| !id.is_blank());
    let id = id.map(|id| ScalarType::render_url_text(id, &kind.api));
    pager.take_item(id.as_deref());
    if let Some(field) = pager.cursor_field().and_then(|name| kind.shape.find_field(name)) {
        let cursor = live.object.get_field(field.number);
        let cursor = cursor.map(|cursor| ScalarType::render_url_text(cursor, &kind.api));
        pager.take_item_cursor(cursor.unwrap_or_default());
    }
}

/// Whether an item of the list counts: it is one of the collection and not deleted.
pub(super) fn is_listed(of: CollectionRef<'_>, live: &Snapshot) -> bool {
    of.kind.is_own_object(&live.object, of.scope) && !of.kind.is_deleted(&live.object)
}

/// Whether an error response means that there are no objects.
fn is_empty_list(list: &ListFile, error: &RequestError) -> bool {
    let is_status =
        |sign: &EmptyListSign| matches!(sign, EmptyListSign::Status(own) if error.status() == Some(*own));
    list.none.iter().any(is_status)
}

fn build_empty_page() -> HttpResponse {
    HttpResponse { status: 200, body: b"[]".to_vec(), ..HttpResponse::default() }
}

/// Reads one page; no signs end the list.
type PageCallback<'r> = dyn FnMut(&mut Pager, &HttpResponse) -> Result<Option<PageSigns>, RequestError> + 'r;

impl TargetClient {
    /// Hands every object of a collection to `take`, in no particular order.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn list_objects(
        &self,
        of: CollectionRef<'_>,
        take: &mut dyn FnMut(ListEvent),
    ) -> Result<ListCompleteness, RequestError> {
        match self.list_objects_within(of, u64::MAX, take).await? {
            ListReading::Done(completeness) => Ok(completeness),
            ListReading::TooLong => Ok(ListCompleteness::Complete),
        }
    }

    /// The same, unless the first page says that more than `max_pages` other pages follow.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn list_objects_within(
        &self,
        of: CollectionRef<'_>,
        max_pages: u64,
        take: &mut dyn FnMut(ListEvent),
    ) -> Result<ListReading, RequestError> {
        if !of.kind.operations.is_listed {
            let live = self.get_only_object(of).await?;
            live.into_iter().for_each(|live| take(ListEvent::Object(live)));
            return Ok(ListReading::Done(ListCompleteness::Complete));
        }
        let first = self.read_list(of, max_pages, take).await?;
        let ListReading::Done(ListCompleteness::Incomplete(reason)) = &first else { return Ok(first) };
        if !reason.may_settle() {
            return Ok(first);
        }
        take(ListEvent::Restarted);
        self.read_list(of, u64::MAX, take).await
    }

    /// The only object of a scope, of which there is no list.
    async fn get_only_object(&self, of: CollectionRef<'_>) -> Result<Option<Snapshot>, RequestError> {
        let id = address::compose_id(of.kind, |_| None);
        let id = id.ok_or_else(|| RequestError::build_operation_error(of.kind, "list"))?;
        self.get_object(of, &id).await
    }

    /// An object of a list as a read shows it: where the list shows summaries, it is read. Nothing when the
    /// read shows that it counts as deleted.
    ///
    /// # Errors
    /// When the object cannot be read: what a list shows is there, whatever the read lacks.
    pub async fn complete_snapshot(
        &self,
        of: CollectionRef<'_>,
        live: Snapshot,
    ) -> Result<Option<Snapshot>, RequestError> {
        if of.kind.operations.list.shows == ListShows::Object {
            return Ok(Some(live));
        }
        match live.object.get_field(of.kind.identity.id) {
            None => Err(RequestError::build_missing_id_error(of.kind)),
            Some(id) => match self.read_object(of, id).await? {
                ObjectReading::Found(live) => Ok(Some(*live)),
                ObjectReading::Deleted => Ok(None),
                ObjectReading::Missing => Err(RequestError::build_unread_error(of.kind)),
            },
        }
    }

    /// How large a collection was when it was last listed.
    pub fn find_collection_size(&self, of: CollectionRef) -> Option<CollectionSize> {
        self.collection_sizes.find_size(of)
    }

    async fn read_list(
        &self,
        of: CollectionRef<'_>,
        max_pages: u64,
        take: &mut dyn FnMut(ListEvent),
    ) -> Result<ListReading, RequestError> {
        let request = ListRequest::from_collection(of);
        let mut pager = self.create_pager(request.list);
        let first = self.fetch_page(&request, &pager.first_position()).await?;
        let others = self.preview_positions(of.kind, &first);
        if others.len() as u64 > max_pages {
            let page = self.decode_page(of, Ok(first)).await?;
            page.items
                .into_iter()
                .filter(|live| is_listed(of, live))
                .for_each(|live| take(ListEvent::Object(live)));
            return Ok(ListReading::TooLong);
        }
        let mut items = 0;
        let mut take = |pager: &mut Pager, live: Snapshot| {
            count_object(pager, of.kind, &live);
            items += 1;
            if is_listed(of, &live) {
                take(ListEvent::Object(live));
            }
        };
        let fetch = async |(position, first): (PagePosition, Option<HttpResponse>)| match first {
            Some(first) => Ok(first),
            None => self.fetch_page(&request, &position).await,
        };
        let others = others.into_iter().map(|position| (position, None));
        let positions = std::iter::once((pager.first_position(), Some(first))).chain(others);
        let responses = stream::iter(positions.map(fetch)).buffered(self.target.parallelism.max(1) as usize);
        let mut pages = responses.map(|response| self.decode_page(of, response)).buffered(PARALLEL_READERS);
        let mut next = None;
        while let Some(page) = pages.next().await {
            let mut page = page?;
            page.items.drain(..).for_each(|live| take(&mut pager, live));
            next = pager.finish_page(page.signs);
        }
        drop(pages);
        let mut read = |pager: &mut Pager, response: &HttpResponse| {
            self.read_response(of, response, &mut |live| take(pager, live)).map(Some)
        };
        self.read_pages(&request, &mut pager, next, &mut read).await?;
        self.collection_sizes.record_size(of, CollectionSize { pages: pager.count_pages(), items });
        Ok(ListReading::Done(pager.check_completeness()))
    }

    pub(super) fn create_pager<'l>(&self, list: &'l ListFile) -> Pager<'l> {
        Pager::new(list, self.target.api.limits.pages)
    }

    /// Reads pages from one position to the end of the list; `read` ends it earlier by giving no signs.
    pub(super) async fn read_pages(
        &self,
        request: &ListRequest<'_>,
        pager: &mut Pager<'_>,
        mut next: Option<PagePosition>,
        read: &mut PageCallback<'_>,
    ) -> Result<(), RequestError> {
        let mut current = self.locate_list(request);
        while let Some(position) = next {
            let response = match &position {
                PagePosition::Url(url) => match self.resolve_same_origin(&current, url) {
                    Some(url) => {
                        let response = self.fetch_url(&url).await?;
                        current = url;
                        Some(response)
                    }
                    None => None,
                },
                position => Some(self.fetch_page(request, position).await?),
            };
            next = match response {
                None => pager.refuse_url(),
                Some(response) => match read(pager, &response)? {
                    Some(signs) => pager.finish_page(signs),
                    None => return Ok(()),
                },
            };
        }
        Ok(())
    }

    /// The URL of the first page, against which a link in it is resolved.
    fn locate_list(&self, request: &ListRequest<'_>) -> Url {
        self.locate_path(&request.path, request.from_root)
    }

    /// The URL of a path below the base URL, or below the root of its host.
    pub(super) fn locate_path(&self, path: &str, from_root: bool) -> Url {
        let mut url = self.target.base_url.clone();
        let above = if from_root { "" } else { url.path().trim_end_matches('/') };
        let path = format!("{above}/{}", path.trim_start_matches('/'));
        url.set_path(&path);
        url
    }

    /// All other pages, when the first one says how many items there are: they are requested before it is decoded.
    fn preview_positions(&self, kind: &Kind, first: &HttpResponse) -> Vec<PagePosition> {
        let paging = kind.operations.list.paging.as_ref();
        let Some(paging) = paging.filter(|paging| !paging.names_next_page()) else {
            return Vec::new();
        };
        let most = self.target.api.limits.pages;
        let preview = wire::peek_total(&first.body, self.target.format, kind);
        preview.map_or_else(Vec::new, |own| {
            page_position::list_other_positions(paging, own.items, own.total, most)
        })
    }

    /// Shows the objects of a collection one by one until it is enough. A reading that ends earlier is complete.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn search_objects(
        &self,
        of: CollectionRef<'_>,
        is_enough: &mut dyn FnMut(&Snapshot) -> bool,
    ) -> Result<ListCompleteness, RequestError> {
        let request = ListRequest::from_collection(of);
        let mut pager = self.create_pager(request.list);
        let (first, mut done) = (pager.first_position(), false);
        let mut read = |pager: &mut Pager, response: &HttpResponse| {
            let mut take = |live: Snapshot| {
                count_object(pager, of.kind, &live);
                done = done || (is_listed(of, &live) && is_enough(&live));
            };
            let signs = self.read_response(of, response, &mut take)?;
            Ok((!done).then_some(signs))
        };
        self.read_pages(&request, &mut pager, Some(first), &mut read).await?;
        Ok(if done { ListCompleteness::Complete } else { pager.check_completeness() })
    }

    /// Hands the objects of the first page of a collection to `take`, asking for at most `most` of them.
    ///
    /// # Errors
    /// When the page cannot be read.
    pub async fn list_first_page(
        &self,
        of: CollectionRef<'_>,
        most: u32,
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<(), RequestError> {
        if !of.kind.operations.is_listed {
            self.get_only_object(of).await?.into_iter().for_each(take);
            return Ok(());
        }
        let request = ListRequest::from_collection(of);
        let request = ListRequest { page_size: request.page_size.min(most.max(1)), ..request };
        let first = self.create_pager(request.list).first_position();
        let response = self.fetch_page(&request, &first).await?;
        let mut take_own = |live: Snapshot| {
            if of.kind.is_own_object(&live.object, of.scope) {
                take(live)
            }
        };
        self.read_response(of, &response, &mut take_own).map(drop)
    }

    /// The response of a page that the request names.
    pub(super) async fn fetch_page(
        &self,
        request: &ListRequest<'_>,
        position: &PagePosition,
    ) -> Result<HttpResponse, RequestError> {
        let own = request.build_request(position);
        if request.from_root {
            return self.fetch_from_root(&own).await;
        }
        // a later page that is not there is none of an empty list
        let is_first = *position == PagePosition::find_first(request.list.paging.as_ref());
        match self.send_request(&own).await {
            Err(error) if is_first && is_empty_list(request.list, &error) => Ok(build_empty_page()),
            sent => Ok(sent?.response),
        }
    }

    /// The response of a page at a URL of this origin.
    pub(super) async fn fetch_url(&self, url: &Url) -> Result<HttpResponse, RequestError> {
        let query = url.query_pairs().into_owned().collect();
        self.fetch_from_root(&PlannedRequest::read(url.path().to_owned(), query)).await
    }

    async fn fetch_from_root(&self, request: &PlannedRequest) -> Result<HttpResponse, RequestError> {
        let answered = self.client.read_from_root(request, &self.limits, &self.retry_policy).await;
        let answered = answered.map_err(|failure| self.attribute_error(failure.into()))?;
        Ok(self.check_response(answered, request).await?.response)
    }

    /// A URL that a response holds, absolute or relative to that of the response (RFC 3986); nothing when it is on
    /// another host, where the credentials do not go.
    pub(super) fn resolve_same_origin(&self, current: &Url, url: &str) -> Option<Url> {
        let to = current.join(url).ok()?;
        // a cursor of bytes that are no text would be another cursor when it is sent
        let is_text = to.query_pairs().all(|(name, value)| !format!("{name}{value}").contains('\u{fffd}'));
        (to.origin() == self.target.base_url.origin() && is_text).then_some(to)
    }

    /// Decodes a page beside the thread that waits for responses, where it is large enough.
    async fn decode_page(
        &self,
        of: CollectionRef<'_>,
        response: Result<HttpResponse, RequestError>,
    ) -> Result<ListPage, RequestError> {
        let response = response?;
        if response.body.len() < MIN_OFFLOAD_BYTES {
            let mut items = Vec::new();
            let signs = self.read_response(of, &response, &mut |live| items.push(live))?;
            return Ok(ListPage { items, signs, ..ListPage::default() });
        }
        let (kind, format) = (Arc::clone(of.kind), self.target.format);
        let reading = tokio::task::spawn_blocking(move || {
            let page = wire::read_page(&response.body, format, &kind);
            (page, HttpResponse { body: Vec::new(), ..response })
        });
        let (page, response) = match reading.await {
            Ok(read) => read,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => {
                    let message = "the decoding of a response was interrupted";
                    return Err(RequestError::from_diagnostic(Diagnostic::error(UNREADABLE, message)));
                }
            },
        };
        let mut page = page.map_err(|error| self.build_decode_error(error, &response, Method::Get))?;
        self.spellings.record_spellings(of.kind, std::mem::take(&mut page.spellings));
        wire::add_header_signs(&of.kind.operations.list, &mut page.signs, &response.headers);
        Ok(page)
    }

    /// Reads a page; gives what it says about other pages.
    pub(super) fn read_response(
        &self,
        of: CollectionRef,
        response: &HttpResponse,
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<PageSigns, RequestError> {
        let mut page = wire::read_page_with(&response.body, self.target.format, of.kind, take)
            .map_err(|error| self.build_decode_error(error, response, Method::Get))?;
        self.spellings.record_spellings(of.kind, std::mem::take(&mut page.spellings));
        wire::add_header_signs(&of.kind.operations.list, &mut page.signs, &response.headers);
        Ok(page.signs)
    }
}
