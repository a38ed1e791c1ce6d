//! `environments`, `values` and `defaults` in the settings, and the environment of each target.
//!
//! What is wrong with them is reported here; a faulty entry does not hide the others.
//! Deliberately absent: what environments set, and bases, which are files of their own.

use std::sync::Arc;

use super::composition_file::ValueFile;
use crate::compose::settings::{CompositionSettings, EnvironmentSettings, KindDefaults, ValueDefinition};
use crate::compose::values::read_setting;
use crate::diagnostic::{Diagnostic, SourceSpan, suggest_word};
use crate::document::source_reader::SourceReader;
use crate::kind::file::SensitivityFile;
use crate::kind::read::read_typed;
use crate::kind::registry::KindRegistry;
use crate::kind::{NumberEncoding, ScalarType};
use crate::value::Sensitivity;
use crate::workspace::settings::composition_file::ValueTypeFile;
use crate::yaml::{YamlEntry, YamlNode};

/// The most characters of the name of an environment, which names files.
const MAX_NAME: usize = 64;

/// Reads what documents are composed by.
pub fn read_composition(
    root: Option<&YamlNode>,
    registry: &KindRegistry,
    reader: &mut SourceReader,
) -> CompositionSettings {
    let mut settings = CompositionSettings::new(reader.source);
    let entries = |key: &str| root.and_then(|root| root.get_value(key)).map_or(&[][..], YamlNode::entries);
    settings.environments =
        entries("environments").iter().filter_map(|own| read_environment(own, reader)).collect();
    check_order(entries("environments"), &settings, reader);
    settings.values = entries("values").iter().filter_map(|own| read_value(own, reader)).collect();
    settings.defaults =
        entries("defaults").iter().filter_map(|own| read_defaults(own, registry, reader)).collect();
    for target in entries("targets") {
        let environment = read_target_environment(target, &settings, reader);
        settings.target_environments.extend(environment.map(|own| (Arc::from(&*target.key), own)));
    }
    settings
}

fn read_environment(entry: &YamlEntry, reader: &mut SourceReader) -> Option<EnvironmentSettings> {
    let name = &*entry.key;
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !is_plain || name.is_empty() || name.len() > MAX_NAME {
        let fault = Diagnostic::error("invalid-name", "this is no name of an environment");
        let hint = format!("use at most {MAX_NAME} letters, digits, `-` and `_`: it names a file of values");
        reader.add_diagnostic(entry.key_span, fault.with_hint(hint));
        return None;
    }
    let after = entry.value.get_value("after").and_then(YamlNode::as_scalar);
    Some(EnvironmentSettings { name: name.into(), span: entry.key_span, after: after.map(Arc::from) })
}

/// `after` names another environment, and does not lead back.
fn check_order(entries: &[YamlEntry], settings: &CompositionSettings, reader: &mut SourceReader) {
    for entry in entries {
        let Some(node) = entry.value.get_value("after") else { continue };
        let Some(after) = node.as_scalar() else { continue };
        if settings.find_environment(after).is_none() {
            reader.add_diagnostic(node.span, settings.diagnose_unknown_environment(after));
            continue;
        }
        let mut next = settings.find_environment(after);
        for _ in 0..settings.environments.len() {
            let Some(own) = next else { break };
            if *own.name == *entry.key {
                let message = format!("`{}` comes after itself", entry.key);
                let fault = Diagnostic::error("environment-cycle", message);
                reader.add_diagnostic(node.span, fault.with_hint("remove one `after`"));
                break;
            }
            next = own.after.as_ref().and_then(|after| settings.find_environment(after));
        }
    }
}

fn read_value(entry: &YamlEntry, reader: &mut SourceReader) -> Option<ValueDefinition> {
    // what is wrong with its form is reported with that of the whole file
    let file: ValueFile = read_typed(&entry.value, reader.source, &mut Vec::new())?;
    let mut definition = ValueDefinition {
        name: (&*entry.key).into(),
        span: entry.key_span,
        description: file.description,
        ty: convert_type(file.ty),
        sensitivity: convert_sensitivity(file.sensitivity),
        default: None,
    };
    let default = entry.value.entries().iter().find(|own| own.key == "default" && !own.value.is_null());
    definition.default = default.and_then(|default| read_setting(reader, default, &definition));
    Some(definition)
}

fn convert_type(ty: ValueTypeFile) -> ScalarType {
    match ty {
        ValueTypeFile::String => ScalarType::String { max_length: None },
        ValueTypeFile::Integer => ScalarType::Integer(NumberEncoding::Number),
        ValueTypeFile::Decimal => ScalarType::Decimal(NumberEncoding::Number),
        ValueTypeFile::Boolean => ScalarType::Boolean,
        ValueTypeFile::Uuid => ScalarType::Uuid,
        ValueTypeFile::Date => ScalarType::Date,
        ValueTypeFile::DateTime => ScalarType::DateTime,
    }
}

fn convert_sensitivity(sensitivity: Option<SensitivityFile>) -> Sensitivity {
    match sensitivity {
        None => Sensitivity::Public,
        Some(SensitivityFile::Internal) => Sensitivity::Internal,
        Some(SensitivityFile::Personal) => Sensitivity::Personal,
        Some(SensitivityFile::Secret) => Sensitivity::Secret,
    }
}

fn read_defaults(
    entry: &YamlEntry,
    registry: &KindRegistry,
    reader: &mut SourceReader,
) -> Option<KindDefaults> {
    let kinds = registry.kind_names();
    if !kinds.iter().any(|kind| **kind == *entry.key) {
        let message = format!("there is no kind `{}`", entry.key.escape_debug());
        let mut fault = Diagnostic::error("unknown-kind", message);
        fault.hint = suggest_word(&entry.key, kinds.iter().map(String::as_str));
        reader.add_diagnostic(entry.key_span, fault);
        return None;
    }
    let name = |item: &YamlNode| Some((Arc::from(item.as_scalar()?), item.span));
    let bases = entry.value.items().iter().filter_map(name).collect();
    Some(KindDefaults { kind: (&*entry.key).into(), bases })
}

/// The environment of a target; in a workspace with environments each target has one.
fn read_target_environment(
    target: &YamlEntry,
    settings: &CompositionSettings,
    reader: &mut SourceReader,
) -> Option<Arc<str>> {
    let Some(node) = target.value.get_value("environment").filter(|node| !node.is_null()) else {
        if !settings.environments.is_empty() {
            let message = format!("the target `{}` has no `environment`", target.key.escape_debug());
            let fault = Diagnostic::error("missing-environment", message);
            reader.add_diagnostic(target.key_span, fault.with_hint(list_environments(settings)));
        }
        return None;
    };
    let name = node.as_scalar()?;
    if let Some(environment) = settings.find_environment(name) {
        return Some(Arc::clone(&environment.name));
    }
    reader.add_diagnostic(node.span, settings.diagnose_unknown_environment(name));
    None
}

fn list_environments(settings: &CompositionSettings) -> String {
    let names: Vec<_> =
        settings.environments.iter().map(|own| format!("`environment: {}`", own.name)).collect();
    format!("write {}", names.join(" or "))
}

/// Where a value stands in the scope of a target.
#[derive(Clone)]
pub struct ScopeValue {
    pub parameter: Arc<str>,
    pub name: String,
    pub span: SourceSpan,
    /// What kinds read the parameter as.
    pub types: Vec<ScalarType>,
}
