//! Commands of day two: explanations, and what a new workspace and a new machine need.

mod completions;
mod machines;
#[cfg(unix)]
mod providers;

use crate::support::workspace::Workspace;

#[test]
fn a_code_is_explained_in_any_folder() {
    let workspace = Workspace::new();
    let ran = workspace.expect(0, &["explain", "stale-plan"]);
    ran.says(&[
        "CODE:   stale-plan\n\nMEANING:\n    The object",
        "\n\nEXAMPLE:\n    the object changed since the review\n",
        "\n\nWHAT TO DO:\n    Plan again and review the new plan.\n",
    ]);
    let widest = ran.out.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{}", ran.out);
    let entry = workspace.expect(0, &["explain", "stale-plan", "--format", "json"]).json();
    assert_eq!(entry["code"], "stale-plan");
    for member in ["meaning", "example", "remedy"] {
        assert!(entry[member].as_str().is_some_and(|text| text.len() > 10), "{member}: {entry}");
    }
    workspace
        .expect(1, &["explain", "stale-plam"])
        .complains(&["unknown-topic", "did you mean `stale-plan`?"]);
    workspace.expect(1, &["explain", "zzz"]).complains(&["unknown-kind"]);
}
