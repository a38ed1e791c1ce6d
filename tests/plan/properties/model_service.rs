//! A service in thirty rules: what becomes of an object when a request reaches it. WrittenDocument from the words of the
//! kind format alone, on plain JSON, and on the hard side wherever an API leaves a choice: what a full write
//! leaves out is reset, what a partial write empties by its query is emptied, rows without an id are new.

use serde_json::{Map, Value as Json};
use trueup::exchange::Method;
use trueup::kind::{
    AbsenceRule, ArrayType, Field, FieldType, IdAssigner, ItemType, Kind, ListType, Shape, WriteOperation,
    WrittenItems,
};
use trueup::value::Sensitivity;
use uuid::Uuid;

use super::live_objects::{Around, MASK, Sight, copies, get, set};

/// What a service does where its API leaves a choice.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub sight: Sight,
    /// New addresses show at once; otherwise they wait for someone.
    pub verified: bool,
    /// A write that replaces nested fields empties those that it does not bring.
    pub empties: bool,
}

/// The service, as far as one object is concerned.
pub struct Service<'s> {
    pub kind: &'s Kind,
    pub around: &'s Around,
    pub manners: Manners,
}

impl Service<'_> {
    /// What reads back after a write; an error is a request that no service should get.
    pub fn write(
        &self,
        verb: Method,
        before: Option<&Json>,
        query: &[(String, String)],
        body: &Json,
    ) -> Result<Json, String> {
        let body = body.as_object().ok_or("the body is no object")?;
        let nothing = Map::new();
        let before = before.and_then(Json::as_object).unwrap_or(&nothing);
        let operations = &self.kind.operations;
        let operations = [&operations.create, &operations.update, &operations.replace];
        let write =
            operations.into_iter().flatten().find(|write| write.method == verb).ok_or("no such write")?;
        let mut after = match verb {
            Method::Patch => self.patch(write, before, query, body)?,
            Method::Post => self.post(body),
            _ => self.whole(&self.kind.shape, before, body, true),
        };
        copies(self.kind, self.around, &mut after);
        Ok(Json::Object(after))
    }

    fn post(&self, body: &Map<String, Json>) -> Map<String, Json> {
        let mut before = Map::new();
        for field in self.kind.shape.fields.iter().filter(|field| field.behavior.read_only) {
            set(&mut before, field, zero(field));
        }
        let mut after = self.whole(&self.kind.shape, &before, body, false);
        let id = self.kind.id_field();
        if self.kind.identity.id_assigned_by == IdAssigner::Server {
            set(&mut after, id, fresh_id(id));
        }
        after
    }

    /// A write of everything: what it does not bring has the value that no one set.
    fn whole(
        &self,
        shape: &Shape,
        before: &Map<String, Json>,
        body: &Map<String, Json>,
        update: bool,
    ) -> Map<String, Json> {
        let mut after = Map::new();
        for field in &shape.fields {
            let now = get(before, field);
            if let Some(value) = self.after_whole(field, now, body.get(&*field.write_to), update) {
                set(&mut after, field, value);
            }
            if let FieldType::Array(ArrayType { delete_items_through: Some(removals), .. }) = &field.ty {
                remove(field, &removals.member, body, &mut after);
            }
        }
        let known = |name: &str| shape.fields.iter().any(|field| is_of(field, name));
        let strangers = body.iter().filter(|(name, _)| !known(name));
        after.extend(strangers.map(|(name, value)| (name.clone(), value.clone())));
        after
    }

    fn after_whole(
        &self,
        field: &Field,
        now: Option<&Json>,
        sent: Option<&Json>,
        update: bool,
    ) -> Option<Json> {
        let access = field.behavior;
        let not_taken = if update { access.immutable } else { access.update_only };
        let own_id = std::ptr::eq(field, self.kind.id_field());
        if access.read_only || field.omit_from_writes || not_taken || (own_id && update) {
            return now.cloned();
        }
        if access.write_only {
            return None;
        }
        Some(match sent {
            None => zero(field),
            Some(sent) => self.stored(field, now, sent),
        })
    }

    /// What a value that was sent reads back as.
    fn stored(&self, field: &Field, now: Option<&Json>, sent: &Json) -> Json {
        match (&field.ty, sent) {
            (FieldType::Scalar(_), sent) => self.shown(field, now, sent),
            (FieldType::Object(shape), Json::Object(sent)) => {
                let nothing = Map::new();
                let now = now.and_then(Json::as_object).unwrap_or(&nothing);
                Json::Object(self.whole(shape, now, sent, true))
            }
            (FieldType::Array(list), Json::Array(sent)) => self.rows(list, now, sent),
            (_, sent) => sent.clone(),
        }
    }

    fn shown(&self, field: &Field, now: Option<&Json>, sent: &Json) -> Json {
        if field.sensitivity == Sensitivity::Secret && field.when_absent == AbsenceRule::Hidden {
            let blank = sent.is_null() || sent.as_str() == Some("");
            return match self.manners.sight {
                Sight::Masked if !blank => Json::from(MASK),
                Sight::Null => Json::Null,
                _ => sent.clone(),
            };
        }
        if field.when_absent == AbsenceRule::Pending && !self.manners.verified && !sent.is_null() {
            return now.cloned().unwrap_or(Json::Null);
        }
        sent.clone()
    }

    /// Rows keep what the service holds of them; one without an id is a new one.
    fn rows(&self, list: &ArrayType, now: Option<&Json>, sent: &[Json]) -> Json {
        let (ItemType::Object(shape), before) = (&list.item, now.and_then(Json::as_array)) else {
            return Json::Array(sent.to_vec());
        };
        let before = before.cloned().unwrap_or_default();
        let row = row_id(list, shape);
        let id =
            |item: &Json| row.and_then(|row| get(item.as_object()?, row)).filter(|id| !is_zero(id)).cloned();
        let mut after = if list.write_items == WrittenItems::Changed { before.clone() } else { Vec::new() };
        for item in sent.iter().filter_map(Json::as_object) {
            let own = row.and_then(|row| item.get(&*row.write_to)).filter(|id| !is_zero(id));
            let at = own.and_then(|own| {
                before.iter().position(|other| id(other).is_some_and(|id| same_id(&id, own)))
            });
            let nothing = Map::new();
            let was = at.and_then(|at| before[at].as_object()).unwrap_or(&nothing);
            let mut new = self.whole(shape, was, item, !was.is_empty() || row.is_none());
            if let (None, Some(row)) = (at, row) {
                set(&mut new, row, fresh_id(row));
            }
            let place =
                after.iter().position(|other| at.is_some() && id(other) == id(&before[at.unwrap_or(0)]));
            match place {
                Some(place) => after[place] = Json::Object(new),
                None => after.push(Json::Object(new)),
            }
        }
        Json::Array(after)
    }

    /// A write of changes: what it does not bring stays.
    fn patch(
        &self,
        write: &WriteOperation,
        before: &Map<String, Json>,
        query: &[(String, String)],
        body: &Map<String, Json>,
    ) -> Result<Map<String, Json>, String> {
        let shape = &self.kind.shape;
        let replaces =
            write.nested_fields.as_ref().is_some_and(|nested| nested.query.iter().all(|q| query.contains(q)));
        let mut after = before.clone();
        for (name, sent) in body {
            let field = shape.fields.iter().find(|field| *field.write_to == **name);
            let field = field.ok_or_else(|| format!("{name} is not known"))?;
            let access = field.behavior;
            if access.read_only || access.immutable || field.omit_from_writes {
                return Err(format!("{name} cannot be changed"));
            }
            let now = get(before, field);
            let value = match (&write.nested_fields, now) {
                (Some(_), Some(now)) if field.is_nested() && !replaces => merged(now, sent),
                _ => self.stored(field, now, sent),
            };
            set(&mut after, field, value);
        }
        if let Some(nested) = write.nested_fields.as_ref().filter(|_| replaces && self.manners.empties) {
            for field in nested.also_send.iter().map(|number| shape.get_field(*number)) {
                if !body.contains_key(&*field.write_to) {
                    set(&mut after, field, zero(field));
                }
            }
        }
        Ok(after)
    }
}

