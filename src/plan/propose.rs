//! What an object is to be: the live object overlaid with what the document names.
//!
//! Nothing that the document does not name is touched: unmanaged fields, strangers and row ids stay in the
//! proposal as they were read, so a write of everything loses nothing. Each difference found on the way is a
//! change with the line that asks for it. What cannot be seen (hidden, masked, waiting) is never guessed at:
//! the memory of what was last written decides, or a note says so.

mod carry;
mod guard;
mod lists;
mod scalars;

use std::sync::Arc;

pub use carry::{diagnose_carry_risk, diagnose_uncompared, diagnose_untaken_change};
pub use guard::find_foreign_edit;

use crate::diagnostic::{Diagnostic, SourceLocation, SourceSpan};
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::equality::is_equal;
use crate::kind::{
    ClearValue, CopySource, Field, FieldType, IdAssigner, ItemType, Kind, ReplacementRule, Shape,
    WriteOperation,
};
use crate::plan::conflicting_fields::list_conflicting_fields;
use crate::plan::permission::Permission;
use crate::plan::permission_check::is_personal;
use crate::plan::rotate::{SecretRotation, is_rotatable};
use crate::plan::sync_check::is_field_in_sync;
use crate::plan::{Change, ChangeValueType, LastWritten, PlanSubject, WriteHistory};
use crate::value::{Object, PathSegment, Sensitivity, Value, ValuePath};

/// One document against one live object.
pub struct ProposalInput<'q> {
    pub document: &'q Document,
    pub subject: &'q PlanSubject,
    /// None when there is no such object yet.
    pub live: Option<&'q Object>,
    pub write_history: &'q dyn WriteHistory,
    /// What is written again although it may be the same.
    pub rotation: &'q SecretRotation,
}

/// What the object is to be, and how that differs from what it is.
#[derive(Default)]
pub struct ObjectProposal {
    pub desired: Object,
    pub changes: Vec<Change>,
    /// What waits or cannot be compared.
    pub notes: Vec<Diagnostic>,
    /// Why this object must not be written.
    pub errors: Vec<Diagnostic>,
    /// Values that the document supplies and that do not read back, changed or not.
    pub hidden: Vec<(ValuePath, Value)>,
    /// Secrets that the document supplies and that the service shows, as far as seen.
    pub shown_secrets: Vec<(ValuePath, Value)>,
    /// Named fields that cannot be seen and were not compared, with their lines.
    pub uncompared_fields: Vec<(ValuePath, SourceSpan)>,
    /// Values that the document leaves alone and that must not be written back.
    pub carry_risks: Vec<CarryRisk>,
    /// Clears of values that the service does not show: changes of any write that carries them.
    pub hidden_clears: Vec<Change>,
    /// What is known of values that the document supplies and that do not read back.
    pub last_written: Vec<LastWritten>,
    /// What of it someone had to allow.
    pub required_permissions: Vec<Permission>,
    /// Immutable fields that differ, of an object that can be replaced.
    pub replaced_by: Vec<ValuePath>,
}

/// A live value that must not be written back.
pub struct CarryRisk {
    pub path: ValuePath,
    /// The line of what it belongs to.
    pub span: SourceSpan,
    pub reason: CarryRiskReason,
}

/// Why a live value must not be written back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CarryRiskReason {
    /// The service does not show it.
    Hidden,
    /// The service shows a mask.
    Masked,
    /// The kind does not describe the member, and the service shows a mask.
    Undescribed,
    /// Nothing says whether the service shows the secret itself.
    Unconfirmed,
}

/// An update and the changes that it takes.
pub struct UpdatePart<'k> {
    pub write: &'k WriteOperation,
    pub proposal: ObjectProposal,
}

impl UpdatePart<'_> {
    /// Whether its operation takes what is at a path.
    pub fn takes_path(&self, shape: &Shape, path: &ValuePath) -> bool {
        let field = path.top_field().and_then(|name| shape.find_field(name));
        field.is_none_or(|field| self.write.takes_field(field.number))
    }
}

