//! Whole answers: pages of a list with what surrounds them, single objects, bare ids.
//!
//! What a kind does not describe of an answer is passed over, not kept. An answer that is well-formed but
//! not what the operation answers (an object where only a list may come, an object without one known
//! member) is an error: taken for an empty list or an empty object it would cause writes.

use super::lexer::{
    DecodeError, KeySyntax, TokenKind, WireLexer, WireReadResult, build_error, read_scalar_text, read_to_end,
};
use super::member_search::{MemberSearch, search_all_members, search_members};
use super::object_reader::{MemberIndex, ObjectReader};
use super::snapshot::{ListPage, MemberSpelling, Snapshot};
use crate::kind::file::{EmptyListForm, EmptyListSign, ListFile, ListResponseShape};
use crate::kind::scalar::ScalarToken;
use crate::kind::{Api, Kind, MemberNameCase, ScalarType, WireFormat};
use crate::remote::pager::PageSigns;
use crate::remote::wire::page_signs;
use crate::value::Value;

/// How many items one page may hold.
const MAX_ITEMS: usize = 1_000_000;

/// One page of a list.
///
/// # Errors
/// When the answer is not such a page.
pub fn read_page(body: &[u8], format: WireFormat, kind: &Kind) -> Result<ListPage, DecodeError> {
    let mut items = Vec::new();
    let mut page = read_page_with(body, format, kind, &mut |live| items.push(live))?;
    page.items = items;
    Ok(page)
}

/// One page of a list, its objects handed to `take` one by one; the page that is returned holds none.
///
/// # Errors
/// When the answer is not such a page; then what was handed over before does not count.
pub fn read_page_with(
    body: &[u8],
    format: WireFormat,
    kind: &Kind,
    take: &mut dyn FnMut(Snapshot),
) -> Result<ListPage, DecodeError> {
    refuse_failure(body, format, &kind.api)?;
    let pages = PageReader { kind, list: &kind.operations.list, names: build_member_index(kind) };
    let mut page = with_lexer!(body, format, |lexer| pages.read_page(lexer, take))?;
    pages.names.collect_spellings("", &mut page.spellings);
    Ok(page)
}

/// How many items a page has, and how many there are in all.
#[derive(Clone, Copy)]
pub struct TotalPreview {
    pub items: u64,
    pub total: u64,
}

/// The items and the total of a page, without a look at the items: enough to ask for the
/// other pages. Nothing where the page does not say it plainly; reading it tells why.
pub fn peek_total(body: &[u8], format: WireFormat, kind: &Kind) -> Option<TotalPreview> {
    let list = &kind.operations.list;
    let total = list.paging.as_ref()?.total.as_deref()?;
    let sought = [(PageMember::Items, list.items.as_deref()?), (PageMember::Total, total)];
    let sought = sought.map(|(goal, path)| MemberSearch { goal, path });
    let (mut items, mut signs) = (0, PageSigns::default());
    let mut read = || {
        with_lexer!(body, format, |lexer| read_to_end(lexer, |lexer| search_members(
            lexer,
            &sought,
            kind.api.member_names,
            &mut |goal, lexer| match goal {
                PageMember::Items => lexer.read_array(|lexer| {
                    items += 1;
                    lexer.skip_value().map(drop)
                }),
                _ => page_signs::read_total(&mut signs, lexer),
            }
        )))
        .map_err(DecodeError::from)
    };
    read().ok()?;
    Some(TotalPreview { items, total: signs.total? })
}

/// One object, as a read or a write answers it; a list of exactly one counts as that one.
///
/// # Errors
/// When the answer is not one object of the kind.
pub fn read_object(body: &[u8], format: WireFormat, kind: &Kind) -> Result<Snapshot, DecodeError> {
    read_object_spellings(body, format, kind, None).map(|(live, _)| live)
}

/// One object in a member of the answer, with how its members were spelt.
///
/// # Errors
/// When the answer is not one object of the kind.
pub fn read_object_spellings(
    body: &[u8],
    format: WireFormat,
    kind: &Kind,
    member: Option<&str>,
) -> Result<(Snapshot, Vec<MemberSpelling>), DecodeError> {
    refuse_failure(body, format, &kind.api)?;
    let (names, mut spelt) = (build_member_index(kind), Vec::new());
    let live =
        with_lexer!(body, format, |lexer| read_single(enter_member(lexer, member, kind)?, kind, &names))?;
    names.collect_spellings("", &mut spelt);
    Ok((live, spelt))
}

