//! Lists of things that no kind describes: of each item the texts of a few members.
//!
//! The list stands bare or in the member that the description names; what surrounds it tells of further pages.
//! Deliberately absent: types. What the texts are is said by the field that refers to the things.

use super::DecodeError;
use super::object_reader::matches_member_name;
use super::page::read_any;
use super::page_signs::record_sign;
use crate::kind::file::ListFile;
use crate::kind::{Api, WireFormat};
use crate::remote::pager::{PageSigns, UndescribedSigns};
use crate::value::Value;

/// What one thing has in the members that were asked for.
pub type LookupRow = Vec<Option<Box<str>>>;

/// A page of a list of things.
pub struct LookupPage {
    pub rows: Vec<LookupRow>,
    pub signs: PageSigns,
}

/// How a list of things is read.
#[derive(Clone, Copy)]
pub struct LookupColumns<'l> {
    pub list: &'l ListFile,
    pub members: &'l [&'l str],
}

/// One page of things.
///
/// # Errors
/// When the answer is not such a page.
pub fn read_lookup_page(
    body: &[u8],
    format: WireFormat,
    api: &Api,
    columns: LookupColumns,
) -> Result<LookupPage, DecodeError> {
    let tree = read_any(body, format)?;
    let at = |path: &Option<String>| path.as_deref().and_then(|path| find_at_path(&tree, path, api));
    let items = match &tree {
        Value::Array(items) => items,
        Value::Map(_) => match at(&columns.list.items) {
            Some(Value::Array(items)) => items,
            _ => return Err(build_list_error(columns.list)),
        },
        _ => return Err(build_list_error(columns.list)),
    };
    let mut signs = PageSigns::default();
    if let Some(paging) = &columns.list.paging {
        signs.has_more = at(&paging.has_more).and_then(read_boolean);
        signs.total = at(&paging.total).and_then(read_text).and_then(|text| text.parse().ok());
        signs.pages = at(&paging.pages).and_then(read_text).and_then(|text| text.parse().ok());
        signs.next = at(&paging.next).and_then(read_text).filter(|text| !text.is_empty()).map(String::from);
    }
    let described = list_described_members(columns.list);
    collect_undescribed(&tree, &described, &mut signs.undescribed);
    let row = |item: &Value| {
        let member = |name: &&str| find_at_path(item, name, api).and_then(read_text);
        columns.members.iter().map(member).collect()
    };
    Ok(LookupPage { rows: items.iter().map(row).collect(), signs })
}

/// The names at the top of an answer that the description mentions.
fn list_described_members(list: &ListFile) -> Vec<&str> {
    let paging = list.paging.as_ref();
    let described = paging.map(|paging| [&paging.has_more, &paging.total, &paging.pages, &paging.next]);
    let paths = described.into_iter().flatten().chain([&list.items]).flatten();
    paths.filter_map(|path| path.split('.').next()).collect()
}

fn collect_undescribed(tree: &Value, described: &[&str], signs: &mut UndescribedSigns) {
    let Value::Map(entries) = tree else { return };
    for (name, value) in entries.iter().filter(|(name, _)| !described.contains(&&**name)) {
        match value {
            Value::Map(inner) => inner.iter().for_each(|(name, value)| {
                record_sign(signs, name, &read_text(value).unwrap_or_default());
            }),
            value => record_sign(signs, name, &read_text(value).unwrap_or_default()),
        }
    }
}

fn build_list_error(list: &ListFile) -> DecodeError {
    match &list.items {
        Some(items) => DecodeError::new(format!("the answer has no list in its member `{items}`")),
        None => DecodeError::new("the answer is not a list"),
    }
}

/// What stands at a dotted path.
fn find_at_path<'v>(tree: &'v Value, path: &str, api: &Api) -> Option<&'v Value> {
    path.split('.').try_fold(tree, |value, name| match value {
        Value::Map(entries) => entries
            .iter()
            .find(|(own, _)| matches_member_name(api.member_names, name, own))
            .map(|(_, value)| value),
        _ => None,
    })
}

fn read_text(value: &Value) -> Option<Box<str>> {
    match value {
        Value::String(text) | Value::Number(text) => Some(text.clone()),
        Value::Decimal(number) => Some(number.to_string().into()),
        Value::Boolean(flag) => Some(flag.to_string().into()),
        _ => None,
    }
}

fn read_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Boolean(flag) => Some(*flag),
        Value::String(text) => crate::yaml::parse_boolean(text),
        _ => None,
    }
}
