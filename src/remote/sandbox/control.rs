//! What the real service does not have: doors for tests and the demo, under `/_sandbox/`.
//!
//! The log, the whole state, an edit behind the tool's back, verification of what waits, a fresh start, and
//! tokens for APIs whose identity server is elsewhere.
//! The state holds whatever was written, secrets too: that is what it is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::kind::FormatWord;
use crate::kind::leaf::Token;
use crate::kind::{Kind, Leaf, Type};
use crate::remote::wire;
use crate::value::{Object, Value};

use super::Secrets;
use super::answer::{Answer, Form, Showing};
use super::auth;
use super::bind::{Binder, Spelling};
use super::given::Given;
use super::rows;
use super::rules;
use super::service::{Service, State};
use super::store::{Record, Table};
use super::things::Whole;

impl Service {
    /// Sets members of a live object, in the spelling in which the service answers.
    ///
    /// # Errors
    /// A sentence that says what does not fit; it repeats no value.
    pub fn edit(&self, kind: &str, id: &str, set: &Map<String, Json>) -> Result<(), String> {
        let number = self.kinds().iter().position(|own| *own.name == *kind);
        let number = number.ok_or_else(|| format!("no kind `{kind}` is served here"))?;
        let mut state = self.state();
        let State { tables, mint, .. } = &mut *state;
        let table = tables.get_mut(number).ok_or("no such kind")?;
        let kind = Arc::clone(&table.kind);
        let id = self.read_id(&kind, id)?;
        let anywhere = vec![None; kind.scope.len()];
        let (scope, old) = table.get(&anywhere, &id).ok_or("there is no object with this id")?;
        let scope = scope.to_vec();
        let mut record = old.clone();
        edited(&kind, &mut record, set)?.into_iter().for_each(|whole| table.wholes.put(whole));
        rows::settle(&kind.shape, &mut record.object, mint);
        table.put(&scope, record);
        Ok(())
    }

    fn read_id(&self, kind: &Kind, text: &str) -> Result<Value, String> {
        let Type::Leaf(leaf) = &kind.id_field().ty else { return Err("this kind has no id".into()) };
        leaf.read(Token::Bare(text)).map_err(|mismatch| mismatch.message)
    }

    /// What waits becomes what is.
    pub fn verify(&self) {
        let mut state = self.state();
        let State { tables, patterns, .. } = &mut *state;
        for (table, pattern) in tables.iter_mut().zip(patterns) {
            let kind = Arc::clone(&table.kind);
            table.each().for_each(|record| rules::verify(&kind, record, pattern.as_ref()));
        }
    }

    /// The whole state, in the form of a data file.
    pub fn dump(&self) -> Json {
        let state = self.state();
        let mut all = Map::new();
        for table in &state.tables {
            let anywhere = vec![None; table.kind.scope.len()];
            let objects = table.list(&anywhere).map(|(scope, record)| dumped(table, scope, &record.object));
            all.insert(table.kind.name.to_string(), objects.collect());
        }
        Json::Object(all)
    }
}

/// Sets what is given; members that no field knows become strangers, so that a tool can be tried on them.
fn edited(kind: &Kind, record: &mut Record, set: &Map<String, Json>) -> Result<Vec<Whole>, String> {
    let mut binder = Binder::new(&kind.api, Spelling::Read);
    let given = binder.object(&kind.shape, Given::from(set), "");
    if let Some(first) = binder.grievances.first() {
        return Err(format!("`{}`: {}", first.field, first.message));
    }
    for (number, value) in given.fields().filter(|(number, _)| *number != kind.identity.id) {
        record.object.set(number, value.clone());
    }
    for stranger in given.strangers {
        record.object.strangers.retain(|own| own.name != stranger.name);
        record.object.strangers.push(stranger);
    }
    Ok(binder.wholes)
}

fn dumped(table: &Table, scope: &[Value], object: &Object) -> Json {
    let kind = &*table.kind;
    let scope: Map<String, Json> = kind
        .scope
        .iter()
        .zip(scope)
        .map(|(parameter, value)| (parameter.name.to_string(), Leaf::url_text(value, &kind.api).into()))
        .collect();
    let form = Form::Wire(FormatWord::Json);
    let showing = Showing { secrets: Secrets::Clear, form, wholes: Some((&table.wholes, "")) };
    let bytes = wire::encode(&showing.object(&kind.shape, object), FormatWord::Json, &kind.api);
    let mut shown: Json = serde_json::from_slice(&bytes).unwrap_or_default();
    // what never reads back stands beside the rest
    for field in kind.shape.fields.iter().filter(|field| field.access.write_only) {
        if let (Type::Leaf(leaf), Some(value)) = (&field.ty, object.get(field.number)) {
            let bytes = wire::encode(&leaf.wire(value), FormatWord::Json, &kind.api);
            shown[&*field.written_as] = serde_json::from_slice(&bytes).unwrap_or_default();
        }
    }
    json!({ "scope": scope, "object": shown })
}

/// A token as an identity server gives it for a name and a password, both of any value but `wrong`.
pub fn token(service: &Service, body: &[u8]) -> Answer {
    let form: HashMap<_, _> = url::form_urlencoded::parse(body).into_owned().collect();
    let right = |name: &str| form.get(name).is_some_and(|value| auth::is_right(value));
    let granted = match form.get("grant_type").map(String::as_str) {
        Some("password") => right("username") && right("password"),
        Some("refresh_token") => right("refresh_token"),
        _ => false,
    };
    let mint = &mut service.state().mint;
    let (status, body) = match granted {
        true => (
            200,
            json!({
                "access_token": mint.guid().to_string(), "expires_in": 300, "refresh_expires_in": 1800,
                "refresh_token": mint.guid().to_string(), "token_type": "Bearer",
            }),
        ),
        false => (401, json!({"error": "invalid_grant", "error_description": "Invalid user credentials"})),
    };
    Answer { content_type: "application/json", ..Answer::text(status, body.to_string()) }
}

/// The body of an edit.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    kind: String,
    id: String,
    set: Map<String, Json>,
}

/// The answer to an edit.
pub fn edit(service: &Service, body: &[u8]) -> Answer {
    let done = match serde_json::from_slice::<Edit>(body) {
        Ok(edit) => service.edit(&edit.kind, &edit.id, &edit.set),
        Err(_) => Err("write {\"kind\": …, \"id\": …, \"set\": {member: value, …}}".into()),
    };
    match done {
        Ok(()) => Answer::empty(204),
        Err(message) => Answer::text(400, format!("{message}\n")),
    }
}
