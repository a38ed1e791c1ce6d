//! What a sandbox holds: its kinds, its routes and its state, under one lock.
//!
//! Deliberately absent: requests; `dispatch` answers them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::HeaderMap;

use crate::kind::{Kind, WireFormat};
use crate::sandbox::id_generator::SandboxIdGenerator;
use crate::sandbox::options::SandboxOptions;
use crate::sandbox::response::SandboxResponse;
use crate::sandbox::route::SandboxRouter;
use crate::sandbox::seed;
use crate::sandbox::store::SandboxTable;
use crate::value::Object;

/// A request, read whole.
#[derive(Clone)]
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
    pub routers: Vec<SandboxRouter>,
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
    /// Of each write that was only accepted, how many requests are still answered that it is in progress.
    pub operations: Vec<u8>,
    /// What POSTs were answered, by their keys.
    pub replays: Vec<(String, SandboxResponse)>,
}

impl SandboxState {
    fn new(kinds: &[Arc<Kind>], options: &SandboxOptions) -> Self {
        let mut mint = SandboxIdGenerator::new(options.seed);
        let table = |kind| seed::build_table(kind, options.data.as_ref(), options.count, &mut mint);
        let tables = kinds.iter().map(table).collect();
        let pattern =
            |kind: &Arc<Kind>| seed::read_examples(kind).0.into_iter().next().map(|seed| seed.object);
        let templates = kinds.iter().map(pattern).collect();
        Self { tables, templates, id_generator: mint, operations: Vec::new(), replays: Vec::new() }
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
    pub fn redact_query(&self, requested: &SandboxRequest) -> Vec<(String, String)> {
        let open = self.find_router(&requested.path).map(|(mount, _)| &mount.loggable_parameters);
        let plain = |(name, value): &(String, String)| {
            let shown = if open.is_some_and(|open| open.contains(name)) { value.as_str() } else { "…" };
            (name.clone(), shown.to_owned())
        };
        requested.query.iter().map(plain).collect()
    }

    /// The API whose name the path starts with, and the rest of the path.
    pub fn find_router<'p>(&self, path: &'p str) -> Option<(&SandboxRouter, &'p str)> {
        let inner = path.strip_prefix('/')?;
        let (name, rest) = inner.find('/').map_or((inner, ""), |at| inner.split_at(at));
        let mount = self.routers.iter().find(|mount| *mount.api.name == *name)?;
        Some((mount, rest))
    }
}

impl SandboxRequest {
    /// The value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn read_format_parameter(&self) -> Option<WireFormat> {
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
