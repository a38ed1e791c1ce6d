//! The program writes reports beside stdout.

use crate::support::workspace::Workspace;

const SETTINGS: &str = "targets:\n  bay:\n    api: carrierx\n    base_url: http://127.0.0.1:9\n    auth: { basic: { username: { from_env: CREDENTIAL }, password: { from_env: CREDENTIAL } } }\n";

/// A workspace with a good document, a faulty one, and one that cannot be read, in one file.
fn faulty() -> Workspace {
    let mut workspace = Workspace::new();
    workspace.set("CREDENTIAL", "any");
    workspace.write("trueup.yaml", SETTINGS);
    workspace.write(
        "config/a.yaml",
        "kind: carrierx/partner\nname: good\nspec: { login: good, company_name: Good }\n---\nkind: carrierx/partner\nname: bad\nspec:\n  login: bad\n  no_such_field: 1\n---\nkind: nobody/nothing\nname: ugly\nspec: {}\n",
    );
    workspace
}

#[test]
fn validate_writes_every_report_asked_for() {
    let workspace = faulty();
    let ran = workspace.expect(
        1,
        &[
            "validate",
            "--report",
            "markdown=out/deep/a.md",
            "--report",
            "json=a.json",
            "--report",
            "text=a.txt",
        ],
    );
    assert!(ran.out.is_empty(), "{}", ran.all());
    let text = workspace.read("out/deep/a.md");
    assert!(text.contains("trueup validate: ") && text.contains("faulty"), "{text}");
    assert!(text.contains("<code>bad</code>") && !text.contains("<code>good</code>"), "{text}");
    // what stands behind the last good document is not put down to it
    assert!(text.contains("(`config/a.yaml:11:7`)"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&workspace.read("a.json")).expect("JSON");
    assert!(json["diagnostics"].as_array().is_some_and(|all| all.len() >= 2), "{json}");
    assert!(!workspace.read("a.txt").contains('\u{1b}'));
}

#[test]
fn a_report_on_stdout_moves_the_text_away() {
    let workspace = faulty();
    let ran = workspace.expect(1, &["validate", "--report", "markdown=-"]);
    assert!(ran.out.starts_with("<!-- trueup:validate -->\n"), "{}", ran.all());
    workspace
        .expect(64, &["validate", "--format", "json", "--report", "markdown=-"])
        .complains(&["only one document"]);
    workspace.expect(64, &["validate", "--report", "json=-", "--report", "markdown=-"]);
    workspace.expect(64, &["validate", "--report", "nothing=a"]).complains(&["unknown format `nothing`"]);
    workspace.expect(64, &["validate", "--report", "markdown"]).complains(&["FORMAT=FILE"]);
}

#[test]
fn a_run_that_fails_leaves_its_reports() {
    let workspace = faulty();
    for command in ["plan", "apply"] {
        workspace.expect(1, &[command, "--report", "markdown=a.md"]);
        let text = workspace.read("a.md");
        assert!(text.contains(&format!("### trueup {command}")) && text.contains("no_such_field"), "{text}");
        workspace.remove("a.md");
    }
}

#[test]
fn files_are_named_from_the_root_of_the_repository() {
    let workspace = Workspace::new();
    let inner = faulty();
    for (path, bytes) in inner.files() {
        let name = path.strip_prefix(inner.root()).expect("a file of the workspace");
        workspace.write(&format!("deep/est/{}", name.display()), &String::from_utf8_lossy(&bytes));
    }
    workspace.write(".git/HEAD", "ref: refs/heads/main\n");
    workspace.expect(1, &["validate", "-C", "deep/est", "--report", "markdown=a.md"]);
    assert!(workspace.read("a.md").contains("(`deep/est/config/a.yaml:11:7`)"), "{}", workspace.read("a.md"));
}

#[test]
fn each_document_is_a_test_case() {
    let workspace = faulty();
    workspace.expect(1, &["validate", "--report", "junit=a.xml,sarif=a.sarif", "--report", "gitlab=a.json"]);
    let text = workspace.read("a.xml");
    let xml = roxmltree::Document::parse(&text).expect("XML");
    let cases: Vec<(_, bool)> = xml
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .map(|case| {
            (case.attribute("name").unwrap_or(""), case.children().any(|c| c.has_tag_name("failure")))
        })
        .collect();
    assert_eq!(cases, [("good at bay", false), ("bad at bay", true), ("unknown-kind", true)], "{text}");
    assert!(workspace.read("a.sarif").contains("no_such_field"));
}

#[test]
fn github_actions_is_found_by_its_environment() {
    let mut workspace = faulty();
    let quiet = workspace.expect(1, &["validate"]);
    assert!(!quiet.err.contains("::error"), "{}", quiet.all());
    workspace.set("GITHUB_ACTIONS", "true");
    workspace.set("GITHUB_STEP_SUMMARY", workspace.path("summary.md").to_string_lossy().into_owned());
    workspace.write("summary.md", "before\n");
    workspace.expect(1, &["validate", "--ci", "none"]);
    assert_eq!(workspace.read("summary.md"), "before\n");
    workspace
        .expect(1, &["validate"])
        .complains(&["::error title=trueup%3A unknown-field,file=config/a.yaml,line=9,"]);
    let summary = workspace.read("summary.md");
    assert!(summary.starts_with("before\n<!-- trueup:validate -->\n"), "{summary}");
    // what steps before have filled counts
    let full = "x".repeat((1 << 20) - 200);
    workspace.write("summary.md", &full);
    workspace.expect(1, &["validate"]);
    assert_eq!(workspace.read("summary.md").len(), full.len());
}
