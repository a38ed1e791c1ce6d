//! A warehouse on loopback whose writes show late, are answered wrongly or not at all, and a workspace with
//! documents of its items.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::support::stub_server::{Answer, ReceivedRequest, StubServer};
use crate::support::workspace::{ProgramOutput, Workspace};

pub const API: &str = "format: 1\ntitle: Warehouse\ndescription: Items.\nformats: [json]\nauth: [bearer]\n";
pub const ITEM: &str = "\
format: 1
title: Item
description: An item of the warehouse.
identity: { id: id, natural_key: [code] }
operations:
  list: { get: /items, items: items, paging: { offset: offset, limit: limit, page_size: 100, total: total } }
  get: { get: '/items/{id}' }
  create: { post: /items, response: object }
  update: { patch: '/items/{id}', body: changes }
  delete: { delete: '/items/{id}' }
properties:
  id: { type: integer, description: The id., read_only: true }
  code: { type: string, description: The code., required: true }
  label: { type: string, description: The label. }
  email: { type: string, description: Where mail goes., when_absent: pending }
  pin: { type: string, description: The PIN., sensitivity: secret, when_absent: hidden }
";

/// What goes wrong.
#[derive(Default, Clone)]
pub struct Faults {
    /// How long reads lag behind writes.
    pub lag: Duration,
    /// How long a write is held before it is carried out and answered.
    pub hold: Duration,
    /// Carried out by so many writes without a success: their status.
    pub carried_out: Vec<u16>,
    /// Not carried out by so many writes: their status.
    pub refused: Vec<u16>,
    /// A create answers with this body.
    pub create_answer: Option<(u16, Json)>,
    /// Writes are answered with success and not carried out.
    pub keeps_nothing: bool,
    /// Someone else creates the same at the same time.
    pub rival: bool,
    /// Reads after the first write are answered with this status.
    pub read_status: Option<u16>,
    /// The service keeps codes trimmed and in lower case.
    pub folds_code: bool,
    /// Reads are answered by a replica that has only what was there at the start.
    pub stale: bool,
}

#[derive(Default)]
pub struct State {
    pub faults: Faults,
    /// What was there, since when. The newest is the last; an item that is gone is null.
    items: Vec<Vec<(Instant, Json)>>,
    has_written: bool,
}

impl State {
    fn add_item(&mut self, body: &Json, shows: Instant) -> Json {
        let mut item = body.clone();
        if let Some(code) = item["code"].as_str().filter(|_| self.faults.folds_code) {
            item["code"] = json!(code.trim().to_lowercase());
        }
        item["id"] = json!(self.items.len() + 1);
        self.items.push(vec![(shows, item.clone())]);
        item
    }

    /// The items as they show at a time.
    fn list_items(&self, now: Instant) -> Vec<Json> {
        let shown = |versions: &Vec<(Instant, Json)>| {
            versions.iter().rev().find(|(since, _)| *since <= now).map(|(_, item)| item.clone())
        };
        self.items.iter().filter_map(shown).filter(|item| !item.is_null()).collect()
    }

    /// The items as they will be.
    pub fn truth(&self) -> Vec<Json> {
        self.items.iter().filter_map(|versions| versions.last()).map(|(_, item)| item.clone()).collect()
    }

    fn write(&mut self, request: &ReceivedRequest, id: usize) -> Answer {
        let shows = Instant::now() + self.faults.lag;
        self.has_written = true;
        let made = match request.verb.as_str() {
            _ if self.faults.keeps_nothing => json!({}),
            "POST" => {
                if self.faults.rival {
                    self.add_item(&request.body, shows);
                }
                self.add_item(&request.body, shows)
            }
            verb => {
                let Some(versions) = self.items.get_mut(id.wrapping_sub(1)) else { return (404, Json::Null) };
                let mut item = versions.last().map(|(_, item)| item.clone()).unwrap_or_default();
                if verb == "DELETE" {
                    item = Json::Null;
                } else {
                    for (name, value) in request.body.as_object().into_iter().flatten() {
                        item[name] = value.clone();
                    }
                }
                versions.push((shows, item.clone()));
                item
            }
        };
        match (&self.faults.create_answer, request.verb.as_str()) {
            (Some(answer), "POST") => answer.clone(),
            (None, "POST") => (201, hide(made)),
            _ => (200, hide(made)),
        }
    }
}

