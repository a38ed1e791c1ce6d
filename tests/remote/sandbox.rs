//! The sandbox as a client meets it: over real HTTP, in each wire format, with its traps.
//!
//! The built-in kinds are served as they are; a small API described here has the words that they lack. Bodies
//! of the fact pages stand as they are printed there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Map, Value as Json, json};
use trueup::diagnostic::NamedSource;
use trueup::kind::registry::KindRegistry;
use trueup::kind::{
    ArrayType, AuthScheme, FieldType, ItemType, Kind, ReferenceSource, Shape, WireFormat, WriteResponse,
};
use trueup::remote::wire;
use trueup::sandbox::{
    RunningSandbox, SandboxData, SandboxFault, SandboxLauncher, SandboxLogEntry, SandboxOptions,
    SandboxSecretMode, find_example_errors,
};
use trueup::value::{Object, Value};

const CUSTOMER: &str = "3f2b8c1e5d4a4e7f9a601b2c3d4e5f60";
const GATEWAYS: &str = "bootview/customers/3f2b8c1e5d4a4e7f9a601b2c3d4e5f60/paymentgateways";
const PARTNERS: &str = "bootview/customers/3f2b8c1e5d4a4e7f9a601b2c3d4e5f60/partners";
const PARTNER: &str = "9c0d7e421a3b4c5d8e6f70819a2b3c4d";
const FREIGHT: &str = "carrierx/partners/cccccccc-0000-4000-8000-000000000003";
const CLINICS: &str = "carrierx/partners/cccccccc-0000-4000-8000-000000000004";

fn builtin() -> Vec<Arc<Kind>> {
    let registry = KindRegistry::get_builtin();
    registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect()
}

fn start(options: SandboxOptions) -> RunningSandbox {
    SandboxLauncher::start_server(builtin(), SandboxOptions { seed: Some(1), log_bodies: true, ..options })
        .unwrap()
}

struct Reply {
    status: u16,
    content_type: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

/// A client with a good credential for whatever the API takes.
struct Caller<'r> {
    running: &'r RunningSandbox,
    client: Client,
}

impl<'r> Caller<'r> {
    fn new(running: &'r RunningSandbox) -> Self {
        // a second call finds the provider in place
        let _ = rustls::crypto::ring::default_provider().install_default();
        let redirects = reqwest::redirect::Policy::none();
        Self { running, client: Client::builder().redirect(redirects).build().unwrap() }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.request_in("application/json", method, path)
    }

    fn request_in(&self, accept: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}/{path}", self.running.addr());
        let tokens = ["harbor", "keypro"];
        let scheme = if tokens.iter().any(|api| path.starts_with(api)) { "Token" } else { "Bearer" };
        self.client
            .request(Method::from_bytes(method.as_bytes()).unwrap(), url)
            .header("accept", accept)
            .header("authorization", format!("{scheme} good"))
    }

    async fn get(&self, path: &str) -> Reply {
        reply(self.request("GET", path)).await
    }

    async fn send(&self, method: &str, path: &str, body: &Json) -> Reply {
        let request = self.request(method, path).header("content-type", "application/json");
        reply(request.body(body.to_string())).await
    }

    async fn jsv(&self, method: &str, path: &str, body: &str) -> Reply {
        let url = format!("http://{}/{path}", self.running.addr());
        let request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        let request =
            request.header("authorization", "Bearer good").header("accept", "application/jsv, text/jsv");
        reply(request.header("content-type", "application/jsv").body(body.to_owned())).await
    }

    /// The object under test, as the service answers it.
    async fn object(&self, list: &str, id: &str) -> Json {
        let all = self.get(list).await.json();
        let found = all
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item.as_object().unwrap().values().any(|value| value.as_str() == Some(id)));
        found.cloned().unwrap_or_else(|| panic!("no {id} in {list}"))
    }
}

async fn try_reply(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    Ok(Reply { status, content_type: content_type.unwrap_or_default(), body: response.text().await? })
}

async fn reply(request: reqwest::RequestBuilder) -> Reply {
    try_reply(request).await.unwrap()
}

fn fault(text: &str) -> SandboxFault {
    SandboxFault::parse_fault(text).unwrap()
}

fn members(value: Json) -> Map<String, Json> {
    value.as_object().unwrap().clone()
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

// ---- an API with the words that the built-in ones lack ----

const HARBOR: &str = r#"
format: 1
title: Harbor
description: An API for this test.
hosts: [harbor.example]
formats: [json]
auth: [token]
clear_with: { string: empty, other: "null" }
errors:
  messages: [details]
  maps: [""]
"#;

const BERTH: &str = r#"
format: 1
title: Berth
description: Where a ship lies.
scope:
  port: { type: string, description: The port., in: query, example: north }
identity: { id: id, natural_key: [number] }
history: { changed_at: changed }
operations:
  list:
    get: /berths/
    items: Results
    paging: { offset: offset, limit: limit, page_size: 5, next: Next }
  get: { get: "/berths/{id}/", list_with: { id: "{id}" } }
  find: { query: { number: "{number}" } }
  create: { post: /berths/ }
  update: { patch: "/berths/{id}/", body: changes, nested_fields: { granularity: whole } }
  delete: { delete: "/berths/{id}/" }
properties:
  id: { type: integer, description: The id., read_only: true, example: 1 }
  number: { type: string, description: The number., required: true, example: "01" }
  note: { type: string, description: A note., example: x }
  opened: { type: date, description: The day., example: 2026-01-31 }
  quay: { type: integer, description: The quay., read_from: quay.id, example: 4 }
  changed: { type: datetime, description: When it was changed., read_only: true, example: "2026-01-31T08:00:00Z" }
  cards:
    type: array
    description: Cards of the gate.
    unlisted_items: delete
    write_items: changed
    delete_items_through: { member: cardsToDelete, keys: [id] }
    list_type: map
    list_keys: [[code], [id]]
    example: [{ code: a }]
    items:
      properties:
        id: { type: uuid, description: The row., read_only: true, example: a1a2a3a4-b1b2-4c1c-8d1d-e1e2e3e4e5e6 }
        code: { type: string, description: The code., required: true, example: a }
        gate: { type: string, description: The gate., example: west }
  values:
    type: array
    description: Values of free fields.
    unlisted_items: keep
    list_type: map
    list_keys: [[field]]
    example: [{ field: 1, value: "2" }]
    items:
      properties:
        field: { type: integer, description: The field., required: true, example: 1 }
        value: { type: string, description: The value., example: "2" }
examples:
  - scope: { port: north }
    object:
      id: 501
      number: "01"
      note: by the crane
      opened: "2020-02-29"
      quay: { id: 4, name: East }
      changed: "2026-01-31T08:00:00Z"
      cards: [{ id: a1a2a3a4-b1b2-4c1c-8d1d-e1e2e3e4e5e6, code: a, gate: west }]
      values: [{ field: 1, value: "x" }, { field: 2, value: "y" }]
"#;

fn harbor() -> Vec<Arc<Kind>> {
    let mut faults = Vec::new();
    let files = [("apis/harbor/api.yaml", HARBOR), ("apis/harbor/berth.yaml", BERTH)];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).to_vec();
    let registry = KindRegistry::with_workspace(files, &mut faults);
    assert!(faults.is_empty(), "{}", faults[0].message);
    vec![registry.find_kind("harbor/berth").unwrap()]
}

fn start_harbor(options: SandboxOptions) -> RunningSandbox {
    SandboxLauncher::start_server(harbor(), SandboxOptions { seed: Some(1), ..options }).unwrap()
}

