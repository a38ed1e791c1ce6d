//! What the terminal shows: one document on stdout, everything else on stderr, styles where they are wanted.
//!
//! A closed pipe is no error (`trueup plan | head`), a full disk is one. In a job of GitHub Actions, whose runner
//! takes lines for commands, nothing that comes from a document or a service may look like one.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

use super::global_args::{ColorMode, GlobalArgs, StdoutFormat};
use super::report_args::{ReportFormat, RevealArgs};
use crate::diagnostic::Diagnostic;
use crate::output_filter::filter_text;
use crate::report::diagnostics::{DiagnosticRenderOptions, render_diagnostics};

/// The width for output that goes to no terminal.
const PLAIN_WIDTH: usize = 100;
/// The most diagnostics that are drawn.
const MAX_DIAGNOSTICS: usize = 100;

/// Where output goes and how it looks.
#[derive(Clone)]
pub struct TerminalScreen {
    pub format: StdoutFormat,
    pub quiet: bool,
    color_mode: ColorMode,
    /// Whether stdout belongs to something else.
    is_stdout_redirected: bool,
    /// Whether personal values may be shown as they are.
    pub reveals_personal: bool,
    /// Whether someone reads commands out of what is printed.
    is_github_actions: bool,
}

impl TerminalScreen {
    /// As the flags say.
    pub fn new(common: &GlobalArgs) -> Self {
        Self {
            format: common.format.to_stdout_format(),
            quiet: common.quiet,
            color_mode: common.color,
            is_stdout_redirected: false,
            reveals_personal: false,
            is_github_actions: is_github_actions(),
        }
    }

    /// The same screen, with what would go to stdout on stderr.
    #[must_use]
    pub fn with_stdout_redirected(&self) -> Self {
        Self { is_stdout_redirected: true, ..*self }
    }

    /// The same screen, with personal values as they are where that is asked for.
    ///
    /// # Errors
    /// When anything but a terminal would show them.
    pub fn with_reveal(self, sight: RevealArgs) -> Result<Self, Diagnostic> {
        let terminal =
            !self.is_stdout_redirected && self.format == StdoutFormat::Text && io::stdout().is_terminal();
        if sight.reveal && !terminal {
            let message = "`--reveal` needs a terminal, and stdout is not one";
            return Err(Diagnostic::error("usage", message).with_hint(
                "run without `--reveal`, or without a pipe, `--format json` and `--report FORMAT=-`",
            ));
        }
        Ok(Self { reveals_personal: sight.reveal, ..self })
    }

    /// Puts text on stdout.
    ///
    /// # Errors
    /// When stdout cannot be written, but not when its reader went away.
    pub fn print_stdout(&self, text: &str) -> io::Result<()> {
        if self.is_stdout_redirected {
            self.print_remark(text);
            return Ok(());
        }
        match self.format {
            StdoutFormat::Text => self.write_stdout(&self.escape_commands(text)),
            // whose lines begin with what JSON is made of
            StdoutFormat::Json => self.write_stdout(text),
        }
    }

    /// Puts a report on stdout, to whomever it belongs.
    ///
    /// # Errors
    /// As [`TerminalScreen::print_stdout`].
    pub fn print_report(&self, format: ReportFormat, text: &str) -> io::Result<()> {
        use ReportFormat::{GithubSummary, Html, Junit, Markdown, Text};
        match format {
            Text | Markdown | GithubSummary | Junit | Html => self.write_stdout(&self.escape_commands(text)),
            // these commands are ours, and no line of JSON is one
            _ => self.write_stdout(text),
        }
    }

