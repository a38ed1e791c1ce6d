//! Targets and scopes for documents: what a document leaves out comes from the settings.
//!
//! A document without `target` goes to the only target that serves its API; its scope is laid over the
//! target's, parameter by parameter, and must then be complete.
//! Deliberately absent: any guess. Where two targets would do, the document has to say.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, suggest_word};
use crate::document::Document;
use crate::kind::scalar::ScalarToken;
use crate::workspace::settings::{SETTINGS_FILE_NAME, TargetSettings, WorkspaceSettings};

/// Gives every document its target and its whole scope.
pub fn assign_targets(
    documents: &mut [Document],
    settings: &WorkspaceSettings,
    faults: &mut Vec<Diagnostic>,
) {
    let mut targets = TargetLookup::new(settings);
    for document in documents.iter_mut() {
        match targets.find_target(document) {
            Ok(Some(target)) => {
                document.target = Some(Arc::clone(&target.name));
                let mut missing = Vec::new();
                assign_scope(document, target, &mut missing);
                // the settings have faults of their own, which may be the reason
                faults.extend(missing.into_iter().filter(|_| !settings.has_errors));
            }
            // the settings have faults of their own, which may be the reason
            Ok(None) => {}
            Err(fault) => faults.push(*fault),
        }
    }
    faults.extend(targets.unserved_apis.into_values().map(|(fault, count)| add_document_count(fault, count)));
}

/// An API and an environment.
type ApiPlace = (Arc<str>, Option<Arc<str>>);

struct TargetLookup<'s> {
    settings: &'s WorkspaceSettings,
    by_name: HashMap<&'s str, &'s TargetSettings>,
    by_api: HashMap<(&'s str, Option<&'s str>), Vec<&'s TargetSettings>>,
    /// By API and environment: the fault at the first document that needs one, and how many do.
    unserved_apis: HashMap<ApiPlace, (Diagnostic, usize)>,
}

impl<'s> TargetLookup<'s> {
    fn new(settings: &'s WorkspaceSettings) -> Self {
        let named = settings.targets.iter().map(|target| (&*target.name, target)).collect();
        let mut serving: HashMap<(&str, Option<&str>), Vec<&TargetSettings>> = HashMap::new();
        for target in &settings.targets {
            let key = (&*target.api.name, target.environment.as_deref());
            serving.entry(key).or_default().push(target);
        }
        Self { settings, by_name: named, by_api: serving, unserved_apis: HashMap::new() }
    }

    fn find_target(&mut self, document: &Document) -> Result<Option<&'s TargetSettings>, Box<Diagnostic>> {
        let api = &document.kind.api.name;
        if let Some(name) = &document.target {
            return match self.by_name.get(&**name) {
                Some(target) if target.api.name != *api => Err(self.diagnose_wrong_target(document, target)),
                Some(target) if target.environment != document.environment => {
                    Err(diagnose_wrong_environment(document, target))
                }
                Some(target) => Ok(Some(target)),
                None if self.settings.has_errors => Ok(None),
                None => Err(self.diagnose_unknown_target(document, name)),
            };
        }
        let environment = document.environment.as_deref();
        match self.by_api.get(&(&**api, environment)).map_or(&[][..], Vec::as_slice) {
            [] if self.settings.has_errors => Ok(None),
            [] => {
                let (_, count) = self
                    .unserved_apis
                    .entry((Arc::clone(api), document.environment.clone()))
                    .or_insert_with(|| (diagnose_unserved_api(document), 0));
                *count += 1;
                Ok(None)
            }
            [only] => Ok(Some(only)),
            several => Err(diagnose_ambiguous_target(document, several)),
        }
    }

    fn diagnose_wrong_target(&self, document: &Document, target: &TargetSettings) -> Box<Diagnostic> {
        let (kind, own) = (&document.kind.name, &target.api.name);
        let message = format!("the target `{}` serves the API `{own}`, not that of `{kind}`", target.name);
        let fault = Diagnostic::error("wrong-target", message)
            .with_location(document.locate_span(document.target_span));
        let environment = document.environment.as_deref();
        Box::new(match self.by_api.get(&(&*document.kind.api.name, environment)) {
            Some(serving) => fault.with_hint(format_candidates(serving)),
            None => fault.with_hint(format!("add a target for it under `targets` in {SETTINGS_FILE_NAME}")),
        })
    }

    fn diagnose_unknown_target(&self, document: &Document, name: &str) -> Box<Diagnostic> {
        let message = format!("there is no target `{}`", name.escape_debug());
        let mut fault = Diagnostic::error("unknown-target", message)
            .with_location(document.locate_span(document.target_span));
        let known = self.settings.targets.iter().map(|target| &*target.name);
        fault.hint = suggest_word(name, known)
            .or_else(|| Some(format!("add it under `targets` in {SETTINGS_FILE_NAME}")));
        Box::new(fault)
    }
}

