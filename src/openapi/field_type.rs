//! The type of a field in a draft, with the words that belong to it.
//!
//! A value that may have several forms is `any`: it is compared and written as a whole, which loses nothing.
//! Deliberately absent: objects and lists with parts; `field` drafts those.

use crate::kind::{NumberEncoding, ScalarType};
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm, StringSchema};
use crate::openapi::naming;
use crate::openapi::schema_pair::OperationSchemas;
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};

/// A type of the format with the words that belong to it.
pub struct DraftType {
    pub keyword: &'static str,
    pub entries: Vec<DraftEntry>,
    pub remark: Option<String>,
    pub scalar: Option<ScalarType>,
}

impl DraftType {
    /// A type without parts.
    pub fn from_scalar(word: &'static str, scalar_type: ScalarType) -> Self {
        Self { keyword: word, entries: Vec::new(), remark: None, scalar: Some(scalar_type) }
    }

    /// A type with words of its kind.
    pub fn from_entries(word: &'static str, lines: Vec<DraftEntry>) -> Self {
        Self { keyword: word, entries: lines, remark: None, scalar: None }
    }

    /// Any value, and why it is not known better.
    pub fn new_any(why: &str) -> Self {
        let remark = Some(format!("{why}; `any` is compared as a whole, so say more if more is known"));
        Self { remark, ..Self::from_scalar("any", ScalarType::Any) }
    }
}

/// The type of an id.
pub fn draft_id_type(views: &OperationSchemas) -> DraftType {
    let scalar_type = views.list_present().find(|plain| plain.is_scalar()).map(draft_scalar_type);
    match scalar_type {
        Some(typed) if ["string", "integer", "uuid"].contains(&typed.keyword) => typed,
        _ => DraftType::from_scalar("string", ScalarType::String { max_length: None }),
    }
}

/// The type of a value.
pub fn draft_scalar_type(plain: &FlatSchema) -> DraftType {
    match &plain.form {
        SchemaForm::Integer { enum_values: values, .. } => {
            let remark = match values.as_slice() {
                [] => None,
                values => Some(format!(
                    "the document allows only {}",
                    values.iter().take(20).cloned().collect::<Vec<_>>().join(", ")
                )),
            };
            DraftType {
                remark,
                ..DraftType::from_scalar("integer", ScalarType::Integer(NumberEncoding::Number))
            }
        }
        SchemaForm::Number => DraftType::from_scalar("decimal", ScalarType::Decimal(NumberEncoding::Number)),
        SchemaForm::Boolean => DraftType::from_scalar("boolean", ScalarType::Boolean),
        SchemaForm::String(text) => draft_string_type(text),
        SchemaForm::Unknown(why) => DraftType::new_any(why),
        SchemaForm::Object { .. } | SchemaForm::Array { .. } => DraftType::new_any("its values have parts"),
    }
}

fn draft_string_type(text: &StringSchema) -> DraftType {
    let in_quotes = || vec![DraftEntry::from_keyword("encode_as", "string")];
    let choices: Vec<&String> = text.enum_values.iter().filter(|choice| !choice.trim().is_empty()).collect();
    if !choices.is_empty() {
        return draft_enum_type(&choices);
    }
    match text.format.as_deref() {
        Some("uuid" | "guid") => DraftType::from_scalar("uuid", ScalarType::Uuid),
        Some("date") => DraftType::from_scalar("date", ScalarType::Date),
        Some("date-time" | "datetime") => DraftType::from_scalar("datetime", ScalarType::DateTime),
        Some("decimal" | "number" | "double" | "float" | "money") => DraftType {
            entries: in_quotes(),
            ..DraftType::from_scalar("decimal", ScalarType::Decimal(NumberEncoding::String))
        },
        Some("int32" | "int64" | "integer") => DraftType {
            entries: in_quotes(),
            ..DraftType::from_scalar("integer", ScalarType::Integer(NumberEncoding::String))
        },
        _ => {
            let lines = text.max_length.map(|most| DraftEntry::from_keyword("max_length", most));
            DraftType {
                entries: lines.into_iter().collect(),
                ..DraftType::from_scalar("string", ScalarType::String { max_length: text.max_length })
            }
        }
    }
}

fn draft_enum_type(choices: &[&String]) -> DraftType {
    let mut known: Vec<(std::sync::Arc<str>, String)> = Vec::new();
    for choice in choices {
        if !known.iter().any(|(own, _)| **own == ***choice) {
            let is = Some(naming::humanize_name(choice)).filter(|is| !is.is_empty());
            known.push((choice.as_str().into(), is.unwrap_or_else(|| "One of the values".into())));
        }
    }
    let lines = known.iter().map(|(choice, is)| DraftEntry::from_text(&**choice, &**is)).collect();
    let line = DraftEntry::new("enum", DraftValue::Mapping(lines)).with_polish("what each of these means");
    DraftType {
        entries: vec![line],
        ..DraftType::from_scalar("enum", ScalarType::Enum { values: known, open: false })
    }
}

/// The type of an object with free names; `others` is what its values are.
pub fn draft_map_type(others: Option<&FlatSchema>) -> DraftType {
    let silent = FlatSchema::from_form(SchemaForm::Unknown(crate::openapi::flatten_schema::UNSPECIFIED));
    let listed = DraftEntry::from_keyword("unlisted_items", "keep")
        .with_polish("`keep` deletes nothing; `delete` if a written map is complete");
    DraftType::from_entries("map", vec![listed, build_items_entry(others.unwrap_or(&silent))])
}

/// The `items` of a list or map of values.
pub fn build_items_entry(item: &FlatSchema) -> DraftEntry {
    let typed = draft_scalar_type(item);
    let mut lines = vec![build_type_entry(typed.keyword)];
    // of the words of a scalar an item has only its enum
    lines.extend(typed.entries.into_iter().filter(|_| typed.keyword == "enum"));
    DraftEntry::new("items", DraftValue::Mapping(lines)).with_polishes(typed.remark)
}

/// The word `type`.
pub fn build_type_entry(keyword: &str) -> DraftEntry {
    DraftEntry::from_keyword("type", if keyword == "enum" { "string" } else { keyword })
}
