//! What a saved plan binds: what shapes its requests, the values that it shows, and that it is applied once.

use std::fs;

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;
use trueup::sandbox::SandboxOptions;

use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::workspace::Workspace;

const EXAMPLE: &str = "examples/own-api";
const ZONE: &str = "apis/parking/zone.yaml";
const APPLY: [&str; 3] = ["apply", "plan.json", "--auto-approve"];

/// The example of an own API with a saved plan that updates a zone and creates another one.
fn planned_zones() -> OwnApiFixture {
    let mut workspace = Workspace::new();
    for entry in walkdir::WalkDir::new(EXAMPLE).into_iter().map(|entry| entry.expect("readable")) {
        if entry.file_type().is_file() {
            let below = entry.path().strip_prefix(EXAMPLE).expect("below").to_string_lossy().into_owned();
            workspace.write(&below, &fs::read_to_string(entry.path()).expect("a text"));
        }
    }
    workspace.remove("config/permits.yaml");
    workspace.set("PARKING_KEY", "any");
    workspace.set("RIVER_MACHINE_KEY", "any");
    let settings = workspace.read("trueup.yaml").replace("http://127.0.0.1:8080/parking", "URL");
    let fixture = OwnApiFixture::open(workspace, &settings, SandboxOptions::default());
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]).says(&["1 to create", "1 to update"]);
    fixture
}

/// Replaces a text of a file, which is there.
fn replace(workspace: &Workspace, file: &str, before: &str, after: &str) {
    let text = workspace.read(file);
    assert!(text.contains(before), "{before:?} is in {file}\n{text}");
    workspace.write(file, &text.replace(before, after));
}

#[test]
fn a_description_that_sends_another_request_makes_the_plan_stale() {
    for (file, before, after) in [
        (ZONE, "patch: /zones/{id}", "patch: /zones/{id}/archive"),
        (ZONE, "post: /zones", "post: /zones/import"),
        (ZONE, "patch: /zones/{id}", "put: /zones/{id}"),
        ("apis/parking/api.yaml", "title: Parking", "title: Parking\nheaders: { X-Act-As: admin }"),
    ] {
        let fixture = planned_zones();
        replace(&fixture.workspace, file, before, after);
        let ran = fixture.workspace.run(&APPLY);
        let written: Vec<String> = fixture.writes().iter().map(|entry| entry.path.clone()).collect();
        let kept_only = if before.starts_with("title") { 0 } else { 1 };
        assert!(matches!(ran.code, Some(3 | 4)), "{after}\n{}", ran.all());
        assert!(written.len() <= kept_only, "{after}: {written:?}\n{}", ran.all());
        assert!(
            !written.iter().any(|path| path.contains("archive") || path.contains("import")),
            "{written:?}"
        );
    }
    let fixture = planned_zones();
    fixture.workspace.expect(0, &APPLY).says(&["2 done"]);
}

#[test]
fn another_body_of_a_delete_makes_the_plan_stale() {
    let before = "cascade: false";
    for after in ["cascade: true", "cascade: false, purge: true"] {
        let fixture = planned_zones();
        let described = "delete: /zones/{id}\n    body: { cascade: false }";
        replace(&fixture.workspace, ZONE, "delete: /zones/{id}", described);
        let text = "kind: parking/zone\nname: station\nstate: absent\nspec: { code: BHF }\n";
        fixture.workspace.write("config/zones.yaml", text);
        fixture.workspace.expect(0, &["plan", "-o", "plan.json", "--allow-delete=1"]).says(&["1 to delete"]);
        replace(&fixture.workspace, ZONE, before, after);
        let apply = [&APPLY[..], &["--allow-delete=1"]].concat();
        let ran = fixture.workspace.run(&apply);
        assert!(fixture.writes().is_empty(), "{after}\n{}", ran.all());
        assert_eq!(ran.code, Some(3), "{after}\n{}", ran.all());
        replace(&fixture.workspace, ZONE, after, before);
        fixture.workspace.expect(0, &apply);
        assert_eq!(fixture.writes().len(), 1);
    }
}

#[test]
fn a_target_that_sends_its_credential_elsewhere_is_another_one() {
    let fixture = planned_zones();
    replace(&fixture.workspace, "apis/parking/api.yaml", "[X-Parking-Key]", "[X-Parking-Key, X-Other]");
    replace(&fixture.workspace, "trueup.yaml", "X-Parking-Key:", "X-Other:");
    fixture.workspace.expect(1, &APPLY).complains(&["plan-mismatch", "target town differs"]);
    assert!(fixture.writes().is_empty());
}

