//! The workspace: its settings, its own kinds, and every document, checked together.
//!
//! All faults of all files are found in one run, in an order that does not depend on the machine. Files are
//! read on every core. What comes out holds slots, not secrets, until [`LoadedWorkspace::connect`].
//! Deliberately absent: requests. A workspace is complete without any network.

mod assign;
pub mod boundary;
pub mod earlier;
pub mod edited;
mod files;
mod parse;
pub mod repository;
pub mod secret_provider;
pub mod secrets;
pub mod settings;
pub mod state_folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::compose::values::ValueTable;
use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation};
use crate::document::{Document, ValueSource};
use crate::kind::registry::KindRegistry;
use crate::output_filter::hide_texts;
use crate::policy::PolicySet;
use crate::remote::target::Target;
pub use crate::workspace::files::API_FOLDER;
use crate::workspace::files::{DocumentPatterns, SelectedFiles};
pub use crate::workspace::parse::DocumentSources;
use crate::workspace::secret_provider::diagnose_unknown_provider;
use crate::workspace::secrets::{ResolvedSecrets, SecretEnvironment};
use crate::workspace::settings::WorkspaceSettings;
use crate::workspace::settings::auth::CredentialPurpose;
use crate::{diagnostic, document};

/// The schema that an editor checks documents by, below the workspace.
const DOCUMENT_SCHEMA: &str = "schemas/document.json";

/// Everything that a run knows before it speaks to a service.
pub struct LoadedWorkspace {
    pub root: PathBuf,
    pub settings: WorkspaceSettings,
    pub registry: KindRegistry,
    /// In the order of their files' names, and in the order in which each file holds them.
    pub documents: Vec<Document>,
    /// Every file with documents that was read.
    pub sources: DocumentSources,
    /// What each environment sets.
    pub values: ValueTable,
    /// Which credentials of its targets are looked up: those that read, unless a command writes.
    pub purpose: CredentialPurpose,
    /// Whether the secrets of documents are not read; those of targets always are.
    pub skips_secrets: bool,
    /// Held while a command writes: one at a time in a workspace.
    pub apply_lock: Option<std::fs::File>,
    pub policies: PolicySet,
    /// The environments that a run is limited to; empty means all.
    pub selected_environments: Vec<Arc<str>>,
}

/// What a workspace says before any document is read.
pub struct WorkspaceConfig {
    pub root: PathBuf,
    pub settings: WorkspaceSettings,
    pub registry: KindRegistry,
    /// What each environment sets.
    pub values: ValueTable,
}

/// The texts of a workspace's own descriptions, pairs of path and text.
pub struct ApiDescriptions {
    pub root: PathBuf,
    pub files: Vec<(String, String)>,
}

/// Reads the workspace in `root`. `narrow` are paths of files and directories, relative to it, that limit the
/// documents; empty means all. Nothing comes back only when there is no workspace.
pub fn open_workspace(root: &Path, narrow: &[PathBuf]) -> (Option<LoadedWorkspace>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let workspace = read_workspace(root, narrow, &mut faults);
    if let Err(fault) = &workspace {
        faults.push(fault.clone());
    }
    diagnostic::sort_diagnostics(&mut faults);
    (workspace.ok(), faults)
}

/// The same, limited to the documents of these environments; none means all.
pub fn open_environments(
    root: &Path,
    narrow: &[PathBuf],
    environments: &[String],
) -> (Option<LoadedWorkspace>, Vec<Diagnostic>) {
    let (mut workspace, mut faults) = open_workspace(root, narrow);
    faults.extend(workspace.iter_mut().flat_map(|own| own.select_environments(environments)));
    (workspace, faults)
}

/// Reads the settings and the kinds of a workspace, but no document. Nothing comes back only when there is no
/// workspace.
pub fn open_config(root: &Path) -> (Option<WorkspaceConfig>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let base = read_config(root, &mut faults).map_err(|fault| faults.push(fault)).ok();
    diagnostic::sort_diagnostics(&mut faults);
    (base, faults)
}

