//! A week of two teams and two environments, by the workflows and scripts that are shipped.
//!
//! Monday to Sunday: changes, a broken policy, a refused apply on Friday and the way on, an undo, a pull request of a
//! fork with a malicious document, drift. What was reviewed is what was sent; nothing is lost; caches, artifacts,
//! comments and logs hold no canary in any spelling. With `--nocapture` the timeline is printed; `TRUEUP_TIMELINE`
//! names a file for it.

use std::fs;

use base64::Engine as _;
use serde_json::Value as Json;
use trueup::sandbox::RunningSandbox;

use super::flow::{amount, change, edit, sandbox};
use super::has_tools;
use super::runner::{Ended, Hub};

/// What must never leave a runner.
const CANARIES: [(&str, &str); 6] = [
    ("BOOTVIEW_STAGING_TOKEN", "canary-token-staging-7Qx"),
    ("BOOTVIEW_PRODUCTION_TOKEN", "canary-token-production-8Rz"),
    ("HARBOR_STAGING_MERCHANT_KEY", "canary-key-staging-1Fk/+"),
    ("HARBOR_PRODUCTION_MERCHANT_KEY", "canary-key-production-2Gl/+"),
    ("ACME_PASSWORD", "canary-password-3Hm&?"),
    ("TRUEUP_DIGEST_KEY", "canary-digest-key-of-all-environments"),
];

struct Week {
    hub: Hub,
    staging: RunningSandbox,
    production: RunningSandbox,
    day: &'static str,
    who: &'static str,
    /// What was run last.
    command: String,
    timeline: Vec<String>,
    logs: String,
    applies: usize,
}

impl Week {
    fn begin() -> Self {
        let (staging, production) = (sandbox(), sandbox());
        let (at, by) = (format!("http://{}/", staging.addr()), format!("http://{}/", production.addr()));
        let second_team = "      ACME_PASSWORD: ${{ secrets.ACME_PASSWORD }}\n      TRUEUP_DIGEST_KEY: ${{ secrets.TRUEUP_DIGEST_KEY }}";
        let mut hub = Hub::new("examples/gitops-repo", |text| {
            text.replace("http://127.0.0.1:8080/", &at)
                .replace("http://127.0.0.1:8081/", &by)
                .replace("      TRUEUP_DIGEST_KEY: ${{ secrets.TRUEUP_DIGEST_KEY }}", second_team)
        });
        for (name, value) in CANARIES {
            hub.secret(name, value);
        }
        let (timeline, logs, command) = (Vec::new(), String::new(), String::new());
        let (day, who) = ("Monday", "both");
        let mut week = Self { hub, staging, production, day, who, command, timeline, logs, applies: 0 };
        // both teams bring their objects under Git, by hand, before the week begins
        week.write("config/partners.yaml", PARTNER);
        let first = week.commit("partners");
        let inputs = [("mode", "plan"), ("environments", "staging production")];
        let run = week.run("trueup-by-hand.yml", "workflow_dispatch", &first, &inputs);
        week.expect(&run, true, "first plan");
        let number = week.hub.last_run();
        for environment in ["staging", "production"] {
            let inputs = [("mode", "apply"), ("environment", environment), ("plan-run", &*number)];
            let run = week.run("trueup-by-hand.yml", "workflow_dispatch", &first, &inputs);
            week.expect(&run, true, &format!("first apply of {environment}"));
            week.applies += 1;
        }
        week
    }

