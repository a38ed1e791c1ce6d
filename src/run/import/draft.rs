//! A live object as the document that says it: what a person would write down, and nothing that goes without
//! saying.
//!
//! Left out is what the service sets, copies, what means the same when absent, and marked values: secrets
//! become sources, personal and sensitive ones are written only when asked for. Items of lists are distinguished
//! by their keys; row ids stand only where nothing else tells items apart.
//! Deliberately absent: rendering, which has its own check.

use std::collections::BTreeSet;

use super::fill::{FillMode, fill_spec, get_object_fields};
use super::names::{VariableNames, to_field_words, to_variable_words};
use crate::diagnostic::SourceSpan;
use crate::document::list_keys::DistinctItems;
use crate::document::spec::MAX_TEXT;
use crate::document::write::{CommentMap, NodeComment, is_guarded};
use crate::document::{DesiredNode, DesiredValue, ValueSource};
use crate::kind::equality::is_equal;
use crate::kind::explain::can_be_cleared;
use crate::kind::identity::ItemIdentity;
use crate::kind::mask::is_unreadable;
use crate::kind::scalar::ScalarToken;
use crate::kind::{ArrayType, Field, FieldType, ItemType, Kind, MapType, ScalarType, Shape, WriteBody};
use crate::value::{Object, Sensitivity, Value};

/// How deep a value of any sort may nest.
const MAX_DEPTH: usize = 32;
/// The most characters of a free key; readers of YAML stop looking for the end of longer ones.
const MAX_KEY: usize = 500;

/// What is to be known before an object is written down.
pub struct DraftOptions<'m> {
    pub kind: &'m Kind,
    /// Whether personal and sensitive values are written.
    pub personal: bool,
    /// Whether secret fields are left unmanaged.
    pub no_secrets: bool,
    /// The words with which every variable begins.
    pub words: Vec<String>,
}

/// An object written down.
#[derive(Default)]
pub struct ObjectDraft {
    pub fields: Vec<(u16, DesiredNode)>,
    pub remarks: CommentMap,
    pub variables: Vec<SecretVariable>,
    /// How many personal or sensitive fields were left out.
    pub omitted: usize,
}

/// An environment variable from which a secret comes.
#[derive(Clone)]
pub struct SecretVariable {
    pub name: String,
    /// The dotted name of the field.
    pub field: String,
}

/// Writes an object down.
pub fn draft_object(manner: &DraftOptions, live: &Object, variables: &mut VariableNames) -> ObjectDraft {
    let update = manner.kind.operations.update.as_ref();
    let mut drafting = ObjectDrafter {
        options: manner,
        variables,
        full_update: update.is_some_and(|update| update.body == WriteBody::Full),
        out: ObjectDraft::default(),
        position: Vec::new(),
        names: Vec::new(),
        words: manner.words.clone(),
    };
    let fields = drafting.draft_fields(&manner.kind.shape, live, Sensitivity::Public, &[]);
    ObjectDraft { fields, ..drafting.out }
}

impl ObjectDraft {
    /// The spec of a document.
    pub fn build_spec(&self) -> DesiredNode {
        build_node(DesiredValue::Object(self.fields.clone()))
    }

    /// The same with each item of a set once: a service may hold it twice.
    pub fn build_distinct_spec(&self, shape: &Shape) -> DesiredNode {
        build_node(DesiredValue::Object(drop_repeated_items(&self.fields, shape)))
    }
}

struct ObjectDrafter<'d> {
    options: &'d DraftOptions<'d>,
    variables: &'d mut VariableNames,
    /// Whether an update sends everything, so that what is not known would be blanked.
    full_update: bool,
    out: ObjectDraft,
    /// The way to the node at hand, as remarks are found by it.
    position: Vec<u32>,
    /// The same in names.
    names: Vec<String>,
    /// The words of a variable for a secret at hand.
    words: Vec<String>,
}

