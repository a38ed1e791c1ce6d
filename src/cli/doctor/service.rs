//! The checks of `trueup doctor` that read services: hosts, secrets, credentials, rights, clock, kinds.
//!
//! Credentials that write are tested with reads alone, so a missing right to write shows at the first write.
//! Deliberately absent: requests that write.

use std::sync::Arc;

use super::args::DoctorArgs;
use super::check::DoctorCheck;
use crate::cli::api::fit::{FitCollector, FitReport};
use crate::cli::run_setup;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::kind::Kind;
use crate::kind::scalar::ScalarToken;
use crate::remote::target_client::{CollectionRef, RequestError, TargetClient};
use crate::report::sanitize::format_count;
use crate::value::Value;
use crate::workspace::settings::auth::{AccessSettings, CredentialPurpose};
use crate::workspace::settings::{SETTINGS_FILE_NAME, TargetSettings};
use crate::workspace::{LoadedWorkspace, secrets};

/// How many objects of a kind are held against its description.
const MAX_OBJECTS: u32 = 20;
/// From so many seconds on a clock is wrong.
const MAX_CLOCK_OFFSET: i64 = 60;

/// Checks every target of the settings, and the secrets of the documents.
pub async fn check_targets(workspace: &LoadedWorkspace, args: &DoctorArgs) -> Vec<DoctorCheck> {
    let mut checks = check_document_secrets(workspace);
    for target in &workspace.settings.targets {
        let area = format!("target {}", target.name);
        checks.push(DoctorCheck::ok(&area, "address", format!("{}", target.base_url)));
        if workspace.settings.has_errors {
            // what cannot be read of the settings may be a credential
            let message = format!("not checked, because {SETTINGS_FILE_NAME} has errors");
            let remedy = "correct the errors above, and run `trueup doctor` again";
            checks.push(DoctorCheck::warning(&area, "read", message).with_remedy(remedy));
            continue;
        }
        let reading = connect_target(workspace, target, CredentialPurpose::Read, args);
        if reading.is_ok() {
            let rows = target.connection.describe().into_iter();
            checks.extend(rows.map(|(name, message)| DoctorCheck::ok(&area, name, message)));
        }
        match reading {
            Err(faults) => {
                checks.extend(faults.iter().map(|fault| DoctorCheck::from_diagnostic(&area, "read", fault)));
            }
            Ok(_) if args.offline => {
                checks.push(DoctorCheck::ok(
                    &area,
                    "secrets",
                    "every secret of `read` has a value; nothing was sent",
                ));
            }
            Ok(service) => checks.extend(check_kinds(workspace, target, &service, &area).await),
        }
        checks.extend(check_write_access(workspace, target, args, &area).await);
    }
    checks
}

/// Whether each secret that documents name has a value.
fn check_document_secrets(workspace: &LoadedWorkspace) -> Vec<DoctorCheck> {
    let sources = workspace.documents.iter().flat_map(|document| {
        let own = document.spec.iter_value_sources();
        own.map(|(source, span)| (source.clone(), document.locate_span(span)))
    });
    let sources: Vec<_> = sources.collect();
    if sources.is_empty() {
        return Vec::new();
    }
    let count = sources.len();
    let secret_environment = workspace.settings.build_secret_environment(&workspace.root);
    let (_, faults) = secrets::resolve_secrets(sources, &secret_environment);
    if faults.is_empty() {
        let message = format!("{} of documents found", format_count(count, "secret"));
        return vec![DoctorCheck::ok("workspace", "secrets", message)];
    }
    faults.iter().map(|fault| DoctorCheck::from_diagnostic("workspace", "secrets", fault)).collect()
}

/// A connection with the credentials for a purpose.
fn connect_target(
    workspace: &LoadedWorkspace,
    target: &TargetSettings,
    purpose: CredentialPurpose,
    args: &DoctorArgs,
) -> Result<TargetClient, Vec<Diagnostic>> {
    let source = &workspace.settings.source;
    let slots = target.list_credentials(purpose).into_iter();
    let slots = slots.map(|own| (own.source.clone(), source.locate_span(own.span))).collect();
    let secret_environment = workspace.settings.build_secret_environment(&workspace.root);
    let (resolved, mut faults) = secrets::resolve_secrets(slots, &secret_environment);
    let allowance = args.network.build_retry_budget();
    let built = target.build_target(&resolved, &secret_environment, purpose, None);
    let settings = &workspace.settings;
    let services = run_setup::connect_targets(
        built.into_iter().collect(),
        settings,
        &args.network,
        &allowance,
        &mut faults,
    );
    match services.into_values().next() {
        Some(service) if !has_errors(&faults) => Ok(service.with_hidden_paths(true)),
        _ => Err(faults),
    }
}

/// Reads a page of each kind: whether the credentials may, and whether what comes fits the kind.
async fn check_kinds(
    workspace: &LoadedWorkspace,
    target: &TargetSettings,
    service: &TargetClient,
    area: &str,
) -> Vec<DoctorCheck> {
    let mut checks = Vec::new();
    let own = format!("{}/", target.api.name);
    let names = workspace.registry.kind_names().iter().filter(|name| name.starts_with(&own));
    for kind in names.filter_map(|name| workspace.registry.find_kind(name)) {
        let Some(scope) = resolve_scope(&kind, target, workspace) else {
            let message = format!("{} was not read: its scope is not known", kind.name);
            let names: Vec<&str> = kind.scope.iter().map(|own| &*own.name).collect();
            let remedy = format!("set {} under `scope` of the target", names.join(", "));
            checks.push(DoctorCheck::note(area, "read", message).with_remedy(remedy));
            continue;
        };
        let mut collector = FitCollector::new(&kind, service.target.format);
        let mut take = |live| collector.inspect_object(&live);
        let of = CollectionRef { kind: &kind, scope: &scope };
        match service.list_first_page(of, MAX_OBJECTS, &mut take).await {
            Ok(()) => checks.extend(describe_kind(area, &kind, &collector.into_report())),
            Err(error) => checks.push(describe_error(area, "read", &kind.name, &error, service)),
        }
    }
    checks.extend(check_clock(area, service));
    checks
}

