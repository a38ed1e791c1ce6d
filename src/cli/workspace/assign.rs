//! Targets and scopes for documents: what a document leaves out comes from the settings.
//!
//! A document without `target` goes to the only target that serves its API; its scope is laid over the
//! target's, parameter by parameter, and must then be complete.
//! Deliberately absent: any guess. Where two targets would do, the document has to say.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cli::settings::{NAME, Settings, TargetSettings};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::document::Document;
use crate::kind::leaf::Token;

/// Gives every document its target and its whole scope.
pub fn assign(documents: &mut [Document], settings: &Settings, faults: &mut Vec<Diagnostic>) {
    let mut targets = Targets::new(settings);
    for document in documents.iter_mut() {
        match targets.of(document) {
            Ok(Some(target)) => {
                document.target = Some(Arc::clone(&target.name));
                scope(document, target, faults);
            }
            // the settings have faults of their own, which may be the reason
            Ok(None) => {}
            Err(fault) => faults.push(*fault),
        }
    }
    faults.extend(targets.unserved.into_values().map(|(fault, count)| counted(fault, count)));
}

struct Targets<'s> {
    settings: &'s Settings,
    named: HashMap<&'s str, &'s TargetSettings>,
    serving: HashMap<&'s str, Vec<&'s TargetSettings>>,
    /// By API: the fault at the first document that needs one, and how many do.
    unserved: HashMap<Arc<str>, (Diagnostic, usize)>,
}

impl<'s> Targets<'s> {
    fn new(settings: &'s Settings) -> Self {
        let named = settings.targets.iter().map(|target| (&*target.name, target)).collect();
        let mut serving: HashMap<&str, Vec<&TargetSettings>> = HashMap::new();
        for target in &settings.targets {
            serving.entry(&target.api.name).or_default().push(target);
        }
        Self { settings, named, serving, unserved: HashMap::new() }
    }

    fn of(&mut self, document: &Document) -> Result<Option<&'s TargetSettings>, Box<Diagnostic>> {
        let api = &document.kind.api.name;
        if let Some(name) = &document.target {
            return match self.named.get(&**name) {
                Some(target) if target.api.name == *api => Ok(Some(target)),
                Some(target) => Err(self.wrong(document, target)),
                None if self.settings.faulty => Ok(None),
                None => Err(self.unknown(document, name)),
            };
        }
        match self.serving.get(&**api).map_or(&[][..], Vec::as_slice) {
            [] if self.settings.faulty => Ok(None),
            [] => {
                let (_, count) =
                    self.unserved.entry(Arc::clone(api)).or_insert_with(|| (unserved(document), 0));
                *count += 1;
                Ok(None)
            }
            [only] => Ok(Some(only)),
            several => Err(which(document, several)),
        }
    }

    fn wrong(&self, document: &Document, target: &TargetSettings) -> Box<Diagnostic> {
        let (kind, own) = (&document.kind.name, &target.api.name);
        let message = format!("the target `{}` serves the API `{own}`, not that of `{kind}`", target.name);
        let fault = Diagnostic::error("wrong-target", message).at(document.place(document.target_span));
        Box::new(match self.serving.get(&*document.kind.api.name) {
            Some(serving) => fault.hint(candidates(serving)),
            None => fault.hint(format!("add a target for it under `targets` in {NAME}")),
        })
    }

    fn unknown(&self, document: &Document, name: &str) -> Box<Diagnostic> {
        let message = format!("there is no target `{}`", name.escape_debug());
        let mut fault = Diagnostic::error("unknown-target", message).at(document.place(document.target_span));
        let known = self.settings.targets.iter().map(|target| &*target.name);
        fault.hint = did_you_mean(name, known).or_else(|| Some(format!("add it under `targets` in {NAME}")));
        Box::new(fault)
    }
}

fn which(document: &Document, serving: &[&TargetSettings]) -> Box<Diagnostic> {
    let message = format!("several targets serve the API `{}`", document.kind.api.name);
    let fault = Diagnostic::error("which-target", message).at(document.place(document.target_span));
    Box::new(fault.hint(candidates(serving)))
}

fn candidates(serving: &[&TargetSettings]) -> String {
    let names: Vec<_> = serving.iter().map(|target| format!("`target: {}`", target.name)).collect();
    format!("write {}", names.join(" or "))
}

fn unserved(document: &Document) -> Diagnostic {
    let api = &document.kind.api.name;
    Diagnostic::error("no-target", format!("no target serves the API `{api}`"))
        .at(document.place(document.target_span))
        .hint(format!("add one with `api: {api}` under `targets` in {NAME}"))
}

/// One fault stands for all documents of an API; a thousand of the same would say no more.
fn counted(mut fault: Diagnostic, count: usize) -> Diagnostic {
    if count > 1 {
        fault.message.push_str(&format!(", which {count} documents need"));
    }
    fault
}

fn scope(document: &mut Document, target: &TargetSettings, faults: &mut Vec<Diagnostic>) {
    let kind = Arc::clone(&document.kind);
    for (number, parameter) in (0u16..).zip(&kind.scope) {
        let Err(at) = document.scope.binary_search_by_key(&number, |(own, _)| *own) else { continue };
        let Some((_, text)) = target.scope.iter().find(|(name, _)| *name == parameter.name) else {
            faults.push(missing(document, target, &parameter.name));
            continue;
        };
        // whether it fits the type was said where it is written
        if let Ok(value) = parameter.ty.read(Token::Text(text)) {
            document.scope.insert(at, (number, value));
        }
    }
}

fn missing(document: &Document, target: &TargetSettings, name: &str) -> Diagnostic {
    let message = format!("nothing says which `{name}` this `{}` belongs to", document.kind.name);
    let hint =
        format!("write it under `scope` of this document, or of the target `{}` in {NAME}", target.name);
    Diagnostic::error("missing-scope", message).at(document.place(document.name_span)).hint(hint)
}