#[test]
fn next_pages_by_their_url() {
    run(async {
        let running = start_harbor(SandboxOptions { count: Some(12), ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let (mut path, mut ids) = ("harbor/berths/?port=north&limit=5".to_owned(), Vec::new());
        loop {
            let page = caller.get(&path).await.json();
            ids.extend(page["Results"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()));
            let Some(next) = page["Next"].as_str() else { break };
            let origin = format!("http://{}/", running.addr());
            path = next.strip_prefix(&origin).unwrap_or_else(|| panic!("{next}")).to_owned();
            assert!(path.contains("port=north"), "{path}");
        }
        assert_eq!(ids, (501..513).collect::<Vec<_>>());
    });
}

#[test]
fn a_missing_slash_is_sent_on_and_changes_nothing() {
    run(async {
        let running = start_harbor(SandboxOptions::default());
        let caller = Caller::new(&running);
        let url = format!("http://{}/harbor/berths/501?x=1", running.addr());
        let request = caller.client.patch(url).header("authorization", "Token good").body("{}");
        let response = request.header("accept", "application/json").send().await.unwrap();
        assert_eq!(response.status().as_u16(), 301);
        assert_eq!(response.headers()["location"], "501/?x=1");
    });
}

#[test]
fn a_life_with_whole_ids() {
    run(async {
        let running = start_harbor(SandboxOptions::default());
        let caller = Caller::new(&running);
        let lacking =
            caller.send("POST", "harbor/berths/?port=north", &json!({"note": "x", "opened": "soon"})).await;
        assert_eq!(lacking.status, 400);
        assert_eq!(lacking.json(), json!({"opened": ["this is not a date (2026-01-31)"]}));
        let lacking = caller.send("POST", "harbor/berths/?port=north", &json!({"note": "x"})).await;
        assert_eq!(lacking.json(), json!({"number": ["This field is required."]}));

        let body = json!({"number": "02", "quay": 7, "cards": [{"code": "b"}]});
        let created = caller.send("POST", "harbor/berths/?port=north", &body).await.json();
        assert_eq!((&created["id"], &created["quay"]), (&json!(502), &json!({"id": 7})));
        assert_eq!(caller.get("harbor/berths/502/?port=south").await.status, 404, "another scope");
        assert_eq!(caller.get("harbor/berths/502/").await.json(), created);
        for query in ["number=02", "id=502"] {
            let found = caller.get(&format!("harbor/berths/?{query}")).await.json();
            assert_eq!(found["Results"], json!([created]), "{query}");
        }
        assert_eq!(caller.send("DELETE", "harbor/berths/502/", &json!({})).await.status, 204);
        let gone = caller.send("DELETE", "harbor/berths/502/", &json!({})).await;
        assert_eq!((gone.status, gone.json()), (404, json!({"details": "Not found."})));
    });
}

#[test]
fn lists_that_are_written_in_pieces() {
    run(async {
        let running = start_harbor(SandboxOptions::default());
        let caller = Caller::new(&running);
        let path = "harbor/berths/501/";
        let patch = async |body: Json| caller.send("PATCH", path, &body).await.json();
        let before = caller.get(path).await.json();
        let row = before["cards"][0]["id"].clone();

        // twice without an id: twice made
        patch(json!({"cards": [{"code": "b"}]})).await;
        let after = patch(json!({"cards": [{"code": "b"}]})).await;
        let codes = |of: &Json| {
            of["cards"].as_array().unwrap().iter().map(|card| card["code"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(codes(&after), ["a", "b", "b"]);
        assert_ne!(after["changed"], before["changed"]);
        let after = patch(
            json!({"cards": [{"id": row, "code": "c"}], "cardsToDelete": [{"id": after["cards"][1]["id"]}]}),
        );
        let after = after.await;
        assert_eq!(codes(&after), ["c", "b"]);
        assert_eq!((&after["cards"][0]["id"], &after["cards"][0]["gate"]), (&row, &Json::Null));

        let after = patch(json!({"values": [{"field": 2, "value": "z"}, {"field": 3, "value": "n"}]})).await;
        let expected =
            json!([{"field": 1, "value": "x"}, {"field": 2, "value": "z"}, {"field": 3, "value": "n"}]);
        assert_eq!(after["values"], expected);
    });
}

#[test]
fn a_text_is_cleared_in_the_way_of_the_api() {
    run(async {
        let running = start_harbor(SandboxOptions::default());
        let caller = Caller::new(&running);
        let patch = async |body: Json| caller.send("PATCH", "harbor/berths/501/", &body).await;
        let refused = patch(json!({"note": null})).await;
        assert_eq!((refused.status, refused.json()), (400, json!({"note": ["This field may not be null."]})));
        assert_eq!(patch(json!({"note": ""})).await.json()["note"], "");
        assert_eq!(patch(json!({"opened": ""})).await.status, 400);
        assert_eq!(patch(json!({"opened": null, "quay": null})).await.json()["opened"], Json::Null);
        assert_eq!(caller.get("harbor/berths/501/").await.json()["quay"], Json::Null);
    });
}

#[test]
fn a_merge_may_be_asked_for_all_that_is_required() {
    run(async {
        let running = start(SandboxOptions { require_all_on_merge: true, ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let path = "keypro/customers/501/";
        let refused = caller.send("PATCH", path, &json!({"customer_phone": "1"})).await;
        let missing = json!(["This field is required."]);
        assert_eq!((refused.status, &refused.json()["Customer_state"]), (400, &missing));
        assert!(refused.json().get("customer_phone").is_none());
        let whole = json!({"customer_phone": "1", "customer_number": "10044", "customer_name": "x",
            "Customer_language": 11, "Customer_state": 21, "Customer_type": 31});
        assert_eq!(caller.send("PATCH", path, &whole).await.status, 200);
    });
}

#[test]
fn what_ids_refer_to_is_read_whole_and_listed() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let read = caller.get("keypro/customers/501/").await.json();
        let (id, state) =
            (read["Customer_state"]["id"].clone(), read["Customer_state"]["logical_txt"].clone());
        assert_eq!((id, state), (json!(21), json!("ACTIVE")));
        let url = read["Customer_type"]["list_url"].as_str().unwrap();
        let path = url.strip_prefix(&format!("http://{}/", running.addr())).unwrap();
        let listed = caller.get(path).await.json();
        let names = listed["Results"].as_array().unwrap().iter().map(|thing| thing["logical_txt"].clone());
        assert_eq!(names.collect::<Vec<_>>(), ["COMPANY", "PERSON"]);
        // written and answered flat
        let answer =
            caller.send("PATCH", "keypro/customers/501/", &json!({"Customer_type": 32})).await.json();
        assert_eq!(answer["Customer_type"], 32);
        let read = caller.get("keypro/customers/501/").await.json();
        assert_eq!(read["Customer_type"]["logical_txt"], "PERSON");

        let rules = caller.get("carrierx/accesscontrol/rules?limit=2").await.json();
        assert!(rules["total"].as_u64().is_some_and(|total| total > 2) && rules["has_more"] == true);
        assert_eq!(rules["items"].as_array().unwrap().len(), 2);
        let first = rules["items"][0].clone();
        assert_eq!(first["rule_sid"], "aaaaaaaa-0000-4000-8000-000000000001");
        assert!(first["name"].as_str().is_some_and(|name| name.ends_with("000000000001")));
        let url = format!("http://{}/carrierx/accesscontrol/rules", running.addr());
        assert_eq!(reply(caller.client.get(url)).await.status, 401);
    });
}

#[test]
fn tokens_are_given_for_a_name_and_a_password() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let grant = async |form: &str| {
            let url = format!("http://{}/_sandbox/token", running.addr());
            reply(caller.client.post(url).body(form.to_owned())).await
        };
        let given = grant("grant_type=password&client_id=c&username=me&password=s%26x").await;
        let token = given.json()["access_token"].as_str().unwrap().to_owned();
        let url = format!("http://{}/bokamera/customers", running.addr());
        assert_eq!(reply(caller.client.get(url).bearer_auth(token)).await.status, 200);
        let again = format!("grant_type=refresh_token&refresh_token={}", given.json()["refresh_token"]);
        assert_eq!(grant(&again.replace('"', "")).await.status, 200);
        let refused = grant("grant_type=password&username=me&password=wrong").await;
        assert_eq!((refused.status, &refused.json()["error"]), (401, &json!("invalid_grant")));
        assert_eq!(grant("").await.status, 401);
    });
}

#[test]
fn the_word_before_a_token_counts() {
    run(async {
        let running = start_harbor(SandboxOptions::default());
        let caller = Caller::new(&running);
        let url = format!("http://{}/harbor/berths/", running.addr());
        let refused = reply(caller.client.get(url).bearer_auth("good")).await;
        let message = "Authentication credentials were not provided or are wrong.";
        assert_eq!((refused.status, refused.json()), (401, json!({"details": message})));
        assert_eq!(caller.get("harbor/berths/").await.status, 200);
    });
}

// ---- every kind ----

/// The path of a kind's list, from its first sample.
fn list_path(kind: &Kind) -> String {
    format!("{}{}", kind.api.name, in_scope(kind, kind.operations.list.get.clone()))
}

/// A path in the scope of the first sample.
fn in_scope(kind: &Kind, path: String) -> String {
    let sample = kind.examples.first().expect("a kind has samples");
    sample.scope.iter().fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

/// An object as it was read, in the spelling in which it is written.
fn written(shape: &Shape, read: &Json) -> Json {
    let mut body = Map::new();
    for field in shape.fields.iter().filter(|field| !field.omit_from_writes) {
        let pointer = field.read_from.iter().fold(String::new(), |path, step| format!("{path}/{step}"));
        let Some(value) = read.pointer(&pointer).or_else(|| read.get(&*field.write_to)) else { continue };
        let inner = |value: &Json| match &field.ty {
            FieldType::Object(shape) if value.is_object() => written(shape, value),
            FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) => written(shape, value),
            FieldType::Scalar(_) if value.is_object() => {
                value[&*field.reference.as_ref().unwrap().id].clone()
            }
            _ => value.clone(),
        };
        let value = match value {
            Json::Array(items) => items.iter().map(inner).collect(),
            value => inner(value),
        };
        body.insert(field.write_to.to_string(), value);
    }
    Json::Object(body)
}

/// The path of an object, as an operation names it.
fn path_of(kind: &Kind, template: &str, id: &Json) -> String {
    let id_text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let path = template.replace(&format!("{{{}}}", kind.id_field().name), &id_text);
    format!("{}{}", kind.api.name, in_scope(kind, path))
}

#[test]
fn every_sample_fits_its_kind() {
    for kind in builtin() {
        assert!(!kind.examples.is_empty(), "{} has no samples", kind.name);
        assert_eq!(find_example_errors(&kind), Vec::<String>::new(), "{}", kind.name);
    }
}

#[test]
fn every_kind_lists_all_its_objects_in_each_format() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        for kind in builtin() {
            let mut read = Vec::new();
            for format in &kind.api.formats {
                let accept = match format {
                    WireFormat::Json => "application/json",
                    WireFormat::Jsv => "application/jsv",
                };
                let request = caller.request_in(accept, "GET", &list_path(&kind));
                let answer = reply(request).await;
                assert_eq!(answer.status, 200, "{}", kind.name);
                assert!(answer.content_type.starts_with(accept), "{}", answer.content_type);
                let page = wire::read_page(answer.body.as_bytes(), *format, &kind);
                let Ok(page) = page else { panic!("{}: unreadable {}", kind.name, answer.body) };
                assert_eq!(page.items.len(), kind.examples.len(), "{}", kind.name);
                let misread = page.items.iter().any(|live| !live.mismatches.is_empty());
                assert!(!misread || refers_to_wholes(&kind), "{}: {}", kind.name, answer.body);
                read.push(page.items);
            }
            for other in read.iter().skip(1) {
                let same = read[0].iter().zip(other).all(|(a, b)| same_but_nulls(&a.object, &b.object));
                assert!(same, "{}: the formats differ", kind.name);
            }
        }
    });
}

