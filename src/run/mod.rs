//! The whole job: read live state, plan, write, prove. Sees both `plan` and `remote`, which don't see each other.
//!
//! Errors on one object never stop the others. What is told of the work goes out as [`Event`]s; nothing here
//! prints. After an interrupt, or when the time of the run is over, the request under way is finished and none is
//! begun.

pub mod applied;
pub mod apply;
pub mod blame;
mod described;
mod facts;
pub mod gather;
mod hidden;
pub mod import;
pub mod index;
pub mod journal;
pub mod lease;
pub mod ledger;
pub mod match_up;
pub mod memory;
pub mod outcome;
pub mod planning;
pub mod receipt;
pub mod refer;
mod turn;
pub mod undo;
mod unread;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::diagnostic::Diagnostic;
use crate::exchange::Verb;
use crate::plan::Step;
use crate::plan::propose::Permits;
use crate::plan::request::Manner;
use crate::plan::rotate::Rotation;
use crate::plan::step::{Method, Rules};
use crate::remote::service::Service;
use gather::Job;
use index::Index;
use journal::{Answer, Journal};
use memory::Written;
use outcome::Outcome;
use refer::References;

pub use crate::remote::stop::Stop;

/// What a run works with.
pub struct Session<'s> {
    /// By the name of the target.
    pub services: &'s BTreeMap<Arc<str>, Service>,
    pub method: Method,
    pub permits: Permits,
    /// Whether an empty collection is believed, so that everything in it may be created.
    pub trust_empty: bool,
    pub memory: &'s Mutex<Written>,
    pub index: &'s Mutex<Index>,
    pub references: &'s References,
    /// What is written again although it may be the same.
    pub rotate: &'s Rotation,
    /// Whether live objects that no document describes are listed.
    pub unmanaged: bool,
    /// Whether creates of unknown outcome are sent again.
    pub retry_creates: bool,
    /// Where an apply notes what it sends; none for runs that write nothing.
    pub journal: Option<&'s Journal>,
    pub stop: &'s Stop,
    pub tell: &'s (dyn Fn(Event) + Sync),
}

/// What happens while a run works, for progress and for whoever watches an apply.
#[derive(Clone, Copy)]
pub enum Event<'e> {
    /// So many objects are to be read.
    Reading(usize),
    /// So many more were read.
    Read(usize),
    /// So many objects are to be written.
    Writing(usize),
    /// The turn of one came: it is read again.
    Started(&'e Step),
    /// A request that writes one was answered, or got no answer.
    Sent(&'e Step, Verb, &'e Answer),
    /// One was dealt with.
    Ended(&'e Outcome),
    /// Nothing more is begun on a target, or at all, for the reason with this code.
    Halted(Option<&'e str>, &'e str),
}

impl Session<'_> {
    /// How steps are made for a job.
    fn rules(&self, job: &Job) -> Rules {
        let target = self.services.get(&job.target).map(|service| &service.target);
        let carry_nested = target.is_none_or(|target| target.carry_nested);
        let personal = self.permits.personal || target.is_some_and(|target| target.personal);
        Rules {
            method: self.method,
            manner: Manner { carry_nested },
            permits: Permits { personal, ..self.permits },
            newborn: job.newborn,
        }
    }

    /// What kept the run as a whole from its work: its time, unless everything was done in it; targets that were
    /// given up; repetitions that were not allowed.
    pub fn hindrances(&self, done: bool) -> Vec<Diagnostic> {
        let late = (self.stop.is_late() && !done).then(out_of_time);
        let gone = self.services.values().filter_map(Service::given_up);
        // all services share the allowance of the run
        let spent = self.services.values().find_map(|service| service.allowance().finding());
        late.into_iter().chain(gone).chain(spent).collect()
    }
}

/// The run did not come to its end.
pub fn out_of_time() -> Diagnostic {
    Diagnostic::error("out-of-time", "the time of the run was over before it was done")
        .hint("run again to go on; `--timeout` says how long a run may take")
}

/// The time, in UTC, to the second.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
