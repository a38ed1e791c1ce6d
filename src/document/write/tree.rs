//! Desired state to what is laid out: names of fields, words of values, and the gate before every value.

use super::layout::{Row, Tree};
use super::{Remark, Remarks, is_guarded};
use crate::diagnostic::Diagnostic;
use crate::document::{Wanted, Wish};
use crate::kind::{Item, Shape, Type};
use crate::value::{Mark, Value};

/// Turns desired state into trees.
pub struct Planting<'r> {
    remarks: &'r Remarks,
    personal: bool,
    here: Vec<u32>,
}

type Grown<T> = Result<T, Diagnostic>;

impl<'r> Planting<'r> {
    /// `personal`: whether personal and sensitive values may be written.
    pub fn new(remarks: &'r Remarks, personal: bool) -> Self {
        Self { remarks, personal, here: Vec::new() }
    }

    /// The same, for a node further in.
    #[must_use]
    pub fn at(mut self, here: Vec<u32>) -> Self {
        self.here = here;
        self
    }

    /// The entries of a spec.
    ///
    /// # Errors
    /// When it holds a plain value that must not be written.
    pub fn spec(&mut self, shape: &Shape, spec: &Wanted) -> Grown<Vec<Row>> {
        match &spec.wish {
            Wish::Object(fields) => self.object(shape, fields, Mark::Open),
            _ => Ok(Vec::new()),
        }
    }

    fn object(&mut self, shape: &Shape, fields: &[(u16, Wanted)], above: Mark) -> Grown<Vec<Row>> {
        let mut rows = Vec::with_capacity(fields.len());
        for field in &shape.fields {
            self.here.push(u32::from(field.number));
            let remark = self.remarks.get(&self.here);
            let wanted = fields.iter().find(|(number, _)| *number == field.number);
            let mark = above.max(field.mark);
            match (wanted, remark) {
                (Some((_, wanted)), remark) => {
                    let tree = self.node(&field.ty, &wanted.wish, (mark, &field.name))?;
                    let remark = remark.and_then(Remark::beside);
                    rows.push(Row { key: field.name.to_string(), tree: Some(tree), remark });
                }
                (None, Some(Remark::Instead(text))) => {
                    rows.push(Row { key: String::new(), tree: None, remark: Some(text.clone()) });
                }
                (None, _) => {}
            }
            self.here.pop();
        }
        Ok(rows)
    }

    /// One value of a type, under a mark and the name of its field.
    ///
    /// # Errors
    /// When it holds a plain value that must not be written.
    pub fn node(&mut self, ty: &Type, wish: &Wish, (mark, name): (Mark, &str)) -> Grown<Tree> {
        Ok(match (ty, wish) {
            (_, Wish::Clear) => Tree::Word("null".into()),
            (_, Wish::Slot(slot)) => Tree::Slot(slot.clone()),
            (_, Wish::Leaf(value)) => {
                allowed(mark, self.personal, name)?;
                leaf(value)
            }
            (Type::Object(shape), Wish::Object(fields)) => Tree::Map(self.object(shape, fields, mark)?),
            (Type::List(list), Wish::List(items)) => {
                let item = |(at, item): (u32, &Wanted)| self.item(&list.item, at, item, (mark, name));
                Tree::List((0..).zip(items).map(item).collect::<Grown<_>>()?)
            }
            (Type::Map(_), Wish::Map(entries)) => {
                let entry = |(key, wanted): &(Box<str>, Wanted)| {
                    let tree = self.node(&Type::Leaf(crate::kind::Leaf::Any), &wanted.wish, (mark, name))?;
                    Ok(Row { key: key.to_string(), tree: Some(tree), remark: None })
                };
                Tree::Map(entries.iter().map(entry).collect::<Grown<_>>()?)
            }
            // a wish of another type than its field can't come out of a reading
            _ => Tree::Word("null".into()),
        })
    }

    /// One item of a list.
    ///
    /// # Errors
    /// When it holds a plain value that must not be written.
    pub fn item(&mut self, item: &Item, at: u32, wanted: &Wanted, role: (Mark, &str)) -> Grown<Tree> {
        match (item, &wanted.wish) {
            (Item::Object(shape), Wish::Object(fields)) => {
                self.here.push(at);
                let rows = self.object(shape, fields, role.0);
                self.here.pop();
                Ok(Tree::Map(rows?))
            }
            (Item::Leaf(leaf), wish) => self.node(&Type::Leaf(leaf.clone()), wish, role),
            (Item::Object(_), _) => Ok(Tree::Map(Vec::new())),
        }
    }
}

impl Remark {
    fn beside(&self) -> Option<String> {
        match self {
            Self::Beside(text) => Some(text.clone()),
            Self::Instead(_) => None,
        }
    }
}

/// The gate: whether a plain value with this mark may stand in a document.
///
/// # Errors
/// When it must not.
pub fn allowed(mark: Mark, personal: bool, name: &str) -> Result<(), Diagnostic> {
    if mark == Mark::Secret || (is_guarded(mark) && !personal) {
        let message = format!("`{name}` is {} and must not be written in clear", mark.word());
        return Err(Diagnostic::error("marked-value", message));
    }
    Ok(())
}

/// A value without fields.
pub fn leaf(value: &Value) -> Tree {
    match value {
        // neither is the value of a leaf that was read
        Value::Null | Value::Object(_) | Value::Later(_) => Tree::Word("null".into()),
        Value::Flag(flag) => Tree::Word(flag.to_string()),
        Value::Whole(number) => Tree::Word(number.to_string()),
        Value::Decimal(number) => Tree::Word(number.to_string()),
        Value::Number(number) => Tree::Word(number.to_string()),
        Value::Guid(guid) => Tree::Text(guid.hyphenated().to_string()),
        Value::Text(text) => Tree::Text(text.to_string()),
        Value::Date(date) => Tree::Text(date.is.to_string()),
        Value::Time(time) => Tree::Text(time.is.to_string()),
        Value::List(items) => Tree::List(items.iter().map(leaf).collect()),
        Value::Map(entries) => {
            let row = |(key, value): &(Box<str>, Value)| Row {
                key: key.to_string(),
                tree: Some(leaf(value)),
                remark: None,
            };
            Tree::Map(entries.iter().map(row).collect())
        }
    }
}
