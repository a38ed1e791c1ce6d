//! One request to one answer: routing, credentials, the operation, the refusal.
//!
//! Everything is derived from the descriptions. Reads and writes happen under one lock, so a request sees a
//! whole state and leaves one. Deliberately absent: sockets, latency, faults of the line; `http` has those.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::HeaderMap;

use crate::kind::{FormatWord, Kind};
use crate::value::Object;

use super::answer::{self, Answer, Form};
use super::bind::binds_silently;
use super::call::Call;
use super::mint::Mint;
use super::refusal::Refusal;
use super::route::{Found, Mount};
use super::store::Table;
use super::{Options, seed};

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
    /// What is kept has its lists the other way round.
    Reorder,
    /// There is always one page more.
    Endless,
}

/// All APIs, with everything that they hold.
pub struct Service {
    kinds: Vec<Arc<Kind>>,
    mounts: Vec<Mount>,
    pub options: Options,
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
        let is_lost = matches!(found, Found::Nothing | Found::OtherVerb);
        let call = Call { service: self, mount, asked, form, lie };
        let answered = match found {
            Found::Slash => return call.slash(),
            Found::Nothing => call.beside(rest),
            Found::OtherVerb => Err(Refusal::new(405, "MethodNotAllowed", "This verb is not allowed here.")),
            Found::Target { target, parameters, .. } => call.perform(target, &parameters),
        };
        match answered {
            Ok(answer) => answer,
            // such a host has no words of its own for a path that it does not know
            Err(_) if is_lost && binds_silently(api) => Answer::text(404, "Handler for Request not found\n"),
            Err(refusal) => Answer::new(api, form, refusal.status, &refusal.wire(api)),
        }
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
    pub fn content_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_lowercase()
    }
}
