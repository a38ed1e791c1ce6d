//! Resources: what the paths of a document list, read, make, change and delete.
//!
//! A resource is a path that answers a list, and the path below it that ends in one parameter. What else can
//! be written in the document is told, with the reason why it became no kind.
//! Deliberately absent: fields, and words of the format.

use std::collections::BTreeMap;

use openapiv3::{Operation, Parameter, ReferenceOr, Response, StatusCode};
use serde_json::Value as Json;

use crate::openapi::document::{OpenApiDocument, parse_target};
use crate::openapi::envelope::{DraftEnvelope, detect_envelope};
use crate::openapi::flatten_schema::{FlatSchema, flatten_schema};

/// One sort of object, by its paths.
pub struct OpenApiResource {
    /// Without a slash at the end.
    pub path: String,
    pub list: OpenApiOperation,
    pub envelope: DraftEnvelope,
    pub create: Option<OpenApiOperation>,
    pub item: OpenApiItem,
}

/// The path of one object.
pub struct OpenApiItem {
    /// The name of the parameter at its end.
    pub parameter: String,
    pub get: Option<OpenApiOperation>,
    pub put: Option<OpenApiOperation>,
    pub patch: Option<OpenApiOperation>,
    /// Some services change objects by POST.
    pub post: Option<OpenApiOperation>,
    pub delete: Option<OpenApiOperation>,
}

/// An operation.
pub struct OpenApiOperation {
    /// As the document writes it.
    pub path: String,
    pub operation: Operation,
    pub parameters: Vec<Parameter>,
    /// What is sent.
    pub body: Option<FlatSchema>,
    /// The media type of what is sent, where it is JSON by another name.
    pub media_type: Option<String>,
    /// Whether it takes a body that is not JSON.
    pub non_json_body: bool,
    pub response: OpenApiResponse,
}

/// What an operation answers when all is well.
#[derive(Default)]
pub struct OpenApiResponse {
    /// The JSON, where there is any.
    pub schema: Option<FlatSchema>,
    /// The pointer of the media type that holds it.
    pub media_pointer: Option<String>,
}

/// A path with operations that became no kind, and why.
pub struct SkippedPath {
    pub path: String,
    pub reason: String,
}

/// Where each path of a document stands: without its last slash and the names of its parameters.
struct OpenApiPathIndex<'b> {
    document: &'b OpenApiDocument,
    /// From the general form of a path to the path as it is written and its pointer.
    paths: BTreeMap<String, (&'b str, String)>,
}

/// The resources of a document, in the order of their paths, and what became none.
pub fn find_resources(book: &OpenApiDocument) -> (Vec<OpenApiResource>, Vec<SkippedPath>) {
    let paths = book.list_members("/paths").into_iter().filter(|(path, _)| path.starts_with('/'));
    let places = paths.map(|(path, pointer)| (normalize_path(path), (path, pointer))).collect();
    let atlas = OpenApiPathIndex { document: book, paths: places };
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for (general, (path, _)) in &atlas.paths {
        match atlas.read_resource(general, path) {
            Ok(Some(resource)) => found.push(resource),
            Ok(None) => {}
            Err(why) => skipped.push(SkippedPath { path: (*path).to_owned(), reason: why.to_owned() }),
        }
    }
    (found, skipped)
}

