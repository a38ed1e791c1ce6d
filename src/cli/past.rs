//! What is known of the past of a workspace's objects: the records of what was applied from here.
//!
//! Only objects that differ are asked about, so a workspace that agrees costs nothing.
//! Deliberately absent: what it means (`plan::cause`).

use std::collections::HashMap;
use std::sync::PoisonError;

use zeroize::Zeroizing;

use super::session::{FOLDER, Prepared, forgotten};
use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::asked::Asked;
use crate::plan::cause::{self, History, Past};
use crate::plan::{Plan, Subject};
use crate::report::drift::Against;
use crate::run::gather::Job;
use crate::run::ledger::Ledger;

/// What is known of the past of the objects in which a plan differs.
pub struct Pasts {
    key: Zeroizing<Vec<u8>>,
    /// By the number of the document.
    known: HashMap<usize, Known>,
    pub against: Against,
}

struct Known {
    now: Asked,
    past: Past,
    applied_at: Option<String>,
}

impl Pasts {
    /// Notes the causes of a plan's changes, and what keeps them from being known.
    pub fn note(plan: &mut Plan, jobs: &[Job], prepared: &Prepared) -> Self {
        let (pasts, faults) = Self::of(plan, jobs, prepared);
        plan.diagnostics.extend(faults);
        cause::note(plan, &|subject| pasts.history(subject));
        pasts
    }

    fn of(plan: &Plan, jobs: &[Job], prepared: &Prepared) -> (Self, Vec<Diagnostic>) {
        let (ledger, mut faults) = ledger(prepared);
        let records = ledger.as_ref().is_some_and(|ledger| !ledger.is_empty());
        let against = Against { records, commit: None };
        let key = Zeroizing::new(ledger.as_ref().map(|ledger| ledger.key().to_vec()).unwrap_or_default());
        let mut pasts = Self { key, known: HashMap::new(), against };
        let differing = plan.steps.iter().map(|step| &step.subject);
        let refused = plan.refused.iter().filter(|own| !own.changes.is_empty()).map(|own| &own.subject);
        for subject in differing.chain(refused) {
            if let Some(job) = jobs.get(subject.number) {
                let known = pasts.known_of(subject, job, ledger.as_ref(), prepared);
                pasts.known.insert(subject.number, known);
            }
        }
        if !records && !pasts.known.is_empty() {
            faults.push(no_past());
        }
        (pasts, faults)
    }

    fn known_of(&self, subject: &Subject, job: &Job, ledger: Option<&Ledger>, prepared: &Prepared) -> Known {
        let (target, kind, name) = (&*subject.target, &*subject.kind.name, &*subject.name);
        let entry = ledger.and_then(|ledger| ledger.get(target, kind, name));
        let index = prepared.index.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = index.get(target, kind, name);
        let existed = ours.is_some_and(|own| own.id.is_some() && own.create_sent.is_none());
        let past = Past {
            applied: entry.map(|entry| entry.asked.clone()),
            kept: entry.map(|entry| entry.kept.clone()).unwrap_or_default(),
            existed,
            ..Past::default()
        };
        let now = Asked::of(job.document, &self.key);
        Known { now, past, applied_at: entry.map(|entry| entry.at.clone()) }
    }

    fn history(&self, subject: &Subject) -> Option<History<'_>> {
        let Known { now, past, .. } = self.known.get(&subject.number)?;
        Some(History { now, past, key: &self.key })
    }

    /// When an object was applied as it was last applied.
    pub fn applied_at(&self, subject: &Subject) -> Option<String> {
        self.known.get(&subject.number)?.applied_at.clone()
    }
}

/// The records, as far as they can be read.
fn ledger(prepared: &Prepared) -> (Option<Ledger>, Vec<Diagnostic>) {
    match Ledger::open(&prepared.workspace.root.join(FOLDER), prepared.keys.named()) {
        Ok(ledger) => (Some(ledger), Vec::new()),
        Err(error) => {
            let hint = "put it back from a copy, or take it away and apply once more";
            let fault = forgotten("ledger.json", &error).hint(hint);
            (None, vec![Diagnostic { severity: Severity::Warning, ..fault }])
        }
    }
}

fn no_past() -> Diagnostic {
    let message = "nothing tells what was applied last, so every difference counts as drift";
    Diagnostic::note("no-record", message)
        .hint("apply from this workspace once; `.trueup` keeps what was applied")
}
