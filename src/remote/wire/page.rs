//! Whole answers: pages of a list with what surrounds them, single objects, bare ids.
//!
//! What a kind does not describe of an answer is passed over, not kept. An answer that is well-formed but
//! not what the operation answers (an object where only a list may come, an object without one known
//! member) is an error: taken for an empty list or an empty object it would cause writes.

use super::typed::{Names, Reading, into_text, same_name};
use super::{Ahead, Keys, Lexer, Live, Page, Scalar, Spelt, Step, Stop, Unreadable, text};
use crate::kind::file::{ListAnswer, ListFile};
use crate::kind::leaf::Token;
use crate::kind::{Api, FormatWord, Kind, Leaf, NamesWord, Type};
use crate::remote::json::Json;
use crate::remote::jsv::Jsv;
use crate::value::Value;

/// How many items one page may hold.
const MAX_ITEMS: usize = 1_000_000;

/// Runs the same reading over either format.
macro_rules! with_lexer {
    ($body:expr, $format:expr, |$lexer:ident| $read:expr) => {{
        let text = text($body)?;
        match $format {
            FormatWord::Json => {
                let $lexer = Json::new(text);
                $read
            }
            FormatWord::Jsv => {
                let $lexer = Jsv::new(text);
                $read
            }
        }
    }};
}

/// One page of a list.
///
/// # Errors
/// When the answer is not such a page.
pub fn read_page(body: &[u8], format: FormatWord, kind: &Kind) -> Result<Page, Unreadable> {
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
    format: FormatWord,
    kind: &Kind,
    take: &mut dyn FnMut(Live),
) -> Result<Page, Unreadable> {
    refuse_failure(body, format, &kind.api)?;
    let pages = Pages { kind, list: &kind.operations.list, names: names(kind) };
    let mut page = with_lexer!(body, format, |lexer| pages.page(lexer, take))?;
    pages.names.spelt("", &mut page.spelt);
    Ok(page)
}

/// How many items a page has and how many there are in all, without a look at the items: enough to ask for the
/// other pages. Nothing where the page does not say it plainly; reading it tells why.
pub fn glance(body: &[u8], format: FormatWord, kind: &Kind) -> Option<(u64, u64)> {
    let list = &kind.operations.list;
    let total = list.paging.as_ref()?.total.as_deref()?;
    let sought = [(Goal::Items, list.items.as_deref()?), (Goal::Total, total)];
    let sought = sought.map(|(goal, path)| Sought { goal, path });
    let (mut items, mut page) = (0, Page::default());
    let mut read = || {
        with_lexer!(body, format, |lexer| whole(lexer, |lexer| walk(
            lexer,
            &sought,
            kind.api.names,
            &mut |goal, lexer| match goal {
                Goal::Items => lexer.list(|lexer| {
                    items += 1;
                    lexer.skip().map(drop)
                }),
                _ => page.total(lexer),
            }
        )))
        .map_err(Unreadable::from)
    };
    read().ok()?;
    Some((items, page.total?))
}

/// One object, as a read or a write answers it; a list of exactly one counts as that one.
///
/// # Errors
/// When the answer is not one object of the kind.
pub fn read_object(body: &[u8], format: FormatWord, kind: &Kind) -> Result<Live, Unreadable> {
    read_spelt(body, format, kind).map(|(live, _)| live)
}

/// One object, with how its members were spelt.
///
/// # Errors
/// When the answer is not one object of the kind.
pub fn read_spelt(body: &[u8], format: FormatWord, kind: &Kind) -> Result<(Live, Vec<Spelt>), Unreadable> {
    refuse_failure(body, format, &kind.api)?;
    let (names, mut spelt) = (names(kind), Vec::new());
    let live = with_lexer!(body, format, |lexer| single(lexer, kind, &names))?;
    names.spelt("", &mut spelt);
    Ok((live, spelt))
}

