//! One target as a run sees it: objects of a kind are listed, read, found and written.
//!
//! Pages are asked for at once where the first one says how many there are; each object is handed on as it
//! arrives, so what nobody needs is dropped. A list that does not advance, or never ends, is a trouble.
//! Deliberately absent: which objects are needed, and what a difference means.

mod collection_size;
mod find;
mod lookup;
mod origin;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
pub use lookup::LookupSource;
pub use origin::TargetOrigin;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use self::collection_size::CollectionSize;
use self::collection_size::CollectionSizeMap;
use super::api_error::{self, ApiError};
pub use super::client::RequestCount;
use super::client::{ExchangeLimits, HttpClient};
use super::hosts::AllowedHosts;
use super::rate_limiter::RateStatus;
use super::retry::{CompletedRequest, RetryPolicy};
use super::retry_budget::RetryBudget;
use super::session;
use super::spelling::SpellingCache;
use super::target::Target;
use super::transport::Transport;
use super::transport_error::{DeliveryStatus, TransportError};
use super::wire::{self, DecodeError, ListPage, Snapshot};
use crate::diagnostic::Diagnostic;
use crate::exchange::{HttpResponse, Method, PlannedRequest, WireValue};
use crate::kind::file::PagingFile;
use crate::kind::{Api, Kind, ReadOperation, ScalarType, WireFormat, address};
use crate::value::Value;

/// The code of an answer that cannot be read; its sentence may repeat what the service calls the answer.
pub const UNREADABLE: &str = "unreadable-answer";

/// How many pages are read at once, beside the thread that waits for answers.
const PARALLEL_READERS: usize = 2;
/// Shorter answers are read where they arrive.
const MIN_OFFLOAD_BYTES: usize = 64 * 1024;

/// A connection to one target.
pub struct TargetClient {
    client: HttpClient,
    pub target: Arc<Target>,
    limits: ExchangeLimits,
    retry_policy: RetryPolicy,
    spellings: SpellingCache,
    collection_sizes: CollectionSizeMap,
    may_write: bool,
    origin: Option<TargetOrigin>,
}

/// Why something did not work.
pub struct RequestError {
    /// Without a place.
    pub diagnostic: Box<Diagnostic>,
    /// What the service answered, when it did, and how to read it.
    response: Option<Box<RejectedResponse>>,
    /// Whether a write may have taken effect all the same.
    pub outcome_unknown: bool,
    /// Whether nothing was begun, because the run ends or the service was given up.
    pub not_started: bool,
    /// How often the request was sent.
    pub attempts: u32,
}

/// What a service answered.
struct RejectedResponse {
    response: HttpResponse,
    format: WireFormat,
    api: Arc<Api>,
    /// The credentials that it was shown, and may repeat.
    sent_secrets: Vec<SecretString>,
}

/// The objects of one collection: which kind, in which scope.
#[derive(Clone, Copy)]
pub struct CollectionRef<'k> {
    pub kind: &'k Arc<Kind>,
    /// By the number of the scope parameter.
    pub scope: &'k [Value],
}

impl TargetClient {
    /// Where tokens are asked for, when the API is described in the workspace.
    pub fn list_described_logins(&self) -> Vec<Url> {
        session::list_described_logins(&self.target)
    }

    /// A connection to a target, which reads only; nothing is sent yet.
    ///
    /// # Errors
    /// When the target must not be spoken to, or its credentials contradict each other.
    pub fn connect_target(target: Arc<Target>, allowed: &AllowedHosts) -> Result<Self, Diagnostic> {
        Self::with_transport(target, allowed, None)
    }

    /// The same through a courier instead of a network, where there is one.
    ///
    /// # Errors
    /// As those of [`Self::connect_target`].
    pub fn with_transport(
        target: Arc<Target>,
        allowed: &AllowedHosts,
        courier: Option<Arc<dyn Transport>>,
    ) -> Result<Self, Diagnostic> {
        let client = HttpClient::with_transport(&target, allowed, courier)?;
        let bounds = ExchangeLimits::from_limits(&target.api.limits);
        let (patience, spellings) = (RetryPolicy::default(), SpellingCache::default());
        let extents = CollectionSizeMap::default();
        Ok(Self {
            client,
            limits: bounds,
            retry_policy: patience,
            spellings,
            collection_sizes: extents,
            target,
            may_write: false,
            origin: None,
        })
    }

