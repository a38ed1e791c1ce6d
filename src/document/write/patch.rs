//! Changes to a YAML node as a tree: what is set, what is removed, what comes into lists.
//!
//! A patch is built from many single changes and then turned into text edits in one pass, so that entries that come
//! into the same mapping are written together. What the patch does not name stays byte for byte.
//! Deliberately absent: kinds, and which values may be written.

use super::edit::{DocumentEditor, EditError};
use super::layout::{LayoutEntry, LayoutNode};
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// What becomes of one node.
#[derive(Clone, PartialEq)]
pub enum NodePatch {
    /// It gets this value, whether it is there or not.
    Set(LayoutNode),
    /// It goes.
    Remove,
    /// Entries of a mapping change.
    Map(MapPatch),
    /// Items of a list change.
    List(ListPatch),
}

/// Changes of a mapping.
#[derive(Clone, PartialEq, Default)]
pub struct MapPatch {
    entries: Vec<(String, NodePatch)>,
    /// Whether the mapping stays as `{}` when nothing is left in it; else it goes.
    pub keeps_empty: bool,
    /// The key behind which new entries come, where it is there; else they come at the end.
    pub insert_after: Option<&'static str>,
}

/// Changes of a list.
#[derive(Clone, PartialEq, Default)]
pub struct ListPatch {
    /// Items that go, by their places.
    pub removed: Vec<usize>,
    pub changed: Vec<(usize, NodePatch)>,
    /// Items that come at the end.
    pub added: Vec<LayoutNode>,
    /// Whether the list stays as `[]` when nothing is left in it; else it goes.
    pub keeps_empty: bool,
}

impl MapPatch {
    /// Takes the changes of another patch of the same mapping; whether the two agree.
    pub fn merge(&mut self, other: &Self) -> bool {
        self.keeps_empty |= other.keeps_empty;
        self.insert_after = self.insert_after.or(other.insert_after);
        let mut agrees = true;
        for (key, patch) in &other.entries {
            match self.entries.iter_mut().find(|(own, _)| own == key) {
                None => self.entries.push((key.clone(), patch.clone())),
                Some((_, own)) => {
                    agrees &= match (&mut *own, patch) {
                        (NodePatch::Map(own), NodePatch::Map(patch)) => own.merge(patch),
                        (own, patch) => own == patch,
                    }
                }
            }
        }
        agrees
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The patch of the mapping at a path of keys, made as needed; nothing where something else is to stand on the way.
    pub fn get_or_insert_map(&mut self, keys: &[&str]) -> Option<&mut Self> {
        let Some((first, rest)) = keys.split_first() else { return Some(self) };
        match self.get_or_insert(first, || NodePatch::Map(Self::default())) {
            NodePatch::Map(inner) => inner.get_or_insert_map(rest),
            _ => None,
        }
    }

    /// Puts a patch at a key; it replaces another one there.
    pub fn put(&mut self, key: &str, patch: NodePatch) {
        *self.get_or_insert(key, || NodePatch::Remove) = patch;
    }

    /// The patch of the list at a key.
    pub fn get_or_insert_list(&mut self, key: &str) -> Option<&mut ListPatch> {
        match self.get_or_insert(key, || NodePatch::List(ListPatch::default())) {
            NodePatch::List(list) => Some(list),
            _ => None,
        }
    }

    fn get_or_insert(&mut self, key: &str, build: impl FnOnce() -> NodePatch) -> &mut NodePatch {
        let at = self.entries.iter().position(|(own, _)| own == key).unwrap_or_else(|| {
            self.entries.push((key.to_owned(), build()));
            self.entries.len() - 1
        });
        &mut self.entries[at].1
    }

    /// The entries that it gives to a mapping that is not there.
    pub fn build_entries(&self) -> Vec<LayoutEntry> {
        let entry = |(key, patch): &(String, NodePatch)| {
            Some(LayoutEntry { key: key.clone(), node: Some(patch.build_node()?), comment: None })
        };
        self.entries.iter().filter_map(entry).collect()
    }

    /// Turns the patch of an existing mapping into text edits.
    ///
    /// # Errors
    /// When the lines that change can't be separated from what surrounds them.
    pub fn apply(&self, editor: &mut DocumentEditor, node: &YamlNode) -> Result<(), EditError> {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for (key, patch) in &self.entries {
            let found = node.entries().iter().find(|entry| entry.key == *key);
            match (found, patch) {
                (None, patch) => {
                    let node = patch.build_node();
                    added.extend(node.map(|node| LayoutEntry {
                        key: key.clone(),
                        node: Some(node),
                        comment: None,
                    }));
                }
                (Some(entry), patch) if patch.leaves_nothing(&entry.value) => removed.push(key.as_str()),
                (Some(entry), patch) => patch.apply(editor, entry)?,
            }
        }
        let behind = self.insert_after.filter(|key| removed.is_empty() && node.get_value(key).is_some());
        match (removed.is_empty() && added.is_empty(), behind) {
            (true, _) => Ok(()),
            (false, Some(key)) => editor.insert_entries_after(node.span, key, &added),
            (false, None) => editor.edit_entries(node.span, &removed, &added),
        }
    }

    fn leaves_nothing(&self, node: &YamlNode) -> bool {
        let is_removed = |entry: &YamlEntry| {
            let patch = self.entries.iter().find(|(key, _)| entry.key == *key).map(|(_, patch)| patch);
            patch.is_some_and(|patch| patch.leaves_nothing(&entry.value))
        };
        let comes = |(key, patch): &(String, NodePatch)| {
            node.get_value(key).is_none() && patch.build_node().is_some()
        };
        !self.keeps_empty
            && matches!(node.data, YamlData::Mapping(_))
            && node.entries().iter().all(is_removed)
            && !self.entries.iter().any(comes)
    }
}

impl NodePatch {
    /// What is put where nothing was.
    fn build_node(&self) -> Option<LayoutNode> {
        match self {
            Self::Set(node) => Some(node.clone()),
            Self::Remove => None,
            Self::Map(map) => {
                let entries = map.build_entries();
                (map.keeps_empty || !entries.is_empty()).then_some(LayoutNode::Map(entries))
            }
            Self::List(list) => {
                (list.keeps_empty || !list.added.is_empty()).then(|| LayoutNode::List(list.added.clone()))
            }
        }
    }

