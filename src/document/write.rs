//! Documents as YAML text: desired state to the lines that a person would have written.
//!
//! What is written here reads back as the same document, for readers of YAML 1.1 too. This is the one place
//! that puts values into files, so it has a gate of its own: a plain value under the mark of a secret is never
//! written, a personal or sensitive one only when that was asked for, whoever calls.
//! Deliberately absent: files, and the choice of what is worth writing.

pub mod edit;
pub mod ids;
pub mod layout;
pub mod patch;
pub mod rewrite;
pub mod tree;

use layout::{LayoutEntry, LayoutNode};

pub use tree::{CommentMap, NodeComment, is_guarded};

use super::{DesiredNode, DocumentDependency, DocumentState};
use crate::diagnostic::Diagnostic;
use crate::kind::Kind;
use crate::value::Value;

/// A document that is to be written.
pub struct DocumentContent<'s> {
    pub kind: &'s Kind,
    pub name: &'s str,
    pub target: Option<&'s str>,
    pub state: DocumentState,
    pub id: Option<&'s Value>,
    pub protect: bool,
    pub depends_on: &'s [DocumentDependency],
    /// By the number of the parameter.
    pub scope: &'s [(u16, Value)],
    pub spec: &'s DesiredNode,
    pub comments: &'s CommentMap,
    /// Lines of comment above it.
    pub header_comments: &'s [String],
    /// Whether personal and sensitive values may be written.
    pub allow_personal: bool,
    /// Whether a value that must not be written is left out with a comment, rather than an error.
    pub omit_guarded: bool,
}

/// The text of a document, with a line break at the end.
///
/// # Errors
/// When it holds a plain value that must not be written.
pub fn render_document(sheet: &DocumentContent) -> Result<String, Diagnostic> {
    Ok(render_entries(&build_document(sheet)?, sheet.header_comments))
}

/// The text of the entries of a document, below lines of comment.
pub fn render_entries(entries: &[LayoutEntry], header_comments: &[String]) -> String {
    let mut out = String::new();
    header_comments.iter().for_each(|line| layout::write_comment(line, 0, &mut out));
    layout::write_entries(entries, 0, &mut out);
    out
}

/// The entries of a document.
///
/// # Errors
/// When it holds a plain value that must not be written.
pub fn build_document(sheet: &DocumentContent) -> Result<Vec<LayoutEntry>, Diagnostic> {
    let kind = sheet.kind;
    let mut rows = vec![build_entry("kind", LayoutNode::Text(kind.name.to_string()))];
    rows.push(build_entry("name", LayoutNode::Text(sheet.name.to_owned())));
    rows.extend(sheet.target.map(|target| build_entry("target", LayoutNode::Text(target.to_owned()))));
    let state = match sheet.state {
        DocumentState::Present => None,
        DocumentState::Absent => Some("absent"),
        DocumentState::Unmanaged => Some("unmanaged"),
    };
    rows.extend(state.map(|state| build_entry("state", LayoutNode::Plain(state.to_owned()))));
    if let Some(id) = sheet.id.filter(|_| kind.identity.composition.is_none()) {
        match tree::check_writable(kind.id_field().sensitivity, sheet.allow_personal, &kind.id_field().name) {
            Err(fault) if !sheet.omit_guarded => return Err(fault),
            Err(_) => {}
            Ok(()) => rows.push(build_entry("id", tree::build_literal(id))),
        }
    }
    if sheet.protect {
        rows.push(build_entry("protect", LayoutNode::Plain("true".to_owned())));
    }
    if !sheet.depends_on.is_empty() {
        let names = sheet.depends_on.iter().map(|own| LayoutNode::Text(own.to_text()));
        rows.push(build_entry("depends_on", LayoutNode::List(names.collect())));
    }
    if !sheet.scope.is_empty() {
        let named = |(number, value): &(u16, Value)| {
            Some(build_entry(&kind.scope.get(*number as usize)?.name, tree::build_literal(value)))
        };
        rows.push(build_entry("scope", LayoutNode::Map(sheet.scope.iter().filter_map(named).collect())));
    }
    let builder = tree::LayoutBuilder::new(sheet.comments, sheet.allow_personal);
    let spec = builder.with_omissions(sheet.omit_guarded).build_spec(&kind.shape, sheet.spec)?;
    rows.push(build_entry("spec", LayoutNode::Map(spec)));
    Ok(rows)
}

fn build_entry(key: &str, tree: LayoutNode) -> LayoutEntry {
    LayoutEntry { key: key.to_owned(), node: Some(tree), comment: None }
}
