//! Writes that are answered before they are done, and POSTs that are sent twice with one key.
//!
//! What is written shows at once; only the status says for some requests that it is still under way. A second POST
//! with the key of an earlier one gets the answer of that one, and nothing is done.

use crate::exchange::{Method, WireValue};
use crate::sandbox::error::{SandboxError, set_member};
use crate::sandbox::handler::SandboxHandler;
use crate::sandbox::response::SandboxResponse;

/// So many requests for a status say that the write is under way.
const RUNNING_ANSWERS: u8 = 2;
/// Where statuses are.
const STATUS_PATH: &str = "/_operations/";

impl SandboxHandler<'_> {
    /// What an earlier POST with the same key was answered.
    pub fn find_replay(&self) -> Result<Option<SandboxResponse>, SandboxError> {
        let Some(header) = self.api().idempotency_header.as_deref().filter(|_| self.is_post()) else {
            return Ok(None);
        };
        let missing = || SandboxError::new(400, "MissingKey", format!("The header {header} is missing."));
        let key = self.request.header(header).ok_or_else(missing)?;
        let state = self.service.lock_state();
        Ok(state.replays.iter().find(|(own, _)| own == key).map(|(_, response)| response.clone()))
    }

    /// The answer to a write, as this API gives it.
    pub fn finish_write(&self, response: SandboxResponse) -> SandboxResponse {
        if self.request.method == Method::Get.as_str() || response.status >= 300 {
            return response;
        }
        let response = self.accept_write(response);
        let header = self.api().idempotency_header.as_deref().filter(|_| self.is_post());
        if let Some(key) = header.and_then(|header| self.request.header(header)) {
            self.service.lock_state().replays.push((key.to_owned(), response.clone()));
        }
        response
    }

    fn is_post(&self) -> bool {
        self.request.method == Method::Post.as_str()
    }

    fn accept_write(&self, mut response: SandboxResponse) -> SandboxResponse {
        let Some(status) = &self.api().operation_status else { return response };
        let mut state = self.service.lock_state();
        state.operations.push(RUNNING_ANSWERS);
        let url = format!("{}{STATUS_PATH}{}", self.base_url(), state.operations.len());
        if let Some(header) = &status.url_from {
            response.headers.push((header.to_lowercase(), url));
            return SandboxResponse { status: 202, ..response };
        }
        let mut body = WireValue::Object(Vec::new());
        set_member(&mut body, status.url_member.as_deref().unwrap_or_default(), WireValue::String(url));
        self.build_response(202, &body)
    }

    /// The status of a write.
    pub fn read_operation_status(&self, path: &str) -> Option<SandboxResponse> {
        let status = self.api().operation_status.as_ref()?;
        let number: usize = path.strip_prefix(STATUS_PATH)?.parse().ok()?;
        let mut state = self.service.lock_state();
        let left = state.operations.get_mut(number.checked_sub(1)?)?;
        let is_running = *left > 0;
        *left = left.saturating_sub(1);
        let mut body = WireValue::Object(Vec::new());
        for (member, values) in &status.done {
            let text = if is_running { "running" } else { values.first().map_or("done", String::as_str) };
            set_member(&mut body, member, WireValue::String(text.to_owned()));
        }
        Some(self.build_response(200, &body))
    }
}
