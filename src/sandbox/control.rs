//! What the real service does not have: doors for tests and the demo, under `/_sandbox/`.
//!
//! The log, the whole state, an edit behind the tool's back, verification of what waits, a fresh start, and
//! tokens for APIs whose identity server is elsewhere.
//! The state holds whatever was written, secrets too: that is what it is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::kind::scalar::ScalarToken;
use crate::kind::{FieldType, Kind, ScalarType, WireFormat};
use crate::remote::wire;
use crate::sandbox::deserialize::{SandboxBodyDirection, SandboxDeserializer};
use crate::sandbox::embedded_objects::EmbeddedObject;
use crate::sandbox::options::SandboxSecretMode;
use crate::sandbox::raw_body::RawBodyValue;
use crate::sandbox::response::{SandboxEncoder, SandboxFormat, SandboxResponse};
use crate::sandbox::service::{SandboxService, SandboxState};
use crate::sandbox::store::{SandboxRecord, SandboxTable};
use crate::sandbox::{auth, list_items, rules};
use crate::value::{Object, Value};

impl SandboxService {
    /// Sets members of a live object, in the spelling in which the service answers.
    ///
    /// # Errors
    /// A sentence that says what does not fit; it repeats no value.
    pub fn edit_object(&self, kind: &str, id: &str, set: &Map<String, Json>) -> Result<(), String> {
        let number = self.kinds().iter().position(|own| *own.name == *kind);
        let number = number.ok_or_else(|| format!("no kind `{kind}` is served here"))?;
        let mut state = self.lock_state();
        let SandboxState { tables, id_generator: mint, .. } = &mut *state;
        let table = tables.get_mut(number).ok_or("no such kind")?;
        let kind = Arc::clone(&table.kind);
        let id = self.read_id(&kind, id)?;
        let anywhere = vec![None; kind.scope.len()];
        let (scope, old) = table.find_record(&anywhere, &id).ok_or("there is no object with this id")?;
        let scope = scope.to_vec();
        let mut record = old.clone();
        apply_edit(&kind, &mut record, set)?
            .into_iter()
            .for_each(|whole| table.embedded.insert_object(whole));
        list_items::fill_defaults(&kind.shape, &mut record.object, mint);
        table.put_record(&scope, record);
        Ok(())
    }

    fn read_id(&self, kind: &Kind, text: &str) -> Result<Value, String> {
        let FieldType::Scalar(scalar_type) = &kind.id_field().ty else {
            return Err("this kind has no id".into());
        };
        scalar_type.read_token(ScalarToken::Plain(text)).map_err(|mismatch| mismatch.message)
    }

    /// What waits becomes what is.
    pub fn verify_pending(&self) {
        let mut state = self.lock_state();
        let SandboxState { tables, templates: patterns, .. } = &mut *state;
        for (table, pattern) in tables.iter_mut().zip(patterns) {
            let kind = Arc::clone(&table.kind);
            table.iter_records_mut().for_each(|record| rules::verify_record(&kind, record, pattern.as_ref()));
        }
    }

    /// The whole state, in the form of a data file.
    pub fn dump_state(&self) -> Json {
        let state = self.lock_state();
        let mut all = Map::new();
        for table in &state.tables {
            let anywhere = vec![None; table.kind.scope.len()];
            let objects = table
                .list_records(&anywhere)
                .map(|(scope, record)| dump_object(table, scope, &record.object));
            all.insert(table.kind.name.to_string(), objects.collect());
        }
        Json::Object(all)
    }
}

/// Sets what is given; members that no field knows become unknown members, so that a tool can be tried on them.
fn apply_edit(
    kind: &Kind,
    record: &mut SandboxRecord,
    set: &Map<String, Json>,
) -> Result<Vec<EmbeddedObject>, String> {
    let mut binder = SandboxDeserializer::new(&kind.api, SandboxBodyDirection::Response);
    let given = binder.read_object(&kind.shape, RawBodyValue::from(set), "");
    if let Some(first) = binder.field_errors.first() {
        return Err(format!("`{}`: {}", first.field, first.message));
    }
    for (number, value) in given.fields().filter(|(number, _)| *number != kind.identity.id) {
        record.object.set_field(number, value.clone());
    }
    for unknown in given.unknown_fields {
        record.object.unknown_fields.retain(|own| own.name != unknown.name);
        record.object.unknown_fields.push(unknown);
    }
    Ok(binder.embedded)
}

fn dump_object(table: &SandboxTable, scope: &[Value], object: &Object) -> Json {
    let kind = &*table.kind;
    let scope: Map<String, Json> = kind
        .scope
        .iter()
        .zip(scope)
        .map(|(parameter, value)| {
            (parameter.name.to_string(), ScalarType::render_url_text(value, &kind.api).into())
        })
        .collect();
    let form = SandboxFormat::Wire(WireFormat::Json);
    let showing = SandboxEncoder {
        as_read: false,
        secrets: SandboxSecretMode::Clear,
        format: form,
        embedded: Some((&table.embedded, "")),
    };
    let bytes = wire::encode_body(&showing.encode_object(&kind.shape, object), WireFormat::Json, &kind.api);
    let mut shown: Json = serde_json::from_slice(&bytes).unwrap_or_default();
    // what never reads back stands beside the rest
    for field in kind.shape.fields.iter().filter(|field| field.behavior.write_only) {
        if let (FieldType::Scalar(scalar_type), Some(value)) = (&field.ty, object.get_field(field.number)) {
            let bytes = wire::encode_body(&scalar_type.encode_value(value), WireFormat::Json, &kind.api);
            shown[&*field.write_to] = serde_json::from_slice(&bytes).unwrap_or_default();
        }
    }
    json!({ "scope": scope, "object": shown })
}

/// A token as an identity server gives it for a name and a password, both of any value but `wrong`.
pub fn issue_token(service: &SandboxService, body: &[u8]) -> SandboxResponse {
    let form: HashMap<_, _> = url::form_urlencoded::parse(body).into_owned().collect();
    let right = |name: &str| form.get(name).is_some_and(|value| auth::is_valid_credential(value));
    let granted = match form.get("grant_type").map(String::as_str) {
        Some("password") => right("username") && right("password"),
        Some("refresh_token") => right("refresh_token"),
        _ => false,
    };
    let mint = &mut service.lock_state().id_generator;
    let (status, body) = match granted {
        true => (
            200,
            json!({
                "access_token": mint.generate_uuid().to_string(), "expires_in": 300, "refresh_expires_in": 1800,
                "refresh_token": mint.generate_uuid().to_string(), "token_type": "Bearer",
            }),
        ),
        false => (401, json!({"error": "invalid_grant", "error_description": "Invalid user credentials"})),
    };
    SandboxResponse {
        content_type: "application/json",
        ..SandboxResponse::from_text(status, body.to_string())
    }
}

/// The body of an edit.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SandboxEditRequest {
    kind: String,
    id: String,
    set: Map<String, Json>,
}

/// The answer to an edit.
pub fn handle_edit(service: &SandboxService, body: &[u8]) -> SandboxResponse {
    let done = match serde_json::from_slice::<SandboxEditRequest>(body) {
        Ok(edit) => service.edit_object(&edit.kind, &edit.id, &edit.set),
        Err(_) => Err("write {\"kind\": …, \"id\": …, \"set\": {member: value, …}}".into()),
    };
    match done {
        Ok(()) => SandboxResponse::from_status(204),
        Err(message) => SandboxResponse::from_text(400, format!("{message}\n")),
    }
}
