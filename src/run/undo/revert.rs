//! The way back: what a run left of an object, held against the object as it is now, becomes a document that asks
//! for what was there before.
//!
//! An object that the run created becomes one that is not to be there; one that it deleted is asked for anew, where
//! all of it was kept. What is left as it is is said, leaf by leaf.
//! Deliberately absent: planning and writing, which go the way of every other document.

use std::sync::Arc;

use super::WrittenObject;
use super::added_leaves::{find_additions, is_described};
use super::leaf_record::{LeafRecord, WithheldReason};
use super::record::parse_record as read_record;
use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan};
use crate::document::{DesiredNode, DesiredValue, Document, DocumentState};
use crate::kind::equality::is_equal;
use crate::kind::mask::is_unreadable;
use crate::kind::scalar::ScalarToken;
use crate::kind::{AbsenceRule, Field, FieldType, IdAssigner, Kind, WriteBody};
use crate::plan::compare::diff_objects;
use crate::plan::undo::{UndoSkipReason, UndoableChange, propose_recreate, propose_undo};
use crate::plan::{Change, Plan, PlanSubject, RefusedObject, Step, StepAction, digest};
use crate::run::fetch::ReadOutcome;
use crate::run::match_up::ObjectMatch;
use crate::state::sealer::ValueOpener;
use crate::value::{Object, Sensitivity};

/// What is not undone, and why.
const NOT_UNDONE: &str = "not-undone";

/// What a run left of one object, read under the guidance of its kind.
pub struct UndoInput {
    pub kind: Arc<Kind>,
    entry: WrittenObject,
    action: StepAction,
    leaves: Vec<UndoableChange>,
    /// Leaves under a mark that were put where nothing was.
    added: Vec<LeafRecord>,
    /// Leaves whose values are not here.
    withheld: Vec<(String, WithheldReason)>,
    source: Arc<NamedSource>,
}

/// What becomes of one object.
pub struct UndoDecision {
    pub document: Document,
    /// What its step has to do; none when nothing of it is undone.
    expected_action: Option<StepAction>,
    /// The object as it was found, and the root fields of it that are touched.
    found: Option<(Object, Vec<u16>)>,
    /// What of it stays as it is.
    pub not_undone: Vec<Diagnostic>,
}

impl UndoInput {
    /// Of what a receipt says of an object. Nothing when it does not fit the kind.
    pub fn new(
        kind: Arc<Kind>,
        entry: WrittenObject,
        source: &Arc<NamedSource>,
        opener: Option<&ValueOpener>,
    ) -> Option<Self> {
        let action = match &*entry.action {
            "create" => StepAction::Create,
            "update" => StepAction::Update,
            "delete" => StepAction::Delete,
            "replace" => StepAction::Replace,
            _ => return None,
        };
        let (mut leaves, mut withheld) = (Vec::<UndoableChange>::new(), Vec::new());
        let mut added = Vec::new();
        let opened = opener.and_then(|opener| open_sealed(&entry, opener));
        for record in &entry.leaves {
            match record.withheld {
                Some(WithheldReason::Sealed) if opened.is_some() => {}
                Some(_) if !record.digests.is_empty() && is_described(&kind, record) => {
                    added.push(record.clone())
                }
                Some(_) if !record.digests.is_empty() => {
                    withheld.push((record.label.clone(), WithheldReason::Unknown))
                }
                Some(why) => withheld.push((record.label.clone(), why)),
                None => leaves.push(read_record(&kind, record)?),
            }
        }
        for record in opened.iter().flatten() {
            let written = read_record(&kind, record)?;
            // of several requests of one run the last one counts
            match leaves.iter_mut().find(|own| own.path == written.path) {
                Some(own) => own.after = written.after,
                None => leaves.push(written),
            }
        }
        Some(Self { kind, entry, action, leaves, added, withheld, source: Arc::clone(source) })
    }

