//! What keeps a proposal from going too far: sources that gave nothing, protection of personal data, edits by
//! others, values that wait or cannot be seen.

use super::{Overlay, Permission, Question, Recalled, is_personal, rotates};
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::Field;
use crate::plan::Recall;
use crate::plan::step::named;
use crate::value::{Path, Segment, Value};

impl Overlay<'_> {
    /// A change that lowers the protection of the object's data, or may, has to be meant.
    pub(super) fn guard_protection(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        wanted: &Value,
        span: Span,
    ) {
        let before = live.filter(|before| !before.is_blank());
        let (Some(levels), Some(before)) = (&field.protection, before) else { return };
        let level = |value: &Value| levels.iter().position(|level| level == value);
        let raised = level(before).zip(level(wanted)).is_some_and(|(before, after)| after > before);
        if raised {
            return;
        }
        if self.permits.lower_protection {
            self.needs(Permission::LowerProtection);
        } else {
            let message = format!("changing `{}` may lower the protection of this object's data", field.name);
            self.fault("lowers-protection", message, span, "`--allow-lower-protection` if that is meant");
        }
    }

    /// Whether somebody wants this value written again, whatever was last written.
    pub(super) fn is_rotated(&self, field: &Field, path: &Path, value: &Value) -> bool {
        let Question { rotate, document, .. } = self.question;
        !rotate.is_empty()
            && !self.creating
            && !value.is_blank()
            && rotates(field)
            && rotate.takes(document, path)
    }

    /// Notes what is known of a value that does not read back.
    pub(super) fn recalled(&mut self, path: &Path, recall: Recall, rotated: bool) {
        let written = self.question.memory.written(self.question.subject, path);
        self.out.recalled.push(Recalled { path: path.clone(), recall, written, rotated });
    }

    /// An edit by the person behind the object, newer than the last one seen, is not silently overwritten.
    pub(super) fn look_at_history(&mut self) {
        let kind = &self.question.document.kind;
        let Some(number) = kind.history.edited_by_others_at else { return };
        let edited = self.question.live.and_then(|live| live.get(number)).filter(|value| !value.is_blank());
        let (Some(edited), false) = (edited, self.out.changes.is_empty()) else { return };
        let path = Path(vec![Segment::Field(kind.shape.field(number).name.clone())]);
        let span = self.question.document.name_span;
        match self.question.memory.recall(self.question.subject, &path, edited) {
            Recall::Same => {}
            Recall::Differs if !self.permits.overwrite_edits => {
                let message = "the person behind this object has edited it since the last run".to_owned();
                self.fault(
                    "edited-meanwhile",
                    message,
                    span,
                    "look at the edits; `--overwrite-edits` to go on",
                );
            }
            recall => {
                if recall == Recall::Differs {
                    self.needs(Permission::OverwriteEdits);
                }
                let message = "the person behind this object has edited it before";
                let note = Diagnostic::note("edited-by-others", message).at(self.place(span));
                self.out.notes.push(note.hint("see that nothing of theirs is overwritten"));
            }
        }
        self.out.hidden.push((path, edited.clone()));
    }

    /// What is about a person is written only where the target takes it from documents.
    pub(super) fn guard_personal(&mut self) {
        if self.permits.personal {
            return;
        }
        let kind = &self.question.document.kind;
        let personal: Vec<_> = self.out.changes.iter().filter(|change| is_personal(kind, change)).collect();
        let Some(first) = personal.first() else { return };
        if self.permits.force_personal {
            return self.needs(Permission::Personal);
        }
        let more = match personal.len() {
            1 => " is personal".to_owned(),
            number => format!(" and {} more are personal", number - 1),
        };
        let target = &self.question.subject.target;
        let message = format!(
            "`{}`{more}, and the target `{target}` takes no personal values from documents",
            named(&first.path)
        );
        let place = first.place.clone().unwrap_or_else(|| self.place(self.question.document.name_span));
        let hint = format!(
            "`personal: write` at the target in trueup.yaml turns it on; `{}` for this run",
            Permission::Personal.flag()
        );
        let fault = Diagnostic::error(Permission::Personal.code(), message).at(place).hint(hint);
        self.out.faults.push(fault);
    }

    /// Notes that something was done that had to be allowed.
    pub(super) fn needs(&mut self, permission: Permission) {
        if !self.out.needs.contains(&permission) {
            self.out.needs.push(permission);
        }
    }

    /// Whether the whole object still waits for somebody, as the kind tells it.
    pub(super) fn is_waiting(&self) -> bool {
        let Some(waiting) = &self.question.document.kind.waiting else { return false };
        let now = self.question.live.and_then(|live| live.get(waiting.field));
        now.and_then(Value::as_text).is_some_and(|now| waiting.values.iter().any(|value| **value == *now))
    }

    pub(super) fn note_pending(&mut self, field: &Field, span: Span) {
        let note = Diagnostic::note("pending", format!("`{}` waits for verification", field.name))
            .at(self.place(span))
            .hint("the service shows it once it is verified");
        self.out.notes.push(note);
    }

    /// A source that gave nothing must not be taken for a field that is not named.
    pub(super) fn unresolved(&mut self) {
        for (slot, span) in self.question.document.spec.slots() {
            let message = format!("{slot} was not looked up");
            self.fault("unresolved-secret", message, span, "see the error about this source");
        }
        for (spot, _) in self.question.document.references() {
            let message = format!("what `{}` refers to was not looked up", spot.field.name);
            self.fault("unresolved-reference", message, spot.span, "see the error about this reference");
        }
    }
}
