//! A document that is there, brought up to what is live: only what it names and what differs.
//!
//! The plan's own question is asked the other way round: each change that it would make to the object becomes
//! an edit of the line that asks for it. What a plan could not decide, what is marked and was not asked for, and
//! what cannot be changed line by line is told at its line instead.

use std::collections::BTreeMap;

use super::Import;
use super::draft::{Draft, READS_EMPTY, Variable, is_sayable};
use super::fill::object_fields;
use super::meanings::Meanings;
use crate::diagnostic::{Diagnostic, Span};
use crate::document::write::edit::{Cut, Editor, Stuck};
use crate::document::write::is_guarded;
use crate::document::write::layout::{Row, Tree};
use crate::document::write::tree::{self, Planting};
use crate::document::{Document, Slot, Wanted, Wish};
use crate::kind::explain::can_be_cleared;
use crate::kind::{Field, Item, Kind, Shape, Type};
use crate::plan::compare::same;
use crate::plan::propose::{Permits, Proposal, Question, propose};
use crate::plan::rotate::NOTHING;
use crate::plan::step::named;
use crate::plan::{Blank, Change, Subject};
use crate::value::{Mark, Object, Path, Segment, Value};
use crate::yaml::Node;

/// Edits of one document.
pub struct Revision {
    pub cuts: Vec<Cut>,
    pub touched: Touched,
    /// Variables that are needed now and were not before.
    pub variables: Vec<Variable>,
}

/// Which nodes of a document may come out different.
#[derive(Default)]
pub struct Touched {
    pub replaced: Vec<Span>,
    pub removed: Vec<Span>,
    /// Lists and mappings that may have more than before.
    pub grown: Vec<Span>,
}

/// What a plan would say of a document and the live object.
pub fn compared(document: &Document, meanings: &Meanings, subject: &Subject, live: &Object) -> Proposal {
    let document = meanings.in_place(document, live);
    // what may be lowered or overwritten is a question to those who write to the service
    let permits =
        Permits { lower_protection: true, overwrite_edits: true, personal: true, ..Permits::default() };
    propose(
        &Question { document: &document, subject, live: Some(live), memory: &Blank, rotate: &NOTHING },
        permits,
    )
}

/// The edits that make a document say what is live; nothing when it does already.
///
/// # Errors
/// Everything that can't be edited, at its line.
pub fn revise(
    import: &Import,
    document: &Document,
    root: &Node,
    proposal: &Proposal,
    draft: &Draft,
) -> Result<Option<Revision>, Vec<Diagnostic>> {
    // a fault that stands where a change does is answered by the change
    let answered = |fault: &Diagnostic| {
        proposal.changes.iter().any(|change| {
            let places = change.place.as_ref().zip(fault.place.as_ref());
            places.is_some_and(|(a, b)| a.span == b.span)
        })
    };
    let open: Vec<Diagnostic> = proposal.faults.iter().filter(|fault| !answered(fault)).cloned().collect();
    if !open.is_empty() {
        return Err(open);
    }
    let mut revising = Revising {
        import,
        document,
        draft,
        editor: Editor::new(&document.source, root),
        touched: Touched::default(),
        variables: Vec::new(),
        faults: Vec::new(),
        groups: BTreeMap::new(),
    };
    proposal.changes.iter().for_each(|change| revising.change(change));
    revising.close_groups();
    if import.all_fields {
        revising.missing();
    }
    revising.finish()
}

/// Members of one list or mapping that come and go.
#[derive(Default)]
struct Group {
    removed: Vec<Span>,
    gone: Vec<Box<str>>,
    items: Vec<Tree>,
    rows: Vec<Row>,
}

struct Revising<'r> {
    import: &'r Import,
    document: &'r Document,
    draft: &'r Draft,
    editor: Editor<'r>,
    touched: Touched,
    variables: Vec<Variable>,
    faults: Vec<Diagnostic>,
    /// By the field numbers that lead to the list or mapping.
    groups: BTreeMap<Vec<u16>, Group>,
}

impl<'r> Revising<'r> {
    fn finish(self) -> Result<Option<Revision>, Vec<Diagnostic>> {
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let cuts = self.editor.finish();
        let revision = Revision { cuts, touched: self.touched, variables: self.variables };
        Ok((!revision.cuts.is_empty()).then_some(revision))
    }