    /// An event: the day, who, the command, its exit code, and what was seen.
    fn note(&mut self, command: &str, code: &str, seen: &str) {
        self.timeline.push(format!("{:<9}  {:<8}  {command:<34}  {code:>5}  {seen}", self.day, self.who));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.hub.path("repo").join(name), text).expect("a file");
    }

    fn commit(&self, message: &str) -> String {
        self.hub.commit(message)
    }

    fn run(&mut self, workflow: &str, event: &str, commit: &str, inputs: &[(&str, &str)]) -> Ended {
        self.staging.clear_log();
        self.production.clear_log();
        let input =
            |name: &str| inputs.iter().find(|(own, _)| *own == name).map(|(_, text)| format!(" {text}"));
        let words = ["mode", "environments", "environment"].map(|name| input(name).unwrap_or_default());
        let name = workflow.trim_start_matches("trueup-").trim_end_matches(".yml").replace('-', " ");
        self.command = format!("{name}{}", words.concat());
        let ended = self.hub.run_with(workflow, event, commit, inputs);
        self.logs.push_str(&ended.log);
        ended
    }

    #[track_caller]
    fn expect(&mut self, ended: &Ended, ok: bool, what: &str) {
        assert_eq!(ended.ok, ok, "{} {what}\n{}", self.day, ended.log);
        let codes = ended.log.split("error[").skip(1).filter_map(|rest| rest.split(']').next());
        let codes: std::collections::BTreeSet<&str> = codes.collect();
        let named = |name: &str, service: &RunningSandbox| match Self::list_writes(service).len() {
            0 => String::new(),
            number => format!(", {number} written to {name}"),
        };
        let writes = named("staging", &self.staging) + &named("production", &self.production);
        let refused = if ok { String::new() } else { format!(" ({})", Vec::from_iter(codes).join(", ")) };
        let end = if ok { "done" } else { "refused" };
        let command = std::mem::take(&mut self.command);
        self.note(&command, &ended.codes.join("+"), &format!("{what}: {end}{refused}{writes}"));
    }

    /// The requests that were sent to a service since the last run began.
    fn list_writes(service: &RunningSandbox) -> Vec<String> {
        let log = service.read_log().into_iter().filter(|entry| entry.method != "GET");
        let mut lines: Vec<_> = log.map(|entry| format!("{} {}", entry.method, entry.path)).collect();
        lines.sort();
        lines
    }

    /// The requests that the plan of a run shows for a target.
    fn list_reviewed(&self, run: &str, commit: &str, target: &str) -> Vec<String> {
        let plan = format!("hub/artifacts/{run}/trueup-plan-{commit}/plan-{target}.json");
        let plan: Json =
            serde_json::from_str(&fs::read_to_string(self.hub.path(&plan)).expect("a plan")).expect("JSON");
        let changes = plan["report"]["changes"].as_array().expect("changes").iter();
        let requests = changes.filter(|change| change["target"] == target).flat_map(|change| {
            change["requests"].as_array().expect("requests").iter().map(|request| {
                let text = |name: &str| request[name].as_str().expect("a text");
                format!("{} /bootview{}", text("method"), text("path"))
            })
        });
        let mut lines: Vec<String> = requests.collect();
        lines.sort();
        lines
    }

    /// A branch with a change, its plan, its merge and its apply; what was reviewed is what was sent.
    fn merge_change(&mut self, branch: &str, before: &str, after: &str) -> String {
        self.hub.git(&["checkout", "--quiet", "-b", branch, "main"]);
        let head = change(&self.hub, before, after);
        let planned = self.run("trueup-plan.yml", "pull_request", &head, &[]);
        self.expect(&planned, true, &format!("plan of {branch}"));
        self.apply_merged(branch, &head)
    }

    fn apply_merged(&mut self, branch: &str, head: &str) -> String {
        let run = self.hub.last_run();
        let reviewed = self.list_reviewed(&run, head, "production");
        assert!(!reviewed.is_empty(), "{branch} changes nothing");
        let merge = self.hub.merge(branch);
        let applied = self.run("trueup-apply.yml", "push", &merge, &[]);
        self.expect(&applied, true, &format!("apply of {branch}"));
        self.applies += 1;
        assert_eq!(Self::list_writes(&self.production), reviewed, "what was reviewed is what was sent");
        merge
    }
}

