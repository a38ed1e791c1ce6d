//! The pages of the guide, the README and the examples, run from top to bottom.
//!
//! The addresses of the sandboxes of the pages, on the ports 8080 and 8081, are those of the test. A prompt is
//! answered with yes. A target without a `base_url` is at the sandbox, not at the real service.

use std::fs;
use std::path::Path;

use super::page::{PageStep, read_page};
use super::shell::{PageShell, start_sandbox};
use trueup::sandbox::RunningSandbox;

const PORTS: [&str; 2] = ["127.0.0.1:8080", "127.0.0.1:8081"];

/// A folder for one page, and the two sandboxes that it may use.
struct GuideRun {
    shell: PageShell,
    sandboxes: [RunningSandbox; 2],
}

impl GuideRun {
    fn new() -> Self {
        let mut shell = PageShell::new();
        shell.set_variable("TRUEUP_AUTO_APPROVE", "true");
        // no page reaches a real service
        shell.set_variable("HTTPS_PROXY", "http://127.0.0.1:9");
        shell.write("variables", "");
        Self { shell, sandboxes: PORTS.map(|_| start_sandbox(None)) }
    }

    /// A text of a page with the addresses of this run.
    fn localize(&self, text: &str) -> String {
        let pairs = PORTS.iter().zip(&self.sandboxes);
        pairs.fold(text.to_owned(), |text, (port, sandbox)| text.replace(port, &sandbox.addr().to_string()))
    }

    /// The output of a run with the addresses of the page.
    fn delocalize(&self, text: &str) -> String {
        let pairs = PORTS.iter().zip(&self.sandboxes);
        pairs.fold(text.to_owned(), |text, (port, sandbox)| text.replace(&sandbox.addr().to_string(), port))
    }

    fn write_file(&self, path: &str, text: &str) {
        let text = if path == "trueup.yaml" { add_base_urls(text) } else { text.to_owned() };
        self.shell.write(&format!("repo/{path}"), &self.localize(&text));
    }

    fn copy_folder(&self, folder: &str) {
        for entry in walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("readable")) {
            if entry.file_type().is_file() && !entry.path().starts_with(Path::new(folder).join(".trueup")) {
                let path = entry.path().strip_prefix(folder).expect("below").to_string_lossy();
                self.write_file(&path, &fs::read_to_string(entry.path()).expect("text"));
            }
        }
    }

    /// Runs commands with the variables that earlier ones exported.
    fn execute(&self, script: &str) -> (i32, String) {
        let script =
            format!(". ~/variables\ntrap 'export -p > ~/variables' EXIT\nset -e\n{}", self.localize(script));
        let (code, output) = self.shell.wait(self.shell.start(&script));
        (code, self.delocalize(&output))
    }

    /// A line of a situation: `copy FOLDER` copies a folder of this repository, anything else is a command.
    fn prepare(&self, line: &str) {
        match line.split_once(' ') {
            Some(("copy", folder)) => self.copy_folder(folder),
            _ => {
                let (code, output) = self.execute(line);
                assert_eq!(code, 0, "{line}\n{output}");
            }
        }
    }

    fn run_step(&self, page: &str, step: &PageStep) {
        match step {
            PageStep::Situation(lines) => lines.iter().for_each(|line| self.prepare(line)),
            PageStep::File(file) => self.write_file(&file.path, &file.text),
            PageStep::Script(script) => {
                let (code, output) = self.execute(&script.text);
                println!("{page}:{}\n{output}", script.line);
                assert_eq!(code, 0, "exit code, {page}:{}", script.line);
            }
            PageStep::Command(command) => {
                let (code, output) = self.execute(&command.text);
                command.check(page, code, &output);
            }
        }
    }
}

/// Settings whose targets are at the sandbox. Without this a test would reach the real services.
fn add_base_urls(settings: &str) -> String {
    if settings.contains("base_url") {
        return settings.to_owned();
    }
    let add_url = |line: &str| match line.strip_prefix("    api: ") {
        Some(api) => format!("{line}\n    base_url: http://{}/{api}\n", PORTS[0]),
        None => format!("{line}\n"),
    };
    settings.lines().map(add_url).collect()
}

fn run_page(page: &str) {
    let run = GuideRun::new();
    if let Some(folder) = page.strip_suffix("/README.md") {
        run.copy_folder(folder);
    }
    for section in read_page(page) {
        section.steps.iter().for_each(|step| run.run_step(page, step));
    }
}

macro_rules! guide_pages {
    ($($test:ident: $page:literal,)*) => {
        $(#[test] fn $test() { run_page($page); })*

        const RUN: &[&str] = &[$($page),*];
    };
}

guide_pages! {
    readme: "README.md",
    adoption: "docs/adoption.md",
    apply: "docs/apply.md",
    ci: "docs/ci.md",
    drift: "docs/drift.md",
    environments: "docs/environments.md",
    getting_started: "docs/getting-started.md",
    policies: "docs/policies.md",
    secrets: "docs/secrets.md",
    example_bootview: "examples/bootview/README.md",
    example_carrierx: "examples/carrierx/README.md",
    example_forty_gateways: "examples/forty-gateways/README.md",
    example_gitops_repo: "examples/gitops-repo/README.md",
    example_own_api: "examples/own-api/README.md",
    example_quickstart: "examples/quickstart/README.md",
}

/// Pages with a test of their kind: `runbook`, and `own_api::tutorial` with a server that is no sandbox.
const OTHERS: [&str; 2] = ["docs/runbook.md", "docs/own-apis.md"];

/// Pages with blocks that a test runs, or that say why they are not run.
#[test]
fn every_page_with_commands_is_run() {
    let files = ["docs", "examples", "README.md", "CONTRIBUTING.md", "SECURITY.md"];
    let files = files.iter().flat_map(|root| walkdir::WalkDir::new(root).sort_by_file_name());
    let pages = files.map(|entry| entry.expect("readable").path().to_string_lossy().replace('\\', "/"));
    let missing: Vec<String> = pages
        .filter(|page| page.ends_with(".md") && !OTHERS.contains(&&**page) && !RUN.contains(&&**page))
        .filter(|page| {
            let mut steps = read_page(page).into_iter().flat_map(|section| section.steps);
            steps.any(|step| matches!(step, PageStep::Script(_) | PageStep::Command(_)))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