/// What a merge might do: keys that are not brought stay, items are put behind the others.
fn merged(now: &Json, sent: &Json) -> Json {
    match (now, sent) {
        (Json::Object(now), Json::Object(sent)) => {
            let mut now = now.clone();
            now.extend(sent.clone());
            Json::Object(now)
        }
        (Json::Array(now), Json::Array(sent)) => Json::Array([&now[..], sent].concat()),
        _ => sent.clone(),
    }
}

/// Takes away the rows that a write names for removal.
fn remove(field: &Field, through: &str, body: &Map<String, Json>, after: &mut Map<String, Json>) {
    let FieldType::Array(list) = &field.ty else { return };
    let (ItemType::Object(shape), Some(gone)) = (&list.item, body.get(through).and_then(Json::as_array))
    else {
        return;
    };
    let Some(row) = row_id(list, shape) else { return };
    let is_gone = |item: &Json| {
        let id = item.as_object().and_then(|item| get(item, row));
        let mut gone = gone.iter().filter_map(|gone| gone.get(&*row.write_to));
        id.is_some_and(|id| gone.any(|gone| same_id(id, gone)))
    };
    let left = get(after, field).and_then(Json::as_array).cloned().unwrap_or_default();
    let left = left.into_iter().filter(|item| !is_gone(item)).collect();
    set(after, field, Json::Array(left));
}

