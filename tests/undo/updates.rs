//! Updates of every built-in kind: each leaf that may be kept comes back, each other one is said.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;

use crate::estate::Estate;
use crate::written::Say;
use crate::{APPLY, last, receipt};

const COUNT: usize = 40;
const DOCUMENTS: &str = "config/000.yaml";

/// An estate of which every document says one leaf otherwise, applied; with the documents as they were.
struct Applied {
    estate: Estate,
    documents: String,
    variables: Vec<(String, String)>,
    spots: std::collections::BTreeMap<usize, crate::written::Spot>,
    before: Vec<Json>,
}

fn applied(kind: &str, rotation: usize) -> Applied {
    let mut estate = Estate::new(kind, COUNT, WireFormat::Json);
    let documents = estate.desk.read(DOCUMENTS);
    let variables = estate.documents.iter().flat_map(|one| one.variables.clone()).collect();
    let spots = estate.vary(rotation, 1);
    let before = estate.dump();
    estate.desk.expect(0, &APPLY);
    Applied { estate, documents, variables, spots, before }
}

impl Applied {
    /// The documents are again as they were, as after a `git revert`.
    fn revert(&mut self) {
        self.estate.desk.write(DOCUMENTS, &self.documents);
        for (name, value) in &self.variables {
            self.estate.desk.set(name, value);
        }
    }

    /// The objects of which the receipt keeps nothing, by number.
    fn withheld(&self) -> BTreeSet<usize> {
        let receipt = receipt(&self.estate, &last(&self.estate));
        let objects = receipt["objects"].as_array().expect("objects");
        let is_withheld = |object: &&Json| {
            let leaves = object["leaves"].as_array().expect("leaves");
            leaves.iter().any(|leaf| leaf.get("withheld").is_some())
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
    let (withheld, after, run) = (own.withheld(), own.estate.dump(), last(&own.estate));
    assert!(withheld.len() < COUNT, "some leaves of {kind} are open");
    let writes = own.estate.writes().len();
    let ran = own.estate.desk.run(&["undo", &run, "--auto-approve"]);
    let code = if withheld.is_empty() { 0 } else { 4 };
    assert_eq!(ran.code, Some(code), "{kind}: {}", ran.all());
    ran.says(&[&format!("{} done", COUNT - withheld.len()), "documents-differ"]);
    if !withheld.is_empty() {
        ran.says(&["not-undone", "was not kept"]);
    }
    assert_eq!(own.estate.writes().len() - writes, COUNT - withheld.len(), "each object is written once");
    let now = own.estate.dump();
    for (number, spot) in own.spots.iter().filter(|(_, spot)| !matches!(spot.say, Say::Less)) {
        let at = |dump: &[Json]| dump[*number]["object"].pointer(&spot.live).cloned();
        let expected = if withheld.contains(number) { at(&after) } else { at(&own.before) };
        assert_eq!(at(&now), expected, "{kind} {number} {}", spot.wanted);
    }
    // for the program, all that came back is as the documents had it
    own.revert();
    let report = own.estate.desk.run(&["plan", "--format", "json"]).json();
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
    let mut estate = Estate::new("carrierx/partner", 2, WireFormat::Json);
    let before = estate.dump();
    for one in &mut estate.documents {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    estate.write();
    estate.desk.expect(0, &APPLY);
    estate.edit(1, json!({ "company_name": "by hand" }));
    let ran = estate.desk.expect(4, &["undo", &last(&estate), "--auto-approve", "--format", "json"]);
    let results = ran.json();
    assert_eq!((&results["summary"]["done"], &results["summary"]["refused"]), (&json!(1), &json!(1)));
    let mut refused = results["results"].as_array().expect("results").iter();
    let refused = refused.find(|result| result["reasons"].is_array()).expect("one that was refused");
    let reasons = refused["reasons"].to_string();
    assert!(reasons.contains("not-undone") && reasons.contains("company_name"), "{reasons}");
    let now = estate.dump();
    assert_eq!(now[0]["object"]["company_name"], before[0]["object"]["company_name"]);
    assert_eq!(now[1]["object"]["company_name"], "by hand");
    // once more: the one is back, the other one is still somebody else's
    estate.desk.expect(3, &["undo", &crate::receipts(&estate)[0], "--auto-approve"]).says(&["not-undone"]);
    // with all or nothing, nothing
    let writes = estate.writes().len();
    estate.desk.expect(3, &["undo", &crate::receipts(&estate)[0], "--auto-approve", "--all-or-nothing"]);
    assert_eq!(estate.writes().len(), writes);
}

#[test]
fn an_undo_is_undone() {
    let mut own = applied("bootview/payment-gateway", 5);
    let (withheld, first) = (own.withheld(), last(&own.estate));
    own.estate.desk.run(&["undo", &first, "--auto-approve"]);
    let second = last(&own.estate);
    assert_ne!(first, second);
    own.estate
        .desk
        .expect(0, &["undo", &second, "--auto-approve"])
        .says(&[&format!("{} done", COUNT - withheld.len())]);
    // the documents ask for what the first run wrote
    own.estate.desk.expect(0, &["plan", "--detailed-exitcode"]);
    own.revert();
    own.estate.desk.expect(2, &["plan", "--detailed-exitcode"]);
}

#[test]
fn what_is_undone_is_pending_and_has_not_drifted() {
    let mut estate = Estate::new("carrierx/partner", 1, WireFormat::Json);
    // on record as it is
    estate.desk.expect(0, &APPLY);
    estate.documents[0].document["spec"]["company_name"] = json!("North Shore");
    estate.write();
    estate.desk.expect(0, &APPLY);
    estate.desk.expect(0, &["undo", &last(&estate), "--auto-approve"]);
    estate.desk.expect(0, &["drift"]);
    estate.desk.expect(2, &["drift", "--also-pending"]);
    estate.edit(0, json!({ "company_name": "by hand" }));
    estate.desk.expect(2, &["drift"]);
}
