//! Responses that mean something else than their status or content type says at first sight.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{GET, Orchard, answer, describe_tree, trees};
use crate::support::stub_server::RawAnswer;

const BARE: &str = "{ get: /trees, items: rows }";

#[test]
fn json_of_another_content_type_is_read_with_a_warning() {
    for (named, warns) in [("text/html; charset=utf-8", true), ("", false), ("text/csv", true)] {
        let orchard = Orchard::new(&describe_tree(BARE, ""), 6, move |_| {
            let headers = if named.is_empty() { String::new() } else { format!("content-type: {named}\r\n") };
            RawAnswer { headers, ..answer(200, &json!({ "rows": trees(1..=6) })) }
        });
        let plan = orchard.document([3], None).plan(0);
        assert_eq!(plan["summary"]["unchanged"], 1, "{plan:#}");
        assert_eq!(plan["diagnostics"].to_string().contains("\"content-type\""), warns, "{plan:#}");
    }
    let page = |_: &_| RawAnswer {
        status: 200,
        headers: "content-type: application/json\r\n".into(),
        body: "<!doctype html><title>Log in</title>".into(),
    };
    Orchard::new(&describe_tree(BARE, ""), 6, page).document([3], None).plan(1);
}

#[test]
fn a_part_of_a_list_is_no_list() {
    let orchard =
        Orchard::new(&describe_tree(BARE, ""), 6, |_| answer(206, &json!({ "rows": trees(1..=2) })));
    let plan = orchard.document([5], None).plan(1);
    assert_eq!((&plan["summary"]["create"], &plan["summary"]["unread"]), (&json!(0), &json!(1)));
    assert!(plan.to_string().contains("partial-response"), "{plan:#}");
}

#[test]
fn a_read_is_repeated_after_every_status_that_may_pass() {
    for status in [408, 409, 423, 425, 500, 502, 507] {
        let count = AtomicUsize::new(0);
        let orchard =
            Orchard::new(&describe_tree(BARE, ""), 6, move |_| match count.fetch_add(1, Ordering::SeqCst) {
                0 => RawAnswer { headers: "retry-after: 0.05\r\n".into(), ..answer(status, &json!({})) },
                _ => answer(200, &json!({ "rows": trees(1..=6) })),
            });
        let plan = orchard.document([5], None).plan(0);
        assert_eq!(plan["summary"]["unchanged"], 1, "{status}: {plan:#}");
    }
    for status in [400, 401, 404, 501] {
        let orchard = Orchard::new(&describe_tree(BARE, ""), 6, move |_| answer(status, &json!({})));
        let orchard = orchard.document([5], None);
        orchard.plan(1);
        assert_eq!(orchard.count_list_requests(), 1, "{status}");
    }
}

#[test]
fn an_object_that_is_gone_for_good_is_gone() {
    let kind = describe_tree("{ get: /trees, items: rows }", GET);
    let orchard = Orchard::new(&kind, 0, |_| answer(200, &json!({ "rows": trees(1..=6) })));
    let named = "kind: orchard/tree\nname: t\nid: 7\nstate: absent\nspec: { code: T7 }\n";
    orchard.workspace.write("config/t.yaml", named);
    let plan = orchard.plan(0);
    assert_eq!((&plan["summary"]["delete"], &plan["summary"]["unread"]), (&json!(0), &json!(0)), "{plan:#}");
}

/// A tree with nested fields, of which an update sends the changes.
const NESTED: &str = "  list: { get: /trees, items: rows }
  create: { post: /trees, response: object }
  update: { patch: \"/trees/{id}\", body: changes, nested_fields: { granularity: whole }, response: object }
properties:
  id: { type: integer, description: The number., read_only: true, omit_from: [writes], example: 1 }
  code: { type: string, description: The code., required: true, example: T1 }
  height: { type: integer, description: Its height., example: 3 }
  sorts: { type: map, unlisted_items: delete, items: { type: integer }, description: Its sorts., example: { a: 1 } }
  place: { type: object, description: Where it is., properties: { row: { type: integer, description: The row., example: 2 } } }
  marks: { type: array, list_type: set, unlisted_items: delete, description: Its marks., items: { type: string }, example: [old] }
examples:
  - object: { id: 1, code: T1, height: 3 }
";

/// A plan over one document and a live tree.
fn plan_tree(live: serde_json::Value, spec: &str, code: i32) -> serde_json::Value {
    let kind = format!(
        "format: 1\ntitle: Tree\ndescription: One tree.\nidentity: {{ id: id, natural_key: [code] }}\noperations:\n{NESTED}"
    );
    let orchard = Orchard::new(&kind, 0, move |_| answer(200, &json!({ "rows": [live.clone()] })));
    let document = format!("kind: orchard/tree\nname: t\nspec: {{ code: T1, {spec} }}\n");
    orchard.workspace.write("config/t.yaml", &document);
    orchard.plan(code)
}

#[test]
fn empty_values_and_integers_are_read_in_every_spelling() {
    let live = json!({ "id": 1, "code": "T1", "height": 20.0e6, "sorts": [], "place": [], "marks": {} });
    let plan = plan_tree(live, "height: 20000000, sorts: {}, marks: []", 0);
    assert_eq!(plan["summary"]["unchanged"], 1, "{plan:#}");
    let live = json!({ "id": 1, "code": "T1", "height": "1.5E3", "marks": [] });
    assert_eq!(plan_tree(live, "height: 1500", 0)["summary"]["unchanged"], 1);
}

#[test]
fn a_field_that_is_not_understood_stops_only_what_writes_it() {
    let live = || json!({ "id": 1, "code": "T1", "height": 3, "sorts": ["a"], "marks": {} });
    let plan = plan_tree(live(), "height: 4", 0);
    assert_eq!(plan["summary"]["update"], 1, "{plan:#}");
    assert!(plan["changes"][0]["notes"].to_string().contains("/sorts"), "{plan:#}");
    assert!(!plan["changes"][0]["requests"].to_string().contains("sorts"), "{plan:#}");
    let plan = plan_tree(live(), "height: 4, sorts: { b: 1 }", 3);
    assert_eq!(plan["summary"]["refused"], 1, "{plan:#}");
}
