//! Whether a value in a description fits the type that the description gives it.
//!
//! Examples stand in the names of documents, samples in those of the wire; both are judged by the same value
//! reader that documents and answers go through later.
//! Deliberately absent: a typed tree. The value itself is not needed, only whether there is one.

use serde_json::Value as Json;

use super::{KindChecker, YamlPath};
use crate::diagnostic::Diagnostic;
use crate::kind::scalar::ScalarToken;
use crate::kind::{Field, FieldType, ItemType, ScalarType, Shape};
use crate::value::{Sensitivity, Value};

/// The words for where a secret comes from.
const SECRET_SOURCE_KEYS: [&str; 4] = ["from_env", "from_file", "from_command", "from_secret"];

impl KindChecker<'_> {
    /// The value of a scalar, or a fault.
    pub(super) fn read_scalar(
        &mut self,
        yaml_path: YamlPath,
        scalar_type: &ScalarType,
        json: &Json,
    ) -> Option<Value> {
        let read = match json {
            Json::String(text) => scalar_type.read_token(ScalarToken::String(text)),
            Json::Number(number) => scalar_type.read_token(ScalarToken::Number(&number.to_string())),
            Json::Bool(flag) => scalar_type.read_token(ScalarToken::Boolean(*flag)),
            _ if *scalar_type == ScalarType::Any => return Some(Value::Null),
            _ => {
                self.report_error(
                    yaml_path,
                    "wrong-value",
                    format!("this is not {}", scalar_type.describe_type()),
                );
                return None;
            }
        };
        match read {
            Ok(value) => Some(value),
            Err(mismatch) => {
                self.report_error(yaml_path, "wrong-value", mismatch.message).hint = mismatch.hint;
                None
            }
        }
    }

    /// Judges an example, which stands as in a document.
    pub(super) fn check_value(&mut self, yaml_path: YamlPath, ty: &FieldType, json: &Json) {
        match (ty, json) {
            (FieldType::Scalar(scalar_type), json) => {
                self.read_scalar(yaml_path, scalar_type, json);
            }
            (FieldType::Object(shape), Json::Object(members)) => {
                for (name, value) in members {
                    match shape.find_field(name) {
                        Some(field) if field.sensitivity == Sensitivity::Secret => {
                            self.check_secret_source(yaml_path.select_key(name), value)
                        }
                        Some(field) => self.check_value(yaml_path.select_key(name), &field.ty, value),
                        None => {
                            let known = shape.fields.iter().map(|field| &*field.name);
                            self.report_unknown_name(yaml_path.select_key(name), "field", name, known);
                        }
                    }
                }
            }
            (FieldType::Map(map), Json::Object(members)) => {
                for (key, value) in members {
                    self.read_scalar(yaml_path.select_key(key), &map.value, value);
                }
            }
            (FieldType::Array(list), Json::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    self.check_item(yaml_path.select_item(at), &list.item, item);
                }
            }
            _ => self.report_wrong_type(yaml_path, ty),
        }
    }

    /// Inside an example a secret stands as in a document: as where it comes from.
    fn check_secret_source(&mut self, yaml_path: YamlPath, json: &Json) {
        let is_source = json.as_object().is_some_and(|members| {
            members.len() == 1 && SECRET_SOURCE_KEYS.iter().any(|source| members.contains_key(*source))
        });
        if !is_source {
            self.report_error(yaml_path, "wrong-value", "a secret in an example says where it comes from")
                .hint = Some("write { from_env: NAME }".into());
        }
    }

    fn check_item(&mut self, yaml_path: YamlPath, item: &ItemType, json: &Json) {
        match item {
            ItemType::Scalar(scalar_type) => {
                self.read_scalar(yaml_path, scalar_type, json);
            }
            ItemType::Object(shape) => self.check_value(yaml_path, &FieldType::Object(shape.clone()), json),
        }
    }

    fn report_wrong_type(&mut self, yaml_path: YamlPath, ty: &FieldType) {
        self.report_error(yaml_path, "wrong-value", format!("this is not of type `{}`", ty.type_name()));
    }

    /// Judges an object as a service answers it: null and missing members are fine, unknown ones are reported.
    pub(super) fn check_response_object(
        &mut self,
        yaml_path: YamlPath,
        shape: &Shape,
        json: &Json,
        exact: bool,
    ) {
        let Json::Object(members) = json else {
            self.report_error(yaml_path, "wrong-value", "this is not an object");
            return;
        };
        for (name, value) in members {
            let yaml_path = yaml_path.select_key(name);
            let fields: Vec<&Field> =
                shape.fields.iter().filter(|field| reads_member(field, name, exact)).collect();
            if fields.is_empty() && !shape.ignores_member(name) {
                self.warn_unknown_member(yaml_path, name, shape);
            }
            for field in fields {
                self.check_member(yaml_path, field, value, exact);
            }
        }
    }

    fn warn_unknown_member(&mut self, yaml_path: YamlPath, name: &str, shape: &Shape) {
        let known = shape.fields.iter().filter_map(|field| field.read_from.first()).map(|name| &**name);
        let hint = crate::diagnostic::suggest_word(name, known);
        let message = format!("no field is read from the member `{name}`");
        self.push_diagnostic(yaml_path, Diagnostic::warning("unknown-example-member", message)).hint = hint;
    }

    fn check_member(&mut self, yaml_path: YamlPath, field: &Field, json: &Json, exact: bool) {
        let (mut yaml_path, mut json) = (yaml_path, json);
        for step in field.read_from.iter().skip(1) {
            let Some(inner) = json.get(&**step) else { return };
            (yaml_path, json) = (yaml_path.select_key(step), inner);
        }
        // a thing referred to may come whole
        if let Some(id) = field.reference.as_ref().and_then(|refers| json.as_object()?.get(&*refers.id)) {
            json = id;
        }
        match (&field.ty, json) {
            (_, Json::Null) => {}
            (FieldType::Object(shape), json) => self.check_response_object(yaml_path, shape, json, exact),
            (FieldType::Array(list), Json::Object(members)) if list.keyed_members.is_some() => {
                let ItemType::Object(shape) = &list.item else { return };
                for (name, item) in members {
                    self.check_response_object(yaml_path.select_key(name), shape, item, exact);
                }
            }
            (FieldType::Array(list), Json::Array(items)) if list.keyed_members.is_none() => {
                for (at, item) in items.iter().enumerate() {
                    match &list.item {
                        ItemType::Object(shape) => {
                            self.check_response_object(yaml_path.select_item(at), shape, item, exact)
                        }
                        ItemType::Scalar(scalar_type) => {
                            self.read_scalar(yaml_path.select_item(at), scalar_type, item);
                        }
                    }
                }
            }
            (FieldType::Array(list), _) if list.keyed_members.is_some() => {
                self.report_error(yaml_path, "wrong-value", "this is not an object");
            }
            (ty, json) => self.check_value(yaml_path, ty, json),
        }
    }
}

/// Whether a field is read from, or from within, a member of that name.
fn reads_member(field: &Field, member: &str, exact: bool) -> bool {
    field.read_from.first().is_some_and(|name| match exact {
        true => **name == *member,
        false => name.to_lowercase() == member.to_lowercase(),
    })
}
