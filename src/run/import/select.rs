//! Which live objects are wanted: by id, or by the value of a field.
//!
//! Each selector adds what it matches. A value is read as the field's type, so any spelling of it will do; a
//! `*` at either end matches any text. Secrets can't be asked about: an answer would tell them.

use crate::diagnostic::{Diagnostic, suggest_word};
use crate::kind::equality::is_equal;
use crate::kind::scalar::ScalarToken;
use crate::kind::{ComparisonRule, Field, FieldType, Kind, ScalarType};
use crate::value::{Object, Sensitivity, Value};

/// One condition.
pub enum ObjectSelector {
    Id(Value),
    Field { path: Vec<u16>, test: ValueTest },
}

/// What a value must be like.
pub enum ValueTest {
    /// Nothing to see.
    Blank,
    Equals(Value),
    Matches {
        start: bool,
        end: bool,
        text: String,
    },
}

impl ObjectSelector {
    /// Reads `ID` or `field=value`.
    ///
    /// # Errors
    /// When there is no such field, or the value is not of its type.
    pub fn parse(text: &str, kind: &Kind) -> Result<Self, Diagnostic> {
        let id = kind.id_field();
        match text.split_once('=').map(|(name, value)| (name, value, resolve_path(kind, name))) {
            Some((name, value, Ok(path))) => Self::parse_field(kind, path, name, value),
            Some((_, _, Err(fault))) if !is_text(&id.ty) => Err(fault),
            _ => Ok(Self::Id(parse_value(id, text)?)),
        }
    }

    fn parse_field(kind: &Kind, path: Vec<u16>, name: &str, value: &str) -> Result<Self, Diagnostic> {
        let (mark, field) = find_last_field(kind, &path).ok_or_else(|| diagnose_no_value(name))?;
        if mark == Sensitivity::Secret {
            let fault = Diagnostic::error("secret-selector", format!("`{name}` is a secret"));
            return Err(fault.with_hint("choose by another field"));
        }
        let (start, end) = (value.starts_with('*'), value.ends_with('*'));
        let test = match value.trim_matches('*') {
            "" if !start => ValueTest::Blank,
            text if start || end => ValueTest::Matches { start, end, text: text.to_owned() },
            text => ValueTest::Equals(parse_value(field, text)?),
        };
        Ok(Self::Field { path, test })
    }

    /// Whether this selector wants the object.
    pub fn matches_object(&self, kind: &Kind, object: &Object) -> bool {
        match self {
            Self::Id(id) => object.get_field(kind.identity.id) == Some(id),
            Self::Field { path, test } => {
                let Some((_, field)) = find_last_field(kind, path) else { return false };
                let values = collect_values(object, path);
                match test {
                    ValueTest::Blank => values.iter().all(|value| value.is_blank()),
                    test => values.iter().any(|value| test.matches_value(kind, field, value)),
                }
            }
        }
    }
}

impl ValueTest {
    fn matches_value(&self, kind: &Kind, field: &Field, value: &Value) -> bool {
        match self {
            Self::Blank => value.is_blank(),
            Self::Equals(wanted) => match &field.ty {
                FieldType::Scalar(_) => is_equal(field, Some(value), Some(wanted)),
                _ => value.is_equivalent(wanted),
            },
            Self::Matches { .. } if value.is_blank() => false,
            Self::Matches { start, end, text } => {
                let (own, text) = (ScalarType::render_url_text(value, &kind.api), text.clone());
                let (own, text) = match field.compare {
                    ComparisonRule::Exact => (own, text),
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

fn is_text(ty: &FieldType) -> bool {
    matches!(ty, FieldType::Scalar(ScalarType::String { .. }))
}

/// The numbers of the fields that a dotted name leads through.
fn resolve_path(kind: &Kind, name: &str) -> Result<Vec<u16>, Diagnostic> {
    let (mut shape, mut path) = (Some(&kind.shape), Vec::new());
    for step in name.split('.') {
        let inner = shape.ok_or_else(|| diagnose_no_value(name))?;
        let Some(field) = inner.find_field(step) else {
            let mut fault =
                Diagnostic::error("unknown-field", format!("`{}` has no field `{step}`", kind.name));
            fault.hint = suggest_word(step, inner.fields.iter().map(|field| &*field.name));
            return Err(fault);
        };
        path.push(field.number);
        shape = field.ty.inner_shape();
    }
    Ok(path)
}

fn diagnose_no_value(name: &str) -> Diagnostic {
    Diagnostic::error("invalid-selector", format!("`{name}` is not a field with one value"))
        .with_hint("name a field further in, like `list.field=value`")
}

/// The field at the end of a path, which has one value or is a list of such, and the strictest mark on the way.
fn find_last_field<'k>(kind: &'k Kind, path: &[u16]) -> Option<(Sensitivity, &'k Field)> {
    kind.shape.find_path_field(path).filter(|(_, field)| field.ty.scalar_type().is_some())
}

fn parse_value(field: &Field, text: &str) -> Result<Value, Diagnostic> {
    let scalar_type = field.ty.scalar_type().ok_or_else(|| diagnose_no_value(&field.name))?;
    // a choice that no description lists can still be live
    let open = match scalar_type {
        ScalarType::Enum { .. } => &ScalarType::String { max_length: None },
        scalar_type => scalar_type,
    };
    open.read_token(ScalarToken::String(text)).map_err(|mismatch| {
        let fault = Diagnostic::error("wrong-value", format!("`{}`: {}", field.name, mismatch.message));
        fault.with_hint(mismatch.hint.unwrap_or_else(|| format!("write {}", scalar_type.describe_type())))
    })
}

/// Every value at a path; through a list there can be many.
fn collect_values<'o>(object: &'o Object, path: &[u16]) -> Vec<&'o Value> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let Some(value) = object.get_field(*first) else { return Vec::new() };
    let inner: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    };
    if rest.is_empty() {
        return inner;
    }
    inner.into_iter().filter_map(Value::as_object).flat_map(|object| collect_values(object, rest)).collect()
}
