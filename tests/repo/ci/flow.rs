//! `examples/gitops-repo` through the life of a pull request, by the steps of its workflows and of the action.

use std::fs;
use std::sync::Arc;

use serde_json::{Map, json};
use trueup::kind::Kind;
use trueup::kind::registry::KindRegistry;
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxOptions};

use super::runner::{Ended, FORK_ID, Hub, artifact};

const PRODUCTION: (&str, &str) = ("environment", "production");
const GATEWAY: &str = "bootview/payment-gateway";

/// A service with its examples.
pub fn sandbox() -> RunningSandbox {
    let registry = KindRegistry::get_builtin();
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    SandboxLauncher::start_server(kinds, SandboxOptions { seed: Some(1), ..SandboxOptions::default() })
        .expect("a sandbox")
}

/// The repository of the example, with a sandbox for each environment.
pub fn fixture() -> (Hub, RunningSandbox, RunningSandbox) {
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

/// Changes the values of production, or the document, and commits.
pub fn change(hub: &Hub, before: &str, after: &str) -> String {
    for name in ["repo/values/production.yaml", "repo/config/gateways.yaml"] {
        let path = hub.path(name);
        let text = fs::read_to_string(&path).expect("a file");
        if text.contains(before) {
            fs::write(path, text.replace(before, after)).expect("a file");
            return hub.commit("change");
        }
    }
    panic!("nothing holds {before}");
}

/// The highest amount in a service.
pub fn amount(sandbox: &RunningSandbox) -> serde_json::Value {
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
    let planned = hub.run("trueup-plan.yml", "pull_request", &head);
    assert!(planned.ok, "{}", planned.log);
    let comments = hub.read_bodies("comments");
    assert!(comments[0].starts_with("<!-- trueup:plan -->") && comments[0].contains("3500"), "{comments:#?}");
    assert!(comments[0].contains("## staging") && comments[0].contains("## production"), "{comments:#?}");
    let head = change(&hub, "3500.00", "3600.00");
    let planned = hub.run("trueup-plan.yml", "pull_request", &head);
    assert!(planned.ok, "{}", planned.log);
    let comments = hub.read_bodies("comments");
    assert!(comments.len() == 1 && comments[0].contains("3600"), "{comments:#?}");
    assert_eq!(amount(&production), before, "a plan writes nothing");

    // the merge applies what was reviewed
    let merge = hub.merge("higher");
    let applied = hub.run("trueup-apply.yml", "push", &merge);
    assert!(applied.ok, "{}", applied.log);
    assert_eq!(amount(&production), json!(3600.0), "{}", applied.log);
    assert_eq!(amount(&staging), json!(3000.0), "{}", applied.log);
    let receipts = fs::read_dir(applied.clone.join(".trueup/receipts")).expect("receipts");
    let receipts: Vec<_> = receipts.map(|receipt| receipt.expect("an entry").path()).collect();
    assert_eq!(receipts.len(), 2, "one for each environment");
    for receipt in receipts {
        let receipt = fs::read_to_string(receipt).expect("a receipt");
        let receipt: serde_json::Value = serde_json::from_str(&receipt).expect("JSON");
        assert_eq!(receipt["commit"], merge, "it says from which commit it was applied");
    }
    let comments = hub.read_bodies("comments");
    let starts: Vec<_> = comments.iter().filter_map(|body| body.lines().next()).collect();
    let expected =
        ["<!-- trueup:plan -->", "<!-- trueup-staging:apply -->", "<!-- trueup-production:apply -->"];
    assert_eq!(starts, expected);

    // the same commit once more: this plan was applied
    let again = hub.run("trueup-apply.yml", "push", &merge);
    assert!(!again.ok && again.log.contains("plan-applied"), "{}", again.log);

    // nothing drifts, someone edits by hand, and edits it back
    let calm = hub.run("trueup-drift.yml", "schedule", &merge);
    assert!(calm.ok && hub.read_bodies("issues").is_empty(), "{}", calm.log);
    edit(&production, 4000);
    let drifted = hub.run("trueup-drift.yml", "schedule", &merge);
    assert!(drifted.ok, "{}", drifted.log);
    let issues = hub.read_bodies("issues");
    assert!(issues.len() == 1 && issues[0].contains("4000"), "{issues:#?}\n{}", drifted.log);
    edit(&production, 3600);
    let settled = hub.run("trueup-drift.yml", "schedule", &merge);
    assert!(settled.ok && hub.read_bodies("issues").is_empty(), "{}", settled.log);
    // no secret went anywhere
    let calls = fs::read_to_string(hub.path("hub/calls")).expect("calls");
    for text in hub.read_bodies("comments").into_iter().chain([calls, applied.log, planned.log]) {
        assert!(!text.contains("k:9,"), "{text}");
    }
}

/// Someone edits the highest amount by hand.
pub fn edit(sandbox: &RunningSandbox, amount: u32) {
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
    let ended = hub.run("trueup-apply.yml", "push", &pushed);
    assert!(!ended.ok && ended.log.contains("no reviewed plan"), "{}", ended.log);

    // a merge that holds more than the pull request whose plan there is
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    assert!(hub.run("trueup-plan.yml", "pull_request", &head).ok);
    hub.merge("higher");
    let merge = hub.git(&["rev-parse", "HEAD"]);
    let later = change(&hub, "3500.00", "9000.00");
    let merged = |commit: &str| hub.path("hub/merged").join(format!("{commit}.json"));
    fs::copy(merged(&merge), merged(&later)).expect("a file");
    let ended = hub.run("trueup-apply.yml", "push", &later);
    assert!(!ended.ok && ended.log.contains("stale"), "{}", ended.log);
    assert_eq!(amount(&production), before, "{}", ended.log);
}

#[test]
fn a_broken_rule_stops_the_pull_request() {
    let (mut hub, _staging, _production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "fee"]);
    let head = change(&hub, "feeAmount: 3.25", "feeAmount: 5.25");
    let ended = hub.run("trueup-plan.yml", "pull_request", &head);
    assert!(!ended.ok && ended.log.contains("fee-at-most-5"), "{}", ended.log);
    let comments = hub.read_bodies("comments");
    assert!(comments.len() == 1 && comments[0].contains("fee-at-most-5"), "{comments:#?}");
}

