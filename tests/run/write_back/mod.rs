//! Write-back: live values, values of other environments and common values become what documents say. Every other
//! object and environment renders as before, and every other byte stays.

mod accept;
mod accept_lists;
mod accept_property;
pub mod depot;
mod promote;
mod share;
mod why;
