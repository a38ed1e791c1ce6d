//! Ids into documents that are there: a line for each beside its name, everything else byte for byte.
//!
//! The new text is read again before anybody gets it: every node of the file has to be what it was, but for the
//! ids that were to come. What stands between braces, as JSON does, is not edited: where a line would go there
//! nobody can say.
//! Deliberately absent: files, and where ids are known from.

use std::sync::Arc;

use super::edit::{self, Cut, Editor};
use super::layout::Row;
use super::tree;
use crate::diagnostic::{Source, Span};
use crate::document::Document;
use crate::document::read::read_node;
use crate::kind::registry::Registry;
use crate::value::Value;
use crate::yaml::{self, Data, Node};

/// The key of an id in a document.
pub const KEY: &str = "id";

/// A document and the id that is to stand in it.
pub struct Named<'n> {
    pub document: &'n Document,
    pub id: &'n Value,
}

/// A text with ids in it.
pub struct Written {
    pub text: String,
    /// For each document why its id is not in the text; completes "this document …".
    pub left: Vec<Option<&'static str>>,
}

/// Writes ids into the documents of one source.
pub fn write(source: &Arc<Source>, registry: &Registry, wanted: &[Named]) -> Written {
    let nodes = yaml::read(source, &mut Vec::new());
    let edits: Vec<Result<Edit, &'static str>> =
        wanted.iter().map(|named| edit(source, &nodes, named)).collect();
    let cuts: Vec<Cut> = edits.iter().flatten().flat_map(|edit| edit.cuts.clone()).collect();
    let text =
        edit::apply(&source.text, &cuts).filter(|text| is_proved(text, &nodes, &edits, wanted, registry));
    let unproved = text.is_none().then_some("stands in a file in which more than the ids would change");
    let left = edits.iter().map(|edit| edit.as_ref().err().copied().or(unproved)).collect();
    Written { text: text.unwrap_or_else(|| source.text.to_string()), left }
}

/// The line that says an id.
pub fn line(id: &Value) -> String {
    let mut line = String::new();
    super::layout::rows(&[row(id)], 0, &mut line);
    line.trim_end().to_owned()
}

fn row(id: &Value) -> Row {
    Row { key: KEY.into(), tree: Some(tree::leaf(id)), remark: None }
}

/// What is cut for one document.
struct Edit {
    /// The number of its node.
    at: usize,
    cuts: Vec<Cut>,
}

fn edit(source: &Arc<Source>, nodes: &[Node], named: &Named) -> Result<Edit, &'static str> {
    let Named { document, id } = named;
    tree::allowed(document.kind.id_field().mark, false, KEY)
        .map_err(|_| "is of a kind whose ids are marked")?;
    let (at, root) = find(nodes, document.name_span).ok_or("is not found in its file")?;
    let mut editor = Editor::new(source, root);
    if editor.is_flow(root) {
        return Err("stands between braces");
    }
    if root.get(KEY).is_some() {
        return Err("has a line for its id already");
    }
    let behind = if root.get("target").is_some() { "target" } else { "name" };
    let put = editor.entries_behind(root.span, behind, &[row(id)]);
    put.map_err(|stuck| stuck.why)?;
    Ok(Edit { at, cuts: editor.finish() })
}

/// The node of the document whose name stands here, with its number.
fn find<'n, 't>(nodes: &'n [Node<'t>], name: Span) -> Option<(usize, &'n Node<'t>)> {
    let own = |node: &Node| node.get("name").is_some_and(|node| node.span == name);
    nodes.iter().enumerate().find(|(_, node)| own(node))
}

/// Whether a text is what stood there, and says the ids besides.
fn is_proved(
    text: &str,
    before: &[Node],
    edits: &[Result<Edit, &'static str>],
    wanted: &[Named],
    registry: &Registry,
) -> bool {
    let source = Source::new("", text);
    let mut faults = Vec::new();
    let after = yaml::read(&source, &mut faults);
    let says = |(edit, named): (&Edit, &Named)| {
        let node = after.get(edit.at)?;
        let document = read_node(node, &source, registry, &mut faults)?;
        (document.id.as_ref() == Some(named.id) && document.name == named.document.name).then_some(())
    };
    let changed = edits.iter().zip(wanted).filter_map(|(edit, named)| Some((edit.as_ref().ok()?, named)));
    let all_say = changed.map(says).all(|said| said.is_some());
    let is_new = |at: usize| edits.iter().flatten().any(|edit| edit.at == at);
    let kept = |(at, (before, after)): (usize, (&Node, &Node))| alike(before, after, is_new(at));
    all_say && before.len() == after.len() && before.iter().zip(&after).enumerate().all(kept)
}

/// Whether two nodes say the same, but for an id that came.
fn alike(before: &Node, after: &Node, with_id: bool) -> bool {
    match (&before.data, &after.data) {
        (Data::Scalar { text: a, bare: x }, Data::Scalar { text: b, bare: y }) => a == b && x == y,
        (Data::List(a), Data::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b, false))
        }
        (Data::Map(a), Data::Map(b)) => {
            let kept: Vec<_> = b.iter().filter(|entry| !(with_id && entry.key == KEY)).collect();
            a.len() == kept.len()
                && a.iter().zip(kept).all(|(a, b)| a.key == b.key && alike(&a.value, &b.value, false))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read;
    use uuid::Uuid;

    const KIND: &str = "bootview/payment-gateway";

    fn id() -> Value {
        let Ok(guid) = "5e1f0a77-2c3d-4b4e-8f50-6172839405a6".parse::<Uuid>() else { panic!("no guid") };
        Value::Guid(guid)
    }

    /// The text with an id in each document that is called `a`, or why it is not there.
    fn with_id(text: &str) -> Result<String, &'static str> {
        let source = Source::new("t.yaml", text);
        let registry = Registry::builtin();
        let documents = read(&source, registry, &mut Vec::new());
        let id = id();
        let own = documents.iter().filter(|document| &*document.name == "a");
        let wanted: Vec<Named> = own.map(|document| Named { document, id: &id }).collect();
        assert!(!wanted.is_empty(), "{text}");
        let written = write(&source, registry, &wanted);
        let left: Vec<&str> = written.left.into_iter().flatten().collect();
        assert!(left.is_empty() || written.text == text);
        left.first().map_or(Ok(written.text), |why| Err(why))
    }

    fn head(more: &str) -> String {
        format!("kind: {KIND}\n{more}spec:\n  displayName: x\n")
    }

    #[test]
    fn the_line_comes_behind_the_target_else_the_name() {
        let line = "id: 5e1f0a77-2c3d-4b4e-8f50-6172839405a6";
        assert_eq!(super::line(&id()), line);
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
    fn what_cannot_be_told_is_left_alone() {
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
