//! Identity: which field holds the id, and which fields find an object without one.
//!
//! A natural key is proposed only from a field that people set and reads return. What the document says about
//! uniqueness decides how sure it is: a text, a name such as `slug`, or a create that may conflict.
//! Deliberately absent: paths.

use crate::openapi::field::DraftField;
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};
use crate::openapi::naming::{normalize_name, sanitize_text};
use crate::openapi::schema_pair::OperationSchemas;
use crate::openapi::yaml_writer::{DraftEntry, DraftValue, RemarkLevel};
use crate::openapi::{naming, sensitivity, wording};

/// The field that holds the service's id.
pub struct DraftIdField {
    pub name: String,
    pub client_assigned: bool,
    /// Whether an answer of the document shows it.
    is_shown: bool,
    /// Why it may be another one.
    remark: Option<IdRemark>,
}

/// What becomes of the create of a kind.
pub enum CreateChoice {
    /// There is none, or its objects are found again.
    Safe,
    /// It is left out, because nothing finds an object again whose id is lost; with its path.
    LeftOut(String),
    /// It is all that can be written.
    Risky,
}

/// Why the id may be another field.
struct IdRemark {
    level: RemarkLevel,
    text: String,
}

/// The fields by which a document without `id` finds its object.
pub struct NaturalKey {
    /// Dots reach into objects.
    pub paths: Vec<String>,
    certainty: KeyCertainty,
    rank: usize,
}

/// How sure it is that no two objects have the same key, the surest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum KeyCertainty {
    /// The document says so.
    Unique,
    /// Every object has one, and it is called like a key.
    Required,
    /// It is called like a key.
    Optional,
    /// Every object has all of them, and none is called like a key of its kind.
    Combined,
}

/// What the document says about the objects of a kind.
pub struct KeyEvidence<'s> {
    pub schemas: OperationSchemas<'s>,
    /// What the items of the list are.
    pub listed: &'s FlatSchema,
    pub kind: &'s str,
    pub id: &'s str,
    /// Whether a create may be answered that there is such an object.
    pub may_conflict: bool,
}

/// The field that holds the id: called like the parameter, or `id`, or after the kind.
pub fn infer_id_field(
    kind: &str,
    parameter: &str,
    read: &FlatSchema,
    create: Option<&FlatSchema>,
) -> DraftIdField {
    let owner = normalize_name(kind);
    let wanted = normalize_name(parameter);
    let short = wanted.strip_prefix(&*owner).unwrap_or_default().to_owned();
    let ends: Vec<String> = naming::split_words(parameter).into_iter().rev().take(1).collect();
    let names =
        [wanted, short, "id".to_owned(), format!("{owner}id"), ends.concat(), "uuid".into(), "guid".into()];
    let scalar =
        |schema: &FlatSchema| matches!(schema.form, SchemaForm::String(_) | SchemaForm::Integer { .. });
    let fits = |name: &String| {
        let found = read
            .properties()
            .iter()
            .find(|member| normalize_name(&member.name) == *name && scalar(&member.schema));
        found.filter(|_| !name.is_empty()).map(|member| member.name.clone())
    };
    let exact = read.find_property(parameter).filter(|schema| scalar(schema)).map(|_| parameter.to_owned());
    let found = exact.or_else(|| names.iter().find_map(fits));
    let remark = found.as_deref().and_then(|found| describe_id_doubt(parameter, found));
    let is_shown = found.is_some();
    let name = found.unwrap_or_else(|| parameter.replace(['.', '/'], "_"));
    let client_assigned = create.is_some_and(|create| {
        create.requires_property(&name) && create.find_property(&name).is_some_and(|one| !one.read_only)
    });
    DraftIdField { name, client_assigned, is_shown, remark }
}

impl DraftIdField {
    /// Whether an answer of the document shows it.
    pub fn is_shown(&self) -> bool {
        self.is_shown
    }
}

fn describe_id_doubt(parameter: &str, name: &str) -> Option<IdRemark> {
    let (own, wanted) = (normalize_name(name), normalize_name(parameter));
    if name == parameter || own == "id" || own == wanted {
        return None;
    }
    // `pool_name` in the path of a pool is its `name`
    let level = if wanted.ends_with(&own) { RemarkLevel::Polish } else { RemarkLevel::Decision };
    let text = format!("which field holds what the path names `{}`", sanitize_text(parameter));
    Some(IdRemark { level, text })
}

