//! Differences of a list as a patch: of a list that is written in full, or of an edit `{ add, change, remove }`.
//!
//! Items are found by where they are written, and named in edits by the first key of the kind that identifies them.
//! Deliberately absent: ordered lists in another level, which are written in full.

use std::collections::BTreeMap;

use super::values::{build_value, diagnose_unsafe, split_path};
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use crate::document::composition::is_list_edit;
use crate::document::node_encoder::NodeEncoder;
use crate::document::write::CommentMap;
use crate::document::write::layout::{LayoutEntry, LayoutNode, render_flow};
use crate::document::write::patch::{ListPatch, MapPatch, NodePatch};
use crate::document::write::tree::{LayoutBuilder, build_literal};
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::equality::is_equal;
use crate::kind::identity::{ItemIdentity, KeyedItem};
use crate::kind::{ArrayType, FieldType, ItemType, Shape};
use crate::plan::Change;
use crate::run::import::draft::can_represent;
use crate::run::import::fill::get_object_fields;
use crate::run::import::live_layout::LiveLayout;
use crate::value::{Object, PathSegment, Sensitivity, Value};
use crate::yaml::{self, YamlNode};

/// A change in a list, by the rest of its path from the item on.
type ItemPath<'c> = (&'c [PathSegment], &'c Change);

/// A list of an effective document and of its live object.
pub(super) struct ListContext<'l> {
    pub list: &'l ArrayType,
    pub name: &'l str,
    pub mark: Sensitivity,
    pub desired: &'l [DesiredNode],
    /// The same with live values for sources and references.
    pub filled: &'l [DesiredNode],
    pub live: &'l [Value],
}

