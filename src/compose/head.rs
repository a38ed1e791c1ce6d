//! What each document of a repository is: a base, an overlay, one object, or many.
//!
//! Told by its keys; what does not belong there is reported here, once, whatever it is composed to.
//! Deliberately absent: specs, which are read when they are complete.

use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use crate::document::source_reader::{SourceReader, locate_start};
use crate::kind::Kind;
use crate::kind::registry::KindRegistry;
use crate::yaml::{YamlData, YamlEntry, YamlNode};

const BASE_KEYS: [&str; 3] = ["base", "kind", "spec"];
const OVERLAY_KEYS: [&str; 11] =
    ["overlay", "kind", "name", "target", "state", "id", "protect", "depends_on", "scope", "unset", "spec"];
const MANY_KEYS: [&str; 7] = ["kind", "extends", "environments", "target", "depends_on", "scope", "objects"];
const OBJECT_KEYS: [&str; 10] =
    ["extends", "environments", "target", "state", "id", "protect", "depends_on", "scope", "unset", "spec"];

/// A document of a file, as it was parsed.
pub struct RawDocument<'t> {
    pub source: &'t Arc<NamedSource>,
    pub node: YamlNode<'t>,
    /// How many documents that need no others stand before it.
    pub position: usize,
    /// Whether its file is one for bases only.
    pub is_in_base_file: bool,
}

/// A word with where it stands.
pub type SpannedName<'t> = (Cow<'t, str>, SourceSpan);

/// Shared settings of a kind.
pub struct BaseDocument<'t> {
    pub source: &'t Arc<NamedSource>,
    pub name: SpannedName<'t>,
    pub kind: Arc<Kind>,
    pub spec: Option<YamlNode<'t>>,
}

/// What one environment says of one object.
pub struct OverlayDocument<'t> {
    pub source: &'t Arc<NamedSource>,
    pub environment: SpannedName<'t>,
    pub kind: Arc<Kind>,
    pub name: SpannedName<'t>,
    pub node: YamlNode<'t>,
}

/// One object, in every environment for which it is.
pub struct ObjectDocument<'t> {
    pub source: &'t Arc<NamedSource>,
    pub position: usize,
    pub kind: Arc<Kind>,
    /// None when it cannot be read, which is reported with the rest of the document.
    pub name: Option<SpannedName<'t>>,
    pub own: YamlNode<'t>,
    /// The document that holds it with others.
    pub shared: Option<Arc<YamlNode<'t>>>,
    pub extends: Option<Vec<SpannedName<'t>>>,
    pub environments: Option<Vec<SpannedName<'t>>>,
}

impl<'t> ObjectDocument<'t> {
    /// What it says under a key, or the document that holds it.
    pub fn find_entry(&self, key: &str) -> Option<&YamlEntry<'t>> {
        let find = |node: &'_ YamlNode<'t>| node.entries().iter().position(|entry| entry.key == key);
        match (find(&self.own), &self.shared) {
            (Some(at), _) => self.own.entries().get(at),
            (None, Some(shared)) => find(shared).and_then(|at| shared.entries().get(at)),
            (None, None) => None,
        }
    }

    /// Where it starts.
    pub fn start(&self) -> SourceSpan {
        self.name.as_ref().map_or_else(|| locate_start(&self.own), |(_, span)| *span)
    }
}

/// The documents of a repository by what they are.
#[derive(Default)]
pub struct SortedDocuments<'t> {
    pub bases: Vec<BaseDocument<'t>>,
    pub overlays: Vec<OverlayDocument<'t>>,
    pub objects: Vec<ObjectDocument<'t>>,
}

/// Sorts documents by what they are.
pub fn sort_documents<'t>(
    documents: Vec<RawDocument<'t>>,
    kinds: &KindRegistry,
    faults: &mut Vec<Diagnostic>,
) -> SortedDocuments<'t> {
    let mut sorted = SortedDocuments::default();
    for raw in documents {
        let mut reader = SourceReader::new(raw.source, faults);
        let Some(kind) = reader.read_kind(&raw.node, kinds) else {
            reader.redact_guided_entries(&raw.node);
            continue;
        };
        let mut sorter = DocumentSorter { reader, kind, sorted: &mut sorted };
        if raw.node.get_value("base").is_some() {
            sorter.add_base(raw);
        } else if raw.is_in_base_file {
            sorter.report_misplaced(&raw);
        } else if raw.node.get_value("overlay").is_some() {
            sorter.add_overlay(raw);
        } else if raw.node.get_value("objects").is_some() {
            sorter.add_objects(raw);
        } else {
            sorter.add_object(raw);
        }
    }
    sorted
}

struct DocumentSorter<'s, 'r, 't> {
    reader: SourceReader<'r>,
    kind: Arc<Kind>,
    sorted: &'s mut SortedDocuments<'t>,
}

impl<'t> DocumentSorter<'_, '_, 't> {
    fn add_base(&mut self, raw: RawDocument<'t>) {
        for entry in raw.node.entries().iter().filter(|entry| ["name", "id"].contains(&&*entry.key)) {
            let message = format!("a base is no object, so it has no `{}`", entry.key);
            let fault = Diagnostic::error("identity-in-base", message);
            self.reader
                .add_diagnostic(entry.key_span, fault.with_hint("move it to the document of the object"));
        }
        self.report_other_keys(&raw.node, &BASE_KEYS, "a base", &["name", "id"]);
        let Some(name) = self.read_name(&raw.node, "base") else { return };
        let spec = take_value(raw.node, "spec");
        let kind = Arc::clone(&self.kind);
        self.sorted.bases.push(BaseDocument { source: raw.source, name, kind, spec });
    }

