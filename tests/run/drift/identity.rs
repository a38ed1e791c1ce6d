//! An id holds for the natural key and at the address where it was learned; protection belongs to the live object; a
//! natural key that was edited is a rename.

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;
use trueup::sandbox::{SandboxLauncher, SandboxOptions};
use trueup::yaml;

use super::branches::{commit, git, has_git, say};
use crate::support::sandbox_fixture::{SandboxFixture, edit, options};

const CUSTOMER: &str = "keypro/customer";
const GATEWAY: &str = "bootview/payment-gateway";
const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// Objects that were applied, their documents without ids.
fn applied(kind: &str, count: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(kind, count, Json);
    for one in &mut fixture.documents {
        one.document.as_object_mut().expect("a document").remove("id");
    }
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    fixture
}

/// An fixture in a repository, committed on its main branch and applied.
fn committed(kind: &str, count: usize) -> SandboxFixture {
    let fixture = applied(kind, count);
    git(fixture.workspace.root(), &["init", "-q", "-b", "main"]);
    fixture.workspace.write(".gitignore", ".trueup\n");
    commit(&fixture, "as it was applied");
    fixture
}

/// What a clone knows: nothing of earlier runs.
fn forget(fixture: &SandboxFixture) {
    std::fs::remove_dir_all(fixture.workspace.path(".trueup")).expect("a folder");
}

/// The code and message of the first reason of each refused object.
fn refusals(report: &Value) -> Vec<(String, String)> {
    let refused = report["refused"].as_array().expect("refused objects").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    refused.map(|own| (text(&own["reasons"][0]["code"]), text(&own["reasons"][0]["message"]))).collect()
}

/// What a plan refuses, and that an apply writes nothing.
fn refused(fixture: &SandboxFixture, more: &[&str]) -> Vec<(String, String)> {
    let before = fixture.dump();
    let report = fixture.workspace.run(&[&["plan", "--format", "json"], more].concat()).json();
    let ran = fixture.workspace.run(&[&APPLY, more].concat());
    assert_ne!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(fixture.dump(), before, "{}", ran.all());
    refusals(&report)
}

#[test]
fn a_remembered_id_with_another_natural_key_is_another_object() {
    for (kind, key, other) in
        [(GATEWAY, "displayName", "somethingElse"), (CUSTOMER, "customer_number", "99881")]
    {
        let mut fixture = applied(kind, 3);
        fixture.edit(1, json!({ key: other }));
        let found = refused(&fixture, &[]);
        assert_eq!((found.len(), &*found[0].0), (1, "wrong-object"), "{kind}: {found:?}");
        let own = fixture.documents[1].document["spec"][key].as_str().expect("a key").to_owned();
        let id = fixture.id(1);
        assert!([&*own, other, &*id].iter().all(|fact| found[0].1.contains(fact)), "{found:?}");
        // the same id in the document says no more
        let member = &*fixture.kind.id_field().read_from[0];
        fixture.documents[1].document["id"] = fixture.dump()[1]["object"][member].clone();
        fixture.write();
        let found = refused(&fixture, &[]);
        assert!(found[0].1.contains("from the document"), "{found:?}");
        fixture.workspace.expect(0, &["apply", "--auto-approve", "--allow-rename=1"]);
        assert!(fixture.dump()[1]["object"].to_string().contains(&own));
    }
}

#[test]
fn an_edited_natural_key_of_a_known_object_is_a_rename() {
    let mut fixture = applied(GATEWAY, 3);
    say(&mut fixture, 1, "displayName", "renamed");
    let ran = fixture.workspace.expect(0, &["plan"]);
    ran.says(&["renamed", "1 to update"]);
    fixture.workspace.expect(0, &APPLY);
    assert_eq!(fixture.dump().len(), 3);
    assert_eq!(fixture.dump()[1]["object"]["displayName"], "renamed");
}

#[test]
fn a_removed_document_deletes_only_what_was_applied() {
    let mut fixture = applied(CUSTOMER, 3);
    fixture.edit(2, json!({ "customer_number": "77001" }));
    fixture.documents.pop();
    fixture.write();
    let found = refused(&fixture, &["--allow-delete"]);
    assert_eq!((found.len(), &*found[0].0), (1, "wrong-object"), "{found:?}");
    // with its own natural key it goes
    let mut fixture = applied(CUSTOMER, 3);
    fixture.documents.pop();
    fixture.write();
    fixture.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert_eq!(fixture.dump().len(), 2);
}

#[test]
fn an_id_holds_at_the_address_where_it_was_learned() {
    for removes in [false, true] {
        let mut fixture = applied(CUSTOMER, 3);
        let elsewhere = SandboxOptions { count: Some(3), seed: Some(11), ..options() };
        let other = SandboxLauncher::start_server(vec![fixture.kind.clone()], elsewhere).expect("a sandbox");
        for number in 0..3 {
            edit(
                &other,
                CUSTOMER,
                &fixture.id(number),
                json!({ "customer_number": format!("3300{number}") }),
            );
        }
        let (here, there) = (fixture.sandbox.base_url("keypro"), other.base_url("keypro"));
        let settings = fixture.workspace.read("trueup.yaml");
        fixture.workspace.write("trueup.yaml", &settings.replace(&here, &there));
        if removes {
            fixture.documents.pop();
            fixture.write();
        }
        let (before, more): (_, &[&str]) =
            (other.dump_state(), if removes { &["--allow-delete"] } else { &[] });
        let found = refused(&fixture, more);
        assert_eq!(other.dump_state(), before);
        assert_eq!(found.len(), 3, "{found:?}");
        let is_reported = |(code, message): &(String, String)| {
            code == "moved-address" && message.contains(&*here) && message.contains(&*there)
        };
        assert!(found.iter().all(is_reported), "{found:?}");
        fixture.workspace.write("trueup.yaml", &settings);
        fixture.workspace.expect(0, &["plan"]).says(&["No changes"]);
    }
}