/// What becomes of one item.
enum ItemChange<'c> {
    /// It is live and not desired.
    Added(&'c Change),
    /// It is desired and not live.
    Removed(usize),
    /// Another value is at its place.
    Replaced(usize, &'c Change),
    /// Fields of it differ.
    Inside(usize, Vec<ItemPath<'c>>),
}

/// Makes patches of lists.
#[derive(Clone, Copy)]
pub(super) struct ListEditor<'e> {
    pub document: &'e Document,
    pub layout: LiveLayout<'e>,
    /// The file of the level.
    pub file: &'e str,
}

impl ListEditor<'_> {
    /// The patch of a list as a level writes it; `raw` is nothing where the level says nothing of it.
    pub fn build_patch(
        &self,
        context: &ListContext,
        raw: Option<&YamlNode>,
        changes: &[ItemPath],
    ) -> Result<NodePatch, Diagnostic> {
        let items = self.sort_changes(context, changes)?;
        let first = changes.first().map(|(_, change)| *change);
        match raw {
            Some(raw) if matches!(raw.data, yaml::YamlData::Sequence(_)) => {
                self.patch_items(context, raw, items).map(NodePatch::List)
            }
            Some(raw) if !is_list_edit(raw) => Err(first.map_or_else(unreachable_change, diagnose_unsafe)),
            raw => self.patch_edit(context, raw, items).map(NodePatch::Map),
        }
    }

    /// The changes by the items that they concern.
    fn sort_changes<'c>(
        &self,
        context: &ListContext,
        changes: &[ItemPath<'c>],
    ) -> Result<Vec<ItemChange<'c>>, Diagnostic> {
        let (mut sorted, mut inside) = (Vec::new(), BTreeMap::<usize, Vec<ItemPath>>::new());
        let pairs = context.match_live();
        for (rest, change) in changes {
            let [PathSegment::Item { index, .. }, inner @ ..] = rest else {
                return Err(diagnose_unsafe(change));
            };
            if !inner.is_empty() {
                let at = pairs.iter().position(|live| *live == Some(*index));
                let at = at.ok_or_else(|| diagnose_unsafe(change))?;
                inside.entry(at).or_default().push((inner, *change));
                continue;
            }
            let Some(place) = &change.place else {
                sorted.push(ItemChange::Added(change));
                continue;
            };
            let is_here = |item: &DesiredNode| {
                let own = self.document.locate_span(item.span);
                own.span == place.span && own.source.path == place.source.path
            };
            let at = context.desired.iter().position(is_here).ok_or_else(|| diagnose_unsafe(change))?;
            sorted.push(match change.before {
                Some(_) => ItemChange::Replaced(at, change),
                None => ItemChange::Removed(at),
            });
        }
        sorted.extend(inside.into_iter().map(|(at, inner)| ItemChange::Inside(at, inner)));
        Ok(sorted)
    }

    /// A list that is written in full.
    fn patch_items(
        &self,
        context: &ListContext,
        raw: &YamlNode,
        items: Vec<ItemChange>,
    ) -> Result<ListPatch, Diagnostic> {
        let mut patch = ListPatch { keeps_empty: true, ..ListPatch::default() };
        for item in items {
            match item {
                ItemChange::Added(change) => patch.added.push(self.build_item(context, change)?),
                ItemChange::Removed(at) => patch.removed.push(self.find_raw(context, raw, at)?),
                ItemChange::Replaced(at, change) => {
                    let value = build_scalar_item(context, change)?;
                    patch.changed.push((self.find_raw(context, raw, at)?, NodePatch::Set(value)));
                }
                ItemChange::Inside(at, inner) => {
                    let number = self.find_raw(context, raw, at)?;
                    let inner = self.patch_item(context, at, raw.items().get(number), &inner)?;
                    patch.changed.push((number, NodePatch::Map(inner)));
                }
            }
        }
        Ok(patch)
    }

    /// An edit of the list below.
    fn patch_edit(
        &self,
        context: &ListContext,
        raw: Option<&YamlNode>,
        items: Vec<ItemChange>,
    ) -> Result<MapPatch, Diagnostic> {
        let raw = RawEdit { node: raw };
        let mut edit = ListEdits::default();
        for item in items {
            match item {
                ItemChange::Added(change) => {
                    let tree = self.build_item(context, change)?;
                    match raw.find_equal("remove", &tree, context.list) {
                        Some(at) => edit.remove.removed.push(at),
                        None => edit.add.added.push(tree),
                    }
                }
                ItemChange::Removed(at) => {
                    let changed = raw.find_holder("change", &self.list_places(&context.desired[at]));
                    edit.change.removed.extend(changed);
                    match self.find_in(&raw, "add", &context.desired[at]) {
                        Some(number) => edit.add.removed.push(number),
                        None => edit.remove.added.push(self.build_key(context, at)?),
                    }
                }
                ItemChange::Replaced(_, change) => return Err(diagnose_unsafe(change)),
                ItemChange::Inside(at, inner) => self.edit_item(context, &raw, at, &inner, &mut edit)?,
            }
        }
        Ok(edit.into_patch())
    }

    /// Fields of an item that the edit adds, that it changes already, or that is below.
    fn edit_item(
        &self,
        context: &ListContext,
        raw: &RawEdit,
        at: usize,
        inner: &[ItemPath],
        edit: &mut ListEdits,
    ) -> Result<(), Diagnostic> {
        let item = &context.desired[at];
        if let Some(number) = self.find_in(raw, "add", item) {
            let inner = self.patch_item(context, at, raw.list("add").get(number), inner)?;
            edit.add.changed.push((number, NodePatch::Map(inner)));
        } else if let Some(number) = raw.find_holder("change", &self.list_places(item)) {
            let inner = self.patch_item(context, at, raw.list("change").get(number), inner)?;
            edit.change.changed.push((number, NodePatch::Map(inner)));
        } else {
            let inner = self.patch_item(context, at, None, inner)?;
            let LayoutNode::Map(mut entries) = self.build_key(context, at)? else { return Ok(()) };
            entries.extend(inner.build_entries());
            edit.change.added.push(LayoutNode::Map(entries));
        }
        Ok(())
    }

    /// The fields of one item; `raw` is the item, or the entry that changes it.
    fn patch_item(
        &self,
        context: &ListContext,
        at: usize,
        raw: Option<&YamlNode>,
        changes: &[ItemPath],
    ) -> Result<MapPatch, Diagnostic> {
        let ItemType::Object(shape) = &context.list.item else { return Ok(MapPatch::default()) };
        let mut patch = MapPatch::default();
        patch.keeps_empty = true;
        let mut lists = BTreeMap::<Vec<&str>, Vec<ItemPath>>::new();
        for (path, change) in changes {
            let (keys, rest) = split_path(path);
            if !rest.is_empty() {
                lists.entry(keys).or_default().push((rest, *change));
                continue;
            }
            let value = build_value(&self.layout, change)?;
            let is_written = raw.is_some_and(|raw| find_below(raw, &keys).is_some());
            let node = match value {
                Some(tree) => NodePatch::Set(tree),
                None if is_written => NodePatch::Remove,
                None => return Err(diagnose_unsafe(change)),
            };
            put(&mut patch, &keys, node).ok_or_else(|| diagnose_unsafe(change))?;
        }
        for (keys, inner) in lists {
            let unsafe_edit =
                || inner.first().map_or_else(unreachable_change, |(_, change)| diagnose_unsafe(change));
            let found = context.find_inner(shape, at, &keys).ok_or_else(unsafe_edit)?;
            let node = self.build_patch(&found, raw.and_then(|raw| find_below(raw, &keys)), &inner)?;
            put(&mut patch, &keys, node).ok_or_else(unsafe_edit)?;
        }
        Ok(patch)
    }

    /// A live item that comes.
    fn build_item(&self, context: &ListContext, change: &Change) -> Result<LayoutNode, Diagnostic> {
        if matches!(context.list.item, ItemType::Scalar(_)) {
            return build_scalar_item(context, change);
        }
        let built = self.layout.build_item(&change.path, &context.list.item, context.mark, context.name)?;
        built.map(|live| live.tree).ok_or_else(|| diagnose_unsafe(change))
    }

    /// Where a list has an item that the effective document has.
    fn find_raw(&self, context: &ListContext, raw: &YamlNode, at: usize) -> Result<usize, Diagnostic> {
        let place = self.document.locate_span(context.desired[at].span);
        let here = self.find_local(&context.desired[at]);
        let found = raw.items().iter().position(|item| Some(item.span) == here);
        found.ok_or_else(|| {
            let message = format!("an item of `{}` is shared through an anchor or a merge", context.name);
            Diagnostic::warning("unsafe-edit", message).with_location(place).with_hint("change it by hand")
        })
    }

    fn find_in(&self, raw: &RawEdit, key: &str, item: &DesiredNode) -> Option<usize> {
        let here = self.find_local(item)?;
        raw.list(key).iter().position(|own| own.span == here)
    }

    /// Where a node is in the file of the level.
    fn find_local(&self, node: &DesiredNode) -> Option<SourceSpan> {
        let place = self.document.locate_span(node.span);
        (place.source.path == self.file).then_some(place.span)
    }

    /// Where the values of an item are in the file of the level.
    fn list_places(&self, item: &DesiredNode) -> Vec<SourceSpan> {
        let mut places = Vec::new();
        collect_spans(item, &mut |node| places.extend(self.find_local(node)));
        places
    }

    /// The key by which an edit names an item of the level below.
    fn build_key(&self, context: &ListContext, at: usize) -> Result<LayoutNode, Diagnostic> {
        let item = &context.desired[at];
        let (comments, mark) = (CommentMap::new(), context.mark);
        let build = |ty: &FieldType, value: &DesiredValue, name: &str, mark: Sensitivity| {
            LayoutBuilder::new(&comments, self.layout.personal).build_node(ty, value, mark, name)
        };
        let Some(identity) = context.list.item_identity() else {
            let ItemType::Scalar(scalar) = &context.list.item else {
                return Err(self.diagnose_no_key(context, at));
            };
            return build(&FieldType::Scalar(scalar.clone()), &item.value, context.name, mark);
        };
        let is_unique = |key: &&[u16]| has_unique_key(identity, context.desired, at, key);
        for key in identity.keys().filter(is_unique) {
            let entry = |number: &u16| {
                let field = identity.shape.get_field(*number);
                let value = &item.get_field(*number)?.value;
                let is_plain = matches!(value, DesiredValue::Literal(_) | DesiredValue::List(_));
                let node = build(&field.ty, value, &field.name, mark.max(field.sensitivity)).ok();
                let node = node.filter(|_| is_plain)?;
                Some(LayoutEntry { key: field.name.to_string(), node: Some(node), comment: None })
            };
            if let Some(entries) = key.iter().map(entry).collect() {
                return Ok(LayoutNode::Map(entries));
            }
        }
        Err(self.diagnose_no_key(context, at))
    }

    fn diagnose_no_key(&self, context: &ListContext, at: usize) -> Diagnostic {
        let message = format!("no key identifies this item of `{}`", context.name);
        Diagnostic::warning("unsafe-edit", message)
            .with_location(self.document.locate_span(context.desired[at].span))
            .with_hint("write the list in full in the level that is to differ")
    }
}