/// The scope of the target, or of the first document of the kind.
fn resolve_scope(
    kind: &Arc<Kind>,
    target: &TargetSettings,
    workspace: &LoadedWorkspace,
) -> Option<Vec<Value>> {
    let is_own = |own: &&crate::document::Document| {
        own.kind.name == kind.name && own.target.as_deref() == Some(&*target.name)
    };
    let document = workspace.documents.iter().find(is_own);
    let value = |(at, own): (usize, &crate::kind::ScopeParameter)| {
        let fixed = target.scope.iter().find(|(name, _)| *name == own.name);
        let written =
            document.and_then(|own| own.scope.iter().find(|(number, _)| usize::from(*number) == at));
        match (written, fixed) {
            (Some((_, Value::KnownAfterApply(_))), None) => None,
            (Some((_, value)), _) => Some(value.clone()),
            (None, Some((_, text))) => own.ty.read_token(ScalarToken::Plain(text)).ok(),
            (None, None) => None,
        }
    };
    kind.scope.iter().enumerate().map(value).collect()
}

fn describe_kind(area: &str, kind: &Kind, fit: &FitReport) -> Vec<DoctorCheck> {
    let objects = format_count(fit.objects, "object");
    let read = DoctorCheck::ok(area, "read", format!("{}: {objects} read", kind.name));
    let fits = match fit.is_good() {
        true if fit.objects == 0 => None,
        true => Some(DoctorCheck::ok(area, "kind", format!("{} fits {objects}", kind.name))),
        false => {
            let message = format!(
                "{} does not fit {objects}: {} undescribed, {} of another type",
                kind.name,
                format_count(fit.missing.len(), "member"),
                format_count(fit.mistyped.len(), "field")
            );
            let target = area.trim_start_matches("target ");
            let remedy = format!("`trueup api try {target} {}` lists what differs", kind.name);
            Some(DoctorCheck::warning(area, "kind", message).with_remedy(remedy))
        }
    };
    std::iter::once(read).chain(fits).collect()
}

/// What keeps a kind from being read, with what the service says about it.
fn describe_error(
    area: &str,
    name: &'static str,
    kind: &str,
    error: &RequestError,
    service: &TargetClient,
) -> DoctorCheck {
    let hidden = service.target.auth.collect_texts();
    let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
    let said = error.read_api_errors(&hidden).into_iter().next().map(|own| format!(": {}", own.message));
    let mut fault = (*error.diagnostic).clone();
    let prefix = if kind.is_empty() { String::new() } else { format!("{kind}: ") };
    fault.message = format!("{prefix}{}{}", fault.message, said.unwrap_or_default());
    DoctorCheck::from_diagnostic(area, name, &fault)
}

/// Tokens and leases need clocks that agree.
fn check_clock(area: &str, service: &TargetClient) -> Option<DoctorCheck> {
    let offset = service.measure_clock_offset()?;
    Some(match offset.abs() <= MAX_CLOCK_OFFSET {
        true => DoctorCheck::ok(area, "clock", format!("the clocks differ by {} s", offset.abs())),
        false => {
            let side = if offset > 0 { "behind" } else { "ahead of" };
            let message = format!("the clock of this machine is {} s {side} the service", offset.abs());
            DoctorCheck::warning(area, "clock", message)
                .with_remedy("synchronize the clock of this machine, e.g. with NTP")
        }
    })
}

/// Whether the credentials that write are accepted, as far as reads show.
async fn check_write_access(
    workspace: &LoadedWorkspace,
    target: &TargetSettings,
    args: &DoctorArgs,
    area: &str,
) -> Option<DoctorCheck> {
    match &target.auth {
        AccessSettings::Shared(_) => return None,
        AccessSettings::Separate { write: None, .. } => {
            let message = "this target has no credentials that write, so `apply` refuses it";
            return Some(
                DoctorCheck::note(area, "write", message)
                    .with_remedy("write `write` beside `read` in its `auth`, where applies run"),
            );
        }
        AccessSettings::Separate { .. } => {}
    }
    let service = match connect_target(workspace, target, CredentialPurpose::Write, args) {
        Ok(service) => service,
        Err(faults) => {
            return faults.first().map(|fault| DoctorCheck::from_diagnostic(area, "write", fault));
        }
    };
    if args.offline {
        return Some(DoctorCheck::ok(
            area,
            "secrets",
            "every secret of `write` has a value; nothing was sent",
        ));
    }
    let own = format!("{}/", target.api.name);
    let names = workspace.registry.kind_names().iter().filter(|name| name.starts_with(&own));
    let kinds = names.filter_map(|name| workspace.registry.find_kind(name));
    let (kind, scope) =
        kinds.filter_map(|kind| Some((kind.clone(), resolve_scope(&kind, target, workspace)?))).next()?;
    let of = CollectionRef { kind: &kind, scope: &scope };
    Some(match service.list_first_page(of, 1, &mut |_| {}).await {
        Ok(()) => DoctorCheck::ok(
            area,
            "write",
            "the credentials that write are accepted for reads; a missing right to write shows at the first write",
        ),
        Err(error) => describe_error(area, "write", "", &error, &service),
    })
}
