//! The repository itself: source rules, CI files, workspaces, own APIs.

#[path = "../support/mod.rs"]
mod support;

mod ci;
mod diagnostic_codes;
mod environments;
mod house;
mod own_api;
#[cfg(unix)]
mod page_commands;
mod workspace;
