//! The checks of `trueup doctor` that need no network: machine, settings, `.trueup`, Git, keys, schemas.

use std::fs;
use std::path::Path;

use super::check::DoctorCheck;
use crate::cli::digest_keys::DigestKeys;
use crate::cli::schema::{build_schemas, list_workspace_names};
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::remote::hosts::AllowedHosts;
use crate::report::sanitize::format_count;
use crate::workspace::LoadedWorkspace;
use crate::workspace::repository::GitRepository;
use crate::workspace::secrets::NO_COMMANDS_VARIABLE;
use crate::workspace::settings::SETTINGS_FILE_NAME;
use crate::workspace::state_folder::{STATE_FOLDER, check_state_folder};

const MACHINE: &str = "machine";
const WORKSPACE: &str = "workspace";
const GIT: &str = "git";
/// The folder of the schemas.
const SCHEMA_FOLDER: &str = "schemas";
/// The variables that name proxies; the values may hold passwords and are not shown.
const PROXY_VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
/// The most errors of a workspace that are listed.
const MAX_ERRORS: usize = 5;

/// What the environment of this machine says, whatever the workspace is.
pub fn check_machine(root: &Path) -> Vec<DoctorCheck> {
    let mut checks = vec![check_proxy(), check_certificates(), check_hosts()];
    checks.extend(check_commands());
    checks.extend(check_git(root));
    checks
}

fn check_proxy() -> DoctorCheck {
    let set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let named: Vec<&str> = PROXY_VARIABLES.iter().filter(set).copied().collect();
    if named.is_empty() {
        return DoctorCheck::ok(MACHINE, "proxy", "no proxy is set");
    }
    let message = format!("requests go through the proxy of {}", named.join(", "));
    DoctorCheck::note(MACHINE, "proxy", message)
        .with_remedy("hosts that are reached without it stand in NO_PROXY")
}

fn check_certificates() -> DoctorCheck {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| (name, std::env::var_os(name)));
    if let Some((name, value)) = named.into_iter().filter_map(|(name, value)| Some((name, value?))).next() {
        let is_there = std::env::split_paths(&value).any(|path| match name {
            "SSL_CERT_FILE" => fs::File::open(path).is_ok(),
            _ => fs::read_dir(path).is_ok(),
        });
        if !is_there {
            let message = format!("what {name} names cannot be read");
            let fault = Diagnostic::error("no-certificates", message)
                .with_hint(format!("correct {name}, or unset it to use the certificates of the system"));
            return DoctorCheck::from_diagnostic(MACHINE, "CA", &fault);
        }
        return DoctorCheck::ok(MACHINE, "CA", format!("certificate authorities of {name}"));
    }
    DoctorCheck::ok(MACHINE, "CA", "certificate authorities of the system")
}

fn check_hosts() -> DoctorCheck {
    match AllowedHosts::from_env(&|name| std::env::var(name).ok()) {
        Ok(_) => DoctorCheck::ok(MACHINE, "hosts", "the lists of allowed hosts are valid"),
        Err(fault) => DoctorCheck::from_diagnostic(MACHINE, "hosts", &fault),
    }
}

fn check_commands() -> Option<DoctorCheck> {
    let is_set = std::env::var_os(NO_COMMANDS_VARIABLE).is_some_and(|word| !word.is_empty() && word != "0");
    is_set.then(|| {
        let message = format!("{NO_COMMANDS_VARIABLE} switches commands for secrets off");
        DoctorCheck::note(MACHINE, "commands", message)
    })
}

fn check_git(root: &Path) -> Vec<DoctorCheck> {
    let Some(repository) = GitRepository::discover(root) else {
        let message = match GitRepository::is_available() {
            true => "this folder is not in a Git repository, so causes and `--since` are not known",
            false => "Git is not installed, so causes and `--since` are not known",
        };
        return vec![DoctorCheck::note(GIT, "repository", message).with_remedy("keep the workspace in Git")];
    };
    let mut checks = vec![DoctorCheck::ok(GIT, "repository", "the workspace is in a Git repository")];
    checks.push(match repository.find_main_branch(&|name| std::env::var(name).ok()) {
        Some((name, _)) => DoctorCheck::ok(GIT, "branch", format!("the main branch is {name}")),
        None => DoctorCheck::warning(GIT, "branch", "no main branch is known")
            .with_remedy("fetch the main branch, or name a commit with `--base`"),
    });
    checks.push(match repository.diagnose_shallow_clone() {
        Some(fault) => {
            let fault = Diagnostic { severity: DiagnosticSeverity::Warning, ..fault };
            DoctorCheck::from_diagnostic(GIT, "history", &fault)
        }
        None => DoctorCheck::ok(GIT, "history", "the history is complete"),
    });
    if !repository.ignores(STATE_FOLDER) {
        let message = format!("Git does not ignore `{STATE_FOLDER}`, which holds keys");
        let remedy = format!("add `{STATE_FOLDER}/` to .gitignore");
        checks.push(DoctorCheck::warning(GIT, "ignore", message).with_remedy(remedy));
    }
    checks
}

