//! A document of Swagger 2.0 in the words of OpenAPI 3.0.
//!
//! Bodies and form data are parameters there, media types and hosts belong to the document, and schemas are in
//! `definitions`. The parts are rewritten where they are, so that references between them stay right.
//! Deliberately absent: schemas; those of 2.0 are schemas of 3.0.

use serde_json::{Map, Value as Json, json};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];
/// Where a bundle has its other files.
const FILES_POINTER: &str = "/x-files/";
/// How many references are followed from one to the next.
const MAX_REFERENCE_HOPS: usize = 32;
/// The words of a parameter that belong to its schema.
const SCHEMA_WORDS: [&str; 12] = [
    "type",
    "format",
    "items",
    "default",
    "maximum",
    "minimum",
    "maxLength",
    "minLength",
    "pattern",
    "enum",
    "uniqueItems",
    "example",
];

/// Rewrites a document in place.
pub fn upgrade_document(tree: &mut Json) {
    inline_file_parts(tree);
    let media = MediaDefaults::read(tree);
    let shared = tree.get("parameters").cloned().unwrap_or_default();
    if let Some(servers) = build_servers(tree) {
        tree["servers"] = servers;
    }
    if let Some(schemes) = tree.get("securityDefinitions").and_then(Json::as_object) {
        let schemes: Map<String, Json> =
            schemes.iter().map(|(name, scheme)| (name.clone(), upgrade_security_scheme(scheme))).collect();
        tree["components"] = json!({ "securitySchemes": schemes });
    }
    for_each_member(tree.get_mut("parameters"), upgrade_parameter);
    for_each_member(tree.get_mut("responses"), |response| upgrade_response(response, &media.produces));
    for_each_member(tree.get_mut("paths"), |item| upgrade_path_item(item, &media, &shared));
}

/// Paths, parameters and responses of other files are put where they are named: only there is it known what they are.
/// Schemas stay in their files.
fn inline_file_parts(tree: &mut Json) {
    let whole = tree.clone();
    let inline = |part: &mut Json| {
        for _ in 0..MAX_REFERENCE_HOPS {
            let at = part.get("$ref").and_then(Json::as_str).and_then(|at| at.strip_prefix('#'));
            let Some(found) = at.filter(|at| at.starts_with(FILES_POINTER)).and_then(|at| whole.pointer(at))
            else {
                return;
            };
            *part = found.clone();
        }
    };
    let inline_all = |node: Option<&mut Json>| {
        match node {
            Some(Json::Array(parts)) => parts.iter_mut().for_each(inline),
            Some(Json::Object(parts)) => parts.iter_mut().for_each(|(_, part)| inline(part)),
            _ => {}
        };
    };
    ["paths", "parameters", "responses"].iter().for_each(|word| inline_all(tree.get_mut(*word)));
    for_each_member(tree.get_mut("paths"), |item| {
        inline_all(item.get_mut("parameters"));
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                ["parameters", "responses"].iter().for_each(|word| inline_all(operation.get_mut(*word)));
            }
        }
    });
}

/// The media types of a document or an operation.
struct MediaDefaults {
    consumes: Vec<String>,
    produces: Vec<String>,
}

impl MediaDefaults {
    fn read(node: &Json) -> Self {
        Self { consumes: read_media(node, "consumes"), produces: read_media(node, "produces") }
    }

    /// Those of an operation, where it has some.
    fn narrow(&self, operation: &Json) -> Self {
        let own = Self::read(operation);
        let or = |own: Vec<String>, usual: &[String]| if own.is_empty() { usual.to_vec() } else { own };
        Self { consumes: or(own.consumes, &self.consumes), produces: or(own.produces, &self.produces) }
    }
}

fn read_media(node: &Json, word: &str) -> Vec<String> {
    let all = node.get(word).and_then(Json::as_array).into_iter().flatten();
    all.filter_map(Json::as_str).map(str::to_owned).collect()
}

fn for_each_member(node: Option<&mut Json>, mut change: impl FnMut(&mut Json)) {
    node.and_then(Json::as_object_mut).into_iter().flatten().for_each(|(_, value)| change(value));
}

fn build_servers(tree: &Json) -> Option<Json> {
    let base = tree.get("basePath").and_then(Json::as_str).unwrap_or_default();
    let url = match tree.get("host").and_then(Json::as_str) {
        Some(host) => {
            let schemes = read_media(tree, "schemes");
            let secure = schemes.is_empty() || schemes.iter().any(|scheme| scheme == "https");
            format!("{}://{host}{base}", if secure { "https" } else { "http" })
        }
        None if base.is_empty() => return None,
        None => base.to_owned(),
    };
    Some(json!([{ "url": url }]))
}

fn upgrade_security_scheme(scheme: &Json) -> Json {
    let text = |word: &str| scheme.get(word).and_then(Json::as_str).unwrap_or_default();
    match text("type") {
        "basic" => json!({ "type": "http", "scheme": "basic" }),
        "oauth2" => {
            let flow = match text("flow") {
                "application" => "clientCredentials",
                "accessCode" => "authorizationCode",
                other => other,
            };
            let urls = json!({ "authorizationUrl": text("authorizationUrl"), "tokenUrl": text("tokenUrl") });
            json!({ "type": "oauth2", "flows": { flow: urls } })
        }
        _ => scheme.clone(),
    }
}

fn upgrade_path_item(item: &mut Json, media: &MediaDefaults, shared: &Json) {
    let above = item.get("parameters").cloned().unwrap_or_default();
    for method in METHODS {
        if let Some(operation) = item.get_mut(method).filter(|operation| operation.is_object()) {
            upgrade_operation(operation, &media.narrow(operation), &[&above, shared]);
        }
    }
    upgrade_parameters(item);
}

