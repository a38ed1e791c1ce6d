//! What no one may see of an object: the texts of every marked value that its document or the live object
//! holds, to be blotted out of what a service says.
//!
//! A mark holds for everything below it, free keys of maps included; keys that the kind itself knows are no
//! secret. What the kind does not know (strangers) may hold anything, so it is hidden like a marked value.
//! Deliberately absent: blotting, and the credentials of the target; `remote` has both.

use crate::document::{DesiredValue, Document, visit_spec};
use crate::kind::visit::{NodeType, VisitFlow, VisitedNode, visit_object};
use crate::value::{Object, Sensitivity, Value};

/// The texts, the longest first.
pub fn collect_sensitive_texts(document: &Document, live: Option<&Object>) -> Vec<String> {
    let mut hidden = SensitiveTexts { texts: Vec::new() };
    visit_spec(document, &mut |at| {
        hidden.collect_map_key(at);
        if let DesiredValue::Literal(value) = &at.node.value {
            hidden.collect_value(value, at.sensitivity);
        }
        VisitFlow::Descend
    });
    if let Some(id) = &document.id {
        hidden.collect_value(id, document.kind.id_field().sensitivity);
    }
    if let Some(live) = live {
        hidden.collect_unknown_fields(live);
        visit_object(&document.kind.shape, live, &mut |at| {
            hidden.collect_map_key(at);
            if at.scalar_type().is_some() {
                hidden.collect_value(at.node, at.sensitivity);
            }
            at.node.as_object().into_iter().for_each(|inner| hidden.collect_unknown_fields(inner));
            VisitFlow::Descend
        });
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
    fn collect_map_key<N>(&mut self, at: &VisitedNode<N>) {
        if let (NodeType::Entry(map), Some(key)) = (at.node_type, at.key)
            && map.resolve_key_sensitivity(key, at.sensitivity) > Sensitivity::Public
        {
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
                // as services write it that count from 1970
                self.texts
                    .extend([time.value.as_second(), time.value.as_millisecond()].map(|own| own.to_string()));
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
    fn collect_unknown_fields(&mut self, object: &Object) {
        const SHORT: usize = 4;
        let raw = object.unknown_fields.iter().map(|own| &*own.raw);
        let parts = raw.flat_map(|raw| raw.split(['"', ',', ':', '{', '}', '[', ']']));
        self.texts.extend(parts.map(str::trim).filter(|part| part.len() > SHORT).map(str::to_owned));
    }
}
