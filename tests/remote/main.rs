//! The HTTP client, the wire formats and the sandbox.

#[path = "../support/mod.rs"]
mod support;

mod faulty_servers;
mod sandbox;
mod wire_responses;