/// Whether settings, descriptions, documents and policies are valid.
pub fn check_settings(workspace: Option<&LoadedWorkspace>, faults: &[Diagnostic]) -> Vec<DoctorCheck> {
    let errors: Vec<&Diagnostic> =
        faults.iter().filter(|fault| fault.severity == DiagnosticSeverity::Error).collect();
    let mut checks: Vec<DoctorCheck> = errors
        .iter()
        .take(MAX_ERRORS)
        .map(|fault| DoctorCheck::from_diagnostic(WORKSPACE, "files", fault))
        .collect();
    if errors.len() > MAX_ERRORS {
        let message = format!("{} more errors", errors.len() - MAX_ERRORS);
        checks.push(
            DoctorCheck::note(WORKSPACE, "files", message).with_remedy("`trueup validate` shows all of them"),
        );
    }
    if let Some(workspace) = workspace.filter(|_| errors.is_empty()) {
        let documents = format_count(workspace.documents.len(), "document");
        let targets = format_count(workspace.settings.targets.len(), "target");
        checks.push(DoctorCheck::ok(WORKSPACE, "files", format!("{documents} and {targets} are valid")));
    }
    checks
}

/// What the folder of the workspace holds besides documents.
pub fn check_workspace(workspace: &LoadedWorkspace) -> Vec<DoctorCheck> {
    vec![check_state(&workspace.root), check_key(&workspace.root), check_schemas(workspace)]
}

fn check_state(root: &Path) -> DoctorCheck {
    let folder = root.join(STATE_FOLDER);
    if folder.symlink_metadata().is_err() {
        return DoctorCheck::ok(WORKSPACE, "state", format!("`{STATE_FOLDER}` is made by the first apply"));
    }
    if let Err(fault) = check_state_folder(root) {
        return DoctorCheck::from_diagnostic(WORKSPACE, "state", &fault);
    }
    match is_readable_by_others(&folder) {
        false => DoctorCheck::ok(WORKSPACE, "state", format!("`{STATE_FOLDER}` is private")),
        true => DoctorCheck::warning(WORKSPACE, "state", format!("other users can read `{STATE_FOLDER}`"))
            .with_remedy(format!("chmod -R go= {STATE_FOLDER}")),
    }
}

#[cfg(unix)]
fn is_readable_by_others(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    folder.metadata().is_ok_and(|own| own.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

fn check_key(root: &Path) -> DoctorCheck {
    match DigestKeys::load(root) {
        Err(fault) => DoctorCheck::from_diagnostic(WORKSPACE, "key", &fault),
        Ok(keys) if keys.environment_key().is_some() => {
            DoctorCheck::ok(WORKSPACE, "key", "TRUEUP_DIGEST_KEY is set")
        }
        Ok(keys) if keys.key().is_some() => {
            DoctorCheck::ok(WORKSPACE, "key", format!("the key of this workspace is in `{STATE_FOLDER}`"))
        }
        Ok(_) => DoctorCheck::note(WORKSPACE, "key", "there is no key yet; the first apply makes one")
            .with_remedy("set TRUEUP_DIGEST_KEY where one machine plans and another applies"),
    }
}

fn check_schemas(workspace: &LoadedWorkspace) -> DoctorCheck {
    let folder = workspace.root.join(SCHEMA_FOLDER);
    if !folder.is_dir() {
        return DoctorCheck::note(WORKSPACE, "schemas", "editors have no schemas here")
            .with_remedy("`trueup schema` writes them");
    }
    let files = build_schemas(&workspace.registry, &list_workspace_names(&workspace.settings));
    let is_old =
        |(name, text): &&(String, String)| fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text);
    match files.iter().filter(is_old).count() {
        0 => DoctorCheck::ok(WORKSPACE, "schemas", format!("`{SCHEMA_FOLDER}` is up to date")),
        old => {
            let message =
                format!("{} in `{SCHEMA_FOLDER}` missing or out of date", format_count(old, "file"));
            DoctorCheck::warning(WORKSPACE, "schemas", message)
                .with_remedy(format!("run `trueup schema` beside {SETTINGS_FILE_NAME}"))
        }
    }
}
