//! What is written: create, update, delete, and what each answers.
//!
//! The lock on the state is held from the look-up to the answer. Deliberately absent: what a write makes of
//! an object; `rules` knows.

use std::sync::Arc;

use crate::exchange::{BodyForm, WireValue};
use crate::kind::scalar::ScalarToken;
use crate::kind::{
    FieldType, IdAssigner, Kind, ScalarType, WriteBody, WriteOperation, WriteResponse as AnswerWord, address,
};
use crate::sandbox::deserialize::{SandboxFieldError, is_lenient};
use crate::sandbox::error::SandboxError;
use crate::sandbox::handler::{SandboxHandler, build_not_found};
use crate::sandbox::id_generator::SandboxIdGenerator;
use crate::sandbox::response::{SandboxEncoder, SandboxResponse};
use crate::sandbox::route::{SandboxOperation, SandboxPathParameters};
use crate::sandbox::rules::{SandboxNestedMerge, SandboxWriteRules};
use crate::sandbox::service::{FaultMode, SandboxState};
use crate::sandbox::store::{SandboxRecord, SandboxTable};
use crate::sandbox::{list_items, parents, ready, rules, validation};
use crate::value::{Object, Value};

impl SandboxHandler<'_> {
    pub fn create_object(
        &self,
        number: usize,
        parameters: &SandboxPathParameters,
    ) -> Result<SandboxResponse, SandboxError> {
        let mut state = self.service.lock_state();
        let SandboxState { tables, templates: patterns, id_generator: mint, .. } = &mut *state;
        let table = tables.get_mut(number).ok_or_else(build_not_found)?;
        let kind = Arc::clone(&table.kind);
        let write = kind.operations.create.as_ref().ok_or_else(build_not_found)?;
        let mut body = self.deserialize_body(&kind, &write.body_form)?;
        self.check_query(&write.query)?;
        let scope = table.complete_scope(&parameters.read_scope(&kind, &self.request.query)?);
        let id = assign_id(table, parameters.read_id(&kind)?, &body, mint)?;
        fill_id_parts(&kind, &id, &mut body);
        let exact = scope.iter().cloned().map(Some).collect();
        if table.find_record(&exact, &id).is_some() {
            return Err(SandboxError::new(409, "Conflict", "There is such an object already."));
        }
        let pattern = patterns.get(number).and_then(Option::as_ref);
        let mut record =
            SandboxWriteRules { kind: &kind, scope: &scope, template: pattern, id_generator: mint }
                .create_record(write, id, &body);
        self.validate_write(&kind, None, &body, &record)?;
        if self.service.options.auto_verify {
            rules::verify_record(&kind, &mut record, pattern);
        }
        self.store_record(table, &scope, &record);
        let status = if is_lenient(self.api()) { 200 } else { 201 };
        Ok(self.respond_to_write(&kind, write, status, &record, mint))
    }

    /// The update that a create means, where both are one request and the object is there.
    pub fn find_upsert(
        &self,
        number: usize,
        parameters: &SandboxPathParameters,
    ) -> Result<Option<SandboxOperation>, SandboxError> {
        let state = self.service.lock_state();
        let table = state.tables.get(number).ok_or_else(build_not_found)?;
        let operations = &table.kind.operations;
        let is_create = |write: &&WriteOperation| {
            operations.create.as_ref().is_some_and(|own| own.method == write.method && own.path == write.path)
        };
        let update = operations.update.as_ref().filter(is_create).map(|_| SandboxOperation::Update);
        let replace = operations.replace.as_ref().filter(is_create).map(|_| SandboxOperation::Replace);
        let (scope, id) =
            (parameters.read_scope(&table.kind, &self.request.query)?, parameters.read_id(&table.kind)?);
        let is_there = id.is_some_and(|id| table.find_record(&scope, &id).is_some());
        Ok(update.or(replace).filter(|_| is_there))
    }

    pub fn update_object(
        &self,
        number: usize,
        operation: SandboxOperation,
        parameters: &SandboxPathParameters,
    ) -> Result<SandboxResponse, SandboxError> {
        let mut state = self.service.lock_state();
        let SandboxState { tables, templates: patterns, id_generator: mint, .. } = &mut *state;
        let table = tables.get_mut(number).ok_or_else(build_not_found)?;
        let kind = Arc::clone(&table.kind);
        let write = match operation {
            SandboxOperation::Replace => kind.operations.replace.as_ref(),
            SandboxOperation::UpdatePart(at) => kind.operations.updates.get(at),
            _ => kind.operations.update.as_ref(),
        };
        let write = write.ok_or_else(build_not_found)?;
        let body = self.deserialize_body(&kind, &write.body_form)?;
        self.check_query(&write.query)?;
        let body = keep_taken_fields(write, body);
        self.check_required(&kind, write, &body)?;
        let (scope, old) = self.find_record(table, parameters)?;
        self.check_precondition(table, old)?;
        let (scope, old) = (scope.to_vec(), old.clone());
        let mut rules = SandboxWriteRules { kind: &kind, scope: &scope, template: None, id_generator: mint };
        let mut record = match write.body {
            WriteBody::Full => rules.replace_record(&old, &body),
            WriteBody::Changes => {
                let nested = SandboxNestedMerge::from_write(
                    write,
                    &self.request.query,
                    self.service.options.clear_omitted_nested,
                );
                rules.merge_record(&old, &body, nested)
            }
        };
        restore_other_fields(&kind, write, &old.object, &mut record.object);
        self.validate_write(&kind, Some(&old.object), &body, &record)?;
        if self.service.options.auto_verify {
            rules::verify_record(&kind, &mut record, patterns.get(number).and_then(Option::as_ref));
        }
        self.store_record(table, &scope, &record);
        Ok(self.respond_to_write(&kind, write, 200, &record, mint))
    }

    /// Keeps what was written, as far as that is no lie.
    fn store_record(&self, table: &mut SandboxTable, scope: &[Value], record: &SandboxRecord) {
        let mut record = record.clone();
        match self.fault_mode {
            FaultMode::DiscardWrite => return,
            FaultMode::ReverseLists => reverse_lists(&mut record.object),
            FaultMode::Normal | FaultMode::EndlessPages => {}
        }
        ready::mark_unready(&table.kind, &mut record);
        table.put_record(scope, record);
    }

    pub fn delete_object(
        &self,
        number: usize,
        parameters: &SandboxPathParameters,
    ) -> Result<SandboxResponse, SandboxError> {
        let mut state = self.service.lock_state();
        let table = state.tables.get_mut(number).ok_or_else(build_not_found)?;
        let (_, record) = self.find_record(table, parameters)?;
        self.check_precondition(table, record)?;
        if table.kind.is_built_in(&record.object) {
            return Err(SandboxError::new(403, "BuiltInObject", "This object is built in."));
        }
        let scope = parameters.read_scope(&table.kind, &self.request.query)?;
        let id = parameters.read_id(&table.kind)?.ok_or_else(build_not_found)?;
        let (query, deleted) = (&table.kind.operations.delete, table.kind.deleted_when.is_some());
        let query = query.iter().flat_map(|delete| &delete.query);
        let query: Vec<_> = query.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.check_query(&query)?;
        if deleted {
            let mut record = record.clone();
            mark_deleted(&table.kind, &mut record.object);
            let scope = table.complete_scope(&scope);
            self.store_record(table, &scope, &record);
            return Ok(SandboxResponse::from_status(204));
        }
        if self.fault_mode != FaultMode::DiscardWrite {
            table.take_record(&scope, &id).ok_or_else(build_not_found)?;
            let kind = Arc::clone(&table.kind.name);
            parents::remove_children(&mut state.tables, &kind, &id);
        }
        Ok(SandboxResponse::from_status(204))
    }

    /// A service may do something else without the query that its operation has.
    fn check_query(&self, wanted: &[(String, String)]) -> Result<(), SandboxError> {
        match wanted.iter().find(|own| !self.request.query.contains(own)) {
            Some((name, _)) => {
                Err(SandboxError::new(400, "MissingQuery", format!("The query {name} is missing.")))
            }
            None => Ok(()),
        }
    }

    /// Some services want all required fields even of a merge.
    fn check_required(&self, kind: &Kind, write: &WriteOperation, body: &Object) -> Result<(), SandboxError> {
        if !(write.retry_with_required && self.service.options.require_all_on_merge) {
            return Ok(());
        }
        let missing =
            kind.shape.fields.iter().filter(|f| f.behavior.required && body.get_field(f.number).is_none());
        let missing: Vec<SandboxFieldError> =
            missing.map(|field| validation::build_missing_error(kind, field, &field.write_to)).collect();
        if missing.is_empty() { Ok(()) } else { Err(SandboxError::from_field_errors(self.api(), missing)) }
    }

    fn validate_write(
        &self,
        kind: &Kind,
        old: Option<&Object>,
        body: &Object,
        made: &SandboxRecord,
    ) -> Result<(), SandboxError> {
        match validation::collect_errors(kind, old, body, made) {
            found if found.is_empty() => Ok(()),
            found => Err(SandboxError::from_field_errors(self.api(), found)),
        }
    }

    /// An object as a write answers it: ids stand as ids.
    fn encode_written(&self, kind: &Kind, record: &SandboxRecord) -> WireValue {
        let showing = SandboxEncoder {
            as_read: true,
            secrets: self.service.options.secret_mode,
            format: self.format,
            embedded: None,
        };
        showing.encode_object(&kind.shape, &record.object)
    }

    fn respond_to_write(
        &self,
        kind: &Kind,
        write: &WriteOperation,
        status: u16,
        record: &SandboxRecord,
        mint: &mut SandboxIdGenerator,
    ) -> SandboxResponse {
        match write.response {
            AnswerWord::Object => {
                let shown = self.encode_written(kind, record);
                let member = write.response_member.as_deref();
                self.build_response(status, &BodyForm::wrap_value(member, shown))
            }
            AnswerWord::Location => {
                let id = record.object.get_field(kind.identity.id).unwrap_or(&Value::Null);
                let id = ScalarType::render_url_text(id, &kind.api);
                let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
                let url = format!("http://{}{}/{id}", self.host(), self.request.path);
                let headers = vec![("location".to_owned(), url)];
                SandboxResponse { headers, ..SandboxResponse::from_status(status) }
            }
            // nothing of use: such a host answers some id, of which no one says what it is
            AnswerWord::None if is_lenient(self.api()) => {
                self.build_response(status, &WireValue::Uuid(mint.generate_uuid()))
            }
            AnswerWord::None => SandboxResponse::from_status(204),
            AnswerWord::Id => {
                let id = record.object.get_field(kind.identity.id).unwrap_or(&Value::Null);
                let wire = match &kind.id_field().ty {
                    FieldType::Scalar(scalar_type) => scalar_type.encode_value(id),
                    _ => WireValue::Null,
                };
                // it may come bare or inside
                match is_lenient(self.api()) {
                    _ if write.response_member.is_some() => {
                        let member = write.response_member.as_deref();
                        self.build_response(status, &BodyForm::wrap_value(member, wire))
                    }
                    true => self.build_response(status, &wire),
                    false => self.build_response(
                        status,
                        &WireValue::Object(vec![(kind.id_field().name.to_string(), wire)]),
                    ),
                }
            }
        }
    }
}

