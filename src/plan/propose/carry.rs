//! What a write of the whole carries although the document does not name it.
//!
//! A value that the tool cannot know to be the real one is never written back: one that the service hides would be
//! erased, a mask would take the place of the secret. A secret is real when the kind says that the service shows
//! it, or when it is the value that was last written from here. Masks are looked for in every member that is sent
//! back, with or without sensitivity, described or not.

use super::{CarryRisk, CarryRiskReason, ItemType, ProposalBuilder, ProposalInput};
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::kind::mask::{is_mask, is_public_mask, is_unreadable};
use crate::kind::visit::walk_path;
use crate::kind::{Field, FieldType, Kind, SecretReadback, Shape, UnknownMembers, WrittenItems};
use crate::plan::path_label::format_path_with_keys;
use crate::plan::{Change, WriteComparison};
use crate::value::{Object, PathSegment, Sensitivity, Value, ValuePath};

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
            (FieldType::Map(_), Some(Value::Map(entries))) => {
                self.check_carried_entries(field, entries, path)
            }
            (FieldType::Object(shape), Some(Value::Object(_))) => {
                self.check_unmanaged_item(&ItemType::Object(shape.clone()), live, &path());
            }
            (FieldType::Array(list), Some(Value::Array(items))) if list.write_items == WrittenItems::All => {
                for (index, item) in items.iter().enumerate() {
                    let at = || path().join_segment(list.build_item_segment(index, item, items));
                    match &list.item {
                        ItemType::Object(_) => self.check_unmanaged_item(&list.item, Some(item), &at()),
                        ItemType::Scalar(_) => self.check_carried_value(field, Some(item), &at),
                    }
                }
            }
            _ => {}
        }
    }

    /// A live list item or nested object that the document leaves alone.
    pub(super) fn check_unmanaged_item(&mut self, item: &ItemType, value: Option<&Value>, path: &ValuePath) {
        if let (ItemType::Object(shape), Some(object)) = (item, value.and_then(Value::as_object)) {
            self.check_unknown_fields(shape, object, path);
            for field in &shape.fields {
                let at = || path.join_segment(PathSegment::Field(field.name.clone()));
                self.check_unmanaged_field(field, object.get_field(field.number), &at);
            }
        }
    }

    /// Members that no field describes, or that are described as ignored.
    pub(super) fn check_unknown_fields(&mut self, shape: &Shape, live: &Object, path: &ValuePath) {
        if self.creating || shape.unknown_members == UnknownMembers::Dropped {
            return;
        }
        let members = live.unknown_fields.iter().chain(live.ignored_fields());
        for member in members.filter(|member| holds_mask_in_text(&member.raw)) {
            let path = path.join_segment(PathSegment::Field((*member.name).into()));
            let reason = CarryRiskReason::Undescribed;
            self.proposal.carry_risks.push(CarryRisk { path, span: self.current_span, reason });
        }
    }

    /// Entries of a map that a write sends back.
    pub(super) fn check_carried_entries(
        &mut self,
        field: &Field,
        entries: &[(Box<str>, Value)],
        path: &dyn Fn() -> ValuePath,
    ) {
        for (key, value) in entries {
            let segment = || PathSegment::Key(key.clone(), field.sensitivity);
            self.check_carried_value(field, Some(value), &|| path().join_segment(segment()));
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
            if self.new_item_list.is_none() {
                self.relate_levels();
            }
        } else if self.is_unsent_secret(field) {
            // none is sent, so none is there
            self.proposal.hidden.push((path(), Value::Null));
        }
    }

    /// Names the other levels of the document in the last error: each of them could set what is missing.
    fn relate_levels(&mut self) {
        let levels = self.input.document.levels.iter().flat_map(|own| own.list_other_documents());
        let related = levels
            .map(|(level, place)| (place, format!("{}, which does not set it either", level.describe())));
        if let Some(fault) = self.proposal.errors.last_mut() {
            fault.related.extend(related);
        }
    }

    /// Whether a field is a secret that a create leaves out and no one sees later.
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
        let is_clear = field.reads_back == Some(SecretReadback::Clear);
        let masked = match field.sensitivity {
            Sensitivity::Public => live.is_some_and(|live| holds_text(live, &is_public_mask)),
            _ => live.is_some_and(|live| holds_text(live, &is_mask)),
        };
        if !unreadable && !masked && (!is_secret || is_clear) {
            return;
        }
        let path = path();
        let value = live.filter(|_| !is_blank).unwrap_or(&Value::Null);
        let written = self.input.write_history.compare_last_written(self.input.subject, &path, value);
        if !masked && written == WriteComparison::Same {
            return;
        }
        let reason = match (unreadable || masked, is_blank) {
            (_, true) => CarryRiskReason::Hidden,
            (true, false) => CarryRiskReason::Masked,
            (false, false) => CarryRiskReason::Unconfirmed,
        };
        self.proposal.carry_risks.push(CarryRisk { path, span: self.current_span, reason });
    }
}

