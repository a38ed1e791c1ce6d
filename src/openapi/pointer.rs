//! JSON Pointers (RFC 6901) and references to them.

use serde_json::Value as Json;

/// A reference to a pointer.
pub fn build_reference(pointer: &str) -> Json {
    serde_json::json!({ "$ref": format!("#{pointer}") })
}

/// A step of a pointer.
pub fn escape_pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
