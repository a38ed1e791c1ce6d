//! Which objects were settled from which saved plan, kept in `.trueup/applied.json`: a plan that was applied is
//! not applied again, even when someone has set an object back to what the plan was made from.
//!
//! Names and digests only. Deliberately absent: what was done, which receipts tell.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::PlanSubject;
use crate::state::file_lock::run_locked;
use crate::state::files::{read_if_exists, replace_file};

/// The most plans that are remembered; the oldest go first.
const MAX_PLANS: usize = 1000;

/// The name of the file.
const FILE: &str = "applied.json";

/// The plans that were applied in a workspace.
pub struct AppliedPlans {
    folder: PathBuf,
    plans: AppliedPlanEntries,
}

type AppliedPlanEntries = BTreeMap<String, AppliedPlanEntry>;

#[derive(Serialize, Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
struct AppliedPlanEntry {
    /// When it was last applied, RFC 3339.
    at: String,
    objects: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppliedPlansFile {
    format: u32,
    plans: BTreeMap<String, AppliedPlanEntry>,
}

impl AppliedPlans {
    /// Opens the record in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), plans: read_plans(folder)? })
    }

    /// Whether an object was settled from a plan.
    pub fn is_applied(&self, plan: &str, target: &str, kind: &str, name: &str) -> bool {
        self.plans.get(plan).is_some_and(|entry| entry.objects.contains(&build_key(target, kind, name)))
    }

    /// Whether nothing was ever applied from a saved plan here.
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    /// Takes over that an object was settled from a plan elsewhere; not written here.
    pub fn learn_applied(&mut self, plan: &str, target: &str, kind: &str, name: &str) {
        self.plans.entry(plan.to_owned()).or_default().objects.insert(build_key(target, kind, name));
    }

    /// Notes objects that were settled from a plan; on disk before it returns.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record_applied<'s>(
        &mut self,
        plan: &str,
        objects: impl Iterator<Item = &'s PlanSubject>,
    ) -> io::Result<()> {
        let objects = objects.map(|object| build_key(&object.target, &object.kind.name, &object.name));
        run_locked(&self.folder, || {
            // another run may have settled others since
            let mut plans = read_plans(&self.folder)?;
            let entry = plans.entry(plan.to_owned()).or_default();
            entry.at = super::clock::format_now();
            entry.objects.extend(objects);
            drop_oldest(&mut plans);
            let file = AppliedPlansFile { format: 1, plans };
            replace_file(&self.folder.join(FILE), &serde_json::to_vec_pretty(&file)?)?;
            self.plans = file.plans;
            Ok(())
        })
    }
}

/// What is on disk; nothing when there is no file.
fn read_plans(folder: &Path) -> io::Result<AppliedPlanEntries> {
    let Some(bytes) = read_if_exists(&folder.join(FILE))? else { return Ok(AppliedPlanEntries::new()) };
    let file: AppliedPlansFile =
        serde_json::from_slice(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(file.plans)
}

fn drop_oldest(plans: &mut AppliedPlanEntries) {
    while plans.len() > MAX_PLANS {
        let oldest = plans.iter().min_by(|a, b| a.1.at.cmp(&b.1.at)).map(|(name, _)| name.clone());
        oldest.map(|oldest| plans.remove(&oldest));
    }
}

fn build_key(target: &str, kind: &str, name: &str) -> String {
    format!("{target} {kind} {name}")
}
