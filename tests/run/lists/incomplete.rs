//! Lists that end too early: what was seen is updated, nothing is created, deleted or called unmanaged.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{GET, Orchard, answer, describe_tree, parameter, reasons, trees};
use crate::support::stub_server::RawAnswer;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const SILENT: &str = "{ get: /trees, items: rows, paging: { offset: skip, limit: take, page_size: 10 } }";
const COUNTED: &str =
    "{ get: /trees, items: rows, paging: { offset: skip, limit: take, page_size: 10, total: all } }";
const LINKED: &str =
    "{ get: /trees, items: rows, paging: { offset: skip, limit: take, page_size: 10, next: next } }";
const BARE: &str = "{ get: /trees, items: rows }";

/// Nothing of what the list lacks is created, what it shows is updated.
fn assert_held_back(orchard: Orchard, seen: usize, lacking: usize, reason: &str) {
    let orchard = orchard.document([seen], Some(77)).document([lacking], None);
    let plan = orchard.plan(1);
    assert!(reasons(&plan).iter().any(|own| own.contains(reason)), "{reason}: {plan:#}");
    assert_eq!(plan["collections"][0]["complete"], false);
    assert_eq!((&plan["summary"]["create"], &plan["summary"]["update"]), (&json!(0), &json!(1)), "{plan:#}");
    assert_eq!(plan["summary"]["unread"], 1);
    let applied = orchard.workspace.run(&[&APPLY[..], &["--allow-partial=100"]].concat());
    let written = orchard.written();
    assert!(!written.iter().any(|line| line.starts_with("POST")), "{written:?}\n{}", applied.all());
}

#[test]
fn a_server_that_ignores_the_offset_is_not_believed() {
    for (list, body) in [
        (SILENT, json!({ "rows": trees(1..=10) })),
        (COUNTED, json!({ "rows": trees(1..=10), "all": 25 })),
        (LINKED, json!({ "rows": trees(1..=10), "next": "/api/v2/trees?page=2" })),
    ] {
        let orchard = Orchard::new(&describe_tree(list, ""), 25, move |_| answer(200, &body));
        assert_held_back(orchard, 4, 24, "repeats items");
    }
}

#[test]
fn a_total_that_the_pages_do_not_reach_is_incomplete() {
    let orchard = Orchard::new(&describe_tree(COUNTED, ""), 12, |request| {
        let rows = if parameter(request, "skip") == Some(0) { trees(1..=8) } else { Vec::new() };
        answer(200, &json!({ "rows": rows, "all": 12 }))
    });
    assert_held_back(orchard, 4, 11, "counts 12 items and lists 8");
}

#[test]
fn signs_that_the_kind_does_not_describe_count() {
    let page = || json!({ "rows": trees(1..=10) });
    let with = |name: &str, value: serde_json::Value| {
        let mut body = page();
        body[name] = value;
        body
    };
    for (body, link, reason) in [
        (with("count", json!(31)), "", "`count`"),
        (with("paging", json!({ "next_cursor": "x9" })), "", "`next_cursor`"),
        (with("_links", json!({ "next": { "href": "/trees?p=2" } })), "", "`next`"),
        (with("hasNextPage", json!(true)), "", "`hasNextPage`"),
        (page(), "link: </api/v2/trees?p=2>; rel=\"next\"\r\n", "`Link: rel=\"next\"`"),
    ] {
        let orchard = Orchard::new(&describe_tree(BARE, ""), 31, move |_| RawAnswer {
            headers: format!("content-type: application/json\r\n{link}"),
            ..answer(200, &body)
        });
        assert_held_back(orchard, 4, 30, reason);
    }
    for body in [with("count", json!(10)), with("next", json!("")), with("links", json!({ "next": null }))] {
        let orchard =
            Orchard::new(&describe_tree(BARE, ""), 10, move |_| answer(200, &body)).document(4..=6, None);
        let plan = orchard.plan(0);
        assert_eq!((reasons(&plan), &plan["summary"]["unchanged"]), (Vec::new(), &json!(3)), "{plan:#}");
    }
}

#[test]
fn a_next_link_is_followed_on_the_same_origin_only() {
    let orchard = Orchard::new(&describe_tree(LINKED, ""), 15, |request| match parameter(request, "after") {
        None => answer(200, &json!({ "rows": trees(1..=10), "next": "/api/v2/trees?after=10" })),
        Some(_) => answer(200, &json!({ "rows": trees(11..=15), "next": "" })),
    });
    let orchard = orchard.document([2, 14], None).document([16], None);
    let plan = orchard.plan(0);
    assert_eq!(
        (&plan["summary"]["create"], &plan["summary"]["unchanged"]),
        (&json!(1), &json!(2)),
        "{plan:#}"
    );
    assert_eq!((reasons(&plan), orchard.count_list_requests()), (Vec::new(), 2));

    let orchard = Orchard::new(&describe_tree(LINKED, ""), 15, |_| {
        answer(200, &json!({ "rows": trees(1..=10), "next": "http://198.51.100.7/trees?after=10" }))
    });
    assert_held_back(orchard, 4, 14, "repeats items");
}

