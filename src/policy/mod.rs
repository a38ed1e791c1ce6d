//! Policies: rules of a workspace over its documents and over what a plan would do.
//!
//! A rule is a CEL expression with a code, a severity, a sentence and a place. It sees what a report may show
//! and no more: a value under a mark is masked before any rule is asked, so no rule can tell it. Rules about
//! documents are asked offline, rules that speak of changes once there is a plan.
//! Deliberately absent: files on disk, printing, and the question what a broken rule stops.

mod each;
mod expression;
mod facts;
mod fields;
pub mod file;
mod judge;
mod read;
mod trial;

use globset::GlobMatcher;

use crate::diagnostic::{Place, Severity};
use crate::document::Document;
use crate::report::shown::FieldChange;
use expression::{Expression, Words};

/// The directory of a workspace in which its policies stand.
pub const FOLDER: &str = "policies";
/// The format of the files.
pub const FORMAT: u32 = 1;

/// The rules of a workspace, and their own cases.
#[derive(Default)]
pub struct Policies {
    rules: Vec<Rule>,
    cases: Vec<Case>,
    words: Words,
}

/// One rule, as far as it could be read.
struct Rule {
    code: &'static str,
    severity: Severity,
    /// The kinds that it is about; empty for all.
    kinds: Vec<GlobMatcher>,
    /// The targets that it is about; empty for all.
    targets: Vec<GlobMatcher>,
    /// The list or map of the spec of which it speaks entry by entry.
    each: Option<Vec<String>>,
    /// The field of which it speaks, from the entry or else from the spec.
    field: Vec<String>,
    expression: Expression,
    /// What the expression says of an object that is as it should be.
    wanted: bool,
    message: String,
    hint: Option<String>,
    place: Place,
}

/// A case of the rules: an object, and what they are to say of it.
struct Case {
    name: String,
    document: Document,
    /// What a plan would do to it; nothing when there is no plan.
    change: Option<(String, Vec<FieldChange>)>,
    /// The codes, in order.
    expected: Vec<String>,
    place: Place,
}

impl Policies {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many rules and how many cases there are.
    pub fn size(&self) -> (usize, usize) {
        (self.rules.len(), self.cases.len())
    }
}
