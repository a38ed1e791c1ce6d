//! The way back: what a run left of an object, held against the object as it is now, becomes a document that asks
//! for what was there before.
//!
//! An object that the run created becomes one that is not to be there; one that it deleted is asked for anew, where
//! all of it was kept. What is left as it is is said, leaf by leaf.
//! Deliberately absent: planning and writing, which go the way of every other document.

use std::sync::Arc;

use super::Entry;
use super::record::{Withheld, read as read_record};
use crate::diagnostic::{Diagnostic, Place, Source, Span};
use crate::document::{Document, State, Wanted, Wish};
use crate::kind::leaf::Token;
use crate::kind::{Absent, Field, Kind, Maker, Sends, Type};
use crate::plan::compare::{differences, same, unseen};
use crate::plan::undo::{Stays, Written, again, back};
use crate::plan::{Action, Change, Plan, Refused, Step, Subject, digest};
use crate::run::gather::Read;
use crate::run::match_up::Found;
use crate::value::{Mark, Object};

/// What is not undone, and why.
const STAYS: &str = "not-undone";

/// What a run left of one object, read under the guidance of its kind.
pub struct Trail {
    pub kind: Arc<Kind>,
    entry: Entry,
    action: Action,
    leaves: Vec<Written>,
    /// Leaves whose values are not here.
    withheld: Vec<(String, Withheld)>,
    source: Arc<Source>,
}

/// What becomes of one object.
pub struct Case {
    pub document: Document,
    /// What its step has to do; none when nothing of it is undone.
    expect: Option<Action>,
    /// The object as it was found, and the root fields of it that are touched.
    found: Option<(Object, Vec<u16>)>,
    /// What of it stays as it is.
    pub stays: Vec<Diagnostic>,
}

impl Trail {
    /// Of what a receipt says of an object. Nothing when it does not fit the kind.
    pub fn new(kind: Arc<Kind>, entry: Entry, source: &Arc<Source>) -> Option<Self> {
        let action = match &*entry.action {
            "create" => Action::Create,
            "update" => Action::Update,
            "delete" => Action::Delete,
            _ => return None,
        };
        let (mut leaves, mut withheld) = (Vec::new(), Vec::new());
        for record in &entry.leaves {
            match record.withheld {
                Some(why) => withheld.push((record.label.clone(), why)),
                None => leaves.push(read_record(&kind, record)?),
            }
        }
        Some(Self { kind, entry, action, leaves, withheld, source: Arc::clone(source) })
    }

    /// The document by which the object is found. From the object's own one it borrows where values come from
    /// that may not read back: a write of the whole has to carry them.
    pub fn sought(&self, own: Option<&Document>) -> Document {
        let spec = match self.action {
            Action::Delete => again(&self.kind, &self.leaves),
            Action::Update => own.filter(|_| self.carries()).map(borrowed),
            Action::Create => None,
        };
        self.document(State::Present, spec.unwrap_or_else(nothing))
    }

    /// Whether an update sends everything that there is.
    fn carries(&self) -> bool {
        let operations = &self.kind.operations;
        let writes = [&operations.update, &operations.replace];
        writes.into_iter().flatten().any(|write| write.sends == Sends::Everything)
    }

    /// Whether this is the document of the object.
    pub fn is_of(&self, document: &Document) -> bool {
        let own = (&*self.entry.target, &*self.entry.kind, &*self.entry.name);
        own == (document.target.as_deref().unwrap_or_default(), &*document.kind.name, &*document.name)
    }

    fn document(&self, state: State, spec: Wanted) -> Document {
        let kind = &self.kind;
        let by_service = self.action == Action::Delete && kind.identity.made_by == Maker::Server;
        let id = || match &kind.id_field().ty {
            Type::Leaf(leaf) => leaf.read(Token::Bare(self.entry.id.as_deref()?)).ok(),
            _ => None,
        };
        let scope = kind.scope.iter().enumerate().filter_map(|(number, scope)| {
            let text = self.entry.scope.get(&*scope.name)?;
            Some((u16::try_from(number).ok()?, scope.ty.read(Token::Bare(text)).ok()?))
        });
        Document {
            name: self.entry.name.as_str().into(),
            target: Some(self.entry.target.as_str().into()),
            state,
            id: if by_service { None } else { id() },
            protect: false,
            scope: scope.collect(),
            spec,
            source: Arc::clone(&self.source),
            name_span: Span::default(),
            id_span: Span::default(),
            target_span: Span::default(),
            kind: Arc::clone(kind),
        }
    }

    fn place(&self) -> Place {
        self.source.place(Span::default())
    }

