//! The objects that a run is about, when flags narrow it: by files, patterns, and what changed since a commit.
//!
//! What a selected document refers to is read for its id and left out of the plan, unless it has to be created
//! first. Patterns are also matched against managed objects whose documents were removed.
//! Deliberately absent: reading fewer files for paths; `workspace` does that.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::merge_base::{DocumentKey, build_document_key, build_subject_key};
use super::object_patterns::{ObjectLabel, ObjectPatterns};
use super::selection_args::SelectionArgs;
use super::since_filter::{SinceFilter, find_needed_documents};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::plan::count_limit::ObjectCounts;
use crate::plan::{Plan, PlanSubject};
use crate::report::plan_report::{SelectionView, SinceView};
use crate::run::index::{IndexEntry, ObjectIndex};
use crate::workspace::LoadedWorkspace;

/// Which objects a run is about.
pub struct SelectionFilter {
    args: SelectionArgs,
    since: Option<SinceFilter>,
    chosen: HashSet<DocumentKey>,
    /// Those to which the chosen ones refer.
    needed: HashSet<DocumentKey>,
    /// Managed objects whose documents were removed.
    removed: HashSet<DocumentKey>,
    /// How many documents are not looked at, by kind and target.
    left_out: ObjectCounts,
}

impl SelectionFilter {
    /// What the arguments select; nothing when they narrow nothing.
    ///
    /// # Errors
    /// When a pattern matches nothing, or the history that `--since` needs is not there.
    pub fn new(
        workspace: &LoadedWorkspace,
        index: &ObjectIndex,
        args: &SelectionArgs,
    ) -> Result<Option<Self>, Vec<Diagnostic>> {
        if !args.is_narrowed() {
            return Ok(None);
        }
        let patterns = ObjectPatterns::from_args(args);
        let all: Vec<ObjectLabel> =
            workspace.documents.iter().map(label_document).chain(index.entries().map(label_entry)).collect();
        let unmatched = patterns.diagnose_unmatched(&all);
        if !unmatched.is_empty() {
            return Err(unmatched);
        }
        let has_paths = !args.files.paths.is_empty();
        let since = args.since.as_deref().map(|name| SinceFilter::new(workspace, name, has_paths));
        let since = since.transpose().map_err(|fault| vec![fault])?;
        let is_chosen = |own: &&Document| {
            patterns.selects(label_document(own)) && since.as_ref().is_none_or(|since| since.is_chosen(own))
        };
        let chosen: HashSet<DocumentKey> =
            workspace.documents.iter().filter(is_chosen).map(build_document_key).collect();
        let is_removed = |own: &&IndexEntry| {
            patterns.selects(label_entry(own)) && since.as_ref().is_none_or(|since| since.is_removed(own))
        };
        let removed = index.entries().filter(|_| !has_paths).filter(is_removed).map(build_entry_key);
        let here: HashSet<DocumentKey> = workspace.documents.iter().map(build_document_key).collect();
        let mut left_out = ObjectCounts::default();
        for (target, kind, _) in here.difference(&chosen) {
            left_out.add_objects(kind, target.as_deref().unwrap_or_default(), 1);
        }
        Ok(Some(Self {
            removed: removed.filter(|own| !here.contains(own)).collect(),
            needed: find_needed_documents(&workspace.documents, &chosen),
            left_out,
            args: args.clone(),
            since,
            chosen,
        }))
    }

    /// Whether a document is read.
    pub fn is_read(&self, document: &Document) -> bool {
        let key = build_document_key(document);
        self.chosen.contains(&key) || self.needed.contains(&key) || self.removed.contains(&key)
    }

    /// Whether a document is selected.
    pub fn is_chosen(&self, document: &Document) -> bool {
        self.chosen.contains(&build_document_key(document))
    }

    /// Whether the managed object without a document is selected.
    pub fn is_removed(&self, entry: &IndexEntry) -> bool {
        self.removed.contains(&build_entry_key(entry))
    }

    /// Whether an object is selected, by target, kind and name.
    pub fn selects_object(&self, key: &DocumentKey) -> bool {
        self.chosen.contains(key) || self.removed.contains(key)
    }

    /// Leaves the selected objects in a plan, and those that have to be there first.
    pub fn filter_plan(&self, plan: &mut Plan) {
        let keeps = |subject: &PlanSubject| {
            let key = build_subject_key(subject);
            self.selects_object(&key) || (subject.id.is_none() && self.needed.contains(&key))
        };
        plan.steps.retain(|step| keeps(&step.subject));
        plan.unchanged.retain(|agreeing| keeps(&agreeing.subject));
        plan.refused.retain(|refused| keeps(&refused.subject));
        plan.prune_unread();
        plan.diagnostics.extend(self.since.iter().flat_map(SinceFilter::diagnose_left_out));
    }

    /// How many documents are not looked at.
    pub fn left_out(&self) -> &ObjectCounts {
        &self.left_out
    }

