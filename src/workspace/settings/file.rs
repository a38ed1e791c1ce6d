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

/// The settings of a workspace: to which services it speaks, and where its documents are.
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
    /// The bases that documents of a kind extend when they have no `extends` of their own.
    #[serde(default)]
    pub defaults: BTreeMap<String, Vec<String>>,
    /// Where documents are: patterns of paths, relative to this file. `*` stays within one directory, `**` does not.
    #[serde(default = "default_documents")]
    pub documents: Vec<String>,
    /// Whether a workspace without any document is right; otherwise it is an error, since the patterns may be wrong.
    #[serde(default)]
    pub allow_empty: bool,
    /// Whether reports tell the domain of a mail address behind the short name that stands for a person.
    #[serde(default)]
    pub mail_domains: MailDomainsFile,
    /// Webhooks that are told what an apply did, and what drifted. A host must be named in `TRUEUP_ALLOWED_WEBHOOK_HOSTS`.
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

/// A command that gives many secrets at once, as JSON.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct SecretProviderFile {
    /// A program and its arguments. It prints an object from name to text, in which dots lead into inner objects, or a list of objects with `name` and `value`. No shell is used.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// How the program gets the names of the secrets that a run needs.
    #[serde(default)]
    pub names: SecretNamesFile,
    /// After so many seconds the program is stopped; 30 when left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 600))]
    pub timeout: Option<u32>,
}

/// How a provider gets the names of secrets.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SecretNamesFile {
    /// On its standard input, a name a line.
    #[default]
    Stdin,
    /// As further arguments.
    Arguments,
}

/// The patterns of a workspace that names none.
pub fn default_documents() -> Vec<String> {
    vec!["config/**/*.yaml".into(), "config/**/*.yml".into()]
}

/// What reports tell of mail addresses.
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
    /// What becomes of values under a mark that an apply overwrites, so that `undo` can bring them back.
    pub before_values: BeforeValuesFile,
    /// With `encrypted`: who can read them, as public keys of age (`age1…`). `undo` finds an identity through `TRUEUP_AGE_IDENTITY`.
    pub recipients: Vec<String>,
    /// A place that machines share, where each receipt is put a second time: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, or `file:///folder`. Credentials come from the environment, as the cloud's own programs take them.
    pub store: Option<String>,
}

/// What becomes of values under a mark that an apply overwrites.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub enum BeforeValuesFile {
    /// They are left out, and an undo says so; values without a mark are kept in clear.
    #[default]
    Open,
    /// They are kept too, encrypted to the recipients.
    Encrypted,
}

/// A webhook.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct NotifyFile {
    /// The source of the webhook URL. Everyone who has the URL can write to the channel.
    pub url: SourceFile,
    /// Where the secret comes from that signs each message (`X-Trueup-Signature`).
    #[serde(default)]
    pub secret: Option<SourceFile>,
    /// What is sent.
    #[serde(default)]
    pub format: NotifyFormat,
    /// After what; both when left out.
    #[serde(default = "default_events")]
    pub on: Vec<NotifyEvent>,
}

fn default_events() -> Vec<NotifyEvent> {
    vec![NotifyEvent::Apply, NotifyEvent::Drift]
}

/// What a webhook is sent.
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

/// After what a webhook is told.
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
    /// The API that is served there: a built-in one, or one that a directory under `apis/` describes.
    pub api: String,
    /// The environment that the target belongs to; required where the workspace has environments.
    #[serde(default)]
    pub environment: Option<String>,
    /// Where the service is; the API's own address when left out. `https`, or `http` on this machine.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The wire format; the API's first one when left out.
    #[serde(default)]
    pub format: Option<WireFormat>,
    /// How requests prove who sends them; several may stand together. A credential is never written here, only where it comes from.
    #[serde(default)]
    pub auth: AuthFile,
    /// Parameters of paths that hold for every document of this target, e.g. the customer. A document's own `scope` wins, parameter by parameter.
    #[serde(default)]
    pub scope: BTreeMap<String, TargetScopeFile>,
    /// The most requests under way at once; the API's own limit stays the upper one.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub parallelism: Option<u32>,
    /// Whether unchanged nested fields ride along when a nested field changes, so that a service that empties what is left out empties nothing. `false` makes such updates minimal, trusting that the service leaves nested fields alone that are not sent.
    #[serde(default = "default_true")]
    pub carry_nested: bool,
    /// Lets one apply at a time write to this service and scope: a second one is refused, and told who holds the lease and since when.
    #[serde(default)]
    pub lease: Option<LeaseFile>,
    /// Whether values of documents that are about a person are written. `refuse`, the default, refuses objects of which such a value would change.
    #[serde(default)]
    pub personal: PersonalFile,
}

