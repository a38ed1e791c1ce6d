//! `trueup api try`: a few live objects against their description.
//!
//! Reads the first page of each kind of a target's API and writes nothing. What is told are names and types.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::fit::{Fit, Look};
use super::told::text;
use crate::cli::args::{ApiTryArgs, Common, Format};
use crate::cli::exit::Exit;
use crate::cli::screen::Screen;
use crate::cli::session;
use crate::cli::settings::TargetSettings;
use crate::cli::slots::{self, World};
use crate::cli::workspace::{self, Base};
use crate::diagnostic::{Diagnostic, any_error, did_you_mean};
use crate::kind::Kind;
use crate::kind::leaf::Token;
use crate::remote::service::{Collection, Service};
use crate::report::json::to_json;
use crate::report::shown::{Checked, FORMAT_VERSION, Finding};
use crate::value::Value;

/// What a trial found.
#[derive(Serialize)]
struct Tried<'f> {
    format_version: u32,
    tool_version: &'static str,
    target: String,
    /// False when some kind could not be read.
    complete: bool,
    kinds: &'f [Fit],
    diagnostics: Vec<Finding>,
}

/// Holds a description against live objects.
///
/// # Errors
/// When there is no runtime, or the result cannot be written.
pub fn run(common: &Common, args: &ApiTryArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let (fits, faults) = match opened(&common.directory, args) {
        Ok(trial) => session::runtime()?.block_on(trial.run()),
        Err(faults) => (Vec::new(), faults),
    };
    screen.diagnose(&faults);
    match screen.format {
        Format::Json => screen.out(&to_json(&Tried::of(args, &fits, &faults))?)?,
        Format::Text => screen.out(&fits.iter().map(text).collect::<String>())?,
    }
    Ok(match (any_error(&faults), fits.iter().all(Fit::is_good)) {
        (true, _) => Exit::Error,
        (false, true) => Exit::Done,
        (false, false) => Exit::Differs,
    })
}

/// Everything that a trial needs.
struct Trial {
    service: Service,
    kinds: Vec<(Arc<Kind>, Vec<Value>)>,
    most: u32,
    /// Kinds whose scope nobody fixes.
    faults: Vec<Diagnostic>,
}

fn opened(root: &Path, args: &ApiTryArgs) -> Result<Trial, Vec<Diagnostic>> {
    let (base, mut faults) = workspace::base(root);
    let Some(base) = base.filter(|_| !any_error(&faults)) else { return Err(faults) };
    let target = target(&base, &args.target).map_err(|fault| vec![fault])?;
    let kinds = kinds(&base, target, args.kind.as_deref()).map_err(|fault| vec![fault])?;
    let credentials = target.auth.credentials().into_iter();
    let slots = credentials.map(|own| (own.slot.clone(), base.settings.source.place(own.span))).collect();
    let (secrets, unresolved) = slots::resolve(slots, &World::real(&base.root));
    faults.extend(unresolved);
    let (network, allowance) = (&args.network, args.network.allowance());
    let connected = target.connect(&secrets, None).into_iter().collect();
    let services = session::connect(connected, &base.settings, network, &allowance, &mut faults);
    match services.into_values().next() {
        Some(service) if !any_error(&faults) => {
            let mut missing = faults;
            let kinds = kinds.into_iter().filter_map(|kind| scoped(kind, target, &args.scope, &mut missing));
            let kinds = kinds.collect();
            Ok(Trial { service, kinds, most: args.count, faults: missing })
        }
        _ => Err(faults),
    }
}

fn target<'b>(base: &'b Base, name: &str) -> Result<&'b TargetSettings, Diagnostic> {
    let targets = &base.settings.targets;
    targets.iter().find(|target| *target.name == *name).ok_or_else(|| {
        let message = format!("there is no target `{}`", name.escape_debug());
        let mut fault = Diagnostic::error("unknown-target", message);
        fault.hint = did_you_mean(name, targets.iter().map(|target| &*target.name));
        fault
    })
}

/// The kinds that are tried: one, by its whole or its own name, or all of the API.
fn kinds(base: &Base, target: &TargetSettings, wanted: Option<&str>) -> Result<Vec<Arc<Kind>>, Diagnostic> {
    let own = format!("{}/", target.api.name);
    let names: Vec<&String> = base.registry.kinds().iter().filter(|name| name.starts_with(&own)).collect();
    let wanted =
        wanted.map(|wanted| if wanted.contains('/') { wanted.to_owned() } else { format!("{own}{wanted}") });
    if let Some(wanted) = wanted.as_ref().filter(|wanted| !names.contains(wanted)) {
        let message = format!("the API of `{}` has no kind `{}`", target.name, wanted.escape_debug());
        let mut fault = Diagnostic::error("unknown-kind", message);
        fault.hint = did_you_mean(wanted, names.iter().map(|name| name.as_str()));
        return Err(fault);
    }
    let names = names.into_iter().filter(|name| wanted.as_ref().is_none_or(|wanted| wanted == *name));
    Ok(names.filter_map(|name| base.registry.kind(name)).collect())
}

/// A kind with the scope in which it is tried.
fn scoped(
    kind: Arc<Kind>,
    target: &TargetSettings,
    given: &[(String, String)],
    faults: &mut Vec<Diagnostic>,
) -> Option<(Arc<Kind>, Vec<Value>)> {
    let mut values = Vec::with_capacity(kind.scope.len());
    for parameter in &kind.scope {
        let own = given.iter().find(|(name, _)| *name == *parameter.name).map(|(_, text)| text);
        let fixed = target.scope.iter().find(|(name, _)| *name == parameter.name).map(|(_, text)| text);
        let read = own.or(fixed).map(|text| parameter.ty.read(Token::Bare(text)));
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
                let message =
                    format!("nothing says in which `{}` to look for a {}", parameter.name, kind.name);
                let hint = format!(
                    "add --scope {}=…, or write it under `scope` of the target `{}`",
                    parameter.name, target.name
                );
                Diagnostic::error("missing-scope", message).hint(hint)
            }
        };
        faults.push(fault);
        return None;
    }
    Some((kind, values))
}

impl Trial {
    async fn run(mut self) -> (Vec<Fit>, Vec<Diagnostic>) {
        let mut fits = Vec::new();
        for (kind, scope) in &self.kinds {
            let mut look = Look::new(kind, self.service.target.format);
            let most = self.most as usize;
            let mut take = |live| {
                if look.objects() < most {
                    look.take(&live);
                }
            };
            match self.service.first(Collection { kind, scope }, self.most, &mut take).await {
                Ok(()) => fits.push(look.fit()),
                Err(trouble) => {
                    // nothing was sent but credentials, so they are all that could be echoed
                    let hidden = self.service.target.auth.texts();
                    let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
                    let said = trouble.complaints(&hidden).into_iter().next();
                    let mut fault = (*trouble.diagnostic).clone();
                    fault.message = format!("{}: {}", kind.name, fault.message);
                    if let Some(said) = said {
                        fault.message = format!("{}: {}", fault.message, said.message);
                    }
                    self.faults.push(fault);
                }
            }
        }
        (fits, self.faults)
    }
}

impl<'f> Tried<'f> {
    fn of(args: &ApiTryArgs, fits: &'f [Fit], faults: &[Diagnostic]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            target: args.target.clone(),
            complete: !any_error(faults),
            kinds: fits,
            diagnostics: Checked::of(0, faults).diagnostics,
        }
    }
}
