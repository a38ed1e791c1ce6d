//! Documents: what a live object already is, said again in the documents' own names, and edits of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use trueup::kind::{
    AbsenceRule, ArrayType, ClearValue, Field, FieldType, ItemType, MapType, ScalarType, Shape,
};
use trueup::value::{Sensitivity, Value};

use super::choices::{CANARY, Choices};
use super::live_objects::{MASK, Sight, get};

/// How documents are made.
pub struct Writer<'w, 't> {
    pub choices: &'w mut Choices<'t>,
    pub sight: Sight,
    /// What the slots give.
    pub env: BTreeMap<String, String>,
    /// For an object that is not there yet.
    pub creating: bool,
}

impl Writer<'_, '_> {
    /// Everything of an object that a document may manage, as it is.
    pub fn said(&mut self, shape: &Shape, live: &Map<String, Json>) -> Map<String, Json> {
        let mut said = Map::new();
        for field in &shape.fields {
            if let Some(value) = self.field(field, get(live, field)) {
                said.insert(field.name.to_string(), value);
            }
        }
        said
    }

    fn field(&mut self, field: &Field, live: Option<&Json>) -> Option<Json> {
        let by_service = field.copy_of.is_some() || field.behavior.read_only;
        if by_service && !(field.behavior.identifier && !self.creating && self.choices.chance(3)) {
            return None;
        }
        if field.behavior.write_only && !self.creating {
            return None;
        }
        if field.sensitivity == Sensitivity::Secret {
            return self.secret(field, live);
        }
        match (&field.ty, live.filter(|live| !live.is_null())) {
            // what is left out is what no one set
            (FieldType::Scalar(scalar_field), None) if field.when_absent == AbsenceRule::Zero => {
                match scalar_field.build_zero_value() {
                    Value::Boolean(flag) => Some(Json::Bool(flag)),
                    Value::Integer(_) | Value::Decimal(_) => Some(Json::from(0)),
                    _ => can_be_null(field).then_some(Json::Null),
                }
            }
            (_, None) => can_be_null(field).then_some(Json::Null),
            (FieldType::Scalar(scalar_field), Some(live)) => {
                Some(self.scalar_field(field, scalar_field, live))
            }
            (FieldType::Object(shape), Some(Json::Object(live))) => {
                let said = self.said(shape, live);
                (!by_service || !said.is_empty()).then(|| Json::Object(said))
            }
            (FieldType::Map(_), Some(live)) => Some(live.clone()),
            (FieldType::Array(list), Some(Json::Array(items))) => {
                Some(Json::Array(items.iter().map(|item| self.item(list, item)).collect()))
            }
            _ => None,
        }
    }

    fn item(&mut self, list: &ArrayType, item: &Json) -> Json {
        match (&list.item, item) {
            (ItemType::Object(shape), Json::Object(item)) => Json::Object(self.said(shape, item)),
            _ => item.clone(),
        }
    }

    fn scalar_field(&mut self, field: &Field, scalar_field: &ScalarType, live: &Json) -> Json {
        let id = field.reference.as_ref().and_then(|refers| live.get(&*refers.id));
        let live = id.unwrap_or(live);
        match (scalar_field, live) {
            // numbers may be written with or without quotes
            (ScalarType::Decimal(_) | ScalarType::Integer(_), Json::String(text))
                if self.choices.chance(5) =>
            {
                serde_json::from_str(text).unwrap_or_else(|_| live.clone())
            }
            (ScalarType::Uuid, Json::String(text)) if self.choices.chance(5) => {
                Json::from(text.to_uppercase())
            }
            _ => live.clone(),
        }
    }

    /// A secret comes from outside: the one that is there, where it can be seen.
    fn secret(&mut self, field: &Field, live: Option<&Json>) -> Option<Json> {
        let seen = live.and_then(Json::as_str).filter(|text| !text.is_empty() && *text != MASK);
        let value = match (self.sight, seen) {
            (Sight::Clear, Some(text)) if !self.creating => text.to_owned(),
            (Sight::Clear, None) if !self.creating && can_be_null(field) => return Some(Json::Null),
            _ => format!("{CANARY}secret{}", self.choices.serial()),
        };
        Some(self.slot(value))
    }

    fn slot(&mut self, value: String) -> Json {
        let name = format!("V{}", self.choices.serial());
        self.env.insert(name.clone(), value);
        json!({ "from_env": name })
    }

