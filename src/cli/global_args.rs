//! Options of every command, and the words of the output format.
//!
//! Deliberately absent: arguments of one command, which stand in the file of the command, and arguments that some
//! commands share (`run_args`, `report_args`, `selection_args`).

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The help heading of the options of every command.
const GLOBAL_OPTIONS_HEADING: &str = "Global options";

/// Options of every command, in any position.
#[derive(Args, Clone)]
pub struct GlobalArgs {
    /// The workspace: the folder with trueup.yaml
    #[arg(
        short = 'C',
        long,
        global = true,
        help_heading = GLOBAL_OPTIONS_HEADING,
        value_name = "DIR",
        default_value = ".",
        env = "TRUEUP_DIRECTORY",
        hide_env_values = true
    )]
    pub directory: PathBuf,
    /// Output format
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_enum, default_value_t = OutputFormat::Text, env = "TRUEUP_FORMAT", hide_env_values = true)]
    pub format: OutputFormat,
    /// When to use colour
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_enum, default_value_t = ColorMode::Auto, env = "TRUEUP_COLOR", hide_env_values = true)]
    pub color: ColorMode,
    /// Verbose: more messages on stderr; twice to log every request
    #[arg(short, long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Quiet: only errors on stderr
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, env = "TRUEUP_QUIET", hide_env_values = true)]
    pub quiet: bool,
}

/// The output format of stdout.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutputFormat {
    /// Text for a terminal
    Text,
    /// JSON; see schemas/report.json
    Json,
    /// Events of an apply, one JSON object a line; see schemas/events.json
    Jsonl,
}

impl OutputFormat {
    /// The format of a document on stdout.
    pub fn to_stdout_format(self) -> StdoutFormat {
        match self {
            Self::Text | Self::Jsonl => StdoutFormat::Text,
            Self::Json => StdoutFormat::Json,
        }
    }
}

/// The format of a document on stdout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StdoutFormat {
    Text,
    Json,
}

/// When to use colour.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColorMode {
    Auto,
    Always,
    Never,
}
