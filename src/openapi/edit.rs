//! Edits of a description: new keys at the end of a mapping, everything else byte for byte as it was.
//!
//! A description belongs to the person who refined it, so nothing is rewritten, moved or removed. A mapping in one
//! line (`{a: 1}`) has no place for new lines; the caller shows them instead.
//! Deliberately absent: what the new keys say.

use std::sync::Arc;

use crate::diagnostic::NamedSource;
use crate::openapi::yaml_writer::{DraftEntry, DraftValue, RemarkLevel, remove_remarks, render_indented};
use crate::yaml::{YamlData, YamlEntry, YamlNode, read_documents};

/// Members of a field's mapping below which further names are compared.
const NESTED_WORDS: [&str; 3] = ["properties", "items", "enum"];

/// What a refresh did to a description.
#[derive(Default)]
pub struct RefreshedText {
    pub text: String,
    /// The paths of what is new in the document, and was added.
    pub added: Vec<String>,
    /// The paths of what the document has no more, and was kept.
    pub gone: Vec<String>,
}

/// Lines at a place.
struct Insertion {
    offset: usize,
    lines: String,
}

/// Adds to a description the fields, and values of fields, that a new draft has and it has not.
///
/// # Errors
/// When the text is no mapping with `properties`.
pub fn refresh_fields(
    text: &str,
    draft: &mut [DraftEntry],
    with_polish: bool,
) -> Result<RefreshedText, String> {
    if !with_polish {
        remove_remarks(draft, RemarkLevel::Polish);
    }
    let source: Arc<NamedSource> = NamedSource::new("description", text);
    let root = read_root(&source).ok_or("it is not one mapping")?;
    let fields = root.get_value("properties").ok_or("it has no `properties`")?;
    let drafted = draft.iter().find(|entry| entry.key() == "properties").map(DraftEntry::entries);
    let mut refresh =
        FieldRefresh { source: &source, made: RefreshedText::default(), insertions: Vec::new() };
    refresh.compare_names(fields, drafted.unwrap_or_default(), "");
    let FieldRefresh { made, insertions, .. } = refresh;
    Ok(RefreshedText { text: insert_lines(text, insertions), ..made })
}

/// Adds entries to the mapping at a path of keys; none when there is no such mapping in lines of its keys.
pub fn insert_entries(text: &str, path: &[&str], entries: &[DraftEntry]) -> Option<String> {
    let source: Arc<NamedSource> = NamedSource::new("description", text);
    let root = read_root(&source)?;
    let node = path.iter().try_fold(&root, |node, key| node.get_value(key))?;
    let insertion = build_insertion(&source, node, entries.iter())?;
    Some(insert_lines(text, vec![insertion]))
}

fn read_root(source: &Arc<NamedSource>) -> Option<YamlNode<'_>> {
    let mut faults = Vec::new();
    let mut documents = read_documents(source, &mut faults);
    (faults.is_empty() && documents.len() == 1).then(|| documents.pop()).flatten()
}

/// Compares a description with a draft of it.
struct FieldRefresh<'t> {
    source: &'t Arc<NamedSource>,
    made: RefreshedText,
    insertions: Vec<Insertion>,
}

impl FieldRefresh<'_> {
    fn compare_names(&mut self, node: &YamlNode, drafted: &[DraftEntry], at: &str) {
        let path = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        let is_new = |entry: &&DraftEntry| node.get_value(entry.key()).is_none();
        let new: Vec<&DraftEntry> = drafted.iter().filter(is_new).collect();
        if let Some(insertion) = build_insertion(self.source, node, new.iter().copied()) {
            self.insertions.push(insertion);
            self.made.added.extend(new.iter().map(|entry| path(entry.key())));
        }
        for entry in node.entries() {
            match drafted.iter().find(|drafted| drafted.key() == entry.key) {
                Some(drafted) => self.compare_parts(&entry.value, drafted.entries(), &path(&entry.key)),
                None => self.made.gone.push(path(&entry.key)),
            }
        }
    }

    /// The parts of a field that hold names; its words are decisions.
    fn compare_parts(&mut self, node: &YamlNode, drafted: &[DraftEntry], at: &str) {
        for part in drafted.iter().filter(|part| NESTED_WORDS.contains(&part.key())) {
            let Some(own) = node.get_value(part.key()) else { continue };
            match part.key() {
                "items" => self.compare_parts(own, part.entries(), &format!("{at}[]")),
                _ => self.compare_names(own, part.entries(), at),
            }
        }
    }
}

