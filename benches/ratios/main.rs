//! How fast trueup is against the floor: a bare client that parses the same YAML, sends the same requests,
//! parses the same answers and compares. Both are whole processes, run in turn, pair by pair, against one mock
//! server that is fast enough not to be the limit; what counts is the ratio within one run.
//!
//! `cargo bench --bench ratios` runs a short table, `-- --full` the whole one, `-- --only apply` the lines with
//! that in their titles, `-- --against PROGRAM` another build of trueup in the place of the floor, on 100,000
//! documents without environments, and `-- --only "apply, 1000 " --under "strace -f -c"` trueup alone, once, under another
//! program. `docs/performance.md` says how to read it.

mod estate;
mod floor;
mod levels;
mod measure;
mod mock;

use std::path::{Path, PathBuf};
use std::time::Duration;

use estate::Estate;
use measure::{Figures, HEAD, Pair, run};
use mock::Mock;
use tempfile::TempDir;

const TRUEUP: &str = env!("CARGO_BIN_EXE_trueup");

/// What both programs are asked to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Job {
    Validate,
    Plan,
    Apply,
}

/// One line of the table.
#[derive(Clone, Copy)]
struct Work {
    job: Job,
    /// How many objects have documents.
    objects: usize,
    /// How many more the service has.
    strangers: usize,
    /// How many objects differ.
    differ: usize,
    latency: u64,
    /// Only in the whole table.
    full: bool,
}

const PLAN: Work = Work { job: Job::Plan, objects: 1, strangers: 0, differ: 0, latency: 0, full: false };

/// Five objects are so few that they are read one by one; more are listed, unless there are more pages than that.
const WORKS: [Work; 21] = [
    PLAN,
    Work { latency: 20, full: true, ..PLAN },
    Work { objects: 5, ..PLAN },
    Work { objects: 5, latency: 20, ..PLAN },
    Work { objects: 5, latency: 100, full: true, ..PLAN },
    Work { objects: 100, ..PLAN },
    Work { objects: 1_000, ..PLAN },
    Work { objects: 1_000, latency: 20, full: true, ..PLAN },
    Work { objects: 10_000, ..PLAN },
    Work { objects: 10_000, latency: 20, ..PLAN },
    Work { objects: 10_000, latency: 100, full: true, ..PLAN },
    Work { objects: 100_000, full: true, ..PLAN },
    Work { objects: 10, strangers: 99_990, full: true, ..PLAN },
    Work { objects: 1_000, strangers: 99_000, full: true, ..PLAN },
    // so many more that no one lists them
    Work { objects: 10_000, strangers: 99_990_000, latency: 20, full: true, ..PLAN },
    Work { objects: 1_000, differ: 10, ..PLAN },
    Work { objects: 10_000, differ: 100, ..PLAN },
    Work { job: Job::Apply, objects: 1_000, differ: 10, ..PLAN },
    Work { job: Job::Apply, objects: 10_000, differ: 100, ..PLAN },
    Work { job: Job::Validate, objects: 10_000, ..PLAN },
    Work { job: Job::Validate, objects: 100_000, full: true, ..PLAN },
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--floor", workspace, base_url, what] => floor::main(Path::new(workspace), base_url, what),
        ["--bare"] => println!("a bare program"),
        options if after(options, "--against").is_some() => {
            compare_builds(Path::new(after(options, "--against").unwrap_or_default()));
        }
        options => match (after(options, "--only"), after(options, "--under")) {
            (Some(title), Some(words)) => under(title, &words.split_whitespace().collect::<Vec<_>>()),
            (None, Some(_)) => panic!("name one line with --only"),
            (title, None) => table(options.contains(&"--full"), title.unwrap_or_default()),
        },
    }
}

/// The word that follows an option.
fn after<'o>(options: &[&'o str], option: &str) -> Option<&'o str> {
    let at = options.iter().position(|own| *own == option)?;
    Some(options.get(at + 1).unwrap_or_else(|| panic!("{option} needs a word")))
}

/// Runs trueup once as the first line with that in its title does, under another program.
fn under(title: &str, program: &[&str]) {
    let work = WORKS.iter().find(|work| work.title().contains(title));
    let bench = Bench::new(work.unwrap_or_else(|| panic!("no line is called {title}")));
    bench.pair(); // what a first run values in the workspace is there
    let [program, own @ ..] = program else { panic!("--under names a program") };
    let words: Vec<&str> =
        own.iter().copied().chain([TRUEUP]).chain(bench.arguments.iter().map(|own| &**own)).collect();
    run(Path::new(program), &words, bench.code);
}

/// The lines with `title` in their titles.
fn table(full: bool, title: &str) {
    println!("{HEAD}");
    if title.is_empty() {
        version();
    }
    let mut seen = Vec::new();
    let chosen = |work: &&Work| (full || !work.full) && work.title().contains(title);
    for work in WORKS.iter().filter(chosen) {
        let figures = measure(work);
        figures.print(&work.title());
        seen.push((*work, figures));
    }
    if BASE_TITLE.contains(title) {
        compare_base();
    }
    growth(&seen);
}

const BASE_TITLE: &str = "validate, 40000 objects on one base, against flat documents";
const VALIDATE: [&str; 2] = ["validate", "--quiet"];

