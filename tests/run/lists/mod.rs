//! Lists that a service shows only in part, and what is done then: nothing that assumes that the rest was seen.

mod created;
mod incomplete;
mod keyed_members;
mod members;
mod responses;
mod summaries;
mod values;

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::support::stub_server::{RawAnswer, ReceivedRequest, StubServer};
use crate::support::workspace::Workspace;

const API: &str = "format: 1\ntitle: Orchard\ndescription: Trees in rows.\nformats: [json]\n";

/// A kind whose list is read like this; `operations` are lines beside the list.
fn describe_tree(list: &str, operations: &str) -> String {
    format!(
        "format: 1
title: Tree
description: One tree.
identity: {{ id: id, natural_key: [code] }}
operations:
  list: {list}
{operations}  create: {{ post: /trees, response: object }}
  update: {{ patch: \"/trees/{{id}}\", body: changes, response: object }}
  delete: {{ delete: \"/trees/{{id}}\" }}
properties:
  id: {{ type: integer, description: The number., read_only: true, omit_from: [writes], example: 1 }}
  code: {{ type: string, description: The code., required: true, example: T1 }}
  height: {{ type: integer, description: Its height., example: 3 }}
examples:
  - object: {{ id: 1, code: T1, height: 3 }}
"
    )
}

const GET: &str = "  get: { get: \"/trees/{id}\" }\n";

/// Trees behind a list that may hide some of them.
struct Orchard {
    server: StubServer,
    workspace: Workspace,
    written: Arc<Mutex<Vec<String>>>,
}

impl Orchard {
    /// An orchard whose list answers as `list` says; single trees up to `count` are read by their ids.
    fn new(
        kind: &str,
        count: usize,
        list: impl Fn(&ReceivedRequest) -> RawAnswer + Send + Sync + 'static,
    ) -> Self {
        let written: Arc<Mutex<Vec<String>>> = Arc::default();
        let own = Arc::clone(&written);
        let server = StubServer::with_headers(move |request| {
            let path = request.path.split('?').next().unwrap_or_default();
            let id = path.rsplit('/').next().and_then(|id| id.parse::<usize>().ok());
            match (request.verb.as_str(), id) {
                ("GET", Some(id)) if id <= count => answer(200, &tree(id)),
                ("GET", Some(_)) => answer(410, &json!({})),
                ("GET", None) => list(request),
                (verb, _) => {
                    own.lock().expect("no panic").push(format!("{verb} {path}"));
                    let mut made = tree(id.unwrap_or(900));
                    if let (Some(made), Some(sent)) = (made.as_object_mut(), request.body.as_object()) {
                        made.extend(sent.clone());
                    }
                    answer(200, &made)
                }
            }
        });
        let workspace = Workspace::new();
        workspace.write("apis/orchard/api.yaml", API);
        workspace.write("apis/orchard/tree.yaml", kind);
        let settings = format!("targets:\n  home:\n    api: orchard\n    base_url: {}\n", server.url);
        workspace.write("trueup.yaml", &settings);
        Self { server, workspace, written }
    }

    /// Documents of these trees, as they are but for a height where one is given.
    fn document(self, trees: impl IntoIterator<Item = usize>, height: Option<usize>) -> Self {
        for number in trees {
            let height = height.unwrap_or(number);
            let text = format!(
                "kind: orchard/tree\nname: t{number}\nspec: {{ code: T{number}, height: {height} }}\n"
            );
            self.workspace.write(&format!("config/t{number}.yaml"), &text);
        }
        self
    }

    fn plan(&self, code: i32) -> Json {
        self.workspace.expect(code, &["plan", "--format", "json"]).json()
    }

    /// The requests that wrote.
    fn written(&self) -> Vec<String> {
        self.written.lock().expect("no panic").clone()
    }

    /// How many requests asked for the list.
    fn count_list_requests(&self) -> usize {
        self.server
            .requested()
            .iter()
            .filter(|requested| requested.path.contains("/trees?") || requested.path.ends_with("/trees"))
            .count()
    }
}

fn tree(id: usize) -> Json {
    json!({ "id": id, "code": format!("T{id}"), "height": id })
}

fn trees(ids: impl IntoIterator<Item = usize>) -> Vec<Json> {
    ids.into_iter().map(tree).collect()
}

fn answer(status: u16, body: &Json) -> RawAnswer {
    RawAnswer { status, headers: "content-type: application/json\r\n".to_owned(), body: body.to_string() }
}

/// A number among the query parameters.
fn parameter(request: &ReceivedRequest, name: &str) -> Option<usize> {
    let (_, query) = request.path.split_once('?')?;
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(own, _)| *own == name)?.1.parse().ok()
}

/// The reasons why lists of a plan are not complete.
fn reasons(plan: &Json) -> Vec<String> {
    let lists = plan["collections"].as_array().into_iter().flatten();
    lists.filter_map(|list| Some(list["reason"].as_str()?.to_owned())).collect()
}