impl ObjectDrafter<'_> {
    /// The fields of an object that are worth saying, and those that `must` be said.
    fn draft_fields(
        &mut self,
        shape: &Shape,
        live: &Object,
        above: Sensitivity,
        must: &[u16],
    ) -> Vec<(u16, DesiredNode)> {
        let mut fields = Vec::new();
        for field in &shape.fields {
            if self.is_skipped(field, must.contains(&field.number)) {
                continue;
            }
            self.position.push(u32::from(field.number));
            self.names.push(field.name.to_string());
            let mark = above.max(field.sensitivity);
            let desired =
                self.draft_field(field, live.get_field(field.number), mark, must.contains(&field.number));
            fields.extend(desired.map(|desired| (field.number, build_node(desired))));
            self.names.pop();
            self.position.pop();
        }
        fields
    }

    fn is_skipped(&self, field: &Field, must: bool) -> bool {
        let rights = field.behavior;
        let is_id = self.position.is_empty() && field.number == self.options.kind.identity.id;
        let never = field.copy_of.is_some() || field.omit_from_writes || field.omit_from_import;
        is_id || never || (rights.read_only && !must) || (rights.immutable && rights.write_only)
    }

    fn draft_field(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        mark: Sensitivity,
        must: bool,
    ) -> Option<DesiredValue> {
        if mark == Sensitivity::Secret && self.options.no_secrets && !must {
            return None;
        }
        if mark == Sensitivity::Secret && matches!(field.ty, FieldType::Scalar(_)) {
            return self.draft_secret(field, live);
        }
        let blank = is_equal(field, live, None);
        if is_guarded(mark) && !self.options.personal {
            self.out.omitted += usize::from(!blank);
            return None;
        }
        if is_unreadable(field, live) {
            if self.full_update && !field.behavior.immutable {
                self.add_remark(format!("{}: not returned by the API", field.name));
            }
            return None;
        }
        if blank && !must {
            return None;
        }
        let desired = match (&field.ty, live.filter(|value| !matches!(value, Value::Null))) {
            (FieldType::Array(list), live) => {
                self.draft_list(field, list, live.map(Value::items).unwrap_or_default(), mark)
            }
            (_, None) => return can_be_cleared(field).then_some(DesiredValue::Clear),
            (FieldType::Scalar(scalar_type), Some(value)) => {
                can_represent(scalar_type, value).then(|| DesiredValue::Literal(value.clone()))
            }
            (FieldType::Map(map), Some(Value::Map(entries))) => self.draft_map(map, entries, mark),
            (FieldType::Object(shape), Some(Value::Object(object))) => {
                let words = self.words.len();
                self.words.push(to_field_words(&field.name));
                let fields = self.draft_fields(shape, object, mark, &[]);
                self.words.truncate(words);
                return (!fields.is_empty()).then_some(DesiredValue::Object(fields));
            }
            _ => None,
        };
        if desired.is_none() {
            self.add_remark(format!("{}: left out, because no document can say its value", field.name));
        }
        desired
    }

    /// A secret is never said: only where it comes from. Of one that reads empty nothing is known.
    fn draft_secret(&mut self, field: &Field, live: Option<&Value>) -> Option<DesiredValue> {
        if live.is_some_and(|value| !value.is_blank()) {
            return Some(self.draft_source(to_field_words(&field.name)));
        }
        // a service that never shows secrets does not tell that there is none
        if !is_unreadable(field, live) || !self.full_update {
            return None;
        }
        let name = self.reserve_variable(to_field_words(&field.name));
        let none = if can_be_cleared(field) { ", or write null if there is none" } else { "" };
        let why = format!("not returned by the API: set its source{none}");
        self.add_remark(format!("{}: {{ from_env: {name} }}  # {why}", field.name));
        None
    }

    fn draft_source(&mut self, word: String) -> DesiredValue {
        let name = self.reserve_variable(word);
        self.out.variables.push(SecretVariable { name: name.clone(), field: self.names.join(".") });
        DesiredValue::Source(ValueSource::Env(name))
    }

    fn reserve_variable(&mut self, word: String) -> String {
        let words: Vec<String> = self.words.iter().cloned().chain([word]).collect();
        self.variables.reserve_name(&words)
    }

    fn add_remark(&mut self, text: String) {
        self.out.remarks.insert(self.position.clone(), NodeComment::Standalone(text));
    }

    fn draft_map(
        &mut self,
        map: &MapType,
        entries: &[(Box<str>, Value)],
        mark: Sensitivity,
    ) -> Option<DesiredValue> {
        let mut said = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let desired = match value {
                // an entry that is null asks for its removal
                Value::Null => return None,
                value if mark == Sensitivity::Secret => {
                    (!value.is_blank()).then(|| self.draft_source(to_variable_words(key)))?
                }
                value => can_represent(&map.value, value).then(|| DesiredValue::Literal(value.clone()))?,
            };
            said.push((is_valid_key(key).then(|| key.clone())?, build_node(desired)));
        }
        Some(DesiredValue::Map(said))
    }

    fn draft_list(
        &mut self,
        field: &Field,
        list: &ArrayType,
        items: &[Value],
        mark: Sensitivity,
    ) -> Option<DesiredValue> {
        match (&list.item, &list.list_type) {
            (ItemType::Scalar(scalar_type), _) => {
                let item = |(at, value): (usize, &Value)| {
                    self.draft_scalar_item(field, scalar_type, at, value, mark)
                };
                items.iter().enumerate().map(item).collect::<Option<_>>().map(DesiredValue::List)
            }
            (ItemType::Object(shape), _) => {
                let objects: Vec<&Object> = items.iter().map(Value::as_object).collect::<Option<_>>()?;
                let said = match list.item_identity() {
                    Some(identity) => self.draft_keyed_items(identity, &objects, mark)?,
                    None => self.draft_items(shape, &objects, mark, &[]),
                };
                Some(DesiredValue::List(
                    said.into_iter().map(|fields| build_node(DesiredValue::Object(fields))).collect(),
                ))
            }
        }
    }

    fn draft_scalar_item(
        &mut self,
        field: &Field,
        scalar_type: &ScalarType,
        at: usize,
        value: &Value,
        mark: Sensitivity,
    ) -> Option<DesiredNode> {
        let desired = match value {
            value if mark == Sensitivity::Secret => {
                let word = format!("{}_{}", to_field_words(&field.name), at + 1);
                (!value.is_blank()).then(|| self.draft_source(word))?
            }
            Value::Null if *scalar_type != ScalarType::Any => return None,
            value => can_represent(scalar_type, value).then(|| DesiredValue::Literal(value.clone()))?,
        };
        Some(build_node(desired))
    }

    /// Items distinguished by the first key that does it; else by their row ids; else they can't be said.
    fn draft_keyed_items(
        &mut self,
        identity: ItemIdentity,
        live: &[&Object],
        mark: Sensitivity,
    ) -> Option<Vec<Vec<(u16, DesiredNode)>>> {
        let (shape, row_id) = (identity.shape, identity.row_id_field());
        let is_open = |key: &&[u16]| {
            key.iter().all(|number| self.can_write(mark.max(shape.get_field(*number).sensitivity)))
        };
        let tells = |key: &&[u16]| {
            let only = |object: &&Object| draft_key(shape, key, object);
            let items: Option<Vec<_>> = live.iter().map(only).collect();
            items.is_some_and(|items| matches_live_order(identity, &items, live))
        };
        let key = identity.own_keys().filter(is_open).find(tells);
        let before = (self.out.variables.len(), self.out.remarks.clone());
        let mut items = self.draft_items(shape, live, mark, key.unwrap_or_default());
        if key.is_some() && matches_live_order(identity, &items, live) {
            return Some(items);
        }
        let row_id = row_id.filter(|row_id| self.can_write(mark.max(row_id.sensitivity)));
        if let Some(row_id) = row_id {
            for (item, object) in items.iter_mut().zip(live) {
                let id = object.get_field(row_id.number).filter(|id| !id.is_zero()).cloned();
                item.retain(|(number, _)| *number != row_id.number);
                item.extend(id.map(|id| (row_id.number, build_node(DesiredValue::Literal(id)))));
                item.sort_by_key(|(number, _)| *number);
            }
            let all = items.iter().all(|item| item.iter().any(|(number, _)| *number == row_id.number));
            if all && matches_live_order(identity, &items, live) {
                return Some(items);
            }
        }
        self.out.variables.truncate(before.0);
        self.out.remarks = before.1;
        None
    }

    fn can_write(&self, mark: Sensitivity) -> bool {
        mark == Sensitivity::Public || (is_guarded(mark) && self.options.personal)
    }

    fn draft_items(
        &mut self,
        shape: &Shape,
        live: &[&Object],
        mark: Sensitivity,
        must: &[u16],
    ) -> Vec<Vec<(u16, DesiredNode)>> {
        let mut items = Vec::with_capacity(live.len());
        for (at, object) in (0u32..).zip(live) {
            let words = self.words.len();
            self.words.push(self.build_item_word(shape, object, must, at));
            self.position.push(at);
            items.push(self.draft_fields(shape, object, mark, must));
            self.position.pop();
            self.words.truncate(words);
        }
        items
    }

    /// What tells an item apart, as the words of a variable; never a marked value.
    fn build_item_word(&self, shape: &Shape, object: &Object, key: &[u16], at: u32) -> String {
        let word = |number: &u16| {
            let open = shape.get_field(*number).sensitivity == Sensitivity::Public;
            object.get_field(*number).filter(|_| open).and_then(Value::as_str).map(to_variable_words)
        };
        let words: Vec<String> = key.iter().filter_map(word).filter(|word| !word.is_empty()).collect();
        if words.is_empty() { (at + 1).to_string() } else { words.join("_") }
    }
}