/// The id that a create answers: bare, quoted, or in an object. All zeros is none.
pub fn read_id(body: &[u8], format: FormatWord, kind: &Kind) -> Option<Value> {
    let Type::Leaf(leaf) = &kind.id_field().ty else { return None };
    let id = match read_object(body, format, kind) {
        Ok(live) => live.object.get(kind.identity.id).cloned(),
        Err(_) => leaf.read(Token::Text(&word(body, format, leaf)?)).ok(),
    };
    id.filter(|id| !id.is_zero())
}

/// A single word: as the format writes it, or bare where only an id can be meant.
fn word(body: &[u8], format: FormatWord, leaf: &Leaf) -> Option<Box<str>> {
    let body = body.trim_ascii();
    let read = || Ok::<_, Unreadable>(with_lexer!(body, format, |lexer| whole(lexer, scalar))?);
    let bare = || text(body).ok().filter(|_| matches!(leaf, Leaf::Guid | Leaf::Whole(_))).map(Box::from);
    let word = read().ok().flatten().or_else(bare)?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>{}[]\"".contains(c);
    (word.len() <= 200 && word.chars().all(plain)).then_some(word)
}

/// Any answer, without a kind: what has types on the wire keeps them.
///
/// # Errors
/// When the answer is broken.
pub fn read_any(body: &[u8], format: FormatWord) -> Result<Value, Unreadable> {
    let value = with_lexer!(body, format, |lexer| whole(lexer, |lexer| {
        Reading::default().leaf(lexer, &Leaf::Any)
    }))?;
    Ok(value)
}

/// Whether an answer says that the service failed, although its status is a success.
pub fn despite_success(body: &[u8], format: FormatWord, api: &Api) -> bool {
    let paths = &api.errors.despite_success;
    let object = body.trim_ascii_start().first() == Some(&b'{');
    if paths.is_empty() || !object {
        return false;
    }
    let said = |text: &str| !matches!(text, "" | "0" | "false" | "False" | "{}" | "[]");
    texts(body, format, paths).is_ok_and(|found| found.iter().any(|text| said(text)))
}

fn refuse_failure(body: &[u8], format: FormatWord, api: &Api) -> Result<(), Unreadable> {
    if !despite_success(body, format, api) {
        return Ok(());
    }
    let message = "the service says that it failed, although its status is a success";
    Err(Unreadable { failed: true, ..Unreadable::new(message) })
}

fn names(kind: &Kind) -> Names<'_> {
    Names::of(&kind.shape, kind.api.names)
}

/// What stands at these paths, as text; a list or an object as it stands there.
fn texts(body: &[u8], format: FormatWord, paths: &[String]) -> Result<Vec<Box<str>>, Unreadable> {
    let mut found = Vec::new();
    let sought: Vec<_> = paths.iter().map(|path| Sought { goal: (), path }).collect();
    with_lexer!(body, format, |lexer| whole(lexer, |lexer| {
        walk(lexer, &sought, NamesWord::CaseInsensitive, &mut |(), lexer| {
            match lexer.ahead()? {
                Ahead::List | Ahead::Object => found.push(lexer.skip()?.into()),
                Ahead::Nothing | Ahead::Scalar => found.extend(scalar(lexer)?),
            }
            Ok(())
        })
    }))?;
    Ok(found)
}

/// A member that is looked for, and what for; dots reach inwards.
#[derive(Clone, Copy)]
struct Sought<'p, G> {
    goal: G,
    path: &'p str,
}

/// Hands each member that is sought to `found`, which takes its value; the others are passed over.
fn walk<'b, L: Lexer<'b>, G: Copy>(
    lexer: &mut L,
    sought: &[Sought<G>],
    names: NamesWord,
    found: &mut dyn FnMut(G, &mut L) -> Step<()>,
) -> Step<()> {
    lexer.members(Keys::Fixed, |name, lexer| {
        let start = *lexer;
        let mut taken = false;
        let mut below = Vec::new();
        for Sought { goal, path } in sought {
            match path.split_once('.') {
                Some((head, rest)) if same_name(names, head, name) => {
                    below.push(Sought { goal: *goal, path: rest })
                }
                None if same_name(names, path, name) => {
                    *lexer = start;
                    found(*goal, lexer)?;
                    taken = true;
                }
                _ => {}
            }
        }
        let mut inner = start;
        if !below.is_empty() && inner.ahead()? == Ahead::Object {
            walk(&mut inner, &below, names, found)?;
            *lexer = inner;
            taken = true;
        }
        if taken { Ok(()) } else { lexer.skip().map(drop) }
    })
}