/// Whether ids stand with the whole thing around them when they are read.
fn refers_to_wholes(kind: &Kind) -> bool {
    let among = kind.shape.fields.iter().filter_map(|field| field.reference.as_ref()?.source.as_ref());
    among.into_iter().any(|among| matches!(among, ReferenceSource::UrlIn(_)))
}

/// JSV leaves nulls out.
fn same_but_nulls(a: &Object, b: &Object) -> bool {
    without_nulls(&Value::Object(Box::new(a.clone())))
        .is_equivalent(&without_nulls(&Value::Object(Box::new(b.clone()))))
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut bare = Object::default();
            for (number, value) in object.fields().filter(|(_, value)| **value != Value::Null) {
                bare.set_field(number, without_nulls(value));
            }
            Value::Object(Box::new(bare))
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[test]
fn every_kind_takes_back_what_it_answered_and_nothing_moves() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        for kind in builtin() {
            let before = running.dump_state()[&*kind.name].clone();
            let write = kind.operations.update.as_ref().unwrap();
            for entry in before.as_array().unwrap() {
                let flags = write.nested_fields.iter().flat_map(|nested| &nested.query);
                let flags: Vec<String> = flags.map(|(name, value)| format!("{name}={value}")).collect();
                let id = &entry["object"][&*kind.id_field().name];
                let path = format!("{}?{}", path_of(&kind, &write.path, id), flags.join("&"));
                let body = written(&kind.shape, &entry["object"]);
                let answer = caller.send(write.method.as_str(), &path, &body).await;
                assert!(answer.status < 300, "{}: {} {}", kind.name, answer.status, answer.body);
            }
            assert_eq!(still(&kind, &running), still_in(&kind, before), "{}", kind.name);
        }
    });
}

/// What the sandbox holds, without the moment of the last change.
fn still(kind: &Kind, running: &RunningSandbox) -> Json {
    still_in(kind, running.dump_state()[&*kind.name].clone())
}

fn still_in(kind: &Kind, mut all: Json) -> Json {
    if let Some(number) = kind.history.changed_at {
        let objects = all.as_array_mut().unwrap().iter_mut();
        objects.for_each(|entry| entry["object"][&*kind.shape.get_field(number).name] = Json::Null);
    }
    all
}

