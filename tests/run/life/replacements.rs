//! An immutable field changes: a new object takes the place of the one that is there, in both orders. Without the
//! permission nothing is sent; killed at any request, later runs finish what was begun, and nothing is there twice.

use std::sync::{Arc, OnceLock, Weak};

use serde_json::{Value as Json, json};
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxLogEntry, SandboxObserver, SandboxOptions};

use super::kill_points::{Cut, ProcessKiller, Side};
use crate::support::own_api_fixture::{descriptions, kinds};
use crate::support::workspace::{ProgramOutput, Workspace};

const API: &str = "format: 1\ntitle: Lab\ndescription: Disks.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const SETTINGS: &str =
    "targets:\n  here: { api: lab, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const DISK: &str = r#"
format: 1
title: Disk
description: A disk.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /disks }
  get: { get: "/disks/{id}" }
  create: { post: /disks }
  update: { patch: "/disks/{id}", body: changes }
  delete: { delete: "/disks/{id}" }
replacement: RULE
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  region: { type: string, description: Where it is., immutable: true }
  size: { type: integer, description: How large. }
  note: { type: string, description: A note. }
examples:
  - object: { id: 1, name: data, region: north, size: 10, note: keep }
  - object: { id: 2, name: logs, region: north, size: 20 }
"#;
const MOUNT: &str = r#"
format: 1
title: Mount
description: Where a disk is mounted.
identity: { id: id, natural_key: [path] }
operations:
  list: { get: /mounts }
  get: { get: "/mounts/{id}" }
  create: { post: /mounts }
  update: { patch: "/mounts/{id}", body: changes }
  delete: { delete: "/mounts/{id}" }
properties:
  id: { type: integer, description: The id., read_only: true }
  path: { type: string, description: The path., required: true }
  disk: { type: integer, description: The disk., reference: { id: id, source: { kind: lab/disk } } }
examples:
  - object: { id: 1, path: /data, disk: 1 }
"#;
pub(super) const RULES: [&str; 2] = ["delete_then_create", "create_then_delete"];
pub(super) const NEVER: Cut = Cut { number: usize::MAX, side: Side::After };
pub(super) const REPLACE: [&str; 5] =
    ["apply", "--auto-approve", "--allow-replace", "--max-deletes=100%", "--read-back-timeout=1"];

/// A workspace with a disk that a mount refers to, of which an immutable field is to change.
pub(super) struct Lab {
    pub(super) workspace: Workspace,
    pub(super) sandbox: Arc<RunningSandbox>,
    killer: Arc<ProcessKiller>,
}

impl Lab {
    pub(super) fn new(rule: &str, cut: Cut) -> Self {
        let mut workspace = Workspace::new();
        workspace.write("apis/lab/api.yaml", API);
        workspace.write("apis/lab/disk.yaml", &DISK.replace("RULE", rule));
        workspace.write("apis/lab/mount.yaml", MOUNT);
        let killer = Arc::new(ProcessKiller::new(cut));
        let own: Arc<OnceLock<Weak<RunningSandbox>>> = Arc::default();
        let (seen, heard) = (Arc::clone(&own), Arc::clone(&killer));
        let observer: SandboxObserver = Arc::new(move |_: &SandboxLogEntry| {
            if let Some(sandbox) = seen.get().and_then(Weak::upgrade) {
                heard.hear(&sandbox);
            }
        });
        let options = SandboxOptions {
            seed: Some(7),
            log_bodies: true,
            observer: Some(observer),
            ..SandboxOptions::default()
        };
        let kinds = kinds(descriptions(workspace.root()));
        let sandbox = Arc::new(SandboxLauncher::start_server(kinds, options).expect("a sandbox"));
        own.set(Arc::downgrade(&sandbox)).expect("set once");
        workspace.write("trueup.yaml", &SETTINGS.replace("URL", &sandbox.base_url("lab")));
        workspace.set("KEY", "any");
        let lab = Self { workspace, sandbox, killer };
        lab.write_documents("north");
        lab.workspace.expect(0, &["apply", "--auto-approve"]);
        lab.write_documents("south");
        lab.sandbox.clear_log();
        lab
    }

