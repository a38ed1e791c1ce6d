//! Kills the real program at one of its requests: right before it reaches the service, or right after the
//! service has done what it says and before anything of the answer is heard.
//!
//! The sandbox tells of each request before it answers, so the moment is exact and nothing is timed.

use std::fs::File;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use trueup::sandbox::{RunningSandbox, SandboxFault, SandboxLogEntry, SandboxOptions};

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::workspace::Workspace;

/// Longer than any run may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// On which side of a request the program dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The service never gets it.
    Before,
    /// The service has done it, and its answer is lost.
    After,
}

/// At which request, the first being 1, and on which side of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    pub number: usize,
    pub side: Side,
}

/// Falls once, at its cut, in the run that it is raised for.
pub struct ProcessKiller {
    cut: Cut,
    seen: AtomicUsize,
    victim: Mutex<Option<Child>>,
}

/// An fixture whose program can be killed.
pub struct Scaffold {
    pub fixture: SandboxFixture,
    killer: Arc<ProcessKiller>,
}

impl ProcessKiller {
    pub fn new(cut: Cut) -> Self {
        Self { cut, seen: AtomicUsize::new(0), victim: Mutex::new(None) }
    }

    /// Hears of each request.
    pub fn hear(&self, sandbox: &RunningSandbox) {
        // held while the program starts, so that there is someone to kill
        let mut victim = self.victim.lock().expect("no panic beside");
        let Some(child) = victim.as_mut() else { return };
        let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        if self.cut.side == Side::Before && number + 1 == self.cut.number {
            sandbox.add_fault(lost());
        }
        if number == self.cut.number {
            child.kill().expect("the program can be killed");
            child.wait().expect("the program ends");
        }
    }
}

/// The next request goes nowhere.
fn lost() -> SandboxFault {
    SandboxFault::parse_fault("*:reset").expect("a fault")
}

impl Scaffold {
    pub fn new(kind: &str, options: SandboxOptions, cut: Cut) -> Self {
        let killer = Arc::new(ProcessKiller::new(cut));
        let own = Arc::clone(&killer);
        let fixture =
            SandboxFixture::watched(kind, options, move |sandbox: &RunningSandbox, _: &SandboxLogEntry| {
                own.hear(sandbox)
            });
        Self { fixture, killer }
    }

    /// Runs the program until it is killed. Tells whether it was; a run that ends before its cut was not.
    pub fn behead(&self, arguments: &[&str]) -> bool {
        self.killer.behead(&self.fixture.workspace, &self.fixture.sandbox, arguments)
    }
}

impl ProcessKiller {
    /// Runs the program until it is killed. Tells whether it was; a run that ends before its cut was not.
    pub fn behead(&self, workspace: &Workspace, sandbox: &RunningSandbox, arguments: &[&str]) -> bool {
        if self.cut == (Cut { number: 1, side: Side::Before }) {
            sandbox.add_fault(lost());
        }
        let logged = sandbox.read_log().len();
        let output = File::create(workspace.scratch().join("killed.txt")).expect("a file");
        let mut command = workspace.command(arguments);
        command.stdout(output.try_clone().expect("a handle")).stderr(Stdio::from(output));
        {
            let mut victim = self.victim.lock().expect("no panic beside");
            *victim = Some(command.spawn().expect("the program starts"));
        }
        let began = Instant::now();
        loop {
            let mut victim = self.victim.lock().expect("no panic beside");
            let child = victim.as_mut().expect("the program");
            if let Some(status) = child.try_wait().expect("a child to wait for") {
                // from now on the killer rests
                *victim = None;
                drop(victim);
                self.await_log(sandbox, logged);
                return status.code().is_none();
            }
            if began.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("no end within {PATIENCE:?} of {arguments:?}, to be killed at {:?}", self.cut);
            }
            drop(victim);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// A request is reported before it is logged.
    fn await_log(&self, sandbox: &RunningSandbox, before: usize) {
        let seen = self.seen.load(Ordering::SeqCst);
        while sandbox.read_log().len() < before + seen {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