#[test]
fn every_kind_creates() {
    run(async {
        let running = start(SandboxOptions { auto_verify: true, ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        for kind in builtin() {
            let Some(write) = &kind.operations.create else { continue };
            let before = running.dump_state()[&*kind.name].as_array().unwrap().clone();
            let body = written(&kind.shape, &before[0]["object"]);
            let path = path_of(&kind, &write.path, &json!("12345678123442348234123456789abc"));
            let answer = caller.send("POST", &path, &body).await;
            assert!(answer.status < 300, "{}: {} {}", kind.name, answer.status, answer.body);
            let after = running.dump_state()[&*kind.name].as_array().unwrap().clone();
            assert_eq!(after.len(), before.len() + 1, "{}", kind.name);
            assert_eq!(after[..before.len()], before[..], "{}: the others moved", kind.name);
            let id = wire::read_id(answer.body.as_bytes(), WireFormat::Json, &kind, None);
            assert!(id.is_some() || write.response == WriteResponse::None, "{}: {}", kind.name, answer.body);
        }
    });
}

#[test]
fn many_objects_are_unique_and_still_valid() {
    run(async {
        let running = start(SandboxOptions { count: Some(300), ..SandboxOptions::default() });
        for kind in builtin() {
            let all = running.dump_state()[&*kind.name].as_array().unwrap().clone();
            assert_eq!(all.len(), 300);
            let id = &*kind.id_field().name;
            let mut ids: Vec<String> = all.iter().map(|entry| entry["object"][id].to_string()).collect();
            let pointer = format!("/object/{}", kind.list_natural_key_names()[0].replace('.', "/"));
            let mut keys: Vec<String> =
                all.iter().filter_map(|entry| entry.pointer(&pointer)).map(Json::to_string).collect();
            for values in [&mut ids, &mut keys] {
                values.sort();
                values.dedup();
                assert_eq!(values.len(), 300, "{} repeats ids or keys", kind.name);
            }
        }
        // the dump is a data file: every object must fit its kind
        let source = NamedSource::new("dump.json", running.dump_state().to_string());
        let mut faults = Vec::new();
        SandboxData::parse_source(&source, &builtin(), &mut faults);
        assert!(faults.is_empty(), "{}", faults[0].message);
    });
}

// ---- paging and finding ----

#[test]
fn pages_follow_each_other() {
    run(async {
        let running = start(SandboxOptions { count: Some(25), ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let first = caller.get("carrierx/partners").await.json();
        assert_eq!(first["items"].as_array().unwrap().len(), 10, "ten come when nobody says how many");
        let mut seen = Vec::new();
        loop {
            let path = format!("carrierx/partners?limit=7&offset={}", seen.len());
            let page = caller.get(&path).await.json();
            let items = page["items"].as_array().unwrap().clone();
            seen.extend(items.iter().map(|item| item["partner_sid"].to_string()));
            assert_eq!(page["total"], 25);
            assert_eq!(page["has_more"], seen.len() < 25);
            if page["has_more"] == false {
                break;
            }
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((count, seen.len()), (25, 25));
        let beyond = caller.get("carrierx/partners?offset=999").await.json();
        assert_eq!((beyond["items"].clone(), beyond["has_more"].clone()), (json!([]), json!(false)));
        assert_eq!(caller.get("carrierx/partners?limit=x").await.status, 400);
    });
}

#[test]
fn a_filter_finds_by_the_template_of_the_description() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let find = async |filter: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let path = format!("carrierx/partners?{}", query.append_pair("filter", filter).finish());
            let answer = caller.get(&path).await;
            (answer.status, answer.json()["items"].as_array().map_or(0, Vec::len))
        };
        assert_eq!(find(r#"login eq "lakeside""#).await, (200, 1));
        assert_eq!(find(r#"login eq "nobody""#).await, (200, 0));
        assert_eq!(find(r#"login like "lake""#).await, (400, 0));
        // a misspelt parameter filters nothing
        let all = caller.get("carrierx/partners?fitler=x").await.json();
        assert_eq!(all["total"], 4);
    });
}

#[test]
fn a_scope_has_its_own_objects() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let nobody = "bootview/customers/00000000-0000-4000-8000-00000000dead";
        assert_eq!(caller.get(&format!("{nobody}/paymentgateways")).await.json(), json!([]));
        assert_eq!(caller.get(nobody).await.status, 404);
        assert_eq!(caller.get(&format!("bootview/customers/{CUSTOMER}")).await.status, 200);
        // paths are read strictly, and without regard to case
        assert_eq!(caller.get("bootview/customers/zzz/paymentgateways").await.status, 400);
        assert_eq!(caller.get(&GATEWAYS.replace("/customers", "/Customers")).await.status, 200);
        assert_eq!(caller.get(&format!("{GATEWAYS}/")).await.status, 200);
    });
}

#[test]
fn a_list_of_one_may_come_bare() {
    run(async {
        let running =
            start(SandboxOptions { unwrap_single_item: true, count: Some(1), ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        assert_eq!(caller.get(PARTNERS).await.json()["partnerId"], PARTNER);
        assert!(caller.get(GATEWAYS).await.json().is_array(), "only where the description allows it");
        let empty = caller.get("bootview/customers/00000000-0000-4000-8000-00000000dead/partners").await;
        assert_eq!((empty.status, empty.body.as_str()), (204, ""));
    });
}

// ---- replace ----

#[test]
fn a_replace_resets_what_is_left_out() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let before = caller.get(GATEWAYS).await.json()[0].clone();
        let id = before["id"].as_str().unwrap().to_owned();
        let path = format!("{GATEWAYS}/{id}");
        let answer = caller.send("PUT", &path, &json!({"displayName": "Only a name"})).await;
        assert_eq!(answer.status, 200);
        assert_ne!(answer.json(), json!(id), "the id that comes back is of no use");
        let after = caller.object(GATEWAYS, &id).await;
        assert_eq!(after["displayName"], "Only a name");
        assert_eq!(after["merchantKey"], Json::Null);
        assert_eq!(after["allowToken"], false);
        assert_eq!(after["maxPaymentAmount"], 0);
        assert_eq!(after["billTypes"], json!([]));
        assert_eq!(after["customerId"], CUSTOMER, "the path says it");
    });
}

#[test]
fn rows_keep_their_ids_and_new_ones_get_one() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let mut gateway = caller.get(GATEWAYS).await.json()[0].clone();
        let id = gateway["id"].as_str().unwrap().to_owned();
        let known = gateway["billTypes"][0].clone();
        gateway["billTypes"] = json!([
            {"billTypeId": 99, "applyConvenienceFee": true},
            {"id": known["id"], "billTypeId": known["billTypeId"]},
            {"id": "99999999999949999999999999999999", "billTypeId": 98},
        ]);
        caller.send("PUT", &format!("{GATEWAYS}/{id}"), &gateway).await;
        let rows = caller.object(GATEWAYS, &id).await["billTypes"].clone();
        assert_eq!(rows[1]["id"], known["id"]);
        assert_eq!(rows[1]["applyConvenienceFee"], false, "left out of the item, reset");
        for new in [&rows[0], &rows[2]] {
            assert_ne!(new["id"], known["id"]);
            assert_ne!(new["id"], "99999999999949999999999999999999", "an unknown id is not taken");
            assert_eq!(new["paymentGatewayId"].as_str(), Some(&*id));
        }
    });
}

#[test]
fn the_fact_pages_put_in_both_formats_stores_the_same() {
    let jsv = r#"{customerId:3f2b8c1e5d4a4e7f9a601b2c3d4e5f60,partnerId:9c0d7e421a3b4c5d8e6f70819a2b3c4d,partnerMunicipalityCode:HBK,isRealTimeBills:True,isRealTimeBoots:True,connectionProfile:"Server=db7;Port:1433, pool {a}",dbprefix:"",isRealTimePayments:True,loadBootEligibleTicketsOnly:False,isRealTimeReleases:False,isRealTimeTows:True,isRealTimeNotices:False,isRealTimeAddressUpdate:False,isRealTimeTowDispatch:False,isRealTimeBootReturns:False,isRealTimeRecordStatus:False,isRealTimePaymentPlan:False,canCreateBillsForFees:True,partnerServices:[{id:a1a2a3a4b1b24c1c8d1de1e2e3e4e5e6,partnerId:9c0d7e421a3b4c5d8e6f70819a2b3c4d,customerId:3f2b8c1e5d4a4e7f9a601b2c3d4e5f60,serviceName:Tickets,userId:svc-hbk,password:"p""w,1"}]}"#;
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let before = caller.object(PARTNERS, PARTNER).await;
        let answer = caller.jsv("PUT", &format!("{PARTNERS}/{PARTNER}"), jsv).await;
        assert_eq!((answer.status, &*answer.content_type), (200, "application/jsv"));
        assert_eq!(answer.body.len(), 32, "a bare guid: {}", answer.body);
        let by_jsv = caller.object(PARTNERS, PARTNER).await;
        let mut expected = before.clone();
        expected["isRealTimeTows"] = true.into();
        assert_eq!(by_jsv, expected, "only the tows differ from the sample");

        running.reset_state();
        let mut body = before;
        body["dbprefix"] = body["dbPrefix"].take();
        body["isRealTimeTows"] = true.into();
        body.as_object_mut().unwrap().remove("dbPrefix");
        caller.send("PUT", &format!("{PARTNERS}/{PARTNER}"), &body).await;
        assert_eq!(caller.object(PARTNERS, PARTNER).await, by_jsv);
    });
}

