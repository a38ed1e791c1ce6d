//! From an OpenAPI document to an empty plan over 500 imported objects, without a line by hand: a list with cursors,
//! one with members around its objects, one that takes forms. Each server is written from its document alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value as Json, json};

use crate::support::stub_server::{Answer, ReceivedRequest, StubServer};
use crate::support::workspace::Workspace;

const OBJECTS: usize = 500;

/// The objects of a server, in the order of their ids.
pub type Estate = Arc<Mutex<Vec<Json>>>;

/// A request without its query.
struct Question<'r> {
    verb: &'r str,
    /// Below the collection; empty for the collection itself.
    id: String,
    query: BTreeMap<String, String>,
    body: &'r Json,
}

impl<'r> Question<'r> {
    fn new(request: &'r ReceivedRequest, collection: &str) -> Self {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let (_, below) = path.split_once(collection).unwrap_or_else(|| panic!("{} {path}", request.verb));
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self {
            verb: &request.verb,
            id: below.trim_matches('/').to_owned(),
            query: pairs,
            body: &request.body,
        }
    }

    fn number(&self, name: &str, usual: usize) -> usize {
        self.query.get(name).map_or(usual, |text| text.parse().expect("a number"))
    }
}

fn text_of(id: &Json) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// One object; with a body its members are changed.
fn one(estate: &Estate, question: &Question, body: Option<&Map<String, Json>>) -> Option<Json> {
    let mut all = estate.lock().expect("no panic");
    let object = all.iter_mut().find(|object| text_of(&object["id"]) == question.id)?;
    for (name, value) in body.into_iter().flatten() {
        object[name] = value.clone();
    }
    Some(object.clone())
}

fn found(object: Option<Json>, wrap: impl Fn(Json) -> Json) -> Answer {
    object.map_or((404, json!({ "message": "not found" })), |object| (200, wrap(object)))
}

/// Lamps: pages of at most 60, each with the cursor of the next one.
fn lamps(estate: &Estate, question: &Question) -> Answer {
    if !question.id.is_empty() {
        let body = question.body.as_object().filter(|_| question.verb == "PATCH");
        return found(one(estate, question, body), |object| object);
    }
    let size = question.number("page[size]", 20).min(60);
    let start =
        question.query.get("page[after]").map_or(0, |cursor| cursor[1..].parse().expect("our cursor"));
    let all = estate.lock().expect("no panic");
    let page: Vec<Json> = all.iter().skip(start).take(size).cloned().collect();
    let next = (start + page.len() < all.len()).then(|| format!("c{}", start + page.len()));
    (200, json!({ "data": page, "meta": { "page": { "next_cursor": next, "size": size } } }))
}

/// A lamp.
pub fn make_lamp(number: usize) -> Json {
    json!({
        "id": format!("0f5d2c1e-8a44-4e0b-9d7e-{number:012}"), "name": format!("Lamp {number:03}"),
        "colour": (["white", "red", "green"][number % 3]), "range": number % 20,
        "sectors": [{ "from": 0, "to": number % 360 }], "labels": { "chart": format!("{number}") }, "total_tokens": 7,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z",
    })
}

/// A server with lamps.
pub fn serve_lamps(estate: &Estate) -> StubServer {
    let own = Arc::clone(estate);
    StubServer::new(move |request| lamps(&own, &Question::new(request, "/lamps")))
}

/// Berths: numbered pages of at most 50; objects are in `berth`, also in the bodies of updates.
fn berths(estate: &Estate, question: &Question) -> Answer {
    if !question.id.is_empty() {
        let body = (question.verb == "PUT").then(|| question.body["berth"].as_object().expect("a member"));
        return found(one(estate, question, body), |object| json!({ "berth": object }));
    }
    let (size, page) = (question.number("per_page", 25).min(50), question.number("page", 1));
    if page == 0 {
        return (422, json!({ "message": "pages are counted from 1" }));
    }
    let named = question.query.get("name");
    let all = estate.lock().expect("no panic");
    let all: Vec<&Json> = all.iter().filter(|one| named.is_none_or(|name| one["name"] == **name)).collect();
    let shown: Vec<&&Json> = all.iter().skip((page - 1) * size).take(size).collect();
    let last = all.len().div_ceil(size);
    let next = (page < last).then_some(page + 1);
    let pagination = json!({ "page": page, "per_page": size, "next_page": next, "last_page": last, "total_entries": all.len() });
    (200, json!({ "berths": shown, "meta": { "pagination": pagination } }))
}

/// Fares: bodies are forms, a list goes on after the id of its last object.
fn fares(estate: &Estate, question: &Question) -> Answer {
    if !question.id.is_empty() {
        let form = question.body.as_str().map(read_form);
        return found(one(estate, question, form.as_ref()), |object| object);
    }
    let size = question.number("limit", 10).min(100);
    let all = estate.lock().expect("no panic");
    let start = question
        .query
        .get("starting_after")
        .map_or(0, |id| 1 + all.iter().position(|object| object["id"] == **id).expect("an id of the list"));
    let page: Vec<Json> = all.iter().skip(start).take(size).cloned().collect();
    (
        200,
        json!({ "object": "list", "url": "/v1/fares", "has_more": start + page.len() < all.len(), "data": page }),
    )
}