/// The field that most likely identifies an object among the others.
pub fn infer_natural_key(evidence: &KeyEvidence) -> Option<NaturalKey> {
    let mut all = Vec::new();
    for name in evidence.schemas.list_names() {
        let schemas = evidence.schemas.select_property(name);
        all.extend(evidence.judge_field(name, name, &schemas));
        for inner in schemas.list_names() {
            let path = format!("{name}.{inner}");
            let nested = evidence.judge_field(inner, &path, &schemas.select_property(inner));
            // an object inside may be another one, so only what is surely unique counts
            all.extend(nested.filter(|key| key.certainty == KeyCertainty::Unique));
        }
    }
    let depth = |key: &NaturalKey| key.paths.iter().map(|path| path.matches('.').count()).max();
    all.into_iter()
        .min_by_key(|key| (key.certainty, depth(key), key.rank))
        .or_else(|| evidence.combine_fields())
}

impl NaturalKey {
    /// The field that a document must have although the service does not demand it.
    pub fn required_field(&self) -> Option<&str> {
        let only = self.paths.first().filter(|path| !path.contains('.'));
        only.filter(|_| self.certainty == KeyCertainty::Optional).map(String::as_str)
    }

    /// The only field of the key.
    pub fn single_field(&self) -> Option<&str> {
        match self.paths.as_slice() {
            [one] if !one.contains('.') => Some(one),
            _ => None,
        }
    }
}

impl KeyEvidence<'_> {
    fn judge_field(&self, name: &str, path: &str, schemas: &OperationSchemas) -> Option<NaturalKey> {
        if name == self.id && path == self.id || name.contains(['.', '/']) || path.starts_with('.') {
            return None;
        }
        if !self.is_found_by(path, schemas) {
            return None;
        }
        let is_key_type = |schema: &FlatSchema| match &schema.form {
            SchemaForm::String(text) => text.enum_values.is_empty() && !is_moment(text.format.as_deref()),
            SchemaForm::Integer { enum_values, .. } => enum_values.is_empty(),
            _ => false,
        };
        if is_secret(name) || !schemas.list_present().all(is_key_type) {
            return None;
        }
        let certainty = self.judge_certainty(name, schemas, schemas.infer_behavior().required)?;
        let rank = naming::rank_key_name(name, self.kind).unwrap_or(usize::MAX);
        Some(NaturalKey { paths: vec![path.to_owned()], certainty, rank })
    }

    /// Whether the list shows a field that documents set on create.
    fn is_found_by(&self, path: &str, schemas: &OperationSchemas) -> bool {
        let shown = path.split('.').try_fold(self.listed, |schema, name| schema.find_property(name));
        let behavior = schemas.infer_behavior();
        shown.is_some() && !behavior.read_only && !behavior.write_only && !behavior.update_only
    }

    /// All values that every object must have, where one of them says what it belongs to.
    fn combine_fields(&self) -> Option<NaturalKey> {
        const MAX_KEY_FIELDS: usize = 4;
        let fits = |name: &str, schemas: &OperationSchemas| {
            let scalar = |schema: &FlatSchema| match &schema.form {
                SchemaForm::String(text) => !is_moment(text.format.as_deref()),
                SchemaForm::Integer { .. } => naming::is_reference_name(name),
                _ => false,
            };
            name != self.id
                && !name.contains(['.', '/'])
                && schemas.infer_behavior().required
                && self.is_found_by(name, schemas)
                && !is_secret(name)
                && !says(schemas, wording::says_not_unique)
                && schemas.list_present().all(scalar)
                && (naming::is_reference_name(name) || is_enum(schemas))
        };
        let names = self.schemas.list_names().into_iter();
        let paths: Vec<String> =
            names.filter(|name| fits(name, &self.schemas.select_property(name))).map(str::to_owned).collect();
        let telling = paths.iter().any(|path| naming::is_reference_name(path));
        let key = NaturalKey { paths, certainty: KeyCertainty::Combined, rank: 0 };
        (telling && key.paths.len() <= MAX_KEY_FIELDS).then_some(key)
    }

    fn judge_certainty(
        &self,
        name: &str,
        schemas: &OperationSchemas,
        required: bool,
    ) -> Option<KeyCertainty> {
        if says(schemas, wording::says_not_unique) {
            return None;
        }
        let ranked = naming::rank_key_name(name, self.kind).is_some();
        let unique = says(schemas, wording::says_unique)
            || (ranked && required && (self.may_conflict || naming::is_unique_name(name)));
        match (unique, ranked, required) {
            (true, ..) => Some(KeyCertainty::Unique),
            (_, true, true) => Some(KeyCertainty::Required),
            (_, true, false) => Some(KeyCertainty::Optional),
            _ => None,
        }
    }
}

