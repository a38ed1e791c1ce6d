//! Telling others what a run came to: webhooks that `notify` in the settings names.
//!
//! The result stands by then. Whatever keeps a message from arriving is a warning and changes no exit code.

use super::reports::ReportContent;
use super::screen::TerminalScreen;
use crate::cli::runtime::build_runtime;
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::output_filter::filter_text;
use crate::remote::hosts::AllowedHosts;
use crate::remote::webhook::WebhookSender;
use crate::report::{ViewModel, chat_message, to_json};
use crate::workspace::secrets::ResolvedSecrets;
use crate::workspace::settings::NotifySettings;
use crate::workspace::settings::file::{NotifyEvent, NotifyFormat};
use crate::workspace::{LoadedWorkspace, secrets};

/// Sends this event to every webhook that subscribes to it.
pub fn send_notifications(
    workspace: &LoadedWorkspace,
    event: NotifyEvent,
    shown: &ReportContent,
    screen: &TerminalScreen,
) {
    let hooks: Vec<&NotifySettings> =
        workspace.settings.notify.iter().filter(|hook| hook.events.contains(&event)).collect();
    if hooks.is_empty() {
        return;
    }
    let source = &workspace.settings.source;
    let credentials = hooks.iter().flat_map(|hook| std::iter::once(&hook.url).chain(&hook.secret));
    let slots = credentials.map(|own| (own.source.clone(), source.locate_span(own.span))).collect();
    let (secrets, mut faults) =
        secrets::resolve_secrets(slots, &workspace.settings.build_secret_environment(&workspace.root));
    let view = shown.build_view("");
    for hook in hooks {
        if let Err(fault) = send_notification(hook, event, &secrets, shown, &view) {
            let place = Some(source.locate_span(hook.url.span));
            faults.extend(fault.map(|fault| Diagnostic { location: place, ..fault }));
        }
    }
    let soft = |fault: Diagnostic| Diagnostic { severity: DiagnosticSeverity::Warning, ..fault };
    screen.print_diagnostics(&faults.into_iter().map(soft).collect::<Vec<_>>());
}

/// Nothing is said of a hook whose sources gave nothing: that was said of them.
fn send_notification(
    hook: &NotifySettings,
    event: NotifyEvent,
    secrets: &ResolvedSecrets,
    shown: &ReportContent,
    view: &ViewModel,
) -> Result<(), Option<Diagnostic>> {
    let url = secrets.get(&hook.url.source).ok_or(None)?;
    let secret = match &hook.secret {
        Some(own) => Some(secrets.get(&own.source).ok_or(None)?),
        None => None,
    };
    let body = match hook.format {
        NotifyFormat::Json => shown.render_json(),
        NotifyFormat::Slack => to_json(&chat_message::render_slack(view)),
        NotifyFormat::Teams => to_json(&chat_message::render_teams(view)),
    };
    let lost = |why: String| {
        Some(Diagnostic::warning("not-notified", format!("webhook notification failed: {why}")))
    };
    let body = filter_text(&body.map_err(|error| lost(error.to_string()))?).into_owned();
    let allowed = AllowedHosts::from_env(&|name| std::env::var(name).ok()).map_err(Some)?;
    let runtime = build_runtime().map_err(|error| lost(error.to_string()))?;
    let hook = WebhookSender { url, secret, event: event.as_str() };
    runtime.block_on(hook.send_message(body, &allowed)).map_err(Some)
}