fn is_of(field: &Field, name: &str) -> bool {
    let through = match &field.ty {
        FieldType::Array(ArrayType { delete_items_through: Some(removals), .. }) => *removals.member == *name,
        _ => false,
    };
    through || *field.write_to == *name
}

fn row_id<'s>(list: &ArrayType, shape: &'s Shape) -> Option<&'s Field> {
    let ListType::Map(keys) = &list.list_type else { return None };
    keys.iter().find_map(|key| match key.as_slice() {
        [number] if shape.get_field(*number).behavior.read_only => Some(shape.get_field(*number)),
        _ => None,
    })
}

fn is_zero(id: &Json) -> bool {
    id.is_null() || id.as_str().is_some_and(|text| text.trim_matches(['0', '-']).is_empty())
}

fn same_id(a: &Json, b: &Json) -> bool {
    let plain = |id: &Json| id.as_str().map(|text| text.replace('-', "").to_lowercase());
    a == b || (plain(a).is_some() && plain(a) == plain(b))
}

fn fresh_id(field: &Field) -> Json {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    match &field.ty {
        FieldType::Scalar(trueup::kind::ScalarType::Integer(_)) => Json::from(next),
        _ => Json::from(
            Uuid::from_u128(0x2000_0000_0000_4000_8000_0000_0000_0000 + u128::from(next)).to_string(),
        ),
    }
}

/// The value that a field has when no one set it.
fn zero(field: &Field) -> Json {
    if field.when_absent != AbsenceRule::Zero {
        return Json::Null;
    }
    match &field.ty {
        FieldType::Scalar(scalar_field) => match scalar_field.type_name() {
            "flag" => Json::Bool(false),
            "whole" | "decimal" => Json::from(0),
            "guid" => Json::from(Uuid::nil().to_string()),
            "text" | "choice" => Json::from(""),
            _ => Json::Null,
        },
        FieldType::Array(_) => Json::Array(Vec::new()),
        FieldType::Map(_) => Json::Object(Map::new()),
        FieldType::Object(_) => Json::Null,
    }
}
