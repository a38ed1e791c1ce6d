//! One request to one answer: routing, credentials, the operation, the refusal.
//!
//! Everything is derived from the descriptions. Reads and writes happen under one lock, so a request sees a
//! whole state and leaves one. Deliberately absent: sockets, latency, faults of the line; `http` has those.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::HeaderMap;

use crate::exchange::{Verb, Wire};
use crate::kind::file::{LoginFile, PagingFile};
use crate::kind::{
    Answer as AnswerWord, Api, Appears, FormatWord, Kind, Leaf, ListAnswer, Maker, Sends, Type, Write,
};
use crate::value::{Object, Value};

use super::answer::{self, Answer, Form, Window};
use super::bind::{Binder, Grievance, Spelling, binds_silently};
use super::given::{self, Given, Unreadable};
use super::mint::Mint;
use super::refusal::{Refusal, place};
use super::route::{Found, Mount, Operation, Parameters, Target};
use super::rules::{self, Nested, Rules};
use super::store::{Record, Table};
use super::{Options, auth, find, seed};

/// How many items come when nobody says how many.
const FEW: usize = 10;

/// A request, read whole.
pub struct Asked {
    pub verb: String,
    /// Still encoded.
    pub path: String,
    pub raw_query: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// How an answer is to lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    No,
    /// As if it were done.
    KeepNothing,
    /// There is always one page more.
    Endless,
}

/// All APIs, with everything that they hold.
pub struct Service {
    kinds: Vec<Arc<Kind>>,
    mounts: Vec<Mount>,
    options: Options,
    state: Mutex<State>,
}

/// What changes.
pub struct State {
    /// In the order of the kinds.
    pub tables: Vec<Table>,
    /// For each kind an object to take after in what the service makes by itself.
    pub patterns: Vec<Option<Object>>,
    pub mint: Mint,
}

impl State {
    fn new(kinds: &[Arc<Kind>], options: &Options) -> Self {
        let mut mint = Mint::new(options.seed);
        let table = |kind| seed::table(kind, options.data.as_ref(), options.count, &mut mint);
        let tables = kinds.iter().map(table).collect();
        let pattern = |kind: &Arc<Kind>| seed::samples(kind).0.into_iter().next().map(|seed| seed.object);
        Self { tables, patterns: kinds.iter().map(pattern).collect(), mint }
    }
}

impl Service {
    /// A service with what it starts with.
    pub fn new(kinds: Vec<Arc<Kind>>, options: Options) -> Self {
        let mut mounts: Vec<Mount> = Vec::new();
        for kind in &kinds {
            if !mounts.iter().any(|mount| mount.api.name == kind.api.name) {
                mounts.push(Mount::new(&kind.api, &kinds));
            }
        }
        let state = Mutex::new(State::new(&kinds, &options));
        Self { kinds, mounts, options, state }
    }

    /// The state, for a moment.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything as it was at the start.
    pub fn reset(&self) {
        let fresh = State::new(&self.kinds, &self.options);
        *self.state() = fresh;
    }

    /// The kinds that are served.
    pub fn kinds(&self) -> &[Arc<Kind>] {
        &self.kinds
    }

    /// The query with only those values that the descriptions themselves fix.
    pub fn plain_query(&self, asked: &Asked) -> Vec<(String, String)> {
        let open = self.mount(&asked.path).map(|(mount, _)| &mount.open);
        let plain = |(name, value): &(String, String)| {
            let shown = if open.is_some_and(|open| open.contains(name)) { value.as_str() } else { "…" };
            (name.clone(), shown.to_owned())
        };
        asked.query.iter().map(plain).collect()
    }