    /// The document by which the object is found. From the object's own one it borrows where values come from
    /// that may not read back: a write of the whole has to carry them.
    pub fn build_lookup_document(&self, own: Option<&Document>) -> Document {
        let spec = match self.action {
            StepAction::Delete => propose_recreate(&self.kind, &self.leaves),
            StepAction::Update => own.filter(|_| self.sends_full_body()).map(copy_hidden_fields),
            StepAction::Create | StepAction::Replace => None,
        };
        self.build_document(DocumentState::Present, spec.unwrap_or_else(build_empty_spec))
    }

    /// Whether an update sends everything that there is.
    fn sends_full_body(&self) -> bool {
        let operations = &self.kind.operations;
        let mut writes = operations.list_updates().chain(&operations.replace);
        writes.any(|write| write.body == WriteBody::Full)
    }

    /// Whether this is the document of the object.
    pub fn is_about(&self, document: &Document) -> bool {
        let own = (&*self.entry.target, &*self.entry.kind, &*self.entry.name);
        own == (document.target.as_deref().unwrap_or_default(), &*document.kind.name, &*document.name)
    }

    fn build_document(&self, state: DocumentState, spec: DesiredNode) -> Document {
        let kind = &self.kind;
        let by_service =
            self.action == StepAction::Delete && kind.identity.id_assigned_by == IdAssigner::Server;
        let id = || match &kind.id_field().ty {
            FieldType::Scalar(leaf) => leaf.read_token(ScalarToken::Plain(self.entry.id.as_deref()?)).ok(),
            _ => None,
        };
        let scope = kind.scope.iter().enumerate().filter_map(|(number, scope)| {
            let text = self.entry.scope.get(&*scope.name)?;
            Some((u16::try_from(number).ok()?, scope.ty.read_token(ScalarToken::Plain(text)).ok()?))
        });
        Document {
            name: self.entry.name.as_str().into(),
            target: Some(self.entry.target.as_str().into()),
            state,
            id: if by_service { None } else { id() },
            protect: false,
            scope: scope.collect(),
            parents: Vec::new(),
            depends_on: Vec::new(),
            spec,
            source: Arc::clone(&self.source),
            environment: None,
            is_composed: false,
            levels: None,
            name_span: SourceSpan::default(),
            id_span: SourceSpan::default(),
            target_span: SourceSpan::default(),
            kind: Arc::clone(kind),
        }
    }

    fn place(&self) -> SourceLocation {
        self.source.locate_span(SourceSpan::default())
    }

    /// What becomes of the object as it was found; `key` is that of the receipt's digests.
    /// `sought` is the document by which it was.
    pub fn decide_undo(
        &self,
        read: Option<&ReadOutcome>,
        sought: &Document,
        key: Option<&[u8]>,
    ) -> UndoDecision {
        let live = match read {
            Some(ReadOutcome::Found(ObjectMatch::One(live))) => Some(&live.object),
            Some(ReadOutcome::Found(ObjectMatch::Nothing)) => None,
            // the plan says why it cannot be read, or which of several is meant
            _ => {
                return self.build_untouched(
                    self.build_document(DocumentState::Present, build_empty_spec()),
                    Vec::new(),
                );
            }
        };
        match (self.action, live) {
            (StepAction::Replace, _) => self.refuse_undo(
                "a new object took the place of the former one, whose id does not come back",
                "write the former values into its document, and apply that with `--allow-replace`",
            ),
            (StepAction::Update, Some(live)) => self.undo_update(live, sought, key),
            (StepAction::Create, Some(live)) => self.undo_create(live, key),
            (StepAction::Delete, None) => self.undo_delete(),
            (StepAction::Delete, Some(_)) => self.refuse_undo("there is such an object again", HINT_INSPECT),
            (StepAction::Update, None) => self.refuse_undo("the object is not there any more", HINT_INSPECT),
            (StepAction::Create, None) => self.refuse_undo(
                "the object that was created is not there, or nobody knows its id",
                HINT_INSPECT,
            ),
        }
    }