/// A scalar item that comes, or that another one becomes.
fn build_scalar_item(context: &ListContext, change: &Change) -> Result<LayoutNode, Diagnostic> {
    let ItemType::Scalar(scalar) = &context.list.item else { return Err(diagnose_unsafe(change)) };
    let live = change.before.as_ref().filter(|live| can_represent(scalar, live));
    live.map(build_literal).ok_or_else(|| diagnose_unsafe(change))
}

fn unreachable_change() -> Diagnostic {
    Diagnostic::warning("unsafe-edit", "a list differs in a way that can't be written here")
}

impl<'l> ListContext<'l> {
    /// The live item of each desired one.
    fn match_live(&self) -> Vec<Option<usize>> {
        let Some(identity) = self.list.item_identity() else {
            return (0..self.desired.len()).map(Some).collect();
        };
        let desired: Vec<&[(u16, DesiredNode)]> = self.filled.iter().map(get_object_fields).collect();
        let live: Vec<&Object> = self.live.iter().filter_map(Value::as_object).collect();
        identity.match_items(&desired, &live).unwrap_or_else(|_| vec![None; self.desired.len()])
    }

    /// A list in one of the items.
    fn find_inner(&self, shape: &'l Shape, at: usize, keys: &[&str]) -> Option<ListContext<'l>> {
        let live = self.match_live().get(at).copied().flatten().and_then(|at| self.live.get(at));
        let (mut shape, mut found) = (Some(shape), None);
        let (mut desired, mut filled) = (self.desired.get(at), self.filled.get(at));
        let (mut live, mut mark) = (live, self.mark);
        for key in keys {
            let field = shape?.find_field(key)?;
            shape = field.ty.inner_shape().map(|inner| &**inner);
            let step = |node: Option<&'l DesiredNode>| node.and_then(|node| node.get_field(field.number));
            (desired, filled) = (step(desired), step(filled));
            live = live.and_then(Value::as_object).and_then(|live| live.get_field(field.number));
            mark = mark.max(field.sensitivity);
            found = Some(field);
        }
        let (field, live) = (found?, live.map(Value::items).unwrap_or_default());
        let FieldType::Array(list) = &field.ty else { return None };
        let items = |node: Option<&'l DesiredNode>| match node.map(|node| &node.value) {
            Some(DesiredValue::List(items)) => items.as_slice(),
            _ => &[],
        };
        Some(ListContext {
            list,
            name: &field.name,
            mark,
            desired: items(desired),
            filled: items(filled),
            live,
        })
    }
}

