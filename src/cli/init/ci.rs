//! The CI files of a workspace: the templates beside this file, filled with its environments and variables.
//!
//! What is written for `examples/gitops-repo` is what that folder holds, so the tests of CI run these files. They go
//! into the root of the Git repository.
//! Deliberately absent: credentials, and the configuration of the Atlantis server.

mod template;
mod workspace;

use std::collections::BTreeSet;

use clap::ValueEnum;

use self::template::fill_template;
pub use self::workspace::CiWorkspace;
use self::workspace::{CiEnvironment, quote};
use crate::cli::digest_keys::DIGEST_KEY_VARIABLE;
use crate::remote::hosts::HostPurpose;

/// The GitHub environment of jobs that only read.
const READ_GATE: &str = "plan";
/// The GitHub environment, and the job, of an apply in a workspace without environments.
const APPLY_GATE: &str = "apply";
/// What the person who starts the workflow selects.
const SELECTED_ENVIRONMENT: &str = "${{ inputs.environment }}";
const APPLY_JOB: &str = include_str!("ci/github/apply-job.yml");
/// The workflows, by the ends of their names.
const WORKFLOWS: [(&str, &str); 4] = [
    ("plan", include_str!("ci/github/trueup-plan.yml")),
    ("apply", include_str!("ci/github/trueup-apply.yml")),
    ("drift", include_str!("ci/github/trueup-drift.yml")),
    ("by-hand", include_str!("ci/github/trueup-by-hand.yml")),
];

/// A CI service for which files are ready-made.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum PipelineService {
    /// Workflows of GitHub Actions: plan, apply, drift, and a run by hand
    Github,
    /// Jobs of GitLab CI, by the component
    Gitlab,
    /// The projects of Atlantis
    Atlantis,
}

/// A file of the repository.
pub struct CiFile {
    /// From the root of the repository.
    pub path: String,
    pub text: String,
}

impl CiFile {
    fn new(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), text }
    }

    /// The lines that pass a variable on and are not in the text of a file that was kept.
    pub fn list_missing_variables(&self, kept: &str) -> BTreeSet<&str> {
        let passes_on = |line: &&str| line.contains("${{ secrets.") || line.contains("${{ vars.");
        self.text.lines().map(str::trim).filter(passes_on).filter(|line| !kept.contains(line)).collect()
    }
}

impl CiWorkspace {
    /// The files for a service.
    pub fn build_files(&self, service: PipelineService) -> Vec<CiFile> {
        match service {
            PipelineService::Github => self.build_workflows(),
            PipelineService::Gitlab => self.build_pipelines(),
            PipelineService::Atlantis => vec![self.build_projects()],
        }
    }

    fn build_workflows(&self) -> Vec<CiFile> {
        let names = self.list_names();
        let all = (!names.is_empty()).then(|| quote(&names.join(" ")));
        let options =
            (!names.is_empty()).then(|| names.iter().map(|own| quote(own)).collect::<Vec<_>>().join(", "));
        let has_environments = !names.is_empty();
        let selected = has_environments.then_some(SELECTED_ENVIRONMENT);
        let jobs: Vec<String> = self.environments.iter().map(|own| self.build_apply_job(own)).collect();
        let directory = self.directory_input();
        let read_gate = quote(&self.find_read_gate());
        WORKFLOWS
            .iter()
            .map(|(name, template)| {
                let reads_only = ["plan", "drift"].contains(name);
                let text = fill_template(
                    template,
                    &[
                        ("VARIABLES", Some(&self.render_variables(self.list_variables(reads_only)))),
                        ("DIRECTORY", directory.as_deref()),
                        ("ENVIRONMENTS", all.as_deref()),
                        ("OPTIONS", options.as_deref()),
                        ("GATE", Some(selected.unwrap_or(APPLY_GATE))),
                        ("SELECTED", selected),
                        ("JOBS", Some(&jobs.join("\n"))),
                        ("NAME", Some(&self.name)),
                        ("BRANCH", Some(&self.branch)),
                        ("READ_GATE", Some(&read_gate)),
                    ],
                );
                CiFile::new(format!(".github/workflows/{}-{name}.yml", self.name), text)
            })
            .collect()
    }

    /// The GitHub environment of jobs that only read: never one whose credentials may write.
    fn find_read_gate(&self) -> String {
        let mut gate = READ_GATE.to_owned();
        // GitHub compares these names without case
        while self.list_names().iter().any(|name| name.eq_ignore_ascii_case(&gate)) {
            gate.push_str("-read-only");
        }
        gate
    }

    fn build_apply_job(&self, environment: &CiEnvironment) -> String {
        let name = environment.name.as_deref();
        fill_template(
            APPLY_JOB,
            &[
                ("JOB", Some(&format_job_id(name.unwrap_or(APPLY_GATE)))),
                ("AFTER", environment.after.as_deref().map(format_job_id).as_deref()),
                ("GATE", Some(&quote(name.unwrap_or(APPLY_GATE)))),
                ("VARIABLES", Some(&self.render_variables(environment.list_variables(false)))),
                ("DIRECTORY", self.directory_input().as_deref()),
                ("ENVIRONMENT", name.map(quote).as_deref()),
                ("NAME", Some(&self.name)),
                ("BRANCH", Some(&self.branch)),
            ],
        )
    }

