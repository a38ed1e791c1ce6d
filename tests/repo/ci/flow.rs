//! `examples/gitops-repo` through the life of a pull request, by the steps of its workflows and of the action.

use std::fs;
use std::sync::Arc;

use serde_json::{Map, json};
use trueup::kind::Kind;
use trueup::kind::registry::KindRegistry;
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxOptions};

use super::runner::Hub;

const GATEWAY: &str = "bootview/payment-gateway";

fn sandbox() -> RunningSandbox {
    let registry = KindRegistry::get_builtin();
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    SandboxLauncher::start_server(kinds, SandboxOptions { seed: Some(1), ..SandboxOptions::default() })
        .expect("a sandbox")
}

/// The repository of the example, with a sandbox for each environment.
fn fixture() -> (Hub, RunningSandbox, RunningSandbox) {
    let (staging, production) = (sandbox(), sandbox());
    let address = |sandbox: &RunningSandbox| format!("http://{}/", sandbox.addr());
    let (at, by) = (address(&staging), address(&production));
    let edit =
        |text: String| text.replace("http://127.0.0.1:8080/", &at).replace("http://127.0.0.1:8081/", &by);
    let mut hub = Hub::new("examples/gitops-repo", edit);
    for (name, value) in [
        ("BOOTVIEW_STAGING_TOKEN", "s"),
        ("BOOTVIEW_PRODUCTION_TOKEN", "p"),
        ("HARBOR_STAGING_MERCHANT_KEY", "k:9,f"),
        ("HARBOR_PRODUCTION_MERCHANT_KEY", "k:9,p"),
        ("TRUEUP_DIGEST_KEY", "the same long text in both environments"),
    ] {
        hub.secret(name, value);
    }
    (hub, staging, production)
}

fn change(hub: &Hub, before: &str, after: &str) -> String {
    let path = hub.path("repo/config/production/gateways.yaml");
    let text = fs::read_to_string(&path).expect("a document");
    assert!(text.contains(before));
    fs::write(path, text.replace(before, after)).expect("a document");
    hub.commit("change")
}

fn amount(sandbox: &RunningSandbox) -> serde_json::Value {
    let dump = sandbox.dump_state();
    let gateways = dump[GATEWAY].as_array().expect("gateways");
    let cards =
        gateways.iter().find(|one| one["object"]["displayName"] == "Card gateway").expect("the gateway");
    cards["object"]["maxPaymentAmount"].clone()
}

#[test]
fn a_pull_request_from_its_plan_to_drift() {
    let (mut hub, staging, production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    let before = amount(&production);

    // the plan, its comment, and the same comment after another push
    let planned = hub.run("pull-request.yml", "pull_request", &head);
    assert!(planned.ok, "{}", planned.log);
    let comments = hub.texts("comments");
    assert!(comments[0].starts_with("<!-- trueup:plan -->") && comments[0].contains("3500"), "{comments:#?}");
    let head = change(&hub, "3500.00", "3600.00");
    let planned = hub.run("pull-request.yml", "pull_request", &head);
    assert!(planned.ok, "{}", planned.log);
    let comments = hub.texts("comments");
    assert!(comments.len() == 1 && comments[0].contains("3600"), "{comments:#?}");
    assert_eq!(amount(&production), before, "a plan writes nothing");

    // the merge applies what was reviewed
    let merge = hub.merge("higher");
    let applied = hub.run("apply.yml", "push", &merge);
    assert!(applied.ok, "{}", applied.log);
    assert_eq!(amount(&production), json!(3600.0), "{}", applied.log);
    assert_eq!(amount(&staging), json!(3000.0), "{}", applied.log);
    let receipts = fs::read_dir(applied.clone.join(".trueup/receipts")).expect("receipts");
    let receipts: Vec<_> = receipts.map(|receipt| receipt.expect("an entry").path()).collect();
    assert_eq!(receipts.len(), 1);
    let receipt = fs::read_to_string(&receipts[0]).expect("a receipt");
    let receipt: serde_json::Value = serde_json::from_str(&receipt).expect("JSON");
    assert_eq!(receipt["commit"], merge, "it says from which commit it was applied");
    let comments = hub.texts("comments");
    assert!(comments.len() == 2 && comments[1].starts_with("<!-- trueup:apply -->"), "{comments:#?}");

    // the same commit once more: this plan was applied
    let again = hub.run("apply.yml", "push", &merge);
    assert!(!again.ok && again.log.contains("plan-applied"), "{}", again.log);

    // nothing drifts, somebody edits by hand, and edits it back
    let calm = hub.run("drift.yml", "schedule", &merge);
    assert!(calm.ok && hub.texts("issues").is_empty(), "{}", calm.log);
    edit(&production, 4000);
    let drifted = hub.run("drift.yml", "schedule", &merge);
    assert!(drifted.ok, "{}", drifted.log);
    let issues = hub.texts("issues");
    assert!(issues.len() == 1 && issues[0].contains("4000"), "{issues:#?}\n{}", drifted.log);
    edit(&production, 3600);
    let settled = hub.run("drift.yml", "schedule", &merge);
    assert!(settled.ok && hub.texts("issues").is_empty(), "{}", settled.log);
    // no secret went anywhere
    let calls = fs::read_to_string(hub.path("hub/calls")).expect("calls");
    for text in hub.texts("comments").into_iter().chain([calls, applied.log, planned.log]) {
        assert!(!text.contains("k:9,"), "{text}");
    }
}

fn edit(sandbox: &RunningSandbox, amount: u32) {
    let dump = sandbox.dump_state();
    let gateways = dump[GATEWAY].as_array().expect("gateways");
    let cards =
        gateways.iter().find(|one| one["object"]["displayName"] == "Card gateway").expect("the gateway");
    let id = cards["object"]["id"].as_str().expect("an id");
    let members = Map::from_iter([("maxPaymentAmount".to_owned(), json!(amount))]);
    sandbox.edit_object(GATEWAY, id, &members).unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn what_was_not_reviewed_is_not_applied() {
    let (mut hub, _staging, production) = fixture();
    let before = amount(&production);
    let pushed = hub.git(&["rev-parse", "HEAD"]);
    let ended = hub.run("apply.yml", "push", &pushed);
    assert!(!ended.ok && ended.log.contains("no reviewed plan"), "{}", ended.log);

    // a merge that holds more than the pull request whose plan there is
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    assert!(hub.run("pull-request.yml", "pull_request", &head).ok);
    hub.merge("higher");
    let merge = hub.git(&["rev-parse", "HEAD"]);
    let later = change(&hub, "3500.00", "9000.00");
    fs::copy(hub.path("hub/merged").join(merge), hub.path("hub/merged").join(&later)).expect("a file");
    let ended = hub.run("apply.yml", "push", &later);
    assert!(!ended.ok && ended.log.contains("stale"), "{}", ended.log);
    assert_eq!(amount(&production), before, "{}", ended.log);
}

#[test]
fn a_broken_rule_stops_the_pull_request() {
    let (mut hub, _staging, _production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "fee"]);
    let head = change(&hub, "feeAmount: 3.25", "feeAmount: 5.25");
    let ended = hub.run("pull-request.yml", "pull_request", &head);
    assert!(!ended.ok && ended.log.contains("fee-at-most-5"), "{}", ended.log);
    assert!(hub.texts("comments").is_empty(), "{}", ended.log);
}
