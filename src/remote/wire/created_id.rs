//! The id of a new object, as the response to its create says it.
//!
//! Deliberately absent: whether the id is the right one; that is compared when the object is read back.

use super::lexer::decode_utf8;
use super::page::{read_bare_scalar, read_object_spellings, read_texts};
use crate::exchange::HttpResponse;
use crate::kind::scalar::ScalarToken;
use crate::kind::{FieldType, Kind, ScalarType, WireFormat, WriteResponse};
use crate::value::Value;

/// The id of a new object: in the response, or in the URL that its `Location` says.
pub fn read_created_id(response: &HttpResponse, format: WireFormat, kind: &Kind) -> Option<Value> {
    let create = kind.operations.create.as_ref()?;
    if create.response != WriteResponse::Location {
        return read_id(&response.body, format, kind, create.response_member.as_deref());
    }
    let FieldType::Scalar(scalar_type) = &kind.id_field().ty else { return None };
    let location = response.find_header("location")?;
    let path = location.split(['?', '#']).next()?.trim_end_matches('/');
    let segment = path.rsplit('/').next()?;
    let text = percent_encoding::percent_decode_str(segment).decode_utf8().ok()?;
    scalar_type.read_token(ScalarToken::String(&text)).ok().filter(|id| !id.is_zero())
}

/// The id that a create answers: bare, quoted, or in an object. All zeros is none.
pub fn read_id(body: &[u8], format: WireFormat, kind: &Kind, member: Option<&str>) -> Option<Value> {
    let FieldType::Scalar(scalar_type) = &kind.id_field().ty else { return None };
    let id = match read_object_spellings(body, format, kind, member) {
        Ok((live, _)) => live.object.get_field(kind.identity.id).cloned(),
        Err(_) if member.is_some() => {
            let paths = member.map(str::to_owned);
            let texts = read_texts(body, format, paths.as_slice()).ok()?;
            scalar_type.read_token(ScalarToken::String(texts.first()?)).ok()
        }
        Err(_) => scalar_type.read_token(ScalarToken::String(&read_word(body, format, scalar_type)?)).ok(),
    };
    id.filter(|id| !id.is_zero())
}

/// A single word: as the format writes it, or bare where only an id can be meant.
fn read_word(body: &[u8], format: WireFormat, scalar_type: &ScalarType) -> Option<Box<str>> {
    let body = body.trim_ascii();
    let bare = || {
        decode_utf8(body)
            .ok()
            .filter(|_| matches!(scalar_type, ScalarType::Uuid | ScalarType::Integer(_)))
            .map(Box::from)
    };
    let word = read_bare_scalar(body, format).ok().flatten().or_else(bare)?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>{}[]\"".contains(c);
    (word.len() <= 200 && word.chars().all(plain)).then_some(word)
}
