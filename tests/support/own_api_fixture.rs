//! A workspace whose API no one in Rust has heard of, and a sandbox that serves it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;
use trueup::kind::Kind;
use trueup::kind::registry::KindRegistry;
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxLogEntry, SandboxOptions};

use crate::support::workspace::Workspace;

/// A workspace and the sandbox of its own kinds.
pub struct OwnApiFixture {
    pub workspace: Workspace,
    pub sandbox: RunningSandbox,
}

/// The descriptions below `apis/` of a workspace, as pairs of path and text.
pub fn descriptions(root: &Path) -> Vec<(String, String)> {
    let files = walkdir::WalkDir::new(root.join("apis")).sort_by_file_name().into_iter();
    let files =
        files.map(|entry| entry.expect("a readable folder")).filter(|entry| entry.file_type().is_file());
    let named = |path: &Path| path.strip_prefix(root).expect("below").to_string_lossy().replace('\\', "/");
    files.map(|entry| (named(entry.path()), fs::read_to_string(entry.path()).expect("a text"))).collect()
}

/// The kinds that descriptions hold, and no others.
pub fn kinds(files: Vec<(String, String)>) -> Vec<Arc<Kind>> {
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files, &mut faults);
    assert!(faults.is_empty(), "{:?}", faults.iter().map(|fault| &fault.message).collect::<Vec<_>>());
    let own =
        registry.kind_names().iter().filter(|name| KindRegistry::get_builtin().find_kind(name).is_none());
    own.map(|name| registry.find_kind(name).expect("a sound kind")).collect()
}

impl OwnApiFixture {
    /// A workspace of these files, and a sandbox of its descriptions; in `trueup.yaml`, `URL` is where that is.
    pub fn open(mut workspace: Workspace, settings: &str, options: SandboxOptions) -> Self {
        let kinds = kinds(descriptions(workspace.root()));
        let api = kinds.first().expect("a kind").api.name.to_string();
        let options = SandboxOptions { seed: Some(7), log_bodies: true, ..options };
        let sandbox = SandboxLauncher::start_server(kinds, options).expect("a sandbox");
        workspace.write("trueup.yaml", &settings.replace("URL", &sandbox.base_url(&api)));
        workspace.set("KEY", "any");
        Self { workspace, sandbox }
    }

    /// The objects of a kind.
    pub fn objects(&self, kind: &str) -> Vec<Json> {
        let dump = self.sandbox.dump_state();
        let all = dump[kind].as_array().cloned().unwrap_or_default();
        all.into_iter().map(|one| one["object"].clone()).collect()
    }

    /// The requests so far that wrote.
    pub fn writes(&self) -> Vec<SandboxLogEntry> {
        self.sandbox.read_log().into_iter().filter(|entry| entry.method != "GET").collect()
    }

    /// Plans differences, applies them, and plans again without any.
    pub fn converges(&self) {
        self.workspace.expect(2, &["plan", "--detailed-exitcode"]);
        self.workspace.expect(0, &["apply", "--auto-approve"]);
        let ran = self.workspace.expect(0, &["plan", "--detailed-exitcode"]);
        ran.says(&["No changes"]);
    }
}

/// The body of a request.
pub fn body(entry: &SandboxLogEntry) -> Json {
    let bytes = entry.body.as_deref().unwrap_or_default();
    serde_json::from_slice(bytes).unwrap_or(Json::Null)
}
