//! The sandbox: every API of the descriptions, served over real HTTP on this machine.
//!
//! Derived wholly from the kinds: paths, paging, filters, required fields, replace and merge, wire formats,
//! error shapes. It proves that tool and description agree, not that the description is true; where the facts
//! leave a question open it takes the nasty answer. For tests, practice and the demo.
//! Deliberately absent: persistence, TLS, and any name of a service.

mod answer;
mod auth;
mod bind;
mod call;
mod control;
mod demands;
mod fault;
mod find;
mod given;
mod http;
mod log;
mod mint;
mod reads;
mod refusal;
mod route;
mod rows;
mod rules;
mod seed;
mod service;
mod still;
mod store;
mod things;
mod writes;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::kind::Kind;

pub use fault::{Blow, Fault};
pub use log::Entry;
pub use seed::{Data, sample_faults};
pub use still::Still;

use http::{Line, lock};
use service::Service;

/// Told of each request when it is done.
pub type Watch = Arc<dyn Fn(&Entry) + Send + Sync>;

/// How secret and personal values that may be hidden read back.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Secrets {
    /// As they were written.
    #[default]
    Clear,
    /// As `****`.
    Masked,
    /// Not at all.
    Hidden,
}

/// What to serve, and how.
#[derive(Clone)]
pub struct Options {
    /// 0 for a free one.
    pub port: u16,
    /// What to start with instead of the kinds' samples.
    pub data: Option<Data>,
    /// How many objects each kind has; samples or data are cut or multiplied.
    pub count: Option<usize>,
    /// Before each answer.
    pub latency: Duration,
    pub faults: Vec<Fault>,
    /// A merge of nested fields empties those that should ride along and do not.
    pub harsh: bool,
    pub secrets: Secrets,
    /// A list of one comes as the bare object, an empty one as nothing, where the description allows it.
    pub bare_single: bool,
    /// Nothing waits for anybody: what would need a mail to be confirmed is confirmed at once.
    pub verify_at_once: bool,
    /// A merge without all required fields is refused, where the description says that this may happen.
    pub asks_required: bool,
    /// Bodies of requests are kept in the log; for tests only.
    pub keep_bodies: bool,
    /// With a seed, ids and times are the same in every run.
    pub seed: Option<u64>,
    pub watch: Option<Watch>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            data: None,
            count: None,
            latency: Duration::ZERO,
            faults: Vec::new(),
            harsh: true,
            secrets: Secrets::Clear,
            bare_single: false,
            verify_at_once: false,
            asks_required: false,
            keep_bodies: false,
            seed: None,
            watch: None,
        }
    }
}

/// Starts sandboxes.
pub struct Sandbox;

/// A sandbox that runs until it is stopped or dropped.
pub struct Running {
    addr: SocketAddr,
    line: Arc<Line>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Serves these kinds on loopback, on a thread of its own.
    ///
    /// # Errors
    /// When the port is taken or no thread can be started.
    pub fn start(kinds: Vec<Arc<Kind>>, mut options: Options) -> io::Result<Running> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let line = Arc::new(Line {
            faults: Mutex::new(std::mem::take(&mut options.faults)),
            log: Mutex::default(),
            latency: options.latency,
            keep_bodies: options.keep_bodies,
            watch: options.watch.clone(),
            service: Service::new(kinds, options),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let served = Arc::clone(&line);
        let serve = move || runtime.block_on(http::serve(listener, served, stopped));
        let thread = std::thread::Builder::new().name("sandbox".into()).spawn(serve)?;
        Ok(Running { addr, line, stop: Some(stop), thread: Some(thread) })
    }
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL of an API, without a slash at the end.
    pub fn base_url(&self, api: &str) -> String {
        format!("http://{}/{api}", self.addr)
    }

    /// What was asked so far, oldest first.
    pub fn log(&self) -> Vec<Entry> {
        lock(&self.line.log).all()
    }

    /// Forgets what was asked.
    pub fn clear_log(&self) {
        lock(&self.line.log).clear();
    }

    /// Adds a fault, after those that are still to strike.
    pub fn arm(&self, fault: Fault) {
        lock(&self.line.faults).push(fault);
    }

    /// Sets members of a live object behind everybody's back, in the spelling in which the service answers.
    ///
    /// # Errors
    /// A sentence that says what does not fit.
    pub fn edit(
        &self,
        kind: &str,
        id: &str,
        set: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), String> {
        self.line.service.edit(kind, id, set)
    }

    /// What waits for somebody becomes what is.
    pub fn verify(&self) {
        self.line.service.verify();
    }

    /// The state as it was at the start, and an empty log.
    pub fn reset(&self) {
        self.line.reset();
    }

    /// The whole state, in the form of a data file. It holds whatever was written, secrets too.
    pub fn dump(&self) -> serde_json::Value {
        self.line.service.dump()
    }

    /// Ends it; what is under way is dropped.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        if let Some(stop) = self.stop.take() {
            // it may have ended already
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.halt();
    }
}
