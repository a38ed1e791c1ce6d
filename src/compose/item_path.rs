//! Paths of values with items of lists in brackets, as reports write them: `fees[sort=card].amount`.
//!
//! An item is named by fields of its key, or by its place in the effective list. Levels are searched by the list keys
//! of the kind, so an item is found in whole lists and in edits alike.
//! Deliberately absent: what levels say of what is found (`explain`).

use crate::diagnostic::{Diagnostic, SourceLocation};
use crate::document::composition::is_list_edit;
use crate::document::node_encoder::NodeEncoder;
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::{ArrayType, Field, FieldType, ItemType, Shape};
use crate::yaml::{YamlData, YamlNode};

/// One step of a requested path.
pub enum AskedStep {
    /// A field, or a key of a map.
    Key(String),
    Item(AskedItem),
}

/// How an item is named.
pub enum AskedItem {
    /// By its place in the effective list.
    Position(usize),
    /// By fields: their numbers, and texts that are equal where values are.
    Fields(Vec<(u16, String)>),
}

/// One step of a path in the levels of one document.
pub enum LevelStep<'k> {
    Key(&'k str),
    Item(LevelItemMatcher<'k>),
}

/// Matches written items with the requested one.
pub struct LevelItemMatcher<'k> {
    pub list: &'k ArrayType,
    /// What is known of the item by the fields of its keys.
    parts: Vec<(u16, String)>,
    /// The item of a list without keys.
    whole: Option<String>,
}

/// How an edit of a list has an item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ItemEdit {
    Add,
    Change,
    Remove,
}

impl ItemEdit {
    /// The key that holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Remove => "remove",
        }
    }
}

/// Reads a path along the shape of a kind.
///
/// # Errors
/// When it goes into a list without an item, names an item by no field of it, or goes on below a scalar.
pub fn parse_path(text: &str, shape: &Shape) -> Result<Vec<AskedStep>, Diagnostic> {
    let mut parser = PathParser { encoder: NodeEncoder::default(), steps: Vec::new() };
    parser.parse_fields(text, shape)?;
    Ok(parser.steps)
}

/// A path without its brackets.
pub fn strip_items(path: &str) -> String {
    let (mut stripped, mut rest) = (String::new(), path);
    while let Some(at) = rest.find('[') {
        let (before, from) = rest.split_at(at);
        stripped.push_str(before);
        let Some((_, after)) = split_brackets(from) else { return stripped };
        rest = after;
    }
    stripped + rest
}

struct PathParser {
    encoder: NodeEncoder,
    steps: Vec<AskedStep>,
}

impl PathParser {
    fn parse_fields(&mut self, text: &str, shape: &Shape) -> Result<(), Diagnostic> {
        let (name, rest) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
        let Some(field) = shape.find_field(name) else {
            let message = format!("there is no field `{}`", name.escape_debug());
            return Err(Diagnostic::error("unknown-field", message).with_hint("end the path before it"));
        };
        self.steps.push(AskedStep::Key(name.to_owned()));
        match (&field.ty, rest.strip_prefix('.')) {
            _ if rest.is_empty() => Ok(()),
            (FieldType::Object(inner), Some(rest)) => self.parse_fields(rest, inner),
            (FieldType::Map(_), Some(key)) => {
                self.steps.push(AskedStep::Key(key.to_owned()));
                Ok(())
            }
            (FieldType::Map(_), None) => self.parse_map_key(rest, field),
            (FieldType::Array(list), _) => self.parse_item(rest, field, list),
            _ => Err(diagnose_no_list(field)),
        }
    }

    fn parse_map_key(&mut self, rest: &str, field: &Field) -> Result<(), Diagnostic> {
        let key = split_brackets(rest).filter(|(_, after)| after.is_empty());
        let (inside, _) = key.ok_or_else(|| diagnose_no_list(field))?;
        self.steps.push(AskedStep::Key(unquote(inside).0));
        Ok(())
    }

    fn parse_item(&mut self, rest: &str, field: &Field, list: &ArrayType) -> Result<(), Diagnostic> {
        let (inside, after) = split_brackets(rest).ok_or_else(|| diagnose_no_item(field, list))?;
        let item = self.parse_selector(inside, list).ok_or_else(|| diagnose_no_item(field, list))?;
        self.steps.push(AskedStep::Item(item));
        match (&list.item, after.strip_prefix('.')) {
            _ if after.is_empty() => Ok(()),
            (ItemType::Object(inner), Some(rest)) => self.parse_fields(rest, inner),
            _ => Err(diagnose_no_item(field, list)),
        }
    }

