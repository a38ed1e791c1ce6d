//! What was asked of the sandbox: one line a request, the newest kept.
//!
//! A query may carry credentials and natural keys, so only the values that the descriptions themselves fix are
//! kept; bodies are kept only where a test asks for them. Hence no `Debug`.

use std::collections::VecDeque;

/// How many requests are remembered.
const MAX_LOG_ENTRIES: usize = 200_000;
/// How much of a path is remembered.
const MAX_PATH_CHARS: usize = 512;

/// One request and its fate.
#[derive(Clone)]
pub struct SandboxLogEntry {
    pub method: String,
    pub path: String,
    /// Values that the description does not fix stand as `…`.
    pub query: Vec<(String, String)>,
    /// None when the connection was left hanging or dropped.
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub bytes: usize,
    pub millis: u64,
    /// Only where the sandbox was asked to keep bodies.
    pub body: Option<Vec<u8>>,
}

/// The newest requests.
#[derive(Default)]
pub struct SandboxRequestLog {
    entries: VecDeque<SandboxLogEntry>,
}

impl SandboxLogEntry {
    /// One line of JSON.
    pub fn to_json_line(&self) -> String {
        let query: serde_json::Map<String, serde_json::Value> =
            self.query.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let mut line = serde_json::json!({
            "method": self.method, "path": self.path, "query": query,
            "status": self.status, "bytes": self.bytes, "duration_ms": self.millis,
        });
        if let Some(body) = &self.body {
            line["body"] = String::from_utf8_lossy(body).into();
        }
        line.to_string()
    }
}

impl SandboxRequestLog {
    /// Adds a request.
    pub fn add_entry(&mut self, mut entry: SandboxLogEntry) {
        if let Some((cut, _)) = entry.path.char_indices().nth(MAX_PATH_CHARS) {
            entry.path.truncate(cut);
        }
        if self.entries.len() == MAX_LOG_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Forgets everything.
    pub fn clear_entries(&mut self) {
        self.entries.clear();
    }

    /// All that is remembered, oldest first.
    pub fn list_entries(&self) -> Vec<SandboxLogEntry> {
        self.entries.iter().cloned().collect()
    }
}