/// The policies of a workspace, without its documents.
pub fn open_policies(root: &Path) -> (PolicySet, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let read = |faults: &mut Vec<Diagnostic>| {
        let WorkspaceConfig { root, registry, .. } = read_config(root, faults)?;
        Ok(PolicySet::read_sources(&files::read_policies(&root, faults), &registry, faults))
    };
    let policies = read(&mut faults).unwrap_or_else(|fault| {
        faults.push(fault);
        PolicySet::default()
    });
    diagnostic::sort_diagnostics(&mut faults);
    (policies, faults)
}

/// The texts that a workspace is written in.
pub struct WorkspaceSources {
    pub root: PathBuf,
    pub documents: Vec<Arc<NamedSource>>,
    /// Settings, values and policies; none where only some documents were asked for.
    pub others: Vec<Arc<NamedSource>>,
}

/// Reads the texts of a workspace, whatever they say. Nothing comes back only when there is no workspace.
pub fn open_sources(root: &Path, narrow: &[PathBuf]) -> (Option<WorkspaceSources>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let texts = read_sources(root, narrow, &mut faults).map_err(|fault| faults.push(fault)).ok();
    diagnostic::sort_diagnostics(&mut faults);
    (texts, faults)
}

fn read_sources(
    root: &Path,
    narrow: &[PathBuf],
    faults: &mut Vec<Diagnostic>,
) -> Result<WorkspaceSources, Diagnostic> {
    let root = files::resolve_root(root)?;
    let source = files::read_settings_source(&root)?;
    // faults of the settings keep nobody from laying out a text
    let settings = settings::read_settings(&source, KindRegistry::get_builtin(), &mut Vec::new());
    let mut found = files::find_files(&root, &DocumentPatterns::new(&settings.documents, faults), faults);
    let environments = &settings.composition.environments;
    environments.iter().for_each(|own| drop(found.remove(&files::format_values_path(&own.name))));
    files::add_base_files(&root, &mut found, faults);
    let narrowed = SelectedFiles::new(&root, narrow, found, faults);
    let documents = files::read_sources(&narrowed.files, faults);
    let mut others = vec![source];
    let values = files::read_values(&root, environments, &mut Vec::new());
    others.extend(values.into_iter().map(|(_, source)| source));
    others.extend(files::read_policies(&root, faults));
    others.retain(|_| narrow.is_empty());
    Ok(WorkspaceSources { root, documents, others })
}

/// The texts of the descriptions that a folder brings along; no workspace is needed.
pub fn open_descriptions(root: &Path) -> (Option<ApiDescriptions>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    match files::resolve_root(root) {
        Ok(root) => (
            Some(ApiDescriptions { files: files::read_descriptions(&root, API_FOLDER, &mut faults), root }),
            faults,
        ),
        Err(fault) => (None, vec![fault]),
    }
}

/// Reads a text file that a person named, within the bounds of documents.
///
/// # Errors
/// When it is not there, too large, or no text.
pub fn read_source(path: &Path) -> Result<Arc<NamedSource>, Diagnostic> {
    files::load_source(path, &path.to_string_lossy())
}

fn read_config(root: &Path, faults: &mut Vec<Diagnostic>) -> Result<WorkspaceConfig, Diagnostic> {
    let root = files::resolve_root(root)?;
    let source = files::read_settings_source(&root)?;
    state_folder::check_state_folder(&root)?;
    let registry = KindRegistry::with_workspace(files::read_descriptions(&root, API_FOLDER, faults), faults);
    let mut settings = settings::read_settings(&source, &registry, faults);
    let composition = Arc::clone(&settings.composition);
    let files = files::read_values(&root, &composition.environments, faults);
    let values = ValueTable::new(&composition, &files, faults);
    settings.resolve_scope_values(&values, faults);
    Ok(WorkspaceConfig { root, settings, registry, values })
}

