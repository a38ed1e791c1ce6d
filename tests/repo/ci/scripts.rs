//! The scripts of the action with a program in the place of `trueup`: what they give it, and what they make of its
//! exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Notes its arguments, one a line. A plan of environment `E` ends with the code in `CODE_E`, and writes its report
/// unless `SILENT` names the environment; the report of `LONG_E` where that is set.
const PROGRAM: &str = r#"#!/usr/bin/env bash
printf '%s\n' "$@" >> "$CALLS"
case "$*" in "api repos/"*/actions/runs/*) echo 7; exit ;; esac
environment=all report="" command=""
while [ "$#" -gt 0 ]; do
  case "$1" in
    --env) environment=$2 ;;
    --report) report=${2#markdown=} ;;
    plan | drift | undo | apply) command=$1 ;;
  esac
  shift
done
if [ -z "$command" ]; then exit 0; fi
code="CODE_$environment"
if [ -n "$report" ] && [ "${SILENT:-}" != "$environment" ]; then echo "report of $environment" > "$report"; fi
long="LONG_$environment"
if [ -n "$report" ] && [ -n "${!long:-}" ]; then cp "${!long}" "$report"; fi
exit "${!code:-0}"
"#;

/// A script of the action in a folder with that program.
struct ScriptRun {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl ScriptRun {
    fn new(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["trueup", "gh"] {
            let path = folder.path().join(name);
            fs::write(&path, PROGRAM).expect("a program");
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { folder, variables: variables.iter().map(own).collect() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, script: &str) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command.env("PATH", format!("{}:{path}", self.folder.path().display()));
        for (name, file) in [("FOLDER", "out"), ("CALLS", "calls"), ("GITHUB_OUTPUT", "output")] {
            command.env(name, self.path(file));
        }
        command.env("GITHUB_REPOSITORY", "example/estate").env("DIRECTORY", ".").env("ID", "trueup");
        command.env("RUNNER_TEMP", self.folder.path()).env("RECEIPT_RUN", "7");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(["-e", "-c", script]).output().expect("a shell")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

/// Runs a script that ends well; what it set as the exit code of the command.
#[track_caller]
fn read_exit_code(run: &ScriptRun, script: &str) -> String {
    let ended = run.run(script);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    run.read("output").trim().trim_start_matches("exitcode=").to_owned()
}

const PLAN: &str = "bash ci/github/plan.sh";

#[test]
fn arguments_and_environments_of_several_lines_are_all_used() {
    let lines = [("ARGUMENTS", "--max-updates 7\n--allow-rename\n\n  --exclude old.yaml\n"), ("ID", "x")];
    let environments = [("ENVIRONMENTS", "north\nsouth  east\n")];
    for (script, command) in [(PLAN, "plan"), ("bash ci/github/drift.sh", "drift")] {
        let run = ScriptRun::new(&[&lines[..], &environments].concat());
        assert_eq!(read_exit_code(&run, script), "0");
        let calls = run.read("calls");
        for environment in ["north", "south", "east"] {
            let expected = format!(
                "{command}\n--env\n{environment}\n--max-updates\n7\n--allow-rename\n--exclude\nold.yaml\n"
            );
            assert!(calls.contains(&expected), "{script} {environment}\n{calls}");
        }
    }
    let run = ScriptRun::new(&[&lines[..], &[("PERMISSIONS", "--allow-delete=1\n--max-deletes=2")]].concat());
    let action = super::yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let apply = steps.iter().find(|step| step["id"] == "apply").expect("the apply");
    fs::create_dir_all(run.path("out")).expect("a folder");
    assert_eq!(
        read_exit_code(&run, &format!("FILE=plan.json\n{}", apply["run"].as_str().expect("a script"))),
        "0"
    );
    let calls = run.read("calls");
    let expected =
        "--max-updates\n7\n--allow-rename\n--exclude\nold.yaml\n--allow-delete=1\n--max-deletes=2\n";
    assert!(calls.contains(expected), "{calls}");

    let run = ScriptRun::new(&lines);
    let receipt = "mkdir -p \"$FOLDER\"\necho '{}' > \"$FOLDER/a.json\"\nbash ci/github/undo.sh";
    assert_eq!(read_exit_code(&run, receipt), "0");
    assert!(run.read("calls").contains("a.json\n--max-updates\n7\n--allow-rename\n--exclude\nold.yaml\n"));
}

#[test]
fn the_worst_code_of_all_plans_counts() {
    for (codes, expected) in [
        (["0", "0"], "0"),
        (["2", "0"], "2"),
        (["0", "2"], "2"),
        (["2", "3"], "3"),
        (["3", "2"], "3"),
        (["3", "1"], "1"),
        (["1", "3"], "1"),
        // neither a usage error nor a signal is hidden by what came before it, nor hides what follows
        (["2", "64"], "1"),
        (["64", "2"], "1"),
        (["3", "130"], "1"),
        (["143", "0"], "1"),
        (["2", "4"], "1"),
    ] {
        let variables = [("ENVIRONMENTS", "north south"), ("CODE_north", codes[0]), ("CODE_south", codes[1])];
        assert_eq!(read_exit_code(&ScriptRun::new(&variables), PLAN), expected, "{codes:?}");
    }
}

#[test]
fn a_plan_without_a_report_leaves_the_other_sections() {
    let variables = [("ENVIRONMENTS", "north south"), ("SILENT", "north"), ("CODE_north", "64")];
    let run = ScriptRun::new(&variables);
    assert_eq!(read_exit_code(&run, PLAN), "1");
    let comment = run.read("out/comment.md");
    let (north, south) = comment.split_once("## south").expect("two sections");
    assert!(north.contains("## north") && north.contains("ended with exit code 64"), "{comment}");
    assert!(south.contains("report of south"), "{comment}");
    // without environments the report of `validate` is not taken for that of the plan
    let run = ScriptRun::new(&[("SILENT", "all"), ("CODE_all", "143")]);
    assert_eq!(read_exit_code(&run, PLAN), "1");
    assert!(
        run.read("out/comment.md").contains("ended with exit code 143"),
        "{}",
        run.read("out/comment.md")
    );
}

#[test]
fn a_long_section_ends_before_an_object_and_leaves_the_next_one_whole() {
    let object = |at: usize| {
        // a value that looks like the end of an object
        let diff =
            format!("```diff\n+ name: \"n{at}\"\n+</details>\n+```\n+ text: \"é{}\"\n```", "x".repeat(90));
        format!("\n<details><summary>create {at}</summary>\n\n\n{diff}\n\n</details>\n")
    };
    let long: String = (0..900).map(object).collect();
    let limit = "\n**The details of 99 objects are omitted: this page is limited to 65,536 bytes.**\n";
    let run = ScriptRun::new(&[("ENVIRONMENTS", "north south")]);
    fs::write(run.path("long"), format!("### trueup plan\n\n- a finding\n{long}{limit}")).expect("a report");
    let path = run.path("long").to_string_lossy().into_owned();
    let run = ScriptRun {
        variables: [run.variables.clone(), vec![("LONG_north".to_owned(), path)]].concat(),
        ..run
    };
    assert_eq!(read_exit_code(&run, PLAN), "0");
    let comment = run.read("out/comment.md");
    assert!(comment.len() < 58_000, "{}", comment.len());
    let (north, south) = comment.split_once("\n## south\n").expect("two sections");
    assert!(south.contains("report of south"), "{south}");
    let count = |start: &str| north.lines().filter(|line| line.starts_with(start)).count();
    let shown = count("<details>");
    assert!(shown > 50 && shown == count("</details>") && count("```") == 2 * shown, "{north}");
    let notice = format!("**The details of {} more objects", 900 - shown);
    assert!(north.contains("a finding") && north.contains(&notice), "{north}");
    // one that fits is left as it is
    assert!(!south.contains("omitted"), "{south}");
}
