//! The words of `api.yaml`: everything about one API that its kinds share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ClearValue, SettleTime};

/// Everything about one API that its kinds share.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ApiFile {
    /// The version of this format: 1.
    pub format: u32,
    /// The service's name, e.g. `BootView`.
    pub title: String,
    /// What it is, in one or two sentences.
    pub description: String,
    /// Where the facts come from.
    #[serde(default)]
    pub source: Option<String>,
    /// The base URL of a target that names none. Without it every target must name one.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The API's own hosts. Credentials may go there without asking when the API comes with trueup; for an API of a workspace, the operator names them in `TRUEUP_ALLOWED_HOSTS`, because a change of the repository alone must not send a credential anywhere.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The formats of bodies; the first is the default.
    pub formats: Vec<WireFormat>,
    /// Whether upper and lower case differ in member names.
    #[serde(default)]
    pub member_names: MemberNameCase,
    /// How UUIDs are written.
    #[serde(default)]
    pub uuid_format: UuidFormat,
    /// The authentication schemes of this API.
    #[serde(default)]
    pub auth: Vec<AuthScheme>,
    /// The API's own headers for credentials.
    #[serde(default)]
    pub auth_headers: Vec<String>,
    /// Where `oauth_password` gets its tokens.
    #[serde(default)]
    pub oauth: Option<OauthFile>,
    /// How `login` opens a session.
    #[serde(default)]
    pub login: Option<ApiLoginFile>,
    /// Headers sent with every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The header that holds a key for each POST. The service carries out one of several requests with the same key, so that a POST without an answer is sent again.
    #[serde(default)]
    pub idempotency_header: Option<String>,
    /// How a write that was answered 202 is followed to its end.
    #[serde(default)]
    pub operation_status: Option<OperationStatusFile>,
    /// What clears fields, unless a field says otherwise.
    #[serde(default)]
    pub clear_with: ClearDefaultsFile,
    /// Where an error response holds its messages.
    #[serde(default)]
    pub errors: ErrorsFile,
    /// The limits of the API.
    #[serde(default)]
    pub limits: LimitsFile,
}

/// The format of a body.
#[derive(Deserialize, serde::Serialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WireFormat {
    /// JSON.
    Json,
    /// ServiceStack's JSV.
    Jsv,
}

/// Whether upper and lower case differ in member names.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum MemberNameCase {
    /// They differ.
    #[default]
    Exact,
    /// They are the same.
    CaseInsensitive,
    /// They are the same, and a name is written in the case in which the service last returned it.
    PreserveCase,
}

impl MemberNameCase {
    /// Whether a member is called `name`.
    pub fn is_same_name(self, own: &str, name: &str) -> bool {
        match self {
            Self::Exact => own == name,
            Self::CaseInsensitive | Self::PreserveCase => own.eq_ignore_ascii_case(name),
        }
    }
}

/// How UUIDs are written.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum UuidFormat {
    /// `5e1f0a77-2c3d-4b4e-8f50-6172839405a6`.
    #[default]
    Hyphenated,
    /// `5e1f0a772c3d4b4e8f506172839405a6`.
    Plain,
}

/// An authentication scheme.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum AuthScheme {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: Token …`.
    Token,
    /// `Authorization: Basic …`.
    Basic,
    /// Headers of any name.
    Headers,
    /// Query parameters of any name.
    Query,
    /// A session opened with name and password.
    Login,
    /// A token from an OAuth password grant.
    OauthPassword,
    /// A token from an OAuth client credentials grant.
    OauthClientCredentials,
    /// A token from an OAuth refresh token.
    OauthRefreshToken,
}

/// How a write that was answered 202 is followed to its end. Its status is requested until it is one of `done` or `failed`.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct OperationStatusFile {
    /// The header of the response with the URL of the status, e.g. `Location`; the URL is followed on the configured origin only.
    #[serde(default)]
    pub url_from: Option<String>,
    /// The member of the response with the URL of the status.
    #[serde(default)]
    pub url_member: Option<String>,
    /// Members of the status with the values that mean success.
    pub done: BTreeMap<String, Vec<String>>,
    /// Members of the status with the values that mean failure.
    #[serde(default)]
    pub failed: BTreeMap<String, Vec<String>>,
    /// How long a write may take; 5 minutes without this word.
    #[serde(default)]
    pub within: Option<SettleTime>,
}

impl OperationStatusFile {
    /// Whether a value of a member means success.
    pub fn is_done(&self, member: &str, value: &str) -> bool {
        self.done.get(member).is_some_and(|values| values.iter().any(|own| own == value))
    }

    /// Whether a value of a member means failure.
    pub fn is_failed(&self, member: &str, value: &str) -> bool {
        self.failed.get(member).is_some_and(|values| values.iter().any(|own| own == value))
    }
}

/// How a session is opened.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ApiLoginFile {
    /// The path of the POST.
    pub post: String,
    /// The member of the body with the user's name.
    pub username: String,
    /// The member of the body with the password.
    pub password: String,
    /// The members of the response that may hold the token; the first that exists counts. Dots reach inwards.
    pub token: Vec<String>,
}

/// Where tokens come from.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct OauthFile {
    /// The client id of a target that names none.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The token URL for each host of the API.
    pub token_urls: BTreeMap<String, String>,
}

/// What clears fields. Arrays and maps are always cleared with the empty one.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug)]
#[serde(deny_unknown_fields, default)]
pub struct ClearDefaultsFile {
    /// Strings.
    pub string: ClearValue,
    /// Everything else but arrays and maps.
    pub other: ClearValue,
}

impl Default for ClearDefaultsFile {
    fn default() -> Self {
        Self { string: ClearValue::Null, other: ClearValue::Null }
    }
}

/// Where an error response holds its messages. Dots reach inwards; the empty string is the response itself.
#[derive(Deserialize, JsonSchema, Clone, Debug, Default)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorsFile {
    /// Members that hold a message.
    pub messages: Vec<String>,
    /// Members that hold a code.
    pub codes: Vec<String>,
    /// Members that hold a list of objects, each about a field.
    pub lists: Vec<ErrorListFile>,
    /// Members that hold an object from field names to a message or a list of messages.
    pub maps: Vec<String>,
    /// Members that make a response an error although its status is 2xx: all but those that are empty, false, zero, or a status 2xx themselves. `[]` reaches into the items of a list, e.g. `results[].code`.
    pub error_in_success: Vec<String>,
}

/// A list of errors in an error response.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct ErrorListFile {
    /// The member that holds the list.
    pub at: String,
    /// The member of each item that names the field: a text, a JSON Pointer, or a list of the steps to it.
    pub field: String,
    /// The member of each item that holds the message.
    pub message: String,
}

/// The limits of an API.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsFile {
    /// The most requests at the same time.
    pub parallelism: Option<u32>,
    /// The most writes at the same time, where that is less: 1 for a service that loses one of two.
    pub writes: Option<u32>,
    /// The most requests in a second.
    pub per_second: Option<u32>,
    /// The most requests in a minute.
    pub per_minute: Option<u32>,
    /// The most requests that start at once after a pause; then the rate applies. The default is the rate.
    pub burst: Option<u32>,
    /// The most bytes of one response.
    pub response_bytes: u64,
    /// The most pages of one list.
    pub pages: u32,
    /// The timeout of a request in seconds.
    pub timeout: u32,
}

impl Default for LimitsFile {
    fn default() -> Self {
        Self {
            parallelism: None,
            writes: None,
            per_second: None,
            per_minute: None,
            burst: None,
            response_bytes: 64 * 1024 * 1024,
            pages: 10_000,
            timeout: 30,
        }
    }
}
