//! Types: scalars, enums, maps, and lists with their list types and keys.
//!
//! Deliberately absent: who may write a field and what its values refer to; see `fields` and `references`.

use std::sync::Arc;

use super::fields::InheritedBehavior;
use super::keywords::{is_scalar, render_type_name};
use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{
    FieldFile, ItemDeletionFile, ItemFile, ListOrder, ListTypeName, OrderedMap, TypeName, UnlistedItems,
    WrittenItems,
};
use crate::kind::{
    ArrayType, FieldType, ItemDeletion, ItemType, KeyedMembers, ListType, MapType, NumberEncoding,
    ScalarType, Shape, UnixTimeUnit,
};

/// The scalar of a type that needs no other words.
pub(super) fn build_plain_scalar(ty: TypeName) -> ScalarType {
    match ty {
        TypeName::Integer => ScalarType::Integer(NumberEncoding::Number),
        TypeName::Decimal => ScalarType::Decimal(NumberEncoding::Number),
        TypeName::Boolean => ScalarType::Boolean,
        TypeName::Uuid => ScalarType::Uuid,
        TypeName::Date => ScalarType::Date,
        TypeName::DateTime => ScalarType::DateTime,
        TypeName::Any => ScalarType::Any,
        _ => ScalarType::String { max_length: None },
    }
}

