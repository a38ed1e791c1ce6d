//! From what was typed ([`KindFile`], [`ApiFile`]) to what is meant ([`Kind`], [`Api`]).
//!
//! The only door: names become field numbers here, words that contradict each other or do not fit a type are
//! refused, and every fault is found, each at its line. What comes out cannot be in an illegal state.
//! Deliberately absent: reading of files and of YAML structure; `read` has done that before.

mod api;
mod bodies;
mod cleared_items;
mod examples;
mod fields;
mod identity;
mod identity_names;
mod keyed_members;
mod keywords;
mod limits;
mod lists;
mod members;
mod operations;
mod paging;
mod parents;
mod references;
mod replacement;
mod types;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;

use identity_names::IdentityNames;

use super::file::{ApiFile, FieldFile, HistoryFile, KindFile, OrderedMap, PendingWhenFile, TypeName};
use super::{
    Api, FieldCondition, FieldType, HistoryFields, Kind, KindIdentity, MemberNameCase, ScopeParameter,
};
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan, has_errors, suggest_word};
use crate::yaml::{YamlData, YamlNode};

/// The version of the format that this program reads.
const FORMAT_VERSION: u32 = 1;

/// A description as it was read: its tree and where that came from.
pub struct CheckInput<'p> {
    /// None where it was read when the program was made, and judged to the last sample.
    pub node: Option<&'p YamlNode<'p>>,
    pub source: &'p Arc<NamedSource>,
    /// Every kind that can be referred to, as `api/kind`.
    pub kinds: &'p [String],
}

/// The plainest API of a name: by it a kind is judged when its own API is broken.
pub(super) fn build_placeholder_api(name: &str) -> Api {
    Api {
        name: name.into(),
        title: String::new(),
        description: String::new(),
        source: None,
        base_url: None,
        hosts: Vec::new(),
        formats: vec![super::WireFormat::Json],
        member_names: MemberNameCase::default(),
        uuid_format: super::UuidFormat::default(),
        auth: Vec::new(),
        auth_headers: Vec::new(),
        oauth: None,
        login: None,
        headers: Vec::new(),
        idempotency_header: None,
        operation_status: None,
        clear_with: super::file::ClearDefaultsFile::default(),
        errors: super::file::ErrorsFile::default(),
        limits: super::file::LimitsFile::default(),
    }
}

/// Checks what was typed about an API called `name`.
pub fn check_api(page: &CheckInput, name: &str, file: ApiFile, faults: &mut Vec<Diagnostic>) -> Option<Api> {
    let mut checker = KindChecker::new(page);
    checker.check_common_keys(page.root_path(), file.format, &file.title, &file.description);
    checker.check_api_file(page.root_path(), &file);
    checker.finish_check(faults).then(|| api::build_api(name, file))
}

/// Checks what was typed about a kind of `api`; `name` is the kind's own part of its name.
pub fn check_kind(
    page: &CheckInput,
    api: &Arc<Api>,
    name: &str,
    mut file: KindFile,
    faults: &mut Vec<Diagnostic>,
) -> Option<Kind> {
    let mut checker = KindChecker::new(page);
    let root = page.root_path();
    let names = IdentityNames::from_file(&mut file);
    checker.check_common_keys(root, file.format, &file.title, &file.description);
    let scope = checker.resolve_scope_parameters(root.select_key("scope"), &file, &names, page.kinds);
    let context =
        CheckContext { api, scope: &scope, root: &file.properties, kinds: page.kinds, identity: &names };
    let shape = checker.resolve_root_fields(&context, &file.properties, root.select_key("properties"));
    let identity = checker.resolve_identity(&context, root.select_key("identity"));
    let history = checker.resolve_history_fields(&context, root.select_key("history"), file.history.as_ref());
    let pending_when = checker.resolve_pending_condition(
        &context,
        root.select_key("pending_when"),
        file.pending_when.as_ref(),
    );
    let pending_until = checker.resolve_ready_condition(
        &context,
        root.select_key("pending_until"),
        file.pending_until.as_ref(),
    );
    let deleted_when = checker.resolve_deleted_condition(
        &context,
        root.select_key("deleted_when"),
        file.deleted_when.as_ref(),
    );
    let operations = checker.resolve_operations(&context, root.select_key("operations"), &file);
    let (Some(mut fields), Some(identity), Some(operations)) = (shape, identity, operations) else {
        checker.finish_check(faults);
        return None;
    };
    mark_identity_fields(&mut fields, &identity);
    let shape = Arc::new(checker.build_shape(root, &file, fields));
    checker.check_replacement(root, file.replacement, &operations, &identity, &shape);
    checker.check_examples(&context, &shape, &file, root.select_key("examples"));
    let kind = Kind {
        api: Arc::clone(api),
        name: format!("{}/{name}", api.name).into(),
        title: file.title,
        description: file.description,
        source: file.source,
        scope,
        identity,
        operations,
        replacement: file.replacement,
        history,
        pending_when,
        pending_until,
        deleted_when,
        shape,
        examples: file.examples,
    };
    checker.finish_check(faults).then_some(kind)
}

