//! Pages of a list: what to ask for next, when to stop, and whether everything was seen.
//!
//! A list is complete only when the service's own signs say so and no item came twice. Every sign counts: next
//! links in the body or a header, `has_more`, totals, the size of a page, and members that the kind does not
//! describe but that usually mean that there is more.
//! Deliberately absent: requests, wire formats, and what follows from an incomplete list.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::page_position::{PagePosition, PageProgress, needs_empty_page};
use crate::kind::file::{ListFile, PagingFile, PagingStyle};

pub use super::list_completeness::{IncompleteReason, ListCompleteness, TotalMismatch};

/// Words in the names of query parameters that limit a list.
const LIMIT_WORDS: [&str; 12] = [
    "limit", "take", "top", "size", "perpage", "per_page", "max", "count", "pagelen", "rows", "first",
    "length",
];

/// The most empty pages in turn that name themselves as the next one.
const MAX_IDLE_PAGES: u32 = 3;

/// What a page says about further pages.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct PageSigns {
    pub has_more: Option<bool>,
    /// Some services count only when asked to, and say 0 otherwise.
    pub total: Option<u64>,
    /// The number of all pages.
    pub pages: Option<u64>,
    /// The URL of the next page, or its cursor, as sent.
    pub next: Option<String>,
    /// Whether the page has the member that names the next one, be it null.
    pub has_next_member: bool,
    /// What the kind does not describe.
    pub undescribed: UndescribedSigns,
}

/// Signs of further pages that the kind does not describe.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct UndescribedSigns {
    /// The name of a member or header that leads to the next page.
    pub next: Option<Box<str>>,
    /// The name of a member with a cursor, which the last page may have too.
    pub cursor: Option<Box<str>>,
    /// A member says that this page is the last.
    pub ends: bool,
    /// A number of all items.
    pub total: Option<UndescribedCount>,
    /// A number of all pages.
    pub pages: Option<UndescribedCount>,
}

/// A number, and the member in which it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UndescribedCount {
    pub name: Box<str>,
    pub number: u64,
}

/// Reads the pages of one list, one after the other.
pub struct Pager<'p> {
    list: &'p ListFile,
    max_pages: u32,
    pages: u32,
    /// The items of all pages, without those of repeated pages.
    items: u64,
    page_items: u64,
    /// The items of this page that no page before had.
    page_new_items: u64,
    repeated_items: u64,
    hasher: RandomState,
    ids: HashSet<u64>,
    without_id: u64,
    total: Option<u64>,
    /// What the last page says, and how many items it has.
    last: PageSigns,
    last_items: u64,
    /// The cursor after the last item, where it comes from there.
    item_cursor: Option<String>,
    /// The page that was read last.
    position: PagePosition,
    /// How many empty pages named themselves as the next one.
    idle_pages: u32,
    /// Whether a page had the member that names the next one.
    has_next_member: bool,
    fault: Option<IncompleteReason>,
}

impl<'p> Pager<'p> {
    pub fn new(list: &'p ListFile, max_pages: u32) -> Self {
        Self {
            list,
            max_pages,
            pages: 0,
            items: 0,
            page_items: 0,
            page_new_items: 0,
            repeated_items: 0,
            hasher: RandomState::new(),
            ids: HashSet::new(),
            without_id: 0,
            total: None,
            last: PageSigns::default(),
            last_items: 0,
            item_cursor: None,
            position: PagePosition::find_first(list.paging.as_ref()),
            idle_pages: 0,
            has_next_member: false,
            fault: None,
        }
    }

    /// The first page.
    pub fn first_position(&self) -> PagePosition {
        PagePosition::find_first(self.list.paging.as_ref())
    }

    /// How many pages were read.
    pub fn count_pages(&self) -> u32 {
        self.pages
    }

    /// Counts an item of the page that is being read.
    pub fn take_item(&mut self, id: Option<&str>) {
        self.page_items += 1;
        let is_new = match id {
            Some(id) => self.ids.insert(self.hasher.hash_one(id)),
            None => {
                self.without_id += 1;
                true
            }
        };
        self.page_new_items += u64::from(is_new);
    }