    /// `0`, or `sort=card, way="by post"`
    fn parse_selector(&self, inside: &str, list: &ArrayType) -> Option<AskedItem> {
        if let Ok(position) = inside.trim().parse() {
            return Some(AskedItem::Position(position));
        }
        let ItemType::Object(shape) = &list.item else { return None };
        let parts = split_outside_quotes(inside).into_iter().map(|part| {
            let (name, value) = part.split_once('=')?;
            let field = shape.find_field(name.trim())?;
            Some((field.number, self.encode_text(value.trim(), field)?))
        });
        parts.collect::<Option<Vec<_>>>().map(AskedItem::Fields)
    }

    /// As a bare scalar, else as text: reports quote no plain text.
    fn encode_text(&self, value: &str, field: &Field) -> Option<String> {
        let (text, is_quoted) = unquote(value);
        let node = |plain: bool| YamlNode {
            span: Default::default(),
            data: YamlData::Scalar { text: text.clone().into(), plain },
        };
        let bare = if is_quoted { None } else { self.encoder.encode_field(&node(true), field) };
        bare.or_else(|| self.encoder.encode_field(&node(false), field))
    }
}

/// The content of the brackets at the start, and what follows.
fn split_brackets(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('[')?;
    let end = find_outside_quotes(inner, ']')?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}

fn find_outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.char_indices().find_map(|(at, c)| {
        let is_one = c == wanted && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && is_quoted && !is_escaped;
        is_one.then_some(at)
    })
}

fn split_outside_quotes(text: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = find_outside_quotes(rest, ',') {
        let (part, after) = rest.split_at(at);
        parts.push(part);
        rest = after.get(1..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

/// The text, and whether it stood in quotes.
fn unquote(text: &str) -> (String, bool) {
    match serde_json::from_str::<String>(text) {
        Ok(inner) => (inner, true),
        Err(_) => (text.to_owned(), false),
    }
}

fn diagnose_no_list(field: &Field) -> Diagnostic {
    let message = format!("`{}` has no fields and no items", field.name);
    Diagnostic::error("unknown-item", message).with_hint("end the path after it")
}

fn diagnose_no_item(field: &Field, list: &ArrayType) -> Diagnostic {
    let message = format!("the path names no item of the list `{}`", field.name);
    Diagnostic::error("unknown-item", message).with_hint(format!("write `{}`", describe_item(field, list)))
}

fn describe_item(field: &Field, list: &ArrayType) -> String {
    let identity = list.item_identity();
    let key = identity.and_then(|identity| identity.own_keys().next().or_else(|| identity.keys().next()));
    let part = |number: &u16| identity.map(|own| format!("{}=VALUE", own.shape.get_field(*number).name));
    let parts: Vec<String> = key.iter().flat_map(|key| key.iter()).filter_map(part).collect();
    let inside = if parts.is_empty() { "0".to_owned() } else { parts.join(", ") };
    format!("{}[{inside}]", field.name)
}

/// A path as it is searched for in the levels of a document, and the place of the effective value.
pub struct ResolvedPath<'k> {
    pub steps: Vec<LevelStep<'k>>,
    pub effective: Option<SourceLocation>,
}

/// Resolves a path in a document; nothing when it names a place that no item has.
pub fn resolve_path<'k>(steps: &'k [AskedStep], document: &'k Document) -> Option<ResolvedPath<'k>> {
    let encoder = NodeEncoder::default();
    let (mut shape, mut field): (Option<&Shape>, Option<&Field>) = (Some(&document.kind.shape), None);
    let mut node = Some(&document.spec);
    let mut resolved = Vec::new();
    for step in steps {
        match step {
            AskedStep::Key(key) => {
                node = node.and_then(|node| find_below(node, key, shape));
                field = shape.and_then(|shape| shape.find_field(key));
                shape = match field.map(|field| &field.ty) {
                    Some(FieldType::Object(inner)) => Some(inner),
                    _ => None,
                };
                resolved.push(LevelStep::Key(key));
            }
            AskedStep::Item(asked) => {
                let Some(FieldType::Array(list)) = field.map(|field| &field.ty) else { return None };
                node = node.and_then(|node| find_effective(&encoder, node, asked, list));
                resolved.push(LevelStep::Item(LevelItemMatcher::new(&encoder, node, asked, list)?));
                shape = match &list.item {
                    ItemType::Object(inner) => Some(inner),
                    ItemType::Scalar(_) => None,
                };
            }
        }
    }
    let effective = node.map(|node| document.locate_span(node.span));
    Some(ResolvedPath { steps: resolved, effective })
}

fn find_below<'d>(node: &'d DesiredNode, key: &str, shape: Option<&Shape>) -> Option<&'d DesiredNode> {
    match &node.value {
        DesiredValue::Map(entries) => entries.iter().find(|(own, _)| **own == *key).map(|(_, node)| node),
        _ => node.get_field(shape?.find_field(key)?.number),
    }
}

