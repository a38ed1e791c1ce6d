//! Lists of objects that are set on create and never changed: they agree with what an import wrote.

use trueup::sandbox::SandboxOptions;

use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: ferry, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const BOAT: &str = r#"
format: 1
title: Boat
description: A boat.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /boats }
  create: { post: /boats, response: object }
  update: { patch: "/boats/{id}", body: changes, response: object, nested_fields: { granularity: whole } }
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  decks:
    type: array
    description: The decks.
    immutable: true
    LIST
    items:
      properties:
        code: { type: string, description: The code., required: true }
        seats: { type: integer, description: How many may sit. }
        area: { type: integer, description: Measured by the yard., read_only: true }
examples:
  - object:
      id: 1
      name: one
      decks: [{ code: low, seats: 3, area: 20 }, { code: top, seats: 2, area: 10 }]
"#;

#[test]
fn an_immutable_list_agrees_with_its_import_and_refuses_another_item() {
    let lists = [
        "list_type: atomic\n    unlisted_items: delete",
        "list_type: map\n    list_keys: [[code]]\n    unlisted_items: delete",
    ];
    for list in lists {
        let workspace = Workspace::new();
        workspace.write("apis/ferry/api.yaml", API);
        workspace.write("apis/ferry/boat.yaml", &BOAT.replace("LIST", list));
        let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
        shop.workspace.expect(0, &["import", "ferry/boat", "-o", "config"]).says(&["1 new", "no changes"]);
        shop.workspace.expect(0, &["plan", "config"]).says(&["No changes: 1 object unchanged"]);
        let written = shop.workspace.read("config/one.yaml");
        for (from, to) in [("seats: 3", "seats: 4"), ("code: top", "code: mid")] {
            shop.workspace.write("config/one.yaml", &written.replace(from, to));
            let ran = shop.workspace.run(&["plan", "config"]);
            assert_ne!(ran.code, Some(0), "{}", ran.all());
            assert!(ran.all().contains("`decks` cannot be changed after creation"), "{}", ran.all());
        }
        assert_eq!(shop.writes().len(), 0);
    }
}
