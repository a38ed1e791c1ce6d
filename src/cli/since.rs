//! `--since REF`: only objects whose documents changed since the branch parted from a commit.
//!
//! A document changed when it asks something else, however its text moved. One that refers to such a document by
//! its name counts too, because the id that it sends may be another. What a chosen document refers to is read for
//! its id and left out of the plan, unless it has to be created first.
//! Deliberately absent: settings and descriptions of kinds. That they changed is said; what follows from it only a
//! run over everything tells.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::past::{Before, Branch, Key, key, key_of};
use super::settings;
use super::workspace::{self, KINDS, Workspace};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::kind::Among;
use crate::plan::{Plan, Subject};
use crate::report::shown::Since as Shown;
use crate::run::index::Entry;

/// Which objects a run is about.
pub struct Since {
    name: String,
    commit: String,
    chosen: HashSet<Key>,
    /// Those to which the chosen ones refer.
    needed: HashSet<Key>,
    /// Documents that were there and are not any more.
    gone: HashSet<Key>,
    /// How many documents are not looked at.
    left_out: usize,
    /// What else changed.
    settings: Vec<String>,
}

impl Since {
    /// What changed in a workspace since the branch parted from the commit of this name. Which documents are gone
    /// only a run over the whole workspace knows.
    ///
    /// # Errors
    /// When there is no repository, no such commit, or not the history that is needed.
    pub fn of(workspace: &Workspace, name: &str, narrowed: bool) -> Result<Self, Diagnostic> {
        let branch = Branch::since(&workspace.root, name)?;
        let before = Before::new(&branch, workspace)?;
        let documents = || workspace.documents.iter();
        let here: HashSet<Key> = documents().map(key).collect();
        let mut chosen: HashSet<Key> = documents().filter(|own| before.changed(own)).map(key).collect();
        let gone: HashSet<Key> =
            before.then().map(key).filter(|own| !narrowed && !here.contains(own)).collect();
        let refers_to_one =
            |own: &&Document| refers(own).any(|to| chosen.contains(&to) || gone.contains(&to));
        let referring: Vec<Key> = documents().filter(refers_to_one).map(key).collect();
        chosen.extend(referring);
        let needed = needed(&workspace.documents, &chosen);
        let left_out = here.len() - chosen.len();
        let settings = changed_settings(&before, workspace);
        let (name, commit) = (name.to_owned(), branch.base().to_string());
        Ok(Self { name, commit, chosen, needed, gone, left_out, settings })
    }

    /// Whether a document is read.
    pub fn is_read(&self, document: &Document) -> bool {
        let key = key(document);
        self.chosen.contains(&key) || self.needed.contains(&key) || self.gone.contains(&key)
    }

    /// Whether a document is one that changed, or refers to one.
    pub fn is_chosen(&self, document: &Document) -> bool {
        self.chosen.contains(&key(document))
    }

    /// Whether the document of a managed object went away.
    pub fn is_gone(&self, entry: &Entry) -> bool {
        let key: Key =
            (Some(entry.target.as_str().into()), entry.kind.as_str().into(), entry.name.as_str().into());
        self.gone.contains(&key)
    }

    /// Leaves the chosen objects in a plan, and those that have to be there first.
    pub fn keep(&self, plan: &mut Plan) {
        let keeps = |subject: &Subject| {
            let key = key_of(subject);
            self.chosen.contains(&key)
                || self.gone.contains(&key)
                || (subject.id.is_none() && self.needed.contains(&key))
        };
        plan.steps.retain(|step| keeps(&step.subject));
        plan.agreeing.retain(|agreeing| keeps(&agreeing.subject));
        plan.refused.retain(|refused| keeps(&refused.subject));
        plan.keep_unread();
        plan.diagnostics.extend(self.said());
    }

    /// How many documents are not looked at.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// What reports tell.
    pub fn told(&self) -> Shown {
        Shown { name: self.name.clone(), commit: self.commit.clone(), left_out: self.left_out }
    }

    fn said(&self) -> Vec<Diagnostic> {
        let name = self.name.escape_debug();
        let hint = "leave `--since` out to look at everything";
        let (number, verb) = match self.left_out {
            1 => ("1 document".to_owned(), "does"),
            many => (format!("{many} documents"), "do"),
        };
        let left_out = (self.left_out > 0).then(|| {
            let message = format!("{number} that {verb} not differ from {name} were not looked at");
            Diagnostic::note("left-out", message).hint(hint)
        });
        let settings = self.settings.first().map(|first| {
            let more = match self.settings.len() {
                1 => String::new(),
                many => format!(" and {} more", many - 1),
            };
            let message = format!("`{first}`{more} differs from {name} too, which may concern every object");
            Diagnostic::warning("settings-changed", message).hint(hint)
        });
        left_out.into_iter().chain(settings).collect()
    }
}

/// The documents to which these refer, and to which those refer in turn, without these themselves.
pub fn needed(documents: &[Document], chosen: &HashSet<Key>) -> HashSet<Key> {
    let all: HashMap<Key, &Document> = documents.iter().map(|own| (key(own), own)).collect();
    let mut open: Vec<&Document> = chosen.iter().filter_map(|own| all.get(own).copied()).collect();
    let mut needed = HashSet::new();
    while let Some(document) = open.pop() {
        for to in refers(document).filter(|to| !chosen.contains(to)) {
            if let Some(next) = all.get(&to).filter(|_| !needed.contains(&to)) {
                open.push(next);
                needed.insert(to);
            }
        }
    }
    needed
}

/// The documents to which a document refers.
fn refers(document: &Document) -> impl Iterator<Item = Key> {
    document.references().into_iter().filter_map(|(spot, reference)| {
        match spot.field.refers_to.as_ref().and_then(|refers| refers.among.as_ref()) {
            Some(Among::Kind(kind)) => {
                Some((document.target.clone(), Arc::clone(kind), Arc::from(&*reference.name)))
            }
            _ => None,
        }
    })
}

/// The settings and descriptions that are not what they were.
fn changed_settings(before: &Before, workspace: &Workspace) -> Vec<String> {
    let (descriptions, _) = workspace::descriptions(&workspace.root);
    let mut now: BTreeMap<String, String> =
        descriptions.map(|own| own.files.into_iter().collect()).unwrap_or_default();
    now.insert(settings::NAME.to_owned(), workspace.settings.source.text.to_string());
    let is_one = |path: &&str| *path == settings::NAME || is_description(path);
    let paths: BTreeSet<&str> = now.keys().map(String::as_str).chain(before.paths().filter(is_one)).collect();
    let differs = |path: &&str| !before.holds(path, now.get(*path).map(String::as_str));
    paths.into_iter().filter(differs).map(str::to_owned).collect()
}

/// `apis/<api>/<kind>.yaml`
fn is_description(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let is_yaml = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
    matches!(parts.as_slice(), [KINDS, _, name] if is_yaml(name))
}
