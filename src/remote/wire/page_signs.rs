//! What surrounds the items of a page: signs of further pages, described by the kind or not.
//!
//! Members that no kind describes count where their names usually mean that there is more. They are looked for
//! beside the items, one level below, and deeper in members whose names are about paging.
//! Deliberately absent: what the signs mean for the reading (`pager`).

use super::lexer::{KeySyntax, TokenKind, WireLexer, WireReadResult, build_error, read_scalar_text};
use crate::kind::file::ListFile;
use crate::remote::page_position::find_next_link;
use crate::remote::pager::{PageSigns, UndescribedCount, UndescribedSigns};

/// What the names of headers begin with beside words that are those of members.
const HEADER_PREFIXES: [&str; 4] = ["x-", "wp-", "pagination-", "paging-"];
/// Names of members about paging, whose inner members are looked at at any depth.
const CONTAINER_NAMES: [&str; 9] =
    ["meta", "metadata", "pagination", "paging", "links", "pages", "page", "cursors", "pageinfo"];
/// The deepest level at which signs are looked for.
const MAX_SIGN_DEPTH: u32 = 4;
/// Names of members that lead to the next page, in lower case, letters and digits only.
const NEXT_NAMES: [&str; 15] = [
    "nextrange",
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
const HAS_MORE_NAMES: [&str; 11] = [
    "hasmore",
    "hasnext",
    "hasnextpage",
    "hasmoreitems",
    "hasmoreresults",
    "moreavailable",
    "more",
    "morerecords",
    "istruncated",
    "truncated",
    "incompleteresults",
];
/// Names of members that are false where there is more.
const IS_LAST_NAMES: [&str; 4] = ["islast", "islastpage", "last", "done"];
/// Names of members with a cursor, which some services send with the last page too.
const CURSOR_NAMES: [&str; 3] = ["cursor", "after", "endcursor"];
/// Names of members with the number of all items.
const TOTAL_NAMES: [&str; 14] = [
    "totalentries",
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
const PAGES_NAMES: [&str; 6] = ["totalpages", "pagecount", "lastpage", "pagestotal", "pages", "numpages"];

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
            record_header_sign(&mut signs.undescribed, name, value.trim());
        }
    }
}

/// Records what a header says that the kind does not describe.
fn record_header_sign(signs: &mut UndescribedSigns, name: &str, value: &str) {
    let mut word = name;
    while let Some(rest) = HEADER_PREFIXES.iter().find_map(|prefix| word.strip_prefix(prefix)) {
        word = rest;
    }
    let total_of_range =
        || value.rsplit_once('/').map(|(_, total)| total).filter(|_| name == "content-range");
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value) {
        Ok(members) => members.iter().for_each(|(member, value)| match value {
            serde_json::Value::String(text) => record_sign(signs, member, text),
            other => record_sign(signs, member, &other.to_string()),
        }),
        Err(_) => match total_of_range() {
            Some(total) => record_sign(signs, "total", total),
            None => record_sign(signs, word, value),
        },
    }
}

/// Reads the described member with the number of all pages. Zero is what services say that do not count.
pub(super) fn read_pages<'b, L: WireLexer<'b>>(signs: &mut PageSigns, lexer: &mut L) -> WireReadResult<()> {
    let pages = read_scalar_text(lexer)?.filter(|text| !text.is_empty()).map(|text| text.parse::<u64>());
    match pages.transpose() {
        Ok(pages) => signs.pages = pages.filter(|pages| *pages > 0),
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
    let next = read_scalar_text(lexer)?.filter(|text| !text.is_empty()).map(String::from);
    signs.has_next_member = true;
    signs.next = next.or(signs.next.take());
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
    let _ = read_nested_signs(signs, name, &mut inner, 1);
    Ok(())
}

/// Reads a member and what is in it.
fn read_nested_signs<'b, L: WireLexer<'b>>(
    signs: &mut UndescribedSigns,
    name: &str,
    lexer: &mut L,
    depth: u32,
) -> WireReadResult<()> {
    let is_container = depth == 1 || is_any_name(name, &CONTAINER_NAMES);
    let token = lexer.peek_token()?;
    if token == TokenKind::Array && is_any_name(name, &["links", "link"]) {
        let mut is_next = false;
        lexer.read_array(|lexer| read_link_relation(&mut is_next, lexer))?;
        signs.next = if is_next { Some(name.into()) } else { signs.next.take() };
        return Ok(());
    }
    if token != TokenKind::Object || !is_container || depth > MAX_SIGN_DEPTH || is_any_name(name, &NEXT_NAMES)
    {
        return read_sign(signs, name, lexer);
    }
    let ends = signs.ends;
    let read = lexer.read_members(KeySyntax::AnyText, |name, lexer| {
        let mut value = *lexer;
        lexer.skip_value()?;
        let _ = read_nested_signs(signs, name, &mut value, depth + 1);
        Ok(())
    });
    // `done` of something else ends no list
    if !is_any_name(name, &CONTAINER_NAMES) {
        signs.ends = ends;
    }
    read
}

/// Whether a link, `{ rel: next, href: … }`, leads to the next page.
fn read_link_relation<'b, L: WireLexer<'b>>(is_next: &mut bool, lexer: &mut L) -> WireReadResult<()> {
    let mut link = *lexer;
    lexer.skip_value()?;
    let _ = link.read_members(KeySyntax::AnyText, |name, lexer| {
        let mut value = *lexer;
        lexer.skip_value()?;
        let relation = if name == "rel" { read_scalar_text(&mut value).ok().flatten() } else { None };
        *is_next |=
            relation.is_some_and(|text| text.split_whitespace().any(|own| own.eq_ignore_ascii_case("next")));
        Ok(())
    });
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
    let is_false = text.eq_ignore_ascii_case("false");
    let is_last_name = is_any_name(name, &IS_LAST_NAMES);
    let is_more_name = is_any_name(name, &HAS_MORE_NAMES);
    signs.ends |= (is_more_name && is_false) || (is_last_name && text.eq_ignore_ascii_case("true"));
    if (leads_on && (is_any_name(name, &NEXT_NAMES) || is_more_name)) || (is_last_name && is_false) {
        signs.next = Some(name.into());
    } else if leads_on && is_any_name(name, &CURSOR_NAMES) {
        signs.cursor = Some(name.into());
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
