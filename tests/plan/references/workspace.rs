//! Objects of a workspace that refer to each other, of a service that is described here alone.

use serde_json::{Value as Json, json};
use trueup::plan::propose::GrantedPermissions;

use super::reference_fixture::ReferenceFixture;

const API: &str = "\
format: 1
title: Depot
description: Teams and what they work on.
formats: [json]
clear_with: { string: empty, other: \"null\" }
errors: { maps: [\"\"] }
";

const TEAM: &str = "\
format: 1
title: Team
description: People who work together.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /teams }
  get: { get: \"/teams/{id}\" }
  create: { post: /teams, response: object }
  update: { patch: \"/teams/{id}\", body: changes, response: object }
  delete: { delete: \"/teams/{id}\" }
properties:
  id: { type: integer, description: The number., read_only: true, omit_from: [writes], example: 1 }
  name: { type: string, description: The name., required: true, example: crew }
  size: { type: integer, description: How many they are., example: 3 }
  home:
    type: integer
    description: The project to which the team belongs.
    reference: { id: id, source: { kind: depot/project } }
    example: 7
examples:
  - object: { id: 11, name: old, size: 2, home: 21 }
";

const PROJECT: &str = "\
format: 1
title: Project
description: Work with an end.
identity: { id: id, natural_key: [title] }
operations:
  list: { get: /projects }
  get: { get: \"/projects/{id}\" }
  create: { post: /projects, response: object }
  update: { patch: \"/projects/{id}\", body: changes, nested_fields: { granularity: whole }, response: object }
  delete: { delete: \"/projects/{id}\" }
properties:
  id: { type: integer, description: The number., read_only: true, omit_from: [writes], example: 7 }
  title: { type: string, description: The title., required: true, example: Harbor }
  team:
    type: integer
    description: The team that does it.
    reference: &team { id: id, source: { kind: depot/team } }
    example: 1
  parent:
    type: integer
    description: The project of which it is a part.
    reference: { id: id, source: { kind: depot/project } }
    example: 7
  watchers:
    type: array
    description: Teams that want to know.
    unlisted_items: delete
    list_type: set
    items: { type: integer }
    reference: *team
    example: [1]
  tags:
    type: array
    description: What it is about.
    unlisted_items: delete
    list_type: set
    items: { type: integer }
    reference: { id: number, by: [word], source: { list: { get: /tags } } }
    example: [5]
  steps:
    type: array
    description: What is to be done.
    unlisted_items: delete
    list_type: map
    list_keys: [[what]]
    items:
      properties:
        what: { type: string, description: What is to be done., required: true, example: Dig }
        who: { type: integer, description: Who does it., reference: *team, example: 1 }
    example: [{ what: Dig, who: 1 }]
examples:
  - object: { id: 21, title: Quay, team: 11, parent: null, watchers: [11], tags: [5, 6], steps: [] }
";

const FILES: [(&str, &str); 3] = [("depot/api", API), ("depot/team", TEAM), ("depot/project", PROJECT)];

fn fixture() -> ReferenceFixture {
    ReferenceFixture::own(&FILES, &["depot/team", "depot/project"])
}

fn team(name: &str, rest: &str) -> String {
    format!("kind: depot/team\nname: {name}\nspec:\n  name: {name}\n{rest}")
}

fn project(name: &str, rest: &str) -> String {
    format!("kind: depot/project\nname: {name}\nspec:\n  title: {name}\n{rest}")
}

fn all(documents: &[String]) -> String {
    documents.join("---\n")
}

fn id(fixture: &ReferenceFixture, kind: &str, member: &str, value: &str) -> Json {
    fixture.one(kind, member, value)["id"].clone()
}

#[test]
fn what_others_refer_to_is_created_first_wherever_it_stands() {
    let fixture = fixture();
    let text = all(&[
        project("harbor", "  team: { ref: crew }\n  watchers: [{ ref: crew }, { ref: old }]\n"),
        team("crew", "  size: 4\n"),
        team("old", ""),
    ]);
    let planned = fixture.plan(&text);
    planned.shows(&["team         (id of crew, known after apply)", "2 to create"]);
    let fields = &planned.json["changes"][0]["fields"];
    assert_eq!(fields[1]["after"], json!({ "id_of": "crew" }), "{fields}");
    fixture.sandbox().clear_log();
    fixture.apply(&text).ends(&["harbor done", "crew done", "old unchanged"]);
    let crew = id(&fixture, "depot/team", "name", "crew");
    let sent = json!({ "title": "harbor", "team": crew, "watchers": [crew, 11] });
    assert_eq!(
        fixture.writes(),
        [
            ("POST /depot/teams".to_owned(), json!({ "name": "crew", "size": 4 })),
            ("POST /depot/projects".to_owned(), sent),
        ]
    );
    fixture.apply(&text).ends(&["harbor unchanged", "crew unchanged", "old unchanged"]);
}

#[test]
fn long_ways_are_gone_step_by_step() {
    let fixture = fixture();
    let text = all(&[
        project("d", "  parent: { ref: c }\n"),
        project("c", "  parent: { ref: b }\n  steps: [{ what: Dig, who: { ref: crew } }]\n"),
        project("b", "  team: { ref: crew }\n"),
        team("crew", "  home: { ref: Quay }\n"),
        project("Quay", ""),
    ]);
    fixture.apply(&text).ends(&["d done", "c done", "b done", "crew done", "Quay unchanged"]);
    let titles: Vec<Json> = fixture.writes().iter().map(|(_, body)| body["title"].clone()).collect();
    assert_eq!(titles, [Json::Null, json!("b"), json!("c"), json!("d")]);
    let c = fixture.one("depot/project", "title", "c");
    assert_eq!(c["parent"], id(&fixture, "depot/project", "title", "b"));
    assert_eq!(c["steps"][0]["who"], id(&fixture, "depot/team", "name", "crew"));
    fixture.apply(&text).ends(&[
        "d unchanged",
        "c unchanged",
        "b unchanged",
        "crew unchanged",
        "Quay unchanged",
    ]);
}

#[test]
fn an_object_that_is_there_can_be_moved_to_one_that_is_not() {
    let fixture = fixture();
    let text = all(&[project("Quay", "  team: { ref: crew }\n"), team("crew", "")]);
    fixture.plan(&text).shows(&["team  11 -> (id of crew, known after apply)"]);
    fixture.apply(&text).ends(&["Quay done", "crew done"]);
    let crew = id(&fixture, "depot/team", "name", "crew");
    assert_eq!(fixture.writes()[1], ("PATCH /depot/projects/21".to_owned(), json!({ "team": crew })));
}

#[test]
fn objects_that_are_there_may_refer_to_each_other() {
    let fixture = fixture();
    let text = all(&[project("Quay", "  team: { ref: old }\n"), team("old", "  home: { ref: Quay }\n")]);
    fixture.plan(&text).agrees();
    let both = all(&[
        project("Quay", "  team: { ref: old }\n  parent: { ref: Quay }\n"),
        team("old", "  home: { ref: Quay }\n"),
    ]);
    fixture.apply(&both).ends(&["Quay done", "old unchanged"]);
    assert_eq!(fixture.one("depot/project", "title", "Quay")["parent"], 21);
}

#[test]
fn a_circle_of_new_objects_is_reported_with_all_its_places_and_holds_up_nobody_else() {
    let fixture = fixture();
    let text = all(&[
        project("a", "  team: { ref: crew }\n"),
        team("crew", "  home: { ref: b }\n"),
        project("b", "  parent: { ref: a }\n"),
        project("waits", "  parent: { ref: b }\n"),
        project("self", "  parent: { ref: self }\n"),
        project("free", "  team: { ref: old }\n"),
        team("old", ""),
    ]);
    let ran = fixture.apply(&text);
    ran.ends(&[
        "a refused",
        "crew refused",
        "b refused",
        "waits refused",
        "self refused",
        "free done",
        "old unchanged",
    ]);
    ran.says(
        "reference-cycle",
        5,
        &["`a` -> `crew` -> `b` -> `a`", "[11: `crew` refers to `b`] [17: `b` refers to `a`]"],
    );
    ran.says("reference-cycle", 11, &["`crew` -> `b` -> `a` -> `crew`"]);
    ran.says("reference-cycle", 17, &["`b` -> `a` -> `crew` -> `b`"]);
    ran.says(
        "reference-refused",
        23,
        &["`b`, to which `parent` refers, is not there and was not created", "[14: its document]"],
    );
    ran.says("reference-cycle", 29, &["`self` -> `self`"]);
    assert_eq!(fixture.writes().len(), 1);
}

#[test]
fn a_name_that_no_document_has_is_reported_before_any_request() {
    let fixture = fixture();
    let (_, faults) = fixture.read(&all(&[project("a", "  team: { ref: crwe }\n"), team("crew", "")]));
    let listed = super::reference_fixture::listed(&faults);
    assert!(listed.contains("unknown-reference 5: no document of kind `depot/team` at this target is named `crwe` (did you mean `crew`?)"), "{listed}");
    // a project of that name is no team
    let (_, faults) = fixture.read(&all(&[project("a", "  team: { ref: b }\n"), project("b", "")]));
    assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["unknown-reference"]);
}

#[test]
fn a_narrowed_run_finds_what_an_earlier_one_left() {
    let mut fixture = fixture();
    fixture.apply(&team("crew", "")).ends(&["crew done"]);
    fixture.narrowed = true;
    fixture.apply(&project("a", "  team: { ref: crew }\n")).ends(&["a done"]);
    assert_eq!(
        fixture.one("depot/project", "title", "a")["team"],
        id(&fixture, "depot/team", "name", "crew")
    );
    let ran = fixture.apply(&project("b", "  team: { ref: nobody }\n"));
    ran.ends(&["b refused"]).says("unknown-reference", 5, &["no document of kind `depot/team`"]);
}

#[test]
fn who_refers_to_what_was_not_created_is_not_written() {
    for (fault, ending, code) in [
        ("POST:400:1:/teams", "crew failed", "reference-refused"),
        ("POST:reset:9:/teams", "crew unknown", "reference-unread"),
    ] {
        let fixture = fixture();
        fixture.fail(fault);
        let text = all(&[project("a", "  team: { ref: crew }\n"), team("crew", ""), project("free", "")]);
        let ran = fixture.apply(&text);
        ran.ends(&["a refused", ending, "free done"]).says(code, 5, &["`crew`, to which `team` refers"]);
        assert!(fixture.writes().iter().all(|(_, body)| body["title"] != "a"), "{fault}");
    }
}

#[test]
fn a_create_without_an_answer_is_looked_up_for_those_who_wait_for_it() {
    let fixture = fixture();
    fixture.fail("POST:reset-after:1:/teams");
    let text = all(&[project("a", "  team: { ref: crew }\n"), team("crew", "")]);
    fixture.apply(&text).ends(&["a done", "crew done"]);
    assert_eq!(
        fixture.one("depot/project", "title", "a")["team"],
        id(&fixture, "depot/team", "name", "crew")
    );
    assert_eq!(fixture.live("depot/team").len(), 2);
}

#[test]
fn what_is_refused_or_to_go_cannot_be_referred_to() {
    let mut fixture = fixture();
    fixture.permits = GrantedPermissions { delete: true, ..GrantedPermissions::default() };
    let gone = team("old", "").replace("spec:", "state: absent\nspec:");
    let ran = fixture.apply(&all(&[gone, project("Quay", "  team: { ref: old }\n  watchers: []\n")]));
    ran.ends(&["old done", "Quay refused"]).says(
        "reference-gone",
        11,
        &["`old`, to which `team` refers, has `state: absent`"],
    );
}

#[test]
fn somebody_else_may_create_it_between_plan_and_write() {
    let fixture = fixture();
    let text = all(&[project("a", "  team: { ref: crew }\n"), team("crew", "")]);
    let ran = fixture.apply_after(&text, &|| {
        fixture.apply(&team("crew", "")).ends(&["crew done"]);
    });
    // the plan said that it is to be created, so the team is left alone, but its id is known
    assert_eq!(ran.endings[0], "a done", "{}", ran.all());
    assert_eq!(
        fixture.one("depot/project", "title", "a")["team"],
        id(&fixture, "depot/team", "name", "crew")
    );
}

#[test]
fn things_of_a_list_are_named_and_read_once() {
    let fixture = fixture();
    let text = all(&[
        project("a", "  tags: [{ word: word 5 }, 6]\n"),
        project("b", "  tags: [{ word: word 6 }]\n"),
        project("Quay", "  tags: [{ word: word 6 }, { word: word 5 }]\n"),
    ]);
    fixture.apply(&text).ends(&["a done", "b done", "Quay unchanged"]);
    assert_eq!(fixture.writes()[0].1["tags"], json!([5, 6]));
    assert_eq!(fixture.reads("/tags"), 1);
    let ran = fixture.plan(&project("a", "  tags: [{ word: word 5 }, 5]\n"));
    ran.says("duplicate-item", 5, &["duplicate item in `tags`"]);
    let ran = fixture.plan(&project("a", "  tags:\n    - 6\n    - { word: word 7 }\n"));
    ran.says("unknown-reference", 7, &["did you mean `word 5`?", "5 (word 5), 6 (word 6)"]);
}

#[test]
fn what_others_refer_to_goes_after_them() {
    let mut fixture = fixture();
    fixture.permits = GrantedPermissions { delete: true, ..GrantedPermissions::default() };
    let both = all(&[project("a", ""), team("crew", "  home: { ref: a }\n")]);
    fixture.apply(&both).ends(&["a done", "crew done"]);
    let gone = |text: &str| text.replace("\nspec:", "\nstate: absent\nspec:");
    // whoever lets go of it comes first, too
    fixture
        .apply(&all(&[gone(&project("a", "")), team("crew", "  home: null\n")]))
        .ends(&["a done", "crew done"]);
    let writes = |fixture: &ReferenceFixture| -> Vec<String> {
        let verbs = fixture.writes().into_iter().map(|(line, _)| line);
        verbs.map(|line| line.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()).collect()
    };
    let all_so_far =
        ["POST /depot/projects", "POST /depot/teams", "PATCH /depot/teams/", "DELETE /depot/projects/"];
    assert_eq!(writes(&fixture), all_so_far);
    let both = all(&[project("b", ""), team("crew", "  home: { ref: b }\n")]);
    fixture.apply(&both).ends(&["b done", "crew done"]);
    fixture.sandbox().clear_log();
    fixture.apply(&gone(&both.replace("  home: { ref: b }\n", ""))).ends(&["b done", "crew done"]);
    assert_eq!(writes(&fixture), ["DELETE /depot/teams/", "DELETE /depot/projects/"]);
}

#[test]
fn a_reference_is_said_in_the_words_of_its_field() {
    let fixture = fixture();
    for (value, code, words) in [
        ("{ reff: old }", "invalid-reference", "did you mean `ref`?"),
        ("{ ref: old, id: 1 }", "invalid-reference", "exactly one of `ref`"),
        ("{}", "invalid-reference", "write { ref: NAME } or the id itself"),
        ("{ ref: }", "invalid-reference", "`ref` of `team` is no name"),
        ("{ ref: [old] }", "invalid-reference", "`ref` of `team` is no name"),
        ("{ from_env: TEAM }", "source-not-allowed", "write the value itself"),
        ("[old]", "wrong-type", "an integer"),
    ] {
        let (_, faults) = fixture.read(&project("a", &format!("  team: {value}\n")));
        let listed = super::reference_fixture::listed(&faults);
        assert!(listed.starts_with(&format!("{code} 5: ")) && listed.contains(words), "{value}: {listed}");
        assert_eq!(faults.len(), 1, "{listed}");
    }
    // where nothing has a name, a mapping is no reference
    let (_, faults) = fixture.read(&team("a", "  size: { ref: old }\n"));
    assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["wrong-type"]);
}

#[test]
fn what_finds_an_object_is_no_reference() {
    let project = PROJECT.replace("natural_key: [title]", "natural_key: [team, title]");
    let files = [FILES[0], FILES[1], ("depot/project", project.as_str())];
    let fixture = ReferenceFixture::own(&files, &["depot/team", "depot/project"]);
    let (_, faults) = fixture.read(&all(&[self::project("a", "  team: { ref: old }\n"), team("old", "")]));
    let listed = super::reference_fixture::listed(&faults);
    assert!(listed.contains("reference-in-key 5"), "{listed}");
    let with_id = self::project("a", "  team: { ref: old }\n").replace("name: a", "name: a\nid: 21");
    let (_, faults) = fixture.read(&all(&[with_id, team("old", "")]));
    assert!(faults.is_empty(), "{}", super::reference_fixture::listed(&faults));
}
