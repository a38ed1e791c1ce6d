//! One target as a run sees it: objects of a kind are listed, read, found and written.
//!
//! Pages are asked for at once where the first one says how many there are; each object is handed on as it
//! arrives, so what nobody needs is dropped. A list that does not advance, or never ends, is a trouble.
//! Deliberately absent: which objects are needed, and what a difference means.

mod extent;
mod find;
mod things;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use secrecy::{ExposeSecret, SecretString};

use self::extent::Extents;
use super::allowance::Allowance;
use super::client::{Bounds, Client};
use super::complaint::{self, Complaint};
use super::failure::{Failure, Sent};
use super::hosts::Allowed;
use super::pace::Speed;
use super::retry::{Answered, Patience};
use super::spelling::Spellings;
use super::target::Target;
use super::transport::Courier;
use super::wire::{self, Live, Page, Unreadable};
use crate::diagnostic::Diagnostic;
use crate::exchange::{Request, Response, Verb, Wire};
use crate::kind::file::PagingFile;
use crate::kind::{Api, FormatWord, Kind, Leaf, ReadOne, address};
use crate::value::Value;

pub use self::extent::Extent;
pub use super::client::Tally;
pub use things::Shelf;

/// The code of an answer that cannot be read; its sentence may repeat what the service calls the answer.
pub const UNREADABLE: &str = "unreadable-answer";

/// How many pages are read at once, beside the thread that waits for answers.
const READERS: usize = 2;
/// Shorter answers are read where they arrive.
const WORTH_A_THREAD: usize = 64 * 1024;

/// A connection to one target.
pub struct Service {
    client: Client,
    pub target: Arc<Target>,
    bounds: Bounds,
    patience: Patience,
    spellings: Spellings,
    extents: Extents,
    may_write: bool,
}

/// Why something did not work.
pub struct Trouble {
    /// Without a place.
    pub diagnostic: Box<Diagnostic>,
    /// What the service answered, when it did, and how to read it.
    answer: Option<Box<Said>>,
    /// Whether a write may have taken effect all the same.
    pub unknown: bool,
    /// Whether nothing was begun, because the run ends or the service was given up.
    pub not_begun: bool,
    /// How often the request was sent.
    pub attempts: u32,
}

/// What a service answered.
struct Said {
    response: Response,
    format: FormatWord,
    api: Arc<Api>,
    /// The credentials that it was shown, and may repeat.
    shown: Vec<SecretString>,
}

/// The objects of one collection: which kind, in which scope.
#[derive(Clone, Copy)]
pub struct Collection<'k> {
    pub kind: &'k Arc<Kind>,
    /// By the number of the scope parameter.
    pub scope: &'k [Value],
}

impl Service {
    /// A connection to a target, which reads only; nothing is sent yet.
    ///
    /// # Errors
    /// When the target must not be spoken to, or its credentials contradict each other.
    pub fn connect(target: Arc<Target>, allowed: &Allowed) -> Result<Self, Diagnostic> {
        Self::by(target, allowed, None)
    }

    /// The same through a courier instead of a network, where there is one.
    ///
    /// # Errors
    /// As those of [`Self::connect`].
    pub fn by(
        target: Arc<Target>,
        allowed: &Allowed,
        courier: Option<Arc<dyn Courier>>,
    ) -> Result<Self, Diagnostic> {
        let client = Client::by(&target, allowed, courier)?;
        let bounds = Bounds::of(&target.api.limits);
        let (patience, spellings) = (Patience::default(), Spellings::default());
        let extents = Extents::default();
        Ok(Self { client, bounds, patience, spellings, extents, target, may_write: false })
    }

    /// The same connection, which may write. Only what applies a plan asks for it.
    #[must_use]
    pub fn for_writing(self) -> Self {
        Self { may_write: true, ..self }
    }