    /// The same connection, which may write. Only what applies a plan asks for it.
    #[must_use]
    pub fn with_writes(self) -> Self {
        Self { may_write: true, ..self }
    }

    /// Without paths in logs, where ids in them are marked.
    #[must_use]
    pub fn with_hidden_paths(self, hides_paths: bool) -> Self {
        Self { client: self.client.with_hidden_paths(hides_paths), ..self }
    }

    /// With where the target is written.
    #[must_use]
    pub fn with_origin(self, origin: Option<TargetOrigin>) -> Self {
        Self { origin, ..self }
    }

    /// An error with its place in the settings, when it is about the target.
    fn attribute_error(&self, error: RequestError) -> RequestError {
        let Some(origin) = &self.origin else { return error };
        let diagnostic = origin.attribute_error(*error.diagnostic, &self.target.base_url);
        RequestError { diagnostic: Box::new(diagnostic), ..error }
    }

    /// With another time that one request may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// As a part of a run that may cost only so much.
    #[must_use]
    pub fn with_retry_budget(self, allowance: Arc<RetryBudget>) -> Self {
        Self { client: self.client.with_retry_budget(allowance), ..self }
    }

    /// What the run may cost.
    pub fn retry_budget(&self) -> &RetryBudget {
        self.client.retry_budget()
    }

    /// Takes one repetition from what the run may repeat; false when nothing is left of it.
    pub fn try_withdraw_retry(&self) -> bool {
        self.retry_budget().try_withdraw()
    }

    /// The time that one request may take.
    pub fn request_timeout(&self) -> Duration {
        self.limits.timeout
    }

    /// How fast it is asked by now.
    pub fn measure_rate(&self) -> RateStatus {
        self.client.measure_rate()
    }

    /// How many requests it was sent by now.
    pub fn count_requests(&self) -> RequestCount {
        self.client.count_requests()
    }

    /// Why nothing is sent to the target any more, when it was down for too long.
    pub fn find_permanent_failure(&self) -> Option<Diagnostic> {
        let name = &self.target.name;
        let failure = self.client.find_permanent_failure()?;
        let message = format!("nothing more was begun at the target `{name}`: {failure}");
        Some(Diagnostic::error(failure.code(), message).with_hint(failure.hint()))
    }

    /// With another patience for requests that may be sent again.
    #[must_use]
    pub fn with_retry_policy(mut self, patience: RetryPolicy) -> Self {
        self.retry_policy = patience;
        self
    }

    /// How many bytes the body of a request has.
    pub fn count_body_bytes(&self, request: &PlannedRequest) -> usize {
        request.body.as_ref().map_or(0, |body| self.encode_body(body).len())
    }

    fn encode_body(&self, body: &WireValue) -> Vec<u8> {
        wire::encode_body(body, self.target.format, &self.target.api)
    }

    /// Sends one request and reads the answer whole; an answer that says no is a trouble.
    ///
    /// # Errors
    /// When there is no answer, or the answer is not a success.
    pub async fn send_request(&self, request: &PlannedRequest) -> Result<CompletedRequest, RequestError> {
        self.send_body(request, request.body.as_ref(), None).await
    }

    /// Sends a request that writes an object of a kind, its members spelt as the service spells them; where
    /// `if_match` says over which state of the object, it is done over that alone.
    ///
    /// # Errors
    /// When there is no answer, or the answer is not a success.
    pub async fn write_object(
        &self,
        kind: &Kind,
        request: &PlannedRequest,
        if_match: Option<&str>,
    ) -> Result<CompletedRequest, RequestError> {
        let spelt = request.body.as_ref().and_then(|body| self.spellings.apply_spellings(kind, body));
        self.send_body(request, spelt.as_ref().or(request.body.as_ref()), if_match).await
    }

    async fn send_body(
        &self,
        request: &PlannedRequest,
        body: Option<&WireValue>,
        if_match: Option<&str>,
    ) -> Result<CompletedRequest, RequestError> {
        if request.method != Method::Get && !self.may_write {
            let message = "this connection reads only, and nothing was sent";
            return Err(RequestError::from_diagnostic(Diagnostic::error("read-only", message)));
        }
        let body = body.map(|body| self.encode_body(body));
        let answered =
            self.client.send_conditional((request, if_match), body, &self.limits, &self.retry_policy).await;
        let answered = answered.map_err(|failure| self.attribute_error(failure.into()))?;
        self.check_response(answered, request).await
    }

