//! The spec under the kind's guidance: every node becomes a wish of the type that its field has.
//!
//! All mismatches are found, each with its place; what does not fit is left out of the tree. A marked value
//! is redacted in the source before anything is said about it, and no message repeats one.
//! Deliberately absent: what must be there to create an object. Only the plan knows that it is a create.

use super::source_reader::{SourceReader, ValueContext, escape_for_message};
use super::{DesiredNode, DesiredValue, list_keys, refer, value_source};
use crate::diagnostic::{Diagnostic, SourceSpan, suggest_word};
use crate::kind::mask::is_mask;
use crate::kind::scalar::{ScalarMismatch, ScalarToken};
use crate::kind::{ArrayType, ClearValue, Field, FieldType, ItemType, MapType, ScalarType, Shape};
use crate::value::{Sensitivity, Value};
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// The most bytes of one text.
pub const MAX_TEXT: usize = 1024 * 1024;

impl SourceReader<'_> {
    /// A mapping as the fields of a shape.
    pub(super) fn read_object(&mut self, node: &YamlNode, shape: &Shape, above: Sensitivity) -> DesiredValue {
        let mut fields: Vec<(u16, DesiredNode)> = Vec::with_capacity(node.entries().len());
        let mut next = 0;
        for entry in node.entries() {
            let Some(field) = find_field(shape, &entry.key, next) else {
                self.report_unknown_field(entry, shape);
                continue;
            };
            next = field.number as usize + 1;
            if let Some(desired) = self.read_field(entry, field, above.max(field.sensitivity)) {
                fields.push((field.number, DesiredNode { span: entry.value.span, value: desired }));
            }
        }
        fields.sort_by_key(|(number, _)| *number);
        self.check_conflicts(shape, &fields);
        DesiredValue::Object(fields)
    }

    fn report_unknown_field(&mut self, entry: &YamlEntry, shape: &Shape) {
        self.redact_entry(entry);
        let writable = |field: &&Field| !is_read_only(field);
        let known: Vec<&str> = shape.fields.iter().filter(writable).map(|field| &*field.name).collect();
        self.report_unknown_name("unknown-field", entry, "there is no field", &known);
    }

    fn read_field(&mut self, entry: &YamlEntry, field: &Field, mark: Sensitivity) -> Option<DesiredValue> {
        match value_source::is_value_source(&entry.value) {
            _ if mark == Sensitivity::Public => {}
            true => self.redact_comment(&entry.value),
            false => self.redact_entry(entry),
        }
        if is_read_only(field) {
            let message = format!("`{}` is set by the service", field.name);
            let message = if field.copy_of.is_some() {
                format!("`{}` is a copy that is filled in by itself", field.name)
            } else {
                message
            };
            self.add_diagnostic(
                entry.key_span,
                Diagnostic::error("computed-field", message).with_hint("leave it out"),
            );
            return None;
        }
        if entry.value.is_null() {
            return self.read_null(entry, field);
        }
        self.read_field_value(&entry.value, field, mark)
    }

    /// What a field is to be, null apart from a field that takes none.
    pub(super) fn read_field_value(
        &mut self,
        node: &YamlNode,
        field: &Field,
        mark: Sensitivity,
    ) -> Option<DesiredValue> {
        if node.is_null() {
            return Some(DesiredValue::Clear);
        }
        let role = ValueContext { name: &field.name, sensitivity: mark, reference: field.reference.as_ref() };
        match &field.ty {
            FieldType::Scalar(scalar_type) => {
                let read = self.read_scalar(node, scalar_type, role)?;
                self.check_limits(node, field, read)
            }
            FieldType::Object(shape) => self.read_nested_object(node, shape, role),
            FieldType::Map(map) => self.read_map(node, map, role),
            FieldType::Array(list) => self.read_list(node, list, role),
        }
    }

    fn check_limits(&mut self, node: &YamlNode, field: &Field, read: DesiredValue) -> Option<DesiredValue> {
        if let DesiredValue::Literal(value) = &read
            && let Some(message) = field.value_limits.check_value(value)
        {
            let message = format!("`{}`: {message}", field.name);
            self.add_diagnostic(node.span, Diagnostic::error("wrong-value", message));
            return None;
        }
        Some(read)
    }

    /// Fields of which at most one may have a value.
    fn check_conflicts(&mut self, shape: &Shape, fields: &[(u16, DesiredNode)]) {
        let has_value = |(_, node): &&(u16, DesiredNode)| !matches!(node.value, DesiredValue::Clear);
        for (number, node) in fields.iter().filter(has_value) {
            let field = shape.get_field(*number);
            for (other, _) in
                fields.iter().filter(has_value).filter(|(own, _)| field.conflicts_with.contains(own))
            {
                let other = &shape.get_field(*other).name;
                let message = format!("`{}` and `{other}` exclude each other", field.name);
                let fault = Diagnostic::error("conflicting-fields", message);
                self.add_diagnostic(
                    node.span,
                    fault.with_hint(format!("remove `{}` or `{other}`", field.name)),
                );
            }
        }
    }

    fn read_null(&mut self, entry: &YamlEntry, field: &Field) -> Option<DesiredValue> {
        if let FieldType::Array(list) = &field.ty
            && !self.check_emptied_list(entry.key_span, list, &field.name)
        {
            return None;
        }
        let name = &field.name;
        let hint = format!("write a value, or leave `{name}` out so that it stays as it is");
        if field.behavior.required || field.clear_with == ClearValue::Nothing {
            let why = if field.behavior.required { "is required" } else { "can't be cleared in this API" };
            let fault = Diagnostic::error("cannot-clear", format!("`{name}` {why}, so it can't be null"));
            self.add_diagnostic(entry.key_span, fault.with_hint(hint));
            return None;
        }
        let span = entry.value.span;
        if span.start == span.end {
            let message = format!("`{name}:` is empty, which means null: clear it");
            let hint = format!("write `{name}: null` to clear the field, or remove `{name}`");
            self.add_diagnostic(entry.key_span, Diagnostic::warning("empty-value", message).with_hint(hint));
        }
        Some(DesiredValue::Clear)
    }

    pub(super) fn read_scalar(
        &mut self,
        node: &YamlNode,
        scalar_type: &ScalarType,
        role: ValueContext,
    ) -> Option<DesiredValue> {
        if self.defers_values(node, scalar_type) {
            return None;
        }
        if let Some(words) = role.reference.and_then(|refers| refer::find_reference_keys(node, refers)) {
            return refer::read_reference(self, node, role, &words).map(DesiredValue::Reference);
        }
        let from_outside =
            role.sensitivity > Sensitivity::Public || matches!(scalar_type, ScalarType::String { .. });
        let mapping = matches!(node.data, YamlData::Mapping(_));
        // a free-form field without a mark may hold any mapping, also one that looks like a slot
        let free = *scalar_type == ScalarType::Any && role.sensitivity == Sensitivity::Public;
        let slotted = value_source::is_value_source(node)
            || role.sensitivity == Sensitivity::Secret
            || matches!(scalar_type, ScalarType::String { .. });
        if mapping && slotted && !free {
            return self.read_value_source(node, scalar_type, role, from_outside);
        }
        if role.sensitivity == Sensitivity::Secret {
            return self.report_plain_secret(node, role);
        }
        let value = parse_scalar(self, node, scalar_type, role.name)?;
        if role.sensitivity != Sensitivity::Public && value.as_str().is_some_and(is_mask) {
            self.add_diagnostic(node.span, diagnose_mask(role.name, "this is"));
            return None;
        }
        Some(DesiredValue::Literal(value))
    }

    fn read_value_source(
        &mut self,
        node: &YamlNode,
        scalar_type: &ScalarType,
        role: ValueContext,
        from_outside: bool,
    ) -> Option<DesiredValue> {
        if from_outside {
            return value_source::read_source(node, self).map(DesiredValue::Source);
        }
        let message =
            format!("`{}` is {}, which can't come from outside", role.name, scalar_type.describe_type());
        self.add_diagnostic(
            node.span,
            Diagnostic::error("source-not-allowed", message).with_hint("write the value itself"),
        );
        None
    }

    fn report_plain_secret(&mut self, node: &YamlNode, role: ValueContext) -> Option<DesiredValue> {
        self.redact_span(node.span);
        self.add_diagnostic(node.span, value_source::diagnose_plain_secret(role.name));
        None
    }

    fn read_nested_object(
        &mut self,
        node: &YamlNode,
        shape: &Shape,
        role: ValueContext,
    ) -> Option<DesiredValue> {
        if !matches!(node.data, YamlData::Mapping(_)) {
            self.report_wrong_type(node, role.name, "a mapping");
            return None;
        }
        Some(self.read_object(node, shape, role.sensitivity))
    }

    fn read_map(&mut self, node: &YamlNode, map: &MapType, role: ValueContext) -> Option<DesiredValue> {
        if !matches!(node.data, YamlData::Mapping(_)) {
            self.report_wrong_type(node, role.name, "a mapping");
            return None;
        }
        let mut entries = Vec::with_capacity(node.entries().len());
        for entry in node.entries() {
            self.check_map_key(entry, map, role);
            let desired = if entry.value.is_null() {
                Some(DesiredValue::Clear)
            } else {
                self.read_scalar(&entry.value, &map.value, role)
            };
            if let Some(desired) = desired {
                entries
                    .push((Box::from(&*entry.key), DesiredNode { span: entry.value.span, value: desired }));
            }
        }
        Some(DesiredValue::Map(entries))
    }

    /// The known keys of a map grow over time at the service, so another one is only a warning.
    fn check_map_key(&mut self, entry: &YamlEntry, map: &MapType, role: ValueContext) {
        if map.keys.is_empty() || map.keys.iter().any(|(known, _)| **known == *entry.key) {
            return;
        }
        let message = if role.sensitivity == Sensitivity::Public {
            format!("`{}` is not known to have a key `{}`", role.name, escape_for_message(&entry.key))
        } else {
            self.redact_span(entry.key_span);
            format!("`{}` is not known to have this key", role.name)
        };
        let mut fault = Diagnostic::warning("unknown-map-key", message);
        fault.hint = suggest_word(&entry.key, map.keys.iter().map(|(known, _)| &**known));
        self.add_diagnostic(entry.key_span, fault);
    }

    fn read_list(&mut self, node: &YamlNode, list: &ArrayType, role: ValueContext) -> Option<DesiredValue> {
        let YamlData::Sequence(nodes) = &node.data else {
            if self.defers_edits(node) {
                return None;
            }
            let wanted = if list.keyed_members.is_some() { "a list of entries" } else { "a list" };
            self.report_wrong_type(node, role.name, wanted);
            return None;
        };
        if nodes.is_empty() && !self.check_emptied_list(node.span, list, role.name) {
            return None;
        }
        let mut items = Vec::with_capacity(nodes.len());
        let mut unsure = Vec::new();
        for node in nodes {
            if let Some(desired) = self.read_item(node, &list.item, role) {
                let item = DesiredNode { span: node.span, value: desired };
                if !list_keys::has_readable_keys(list, &item, |name| node.get_value(name).is_some()) {
                    unsure.push(items.len());
                }
                items.push(item);
            }
        }
        let sure = items.iter().enumerate().filter(|(at, _)| unsure.binary_search(at).is_err());
        list_keys::check_items(self, &sure.map(|(_, item)| item).collect::<Vec<_>>(), list, role.name);
        Some(DesiredValue::List(items))
    }

    /// Whether a list can be emptied: where the service keeps what a list does not name, nothing may do it.
    fn check_emptied_list(&mut self, span: SourceSpan, list: &ArrayType, name: &str) -> bool {
        if list.can_be_emptied() {
            return true;
        }
        let message =
            format!("the service keeps what `{name}` does not list, so an empty list deletes nothing");
        let hint = format!("remove `{name}` to leave it unmanaged, or list the items that are to be there");
        self.add_diagnostic(span, Diagnostic::error("cannot-clear", message).with_hint(hint));
        false
    }

    pub(super) fn read_item(
        &mut self,
        node: &YamlNode,
        item: &ItemType,
        role: ValueContext,
    ) -> Option<DesiredValue> {
        match item {
            ItemType::Scalar(scalar_type) if !node.is_null() || *scalar_type == ScalarType::Any => {
                self.read_scalar(node, scalar_type, role)
            }
            ItemType::Object(shape) if matches!(node.data, YamlData::Mapping(_)) => {
                Some(self.read_object(node, shape, role.sensitivity))
            }
            _ => {
                let wanted = if matches!(item, ItemType::Scalar(_)) { "a value" } else { "a mapping" };
                self.redact_span(node.span);
                let message =
                    format!("each item of `{}` is {wanted}, this is {}", role.name, node.describe_type());
                self.add_diagnostic(
                    node.span,
                    Diagnostic::error("wrong-type", message).with_hint("write the item or take it out"),
                );
                None
            }
        }
    }
}