/// Of several updates, what one takes.
fn keep_taken_fields(write: &WriteOperation, body: Object) -> Object {
    if write.fields.is_none() {
        return body;
    }
    let mut kept = Object::default();
    for (number, value) in body.fields().filter(|(number, _)| write.takes_field(*number)) {
        kept.set_field(number, value.clone());
    }
    kept.unknown_fields = body.unknown_fields;
    kept
}

/// What an update does not take stays.
fn restore_other_fields(kind: &Kind, write: &WriteOperation, old: &Object, made: &mut Object) {
    for field in kind.shape.fields.iter().filter(|field| !write.takes_field(field.number)) {
        made.set_field(field.number, old.get_field(field.number).cloned().unwrap_or(Value::Null));
    }
}

/// An object that counts as deleted from now on.
fn mark_deleted(kind: &Kind, object: &mut Object) {
    let Some(condition) = &kind.deleted_when else { return };
    let FieldType::Scalar(scalar_type) = &kind.shape.get_field(condition.field).ty else { return };
    let default = match scalar_type {
        ScalarType::Boolean => "true",
        ScalarType::DateTime => "2026-01-31T08:00:00Z",
        _ => "1",
    };
    let text = condition.values.first().map_or(default, |value| &**value);
    if let Ok(value) = scalar_type.read_token(ScalarToken::Plain(text)) {
        object.set_field(condition.field, value);
    }
}