#[test]
fn strangers_that_the_object_has_are_kept_when_sent_and_lost_when_not() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let set = members(json!({"isRealTimeFuture": true, "futureList": [{"a": "1", "b": null}]}));
        running.edit_object("bootview/partner", PARTNER, &set).unwrap();
        let mut body = caller.object(PARTNERS, PARTNER).await;
        assert_eq!(body["isRealTimeFuture"], true);
        body["nobodyKnowsThis"] = 1.into();
        let path = format!("{PARTNERS}/{PARTNER}");
        caller.send("PUT", &path, &body).await;
        let kept = caller.object(PARTNERS, PARTNER).await;
        assert_eq!((&kept["isRealTimeFuture"], &kept["futureList"]), (&json!(true), &set["futureList"]));
        assert!(kept.get("nobodyKnowsThis").is_none(), "an unknown member is ignored");
        body.as_object_mut().unwrap().remove("isRealTimeFuture");
        caller.send("PUT", &path, &body).await;
        let lost = caller.object(PARTNERS, PARTNER).await;
        assert!(lost.get("isRealTimeFuture").is_none() && lost.get("futureList").is_some());
        // in JSV, where "1" and 1 look the same
        let answer = caller.jsv("GET", PARTNERS, "").await;
        assert!(answer.body.contains("futureList:[{a:1}]"), "{}", answer.body);
        let jsv = "{partnerMunicipalityCode:HBK,futureList:[{a:1}]}";
        caller.jsv("PUT", &path, jsv).await;
        assert_eq!(caller.object(PARTNERS, PARTNER).await["futureList"][0]["a"], "1");
    });
}

// ---- merge ----

#[test]
fn a_merge_without_the_flag_appends_and_with_it_empties_what_stays_behind() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let before = caller.get(CLINICS).await.json();
        let acl = before["acls"][0].clone();

        let body = json!({"acls": [acl], "attributes": {"tier": "gold", "pilot": null}});
        let answer = caller.send("PATCH", CLINICS, &body).await.json();
        assert_eq!(answer["acls"].as_array().unwrap().len(), 3, "appended");
        assert_eq!(answer["attributes"]["tier"], "gold");
        assert_eq!(answer["attributes"]["seats"], 40, "merged");
        assert_eq!(answer["transformations"], before["transformations"]);

        running.reset_state();
        let path = format!("{CLINICS}?nested_objects=replace");
        let answer = caller.send("PATCH", &path, &json!({"acls": [acl]})).await.json();
        assert_eq!(answer["acls"], json!([acl]), "replaced");
        assert_eq!(answer["attributes"], json!({}), "emptied: it did not ride along");
        assert_eq!(answer["transformations"], json!([]));
        assert_eq!(answer["parent_assigned_acls"], json!([]));

        running.reset_state();
        let answer = caller.send("PATCH", &path, &json!({"city": "Duluth"})).await.json();
        let mut expected = before.clone();
        expected["city"] = "Duluth".into();
        assert_eq!(answer, expected, "without nested fields nothing nested moves");
    });
}

#[test]
fn a_gentle_merge_leaves_the_others_alone() {
    run(async {
        let running = start(SandboxOptions { clear_omitted_nested: false, ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let before = caller.get(CLINICS).await.json();
        let path = format!("{CLINICS}?nested_objects=replace");
        let answer = caller.send("PATCH", &path, &json!({"attributes": {"a": 1}})).await.json();
        let mut expected = before;
        expected["attributes"] = json!({"a": 1});
        assert_eq!(answer, expected);
    });
}

#[test]
fn what_the_service_sets_is_not_taken_from_a_body() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let before = caller.get(FREIGHT).await.json();
        let body = json!({
            "partner_sid": "11111111-1111-4111-8111-111111111111", "balance": "1000000", "login": "other",
            "status": "unverified", "no_such_field": 1, "city": "Superior",
        });
        for (method, path) in [("PATCH", FREIGHT), ("PUT", FREIGHT)] {
            let mut body = body.clone();
            if method == "PUT" {
                let mut whole = before.clone();
                members(body).into_iter().for_each(|(name, value)| whole[name] = value);
                body = whole;
            }
            let mut expected = before.clone();
            expected["city"] = "Superior".into();
            let answer = caller.send(method, path, &body).await;
            assert_eq!((answer.status, answer.json()), (200, expected), "{method}");
        }
    });
}

#[test]
fn numbers_stand_as_the_kind_says_and_are_taken_either_way() {
    run(async {
        let running = start(SandboxOptions { auto_verify: true, ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let mut body = caller.get(FREIGHT).await.json();
        assert_eq!(body["charge_at"], "20");
        body["login"] = "newcomer".into();
        body["password"] = "sandbox-password".into();
        body["charge_at"] = 7.5.into();
        body["prepay_amount"] = "100.00".into();
        let answer = caller.send("POST", "carrierx/partners", &body).await;
        assert_eq!(answer.status, 201);
        let created = answer.json();
        assert_eq!(created["charge_at"], "7.5");
        assert!(created.get("password").is_none(), "write-only");
        let sid = created["partner_sid"].as_str().unwrap();
        assert_eq!(caller.get(&format!("carrierx/partners/{sid}")).await.json(), created);
        assert_eq!(running.dump_state()["carrierx/partner"][4]["object"]["password"], "sandbox-password");
    });
}

// ---- waiting ----

#[test]
fn an_address_waits_for_its_verification() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let patch = json!({"tech_email": "new@example.org", "city": "Superior"});
        let answer = caller.send("PATCH", FREIGHT, &patch).await.json();
        assert_eq!((&answer["tech_email"], &answer["city"]), (&json!("ops@example.org"), &json!("Superior")));
        running.verify_pending();
        assert_eq!(caller.get(FREIGHT).await.json()["tech_email"], "new@example.org");

        // a replace that says nothing of an address that waits wipes it
        caller.send("PATCH", FREIGHT, &json!({"billing_email": "later@example.org"})).await;
        let mut whole = caller.get(FREIGHT).await.json();
        whole["billing_email"] = Json::Null;
        caller.send("PUT", FREIGHT, &whole).await;
        running.verify_pending();
        assert_eq!(caller.get(FREIGHT).await.json()["billing_email"], Json::Null);
    });
}