    /// The field of an item that holds the cursor of the page after it.
    pub fn cursor_field(&self) -> Option<&'p str> {
        self.list.paging.as_ref()?.cursor_from_item.as_deref()
    }

    /// The cursor of the page after the item that was counted last.
    pub fn take_item_cursor(&mut self, cursor: String) {
        self.item_cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    }

    /// Ends a page; gives the next one to read. Nothing when the list is over or cannot be followed.
    pub fn finish_page(&mut self, signs: PageSigns) -> Option<PagePosition> {
        let (items, new_items) =
            (std::mem::take(&mut self.page_items), std::mem::take(&mut self.page_new_items));
        self.pages += 1;
        self.record_total(signs.total);
        let is_repeated = items > 0 && new_items == 0;
        if is_repeated {
            self.fault.get_or_insert(IncompleteReason::RepeatedPage);
        } else {
            self.items += items;
            self.repeated_items += items - new_items;
        }
        self.has_next_member |= signs.has_next_member;
        self.last = signs;
        self.last_items = items;
        let next = if is_repeated { None } else { self.find_next() };
        let is_idle = next.as_ref() == Some(&self.position) && items == 0;
        self.idle_pages = if is_idle { self.idle_pages + 1 } else { 0 };
        if self.idle_pages > MAX_IDLE_PAGES {
            self.fault.get_or_insert(IncompleteReason::EmptyPage);
            return None;
        }
        if let Some(next) = &next {
            self.position = next.clone();
        }
        if next.is_some() && self.pages >= self.max_pages {
            self.fault.get_or_insert(IncompleteReason::TooManyPages(self.max_pages));
            return None;
        }
        next
    }

    /// The next page is on another host, where the credentials do not go: items are skipped by number instead.
    pub fn refuse_url(&mut self) -> Option<PagePosition> {
        let paging = self.list.paging.as_ref().filter(|_| self.last_items > 0);
        let counted = paging.and_then(|paging| PagePosition::find_counted(paging, &self.measure_progress()));
        if counted.is_none() {
            self.fault.get_or_insert(IncompleteReason::OtherOrigin);
        }
        counted
    }

    /// Zero is what services say that do not count.
    fn record_total(&mut self, total: Option<u64>) {
        let Some(after) = total.filter(|total| *total > 0) else { return };
        match self.total.replace(after) {
            Some(before) if before != after => {
                self.fault.get_or_insert(IncompleteReason::TotalMoved { before, after });
            }
            _ => {}
        }
    }

    fn measure_progress(&self) -> PageProgress<'_> {
        let from_item = self.item_cursor.as_deref().filter(|_| self.cursor_field().is_some());
        PageProgress {
            items: self.items,
            pages: self.pages.into(),
            next: self.last.next.as_deref().or(from_item),
        }
    }

    fn find_next(&self) -> Option<PagePosition> {
        let paging = self.list.paging.as_ref()?;
        let progress = self.measure_progress();
        if paging.names_next_page() && progress.next.is_some() {
            // some services give a cursor with the last page too
            let is_last = paging.style == PagingStyle::Cursor && self.last.has_more == Some(false);
            return PagePosition::find_named(paging, &progress).filter(|_| !is_last);
        }
        let more = self.last_items > 0 && self.expects_more(paging);
        let next =
            || PagePosition::find_named(paging, &progress).or(PagePosition::find_counted(paging, &progress));
        more.then(next).flatten()
    }

    /// Whether the signs of the last page, which was not empty, lead to another one.
    fn expects_more(&self, paging: &PagingFile) -> bool {
        let more_pages = self.last.pages.is_some_and(|pages| pages > self.pages.into());
        if self.last.has_more == Some(true)
            || more_pages
            || self.total.is_some_and(|total| total > self.items)
        {
            return true;
        }
        let counts = self.total.is_some() || self.last.pages.is_some();
        // a page that never names the next one, where the next one can be counted, says nothing
        let names_next = paging.names_next_page()
            && (self.has_next_member
                || paging.next.is_none()
                || PagePosition::find_counted(paging, &self.measure_progress()).is_none());
        let ends = self.last.has_more == Some(false) || names_next || counts;
        // a short page may be all that the service gives at once, so without a sign only an empty page ends the list
        !ends
    }

    /// Whether everything was seen.
    pub fn check_completeness(&self) -> ListCompleteness {
        let reason = self.fault.clone().or_else(|| self.find_contradiction());
        reason.map_or(ListCompleteness::Complete, ListCompleteness::Incomplete)
    }

    /// Whether a first page with so many items is the only one: of a filtered list, a short page is.
    pub fn is_whole_page(&self, items: u64) -> bool {
        let is_short = self.list.paging.as_ref().is_none_or(|paging| match paging.page_size {
            Some(size) => items < u64::from(size),
            None => !needs_empty_page(paging),
        });
        let no_more = self.last.next.is_none() && self.last.has_more != Some(true);
        is_short && no_more && self.check_completeness().is_complete()
    }

    fn find_contradiction(&self) -> Option<IncompleteReason> {
        if self.repeated_items > 0 {
            return Some(IncompleteReason::RepeatedItems(self.repeated_items));
        }
        let listed = self.ids.len() as u64 + self.without_id;
        if let Some(total) = self.total.filter(|total| *total != listed) {
            return Some(IncompleteReason::TotalMismatch(TotalMismatch { total, listed }));
        }
        let more = |paging| self.last_items > 0 && self.expects_more(paging);
        if self.list.paging.as_ref().is_some_and(more) && self.find_next().is_none() {
            return Some(IncompleteReason::NoNextPage);
        }
        let is_early_end = self.last_items == 0 && self.pages > 1;
        let read_pages = u64::from(self.pages) - u64::from(is_early_end);
        if self.without_id > 0 && read_pages > 1 {
            return Some(IncompleteReason::ItemsWithoutId(self.without_id));
        }
        let more_pages = self.last.pages.is_some_and(|pages| pages > read_pages);
        if self.last.has_more == Some(true) || more_pages {
            return Some(IncompleteReason::EmptyPage);
        }
        let UndescribedSigns { next, cursor, ends, total, pages } = &self.last.undescribed;
        let next = next.as_ref().or(cursor.as_ref().filter(|_| !ends));
        let total = total.as_ref().filter(|total| total.number > listed).map(|total| &total.name);
        let pages = pages.as_ref().filter(|pages| pages.number > self.pages.into()).map(|pages| &pages.name);
        if let Some(name) = next.or(total).or(pages) {
            return Some(IncompleteReason::UndescribedSign(name.clone()));
        }
        (self.list.paging.is_none() && is_fixed_limit(self.list, listed))
            .then_some(IncompleteReason::FullPage(listed))
    }
}

