//! Decisions of a plan: properties over all kinds, and references by name.

#[path = "../support/mod.rs"]
mod support;

mod properties;
mod references;
