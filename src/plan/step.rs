//! One document against one live object, decided: a step, agreement, or a refusal with its reasons.
//!
//! Here the gates of a single object stand: what cannot be read back is not blanked, what was misread is not
//! written, a create is made only where the service has one. [`recheck_step`] is what `apply` asks right before a
//! write: whether what the step relied on is still so.

use crate::diagnostic::Diagnostic;
use crate::document::DocumentState;
use crate::kind::{Field, IdAssigner, Shape, WriteBody, WriteOperation};
use crate::plan::compare::diff_objects;
use crate::plan::permission::Permission;
use crate::plan::propose::{
    GrantedPermissions, ObjectProposal, ProposalInput, UpdatePart, diagnose_carry_risk, diagnose_uncompared,
    diagnose_untaken_change, find_foreign_edit, propose_object, split_updates,
};
use crate::plan::request::{self, UpdateOptions};
use crate::plan::sync_check::is_in_sync;
use crate::plan::{
    Change, ChangeValueType, RefusedObject, Step, StepAction, StepRequest, UnchangedObject, WriteComparison,
};
use crate::value::{Object, PathSegment, Sensitivity, Value, ValuePath};

/// What becomes of one document.
pub enum PlanDecision {
    Step(Box<Step>),
    Unchanged(UnchangedObject),
    Refused(RefusedObject),
}

/// Which of an API's ways to change an object is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UpdateMethod {
    /// The kind's own update.
    #[default]
    Default,
    /// The full PUT.
    Put,
    /// The PATCH.
    Patch,
}

/// How steps are to be made.
#[derive(Clone, Copy)]
pub struct DecideOptions {
    pub method: UpdateMethod,
    pub update_options: UpdateOptions,
    pub permissions: GrantedPermissions,
    /// The object is new and ours: what does not read back and was not written is surely blank.
    pub just_created: bool,
}

impl Default for DecideOptions {
    fn default() -> Self {
        Self {
            method: UpdateMethod::Default,
            update_options: UpdateOptions { also_send_nested: true },
            permissions: GrantedPermissions::default(),
            just_created: false,
        }
    }
}

/// Decides about one object.
pub fn decide_object(question: &ProposalInput, rules: DecideOptions) -> PlanDecision {
    if question.document.state == DocumentState::Absent {
        return decide_delete(question, rules.permissions);
    }
    if question.document.state == DocumentState::Unmanaged {
        return PlanDecision::Unchanged(UnchangedObject::from_subject(question.subject));
    }
    if question.rotation.is_empty() && question.live.is_some_and(|live| is_in_sync(question.document, live)) {
        debug_assert!(
            is_unchanged(&propose_object(question, rules.permissions)),
            "a quick yes must be a yes"
        );
        return PlanDecision::Unchanged(UnchangedObject {
            baseline: collect_baseline(question),
            ..UnchangedObject::from_subject(question.subject)
        });
    }
    let proposal = propose_object(question, rules.permissions);
    if !proposal.errors.is_empty() {
        return refuse_object(question, proposal, Vec::new());
    }
    if !proposal.replaced_by.is_empty() {
        return decide_replacement(question, proposal, rules);
    }
    match question.live {
        None => decide_create(question, proposal, rules.update_options),
        Some(_) if proposal.changes.is_empty() => {
            let requested =
                proposal.uncompared_fields.iter().map(|one| diagnose_uncompared(question, one, false));
            let notes = proposal.notes.iter().cloned().chain(requested).collect();
            PlanDecision::Unchanged(UnchangedObject {
                subject: question.subject.clone(),
                notes,
                baseline: collect_baseline(question),
                last_written: proposal.last_written,
            })
        }
        Some(live) => decide_update(question, live, proposal, rules),
    }
}

/// When the account owner last edited an object, where no run has seen that.
fn collect_baseline(question: &ProposalInput) -> Vec<(ValuePath, Value)> {
    let edit = find_foreign_edit(question).filter(|edit| edit.seen != WriteComparison::Same);
    edit.map(|edit| (edit.path, edit.edited_at)).into_iter().collect()
}

/// Whether there is nothing to do and nothing to say.
fn is_unchanged(proposal: &ObjectProposal) -> bool {
    proposal.errors.is_empty() && proposal.changes.is_empty() && proposal.notes.is_empty()
}

fn refuse_object(
    question: &ProposalInput,
    proposal: ObjectProposal,
    mut reasons: Vec<Diagnostic>,
) -> PlanDecision {
    reasons.splice(0..0, proposal.errors);
    PlanDecision::Refused(RefusedObject {
        subject: question.subject.clone(),
        reasons,
        changes: proposal.changes,
    })
}