fn diagnose_ambiguous_target(document: &Document, serving: &[&TargetSettings]) -> Box<Diagnostic> {
    let message = format!("several targets serve the API `{}`", document.kind.api.name);
    let fault = Diagnostic::error("ambiguous-target", message)
        .with_location(document.locate_span(document.target_span));
    Box::new(fault.with_hint(format_candidates(serving)))
}

fn format_candidates(serving: &[&TargetSettings]) -> String {
    let names: Vec<_> = serving.iter().map(|target| format!("`target: {}`", target.name)).collect();
    format!("write {}", names.join(" or "))
}

/// An overlay can name a target, but not one of another environment.
fn diagnose_wrong_environment(document: &Document, target: &TargetSettings) -> Box<Diagnostic> {
    let name = |environment: &Option<Arc<str>>| environment.as_deref().unwrap_or("none").to_owned();
    let (own, wanted) = (name(&target.environment), name(&document.environment));
    let message = format!("the target `{}` is in the environment `{own}`, not in `{wanted}`", target.name);
    let fault = Diagnostic::error("wrong-environment", message)
        .with_location(document.locate_span(document.target_span));
    Box::new(fault.with_hint("leave out `target`, or name one of this environment"))
}

fn diagnose_unserved_api(document: &Document) -> Diagnostic {
    let api = &document.kind.api.name;
    let place = document.locate_span(document.target_span);
    let Some(environment) = &document.environment else {
        let hint = format!("add one with `api: {api}` under `targets` in {SETTINGS_FILE_NAME}");
        return Diagnostic::error("no-target", format!("no target serves the API `{api}`"))
            .with_location(place)
            .with_hint(hint);
    };
    let message = format!("no target of the environment `{environment}` serves the API `{api}`");
    let hint = format!(
        "add one with `api: {api}` and `environment: {environment}` in {SETTINGS_FILE_NAME}, or name the environments of the document under `environments`"
    );
    Diagnostic::error("no-target", message).with_location(place).with_hint(hint)
}

/// One fault stands for all documents of an API; a thousand of the same would say no more.
fn add_document_count(mut fault: Diagnostic, count: usize) -> Diagnostic {
    if count > 1 {
        fault.message.push_str(&format!(", which {count} documents need"));
    }
    fault
}

fn assign_scope(document: &mut Document, target: &TargetSettings, faults: &mut Vec<Diagnostic>) {
    let kind = Arc::clone(&document.kind);
    for (number, parameter) in (0u16..).zip(&kind.scope) {
        let Err(at) = document.scope.binary_search_by_key(&number, |(own, _)| *own) else { continue };
        let Some((_, text)) = target.scope.iter().find(|(name, _)| *name == parameter.name) else {
            faults.push(diagnose_missing_scope(document, target, &parameter.name));
            continue;
        };
        // whether it fits the type was said where it is written
        if let Ok(value) = parameter.ty.read_token(ScalarToken::String(text)) {
            document.scope.insert(at, (number, value));
        }
    }
}

fn diagnose_missing_scope(document: &Document, target: &TargetSettings, name: &str) -> Diagnostic {
    let message = format!("missing `{name}` of this `{}`", document.kind.name);
    let hint = format!(
        "write it under `scope` of this document, or of the target `{}` in {SETTINGS_FILE_NAME}",
        target.name
    );
    Diagnostic::error("missing-scope", message)
        .with_location(document.locate_span(document.name_span))
        .with_hint(hint)
}
