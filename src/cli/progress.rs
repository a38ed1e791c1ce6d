//! Progress on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing when all is quiet.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::Screen;
use crate::remote::pace::Speed;
use crate::remote::service::Service;
use crate::run::Event;

/// How often a line is written where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);
/// Work that is over sooner shows no bar.
const SOON: Duration = Duration::from_millis(300);

/// How many services are told of in one line.
const MOST: usize = 2;

/// The services of a run, by the names of their targets.
type Services = BTreeMap<Arc<str>, Service>;

/// Shows how far a run is, and what holds it up.
pub struct Progress<'s> {
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
    services: &'s Services,
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

impl<'s> Progress<'s> {
    /// Progress as this screen wants it, over these services.
    pub fn new(screen: &Screen, services: &'s Services) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if screen.quiet {
            return Self { bar, plain: None, services };
        }
        if io::stderr().is_terminal() {
            let template = "{prefix} {bar:30} {pos}/{len}  {per_sec}  {eta} left{msg}";
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            return Self { bar, plain: None, services };
        }
        Self { bar, plain: Some(Mutex::new(Plain::begin("", 0))), services }
    }

    /// What holds the services up by now.
    fn limits(&self) -> String {
        let told = self.services.iter().filter_map(|(name, service)| limit(name, service.speed()));
        told.take(MOST).map(|told| format!("  {told}")).collect()
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
        self.bar.set_prefix(what);
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
        self.bar.set_message(self.limits());
        self.bar.inc(more as u64);
        let Some(plain) = &self.plain else { return };
        let mut plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
        plain.done += more;
        if plain.last.elapsed() >= PAUSE && plain.done < plain.total {
            plain.last = Instant::now();
            eprintln!("{}{}", plain.line(), self.limits());
        }
    }
}

/// `phones: 2 of 8 at once, at most 10 a second, waits 3 s`: what a service asked for or is known to bear; nothing where
/// neither holds anything up.
fn limit(name: &str, speed: Speed) -> Option<String> {
    let slowed = (speed.at_once < speed.most).then(|| format!("{} of {} at once", speed.at_once, speed.most));
    let second = speed.per_second.map(|most| format!("at most {most} a second"));
    let minute = speed.per_minute.map(|most| format!("at most {most} a minute"));
    let pause = speed.pause.map(|pause| format!("waits {:.0} s", pause.as_secs_f64().ceil()));
    let told: Vec<String> = [slowed, second, minute, pause].into_iter().flatten().collect();
    (!told.is_empty()).then(|| format!("{name}: {}", told.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_service_up_is_told() {
        let free = Speed { at_once: 8, most: 8, ..Speed::default() };
        assert_eq!(limit("phones", free), None);
        let slow =
            Speed { at_once: 2, per_minute: Some(600), pause: Some(Duration::from_millis(2_100)), ..free };
        let told = limit("phones", slow);
        assert_eq!(told.as_deref(), Some("phones: 2 of 8 at once, at most 600 a minute, waits 3 s"));
    }

    #[test]
    fn a_line_tells_how_far_how_fast_and_how_long() {
        let began = Instant::now().checked_sub(Duration::from_secs(10)).unwrap_or_else(Instant::now);
        let plain = Plain { done: 300, began, ..Plain::begin("reading", 1_000) };
        assert!(plain.line().starts_with("reading 300 of 1000, 30 a second, 2"), "{}", plain.line());
        assert!(Plain::begin("writing", 5).line().starts_with("writing 0 of 5, 0 a second"));
    }
}
