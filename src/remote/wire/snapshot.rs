//! Objects and pages as they were read, with what did not fit the kind.
//!
//! Deliberately absent: how they are read (`object_reader`, `page`).

use crate::remote::pager::PageSigns;
use crate::value::Object;

/// An object as it was read.
#[derive(Clone)]
pub struct Snapshot {
    pub object: Object,
    /// What did not fit the kind. While there is any, the object must not be written: its strangers may
    /// stand for fields that the document manages.
    pub mismatches: Vec<SchemaMismatch>,
    /// Where the things stand whose ids it holds, as far as the service tells.
    pub links: Vec<LookupLink>,
    /// What tells this state of it from the next, where it was read alone and the service says so.
    pub etag: Option<Box<str>>,
}

/// The list in which a thing stands that was read whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookupLink {
    /// The names of the fields that lead to its id, with slashes between them.
    pub path: Box<str>,
    /// As sent.
    pub url: Box<str>,
}

/// A field whose value is not what the kind says; in the object it is a stranger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaMismatch {
    /// JSON Pointer in the names that documents use.
    pub pointer: String,
    /// A sentence that never repeats the value.
    pub message: String,
}

/// A member as a service spelt it, where the description leaves the case to the service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberSpelling {
    /// The described names that lead to it, each after a slash.
    pub path: Box<str>,
    pub name: Box<str>,
}

/// One page of a list.
#[derive(Default)]
pub struct ListPage {
    pub items: Vec<Snapshot>,
    pub signs: PageSigns,
    /// How the members of the items were spelt.
    pub spellings: Vec<MemberSpelling>,
}
