//! A body held against the live object: what no one asked to change is there, in the very bytes where no one
//! knows what it is. And JSV, written a second time from its rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use trueup::kind::scalar::ScalarToken;
use trueup::kind::{AbsenceRule, ArrayType, Field, FieldType, ItemType, ScalarType, Shape, WrittenItems};
use trueup::plan::{Change, Step};
use trueup::value::{PathSegment, Sensitivity, Value};

use super::live_objects::{Sight, get};

/// One step of the way to a value.
#[derive(Clone, PartialEq)]
enum Way {
    Field(String),
    Item(usize),
    Key(String),
}

struct Comparison<'c> {
    changes: &'c [Change],
    body: &'c str,
    raws: &'c BTreeMap<String, String>,
    sight: Sight,
}

/// Whether a body has everything of an object that the step does not change.
pub fn kept(
    live: &Json,
    body: &str,
    step: &Step,
    (raws, sight): (&BTreeMap<String, String>, Sight),
) -> Result<(), String> {
    let sent: Json = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let (Some(live), Some(sent)) = (live.as_object(), sent.as_object()) else {
        return Err("no object".into());
    };
    let comparison = Comparison { changes: &step.changes, body, raws, sight };
    comparison.object(&step.subject.kind.shape, live, sent, &[])
}

impl Comparison<'_> {
    fn object(
        &self,
        shape: &Shape,
        live: &Map<String, Json>,
        sent: &Map<String, Json>,
        way: &[Way],
    ) -> Result<(), String> {
        for field in &shape.fields {
            let way = then(way, Way::Field(field.name.to_string()));
            let sent = sent.get(&*field.write_to);
            let stays_out = field.omit_from_writes || (field.behavior.immutable && field.behavior.write_only);
            if !stays_out && !self.changed(&way) {
                self.field(field, get(live, field), sent, &way)?;
            }
        }
        self.strangers(shape, live, sent)
    }

    /// What no description knows is there in the bytes in which it came; nothing is made up.
    fn strangers(
        &self,
        shape: &Shape,
        live: &Map<String, Json>,
        sent: &Map<String, Json>,
    ) -> Result<(), String> {
        let read =
            |name: &str| shape.fields.iter().any(|f| f.read_from.first().is_some_and(|own| **own == *name));
        for (name, value) in live.iter().filter(|(name, _)| !read(name)) {
            let raw =
                value.as_str().and_then(|mark| self.raws.get(mark)).ok_or("a stranger without bytes")?;
            if !sent.contains_key(name) || !self.body.contains(&format!("\"{name}\":{raw}")) {
                return Err(format!("the stranger {name} is not what it was"));
            }
        }
        let through = |field: &Field, name: &str| match &field.ty {
            FieldType::Array(ArrayType { delete_items_through: Some(removals), .. }) => {
                *removals.member == *name
            }
            _ => false,
        };
        let written = |name: &str| shape.fields.iter().any(|f| *f.write_to == *name || through(f, name));
        match sent.keys().find(|name| !written(name) && !live.contains_key(*name)) {
            Some(name) => Err(format!("{name} is made up")),
            None => Ok(()),
        }
    }

    fn field(
        &self,
        field: &Field,
        live: Option<&Json>,
        sent: Option<&Json>,
        way: &[Way],
    ) -> Result<(), String> {
        let (live, sent) = (live.filter(|v| !v.is_null()), sent.filter(|v| !v.is_null()));
        match (&field.ty, live, sent) {
            (FieldType::Scalar(scalar_field), live, sent) => {
                let hidden = field.sensitivity == Sensitivity::Secret && self.sight != Sight::Clear;
                let unseen =
                    matches!(field.when_absent, AbsenceRule::Hidden | AbsenceRule::Pending) && is_blank(live);
                let same = hidden || unseen || same_scalar(field, scalar_field, live, sent);
                if same { Ok(()) } else { Err(format!("{} is not what it was", field.name)) }
            }
            (FieldType::Object(shape), Some(Json::Object(live)), Some(Json::Object(sent))) => {
                self.object(shape, live, sent, way)
            }
            (FieldType::Map(_), live, sent) => self.entries(field, live, sent, way),
            (FieldType::Array(list), live, sent) => self.list(field, list, (live, sent), way),
            (_, None, _) => Ok(()),
            _ => Err(format!("{} is gone", field.name)),
        }
    }

    fn entries(
        &self,
        field: &Field,
        live: Option<&Json>,
        sent: Option<&Json>,
        way: &[Way],
    ) -> Result<(), String> {
        if self.changed_below(way) {
            // a document that names the map names all of it
            return Ok(());
        }
        let entries = |side: Option<&Json>| side.and_then(Json::as_object).cloned().unwrap_or_default();
        let same = without_nulls(Json::Object(entries(live))) == without_nulls(Json::Object(entries(sent)));
        if same { Ok(()) } else { Err(format!("entries of {} are not what they were", field.name)) }
    }

    fn list(
        &self,
        field: &Field,
        list: &ArrayType,
        (live, sent): (Option<&Json>, Option<&Json>),
        way: &[Way],
    ) -> Result<(), String> {
        let items = |side: Option<&Json>| side.and_then(Json::as_array).cloned().unwrap_or_default();
        let (live, sent) = (items(live), items(sent));
        let ItemType::Object(shape) = &list.item else {
            let same = self.changes.iter().any(|change| path(change).starts_with(way))
                || same_scalars(list, &live, &sent);
            return if same {
                Ok(())
            } else {
                Err(format!("items of {} are not what they were", field.name))
            };
        };
        // rows that stay come first, in their order
        let mut rows = sent.iter().filter_map(Json::as_object);
        for (index, item) in live.iter().enumerate() {
            let way = then(way, Way::Item(index));
            let stays_out = list.write_items == WrittenItems::Changed && !self.changed_below(&way);
            if self.changed(&way) || stays_out {
                continue;
            }
            let (Some(item), Some(row)) = (item.as_object(), rows.next()) else {
                return Err(format!("a row of {} is gone", field.name));
            };
            self.object(shape, item, row, &way)?;
        }
        Ok(())
    }

    /// Whether a change covers the value at the end of a way.
    fn changed(&self, way: &[Way]) -> bool {
        self.changes.iter().any(|change| !is_new_row(change) && path(change).as_slice() == way)
    }

    /// Whether a change is about a part of the value at the end of a way.
    fn changed_below(&self, way: &[Way]) -> bool {
        self.changes.iter().any(|change| !is_new_row(change) && path(change).starts_with(way))
    }
}

