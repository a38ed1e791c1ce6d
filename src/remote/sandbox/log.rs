//! What was asked of the sandbox: one line a request, the newest kept.
//!
//! A query may carry credentials and natural keys, so only the values that the descriptions themselves fix are
//! kept; bodies are kept only where a test asks for them. Hence no `Debug`.

use std::collections::VecDeque;

/// How many requests are remembered.
const MOST: usize = 200_000;
/// How much of a path is remembered.
const PATH: usize = 512;

/// One request and its fate.
#[derive(Clone)]
pub struct Entry {
    pub verb: String,
    pub path: String,
    /// Values that the description does not fix stand as `…`.
    pub query: Vec<(String, String)>,
    /// None when the connection was left hanging or dropped.
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub bytes: usize,
    pub millis: u64,
    /// Only where the sandbox was told to keep bodies.
    pub body: Option<Vec<u8>>,
}

/// The newest requests.
#[derive(Default)]
pub struct Log {
    entries: VecDeque<Entry>,
}

impl Entry {
    /// One line of JSON.
    pub fn line(&self) -> String {
        let query: serde_json::Map<String, serde_json::Value> =
            self.query.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let mut line = serde_json::json!({
            "verb": self.verb, "path": self.path, "query": query,
            "status": self.status, "bytes": self.bytes, "millis": self.millis,
        });
        if let Some(body) = &self.body {
            line["body"] = String::from_utf8_lossy(body).into();
        }
        line.to_string()
    }
}

impl Log {
    /// Adds a request.
    pub fn add(&mut self, mut entry: Entry) {
        if let Some((cut, _)) = entry.path.char_indices().nth(PATH) {
            entry.path.truncate(cut);
        }
        if self.entries.len() == MOST {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// All that is remembered, oldest first.
    pub fn all(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }
}
