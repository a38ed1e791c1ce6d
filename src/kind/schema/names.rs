//! The names that a workspace has: what a document may say of them, an editor offers.
//!
//! Without a workspace there are none, and the schemas take any name.
//! Deliberately absent: names of bases and of documents, which change with every file.

use serde_json::{Map, Value as Json, json};

use crate::kind::ScalarType;
use crate::value::Sensitivity;

/// The names in the settings of a workspace.
#[derive(Default)]
pub struct WorkspaceNames {
    pub environments: Vec<String>,
    pub targets: Vec<NamedTarget>,
    pub values: Vec<NamedValue>,
    /// Kinds whose documents extend bases without `extends`.
    pub kinds_with_defaults: Vec<String>,
    /// Whether this is a workspace; other names than these are none then.
    pub is_workspace: bool,
}

/// A connection to an API.
pub struct NamedTarget {
    pub name: String,
    pub api: String,
}

/// A value that environments set.
pub struct NamedValue {
    pub name: String,
    pub description: Option<String>,
    pub ty: ScalarType,
    pub sensitivity: Sensitivity,
}

impl WorkspaceNames {
    /// Whether levels may complete a document of a kind that does not say so.
    pub fn is_completed(&self, kind: &str) -> bool {
        !self.environments.is_empty() || self.kinds_with_defaults.iter().any(|own| own == kind)
    }

    /// The targets that serve an API.
    pub fn list_targets(&self, api: &str) -> Vec<&str> {
        self.targets.iter().filter(|own| own.api == api).map(|own| &*own.name).collect()
    }

    /// The values that fit a scalar.
    pub fn list_fitting_values(&self, scalar: &ScalarType, sensitivity: Sensitivity) -> Vec<&NamedValue> {
        let fits =
            |own: &&NamedValue| scalar.takes_value_of(&own.ty) && sensitivity.takes_value_of(own.sensitivity);
        self.values.iter().filter(fits).collect()
    }
}

/// One of these names, as a document may write it: a name of digits is a number to an editor. Where there are none, any
/// text.
pub fn build_known_name_schema(text: Map<String, Json>, names: &[&str]) -> Map<String, Json> {
    if names.is_empty() {
        return text;
    }
    let as_number = |name: &&str| serde_json::from_str::<serde_json::Number>(name).ok().map(Json::from);
    let numbers = names.iter().filter_map(as_number);
    let all: Vec<Json> = names.iter().map(|name| Json::from(*name)).chain(numbers).collect();
    Map::from_iter([("enum".to_owned(), all.into())])
}

/// The name of a value, where a scalar is wanted; the values that fit are offered.
pub fn build_value_name_schema(fitting: &[&NamedValue]) -> Json {
    let mut schema = Map::new();
    schema.insert("type".into(), "string".into());
    schema.insert("minLength".into(), 1.into());
    if !fitting.is_empty() {
        let names: Vec<&str> = fitting.iter().map(|own| &*own.name).collect();
        let about: Vec<&str> =
            fitting.iter().map(|own| own.description.as_deref().unwrap_or_default()).collect();
        // a value that was added since is right too
        let known = json!({ "enum": names, "markdownEnumDescriptions": about });
        schema.insert("anyOf".into(), json!([known, {}]));
    }
    schema.into()
}
