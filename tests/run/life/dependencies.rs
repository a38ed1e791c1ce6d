//! `depends_on`: without any reference, documents are written after those on which they depend and deleted before
//! them; what is refused or fails holds up what depends on it.

use serde_json::Value as Json;
use trueup::sandbox::{SandboxFault, SandboxOptions};

use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: names, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Names\ndescription: Names.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const KIND: &str = r#"
format: 1
title: TITLE
description: One of them.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /PATH }
  get: { get: "/PATH/{id}" }
  create: { post: /PATH }
  update: { patch: "/PATH/{id}", body: changes }
  delete: { delete: "/PATH/{id}" }
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  size: { type: integer, description: The size. }
examples:
  - object: { id: 1, name: first, size: 1 }
"#;

fn open() -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/names/api.yaml", API);
    for (name, path) in [("record", "records"), ("zone", "zones")] {
        let text = KIND.replace("TITLE", name).replace("PATH", path);
        workspace.write(&format!("apis/names/{name}.yaml"), &text);
    }
    let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    shop.workspace.write("config/names.yaml", &documents("present", 5));
    shop
}

/// Two records and a zone; the zone stands last, and by the names of the kinds it would be last.
fn documents(state: &str, size: usize) -> String {
    format!(
        "kind: names/record\nname: www\nstate: {state}\ndepends_on: [names/record/mail, names/zone/home]\nspec: {{ name: www, size: {size} }}\n---\n\
         kind: names/record\nname: mail\nstate: {state}\ndepends_on: [names/zone/home]\nspec: {{ name: mail, size: {size} }}\n---\n\
         kind: names/zone\nname: home\nstate: {state}\nspec: {{ name: home, size: {size} }}\n"
    )
}

/// The writes, each with the name or the id that it is about.
fn writes(shop: &OwnApiFixture) -> Vec<String> {
    let line = |entry: &trueup::sandbox::SandboxLogEntry| {
        let path = entry.path.rsplit_once("/names").map_or(&*entry.path, |(_, path)| path).to_owned();
        let body: Json =
            serde_json::from_slice(entry.body.as_deref().unwrap_or_default()).unwrap_or_default();
        let name = body["name"].as_str().map_or_else(String::new, |name| format!(" {name}"));
        format!("{} {path}{name}", entry.method)
    };
    shop.writes().iter().map(line).collect()
}

#[test]
fn objects_are_written_after_those_on_which_they_depend_and_deleted_before_them() {
    let shop = open();
    shop.converges();
    assert_eq!(writes(&shop), ["POST /zones home", "POST /records mail", "POST /records www"]);
    // updates keep the order too
    shop.sandbox.clear_log();
    shop.workspace.write("config/names.yaml", &documents("present", 6));
    shop.workspace.expect(0, &["apply", "--auto-approve", "--max-updates=100%"]);
    let ids = |shop: &OwnApiFixture| writes(shop).join(", ");
    assert_eq!(ids(&shop), "PATCH /zones/2, PATCH /records/2, PATCH /records/3");
    shop.sandbox.clear_log();
    shop.workspace.write("config/names.yaml", &documents("absent", 6));
    shop.workspace.expect(0, &["plan", "--allow-delete", "--max-deletes=100%", "-o", "plan.json"]);
    let apply = ["apply", "plan.json", "--auto-approve", "--allow-delete", "--max-deletes=100%"];
    shop.workspace.expect(0, &apply);
    assert_eq!(ids(&shop), "DELETE /records/3, DELETE /records/2, DELETE /zones/2");
}

