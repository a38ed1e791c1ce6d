//! Lists of things that no kind describes: of each item the texts of a few members.
//!
//! The list stands bare or in the member that the description names; what surrounds it tells of further pages.
//! Deliberately absent: types. What the texts are is said by the field that refers to the things.

use super::lexer::{
    DecodeError, TokenKind, WireLexer, WireReadError, WireReadResult, build_error, read_to_end,
};
use super::object_reader::ObjectReader;
use super::page::read_envelope;
use crate::kind::file::ListFile;
use crate::kind::{Api, ScalarType, WireFormat};
use crate::remote::pager::PageSigns;
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
    let (mut items, mut signs) = (Vec::new(), PageSigns::default());
    let mut reader = ObjectReader::default();
    with_lexer!(body, format, |lexer| read_to_end(lexer, |lexer| {
        let mut take = |lexer: &mut _| read_items(lexer, columns.list, &mut reader, &mut items);
        match lexer.peek_token()? {
            TokenKind::Object => {
                let names = api.member_names;
                let is_found = read_envelope(lexer, columns.list, names, &mut signs, &mut take)?;
                is_found.then_some(()).ok_or_else(|| build_list_error(columns.list))
            }
            _ => take(lexer),
        }
    }))?;
    let row = |item: &Value| {
        let member = |name: &&str| find_at_path(item, name, api).and_then(read_text);
        columns.members.iter().map(member).collect()
    };
    Ok(LookupPage { rows: items.iter().map(row).collect(), signs })
}

/// The things of a list, each as it came.
fn read_items<'b, L: WireLexer<'b>>(
    lexer: &mut L,
    list: &ListFile,
    reader: &mut ObjectReader<'_>,
    items: &mut Vec<Value>,
) -> WireReadResult<()> {
    if lexer.peek_token()? != TokenKind::Array {
        return Err(build_list_error(list));
    }
    lexer.read_array(|lexer| {
        items.push(reader.read_scalar(lexer, &ScalarType::Any)?);
        Ok(())
    })
}

fn build_list_error(list: &ListFile) -> WireReadError {
    match &list.items {
        Some(items) => build_error(&format!("the answer has no list in its member `{items}`")),
        None => build_error("the answer is not a list"),
    }
}

/// The value at a dotted path.
fn find_at_path<'v>(tree: &'v Value, path: &str, api: &Api) -> Option<&'v Value> {
    path.split('.').try_fold(tree, |value, name| match value {
        Value::Map(entries) => {
            entries.iter().find(|(own, _)| api.member_names.is_same_name(name, own)).map(|(_, value)| value)
        }
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
