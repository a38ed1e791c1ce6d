//! `trueup.yaml` as typed: the words, and what each means.
//!
//! `schemas/trueup.json` and the editor's completion and hover are made from these types and their comments.
//! Deliberately absent: whether the words make sense together; `check` and `auth` beside this file say that.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::WireFormat;
use crate::kind::file::OrderedMap;
use crate::workspace::settings::composition_file::{EnvironmentFile, ValueFile, ValueReferenceFile};

/// The settings of a workspace: its targets, and where its documents are.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct SettingsFile {
    /// Connections to services, each under a name that documents use as `target`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, TargetFile>")]
    pub targets: OrderedMap<TargetFile>,
    /// Named sets of targets and values. Each document applies to one object in each of them, unless it names its own.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, EnvironmentFile>")]
    pub environments: OrderedMap<EnvironmentFile>,
    /// Values that documents name as `{ value: NAME }`, typed once and set for each environment in `values/<environment>.yaml`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ValueFile>")]
    pub values: OrderedMap<ValueFile>,
    /// The bases of documents of a kind that have no `extends`.
    #[serde(default)]
    pub defaults: BTreeMap<String, Vec<String>>,
    /// Where documents are: patterns of paths, relative to this file. `*` stays within one directory, `**` does not.
    #[serde(default = "default_documents")]
    pub documents: Vec<String>,
    /// Whether a workspace without any document is valid. By default it is an error, because the patterns may be wrong.
    #[serde(default)]
    pub allow_empty: bool,
    /// Whether reports show the domain of a mail address after its pseudonym.
    #[serde(default)]
    pub mail_domains: MailDomainsFile,
    /// Webhooks that get the result of an apply and the drift that was found. Their hosts must be named in `TRUEUP_ALLOWED_WEBHOOK_HOSTS`.
    #[serde(default)]
    pub notify: Vec<NotifyFile>,
    /// How receipts of applies are kept.
    #[serde(default)]
    pub receipts: ReceiptsFile,
    /// Providers of secrets, each under a name that documents and `auth` use: `{ from_secret: { NAME: SECRET } }`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, SecretProviderFile>")]
    pub secrets: OrderedMap<SecretProviderFile>,
}

/// A command that supplies many secrets at once, as JSON.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct SecretProviderFile {
    /// A program and its arguments. It prints an object from names to strings, in which dots in a name lead into nested objects, or an array of objects with `name` and `value`. No shell is used.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// How the program gets the names of the secrets that a run needs.
    #[serde(default)]
    pub names: SecretNamesFile,
    /// The time limit in seconds, after which the program is stopped. The default is 30.
    #[serde(default)]
    #[schemars(range(min = 1, max = 600))]
    pub timeout: Option<u32>,
}

/// How a provider gets the names of secrets.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SecretNamesFile {
    /// On its standard input, one name on each line.
    #[default]
    Stdin,
    /// As further arguments.
    Arguments,
}

/// The default patterns.
pub fn default_documents() -> Vec<String> {
    vec!["config/**/*.yaml".into(), "config/**/*.yml".into()]
}

/// What reports show of mail addresses.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum MailDomainsFile {
    /// Nothing: a person's own domain would identify that person.
    #[default]
    Hide,
    /// Their domains.
    Show,
}

/// How receipts of applies are kept.
#[derive(Deserialize, JsonSchema, Clone, Default)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiptsFile {
    /// Whether sensitive values that an apply overwrites are kept, so that `undo` can restore them.
    pub before_values: BeforeValuesFile,
    /// With `encrypted`: the public keys of age (`age1…`) that can decrypt the values. `undo` finds an identity through `TRUEUP_AGE_IDENTITY`.
    pub recipients: Vec<String>,
    /// A shared store that gets a copy of each receipt: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, or `file:///folder`. Credentials come from the environment, in the variables of the cloud's own programs.
    pub store: Option<String>,
}

/// Whether sensitive values that an apply overwrites are kept.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub enum BeforeValuesFile {
    /// They are not kept, and `undo` reports it. Other values are kept in clear.
    #[default]
    Open,
    /// They are kept, encrypted to the recipients.
    Encrypted,
}

