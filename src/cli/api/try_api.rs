//! `trueup api try`: a few live objects against their description.
//!
//! Reads the first page of each kind of a target's API, then turns the pages, and writes nothing to the service. Names
//! and types are shown, values are not. `--write` adds the proposed lines to the descriptions.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use clap_complete::ArgValueCandidates;
use schemars::JsonSchema;
use serde::Serialize;

use super::fit::{FitCollector, FitReport, PagingFit};
use super::fit_text::render_fit;
use super::propose::{ProposedLines, propose_lines, render_proposals, write_lines};
use crate::cli::completion_values;
use crate::cli::exit::ExitStatus;
use crate::cli::global_args::{GlobalArgs, StdoutFormat};
use crate::cli::run_args::NetworkArgs;
use crate::cli::run_setup;
use crate::cli::runtime::build_runtime;
use crate::cli::screen::TerminalScreen;
use crate::diagnostic::{Diagnostic, has_errors, suggest_word};
use crate::kind::Kind;
use crate::kind::scalar::ScalarToken;
use crate::remote::target_client::{CollectionRef, RequestError, TargetClient};
use crate::remote::wire::Snapshot;
use crate::report::json::to_json;
use crate::report::plan_report::{DiagnosticView, FORMAT_VERSION, ValidationReport};
use crate::report::sanitize::escape_text;
use crate::value::Value;
use crate::workspace;
use crate::workspace::settings::TargetSettings;
use crate::workspace::settings::auth::CredentialPurpose;
use crate::workspace::{API_FOLDER, WorkspaceConfig, secrets};

/// Arguments of `api try`.
#[derive(Args)]
pub struct ApiTryArgs {
    /// A target of the workspace
    #[arg(value_name = "TARGET", add = ArgValueCandidates::new(completion_values::list_targets))]
    pub target: String,
    /// Only this kind of the API
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
    /// Maximum number of objects of each kind
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub count: u32,
    /// Scope parameter that the target does not set; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_name_value)]
    pub scope: Vec<(String, String)>,
    /// Add the proposed lines to the descriptions of the workspace
    #[arg(long)]
    pub write: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

fn parse_name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// What a trial of descriptions found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiTryReport")]
pub struct ApiTryReport<'f> {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// The target that was read.
    target: String,
    /// False when some kind could not be read.
    complete: bool,
    /// What live objects say about each kind.
    kinds: &'f [FitReport],
    /// Lines that finish the descriptions.
    proposals: &'f [ProposedLines],
    /// What is wrong, or worth a look.
    diagnostics: Vec<DiagnosticView>,
}

/// Holds a description against live objects.
///
/// # Errors
/// When there is no runtime, or the result cannot be written.
pub fn run(common: &GlobalArgs, args: &ApiTryArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let (trial, mut faults) = match prepare_trial(&common.directory, args) {
        Ok(trial) => build_runtime()?.block_on(trial.inspect_kinds()),
        Err(faults) => (TrialResult::default(), faults),
    };
    let TrialResult { fits, mut proposals } = trial;
    if args.write {
        faults.extend(write_lines(&common.directory, &mut proposals)?);
    }
    screen.print_diagnostics(&faults);
    let report = ApiTryReport::new(args, &fits, &proposals, &faults);
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(&report)?)?,
        StdoutFormat::Text => {
            // the names of members are the service's
            screen.print_stdout(&escape_text(&fits.iter().map(render_fit).collect::<String>()))?;
            screen.print_stdout(&escape_text(&render_proposals(&proposals)))?;
        }
    }
    Ok(match (has_errors(&faults), fits.iter().all(FitReport::is_good)) {
        (true, _) => ExitStatus::Error,
        (false, true) => ExitStatus::Done,
        (false, false) => ExitStatus::Differs,
    })
}

/// What a trial found.
#[derive(Default)]
struct TrialResult {
    fits: Vec<FitReport>,
    proposals: Vec<ProposedLines>,
}