fn read_workspace(
    root: &Path,
    narrow: &[PathBuf],
    faults: &mut Vec<Diagnostic>,
) -> Result<LoadedWorkspace, Diagnostic> {
    let WorkspaceConfig { root, settings, registry, values } = read_config(root, faults)?;
    let patterns = DocumentPatterns::new(&settings.documents, faults);
    let mut found = files::find_files(&root, &patterns, faults);
    // values are no documents, whatever the patterns
    let environments = &settings.composition.environments;
    environments.iter().for_each(|own| drop(found.remove(&files::format_values_path(&own.name))));
    let base_files = files::add_base_files(&root, &mut found, faults);
    let (sources, selection) = select_sources(&root, narrow, found, &settings, faults);
    let sources = DocumentSources { files: sources, base_files };
    let mut read = parse::parse_sources(&sources, &settings.composition, &values, &registry, faults);
    selection.diagnose_empty_paths(&read.empty, faults);
    if !narrow.is_empty() {
        read.documents.retain(|document| selection.contains(document));
    }
    if narrow.is_empty()
        && read.documents.is_empty()
        && !settings.allow_empty
        && !diagnostic::has_errors(faults)
    {
        faults.push(diagnose_no_document(&settings));
    }
    assign::assign_targets(&mut read.documents, &settings, faults);
    let mut duplicates = Vec::new();
    document::check_duplicates(&read.documents, &settings.list_services(), &mut duplicates);
    faults.extend(diagnostic::remove_repetitions(duplicates));
    check_providers(&read.documents, &settings, faults);
    if narrow.is_empty() {
        let mut dangling = Vec::new();
        document::refer::report_dangling_references(&read.documents, &mut dangling);
        document::depend::report_dangling_dependencies(&read.documents, &mut dangling);
        faults.extend(diagnostic::remove_repetitions(dangling));
    }
    let policies = PolicySet::read_sources(&files::read_policies(&root, faults), &registry, faults);
    Ok(LoadedWorkspace {
        root,
        settings,
        registry,
        documents: read.documents,
        sources,
        values,
        purpose: CredentialPurpose::Read,
        skips_secrets: false,
        apply_lock: None,
        policies,
        selected_environments: Vec::new(),
    })
}

/// Whether each provider that documents and credentials name is one of the settings.
fn check_providers(documents: &[Document], settings: &WorkspaceSettings, faults: &mut Vec<Diagnostic>) {
    let of_targets = settings.targets.iter().flat_map(settings::TargetSettings::list_all_credentials);
    let of_targets = of_targets.map(|own| (&own.source, settings.source.locate_span(own.span)));
    let of_documents = documents.iter().flat_map(|document| {
        document.spec.iter_value_sources().map(|(source, span)| (source, document.locate_span(span)))
    });
    for (source, place) in of_targets.chain(of_documents) {
        let ValueSource::Provider(name, _) = source else { continue };
        if !settings.has_errors && !settings.secrets.iter().any(|own| *own.name == **name) {
            faults.push(diagnose_unknown_provider(name, &settings.secrets, place));
        }
    }
}

/// The texts of a run, and which of them were asked for: documents can need any other, so where documents are composed
/// all files are read.
fn select_sources(
    root: &Path,
    narrow: &[PathBuf],
    found: files::FileMap,
    settings: &WorkspaceSettings,
    faults: &mut Vec<Diagnostic>,
) -> (Vec<Arc<NamedSource>>, SelectedFiles) {
    let own = &settings.composition;
    let composes = !(own.environments.is_empty() && own.values.is_empty() && own.defaults.is_empty())
        || found.keys().any(|name| parse::is_base_path(name));
    let all: Vec<_> = found.iter().map(|(name, path)| (name.clone(), path.clone())).collect();
    let is_needed = |name: &str| composes || parse::is_base_path(name);
    let selection = SelectedFiles::new(root, narrow, found, faults);
    let chosen = all.into_iter().filter(|(name, _)| is_needed(name) || selection.contains_file(name));
    (files::load_sources(&chosen.collect::<Vec<_>>(), faults), selection)
}

/// The built-in kinds and those that the folder brings along; no workspace is needed.
///
/// # Errors
/// When a description there has faults; the first of them.
pub fn load_registry(root: &Path) -> anyhow::Result<KindRegistry> {
    let mut faults = Vec::new();
    let root = files::resolve_root(root).map_err(|fault| anyhow::anyhow!(fault.message))?;
    let registry =
        KindRegistry::with_workspace(files::read_descriptions(&root, API_FOLDER, &mut faults), &mut faults);
    match faults.iter().find(|fault| fault.severity == diagnostic::DiagnosticSeverity::Error) {
        Some(fault) => Err(anyhow::anyhow!("{} (`trueup validate` tells all)", fault.message)),
        None => Ok(registry),
    }
}