const PARTNER: &str = "kind: bootview/partner\nname: acme\nenvironments: [production]\nspec:\n  partnerDetail: { partnerCode: ACME }\n  \
                       isRealTimeTows: true\n  partnerServices:\n    - serviceName: Tickets\n      userId: svc-hbk\n      \
                       password: { from_env: ACME_PASSWORD }\n";

/// What the pull request of the fork asks for: programs, files, another host, and the secrets in open fields.
const MALICIOUS: &str = "kind: bootview/payment-gateway\nname: evil\nenvironments: [production]\nspec:\n  \
    displayName: { from_env: TRUEUP_DIGEST_KEY }\n  merchantKey: { from_command: [sh, -c, 'echo ran > ran-by-fork; env'] }\n  \
    merchantPin: { from_file: /proc/self/environ }\n";

/// Friday: someone edits by hand between review and merge; the apply refuses, and the way on is by hand.
fn play_friday(week: &mut Week) -> String {
    week.hub.git(&["checkout", "--quiet", "-b", "friday", "main"]);
    let head = change(&week.hub, "3500.00", "3600.00");
    let planned = week.run("trueup-plan.yml", "pull_request", &head, &[]);
    week.expect(&planned, true, "plan of friday");
    edit(&week.production, 9999);
    week.who = "stranger";
    week.note("-", "", "edits the gateway in the web page: 9999");
    week.who = "payments";
    let merge = week.hub.merge("friday");
    let applied = week.run("trueup-apply.yml", "push", &merge, &[]);
    week.expect(&applied, false, "apply of friday at 17:00");
    assert!(applied.log.contains("stale-plan") && applied.log.contains("mode plan"), "{}", applied.log);
    assert!(Week::list_writes(&week.production).is_empty() && is_amount(&week.production, 9999.0));

    let planned = week.run(
        "trueup-by-hand.yml",
        "workflow_dispatch",
        &merge,
        &[("mode", "plan"), ("environments", "production")],
    );
    week.expect(&planned, true, "plan by hand, reviewed");
    let run = week.hub.last_run();
    let reviewed = week.list_reviewed(&run, &merge, "production");
    let applied = week.run(
        "trueup-by-hand.yml",
        "workflow_dispatch",
        &merge,
        &[("mode", "apply"), ("environment", "production"), ("plan-run", &run)],
    );
    week.expect(&applied, true, "apply by hand");
    week.applies += 1;
    assert_eq!(Week::list_writes(&week.production), reviewed);
    assert!(is_amount(&week.production, 3600.0));
    let receipt = week.hub.last_run();
    let undone = week.run(
        "trueup-by-hand.yml",
        "workflow_dispatch",
        &merge,
        &[("mode", "undo"), ("environment", "production"), ("receipt-run", &receipt)],
    );
    week.applies += 1;
    assert!(is_amount(&week.production, 9999.0), "what was there before is back\n{}", undone.log);
    week.expect(&undone, true, "the change was wrong, 9999 is back");
    merge
}

/// Thursday: someone starts the apply of production by hand before that of staging; it waits until the same commit is
/// verified there.
fn play_thursday(week: &mut Week) {
    week.hub.git(&["checkout", "--quiet", "-b", "thursday", "main"]);
    let head = change(&week.hub, "feeAmount: 4.25", "feeAmount: 4.75");
    let planned = week.run("trueup-plan.yml", "pull_request", &head, &[]);
    week.expect(&planned, true, "plan of thursday");
    let merge = week.hub.merge("thursday");
    let by_hand = |environment: &'static str, run: &'static str| {
        [("mode", "apply"), ("environment", environment), ("plan-run", run)]
    };
    let planned = week.run(
        "trueup-by-hand.yml",
        "workflow_dispatch",
        &merge,
        &[("mode", "plan"), ("environments", "staging production")],
    );
    week.expect(&planned, true, "plan by hand of both");
    let run: &'static str = week.hub.last_run().leak();
    let refused = week.run("trueup-by-hand.yml", "workflow_dispatch", &merge, &by_hand("production", run));
    week.expect(&refused, false, "production before staging, by hand");
    assert!(refused.log.contains("[environment-order]"), "{}", refused.log);
    assert!(Week::list_writes(&week.production).is_empty());
    for environment in ["staging", "production"] {
        let applied = week.run("trueup-by-hand.yml", "workflow_dispatch", &merge, &by_hand(environment, run));
        week.expect(&applied, true, &format!("{environment}, by hand"));
        week.applies += 1;
    }
}

