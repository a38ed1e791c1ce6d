//! What a write makes of an object: create, replace, merge.
//!
//! The nasty reading wins wherever the facts leave one open, so that a tool that relies on kindness is caught:
//! a replace resets what the body leaves out, a merge without the kind's own flag appends to lists, one with
//! it empties what should have ridden along. What the service sets is never taken from a body.
//! Deliberately absent: reading bodies and answering.

use crate::exchange::BodyEncoding;
use crate::kind::{
    AbsenceRule, ArrayType, CopySource, Field, FieldType, IfMatchSource, ItemType, Kind, ListType,
    MapTypeName, NestedGranularity, ReadConsistency, ScalarType, Shape, UnknownMembers, WireFormat,
    WriteOperation,
};
use crate::remote::wire;
use crate::sandbox::deserialize::{SandboxBodyDirection, SandboxDeserializer, is_lenient, is_same_name};
use crate::sandbox::id_generator::{SandboxIdGenerator, increment_number};
use crate::sandbox::list_items::{
    build_blank, find_row_id, generate_id, is_same_item, is_same_row, keeps_unlisted, merge_map,
};
use crate::sandbox::raw_body;
use crate::sandbox::store::SandboxRecord;
use crate::value::{Object, UnknownField, Value};

/// What a merge does with nested fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SandboxNestedMerge {
    /// What is sent takes the place of what is there. `Harsh` also empties what should ride along and did not.
    Replace { clears_omitted: bool },
    /// Members that are sent are set, items are put in by their key. `is_deep`: so are the members of items that are
    /// members themselves.
    MergeMembers { is_deep: bool },
    /// Members that are sent are set, items are appended: the flag that the service wants was left out.
    AppendItems,
}

impl SandboxNestedMerge {
    /// What an update operation does, given the query it came with.
    pub fn from_write(write: &WriteOperation, query: &[(String, String)], harsh: bool) -> Self {
        let Some(nested) = &write.nested_fields else { return Self::Replace { clears_omitted: false } };
        if !nested.query.iter().all(|wanted| query.contains(wanted)) {
            return Self::AppendItems;
        }
        match nested.granularity {
            NestedGranularity::Whole => Self::Replace { clears_omitted: harsh && !nested.query.is_empty() },
            NestedGranularity::Members => {
                Self::MergeMembers { is_deep: write.body_form.encoding == BodyEncoding::MergePatch }
            }
        }
    }
}

/// Makes the objects of one kind in one scope.
pub struct SandboxWriteRules<'r> {
    pub kind: &'r Kind,
    pub scope: &'r [Value],
    /// An object to take after in what the service makes by itself.
    pub template: Option<&'r Object>,
    pub id_generator: &'r mut SandboxIdGenerator,
}

