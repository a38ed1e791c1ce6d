//! What a step relied on and what it would send, as digests: so that a reviewed step can be told from another.
//!
//! What compares as the same digests as the same: order where it says nothing, scale of decimals, what means
//! nothing. With a key everything enters a digest, under HMAC. Without one the values of marked fields stay
//! out, and only whether there is any enters: a digest that anybody can compute lets anybody guess a PIN.
//! Deliberately absent: what fields the service sets for itself, and paths of requests, which follow from the
//! object.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::exchange::Wire;
use crate::kind::{Compare, Field, Item, Kind, Leaf, ListType, Sends, Shape, ToldApart, Type};
use crate::plan::compare::{addresses, means_nothing};
use crate::plan::{Change, Form, Step, Subject};
use crate::value::{Mark, Object, Segment, Value};

/// How many bytes of a digest are told for one field; it only helps to name what moved.
const SHORT: usize = 8;

/// What short names are made of: nothing that is taken for something else when it is read aloud.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

/// A step, told from every other one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepDigest {
    /// What the step relied on.
    pub from: String,
    /// What it would send.
    pub to: String,
    /// Where the step relied on the whole object: each of its fields that says something, by name.
    pub fields: Vec<(String, String)>,
}

/// Digests of a step; `key` lets marked values enter.
pub fn step(step: &Step, key: Option<&[u8]>) -> StepDigest {
    let kind = &step.subject.kind;
    let whole = step.sends == Sends::Everything;
    let mut from = Canon::new(key.is_some());
    from.subject(&step.subject);
    match &step.live {
        None => from.put(b'0', b""),
        Some(live) if whole => {
            from.object(&kind.shape, live, Mark::Open, &|field| set_by_service(kind, field))
        }
        Some(live) => {
            from.befores(&step.changes);
            from.edits(kind, live, &step.changes);
        }
    }
    let mut to = Canon::new(key.is_some());
    to.subject(&step.subject);
    to.put(b'a', step.action.word().as_bytes());
    for planned in &step.requests {
        to.put(b'v', planned.request.verb.word().as_bytes());
        if let Some(body) = &planned.request.body {
            to.wire_object(&kind.shape, body, Mark::Open, &|field| set_by_service(kind, field));
        }
    }
    let fields = step.live.iter().filter(|_| whole).flat_map(|live| fields(kind, live, key)).collect();
    StepDigest { from: from.digest(key, 32), to: to.digest(key, 32), fields }
}

/// A digest of a live object, but for what the service sets for itself: the same before and after a run that
/// changed nothing of it.
pub fn object(kind: &Kind, live: &Object, key: Option<&[u8]>) -> String {
    let mut canon = Canon::new(key.is_some());
    canon.object(&kind.shape, live, Mark::Open, &|field| set_by_service(kind, field));
    canon.digest(key, 32)
}

/// A short digest of one value under a key; what says nothing has the digest of nothing.
pub fn value(value: &Value, compare: Compare, key: &[u8]) -> String {
    let mut canon = Canon::new(true);
    canon.leaf(if value.is_blank() { &Value::Null } else { value }, compare, Mark::Open);
    canon.digest(Some(key), SHORT)
}

/// The short name of a value about a person: the same for the same value, and nothing to try values against for
/// who has not the key. Eight letters and digits after a tilde.
pub fn pseudonym(value: &Value, key: &[u8]) -> String {
    let mut canon = Canon::new(true);
    // told from every other digest of the same value
    canon.put(b'P', b"pseudonym");
    canon.leaf(value, Compare::Exact, Mark::Open);
    let bits = u64::from_str_radix(&canon.digest(Some(key), 5), 16).unwrap_or_default();
    let letter = |at: u32| LETTERS.get((bits >> (35 - 5 * at)) as usize % LETTERS.len()).copied();
    std::iter::once('~').chain((0..8).filter_map(letter).map(char::from)).collect()
}

/// The first of these bytes, two digits each.
fn hexadecimal(digest: &[u8], bytes: usize) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(HEXADECIMAL[usize::from(digit)]));
    digest.iter().take(bytes).flat_map(digits).collect()
}

/// A digest of any bytes; told from those of steps by what is put before it.
pub fn bytes(text: &[u8], key: Option<&[u8]>) -> String {
    sum(&[b"b", &length(text), text], key, 32)
}

