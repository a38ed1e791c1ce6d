//! What is imported, from where, and how.

use std::sync::Arc;

use crate::document::Document;
use crate::kind::Kind;
use crate::plan::PlanSubject;
use crate::run::fetch::ObjectJob;
use crate::value::{Object, Value};

/// What is imported, from where, and how.
pub struct ImportJob {
    pub kind: Arc<Kind>,
    pub target: Arc<str>,
    /// By the number of the parameter, complete.
    pub scope: Vec<Value>,
    /// The parameters that the target does not fix, so that documents have to.
    pub own_scope: Vec<(u16, Value)>,
    /// Whether several targets serve the API, so that documents have to say which.
    pub names_target: bool,
    /// Whether personal and sensitive values are written.
    pub personal: bool,
    /// Whether documents leave secret fields unmanaged.
    pub no_secrets: bool,
    /// Whether documents that are there get fields that they do not name.
    pub all_fields: bool,
}

impl ImportJob {
    /// Which object a document is about.
    pub fn build_subject(&self, document: &Document, live: &Object) -> PlanSubject {
        PlanSubject {
            number: 0,
            kind: Arc::clone(&self.kind),
            name: Arc::clone(&document.name),
            environment: document.environment.clone(),
            target: Arc::clone(&self.target),
            scope: self.scope.clone(),
            id: live.get_field(self.kind.identity.id).cloned(),
            place: document.locate_span(document.name_span),
        }
    }

    /// One document as a run sees it.
    pub(super) fn build_job<'d>(&self, document: &'d Document) -> ObjectJob<'d> {
        ObjectJob {
            document,
            scope: self.scope.clone(),
            target: Arc::clone(&self.target),
            known_id: None,
            just_created: false,
            excluded_id: None,
        }
    }
}