#[test]
fn a_list_that_moves_is_read_once_more() {
    for (settles, code) in [(true, 0), (false, 1)] {
        let pass = AtomicUsize::new(0);
        let orchard = Orchard::new(&describe_tree(COUNTED, ""), 19, move |request| {
            let skip = parameter(request, "skip").unwrap_or_default();
            if skip == 0 {
                pass.fetch_add(1, Ordering::SeqCst);
            }
            let moved = !settles || pass.load(Ordering::SeqCst) == 1;
            // the first object goes between two pages, so the second page begins one later
            match (skip, moved) {
                (0, true) => answer(200, &json!({ "rows": trees(1..=10), "all": 20 })),
                (0, false) => answer(200, &json!({ "rows": trees(2..=11), "all": 19 })),
                (_, _) => answer(200, &json!({ "rows": trees(12..=20), "all": 19 })),
            }
        });
        let orchard = orchard.document([11], None).document([12], Some(70));
        let plan = orchard.plan(code);
        assert_eq!(plan["summary"]["update"], 1, "{plan:#}");
        let (unchanged, unread) = (&plan["summary"]["unchanged"], &plan["summary"]["unread"]);
        let expected = if settles { (json!(1), json!(0)) } else { (json!(0), json!(1)) };
        assert_eq!((unchanged, unread), (&expected.0, &expected.1), "{plan:#}");
        assert_eq!(orchard.count_list_requests(), 4);
    }
}

#[test]
fn pages_without_an_order_do_not_make_doubles() {
    let orchard = Orchard::new(&describe_tree(COUNTED, ""), 20, |request| {
        let rows = if parameter(request, "skip") == Some(0) { trees(1..=10) } else { trees(6..=15) };
        answer(200, &json!({ "rows": rows, "all": 20 }))
    });
    assert_held_back(orchard, 4, 18, "repeat");
}

#[test]
fn what_an_incomplete_list_lacks_is_read_by_its_id() {
    let orchard = Orchard::new(&describe_tree(COUNTED, GET), 40, |_| {
        answer(200, &json!({ "rows": trees(1..=10), "all": 40 }))
    });
    let orchard = orchard.document(1..=8, None);
    let with_id =
        |id: usize| format!("kind: orchard/tree\nname: far\nid: {id}\nspec: {{ code: T{id}, height: 5 }}\n");
    orchard.workspace.write("config/far.yaml", &with_id(33));
    let plan = orchard.plan(0);
    assert_eq!(
        (&plan["summary"]["update"], &plan["summary"]["unchanged"]),
        (&json!(1), &json!(8)),
        "{plan:#}"
    );
    assert_eq!(plan["changes"][0]["id"], 33, "{plan:#}");
}

#[test]
fn nothing_is_deleted_unmanaged_or_imported_by_an_incomplete_list() {
    let orchard = Orchard::new(&describe_tree(COUNTED, ""), 40, |_| {
        answer(200, &json!({ "rows": trees(1..=10), "all": 40 }))
    });
    let orchard = orchard.document([1], None);
    let gone = "kind: orchard/tree\nname: gone\nstate: absent\nspec: { code: T3 }\n";
    orchard.workspace.write("config/gone.yaml", gone);
    let ran = orchard.workspace.expect(1, &["plan", "--unmanaged", "--format", "json"]);
    assert!(!ran.out.contains("is in no document"), "{}", ran.all());
    assert_eq!(ran.json()["summary"]["delete"], 0, "{}", ran.all());
    orchard
        .workspace
        .expect(1, &["plan"])
        .says(&["incomplete-list", "a page repeats items of earlier pages"]);
    let import = ["import", "orchard/tree", "--output", "trees", "--format", "json"];
    let imported = orchard.workspace.expect(1, &import).json();
    assert_eq!(imported["verified"], false, "{imported:#}");
    assert!(imported["diagnostics"].to_string().contains("incomplete-list"), "{imported:#}");
}

#[test]
fn a_list_without_faults_costs_no_request_more() {
    for (list, requests) in [(SILENT, 3), (COUNTED, 2), (BARE, 1)] {
        let orchard = Orchard::new(&describe_tree(list, ""), 15, |request| {
            let skip = parameter(request, "skip").unwrap_or_default();
            let end = parameter(request, "take").map_or(15, |take| (skip + take).min(15));
            answer(200, &json!({ "rows": trees(skip + 1..=end), "all": 15 }))
        });
        let orchard = orchard.document(7..=15, None);
        let plan = orchard.plan(0);
        assert_eq!((&plan["summary"]["unchanged"], orchard.count_list_requests()), (&json!(9), requests));
        assert_eq!(
            plan["collections"],
            json!([{ "kind": "orchard/tree", "target": "home", "complete": true }])
        );
    }
}