    /// What reports say of `--since`.
    pub fn to_since_view(&self) -> Option<SinceView> {
        self.since.as_ref().map(SinceFilter::to_report)
    }

    /// What reports say of paths and patterns.
    pub fn to_selection_view(&self) -> Option<SelectionView> {
        let args = &self.args;
        let paths = args.files.paths.iter().map(|path| path.to_string_lossy().into_owned());
        let view = SelectionView {
            environments: Vec::new(),
            paths: paths.collect(),
            targets: args.target.clone(),
            kinds: args.kind.clone(),
            names: args.names.name.clone(),
            exclude: args.names.exclude.clone(),
            skipped: self.left_out.count_all(),
        };
        (args.has_patterns() || !view.paths.is_empty()).then_some(view)
    }
}

/// A selection among objects that an earlier run recorded: of a saved plan or a receipt.
pub struct ObjectSelection {
    /// Files and folders, from the workspace.
    paths: Vec<String>,
    patterns: ObjectPatterns,
    /// The environment of each target, where environments are selected.
    environments: Option<SelectedEnvironments>,
    since: Option<SinceFilter>,
}

impl ObjectSelection {
    /// What the arguments select. Paths of JSON files name no documents.
    ///
    /// # Errors
    /// When there is no such environment, or the history that `--since` needs is not there.
    pub fn new(workspace: &LoadedWorkspace, args: &SelectionArgs) -> Result<Self, Vec<Diagnostic>> {
        let environments = SelectedEnvironments::new(workspace, &args.files.environments.environments)?;
        let is_json = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "json");
        let paths = args.files.paths.iter().filter(|path| !is_json(path));
        let since = args.since.as_deref().map(|name| SinceFilter::new(workspace, name, false)).transpose();
        Ok(Self {
            paths: paths.map(|path| workspace.format_path(&workspace.locate_path(path))).collect(),
            patterns: ObjectPatterns::from_args(args),
            environments,
            since: since.map_err(|fault| vec![fault])?,
        })
    }

    /// Whether nothing is narrowed.
    pub fn is_everything(&self) -> bool {
        self.paths.is_empty()
            && self.patterns.is_empty()
            && self.environments.is_none()
            && self.since.is_none()
    }

    /// Whether each pattern matches one of the objects.
    ///
    /// # Errors
    /// With the patterns that match none.
    pub fn check_patterns<'o>(
        &self,
        objects: impl Iterator<Item = ObjectLabel<'o>>,
    ) -> Result<(), Vec<Diagnostic>> {
        let unmatched = self.patterns.diagnose_unmatched(&objects.collect::<Vec<_>>());
        if unmatched.is_empty() { Ok(()) } else { Err(unmatched) }
    }

    /// Whether an object is selected; `file` is the file of its document, where it has one.
    pub fn selects(&self, object: ObjectLabel, file: Option<&str>) -> bool {
        let is_below = |path: &String| file.is_some_and(|file| is_file_below(file, path));
        let key = (Some(object.target.into()), object.kind.into(), object.name.into());
        (self.paths.is_empty() || self.paths.iter().any(is_below))
            && self.patterns.selects(object)
            && self.environments.as_ref().is_none_or(|own| own.has_target(object.target))
            && self.since.as_ref().is_none_or(|since| since.selects_key(&key))
    }
}

/// The targets of the selected environments.
struct SelectedEnvironments(Vec<Arc<str>>);

impl SelectedEnvironments {
    /// Of environments by their names; nothing when none is named.
    fn new(workspace: &LoadedWorkspace, names: &[String]) -> Result<Option<Self>, Vec<Diagnostic>> {
        let unknown: Vec<Diagnostic> =
            names.iter().filter_map(|name| workspace.diagnose_environment(name)).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let targets = workspace.settings.composition.target_environments.iter();
        let is_selected = |environment: &str| names.iter().any(|name| name == environment);
        let own = targets.filter(|(_, own)| is_selected(own)).map(|(target, _)| Arc::clone(target));
        Ok((!names.is_empty()).then(|| Self(own.collect())))
    }

    fn has_target(&self, target: &str) -> bool {
        self.0.iter().any(|own| **own == *target)
    }
}

/// Whether a file is this file, or lies in this folder.
fn is_file_below(file: &str, path: &str) -> bool {
    path.is_empty() || file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What patterns are matched against.
pub fn label_document(document: &Document) -> ObjectLabel<'_> {
    ObjectLabel {
        target: document.target.as_deref().unwrap_or_default(),
        kind: &document.kind.name,
        name: &document.name,
    }
}

fn label_entry(entry: &IndexEntry) -> ObjectLabel<'_> {
    ObjectLabel { target: &entry.target, kind: &entry.kind, name: &entry.name }
}

fn build_entry_key(entry: &IndexEntry) -> DocumentKey {
    (Some(entry.target.as_str().into()), entry.kind.as_str().into(), entry.name.as_str().into())
}
