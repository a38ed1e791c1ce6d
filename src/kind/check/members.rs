//! Members and objects that no document manages: `ignore_members`, `unknown_members`, `only` and `built_in`.
//!
//! Deliberately absent: what a reading or a write does with them; the shape and the kind answer that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keywords::is_scalar;
use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{KindFile, ListFile, UnknownMembers};
use crate::kind::{ArrayType, Field, FieldType, ItemType, Shape};

impl KindChecker<'_> {
    /// Puts the rules for members that no field describes into the shapes.
    pub(super) fn build_shape(&mut self, yaml_path: YamlPath, file: &KindFile, fields: Vec<Field>) -> Shape {
        let mut shape = Shape::new(fields);
        set_unknown_members(&mut shape, file.unknown_members);
        let yaml_path = yaml_path.select_key("ignore_members");
        for (at, pattern) in file.ignore_members.iter().enumerate() {
            let (path, member) = pattern.rsplit_once('.').unwrap_or(("", pattern));
            let names: Vec<&str> = path.split('.').filter(|name| !name.is_empty()).collect();
            self.ignore_member(yaml_path.select_item(at), &mut shape, &names, member);
        }
        shape
    }

    fn ignore_member(&mut self, yaml_path: YamlPath, shape: &mut Shape, path: &[&str], member: &str) {
        let Some((first, rest)) = path.split_first() else {
            if member.is_empty() {
                self.report_error(yaml_path, "empty-text", "this pattern names no member");
            } else if shape
                .fields
                .iter()
                .any(|field| field.read_from.first().is_some_and(|own| **own == *member))
            {
                let message = format!("`{member}` is a field, so it is not ignored");
                let hint = "remove it from `properties`, or from `ignore_members`";
                self.report_error_with_hint(yaml_path, "contradiction", message, hint);
            } else {
                shape.ignored_members.push(member.into());
            }
            return;
        };
        let names: Vec<Arc<str>> = shape.fields.iter().map(|field| Arc::clone(&field.name)).collect();
        let field = shape.fields.iter_mut().find(|field| *field.name == **first);
        match (field.map(find_inner_shape), names) {
            (Some(Some(inner)), _) => self.ignore_member(yaml_path, inner, rest, member),
            (Some(None), _) => {
                let message = format!("`{first}` has no members of its own");
                self.report_error(yaml_path, "unknown-name", message);
            }
            (None, names) => {
                self.report_unknown_name(yaml_path, "field", first, names.iter().map(|name| &**name))
            }
        }
    }

    pub(super) fn check_list_conditions(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        list: &ListFile,
    ) {
        let scope: Vec<&str> = context.scope.iter().map(|own| &*own.name).collect();
        self.check_object_conditions(context, yaml_path.select_key("only"), &list.only, &scope);
        self.check_object_conditions(context, yaml_path.select_key("built_in"), &list.built_in, &[]);
    }

    /// Conditions on the objects of a list: root fields with the values that they may have.
    fn check_object_conditions(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        conditions: &BTreeMap<String, Vec<String>>,
        scope: &[&str],
    ) {
        for (name, values) in conditions {
            let yaml_path = yaml_path.select_key(name);
            for value in values {
                self.check_parameters(yaml_path, value, scope);
                if value.contains('{') && !is_whole_parameter(value) {
                    let message = format!("a scope parameter is a whole value, and `{value}` holds more");
                    let hint = "write `\"{PARAMETER}\"`";
                    self.report_error_with_hint(yaml_path, "word-does-not-fit", message, hint);
                }
            }
            if values.is_empty() {
                self.report_error(yaml_path, "missing-word", format!("`{name}` lists no value"));
            }
            if let Some((_, field)) = self.find_root_field(context, yaml_path, name)
                && (!is_scalar(field.ty) || field.write_only)
            {
                let message = format!("`{name}` is not a scalar that is returned");
                self.report_error(yaml_path, "word-does-not-fit", message);
            }
        }
    }
}

/// Whether a value is one parameter and nothing else.
fn is_whole_parameter(value: &str) -> bool {
    let inner = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|name| !name.contains(['{', '}']))
}

fn find_inner_shape(field: &mut Field) -> Option<&mut Shape> {
    match &mut field.ty {
        FieldType::Object(inner) | FieldType::Array(ArrayType { item: ItemType::Object(inner), .. }) => {
            Some(Arc::make_mut(inner))
        }
        _ => None,
    }
}

fn set_unknown_members(shape: &mut Shape, rule: UnknownMembers) {
    shape.unknown_members = rule;
    shape.fields.iter_mut().filter_map(find_inner_shape).for_each(|inner| set_unknown_members(inner, rule));
}
