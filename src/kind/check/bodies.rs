//! Bodies: the members around an object, encodings, updates with fields of their own, and when an object is gone.
//!
//! Deliberately absent: paths and methods (`operations`).

use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{
    BodyEncoding, DeleteFile, DeletedWhenFile, FieldFile, IfMatchFile, NestedGranularity, OperationsFile,
    PendingUntilFile, TypeName, WireFormat, WriteBody, WriteFile,
};
use crate::kind::{FieldCondition, IfMatchSource, ReadyCondition};

impl KindChecker<'_> {
    /// The words around a body.
    pub(super) fn check_body_words(&mut self, context: &CheckContext, yaml_path: YamlPath, file: &WriteFile) {
        let members = [("request_member", &file.request_member), ("response_member", &file.response_member)];
        for (word, member) in members {
            self.check_member_path(yaml_path, word, member.as_deref());
        }
        self.check_fixed_query(yaml_path.select_key("query"), file.query.keys());
        if file.encoding == BodyEncoding::Default {
            return;
        }
        let only_json = context.api.formats == [WireFormat::Json];
        let merges = file.encoding == BodyEncoding::MergePatch;
        let patches = file.encoding == BodyEncoding::JsonPatch;
        let whole =
            file.nested_fields.as_ref().is_some_and(|nested| nested.granularity == NestedGranularity::Whole);
        let rules = [
            (!only_json, "encoding", "an encoding of its own needs an API with `formats: [json]`"),
            (merges && file.body != WriteBody::Changes, "encoding", "`merge_patch` needs `body: changes`"),
            (patches && file.body != WriteBody::Changes, "encoding", "`json_patch` needs `body: changes`"),
            (patches && file.request_member.is_some(), "request_member", "a JSON Patch is inside no member"),
            (
                patches && file.nested_fields.is_some() && !whole,
                "encoding",
                "a JSON Patch sets whole fields, so it needs `granularity: whole`",
            ),
            (
                merges && whole,
                "encoding",
                "a merge patch merges objects and maps, so it needs `granularity: members`",
            ),
        ];
        self.report_contradictions(yaml_path, &rules);
    }

    pub(super) fn check_member_path(&mut self, yaml_path: YamlPath, word: &str, path: Option<&str>) {
        let Some(path) = path else { return };
        let path = path.strip_suffix("[]").unwrap_or(path);
        if path.split('.').any(|name| name.trim().is_empty()) {
            let message = format!("`{word}` names no member");
            self.report_error(yaml_path.select_key(word), "empty-text", message);
        }
    }

    /// A fixed query: its parameters have names.
    pub(super) fn check_fixed_query<'q>(
        &mut self,
        yaml_path: YamlPath,
        names: impl Iterator<Item = &'q String>,
    ) {
        if names.into_iter().any(|name| name.trim().is_empty()) {
            self.report_error(yaml_path, "empty-text", "a query parameter has no name");
        }
    }

    pub(super) fn check_delete_body(&mut self, yaml_path: YamlPath, delete: &DeleteFile) {
        self.check_fixed_query(yaml_path.select_key("query"), delete.query.keys());
        if delete.body.as_ref().is_some_and(|body| !body.is_object()) {
            self.report_error(yaml_path.select_key("body"), "word-does-not-fit", "`body` is not an object");
        }
    }

    /// When a written object is ready.
    pub(super) fn resolve_ready_condition(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: Option<&PendingUntilFile>,
    ) -> Option<ReadyCondition> {
        let file = file?;
        if file.values.is_empty() {
            self.report_error(yaml_path.select_key("values"), "missing-word", "`values` lists no value");
        }
        if let Some(value) = file.failed.iter().find(|value| file.values.contains(value)) {
            let message = format!("`{value}` means both that the object is ready and that it never will be");
            self.report_error(yaml_path.select_key("failed"), "contradiction", message);
        }
        let place = yaml_path.select_key("field");
        let (field, found) = self.find_root_field(context, place, &file.field)?;
        if !matches!(found.ty, TypeName::String | TypeName::Boolean) || !found.read_only {
            let message = format!("`{}` is not a `string` or `boolean` that the service sets", file.field);
            let hint = "add `read_only: true` to the field";
            self.report_error_with_hint(place, "word-does-not-fit", message, hint);
        }
        self.check_known_values(yaml_path.select_key("values"), found, &file.values);
        self.check_known_values(yaml_path.select_key("failed"), found, &file.failed);
        let texts = |values: &[String]| values.iter().map(|value| value.as_str().into()).collect();
        Some(ReadyCondition { field, ready: texts(&file.values), failed: texts(&file.failed) })
    }

    /// Values that a field can have: those of its `enum`, or of a boolean.
    pub(super) fn check_known_values(&mut self, yaml_path: YamlPath, field: &FieldFile, values: &[String]) {
        let known: Vec<&str> = match (&field.values, field.ty) {
            (_, TypeName::Boolean) => vec!["true", "false"],
            (Some(listed), _) if !field.open_enum => {
                listed.0.iter().map(|(value, _)| value.as_str()).collect()
            }
            _ => return,
        };
        for (at, value) in values.iter().enumerate() {
            if !known.contains(&value.as_str()) {
                let place = yaml_path.select_item(at);
                self.report_unknown_name(place, "value", value, known.iter().copied());
            }
        }
    }

    /// The fields of each update: every field belongs to one operation.
    pub(super) fn resolve_update_fields(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: &OperationsFile,
    ) -> Vec<Vec<u16>> {
        let mut all: Vec<Vec<u16>> = Vec::new();
        for (at, update) in file.updates.iter().enumerate() {
            let place = yaml_path.select_key("updates").select_item(at);
            let mut own = Vec::new();
            if update.fields.is_empty() {
                let message = "each of several updates names its `fields`";
                self.report_error(place, "missing-word", message);
            }
            for (index, name) in update.fields.iter().enumerate() {
                let place = place.select_key("fields").select_item(index);
                let Some((number, field)) = self.find_root_field(context, place, name) else { continue };
                if field.read_only || field.immutable {
                    let message = format!("`{name}` is never updated");
                    self.report_error(place, "word-does-not-fit", message);
                }
                if own.contains(&number) || all.iter().any(|other| other.contains(&number)) {
                    let message = format!("`{name}` belongs to two updates");
                    self.report_error(place, "duplicate-name", message);
                }
                own.push(number);
            }
            all.push(own);
        }
        let misplaced = [("create", &file.create), ("update", &file.update), ("replace", &file.replace)];
        for (word, write) in misplaced {
            if write.as_ref().is_some_and(|write| !write.fields.is_empty()) {
                let place = yaml_path.select_key(word).select_key("fields");
                self.report_error(place, "contradiction", "`fields` belongs to `updates`");
            }
        }
        all
    }

    /// What tells one state of an object from the next must be known of each object that is written.
    pub(super) fn resolve_if_match(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: &OperationsFile,
    ) -> Option<IfMatchSource> {
        let word = file.if_match.as_ref()?;
        let place = yaml_path.select_key("if_match");
        if file.update.is_none() && file.replace.is_none() && file.delete.is_none() {
            self.report_error(place, "contradiction", "nothing here changes or deletes an object");
        }
        match word {
            IfMatchFile::Etag => {
                if file.get.as_ref().is_none_or(|get| get.get.is_none()) {
                    let message = "no path reads one object, and only such a read answers its `ETag`";
                    self.report_error_with_hint(place, "contradiction", message, "add `get: { get: PATH }`");
                }
                Some(IfMatchSource::Etag)
            }
            IfMatchFile::Field(name) => {
                let place = place.select_key("field");
                let (number, field) = self.find_root_field(context, place, name)?;
                let moving = [TypeName::Integer, TypeName::String, TypeName::Uuid, TypeName::DateTime];
                if !moving.contains(&field.ty) || !field.read_only || field.sensitivity.is_some() {
                    let message = format!("`{name}` is not a public field that only the service sets");
                    let hint =
                        "it is an integer, string, uuid or datetime, `read_only`, without `sensitivity`";
                    self.report_error_with_hint(place, "word-does-not-fit", message, hint);
                }
                Some(IfMatchSource::Field(number))
            }
        }
    }

    pub(super) fn resolve_deleted_condition(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: Option<&DeletedWhenFile>,
    ) -> Option<FieldCondition> {
        let file = file?;
        let (field, found) = self.find_root_field(context, yaml_path.select_key("field"), &file.field)?;
        let types = [TypeName::String, TypeName::Boolean, TypeName::Integer, TypeName::DateTime];
        if !types.contains(&found.ty) || found.write_only || found.sensitivity.is_some() {
            let message =
                "`deleted_when` needs a public string, boolean, integer or datetime that reads return";
            self.report_error(yaml_path.select_key("field"), "word-does-not-fit", message);
        }
        Some(FieldCondition {
            field,
            values: file.values.iter().map(|value| value.as_str().into()).collect(),
        })
    }
}