impl SandboxWriteRules<'_> {
    /// A new object with that id.
    pub fn create_record(&mut self, write: &WriteOperation, id: Value, body: &Object) -> SandboxRecord {
        let mut object = self.build_object(&self.kind.shape, body, None);
        object.set_field(self.kind.identity.id, id);
        self.fill_computed_fields(&mut object);
        let mut record = SandboxRecord::new(object);
        self.defer_pending(&mut record, None, |_| true);
        self.mark_unverified(&mut record);
        record.unverified |= write.read_after_write == ReadConsistency::Eventual;
        self.finish_record(record)
    }

    /// The object that a body with everything makes of an old one.
    pub fn replace_record(&mut self, old: &SandboxRecord, body: &Object) -> SandboxRecord {
        let mut object = self.build_object(&self.kind.shape, body, Some(&old.object));
        if let Some(id) = old.object.get_field(self.kind.identity.id) {
            object.set_field(self.kind.identity.id, id.clone());
        }
        self.remove_items(&mut object, body);
        let mut record = SandboxRecord { object, ..old.clone() };
        self.defer_pending(&mut record, Some(&old.object), |_| true);
        self.finish_record(record)
    }

    /// The object that a body with changes makes of an old one.
    pub fn merge_record(
        &mut self,
        old: &SandboxRecord,
        body: &Object,
        nested: SandboxNestedMerge,
    ) -> SandboxRecord {
        let mut record = old.clone();
        let shape = &self.kind.shape;
        for (number, value) in body.fields() {
            let field = shape.get_field(number);
            if number != self.kind.identity.id && !is_not_writable(field, false) {
                let merged = self.merge_value(field, value, old.object.get_field(number), nested);
                record.object.set_field(number, merged);
            }
        }
        if nested == (SandboxNestedMerge::Replace { clears_omitted: true })
            && body.fields().any(|(n, _)| shape.get_field(n).is_nested())
        {
            let is_omitted = |field: &&Field| {
                field.is_nested() && !is_not_writable(field, false) && body.get_field(field.number).is_none()
            };
            for field in shape.fields.iter().filter(is_omitted) {
                record.object.set_field(field.number, build_blank(field));
            }
        }
        self.merge_unknown_fields(&mut record.object, body);
        self.remove_items(&mut record.object, body);
        self.defer_pending(&mut record, Some(&old.object), |number| body.get_field(number).is_some());
        self.finish_record(record)
    }

    /// An object of nothing but what the body says and the service keeps.
    fn build_object(&mut self, shape: &Shape, body: &Object, old: Option<&Object>) -> Object {
        let mut made = Object::default();
        for field in &shape.fields {
            let before = old.and_then(|old| old.get_field(field.number));
            let value = match body.get_field(field.number) {
                _ if is_not_writable(field, old.is_none()) => {
                    before.cloned().unwrap_or_else(|| self.build_computed_value(shape, field))
                }
                None if field.omit_from_writes => before.cloned().unwrap_or_else(|| build_blank(field)),
                given => self.replace_value(field, given, before),
            };
            made.set_field(field.number, value);
        }
        made.unknown_fields = self.keep_unknown_fields(shape, old, body);
        made
    }

    /// What the service puts into a field that no one else may write: its own number for the thing, or the
    /// scope that is called so.
    fn build_computed_value(&mut self, shape: &Shape, field: &Field) -> Value {
        let scope = self.kind.scope.iter().position(|scope| scope.name == field.name);
        match scope.and_then(|at| self.scope.get(at)).filter(|_| field.behavior.read_only) {
            Some(value) => value.clone(),
            None if find_row_id(shape).is_some_and(|row_id| row_id.number == field.number) => {
                generate_id(field, self.id_generator)
            }
            None => build_blank(field),
        }
    }

    fn replace_value(&mut self, field: &Field, given: Option<&Value>, before: Option<&Value>) -> Value {
        match (&field.ty, given) {
            (FieldType::Array(list), given) if keeps_unlisted(list) => {
                self.upsert_items(list, given.map(Value::items).unwrap_or_default(), before)
            }
            (FieldType::Map(map), given) if !map.deletes_unlisted => merge_map(given, before),
            (FieldType::Array(list), Some(Value::Array(items))) => self.replace_items(list, items, before),
            (FieldType::Object(shape), Some(Value::Object(body))) => {
                let before = before.and_then(Value::as_object);
                Value::Object(Box::new(self.build_object(shape, body, before)))
            }
            (_, None | Some(Value::Null)) => build_blank(field),
            (_, Some(value)) => value.clone(),
        }
    }

    fn replace_items(&mut self, list: &ArrayType, items: &[Value], before: Option<&Value>) -> Value {
        let before = before.map(Value::items).unwrap_or_default();
        let items = list_sent_items(list, items);
        let row = |item| before.iter().find(|old| is_same_row(list, old, item));
        Value::Array(items.map(|item| self.replace_item(list, item, row(item))).collect())
    }

    /// One item: the row that it was, or a new one.
    pub(super) fn replace_item(&mut self, list: &ArrayType, item: &Value, old: Option<&Value>) -> Value {
        let (ItemType::Object(shape), Value::Object(body)) = (&list.item, item) else { return item.clone() };
        let old = old.and_then(Value::as_object);
        let mut made = self.build_object(shape, body, old);
        if let Some(field) = find_row_id(shape) {
            let id = old.and_then(|old| old.get_field(field.number)).cloned();
            made.set_field(field.number, id.unwrap_or_else(|| generate_id(field, self.id_generator)));
        }
        Value::Object(Box::new(made))
    }

    /// A list in which what is not sent stays.
    fn upsert_items(&mut self, list: &ArrayType, items: &[Value], before: Option<&Value>) -> Value {
        let mut all = before.map(Value::items).unwrap_or_default().to_vec();
        for item in list_sent_items(list, items) {
            let at = all.iter().position(|old| is_same_row(list, old, item) || is_same_item(list, old, item));
            let made = self.replace_item(list, item, at.and_then(|at| all.get(at)));
            match at.and_then(|at| all.get_mut(at)) {
                Some(old) => *old = made,
                None => all.push(made),
            }
        }
        Value::Array(all)
    }

    fn merge_value(
        &mut self,
        field: &Field,
        given: &Value,
        before: Option<&Value>,
        nested: SandboxNestedMerge,
    ) -> Value {
        match (&field.ty, given, nested) {
            (FieldType::Scalar(_), ..) | (_, _, SandboxNestedMerge::Replace { .. }) => {
                self.replace_value(field, Some(given), before)
            }
            (FieldType::Map(map), ..) if map.map_type == MapTypeName::Granular => {
                merge_map(Some(given), before)
            }
            (FieldType::Map(_), ..) => self.replace_value(field, Some(given), before),
            (FieldType::Object(shape), Value::Object(body), _) => {
                let before = before.and_then(Value::as_object);
                Value::Object(Box::new(self.merge_members(shape, body, before, nested)))
            }
            (FieldType::Object(_), ..) => Value::Null,
            (FieldType::Array(list), given, SandboxNestedMerge::AppendItems) => {
                let mut all = before.map(Value::items).unwrap_or_default().to_vec();
                all.extend(given.items().iter().map(|item| self.replace_item(list, item, None)));
                Value::Array(all)
            }
            // items that nothing identifies are replaced together
            (FieldType::Array(list), ..) if matches!(list.list_type, ListType::Atomic) => {
                self.replace_value(field, Some(given), before)
            }
            (FieldType::Array(list), given, _) => match list.keyed_members {
                Some(keyed) if keyed.map_type == MapTypeName::Granular => {
                    self.merge_keyed_items(list, given.items(), before, nested)
                }
                Some(_) => self.replace_value(field, Some(given), before),
                None => self.upsert_items(list, given.items(), before),
            },
        }
    }

    pub(super) fn merge_members(
        &mut self,
        shape: &Shape,
        body: &Object,
        before: Option<&Object>,
        nested: SandboxNestedMerge,
    ) -> Object {
        let mut all = before.cloned().unwrap_or_default();
        for (number, value) in body.fields() {
            let inner = shape.get_field(number);
            if !is_not_writable(inner, false) {
                let before = all.get_field(number).cloned();
                all.set_field(number, self.merge_value(inner, value, before.as_ref(), nested));
            }
        }
        all
    }

    /// Of the unknown members of a body those that the object already has: the service knows them, the kind does not.
    /// What the description ignores, or leaves out of writes, the service keeps by itself.
    fn keep_unknown_fields(&self, shape: &Shape, old: Option<&Object>, body: &Object) -> Vec<UnknownField> {
        let had = old.map(|old| old.unknown_fields.as_slice()).unwrap_or_default();
        let is_own = |had: &UnknownField| {
            shape.unknown_members == UnknownMembers::Dropped || shape.ignores_member(&had.name)
        };
        let keep = |had: &UnknownField| match is_own(had) {
            true => Some(had.clone()),
            false => self.update_unknown_field(had, body),
        };
        had.iter().filter_map(keep).collect()
    }

    pub(super) fn merge_unknown_fields(&self, object: &mut Object, body: &Object) {
        let merged = |had: &UnknownField| self.update_unknown_field(had, body).unwrap_or_else(|| had.clone());
        object.unknown_fields = object.unknown_fields.iter().map(merged).collect();
    }

    fn update_unknown_field(&self, had: &UnknownField, body: &Object) -> Option<UnknownField> {
        let sent =
            body.unknown_fields.iter().find(|sent| is_same_name(&self.kind.api, &sent.name, &had.name))?;
        // a format without types can't tell "1" from 1, nor null from nothing
        let same = is_lenient(&self.kind.api) && self.encode_jsv(&sent.raw) == self.encode_jsv(&had.raw);
        let raw = if same { &had.raw } else { &sent.raw };
        Some(UnknownField { name: had.name.clone(), raw: raw.clone() })
    }

    fn encode_jsv(&self, raw: &str) -> Option<Vec<u8>> {
        let wire = raw_body::parse_json(raw).ok()?.into_wire();
        Some(wire::encode_body(&wire, WireFormat::Jsv, &self.kind.api))
    }

    /// What the service makes by itself in a new object, taking after the pattern.
    fn fill_computed_fields(&mut self, object: &mut Object) {
        let Some(pattern) = self.template else { return };
        for field in self.kind.shape.fields.iter().filter(|field| field.behavior.read_only) {
            let (number, like) = (field.number, pattern.get_field(field.number));
            let made = match (&field.ty, like) {
                _ if number == self.kind.identity.id => continue,
                _ if self.kind.find_scope_parameter(&field.name).is_some() => continue,
                (
                    FieldType::Scalar(ScalarType::DateTime | ScalarType::UnixTime(_)),
                    Some(Value::DateTime(_)),
                ) => Value::from_datetime(self.id_generator.generate_time()),
                (FieldType::Scalar(ScalarType::Enum { values: choices, .. }), Some(Value::String(_))) => {
                    choices.first().map_or(Value::Null, |(choice, _)| Value::from_text(&**choice))
                }
                (FieldType::Scalar(ScalarType::String { .. }), Some(Value::String(like))) => {
                    Value::from_text(increment_number(like, self.id_generator.generate_integer()))
                }
                (
                    FieldType::Scalar(
                        scalar @ (ScalarType::Decimal(_) | ScalarType::Integer(_) | ScalarType::Boolean),
                    ),
                    Some(_),
                ) => scalar.build_zero_value(),
                _ => continue,
            };
            object.set_field(number, made);
        }
    }

    /// Written values that wait for someone: the object keeps the old ones.
    fn defer_pending(&self, record: &mut SandboxRecord, old: Option<&Object>, written: impl Fn(u16) -> bool) {
        for field in self.kind.shape.fields.iter().filter(|field| field.when_absent == AbsenceRule::Pending) {
            let number = field.number;
            if !written(number) || is_not_writable(field, old.is_none()) {
                continue;
            }
            let wanted = record.object.get_field(number).cloned().unwrap_or(Value::Null);
            let before = old.and_then(|old| old.get_field(number)).cloned().unwrap_or(Value::Null);
            record.pending.take_field(number);
            if !wanted.is_blank() && wanted != before {
                record.pending.set_field(number, wanted);
                record.object.set_field(number, before);
            }
        }
    }

    /// A new object of a kind whose objects wait starts so.
    fn mark_unverified(&self, record: &mut SandboxRecord) {
        let Some(waiting) = &self.kind.pending_when else { return };
        if let Some(value) = waiting.values.first() {
            record.object.set_field(waiting.field, Value::from_text(&**value));
            record.unverified = true;
        }
    }

    fn finish_record(&mut self, mut record: SandboxRecord) -> SandboxRecord {
        self.fill_copies(&mut record.object);
        if let Some(number) = self.kind.history.changed_at {
            record.object.set_field(number, Value::from_datetime(self.id_generator.generate_time()));
        }
        if let Some(IfMatchSource::Field(number)) = self.kind.operations.if_match {
            let next = match (&self.kind.shape.get_field(number).ty, record.object.get_field(number)) {
                (FieldType::Scalar(ScalarType::Integer(_)), Some(Value::Integer(last))) => {
                    Value::Integer(last.saturating_add(1))
                }
                (FieldType::Scalar(ScalarType::Integer(_)), _) => Value::Integer(1),
                (FieldType::Scalar(ScalarType::DateTime | ScalarType::UnixTime(_)), _) => {
                    Value::from_datetime(self.id_generator.generate_time())
                }
                (FieldType::Scalar(ScalarType::Uuid), _) => Value::Uuid(self.id_generator.generate_uuid()),
                _ => Value::from_text(self.id_generator.generate_uuid().to_string()),
            };
            record.object.set_field(number, next);
        }
        record
    }

    /// Takes out the items that the body names in the member made for that.
    fn remove_items(&self, object: &mut Object, body: &Object) {
        for field in &self.kind.shape.fields {
            let FieldType::Array(list) = &field.ty else { continue };
            let (ItemType::Object(shape), Some(removals)) = (&list.item, &list.delete_items_through) else {
                continue;
            };
            let sent = body
                .unknown_fields
                .iter()
                .find(|sent| is_same_name(&self.kind.api, &sent.name, &removals.member));
            let Some(Ok(given)) = sent.map(|sent| raw_body::parse_json(&sent.raw)) else { continue };
            let mut binder = SandboxDeserializer::new(&self.kind.api, SandboxBodyDirection::Request);
            let named = given.into_items().unwrap_or_default().into_iter();
            let named: Vec<Object> = named.map(|item| binder.read_object(shape, item, "")).collect();
            let goes = |item: &Value| {
                let same = |named: &Object, item: &Object| {
                    removals.keys.iter().all(|n| named.get_field(*n) == item.get_field(*n))
                };
                item.as_object().is_some_and(|item| named.iter().any(|named| same(named, item)))
            };
            if let Some(Value::Array(mut items)) = object.take_field(field.number) {
                items.retain(|item| !goes(item));
                object.set_field(field.number, Value::Array(items));
            }
        }
    }

    /// Puts the object's own id and scope wherever they are to stand once more.
    pub fn fill_copies(&self, object: &mut Object) {
        let root = object.clone();
        self.fill_nested_copies(&self.kind.shape, object, &root);
    }

    fn fill_nested_copies(&self, shape: &Shape, object: &mut Object, root: &Object) {
        for field in &shape.fields {
            if let Some(value) = field.copy_of.as_ref().and_then(|copy| self.resolve_copy(copy, root)) {
                object.set_field(field.number, value);
                continue;
            }
            let filled = match (&field.ty, object.take_field(field.number)) {
                (FieldType::Object(inner), Some(Value::Object(mut object))) => {
                    self.fill_nested_copies(inner, &mut object, root);
                    Some(Value::Object(object))
                }
                (FieldType::Array(list), Some(Value::Array(items))) => {
                    Some(self.fill_list_copies(list, items, root))
                }
                (_, value) => value,
            };
            if let Some(value) = filled {
                object.set_field(field.number, value);
            }
        }
    }

    fn fill_list_copies(&self, list: &ArrayType, mut items: Vec<Value>, root: &Object) -> Value {
        if let ItemType::Object(shape) = &list.item {
            for item in &mut items {
                if let Value::Object(object) = item {
                    self.fill_nested_copies(shape, object, root);
                }
            }
        }
        Value::Array(items)
    }

    fn resolve_copy(&self, copy: &CopySource, root: &Object) -> Option<Value> {
        let value = match copy {
            CopySource::Field(number) => root.get_field(*number),
            CopySource::Scope(name) => {
                let at = self.kind.scope.iter().position(|scope| scope.name == *name)?;
                self.scope.get(at)
            }
        };
        value.filter(|value| !value.is_blank()).cloned()
    }
}

