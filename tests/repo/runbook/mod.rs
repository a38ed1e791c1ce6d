//! `docs/runbook.md`, run: each section in a workspace of its own, against a sandbox, with the real program.
//!
//! A block marked `console` holds commands behind `$ `, what they print, and an exit code as a comment. Commands run
//! in bash; `...` stands for any lines and `[..]` for any part of a line. What happened before is in comments of the
//! page that begin with `situation`; a line of them is a directive of `context`, or a command.

mod context;
mod page;

use context::Scene;
use page::{Section, Step, read_sections};

/// Plays a section of the page to its end.
fn play(title: &str) {
    let sections = read_sections();
    let section = sections.iter().find(|section| section.title == title).expect("a section of this title");
    let mut context = Scene::new();
    for step in &section.steps {
        match step {
            Step::Situation(lines) => lines.iter().for_each(|line| context.prepare(line)),
            Step::Command(command) => {
                let (code, output) = context.run(&command.text);
                let shown = format!("runbook.md:{}: $ {}\n{output}", command.line, command.text);
                println!("{shown}");
                assert_eq!(code, command.code, "exit code, runbook.md:{}", command.line);
                if let Err(missing) = page::match_output(&command.output, &output) {
                    panic!(
                        "no line like\n    {missing}\nin the output shown above, runbook.md:{}",
                        command.line
                    );
                }
            }
        }
    }
    assert!(section.steps.iter().any(|step| matches!(step, Step::Command(_))), "{title} has no command");
}

macro_rules! sections {
    ($($test:ident: $title:literal,)*) => {
        $(#[test] fn $test() { play($title); })*

        #[test]
        fn every_section_is_played() {
            let known = [$($title),*];
            let missing: Vec<String> =
                read_sections().into_iter().map(|Section { title, .. }| title).filter(|title| !known.contains(&&**title)).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    };
}

sections! {
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