/// What becomes of an object that is not to be there.
fn decide_delete(question: &ProposalInput, permits: GrantedPermissions) -> PlanDecision {
    let (document, subject) = (question.document, question.subject);
    let Some(live) = question.live else {
        return PlanDecision::Unchanged(UnchangedObject::from_subject(subject));
    };
    if document.kind.is_built_in(live) {
        let message =
            format!("`{}` is built in: the service brings it along, so it is not deleted", document.name);
        let reason = Diagnostic::error("built-in-object", message)
            .with_location(subject.place.clone())
            .with_hint("remove the document, or write `state: present`");
        return refuse_object(question, ObjectProposal::default(), vec![reason]);
    }
    let mut changes = diff_objects(&document.kind.shape, live, &Object::default(), &|_| false);
    // everything goes, whether it can be seen or not
    changes.iter_mut().for_each(|change| change.unreadable = false);
    let refusal = match &document.kind.operations.delete {
        None => Some(("no-delete", "cannot be deleted through this API", "delete it by hand")),
        Some(_) if document.protect => Some((
            "protected",
            "is protected and is not deleted",
            "take `protect` away first, in a run of its own",
        )),
        Some(_) if !permits.delete => {
            Some(("delete-not-allowed", "would be deleted", "`--allow-delete` allows it"))
        }
        Some(_) => None,
    };
    if let Some((code, what, hint)) = refusal {
        let message = format!("this {} {what}", document.kind.title.to_lowercase());
        let reason = Diagnostic::error(code, message).with_location(subject.place.clone()).with_hint(hint);
        return PlanDecision::Refused(RefusedObject {
            subject: subject.clone(),
            reasons: vec![reason],
            changes,
        });
    }
    let step = subject.build_delete_step(live, changes);
    PlanDecision::Step(Box::new(Step { required_permissions: vec![Permission::Delete], ..step }))
}

/// What becomes of an object of which an immutable field is to change.
fn decide_replacement(
    question: &ProposalInput,
    proposal: ObjectProposal,
    rules: DecideOptions,
) -> PlanDecision {
    if let Some(reason) = question.find_replacement_refusal(&proposal, rules.permissions) {
        return refuse_object(question, proposal, vec![reason]);
    }
    let subject = question.subject.to_successor();
    match decide_object(&ProposalInput { live: None, subject: &subject, ..*question }, rules) {
        PlanDecision::Step(create) => {
            PlanDecision::Step(Box::new(question.build_replacement_step(proposal, *create)))
        }
        PlanDecision::Refused(refused) => refuse_object(question, proposal, refused.reasons),
        PlanDecision::Unchanged(same) => PlanDecision::Unchanged(same),
    }
}

fn decide_create(question: &ProposalInput, proposal: ObjectProposal, options: UpdateOptions) -> PlanDecision {
    let kind = &question.document.kind;
    let Some(write) = &kind.operations.create else {
        let fault =
            Diagnostic::error("no-create", format!("{} cannot be created through this API", kind.name))
                .with_location(question.subject.place.clone())
                .with_hint("create it by hand, then name its `id` in the document");
        return refuse_object(question, proposal, vec![fault]);
    };
    if kind.identity.id_assigned_by == IdAssigner::Client && question.subject.id.is_none() {
        let message = format!("a new {} needs an id, which is yours to choose", kind.title.to_lowercase());
        let fault = Diagnostic::error("no-id", message).with_location(question.subject.place.clone());
        return refuse_object(question, proposal, vec![fault.with_hint("name it as `id` in the document")]);
    }
    let first = request::build_create(question.subject, write, &proposal);
    let updates = kind.operations.list_updates();
    let others = updates
        .filter_map(|write| request::build_create_followup(question.subject, write, &proposal, options));
    let requests = std::iter::once(first).chain(others).collect();
    PlanDecision::Step(Box::new(Step {
        subject: question.subject.clone(),
        action: StepAction::Create,
        changes: proposal.changes,
        requests,
        body_mode: WriteBody::Full,
        notes: proposal.notes,
        live: None,
        desired: proposal.desired,
        hidden: proposal.hidden,
        shown_secrets: proposal.shown_secrets,
        last_written: proposal.last_written,
        unsendable_paths: Vec::new(),
        required_permissions: proposal.required_permissions,
        replacement: None,
        without_records: None,
    }))
}

