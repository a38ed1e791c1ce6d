//! JSON Patch (RFC 6902) as the members that it sets or removes.
//!
//! Only members of the object itself can be set, since that is how whole fields are written.
//! Deliberately absent: operations that test, move and copy.

use std::borrow::Cow;

use crate::sandbox::error::SandboxError;
use crate::sandbox::raw_body::{self, RawBodyValue, RawScalar};

/// The members that a patch sets; those that it removes are null.
pub fn parse_patch(text: &str) -> Result<RawBodyValue<'_>, SandboxError> {
    let refused = || SandboxError::new(400, "InvalidPatch", "A list of operations is expected.");
    let operations =
        raw_body::parse_json(text).ok().and_then(RawBodyValue::into_items).ok_or_else(refused)?;
    let mut members = Vec::new();
    for operation in operations {
        let (mut op, mut path, mut value) = (String::new(), String::new(), None);
        for (name, given) in operation.into_members().ok_or_else(refused)? {
            match &*name {
                "op" => op = read_text(&given).ok_or_else(refused)?,
                "path" => path = read_text(&given).ok_or_else(refused)?,
                "value" => value = Some(given),
                _ => return Err(refused()),
            }
        }
        let name = path.strip_prefix('/').filter(|name| !name.is_empty() && !name.contains('/'));
        let name = name.ok_or_else(refused)?.replace("~1", "/").replace("~0", "~");
        let value = match (&*op, value) {
            ("add" | "replace", Some(value)) => value,
            ("remove", None) => RawBodyValue::Null,
            _ => return Err(refused()),
        };
        members.push((Cow::Owned(name), value));
    }
    Ok(RawBodyValue::Object(members))
}

fn read_text(value: &RawBodyValue) -> Option<String> {
    match value.as_scalar()? {
        RawScalar::String(text) => Some(text.into_owned()),
        _ => None,
    }
}
