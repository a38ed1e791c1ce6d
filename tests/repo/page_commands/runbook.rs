//! `docs/runbook.md`, run: each section in its own workspace, against a sandbox.

use super::page::{PageSection, PageStep, read_page};
use super::runbook_workspace::RunbookWorkspace;

const PAGE: &str = "docs/runbook.md";

/// Runs a section of the page to its end.
fn run_section(title: &str) {
    let sections = read_page(PAGE);
    let section = sections.iter().find(|section| section.title == title).expect("a section of this title");
    let mut workspace = RunbookWorkspace::new();
    for step in &section.steps {
        match step {
            PageStep::Situation(lines) => lines.iter().for_each(|line| workspace.prepare(line)),
            PageStep::Command(command) => {
                let (code, output) = workspace.run(&command.text);
                command.check(PAGE, code, &output);
            }
            PageStep::Script(script) => {
                let (code, output) = workspace.run(&format!("set -e\n{}", script.text));
                assert_eq!(code, 0, "{PAGE}:{}\n{output}", script.line);
            }
            PageStep::File(file) => panic!("{PAGE} shows the file {}", file.path),
        }
    }
    let is_run = |step: &PageStep| matches!(step, PageStep::Command(_) | PageStep::Script(_));
    assert!(section.steps.iter().any(is_run), "{title} has no command");
}

macro_rules! sections {
    ($($test:ident: $title:literal,)*) => {
        $(#[test] fn $test() { run_section($title); })*

        #[test]
        fn every_section_is_run() {
            let known = [$($title),*];
            let missing: Vec<String> =
                read_page(PAGE).into_iter().map(|PageSection { title, .. }| title).filter(|title| !known.contains(&&**title)).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    };
}

sections! {
    safe_commands: "",
    refused_by_a_gate: "Refused by a gate",
    environment_order: "An environment is not next",
    refused_by_a_policy: "Refused by a policy",
    partly_applied: "Partly applied",
    interrupted: "Interrupted",
    killed: "Killed, or the machine is gone",
    unknown: "The outcome of a write is unknown",
    expired_token: "The token has expired",
    api_down: "The API is down",
    wrong_change_live: "A wrong change is live",
    lost_state: "`.trueup` is lost",
    rotated_secret: "A secret was rotated",
    renamed_object: "An object was renamed",
    half_created: "A half-created estate",
}
