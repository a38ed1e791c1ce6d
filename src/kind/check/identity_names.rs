//! The words of an identity, whatever its form: one field, several together, or nothing but the scope.
//!
//! Where the id is no member of the object, a field without a member takes its place, so that everything else works
//! as with ids. Deliberately absent: whether the words fit (`identity`).

use crate::kind::file::{FieldFile, IdAssigner, IdFieldsFile, IdentityForm, KindFile};

/// The field in the place of an id that is no member.
const ID_FIELD: &str = "@id";

/// The words of an identity, whatever its form.
pub struct IdentityNames {
    /// The field that holds the id.
    pub id: String,
    /// What paths hold in braces.
    pub parameters: Vec<String>,
    /// Whether `id` is a list that names no field.
    pub is_empty_list: bool,
    /// Whether the id is made of other fields.
    pub is_composed: bool,
    pub id_assigned_by: IdAssigner,
    pub natural_key: Vec<String>,
    pub import_name: Vec<String>,
}

impl IdentityNames {
    /// The words of a kind; a field is added where the id is no member.
    pub fn from_file(file: &mut KindFile) -> Self {
        let names = match &file.identity {
            IdentityForm::Singleton(_) => Self {
                id: ID_FIELD.to_owned(),
                parameters: Vec::new(),
                is_empty_list: false,
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
                let is_empty_list = parameters.is_empty();
                Self { id, parameters, is_empty_list, is_composed, id_assigned_by, natural_key, import_name }
            }
        };
        if names.is_composed {
            file.properties.0.extend(build_id_field().map(|field| (ID_FIELD.to_owned(), field)));
        }
        names
    }

    /// Whether each scope has one object.
    pub fn is_singleton(&self) -> bool {
        self.is_composed && self.parameters.is_empty() && !self.is_empty_list
    }
}

fn build_id_field() -> Option<FieldFile> {
    let field = serde_json::json!({
        "type": "string", "description": "What identifies the object.", "read_only": true, "omit_from": ["writes"],
    });
    serde_json::from_value(field).ok()
}