/// `name=x&metadata[a]=b`, texts as they are.
fn read_form(text: &str) -> Map<String, Json> {
    let mut members = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        match name.split_once('[') {
            Some((name, key)) => {
                members.entry(name).or_insert_with(|| json!({}))[key.trim_end_matches(']')] = json!(value);
            }
            None => {
                members.insert(name.into_owned(), json!(value));
            }
        }
    }
    members
}

/// A document's way to an empty plan; then `before` in a document becomes `after`, and only that is written.
struct Estates {
    document: &'static str,
    kind: &'static str,
    collection: &'static str,
    make: fn(usize) -> Json,
    serve: fn(&Estate, &Question) -> Answer,
    edit: [&'static str; 2],
    sent: Json,
}

impl Estates {
    fn run(&self) {
        let estate: Estate = Arc::new(Mutex::new((1..=OBJECTS).map(self.make).collect()));
        let (own, serve, collection) = (Arc::clone(&estate), self.serve, self.collection);
        let server = StubServer::new(move |request| serve(&own, &Question::new(request, collection)));
        let mut workspace = Workspace::new();
        let document = format!("tests/openapi/estates/{}.yaml", self.document);
        workspace.write("document.yaml", &std::fs::read_to_string(document).expect("a document"));
        let drafted = workspace.expect(0, &["api", "new", "estate", "--from-openapi", "document.yaml"]);
        assert!(!drafted.out.contains("decide "), "nothing to decide\n{}", drafted.out);
        workspace.expect(0, &["api", "check"]);
        let target = json!({ "api": "estate", "base_url": server.url.as_str(), "auth": { "bearer": { "from_env": "KEY" } } });
        workspace.write("trueup.yaml", &json!({ "targets": { "there": target } }).to_string());
        workspace.set("KEY", "any");
        workspace.expect(0, &["api", "try", "there"]).says(&["the description matches", "500 objects"]);
        let kind = format!("estate/{}", self.kind);
        workspace.expect(0, &["import", &kind, "-o", "config", "--single-file"]);
        let summary = |code: i32| {
            let ran = workspace.expect(code, &["plan", "--detailed-exitcode", "--format", "json"]);
            ran.json()["summary"].clone()
        };
        assert_eq!(summary(0)["unchanged"], json!(OBJECTS));
        assert!(server.bodies().is_empty(), "nothing is written so far");
        self.edit_one(&workspace);
        assert_eq!(summary(2)["update"], json!(1));
        workspace.expect(0, &["apply", "--auto-approve"]);
        assert_eq!(
            server.bodies(),
            std::slice::from_ref(&self.sent),
            "the smallest request that the document allows"
        );
        assert_eq!(summary(0)["unchanged"], json!(OBJECTS));
    }

    fn edit_one(&self, workspace: &Workspace) {
        let files = std::fs::read_dir(workspace.path("config")).expect("documents");
        let files: Vec<String> =
            files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let text = workspace.read(&format!("config/{file}"));
        let [before, after] = self.edit;
        assert_eq!(text.matches(before).count(), 1, "{before}");
        workspace.write(&format!("config/{file}"), &text.replace(before, after));
    }
}

#[test]
fn a_list_with_cursors() {
    Estates {
        document: "cursor",
        kind: "lamp",
        collection: "/lamps",
        make: make_lamp,
        serve: lamps,
        edit: ["chart: \"250\"", "chart: Skagerrak"],
        sent: json!({ "labels": { "chart": "Skagerrak" } }),
    }
    .run();
}

#[test]
fn members_around_objects() {
    let make = |number: usize| {
        json!({
            "id": number, "name": format!("berth-{number:03}"), "length": (number as f64 + 0.5), "protection": { "delete": false },
            "servers": [number], "created": "2026-01-01T00:00:00Z",
        })
    };
    Estates {
        document: "envelope",
        kind: "berth",
        collection: "/berths",
        make,
        serve: berths,
        edit: ["length: 250.5", "length: 9.5"],
        sent: json!({ "berth": { "name": "berth-250", "length": 9.5 } }),
    }
    .run();
}

#[test]
fn bodies_are_forms() {
    let make = |number: usize| {
        json!({
            "id": format!("fare_{number:04}"), "object": "fare", "name": format!("Fare {number:03}"), "amount": 100 * number,
            "currency": "nok", "active": true, "metadata": { "pier": format!("p{number}") }, "created": 1_767_225_600,
            "livemode": false,
        })
    };
    Estates {
        document: "form",
        kind: "fare",
        collection: "/v1/fares",
        make,
        serve: fares,
        edit: ["pier: p250", "pier: north"],
        sent: json!("metadata%5Bpier%5D=north"),
    }
    .run();
}
