//! What is read: lists in pages, one object, whether a scope exists, what ids refer to.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::exchange::WireValue;
use crate::kind::file::{ListFile, PagingFile};
use crate::kind::{IfMatchSource, Kind, ListResponseShape, ReadConsistency, ScalarType, WireFormat};
use crate::remote::wire;
use crate::sandbox::error::SandboxError;
use crate::sandbox::handler::{SandboxHandler, build_not_found};
use crate::sandbox::options::SandboxSecretMode;
use crate::sandbox::response::{SandboxEncoder, SandboxFormat, SandboxPageInfo, SandboxResponse};
use crate::sandbox::route::SandboxPathParameters;
use crate::sandbox::service::FaultMode;
use crate::sandbox::store::{SandboxRecord, SandboxTable};
use crate::sandbox::{filter, reference_lists, response};
use crate::value::Value;

/// How many items come when nobody says how many.
const DEFAULT_PAGE_SIZE: usize = 10;

impl SandboxHandler<'_> {
    pub fn list_objects(
        &self,
        number: usize,
        parameters: &SandboxPathParameters,
    ) -> Result<SandboxResponse, SandboxError> {
        let state = self.service.lock_state();
        let table = state.tables.get(number).ok_or_else(build_not_found)?;
        let kind = &*table.kind;
        let scope = parameters.read_scope(kind, &self.request.query)?;
        let conditions = filter::parse_filters(kind, &self.request.query)?;
        let listed = table.list_records(&scope).map(|(_, record)| record).filter(|record| {
            is_visible(kind, record)
                && conditions.iter().all(|condition| condition.matches_object(&record.object))
        });
        let listed: Vec<&SandboxRecord> = listed.collect();
        let list = &kind.operations.list;
        if self.service.options.unwrap_single_item
            && list.response == ListResponseShape::OneOrList
            && listed.len() < 2
        {
            return Ok(match listed.first() {
                Some(record) => self.build_response(200, &self.encode_read(table, record)),
                None => SandboxResponse::from_status(204),
            });
        }
        let (page, window) = self.select_page(listed.len(), list)?;
        let items = listed.get(page).unwrap_or_default().iter().map(|record| self.encode_read(table, record));
        Ok(self.build_response(200, &response::wrap_list(list, items.collect(), &window)))
    }

    /// The part of a list that was asked for.
    fn select_page(
        &self,
        count: usize,
        list: &ListFile,
    ) -> Result<(Range<usize>, SandboxPageInfo), SandboxError> {
        let Some(paging) = &list.paging else {
            return Ok((0..count, SandboxPageInfo { total: count, next_offset: None, next_url: None }));
        };
        let most = usize::try_from(paging.page_size).unwrap_or(usize::MAX).max(1);
        let asked = filter::parse_number(&self.request.query, &paging.limit)?.filter(|limit| *limit > 0);
        let limit = asked.unwrap_or(DEFAULT_PAGE_SIZE).min(most);
        let offset = filter::parse_number(&self.request.query, &paging.offset)?.unwrap_or(0);
        let endless = self.fault_mode == FaultMode::EndlessPages;
        let start = if endless { 0 } else { offset.min(count) };
        let end = start.saturating_add(limit).min(count);
        let next = (end < count || endless).then(|| offset.saturating_add(end - start));
        let next_url = next.map(|next| self.build_next_url(paging, next, limit));
        Ok((start..end, SandboxPageInfo { total: count, next_offset: next, next_url }))
    }

    fn build_next_url(&self, paging: &PagingFile, offset: usize, limit: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.request.query {
            if *name != paging.offset && *name != paging.limit {
                query.append_pair(name, value);
            }
        }
        query.append_pair(&paging.offset, &offset.to_string()).append_pair(&paging.limit, &limit.to_string());
        format!("http://{}{}?{}", self.host(), self.request.path, query.finish())
    }

    /// A scope exists where there ever were objects in it.
    pub fn check_access(
        &self,
        number: usize,
        parameters: &SandboxPathParameters,
    ) -> Result<SandboxResponse, SandboxError> {
        let state = self.service.lock_state();
        let table = state.tables.get(number).ok_or_else(build_not_found)?;
        let scope = parameters.read_scope(&table.kind, &self.request.query)?;
        match table.has_scope(&scope) {
            true => Ok(self.build_response(200, &WireValue::Object(Vec::new()))),
            false => Err(build_not_found()),
        }
    }

    pub fn get_object(
        &self,
        number: usize,
        parameters: &SandboxPathParameters,
    ) -> Result<SandboxResponse, SandboxError> {
        let state = self.service.lock_state();
        let table = state.tables.get(number).ok_or_else(build_not_found)?;
        let (_, record) = self.find_record(table, parameters)?;
        let answer = self.build_response(200, &self.encode_read(table, record));
        let told = table.kind.operations.if_match == Some(IfMatchSource::Etag);
        let etag = told.then(|| self.compute_etag(table, record)).flatten();
        Ok(SandboxResponse { header: etag.map(|etag| ("etag", etag)), ..answer })
    }

    /// What tells the state of an object from the next, in kinds whose writes are bound to it.
    fn compute_etag(&self, table: &SandboxTable, record: &SandboxRecord) -> Option<String> {
        let kind = &table.kind;
        match kind.operations.if_match? {
            IfMatchSource::Etag => {
                let shown = SandboxEncoder {
                    secrets: SandboxSecretMode::Clear,
                    format: SandboxFormat::Wire(WireFormat::Json),
                    embedded: None,
                };
                let object = shown.encode_object(&kind.shape, &record.object);
                let digest = Sha256::digest(wire::encode_body(&object, WireFormat::Json, &kind.api));
                Some(format!("\"{}\"", digest.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>()))
            }
            IfMatchSource::Field(number) => {
                let value = record.object.get_field(number).unwrap_or(&Value::Null);
                Some(format!("\"{}\"", ScalarType::render_url_text(value, &kind.api)))
            }
        }
    }

    /// Whether a write is about the object as it is now; one that does not say so is refused too.
    pub fn check_precondition(
        &self,
        table: &SandboxTable,
        record: &SandboxRecord,
    ) -> Result<(), SandboxError> {
        let Some(state) = self.compute_etag(table, record) else { return Ok(()) };
        match self.request.header("if-match") {
            Some(said) if said == state => Ok(()),
            Some(_) => {
                Err(SandboxError::new(412, "PreconditionFailed", "The object is not any more what it was."))
            }
            None => Err(SandboxError::new(428, "PreconditionRequired", "The header If-Match is missing.")),
        }
    }

    /// The things that ids refer to, where they are listed at this path.
    pub fn list_referenced(&self, path: &str) -> Result<SandboxResponse, SandboxError> {
        let state = self.service.lock_state();
        let base = self.base_url();
        let own = state.tables.iter().filter(|table| table.kind.api.name == self.api().name);
        let mut lists = own.filter_map(|table| reference_lists::find_reference_list(table, path, &base));
        let mut listed = lists.next().ok_or_else(build_not_found)?;
        listed.items.extend(lists.flat_map(|more| more.items));
        let (page, window) = self.select_page(listed.items.len(), listed.list)?;
        let items = listed.items.get(page).unwrap_or_default().to_vec();
        Ok(self.build_response(200, &response::wrap_list(listed.list, items, &window)))
    }

    /// An object as a read shows it: what its ids refer to stands whole where the service knows it.
    fn encode_read(&self, table: &SandboxTable, record: &SandboxRecord) -> WireValue {
        let base = self.base_url();
        let wholes = Some((&table.embedded, base.as_str()));
        let showing = SandboxEncoder {
            secrets: self.service.options.secret_mode,
            format: self.format,
            embedded: wholes,
        };
        showing.encode_object(&table.kind.shape, &record.object)
    }

    /// The object that the path names, with its scope.
    pub fn find_record<'t>(
        &self,
        table: &'t SandboxTable,
        parameters: &SandboxPathParameters,
    ) -> Result<(&'t [Value], &'t SandboxRecord), SandboxError> {
        let scope = parameters.read_scope(&table.kind, &self.request.query)?;
        let id = parameters.read_id(&table.kind)?.ok_or_else(build_not_found)?;
        table
            .find_record(&scope, &id)
            .filter(|(_, record)| is_visible(&table.kind, record))
            .ok_or_else(build_not_found)
    }
}

/// Some services show a new object only once it is verified.
fn is_visible(kind: &Kind, record: &SandboxRecord) -> bool {
    let later = kind
        .operations
        .create
        .as_ref()
        .is_some_and(|create| create.read_after_write == ReadConsistency::Eventual);
    !(record.unverified && later)
}
