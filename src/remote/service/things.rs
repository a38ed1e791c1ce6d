//! Lists of things to which objects refer: constants, rules, whatever has an id and a name.
//!
//! A list stands at a path of the API, or at a URL that the service tells; such a URL is followed on the
//! configured origin only, because the credentials go along. Pages are bounded like those of objects.
//! Deliberately absent: which thing is meant.

use std::collections::HashSet;

use super::{Collection, Service, Trouble};
use crate::diagnostic::Diagnostic;
use crate::exchange::{Request, Response, Verb};
use crate::kind::address;
use crate::kind::file::ListFile;
use crate::remote::wire::{self, Columns, Page, Row};

/// The most things of one list.
const MOST: usize = 1_000_000;

/// Where a list of things stands.
#[derive(Clone, Copy)]
pub enum Shelf<'s> {
    /// Where the description says.
    List(&'s ListFile),
    /// Where the service says; read like the list of the objects themselves.
    Url(&'s str),
}

/// A list that is being read.
struct Walk<'w> {
    path: String,
    query: Vec<(String, String)>,
    /// Whether the path starts at the root of the host rather than at the base URL.
    from_root: bool,
    columns: Columns<'w>,
}

impl Service {
    /// The things of a list: of each what it has in `members`.
    ///
    /// # Errors
    /// When the list is elsewhere, cannot be read, or does not end.
    pub async fn things(
        &self,
        of: Collection<'_>,
        shelf: Shelf<'_>,
        members: &[&str],
    ) -> Result<Vec<Row>, Trouble> {
        let walk = self.walk(of, shelf, members)?;
        let (mut rows, mut starts): (Vec<Row>, HashSet<Row>) = Default::default();
        for _ in 0..self.target.api.limits.pages {
            let (page, around) = self.turn(&walk, rows.len()).await?;
            let Some(first) = page.first().cloned() else { return Ok(rows) };
            // a service that ignores the paging words gives the same page again
            if !starts.insert(first) {
                return Ok(rows);
            }
            rows.extend(page);
            if is_last(walk.columns.list, &around, rows.len()) {
                return Ok(rows);
            }
            if rows.len() > MOST {
                break;
            }
        }
        let message = "a list of things to refer to does not end";
        Err(Trouble::of(Diagnostic::error("endless-list", message).hint("write the id itself")))
    }

    fn walk<'w>(
        &self,
        of: Collection<'w>,
        shelf: Shelf<'w>,
        members: &'w [&'w str],
    ) -> Result<Walk<'w>, Trouble> {
        match shelf {
            Shelf::List(list) => {
                let mut query = address::scope_query(of.kind, of.scope);
                query.extend(list.query.iter().map(|(name, value)| (name.clone(), value.clone())));
                let path = address::path(&list.get, of.kind, of.scope, None);
                Ok(Walk { path, query, from_root: false, columns: Columns { list, members } })
            }
            Shelf::Url(url) => {
                let (path, query) = self.at_home(url)?;
                let columns = Columns { list: &of.kind.operations.list, members };
                Ok(Walk { path, query, from_root: true, columns })
            }
        }
    }

    /// Path and query of a URL that the service tells, absolute or relative.
    fn at_home(&self, url: &str) -> Result<(String, Vec<(String, String)>), Trouble> {
        let mut base = self.target.base_url.clone();
        base.set_path(&format!("{}/", base.path().trim_end_matches('/')));
        let to = base.join(url).ok().filter(|to| to.origin() == base.origin());
        let Some(to) = to else {
            let message = format!(
                "{} names a list on another host, where its credentials do not go",
                self.target.api.title
            );
            let hint = "write the id itself, and look why the service says so";
            return Err(Trouble::of(Diagnostic::error("other-origin", message).hint(hint)));
        };
        Ok((to.path().to_owned(), to.query_pairs().into_owned().collect()))
    }

    async fn turn(&self, walk: &Walk<'_>, seen: usize) -> Result<(Vec<Row>, Page), Trouble> {
        let mut query = walk.query.clone();
        if let Some(paging) = &walk.columns.list.paging {
            query.retain(|(name, _)| *name != paging.limit && *name != paging.offset);
            query.push((paging.limit.clone(), paging.page.to_string()));
            query.push((paging.offset.clone(), seen.to_string()));
        }
        let request =
            Request { verb: Verb::Get, path: walk.path.clone(), query, body: None, repeatable: true };
        let response = self.read_at(&request, walk.from_root).await?;
        wire::read_things(&response.body, self.target.format, &self.target.api, walk.columns)
            .map_err(|error| self.unreadable(error, &response, Verb::Get))
    }

    async fn read_at(&self, request: &Request, from_root: bool) -> Result<Response, Trouble> {
        if !from_root {
            return Ok(self.send(request).await?.response);
        }
        let answered = self.client.read_from_root(request, &self.bounds, &self.patience).await?;
        Ok(self.accepted(answered, Verb::Get).await?.response)
    }
}

fn is_last(list: &ListFile, around: &Page, seen: usize) -> bool {
    match (&list.paging, around.has_more, around.total) {
        (None, ..) => true,
        (_, Some(more), _) => !more,
        (Some(paging), None, _) if paging.next.is_some() => around.next.is_none(),
        (_, None, Some(total)) if total > 0 => seen as u64 >= total,
        _ => false,
    }
}
