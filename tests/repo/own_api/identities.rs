//! Objects without an id of one member: the only one of its scope, and those that several fields identify together;
//! objects that no list shows, and lists that have the objects of all scopes.

use serde_json::{Value as Json, json};
use trueup::sandbox::SandboxOptions;

use crate::support::own_api_fixture::{OwnApiFixture, body};
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: depot, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Depot\ndescription: Goods.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const RULES: &str = r#"
format: 1
title: Rules
description: The rules of a site.
scope: { site: { type: string, description: The site. } }
identity: singleton
operations:
  get: { get: "/sites/{site}/rules", response_member: rules }
  update: { put: "/sites/{site}/rules", response: none }
properties:
  hours: { type: string, description: When it is open. }
  gates: { type: integer, description: How many gates it has. }
examples:
  - { scope: { site: north }, object: { hours: 8-17, gates: 2 } }
  - { scope: { site: south }, object: { hours: 9-18, gates: 3 } }
"#;
const SHELF: &str = r#"
format: 1
title: Shelf
description: A shelf.
identity: { id: [hall, row], id_assigned_by: client }
operations:
  list: { get: /shelves }
  get: { get: "/halls/{hall}/rows/{row}" }
  create: { CREATE }
  update: { patch: "/halls/{hall}/rows/{row}", body: changes }
  delete: { delete: "/halls/{hall}/rows/{row}" }
properties:
  hall: { type: string, description: The hall., required: true, immutable: true }
  row: { type: integer, description: The row., required: true, immutable: true }
  goods: { type: string, description: What is there. }
examples:
  - object: { hall: A/1, row: 1, goods: bolts }
  - object: { hall: A/1, row: 2, goods: nuts }
"#;
const TAG: &str = r#"
format: 1
title: Tag
description: A tag.
identity: { id: key, id_assigned_by: client }
operations:
  get: { get: "/tags/{key}" }
  create: { put: "/tags/{key}" }
  update: { put: "/tags/{key}" }
  delete: { delete: "/tags/{key}" }
properties:
  key: { type: string, description: The key., required: true, immutable: true }
  color: { type: string, description: The color. }
examples:
  - object: { key: red, color: "f00" }
"#;
const LAMP: &str = r#"
format: 1
title: Lamp
description: A lamp.
scope: { site: { type: string, description: The site. } }
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /lamps, only: { site: ["{site}"] } }
  create: { post: "/sites/{site}/lamps" }
  update: { patch: "/sites/{site}/lamps/{id}", body: changes }
properties:
  id: { type: integer, description: The number., read_only: true }
  site: { type: string, description: The site., read_only: true }
  name: { type: string, description: The name., required: true }
  watts: { type: integer, description: The power. }
examples:
  - { scope: { site: north }, object: { id: 1, site: north, name: door, watts: 40 } }
  - { scope: { site: south }, object: { id: 2, site: south, name: door, watts: 60 } }
"#;

fn open(files: &[(&str, &str)]) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/depot/api.yaml", API);
    for (name, text) in files {
        workspace.write(&format!("apis/depot/{name}.yaml"), text);
    }
    OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default())
}

fn requests(shop: &OwnApiFixture) -> Vec<(String, Json)> {
    let path = |path: &str| path.rsplit_once("/depot").map_or(path.to_owned(), |(_, path)| path.to_owned());
    shop.writes()
        .iter()
        .map(|entry| (format!("{} {}", entry.method, path(&entry.path)), body(entry)))
        .collect()
}

#[test]
fn a_scope_has_one_object() {
    let shop = open(&[("rules", RULES)]);
    shop.workspace.write(
        "config/rules.yaml",
        "kind: depot/rules\nname: north\nscope: { site: north }\nspec: { hours: 7-19 }\n",
    );
    shop.converges();
    assert_eq!(
        requests(&shop),
        [("PUT /sites/north/rules".to_owned(), json!({ "hours": "7-19", "gates": 2 }))]
    );
    let ran = ["import", "depot/rules", "--output", "config", "--scope", "site=south", "--format", "json"];
    let report = shop.workspace.expect(0, &ran).json();
    assert_eq!(report["verified"], json!(true), "{report:#}");
    assert_eq!(report["results"][0]["name"], json!("rules"));
    let text = std::fs::read_to_string(shop.workspace.root().join("config/rules-depot-rules.yaml"));
    let text = text.expect("a document");
    assert!(!text.contains("id:") && text.contains("gates: 3"), "{text}");
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    shop.sandbox
        .edit_object("depot/rules", "singleton", json!({ "hours": "1-2" }).as_object().expect("an object"))
        .expect("an edit");
    shop.workspace.expect(2, &["drift"]).says(&["hours"]);
}