/// Reads a node as a value; what does not fit is a fault that never repeats it.
pub fn parse_scalar(
    reading: &mut SourceReader,
    node: &YamlNode,
    scalar_type: &ScalarType,
    name: &str,
) -> Option<Value> {
    let YamlData::Scalar { text, plain: bare } = &node.data else {
        if *scalar_type == ScalarType::Any {
            return Some(read_any(node));
        }
        reading.report_wrong_type(node, name, scalar_type.describe_type());
        return None;
    };
    if node.is_null() && *scalar_type != ScalarType::Any {
        reading.report_wrong_type(node, name, scalar_type.describe_type());
        return None;
    }
    if text.len() > MAX_TEXT {
        let message = format!("`{name}` is longer than {MAX_TEXT} bytes");
        reading.add_diagnostic(node.span, Diagnostic::error("wrong-value", message).with_hint("shorten it"));
        return None;
    }
    match scalar_type.read_token(if *bare { ScalarToken::Plain(text) } else { ScalarToken::String(text) }) {
        Ok(value) => {
            reading.check_enum_value(node, scalar_type, &value, name);
            Some(value)
        }
        Err(mismatch) => {
            reading.add_diagnostic(node.span, diagnose_mismatch(name, scalar_type, mismatch));
            None
        }
    }
}

