//! What surrounds the items of a page: signs of further pages, described by the kind or not.
//!
//! Members that no kind describes count where their names usually mean that there is more. They are looked for
//! beside the items and one level below.
//! Deliberately absent: what the signs mean for the reading (`pager`).

use super::page::{build_error, read_scalar_text};
use super::{KeySyntax, TokenKind, WireLexer, WireReadResult};
use crate::kind::file::ListFile;
use crate::remote::page_position::find_next_link;
use crate::remote::pager::{PageSigns, UndescribedCount, UndescribedSigns};

/// Names of headers whose words are those of members, without their prefix.
const HEADER_PREFIX: &str = "x-";
/// Names of members that lead to the next page, in lower case, letters and digits only.
const NEXT_NAMES: [&str; 14] = [
    "next",
    "nextpage",
    "nextcursor",
    "nexturl",
    "nextlink",
    "nexttoken",
    "nextpagetoken",
    "nextpageurl",
    "nextpagelink",
    "nextoffset",
    "nextmarker",
    "odatanextlink",
    "continuationtoken",
    "nextrecordsurl",
];
/// Names of members that are true where there is more.
const HAS_MORE_NAMES: [&str; 6] =
    ["hasmore", "hasnext", "hasnextpage", "hasmoreitems", "hasmoreresults", "moreavailable"];
/// Names of members with the number of all items.
const TOTAL_NAMES: [&str; 13] = [
    "total",
    "count",
    "totalcount",
    "totalitems",
    "totalresults",
    "totalrecords",
    "totalelements",
    "totalsize",
    "totalhits",
    "totalrows",
    "recordstotal",
    "odatacount",
    "itemcount",
];
/// Names of members with the number of all pages.
const PAGES_NAMES: [&str; 4] = ["totalpages", "pagecount", "lastpage", "pagestotal"];

/// Reads the described member that says whether there is more.
pub(super) fn read_has_more<'b, L: WireLexer<'b>>(
    signs: &mut PageSigns,
    lexer: &mut L,
) -> WireReadResult<()> {
    signs.has_more = match read_scalar_text(lexer)?.as_deref() {
        None | Some("") => None,
        Some("true" | "True" | "1") => Some(true),
        Some("false" | "False" | "0") => Some(false),
        Some(_) => {
            return Err(build_error("the answer does not say clearly whether there are more pages"));
        }
    };
    Ok(())
}

/// Adds what headers say, those that the list describes and those whose names usually mean something.
pub fn add_header_signs(list: &ListFile, signs: &mut PageSigns, headers: &[(String, String)]) {
    let paging = list.paging.as_ref();
    let next_header = paging.and_then(|paging| paging.next_header.as_deref());
    let total_header = paging.and_then(|paging| paging.total_header.as_deref());
    let is_header = |described: Option<&str>, name: &str| {
        described.is_some_and(|described| described.eq_ignore_ascii_case(name))
    };
    for (name, value) in headers {
        let is_link = name.eq_ignore_ascii_case("link");
        let target = if is_link { find_next_link(value) } else { Some(value.trim()) };
        if is_header(next_header, name) {
            signs.next = target.filter(|target| !target.is_empty()).map(str::to_owned).or(signs.next.take());
        } else if is_header(total_header, name) {
            signs.total = value.trim().parse().ok();
        } else if is_link && target.is_some() {
            signs.undescribed.next.get_or_insert_with(|| "Link: rel=\"next\"".into());
        } else if !is_link {
            record_sign(
                &mut signs.undescribed,
                name.strip_prefix(HEADER_PREFIX).unwrap_or(name),
                value.trim(),
            );
        }
    }
}

