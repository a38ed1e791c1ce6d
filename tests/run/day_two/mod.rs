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
    ran.says(&["stale-plan\n", "the object changed since the review", "Plan again and review the new plan."]);
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
