//! What a write of the whole carries although the document does not name it.
//!
//! A value that the tool cannot know to be the real one is never written back: one that the service hides would be
//! erased, a mask would take the place of the secret. A secret is real when the kind says that the service shows
//! it, or when it is the value that was last written from here.

use super::{ItemType, ProposalBuilder};
use crate::diagnostic::SourceSpan;
use crate::kind::mask::is_mask;
use crate::kind::mask::is_unreadable;
use crate::kind::{Field, FieldType, WrittenItems};
use crate::plan::WriteComparison;
use crate::value::{PathSegment, Sensitivity, Value, ValuePath};

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
    /// Nobody says whether the service shows the secret itself.
    Unconfirmed,
}

impl ProposalBuilder<'_> {
    /// A field that the document leaves alone.
    pub(super) fn check_unmanaged_field(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        path: &dyn Fn() -> ValuePath,
    ) {
        if self.creating {
            return self.check_unnamed_field(field, path);
        }
        if field.behavior.read_only || field.omit_from_writes || field.behavior.immutable {
            return;
        }
        match (&field.ty, live) {
            (FieldType::Scalar(_), live) => self.check_carried_value(field, live, path),
            (FieldType::Map(_), Some(Value::Map(entries))) if field.sensitivity == Sensitivity::Secret => {
                for (key, value) in entries {
                    let segment = PathSegment::Key(key.clone(), field.sensitivity);
                    self.check_carried_value(field, Some(value), &|| path().join_segment(segment.clone()));
                }
            }
            (FieldType::Object(shape), Some(Value::Object(_))) => {
                self.check_unmanaged_item(&ItemType::Object(shape.clone()), live, &path());
            }
            (FieldType::Array(list), Some(Value::Array(items))) if list.write_items == WrittenItems::All => {
                for (index, item) in items.iter().enumerate() {
                    let at = || path().join_segment(list.build_item_segment(index, item, items));
                    match &list.item {
                        ItemType::Object(_) => self.check_unmanaged_item(&list.item, Some(item), &at()),
                        ItemType::Scalar(_) if field.sensitivity == Sensitivity::Secret => {
                            self.check_carried_value(field, Some(item), &at);
                        }
                        ItemType::Scalar(_) => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// A live list item or nested object that the document leaves alone.
    pub(super) fn check_unmanaged_item(&mut self, item: &ItemType, value: Option<&Value>, path: &ValuePath) {
        if let (ItemType::Object(shape), Some(object)) = (item, value.and_then(Value::as_object)) {
            for field in &shape.fields {
                let at = || path.join_segment(PathSegment::Field(field.name.clone()));
                self.check_unmanaged_field(field, object.get_field(field.number), &at);
            }
        }
    }

    /// A field that a new object or item leaves out.
    fn check_unnamed_field(&mut self, field: &Field, path: &dyn Fn() -> ValuePath) {
        if field.behavior.required {
            let (what, hint) = match &self.new_item_list {
                Some(list) => (format!("a new item of `{list}`"), "add it to the item"),
                None => ("a new object".to_owned(), "add it to the document's `spec`"),
            };
            let message = format!("{what} needs `{}`", field.name);
            self.push_error("missing-field", message, self.current_span, hint);
        } else if self.is_unsent_secret(field) {
            // none is sent, so none is there
            self.proposal.hidden.push((path(), Value::Null));
        }
    }

    /// Whether a field is a secret that a create leaves out and nobody sees later.
    pub(super) fn is_unsent_secret(&self, field: &Field) -> bool {
        self.creating
            && matches!(field.ty, FieldType::Scalar(_))
            && field.sensitivity == Sensitivity::Secret
            && !field.behavior.read_only
            && !field.omit_from_writes
            && is_unreadable(field, None)
    }

    pub(super) fn check_carried_value(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        path: &dyn Fn() -> ValuePath,
    ) {
        let is_secret = field.sensitivity == Sensitivity::Secret;
        let is_blank = live.is_none_or(Value::is_blank);
        let unreadable = is_unreadable(field, live);
        if !unreadable && (!is_secret || is_blank) {
            return;
        }
        let path = path();
        let masked = live.and_then(Value::as_str).is_some_and(is_mask);
        let value = live.filter(|_| !is_blank).unwrap_or(&Value::Null);
        let written = self.input.write_history.compare_last_written(self.input.subject, &path, value);
        if !masked && written == WriteComparison::Same {
            return;
        }
        let reason = match (unreadable, is_blank) {
            (_, true) => CarryRiskReason::Hidden,
            (true, false) => CarryRiskReason::Masked,
            (false, false) => CarryRiskReason::Unconfirmed,
        };
        self.proposal.carry_risks.push(CarryRisk { path, span: self.current_span, reason });
    }
}
