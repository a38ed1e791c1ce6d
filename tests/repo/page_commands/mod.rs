//! The commands that pages show, run: the real program in bash, against sandboxes.
//!
//! `sh` blocks and `console` blocks are run; see `page` for the blocks that a test understands. Each page is one
//! run in a folder that is empty at first. The sections of the runbook each have a workspace instead.

mod guide;
mod page;
mod providers;
mod runbook;
mod runbook_workspace;
mod shell;
