//! Documents that are composed from several files, in commits before the work tree: what they were counts as it does
//! for documents of one file.

use serde_json::{Value as Json, json};

use crate::environments::{Depot, git};

/// Two environments in a repository, committed on its main branch and applied. No record of that is left.
fn committed() -> Depot {
    let depot = Depot::new();
    let own = &depot.workspace;
    own.write(".gitignore", ".trueup/\nout/\n");
    git(own.root(), &["init", "-q", "-b", "main"]);
    commit(&depot, "as it is applied");
    own.expect(0, &["apply", "--trust-empty", "--auto-approve", "--env", "staging"]);
    own.expect(0, &["apply", "--trust-empty", "--auto-approve", "--env", "production"]);
    forget(&depot);
    depot
}

fn commit(depot: &Depot, message: &str) {
    git(depot.workspace.root(), &["add", "-A"]);
    git(depot.workspace.root(), &["commit", "-q", "--allow-empty", "-m", message]);
}

/// What a clone knows: nothing of earlier runs.
fn forget(depot: &Depot) {
    std::fs::remove_dir_all(depot.workspace.path(".trueup")).expect("a folder");
}

/// Action, target and name of each planned change.
fn actions(depot: &Depot) -> Vec<String> {
    let json = depot.workspace.run(&["plan", "--format", "json"]).json();
    let text = |value: &Json| value.as_str().expect("a text").to_owned();
    let view =
        |own: &Json| format!("{} {}/{}", text(&own["action"]), text(&own["target"]), text(&own["name"]));
    json["changes"].as_array().expect("changes").iter().map(view).collect()
}

#[test]
fn a_merged_edit_of_a_natural_key_is_a_rename() {
    const OVERLAY: &str =
        "overlay: production\nkind: depot/item\nname: bolt\nspec: { label: Bolt, code: B9 }\n";
    let depot = committed();
    let own = &depot.workspace;
    let items = own.read("config/items.yaml");
    let before = depot.count();
    // in the document, and in the overlay of one environment, each merged before anybody applied it
    own.write("config/items.yaml", &items.replace("code: A", "code: A9"));
    commit(&depot, "another code");
    own.write("config/production.yaml", OVERLAY);
    commit(&depot, "another code in production");
    own.write("values/production.yaml", "price: 6\n");
    commit(&depot, "a price");
    assert_eq!(actions(&depot), ["update s/anvil", "update p/anvil", "update p/bolt"]);
    own.expect(0, &["apply", "--auto-approve", "--env", "staging"]);
    own.expect(0, &["apply", "--auto-approve", "--env", "production"]);
    assert_eq!(depot.count(), before);
}

#[test]
fn protection_of_a_composed_document_is_known_in_a_clone() {
    let depot = committed();
    let own = &depot.workspace;
    let items = own.read("config/items.yaml");
    own.write("config/items.yaml", &items.replace("anvil: { spec", "anvil: { protect: true, spec"));
    commit(&depot, "protected");
    own.expect(0, &["apply", "--auto-approve", "--env", "staging"]);
    forget(&depot);
    let gone = items.replace("anvil: { spec", "anvil: { state: absent, spec");
    own.write("config/items.yaml", &gone);
    own.write(
        "apis/depot/item.yaml",
        &own.read("apis/depot/item.yaml")
            .replace("operations:\n", "operations:\n  delete: { delete: '/items/{id}' }\n"),
    );
    commit(&depot, "gone");
    let before = depot.count();
    let ran = own.run(&["apply", "--auto-approve", "--env", "staging", "--allow-delete"]);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    assert!(ran.all().contains("protected"), "{}", ran.all());
    assert_eq!(depot.count(), before);
}

/// The value that staging gets from outside.
const CANARY: &str = "canary-value-6127";

/// A repository in which a field without a mark was filled from a source and applied; then this file got an error.
fn with_broken_base(broken: (&str, &str)) -> Depot {
    let mut depot = committed();
    let own = &mut depot.workspace;
    own.set("LABEL", CANARY);
    let sourced = own.read("config/items.yaml").replace("code: A }", "code: A, label: { from_env: LABEL } }");
    own.write("config/items.yaml", &sourced);
    commit(&depot, "a source");
    depot.workspace.expect(0, &["apply", "--auto-approve", "--env", "staging"]);
    let (path, text) = broken;
    let sound = std::fs::read_to_string(depot.workspace.path(path)).ok();
    depot.workspace.write(path, &text.replace("SOUND", sound.as_deref().unwrap_or_default()));
    commit(&depot, "an error");
    git(depot.workspace.root(), &["checkout", "-q", "-b", "edit"]);
    match sound {
        Some(sound) => depot.workspace.write(path, &sound),
        None => depot.workspace.remove(path),
    }
    depot
}

#[test]
fn an_error_in_the_base_commit_does_not_show_what_came_from_a_source() {
    for broken in [
        // another file, the file of the document, its base, the values, the settings
        ("config/other.yaml", "kind: depot/item\nname: other\nspec: { code: O, price: many }\n"),
        ("config/items.yaml", "SOUND  nut: { spec: { code: N, size: 4 } }\n"),
        ("config/items.yaml", "SOUND  : : :\n"),
        ("bases/usual.yaml", "SOUND---\nbase: usual\nkind: depot/item\nspec: { price: many }\n"),
        ("values/staging.yaml", "price: [1]\n"),
        ("trueup.yaml", "SOUND\nnothing: here\n"),
    ] {
        let depot = with_broken_base(broken);
        let own = &depot.workspace;
        let items = own.read("config/items.yaml").replace("label: { from_env: LABEL }", "label: plain");
        own.write("config/items.yaml", &items);
        commit(&depot, "no source");
        for format in ["text", "json"] {
            let ran = own.run(&["plan", "--env", "staging", "--format", format, "--report", "html=out/plan"]);
            assert!(ran.out.contains("anvil"), "{broken:?} {}", ran.all());
            assert!(!ran.all().contains(CANARY), "{broken:?} {}", ran.all());
            assert!(!own.read("out/plan").contains(CANARY), "{broken:?}");
        }
    }
}

#[test]
fn an_error_in_the_base_commit_hides_no_document_that_can_be_read() {
    let depot = with_broken_base((
        "config/other.yaml",
        "kind: depot/item\nname: other\nspec: { code: O, price: many }\n",
    ));
    let own = &depot.workspace;
    own.write("config/items.yaml", &own.read("config/items.yaml").replace("price: 1", "price: 3"));
    commit(&depot, "a price");
    let json = own.expect(0, &["plan", "--env", "staging", "--format", "json"]).json();
    let field = &json["changes"][0]["fields"][0];
    assert_eq!((&field["path"], &field["causes"]), (&json!("/price"), &json!(["this_branch"])), "{json}");
    assert_eq!((&field["before"], &field["after"]), (&json!(1), &json!(3)), "{json}");
}
