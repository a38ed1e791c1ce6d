//! Resources: what the paths of a document list, read, make, change and delete.
//!
//! A resource is a path that answers a list, and the path below it that ends in one parameter. What else can
//! be written in the document is reported, with the reason why it became no kind.
//! Deliberately absent: fields, and words of the format.

use std::collections::BTreeMap;

use openapiv3::{Operation, Parameter, ReferenceOr, Response, StatusCode};
use serde_json::Value as Json;

use crate::openapi::document::{OpenApiDocument, parse_target};
use crate::openapi::envelope::{DraftEnvelope, detect_envelope};
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm, flatten_schema};

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
    /// How it is sent.
    pub media: BodyMedia,
    pub response: OpenApiResponse,
}

/// How the body of a request is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BodyMedia {
    /// As JSON, or there is no body.
    Json,
    /// As a JSON merge patch (RFC 7396).
    MergePatch,
    /// As a form.
    Form,
    /// As JSON by another name.
    Other(String),
    /// Only in ways that the format cannot say.
    Unsupported(Vec<String>),
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
pub fn find_resources(openapi_document: &OpenApiDocument) -> (Vec<OpenApiResource>, Vec<SkippedPath>) {
    let paths = openapi_document.list_members("/paths").into_iter().filter(|(path, _)| path.starts_with('/'));
    let places = paths.map(|(path, pointer)| (normalize_path(path), (path, pointer))).collect();
    let atlas = OpenApiPathIndex { document: openapi_document, paths: places };
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for (general, (path, _)) in &atlas.paths {
        match atlas.read_resource(general, path) {
            Ok(Some(resource)) => found.push(resource),
            Ok(None) => {}
            Err(why) => skipped.push(SkippedPath { path: (*path).to_owned(), reason: why }),
        }
    }
    (found, skipped)
}

