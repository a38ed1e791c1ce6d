//! Environments, values and defaults as typed in `trueup.yaml`: the words, and what each means.
//!
//! `schemas/trueup.json` is made from these types and their comments.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::file::SensitivityFile;

/// An environment: a named set of targets and values.
#[derive(Deserialize, JsonSchema, Clone, Default)]
#[serde(deny_unknown_fields, default)]
pub struct EnvironmentFile {
    /// The environment that comes before this one. The order is checked; that a commit was applied there first is not.
    pub after: Option<String>,
}

/// A value that documents name as `{ value: NAME }`. Each environment sets it in `values/<environment>.yaml`.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct ValueFile {
    /// The type of the value; it fits fields of this type.
    #[serde(rename = "type")]
    pub ty: ValueTypeFile,
    /// What the value is.
    #[serde(default)]
    pub description: Option<String>,
    /// The value in environments that do not set it. A secret is never written here, only where it comes from.
    #[serde(default)]
    pub default: Option<serde_json::Value>,
    /// Why and how the value is masked. A secret value fits secret fields only.
    #[serde(default)]
    pub sensitivity: Option<SensitivityFile>,
}

/// The type of a value.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ValueTypeFile {
    /// A string; stays exactly as written.
    String,
    /// A whole number; fits fields of decimals too.
    Integer,
    /// A decimal number, exact.
    Decimal,
    /// True or false.
    Boolean,
    /// A UUID in any spelling.
    Uuid,
    /// A day, `2026-01-31`.
    Date,
    /// A time of a day, `2026-01-31T08:00:00Z`.
    DateTime,
}

/// The name of a value, where a scalar may stand.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct ValueReferenceFile {
    /// A value under `values`.
    pub value: String,
}