/// Reads everything there is.
fn whole<'b, L: Lexer<'b>, T>(mut lexer: L, read: impl FnOnce(&mut L) -> Step<T>) -> Step<T> {
    let read = read(&mut lexer)?;
    lexer.finish()?;
    Ok(read)
}

fn single<'b, L: Lexer<'b>>(mut lexer: L, kind: &Kind, names: &Names) -> Step<Live> {
    let mut lives = Vec::new();
    match lexer.ahead()? {
        Ahead::Object => lives.push(Reading::default().live(&mut lexer, names)?),
        Ahead::List => {
            let mut reading = Reading::default();
            lexer.list(|lexer| {
                if lives.len() > 1 {
                    return lexer.skip().map(drop);
                }
                lives.push(item(&mut reading, lexer, names)?);
                Ok(())
            })?;
        }
        Ahead::Nothing => return Err(fault("the answer is empty where one object was expected")),
        Ahead::Scalar => return Err(fault("the answer is a single value where one object was expected")),
    }
    lexer.finish()?;
    match lives.pop() {
        Some(live) if lives.is_empty() => known(live, kind),
        Some(_) => Err(fault("the answer is a list of several objects where one was expected")),
        None => Err(fault("the answer is an empty list where one object was expected")),
    }
}

/// An item of a list of objects.
fn item<'k, 'b, L: Lexer<'b>>(reading: &mut Reading<'k>, lexer: &mut L, names: &Names<'k>) -> Step<Live> {
    match lexer.ahead()? {
        Ahead::Object => reading.live(lexer, names),
        _ => Err(fault("an item of the answered list is not an object")),
    }
}

/// An object that nothing but its place says to be of this kind must have a member of it.
fn known(live: Live, kind: &Kind) -> Step<Live> {
    if live.object.fields().next().is_some() || !live.misread.is_empty() {
        return Ok(live);
    }
    Err(fault(&format!("the answer has no member of a {}", kind.name)))
}

fn fault(message: &str) -> Stop {
    Unreadable::new(message).into()
}

/// What is looked for around the items of a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    Items,
    HasMore,
    Total,
    Next,
}

/// How the pages of a kind are read.
struct Pages<'k> {
    kind: &'k Kind,
    list: &'k ListFile,
    names: Names<'k>,
}

impl<'k> Pages<'k> {
    fn page<'b, L: Lexer<'b>>(&self, mut lexer: L, take: &mut dyn FnMut(Live)) -> Step<Page> {
        let mut page = Page::default();
        match (lexer.ahead()?, self.list.answer) {
            (Ahead::List, _) => self.items(&mut lexer, take)?,
            (Ahead::Object, answer) => {
                let start = lexer;
                let around = self.list.items.is_some() && self.around(&mut lexer, &mut page, take)?;
                if !around {
                    lexer = start;
                    self.bare(&mut lexer, answer, take)?;
                }
            }
            (Ahead::Nothing, ListAnswer::OneOrList) => lexer.nothing()?,
            (Ahead::Nothing, ListAnswer::List) => {
                return Err(fault("the answer is empty where a list was expected"));
            }
            (Ahead::Scalar, _) => {
                return Err(fault("the answer is a single value where a list was expected"));
            }
        }
        lexer.finish()?;
        Ok(page)
    }

    /// An object that holds the list. False when the list is not there.
    fn around<'b, L: Lexer<'b>>(
        &self,
        lexer: &mut L,
        page: &mut Page,
        take: &mut dyn FnMut(Live),
    ) -> Step<bool> {
        let mut times = 0;
        walk(lexer, &self.sought(), self.kind.api.names, &mut |goal, lexer| match goal {
            Goal::Items if times > 0 => Err(fault("the answer holds its list twice")),
            Goal::Items => {
                times += 1;
                self.listed(lexer, take)
            }
            Goal::HasMore => page.has_more(lexer),
            Goal::Total => page.total(lexer),
            Goal::Next => page.next(lexer),
        })?;
        Ok(times > 0)
    }

