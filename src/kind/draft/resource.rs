//! Resources: what the paths of a document list, read, make, change and delete.
//!
//! A resource is a path that answers a list, and the path below it that ends in one parameter. What else can
//! be written in the document is told, with the reason why it became no kind.
//! Deliberately absent: fields, and words of the format.

use std::collections::BTreeMap;

use openapiv3::{Operation, Parameter, ReferenceOr, Response, StatusCode};
use serde_json::Value as Json;

use super::book::{Book, target};
use super::envelope::{Envelope, envelope};
use super::plain::{Plain, plain};

/// One sort of object, by its paths.
pub struct Resource {
    /// Without a slash at the end.
    pub path: String,
    pub list: Op,
    pub envelope: Envelope,
    pub create: Option<Op>,
    pub item: Item,
}

/// The path of one object.
pub struct Item {
    /// The name of the parameter at its end.
    pub parameter: String,
    pub get: Option<Op>,
    pub put: Option<Op>,
    pub patch: Option<Op>,
    /// Some services change objects by POST.
    pub post: Option<Op>,
    pub delete: Option<Op>,
}

/// An operation.
pub struct Op {
    /// As the document writes it.
    pub path: String,
    pub operation: Operation,
    pub parameters: Vec<Parameter>,
    /// What is sent.
    pub body: Option<Plain>,
    /// The media type of what is sent, where it is JSON by another name.
    pub media: Option<String>,
    /// Whether it takes a body that is not JSON.
    pub other_body: bool,
    pub answer: Answer,
}

/// What an operation answers when all is well.
#[derive(Default)]
pub struct Answer {
    /// The JSON, where there is any.
    pub plain: Option<Plain>,
    /// The pointer of the media type that holds it.
    pub media: Option<String>,
}

/// A path with operations that became no kind, and why.
pub struct Skipped {
    pub path: String,
    pub why: String,
}

/// Where each path of a document stands: without its last slash and the names of its parameters.
struct Atlas<'b> {
    book: &'b Book,
    /// From the general form of a path to the path as it is written and its pointer.
    places: BTreeMap<String, (&'b str, String)>,
}

/// The resources of a document, in the order of their paths, and what became none.
pub fn resources(book: &Book) -> (Vec<Resource>, Vec<Skipped>) {
    let paths = book.named("/paths").into_iter().filter(|(path, _)| path.starts_with('/'));
    let places = paths.map(|(path, pointer)| (general(path), (path, pointer))).collect();
    let atlas = Atlas { book, places };
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for (general, (path, _)) in &atlas.places {
        match atlas.resource(general, path) {
            Ok(Some(resource)) => found.push(resource),
            Ok(None) => {}
            Err(why) => skipped.push(Skipped { path: (*path).to_owned(), why: why.to_owned() }),
        }
    }
    (found, skipped)
}

