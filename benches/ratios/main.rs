//! How fast trueup is against the floor: a bare client that parses the same YAML, sends the same requests,
//! parses the same answers and compares. Both are whole processes, run in turn, pair by pair, against one mock
//! server that is fast enough not to be the limit; what counts is the ratio within one run.
//!
//! `cargo bench --bench ratios` runs a short table, `cargo bench --bench ratios -- --full` the whole one;
//! `docs/performance.md` says how to read it.

mod estate;
mod floor;
mod measure;
mod mock;

use std::path::Path;
use std::time::Duration;

use estate::Estate;
use measure::{Figures, Pair, run};
use mock::Mock;

/// One line of the table.
struct Work {
    title: &'static str,
    objects: usize,
    /// How many objects differ.
    differ: usize,
    latency: Duration,
    apply: bool,
    pairs: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--floor", workspace, base_url, what] => {
            floor::main(Path::new(workspace), base_url, *what == "apply")
        }
        ["--bare"] => println!("a bare program"),
        options => table(options.contains(&"--full")),
    }
}

fn table(full: bool) {
    println!(
        "{:<44} {:>9} {:>9} {:>21} {:>15} {:>15}",
        "work", "trueup", "floor", "wall ratio (min–max)", "cpu ratio", "peak MiB"
    );
    version();
    let plan = |objects, pairs| Work {
        title: "plan, nothing to change",
        objects,
        differ: 0,
        latency: Duration::ZERO,
        apply: false,
        pairs,
    };
    let mut works = vec![plan(1, 15), plan(1_000, 9), plan(10_000, 5)];
    works.push(Work { title: "plan, 1 % differ", differ: 10, ..plan(1_000, 9) });
    works.push(Work { title: "apply, 1 % differ", differ: 10, apply: true, ..plan(1_000, 5) });
    if full {
        works.push(plan(100_000, 3));
        works.push(Work {
            title: "plan, 20 ms latency",
            latency: Duration::from_millis(20),
            ..plan(10_000, 5)
        });
        works.push(Work {
            title: "plan, 100 ms latency",
            latency: Duration::from_millis(100),
            ..plan(10_000, 3)
        });
        works.push(Work { title: "apply, 1 % differ", differ: 100, apply: true, ..plan(10_000, 3) });
    }
    for work in works {
        measure_one(&work);
    }
}

/// Start-up alone, against a program that prints one line.
fn version() {
    let pairs: Vec<Pair> = (0..15)
        .map(|_| Pair {
            ours: run(Path::new(env!("CARGO_BIN_EXE_trueup")), &["--version"], 0),
            floor: run(&own(), &["--bare"], 0),
        })
        .collect();
    Figures::of(&pairs).print("--version, against a bare program");
}

fn measure_one(work: &Work) {
    let estate = Estate::new(work.objects, work.differ);
    let mock = Mock::start(work.objects, work.latency);
    let workspace = estate.write(&mock.base_url());
    let (root, url) = (workspace.path().to_string_lossy().into_owned(), mock.base_url());
    let changes = if work.differ > 0 && !work.apply { 2 } else { 0 };
    let pair = |_| {
        mock.reset();
        let ours = if work.apply {
            run(
                Path::new(env!("CARGO_BIN_EXE_trueup")),
                &["-C", &root, "apply", "--auto-approve", "--quiet"],
                0,
            )
        } else {
            run(
                Path::new(env!("CARGO_BIN_EXE_trueup")),
                &["-C", &root, "plan", "--detailed-exitcode", "--quiet"],
                changes,
            )
        };
        let asked = mock.reset();
        let floor = run(&own(), &["--floor", &root, &url, if work.apply { "apply" } else { "plan" }], 0);
        let bare = mock.reset();
        assert!(asked <= bare + 1, "trueup sent {asked} requests where the floor sent {bare}");
        Pair { ours, floor }
    };
    pair(0); // warm-up
    let pairs: Vec<Pair> = (0..work.pairs).map(pair).collect();
    Figures::of(&pairs).print(&format!("{} ({} objects)", work.title, work.objects));
}

fn own() -> std::path::PathBuf {
    std::env::current_exe().expect("this program has a path")
}