    /// With another time that one request may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.bounds.timeout = timeout;
        self
    }

    /// As a part of a run that may cost only so much.
    #[must_use]
    pub fn under(self, allowance: Arc<Allowance>) -> Self {
        Self { client: self.client.under(allowance), ..self }
    }

    /// What the run may cost.
    pub fn allowance(&self) -> &Allowance {
        self.client.allowance()
    }

    /// How fast it is asked by now.
    pub fn speed(&self) -> Speed {
        self.client.speed()
    }

    /// How many requests it was sent by now.
    pub fn tally(&self) -> Tally {
        self.client.tally()
    }

    /// Why nothing is sent to the target any more, when it was down for too long.
    pub fn given_up(&self) -> Option<Diagnostic> {
        let name = &self.target.name;
        let failure = self.client.given_up()?;
        let message = format!("nothing more was begun at the target `{name}`: {failure}");
        Some(Diagnostic::error(failure.code(), message).hint(failure.hint()))
    }

    /// With another patience for requests that may be sent again.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// How many bytes the body of a request has.
    pub fn bytes(&self, request: &Request) -> usize {
        request.body.as_ref().map_or(0, |body| self.encoded(body).len())
    }

    fn encoded(&self, body: &Wire) -> Vec<u8> {
        wire::encode(body, self.target.format, &self.target.api)
    }

    /// Sends one request and reads the answer whole; an answer that says no is a trouble.
    ///
    /// # Errors
    /// When there is no answer, or the answer is not a success.
    pub async fn send(&self, request: &Request) -> Result<Answered, Trouble> {
        self.send_body(request, request.body.as_ref(), None).await
    }

    /// Sends a request that writes an object of a kind, its members spelt as the service spells them; where
    /// `if_match` says over which state of the object, it is done over that alone.
    ///
    /// # Errors
    /// When there is no answer, or the answer is not a success.
    pub async fn write(
        &self,
        kind: &Kind,
        request: &Request,
        if_match: Option<&str>,
    ) -> Result<Answered, Trouble> {
        let spelt = request.body.as_ref().and_then(|body| self.spellings.applied(kind, body));
        self.send_body(request, spelt.as_ref().or(request.body.as_ref()), if_match).await
    }

    async fn send_body(
        &self,
        request: &Request,
        body: Option<&Wire>,
        if_match: Option<&str>,
    ) -> Result<Answered, Trouble> {
        if request.verb != Verb::Get && !self.may_write {
            let message = "this connection reads only, and nothing was sent";
            return Err(Trouble::of(Diagnostic::error("read-only", message)));
        }
        let body = body.map(|body| self.encoded(body));
        let answered =
            self.client.send_bound((request, if_match), body, &self.bounds, &self.patience).await?;
        self.accepted(answered, request.verb).await
    }

    /// An answer that does not say no.
    async fn accepted(&self, answered: Answered, verb: Verb) -> Result<Answered, Trouble> {
        let response = &answered.response;
        if !response.is_success() {
            return Err(self.refused(answered, verb).await);
        }
        if let Err(error) = wire::check_content_type(response, self.target.format) {
            return Err(self.unreadable(error, response, verb));
        }
        if wire::despite_success(&response.body, self.target.format, &self.target.api) {
            return Err(self.refused(answered, verb).await);
        }
        Ok(answered)
    }

    /// Hands every object of a collection to `take`, in no particular order. Gives the number of requests.
    ///
    /// # Errors
    /// When a page cannot be read, or the pages do not end.
    pub async fn list(&self, of: Collection<'_>, take: &mut dyn FnMut(Live)) -> Result<u32, Trouble> {
        Ok(self.list_within(of, u64::MAX, take).await?.unwrap_or_default())
    }

    /// The same, unless the first page tells that more than `most` others would have to be read: then nothing is
    /// handed over, and nothing comes back.
    ///
    /// # Errors
    /// When a page cannot be read, or the pages do not end.
    pub async fn list_within(
        &self,
        of: Collection<'_>,
        most: u64,
        take: &mut dyn FnMut(Live),
    ) -> Result<Option<u32>, Trouble> {
        let mut items = 0;
        let mut counted = |live| {
            items += 1;
            take(live);
        };
        let Some(pages) = self.pages(of, most, &mut counted).await? else { return Ok(None) };
        self.extents.note(of, Extent { pages, items });
        Ok(Some(pages))
    }

    /// How large a collection was when it was last listed.
    pub fn extent(&self, of: Collection) -> Option<Extent> {
        self.extents.get(of)
    }

    /// The same, uncounted.
    async fn pages(
        &self,
        of: Collection<'_>,
        most: u64,
        take: &mut dyn FnMut(Live),
    ) -> Result<Option<u32>, Trouble> {
        let Some(paging) = &of.kind.operations.list.paging else {
            self.page(of, None, take).await?;
            return Ok(Some(1));
        };
        let mut walk = Walk::new(of.kind, self.target.api.limits.pages);
        let first = self.fetch(of, Some((paging, 0))).await?;
        let (known, left) = self.known_rest(of.kind, &first);
        if left > most {
            return Ok(None);
        }
        let fetch = async |(offset, first): (u64, Option<Response>)| match first {
            Some(first) => Ok(first),
            None => self.fetch(of, Some((paging, offset))).await,
        };
        let wanted = std::iter::once((0, Some(first))).chain(known.into_iter().map(|offset| (offset, None)));
        let responses = stream::iter(wanted.map(fetch)).buffered(self.target.parallelism.max(1) as usize);
        let mut pages = responses.map(|response| self.decode(of, response)).buffered(READERS);
        let (mut last, mut here) = (Page::default(), 0);
        while let Some(page) = pages.next().await {
            let mut page = page?;
            page.items.drain(..).for_each(|live| walk.take(live, take));
            here = walk.turn(&page)?;
            last = page;
        }
        drop(pages);
        while walk.goes_on(paging, &last, here) {
            last = self.page(of, Some((paging, walk.seen)), &mut |live| walk.take(live, take)).await?;
            here = walk.turn(&last)?;
        }
        Ok(Some(walk.pages))
    }

    /// The offsets of all other pages that may be read, and how many others there are, when the first one tells how
    /// many items there are: they are asked for before it is read.
    fn known_rest(&self, kind: &Kind, first: &Response) -> (Vec<u64>, u64) {
        let glance = wire::glance(&first.body, self.target.format, kind).filter(|(step, _)| *step > 0);
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
    pub async fn look(
        &self,
        of: Collection<'_>,
        enough: &mut dyn FnMut(&Live) -> bool,
    ) -> Result<(), Trouble> {
        let paging = of.kind.operations.list.paging.as_ref();
        let mut walk = Walk::new(of.kind, self.target.api.limits.pages);
        loop {
            let mut done = false;
            let mut take = |live: Live| done = done || enough(&live);
            let page = paging.map(|paging| (paging, walk.seen));
            let last = self.page(of, page, &mut |live| walk.take(live, &mut take)).await?;
            let here = walk.turn(&last)?;
            if done || !paging.is_some_and(|paging| walk.goes_on(paging, &last, here)) {
                return Ok(());
            }
        }
    }

    /// Hands the objects of the first page of a collection to `take`, asking for at most `most` of them.
    ///
    /// # Errors
    /// When the page cannot be read.
    pub async fn first(
        &self,
        of: Collection<'_>,
        most: u32,
        take: &mut dyn FnMut(Live),
    ) -> Result<(), Trouble> {
        let paging = of.kind.operations.list.paging.clone();
        let paging = paging.map(|paging| PagingFile { page: paging.page.min(most.max(1)), ..paging });
        self.page(of, paging.as_ref().map(|paging| (paging, 0)), take).await.map(|_| ())
    }

    /// Whether an empty list of this collection is to be believed: the API has a path that answers only where
    /// the scope exists and may be seen, and it answers.
    pub async fn probe(&self, of: Collection<'_>) -> bool {
        let Some(probe) = &of.kind.operations.list.probe else { return false };
        let request = Request {
            verb: Verb::Get,
            path: address::path(probe, of.kind, of.scope, None),
            query: address::scope_query(of.kind, of.scope),
            body: None,
            repeatable: true,
        };
        self.send(&request).await.is_ok()
    }

    /// Reads one object by its id; nothing when there is none.
    ///
    /// # Errors
    /// When the answer cannot be read, or the API cannot read one.
    pub async fn get(&self, of: Collection<'_>, id: &Value) -> Result<Option<Live>, Trouble> {
        // without an id a path leads to the list
        if Leaf::url_text(id, &of.kind.api).is_empty() {
            return Ok(None);
        }
        match &of.kind.operations.get {
            None => Err(Trouble::no_operation(of.kind, "get")),
            Some(ReadOne::Path(path)) => self.get_at(of, path, id).await,
            Some(ReadOne::List(query)) => self.get_in_list(of, query, id).await,
            Some(ReadOne::PathElseList(path, query)) => match self.get_at(of, path, id).await? {
                Some(live) => Ok(Some(live)),
                None => self.get_in_list(of, query, id).await,
            },
        }
    }

    async fn get_at(&self, of: Collection<'_>, path: &str, id: &Value) -> Result<Option<Live>, Trouble> {
        let request = Request {
            verb: Verb::Get,
            path: address::path(path, of.kind, of.scope, Some(id)),
            query: address::scope_query(of.kind, of.scope),
            body: None,
            repeatable: true,
        };
        let response = match self.send(&request).await {
            Ok(answered) => answered.response,
            Err(trouble) if matches!(trouble.status(), Some(404 | 405)) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let read = wire::read_spelt(&response.body, self.target.format, of.kind);
        let (live, spelt) = read.map_err(|error| self.unreadable(error, &response, Verb::Get))?;
        self.spellings.learn(of.kind, spelt);
        let live = Live { etag: response.etag.as_deref().map(Box::from), ..live };
        match live.object.get(of.kind.identity.id) {
            Some(own) if own != id => Err(Trouble::wrong_object(of.kind)),
            _ => Ok(Some(live)),
        }
    }

    fn list_request(&self, of: Collection, page: Option<(&PagingFile, u64)>) -> Request {
        let list = &of.kind.operations.list;
        let mut query = address::scope_query(of.kind, of.scope);
        query.extend(list.query.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some((paging, offset)) = page {
            query.push((paging.limit.clone(), paging.page.to_string()));
            query.push((paging.offset.clone(), offset.to_string()));
        }
        let path = address::path(&list.get, of.kind, of.scope, None);
        Request { verb: Verb::Get, path, query, body: None, repeatable: true }
    }

    async fn fetch(&self, of: Collection<'_>, page: Option<(&PagingFile, u64)>) -> Result<Response, Trouble> {
        Ok(self.send(&self.list_request(of, page)).await?.response)
    }

    async fn page(
        &self,
        of: Collection<'_>,
        page: Option<(&PagingFile, u64)>,
        take: &mut dyn FnMut(Live),
    ) -> Result<Page, Trouble> {
        let response = self.fetch(of, page).await?;
        self.read(of, &response, take)
    }

    /// Reads a page beside the thread that waits for answers, where it is worth the way.
    async fn decode(&self, of: Collection<'_>, response: Result<Response, Trouble>) -> Result<Page, Trouble> {
        let response = response?;
        if response.body.len() < WORTH_A_THREAD {
            let mut items = Vec::new();
            let page = self.read(of, &response, &mut |live| items.push(live))?;
            return Ok(Page { items, ..page });
        }
        let (kind, format) = (Arc::clone(of.kind), self.target.format);
        let reading = tokio::task::spawn_blocking(move || {
            let page = wire::read_page(&response.body, format, &kind);
            (page, Response { body: Vec::new(), ..response })
        });
        let (page, response) = match reading.await {
            Ok(read) => read,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(Trouble::of(Diagnostic::error(UNREADABLE, "the reading was cut off"))),
            },
        };
        let mut page = page.map_err(|error| self.unreadable(error, &response, Verb::Get))?;
        self.spellings.learn(of.kind, std::mem::take(&mut page.spelt));
        Ok(page)
    }

    fn read(&self, of: Collection, response: &Response, take: &mut dyn FnMut(Live)) -> Result<Page, Trouble> {
        let mut page = wire::read_page_with(&response.body, self.target.format, of.kind, take)
            .map_err(|error| self.unreadable(error, response, Verb::Get))?;
        self.spellings.learn(of.kind, std::mem::take(&mut page.spelt));
        Ok(page)
    }

    async fn refused(&self, answered: Answered, verb: Verb) -> Trouble {
        let status = answered.response.status;
        let (code, what) = match status {
            200..=299 => ("service-error", "answered with an error inside a success"),
            400 | 422 => ("rejected", "did not accept the request"),
            401 => ("unauthorized", "did not accept the credentials"),
            403 => ("forbidden", "does not allow this"),
            404 => ("not-found", "does not have this"),
            412 => ("changed-meanwhile", "says that somebody else changed the object meanwhile"),
            409 => ("conflict", "reports a conflict"),
            429 => ("too-many-requests", "asks to slow down"),
            500..=599 => ("service-error", "failed"),
            _ => ("service-error", "answered something unexpected"),
        };
        let message = format!("{} {what} ({} {status})", self.target.api.title, verb.word());
        let hint = match code {
            "unauthorized" => format!("check the credentials of the target `{}`", self.target.name),
            "forbidden" => format!("check what the credentials of the target `{}` may do", self.target.name),
            "rejected" => "see what the service says, at the lines it names".to_owned(),
            "not-found" => "check the base URL, the scope and the id".to_owned(),
            _ => "try again later; if it stays, ask whoever runs the service".to_owned(),
        };
        // a service that failed while writing may have written, and so may an attempt before this one
        let unknown = verb != Verb::Get && (status >= 500 || answered.earlier == Sent::Maybe);
        Trouble {
            diagnostic: Box::new(Diagnostic::error(code, message).hint(hint)),
            attempts: answered.attempts,
            answer: Some(Box::new(Said {
                response: answered.response,
                format: self.target.format,
                api: self.target.api.clone(),
                shown: self.client.secrets().await,
            })),
            unknown,
            not_begun: false,
        }
    }

    fn unreadable(&self, error: Unreadable, response: &Response, verb: Verb) -> Trouble {
        let message =
            format!("{}: {} ({} {})", self.target.api.title, error.message, verb.word(), response.status);
        let mut diagnostic = Diagnostic::error(UNREADABLE, message);
        diagnostic.hint = error.hint;
        Trouble { unknown: verb != Verb::Get, ..Trouble::of(diagnostic) }
    }
}

fn first_page(kind: &Kind) -> Option<(&PagingFile, u64)> {
    kind.operations.list.paging.as_ref().map(|paging| (paging, 0))
}

/// Where a walk through the pages stands.
struct Walk<'k> {
    kind: &'k Kind,
    most: u32,
    pages: u32,
    /// How many items came so far.
    seen: u64,
    /// How many items this page has.
    here: u64,
    /// The first id of this page, and of all before it, to notice a list that does not advance.
    start: Option<String>,
    starts: HashSet<String>,
    repeats: bool,
}