/// The items of a body with everything; a member that is null says nothing there.
fn list_sent_items<'i>(list: &ArrayType, items: &'i [Value]) -> impl Iterator<Item = &'i Value> {
    let is_keyed = list.keyed_members.is_some();
    items.iter().filter(move |item| !is_keyed || item.as_object().is_some())
}

/// What waits becomes what is; an object that was not verified becomes like the pattern.
pub fn verify_record(kind: &Kind, record: &mut SandboxRecord, pattern: Option<&Object>) {
    let waiting = std::mem::take(&mut record.pending);
    for (number, value) in waiting.fields() {
        record.object.set_field(number, value.clone());
    }
    let states = kind.shape.fields.iter().filter(|field| {
        field.behavior.read_only && matches!(field.ty, FieldType::Scalar(ScalarType::Enum { .. }))
    });
    for field in states.filter(|_| record.unverified && kind.pending_when.is_none()) {
        if let Some(like) = pattern.and_then(|pattern| pattern.get_field(field.number)) {
            record.object.set_field(field.number, like.clone());
        }
    }
    if let (true, Some(waiting)) = (std::mem::take(&mut record.unverified), &kind.pending_when) {
        let waits =
            |value: &Value| value.as_str().is_some_and(|text| waiting.values.iter().any(|v| **v == *text));
        let like = pattern
            .and_then(|pattern| pattern.get_field(waiting.field))
            .filter(|value| !waits(value))
            .cloned();
        let choice = match &kind.shape.get_field(waiting.field).ty {
            FieldType::Scalar(ScalarType::Enum { values: choices, .. }) => {
                choices.iter().map(|(choice, _)| Value::from_text(&**choice)).find(|value| !waits(value))
            }
            _ => None,
        };
        record.object.set_field(waiting.field, like.or(choice).unwrap_or(Value::Null));
    }
}

/// Whether the service takes nothing from a body for this field.
pub fn is_not_writable(field: &Field, new: bool) -> bool {
    field.behavior.read_only || (field.behavior.immutable && !new) || (field.behavior.update_only && new)
}