    /// The answer to a request.
    pub fn answer(&self, asked: &Asked, lie: Lie) -> Answer {
        let Some((mount, rest)) = self.mount(&asked.path) else { return self.lost() };
        let api = &*mount.api;
        let found = mount.find(&asked.verb, rest);
        let suffix = match &found {
            Found::Target { suffix, .. } => *suffix,
            _ => None,
        };
        let Some(form) = answer::form(api, asked.header("accept"), suffix.or_else(|| asked.format())) else {
            return Answer::text(406, "this API answers JSON only\n");
        };
        let call = Call { service: self, mount, asked, form, lie };
        let answered = match found {
            Found::Nothing | Found::OtherVerb if binds_silently(api) => {
                return Answer::text(404, "Handler for Request not found\n");
            }
            Found::Slash => return call.slash(),
            Found::Nothing => Err(Refusal::new(404, "NotFound", "Not found.")),
            Found::OtherVerb => Err(Refusal::new(405, "MethodNotAllowed", "This verb is not allowed here.")),
            Found::Target { target, parameters, .. } => call.perform(target, &parameters),
        };
        answered.unwrap_or_else(|refusal| Answer::new(api, form, refusal.status, &refusal.wire(api)))
    }

    /// A refusal that has nothing to do with the operation.
    pub fn refusal(&self, asked: &Asked, refusal: &Refusal) -> Answer {
        let Some((mount, _)) = self.mount(&asked.path) else { return Answer::empty(refusal.status) };
        let form = answer::form(&mount.api, asked.header("accept"), asked.format());
        Answer::new(&mount.api, form.unwrap_or(Form::Html), refusal.status, &refusal.wire(&mount.api))
    }

    /// The API whose name the path starts with, and the rest of the path.
    fn mount<'p>(&self, path: &'p str) -> Option<(&Mount, &'p str)> {
        let inner = path.strip_prefix('/')?;
        let (name, rest) = inner.find('/').map_or((inner, ""), |at| inner.split_at(at));
        let mount = self.mounts.iter().find(|mount| *mount.api.name == *name)?;
        Some((mount, rest))
    }

    fn lost(&self) -> Answer {
        let names: Vec<String> = self.mounts.iter().map(|mount| format!("/{}", mount.api.name)).collect();
        Answer::text(404, format!("no API here; this sandbox serves {}\n", names.join(", ")))
    }
}

impl Asked {
    /// The value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn format(&self) -> Option<FormatWord> {
        let (_, format) = self.query.iter().find(|(name, _)| name == "format")?;
        match format.as_str() {
            "json" => Some(FormatWord::Json),
            "jsv" => Some(FormatWord::Jsv),
            _ => None,
        }
    }

    /// Without parameters, lower case.
    fn content_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_lowercase()
    }
}

/// One request on its way through an API.
struct Call<'s> {
    service: &'s Service,
    mount: &'s Mount,
    asked: &'s Asked,
    form: Form,
    lie: Lie,
}