    /// The variables of a job, from the secrets of its GitHub environment.
    fn render_variables(&self, names: Vec<&str>) -> String {
        let mut lines: Vec<String> =
            names.iter().map(|name| format!("{name}: ${{{{ secrets.{name} }}}}")).collect();
        lines.push(format!("{DIGEST_KEY_VARIABLE}: ${{{{ secrets.{DIGEST_KEY_VARIABLE} }}}}"));
        let hosts = self.allowed_hosts.first().map(|_| HostPurpose::Api.variable());
        let permissions = hosts.iter().chain(&self.other_permissions);
        lines.extend(permissions.map(|name| format!("{name}: ${{{{ vars.{name} }}}}")));
        lines.join("\n")
    }

    fn build_pipelines(&self) -> Vec<CiFile> {
        let components = self.environments.iter().map(|own| {
            let job =
                own.name.as_ref().map_or_else(|| self.name.clone(), |name| format!("{}-{name}", self.name));
            fill_template(
                include_str!("ci/gitlab/component.yml"),
                &[
                    ("DIRECTORY", self.directory_input().as_deref()),
                    ("JOB", Some(&quote(&job))),
                    ("ENVIRONMENT", own.name.as_deref().map(quote).as_deref()),
                    ("STAGE", Some(&format_stage(self.count_earlier(own)))),
                ],
            )
        });
        let last = self.environments.iter().map(|own| self.count_earlier(own)).max().unwrap_or(0);
        let stages: Vec<String> = (0..=last).map(format_stage).collect();
        let jobs = fill_template(
            include_str!("ci/gitlab/trueup.yml"),
            &[("STAGES", Some(&stages.join(", "))), ("COMPONENTS", Some(&components.collect::<String>()))],
        );
        let pipeline = fill_template(include_str!("ci/gitlab/gitlab-ci.yml"), &[("NAME", Some(&self.name))]);
        vec![CiFile::new(format!(".gitlab/{}.yml", self.name), jobs), CiFile::new(".gitlab-ci.yml", pipeline)]
    }

    fn build_projects(&self) -> CiFile {
        let projects = self.environments.iter().map(|own| {
            fill_template(
                include_str!("ci/atlantis/project.yaml"),
                &[
                    ("DIRECTORY", Some(&self.directory_input().unwrap_or_else(|| self.directory.clone()))),
                    ("ENVIRONMENT", own.name.as_deref().map(quote).as_deref()),
                    ("GROUP", Some(&(self.count_earlier(own) + 1).to_string())),
                ],
            )
        });
        let projects: String = projects.collect();
        let text = fill_template(include_str!("ci/atlantis/atlantis.yaml"), &[("PROJECTS", Some(&projects))]);
        CiFile::new("atlantis.yaml", text)
    }

    /// The folder as an input; none for the root of the repository, which is the default.
    fn directory_input(&self) -> Option<String> {
        (self.directory != ".").then(|| quote(&self.directory))
    }

    /// What is left to do for a service. `kept` are the files that existed.
    pub fn render_next_steps(&self, service: PipelineService, kept: &[String]) -> String {
        let task = match service {
            PipelineService::Github => {
                let gates = self.environments.iter().map(|own| own.name.as_deref().unwrap_or(APPLY_GATE));
                let read_gate = self.find_read_gate();
                let gates: Vec<&str> = std::iter::once(&*read_gate).chain(gates).collect();
                format!("in GitHub, add the environments {}, each with its secrets:", gates.join(", "))
            }
            PipelineService::Gitlab => "in GitLab, add masked CI/CD variables:".to_owned(),
            PipelineService::Atlantis => {
                "on the server of Atlantis, install the workflow ci/atlantis.yaml, and set:".to_owned()
            }
        };
        let mut secrets = self.list_variables(false);
        secrets.push(DIGEST_KEY_VARIABLE);
        if service == PipelineService::Gitlab {
            secrets.extend(["TRUEUP_API_TOKEN", "TRUEUP_NOTE_TOKEN"]);
        }
        let mut steps = vec![task];
        steps.extend(secrets.iter().map(|name| format!("  {name}")));
        if !self.allowed_hosts.is_empty() {
            let hosts = self.allowed_hosts.join(",");
            steps.push(format!("set the CI variable TRUEUP_ALLOWED_HOSTS to {hosts}"));
        }
        for name in &self.other_permissions {
            steps.push(format!("set the CI variable {name} to what it is on this machine"));
        }
        if kept.iter().any(|path| path.ends_with(".gitlab-ci.yml")) {
            steps.push(format!("add `include: [{{ local: .gitlab/{}.yml }}]` to .gitlab-ci.yml", self.name));
        }
        steps.push("commit the files in a pull request".to_owned());
        steps.iter().map(|step| format!("  {step}\n")).collect()
    }
}

/// The first stage of an apply, and those of environments that come after others.
fn format_stage(earlier: usize) -> String {
    match earlier {
        0 => "deploy".to_owned(),
        earlier => format!("deploy-{}", earlier + 1),
    }
}

/// The name of an environment as the id of a job, which starts with a letter or `_`.
fn format_job_id(name: &str) -> String {
    match name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        true => name.to_owned(),
        false => format!("_{name}"),
    }
}
