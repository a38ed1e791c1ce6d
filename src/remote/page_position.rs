//! Which page of a list: the first one, the one after another, and how a request names it.
//!
//! The styles of paging differ here and nowhere else: items to skip, numbers of pages, cursors, URLs. The sandbox
//! answers by the same rules.
//! Deliberately absent: whether there is another page, and whether a list is complete (`pager`).

use crate::kind::file::{PagingFile, PagingStyle};

/// Which page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PagePosition {
    /// The only one, or the first one of a list whose pages nothing but the service names.
    First,
    /// After this many items.
    Offset(u64),
    /// The page with this number.
    Number(u64),
    /// The page that the service calls so.
    Cursor(String),
    /// At a URL of the service.
    Url(String),
}

/// What is known when a page ends.
pub struct PageProgress<'p> {
    /// The items of all pages so far.
    pub items: u64,
    /// How many pages were read.
    pub pages: u64,
    /// What the page says of the next one: a URL or a cursor.
    pub next: Option<&'p str>,
}

impl PagePosition {
    /// The first page.
    pub fn find_first(paging: Option<&PagingFile>) -> Self {
        match paging.map(|paging| (paging.style, paging)) {
            Some((PagingStyle::Offset, _)) => Self::Offset(0),
            Some((PagingStyle::Page, paging)) => Self::Number(first_page_number(paging)),
            None | Some((PagingStyle::Cursor | PagingStyle::Link, _)) => Self::First,
        }
    }

    /// The page to which a page leads by itself.
    pub fn find_named(paging: &PagingFile, progress: &PageProgress<'_>) -> Option<Self> {
        let next = progress.next?.to_owned();
        Some(if paging.style == PagingStyle::Cursor { Self::Cursor(next) } else { Self::Url(next) })
    }

    /// The page that follows by counting; none where only the service can name it.
    pub fn find_counted(paging: &PagingFile, progress: &PageProgress<'_>) -> Option<Self> {
        match paging.style {
            PagingStyle::Offset => Some(Self::Offset(progress.items)),
            PagingStyle::Page => Some(Self::Number(first_page_number(paging) + progress.pages)),
            PagingStyle::Cursor | PagingStyle::Link => None,
        }
    }

    /// The query parameters that request it.
    pub fn build_query(&self, paging: &PagingFile, page_size: u32) -> Vec<(String, String)> {
        let own = match self {
            Self::Url(_) => return Vec::new(),
            Self::First => None,
            Self::Offset(items) => paging.offset.clone().zip(Some(items.to_string())),
            Self::Number(number) => paging.page.clone().zip(Some(number.to_string())),
            Self::Cursor(cursor) => paging.cursor.clone().zip(Some(cursor.clone())),
        };
        let size = paging.limit.clone().zip(Some(page_size.to_string()));
        size.into_iter().chain(own).collect()
    }
}

fn first_page_number(paging: &PagingFile) -> u64 {
    paging.first_page.unwrap_or(1)
}

/// The other pages, when the first one has `items` of `total`; none where they cannot be counted.
pub fn list_other_positions(
    paging: &PagingFile,
    items: u64,
    total: u64,
    max_pages: u32,
) -> Vec<PagePosition> {
    if items == 0 {
        return Vec::new();
    }
    let pages = total.div_ceil(items).min(max_pages.into());
    let position =
        |pages| PagePosition::find_counted(paging, &PageProgress { items: items * pages, pages, next: None });
    (1..pages).map_while(position).collect()
}

/// Whether nothing but an empty page tells that the pages of a list are over.
pub fn needs_empty_page(paging: &PagingFile) -> bool {
    let signs = [
        &paging.has_more,
        &paging.total,
        &paging.total_header,
        &paging.pages,
        &paging.next,
        &paging.next_header,
    ];
    signs.into_iter().all(Option::is_none)
}

/// The target of `rel="next"` in a `Link` header.
pub fn find_next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (url, parameters) = after.split_once('>')?;
        let end = find_link_end(parameters);
        let (own, others) = parameters.split_at(end);
        if own.split(';').any(is_next_relation) {
            return Some(url.trim());
        }
        rest = others;
    }
    None
}

/// Where the parameters of a link end: at a comma outside of quotes.
fn find_link_end(parameters: &str) -> usize {
    let mut is_quoted = false;
    let end = parameters.find(|c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    end.unwrap_or(parameters.len())
}

fn is_next_relation(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|own| own.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_of_a_header_is_found() {
        let found = find_next_link;
        assert_eq!(found("</a?page=2>; rel=\"next\", </a?page=9>; rel=\"last\""), Some("/a?page=2"));
        assert_eq!(found("</a>; title=\"x, y\"; rel=prev, <https://b/c>; REL='next next'"), None);
        assert_eq!(
            found("</a>; title=\"x, y\"; rel=\"prev\", <https://b/c>; REL=\"up next\""),
            Some("https://b/c")
        );
        for other in ["", "<", "</a>", "</a>; rel=prev", "next"] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    fn paging(text: &str) -> PagingFile {
        serde_yaml::from_str(text).expect("paging")
    }

    #[test]
    fn each_style_names_its_pages() {
        let numbered = paging("{ style: page, page: p, first_page: 0, limit: l, page_size: 5, total: t }");
        let first = PagePosition::find_first(Some(&numbered));
        assert_eq!(first.build_query(&numbered, 5), [("l".into(), "5".into()), ("p".into(), "0".into())]);
        let others = list_other_positions(&numbered, 4, 9, 100);
        assert_eq!(others, [PagePosition::Number(1), PagePosition::Number(2)]);
        let counted = paging("{ offset: o, limit: l, page_size: 5, total: t }");
        assert_eq!(list_other_positions(&counted, 4, 9, 2), [PagePosition::Offset(4)]);
        let named = paging("{ style: cursor, cursor: c, next: n }");
        let progress = PageProgress { items: 5, pages: 1, next: Some("x&y") };
        let next = PagePosition::find_named(&named, &progress).expect("a cursor");
        assert_eq!(next.build_query(&named, 0), [("c".into(), "x&y".into())]);
        assert_eq!(PagePosition::find_counted(&named, &progress), None);
        assert_eq!(list_other_positions(&named, 4, 9, 100), []);
    }
}
