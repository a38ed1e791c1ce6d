//! The wire formats: bodies to bytes, and answers to the typed tree under the kind's guidance.
//!
//! JSON and JSV differ only in how a text is cut into tokens ([`lexer::WireLexer`]); everything above the tokens is one
//! reader, so the same data mean the same in either. What does not fit the kind is not lost and not guessed:
//! it stays a stranger with a [`SchemaMismatch`] beside it, and no one should write an object that has one.
//! Depth and number of values are bounded. No message here repeats anything of a body.
//! Deliberately absent: HTTP, and what a difference means.

/// Reads a body with the lexer of its format.
macro_rules! with_lexer {
    ($body:expr, $format:expr, |$lexer:ident| $read:expr) => {{
        let text = $crate::remote::wire::lexer::decode_utf8($body)?;
        match $format {
            $crate::kind::WireFormat::Json => {
                let $lexer = $crate::remote::json::JsonLexer::new(text);
                $read
            }
            $crate::kind::WireFormat::Jsv => {
                let $lexer = $crate::remote::jsv::JsvLexer::new(text);
                $read
            }
        }
    }};
}

mod content_type;
mod created_id;
pub(in crate::remote) mod lexer;
mod lookup;
mod member_search;
mod object_reader;
mod page;
mod page_signs;
mod request_body;
mod snapshot;

pub use content_type::{check_content_type, format_name};
pub(in crate::remote) use content_type::{find_format, is_html};
pub use created_id::{read_created_id, read_id};
pub use lexer::DecodeError;
pub use lookup::{LookupColumns, LookupPage, LookupRow, read_lookup_page};
pub use page::{
    TotalPreview, is_error_in_success, peek_total, read_any, read_object, read_object_spellings, read_page,
    read_page_with, read_texts,
};
pub use page_signs::add_header_signs;
pub use request_body::{encode_body, encode_request_body, get_media_type};
pub use snapshot::{ListPage, LookupLink, MemberSpelling, SchemaMismatch, Snapshot};
