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
    pub targets: Vec<String>,
    pub values: Vec<NamedValue>,
    /// Kinds whose documents extend bases without `extends`.
    pub kinds_with_defaults: Vec<String>,
    /// Whether this is a workspace; other names than these are none then.
    pub is_workspace: bool,
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

    /// The values that fit a scalar.
    pub fn list_fitting_values(&self, leaf: &ScalarType, sensitivity: Sensitivity) -> Vec<&NamedValue> {
        let fits =
            |own: &&NamedValue| leaf.takes_value_of(&own.ty) && sensitivity.takes_value_of(own.sensitivity);
        self.values.iter().filter(fits).collect()
    }
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