fn diagnose_no_document(settings: &WorkspaceSettings) -> Diagnostic {
    let patterns: Vec<_> = settings.documents.iter().map(|(pattern, _)| format!("`{pattern}`")).collect();
    let message = format!("no document matches {}", patterns.join(", "));
    let fault = Diagnostic::error("no-document", message);
    let place = settings.documents.first().map(|(_, place)| place.clone());
    let fault = fault.with_hint(format!(
        "write one, name other patterns under `documents` in {}, or set `allow_empty: true` there",
        settings::SETTINGS_FILE_NAME
    ));
    Diagnostic { location: place, ..fault }
}

impl LoadedWorkspace {
    /// A path of the user's, without `.` and `..`; relative ones are so to the workspace.
    pub fn locate_path(&self, path: &Path) -> PathBuf {
        files::normalize_path(&self.root.join(path))
    }

    /// How a path is shown: relative to the workspace where it lies in it, with `/`.
    pub fn format_path(&self, path: &Path) -> String {
        match path.strip_prefix(&self.root) {
            Ok(inner) => files::to_slash_path(inner),
            Err(_) => path.to_string_lossy().into_owned(),
        }
    }

    /// The line that tells an editor the schema, where the workspace has it and the file lies in the workspace.
    pub fn render_schema_line(&self, path: &Path) -> Option<String> {
        let inner = path.strip_prefix(&self.root).ok()?;
        let depth = inner.components().count().checked_sub(1)?;
        let is_there = self.root.join(DOCUMENT_SCHEMA).is_file();
        is_there.then(|| format!("# yaml-language-server: $schema={}{DOCUMENT_SCHEMA}", "../".repeat(depth)))
    }

    /// Reads a file that is not the workspace's own; nothing when it is no file of sound documents. Targets
    /// and scopes stay as they are written.
    pub fn read_other_file(&self, path: &Path) -> Vec<Document> {
        let mut faults = Vec::new();
        let named = [(self.format_path(path), path.to_owned())];
        let sources =
            DocumentSources { files: files::load_sources(&named, &mut faults), ..Default::default() };
        let composition = &self.settings.composition;
        let read = parse::parse_sources(&sources, composition, &self.values, &self.registry, &mut faults);
        let documents = read.documents;
        if diagnostic::has_errors(&faults) { Vec::new() } else { documents }
    }

    /// The files that this workspace was read from.
    pub fn list_input_files(&self) -> Vec<String> {
        let values = self.settings.composition.environments.iter();
        let values = values.map(|own| files::format_values_path(&own.name));
        let descriptions = files::read_descriptions(&self.root, API_FOLDER, &mut Vec::new());
        let mut paths: Vec<String> = self.sources.files.iter().map(|source| source.path.clone()).collect();
        paths.push(settings::SETTINGS_FILE_NAME.to_owned());
        paths.extend(values.filter(|path| self.root.join(path).is_file()));
        paths.extend(descriptions.into_iter().map(|(path, _)| path));
        paths
    }

    /// What is wrong with the name of an environment.
    pub fn diagnose_environment(&self, name: &str) -> Option<Diagnostic> {
        let composition = &self.settings.composition;
        composition.find_environment(name).is_none().then(|| composition.diagnose_unknown_environment(name))
    }

    /// Limits the documents to those of these environments; none means all. What is wrong with a name comes back.
    pub fn select_environments(&mut self, names: &[String]) -> Vec<Diagnostic> {
        let composition = &self.settings.composition;
        let mut faults = Vec::new();
        for name in names {
            match composition.find_environment(name) {
                Some(own) => self.selected_environments.push(Arc::clone(&own.name)),
                None => faults.push(composition.diagnose_unknown_environment(name)),
            }
        }
        if !names.is_empty() {
            let selected = &self.selected_environments;
            self.documents
                .retain(|document| document.environment.as_ref().is_some_and(|own| selected.contains(own)));
        }
        faults
    }

