//! The leases of the targets that a run writes to: taken before it plans, all or none, and kept to its end.
//!
//! A lease is of a service and a scope, whatever the target is called, so that workspaces that share a directory
//! keep out of each other's way without agreeing on names.
//! Deliberately absent: waiting. The second run gets an error that names the holder.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::exit::ExitStatus;
use super::prepared_run::PreparedRun;
use super::screen::TerminalScreen;
use crate::diagnostic::Diagnostic;
use crate::run::lease_renewer::{LeaseLoss, LeaseRenewer};
use crate::state::files::{create_folder, create_private_folder};
use crate::state::holder_identity::find_holder_identity;
use crate::state::lease::folder::LeaseFolder;
use crate::state::lease::{HeldLease, LeaseError, LeaseHolder};
use crate::workspace::settings::{LeaseSettings, TargetSettings};
use crate::workspace::state_folder::STATE_FOLDER;

/// Where the leases of a workspace stand that names no directory.
const LEASE_FOLDER: &str = "leases";

/// Takes the leases that the settings ask for. Beside the reason why one was not had stands how the program ends.
///
/// # Errors
/// When one of them is held by someone else, or no one can tell; then none is held.
pub fn acquire_leases(
    prepared: &PreparedRun,
    screen: &TerminalScreen,
) -> Result<Option<LeaseRenewer>, (Diagnostic, ExitStatus)> {
    let wanted: BTreeMap<String, (&TargetSettings, &LeaseSettings)> = prepared
        .workspace
        .list_used_targets()
        .filter_map(|target| Some((build_lease_name(target), (target, target.lease.as_ref()?))))
        .collect();
    let Some(time) = wanted.values().map(|(_, lease)| lease.duration).min() else { return Ok(None) };
    let (who, mut held, mut refused) = (find_holder_identity(), Vec::new(), None);
    for (name, (target, settings)) in &wanted {
        let at = |fault: Diagnostic| {
            fault.with_location(prepared.workspace.settings.source.locate_span(settings.span))
        };
        let taken =
            prepare_directory(prepared, settings).map_err(LeaseError::Unknown).and_then(|directory| {
                HeldLease::acquire(Box::new(LeaseFolder::new(&directory, name)), &who, settings.duration)
            });
        match taken {
            Ok((lease, before)) => {
                held.push(lease);
                let expired = before.map(|before| at(diagnose_expired_lease(target, &before)));
                screen.print_diagnostics(expired.as_slice());
            }
            Err(LeaseError::Held(holder)) => {
                refused = Some((at(diagnose_held_lease(target, &holder)), ExitStatus::Refused));
                break;
            }
            Err(LeaseError::Unknown(error)) => {
                refused = Some((at(diagnose_lease_error(target, &error)), ExitStatus::Error));
                break;
            }
        }
    }
    if let Some(refused) = refused {
        held.into_iter().for_each(HeldLease::release);
        return Err(refused);
    }
    let kept = LeaseRenewer::new(held, time, Arc::clone(&prepared.retry_budget.cancellation));
    kept.map(Some).map_err(|error| (diagnose_missing_thread(&error), ExitStatus::Error))
}

/// What is to be said of a lease that was lost.
pub fn diagnose_lost_lease(loss: &LeaseLoss) -> Diagnostic {
    let message = match &loss.reason {
        None => "another run took over the lease; no other requests were started".to_owned(),
        Some(why) => format!("the lease could not be renewed; no other requests were started: {why}"),
    };
    Diagnostic::error("lease-lost", message).with_hint(
        "check that no other run writes to the target and that clocks are synchronized, then run again",
    )
}

/// The name of a target's lease, the same wherever the same service and scope are written to.
fn build_lease_name(target: &TargetSettings) -> String {
    let mut scope = target.scope.clone();
    scope.sort();
    let mut digest = Sha256::new();
    for part in [&*target.api.name, target.base_url.as_str()] {
        digest.update(part);
        digest.update([0]);
    }
    for (parameter, value) in &scope {
        digest.update(format!("{parameter}={value}\0"));
    }
    let digest: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let host =
        target.base_url.host_str().unwrap_or_default().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    format!("{}-{host}-{digest}", target.api.name)
}

/// Where the lease stands. A directory that was named has to be there: one that is made where a share is not
/// mounted would be each machine's own.
fn prepare_directory(prepared: &PreparedRun, settings: &LeaseSettings) -> io::Result<PathBuf> {
    let root = &prepared.workspace.root;
    let Some(named) = &settings.directory else {
        create_folder(&root.join(STATE_FOLDER))?;
        let own = root.join(STATE_FOLDER).join(LEASE_FOLDER);
        create_private_folder(&own)?;
        return Ok(own);
    };
    let named = root.join(named);
    std::fs::read_dir(&named).map(|_| named)
}

fn diagnose_held_lease(target: &TargetSettings, holder: &LeaseHolder) -> Diagnostic {
    let LeaseHolder { name, since, until } = holder;
    let message = format!("{name} has been writing to the target `{}` since {since:.0}", target.name);
    let hint = format!("wait until that run ends; if it crashed, its lease expires at {until:.0}");
    Diagnostic::error("lease-held", message).with_hint(hint)
}

fn diagnose_expired_lease(target: &TargetSettings, holder: &LeaseHolder) -> Diagnostic {
    let LeaseHolder { name, since, until } = holder;
    let message = format!(
        "{name}, writing to the target `{}` since {since:.0}, did not release its lease, which expired at {until:.0}",
        target.name
    );
    Diagnostic::warning("lease-expired", message)
        .with_hint("that run was interrupted; every object is read again")
}

fn diagnose_lease_error(target: &TargetSettings, error: &io::Error) -> Diagnostic {
    let message = format!("the lease of the target `{}` cannot be acquired: {error}", target.name);
    Diagnostic::error("no-lease", message)
        .with_hint("create or mount the directory under `lease`, and make it writable; nothing was sent")
}

fn diagnose_missing_thread(error: &io::Error) -> Diagnostic {
    Diagnostic::error("no-lease", format!("leases cannot be renewed: {error}")).with_hint("run again")
}
