//! Maps: objects in place of lists, whose members are the items, and how a service takes a map in an update.
//!
//! Deliberately absent: the key itself; a list with one is a `list_type: map` by that key.

use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{FieldFile, ListOrder, ListTypeName, MapTypeName, TypeName, UnlistedItems};
use crate::kind::{ClearValue, KeyedMembers, MemberNameCase, WireFormat};
use crate::value::Sensitivity;

impl KindChecker<'_> {
    /// The field with the names of the members, where the service has an object in place of the list; nothing where
    /// that is invalid.
    pub(super) fn resolve_keyed_members(
        &mut self,
        context: &CheckContext,
        file: &FieldFile,
        yaml_path: YamlPath,
        sensitivity: Sensitivity,
    ) -> Option<Option<KeyedMembers>> {
        let place = yaml_path.select_key("keyed_by");
        let Some(name) = &file.keyed_by else {
            if file.map_type.is_some() && file.ty == TypeName::Array {
                let message = "an array with a `map_type` has `keyed_by`";
                self.report_error(yaml_path.select_key("map_type"), "missing-word", message);
            }
            return Some(None);
        };
        self.check_map_type(file, yaml_path);
        self.check_keyed_list(file, yaml_path);
        if context.api.member_names == MemberNameCase::PreserveCase {
            let message = "`keyed_by` does not fit an API with `member_names: preserve_case`";
            self.report_error(place, "contradiction", message);
        }
        let deletes = file.unlisted_items == Some(UnlistedItems::Delete);
        let granular = file.map_type != Some(MapTypeName::Atomic);
        if deletes && granular && context.api.formats.contains(&WireFormat::Jsv) {
            let message = "an entry is deleted by null, which JSV can't say";
            let hint = "write `map_type: atomic`, or `formats: [json]` in the API";
            self.report_error_with_hint(place, "contradiction", message, hint);
        }
        if sensitivity != Sensitivity::Public {
            let message = "the keys are part of paths and messages, so the array can't be sensitive";
            let hint = "write `sensitivity` at the properties of the items";
            self.report_error_with_hint(place, "contradiction", message, hint);
        }
        let Some(fields) = file.items.as_ref().and_then(|item| item.properties.as_ref()) else {
            self.report_error(
                place,
                "word-does-not-fit",
                "the items of an array with `keyed_by` are objects",
            );
            return None;
        };
        let (key, field) = self.find_field(place, fields, name)?;
        let inner = yaml_path.select_key("items").select_key("properties").select_key(name);
        self.check_member_name(field, inner);
        Some(Some(KeyedMembers { key, map_type: file.map_type.unwrap_or_default() }))
    }

    /// A map that is written as a whole has no entries but those of the document.
    pub(super) fn check_map_type(&mut self, file: &FieldFile, yaml_path: YamlPath) {
        let atomic = file.map_type == Some(MapTypeName::Atomic);
        let keeps = file.unlisted_items == Some(UnlistedItems::Keep);
        let message = "an `atomic` map can only `delete` unlisted entries";
        self.report_contradictions(yaml_path, &[(atomic && keeps, "unlisted_items", message)]);
    }

    fn check_keyed_list(&mut self, file: &FieldFile, yaml_path: YamlPath) {
        let other_type = file.list_type.is_some_and(|list_type| list_type != ListTypeName::Map);
        let ordered = file.order.is_some_and(|order| order != ListOrder::Ignored);
        let nulls = file.clear_with == Some(ClearValue::Null);
        let rules = [
            (other_type, "list_type", "an array with `keyed_by` is a `list_type: map`"),
            (!file.list_keys.is_empty(), "list_keys", "`keyed_by` already is the key"),
            (ordered, "order", "the members of an object have no order"),
            (nulls, "clear_with", "an array with `keyed_by` is cleared by an empty object"),
            (file.delete_items_through.is_some(), "delete_items_through", "`keyed_by` needs no other list"),
        ];
        self.report_contradictions(yaml_path, &rules);
    }

    /// The name of a member is a plain string, of which nothing else is to be said.
    fn check_member_name(&mut self, field: &FieldFile, yaml_path: YamlPath) {
        if field.ty != TypeName::String {
            let message = "the names of members are of type `string`";
            self.report_error(yaml_path.select_key("type"), "word-does-not-fit", message);
        }
        let message = "this field is the name of a member of the array's object, so this word says nothing";
        let words = [
            ("read_only", field.read_only),
            ("immutable", field.immutable),
            ("update_only", field.update_only),
            ("write_only", field.write_only),
            ("sensitivity", field.sensitivity.is_some()),
            ("read_from", field.read_from.is_some()),
            ("write_to", field.write_to.is_some()),
            ("copy_of", field.copy_of.is_some()),
            ("omit_from", !field.omit_from.is_empty()),
            ("reference", field.reference.is_some()),
            ("limits_from", field.limits_from.is_some()),
            ("conflicts_with", !field.conflicts_with.is_empty()),
            ("compare", field.compare != Default::default()),
            ("clear_with", field.clear_with.is_some()),
            ("when_absent", field.when_absent != Default::default()),
        ];
        let rules = words.map(|(word, present)| (present, word, message));
        self.report_contradictions(yaml_path, &rules);
    }
}
