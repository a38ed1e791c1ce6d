//! The report of a plan: what may be shown of it, as data.
//!
//! This is the JSON that `plan --format json` prints, and what every other format is rendered from. It holds no
//! value that a mark hides; `gather` makes it. Reading one back from JSON gives the same report.
//! Deliberately absent: plans, values, and how anything looks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::replacement_view::ReplacementView;

/// The version of the structure that is written here.
pub const FORMAT_VERSION: u32 = 1;

/// What would be done, what agrees and what was refused. A value that must not be seen stands as an object
/// with one member: what it is (`secret`, `personal`, `sensitive`, or `unknown` for members of live objects
/// that this version does not know) and how it changes (`added`, `changed`, `removed`). Beside `personal` may stand
/// a `pseudonym`: a short name, made under a key, that is the same wherever the same value stands; behind an `@` it
/// may tell the domain of a mail address. The id of an object that
/// is created in the same run stands as `{"id_of": NAME}`, with the name of its document.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct PlanReport {
    /// The version of this structure: 1.
    pub format_version: u32,
    /// The version of the program that made it.
    pub tool_version: String,
    /// False when the plan is narrowed to a part of the workspace, or some live state could not be read: changes may be missing.
    pub complete: bool,
    /// The commit that narrows the plan to objects whose documents changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<SinceView>,
    /// What else narrows the plan; absent when nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<SelectionView>,
    /// How many objects of each sort.
    pub summary: PlanSummary,
    /// The objects that would be written, in the order in which they would be.
    pub changes: Vec<ObjectChange>,
    /// The objects that are unchanged.
    pub unchanged: Vec<UnchangedView>,
    /// The objects that would not be touched although they differ, and why.
    pub refused: Vec<RefusalView>,
    /// The objects of which no one knows whether they differ.
    #[serde(default)]
    pub unread: Vec<UnreadView>,
    /// The lists that were read for the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<CollectionView>,
    /// What is not about one object.
    pub diagnostics: Vec<DiagnosticView>,
    /// How many requests the targets are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<TargetRequestEstimate>,
}

/// How many requests a target is asked: to make the plan, and to carry it out. Logins and repetitions are not
/// counted. Computed from counts and known limits, never from measured times.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct TargetRequestEstimate {
    /// The target.
    pub target: String,
    /// Its API.
    pub api: String,
    /// How many requests it took to make the plan; absent when some live state could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<u64>,
    /// How many requests applying the plan takes when nothing fails; absent when there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<u64>,
    /// The least time in milliseconds that these take under the limits below; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_duration_ms: Option<u64>,
    /// The most requests in a second, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// The most requests in a minute, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// The most requests that start at once after a rest, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// A list of objects that was read. From one that is not complete no objects are created, deleted or called
/// unmanaged; objects that it shows are updated.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct CollectionView {
    /// The kind of the objects, `api/kind`.
    pub kind: String,
    /// The target that was read.
    pub target: String,
    /// Whether the list was read to its end.
    pub complete: bool,
    /// Why it is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Objects whose documents differ from where the branch parted from a commit, and those that refer to them.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct SinceView {
    /// The commit, as it was named.
    pub name: String,
    /// Where the branch parted from it.
    pub commit: String,
    /// How many documents were not looked at.
    pub skipped: usize,
}

/// The part of a workspace that was selected.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug, Default)]
pub struct SelectionView {
    /// Environments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// Files and folders of documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Patterns of targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Patterns of kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Patterns of document names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Patterns of objects that were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// How many documents of the files that were read were not looked at.
    pub skipped: usize,
}

/// What a check of documents and settings found.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct ValidationReport {
    /// The version of this structure: 1.
    pub format_version: u32,
    /// The version of the program that made it.
    pub tool_version: String,
    /// How many documents were read.
    pub documents: usize,
    /// What is wrong, or worth a look.
    pub diagnostics: Vec<DiagnosticView>,
}

/// What came of the cases of policies.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct PolicyTestReport {
    /// The version of this structure: 1.
    pub format_version: u32,
    /// The version of the program that made it.
    pub tool_version: String,
    /// How many rules there are.
    pub rules: usize,
    /// How many cases they have.
    pub cases: usize,
    /// How many of these passed.
    pub passed: usize,
    /// What is wrong with the rules, and with each case that did not pass.
    pub diagnostics: Vec<DiagnosticView>,
}

/// How many objects of each sort.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PlanSummary {
    /// Objects to create.
    pub create: usize,
    /// Objects to update.
    pub update: usize,
    /// Objects to delete.
    pub delete: usize,
    /// Objects to replace by new ones; absent where there are none.
    #[serde(default, skip_serializing_if = "super::replacement_view::is_zero")]
    pub replace: usize,
    /// Objects that are unchanged.
    pub unchanged: usize,
    /// Objects that were refused.
    pub refused: usize,
    /// Objects that could not be read.
    #[serde(default)]
    pub unread: usize,
}

/// Which object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct ObjectName {
    /// The kind, `api/kind`.
    pub kind: String,
    /// The name of its document.
    pub name: String,
    /// The target on which it lives.
    pub target: String,
    /// The environment of the target, where the workspace has environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The service's id; absent before a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Json>,
    /// The file of its document.
    pub file: String,
    /// The line on which its document starts, from 1.
    pub line: usize,
}

/// What is done to an object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ActionView {
    /// There is none yet.
    Create,
    /// It differs.
    Update,
    /// It is not wanted any more.
    Delete,
    /// A new object takes its place.
    Replace,
}

