//! Documents: YAML to checked desired state, under the kind's guidance, with a place for every node.
//!
//! Absent, null and empty stay three things: a field that is not written is not in the tree, `null` is
//! [`DesiredValue::Clear`], `[]` and `{}` are empty collections. Secrets are slots until [`Document::resolve`]d,
//! names of other things references until [`Document::refer`]red.
//! Deliberately absent: what is live, and what a difference means.

pub mod chunks;
pub mod composition;
pub mod depend;
pub mod duplicates;
pub mod effective_reader;
pub mod format;
pub mod levels;
pub mod list_keys;
pub mod node_encoder;
pub mod read;
pub mod refer;
pub mod resolve;
pub mod source_reader;
pub(crate) mod spec;
pub mod taint;
pub mod value_source;
pub mod write;

use std::borrow::Cow;
use std::sync::Arc;

pub use chunks::read_documents;
pub use duplicates::{ServiceNames, check_duplicates};

use crate::diagnostic::{NamedSource, SourceLocation, SourceSpan};
use crate::kind::Kind;
use crate::kind::identity::KeyedItem;
use crate::kind::visit::{TreeMembers, ValueTree, VisitFlow, VisitedNode, visit_fields};
use crate::value::{Sensitivity, Value};
use levels::DocumentLevels;

/// The desired state of one object.
#[derive(Clone)]
pub struct Document {
    pub kind: Arc<Kind>,
    /// The stable key in the repository.
    pub name: Arc<str>,
    pub target: Option<Arc<str>>,
    pub state: DocumentState,
    /// The service's id, when the document names it.
    pub id: Option<Value>,
    pub protect: bool,
    /// Scope parameters that the document fixes, by their number in [`Kind::scope`].
    pub scope: Vec<(u16, Value)>,
    /// Parameters whose value is the id of a parent that the document names; in `scope` they have a placeholder.
    pub parents: Vec<ParentReference>,
    /// The documents whose objects are written before this one, and deleted after it.
    pub depends_on: Vec<DocumentDependency>,
    pub spec: DesiredNode,
    pub source: Arc<NamedSource>,
    /// The environment that it is for, where the workspace has environments.
    pub environment: Option<Arc<str>>,
    /// Whether it is made of several levels, or its text stands for several objects: no edit of its text is about it
    /// alone.
    pub is_composed: bool,
    /// Where its spans lie, when not all of it is in its own file.
    pub levels: Option<Arc<DocumentLevels>>,
    /// Where `name` stands.
    pub name_span: SourceSpan,
    /// Where `id` stands, else the same as `name_span`.
    pub id_span: SourceSpan,
    /// Where `target` stands, else the same as `name_span`.
    pub target_span: SourceSpan,
}

/// Whether the object is to be there.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum DocumentState {
    #[default]
    Present,
    /// To be deleted, where the API can and the run allows it.
    Absent,
    /// To be left as it is: it is not managed from here, or not any more.
    Unmanaged,
}

/// One node of the desired state.
#[derive(Clone)]
pub struct DesiredNode {
    pub span: SourceSpan,
    pub value: DesiredValue,
}

/// What is wanted of one node.
#[derive(Clone)]
pub enum DesiredValue {
    /// `null`: clear it.
    Clear,
    Literal(Value),
    /// A value that comes from outside the repository.
    Source(ValueSource),
    /// The id of something that the document names.
    Reference(NamedReference),
    /// Fields by their number in the shape, in the order of the shape.
    Object(Vec<(u16, DesiredNode)>),
    Map(Vec<(Box<str>, DesiredNode)>),
    List(Vec<DesiredNode>),
}

/// A thing that is named rather than given by its id.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedReference {
    /// The member of the thing that holds the name; `None` for the name of another document.
    pub member: Option<Arc<str>>,
    pub name: Box<str>,
    /// What must not be seen of the name.
    pub sensitivity: Sensitivity,
}

/// A scope parameter that names the document of the parent.
#[derive(Clone, PartialEq, Eq)]
pub struct ParentReference {
    /// The number of the parameter.
    pub number: u16,
    pub reference: NamedReference,
    pub span: SourceSpan,
}

/// A document that another one depends on.
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentDependency {
    /// `api/kind`.
    pub kind: Arc<str>,
    pub name: Box<str>,
    pub span: SourceSpan,
}

/// Where a secret comes from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ValueSource {
    Env(String),
    /// Relative to the workspace.
    File(String),
    Command(Vec<String>),
    /// A provider of the settings, and the name of the secret there.
    Provider(String, String),
}

impl ValueTree for DesiredNode {
    fn members(&self) -> TreeMembers<'_, Self> {
        match &self.value {
            DesiredValue::Object(fields) => TreeMembers::Fields(fields),
            DesiredValue::Map(entries) => TreeMembers::Entries(entries),
            DesiredValue::List(items) => TreeMembers::Items(items),
            _ => TreeMembers::Nothing,
        }
    }
}

/// Visits everything that a document desires.
pub fn visit_spec<'d>(
    document: &'d Document,
    visit: &mut dyn FnMut(&VisitedNode<'_, 'd, 'd, DesiredNode>) -> VisitFlow,
) {
    if let DesiredValue::Object(fields) = &document.spec.value {
        visit_fields(&document.kind.shape, fields, visit);
    }
}

/// What a list item names, by the numbers of the fields; what is not known yet counts as nothing.
impl KeyedItem for [(u16, DesiredNode)] {
    fn find_named_value(&self, number: u16) -> Option<Cow<'_, Value>> {
        self.iter().find(|(own, _)| *own == number).map(|(_, wanted)| wanted.value.to_plain_value())
    }
}

impl DesiredValue {
    /// As a value; null where it is none, or is not known yet.
    fn to_plain_value(&self) -> Cow<'_, Value> {
        match self {
            Self::Literal(value) => Cow::Borrowed(value),
            Self::List(items) => {
                let items = items.iter().map(|item| item.value.to_plain_value().into_owned());
                Cow::Owned(Value::Array(items.collect()))
            }
            _ => Cow::Owned(Value::Null),
        }
    }
}

impl Document {
    /// The file and the place of the name, which all environments of an object share.
    pub fn name_place(&self) -> (&str, u32) {
        (&self.source.path, self.name_span.start)
    }

    /// The place of a span of this document, in the file of its level.
    pub fn locate_span(&self, span: SourceSpan) -> SourceLocation {
        let levels = self.levels.as_ref();
        levels.and_then(|levels| levels.locate_span(span)).unwrap_or_else(|| self.source.locate_span(span))
    }
}
