//! The replacement of an object of which an immutable field is to change: what goes, what comes, and what forces it.
//!
//! The new object is what its document names; what the document leaves alone is not taken over, and is shown as lost.
//! A step is carried out in parts, the delete and the create, each a step with a request of its own.
//! Deliberately absent: when the parts are sent (`run::execute::replace`).

use crate::diagnostic::Diagnostic;
use crate::document::{DesiredValue, Document};
use crate::kind::{IdAssigner, ReplacementRule, WriteBody};
use crate::plan::compare::diff_objects;
use crate::plan::path_label::format_path_with_keys;
use crate::plan::permission::Permission;
use crate::plan::propose::{GrantedPermissions, ObjectProposal, ProposalInput};
use crate::plan::request;
use crate::plan::sync_check::is_field_in_sync;
use crate::plan::{Change, PlanSubject, Step, StepAction, StepReplacement};
use crate::value::{Object, PathSegment, Value, ValuePath};

/// Why an object is not replaced.
fn diagnose_refusal(
    question: &ProposalInput,
    proposal: &ObjectProposal,
    permissions: GrantedPermissions,
) -> Option<Diagnostic> {
    let (document, live) = (question.document, question.live?);
    let kind = &document.kind;
    let names: Vec<String> =
        proposal.replaced_by.iter().map(|path| format!("`{}`", format_path_with_keys(kind, path))).collect();
    let forced = format!("{} cannot be changed after creation", names.join(", "));
    let by_service = kind.identity.id_assigned_by == IdAssigner::Server;
    let (code, message, hint) = if kind.is_built_in(live) {
        let hint = "write what the live object has";
        ("built-in-object", format!("{forced}, and the service brings this object along"), hint)
    } else if document.protect {
        let hint = "take `protect` away first, in a run of its own";
        ("protected", format!("{forced}, and a protected object is not replaced"), hint)
    } else if document.id.is_some() && by_service {
        let hint = "remove `id` from the document, or write what the live object has";
        ("immutable-field", format!("{forced}, and a new object would have another `id`"), hint)
    } else if !permissions.replace {
        let hint = "`--allow-replace` allows it";
        (Permission::Replace.code(), format!("{forced}, so a new object would replace this one"), hint)
    } else {
        return None;
    };
    Some(Diagnostic::error(code, message).with_location(question.subject.place.clone()).with_hint(hint))
}

/// Whether a document asks for another value of an immutable field, as far as that is known: a reference may lead to
/// an object that is replaced itself.
pub fn differs_in_immutable(document: &Document, live: &Object) -> bool {
    let DesiredValue::Object(fields) = &document.spec.value else { return false };
    let shape = &document.kind.shape;
    fields.iter().map(|(number, wanted)| (shape.get_field(*number), wanted)).any(|(field, wanted)| {
        field.holds_immutable() && !is_field_in_sync(field, live.get_field(field.number), wanted)
    })
}

impl PlanSubject {
    /// The object that is to come: it gets its id from the service, or has the same one.
    pub fn to_successor(&self) -> Self {
        let is_kept = self.kind.identity.id_assigned_by == IdAssigner::Client;
        Self { id: self.id.clone().filter(|_| is_kept), ..self.clone() }
    }

    /// The step that deletes it.
    pub fn build_delete_step(&self, live: &Object, changes: Vec<Change>) -> Step {
        build_delete_step(self, live, changes)
    }
}

impl ProposalInput<'_> {
    /// Why its object is not replaced.
    pub fn find_replacement_refusal(
        &self,
        proposal: &ObjectProposal,
        permissions: GrantedPermissions,
    ) -> Option<Diagnostic> {
        diagnose_refusal(self, proposal, permissions)
    }

    /// The step that replaces its object by what a create makes.
    pub fn build_replacement_step(&self, proposal: ObjectProposal, create: Step) -> Step {
        build_step(self, proposal, create)
    }
}

/// The step that replaces an object by what a create makes.
fn build_step(question: &ProposalInput, proposal: ObjectProposal, create: Step) -> Step {
    let (kind, rule) = (&question.document.kind, question.document.kind.replacement);
    let lost = question.live.map(|live| list_lost_values(question, live, &proposal, &create));
    let mut requests = create.requests;
    let delete = request::build_delete(question.subject);
    match rule {
        ReplacementRule::CreateThenDelete => requests.extend(delete),
        _ => requests.splice(0..0, delete).for_each(drop),
    }
    let mut required_permissions = create.required_permissions;
    required_permissions.push(Permission::Replace);
    debug_assert!(kind.replacement != ReplacementRule::Refuse, "only such kinds have reasons to replace");
    Step {
        subject: question.subject.clone(),
        action: StepAction::Replace,
        changes: proposal.changes.into_iter().chain(lost.into_iter().flatten()).collect(),
        requests,
        live: question.live.cloned(),
        required_permissions,
        replacement: Some(Box::new(StepReplacement {
            rule,
            forced_by: proposal.replaced_by,
            other_id: None,
        })),
        ..create
    }
}