/// A webhook.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct NotifyFile {
    /// The source of the webhook URL. Everyone who has the URL can write to the channel.
    pub url: SourceFile,
    /// The source of the secret that signs each message (`X-Trueup-Signature`).
    #[serde(default)]
    pub secret: Option<SourceFile>,
    /// The content of the message.
    #[serde(default)]
    pub format: NotifyFormat,
    /// The runs after which a message is sent. The default is both.
    #[serde(default = "default_events")]
    pub on: Vec<NotifyEvent>,
}

fn default_events() -> Vec<NotifyEvent> {
    vec![NotifyEvent::Apply, NotifyEvent::Drift]
}

/// The content of the message to a webhook.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum NotifyFormat {
    /// The report, as `--format json` prints it.
    #[default]
    Json,
    /// A message for an incoming webhook of Slack.
    Slack,
    /// A card for an incoming webhook of Teams.
    Teams,
}

/// The runs after which a message is sent.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum NotifyEvent {
    /// An apply that began to write.
    Apply,
    /// A drift that found differences, or could not read everything.
    Drift,
}

impl NotifyEvent {
    /// The word in a message's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Drift => "drift",
        }
    }
}

/// One connection to a service.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// The API of the service: a built-in one, or one that a directory under `apis/` describes.
    pub api: String,
    /// The environment that the target belongs to; required where the workspace has environments.
    #[serde(default)]
    pub environment: Option<String>,
    /// The URL of the service. The default is the URL of the API. `https`, or `http` on this machine only.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The wire format. The default is the first one of the API.
    #[serde(default)]
    pub format: Option<WireFormat>,
    /// How requests authenticate. Several ways can be combined. A credential is never written here, only its source.
    #[serde(default)]
    pub auth: AuthFile,
    /// The source of the certificate authorities that this target trusts, as certificates in PEM, in place of those of this machine. Then the host must be named in `TRUEUP_ALLOWED_HOSTS`, also if it is a host of the API.
    #[serde(default)]
    pub certificate_authority: Option<SourceFile>,
    /// The proxy to the service: a URL, the source of a URL with user and password, or `none` for no proxy. The default is the proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`). Its host must be named in `TRUEUP_ALLOWED_PROXY_HOSTS`. Requests to this machine use no proxy.
    #[serde(default)]
    pub proxy: Option<ProxyFile>,
    /// Path parameters of every document of this target, for example the customer. The `scope` of a document overrides them one by one.
    #[serde(default)]
    pub scope: BTreeMap<String, TargetScopeFile>,
    /// The maximum number of concurrent requests. The limit of the API still applies.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub parallelism: Option<u32>,
    /// Whether unchanged nested fields are sent too when a nested field changes, so that a service that empties omitted fields empties nothing. With `false` such updates are minimal; the service must then keep nested fields that are not sent.
    #[serde(default = "default_true")]
    pub carry_nested: bool,
    /// Lets one apply at a time write to this service and scope. A second apply is refused, with the holder of the lease and the time since when.
    #[serde(default)]
    pub lease: Option<LeaseFile>,
    /// Whether personal values of documents are written. `refuse`, the default, refuses objects with a changed personal value.
    #[serde(default)]
    pub personal: PersonalFile,
}

/// The proxy to a service.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(untagged)]
pub enum ProxyFile {
    /// `none`, or a URL such as `http://proxy.example.com:3128`, without user and password.
    Url(String),
    /// The source of a URL.
    Source(SourceFile),
}

/// Lets one run at a time write to a target.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct LeaseFile {
    /// A directory that all machines that write to this target share, relative to this file. It must exist. Without it, the lease is for runs in this workspace only.
    #[serde(default)]
    pub directory: Option<String>,
    /// The seconds after which a lease expires if its run neither renews nor releases it. The clocks of the machines may differ by less than half of this time.
    #[serde(default = "default_lease_seconds")]
    #[schemars(range(min = 5, max = 3600))]
    pub seconds: u32,
}

fn default_lease_seconds() -> u32 {
    120
}

/// Whether personal values of documents are written.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub enum PersonalFile {
    /// An object with a changed personal value is refused.
    #[default]
    Refuse,
    /// They are written like other values.
    Write,
}

fn default_true() -> bool {
    true
}

/// The value of a path parameter.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(untagged)]
pub enum TargetScopeFile {
    /// A string or a UUID.
    Text(String),
    /// An integer.
    Whole(i64),
    /// A value, as the environment of the target sets it.
    Value(ValueReferenceFile),
}

