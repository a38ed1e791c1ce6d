//! What the terminal shows: one document on stdout, everything else on stderr, styles where they are wanted.
//!
//! A closed pipe is no error (`trueup plan | head`), a full disk is one.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use super::args::{Colour, Common, Format};
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
}

impl Screen {
    /// As the flags say.
    pub fn new(common: &Common) -> Self {
        Self { format: common.format, quiet: common.quiet, colour: common.color, is_aside: false }
    }

    /// The same screen, with what would go to stdout on stderr.
    #[must_use]
    pub fn aside(&self) -> Self {
        Self { is_aside: true, ..*self }
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
        self.print(text)
    }

    /// Puts text on stdout, to whomever it belongs.
    ///
    /// # Errors
    /// As [`Screen::out`].
    pub fn print(&self, text: &str) -> io::Result<()> {
        let mut stdout = AutoStream::new(io::stdout(), self.choice(&io::stdout())).lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
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
        let mut stderr = AutoStream::new(io::stderr(), self.choice(&io::stderr())).lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
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
