//! Parents that are to be replaced or deleted while they have children: refused, whether the children are selected, and
//! however their documents name the parent.

use trueup::sandbox::SandboxOptions;

use super::parents::{API, BINDING, HOST, QUEUE, SETTINGS, requests};
use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::workspace::Workspace;

const REPLACE: [&str; 4] = ["apply", "--auto-approve", "--allow-replace", "--max-deletes=100%"];
const DELETE: [&str; 4] = ["apply", "--auto-approve", "--allow-delete", "--max-deletes=100%"];

/// The queue of the binding is replaced where its limit changes.
fn open(rule: &str) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/broker/api.yaml", API);
    let queue = QUEUE.replace("The most messages.", "The most messages., immutable: true");
    let queue = queue.replace("properties:", &format!("replacement: {rule}\nproperties:"));
    for (name, text) in [("host", HOST), ("queue", &*queue), ("binding", BINDING)] {
        workspace.write(&format!("apis/broker/{name}.yaml"), text);
    }
    OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default())
}

fn write_queue(shop: &OwnApiFixture, state: &str, limit: u32) {
    let text = format!(
        "kind: broker/queue\nname: orders\nstate: {state}\nscope: {{ host: main }}\nspec: {{ name: orders, limit: {limit} }}\n"
    );
    shop.workspace.write("config/queue.yaml", &text);
}

fn write_binding(shop: &OwnApiFixture, state: &str, queue: &str) {
    let text = format!(
        "kind: broker/binding\nname: own\nstate: {state}\nscope: {{ host: main, queue: {queue} }}\nspec: {{ key: a, weight: 1 }}\n"
    );
    shop.workspace.write("config/binding.yaml", &text);
}

#[test]
fn a_parent_is_not_replaced_while_it_has_children() {
    for rule in ["delete_then_create", "create_then_delete"] {
        for queue in ["{ ref: orders }", "1"] {
            let shop = open(rule);
            write_queue(&shop, "present", 10);
            write_binding(&shop, "present", queue);
            shop.workspace.expect(0, &["apply", "--auto-approve", "--trust-empty"]);
            write_queue(&shop, "present", 99);
            for selected in [&[][..], &["config/queue.yaml"]] {
                let ran = shop.workspace.expect(3, &[&REPLACE[..], selected].concat());
                ran.says(&["replacement-blocked", "`own` is a child of this object"]);
                assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
            }
            // a child that is to be deleted goes first, in a run of its own
            write_binding(&shop, "absent", queue);
            let ran = shop.workspace.expect(3, &[&REPLACE[..], &["config/queue.yaml"]].concat());
            ran.says(&["replacement-blocked"]);
            assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
            shop.workspace.expect(0, &[&DELETE[..], &["config/binding.yaml"]].concat());
            shop.sandbox.clear_log();
            shop.workspace.expect(0, &[&REPLACE[..], &["config/queue.yaml"]].concat());
            assert_eq!(requests(&shop).len(), 2, "{:?}", requests(&shop));
        }
    }
}

#[test]
fn a_parent_is_not_deleted_while_it_has_children() {
    for queue in ["{ ref: orders }", "1"] {
        let shop = open("delete_then_create");
        write_queue(&shop, "present", 10);
        write_binding(&shop, "present", queue);
        shop.workspace.expect(0, &["apply", "--auto-approve", "--trust-empty"]);
        write_queue(&shop, "absent", 10);
        for selected in [&[][..], &["config/queue.yaml"]] {
            let ran = shop.workspace.run(&[&DELETE[..], selected].concat());
            assert_ne!(ran.code, Some(0), "{}", ran.all());
            ran.says(&["dependency-blocked", "`own` is a child of this object"]);
            assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
        }
        // a child that is left out stays as well, until it is deleted
        write_binding(&shop, "absent", queue);
        let ran = shop.workspace.expect(3, &[&DELETE[..], &["config/queue.yaml"]].concat());
        ran.says(&["dependency-blocked", "select it too"]);
        assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
        // and where its delete fails
        shop.sandbox.add_fault(trueup::sandbox::SandboxFault::parse_fault("DELETE:422:1").expect("a fault"));
        shop.workspace.run(&DELETE);
        assert_eq!(requests(&shop), ["DELETE /hosts/main/queues/1/bindings/a"]);
        shop.sandbox.clear_log();
        shop.workspace.expect(0, &DELETE);
        let deletes = ["DELETE /hosts/main/queues/1/bindings/a", "DELETE /hosts/main/queues/1"];
        assert_eq!(requests(&shop), deletes);
    }
}

#[test]
fn a_child_to_be_deleted_whose_parent_has_no_document_is_left_alone() {
    let shop = open("delete_then_create");
    write_queue(&shop, "present", 10);
    write_binding(&shop, "present", "{ ref: orders }");
    shop.workspace.expect(0, &["apply", "--auto-approve", "--trust-empty"]);
    shop.sandbox.clear_log();
    shop.workspace.remove("config/queue.yaml");
    write_binding(&shop, "absent", "{ ref: orders }");
    let selected = [&DELETE[..], &["config/binding.yaml"]].concat();
    let narrowed = shop.workspace.run(&selected);
    narrowed.says(&["reference-unread", "`trueup validate` lists them"]);
    shop.workspace.expect(1, &DELETE).complains(&["no document of kind `broker/queue`"]);
    assert_eq!(requests(&shop), [""; 0]);
    // with a document of the parent it is deleted
    write_queue(&shop, "present", 10);
    shop.workspace.expect(0, &selected);
    assert_eq!(requests(&shop), ["DELETE /hosts/main/queues/1/bindings/a"]);
}