/// Why a value that the document leaves alone must not be written back.
pub fn diagnose_carry_risk(question: &ProposalInput, risk: &CarryRisk) -> Diagnostic {
    let name = format_path_with_keys(&question.document.kind, &risk.path);
    let (code, message) = match risk.reason {
        CarryRiskReason::Hidden => {
            ("would-erase", format!("the API does not return `{name}`; this write would erase it"))
        }
        CarryRiskReason::Masked | CarryRiskReason::Undescribed => (
            "would-write-mask",
            format!("the API returns a mask for `{name}`; this write would put it in its place"),
        ),
        CarryRiskReason::Unconfirmed => (
            "unconfirmed-secret",
            format!(
                "nothing says that the API returns the real `{name}`; this write would send back what it returns"
            ),
        ),
    };
    let field = risk.path.0.iter().rev().find_map(|segment| match segment {
        PathSegment::Field(name) => Some(&**name),
        _ => None,
    });
    let field = field.unwrap_or_default();
    let line = match find_sensitivity(&question.document.kind, &risk.path) {
        Sensitivity::Public => format!("add `{field}` with its real value to the document"),
        _ => format!("add `{field}: {{ from_env: NAME }}` to the document"),
    };
    let hint = match risk.reason {
        CarryRiskReason::Undescribed => format!("describe `{field}` in the kind, and set it in the document"),
        CarryRiskReason::Hidden => format!("{line}, or `null` if there is none"),
        CarryRiskReason::Masked | CarryRiskReason::Unconfirmed => line,
    };
    Diagnostic::error(code, message).with_location(question.document.locate_span(risk.span)).with_hint(hint)
}

/// The sensitivity of what a path leads to.
fn find_sensitivity(kind: &Kind, path: &ValuePath) -> Sensitivity {
    walk_path(&kind.shape, path).last().map_or(Sensitivity::Public, |step| step.sensitivity)
}

/// Whether one of the texts in a value is of a certain form.
fn holds_text(value: &Value, is_such: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_such(text),
        Value::Array(items) => items.iter().any(|item| holds_text(item, is_such)),
        Value::Map(entries) => entries.iter().any(|(_, value)| holds_text(value, is_such)),
        _ => false,
    }
}

/// Whether one of the texts in a member, in the bytes of JSON or JSV, is a mask.
fn holds_mask_in_text(raw: &str) -> bool {
    fn holds_mask(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => is_public_mask(text),
            serde_json::Value::Array(items) => items.iter().any(holds_mask),
            serde_json::Value::Object(members) => members.values().any(holds_mask),
            _ => false,
        }
    }
    match serde_json::from_str(raw) {
        Ok(value) => holds_mask(&value),
        // JSV writes texts bare
        Err(_) => is_public_mask(raw) || raw.split(['{', '}', '[', ']', ',', ':', '"']).any(is_public_mask),
    }
}

/// What is said of a value that could not be compared. `travels`: the step sends it along with the rest.
pub fn diagnose_uncompared(
    question: &ProposalInput,
    uncompared: &(ValuePath, SourceSpan),
    travels: bool,
) -> Diagnostic {
    let (path, span) = uncompared;
    let name = path.0.iter().rev().find_map(|segment| match segment {
        PathSegment::Field(name) => Some(&**name),
        _ => None,
    });
    let message = format!("the API does not return `{}`; it is not compared", name.unwrap_or_default());
    let hint = match travels {
        true => "this update sends the document's value",
        false => "`--force-hidden` writes it",
    };
    Diagnostic::note("not-comparable", message)
        .with_location(question.document.locate_span(*span))
        .with_hint(hint)
}

/// A change for which a kind with several updates has no operation.
pub fn diagnose_untaken_change(question: &ProposalInput, change: &Change) -> Diagnostic {
    let name = format_path_with_keys(&question.document.kind, &change.path);
    Diagnostic::error("no-update", format!("no update takes `{name}`"))
        .with_location(question.subject.place.clone())
        .with_hint("add the field to one of `updates` of the kind, or mark it `immutable`")
}