/// `above`: the parameters of the path, and those that the document shares.
fn upgrade_operation(operation: &mut Json, media: &MediaDefaults, above: &[&Json; 2]) {
    let own = operation.get("parameters").and_then(Json::as_array).into_iter().flatten();
    let of_path = above[0].as_array().into_iter().flatten();
    let all: Vec<Json> = own.chain(of_path).map(|one| resolve_shared(one, above[1]).clone()).collect();
    if let Some(body) = build_request_body(&all, &media.consumes) {
        operation["requestBody"] = body;
    }
    upgrade_parameters(operation);
    for_each_member(operation.get_mut("responses"), |response| upgrade_response(response, &media.produces));
}

/// A parameter, or the shared one to which it refers.
fn resolve_shared<'p>(parameter: &'p Json, shared: &'p Json) -> &'p Json {
    let name = parameter.get("$ref").and_then(Json::as_str).and_then(|at| at.strip_prefix("#/parameters/"));
    name.and_then(|name| shared.get(name)).unwrap_or(parameter)
}

/// The body, from the parameter that is one or from those that are form data.
fn build_request_body(parameters: &[Json], consumes: &[String]) -> Option<Json> {
    let of = |place: &str| {
        parameters
            .iter()
            .filter(|one| one.get("in").and_then(Json::as_str) == Some(place))
            .collect::<Vec<_>>()
    };
    if let Some(body) = of("body").first() {
        let schema = body.get("schema").cloned().unwrap_or_else(|| json!({}));
        return Some(json!({ "content": build_content(&schema, consumes) }));
    }
    let fields = of("formData");
    if fields.is_empty() {
        return None;
    }
    let name = |field: &Json| field.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
    let demanded = |field: &&&Json| field.get("required") == Some(&Json::Bool(true));
    let required: Vec<String> = fields.iter().filter(demanded).map(|field| name(field)).collect();
    let properties: Map<String, Json> =
        fields.iter().map(|field| (name(field), build_parameter_schema(field))).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let form = "application/x-www-form-urlencoded";
    let media = consumes.iter().find(|media| media.contains("multipart")).map_or(form, String::as_str);
    Some(json!({ "content": { media: { "schema": schema } } }))
}

fn build_content(schema: &Json, media: &[String]) -> Json {
    let json_only = vec!["application/json".to_owned()];
    let media = if media.is_empty() { &json_only } else { media };
    media.iter().map(|media| (media.clone(), json!({ "schema": schema }))).collect::<Map<_, _>>().into()
}

fn upgrade_parameters(node: &mut Json) {
    if let Some(parameters) = node.get_mut("parameters").and_then(Json::as_array_mut) {
        parameters.iter_mut().for_each(upgrade_parameter);
        parameters.retain(|one| !matches!(one.get("in").and_then(Json::as_str), Some("body" | "formData")));
    }
}

fn upgrade_parameter(parameter: &mut Json) {
    if parameter.get("type").is_some() {
        parameter["schema"] = build_parameter_schema(parameter);
    }
}

/// The words of a parameter that say what its value may be.
fn build_parameter_schema(parameter: &Json) -> Json {
    let members = parameter.as_object().into_iter().flatten();
    let own = members.filter(|(word, _)| SCHEMA_WORDS.contains(&word.as_str()) || *word == "description");
    own.map(|(word, value)| (word.clone(), value.clone())).collect::<Map<_, _>>().into()
}

fn upgrade_response(response: &mut Json, produces: &[String]) {
    let Some(schema) = response.get("schema").cloned() else { return };
    let mut content = build_content(&schema, produces);
    let examples = response.get("examples").and_then(Json::as_object).cloned().unwrap_or_default();
    for (media, example) in examples {
        if let Some(entry) = content.get_mut(&media) {
            entry["example"] = example;
        }
    }
    response["content"] = content;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_forms_answers_and_servers_are_said_as_in_3_0() {
        let mut tree = json!({
            "swagger": "2.0", "host": "a.example", "basePath": "/v1", "consumes": ["application/json"],
            "parameters": { "New": { "in": "body", "name": "x", "schema": { "$ref": "#/definitions/X" } } },
            "securityDefinitions": {
                "a": { "type": "basic" },
                "b": { "type": "oauth2", "flow": "application", "tokenUrl": "https://t.example" },
            },
            "paths": {
                "/x": {
                    "post": {
                        "parameters": [{ "$ref": "#/parameters/New" }, { "in": "query", "name": "q", "type": "integer" }],
                        "responses": { "200": { "schema": { "type": "array" }, "examples": { "application/json": [1] } } },
                    },
                    "put": {
                        "consumes": ["application/x-www-form-urlencoded"],
                        "parameters": [{ "in": "formData", "name": "f", "type": "string", "required": true }],
                    },
                },
            },
        });
        upgrade_document(&mut tree);
        let at = |pointer: &str| tree.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at("/servers/0/url"), "https://a.example/v1");
        let body = at("/paths/~1x/post/requestBody/content/application~1json/schema");
        assert_eq!(body, json!({ "$ref": "#/definitions/X" }));
        assert_eq!(at("/paths/~1x/post/parameters/1/schema"), json!({ "type": "integer" }));
        let answer = at("/paths/~1x/post/responses/200/content/application~1json");
        assert_eq!(answer, json!({ "schema": { "type": "array" }, "example": [1] }));
        let form = at("/paths/~1x/put/requestBody/content/application~1x-www-form-urlencoded/schema");
        assert_eq!(form["required"], json!(["f"]));
        assert_eq!(at("/components/securitySchemes/a/scheme"), "basic");
        assert_eq!(at("/components/securitySchemes/b/flows/clientCredentials/tokenUrl"), "https://t.example");
    }
}
