//! Fields: who may write them, their sensitivity, their names, what clears them, and what their absence means.
//!
//! The fields inside a container inherit its sensitivity and `read_only`.
//! Deliberately absent: the tables of `keywords`, types, and references to other things.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keywords::{
    EXCLUSIVE_BEHAVIORS, can_clear_with, list_behavior_keywords, list_keyword_types, list_required_keywords,
    render_type_name,
};
use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{FieldFile, OmittedUse, OrderedMap, SecretReadback, SensitivityFile, TypeName};
use crate::kind::{AbsenceRule, ClearValue, Field, FieldBehavior, FieldType};
use crate::value::Sensitivity;

/// How many fields one object may have.
const MAX_FIELDS: usize = 1000;

/// What a field inherits from its containers.
#[derive(Clone, Default)]
pub(super) struct InheritedBehavior {
    pub sensitivity: Sensitivity,
    pub read_only: bool,
    /// The field with the names of the members that hold the items; no member of an item holds it.
    pub member_name: Option<String>,
}

impl KindChecker<'_> {
    /// The fields of an object; none when one of them is invalid.
    pub(super) fn resolve_root_fields(
        &mut self,
        context: &CheckContext,
        fields: &OrderedMap<FieldFile>,
        yaml_path: YamlPath,
    ) -> Option<Vec<Field>> {
        self.resolve_object_fields(context, fields, yaml_path, &InheritedBehavior::default())
    }

    pub(super) fn resolve_object_fields(
        &mut self,
        context: &CheckContext,
        fields: &OrderedMap<FieldFile>,
        yaml_path: YamlPath,
        above: &InheritedBehavior,
    ) -> Option<Vec<Field>> {
        if fields.0.is_empty() || fields.0.len() > MAX_FIELDS {
            let message = format!("an object has 1 to {MAX_FIELDS} fields, this one has {}", fields.0.len());
            self.report_error(yaml_path, "wrong-number", message);
            return None;
        }
        self.check_member_clashes(context, fields, yaml_path, above);
        let mut made = Vec::with_capacity(fields.0.len());
        for (number, (name, file)) in (0..).zip(&fields.0) {
            let place = FieldPosition { siblings: fields, number, name };
            made.extend(self.resolve_field(context, &place, file, yaml_path.select_key(name), above));
        }
        (made.len() == fields.0.len()).then_some(made)
    }

    /// Two fields that would be read from, or written to, one member.
    fn check_member_clashes(
        &mut self,
        context: &CheckContext,
        fields: &OrderedMap<FieldFile>,
        yaml_path: YamlPath,
        above: &InheritedBehavior,
    ) {
        let (mut read, mut written) = (BTreeMap::new(), BTreeMap::new());
        let has_member = |(name, _): &&(String, FieldFile)| above.member_name.as_ref() != Some(name);
        for (name, file) in fields.0.iter().filter(has_member) {
            let mut taken = Vec::new();
            if !file.write_only {
                let member = context.normalize_name(file.read_from.as_deref().unwrap_or(name));
                taken.push(read.insert(member, name));
            }
            if !file.omit_from.contains(&OmittedUse::Writes) {
                let member = context.normalize_name(file.write_to.as_deref().unwrap_or(name));
                taken.push(written.insert(member, name));
            }
            if let Some(deletion) = &file.delete_items_through {
                taken.push(written.insert(context.normalize_name(&deletion.member), name));
            }
            if let Some(other) = taken.into_iter().flatten().next() {
                let message = format!("`{name}` and `{other}` use the same member");
                self.report_error(yaml_path.select_key(name), "duplicate-name", message);
            }
        }
    }

    fn resolve_field(
        &mut self,
        context: &CheckContext,
        beside: &FieldPosition,
        file: &FieldFile,
        yaml_path: YamlPath,
        above: &InheritedBehavior,
    ) -> Option<Field> {
        self.require_text(yaml_path, "description", &file.description);
        let keywords_fit = self.check_keywords(file, yaml_path);
        let sensitivity = self.resolve_sensitivity(file, yaml_path).max(above.sensitivity);
        let behavior = self.resolve_behavior(file, yaml_path, above);
        self.check_secret_readback(file, yaml_path);
        let below = InheritedBehavior { sensitivity, read_only: behavior.read_only, member_name: None };
        let ty = self.resolve_field_type(context, file, yaml_path, &below);
        self.check_absence_rule(file, yaml_path);
        let clear_with = self.resolve_clear_value(context, file, behavior, yaml_path);
        let copy_of = self.resolve_copy_source(context, beside, file, yaml_path);
        let reference = self.resolve_reference(context, file, yaml_path.select_key("reference"));
        let limits_from =
            self.resolve_field_limits(context, beside, file, yaml_path.select_key("limits_from"));
        let (value_limits, conflicts_with) =
            (self.resolve_value_limits(file, yaml_path), self.resolve_conflicts(beside, file, yaml_path));
        let names = self.resolve_member_names(beside.name, file, yaml_path);
        let ty = ty?;
        let protection_levels = self.resolve_protection_levels(file, &ty, yaml_path);
        self.check_field_example(file, &ty, sensitivity, yaml_path);
        let (read_from, write_to) = names?;
        keywords_fit.then_some(Field {
            number: beside.number,
            name: beside.name.into(),
            read_from,
            write_to,
            ty,
            description: file.description.clone(),
            behavior,
            sensitivity,
            reads_back: file.reads_back,
            masked_as: file.masked_as.iter().map(|text| text.as_str().into()).collect(),
            when_absent: file.when_absent,
            clear_with,
            compare: file.compare,
            copy_of: copy_of?,
            omit_from_writes: file.omit_from.contains(&OmittedUse::Writes),
            omit_from_import: file.omit_from.contains(&OmittedUse::Import),
            reference: reference?,
            limits_from: limits_from?,
            value_limits,
            conflicts_with: conflicts_with?,
            protection_levels,
            example: file.example.clone(),
            source: file.source.clone(),
        })
    }

    fn check_keywords(&mut self, file: &FieldFile, yaml_path: YamlPath) -> bool {
        let before = self.diagnostics.len();
        for (word, present, types) in list_keyword_types(file) {
            if present && !types.contains(&file.ty) {
                let fits: Vec<_> = types.iter().map(|ty| format!("`{}`", render_type_name(*ty))).collect();
                let message = format!("`{word}` does not fit the type `{}`", render_type_name(file.ty));
                let hint = format!("it fits {}", fits.join(", "));
                self.report_error_with_hint(yaml_path.select_key(word), "word-does-not-fit", message, &hint);
            }
        }
        for (word, present, hint) in list_required_keywords(file) {
            if !present {
                let message = format!("a field of type `{}` needs `{word}`", render_type_name(file.ty));
                self.report_error_with_hint(yaml_path, "missing-word", message, hint);
            }
        }
        if file.open_enum && file.values.is_none() {
            let message = "`open_enum` needs `enum`";
            self.report_error(yaml_path.select_key("open_enum"), "missing-word", message);
        }
        self.diagnostics.len() == before
    }

    fn resolve_sensitivity(&mut self, file: &FieldFile, yaml_path: YamlPath) -> Sensitivity {
        match file.sensitivity {
            None => Sensitivity::Public,
            Some(SensitivityFile::Internal) => Sensitivity::Internal,
            Some(SensitivityFile::Personal) => Sensitivity::Personal,
            Some(SensitivityFile::Secret) => {
                if file.ty != TypeName::String || file.values.is_some() {
                    let yaml_path = yaml_path.select_key("sensitivity");
                    self.report_error(yaml_path, "word-does-not-fit", "only a free `string` can be a secret");
                }
                Sensitivity::Secret
            }
        }
    }

    /// What is said of reads belongs to secrets, and says one thing.
    fn check_secret_readback(&mut self, file: &FieldFile, yaml_path: YamlPath) {
        let is_secret = file.sensitivity == Some(SensitivityFile::Secret);
        let (reads, has_masks) = (file.reads_back, !file.masked_as.is_empty());
        let rules = [
            (reads.is_some() && !is_secret, "reads_back", "`reads_back` needs `sensitivity: secret`"),
            (has_masks && !is_secret, "masked_as", "`masked_as` needs `sensitivity: secret`"),
            (
                has_masks && matches!(reads, Some(SecretReadback::Clear | SecretReadback::Never)),
                "masked_as",
                "only a secret with `reads_back: masked` has masks",
            ),
            (
                file.write_only && matches!(reads, Some(SecretReadback::Clear | SecretReadback::Masked)),
                "reads_back",
                "a `write_only` field never comes back",
            ),
        ];
        self.report_contradictions(yaml_path, &rules);
        if file.masked_as.iter().any(|text| text.trim().is_empty()) {
            self.report_error(yaml_path.select_key("masked_as"), "empty-text", "a mask is empty");
        }
    }

    fn resolve_behavior(
        &mut self,
        file: &FieldFile,
        yaml_path: YamlPath,
        above: &InheritedBehavior,
    ) -> FieldBehavior {
        let words = list_behavior_keywords(file);
        let has = |name: &str| words.iter().any(|(word, present)| *present && *word == name);
        for (one, other) in EXCLUSIVE_BEHAVIORS.iter().filter(|(one, other)| has(one) && has(other)) {
            let message = format!("`{one}` and `{other}` exclude each other");
            self.report_error(yaml_path.select_key(other), "contradiction", message);
        }
        for (word, _) in words.iter().filter(|(_, present)| *present) {
            if file.copy_of.is_some() {
                let message = format!("trueup fills in a copy, so `{word}` says nothing");
                self.report_error(yaml_path.select_key(word), "contradiction", message);
            } else if above.read_only && *word != "read_only" {
                let message = "everything inside a read-only field is read-only";
                self.report_error(yaml_path.select_key(word), "contradiction", message);
            }
        }
        let read_only = file.read_only || file.copy_of.is_some() || above.read_only;
        self.check_behavior_conflicts(file, yaml_path, read_only);
        FieldBehavior {
            required: file.required,
            read_only,
            immutable: file.immutable,
            update_only: file.update_only,
            write_only: file.write_only,
            identifier: false,
        }
    }

    fn check_behavior_conflicts(&mut self, file: &FieldFile, yaml_path: YamlPath, read_only: bool) {
        let omitted = file.omit_from.contains(&OmittedUse::Writes);
        let rules = [
            (omitted && !read_only, "omit_from", "a field that writes omit is `read_only`"),
            (
                omitted && (file.copy_of.is_some() || file.write_to.is_some()),
                "omit_from",
                "a field that writes omit is neither copied nor written",
            ),
            (
                file.write_only && file.read_from.is_some(),
                "read_from",
                "a field that is never returned has no member to read",
            ),
            (
                file.write_only && file.when_absent != AbsenceRule::Null,
                "when_absent",
                "a field that is never returned is always absent",
            ),
        ];
        self.report_contradictions(yaml_path, &rules);
    }

    fn resolve_member_names(
        &mut self,
        name: &str,
        file: &FieldFile,
        yaml_path: YamlPath,
    ) -> Option<(Vec<Arc<str>>, Arc<str>)> {
        let dotted = file.read_from.as_deref();
        let read_from: Vec<Arc<str>> = match dotted {
            None => vec![name.into()],
            Some(dotted) => dotted.split('.').map(Into::into).collect(),
        };
        let write_to: Arc<str> = file.write_to.as_deref().unwrap_or(name).into();
        let before = self.diagnostics.len();
        let words =
            [("read_from", read_from.iter().any(|step| step.is_empty())), ("write_to", write_to.is_empty())];
        for (word, _) in words.iter().filter(|(_, empty)| *empty) {
            self.report_error(yaml_path.select_key(word), "empty-text", format!("`{word}` names no member"));
        }
        if write_to.contains('.') {
            let message = "`write_to` names one member, without dots";
            self.report_error(yaml_path.select_key("write_to"), "wrong-name", message);
        }
        if name.is_empty() || name.contains(['.', '/']) {
            let message = "the name of a field is not empty and has neither dot nor slash";
            self.report_error(yaml_path, "wrong-name", message);
        }
        (self.diagnostics.len() == before).then_some((read_from, write_to))
    }

    fn check_absence_rule(&mut self, file: &FieldFile, yaml_path: YamlPath) {
        let has_zero =
            !matches!(file.ty, TypeName::Object | TypeName::Date | TypeName::DateTime | TypeName::Any);
        if file.when_absent == AbsenceRule::Zero && !has_zero {
            let message = format!("the type `{}` has no zero value", render_type_name(file.ty));
            self.report_error(yaml_path.select_key("when_absent"), "word-does-not-fit", message);
        }
    }

    fn resolve_clear_value(
        &mut self,
        context: &CheckContext,
        file: &FieldFile,
        behavior: FieldBehavior,
        yaml_path: YamlPath,
    ) -> ClearValue {
        let fixed = behavior.required || behavior.read_only || behavior.immutable;
        let place = yaml_path.select_key("clear_with");
        match file.clear_with {
            Some(clear) if fixed && clear != ClearValue::Nothing => {
                let message = "nothing clears a field that is required, read-only or immutable";
                self.report_error_with_hint(place, "contradiction", message, "leave `clear_with` out");
            }
            Some(clear) if !can_clear_with(file.ty, clear) => {
                let message =
                    format!("a value of type `{}` is not cleared in this way", render_type_name(file.ty));
                self.report_error(place, "word-does-not-fit", message);
            }
            _ => {}
        }
        if fixed {
            return ClearValue::Nothing;
        }
        file.clear_with.unwrap_or(match file.ty {
            TypeName::String => context.api.clear_with.string,
            TypeName::Array | TypeName::Map => ClearValue::Empty,
            _ => context.api.clear_with.other,
        })
    }

    fn check_field_example(
        &mut self,
        file: &FieldFile,
        ty: &FieldType,
        mark: Sensitivity,
        yaml_path: YamlPath,
    ) {
        let Some(example) = file.example.as_ref().filter(|_| !self.is_proven) else { return };
        let yaml_path = yaml_path.select_key("example");
        if mark == Sensitivity::Secret {
            let message = "a secret has no example, because no document holds one";
            self.report_error(yaml_path, "contradiction", message);
        }
        self.check_value(yaml_path, ty, example);
    }
}

/// The position of a field: its siblings and its number among them.
pub(super) struct FieldPosition<'k> {
    pub siblings: &'k OrderedMap<FieldFile>,
    pub number: u16,
    pub name: &'k str,
}
