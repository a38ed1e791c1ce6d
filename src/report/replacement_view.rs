//! How a report shows that an object is replaced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::ReplacementRule;

/// How an object is replaced.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ReplacementView {
    /// It is deleted, then the new one is created.
    DeleteThenCreate,
    /// The new one is created, then it is deleted.
    CreateThenDelete,
}

impl ReplacementView {
    /// As it is planned; nothing for kinds whose objects are not replaced.
    pub fn from_rule(rule: ReplacementRule) -> Option<Self> {
        match rule {
            ReplacementRule::CreateThenDelete => Some(Self::CreateThenDelete),
            ReplacementRule::DeleteThenCreate => Some(Self::DeleteThenCreate),
            ReplacementRule::Refuse => None,
        }
    }

    /// The sign before the word.
    pub fn sign(self) -> &'static str {
        match self {
            Self::DeleteThenCreate => "-/+ ",
            Self::CreateThenDelete => "+/- ",
        }
    }
}

/// Whether a number says nothing.
pub fn is_zero(number: &usize) -> bool {
    *number == 0
}
