//! The words of a field: which type each fits, which words a type needs, which words exclude each other.
//!
//! A new word of the format has its line in one of these tables.
//! Deliberately absent: diagnostics; `fields` reports them.

use crate::kind::ClearValue;
use crate::kind::file::{FieldFile, ListTypeName, NumberEncoding, OrderedMap, TypeName, WrittenItems};

/// The fields of the object in a field.
pub(super) fn get_inner_fields(field: &FieldFile) -> Option<&OrderedMap<FieldFile>> {
    match field.ty {
        TypeName::Object => field.properties.as_ref(),
        _ => None,
    }
}

/// The fields of the items of a list of objects.
pub(super) fn get_item_fields(field: &FieldFile) -> Option<&OrderedMap<FieldFile>> {
    field.items.as_ref().filter(|_| field.ty == TypeName::Array)?.properties.as_ref()
}

pub(super) fn is_set_list(field: &FieldFile) -> bool {
    field.list_type == Some(ListTypeName::Set)
}

pub(super) fn is_scalar(ty: TypeName) -> bool {
    !matches!(ty, TypeName::Object | TypeName::Map | TypeName::Array)
}

const SCALAR_TYPES: &[TypeName] = &[
    TypeName::String,
    TypeName::Integer,
    TypeName::Decimal,
    TypeName::Boolean,
    TypeName::Uuid,
    TypeName::Date,
    TypeName::DateTime,
];
const NUMBER_TYPES: &[TypeName] = &[TypeName::Integer, TypeName::Decimal];
const ID_TYPES: &[TypeName] = &[TypeName::String, TypeName::Integer, TypeName::Uuid, TypeName::Array];
const COLLECTION_TYPES: &[TypeName] = &[TypeName::Array, TypeName::Map];

/// The words of a field, whether they are present, and the types that each fits.
pub(super) fn list_keyword_types(file: &FieldFile) -> [(&'static str, bool, &'static [TypeName]); 24] {
    [
        ("enum", file.values.is_some(), &[TypeName::String]),
        ("open_enum", file.open_enum, &[TypeName::String]),
        ("keys", file.keys.is_some(), &[TypeName::Map]),
        ("properties", file.properties.is_some(), &[TypeName::Object]),
        ("items", file.items.is_some(), COLLECTION_TYPES),
        ("list_type", file.list_type.is_some(), &[TypeName::Array]),
        ("list_keys", !file.list_keys.is_empty(), &[TypeName::Array]),
        ("keyed_by", file.keyed_by.is_some(), &[TypeName::Array]),
        ("map_type", file.map_type.is_some(), COLLECTION_TYPES),
        ("unlisted_items", file.unlisted_items.is_some(), COLLECTION_TYPES),
        ("order", file.order.is_some(), &[TypeName::Array]),
        ("write_items", file.write_items != WrittenItems::All, &[TypeName::Array]),
        ("delete_items_through", file.delete_items_through.is_some(), &[TypeName::Array]),
        ("clear_item_fields", !file.clear_item_fields.is_empty(), &[TypeName::Array]),
        ("max_length", file.max_length.is_some(), &[TypeName::String]),
        ("encode_as", file.encode_as.is_some(), list_encoded_types(file.encode_as)),
        ("minimum", file.minimum.is_some(), NUMBER_TYPES),
        ("maximum", file.maximum.is_some(), NUMBER_TYPES),
        ("pattern", file.pattern.is_some(), &[TypeName::String]),
        ("compare", file.compare != Default::default(), &[TypeName::String]),
        ("reference", file.reference.is_some(), ID_TYPES),
        ("limits_from", file.limits_from.is_some(), &[TypeName::String]),
        ("protection_levels", file.protection_levels.is_some(), SCALAR_TYPES),
        ("copy_of", file.copy_of.is_some(), SCALAR_TYPES),
    ]
}

fn list_encoded_types(encoding: Option<NumberEncoding>) -> &'static [TypeName] {
    match encoding {
        Some(NumberEncoding::Unix | NumberEncoding::UnixMs) => &[TypeName::DateTime],
        _ => NUMBER_TYPES,
    }
}

/// The words that a field of its type must have.
pub(super) fn list_required_keywords(file: &FieldFile) -> Vec<(&'static str, bool, &'static str)> {
    let unlisted = ("unlisted_items", file.unlisted_items.is_some(), "say `delete` or `keep`");
    match file.ty {
        TypeName::Object => vec![("properties", file.properties.is_some(), "write the object's fields")],
        TypeName::Map => vec![
            ("items", file.items.is_some(), "say the type of the values: `items: { type: string }`"),
            unlisted,
        ],
        TypeName::Array => vec![
            (
                "items",
                file.items.is_some(),
                "say what each item is: `type` for a scalar, `properties` for an object",
            ),
            (
                "list_type",
                file.list_type.is_some(),
                "say `atomic`, `set`, or `map` with `list_keys: [[field, …]]`",
            ),
            unlisted,
        ],
        _ => Vec::new(),
    }
}

/// The words that say who may write a field, and whether they are present.
pub(super) fn list_behavior_keywords(file: &FieldFile) -> [(&'static str, bool); 5] {
    [
        ("read_only", file.read_only),
        ("required", file.required),
        ("immutable", file.immutable),
        ("update_only", file.update_only),
        ("write_only", file.write_only),
    ]
}

/// Words about writing that exclude each other.
pub(super) const EXCLUSIVE_BEHAVIORS: &[(&str, &str)] = &[
    ("read_only", "required"),
    ("read_only", "immutable"),
    ("read_only", "update_only"),
    ("read_only", "write_only"),
    ("immutable", "update_only"),
    ("required", "update_only"),
];

/// Whether a value of this type can be cleared in this way.
pub(super) fn can_clear_with(ty: TypeName, clear: ClearValue) -> bool {
    match clear {
        ClearValue::Null | ClearValue::Nothing => true,
        ClearValue::Empty => matches!(ty, TypeName::String | TypeName::Array | TypeName::Map),
        ClearValue::Zero => matches!(
            ty,
            TypeName::Integer | TypeName::Decimal | TypeName::Boolean | TypeName::Uuid | TypeName::String
        ),
    }
}

pub(super) fn render_type_name(ty: TypeName) -> &'static str {
    match ty {
        TypeName::String => "string",
        TypeName::Integer => "integer",
        TypeName::Decimal => "decimal",
        TypeName::Boolean => "boolean",
        TypeName::Uuid => "uuid",
        TypeName::Date => "date",
        TypeName::DateTime => "datetime",
        TypeName::Object => "object",
        TypeName::Map => "map",
        TypeName::Array => "array",
        TypeName::Any => "any",
    }
}
