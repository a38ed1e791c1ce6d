//! Named values as places for live values: a value of one environment that one object uses once, and nothing else.
//!
//! Uses are counted in effective documents, so a reference that a higher level replaces is no use. Where a value is not
//! one object's alone, the levels of the object take the live value, as where a base decides.
//! Deliberately absent: values that are sensitive or come from outside; they stay as they are.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::compose::level_index::LevelIndex;
use crate::compose::level_patch::LevelPlace;
use crate::compose::settings::{ValueDefinition, ValueSetting};
use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation};
use crate::document::levels::{DocumentLevel, LevelKind};
use crate::document::write::layout::LayoutNode;
use crate::document::write::tree::build_literal;
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::plan::Change;
use crate::plan::path_label::format_path;
use crate::run::import::draft::can_represent;
use crate::run::import::live_layout::resolve_field;
use crate::value::Sensitivity;
use crate::yaml;

/// The values of an environment and who uses them.
pub struct NamedValues<'n, 't> {
    documents: &'n [Document],
    index: &'n LevelIndex<'t>,
    /// Values in scopes of targets, with the environments of these.
    scope_values: &'n BTreeSet<(Arc<str>, String)>,
    settings: OnceCell<ValueSettings<'n>>,
}

/// What is looked up for each change, built with the first one.
struct ValueSettings<'n> {
    /// The documents that use a value, once for each use.
    uses: HashMap<SettingPlace<'n>, Vec<&'n Document>>,
    names: HashMap<SettingPlace<'n>, String>,
    definitions: HashMap<&'n str, &'n ValueDefinition>,
    /// Values that the `scope` of a document names.
    in_scope: HashSet<&'n str>,
}

/// The file and the place where a value is set.
type SettingPlace<'n> = (&'n str, u32);

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
        Self { documents, index, scope_values, settings: OnceCell::new() }
    }

    /// What a change makes of the named value that decides it; nothing where a level of the object takes the change.
    ///
    /// # Errors
    /// Why the value stays as it is.
    pub fn find_edit(&self, document: &Document, change: &Change) -> Option<Result<ValueEdit, Diagnostic>> {
        let place = change.place.as_ref()?;
        let is_value = |kind: &LevelKind| matches!(kind, LevelKind::Values(_) | LevelKind::ValueDefaults);
        let mut levels = document.levels.iter().flat_map(|levels| levels.iter_levels());
        let level = levels.find(|level| is_value(&level.kind) && level.source.path == place.source.path)?;
        let name = self.settings().names.get(&(place.source.path.as_str(), place.span.start));
        let value = DecidingValue { name: name.cloned().unwrap_or_default(), level, place };
        self.build_edit(document, change, &value).transpose()
    }

    fn build_edit(
        &self,
        document: &Document,
        change: &Change,
        value: &DecidingValue,
    ) -> Result<Option<ValueEdit>, Diagnostic> {
        let definition = self.settings().definitions.get(&*value.name);
        let mark = resolve_field(&document.kind, &change.path).map(|(mark, _)| mark);
        let is_public = |own: &&&ValueDefinition| own.sensitivity == Sensitivity::Public;
        let Some(definition) = definition.filter(is_public).filter(|_| mark == Some(Sensitivity::Public))
        else {
            return Err(value.diagnose_sensitive(change));
        };
        let live = change.before.as_ref().filter(|live| can_represent(&definition.ty, live));
        let Some(live) = live.filter(|_| self.is_used_once(document, value)) else { return Ok(None) };
        let (path, anchor) = (value.place.source.path.clone(), value.place.span.start);
        let place = LevelPlace::Written { path, anchor, keys: Vec::new() };
        Ok(Some(ValueEdit { place, name: value.name.clone(), setting: build_literal(live) }))
    }

    /// Whether a value of an environment has one use, in this document.
    fn is_used_once(&self, document: &Document, value: &DecidingValue) -> bool {
        let LevelKind::Values(environment) = &value.level.kind else { return false };
        let settings = self.settings();
        let in_scope = settings.in_scope.contains(&*value.name)
            || self.scope_values.contains(&(Arc::clone(environment), value.name.clone()));
        let place = (value.place.source.path.as_str(), value.place.span.start);
        let users = settings.uses.get(&place).map(Vec::as_slice).unwrap_or_default();
        !in_scope && matches!(users, [only] if only.name_place() == document.name_place())
    }

    fn settings(&self) -> &ValueSettings<'n> {
        self.settings.get_or_init(|| ValueSettings::new(self.documents, self.index))
    }
}

impl<'n> ValueSettings<'n> {
    fn new(documents: &'n [Document], index: &'n LevelIndex) -> Self {
        let composition = index.settings();
        let defaults = composition.values.iter().filter_map(|own| Some((own, own.default.as_ref()?)));
        let file = composition.source.path.as_str();
        let name_default =
            |(own, set): (&ValueDefinition, &ValueSetting)| ((file, set.span.start), own.name.to_string());
        let mut settings = Self {
            uses: HashMap::new(),
            names: defaults.map(name_default).collect(),
            definitions: composition.values.iter().map(|own| (&*own.name, own)).collect(),
            in_scope: index.list_scope_values(),
        };
        let mut read = HashSet::new();
        for document in documents {
            let levels = document.levels.iter().flat_map(|levels| levels.iter_levels());
            let mut levels = levels.filter(|level| matches!(level.kind, LevelKind::Values(_))).peekable();
            if levels.peek().is_some() {
                settings.add_uses(document);
            }
            for level in levels.filter(|level| read.insert(level.source.path.as_str())) {
                settings.add_names(&level.source);
            }
        }
        settings
    }

    fn add_names(&mut self, source: &'n Arc<NamedSource>) {
        let nodes = yaml::read_documents(source, &mut Vec::new());
        for entry in nodes.iter().flat_map(|node| node.entries()) {
            self.names.insert((&source.path, entry.value.span.start), entry.key.to_string());
        }
    }

    fn add_uses(&mut self, document: &'n Document) {
        let Some(levels) = &document.levels else { return };
        visit_values(&document.spec, &mut |node| {
            if let Some((level, span)) = levels.resolve_span(node.span)
                && matches!(level.kind, LevelKind::Values(_))
            {
                self.uses.entry((&level.source.path, span.start)).or_default().push(document);
            }
        });
    }
}

impl DecidingValue<'_> {
    fn diagnose_sensitive(&self, change: &Change) -> Diagnostic {
        let (label, path) = (format_path(&change.path), &self.place.source.path);
        let message = format!(
            "`{label}` is set by the value `{}` in {path}, and sensitive values are never written there",
            self.name
        );
        Diagnostic::warning("named-value", message)
            .with_location(self.place.clone())
            .with_hint("change the value there, or set the field in the document or in an overlay")
    }
}

fn visit_values(node: &DesiredNode, visit: &mut dyn FnMut(&DesiredNode)) {
    match &node.value {
        DesiredValue::Object(fields) => fields.iter().for_each(|(_, inner)| visit_values(inner, visit)),
        DesiredValue::Map(entries) => entries.iter().for_each(|(_, inner)| visit_values(inner, visit)),
        DesiredValue::List(items) => items.iter().for_each(|inner| visit_values(inner, visit)),
        _ => visit(node),
    }
}
