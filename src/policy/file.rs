//! A file of policies as typed: the words, and what each means.
//!
//! `schemas/policy.json` and the editor's completion and hover are made from these types and their comments.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::kind::file::OrderedMap;

/// Rules over the documents of a workspace and over what a plan would do, with cases that prove them.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// The rules, each under its code: small letters, digits and hyphens. Reports show the code.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RuleFile>")]
    pub rules: OrderedMap<RuleFile>,
    /// What the rules of this file are to say of some objects; `trueup policy test` asks them.
    #[serde(default)]
    pub cases: Vec<CaseFile>,
}

/// One rule: exactly one of `require` and `forbid`.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// What is wrong when the rule is broken: one sentence.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<String>,
    /// Whether a broken rule refuses everything (`error`) or is only reported (`warning`).
    #[serde(default)]
    pub severity: SeverityFile,
    /// The kinds that it is about, `api/kind`; `*` stands for any part of a name. All when left out.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// The targets that it is about; `*` stands for any part of a name. All when left out.
    #[serde(default)]
    pub targets: Vec<String>,
    /// A list or map of the spec, like `convenienceFees`. The rule is then asked of each entry, as `item`; of a map also with its `key`.
    #[serde(default)]
    pub each: Option<String>,
    /// A CEL expression that is true of every object that is as it should be.
    #[serde(default)]
    pub require: Option<String>,
    /// A CEL expression that is true of every object that is not as it should be.
    #[serde(default)]
    pub forbid: Option<String>,
    /// The field that the rule speaks of, like `address.country`; with `each`, from the entry. Its line is shown.
    #[serde(default)]
    pub field: Option<String>,
}

/// How much a broken rule weighs.
#[derive(Deserialize, JsonSchema, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SeverityFile {
    /// Nothing is written.
    #[default]
    Error,
    /// It is reported.
    Warning,
}

/// An object, and what the rules of this file are to say of it.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// What the case shows.
    pub name: String,
    /// A document, as it would stand in `config`.
    pub document: Json,
    /// What a plan would do to the object; without it only rules about documents are asked.
    #[serde(default)]
    pub action: Option<ActionFile>,
    /// What a plan would change.
    #[serde(default)]
    pub changes: Vec<ChangeFile>,
    /// The codes of the rules that are broken; empty when none is.
    pub expect: Vec<String>,
}

/// What a plan does with an object.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum ActionFile {
    /// There is none yet.
    Create,
    /// It differs.
    Update,
    /// It is not wanted any more.
    Delete,
    /// It is unchanged.
    Unchanged,
    /// It differs and is left alone.
    Refused,
    /// No one knows whether it differs.
    Unread,
}

/// One field that a plan would change.
#[derive(Deserialize, JsonSchema, Clone)]
#[serde(deny_unknown_fields)]
pub struct ChangeFile {
    /// Where it stands, as JSON Pointer: `/maxPaymentAmount`.
    pub path: String,
    /// The live value.
    #[serde(default)]
    pub before: Option<Json>,
    /// The wanted value.
    #[serde(default)]
    pub after: Option<Json>,
}

impl ActionFile {
    /// The word that rules see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Unread => "unread",
        }
    }
}