/// How the length of a piece stands before it.
fn length(piece: &[u8]) -> [u8; 8] {
    (piece.len() as u64).to_be_bytes()
}

/// The digest of these pieces in hexadecimal digits, cut to so many bytes.
fn sum(pieces: &[&[u8]], key: Option<&[u8]>, bytes: usize) -> String {
    let digest = match key.map(Hmac::<Sha256>::new_from_slice) {
        // HMAC takes keys of any length
        Some(Ok(mac)) => {
            pieces.iter().fold(mac, |mac, piece| mac.chain_update(piece)).finalize().into_bytes()
        }
        Some(Err(_)) => return String::new(),
        None => pieces.iter().fold(Sha256::new(), |sum, piece| sum.chain_update(piece)).finalize(),
    };
    hexadecimal(&digest, bytes)
}

fn fields(kind: &Kind, live: &Object, key: Option<&[u8]>) -> Vec<(String, String)> {
    let relied = kind.shape.fields.iter().filter(|field| !set_by_service(kind, field));
    let digest = |field: &Field| {
        let value = live.get(field.number).filter(|value| says(field, value))?;
        let mut canon = Canon::new(key.is_some());
        canon.field(field, value, Mark::Open, &|_| false);
        Some((field.name.to_string(), canon.digest(key, SHORT)))
    };
    relied.filter_map(digest).collect()
}

/// What moves without anybody's doing; but for the field that tells of every edit.
fn set_by_service(kind: &Kind, field: &Field) -> bool {
    let tells = kind.history.changed_at.map(|number| kind.shape.field(number));
    field.access.computed && !field.access.names_it && !tells.is_some_and(|own| std::ptr::eq(own, field))
}

fn says(field: &Field, value: &Value) -> bool {
    !matches!(value, Value::Null) && !means_nothing(field, value)
}

/// Whether a list of addresses is just one, in the form in which it is compared. Most are.
fn is_one_address(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',' && !byte.is_ascii_uppercase())
}

/// Bytes that are equal exactly when what they were made from is the same. Each piece has a tag and a length,
/// so that no two sequences of pieces can run together.
pub(super) struct Canon {
    keyed: bool,
    out: Zeroizing<Vec<u8>>,
}

/// Whether a field is left out.
type Skip<'s> = &'s dyn Fn(&Field) -> bool;

impl Canon {
    pub(super) fn new(keyed: bool) -> Self {
        Self { keyed, out: Zeroizing::default() }
    }

    pub(super) fn put(&mut self, tag: u8, piece: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(&length(piece));
        self.out.extend_from_slice(piece);
    }

    /// The same in hexadecimal digits, cut to so many bytes.
    pub(super) fn digest(&self, key: Option<&[u8]>, bytes: usize) -> String {
        sum(&[&self.out], key, bytes)
    }

    /// Makes room for the next one.
    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    fn subject(&mut self, subject: &Subject) {
        for name in [&subject.target, &subject.kind.name, &subject.name] {
            self.put(b'n', name.as_bytes());
        }
        for value in &subject.scope {
            self.leaf(value, Compare::Exact, Mark::Open);
        }
        let mark = subject.kind.id_field().mark;
        self.leaf(subject.id.as_ref().unwrap_or(&Value::Null), Compare::Exact, mark);
    }

    /// Whether a value with this mark may enter as it is; if not, whether there is any enters instead.
    fn may_enter(&mut self, mark: Mark, blank: bool) -> bool {
        let open = self.keyed || mark == Mark::Open;
        if !open {
            self.put(b'?', if blank { b"0" } else { b"1" });
        }
        open
    }

    /// What each of these changes was made from, whatever their order.
    fn befores(&mut self, changes: &[Change]) {
        let pieces = changes.iter().map(|change| {
            let mut piece = Canon::new(self.keyed);
            let mark = piece.path(change);
            let nothing = Value::Null;
            piece.form(change.before.as_ref().unwrap_or(&nothing), &change.form, mark);
            piece
        });
        let pieces = pieces.collect();
        self.in_any_order(pieces);
    }

    /// Where a value of which nothing else enters is to be replaced: when the object was last edited, as far as
    /// the service tells.
    fn edits(&mut self, kind: &Kind, live: &Object, changes: &[Change]) {
        if self.keyed || changes.iter().all(|change| change.mark == Mark::Open) {
            return;
        }
        let history = [kind.history.changed_at, kind.history.edited_by_others_at];
        for field in history.into_iter().flatten().map(|number| kind.shape.field(number)) {
            if let Some(value) = live.get(field.number) {
                self.field(field, value, Mark::Open, &|_| false);
            }
        }
    }

