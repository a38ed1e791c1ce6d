//! A trial of how a list is read in pages: does the service turn them as the kind says, and do its signs agree?
//!
//! A list that fits one page is read again in halves, so that a page is turned even where there are few objects.
//! Deliberately absent: the objects themselves, and lists beyond some pages.

use std::collections::HashSet;

use super::list::{ListRequest, count_object};
use super::{CollectionRef, RequestError, TargetClient};
use crate::exchange::HttpResponse;
use crate::kind::ScalarType;
use crate::remote::page_position::PagePosition;
use crate::remote::pager::{IncompleteReason, Pager, TotalMismatch};

/// The most pages that a trial reads.
const MAX_TRIAL_PAGES: u32 = 20;

/// What a reading in pages shows.
pub struct PagingTrial {
    /// The pages that hold objects.
    pub pages: u32,
    pub objects: u64,
    /// Whether the end of the list was reached.
    pub is_finished: bool,
    /// Why the list is not complete.
    pub reason: Option<IncompleteReason>,
    /// Whether smaller pages were requested and did not come.
    pub ignores_page_size: bool,
    /// Whether a page before the first one holds other objects.
    pub starts_earlier: bool,
    ids: HashSet<String>,
}

impl TargetClient {
    /// Reads a collection in pages.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn try_paging(&self, of: CollectionRef<'_>) -> Result<PagingTrial, RequestError> {
        let request = ListRequest::from_collection(of);
        let mut whole = self.read_trial(of, &request, None).await?;
        whole.starts_earlier = self.find_earlier_page(of, &request, &whole.ids).await;
        let has_limit = request.list.paging.as_ref().is_some_and(|paging| paging.limit.is_some());
        let is_single = whole.is_finished && whole.reason.is_none() && whole.pages == 1;
        if !has_limit || !is_single || whole.objects < 2 {
            return Ok(whole);
        }
        let page_size = u32::try_from(whole.objects.div_ceil(2)).unwrap_or(u32::MAX);
        let halves = self.read_trial(of, &ListRequest { page_size, ..request }, None).await?;
        let mismatch = TotalMismatch { total: whole.objects, listed: halves.objects };
        let differs = (whole.objects != halves.objects).then_some(IncompleteReason::TotalMismatch(mismatch));
        Ok(PagingTrial {
            ignores_page_size: halves.pages == 1,
            starts_earlier: whole.starts_earlier,
            reason: halves.reason.clone().or(differs),
            ..halves
        })
    }

    /// Whether the page before the first one holds other objects: then the pages are counted from a lower number.
    async fn find_earlier_page(
        &self,
        of: CollectionRef<'_>,
        request: &ListRequest<'_>,
        ids: &HashSet<String>,
    ) -> bool {
        let first = PagePosition::find_first(request.list.paging.as_ref());
        let PagePosition::Number(number) = first else { return false };
        let Some(before) = number.checked_sub(1) else { return false };
        // a service that has no such page may refuse it
        let earlier = self.read_trial(of, request, Some(PagePosition::Number(before))).await;
        earlier.is_ok_and(|earlier| !earlier.ids.is_empty() && earlier.ids.is_disjoint(ids))
    }

    /// Reads the pages, or one of them.
    async fn read_trial(
        &self,
        of: CollectionRef<'_>,
        request: &ListRequest<'_>,
        only: Option<PagePosition>,
    ) -> Result<PagingTrial, RequestError> {
        let mut pager = Pager::new(request.list, MAX_TRIAL_PAGES);
        let is_single = only.is_some();
        let first = only.unwrap_or_else(|| pager.first_position());
        let (mut pages, mut objects, mut ids) = (0, 0, HashSet::new());
        let mut read = |pager: &mut Pager, response: &HttpResponse| {
            let before = objects;
            let signs = self.read_response(of, response, &mut |live| {
                objects += 1;
                let id = live.object.get_field(of.kind.identity.id);
                ids.extend(id.map(|id| ScalarType::render_url_text(id, &of.kind.api)));
                count_object(pager, of.kind, &live);
            })?;
            pages += u32::from(objects > before);
            Ok((!is_single).then_some(signs))
        };
        self.read_pages(request, &mut pager, Some(first), &mut read).await?;
        let reason = pager.check_completeness().reason().cloned();
        let is_finished = !matches!(reason, Some(IncompleteReason::TooManyPages(_)));
        let reason = reason.filter(|_| is_finished);
        let (ignores_page_size, starts_earlier) = (false, false);
        Ok(PagingTrial { pages, objects, is_finished, reason, ignores_page_size, starts_earlier, ids })
    }
}
