//! Ids: whether a field can hold one, and whether several fields can be one together.
//!
//! Deliberately absent: natural keys (`mod`).

use super::identity_names::IdentityNames;
use super::{KindChecker, YamlPath};
use crate::kind::file::{FieldFile, IdAssigner, OrderedMap, SensitivityFile, TypeName};

impl KindChecker<'_> {
    /// The fields that make an id, by their number; nothing where the id is a member.
    pub(super) fn resolve_composition(
        &mut self,
        fields: &OrderedMap<FieldFile>,
        yaml_path: YamlPath,
        names: &IdentityNames,
    ) -> Option<Vec<u16>> {
        if !names.is_composed {
            return None;
        }
        let place = yaml_path.select_key("id");
        if names.is_empty_list {
            let hint = "name the fields, or write `identity: singleton`";
            self.report_error_with_hint(place, "missing-word", "`id` names no field", hint);
        }
        if names.parameters.len() == 1 {
            let hint = format!("write `id: {}`", names.parameters.join(""));
            self.report_error_with_hint(place, "contradiction", "a list of one field is that field", &hint);
        }
        if names.id_assigned_by == IdAssigner::Server {
            let message = "the client chooses an id of several fields";
            self.report_error_with_hint(yaml_path, "contradiction", message, "add `id_assigned_by: client`");
        }
        let mut numbers = Vec::new();
        for (at, name) in names.parameters.iter().enumerate() {
            let place = place.select_item(at);
            let Some((number, field)) = self.find_field(place, fields, name) else { continue };
            self.check_id_part(place, name, field);
            if numbers.contains(&number) {
                self.report_error(place, "duplicate-name", format!("`{name}` is named twice"));
            }
            numbers.push(number);
        }
        Some(numbers)
    }

    fn check_id_part(&mut self, yaml_path: YamlPath, name: &str, field: &FieldFile) {
        if !matches!(field.ty, TypeName::String | TypeName::Integer | TypeName::Uuid) {
            let message = format!("`{name}` is not a `string`, an `integer` or a `uuid`");
            self.report_error(yaml_path, "word-does-not-fit", message);
        }
        if field.sensitivity.is_some() {
            let message = format!("`{name}` is sensitive, and ids are part of URLs, logs and state");
            self.report_error(yaml_path, "contradiction", message);
        }
        if !(field.required && field.immutable) {
            let message = format!("`{name}` identifies the object");
            let hint = "add `required: true` and `immutable: true`";
            self.report_error_with_hint(yaml_path, "contradiction", message, hint);
        }
    }

    pub(super) fn check_id_field(&mut self, yaml_path: YamlPath, field: &FieldFile, assigner: IdAssigner) {
        if !matches!(field.ty, TypeName::String | TypeName::Integer | TypeName::Uuid) {
            let message = "an id is a `string`, an `integer` or a `uuid`";
            self.report_error(yaml_path, "word-does-not-fit", message);
        }
        if field.sensitivity == Some(SensitivityFile::Secret) {
            let message = "a secret can't be an id: ids are part of URLs, logs and state";
            self.report_error(yaml_path, "contradiction", message);
        }
        let fault = match assigner {
            IdAssigner::Server if !field.read_only => {
                ("the server assigns this id, so its field is `read_only`", "or say `id_assigned_by: client`")
            }
            IdAssigner::Client if field.read_only => {
                ("the client assigns this id, so its field can't be `read_only`", "write `immutable: true`")
            }
            _ => return,
        };
        self.report_error_with_hint(yaml_path, "contradiction", fault.0, fault.1);
    }
}