    /// The path of a change; gives the strictest mark on it.
    fn path(&mut self, change: &Change) -> Mark {
        let mut mark = change.mark;
        for segment in &change.path.0 {
            match segment {
                Segment::Field(name) => self.put(b'f', name.as_bytes()),
                Segment::Key(key, own) => {
                    mark = mark.max(*own);
                    self.leaf(&Value::Text(key.clone()), Compare::Exact, mark);
                }
                Segment::Item { index, key } if key.is_empty() => self.put(b'i', &index.to_be_bytes()),
                Segment::Item { key, .. } => {
                    for leaf in key {
                        self.put(b'k', leaf.name.as_bytes());
                        self.leaf(&leaf.value, Compare::Exact, mark.max(leaf.mark));
                    }
                }
            }
        }
        mark
    }

    fn form(&mut self, value: &Value, form: &Form, mark: Mark) {
        match (form, value) {
            (Form::Object(shape), Value::Object(object)) => self.object(shape, object, mark, &|_| false),
            (Form::Object(_), Value::List(items)) => {
                items.iter().for_each(|item| self.form(item, form, mark));
            }
            _ => self.leaf(value, Compare::Exact, mark),
        }
    }

    fn object(&mut self, shape: &Shape, object: &Object, mark: Mark, skip: Skip) {
        for field in shape.fields.iter().filter(|field| !skip(field)) {
            if let Some(value) = object.get(field.number).filter(|value| says(field, value)) {
                self.field(field, value, mark, skip);
            }
        }
        let strangers = object.strangers.iter().map(|stranger| {
            let mut piece = Canon::new(self.keyed);
            piece.put(b's', stranger.name.as_bytes());
            // nobody knows what a stranger holds
            piece.leaf(&Value::Text(stranger.raw.clone()), Compare::Exact, Mark::Sensitive);
            piece
        });
        let strangers = strangers.collect();
        self.in_any_order(strangers);
        self.put(b'.', b"");
    }

    fn field(&mut self, field: &Field, value: &Value, mark: Mark, skip: Skip) {
        self.put(b'f', field.name.as_bytes());
        let mark = mark.max(field.mark);
        match (&field.ty, value) {
            (Type::Object(shape), Value::Object(object)) => self.object(shape, object, mark, skip),
            (Type::List(list), Value::List(items)) => self.list(list, items, mark, skip),
            _ => self.leaf(value, field.compare, mark),
        }
    }

    fn list(&mut self, list: &ListType, items: &[Value], mark: Mark, skip: Skip) {
        let pieces = items.iter().map(|item| {
            let mut piece = Canon::new(self.keyed);
            match (&list.item, item) {
                (Item::Object(shape), Value::Object(object)) => piece.object(shape, object, mark, skip),
                _ => piece.leaf(item, Compare::Exact, mark),
            }
            piece
        });
        let pieces = pieces.collect();
        self.items(list, pieces);
    }

    fn items(&mut self, list: &ListType, pieces: Vec<Canon>) {
        match list.told_apart {
            ToldApart::Order => pieces.iter().for_each(|piece| self.put(b'i', &piece.out)),
            ToldApart::Set | ToldApart::Keys(_) => self.in_any_order(pieces),
        }
        self.put(b']', b"");
    }

    fn in_any_order(&mut self, mut pieces: Vec<Canon>) {
        pieces.sort_unstable_by(|a, b| a.out.cmp(&b.out));
        pieces.iter().for_each(|piece| self.put(b'i', &piece.out));
    }

    /// A value without fields of its own.
    pub(super) fn leaf(&mut self, value: &Value, compare: Compare, mark: Mark) {
        if !self.may_enter(mark, value.is_blank()) {
            return;
        }
        match value {
            Value::Null => self.put(b'0', b""),
            Value::Flag(flag) => self.put(b'b', &[u8::from(*flag)]),
            Value::Whole(number) => self.put(b'#', number.to_string().as_bytes()),
            Value::Decimal(number) => self.put(b'#', number.normalize().to_string().as_bytes()),
            Value::Guid(guid) => self.put(b'g', guid.as_bytes()),
            Value::Text(text) => self.text(text, compare),
            Value::Date(date) => self.put(b'd', date.is.to_string().as_bytes()),
            Value::Time(time) => self.put(b'd', time.is.to_string().as_bytes()),
            Value::Number(text) => self.put(b'#', text.as_bytes()),
            Value::Later(name) => self.put(b'l', name.as_bytes()),
            Value::List(items) => items.iter().for_each(|item| self.leaf(item, compare, mark)),
            Value::Map(entries) => self.map(entries, mark),
            // an object whose shape nobody knows here has no field that may be told
            Value::Object(_) => self.put(b'?', b"1"),
        }
    }

