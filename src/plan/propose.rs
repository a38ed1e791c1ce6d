//! What an object is to be: the live object overlaid with what the document names.
//!
//! Nothing that the document does not name is touched: unmanaged fields, strangers and row ids stay in the
//! proposal as they were read, so a write of everything loses nothing. Each difference found on the way is a
//! change with the line that asks for it. What cannot be seen (hidden, masked, waiting) is never guessed at:
//! the memory of what was last written decides, or a note says so.

mod guard;
mod lists;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, Span};
use crate::document::{Document, Wanted, Wish};
use crate::kind::{Absent, Clear, Copy, Field, Item, ItemsSent, Maker, Shape, Type};
use crate::plan::compare::{same, segment, unseen};
use crate::plan::permit::{Permission, is_personal};
use crate::plan::rotate::{Rotation, rotates};
use crate::plan::{Change, Form, Memory, Recall, Recalled, Subject};
use crate::value::{Mark, Object, Path, Segment, Value, looks_masked};

/// One document against one live object.
pub struct Question<'q> {
    pub document: &'q Document,
    pub subject: &'q Subject,
    /// None when there is no such object yet.
    pub live: Option<&'q Object>,
    pub memory: &'q dyn Memory,
    /// What is written again although it may be the same.
    pub rotate: &'q Rotation,
}

/// What the object is to be, and how that differs from what it is.
#[derive(Default)]
pub struct Proposal {
    pub wanted: Object,
    pub changes: Vec<Change>,
    /// What waits or cannot be compared.
    pub notes: Vec<Diagnostic>,
    /// Why this object must not be written.
    pub faults: Vec<Diagnostic>,
    /// Values that the document supplies and that do not read back, changed or not.
    pub hidden: Vec<(Path, Value)>,
    /// Named fields that cannot be seen and were not compared, with their lines.
    pub uncompared: Vec<(Path, Span)>,
    /// Fields that the document leaves alone and that do not read back, with the line of what they stand in: a
    /// write of the whole would blank them.
    pub unreadable: Vec<(Path, Span)>,
    /// What is known of values that the document supplies and that do not read back.
    pub recalled: Vec<Recalled>,
    /// What of it somebody had to allow.
    pub needs: Vec<Permission>,
}

/// Overlays the live object with the document.
pub fn propose(question: &Question, permits: Permits) -> Proposal {
    let creating = question.live.is_none();
    let here = question.document.name_span;
    let mut overlay =
        Overlay { question, permits, creating, here, new_item_of: None, out: Proposal::default() };
    overlay.unresolved();
    let kind = &question.document.kind;
    let fields = object_fields(&question.document.spec);
    let mut wanted = overlay.object(&kind.shape, question.live, fields, &Path::default());
    if let (true, Maker::Caller, Some(id)) = (creating, kind.identity.made_by, &question.subject.id) {
        wanted.set(kind.identity.id, id.clone());
    }
    overlay.out.wanted = wanted;
    overlay.look_at_history();
    overlay.guard_personal();
    overlay.out
}

fn object_fields(wanted: &Wanted) -> &[(u16, Wanted)] {
    match &wanted.wish {
        Wish::Object(fields) => fields,
        _ => &[],
    }
}

/// What an operator allows on purpose.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Permits {
    /// Values that cannot be seen are written all the same.
    pub force_hidden: bool,
    /// The protection of an object's data may be lowered.
    pub lower_protection: bool,
    /// What the person behind an object edited since may be overwritten.
    pub overwrite_edits: bool,
    /// Objects may be deleted.
    pub delete: bool,
    /// The target takes personal values from documents.
    pub personal: bool,
    /// Personal values are written although the target does not take them.
    pub force_personal: bool,
}

/// How a change is shown, and which line asks for it.
struct Look {
    form: Form,
    mark: Mark,
    span: Option<Span>,
}

struct Overlay<'q> {
    question: &'q Question<'q>,
    permits: Permits,
    creating: bool,
    /// The item at hand, or the document.
    here: Span,
    /// The list to which the item at hand is new.
    new_item_of: Option<Arc<str>>,
    out: Proposal,
}