/// The changes of a proposal, by the operation that takes them.
///
/// # Errors
/// A change that no operation takes.
pub fn split_updates<'k>(
    kind: &'k Kind,
    proposal: &ObjectProposal,
) -> Result<Vec<UpdatePart<'k>>, Box<Change>> {
    let number = |change: &Change| {
        let name = change.path.top_field()?;
        kind.shape.find_field(name).map(|field| field.number)
    };
    let takes = |write: &WriteOperation, change: &Change| {
        number(change).is_none_or(|number| write.takes_field(number))
    };
    let lacks = |change: &&Change| !kind.operations.list_updates().any(|write| takes(write, change));
    if let Some(change) = proposal.changes.iter().find(lacks) {
        return Err(Box::new(change.clone()));
    }
    let part = |write: &'k WriteOperation| {
        let changes: Vec<Change> =
            proposal.changes.iter().filter(|change| takes(write, change)).cloned().collect();
        let desired = proposal.desired.clone();
        let proposal = ObjectProposal { desired, changes, ..ObjectProposal::default() };
        (!proposal.changes.is_empty()).then_some(UpdatePart { write, proposal })
    };
    Ok(kind.operations.list_updates().filter_map(part).collect())
}

/// Overlays the live object with the document.
pub fn propose_object(question: &ProposalInput, permits: GrantedPermissions) -> ObjectProposal {
    let creating = question.live.is_none();
    let here = question.document.name_span;
    let mut overlay = ProposalBuilder {
        input: question,
        permissions: permits,
        creating,
        current_span: here,
        new_item_list: None,
        proposal: ObjectProposal::default(),
    };
    overlay.report_unresolved();
    let kind = &question.document.kind;
    let fields = as_object_fields(&question.document.spec);
    let mut wanted = overlay.merge_object(&kind.shape, question.live, fields, &ValuePath::default());
    if let (true, IdAssigner::Client, Some(id)) =
        (creating, kind.identity.id_assigned_by, &question.subject.id)
    {
        wanted.set_field(kind.identity.id, id.clone());
    }
    overlay.proposal.desired = wanted;
    overlay.guard_foreign_edits();
    overlay.guard_personal();
    overlay.proposal
}

fn as_object_fields(wanted: &DesiredNode) -> &[(u16, DesiredNode)] {
    match &wanted.value {
        DesiredValue::Object(fields) => fields,
        _ => &[],
    }
}

/// What an operator allows on purpose.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct GrantedPermissions {
    /// Values that cannot be seen are written all the same.
    pub force_hidden: bool,
    /// The protection of an object's data may be lowered.
    pub lower_protection: bool,
    /// What the person behind an object edited since may be overwritten.
    pub overwrite_edits: bool,
    /// Objects may be deleted.
    pub delete: bool,
    /// Objects of which an immutable field changes may be replaced.
    pub replace: bool,
    /// The target takes personal values from documents.
    pub personal: bool,
    /// Personal values are written although the target does not take them.
    pub force_personal: bool,
    /// Secrets were not read and are taken as unchanged; only for plans that are never applied.
    pub assume_secrets: bool,
}

/// How a change is shown, and which line asks for it.
struct ChangeContext {
    value_type: ChangeValueType,
    sensitivity: Sensitivity,
    span: Option<SourceSpan>,
}

struct ProposalBuilder<'q> {
    input: &'q ProposalInput<'q>,
    permissions: GrantedPermissions,
    creating: bool,
    /// The item at hand, or the document.
    current_span: SourceSpan,
    /// The list to which the item at hand is new.
    new_item_list: Option<Arc<str>>,
    proposal: ObjectProposal,
}