/// Partners that all have another company than live, a saved plan over them, and no key.
fn planned_partners(count: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::new("carrierx/partner", count, WireFormat::Json);
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("Grand Marais");
    }
    fixture.write();
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    fixture
}

/// Changes a saved plan and seals it again, as anybody can who has no key either.
fn reseal(workspace: &Workspace, change: impl Fn(&mut Json)) {
    let mut json: Json = serde_json::from_str(&workspace.read("plan.json")).expect("a plan");
    change(&mut json);
    let mut plan: trueup::report::saved_plan::SavedPlan = serde_json::from_value(json).expect("a plan");
    plan = plan.seal(None).expect("a seal");
    workspace.write("plan.json", &trueup::report::to_json(&plan).expect("JSON"));
}

#[test]
fn a_resealed_plan_that_shows_other_values_is_refused() {
    let fixture = planned_partners(2);
    reseal(&fixture.workspace, |plan| {
        plan["report"]["changes"][0]["fields"][0]["after"] = json!("a harmless name");
    });
    let ran = fixture.workspace.expect(4, &APPLY);
    ran.says(&["the plan file shows other values than this step has"]);
    assert_eq!(fixture.writes().len(), 1, "the other object is as it was reviewed");

    let fixture = planned_partners(2);
    reseal(&fixture.workspace, |plan| {
        let fields = plan["report"]["changes"][1]["fields"].as_array_mut().expect("fields");
        fields.clear();
    });
    fixture.workspace.expect(4, &APPLY);
}

#[test]
fn counts_of_a_plan_file_do_not_raise_what_may_be_changed() {
    for change in [
        |plan: &mut Json| plan["report"]["summary"]["unchanged"] = json!(500),
        |plan: &mut Json| plan["report"]["since"] = json!({ "name": "main", "commit": "0", "skipped": 500 }),
    ] {
        let mut fixture = planned_partners(12);
        fixture.workspace.unset("TRUEUP_MAX_UPDATES");
        reseal(&fixture.workspace, change);
        let ran = fixture.workspace.run(&APPLY);
        assert!(matches!(ran.code, Some(1 | 3)), "{}", ran.all());
        assert!(fixture.writes().is_empty(), "{}", ran.all());
    }
}

/// The same workspace as a fresh clone has it.
fn forget_state(fixture: &SandboxFixture) {
    fs::remove_dir_all(fixture.workspace.path(".trueup")).expect("a state folder");
}

#[test]
fn a_plan_that_another_clone_applied_is_known_by_its_shared_receipt() {
    let mut fixture = planned_partners(2);
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "a key that both clones have");
    let folder = fixture.workspace.scratch().join("receipts");
    fs::create_dir(&folder).expect("a folder");
    let store = url::Url::from_directory_path(&folder).expect("a URL");
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.workspace.write("trueup.yaml", &format!("{settings}receipts: {{ store: \"{store}\" }}\n"));
    let before = fixture.dump();
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    fixture.workspace.expect(0, &APPLY).says(&["2 done"]);
    forget_state(&fixture);
    for (number, object) in before.iter().enumerate() {
        fixture.edit(number, json!({ "company_name": object["object"]["company_name"] }));
    }
    let writes = fixture.writes().len();
    fixture.workspace.expect(3, &APPLY).complains(&["plan-applied"]);
    assert_eq!(fixture.writes().len(), writes);
}

#[test]
fn without_shared_receipts_a_fresh_clone_says_what_it_does_not_know() {
    let fixture = planned_partners(1);
    let ran = fixture.workspace.expect(0, &APPLY);
    ran.complains(&["unknown-plan-history", "applied elsewhere is not known", "receipts.store"]);
    let again = fixture.workspace.expect(3, &APPLY);
    assert!(!again.err.contains("unknown-plan-history"), "{}", again.all());
}

/// As in CI, where the job that plans a request may not read what the jobs of the default branch keep.
#[test]
fn a_plan_without_the_records_is_applied_with_them() {
    let mut fixture = SandboxFixture::new("bootview/payment-gateway", 1, WireFormat::Json);
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "the key of all jobs");
    fixture.documents[0].document["spec"]["merchantPin"] = json!(null);
    fixture.write();
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    fixture.documents[0].document["spec"]["maxPaymentAmount"] = json!(1234.5);
    fixture.write();
    let (state, kept) = (fixture.workspace.path(".trueup"), fixture.workspace.scratch().join("kept"));
    fs::rename(&state, &kept).expect("a move");
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]).says(&["merchantPin"]);
    let _ = fs::remove_dir_all(&state);
    fs::rename(&kept, &state).expect("a move");
    let before = fixture.writes().len();
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]);
    assert!(fixture.writes().len() > before, "the change is written");
}
