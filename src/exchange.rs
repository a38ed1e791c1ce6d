//! Requests and responses as data: what a plan says will be sent, and what came back.
//!
//! A body is a tree of wire members, not bytes: names and forms are already those of the API, so any wire
//! format can write it down without knowing the kind. A body may hold secrets, hence no `Debug` here.
//! Deliberately absent: hosts, credentials, retries; those belong to `remote`.

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Method {
    Get,
    /// A read by POST: the service finds objects by what the body says, and changes nothing.
    Search,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// Whether it changes nothing.
    pub fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::Search)
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Search | Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One request, complete but for host and credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedRequest {
    pub method: Method,
    /// Below the base URL, parameters filled in and percent-encoded.
    pub path: String,
    /// Not yet encoded.
    pub query: Vec<(String, String)>,
    pub body: Option<WireValue>,
    pub body_form: BodyForm,
    /// Whether sending it twice is the same as sending it once.
    pub idempotent: bool,
}

impl PlannedRequest {
    /// A read of what is at `path`.
    pub fn read(path: String, query: Vec<(String, String)>) -> Self {
        let body_form = BodyForm::default();
        Self { method: Method::Get, path, query, body: None, body_form, idempotent: true }
    }
}

/// What is around a body, and how it is encoded.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct BodyForm {
    /// The member that holds the object; dots reach inwards, `[]` at the end makes it a list of one.
    pub member: Option<Box<str>>,
    pub encoding: BodyEncoding,
}

/// How a body is encoded.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum BodyEncoding {
    /// In the format of the API.
    #[default]
    Default,
    /// As a form, with members in brackets: `address[city]=Oslo&tags[]=a`.
    Form,
    /// As a JSON merge patch (RFC 7396): members that differ, null for those that go.
    MergePatch,
    /// As a JSON Patch (RFC 6902): `add` for members that differ, `remove` for those that go.
    JsonPatch,
}

impl BodyForm {
    /// The names of the members around the object, and whether it is a list of one.
    pub fn split_member(member: &str) -> (Vec<&str>, bool) {
        let (path, is_list) = member.strip_suffix("[]").map_or((member, false), |path| (path, true));
        (path.split('.').collect(), is_list)
    }

    /// A value inside its member.
    pub fn wrap_value(member: Option<&str>, value: WireValue) -> WireValue {
        let Some(member) = member else { return value };
        let (names, is_list) = Self::split_member(member);
        let inner = if is_list { WireValue::Array(vec![value]) } else { value };
        names.iter().rev().fold(inner, |inner, name| WireValue::Object(vec![((*name).to_owned(), inner)]))
    }
}

/// A body, or a part of one, in the API's own names and forms.
#[derive(Clone, PartialEq, Eq)]
pub enum WireValue {
    Null,
    Boolean(bool),
    /// Digits in plain notation, written bare.
    Number(String),
    String(String),
    Uuid(Uuid),
    /// A date or a time: a string in JSON, written bare in JSV.
    DateTime(String),
    Array(Vec<WireValue>),
    Object(Vec<(String, WireValue)>),
    /// An unknown member in the bytes it came in; only ever sent back in the same wire format.
    Raw(String),
}

/// What came back, read whole and within bounds.
#[derive(Clone, Default)]
pub struct HttpResponse {
    pub status: u16,
    /// Without parameters, lower case; empty when the server named none.
    pub content_type: String,
    /// `Retry-After` as sent.
    pub retry_after: Option<String>,
    /// `ETag` as sent: what tells this state of what was read from the next.
    pub etag: Option<String>,
    /// The headers but for cookies, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What headers say of the rate limit.
    pub rate_limit: RateLimitHeaders,
    /// The server's own name for this exchange, where it gave one.
    pub request_id: Option<String>,
    pub body: Vec<u8>,
}

/// What `RateLimit` headers say, in any of their spellings.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct RateLimitHeaders {
    /// How many requests are left.
    pub remaining: Option<u64>,
    /// When more are allowed: seconds from now, or seconds since 1970.
    pub reset: Option<u64>,
}

impl HttpResponse {
    /// A header; the values of several with the same name are joined with commas.
    pub fn find_header(&self, name: &str) -> Option<String> {
        let own = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let values: Vec<&str> = own.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Whether the server says that it did what was asked.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
