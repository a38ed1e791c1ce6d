//! Scope: the parameters of a list that documents or targets fix.
//!
//! Deliberately absent: the id at the end of a path, and parameters of pages.

use openapiv3::Parameter;
use serde_json::Value as Json;

use crate::openapi::document::OpenApiDocument;
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};
use crate::openapi::naming::sanitize_text;
use crate::openapi::resource::{
    OpenApiLocation, OpenApiOperation, find_path_parameter, flatten_parameter, get_parameter_name,
    locate_parameter,
};
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};
use crate::openapi::{naming, paging};

/// A parameter that documents or targets fix.
pub struct DraftScope {
    pub name: String,
    ty: &'static str,
    description: String,
    pub in_query: bool,
    example: Option<Json>,
}

/// The parameters above the objects: those of the path, and those that the list demands in its query.
pub fn infer_scopes(
    openapi_document: &OpenApiDocument,
    list: &OpenApiOperation,
    id: &str,
) -> Vec<DraftScope> {
    let mut scopes: Vec<DraftScope> = Vec::new();
    let mut before = "";
    for part in list.path.split('/') {
        if let Some(parameter) = find_path_parameter(part) {
            let owner = naming::derive_kind_name(before);
            let taken = |name: &str| name == id || scopes.iter().any(|scope| scope.name == name);
            let free =
                [parameter.to_owned(), format!("{owner}_{parameter}"), format!("{owner}_{}", scopes.len())];
            let name = free.into_iter().find(|name| !taken(name)).unwrap_or_else(|| parameter.to_owned());
            let usual = format!("The {} above it.", owner.replace('-', " "));
            let found = find_parameter(list, OpenApiLocation::Path, parameter);
            scopes.push(DraftScope::from_parameter(openapi_document, name, usual, found));
        }
        before = part;
    }
    for parameter in list.list_query_parameters().filter(|one| one.parameter_data_ref().required) {
        let name = get_parameter_name(parameter).to_owned();
        if name != id && !paging::is_paging_parameter(&name) && !scopes.iter().any(|scope| scope.name == name)
        {
            let usual = format!("What the list demands as `{}`.", sanitize_text(&name));
            let made = DraftScope::from_parameter(openapi_document, name, usual, Some(parameter));
            scopes.push(DraftScope { in_query: true, ..made });
        }
    }
    scopes
}

/// The `scope` of a kind.
pub fn build_scope_entry(scopes: &[DraftScope]) -> Option<DraftEntry> {
    let entries: Vec<DraftEntry> = scopes.iter().map(DraftScope::build_entry).collect();
    (!entries.is_empty()).then(|| DraftEntry::new("scope", DraftValue::Mapping(entries)))
}

/// The `scope` of every sample; none when the document shows no value for a part of it.
pub fn build_example_scope(scopes: &[DraftScope]) -> Option<Option<DraftEntry>> {
    let entries: Vec<DraftEntry> =
        scopes.iter().map(DraftScope::build_example_entry).collect::<Option<_>>()?;
    Some((!entries.is_empty()).then(|| DraftEntry::new("scope", DraftValue::Mapping(entries))))
}

/// The type of a parameter that is part of a URL.
pub fn infer_parameter_type(schema: Option<&FlatSchema>) -> &'static str {
    match schema.map(|schema| &schema.form) {
        Some(SchemaForm::Integer { .. }) => "integer",
        Some(SchemaForm::String(text)) if matches!(text.format.as_deref(), Some("uuid" | "guid")) => "uuid",
        _ => "string",
    }
}

/// A parameter of an operation.
pub fn find_parameter<'o>(
    operation: &'o OpenApiOperation,
    location: OpenApiLocation,
    name: &str,
) -> Option<&'o Parameter> {
    let fits = |one: &&Parameter| locate_parameter(one) == location && get_parameter_name(one) == name;
    operation.parameters.iter().find(fits)
}

impl DraftScope {
    fn from_parameter(
        openapi_document: &OpenApiDocument,
        name: String,
        usual: String,
        found: Option<&Parameter>,
    ) -> Self {
        let schema = found.and_then(|parameter| flatten_parameter(openapi_document, parameter));
        let data = found.map(Parameter::parameter_data_ref);
        let said = data.and_then(|data| naming::extract_summary(data.description.as_deref()?));
        let example = data.and_then(|data| data.example.clone()).or_else(|| schema.as_ref()?.example.clone());
        let ty = infer_parameter_type(schema.as_ref());
        let fits = |example: &Json| match ty {
            "uuid" => example.as_str().is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
            "integer" => example.is_i64(),
            _ => example.is_string(),
        };
        Self { name, ty, description: said.unwrap_or(usual), in_query: false, example: example.filter(fits) }
    }

    fn build_entry(&self) -> DraftEntry {
        let mut entries = vec![
            DraftEntry::from_keyword("type", self.ty),
            DraftEntry::from_text("description", &*self.description),
        ];
        if self.in_query {
            let remark = "the list demands it; with `query` it is added to every operation";
            entries.push(DraftEntry::from_keyword("in", "query").with_decision(remark));
        }
        let example =
            self.example.clone().map(|example| DraftEntry::new("example", DraftValue::Json(example)));
        entries.extend(example);
        DraftEntry::new(&*self.name, DraftValue::Mapping(entries))
    }

    fn build_example_entry(&self) -> Option<DraftEntry> {
        let text = match self.example.as_ref()? {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(DraftEntry::from_text(&*self.name, text))
    }
}
