//! A document that is there, brought up to what is live: only what it names and what differs.
//!
//! The plan's own question is asked the other way round: each change that it would make to the object becomes
//! an edit of the line that asks for it. What a plan could not decide, what is marked and was not asked for, and
//! what cannot be changed line by line is reported at its line instead.

use std::collections::BTreeMap;

use super::draft::{ObjectDraft, SecretVariable, can_represent};
use super::fill::get_object_fields;
use super::import_job::ImportJob;
use super::imported_references::ImportedReferences;
use super::live_layout::{LiveLayout, LiveNode, resolve_field};
use super::member_nodes::find_parent_node;
use super::pending::is_answered;
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::document::list_keys::DistinctItems;
use crate::document::write::edit::{DocumentEditor, EditError, TextEdit};
use crate::document::write::is_guarded;
use crate::document::write::layout::{LayoutEntry, LayoutNode};
use crate::document::write::tree::{self, LayoutBuilder};
use crate::document::{DesiredNode, DesiredValue, Document, ValueSource};
use crate::kind::{Field, FieldType, ItemType, Kind, Shape};
use crate::plan::path_label::format_path;
use crate::plan::propose::{GrantedPermissions, ObjectProposal, ProposalInput, propose_object};
use crate::plan::rotate::NO_ROTATION;
use crate::plan::{Change, EmptyWriteHistory, PlanSubject};
use crate::value::{Object, PathSegment, Sensitivity, ValuePath};
use crate::yaml::YamlNode;

/// Edits of one document.
pub struct DocumentRevision {
    pub cuts: Vec<TextEdit>,
    pub touched: TouchedSpans,
    /// Variables that are needed now and were not before.
    pub variables: Vec<SecretVariable>,
}

/// Which nodes of a document may come out different.
#[derive(Default)]
pub struct TouchedSpans {
    pub replaced: Vec<SourceSpan>,
    pub removed: Vec<SourceSpan>,
    /// Lists and mappings that may have more than before.
    pub extended: Vec<SourceSpan>,
}

/// What a plan would say of a document and the live object.
pub fn compare_document(
    document: &Document,
    meanings: &ImportedReferences,
    subject: &PlanSubject,
    live: &Object,
) -> ObjectProposal {
    compare_filled(&meanings.fill_document(document, live), subject, live)
}

/// The same of a document that has everything in place.
pub fn compare_filled(document: &Document, subject: &PlanSubject, live: &Object) -> ObjectProposal {
    // what may be lowered or overwritten is a question to those who write to the service
    let permits = GrantedPermissions {
        lower_protection: true,
        overwrite_edits: true,
        personal: true,
        ..GrantedPermissions::default()
    };
    propose_object(
        &ProposalInput {
            document,
            subject,
            live: Some(live),
            write_history: &EmptyWriteHistory,
            rotation: &NO_ROTATION,
        },
        permits,
    )
}

/// The edits that make a document say what is live; nothing when it does already.
///
/// # Errors
/// Everything that can't be edited, at its line.
pub fn revise_document(
    import: &ImportJob,
    document: &Document,
    root: &YamlNode,
    proposal: &ObjectProposal,
    draft: &ObjectDraft,
) -> Result<Option<DocumentRevision>, Vec<Diagnostic>> {
    // a fault that stands where a change does is answered by the change
    let is_open = |fault: &&Diagnostic| !is_answered(fault, &proposal.changes);
    let open: Vec<Diagnostic> = proposal.errors.iter().filter(is_open).cloned().collect();
    if !open.is_empty() {
        return Err(open);
    }
    let mut revising = DocumentReviser {
        import,
        document,
        draft,
        editor: DocumentEditor::new(&document.source, root),
        touched: TouchedSpans::default(),
        variables: Vec::new(),
        faults: Vec::new(),
        groups: BTreeMap::new(),
    };
    proposal.changes.iter().for_each(|change| revising.apply_change(change));
    revising.apply_groups();
    if import.all_fields {
        revising.add_missing();
    }
    revising.finish_revision()
}

/// Members of one list or mapping that come and go.
struct MemberChanges<'r> {
    node: &'r DesiredNode,
    removed: Vec<SourceSpan>,
    removed_keys: Vec<Box<str>>,
    items: Vec<LayoutNode>,
    distinct: DistinctItems,
    rows: Vec<LayoutEntry>,
}

