//! APIs of one's own: described in data only, drafted from OpenAPI, checked with every fault at its line, tried
//! against live objects. The real program works in a workspace of its own against a sandbox of the same
//! descriptions.

#[path = "../end_to_end/desk.rs"]
#[allow(dead_code)] // this test binary uses its part
mod desk;

mod broken;
mod crowds;
mod drafts;
mod example;
mod shop;
mod states;
mod strange;
mod trials;
