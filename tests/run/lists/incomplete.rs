//! Lists that end too early: what was seen is updated, nothing is created, deleted or called unmanaged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{GET, Orchard, answer, describe_tree, parameter, reasons, tree, trees};
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
        (with("isLast", json!(false)), "", "`isLast`"),
        (with("cursor", json!("x9")), "", "`cursor`"),
        (with("meta", json!({ "pagination": { "pageCount": 4, "total": 31 } })), "", "`total`"),
        (with("links", json!({ "pages": { "next": "/trees?p=2" } })), "", "`next`"),
        (with("links", json!([{ "rel": "self" }, { "rel": "next", "href": "/p2" }])), "", "`links`"),
        (page(), "content-range: items 0-9/31\r\n", "`total`"),
        (page(), "x-wp-total: 31\r\n", "`total`"),
        (page(), "x-pagination: {\"TotalCount\":31,\"HasNext\":true}\r\n", "`HasNext`"),
        (page(), "link: </api/v2/trees?p=2>; rel=\"next\"\r\n", "`Link: rel=\"next\"`"),
    ] {
        let orchard = Orchard::new(&describe_tree(BARE, ""), 31, move |_| RawAnswer {
            headers: format!("content-type: application/json\r\n{link}"),
            ..answer(200, &body)
        });
        assert_held_back(orchard, 4, 30, reason);
    }
    for body in [
        with("count", json!(10)),
        with("next", json!("")),
        with("links", json!({ "next": null })),
        with("isLast", json!(true)),
        with("pageInfo", json!({ "hasNextPage": false, "endCursor": "x9" })),
        with("meta", json!({ "pagination": { "total": 10, "pageCount": 1 } })),
        with("links", json!([{ "rel": "self", "href": "/trees" }])),
    ] {
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
fn a_list_that_lacks_an_object_that_is_known_by_its_id_is_incomplete() {
    let shown = Arc::new(AtomicUsize::new(3));
    let shows = Arc::clone(&shown);
    let orchard = Orchard::new(&describe_tree(BARE, GET), 3, move |_| {
        answer(200, &json!({ "rows": trees(1..=shows.load(Ordering::SeqCst)) }))
    });
    let orchard = orchard.document(1..=3, None);
    orchard.workspace.expect(0, &APPLY);
    shown.store(1, Ordering::SeqCst);
    let orchard = orchard.document([9], None);
    let plan = orchard.plan(1);
    assert!(reasons(&plan).iter().any(|own| own.contains("a read by id shows")), "{plan:#}");
    let summary = &plan["summary"];
    assert_eq!(
        (&summary["create"], &summary["unchanged"], &summary["unread"]),
        (&json!(0), &json!(3), &json!(1))
    );
    // one that is gone for good is created again
    let orchard =
        Orchard::new(&describe_tree(BARE, GET), 2, |_| answer(200, &json!({ "rows": trees(1..=2) })));
    let orchard = orchard.document(1..=2, None);
    let known = "kind: orchard/tree\nname: far\nid: 33\nspec: { code: T33 }\n";
    orchard.workspace.write("config/far.yaml", known);
    let plan = orchard.plan(3);
    assert_eq!((reasons(&plan), &plan["summary"]["refused"]), (Vec::new(), &json!(1)), "{plan:#}");
}

#[test]
fn items_whose_natural_key_cannot_be_read_prove_nothing() {
    for code in [json!({ "en": "T1" }), json!(["T1"]), json!(""), json!(null)] {
        let rows = json!([{ "id": 1, "code": code, "height": 1 }, tree(4)]);
        let orchard =
            Orchard::new(&describe_tree(BARE, ""), 4, move |_| answer(200, &json!({ "rows": rows })));
        assert_held_back(orchard, 4, 1, "1 item has no natural key that can be read");
    }
    for row in [json!({ "item": tree(1) }), json!({ "id": 1 })] {
        let rows = json!([row]);
        let orchard =
            Orchard::new(&describe_tree(BARE, ""), 4, move |_| answer(200, &json!({ "rows": rows })));
        let plan = orchard.document([1], None).plan(1);
        assert_eq!(plan["summary"]["create"], 0, "{plan:#}");
    }
}

#[test]
fn what_a_filter_does_not_find_is_not_created_in_a_collection_that_shows_nothing() {
    let kind = describe_tree(BARE, "  find: { query: { code: \"{code}\" } }\n");
    let orchard = Orchard::new(&kind, 0, |_| answer(200, &json!({ "rows": [] }))).document([1], None);
    let plan = orchard.plan(3);
    assert!(plan.to_string().contains("empty-collection"), "{plan:#}");
    assert_eq!(orchard.count_list_requests(), 2, "the filter and one look at the list");
}

#[test]
fn an_object_is_not_renamed_to_the_natural_key_of_another_one() {
    for operations in ["", GET] {
        let orchard = Orchard::new(&describe_tree(BARE, operations), 3, |_| {
            answer(200, &json!({ "rows": trees(1..=3) }))
        });
        let orchard = orchard.document(1..=2, None);
        orchard.workspace.expect(0, &APPLY);
        for (name, code) in [("t1", "T2"), ("t2", "T1")] {
            let text = format!("kind: orchard/tree\nname: {name}\nspec: {{ code: {code} }}\n");
            orchard.workspace.write(&format!("config/{name}.yaml"), &text);
        }
        let plan = orchard.plan(3);
        assert!(plan.to_string().contains("natural-key-taken"), "{plan:#}");
        assert_eq!(
            (&plan["summary"]["update"], &plan["summary"]["refused"]),
            (&json!(0), &json!(2)),
            "{plan:#}"
        );
    }
}

#[test]
fn a_filter_proves_nothing_of_keys_that_are_compared_by_other_rules() {
    let by_case = |compare: &str| {
        let kind = describe_tree(BARE, "  find: { query: { code: \"{code}\" } }\n")
            .replace("required: true, example: T1", &format!("required: true, {compare}example: T1"));
        let orchard = Orchard::new(&kind, 0, |request| {
            let rows = if request.path.contains("code=") { Vec::new() } else { trees([7]) };
            answer(200, &json!({ "rows": rows }))
        });
        let text = "kind: orchard/tree\nname: t7\nspec: { code: t7, height: 7 }\n";
        orchard.workspace.write("config/t7.yaml", text);
        orchard
    };
    let plan = by_case("compare: case_insensitive, ").plan(0);
    assert_eq!(
        (&plan["summary"]["create"], &plan["summary"]["unchanged"]),
        (&json!(0), &json!(1)),
        "{plan:#}"
    );
    let plan = by_case("").plan(0);
    assert_eq!(plan["summary"]["create"], 1, "{plan:#}");
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

const CURSORS: &str = "{ get: /trees, items: rows, paging: { style: cursor, cursor: after, limit: take, page_size: 10, next: next, has_more: more } }";

#[test]
fn a_promise_of_more_without_a_next_page_is_incomplete() {
    for next in [json!(null), json!("")] {
        let body = json!({ "rows": trees(1..=10), "more": true, "next": next });
        let orchard = Orchard::new(&describe_tree(CURSORS, ""), 25, move |_| answer(200, &body));
        assert_held_back(orchard, 4, 24, "nothing says which one is next");
    }
}

#[test]
fn a_relative_link_is_resolved_against_the_page_that_holds_it() {
    const LIST: &str = "{ get: /groves/7/trees, items: rows, paging: { style: link, next: next } }";
    for link in [
        "?after=10",
        "trees?after=10",
        "./trees?after=10",
        "../7/trees?after=10",
        "/api/v2/groves/7/trees?after=10",
        "../8/trees?after=10#rest",
    ] {
        let orchard = Orchard::new(&describe_tree(LIST, ""), 25, move |request| {
            let grove = if request.path.contains("/groves/8/trees") { 8 } else { 7 };
            match (grove, parameter(request, "after")) {
                (7, None) => answer(200, &json!({ "rows": trees(1..=10), "next": link })),
                // the next link is about the page that holds it, wherever that is
                (_, Some(10)) => answer(200, &json!({ "rows": trees(11..=20), "next": "?after=20" })),
                (grove, Some(20)) if link.contains("8") == (grove == 8) => {
                    answer(200, &json!({ "rows": trees(21..=25), "next": null }))
                }
                _ => answer(400, &json!({})),
            }
        });
        let orchard = orchard.document([2, 14, 24], None).document([26], None);
        let plan = orchard.plan(0);
        assert_eq!(
            (&plan["summary"]["create"], &plan["summary"]["unchanged"]),
            (&json!(1), &json!(3)),
            "{link}: {plan:#}"
        );
        assert_eq!((reasons(&plan), orchard.count_list_requests()), (Vec::new(), 3), "{link}");
    }
}

#[test]
fn a_credential_that_a_next_link_repeats_is_sent_once() {
    for echo in ["canary-key", "***", ""] {
        let mut orchard =
            Orchard::new(&describe_tree(LINKED, ""), 15, move |request| match parameter(request, "after") {
                None => {
                    let next = format!("/api/v2/trees?key={echo}&after=10&key={echo}&x=a%26b");
                    answer(200, &json!({ "rows": trees(1..=10), "next": next }))
                }
                Some(_) => answer(200, &json!({ "rows": trees(11..=15), "next": "" })),
            });
        let settings = orchard.workspace.read("trueup.yaml");
        let auth = "    auth: { query: { key: { from_env: KEY } } }\n";
        orchard.workspace.write("trueup.yaml", &format!("{settings}{auth}"));
        orchard.workspace.set("KEY", "canary-key");
        let orchard = orchard.document([2, 14], None);
        let plan = orchard.plan(0);
        assert_eq!(plan["summary"]["unchanged"], 2, "{plan:#}");
        let lines = orchard.server.lines();
        assert_eq!(lines[1], "GET /api/v2/trees?after=10&x=a%26b&key=canary-key", "{lines:?}");
    }
}

#[test]
fn a_lookup_list_at_a_url_is_read_like_the_objects() {
    const LIST: &str = "{ get: /trees, items: rows, paging: { style: cursor, cursor: after, limit: take, page_size: 2, cursor_from_item: height, has_more: more } }";
    const MARK: &str = "  mark:
    type: integer
    description: Its mark.
    reference: { id: id, by: [word], source: { url_in: others } }
    example: 1
examples:";
    for (more, code) in [(json!(true), 0), (json!("perhaps"), 1)] {
        let kind = describe_tree(LIST, "").replace("examples:", MARK);
        let kind = kind.replace("Its height., example: 3", "Its height., read_from: tall, example: 3");
        let orchard = Orchard::new(&kind, 3, move |request| {
            let mark = |id: usize| json!({ "id": id, "word": format!("w{id}"), "tall": id + 70 });
            let is_mark = request.path.contains("/marks");
            match parameter(request, "after") {
                None if is_mark => answer(200, &json!({ "rows": [mark(1), mark(2)], "more": more })),
                Some(72) if is_mark => answer(200, &json!({ "rows": [mark(3)], "more": false })),
                None => {
                    let others = json!({ "id": 1, "word": "w1", "others": "/api/v2/marks" });
                    let tree = json!({ "id": 1, "code": "T1", "tall": 5, "mark": others });
                    answer(200, &json!({ "rows": [tree], "more": false }))
                }
                _ => answer(400, &json!({})),
            }
        });
        let text = "kind: orchard/tree\nname: t1\nspec: { code: T1, mark: { word: w3 } }\n";
        orchard.workspace.write("config/t1.yaml", text);
        let ran = orchard.workspace.run(&["plan", "--format", "json"]);
        assert_eq!(ran.code, Some(code), "{}", ran.all());
        assert_eq!(ran.json()["summary"]["update"] == 1, code == 0, "{}", ran.all());
        let message = "say clearly whether there are more pages";
        assert_eq!(ran.all().contains(message), code != 0, "{}", ran.all());
    }
}

#[test]
fn a_form_sends_back_numbers_as_they_were_written() {
    const UPDATE: &str = "  update: { put: \"/trees/{id}\", encoding: form, response: none }\n";
    const TREE: &str = r#"{"id":1,"code":"T1","height":1,"girth":1.10,"rings":12345678901234567890123,"mass":2.5E-3,"limbs":{"long":[3.0,4.00],"none":{},"tags":["a b",null,true]}}"#;
    let kind = describe_tree(BARE, "");
    let from = "  update: { patch: \"/trees/{id}\", body: changes, response: object }\n";
    assert!(kind.contains(from));
    let orchard = Orchard::new(&kind.replace(from, UPDATE), 0, |_| RawAnswer {
        body: format!(r#"{{"rows":[{TREE}]}}"#),
        ..answer(200, &json!(null))
    });
    let orchard = orchard.document([1], Some(4));
    orchard.workspace.run(&APPLY);
    let sent = orchard.server.bodies();
    let expected = "code=T1&height=4&girth=1.10&rings=12345678901234567890123&mass=2.5E-3\
                    &limbs%5Blong%5D%5B%5D=3.0&limbs%5Blong%5D%5B%5D=4.00&limbs%5Bnone%5D=\
                    &limbs%5Btags%5D%5B%5D=a+b&limbs%5Btags%5D%5B%5D=&limbs%5Btags%5D%5B%5D=true";
    assert_eq!(sent, [json!(expected)]);
}

#[test]
fn the_first_page_of_a_long_list_counts_beside_a_filter() {
    let kind = describe_tree(COUNTED, "  find: { query: { code: \"{code}\" } }\n");
    // the filter finds nothing; the first of many pages shows one of the two
    let filtered = |rows: Vec<serde_json::Value>| {
        Orchard::new(&kind, 0, move |request| {
            let shown = if request.path.contains("code=") { json!([]) } else { json!(rows) };
            let all = if request.path.contains("code=") { 0 } else { 900 };
            answer(200, &json!({ "rows": shown, "all": all }))
        })
    };
    let plan = filtered(trees(1..=10)).document([4], Some(77)).document([11], None).plan(0);
    let summary = &plan["summary"];
    assert_eq!((&summary["update"], &summary["create"]), (&json!(1), &json!(1)), "{plan:#}");
    // a first page without objects does not show that the credentials see any
    let orchard = filtered(Vec::new()).document([4], None);
    let plan = orchard.plan(3);
    assert!(plan.to_string().contains("empty-collection"), "{plan:#}");
}