fn find_effective<'d>(
    encoder: &NodeEncoder,
    node: &'d DesiredNode,
    asked: &AskedItem,
    list: &ArrayType,
) -> Option<&'d DesiredNode> {
    let DesiredValue::List(items) = &node.value else { return None };
    match (asked, &list.item) {
        (AskedItem::Position(at), _) => items.get(*at),
        (AskedItem::Fields(parts), ItemType::Object(shape)) => items.iter().find(|item| {
            parts.iter().all(|(number, text)| {
                encoder.encode_desired_field(item, shape, *number).as_ref() == Some(text)
            })
        }),
        _ => None,
    }
}

impl<'k> LevelItemMatcher<'k> {
    /// By the keys of the effective item, else by the requested ones.
    fn new(
        encoder: &NodeEncoder,
        item: Option<&DesiredNode>,
        asked: &AskedItem,
        list: &'k ArrayType,
    ) -> Option<Self> {
        let identity = list.item_identity();
        let parts = match (asked, item, identity) {
            (_, Some(item), Some(identity)) => {
                let numbers = identity.keys().flatten().copied();
                let part =
                    |number| Some((number, encoder.encode_desired_field(item, identity.shape, number)?));
                numbers.filter_map(part).collect()
            }
            (AskedItem::Fields(parts), ..) => parts.clone(),
            (AskedItem::Position(_), None, _) => return None,
            (AskedItem::Position(_), Some(_), None) => Vec::new(),
        };
        let whole = item.filter(|_| identity.is_none()).map(|item| encoder.encode_desired_item(item));
        Some(Self { list, parts, whole })
    }

    /// Whether a written item is this one, by the first key that it names in full.
    fn is_one(&self, encoder: &NodeEncoder, written: &YamlNode) -> bool {
        let Some(identity) = self.list.item_identity() else {
            return self.whole.is_some() && encoder.encode_item(written, self.list) == self.whole;
        };
        let known = |number: &u16| self.parts.iter().find(|(own, _)| own == number).map(|(_, text)| text);
        identity.keys().any(|key| {
            let parts = encoder.encode_key(written, identity.shape, key);
            key.iter().zip(&parts).all(|(number, part)| part.is_some() && part.as_ref() == known(number))
        })
    }
}

/// What a level has at a path, and under which key of an edit.
pub struct FoundNode<'n, 't> {
    pub node: &'n YamlNode<'t>,
    pub edit: Option<ItemEdit>,
}

/// The nodes at a path below a node. An edit has an item once for each of its keys.
pub fn find_nodes<'n, 't>(
    encoder: &NodeEncoder,
    found: FoundNode<'n, 't>,
    steps: &[LevelStep],
) -> Vec<FoundNode<'n, 't>> {
    let Some((first, rest)) = steps.split_first() else { return vec![found] };
    let FoundNode { node, edit } = found;
    match first {
        LevelStep::Key(key) => {
            let below = node.get_value(key).map(|node| FoundNode { node, edit });
            below.map(|below| find_nodes(encoder, below, rest)).unwrap_or_default()
        }
        LevelStep::Item(wanted) if is_list_edit(node) => {
            let edits = [ItemEdit::Remove, ItemEdit::Change, ItemEdit::Add];
            let items = edits.iter().filter_map(|own| Some((*own, node.get_value(own.as_str())?)));
            let items = items.flat_map(|(own, list)| list.items().iter().map(move |item| (own, item)));
            let is_one = |(_, item): &(ItemEdit, &YamlNode)| wanted.is_one(encoder, item);
            let below = |(own, node)| {
                let rest = if own == ItemEdit::Remove { &[] } else { rest };
                find_nodes(encoder, FoundNode { node, edit: Some(own) }, rest)
            };
            items.filter(is_one).flat_map(below).collect()
        }
        LevelStep::Item(wanted) => {
            let items = node.items().iter().filter(|item| wanted.is_one(encoder, item));
            items.flat_map(|node| find_nodes(encoder, FoundNode { node, edit }, rest)).collect()
        }
    }
}