/// Checks a kind against those to which it refers; `find` knows the others.
pub fn check_references_across(
    page: &CheckInput,
    kind: &Kind,
    find: &dyn Fn(&str) -> Option<Arc<Kind>>,
    faults: &mut Vec<Diagnostic>,
) {
    let mut checker = KindChecker::new(page);
    checker.check_references_across(page.root_path(), kind, find);
    checker.finish_check(faults);
}

/// A document may name the fields by which its object is found, even where the service sets them.
fn mark_identity_fields(fields: &mut [super::Field], identity: &KindIdentity) {
    let id = &mut fields[identity.id as usize];
    id.behavior.identifier = identity.composition.is_none();
    if identity.composition.is_some() {
        // it is made of other fields
        id.read_from = Vec::new();
    }
    for path in &identity.natural_key {
        mark_identity_path(fields, path);
    }
}

fn mark_identity_path(fields: &mut [super::Field], path: &[u16]) {
    let Some((number, rest)) = path.split_first() else { return };
    let field = &mut fields[*number as usize];
    field.behavior.identifier = true;
    if let FieldType::Object(shape) = &mut field.ty
        && let Some(shape) = Arc::get_mut(shape)
    {
        mark_identity_path(&mut shape.fields, rest);
    }
}

/// What the words of a kind may refer to.
struct CheckContext<'k> {
    api: &'k Api,
    scope: &'k [ScopeParameter],
    root: &'k OrderedMap<FieldFile>,
    kinds: &'k [String],
    identity: &'k IdentityNames,
}

impl CheckContext<'_> {
    /// The name as this API tells names apart.
    fn normalize_name(&self, name: &str) -> String {
        match self.api.member_names {
            MemberNameCase::Exact => name.to_owned(),
            MemberNameCase::CaseInsensitive | MemberNameCase::PreserveCase => name.to_lowercase(),
        }
    }
}

/// A place in a description: a node, or where it would stand.
#[derive(Clone, Copy)]
struct YamlPath<'n> {
    node: Option<&'n YamlNode<'n>>,
    span: SourceSpan,
}

impl<'p> CheckInput<'p> {
    fn root_path(&self) -> YamlPath<'p> {
        let start = self.node.map_or(0, |node| node.span.start);
        YamlPath { node: self.node, span: SourceSpan { start, end: start } }
    }
}

impl<'n> YamlPath<'n> {
    /// The value under a key; a mapping or list is shown at its key, a missing one where it is missing.
    fn select_key(self, key: &str) -> Self {
        let entry = self.node.and_then(|node| node.entries().iter().find(|entry| entry.key == key));
        let Some(entry) = entry else { return Self { node: None, span: self.span } };
        let span = match entry.value.data {
            YamlData::Scalar { .. } => entry.value.span,
            _ => entry.key_span,
        };
        Self { node: Some(&entry.value), span }
    }

    /// The item of a list.
    fn select_item(self, index: usize) -> Self {
        match self.node.and_then(|node| node.items().get(index)) {
            Some(node) if node.as_scalar().is_some() => Self { node: Some(node), span: node.span },
            Some(node) => {
                let start = node.span.start;
                Self { node: Some(node), span: SourceSpan { start, end: start } }
            }
            None => Self { node: None, span: self.span },
        }
    }
}

/// Where the faults of one description are gathered.
struct KindChecker<'s> {
    source: &'s Arc<NamedSource>,
    /// Whether examples and samples are known to fit: to judge them takes half of the time.
    is_proven: bool,
    diagnostics: Vec<Diagnostic>,
}

impl<'s> KindChecker<'s> {
    fn new(page: &CheckInput<'s>) -> Self {
        Self { source: page.source, is_proven: page.node.is_none(), diagnostics: Vec::new() }
    }

    /// Hands the faults over; true when none of them is an error.
    fn finish_check(mut self, faults: &mut Vec<Diagnostic>) -> bool {
        let sound = !has_errors(&self.diagnostics);
        faults.append(&mut self.diagnostics);
        sound
    }

    fn report_error(
        &mut self,
        yaml_path: YamlPath,
        code: &'static str,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push_diagnostic(yaml_path, Diagnostic::error(code, message))
    }

    fn push_diagnostic(&mut self, yaml_path: YamlPath, diagnostic: Diagnostic) -> &mut Diagnostic {
        let at = self.diagnostics.len();
        self.diagnostics.push(diagnostic.with_location(self.source.locate_span(yaml_path.span)));
        &mut self.diagnostics[at]
    }

