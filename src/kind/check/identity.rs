//! What identifies an object: one field, several together, or nothing but the scope.
//!
//! Where the id is no member of the object, a field without a member takes its place, so that everything else works
//! as with ids. Deliberately absent: natural keys (`mod`).

use super::{KindChecker, YamlPath};
use crate::kind::file::{
    FieldFile, IdAssigner, IdFieldsFile, IdentityForm, KindFile, OrderedMap, SensitivityFile, TypeName,
};
use crate::kind::{Field, KindIdentity};

/// The field in the place of an id that is no member.
const ID_FIELD: &str = "@id";

/// The words of an identity, whatever its form.
pub(super) struct IdentityNames {
    /// The field that holds the id.
    pub id: String,
    /// What paths hold in braces.
    pub parameters: Vec<String>,
    /// Whether the id is made of other fields.
    pub is_composed: bool,
    pub id_assigned_by: IdAssigner,
    pub natural_key: Vec<String>,
    pub import_name: Vec<String>,
}

impl IdentityNames {
    /// The words of a kind; a field is added where the id is no member.
    pub(super) fn from_file(file: &mut KindFile) -> Self {
        let names = match &file.identity {
            IdentityForm::Singleton(_) => Self {
                id: ID_FIELD.to_owned(),
                parameters: Vec::new(),
                is_composed: true,
                id_assigned_by: IdAssigner::Client,
                natural_key: Vec::new(),
                import_name: Vec::new(),
            },
            IdentityForm::Fields(own) => {
                let (id, parameters, is_composed) = match &own.id {
                    IdFieldsFile::One(name) => (name.clone(), vec![name.clone()], false),
                    IdFieldsFile::Several(names) => (ID_FIELD.to_owned(), names.clone(), true),
                };
                let (natural_key, import_name) = (own.natural_key.clone(), own.import_name.clone());
                let id_assigned_by = own.id_assigned_by;
                Self { id, parameters, is_composed, id_assigned_by, natural_key, import_name }
            }
        };
        if names.is_composed {
            file.properties.0.extend(build_id_field().map(|field| (ID_FIELD.to_owned(), field)));
        }
        names
    }

    /// Whether each scope has one object.
    pub(super) fn is_singleton(&self) -> bool {
        self.is_composed && self.parameters.is_empty()
    }
}

fn build_id_field() -> Option<FieldFile> {
    let field = serde_json::json!({
        "type": "string", "description": "What identifies the object.", "read_only": true, "omit_from": ["writes"],
    });
    serde_json::from_value(field).ok()
}

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

/// The identity of a kind whose id is no member has no field to read it from.
pub(super) fn detach_id_field(fields: &mut [Field], identity: &KindIdentity) {
    if identity.composition.is_some()
        && let Some(field) = fields.get_mut(usize::from(identity.id))
    {
        field.read_from = Vec::new();
    }
}
