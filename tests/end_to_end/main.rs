//! The real program against the sandbox, over real HTTP, with real files.

mod convergence;
mod desk;
mod endings;
mod estate;
#[cfg(unix)]
mod interrupts;
mod written;