    fn kind(&self) -> &'r Kind {
        &self.document.kind
    }

    fn change(&mut self, change: &Change) {
        let span = change.place.as_ref().map(|place| place.span);
        if change.unseen {
            let message = format!("`{}` does not read back, so it stays as it is", named(&change.path));
            return self.fault("not-comparable", span, message, "see that it is what was written last");
        }
        let Some((mark, field)) = described(self.kind(), &change.path) else { return };
        if is_guarded(mark) && !self.import.personal {
            let message = format!("`{}` is {} and differs", named(&change.path), mark.word());
            return self.fault("marked-value", span, message, "`--personal` writes such values");
        }
        match (change.path.0.last(), span) {
            (Some(Segment::Item { .. }), span) => self.member(change, span, (mark, field)),
            (Some(Segment::Key(key, _)), span) => self.key(change, key, span, (mark, field)),
            (_, Some(span)) => {
                let tree = self.live_tree(change, mark, field);
                self.replace(span, tree);
            }
            (_, None) => self.fault("unsafe-edit", None, unsaid(change), BY_HAND),
        }
    }

    /// What stands for the live value of a field; none when it can't be said.
    fn live_tree(&mut self, change: &Change, mark: Mark, field: &Field) -> Option<Tree> {
        let live = change.before.as_ref().filter(|value| !matches!(value, Value::Null));
        let Some(live) = live.filter(|value| !(value.is_blank() && can_be_cleared(field))) else {
            return cleared(field);
        };
        match &field.ty {
            Type::Leaf(leaf) if mark != Mark::Secret => is_sayable(leaf, live).then(|| tree::leaf(live)),
            _ => self.drafted(&change.path, (mark, field)),
        }
    }

    /// What the draft says at a path.
    fn drafted(&mut self, path: &Path, (mark, field): (Mark, &Field)) -> Option<Tree> {
        let (node, here) = drafted_at(self.kind(), self.draft, path)?;
        let tree = Planting::new(&self.draft.remarks, self.import.personal)
            .at(here)
            .node(&field.ty, &node.wish, (mark, &field.name))
            .ok()?;
        self.note_variables(node);
        Some(tree)
    }

    fn note_variables(&mut self, node: &Wanted) {
        for (slot, _) in node.slots() {
            let Slot::Env(name) = slot else { continue };
            self.variables.extend(self.draft.variables.iter().find(|own| own.name == *name).cloned());
        }
    }

    fn replace(&mut self, span: Span, tree: Option<Tree>) {
        let Some(tree) = tree else {
            let message = "no document can say the live value".to_owned();
            return self.fault("unsafe-edit", Some(span), message, BY_HAND);
        };
        match self.editor.replace(span, &tree) {
            Ok(()) => {
                self.editor.drop_remark(span, READS_EMPTY);
                self.touched.replaced.push(span);
            }
            Err(stuck) => self.stuck(stuck),
        }
    }

    /// An item that is live and not written, written and not live, or both and different.
    fn member(&mut self, change: &Change, span: Option<Span>, (mark, field): (Mark, &Field)) {
        let Type::List(list) = &field.ty else { return };
        if let (Some(span), Some(live)) = (span, &change.before) {
            let tree = match &list.item {
                Item::Leaf(leaf) if mark != Mark::Secret && is_sayable(leaf, live) => Some(tree::leaf(live)),
                _ => None,
            };
            return self.replace(span, tree);
        }
        let Some(path) = fields_only(self.kind(), &change.path) else {
            return self.fault("unsafe-edit", span, unsaid(change), BY_HAND);
        };
        if let Some(span) = span {
            return self.groups.entry(path).or_default().removed.push(span);
        }
        let Some((node, here)) = drafted_at(self.kind(), self.draft, &change.path) else {
            return self.fault("unsafe-edit", None, unsaid(change), BY_HAND);
        };
        let (at, here) = here.split_last().map_or((0, &[][..]), |(at, here)| (*at, here));
        let planted = Planting::new(&self.draft.remarks, self.import.personal).at(here.to_vec()).item(
            &list.item,
            at,
            node,
            (mark, &field.name),
        );
        match planted {
            Ok(tree) => {
                self.note_variables(node);
                self.groups.entry(path).or_default().items.push(tree);
            }
            Err(fault) => self.faults.push(fault.at(self.document.place(self.document.name_span))),
        }
    }

    fn key(&mut self, change: &Change, key: &str, span: Option<Span>, (mark, field): (Mark, &Field)) {
        let Type::Map(map) = &field.ty else { return };
        let tree = match &change.before {
            Some(value) if mark != Mark::Secret && is_sayable(&map.value, value) => Some(tree::leaf(value)),
            _ => None,
        };
        match (span, &change.before, fields_only(self.kind(), &change.path)) {
            (Some(span), Some(_), _) => self.replace(span, tree),
            (Some(_), None, Some(path)) => self.groups.entry(path).or_default().gone.push(key.into()),
            (None, Some(_), Some(path)) if tree.is_some() => {
                let row = Row { key: key.to_owned(), tree, remark: None };
                self.groups.entry(path).or_default().rows.push(row);
            }
            (span, ..) => self.fault("unsafe-edit", span, unsaid(change), BY_HAND),
        }
    }

    fn close_groups(&mut self) {
        for (path, group) in std::mem::take(&mut self.groups) {
            let Some(node) = self.document.spec.at(&path) else { continue };
            let done = match &node.wish {
                Wish::List(items) => {
                    let place = |span: &Span| items.iter().position(|item| item.span == *span);
                    let removed: Vec<usize> = group.removed.iter().filter_map(place).collect();
                    self.editor.items(node.span, &removed, &group.items)
                }
                _ => {
                    let gone: Vec<&str> = group.gone.iter().map(|key| &**key).collect();
                    self.touched.removed.extend(values_of(node, &gone));
                    self.editor.entries(node.span, &gone, &group.rows)
                }
            };
            self.touched.removed.extend(group.removed);
            self.touched.grown.push(node.span);
            if let Err(stuck) = done {
                self.stuck(stuck);
            }
        }
    }

    /// Fields of the draft that the document does not name, each behind the one that it follows.
    fn missing(&mut self) {
        let document = self.document;
        self.missing_in(&document.kind.shape, &document.spec, &self.draft.fields, (Mark::Open, Vec::new()));
    }

    fn missing_in(
        &mut self,
        shape: &Shape,
        node: &Wanted,
        drafted: &[(u16, Wanted)],
        (above, here): (Mark, Vec<u32>),
    ) {
        let own = object_fields(node);
        let (mut behind, mut rows): (Option<&str>, Vec<Row>) = (None, Vec::new());
        for field in &shape.fields {
            let there = own.iter().find(|(number, _)| *number == field.number);
            let said = drafted.iter().find(|(number, _)| *number == field.number);
            let path: Vec<u32> = here.iter().copied().chain([u32::from(field.number)]).collect();
            let mark = above.max(field.mark);
            match (there, said) {
                (Some((_, there)), said) => {
                    self.add_rows(node.span, behind, std::mem::take(&mut rows));
                    behind = Some(&field.name);
                    if let (Type::Object(shape), Some((_, said))) = (&field.ty, said) {
                        self.missing_in(shape, there, object_fields(said), (mark, path));
                    }
                }
                (None, Some((_, said))) => rows.extend(self.new_row(field, said, (mark, path))),
                (None, None) => {}
            }
        }
        self.add_rows(node.span, behind, rows);
    }

    fn new_row(&mut self, field: &Field, said: &Wanted, (mark, here): (Mark, Vec<u32>)) -> Option<Row> {
        let mut planting = Planting::new(&self.draft.remarks, self.import.personal).at(here);
        let tree = planting.node(&field.ty, &said.wish, (mark, &field.name)).ok()?;
        self.note_variables(said);
        Some(Row { key: field.name.to_string(), tree: Some(tree), remark: None })
    }

    fn add_rows(&mut self, map: Span, behind: Option<&str>, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        self.touched.grown.push(map);
        let done = match behind {
            Some(key) => self.editor.entries_behind(map, key, &rows),
            None => self.editor.entries(map, &[], &rows),
        };
        if let Err(stuck) = done {
            self.stuck(stuck);
        }
    }

    fn stuck(&mut self, stuck: Stuck) {
        let message = format!("the live object differs here, and this {}", stuck.why);
        self.fault("unsafe-edit", Some(stuck.span), message, BY_HAND);
    }

    fn fault(&mut self, code: &'static str, span: Option<Span>, message: String, hint: &str) {
        let place = self.document.place(span.unwrap_or(self.document.name_span));
        self.faults.push(Diagnostic::error(code, message).at(place).hint(hint));
    }
}

