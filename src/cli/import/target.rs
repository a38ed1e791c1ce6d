//! What an import is directed at: the kind, the target, the scope and the selectors, from arguments and settings.

use crate::cli::import::args::ImportArgs;
use crate::cli::object_patterns::ObjectLabel;
use crate::diagnostic::{Diagnostic, suggest_word};
use crate::document::{Document, DocumentState};
use crate::kind::scalar::ScalarToken;
use crate::kind::{Kind, ScalarType, ScopeParameter, explain};
use crate::run::import::ImportJob;
use crate::run::import::select::ObjectSelector;
use crate::value::Value;
use crate::workspace::LoadedWorkspace;
use crate::workspace::settings::{SETTINGS_FILE_NAME, TargetSettings};

/// What is imported.
pub struct ImportTarget {
    pub import: ImportJob,
    pub selectors: Vec<ObjectSelector>,
    /// Scope values that the target fixes, by the number of the parameter.
    fixed_scope: Vec<Option<Value>>,
}

impl ImportTarget {
    /// Reads the arguments against a workspace; nothing when the kind or the target is not known.
    pub fn from_args(
        workspace: &LoadedWorkspace,
        args: &ImportArgs,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let Some(kind) = workspace.registry.find_kind(&args.kind) else {
            faults.push(diagnose_unknown_kind(workspace, &args.kind));
            return None;
        };
        let targets = &workspace.settings.targets;
        let mut serving: Vec<&TargetSettings> =
            targets.iter().filter(|target| target.api.name == kind.api.name).collect();
        let names_target = serving.len() > 1;
        if let Some(name) = &args.environment {
            if let Some(fault) = workspace.diagnose_environment(name) {
                faults.push(fault);
                return None;
            }
            serving.retain(|target| target.environment.as_deref() == Some(&**name));
        }
        let target = match find_target(&serving, args.target.as_deref(), &kind) {
            Ok(target) => target,
            Err(fault) => {
                faults.push(fault);
                return None;
            }
        };
        let fixed: Vec<Option<Value>> = kind.scope.iter().map(|own| read_fixed_scope(target, own)).collect();
        let scope = resolve_scope(&kind, args, &fixed, target, faults);
        let mut selectors = Vec::new();
        for text in &args.selectors {
            match ObjectSelector::parse(text, &kind) {
                Ok(selector) => selectors.push(selector),
                Err(fault) => faults.push(fault),
            }
        }
        let own = (0u16..).zip(&scope).zip(&fixed).filter(|((_, own), fixed)| fixed.as_ref() != Some(own));
        let naming = ParentNaming { workspace, target, kind: &kind, scope: &scope };
        let named = |number: u16, value: &Value| {
            naming.name_parent(usize::from(number)).unwrap_or_else(|| value.clone())
        };
        let import = ImportJob {
            own_scope: own.map(|((number, value), _)| (number, named(number, value))).collect(),
            target: target.name.clone(),
            names_target,
            personal: args.personal,
            no_secrets: args.no_secrets,
            all_fields: args.all_fields,
            kind,
            scope,
        };
        Some(Self { import, selectors, fixed_scope: fixed })
    }

    /// What patterns are matched against, for an object whose document has this name.
    pub fn label_object<'o>(&'o self, name: &'o str) -> ObjectLabel<'o> {
        ObjectLabel { target: &self.import.target, kind: &self.import.kind.name, name }
    }

    /// Whether the names of a document must not be taken again.
    pub fn claims_name(&self, document: &Document) -> bool {
        let target = document.target.as_ref();
        document.kind.name == self.import.kind.name
            && target.map_or(!self.import.names_target, |target| *target == self.import.target)
    }

    /// Whether a document is about an object of this collection.
    pub fn owns_document(&self, document: &Document) -> bool {
        let value = |at: usize| {
            let own = document.scope.iter().find(|(number, _)| *number as usize == at);
            own.map(|(_, value)| value).or_else(|| self.fixed_scope.get(at)?.as_ref())
        };
        self.claims_name(document)
            && self
                .import
                .scope
                .iter()
                .enumerate()
                .all(|(at, own)| value(at).is_some_and(|value| value == own || self.names_scope(at, value)))
    }

