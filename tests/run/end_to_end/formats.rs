//! What stands on stdout and what on stderr: one document on the one, everything else on the other; JSON that
//! fits its schema; styles only where they are wanted; the same bytes whatever the timing.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::workspace::{ProgramOutput, RunningProgram};

const ESCAPE: char = '\u{1b}';

/// A few partners: one differs, one is refused, the rest is unchanged.
fn mixed() -> SandboxFixture {
    let mut fixture = SandboxFixture::new("carrierx/partner", 4, Json);
    fixture.documents[0].document["spec"]["company_name"] = json!("Example \u{1b}[31m & Sons");
    fixture.documents[1].document["spec"]["country_code"] = json!("CAN");
    fixture.write();
    fixture
}

/// Fails unless stdout is one JSON document that fits the published schema.
fn fits(ran: &ProgramOutput, schema: &str) -> Value {
    let document = ran.json();
    assert!(ran.out.ends_with("}\n") && !ran.out.contains(ESCAPE), "{}", ran.all());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(schema);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let url = "https://schemas.test/schema.json";
    compiler.add_resource(url, serde_json::from_str(&text).expect("a schema")).expect("a schema");
    let index = compiler.compile(url, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    schemas.validate(&document, index).unwrap_or_else(|error| panic!("{schema}: {error:#}\n{}", ran.all()));
    document
}

/// A runner of GitHub Actions takes lines for commands: `::` at their start, `##[` anywhere.
#[test]
fn nothing_from_outside_commands_a_runner() {
    let mut fixture = mixed();
    fixture.workspace.set("GITHUB_ACTIONS", "true");
    let names = ["::set-output name=a::b", "x ##[add-mask]y"];
    for (one, name) in fixture.documents.iter_mut().zip(names) {
        one.document["name"] = json!(name);
        one.document["spec"]["company_name"] = json!(format!("{name}\n::add-mask::z"));
    }
    fixture.write();
    let commands = |said: &str| {
        let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
        said.lines().filter(is_command).map(str::to_owned).collect::<Vec<_>>()
    };
    for command in [&["plan"][..], &["drift"], &["validate"], &["apply", "--auto-approve"]] {
        for format in ["text", "json", "markdown", "html", "junit", "sarif", "gitlab", "github-summary"] {
            let report = format!("--report={format}=-");
            let ran = fixture.workspace.run(&[command, &["--ci=none", "-vv", &report]].concat());
            assert!(ran.code.is_some_and(|code| code != 64), "{}", ran.all());
            let said = commands(&format!("{}\n{}", ran.out, ran.err));
            assert!(said.is_empty(), "{command:?} {format}: {said:#?}");
        }
        let ran = fixture.workspace.run(&[command, &["--ci=none", "--format", "json"]].concat());
        assert_eq!(commands(&ran.out), Vec::<String>::new());
        if command[0] != "validate" {
            assert!(ran.json().to_string().contains(names[1]), "the text that is meant is the same");
        }
    }
}

#[test]
fn a_plan_is_one_document_that_fits_its_schema() {
    let fixture = mixed();
    let ran = fixture.workspace.expect(3, &["plan", "--format", "json", "--color", "always"]);
    let report = fits(&ran, "report.json");
    assert_eq!(
        report["summary"],
        json!({ "create": 0, "update": 1, "delete": 0, "unchanged": 2, "refused": 1, "unread": 0 })
    );
    let change = &report["changes"][0]["fields"][0];
    assert_eq!((&change["path"], &change["before"]), (&json!("/company_name"), &json!("Example Freight")));
    let place = (change["line"].as_u64().expect("a line"), change["column"].as_u64().expect("a column"));
    let text = fixture.workspace.read("config/000.yaml");
    let line = text.lines().nth(place.0 as usize - 1).expect("the line");
    assert!(line[..place.1 as usize - 1].contains("company_name: "), "{line}");
    // what is refused is said to people as well
    ran.complains(&["country_code"]);
}

#[test]
fn a_plan_of_a_faulty_workspace_is_one_document_too() {
    let fixture = mixed();
    fixture.workspace.write("config/zz.yaml", "kind: carrierx/partner\nname: zz\nspec: { lgoin: zz }\n");
    let ran = fixture.workspace.expect(1, &["plan", "--format", "json"]);
    let report = fits(&ran, "report.json");
    assert_eq!(report["complete"], json!(false));
    assert_eq!(report["diagnostics"][0]["code"], "no-identity");
    assert_eq!(report["diagnostics"][1]["code"], "unknown-field");
    ran.complains(&["unknown-field"]);

    fixture.workspace.remove("trueup.yaml");
    let ran = fixture.workspace.expect(1, &["plan", "--format", "json"]);
    assert_eq!(fits(&ran, "report.json")["diagnostics"][0]["code"], "no-workspace");
}

#[test]
fn a_check_is_one_document() {
    let fixture = mixed();
    let ran = fixture.workspace.expect(0, &["validate", "--format", "json"]);
    assert_eq!(fits(&ran, "validate.json")["documents"], json!(4));
    fixture.workspace.write("config/zz.yaml", "kind: carrierx/partnr\nname: zz\nspec: { lgoin: zz }\n");
    let ran = fixture.workspace.expect(1, &["validate", "--format", "json"]);
    let report = fits(&ran, "validate.json");
    assert_eq!(report["diagnostics"][0]["code"], "unknown-kind");
    assert_eq!(report["diagnostics"][0]["line"], json!(1));
}

#[test]
fn an_apply_is_one_document_whatever_comes_of_it() {
    let fixture = mixed();
    let apply = ["apply", "--format", "json"];
    let report = fits(&fixture.workspace.expect(3, &apply), "apply.json");
    assert_eq!(report["diagnostics"][0]["code"], "no-terminal");
    assert_eq!(report["summary"]["not_started"], json!(1));
    assert_eq!(report["results"].as_array().map(Vec::len), Some(4));

    let apply = ["apply", "--format", "json", "--auto-approve"];
    fixture.fail("PATCH:400:1");
    let report = fits(&fixture.workspace.expect(1, &apply), "apply.json");
    assert_eq!(report["results"][0]["result"], "failed");

    let report = fits(&fixture.workspace.expect(4, &apply), "apply.json");
    let words: Vec<&str> =
        report["results"].as_array().expect("results").iter().filter_map(|r| r["result"].as_str()).collect();
    assert_eq!(words, ["done", "refused", "unchanged", "unchanged"]);

    fixture.workspace.write("config/zz.yaml", "oops\n");
    let report = fits(&fixture.workspace.expect(1, &apply), "apply.json");
    assert_eq!(report["diagnostics"][0]["code"], "wrong-type");
}

#[test]
fn what_is_said_besides_goes_to_stderr_and_changes_nothing() {
    let fixture = mixed();
    for format in ["text", "json"] {
        let plain = fixture.workspace.expect(3, &["plan", "--format", format]);
        let requested = fixture.sandbox.read_log().len();
        let loud = fixture.workspace.expect(3, &["-vv", "--format", format, "plan"]);
        assert_eq!(plain.out, loud.out, "flags in any position, logs beside");
        let lines = loud.err.lines().filter(|line| line.contains("DEBUG answer")).count();
        assert_eq!(
            lines,
            fixture.sandbox.read_log().len() - requested,
            "one line for each request\n{}",
            loud.err
        );
        assert!(!plain.err.contains("DEBUG"));
    }
    let some = fixture.workspace.expect(3, &["plan", "-v"]);
    some.complains(&["reading objects=4"]);
    assert!(!some.err.contains("DEBUG"));
}

#[test]
fn quiet_is_quiet() {
    let fixture = mixed();
    let ran = fixture.workspace.expect(3, &["plan", "--quiet"]);
    assert!(ran.err.is_empty() && !ran.out.is_empty(), "{}", ran.all());
    let ran = fixture.workspace.expect(4, &["apply", "--quiet", "--auto-approve", "--format", "json"]);
    assert!(ran.err.is_empty(), "{}", ran.all());
}

#[test]
fn styles_are_there_only_when_wanted() {
    let mut fixture = mixed();
    let styled = |fixture: &SandboxFixture, arguments: &[&str]| {
        let ran = fixture.workspace.run(&[arguments, &["plan", "-vv"]].concat());
        assert_eq!(ran.code, Some(3));
        // what a value brings along never reaches the terminal
        assert!(!ran.out.contains("\u{1b}[31m & Sons"), "{}", ran.all());
        (ran.out.contains(ESCAPE), ran.err.contains(ESCAPE))
    };
    assert_eq!(styled(&fixture, &[]), (false, false), "a pipe is no terminal");
    assert_eq!(styled(&fixture, &["--color", "always"]), (true, true));
    assert_eq!(styled(&fixture, &["--color", "never"]), (false, false));
    fixture.workspace.set("NO_COLOR", "1");
    assert_eq!(styled(&fixture, &[]), (false, false));
    assert_eq!(styled(&fixture, &["--color", "always"]), (true, true), "what is typed wins");
    fixture.workspace.unset("NO_COLOR");
    fixture.workspace.set("TRUEUP_COLOR", "always");
    assert_eq!(styled(&fixture, &[]), (true, true));
    // without its styles the text is the same
    let plain = fixture.workspace.run(&["plan", "--color", "never"]).out;
    let coloured = fixture.workspace.run(&["plan"]).out;
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn every_flag_has_a_variable() {
    let mut fixture = mixed();
    fixture.workspace.set("TRUEUP_FORMAT", "json");
    fixture.workspace.set("TRUEUP_DIRECTORY", fixture.workspace.root().display().to_string());
    let elsewhere = fixture.workspace.scratch().to_owned();
    let ran = RunningProgram::start(fixture.workspace.command(&["validate"]).current_dir(elsewhere)).finish();
    assert_eq!(ran.json()["documents"], json!(4));
}

#[test]
fn the_same_bytes_whatever_the_timing() {
    let mut fixture = SandboxFixture::new("carrierx/partner", 40, Json);
    fixture.vary(3, 1);
    let one = fixture.workspace.expect(0, &["plan", "--format", "json", "--parallelism", "1"]);
    let many = fixture.workspace.expect(0, &["plan", "--format", "json", "--parallelism", "16"]);
    assert_eq!(one.out, many.out);
    let order: Vec<String> = one.json()["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| change["name"].as_str().expect("a name").to_owned())
        .collect();
    assert!(order.is_sorted() && order.len() == 40, "{order:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut fixture = SandboxFixture::new("carrierx/partner", 200, Json);
    fixture.vary(1, 1);
    let mut child = fixture.workspace.command(&["plan"]).spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn completions_and_help_need_no_workspace() {
    let fixture = mixed();
    fixture.workspace.remove("trueup.yaml");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        fixture.workspace.expect(0, &["completions", shell]).says(&["COMPLETE", "trueup"]);
    }
}
