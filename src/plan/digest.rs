//! What a step relied on and what it would send, as digests: to recognise a reviewed step.
//!
//! What compares as the same digests as the same: order where it says nothing, scale of decimals, what means
//! nothing. With a key everything enters a digest, under HMAC. Without one the values of marked fields stay
//! out: of live ones whether there is any enters, of those in a body their length. A digest that anybody can compute
//! lets anybody guess a PIN.
//! What a step would send is bound whole: encoding, headers, method, path, query, body and its member names.
//! Deliberately absent: fields that the service sets for itself, and credentials.

mod bodies;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::exchange::PlannedRequest;
use crate::kind::address::expand_path;
use crate::kind::equality::{equals_absent, normalize_addresses, normalize_json};
use crate::kind::{
    ArrayType, ComparisonRule, Field, FieldType, IfMatchSource, ItemType, Kind, ListType, ScalarType, Shape,
    WriteBody,
};
use crate::plan::{Change, ChangeValueType, PlanSubject, Step};
use crate::value::{Object, PathSegment, Sensitivity, Value};

/// How many bytes of a digest are reported for one field; it only helps to name what moved.
const SHORT_DIGEST_BYTES: usize = 8;

/// What short names are made of: nothing that is taken for something else when it is read aloud.
const PSEUDONYM_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The digests that identify a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepDigest {
    /// What the step relied on.
    pub precondition: String,
    /// What it would send.
    pub payload: String,
    /// Where the step relied on the whole object: each of its fields that says something, by name.
    pub field_digests: Vec<(String, String)>,
}

/// Digests of a step; `key` lets marked values enter.
pub fn digest_step(step: &Step, key: Option<&[u8]>) -> StepDigest {
    let kind = &step.subject.kind;
    let whole = step.body_mode == WriteBody::Full;
    let mut from = CanonicalEncoder::new(key.is_some());
    from.write_subject(&step.subject);
    match &step.live {
        None => from.write_piece(b'0', b""),
        Some(live) if whole => {
            from.write_object(&kind.shape, live, Sensitivity::Public, &|field| is_set_by_service(kind, field))
        }
        Some(live) => {
            from.write_before_values(&step.changes);
            from.write_edit_times(kind, live, &step.changes);
        }
    }
    let mut to = CanonicalEncoder::new(key.is_some());
    to.write_subject(&step.subject);
    to.write_piece(b'a', step.action.as_str().as_bytes());
    to.write_encoding(kind);
    for planned in &step.requests {
        to.write_request_line(&step.subject, &planned.request);
        if let Some(body) = &planned.request.body {
            match planned.operation {
                // of a delete the kind says all of it, and nothing of it moves by itself
                None => to.write_wire_value(body, Sensitivity::Public),
                Some(_) => {
                    let skip = |field: &Field| is_set_by_service(kind, field);
                    to.write_wire_object(&kind.shape, body, Sensitivity::Public, &skip);
                }
            }
        }
    }
    let fields = step.live.iter().filter(|_| whole).flat_map(|live| digest_fields(kind, live, key)).collect();
    StepDigest {
        precondition: from.to_digest(key, 32),
        payload: to.to_digest(key, 32),
        field_digests: fields,
    }
}

/// A digest of a live object, but for what the service sets for itself: the same before and after a run that
/// changed nothing of it.
pub fn digest_object(kind: &Kind, live: &Object, key: Option<&[u8]>) -> String {
    let mut canon = CanonicalEncoder::new(key.is_some());
    canon.write_object(&kind.shape, live, Sensitivity::Public, &|field| is_set_by_service(kind, field));
    canon.to_digest(key, 32)
}

/// A short digest of one value under a key; what says nothing has the digest of nothing.
pub fn digest_value(value: &Value, compare: ComparisonRule, key: &[u8]) -> String {
    let mut canon = CanonicalEncoder::new(true);
    canon.write_scalar(if value.is_blank() { &Value::Null } else { value }, compare, Sensitivity::Public);
    canon.to_digest(Some(key), SHORT_DIGEST_BYTES)
}

/// The short name of a value about a person: the same for the same value, and nothing to try values against for
/// who has not the key. Eight letters and digits after a tilde.
pub fn derive_pseudonym(value: &Value, key: &[u8]) -> String {
    let mut canon = CanonicalEncoder::new(true);
    // distinguished from every other digest of the same value
    canon.write_piece(b'P', b"pseudonym");
    canon.write_scalar(value, ComparisonRule::Exact, Sensitivity::Public);
    let bits = u64::from_str_radix(&canon.to_digest(Some(key), 5), 16).unwrap_or_default();
    let letter = |at: u32| {
        PSEUDONYM_ALPHABET.get((bits >> (35 - 5 * at)) as usize % PSEUDONYM_ALPHABET.len()).copied()
    };
    std::iter::once('~').chain((0..8).filter_map(letter).map(char::from)).collect()
}

