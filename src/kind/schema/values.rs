//! The schema of `values/<environment>.yaml`: the values of a workspace with their types.
//!
//! Without a workspace any name takes a scalar, or where it comes from.

use schemars::Schema;
use serde_json::{Value as Json, json};

use super::names::{NamedValue, WorkspaceNames};
use super::scalar::{self, as_map};
use super::{DRAFT_URI, build_mapping, strip_code_marks};
use crate::kind::explain;
use crate::value::Sensitivity;

/// The schema of the values of an environment.
pub fn build_values_schema(names: &WorkspaceNames) -> Schema {
    let mut schema = as_map(json!({
        "$schema": DRAFT_URI,
        "title": "trueup values",
        "description": "What an environment sets the values of trueup.yaml to.",
    }));
    if names.is_workspace {
        let properties = names.values.iter().map(|own| (own.name.clone(), build_value_schema(own)));
        schema.extend(build_mapping(properties.collect()));
    } else {
        let plain = as_map(
            json!({ "type": ["string", "number", "boolean"], "errorMessage": "this is not a scalar" }),
        );
        let any = scalar::build_value_or_mapping(plain, scalar::build_source_schema(true));
        schema.insert("type".into(), "object".into());
        schema.insert("additionalProperties".into(), any.into());
    }
    Schema::from(schema)
}

fn build_value_schema(value: &NamedValue) -> Json {
    let mut schema = match value.sensitivity {
        Sensitivity::Secret => {
            scalar::build_secret_schema(&explain::suggest_variable(&value.name), false, None)
        }
        other => scalar::build_value_or_mapping(
            scalar::build_plain_schema(&value.ty, false),
            scalar::build_source_schema(other > Sensitivity::Public),
        ),
    };
    let about = value.description.as_deref().unwrap_or("A value of this workspace.");
    let ty = value.ty.type_name();
    schema.insert("title".into(), value.name.clone().into());
    schema.insert("description".into(), strip_code_marks(about).into());
    schema.insert("markdownDescription".into(), format!("`{ty}` {about}").into());
    schema.into()
}
