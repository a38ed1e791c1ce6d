//! What an import is aimed at: the kind, the target, the scope and the selectors, from arguments and settings.

use super::super::args::ImportArgs;
use super::super::settings::{NAME, TargetSettings};
use super::super::workspace::Workspace;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::document::Document;
use crate::kind::leaf::Token;
use crate::kind::{Kind, Leaf, explain};
use crate::run::import::Import;
use crate::run::import::select::Selector;
use crate::value::Value;

/// What is imported.
pub struct Aim {
    pub import: Import,
    pub selectors: Vec<Selector>,
    /// Scope values that the target fixes, by the number of the parameter.
    fixed: Vec<Option<Value>>,
}

impl Aim {
    /// Reads the arguments against a workspace; nothing when the kind or the target is not known.
    pub fn take(workspace: &Workspace, args: &ImportArgs, faults: &mut Vec<Diagnostic>) -> Option<Self> {
        let Some(kind) = workspace.registry.kind(&args.kind) else {
            faults.push(unknown_kind(workspace, &args.kind));
            return None;
        };
        let serving: Vec<&TargetSettings> =
            workspace.settings.targets.iter().filter(|target| target.api.name == kind.api.name).collect();
        let target = match target(&serving, args.target.as_deref(), &kind) {
            Ok(target) => target,
            Err(fault) => {
                faults.push(fault);
                return None;
            }
        };
        let fixed: Vec<Option<Value>> = kind.scope.iter().map(|own| fixed(target, own)).collect();
        let scope = scope(&kind, args, &fixed, target, faults);
        let mut selectors = Vec::new();
        for text in &args.selectors {
            match Selector::parse(text, &kind) {
                Ok(selector) => selectors.push(selector),
                Err(fault) => faults.push(fault),
            }
        }
        let own = (0u16..).zip(&scope).zip(&fixed).filter(|((_, own), fixed)| fixed.as_ref() != Some(own));
        let import = Import {
            own_scope: own.map(|((number, value), _)| (number, value.clone())).collect(),
            target: target.name.clone(),
            names_target: serving.len() > 1,
            personal: args.personal,
            all_fields: args.all_fields,
            kind,
            scope,
        };
        Some(Self { import, selectors, fixed })
    }

    /// Whether the names of a document must not be taken again.
    pub fn names(&self, document: &Document) -> bool {
        let target = document.target.as_ref();
        document.kind.name == self.import.kind.name
            && target.map_or(!self.import.names_target, |target| *target == self.import.target)
    }

    /// Whether a document is about an object of this collection.
    pub fn owns(&self, document: &Document) -> bool {
        let value = |at: usize| {
            let own = document.scope.iter().find(|(number, _)| *number as usize == at);
            own.map(|(_, value)| value).or_else(|| self.fixed.get(at)?.as_ref())
        };
        self.names(document) && self.import.scope.iter().enumerate().all(|(at, own)| value(at) == Some(own))
    }

    /// The text of an id; none for nothing.
    pub fn id_text(&self, id: &Value) -> Option<String> {
        Some(Leaf::url_text(id, &self.import.kind.api)).filter(|text| !text.is_empty())
    }
}

fn unknown_kind(workspace: &Workspace, name: &str) -> Diagnostic {
    // the same words as those of `explain`
    explain::topic(&workspace.registry, name).err().unwrap_or_else(|| {
        Diagnostic::error("unknown-kind", format!("`{}` is not a kind", name.escape_debug()))
            .hint("name a kind as `api/kind`; `trueup explain` lists them")
    })
}

/// The target that was named, or the only one.
fn target<'t>(
    serving: &[&'t TargetSettings],
    name: Option<&str>,
    kind: &Kind,
) -> Result<&'t TargetSettings, Diagnostic> {
    let names: Vec<&str> = serving.iter().map(|target| &*target.name).collect();
    match (serving, name) {
        ([], _) => {
            let message = format!("no target in {NAME} serves `{}`", kind.api.name);
            Err(Diagnostic::error("no-target", message).hint("add one under `targets`"))
        }
        (serving, Some(name)) => {
            serving.iter().copied().find(|target| &*target.name == name).ok_or_else(|| {
                let message = format!("no target `{}` serves `{}`", name.escape_debug(), kind.api.name);
                let mut fault = Diagnostic::error("unknown-target", message);
                fault.hint = did_you_mean(name, names.iter().copied());
                fault
            })
        }
        ([only], None) => Ok(only),
        (_, None) => {
            let message = format!("several targets serve `{}`: {}", kind.api.name, names.join(", "));
            Err(Diagnostic::error("which-target", message).hint("choose one with `--target`"))
        }
    }
}

/// What the target says of a parameter; whether that fits its type was said where it is written.
fn fixed(target: &TargetSettings, own: &crate::kind::Scope) -> Option<Value> {
    let (_, text) = target.scope.iter().find(|(name, _)| *name == own.name)?;
    own.ty.read(Token::Text(text)).ok()
}

/// Every scope value, from the arguments or the target.
fn scope(
    kind: &Kind,
    args: &ImportArgs,
    fixed: &[Option<Value>],
    target: &TargetSettings,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Value> {
    let mut scope: Vec<Option<Value>> = fixed.to_vec();
    for text in &args.scope {
        match named_scope(kind, text) {
            Ok((number, value)) => {
                if let Some(own) = scope.get_mut(number) {
                    *own = Some(value);
                }
            }
            Err(fault) => faults.push(fault),
        }
    }
    for (own, value) in kind.scope.iter().zip(&scope) {
        if value.is_none() {
            let message = format!("nothing says which `{}` these objects belong to", own.name);
            let hint =
                format!("`--scope {}=…`, or `scope` of the target `{}` in {NAME}", own.name, target.name);
            faults.push(Diagnostic::error("missing-scope", message).hint(hint));
        }
    }
    scope.into_iter().map(|value| value.unwrap_or(Value::Null)).collect()
}

fn named_scope(kind: &Kind, text: &str) -> Result<(usize, Value), Diagnostic> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        Diagnostic::error("odd-scope", "`--scope` takes a name and a value").hint("write NAME=VALUE")
    })?;
    let Some(number) = kind.scope.iter().position(|own| &*own.name == name) else {
        let message = format!("`{}` has no scope `{}`", kind.name, name.escape_debug());
        let mut fault = Diagnostic::error("unknown-scope", message);
        fault.hint = did_you_mean(name, kind.scope.iter().map(|own| &*own.name));
        return Err(fault);
    };
    let own = &kind.scope[number];
    let read = own.ty.read(Token::Text(value));
    read.map(|value| (number, value)).map_err(|mismatch| {
        let fault = Diagnostic::error("wrong-value", format!("`--scope {name}`: {}", mismatch.message));
        fault.hint(mismatch.hint.unwrap_or_else(|| format!("write {}", own.ty.noun())))
    })
}