/// The first of these bytes, two digits each.
fn encode_hex(digest: &[u8], bytes: usize) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(HEX_DIGITS[usize::from(digit)]));
    digest.iter().take(bytes).flat_map(digits).collect()
}

/// A digest of any bytes; distinguished from those of steps by what is put before it.
pub fn digest_bytes(text: &[u8], key: Option<&[u8]>) -> String {
    compute_digest(&[b"b", &encode_length(text.len()), text], key, 32)
}

/// The form of a length before its piece.
fn encode_length(length: usize) -> [u8; 8] {
    (length as u64).to_be_bytes()
}

/// The digest of these pieces in hexadecimal digits, cut to so many bytes.
fn compute_digest(pieces: &[&[u8]], key: Option<&[u8]>, bytes: usize) -> String {
    let digest = match key.map(Hmac::<Sha256>::new_from_slice) {
        // HMAC takes keys of any length
        Some(Ok(mac)) => {
            pieces.iter().fold(mac, |mac, piece| mac.chain_update(piece)).finalize().into_bytes()
        }
        Some(Err(_)) => return String::new(),
        None => pieces.iter().fold(Sha256::new(), |sum, piece| sum.chain_update(piece)).finalize(),
    };
    encode_hex(&digest, bytes)
}

fn digest_fields(kind: &Kind, live: &Object, key: Option<&[u8]>) -> Vec<(String, String)> {
    let relied = kind.shape.fields.iter().filter(|field| !is_set_by_service(kind, field));
    let digest = |field: &Field| {
        let value = live.get_field(field.number).filter(|value| has_content(field, value))?;
        let mut canon = CanonicalEncoder::new(key.is_some());
        canon.write_field(field, value, Sensitivity::Public, &|_| false);
        Some((field.name.to_string(), canon.to_digest(key, SHORT_DIGEST_BYTES)))
    };
    relied.filter_map(digest).collect()
}

/// What moves without anybody's doing; but for the field that tells of every edit.
fn is_set_by_service(kind: &Kind, field: &Field) -> bool {
    let tells = kind.history.changed_at.map(|number| kind.shape.get_field(number));
    field.behavior.read_only
        && !field.behavior.identifier
        && !tells.is_some_and(|own| std::ptr::eq(own, field))
}

fn has_content(field: &Field, value: &Value) -> bool {
    !matches!(value, Value::Null) && !equals_absent(field, value)
}

/// Whether a list of addresses is just one, in the form in which it is compared. Most are.
fn is_single_address(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',' && !byte.is_ascii_uppercase())
}

/// Bytes that are equal exactly when what they were made from is the same. Each piece has a tag and a length,
/// so that no two sequences of pieces can run together.
pub(super) struct CanonicalEncoder {
    keyed: bool,
    out: Zeroizing<Vec<u8>>,
}

/// Whether a field is left out.
type SkipPredicate<'s> = &'s dyn Fn(&Field) -> bool;

impl CanonicalEncoder {
    pub(super) fn new(keyed: bool) -> Self {
        Self { keyed, out: Zeroizing::default() }
    }

    pub(super) fn write_piece(&mut self, tag: u8, piece: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(&encode_length(piece.len()));
        self.out.extend_from_slice(piece);
    }

    /// The same in hexadecimal digits, cut to so many bytes.
    pub(super) fn to_digest(&self, key: Option<&[u8]>, bytes: usize) -> String {
        compute_digest(&[&self.out], key, bytes)
    }

    /// Makes room for the next one.
    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    fn write_subject(&mut self, subject: &PlanSubject) {
        for name in [&subject.target, &subject.kind.name, &subject.name] {
            self.write_piece(b'n', name.as_bytes());
        }
        for value in &subject.scope {
            self.write_scalar(value, ComparisonRule::Exact, Sensitivity::Public);
        }
        let mark = subject.kind.id_field().sensitivity;
        self.write_scalar(subject.id.as_ref().unwrap_or(&Value::Null), ComparisonRule::Exact, mark);
    }

