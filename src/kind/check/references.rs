//! What a field says about other things: copies, references, bounds that stand in live data, protection.
//!
//! Names are resolved against the file, so that a broken field does not hide the faults of those that name it.
//! Deliberately absent: looking anything up; that needs a service.

use std::sync::Arc;

use super::fields::FieldPosition;
use super::keywords::{get_inner_fields, get_item_fields, render_type_name};
use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{FieldFile, OrderedMap, ReferenceFile, ReferenceSourceFile};
use crate::kind::{CopySource, FieldLimits, FieldReference, FieldType, ReferenceSource};
use crate::value::Value;

impl KindChecker<'_> {
    /// The source of a copy: a scope parameter, else a root field.
    pub(super) fn resolve_copy_source(
        &mut self,
        context: &CheckContext,
        beside: &FieldPosition,
        file: &FieldFile,
        yaml_path: YamlPath,
    ) -> Option<Option<CopySource>> {
        let Some(name) = &file.copy_of else { return Some(None) };
        let yaml_path = yaml_path.select_key("copy_of");
        let (source, ty) = match context.scope.iter().find(|scope| *scope.name == **name) {
            Some(scope) => (CopySource::Scope(Arc::clone(&scope.name)), scope.ty.type_name()),
            None => {
                let at = context.root.0.iter().position(|(own, _)| own == name);
                let Some(at) = at else {
                    let known = context.root.0.iter().map(|(own, _)| own.as_str());
                    let known = known.chain(context.scope.iter().map(|scope| &*scope.name));
                    self.report_unknown_name(
                        yaml_path,
                        "scope parameter or field",
                        name,
                        known.collect::<Vec<_>>(),
                    );
                    return None;
                };
                let (_, field) = &context.root.0[at];
                if std::ptr::eq(context.root, beside.siblings) && at == usize::from(beside.number) {
                    self.report_error(yaml_path, "contradiction", "a field can't be a copy of itself");
                }
                (CopySource::Field(u16::try_from(at).ok()?), render_type_name(field.ty))
            }
        };
        if ty != render_type_name(file.ty) {
            let message = format!(
                "a field of type `{}` can't be a copy of one of type `{ty}`",
                render_type_name(file.ty)
            );
            self.report_error(yaml_path, "word-does-not-fit", message);
        }
        Some(Some(source))
    }

    pub(super) fn resolve_reference(
        &mut self,
        context: &CheckContext,
        field: &FieldFile,
        yaml_path: YamlPath,
    ) -> Option<Option<FieldReference>> {
        let Some(file) = &field.reference else { return Some(None) };
        self.require_text(yaml_path, "id", &file.id);
        if file.source.is_none() && !file.by.is_empty() {
            let message = "`by` needs `source`, where the things with that name are";
            self.report_error(yaml_path.select_key("by"), "missing-word", message);
        }
        let source = match &file.source {
            None => None,
            Some(_) => Some(self.resolve_reference_source(context, field, file, yaml_path)?),
        };
        let by = file.by.iter().map(|name| name.as_str().into()).collect();
        Some(Some(FieldReference { id: file.id.as_str().into(), by, source }))
    }

    fn resolve_reference_source(
        &mut self,
        context: &CheckContext,
        field: &FieldFile,
        file: &ReferenceFile,
        yaml_path: YamlPath,
    ) -> Option<ReferenceSource> {
        let value_type = field.items.as_ref().and_then(|item| item.ty).unwrap_or(field.ty);
        let source = file.source.as_ref()?;
        let place = yaml_path.select_key("source");
        match source {
            ReferenceSourceFile::Field(name) => {
                let (number, field) = self.find_root_field(context, place.select_key("field"), name)?;
                let Some(fields) = get_item_fields(field) else {
                    let message = format!("`{name}` is not a list of objects");
                    self.report_error(place.select_key("field"), "word-does-not-fit", message);
                    return None;
                };
                let (_, id) = self.find_field(yaml_path.select_key("id"), fields, &file.id)?;
                if id.ty != value_type {
                    let (own, other) = (render_type_name(value_type), render_type_name(id.ty));
                    let message = format!("the id `{}` is of type `{other}`, not `{own}`", file.id);
                    self.report_error(yaml_path, "word-does-not-fit", message);
                }
                for (at, name) in file.by.iter().enumerate() {
                    self.find_field(yaml_path.select_key("by").select_item(at), fields, name)?;
                }
                Some(ReferenceSource::Field(number))
            }
            ReferenceSourceFile::UrlIn(member) => {
                self.require_text(place, "url_in", member);
                Some(ReferenceSource::UrlIn(member.as_str().into()))
            }
            ReferenceSourceFile::List(list) => {
                self.check_list_operation(context, None, place.select_key("list"), list);
                Some(ReferenceSource::List(list.clone()))
            }
            ReferenceSourceFile::Kind(kind) => {
                if !context.kinds.contains(kind) {
                    self.report_unknown_name(
                        place.select_key("kind"),
                        "kind",
                        kind,
                        context.kinds.iter().map(String::as_str),
                    );
                }
                if !file.by.is_empty() {
                    let message =
                        "a document names an object of a kind as `{ ref: name }`, so `by` says nothing";
                    self.report_error(yaml_path.select_key("by"), "contradiction", message);
                }
                Some(ReferenceSource::Kind(kind.as_str().into()))
            }
        }
    }

    pub(super) fn resolve_field_limits(
        &mut self,
        context: &CheckContext,
        beside: &FieldPosition,
        field: &FieldFile,
        yaml_path: YamlPath,
    ) -> Option<Option<FieldLimits>> {
        let Some(file) = &field.limits_from else { return Some(None) };
        let place = yaml_path.select_key("reference");
        let (reference_field, field) = self.find_field(place, beside.siblings, &file.reference)?;
        let source = field.reference.as_ref().and_then(|reference| reference.source.as_ref());
        let Some(ReferenceSourceFile::Field(root)) = source else {
            let message = format!("`{}` does not refer to the items of a field", file.reference);
            self.report_error(place, "contradiction", message);
            return None;
        };
        let (_, root) = context.root.0.iter().find(|(name, _)| name == root)?;
        let fields = get_item_fields(root)?;
        let max_length = match &file.max_length {
            Some(name) => Some(self.find_field(yaml_path.select_key("max_length"), fields, name)?.0),
            None => None,
        };
        let allowed_values = match &file.values {
            Some(dotted) => self.resolve_list_path(yaml_path.select_key("enum"), fields, dotted)?,
            None => Vec::new(),
        };
        Some(Some(FieldLimits { reference_field, max_length, allowed_values }))
    }

    /// A path that may lead over lists of objects.
    fn resolve_list_path(
        &mut self,
        yaml_path: YamlPath,
        fields: &OrderedMap<FieldFile>,
        dotted: &str,
    ) -> Option<Vec<u16>> {
        let (mut fields, mut path) = (Some(fields), Vec::new());
        for name in dotted.split('.') {
            let Some(here) = fields else {
                self.report_error(yaml_path, "unknown-name", format!("a scalar has no field `{name}`"));
                return None;
            };
            let (number, field) = self.find_field(yaml_path, here, name)?;
            path.push(number);
            fields = get_inner_fields(field).or_else(|| get_item_fields(field));
        }
        Some(path)
    }

    pub(super) fn resolve_protection_levels(
        &mut self,
        file: &FieldFile,
        ty: &FieldType,
        yaml_path: YamlPath,
    ) -> Option<Vec<Value>> {
        let levels = file.protection_levels.as_ref()?;
        let FieldType::Scalar(scalar) = ty else { return None };
        let yaml_path = yaml_path.select_key("protection_levels");
        let read = levels
            .iter()
            .enumerate()
            .map(|(at, level)| self.read_scalar(yaml_path.select_item(at), scalar, level));
        Some(read.flatten().collect())
    }
}
