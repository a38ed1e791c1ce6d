//! Fields: who may write them and when, how they are marked, named, cleared, and what their absence means.
//!
//! What a container says of itself goes down to what is inside: its mark, and that the service sets it.
//! Deliberately absent: the tables of `words`, the making of `types`, and `references` to other things.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::file::{
    AbsenceRuleFile, ClearValueFile, FieldBehaviorFile, FieldFile, OrderedMap, SensitivityFile, TypeName,
};
use super::super::{AbsenceRule, ClearValue, Field, FieldBehavior, FieldType};
use super::keywords::{
    EXCLUSIVE_BEHAVIORS, can_clear_with, list_keyword_types, list_required_keywords, render_behavior,
    render_type_name, resolve_comparison_rule,
};
use super::{CheckContext, KindChecker, YamlPath};
use crate::value::Sensitivity;

/// How many fields one object may have.
const MAX_FIELDS: usize = 1000;

/// What the containers of a field hand down to it.
#[derive(Clone, Default)]
pub(super) struct InheritedBehavior {
    pub sensitivity: Sensitivity,
    pub read_only: bool,
}

impl KindChecker<'_> {
    /// The fields of an object; none when any of them is broken.
    pub(super) fn resolve_root_fields(
        &mut self,
        scene: &CheckContext,
        fields: &OrderedMap<FieldFile>,
        spot: YamlPath,
    ) -> Option<Vec<Field>> {
        self.resolve_object_fields(scene, fields, spot, &InheritedBehavior::default())
    }

    pub(super) fn resolve_object_fields(
        &mut self,
        scene: &CheckContext,
        fields: &OrderedMap<FieldFile>,
        spot: YamlPath,
        above: &InheritedBehavior,
    ) -> Option<Vec<Field>> {
        if fields.0.is_empty() || fields.0.len() > MAX_FIELDS {
            let message = format!("an object has 1 to {MAX_FIELDS} fields, this one has {}", fields.0.len());
            self.report_error(spot, "wrong-number", message);
            return None;
        }
        self.check_member_clashes(scene, fields, spot);
        let mut made = Vec::with_capacity(fields.0.len());
        for (number, (name, file)) in (0..).zip(&fields.0) {
            let place = FieldPosition { siblings: fields, number, name };
            made.extend(self.resolve_field(scene, &place, file, spot.select_key(name), above));
        }
        (made.len() == fields.0.len()).then_some(made)
    }

    /// Two fields that would be read from, or written to, one member.
    fn check_member_clashes(&mut self, scene: &CheckContext, fields: &OrderedMap<FieldFile>, spot: YamlPath) {
        let (mut read, mut written) = (BTreeMap::new(), BTreeMap::new());
        for (name, file) in &fields.0 {
            let access = file.access.to_vec();
            let as_read = file.read_as.as_deref().unwrap_or(name);
            let as_written = file.written_as.as_deref().unwrap_or(name);
            let reads = !access.contains(&FieldBehaviorFile::WriteOnly);
            let writes = file.sent.is_none();
            let other = reads.then(|| read.insert(scene.normalize_name(as_read), name)).flatten();
            let other =
                other.or(writes.then(|| written.insert(scene.normalize_name(as_written), name)).flatten());
            let through = file.removals.as_ref().map(|removals| scene.normalize_name(&removals.through));
            let other = other.or(through.and_then(|through| written.insert(through, name)));
            if let Some(other) = other {
                let message = format!("`{name}` and `{other}` stand in the same member");
                self.report_error(spot.select_key(name), "duplicate-name", message);
            }
        }
    }

    fn resolve_field(
        &mut self,
        scene: &CheckContext,
        beside: &FieldPosition,
        file: &FieldFile,
        spot: YamlPath,
        above: &InheritedBehavior,
    ) -> Option<Field> {
        self.require_text(spot, "is", &file.is);
        let words = self.check_keywords(file, spot);
        let mark = self.resolve_sensitivity(file, spot).max(above.sensitivity);
        let access = self.resolve_behavior(file, spot, above);
        let ty = self.resolve_field_type(
            scene,
            file,
            spot,
            &InheritedBehavior { sensitivity: mark, read_only: access.read_only },
        );
        let absent = self.resolve_absence_rule(file, spot);
        let clear = self.resolve_clear_value(scene, file, access, spot);
        let copy_of = self.resolve_copy_source(scene, beside, file, spot);
        let refers_to = self.resolve_reference(scene, file.refers_to.as_ref(), spot.select_key("refers_to"));
        let bounded_by =
            self.resolve_field_limits(scene, beside, file.bounded_by.as_ref(), spot.select_key("bounded_by"));
        let names = self.resolve_member_names(beside.name, file, spot);
        let ty = ty?;
        let protection = self.resolve_protection_levels(file, &ty, spot);
        self.check_field_example(file, &ty, mark, spot);
        let (read_as, written_as) = names?;
        words.then_some(Field {
            number: beside.number,
            name: beside.name.into(),
            read_from: read_as,
            write_to: written_as,
            ty,
            description: file.is.clone(),
            behavior: access,
            sensitivity: mark,
            when_absent: absent,
            clear_with: clear,
            compare: resolve_comparison_rule(file.compare),
            copy_of: copy_of?,
            omit_from_writes: file.sent.is_some(),
            omit_from_import: file.imported.is_some(),
            reference: refers_to?,
            limits_from: bounded_by?,
            protection_levels: protection,
            example: file.example.clone(),
            source: file.source.clone(),
        })
    }

    fn check_keywords(&mut self, file: &FieldFile, spot: YamlPath) -> bool {
        let before = self.diagnostics.len();
        for (word, there, types) in list_keyword_types(file) {
            if there && !types.contains(&file.ty) {
                let fits: Vec<_> = types.iter().map(|ty| format!("`{}`", render_type_name(*ty))).collect();
                let message = format!("`{word}` does not fit the type `{}`", render_type_name(file.ty));
                let hint = format!("it fits {}", fits.join(", "));
                self.report_error_with_hint(spot.select_key(word), "word-does-not-fit", message, &hint);
            }
        }
        for (word, there, hint) in list_required_keywords(file) {
            if !there {
                let message = format!("a field of type `{}` needs `{word}`", render_type_name(file.ty));
                self.report_error_with_hint(spot, "missing-word", message, hint);
            }
        }
        self.diagnostics.len() == before
    }

    fn resolve_sensitivity(&mut self, file: &FieldFile, spot: YamlPath) -> Sensitivity {
        match file.mark {
            None => Sensitivity::Public,
            Some(SensitivityFile::Sensitive) => Sensitivity::Internal,
            Some(SensitivityFile::Personal) => Sensitivity::Personal,
            Some(SensitivityFile::Secret) => {
                if file.ty != TypeName::Text {
                    self.report_error(
                        spot.select_key("mark"),
                        "word-does-not-fit",
                        "only a `text` can be a secret",
                    );
                }
                Sensitivity::Secret
            }
        }
    }

    fn resolve_behavior(
        &mut self,
        file: &FieldFile,
        spot: YamlPath,
        above: &InheritedBehavior,
    ) -> FieldBehavior {
        let words = file.access.to_vec();
        let has = |word| words.contains(&word);
        for (one, other) in EXCLUSIVE_BEHAVIORS {
            if has(*one) && has(*other) {
                let message = format!(
                    "`{}` and `{}` contradict each other",
                    render_behavior(*one),
                    render_behavior(*other)
                );
                self.report_error(spot.select_key("access"), "contradiction", message);
            }
        }
        if words.iter().enumerate().any(|(at, word)| words[..at].contains(word)) {
            self.report_error(spot.select_key("access"), "duplicate-name", "a word stands twice");
        }
        if file.copy_of.is_some() && !words.is_empty() {
            let message = "nobody writes a copy, so it needs no `access`";
            self.report_error(spot.select_key("access"), "contradiction", message);
        }
        if above.read_only && words.iter().any(|word| *word != FieldBehaviorFile::Computed) {
            let message = "what stands in a computed field is computed too";
            self.report_error(spot.select_key("access"), "contradiction", message);
        }
        let computed = has(FieldBehaviorFile::Computed) || file.copy_of.is_some() || above.read_only;
        self.check_behavior_conflicts(file, spot, computed, has(FieldBehaviorFile::WriteOnly));
        FieldBehavior {
            required: has(FieldBehaviorFile::Required),
            read_only: computed,
            immutable: has(FieldBehaviorFile::CreateOnly),
            update_only: has(FieldBehaviorFile::UpdateOnly),
            write_only: has(FieldBehaviorFile::WriteOnly),
            identifier: false,
        }
    }

    fn check_behavior_conflicts(
        &mut self,
        file: &FieldFile,
        spot: YamlPath,
        computed: bool,
        write_only: bool,
    ) {
        if file.sent.is_some() && !computed {
            let message = "a field that is never sent is `computed`";
            self.report_error(spot.select_key("sent"), "contradiction", message);
        }
        if file.sent.is_some() && (file.copy_of.is_some() || file.written_as.is_some()) {
            let message = "a field that is never sent is neither copied nor written";
            self.report_error(spot.select_key("sent"), "contradiction", message);
        }
        if write_only && file.read_as.is_some() {
            self.report_error(
                spot.select_key("read_as"),
                "contradiction",
                "a field that never reads back has no name to read",
            );
        }
        if write_only && file.absent.is_some() {
            self.report_error(
                spot.select_key("absent"),
                "contradiction",
                "a field that never reads back is always absent",
            );
        }
    }

    fn resolve_member_names(
        &mut self,
        name: &str,
        file: &FieldFile,
        spot: YamlPath,
    ) -> Option<(Vec<Arc<str>>, Arc<str>)> {
        let read_as: Vec<Arc<str>> = file
            .read_as
            .as_deref()
            .map_or_else(|| vec![name.into()], |dotted| dotted.split('.').map(Into::into).collect());
        let written_as: Arc<str> = file.written_as.as_deref().unwrap_or(name).into();
        let mut sound = true;
        let words =
            [("read_as", read_as.iter().any(|step| step.is_empty())), ("written_as", written_as.is_empty())];
        for (word, empty) in words {
            if empty {
                self.report_error(spot.select_key(word), "empty-text", format!("`{word}` names no member"));
                sound = false;
            }
        }
        if name.is_empty() || name.contains(['.', '/']) {
            self.report_error(
                spot,
                "wrong-name",
                "the name of a field is not empty and has neither dot nor slash",
            );
            sound = false;
        }
        sound.then_some((read_as, written_as))
    }

    fn resolve_absence_rule(&mut self, file: &FieldFile, spot: YamlPath) -> AbsenceRule {
        let zeroless = matches!(file.ty, TypeName::Object | TypeName::Date | TypeName::Time | TypeName::Any);
        match file.absent {
            None | Some(AbsenceRuleFile::Null) => AbsenceRule::Null,
            Some(AbsenceRuleFile::Unknown) => AbsenceRule::Hidden,
            Some(AbsenceRuleFile::Pending) => AbsenceRule::Pending,
            Some(AbsenceRuleFile::Zero) => {
                if zeroless {
                    let message = format!("the type `{}` has no zero", render_type_name(file.ty));
                    self.report_error(spot.select_key("absent"), "word-does-not-fit", message);
                }
                AbsenceRule::Zero
            }
        }
    }

    fn resolve_clear_value(
        &mut self,
        scene: &CheckContext,
        file: &FieldFile,
        access: FieldBehavior,
        spot: YamlPath,
    ) -> ClearValue {
        let fixed = access.required || access.read_only || access.immutable;
        match file.clear {
            Some(word) if fixed && word != ClearValueFile::Never => {
                let message = "nothing clears a field that is required, computed or set on create only";
                self.report_error_with_hint(
                    spot.select_key("clear"),
                    "contradiction",
                    message,
                    "leave `clear` out",
                );
            }
            Some(word) if !can_clear_with(file.ty, word) => {
                let message =
                    format!("a value of type `{}` is not cleared in this way", render_type_name(file.ty));
                self.report_error(spot.select_key("clear"), "word-does-not-fit", message);
            }
            _ => {}
        }
        if fixed {
            return ClearValue::Nothing;
        }
        let usual = match file.ty {
            TypeName::Text | TypeName::Choice => scene.api.clear_with.text,
            TypeName::List | TypeName::Map => ClearValueFile::Empty,
            _ => scene.api.clear_with.other,
        };
        match file.clear.unwrap_or(usual) {
            ClearValueFile::Null => ClearValue::Null,
            ClearValueFile::Empty => ClearValue::Empty,
            ClearValueFile::Zero => ClearValue::Zero,
            ClearValueFile::Never => ClearValue::Nothing,
        }
    }

    fn check_field_example(&mut self, file: &FieldFile, ty: &FieldType, mark: Sensitivity, spot: YamlPath) {
        let Some(example) = file.example.as_ref().filter(|_| !self.is_proven) else { return };
        let spot = spot.select_key("example");
        if mark == Sensitivity::Secret {
            let message = "a secret has no example, because no document holds one";
            self.report_error(spot, "contradiction", message);
        }
        self.check_value(spot, ty, example);
    }
}

/// Where a field stands: among which others, and as the how-manieth.
pub(super) struct FieldPosition<'k> {
    pub siblings: &'k OrderedMap<FieldFile>,
    pub number: u16,
    pub name: &'k str,
}
