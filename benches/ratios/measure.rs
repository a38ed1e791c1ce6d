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

/// Medians, and how far the ratios spread.
pub struct Figures {
    ours: Cost,
    floor: Cost,
    /// Smallest, median and largest of the pairs' ratios.
    wall: [f64; 3],
    cpu: [f64; 3],
}

impl Figures {
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
        }
    }

    pub fn print(&self, title: &str) {
        let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
        let ratio = |of: [f64; 3]| format!("{:.2} ({:.2}–{:.2})", of[1], of[0], of[2]);
        println!(
            "{title:<44} {:>9} {:>9} {:>21} {:>15.2} {:>15}",
            milliseconds(self.ours.wall),
            milliseconds(self.floor.wall),
            ratio(self.wall),
            self.cpu[1],
            format!("{:.0} / {:.0}", self.ours.peak, self.floor.peak),
        );
    }
}

fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}
