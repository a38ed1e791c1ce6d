//! Time is part of a write: reads that lag, answers that are lost, creates of unknown outcome, wrong ids, duplicates.

pub mod warehouse;

use std::time::{Duration, Instant};

use serde_json::json;

use self::warehouse::{Faults, Warehouse};

const LAGGING_CREATE: &str = "create: { post: /items, response: object, read_after_write: { within: 60s } }";
const PATIENT: [&str; 2] = ["--read-back-timeout", "5"];

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn an_object_that_shows_later_is_waited_for() {
    for create_answer in [None, Some((202, json!(null))), Some((200, json!({ "id": 2 })))] {
        let warehouse = Warehouse::new(Faults { lag: millis(700), create_answer, ..Faults::default() });
        warehouse.apply(0, &PATIENT).says(&["1 done"]);
        assert_eq!((warehouse.count("POST"), warehouse.own_items().len()), (1, 1));
        assert_eq!(warehouse.entry()["id"], "2");
        warehouse.apply(0, &[]).says(&["No changes"]);
    }
}

#[test]
fn a_create_that_was_accepted_and_does_not_show_is_not_sent_again() {
    for create_answer in [None, Some((202, json!(null)))] {
        let warehouse = Warehouse::new(Faults { lag: millis(1500), create_answer, ..Faults::default() });
        warehouse.apply(1, &[]).says(&["the service answered 20", "cannot be read back"]);
        warehouse.apply(3, &[]).says(&["create-unknown", "the service accepted a create"]);
        std::thread::sleep(millis(1500));
        warehouse.apply(0, &[]).says(&["No changes"]);
        assert_eq!((warehouse.count("POST"), warehouse.own_items().len()), (1, 1));
    }
}

#[test]
fn a_verified_create_is_not_sent_again_while_reads_may_miss_it() {
    let warehouse = Warehouse::new(Faults::default());
    warehouse.amend_kind("create: { post: /items, response: object }", LAGGING_CREATE);
    warehouse.apply(0, &[]).says(&["1 done"]);
    warehouse.set_faults(Faults { stale: true, ..Faults::default() });
    warehouse.apply(3, &[]).says(&["create-unknown", "reads may miss it until"]);
    assert_eq!(warehouse.count("POST"), 1);
    warehouse.set_faults(Faults::default());
    warehouse.apply(0, &[]).says(&["No changes"]);
}

#[test]
fn an_object_whose_natural_key_the_service_folds_is_created_once() {
    let warehouse = Warehouse::new(Faults { folds_code: true, ..Faults::default() });
    warehouse.write_document("spec: { code: 'A ', label: mine }\n");
    warehouse.apply(1, &[]).says(&["not-kept"]);
    warehouse.workspace.pass_time();
    warehouse.apply(0, &[]);
    assert_eq!((warehouse.count("POST"), warehouse.count("PATCH")), (1, 1));
}

#[test]
fn without_a_natural_key_the_id_of_an_object_that_was_there_before_is_not_adopted() {
    let warehouse =
        Warehouse::new(Faults { create_answer: Some((200, json!({ "id": 1 }))), ..Faults::default() });
    warehouse
        .amend_kind("identity: { id: id, natural_key: [code] }", "identity: { id: id, natural_key: [] }");
    warehouse.apply(1, &[]).says(&["not-kept"]);
    warehouse.apply(3, &[]).says(&["create-unknown"]);
    assert_eq!((warehouse.count("POST"), warehouse.count("PATCH")), (1, 0));
}

#[test]
fn a_create_that_never_shows_is_sent_again_once_it_can_no_longer_be_carried_out() {
    let warehouse = Warehouse::new(Faults { keeps_nothing: true, ..Faults::default() });
    warehouse.apply(1, &[]);
    warehouse.set_faults(Faults::default());
    warehouse.apply(3, &[]);
    warehouse.workspace.pass_time();
    warehouse.apply(0, &[]).says(&["1 done"]);
    assert_eq!((warehouse.count("POST"), warehouse.own_items().len()), (2, 1));
}

#[test]
fn a_stale_read_after_an_update_or_a_delete_is_read_again() {
    let warehouse = Warehouse::new(Faults::default());
    warehouse.apply(0, &[]);
    warehouse.set_faults(Faults { lag: millis(700), ..Faults::default() });
    warehouse.describe("label: new");
    warehouse.apply(0, &PATIENT).says(&["1 done"]);
    assert_eq!(warehouse.own_items()[0]["label"], "new");
    warehouse.write_document("state: absent\nid: 2\nspec: {}\n");
    warehouse.apply(0, &[&PATIENT[..], &["--allow-delete"]].concat()).says(&["1 done"]);
    assert_eq!((warehouse.count("PATCH"), warehouse.count("DELETE")), (1, 1));
    assert!(warehouse.own_items().is_empty());
}