impl<'k> Walk<'k> {
    fn new(kind: &'k Kind, most: u32) -> Self {
        Self { kind, most, pages: 0, seen: 0, here: 0, start: None, starts: HashSet::new(), repeats: false }
    }

    fn take(&mut self, live: Live, take: &mut dyn FnMut(Live)) {
        if self.here == 0 {
            let id = live.object.get(self.kind.identity.id);
            self.start = id.map(|id| Leaf::url_text(id, &self.kind.api));
        }
        self.here += 1;
        take(live);
    }

    /// Closes a page; gives the number of its items.
    fn turn(&mut self, page: &Page) -> Result<u64, Trouble> {
        let here = std::mem::take(&mut self.here);
        self.pages += 1;
        self.repeats = self.start.take().is_some_and(|start| !self.starts.insert(start));
        self.seen += if self.repeats { 0 } else { here };
        // a service that ignores the paging words gives the same page again; one that also promises more lies
        if (self.repeats && page.has_more == Some(true)) || self.pages > self.most {
            let message = match self.repeats {
                true => "the pages of the list repeat".to_owned(),
                false => format!("the list has more than {} pages", self.most),
            };
            let hint = "check the paging words of the kind; the service may ignore its paging parameters";
            return Err(Trouble::of(Diagnostic::error("endless-list", message).hint(hint)));
        }
        Ok(here)
    }