fn has_unique_key(identity: ItemIdentity, items: &[DesiredNode], at: usize, key: &[u16]) -> bool {
    let read = |item: &DesiredNode| -> Option<Vec<Value>> {
        let fields = get_object_fields(item);
        key.iter().map(|number| Some(fields.find_named_value(*number)?.into_owned())).collect()
    };
    let Some(own) = items.get(at).and_then(read) else { return false };
    let is_same = |item: &DesiredNode| {
        let other = read(item);
        let fields = key.iter().map(|number| identity.shape.get_field(*number));
        other.is_some_and(|other| {
            fields.zip(own.iter().zip(&other)).all(|(field, (a, b))| is_equal(field, Some(a), Some(b)))
        })
    };
    !items.iter().enumerate().any(|(number, item)| number != at && is_same(item))
}

fn collect_spans(node: &DesiredNode, visit: &mut dyn FnMut(&DesiredNode)) {
    match &node.value {
        DesiredValue::Object(fields) => fields.iter().for_each(|(_, inner)| collect_spans(inner, visit)),
        DesiredValue::Map(entries) => entries.iter().for_each(|(_, inner)| collect_spans(inner, visit)),
        DesiredValue::List(items) => items.iter().for_each(|inner| collect_spans(inner, visit)),
        _ => {}
    }
    visit(node);
}