#[test]
fn an_id_that_contradicts_its_fields_is_an_error() {
    let shop = open(&[("shelf", &SHELF.replace("CREATE", "post: /shelves")), ("rules", RULES)]);
    let document =
        |id: &str| format!("kind: depot/shelf\nname: x\nid: {id}\nspec: {{ hall: B 2, row: 1 }}\n");
    shop.workspace.write("config/x.yaml", &document("B%202/1"));
    shop.workspace.expect(0, &["validate"]);
    for id in ["B%202/2", "A/1", "B 2/1"] {
        shop.workspace.write("config/x.yaml", &document(id));
        let ran = shop.workspace.expect(1, &["validate"]);
        ran.complains(&["conflicting-ids", "`id` and `spec` name different objects", "config/x.yaml:3:5"]);
    }
    shop.workspace.write(
        "config/x.yaml",
        "kind: depot/rules\nname: x\nid: 7\nscope: { site: north }\nspec: { hours: 7-19 }\n",
    );
    shop.workspace.expect(1, &["validate"]).complains(&["conflicting-ids"]);
}

#[test]
fn several_fields_identify_an_object_together() {
    for create in ["put: \"/halls/{hall}/rows/{row}\"", "post: /shelves"] {
        let shop = open(&[("shelf", &SHELF.replace("CREATE", create))]);
        shop.workspace.expect(0, &["import", "depot/shelf", "--output", "config"]);
        shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        shop.workspace.write(
            "config/new.yaml",
            "kind: depot/shelf\nname: b-1\nspec: { hall: B 2, row: 1, goods: screws }\n---\n\
             kind: depot/shelf\nname: a-1\nspec: { hall: A/1, row: 1, goods: pins }\n---\n\
             kind: depot/shelf\nname: a-2\nstate: absent\nspec: { hall: A/1, row: 2 }\n",
        );
        for name in ["a-1-1", "a-1-2"] {
            std::fs::remove_file(shop.workspace.root().join(format!("config/{name}.yaml")))
                .expect("an import");
        }
        let planned = shop.workspace.run(&["plan", "--allow-delete", "--format", "json"]).json();
        let counts = ["create", "update", "delete"].map(|action| planned["summary"][action].clone());
        assert_eq!(counts, [json!(1), json!(1), json!(1)], "{planned:#}");
        shop.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
        shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        let all = requests(&shop);
        let find =
            |start: &str| all.iter().find(|(line, _)| line.starts_with(start)).map(|(_, body)| body.clone());
        let new = find("PUT /halls/B%202/rows/1").or_else(|| find("POST /shelves"));
        assert_eq!(new, Some(json!({ "hall": "B 2", "row": 1, "goods": "screws" })), "{all:?}");
        assert_eq!(find("PATCH /halls/A%2F1/rows/1"), Some(json!({ "goods": "pins" })), "{all:?}");
        assert!(find("DELETE /halls/A%2F1/rows/2").is_some(), "{all:?}");
    }
}

