//! What keeps a proposal from going too far: sources that gave nothing, protection of personal data, edits by
//! others, values that wait or cannot be seen.

use super::{LastWritten, Permission, ProposalBuilder, ProposalInput, is_personal, is_rotatable};
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::kind::Field;
use crate::plan::WriteComparison;
use crate::plan::path_label::format_path;
use crate::value::{PathSegment, Value, ValuePath};

impl ProposalBuilder<'_> {
    /// A change that lowers the protection of the object's data, or may, has to be meant.
    pub(super) fn guard_protection(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        wanted: &Value,
        span: SourceSpan,
    ) {
        let before = live.filter(|before| !before.is_blank());
        let (Some(levels), Some(before)) = (&field.protection_levels, before) else { return };
        let level = |value: &Value| levels.iter().position(|level| level == value);
        let raised = level(before).zip(level(wanted)).is_some_and(|(before, after)| after > before);
        if raised {
            return;
        }
        if self.permissions.lower_protection {
            self.require_permission(Permission::LowerProtection);
        } else {
            let message = format!("changing `{}` may lower the protection of this object's data", field.name);
            self.push_error("lowers-protection", message, span, "`--allow-lower-protection` allows it");
        }
    }

    /// Whether someone wants this value written again, whatever was last written.
    pub(super) fn is_rotated(&self, field: &Field, path: &ValuePath, value: &Value) -> bool {
        let ProposalInput { rotation: rotate, document, .. } = self.input;
        !rotate.is_empty()
            && !self.creating
            && !value.is_blank()
            && is_rotatable(field)
            && rotate.selects_value(document, path)
    }

    /// Notes what is known of a value that does not read back.
    pub(super) fn record_last_written(&mut self, path: &ValuePath, recall: WriteComparison, rotated: bool) {
        let written = self.input.write_history.find_last_write(self.input.subject, path);
        self.proposal.last_written.push(LastWritten {
            path: path.clone(),
            comparison: recall,
            write_time: written,
            rotated,
        });
    }

    /// An edit by the account owner since the last one seen is not overwritten. What was seen is recorded with each
    /// write and with each read that agrees.
    pub(super) fn guard_foreign_edits(&mut self) {
        let Some(edit) = find_foreign_edit(self.input) else { return };
        self.proposal.hidden.push((edit.path, edit.edited_at.clone()));
        let is_known = edit.edited_at.is_blank() || edit.seen == WriteComparison::Same;
        if is_known || self.proposal.changes.is_empty() {
            return;
        }
        let span = self.input.document.name_span;
        if edit.seen == WriteComparison::NeverWritten {
            let message =
                "the account owner edited this object, and no record shows that a run has seen the edit";
            let note = Diagnostic::note("owner-edit", message).with_location(self.locate_span(span));
            return self
                .proposal
                .notes
                .push(note.with_hint("check that the plan overwrites none of their edits"));
        }
        if self.permissions.overwrite_edits {
            return self.require_permission(Permission::OverwriteEdits);
        }
        let message = "the account owner has edited this object since the last run".to_owned();
        let hint = "review the edits; `--overwrite-edits` overwrites them";
        self.push_error("owner-edit-conflict", message, span, hint);
    }

    /// What is about a person is written only where the target takes it from documents.
    pub(super) fn guard_personal(&mut self) {
        if self.permissions.personal {
            return;
        }
        let kind = &self.input.document.kind;
        let personal: Vec<_> =
            self.proposal.changes.iter().filter(|change| is_personal(kind, change)).collect();
        let Some(first) = personal.first() else { return };
        if self.permissions.force_personal {
            return self.require_permission(Permission::Personal);
        }
        let more = match personal.len() {
            1 => " is personal".to_owned(),
            number => format!(" and {} more are personal", number - 1),
        };
        let target = &self.input.subject.target;
        let message = format!(
            "`{}`{more}, and the target `{target}` takes no personal values from documents",
            format_path(&first.path)
        );
        let place = first.place.clone().unwrap_or_else(|| self.locate_span(self.input.document.name_span));
        let hint = format!(
            "`personal: write` at the target in trueup.yaml turns it on; `{}` for this run",
            Permission::Personal.flag()
        );
        let fault =
            Diagnostic::error(Permission::Personal.code(), message).with_location(place).with_hint(hint);
        self.proposal.errors.push(fault);
    }

    /// Notes that something was done that had to be allowed.
    pub(super) fn require_permission(&mut self, permission: Permission) {
        if !self.proposal.required_permissions.contains(&permission) {
            self.proposal.required_permissions.push(permission);
        }
    }

    /// Whether the whole object still waits for someone, as the kind tells it.
    pub(super) fn is_pending(&self) -> bool {
        let Some(waiting) = &self.input.document.kind.pending_when else { return false };
        let now = self.input.live.and_then(|live| live.get_field(waiting.field));
        now.and_then(Value::as_str).is_some_and(|now| waiting.values.iter().any(|value| **value == *now))
    }

    pub(super) fn note_pending(&mut self, field: &Field, span: SourceSpan) {
        let note = Diagnostic::note("pending", format!("`{}` waits for verification", field.name))
            .with_location(self.locate_span(span))
            .with_hint("the service shows it once it is verified");
        self.proposal.notes.push(note);
    }

    /// A source that gave nothing must not be taken for a field that is not named.
    pub(super) fn report_unresolved(&mut self) {
        for (slot, span) in self.input.document.spec.iter_value_sources() {
            let message = format!("{slot} was not looked up");
            self.push_error("unresolved-secret", message, span, "see the error about this source");
        }
        for (site, _) in self.input.document.collect_references() {
            let message = format!("what `{}` refers to was not looked up", site.name);
            self.push_error("unresolved-reference", message, site.span, "see the error about this reference");
        }
    }
}

/// The last edit by the account owner.
pub struct ForeignEdit {
    pub path: ValuePath,
    /// Null where there was none.
    pub edited_at: Value,
    /// Whether a run has seen it.
    pub seen: WriteComparison,
}

/// The last edit by the account owner, where the kind says when that was.
pub fn find_foreign_edit(input: &ProposalInput) -> Option<ForeignEdit> {
    let kind = &input.document.kind;
    let field = kind.shape.get_field(kind.history.edited_by_others_at?);
    let edited_at = input.live?.get_field(field.number).filter(|value| !value.is_blank());
    let edited_at = edited_at.cloned().unwrap_or(Value::Null);
    let path = ValuePath(vec![PathSegment::Field(field.name.clone())]);
    let seen = input.write_history.compare_last_written(input.subject, &path, &edited_at);
    Some(ForeignEdit { path, edited_at, seen })
}