impl Overlay<'_> {
    fn object(
        &mut self,
        shape: &Shape,
        live: Option<&Object>,
        wanted: &[(u16, Wanted)],
        path: &Path,
    ) -> Object {
        let mut result = live.cloned().unwrap_or_default();
        for field in &shape.fields {
            let now = live.and_then(|live| live.get(field.number));
            let at = || path.then(Segment::Field(field.name.clone()));
            let value = match wanted.binary_search_by_key(&field.number, |(number, _)| *number) {
                Ok(found) => self.field(field, now, &wanted[found].1, at()),
                Err(_) => {
                    self.unnamed(field, now, &at);
                    field.copy_of.as_ref().and_then(|copy| self.copied(copy))
                }
            };
            if let Some(value) = value {
                result.set(field.number, value);
            }
        }
        result
    }

    /// The new value of a field that the document names; `None` to keep what is live.
    fn field(&mut self, field: &Field, live: Option<&Value>, wanted: &Wanted, path: Path) -> Option<Value> {
        // what the service sets of something new is held against the document once it is there
        let by_service = self.creating && field.access.computed;
        if by_service || (!self.creating && field.access.create_only && field.access.write_only) {
            return None;
        }
        if !self.creating && (field.access.create_only || field.access.computed) {
            self.fixed(field, live, wanted, path);
            return None;
        }
        match (&field.ty, &wanted.wish) {
            (Type::Leaf(_), Wish::Leaf(value)) => self.leaf(field, live, value.clone(), (wanted.span, path)),
            (Type::Leaf(_), Wish::Clear) => self.leaf(field, live, cleared(field), (wanted.span, path)),
            (Type::Object(shape), Wish::Object(fields)) => {
                let live = live.and_then(Value::as_object);
                Some(Value::Object(Box::new(self.object(shape, live, fields, &path))))
            }
            (Type::Map(map), Wish::Map(entries)) => self.map(field, map, live, entries, &path),
            (Type::List(list), Wish::List(items)) => {
                self.list(field, list, live, (items, wanted.span), &path)
            }
            (Type::Map(map), Wish::Clear) => self.map(field, map, live, &[], &path),
            (Type::List(list), Wish::Clear) => self.list(field, list, live, (&[], wanted.span), &path),
            (Type::Object(_), Wish::Clear) => {
                let value = cleared(field);
                if same(field, live, Some(&value)) {
                    return None;
                }
                self.change(
                    path,
                    live.cloned(),
                    Some(value.clone()),
                    Look { form: Form::of(&field.ty), mark: field.mark, span: Some(wanted.span) },
                );
                Some(value)
            }
            _ => None,
        }
    }

    fn leaf(
        &mut self,
        field: &Field,
        live: Option<&Value>,
        value: Value,
        (span, path): (Span, Path),
    ) -> Option<Value> {
        // of what is new everything is known
        let hidden = !self.creating && unseen(field, live);
        let rotated = self.is_rotated(field, &path, &value);
        let settled = !hidden && !rotated && same(field, live, Some(&value));
        if settled && (!self.creating || value.is_blank()) {
            return self.creating.then_some(value);
        }
        if hidden && value.is_blank() && live.is_none_or(Value::is_blank) {
            // the document says that there is none, and none is seen
            return Some(value);
        }
        let waits = field.absent == Absent::Pending;
        if hidden || waits || unseen(field, live) {
            self.out.hidden.push((path.clone(), value.clone()));
        }
        if !self.creating && (hidden || waits || rotated) {
            let masked = live.and_then(Value::as_text).is_some_and(looks_masked);
            let recall = self.question.memory.recall(self.question.subject, &path, &value);
            self.recalled(&path, recall, rotated);
            match recall {
                _ if rotated => {}
                Recall::Same if waits => {
                    self.note_pending(field, span);
                    return Some(value);
                }
                Recall::Same => return Some(value),
                Recall::Never if waits && hidden && self.is_waiting() => {
                    self.note_pending(field, span);
                    return Some(value);
                }
                Recall::Never
                    if (masked || field.mark != Mark::Secret) && !(masked && value.is_blank()) && !waits =>
                {
                    if !self.permits.force_hidden {
                        self.out.uncompared.push((path, span));
                        return Some(value);
                    }
                    self.needs(Permission::Hidden);
                }
                Recall::Differs | Recall::Never => {}
            }
        }
        self.guard_protection(field, live, &value, span);
        let blank = value.is_blank();
        self.change(
            path,
            live.cloned(),
            Some(value.clone()),
            Look { form: Form::of(&field.ty), mark: field.mark, span: Some(span) },
        );
        // a mask that is to go says that something is there
        if hidden
            && !blank
            && let Some(change) = self.out.changes.last_mut()
        {
            change.unseen = true;
        }
        Some(value)
    }

    /// A field that can't be changed any more: naming what it is already is fine.
    fn fixed(&mut self, field: &Field, live: Option<&Value>, wanted: &Wanted, path: Path) {
        if let (Type::Object(shape), Wish::Object(fields)) = (&field.ty, &wanted.wish) {
            let live = live.and_then(Value::as_object);
            for (number, wanted) in fields {
                let inner = shape.field(*number);
                let now = live.and_then(|live| live.get(*number));
                self.fixed(inner, now, wanted, path.then(Segment::Field(inner.name.clone())));
            }
            return;
        }
        let value = fixed_value(&field.ty, wanted);
        let agrees = match &value {
            Some(value) => same(field, live, Some(value)),
            None => live.is_none_or(Value::is_blank),
        };
        if agrees {
            return;
        }
        let (code, why) = match field.access.computed {
            true => ("computed-field", "is set by the service"),
            false => ("immutable-field", "cannot be changed after creation"),
        };
        let message = format!("`{}` {why}, and the live object has another value", field.name);
        self.fault(
            code,
            message,
            wanted.span,
            "take it out of the document, or write what the live object has",
        );
        self.change(
            path,
            live.cloned(),
            value,
            Look { form: Form::of(&field.ty), mark: field.mark, span: Some(wanted.span) },
        );
    }

    /// A field that the document leaves alone.
    fn unnamed(&mut self, field: &Field, live: Option<&Value>, path: &dyn Fn() -> Path) {
        if self.creating {
            if field.access.required {
                let (what, hint) = match &self.new_item_of {
                    Some(list) => (format!("a new item of `{list}`"), "add it to the item"),
                    None => ("a new object".to_owned(), "add it to the document's `spec`"),
                };
                self.fault("missing-field", format!("{what} needs `{}`", field.name), self.here, hint);
            }
            return;
        }
        if field.access.computed || field.never_sent || field.access.create_only {
            return;
        }
        match (&field.ty, live) {
            (Type::Leaf(_), live) if unseen(field, live) => self.out.unreadable.push((path(), self.here)),
            (Type::Object(shape), Some(Value::Object(object))) => {
                self.untouched(&Item::Object(shape.clone()), &Value::Object(object.clone()), &path());
            }
            (Type::List(list), Some(Value::List(items)))
                if matches!(list.item, Item::Object(_)) && list.items_sent == ItemsSent::All =>
            {
                for (index, item) in items.iter().enumerate() {
                    self.untouched(&list.item, item, &path().then(segment(list, index, item, items)));
                }
            }
            _ => {}
        }
    }

    fn untouched(&mut self, item: &Item, value: &Value, path: &Path) {
        if let (Item::Object(shape), Some(object)) = (item, value.as_object()) {
            for field in &shape.fields {
                let at = || path.then(Segment::Field(field.name.clone()));
                self.unnamed(field, object.get(field.number), &at);
            }
        }
    }

    fn copied(&self, copy: &Copy) -> Option<Value> {
        match copy {
            Copy::Field(number) if *number == self.question.document.kind.identity.id => {
                self.question.subject.id.clone()
            }
            Copy::Field(number) => self.question.live?.get(*number).cloned(),
            Copy::Scope(name) => {
                let at = self.question.document.kind.scope.iter().position(|scope| scope.name == *name)?;
                self.question.subject.scope.get(at).cloned()
            }
        }
        .filter(|value| !value.is_blank())
    }

    fn change(&mut self, path: Path, before: Option<Value>, after: Option<Value>, look: Look) {
        let place = look.span.map(|span| self.place(span));
        let Look { form, mark, .. } = look;
        self.out.changes.push(Change {
            path,
            before,
            after,
            form,
            mark,
            place,
            unseen: false,
            causes: Vec::new(),
        });
    }

    fn fault(&mut self, code: &'static str, message: String, span: Span, hint: &str) {
        self.out.faults.push(Diagnostic::error(code, message).at(self.place(span)).hint(hint));
    }

    fn place(&self, span: Span) -> Place {
        self.question.document.place(span)
    }
}