    /// Whether a run may be about objects of a target.
    pub fn is_target_selected(&self, target: &str) -> bool {
        let own = self.settings.composition.find_target_environment(target);
        self.selected_environments.is_empty()
            || own.is_some_and(|own| self.selected_environments.contains(own))
    }

    /// For a command that writes.
    #[must_use]
    pub fn with_write_access(self, apply_lock: Option<std::fs::File>) -> Self {
        Self { purpose: CredentialPurpose::Write, apply_lock, ..self }
    }

    /// Which of these paths, from the workspace, are those of documents.
    pub fn filter_document_paths<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Vec<&'p str> {
        let patterns = DocumentPatterns::new(&self.settings.documents, &mut Vec::new());
        paths.filter(|path| patterns.matches_path(path)).collect()
    }

    /// The documents of a text that was in a file of the workspace, each with its target; sources and
    /// references stay as they are written. Nothing when it has errors.
    pub fn parse_documents(&self, name: &str, text: &str) -> Option<Vec<Document>> {
        let mut faults = Vec::new();
        let mut documents =
            document::read_documents(&NamedSource::new(name, text), &self.registry, &mut faults);
        assign::assign_targets(&mut documents, &self.settings, &mut faults);
        (!diagnostic::has_errors(&faults)).then_some(documents)
    }

    /// The targets that documents of this run are for.
    pub fn list_used_targets(&self) -> impl Iterator<Item = &settings::TargetSettings> {
        let used: std::collections::HashSet<&str> =
            self.documents.iter().filter_map(|document| document.target.as_deref()).collect();
        self.settings.targets.iter().filter(move |target| used.contains(&*target.name))
    }

    /// Every slot of this run's documents and targets, with where it stands.
    pub fn list_value_sources(&self) -> Vec<(ValueSource, SourceLocation)> {
        let source = &self.settings.source;
        let credentials = self.list_used_targets().flat_map(|target| target.list_credentials(self.purpose));
        let of_targets =
            credentials.map(|credential| (credential.source.clone(), source.locate_span(credential.span)));
        let of_documents = self.documents.iter().filter(|_| !self.skips_secrets).flat_map(|document| {
            document.spec.iter_value_sources().map(|(slot, span)| (slot.clone(), document.locate_span(span)))
        });
        of_targets.chain(of_documents).collect()
    }

    /// Hands secrets to the last filter. A text that the repository has in clear is none, and the name of a user
    /// is in many places.
    fn hide_in_outputs(&self, secrets: &ResolvedSecrets) {
        let credentials = || self.list_used_targets().flat_map(|target| target.list_user_names(self.purpose));
        let is_name = |source: &ValueSource| credentials().any(|own| own.source == *source);
        let sources = || self.sources.files.iter().chain(std::iter::once(&self.settings.source));
        let is_public = |text: &str| sources().any(|source| source.text.contains(text));
        hide_texts(secrets.list_texts(|source| !is_name(source)).filter(|text| !is_public(text)));
    }

    /// Looks up every slot, puts the values into the documents, and gives the targets ready for use. All that
    /// stay unresolved or do not fit are reported; then no target should be spoken to.
    pub fn resolve_targets(
        &mut self,
        world: &SecretEnvironment,
        parallelism: Option<u32>,
    ) -> (Vec<Target>, Vec<Diagnostic>) {
        let (secrets, mut faults) = secrets::resolve_secrets(self.list_value_sources(), world);
        self.hide_in_outputs(&secrets);
        let has_sources = |document: &&mut Document| document.spec.iter_value_sources().next().is_some();
        for document in self.documents.iter_mut().filter(has_sources) {
            document.resolve_sources(&|slot| secrets.get(slot).cloned(), &mut faults);
        }
        faults.extend(
            self.list_used_targets()
                .filter_map(|own| own.diagnose_missing_credentials(self.purpose, &self.settings.source)),
        );
        diagnostic::sort_diagnostics(&mut faults);
        let connect =
            |own: &settings::TargetSettings| own.build_target(&secrets, world, self.purpose, parallelism);
        (self.list_used_targets().filter_map(connect).collect(), faults)
    }
}
