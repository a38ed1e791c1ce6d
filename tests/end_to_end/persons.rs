//! Values about persons: short names under a key everywhere, the values themselves on a terminal that asks for
//! them and nowhere else.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;
use trueup::plan::digest;
use trueup::value::Value;

use crate::desk::Ran;
use crate::estate::Estate;

const SAME: &str = "jo.doe@example.com";
const OTHER: &str = "al.roe@example.net";
/// Every way in which a report is written to a file.
const FILES: &str = "text=out/t,json=out/j,markdown=out/m,github=out/g,github-summary=out/y,gitlab=out/l,\
                     gitlab-changes=out/c,sarif=out/s,junit=out/u,html=out/h";

/// Three partners, two of which are to get the same address.
fn phone_list() -> Estate {
    let mut estate = Estate::new("carrierx/partner", 3, WireFormat::Json);
    for (number, address) in [SAME, SAME, OTHER].into_iter().enumerate() {
        estate.documents[number].document["spec"]["owner_email"] = json!(address);
    }
    estate.documents[0].document["spec"]["phonenumber"] = json!("12185554711");
    estate.write();
    estate
}

fn show_domains(estate: &Estate) {
    let settings = estate.desk.read("trueup.yaml");
    estate.desk.write("trueup.yaml", &format!("{settings}mail_domains: show\n"));
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

fn names(estate: &Estate) -> Vec<String> {
    let report = estate.desk.expect(0, &["plan", "--format", "json"]).json();
    sides(&report, "owner_email").iter().map(|(_, after)| name(after)).collect()
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn the_same_value_has_the_same_name_in_every_run_of_a_workspace() {
    let estate = phone_list();
    let own = names(&estate);
    assert_eq!(own.len(), 3);
    assert!(own[0] == own[1] && own[0] != own[2], "{own:?}");
    assert!(own.iter().all(|name| name.len() == 9 && name.starts_with('~')), "{own:?}");
    assert_eq!(names(&estate), own);
    estate.desk.remove(".trueup/names.key");
    assert_ne!(names(&estate), own, "another key, other names");
}

#[test]
fn a_name_shows_where_the_value_would() {
    let estate = phone_list();
    show_domains(&estate);
    let ran = estate.desk.expect(0, &["plan", "--ci=github", "--report", FILES]);
    let own = names(&estate);
    assert!(own[0].ends_with("@example.com") && own[2].ends_with("@example.net"), "{own:?}");
    let line = |out: &str| out.lines().find(|line| line.contains("owner_email")).expect("a line").to_owned();
    assert!(line(&ran.out).contains(&format!("-> {}  (personal)", own[0])), "{}", ran.all());
    for file in ["out/t", "out/j", "out/m", "out/h"] {
        assert!(estate.desk.read(file).contains(&own[0]), "{file}");
    }
    for (path, bytes) in estate.desk.files() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let ours = path.to_string_lossy().contains("config");
        assert!(ours || !(text.contains("jo.doe") || text.contains("12185554711")), "{}", path.display());
    }
    assert!(!ran.all().contains("jo.doe") && !ran.all().contains("12185554711"));
}

#[test]
fn where_no_key_can_be_kept_persons_are_masked() {
    let mut estate = phone_list();
    let masked = |estate: &Estate| {
        let report = estate.desk.expect(0, &["plan", "--format", "json"]).json();
        sides(&report, "owner_email").iter().all(|(_, after)| *after == json!({ "personal": "changed" }))
    };
    estate.desk.set("CI", "true");
    assert!(masked(&estate) && !estate.desk.path(".trueup/names.key").exists());
    estate.desk.set("TRUEUP_DIGEST_KEY", "of the operators");
    assert!(!masked(&estate), "a key that is named serves on CI too");
    estate.desk.unset("TRUEUP_DIGEST_KEY");
    estate.desk.unset("CI");
    std::fs::create_dir_all(estate.desk.path(".trueup/names.key")).expect("a folder in the way");
    assert!(masked(&estate));
}

#[test]
fn whoever_has_no_key_cannot_try_values_until_one_fits() {
    let mut estate = phone_list();
    estate.desk.set("TRUEUP_DIGEST_KEY", "of the operators");
    let report = estate.desk.expect(0, &["plan", "--format", "json"]).json();
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
    let estate = phone_list();
    estate.desk.expect(0, &["plan", "-o", "plan.json"]);
    let plan: Json = serde_json::from_str(&estate.desk.read("plan.json")).expect("JSON");
    assert!(plan["seal"]["keyed"] == json!(false) && plan["pseudonyms"].is_string(), "{plan:#}");
    std::fs::remove_dir_all(estate.desk.path(".trueup")).expect("what this machine keeps");
    estate.desk.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["3 done"]);
}

