//! Which values an operator wants written again, whether or not they are what was last written.
//!
//! A selector is the name of a document, or `api/kind/name`; behind a colon it may name a field, inner fields
//! after a dot, items of lists without a number: `harbor-cards:merchantKey`. `*` stands for any letters.
//! Deliberately absent: what a new value is. That comes from the document's source, as always.

use crate::diagnostic::Diagnostic;
use crate::document::{Document, visit_spec};
use crate::kind::visit::{NodeType, VisitFlow};
use crate::kind::wildcard::matches_wildcard;
use crate::kind::{AbsenceRule, Field, FieldType};
use crate::plan::path_label::format_path;
use crate::value::{PathSegment, Sensitivity, ValuePath};

/// What is to be written again.
#[derive(Default)]
pub struct SecretRotation(Vec<RotationSelector>);

/// Nothing.
pub static NO_ROTATION: SecretRotation = SecretRotation(Vec::new());

/// One selector as it was typed, in its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
struct RotationSelector {
    text: String,
    object_pattern: String,
    field_pattern: Option<String>,
}

impl SecretRotation {
    /// What these selectors name; an empty one, as a variable may hold, names nothing.
    pub fn new(typed: &[String]) -> Self {
        let one = |typed: &String| {
            let (object, field) = match typed.split_once(':') {
                Some((object, field)) => (object, Some(field.to_owned())),
                None => (typed.as_str(), None),
            };
            RotationSelector { text: typed.clone(), object_pattern: object.to_owned(), field_pattern: field }
        };
        Self(typed.iter().filter(|typed| !typed.is_empty()).map(one).collect())
    }

    /// Whether it names nothing at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a value of this document is to be written again.
    pub fn selects_value(&self, document: &Document, path: &ValuePath) -> bool {
        self.0.iter().any(|selector| selector.selects_value(document, path))
    }

    /// Selectors that name no value which these documents supply and which may be hidden.
    pub fn diagnose_unmatched(&self, documents: &[Document]) -> Vec<Diagnostic> {
        let takes = |selector: &&RotationSelector| {
            !documents.iter().any(|document| selector.matches_any_value(document))
        };
        let fault = |selector: &RotationSelector| {
            let is_fixed = documents.iter().any(|document| selector.matches_immutable_value(document));
            let text = selector.text.escape_debug();
            if is_fixed {
                let message =
                    format!("`--rotate {text}` names a value that cannot be changed after creation");
                return Diagnostic::error("unmatched-rotate", message)
                    .with_hint("change it in the service, or create the object anew");
            }
            let message = format!("`--rotate {text}` names no secret of any document");
            Diagnostic::error("unmatched-rotate", message)
                .with_hint("write a document's name, or `api/kind/name`, and behind a colon a field; `*` stands for any letters")
        };
        self.0.iter().filter(takes).map(fault).collect()
    }
}

impl RotationSelector {
    fn selects_value(&self, document: &Document, path: &ValuePath) -> bool {
        self.matches_document(document)
            && self
                .field_pattern
                .as_ref()
                .is_none_or(|field| matches_wildcard(field, &format_path(path).replace("[]", "")))
    }

    fn matches_document(&self, document: &Document) -> bool {
        match self.object_pattern.contains('/') {
            true => {
                matches_wildcard(&self.object_pattern, &format!("{}/{}", document.kind.name, document.name))
            }
            false => matches_wildcard(&self.object_pattern, &document.name),
        }
    }

    fn matches_any_value(&self, document: &Document) -> bool {
        self.matches_value(document, &|field| !field.behavior.immutable)
    }

    /// Whether it names a value that is only set by a create.
    fn matches_immutable_value(&self, document: &Document) -> bool {
        self.matches_value(document, &|field| field.behavior.immutable)
    }

    fn matches_value(&self, document: &Document, is_meant: &dyn Fn(&Field) -> bool) -> bool {
        self.matches_document(document) && {
            let mut matches = false;
            visit_spec(document, &mut |at| {
                let segment = |field: &&Field| PathSegment::Field(field.name.clone());
                let path = || ValuePath(at.path.iter().map(segment).collect());
                let is_value =
                    matches!((at.node_type, &at.field.ty), (NodeType::Field, FieldType::Scalar(_)));
                let is_meant = is_value && is_rotatable(at.field) && is_meant(at.field);
                matches |= is_meant && self.selects_value(document, &path());
                VisitFlow::Descend
            });
            matches
        }
    }
}

/// Whether the values of a field are such as may be written again: secrets, and what may not read back.
pub fn is_rotatable(field: &Field) -> bool {
    let hidden = matches!(field.when_absent, AbsenceRule::Hidden | AbsenceRule::Pending)
        && field.sensitivity != Sensitivity::Public;
    field.sensitivity == Sensitivity::Secret || field.behavior.write_only || hidden
}
