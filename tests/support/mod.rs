//! Fixtures, servers and helpers that several test binaries share.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod canaries;
pub mod decisions;
pub mod handmade_kinds;
pub mod marked_documents;
pub mod new_documents;
pub mod own_api_fixture;
pub mod raw_server;
pub mod report_fixture;
pub mod sandbox_fixture;
pub mod stub_server;
pub mod tls_server;
pub mod webhook_listener;
pub mod workspace;
pub mod written_documents;
