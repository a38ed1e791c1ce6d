//! Documents: YAML to checked desired state, under the kind's guidance, with a place for every node.
//!
//! Absent, null and empty stay three things: a field that is not written is not in the tree, `null` is
//! [`Wish::Clear`], `[]` and `{}` are empty collections. Secrets are slots until [`Document::resolve`]d,
//! names of other things references until [`Document::refer`]red.
//! Deliberately absent: what is live, and what a difference means.

mod apart;
pub mod read;
pub mod refer;
pub mod resolve;
pub mod slot;
pub(crate) mod spec;
pub mod tidy;
pub mod together;
pub mod write;

use std::sync::Arc;

use crate::diagnostic::{Place, Source, Span};
use crate::kind::Kind;
use crate::value::{Mark, Value};

pub use read::read;
pub use together::together;

/// The desired state of one object.
#[derive(Clone)]
pub struct Document {
    pub kind: Arc<Kind>,
    /// The stable key in the repository.
    pub name: Arc<str>,
    pub target: Option<Arc<str>>,
    pub state: State,
    /// The service's id, when the document names it.
    pub id: Option<Value>,
    pub protect: bool,
    /// Scope parameters that the document fixes, by their number in [`Kind::scope`].
    pub scope: Vec<(u16, Value)>,
    pub spec: Wanted,
    pub source: Arc<Source>,
    /// Where `name` stands.
    pub name_span: Span,
    /// Where `id` stands, else the same as `name_span`.
    pub id_span: Span,
    /// Where `target` stands, else the same as `name_span`.
    pub target_span: Span,
}

/// Whether the object is to be there.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum State {
    #[default]
    Present,
    /// To be deleted, where the API can and the run allows it.
    Absent,
}

/// One node of the desired state.
#[derive(Clone)]
pub struct Wanted {
    pub span: Span,
    pub wish: Wish,
}

/// What is wanted of one node.
#[derive(Clone)]
pub enum Wish {
    /// `null`: clear it.
    Clear,
    Leaf(Value),
    /// A value that comes from outside the repository.
    Slot(Slot),
    /// The id of something that the document names.
    Reference(Reference),
    /// Fields by their number in the shape, in the order of the shape.
    Object(Vec<(u16, Wanted)>),
    Map(Vec<(Box<str>, Wanted)>),
    List(Vec<Wanted>),
}

/// A thing that is named rather than given by its id.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    /// The member of the thing that holds the name; `None` for the name of another document.
    pub by: Option<Arc<str>>,
    pub name: Box<str>,
    /// What must not be seen of the name.
    pub mark: Mark,
}

/// Where a secret comes from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Slot {
    Env(String),
    /// Relative to the workspace.
    File(String),
    Command(Vec<String>),
}

impl Document {
    /// The place of a span of this document.
    pub fn place(&self, span: Span) -> Place {
        self.source.place(span)
    }
}
