//! The real program against the sandbox, over real HTTP, with real files.

mod convergence;
#[allow(dead_code)] // the leak tests use the rest
mod desk;
mod endings;
mod estate;
mod formats;
mod gate;
#[cfg(unix)]
mod interrupts;
mod persons;
mod two_at_once;
mod unread;
mod workspaces;
mod written;