/// The fault of a scalar that does not fit its field.
pub fn diagnose_mismatch(name: &str, scalar_type: &ScalarType, mismatch: ScalarMismatch) -> Diagnostic {
    let fault = Diagnostic::error("wrong-value", format!("`{name}`: {}", mismatch.message));
    fault.with_hint(mismatch.hint.unwrap_or_else(|| format!("write {}", scalar_type.describe_type())))
}

/// The fault of a mask where a value is to be.
pub fn diagnose_mask(name: &str, what: &str) -> Diagnostic {
    Diagnostic::error("masked-value", format!("`{name}`: {what} a mask, not the value that it hides"))
        .with_hint("write the value itself, or leave the field out")
}

impl SourceReader<'_> {
    /// An open choice may have other values than the listed ones; a slip of the pen looks just like one.
    fn check_enum_value(&mut self, node: &YamlNode, scalar_type: &ScalarType, value: &Value, name: &str) {
        let (ScalarType::Enum { values: choices, .. }, Some(text)) = (scalar_type, value.as_str()) else {
            return;
        };
        if choices.iter().any(|(choice, _)| **choice == *text) {
            return;
        }
        let message = format!("`{name}` is not known to take this value");
        let mut fault = Diagnostic::warning("unknown-enum-value", message);
        fault.hint = suggest_word(text, choices.iter().map(|(choice, _)| &**choice));
        self.add_diagnostic(node.span, fault);
    }
}

/// A free-form value as the tree that stands there.
fn read_any(node: &YamlNode) -> Value {
    match &node.data {
        _ if node.is_null() => Value::Null,
        YamlData::Scalar { text, plain: bare } => {
            let token = if *bare { ScalarToken::Plain(text) } else { ScalarToken::String(text) };
            ScalarType::Any.read_token(token).unwrap_or(Value::Null)
        }
        YamlData::Sequence(items) => Value::Array(items.iter().map(read_any).collect()),
        YamlData::Mapping(entries) => {
            Value::Map(entries.iter().map(|entry| (Box::from(&*entry.key), read_any(&entry.value))).collect())
        }
    }
}

fn is_read_only(field: &Field) -> bool {
    field.copy_of.is_some() || (field.behavior.read_only && !field.behavior.identifier)
}

/// The field of that name; documents mostly follow the order of the shape, so the search starts at `next`.
fn find_field<'s>(shape: &'s Shape, name: &str, next: usize) -> Option<&'s Field> {
    let (before, after) = shape.fields.split_at(next.min(shape.fields.len()));
    after.iter().chain(before).find(|field| &*field.name == name)
}
