//! Plan to what may be shown: the one door through which values leave the program.
//!
//! Marks decide: a secret, personal or sensitive value becomes an object that says only how it changed. A
//! [`PlanReport`] is made from a plan once; text, JSON and whatever follows are rendered from it alone, so no
//! format can show what another hides. Results of an apply go the same way ([`ApplyReport`]), diagnostics are
//! drawn on their source with its redacted parts hidden.
//! Deliberately absent: printing, and the question whether there is a terminal.

pub mod chat_message;
pub mod code_table;
pub mod diagnostics;
mod diff;
pub mod drift;
pub mod event;
mod excerpt;
mod field;
pub mod file_patch;
pub mod github;
pub mod gitlab;
pub mod html;
pub mod import_changes;
pub mod json;
pub mod junit;
pub mod line_index;
pub mod markdown;
mod markup;
pub mod mask;
mod object_name;
pub mod outcome;
pub mod plan_report;
pub mod pseudonyms;
pub mod receipt;
pub mod replacement_view;
mod report_builder;
mod request;
pub mod request_estimate;
pub mod sanitize;
pub mod sarif;
pub mod saved_plan;
mod seal;
mod selection;
mod styled_text;
pub mod text;
mod value_json;
pub mod view_model;

pub use diagnostics::{DiagnosticRenderOptions, render_diagnostics};
pub use drift::DriftReport;
pub use json::to_json;
pub use outcome::ApplyReport;
pub use plan_report::PlanReport;
pub use styled_text::align_columns;
pub use view_model::ViewModel;

/// Whether a text is JSON with this member, or starts as if it were meant to be.
fn is_json_with_member(text: &str, member: &str) -> bool {
    const HEAD_BYTES: usize = 4096;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => json.get(member).is_some(),
        Err(_) => {
            let head = text.as_bytes().iter().take(HEAD_BYTES).copied().collect::<Vec<u8>>();
            String::from_utf8_lossy(&head).contains(&format!("\"{member}\""))
        }
    }
}
