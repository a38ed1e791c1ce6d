//! What an object is to be: the live object overlaid with what the document names.
//!
//! Nothing that the document does not name is touched: unmanaged fields, strangers and row ids stay in the
//! proposal as they were read, so a write of everything loses nothing. Each difference found on the way is a
//! change with the line that asks for it. What cannot be seen (hidden, masked, waiting) is never guessed at:
//! the memory of what was last written decides, or a note says so.

use crate::diagnostic::{Diagnostic, Place, Span};
use crate::document::{Document, Wanted, Wish};
use crate::kind::{
    Absent, Clear, Copy, Field, Item, ItemsSent, ListType, Maker, MapType, Shape, ToldApart, Type,
};
use crate::plan::compare::{same, segment, unseen};
use crate::plan::pair::{Reason, Unpaired, pair};
use crate::plan::{Change, Form, Memory, Recall, Subject};
use crate::value::{Mark, Object, Path, Segment, Value, looks_masked};

/// One document against one live object.
pub struct Question<'q> {
    pub document: &'q Document,
    pub subject: &'q Subject,
    /// None when there is no such object yet.
    pub live: Option<&'q Object>,
    pub memory: &'q dyn Memory,
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
    /// Fields that the document leaves alone and that do not read back, with the line of what they stand in: a
    /// write of the whole would blank them.
    pub unreadable: Vec<(Path, Span)>,
}

/// Overlays the live object with the document.
pub fn propose(question: &Question, permits: Permits) -> Proposal {
    let creating = question.live.is_none();
    let here = question.document.name_span;
    let mut overlay = Overlay { question, permits, creating, here, out: Proposal::default() };
    overlay.unresolved();
    let kind = &question.document.kind;
    let fields = object_fields(&question.document.spec);
    let mut wanted = overlay.object(&kind.shape, question.live, fields, &Path::default());
    if let (true, Maker::Caller, Some(id)) = (creating, kind.identity.made_by, &question.subject.id) {
        wanted.set(kind.identity.id, id.clone());
    }
    overlay.out.wanted = wanted;
    overlay.look_at_history();
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
    out: Proposal,
}