/// A single word: as the format writes it.
pub(super) fn read_bare_scalar(body: &[u8], format: WireFormat) -> Result<Option<Box<str>>, DecodeError> {
    Ok(with_lexer!(body, format, |lexer| read_to_end(lexer, read_scalar_text))?)
}

/// Any answer, without a kind: what has types on the wire keeps them.
///
/// # Errors
/// When the answer is broken.
pub fn read_any(body: &[u8], format: WireFormat) -> Result<Value, DecodeError> {
    let value = with_lexer!(body, format, |lexer| read_to_end(lexer, |lexer| {
        ObjectReader::default().read_scalar(lexer, &ScalarType::Any)
    }))?;
    Ok(value)
}

/// Whether an answer says that the service failed, although its status is a success.
pub fn is_error_in_success(body: &[u8], format: WireFormat, api: &Api) -> bool {
    let paths = &api.errors.error_in_success;
    let object = body.trim_ascii_start().first() == Some(&b'{');
    if paths.is_empty() || !object {
        return false;
    }
    let is_success = |text: &str| text.parse::<u16>().is_ok_and(|status| (200..300).contains(&status));
    let said = |text: &str| !matches!(text, "" | "0" | "false" | "False" | "{}" | "[]") && !is_success(text);
    read_texts(body, format, paths).is_ok_and(|found| found.iter().any(|text| said(text)))
}

fn refuse_failure(body: &[u8], format: WireFormat, api: &Api) -> Result<(), DecodeError> {
    if !is_error_in_success(body, format, api) {
        return Ok(());
    }
    let message = "the service says that it failed, although its status is a success";
    Err(DecodeError { service_failed: true, ..DecodeError::new(message) })
}

fn build_member_index(kind: &Kind) -> MemberIndex<'_> {
    MemberIndex::from_kind(kind)
}

/// What stands at these paths, as text; a list or an object as it stands there.
pub fn read_texts(body: &[u8], format: WireFormat, paths: &[String]) -> Result<Vec<Box<str>>, DecodeError> {
    let mut found = Vec::new();
    let sought: Vec<_> = paths.iter().map(|path| MemberSearch { goal: (), path }).collect();
    with_lexer!(body, format, |lexer| read_to_end(lexer, |lexer| {
        search_members(lexer, &sought, MemberNameCase::CaseInsensitive, &mut |(), lexer| {
            match lexer.peek_token()? {
                TokenKind::Array | TokenKind::Object => found.push(lexer.skip_value()?.into()),
                TokenKind::Null | TokenKind::Scalar => found.extend(read_scalar_text(lexer)?),
            }
            Ok(())
        })
    }))?;
    Ok(found)
}

/// The value in a member of an answer; the answer itself without one.
fn enter_member<'b, L: WireLexer<'b>>(
    mut lexer: L,
    member: Option<&str>,
    kind: &Kind,
) -> WireReadResult<AnswerValue<L>> {
    let Some(member) = member.map(|member| member.strip_suffix("[]").unwrap_or(member)) else {
        return Ok(AnswerValue { lexer, is_member: false });
    };
    if lexer.peek_token()? != TokenKind::Object {
        return Err(build_error(&format!("the answer has no member `{member}`")));
    }
    let (sought, mut found) = ([MemberSearch { goal: (), path: member }], None);
    search_members(&mut lexer, &sought, kind.api.member_names, &mut |(), lexer| {
        found = Some(*lexer);
        lexer.skip_value().map(drop)
    })?;
    lexer.expect_end()?;
    let missing = || build_error(&format!("the answer has no member `{member}`"));
    Ok(AnswerValue { lexer: found.ok_or_else(missing)?, is_member: true })
}

/// Where the value of an answer stands.
struct AnswerValue<L> {
    lexer: L,
    /// Whether more of the answer follows it.
    is_member: bool,
}