    /// What of the API shapes the bytes of every request.
    fn write_encoding(&mut self, kind: &Kind) {
        let api = &kind.api;
        self.write_piece(b'A', api.name.as_bytes());
        self.write_piece(b'A', format!("{:?} {:?}", api.uuid_format, api.member_names).as_bytes());
        for (name, value) in &api.headers {
            self.write_piece(b'h', name.as_bytes());
            self.write_piece(b'h', value.as_bytes());
        }
        let if_match = match kind.operations.if_match {
            None => "",
            Some(IfMatchSource::Etag) => "etag",
            Some(IfMatchSource::Field(number)) => &kind.shape.get_field(number).name,
        };
        self.write_piece(b'h', if_match.as_bytes());
    }

    /// Method, path and query. Without a key, an id that must not be guessed is left out of the path.
    fn write_request_line(&mut self, subject: &PlanSubject, request: &PlannedRequest) {
        self.write_piece(b'v', format!("{:?} {:?}", request.method, request.body_form).as_bytes());
        let is_open = self.keyed || subject.kind.id_field().sensitivity == Sensitivity::Public;
        let kind = &subject.kind;
        let hidden = subject.id.as_ref().filter(|id| !is_open && !id.is_blank());
        let spellings = hidden.map_or_else(Vec::new, |id| {
            let template = format!("{{{}}}", kind.id_field().name);
            vec![expand_path(&template, kind, &[], Some(id)), ScalarType::render_url_text(id, &kind.api)]
        });
        let mask =
            |text: &str| spellings.iter().fold(text.to_owned(), |text, id| text.replace(&**id, "{id}"));
        self.write_piece(b'u', mask(&request.path).as_bytes());
        for (name, value) in &request.query {
            self.write_piece(b'q', name.as_bytes());
            self.write_piece(b'q', mask(value).as_bytes());
        }
    }

    /// Whether a value with this mark may enter as it is.
    fn is_open(&self, mark: Sensitivity) -> bool {
        self.keyed || mark == Sensitivity::Public
    }

    /// What each of these changes was made from, whatever their order.
    fn write_before_values(&mut self, changes: &[Change]) {
        let pieces = changes.iter().map(|change| {
            let mut piece = CanonicalEncoder::new(self.keyed);
            let mark = piece.write_path(change);
            let nothing = Value::Null;
            piece.write_typed_value(change.before.as_ref().unwrap_or(&nothing), &change.value_type, mark);
            piece
        });
        let pieces = pieces.collect();
        self.write_unordered(pieces);
    }

    /// Where a value of which nothing else enters is to be replaced: when the object was last edited, as far as
    /// the service tells.
    fn write_edit_times(&mut self, kind: &Kind, live: &Object, changes: &[Change]) {
        if self.keyed || changes.iter().all(|change| change.sensitivity == Sensitivity::Public) {
            return;
        }
        let history = [kind.history.changed_at, kind.history.edited_by_others_at];
        for field in history.into_iter().flatten().map(|number| kind.shape.get_field(number)) {
            if let Some(value) = live.get_field(field.number) {
                self.write_field(field, value, Sensitivity::Public, &|_| false);
            }
        }
    }

    /// The path of a change; gives the strictest mark on it.
    fn write_path(&mut self, change: &Change) -> Sensitivity {
        let mut mark = change.sensitivity;
        for segment in &change.path.0 {
            match segment {
                PathSegment::Field(name) => self.write_piece(b'f', name.as_bytes()),
                PathSegment::Key(key, own) => {
                    mark = mark.max(*own);
                    self.write_scalar(&Value::String(key.clone()), ComparisonRule::Exact, mark);
                }
                PathSegment::Item { index, key } if key.is_empty() => {
                    self.write_piece(b'i', &index.to_be_bytes())
                }
                PathSegment::Item { key, .. } => {
                    for scalar in key {
                        self.write_piece(b'k', scalar.name.as_bytes());
                        self.write_scalar(&scalar.value, ComparisonRule::Exact, mark.max(scalar.sensitivity));
                    }
                }
            }
        }
        mark
    }

    fn write_typed_value(&mut self, value: &Value, form: &ChangeValueType, mark: Sensitivity) {
        match (form, value) {
            (ChangeValueType::Object(shape), Value::Object(object)) => {
                self.write_object(shape, object, mark, &|_| false)
            }
            (ChangeValueType::Object(_), Value::Array(items)) => {
                items.iter().for_each(|item| self.write_typed_value(item, form, mark));
            }
            _ => self.write_scalar(value, ComparisonRule::Exact, mark),
        }
    }

