//! The command line: one file a command, and what commands share: settings, environment, files on disk.
//!
//! Here alone files are found and read, the environment is asked and programs are run for secrets.
//! Deliberately absent: rules. What is right or wrong in a document or a plan is said below.

pub mod args;
pub mod settings;
pub mod slots;
pub mod workspace;
