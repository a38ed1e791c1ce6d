//! What a shell is offered: commands, flags, and the values of the workspace; and the man pages.

use trueup::kind::WireFormat;

use crate::support::sandbox_fixture::SandboxFixture;

/// What a shell is offered after these words.
fn offered(fixture: &mut SandboxFixture, words: &[&str]) -> Vec<String> {
    fixture.workspace.set("COMPLETE", "fish");
    let line = [&["--", "trueup"][..], words].concat();
    let ran = fixture.workspace.expect(0, &line);
    fixture.workspace.unset("COMPLETE");
    let name = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    ran.out.lines().map(name).collect()
}

#[test]
fn values_of_the_workspace_are_offered() {
    let mut fixture = SandboxFixture::new("carrierx/partner", 2, WireFormat::Json);
    for (words, expected) in [
        (&["plan", "--kind", "carr"][..], &["carrierx/partner"][..]),
        (&["plan", "--target", ""], &["there"]),
        (&["drift", "--name", "o-"], &["o-0000", "o-0001"]),
        (&["import", "carr"], &["carrierx/partner"]),
        (&["explain", "stale-"], &["stale-plan"]),
        (&["init", "--api", "boot"], &["bootview"]),
        (&["compl"], &["completions"]),
    ] {
        assert_eq!(offered(&mut fixture, words), expected, "{words:?}");
    }
    assert!(offered(&mut fixture, &["apply", "--auto"]).contains(&"--auto-approve".to_owned()));
    // nothing is said about a workspace with errors
    fixture.workspace.write("trueup.yaml", "targets: [");
    assert!(offered(&mut fixture, &["plan", "--target", ""]).is_empty());
    assert!(fixture.sandbox.read_log().is_empty());
}

#[test]
fn environments_are_offered_wherever_one_is_named() {
    let mut fixture = SandboxFixture::new("carrierx/partner", 1, WireFormat::Json);
    let settings = "environments: { staging: {}, production: {} }\ntargets:\n  there: { api: carrierx, environment: staging }\n";
    fixture.workspace.write("trueup.yaml", settings);
    for command in ["plan", "apply", "drift", "render", "why", "undo"] {
        assert_eq!(offered(&mut fixture, &[command, "--env", ""]), ["production", "staging"], "{command}");
    }
    assert_eq!(offered(&mut fixture, &["import", "carrierx/partner", "--env", "st"]), ["staging"]);
    assert_eq!(offered(&mut fixture, &["why", "o-"]), ["o-0000"]);
    assert_eq!(offered(&mut fixture, &["forget", "--target", ""]), ["there"]);
    for flag in ["--from", "--to"] {
        assert_eq!(offered(&mut fixture, &["promote", flag, ""]), ["production", "staging"], "{flag}");
    }
}

#[test]
fn fields_are_offered_where_a_path_is_named() {
    let mut fixture = SandboxFixture::new("carrierx/partner", 2, WireFormat::Json);
    for command in ["accept", "promote"] {
        let fields = offered(&mut fixture, &[command, "--path", "company_"]);
        assert!(fields.contains(&"company_name".to_owned()), "{command} {fields:?}");
    }
    assert_eq!(offered(&mut fixture, &["why", "o-0001.company_na"]), ["o-0001.company_name"]);
    // the workspace that the line names
    fixture.workspace.write("empty/trueup.yaml", "targets:\n  other: { api: carrierx }\n");
    assert_eq!(offered(&mut fixture, &["-C", "empty", "plan", "--target", ""]), ["other"]);
    assert_eq!(offered(&mut fixture, &["plan", "--directory=empty", "--target", ""]), ["other"]);
}

#[test]
fn man_pages_are_written_for_every_command() {
    let fixture = SandboxFixture::new("carrierx/partner", 1, WireFormat::Json);
    fixture.workspace.expect(0, &["man"]).says(&[".TH trueup 1", "SUBCOMMANDS"]);
    fixture.workspace.expect(0, &["man", "-o", "man"]).says(&["man pages in"]);
    for page in ["trueup", "trueup-plan", "trueup-api-check", "trueup-doctor"] {
        assert!(fixture.workspace.read(&format!("man/{page}.1")).starts_with(".ie"), "{page}");
    }
    assert!(fixture.workspace.read("man/trueup-apply.1").contains("all\\-or\\-nothing"));
}
