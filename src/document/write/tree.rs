//! Desired state to what is laid out: names of fields, words of values, and the gate before every value.

use std::collections::BTreeMap;

use super::layout::{LayoutEntry, LayoutNode};
use crate::diagnostic::Diagnostic;
use crate::document::{DesiredNode, DesiredValue, NamedReference};
use crate::kind::{FieldType, ItemType, Shape};
use crate::value::{Sensitivity, Value};

/// What is said beside the fields of a document: by the numbers of fields and the places of items that lead
/// to the node.
pub type CommentMap = BTreeMap<Vec<u32>, NodeComment>;

/// What is said of one node.
#[derive(Clone)]
pub enum NodeComment {
    /// Behind the value.
    Trailing(String),
    /// Where the field would stand, which is left out.
    Standalone(String),
}

/// Whether a mark keeps a value out of documents unless it was asked for.
pub fn is_guarded(mark: Sensitivity) -> bool {
    matches!(mark, Sensitivity::Personal | Sensitivity::Internal)
}

/// Turns desired state into trees.
pub struct LayoutBuilder<'r> {
    comments: &'r CommentMap,
    allow_personal: bool,
    /// Whether a value that must not be written is left out with a comment, rather than an error.
    omit_guarded: bool,
    path: Vec<u32>,
}

type LayoutResult<T> = Result<T, Diagnostic>;

impl<'r> LayoutBuilder<'r> {
    /// `personal`: whether personal and sensitive values may be written.
    pub fn new(remarks: &'r CommentMap, personal: bool) -> Self {
        Self { comments: remarks, allow_personal: personal, omit_guarded: false, path: Vec::new() }
    }

    /// With a comment in the place of what must not be written.
    #[must_use]
    pub fn with_omissions(self, omit_guarded: bool) -> Self {
        Self { omit_guarded, ..self }
    }

    /// The same, for a node further in.
    #[must_use]
    pub fn with_path(mut self, here: Vec<u32>) -> Self {
        self.path = here;
        self
    }

    /// The entries of a spec.
    ///
    /// # Errors
    /// When it holds a plain value that must not be written.
    pub fn build_spec(&mut self, shape: &Shape, spec: &DesiredNode) -> LayoutResult<Vec<LayoutEntry>> {
        match &spec.value {
            DesiredValue::Object(fields) => self.build_object(shape, fields, Sensitivity::Public),
            _ => Ok(Vec::new()),
        }
    }

    fn build_object(
        &mut self,
        shape: &Shape,
        fields: &[(u16, DesiredNode)],
        above: Sensitivity,
    ) -> LayoutResult<Vec<LayoutEntry>> {
        let mut rows = Vec::with_capacity(fields.len());
        for field in &shape.fields {
            self.path.push(u32::from(field.number));
            let remark = self.comments.get(&self.path);
            let wanted = fields.iter().find(|(number, _)| *number == field.number);
            let mark = above.max(field.sensitivity);
            match (wanted, remark) {
                (Some((_, wanted)), remark) => {
                    match self.build_node(&field.ty, &wanted.value, mark, &field.name) {
                        Ok(tree) => {
                            let comment = remark.and_then(NodeComment::to_trailing);
                            rows.push(LayoutEntry { key: field.name.to_string(), node: Some(tree), comment });
                        }
                        Err(_) if self.omit_guarded => {
                            let comment = Some(format!("{}: {}, not shown", field.name, mark.as_str()));
                            rows.push(LayoutEntry { key: field.name.to_string(), node: None, comment });
                        }
                        Err(fault) => return Err(fault),
                    }
                }
                (None, Some(NodeComment::Standalone(text))) => {
                    rows.push(LayoutEntry { key: String::new(), node: None, comment: Some(text.clone()) });
                }
                (None, _) => {}
            }
            self.path.pop();
        }
        Ok(rows)
    }