fn find_below<'n, 't>(node: &'n YamlNode<'t>, keys: &[&str]) -> Option<&'n YamlNode<'t>> {
    keys.iter().try_fold(node, |node, key| node.get_value(key))
}

fn put(patch: &mut MapPatch, keys: &[&str], node: NodePatch) -> Option<()> {
    let (last, way) = keys.split_last()?;
    patch.get_or_insert_map(way)?.put(last, node);
    Some(())
}

/// The lists of an edit, as they change.
#[derive(Default)]
struct ListEdits {
    add: ListPatch,
    change: ListPatch,
    remove: ListPatch,
}

impl ListEdits {
    fn into_patch(self) -> MapPatch {
        let mut patch = MapPatch::default();
        for (key, list) in [("add", self.add), ("change", self.change), ("remove", self.remove)] {
            if list != ListPatch::default() {
                patch.put(key, NodePatch::List(list));
            }
        }
        patch
    }
}

/// An edit as a level writes it.
struct RawEdit<'r, 't> {
    node: Option<&'r YamlNode<'t>>,
}

impl<'r, 't> RawEdit<'r, 't> {
    fn list(&self, key: &str) -> &'r [YamlNode<'t>] {
        self.node.and_then(|node| node.get_value(key)).map(YamlNode::items).unwrap_or_default()
    }

    /// The item of a list in which one of these places is.
    fn find_holder(&self, key: &str, places: &[SourceSpan]) -> Option<usize> {
        let holds = |item: &YamlNode| {
            places.iter().any(|place| item.span.start <= place.start && place.end <= item.span.end)
        };
        self.list(key).iter().position(holds)
    }

    /// The item of a list that means the same as this one.
    fn find_equal(&self, key: &str, tree: &LayoutNode, list: &ArrayType) -> Option<usize> {
        let source = NamedSource::new("", render_flow(tree));
        let nodes = yaml::read_documents(&source, &mut Vec::new());
        let (node, encoder) = (nodes.first()?, NodeEncoder::default());
        let is_one = |own: &YamlNode| match list.item_identity() {
            None => encoder
                .encode_item(own, list)
                .is_some_and(|text| Some(text) == encoder.encode_item(node, list)),
            Some(identity) => identity.keys().any(|key| {
                let named = encoder.encode_key(own, identity.shape, key);
                named.iter().all(Option::is_some) && named == encoder.encode_key(node, identity.shape, key)
            }),
        };
        self.list(key).iter().position(is_one)
    }
}
