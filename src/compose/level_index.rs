//! The levels of each object as they are written: which documents say something about it, from the lowest up.
//!
//! What is merged keeps the place of each value; edits of a level need the nodes around it too, also where another
//! level replaces them. Deliberately absent: merging, and what an edit is to say.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::head::{
    BaseDocument, ObjectDocument, OverlayDocument, RawDocument, SortedDocuments, sort_documents,
};
use super::paths::find_at_path;
use super::settings::CompositionSettings;
use crate::diagnostic::{NamedSource, SourceSpan};
use crate::document::Document;
use crate::document::levels::LevelKind;
use crate::kind::registry::KindRegistry;
use crate::yaml::YamlNode;

/// The documents of a repository, by what they are about.
pub struct LevelIndex<'t> {
    settings: &'t CompositionSettings,
    bases: HashMap<String, BaseDocument<'t>>,
    /// By environment, kind and name.
    overlays: HashMap<(String, Arc<str>, String), OverlayDocument<'t>>,
    /// By file and the place of the name: documents of one name are for several environments or targets.
    objects: HashMap<(String, u32), ObjectDocument<'t>>,
}

/// What one level says of an object.
#[derive(Clone)]
pub struct WrittenLevel<'i, 't> {
    pub kind: LevelKind,
    pub source: &'t Arc<NamedSource>,
    /// A place in the YAML document that it is, or is a part of.
    pub anchor: SourceSpan,
    /// The keys that lead from that document to the level.
    pub keys: Vec<&'i str>,
    pub spec: Option<&'i YamlNode<'t>>,
    pub unset: Option<&'i YamlNode<'t>>,
}

impl<'i, 't> WrittenLevel<'i, 't> {
    /// What it says at a path of keys.
    pub fn find(&self, keys: &[&str]) -> Option<&'i YamlNode<'t>> {
        find_at_path(self.spec?, keys.iter().copied())
    }

    /// Whether `unset` names a path.
    pub fn unsets(&self, path: &str) -> bool {
        self.unset.is_some_and(|unset| unset.items().iter().any(|item| item.as_scalar() == Some(path)))
    }
}

impl<'t> LevelIndex<'t> {
    /// Sorts documents; faults are those of the composition and are left to it.
    pub fn new(
        documents: Vec<RawDocument<'t>>,
        settings: &'t CompositionSettings,
        kinds: &KindRegistry,
    ) -> Self {
        let SortedDocuments { bases, overlays, objects } = sort_documents(documents, kinds, &mut Vec::new());
        let overlay_key = |own: &OverlayDocument| {
            (own.environment.0.to_string(), Arc::clone(&own.kind.name), own.name.0.to_string())
        };
        let object_key = |own: &ObjectDocument| Some((own.source.path.clone(), own.name.as_ref()?.1.start));
        Self {
            settings,
            bases: bases.into_iter().map(|own| (own.name.0.to_string(), own)).collect(),
            overlays: overlays.into_iter().map(|own| (overlay_key(&own), own)).collect(),
            objects: objects.into_iter().filter_map(|own| Some((object_key(&own)?, own))).collect(),
        }
    }

