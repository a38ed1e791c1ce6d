//! One request to one answer: routing, credentials, the operation, the refusal.
//!
//! Everything is derived from the descriptions. Reads and writes happen under one lock, so a request sees a
//! whole state and leaves one. Deliberately absent: sockets, latency, faults of the line; `http` has those.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::HeaderMap;

use crate::kind::{Kind, WireFormat};
use crate::sandbox::deserialize::is_lenient;
use crate::sandbox::error::SandboxError;
use crate::sandbox::handler::SandboxHandler;
use crate::sandbox::id_generator::SandboxIdGenerator;
use crate::sandbox::response::{SandboxFormat, SandboxResponse};
use crate::sandbox::route::{SandboxRouteMatch, SandboxRouter};
use crate::sandbox::store::SandboxTable;
use crate::sandbox::{SandboxOptions, response, seed};
use crate::value::Object;

/// A request, read whole.
pub struct SandboxRequest {
    pub method: String,
    /// Still encoded.
    pub path: String,
    pub raw_query: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// How an answer is to lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FaultMode {
    Normal,
    /// As if it were done.
    DiscardWrite,
    /// What is kept has its lists the other way round.
    ReverseLists,
    /// There is always one page more.
    EndlessPages,
}

/// All APIs, with everything that they hold.
pub struct SandboxService {
    kinds: Vec<Arc<Kind>>,
    routers: Vec<SandboxRouter>,
    pub options: SandboxOptions,
    state: Mutex<SandboxState>,
}

/// What changes.
pub struct SandboxState {
    /// In the order of the kinds.
    pub tables: Vec<SandboxTable>,
    /// For each kind an object to take after in what the service makes by itself.
    pub templates: Vec<Option<Object>>,
    pub id_generator: SandboxIdGenerator,
}

impl SandboxState {
    fn new(kinds: &[Arc<Kind>], options: &SandboxOptions) -> Self {
        let mut mint = SandboxIdGenerator::new(options.seed);
        let table = |kind| seed::build_table(kind, options.data.as_ref(), options.count, &mut mint);
        let tables = kinds.iter().map(table).collect();
        let pattern =
            |kind: &Arc<Kind>| seed::read_examples(kind).0.into_iter().next().map(|seed| seed.object);
        Self { tables, templates: kinds.iter().map(pattern).collect(), id_generator: mint }
    }
}

impl SandboxService {
    /// A service with what it starts with.
    pub fn new(kinds: Vec<Arc<Kind>>, options: SandboxOptions) -> Self {
        let mut mounts: Vec<SandboxRouter> = Vec::new();
        for kind in &kinds {
            if !mounts.iter().any(|mount| mount.api.name == kind.api.name) {
                mounts.push(SandboxRouter::new(&kind.api, &kinds));
            }
        }
        let state = Mutex::new(SandboxState::new(&kinds, &options));
        Self { kinds, routers: mounts, options, state }
    }

    /// The state, for a moment.
    pub fn lock_state(&self) -> MutexGuard<'_, SandboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything as it was at the start.
    pub fn reset_state(&self) {
        let fresh = SandboxState::new(&self.kinds, &self.options);
        *self.lock_state() = fresh;
    }

    /// The kinds that are served.
    pub fn kinds(&self) -> &[Arc<Kind>] {
        &self.kinds
    }

    /// The query with only those values that the descriptions themselves fix.
    pub fn redact_query(&self, asked: &SandboxRequest) -> Vec<(String, String)> {
        let open = self.find_router(&asked.path).map(|(mount, _)| &mount.loggable_parameters);
        let plain = |(name, value): &(String, String)| {
            let shown = if open.is_some_and(|open| open.contains(name)) { value.as_str() } else { "…" };
            (name.clone(), shown.to_owned())
        };
        asked.query.iter().map(plain).collect()
    }

    /// The answer to a request.
    pub fn answer_request(&self, asked: &SandboxRequest, lie: FaultMode) -> SandboxResponse {
        let Some((mount, rest)) = self.find_router(&asked.path) else { return self.respond_unknown_api() };
        let api = &*mount.api;
        let found = mount.match_request(&asked.method, rest);
        let suffix = match &found {
            SandboxRouteMatch::Matched { suffix, .. } => *suffix,
            _ => None,
        };
        let Some(form) = response::negotiate_format(
            api,
            asked.header("accept"),
            suffix.or_else(|| asked.read_format_parameter()),
        ) else {
            return SandboxResponse::from_text(406, "this API answers JSON only\n");
        };
        let is_lost = matches!(found, SandboxRouteMatch::NotFound | SandboxRouteMatch::MethodNotAllowed);
        let call =
            SandboxHandler { service: self, router: mount, request: asked, format: form, fault_mode: lie };
        let answered = match found {
            SandboxRouteMatch::MissingSlash => return call.redirect_to_slash(),
            SandboxRouteMatch::NotFound => call.handle_unknown_path(rest),
            SandboxRouteMatch::MethodNotAllowed => {
                Err(SandboxError::new(405, "MethodNotAllowed", "This verb is not allowed here."))
            }
            SandboxRouteMatch::Matched { target, parameters, .. } => {
                call.handle_operation(target, &parameters)
            }
        };
        match answered {
            Ok(answer) => answer,
            // such a host has no words of its own for a path that it does not know
            Err(_) if is_lost && is_lenient(api) => {
                SandboxResponse::from_text(404, "Handler for Request not found\n")
            }
            Err(refusal) => SandboxResponse::new(api, form, refusal.status, &refusal.to_wire(api)),
        }
    }

    /// A refusal that has nothing to do with the operation.
    pub fn render_error(&self, asked: &SandboxRequest, refusal: &SandboxError) -> SandboxResponse {
        let Some((mount, _)) = self.find_router(&asked.path) else {
            return SandboxResponse::from_status(refusal.status);
        };
        let form =
            response::negotiate_format(&mount.api, asked.header("accept"), asked.read_format_parameter());
        SandboxResponse::new(
            &mount.api,
            form.unwrap_or(SandboxFormat::Html),
            refusal.status,
            &refusal.to_wire(&mount.api),
        )
    }

    /// The API whose name the path starts with, and the rest of the path.
    fn find_router<'p>(&self, path: &'p str) -> Option<(&SandboxRouter, &'p str)> {
        let inner = path.strip_prefix('/')?;
        let (name, rest) = inner.find('/').map_or((inner, ""), |at| inner.split_at(at));
        let mount = self.routers.iter().find(|mount| *mount.api.name == *name)?;
        Some((mount, rest))
    }

    fn respond_unknown_api(&self) -> SandboxResponse {
        let names: Vec<String> = self.routers.iter().map(|mount| format!("/{}", mount.api.name)).collect();
        SandboxResponse::from_text(404, format!("no API here; this sandbox serves {}\n", names.join(", ")))
    }
}

impl SandboxRequest {
    /// The value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn read_format_parameter(&self) -> Option<WireFormat> {
        let (_, format) = self.query.iter().find(|(name, _)| name == "format")?;
        match format.as_str() {
            "json" => Some(WireFormat::Json),
            "jsv" => Some(WireFormat::Jsv),
            _ => None,
        }
    }

    /// Without parameters, lower case.
    pub fn content_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_lowercase()
    }
}
