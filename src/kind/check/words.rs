//! The words of a field: which fits which type, which a type needs, which contradict each other.
//!
//! A new word of the format has its line in one of these tables.
//! Deliberately absent: what to do about it; `fields` tells the faults.

use super::super::Compare;
use super::super::file::{
    Access, ClearWord, CompareWord, FieldFile, Fields, ItemsSent, ToldApartFile, ToldApartWord, TypeWord,
};

/// The fields of the object that a field holds, or of the items of its list.
pub(super) fn inner(field: &FieldFile) -> Option<&Fields<FieldFile>> {
    match field.ty {
        TypeWord::Object => field.fields.as_ref(),
        _ => None,
    }
}

/// The fields of the items of a list of objects.
pub(super) fn item_fields(field: &FieldFile) -> Option<&Fields<FieldFile>> {
    field.items.as_ref().filter(|_| field.ty == TypeWord::List)?.fields.as_ref()
}

/// A list whose items are told apart by what they are.
pub(super) fn is_set(field: &FieldFile) -> bool {
    matches!(field.told_apart, Some(ToldApartFile::Word(ToldApartWord::Set)))
}

pub(super) fn is_leaf(ty: TypeWord) -> bool {
    !matches!(ty, TypeWord::Object | TypeWord::Map | TypeWord::List)
}

const LEAVES: &[TypeWord] = &[
    TypeWord::Text,
    TypeWord::Whole,
    TypeWord::Decimal,
    TypeWord::Flag,
    TypeWord::Guid,
    TypeWord::Date,
    TypeWord::Time,
    TypeWord::Choice,
];
const TEXTS: &[TypeWord] = &[TypeWord::Text, TypeWord::Choice];
const NUMBERS: &[TypeWord] = &[TypeWord::Whole, TypeWord::Decimal];
const IDS: &[TypeWord] = &[TypeWord::Text, TypeWord::Whole, TypeWord::Guid, TypeWord::List];
const MANY: &[TypeWord] = &[TypeWord::List, TypeWord::Map];

/// The words that stand in a field, each with the types that it fits.
pub(super) fn fitting(file: &FieldFile) -> [(&'static str, bool, &'static [TypeWord]); 17] {
    [
        ("choices", file.choices.is_some(), &[TypeWord::Choice]),
        ("open", file.open, &[TypeWord::Choice]),
        ("keys", file.keys.is_some(), &[TypeWord::Map]),
        ("fields", file.fields.is_some(), &[TypeWord::Object]),
        ("items", file.items.is_some(), MANY),
        ("told_apart", file.told_apart.is_some(), &[TypeWord::List]),
        ("listed", file.listed.is_some(), MANY),
        ("order_told", file.order_told, &[TypeWord::List]),
        ("items_sent", file.items_sent != ItemsSent::All, &[TypeWord::List]),
        ("removals", file.removals.is_some(), &[TypeWord::List]),
        ("max_length", file.max_length.is_some(), &[TypeWord::Text]),
        ("wire", file.wire.is_some(), NUMBERS),
        ("compare", file.compare.is_some(), TEXTS),
        ("refers_to", file.refers_to.is_some(), IDS),
        ("bounded_by", file.bounded_by.is_some(), &[TypeWord::Text]),
        ("protection", file.protection.is_some(), LEAVES),
        ("copy_of", file.copy_of.is_some(), LEAVES),
    ]
}

/// The words that a field of its type must have.
pub(super) fn needed(file: &FieldFile) -> Vec<(&'static str, bool, &'static str)> {
    match file.ty {
        TypeWord::Choice => vec![("choices", file.choices.is_some(), "write each value with what it means")],
        TypeWord::Object => vec![("fields", file.fields.is_some(), "write the object's fields")],
        TypeWord::Map => vec![
            ("items", file.items.is_some(), "say the type of the values: `items: { type: text }`"),
            ("listed", file.listed.is_some(), "`complete`: keys not listed are removed; `upsert`: they stay"),
        ],
        TypeWord::List => vec![
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
pub(super) const EXCLUSIVE: &[(Access, Access)] = &[
    (Access::Computed, Access::Required),
    (Access::Computed, Access::Optional),
    (Access::Computed, Access::CreateOnly),
    (Access::Computed, Access::UpdateOnly),
    (Access::Computed, Access::WriteOnly),
    (Access::CreateOnly, Access::UpdateOnly),
    (Access::Required, Access::Optional),
    (Access::Required, Access::UpdateOnly),
];

/// Whether a value of this type can be cleared in this way.
pub(super) fn clearable(ty: TypeWord, word: ClearWord) -> bool {
    match word {
        ClearWord::Null | ClearWord::Never => true,
        ClearWord::Empty => matches!(ty, TypeWord::Text | TypeWord::Choice | TypeWord::List | TypeWord::Map),
        ClearWord::Zero => {
            matches!(
                ty,
                TypeWord::Whole | TypeWord::Decimal | TypeWord::Flag | TypeWord::Guid | TypeWord::Text
            )
        }
    }
}

pub(super) fn compare(word: Option<CompareWord>) -> Compare {
    match word {
        None | Some(CompareWord::Exact) => Compare::Exact,
        Some(CompareWord::CaseInsensitive) => Compare::IgnoreCase,
        Some(CompareWord::Addresses) => Compare::Addresses,
    }
}

pub(super) fn type_word(ty: TypeWord) -> &'static str {
    match ty {
        TypeWord::Text => "text",
        TypeWord::Whole => "whole",
        TypeWord::Decimal => "decimal",
        TypeWord::Flag => "flag",
        TypeWord::Guid => "guid",
        TypeWord::Date => "date",
        TypeWord::Time => "time",
        TypeWord::Choice => "choice",
        TypeWord::Object => "object",
        TypeWord::Map => "map",
        TypeWord::List => "list",
        TypeWord::Any => "any",
    }
}

pub(super) fn access_word(access: Access) -> &'static str {
    match access {
        Access::Required => "required",
        Access::Optional => "optional",
        Access::Computed => "computed",
        Access::CreateOnly => "create_only",
        Access::UpdateOnly => "update_only",
        Access::WriteOnly => "write_only",
    }
}