    fn text(&mut self, text: &str, compare: Compare) {
        match compare {
            Compare::Exact => self.put(b't', text.as_bytes()),
            Compare::IgnoreCase => self.put(b't', text.to_lowercase().as_bytes()),
            Compare::Addresses if is_one_address(text) => self.put(b't', text.as_bytes()),
            Compare::Addresses => self.put(b't', addresses(text).join(",").as_bytes()),
        }
    }

    fn map(&mut self, entries: &[(Box<str>, Value)], mark: Mark) {
        let pieces = entries.iter().map(|(key, value)| {
            let mut piece = Canon::new(self.keyed);
            piece.put(b'k', key.as_bytes());
            piece.leaf(value, Compare::Exact, mark);
            piece
        });
        let pieces = pieces.collect();
        self.in_any_order(pieces);
        self.put(b'}', b"");
    }

    /// A body, read against the shape that it was written from.
    fn wire_object(&mut self, shape: &Shape, body: &Wire, mark: Mark, skip: Skip) {
        let Wire::Object(members) = body else { return self.wire(body, mark) };
        for (name, value) in members {
            match shape.fields.iter().find(|field| *field.written_as == **name) {
                Some(field) if skip(field) => {}
                Some(field) => {
                    self.put(b'f', field.name.as_bytes());
                    self.wire_field(field, value, mark.max(field.mark), skip);
                }
                // a stranger, or what goes through a member of its own: nobody here knows its marks
                None => {
                    self.put(b's', name.as_bytes());
                    self.wire(value, mark.max(Mark::Sensitive));
                }
            }
        }
        self.put(b'.', b"");
    }

    fn wire_field(&mut self, field: &Field, value: &Wire, mark: Mark, skip: Skip) {
        match (&field.ty, value) {
            (Type::Object(shape), Wire::Object(_)) => self.wire_object(shape, value, mark, skip),
            (Type::List(list), Wire::List(items)) => {
                let pieces = items.iter().map(|item| {
                    let mut piece = Canon::new(self.keyed);
                    match &list.item {
                        Item::Object(shape) => piece.wire_object(shape, item, mark, skip),
                        Item::Leaf(_) => piece.wire(item, mark),
                    }
                    piece
                });
                let pieces = pieces.collect();
                self.items(list, pieces);
            }
            (Type::Leaf(Leaf::Decimal(_)), Wire::Number(digits)) => match digits.parse() {
                Ok(number) => self.leaf(&Value::Decimal(number), Compare::Exact, mark),
                Err(_) => self.wire(value, mark),
            },
            _ => self.wire(value, mark),
        }
    }

    fn wire(&mut self, value: &Wire, mark: Mark) {
        let blank = match value {
            Wire::Null => true,
            Wire::Text(text) => text.is_empty(),
            _ => false,
        };
        if !self.may_enter(mark, blank) {
            return;
        }
        match value {
            Wire::Null => self.put(b'0', b""),
            Wire::Flag(flag) => self.put(b'b', &[u8::from(*flag)]),
            Wire::Number(text) => self.put(b'#', text.as_bytes()),
            Wire::Text(text) => self.put(b't', text.as_bytes()),
            Wire::Guid(guid) => self.put(b'g', guid.as_bytes()),
            Wire::Moment(text) => self.put(b'd', text.as_bytes()),
            Wire::Raw(text) => self.put(b'r', text.as_bytes()),
            Wire::List(items) => {
                items.iter().for_each(|item| self.wire(item, mark));
                self.put(b']', b"");
            }
            Wire::Object(members) => {
                let pieces = members.iter().map(|(name, value)| {
                    let mut piece = Canon::new(self.keyed);
                    piece.put(b'k', name.as_bytes());
                    piece.wire(value, mark);
                    piece
                });
                let pieces = pieces.collect();
                self.in_any_order(pieces);
                self.put(b'}', b"");
            }
        }
    }
}