#[test]
fn no_key_is_ever_in_a_cache_or_an_artifact() {
    let (mut hub, _staging, _production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    assert!(hub.run("trueup-plan.yml", "pull_request", &head).ok);
    let merge = hub.merge("higher");
    let applied = hub.run("trueup-apply.yml", "push", &merge);
    assert!(applied.ok, "{}", applied.log);
    fs::write(applied.clone.join(".trueup/key"), "k").expect("a file");
    let kept: Vec<_> = files(&hub.path("cache")).chain(files(&hub.path("hub/artifacts"))).collect();
    assert!(kept.iter().any(|path| path.contains("receipts")), "{kept:#?}");
    assert!(!kept.iter().any(|path| path.ends_with("key")), "{kept:#?}");

    // without the digest key nothing is kept at all
    let (mut hub, _staging, _production) = fixture();
    hub.forget("TRUEUP_DIGEST_KEY");
    let first = hub.git(&["rev-parse", "HEAD"]);
    hub.run("trueup-drift.yml", "schedule", &first);
    assert_eq!(files(&hub.path("cache")).count(), 0);
}

fn files(folder: &std::path::Path) -> impl Iterator<Item = String> {
    let entries = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().to_string_lossy().into_owned())
}

#[test]
fn only_plans_of_this_repository_and_workflow_are_applied() {
    let (mut hub, _staging, production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    let merge = hub.merge("higher");
    let name = format!("trueup-plan-{head}");
    // a fork, and another workflow of this repository, made artifacts of that name
    for (run, repository, path) in [("70", FORK_ID, "trueup-plan.yml"), ("71", 1, "evil.yml")] {
        hub.push("artifacts", artifact(&name, run, &head, repository));
        hub.push(
            "runs",
            json!({ "id": run.parse::<u32>().expect("a number"), "run_number": 0, "workflow_id": path,
                "path": format!(".github/workflows/{path}"), "event": "pull_request", "status": "completed" }),
        );
    }
    let before = amount(&production);
    let ended = hub.run("trueup-apply.yml", "push", &merge);
    assert!(!ended.ok && ended.log.contains("there is no plan"), "{}", ended.log);
    assert_eq!(amount(&production), before);
}

#[test]
fn comments_of_others_are_left_alone() {
    let (mut hub, _staging, _production) = fixture();
    let forged =
        json!({ "id": 1, "user": { "login": "mallory" }, "body": "<!-- trueup:plan -->\nlooks good" });
    (0..3).for_each(|_| hub.push("comments", forged.clone()));
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    for _ in 0..2 {
        assert!(hub.run("trueup-plan.yml", "pull_request", &head).ok);
    }
    let comments = hub.read_bodies("comments");
    assert_eq!(comments.len(), 4, "one comment of our own, on the second page: {comments:#?}");
    assert!(comments[..3].iter().all(|body| body.ends_with("looks good")), "{comments:#?}");
}

#[test]
fn workspaces_and_environments_do_not_share_names() {
    let (mut hub, staging, production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    // only staging was planned, so nothing of production is applied
    assert!(hub.run_with("trueup-plan.yml", "pull_request", &head, &[("environments", "staging")]).ok);
    let merge = hub.merge("higher");
    let before = amount(&production);
    let none = hub.run("trueup-apply.yml", "push", &merge);
    assert!(!none.ok && none.log.contains("has no plan-production.json"), "{}", none.log);
    assert_eq!((amount(&staging), amount(&production)), (json!(3000.0), before));
    // drift of one environment does not close the issue of the other
    for mode in [("mode", "plan"), ("mode", "apply")] {
        let run = hub.last_run();
        let inputs =
            [mode, ("environments", "production"), ("environment", "production"), ("plan-run", &*run)];
        let ended = hub.run_with("trueup-by-hand.yml", "workflow_dispatch", &merge, &inputs);
        assert!(ended.ok, "{}", ended.log);
    }
    edit(&production, 4000);
    assert!(hub.run("trueup-drift.yml", "schedule", &merge).ok);
    assert_eq!(hub.read_bodies("issues").len(), 1);
    let other = json!({ "number": 1, "state": "open", "user": { "login": "github-actions[bot]" },
        "labels": ["trueup-staging-drift"], "body": "staging" });
    hub.push("issues", other);
    edit(&production, 3500);
    assert!(hub.run_with("trueup-drift.yml", "schedule", &merge, &[("environments", "production")]).ok);
    assert_eq!(hub.read_bodies("issues"), ["staging"]);
}

#[test]
fn errors_are_no_drift() {
    let (mut hub, staging, production) = fixture();
    let first = hub.git(&["rev-parse", "HEAD"]);
    drop((staging, production));
    let ended = hub.run_with("trueup-drift.yml", "schedule", &first, &[("arguments", "--max-retries 0")]);
    assert!(!ended.ok && hub.read_bodies("issues").is_empty(), "{}", ended.log);
}

#[test]
fn an_apply_waits_for_the_earlier_one_and_is_not_lost() {
    let (mut hub, _staging, production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    assert!(hub.run("trueup-plan.yml", "pull_request", &head).ok);
    let merge = hub.merge("higher");
    let earlier = |status: &str| {
        json!({ "id": 900, "run_number": 0, "workflow_id": "trueup-apply.yml", "path": "", "event": "push",
            "run_started_at": "2026-11-30T00:00:00Z", "status": status })
    };
    hub.push("runs", earlier("in_progress"));
    let before = amount(&production);
    let ended = hub.run_with("trueup-apply.yml", "push", &merge, &[("wait-minutes", "0")]);
    assert!(!ended.ok && ended.log.contains("have not ended"), "{}", ended.log);
    assert_eq!(amount(&production), before);
    let mut runs = hub.read_list("runs");
    runs.retain(|run| run["id"] != 900);
    runs.push(earlier("completed"));
    hub.write_list("runs", &runs);
    assert!(hub.run("trueup-apply.yml", "push", &merge).ok);
    assert_eq!(amount(&production), json!(3500.0));
}

/// Plans an environment by the workflow that is started by hand, and applies this plan.
fn apply_by_hand(hub: &mut Hub, commit: &str, environment: &str) -> Ended {
    let event = "workflow_dispatch";
    let planned =
        hub.run_with("trueup-by-hand.yml", event, commit, &[("mode", "plan"), ("environments", environment)]);
    assert!(planned.ok, "{}", planned.log);
    let run = hub.last_run();
    let inputs = [("mode", "apply"), ("environment", environment), ("plan-run", &*run)];
    hub.run_with("trueup-by-hand.yml", event, commit, &inputs)
}

#[test]
fn by_hand_a_plan_is_reviewed_applied_and_undone() {
    let (mut hub, _staging, production) = fixture();
    let before = amount(&production);
    // pushed past review: there is no plan, and the way on is by hand
    let pushed = change(&hub, "3000.00", "3700.00");
    let refused = hub.run("trueup-apply.yml", "push", &pushed);
    assert!(!refused.ok && refused.log.contains("mode plan"), "{}", refused.log);
    for environment in ["staging", "production"] {
        let applied = apply_by_hand(&mut hub, &pushed, environment);
        assert!(applied.ok, "{}", applied.log);
    }
    assert_eq!(amount(&production), json!(3700.0));
    let run = hub.last_run();
    let undone = hub.run_with(
        "trueup-by-hand.yml",
        "workflow_dispatch",
        &pushed,
        &[("mode", "undo"), PRODUCTION, ("receipt-run", &run)],
    );
    // all but the secret, of which no value was kept
    assert!(undone.log.contains("partly applied") && undone.log.contains("not-undone"), "{}", undone.log);
    assert_eq!(amount(&production), before);
}