/// An item as reads show it.
fn hide(mut item: Json) -> Json {
    if let Some(members) = item.as_object_mut() {
        members.remove("pin");
        // a new address waits for its owner
        members.remove("email");
    }
    item
}

fn answer(state: &Mutex<State>, request: &ReceivedRequest) -> Answer {
    let path = request.path.split('?').next().unwrap_or_default();
    let id: usize = path.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or_default();
    if request.verb != "GET" {
        let (hold, refused, carried_out) = {
            let faults = &mut state.lock().expect("no panic").faults;
            let refused = (!faults.refused.is_empty()).then(|| faults.refused.remove(0));
            let carried_out = (!faults.carried_out.is_empty()).then(|| faults.carried_out.remove(0));
            (faults.hold, refused, carried_out)
        };
        std::thread::sleep(hold);
        if let Some(status) = refused {
            return (status, json!({}));
        }
        let answered = state.lock().expect("no panic").write(request, id);
        return carried_out.map_or(answered, |status| (status, json!({})));
    }
    let state = state.lock().expect("no panic");
    if let Some(status) = state.faults.read_status.filter(|_| state.has_written) {
        return (status, json!({}));
    }
    let mut items: Vec<Json> = state.list_items(Instant::now()).into_iter().map(hide).collect();
    items.truncate(if state.faults.stale { 1 } else { usize::MAX });
    if id == 0 {
        return (200, json!({ "total": items.len(), "items": items }));
    }
    let found = items.into_iter().find(|item| item["id"] == json!(id));
    found.map_or((404, Json::Null), |item| (200, item))
}

/// The warehouse and a workspace.
pub struct Warehouse {
    pub server: StubServer,
    pub workspace: Workspace,
    state: Arc<Mutex<State>>,
}

impl Warehouse {
    /// One item of someone else, and a document of an item `a`.
    pub fn new(faults: Faults) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let own = Arc::clone(&state);
        let server = StubServer::new(move |request| answer(&own, request));
        let mut workspace = Workspace::new();
        workspace.write("apis/warehouse/api.yaml", API);
        workspace.write("apis/warehouse/item.yaml", ITEM);
        let settings = format!(
            "targets:\n  there:\n    api: warehouse\n    base_url: {}\n    auth: {{ bearer: {{ from_env: KEY }} }}\n",
            server.url
        );
        workspace.write("trueup.yaml", &settings);
        workspace.set("KEY", "any");
        let warehouse = Self { server, workspace, state };
        warehouse.state().add_item(&json!({ "code": "other", "label": "theirs" }), Instant::now());
        warehouse.state().faults = faults;
        warehouse.describe("label: mine");
        warehouse
    }

    /// A description with another line.
    pub fn amend_kind(&self, before: &str, after: &str) {
        let amended = ITEM.replace(before, after);
        assert_ne!(amended, ITEM);
        self.workspace.write("apis/warehouse/item.yaml", &amended);
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// What the document says beside the code.
    pub fn describe(&self, fields: &str) {
        self.write_document(&format!("spec: {{ code: a, {fields} }}\n"));
    }

    pub fn write_document(&self, rest: &str) {
        self.workspace.write("config/a.yaml", &format!("kind: warehouse/item\nname: a\n{rest}"));
    }

    pub fn apply(&self, code: i32, more: &[&str]) -> ProgramOutput {
        self.workspace.expect(code, &[&["apply", "--auto-approve"], more].concat())
    }

    /// How many requests had this method.
    pub fn count(&self, method: &str) -> usize {
        self.server.requested().iter().filter(|request| request.verb == method).count()
    }

    /// The items with the code of the document.
    pub fn own_items(&self) -> Vec<Json> {
        self.state().truth().into_iter().filter(|item| item["code"] == "a").collect()
    }

    /// The item of someone else is as it was.
    pub fn assert_other_untouched(&self) {
        assert_eq!(self.state().truth()[0], json!({ "id": 1, "code": "other", "label": "theirs" }));
    }

    /// The entry of the document's object.
    pub fn entry(&self) -> Json {
        let index: Json = serde_json::from_str(&self.workspace.read(".trueup/index.json")).expect("JSON");
        index["objects"][0].clone()
    }
}
