//! Named values as places for live values: a value of one environment that one object uses once, and nothing else.
//!
//! Uses are counted in effective documents, so a reference that a higher level replaces is no use.
//! Deliberately absent: values that are sensitive or come from outside; they stay as they are.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::compose::level_index::LevelIndex;
use crate::compose::level_patch::LevelPlace;
use crate::compose::settings::ValueDefinition;
use crate::diagnostic::{Diagnostic, SourceLocation};
use crate::document::levels::{DocumentLevel, LevelKind};
use crate::document::write::layout::LayoutNode;
use crate::document::write::tree::build_literal;
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::plan::Change;
use crate::plan::step::format_path;
use crate::run::import::draft::can_represent;
use crate::run::import::live_layout::resolve_field;
use crate::value::Sensitivity;
use crate::yaml;

/// So many other objects are named where a value is shared.
const MAX_RELATED: usize = 5;

/// The values of an environment and who uses them.
pub struct NamedValues<'n, 't> {
    documents: &'n [Document],
    index: &'n LevelIndex<'t>,
    /// Values in scopes of targets, with the environments of these.
    scope_values: &'n BTreeSet<(Arc<str>, String)>,
    uses: OnceCell<ValueUses<'n>>,
}

/// The documents that use a value, once for each use, by the file and the place of its setting.
type ValueUses<'n> = HashMap<(String, u32), Vec<&'n Document>>;

/// Where a live value becomes the setting of a named value.
pub struct ValueEdit {
    pub place: LevelPlace,
    /// The name of the value, which is the key of its setting.
    pub name: String,
    pub setting: LayoutNode,
}

/// A named value that decides a change.
struct DecidingValue<'v> {
    name: String,
    level: &'v DocumentLevel,
    place: &'v SourceLocation,
}

impl<'n, 't> NamedValues<'n, 't> {
    /// Values as these documents use them.
    pub fn new(
        documents: &'n [Document],
        index: &'n LevelIndex<'t>,
        scope_values: &'n BTreeSet<(Arc<str>, String)>,
    ) -> Self {
        Self { documents, index, scope_values, uses: OnceCell::new() }
    }

    /// What a change makes of the named value that decides it; nothing where a document decides.
    ///
    /// # Errors
    /// Why the value stays as it is.
    pub fn find_edit(&self, document: &Document, change: &Change) -> Option<Result<ValueEdit, Diagnostic>> {
        let place = change.place.as_ref()?;
        let is_value = |kind: &LevelKind| matches!(kind, LevelKind::Values(_) | LevelKind::ValueDefaults);
        let mut levels = document.levels.iter().flat_map(|levels| levels.iter_levels());
        let level = levels.find(|level| is_value(&level.kind) && level.source.path == place.source.path)?;
        let name = self.find_name(level, place).unwrap_or_default();
        Some(self.build_edit(document, change, &DecidingValue { name, level, place }))
    }

    fn build_edit(
        &self,
        document: &Document,
        change: &Change,
        value: &DecidingValue,
    ) -> Result<ValueEdit, Diagnostic> {
        let refuse = |reason: &str| Err(value.diagnose_kept(change, reason));
        let LevelKind::Values(environment) = &value.level.kind else {
            return refuse("which is the default of every environment");
        };
        let definition = self.index.find_value_definition(&value.name);
        let mark = resolve_field(&document.kind, &change.path).map(|(mark, _)| mark);
        let is_public = |own: &&ValueDefinition| own.sensitivity == Sensitivity::Public;
        let Some(definition) = definition.filter(is_public).filter(|_| mark == Some(Sensitivity::Public))
        else {
            return refuse("and sensitive values are never written there");
        };
        let in_scope = self.index.names_value_in_scope(&value.name)
            || self.scope_values.contains(&(Arc::clone(environment), value.name.clone()));
        if in_scope {
            return refuse("which a `scope` uses too");
        }
        let users = self.list_users(value.place);
        let own = locate_object(document);
        if users.iter().any(|user| locate_object(user) != own) {
            return Err(diagnose_shared(value, change, own, users));
        }
        if users.len() != 1 {
            return refuse("which this object uses at several places");
        }
        let live = change.before.as_ref().filter(|live| can_represent(&definition.ty, live));
        let Some(live) = live else { return refuse("which cannot hold the live value") };
        let (path, anchor) = (value.place.source.path.clone(), value.place.span.start);
        let place = LevelPlace::Written { path, anchor, keys: Vec::new() };
        Ok(ValueEdit { place, name: value.name.clone(), setting: build_literal(live) })
    }