/// One object that would be written.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct ObjectChange {
    #[serde(flatten)]
    pub object: ObjectName,
    /// What is done to it.
    pub action: ActionView,
    /// In which order, where it is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<ReplacementView>,
    /// What differs, in the order of the kind.
    pub fields: Vec<FieldChange>,
    /// The requests that would be sent, in order.
    pub requests: Vec<RequestView>,
    /// What waits for someone, and other things worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<DiagnosticView>,
    /// Values of the document that do not read back, or that are written again on purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<HiddenValue>,
}

/// One object that is unchanged.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct UnchangedView {
    #[serde(flatten)]
    pub object: ObjectName,
    /// What waits for someone, and other things worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<DiagnosticView>,
    /// Values of the document that do not read back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<HiddenValue>,
}

/// A value that does not read back, held against what this workspace last wrote there.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct HiddenValue {
    /// Where it stands, as JSON Pointer.
    pub path: String,
    /// Where it stands, for people.
    pub label: String,
    /// What is known of it.
    pub status: HiddenValueState,
    /// When it was last written, in UTC; absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<String>,
    /// How many whole days before the plan that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_days_ago: Option<u64>,
    /// True when it is written because `--rotate` asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotated: bool,
}

/// What is known of a value that does not read back.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum HiddenValueState {
    /// It is what was last written.
    Same,
    /// Something else was last written.
    Differs,
    /// It was never written from this workspace.
    NeverWritten,
}

/// One object that would not be touched although it differs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct RefusalView {
    #[serde(flatten)]
    pub object: ObjectName,
    /// Why.
    pub reasons: Vec<DiagnosticView>,
    /// What was wanted, as far as it is known.
    pub fields: Vec<FieldChange>,
}

/// One object that could not be read.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct UnreadView {
    #[serde(flatten)]
    pub object: ObjectName,
    /// Why; what several objects share, like a list that is not there, stands once in `diagnostics`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<DiagnosticView>,
}

/// What happens to a field.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum FieldAction {
    /// There was no value.
    Add,
    /// There was another value.
    Replace,
    /// There is to be none.
    Remove,
}

/// One value that differs, or one list item or map entry that comes or goes as a whole.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct FieldChange {
    /// Where it stands, as JSON Pointer (RFC 6901). Items of lists stand by their index in the live list, new ones behind its end; keys that must not be seen stand as `*`, a second one as `*2`.
    pub path: String,
    /// Where it stands, for people: `billTypes[billTypeId=3].applyConvenienceFee`.
    pub label: String,
    /// What happens to it.
    pub action: FieldAction,
    /// The live value. Absent when there is none or no one can see it. Numbers that a double cannot hold exactly are strings.
    #[serde(default, deserialize_with = "deserialize_present", skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// The wanted value; absent when there is to be none.
    #[serde(default, deserialize_with = "deserialize_present", skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
    /// Why its values are not shown: `secret`, `personal` or `sensitive`; absent for values that are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<String>,
    /// True when the live value cannot be read back, so that it may be the wanted one already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
    /// True when its change forces a new object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forces_replacement: bool,
    /// Why it differs; absent when nothing is known of the past of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<CauseView>,
    /// The file that asks for it, where it is another than that of the document: a base, an overlay, values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line that asks for it, from 1; absent for what goes because it is not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// Why something differs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "snake_case")]
pub enum CauseView {
    /// This branch edits the document.
    ThisBranch,
    /// The live object was edited since the last known apply.
    Drift,
    /// The document was edited outside of this branch, and that is not applied.
    Pending,
    /// Nothing is known of an apply.
    NeverApplied,
    /// A secret is written again on request.
    Rotation,
    /// Neither was edited: the service does not keep or show it, or this version compares in another way.
    ToolOrApi,
}

/// A request that would be sent.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct RequestView {
    /// The HTTP method: `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// The path below the target's base URL. A hidden part is shown as its `{parameter}`.
    pub path: String,
    /// The query parameters. Hidden values are omitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<QueryParameterView>,
    /// The fields that change, as JSON Pointers.
    pub changed_fields: Vec<String>,
    /// Fields that are sent back unchanged: the document does not manage them, and the write carries the whole object.
    pub unmanaged_fields: Vec<String>,
    /// Those of them that the kind does not describe.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_fields: Vec<String>,
    /// Nested fields whose complete value replaces the live one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced_fields: Vec<ReplacedField>,
    /// The size of the body in bytes.
    pub bytes: usize,
}

/// One parameter of a query.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct QueryParameterView {
    /// Its name.
    pub name: String,
    /// Its value; absent when it must not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A nested field that is replaced as a whole.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct ReplacedField {
    /// Where it stands, as JSON Pointer.
    pub path: String,
    /// What it is: `list`, `map` or `object`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// How much a finding weighs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "snake_case")]
pub enum SeverityView {
    /// Good to know.
    Note,
    /// Worth a look; nothing stops.
    Warning,
    /// Something cannot succeed.
    Error,
}

/// One diagnostic.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct DiagnosticView {
    /// What sort of finding; stable, kebab-case.
    pub code: String,
    /// How much it weighs.
    pub severity: SeverityView,
    /// One sentence.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The file it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl ActionView {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Replace => "replace",
        }
    }
}

impl CauseView {
    /// The words in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThisBranch => "this branch",
            Self::Drift => "drift",
            Self::Pending => "pending",
            Self::NeverApplied => "never applied",
            Self::Rotation => "rotation",
            Self::ToolOrApi => "tool or API",
        }
    }
}

impl SeverityView {
    /// The word before a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Tells a member that is null from one that is absent.
pub(super) fn deserialize_present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}