    /// What becomes of the object as it was found; `key` is that of the receipt's digests.
    /// `sought` is the document by which it was.
    pub fn case(&self, read: Option<&Read>, sought: &Document, key: Option<&[u8]>) -> Case {
        let live = match read {
            Some(Read::Found(Found::One(live))) => Some(&live.object),
            Some(Read::Found(Found::Nothing)) => None,
            // the plan says why it cannot be read, or which of several is meant
            _ => return self.untouched(self.document(State::Present, nothing()), Vec::new()),
        };
        match (self.action, live) {
            (Action::Update, Some(live)) => self.updated(live, sought),
            (Action::Create, Some(live)) => self.created(live, key),
            (Action::Delete, None) => self.deleted(),
            (Action::Delete, Some(_)) => self.stays("there is such an object again", LOOK),
            (Action::Update, None) => self.stays("the object is not there any more", LOOK),
            (Action::Create, None) => {
                self.stays("the object that was created is not there, or nobody knows its id", LOOK)
            }
        }
    }

    fn untouched(&self, document: Document, stays: Vec<Diagnostic>) -> Case {
        Case { document, expect: None, found: None, stays }
    }

    fn stays(&self, message: &str, hint: &str) -> Case {
        let why = Diagnostic::error(STAYS, message).at(self.place()).hint(hint);
        self.untouched(self.document(State::Present, nothing()), vec![why])
    }

    fn updated(&self, live: &Object, sought: &Document) -> Case {
        let mut undone = back(&self.kind, live, &self.leaves);
        let stays =
            undone.stays.iter().filter_map(|(number, why)| self.stay(&self.leaves[*number].label, *why));
        let withheld = self.withheld.iter().map(|(label, why)| self.withheld(label, *why));
        let stays = stays.chain(withheld).collect();
        let expect = (!undone.touched.is_empty()).then_some(Action::Update);
        if expect.is_some() {
            carry(&self.kind, (live, sought), &mut undone.spec);
        }
        let found = Some((live.clone(), undone.touched));
        Case { document: self.document(State::Present, undone.spec), expect, found, stays }
    }

    /// What was created goes only while it is as it was left.
    fn created(&self, live: &Object, key: Option<&[u8]>) -> Case {
        let moved = back(&self.kind, live, &self.leaves);
        let moved = moved.stays.iter().filter(|(_, why)| *why == Stays::Moved);
        let mut stays: Vec<_> =
            moved.filter_map(|(number, why)| self.stay(&self.leaves[*number].label, *why)).collect();
        let is_as_left =
            self.entry.after.as_ref().is_none_or(|left| *left == digest::object(&self.kind, live, key));
        if stays.is_empty() && is_as_left {
            let all = self.kind.shape.fields.iter().map(|field| field.number).collect();
            let document = self.document(State::Absent, nothing());
            return Case { document, expect: Some(Action::Delete), found: Some((live.clone(), all)), stays };
        }
        if stays.is_empty() {
            let message = "the object was changed since it was created, so it is not deleted";
            stays.push(Diagnostic::error(STAYS, message).at(self.place()).hint(LOOK));
        }
        self.untouched(self.document(State::Present, nothing()), stays)
    }

    fn deleted(&self) -> Case {
        let stays: Vec<_> = self.withheld.iter().map(|(label, why)| self.withheld(label, *why)).collect();
        match again(&self.kind, &self.leaves).filter(|_| stays.is_empty()) {
            Some(spec) => Case {
                document: self.document(State::Present, spec),
                expect: Some(Action::Create),
                found: None,
                stays,
            },
            None => self.untouched(
                self.document(State::Absent, nothing()),
                match stays.is_empty() {
                    true => vec![
                        Diagnostic::error(STAYS, "the object cannot be created again from what was kept")
                            .at(self.place())
                            .hint("write a document for it"),
                    ],
                    false => stays,
                },
            ),
        }
    }

    fn stay(&self, label: &str, why: Stays) -> Option<Diagnostic> {
        let (message, hint) = match why {
            Stays::Back => return None,
            Stays::Moved => {
                (format!("`{label}` is not what that run wrote any more, so it is left alone"), LOOK)
            }
            Stays::Unseen => (format!("nobody can see what `{label}` holds, so it is left alone"), WRITE),
            Stays::NoRemoval => {
                (format!("the service takes nothing away from the list of `{label}`"), "take it away by hand")
            }
            Stays::Fixed => (format!("`{label}` cannot be written back"), WRITE),
        };
        Some(Diagnostic::warning(STAYS, message).at(self.place()).hint(hint))
    }

    fn withheld(&self, label: &str, why: Withheld) -> Diagnostic {
        let kept = |what: &str| format!("`{label}` is {what}, and what was there before was not kept");
        let (message, hint) = match why {
            Withheld::Secret => (kept("secret"), WRITE),
            Withheld::Personal => (kept("personal"), WRITE),
            Withheld::Sensitive => (kept("sensitive"), WRITE),
            Withheld::Unseen => (format!("the service did not show what `{label}` was before"), WRITE),
            Withheld::Unknown => (format!("what `{label}` was before is not understood in full"), WRITE),
            Withheld::TooLong => (format!("what `{label}` was before is too long to be kept"), WRITE),
        };
        Diagnostic::warning(STAYS, message).at(self.place()).hint(hint)
    }
}

