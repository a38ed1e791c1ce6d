//! What leaves the program: reports, formats, webhooks, policies, and no marked value.

#[path = "../support/mod.rs"]
mod support;

mod canary;
mod file_patch;
mod formats;
mod notify;
mod policies;
mod report;