#[test]
fn a_create_that_is_held_is_not_sent_again_by_the_next_run() {
    let warehouse = Warehouse::new(Faults { hold: millis(1500), ..Faults::default() });
    let short = ["--request-timeout", "0.3"];
    warehouse.apply(1, &short).says(&["1 unknown"]);
    warehouse.apply(3, &short).says(&["create-unknown", "its outcome is unknown until"]);
    std::thread::sleep(millis(1500));
    warehouse.apply(0, &[]).says(&["No changes"]);
    assert_eq!((warehouse.count("POST"), warehouse.own_items().len()), (1, 1));
}

#[test]
fn a_create_that_a_gateway_gave_up_is_looked_up() {
    for status in [500, 502, 503, 504] {
        let done = Faults { carried_out: vec![status], ..Faults::default() };
        let warehouse = Warehouse::new(done);
        warehouse.apply(0, &[]).says(&["1 done"]);
        assert_eq!((warehouse.count("POST"), warehouse.own_items().len()), (1, 1));

        let lost = Warehouse::new(Faults { refused: vec![status], ..Faults::default() });
        lost.apply(1, &[]);
        lost.apply(3, &[]).says(&["create-unknown"]);
        assert_eq!(lost.count("POST"), 1);
        lost.apply(0, &["--retry-creates"]).says(&["1 done"]);
        assert_eq!((lost.count("POST"), lost.own_items().len()), (2, 1));
    }
}

#[test]
fn after_429_a_create_is_looked_up_before_it_is_sent_again() {
    let done = Warehouse::new(Faults { carried_out: vec![429], ..Faults::default() });
    done.apply(0, &[]).says(&["1 done"]);
    assert_eq!((done.count("POST"), done.own_items().len()), (1, 1));

    let turned_away = Warehouse::new(Faults { refused: vec![429, 429], ..Faults::default() });
    turned_away.apply(0, &[]).says(&["1 done"]);
    assert_eq!((turned_away.count("POST"), turned_away.own_items().len()), (3, 1));
}

#[test]
fn after_429_a_create_is_looked_for_as_long_as_reads_of_the_kind_may_lag() {
    let faults = || Faults { carried_out: vec![429], lag: millis(2500), ..Faults::default() };
    let late = Warehouse::new(faults());
    let began = Instant::now();
    late.apply(0, &["--read-back-timeout", "30"]).says(&["1 done"]);
    assert_eq!((late.count("POST"), late.own_items().len()), (1, 1));
    assert!(began.elapsed() < Duration::from_secs(15), "no longer than until it shows");

    let mut kind = Warehouse::new(faults());
    kind.amend_kind("create: { post: /items, response: object }", LAGGING_CREATE);
    kind.workspace.unset("TRUEUP_READ_BACK_TIMEOUT");
    kind.apply(0, &[]).says(&["1 done"]);
    assert_eq!((kind.count("POST"), kind.own_items().len()), (1, 1));

    // nothing is said of the time: neither by the kind nor by the answer
    let mut bare = Warehouse::new(Faults { lag: millis(7000), ..faults() });
    bare.workspace.unset("TRUEUP_READ_BACK_TIMEOUT");
    bare.apply(0, &[]).says(&["1 done"]);
    assert_eq!((bare.count("POST"), bare.own_items().len()), (1, 1));
}

#[test]
fn an_update_that_asks_somebody_to_confirm_is_sent_once() {
    for status in [429, 502, 504] {
        let warehouse = Warehouse::new(Faults::default());
        warehouse.apply(0, &[]);
        warehouse.set_faults(Faults { carried_out: vec![status], ..Faults::default() });
        warehouse.describe("label: mine, email: a@example.com");
        warehouse.workspace.run(&["apply", "--auto-approve"]);
        assert_eq!(warehouse.count("PATCH"), 1, "{status}: one mail is enough");
        // the next run knows that it was sent, whatever was answered
        warehouse.apply(3, &[]).says(&["update-unknown", "its outcome is unknown until"]);
        assert_eq!(warehouse.count("PATCH"), 1, "{status}: one mail is enough");
    }
}