impl ProposalBuilder<'_> {
    fn merge_object(
        &mut self,
        shape: &Shape,
        live: Option<&Object>,
        wanted: &[(u16, DesiredNode)],
        path: &ValuePath,
    ) -> Object {
        let mut result = live.cloned().unwrap_or_default();
        live.iter().for_each(|live| self.check_unknown_fields(shape, live, path));
        for field in &shape.fields {
            let now = live.and_then(|live| live.get_field(field.number));
            let at = || path.join_segment(PathSegment::Field(field.name.clone()));
            let value = match wanted.binary_search_by_key(&field.number, |(number, _)| *number) {
                Ok(found) => self.merge_field(field, now, &wanted[found].1, at()),
                Err(_) => {
                    self.check_unmanaged_field(field, now, &at);
                    field.copy_of.as_ref().and_then(|copy| self.find_copied_value(copy))
                }
            };
            if let Some(value) = value {
                result.set_field(field.number, value);
            }
        }
        self.clear_conflicting_fields(shape, wanted, path, &mut result);
        result
    }

    /// A field that gets a value takes it from those that it excludes and that the document leaves alone.
    fn clear_conflicting_fields(
        &mut self,
        shape: &Shape,
        wanted: &[(u16, DesiredNode)],
        path: &ValuePath,
        result: &mut Object,
    ) {
        for other in list_conflicting_fields(shape, wanted) {
            let Some(before) = result.get_field(other.number).filter(|value| !value.is_blank()).cloned()
            else {
                continue;
            };
            result.set_field(other.number, build_cleared_value(other));
            let context = ChangeContext {
                value_type: ChangeValueType::from_type(&other.ty),
                sensitivity: other.sensitivity,
                span: Some(self.current_span),
            };
            let path = path.join_segment(PathSegment::Field(other.name.clone()));
            self.push_change(path, Some(before), None, context);
        }
    }

    /// The new value of a field that the document names; `None` to keep what is live.
    fn merge_field(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        wanted: &DesiredNode,
        path: ValuePath,
    ) -> Option<Value> {
        // what the service sets of something new is held against the document once it is there
        let by_service = self.creating && field.behavior.read_only;
        if by_service || (!self.creating && field.behavior.immutable && field.behavior.write_only) {
            return None;
        }
        if !self.creating && (field.behavior.immutable || field.behavior.read_only) {
            self.check_immutable(field, live, wanted, path);
            return None;
        }
        match (&field.ty, &wanted.value) {
            (FieldType::Scalar(_), DesiredValue::Literal(_) | DesiredValue::Clear) => {
                self.merge_scalar(field, live, wanted, path)
            }
            (FieldType::Object(shape), DesiredValue::Object(fields)) => {
                let live = live.and_then(Value::as_object);
                Some(Value::Object(Box::new(self.merge_object(shape, live, fields, &path))))
            }
            (FieldType::Map(map), DesiredValue::Map(entries)) => {
                self.merge_map(field, map, live, entries, &path)
            }
            (FieldType::Array(list), DesiredValue::List(items)) => {
                self.merge_list(field, list, live, (items, wanted.span), &path)
            }
            (FieldType::Map(map), DesiredValue::Clear) => self.merge_map(field, map, live, &[], &path),
            (FieldType::Array(list), DesiredValue::Clear) => {
                self.merge_list(field, list, live, (&[], wanted.span), &path)
            }
            (FieldType::Object(_), DesiredValue::Clear) => {
                let value = build_cleared_value(field);
                if is_equal(field, live, Some(&value)) {
                    return None;
                }
                self.push_change(
                    path,
                    live.cloned(),
                    Some(value.clone()),
                    ChangeContext {
                        value_type: ChangeValueType::from_type(&field.ty),
                        sensitivity: field.sensitivity,
                        span: Some(wanted.span),
                    },
                );
                Some(value)
            }
            _ => None,
        }
    }

    /// A field that can't be changed any more: naming what it is already is fine.
    fn check_immutable(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        wanted: &DesiredNode,
        path: ValuePath,
    ) {
        if let (FieldType::Object(shape), DesiredValue::Object(fields)) = (&field.ty, &wanted.value) {
            let live = live.and_then(Value::as_object);
            for (number, wanted) in fields {
                let inner = shape.get_field(*number);
                let now = live.and_then(|live| live.get_field(*number));
                self.check_immutable(
                    inner,
                    now,
                    wanted,
                    path.join_segment(PathSegment::Field(inner.name.clone())),
                );
            }
            return;
        }
        let value = to_literal_value(&field.ty, wanted);
        let agrees = match &value {
            Some(value) => is_equal(field, live, Some(value)),
            None => live.is_none_or(Value::is_blank),
        };
        // a document names no member of an item that the service sets
        if agrees || is_field_in_sync(field, live, wanted) {
            return;
        }
        let is_replaced = self.input.document.kind.replacement != ReplacementRule::Refuse;
        match field.behavior.read_only {
            false if is_replaced => self.proposal.replaced_by.push(path.clone()),
            is_set => self.push_unchangeable(field, is_set, wanted.span),
        }
        self.push_change(
            path,
            live.cloned(),
            value,
            ChangeContext {
                value_type: ChangeValueType::from_type(&field.ty),
                sensitivity: field.sensitivity,
                span: Some(wanted.span),
            },
        );
    }

    fn push_unchangeable(&mut self, field: &Field, is_set: bool, span: SourceSpan) {
        let (code, why) = match is_set {
            true => ("computed-field", "is set by the service"),
            false => ("immutable-field", "cannot be changed after creation"),
        };
        let message = format!("`{}` {why}, and the live object has another value", field.name);
        let hint = "take it out of the document, or write what the live object has";
        self.push_error(code, message, span, hint);
    }

    fn find_copied_value(&self, copy: &CopySource) -> Option<Value> {
        match copy {
            CopySource::Field(number) if *number == self.input.document.kind.identity.id => {
                self.input.subject.id.clone()
            }
            CopySource::Field(number) => self.input.live?.get_field(*number).cloned(),
            CopySource::Scope(name) => {
                let at = self.input.document.kind.scope.iter().position(|scope| scope.name == *name)?;
                self.input.subject.scope.get(at).cloned()
            }
        }
        .filter(|value| !value.is_blank())
    }

    fn push_change(
        &mut self,
        path: ValuePath,
        before: Option<Value>,
        after: Option<Value>,
        look: ChangeContext,
    ) {
        let place = look.span.map(|span| self.locate_span(span));
        let ChangeContext { value_type: form, sensitivity: mark, .. } = look;
        self.proposal.changes.push(Change {
            path,
            before,
            after,
            value_type: form,
            sensitivity: mark,
            place,
            unreadable: false,
            causes: Vec::new(),
        });
    }

    fn push_error(&mut self, code: &'static str, message: String, span: SourceSpan, hint: &str) {
        self.proposal
            .errors
            .push(Diagnostic::error(code, message).with_location(self.locate_span(span)).with_hint(hint));
    }

    fn locate_span(&self, span: SourceSpan) -> SourceLocation {
        self.input.document.locate_span(span)
    }
}

