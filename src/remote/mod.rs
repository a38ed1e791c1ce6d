//! HTTP to one service: credentials, bounds, retries, and the wire formats JSON and JSV.
//!
//! Everything that comes back is read under the kind's guidance into the typed tree, within bounds.
//! Deliberately absent: what a difference means, and any knowledge of one particular service.

pub mod allowance;
mod auth;
pub mod blot;
mod breaker;
pub mod client;
pub mod complaint;
pub mod failure;
pub mod hook;
pub mod hosts;
mod json;
mod jsv;
pub mod pace;
pub mod retry;
pub mod sandbox;
pub mod service;
mod session;
mod spelling;
pub mod stop;
pub mod target;
pub mod transport;
pub mod wire;