#[test]
fn an_object_without_a_list_is_read_by_its_id() {
    let shop = open(&[("tag", TAG)]);
    let tag = |key: &str| format!("kind: depot/tag\nname: {key}\nspec: {{ key: {key}, color: \"0f0\" }}\n");
    let all: Vec<String> = ["red", "t1", "t2", "t3", "t4", "t5", "t6"].map(tag).into();
    shop.workspace.write("config/tags.yaml", &all.join("---\n"));
    shop.converges();
    assert_eq!(shop.objects("depot/tag").len(), 7);
    let ran =
        shop.workspace.expect(0, &["import", "depot/tag", "red", "--output", "other", "--format", "json"]);
    assert_eq!(ran.json()["verified"], json!(true), "{}", ran.all());
    shop.workspace
        .expect(1, &["import", "depot/tag", "--output", "other"])
        .complains(&["has no `list` operation"]);
    // what was imported creates the object again
    let imported =
        std::fs::read_to_string(shop.workspace.root().join("config/tags.yaml")).expect("documents");
    assert!(imported.contains("red"));
    let checked = shop.workspace.expect(0, &["api", "check", "--format", "json"]).json();
    let kinds = checked["apis"][0]["kinds"].as_array().expect("kinds").clone();
    let operations = |kind: &Json| kind["operations"].as_array().expect("operations").clone();
    assert!(kinds.iter().all(|kind| !operations(kind).contains(&json!("list"))), "{checked:#}");
}

#[test]
fn one_list_has_the_objects_of_all_scopes() {
    let shop = open(&[("lamp", LAMP)]);
    shop.workspace.write(
        "config/lamps.yaml",
        "kind: depot/lamp\nname: south-door\nscope: { site: south }\nspec: { name: door, watts: 61 }\n---\n\
         kind: depot/lamp\nname: north-hall\nscope: { site: north }\nspec: { name: hall, watts: 5 }\n",
    );
    shop.converges();
    let mut all: Vec<String> = requests(&shop).into_iter().map(|(line, _)| line).collect();
    all.sort();
    assert_eq!(all, ["PATCH /sites/south/lamps/2", "POST /sites/north/lamps"]);
    let ran = ["import", "depot/lamp", "--output", "other", "--scope", "site=north", "--format", "json"];
    let report = shop.workspace.expect(0, &ran).json();
    assert_eq!(report["results"].as_array().map(Vec::len), Some(2), "{report:#}");
}

#[test]
fn identities_that_cannot_be_served_are_refused() {
    let shelf = SHELF.replace("CREATE", "post: /shelves");
    for (name, text, from, to, says) in [
        (
            "rules",
            RULES,
            "operations:\n",
            "operations:\n  list: { get: \"/sites/{site}/rules\" }\n",
            "which `get` reads",
        ),
        ("rules", RULES, "/rules\", response_member: rules", "/rules/{id}\"", "there is no parameter `id`"),
        (
            "shelf",
            shelf.as_str(),
            ", id_assigned_by: client",
            "",
            "the client chooses an id of several fields",
        ),
        ("shelf", shelf.as_str(), "[hall, row]", "[hall]", "a list of one field is that field"),
        ("shelf", shelf.as_str(), "[hall, row]", "[]", "`id` names no field"),
        ("shelf", shelf.as_str(), "[hall, row]", "[hall, goods]", "`goods` identifies the object"),
        (
            "shelf",
            shelf.as_str(),
            "patch: \"/halls/{hall}/rows/{row}\"",
            "patch: \"/halls/{hall}\"",
            "the path lacks `{row}`",
        ),
        (
            "tag",
            TAG,
            "id: key, id_assigned_by: client }",
            "id: key, id_assigned_by: client, natural_key: [color] }",
            "nothing finds an object by its natural key",
        ),
        (
            "tag",
            TAG,
            "get: { get: \"/tags/{key}\" }",
            "get: { list_with: { key: \"{key}\" } }",
            "`get` reads each object by its own path",
        ),
        ("lamp", LAMP, "\"{site}\"", "\"{place}\"", "there is no parameter `place`"),
    ] {
        let workspace = Workspace::new();
        workspace.write("apis/depot/api.yaml", API);
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, *text, "{from}");
        workspace.write(&format!("apis/depot/{name}.yaml"), &changed);
        workspace.expect(1, &["api", "check"]).complains(&[says, &format!("{name}.yaml:")]);
    }
    let shop = open(&[("shelf", &shelf)]);
    shop.workspace.write("config/a.yaml", "kind: depot/shelf\nname: a\nspec: { hall: A }\n");
    shop.workspace.expect(1, &["validate"]).complains(&["`hall` and `row` identify the object together"]);
}