    fn write_stdout(&self, text: &str) -> io::Result<()> {
        let text = filter_text(text);
        let written = match self.select_color(&io::stdout()) {
            // at once: a stream that takes styles out writes piece by piece
            ColorChoice::Never => write_text(&mut io::stdout().lock(), &strip_str(&text).to_string()),
            choice => write_text(&mut AutoStream::new(io::stdout(), choice).lock(), &text),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Puts a remark on stderr, unless all is to be quiet.
    pub fn print_remark(&self, text: &str) {
        if !self.quiet {
            self.print_stderr(text);
        }
    }

    /// Puts text on stderr, whatever happens to it.
    pub fn print_stderr(&self, text: &str) {
        self.print_runner_commands(&self.escape_commands(text));
    }

    /// Puts commands for the runner on stderr; the texts in them are harmless already.
    pub fn print_runner_commands(&self, text: &str) {
        let text = filter_text(text);
        let _ = match self.select_color(&io::stderr()) {
            ColorChoice::Never => write_text(&mut io::stderr().lock(), &strip_str(&text).to_string()),
            choice => write_text(&mut AutoStream::new(io::stderr(), choice).lock(), &text),
        };
    }

    fn escape_commands<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.is_github_actions {
            true => Cow::Owned(text.split_inclusive('\n').map(escape_command).collect()),
            false => Cow::Borrowed(text),
        }
    }

    /// Draws diagnostics on stderr; with `--quiet` only errors.
    pub fn print_diagnostics(&self, diagnostics: &[Diagnostic]) {
        let errors_only =
            |d: &&Diagnostic| !self.quiet || d.severity == crate::diagnostic::DiagnosticSeverity::Error;
        let shown: Vec<Diagnostic> = diagnostics.iter().filter(errors_only).cloned().collect();
        self.print_stderr(&render_diagnostics(&shown, &self.build_drawing()));
    }

    /// What went wrong beyond diagnostics.
    pub fn print_error(&self, error: &anyhow::Error) {
        self.print_stderr(&format!("error: {error:#}\n"));
    }

    /// How diagnostics are drawn here.
    pub fn build_drawing(&self) -> DiagnosticRenderOptions {
        DiagnosticRenderOptions { color: true, width: self.width(), limit: MAX_DIAGNOSTICS }
    }

    /// Columns of the terminal, else a width that reads well in logs.
    pub fn width(&self) -> usize {
        // clap's wrapping asks the terminal already; the variable is what shells and CI export
        let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        terminal.unwrap_or(PLAIN_WIDTH).clamp(40, 160)
    }

    /// Whether a person can be asked.
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether what goes to stderr may have styles.
    pub fn is_styled(&self) -> bool {
        self.select_color(&io::stderr()) != ColorChoice::Never
    }

    fn select_color(&self, stream: &impl anstream::stream::RawStream) -> ColorChoice {
        match self.color_mode {
            ColorMode::Always => ColorChoice::Always,
            ColorMode::Never => ColorChoice::Never,
            // NO_COLOR, CLICOLOR, TERM=dumb, a pipe and known CI services are all thought of there
            ColorMode::Auto => AutoStream::choice(stream),
        }
    }
}

fn write_text(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush())
}

/// Whether this is a job of GitHub Actions.
fn is_github_actions() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|word| !word.is_empty() && word != "false")
}

/// A line that the runner does not take for a command: `::` counts at the start, `##[` anywhere.
fn escape_command(line: &str) -> Cow<'_, str> {
    let plain = strip_str(line).to_string();
    let (starts, holds) = (plain.trim_start().starts_with("::"), plain.contains("##["));
    match (starts, holds) {
        (false, false) => Cow::Borrowed(line),
        // rare enough to go without styles
        _ => Cow::Owned(plain.replace("##[", "# #[").replacen("::", if starts { ": :" } else { "::" }, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_looks_like_a_command() {
        for (line, harmless) in [
            ("::error::x\n", ": :error::x\n"),
            ("  ::add-mask::x", "  : :add-mask::x"),
            ("\u{1b}[32m::set-env name=A::b\u{1b}[0m\n", ": :set-env name=A::b\n"),
            ("+ ##[error]x\n", "+ # #[error]x\n"),
            ("\u{a0}::x", "\u{a0}: :x"),
            ("a::b # #\n", "a::b # #\n"),
            ("", ""),
        ] {
            assert_eq!(escape_command(line), harmless);
        }
    }
}
