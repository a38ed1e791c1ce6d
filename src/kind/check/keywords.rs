//! The words of a field: which fits which type, which a type needs, which contradict each other.
//!
//! A new word of the format has its line in one of these tables.
//! Deliberately absent: what to do about it; `fields` tells the faults.

use super::super::ComparisonRule;
use super::super::file::{
    ClearValueFile, ComparisonRuleFile, FieldBehaviorFile, FieldFile, ListTypeFile, ListTypeName, OrderedMap,
    TypeName, WrittenItems,
};

/// The fields of the object that a field holds, or of the items of its list.
pub(super) fn get_inner_fields(field: &FieldFile) -> Option<&OrderedMap<FieldFile>> {
    match field.ty {
        TypeName::Object => field.fields.as_ref(),
        _ => None,
    }
}

/// The fields of the items of a list of objects.
pub(super) fn get_item_fields(field: &FieldFile) -> Option<&OrderedMap<FieldFile>> {
    field.items.as_ref().filter(|_| field.ty == TypeName::List)?.fields.as_ref()
}

/// A list whose items are told apart by what they are.
pub(super) fn is_set_list(field: &FieldFile) -> bool {
    matches!(field.told_apart, Some(ListTypeFile::Word(ListTypeName::Set)))
}

pub(super) fn is_scalar(ty: TypeName) -> bool {
    !matches!(ty, TypeName::Object | TypeName::Map | TypeName::List)
}

const SCALAR_TYPES: &[TypeName] = &[
    TypeName::Text,
    TypeName::Whole,
    TypeName::Decimal,
    TypeName::Flag,
    TypeName::Guid,
    TypeName::Date,
    TypeName::Time,
    TypeName::Choice,
];
const STRING_TYPES: &[TypeName] = &[TypeName::Text, TypeName::Choice];
const NUMBER_TYPES: &[TypeName] = &[TypeName::Whole, TypeName::Decimal];
const ID_TYPES: &[TypeName] = &[TypeName::Text, TypeName::Whole, TypeName::Guid, TypeName::List];
const COLLECTION_TYPES: &[TypeName] = &[TypeName::List, TypeName::Map];

/// The words that stand in a field, each with the types that it fits.
pub(super) fn list_keyword_types(file: &FieldFile) -> [(&'static str, bool, &'static [TypeName]); 17] {
    [
        ("choices", file.choices.is_some(), &[TypeName::Choice]),
        ("open", file.open, &[TypeName::Choice]),
        ("keys", file.keys.is_some(), &[TypeName::Map]),
        ("fields", file.fields.is_some(), &[TypeName::Object]),
        ("items", file.items.is_some(), COLLECTION_TYPES),
        ("told_apart", file.told_apart.is_some(), &[TypeName::List]),
        ("listed", file.listed.is_some(), COLLECTION_TYPES),
        ("order_told", file.order_told, &[TypeName::List]),
        ("items_sent", file.items_sent != WrittenItems::All, &[TypeName::List]),
        ("removals", file.removals.is_some(), &[TypeName::List]),
        ("max_length", file.max_length.is_some(), &[TypeName::Text]),
        ("wire", file.wire.is_some(), NUMBER_TYPES),
        ("compare", file.compare.is_some(), STRING_TYPES),
        ("refers_to", file.refers_to.is_some(), ID_TYPES),
        ("bounded_by", file.bounded_by.is_some(), &[TypeName::Text]),
        ("protection", file.protection.is_some(), SCALAR_TYPES),
        ("copy_of", file.copy_of.is_some(), SCALAR_TYPES),
    ]
}

/// The words that a field of its type must have.
pub(super) fn list_required_keywords(file: &FieldFile) -> Vec<(&'static str, bool, &'static str)> {
    match file.ty {
        TypeName::Choice => vec![("choices", file.choices.is_some(), "write each value with what it means")],
        TypeName::Object => vec![("fields", file.fields.is_some(), "write the object's fields")],
        TypeName::Map => vec![
            ("items", file.items.is_some(), "say the type of the values: `items: { type: text }`"),
            ("listed", file.listed.is_some(), "`complete`: keys not listed are removed; `upsert`: they stay"),
        ],
        TypeName::List => vec![
            (
                "items",
                file.items.is_some(),
                "say what each item is: `type` for a leaf, `fields` for an object",
            ),
            ("told_apart", file.told_apart.is_some(), "`order`, `set`, or `key: [field, …]`"),
            (
                "listed",
                file.listed.is_some(),
                "`complete`: items not listed are removed; `upsert`: they stay",
            ),
        ],
        _ => Vec::new(),
    }
}

/// Words of `access` that cannot stand together.
pub(super) const EXCLUSIVE_BEHAVIORS: &[(FieldBehaviorFile, FieldBehaviorFile)] = &[
    (FieldBehaviorFile::Computed, FieldBehaviorFile::Required),
    (FieldBehaviorFile::Computed, FieldBehaviorFile::Optional),
    (FieldBehaviorFile::Computed, FieldBehaviorFile::CreateOnly),
    (FieldBehaviorFile::Computed, FieldBehaviorFile::UpdateOnly),
    (FieldBehaviorFile::Computed, FieldBehaviorFile::WriteOnly),
    (FieldBehaviorFile::CreateOnly, FieldBehaviorFile::UpdateOnly),
    (FieldBehaviorFile::Required, FieldBehaviorFile::Optional),
    (FieldBehaviorFile::Required, FieldBehaviorFile::UpdateOnly),
];

/// Whether a value of this type can be cleared in this way.
pub(super) fn can_clear_with(ty: TypeName, word: ClearValueFile) -> bool {
    match word {
        ClearValueFile::Null | ClearValueFile::Never => true,
        ClearValueFile::Empty => {
            matches!(ty, TypeName::Text | TypeName::Choice | TypeName::List | TypeName::Map)
        }
        ClearValueFile::Zero => {
            matches!(
                ty,
                TypeName::Whole | TypeName::Decimal | TypeName::Flag | TypeName::Guid | TypeName::Text
            )
        }
    }
}

pub(super) fn resolve_comparison_rule(word: Option<ComparisonRuleFile>) -> ComparisonRule {
    match word {
        None | Some(ComparisonRuleFile::Exact) => ComparisonRule::Exact,
        Some(ComparisonRuleFile::CaseInsensitive) => ComparisonRule::CaseInsensitive,
        Some(ComparisonRuleFile::Addresses) => ComparisonRule::Addresses,
    }
}

pub(super) fn render_type_name(ty: TypeName) -> &'static str {
    match ty {
        TypeName::Text => "text",
        TypeName::Whole => "whole",
        TypeName::Decimal => "decimal",
        TypeName::Flag => "flag",
        TypeName::Guid => "guid",
        TypeName::Date => "date",
        TypeName::Time => "time",
        TypeName::Choice => "choice",
        TypeName::Object => "object",
        TypeName::Map => "map",
        TypeName::List => "list",
        TypeName::Any => "any",
    }
}

pub(super) fn render_behavior(access: FieldBehaviorFile) -> &'static str {
    match access {
        FieldBehaviorFile::Required => "required",
        FieldBehaviorFile::Optional => "optional",
        FieldBehaviorFile::Computed => "computed",
        FieldBehaviorFile::CreateOnly => "create_only",
        FieldBehaviorFile::UpdateOnly => "update_only",
        FieldBehaviorFile::WriteOnly => "write_only",
    }
}
