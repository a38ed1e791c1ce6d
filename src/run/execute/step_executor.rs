//! What carries out the steps of a plan: the files of this folder add its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::plan::Step;
use crate::run::RunSession;
use crate::run::fetch::ObjectJob;
use crate::run::refer::DependencyLookup;

/// Carries out steps.
pub(super) struct StepExecutor<'w, 'd> {
    pub(super) session: &'w RunSession<'w>,
    pub(super) jobs: &'w [ObjectJob<'d>],
    /// Targets on which nothing more is begun.
    pub(super) halted: &'w Mutex<BTreeSet<Arc<str>>>,
    /// Collections whose lists lack an object that was created.
    pub(super) doubted: &'w Mutex<BTreeSet<String>>,
    /// The deletes of objects that were replaced, by the number of the document: they come last.
    pub(super) former: &'w Mutex<BTreeMap<usize, Step>>,
    /// What the documents depend on.
    pub(super) dependencies: &'w DependencyLookup<'d>,
}