/// Everything that a trial needs.
struct ApiTrial {
    service: TargetClient,
    kinds: Vec<(Arc<Kind>, Vec<Value>)>,
    max_objects: u32,
    /// Kinds whose scope no one fixes.
    faults: Vec<Diagnostic>,
}

fn prepare_trial(root: &Path, args: &ApiTryArgs) -> Result<ApiTrial, Vec<Diagnostic>> {
    let (base, mut faults) = workspace::open_config(root);
    let Some(base) = base else { return Err(faults) };
    let target = match find_target(&base, &args.target) {
        Ok(target) => target,
        // the errors of its lines come first
        Err(_) if has_errors(&faults) => return Err(faults),
        Err(fault) => return Err(vec![fault]),
    };
    faults.retain(|fault| !is_of_other_api(fault, &target.api.name));
    if has_errors(&faults) {
        return Err(faults);
    }
    let kinds = select_kinds(&base, target, args.kind.as_deref()).map_err(|fault| vec![fault])?;
    let credentials = target.list_credentials(CredentialPurpose::Read).into_iter();
    let slots =
        credentials.map(|own| (own.source.clone(), base.settings.source.locate_span(own.span))).collect();
    let secret_environment = base.settings.build_secret_environment(&base.root);
    let (secrets, unresolved) = secrets::resolve_secrets(slots, &secret_environment);
    faults.extend(unresolved);
    let (network, allowance) = (&args.network, args.network.build_retry_budget());
    let connected = target
        .build_target(&secrets, &secret_environment, CredentialPurpose::Read, None)
        .into_iter()
        .collect();
    let services = run_setup::connect_targets(connected, &base.settings, network, &allowance, &mut faults);
    match services.into_values().next() {
        Some(service) if !has_errors(&faults) => {
            let mut missing = faults;
            let kinds =
                kinds.into_iter().filter_map(|kind| resolve_scope(kind, target, &args.scope, &mut missing));
            let kinds = kinds.collect();
            Ok(ApiTrial { service, kinds, max_objects: args.count, faults: missing })
        }
        _ => Err(faults),
    }
}

/// Whether a fault is in the description of another API.
fn is_of_other_api(fault: &Diagnostic, api: &str) -> bool {
    let path = fault.location.as_ref().and_then(|place| place.source.path.strip_prefix(API_FOLDER));
    let folder = path.and_then(|path| path.strip_prefix('/')?.split('/').next());
    folder.is_some_and(|folder| folder != api)
}

fn find_target<'b>(base: &'b WorkspaceConfig, name: &str) -> Result<&'b TargetSettings, Diagnostic> {
    let targets = &base.settings.targets;
    targets.iter().find(|target| *target.name == *name).ok_or_else(|| {
        let message = format!("there is no target `{}`", name.escape_debug());
        let mut fault = Diagnostic::error("unknown-target", message);
        fault.hint = suggest_word(name, targets.iter().map(|target| &*target.name));
        fault
    })
}

/// The kinds that are tried: one, by its whole or its own name, or all of the API.
fn select_kinds(
    base: &WorkspaceConfig,
    target: &TargetSettings,
    wanted: Option<&str>,
) -> Result<Vec<Arc<Kind>>, Diagnostic> {
    let own = format!("{}/", target.api.name);
    let names: Vec<&String> =
        base.registry.kind_names().iter().filter(|name| name.starts_with(&own)).collect();
    let wanted =
        wanted.map(|wanted| if wanted.contains('/') { wanted.to_owned() } else { format!("{own}{wanted}") });
    if let Some(wanted) = wanted.as_ref().filter(|wanted| !names.contains(wanted)) {
        let message = format!("the API of `{}` has no kind `{}`", target.name, wanted.escape_debug());
        let mut fault = Diagnostic::error("unknown-kind", message);
        fault.hint = suggest_word(wanted, names.iter().map(|name| name.as_str()));
        return Err(fault);
    }
    let names = names.into_iter().filter(|name| wanted.as_ref().is_none_or(|wanted| wanted == *name));
    Ok(names.filter_map(|name| base.registry.find_kind(name)).collect())
}