/// Saturday: a fork, which gets no secrets, and whose document asks for programs, files and variables.
fn play_saturday(week: &mut Week) {
    let job =
        super::yaml("examples/gitops-repo/.github/workflows/trueup-plan.yml")["jobs"]["plan"]["if"].clone();
    assert_eq!(
        job, "github.event.pull_request.head.repo.full_name == github.repository",
        "forks are not planned"
    );
    week.hub.git(&["checkout", "--quiet", "-b", "fork", "main"]);
    week.write("config/evil.yaml", MALICIOUS);
    let settings = fs::read_to_string(week.hub.path("repo/trueup.yaml")).expect("settings");
    let elsewhere =
        settings.replace(&format!("http://{}/", week.production.addr()), "https://evil.example.com/");
    assert_ne!(elsewhere, settings);
    week.write("trueup.yaml", &elsewhere);
    let head = week.commit("looks harmless");
    // once without secrets, as GitHub runs it, and once as if someone had given them all the same
    for with_secrets in [false, true] {
        let ended = week.hub.run_for_fork("trueup-plan.yml", &head, with_secrets);
        week.logs.push_str(&ended.log);
        week.staging.clear_log();
        week.production.clear_log();
        week.command = if with_secrets { "plan, had it secrets" } else { "plan without secrets" }.to_owned();
        week.expect(&ended, false, "plan of a fork");
        assert!(!ended.clone.join("ran-by-fork").exists(), "a program of the fork ran");
        assert!(ended.log.contains("[host-not-allowed]") || ended.log.contains("outside"), "{}", ended.log);
    }
    week.hub.git(&["checkout", "--quiet", "main"]);
}

/// Sunday: drift in one environment opens one issue, and its end closes it.
fn play_sunday(week: &mut Week, commit: &str) {
    let before = amount(&week.production);
    week.who = "stranger";
    edit(&week.production, 4000);
    week.note("-", "", "edits the gateway in the web page: 4000");
    week.who = "nightly";
    let drifted = week.run("trueup-drift.yml", "schedule", commit, &[]);
    week.expect(&drifted, true, "drift, one issue opened");
    let issues = week.hub.read_bodies("issues");
    assert!(issues.len() == 1 && issues[0].contains("4000"), "{issues:#?}\n{}", drifted.log);
    edit(&week.production, before.as_f64().expect("a number") as u32);
    let settled = week.run("trueup-drift.yml", "schedule", commit, &[]);
    week.expect(&settled, true, "drift is gone, the issue is closed");
    assert!(week.hub.read_bodies("issues").is_empty(), "{}", settled.log);
}