    /// Edits what was said, here and there.
    pub fn edit(&mut self, shape: &Shape, said: &mut Map<String, Json>, above: Sensitivity) {
        for field in &shape.fields {
            let fixed = field.copy_of.is_some() || field.behavior.read_only;
            let finds = field.behavior.immutable && field.behavior.identifier;
            if fixed || finds || (field.behavior.immutable && !self.creating) {
                continue;
            }
            let name = &*field.name;
            match self.choices.roll(8) {
                0..=3 => {}
                4 if !field.behavior.identifier => {
                    said.remove(name);
                }
                4 => {}
                5 if can_be_null(field) && !field.behavior.identifier => {
                    said.insert(name.to_owned(), Json::Null);
                }
                _ => {
                    let value = self.edited(field, said.remove(name), above.max(field.sensitivity));
                    said.extend(value.map(|value| (name.to_owned(), value)));
                }
            }
        }
    }

    fn edited(&mut self, field: &Field, said: Option<Json>, mark: Sensitivity) -> Option<Json> {
        match (&field.ty, said) {
            (FieldType::Scalar(_), _) if field.sensitivity == Sensitivity::Secret => {
                let value = format!("{CANARY}new{}", self.choices.serial());
                Some(self.slot(value))
            }
            // what tells rows apart is drawn from many
            (FieldType::Scalar(ScalarType::Integer(_)), None) => {
                Some(Json::from(100 + self.choices.serial()))
            }
            (FieldType::Scalar(scalar_field), _) => Some(self.choices.scalar_field(scalar_field, mark)),
            (FieldType::Object(shape), said) => {
                let mut said = match said {
                    Some(Json::Object(said)) => said,
                    _ => Map::new(),
                };
                self.edit(shape, &mut said, mark);
                Some(Json::Object(said))
            }
            (FieldType::Map(map), said) => Some(self.map(map, said, mark)),
            (FieldType::Array(list), said) => Some(self.list(list, said, mark)),
        }
    }

    fn map(&mut self, map: &MapType, said: Option<Json>, mark: Sensitivity) -> Json {
        let mut entries = match said {
            Some(Json::Object(entries)) => entries,
            _ => Map::new(),
        };
        let first = entries.keys().next().cloned();
        match (self.choices.roll(4), first) {
            (0, Some(key)) => {
                entries.remove(&key);
            }
            (1, Some(key)) => {
                entries.insert(key, self.choices.scalar_field(&map.value, mark));
            }
            (2, _) => entries.clear(),
            _ => {
                let key = format!("new{}", self.choices.roll(3));
                entries.insert(key, self.choices.scalar_field(&map.value, mark));
            }
        }
        Json::Object(entries)
    }

    fn list(&mut self, list: &ArrayType, said: Option<Json>, mark: Sensitivity) -> Json {
        let mut items = match said {
            Some(Json::Array(items)) => items,
            _ => Vec::new(),
        };
        match self.choices.roll(6) {
            0 => items.clear(),
            1 => {
                items.pop();
            }
            2 => items.reverse(),
            3 if !items.is_empty() => {
                let at = self.choices.roll(items.len());
                if let (ItemType::Object(shape), Json::Object(item)) = (&list.item, &mut items[at]) {
                    self.edit(shape, item, mark);
                }
            }
            _ => items.push(self.new_item(list, mark)),
        }
        Json::Array(items)
    }

    fn new_item(&mut self, list: &ArrayType, mark: Sensitivity) -> Json {
        match &list.item {
            ItemType::Scalar(scalar_field) => self.choices.scalar_field(scalar_field, mark),
            ItemType::Object(shape) => {
                let mut item = Map::new();
                for field in
                    shape.fields.iter().filter(|field| !field.behavior.read_only && field.copy_of.is_none())
                {
                    let needed = field.behavior.required || field.behavior.identifier;
                    if needed || self.choices.chance(5) {
                        let value = self.edited(field, None, mark.max(field.sensitivity));
                        item.extend(value.map(|value| (field.name.to_string(), value)));
                    }
                }
                Json::Object(item)
            }
        }
    }
}

fn can_be_null(field: &Field) -> bool {
    !field.behavior.required && field.clear_with != ClearValue::Nothing
}

/// The text of a document. JSON is YAML.
pub fn document(kind: &str, id: Option<&Json>, spec: &Map<String, Json>) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("kind: {kind}\nname: one\n{id}spec: {}\n", Json::Object(spec.clone()))
}