impl Atlas<'_> {
    /// The resource listed at a path; why there is none, where something can be written.
    fn resource(&self, general: &str, path: &str) -> Result<Option<Resource>, &'static str> {
        if general.ends_with("/{}") {
            let collection = general.strip_suffix("/{}").unwrap_or_default();
            let listed = self.verbs(collection).contains(&"get");
            let lonely = !listed && self.writes(general);
            return if lonely { Err("nothing lists such objects") } else { Ok(None) };
        }
        let below = format!("{general}/{{}}");
        let writes = self.writes(general) || self.writes(&below);
        if !writes {
            let readable = self.verbs(general).contains(&"get") && self.verbs(&below).contains(&"get");
            return if readable { Err("it can only be read") } else { Ok(None) };
        }
        if general.replace("{}", "").contains(['{', '}']) {
            return Err("its path has a parameter inside a word");
        }
        let Some(list) = self.op(general, "get") else {
            return Err("nothing lists such objects");
        };
        let Some(envelope) = list.answer.plain.as_ref().and_then(|plain| envelope(plain, path)) else {
            return Err("its GET does not answer a list of objects");
        };
        let Some(item) = self.item(&below) else { return Err("no path leads to one object") };
        let create = self.op(general, "post").filter(Op::speaks_json);
        if create.is_none() && [&item.put, &item.patch, &item.post].iter().all(|op| op.is_none()) {
            return Err("nothing makes or changes it with a body of JSON");
        }
        let path = path.trim_end_matches('/').to_owned();
        Ok(Some(Resource { path, list, envelope, create, item }))
    }

    fn item(&self, general: &str) -> Option<Item> {
        let (path, _) = self.places.get(general)?;
        let last = path.trim_end_matches('/').rsplit('/').next()?;
        let json = |verb| self.op(general, verb).filter(Op::speaks_json);
        let item = Item {
            parameter: last.trim_matches(['{', '}']).to_owned(),
            get: self.op(general, "get"),
            put: json("put"),
            patch: json("patch"),
            post: json("post"),
            delete: self.op(general, "delete"),
        };
        let any = [&item.get, &item.put, &item.patch, &item.post, &item.delete];
        any.iter().any(|op| op.is_some()).then_some(item)
    }

    /// The verbs of a path.
    fn verbs(&self, general: &str) -> Vec<&str> {
        let Some((_, pointer)) = self.places.get(general) else { return Vec::new() };
        let place = self.book.place(pointer);
        place.map_or_else(Vec::new, |place| {
            self.book.named(&place).into_iter().map(|(verb, _)| verb).collect()
        })
    }

    fn writes(&self, general: &str) -> bool {
        self.verbs(general).iter().any(|verb| ["post", "put", "patch", "delete"].contains(verb))
    }

    fn op(&self, general: &str, verb: &str) -> Option<Op> {
        let (path, pointer) = self.places.get(general)?;
        let place = self.book.place(pointer)?;
        let own = format!("{place}/{verb}");
        let operation = self.book.operation(&own)?;
        let shared = format!("{place}/parameters");
        let shared: Vec<String> = self.items(&shared);
        let parameters = self.parameters(&operation, &shared);
        let body = operation.request_body.as_ref();
        let pointer = body.and_then(|body| self.book.body(body));
        let answer = self.answer(&operation);
        Some(Op {
            path: (*path).to_owned(),
            parameters,
            other_body: body.is_some() && pointer.is_none(),
            media: pointer.as_deref().and_then(media),
            body: pointer.map(|pointer| plain(self.book, &pointer)),
            answer,
            operation,
        })
    }

    fn items(&self, pointer: &str) -> Vec<String> {
        let items = self.book.raw(pointer).and_then(Json::as_array).map_or(0, Vec::len);
        (0..items).map(|at| format!("{pointer}/{at}")).collect()
    }

    /// The parameters of an operation; its own win over those of its path.
    fn parameters(&self, operation: &Operation, shared: &[String]) -> Vec<Parameter> {
        let own = operation.parameters.iter().filter_map(target);
        let mut all: Vec<Parameter> = Vec::new();
        for pointer in own.chain(shared.iter().map(String::as_str)) {
            let Some(parameter) = self.book.parameter(pointer) else { continue };
            let same =
                |other: &Parameter| place(other) == place(&parameter) && name(other) == name(&parameter);
            if !all.iter().any(same) {
                all.push(parameter);
            }
        }
        all
    }

    fn answer(&self, operation: &Operation) -> Answer {
        let all = &operation.responses.responses;
        let good = |code: &StatusCode| match code {
            StatusCode::Code(code) => (200..300).contains(code),
            StatusCode::Range(hundred) => *hundred == 2,
        };
        let mut schemas = all.iter().filter(|(code, _)| good(code)).filter_map(|(_, one)| self.schema(one));
        schemas.next().unwrap_or_default()
    }

    fn schema(&self, response: &ReferenceOr<Response>) -> Option<Answer> {
        let pointer = self.book.answer(response)?;
        let media = pointer.strip_suffix("/schema").map(str::to_owned);
        Some(Answer { plain: Some(plain(self.book, &pointer)), media })
    }
}

impl Op {
    fn speaks_json(&self) -> bool {
        !self.other_body
    }

    /// What the document says that it does.
    pub fn said(&self) -> Option<String> {
        let texts = [&self.operation.description, &self.operation.summary];
        texts.into_iter().flatten().find_map(|text| super::words::sentence(text))
    }

    /// The query parameters.
    pub fn query(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| place(parameter) == Place::Query)
    }
}

/// Where a parameter travels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

/// Where a parameter travels.
pub fn place(parameter: &Parameter) -> Place {
    match parameter {
        Parameter::Path { .. } => Place::Path,
        Parameter::Query { .. } => Place::Query,
        Parameter::Header { .. } => Place::Header,
        Parameter::Cookie { .. } => Place::Cookie,
    }
}

/// The name of a parameter.
pub fn name(parameter: &Parameter) -> &str {
    &parameter.parameter_data_ref().name
}

/// What a parameter may be.
pub fn form(book: &Book, parameter: &Parameter) -> Option<Plain> {
    use openapiv3::ParameterSchemaOrContent::Schema;
    match &parameter.parameter_data_ref().format {
        Schema(schema) => target(schema).map(|pointer| plain(book, pointer)),
        openapiv3::ParameterSchemaOrContent::Content(_) => None,
    }
}

/// The media type in the pointer of a schema, where it is neither plain JSON nor anything.
fn media(pointer: &str) -> Option<String> {
    let media = pointer.strip_suffix("/schema")?.rsplit('/').next()?;
    let media = media.replace("~1", "/").replace("~0", "~");
    let named = media.split(';').next().unwrap_or_default().trim().to_lowercase();
    (named != "application/json" && named != "*/*").then_some(media)
}

/// A path without what may differ between two spellings of it.
fn general(path: &str) -> String {
    let parts = path.trim_end_matches('/').split('/');
    let parts = parts.map(|part| if part.starts_with('{') && part.ends_with('}') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
