//! Progress on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing when all is quiet.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::TerminalScreen;
use super::wait_notice::WaitNotice;
use crate::remote::rate_limiter::RateStatus;
use crate::remote::target_client::TargetClient;
use crate::run::RunEvent;

/// How often a line is written where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Work that is over sooner shows no bar.
const BAR_DELAY: Duration = Duration::from_millis(300);

/// How many services are shown in one line.
const MAX_SERVICES_SHOWN: usize = 2;

/// The services of a run, by the names of their targets.
type ClientsByTarget = BTreeMap<Arc<str>, TargetClient>;

/// Shows how far a run is, and what holds it up.
pub struct ProgressDisplay<'s> {
    bar: ProgressBar,
    line_progress: Option<Mutex<LineProgress>>,
    services: &'s ClientsByTarget,
    screen: TerminalScreen,
    /// Until the first object is done.
    notice: Mutex<Option<WaitNotice>>,
}

struct LineProgress {
    phase: &'static str,
    total: usize,
    done: usize,
    started_at: Instant,
    printed_at: Instant,
}

impl LineProgress {
    fn start(what: &'static str, total: usize) -> Self {
        Self { phase: what, total, done: 0, started_at: Instant::now(), printed_at: Instant::now() }
    }

    /// `reading 300 of 1000, 12 a second, 58 s left`
    fn render_line(&self) -> String {
        let seconds = self.started_at.elapsed().as_secs_f64().max(0.001);
        let rate = self.done as f64 / seconds;
        let left = (self.total.saturating_sub(self.done) as f64 / rate.max(0.001)).ceil();
        format!("{} {} of {}, {rate:.0} a second, {left:.0} s left", self.phase, self.done, self.total)
    }
}

impl<'s> ProgressDisplay<'s> {
    /// Progress as this screen wants it, over these services.
    pub fn new(screen: &TerminalScreen, services: &'s ClientsByTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if screen.quiet {
            return Self::with_bar(bar, None, screen, services);
        }
        if io::stderr().is_terminal() {
            let template = "{prefix} {bar:30} {pos}/{len}  {per_sec}  {eta} left{msg}";
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            return Self::with_bar(bar, None, screen, services);
        }
        Self::with_bar(bar, Some(Mutex::new(LineProgress::start("", 0))), screen, services)
    }

    fn with_bar(
        bar: ProgressBar,
        line_progress: Option<Mutex<LineProgress>>,
        screen: &TerminalScreen,
        services: &'s ClientsByTarget,
    ) -> Self {
        Self { bar, line_progress, services, screen: screen.clone(), notice: Mutex::default() }
    }

    /// Says for whom the run waits when nothing is done within a second.
    fn start_notice(&self) {
        let names: Vec<String> = self
            .services
            .iter()
            .take(MAX_SERVICES_SHOWN)
            .map(|(name, service)| format!("{name} ({})", service.target.base_url))
            .collect();
        if names.is_empty() {
            return;
        }
        let more = if self.services.len() > names.len() { ", …" } else { "" };
        let notice = WaitNotice::start(&self.screen, format!("{}{more}", names.join(", ")));
        *self.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice);
    }

    fn end_notice(&self) {
        drop(self.notice.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// What holds the services up by now.
    fn render_limits(&self) -> String {
        let limits =
            self.services.iter().filter_map(|(name, service)| render_limit(name, service.measure_rate()));
        limits.take(MAX_SERVICES_SHOWN).map(|limit| format!("  {limit}")).collect()
    }

    /// Takes one event of a run.
    pub fn handle_event(&self, event: RunEvent) {
        match event {
            RunEvent::Reading(total) => self.start_phase("reading", total),
            RunEvent::Writing(total) => self.start_phase("writing", total),
            RunEvent::Read(more) => self.advance(more),
            RunEvent::Ended(_) => self.advance(1),
            RunEvent::Started(_) | RunEvent::Sent(..) | RunEvent::Halted(..) => {}
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.end_notice();
        self.bar.finish_and_clear();
    }

    fn start_phase(&self, what: &'static str, total: usize) {
        tracing::info!(objects = total, "{what}");
        self.start_notice();
        self.bar.reset();
        self.bar.set_length(total as u64);
        self.bar.set_prefix(what);
        if let Some(plain) = &self.line_progress {
            let mut plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
            *plain = LineProgress::start(what, total);
        }
    }

    fn advance(&self, more: usize) {
        self.end_notice();
        if self.bar.is_hidden()
            && self.line_progress.is_none()
            && self.bar.elapsed() > BAR_DELAY
            && io::stderr().is_terminal()
        {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(self.render_limits());
        self.bar.inc(more as u64);
        let Some(plain) = &self.line_progress else { return };
        let mut plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
        plain.done += more;
        if plain.printed_at.elapsed() >= LINE_INTERVAL && plain.done < plain.total {
            plain.printed_at = Instant::now();
            eprintln!("{}{}", plain.render_line(), self.render_limits());
        }
    }
}

/// `phones: 2 of 8 at once, at most 10 a second, waits 3 s`: what a service asked for or is known to bear; nothing where
/// neither holds anything up.
fn render_limit(name: &str, speed: RateStatus) -> Option<String> {
    let slowed = (speed.concurrency < speed.max_concurrency)
        .then(|| format!("{} of {} at once", speed.concurrency, speed.max_concurrency));
    let second = speed.per_second.map(|most| format!("at most {most} a second"));
    let minute = speed.per_minute.map(|most| format!("at most {most} a minute"));
    let pause = speed.pause.map(|pause| format!("waits {:.0} s", pause.as_secs_f64().ceil()));
    let limits: Vec<String> = [slowed, second, minute, pause].into_iter().flatten().collect();
    (!limits.is_empty()).then(|| format!("{name}: {}", limits.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_service_up_is_reported() {
        let free = RateStatus { concurrency: 8, max_concurrency: 8, ..RateStatus::default() };
        assert_eq!(render_limit("phones", free), None);
        let slow = RateStatus {
            concurrency: 2,
            per_minute: Some(600),
            pause: Some(Duration::from_millis(2_100)),
            ..free
        };
        let limits = render_limit("phones", slow);
        assert_eq!(limits.as_deref(), Some("phones: 2 of 8 at once, at most 600 a minute, waits 3 s"));
    }

    #[test]
    fn a_line_tells_how_far_how_fast_and_how_long() {
        let began = Instant::now().checked_sub(Duration::from_secs(10)).unwrap_or_else(Instant::now);
        let plain = LineProgress { done: 300, started_at: began, ..LineProgress::start("reading", 1_000) };
        assert!(
            plain.render_line().starts_with("reading 300 of 1000, 30 a second, 2"),
            "{}",
            plain.render_line()
        );
        assert!(LineProgress::start("writing", 5).render_line().starts_with("writing 0 of 5, 0 a second"));
    }
}
