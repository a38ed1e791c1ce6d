//! trueup keeps SaaS configuration true to what a Git repository says.
//!
//! # The house
//!
//! Rooms are stacked; a room imports only from rooms below it. `tests/house.rs` holds every import against
//! this table.
//!
//! ```text
//! 8  main.rs                  arguments in, exit code out
//! 7  cli/                     one file a command; settings, environment, files on disk, terminal
//! 6  run/  <-  report/        run: fetch, apply, prove, memory.   report: plan and outcome -> what may be shown
//!    policy/                  rules of a workspace, asked about documents and reports
//! 5  plan/                    propose, refer, pair, compare, request, step, cause: pure
//! 4  document/   remote/      document: YAML -> checked.   remote: HTTP, auth, paging, retry, JSON, JSV, sandbox
//! 3  kind/                    what one sort of object is, and each question asked of it; builtin/<api>/*.yaml
//! 2  exchange.rs  yaml.rs     Request, Response as data   | YAML -> trees with places
//! 1  value.rs  diagnostic.rs  the typed tree, paths, marks | what is wrong, where, and what to do
//!    cores.rs                 the same work for many things, on every core
//! ```
//!
//! `plan` and `remote` never import each other, nor do `document` and `remote`: only `run` sees them all.
//! Only `remote`, `run` and `cli` know the async runtime. `report` looks into `run` for outcomes only, `policy`
//! into `report` for what may be shown.
//!
//! # What always holds
//!
//! 1. What is known of a service is data in `kind/builtin`; no Rust outside the tests names one.
//! 2. Both sides are read under the kind's guidance into one typed tree, so comparison is plain equality.
//! 3. [`value::Value`] and [`exchange::Wire`] have no `Debug`, `Display` or `Serialize`: `report` alone turns
//!    values into text, by the mark of their field, `document::write` those that an import may write, and
//!    `run::undo` those of what is overwritten that may be kept.
//!    A source line is shown only with its veils on.
//! 4. A field that a document does not name is neither shown nor reset. A write of everything carries it,
//!    strangers and row ids included; what does not read back and would be blanked stops the step.
//! 5. A step holds its complete request; `apply` reads the object again right before the write and sends
//!    nothing when what the step relied on has moved; afterwards it reads back and compares.
//! 6. Only what is safe is repeated; a create is never sent twice without a look.
//! 7. Credentials go to allowed hosts only; everything that comes in is bounded.
//! 8. All faults of a run are told, in an order that does not depend on timing.
//! 9. What is about to be sent is on record before it is; `.trueup` is changed by one run at a time.

pub mod cli;
pub mod cores;
pub mod diagnostic;
pub mod document;
pub mod exchange;
pub mod kind;
pub mod plan;
pub mod policy;
pub mod remote;
pub mod report;
pub mod run;
pub mod value;
pub mod yaml;