struct DocumentReviser<'r> {
    import: &'r ImportJob,
    document: &'r Document,
    draft: &'r ObjectDraft,
    editor: DocumentEditor<'r>,
    touched: TouchedSpans,
    variables: Vec<SecretVariable>,
    faults: Vec<Diagnostic>,
    /// By where the list or mapping stands.
    groups: BTreeMap<(u32, u32), MemberChanges<'r>>,
}

impl<'r> DocumentReviser<'r> {
    fn finish_revision(self) -> Result<Option<DocumentRevision>, Vec<Diagnostic>> {
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let cuts = self.editor.into_edits();
        let revision = DocumentRevision { cuts, touched: self.touched, variables: self.variables };
        Ok((!revision.cuts.is_empty()).then_some(revision))
    }

    fn kind(&self) -> &'r Kind {
        &self.document.kind
    }

    fn apply_change(&mut self, change: &Change) {
        let span = change.place.as_ref().map(|place| place.span);
        if change.unreadable {
            let message =
                format!("the API does not return `{}`; the document is unchanged", format_path(&change.path));
            return self.add_diagnostic(
                "not-comparable",
                span,
                message,
                "check that it is the value last written",
            );
        }
        let Some((mark, field)) = resolve_field(self.kind(), &change.path) else { return };
        if is_guarded(mark) && !self.import.personal {
            let message = format!("`{}` is {} and differs", format_path(&change.path), mark.as_str());
            return self.add_diagnostic("sensitive-value", span, message, "`--personal` writes such values");
        }
        match (change.path.0.last(), span) {
            (Some(PathSegment::Item { .. }), span) => self.change_item(change, span, mark, field),
            (Some(PathSegment::Key(key, _)), span) => self.change_key(change, key, span, mark, field),
            (_, Some(span)) => {
                let tree = self.layout().build_field(change, mark, field);
                let tree = self.take_layout(tree);
                self.replace_value(span, tree);
            }
            (_, None) => self.add_diagnostic("unsafe-edit", None, describe_difference(change), HINT_BY_HAND),
        }
    }

    fn layout(&self) -> LiveLayout<'r> {
        LiveLayout { kind: &self.document.kind, draft: self.draft, personal: self.import.personal }
    }

    /// The layout of a live value, with the variables that it needs.
    fn take_layout(&mut self, live: Option<LiveNode>) -> Option<LayoutNode> {
        let live = live?;
        live.drafted.iter().for_each(|node| self.add_variables(node));
        Some(live.tree)
    }

    fn add_variables(&mut self, node: &DesiredNode) {
        for (slot, _) in node.iter_value_sources() {
            let ValueSource::Env(name) = slot else { continue };
            self.variables.extend(self.draft.variables.iter().find(|own| own.name == *name).cloned());
        }
    }

    fn replace_value(&mut self, span: SourceSpan, tree: Option<LayoutNode>) {
        let Some(tree) = tree else {
            let message = "no document can say the live value".to_owned();
            return self.add_diagnostic("unsafe-edit", Some(span), message, HINT_BY_HAND);
        };
        match self.editor.replace_value(span, &tree) {
            Ok(()) => {
                self.touched.replaced.push(span);
            }
            Err(stuck) => self.add_stuck_diagnostic(stuck),
        }
    }

    /// An item that is live and not written, written and not live, or both and different.
    fn change_item(&mut self, change: &Change, span: Option<SourceSpan>, mark: Sensitivity, field: &Field) {
        let FieldType::Array(list) = &field.ty else { return };
        let plain = match (&list.item, &change.before) {
            (ItemType::Scalar(scalar), Some(live))
                if mark != Sensitivity::Secret && can_represent(scalar, live) =>
            {
                Some(tree::build_literal(live))
            }
            _ => None,
        };
        if let (Some(span), Some(_)) = (span, &change.before) {
            return self.replace_value(span, plain);
        }
        let Some(group) = self.find_group(&change.path) else {
            return self.add_diagnostic("unsafe-edit", span, describe_difference(change), HINT_BY_HAND);
        };
        if let Some(span) = span {
            return group.removed.push(span);
        }
        if let (Some(tree), Some(live)) = (plain, &change.before) {
            if group.distinct.add(list, &DesiredValue::Literal(live.clone())) {
                group.items.push(tree);
            }
            return;
        }
        match self.layout().build_item(&change.path, &list.item, mark, &field.name) {
            Ok(Some(live)) => {
                let tree = self.take_layout(Some(live));
                let group = self.find_group(&change.path);
                if let (Some(tree), Some(group)) = (tree, group) {
                    group.items.push(tree);
                }
            }
            Ok(None) => self.add_diagnostic("unsafe-edit", None, describe_difference(change), HINT_BY_HAND),
            Err(fault) => {
                self.faults.push(fault.with_location(self.document.locate_span(self.document.name_span)))
            }
        }
    }

    fn change_key(
        &mut self,
        change: &Change,
        key: &str,
        span: Option<SourceSpan>,
        mark: Sensitivity,
        field: &Field,
    ) {
        let FieldType::Map(map) = &field.ty else { return };
        let tree = match &change.before {
            Some(value) if mark != Sensitivity::Secret && can_represent(&map.value, value) => {
                Some(tree::build_literal(value))
            }
            _ => None,
        };
        if let (Some(span), Some(_)) = (span, &change.before) {
            return self.replace_value(span, tree);
        }
        match (span, &change.before, self.find_group(&change.path)) {
            (Some(_), None, Some(group)) => group.removed_keys.push(key.into()),
            (None, Some(_), Some(group)) if tree.is_some() => {
                group.rows.push(LayoutEntry { key: key.to_owned(), node: tree, comment: None });
            }
            (span, ..) => self.add_diagnostic("unsafe-edit", span, describe_difference(change), HINT_BY_HAND),
        }
    }

    /// The changes of the list or mapping in which the member of a path is.
    fn find_group(&mut self, path: &ValuePath) -> Option<&mut MemberChanges<'r>> {
        let node = find_parent_node(self.document, path)?;
        let own = MemberChanges {
            node,
            removed: Vec::new(),
            removed_keys: Vec::new(),
            items: Vec::new(),
            distinct: DistinctItems::default(),
            rows: Vec::new(),
        };
        Some(self.groups.entry((node.span.start, node.span.end)).or_insert(own))
    }

    fn apply_groups(&mut self) {
        for group in std::mem::take(&mut self.groups).into_values() {
            let node = group.node;
            let done = match &node.value {
                DesiredValue::List(items) => {
                    let place = |span: &SourceSpan| items.iter().position(|item| item.span == *span);
                    let removed: Vec<usize> = group.removed.iter().filter_map(place).collect();
                    self.editor.edit_items(node.span, &removed, &group.items)
                }
                _ => {
                    let gone: Vec<&str> = group.removed_keys.iter().map(|key| &**key).collect();
                    self.touched.removed.extend(collect_value_spans(node, &gone));
                    self.editor.edit_entries(node.span, &gone, &group.rows)
                }
            };
            self.touched.removed.extend(group.removed);
            self.touched.extended.push(node.span);
            if let Err(stuck) = done {
                self.add_stuck_diagnostic(stuck);
            }
        }
    }

    /// Fields of the draft that the document does not name, each behind the one that it follows.
    fn add_missing(&mut self) {
        let document = self.document;
        self.add_missing_fields(
            &document.kind.shape,
            &document.spec,
            &self.draft.fields,
            Sensitivity::Public,
            Vec::new(),
        );
    }

    fn add_missing_fields(
        &mut self,
        shape: &Shape,
        node: &DesiredNode,
        drafted: &[(u16, DesiredNode)],
        above: Sensitivity,
        here: Vec<u32>,
    ) {
        let own = get_object_fields(node);
        let (mut behind, mut rows): (Option<&str>, Vec<LayoutEntry>) = (None, Vec::new());
        for field in &shape.fields {
            let there = own.iter().find(|(number, _)| *number == field.number);
            let said = drafted.iter().find(|(number, _)| *number == field.number);
            let path: Vec<u32> = here.iter().copied().chain([u32::from(field.number)]).collect();
            let mark = above.max(field.sensitivity);
            match (there, said) {
                (Some((_, there)), said) => {
                    self.add_rows(node.span, behind, std::mem::take(&mut rows));
                    behind = Some(&field.name);
                    if let (FieldType::Object(shape), Some((_, said))) = (&field.ty, said) {
                        self.add_missing_fields(shape, there, get_object_fields(said), mark, path);
                    }
                }
                (None, Some((_, said))) => rows.extend(self.build_row(field, said, mark, path)),
                (None, None) => {}
            }
        }
        self.add_rows(node.span, behind, rows);
    }

    fn build_row(
        &mut self,
        field: &Field,
        said: &DesiredNode,
        mark: Sensitivity,
        here: Vec<u32>,
    ) -> Option<LayoutEntry> {
        let mut planting = LayoutBuilder::new(&self.draft.remarks, self.import.personal).with_path(here);
        let tree = planting.build_node(&field.ty, &said.value, mark, &field.name).ok()?;
        self.add_variables(said);
        Some(LayoutEntry { key: field.name.to_string(), node: Some(tree), comment: None })
    }

    fn add_rows(&mut self, map: SourceSpan, behind: Option<&str>, rows: Vec<LayoutEntry>) {
        if rows.is_empty() {
            return;
        }
        self.touched.extended.push(map);
        let done = match behind {
            Some(key) => self.editor.insert_entries_after(map, key, &rows),
            None => self.editor.edit_entries(map, &[], &rows),
        };
        if let Err(stuck) = done {
            self.add_stuck_diagnostic(stuck);
        }
    }

    fn add_stuck_diagnostic(&mut self, stuck: EditError) {
        let message = format!("the live object differs here, and this {}", stuck.reason);
        self.add_diagnostic("unsafe-edit", Some(stuck.span), message, HINT_BY_HAND);
    }

    fn add_diagnostic(&mut self, code: &'static str, span: Option<SourceSpan>, message: String, hint: &str) {
        let place = self.document.locate_span(span.unwrap_or(self.document.name_span));
        self.faults.push(Diagnostic::error(code, message).with_location(place).with_hint(hint));
    }
}

