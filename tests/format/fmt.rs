//! `trueup fmt`: the real program on files, and the layout of every YAML text of this repository.

use crate::support::workspace::Workspace;
use trueup::diagnostic::NamedSource;
use trueup::document::format::{FormatOutcome, format_source};

const BEFORE: &str = "\
# yaml-language-server: $schema=../schemas/document.json
name: a   # the key
kind: bootview/payment-gateway
spec:
    displayName: A  \n
    # of the fees
    convenienceFees:
    - { paymentType: CC, minRange: 0,
        maxRange: 1, feeAmount: 1 }
    -   paymentType: DC
        feeAmount: 1";
const AFTER: &str = "\
# yaml-language-server: $schema=../schemas/document.json
kind: bootview/payment-gateway
name: a   # the key
spec:
  displayName: A

  # of the fees
  convenienceFees:
    - { paymentType: CC, minRange: 0,
        maxRange: 1, feeAmount: 1 }
    - paymentType: DC
      feeAmount: 1
";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", "targets:\n    a: { api: bootview }\n");
    workspace.write("config/a.yaml", BEFORE);
    workspace.write("config/b.yaml", AFTER);
    workspace.write("policies/p.yaml", "format: 1 \n");
    workspace
}

#[test]
fn a_check_tells_and_changes_nothing_and_a_run_changes_what_was_reported() {
    let workspace = workspace();
    let ran = workspace.expect(2, &["fmt", "--check"]);
    assert_eq!(ran.out, "config/a.yaml\ntrueup.yaml\npolicies/p.yaml\n");
    ran.complains(&["3 of 4 files are not formatted", "run `trueup fmt`"]);
    assert_eq!(workspace.read("config/a.yaml"), BEFORE);
    let ran = workspace.expect(0, &["fmt", "config"]);
    assert_eq!(ran.out, "config/a.yaml\n");
    assert_eq!(workspace.read("config/a.yaml"), AFTER);
    workspace.expect(2, &["fmt", "--check"]);
    workspace.expect(0, &["fmt"]);
    assert_eq!(workspace.read("trueup.yaml"), "targets:\n  a: { api: bootview }\n");
    assert_eq!(workspace.expect(0, &["fmt", "--check"]).out, "");
}

#[test]
fn a_file_that_is_no_yaml_is_reported_without_its_lines_and_the_others_go_on() {
    let workspace = workspace();
    workspace.write("config/c.yaml", "spec: { merchantKey: hunter2\n");
    let ran = workspace.expect(1, &["fmt"]);
    ran.complains(&["yaml-syntax", "config/c.yaml"]);
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
    assert_eq!(workspace.read("config/a.yaml"), AFTER);
    workspace.expect(1, &["fmt", "nowhere"]).complains(&["no-such-path"]);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = workspace();
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(workspace.path("config/a.yaml"), mode(0o640)).expect("a mode");
    workspace.write("elsewhere.txt", BEFORE);
    std::os::unix::fs::symlink("../elsewhere.txt", workspace.path("config/link.yaml")).expect("a link");
    workspace.expect(0, &["fmt"]);
    let metadata = std::fs::metadata(workspace.path("config/a.yaml")).expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    assert!(workspace.path("config/link.yaml").is_symlink());
    assert_eq!(workspace.read("elsewhere.txt"), BEFORE, "nothing is written through a link");
}

#[test]
fn a_key_without_a_value_keeps_its_blanks() {
    for text in ["a: { b: c, d }\n", "a: { b }\n", "a: [{ b: }, { c }]\n"] {
        let outcome = format_source(&NamedSource::new("x.yaml", text), true);
        assert_eq!(outcome, FormatOutcome::Unchanged, "{text}");
    }
}

#[test]
fn every_text_of_this_repository_comes_out_once_and_for_all() {
    let (mut texts, mut changed, mut untouched) = (0, 0, Vec::new());
    for folder in ["tests", "examples", "src/kind/builtin"] {
        for entry in walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok) {
            let path = entry.path();
            if path.extension().is_none_or(|ending| ending != "yaml")
                || path.components().any(|p| p.as_os_str() == "node_modules")
            {
                continue;
            }
            let text = std::fs::read_to_string(path).expect("a text");
            texts += 1;
            match format_source(&NamedSource::new("x.yaml", text.as_str()), true) {
                FormatOutcome::Unchanged => {}
                FormatOutcome::Skipped => untouched.push(path.to_owned()),
                FormatOutcome::Changed(after) => {
                    changed += 1;
                    let again = format_source(&NamedSource::new("x.yaml", after.as_str()), true);
                    assert_eq!(again, FormatOutcome::Unchanged, "{}\n{after}", path.display());
                    let comments = |text: &str| text.matches('#').count();
                    assert_eq!(comments(&text), comments(&after), "{}", path.display());
                }
            }
        }
    }
    assert!(texts > 300 && changed > 0, "{texts} texts, {changed} changed");
    assert!(untouched.len() * 50 < texts, "left alone: {untouched:#?}");
}

#[test]
fn json_says_which_files_differ() {
    let workspace = workspace();
    let ran = workspace.run(&["fmt", "--check", "--format", "json"]);
    let report = ran.json();
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert_eq!(report["check"], true);
    assert!(report["changed"].as_array().is_some_and(|changed| !changed.is_empty()), "{report}");
    workspace.expect(0, &["fmt", "--format", "json"]).json();
    let report = workspace.expect(0, &["fmt", "--check", "--format", "json"]).json();
    assert_eq!(report["changed"], serde_json::json!([]));

    let report = workspace.expect(2, &["schema", "--check", "--format", "json"]).json();
    assert_eq!(report["changed"].as_array().map(Vec::len), report["total"].as_u64().map(|all| all as usize));
    workspace.expect(0, &["schema", "--format", "json"]).json();
    let report = workspace.expect(0, &["schema", "--check", "--format", "json"]).json();
    assert_eq!(report["changed"], serde_json::json!([]));
}
