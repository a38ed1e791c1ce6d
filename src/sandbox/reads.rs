//! What is read: lists in pages, one object, whether a scope exists, what ids refer to.

use sha2::{Digest, Sha256};

use crate::exchange::{BodyForm, WireValue};
use crate::kind::file::{EmptyListSign, ListShows};
use crate::kind::{IfMatchSource, Kind, ListResponseShape, ReadConsistency, ScalarType, WireFormat};
use crate::remote::wire;
use crate::sandbox::error::SandboxError;
use crate::sandbox::handler::{SandboxHandler, build_not_found};
use crate::sandbox::options::SandboxSecretMode;
use crate::sandbox::pages::SandboxListing;
use crate::sandbox::response::{SandboxEncoder, SandboxFormat, SandboxResponse};
use crate::sandbox::route::SandboxPathParameters;
use crate::sandbox::store::{SandboxRecord, SandboxTable};
use crate::sandbox::{filter, ready, reference_lists};
use crate::value::Value;

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
        if listed.is_empty()
            && let Some(EmptyListSign::Status(status)) = list.none.first()
        {
            return Err(SandboxError::new(*status, "NoObjects", "There are none."));
        }
        let cursor = |record: &SandboxRecord| read_item_cursor(kind, record);
        let listing = SandboxListing {
            list,
            count: listed.len(),
            find_cursor: &|text| listed.iter().position(|record| cursor(record).as_deref() == Some(text)),
            read_cursor: &|at| listed.get(at).and_then(|record| cursor(record)),
        };
        let page = self.select_page(&listing)?;
        let items = listed.get(page.items.clone()).unwrap_or_default();
        let items = items.iter().map(|record| self.encode_listed(table, record)).collect();
        Ok(self.build_page_response(list, items, &page))
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
        let form = &table.kind.operations.get_form;
        if let Some((name, _)) = form.query.iter().find(|own| !self.request.query.contains(own)) {
            return Err(SandboxError::new(400, "MissingQuery", format!("The query {name} is missing.")));
        }
        let shown = BodyForm::wrap_value(form.member.as_deref(), self.encode_read(table, record));
        let answer = self.build_response(200, &shown);
        let has_etag = table.kind.operations.if_match == Some(IfMatchSource::Etag);
        let etag = has_etag.then(|| self.compute_etag(table, record)).flatten();
        let headers = etag.map(|etag| ("etag".to_owned(), etag)).into_iter().collect();
        Ok(SandboxResponse { headers, ..answer })
    }

    /// What tells the state of an object from the next, in kinds whose writes are bound to it.
    fn compute_etag(&self, table: &SandboxTable, record: &SandboxRecord) -> Option<String> {
        let kind = &table.kind;
        match kind.operations.if_match? {
            IfMatchSource::Etag => {
                let shown = SandboxEncoder {
                    as_read: false,
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
        let (list, count) = (listed.list, listed.items.len());
        let listing = SandboxListing { list, count, find_cursor: &|_| None, read_cursor: &|_| None };
        let page = self.select_page(&listing)?;
        let items = listed.items.get(page.items.clone()).unwrap_or_default().to_vec();
        Ok(self.build_page_response(list, items, &page))
    }

    /// An object as the list shows it: of a summary the id and the natural key.
    fn encode_listed(&self, table: &SandboxTable, record: &SandboxRecord) -> WireValue {
        let whole = self.encode_read(table, record);
        let (WireValue::Object(mut members), ListShows::Summary) =
            (whole.clone(), table.kind.operations.list.shows)
        else {
            return whole;
        };
        let identity = &table.kind.identity;
        let keys = identity.natural_key.iter().chain(&identity.import_name);
        let numbers: Vec<u16> = keys.filter_map(|path| path.first().copied()).chain([identity.id]).collect();
        let is_shown = |name: &str| {
            numbers.iter().any(|number| {
                let path = &table.kind.shape.get_field(*number).read_from;
                path.first().is_some_and(|first| **first == *name)
            })
        };
        members.retain(|(name, _)| is_shown(name));
        WireValue::Object(members)
    }

    /// An object as a read shows it: what its ids refer to stands whole where the service knows it.
    fn encode_read(&self, table: &SandboxTable, record: &SandboxRecord) -> WireValue {
        let base = self.base_url();
        let wholes = Some((&table.embedded, base.as_str()));
        let showing = SandboxEncoder {
            as_read: true,
            secrets: self.service.options.secret_mode,
            format: self.format,
            embedded: wholes,
        };
        let unready = ready::show_object(&table.kind, record);
        showing.encode_object(&table.kind.shape, unready.as_ref().unwrap_or(&record.object))
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

/// The cursor of the page after an item, where it comes from there.
fn read_item_cursor(kind: &Kind, record: &SandboxRecord) -> Option<String> {
    let name = kind.operations.list.paging.as_ref()?.cursor_from_item.as_deref()?;
    let value = record.object.get_field(kind.shape.find_field(name)?.number)?;
    Some(ScalarType::render_url_text(value, &kind.api))
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
