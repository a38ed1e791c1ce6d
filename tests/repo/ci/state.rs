//! What is kept of `.trueup` where jobs overtake each other: production that is approved late, while staging of a later
//! run is applied, and a save between the two.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};

use super::{has_tools, yaml};

/// A machine of a job: its workspace, and its folder that is cached.
struct Machine(tempfile::TempDir);

impl Machine {
    /// It begins with what is in the cache.
    fn start(cache: &Path) -> Self {
        let own = Self(tempfile::tempdir().expect("a folder"));
        own.fetch(cache);
        own.run("restore");
        own
    }

    fn fetch(&self, cache: &Path) {
        if cache.exists() {
            let to = self.0.path().join("trueup-state");
            fs::create_dir_all(&to).expect("a folder");
            copy(cache, &to);
        }
    }

    fn run(&self, step: &str) {
        let output = Command::new("bash")
            .args(["ci/github/state.sh", step])
            .env("DIRECTORY", self.0.path())
            .env("FOLDER", self.0.path().join("trueup-state"))
            .output()
            .expect("bash");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Saves into the cache, after a look at what is there now.
    fn save(&self, cache: &Path) {
        self.fetch(cache);
        self.run("save");
        fs::create_dir_all(cache).expect("a folder");
        copy(&self.0.path().join("trueup-state"), cache);
    }

    /// Notes that a run changed an object of an environment, in every record.
    fn apply(&self, environment: &str, id: u32, is_first: bool) {
        let state = self.0.path().join(".trueup");
        fs::create_dir_all(state.join("receipts")).expect("a folder");
        fs::write(state.join("key"), "secret").expect("a file");
        fs::write(state.join(format!("receipts/{environment}-{id}.json")), "{}").expect("a file");
        let own = json!({ "target": environment, "kind": "a/b", "name": "c", "id": id.to_string() });
        let read = |name: &str| -> Json {
            let text = fs::read_to_string(state.join(name)).unwrap_or_else(|_| "{}".to_owned());
            serde_json::from_str(&text).expect("JSON")
        };
        let objects = read("index.json")["objects"].as_array().cloned().unwrap_or_default();
        let others = objects.into_iter().filter(|other| other["target"] != environment);
        let objects: Vec<Json> = others.chain([own]).collect();
        fs::write(state.join("index.json"), json!({ "format": 1, "objects": objects }).to_string())
            .expect("a file");
        let mut plans = read("applied.json")["plans"].take();
        let mut done = plans["plan"]["objects"].as_array().cloned().unwrap_or_default();
        done.push(json!(format!("{environment} a/b c")));
        plans["plan"] = json!({ "at": "2026-11-30T12:00:00Z", "objects": done });
        fs::write(state.join("applied.json"), json!({ "format": 1, "plans": plans }).to_string())
            .expect("a file");
        for log in ["ledger.jsonl", "written.jsonl"] {
            let mut text = fs::read_to_string(state.join(log)).unwrap_or_default();
            text += if is_first { "{\"format\":1}\n" } else { "" };
            text += &format!("{{\"of\":\"{environment}\",\"is\":{id}}}\n");
            fs::write(state.join(log), text).expect("a file");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().expect("cp");
    assert!(status.success());
}

/// What a cache says: the ids of the index, the objects of the plan, the last words of the logs, and the receipts.
fn read_cache(cache: &Path) -> Vec<BTreeSet<String>> {
    let json = |name: &str| -> Json {
        serde_json::from_str(&fs::read_to_string(cache.join(name)).expect("a file")).expect("JSON")
    };
    let index = json("index.json");
    let ids = index["objects"]
        .as_array()
        .expect("objects")
        .iter()
        .map(|own| format!("{}={}", own["target"], own["id"]));
    let applied = json("applied.json");
    let done = applied["plans"]["plan"]["objects"].as_array().expect("objects").iter().map(Json::to_string);
    let read_log = |name: &str| {
        let text = fs::read_to_string(cache.join(name)).expect("a log");
        assert_eq!(text.matches("format").count(), 1, "{text}");
        assert!(text.starts_with("{\"format\":1}\n"), "{text}");
        let lines = text.lines().skip(1).map(|line| serde_json::from_str::<Json>(line).expect("JSON"));
        let last: std::collections::BTreeMap<String, String> =
            lines.map(|line| (line["of"].to_string(), line["is"].to_string())).collect();
        last.into_iter().map(|(of, is)| format!("{of}={is}")).collect()
    };
    let receipts = fs::read_dir(cache.join("receipts")).expect("receipts");
    let receipts = receipts.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    assert!(!cache.join("key").exists(), "no key is in a cache");
    vec![
        ids.collect(),
        done.collect(),
        read_log("ledger.jsonl"),
        read_log("written.jsonl"),
        receipts.collect(),
    ]
}

#[test]
fn a_late_job_adds_to_the_newest_state() {
    if !has_tools() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let first = Machine::start(&cache);
    first.apply("staging", 1, true);
    first.save(&cache);
    // production of this run waits for its reviewers while the next run begins; then both are applied
    let (late, next) = (Machine::start(&cache), Machine::start(&cache));
    next.apply("staging", 2, false);
    late.apply("production", 7, false);
    next.save(&cache);
    late.save(&cache);
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<String>>();
    let logs = set(&["\"production\"=7", "\"staging\"=2"]);
    let expected = [
        set(&["\"production\"=\"7\"", "\"staging\"=\"2\""]),
        set(&["\"production a/b c\"", "\"staging a/b c\""]),
        logs.clone(),
        logs,
        set(&["production-7.json", "staging-1.json", "staging-2.json"]),
    ];
    assert_eq!(read_cache(&cache), expected);
    // the same again, where someone saved between its look and its save
    late.save(&cache);
    assert_eq!(read_cache(&cache), expected);
    // an object that a job forgot is not there again
    let last = Machine::start(&cache);
    let index = last.0.path().join(".trueup/index.json");
    fs::write(&index, "{\"format\":1,\"objects\":[]}").expect("a file");
    last.save(&cache);
    assert!(read_cache(&cache)[0].is_empty());
}

/// The steps that look, add and save are there twice, the second time only where another job saved in between.
#[test]
fn a_save_between_the_look_and_the_save_is_noticed() {
    let action = yaml("action.yml");
    let steps: Vec<&Json> = action["runs"]["steps"].as_array().expect("steps").iter().collect();
    let at = |name: &str| {
        steps.iter().position(|step| step["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    };
    let order =
        ["Restore the newest state", "Add the state of this job", "Keep the state", "Look for a newer state"];
    let again = order[..3].iter().map(|name| format!("{name} once more"));
    let places: Vec<usize> = order.iter().map(|name| at(name)).chain(again.map(|name| at(&name))).collect();
    assert!(places.is_sorted(), "{places:?}");
    let look = steps[places[3]];
    assert_eq!((&look["id"], &look["with"]["lookup-only"]), (&json!("newest"), &json!(true)));
    for place in &places[4..] {
        let condition = steps[*place]["if"].as_str().expect("a condition");
        let is_newer = "steps.newest.outputs.cache-matched-key != steps.names.outputs.state-key";
        assert!(condition.contains(is_newer), "{condition}");
    }
    // a cache is found by its path
    let paths: BTreeSet<String> = steps
        .iter()
        .filter(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("cache/")))
        .map(|step| step["with"]["path"].to_string())
        .collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
}