    fn write_documents(&self, region: &str) {
        let mount = "kind: lab/mount\nname: data-mount\nspec: { path: /data, disk: { ref: data-disk } }\n";
        let disk =
            format!("kind: lab/disk\nname: data-disk\nspec:\n  name: data\n  region: {region}\n  size: 10\n");
        self.workspace.write("config/lab.yaml", &format!("{mount}---\n{disk}"));
    }

    pub(super) fn objects(&self, kind: &str) -> Vec<Json> {
        let dump = self.sandbox.dump_state();
        dump[kind].as_array().expect("objects").iter().map(|one| one["object"].clone()).collect()
    }

    pub(super) fn writes(&self) -> Vec<String> {
        let log = self.sandbox.read_log();
        let writes = log.iter().filter(|entry| entry.method != "GET");
        let path = |path: &str| path.rsplit_once("/lab").map_or(path.to_owned(), |(_, path)| path.to_owned());
        writes.map(|entry| format!("{} {}", entry.method, path(&entry.path))).collect()
    }

    /// One disk of the name, in the new region, and the mount refers to it.
    fn is_replaced(&self) -> Result<(), String> {
        let disks = self.objects("lab/disk");
        let own: Vec<&Json> = disks.iter().filter(|disk| disk["name"] == "data").collect();
        let [disk] = own.as_slice() else { return Err(format!("{disks:?}")) };
        let mounts = self.objects("lab/mount");
        let is_right = disk["region"] == "south" && disk["size"] == 10 && disk["id"] != 1;
        let refers = mounts.len() == 1 && mounts[0]["disk"] == disk["id"];
        if is_right && refers && disks.len() == 2 { Ok(()) } else { Err(format!("{disks:?} {mounts:?}")) }
    }

    pub(super) fn expect(&self, code: i32, arguments: &[&str]) -> ProgramOutput {
        self.workspace.expect(code, arguments)
    }
}

#[test]
fn a_replacement_is_planned_and_carried_out_in_the_order_of_the_kind() {
    for (rule, sign, writes) in [
        (RULES[0], "-/+ replace", ["DELETE /disks/1", "POST /disks", "PATCH /mounts/1"]),
        (RULES[1], "+/- replace", ["POST /disks", "PATCH /mounts/1", "DELETE /disks/1"]),
    ] {
        let lab = Lab::new(rule, NEVER);
        let plan = lab.expect(0, &["plan", "--allow-replace", "--max-deletes=100%"]);
        plan.says(&[sign, "region", "(forces replacement)", "1 to replace", "note"]);
        let json = lab.expect(0, &["plan", "--allow-replace", "--format", "json"]).json();
        let change =
            json["changes"].as_array().expect("changes").iter().find(|own| own["action"] == "replace");
        let change = change.expect("a replacement");
        assert_eq!(change["replacement"], rule);
        let forcing: Vec<&Json> = change["fields"].as_array().expect("fields").iter().collect();
        let forces = |own: &&&Json| own["forces_replacement"] == json!(true);
        assert_eq!(forcing.iter().filter(forces).map(|own| &own["path"]).collect::<Vec<_>>(), ["/region"]);
        // what the document leaves alone is shown as lost
        assert!(forcing.iter().any(|own| own["path"] == "/note" && own["action"] == "remove"), "{change:#}");
        lab.sandbox.clear_log();
        lab.expect(0, &REPLACE).says(&["replaced"]);
        assert_eq!(lab.writes(), writes, "{rule}");
        lab.is_replaced().expect(rule);
        lab.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        let index = lab.workspace.read(".trueup/index.json");
        assert!(!index.contains("\"replaced\""), "{index}");
    }
}

#[test]
fn without_the_permission_nothing_is_sent_and_the_field_is_named() {
    for rule in RULES {
        let lab = Lab::new(rule, NEVER);
        let ran = lab.expect(3, &["apply", "--auto-approve"]);
        ran.says(&[
            "1 refused",
            "replacement-not-allowed",
            "`region` cannot be changed",
            "--allow-replace=1",
        ]);
        assert_eq!(lab.writes(), Vec::<String>::new());
        // a number that is too small refuses the plan; a replacement counts as a delete
        lab.expect(3, &["apply", "--auto-approve", "--allow-replace=0"]).complains(&["--allow-replace=1"]);
        let counted = lab.expect(3, &["apply", "--auto-approve", "--allow-replace", "--max-deletes=0"]);
        counted.complains(&["too-many-deletes"]);
        assert_eq!(lab.writes(), Vec::<String>::new());
    }
    let lab = Lab::new("refuse", NEVER);
    lab.expect(3, &REPLACE).says(&["immutable-field"]);
}

