//! What the terminal shows: one document on stdout, everything else on stderr, styles where they are wanted.
//!
//! A closed pipe is no error (`trueup plan | head`), a full disk is one. In a job of GitHub Actions, whose runner
//! takes lines for commands, nothing that comes from a document or a service may look like one.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

use super::args::{Colour, Common, Format, ReportFormat, Sight};
use crate::diagnostic::Diagnostic;
use crate::report::diagnostics::{Drawing, draw};

/// The width for output that goes to no terminal.
const PLAIN_WIDTH: usize = 100;
/// The most diagnostics that are drawn.
const MOST_DRAWN: usize = 100;

/// Where output goes and how it looks.
#[derive(Clone)]
pub struct Screen {
    pub format: Format,
    pub quiet: bool,
    colour: Colour,
    /// Whether stdout belongs to something else.
    is_aside: bool,
    /// Whether personal values may be shown as they are.
    pub reveals: bool,
    /// Whether somebody reads commands out of what is printed.
    is_obeyed: bool,
}

impl Screen {
    /// As the flags say.
    pub fn new(common: &Common) -> Self {
        Self {
            format: common.format.document(),
            quiet: common.quiet,
            colour: common.color,
            is_aside: false,
            reveals: false,
            is_obeyed: is_obeyed(),
        }
    }

    /// The same screen, with what would go to stdout on stderr.
    #[must_use]
    pub fn aside(&self) -> Self {
        Self { is_aside: true, ..*self }
    }

    /// The same screen, with personal values as they are where that is asked for.
    ///
    /// # Errors
    /// When anything but a terminal would show them.
    pub fn sighted(self, sight: Sight) -> Result<Self, Diagnostic> {
        let terminal = !self.is_aside && self.format == Format::Text && io::stdout().is_terminal();
        if sight.reveal && !terminal {
            let message = "`--reveal` shows personal values on a terminal only, and stdout is none";
            return Err(Diagnostic::error("usage", message)
                .hint("leave it out, or run without a pipe, `--format json` and `--report FORMAT=-`"));
        }
        Ok(Self { reveals: sight.reveal, ..self })
    }

    /// Puts text on stdout.
    ///
    /// # Errors
    /// When stdout cannot be written, but not when its reader went away.
    pub fn out(&self, text: &str) -> io::Result<()> {
        if self.is_aside {
            self.say(text);
            return Ok(());
        }
        match self.format {
            Format::Text => self.print(&self.harmless(text)),
            // whose lines begin with what JSON is made of
            Format::Json => self.print(text),
        }
    }

    /// Puts a report on stdout, to whomever it belongs.
    ///
    /// # Errors
    /// As [`Screen::out`].
    pub fn report(&self, format: ReportFormat, text: &str) -> io::Result<()> {
        use ReportFormat::{GithubSummary, Html, Junit, Markdown, Text};
        match format {
            Text | Markdown | GithubSummary | Junit | Html => self.print(&self.harmless(text)),
            // these commands are ours, and no line of JSON is one
            _ => self.print(text),
        }
    }

    fn print(&self, text: &str) -> io::Result<()> {
        let written = match self.choice(&io::stdout()) {
            // at once: a stream that takes styles out writes piece by piece
            ColorChoice::Never => put(&mut io::stdout().lock(), &strip_str(text).to_string()),
            choice => put(&mut AutoStream::new(io::stdout(), choice).lock(), text),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Puts a remark on stderr, unless all is to be quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.err(text);
        }
    }

    /// Puts text on stderr, whatever happens to it.
    pub fn err(&self, text: &str) {
        self.command(&self.harmless(text));
    }

    /// Puts commands for the runner on stderr; the texts in them are harmless already.
    pub fn command(&self, text: &str) {
        let _ = match self.choice(&io::stderr()) {
            ColorChoice::Never => put(&mut io::stderr().lock(), &strip_str(text).to_string()),
            choice => put(&mut AutoStream::new(io::stderr(), choice).lock(), text),
        };
    }

    fn harmless<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.is_obeyed {
            true => Cow::Owned(text.split_inclusive('\n').map(disarmed).collect()),
            false => Cow::Borrowed(text),
        }
    }

    /// Draws diagnostics on stderr; with `--quiet` only errors.
    pub fn diagnose(&self, diagnostics: &[Diagnostic]) {
        let errors_only = |d: &&Diagnostic| !self.quiet || d.severity == crate::diagnostic::Severity::Error;
        let shown: Vec<Diagnostic> = diagnostics.iter().filter(errors_only).cloned().collect();
        self.err(&draw(&shown, &self.drawing()));
    }

    /// What went wrong beyond diagnostics.
    pub fn fail(&self, error: &anyhow::Error) {
        self.err(&format!("error: {error:#}\n"));
    }

    /// How diagnostics are drawn here.
    pub fn drawing(&self) -> Drawing {
        Drawing { color: true, width: self.width(), limit: MOST_DRAWN }
    }

    /// Columns of the terminal, else a width that reads well in logs.
    pub fn width(&self) -> usize {
        // clap's wrapping asks the terminal already; the variable is what shells and CI export
        let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        terminal.unwrap_or(PLAIN_WIDTH).clamp(40, 160)
    }

    /// Whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether what goes to stderr may have styles.
    pub fn is_styled(&self) -> bool {
        self.choice(&io::stderr()) != ColorChoice::Never
    }

    fn choice(&self, stream: &impl anstream::stream::RawStream) -> ColorChoice {
        match self.colour {
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
            // NO_COLOR, CLICOLOR, TERM=dumb, a pipe and known CI services are all thought of there
            Colour::Auto => AutoStream::choice(stream),
        }
    }
}

fn put(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush())
}

/// Whether this is a job of GitHub Actions.
fn is_obeyed() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|word| !word.is_empty() && word != "false")
}

/// A line that the runner does not take for a command: `::` counts at the start, `##[` anywhere.
fn disarmed(line: &str) -> Cow<'_, str> {
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
            assert_eq!(disarmed(line), harmless);
        }
    }
}
