//! The files of a new workspace: each is written only where there is none.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context;

use crate::cli::schema::{build_schemas, list_workspace_names};
use crate::diagnostic::{Diagnostic, NamedSource};
use crate::kind::registry::KindRegistry;
use crate::report::sanitize::format_count;
use crate::workspace::settings::{self, SETTINGS_FILE_NAME, WorkspaceSettings};
use crate::workspace::state_folder::STATE_FOLDER;

/// The settings of an editor.
const EDITOR_FILE: &str = ".vscode/settings.json";
const EDITOR_TEXT: &str = r#"{
  "yaml.schemas": {
    "schemas/document.json": ["config/**/*.yaml", "config/**/*.yml"],
    "schemas/base.json": ["bases/**/*.yaml", "bases/**/*.yml"],
    "schemas/values.json": ["values/*.yaml"],
    "schemas/policy.json": ["policies/**/*.yaml"],
    "schemas/trueup.json": "trueup.yaml"
  }
}
"#;

/// What became of the files.
#[derive(Default)]
pub struct WrittenFiles {
    pub written: Vec<String>,
    pub kept: Vec<String>,
}

/// A workspace that is there already is not touched.
pub fn diagnose_existing_settings(root: &Path) -> Option<Diagnostic> {
    root.join(SETTINGS_FILE_NAME).symlink_metadata().is_ok().then(|| {
        Diagnostic::error("file-exists", format!("{SETTINGS_FILE_NAME} exists already; nothing was written"))
            .with_hint("edit it, name another folder with `-C DIR`, or add CI files with `--ci` alone")
    })
}

/// What is wrong with settings before they are written.
pub fn check_settings(text: &str, registry: &KindRegistry) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    read_new_settings(text, registry, &mut faults);
    faults
}

fn read_new_settings(text: &str, registry: &KindRegistry, faults: &mut Vec<Diagnostic>) -> WorkspaceSettings {
    settings::read_settings(&NamedSource::new(SETTINGS_FILE_NAME, text), registry, faults)
}

/// Writes the files of a workspace.
///
/// # Errors
/// When one cannot be written.
pub fn write_workspace(root: &Path, text: &str, registry: &KindRegistry) -> anyhow::Result<WrittenFiles> {
    let mut files = WrittenFiles::default();
    files.write_new(root, SETTINGS_FILE_NAME, text)?;
    files.write_new(root, ".gitignore", &format!("{STATE_FOLDER}/\n"))?;
    files.write_new(root, EDITOR_FILE, EDITOR_TEXT)?;
    let names = list_workspace_names(&read_new_settings(text, registry, &mut Vec::new()));
    for (name, text) in build_schemas(registry, &names) {
        files.write_new(root, &format!("schemas/{name}"), &text)?;
    }
    Ok(files)
}

impl WrittenFiles {
    /// Writes a file where there is none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_new(&mut self, root: &Path, name: &str, text: &str) -> anyhow::Result<()> {
        let path = root.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        // never over a file that came meanwhile, and never through a link
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => self.written.push(name.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.kept.push(name.to_owned()),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be written", path.display())),
        }
        Ok(())
    }

    /// Adds what became of other files.
    pub fn append(&mut self, mut other: Self) {
        self.written.append(&mut other.written);
        self.kept.append(&mut other.kept);
    }

    /// The files for a terminal; schemas are counted.
    pub fn render_text(&self) -> String {
        let is_schema = |name: &&String| name.starts_with("schemas/");
        let mut text = String::new();
        for (word, names) in [("wrote", &self.written), ("kept ", &self.kept)] {
            for name in names.iter().filter(|name| !is_schema(name)) {
                text.push_str(&format!("{word} {name}\n"));
            }
            let schemas = names.iter().filter(is_schema).count();
            if schemas > 0 {
                text.push_str(&format!("{word} {} in schemas/\n", format_count(schemas, "schema")));
            }
        }
        if self.kept.iter().any(|name| name == ".gitignore") {
            text.push_str(&format!("add `{STATE_FOLDER}/` to .gitignore\n"));
        }
        text
    }
}
