//! What nobody may see of an object: the texts of every marked value that its document or the live object
//! holds, to be blotted out of what a service says.
//!
//! A mark holds for everything below it, free keys of maps included; keys that the kind itself knows are no
//! secret. What the kind does not know (strangers) may hold anything, so it is hidden like a marked value.
//! Deliberately absent: blotting, and the credentials of the target; `remote` has both.

use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::{FieldType, ItemType, MapType, Shape};
use crate::value::{Object, Sensitivity, UnknownField, Value};

/// The texts, the longest first.
pub fn collect_sensitive_texts(document: &Document, live: Option<&Object>) -> Vec<String> {
    let mut hidden = SensitiveTexts { texts: Vec::new() };
    let shape = &document.kind.shape;
    hidden.collect_desired_object(shape, &document.spec, Sensitivity::Public);
    if let Some(live) = live {
        hidden.collect_live_object(shape, live, Sensitivity::Public);
    }
    hidden.texts.retain(|text| !text.is_empty());
    hidden.texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    hidden.texts.dedup();
    hidden.texts
}

struct SensitiveTexts {
    texts: Vec<String>,
}

impl SensitiveTexts {
    fn collect_desired_object(&mut self, shape: &Shape, node: &DesiredNode, above: Sensitivity) {
        let DesiredValue::Object(fields) = &node.value else { return };
        for (number, inner) in fields {
            let field = shape.get_field(*number);
            let mark = above.max(field.sensitivity);
            match (&field.ty, &inner.value) {
                (FieldType::Object(shape), _) => self.collect_desired_object(shape, inner, mark),
                (FieldType::Array(list), DesiredValue::List(items)) => {
                    for item in items {
                        match &list.item {
                            ItemType::Object(shape) => self.collect_desired_object(shape, item, mark),
                            ItemType::Scalar(_) => self.collect_desired_value(item, mark),
                        }
                    }
                }
                (FieldType::Map(map), DesiredValue::Map(entries)) => {
                    for (key, entry) in entries {
                        self.collect_map_key(map, key, mark);
                        self.collect_desired_value(entry, mark);
                    }
                }
                _ => self.collect_desired_value(inner, mark),
            }
        }
    }

    fn collect_desired_value(&mut self, wanted: &DesiredNode, mark: Sensitivity) {
        if let DesiredValue::Literal(value) = &wanted.value {
            self.collect_value(value, mark);
        }
    }

    fn collect_live_object(&mut self, shape: &Shape, object: &Object, above: Sensitivity) {
        for (number, value) in object.fields() {
            let field = shape.get_field(number);
            let mark = above.max(field.sensitivity);
            match (&field.ty, value) {
                (FieldType::Object(shape), Value::Object(inner)) => {
                    self.collect_live_object(shape, inner, mark)
                }
                (FieldType::Array(list), Value::Array(items)) => {
                    for item in items {
                        match (&list.item, item) {
                            (ItemType::Object(shape), Value::Object(inner)) => {
                                self.collect_live_object(shape, inner, mark)
                            }
                            (_, item) => self.collect_value(item, mark),
                        }
                    }
                }
                (FieldType::Map(map), Value::Map(entries)) => {
                    for (key, value) in entries {
                        self.collect_map_key(map, key, mark);
                        self.collect_value(value, mark);
                    }
                }
                (_, value) => self.collect_value(value, mark),
            }
        }
        object.unknown_fields.iter().for_each(|stranger| self.collect_unknown_field(stranger));
    }

    fn collect_map_key(&mut self, map: &MapType, key: &str, mark: Sensitivity) {
        if map.resolve_key_sensitivity(key, mark) > Sensitivity::Public {
            self.texts.push(key.to_owned());
        }
    }

    fn collect_value(&mut self, value: &Value, mark: Sensitivity) {
        match value {
            // a zero tells nothing, and every other number would lose its digits
            _ if mark == Sensitivity::Public || value.is_zero() => {}
            Value::String(text) | Value::Number(text) => self.texts.push(text.to_string()),
            Value::Integer(number) => self.texts.push(number.to_string()),
            Value::Decimal(number) => {
                self.texts.extend([number.to_string(), number.normalize().to_string()]);
            }
            Value::Uuid(guid) => {
                self.texts.extend([guid.hyphenated().to_string(), guid.simple().to_string()]);
            }
            Value::Date(date) => self.texts.extend([date.value.to_string(), date.to_text()]),
            Value::DateTime(time) => {
                self.texts.extend([time.value.strftime("%Y-%m-%dT%H:%M:%S").to_string(), time.to_text()]);
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect_value(item, mark)),
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.texts.push(key.to_string());
                    self.collect_value(value, mark);
                }
            }
            Value::Null | Value::Boolean(_) | Value::Object(_) | Value::KnownAfterApply(_) => {}
        }
    }

    /// The texts and long numbers in it; short ones tell nothing.
    fn collect_unknown_field(&mut self, stranger: &UnknownField) {
        const SHORT: usize = 4;
        let parts = stranger.raw.split(['"', ',', ':', '{', '}', '[', ']']);
        self.texts.extend(parts.map(str::trim).filter(|part| part.len() > SHORT).map(str::to_owned));
    }
}
