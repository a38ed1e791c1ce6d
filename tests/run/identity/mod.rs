//! Which live object a document means, and how much of what is there a run may touch.

mod cycles;
mod empty_ids;
mod limits;
mod release;
mod services;
mod similar_keys;
mod unmanaged;

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::support::stub_server::{Answer, ReceivedRequest, StubServer};
use crate::support::workspace::Workspace;

const API: &str = "format: 1\ntitle: Depot\ndescription: Boats.\nformats: [json]\n";
pub const DELETE: &str = "  delete: { delete: '/boats/{id}' }\n";

/// A boat; `operations` are lines beside list and create, `code` words of its natural key.
pub fn describe_boat(operations: &str, code: &str) -> String {
    format!(
        "format: 1
title: Boat
description: One boat.
identity: {{ id: id, natural_key: [code] }}
operations:
  list: {{ get: /boats, items: items }}
  get: {{ get: '/boats/{{id}}' }}
  create: {{ post: /boats, response: object }}
  update: {{ patch: '/boats/{{id}}', body: changes }}
{operations}properties:
  id: {{ type: string, description: The id., read_only: true }}
  code: {{ type: string, description: The code., required: true{code} }}
  crew: {{ type: integer, description: How many people. }}
"
    )
}

/// Boats on a server, and a workspace.
pub struct Depot {
    pub server: StubServer,
    pub workspace: Workspace,
    pub boats: Arc<Mutex<Vec<Json>>>,
}

impl Depot {
    pub fn new(kind: &str, boats: Vec<Json>) -> Self {
        Self::with_writes(kind, boats, |live, sent| {
            sent.as_object().into_iter().flatten().for_each(|(name, value)| live[name] = value.clone());
        })
    }

    /// The same where `write` says what becomes of a boat.
    pub fn with_writes(
        kind: &str,
        boats: Vec<Json>,
        write: impl Fn(&mut Json, &Json) + Send + Sync + 'static,
    ) -> Self {
        let boats = Arc::new(Mutex::new(boats));
        let own = Arc::clone(&boats);
        let server =
            StubServer::new(move |request| answer(&mut own.lock().expect("no panic"), request, &write));
        let workspace = Workspace::new();
        workspace.write("apis/depot/api.yaml", API);
        workspace.write("apis/depot/boat.yaml", kind);
        let settings = format!("targets:\n  there: {{ api: depot, base_url: '{}' }}\n", server.url);
        workspace.write("trueup.yaml", &settings);
        Self { server, workspace, boats }
    }

    /// A document of a boat; `head` are lines above its spec.
    pub fn describe(&self, name: &str, head: &str, spec: &str) {
        let text = format!("kind: depot/boat\nname: {name}\n{head}spec: {{ {spec} }}\n");
        self.workspace.write(&format!("config/{name}.yaml"), &text);
    }

    pub fn boats(&self) -> Vec<Json> {
        self.boats.lock().expect("no panic").clone()
    }

    /// The requests that wrote.
    fn writes(&self) -> Vec<String> {
        self.server.lines().into_iter().filter(|line| !line.starts_with("GET")).collect()
    }
}

pub fn boat(id: &str, code: &str) -> Json {
    json!({ "id": id, "code": code, "crew": 1 })
}

fn answer(boats: &mut Vec<Json>, request: &ReceivedRequest, write: &dyn Fn(&mut Json, &Json)) -> Answer {
    let path = request.path.split('?').next().unwrap_or_default();
    let id = path.rsplit_once("/boats/").map(|(_, id)| id.to_owned());
    let at = id.as_ref().and_then(|id| boats.iter().position(|boat| boat["id"] == json!(id)));
    match (request.verb.as_str(), id, at) {
        ("GET", None, _) => (200, json!({ "items": boats })),
        ("POST", None, _) => {
            let mut made = request.body.clone();
            made["id"] = json!(format!("n{}", boats.len()));
            boats.push(made.clone());
            (201, made)
        }
        ("GET", Some(_), Some(at)) => (200, boats[at].clone()),
        ("PATCH" | "PUT", Some(_), Some(at)) => {
            write(&mut boats[at], &request.body);
            (200, boats[at].clone())
        }
        ("DELETE", Some(_), Some(at)) => {
            boats.remove(at);
            (204, Json::Null)
        }
        _ => (404, Json::Null),
    }
}

/// The codes of all that a plan says beside its objects, their steps and refusals included.
fn codes(report: &Json) -> Vec<String> {
    let mut found = Vec::new();
    collect_codes(report, &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect_codes(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            found.extend(members.get("code").and_then(Json::as_str).map(str::to_owned));
            members.values().for_each(|inner| collect_codes(inner, found));
        }
        Json::Array(items) => items.iter().for_each(|inner| collect_codes(inner, found)),
        _ => {}
    }
}