#[test]
fn an_id_of_another_object_is_never_adopted() {
    let wrong = json!({ "id": 1, "code": "a", "label": "mine" });
    let warehouse = Warehouse::new(Faults { create_answer: Some((201, wrong.clone())), ..Faults::default() });
    warehouse.apply(0, &[]).says(&["1 done", "wrong-object", "the id 1"]);
    assert_eq!(warehouse.entry()["id"], "2", "the new object is found by its natural key");
    warehouse.describe("label: changed");
    warehouse.apply(0, &[]);
    assert_eq!(warehouse.own_items()[0]["label"], "changed");
    warehouse.assert_other_untouched();

    let faults = Faults { create_answer: Some((201, wrong)), keeps_nothing: true, ..Faults::default() };
    let warehouse = Warehouse::new(faults);
    warehouse.apply(1, &[]).says(&["wrong-object"]);
    warehouse.set_faults(Faults::default());
    warehouse.describe("label: changed");
    warehouse.apply(3, &[]).says(&["create-unknown"]);
    assert_eq!(warehouse.entry()["id"], json!(null));
    warehouse.workspace.pass_time();
    warehouse.apply(0, &[]);
    assert_eq!(warehouse.own_items().len(), 1);
    warehouse.assert_other_untouched();
}

#[test]
fn an_answered_id_that_no_one_saw_does_not_speak_against_the_document_of_that_object() {
    let wrong = json!({ "id": 1, "code": "a", "label": "mine" });
    let lie = Faults { create_answer: Some((201, wrong)), keeps_nothing: true, ..Faults::default() };
    let warehouse = Warehouse::new(Faults { read_status: Some(400), ..lie });
    warehouse.apply(1, &[]).says(&["reading the object back failed"]);
    warehouse.set_faults(Faults::default());
    let other = "kind: warehouse/item\nname: other\nspec: { code: other, label: changed }\n";
    warehouse.workspace.write("config/other.yaml", other);
    let ran = warehouse.apply(4, &["--format", "json"]);
    let report = ran.json();
    assert_eq!(report["results"][0]["reasons"][0]["code"], "create-unknown", "{}", ran.all());
    assert_eq!(report["results"][1]["result"], "done", "{}", ran.all());
    assert_eq!(warehouse.state().truth()[0]["label"], "changed");
    assert_eq!(warehouse.count("POST"), 1);
}

#[test]
fn duplicates_are_reported() {
    let warehouse = Warehouse::new(Faults { rival: true, ..Faults::default() });
    let ran = warehouse.apply(1, &["--format", "json"]);
    let report = ran.json();
    let reason = &report["results"][0]["reasons"][0];
    assert_eq!(reason["code"], "duplicate-object", "{}", ran.all());
    assert_eq!(reason["message"], "2 objects with code `a` exist: 2, 3");
    assert_eq!(warehouse.own_items().len(), 2);
}

#[test]
fn a_secret_whose_write_is_unknown_is_written_again() {
    let mut warehouse = Warehouse::new(Faults::default());
    warehouse.describe("label: mine, pin: { from_env: PIN }");
    let pins = [("first", vec![], 0), ("second", vec![500], 1), ("first", vec![], 0)];
    for (pin, carried_out, code) in pins {
        warehouse.set_faults(Faults { carried_out, ..Faults::default() });
        warehouse.workspace.set("PIN", pin);
        warehouse.apply(code, &[]);
        assert_eq!(warehouse.own_items()[0]["pin"], pin);
    }
    warehouse.apply(0, &[]).says(&["No changes"]);

    // what was surely refused leaves the value before it
    warehouse.set_faults(Faults { refused: vec![400], ..Faults::default() });
    warehouse.workspace.set("PIN", "third");
    warehouse.apply(1, &[]);
    warehouse.workspace.set("PIN", "first");
    warehouse.apply(0, &[]).says(&["No changes"]);
}

#[test]
fn what_was_seen_after_a_write_is_said() {
    let unread = Warehouse::new(Faults { read_status: Some(400), ..Faults::default() });
    unread.apply(1, &[]).says(&["the service answered 201, but reading the object back failed"]);

    let warehouse = Warehouse::new(Faults::default());
    warehouse.apply(0, &[]);
    warehouse.set_faults(Faults { refused: vec![404], ..Faults::default() });
    warehouse.write_document("state: absent\nid: 2\nspec: {}\n");
    let ran = warehouse.apply(1, &["--allow-delete"]);
    ran.says(&["not-deleted", "the service answered 404 Not Found, but the object is still there"]);
}

#[test]
fn a_create_that_no_look_finds_stays_unknown() {
    let warehouse = Warehouse::new(Faults { refused: vec![504], ..Faults::default() });
    warehouse.amend_kind(", natural_key: [code]", "");
    warehouse.apply(1, &[]);
    warehouse.workspace.pass_time();
    warehouse.apply(3, &[]).says(&["create-unknown", "nothing in the document would find it"]);
    assert_eq!(warehouse.count("POST"), 1);
    warehouse.apply(0, &["--retry-creates"]).says(&["1 done"]);
}