/// The word that one run alone writes to a target, for a while.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct LeaseFile {
    /// A directory that every machine shares from which this target is written, relative to this file. It has to be there. When left out, only runs in this very workspace are kept apart.
    #[serde(default)]
    pub directory: Option<String>,
    /// After so many seconds a lease expires by itself that its run, killed or cut off, neither renewed nor gave back. Clocks that differ by more than half of it make it void.
    #[serde(default = "default_lease_seconds")]
    #[schemars(range(min = 5, max = 3600))]
    pub seconds: u32,
}

fn default_lease_seconds() -> u32 {
    120
}

/// What becomes of personal values of documents.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub enum PersonalFile {
    /// Objects of which one would change are refused.
    #[default]
    Refuse,
    /// They are written like all others.
    Write,
}

fn default_true() -> bool {
    true
}

/// The value of a path parameter.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(untagged)]
pub enum TargetScopeFile {
    /// A text or a guid.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A value, as the environment of the target sets it.
    Value(ValueReferenceFile),
}

/// How requests prove who sends them.
#[derive(Deserialize, JsonSchema, Clone, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AuthFile {
    /// `Authorization: Bearer …`.
    pub bearer: Option<SourceFile>,
    /// `Authorization: Token …`.
    pub token: Option<SourceFile>,
    /// `Authorization: Basic …`, from a name and a password.
    pub basic: Option<BasicFile>,
    /// Headers with credentials, by their names.
    #[schemars(with = "BTreeMap<String, SourceFile>")]
    pub headers: OrderedMap<SourceFile>,
    /// Query parameters with credentials, by their names. Headers are the better place: addresses end up in logs.
    #[schemars(with = "BTreeMap<String, SourceFile>")]
    pub query: OrderedMap<SourceFile>,
    /// A session that is opened with a name and a password before the first request.
    pub login: Option<LoginAuthFile>,
    /// A token from an OAuth password grant.
    pub oauth_password: Option<OauthPasswordFile>,
    /// A token for this client itself (OAuth client credentials grant).
    pub oauth_client_credentials: Option<OauthClientFile>,
    /// A token from a refresh token; one that the service gives with it is used from then on, in this run.
    pub oauth_refresh_token: Option<OauthRefreshFile>,
    /// Credentials that only read, in the place of all others: those of `plan`, `drift` and `import`, which then do not even look up where those that write come from.
    pub read: Option<Box<AuthFile>>,
    /// Beside `read`: the credentials of commands that write, which read with them too. Without these a target cannot be written to.
    pub write: Option<Box<AuthFile>>,
}

/// Where a credential comes from.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(rename_all = "snake_case")]
pub enum SourceFile {
    /// The name of an environment variable.
    FromEnv(String),
    /// The path of a file, relative to the workspace; a newline at its end is dropped.
    FromFile(String),
    /// A program and its arguments; what it prints is the value. No shell is used.
    FromCommand(Vec<String>),
    /// A provider under `secrets`, and the name of the secret there.
    FromSecret(BTreeMap<String, String>),
}

/// A name and a password.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct BasicFile {
    /// Where the user's name comes from.
    pub username: SourceFile,
    /// Where the password comes from.
    pub password: SourceFile,
}

/// A session that is opened with a name and a password.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct LoginAuthFile {
    /// Where the user's name comes from.
    pub username: SourceFile,
    /// Where the password comes from.
    pub password: SourceFile,
    /// How the token of the session travels with each request.
    pub sends: SendsFile,
}

/// How a token travels with each request.
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
    /// Where tokens are asked for; the API's own place for this address when left out.
    #[serde(default)]
    pub url: Option<String>,
    /// The name of this client, which is no secret; the API's own when left out.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Where the client's secret comes from, when it has one.
    #[serde(default)]
    pub client_secret: Option<SourceFile>,
    /// Where the user's name comes from.
    pub username: SourceFile,
    /// Where the password comes from.
    pub password: SourceFile,
}

/// A token for the client itself.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct OauthClientFile {
    /// Where tokens are requested; the API's own place for this address when left out.
    #[serde(default)]
    pub url: Option<String>,
    /// The name of this client, which is no secret; the API's own when left out.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Where the client's secret comes from.
    pub client_secret: SourceFile,
    /// What the token is to allow, as the service names it.
    #[serde(default)]
    pub scope: Option<String>,
}

/// A token from a refresh token.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct OauthRefreshFile {
    /// Where tokens are requested; the API's own place for this address when left out.
    #[serde(default)]
    pub url: Option<String>,
    /// The name of this client, which is no secret; the API's own when left out.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Where the client's secret comes from, when it has one.
    #[serde(default)]
    pub client_secret: Option<SourceFile>,
    /// Where the refresh token comes from.
    pub refresh_token: SourceFile,
    /// What the token is to allow, as the service names it.
    #[serde(default)]
    pub scope: Option<String>,
}