#[test]
fn what_fails_holds_up_what_depends_on_it() {
    let shop = open();
    shop.sandbox.add_fault(SandboxFault::parse_fault("POST:422:1:/records").expect("a fault"));
    let ran = shop.workspace.run(&["apply", "--auto-approve"]);
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    ran.says(&["dependency-blocked", "`mail`, on which this document depends, was not written"]);
    assert_eq!(writes(&shop), ["POST /zones home", "POST /records mail"]);
    // the next run does the rest
    shop.sandbox.clear_log();
    shop.converges();
    assert_eq!(writes(&shop), ["POST /records mail", "POST /records www"]);
    // a delete that fails keeps what it depends on
    shop.sandbox.clear_log();
    shop.workspace.write("config/names.yaml", &documents("absent", 5));
    shop.sandbox.add_fault(SandboxFault::parse_fault("DELETE:422:1:/records").expect("a fault"));
    let ran = shop.workspace.run(&["apply", "--auto-approve", "--allow-delete", "--max-deletes=100%"]);
    ran.says(&["dependency-blocked", "`www`, which depends on this object, was not deleted"]);
    assert_eq!(writes(&shop).len(), 1, "{:?}", writes(&shop));
}

#[test]
fn what_is_refused_or_to_be_deleted_holds_up_what_depends_on_it() {
    let shop = open();
    // no zone is created under an id that is not there
    let text = documents("present", 5).replace("name: home\nstate", "name: home\nid: 77\nstate");
    shop.workspace.write("config/names.yaml", &text);
    let plan = shop.workspace.expect(3, &["plan"]);
    plan.says(&["not-found", "`home`, on which this document depends, was refused", "3 refused"]);
    let gone = documents("present", 5).replace("name: home\nstate: present", "name: home\nstate: absent");
    shop.workspace.write("config/names.yaml", &gone);
    let plan = shop.workspace.expect(3, &["plan", "--allow-delete"]);
    plan.says(&["dependency-gone", "`home`, on which this document depends, has `state: absent`"]);
    shop.workspace.expect(3, &["apply", "--auto-approve", "--allow-delete"]);
    assert_eq!(writes(&shop), Vec::<String>::new());
    // nothing is to be done to the others once they are there
    shop.workspace.write("config/names.yaml", &documents("present", 5));
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    let text = documents("present", 5).replace("name: home\nstate", "name: home\nid: 77\nstate");
    shop.workspace.write("config/names.yaml", &text);
    shop.workspace.expect(3, &["plan"]).says(&["1 refused, 2 unchanged"]);
}

#[test]
fn a_narrowed_run_depends_on_what_was_applied() {
    let shop = open();
    let ran = shop.workspace.expect(3, &["apply", "--auto-approve", "--name", "mail"]);
    ran.says(&["unknown-dependency", "`home` of kind `names/zone` is not in this run"]);
    ran.says(&["apply it first, or select it too"]);
    shop.workspace.expect(0, &["apply", "--auto-approve", "--name", "home"]);
    shop.workspace.expect(0, &["apply", "--auto-approve", "--name", "mail"]);
    assert_eq!(writes(&shop), ["POST /zones home", "POST /records mail"]);
}

#[test]
fn what_others_depend_on_is_not_deleted_while_they_stay() {
    let shop = open();
    shop.converges();
    shop.sandbox.clear_log();
    let gone = documents("present", 5).replace("name: home\nstate: present", "name: home\nstate: absent");
    shop.workspace.write("config/names.yaml", &gone);
    let delete = ["apply", "--auto-approve", "--allow-delete", "--max-deletes=100%"];
    let narrowed = |name: &'static str| [&delete[..], &["--name", name]].concat();
    // whether the documents that depend on it are part of the run or not
    for arguments in [delete.to_vec(), narrowed("home")] {
        let ran = shop.workspace.expect(3, &arguments);
        for name in ["mail", "www"] {
            ran.says(&[
                "dependency-blocked",
                &format!("`{name}` depends on this object, so it is not deleted"),
            ]);
        }
    }
    assert_eq!(writes(&shop), Vec::<String>::new());
    // one that is to be deleted too, and is left out, is still there
    shop.workspace.write("config/names.yaml", &documents("absent", 5));
    let ran = shop.workspace.expect(3, &narrowed("home"));
    ran.says(&["`www`, which depends on this object, was not deleted", "select it too"]);
    assert_eq!(writes(&shop), Vec::<String>::new());
    shop.workspace.expect(0, &narrowed("www"));
    shop.workspace.expect(0, &narrowed("mail"));
    shop.workspace.expect(0, &narrowed("home"));
    assert_eq!(writes(&shop), ["DELETE /records/3", "DELETE /records/2", "DELETE /zones/2"]);
}

