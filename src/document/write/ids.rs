//! Ids into documents that are there: a line for each beside its name, everything else byte for byte.
//!
//! The new text is read again before anybody gets it: every node of the file has to be what it was, but for the
//! ids that were to come. What stands between braces, as JSON does, is not edited: where a line would go there
//! no one can say.
//! Deliberately absent: files, and where ids are known from.

use std::sync::Arc;

use super::edit::{self, DocumentEditor, TextEdit};
use super::layout::LayoutEntry;
use super::tree;
use crate::diagnostic::{NamedSource, SourceSpan};
use crate::document::Document;
use crate::document::read::read_node;
use crate::kind::registry::KindRegistry;
use crate::value::Value;
use crate::yaml::{self, YamlData, YamlNode};

/// The key of an id in a document.
pub const ID_KEY: &str = "id";

/// A document and the id that is to stand in it.
pub struct AssignedId<'n> {
    pub document: &'n Document,
    pub id: &'n Value,
}

/// A text with ids in it.
pub struct IdWriteOutcome {
    pub text: String,
    /// For each document why its id is not in the text; completes "this document …".
    pub unwritten_reasons: Vec<Option<&'static str>>,
}

/// Writes ids into the documents of one source.
pub fn write_ids(
    source: &Arc<NamedSource>,
    registry: &KindRegistry,
    wanted: &[AssignedId],
) -> IdWriteOutcome {
    let nodes = yaml::read_documents(source, &mut Vec::new());
    let edits: Vec<Result<IdEdit, &'static str>> =
        wanted.iter().map(|named| insert_id(source, &nodes, named)).collect();
    let cuts: Vec<TextEdit> = edits.iter().flatten().flat_map(|edit| edit.edits.clone()).collect();
    let text = edit::apply_edits(&source.text, &cuts)
        .filter(|text| is_verified(text, &nodes, &edits, wanted, registry));
    let unproved = text.is_none().then_some("stands in a file in which more than the ids would change");
    let left = edits.iter().map(|edit| edit.as_ref().err().copied().or(unproved)).collect();
    IdWriteOutcome { text: text.unwrap_or_else(|| source.text.to_string()), unwritten_reasons: left }
}

/// The line that says an id.
pub fn render_id_line(id: &Value) -> String {
    let mut line = String::new();
    super::layout::write_entries(&[build_id_entry(id)], 0, &mut line);
    line.trim_end().to_owned()
}

fn build_id_entry(id: &Value) -> LayoutEntry {
    LayoutEntry { key: ID_KEY.into(), node: Some(tree::build_literal(id)), comment: None }
}

/// What is cut for one document.
struct IdEdit {
    /// The number of its node.
    node_index: usize,
    edits: Vec<TextEdit>,
}

fn insert_id(
    source: &Arc<NamedSource>,
    nodes: &[YamlNode],
    named: &AssignedId,
) -> Result<IdEdit, &'static str> {
    let AssignedId { document, id } = named;
    tree::check_writable(document.kind.id_field().sensitivity, false, ID_KEY)
        .map_err(|_| "is of a kind whose ids are marked")?;
    let (at, root) = find_document(nodes, document.name_span).ok_or("is not found in its file")?;
    let mut editor = DocumentEditor::new(source, root);
    if editor.is_flow(root) {
        return Err("stands between braces");
    }
    if root.get_value(ID_KEY).is_some() {
        return Err("has a line for its id already");
    }
    let behind = if root.get_value("target").is_some() { "target" } else { "name" };
    let put = editor.insert_entries_after(root.span, behind, &[build_id_entry(id)]);
    put.map_err(|stuck| stuck.reason)?;
    Ok(IdEdit { node_index: at, edits: editor.into_edits() })
}

/// The node of the document whose name stands here, with its number.
fn find_document<'n, 't>(nodes: &'n [YamlNode<'t>], name: SourceSpan) -> Option<(usize, &'n YamlNode<'t>)> {
    let own = |node: &YamlNode| node.get_value("name").is_some_and(|node| node.span == name);
    nodes.iter().enumerate().find(|(_, node)| own(node))
}

