//! The program writes reports beside stdout.

use crate::desk::Desk;

const SETTINGS: &str = "targets:\n  bay:\n    api: carrierx\n    base_url: http://127.0.0.1:9\n    auth: { basic: { username: { from_env: CREDENTIAL }, password: { from_env: CREDENTIAL } } }\n";

/// A workspace with a good document, a faulty one, and one that cannot be read, in one file.
fn faulty() -> Desk {
    let mut desk = Desk::new();
    desk.set("CREDENTIAL", "any");
    desk.write("trueup.yaml", SETTINGS);
    desk.write(
        "config/a.yaml",
        "kind: carrierx/partner\nname: good\nspec: { login: good, company_name: Good }\n---\nkind: carrierx/partner\nname: bad\nspec:\n  login: bad\n  no_such_field: 1\n---\nkind: nobody/nothing\nname: ugly\nspec: {}\n",
    );
    desk
}

#[test]
fn validate_writes_every_report_asked_for() {
    let desk = faulty();
    let ran = desk.expect(
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
    let text = desk.read("out/deep/a.md");
    assert!(text.contains("trueup validate: ") && text.contains("faulty"), "{text}");
    assert!(text.contains("<code>bad</code>") && !text.contains("<code>good</code>"), "{text}");
    // what stands behind the last good document is not put down to it
    assert!(text.contains("(`config/a.yaml:11:7`)"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&desk.read("a.json")).expect("JSON");
    assert!(json["diagnostics"].as_array().is_some_and(|all| all.len() >= 2), "{json}");
    assert!(!desk.read("a.txt").contains('\u{1b}'));
}

#[test]
fn a_report_on_stdout_moves_the_text_away() {
    let desk = faulty();
    let ran = desk.expect(1, &["validate", "--report", "markdown=-"]);
    assert!(ran.out.starts_with("<!-- trueup:validate -->\n"), "{}", ran.all());
    desk.expect(64, &["validate", "--format", "json", "--report", "markdown=-"])
        .complains(&["two documents"]);
    desk.expect(64, &["validate", "--report", "json=-", "--report", "markdown=-"]);
    desk.expect(64, &["validate", "--report", "nothing=a"]).complains(&["there is no format `nothing`"]);
    desk.expect(64, &["validate", "--report", "markdown"]).complains(&["FORMAT=FILE"]);
}

#[test]
fn a_run_that_fails_leaves_its_reports() {
    let desk = faulty();
    for command in ["plan", "apply"] {
        desk.expect(1, &[command, "--report", "markdown=a.md"]);
        let text = desk.read("a.md");
        assert!(text.contains(&format!("### trueup {command}")) && text.contains("no_such_field"), "{text}");
        desk.remove("a.md");
    }
}

#[test]
fn files_are_named_from_the_root_of_the_repository() {
    let desk = Desk::new();
    let inner = faulty();
    for (path, bytes) in inner.files() {
        let name = path.strip_prefix(inner.root()).expect("a file of the workspace");
        desk.write(&format!("deep/est/{}", name.display()), &String::from_utf8_lossy(&bytes));
    }
    desk.write(".git/HEAD", "ref: refs/heads/main\n");
    desk.expect(1, &["validate", "-C", "deep/est", "--report", "markdown=a.md"]);
    assert!(desk.read("a.md").contains("(`deep/est/config/a.yaml:11:7`)"), "{}", desk.read("a.md"));
}

#[test]
fn each_document_is_a_test_case() {
    let desk = faulty();
    desk.expect(1, &["validate", "--report", "junit=a.xml,sarif=a.sarif", "--report", "gitlab=a.json"]);
    let text = desk.read("a.xml");
    let xml = roxmltree::Document::parse(&text).expect("XML");
    let cases: Vec<(_, bool)> = xml
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .map(|case| {
            (case.attribute("name").unwrap_or(""), case.children().any(|c| c.has_tag_name("failure")))
        })
        .collect();
    assert_eq!(cases, [("good at bay", false), ("bad at bay", true), ("unknown-kind", true)], "{text}");
    assert!(desk.read("a.sarif").contains("no_such_field"));
}

#[test]
fn github_actions_is_found_by_its_environment() {
    let mut desk = faulty();
    let quiet = desk.expect(1, &["validate"]);
    assert!(!quiet.err.contains("::error"), "{}", quiet.all());
    desk.set("GITHUB_ACTIONS", "true");
    desk.set("GITHUB_STEP_SUMMARY", desk.path("summary.md").to_string_lossy().into_owned());
    desk.write("summary.md", "before\n");
    desk.expect(1, &["validate", "--ci", "none"]);
    assert_eq!(desk.read("summary.md"), "before\n");
    desk.expect(1, &["validate"])
        .complains(&["::error title=trueup%3A unknown-field,file=config/a.yaml,line=9,"]);
    let summary = desk.read("summary.md");
    assert!(summary.starts_with("before\n<!-- trueup:validate -->\n"), "{summary}");
    // what steps before have filled counts
    let full = "x".repeat((1 << 20) - 200);
    desk.write("summary.md", &full);
    desk.expect(1, &["validate"]);
    assert_eq!(desk.read("summary.md").len(), full.len());
}
