//! Single values of a proposal: what the document says against what is shown, or against what was last written.
//!
//! A value that the service does not show is compared by the digest of what was last written. Without one it is
//! written, or a note says that it was not compared. Clearing a value that may be hidden is a change of its own.

use super::{ChangeContext, ProposalBuilder, build_cleared_value};
use crate::diagnostic::SourceSpan;
use crate::document::{DesiredNode, DesiredValue};
use crate::kind::equality::is_equal;
use crate::kind::mask::is_mask;
use crate::kind::mask::{is_shown, is_unreadable};
use crate::kind::{AbsenceRule, Field};
use crate::plan::permission::Permission;
use crate::plan::{ChangeValueType, WriteComparison};
use crate::value::{Sensitivity, Value, ValuePath};

/// The value that a document wants for a field.
struct DesiredScalar {
    value: Value,
    span: SourceSpan,
    path: ValuePath,
    /// The service does not show what is there now.
    hidden: bool,
    /// It is written again whatever is there.
    rotated: bool,
}

/// What becomes of a value that cannot be compared with what is shown.
enum UnseenComparison {
    /// It is what is there, or it is not known and stays as it is.
    Keep,
    /// What is there is empty already, as far as known: it stays in the form in which it was read.
    KeepRead,
    Write,
}

impl ProposalBuilder<'_> {
    /// The new value of a scalar field; `None` to keep what is live.
    pub(super) fn merge_scalar(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        wanted: &DesiredNode,
        path: ValuePath,
    ) -> Option<Value> {
        let value = match &wanted.value {
            DesiredValue::Literal(value) => value.clone(),
            _ => build_cleared_value(field),
        };
        let desired = DesiredScalar {
            // of what is new everything is known
            hidden: !self.creating && is_unreadable(field, live) && !is_shown(field, live, &value),
            rotated: self.is_rotated(field, &path, &value),
            value,
            span: wanted.span,
            path,
        };
        let value = &desired.value;
        let settled = !desired.hidden && !desired.rotated && is_equal(field, live, Some(value));
        let is_unseen = desired.hidden || field.when_absent == AbsenceRule::Pending;
        let is_final = settled && (!self.creating || value.is_blank());
        // of a new object even an empty value is known
        let is_sent = !is_final || self.creating;
        if is_sent && (is_unseen || is_unreadable(field, live)) {
            self.proposal.hidden.push((desired.path.clone(), value.clone()));
        } else if field.sensitivity == Sensitivity::Secret {
            self.proposal.shown_secrets.push((desired.path.clone(), value.clone()));
        }
        if is_final {
            return self.creating.then_some(desired.value);
        }
        if !self.creating && (is_unseen || desired.rotated) {
            match self.compare_unseen(field, live, &desired) {
                UnseenComparison::Keep => return Some(desired.value),
                UnseenComparison::KeepRead => return None,
                UnseenComparison::Write => {}
            }
        }
        self.guard_protection(field, live, value, desired.span);
        self.push_scalar_change(field, live, &desired);
        Some(desired.value)
    }

    /// Holds a value against what was last written.
    fn compare_unseen(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        desired: &DesiredScalar,
    ) -> UnseenComparison {
        let waits = field.when_absent == AbsenceRule::Pending;
        let (history, subject) = (self.input.write_history, self.input.subject);
        let recall = history.compare_last_written(subject, &desired.path, &desired.value);
        let clears = desired.value.is_blank() && live.is_none_or(Value::is_blank);
        if !(clears && recall == WriteComparison::NeverWritten) {
            self.record_last_written(&desired.path, recall, desired.rotated);
        }
        let masked = live.and_then(Value::as_str).is_some_and(is_mask);
        match recall {
            _ if desired.rotated => UnseenComparison::Write,
            WriteComparison::Same if clears => UnseenComparison::KeepRead,
            WriteComparison::Same => {
                if waits {
                    self.note_pending(field, desired.span);
                }
                UnseenComparison::Keep
            }
            WriteComparison::NeverWritten if clears => self.hold_hidden_clear(field, live, desired),
            WriteComparison::NeverWritten if waits && desired.hidden && self.is_pending() => {
                self.note_pending(field, desired.span);
                UnseenComparison::Keep
            }
            WriteComparison::NeverWritten
                if (masked || field.sensitivity != Sensitivity::Secret)
                    && !(masked && desired.value.is_blank())
                    && !waits =>
            {
                self.hold_uncompared(desired)
            }
            WriteComparison::Differs | WriteComparison::NeverWritten => UnseenComparison::Write,
        }
    }

    /// A value that cannot be compared is written only on purpose.
    fn hold_uncompared(&mut self, desired: &DesiredScalar) -> UnseenComparison {
        if self.permissions.force_hidden {
            self.require_permission(Permission::Hidden);
            return UnseenComparison::Write;
        }
        self.proposal.uncompared_fields.push((desired.path.clone(), desired.span));
        UnseenComparison::Keep
    }

    /// The document says that there is none, and none is shown. There may be one all the same: a write that carries
    /// the field clears it, which is a change.
    fn hold_hidden_clear(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        desired: &DesiredScalar,
    ) -> UnseenComparison {
        if self.permissions.force_hidden {
            self.require_permission(Permission::Hidden);
            return UnseenComparison::Write;
        }
        let before = self.proposal.changes.len();
        self.push_scalar_change(field, live, desired);
        self.proposal.hidden_clears.extend(self.proposal.changes.drain(before..));
        UnseenComparison::Keep
    }

    fn push_scalar_change(&mut self, field: &Field, live: Option<&Value>, desired: &DesiredScalar) {
        self.push_change(
            desired.path.clone(),
            live.cloned(),
            Some(desired.value.clone()),
            ChangeContext {
                value_type: ChangeValueType::from_type(&field.ty),
                sensitivity: field.sensitivity,
                span: Some(desired.span),
            },
        );
        // a mask that is to go says that something is there
        let is_seen =
            !desired.hidden || (desired.value.is_blank() && live.is_some_and(|live| !live.is_blank()));
        if let (false, Some(change)) = (is_seen, self.proposal.changes.last_mut()) {
            change.unreadable = true;
        }
    }
}