#[test]
fn a_protected_object_and_one_that_is_named_by_its_id_are_not_replaced() {
    let lab = Lab::new(RULES[0], NEVER);
    let document = lab.workspace.read("config/lab.yaml");
    lab.workspace
        .write("config/lab.yaml", &document.replace("name: data-disk\n", "name: data-disk\nprotect: true\n"));
    lab.expect(3, &REPLACE).says(&["protected"]);
    lab.workspace
        .write("config/lab.yaml", &document.replace("name: data-disk\n", "name: data-disk\nid: 1\n"));
    lab.expect(3, &REPLACE).says(&["immutable-field", "another `id`"]);
    assert_eq!(lab.writes(), Vec::<String>::new());
}

#[test]
fn protection_is_taken_away_by_an_apply_of_its_own() {
    for rule in RULES {
        let lab = Lab::new(rule, NEVER);
        let protect = |lab: &Lab, region: &str| {
            lab.write_documents(region);
            let document = lab.workspace.read("config/lab.yaml");
            let document = document.replace("name: data-disk\n", "name: data-disk\nprotect: true\n");
            lab.workspace.write("config/lab.yaml", &document);
        };
        protect(&lab, "north");
        lab.expect(0, &["apply", "--auto-approve"]);
        // one edit takes `protect` away and changes the immutable field
        lab.write_documents("south");
        lab.expect(3, &REPLACE).says(&["protected", "was protected when it was last applied"]);
        assert_eq!(lab.writes(), Vec::<String>::new());
        lab.write_documents("north");
        lab.expect(0, &["apply", "--auto-approve"]);
        lab.write_documents("south");
        lab.expect(0, &REPLACE);
        lab.is_replaced().expect(rule);
    }
}

#[test]
fn a_saved_plan_binds_the_replacement() {
    for rule in RULES {
        let lab = Lab::new(rule, NEVER);
        let plan = ["plan", "--allow-replace", "--max-deletes=100%", "-o", "plan.json"];
        lab.expect(0, &plan);
        lab.expect(3, &["apply", "plan.json", "--auto-approve"]).complains(&["--allow-replace"]);
        // the object moved: what would be deleted is not what was reviewed
        lab.sandbox
            .edit_object("lab/disk", "1", json!({ "note": "edited" }).as_object().expect("members"))
            .expect("an edit");
        let apply = ["apply", "plan.json", "--auto-approve", "--allow-replace", "--max-deletes=100%"];
        lab.expect(3, &apply);
        assert_eq!(lab.writes(), Vec::<String>::new());
        lab.sandbox
            .edit_object("lab/disk", "1", json!({ "note": "keep" }).as_object().expect("members"))
            .expect("an edit");
        lab.expect(0, &apply).says(&["replaced"]);
        lab.is_replaced().expect(rule);
    }
}

#[test]
fn an_undo_says_that_the_former_object_does_not_come_back() {
    let lab = Lab::new(RULES[1], NEVER);
    lab.expect(0, &REPLACE);
    let folder = std::fs::read_dir(lab.workspace.path(".trueup/receipts")).expect("receipts");
    let names = folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let receipt = format!(".trueup/receipts/{}", names.max().expect("a receipt"));
    let shown = lab.workspace.read(&receipt);
    assert!(shown.contains("\"replace\""), "{shown}");
    let ran = lab.workspace.run(&["undo", &receipt, "--auto-approve", "--allow-delete"]);
    assert!(ran.all().contains("a new object took the place of the former one"), "{}", ran.all());
    assert!(!lab.objects("lab/disk").iter().any(|disk| disk["id"] == 1));
}

