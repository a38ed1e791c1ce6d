//! What CI files depend on: where the workspace is in its repository, its environments, and the variables that each
//! of them reads.
//!
//! Deliberately absent: the values of variables.

use std::fs;
use std::path::{Path, PathBuf};

use crate::compose::settings::EnvironmentSettings;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::document::ValueSource;
use crate::kind::registry::is_workspace_api;
use crate::remote::hosts::HostPurpose;
use crate::workspace;
use crate::workspace::LoadedWorkspace;
use crate::workspace::repository::{GitRepository, find_git_entry};
use crate::workspace::settings::TargetSettings;
use crate::workspace::settings::auth::CredentialPurpose;
use crate::workspace::settings::connection::ProxySettings;
use crate::yaml;

/// The branch of a repository that names none.
const USUAL_BRANCH: &str = "main";

/// A workspace as CI sees it.
pub struct CiWorkspace {
    /// From the workspace to the root of the repository: empty, or `../` once or more.
    pub relative_root: String,
    /// From the root of the repository to the workspace; `.` for the root itself.
    pub directory: String,
    /// Part of the names of files and jobs, which differs between the workspaces of a repository.
    pub name: String,
    pub branch: String,
    /// Hosts of targets that are not those of their APIs.
    pub allowed_hosts: Vec<String>,
    /// The variables that allow what else the workspace may need.
    pub other_permissions: Vec<&'static str>,
    /// One without a name where the workspace has no environments.
    pub environments: Vec<CiEnvironment>,
}

/// An environment, and the variables of its targets and documents.
#[derive(Default)]
pub struct CiEnvironment {
    pub name: Option<String>,
    /// The environment in which a commit is verified first.
    pub after: Option<String>,
    read_credentials: Vec<String>,
    credentials: Vec<String>,
    secrets: Vec<String>,
}

impl CiWorkspace {
    /// Reads a workspace, which may have no document yet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(root: &Path) -> Result<Self, Vec<Diagnostic>> {
        let (workspace, mut faults) = workspace::open_workspace(root, &[]);
        faults.retain(|fault| fault.code != "no-document");
        match workspace {
            Some(workspace) if !has_errors(&faults) => Ok(Self::new(&workspace)),
            _ => Err(faults),
        }
    }

    fn new(workspace: &LoadedWorkspace) -> Self {
        let root = fs::canonicalize(&workspace.root).unwrap_or_else(|_| workspace.root.clone());
        let below = find_path_in_repository(&root);
        let folders: Vec<_> = below.iter().map(|folder| folder.to_string_lossy()).collect();
        let directory = if folders.is_empty() { ".".to_owned() } else { folders.join("/") };
        let slug = format_slug(&directory);
        let own = &workspace.settings.composition.environments;
        let environments = match own.is_empty() {
            true => vec![CiEnvironment::new(workspace, None)],
            false => own.iter().map(|own| CiEnvironment::new(workspace, Some(own))).collect(),
        };
        Self {
            relative_root: "../".repeat(folders.len()),
            name: if slug.is_empty() { "trueup".to_owned() } else { format!("trueup-{slug}") },
            directory,
            branch: find_main_branch(&root),
            allowed_hosts: list_foreign_hosts(&workspace.settings.targets),
            other_permissions: list_other_permissions(workspace),
            environments,
        }
    }

    /// The names of the environments.
    pub fn list_names(&self) -> Vec<&str> {
        self.environments.iter().filter_map(|own| own.name.as_deref()).collect()
    }

    /// The variables of all environments: credentials, then secrets of documents.
    pub fn list_variables(&self, reads_only: bool) -> Vec<&str> {
        let credentials = self.environments.iter().flat_map(|own| own.select_credentials(reads_only));
        let secrets = self.environments.iter().flat_map(|own| &own.secrets);
        remove_repeated(credentials.chain(secrets).map(String::as_str))
    }

    /// How many environments come before this one.
    pub fn count_earlier(&self, environment: &CiEnvironment) -> usize {
        let before = |own: &&CiEnvironment| {
            let after = own.after.as_ref()?;
            self.environments.iter().find(|other| other.name.as_ref() == Some(after))
        };
        // settings in which they lead back are refused
        std::iter::successors(before(&environment), |own| before(own)).take(self.environments.len()).count()
    }
}

