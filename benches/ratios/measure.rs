//! Whole processes, measured by the operating system's own accounting.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What one run cost.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Seconds.
    pub wall: f64,
    /// Seconds of both cores.
    pub cpu: f64,
    /// MiB.
    pub peak: f64,
}

/// One run of each.
pub struct Pair {
    pub ours: Cost,
    pub floor: Cost,
    /// How many requests each sent.
    pub requests: (usize, usize),
}

/// Runs a program to its end, which must be with `code`.
#[expect(clippy::zombie_processes, reason = "wait4 below reaps it, with its accounting")]
pub fn run(program: &Path, arguments: &[&str], code: i32) -> Cost {
    let began = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the program starts");
    let (mut status, mut usage) = (0, unsafe { std::mem::zeroed::<libc::rusage>() });
    // the standard library waits without accounting
    let waited = unsafe { libc::wait4(child.id() as i32, &mut status, 0, &mut usage) };
    let wall = began.elapsed().as_secs_f64();
    assert!(waited > 0 && libc::WIFEXITED(status), "{} did not end by itself", program.display());
    assert_eq!(libc::WEXITSTATUS(status), code, "{} {arguments:?}", program.display());
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Cost {
        wall,
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        peak: usage.ru_maxrss as f64 / 1024.0,
    }
}

/// The head of the table; it is Markdown, fit for `docs/performance.md`.
pub const HEAD: &str = "\
| work | wall, trueup | floor | ratio (min–max) | processor, trueup | floor | ratio (min–max) | peak MiB | ratio (min–max) | requests |
|---|---|---|---|---|---|---|---|---|---|";

/// Medians, and how far the ratios spread.
pub struct Figures {
    pub ours: Cost,
    floor: Cost,
    /// Smallest, median and largest of the pairs' ratios.
    wall: [f64; 3],
    cpu: [f64; 3],
    peak: [f64; 3],
    requests: (usize, usize),
}

impl Figures {
    /// Of at least one pair.
    pub fn of(pairs: &[Pair]) -> Self {
        let median = |side: fn(&Pair) -> Cost| Cost {
            wall: spread(pairs.iter().map(|pair| side(pair).wall))[1],
            cpu: spread(pairs.iter().map(|pair| side(pair).cpu))[1],
            peak: spread(pairs.iter().map(|pair| side(pair).peak))[1],
        };
        Self {
            ours: median(|pair| pair.ours),
            floor: median(|pair| pair.floor),
            wall: spread(pairs.iter().map(|pair| pair.ours.wall / pair.floor.wall)),
            cpu: spread(pairs.iter().map(|pair| pair.ours.cpu / pair.floor.cpu.max(1e-4))),
            peak: spread(pairs.iter().map(|pair| pair.ours.peak / pair.floor.peak)),
            requests: pairs.last().map_or((0, 0), |pair| pair.requests),
        }
    }

    pub fn print(&self, title: &str) {
        let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
        let ratio = |of: [f64; 3]| format!("**{:.2}** ({:.2}–{:.2})", of[1], of[0], of[2]);
        let columns = [
            title.to_owned(),
            milliseconds(self.ours.wall),
            milliseconds(self.floor.wall),
            ratio(self.wall),
            milliseconds(self.ours.cpu),
            milliseconds(self.floor.cpu),
            ratio(self.cpu),
            format!("{:.0} / {:.0}", self.ours.peak, self.floor.peak),
            ratio(self.peak),
            format!("{} / {}", self.requests.0, self.requests.1),
        ];
        println!("| {} |", columns.join(" | "));
    }
}

fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}
