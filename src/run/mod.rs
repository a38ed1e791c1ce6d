//! The whole job: read live state, plan, write, prove. Sees both `plan` and `remote`, which don't see each other.
//!
//! Errors on one object never stop the others. What is told of the work goes out as [`RunEvent`]s; nothing here
//! prints. After an interrupt, or when the time of the run is over, the request under way is finished and none is
//! begun.

pub mod accept;
mod answered_ids;
pub mod applied_plans;
mod blocked_replacements;
pub mod clock;
pub mod decide_create;
mod described_objects;
pub mod estimate;
pub mod execute;
pub mod fetch;
mod gone_dependents;
pub mod identity;
pub mod import;
pub mod index;
mod job_decision;
pub mod journal;
pub mod last_applied;
pub mod lease_renewer;
mod leftovers;
pub mod live_state;
pub mod locate_error;
pub mod match_up;
mod mismatches;
pub mod natural_key;
mod needed_objects;
pub mod object_job;
mod open_updates;
pub mod other_documents;
pub mod outcome;
pub mod parents;
pub mod planning;
mod read_errors;
pub mod refer;
mod renames;
mod sensitive_texts;
mod single_read;
pub mod skipped_secrets;
pub mod undo;
mod unmatched;
pub mod write_digests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::RunClock;
use fetch::ObjectJob;
use index::ObjectIndex;
use journal::{Journal, RecordedResponse};
use other_documents::OtherDocuments;
use outcome::StepOutcome;
use refer::ReferenceResolver;
use write_digests::WriteDigests;

use crate::diagnostic::Diagnostic;
use crate::exchange::Method;
use crate::plan::Step;
use crate::plan::propose::GrantedPermissions;
use crate::plan::request::UpdateOptions;
use crate::plan::rotate::SecretRotation;
use crate::plan::step::{DecideOptions, UpdateMethod};
use crate::plan::unrecorded::UnrecordedValues;
pub use crate::remote::cancellation::CancellationToken;
use crate::remote::target_client::TargetClient;

/// What a run works with.
pub struct RunSession<'s> {
    /// By the name of the target.
    pub services: &'s BTreeMap<Arc<str>, TargetClient>,
    pub method: UpdateMethod,
    pub permissions: GrantedPermissions,
    /// Whether an empty collection is believed, so that everything in it may be created.
    pub trust_empty: bool,
    pub write_digests: &'s Mutex<WriteDigests>,
    pub index: &'s Mutex<ObjectIndex>,
    pub references: &'s ReferenceResolver,
    /// What is written again although it may be the same.
    pub rotation: &'s SecretRotation,
    /// What the maker of a reviewed plan had no record of.
    pub unrecorded: Option<&'s UnrecordedValues>,
    /// Whether live objects that no document describes are listed.
    pub unmanaged: bool,
    /// Whether creates of unknown outcome are sent again.
    pub retry_creates: bool,
    /// Whether an object with an id that is known may have another natural key than is known.
    pub allow_rename: bool,
    pub other_documents: &'s dyn OtherDocuments,
    /// Where an apply notes what it sends; none for runs that write nothing.
    pub journal: Option<&'s Journal>,
    pub clock: RunClock,
    /// How long a written object is read back until it shows, where somebody says so.
    pub read_back_timeout: Option<Duration>,
    pub stop: &'s CancellationToken,
    pub on_event: &'s (dyn Fn(RunEvent) + Sync),
}

/// What happens while a run works, for progress and for whoever watches an apply.
#[derive(Clone, Copy)]
pub enum RunEvent<'e> {
    /// So many objects are to be read.
    Reading(usize),
    /// So many more were read.
    Read(usize),
    /// So many objects are to be written.
    Writing(usize),
    /// The turn of one came: it is read again.
    Started(&'e Step),
    /// A request that writes one was answered, or got no answer.
    Sent(&'e Step, Method, &'e RecordedResponse),
    /// One was dealt with.
    Ended(&'e StepOutcome),
    /// Nothing more is begun on a target, or at all, for the reason with this code.
    Halted(Option<&'e str>, &'e str),
}

impl RunSession<'_> {
    /// How steps are made for a job.
    fn build_rules(&self, job: &ObjectJob) -> DecideOptions {
        let target = self.services.get(&job.target).map(|service| &service.target);
        let carry_nested = target.is_none_or(|target| target.also_send_nested);
        let personal = self.permissions.personal || target.is_some_and(|target| target.write_personal);
        DecideOptions {
            method: self.method,
            update_options: UpdateOptions { also_send_nested: carry_nested },
            permissions: GrantedPermissions { personal, ..self.permissions },
            just_created: job.just_created,
        }
    }

    /// What kept the run as a whole from its work: its time, unless everything was done in it; targets that were
    /// given up; repetitions that were not allowed.
    pub fn collect_run_errors(&self, done: bool) -> Vec<Diagnostic> {
        let late = (self.stop.is_expired() && !done).then(diagnose_out_of_time);
        let gone = self.services.values().filter_map(TargetClient::find_permanent_failure);
        // all services share the allowance of the run
        let spent = self.services.values().find_map(|service| service.retry_budget().check_exhaustion());
        let warnings = self.services.values().flat_map(TargetClient::list_warnings);
        late.into_iter().chain(gone).chain(spent).chain(warnings).collect()
    }
}

/// The run did not come to its end.
pub fn diagnose_out_of_time() -> Diagnostic {
    Diagnostic::error("run-timeout", "the time of the run was over before it was done")
        .with_hint("run again to go on; `--timeout` says how long a run may take")
}

/// What another thread was at when it panicked is still whole.
pub fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