/// The document of an object that is to go, by its natural key.
fn absent(fixture: &SandboxFixture, number: usize, name: &str) -> String {
    let key = &fixture.documents[number].document["spec"]["customer_number"];
    yaml::write_yaml(&json!({
        "kind": CUSTOMER, "name": name, "state": "absent", "spec": { "customer_number": key }
    }))
}

fn protect(fixture: &mut SandboxFixture, number: usize) {
    fixture.documents[number].document["protect"] = json!(true);
    fixture.write();
}

#[test]
fn a_protected_object_is_deleted_by_no_other_name_and_no_single_edit() {
    for name in ["other", "o-0002"] {
        let mut fixture = applied(CUSTOMER, 3);
        protect(&mut fixture, 2);
        fixture.workspace.expect(0, &APPLY);
        let text = absent(&fixture, 2, name);
        fixture.documents.pop();
        fixture.write();
        fixture.workspace.write("config/gone.yaml", &text);
        let found = refused(&fixture, &["--allow-delete"]);
        assert!(found.iter().any(|(code, _)| code == "protected"), "{name}: {found:?}");
    }
}

#[test]
fn protection_goes_by_an_apply_of_its_own() {
    let mut fixture = applied(CUSTOMER, 3);
    protect(&mut fixture, 2);
    fixture.workspace.expect(0, &APPLY);
    fixture.documents[2].document["protect"] = json!(false);
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    let text = absent(&fixture, 2, "o-0002");
    fixture.documents.pop();
    fixture.write();
    fixture.workspace.write("config/gone.yaml", &text);
    fixture.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert_eq!(fixture.dump().len(), 2);
}

#[test]
fn a_fresh_clone_knows_protection_by_its_commits() {
    if !has_git() {
        return;
    }
    for merged in [false, true] {
        let mut fixture = committed(CUSTOMER, 3);
        protect(&mut fixture, 2);
        commit(&fixture, "protected");
        let text = absent(&fixture, 2, "other");
        git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
        fixture.documents.pop();
        fixture.write();
        fixture.workspace.write("config/gone.yaml", &text);
        commit(&fixture, "away with it");
        if merged {
            git(fixture.workspace.root(), &["checkout", "-q", "main"]);
            git(fixture.workspace.root(), &["merge", "-q", "--no-ff", "-m", "merged", "work"]);
        }
        forget(&fixture);
        let found = refused(&fixture, &["--allow-delete"]);
        assert_eq!((found.len(), &*found[0].0), (1, "protected"), "merged {merged}: {found:?}");
        assert!(merged || found[0].1.contains("base of the branch"), "{found:?}");
    }
    // once a commit took the protection away, another one may delete
    let mut fixture = committed(CUSTOMER, 3);
    protect(&mut fixture, 2);
    commit(&fixture, "protected");
    fixture.documents[2].document["protect"] = json!(false);
    fixture.write();
    commit(&fixture, "no longer protected");
    let text = absent(&fixture, 2, "o-0002");
    fixture.documents.pop();
    fixture.write();
    fixture.workspace.write("config/gone.yaml", &text);
    commit(&fixture, "away with it");
    forget(&fixture);
    fixture.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert_eq!(fixture.dump().len(), 2);
}

#[test]
fn a_fresh_clone_renames_what_the_base_calls_otherwise() {
    if !has_git() {
        return;
    }
    for (kind, key, name) in [(GATEWAY, "displayName", "Knife River"), (CUSTOMER, "customer_number", "60606")]
    {
        for merged in [false, true] {
            let mut fixture = committed(kind, 3);
            if !merged {
                git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
            }
            say(&mut fixture, 1, key, name);
            commit(&fixture, "another name");
            forget(&fixture);
            let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
            let summary = &report["summary"];
            assert_eq!((&summary["create"], &summary["update"]), (&json!(0), &json!(1)), "{report:#}");
            fixture.workspace.expect(0, &APPLY);
            assert_eq!(fixture.dump().len(), 3, "{kind}");
            assert!(fixture.dump()[1]["object"].to_string().contains(name));
        }
    }
}

#[test]
fn what_another_document_describes_is_not_renamed() {
    if !has_git() {
        return;
    }
    let mut fixture = committed(GATEWAY, 2);
    git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
    // the old key goes to a new document, and the old document asks for an object of its own
    let mut heir = fixture.documents[1].document.clone();
    heir["name"] = json!("heir");
    fixture.workspace.write("config/heir.yaml", &yaml::write_yaml(&heir));
    say(&mut fixture, 1, "displayName", "Two Harbors");
    commit(&fixture, "one becomes two");
    forget(&fixture);
    let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
    assert_eq!(
        (&report["summary"]["create"], &report["summary"]["update"]),
        (&json!(1), &json!(0)),
        "{report:#}"
    );
}
