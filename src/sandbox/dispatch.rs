//! From one request to one response: routing, credentials, the operation, the error.
//!
//! Everything is derived from the kinds. Reads and writes happen under one lock, so a request sees a complete
//! state and leaves one. Deliberately absent: sockets, latency and faults of the connection; `http` has those.

use crate::sandbox::deserialize::is_lenient;
use crate::sandbox::error::SandboxError;
use crate::sandbox::handler::SandboxHandler;
use crate::sandbox::response;
use crate::sandbox::response::{SandboxFormat, SandboxResponse};
use crate::sandbox::route::SandboxRouteMatch;
use crate::sandbox::service::{FaultMode, SandboxRequest, SandboxService};

impl SandboxService {
    /// The answer to a request.
    pub fn answer_request(&self, requested: &SandboxRequest, lie: FaultMode) -> SandboxResponse {
        let Some((mount, rest)) = self.find_router(&requested.path) else {
            return self.respond_unknown_api();
        };
        let api = &*mount.api;
        let mut found = mount.match_request(&requested.method, rest);
        let suffix = match &found {
            SandboxRouteMatch::Matched { suffix, .. } => *suffix,
            _ => None,
        };
        let Some(form) = response::negotiate_format(
            api,
            requested.header("accept"),
            suffix.or_else(|| requested.read_format_parameter()),
        ) else {
            return SandboxResponse::from_text(406, "this API answers JSON only\n");
        };
        let search = self.read_search(&mut found, requested);
        let requested = search.as_ref().unwrap_or(requested);
        let is_lost = matches!(found, SandboxRouteMatch::NotFound | SandboxRouteMatch::MethodNotAllowed);
        let call = SandboxHandler {
            service: self,
            router: mount,
            request: requested,
            format: form,
            fault_mode: lie,
        };
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
    pub fn render_error(&self, requested: &SandboxRequest, refusal: &SandboxError) -> SandboxResponse {
        let Some((mount, _)) = self.find_router(&requested.path) else {
            return SandboxResponse::from_status(refusal.status);
        };
        let form = response::negotiate_format(
            &mount.api,
            requested.header("accept"),
            requested.read_format_parameter(),
        );
        SandboxResponse::new(
            &mount.api,
            form.unwrap_or(SandboxFormat::Html),
            refusal.status,
            &refusal.to_wire(&mount.api),
        )
    }

    fn respond_unknown_api(&self) -> SandboxResponse {
        let names: Vec<String> = self.routers.iter().map(|mount| format!("/{}", mount.api.name)).collect();
        SandboxResponse::from_text(404, format!("no API here; this sandbox serves {}\n", names.join(", ")))
    }
}
