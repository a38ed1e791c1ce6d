//! HTTP to one service: credentials, bounds, retries, and the wire formats JSON and JSV.
//!
//! Everything that comes back is read under the kind's guidance into the typed tree, within bounds.
//! Deliberately absent: what a difference means, and any knowledge of one particular service.

pub mod api_error;
mod auth;
mod breaker;
pub mod cancellation;
pub mod client;
mod connection_options;
pub mod hosts;
mod json;
mod jsv;
pub mod list_completeness;
pub mod page_position;
pub mod pager;
mod proxy;
mod rate_limit_headers;
pub mod rate_limiter;
pub mod redactor;
mod redirect;
pub mod request_error;
mod request_parts;
pub mod retry;
mod retry_after;
pub mod retry_budget;
mod sanitize;
mod session;
mod spelling;
pub mod target;
pub mod target_client;
pub mod target_connection;
pub mod transport;
pub mod transport_error;
pub mod webhook;
pub mod wire;
