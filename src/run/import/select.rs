//! Which live objects are wanted: by id, or by the value of a field.
//!
//! Each selector adds what it matches. A value is read as the field's type, so any spelling of it will do; a
//! `*` at either end stands for anything. Secrets can't be asked about: an answer would tell them.

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::kind::leaf::Token;
use crate::kind::{Compare, Field, Item, Kind, Leaf, Type};
use crate::plan::compare::same;
use crate::value::{Mark, Object, Value};

/// One condition.
pub enum Selector {
    Id(Value),
    Field { path: Vec<u16>, test: Test },
}

/// What a value must be like.
pub enum Test {
    /// Nothing to see.
    Blank,
    Is(Value),
    Like {
        start: bool,
        end: bool,
        text: String,
    },
}

impl Selector {
    /// Reads `ID` or `field=value`.
    ///
    /// # Errors
    /// When there is no such field, or the value is not of its type.
    pub fn parse(text: &str, kind: &Kind) -> Result<Self, Diagnostic> {
        let id = kind.id_field();
        match text.split_once('=').map(|(name, value)| (name, value, path_of(kind, name))) {
            Some((name, value, Ok(path))) => Self::field(kind, path, (name, value)),
            Some((_, _, Err(fault))) if !reads_as_text(&id.ty) => Err(fault),
            _ => Ok(Self::Id(read(id, text)?)),
        }
    }

    fn field(kind: &Kind, path: Vec<u16>, (name, value): (&str, &str)) -> Result<Self, Diagnostic> {
        let (mark, field) = last(kind, &path).ok_or_else(|| no_leaf(name))?;
        if mark == Mark::Secret {
            let fault = Diagnostic::error("secret-selector", format!("`{name}` is a secret"));
            return Err(fault.hint("choose by another field"));
        }
        let (start, end) = (value.starts_with('*'), value.ends_with('*'));
        let test = match value.trim_matches('*') {
            "" if !start => Test::Blank,
            text if start || end => Test::Like { start, end, text: text.to_owned() },
            text => Test::Is(read(field, text)?),
        };
        Ok(Self::Field { path, test })
    }

    /// Whether this selector wants the object.
    pub fn takes(&self, kind: &Kind, object: &Object) -> bool {
        match self {
            Self::Id(id) => object.get(kind.identity.id) == Some(id),
            Self::Field { path, test } => {
                let Some((_, field)) = last(kind, path) else { return false };
                let values = values_at(object, path);
                match test {
                    Test::Blank => values.iter().all(|value| value.is_blank()),
                    test => values.iter().any(|value| test.passes(kind, field, value)),
                }
            }
        }
    }
}

impl Test {
    fn passes(&self, kind: &Kind, field: &Field, value: &Value) -> bool {
        match self {
            Self::Blank => value.is_blank(),
            Self::Is(wanted) => match &field.ty {
                Type::Leaf(_) => same(field, Some(value), Some(wanted)),
                _ => value.same(wanted),
            },
            Self::Like { .. } if value.is_blank() => false,
            Self::Like { start, end, text } => {
                let (own, text) = (Leaf::url_text(value, &kind.api), text.clone());
                let (own, text) = match field.compare {
                    Compare::Exact => (own, text),
                    _ => (own.to_lowercase(), text.to_lowercase()),
                };
                match (start, end) {
                    (true, true) => own.contains(&text),
                    (true, false) => own.ends_with(&text),
                    _ => own.starts_with(&text),
                }
            }
        }
    }
}

fn reads_as_text(ty: &Type) -> bool {
    matches!(ty, Type::Leaf(Leaf::Text { .. }))
}

/// The numbers of the fields that a dotted name leads through.
fn path_of(kind: &Kind, name: &str) -> Result<Vec<u16>, Diagnostic> {
    let (mut shape, mut path) = (Some(&kind.shape), Vec::new());
    for step in name.split('.') {
        let inner = shape.ok_or_else(|| no_leaf(name))?;
        let Some(field) = inner.named(step) else {
            let mut fault =
                Diagnostic::error("unknown-field", format!("`{}` has no field `{step}`", kind.name));
            fault.hint = did_you_mean(step, inner.fields.iter().map(|field| &*field.name));
            return Err(fault);
        };
        path.push(field.number);
        shape = match &field.ty {
            Type::Object(shape) => Some(shape),
            Type::List(list) => match &list.item {
                Item::Object(shape) => Some(shape),
                Item::Leaf(_) => None,
            },
            _ => None,
        };
    }
    Ok(path)
}

fn no_leaf(name: &str) -> Diagnostic {
    Diagnostic::error("odd-selector", format!("`{name}` is not a field with one value"))
        .hint("name a field further in, like `list.field=value`")
}

/// The field at the end of a path, which has one value or is a list of such, and the strictest mark on the way.
fn last<'k>(kind: &'k Kind, path: &[u16]) -> Option<(Mark, &'k Field)> {
    let (mut shape, mut mark, mut found) = (Some(&kind.shape), Mark::Open, None);
    for number in path {
        let field = shape?.fields.get(*number as usize)?;
        mark = mark.max(field.mark);
        found = Some(field);
        shape = match &field.ty {
            Type::Object(shape) => Some(shape),
            Type::List(list) => match &list.item {
                Item::Object(shape) => Some(shape),
                Item::Leaf(_) => None,
            },
            _ => None,
        };
    }
    let field = found?;
    leaf_of(field).map(|_| (mark, field))
}

fn leaf_of(field: &Field) -> Option<&Leaf> {
    match &field.ty {
        Type::Leaf(leaf) => Some(leaf),
        Type::List(list) => match &list.item {
            Item::Leaf(leaf) => Some(leaf),
            Item::Object(_) => None,
        },
        _ => None,
    }
}

fn read(field: &Field, text: &str) -> Result<Value, Diagnostic> {
    let leaf = leaf_of(field).ok_or_else(|| no_leaf(&field.name))?;
    // a choice that no description lists can still be live
    let open = match leaf {
        Leaf::Choice { .. } => &Leaf::Text { max: None },
        leaf => leaf,
    };
    open.read(Token::Text(text)).map_err(|mismatch| {
        let fault = Diagnostic::error("wrong-value", format!("`{}`: {}", field.name, mismatch.message));
        fault.hint(mismatch.hint.unwrap_or_else(|| format!("write {}", leaf.noun())))
    })
}

/// Every value at a path; through a list there can be many.
fn values_at<'o>(object: &'o Object, path: &[u16]) -> Vec<&'o Value> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let Some(value) = object.get(*first) else { return Vec::new() };
    let inner: Vec<&Value> = match value {
        Value::List(items) => items.iter().collect(),
        one => vec![one],
    };
    if rest.is_empty() {
        return inner;
    }
    inner.into_iter().filter_map(Value::as_object).flat_map(|object| values_at(object, rest)).collect()
}
