//! What is written to `.trueup` or to a shared place: files, locks, logs, leases, receipts.
//!
//! Deliberately absent: plans, services, and what a run does with them.
pub mod append_log;
pub mod file_lock;
pub mod files;
pub mod holder_identity;
pub mod journal_writer;
pub mod key_file;
pub mod lease;
pub mod receipt;
#[cfg(feature = "cloud")]
mod receipt_bucket;
pub mod receipt_error;
mod receipt_folder;
pub mod receipt_store;
pub mod sealer;
pub mod system_time;