#[test]
fn a_run_that_is_killed_anywhere_is_finished_by_later_ones() {
    for rule in RULES {
        let ideal = Lab::new(rule, NEVER);
        ideal.expect(0, &REPLACE);
        let log = ideal.sandbox.read_log();
        let first = log.iter().position(|entry| entry.method != "GET").expect("a write") + 1;
        for number in first..=log.len() {
            for side in [Side::Before, Side::After] {
                let lab = Lab::new(rule, Cut { number, side });
                assert!(lab.killer.behead(&lab.workspace, &lab.sandbox, &REPLACE), "{rule} {number}");
                let mut left = 4;
                loop {
                    lab.workspace.pass_time();
                    let ran = lab.workspace.run(&REPLACE);
                    let plan = lab.workspace.run(&["plan", "--detailed-exitcode", "--allow-replace"]);
                    if (ran.code, plan.code) == (Some(0), Some(0)) {
                        break;
                    }
                    left -= 1;
                    assert!(left > 0, "{rule} {number} {side:?}: {} {}", ran.all(), plan.all());
                }
                lab.is_replaced().unwrap_or_else(|why| panic!("{rule} {number} {side:?}: {why}"));
                let index = lab.workspace.read(".trueup/index.json");
                assert!(!index.contains("\"replaced\""), "{rule} {number} {side:?}: {index}");
            }
        }
    }
}

#[test]
fn a_former_object_stays_while_another_one_may_refer_to_it() {
    let lab = Lab::new(RULES[1], NEVER);
    lab.sandbox.add_fault(trueup::sandbox::SandboxFault::parse_fault("PATCH:422").expect("a fault"));
    let ran = lab.workspace.run(&REPLACE);
    assert_ne!(ran.code, Some(0));
    ran.says(&["replacement-unfinished", "`data-mount` may refer to it"]);
    assert!(!lab.writes().iter().any(|line| line.starts_with("DELETE")), "{:?}", lab.writes());
    // the next run shows what is left, and needs the permission to delete it
    lab.expect(4, &["apply", "--auto-approve"]).says(&["replacement-not-allowed", "interrupted replacement"]);
    lab.expect(0, &REPLACE);
    lab.is_replaced().expect("replaced");
}

/// A lab in which a replacement was cut off: the new disk is there, and the former one, 1, is not deleted.
pub(super) fn cut_off() -> Lab {
    let lab = Lab::new(RULES[1], NEVER);
    lab.add_fault("PATCH:422");
    lab.workspace.expect(4, &REPLACE);
    assert_eq!(lab.objects("lab/disk").len(), 3);
    lab.sandbox.clear_log();
    lab
}

impl Lab {
    pub(super) fn add_fault(&self, text: &str) {
        self.sandbox.add_fault(trueup::sandbox::SandboxFault::parse_fault(text).expect("a fault"));
    }

    fn edit_disk(&self, set: Json) {
        self.sandbox.edit_object("lab/disk", "1", set.as_object().expect("members")).expect("an edit");
    }

    fn deletes(&self) -> Vec<String> {
        self.writes().into_iter().filter(|line| line.starts_with("DELETE")).collect()
    }
}

#[test]
fn a_former_object_that_is_another_one_by_now_is_not_deleted() {
    let lab = cut_off();
    lab.edit_disk(json!({ "name": "other" }));
    lab.expect(4, &REPLACE).says(&["wrong-object", "`other`"]);
    assert_eq!(lab.deletes(), Vec::<String>::new());
    // another document that describes it finds it, whatever the first one knows
    let documents = lab.workspace.read("config/lab.yaml");
    let other = "---\nkind: lab/disk\nname: other\nspec: { name: other, region: north, size: 10 }\n";
    lab.workspace.write("config/lab.yaml", &format!("{documents}{other}"));
    let plan = lab.workspace.run(&["plan", "--allow-replace", "--format", "json"]).json();
    let actions: Vec<&Json> =
        plan["changes"].as_array().expect("changes").iter().map(|own| &own["action"]).collect();
    assert!(!actions.contains(&&json!("create")), "{plan:#}");
    lab.workspace.write("config/lab.yaml", &documents);
    lab.edit_disk(json!({ "name": "data" }));
    lab.expect(0, &REPLACE);
    lab.is_replaced().expect("replaced");
}

