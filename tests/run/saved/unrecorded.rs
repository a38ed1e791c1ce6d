//! A plan that was made without the records that its apply has, as in CI, where the job of a merge request may not
//! read what the jobs of the default branch keep: what it writes beside the rest is left out, and nothing is added.

use std::fs;

use serde_json::{Value as Json, json};
use trueup::sandbox::SandboxOptions;

use crate::support::own_api_fixture::{OwnApiFixture, body};
use crate::support::workspace::Workspace;

/// Boxes that are changed by their changes, with two secrets and a note that no one sees again.
const BOX: &str = "format: 1\ntitle: Box\ndescription: A box.\nidentity: { id: id, natural_key: [name] }\n\
    operations:\n  list: { get: /boxes }\n  get: { get: \"/boxes/{id}\" }\n  \
    create: { post: /boxes, body: full, response: object }\n  \
    update: { patch: \"/boxes/{id}\", body: changes, response: object }\nproperties:\n  \
    id: { type: integer, description: The id., read_only: true }\n  \
    name: { type: string, description: The name. }\n  size: { type: integer, description: The size. }\n  \
    pin: { type: string, description: The pin., sensitivity: secret, write_only: true }\n  \
    key: { type: string, description: The key., sensitivity: secret, write_only: true }\n  \
    note: { type: string, description: A note., write_only: true }\n";
const APPLY: [&str; 3] = ["apply", "plan.json", "--auto-approve"];

struct Boxes(OwnApiFixture);

impl Boxes {
    /// Two boxes that were applied with records.
    fn applied() -> Self {
        let mut workspace = Workspace::new();
        workspace.write(
            "apis/depot/api.yaml",
            "format: 1\ntitle: Depot\ndescription: Things.\nformats: [json]\nauth: [bearer]\n",
        );
        workspace.write("apis/depot/box.yaml", BOX);
        for (name, value) in
            [("PIN", "pin-canary-1"), ("BOX_KEY", "key-canary-1"), ("TRUEUP_DIGEST_KEY", "of all")]
        {
            workspace.set(name, value);
        }
        workspace.set("TRUEUP_MAX_UPDATES", "100%");
        let settings =
            "targets: { here: { api: depot, base_url: \"URL\", auth: { bearer: { from_env: KEY } } } }\n";
        let options = SandboxOptions { count: Some(0), ..SandboxOptions::default() };
        let boxes = Self(OwnApiFixture::open(workspace, settings, options));
        boxes.describe(1, "first");
        boxes.0.workspace.expect(0, &["apply", "--auto-approve", "--trust-empty"]);
        boxes
    }

    fn describe(&self, size: u32, note: &str) {
        for (name, size) in [("north", size), ("south", 1)] {
            let text = format!(
                "kind: depot/box\nname: {name}\nspec:\n  name: {name}\n  size: {size}\n  pin: {{ from_env: PIN }}\n  \
                 key: {{ from_env: BOX_KEY }}\n  note: {note}\n"
            );
            self.0.workspace.write(&format!("config/{name}.yaml"), &text);
        }
    }

    /// Plans without `.trueup`, which is there again afterwards.
    fn plan_without_records(&self) {
        let workspace = &self.0.workspace;
        let (state, kept) = (workspace.path(".trueup"), workspace.scratch().join("kept"));
        fs::rename(&state, &kept).expect("a move");
        workspace.expect(0, &["plan", "--output", "plan.json"]).says(&["pin", "key"]);
        let _ = fs::remove_dir_all(&state);
        fs::rename(&kept, &state).expect("a move");
        let plan = workspace.read("plan.json");
        assert!(!plan.contains("canary"), "{plan}");
    }

    /// The bodies of all changes so far.
    fn changes(&self) -> Vec<Json> {
        self.0.writes().iter().filter(|entry| entry.method == "PATCH").map(body).collect()
    }
}

#[test]
fn what_the_records_rule_out_is_left_out() {
    let boxes = Boxes::applied();
    boxes.describe(2, "first");
    boxes.plan_without_records();
    boxes.0.workspace.expect(0, &APPLY).says(&["1 done"]);
    assert_eq!(boxes.changes(), [json!({ "size": 2 })], "the other box is as it was applied");
    boxes.0.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_secret_that_changed_is_written_and_the_other_one_is_not() {
    let mut boxes = Boxes::applied();
    boxes.describe(2, "first");
    boxes.0.workspace.set("PIN", "pin-canary-2");
    boxes.plan_without_records();
    boxes.0.workspace.expect(0, &APPLY).says(&["2 done"]);
    let changes = boxes.changes();
    assert_eq!(changes.len(), 2);
    for expected in [json!({ "size": 2, "pin": "pin-canary-2" }), json!({ "pin": "pin-canary-2" })] {
        assert!(changes.contains(&expected), "{expected}: {changes:?}");
    }
}

#[test]
fn what_was_not_reviewed_is_refused() {
    // a secret, a value that is shown, and one that the plan could not compare
    for (pin, size, note) in
        [("pin-canary-3", 2, "first"), ("pin-canary-1", 3, "first"), ("pin-canary-1", 2, "second")]
    {
        let mut boxes = Boxes::applied();
        boxes.describe(2, note);
        boxes.plan_without_records();
        boxes.describe(size, note);
        boxes.0.workspace.set("PIN", pin);
        let ran = boxes.0.workspace.run(&APPLY);
        assert!(matches!(ran.code, Some(3 | 4)), "{pin} {size} {note}\n{}", ran.all());
        assert!(ran.all().contains("stale-plan"), "{}", ran.all());
        assert!(boxes.changes().is_empty(), "{:?}", boxes.changes());
    }
}