    fn build_untouched(&self, document: Document, stays: Vec<Diagnostic>) -> UndoDecision {
        UndoDecision { document, expected_action: None, found: None, not_undone: stays }
    }

    fn refuse_undo(&self, message: &str, hint: &str) -> UndoDecision {
        let why = Diagnostic::error(NOT_UNDONE, message).with_location(self.place()).with_hint(hint);
        self.build_untouched(self.build_document(DocumentState::Present, build_empty_spec()), vec![why])
    }

    fn undo_update(&self, live: &Object, sought: &Document, key: Option<&[u8]>) -> UndoDecision {
        let mut leaves = self.leaves.clone();
        leaves.extend(find_additions(&self.kind, live, &self.added, key));
        let mut undone = propose_undo(&self.kind, live, &leaves);
        let stays = undone
            .skipped
            .iter()
            .filter_map(|(number, why)| self.diagnose_kept(&leaves[*number].label, *why));
        let withheld = self.withheld.iter().map(|(label, why)| self.diagnose_withheld(label, *why));
        let stays = stays.chain(withheld).collect();
        let expect = (!undone.touched_fields.is_empty()).then_some(StepAction::Update);
        if expect.is_some() {
            add_hidden_fields(&self.kind, live, sought, &mut undone.spec);
        }
        let found = Some((live.clone(), undone.touched_fields));
        UndoDecision {
            document: self.build_document(DocumentState::Present, undone.spec),
            expected_action: expect,
            found,
            not_undone: stays,
        }
    }

    /// What was created goes only while it is as it was left.
    fn undo_create(&self, live: &Object, key: Option<&[u8]>) -> UndoDecision {
        let moved = propose_undo(&self.kind, live, &self.leaves);
        let moved = moved.skipped.iter().filter(|(_, why)| *why == UndoSkipReason::Conflict);
        let mut stays: Vec<_> =
            moved.filter_map(|(number, why)| self.diagnose_kept(&self.leaves[*number].label, *why)).collect();
        let is_as_left = self
            .entry
            .after
            .as_ref()
            .is_none_or(|left| *left == digest::digest_object(&self.kind, live, key));
        if stays.is_empty() && is_as_left {
            let all = self.kind.shape.fields.iter().map(|field| field.number).collect();
            let document = self.build_document(DocumentState::Absent, build_empty_spec());
            return UndoDecision {
                document,
                expected_action: Some(StepAction::Delete),
                found: Some((live.clone(), all)),
                not_undone: stays,
            };
        }
        if stays.is_empty() {
            let message = "the object was changed since it was created, so it is not deleted";
            stays.push(
                Diagnostic::error(NOT_UNDONE, message).with_location(self.place()).with_hint(HINT_INSPECT),
            );
        }
        self.build_untouched(self.build_document(DocumentState::Present, build_empty_spec()), stays)
    }

    fn undo_delete(&self) -> UndoDecision {
        let stays: Vec<_> =
            self.withheld.iter().map(|(label, why)| self.diagnose_withheld(label, *why)).collect();
        match propose_recreate(&self.kind, &self.leaves).filter(|_| stays.is_empty()) {
            Some(spec) => UndoDecision {
                document: self.build_document(DocumentState::Present, spec),
                expected_action: Some(StepAction::Create),
                found: None,
                not_undone: stays,
            },
            None => self.build_untouched(
                self.build_document(DocumentState::Absent, build_empty_spec()),
                match stays.is_empty() {
                    true => vec![
                        Diagnostic::error(
                            NOT_UNDONE,
                            "the object cannot be created again from what was kept",
                        )
                        .with_location(self.place())
                        .with_hint("write a document for it"),
                    ],
                    false => stays,
                },
            ),
        }
    }