/// Objects on one base, against documents that say the same without it.
fn compare_base() {
    let (extending, flat) = (levels::write_extending(40_000), levels::write_flat(40_000));
    let validate = |workspace: &TempDir| {
        let root = workspace.path().to_string_lossy();
        run(Path::new(TRUEUP), &[&["-C", &*root][..], &VALIDATE].concat(), 0)
    };
    let pair = |_| Pair { ours: validate(&extending), floor: validate(&flat), requests: (0, 0) };
    pair(0); // warm-up
    Figures::of(&(0..9).map(pair).collect::<Vec<_>>()).print(BASE_TITLE);
}

/// This build against another one, without environments.
fn compare_builds(other: &Path) {
    println!("{HEAD}");
    let workspace = Estate::new(100_000, 0).write("http://127.0.0.1:1");
    let root = workspace.path().to_string_lossy().into_owned();
    let validate = |program: &Path| run(program, &[&["-C", &*root][..], &VALIDATE].concat(), 0);
    let pair = |_| Pair { ours: validate(Path::new(TRUEUP)), floor: validate(other), requests: (0, 0) };
    pair(0); // warm-up
    Figures::of(&(0..9).map(pair).collect::<Vec<_>>())
        .print("validate, 100000 objects, against another build");
}

/// Start-up alone, against a program that prints one line.
fn version() {
    let pair = |_| Pair {
        ours: run(Path::new(TRUEUP), &["--version"], 0),
        floor: run(&own(), &["--bare"], 0),
        requests: (0, 0),
    };
    Figures::of(&(0..15).map(pair).collect::<Vec<_>>()).print("`--version`, against a bare program");
}

/// How cost grows with the number of objects: 1 is in step with it.
fn growth(seen: &[(Work, Figures)]) {
    let plain = |work: &Work| work.job == Job::Plan && work.differ + work.strangers == 0 && work.latency == 0;
    let at = |objects: usize| seen.iter().find(|(work, _)| plain(work) && work.objects == objects);
    let last = at(100_000).or_else(|| at(10_000));
    if let (Some((few, small)), Some((many, large))) = (at(1_000), last) {
        let step = (many.objects as f64 / few.objects as f64).ln();
        let exponent = |small: f64, large: f64| (large / small).ln() / step;
        println!(
            "\ngrowth from {} to {} objects: wall to the power of {:.2}, processor {:.2}, memory {:.2}",
            few.objects,
            many.objects,
            exponent(small.ours.wall, large.ours.wall),
            exponent(small.ours.cpu, large.ours.cpu),
            exponent(small.ours.peak, large.ours.peak),
        );
    }
}

impl Work {
    fn title(&self) -> String {
        let job = match self.job {
            Job::Validate => "validate",
            Job::Plan => "plan",
            Job::Apply => "apply",
        };
        let mut title = format!("{job}, {} objects", self.objects);
        if self.strangers > 0 {
            title.push_str(&format!(" of {}", self.objects + self.strangers));
        }
        if self.differ > 0 {
            title.push_str(&format!(", {} differ", self.differ));
        }
        if self.latency > 0 {
            title.push_str(&format!(", {} ms latency", self.latency));
        }
        title
    }

    /// How often it is measured.
    fn pairs(&self) -> usize {
        match self.objects + self.strangers {
            0..=100 => 15,
            101..=1_000 => 9,
            1_001..=10_000 => 7,
            10_001..=1_000_000 => 5,
            _ => 3,
        }
    }

    /// Our arguments, the floor's word for it, and the code with which we end.
    fn requested(&self) -> (&'static [&'static str], &'static str, i32) {
        match self.job {
            Job::Validate => (&["validate", "--quiet"], "validate", 0),
            Job::Apply => (&["apply", "--auto-approve", "--quiet"], "apply", 0),
            // so few are read one by one, and so few of so many
            Job::Plan => (
                &["plan", "--detailed-exitcode", "--quiet"],
                if self.objects <= 5 || self.strangers > 1_000_000 { "find" } else { "plan" },
                if self.differ > 0 { 2 } else { 0 },
            ),
        }
    }
}

/// A server and a workspace on which one line of the table is measured.
struct Bench {
    mock: Mock,
    workspace: TempDir,
    arguments: Vec<String>,
    /// The code with which trueup ends.
    code: i32,
    floors: &'static str,
}

impl Bench {
    fn new(work: &Work) -> Self {
        let estate = Estate::new(work.objects, work.differ);
        let mock = Mock::start(work.objects + work.strangers, Duration::from_millis(work.latency));
        let workspace = estate.write(&mock.base_url());
        let (ours, floors, code) = work.requested();
        let root = workspace.path().to_string_lossy();
        let arguments = ["-C", &root].iter().chain(ours).map(|own| (*own).to_owned()).collect();
        Self { mock, arguments, workspace, code, floors }
    }

    fn pair(&self) -> Pair {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let (root, url) = (self.workspace.path().to_string_lossy(), self.mock.base_url());
        self.mock.reset();
        let ours = run(Path::new(TRUEUP), &arguments, self.code);
        let requested = self.mock.reset();
        let floor = run(&own(), &["--floor", &root, &url, self.floors], 0);
        let bare = self.mock.reset();
        // one more than the floor: whether an empty list is to be believed
        assert!(requested <= bare + 1, "trueup sent {requested} requests where the floor sent {bare}");
        Pair { ours, floor, requests: (requested, bare) }
    }
}

fn measure(work: &Work) -> Figures {
    let bench = Bench::new(work);
    bench.pair(); // warm-up
    Figures::of(&(0..work.pairs()).map(|_| bench.pair()).collect::<Vec<_>>())
}

fn own() -> PathBuf {
    std::env::current_exe().expect("this program has a path")
}