impl CiEnvironment {
    fn new(workspace: &LoadedWorkspace, settings: Option<&EnvironmentSettings>) -> Self {
        let name = settings.map(|own| &*own.name);
        let is_own = |environment: Option<&str>| environment.is_none() || environment == name;
        let targets = || workspace.settings.targets.iter().filter(|own| is_own(own.environment.as_deref()));
        let reads = targets().flat_map(|own| own.list_credentials(CredentialPurpose::Read));
        let all = targets().flat_map(|own| own.list_all_credentials());
        let documents = workspace.documents.iter().filter(|own| is_own(own.environment.as_deref()));
        let of_documents = documents.flat_map(|own| own.spec.iter_value_sources().map(|(source, _)| source));
        Self {
            name: name.map(str::to_owned),
            after: settings.and_then(|own| own.after.as_deref()).map(str::to_owned),
            read_credentials: list_variable_names(reads.map(|own| &own.source)),
            credentials: list_variable_names(all.map(|own| &own.source)),
            secrets: list_variable_names(of_documents),
        }
    }

    fn select_credentials(&self, reads_only: bool) -> &[String] {
        if reads_only { &self.read_credentials } else { &self.credentials }
    }

    /// The variables of this environment.
    pub fn list_variables(&self, reads_only: bool) -> Vec<&str> {
        let credentials = self.select_credentials(reads_only).iter();
        remove_repeated(credentials.chain(&self.secrets).map(String::as_str))
    }
}

/// A text as a scalar of YAML.
pub fn quote(text: &str) -> String {
    yaml::format_scalar(text, true)
}

fn list_variable_names<'s>(sources: impl Iterator<Item = &'s ValueSource>) -> Vec<String> {
    let name = |source: &ValueSource| match source {
        ValueSource::Env(name) => Some(name.clone()),
        _ => None,
    };
    sources.filter_map(name).collect()
}

fn remove_repeated<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    names.fold(Vec::new(), |mut list, name| {
        if !list.contains(&name) {
            list.push(name);
        }
        list
    })
}

/// The path of a workspace in its Git repository; empty without one.
fn find_path_in_repository(root: &Path) -> PathBuf {
    let repository = find_git_entry(root);
    let below = repository.as_ref().and_then(|git| root.strip_prefix(git.parent()?).ok());
    below.map(Path::to_owned).unwrap_or_default()
}

/// As the action makes names of folders.
fn format_slug(directory: &str) -> String {
    let words = directory.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn find_main_branch(root: &Path) -> String {
    let found = GitRepository::discover(root).and_then(|own| own.find_main_branch(&|_| None));
    match found.as_ref().map(|(name, _)| name.trim_start_matches("origin/")) {
        Some(name) if name != "HEAD" => name.to_owned(),
        _ => USUAL_BRANCH.to_owned(),
    }
}

/// The variables of permissions other than those of hosts: for searches by POST, logins, webhooks and proxies.
fn list_other_permissions(workspace: &LoadedWorkspace) -> Vec<&'static str> {
    let targets = &workspace.settings.targets;
    let has_login = |own: &TargetSettings| {
        let purposes = [CredentialPurpose::Read, CredentialPurpose::Write].into_iter();
        let mut auths = purposes.filter_map(|purpose| own.auth.select_auth(purpose));
        is_workspace_api(&own.api) && auths.any(|auth| auth.login.is_some() || auth.oauth.is_some())
    };
    let has_proxy = |own: &TargetSettings| {
        matches!(own.connection.proxy, ProxySettings::Url(_) | ProxySettings::Source(_))
    };
    let needs = |purpose: &HostPurpose| match purpose {
        HostPurpose::Api => false,
        HostPurpose::Login => targets.iter().any(has_login),
        HostPurpose::Search => targets.iter().any(|own| has_search(workspace, own)),
        HostPurpose::Webhook => !workspace.settings.notify.is_empty(),
        HostPurpose::Proxy => targets.iter().any(has_proxy),
    };
    HostPurpose::ALL.into_iter().filter(needs).map(HostPurpose::variable).collect()
}

/// Whether a list of the API of a target is read by POST, as a description in the workspace says.
fn has_search(workspace: &LoadedWorkspace, target: &TargetSettings) -> bool {
    let own = format!("{}/", target.api.name);
    let names = workspace.registry.kind_names().iter().filter(|name| name.starts_with(&own));
    let mut kinds = names.filter_map(|name| workspace.registry.find_kind(name));
    is_workspace_api(&target.api)
        && kinds.any(|kind| kind.operations.is_listed && kind.operations.list.post.is_some())
}

/// Hosts that have to be allowed outside of the repository: neither those of a built-in API nor on this machine.
fn list_foreign_hosts(targets: &[TargetSettings]) -> Vec<String> {
    let foreign = targets.iter().filter(|own| {
        let host = own.base_url.host_str().unwrap_or_default();
        let is_own = !is_workspace_api(&own.api) && own.api.hosts.iter().any(|known| known == host);
        own.base_url.scheme() == "https" && !is_own
    });
    let hosts = foreign.map(|own| {
        let host = own.base_url.host_str().unwrap_or_default();
        own.base_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    });
    let mut hosts: Vec<String> = hosts.collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}