    fn diagnose_kept(&self, label: &str, why: UndoSkipReason) -> Option<Diagnostic> {
        let (message, hint) = match why {
            UndoSkipReason::AlreadyReverted => return None,
            UndoSkipReason::Conflict => {
                (format!("`{label}` is not what that run wrote any more, so it is not changed"), HINT_INSPECT)
            }
            UndoSkipReason::Unreadable => {
                (format!("the API does not return `{label}`, so it is not changed"), HINT_WRITE)
            }
            UndoSkipReason::NoRemoval => {
                (format!("the service takes nothing away from the list of `{label}`"), "take it away by hand")
            }
            UndoSkipReason::Immutable => (format!("`{label}` cannot be written back"), HINT_WRITE),
        };
        Some(Diagnostic::warning(NOT_UNDONE, message).with_location(self.place()).with_hint(hint))
    }

    fn diagnose_withheld(&self, label: &str, why: WithheldReason) -> Diagnostic {
        let kept = |what: &str| format!("`{label}` is {what}, and what was there before was not kept");
        let (message, hint) = match why {
            WithheldReason::Secret => (kept("secret"), HINT_ENCRYPT),
            WithheldReason::Personal => (kept("personal"), HINT_ENCRYPT),
            WithheldReason::Sensitive => (kept("sensitive"), HINT_ENCRYPT),
            WithheldReason::Sealed => (
                format!("what `{label}` was before is sealed, and there is no identity to open it"),
                HINT_IDENTITY,
            ),
            WithheldReason::Unseen => {
                (format!("the service did not show what `{label}` was before"), HINT_WRITE)
            }
            WithheldReason::Unknown => {
                (format!("what `{label}` was before is not understood in full"), HINT_WRITE)
            }
            WithheldReason::TooLong => {
                (format!("what `{label}` was before is too long to be kept"), HINT_WRITE)
            }
        };
        Diagnostic::warning(NOT_UNDONE, message).with_location(self.place()).with_hint(hint)
    }
}

const HINT_INSPECT: &str = "look at it, and write what it is to be into its document";
const HINT_WRITE: &str = "write what it is to be into its document, and apply that";
const HINT_ENCRYPT: &str = "with `receipts: { before_values: encrypted }` in trueup.yaml such values are kept from the next apply on";
const HINT_IDENTITY: &str = "name the file with an age identity in TRUEUP_AGE_IDENTITY";

/// The sealed leaves of an object; nothing when one part of them cannot be opened.
fn open_sealed(entry: &WrittenObject, opener: &ValueOpener) -> Option<Vec<LeafRecord>> {
    let part = |sealed: &String| serde_json::from_slice::<Vec<LeafRecord>>(&opener.open(sealed)?).ok();
    let parts = entry.sealed.iter().map(part).collect::<Option<Vec<_>>>()?;
    Some(parts.into_iter().flatten().collect())
}

/// What a document says of root fields that may not read back.
fn copy_hidden_fields(document: &Document) -> DesiredNode {
    let DesiredValue::Object(fields) = &document.spec.value else { return build_empty_spec() };
    let hides = |field: &Field| {
        let absent = matches!(field.when_absent, AbsenceRule::Hidden | AbsenceRule::Pending);
        matches!(field.ty, FieldType::Scalar(_))
            && (absent || field.behavior.write_only || field.sensitivity != Sensitivity::Public)
    };
    let shape = &document.kind.shape;
    let fields =
        fields.iter().filter(|(number, _)| hides(shape.get_field(*number))).map(|(number, wanted)| {
            // its place would be one in another text
            (*number, DesiredNode { span: SourceSpan::default(), ..wanted.clone() })
        });
    DesiredNode { span: SourceSpan::default(), value: DesiredValue::Object(fields.collect()) }
}

/// Adds to a wish what was borrowed of fields that are not returned by the API and are not touched.
fn add_hidden_fields(kind: &Kind, live: &Object, sought: &Document, spec: &mut DesiredNode) {
    let (DesiredValue::Object(fields), DesiredValue::Object(borrowed)) =
        (&mut spec.value, &sought.spec.value)
    else {
        return;
    };
    for (number, wanted) in borrowed {
        let named = fields.iter().any(|(own, _)| own == number);
        let field = kind.shape.get_field(*number);
        let is_secret = field.sensitivity == Sensitivity::Secret;
        if !named && (is_secret || is_unreadable(field, live.get_field(*number))) {
            fields.push((*number, wanted.clone()));
        }
    }
    fields.sort_by_key(|(number, _)| *number);
}

