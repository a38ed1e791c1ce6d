//! Seals: a digest over all of a file but itself, under the key where there is one, that tells whether anybody
//! changed it.
//!
//! A seal does not depend on blanks or on the order of members, so a file may be reformatted. Without a key it
//! tells accidents, not attackers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::diagnostic::Diagnostic;
use crate::plan::digest;

/// The member with the seal.
const MEMBER: &str = "seal";

/// A digest over the whole file but for itself.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct FileSeal {
    /// Whether digests in this file are made under a key.
    pub keyed: bool,
    /// The digest.
    pub digest: String,
}

/// What is sealed, for what is said of it.
#[derive(Clone, Copy)]
pub struct SealMessages {
    /// `saved plan`
    pub noun: &'static str,
    pub tampered_code: &'static str,
    pub foreign_code: &'static str,
    /// What to do about one that cannot be trusted.
    pub hint: &'static str,
    /// What to do about one that was made without a key.
    pub unkeyed_hint: &'static str,
}

impl FileSeal {
    /// Of a file that has none yet.
    pub fn from_json(json: &Json, key: Option<&[u8]>) -> Self {
        Self { keyed: key.is_some(), digest: digest_json(json, key) }
    }

    /// Holds the seal of a file against the file.
    ///
    /// # Errors
    /// When it was changed, or the key is not the one under which it was made.
    pub fn check(
        seal: Option<&Self>,
        mut json: Json,
        key: Option<&[u8]>,
        of: SealMessages,
    ) -> Result<(), Diagnostic> {
        let noun = of.noun;
        let Some(seal) = seal else {
            let message = format!("this {noun} has no seal");
            return Err(Diagnostic::error(of.tampered_code, message).with_hint(of.hint));
        };
        match (seal.keyed, key) {
            (true, None) => {
                let message = format!("this {noun} was sealed with a key, and no key is set");
                return Err(Diagnostic::error("no-digest-key", message).with_hint(
                    "set TRUEUP_DIGEST_KEY to the key of the run that made it, or keep its `.trueup/key`",
                ));
            }
            (false, Some(_)) => {
                let message = format!("this {noun} was sealed without a key, and a key is set");
                return Err(Diagnostic::error(of.foreign_code, message).with_hint(of.unkeyed_hint));
            }
            _ => {}
        }
        if let Some(members) = json.as_object_mut() {
            members.shift_remove(MEMBER);
        }
        if digest_json(&json, key) != seal.digest {
            let other = if seal.keyed { ", or was sealed with another key" } else { "" };
            let message = format!("this {noun} was changed{other}");
            return Err(Diagnostic::error(of.tampered_code, message).with_hint(of.hint));
        }
        Ok(())
    }
}

fn digest_json(json: &Json, key: Option<&[u8]>) -> String {
    let mut text = Vec::new();
    write_canonical(json, &mut text);
    digest::digest_bytes(&text, key)
}

/// JSON without blanks, members in the order of their names.
fn write_canonical(json: &Json, out: &mut Vec<u8>) {
    match json {
        Json::Array(items) => {
            out.push(b'[');
            for item in items {
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (name, value) in members {
                write_json(&name, out);
                out.push(b':');
                write_canonical(value, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        scalar => write_json(scalar, out),
    }
}

fn write_json(json: &impl Serialize, out: &mut Vec<u8>) {
    // memory takes everything, and names and leaves always are JSON
    let _ = serde_json::to_writer(out, json);
}
