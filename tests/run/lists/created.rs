//! Lists that do not show what a run has just created: they lack other objects too.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::{API, GET, answer, describe_tree, tree};
use crate::support::stub_server::{RawAnswer, ReceivedRequest, StubServer};
use crate::support::workspace::Workspace;

const APPLY: [&str; 5] = ["apply", "--auto-approve", "--max-updates=100%", "--format", "json"];

/// Trees that are kept in the order of their creation; what the list shows of them is for each test to say.
struct Nursery {
    server: StubServer,
    workspace: Workspace,
    trees: Arc<Mutex<Vec<Json>>>,
}

impl Nursery {
    fn new(
        list: &str,
        count: usize,
        shows: impl Fn(&[Json], &ReceivedRequest) -> Vec<Json> + Send + Sync + 'static,
    ) -> Self {
        let trees: Arc<Mutex<Vec<Json>>> = Arc::new(Mutex::new((1..=count).map(tree).collect()));
        let own = Arc::clone(&trees);
        let server = StubServer::with_headers(move |request| {
            respond(&mut own.lock().expect("no panic"), request, &shows)
        });
        let workspace = Workspace::new();
        workspace.write("apis/orchard/api.yaml", API);
        workspace.write("apis/orchard/tree.yaml", &describe_tree(list, GET));
        let settings = format!("targets:\n  home:\n    api: orchard\n    base_url: {}\n", server.url);
        workspace.write("trueup.yaml", &settings);
        Self { server, workspace, trees }
    }

    fn describe(&self, codes: impl IntoIterator<Item = String>) {
        for code in codes {
            let text =
                format!("kind: orchard/tree\nname: {}\nspec: {{ code: {code} }}\n", code.to_lowercase());
            self.workspace.write(&format!("config/{code}.yaml"), &text);
        }
    }

    fn count_created(&self) -> usize {
        self.server.requested().iter().filter(|own| own.verb == "POST").count()
    }
}

fn respond(
    trees: &mut Vec<Json>,
    request: &ReceivedRequest,
    shows: &dyn Fn(&[Json], &ReceivedRequest) -> Vec<Json>,
) -> RawAnswer {
    let path = request.path.split('?').next().unwrap_or_default();
    let id = path.rsplit('/').next().and_then(|id| id.parse::<usize>().ok());
    match (request.verb.as_str(), id) {
        ("GET", None) => answer(200, &json!({ "rows": shows(trees, request) })),
        ("GET", Some(id)) => match trees.iter().find(|own| own["id"] == json!(id)) {
            Some(own) => answer(200, own),
            None => answer(404, &json!({})),
        },
        ("PATCH", Some(id)) => {
            trees[id - 1]
                .as_object_mut()
                .expect("a tree")
                .extend(request.body.as_object().cloned().unwrap_or_default());
            answer(200, &trees[id - 1])
        }
        _ => {
            let mut made = request.body.clone();
            made["id"] = json!(trees.len() + 1);
            trees.push(made.clone());
            answer(200, &made)
        }
    }
}

fn results(report: &Json) -> Vec<(&str, &str)> {
    let results = report["results"].as_array().expect("results");
    let text = |own: &Json| match &own["reasons"][0]["code"] {
        Json::String(code) => code.clone().leak() as &str,
        _ => "",
    };
    results
        .iter()
        .map(|own| (own["result"].as_str().expect("a word").to_owned().leak() as &str, text(own)))
        .collect()
}

const BARE: &str = "{ get: /trees, items: rows }";
const FILTERED: &str = "{ get: /trees, items: rows }\n  find: { query: { code: \"{code}\" } }";

#[test]
fn after_the_first_object_that_the_list_does_not_show_nothing_is_created() {
    // 20 of 30 trees are never listed, and their documents want them
    for (list, wanted) in [(BARE, 15), (FILTERED, 15)] {
        let nursery = Nursery::new(list, 30, |trees, _| trees.iter().take(10).cloned().collect());
        nursery.describe((11..11 + wanted).map(|number| format!("T{number}")));
        let ran = nursery.workspace.expect(1, &APPLY);
        let report = ran.json();
        assert_eq!(nursery.count_created(), 1, "{}", ran.all());
        let said = results(&report);
        assert_eq!(said.iter().filter(|own| **own == ("failed", "incomplete-list")).count(), 1, "{said:?}");
        let refused = said.iter().filter(|own| **own == ("refused", "incomplete-list")).count();
        assert_eq!(refused, wanted - 1, "{said:?}");
        // nor does the next run
        let again = nursery.workspace.run(&APPLY);
        assert_ne!(again.code, Some(0), "{}", again.all());
        assert_eq!(nursery.count_created(), 1, "{}", again.all());
    }
}

#[test]
fn a_filter_that_does_not_show_what_was_created_is_not_believed_either() {
    let nursery = Nursery::new(FILTERED, 3, |trees, request| match request.path.contains("code=") {
        true => Vec::new(),
        false => trees.to_vec(),
    });
    nursery.describe((4..7).map(|number| format!("T{number}")));
    let ran = nursery.workspace.expect(1, &APPLY);
    assert_eq!(nursery.count_created(), 1, "{}", ran.all());
}

#[test]
fn one_object_that_the_list_does_not_show_is_reported() {
    let nursery = Nursery::new(BARE, 30, |trees, _| trees.iter().take(10).cloned().collect());
    nursery.describe(["T20".to_owned()]);
    let ran = nursery.workspace.expect(1, &APPLY);
    let report = ran.json();
    assert_eq!(results(&report), [("failed", "incomplete-list")], "{report:#}");
    let reason = report["results"][0]["reasons"][0]["message"].as_str().expect("a message");
    assert!(reason.contains("does not show it"), "{reason}");
}

#[test]
fn a_list_that_shows_it_within_the_time_of_its_kind_is_believed() {
    let looks = Mutex::new(0);
    let nursery = Nursery::new(BARE, 3, move |trees, _| {
        // the first two looks after a create miss it
        let mut looks = looks.lock().expect("no panic");
        *looks += usize::from(trees.len() > 3);
        trees.iter().take(if *looks <= 2 { 3 } else { trees.len() }).cloned().collect()
    });
    nursery.describe((4..8).map(|number| format!("T{number}")));
    let ran = nursery.workspace.expect(0, &[&APPLY[..], &["--read-back-timeout", "5"]].concat());
    assert_eq!(nursery.count_created(), 4, "{}", ran.all());
}

#[test]
fn objects_of_other_kinds_of_work_go_on() {
    let nursery = Nursery::new(BARE, 10, |trees, _| trees.iter().take(5).cloned().collect());
    nursery.describe((6..9).map(|number| format!("T{number}")));
    nursery
        .workspace
        .write("config/up.yaml", "kind: orchard/tree\nname: up\nspec: { code: T2, height: 9 }\n");
    let ran = nursery.workspace.expect(4, &APPLY);
    assert_eq!(nursery.count_created(), 1, "{}", ran.all());
    let patched = nursery.server.requested().iter().filter(|own| own.verb == "PATCH").count();
    assert_eq!(patched, 1, "{}", ran.all());
    assert_eq!(nursery.trees.lock().expect("no panic").len(), 11);
}