    fn sought(&self) -> Vec<Sought<'k, Goal>> {
        let paging = self.list.paging.as_ref();
        let sought = [
            (Goal::Items, self.list.items.as_deref()),
            (Goal::HasMore, paging.and_then(|paging| paging.has_more.as_deref())),
            (Goal::Total, paging.and_then(|paging| paging.total.as_deref())),
            (Goal::Next, paging.and_then(|paging| paging.next.as_deref())),
        ];
        sought.into_iter().filter_map(|(goal, path)| Some(Sought { goal, path: path? })).collect()
    }

    /// What stands where the list should: null says that there is none.
    fn listed<'b, L: Lexer<'b>>(&self, lexer: &mut L, take: &mut dyn FnMut(Live)) -> Step<()> {
        match (lexer.ahead()?, self.list.answer) {
            (Ahead::List, _) => self.items(lexer, take),
            (Ahead::Nothing, _) => lexer.nothing(),
            (Ahead::Object, answer) => self.bare(lexer, answer, take),
            (Ahead::Scalar, _) => Err(fault("the answer holds a single value where a list was expected")),
        }
    }

    fn items<'b, L: Lexer<'b>>(&self, lexer: &mut L, take: &mut dyn FnMut(Live)) -> Step<()> {
        let (mut reading, mut items) = (Reading::default(), 0);
        lexer.list(|lexer| {
            items += 1;
            if items > MAX_ITEMS {
                return Err(fault(&format!("the answered list has more than {MAX_ITEMS} items")));
            }
            take(item(&mut reading, lexer, &self.names)?);
            Ok(())
        })
    }

    /// One object where a list was expected.
    fn bare<'b, L: Lexer<'b>>(
        &self,
        lexer: &mut L,
        answer: ListAnswer,
        take: &mut dyn FnMut(Live),
    ) -> Step<()> {
        match (answer, &self.list.items) {
            (ListAnswer::OneOrList, _) => {
                take(known(Reading::default().live(lexer, &self.names)?, self.kind)?);
                Ok(())
            }
            (ListAnswer::List, None) => Err(fault("the answer is an object where a list was expected")),
            (ListAnswer::List, Some(items)) => {
                Err(fault(&format!("the answer has no list in its member `{items}`")))
            }
        }
    }
}

impl Page {
    fn has_more<'b, L: Lexer<'b>>(&mut self, lexer: &mut L) -> Step<()> {
        self.has_more = match scalar(lexer)?.as_deref() {
            None | Some("") => None,
            Some("true" | "True" | "1") => Some(true),
            Some("false" | "False" | "0") => Some(false),
            Some(_) => return Err(fault("the answer does not say clearly whether there are more pages")),
        };
        Ok(())
    }

    fn total<'b, L: Lexer<'b>>(&mut self, lexer: &mut L) -> Step<()> {
        let text = scalar(lexer)?;
        let number = text.filter(|text| !text.is_empty()).map(|text| text.parse::<i64>());
        match number.transpose() {
            // some services say -1 where they did not count
            Ok(number) => self.total = number.and_then(|number| u64::try_from(number).ok()),
            Err(_) => return Err(fault("the answer does not say clearly how many items there are")),
        }
        Ok(())
    }

    fn next<'b, L: Lexer<'b>>(&mut self, lexer: &mut L) -> Step<()> {
        self.next = scalar(lexer)?.filter(|text| !text.is_empty()).map(String::from);
        Ok(())
    }
}

/// The text of a scalar, or nothing.
fn scalar<'b, L: Lexer<'b>>(lexer: &mut L) -> Step<Option<Box<str>>> {
    match lexer.ahead()? {
        Ahead::Nothing => lexer.nothing().map(|()| None),
        Ahead::Scalar => match lexer.scalar()? {
            Scalar::Bare("null") => Ok(None),
            scalar => Ok(Some(into_text(scalar))),
        },
        Ahead::List | Ahead::Object => Err(fault("the answer has a list or object where it tells of pages")),
    }
}