/// Whether a text is what stood there, and says the ids besides.
fn is_verified(
    text: &str,
    before: &[YamlNode],
    edits: &[Result<IdEdit, &'static str>],
    wanted: &[AssignedId],
    registry: &KindRegistry,
) -> bool {
    let source = NamedSource::new("", text);
    let mut faults = Vec::new();
    let after = yaml::read_documents(&source, &mut faults);
    let says = |(edit, named): (&IdEdit, &AssignedId)| {
        let node = after.get(edit.node_index)?;
        let document = read_node(node, &source, registry, &mut faults)?;
        (document.id.as_ref() == Some(named.id) && document.name == named.document.name).then_some(())
    };
    let changed = edits.iter().zip(wanted).filter_map(|(edit, named)| Some((edit.as_ref().ok()?, named)));
    let all_say = changed.map(says).all(|said| said.is_some());
    let is_new = |at: usize| edits.iter().flatten().any(|edit| edit.node_index == at);
    let kept =
        |(at, (before, after)): (usize, (&YamlNode, &YamlNode))| is_same_except_id(before, after, is_new(at));
    all_say && before.len() == after.len() && before.iter().zip(&after).enumerate().all(kept)
}

/// Whether two nodes say the same, but for an id that came.
fn is_same_except_id(before: &YamlNode, after: &YamlNode, with_id: bool) -> bool {
    match (&before.data, &after.data) {
        (YamlData::Scalar { text: a, plain: x }, YamlData::Scalar { text: b, plain: y }) => a == b && x == y,
        (YamlData::Sequence(a), YamlData::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_except_id(a, b, false))
        }
        (YamlData::Mapping(a), YamlData::Mapping(b)) => {
            let kept: Vec<_> = b.iter().filter(|entry| !(with_id && entry.key == ID_KEY)).collect();
            a.len() == kept.len()
                && a.iter()
                    .zip(kept)
                    .all(|(a, b)| a.key == b.key && is_same_except_id(&a.value, &b.value, false))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::document::read_documents;

    const KIND: &str = "bootview/payment-gateway";

    fn id() -> Value {
        let Ok(guid) = "5e1f0a77-2c3d-4b4e-8f50-6172839405a6".parse::<Uuid>() else { panic!("no guid") };
        Value::Uuid(guid)
    }

    /// The text with an id in each document that is called `a`, or why it is not there.
    fn with_id(text: &str) -> Result<String, &'static str> {
        let source = NamedSource::new("t.yaml", text);
        let registry = KindRegistry::get_builtin();
        let documents = read_documents(&source, registry, &mut Vec::new());
        let id = id();
        let own = documents.iter().filter(|document| &*document.name == "a");
        let wanted: Vec<AssignedId> = own.map(|document| AssignedId { document, id: &id }).collect();
        assert!(!wanted.is_empty(), "{text}");
        let written = write_ids(&source, registry, &wanted);
        let left: Vec<&str> = written.unwritten_reasons.into_iter().flatten().collect();
        assert!(left.is_empty() || written.text == text);
        left.first().map_or(Ok(written.text), |why| Err(why))
    }

    fn head(more: &str) -> String {
        format!("kind: {KIND}\n{more}spec:\n  displayName: x\n")
    }

    #[test]
    fn the_line_comes_behind_the_target_else_the_name() {
        let line = "id: 5e1f0a77-2c3d-4b4e-8f50-6172839405a6";
        assert_eq!(super::render_id_line(&id()), line);
        let both = head("name: a  # the name\ntarget: t  # the target\n\n# more\nprotect: true\n");
        let expected = both.replace("# the target\n", &format!("# the target\n{line}\n"));
        assert_eq!(with_id(&both), Ok(expected));
        let alone = head("name: 'a' # the name\n");
        assert_eq!(with_id(&alone), Ok(alone.replace("the name\n", &format!("the name\n{line}\n"))));
        let last = format!("kind: {KIND}\nspec:\n  displayName: x\nname: a");
        assert_eq!(with_id(&last), Ok(format!("{last}\n{line}")));
    }

    #[test]
    fn only_the_documents_that_are_meant_change() {
        let text = format!(
            "# top\n{}---\n{}...\n---\n# third\n{}",
            head("name: b\n"),
            head("name: a\n"),
            head("name: c\n")
        );
        let written = with_id(&text).expect("an id");
        let lines = similar::TextDiff::from_lines(text.as_str(), written.as_str());
        let changed: Vec<_> =
            lines.iter_all_changes().filter(|line| line.tag() != similar::ChangeTag::Equal).collect();
        assert_eq!(changed.len(), 1);
        assert_eq!((changed[0].tag(), changed[0].new_index()), (similar::ChangeTag::Insert, Some(8)));
    }

    #[test]
    fn line_ends_and_columns_stay() {
        let windows = head("name: a\n").replace('\n', "\r\n");
        let written = with_id(&windows).expect("an id");
        assert!(written.contains("name: a\r\nid: ") && !written.replace("\r\n", "").contains('\n'));
        let indented: String = head("name: a\n").lines().map(|line| format!("  {line}\n")).collect();
        assert!(with_id(&indented).expect("an id").contains("\n  name: a\n  id: 5e1f"));
    }

    #[test]
    fn what_is_shared_elsewhere_does_not_matter() {
        let anchors = "kind: bootview/payment-gateway\nname: a\nspec:\n  city: &x town\n  displayName: *x\n";
        assert!(with_id(anchors).expect("an id").contains("name: a\nid: "));
    }

    #[test]
    fn what_is_ambiguous_is_left_alone() {
        let json =
            format!("{{\"kind\": \"{KIND}\", \"name\": \"a\", \"spec\": {{\"displayName\": \"x\"}}}}\n");
        assert_eq!(with_id(&json), Err("stands between braces"));
        let nothing = head("name: a\nid:\n");
        assert_eq!(with_id(&nothing), Err("has a line for its id already"));
        let alias = format!("kind: {KIND}\nspec:\n  displayName: &x a\nname: *x\n");
        assert!(with_id(&alias).is_err());
        let folded = head("name:\n  a\n");
        assert!(with_id(&folded).is_ok_and(|text| text.contains("name:\n  a\nid: ")));
    }
}