#[test]
fn of_a_former_object_that_cannot_be_read_the_document_is_not_written() {
    let lab = cut_off();
    let documents = lab.workspace.read("config/lab.yaml");
    lab.workspace.write("config/lab.yaml", &documents.replace("region: south", "region: west"));
    lab.add_fault("GET:403:1:/disks/1");
    let ran = lab.workspace.run(&REPLACE);
    ran.says(&["not-read", "the former object, which this one replaced, could not be read"]);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    let disks = |line: &String| line.contains("/disks");
    assert!(!lab.writes().iter().any(disks), "{:?}", lab.writes());
    assert!(lab.workspace.read(".trueup/index.json").contains("\"replaced\""));
    lab.workspace.write("config/lab.yaml", &documents);
    lab.expect(0, &REPLACE);
    lab.is_replaced().expect("replaced");
}

#[test]
fn what_was_left_stays_as_long_as_another_object_may_refer_to_it() {
    let lab = cut_off();
    lab.add_fault("PATCH:422");
    let ran = lab.expect(1, &REPLACE);
    ran.says(&["replacement-unfinished", "`data-mount` may refer to it"]);
    assert_eq!(lab.writes(), ["PATCH /mounts/1"]);
    lab.expect(0, &REPLACE);
    lab.is_replaced().expect("replaced");
}

#[test]
fn a_document_that_is_not_selected_keeps_the_object_to_which_it_refers() {
    let narrow = ["config/disk.yaml"];
    let split = |lab: &Lab| {
        let documents = lab.workspace.read("config/lab.yaml");
        let (mount, disk) = documents.split_once("---\n").expect("two documents");
        lab.workspace.write("config/lab.yaml", mount);
        lab.workspace.write("config/disk.yaml", disk);
    };
    for rule in RULES {
        let lab = Lab::new(rule, NEVER);
        split(&lab);
        let ran = lab.expect(3, &[&REPLACE[..], &narrow].concat());
        ran.says(&["replacement-blocked", "`data-mount`, which is not selected, refers to this object"]);
        assert_eq!(lab.writes(), Vec::<String>::new());
        // nor where no one knows which documents there are
        lab.workspace.write("config/broken.yaml", "kind: lab/disk\nname: broken\nspec: [\n");
        let ran = lab.workspace.run(&[&REPLACE[..], &narrow].concat());
        ran.says(&["replacement-blocked", "`trueup validate` lists them"]);
        assert_eq!(lab.writes(), Vec::<String>::new());
        lab.workspace.remove("config/broken.yaml");
        lab.expect(0, &REPLACE);
        lab.is_replaced().expect(rule);
    }
    let lab = cut_off();
    split(&lab);
    lab.expect(3, &[&REPLACE[..], &narrow].concat()).says(&["replacement-blocked", "data-mount"]);
    assert_eq!(lab.writes(), Vec::<String>::new());
    lab.expect(0, &REPLACE);
    lab.is_replaced().expect("replaced");
}

#[test]
fn a_document_that_wants_neither_object_is_finished_by_two_runs() {
    let lab = cut_off();
    let disk =
        |state: &str| format!("kind: lab/disk\nname: data-disk\nstate: {state}\nspec: {{ name: data }}\n");
    lab.workspace.write("config/lab.yaml", &disk("absent"));
    // what refers to it goes first
    let delete = ["apply", "--auto-approve", "--allow-delete", "--max-deletes=100%", "--read-back-timeout=1"];
    lab.expect(3, &REPLACE).says(&["delete-not-allowed"]);
    assert_eq!(lab.deletes(), Vec::<String>::new());
    lab.expect(4, &delete).says(&["replacement-unfinished", "is still there"]);
    assert_eq!(lab.deletes(), ["DELETE /mounts/1", "DELETE /disks/1"]);
    lab.expect(0, &delete);
    assert_eq!(lab.objects("lab/disk").len(), 1);
    assert!(!lab.workspace.read(".trueup/index.json").contains("data-disk"));
    // what is not managed any more is left as it is, with what was left of it
    let lab = cut_off();
    lab.workspace.write("config/lab.yaml", &disk("unmanaged"));
    lab.expect(0, &REPLACE);
    assert_eq!(lab.writes(), Vec::<String>::new());
    assert_eq!(lab.objects("lab/disk").len(), 3);
}
