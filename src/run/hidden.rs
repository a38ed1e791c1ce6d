//! What nobody may see of an object: the texts of every marked value that its document or the live object
//! holds, to be blotted out of what a service says.
//!
//! A mark holds for everything below it, free keys of maps included; keys that the kind itself knows are no
//! secret. What the kind does not know (strangers) may hold anything, so it is hidden like a marked value.
//! Deliberately absent: blotting, and the credentials of the target; `remote` has both.

use crate::document::{Document, Wanted, Wish};
use crate::kind::{Item, MapType, Shape, Type};
use crate::value::{Mark, Object, Stranger, Value};

/// The texts, the longest first.
pub fn texts(document: &Document, live: Option<&Object>) -> Vec<String> {
    let mut hidden = Hidden { texts: Vec::new() };
    let shape = &document.kind.shape;
    hidden.wanted(shape, &document.spec, Mark::Open);
    if let Some(live) = live {
        hidden.live(shape, live, Mark::Open);
    }
    hidden.texts.retain(|text| !text.is_empty());
    hidden.texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    hidden.texts.dedup();
    hidden.texts
}

struct Hidden {
    texts: Vec<String>,
}

impl Hidden {
    fn wanted(&mut self, shape: &Shape, node: &Wanted, above: Mark) {
        let Wish::Object(fields) = &node.wish else { return };
        for (number, inner) in fields {
            let field = shape.field(*number);
            let mark = above.max(field.mark);
            match (&field.ty, &inner.wish) {
                (Type::Object(shape), _) => self.wanted(shape, inner, mark),
                (Type::List(list), Wish::List(items)) => {
                    for item in items {
                        match &list.item {
                            Item::Object(shape) => self.wanted(shape, item, mark),
                            Item::Leaf(_) => self.wish(item, mark),
                        }
                    }
                }
                (Type::Map(map), Wish::Map(entries)) => {
                    for (key, entry) in entries {
                        self.key(map, key, mark);
                        self.wish(entry, mark);
                    }
                }
                _ => self.wish(inner, mark),
            }
        }
    }

    fn wish(&mut self, wanted: &Wanted, mark: Mark) {
        if let Wish::Leaf(value) = &wanted.wish {
            self.value(value, mark);
        }
    }

    fn live(&mut self, shape: &Shape, object: &Object, above: Mark) {
        for (number, value) in object.fields() {
            let field = shape.field(number);
            let mark = above.max(field.mark);
            match (&field.ty, value) {
                (Type::Object(shape), Value::Object(inner)) => self.live(shape, inner, mark),
                (Type::List(list), Value::List(items)) => {
                    for item in items {
                        match (&list.item, item) {
                            (Item::Object(shape), Value::Object(inner)) => self.live(shape, inner, mark),
                            (_, item) => self.value(item, mark),
                        }
                    }
                }
                (Type::Map(map), Value::Map(entries)) => {
                    for (key, value) in entries {
                        self.key(map, key, mark);
                        self.value(value, mark);
                    }
                }
                (_, value) => self.value(value, mark),
            }
        }
        object.strangers.iter().for_each(|stranger| self.stranger(stranger));
    }

    fn key(&mut self, map: &MapType, key: &str, mark: Mark) {
        if map.key_mark(key, mark) > Mark::Open {
            self.texts.push(key.to_owned());
        }
    }

    fn value(&mut self, value: &Value, mark: Mark) {
        match value {
            // a zero tells nothing, and every other number would lose its digits
            _ if mark == Mark::Open || value.is_zero() => {}
            Value::Text(text) | Value::Number(text) => self.texts.push(text.to_string()),
            Value::Whole(number) => self.texts.push(number.to_string()),
            Value::Decimal(number) => {
                self.texts.extend([number.to_string(), number.normalize().to_string()]);
            }
            Value::Guid(guid) => {
                self.texts.extend([guid.hyphenated().to_string(), guid.simple().to_string()]);
            }
            Value::Date(date) => self.texts.extend([date.is.to_string(), date.written()]),
            Value::Time(time) => {
                self.texts.extend([time.is.strftime("%Y-%m-%dT%H:%M:%S").to_string(), time.written()]);
            }
            Value::List(items) => items.iter().for_each(|item| self.value(item, mark)),
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.texts.push(key.to_string());
                    self.value(value, mark);
                }
            }
            Value::Null | Value::Flag(_) | Value::Object(_) | Value::Later(_) => {}
        }
    }

    /// The texts and long numbers in it; short ones tell nothing.
    fn stranger(&mut self, stranger: &Stranger) {
        const SHORT: usize = 4;
        let parts = stranger.raw.split(['"', ',', ':', '{', '}', '[', ']']);
        self.texts.extend(parts.map(str::trim).filter(|part| part.len() > SHORT).map(str::to_owned));
    }
}