    fn report_misplaced(&mut self, raw: &RawDocument) {
        let fault = Diagnostic::error("not-a-base", "this file holds bases only, and this is none");
        self.reader.redact_guided_entries(&raw.node);
        let hint = "start it with `base: NAME`, or move it to a file that `documents` in trueup.yaml matches";
        self.reader.add_diagnostic(locate_start(&raw.node), fault.with_hint(hint));
    }

    fn add_overlay(&mut self, raw: RawDocument<'t>) {
        self.report_other_keys(&raw.node, &OVERLAY_KEYS, "an overlay", &[]);
        let environment = self.read_name(&raw.node, "overlay");
        let name = self.read_name(&raw.node, "name");
        let (Some(environment), Some(name)) = (environment, name) else { return };
        let kind = Arc::clone(&self.kind);
        let RawDocument { source, node, .. } = raw;
        self.sorted.overlays.push(OverlayDocument { source, environment, kind, name, node });
    }

    fn add_objects(&mut self, raw: RawDocument<'t>) {
        self.report_other_keys(&raw.node, &MANY_KEYS, "a document with `objects`", &[]);
        let RawDocument { source, mut node, position, .. } = raw;
        let shared = |key: &str, own: &mut Self| own.read_names(node.get_value(key), key);
        let (extends, environments) = (shared("extends", self), shared("environments", self));
        let YamlData::Mapping(entries) = &mut node.data else { return };
        let objects = entries.iter().position(|entry| entry.key == "objects").map(|at| entries.remove(at));
        let Some(objects) = objects else { return };
        let YamlData::Mapping(objects) = objects.value.data else {
            return self.reader.report_wrong_type(&objects.value, "objects", "a mapping");
        };
        let shared = Arc::new(node);
        for YamlEntry { key, key_span, value } in objects {
            self.report_other_keys(&value, &OBJECT_KEYS, "an object", &[]);
            let own_extends = self.read_names(value.get_value("extends"), "extends");
            let own_environments = self.read_names(value.get_value("environments"), "environments");
            self.sorted.objects.push(ObjectDocument {
                source,
                position,
                kind: Arc::clone(&self.kind),
                name: Some((key, key_span)),
                own: value,
                shared: Some(Arc::clone(&shared)),
                extends: own_extends.or_else(|| extends.clone()),
                environments: own_environments.or_else(|| environments.clone()),
            });
        }
    }

    fn add_object(&mut self, raw: RawDocument<'t>) {
        let RawDocument { source, node, position, .. } = raw;
        let name = node.get_value("name").and_then(|name| read_word(name));
        let extends = self.read_names(node.get_value("extends"), "extends");
        let environments = self.read_names(node.get_value("environments"), "environments");
        let mut known = OBJECT_KEYS.to_vec();
        known.extend(["kind", "name"]);
        self.report_other_keys(&node, &known, "a document", &[]);
        let kind = Arc::clone(&self.kind);
        self.sorted.objects.push(ObjectDocument {
            source,
            position,
            kind,
            name,
            own: node,
            shared: None,
            extends,
            environments,
        });
    }

    /// Reports keys other than the known ones; those in `told` were reported already.
    fn report_other_keys(&mut self, node: &YamlNode, known: &[&str], what: &str, told: &[&str]) {
        if !matches!(node.data, YamlData::Mapping(_)) && !node.is_null() {
            self.reader.report_wrong_type(node, what, "a mapping");
        }
        for entry in node.entries().iter().filter(|entry| !known.contains(&&*entry.key)) {
            self.reader.redact_entry(entry);
            if !told.contains(&&*entry.key) {
                let what = format!("{what} has no key");
                self.reader.report_unknown_name("unknown-key", entry, &what, known);
            }
        }
    }

    fn read_name(&mut self, node: &YamlNode<'t>, key: &str) -> Option<SpannedName<'t>> {
        match node.get_value(key) {
            Some(value) => {
                let name = read_word(value);
                if name.is_none() {
                    self.reader.report_wrong_type(value, key, "text");
                }
                name
            }
            None => {
                let fault = Diagnostic::error("missing-key", format!("this document has no `{key}`"));
                let hint = format!("write `{key}: NAME`");
                self.reader.add_diagnostic(locate_start(node), fault.with_hint(hint));
                None
            }
        }
    }

    fn read_names(&mut self, node: Option<&YamlNode<'t>>, key: &str) -> Option<Vec<SpannedName<'t>>> {
        let node = node?;
        let YamlData::Sequence(items) = &node.data else {
            self.reader.report_wrong_type(node, key, "a list");
            return Some(Vec::new());
        };
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            match read_word(item) {
                Some(name) => names.push(name),
                None => self.reader.report_wrong_type(item, key, "names"),
            }
        }
        Some(names)
    }
}

fn read_word<'t>(node: &YamlNode<'t>) -> Option<SpannedName<'t>> {
    match &node.data {
        YamlData::Scalar { text, .. } if !node.is_null() && !text.trim().is_empty() => {
            Some((text.clone(), node.span))
        }
        _ => None,
    }
}

fn take_value<'t>(node: YamlNode<'t>, key: &str) -> Option<YamlNode<'t>> {
    let YamlData::Mapping(entries) = node.data else { return None };
    entries.into_iter().find(|entry| entry.key == key).map(|entry| entry.value)
}