/// An update: one request for each operation that has something to change.
fn decide_update(
    question: &ProposalInput,
    live: &Object,
    proposal: ObjectProposal,
    rules: DecideOptions,
) -> PlanDecision {
    let parts = match choose_updates(question, &proposal, rules.method) {
        Ok(parts) => parts,
        Err(reason) => return refuse_object(question, proposal, vec![reason]),
    };
    let build = |part: &UpdatePart| {
        request::build_update(question.subject, part.write, live, &part.proposal, rules.update_options)
    };
    let requests: Vec<StepRequest> = parts.iter().map(build).collect();
    let shape = &question.document.kind.shape;
    let is_known = rules.just_created || rules.permissions.assume_secrets;
    let carried = |path: &ValuePath| {
        let carries = |(part, planned): (&UpdatePart, &StepRequest)| {
            part.takes_path(shape, path)
                && request::replaces_path(shape, part.write, &part.proposal, planned, path)
        };
        !is_known && parts.iter().zip(&requests).any(carries)
    };
    let risks = proposal.carry_risks.iter().filter(|risk| carried(&risk.path));
    let reasons: Vec<_> = risks.map(|risk| diagnose_carry_risk(question, risk)).collect();
    if !reasons.is_empty() {
        return refuse_object(question, proposal, reasons);
    }
    let clears: Vec<Change> =
        proposal.hidden_clears.iter().filter(|change| carried(&change.path)).cloned().collect();
    let travels = |path: &ValuePath| parts.iter().any(|part| sends_path(shape, part, path));
    let seen = question.document.kind.history.edited_by_others_at;
    let seen = seen.map(|number| shape.get_field(number).name.clone());
    let sent = |(path, _): &(ValuePath, Value)| path.top_field() == seen.as_deref() || travels(path);
    let uncompared =
        proposal.uncompared_fields.iter().map(|one| diagnose_uncompared(question, one, travels(&one.0)));
    let is_full = parts.iter().any(|part| part.write.body == WriteBody::Full);
    PlanDecision::Step(Box::new(Step {
        subject: question.subject.clone(),
        action: StepAction::Update,
        body_mode: if is_full { WriteBody::Full } else { WriteBody::Changes },
        notes: proposal.notes.iter().cloned().chain(uncompared).collect(),
        live: Some(live.clone()),
        hidden: proposal.hidden.iter().filter(|own| sent(own)).cloned().collect(),
        shown_secrets: proposal.shown_secrets.iter().filter(|own| sent(own)).cloned().collect(),
        changes: proposal.changes.iter().cloned().chain(clears).collect(),
        requests,
        desired: proposal.desired,
        last_written: proposal.last_written,
        unsendable_paths: proposal.carry_risks.into_iter().map(|risk| risk.path).collect(),
        required_permissions: proposal.required_permissions,
        replacement: None,
        without_records: None,
    }))
}

/// Whether a request sends the document's value at a path; of a list everything is sent.
fn sends_path(shape: &Shape, part: &UpdatePart, path: &ValuePath) -> bool {
    let of_list = matches!(path.0.get(1), Some(PathSegment::Item { .. }));
    let same = |change: &Change| {
        if request::splits_list(shape, part.write, path) {
            return request::is_in_sent_item(part.write, &change.path, path);
        }
        change.path.overlaps(path) || (change.path.top_field() == path.top_field() && of_list)
    };
    part.takes_path(shape, path)
        && (part.write.body == WriteBody::Full || part.proposal.changes.iter().any(same))
}

/// The operations of an update, each with the changes that it takes.
///
/// # Errors
/// Why there is no such update.
fn choose_updates<'q>(
    question: &ProposalInput<'q>,
    proposal: &ObjectProposal,
    method: UpdateMethod,
) -> Result<Vec<UpdatePart<'q>>, Diagnostic> {
    let kind = &question.document.kind;
    match find_operation(question, method) {
        // an operation without fields of its own takes everything
        Some(write) if write.fields.is_none() => {
            let (desired, changes) = (proposal.desired.clone(), proposal.changes.clone());
            let proposal = ObjectProposal { desired, changes, ..ObjectProposal::default() };
            return Ok(vec![UpdatePart { write, proposal }]);
        }
        None if method != UpdateMethod::Default || kind.operations.updates.is_empty() => {
            let what = if method == UpdateMethod::Put { "a full PUT" } else { "such an update" };
            let fault = Diagnostic::error("no-update", format!("{} has no {what}", kind.name))
                .with_location(question.subject.place.clone())
                .with_hint("leave `--method` out to use what the API has");
            return Err(fault);
        }
        _ => {}
    }
    split_updates(kind, proposal).map_err(|change| diagnose_untaken_change(question, &change))
}

/// The operation that a method asks for.
fn find_operation<'q>(question: &ProposalInput<'q>, method: UpdateMethod) -> Option<&'q WriteOperation> {
    use crate::exchange::Method;
    let operations = &question.document.kind.operations;
    let with = |verb: Method| {
        let both = [&operations.update, &operations.replace];
        both.into_iter().flatten().find(|write| write.method == verb)
    };
    match method {
        UpdateMethod::Default => operations.update.as_ref(),
        UpdateMethod::Put => with(Method::Put),
        UpdateMethod::Patch => with(Method::Patch),
    }
}