#[test]
fn a_new_object_shows_once_it_is_verified() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let mut body = caller.get(FREIGHT).await.json();
        body["login"] = "newcomer".into();
        body["password"] = "sandbox-password".into();
        let created = caller.send("POST", "carrierx/partners", &body).await.json();
        assert_eq!(created["owner_email"], Json::Null);
        assert_eq!(created["status"], "unverified");
        let path = format!("carrierx/partners/{}", created["partner_sid"].as_str().unwrap());
        assert_eq!(caller.get(&path).await.status, 404);
        assert_eq!(caller.get("carrierx/partners").await.json()["total"], 4);
        running.verify_pending();
        let seen = caller.get(&path).await.json();
        assert_eq!((&seen["owner_email"], &seen["status"]), (&json!("kim@example.org"), &json!("active")));
        assert_eq!(caller.get("carrierx/partners").await.json()["total"], 5);
    });
}

#[test]
fn secrets_read_back_as_configured() {
    run(async {
        for (secrets, key) in [
            (SandboxSecretMode::Clear, json!("k:9,f")),
            (SandboxSecretMode::Masked, json!("****")),
            (SandboxSecretMode::Hidden, Json::Null),
        ] {
            let running = start(SandboxOptions { secret_mode: secrets, ..SandboxOptions::default() });
            let caller = Caller::new(&running);
            let gateway = caller.object(GATEWAYS, "5e1f0a772c3d4b4e8f506172839405a6").await;
            assert_eq!(gateway["merchantKey"], key);
            // whoever writes the mask back has it stored
            caller.send("PUT", &format!("{GATEWAYS}/5e1f0a772c3d4b4e8f506172839405a6"), &gateway).await;
            let stored = running.dump_state()["bootview/payment-gateway"][0]["object"]["merchantKey"].clone();
            assert_eq!(stored, key);
        }
    });
}

// ---- formats ----

#[test]
fn the_traps_of_content_negotiation() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let get = async |accept: Option<&str>, suffix: &str| {
            let url = format!("http://{}/{GATEWAYS}{suffix}", running.addr());
            let mut request = caller.client.get(url).bearer_auth("good");
            request = request.header("accept", accept.unwrap_or("*/*"));
            let answer = reply(request).await;
            (answer.status, answer.content_type.split(';').next().unwrap().to_owned())
        };
        let html = (200, "text/html".to_owned());
        assert_eq!(get(None, "").await, html);
        assert_eq!(get(Some("text/jsv"), "").await, html);
        assert_eq!(get(Some("application/*"), "").await, html);
        assert_eq!(get(Some("text/jsv, application/jsv;q=0.1"), "").await, (200, "application/jsv".into()));
        assert_eq!(get(Some("text/jsv"), "?format=jsv").await, (200, "application/jsv".into()));
        assert_eq!(get(None, ".json").await, (200, "application/json".into()));

        let other = caller.client.get(format!("http://{}/carrierx/partners", running.addr()));
        assert_eq!(
            reply(other.bearer_auth("good").header("accept", "*/*")).await.content_type,
            "application/json; charset=utf-8"
        );
        let other = caller.client.get(format!("http://{}/carrierx/partners", running.addr()));
        assert_eq!(reply(other.bearer_auth("good").header("accept", "text/csv")).await.status, 406);
    });
}

#[test]
fn a_body_that_is_not_read_is_all_defaults_on_one_host_and_refused_on_the_other() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let path = format!("{PARTNERS}/{PARTNER}");
        let whole = caller.object(PARTNERS, PARTNER).await.to_string();
        // read as nothing at all: even what is required is missing
        let form = caller.request("PUT", &path).header("content-type", "application/merge-patch+json");
        assert_eq!(reply(form.body(whole.clone())).await.status, 400);
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(whole.clone())]);
        let chunked = caller.request("PUT", &path).header("content-type", "application/json");
        let answer = reply(chunked.body(reqwest_body(chunks))).await;
        assert_eq!(answer.status, 400);
        let named = answer.json()["responseStatus"]["errors"][0].clone();
        assert_eq!(named["fieldName"], "PartnerMunicipalityCode");
        assert_eq!(named["message"], "'Partner Municipality Code' should not be empty.");
        // JSON sent as JSV binds nothing; members after a blank are lost
        assert_eq!(caller.jsv("PUT", &path, &whole).await.status, 400);
        caller.jsv("PUT", &path, "{partnerMunicipalityCode:A, isRealTimeBoots:True}").await;
        assert_eq!(caller.object(PARTNERS, PARTNER).await["isRealTimeBoots"], false);
        assert_eq!(caller.jsv("PUT", &path, "{partnerMunicipalityCode:A}\n").await.status, 400);

        let other = caller.request("PATCH", FREIGHT).header("content-type", "text/plain");
        assert_eq!(reply(other.body("{}")).await.status, 415);
        let other = caller.request("PATCH", FREIGHT).header("content-type", "application/json");
        assert_eq!(reply(other.body("{\"city\":")).await.status, 400);
    });
}

/// A body of unknown length, which is sent in chunks.
fn reqwest_body(
    chunks: impl futures_util::Stream<Item = Result<String, std::io::Error>> + Send + Sync + 'static,
) -> reqwest::Body {
    use futures_util::StreamExt;
    let frames = chunks.map(|chunk| chunk.map(|text| hyper::body::Frame::data(bytes::Bytes::from(text))));
    reqwest::Body::wrap(http_body_util::StreamBody::new(frames))
}

#[test]
fn wrong_values_become_zeros_silently_or_are_refused_by_name() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let mut gateway = caller.get(GATEWAYS).await.json()[0].clone();
        let id = gateway["id"].as_str().unwrap().to_owned();
        gateway["testMode"] = true.into();
        gateway["allowToken"] = "yes".into();
        gateway["maxPaymentAmount"] = serde_json::from_str("1e3").unwrap();
        gateway["displayName"] = 5.into();
        let body = gateway.to_string().replace("1000.0", "1e3");
        let request = caller.request("PUT", &format!("{GATEWAYS}/{id}"));
        assert_eq!(reply(request.header("content-type", "application/json").body(body)).await.status, 200);
        let stored = caller.object(GATEWAYS, &id).await;
        assert_eq!(stored["testMode"], 0);
        assert_eq!(stored["allowToken"], false);
        assert_eq!(stored["maxPaymentAmount"], 0);
        assert_eq!(stored["displayName"], "5");

        let answer = caller.send("PATCH", FREIGHT, &json!({"acls": "all of them", "city": "Superior"})).await;
        assert_eq!(answer.status, 422);
        assert_eq!(answer.json()["errors"], json!([{"field": "acls", "message": "a list is expected"}]));
        assert_eq!(caller.get(FREIGHT).await.json()["city"], "Duluth", "nothing of it is kept");
    });
}

// ---- refusals ----

#[test]
fn every_api_wants_a_credential() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        for kind in builtin() {
            let word = if kind.api.auth.contains(&AuthScheme::Token) { "Token" } else { "Bearer" };
            let get = |credential: Option<&'static str>| {
                let url = format!("http://{}/{}", running.addr(), list_path(&kind));
                let request = caller.client.get(url).header("accept", "application/json");
                reply(match credential {
                    Some(credential) => request.header("authorization", format!("{word} {credential}")),
                    None => request,
                })
            };
            for refused in [get(None).await, get(Some("wrong")).await] {
                assert_eq!(refused.status, 401, "{}", kind.name);
                let pointer = format!("/{}", kind.api.errors.messages[0].replace('.', "/"));
                let message = refused.json().pointer(&pointer).and_then(Json::as_str).map(str::to_owned);
                assert!(message.is_some_and(|message| message.contains("credentials")), "{}", refused.body);
            }
            assert_eq!(get(Some("anything")).await.status, 200);
        }
    });
}

