//! Objects that are gone between the plan and their write: that is what is said, whatever a new object would need.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use crate::identity::{boat, describe_boat};
use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

/// A boat that the first list shows, and nothing after it.
fn vanishing() -> StubServer {
    let lists = Arc::new(AtomicUsize::new(0));
    StubServer::new(move |request| match (request.verb.as_str(), request.path.contains("/boats/")) {
        ("GET", false) => {
            let is_first = lists.fetch_add(1, Ordering::SeqCst) == 0;
            let boats = if is_first { vec![boat("b1", "one")] } else { Vec::new() };
            (200, json!({ "items": boats, "total": boats.len() }))
        }
        _ => (404, Json::Null),
    })
}

#[test]
fn an_object_that_is_gone_before_its_write_is_said_to_be() {
    let plain = describe_boat("", "");
    let kinds = [
        plain.clone(),
        // neither of these could be created
        plain.replace("  create: { post: /boats, response: object }\n", ""),
        plain.clone() + "  keel: { type: integer, description: The keel., required: true }\n",
    ];
    for kind in kinds {
        let (server, workspace) = (vanishing(), Workspace::new());
        workspace
            .write("apis/depot/api.yaml", "format: 1\ntitle: Depot\ndescription: Boats.\nformats: [json]\n");
        workspace.write("apis/depot/boat.yaml", &kind);
        let target = format!("targets:\n  there: {{ api: depot, base_url: '{}' }}\n", server.url);
        workspace.write("trueup.yaml", &target);
        workspace.write("config/one.yaml", "kind: depot/boat\nname: one\nspec: { code: one, crew: 5 }\n");
        let ran = workspace.expect(3, &["apply", "--auto-approve"]);
        ran.says(&["refused", "the object was deleted since the plan"]);
        for wrong in ["missing-field", "no-create"] {
            assert!(!ran.all().contains(wrong), "{}", ran.all());
        }
        assert!(server.bodies().is_empty(), "nothing is sent");
    }
}
