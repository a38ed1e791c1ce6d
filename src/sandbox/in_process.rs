//! A sandbox without a line: it answers whoever asks, at once, in the same process.
//!
//! For simulations, in which time stands still and what goes wrong on the way is someone else's. Reads and
//! writes are those of the sandbox.
//! Deliberately absent: sockets, latency, faults, the log.

use std::sync::Arc;

use crate::exchange::HttpResponse;
use crate::kind::Kind;
use crate::remote::transport::TransportRequest;
use crate::sandbox::options::SandboxOptions;
use crate::sandbox::service::{FaultMode, SandboxRequest, SandboxService};

/// A service that answers at once.
pub struct InProcessSandbox {
    service: SandboxService,
}

impl InProcessSandbox {
    /// Serves these kinds, each API below a path with its name.
    pub fn new(kinds: Vec<Arc<Kind>>, options: SandboxOptions) -> Self {
        Self { service: SandboxService::new(kinds, options) }
    }

    /// The answer to a request. A lie answers a write as if it were done.
    pub fn answer_request(&self, parcel: &TransportRequest, lies: bool) -> HttpResponse {
        let requested = SandboxRequest {
            method: parcel.method.clone(),
            path: parcel.url.path().to_owned(),
            raw_query: parcel.url.query().unwrap_or_default().to_owned(),
            query: parcel.url.query_pairs().into_owned().collect(),
            headers: parcel.headers.clone(),
            body: parcel.body.clone(),
        };
        let answer = self
            .service
            .answer_request(&requested, if lies { FaultMode::DiscardWrite } else { FaultMode::Normal });
        let content_type = answer.content_type.split(';').next().unwrap_or_default();
        HttpResponse {
            status: answer.status,
            content_type: content_type.to_owned(),
            headers: answer.headers,
            body: answer.body.to_vec(),
            ..HttpResponse::default()
        }
    }

    /// The whole state, in the form of a data file. It holds whatever was written, secrets too.
    pub fn dump_state(&self) -> serde_json::Value {
        self.service.dump_state()
    }
}