fn is_secret(name: &str) -> bool {
    sensitivity::guess_sensitivity(name) == Some(sensitivity::DraftSensitivity::Secret)
}

/// Whether the document says so of a field anywhere.
fn says(schemas: &OperationSchemas, test: fn(&str) -> bool) -> bool {
    schemas.list_present().any(|schema| schema.notes.iter().any(|note| test(note)))
}

fn is_enum(schemas: &OperationSchemas) -> bool {
    let listed = |schema: &FlatSchema| matches!(&schema.form, SchemaForm::String(text) if !text.enum_values.is_empty());
    schemas.list_present().all(listed)
}

fn is_moment(format: Option<&str>) -> bool {
    matches!(format, Some("date" | "date-time" | "datetime" | "time" | "password" | "byte" | "binary"))
}

/// The open field that most likely names the objects, where the natural key is sensitive.
fn infer_import_name<'f>(fields: &'f [DraftField], key: &str) -> Option<&'f str> {
    fields.iter().find(|field| field.name == key)?.sensitivity?;
    let fits = |field: &&DraftField| {
        field.ty == "string" && field.sensitivity.is_none() && !field.behavior.write_only
    };
    let ranked =
        fields.iter().filter(fits).filter_map(|field| Some((naming::rank_display_name(&field.name)?, field)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, field)| &*field.name)
}

/// The `identity` of a kind; `create` says what becomes of its create.
pub fn build_identity_entry(
    id: &DraftIdField,
    key: Option<&NaturalKey>,
    fields: &[DraftField],
    create: &CreateChoice,
) -> DraftEntry {
    let mut first = DraftEntry::from_text("id", &*id.name);
    if let Some(IdRemark { level, text }) = &id.remark {
        first = first.with_remark(*level, &**text);
    }
    if let CreateChoice::LeftOut(path) = create {
        first = first.with_comment(format!(
            "`create` is left out: no field identifies an object whose id is lost, so it would be created again; \
             with a `natural_key`, add `create: {{ post: {} }}`",
            sanitize_text(path)
        ));
    }
    let mut entries = vec![first];
    if id.client_assigned {
        let remark = "the document's create demands the id";
        entries.push(DraftEntry::from_keyword("id_assigned_by", "client").with_polish(remark));
        entries.push(DraftEntry::new("natural_key", DraftValue::FlowList(vec![id.name.clone()])));
        return DraftEntry::new("identity", DraftValue::Mapping(entries));
    }
    let Some(key) = key else {
        if matches!(create, CreateChoice::Risky) {
            let remark = "by which fields a document without `id` finds its object, natural_key: [field]; without \
                          one, an object whose id is lost is created again";
            entries = entries.into_iter().map(|entry| entry.with_decision(remark)).collect();
        }
        return DraftEntry::new("identity", DraftValue::Mapping(entries));
    };
    entries.push(build_key_entry(key));
    if let Some(name) = key.single_field().and_then(|key| infer_import_name(fields, key)) {
        let remark =
            "the natural key is sensitive; an import makes names of documents and files from this instead";
        let entry = DraftEntry::new("import_name", DraftValue::FlowList(vec![name.to_owned()]));
        entries.push(entry.with_polish(remark));
    }
    DraftEntry::new("identity", DraftValue::Mapping(entries))
}

fn build_key_entry(key: &NaturalKey) -> DraftEntry {
    let entry = DraftEntry::new("natural_key", DraftValue::FlowList(key.paths.clone()));
    let own = sanitize_text(&key.paths.join("`, `"));
    match key.certainty {
        KeyCertainty::Unique => entry,
        KeyCertainty::Required | KeyCertainty::Combined => entry.with_polish(format!(
            "whether no two objects have the same `{own}`; a document whose key several objects have is refused"
        )),
        KeyCertainty::Optional => entry.with_polish(format!(
            "the service does not demand `{own}`; it is required here, because by it a document without `id` finds \
             its object"
        )),
    }
}
