//! Values about persons: short names under a key everywhere, the values themselves on a terminal that asks for
//! them and nowhere else.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;
use trueup::plan::digest;
use trueup::value::Value;

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::workspace::ProgramOutput;

const SAME: &str = "jo.doe@example.com";
const OTHER: &str = "al.roe@example.net";
/// Every way in which a report is written to a file.
const FILES: &str = "text=out/t,json=out/j,markdown=out/m,github=out/g,github-summary=out/y,gitlab=out/l,\
                     gitlab-changes=out/c,sarif=out/s,junit=out/u,html=out/h";

/// Three partners, two of which are to get the same address.
fn phone_list() -> SandboxFixture {
    let mut fixture = SandboxFixture::new("carrierx/partner", 3, WireFormat::Json);
    for (number, address) in [SAME, SAME, OTHER].into_iter().enumerate() {
        fixture.documents[number].document["spec"]["owner_email"] = json!(address);
    }
    fixture.documents[0].document["spec"]["phonenumber"] = json!("12185554711");
    fixture.write();
    fixture
}

fn show_domains(fixture: &SandboxFixture) {
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.workspace.write("trueup.yaml", &format!("{settings}mail_domains: show\n"));
}

/// What a plan shows of a field, object by object: before and after.
fn sides(report: &Json, field: &str) -> Vec<(Json, Json)> {
    let fields = |change: &Json| change["fields"].as_array().expect("fields").clone();
    let changes = report["changes"].as_array().expect("changes");
    let own = changes.iter().flat_map(fields).filter(|own| own["path"] == json!(format!("/{field}")));
    own.map(|own| (own["before"].clone(), own["after"].clone())).collect()
}

fn name(side: &Json) -> String {
    assert_eq!(side["personal"], "changed", "{side}");
    side["pseudonym"].as_str().unwrap_or_else(|| panic!("no short name: {side}")).to_owned()
}

fn names(fixture: &SandboxFixture) -> Vec<String> {
    let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
    sides(&report, "owner_email").iter().map(|(_, after)| name(after)).collect()
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Keys that only their owner may read.
fn write_key(fixture: &SandboxFixture, text: &str) {
    fixture.workspace.write(".trueup/key", text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(fixture.workspace.path(".trueup/key"), private).expect("a mode");
    }
}

#[test]
fn the_same_value_has_the_same_name_in_every_run_of_a_workspace() {
    let fixture = phone_list();
    let own = names(&fixture);
    assert_eq!(own.len(), 3);
    assert!(own[0] == own[1] && own[0] != own[2], "{own:?}");
    assert!(own.iter().all(|name| name.len() == 9 && name.starts_with('~')), "{own:?}");
    assert_eq!(names(&fixture), own);
    fixture.workspace.remove(".trueup/key");
    assert_ne!(names(&fixture), own, "another key, other names");
}

#[test]
fn a_name_shows_where_the_value_would() {
    let fixture = phone_list();
    show_domains(&fixture);
    let ran = fixture.workspace.expect(0, &["plan", "--ci=github", "--report", FILES]);
    let own = names(&fixture);
    assert!(own[0].ends_with("@example.com") && own[2].ends_with("@example.net"), "{own:?}");
    let line = |out: &str| out.lines().find(|line| line.contains("owner_email")).expect("a line").to_owned();
    assert!(line(&ran.out).contains(&format!("-> {}  (personal)", own[0])), "{}", ran.all());
    for file in ["out/t", "out/j", "out/m", "out/h"] {
        assert!(fixture.workspace.read(file).contains(&own[0]), "{file}");
    }
    for (path, bytes) in fixture.workspace.files() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let ours = path.to_string_lossy().contains("config");
        assert!(ours || !(text.contains("jo.doe") || text.contains("12185554711")), "{}", path.display());
    }
    assert!(!ran.all().contains("jo.doe") && !ran.all().contains("12185554711"));
}

#[test]
fn where_no_key_can_be_kept_persons_are_masked() {
    let mut fixture = phone_list();
    let masked = |fixture: &SandboxFixture| {
        let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
        sides(&report, "owner_email").iter().all(|(_, after)| *after == json!({ "personal": "changed" }))
    };
    fixture.workspace.set("CI", "true");
    assert!(masked(&fixture) && !fixture.workspace.read(".trueup/key").contains("names:"));
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "of the operators");
    assert!(!masked(&fixture), "a key that is named serves on CI too");
    fixture.workspace.unset("TRUEUP_DIGEST_KEY");
    fixture.workspace.unset("CI");
    write_key(&fixture, "names: of the operators\n");
    assert!(!masked(&fixture), "a key that is there serves");
}