#[test]
fn a_week() {
    if !has_tools() {
        return;
    }
    let began = std::time::Instant::now();
    let mut week = Week::begin();
    week.who = "payments";
    week.merge_change("payments-raise", "3000.00", "3500.00");

    (week.day, week.who) = ("Tuesday", "partners");
    week.hub.git(&["checkout", "--quiet", "-b", "partners-tows", "main"]);
    week.write("config/partners.yaml", &PARTNER.replace("isRealTimeTows: true", "isRealTimeTows: false"));
    let head = week.commit("tows");
    let planned = week.run("trueup-plan.yml", "pull_request", &head, &[]);
    week.expect(&planned, true, "plan of partners-tows");
    week.apply_merged("partners-tows", &head);

    (week.day, week.who) = ("Wednesday", "payments");
    week.hub.git(&["checkout", "--quiet", "-b", "payments-fee", "main"]);
    let head = change(&week.hub, "feeAmount: 3.25", "feeAmount: 5.25");
    let broken = week.run("trueup-plan.yml", "pull_request", &head, &[]);
    week.expect(&broken, false, "plan of payments-fee breaks a policy");
    assert!(week.hub.read_bodies("comments").concat().contains("fee-at-most-5"));
    let head = change(&week.hub, "feeAmount: 5.25", "feeAmount: 4.25");
    let planned = week.run("trueup-plan.yml", "pull_request", &head, &[]);
    week.expect(&planned, true, "plan of payments-fee");
    week.apply_merged("payments-fee", &head);

    week.day = "Thursday";
    play_thursday(&mut week);

    week.day = "Friday";
    play_friday(&mut week);

    (week.day, week.who) = ("Saturday", "a fork");
    play_saturday(&mut week);
    week.who = "payments";
    let revert = week.merge_change("payments-revert", "3600.00", "3500.00");

    week.day = "Sunday";
    play_sunday(&mut week, &revert);
    end(&week, &revert, began);
}

/// Nothing is left to apply, every apply has its receipt, and no canary is anywhere.
fn end(week: &Week, commit: &str, began: std::time::Instant) {
    let receipts =
        list_files(&week.hub, "hub/artifacts").into_iter().filter(|name| name.contains("-receipt-"));
    assert!(receipts.count() >= week.applies, "a receipt of each apply");
    assert!(is_amount(&week.staging, 3000.0) && is_amount(&week.production, 3500.0), "{commit}");
    let searched = search_for_canaries(week);
    let head = format!("{:<9}  {:<8}  {:<34}  {:>5}  seen", "day", "who", "workflow", "exit");
    let (applies, seconds) = (week.applies, began.elapsed().as_secs());
    let foot = format!("{applies} applies; {searched} files and logs searched, 0 canaries; {seconds} s");
    let text = format!("{head}\n{}\n{foot}\n", week.timeline.join("\n"));
    println!("{text}");
    if let Some(path) = std::env::var_os("TRUEUP_TIMELINE") {
        fs::write(path, text).expect("a file");
    }
}

fn is_amount(service: &RunningSandbox, expected: f64) -> bool {
    amount(service).as_f64() == Some(expected)
}

fn list_files(hub: &Hub, folder: &str) -> Vec<String> {
    let entries = walkdir::WalkDir::new(hub.path(folder)).into_iter().filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.path().to_string_lossy().into_owned()).collect()
}

/// Every spelling of every canary, in caches, artifacts, comments, issues, calls of the API, and logs.
fn search_for_canaries(week: &Week) -> usize {
    let mut texts: Vec<(String, Vec<u8>)> = vec![("the logs".to_owned(), week.logs.clone().into_bytes())];
    for folder in ["cache", "hub"] {
        texts.extend(list_files(&week.hub, folder).into_iter().map(|path| {
            let bytes = fs::read(&path).expect("a file");
            (path, bytes)
        }));
    }
    assert!(texts.len() > 20, "{} files", texts.len());
    let plain = texts.iter().filter(|(_, bytes)| bytes.windows(12).any(|window| window == b"harbor-cards"));
    assert!(plain.count() > 20, "the search sees what is there");
    for (name, value) in CANARIES {
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let plain = base64::engine::general_purpose::STANDARD_NO_PAD.encode(value);
        for spelling in [value.to_owned(), value.to_uppercase(), hex, percent, plain, value[..14].to_owned()]
        {
            for (place, bytes) in &texts {
                let found = bytes.windows(spelling.len()).any(|window| window == spelling.as_bytes());
                assert!(!found, "{name} as {spelling} in {place}");
            }
        }
    }
    texts.len()
}