impl Overlay<'_> {
    /// A source that gave nothing must not be taken for a field that is not named.
    fn unresolved(&mut self) {
        for (slot, span) in self.question.document.spec.slots() {
            let message = format!("{slot} was not looked up");
            self.fault("unresolved-secret", message, span, "see the error about this source");
        }
    }

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
        let settled = !hidden && same(field, live, Some(&value));
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
        if !self.creating && (hidden || waits) {
            let masked = live.and_then(Value::as_text).is_some_and(looks_masked);
            match self.question.memory.recall(self.question.subject, &path, &value) {
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
                    if (masked || field.mark != Mark::Secret)
                        && !(masked && value.is_blank())
                        && !waits
                        && !self.permits.force_hidden =>
                {
                    self.note_uncomparable(field, span);
                    return Some(value);
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

    /// A change that lowers the protection of the object's data, or may, has to be meant.
    fn guard_protection(&mut self, field: &Field, live: Option<&Value>, wanted: &Value, span: Span) {
        let before = live.filter(|before| !before.is_blank());
        let (Some(levels), Some(before)) = (&field.protection, before) else { return };
        let level = |value: &Value| levels.iter().position(|level| level == value);
        let raised = level(before).zip(level(wanted)).is_some_and(|(before, after)| after > before);
        if !raised && !self.permits.lower_protection {
            let message = format!("changing `{}` may lower the protection of this object's data", field.name);
            self.fault("lowers-protection", message, span, "`--allow-lower-protection` if that is meant");
        }
    }

    /// An edit by the person behind the object, newer than the last one seen, is not silently overwritten.
    fn look_at_history(&mut self) {
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
            Recall::Differs | Recall::Never => {
                let message = "the person behind this object has edited it before";
                let note = Diagnostic::note("edited-by-others", message).at(self.place(span));
                self.out.notes.push(note.hint("see that nothing of theirs is overwritten"));
            }
        }
        self.out.hidden.push((path, edited.clone()));
    }

    /// Whether the whole object still waits for somebody, as the kind tells it.
    fn is_waiting(&self) -> bool {
        let Some(waiting) = &self.question.document.kind.waiting else { return false };
        let now = self.question.live.and_then(|live| live.get(waiting.field));
        now.and_then(Value::as_text).is_some_and(|now| waiting.values.iter().any(|value| **value == *now))
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

    fn map(
        &mut self,
        field: &Field,
        map: &MapType,
        live: Option<&Value>,
        entries: &[(Box<str>, Wanted)],
        path: &Path,
    ) -> Option<Value> {
        let before = match live {
            Some(Value::Map(before)) => before.as_slice(),
            _ => &[],
        };
        let keep_rest = !map.complete && !entries.is_empty();
        let mut after: Vec<(Box<str>, Value)> = if keep_rest { before.to_vec() } else { Vec::new() };
        after.retain(|(key, _)| !entries.iter().any(|(named, _)| named == key));
        for (key, wanted) in entries {
            if let Wish::Leaf(value) = &wanted.wish {
                after.push((key.clone(), value.clone()));
            }
        }
        // an entry that is null says no more than one that is not there
        let (was, is) = (said(before), said(&after));
        if !self.creating && was.same(&is) {
            return None;
        }
        self.entries(field, map, (&was, &is), (entries, path));
        Some(Value::Map(after))
    }

    fn entries(
        &mut self,
        field: &Field,
        map: &MapType,
        (before, after): (&Value, &Value),
        (entries, path): (&[(Box<str>, Wanted)], &Path),
    ) {
        let (Value::Map(before), Value::Map(after)) = (before, after) else { return };
        let find = |side: &[(Box<str>, Value)], key: &str| {
            side.iter().find(|(k, _)| **k == *key).map(|(_, v)| v.clone())
        };
        let mut keys: Vec<&str> = before.iter().chain(after).map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let (was, is) = (find(before, key), find(after, key));
            if was.as_ref().zip(is.as_ref()).is_some_and(|(was, is)| was.same(is)) {
                continue;
            }
            let span = entries.iter().find(|(named, _)| **named == *key).map(|(_, wanted)| wanted.span);
            let path = path.then(Segment::Key(key.into(), key_mark(field.mark)));
            self.change(path, was, is, Look { form: Form::Leaf(map.value.clone()), mark: field.mark, span });
        }
    }

    fn list(
        &mut self,
        field: &Field,
        list: &ListType,
        live: Option<&Value>,
        (items, span): (&[Wanted], Span),
        path: &Path,
    ) -> Option<Value> {
        let before = live.map(Value::items).unwrap_or_default();
        let count = self.out.changes.len();
        let after = match (&list.told_apart, &list.item) {
            (ToldApart::Keys(keys), Item::Object(shape)) => {
                self.keyed(list, (shape, keys), before, items, path)?
            }
            (ToldApart::Order, _) => self.ordered(field, list, before, items, path),
            _ => self.as_set(field, list, before, items, path),
        };
        let settled =
            self.out.changes.len() == count && live.is_some_and(|live| live.items().len() == after.len());
        if settled && list.order_told {
            self.note_order(field, before, (items, span), list);
        }
        Some(Value::List(after))
    }

    fn keyed(
        &mut self,
        list: &ListType,
        (shape, keys): (&Shape, &[Vec<u16>]),
        before: &[Value],
        items: &[Wanted],
        path: &Path,
    ) -> Option<Vec<Value>> {
        let live: Vec<&Object> = before.iter().filter_map(Value::as_object).collect();
        let wanted: Vec<&[(u16, Wanted)]> = items.iter().map(object_fields).collect();
        let pairs = match pair(shape, keys, &wanted, &live) {
            Ok(pairs) => pairs,
            Err(faults) => {
                faults.iter().for_each(|fault| self.unpaired(fault, items));
                return None;
            }
        };
        let look = |span| Look { form: Form::of_item(&list.item), mark: Mark::Open, span };
        let mut rows = Rows::default();
        for (index, item) in before.iter().enumerate() {
            let at = path.then(segment(list, index, item, before));
            match pairs.iter().position(|pair| *pair == Some(index)) {
                Some(wish) => {
                    rows.begin(&self.out);
                    let above = std::mem::replace(&mut self.here, items[wish].span);
                    let (changes, hidden) = (self.out.changes.len(), self.out.hidden.len());
                    let object = self.object(shape, item.as_object(), wanted[wish], &at);
                    self.here = above;
                    let stays = self.out.changes.len() == changes && list.items_sent == ItemsSent::Changed;
                    // a row that is not sent must not be remembered as written
                    self.out.hidden.truncate(if stays { hidden } else { self.out.hidden.len() });
                    let object = Value::Object(Box::new(object));
                    rows.after.push(if stays { item.clone() } else { object });
                }
                None if list.complete || items.is_empty() => {
                    self.change(at, Some(item.clone()), None, look(None));
                }
                None => {
                    if list.items_sent == ItemsSent::All {
                        self.untouched(&list.item, item, &at);
                    }
                    rows.after.push(item.clone());
                }
            }
        }
        for (wish, _) in pairs.iter().enumerate().filter(|(_, pair)| pair.is_none()) {
            rows.begin(&self.out);
            let index = rows.after.len();
            let item =
                self.new_item(shape, wanted[wish], &path.then(Segment::Item { index, key: Vec::new() }));
            let at = path.then(segment(list, index, &item, &rows.after));
            self.change(at, None, Some(item.clone()), look(Some(items[wish].span)));
            rows.after.push(in_full(shape, item));
        }
        rows.name_hidden(list, path, &mut self.out);
        Some(rows.after)
    }

    /// A new item as a whole: its leaves are not changes of their own.
    fn new_item(&mut self, shape: &Shape, fields: &[(u16, Wanted)], path: &Path) -> Value {
        let (count, creating) = (self.out.changes.len(), std::mem::replace(&mut self.creating, true));
        let object = self.object(shape, None, fields, path);
        self.out.changes.truncate(count);
        self.creating = creating;
        Value::Object(Box::new(object))
    }

    fn ordered(
        &mut self,
        field: &Field,
        list: &ListType,
        before: &[Value],
        items: &[Wanted],
        path: &Path,
    ) -> Vec<Value> {
        let mut after = Vec::with_capacity(items.len());
        for (index, wanted) in items.iter().enumerate() {
            let live = before.get(index);
            let at = path.then(Segment::Item { index, key: Vec::new() });
            match (&list.item, live, &wanted.wish) {
                (Item::Object(shape), Some(Value::Object(live)), Wish::Object(fields)) => {
                    after.push(Value::Object(Box::new(self.object(shape, Some(live), fields, &at))));
                }
                (Item::Object(shape), _, Wish::Object(fields)) => {
                    let item = self.new_item(shape, fields, &at);
                    self.change(
                        at,
                        live.cloned(),
                        Some(item.clone()),
                        Look { form: Form::of_item(&list.item), mark: field.mark, span: Some(wanted.span) },
                    );
                    after.push(in_full(shape, item));
                }
                (_, live, Wish::Leaf(value)) => {
                    if !live.is_some_and(|live| live.same(value)) {
                        self.change(
                            at,
                            live.cloned(),
                            Some(value.clone()),
                            Look {
                                form: Form::of_item(&list.item),
                                mark: field.mark,
                                span: Some(wanted.span),
                            },
                        );
                    }
                    after.push(value.clone());
                }
                _ => {}
            }
        }
        for (index, item) in before.iter().enumerate().skip(items.len()) {
            let at = path.then(Segment::Item { index, key: Vec::new() });
            if list.complete || items.is_empty() {
                self.change(
                    at,
                    Some(item.clone()),
                    None,
                    Look { form: Form::of_item(&list.item), mark: field.mark, span: None },
                );
            } else {
                after.push(item.clone());
            }
        }
        after
    }

    fn as_set(
        &mut self,
        field: &Field,
        list: &ListType,
        before: &[Value],
        items: &[Wanted],
        path: &Path,
    ) -> Vec<Value> {
        let wanted = |item: &&Wanted| match &item.wish {
            Wish::Leaf(value) => Some((value.clone(), item.span)),
            _ => None,
        };
        let wanted: Vec<(Value, Span)> = items.iter().filter_map(|item| wanted(&item)).collect();
        let mut after = Vec::with_capacity(before.len().max(items.len()));
        for (index, item) in before.iter().enumerate() {
            if wanted.iter().any(|(value, _)| value.same(item)) || !(list.complete || items.is_empty()) {
                after.push(item.clone());
            } else {
                let at = path.then(Segment::Item { index, key: Vec::new() });
                self.change(
                    at,
                    Some(item.clone()),
                    None,
                    Look { form: Form::of_item(&list.item), mark: field.mark, span: None },
                );
            }
        }
        for (value, span) in wanted {
            if !before.iter().any(|item| item.same(&value)) {
                let at = path.then(Segment::Item { index: after.len(), key: Vec::new() });
                self.change(
                    at,
                    None,
                    Some(value.clone()),
                    Look { form: Form::of_item(&list.item), mark: field.mark, span: Some(span) },
                );
                after.push(value);
            }
        }
        after
    }

    /// A field that the document leaves alone.
    fn unnamed(&mut self, field: &Field, live: Option<&Value>, path: &dyn Fn() -> Path) {
        if self.creating {
            if field.access.required {
                let message = format!("a new object needs `{}`", field.name);
                let span = self.question.document.name_span;
                self.fault("missing-field", message, span, "add it to the document's `spec`");
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

    fn unpaired(&mut self, fault: &Unpaired, items: &[Wanted]) {
        let span = items[fault.item].span;
        match &fault.reason {
            Reason::Ambiguous(names) => {
                let hint = match names.is_empty() {
                    true => "the live items are alike; remove one of them by hand".to_owned(),
                    false => format!("name one of these too: {}", names.join(", ")),
                };
                self.fault("ambiguous-item", "several live items match this one".into(), span, &hint);
            }
            Reason::Twice(first) | Reason::Alike(first) => {
                let message = match fault.reason {
                    Reason::Alike(_) => "nothing would tell these two items apart",
                    _ => "two items mean the same live one",
                };
                let first = self.place(items[*first].span);
                let fault = Diagnostic::error("ambiguous-item", message)
                    .at(self.place(span))
                    .also(first, "the other one")
                    .hint("keep one of the two, or name what tells them apart");
                self.out.faults.push(fault);
            }
            Reason::UnknownId(name) => {
                let message = format!("no live item has this `{name}`");
                self.fault("unknown-item", message, span, "leave the id out to add a new item");
            }
        }
    }

    fn note_pending(&mut self, field: &Field, span: Span) {
        let note = Diagnostic::note("pending", format!("`{}` waits for verification", field.name))
            .at(self.place(span))
            .hint("the service shows it once it is verified");
        self.out.notes.push(note);
    }

    fn note_uncomparable(&mut self, field: &Field, span: Span) {
        let note = Diagnostic::note(
            "not-comparable",
            format!("`{}` cannot be seen and is not compared", field.name),
        )
        .at(self.place(span))
        .hint("`--force-hidden` writes it all the same");
        self.out.notes.push(note);
    }

    fn note_order(
        &mut self,
        field: &Field,
        before: &[Value],
        (items, span): (&[Wanted], Span),
        list: &ListType,
    ) {
        let (ToldApart::Keys(keys), Item::Object(shape)) = (&list.told_apart, &list.item) else { return };
        let live: Vec<&Object> = before.iter().filter_map(Value::as_object).collect();
        let wanted: Vec<&[(u16, Wanted)]> = items.iter().map(object_fields).collect();
        let in_order = pair(shape, keys, &wanted, &live).is_ok_and(|pairs| pairs.is_sorted());
        if !in_order {
            let message = format!("the items of `{}` stand in another order in the live object", field.name);
            let note = Diagnostic::note("order-differs", message).at(self.place(span));
            self.out.notes.push(note.hint("the order is left as it is"));
        }
    }

    fn change(&mut self, path: Path, before: Option<Value>, after: Option<Value>, look: Look) {
        let place = look.span.map(|span| self.place(span));
        let Look { form, mark, .. } = look;
        self.out.changes.push(Change { path, before, after, form, mark, place, unseen: false });
    }

    fn fault(&mut self, code: &'static str, message: String, span: Span, hint: &str) {
        self.out.faults.push(Diagnostic::error(code, message).at(self.place(span)).hint(hint));
    }

    fn place(&self, span: Span) -> Place {
        self.question.document.place(span)
    }
}

/// The rows of a list as they are to be.
#[derive(Default)]
struct Rows {
    after: Vec<Value>,
    /// Where the hidden values of a row begin, and which row it is.
    hidden: Vec<(usize, usize)>,
}

impl Rows {
    /// The next row begins.
    fn begin(&mut self, out: &Proposal) {
        self.hidden.push((out.hidden.len(), self.after.len()));
    }

    /// Hidden values are remembered under the row as the next run will find it, not as it was.
    fn name_hidden(&self, list: &ListType, path: &Path, out: &mut Proposal) {
        let ends = self.hidden.iter().skip(1).map(|(start, _)| *start).chain([out.hidden.len()]);
        for ((start, index), end) in self.hidden.iter().zip(ends.collect::<Vec<_>>()) {
            let values = out.hidden.get_mut(*start..end).filter(|values| !values.is_empty());
            let (Some(values), Some(row)) = (values, self.after.get(*index)) else { continue };
            let step = segment(list, *index, row, &self.after);
            for own in values.iter_mut().filter_map(|(own, _)| own.0.get_mut(path.0.len())) {
                *own = step.clone();
            }
        }
    }
}

/// The entries of a map that are not null.
fn said(entries: &[(Box<str>, Value)]) -> Value {
    Value::Map(entries.iter().filter(|(_, value)| !matches!(value, Value::Null)).cloned().collect())
}

/// Keys of a sensitive map are names; what they name is sensitive.
fn key_mark(mark: Mark) -> Mark {
    if mark == Mark::Sensitive { Mark::Open } else { mark }
}

/// A new item with everything that can be null and is not named said to be null, as the service itself says it:
/// nobody can tell whether it takes an item in part.
fn in_full(shape: &Shape, mut item: Value) -> Value {
    if let Value::Object(object) = &mut item {
        for field in shape.fields.iter().filter(|field| is_nullable(field)) {
            if object.get(field.number).is_none() {
                object.set(field.number, Value::Null);
            }
        }
    }
    item
}

fn is_nullable(field: &Field) -> bool {
    let ours = !field.access.computed && !field.access.required && field.copy_of.is_none();
    ours && !field.is_nested() && (field.absent, field.clear) == (Absent::Null, Clear::Null)
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