#[test]
fn a_login_answers_a_token_that_works() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let login = json!({"email": "a@example.org", "password": "sandbox"});
        let token = caller.send("POST", "bootview/login", &login).await.json()["authToken"].clone();
        let url = format!("http://{}/{GATEWAYS}", running.addr());
        let with =
            |query: &str| caller.client.get(format!("{url}{query}")).header("accept", "application/json");
        let get = || with("");
        let token = token.as_str().unwrap();
        assert_eq!(reply(get().header("x-auth-token", token)).await.status, 200);
        assert_eq!(reply(with(&format!("?token={token}"))).await.status, 200);
        assert_eq!(reply(get().basic_auth("me", Some("sandbox"))).await.status, 200);
        assert_eq!(reply(get().basic_auth("me", Some("wrong"))).await.status, 401);
        // what already means something is no credential
        assert_eq!(reply(with("?format=json")).await.status, 401);
        let wrong = json!({"email": "a@example.org", "password": "wrong"});
        assert_eq!(caller.send("POST", "bootview/login", &wrong).await.status, 401);
        let jsv = caller.jsv("POST", "bootview/login", r#"{email:a@example.org,password:"sand,box"}"#).await;
        assert!(jsv.body.starts_with("{authToken:"), "{}", jsv.body);
    });
}

#[test]
fn what_is_not_there_is_refused_as_the_host_does() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let lost = caller.get("carrierx/partners/00000000-0000-4000-8000-000000000000").await;
        assert_eq!((lost.status, &lost.json()["message"]), (404, &json!("Not found.")));
        assert_eq!(caller.get("carrierx/nothing").await.status, 404);
        assert_eq!(caller.send("DELETE", FREIGHT, &json!({})).await.status, 405);
        let lost = caller.send("PATCH", &format!("{GATEWAYS}/{PARTNER}"), &json!({})).await;
        assert_eq!((lost.status, &*lost.content_type), (404, "text/plain; charset=utf-8"));
        let none = caller.send("PUT", &format!("{GATEWAYS}/{PARTNER}"), &json!({"displayName": "x"})).await;
        assert_eq!(
            (none.status, none.json()["responseStatus"]["errorCode"].as_str()),
            (404, Some("NotFound"))
        );
        assert!(caller.get("nowhere/x").await.body.contains("/bootview"));
        // the pair exists already
        let again = json!({"partnerMunicipalityCode": "A"});
        assert_eq!(caller.send("POST", &format!("{PARTNERS}/{PARTNER}"), &again).await.status, 409);
    });
}

// ---- faults, log, doors ----

