//! Values: typed once in the settings, set for each environment in `values/<environment>.yaml`.
//!
//! A secret value is never written, only where it comes from. Which of them documents name is remembered, so that
//! what is missing is reported where it matters and what no one names is a warning.
//! Deliberately absent: putting a value in its place (`substitute`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::settings::{CompositionSettings, ValueContent, ValueDefinition, ValueSetting};
use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan, suggest_word};
use crate::document::levels::LevelKind;
use crate::document::source_reader::SourceReader;
use crate::document::spec::parse_scalar;
use crate::document::value_source::{diagnose_plain_secret, is_value_source, read_source};
use crate::value::Sensitivity;
use crate::yaml::{self, YamlData, YamlEntry, YamlNode};

/// The folder with the values of each environment.
pub const VALUES_FOLDER: &str = "values";

/// The values of a workspace.
pub struct ValueTable {
    settings: Arc<CompositionSettings>,
    /// By environment: the file and what it sets.
    files: HashMap<Arc<str>, EnvironmentValues>,
    used: HashMap<Arc<str>, AtomicBool>,
}

/// The values of one environment.
struct EnvironmentValues {
    source: Arc<NamedSource>,
    settings: HashMap<Arc<str>, ValueSetting>,
}

/// A value as it is in an environment.
pub struct ValueUse<'s> {
    pub definition: &'s ValueDefinition,
    pub setting: &'s ValueSetting,
    /// Where it is set, and as what.
    pub level: LevelKind,
    pub source: &'s Arc<NamedSource>,
}

impl ValueUse<'_> {
    /// Where it is set.
    pub fn locate(&self) -> SourceLocation {
        self.source.locate_span(self.setting.span)
    }
}

impl ValueTable {
    /// Reads the files of environments, given by the name of the environment.
    pub fn new(
        settings: &Arc<CompositionSettings>,
        files: &[(Arc<str>, Arc<NamedSource>)],
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let read = |(environment, source): &(Arc<str>, Arc<NamedSource>)| {
            let own = read_value_file(source, settings, faults);
            (Arc::clone(environment), EnvironmentValues { source: Arc::clone(source), settings: own })
        };
        let files = files.iter().map(read).collect();
        let used = settings.values.iter().map(|own| (Arc::clone(&own.name), AtomicBool::new(false)));
        Self { settings: Arc::clone(settings), files, used: used.collect() }
    }

    /// A value in an environment.
    ///
    /// # Errors
    /// What is wrong with the name, or that the environment does not set it; without a place.
    pub fn find_value(&self, name: &str, environment: Option<&str>) -> Result<ValueUse<'_>, Diagnostic> {
        let settings = &*self.settings;
        let Some(definition) = settings.values.iter().find(|own| &*own.name == name) else {
            let mut fault =
                Diagnostic::error("unknown-value", format!("there is no value `{}`", name.escape_debug()));
            fault.hint = suggest_word(name, settings.values.iter().map(|own| &*own.name))
                .or_else(|| Some("define it under `values` in trueup.yaml".to_owned()));
            return Err(fault);
        };
        self.used.get(name).into_iter().for_each(|used| used.store(true, Ordering::Relaxed));
        let file = environment.and_then(|environment| Some((environment, self.files.get(environment)?)));
        if let Some((environment, file)) = file
            && let Some(setting) = file.settings.get(name)
        {
            let level = LevelKind::Values(environment.into());
            return Ok(ValueUse { definition, setting, level, source: &file.source });
        }
        if let Some(setting) = &definition.default {
            let level = LevelKind::ValueDefaults;
            return Ok(ValueUse { definition, setting, level, source: &settings.source });
        }
        Err(self.diagnose_missing(definition, environment))
    }

    fn diagnose_missing(&self, definition: &ValueDefinition, environment: Option<&str>) -> Diagnostic {
        let name = &definition.name;
        let place = self.settings.source.locate_span(definition.span);
        let (message, hint) = match environment {
            Some(environment) => (
                format!("the value `{name}` is not set in the environment `{environment}`"),
                format!("set it in {VALUES_FOLDER}/{environment}.yaml, or give it a `default`"),
            ),
            None => {
                (format!("the value `{name}` has no `default`"), "give it a `default` in trueup.yaml".into())
            }
        };
        Diagnostic::error("missing-value", message)
            .with_hint(hint)
            .with_related(place, "the value is defined here")
    }

    /// The file of each environment that has one.
    pub fn list_files(&self) -> impl Iterator<Item = (Arc<str>, Arc<NamedSource>)> {
        self.files.iter().map(|(environment, own)| (Arc::clone(environment), Arc::clone(&own.source)))
    }

    /// Whether a workspace has no values.
    pub fn is_empty(&self) -> bool {
        self.settings.values.is_empty() && self.files.is_empty()
    }

    /// The values that nothing names.
    pub fn diagnose_unused(&self) -> Vec<Diagnostic> {
        let unused = |own: &&ValueDefinition| {
            self.used.get(&own.name).is_some_and(|used| !used.load(Ordering::Relaxed))
        };
        let warn = |own: &ValueDefinition| {
            Diagnostic::warning("unused-value", format!("nothing uses the value `{}`", own.name))
                .with_location(self.settings.source.locate_span(own.span))
                .with_hint("remove it, or use it as `{ value: NAME }`")
        };
        self.settings.values.iter().filter(unused).map(warn).collect()
    }
}