const LOOK: &str = "look at it, and write what it is to be into its document";
const WRITE: &str = "write what it is to be into its document, and apply that";

/// What a document says of root fields that may not read back.
fn borrowed(document: &Document) -> Wanted {
    let Wish::Object(fields) = &document.spec.wish else { return nothing() };
    let hides = |field: &Field| {
        let absent = matches!(field.absent, Absent::Unknown | Absent::Pending);
        matches!(field.ty, Type::Leaf(_)) && (absent || field.access.write_only || field.mark != Mark::Open)
    };
    let shape = &document.kind.shape;
    let fields = fields.iter().filter(|(number, _)| hides(shape.field(*number))).map(|(number, wanted)| {
        // its place would be one in another text
        (*number, Wanted { span: Span::default(), ..wanted.clone() })
    });
    Wanted { span: Span::default(), wish: Wish::Object(fields.collect()) }
}

/// Adds to a wish what was borrowed of fields that do not read back and are not touched.
fn carry(kind: &Kind, (live, sought): (&Object, &Document), spec: &mut Wanted) {
    let (Wish::Object(fields), Wish::Object(borrowed)) = (&mut spec.wish, &sought.spec.wish) else { return };
    for (number, wanted) in borrowed {
        let named = fields.iter().any(|(own, _)| own == number);
        if !named && unseen(kind.shape.field(*number), live.get(*number)) {
            fields.push((*number, wanted.clone()));
        }
    }
    fields.sort_by_key(|(number, _)| *number);
}

fn nothing() -> Wanted {
    Wanted { span: Span::default(), wish: Wish::Object(Vec::new()) }
}

impl Case {
    /// What of this is not undone although something of it is.
    pub fn is_partial(&self) -> bool {
        self.expect.is_some() && !self.stays.is_empty()
    }

    /// Why a step is not the one that undoes, of the object as it was found.
    fn misses(&self, step: &Step) -> Option<&'static str> {
        let shape = &step.subject.kind.shape;
        let as_found = match (&self.found, &step.live) {
            (None, None) => true,
            (Some((found, _)), Some(live)) if step.action == Action::Delete => {
                differences(shape, found, live, &|field| field.access.computed).is_empty()
            }
            (Some((found, touched)), Some(live)) => {
                touched.iter().all(|number| same(shape.field(*number), found.get(*number), live.get(*number)))
            }
            _ => false,
        };
        if self.expect != Some(step.action) || !as_found {
            return Some("the object moved while it was looked at");
        }
        let is_touched = |change: &Change| {
            let field = change.path.top().and_then(|name| shape.named(name));
            let touched = self
                .found
                .as_ref()
                .is_none_or(|(_, touched)| field.is_some_and(|field| touched.contains(&field.number)));
            touched || step.action != Action::Update
        };
        let whole = "this write of the whole would change what does not read back, which that run did not";
        (!step.changes.iter().all(is_touched)).then_some(whole)
    }
}

/// Leaves in a plan only what undoes, and says what of each object stays as it is.
pub fn hold<'c>(plan: &mut Plan, case: impl Fn(&Subject) -> Option<&'c Case>) {
    for step in std::mem::take(&mut plan.steps) {
        let own = case(&step.subject);
        match own.map(|own| (own, own.misses(&step))) {
            Some((own, None)) => {
                let mut step = step;
                step.notes.extend(own.stays.iter().cloned());
                plan.steps.push(step);
            }
            other => {
                let message = other.and_then(|(_, why)| why).unwrap_or("it is no object of that run");
                let reason = Diagnostic::error(STAYS, message)
                    .at(step.subject.place.clone())
                    .hint("look at it, then run this again");
                let Step { subject, changes, .. } = step;
                plan.refused.push(Refused { subject, reasons: vec![reason], changes });
            }
        }
    }
    for agreeing in std::mem::take(&mut plan.agreeing) {
        let stays = case(&agreeing.subject).map(|own| own.stays.clone()).unwrap_or_default();
        match stays.is_empty() {
            true => plan.agreeing.push(agreeing),
            false => {
                let reasons = stays.into_iter().map(error).collect();
                plan.refused.push(Refused { subject: agreeing.subject, reasons, changes: Vec::new() });
            }
        }
    }
    for refused in &mut plan.refused {
        let own = case(&refused.subject).filter(|own| own.expect.is_none());
        // what keeps it from being undone says more than what the plan finds of a document that asks for nothing
        if let Some(own) = own.filter(|own| !own.stays.is_empty()) {
            refused.reasons = own.stays.iter().cloned().map(error).collect();
        }
    }
    plan.refused.sort_by_key(|refused| refused.subject.number);
}

/// Of an object of which nothing is undone.
fn error(why: Diagnostic) -> Diagnostic {
    Diagnostic { severity: crate::diagnostic::Severity::Error, ..why }
}