const BY_HAND: &str = "change it by hand, or remove the document and import again";

fn unsaid(change: &Change) -> String {
    format!("`{}` differs from the live object in a way that can't be written here", named(&change.path))
}

/// How a document says that there is nothing.
fn cleared(field: &Field) -> Option<Tree> {
    if can_be_cleared(field) {
        return Some(Tree::Word("null".into()));
    }
    let zero = field.ty.zero();
    match zero {
        Value::Null => None,
        zero => same(field, None, Some(&zero)).then(|| tree::leaf(&zero)),
    }
}

/// The field to which a path leads, or the list or mapping whose member it leads to, and the strictest mark on
/// the way.
fn described<'k>(kind: &'k Kind, path: &Path) -> Option<(Mark, &'k Field)> {
    let (mut shape, mut mark, mut found) = (Some(&kind.shape), Mark::Open, None);
    for segment in &path.0 {
        let Segment::Field(name) = segment else { continue };
        let field = shape?.named(name)?;
        mark = mark.max(field.mark);
        shape = match &field.ty {
            Type::Object(inner) => Some(inner),
            Type::List(list) => match &list.item {
                Item::Object(inner) => Some(inner),
                Item::Leaf(_) => None,
            },
            _ => None,
        };
        found = Some((mark, field));
    }
    found
}