fn read_value_file(
    source: &Arc<NamedSource>,
    composition: &CompositionSettings,
    faults: &mut Vec<Diagnostic>,
) -> HashMap<Arc<str>, ValueSetting> {
    let (definitions, settings_source) = (&composition.values, &composition.source);
    let nodes = yaml::read_documents(source, faults);
    let mut settings = HashMap::new();
    for node in nodes.iter().filter(|node| !node.is_null()) {
        let mut reader = SourceReader::new(source, faults);
        if !matches!(node.data, YamlData::Mapping(_)) {
            reader.report_wrong_type(node, "this file", "a mapping");
        }
        for entry in node.entries() {
            let known = definitions.iter().find(|own| *own.name == *entry.key);
            let before = faults.len();
            let mut reader = SourceReader::new(source, faults);
            match known {
                Some(definition) => {
                    let setting = read_setting(&mut reader, entry, definition);
                    settings.extend(setting.map(|own| (Arc::clone(&definition.name), own)));
                    let defined = settings_source.locate_span(definition.span);
                    for fault in faults.iter_mut().skip(before) {
                        let own = fault.clone();
                        *fault = own.with_related(defined.clone(), "the value is defined here");
                    }
                }
                None => {
                    reader.redact_entry(entry);
                    let known: Vec<&str> = definitions.iter().map(|own| &*own.name).collect();
                    let what = "trueup.yaml defines no value";
                    reader.report_unknown_name("unknown-value", entry, what, &known);
                }
            }
        }
    }
    settings
}

/// Reads what a value is set to; what does not fit its definition is a fault.
pub fn read_setting(
    reader: &mut SourceReader,
    entry: &YamlEntry,
    definition: &ValueDefinition,
) -> Option<ValueSetting> {
    let node = &entry.value;
    let span = node.span;
    if is_value_source(node) {
        let source = read_source(node, reader)?;
        return Some(ValueSetting { span, content: ValueContent::Source(source) });
    }
    if definition.sensitivity > Sensitivity::Public {
        reader.redact_entry(entry);
    }
    if definition.sensitivity == Sensitivity::Secret {
        reader.add_diagnostic(span, diagnose_plain_secret(&definition.name));
        return None;
    }
    parse_scalar(reader, node, &definition.ty, &definition.name)?;
    build_scalar_setting(node, span)
}

fn build_scalar_setting(node: &YamlNode, span: SourceSpan) -> Option<ValueSetting> {
    let YamlData::Scalar { text, plain } = &node.data else { return None };
    Some(ValueSetting { span, content: ValueContent::Scalar { text: Arc::from(&**text), plain: *plain } })
}
