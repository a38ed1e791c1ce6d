//! What is said about a kind, and the schemas of a workspace's own kinds.

use serde_json::{Value as Json, json};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{explain, schema};

const API: &str = "\
format: 1
title: Depot
description: A store of crates.
formats: [json]
clear_with: { string: empty, other: \"null\" }
";

const CRATE: &str = "\
format: 1
title: Crate
description: A crate in a depot, with what is in it and who may open it, which is quite enough to fill a line.
source: The depot's handbook
scope:
  depot: { type: string, description: The depot., example: north }
identity: { id: id, natural_key: [label] }
operations:
  list: { get: \"/depots/{depot}/crates\" }
  get: { get: \"/depots/{depot}/crates/{id}\" }
  create: { post: \"/depots/{depot}/crates\" }
  update: { patch: \"/depots/{depot}/crates/{id}\", body: changes, nested_fields: { granularity: members } }
  delete: { delete: \"/depots/{depot}/crates/{id}\" }
properties:
  id: { type: integer, description: The number., read_only: true, example: 7 }
  label: { type: string, description: What stands on it., required: true, example: Spare parts, max_length: 40 }
  weight: { type: decimal, description: How heavy it is., when_absent: zero, clear_with: zero, example: 12.5 }
  since: { type: date, description: Since when it is there., example: 2026-01-31 }
  lock: { type: string, description: The code of the lock., sensitivity: secret, write_only: true }
  owner: { type: string, description: Whose it is., sensitivity: personal, compare: case_insensitive, example: Kim }
  grade:
    type: string
    description: How well it is kept.
    enum: { \"1\": Well, \"2\": Badly }
    example: \"1\"
  place:
    type: object
    description: Where it stands.
    properties:
      hall: { type: string, description: The hall., example: B }
      row: { type: integer, description: The row., example: 3 }
  tags: { type: array, description: Words to find it by., list_type: set, unlisted_items: delete, items: { type: string }, example: [fragile] }
  keys:
    type: array
    description: Who may open it.
    unlisted_items: delete
    list_type: map
    list_keys: [[holder], [id]]
    items:
      properties:
        id: { type: integer, description: The number., read_only: true, example: 1 }
        holder: { type: string, description: Who holds the key., sensitivity: personal, example: Kim }
  notes:
    type: map
    description: Notes by language.
    unlisted_items: keep
    items: { type: string }
    keys: { en: The English note }
    example: { en: Handle with care }
";

fn depot() -> KindRegistry {
    let files = vec![
        ("apis/depot/api.yaml".to_owned(), API.to_owned()),
        ("apis/depot/crate.yaml".to_owned(), CRATE.to_owned()),
    ];
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files, &mut faults);
    let said: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.code, fault.message)).collect();
    assert!(said.is_empty(), "{said:#?}");
    registry
}

fn reported(topic: &str) -> String {
    match explain::explain_topic(&depot(), topic) {
        Ok(explanation) => explanation.render_text(80),
        Err(fault) => format!("{}: {} ({})", fault.code, fault.message, fault.hint.unwrap_or_default()),
    }
}

#[test]
fn a_kind_is_explained() {
    let expected = "\
KIND:   depot/crate

DESCRIPTION:
    A crate in a depot, with what is in it and who may open it, which is quite
    enough to fill a line.

    identity:    `id` is the service's `id`, assigned by the service; without it
                 the object is found by its `label`
    list:        `GET /depots/{depot}/crates`
    get:         `GET /depots/{depot}/crates/{id}`
    create:      `POST /depots/{depot}/crates`
    update:      `PATCH /depots/{depot}/crates/{id}`, sends only changes; of
                 objects, maps and arrays only changed members
    delete:      `DELETE /depots/{depot}/crates/{id}`

SCOPE:
    depot  <string> -required-
        The depot.

FIELDS:
    id      <integer> -read only-
        The number.
    label   <string> -required-
        What stands on it.
    weight  <decimal>
        How heavy it is.
    since   <date>
        Since when it is there.
    lock    <string> -write only- -secret-
        The code of the lock.
    owner   <string> -personal-
        Whose it is.
    grade   <string>
        How well it is kept.
    place   <object>
        Where it stands.
    tags    <array of strings>
        Words to find it by.
    keys    <array of objects>
        Who may open it.
    notes   <map of strings>
        Notes by language.

EXAMPLE:
    kind: depot/crate
    name: my-crate
    scope:
      depot: north
    spec:
      label: Spare parts
      weight: 12.5
      since: \"2026-01-31\"
      lock:
        from_env: LOCK
      owner: Kim
      grade: \"1\"
      place:
        hall: B
        row: 3
      tags:
        - fragile
      keys:
        - holder: Kim
      notes:
        en: Handle with care

SOURCE:
    The depot's handbook
";
    assert_eq!(reported("depot/crate"), expected);
}

#[test]
fn a_list_is_explained_with_its_items() {
    let expected = "\
KIND:   depot/crate
FIELD:  keys <array of objects>

DESCRIPTION:
    Who may open it.

    write:       optional
    items:       matched by `holder`, or if that is not unique by `id`
    unlisted:    deleted: a written list is complete
    clear:       `null` clears it, by sending the empty list

FIELDS:
    id      <integer> -read only-
        The number.
    holder  <string> -personal-
        Who holds the key.

EXAMPLE:
    keys:
      - holder: Kim

SOURCE:
    The depot's handbook
";
    assert_eq!(reported("depot/crate.keys"), expected);
}

#[test]
fn facts_are_reported_where_they_matter() {
    for (topic, says) in [
        ("depot/crate.lock", "secret, never written in plain text"),
        ("depot/crate.lock", "write-only, so a difference can't be seen"),
        ("depot/crate.lock", "from_env: LOCK"),
        ("depot/crate.label", "can't be cleared"),
        ("depot/crate.label", "at most 40 characters"),
        ("depot/crate.weight", "`null` resets it to `0`"),
        ("depot/crate.weight", "a live object without it has `0`"),
        ("depot/crate.owner", "upper and lower case are the same"),
        ("depot/crate.grade", "ONE OF:\n    1\n        Well"),
        ("depot/crate.tags", "a set: matched by value, in any order"),
        ("depot/crate.notes", "kept: a written map adds and changes only"),
        ("depot/crate.notes", "KNOWN KEYS:\n    en\n        The English note"),
        ("depot/crate.keys.id", "a document may name it"),
    ] {
        let reported = reported(topic);
        assert!(reported.contains(says), "{topic} does not say {says:?}:\n{reported}");
    }
}

#[test]
fn a_path_leads_through_objects_lists_and_maps_however_it_is_written() {
    for (topic, field) in [
        ("depot/crate.place.hall", "FIELD:  place.hall <string>"),
        ("depot/crate.spec.place.hall", "FIELD:  place.hall <string>"),
        ("depot/crate.keys.holder", "FIELD:  keys.holder <string>"),
        ("depot/crate.keys[].holder", "FIELD:  keys.holder <string>"),
        ("depot/crate.keys[0].holder", "FIELD:  keys.holder <string>"),
        ("depot/crate.notes.en", "The English note"),
        ("depot/crate.notes.sv", "An entry of `notes`"),
        (" depot/crate. ", "KIND:   depot/crate"),
    ] {
        let reported = reported(topic);
        assert!(reported.contains(field), "{topic}:\n{reported}");
    }
}

#[test]
fn an_unknown_topic_is_a_fault_with_the_nearest_name() {
    for (topic, says) in [
        ("depot/crat", "unknown-kind: there is no kind `depot/crat` (did you mean `depot/crate`?)"),
        ("depot/crate.lable", "unknown-field: `depot/crate` has no field `lable` (did you mean `label`?)"),
        ("depot/crate.place.hal", "`depot/crate.place` has no field `hal` (did you mean `hall`?)"),
        ("depot/crate.label.x", "`depot/crate.label` has no fields, so there is no `x` in it"),
        ("depot/crate.tags.x", "`depot/crate.tags` has no fields"),
        ("depot/crate.notes.en.x", "`depot/crate.notes.en` has no fields"),
        ("", "unknown-kind"),
        ("....", "unknown-kind"),
        ("/", "unknown-kind"),
    ] {
        let reported = reported(topic);
        assert!(reported.contains(says), "{topic}: {reported}");
    }
}

#[test]
fn every_kind_is_listed_in_a_line() {
    let list = explain::render_kind_list(&depot());
    assert!(
        list.lines().any(|line| line.starts_with("depot/crate ") && line.contains("A crate in a depot")),
        "{list}"
    );
    assert_eq!(list.lines().count(), KindRegistry::get_builtin().kind_names().len() + 1);
}

#[test]
fn every_field_of_every_kind_is_explained() {
    let registry = KindRegistry::get_builtin();
    for name in registry.kind_names() {
        let whole =
            explain::explain_topic(registry, name).unwrap_or_else(|fault| panic!("{}", fault.message));
        let mut open: Vec<String> = whole.fields.iter().map(|field| field.name.to_string()).collect();
        while let Some(path) = open.pop() {
            let found = explain::explain_topic(registry, &format!("{name}.{path}"))
                .unwrap_or_else(|f| panic!("{}", f.message));
            let text = found.render_text(80);
            assert!(text.contains(&path) && !found.facts.is_empty(), "{name}.{path}");
            open.extend(found.fields.iter().map(|field| format!("{path}.{}", field.name)));
        }
    }
}

#[test]
fn a_workspace_s_own_kind_has_schemas_like_any_other() {
    let files = schema::generate_schemas(&depot(), &schema::WorkspaceNames::default(), Vec::new());
    let text = |path: &str| files.iter().find(|(own, _)| own == path).map(|(_, text)| text.clone());
    let document: Json = serde_json::from_str(&text("document.json").expect("a file")).expect("JSON");
    let kinds = document["properties"]["kind"]["enum"].as_array().expect("a list");
    assert!(kinds.contains(&json!("depot/crate")));
    let own: Json = serde_json::from_str(&text("depot/crate.json").expect("a file")).expect("JSON");
    let validate = |spec: Json| {
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource("https://schemas.example/own.json", own.clone()).expect("a resource");
        let index = compiler.compile("https://schemas.example/own.json", &mut schemas).expect("a schema");
        schemas.validate(&json!({ "kind": "depot/crate", "name": "a", "id": 7, "spec": spec }), index).is_ok()
    };
    for right in [
        json!({ "grade": "1" }),
        json!({ "grade": 1 }),
        json!({ "grade": null }),
        json!({ "owner": { "from_env": "OWNER" } }),
        json!({ "lock": { "from_file": "lock.txt" } }),
        json!({ "weight": "12.50", "since": "2026-01-31" }),
        json!({ "notes": { "en": null, "sv": "x" } }),
        json!({ "keys": [{ "holder": "Kim" }, { "id": 2 }] }),
        json!({ "tags": ["a", 1, true, { "from_env": "TAG" }] }),
    ] {
        assert!(validate(right.clone()), "{right} is refused");
    }
    for wrong in [
        json!({ "grade": "3" }),
        json!({ "label": null }),
        json!({ "label": "x".repeat(41) }),
        json!({ "owner": { "from_env": "OWNER", "from_file": "x" } }),
        json!({ "owner": ["Kim"] }),
        json!({ "lock": "1234" }),
        json!({ "weight": "12,5" }),
        json!({ "weight": { "from_env": "WEIGHT" } }),
        json!({ "since": "31.1.2026" }),
        json!({ "notes": { "en": ["x"] } }),
        json!({ "keys": [{}] }),
        json!({ "place": { "hal": "B" } }),
        json!({ "tags": [null] }),
    ] {
        assert!(!validate(wrong.clone()), "{wrong} passes");
    }
}

#[test]
fn the_same_registry_gives_the_same_files() {
    assert_eq!(
        schema::generate_schemas(&depot(), &schema::WorkspaceNames::default(), Vec::new()),
        schema::generate_schemas(&depot(), &schema::WorkspaceNames::default(), Vec::new())
    );
}
