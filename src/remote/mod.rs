//! HTTP to one service: credentials, bounds, retries, and the wire formats JSON and JSV.
//!
//! Everything that comes back is read under the kind's guidance into the typed tree, within bounds.
//! Deliberately absent: what a difference means, and any knowledge of one particular service.
pub mod complaint;
mod json;
mod jsv;
pub mod target;
pub mod wire;