impl Call<'_> {
    fn api(&self) -> &Api {
        &self.mount.api
    }

    /// The same path with a slash at its end.
    fn slash(&self) -> Answer {
        let last = self.asked.path.rsplit('/').next().unwrap_or_default();
        let query = if self.asked.raw_query.is_empty() { "" } else { "?" };
        let place = format!("{last}/{query}{}", self.asked.raw_query);
        Answer { header: Some(("location", place)), ..Answer::empty(301) }
    }

    fn perform(&self, target: Target, parameters: &Parameters) -> Result<Answer, Refusal> {
        let (number, operation) = match target {
            Target::Kind(number, operation) => (number, operation),
            Target::Login => return self.login(),
        };
        if !auth::is_shown(self.api(), &self.asked.headers, &self.asked.query, &self.mount.known) {
            return Err(Refusal::new(
                401,
                "Unauthorized",
                "Authentication credentials were not provided or are wrong.",
            ));
        }
        match operation {
            Operation::List => self.list(number, parameters),
            Operation::Probe => self.probe(number, parameters),
            Operation::Get => self.get(number, parameters),
            Operation::Delete => self.delete(number, parameters),
            Operation::Create => self.create(number, parameters),
            Operation::Update | Operation::Replace => self.update(number, operation, parameters),
        }
    }

    fn login(&self) -> Result<Answer, Refusal> {
        let refused = || Refusal::new(401, "Unauthorized", "Invalid user name or password.");
        let login = self.api().login.as_ref().ok_or_else(refused)?;
        let text = self.text();
        let members = self.given(&text)?.into_members().unwrap_or_default();
        let right = |name: &str| {
            let member = members.iter().rfind(|(own, _)| super::bind::same_name(self.api(), own, name));
            let scalar = member.and_then(|(_, given)| given.scalar());
            scalar.is_some_and(|scalar| match scalar {
                given::Scalar::Text(text) | given::Scalar::Bare(text) => auth::is_right(&text),
                _ => true,
            })
        };
        if !right(&login.username) || !right(&login.password) {
            return Err(refused());
        }
        Ok(self.session(login))
    }

    fn session(&self, login: &LoginFile) -> Answer {
        let token = self.service.state().mint.guid();
        let mut body = Wire::Object(Vec::new());
        if let Some(at) = login.token.first() {
            place(&mut body, at, Wire::Guid(token));
        }
        self.said(200, &body)
    }

    fn said(&self, status: u16, body: &Wire) -> Answer {
        Answer::new(self.api(), self.form, status, body)
    }

    fn list(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let state = self.service.state();
        let table = state.tables.get(number).ok_or_else(not_found)?;
        let kind = &*table.kind;
        let scope = parameters.scope(kind, &self.asked.query)?;
        let conditions = find::conditions(kind, &self.asked.query)?;
        let listed = table.list(&scope).map(|(_, record)| record).filter(|record| {
            is_seen(kind, record) && conditions.iter().all(|condition| condition.holds(&record.object))
        });
        let listed: Vec<&Record> = listed.collect();
        let list = &kind.operations.list;
        if self.service.options.bare_single && list.answer == ListAnswer::OneOrList && listed.len() < 2 {
            return Ok(match listed.first() {
                Some(record) => self.said(200, &self.shown(kind, record)),
                None => Answer::empty(204),
            });
        }
        let (page, window) = match &list.paging {
            Some(paging) => self.page(&listed, paging)?,
            None => (&*listed, Window { total: listed.len(), next: None, next_url: None }),
        };
        let items = page.iter().map(|record| self.shown(kind, record)).collect();
        Ok(self.said(200, &answer::envelope(list, items, &window)))
    }

    /// The part of a list that was asked for.
    fn page<'l>(
        &self,
        listed: &'l [&'l Record],
        paging: &PagingFile,
    ) -> Result<(&'l [&'l Record], Window), Refusal> {
        let most = usize::try_from(paging.page).unwrap_or(usize::MAX).max(1);
        let asked = find::number(&self.asked.query, &paging.limit)?.filter(|limit| *limit > 0);
        let limit = asked.unwrap_or(FEW).min(most);
        let offset = find::number(&self.asked.query, &paging.offset)?.unwrap_or(0);
        let endless = self.lie == Lie::Endless;
        let start = if endless { 0 } else { offset.min(listed.len()) };
        let end = start.saturating_add(limit).min(listed.len());
        let page = listed.get(start..end).unwrap_or_default();
        let next = (end < listed.len() || endless).then(|| offset.saturating_add(page.len()));
        let next_url = next.map(|next| self.next_url(paging, next, limit));
        Ok((page, Window { total: listed.len(), next, next_url }))
    }

    fn next_url(&self, paging: &PagingFile, offset: usize, limit: usize) -> String {
        let host = self.asked.header("host").unwrap_or("127.0.0.1");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.asked.query {
            if *name != paging.offset && *name != paging.limit {
                query.append_pair(name, value);
            }
        }
        query.append_pair(&paging.offset, &offset.to_string()).append_pair(&paging.limit, &limit.to_string());
        format!("http://{host}{}?{}", self.asked.path, query.finish())
    }

    /// A scope exists where there ever were objects in it.
    fn probe(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let state = self.service.state();
        let table = state.tables.get(number).ok_or_else(not_found)?;
        let scope = parameters.scope(&table.kind, &self.asked.query)?;
        match table.has_scope(&scope) {
            true => Ok(self.said(200, &Wire::Object(Vec::new()))),
            false => Err(not_found()),
        }
    }

    fn get(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let state = self.service.state();
        let table = state.tables.get(number).ok_or_else(not_found)?;
        let (_, record) = self.located(table, parameters)?;
        Ok(self.said(200, &self.shown(&table.kind, record)))
    }

    fn delete(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let mut state = self.service.state();
        let table = state.tables.get_mut(number).ok_or_else(not_found)?;
        self.located(table, parameters)?;
        let scope = parameters.scope(&table.kind, &self.asked.query)?;
        let id = parameters.id(&table.kind)?.ok_or_else(not_found)?;
        if self.lie != Lie::KeepNothing {
            table.take(&scope, &id).ok_or_else(not_found)?;
        }
        Ok(Answer::empty(204))
    }

    fn create(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let mut state = self.service.state();
        let State { tables, patterns, mint } = &mut *state;
        let table = tables.get_mut(number).ok_or_else(not_found)?;
        let kind = Arc::clone(&table.kind);
        let write = kind.operations.create.as_ref().ok_or_else(not_found)?;
        let body = self.bound(&kind)?;
        let scope = table.scope_for(&parameters.scope(&kind, &self.asked.query)?);
        let id = new_id(table, parameters.id(&kind)?, &body, mint)?;
        let exact = scope.iter().cloned().map(Some).collect();
        if table.get(&exact, &id).is_some() {
            return Err(Refusal::new(409, "Conflict", "There is such an object already."));
        }
        let pattern = patterns.get(number).and_then(Option::as_ref);
        let mut record = Rules { kind: &kind, scope: &scope, pattern, mint }.create(write, id, &body);
        self.checked(&kind, None, (&body, &record))?;
        if self.service.options.verify_at_once {
            rules::verify(&kind, &mut record, pattern);
        }
        if self.lie != Lie::KeepNothing {
            table.put(&scope, record.clone());
        }
        let status = if binds_silently(self.api()) { 200 } else { 201 };
        Ok(self.written(&kind, (write, status), &record, mint))
    }

    fn update(
        &self,
        number: usize,
        operation: Operation,
        parameters: &Parameters,
    ) -> Result<Answer, Refusal> {
        let mut state = self.service.state();
        let State { tables, patterns, mint } = &mut *state;
        let table = tables.get_mut(number).ok_or_else(not_found)?;
        let kind = Arc::clone(&table.kind);
        let write = match operation {
            Operation::Replace => kind.operations.replace.as_ref(),
            _ => kind.operations.update.as_ref(),
        };
        let write = write.ok_or_else(not_found)?;
        let body = self.bound(&kind)?;
        let (scope, old) = self.located(table, parameters)?;
        let (scope, old) = (scope.to_vec(), old.clone());
        let mut rules = Rules { kind: &kind, scope: &scope, pattern: None, mint };
        let mut record = match write.sends {
            Sends::Everything => rules.replace(&old, &body),
            Sends::Changes => {
                let nested = Nested::of(write, &self.asked.query, self.service.options.harsh);
                rules.merge(&old, &body, (write, nested))
            }
        };
        self.checked(&kind, Some(&old.object), (&body, &record))?;
        if self.service.options.verify_at_once {
            rules::verify(&kind, &mut record, patterns.get(number).and_then(Option::as_ref));
        }
        if self.lie != Lie::KeepNothing {
            table.put(&scope, record.clone());
        }
        Ok(self.written(&kind, (write, 200), &record, mint))
    }

    /// The object that the path names, with its scope.
    fn located<'t>(
        &self,
        table: &'t Table,
        parameters: &Parameters,
    ) -> Result<(&'t [Value], &'t Record), Refusal> {
        let scope = parameters.scope(&table.kind, &self.asked.query)?;
        let id = parameters.id(&table.kind)?.ok_or_else(not_found)?;
        table.get(&scope, &id).filter(|(_, record)| is_seen(&table.kind, record)).ok_or_else(not_found)
    }

    fn checked(
        &self,
        kind: &Kind,
        old: Option<&Object>,
        (body, made): (&Object, &Record),
    ) -> Result<(), Refusal> {
        match rules::grievances(kind, old, body, made) {
            found if found.is_empty() => Ok(()),
            found => Err(Refusal::fields(self.api(), found)),
        }
    }

    fn shown(&self, kind: &Kind, record: &Record) -> Wire {
        answer::object(&kind.shape, &record.object, self.service.options.secrets, self.form)
    }

    fn written(
        &self,
        kind: &Kind,
        (write, status): (&Write, u16),
        record: &Record,
        mint: &mut Mint,
    ) -> Answer {
        match write.answer {
            AnswerWord::Object => self.said(status, &self.shown(kind, record)),
            // nothing of use: such a host answers some id, of which nobody says what it is
            AnswerWord::Nothing if binds_silently(self.api()) => self.said(status, &Wire::Guid(mint.guid())),
            AnswerWord::Nothing => Answer::empty(204),
            AnswerWord::Id => {
                let id = record.object.get(kind.identity.id).unwrap_or(&Value::Null);
                let wire = match &kind.id_field().ty {
                    Type::Leaf(leaf) => leaf.wire(id),
                    _ => Wire::Null,
                };
                self.said(status, &wire)
            }
        }
    }

    /// The body under the kind's guidance.
    fn bound(&self, kind: &Kind) -> Result<Object, Refusal> {
        let text = self.text();
        let mut binder = Binder::new(self.api(), Spelling::Written);
        let object = binder.object(&kind.shape, self.given(&text)?, "");
        match binder.grievances {
            grievances if grievances.is_empty() => Ok(object),
            grievances => Err(Refusal::fields(self.api(), grievances)),
        }
    }

    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.asked.body)
    }

    /// The body as it was given. A service that binds silently takes what it can't read for nothing at all.
    fn given<'t>(&self, text: &'t str) -> Result<Given<'t>, Refusal> {
        let content_type = self.asked.content_type();
        if !binds_silently(self.api()) {
            return match content_type.as_str() {
                "application/json" => object_of(given::json(text)),
                _ => Err(Refusal::new(
                    415,
                    "UnsupportedMediaType",
                    "The content type must be application/json.",
                )),
            };
        }
        let chunked = self.asked.headers.contains_key("transfer-encoding");
        if !chunked && self.asked.header("content-length").is_none() && self.asked.verb != Verb::Get.word() {
            return Err(Refusal::new(411, "LengthRequired", "The length of the body is missing."));
        }
        match content_type.as_str() {
            _ if chunked || text.is_empty() => Ok(Given::Object(Vec::new())),
            "application/json" | "text/json" => object_of(given::json(text)),
            "application/jsv" | "text/jsv" => object_of(given::jsv(text)),
            _ => Ok(Given::Object(Vec::new())),
        }
    }
}