/// Whether the fixed query of a list limits it to this many items.
fn is_fixed_limit(list: &ListFile, items: u64) -> bool {
    let limits = |name: &str| LIMIT_WORDS.iter().any(|word| name.to_ascii_lowercase().contains(word));
    list.query.iter().any(|(name, value)| items > 0 && limits(name) && value.parse() == Ok(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(paging: &str) -> ListFile {
        let text = format!("get: /things\nitems: rows\npaging: {paging}\n");
        serde_yaml::from_str(&text).expect("a list")
    }

    fn signs(has_more: Option<bool>, total: Option<u64>, next: Option<&str>) -> PageSigns {
        let next = next.map(str::to_owned);
        PageSigns { has_more, total, next, has_next_member: true, ..PageSigns::default() }
    }

    /// Reads pages of ids as the pager asks for them; gives how many were read and what is missing.
    fn read(list: &ListFile, pages: &[(&[&str], PageSigns)]) -> (u32, Option<IncompleteReason>) {
        let (mut pager, mut count) = (Pager::new(list, 9), 0);
        for (ids, signs) in pages {
            ids.iter().for_each(|id| pager.take_item(Some(id)));
            count += 1;
            if pager.finish_page(signs.clone()).is_none() {
                break;
            }
        }
        (count, pager.check_completeness().reason().cloned())
    }

    const SILENT: &str = "{ offset: o, limit: l, page_size: 2 }";
    const COUNTED: &str = "{ offset: o, limit: l, page_size: 2, total: t }";
    const LINKED: &str = "{ offset: o, limit: l, page_size: 2, next: n }";
    const FLAGGED: &str = "{ offset: o, limit: l, page_size: 2, has_more: m, total: t }";

    #[test]
    fn without_a_sign_an_empty_page_ends_a_list() {
        let list = list(SILENT);
        let silent = || signs(None, None, None);
        assert_eq!(read(&list, &[(&["a"], silent()), (&[], silent())]), (2, None));
        let capped = [(&["a"][..], silent()), (&["b"], silent()), (&[], silent())];
        assert_eq!(read(&list, &capped), (3, None), "a service that caps its pages");
        let again = [(&["a", "b"][..], silent()), (&["b", "a"], silent())];
        assert_eq!(read(&list, &again), (2, Some(IncompleteReason::RepeatedPage)));
    }

    #[test]
    fn a_total_has_to_be_reached_by_different_items() {
        let list = list(COUNTED);
        let of = |total| signs(None, Some(total), None);
        assert_eq!(read(&list, &[(&["a", "b"], of(3)), (&["c"], of(3))]), (2, None));
        let mismatch = |total, listed| Some(IncompleteReason::TotalMismatch(TotalMismatch { total, listed }));
        assert_eq!(read(&list, &[(&["a", "b"], of(3)), (&[], of(0))]), (2, mismatch(3, 2)));
        assert_eq!(read(&list, &[(&["a", "b"], of(1))]), (1, mismatch(1, 2)));
        let shuffled = [(&["a", "b"][..], of(4)), (&["b", "c"], of(4))];
        assert_eq!(read(&list, &shuffled), (2, Some(IncompleteReason::RepeatedItems(1))));
        let moved = [(&["a", "b"][..], of(4)), (&["c"], of(3))];
        assert_eq!(read(&list, &moved), (2, Some(IncompleteReason::TotalMoved { before: 4, after: 3 })));
    }

    #[test]
    fn a_link_is_followed_and_an_empty_one_ends_the_list() {
        let list = list(LINKED);
        let (next, last) = (signs(None, None, Some("/things?after=b")), signs(None, None, None));
        assert_eq!(
            read(&list, &[(&["a", "b"], next.clone()), (&[], next.clone()), (&["c"], last.clone())]),
            (3, None)
        );
        let mut pager = Pager::new(&list, 9);
        pager.take_item(Some("a"));
        assert_eq!(pager.finish_page(next), Some(PagePosition::Url("/things?after=b".into())));
        assert_eq!(pager.refuse_url(), Some(PagePosition::Offset(1)), "the host is another one");
        assert_eq!(pager.finish_page(last), None);
    }

    #[test]
    fn a_page_without_the_cursor_that_leads_on_is_incomplete() {
        for (signs_of_more, has_more) in [("", None), (", has_more: m", Some(true)), (", pages: p", None)] {
            let list = list(&format!("{{ style: cursor, cursor: c, cursor_from_item: seq{signs_of_more} }}"));
            let mut pager = Pager::new(&list, 9);
            pager.take_item(Some("a"));
            pager.take_item_cursor("7".to_owned());
            let more = || PageSigns { pages: Some(9), ..signs(has_more, None, None) };
            assert_eq!(pager.finish_page(more()), Some(PagePosition::Cursor("7".to_owned())));
            pager.take_item(Some("b"));
            pager.take_item_cursor(String::new());
            assert_eq!(pager.finish_page(more()), None);
            let reason = ListCompleteness::Incomplete(IncompleteReason::NoNextPage);
            assert_eq!(pager.check_completeness(), reason, "{signs_of_more}");
        }
    }

    #[test]
    fn a_next_page_that_is_never_named_is_counted_where_it_can_be() {
        let list = list(LINKED);
        let silent = || PageSigns::default();
        let pages = [(&["a", "b"][..], silent()), (&["c"], silent()), (&[], silent())];
        assert_eq!(read(&list, &pages), (3, None));
        assert_eq!(read(&list, &[(&["a", "b"], signs(None, None, None))]), (1, None));
    }

    #[test]
    fn an_empty_page_among_the_promised_ones_is_incomplete() {
        let list = list("{ style: page, page: p, limit: l, page_size: 2, pages: q }");
        let of = |pages| PageSigns { pages: Some(pages), ..PageSigns::default() };
        let short = [(&["a", "b"][..], of(3)), (&["c", "d"], of(3)), (&[], of(3))];
        assert_eq!(read(&list, &short), (3, Some(IncompleteReason::EmptyPage)));
        assert_eq!(read(&list, &[(&[], of(1))]), (1, None), "an empty list");
    }

    #[test]
    fn items_without_an_id_on_several_pages_are_incomplete() {
        let list = list(SILENT);
        let reason = ListCompleteness::Incomplete(IncompleteReason::ItemsWithoutId(2));
        // the empty page at the end is no page of items
        for (pages, expected) in [(2, reason), (1, ListCompleteness::Complete)] {
            let mut pager = Pager::new(&list, 9);
            for _ in 0..pages {
                pager.take_item(None);
                assert!(pager.finish_page(signs(None, None, None)).is_some());
            }
            pager.finish_page(signs(None, None, None));
            assert_eq!(pager.check_completeness(), expected);
        }
    }

    #[test]
    fn contradictions_are_incomplete() {
        let list = list(FLAGGED);
        let promised = [(&["a"][..], signs(Some(true), None, None)), (&[], signs(Some(true), None, None))];
        assert_eq!(read(&list, &promised), (2, Some(IncompleteReason::EmptyPage)));
        let short =
            [(&["a"][..], signs(Some(false), Some(5), None)), (&[], signs(Some(false), Some(5), None))];
        let mismatch = IncompleteReason::TotalMismatch(TotalMismatch { total: 5, listed: 1 });
        assert_eq!(read(&list, &short), (2, Some(mismatch)));
        let ids: Vec<String> = (0..9).map(|id| id.to_string()).collect();
        let endless: Vec<_> =
            ids.iter().map(|id| (vec![id.as_str()], signs(Some(true), None, None))).collect();
        let endless: Vec<_> = endless.iter().map(|(ids, signs)| (&ids[..], signs.clone())).collect();
        assert_eq!(read(&list, &endless), (9, Some(IncompleteReason::TooManyPages(9))));
    }

    #[test]
    fn signs_that_no_kind_describes_count() {
        let whole = ListFile { paging: None, ..list(SILENT) };
        let count = |number| Some(UndescribedCount { name: "count".into(), number });
        let say = |undescribed| PageSigns { undescribed, ..PageSigns::default() };
        let counted = |number| say(UndescribedSigns { total: count(number), ..UndescribedSigns::default() });
        assert_eq!(read(&whole, &[(&["a", "b"], counted(2))]), (1, None));
        let more = Some(IncompleteReason::UndescribedSign("count".into()));
        assert_eq!(read(&whole, &[(&["a", "b"], counted(3))]), (1, more.clone()));
        let pages = say(UndescribedSigns { pages: count(2), ..UndescribedSigns::default() });
        assert_eq!(read(&whole, &[(&["a", "b"], pages)]), (1, more));
        let limited = ListFile { query: [("pageLimit".to_owned(), "2".to_owned())].into(), ..whole };
        assert_eq!(
            read(&limited, &[(&["a", "b"], say(UndescribedSigns::default()))]),
            (1, Some(IncompleteReason::FullPage(2)))
        );
        assert_eq!(read(&limited, &[(&["a"], say(UndescribedSigns::default()))]), (1, None));
    }
}