    /// Whether the node goes as a whole.
    fn leaves_nothing(&self, node: &YamlNode) -> bool {
        match self {
            Self::Set(_) => false,
            Self::Remove => true,
            Self::Map(map) => map.leaves_nothing(node),
            Self::List(list) => {
                !list.keeps_empty && list.added.is_empty() && list.removed.len() == node.items().len()
            }
        }
    }

    fn apply(&self, editor: &mut DocumentEditor, entry: &YamlEntry) -> Result<(), EditError> {
        let node = &entry.value;
        match self {
            Self::Map(map) if matches!(node.data, YamlData::Mapping(_)) => map.apply(editor, node),
            Self::List(list) if matches!(node.data, YamlData::Sequence(_)) => list.apply(editor, node),
            patch => match patch.build_node() {
                Some(tree) => editor.replace_value(node.span, &tree),
                None => Ok(()),
            },
        }
    }
}

impl ListPatch {
    fn apply(&self, editor: &mut DocumentEditor, node: &YamlNode) -> Result<(), EditError> {
        for (at, patch) in &self.changed {
            let Some(item) = node.items().get(*at) else { continue };
            match patch {
                NodePatch::Map(map) => map.apply(editor, item)?,
                NodePatch::Set(tree) => editor.replace_value(item.span, tree)?,
                NodePatch::Remove | NodePatch::List(_) => {}
            }
        }
        match self.removed.is_empty() && self.added.is_empty() {
            true => Ok(()),
            false => editor.edit_items(node.span, &self.removed, &self.added),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::NamedSource;
    use crate::document::write::edit::apply_edits;
    use crate::yaml;

    /// The text after a patch of its only document.
    fn patched(text: &str, patch: &MapPatch) -> String {
        let source = NamedSource::new("a.yaml", text);
        let nodes = yaml::read_documents(&source, &mut Vec::new());
        let mut editor = DocumentEditor::new(&source, &nodes[0]);
        assert!(patch.apply(&mut editor, &nodes[0]).is_ok());
        apply_edits(text, &editor.into_edits()).expect("edits that do not meet")
    }

    fn plain(text: &str) -> LayoutNode {
        LayoutNode::Plain(text.to_owned())
    }

    fn remove_items(places: &[usize]) -> NodePatch {
        NodePatch::List(ListPatch { removed: places.to_vec(), ..ListPatch::default() })
    }

    #[test]
    fn entries_come_behind_lines_that_go() {
        let list = "spec:\n  a: 1\n  m:\n    l:\n      - x\n      - y # last\n";
        let mut patch = MapPatch::default();
        patch.get_or_insert_map(&["spec", "m"]).unwrap().put("l", remove_items(&[1]));
        patch.get_or_insert_map(&["spec"]).unwrap().put("b", NodePatch::Set(plain("2")));
        patch.put("unset", NodePatch::Set(LayoutNode::List(vec![plain("c")])));
        let expected = "spec:\n  a: 1\n  m:\n    l:\n      - x\n  b: 2\nunset: [c]\n";
        assert_eq!(patched(list, &patch), expected);
        assert_eq!(patched(&list.replace('\n', "\r\n"), &patch), expected.replace('\n', "\r\n"));
        let followed = format!("{list}# behind\nz: 1\n");
        assert_eq!(
            patched(&followed, &patch),
            expected.replace("unset: [c]\n", "# behind\nz: 1\nunset: [c]\n")
        );
    }

    #[test]
    fn a_mapping_that_goes_makes_room_for_others() {
        let map = "kind: k\nspec:\n  labels:\n    one: 1\n";
        let mut patch = MapPatch::default();
        patch.get_or_insert_map(&["spec", "labels"]).unwrap().put("one", NodePatch::Remove);
        patch.get_or_insert_map(&["spec"]).unwrap().keeps_empty = true;
        patch.get_or_insert_list("unset").unwrap().added.push(plain("labels.one"));
        assert_eq!(patched(map, &patch), "kind: k\nspec: {}\nunset: [labels.one]\n");
        let last = "kind: k\nspec:\n  labels:\n    one: 1";
        let text = patched(last, &patch);
        assert_eq!(
            text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
            ["kind: k", "spec: {}", "unset: [labels.one]"]
        );
    }

    #[test]
    fn lists_of_an_edit_come_and_go_together() {
        let edit = "fees:\n  add:\n    - { s: a }\n  remove:\n    - { s: b }\n    - { s: c }\n";
        let mut patch = MapPatch::default();
        let fees = patch.get_or_insert_map(&["fees"]).unwrap();
        fees.put("remove", remove_items(&[1]));
        fees.put("change", NodePatch::Set(LayoutNode::List(vec![plain("1")])));
        patch.put("tags", NodePatch::Set(plain("2")));
        let expected = "fees:\n  add:\n    - { s: a }\n  remove:\n    - { s: b }\n  change: [1]\ntags: 2\n";
        assert_eq!(patched(edit, &patch), expected);
    }
}