/// The value that asks the service to clear a field.
fn build_cleared_value(field: &Field) -> Value {
    match (&field.ty, field.clear_with) {
        (FieldType::Array(_), _) => Value::Array(Vec::new()),
        (FieldType::Map(_), _) => Value::Map(Vec::new()),
        (ty, ClearValue::Empty | ClearValue::Zero) => ty.build_zero_value(),
        (_, ClearValue::Null | ClearValue::Nothing) => Value::Null,
    }
}

/// The plain value of a wish; objects hold only what is named.
fn to_literal_value(ty: &FieldType, wanted: &DesiredNode) -> Option<Value> {
    match (ty, &wanted.value) {
        (_, DesiredValue::Literal(value)) => Some(value.clone()),
        (FieldType::Object(shape), DesiredValue::Object(fields)) => Some(to_literal_object(shape, fields)),
        (FieldType::Array(list), DesiredValue::List(items)) => {
            let to_literal = |item: &DesiredNode| match (&list.item, &item.value) {
                (ItemType::Object(shape), DesiredValue::Object(fields)) => {
                    Some(to_literal_object(shape, fields))
                }
                _ => to_literal_value(ty, item),
            };
            Some(Value::Array(items.iter().filter_map(to_literal).collect()))
        }
        (_, DesiredValue::Map(entries)) => Some(Value::Map(
            entries
                .iter()
                .filter_map(|(key, wanted)| Some((key.clone(), to_literal_value(ty, wanted)?)))
                .collect(),
        )),
        _ => None,
    }
}

fn to_literal_object(shape: &Shape, fields: &[(u16, DesiredNode)]) -> Value {
    let mut object = Object::default();
    for (number, wanted) in fields {
        let value = to_literal_value(&shape.get_field(*number).ty, wanted);
        object.set_field(*number, value.unwrap_or(Value::Null));
    }
    Value::Object(Box::new(object))
}