    fn report_error_with_hint(
        &mut self,
        yaml_path: YamlPath,
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.report_error(yaml_path, code, message).hint = Some(hint.into());
    }

    fn report_unknown_name<'k>(
        &mut self,
        yaml_path: YamlPath,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) {
        let message = format!("there is no {what} `{name}`");
        self.report_error(yaml_path, "unknown-name", message).hint = suggest_word(name, known);
    }

    fn require_text(&mut self, yaml_path: YamlPath, word: &str, text: &str) {
        if text.trim().is_empty() {
            let message = format!("`{word}` says nothing");
            self.report_error_with_hint(
                yaml_path.select_key(word),
                "empty-text",
                message,
                "write a sentence that helps whoever reads it",
            );
        }
    }

    fn check_common_keys(&mut self, root: YamlPath, format: u32, title: &str, description: &str) {
        if format != FORMAT_VERSION {
            let message = format!("format {format} is not known");
            self.report_error_with_hint(
                root.select_key("format"),
                "unknown-format",
                message,
                "this version reads `format: 1`",
            );
        }
        self.require_text(root, "title", title);
        self.require_text(root, "description", description);
    }

    fn resolve_scope_parameters(
        &mut self,
        yaml_path: YamlPath,
        file: &KindFile,
        names: &IdentityNames,
        kinds: &[String],
    ) -> Vec<ScopeParameter> {
        let mut scopes = Vec::new();
        for (name, scope) in &file.scope.0 {
            let yaml_path = yaml_path.select_key(name);
            self.require_text(yaml_path, "description", &scope.description);
            if !matches!(scope.ty, TypeName::String | TypeName::Integer | TypeName::Uuid) {
                let message = "a scope parameter is a `string`, an `integer` or a `uuid`";
                self.report_error(yaml_path.select_key("type"), "word-does-not-fit", message);
                continue;
            }
            if names.parameters.contains(name) {
                self.report_error(
                    yaml_path,
                    "contradiction",
                    "a scope parameter can't have the name of the id",
                );
            }
            let ty = types::build_plain_scalar(scope.ty);
            if let Some(example) = &scope.example {
                self.read_scalar(yaml_path.select_key("example"), &ty, example);
            }
            scopes.push(ScopeParameter {
                name: name.as_str().into(),
                ty,
                description: scope.description.clone(),
                location: scope.location,
                reference: self.resolve_parent(yaml_path, scope, kinds),
                each: scope.each,
                example: scope.example.clone(),
            });
        }
        scopes
    }

    fn resolve_identity(&mut self, context: &CheckContext, yaml_path: YamlPath) -> Option<KindIdentity> {
        let file = context.identity;
        let composition = self.resolve_composition(context.root, yaml_path, file);
        let id = self.find_root_field(context, yaml_path.select_key("id"), &file.id);
        if let Some((_, field)) = id.filter(|_| composition.is_none()) {
            self.check_id_field(yaml_path.select_key("id"), field, file.id_assigned_by);
        }
        let key = yaml_path.select_key("natural_key");
        let natural_key = self.resolve_key_paths(context, "the natural key", key, &file.natural_key);
        let names = yaml_path.select_key("import_name");
        let import_name = self.resolve_key_paths(context, "`import_name`", names, &file.import_name);
        self.check_import_names(context, yaml_path.select_key("import_name"), &file.import_name);
        let (id, _) = id?;
        Some(KindIdentity {
            id,
            id_assigned_by: file.id_assigned_by,
            composition,
            natural_key: natural_key?,
            import_name: import_name?,
        })
    }

    /// Paths of fields that tell things apart; none when there is a fault in one.
    fn resolve_key_paths(
        &mut self,
        context: &CheckContext,
        what: &str,
        yaml_path: YamlPath,
        dotted: &[String],
    ) -> Option<Vec<Vec<u16>>> {
        let mut paths = Vec::new();
        for (index, dotted) in dotted.iter().enumerate() {
            paths.extend(self.resolve_key_path(context, yaml_path.select_item(index), dotted));
        }
        let distinct: BTreeSet<_> = paths.iter().collect();
        if distinct.len() != paths.len() {
            self.report_error(yaml_path, "duplicate-name", format!("{what} names a field twice"));
        }
        (paths.len() == dotted.len()).then_some(paths)
    }

    /// Names stand in paths and logs, where nothing marked may stand.
    fn check_import_names(&mut self, context: &CheckContext, yaml_path: YamlPath, dotted: &[String]) {
        for (index, dotted) in dotted.iter().enumerate() {
            let mut fields = Some(context.root);
            for name in dotted.split('.') {
                let field = fields.and_then(|fields| fields.0.iter().find(|(own, _)| own == name));
                let Some((_, field)) = field else { break };
                if field.sensitivity.is_some() {
                    let message = format!("`{name}` is sensitive, and names are public");
                    let hint = "name a public field, or leave the word out";
                    self.report_error_with_hint(yaml_path.select_item(index), "contradiction", message, hint);
                }
                fields = keywords::get_inner_fields(field);
            }
        }
    }

    /// A path of the natural key: through objects, to a value that can be read.
    fn resolve_key_path(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        dotted: &str,
    ) -> Option<Vec<u16>> {
        let (path, field) = self.resolve_dotted_path(yaml_path, context.root, dotted)?;
        self.check_key_field(yaml_path, dotted, field)?;
        Some(path)
    }

    /// Whether a field can tell things apart: a value that reads back, or a set of them.
    fn check_key_field(&mut self, yaml_path: YamlPath, name: &str, field: &FieldFile) -> Option<()> {
        let scalars = field.items.as_ref().is_some_and(|item| item.ty.is_some());
        let fits = match field.ty {
            TypeName::Object | TypeName::Map | TypeName::Any => false,
            TypeName::Array => scalars && keywords::is_set_list(field),
            _ => true,
        };
        if !fits {
            let message =
                format!("`{name}` can't be part of a key: it is neither a scalar nor a set of scalars");
            self.report_error(yaml_path, "word-does-not-fit", message);
            return None;
        }
        if field.write_only {
            let message = format!("`{name}` can't be part of a key: it is never returned");
            self.report_error(yaml_path, "contradiction", message);
            return None;
        }
        Some(())
    }

    /// A path through objects, from the names to the numbers and the field at its end.
    fn resolve_dotted_path<'k>(
        &mut self,
        yaml_path: YamlPath,
        fields: &'k OrderedMap<FieldFile>,
        dotted: &str,
    ) -> Option<(Vec<u16>, &'k FieldFile)> {
        let (mut fields, mut path, mut found) = (Some(fields), Vec::new(), None);
        for name in dotted.split('.') {
            let Some(inner) = fields else {
                self.report_error(yaml_path, "unknown-name", format!("a scalar has no field `{name}`"));
                return None;
            };
            let (number, field) = self.find_field(yaml_path, inner, name)?;
            path.push(number);
            fields = keywords::get_inner_fields(field);
            found = Some(field);
        }
        found.map(|field| (path, field))
    }

    fn find_field<'k>(
        &mut self,
        yaml_path: YamlPath,
        fields: &'k OrderedMap<FieldFile>,
        name: &str,
    ) -> Option<(u16, &'k FieldFile)> {
        let at = fields.0.iter().position(|(own, _)| own == name);
        if at.is_none() {
            self.report_unknown_name(yaml_path, "field", name, fields.0.iter().map(|(own, _)| own.as_str()));
        }
        let at = at?;
        Some((u16::try_from(at).ok()?, &fields.0[at].1))
    }

    fn find_root_field<'k>(
        &mut self,
        context: &CheckContext<'k>,
        yaml_path: YamlPath,
        name: &str,
    ) -> Option<(u16, &'k FieldFile)> {
        self.find_field(yaml_path, context.root, name)
    }

    fn resolve_pending_condition(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: Option<&PendingWhenFile>,
    ) -> Option<FieldCondition> {
        let file = file?;
        if file.values.is_empty() {
            self.report_error(yaml_path.select_key("values"), "missing-word", "`values` lists no value");
        }
        let (field, found) = self.find_root_field(context, yaml_path.select_key("field"), &file.field)?;
        if found.ty != TypeName::String {
            let message = "`pending_when` needs a string field";
            self.report_error(yaml_path.select_key("field"), "word-does-not-fit", message);
        }
        self.check_known_values(yaml_path.select_key("values"), found, &file.values);
        Some(FieldCondition {
            field,
            values: file.values.iter().map(|value| value.as_str().into()).collect(),
        })
    }

    fn resolve_history_fields(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: Option<&HistoryFile>,
    ) -> HistoryFields {
        let Some(file) = file else { return HistoryFields::default() };
        let mut resolve = |word: &str, name: &Option<String>, types: &[TypeName]| {
            let (number, field) =
                self.find_root_field(context, yaml_path.select_key(word), name.as_deref()?)?;
            if !types.contains(&field.ty) {
                let message = format!("`{word}` can't be read from a field of this type");
                self.report_error(yaml_path.select_key(word), "word-does-not-fit", message);
            }
            Some(number)
        };
        let moving = [TypeName::DateTime, TypeName::Integer, TypeName::String];
        let naming = [TypeName::String, TypeName::Uuid, TypeName::Integer];
        HistoryFields {
            changed_at: resolve("changed_at", &file.changed_at, &moving),
            changed_by: resolve("changed_by", &file.changed_by, &naming),
            edited_by_others_at: resolve(
                "edited_by_others_at",
                &file.edited_by_others_at,
                &[TypeName::DateTime],
            ),
        }
    }
}
