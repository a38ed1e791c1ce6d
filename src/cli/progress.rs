//! Progress on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing when all is quiet.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::Screen;
use crate::run::Event;

/// How often a line is written where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);
/// Work that is over sooner shows no bar.
const SOON: Duration = Duration::from_millis(300);

/// Shows how far a run is.
pub struct Progress {
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
}

struct Plain {
    what: &'static str,
    total: usize,
    done: usize,
    last: Instant,
}

impl Progress {
    /// Progress as this screen wants it.
    pub fn new(screen: &Screen) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if screen.quiet {
            return Self { bar, plain: None };
        }
        if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}  {per_sec}  {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            return Self { bar, plain: None };
        }
        let plain = Plain { what: "", total: 0, done: 0, last: Instant::now() };
        Self { bar, plain: Some(Mutex::new(plain)) }
    }

    /// Takes one event of a run.
    pub fn tell(&self, event: Event) {
        match event {
            Event::Reading(total) => self.begin("reading", total),
            Event::Writing(total) => self.begin("writing", total),
            Event::Read(more) => self.step(more),
            Event::Wrote => self.step(1),
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn begin(&self, what: &'static str, total: usize) {
        tracing::info!(objects = total, "{what}");
        self.bar.reset();
        self.bar.set_length(total as u64);
        self.bar.set_message(what);
        if let Some(plain) = &self.plain {
            let mut plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
            *plain = Plain { what, total, done: 0, last: Instant::now() };
        }
    }

    fn step(&self, more: usize) {
        if self.bar.is_hidden()
            && self.plain.is_none()
            && self.bar.elapsed() > SOON
            && io::stderr().is_terminal()
        {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(more as u64);
        let Some(plain) = &self.plain else { return };
        let mut plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
        plain.done += more;
        if plain.last.elapsed() >= PAUSE && plain.done < plain.total {
            plain.last = Instant::now();
            eprintln!("{} {} of {}", plain.what, plain.done, plain.total);
        }
    }
}
