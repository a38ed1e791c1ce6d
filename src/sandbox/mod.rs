//! The sandbox: every API of the descriptions, served over real HTTP on this machine.
//!
//! Derived wholly from the kinds: paths, paging, filters, required fields, replace and merge, wire formats,
//! error shapes. It proves that tool and description agree, not that the description is true; where the facts
//! leave a question open it takes the nasty answer. For tests, practice and the demo.
//! Deliberately absent: persistence, TLS, and any name of a service.

mod auth;
mod control;
mod deserialize;
mod dispatch;
mod embedded_objects;
mod error;
mod fault;
mod filter;
mod form_body;
mod handler;
mod http;
mod id_generator;
mod in_process;
mod json_patch;
mod keyed_items;
mod late_writes;
mod list_items;
mod log;
mod options;
mod pages;
mod parents;
mod raw_body;
mod reads;
mod ready;
mod reference_lists;
mod response;
mod route;
mod rules;
mod searches;
mod seed;
mod service;
mod store;
mod validation;
mod writes;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::kind::Kind;
pub use crate::sandbox::fault::{FaultEffect, SandboxFault};
use crate::sandbox::http::{SandboxServer, lock_mutex};
pub use crate::sandbox::in_process::InProcessSandbox;
pub use crate::sandbox::log::SandboxLogEntry;
pub use crate::sandbox::options::{SandboxObserver, SandboxOptions, SandboxSecretMode};
pub use crate::sandbox::seed::{SandboxData, find_example_errors};
use crate::sandbox::service::SandboxService;

/// Starts sandboxes.
pub struct SandboxLauncher;

/// A sandbox that runs until it is stopped or dropped.
pub struct RunningSandbox {
    addr: SocketAddr,
    server: Arc<SandboxServer>,
    stop_sender: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SandboxLauncher {
    /// Serves these kinds on loopback, on a thread of its own.
    ///
    /// # Errors
    /// When the port is taken or no thread can be started.
    pub fn start_server(kinds: Vec<Arc<Kind>>, mut options: SandboxOptions) -> io::Result<RunningSandbox> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let line = Arc::new(SandboxServer {
            faults: Mutex::new(std::mem::take(&mut options.faults)),
            log: Mutex::default(),
            latency: options.latency,
            log_bodies: options.log_bodies,
            observer: options.observer.clone(),
            service: SandboxService::new(kinds, options),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let served = Arc::clone(&line);
        let serve = move || runtime.block_on(http::serve_connections(listener, served, stopped));
        let thread = std::thread::Builder::new().name("sandbox".into()).spawn(serve)?;
        Ok(RunningSandbox { addr, server: line, stop_sender: Some(stop), thread: Some(thread) })
    }
}

impl RunningSandbox {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL of an API, without a slash at the end.
    pub fn base_url(&self, api: &str) -> String {
        format!("http://{}/{api}", self.addr)
    }

    /// What was asked so far, oldest first.
    pub fn read_log(&self) -> Vec<SandboxLogEntry> {
        lock_mutex(&self.server.log).list_entries()
    }

    /// Forgets what was asked.
    pub fn clear_log(&self) {
        lock_mutex(&self.server.log).clear_entries();
    }

    /// Adds a fault, after those that are still to strike.
    pub fn add_fault(&self, fault: SandboxFault) {
        lock_mutex(&self.server.faults).push(fault);
    }

    /// Sets members of a live object behind everybody's back, in the spelling in which the service answers.
    ///
    /// # Errors
    /// A sentence that says what does not fit.
    pub fn edit_object(
        &self,
        kind: &str,
        id: &str,
        set: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), String> {
        self.server.service.edit_object(kind, id, set)
    }

    /// What waits for someone becomes what is.
    pub fn verify_pending(&self) {
        self.server.service.verify_pending();
    }

    /// The state as it was at the start, and an empty log.
    pub fn reset_state(&self) {
        self.server.reset_state();
    }

    /// The whole state, in the form of a data file. It holds whatever was written, secrets too.
    pub fn dump_state(&self) -> serde_json::Value {
        self.server.service.dump_state()
    }

    /// Ends it; what is under way is dropped.
    pub fn shut_down(mut self) {
        self.stop_thread();
    }

    fn stop_thread(&mut self) {
        if let Some(stop) = self.stop_sender.take() {
            // it may have ended already
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.stop_thread();
    }
}
