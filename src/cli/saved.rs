//! Saved plans on disk: written by `plan -o`, held by `apply FILE` against what is planned again.
//!
//! A reviewed step is applied only when the same workspace makes the same step of the same live object again;
//! every other one is refused by itself. Deliberately absent: what a plan's file holds (`report::saved`).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::args::{MethodWord, Reading};
use super::keys::Keys;
use super::past::{Key, key, key_of};
use super::plan as plans;
use super::session::Prepared;
use super::since::needed;
use crate::diagnostic::Diagnostic;
use crate::plan::{Plan, Refused, Step, digest, permit};
use crate::report::Report;
use crate::report::persons::Persons;
use crate::report::saved::{
    self, BoundStep, BoundTarget, Circumstances, Held, STALE, SavedPlan, Stale, same_object,
};
use crate::report::shown::{ObjectChange, ObjectName};
use crate::report::to_json;
use crate::run::applied::Applied;
use crate::run::memory::replace;
use crate::run::outcome::{Ending, Outcome};

/// The most bytes of a file that is shown or applied.
const MAX_BYTES: u64 = 256 << 20;

/// The text of a file, within bounds.
///
/// # Errors
/// When it cannot be read, is too long, or is no text.
pub fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is longer than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(text)
}

/// What a plan is made of besides its steps.
#[derive(Default)]
pub struct Of {
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// The run that it undoes.
    pub undoes: Option<String>,
}

/// Saves a plan; gives what is to be said about the file.
///
/// # Errors
/// When the file cannot be written.
pub fn write(
    path: &Path,
    (plan, report, own): (&Plan, &Report, Of),
    prepared: &Prepared,
    reading: &Reading,
) -> anyhow::Result<Option<Diagnostic>> {
    let key = prepared.keys.key();
    let of = Circumstances {
        made_at: crate::run::now(),
        flags: flags(reading),
        method: method_word(reading.method),
        rotate: reading.rotate.clone(),
        targets: targets(plan, prepared),
        commit: own.commit,
        undoes: own.undoes,
        pseudonyms: prepared.keys.names_told(),
    };
    let saved = SavedPlan::new(plan, report.clone(), of, key).seal(key)?;
    replace(path, to_json(&saved)?.as_bytes())
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(unbound(report).filter(|_| key.is_none()))
}

/// Without a key, a plan does not know the values that it does not show.
fn unbound(report: &Report) -> Option<Diagnostic> {
    let marked = |change: &&ObjectChange| change.fields.iter().any(|field| field.mark.is_some());
    let objects = report.changes.iter().filter(marked).count();
    let what = if objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") };
    (objects > 0).then(|| {
        let message =
            format!("values of {what} that must not be shown are bound only by whether they differ");
        Diagnostic::warning("unbound-values", message)
            .hint("set TRUEUP_DIGEST_KEY for plan and apply, so that an edit of them is told too")
    })
}

/// The flags that allow what is refused otherwise.
fn flags(reading: &Reading) -> Vec<String> {
    let given = permit::ALL.into_iter().filter(|own| reading.grant(*own).is_given());
    given.map(|own| own.flag().to_owned()).collect()
}

fn method_word(method: MethodWord) -> String {
    method.to_possible_value().map_or_else(String::new, |word| word.get_name().to_owned())
}

/// The targets of a plan's steps, as they are now.
fn targets(plan: &Plan, prepared: &Prepared) -> Vec<BoundTarget> {
    let of = |name: &str| plan.steps.iter().any(|step| *step.subject.target == *name);
    let bound = |service: &crate::remote::service::Service| BoundTarget {
        name: service.target.name.to_string(),
        api: service.target.api.name.to_string(),
        base_url: service.target.base_url.to_string(),
    };
    prepared.services.values().filter(|service| of(&service.target.name)).map(bound).collect()
}

/// The saved plan that these paths name, when they do; its seal is right, and this program may apply it.
///
/// # Errors
/// When it is a saved plan, but not one to be applied.
pub fn named(root: &Path, paths: &[PathBuf]) -> Result<Option<SavedPlan>, Diagnostic> {
    let is_json = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let text = |path: &PathBuf| read(&root.join(path)).ok().filter(|text| saved::is_plan(text));
    let Some(text) = paths.iter().filter(is_json).find_map(text) else { return Ok(None) };
    if paths.len() > 1 {
        let fault = Diagnostic::error("several-plans", "a saved plan is applied alone, without other paths");
        return Err(fault.hint("name one saved plan, or only documents"));
    }
    let keys = Keys::of(root)?;
    let plan = saved::open(&text, |keyed| keys.key_for(keyed))?;
    plan.misfit().map_or(Ok(Some(plan)), Err)
}

/// What was asked for when the plan was made is asked for again; what it allowed has to be allowed here too.
///
/// # Errors
/// When the plan was made with a flag that is not here.
pub fn reading(saved: &SavedPlan, own: &Reading) -> Result<Reading, Diagnostic> {
    let here = flags(own);
    let missing: Vec<&str> =
        saved.flags.iter().filter(|flag| !here.contains(flag)).map(String::as_str).collect();
    if !missing.is_empty() {
        let message =
            format!("this plan was made with {}, which this apply does not allow", missing.join(" "));
        return Err(Diagnostic::error("plan-flags", message)
            .hint("name it again here: what it allows is decided where it is applied"));
    }
    if let Some(foreign) = own.rotate.iter().find(|own| !saved.rotate.contains(own)) {
        let message = format!("this plan was made without `--rotate {}`", foreign.escape_debug());
        return Err(Diagnostic::error("plan-flags", message).hint("plan again with it"));
    }
    let method = MethodWord::from_str(&saved.method, false).unwrap_or(own.method);
    Ok(Reading { method, rotate: saved.rotate.clone(), unmanaged: false, ..own.clone() })
}

