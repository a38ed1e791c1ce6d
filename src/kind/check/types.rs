//! Types: leaves, choices, maps, and lists with the ways in which their items are told apart.
//!
//! Deliberately absent: who may write a field and what its values refer to; see `fields` and `references`.

use std::sync::Arc;

use super::super::file::{
    FieldFile, ItemDeletionFile, ItemFile, ListTypeFile, ListTypeName, OrderedMap, TypeName, UnlistedItems,
    WrittenItems,
};
use super::super::{
    ArrayType, FieldType, ItemDeletion, ItemType, ListType, MapType, NumberEncoding, ScalarType, Shape,
};
use super::fields::InheritedBehavior;
use super::keywords::{is_scalar, render_type_name};
use super::{CheckContext, KindChecker, YamlPath};

/// The leaf of a scope parameter or of anything else that needs no more words.
pub(super) fn build_plain_scalar(ty: TypeName) -> ScalarType {
    match ty {
        TypeName::Whole => ScalarType::Integer(NumberEncoding::Number),
        TypeName::Decimal => ScalarType::Decimal(NumberEncoding::Number),
        TypeName::Flag => ScalarType::Boolean,
        TypeName::Guid => ScalarType::Uuid,
        TypeName::Date => ScalarType::Date,
        TypeName::Time => ScalarType::DateTime,
        TypeName::Any => ScalarType::Any,
        _ => ScalarType::String { max_length: None },
    }
}

