//! Lists of things to which objects refer: constants, rules, whatever has an id and a name.
//!
//! A list stands at a path of the API, or at a URL that the service tells; such a URL is followed on the
//! configured origin only, because the credentials go along. Pages are bounded like those of objects.
//! Deliberately absent: which thing is meant.

use super::list::ListRequest;
use super::{CollectionRef, RequestError, TargetClient};
use crate::diagnostic::Diagnostic;
use crate::exchange::{HttpResponse, Method};
use crate::kind::Kind;
use crate::kind::file::ListFile;
use crate::remote::pager::{ListCompleteness, Pager};
use crate::remote::wire::{self, LookupColumns, LookupRow};

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

impl TargetClient {
    /// The things of a list: of each what it has in `members`.
    ///
    /// # Errors
    /// When the list is elsewhere, cannot be read, or is not complete.
    pub async fn list_lookup_rows(
        &self,
        of: CollectionRef<'_>,
        source: LookupSource<'_>,
        members: &[&str],
    ) -> Result<Vec<LookupRow>, RequestError> {
        let request = self.build_lookup(of, source)?;
        let mut pager = self.create_pager(request.list);
        let cursor = pager.cursor_field().map(|name| find_member(of.kind, name));
        let members: Vec<&str> = members.iter().copied().chain(cursor).collect();
        let columns = LookupColumns { list: request.list, members: &members };
        let (first, mut rows) = (pager.first_position(), Vec::new());
        let mut read = |pager: &mut Pager, response: &HttpResponse| {
            let page = wire::read_lookup_page(&response.body, self.target.format, &self.target.api, columns);
            let mut page = page.map_err(|error| self.build_decode_error(error, response, Method::Get))?;
            for row in &mut page.rows {
                let after = if cursor.is_some() { row.pop().flatten() } else { None };
                pager.take_item(row.first().and_then(Option::as_deref));
                pager.take_item_cursor(after.map(String::from).unwrap_or_default());
            }
            rows.append(&mut page.rows);
            wire::add_header_signs(columns.list, &mut page.signs, &response.headers);
            Ok((rows.len() <= MAX_LOOKUP_ROWS).then_some(page.signs))
        };
        self.read_pages(&request, &mut pager, Some(first), &mut read).await?;
        match pager.check_completeness() {
            ListCompleteness::Complete if rows.len() <= MAX_LOOKUP_ROWS => Ok(rows),
            ListCompleteness::Incomplete(reason) => {
                Err(build_lookup_error(&format!("is not complete: {reason}")))
            }
            ListCompleteness::Complete => Err(build_lookup_error("is too long")),
        }
    }

    fn build_lookup<'w>(
        &self,
        of: CollectionRef<'w>,
        source: LookupSource<'w>,
    ) -> Result<ListRequest<'w>, RequestError> {
        let url = match source {
            LookupSource::List(list) => return Ok(ListRequest::from_list(of, list)),
            LookupSource::Url(url) => url,
        };
        let mut base = self.target.base_url.clone();
        base.set_path(&format!("{}/", base.path().trim_end_matches('/')));
        match self.resolve_same_origin(&base, url) {
            Some(url) => {
                let (path, query) = (url.path().to_owned(), url.query_pairs().into_owned().collect());
                Ok(ListRequest {
                    path,
                    query,
                    body: None,
                    from_root: true,
                    ..ListRequest::from_collection(of)
                })
            }
            None => {
                let message = format!(
                    "{} names a list on another host, where its credentials do not go",
                    self.target.api.title
                );
                let hint = "write the id itself, and look why the service says so";
                Err(RequestError::from_diagnostic(Diagnostic::error("other-origin", message).with_hint(hint)))
            }
        }
    }
}

/// The member that holds a field in reads.
fn find_member<'k>(kind: &'k Kind, name: &'k str) -> &'k str {
    kind.shape.find_field(name).and_then(|field| field.read_from.first()).map_or(name, |member| member)
}

fn build_lookup_error(what: &str) -> RequestError {
    let message = format!("a list of things to refer to {what}");
    RequestError::from_diagnostic(
        Diagnostic::error("incomplete-list", message).with_hint("write the id itself"),
    )
}