fn read_single<'b, L: WireLexer<'b>>(
    AnswerValue { mut lexer, is_member }: AnswerValue<L>,
    kind: &Kind,
    names: &MemberIndex,
) -> WireReadResult<Snapshot> {
    let mut lives = Vec::new();
    match lexer.peek_token()? {
        TokenKind::Object => lives.push(ObjectReader::default().read_snapshot(&mut lexer, names)?),
        TokenKind::Array => {
            let mut reading = ObjectReader::default();
            lexer.read_array(|lexer| {
                if lives.len() > 1 {
                    return lexer.skip_value().map(drop);
                }
                lives.push(read_item(&mut reading, lexer, names)?);
                Ok(())
            })?;
        }
        TokenKind::Null => return Err(build_error("the answer is empty where one object was expected")),
        TokenKind::Scalar => {
            return Err(build_error("the answer is a single value where one object was expected"));
        }
    }
    if !is_member {
        lexer.expect_end()?;
    }
    match lives.pop() {
        Some(live) if lives.is_empty() => check_known_members(live, kind),
        Some(_) => Err(build_error("the answer is a list of several objects where one was expected")),
        None => Err(build_error("the answer is an empty list where one object was expected")),
    }
}

/// An item of a list of objects.
fn read_item<'k, 'b, L: WireLexer<'b>>(
    reading: &mut ObjectReader<'k>,
    lexer: &mut L,
    names: &MemberIndex<'k>,
) -> WireReadResult<Snapshot> {
    match lexer.peek_token()? {
        TokenKind::Object => reading.read_snapshot(lexer, names),
        _ => Err(build_error("an item of the answered list is not an object")),
    }
}

/// An object that nothing but its place says to be of this kind must have a member of it.
fn check_known_members(live: Snapshot, kind: &Kind) -> WireReadResult<Snapshot> {
    if live.object.fields().next().is_some() || !live.mismatches.is_empty() {
        return Ok(live);
    }
    Err(build_error(&format!("the answer has no member of a {}", kind.name)))
}

/// What is looked for around the items of a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PageMember {
    Items,
    HasMore,
    Total,
    Pages,
    Next,
}

/// Reads an object around a list: the signs of further pages, and the value that holds the list. False when the list
/// is not there.
pub(super) fn read_envelope<'b, L: WireLexer<'b>>(
    lexer: &mut L,
    list: &ListFile,
    names: MemberNameCase,
    signs: &mut PageSigns,
    items: &mut dyn FnMut(&mut L) -> WireReadResult<()>,
) -> WireReadResult<bool> {
    let mut times = 0;
    search_all_members(lexer, &list_searches(list), names, &mut |goal, name, lexer| match goal {
        Some(PageMember::Items) if times > 0 => Err(build_error("the answer holds its list twice")),
        Some(PageMember::Items) => {
            times += 1;
            items(lexer)
        }
        Some(PageMember::HasMore) => page_signs::read_has_more(signs, lexer),
        Some(PageMember::Total) => page_signs::read_total(signs, lexer),
        Some(PageMember::Pages) => page_signs::read_pages(signs, lexer),
        Some(PageMember::Next) => page_signs::read_next(signs, lexer),
        None => page_signs::read_undescribed(&mut signs.undescribed, name, lexer),
    })?;
    Ok(times > 0)
}

fn list_searches(list: &ListFile) -> Vec<MemberSearch<'_, PageMember>> {
    let paging = list.paging.as_ref();
    let sought = [
        (PageMember::Items, list.items.as_deref()),
        (PageMember::HasMore, paging.and_then(|paging| paging.has_more.as_deref())),
        (PageMember::Total, paging.and_then(|paging| paging.total.as_deref())),
        (PageMember::Pages, paging.and_then(|paging| paging.pages.as_deref())),
        (PageMember::Next, paging.and_then(|paging| paging.next.as_deref())),
    ];
    sought.into_iter().filter_map(|(goal, path)| Some(MemberSearch { goal, path: path? })).collect()
}

/// How the pages of a kind are read.
struct PageReader<'k> {
    kind: &'k Kind,
    list: &'k ListFile,
    names: MemberIndex<'k>,
}