#[test]
fn whoever_has_no_key_cannot_try_values_until_one_fits() {
    let mut fixture = phone_list();
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "of the operators");
    let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
    let published = name(&sides(&report, "phonenumber")[0].1);
    let numbers = || (0..10_000).map(|number| format!("1218555{number:04}"));
    let under = |key: &[u8]| -> BTreeSet<String> {
        numbers().map(|number| digest::derive_pseudonym(&Value::from_text(number), key)).collect()
    };
    assert!(under(b"of the operators").contains(&published), "with the key it is found");
    for key in ["", "trueup", "names.key", "of the operator"] {
        assert!(!under(key.as_bytes()).contains(&published), "{key}");
    }
}

#[test]
fn a_look_binds_no_saved_plan_to_this_machine() {
    let fixture = phone_list();
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    let plan: Json = serde_json::from_str(&fixture.workspace.read("plan.json")).expect("JSON");
    assert!(plan["seal"]["keyed"] == json!(false) && plan["pseudonyms"].is_string(), "{plan:#}");
    std::fs::remove_dir_all(fixture.workspace.path(".trueup")).expect("what this machine keeps");
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["3 done"]);
}

#[test]
fn three_columns_tell_who_was_moved() {
    for same_machine in [true, false] {
        let mut fixture = phone_list();
        fixture.workspace.set("TRUEUP_DIGEST_KEY", "of the operators");
        let before = names(&fixture)[0].clone();
        fixture.workspace.unset("TRUEUP_DIGEST_KEY");
        write_key(&fixture, "of the operators");
        fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
        if !same_machine {
            write_key(&fixture, "of the operators\nnames: of somebody else");
        }
        fixture.edit(0, json!({ "owner_email": OTHER }));
        let ran = fixture.workspace.run(&["apply", "plan.json", "--auto-approve", "--format", "json"]);
        assert_eq!(ran.code, Some(4), "{}", ran.all());
        let results = ran.json()["results"].as_array().expect("results").clone();
        let columns = results.iter().filter_map(|own| own["conflicts"].as_array()).flatten();
        let own: Vec<&Json> = columns.filter(|own| own["path"] == "/owner_email").collect();
        match own.as_slice() {
            [own] if same_machine => {
                assert_eq!(name(&own["desired"]), before);
                assert!(name(&own["planned"]) != name(&own["now"]), "{own:#}");
            }
            // names under two keys tell nothing of each other
            [] if !same_machine => {}
            _ => panic!("{}", ran.all()),
        }
    }
}

#[test]
fn nothing_is_revealed_but_to_a_terminal() {
    let fixture = phone_list();
    let hidden = |ran: &ProgramOutput| assert!(!ran.all().contains("jo.doe"), "{}", ran.all());
    for arguments in [
        &["plan", "--reveal"][..],
        &["plan", "--reveal", "--format", "json"],
        &["plan", "--reveal", "--report", "json=-"],
        &["drift", "--reveal"],
        &["apply", "--reveal", "--auto-approve"],
    ] {
        let ran = fixture.workspace.expect(64, arguments);
        ran.complains(&["`--reveal` needs a terminal, and stdout is not one"]);
        hidden(&ran);
    }
    assert!(fixture.writes().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_asks_sees_persons_and_no_file_does() {
    use crate::support::workspace::RunningProgram;

    let fixture = phone_list();
    let on_terminal = |fixture: &SandboxFixture, arguments: &[&str]| {
        RunningProgram::start(&mut fixture.workspace.command_on_terminal(arguments)).finish()
    };
    let shown = |ran: &ProgramOutput| {
        let said = without_blanks(&ran.out);
        assert!(said.contains("jo.doe@example.com") && said.contains("12185554711"), "{}", ran.all());
    };
    let ran = on_terminal(&fixture, &["plan", "--reveal", "-o", "plan.json", "--report", FILES]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    shown(&ran);
    shown(&on_terminal(&fixture, &["drift", "--reveal", "--color", "never"]));
    for arguments in
        [&["plan", "--reveal", "--format", "json"][..], &["plan", "--reveal", "--report", "text=-"]]
    {
        let ran = on_terminal(&fixture, arguments);
        assert!(ran.code == Some(64) && !ran.out.contains("jo.doe"), "{}", ran.all());
    }
    // without the flag a terminal is shown what everybody is
    let ran = on_terminal(&fixture, &["plan"]);
    assert!(!ran.out.contains("jo.doe") && ran.out.contains('~'), "{}", ran.all());
    shown(&on_terminal(&fixture, &["apply", "--reveal", "--auto-approve"]));
    for (path, bytes) in fixture.workspace.files() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let ours = path.to_string_lossy().contains("config");
        assert!(ours || !(text.contains("jo.doe") || text.contains("12185554711")), "{}", path.display());
    }
}
