//! Secret providers: one command for many secrets, named in `trueup.yaml` and used as `from_secret`.
//!
//! A provider prints JSON: an object from name to text, in which dots lead into inner objects, or a list of objects
//! with `name` and `value`. So the output of most vaults can be used as it is.
//! Deliberately absent: running the command (`secrets`), and any knowledge of one particular vault.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, SourceLocation, suggest_word};
use crate::workspace::settings::file::{SecretNamesFile, SecretProviderFile};

/// How long a provider may take, where the settings do not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A provider of secrets.
#[derive(Clone)]
pub struct SecretProvider {
    pub name: Arc<str>,
    /// The program and its arguments.
    command: Vec<String>,
    names: SecretNamesFile,
    pub timeout: Duration,
    /// Where it is written.
    pub location: SourceLocation,
}

impl SecretProvider {
    /// A provider as the settings describe it.
    pub fn new(name: &str, file: SecretProviderFile, location: SourceLocation) -> Self {
        let timeout = file.timeout.map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(seconds.into()));
        Self { name: name.into(), command: file.command, names: file.names, timeout, location }
    }

    /// The command line for these names.
    pub fn build_command(&self, names: &[&str]) -> Vec<String> {
        let added = matches!(self.names, SecretNamesFile::Arguments).then_some(names).unwrap_or_default();
        self.command.iter().cloned().chain(added.iter().map(|name| (*name).to_owned())).collect()
    }

    /// What the program reads from its input: a name a line.
    pub fn build_input(&self, names: &[&str]) -> Option<String> {
        matches!(self.names, SecretNamesFile::Stdin)
            .then(|| names.iter().map(|name| format!("{name}\n")).collect())
    }
}

/// The text of a secret in what a provider printed.
pub fn find_secret(output: &Json, name: &str) -> Option<Zeroizing<String>> {
    let text = |json: &Json| json.as_str().map(|text| Zeroizing::new(text.to_owned()));
    match output {
        Json::Array(entries) => {
            let own = entries.iter().find(|entry| entry.get("name").and_then(Json::as_str) == Some(name))?;
            own.get("value").and_then(text)
        }
        Json::Object(members) => match members.get(name) {
            Some(own) => text(own),
            None => {
                let (first, rest) = name.split_once('.')?;
                find_secret(members.get(first)?, rest)
            }
        },
        _ => None,
    }
}

/// The error of a provider that the settings do not have.
pub fn diagnose_unknown_provider(name: &str, known: &[SecretProvider], place: SourceLocation) -> Diagnostic {
    let message = format!("there is no secret provider `{}`", name.escape_debug());
    let hint = suggest_word(name, known.iter().map(|own| &*own.name))
        .unwrap_or_else(|| "add it under `secrets` in trueup.yaml".to_owned());
    Diagnostic::error("unknown-secret-provider", message).with_location(place).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_in_objects_and_lists() {
        let vault = json!({ "data": { "data": { "pin": "1234", "a.b": "dotted" } }, "n": 7 });
        for (name, expected) in [
            ("data.data.pin", Some("1234")),
            ("data.data.a.b", Some("dotted")),
            ("data.pin", None),
            ("n", None),
            ("data", None),
            ("", None),
        ] {
            assert_eq!(find_secret(&vault, name).as_deref().map(String::as_str), expected, "{name}");
        }
        let list = json!([{ "name": "a", "value": "1" }, { "name": "b" }]);
        assert_eq!(find_secret(&list, "a").as_deref().map(String::as_str), Some("1"));
        assert!(find_secret(&list, "b").is_none() && find_secret(&list, "c").is_none());
    }
}
