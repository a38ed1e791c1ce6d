//! Overlays: what one environment says of one object.
//!
//! Each belongs to one object that is in its environment, and there is at most one for the two.
//! Deliberately absent: merging them.

use std::collections::HashMap;
use std::sync::Arc;

use super::head::{ObjectDocument, OverlayDocument};
use super::settings::CompositionSettings;
use crate::diagnostic::{Diagnostic, SourceLocation, SourceSpan, suggest_word};

/// Environment, kind and name.
type OverlayKey = (String, Arc<str>, String);

/// The overlays of a repository.
pub struct OverlayTable<'s> {
    overlays: HashMap<OverlayKey, OverlayDocument<'s>>,
}

impl<'s> OverlayTable<'s> {
    /// Takes overlays, and reports those that no object takes.
    pub fn new(
        overlays: Vec<OverlayDocument<'s>>,
        objects: &[ObjectDocument],
        environments: &[Vec<Option<Arc<str>>>],
        settings: &CompositionSettings,
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut table: HashMap<OverlayKey, OverlayDocument> = HashMap::with_capacity(overlays.len());
        let check = OverlayCheck::new(objects, environments, settings, overlays.is_empty());
        for overlay in overlays {
            let key = build_key(&overlay.environment.0, &overlay.kind.name, &overlay.name.0);
            if let Some(first) = table.get(&key) {
                faults.push(diagnose_second_overlay(&overlay, first));
                continue;
            }
            faults.extend(check.diagnose(&overlay));
            table.insert(key, overlay);
        }
        Self { overlays: table }
    }

    /// The overlay of an object in an environment.
    pub fn find(&self, object: &ObjectDocument, environment: Option<&str>) -> Option<&OverlayDocument<'s>> {
        if self.overlays.is_empty() {
            return None;
        }
        let name = &object.name.as_ref()?.0;
        self.overlays.get(&build_key(environment?, &object.kind.name, name))
    }
}

fn build_key(environment: &str, kind: &Arc<str>, name: &str) -> OverlayKey {
    (environment.to_owned(), Arc::clone(kind), name.to_owned())
}

/// An object and the environments it is in.
type PlacedObject<'c> = (&'c ObjectDocument<'c>, &'c [Option<Arc<str>>]);

/// Objects by kind and name. Several have one name where each is in another environment, or on another target.
struct OverlayCheck<'c> {
    settings: &'c CompositionSettings,
    objects: HashMap<(&'c str, &'c str), Vec<PlacedObject<'c>>>,
}

impl<'c> OverlayCheck<'c> {
    fn new(
        objects: &'c [ObjectDocument<'c>],
        environments: &'c [Vec<Option<Arc<str>>>],
        settings: &'c CompositionSettings,
        is_needless: bool,
    ) -> Self {
        let mut by_name: HashMap<_, Vec<PlacedObject>> = HashMap::new();
        for (object, environments) in objects.iter().zip(environments).filter(|_| !is_needless) {
            if let Some((name, _)) = &object.name {
                let named = by_name.entry((&*object.kind.name, &**name)).or_default();
                named.push((object, environments.as_slice()));
            }
        }
        Self { settings, objects: by_name }
    }

    /// Why no object takes an overlay, or more than one would.
    fn diagnose(&self, overlay: &OverlayDocument) -> Option<Diagnostic> {
        let (environment, span) = &overlay.environment;
        let locate = |span: SourceSpan| overlay.source.locate_span(span);
        if self.settings.find_environment(environment).is_none() {
            let fault = self.settings.diagnose_unknown_environment(environment);
            return Some(fault.with_location(locate(*span)));
        }
        let (name, name_span) = &overlay.name;
        let kind = &overlay.kind.name;
        let Some(named) = self.objects.get(&(&**kind, &**name)) else {
            let message = format!("no document of kind `{kind}` is named `{}`", name.escape_debug());
            let fault =
                Diagnostic::error("overlay-without-object", message).with_location(locate(*name_span));
            let known = self.objects.keys().filter(|(own, _)| *own == &**kind).map(|(_, name)| *name);
            let hint = suggest_word(name, known).unwrap_or_else(|| "write the document first".to_owned());
            return Some(fault.with_hint(hint));
        };
        let is_in = |(_, environments): &&PlacedObject| {
            environments.iter().flatten().any(|own| **own == **environment)
        };
        let mut found = named.iter().filter(is_in).map(|(object, _)| *object);
        match (found.next(), named.first()) {
            (Some(first), _) => {
                let target = find_target(first);
                let other = found.find(|own| find_target(own) != target)?;
                Some(diagnose_ambiguous_overlay(overlay, first, other))
            }
            (None, placed) => {
                let message =
                    format!("{kind} {} is not in the environment `{environment}`", name.escape_debug());
                let fault =
                    Diagnostic::error("object-not-in-environment", message).with_location(locate(*span));
                let fault = placed.iter().fold(fault, |fault, (object, _)| {
                    fault.with_related(locate_object(object), "the document")
                });
                Some(fault.with_hint("add the environment to its `environments`, or remove the overlay"))
            }
        }
    }
}

/// The target that a document names.
fn find_target<'o>(object: &'o ObjectDocument) -> Option<&'o str> {
    object.find_entry("target").and_then(|entry| entry.value.as_scalar())
}

fn diagnose_ambiguous_overlay(
    overlay: &OverlayDocument,
    first: &ObjectDocument,
    other: &ObjectDocument,
) -> Diagnostic {
    let (kind, name, environment) = (&overlay.kind.name, &overlay.name.0, &overlay.environment.0);
    let message = format!("two objects in `{environment}` are {kind} {}", name.escape_debug());
    Diagnostic::error("ambiguous-overlay", message)
        .with_location(overlay.source.locate_span(overlay.name.1))
        .with_related(first.source.locate_span(first.start()), "one of them")
        .with_related(other.source.locate_span(other.start()), "the other one")
        .with_hint("rename one of the two documents, or set in them what differs")
}

fn locate_object(object: &ObjectDocument) -> SourceLocation {
    let span = object.environments.as_ref().and_then(|names| names.first()).map(|(_, span)| *span);
    object.source.locate_span(span.unwrap_or_else(|| object.start()))
}

fn diagnose_second_overlay(overlay: &OverlayDocument, first: &OverlayDocument) -> Diagnostic {
    let (kind, name, environment) = (&overlay.kind.name, &overlay.name.0, &overlay.environment.0);
    let message = format!("two overlays of {kind} {} for `{environment}`", name.escape_debug());
    Diagnostic::error("duplicate-overlay", message)
        .with_location(overlay.source.locate_span(overlay.name.1))
        .with_related(first.source.locate_span(first.name.1), "the other overlay")
        .with_hint("merge the two: an object has at most one overlay in an environment")
}