    /// The name of the value that is set at a place.
    fn find_name(&self, level: &DocumentLevel, place: &SourceLocation) -> Option<String> {
        if level.kind == LevelKind::ValueDefaults {
            return self.index.find_default_at(place.span).map(|own| own.name.to_string());
        }
        let nodes = yaml::read_documents(&place.source, &mut Vec::new());
        let mut entries = nodes.iter().flat_map(|node| node.entries());
        entries.find(|entry| entry.value.span == place.span).map(|entry| entry.key.to_string())
    }

    /// The documents that use the value set at a place, once for each use.
    fn list_users(&self, place: &SourceLocation) -> &[&'n Document] {
        let uses = self.uses.get_or_init(|| count_uses(self.documents));
        uses.get(&(place.source.path.clone(), place.span.start)).map(Vec::as_slice).unwrap_or_default()
    }
}

impl DecidingValue<'_> {
    fn diagnose_kept(&self, change: &Change, reason: &str) -> Diagnostic {
        let (label, path) = (format_path(&change.path), &self.place.source.path);
        let message = format!("`{label}` is set by the value `{}` in {path}, {reason}", self.name);
        Diagnostic::warning("named-value", message)
            .with_location(self.place.clone())
            .with_hint("change the value there, or set the field in the document or in an overlay")
    }
}

fn count_uses(documents: &[Document]) -> ValueUses<'_> {
    let mut uses = ValueUses::new();
    for document in documents {
        let Some(levels) = &document.levels else { continue };
        let mut add = |node: &DesiredNode| {
            if let Some((level, span)) = levels.resolve_span(node.span)
                && matches!(level.kind, LevelKind::Values(_))
            {
                uses.entry((level.source.path.clone(), span.start)).or_default().push(document);
            }
        };
        if levels.iter_levels().any(|level| matches!(level.kind, LevelKind::Values(_))) {
            visit_values(&document.spec, &mut add);
        }
    }
    uses
}

fn visit_values(node: &DesiredNode, visit: &mut dyn FnMut(&DesiredNode)) {
    match &node.value {
        DesiredValue::Object(fields) => fields.iter().for_each(|(_, inner)| visit_values(inner, visit)),
        DesiredValue::Map(entries) => entries.iter().for_each(|(_, inner)| visit_values(inner, visit)),
        DesiredValue::List(items) => items.iter().for_each(|inner| visit_values(inner, visit)),
        _ => visit(node),
    }
}

/// The fault of a value that several objects use, with the others.
fn diagnose_shared(
    value: &DecidingValue,
    change: &Change,
    own: NamePlace,
    users: &[&Document],
) -> Diagnostic {
    let objects: BTreeMap<NamePlace, &Document> =
        users.iter().map(|user| (locate_object(user), *user)).collect();
    let fault = value.diagnose_kept(change, &format!("which {} objects use", objects.len()));
    let others = objects.iter().filter(|(place, _)| **place != own).take(MAX_RELATED);
    others.fold(fault, |fault, (_, user)| {
        fault.with_related(user.locate_span(user.name_span), format!("`{}` uses it too", user.name))
    })
}

/// The file of an object and the place of its name.
type NamePlace<'d> = (&'d str, u32);

fn locate_object(document: &Document) -> NamePlace<'_> {
    (&document.source.path, document.name_span.start)
}