/// Entries as lines at the end of a mapping in lines.
fn build_insertion<'e>(
    source: &NamedSource,
    node: &YamlNode,
    entries: impl Iterator<Item = &'e DraftEntry>,
) -> Option<Insertion> {
    let entries: Vec<&DraftEntry> = entries.collect();
    let (first, last) = (node.entries().first()?, node.entries().last()?);
    // what came through an alias or a merge key is written elsewhere
    let is_inside =
        |own: &YamlEntry| own.key_span.start >= node.span.start && own.value.span.start >= own.key_span.end;
    let is_new = |entry: &&DraftEntry| node.get_value(entry.key()).is_none();
    let is_written_here = node.entries().iter().all(is_inside) && entries.iter().all(is_new);
    if entries.is_empty() || is_in_one_line(&source.text, node) || !is_written_here {
        return None;
    }
    let start = first.key_span.start as usize;
    let line = source.text[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = source.text[line..start].chars().count();
    let end = find_end(&source.text, &last.value, last.key_span.end as usize);
    // the rest of the line is a comment at most
    let before = &source.text[..end];
    let offset = match before.ends_with('\n') {
        true => end,
        false => source.text[end..].find('\n').map_or(source.text.len(), |at| end + at + 1),
    };
    let newline = if source.text[..offset].ends_with('\n') { "" } else { "\n" };
    Some(Insertion { offset, lines: format!("{newline}{}", render_indented(&entries, indent)) })
}

fn is_in_one_line(text: &str, node: &YamlNode) -> bool {
    text[node.span.start as usize..].starts_with(['{', '['])
}

/// Where the text of a node ends.
fn find_end(text: &str, node: &YamlNode, above: usize) -> usize {
    let own = (node.span.end as usize).max(above);
    if is_in_one_line(text, node) {
        return own;
    }
    match &node.data {
        YamlData::Mapping(entries) => {
            entries.last().map_or(own, |last| find_end(text, &last.value, last.key_span.end as usize))
        }
        YamlData::Sequence(items) => items.last().map_or(own, |last| find_end(text, last, above)),
        YamlData::Scalar { .. } => own,
    }
}

fn insert_lines(text: &str, mut insertions: Vec<Insertion>) -> String {
    insertions.sort_by_key(|insertion| std::cmp::Reverse(insertion.offset));
    let mut made = text.to_owned();
    for insertion in insertions {
        made.insert_str(insertion.offset, &insertion.lines);
    }
    made
}

/// A field as a trial proposes it: read, and never written until a person says more.
pub fn build_seen_field(name: &str, ty: &str) -> DraftEntry {
    let entries = vec![
        DraftEntry::from_keyword("type", ty),
        DraftEntry::from_text("description", "Returned by the service."),
        DraftEntry::from_keyword("read_only", true),
    ];
    DraftEntry::new(name, DraftValue::Mapping(entries))
}

/// A key with a list of texts.
pub fn build_flow_list(key: &str, texts: &[String]) -> DraftEntry {
    DraftEntry::new(key, DraftValue::FlowList(texts.to_vec()))
}

/// A key with a word or number of the format.
pub fn build_keyword(key: &str, word: impl ToString) -> DraftEntry {
    DraftEntry::from_keyword(key, word)
}

/// Entries as lines.
pub fn render_lines(entries: &[DraftEntry]) -> String {
    render_indented(&entries.iter().collect::<Vec<_>>(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
title: Boat
properties:
  # mine
  id: { type: integer }
  home:
    type: object
    properties:
      pier:
        type: string  # as it is
    description: >-
      Where it
      lies.

# the end
operations: {}
";

    fn field(name: &str, entries: Vec<DraftEntry>) -> DraftEntry {
        DraftEntry::new(name, DraftValue::Mapping(entries))
    }

    #[test]
    fn new_names_are_added_and_nothing_else_changes() {
        let pier = field("pier", vec![DraftEntry::from_keyword("type", "integer")]);
        let berth = field("berth", vec![DraftEntry::from_keyword("type", "integer")]);
        let home = field("home", vec![field("properties", vec![pier, berth])]);
        let seats = field("seats", vec![DraftEntry::from_keyword("type", "integer").with_polish("x")]);
        let mut draft = vec![field("properties", vec![home, seats])];
        let made = refresh_fields(TEXT, &mut draft, false).unwrap_or_default();
        let wanted = TEXT
            .replace("# as it is\n", "# as it is\n      berth:\n        type: integer\n")
            .replace("lies.\n", "lies.\n  seats:\n    type: integer\n");
        assert_eq!(made.text, wanted);
        assert_eq!((made.added, made.gone), (vec!["seats".into(), "home.berth".into()], vec!["id".into()]));
    }

    #[test]
    fn lines_are_inserted_at_the_end_of_a_mapping() {
        let new = [build_seen_field("a", "string")];
        let made = insert_entries("x:\n  y: 1", &["x"], &new).unwrap_or_default();
        let wanted = "x:\n  y: 1\n  a:\n    type: string\n    description: Returned by the service.\n    read_only: true\n";
        assert_eq!(made, wanted);
        assert!(insert_entries("x: { y: 1 }\n", &["x"], &new).is_none());
        assert!(insert_entries("x: 1\n", &["y"], &new).is_none());
    }
}