impl KindChecker<'_> {
    pub(super) fn resolve_field_type(
        &mut self,
        scene: &CheckContext,
        file: &FieldFile,
        spot: YamlPath,
        above: &InheritedBehavior,
    ) -> Option<FieldType> {
        match file.ty {
            TypeName::Object => {
                let fields = self.resolve_object_fields(
                    scene,
                    file.fields.as_ref()?,
                    spot.select_key("fields"),
                    above,
                )?;
                Some(FieldType::Object(Arc::new(Shape::new(fields))))
            }
            TypeName::Map => self.resolve_map_type(file, spot).map(FieldType::Map),
            TypeName::List => self.resolve_array_type(scene, file, spot, above).map(FieldType::Array),
            TypeName::Choice => {
                self.resolve_enum(file.choices.as_ref()?, file.open, spot).map(FieldType::Scalar)
            }
            TypeName::Text => Some(FieldType::Scalar(ScalarType::String { max_length: file.max_length })),
            TypeName::Whole => Some(FieldType::Scalar(ScalarType::Integer(file.wire.unwrap_or_default()))),
            TypeName::Decimal => Some(FieldType::Scalar(ScalarType::Decimal(file.wire.unwrap_or_default()))),
            other => Some(FieldType::Scalar(build_plain_scalar(other))),
        }
    }

    fn resolve_enum(
        &mut self,
        choices: &OrderedMap<String>,
        open: bool,
        spot: YamlPath,
    ) -> Option<ScalarType> {
        if choices.0.is_empty() {
            self.report_error(spot.select_key("choices"), "missing-word", "a choice has at least one value");
            return None;
        }
        for (choice, is) in &choices.0 {
            self.require_text(spot.select_key("choices"), choice, is);
        }
        let choices = choices.0.iter().map(|(choice, is)| (choice.as_str().into(), is.clone())).collect();
        Some(ScalarType::Enum { values: choices, open })
    }

    fn resolve_map_type(&mut self, file: &FieldFile, spot: YamlPath) -> Option<MapType> {
        let item = file.items.as_ref()?;
        if item.fields.is_some() {
            let message = "the values of a `map` are leaves";
            self.report_error_with_hint(
                spot.select_key("items"),
                "word-does-not-fit",
                message,
                "use `type: any` for anything else",
            );
            return None;
        }
        let value = self.resolve_item_scalar(item, spot.select_key("items"))?;
        let keys = file.keys.iter().flat_map(|keys| &keys.0);
        let keys: Vec<(Arc<str>, String)> = keys.map(|(key, is)| (key.as_str().into(), is.clone())).collect();
        for (key, is) in &keys {
            self.require_text(spot.select_key("keys"), key, is);
        }
        Some(MapType { value, keys, deletes_unlisted: file.listed? == UnlistedItems::Complete })
    }

    fn resolve_item_scalar(&mut self, item: &ItemFile, spot: YamlPath) -> Option<ScalarType> {
        let ty = item.ty?;
        if !is_scalar(ty) {
            let message = format!("an item can't be of type `{}`", render_type_name(ty));
            self.report_error_with_hint(
                spot.select_key("type"),
                "word-does-not-fit",
                message,
                "write `fields` for objects",
            );
            return None;
        }
        match (&item.choices, ty) {
            (Some(choices), TypeName::Choice) => self.resolve_enum(choices, item.open, spot),
            (None, TypeName::Choice) => {
                self.report_error(spot, "missing-word", "a choice needs `choices`");
                None
            }
            (None, _) if !item.open => Some(build_plain_scalar(ty)),
            _ => {
                let message = format!("`choices` and `open` do not fit the type `{}`", render_type_name(ty));
                self.report_error(spot, "word-does-not-fit", message);
                None
            }
        }
    }

    fn resolve_array_type(
        &mut self,
        scene: &CheckContext,
        file: &FieldFile,
        spot: YamlPath,
        above: &InheritedBehavior,
    ) -> Option<ArrayType> {
        let item = file.items.as_ref()?;
        let items = spot.select_key("items");
        let made = match (&item.ty, &item.fields) {
            (Some(_), None) => self.resolve_item_scalar(item, items).map(ItemType::Scalar),
            (None, Some(fields)) => {
                let made = self.resolve_object_fields(scene, fields, items.select_key("fields"), above);
                made.map(|fields| ItemType::Object(Arc::new(Shape::new(fields))))
            }
            _ => {
                self.report_error(items, "missing-word", "an item has either a `type` or `fields`");
                None
            }
        };
        let told_apart = self.resolve_list_type(file, item, spot);
        let removals = self.resolve_item_deletion(file, item, spot.select_key("removals"));
        self.check_array_keywords(file, spot);
        let (mut item, told_apart) = (made?, told_apart?);
        if let (ItemType::Object(shape), ListType::Map(keys)) = (&mut item, &told_apart) {
            mark_key_fields(shape, keys);
        }
        Some(ArrayType {
            item,
            list_type: told_apart,
            deletes_unlisted: file.listed? == UnlistedItems::Complete,
            reports_order: file.order_told,
            write_items: file.items_sent,
            delete_items_through: removals?,
        })
    }

    fn check_array_keywords(&mut self, file: &FieldFile, spot: YamlPath) {
        let by_order = matches!(file.told_apart, Some(ListTypeFile::Word(ListTypeName::Order)));
        let by_key = matches!(file.told_apart, Some(ListTypeFile::Keys(_)));
        let complete = file.listed == Some(UnlistedItems::Complete);
        let changed = file.items_sent == WrittenItems::Changed;
        let rules = [
            (by_order && !complete, "listed", "a list told apart by `order` can only be written `complete`"),
            (
                by_order && file.order_told,
                "order_told",
                "a list told apart by `order` changes with its order",
            ),
            (changed && !by_key, "items_sent", "only items with a `key` can be sent one by one"),
            (
                changed && complete && file.removals.is_none(),
                "items_sent",
                "when only changed items are sent, a `complete` list needs `removals`",
            ),
            (file.removals.is_some() && !complete, "removals", "an `upsert` list removes nothing"),
            (
                file.removals.is_some() && !changed,
                "removals",
                "a list with `removals` sends its changed items",
            ),
        ];
        for (broken, word, message) in rules {
            if broken {
                self.report_error(spot.select_key(word), "contradiction", message);
            }
        }
    }

    fn resolve_list_type(&mut self, file: &FieldFile, item: &ItemFile, spot: YamlPath) -> Option<ListType> {
        let spot = spot.select_key("told_apart");
        let keys = match file.told_apart.as_ref()? {
            ListTypeFile::Word(ListTypeName::Order) => return Some(ListType::Atomic),
            ListTypeFile::Word(ListTypeName::Set) => return Some(ListType::Set),
            ListTypeFile::Keys(keys) => keys,
        };
        let Some(fields) = &item.fields else {
            let message = "items without fields have no key";
            self.report_error_with_hint(spot, "word-does-not-fit", message, "write `order` or `set`");
            return None;
        };
        let first = (spot.select_key("key"), &keys.key);
        let others =
            keys.otherwise.iter().enumerate().map(|(at, key)| (spot.select_key("else").select_item(at), key));
        let mut made = Vec::new();
        let mut sound = true;
        for (spot, names) in std::iter::once(first).chain(others) {
            match self.resolve_key(fields, names, spot) {
                Some(key) => made.push(key),
                None => sound = false,
            }
        }
        sound.then_some(ListType::Map(made))
    }

    fn resolve_key(
        &mut self,
        fields: &OrderedMap<FieldFile>,
        names: &[String],
        spot: YamlPath,
    ) -> Option<Vec<u16>> {
        if names.is_empty() {
            self.report_error(spot, "missing-word", "a key has at least one field");
            return None;
        }
        let mut key = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let spot = spot.select_item(at);
            let Some((number, field)) = self.find_field(spot, fields, name) else { continue };
            if self.check_key_field(spot, name, field).is_none() {
                continue;
            }
            if key.contains(&number) {
                self.report_error(spot, "duplicate-name", format!("`{name}` stands twice in this key"));
                continue;
            }
            key.push(number);
        }
        (key.len() == names.len()).then_some(key)
    }

    fn resolve_item_deletion(
        &mut self,
        file: &FieldFile,
        item: &ItemFile,
        spot: YamlPath,
    ) -> Option<Option<ItemDeletion>> {
        let Some(ItemDeletionFile { through, with }) = &file.removals else { return Some(None) };
        self.require_text(spot, "through", through);
        let fields = item.fields.as_ref()?;
        let with = self.resolve_key(fields, with, spot.select_key("with"))?;
        Some(Some(ItemDeletion { member: through.as_str().into(), keys: with }))
    }
}

/// A document may name the fields by which an item is found, even where the service sets them.
fn mark_key_fields(shape: &mut Arc<Shape>, keys: &[Vec<u16>]) {
    let Some(shape) = Arc::get_mut(shape) else { return };
    for number in keys.iter().flatten() {
        shape.fields[*number as usize].behavior.identifier = true;
    }
}
