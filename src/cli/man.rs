//! `trueup man`: the man pages, from the same definitions as the help.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;

use super::exit::ExitStatus;
use super::global_args::GlobalArgs;
use super::output_file::write_output;
use super::screen::TerminalScreen;

/// Arguments of `man`.
#[derive(Args)]
pub struct ManArgs {
    /// Write a page for each command to this folder, relative to the workspace [default: the main page on stdout]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// Prints the main page, or writes all pages.
///
/// # Errors
/// When a page cannot be written.
pub fn run(
    common: &GlobalArgs,
    args: &ManArgs,
    command: Command,
    screen: &TerminalScreen,
) -> anyhow::Result<ExitStatus> {
    let Some(folder) = args.output.as_ref().map(|folder| common.directory.join(folder)) else {
        screen.print_stdout(&render_page(command)?)?;
        return Ok(ExitStatus::Done);
    };
    let mut pages = Vec::new();
    collect_pages(command, "", &mut pages)?;
    for (name, page) in &pages {
        let path = folder.join(format!("{name}.1"));
        write_output(&path, page.as_bytes())
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    screen.print_stdout(&format!("wrote {} man pages in {}\n", pages.len(), folder.display()))?;
    Ok(ExitStatus::Done)
}

/// The pages of a command and of the commands below it, with their names: `trueup-api-check`.
fn collect_pages(command: Command, above: &str, pages: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    let name = match above {
        "" => command.get_name().to_owned(),
        above => format!("{above}-{}", command.get_name()),
    };
    let inner: Vec<Command> = command.get_subcommands().filter(|own| !own.is_hide_set()).cloned().collect();
    pages.push((name.clone(), render_page(command.name(name.clone()))?));
    inner.into_iter().try_for_each(|own| collect_pages(own, &name, pages))
}

fn render_page(command: Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