    /// The settings of the repository.
    pub fn settings(&self) -> &'t CompositionSettings {
        self.settings
    }

    /// The values that the `scope` of a document names.
    pub fn list_scope_values(&self) -> HashSet<&str> {
        let objects = self.objects.values().filter_map(|own| own.find_entry("scope"));
        let overlays = self.overlays.values().filter_map(|own| own.node.get_value("scope"));
        let scopes = objects.map(|entry| &entry.value).chain(overlays);
        let parameters = scopes.flat_map(|scope| scope.entries());
        parameters.filter_map(|entry| entry.value.get_value("value")?.as_scalar()).collect()
    }

    fn find_object(&self, document: &Document) -> Option<&ObjectDocument<'t>> {
        self.objects.get(&(document.source.path.clone(), document.name_span.start))
    }

    /// Where the document with `objects` starts that holds an object with others.
    pub fn find_header(&self, document: &Document) -> Option<u32> {
        self.find_object(document)?.shared.as_ref().map(|shared| shared.span.start)
    }

    /// Whether an object says by itself what it extends.
    pub fn extends_itself(&self, document: &Document) -> bool {
        self.find_object(document).is_some_and(|object| object.own.get_value("extends").is_some())
    }

    /// How many objects each document with `objects` holds, by its file and its start.
    pub fn count_shared_objects(&self) -> HashMap<(&str, u32), usize> {
        let mut counts = HashMap::new();
        for object in self.objects.values() {
            if let Some(shared) = &object.shared {
                *counts.entry((object.source.path.as_str(), shared.span.start)).or_default() += 1;
            }
        }
        counts
    }

    /// The names of the bases that a document extends, in the order of their names.
    pub fn list_base_names(&self, document: &Document) -> Vec<&str> {
        let Some(object) = self.find_object(document) else { return Vec::new() };
        let defaults = self.settings.find_defaults(&document.kind.name);
        let mut names: Vec<&str> = match (&object.extends, defaults) {
            (Some(names), _) => names.iter().map(|(name, _)| &**name).collect(),
            (None, Some(defaults)) => defaults.bases.iter().map(|(name, _)| &**name).collect(),
            (None, None) => Vec::new(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The document of an object.
    pub fn find_document(&self, document: &Document) -> Option<WrittenLevel<'_, 't>> {
        let object = self.find_object(document)?;
        let name = &object.name.as_ref()?.0;
        Some(WrittenLevel {
            kind: LevelKind::Document,
            source: object.source,
            anchor: object.start(),
            keys: if object.shared.is_some() { vec!["objects", name] } else { Vec::new() },
            spec: object.own.get_value("spec"),
            unset: object.own.get_value("unset"),
        })
    }

    /// The overlay of an object in an environment.
    pub fn find_overlay(&self, document: &Document, environment: &str) -> Option<WrittenLevel<'_, 't>> {
        let key = (environment.to_owned(), Arc::clone(&document.kind.name), document.name.to_string());
        let overlay = self.overlays.get(&key)?;
        Some(WrittenLevel {
            kind: LevelKind::Overlay((&*overlay.environment.0).into()),
            source: overlay.source,
            anchor: overlay.name.1,
            keys: Vec::new(),
            spec: overlay.node.get_value("spec"),
            unset: overlay.node.get_value("unset"),
        })
    }

    /// The keys of the overlay of an object in an environment.
    pub fn list_overlay_keys(&self, document: &Document, environment: &str) -> Vec<&str> {
        let key = (environment.to_owned(), Arc::clone(&document.kind.name), document.name.to_string());
        let entries = self.overlays.get(&key).map(|own| own.node.entries()).unwrap_or_default();
        entries.iter().map(|entry| &*entry.key).collect()
    }

    /// The levels of a document in its environment, from the lowest up.
    pub fn list_levels(&self, document: &Document) -> Vec<WrittenLevel<'_, 't>> {
        let bases = self.list_base_names(document).into_iter().filter_map(|name| self.bases.get(name));
        let base_level =
            |base: &'_ BaseDocument<'t>| (Arc::<str>::from(&*base.name.0), base.source, base.name.1);
        let mut levels: Vec<WrittenLevel> = Vec::new();
        for base in bases.filter(|base| base.kind.name == document.kind.name) {
            let (name, source, anchor) = base_level(base);
            let (keys, spec) = (Vec::new(), base.spec.as_ref());
            levels.push(WrittenLevel {
                kind: LevelKind::Base(name),
                source,
                anchor,
                keys,
                spec,
                unset: None,
            });
        }
        levels.extend(self.find_document(document));
        let environment = document.environment.as_deref();
        levels.extend(environment.and_then(|environment| self.find_overlay(document, environment)));
        levels
    }
}