    /// Whether a document names the parent by which this import names it.
    fn names_scope(&self, at: usize, value: &Value) -> bool {
        self.import.own_scope.iter().any(|(number, own)| usize::from(*number) == at && own == value)
    }

    /// The first parameter of the scope without a value: all parents are gone through.
    pub fn find_open_scope(&self) -> Option<usize> {
        self.import.scope.iter().position(|value| matches!(value, Value::Null))
    }

    /// The scope in which the parents are, from parameters of the same name and from the target.
    pub fn resolve_parent_scope(
        &self,
        parent: &Kind,
        workspace: &LoadedWorkspace,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Vec<Value>> {
        let targets = &workspace.settings.targets;
        let target = targets.iter().find(|target| target.name == self.import.target)?;
        let own = |name: &str| {
            let at = self.import.kind.scope.iter().position(|own| *own.name == *name)?;
            self.import.scope.get(at).filter(|value| !matches!(value, Value::Null)).cloned()
        };
        let mut values = Vec::with_capacity(parent.scope.len());
        for parameter in &parent.scope {
            match own(&parameter.name).or_else(|| read_fixed_scope(target, parameter)) {
                Some(value) => values.push(value),
                None => faults.push(diagnose_missing_scope(parameter, target)),
            }
        }
        (values.len() == parent.scope.len()).then_some(values)
    }

    /// The text of an id; none for nothing.
    pub fn format_id(&self, id: &Value) -> Option<String> {
        Some(ScalarType::render_url_text(id, &self.import.kind.api)).filter(|text| !text.is_empty())
    }
}

fn diagnose_unknown_kind(workspace: &LoadedWorkspace, name: &str) -> Diagnostic {
    // the same words as those of `explain`
    explain::explain_topic(&workspace.registry, name).err().unwrap_or_else(|| {
        Diagnostic::error("unknown-kind", format!("`{}` is not a kind", name.escape_debug()))
            .with_hint("name a kind as `api/kind`; `trueup explain` lists them")
    })
}

/// The target that was named, or the only one.
fn find_target<'t>(
    serving: &[&'t TargetSettings],
    name: Option<&str>,
    kind: &Kind,
) -> Result<&'t TargetSettings, Diagnostic> {
    let names: Vec<&str> = serving.iter().map(|target| &*target.name).collect();
    match (serving, name) {
        ([], _) => {
            let message = format!("no target in {SETTINGS_FILE_NAME} serves `{}`", kind.api.name);
            Err(Diagnostic::error("no-target", message).with_hint("add one under `targets`"))
        }
        (serving, Some(name)) => {
            serving.iter().copied().find(|target| &*target.name == name).ok_or_else(|| {
                let message = format!("no target `{}` serves `{}`", name.escape_debug(), kind.api.name);
                let mut fault = Diagnostic::error("unknown-target", message);
                fault.hint = suggest_word(name, names.iter().copied());
                fault
            })
        }
        ([only], None) => Ok(only),
        (_, None) => {
            let message = format!("several targets serve `{}`: {}", kind.api.name, names.join(", "));
            Err(Diagnostic::error("ambiguous-target", message).with_hint("choose one with `--target`"))
        }
    }
}

/// What the target says of a parameter; whether that fits its type was said where it is written.
fn read_fixed_scope(target: &TargetSettings, own: &ScopeParameter) -> Option<Value> {
    let (_, text) = target.scope.iter().find(|(name, _)| *name == own.name)?;
    own.ty.read_token(ScalarToken::String(text)).ok()
}

