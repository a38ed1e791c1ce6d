//! What an import changes in documents, and what it leaves in them, without what must not be shown.
//!
//! Deliberately absent: which changes these are (`run::import`).

use super::field::write_fields;
use super::mask::redact_path;
use super::plan_report::{FieldAction, FieldChange};
use super::pseudonyms::PersonalDataMode;
use super::report_builder::{ReportContext, build_field_change};
use super::styled_text::TextPage;
use crate::kind::Kind;
use crate::plan::Change;

/// Changes that a plan would make to an object.
pub fn show_changes(kind: &Kind, changes: &[Change]) -> Vec<FieldChange> {
    let mut context = ReportContext::new(PersonalDataMode::Masked);
    let mut show = |change: &Change| {
        build_field_change(&mut context, change, &redact_path(kind, &change.path), change.unreadable)
    };
    changes.iter().map(&mut show).collect()
}

/// The same from the side of the document, which takes the live values.
pub fn show_document_changes(kind: &Kind, changes: &[Change]) -> Vec<FieldChange> {
    let turn_around = |change: FieldChange| {
        let action = match change.action {
            FieldAction::Add => FieldAction::Remove,
            FieldAction::Remove => FieldAction::Add,
            other => other,
        };
        FieldChange { action, before: change.after, after: change.before, causes: Vec::new(), ..change }
    };
    show_changes(kind, changes).into_iter().map(turn_around).collect()
}

/// Fields as text.
pub fn render_fields(fields: &[FieldChange], width: usize) -> String {
    let mut page = TextPage::new(width);
    write_fields(&mut page, 2, fields);
    page.finish()
}
