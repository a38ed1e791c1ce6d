//! Lists of things that no kind describes: of each item the texts of a few members.
//!
//! The list stands bare or in the member that the description names; what surrounds it tells of further pages.
//! Deliberately absent: types. What the texts are is said by the field that refers to the things.

use super::page::read_any;
use super::typed::same_name;
use super::{Page, Unreadable};
use crate::kind::file::ListFile;
use crate::kind::{Api, FormatWord};
use crate::value::Value;

/// What one thing has in the members that were asked for.
pub type Row = Vec<Option<Box<str>>>;

/// How a list of things is read.
#[derive(Clone, Copy)]
pub struct Columns<'l> {
    pub list: &'l ListFile,
    pub members: &'l [&'l str],
}

/// One page of things; the page itself holds no items.
///
/// # Errors
/// When the answer is not such a page.
pub fn read_things(
    body: &[u8],
    format: FormatWord,
    api: &Api,
    columns: Columns,
) -> Result<(Vec<Row>, Page), Unreadable> {
    let tree = read_any(body, format)?;
    let at = |path: &Option<String>| path.as_deref().and_then(|path| inside(&tree, path, api));
    let items = match &tree {
        Value::List(items) => items,
        Value::Map(_) => match at(&columns.list.items) {
            Some(Value::List(items)) => items,
            _ => return Err(no_list(columns.list)),
        },
        _ => return Err(no_list(columns.list)),
    };
    let mut page = Page::default();
    if let Some(paging) = &columns.list.paging {
        page.has_more = at(&paging.has_more).and_then(flag);
        page.total = at(&paging.total).and_then(text).and_then(|text| text.parse().ok());
        page.next = at(&paging.next).and_then(text).filter(|text| !text.is_empty()).map(String::from);
    }
    let row = |item: &Value| {
        let member = |name: &&str| inside(item, name, api).and_then(text);
        columns.members.iter().map(member).collect()
    };
    Ok((items.iter().map(row).collect(), page))
}

fn no_list(list: &ListFile) -> Unreadable {
    match &list.items {
        Some(items) => Unreadable::new(format!("the answer has no list in its member `{items}`")),
        None => Unreadable::new("the answer is not a list"),
    }
}

/// What stands at a dotted path.
fn inside<'v>(tree: &'v Value, path: &str, api: &Api) -> Option<&'v Value> {
    path.split('.').try_fold(tree, |value, name| match value {
        Value::Map(entries) => {
            entries.iter().find(|(own, _)| same_name(api.names, name, own)).map(|(_, value)| value)
        }
        _ => None,
    })
}

fn text(value: &Value) -> Option<Box<str>> {
    match value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        Value::Decimal(number) => Some(number.to_string().into()),
        Value::Flag(flag) => Some(flag.to_string().into()),
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Flag(flag) => Some(*flag),
        Value::Text(text) => crate::yaml::flag_word(text),
        _ => None,
    }
}
