//! Composition: bases, documents, overlays, values and defaults to effective documents, one for each environment.
//!
//! Levels are merged as YAML trees along the shape of the kind; the result is read like a document that was written
//! in one piece, so every check holds for it. Each value keeps its place in the file of its level. The order of files
//! and of `extends` never matters. Pure: what is read and where it goes is for the caller.
//! Deliberately absent: conditions, expressions, inheritance of bases, targets beyond their environment.

pub mod bases;
pub mod effective;
pub mod explain;
mod fold_edit;
pub mod head;
pub mod item_path;
pub mod level_index;
pub mod level_patch;
mod list_edit;
mod merge;
pub mod origin;
mod overlays;
mod paths;
pub mod promote;
mod redact;
pub mod settings;
pub mod share;
mod stack;
pub mod statements;
mod substitute;
mod unset;
pub mod values;

pub use effective::{ComposedDocuments, CompositionInput, compose_documents};
