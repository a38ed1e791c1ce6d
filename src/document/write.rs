//! Documents as YAML text: desired state to the lines that a person would have written.
//!
//! What is written here reads back as the same document, for readers of YAML 1.1 too. This is the one place
//! that puts values into files, so it has a gate of its own: a plain value under the mark of a secret is never
//! written, a personal or sensitive one only when that was asked for, whoever calls.
//! Deliberately absent: files, and the choice of what is worth writing.

pub mod edit;
pub mod ids;
pub mod layout;
pub mod tree;

use std::collections::BTreeMap;

use super::Wanted;
use crate::diagnostic::Diagnostic;
use crate::kind::Kind;
use crate::value::{Mark, Value};
use layout::{Row, Tree};

/// What is said beside the fields of a document: by the numbers of fields and the places of items that lead
/// to the node.
pub type Remarks = BTreeMap<Vec<u32>, Remark>;

/// What is said of one node.
#[derive(Clone)]
pub enum Remark {
    /// Behind the value.
    Beside(String),
    /// Where the field would stand, which is left out.
    Instead(String),
}

/// A document that is to be written.
pub struct Sheet<'s> {
    pub kind: &'s Kind,
    pub name: &'s str,
    pub target: Option<&'s str>,
    pub id: Option<&'s Value>,
    /// By the number of the parameter.
    pub scope: &'s [(u16, Value)],
    pub spec: &'s Wanted,
    pub remarks: &'s Remarks,
    /// Lines of comment above it.
    pub head: &'s [String],
    /// Whether personal and sensitive values may be written.
    pub personal: bool,
}

/// The text of a document, with a line break at the end.
///
/// # Errors
/// When it holds a plain value that must not be written.
pub fn write(sheet: &Sheet) -> Result<String, Diagnostic> {
    let kind = sheet.kind;
    let mut rows = vec![row("kind", Tree::Text(kind.name.to_string()))];
    rows.push(row("name", Tree::Text(sheet.name.to_owned())));
    rows.extend(sheet.target.map(|target| row("target", Tree::Text(target.to_owned()))));
    if let Some(id) = sheet.id {
        tree::allowed(kind.id_field().mark, sheet.personal, &kind.id_field().name)?;
        rows.push(row("id", tree::leaf(id)));
    }
    if !sheet.scope.is_empty() {
        let named = |(number, value): &(u16, Value)| {
            Some(row(&kind.scope.get(*number as usize)?.name, tree::leaf(value)))
        };
        rows.push(row("scope", Tree::Map(sheet.scope.iter().filter_map(named).collect())));
    }
    let spec = tree::Planting::new(sheet.remarks, sheet.personal).spec(&kind.shape, sheet.spec)?;
    rows.push(row("spec", Tree::Map(spec)));
    let mut out = String::new();
    sheet.head.iter().for_each(|line| layout::comment(line, 0, &mut out));
    layout::rows(&rows, 0, &mut out);
    Ok(out)
}

fn row(key: &str, tree: Tree) -> Row {
    Row { key: key.to_owned(), tree: Some(tree), remark: None }
}

/// Whether a mark keeps a value out of documents unless it was asked for.
pub fn is_guarded(mark: Mark) -> bool {
    matches!(mark, Mark::Personal | Mark::Sensitive)
}
