//! What is ready-made for CI: the files, and the whole life of a pull request by the very commands they hold.

mod files;
#[cfg(unix)]
mod flow;
#[cfg(unix)]
mod gitlab;
mod published;
#[cfg(unix)]
mod runner;

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
