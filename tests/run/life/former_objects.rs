//! Former objects that replacements left: the new object is managed from its create on, and what depends on one of the
//! two is deleted after both.

use serde_json::Value as Json;

use super::replacements::{Lab, NEVER, REPLACE, RULES, cut_off};
use crate::support::workspace::Workspace;

const DELETE: [&str; 5] =
    ["apply", "--auto-approve", "--allow-delete", "--max-deletes=100%", "--read-back-timeout=1"];
const MOUNT: &str =
    "kind: lab/mount\nname: data-mount\nspec: { path: /data, disk: { ref: data-disk } }\n---\n";

/// A lab in which the delete of the former disk, 1, was refused: the new one is 3, and the mount refers to it.
fn keep_former(documents: &str) -> Lab {
    let lab = Lab::new(RULES[1], NEVER);
    lab.workspace.write("config/lab.yaml", documents);
    lab.add_fault("DELETE:422:1:/disks");
    let ran = lab.workspace.run(&REPLACE);
    ran.says(&["replacement-unfinished", "the former one is not deleted"]);
    assert_eq!(lab.objects("lab/disk").len(), 3);
    lab.sandbox.clear_log();
    lab
}

fn disk(name: &str) -> String {
    format!("kind: lab/disk\nname: data-disk\nspec: {{ name: {name}, region: south, size: 10 }}\n")
}

#[test]
fn a_new_object_is_managed_while_the_former_one_is_left() {
    // its document is renamed
    let lab = keep_former(&format!("{MOUNT}{}", disk("data")));
    lab.workspace.write("config/lab.yaml", &format!("{MOUNT}{}", disk("renamed")));
    lab.expect(0, &REPLACE);
    assert_eq!(lab.writes(), ["DELETE /disks/1"]);
    lab.workspace.pass_time();
    lab.expect(0, &["apply", "--auto-approve", "--max-updates=100%"]);
    assert_eq!(lab.writes(), ["DELETE /disks/1", "PATCH /disks/3"]);
    lab.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    // another document depends on it, in a run of its own
    let lab = keep_former(&format!("{MOUNT}{}", disk("data")));
    let other = "kind: lab/mount\nname: other\ndepends_on: [lab/disk/data-disk]\nspec: { path: /other }\n";
    lab.workspace.write("config/other.yaml", other);
    lab.expect(0, &["apply", "--auto-approve", "--name", "other"]);
    assert_eq!(lab.writes(), ["POST /mounts"]);
}

#[test]
fn what_an_object_depends_on_is_deleted_after_both_objects_of_its_replacement() {
    let documents = |state: &str| {
        let base = "spec: { name: logs, region: north, size: 20 }\n";
        format!(
            "{}state: {state}\ndepends_on: [lab/disk/base]\n---\nkind: lab/disk\nname: base\nstate: {state}\n{base}",
            disk("data")
        )
    };
    let lab = keep_former(&documents("present"));
    lab.workspace.write("config/lab.yaml", &documents("absent"));
    let ran = lab.workspace.run(&DELETE);
    ran.says(&["dependency-blocked", "`data-disk`, which depends on this object, is not wholly deleted"]);
    ran.says(&["replacement-unfinished", "is still there"]);
    // the mount has no document any more
    assert_eq!(lab.writes(), ["DELETE /mounts/1", "DELETE /disks/1"]);
    lab.expect(0, &DELETE);
    assert_eq!(lab.writes()[2..], ["DELETE /disks/3", "DELETE /disks/2"]);
}

#[test]
fn a_former_object_stays_while_a_delete_of_what_depends_on_it_fails() {
    let documents = |state: &str| {
        let mount =
            "kind: lab/mount\nname: data-mount\ndepends_on: [lab/disk/data-disk]\nspec: { path: /data }\n";
        format!("{mount}state: {state}\n---\n{}state: {state}\n", disk("data"))
    };
    let lab = keep_former(&documents("present"));
    lab.workspace.write("config/lab.yaml", &documents("absent"));
    lab.add_fault("DELETE:422:1:/mounts");
    let ran = lab.workspace.run(&DELETE);
    ran.says(&["dependency-blocked", "`data-mount`, which depends on this object, was not deleted"]);
    assert_eq!(lab.writes(), ["DELETE /mounts/1"], "{}", ran.all());
    lab.workspace.run(&DELETE);
    lab.expect(0, &DELETE);
    assert_eq!(lab.writes()[1..], ["DELETE /mounts/1", "DELETE /disks/1", "DELETE /disks/3"]);
}

#[test]
fn a_new_object_that_is_gone_is_not_created_again_while_the_former_one_cannot_be_read() {
    let lab = cut_off();
    let mut other = Workspace::new();
    for file in ["trueup.yaml", "apis/lab/api.yaml", "apis/lab/disk.yaml", "apis/lab/mount.yaml"] {
        other.write(file, &lab.workspace.read(file));
    }
    other.set("KEY", "any");
    other.write(
        "config/disk.yaml",
        "kind: lab/disk\nname: data\nid: 3\nstate: absent\nspec: { name: data }\n",
    );
    other.expect(0, &DELETE);
    lab.sandbox.clear_log();
    lab.add_fault("GET:403:1:/disks/1");
    lab.workspace.pass_time();
    let ran = lab.workspace.run(&REPLACE);
    ran.says(&["not-read", "the former object, which this one replaced, could not be read"]);
    let creates: Vec<String> =
        lab.writes().into_iter().filter(|line| line.starts_with("POST /disks")).collect();
    assert_eq!(creates, Vec::<String>::new(), "{}", ran.all());
    let disks: Vec<Json> = lab.objects("lab/disk");
    assert_eq!(disks.len(), 2, "{disks:?}");
}
