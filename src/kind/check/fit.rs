//! Whether a value in a description fits the type that the description gives it.
//!
//! Examples stand in the names of documents, samples in those of the wire; both are judged by the same leaf
//! reader that documents and answers go through later.
//! Deliberately absent: a typed tree. The value itself is not needed, only whether there is one.

use serde_json::Value as Json;

use super::super::leaf::Token;
use super::super::{Field, Item, Leaf, Shape, Type};
use super::{Desk, Spot};
use crate::diagnostic::Diagnostic;
use crate::value::{Mark, Value};

/// The words for where a secret comes from.
const SOURCES: [&str; 3] = ["from_env", "from_file", "from_command"];

impl Desk<'_> {
    /// A leaf's value, or a fault.
    pub(super) fn leaf_fits(&mut self, spot: Spot, leaf: &Leaf, json: &Json) -> Option<Value> {
        let read = match json {
            Json::String(text) => leaf.read(Token::Text(text)),
            Json::Number(number) => leaf.read(Token::Number(&number.to_string())),
            Json::Bool(flag) => leaf.read(Token::Flag(*flag)),
            _ if *leaf == Leaf::Any => return Some(Value::Null),
            _ => {
                self.fault(spot, "wrong-value", format!("this is not {}", leaf.noun()));
                return None;
            }
        };
        match read {
            Ok(value) => Some(value),
            Err(mismatch) => {
                self.fault(spot, "wrong-value", mismatch.message).hint = mismatch.hint;
                None
            }
        }
    }

    /// Judges an example, which stands as in a document.
    pub(super) fn value_fits(&mut self, spot: Spot, ty: &Type, json: &Json) {
        match (ty, json) {
            (Type::Leaf(leaf), json) => {
                self.leaf_fits(spot, leaf, json);
            }
            (Type::Object(shape), Json::Object(members)) => {
                for (name, value) in members {
                    match shape.named(name) {
                        Some(field) if field.mark == Mark::Secret => self.source_fits(spot.key(name), value),
                        Some(field) => self.value_fits(spot.key(name), &field.ty, value),
                        None => {
                            let known = shape.fields.iter().map(|field| &*field.name);
                            self.unknown(spot.key(name), "field", name, known);
                        }
                    }
                }
            }
            (Type::Map(map), Json::Object(members)) => {
                for (key, value) in members {
                    self.leaf_fits(spot.key(key), &map.value, value);
                }
            }
            (Type::List(list), Json::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    self.item_fits(spot.item(at), &list.item, item);
                }
            }
            _ => self.wrong_form(spot, ty),
        }
    }

    /// Inside an example a secret stands as in a document: as where it comes from.
    fn source_fits(&mut self, spot: Spot, json: &Json) {
        let is_source = json.as_object().is_some_and(|members| {
            members.len() == 1 && SOURCES.iter().any(|source| members.contains_key(*source))
        });
        if !is_source {
            self.fault(spot, "wrong-value", "a secret in an example says where it comes from").hint =
                Some("write { from_env: NAME }".into());
        }
    }

    fn item_fits(&mut self, spot: Spot, item: &Item, json: &Json) {
        match item {
            Item::Leaf(leaf) => {
                self.leaf_fits(spot, leaf, json);
            }
            Item::Object(shape) => self.value_fits(spot, &Type::Object(shape.clone()), json),
        }
    }

    fn wrong_form(&mut self, spot: Spot, ty: &Type) {
        self.fault(spot, "wrong-value", format!("this is not of type `{}`", ty.word()));
    }

    /// Judges an object as a service answers it: null and missing members are fine, unknown ones are told.
    pub(super) fn answer_fits(&mut self, spot: Spot, shape: &Shape, json: &Json, exact: bool) {
        let Json::Object(members) = json else {
            self.fault(spot, "wrong-value", "this is not an object");
            return;
        };
        for (name, value) in members {
            let spot = spot.key(name);
            let fields: Vec<&Field> = shape.fields.iter().filter(|field| reads(field, name, exact)).collect();
            if fields.is_empty() {
                self.stranger(spot, name, shape);
            }
            for field in fields {
                self.member_fits(spot, field, value, exact);
            }
        }
    }

    fn stranger(&mut self, spot: Spot, name: &str, shape: &Shape) {
        let known = shape.fields.iter().filter_map(|field| field.read_as.first()).map(|name| &**name);
        let hint = crate::diagnostic::did_you_mean(name, known);
        let message = format!("no field is read from the member `{name}`");
        self.note(spot, Diagnostic::warning("stranger-in-sample", message)).hint = hint;
    }

    fn member_fits(&mut self, spot: Spot, field: &Field, json: &Json, exact: bool) {
        let (mut spot, mut json) = (spot, json);
        for step in field.read_as.iter().skip(1) {
            let Some(inner) = json.get(&**step) else { return };
            (spot, json) = (spot.key(step), inner);
        }
        // a thing referred to may come whole
        if let Some(id) = field.refers_to.as_ref().and_then(|refers| json.as_object()?.get(&*refers.id)) {
            json = id;
        }
        match (&field.ty, json) {
            (_, Json::Null) => {}
            (Type::Object(shape), json) => self.answer_fits(spot, shape, json, exact),
            (Type::List(list), Json::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    match &list.item {
                        Item::Object(shape) => self.answer_fits(spot.item(at), shape, item, exact),
                        Item::Leaf(leaf) => {
                            self.leaf_fits(spot.item(at), leaf, item);
                        }
                    }
                }
            }
            (ty, json) => self.value_fits(spot, ty, json),
        }
    }
}

/// Whether a field is read from, or from within, a member of that name.
fn reads(field: &Field, member: &str, exact: bool) -> bool {
    field.read_as.first().is_some_and(|name| match exact {
        true => **name == *member,
        false => name.to_lowercase() == member.to_lowercase(),
    })
}
