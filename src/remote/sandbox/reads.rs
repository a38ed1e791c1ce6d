//! What is read: lists in pages, one object, whether a scope exists, what ids refer to.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::exchange::Wire;
use crate::kind::file::{ListFile, PagingFile};
use crate::kind::{Appears, FormatWord, IfMatch, Kind, Leaf, ListAnswer};
use crate::remote::wire;
use crate::value::Value;

use super::Secrets;
use super::answer::{self, Answer, Form, Showing, Window};
use super::call::{Call, not_found};
use super::refusal::Refusal;
use super::route::Parameters;
use super::service::Lie;
use super::store::{Record, Table};
use super::{find, things};

/// How many items come when nobody says how many.
const FEW: usize = 10;

impl Call<'_> {
    pub fn list(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let state = self.service.state();
        let table = state.tables.get(number).ok_or_else(not_found)?;
        let kind = &*table.kind;
        let scope = parameters.scope(kind, &self.asked.query)?;
        let conditions = find::conditions(kind, &self.asked.query)?;
        let listed = table.list(&scope).map(|(_, record)| record).filter(|record| {
            is_seen(kind, record) && conditions.iter().all(|condition| condition.holds(&record.object))
        });
        let listed: Vec<&Record> = listed.collect();
        let list = &kind.operations.list;
        if self.service.options.bare_single && list.answer == ListAnswer::OneOrList && listed.len() < 2 {
            return Ok(match listed.first() {
                Some(record) => self.said(200, &self.seen(table, record)),
                None => Answer::empty(204),
            });
        }
        let (page, window) = self.page(listed.len(), list)?;
        let items = listed.get(page).unwrap_or_default().iter().map(|record| self.seen(table, record));
        Ok(self.said(200, &answer::envelope(list, items.collect(), &window)))
    }

    /// The part of a list that was asked for.
    fn page(&self, count: usize, list: &ListFile) -> Result<(Range<usize>, Window), Refusal> {
        let Some(paging) = &list.paging else {
            return Ok((0..count, Window { total: count, next: None, next_url: None }));
        };
        let most = usize::try_from(paging.page).unwrap_or(usize::MAX).max(1);
        let asked = find::number(&self.asked.query, &paging.limit)?.filter(|limit| *limit > 0);
        let limit = asked.unwrap_or(FEW).min(most);
        let offset = find::number(&self.asked.query, &paging.offset)?.unwrap_or(0);
        let endless = self.lie == Lie::Endless;
        let start = if endless { 0 } else { offset.min(count) };
        let end = start.saturating_add(limit).min(count);
        let next = (end < count || endless).then(|| offset.saturating_add(end - start));
        let next_url = next.map(|next| self.next_url(paging, next, limit));
        Ok((start..end, Window { total: count, next, next_url }))
    }

    fn next_url(&self, paging: &PagingFile, offset: usize, limit: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.asked.query {
            if *name != paging.offset && *name != paging.limit {
                query.append_pair(name, value);
            }
        }
        query.append_pair(&paging.offset, &offset.to_string()).append_pair(&paging.limit, &limit.to_string());
        format!("http://{}{}?{}", self.host(), self.asked.path, query.finish())
    }

    /// A scope exists where there ever were objects in it.
    pub fn probe(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let state = self.service.state();
        let table = state.tables.get(number).ok_or_else(not_found)?;
        let scope = parameters.scope(&table.kind, &self.asked.query)?;
        match table.has_scope(&scope) {
            true => Ok(self.said(200, &Wire::Object(Vec::new()))),
            false => Err(not_found()),
        }
    }

    pub fn get(&self, number: usize, parameters: &Parameters) -> Result<Answer, Refusal> {
        let state = self.service.state();
        let table = state.tables.get(number).ok_or_else(not_found)?;
        let (_, record) = self.located(table, parameters)?;
        let answer = self.said(200, &self.seen(table, record));
        let told = table.kind.operations.if_match == Some(IfMatch::Etag);
        let etag = told.then(|| self.state_of(table, record)).flatten();
        Ok(Answer { header: etag.map(|etag| ("etag", etag)), ..answer })
    }

    /// What tells the state of an object from the next, in kinds whose writes are bound to it.
    fn state_of(&self, table: &Table, record: &Record) -> Option<String> {
        let kind = &table.kind;
        match kind.operations.if_match? {
            IfMatch::Etag => {
                let shown =
                    Showing { secrets: Secrets::Clear, form: Form::Wire(FormatWord::Json), wholes: None };
                let object = shown.object(&kind.shape, &record.object);
                let digest = Sha256::digest(wire::encode(&object, FormatWord::Json, &kind.api));
                Some(format!("\"{}\"", digest.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>()))
            }
            IfMatch::Field(number) => {
                let value = record.object.get(number).unwrap_or(&Value::Null);
                Some(format!("\"{}\"", Leaf::url_text(value, &kind.api)))
            }
        }
    }

    /// Whether a write is about the object as it is now; one that does not say so is refused too.
    pub fn is_about(&self, table: &Table, record: &Record) -> Result<(), Refusal> {
        let Some(state) = self.state_of(table, record) else { return Ok(()) };
        match self.asked.header("if-match") {
            Some(said) if said == state => Ok(()),
            Some(_) => {
                Err(Refusal::new(412, "PreconditionFailed", "The object is not any more what it was."))
            }
            None => Err(Refusal::new(428, "PreconditionRequired", "The header If-Match is missing.")),
        }
    }

    /// The things that ids refer to, where they are listed at this path.
    pub fn things(&self, path: &str) -> Result<Answer, Refusal> {
        let state = self.service.state();
        let base = self.base();
        let own = state.tables.iter().filter(|table| table.kind.api.name == self.api().name);
        let mut lists = own.filter_map(|table| things::listed(table, path, &base));
        let mut listed = lists.next().ok_or_else(not_found)?;
        listed.items.extend(lists.flat_map(|more| more.items));
        let (page, window) = self.page(listed.items.len(), listed.list)?;
        let items = listed.items.get(page).unwrap_or_default().to_vec();
        Ok(self.said(200, &answer::envelope(listed.list, items, &window)))
    }

    /// An object as a read shows it: what its ids refer to stands whole where the service knows it.
    fn seen(&self, table: &Table, record: &Record) -> Wire {
        let base = self.base();
        let wholes = Some((&table.wholes, base.as_str()));
        let showing = Showing { secrets: self.service.options.secrets, form: self.form, wholes };
        showing.object(&table.kind.shape, &record.object)
    }

    /// The object that the path names, with its scope.
    pub fn located<'t>(
        &self,
        table: &'t Table,
        parameters: &Parameters,
    ) -> Result<(&'t [Value], &'t Record), Refusal> {
        let scope = parameters.scope(&table.kind, &self.asked.query)?;
        let id = parameters.id(&table.kind)?.ok_or_else(not_found)?;
        table.get(&scope, &id).filter(|(_, record)| is_seen(&table.kind, record)).ok_or_else(not_found)
    }
}

/// Some services show a new object only once it is verified.
fn is_seen(kind: &Kind, record: &Record) -> bool {
    let later = kind.operations.create.as_ref().is_some_and(|create| create.appears == Appears::Later);
    !(record.unverified && later)
}