fn build_empty_spec() -> DesiredNode {
    DesiredNode { span: SourceSpan::default(), value: DesiredValue::Object(Vec::new()) }
}

impl UndoDecision {
    /// What of this is not undone although something of it is.
    pub fn is_partial(&self) -> bool {
        self.expected_action.is_some() && !self.not_undone.is_empty()
    }

    /// Why a step is not the one that undoes, of the object as it was found.
    fn find_mismatch(&self, step: &Step) -> Option<&'static str> {
        let shape = &step.subject.kind.shape;
        let as_found = match (&self.found, &step.live) {
            (None, None) => true,
            (Some((found, _)), Some(live)) if step.action == StepAction::Delete => {
                diff_objects(shape, found, live, &|field| field.behavior.read_only).is_empty()
            }
            (Some((found, touched)), Some(live)) => touched.iter().all(|number| {
                is_equal(shape.get_field(*number), found.get_field(*number), live.get_field(*number))
            }),
            _ => false,
        };
        if self.expected_action != Some(step.action) || !as_found {
            return Some("the object changed during the read");
        }
        let is_touched = |change: &Change| {
            let field = change.path.top_field().and_then(|name| shape.find_field(name));
            let touched = self
                .found
                .as_ref()
                .is_none_or(|(_, touched)| field.is_some_and(|field| touched.contains(&field.number)));
            touched || step.action != StepAction::Update
        };
        let whole = "a full PUT would change values that the API does not return and that run did not write";
        (!step.changes.iter().all(is_touched)).then_some(whole)
    }
}

/// Leaves in a plan only what undoes, and says what of each object stays as it is.
pub fn filter_plan<'c>(plan: &mut Plan, case: impl Fn(&PlanSubject) -> Option<&'c UndoDecision>) {
    for step in std::mem::take(&mut plan.steps) {
        let own = case(&step.subject);
        match own.map(|own| (own, own.find_mismatch(&step))) {
            Some((own, None)) => {
                let mut step = step;
                step.notes.extend(own.not_undone.iter().cloned());
                plan.steps.push(step);
            }
            other => {
                let message = other.and_then(|(_, why)| why).unwrap_or("it is no object of that run");
                let reason = Diagnostic::error(NOT_UNDONE, message)
                    .with_location(step.subject.place.clone())
                    .with_hint("look at it, then run this again");
                let Step { subject, changes, .. } = step;
                plan.refused.push(RefusedObject { subject, reasons: vec![reason], changes });
            }
        }
    }
    for agreeing in std::mem::take(&mut plan.unchanged) {
        let stays = case(&agreeing.subject).map(|own| own.not_undone.clone()).unwrap_or_default();
        match stays.is_empty() {
            true => plan.unchanged.push(agreeing),
            false => {
                let reasons = stays.into_iter().map(to_error).collect();
                plan.refused.push(RefusedObject { subject: agreeing.subject, reasons, changes: Vec::new() });
            }
        }
    }
    for refused in &mut plan.refused {
        let own = case(&refused.subject).filter(|own| own.expected_action.is_none());
        // what keeps it from being undone says more than what the plan finds of a document that asks for nothing
        if let Some(own) = own.filter(|own| !own.not_undone.is_empty()) {
            refused.reasons = own.not_undone.iter().cloned().map(to_error).collect();
        }
    }
    plan.refused.sort_by_key(|refused| refused.subject.number);
}

/// Of an object of which nothing is undone.
fn to_error(why: Diagnostic) -> Diagnostic {
    Diagnostic { severity: crate::diagnostic::DiagnosticSeverity::Error, ..why }
}
