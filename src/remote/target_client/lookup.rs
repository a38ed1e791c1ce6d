//! Lists of things to which objects refer: constants, rules, whatever has an id and a name.
//!
//! A list stands at a path of the API, or at a URL that the service tells; such a URL is followed on the
//! configured origin only, because the credentials go along. Pages are bounded like those of objects.
//! Deliberately absent: which thing is meant.

use std::collections::HashSet;

use super::{CollectionRef, RequestError, TargetClient};
use crate::diagnostic::Diagnostic;
use crate::exchange::{HttpResponse, Method, PlannedRequest};
use crate::kind::address;
use crate::kind::file::ListFile;
use crate::remote::wire::{self, ListPage, LookupColumns, LookupRow};

/// The most things of one list.
const MAX_LOOKUP_ROWS: usize = 1_000_000;

/// Where a list of things stands.
#[derive(Clone, Copy)]
pub enum LookupSource<'s> {
    /// Where the description says.
    List(&'s ListFile),
    /// Where the service says; read like the list of the objects themselves.
    Url(&'s str),
}

/// A list that is being read.
struct LookupRequest<'w> {
    path: String,
    query: Vec<(String, String)>,
    /// Whether the path starts at the root of the host rather than at the base URL.
    from_root: bool,
    columns: LookupColumns<'w>,
}

impl TargetClient {
    /// The things of a list: of each what it has in `members`.
    ///
    /// # Errors
    /// When the list is elsewhere, cannot be read, or does not end.
    pub async fn list_lookup_rows(
        &self,
        of: CollectionRef<'_>,
        shelf: LookupSource<'_>,
        members: &[&str],
    ) -> Result<Vec<LookupRow>, RequestError> {
        let walk = self.build_lookup(of, shelf, members)?;
        let (mut rows, mut starts): (Vec<LookupRow>, HashSet<LookupRow>) = Default::default();
        for _ in 0..self.target.api.limits.pages {
            let (page, around) = self.read_lookup_page(&walk, rows.len()).await?;
            let Some(first) = page.first().cloned() else { return Ok(rows) };
            // a service that ignores the paging words gives the same page again
            if !starts.insert(first) {
                return Ok(rows);
            }
            rows.extend(page);
            if is_last_page(walk.columns.list, &around, rows.len()) {
                return Ok(rows);
            }
            if rows.len() > MAX_LOOKUP_ROWS {
                break;
            }
        }
        let message = "a list of things to refer to does not end";
        Err(RequestError::from_diagnostic(
            Diagnostic::error("endless-list", message).with_hint("write the id itself"),
        ))
    }

    fn build_lookup<'w>(
        &self,
        of: CollectionRef<'w>,
        shelf: LookupSource<'w>,
        members: &'w [&'w str],
    ) -> Result<LookupRequest<'w>, RequestError> {
        match shelf {
            LookupSource::List(list) => {
                let mut query = address::build_scope_query(of.kind, of.scope);
                query.extend(list.query.iter().map(|(name, value)| (name.clone(), value.clone())));
                let path = address::expand_path(&list.get, of.kind, of.scope, None);
                Ok(LookupRequest { path, query, from_root: false, columns: LookupColumns { list, members } })
            }
            LookupSource::Url(url) => {
                let (path, query) = self.resolve_same_origin(url)?;
                let columns = LookupColumns { list: &of.kind.operations.list, members };
                Ok(LookupRequest { path, query, from_root: true, columns })
            }
        }
    }

    /// Path and query of a URL that the service tells, absolute or relative.
    fn resolve_same_origin(&self, url: &str) -> Result<(String, Vec<(String, String)>), RequestError> {
        let mut base = self.target.base_url.clone();
        base.set_path(&format!("{}/", base.path().trim_end_matches('/')));
        let to = base.join(url).ok().filter(|to| to.origin() == base.origin());
        let Some(to) = to else {
            let message = format!(
                "{} names a list on another host, where its credentials do not go",
                self.target.api.title
            );
            let hint = "write the id itself, and look why the service says so";
            return Err(RequestError::from_diagnostic(
                Diagnostic::error("other-origin", message).with_hint(hint),
            ));
        };
        Ok((to.path().to_owned(), to.query_pairs().into_owned().collect()))
    }

    async fn read_lookup_page(
        &self,
        walk: &LookupRequest<'_>,
        seen: usize,
    ) -> Result<(Vec<LookupRow>, ListPage), RequestError> {
        let mut query = walk.query.clone();
        if let Some(paging) = &walk.columns.list.paging {
            query.retain(|(name, _)| *name != paging.limit && *name != paging.offset);
            query.push((paging.limit.clone(), paging.page_size.to_string()));
            query.push((paging.offset.clone(), seen.to_string()));
        }
        let request = PlannedRequest {
            method: Method::Get,
            path: walk.path.clone(),
            query,
            body: None,
            idempotent: true,
        };
        let response = self.send_read(&request, walk.from_root).await?;
        wire::read_lookup_page(&response.body, self.target.format, &self.target.api, walk.columns)
            .map_err(|error| self.build_decode_error(error, &response, Method::Get))
    }

    async fn send_read(
        &self,
        request: &PlannedRequest,
        from_root: bool,
    ) -> Result<HttpResponse, RequestError> {
        if !from_root {
            return Ok(self.send_request(request).await?.response);
        }
        let answered = self.client.read_from_root(request, &self.limits, &self.retry_policy).await;
        let answered = answered.map_err(|failure| self.attribute_error(failure.into()))?;
        Ok(self.check_response(answered, request).await?.response)
    }
}

fn is_last_page(list: &ListFile, around: &ListPage, seen: usize) -> bool {
    match (&list.paging, around.has_more, around.total) {
        (None, ..) => true,
        (_, Some(more), _) => !more,
        (Some(paging), None, _) if paging.next.is_some() => around.next.is_none(),
        (_, None, Some(total)) if total > 0 => seen as u64 >= total,
        _ => false,
    }
}
