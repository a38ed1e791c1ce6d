//! trueup manages SaaS configuration from YAML in Git.
//!
//! # The house
//!
//! Rooms are stacked; a room imports only from rooms below it. `tests/repo/house` holds every import against
//! this table.
//!
//! ```text
//! main.rs                   arguments in, exit code out
//! cli/                      one file a command; screen, progress
//! workspace/                settings, files, secrets, Git     report/  view model -> formats     policy/  CEL rules
//! run/                      fetch, plan, execute, verify, import, undo
//! state/                    .trueup and shared places: journal, receipts, logs, lock, lease
//! plan/                     propose, compare, request, gate, cause, digest: pure
//! compose/                  bases, overlays, values, defaults -> effective documents with the origin of each value: pure
//! document/    remote/      YAML -> checked documents         client -> retry -> rate limiter -> transport; pager
//! sandbox/     openapi/     the embedded server, from kinds   OpenAPI documents -> kind drafts
//! kind/                     what one kind is: file, check, identity (which list item is which), equality, visit
//!                           (the one walk over a value), schema, explain, reference; builtin/<api>/*.yaml
//! exchange.rs  yaml.rs      requests and responses as data    YAML -> trees with source locations
//! value.rs  diagnostic.rs   the typed tree, paths, sensitivity; what is wrong, where, and what to do
//! cores.rs                  the same work for many things, on every core
//! output_filter.rs          the secrets of this run are taken out of everything that is written
//! ```
//!
//! `plan` and `remote` never import each other, nor do `document` and `remote`: only `run` sees them all.
//! `state` knows neither. Only `remote`, `run`, `sandbox` and `cli` know the async runtime, and `state::receipt_store`
//! for the timeouts of object stores. `report` reads the outcomes of `run`, `policy` reads what `report` may show.
//!
//! # What always holds
//!
//! 1. What is known of a service is data in `kind/builtin`; no Rust outside the tests names one.
//! 2. Both sides are read under the kind's guidance into one typed tree, so comparison is plain equality.
//! 3. [`value::Value`] and [`exchange::Wire`] have no `Debug`, `Display` or `Serialize`: `report` alone turns
//!    values into text, by the mark of their field, `document::write` those that an import may write, and
//!    `run::undo` those of what is overwritten that may be kept.
//!    A source line is shown only with its redactions on.
//! 4. A field that a document does not name is neither shown nor reset. A write of everything carries it,
//!    strangers and row ids included; what does not read back and would be blanked stops the step.
//! 5. A step holds its complete request; `apply` reads the object again right before the write and sends
//!    nothing when what the step relied on has moved; afterwards it reads back and compares.
//! 6. Only what is safe is repeated; a create is never sent twice without a look.
//! 7. Credentials go to allowed hosts only; everything that comes in is bounded.
//! 8. All faults of a run are reported, in an order that does not depend on timing.
//! 9. What is about to be sent is on record before it is; `.trueup` is changed by one run at a time.

pub mod cli;
pub mod compose;
pub mod cores;
pub mod diagnostic;
pub mod document;
pub mod exchange;
pub mod kind;
pub mod openapi;
pub mod output_filter;
pub mod plan;
pub mod policy;
pub mod remote;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod state;
pub mod value;
pub mod workspace;
pub mod yaml;
