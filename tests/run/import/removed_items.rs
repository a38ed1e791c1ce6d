//! A second import after list items were removed or renamed in the service: the document loses them, although their
//! secrets are known to no one.

use serde_json::{Value as Json, json};

use super::import_fixture::ImportFixture;
use crate::identity::{DELETE, Depot, boat, describe_boat};

const BOOKER: &str = "bokamera/customer";

fn keys(fixture: &ImportFixture, number: usize) -> Json {
    fixture.sandbox.dump_state()[BOOKER][number]["object"]["AccessKeys"].clone()
}

/// Bookers with their keys, imported; the one with two keys and the file of its document.
fn imported() -> (ImportFixture, usize, String) {
    let fixture = ImportFixture::new(BOOKER);
    fixture.import(0, &["--personal"]);
    let is_double = |number: &usize| keys(&fixture, *number).as_array().is_some_and(|all| all.len() == 2);
    let number = (0..3).find(is_double).expect("one with two keys");
    let is_file = |text: &str| text.contains("Gym");
    let files = fixture.workspace.files().into_iter();
    let (path, _) = files
        .filter(|(path, _)| path.starts_with(fixture.workspace.path("config")))
        .find(|(_, text)| is_file(&String::from_utf8_lossy(text)))
        .expect("its document");
    let file = path.strip_prefix(fixture.workspace.root()).expect("below").to_string_lossy().into_owned();
    (fixture, number, file)
}

#[test]
fn a_key_that_is_gone_goes() {
    for gone in [0, 1] {
        let (fixture, number, file) = imported();
        let mut all = keys(&fixture, number);
        let went = all.as_array_mut().expect("keys").remove(gone);
        fixture.edit(number, json!({ "AccessKeys": all }));
        fixture.import(0, &["--personal"]).says(&["1 updated", "shows no changes"]);
        let text = fixture.workspace.read(&file);
        assert!(!text.contains(went["Description"].as_str().expect("a text")), "{text}");
        assert!(text.contains(all[0]["Description"].as_str().expect("a text")), "{text}");
    }
}

#[test]
fn a_renamed_key_is_another_one() {
    let (fixture, number, file) = imported();
    let mut all = keys(&fixture, number);
    all[1]["Description"] = json!("Sauna");
    fixture.edit(number, json!({ "AccessKeys": all }));
    let ran = fixture.import(0, &["--personal"]);
    ran.says(&["1 updated", "shows no changes", "SAUNA"]);
    let text = fixture.workspace.read(&file);
    assert!(!text.contains("Gym") && text.contains("Description: Sauna"), "{text}");
    assert!(!ran.all().contains(all[1]["Value"].as_str().expect("a secret")));
}

/// A kind of one's own, with items that need a secret and an open value.
#[test]
fn items_that_need_several_values_go_too_and_edits_stay() {
    let berths = "  berths:
    type: array
    description: Where it may lie.
    unlisted_items: delete
    list_type: map
    list_keys: [[quay, side]]
    items:
      properties:
        quay: { type: string, description: The quay., required: true }
        side: { type: string, description: The side., required: true }
        code: { type: string, description: Opens the gate., required: true, sensitivity: secret, reads_back: clear }
        fee: { type: decimal, description: The fee., required: true }
";
    let kind = describe_boat(DELETE, "") + berths;
    let kind = kind.replace("body: changes", "body: changes, nested_fields: { granularity: whole }");
    let mut live = boat("b1", "one");
    let berth = |quay: &str, code: &str| json!({ "quay": quay, "side": "left", "code": code, "fee": 12.5 });
    live["berths"] =
        json!([berth("north", "k-north-1"), berth("south", "k-south-1"), berth("west", "k-west-1")]);
    let depot = Depot::new(&kind, vec![live]);
    let import = ["import", "depot/boat", "-o", "config"];
    depot.workspace.expect(0, &import).says(&["1 new"]);
    depot.boats.lock().expect("no panic")[0]["berths"].as_array_mut().expect("berths").remove(1);
    depot.workspace.expect(0, &import).says(&["1 updated", "shows no changes"]);
    let text = depot.workspace.read("config/one.yaml");
    assert!(text.contains("north") && text.contains("west") && !text.contains("south"), "{text}");
    // an item that a person adds is an edit that was not applied
    let own = "    - { quay: east, side: right, code: { from_env: EAST }, fee: 3 }\n";
    depot.workspace.write("config/one.yaml", &format!("{text}{own}"));
    depot.workspace.expect(0, &import).says(&["pending", "berths"]);
    assert!(depot.workspace.read("config/one.yaml").contains("quay: east"));
}