    /// An answer that does not say no.
    async fn check_response(
        &self,
        answered: CompletedRequest,
        request: &PlannedRequest,
    ) -> Result<CompletedRequest, RequestError> {
        let (response, verb) = (&answered.response, request.method);
        if !response.is_success() {
            return Err(self.attribute_error(self.build_rejection(answered, request).await));
        }
        if let Err(error) = wire::check_content_type(response, self.target.format) {
            return Err(self.build_decode_error(error, response, verb));
        }
        if wire::is_error_in_success(&response.body, self.target.format, &self.target.api) {
            return Err(self.build_rejection(answered, request).await);
        }
        Ok(answered)
    }

    /// Hands every object of a collection to `take`, in no particular order. Gives the number of requests.
    ///
    /// # Errors
    /// When a page cannot be read, or the pages do not end.
    pub async fn list_objects(
        &self,
        of: CollectionRef<'_>,
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<u32, RequestError> {
        Ok(self.list_objects_within(of, u64::MAX, take).await?.unwrap_or_default())
    }

    /// The same, unless the first page tells that more than `most` others would have to be read: then nothing is
    /// handed over, and nothing comes back.
    ///
    /// # Errors
    /// When a page cannot be read, or the pages do not end.
    pub async fn list_objects_within(
        &self,
        of: CollectionRef<'_>,
        most: u64,
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<Option<u32>, RequestError> {
        let mut items = 0;
        let mut counted = |live| {
            items += 1;
            take(live);
        };
        let Some(pages) = self.read_pages(of, most, &mut counted).await? else { return Ok(None) };
        self.collection_sizes.record_size(of, CollectionSize { pages, items });
        Ok(Some(pages))
    }

    /// How large a collection was when it was last listed.
    pub fn find_collection_size(&self, of: CollectionRef) -> Option<CollectionSize> {
        self.collection_sizes.find_size(of)
    }

    /// The same, uncounted.
    async fn read_pages(
        &self,
        of: CollectionRef<'_>,
        most: u64,
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<Option<u32>, RequestError> {
        let Some(paging) = &of.kind.operations.list.paging else {
            self.read_page(of, None, take).await?;
            return Ok(Some(1));
        };
        let mut walk = PageWalker::new(of.kind, self.target.api.limits.pages);
        let first = self.fetch_page(of, Some((paging, 0))).await?;
        let (known, left) = self.compute_page_offsets(of.kind, &first);
        if left > most {
            return Ok(None);
        }
        let fetch = async |(offset, first): (u64, Option<HttpResponse>)| match first {
            Some(first) => Ok(first),
            None => self.fetch_page(of, Some((paging, offset))).await,
        };
        let wanted = std::iter::once((0, Some(first))).chain(known.into_iter().map(|offset| (offset, None)));
        let responses = stream::iter(wanted.map(fetch)).buffered(self.target.parallelism.max(1) as usize);
        let mut pages = responses.map(|response| self.decode_page(of, response)).buffered(PARALLEL_READERS);
        let (mut last, mut here) = (ListPage::default(), 0);
        while let Some(page) = pages.next().await {
            let mut page = page?;
            page.items.drain(..).for_each(|live| walk.take_object(live, take));
            here = walk.finish_page(&page)?;
            last = page;
        }
        drop(pages);
        while walk.has_next_page(paging, &last, here) {
            last = self
                .read_page(of, Some((paging, walk.items_seen)), &mut |live| walk.take_object(live, take))
                .await?;
            here = walk.finish_page(&last)?;
        }
        Ok(Some(walk.pages))
    }

    /// The offsets of all other pages that may be read, and how many others there are, when the first one tells how
    /// many items there are: they are asked for before it is read.
    fn compute_page_offsets(&self, kind: &Kind, first: &HttpResponse) -> (Vec<u64>, u64) {
        let glance = wire::peek_total(&first.body, self.target.format, kind).filter(|(step, _)| *step > 0);
        let Some((step, total)) = glance else { return (Vec::new(), 0) };
        let most = u64::from(self.target.api.limits.pages).saturating_mul(step);
        let step_by = usize::try_from(step).unwrap_or(usize::MAX);
        let offsets = (step..total.min(most)).step_by(step_by).collect();
        (offsets, total.saturating_sub(step).div_ceil(step))
    }

    /// Shows the objects of a collection one by one until it is enough.
    ///
    /// # Errors
    /// When a page cannot be read, or the pages do not end.
    pub async fn search_objects(
        &self,
        of: CollectionRef<'_>,
        enough: &mut dyn FnMut(&Snapshot) -> bool,
    ) -> Result<(), RequestError> {
        let paging = of.kind.operations.list.paging.as_ref();
        let mut walk = PageWalker::new(of.kind, self.target.api.limits.pages);
        loop {
            let mut done = false;
            let mut take = |live: Snapshot| done = done || enough(&live);
            let page = paging.map(|paging| (paging, walk.items_seen));
            let last = self.read_page(of, page, &mut |live| walk.take_object(live, &mut take)).await?;
            let here = walk.finish_page(&last)?;
            if done || !paging.is_some_and(|paging| walk.has_next_page(paging, &last, here)) {
                return Ok(());
            }
        }
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
        let paging = of.kind.operations.list.paging.clone();
        let paging =
            paging.map(|paging| PagingFile { page_size: paging.page_size.min(most.max(1)), ..paging });
        self.read_page(of, paging.as_ref().map(|paging| (paging, 0)), take).await.map(|_| ())
    }

    /// Whether an empty list of this collection is to be believed: the API has a path that answers only where
    /// the scope exists and may be seen, and it answers.
    pub async fn check_access(&self, of: CollectionRef<'_>) -> bool {
        let Some(probe) = &of.kind.operations.list.access_check else { return false };
        let request = PlannedRequest {
            method: Method::Get,
            path: address::expand_path(probe, of.kind, of.scope, None),
            query: address::build_scope_query(of.kind, of.scope),
            body: None,
            idempotent: true,
        };
        self.send_request(&request).await.is_ok()
    }

    /// Reads one object by its id; nothing when there is none.
    ///
    /// # Errors
    /// When the answer cannot be read, or the API cannot read one.
    pub async fn get_object(
        &self,
        of: CollectionRef<'_>,
        id: &Value,
    ) -> Result<Option<Snapshot>, RequestError> {
        // without an id a path leads to the list
        if ScalarType::render_url_text(id, &of.kind.api).is_empty() {
            return Ok(None);
        }
        match &of.kind.operations.get {
            None => Err(RequestError::build_operation_error(of.kind, "get")),
            Some(ReadOperation::Path(path)) => self.get_at_path(of, path, id).await,
            Some(ReadOperation::List(query)) => self.find_in_list(of, query, id).await,
            Some(ReadOperation::PathOrList(path, query)) => match self.get_at_path(of, path, id).await? {
                Some(live) => Ok(Some(live)),
                None => self.find_in_list(of, query, id).await,
            },
        }
    }

    async fn get_at_path(
        &self,
        of: CollectionRef<'_>,
        path: &str,
        id: &Value,
    ) -> Result<Option<Snapshot>, RequestError> {
        let request = PlannedRequest {
            method: Method::Get,
            path: address::expand_path(path, of.kind, of.scope, Some(id)),
            query: address::build_scope_query(of.kind, of.scope),
            body: None,
            idempotent: true,
        };
        let response = match self.send_request(&request).await {
            Ok(answered) => answered.response,
            Err(trouble) if matches!(trouble.status(), Some(404 | 405)) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let read = wire::read_object_spellings(&response.body, self.target.format, of.kind);
        let (live, spelt) = read.map_err(|error| self.build_decode_error(error, &response, Method::Get))?;
        self.spellings.record_spellings(of.kind, spelt);
        let live = Snapshot { etag: response.etag.as_deref().map(Box::from), ..live };
        match live.object.get_field(of.kind.identity.id) {
            Some(own) if own != id => Err(RequestError::build_identity_error(of.kind)),
            _ => Ok(Some(live)),
        }
    }

    fn build_list_request(&self, of: CollectionRef, page: Option<(&PagingFile, u64)>) -> PlannedRequest {
        let list = &of.kind.operations.list;
        let mut query = address::build_scope_query(of.kind, of.scope);
        query.extend(list.query.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some((paging, offset)) = page {
            query.push((paging.limit.clone(), paging.page_size.to_string()));
            query.push((paging.offset.clone(), offset.to_string()));
        }
        let path = address::expand_path(&list.get, of.kind, of.scope, None);
        PlannedRequest { method: Method::Get, path, query, body: None, idempotent: true }
    }

    async fn fetch_page(
        &self,
        of: CollectionRef<'_>,
        page: Option<(&PagingFile, u64)>,
    ) -> Result<HttpResponse, RequestError> {
        Ok(self.send_request(&self.build_list_request(of, page)).await?.response)
    }

    async fn read_page(
        &self,
        of: CollectionRef<'_>,
        page: Option<(&PagingFile, u64)>,
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<ListPage, RequestError> {
        let response = self.fetch_page(of, page).await?;
        self.read_response(of, &response, take)
    }

    /// Reads a page beside the thread that waits for answers, where it is worth the way.
    async fn decode_page(
        &self,
        of: CollectionRef<'_>,
        response: Result<HttpResponse, RequestError>,
    ) -> Result<ListPage, RequestError> {
        let response = response?;
        if response.body.len() < MIN_OFFLOAD_BYTES {
            let mut items = Vec::new();
            let page = self.read_response(of, &response, &mut |live| items.push(live))?;
            return Ok(ListPage { items, ..page });
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
                    return Err(RequestError::from_diagnostic(Diagnostic::error(
                        UNREADABLE,
                        "the reading was interrupted",
                    )));
                }
            },
        };
        let mut page = page.map_err(|error| self.build_decode_error(error, &response, Method::Get))?;
        self.spellings.record_spellings(of.kind, std::mem::take(&mut page.spellings));
        Ok(page)
    }

    fn read_response(
        &self,
        of: CollectionRef,
        response: &HttpResponse,
        take: &mut dyn FnMut(Snapshot),
    ) -> Result<ListPage, RequestError> {
        let mut page = wire::read_page_with(&response.body, self.target.format, of.kind, take)
            .map_err(|error| self.build_decode_error(error, response, Method::Get))?;
        self.spellings.record_spellings(of.kind, std::mem::take(&mut page.spellings));
        Ok(page)
    }

    async fn build_rejection(&self, answered: CompletedRequest, request: &PlannedRequest) -> RequestError {
        let (status, verb) = (answered.response.status, request.method);
        let (code, what) = match status {
            200..=299 => ("service-error", "answered with an error inside a success"),
            400 | 422 => ("rejected", "did not accept the request"),
            401 => ("unauthorized", "did not accept the credentials"),
            403 => ("forbidden", "does not allow this"),
            404 => ("not-found", "does not have this"),
            412 => ("concurrent-edit", "says that somebody else changed the object meanwhile"),
            409 => ("conflict", "reports a conflict"),
            429 => ("too-many-requests", "asks to slow down"),
            500..=599 => ("service-error", "failed"),
            _ => ("service-error", "answered something unexpected"),
        };
        let message = format!("{} {what} ({} {status})", self.target.api.title, verb.as_str());
        let hint = match code {
            "unauthorized" => format!("check the credentials of the target `{}`", self.target.name),
            "forbidden" => format!("check what the credentials of the target `{}` may do", self.target.name),
            "rejected" => "see what the service says, at the lines it names".to_owned(),
            "not-found" => "check the base URL, the scope and the id".to_owned(),
            _ => "try again later; if it stays, ask whoever runs the service".to_owned(),
        };
        // a service that failed while writing may have written, and so may an attempt before this one
        let unknown = verb != Method::Get
            && (status >= 500
                || (status == 429 && !request.idempotent)
                || answered.earlier_delivery == DeliveryStatus::MaybeSent);
        RequestError {
            diagnostic: Box::new(Diagnostic::error(code, message).with_hint(hint)),
            attempts: answered.attempts,
            response: Some(Box::new(RejectedResponse {
                response: answered.response,
                format: self.target.format,
                api: self.target.api.clone(),
                sent_secrets: self.client.collect_secrets().await,
            })),
            outcome_unknown: unknown,
            not_started: false,
        }
    }

    fn build_decode_error(&self, error: DecodeError, response: &HttpResponse, verb: Method) -> RequestError {
        let message =
            format!("{}: {} ({} {})", self.target.api.title, error.message, verb.as_str(), response.status);
        let mut diagnostic = Diagnostic::error(UNREADABLE, message);
        diagnostic.hint = error.hint;
        RequestError { outcome_unknown: verb != Method::Get, ..RequestError::from_diagnostic(diagnostic) }
    }
}

fn start_paging(kind: &Kind) -> Option<(&PagingFile, u64)> {
    kind.operations.list.paging.as_ref().map(|paging| (paging, 0))
}

/// Where a walk through the pages stands.
struct PageWalker<'k> {
    kind: &'k Kind,
    max_pages: u32,
    pages: u32,
    /// How many items came so far.
    items_seen: u64,
    /// How many items this page has.
    page_items: u64,
    /// The first id of this page, and of all before it, to notice a list that does not advance.
    first_id: Option<String>,
    first_ids: HashSet<String>,
    is_repeated: bool,
}

impl<'k> PageWalker<'k> {
    fn new(kind: &'k Kind, most: u32) -> Self {
        Self {
            kind,
            max_pages: most,
            pages: 0,
            items_seen: 0,
            page_items: 0,
            first_id: None,
            first_ids: HashSet::new(),
            is_repeated: false,
        }
    }

    fn take_object(&mut self, live: Snapshot, take: &mut dyn FnMut(Snapshot)) {
        if self.page_items == 0 {
            let id = live.object.get_field(self.kind.identity.id);
            self.first_id = id.map(|id| ScalarType::render_url_text(id, &self.kind.api));
        }
        self.page_items += 1;
        take(live);
    }

    /// Closes a page; gives the number of its items.
    fn finish_page(&mut self, page: &ListPage) -> Result<u64, RequestError> {
        let here = std::mem::take(&mut self.page_items);
        self.pages += 1;
        self.is_repeated = self.first_id.take().is_some_and(|start| !self.first_ids.insert(start));
        self.items_seen += if self.is_repeated { 0 } else { here };
        // a service that ignores the paging words gives the same page again; one that also promises more lies
        if (self.is_repeated && page.has_more == Some(true)) || self.pages > self.max_pages {
            let message = match self.is_repeated {
                true => "the pages of the list repeat".to_owned(),
                false => format!("the list has more than {} pages", self.max_pages),
            };
            let hint = "check the paging words of the kind; the service may ignore its paging parameters";
            return Err(RequestError::from_diagnostic(
                Diagnostic::error("endless-list", message).with_hint(hint),
            ));
        }
        Ok(here)
    }

    /// Whether to ask for another page after the last one, which had `here` items.
    fn has_next_page(&self, paging: &PagingFile, last: &ListPage, here: u64) -> bool {
        if here == 0 || self.is_repeated {
            return false;
        }
        match (last.has_more, &paging.next, last.total) {
            (Some(more), _, _) => more,
            (None, Some(_), _) => last.next.is_some(),
            // a short page may be all that the service gives at once, so only a total or an empty page ends it
            (None, None, Some(total)) if total > 0 => self.items_seen < total,
            _ => true,
        }
    }
}

impl RequestError {
    fn from_diagnostic(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostic: Box::new(diagnostic),
            response: None,
            outcome_unknown: false,
            not_started: false,
            attempts: 1,
        }
    }

    /// The same after other attempts.
    #[must_use]
    pub fn with_earlier_attempts(mut self, attempts: u32) -> Self {
        self.attempts += attempts;
        self
    }

    /// The status, when there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|said| said.response.status)
    }

    /// What the service said, field by field. Services echo values: `hidden` are the texts that nobody may see,
    /// besides the credentials.
    pub fn read_api_errors(&self, hidden: &[&str]) -> Vec<ApiError> {
        let Some(said) = self.response.as_deref() else { return Vec::new() };
        let shown = said.sent_secrets.iter().map(|secret| secret.expose_secret());
        let hidden: Vec<&str> = shown.chain(hidden.iter().copied()).collect();
        api_error::read_api_errors(&said.response, said.format, &said.api.errors, &hidden)
    }

    fn build_operation_error(kind: &Kind, what: &str) -> Self {
        Self::from_diagnostic(Diagnostic::error(
            "no-operation",
            format!("{} has no `{what}` operation", kind.name),
        ))
    }

    fn build_identity_error(kind: &Kind) -> Self {
        let message =
            format!("the service answered with another {} than was asked for", kind.title.to_lowercase());
        Self::from_diagnostic(
            Diagnostic::error("wrong-object", message)
                .with_hint("try again; if it stays, ask whoever runs the service"),
        )
    }
}

impl From<TransportError> for RequestError {
    fn from(failure: TransportError) -> Self {
        let (unknown, not_begun) = (failure.delivery == DeliveryStatus::MaybeSent, failure.is_not_started());
        let attempts = if not_begun { 0 } else { failure.attempts };
        Self {
            outcome_unknown: unknown,
            not_started: not_begun,
            attempts,
            ..Self::from_diagnostic(failure.to_diagnostic())
        }
    }
}
