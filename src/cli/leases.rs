//! The leases of the targets that a run writes to: taken before it plans, all or none, and kept to its end.
//!
//! A lease is of a service and a scope, whatever the target is called, so that workspaces that share a directory
//! keep out of each other's way without agreeing on names.
//! Deliberately absent: waiting. Whoever comes second is told who is first.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::exit::Exit;
use super::screen::Screen;
use super::session::{FOLDER, Prepared};
use super::settings::{LeaseSettings, TargetSettings};
use super::who::who;
use crate::diagnostic::Diagnostic;
use crate::run::lease::folder::Folder;
use crate::run::lease::keeper::{Kept, Loss};
use crate::run::lease::{Holder, Lease, Refusal};
use crate::run::memory::make_folder;

/// Where the leases of a workspace stand that names no directory.
const OWN: &str = "leases";

/// Takes the leases that the settings ask for. Beside the reason why one was not had stands how the program ends.
///
/// # Errors
/// When one of them is held by somebody else, or nobody can tell; then none is held.
pub fn take(prepared: &Prepared, screen: &Screen) -> Result<Option<Kept>, (Diagnostic, Exit)> {
    let wanted: BTreeMap<String, (&TargetSettings, &LeaseSettings)> = prepared
        .workspace
        .targets()
        .filter_map(|target| Some((name(target), (target, target.lease.as_ref()?))))
        .collect();
    let Some(time) = wanted.values().map(|(_, lease)| lease.time).min() else { return Ok(None) };
    let (who, mut held, mut refused) = (who(), Vec::new(), None);
    for (name, (target, settings)) in &wanted {
        let at = |fault: Diagnostic| fault.at(prepared.workspace.settings.source.place(settings.span));
        let taken = directory(prepared, settings)
            .map_err(Refusal::Unknown)
            .and_then(|directory| Lease::take(Box::new(Folder::new(&directory, name)), &who, settings.time));
        match taken {
            Ok((lease, before)) => {
                held.push(lease);
                let expired = before.map(|before| at(taken_over(target, &before)));
                screen.diagnose(expired.as_slice());
            }
            Err(Refusal::Held(holder)) => {
                refused = Some((at(is_held(target, &holder)), Exit::Refused));
                break;
            }
            Err(Refusal::Unknown(error)) => {
                refused = Some((at(unknown(target, &error)), Exit::Error));
                break;
            }
        }
    }
    if let Some(refused) = refused {
        held.into_iter().for_each(Lease::give_back);
        return Err(refused);
    }
    let kept = Kept::new(held, time, Arc::clone(&prepared.allowance.stop));
    kept.map(Some).map_err(|error| (no_thread(&error), Exit::Error))
}

/// What is to be said of a lease that was lost.
pub fn lost(loss: &Loss) -> Diagnostic {
    let message = match &loss.why {
        None => "another run took over a lease of this one, so nothing else was begun".to_owned(),
        Some(why) => format!("a lease could not be renewed any more, so nothing else was begun: {why}"),
    };
    Diagnostic::error("lease-lost", message)
        .hint("see that no other run writes to the target and that clocks agree, then run again")
}

/// The name of a target's lease, the same wherever the same service and scope are written to.
fn name(target: &TargetSettings) -> String {
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
fn directory(prepared: &Prepared, settings: &LeaseSettings) -> io::Result<PathBuf> {
    let root = &prepared.workspace.root;
    let Some(named) = &settings.directory else {
        make_folder(&root.join(FOLDER))?;
        let own = root.join(FOLDER).join(OWN);
        std::fs::create_dir_all(&own)?;
        return Ok(own);
    };
    let named = root.join(named);
    std::fs::read_dir(&named).map(|_| named)
}

fn is_held(target: &TargetSettings, holder: &Holder) -> Diagnostic {
    let Holder { name, since, until } = holder;
    let message = format!("{name} has been writing to the target `{}` since {since:.0}", target.name);
    let hint = format!("wait until that run ends; if it died, its lease expires by itself at {until:.0}");
    Diagnostic::error("lease-held", message).hint(hint)
}

fn taken_over(target: &TargetSettings, holder: &Holder) -> Diagnostic {
    let Holder { name, since, until } = holder;
    let message = format!(
        "{name}, writing to the target `{}` since {since:.0}, did not give its lease back, which expired at {until:.0}",
        target.name
    );
    Diagnostic::warning("lease-expired", message).hint("that run was cut off; every object is read again")
}

fn unknown(target: &TargetSettings, error: &io::Error) -> Diagnostic {
    let message = format!("the lease of the target `{}` cannot be taken: {error}", target.name);
    Diagnostic::error("no-lease", message)
        .hint("make or mount the directory under `lease`, and see that it can be written; nothing was sent")
}

fn no_thread(error: &io::Error) -> Diagnostic {
    Diagnostic::error("no-lease", format!("leases cannot be renewed: {error}")).hint("run again")
}