#[test]
fn nothing_is_deleted_while_documents_that_are_left_out_cannot_be_read() {
    let shop = open();
    shop.converges();
    shop.sandbox.clear_log();
    let (others, home) = documents("present", 5)
        .rsplit_once("---\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("documents");
    shop.workspace.write("config/names.yaml", &others);
    shop.workspace.write("config/home.yaml", &home.replace("state: present", "state: absent"));
    shop.workspace.write("config/broken.yaml", "kind: names/zone\nname: broken\nspec: [\n");
    let delete = ["apply", "config/home.yaml", "--auto-approve", "--allow-delete", "--max-deletes=100%"];
    let ran = shop.workspace.expect(3, &delete);
    ran.says(&[
        "dependency-blocked",
        "documents that are not selected could not be read",
        "`trueup validate` lists them",
    ]);
    assert_eq!(writes(&shop), Vec::<String>::new());
    // once they can be read, they decide
    shop.workspace.remove("config/broken.yaml");
    shop.workspace.expect(3, &delete).says(&["`www` depends on this object"]);
    assert_eq!(writes(&shop), Vec::<String>::new());
}

#[test]
fn absent_objects_of_another_machine_are_looked_for_before_what_they_depend_on_is_deleted() {
    let shop = open();
    shop.converges();
    shop.sandbox.clear_log();
    std::fs::remove_dir_all(shop.workspace.path(".trueup")).expect("the state goes");
    shop.workspace.write("config/names.yaml", &documents("absent", 5));
    let delete = ["apply", "--auto-approve", "--allow-delete", "--max-deletes=100%"];
    let narrowed = |name: &'static str| [&delete[..], &["--name", name]].concat();
    let ran = shop.workspace.expect(3, &narrowed("home"));
    ran.says(&["`www`, which depends on this object, was not deleted", "select it too"]);
    assert_eq!(writes(&shop), Vec::<String>::new());
    for name in ["www", "mail", "home"] {
        shop.workspace.expect(0, &narrowed(name));
    }
    assert_eq!(writes(&shop), ["DELETE /records/3", "DELETE /records/2", "DELETE /zones/2"]);
}

#[test]
fn a_delete_that_is_refused_keeps_what_its_object_depends_on() {
    let shop = open();
    shop.workspace.write(
        "config/names.yaml",
        &documents("present", 5).replace("name: www\n", "name: www\nprotect: true\n"),
    );
    shop.converges();
    shop.sandbox.clear_log();
    shop.workspace.write("config/names.yaml", &documents("absent", 5));
    let ran = shop.workspace.expect(3, &["plan", "--allow-delete", "--max-deletes=100%"]);
    ran.says(&["protected", "3 refused"]);
    ran.says(&["`www`, which depends on this object, was not deleted"]);
    ran.says(&["`mail`, which depends on this object, was not deleted"]);
    shop.workspace.expect(3, &["apply", "--auto-approve", "--allow-delete", "--max-deletes=100%"]);
    assert_eq!(writes(&shop), Vec::<String>::new());
}

#[test]
fn a_create_of_unknown_outcome_is_nothing_to_depend_on() {
    let shop = open();
    shop.sandbox.add_fault(SandboxFault::parse_fault("POST:reset").expect("a fault"));
    let ran = shop.workspace.run(&["apply", "--auto-approve", "--name", "home", "--read-back-timeout=1"]);
    assert_ne!(ran.code, Some(0), "{}", ran.all());
    shop.sandbox.clear_log();
    shop.workspace.expect(3, &["apply", "--auto-approve", "--name", "mail"]).says(&["unknown-dependency"]);
    assert_eq!(writes(&shop), Vec::<String>::new());
}

#[test]
fn circles_and_names_of_nothing_are_errors_with_their_places() {
    let shop = open();
    let circle = documents("present", 5)
        .replace("name: home\nstate: present", "name: home\ndepends_on: [names/record/www]");
    shop.workspace.write("config/names.yaml", &circle);
    let told = shop.workspace.expect(1, &["validate"]);
    told.complains(&[
        "dependency-cycle",
        "remove one of these lines",
        "config/names.yaml:4:14",
        "`home` depends on `www`",
    ]);
    shop.workspace.expect(3, &["plan"]).says(&["dependency-cycle"]);
    for (wrong, expected) in [
        ("names/zone/homes", "did you mean `home`"),
        ("names/zon/home", "did you mean `names/zone`"),
        ("home", "as in `api/kind/NAME`"),
        ("names/zone/", "`names/zone/` names no document"),
        ("{ name: home }", "this names no document"),
    ] {
        let text = documents("present", 5).replace("[names/zone/home]", &format!("[{wrong}]"));
        shop.workspace.write("config/names.yaml", &text);
        shop.workspace.expect(1, &["validate"]).complains(&["dependency", expected, "config/names.yaml:10"]);
    }
    shop.workspace
        .write("config/names.yaml", &documents("present", 5).replace("[names/zone/home]", "names/zone/home"));
    shop.workspace.expect(1, &["validate"]).complains(&["`depends_on` takes a list"]);
}

#[test]
fn each_environment_has_its_own_dependencies() {
    let mut shop = open();
    shop.workspace.set("OTHER_KEY", "other");
    let url = shop.sandbox.base_url("names");
    let target = |name: &str, key: &str| {
        format!(
            "  {name}: {{ api: names, environment: {name}, base_url: \"{url}\", auth: {{ bearer: {{ from_env: {key} }} }} }}\n"
        )
    };
    let settings = format!(
        "environments:\n  one: {{}}\n  two: {{}}\ntargets:\n{}{}",
        target("one", "KEY"),
        target("two", "OTHER_KEY")
    );
    shop.workspace.write("trueup.yaml", &settings);
    let text = "kind: names/record\nname: www\nspec: { name: www }\n---\n\
         kind: names/zone\nname: home\nenvironments: [two]\nspec: { name: home }\n---\n\
         overlay: two\nkind: names/record\nname: www\ndepends_on: [names/zone/home]\n";
    shop.workspace.write("config/names.yaml", text);
    shop.workspace.expect(0, &["validate"]);
    shop.workspace.expect(0, &["render", "--env", "two"]).says(&["depends_on", "names/zone/home"]);
    shop.workspace.expect(0, &["apply", "--auto-approve", "--env", "two"]);
    assert_eq!(writes(&shop), ["POST /zones home", "POST /records www"]);
    shop.workspace.write("config/names.yaml", &text.replace("overlay: two", "overlay: one"));
    shop.workspace.expect(1, &["validate"]).complains(&["unknown-dependency"]);
    // what was applied in another environment is nothing to depend on
    let both = "kind: names/record\nname: www\ndepends_on: [names/zone/far]\nspec: { name: www, size: 9 }\n---\n\
         kind: names/zone\nname: far\nspec: { name: far }\n";
    shop.workspace.write("config/names.yaml", both);
    shop.workspace.expect(0, &["apply", "--auto-approve", "--env", "one", "--name", "far"]);
    shop.sandbox.clear_log();
    let ran = shop.workspace.expect(3, &["apply", "--auto-approve", "--env", "two", "--name", "www"]);
    ran.says(&["unknown-dependency"]);
    assert_eq!(writes(&shop), Vec::<String>::new());
}
