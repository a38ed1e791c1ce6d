//! What the settings of a workspace say about composition: environments, values, defaults of kinds.
//!
//! Read and checked where the settings are; here they are plain data.
//! Deliberately absent: the connections themselves.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan, suggest_word};
use crate::document::ValueSource;
use crate::kind::ScalarType;
use crate::value::Sensitivity;

/// The part of the settings that documents are composed by.
#[derive(Clone)]
pub struct CompositionSettings {
    pub source: Arc<NamedSource>,
    /// In the order in which they are written.
    pub environments: Vec<EnvironmentSettings>,
    pub values: Vec<ValueDefinition>,
    pub defaults: Vec<KindDefaults>,
    /// The environment of each target that has one.
    pub target_environments: Vec<(Arc<str>, Arc<str>)>,
}

/// An environment.
#[derive(Clone)]
pub struct EnvironmentSettings {
    pub name: Arc<str>,
    pub span: SourceSpan,
    /// The environment in which a commit is to be verified first.
    pub after: Option<Arc<str>>,
}

/// A value that environments set.
#[derive(Clone)]
pub struct ValueDefinition {
    pub name: Arc<str>,
    pub span: SourceSpan,
    pub description: Option<String>,
    pub ty: ScalarType,
    pub sensitivity: Sensitivity,
    pub default: Option<ValueSetting>,
}

/// What a value is set to.
#[derive(Clone)]
pub struct ValueSetting {
    pub span: SourceSpan,
    pub content: ValueContent,
}

/// A scalar as it is written, or where it comes from.
#[derive(Clone)]
pub enum ValueContent {
    Scalar { text: Arc<str>, plain: bool },
    Source(ValueSource),
}

/// The bases that documents of a kind extend when they name none.
#[derive(Clone)]
pub struct KindDefaults {
    pub kind: Arc<str>,
    /// Names of bases, with where they stand.
    pub bases: Vec<(Arc<str>, SourceSpan)>,
}

impl CompositionSettings {
    /// The settings of a workspace that says nothing about composition.
    pub fn new(source: &Arc<NamedSource>) -> Self {
        Self {
            source: Arc::clone(source),
            environments: Vec::new(),
            values: Vec::new(),
            defaults: Vec::new(),
            target_environments: Vec::new(),
        }
    }

    /// The environment of that name.
    pub fn find_environment(&self, name: &str) -> Option<&EnvironmentSettings> {
        self.environments.iter().find(|own| &*own.name == name)
    }

    /// The environment of a target.
    pub fn find_target_environment(&self, target: &str) -> Option<&Arc<str>> {
        self.target_environments.iter().find(|(name, _)| &**name == target).map(|(_, own)| own)
    }

    /// Whether another environment comes after this one.
    pub fn has_successor(&self, name: &str) -> bool {
        self.environments.iter().any(|own| own.after.as_deref() == Some(name))
    }

    /// The bases of documents of a kind that name none.
    pub fn find_defaults(&self, kind: &str) -> Option<&KindDefaults> {
        self.defaults.iter().find(|own| &*own.kind == kind)
    }

    /// The fault of an environment that is not in the settings; without a place.
    pub fn diagnose_unknown_environment(&self, name: &str) -> Diagnostic {
        let message = format!("there is no environment `{}`", name.escape_debug());
        let hint = suggest_word(name, self.environments.iter().map(|own| &*own.name));
        Diagnostic::error("unknown-environment", message)
            .with_hint(hint.unwrap_or_else(|| "add it under `environments` in trueup.yaml".to_owned()))
    }
}
