//! Documents: what a live object already is, said again in the documents' own names, and edits of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use trueup::kind::{Absent, Clear, Field, Item, Leaf, ListType, MapType, Shape, Type};
use trueup::value::{Mark, Value};

use super::dice::{CANARY, Dice};
use super::live::{MASK, Sight, get};

/// How documents are made.
pub struct Writer<'w, 't> {
    pub dice: &'w mut Dice<'t>,
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
        let by_service = field.copy_of.is_some() || field.access.computed;
        if by_service && !(field.access.names_it && !self.creating && self.dice.chance(3)) {
            return None;
        }
        if field.access.write_only && !self.creating {
            return None;
        }
        if field.mark == Mark::Secret {
            return self.secret(field, live);
        }
        match (&field.ty, live.filter(|live| !live.is_null())) {
            // what is left out is what nobody set
            (Type::Leaf(leaf), None) if field.absent == Absent::Zero => match leaf.zero() {
                Value::Flag(flag) => Some(Json::Bool(flag)),
                Value::Whole(_) | Value::Decimal(_) => Some(Json::from(0)),
                _ => can_be_null(field).then_some(Json::Null),
            },
            (_, None) => can_be_null(field).then_some(Json::Null),
            (Type::Leaf(leaf), Some(live)) => Some(self.leaf(field, leaf, live)),
            (Type::Object(shape), Some(Json::Object(live))) => {
                let said = self.said(shape, live);
                (!by_service || !said.is_empty()).then(|| Json::Object(said))
            }
            (Type::Map(_), Some(live)) => Some(live.clone()),
            (Type::List(list), Some(Json::Array(items))) => {
                Some(Json::Array(items.iter().map(|item| self.item(list, item)).collect()))
            }
            _ => None,
        }
    }

    fn item(&mut self, list: &ListType, item: &Json) -> Json {
        match (&list.item, item) {
            (Item::Object(shape), Json::Object(item)) => Json::Object(self.said(shape, item)),
            _ => item.clone(),
        }
    }

    fn leaf(&mut self, field: &Field, leaf: &Leaf, live: &Json) -> Json {
        let id = field.refers_to.as_ref().and_then(|refers| live.get(&*refers.id));
        let live = id.unwrap_or(live);
        match (leaf, live) {
            // numbers may be written with or without quotes
            (Leaf::Decimal(_) | Leaf::Whole(_), Json::String(text)) if self.dice.chance(5) => {
                serde_json::from_str(text).unwrap_or_else(|_| live.clone())
            }
            (Leaf::Guid, Json::String(text)) if self.dice.chance(5) => Json::from(text.to_uppercase()),
            _ => live.clone(),
        }
    }

    /// A secret comes from outside: the one that is there, where it can be seen.
    fn secret(&mut self, field: &Field, live: Option<&Json>) -> Option<Json> {
        let seen = live.and_then(Json::as_str).filter(|text| !text.is_empty() && *text != MASK);
        let value = match (self.sight, seen) {
            (Sight::Clear, Some(text)) if !self.creating => text.to_owned(),
            (Sight::Clear, None) if !self.creating && can_be_null(field) => return Some(Json::Null),
            _ => format!("{CANARY}secret{}", self.dice.serial()),
        };
        Some(self.slot(value))
    }

    fn slot(&mut self, value: String) -> Json {
        let name = format!("V{}", self.dice.serial());
        self.env.insert(name.clone(), value);
        json!({ "from_env": name })
    }

    /// Edits what was said, here and there.
    pub fn edit(&mut self, shape: &Shape, said: &mut Map<String, Json>, above: Mark) {
        for field in &shape.fields {
            let fixed = field.copy_of.is_some() || field.access.computed;
            let finds = field.access.create_only && field.access.names_it;
            if fixed || finds || (field.access.create_only && !self.creating) {
                continue;
            }
            let name = &*field.name;
            match self.dice.roll(8) {
                0..=3 => {}
                4 if !field.access.names_it => {
                    said.remove(name);
                }
                4 => {}
                5 if can_be_null(field) && !field.access.names_it => {
                    said.insert(name.to_owned(), Json::Null);
                }
                _ => {
                    let value = self.edited(field, said.remove(name), above.max(field.mark));
                    said.extend(value.map(|value| (name.to_owned(), value)));
                }
            }
        }
    }

    fn edited(&mut self, field: &Field, said: Option<Json>, mark: Mark) -> Option<Json> {
        match (&field.ty, said) {
            (Type::Leaf(_), _) if field.mark == Mark::Secret => {
                let value = format!("{CANARY}new{}", self.dice.serial());
                Some(self.slot(value))
            }
            // what tells rows apart is drawn from many
            (Type::Leaf(Leaf::Whole(_)), None) => Some(Json::from(100 + self.dice.serial())),
            (Type::Leaf(leaf), _) => Some(self.dice.leaf(leaf, mark)),
            (Type::Object(shape), said) => {
                let mut said = match said {
                    Some(Json::Object(said)) => said,
                    _ => Map::new(),
                };
                self.edit(shape, &mut said, mark);
                Some(Json::Object(said))
            }
            (Type::Map(map), said) => Some(self.map(map, said, mark)),
            (Type::List(list), said) => Some(self.list(list, said, mark)),
        }
    }

    fn map(&mut self, map: &MapType, said: Option<Json>, mark: Mark) -> Json {
        let mut entries = match said {
            Some(Json::Object(entries)) => entries,
            _ => Map::new(),
        };
        let first = entries.keys().next().cloned();
        match (self.dice.roll(4), first) {
            (0, Some(key)) => {
                entries.remove(&key);
            }
            (1, Some(key)) => {
                entries.insert(key, self.dice.leaf(&map.value, mark));
            }
            (2, _) => entries.clear(),
            _ => {
                let key = format!("new{}", self.dice.roll(3));
                entries.insert(key, self.dice.leaf(&map.value, mark));
            }
        }
        Json::Object(entries)
    }

    fn list(&mut self, list: &ListType, said: Option<Json>, mark: Mark) -> Json {
        let mut items = match said {
            Some(Json::Array(items)) => items,
            _ => Vec::new(),
        };
        match self.dice.roll(6) {
            0 => items.clear(),
            1 => {
                items.pop();
            }
            2 => items.reverse(),
            3 if !items.is_empty() => {
                let at = self.dice.roll(items.len());
                if let (Item::Object(shape), Json::Object(item)) = (&list.item, &mut items[at]) {
                    self.edit(shape, item, mark);
                }
            }
            _ => items.push(self.new_item(list, mark)),
        }
        Json::Array(items)
    }

    fn new_item(&mut self, list: &ListType, mark: Mark) -> Json {
        match &list.item {
            Item::Leaf(leaf) => self.dice.leaf(leaf, mark),
            Item::Object(shape) => {
                let mut item = Map::new();
                for field in
                    shape.fields.iter().filter(|field| !field.access.computed && field.copy_of.is_none())
                {
                    let needed = field.access.required || field.access.names_it;
                    if needed || self.dice.chance(5) {
                        let value = self.edited(field, None, mark.max(field.mark));
                        item.extend(value.map(|value| (field.name.to_string(), value)));
                    }
                }
                Json::Object(item)
            }
        }
    }
}

fn can_be_null(field: &Field) -> bool {
    !field.access.required && field.clear != Clear::Never
}

/// The text of a document. JSON is YAML.
pub fn document(kind: &str, id: Option<&Json>, spec: &Map<String, Json>) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("kind: {kind}\nname: one\n{id}spec: {}\n", Json::Object(spec.clone()))
}