/// A kind with the scope in which it is tried.
fn resolve_scope(
    kind: Arc<Kind>,
    target: &TargetSettings,
    given: &[(String, String)],
    faults: &mut Vec<Diagnostic>,
) -> Option<(Arc<Kind>, Vec<Value>)> {
    let mut values = Vec::with_capacity(kind.scope.len());
    for parameter in &kind.scope {
        let own = given.iter().find(|(name, _)| *name == *parameter.name).map(|(_, text)| text);
        let fixed = target.scope.iter().find(|(name, _)| *name == parameter.name).map(|(_, text)| text);
        let read = own.or(fixed).map(|text| parameter.ty.read_token(ScalarToken::Plain(text)));
        let fault = match read {
            Some(Ok(value)) => {
                values.push(value);
                continue;
            }
            Some(Err(mismatch)) => {
                let message = format!("the scope `{}`: {}", parameter.name, mismatch.message);
                let fault = Diagnostic::error("wrong-scope", message);
                Diagnostic { hint: mismatch.hint, ..fault }
            }
            None => {
                let message = format!("missing scope `{}` for {}", parameter.name, kind.name);
                let hint = format!(
                    "add --scope {}=…, or write it under `scope` of the target `{}`",
                    parameter.name, target.name
                );
                Diagnostic::error("missing-scope", message).with_hint(hint)
            }
        };
        faults.push(fault);
        return None;
    }
    Some((kind, values))
}

impl ApiTrial {
    async fn inspect_kinds(mut self) -> (TrialResult, Vec<Diagnostic>) {
        let mut found = TrialResult::default();
        for (kind, scope) in &self.kinds {
            let mut look = FitCollector::new(kind, self.service.target.format);
            let most = self.max_objects as usize;
            let mut listed = Vec::new();
            let mut take = |live| {
                if listed.len() < most {
                    listed.push(live);
                }
            };
            let of = CollectionRef { kind, scope };
            let read = self.service.list_first_page(of, self.max_objects, &mut take).await;
            let read = match read {
                Ok(()) => inspect_objects(&self.service, of, listed, &mut look).await,
                Err(error) => Err(error),
            };
            let trial = match read {
                Ok(()) if kind.operations.is_listed => self.service.try_paging(of).await.map(Some),
                Ok(()) => Ok(None),
                Err(error) => Err(error),
            };
            match trial {
                Ok(trial) => {
                    let paging = trial.as_ref().map(PagingFit::from_trial);
                    let fit = FitReport { paging, ..look.into_report() };
                    found.proposals.extend(propose_lines(kind, &fit));
                    found.fits.push(fit);
                }
                Err(error) => self.faults.push(describe_failure(&self.service, kind, &error)),
            }
        }
        (found, self.faults)
    }
}

async fn inspect_objects(
    service: &TargetClient,
    of: CollectionRef<'_>,
    listed: Vec<Snapshot>,
    look: &mut FitCollector<'_>,
) -> Result<(), RequestError> {
    for live in listed {
        if let Some(live) = service.complete_snapshot(of, live).await? {
            look.inspect_object(&live);
        }
    }
    Ok(())
}

fn describe_failure(service: &TargetClient, kind: &Kind, error: &RequestError) -> Diagnostic {
    // nothing was sent but credentials, so they are all that could be echoed
    let hidden = service.target.auth.collect_texts();
    let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
    let said = error.read_api_errors(&hidden).into_iter().next();
    let mut fault = (*error.diagnostic).clone();
    fault.message = format!("{}: {}", kind.name, fault.message);
    if let Some(said) = said {
        fault.message = format!("{}: {}", fault.message, said.message);
    }
    fault
}

impl<'f> ApiTryReport<'f> {
    fn new(
        args: &ApiTryArgs,
        fits: &'f [FitReport],
        proposals: &'f [ProposedLines],
        faults: &[Diagnostic],
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            target: args.target.clone(),
            complete: !has_errors(faults),
            kinds: fits,
            proposals,
            diagnostics: ValidationReport::from_diagnostics(0, faults).diagnostics,
        }
    }
}