fn drop_repeated_items(fields: &[(u16, DesiredNode)], shape: &Shape) -> Vec<(u16, DesiredNode)> {
    fields.iter().map(|(number, node)| (*number, drop_repeated(node, &shape.get_field(*number).ty))).collect()
}

fn drop_repeated(node: &DesiredNode, ty: &FieldType) -> DesiredNode {
    let value = match (&node.value, ty) {
        (DesiredValue::Object(fields), FieldType::Object(shape)) => {
            DesiredValue::Object(drop_repeated_items(fields, shape))
        }
        (DesiredValue::List(items), FieldType::Array(list)) => {
            let mut distinct = DistinctItems::default();
            let own = |item: &DesiredNode| match (&item.value, &list.item) {
                (DesiredValue::Object(fields), ItemType::Object(shape)) => {
                    build_node(DesiredValue::Object(drop_repeated_items(fields, shape)))
                }
                _ => item.clone(),
            };
            DesiredValue::List(items.iter().filter(|item| distinct.add(list, &item.value)).map(own).collect())
        }
        (value, _) => value.clone(),
    };
    build_node(value)
}

/// An item that says only its key; nothing when the key can't be said.
fn draft_key(shape: &Shape, key: &[u16], object: &Object) -> Option<Vec<(u16, DesiredNode)>> {
    let mut fields: Vec<(u16, DesiredNode)> = Vec::with_capacity(key.len());
    for number in key {
        let field = shape.get_field(*number);
        let desired = match (object.get_field(*number), &field.ty) {
            (Some(Value::Array(items)), _) => DesiredValue::List(
                items.iter().map(|item| build_node(DesiredValue::Literal(item.clone()))).collect(),
            ),
            (None | Some(Value::Null), FieldType::Array(_)) => DesiredValue::List(Vec::new()),
            (None | Some(Value::Null), _) => can_be_cleared(field).then_some(DesiredValue::Clear)?,
            (Some(value), _) => DesiredValue::Literal(value.clone()),
        };
        fields.push((*number, build_node(desired)));
    }
    fields.sort_by_key(|(number, _)| *number);
    Some(fields)
}

