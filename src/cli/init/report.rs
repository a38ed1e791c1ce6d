//! What `trueup init` prints as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::doctor::check::DoctorCheck;
use crate::report::plan_report::FORMAT_VERSION;

/// What a new workspace consists of.
#[derive(Serialize, JsonSchema)]
pub struct InitReport {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// The files that were written.
    pub written: Vec<String>,
    /// The files that existed and were kept.
    pub kept: Vec<String>,
    /// What a read with the credentials showed; empty when none was made.
    pub checks: Vec<DoctorCheck>,
}

impl InitReport {
    /// What became of the files, and what a read showed.
    pub fn new(written: Vec<String>, kept: Vec<String>, checks: Vec<DoctorCheck>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            written,
            kept,
            checks,
        }
    }
}