impl KindChecker<'_> {
    pub(super) fn resolve_field_type(
        &mut self,
        context: &CheckContext,
        file: &FieldFile,
        yaml_path: YamlPath,
        above: &InheritedBehavior,
    ) -> Option<FieldType> {
        match file.ty {
            TypeName::Object => {
                let place = yaml_path.select_key("properties");
                let fields = self.resolve_object_fields(context, file.properties.as_ref()?, place, above)?;
                Some(FieldType::Object(Arc::new(Shape::new(fields))))
            }
            TypeName::Map => self.resolve_map_type(file, yaml_path).map(FieldType::Map),
            TypeName::Array => self.resolve_array_type(context, file, yaml_path, above).map(FieldType::Array),
            TypeName::String => self.resolve_string_type(file, yaml_path).map(FieldType::Scalar),
            TypeName::Integer => {
                Some(FieldType::Scalar(ScalarType::Integer(file.encode_as.unwrap_or_default())))
            }
            TypeName::Decimal => {
                Some(FieldType::Scalar(ScalarType::Decimal(file.encode_as.unwrap_or_default())))
            }
            TypeName::DateTime => Some(FieldType::Scalar(match file.encode_as {
                Some(NumberEncoding::Unix) => ScalarType::UnixTime(UnixTimeUnit::Seconds),
                Some(NumberEncoding::UnixMs) => ScalarType::UnixTime(UnixTimeUnit::Milliseconds),
                _ => ScalarType::DateTime,
            })),
            other => Some(FieldType::Scalar(build_plain_scalar(other))),
        }
    }

    fn resolve_string_type(&mut self, file: &FieldFile, yaml_path: YamlPath) -> Option<ScalarType> {
        let Some(values) = &file.values else {
            return Some(ScalarType::String { max_length: file.max_length });
        };
        if file.max_length.is_some() {
            let message = "`enum` already limits the value";
            self.report_error(yaml_path.select_key("max_length"), "contradiction", message);
        }
        self.resolve_enum(values, file.open_enum, yaml_path)
    }

    fn resolve_enum(
        &mut self,
        values: &OrderedMap<String>,
        open: bool,
        yaml_path: YamlPath,
    ) -> Option<ScalarType> {
        let yaml_path = yaml_path.select_key("enum");
        if values.0.is_empty() {
            self.report_error(yaml_path, "missing-word", "an `enum` has at least one value");
            return None;
        }
        for (value, description) in &values.0 {
            self.require_text(yaml_path, value, description);
        }
        let values = values.0.iter().map(|(value, description)| (value.as_str().into(), description.clone()));
        Some(ScalarType::Enum { values: values.collect(), open })
    }

    fn resolve_map_type(&mut self, file: &FieldFile, yaml_path: YamlPath) -> Option<MapType> {
        let item = file.items.as_ref()?;
        if item.properties.is_some() {
            let message = "the values of a `map` are scalars";
            let hint = "for objects write `type: array` with `list_type: map` and `keyed_by: FIELD`";
            self.report_error_with_hint(yaml_path.select_key("items"), "word-does-not-fit", message, hint);
            return None;
        }
        let value = self.resolve_item_scalar(item, yaml_path.select_key("items"))?;
        let keys = file.keys.iter().flat_map(|keys| &keys.0);
        let keys: Vec<(Arc<str>, String)> =
            keys.map(|(key, description)| (key.as_str().into(), description.clone())).collect();
        for (key, description) in &keys {
            self.require_text(yaml_path.select_key("keys"), key, description);
        }
        self.check_map_type(file, yaml_path);
        Some(MapType {
            value,
            keys,
            deletes_unlisted: file.unlisted_items? == UnlistedItems::Delete,
            map_type: file.map_type.unwrap_or_default(),
        })
    }

    fn resolve_item_scalar(&mut self, item: &ItemFile, yaml_path: YamlPath) -> Option<ScalarType> {
        let ty = item.ty?;
        if !is_scalar(ty) {
            let message = format!("an item can't be of type `{}`", render_type_name(ty));
            self.report_error_with_hint(
                yaml_path.select_key("type"),
                "word-does-not-fit",
                message,
                "write `properties` for objects",
            );
            return None;
        }
        match (&item.values, ty) {
            (Some(values), TypeName::String) => self.resolve_enum(values, item.open_enum, yaml_path),
            (None, _) if !item.open_enum => Some(build_plain_scalar(ty)),
            _ => {
                let message =
                    format!("`enum` and `open_enum` do not fit the type `{}`", render_type_name(ty));
                self.report_error(yaml_path, "word-does-not-fit", message);
                None
            }
        }
    }

    fn resolve_array_type(
        &mut self,
        context: &CheckContext,
        file: &FieldFile,
        yaml_path: YamlPath,
        above: &InheritedBehavior,
    ) -> Option<ArrayType> {
        let item = file.items.as_ref()?;
        let items = yaml_path.select_key("items");
        let made = match (&item.ty, &item.properties) {
            (None | Some(TypeName::Object), Some(fields)) => {
                let above = InheritedBehavior { member_name: file.keyed_by.clone(), ..above.clone() };
                let made =
                    self.resolve_object_fields(context, fields, items.select_key("properties"), &above);
                made.map(|fields| ItemType::Object(Arc::new(Shape::new(fields))))
            }
            (Some(_), None) => self.resolve_item_scalar(item, items).map(ItemType::Scalar),
            _ => {
                self.report_error(
                    items,
                    "missing-word",
                    "an item has either a scalar `type` or `properties`",
                );
                None
            }
        };
        let list_type = self.resolve_list_type(file, item, yaml_path);
        let keyed_members = self.resolve_keyed_members(context, file, yaml_path, above.sensitivity);
        let deletion = self.resolve_item_deletion(file, item, yaml_path.select_key("delete_items_through"));
        let cleared = self.resolve_cleared_item_fields(file, item, yaml_path);
        self.check_array_keywords(file, item, yaml_path);
        let (mut item, list_type) = (made?, list_type?);
        if let (ItemType::Object(shape), ListType::Map(keys)) = (&mut item, &list_type) {
            mark_key_fields(shape, keys);
            clear_member_name(shape, keyed_members?);
        }
        Some(ArrayType {
            item,
            list_type,
            deletes_unlisted: file.unlisted_items? == UnlistedItems::Delete,
            reports_order: file.order == Some(ListOrder::Reported),
            write_items: file.write_items,
            delete_items_through: deletion?,
            cleared_item_fields: cleared?,
            keyed_members: keyed_members?,
        })
    }

    fn check_array_keywords(&mut self, file: &FieldFile, item: &ItemFile, yaml_path: YamlPath) {
        let is = |name| file.list_type == Some(name);
        let atomic = is(ListTypeName::Atomic);
        let deletes = file.unlisted_items == Some(UnlistedItems::Delete);
        let changed = file.write_items == WrittenItems::Changed;
        let through = file.delete_items_through.is_some();
        let rules = [
            (atomic && !deletes, "unlisted_items", "an `atomic` list can only `delete` unlisted items"),
            (
                atomic && file.order.is_some_and(|order| order != ListOrder::Significant),
                "order",
                "the order of an `atomic` list is `significant`",
            ),
            (
                !atomic && file.order == Some(ListOrder::Significant),
                "order",
                "only the order of an `atomic` list is `significant`",
            ),
            (
                changed && !is(ListTypeName::Map),
                "write_items",
                "only the items of a `list_type: map` can be sent one by one",
            ),
            (
                changed && is(ListTypeName::Map) && find_row_id(file, item).is_none(),
                "write_items",
                "changed rows are matched by their id: `list_keys` needs a key of one `read_only` field",
            ),
            (
                changed && deletes && !through,
                "write_items",
                "with `write_items: changed`, deleting unlisted items needs `delete_items_through`",
            ),
            (through && !deletes, "delete_items_through", "a list that keeps unlisted items deletes nothing"),
            (
                through && !changed,
                "delete_items_through",
                "a list with `delete_items_through` has `write_items: changed`",
            ),
        ];
        self.report_contradictions(yaml_path, &rules);
    }

    /// Reports each rule that is broken, at its word.
    pub(super) fn report_contradictions(&mut self, yaml_path: YamlPath, rules: &[(bool, &str, &str)]) {
        for (_, word, message) in rules.iter().filter(|(broken, ..)| *broken) {
            self.report_error(yaml_path.select_key(word), "contradiction", *message);
        }
    }

    fn resolve_list_type(
        &mut self,
        file: &FieldFile,
        item: &ItemFile,
        yaml_path: YamlPath,
    ) -> Option<ListType> {
        let keys = yaml_path.select_key("list_keys");
        let list_type = file.list_type?;
        if let Some(name) = &file.keyed_by {
            let number = item.properties.as_ref()?.0.iter().position(|(own, _)| own == name)?;
            return Some(ListType::Map(vec![vec![u16::try_from(number).ok()?]]));
        }
        if list_type != ListTypeName::Map && !file.list_keys.is_empty() {
            self.report_error(keys, "contradiction", "`list_keys` belong to `list_type: map`");
        }
        match list_type {
            ListTypeName::Atomic => return Some(ListType::Atomic),
            ListTypeName::Set if item.properties.is_none() => return Some(ListType::Set),
            ListTypeName::Set => {
                let message = "the items of a `set` are matched by their value, and these have properties";
                let hint = "write `list_type: map` with `list_keys`, or `atomic`";
                self.report_error_with_hint(
                    yaml_path.select_key("list_type"),
                    "word-does-not-fit",
                    message,
                    hint,
                );
                return None;
            }
            ListTypeName::Map => {}
        }
        let Some(fields) = &item.properties else {
            let message = "items without properties have no key";
            let yaml_path = yaml_path.select_key("list_type");
            self.report_error_with_hint(yaml_path, "word-does-not-fit", message, "write `atomic` or `set`");
            return None;
        };
        if file.list_keys.is_empty() {
            let message = "a `list_type: map` needs `list_keys`";
            self.report_error_with_hint(
                yaml_path,
                "missing-word",
                message,
                "write `list_keys: [[field, …]]`",
            );
            return None;
        }
        let resolved: Vec<_> = file
            .list_keys
            .iter()
            .enumerate()
            .filter_map(|(at, names)| self.resolve_key(fields, names, keys.select_item(at)))
            .collect();
        (resolved.len() == file.list_keys.len()).then_some(ListType::Map(resolved))
    }

    fn resolve_key(
        &mut self,
        fields: &OrderedMap<FieldFile>,
        names: &[String],
        yaml_path: YamlPath,
    ) -> Option<Vec<u16>> {
        if names.is_empty() {
            self.report_error(yaml_path, "missing-word", "a key has at least one field");
            return None;
        }
        let mut key = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let yaml_path = yaml_path.select_item(at);
            let Some((number, field)) = self.find_field(yaml_path, fields, name) else { continue };
            if self.check_key_field(yaml_path, name, field).is_none() {
                continue;
            }
            if key.contains(&number) {
                self.report_error(yaml_path, "duplicate-name", format!("`{name}` stands twice in this key"));
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
        yaml_path: YamlPath,
    ) -> Option<Option<ItemDeletion>> {
        let Some(ItemDeletionFile { member, keys }) = &file.delete_items_through else { return Some(None) };
        self.require_text(yaml_path, "member", member);
        let fields = item.properties.as_ref()?;
        let keys = self.resolve_key(fields, keys, yaml_path.select_key("keys"))?;
        let row_id = find_row_id(file, item);
        let has_row_id = keys.iter().any(|number| Some(&fields.0[usize::from(*number)].0) == row_id);
        if !has_row_id {
            let message = "none of these fields is the row id, so they do not identify a live row";
            let hint = match row_id {
                Some(name) => format!("add `{name}`"),
                None => "name a `read_only` id here, and as a key of its own in `list_keys`".to_owned(),
            };
            self.report_error_with_hint(yaml_path.select_key("keys"), "contradiction", message, &hint);
        }
        Some(Some(ItemDeletion { member: member.as_str().into(), keys }))
    }
}

/// The field with the row ids of a list's items: a key of its own that the service sets.
fn find_row_id<'f>(file: &'f FieldFile, item: &ItemFile) -> Option<&'f String> {
    let fields = item.properties.as_ref()?;
    let is_row_id = |name: &str| fields.0.iter().any(|(own, field)| own == name && field.read_only);
    file.list_keys.iter().find_map(|key| match key.as_slice() {
        [name] if is_row_id(name) => Some(name),
        _ => None,
    })
}

/// A document may name the fields by which an item is found, even where the service sets them.
fn mark_key_fields(shape: &mut Arc<Shape>, keys: &[Vec<u16>]) {
    let Some(shape) = Arc::get_mut(shape) else { return };
    for number in keys.iter().flatten() {
        shape.fields[*number as usize].behavior.identifier = true;
    }
}

/// No member of an item holds the name of the member that holds the item.
fn clear_member_name(shape: &mut Arc<Shape>, keyed_members: Option<KeyedMembers>) {
    if let (Some(keyed), Some(shape)) = (keyed_members, Arc::get_mut(shape)) {
        shape.fields[usize::from(keyed.key)].read_from = Vec::new();
    }
}
