//! The command line: one file a command, and what commands share: settings, environment, files on disk.
//!
//! Here alone files are found and read, the environment is asked, programs are run for secrets, and anything
//! is printed. Deliberately absent: rules. What is right or wrong in a document or a plan is said below.

pub mod api;
pub mod apply;
pub mod args;
mod causes;
pub mod completions;
pub mod demo;
pub mod drift;
mod events;
pub mod exit;
pub mod explain;
pub mod fmt;
mod foreseen;
pub mod ids;
pub mod import;
pub mod keys;
mod leases;
mod logs;
mod notify;
mod past;
pub mod plan;
pub mod policy;
mod progress;
mod records;
mod reports;
mod repository;
pub mod sandbox;
pub mod saved;
pub mod schema;
mod screen;
pub mod session;
pub mod settings;
mod shared;
pub mod show;
mod since;
pub mod slots;
pub mod undo;
pub mod validate;
mod who;
pub mod workspace;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command, FormatWord};
use exit::Exit;
use screen::Screen;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // help and version are no errors; nothing can be said when even stderr is gone
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { Exit::Done.into() } else { Exit::Usage.into() };
        }
    };
    let screen = Screen::new(&cli.common);
    logs::start(cli.common.verbose, screen.is_styled());
    match run(cli, &screen) {
        Ok(exit) => exit.into(),
        Err(error) => {
            screen.fail(&error);
            Exit::Error.into()
        }
    }
}

fn run(cli: Cli, screen: &Screen) -> anyhow::Result<Exit> {
    let common = cli.common;
    if common.format == FormatWord::Jsonl && !matches!(cli.command, Command::Apply(_)) {
        screen.diagnose(&[reports::only_of_apply()]);
        return Ok(Exit::Usage);
    }
    match cli.command {
        Command::Validate(args) => validate::run(&common, &args, screen),
        Command::Plan(args) => plan::run(&common, &args, screen),
        Command::Apply(args) => apply::run(&common, &args, screen),
        Command::Undo(args) => undo::run(&common, &args, screen),
        Command::Drift(args) => drift::run(&common, &args, screen),
        Command::Show(args) => show::run(&common, &args, screen),
        Command::Import(args) => import::run(&common, &args, screen),
        Command::Explain(args) => explain::run(&common, &args, screen),
        Command::Schema(args) => schema::run(&common, &args, screen),
        Command::Sandbox(args) => sandbox::run(&common, &args, screen),
        Command::Demo(args) => demo::run(&common, &args, screen),
        Command::Fmt(args) => fmt::run(&common, &args, screen),
        Command::Api { command } => api::run(&common, &command, screen),
        Command::Policy { command } => policy::run(&common, &command, screen),
        Command::Completions { shell } => completions::run(shell, screen),
    }
}
