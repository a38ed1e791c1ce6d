//! The command line: one file a command, and what commands share: settings, environment, files on disk.
//!
//! Here alone files are found and read, the environment is asked, programs are run for secrets, and anything
//! is printed. Deliberately absent: rules. What is right or wrong in a document or a plan is said below.

pub mod accept;
pub mod api;
mod applied_elsewhere;
pub mod apply;
mod approval;
mod causes;
pub mod command_line;
mod completion_values;
pub mod completions;
pub mod demo;
mod digest_keys;
pub mod doctor;
pub mod drift;
mod environment_order;
mod events;
pub mod exit;
pub mod explain;
mod field_paths;
pub mod fmt;
mod forget;
pub mod global_args;
mod history;
pub mod ids;
pub mod import;
pub mod init;
mod leases;
mod logs;
pub mod man;
pub mod merge_base;
mod notify;
mod object_patterns;
mod orphans;
mod output_file;
pub mod plan;
mod plan_report_builder;
pub mod policy;
mod prepare_undo;
mod prepared_run;
mod progress;
pub mod promote;
mod protection;
mod records;
pub mod render;
pub mod report_args;
mod reports;
mod request_forecast;
pub mod run_args;
pub mod run_setup;
mod runtime;
pub mod sandbox;
pub mod saved_plan;
pub mod schema;
mod screen;
pub mod selection_args;
mod selection_filter;
mod service_names;
pub mod share;
mod shared_receipts;
pub mod show;
mod signals;
mod since_filter;
pub mod undo;
pub mod validate;
mod wait_notice;
pub mod why;
mod write_back;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;

use command_line::{CliCommand, CommandLine};
use exit::ExitStatus;
use global_args::OutputFormat;
use screen::TerminalScreen;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    // answers a shell that asks for completions, and ends then
    CompleteEnv::with_factory(CommandLine::command).var(completions::COMPLETION_VARIABLE).complete();
    let cli = match CommandLine::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // help and version are no errors; nothing can be said when even stderr is gone
            let _ = error.print();
            let requested = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if requested { ExitStatus::Done.into() } else { ExitStatus::Usage.into() };
        }
    };
    let screen = TerminalScreen::new(&cli.common);
    logs::start_logging(cli.common.verbose, screen.is_styled());
    match run_command(cli, &screen) {
        Ok(exit) => exit.into(),
        Err(error) => {
            screen.print_error(&error);
            ExitStatus::Error.into()
        }
    }
}

fn run_command(cli: CommandLine, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let common = cli.common;
    if common.format == OutputFormat::Jsonl && !matches!(cli.command, CliCommand::Apply(_)) {
        screen.print_diagnostics(&[reports::diagnose_events_without_apply()]);
        return Ok(ExitStatus::Usage);
    }
    match cli.command {
        CliCommand::Validate(args) => validate::run(&common, &args, screen),
        CliCommand::Plan(args) => plan::run(&common, &args, screen),
        CliCommand::Apply(args) => apply::run(&common, &args, screen),
        CliCommand::Undo(args) => undo::run(&common, &args, screen),
        CliCommand::Render(args) => render::run(&common, &args, screen),
        CliCommand::Why(args) => why::run(&common, &args, screen),
        CliCommand::Drift(args) => drift::run(&common, &args, screen),
        CliCommand::Show(args) => show::run(&common, &args, screen),
        CliCommand::Accept(args) => accept::run(&common, &args, screen),
        CliCommand::Promote(args) => promote::run(&common, &args, screen),
        CliCommand::Share(args) => share::run(&common, &args, screen),
        CliCommand::Import(args) => import::run(&common, &args, screen),
        CliCommand::Forget(args) => forget::run(&common, &args, screen),
        CliCommand::Init(args) => init::run(&common, &args, screen),
        CliCommand::Doctor(args) => doctor::run(&common, &args, screen),
        CliCommand::Explain(args) => explain::run(&common, &args, screen),
        CliCommand::Schema(args) => schema::run(&common, &args, screen),
        CliCommand::Sandbox(args) => sandbox::run(&common, &args, screen),
        CliCommand::Demo(args) => demo::run(&common, &args, screen),
        CliCommand::Fmt(args) => fmt::run(&common, &args, screen),
        CliCommand::Api { command } => api::run(&common, &command, screen),
        CliCommand::Policy { command } => policy::run(&common, &command, screen),
        CliCommand::Man(args) => man::run(&common, &args, CommandLine::command(), screen),
        CliCommand::Completions(args) => completions::run(&args, screen),
    }
}