impl OpenApiPathIndex<'_> {
    /// The resource listed at a path; why there is none, where something can be written.
    fn read_resource(&self, general: &str, path: &str) -> Result<Option<OpenApiResource>, String> {
        if let Some(collection) = general.strip_suffix("/{}") {
            let listed = self.list_methods(collection).contains(&"get");
            let lonely = !listed && self.has_writes(general);
            let why = || format!("nothing lists such objects: the document has no GET {}", shorten(path));
            return if lonely { Err(why()) } else { Ok(None) };
        }
        let below = format!("{general}/{{}}");
        let methods = self.list_methods(general);
        if !self.has_writes(general) && !self.has_writes(&below) {
            let readable = methods.contains(&"get") && self.list_methods(&below).contains(&"get");
            return if readable { Err("it can only be read".into()) } else { Ok(None) };
        }
        if general.replace("{}", "").contains(['{', '}']) {
            return Err("its path has a parameter inside a word".into());
        }
        let Some(list) = self.read_operation(general, "get") else {
            return Err(match methods.contains(&"post") && self.list_methods(&below).is_empty() {
                true => "it is an action: there is only a POST".into(),
                false => "nothing lists such objects: there is no GET".into(),
            });
        };
        let answer = list.response.schema.as_ref().ok_or("its GET answers no JSON")?;
        let item = self.read_item(&below);
        let single = item.as_ref().and_then(|item| item.get.as_ref()?.response.schema.as_ref());
        let Some(envelope) = detect_envelope(answer, path, single) else {
            return Err(describe_unlisted(answer).into());
        };
        let Some(item) = item else {
            return Err("it is listed, but no path leads to one object".into());
        };
        let create = self.read_operation(general, "post");
        if let Some(why) = find_unsupported_body(create.as_ref(), &item) {
            return Err(why);
        }
        let create = create.filter(OpenApiOperation::is_supported);
        let item = item.without_unsupported();
        if create.is_none() && [&item.put, &item.patch, &item.post].iter().all(|op| op.is_none()) {
            return Err("objects can only be deleted: nothing creates or changes one".into());
        }
        let path = path.trim_end_matches('/').to_owned();
        Ok(Some(OpenApiResource { path, list, envelope, create, item }))
    }

    fn read_item(&self, general: &str) -> Option<OpenApiItem> {
        let (path, _) = self.paths.get(general)?;
        let last = path.trim_end_matches('/').rsplit('/').next()?;
        let read = |verb| self.read_operation(general, verb);
        let item = OpenApiItem {
            parameter: find_path_parameter(last)?.to_owned(),
            get: read("get"),
            put: read("put"),
            patch: read("patch"),
            post: read("post"),
            delete: read("delete"),
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
        let body = operation.request_body.as_ref().and_then(|body| self.document.find_body(body));
        let answer = self.read_response(&operation);
        let pointer = body.as_ref().and_then(|body| body.schema.as_deref());
        Some(OpenApiOperation {
            path: (*path).to_owned(),
            parameters,
            body: pointer.map(|pointer| flatten_schema(self.document, pointer)),
            media: body.map_or(BodyMedia::Json, |body| classify_media(body.media)),
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
        let mut schemas = all
            .iter()
            .filter(|(code, _)| is_success(code))
            .filter_map(|(_, one)| self.read_response_schema(one));
        schemas.next().unwrap_or_default()
    }

    fn read_response_schema(&self, response: &ReferenceOr<Response>) -> Option<OpenApiResponse> {
        let pointer = self.document.find_response_schema(response)?;
        let media = pointer.strip_suffix("/schema").map(str::to_owned);
        Some(OpenApiResponse { schema: Some(flatten_schema(self.document, &pointer)), media_pointer: media })
    }
}

impl OpenApiOperation {
    /// Whether the format can say its body: an object in JSON or as a form.
    fn is_supported(&self) -> bool {
        let list = self.body.as_ref().is_some_and(|body| matches!(body.form, SchemaForm::Array { .. }));
        !list && !matches!(self.media, BodyMedia::Unsupported(_))
    }

    /// Whether it may be answered that there is such an object.
    pub fn may_conflict(&self) -> bool {
        self.operation.responses.responses.contains_key(&StatusCode::Code(409))
    }

    /// Whether the answer names the URL of the object in a header.
    pub fn answers_location(&self, openapi_document: &OpenApiDocument) -> bool {
        self.list_response_headers(openapi_document).iter().any(|name| name.eq_ignore_ascii_case("Location"))
    }

    /// The headers of the answer when all is well.
    pub fn list_response_headers<'b>(&self, openapi_document: &'b OpenApiDocument) -> Vec<&'b str> {
        let good = self.operation.responses.responses.iter().filter(|(code, _)| is_success(code));
        let headers = good.filter_map(|(_, response)| {
            let place = openapi_document.resolve_pointer(parse_target(response)?)?;
            Some(openapi_document.list_members(&format!("{place}/headers")).into_iter().map(|(name, _)| name))
        });
        headers.flatten().collect()
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

/// Where requests carry a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OpenApiLocation {
    Path,
    Query,
    Header,
    Cookie,
}

/// Where requests carry a parameter.
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
pub fn flatten_parameter(openapi_document: &OpenApiDocument, parameter: &Parameter) -> Option<FlatSchema> {
    use openapiv3::ParameterSchemaOrContent::Schema;
    match &parameter.parameter_data_ref().format {
        Schema(schema) => parse_target(schema).map(|pointer| flatten_schema(openapi_document, pointer)),
        openapiv3::ParameterSchemaOrContent::Content(_) => None,
    }
}

/// The parameter in a segment of a path: `{id}`, `{id}.json`.
pub fn find_path_parameter(segment: &str) -> Option<&str> {
    let (_, rest) = segment.split_once('{')?;
    let (name, _) = rest.split_once('}')?;
    Some(name)
}

impl OpenApiItem {
    /// Without the writes whose bodies the format cannot say.
    fn without_unsupported(self) -> Self {
        let keep = |op: Option<OpenApiOperation>| op.filter(OpenApiOperation::is_supported);
        Self { put: keep(self.put), patch: keep(self.patch), post: keep(self.post), ..self }
    }
}

/// Why no write of a resource can be said, where it has some.
fn find_unsupported_body(create: Option<&OpenApiOperation>, item: &OpenApiItem) -> Option<String> {
    let writes = [create, item.put.as_ref(), item.patch.as_ref(), item.post.as_ref()];
    let writes: Vec<&OpenApiOperation> = writes.into_iter().flatten().collect();
    if writes.is_empty() || writes.iter().any(|write| write.is_supported()) {
        return None;
    }
    let media: Vec<String> = writes
        .iter()
        .flat_map(|write| match &write.media {
            BodyMedia::Unsupported(media) => media.clone(),
            _ => Vec::new(),
        })
        .collect();
    Some(match media.first() {
        Some(media) => format!("all its bodies are `{media}`"),
        None => "all its bodies are lists, not objects".into(),
    })
}

/// Why the answer of a GET is no list of objects.
fn describe_unlisted(answer: &FlatSchema) -> &'static str {
    match &answer.form {
        SchemaForm::Array { .. } => "its GET answers a list of plain values, not of objects",
        SchemaForm::Object { .. } => "its GET answers one object, not a list",
        SchemaForm::Unknown(why) => why,
        _ => "its GET answers a plain value, not a list of objects",
    }
}

/// A path without its last parameter, for a message.
fn shorten(path: &str) -> &str {
    path.trim_end_matches('/').rsplit_once('/').map_or(path, |(before, _)| before)
}

fn is_success(code: &StatusCode) -> bool {
    match code {
        StatusCode::Code(code) => (200..300).contains(code),
        StatusCode::Range(hundred) => *hundred == 2,
    }
}

fn classify_media(media: Vec<String>) -> BodyMedia {
    let named = |media: &str| media.split(';').next().unwrap_or_default().trim().to_lowercase();
    match media.as_slice() {
        [one] => match named(one).as_str() {
            "application/json" | "*/*" => BodyMedia::Json,
            "application/merge-patch+json" => BodyMedia::MergePatch,
            "application/x-www-form-urlencoded" => BodyMedia::Form,
            other if other.ends_with("json") && other != "application/json-patch+json" => {
                BodyMedia::Other(one.clone())
            }
            _ => BodyMedia::Unsupported(media),
        },
        _ => BodyMedia::Unsupported(media),
    }
}

/// A path without what may differ between two spellings of it: the names of parameters and an ending `.json`.
fn normalize_path(path: &str) -> String {
    let path = path.trim_end_matches('/');
    let parts = path.strip_suffix(".json").unwrap_or(path).split('/');
    let parts = parts.map(|part| if part.starts_with('{') && part.ends_with('}') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