impl<'k> PageReader<'k> {
    fn read_page<'b, L: WireLexer<'b>>(
        &self,
        mut lexer: L,
        take: &mut dyn FnMut(Snapshot),
    ) -> WireReadResult<ListPage> {
        let mut page = ListPage::default();
        match (lexer.peek_token()?, self.list.response) {
            (TokenKind::Array, _) => self.read_items(&mut lexer, take)?,
            (TokenKind::Object, _) if self.list.items.is_none() && self.list.keyed_by.is_some() => {
                self.read_keyed_items(&mut lexer, take)?;
            }
            (TokenKind::Object, answer) => {
                let start = lexer;
                let around = self.list.items.is_some() && self.read_envelope(&mut lexer, &mut page, take)?;
                let may_lack = self.list.none.contains(&EmptyListSign::Form(EmptyListForm::Absent));
                if !around && !may_lack {
                    lexer = start;
                    self.read_bare_object(&mut lexer, answer, take)?;
                }
            }
            (TokenKind::Null, ListResponseShape::OneOrList) => lexer.read_null()?,
            (TokenKind::Null, ListResponseShape::List) => {
                return Err(build_error("the answer is empty where a list was expected"));
            }
            (TokenKind::Scalar, _) => {
                return Err(build_error("the answer is a single value where a list was expected"));
            }
        }
        lexer.expect_end()?;
        Ok(page)
    }

    /// An object that holds the list. False when the list is not there.
    fn read_envelope<'b, L: WireLexer<'b>>(
        &self,
        lexer: &mut L,
        page: &mut ListPage,
        take: &mut dyn FnMut(Snapshot),
    ) -> WireReadResult<bool> {
        let names = self.kind.api.member_names;
        let mut items = |lexer: &mut L| self.read_list_value(lexer, take);
        read_envelope(lexer, self.list, names, &mut page.signs, &mut items)
    }

    /// What stands where the list should: null says that there is none.
    fn read_list_value<'b, L: WireLexer<'b>>(
        &self,
        lexer: &mut L,
        take: &mut dyn FnMut(Snapshot),
    ) -> WireReadResult<()> {
        match (lexer.peek_token()?, self.list.response) {
            (TokenKind::Array, _) => self.read_items(lexer, take),
            (TokenKind::Null, _) => lexer.read_null(),
            (TokenKind::Object, _) if self.list.keyed_by.is_some() => self.read_keyed_items(lexer, take),
            (TokenKind::Object, answer) => self.read_bare_object(lexer, answer, take),
            (TokenKind::Scalar, _) => {
                Err(build_error("the answer holds a single value where a list was expected"))
            }
        }
    }

    fn read_items<'b, L: WireLexer<'b>>(
        &self,
        lexer: &mut L,
        take: &mut dyn FnMut(Snapshot),
    ) -> WireReadResult<()> {
        let (mut reading, mut items) = (ObjectReader::default(), 0);
        lexer.read_array(|lexer| {
            items += 1;
            if items > MAX_ITEMS {
                return Err(build_error(&format!("the answered list has more than {MAX_ITEMS} items")));
            }
            take(read_item(&mut reading, lexer, &self.names)?);
            Ok(())
        })
    }

    /// Items that are the members of an object; the name of each is the value of a field.
    fn read_keyed_items<'b, L: WireLexer<'b>>(
        &self,
        lexer: &mut L,
        take: &mut dyn FnMut(Snapshot),
    ) -> WireReadResult<()> {
        let key = self.list.keyed_by.as_deref().and_then(|name| self.kind.shape.find_field(name));
        let (mut reading, mut items) = (ObjectReader::default(), 0);
        lexer.read_members(KeySyntax::AnyText, |name, lexer| {
            items += 1;
            if items > MAX_ITEMS {
                return Err(build_error(&format!("the answered list has more than {MAX_ITEMS} items")));
            }
            let mut live = read_item(&mut reading, lexer, &self.names)?;
            if let Some((field, own_scalar)) = key.and_then(|field| Some((field, field.ty.scalar_type()?)))
                && let Ok(value) = own_scalar.read_token(ScalarToken::String(name))
            {
                live.object.set_field(field.number, value);
            }
            take(live);
            Ok(())
        })
    }

    /// One object where a list was expected.
    fn read_bare_object<'b, L: WireLexer<'b>>(
        &self,
        lexer: &mut L,
        answer: ListResponseShape,
        take: &mut dyn FnMut(Snapshot),
    ) -> WireReadResult<()> {
        match (answer, &self.list.items) {
            (ListResponseShape::OneOrList, _) => {
                take(check_known_members(
                    ObjectReader::default().read_snapshot(lexer, &self.names)?,
                    self.kind,
                )?);
                Ok(())
            }
            (ListResponseShape::List, None) => {
                Err(build_error("the answer is an object where a list was expected"))
            }
            (ListResponseShape::List, Some(items)) => {
                Err(build_error(&format!("the answer has no list in its member `{items}`")))
            }
        }
    }
}