/// The id of a new object: the caller's, where the caller makes it.
fn assign_id(
    table: &SandboxTable,
    in_path: Option<Value>,
    body: &Object,
    mint: &mut SandboxIdGenerator,
) -> Result<Value, SandboxError> {
    let field = table.kind.id_field();
    match (table.kind.identity.id_assigned_by, &field.ty) {
        (IdAssigner::Client, _) => {
            let composed = address::compose_id(&table.kind, |number| body.get_field(number));
            let in_body =
                composed.or_else(|| body.get_field(field.number).filter(|id| !id.is_zero()).cloned());
            in_path.or(in_body).ok_or_else(|| {
                let missing = validation::build_missing_error(&table.kind, field, &field.write_to);
                SandboxError::from_field_errors(&table.kind.api, vec![missing])
            })
        }
        (IdAssigner::Server, FieldType::Scalar(ScalarType::Integer(_))) => {
            Ok(Value::Integer(table.compute_next_id()))
        }
        (IdAssigner::Server, _) => Ok(list_items::generate_id(field, mint)),
    }
}

/// What the id says of the fields of which it is made.
fn fill_id_parts(kind: &Kind, id: &Value, body: &mut Object) {
    for (field, text) in address::split_id(kind, id) {
        let FieldType::Scalar(scalar_type) = &field.ty else { continue };
        if let Ok(value) = scalar_type.read_token(ScalarToken::String(&text)) {
            body.set_field(field.number, value);
        }
    }
}

/// Lists of an object the other way round.
fn reverse_lists(object: &mut Object) {
    let lists: Vec<(u16, Vec<Value>)> = object
        .fields()
        .filter_map(|(number, value)| match value {
            Value::Array(items) => Some((number, items.iter().rev().cloned().collect())),
            _ => None,
        })
        .collect();
    for (number, items) in lists {
        object.set_field(number, Value::Array(items));
    }
}