/// How requests authenticate.
#[derive(Deserialize, JsonSchema, Clone, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AuthFile {
    /// `Authorization: Bearer …`.
    pub bearer: Option<SourceFile>,
    /// `Authorization: Token …`.
    pub token: Option<SourceFile>,
    /// `Authorization: Basic …`, from a user name and a password.
    pub basic: Option<BasicFile>,
    /// Headers with credentials, by their names.
    #[schemars(with = "BTreeMap<String, SourceFile>")]
    pub headers: OrderedMap<SourceFile>,
    /// Query parameters with credentials, by their names. Prefer headers: URLs appear in logs.
    #[schemars(with = "BTreeMap<String, SourceFile>")]
    pub query: OrderedMap<SourceFile>,
    /// A session that is opened with a user name and a password before the first request.
    pub login: Option<LoginAuthFile>,
    /// A token from an OAuth password grant.
    pub oauth_password: Option<OauthPasswordFile>,
    /// A token for this client itself (OAuth client credentials grant).
    pub oauth_client_credentials: Option<OauthClientFile>,
    /// A token from a refresh token. If the service returns a new refresh token, this run uses it from then on.
    pub oauth_refresh_token: Option<OauthRefreshFile>,
    /// The source of the certificate that this client presents to the service, in PEM, with the intermediate certificates after it.
    pub client_certificate: Option<SourceFile>,
    /// With `client_certificate`: the source of its private key, in PEM and not encrypted.
    pub client_key: Option<SourceFile>,
    /// Credentials that can only read, instead of all others: `plan`, `drift` and `import` use them, and do not read the sources of `write`.
    pub read: Option<Box<AuthFile>>,
    /// With `read`: the credentials of commands that write. These commands read with them too. Without them the target is read-only.
    pub write: Option<Box<AuthFile>>,
}

/// The source of a credential.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(rename_all = "snake_case")]
pub enum SourceFile {
    /// The name of an environment variable.
    FromEnv(String),
    /// The path of a file, relative to the workspace. A newline at its end is removed.
    FromFile(String),
    /// A program and its arguments. Its output is the value. No shell is used.
    FromCommand(Vec<String>),
    /// A provider under `secrets`, and the name of its secret.
    FromSecret(BTreeMap<String, String>),
}

/// A name and a password.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct BasicFile {
    /// The source of the user name.
    pub username: SourceFile,
    /// The source of the password.
    pub password: SourceFile,
}

/// A session that is opened with a user name and a password.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct LoginAuthFile {
    /// The source of the user name.
    pub username: SourceFile,
    /// The source of the password.
    pub password: SourceFile,
    /// How each request carries the token of the session.
    pub sends: SendsFile,
}

/// How each request carries a token.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(rename_all = "snake_case")]
pub enum SendsFile {
    /// `Authorization: Bearer …`.
    Bearer,
    /// In the header of this name.
    Header(String),
    /// In the query parameter of this name.
    Query(String),
    /// In the cookie of this name.
    Cookie(String),
}

/// A token from an OAuth password grant.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct OauthPasswordFile {
    /// The URL for token requests. The default is the one of the API.
    #[serde(default)]
    pub url: Option<String>,
    /// The client id, which is not a secret. The default is the one of the API.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The source of the client secret, if there is one.
    #[serde(default)]
    pub client_secret: Option<SourceFile>,
    /// The source of the user name.
    pub username: SourceFile,
    /// The source of the password.
    pub password: SourceFile,
}

/// A token for the client itself.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct OauthClientFile {
    /// The URL for token requests. The default is the one of the API.
    #[serde(default)]
    pub url: Option<String>,
    /// The client id, which is not a secret. The default is the one of the API.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The source of the client secret.
    pub client_secret: SourceFile,
    /// The scope of the token, as the service names it.
    #[serde(default)]
    pub scope: Option<String>,
}

/// A token from a refresh token.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct OauthRefreshFile {
    /// The URL for token requests. The default is the one of the API.
    #[serde(default)]
    pub url: Option<String>,
    /// The client id, which is not a secret. The default is the one of the API.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The source of the client secret, if there is one.
    #[serde(default)]
    pub client_secret: Option<SourceFile>,
    /// The source of the refresh token.
    pub refresh_token: SourceFile,
    /// The scope of the token, as the service names it.
    #[serde(default)]
    pub scope: Option<String>,
}
