//! Paging: each style has its own words, and every list must come to an end.
//!
//! Deliberately absent: requests themselves, and what a response says (`remote::pager`).

use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{PagingFile, PagingStyle, TypeName};

impl KindChecker<'_> {
    /// `items` is the context whose fields the items of the list have; none where no kind describes them.
    pub(super) fn check_paging(
        &mut self,
        items: Option<&CheckContext>,
        yaml_path: YamlPath,
        paging: &PagingFile,
    ) {
        if paging.page_size == Some(0) {
            self.report_error(
                yaml_path.select_key("page_size"),
                "wrong-number",
                "a page holds at least 1 item",
            );
        }
        self.check_paging_texts(yaml_path, paging);
        self.check_paging_style(yaml_path, paging);
        if paging.limit.is_some() != paging.page_size.is_some() {
            let message = "`limit` and `page_size` need each other";
            let hint = "`limit` is the parameter, `page_size` its value";
            self.report_error_with_hint(yaml_path, "missing-word", message, hint);
        }
        let requested = [&paging.offset, &paging.page, &paging.cursor];
        if paging.limit.is_some() && requested.into_iter().any(|name| *name == paging.limit) {
            let message = "`limit` and the parameter that names the page are two parameters, not one";
            self.report_error(yaml_path.select_key("limit"), "duplicate-name", message);
        }
        if let Some(name) = &paging.cursor_from_item {
            self.check_item_cursor(items, yaml_path.select_key("cursor_from_item"), name);
        }
    }

    fn check_paging_texts(&mut self, yaml_path: YamlPath, paging: &PagingFile) {
        for (word, text) in list_words(paging) {
            if let Some(text) = text {
                self.require_text(yaml_path, word, text);
            }
        }
    }

    fn check_paging_style(&mut self, yaml_path: YamlPath, paging: &PagingFile) {
        let style = paging.style;
        let own = |other| style == other;
        let by_url = matches!(style, PagingStyle::Offset | PagingStyle::Link);
        let by_cursor = own(PagingStyle::Cursor);
        let (has_next, from_item) = (paging.names_next_page(), paging.cursor_from_item.is_some());
        let rules = [
            (
                !own(PagingStyle::Offset) && paging.offset.is_some(),
                "offset",
                "`offset` needs `style: offset`",
            ),
            (!own(PagingStyle::Page) && paging.page.is_some(), "page", "`page` needs `style: page`"),
            (
                !own(PagingStyle::Page) && paging.first_page.is_some(),
                "first_page",
                "`first_page` needs `style: page`",
            ),
            (!by_cursor && paging.cursor.is_some(), "cursor", "`cursor` needs `style: cursor`"),
            (!by_cursor && from_item, "cursor_from_item", "`cursor_from_item` needs `style: cursor`"),
            (
                from_item && has_next,
                "cursor_from_item",
                "the cursor comes from the last item or from the response, not from both",
            ),
            (
                !by_url && !by_cursor && has_next,
                if paging.next.is_some() { "next" } else { "next_header" },
                "with `style: page` the number of the next page follows from that of the last; where the response says it, use `style: cursor`",
            ),
            (
                paging.next.is_some() && paging.next_header.is_some(),
                "next_header",
                "`next` and `next_header` exclude each other",
            ),
            (
                paging.total.is_some() && paging.total_header.is_some(),
                "total_header",
                "`total` and `total_header` exclude each other",
            ),
        ];
        self.report_contradictions(yaml_path, &rules);
        let missing = match style {
            PagingStyle::Offset => paging.offset.is_none().then_some("`style: offset` needs `offset`"),
            PagingStyle::Page => paging.page.is_none().then_some("`style: page` needs `page`"),
            PagingStyle::Cursor if paging.cursor.is_none() => Some("`style: cursor` needs `cursor`"),
            PagingStyle::Cursor => (!has_next && !from_item)
                .then_some("`style: cursor` needs `next`, `next_header` or `cursor_from_item`"),
            PagingStyle::Link => (!has_next).then_some("`style: link` needs `next` or `next_header`"),
        };
        if let Some(message) = missing {
            self.report_error(yaml_path, "missing-word", message);
        }
    }

    fn check_item_cursor(&mut self, items: Option<&CheckContext>, yaml_path: YamlPath, name: &str) {
        let Some(context) = items else {
            let message = "no kind describes these items, so the cursor cannot come from one of them";
            self.report_error(yaml_path, "word-does-not-fit", message);
            return;
        };
        let Some((_, field)) = self.find_root_field(context, yaml_path, name) else { return };
        let fits = [TypeName::String, TypeName::Integer, TypeName::Uuid, TypeName::DateTime];
        if !fits.contains(&field.ty) || field.write_only {
            let message = format!("`{name}` is not a string, integer, uuid or datetime that reads return");
            self.report_error(yaml_path, "word-does-not-fit", message);
        }
    }
}

/// The words that name a parameter, a member or a header.
fn list_words(paging: &PagingFile) -> [(&'static str, Option<&str>); 11] {
    [
        ("offset", paging.offset.as_deref()),
        ("page", paging.page.as_deref()),
        ("cursor", paging.cursor.as_deref()),
        ("cursor_from_item", paging.cursor_from_item.as_deref()),
        ("limit", paging.limit.as_deref()),
        ("has_more", paging.has_more.as_deref()),
        ("total", paging.total.as_deref()),
        ("total_header", paging.total_header.as_deref()),
        ("pages", paging.pages.as_deref()),
        ("next", paging.next.as_deref()),
        ("next_header", paging.next_header.as_deref()),
    ]
}