    /// Whether to ask for another page after the last one, which had `here` items.
    fn goes_on(&self, paging: &PagingFile, last: &Page, here: u64) -> bool {
        if here == 0 || self.repeats {
            return false;
        }
        match (last.has_more, &paging.next, last.total) {
            (Some(more), _, _) => more,
            (None, Some(_), _) => last.next.is_some(),
            // a short page may be all that the service gives at once, so only a total or an empty page ends it
            (None, None, Some(total)) if total > 0 => self.seen < total,
            _ => true,
        }
    }
}

impl Trouble {
    fn of(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Box::new(diagnostic), answer: None, unknown: false, not_begun: false, attempts: 1 }
    }

    /// The same after other attempts.
    #[must_use]
    pub fn after(mut self, attempts: u32) -> Self {
        self.attempts += attempts;
        self
    }

    /// The status, when there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|said| said.response.status)
    }

    /// What the service said, field by field. Services echo values: `hidden` are the texts that nobody may see,
    /// besides the credentials.
    pub fn complaints(&self, hidden: &[&str]) -> Vec<Complaint> {
        let Some(said) = self.answer.as_deref() else { return Vec::new() };
        let shown = said.shown.iter().map(|secret| secret.expose_secret());
        let hidden: Vec<&str> = shown.chain(hidden.iter().copied()).collect();
        complaint::read(&said.response, said.format, &said.api.errors, &hidden)
    }

    fn no_operation(kind: &Kind, what: &str) -> Self {
        Self::of(Diagnostic::error("no-operation", format!("{} has no `{what}` operation", kind.name)))
    }

    fn wrong_object(kind: &Kind) -> Self {
        let message =
            format!("the service answered with another {} than was asked for", kind.title.to_lowercase());
        Self::of(
            Diagnostic::error("wrong-object", message)
                .hint("try again; if it stays, ask whoever runs the service"),
        )
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let (unknown, not_begun) = (failure.sent == Sent::Maybe, failure.is_not_begun());
        let attempts = if not_begun { 0 } else { failure.attempts };
        Self { unknown, not_begun, attempts, ..Self::of(failure.diagnostic()) }
    }
}
