//! Plan to what may be shown: the one door through which values leave the program.
//!
//! Marks decide: a secret, personal or sensitive value becomes an object that says only how it changed. A
//! [`Report`] is made from a plan once; text, JSON and whatever follows are rendered from it alone, so no
//! format can show what another hides. Results of an apply go the same way ([`ApplyReport`]), diagnostics are
//! drawn on their source with its veiled parts hidden.
//! Deliberately absent: printing, and the question whether there is a terminal.

pub mod clean;
pub mod diagnostics;
mod diff;
pub mod drift;
pub mod event;
mod excerpt;
mod field;
pub mod forecast;
mod gather;
pub mod github;
pub mod gitlab;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
mod markup;
mod mask;
pub mod notice;
pub mod outcome;
mod paint;
pub mod persons;
pub mod places;
pub mod receipt;
mod request;
pub mod sarif;
pub mod saved;
mod seal;
pub mod sheet;
pub mod shown;
pub mod text;

pub use diagnostics::{Drawing, draw};
pub use drift::DriftReport;
pub use json::to_json;
pub use outcome::ApplyReport;
pub use sheet::Sheet;
pub use shown::Report;

/// Whether a text is JSON with this member, or starts as if it were meant to be.
fn is_file_with(text: &str, member: &str) -> bool {
    const HEAD: usize = 4096;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => json.get(member).is_some(),
        Err(_) => {
            let head = text.as_bytes().iter().take(HEAD).copied().collect::<Vec<u8>>();
            String::from_utf8_lossy(&head).contains(&format!("\"{member}\""))
        }
    }
}
