//! What is shown of a file is what the run that wrote it said, in every format; a format that says nothing of a
//! command is wrong usage.

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

use crate::support::sandbox_fixture::SandboxFixture;

const FORMATS: [&str; 10] = [
    "text",
    "json",
    "markdown",
    "github",
    "github-summary",
    "gitlab",
    "gitlab-changes",
    "sarif",
    "junit",
    "html",
];

/// Three objects: one differs, one may not be changed, one is unchanged.
fn fixture() -> SandboxFixture {
    let mut fixture = SandboxFixture::new("carrierx/partner", 3, Json);
    fixture.documents[0].document["spec"]["company_name"] = json!("Grand Marais");
    fixture.documents[1].document["spec"]["login"] = json!("another");
    fixture.write();
    fixture
}

/// `--report` for each format, into a folder.
fn reports(folder: &str) -> String {
    FORMATS.map(|format| format!("{format}={folder}/{format}")).join(",")
}

#[test]
fn a_plan_is_shown_as_it_was_reported_in_every_format() {
    let fixture = fixture();
    let code = fixture.workspace.run(&["plan", "-o", "plan.json", "--report", &reports("told")]).code;
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    fixture.workspace.expect(0, &["show", "plan.json", "--report", &reports("shown")]);
    for format in FORMATS {
        let (said, shown) = (
            fixture.workspace.read(&format!("told/{format}")),
            fixture.workspace.read(&format!("shown/{format}")),
        );
        assert_eq!(said, shown, "{format}");
    }
    let changes: Value = serde_json::from_str(&fixture.workspace.read("shown/gitlab-changes")).expect("JSON");
    assert_eq!(changes["update"], 1);
    // a report on stdout takes the place of the text
    let ran = fixture.workspace.expect(0, &["show", "plan.json", "--report", "markdown=-"]);
    assert_eq!(ran.out, fixture.workspace.read("told/markdown"));
}

#[test]
fn a_receipt_is_shown_as_the_apply_was_reported_in_every_format() {
    let fixture = fixture();
    fixture.workspace.run(&["apply", "--auto-approve", "--report", &reports("told")]);
    let receipts = std::fs::read_dir(fixture.workspace.path(".trueup/receipts")).expect("receipts");
    let receipt = receipts.map(|entry| entry.expect("an entry").path()).next().expect("a receipt");
    let receipt = receipt.display().to_string();
    fixture.workspace.expect(0, &["show", &receipt, "--report", &reports("shown")]);
    for format in FORMATS.into_iter().filter(|format| !["text", "json"].contains(format)) {
        let (said, shown) = (
            fixture.workspace.read(&format!("told/{format}")),
            fixture.workspace.read(&format!("shown/{format}")),
        );
        assert_eq!(said, shown, "{format}");
        assert!(format == "gitlab-changes" || said.contains("o-0001"), "{format}: {said}");
    }
    let said: Value = serde_json::from_str(&fixture.workspace.read("told/json")).expect("JSON");
    let shown: Value = serde_json::from_str(&fixture.workspace.read("shown/json")).expect("JSON");
    assert_eq!((&shown["results"], &shown["trueup_receipt"]), (&said, &json!(1)), "the receipt holds more");
    assert!(
        fixture.workspace.read("shown/text").contains("1 request"),
        "{}",
        fixture.workspace.read("shown/text")
    );
}

#[test]
fn a_file_that_cannot_be_shown_leaves_why_in_the_reports() {
    let fixture = fixture();
    fixture.workspace.write("odd.json", "{}");
    let ran =
        fixture.workspace.expect(1, &["show", "odd.json", "--format", "json", "--report", "markdown=a.md"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "unknown-file", "{}", ran.all());
    assert!(fixture.workspace.read("a.md").contains("unknown-file"));
}

#[test]
fn a_job_is_reported_of_a_file_when_it_asks() {
    let mut fixture = fixture();
    fixture.workspace.run(&["plan", "-o", "plan.json"]);
    fixture.workspace.set("GITHUB_ACTIONS", "true");
    fixture.workspace.set("GITHUB_STEP_SUMMARY", fixture.workspace.path("summary.md").to_string_lossy());
    let quiet = fixture.workspace.expect(0, &["show", "plan.json"]);
    assert!(
        !quiet.err.contains("::error") && !fixture.workspace.path("summary.md").exists(),
        "{}",
        quiet.all()
    );
    fixture.workspace.expect(0, &["show", "plan.json", "--ci", "github"]).complains(&["::error title="]);
    assert!(fixture.workspace.read("summary.md").starts_with("<!-- trueup:plan -->"));
}

#[test]
fn a_format_that_says_nothing_of_a_command_is_wrong_usage() {
    let fixture = fixture();
    fixture.workspace.run(&["plan", "-o", "plan.json"]);
    let nothing = [("validate", "gitlab-changes"), ("drift", "gitlab-changes")];
    for command in [&["validate"][..], &["plan"], &["apply"], &["drift"], &["show", "plan.json"]] {
        for format in FORMATS {
            let _ = std::fs::remove_file(fixture.workspace.path("out"));
            let ran = fixture.workspace.run(&[command, &["--report", &format!("{format}=out")]].concat());
            let is_wrong = nothing.contains(&(command[0], format));
            assert_eq!(ran.code == Some(64), is_wrong, "{command:?} {format}\n{}", ran.all());
            assert_eq!(
                fixture.workspace.path("out").exists(),
                !is_wrong,
                "{command:?} {format}\n{}",
                ran.all()
            );
            if is_wrong {
                ran.complains(&["`gitlab-changes` counts the changes", command[0], "--report gitlab=FILE"]);
            }
        }
    }
}