const HINT_BY_HAND: &str = "change it by hand, or remove the document and import again";

fn describe_difference(change: &Change) -> String {
    format!(
        "`{}` differs from the live object in a way that can't be written here",
        format_path(&change.path)
    )
}

fn collect_value_spans(node: &DesiredNode, keys: &[&str]) -> Vec<SourceSpan> {
    match &node.value {
        DesiredValue::Map(entries) => {
            entries.iter().filter(|(key, _)| keys.contains(&&**key)).map(|(_, wanted)| wanted.span).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a document is what it was, but for what was touched.
pub fn is_same_except(old: &DesiredNode, new: &DesiredNode, touched: &TouchedSpans) -> bool {
    if touched.replaced.contains(&old.span) {
        return true;
    }
    let grown = touched.extended.contains(&old.span);
    match (&old.value, &new.value) {
        (DesiredValue::Clear, DesiredValue::Clear) => true,
        (DesiredValue::Literal(a), DesiredValue::Literal(b)) => a == b,
        (DesiredValue::Source(a), DesiredValue::Source(b)) => a == b,
        (DesiredValue::Reference(a), DesiredValue::Reference(b)) => a == b,
        (DesiredValue::Object(a), DesiredValue::Object(b)) => {
            let there = |number: u16| new.get_field(number);
            let kept = a
                .iter()
                .all(|(number, old)| there(*number).is_some_and(|new| is_same_except(old, new, touched)));
            kept && (grown || a.len() == b.len())
        }
        (DesiredValue::Map(a), DesiredValue::Map(b)) => {
            let mut kept = a.iter().filter(|(_, old)| !touched.removed.contains(&old.span));
            let there = |key: &str| b.iter().find(|(own, _)| **own == *key).map(|(_, new)| new);
            kept.all(|(key, old)| there(key).is_some_and(|new| is_same_except(old, new, touched)))
                && (grown || a.len() == b.len())
        }
        (DesiredValue::List(a), DesiredValue::List(b)) => {
            let kept: Vec<&DesiredNode> =
                a.iter().filter(|item| !touched.removed.contains(&item.span)).collect();
            kept.len() <= b.len()
                && kept.iter().zip(b).all(|(old, new)| is_same_except(old, new, touched))
                && (grown || kept.len() == b.len())
        }
        _ => false,
    }
}