    /// One value of a type, under a mark and the name of its field.
    ///
    /// # Errors
    /// When it holds a plain value that must not be written.
    pub fn build_node(
        &mut self,
        ty: &FieldType,
        desired: &DesiredValue,
        mark: Sensitivity,
        name: &str,
    ) -> LayoutResult<LayoutNode> {
        Ok(match (ty, desired) {
            (_, DesiredValue::Clear) => LayoutNode::Plain("null".into()),
            (_, DesiredValue::Source(slot)) => LayoutNode::Source(slot.clone()),
            (_, DesiredValue::Reference(reference)) => {
                check_writable(mark.max(reference.sensitivity), self.allow_personal, name)?;
                build_reference(reference)
            }
            (_, DesiredValue::Literal(value)) => {
                check_writable(mark, self.allow_personal, name)?;
                build_literal(value)
            }
            (FieldType::Object(shape), DesiredValue::Object(fields)) => {
                LayoutNode::Map(self.build_object(shape, fields, mark)?)
            }
            (FieldType::Array(list), DesiredValue::List(items)) => {
                let item =
                    |(at, item): (u32, &DesiredNode)| self.build_item(&list.item, at, item, mark, name);
                LayoutNode::List((0..).zip(items).map(item).collect::<LayoutResult<_>>()?)
            }
            (FieldType::Map(map), DesiredValue::Map(entries)) => {
                let value = FieldType::Scalar(crate::kind::ScalarType::Any);
                if self.omit_guarded {
                    // a key can be as sensitive as its value
                    let marks = entries.iter().map(|(key, _)| map.resolve_key_sensitivity(key, mark));
                    marks.max().map_or(Ok(()), |mark| check_writable(mark, self.allow_personal, name))?;
                }
                let entry = |(at, (key, wanted)): (u32, &(Box<str>, DesiredNode))| {
                    let tree = self.build_node(&value, &wanted.value, mark, name)?;
                    self.path.push(at);
                    let comment = self.comments.get(&self.path).and_then(NodeComment::to_trailing);
                    self.path.pop();
                    Ok(LayoutEntry { key: key.to_string(), node: Some(tree), comment })
                };
                LayoutNode::Map((0..).zip(entries).map(entry).collect::<LayoutResult<_>>()?)
            }
            // a wish of another type than its field can't come out of a reading
            _ => LayoutNode::Plain("null".into()),
        })
    }

    /// One item of a list.
    ///
    /// # Errors
    /// When it holds a plain value that must not be written.
    pub fn build_item(
        &mut self,
        item: &ItemType,
        at: u32,
        wanted: &DesiredNode,
        mark: Sensitivity,
        name: &str,
    ) -> LayoutResult<LayoutNode> {
        match (item, &wanted.value) {
            (ItemType::Object(shape), DesiredValue::Object(fields)) => {
                self.path.push(at);
                let rows = self.build_object(shape, fields, mark);
                self.path.pop();
                Ok(LayoutNode::Map(rows?))
            }
            (ItemType::Scalar(scalar), desired) => {
                self.build_node(&FieldType::Scalar(scalar.clone()), desired, mark, name)
            }
            (ItemType::Object(_), _) => Ok(LayoutNode::Map(Vec::new())),
        }
    }
}

impl NodeComment {
    fn to_trailing(&self) -> Option<String> {
        match self {
            Self::Trailing(text) => Some(text.clone()),
            Self::Standalone(_) => None,
        }
    }
}

/// The gate: whether a plain value with this mark may stand in a document.
///
/// # Errors
/// When it must not.
pub fn check_writable(mark: Sensitivity, personal: bool, name: &str) -> Result<(), Diagnostic> {
    if mark == Sensitivity::Secret || (is_guarded(mark) && !personal) {
        let message = format!("`{name}` is {} and must not be written in clear", mark.as_str());
        return Err(Diagnostic::error("sensitive-value", message));
    }
    Ok(())
}

fn build_reference(reference: &NamedReference) -> LayoutNode {
    let word = reference.member.as_deref().unwrap_or("ref");
    LayoutNode::Map(vec![build_reference_entry(word, &reference.name)])
}

fn build_reference_entry(word: &str, name: &str) -> LayoutEntry {
    LayoutEntry { key: word.to_owned(), node: Some(LayoutNode::Text(name.to_owned())), comment: None }
}

/// A value without fields.
pub fn build_literal(value: &Value) -> LayoutNode {
    match value {
        // no scalar that was read is either
        Value::Null | Value::Object(_) => LayoutNode::Plain("null".into()),
        // the parent of a scope is named
        Value::KnownAfterApply(name) => LayoutNode::Map(vec![build_reference_entry("ref", name)]),
        Value::Boolean(flag) => LayoutNode::Plain(flag.to_string()),
        Value::Integer(number) => LayoutNode::Plain(number.to_string()),
        Value::Decimal(number) => LayoutNode::Plain(number.to_string()),
        Value::Number(number) => LayoutNode::Plain(number.to_string()),
        Value::Uuid(guid) => LayoutNode::Text(guid.hyphenated().to_string()),
        Value::String(text) => LayoutNode::Text(text.to_string()),
        Value::Date(date) => LayoutNode::Text(date.value.to_string()),
        Value::DateTime(time) => LayoutNode::Text(time.value.to_string()),
        Value::Array(items) => LayoutNode::List(items.iter().map(build_literal).collect()),
        Value::Map(entries) => {
            let row = |(key, value): &(Box<str>, Value)| LayoutEntry {
                key: key.to_string(),
                node: Some(build_literal(value)),
                comment: None,
            };
            LayoutNode::Map(entries.iter().map(row).collect())
        }
    }
}
