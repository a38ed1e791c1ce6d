//! What is written: create, update, delete, and what each answers.
//!
//! The lock on the state is held from the look-up to the answer. Deliberately absent: what a write makes of
//! an object; `rules` knows.

use std::sync::Arc;

use crate::exchange::Wire;
use crate::kind::{Answer as AnswerWord, Kind, Leaf, Maker, Sends, Type, Write};
use crate::value::{Object, Value};

use super::answer::{Answer, Showing};
use super::bind::{Grievance, binds_silently};
use super::call::{Call, not_found};
use super::mint::Mint;
use super::refusal::Refusal;
use super::route::{Operation, Parameters};
use super::rules::{self, Nested, Rules};
use super::service::{Lie, State};
use super::store::{Record, Table};
use super::{demands, rows};

impl Call<'_> {
    pub fn create(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let mut state = self.service.state();
        let State { tables, patterns, mint } = &mut *state;
        let table = tables.get_mut(number).ok_or_else(not_found)?;
        let kind = Arc::clone(&table.kind);
        let write = kind.operations.create.as_ref().ok_or_else(not_found)?;
        let body = self.bound(&kind)?;
        let scope = table.scope_for(&parameters.scope(&kind, &self.asked.query)?);
        let id = new_id(table, parameters.id(&kind)?, &body, mint)?;
        let exact = scope.iter().cloned().map(Some).collect();
        if table.get(&exact, &id).is_some() {
            return Err(Refusal::new(409, "Conflict", "There is such an object already."));
        }
        let pattern = patterns.get(number).and_then(Option::as_ref);
        let mut record = Rules { kind: &kind, scope: &scope, pattern, mint }.create(write, id, &body);
        self.checked(&kind, None, (&body, &record))?;
        if self.service.options.verify_at_once {
            rules::verify(&kind, &mut record, pattern);
        }
        self.keep(table, &scope, &record);
        let status = if binds_silently(self.api()) { 200 } else { 201 };
        Ok(self.written(&kind, (write, status), &record, mint))
    }

    pub fn update(
        &self,
        number: usize,
        operation: Operation,
        parameters: &Parameters,
    ) -> Result<Answer, Refusal> {
        let mut state = self.service.state();
        let State { tables, patterns, mint } = &mut *state;
        let table = tables.get_mut(number).ok_or_else(not_found)?;
        let kind = Arc::clone(&table.kind);
        let write = match operation {
            Operation::Replace => kind.operations.replace.as_ref(),
            _ => kind.operations.update.as_ref(),
        };
        let write = write.ok_or_else(not_found)?;
        let body = self.bound(&kind)?;
        self.complete(&kind, write, &body)?;
        let (scope, old) = self.located(table, parameters)?;
        self.is_about(table, old)?;
        let (scope, old) = (scope.to_vec(), old.clone());
        let mut rules = Rules { kind: &kind, scope: &scope, pattern: None, mint };
        let mut record = match write.sends {
            Sends::Everything => rules.replace(&old, &body),
            Sends::Changes => {
                let nested = Nested::of(write, &self.asked.query, self.service.options.harsh);
                rules.merge(&old, &body, (write, nested))
            }
        };
        self.checked(&kind, Some(&old.object), (&body, &record))?;
        if self.service.options.verify_at_once {
            rules::verify(&kind, &mut record, patterns.get(number).and_then(Option::as_ref));
        }
        self.keep(table, &scope, &record);
        Ok(self.written(&kind, (write, 200), &record, mint))
    }

    /// Keeps what was written, as far as that is no lie.
    fn keep(&self, table: &mut Table, scope: &[Value], record: &Record) {
        let mut record = record.clone();
        match self.lie {
            Lie::KeepNothing => return,
            Lie::Reorder => turn_round(&mut record.object),
            Lie::No | Lie::Endless => {}
        }
        table.put(scope, record);
    }

    pub fn delete(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let mut state = self.service.state();
        let table = state.tables.get_mut(number).ok_or_else(not_found)?;
        let (_, record) = self.located(table, parameters)?;
        self.is_about(table, record)?;
        let scope = parameters.scope(&table.kind, &self.asked.query)?;
        let id = parameters.id(&table.kind)?.ok_or_else(not_found)?;
        if self.lie != Lie::KeepNothing {
            table.take(&scope, &id).ok_or_else(not_found)?;
        }
        Ok(Answer::empty(204))
    }

    /// Some services want all required fields even of a merge.
    fn complete(&self, kind: &Kind, write: &Write, body: &Object) -> Result<(), Refusal> {
        if !(write.adds_required_when_asked && self.service.options.asks_required) {
            return Ok(());
        }
        let missing = kind.shape.fields.iter().filter(|f| f.access.required && body.get(f.number).is_none());
        let missing: Vec<Grievance> =
            missing.map(|field| demands::required(kind, field, &field.written_as)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Refusal::fields(self.api(), missing)) }
    }

    fn checked(
        &self,
        kind: &Kind,
        old: Option<&Object>,
        (body, made): (&Object, &Record),
    ) -> Result<(), Refusal> {
        match demands::grievances(kind, old, body, made) {
            found if found.is_empty() => Ok(()),
            found => Err(Refusal::fields(self.api(), found)),
        }
    }

    /// An object as a write answers it: ids stand as ids.
    fn shown(&self, kind: &Kind, record: &Record) -> Wire {
        let showing = Showing { secrets: self.service.options.secrets, form: self.form, wholes: None };
        showing.object(&kind.shape, &record.object)
    }

    fn written(
        &self,
        kind: &Kind,
        (write, status): (&Write, u16),
        record: &Record,
        mint: &mut Mint,
    ) -> Answer {
        match write.answer {
            AnswerWord::Object => self.said(status, &self.shown(kind, record)),
            // nothing of use: such a host answers some id, of which nobody says what it is
            AnswerWord::Nothing if binds_silently(self.api()) => self.said(status, &Wire::Guid(mint.guid())),
            AnswerWord::Nothing => Answer::empty(204),
            AnswerWord::Id => {
                let id = record.object.get(kind.identity.id).unwrap_or(&Value::Null);
                let wire = match &kind.id_field().ty {
                    Type::Leaf(leaf) => leaf.wire(id),
                    _ => Wire::Null,
                };
                // it may come bare or inside
                match binds_silently(self.api()) {
                    true => self.said(status, &wire),
                    false => self.said(status, &Wire::Object(vec![(kind.id_field().name.to_string(), wire)])),
                }
            }
        }
    }
}

/// The id of a new object: the caller's, where the caller makes it.
fn new_id(table: &Table, in_path: Option<Value>, body: &Object, mint: &mut Mint) -> Result<Value, Refusal> {
    let field = table.kind.id_field();
    match (table.kind.identity.made_by, &field.ty) {
        (Maker::Caller, _) => {
            let in_body = body.get(field.number).filter(|id| !id.is_zero()).cloned();
            in_path.or(in_body).ok_or_else(|| {
                let missing = demands::required(&table.kind, field, &field.written_as);
                Refusal::fields(&table.kind.api, vec![missing])
            })
        }
        (Maker::Server, Type::Leaf(Leaf::Whole(_))) => Ok(Value::Whole(table.next_whole())),
        (Maker::Server, _) => Ok(rows::new_number(field, mint)),
    }
}

/// Lists of an object the other way round.
fn turn_round(object: &mut Object) {
    let lists: Vec<(u16, Vec<Value>)> = object
        .fields()
        .filter_map(|(number, value)| match value {
            Value::List(items) => Some((number, items.iter().rev().cloned().collect())),
            _ => None,
        })
        .collect();
    for (number, items) in lists {
        object.set(number, Value::List(items));
    }
}