/// The field numbers that lead to the list or mapping of a member; none when items stand on the way.
fn fields_only(kind: &Kind, path: &Path) -> Option<Vec<u16>> {
    let (_, way) = path.0.split_last()?;
    let (mut shape, mut numbers) = (Some(&kind.shape), Vec::with_capacity(way.len()));
    for segment in way {
        let Segment::Field(name) = segment else { return None };
        let field = shape?.named(name)?;
        numbers.push(field.number);
        shape = match &field.ty {
            Type::Object(inner) => Some(inner),
            _ => None,
        };
    }
    Some(numbers)
}

/// The node of a draft at a path, items by their place in the live list, and the numbers that lead there.
fn drafted_at<'d>(kind: &Kind, draft: &'d Draft, path: &Path) -> Option<(&'d Wanted, Vec<u32>)> {
    let (mut shape, mut here) = (Some(&kind.shape), Vec::new());
    let mut fields: &[(u16, Wanted)] = &draft.fields;
    let mut node: Option<&Wanted> = None;
    for segment in &path.0 {
        match segment {
            Segment::Field(name) => {
                let field = shape?.named(name)?;
                here.push(u32::from(field.number));
                node = fields.iter().find(|(number, _)| *number == field.number).map(|(_, node)| node);
                shape = match &field.ty {
                    Type::Object(inner) => Some(inner),
                    Type::List(list) => match &list.item {
                        Item::Object(inner) => Some(inner),
                        Item::Leaf(_) => None,
                    },
                    _ => None,
                };
            }
            Segment::Item { index, .. } => {
                here.push(u32::try_from(*index).ok()?);
                node = match &node?.wish {
                    Wish::List(items) => items.get(*index),
                    _ => None,
                };
            }
            Segment::Key(key, _) => {
                node = match &node?.wish {
                    Wish::Map(entries) => entries.iter().find(|(own, _)| own == key).map(|(_, node)| node),
                    _ => None,
                };
            }
        }
        fields = node.map(object_fields).unwrap_or_default();
    }
    Some((node?, here))
}

fn values_of(node: &Wanted, keys: &[&str]) -> Vec<Span> {
    match &node.wish {
        Wish::Map(entries) => {
            entries.iter().filter(|(key, _)| keys.contains(&&**key)).map(|(_, wanted)| wanted.span).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a document is what it was, but for what was touched.
pub fn alike(old: &Wanted, new: &Wanted, touched: &Touched) -> bool {
    if touched.replaced.contains(&old.span) {
        return true;
    }
    let grown = touched.grown.contains(&old.span);
    match (&old.wish, &new.wish) {
        (Wish::Clear, Wish::Clear) => true,
        (Wish::Leaf(a), Wish::Leaf(b)) => a == b,
        (Wish::Slot(a), Wish::Slot(b)) => a == b,
        (Wish::Reference(a), Wish::Reference(b)) => a == b,
        (Wish::Object(a), Wish::Object(b)) => {
            let there = |number: u16| new.field(number);
            let kept =
                a.iter().all(|(number, old)| there(*number).is_some_and(|new| alike(old, new, touched)));
            kept && (grown || a.len() == b.len())
        }
        (Wish::Map(a), Wish::Map(b)) => {
            let mut kept = a.iter().filter(|(_, old)| !touched.removed.contains(&old.span));
            let there = |key: &str| b.iter().find(|(own, _)| **own == *key).map(|(_, new)| new);
            kept.all(|(key, old)| there(key).is_some_and(|new| alike(old, new, touched)))
                && (grown || a.len() == b.len())
        }
        (Wish::List(a), Wish::List(b)) => {
            let kept: Vec<&Wanted> = a.iter().filter(|item| !touched.removed.contains(&item.span)).collect();
            kept.len() <= b.len()
                && kept.iter().zip(b).all(|(old, new)| alike(old, new, touched))
                && (grown || kept.len() == b.len())
        }
        _ => false,
    }
}