impl OpenApiPathIndex<'_> {
    /// The resource listed at a path; why there is none, where something can be written.
    fn read_resource(&self, general: &str, path: &str) -> Result<Option<OpenApiResource>, &'static str> {
        if general.ends_with("/{}") {
            let collection = general.strip_suffix("/{}").unwrap_or_default();
            let listed = self.list_methods(collection).contains(&"get");
            let lonely = !listed && self.has_writes(general);
            return if lonely { Err("nothing lists such objects") } else { Ok(None) };
        }
        let below = format!("{general}/{{}}");
        let writes = self.has_writes(general) || self.has_writes(&below);
        if !writes {
            let readable =
                self.list_methods(general).contains(&"get") && self.list_methods(&below).contains(&"get");
            return if readable { Err("it can only be read") } else { Ok(None) };
        }
        if general.replace("{}", "").contains(['{', '}']) {
            return Err("its path has a parameter inside a word");
        }
        let Some(list) = self.read_operation(general, "get") else {
            return Err("nothing lists such objects");
        };
        let Some(envelope) = list.response.schema.as_ref().and_then(|plain| detect_envelope(plain, path))
        else {
            return Err("its GET does not answer a list of objects");
        };
        let Some(item) = self.read_item(&below) else { return Err("no path leads to one object") };
        let create = self.read_operation(general, "post").filter(OpenApiOperation::accepts_json);
        if create.is_none() && [&item.put, &item.patch, &item.post].iter().all(|op| op.is_none()) {
            return Err("nothing makes or changes it with a body of JSON");
        }
        let path = path.trim_end_matches('/').to_owned();
        Ok(Some(OpenApiResource { path, list, envelope, create, item }))
    }

    fn read_item(&self, general: &str) -> Option<OpenApiItem> {
        let (path, _) = self.paths.get(general)?;
        let last = path.trim_end_matches('/').rsplit('/').next()?;
        let json = |verb| self.read_operation(general, verb).filter(OpenApiOperation::accepts_json);
        let item = OpenApiItem {
            parameter: last.trim_matches(['{', '}']).to_owned(),
            get: self.read_operation(general, "get"),
            put: json("put"),
            patch: json("patch"),
            post: json("post"),
            delete: self.read_operation(general, "delete"),
        };
        let any = [&item.get, &item.put, &item.patch, &item.post, &item.delete];
        any.iter().any(|op| op.is_some()).then_some(item)
    }

    /// The verbs of a path.
    fn list_methods(&self, general: &str) -> Vec<&str> {
        let Some((_, pointer)) = self.paths.get(general) else { return Vec::new() };
        let place = self.document.resolve_pointer(pointer);
        place.map_or_else(Vec::new, |place| {
            self.document.list_members(&place).into_iter().map(|(verb, _)| verb).collect()
        })
    }

    fn has_writes(&self, general: &str) -> bool {
        self.list_methods(general).iter().any(|verb| ["post", "put", "patch", "delete"].contains(verb))
    }

    fn read_operation(&self, general: &str, verb: &str) -> Option<OpenApiOperation> {
        let (path, pointer) = self.paths.get(general)?;
        let place = self.document.resolve_pointer(pointer)?;
        let own = format!("{place}/{verb}");
        let operation = self.document.read_operation(&own)?;
        let shared = format!("{place}/parameters");
        let shared: Vec<String> = self.list_item_pointers(&shared);
        let parameters = self.merge_parameters(&operation, &shared);
        let body = operation.request_body.as_ref();
        let pointer = body.and_then(|body| self.document.find_body_schema(body));
        let answer = self.read_response(&operation);
        Some(OpenApiOperation {
            path: (*path).to_owned(),
            parameters,
            non_json_body: body.is_some() && pointer.is_none(),
            media_type: pointer.as_deref().and_then(read_other_media_type),
            body: pointer.map(|pointer| flatten_schema(self.document, &pointer)),
            response: answer,
            operation,
        })
    }

    fn list_item_pointers(&self, pointer: &str) -> Vec<String> {
        let items = self.document.find_json(pointer).and_then(Json::as_array).map_or(0, Vec::len);
        (0..items).map(|at| format!("{pointer}/{at}")).collect()
    }

    /// The parameters of an operation; its own win over those of its path.
    fn merge_parameters(&self, operation: &Operation, shared: &[String]) -> Vec<Parameter> {
        let own = operation.parameters.iter().filter_map(parse_target);
        let mut all: Vec<Parameter> = Vec::new();
        for pointer in own.chain(shared.iter().map(String::as_str)) {
            let Some(parameter) = self.document.read_parameter(pointer) else { continue };
            let same = |other: &Parameter| {
                locate_parameter(other) == locate_parameter(&parameter)
                    && get_parameter_name(other) == get_parameter_name(&parameter)
            };
            if !all.iter().any(same) {
                all.push(parameter);
            }
        }
        all
    }

    fn read_response(&self, operation: &Operation) -> OpenApiResponse {
        let all = &operation.responses.responses;
        let good = |code: &StatusCode| match code {
            StatusCode::Code(code) => (200..300).contains(code),
            StatusCode::Range(hundred) => *hundred == 2,
        };
        let mut schemas =
            all.iter().filter(|(code, _)| good(code)).filter_map(|(_, one)| self.read_response_schema(one));
        schemas.next().unwrap_or_default()
    }

    fn read_response_schema(&self, response: &ReferenceOr<Response>) -> Option<OpenApiResponse> {
        let pointer = self.document.find_response_schema(response)?;
        let media = pointer.strip_suffix("/schema").map(str::to_owned);
        Some(OpenApiResponse { schema: Some(flatten_schema(self.document, &pointer)), media_pointer: media })
    }
}

impl OpenApiOperation {
    fn accepts_json(&self) -> bool {
        !self.non_json_body
    }

    /// What the document says that it does.
    pub fn read_description(&self) -> Option<String> {
        let texts = [&self.operation.description, &self.operation.summary];
        texts.into_iter().flatten().find_map(|text| crate::openapi::naming::extract_summary(text))
    }

    /// The query parameters.
    pub fn list_query_parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| locate_parameter(parameter) == OpenApiLocation::Query)
    }
}

/// Where a parameter travels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OpenApiLocation {
    Path,
    Query,
    Header,
    Cookie,
}

/// Where a parameter travels.
pub fn locate_parameter(parameter: &Parameter) -> OpenApiLocation {
    match parameter {
        Parameter::Path { .. } => OpenApiLocation::Path,
        Parameter::Query { .. } => OpenApiLocation::Query,
        Parameter::Header { .. } => OpenApiLocation::Header,
        Parameter::Cookie { .. } => OpenApiLocation::Cookie,
    }
}

/// The name of a parameter.
pub fn get_parameter_name(parameter: &Parameter) -> &str {
    &parameter.parameter_data_ref().name
}

/// What a parameter may be.
pub fn flatten_parameter(book: &OpenApiDocument, parameter: &Parameter) -> Option<FlatSchema> {
    use openapiv3::ParameterSchemaOrContent::Schema;
    match &parameter.parameter_data_ref().format {
        Schema(schema) => parse_target(schema).map(|pointer| flatten_schema(book, pointer)),
        openapiv3::ParameterSchemaOrContent::Content(_) => None,
    }
}

/// The media type in the pointer of a schema, where it is neither plain JSON nor anything.
fn read_other_media_type(pointer: &str) -> Option<String> {
    let media = pointer.strip_suffix("/schema")?.rsplit('/').next()?;
    let media = media.replace("~1", "/").replace("~0", "~");
    let named = media.split(';').next().unwrap_or_default().trim().to_lowercase();
    (named != "application/json" && named != "*/*").then_some(media)
}

/// A path without what may differ between two spellings of it.
fn normalize_path(path: &str) -> String {
    let parts = path.trim_end_matches('/').split('/');
    let parts = parts.map(|part| if part.starts_with('{') && part.ends_with('}') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