/// Whether these items, with their secrets in place, find the live ones in their order.
fn matches_live_order(identity: ItemIdentity, items: &[Vec<(u16, DesiredNode)>], live: &[&Object]) -> bool {
    let filled: Vec<Vec<(u16, DesiredNode)>> = items
        .iter()
        .zip(live)
        .map(|(item, live)| {
            let item = fill_spec(
                &build_node(DesiredValue::Object(item.clone())),
                identity.shape,
                live,
                FillMode::Secrets,
            );
            get_object_fields(&item).to_vec()
        })
        .collect();
    let filled: Vec<&[(u16, DesiredNode)]> = filled.iter().map(Vec::as_slice).collect();
    let is_in_order = |pairs: Vec<Option<usize>>| (0..).zip(pairs).all(|(at, pair)| pair == Some(at));
    items.iter().all(|item| identity.has_full_key(item.as_slice()))
        && identity.match_items(&filled, live).is_ok_and(is_in_order)
}

fn build_node(desired: DesiredValue) -> DesiredNode {
    DesiredNode { span: SourceSpan::default(), value: desired }
}

/// Whether a document can hold a value: services hold longer texts and other choices than documents may.
pub fn can_represent(scalar_type: &ScalarType, value: &Value) -> bool {
    let reads = |token: ScalarToken| scalar_type.read_token(token).as_ref() == Ok(value);
    match value {
        Value::Null => *scalar_type == ScalarType::Any,
        Value::String(text) => text.len() <= MAX_TEXT && reads(ScalarToken::String(text)),
        Value::Integer(number) => reads(ScalarToken::Plain(&number.to_string())),
        Value::Decimal(number) => reads(ScalarToken::Plain(&number.to_string())),
        Value::Number(number) => reads(ScalarToken::Plain(number)),
        Value::Array(_) | Value::Map(_) => *scalar_type == ScalarType::Any && is_bounded(value, MAX_DEPTH),
        Value::Boolean(_) | Value::Uuid(_) | Value::Date(_) | Value::DateTime(_) => true,
        Value::Object(_) | Value::KnownAfterApply(_) => false,
    }
}

fn is_bounded(value: &Value, depth: usize) -> bool {
    match value {
        _ if depth == 0 => false,
        Value::Array(items) => items.iter().all(|item| is_bounded(item, depth - 1)),
        Value::Map(entries) => {
            let mut keys = BTreeSet::new();
            entries
                .iter()
                .all(|(key, value)| is_valid_key(key) && keys.insert(key) && is_bounded(value, depth - 1))
        }
        scalar_type => can_represent(&ScalarType::Any, scalar_type),
    }
}

fn is_valid_key(key: &str) -> bool {
    key.chars().count() <= MAX_KEY
}
