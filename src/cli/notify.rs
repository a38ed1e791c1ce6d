//! Telling others what a run came to: webhooks that `notify` in the settings names.
//!
//! The result stands by then. Whatever keeps a message from arriving is a warning and changes no exit code.

use super::reports::Shown;
use super::screen::Screen;
use super::session;
use super::settings::NotifySettings;
use super::settings::file::{NotifyEvent, NotifyFormat};
use super::slots::{self, Secrets, World};
use super::workspace::Workspace;
use crate::diagnostic::{Diagnostic, Severity};
use crate::remote::hook::Hook;
use crate::remote::hosts::{self, Allowed};
use crate::report::{Sheet, notice, to_json};

/// Tells every webhook that wants to hear of this event.
pub fn tell(workspace: &Workspace, event: NotifyEvent, shown: &Shown, screen: &Screen) {
    let hooks: Vec<&NotifySettings> =
        workspace.settings.notify.iter().filter(|hook| hook.on.contains(&event)).collect();
    if hooks.is_empty() {
        return;
    }
    let source = &workspace.settings.source;
    let credentials = hooks.iter().flat_map(|hook| std::iter::once(&hook.url).chain(&hook.secret));
    let slots = credentials.map(|own| (own.slot.clone(), source.place(own.span))).collect();
    let (secrets, mut faults) = slots::resolve(slots, &World::real(&workspace.root));
    let sheet = shown.sheet("");
    for hook in hooks {
        if let Err(fault) = one(hook, event, &secrets, (shown, &sheet)) {
            let place = Some(source.place(hook.url.span));
            faults.extend(fault.map(|fault| Diagnostic { place, ..fault }));
        }
    }
    let soft = |fault: Diagnostic| Diagnostic { severity: Severity::Warning, ..fault };
    screen.diagnose(&faults.into_iter().map(soft).collect::<Vec<_>>());
}

/// Nothing is said of a hook whose sources gave nothing: that was said of them.
fn one(
    hook: &NotifySettings,
    event: NotifyEvent,
    secrets: &Secrets,
    (shown, sheet): (&Shown, &Sheet),
) -> Result<(), Option<Diagnostic>> {
    let url = secrets.get(&hook.url.slot).ok_or(None)?;
    let secret = match &hook.secret {
        Some(own) => Some(secrets.get(&own.slot).ok_or(None)?),
        None => None,
    };
    let body = match hook.format {
        NotifyFormat::Json => shown.json(),
        NotifyFormat::Slack => to_json(&notice::slack(sheet)),
        NotifyFormat::Teams => to_json(&notice::teams(sheet)),
    };
    let lost =
        |why: String| Some(Diagnostic::warning("not-notified", format!("a webhook was not told: {why}")));
    let body = body.map_err(|error| lost(error.to_string()))?;
    let allowed = Allowed::new(&std::env::var(hosts::VARIABLE).unwrap_or_default()).map_err(Some)?;
    let runtime = session::runtime().map_err(|error| lost(error.to_string()))?;
    let hook = Hook { url, secret, event: event.word() };
    runtime.block_on(hook.send(body, &allowed)).map_err(Some)
}