/// A row that is new stands at a number that a live one may have had.
fn is_new_row(change: &Change) -> bool {
    change.before.is_none() && matches!(change.path.0.last(), Some(PathSegment::Item { .. }))
}

fn path(change: &Change) -> Vec<Way> {
    let way = |segment: &PathSegment| match segment {
        PathSegment::Field(name) => Way::Field(name.to_string()),
        PathSegment::Item { index, .. } => Way::Item(*index),
        PathSegment::Key(key, _) => Way::Key(key.to_string()),
    };
    change.path.0.iter().map(way).collect()
}

fn then(way: &[Way], next: Way) -> Vec<Way> {
    way.iter().cloned().chain([next]).collect()
}

fn is_blank(value: Option<&Json>) -> bool {
    value.is_none_or(|value| value.is_null() || value.as_str() == Some(""))
}

fn same_scalar(field: &Field, scalar_field: &ScalarType, live: Option<&Json>, sent: Option<&Json>) -> bool {
    match (live, sent) {
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => {
            is_blank(Some(one))
                || (field.when_absent == AbsenceRule::Zero
                    && typed(scalar_field, one).is_some_and(|v| v.is_zero()))
        }
        (Some(live), Some(sent)) if *scalar_field == ScalarType::Any => live == sent,
        (Some(live), Some(sent)) => {
            typed(scalar_field, live).is_some() && typed(scalar_field, live) == typed(scalar_field, sent)
        }
    }
}

fn same_scalars(list: &ArrayType, live: &[Json], sent: &[Json]) -> bool {
    let ItemType::Scalar(scalar_field) = &list.item else { return false };
    let same = |(a, b): (&Json, &Json)| {
        if *scalar_field == ScalarType::Any {
            a == b
        } else {
            typed(scalar_field, a) == typed(scalar_field, b)
        }
    };
    live.len() == sent.len() && live.iter().zip(sent).all(same)
}

/// A value of a value, whatever its spelling.
pub fn typed(scalar_field: &ScalarType, value: &Json) -> Option<Value> {
    let text = value.to_string();
    let token = match value {
        Json::String(text) => ScalarToken::String(text),
        Json::Bool(flag) => ScalarToken::Boolean(*flag),
        _ => ScalarToken::Number(&text),
    };
    scalar_field.read_token(token).ok()
}

/// Without members that are null, at any depth.
pub fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let said = members.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(said.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// A value in JSV, by the rules of the fact pages.
pub fn jsv(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Bool(true) => "True".into(),
        Json::Bool(false) => "False".into(),
        Json::Number(number) => number.to_string(),
        Json::String(text)
            if text.is_empty() || text.contains(['"', ':', ',', '{', '}', '[', ']', '\r', '\n']) =>
        {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Json::String(text) => text.clone(),
        Json::Array(items) => format!("[{}]", items.iter().map(jsv).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let said = members.iter().filter(|(_, value)| !value.is_null());
            let said: Vec<_> = said.map(|(name, value)| format!("{name}:{}", jsv(value))).collect();
            format!("{{{}}}", said.join(","))
        }
    }
}