/// The value that asks the service to clear a field.
fn cleared(field: &Field) -> Value {
    match (&field.ty, field.clear) {
        (Type::List(_), _) => Value::List(Vec::new()),
        (Type::Map(_), _) => Value::Map(Vec::new()),
        (ty, Clear::Empty | Clear::Zero) => ty.zero(),
        (_, Clear::Null | Clear::Never) => Value::Null,
    }
}

/// The plain value of a wish; objects hold only what is named.
fn fixed_value(ty: &Type, wanted: &Wanted) -> Option<Value> {
    match (ty, &wanted.wish) {
        (_, Wish::Leaf(value)) => Some(value.clone()),
        (Type::Object(shape), Wish::Object(fields)) => {
            let mut object = Object::default();
            for (number, wanted) in fields {
                object.set(*number, fixed_value(&shape.field(*number).ty, wanted).unwrap_or(Value::Null));
            }
            Some(Value::Object(Box::new(object)))
        }
        (_, Wish::List(items)) => {
            Some(Value::List(items.iter().filter_map(|item| fixed_value(ty, item)).collect()))
        }
        (_, Wish::Map(entries)) => Some(Value::Map(
            entries
                .iter()
                .filter_map(|(key, wanted)| Some((key.clone(), fixed_value(ty, wanted)?)))
                .collect(),
        )),
        _ => None,
    }
}
