//! Policies: rules of a workspace over its documents and over what a plan would do.
//!
//! A rule is a CEL expression with a code, a severity, a sentence and a place. It sees what a report may show
//! and no more: a value under a mark is masked before any rule is asked, so no rule can tell it. Rules about
//! documents are asked offline, rules that speak of changes once there is a plan.
//! Deliberately absent: files on disk, printing, and the question what a broken rule stops.

mod cel_values;
mod evaluate;
mod expression;
mod fields;
pub mod file;
mod policy_test;
mod read;
mod rule_items;

use expression::{CelEnvironment, CelExpression};
use globset::GlobMatcher;

pub use evaluate::NOT_EVALUATED_CODE;

use crate::diagnostic::{DiagnosticSeverity, SourceLocation};
use crate::document::Document;
use crate::report::plan_report::FieldChange;

/// The directory of a workspace in which its policies stand.
pub const FOLDER: &str = "policies";
/// The format of the files.
pub const FORMAT: u32 = 1;

/// The rules of a workspace, and their own cases.
#[derive(Default)]
pub struct PolicySet {
    rules: Vec<PolicyRule>,
    cases: Vec<PolicyCase>,
    environment: CelEnvironment,
}

/// One rule, as far as it could be read.
struct PolicyRule {
    code: &'static str,
    severity: DiagnosticSeverity,
    /// The kinds that it is about; empty for all.
    kinds: Vec<GlobMatcher>,
    /// The targets that it is about; empty for all.
    targets: Vec<GlobMatcher>,
    /// The list or map of the spec of which it speaks entry by entry.
    each: Option<Vec<String>>,
    /// The field of which it speaks, from the entry or else from the spec.
    field: Vec<String>,
    expression: CelExpression,
    /// What the expression says of an object that is as it should be.
    expected: bool,
    message: String,
    hint: Option<String>,
    place: SourceLocation,
}

/// A case of the rules: an object, and what they are to say of it.
struct PolicyCase {
    name: String,
    document: Document,
    /// What a plan would do to it; nothing when there is no plan.
    planned: Option<(String, Vec<FieldChange>)>,
    /// The codes, in order.
    expected: Vec<String>,
    place: SourceLocation,
}

impl PolicySet {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many rules and how many cases there are.
    pub fn count_contents(&self) -> (usize, usize) {
        (self.rules.len(), self.cases.len())
    }
}