/// What the document leaves alone and the new object will not have.
fn list_lost_values(
    question: &ProposalInput,
    live: &Object,
    proposal: &ObjectProposal,
    create: &Step,
) -> Vec<Change> {
    let shape = &question.document.kind.shape;
    let found = diff_objects(shape, live, &create.desired, &|field| field.behavior.read_only);
    let is_said = |change: &Change| proposal.changes.iter().any(|own| is_inside(&own.path, &change.path));
    let is_lost = |change: &Change| {
        let holds = change.before.as_ref().is_some_and(|before| !before.is_blank());
        holds && change.after.as_ref().is_none_or(Value::is_blank) && !is_said(change)
    };
    let lost = found.into_iter().filter(is_lost);
    lost.map(|change| Change { unreadable: false, ..change }).collect()
}

/// Whether one path leads into the other.
fn is_inside(outer: &ValuePath, inner: &ValuePath) -> bool {
    let is_same = |(a, b): (&PathSegment, &PathSegment)| match (a, b) {
        (PathSegment::Item { .. }, PathSegment::Item { .. }) => true,
        (a, b) => a == b,
    };
    outer.0.iter().zip(&inner.0).all(is_same)
}

/// The step that deletes an object.
fn build_delete_step(subject: &PlanSubject, live: &Object, changes: Vec<Change>) -> Step {
    Step {
        subject: subject.clone(),
        action: StepAction::Delete,
        changes,
        requests: request::build_delete(subject).into_iter().collect(),
        body_mode: WriteBody::Full,
        notes: Vec::new(),
        live: Some(live.clone()),
        desired: Object::default(),
        hidden: Vec::new(),
        shown_secrets: Vec::new(),
        last_written: Vec::new(),
        unsendable_paths: Vec::new(),
        required_permissions: Vec::new(),
        replacement: None,
        without_records: None,
    }
}

/// The part of a replacement that deletes the former object; `other_id` is that of the new one, where it is there.
pub fn build_delete_part(step: &Step, other_id: Option<Value>) -> Option<Step> {
    let (live, own) = (step.live.as_ref()?, step.replacement.as_ref()?);
    let changes = diff_objects(&step.subject.kind.shape, live, &Object::default(), &|_| false);
    let changes = changes.into_iter().map(|change| Change { unreadable: false, ..change }).collect();
    let replacement = Some(Box::new(StepReplacement { other_id, ..(**own).clone() }));
    Some(Step { replacement, ..build_delete_step(&step.subject, live, changes) })
}

/// The part of a replacement that creates the new object.
pub fn build_create_part(step: &Step, create: Step) -> Option<Step> {
    let own = step.replacement.as_ref()?;
    let other_id = step.subject.id.clone().filter(|_| own.rule == ReplacementRule::CreateThenDelete);
    Some(Step { replacement: Some(Box::new(StepReplacement { other_id, ..(**own).clone() })), ..create })
}

/// What is said of the former object of an interrupted replacement.
const LEFTOVER: &str = "an interrupted replacement created the new object and left this one, its former one";

/// Why what an interrupted replacement left is not deleted without a permission.
pub fn diagnose_leftover(subject: &PlanSubject, permission: Permission) -> Diagnostic {
    Diagnostic::error(permission.code(), format!("{LEFTOVER}, to be deleted"))
        .with_location(subject.place.clone())
        .with_hint(format!("`{}` deletes the former object", permission.flag()))
}

/// The step that deletes what an interrupted replacement left; `other_id` is the id of the object that took its
/// place.
pub fn build_leftover_step(
    subject: &PlanSubject,
    live: &Object,
    other_id: Option<Value>,
    permissions: Vec<Permission>,
) -> Step {
    let rule = subject.kind.replacement;
    let replacement = Some(Box::new(StepReplacement { rule, forced_by: Vec::new(), other_id }));
    let changes = diff_objects(&subject.kind.shape, live, &Object::default(), &|_| false);
    let changes = changes.into_iter().map(|change| Change { unreadable: false, ..change }).collect();
    let note = Diagnostic::note("replacement-unfinished", LEFTOVER)
        .with_location(subject.place.clone())
        .with_hint("this run deletes it; other changes of the object follow with the next run");
    Step {
        notes: vec![note],
        required_permissions: permissions,
        replacement,
        ..build_delete_step(subject, live, changes)
    }
}