/// What to do with a step whose object was read again right before the write.
pub enum RecheckOutcome {
    /// As planned; the step is made anew from what was just read, so that nothing older is sent.
    Proceed(Box<Step>),
    /// Someone else did it meanwhile.
    AlreadyDone,
    /// What the step relied on has moved.
    Conflict(Vec<FieldConflict>),
    /// It may not be written any more, and why.
    Refused(Vec<Diagnostic>),
}

/// A value that moved between plan and write.
pub struct FieldConflict {
    pub path: ValuePath,
    /// As it was when planned.
    pub planned: Option<Value>,
    pub live: Option<Value>,
    pub desired: Option<Value>,
    pub value_type: ChangeValueType,
    pub sensitivity: Sensitivity,
}

/// Holds a step against the object as it is now (the question's live object).
pub fn recheck_step(step: &Step, question: &ProposalInput, rules: DecideOptions) -> RecheckOutcome {
    let fresh = match decide_object(question, rules) {
        PlanDecision::Unchanged(_) => return RecheckOutcome::AlreadyDone,
        // it was there and is gone, or the reverse: what could be said of a new object does not matter
        _ if step.live.is_some() != question.live.is_some() => {
            return RecheckOutcome::Conflict(vec![build_presence_conflict(step)]);
        }
        PlanDecision::Refused(refused) => return RecheckOutcome::Refused(refused.reasons),
        PlanDecision::Step(fresh) => fresh,
    };
    let mut moved = match (&step.live, question.live) {
        (Some(planned), Some(now)) => find_conflicts(step, planned, now),
        _ => Vec::new(),
    };
    if moved.is_empty() {
        moved.extend(find_new_changes(step, &fresh));
    }
    if moved.is_empty() { RecheckOutcome::Proceed(fresh) } else { RecheckOutcome::Conflict(moved) }
}

/// A write of everything relies on the whole object but for what the service sets; a write of changes on the
/// values that it changes.
fn find_conflicts(step: &Step, planned: &Object, now: &Object) -> Vec<FieldConflict> {
    let shape = &step.subject.kind.shape;
    let moves = step.subject.kind.history.changed_at.map(|number| shape.get_field(number));
    let set_by_service = |field: &Field| {
        field.behavior.read_only
            && !field.behavior.identifier
            && !moves.is_some_and(|own| std::ptr::eq(own, field))
    };
    let found = diff_objects(shape, planned, now, &set_by_service);
    let relied = |path: &ValuePath| {
        step.body_mode == WriteBody::Full || step.changes.iter().any(|change| change.path.overlaps(path))
    };
    let moved = |change: Change| {
        let planned_change = step.changes.iter().find(|own| own.path.overlaps(&change.path));
        FieldConflict {
            desired: planned_change.map_or_else(|| change.before.clone(), |own| own.after.clone()),
            path: change.path,
            planned: change.before,
            live: change.after,
            value_type: change.value_type,
            sensitivity: change.sensitivity,
        }
    };
    found.into_iter().filter(|change| relied(&change.path)).map(moved).collect()
}

fn build_presence_conflict(step: &Step) -> FieldConflict {
    let whole = |object: &Object| Value::Object(Box::new(object.clone()));
    FieldConflict {
        path: ValuePath::default(),
        planned: step.live.as_ref().map(whole),
        live: None,
        desired: Some(whole(&step.desired)),
        value_type: ChangeValueType::Object(step.subject.kind.shape.clone()),
        sensitivity: Sensitivity::Public,
    }
}

/// Changes that the same document would now make beyond those that were planned.
fn find_new_changes(step: &Step, fresh: &Step) -> Vec<FieldConflict> {
    let planned = |change: &&Change| !step.changes.iter().any(|own| own.path.overlaps(&change.path));
    let moved = |change: &Change| FieldConflict {
        path: change.path.clone(),
        planned: None,
        live: change.before.clone(),
        desired: change.after.clone(),
        value_type: change.value_type.clone(),
        sensitivity: change.sensitivity,
    };
    fresh.changes.iter().filter(planned).map(moved).collect()
}

/// Whether these changes are all that a create leaves for the update after it.
pub fn is_create_followup(step: &Step) -> bool {
    let shape = &step.subject.kind.shape;
    let late = |change: &Change| {
        change
            .path
            .top_field()
            .and_then(|name| shape.find_field(name))
            .is_some_and(|field| field.behavior.update_only)
    };
    step.action == StepAction::Update && step.changes.iter().all(late)
}
