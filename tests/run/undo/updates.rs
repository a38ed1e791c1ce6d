//! Updates of every built-in kind: each leaf that may be kept comes back, each other one is said.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;

use super::{APPLY, last, receipt};
use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::written_documents::Say;

const COUNT: usize = 40;
const DOCUMENTS: &str = "config/000.yaml";

/// An fixture of which every document says one leaf otherwise, applied; with the documents as they were.
struct Applied {
    fixture: SandboxFixture,
    documents: String,
    variables: Vec<(String, String)>,
    spots: std::collections::BTreeMap<usize, crate::support::written_documents::Spot>,
    before: Vec<Json>,
}

fn applied(kind: &str, rotation: usize) -> Applied {
    let mut fixture = SandboxFixture::new(kind, COUNT, WireFormat::Json);
    let documents = fixture.workspace.read(DOCUMENTS);
    let variables = fixture.documents.iter().flat_map(|one| one.variables.clone()).collect();
    let spots = fixture.vary(rotation, 1);
    let before = fixture.dump();
    fixture.workspace.expect(0, &APPLY);
    Applied { fixture, documents, variables, spots, before }
}

impl Applied {
    /// The documents are again as they were, as after a `git revert`.
    fn revert(&mut self) {
        self.fixture.workspace.write(DOCUMENTS, &self.documents);
        for (name, value) in &self.variables {
            self.fixture.workspace.set(name, value);
        }
    }

    /// The objects of which the receipt keeps no value, by number. Beside a kept one there may be a secret that was
    /// hidden and is cleared.
    fn withheld(&self) -> BTreeSet<usize> {
        let receipt = receipt(&self.fixture, &last(&self.fixture));
        let objects = receipt["objects"].as_array().expect("objects");
        let is_withheld = |object: &&Json| {
            let leaves = object["leaves"].as_array().expect("leaves");
            // that there was nothing is kept
            leaves.iter().all(|leaf| leaf.get("withheld").is_some() && leaf.get("digests").is_none())
        };
        let number = |object: &Json| {
            let name = object["name"].as_str().expect("a name").trim_start_matches("o-");
            name.parse().expect("a number")
        };
        objects.iter().filter(is_withheld).map(number).collect()
    }
}

fn comes_back(kind: &str, rotation: usize) {
    let mut own = applied(kind, rotation);
    let (withheld, after, run) = (own.withheld(), own.fixture.dump(), last(&own.fixture));
    assert!(withheld.len() < COUNT, "some leaves of {kind} are open");
    let writes = own.fixture.writes().len();
    let ran = own.fixture.workspace.run(&["undo", &run, "--auto-approve"]);
    let code = if withheld.is_empty() { 0 } else { 4 };
    assert_eq!(ran.code, Some(code), "{kind}: {}", ran.all());
    ran.says(&[&format!("{} done", COUNT - withheld.len()), "documents-differ"]);
    if !withheld.is_empty() {
        ran.says(&["not-undone", "was not kept"]);
    }
    assert_eq!(own.fixture.writes().len() - writes, COUNT - withheld.len(), "each object is written once");
    let now = own.fixture.dump();
    for (number, yaml_path) in own.spots.iter().filter(|(_, yaml_path)| !matches!(yaml_path.say, Say::Less)) {
        let at = |dump: &[Json]| dump[*number]["object"].pointer(&yaml_path.live).cloned();
        let expected = if withheld.contains(number) { at(&after) } else { at(&own.before) };
        assert_eq!(at(&now), expected, "{kind} {number} {}", yaml_path.wanted);
    }
    // for the program, all that came back is as the documents had it
    own.revert();
    let report = own.fixture.workspace.run(&["plan", "--format", "json"]).json();
    let differ = report["changes"].as_array().expect("changes").iter();
    let differ: BTreeSet<usize> = differ
        .map(|change| {
            change["name"].as_str().expect("a name").trim_start_matches("o-").parse().expect("a number")
        })
        .collect();
    assert_eq!(differ, withheld, "{kind}: {report:#}");
}

#[test]
fn gateways_come_back() {
    comes_back("bootview/payment-gateway", 6);
}

#[test]
fn partners_of_a_put_api_come_back() {
    comes_back("bootview/partner", 1);
}

#[test]
fn partners_of_a_patch_api_come_back() {
    comes_back("carrierx/partner", 2);
}

#[test]
fn bookers_come_back_as_far_as_they_may_be_kept() {
    comes_back("bokamera/customer", 3);
}

#[test]
fn customers_come_back_as_far_as_they_may_be_kept() {
    comes_back("keypro/customer", 4);
}

#[test]
fn what_changed_since_is_left_alone_and_told() {
    let mut fixture = SandboxFixture::new("carrierx/partner", 2, WireFormat::Json);
    let before = fixture.dump();
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    fixture.edit(1, json!({ "company_name": "by hand" }));
    let ran = fixture.workspace.expect(4, &["undo", &last(&fixture), "--auto-approve", "--format", "json"]);
    let results = ran.json();
    assert_eq!((&results["summary"]["done"], &results["summary"]["refused"]), (&json!(1), &json!(1)));
    let mut refused = results["results"].as_array().expect("results").iter();
    let refused = refused.find(|result| result["reasons"].is_array()).expect("one that was refused");
    let reasons = refused["reasons"].to_string();
    assert!(reasons.contains("not-undone") && reasons.contains("company_name"), "{reasons}");
    let now = fixture.dump();
    assert_eq!(now[0]["object"]["company_name"], before[0]["object"]["company_name"]);
    assert_eq!(now[1]["object"]["company_name"], "by hand");
    // once more: the one is back, the other one is still somebody else's
    fixture
        .workspace
        .expect(3, &["undo", &super::receipts(&fixture)[0], "--auto-approve"])
        .says(&["not-undone"]);
    // with all or nothing, nothing
    let writes = fixture.writes().len();
    fixture
        .workspace
        .expect(3, &["undo", &super::receipts(&fixture)[0], "--auto-approve", "--all-or-nothing"]);
    assert_eq!(fixture.writes().len(), writes);
}

#[test]
fn an_undo_is_undone() {
    let mut own = applied("bootview/payment-gateway", 5);
    let (withheld, first) = (own.withheld(), last(&own.fixture));
    own.fixture.workspace.run(&["undo", &first, "--auto-approve"]);
    let second = last(&own.fixture);
    assert_ne!(first, second);
    own.fixture
        .workspace
        .expect(0, &["undo", &second, "--auto-approve"])
        .says(&[&format!("{} done", COUNT - withheld.len())]);
    // the documents ask for what the first run wrote
    own.fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
    own.revert();
    own.fixture.workspace.expect(2, &["plan", "--detailed-exitcode"]);
}

#[test]
fn what_is_undone_is_pending_and_has_not_drifted() {
    let mut fixture = SandboxFixture::new("carrierx/partner", 1, WireFormat::Json);
    // on record as it is
    fixture.workspace.expect(0, &APPLY);
    fixture.documents[0].document["spec"]["company_name"] = json!("North Shore");
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    fixture.workspace.expect(0, &["undo", &last(&fixture), "--auto-approve"]);
    fixture.workspace.expect(5, &["drift"]);
    fixture.edit(0, json!({ "company_name": "by hand" }));
    fixture.workspace.expect(2, &["drift"]);
}