fn object_of(read: Result<Given<'_>, Unreadable>) -> Result<Given<'_>, Refusal> {
    match read {
        Ok(given @ Given::Object(_)) => Ok(given),
        Ok(_) => Err(Refusal::new(400, "SerializationException", "An object is expected.")),
        Err(Unreadable) => Err(Refusal::new(400, "SerializationException", "The body can't be read.")),
    }
}

/// Some services show a new object only once it is verified.
fn is_seen(kind: &Kind, record: &Record) -> bool {
    let later = kind.operations.create.as_ref().is_some_and(|create| create.appears == Appears::Later);
    !(record.unverified && later)
}

fn not_found() -> Refusal {
    Refusal::new(404, "NotFound", "Not found.")
}

/// The id of a new object: the caller's, where the caller makes it.
fn new_id(table: &Table, in_path: Option<Value>, body: &Object, mint: &mut Mint) -> Result<Value, Refusal> {
    let field = table.kind.id_field();
    match (table.kind.identity.made_by, &field.ty) {
        (Maker::Caller, _) => {
            let in_body = body.get(field.number).filter(|id| !id.is_zero()).cloned();
            in_path.or(in_body).ok_or_else(|| {
                let message = "This field is required.".to_owned();
                Refusal::fields(
                    &table.kind.api,
                    vec![Grievance { field: field.written_as.to_string(), message }],
                )
            })
        }
        (Maker::Server, Type::Leaf(Leaf::Whole(_))) => Ok(Value::Whole(table.next_whole())),
        (Maker::Server, _) => Ok(rules::new_number(field, mint)),
    }
}
