//! What is ready-made for CI: the files, and the whole life of a pull request by the very commands they hold.

#[cfg(unix)]
mod enterprise;
mod files;
#[cfg(unix)]
mod flow;
#[cfg(unix)]
mod generated;
#[cfg(unix)]
mod gitlab;
#[cfg(unix)]
mod gitlab_stub;
#[cfg(unix)]
mod install;
#[cfg(unix)]
mod permissions;
mod pictures;
mod published;
#[cfg(unix)]
mod queue;
#[cfg(unix)]
mod runner;
#[cfg(unix)]
mod scripts;
#[cfg(unix)]
mod state;
#[cfg(unix)]
mod week;

use std::fs;

use serde_json::Value as Json;

/// A YAML file of this repository.
fn yaml(path: &str) -> Json {
    document(path, &fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}")))
}

/// A text of YAML; `path` is where it stands.
fn document(path: &str, text: &str) -> Json {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether the programs that the scripts call are here; where they must be, a missing one is a failure.
#[cfg(unix)]
fn has_tools() -> bool {
    let has = |program: &str| std::process::Command::new(program).arg("--version").output().is_ok();
    let all = has("curl") && has("jq");
    if !all {
        assert!(std::env::var_os("TRUEUP_REQUIRE_CI_TOOLS").is_none(), "curl or jq is not on PATH");
        eprintln!("skipped: curl and jq are needed");
    }
    all
}