/// Leaves only the documents of the plan's steps in the workspace, and holds its targets against those here.
///
/// # Errors
/// With a target that is another one now.
pub fn narrow(saved: &SavedPlan, prepared: &mut Prepared) -> Result<(), Diagnostic> {
    let planned = planned(saved);
    let documents = &mut prepared.workspace.documents;
    let needed = needed(documents, &planned);
    documents.retain(|document| planned.contains(&key(document)) || needed.contains(&key(document)));
    for target in &saved.targets {
        let Some(here) = prepared.services.get(&*target.name) else { continue };
        let (api, base_url) = (&*here.target.api.name, here.target.base_url.as_str());
        if *target.api != *api || *target.base_url != *base_url {
            let message = format!("target {} is not the one that this plan was made for", here.target.name);
            return Err(Diagnostic::error("foreign-plan", message)
                .hint("apply it in the workspace in which it was made, or plan again"));
        }
    }
    Ok(())
}

/// The documents of a plan's steps.
fn planned(saved: &SavedPlan) -> HashSet<Key> {
    let key = |own: &ObjectName| {
        (Some(own.target.as_str().into()), own.kind.as_str().into(), own.name.as_str().into())
    };
    saved.report.changes.iter().map(|change| key(&change.object)).collect()
}

/// Takes from a plan every step that is not the reviewed one; it is refused instead. What was read for its id alone
/// is no part of it.
pub fn hold(saved: &SavedPlan, applied: &Applied, plan: &mut Plan, prepared: &Prepared) -> Held {
    let key = prepared.keys.key_for(saved.is_keyed());
    let mut fresh = plans::report(plan, prepared);
    let mut saved = Cow::Borrowed(saved);
    if saved.pseudonyms != prepared.keys.names_told() {
        // short names under another key tell nothing of each other
        fresh = plans::report_with(plan, prepared, Persons::Masked);
        saved = Cow::Owned(saved.bare());
    }
    let saved = &*saved;
    let mut held = Held { stale: Vec::new(), gone: gone(saved, &fresh) };
    let steps = std::mem::take(&mut plan.steps);
    for (step, shown) in steps.into_iter().zip(&fresh.changes) {
        let now: BoundStep = digest::step(&step, key).into();
        let reviewed = saved.bound().find(|(own, _)| same_object(&own.object, &shown.object));
        let stale = match reviewed {
            Some(_) if is_settled(saved, applied, &shown.object) => Some(again()),
            Some(reviewed) => saved::compare(reviewed, (shown, &now)),
            // narrowing left only documents of the plan; an object of another target is none of them
            None => continue,
        };
        match stale {
            None => plan.steps.push(step),
            Some(stale) => {
                plan.refused.push(refuse(step, &stale));
                held.stale.push((shown.object.clone(), stale));
            }
        }
    }
    let planned = planned(saved);
    plan.agreeing.retain(|agreeing| planned.contains(&key_of(&agreeing.subject)));
    plan.refused.retain(|refused| planned.contains(&key_of(&refused.subject)));
    plan.keep_unread();
    plan.refused.sort_by_key(|refused| refused.subject.number);
    held
}

fn gone(saved: &SavedPlan, fresh: &Report) -> Vec<ObjectName> {
    let here = fresh.changes.iter().map(|change| &change.object);
    let here = here.chain(fresh.unchanged.iter().map(|unchanged| &unchanged.object));
    let here = here.chain(fresh.refused.iter().map(|refused| &refused.object));
    let here: Vec<&ObjectName> = here.chain(fresh.unread.iter().map(|unread| &unread.object)).collect();
    let planned = saved.report.changes.iter().map(|change| &change.object);
    planned.filter(|planned| !here.iter().any(|own| same_object(own, planned))).cloned().collect()
}

fn is_settled(saved: &SavedPlan, applied: &Applied, object: &ObjectName) -> bool {
    applied.is_settled(saved.name(), &object.target, &object.kind, &object.name)
}

fn again() -> Stale {
    let message = "it was applied from this plan before, and differs again".to_owned();
    Stale { moved: Vec::new(), message }
}

fn refuse(step: Step, stale: &Stale) -> Refused {
    let reason = Diagnostic::error(STALE, stale.message.clone())
        .at(step.subject.place.clone())
        .hint("plan again and have that reviewed");
    Refused { subject: step.subject, reasons: vec![reason], changes: step.changes }
}

/// Whether a plan has nothing left to apply because all of it was applied.
pub fn is_spent(saved: &SavedPlan, applied: &Applied) -> Option<Diagnostic> {
    let mut changes = saved.report.changes.iter();
    let spent =
        !saved.report.changes.is_empty() && changes.all(|own| is_settled(saved, applied, &own.object));
    spent.then(|| {
        Diagnostic::error("plan-applied", "this plan was applied already")
            .hint("plan again; each plan is applied once")
    })
}

/// Notes what of a plan is settled now.
///
/// # Errors
/// When it cannot be written.
pub fn settle(saved: &SavedPlan, applied: &mut Applied, outcomes: &[Outcome]) -> io::Result<()> {
    let settled = outcomes.iter().filter(|own| matches!(own.ending, Ending::Done | Ending::Unchanged));
    applied.settle(saved.name(), settled.map(|outcome| &outcome.subject))
}
