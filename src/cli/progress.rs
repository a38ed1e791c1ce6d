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
    began: Instant,
    last: Instant,
}

impl Plain {
    fn begin(what: &'static str, total: usize) -> Self {
        Self { what, total, done: 0, began: Instant::now(), last: Instant::now() }
    }

    /// `reading 300 of 1000, 12 a second, 58 s left`
    fn line(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let rate = self.done as f64 / seconds;
        let left = (self.total.saturating_sub(self.done) as f64 / rate.max(0.001)).ceil();
        format!("{} {} of {}, {rate:.0} a second, {left:.0} s left", self.what, self.done, self.total)
    }
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
        Self { bar, plain: Some(Mutex::new(Plain::begin("", 0))) }
    }

    /// Takes one event of a run.
    pub fn tell(&self, event: Event) {
        match event {
            Event::Reading(total) => self.begin("reading", total),
            Event::Writing(total) => self.begin("writing", total),
            Event::Read(more) => self.step(more),
            Event::Ended(_) => self.step(1),
            Event::Started(_) | Event::Sent(..) | Event::Halted(..) => {}
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
            *plain = Plain::begin(what, total);
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
            eprintln!("{}", plain.line());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_how_fast_and_how_long() {
        let began = Instant::now().checked_sub(Duration::from_secs(10)).unwrap_or_else(Instant::now);
        let plain = Plain { done: 300, began, ..Plain::begin("reading", 1_000) };
        assert!(plain.line().starts_with("reading 300 of 1000, 30 a second, 2"), "{}", plain.line());
        assert!(Plain::begin("writing", 5).line().starts_with("writing 0 of 5, 0 a second"));
    }
}