#[test]
fn three_columns_tell_who_was_moved() {
    for same_machine in [true, false] {
        let mut estate = phone_list();
        estate.desk.set("TRUEUP_DIGEST_KEY", "of the operators");
        let before = names(&estate)[0].clone();
        estate.desk.unset("TRUEUP_DIGEST_KEY");
        estate.desk.write(".trueup/key", "of the operators");
        estate.desk.expect(0, &["plan", "-o", "plan.json"]);
        if !same_machine {
            estate.desk.write(".trueup/names.key", "of somebody else");
        }
        estate.edit(0, json!({ "owner_email": OTHER }));
        let ran = estate.desk.run(&["apply", "plan.json", "--auto-approve", "--format", "json"]);
        assert_eq!(ran.code, Some(4), "{}", ran.all());
        let results = ran.json()["results"].as_array().expect("results").clone();
        let columns = results.iter().filter_map(|own| own["moved"].as_array()).flatten();
        let own: Vec<&Json> = columns.filter(|own| own["path"] == "/owner_email").collect();
        match own.as_slice() {
            [own] if same_machine => {
                assert_eq!(name(&own["wanted"]), before);
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
    let estate = phone_list();
    let hidden = |ran: &Ran| assert!(!ran.all().contains("jo.doe"), "{}", ran.all());
    for arguments in [
        &["plan", "--reveal"][..],
        &["plan", "--reveal", "--format", "json"],
        &["plan", "--reveal", "--report", "json=-"],
        &["drift", "--reveal"],
        &["apply", "--reveal", "--auto-approve"],
    ] {
        let ran = estate.desk.expect(64, arguments);
        ran.complains(&["`--reveal` shows personal values on a terminal only"]);
        hidden(&ran);
    }
    assert!(estate.writes().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_asks_sees_persons_and_no_file_does() {
    use crate::desk::Running;

    let estate = phone_list();
    let on_terminal = |estate: &Estate, arguments: &[&str]| {
        Running::start(&mut estate.desk.command_on_terminal(arguments)).finish()
    };
    let shown = |ran: &Ran| {
        let said = without_blanks(&ran.out);
        assert!(said.contains("jo.doe@example.com") && said.contains("12185554711"), "{}", ran.all());
    };
    let ran = on_terminal(&estate, &["plan", "--reveal", "-o", "plan.json", "--report", FILES]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    shown(&ran);
    shown(&on_terminal(&estate, &["drift", "--reveal", "--color", "never"]));
    for arguments in
        [&["plan", "--reveal", "--format", "json"][..], &["plan", "--reveal", "--report", "text=-"]]
    {
        let ran = on_terminal(&estate, arguments);
        assert!(ran.code == Some(64) && !ran.out.contains("jo.doe"), "{}", ran.all());
    }
    // without the flag a terminal is shown what everybody is
    let ran = on_terminal(&estate, &["plan"]);
    assert!(!ran.out.contains("jo.doe") && ran.out.contains('~'), "{}", ran.all());
    shown(&on_terminal(&estate, &["apply", "--reveal", "--auto-approve"]));
    for (path, bytes) in estate.desk.files() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let ours = path.to_string_lossy().contains("config");
        assert!(ours || !(text.contains("jo.doe") || text.contains("12185554711")), "{}", path.display());
    }
}