    fn write_object(&mut self, shape: &Shape, object: &Object, mark: Sensitivity, skip: SkipPredicate) {
        for field in shape.fields.iter().filter(|field| !skip(field)) {
            if let Some(value) = object.get_field(field.number).filter(|value| has_content(field, value)) {
                self.write_field(field, value, mark, skip);
            }
        }
        // members that no field describes move by themselves
        self.write_piece(b'.', b"");
    }

    fn write_field(&mut self, field: &Field, value: &Value, mark: Sensitivity, skip: SkipPredicate) {
        self.write_piece(b'f', field.name.as_bytes());
        let mark = mark.max(field.sensitivity);
        match (&field.ty, value) {
            (FieldType::Object(shape), Value::Object(object)) => self.write_object(shape, object, mark, skip),
            (FieldType::Array(list), Value::Array(items)) => self.write_list(list, items, mark, skip),
            _ => self.write_scalar(value, field.compare, mark),
        }
    }

    fn write_list(&mut self, list: &ArrayType, items: &[Value], mark: Sensitivity, skip: SkipPredicate) {
        let pieces = items.iter().map(|item| {
            let mut piece = CanonicalEncoder::new(self.keyed);
            match (&list.item, item) {
                (ItemType::Object(shape), Value::Object(object)) => {
                    piece.write_object(shape, object, mark, skip)
                }
                _ => piece.write_scalar(item, ComparisonRule::Exact, mark),
            }
            piece
        });
        let pieces = pieces.collect();
        self.write_items(list, pieces);
    }

    fn write_items(&mut self, list: &ArrayType, pieces: Vec<CanonicalEncoder>) {
        match list.list_type {
            ListType::Atomic => pieces.iter().for_each(|piece| self.write_piece(b'i', &piece.out)),
            ListType::Set | ListType::Map(_) => self.write_unordered(pieces),
        }
        self.write_piece(b']', b"");
    }

    fn write_unordered(&mut self, mut pieces: Vec<CanonicalEncoder>) {
        pieces.sort_unstable_by(|a, b| a.out.cmp(&b.out));
        pieces.iter().for_each(|piece| self.write_piece(b'i', &piece.out));
    }

    /// A value without fields of its own.
    pub(super) fn write_scalar(&mut self, value: &Value, compare: ComparisonRule, mark: Sensitivity) {
        if !self.is_open(mark) {
            return self.write_piece(b'?', if value.is_blank() { b"0" } else { b"1" });
        }
        match value {
            Value::Null => self.write_piece(b'0', b""),
            Value::Boolean(flag) => self.write_piece(b'b', &[u8::from(*flag)]),
            Value::Integer(number) => self.write_piece(b'#', number.to_string().as_bytes()),
            Value::Decimal(number) => self.write_piece(b'#', number.normalize().to_string().as_bytes()),
            Value::Uuid(guid) => self.write_piece(b'g', guid.as_bytes()),
            Value::String(text) => self.write_text(text, compare),
            Value::Date(date) => self.write_piece(b'd', date.value.to_string().as_bytes()),
            Value::DateTime(time) => self.write_piece(b'd', time.value.to_string().as_bytes()),
            Value::Number(text) => self.write_piece(b'#', text.as_bytes()),
            Value::KnownAfterApply(name) => self.write_piece(b'l', name.as_bytes()),
            Value::Array(items) => items.iter().for_each(|item| self.write_scalar(item, compare, mark)),
            Value::Map(entries) => self.write_map(entries, mark),
            // an object whose shape no one knows here has no field that may be reported
            Value::Object(_) => self.write_piece(b'?', b"1"),
        }
    }

    fn write_text(&mut self, text: &str, compare: ComparisonRule) {
        match compare {
            ComparisonRule::Exact => self.write_piece(b't', text.as_bytes()),
            ComparisonRule::CaseInsensitive => self.write_piece(b't', text.to_lowercase().as_bytes()),
            ComparisonRule::Json => self.write_piece(b't', normalize_json(text).as_bytes()),
            ComparisonRule::Addresses if is_single_address(text) => self.write_piece(b't', text.as_bytes()),
            ComparisonRule::Addresses => {
                self.write_piece(b't', normalize_addresses(text).join(",").as_bytes())
            }
        }
    }

    fn write_map(&mut self, entries: &[(Box<str>, Value)], mark: Sensitivity) {
        let pieces = entries.iter().map(|(key, value)| {
            let mut piece = CanonicalEncoder::new(self.keyed);
            piece.write_piece(b'k', key.as_bytes());
            piece.write_scalar(value, ComparisonRule::Exact, mark);
            piece
        });
        let pieces = pieces.collect();
        self.write_unordered(pieces);
        self.write_piece(b'}', b"");
    }
}
