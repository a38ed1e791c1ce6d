//! A sandbox without a line: it answers whoever asks, at once, in the same process.
//!
//! For simulations, in which time stands still and what goes wrong on the way is somebody else's. Reads and
//! writes are those of the sandbox.
//! Deliberately absent: sockets, latency, faults, the log.

use std::sync::Arc;

use super::Options;
use super::service::{Asked, Lie, Service};
use crate::exchange::Response;
use crate::kind::Kind;
use crate::remote::transport::Parcel;

/// A service that answers at once.
pub struct Still {
    service: Service,
}

impl Still {
    /// Serves these kinds, each API below a path with its name.
    pub fn new(kinds: Vec<Arc<Kind>>, options: Options) -> Self {
        Self { service: Service::new(kinds, options) }
    }

    /// The answer to a request. A lie answers a write as if it were done.
    pub fn answer(&self, parcel: &Parcel, lies: bool) -> Response {
        let asked = Asked {
            verb: parcel.verb.clone(),
            path: parcel.url.path().to_owned(),
            raw_query: parcel.url.query().unwrap_or_default().to_owned(),
            query: parcel.url.query_pairs().into_owned().collect(),
            headers: parcel.headers.clone(),
            body: parcel.body.clone(),
        };
        let answer = self.service.answer(&asked, if lies { Lie::KeepNothing } else { Lie::No });
        let content_type = answer.content_type.split(';').next().unwrap_or_default();
        Response {
            status: answer.status,
            content_type: content_type.to_owned(),
            retry_after: None,
            etag: None,
            request_id: None,
            body: answer.body.to_vec(),
        }
    }

    /// The whole state, in the form of a data file. It holds whatever was written, secrets too.
    pub fn dump(&self) -> serde_json::Value {
        self.service.dump()
    }
}