#[test]
fn faults_strike_as_often_as_configured() {
    run(async {
        let faults = vec![fault("PATCH:503:2"), fault("GET:429:1:/partners")];
        let running = start(SandboxOptions { faults, ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let patch = json!({"city": "Superior"});
        for expected in [503, 503, 200] {
            assert_eq!(caller.send("PATCH", FREIGHT, &patch).await.status, expected);
        }
        let url = format!("http://{}/{FREIGHT}", running.addr());
        let response = caller.client.get(url).bearer_auth("good").send().await.unwrap();
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(caller.get(FREIGHT).await.status, 200);
    });
}

#[test]
fn broken_connections_with_and_without_the_write() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let city = async || caller.get(FREIGHT).await.json()["city"].clone();
        let patch = async |city: &str| {
            let request = caller.request("PATCH", FREIGHT).header("content-type", "application/json");
            try_reply(request.body(json!({"city": city}).to_string())).await
        };
        running.add_fault(fault("PATCH:reset"));
        assert!(patch("A").await.is_err());
        assert_eq!(city().await, "Duluth");
        running.add_fault(fault("PATCH:reset-after"));
        assert!(patch("B").await.is_err());
        assert_eq!(city().await, "B");
        running.add_fault(fault("PATCH:truncate"));
        assert!(patch("C").await.is_err());
        assert_eq!(city().await, "C");
        running.add_fault(fault("PATCH:keep-nothing"));
        assert_eq!(patch("D").await.unwrap().json()["city"], "D");
        assert_eq!(city().await, "C");
        running.add_fault(fault("PATCH:html"));
        assert!(patch("E").await.unwrap().body.starts_with("<!DOCTYPE html>"));
        assert_eq!(city().await, "C");
        running.add_fault(fault("PATCH:echo"));
        let echoed = patch("F").await.unwrap();
        assert!(echoed.status == 400 && echoed.body.contains(r#"{\"city\":\"F\"}"#), "{}", echoed.body);
    });
}

#[test]
fn a_hanging_request_hangs_and_the_sandbox_still_stops() {
    run(async {
        let running = start(SandboxOptions { faults: vec![fault("*:hang")], ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let hung = try_reply(caller.request("GET", FREIGHT).timeout(Duration::from_millis(300))).await;
        assert!(hung.err().unwrap().is_timeout());
        assert_eq!(caller.get(FREIGHT).await.status, 200);
        let mut still = caller.request("GET", FREIGHT).timeout(Duration::from_secs(30)).build().unwrap();
        running.add_fault(fault("*:hang"));
        *still.timeout_mut() = None;
        let waiting = tokio::spawn(caller.client.execute(still));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let start = Instant::now();
        let addr = running.addr();
        running.shut_down();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(waiting.await.unwrap().is_err());
        assert!(std::net::TcpStream::connect(addr).is_err());
    });
}

#[test]
fn endless_pages_and_floods() {
    run(async {
        let faults = vec![fault("GET:endless:3"), fault("GET:flood")];
        let running = start(SandboxOptions { faults, ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        for offset in [0, 1_000, 2_000] {
            let page = caller.get(&format!("carrierx/partners?limit=1000&offset={offset}")).await.json();
            assert_eq!((page["has_more"].clone(), page["items"].as_array().unwrap().len()), (json!(true), 4));
        }
        let mut response = caller.request("GET", "carrierx/partners").send().await.unwrap();
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.unwrap() {
            bytes += chunk.len();
        }
        assert!(bytes >= 200 * 1024 * 1024);
    });
}

#[test]
fn latency_delays_each_answer() {
    run(async {
        let running =
            start(SandboxOptions { latency: Duration::from_millis(80), ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let start = Instant::now();
        let (a, b) = tokio::join!(caller.get(FREIGHT), caller.get(CLINICS));
        assert_eq!((a.status, b.status), (200, 200));
        let taken = start.elapsed();
        assert!(taken >= Duration::from_millis(80) && taken < Duration::from_secs(5));
    });
}

#[test]
fn the_log_says_what_was_asked_and_no_values_of_the_query() {
    run(async {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let watch = move |entry: &SandboxLogEntry| notes.lock().unwrap().push(entry.to_json_line());
        let options = SandboxOptions { observer: Some(Arc::new(watch)), ..SandboxOptions::default() };
        let running = SandboxLauncher::start_server(builtin(), options).unwrap();
        let caller = Caller::new(&running);
        let path = format!("{CLINICS}?nested_objects=replace&token=canary-7f3a");
        caller.send("PATCH", &path, &json!({"acls": []})).await;
        let log = caller.get("_sandbox/log").await;
        let line: Json = serde_json::from_str(log.body.lines().next().unwrap()).unwrap();
        assert_eq!(line["method"], "PATCH");
        assert_eq!(line["path"], format!("/{CLINICS}"));
        assert_eq!(line["query"], json!({"nested_objects": "replace", "token": "…"}));
        assert_eq!((&line["status"], &line["bytes"]), (&json!(200), &json!(11)));
        assert!(line["duration_ms"].is_u64() && line.get("body").is_none());
        assert_eq!(*seen.lock().unwrap(), [log.body.lines().next().unwrap()]);
        assert_eq!(running.read_log().len(), 1, "the doors are not in the log");
    });
}

#[test]
fn the_doors_edit_dump_verify_and_reset() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let start = caller.get("_sandbox/dump").await.json();
        let edit = json!({"kind": "carrierx/partner", "id": "cccccccc000040008000000000000003",
            "set": {"city": "Behind", "balance": "3"}});
        assert_eq!(caller.send("POST", "_sandbox/edit", &edit).await.status, 204);
        let edited = caller.get(FREIGHT).await.json();
        assert_eq!((&edited["city"], &edited["balance"]), (&json!("Behind"), &json!("3")));
        caller.send("PATCH", FREIGHT, &json!({"tech_email": "x@example.org"})).await;
        assert_eq!(caller.send("POST", "_sandbox/verify", &json!({})).await.status, 204);
        assert_eq!(caller.get(FREIGHT).await.json()["tech_email"], "x@example.org");
        assert_eq!(caller.send("POST", "_sandbox/reset", &json!({})).await.status, 204);
        assert_eq!(caller.get("_sandbox/dump").await.json(), start);
        for wrong in [
            json!({"kind": "no/kind", "id": "1", "set": {}}),
            json!({"kind": "carrierx/partner", "id": "zzz", "set": {}}),
            json!({"kind": "carrierx/partner", "id": PARTNER, "set": {}}),
            json!({"kind": "carrierx/partner", "id": "cccccccc000040008000000000000003", "set": {"acls": 1}}),
            json!([]),
        ] {
            assert_eq!(caller.send("POST", "_sandbox/edit", &wrong).await.status, 400, "{wrong}");
        }
        assert_eq!(caller.get("_sandbox/nothing").await.status, 404);
    });
}

#[test]
fn with_a_seed_two_sandboxes_make_the_same() {
    run(async {
        let mut dumps = Vec::new();
        for _ in 0..2 {
            let running = start(SandboxOptions { count: Some(20), ..SandboxOptions::default() });
            let caller = Caller::new(&running);
            caller
                .send("POST", GATEWAYS, &json!({"displayName": "New", "billTypes": [{"billTypeId": 1}]}))
                .await;
            dumps.push(running.dump_state());
        }
        assert_eq!(dumps[0], dumps[1]);
        let new = &dumps[0]["bootview/payment-gateway"][20]["object"];
        assert_eq!(new["customerId"], CUSTOMER);
        assert_eq!(new["billTypes"][0]["paymentGatewayId"], new["id"]);
        assert_ne!(new["billTypes"][0]["id"], Json::Null);
    });
}

#[test]
fn a_data_file_takes_the_place_of_the_samples() {
    let text = "carrierx/partner:\n  - object:\n      login: only\n      name: One\n      balance: '7.50'\n      brand_sid: b-1\n\
                bootview/partner:\n  - scope: { customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 }\n    object: { partnerId: 9c0d7e421a3b4c5d8e6f70819a2b3c4d }\n";
    let mut faults = Vec::new();
    let data = SandboxData::parse_source(&NamedSource::new("data.yaml", text), &builtin(), &mut faults);
    assert!(faults.is_empty(), "{}", faults[0].message);
    run(async {
        let running = start(SandboxOptions { data: Some(data), ..SandboxOptions::default() });
        let caller = Caller::new(&running);
        let page = caller.get("carrierx/partners").await.json();
        assert_eq!(page["total"], 1);
        assert_eq!(
            (&page["items"][0]["balance"], &page["items"][0]["brand_sid"]),
            (&json!("7.50"), &json!("b-1"))
        );
        assert_eq!(caller.get(PARTNERS).await.json()[0]["customerId"], CUSTOMER);
        assert_eq!(caller.get(GATEWAYS).await.json(), json!([]));
    });
}

#[test]
fn faults_of_a_data_file_are_reported_with_their_places() {
    let text = "carrierx/partners: []\ncarrierx/partner:\n  - object: { login: x, acls: [1], balance: much }\n  - nothing: 1\nbootview/partner:\n  - { object: {} }\nkeypro/customer: 7\n";
    let mut faults = Vec::new();
    SandboxData::parse_source(&NamedSource::new("data.yaml", text), &builtin(), &mut faults);
    let said: Vec<_> = faults
        .iter()
        .map(|fault| (fault.code, fault.location.as_ref().unwrap().find_line_column()))
        .collect();
    assert_eq!(
        said,
        [
            ("unknown-kind", (1, 1)),
            ("sandbox-data", (3, 45)),
            ("sandbox-data", (3, 32)),
            ("sandbox-data", (4, 5)),
            ("sandbox-data", (6, 5)),
            ("sandbox-data", (7, 18)),
        ]
    );
}

#[test]
fn a_page_from_elsewhere_gets_nothing() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        for (host, expected) in
            [("evil.example", 403), ("127.0.0.1.evil.example:80", 403), ("localhost:1", 200)]
        {
            for path in ["_sandbox/dump", FREIGHT] {
                let answer = reply(caller.request("GET", path).header("host", host)).await;
                assert_eq!(answer.status, expected, "{host} {path}");
            }
        }
        assert_eq!(running.read_log().len(), 1);
    });
}

#[test]
fn of_a_member_that_stands_twice_the_last_counts() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let request = caller.request("PATCH", &format!("{FREIGHT}?nested_objects=replace"));
        let body = r#"{"city":"A","attributes":{"a":1,"b":2,"a":3},"city":"B"}"#;
        let answer = reply(request.header("content-type", "application/json").body(body)).await.json();
        assert_eq!((&answer["city"], &answer["attributes"]), (&json!("B"), &json!({"a": 3, "b": 2})));
    });
}

#[test]
fn no_body_brings_it_down() {
    run(async {
        let running = start(SandboxOptions::default());
        let caller = Caller::new(&running);
        let deep = "[".repeat(50_000);
        let deep_jsv = format!("{{connectionProfile:{}", "{a:".repeat(20_000));
        let odd = [
            "",
            "{",
            "[",
            "null",
            "\"",
            "{\"a\"",
            "{}{}",
            &deep,
            "{a:\"",
            "{:}",
            "{,}",
            "[,",
            "{\"acls\":[null,[],{}]}",
            "{\"partnerServices\":{}}",
            "{partnerServices:[{},]}",
            "{partnerServices:[{}",
            &deep_jsv,
            "\u{0}\u{fffd}",
            "{\"attributes\":{\"a\":[[[1e999999]]]}}",
            "{\"zip\":{\"$gt\":\"\"}}",
        ];
        for body in odd {
            for (method, path, content_type) in [
                ("PUT", format!("{PARTNERS}/{PARTNER}"), "application/json"),
                ("PUT", format!("{PARTNERS}/{PARTNER}"), "application/jsv"),
                ("PATCH", FREIGHT.to_owned(), "application/json"),
                ("POST", "carrierx/partners".to_owned(), "application/json"),
                ("POST", "bootview/login".to_owned(), "application/jsv"),
                ("POST", "_sandbox/edit".to_owned(), "application/json"),
            ] {
                let request = caller.request(method, &path).header("content-type", content_type);
                let answer = reply(request.body(body.to_owned())).await;
                assert!(answer.status < 500, "{method} {path}: {}", answer.status);
            }
        }
        let bytes = caller.request("PUT", FREIGHT).header("content-type", "application/json");
        assert_eq!(reply(bytes.body(vec![0xff, 0xfe, b'{'])).await.status, 400);
        let large = caller.request("PATCH", FREIGHT).header("content-type", "application/json");
        let large = try_reply(large.body(vec![b' '; 65 * 1024 * 1024])).await;
        assert!(large.is_ok_and(|answer| answer.status == 413));
        assert_eq!(caller.get(FREIGHT).await.status, 200);
    });
}