/// Reads the described member with the number of all pages.
pub(super) fn read_pages<'b, L: WireLexer<'b>>(signs: &mut PageSigns, lexer: &mut L) -> WireReadResult<()> {
    let pages = read_scalar_text(lexer)?.filter(|text| !text.is_empty()).map(|text| text.parse::<u64>());
    match pages.transpose() {
        Ok(pages) => signs.pages = pages,
        Err(_) => return Err(build_error("the answer does not say clearly how many pages there are")),
    }
    Ok(())
}

/// Reads the described member with the number of all items.
pub(super) fn read_total<'b, L: WireLexer<'b>>(signs: &mut PageSigns, lexer: &mut L) -> WireReadResult<()> {
    let text = read_scalar_text(lexer)?;
    let number = text.filter(|text| !text.is_empty()).map(|text| text.parse::<i64>());
    match number.transpose() {
        // some services say -1 where they did not count
        Ok(number) => signs.total = number.and_then(|number| u64::try_from(number).ok()),
        Err(_) => return Err(build_error("the answer does not say clearly how many items there are")),
    }
    Ok(())
}

/// Reads the described member that leads to the next page.
pub(super) fn read_next<'b, L: WireLexer<'b>>(signs: &mut PageSigns, lexer: &mut L) -> WireReadResult<()> {
    signs.next = read_scalar_text(lexer)?.filter(|text| !text.is_empty()).map(String::from);
    Ok(())
}

/// Reads a member that the kind does not describe. What is not understood says nothing.
pub(super) fn read_undescribed<'b, L: WireLexer<'b>>(
    signs: &mut UndescribedSigns,
    name: &str,
    lexer: &mut L,
) -> WireReadResult<()> {
    let mut inner = *lexer;
    lexer.skip_value()?;
    if inner.peek_token()? == TokenKind::Object && !is_any_name(name, &NEXT_NAMES) {
        let _ = inner.read_members(KeySyntax::AnyText, |name, lexer| {
            let mut value = *lexer;
            lexer.skip_value()?;
            let _ = read_sign(signs, name, &mut value);
            Ok(())
        });
        return Ok(());
    }
    let _ = read_sign(signs, name, &mut inner);
    Ok(())
}

fn read_sign<'b, L: WireLexer<'b>>(
    signs: &mut UndescribedSigns,
    name: &str,
    lexer: &mut L,
) -> WireReadResult<()> {
    let is_next = is_any_name(name, &NEXT_NAMES);
    match lexer.peek_token()? {
        TokenKind::Scalar => read_scalar_sign(signs, name, lexer),
        // a link as an object; an empty one leads nowhere
        TokenKind::Object if is_next => lexer.read_members(KeySyntax::AnyText, |_, lexer| {
            signs.next = Some(name.into());
            lexer.skip_value().map(drop)
        }),
        _ => Ok(()),
    }
}

fn read_scalar_sign<'b, L: WireLexer<'b>>(
    signs: &mut UndescribedSigns,
    name: &str,
    lexer: &mut L,
) -> WireReadResult<()> {
    record_sign(signs, name, &read_scalar_text(lexer)?.unwrap_or_default());
    Ok(())
}

/// Records a member that the kind does not describe, where its name usually means something.
pub(super) fn record_sign(signs: &mut UndescribedSigns, name: &str, text: &str) {
    let leads_on = !matches!(&*text.to_ascii_lowercase(), "" | "0" | "false" | "null");
    let count = || text.parse().ok().map(|number| UndescribedCount { name: name.into(), number });
    if leads_on && (is_any_name(name, &NEXT_NAMES) || is_any_name(name, &HAS_MORE_NAMES)) {
        signs.next = Some(name.into());
    } else if is_any_name(name, &TOTAL_NAMES) {
        signs.total = count().or(signs.total.take());
    } else if is_any_name(name, &PAGES_NAMES) {
        signs.pages = count().or(signs.pages.take());
    }
}

/// Whether a name is one of these, whatever its case and separators.
fn is_any_name(name: &str, names: &[&str]) -> bool {
    if name.len() > 40 {
        return false;
    }
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    names.contains(&&*plain)
}