/// Every scope value, from the arguments or the target.
fn resolve_scope(
    kind: &Kind,
    args: &ImportArgs,
    fixed: &[Option<Value>],
    target: &TargetSettings,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Value> {
    let mut scope: Vec<Option<Value>> = fixed.to_vec();
    for text in &args.scope {
        match parse_scope_flag(kind, text) {
            Ok((number, value)) => {
                if let Some(own) = scope.get_mut(number) {
                    *own = Some(value);
                }
            }
            Err(fault) => faults.push(fault),
        }
    }
    for (own, value) in kind.scope.iter().zip(&scope) {
        if value.is_none() && !own.each {
            faults.push(diagnose_missing_scope(own, target));
        }
    }
    scope.into_iter().map(|value| value.unwrap_or(Value::Null)).collect()
}

fn diagnose_missing_scope(parameter: &ScopeParameter, target: &TargetSettings) -> Diagnostic {
    let name = &parameter.name;
    let message = format!("missing scope `{name}` for these objects");
    let hint =
        format!("`--scope {name}=…`, or `scope` of the target `{}` in {SETTINGS_FILE_NAME}", target.name);
    Diagnostic::error("missing-scope", message).with_hint(hint)
}

/// The parents of a scope as documents describe them.
struct ParentNaming<'n> {
    workspace: &'n LoadedWorkspace,
    target: &'n TargetSettings,
    kind: &'n Kind,
    /// The ids of the parents, by the number of the parameter.
    scope: &'n [Value],
}

impl ParentNaming<'_> {
    /// A scope value by the name of the document of the parent, where the workspace has one with that id in the scope
    /// of the parent.
    fn name_parent(&self, number: usize) -> Option<Value> {
        let (parameter, value) = (self.kind.scope.get(number)?, self.scope.get(number)?);
        let parent = self.workspace.registry.find_kind(parameter.parent_kind()?)?;
        let is_parent = |own: &&Document| {
            own.kind.name == parent.name
                && own.target.as_deref() == Some(&*self.target.name)
                && own.state == DocumentState::Present
                && own.id.as_ref() == Some(value)
                && self.is_in_scope(own, number)
        };
        let document = self.workspace.documents.iter().find(is_parent)?;
        Some(Value::KnownAfterApply((&*document.name).into()))
    }

    /// Whether the document of a parent is in the part of the scope that parents have too, by values or by names.
    fn is_in_scope(&self, document: &Document, number: usize) -> bool {
        document.kind.scope.iter().enumerate().all(|(at, parameter)| {
            let fixed = || read_fixed_scope(self.target, parameter);
            let own = document.scope.iter().find(|(number, _)| usize::from(*number) == at);
            let own = own.map(|(_, value)| value.clone()).or_else(fixed);
            let shared = self.kind.scope.iter().position(|other| other.name == parameter.name);
            let shared = shared.filter(|shared| *shared != number);
            let expected = shared.and_then(|shared| self.scope.get(shared).cloned()).or_else(fixed);
            own.is_some() && (own == expected || own == shared.and_then(|shared| self.name_parent(shared)))
        })
    }
}

fn parse_scope_flag(kind: &Kind, text: &str) -> Result<(usize, Value), Diagnostic> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        Diagnostic::error("invalid-scope", "`--scope` takes a name and a value").with_hint("write NAME=VALUE")
    })?;
    let Some(number) = kind.scope.iter().position(|own| &*own.name == name) else {
        let message = format!("`{}` has no scope `{}`", kind.name, name.escape_debug());
        let mut fault = Diagnostic::error("unknown-scope", message);
        fault.hint = suggest_word(name, kind.scope.iter().map(|own| &*own.name));
        return Err(fault);
    };
    let own = &kind.scope[number];
    let read = own.ty.read_token(ScalarToken::String(value));
    read.map(|value| (number, value)).map_err(|mismatch| {
        let fault = Diagnostic::error("wrong-value", format!("`--scope {name}`: {}", mismatch.message));
        fault.with_hint(mismatch.hint.unwrap_or_else(|| format!("write {}", own.ty.describe_type())))
    })
}
