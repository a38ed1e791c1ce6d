//! What is shown of a file is what the run that wrote it said, in every format; a format that says nothing of a
//! command is wrong usage.

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

use crate::estate::Estate;

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

/// Three objects: one differs, one may not be changed, one is as wanted.
fn estate() -> Estate {
    let mut estate = Estate::new("carrierx/partner", 3, Json);
    estate.documents[0].document["spec"]["company_name"] = json!("Grand Marais");
    estate.documents[1].document["spec"]["login"] = json!("another");
    estate.write();
    estate
}

/// `--report` for each format, into a folder.
fn reports(folder: &str) -> String {
    FORMATS.map(|format| format!("{format}={folder}/{format}")).join(",")
}

#[test]
fn a_plan_is_shown_as_it_was_told_in_every_format() {
    let estate = estate();
    let code = estate.desk.run(&["plan", "-o", "plan.json", "--report", &reports("told")]).code;
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    estate.desk.expect(0, &["show", "plan.json", "--report", &reports("shown")]);
    for format in FORMATS {
        let (told, shown) =
            (estate.desk.read(&format!("told/{format}")), estate.desk.read(&format!("shown/{format}")));
        assert_eq!(told, shown, "{format}");
    }
    let changes: Value = serde_json::from_str(&estate.desk.read("shown/gitlab-changes")).expect("JSON");
    assert_eq!(changes["update"], 1);
    // a report on stdout takes the place of the text
    let ran = estate.desk.expect(0, &["show", "plan.json", "--report", "markdown=-"]);
    assert_eq!(ran.out, estate.desk.read("told/markdown"));
}

#[test]
fn a_receipt_is_shown_as_the_apply_was_told_in_every_format() {
    let estate = estate();
    estate.desk.run(&["apply", "--auto-approve", "--report", &reports("told")]);
    let receipts = std::fs::read_dir(estate.desk.path(".trueup/receipts")).expect("receipts");
    let receipt = receipts.map(|entry| entry.expect("an entry").path()).next().expect("a receipt");
    let receipt = receipt.display().to_string();
    estate.desk.expect(0, &["show", &receipt, "--report", &reports("shown")]);
    for format in FORMATS.into_iter().filter(|format| !["text", "json"].contains(format)) {
        let (told, shown) =
            (estate.desk.read(&format!("told/{format}")), estate.desk.read(&format!("shown/{format}")));
        assert_eq!(told, shown, "{format}");
        assert!(format == "gitlab-changes" || told.contains("o-0001"), "{format}: {told}");
    }
    let told: Value = serde_json::from_str(&estate.desk.read("told/json")).expect("JSON");
    let shown: Value = serde_json::from_str(&estate.desk.read("shown/json")).expect("JSON");
    assert_eq!((&shown["results"], &shown["trueup_receipt"]), (&told, &json!(1)), "the receipt holds more");
    assert!(estate.desk.read("shown/text").contains("1 request"), "{}", estate.desk.read("shown/text"));
}

#[test]
fn a_file_that_cannot_be_shown_leaves_why_in_the_reports() {
    let estate = estate();
    estate.desk.write("odd.json", "{}");
    let ran = estate.desk.expect(1, &["show", "odd.json", "--format", "json", "--report", "markdown=a.md"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "unknown-file", "{}", ran.all());
    assert!(estate.desk.read("a.md").contains("unknown-file"));
}

#[test]
fn a_job_is_told_of_a_file_when_it_asks() {
    let mut estate = estate();
    estate.desk.run(&["plan", "-o", "plan.json"]);
    estate.desk.set("GITHUB_ACTIONS", "true");
    estate.desk.set("GITHUB_STEP_SUMMARY", estate.desk.path("summary.md").to_string_lossy());
    let quiet = estate.desk.expect(0, &["show", "plan.json"]);
    assert!(!quiet.err.contains("::error") && !estate.desk.path("summary.md").exists(), "{}", quiet.all());
    estate.desk.expect(0, &["show", "plan.json", "--ci", "github"]).complains(&["::error title="]);
    assert!(estate.desk.read("summary.md").starts_with("<!-- trueup:plan -->"));
}

#[test]
fn a_format_that_says_nothing_of_a_command_is_wrong_usage() {
    let estate = estate();
    estate.desk.run(&["plan", "-o", "plan.json"]);
    let nothing = [("validate", "gitlab-changes"), ("drift", "gitlab-changes")];
    for command in [&["validate"][..], &["plan"], &["apply"], &["drift"], &["show", "plan.json"]] {
        for format in FORMATS {
            let _ = std::fs::remove_file(estate.desk.path("out"));
            let ran = estate.desk.run(&[command, &["--report", &format!("{format}=out")]].concat());
            let is_wrong = nothing.contains(&(command[0], format));
            assert_eq!(ran.code == Some(64), is_wrong, "{command:?} {format}\n{}", ran.all());
            assert_eq!(estate.desk.path("out").exists(), !is_wrong, "{command:?} {format}\n{}", ran.all());
            if is_wrong {
                ran.complains(&["`gitlab-changes` has no meaning", command[0], "--report gitlab=FILE"]);
            }
        }
    }
}
