//! One field of a draft: its words, and the decisions that it leaves to a person.
//!
//! Where the document leaves a question open the cautious word is taken: lists lose nothing that no one asked
//! to lose, what looks like a credential or a person's is marked, and nothing is cleared in a way that the
//! document does not allow. Deliberately absent: identity and operations; `kind` drafts those.

use serde_json::Value as Json;

use crate::kind::ScalarType;
use crate::kind::scalar::ScalarToken;
use crate::openapi::field_type::{
    DraftType, build_items_entry, build_type_entry, draft_id_type, draft_map_type, draft_scalar_type,
};
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};
use crate::openapi::naming;
use crate::openapi::schema_pair::{DraftBehavior, OperationSchemas};
use crate::openapi::sensitivity::{self, DraftSensitivity};
use crate::openapi::yaml_writer::{DraftEntry, DraftValue, RemarkLevel};

/// How deep fields may nest in a draft.
const MAX_NESTED_FIELDS: usize = 10;
/// How many fields one object may have in the format.
const MAX_FIELDS: usize = 1000;
/// The most characters of an example.
const MAX_EXAMPLE_CHARS: usize = 200;

/// A field of the draft, as far as others ask about it.
pub struct DraftField {
    pub name: String,
    /// The type's word.
    pub ty: &'static str,
    pub behavior: DraftBehavior,
    pub sensitivity: Option<&'static str>,
    pub entry: DraftEntry,
}

/// What the fields of one kind are drafted for.
pub struct FieldDrafter<'s> {
    /// The name of the API.
    pub api: &'s str,
    /// The names of all kinds of the draft, without the API.
    pub kind_names: &'s [String],
    /// The field with the service's id, and whether the caller makes it.
    pub id_field: (&'s str, bool),
    /// The field that documents must have, because it identifies their object.
    pub key_field: Option<&'s str>,
    /// Whether a write sends the whole object.
    pub full_body: bool,
}

/// Where a field stands.
#[derive(Clone, Copy, Default)]
struct DraftNesting {
    depth: usize,
    read_only: bool,
}

impl FieldDrafter<'_> {
    /// The fields of an object, and the names that the format cannot say.
    pub fn draft_fields(&self, views: &OperationSchemas) -> (Vec<DraftField>, Vec<String>) {
        self.draft_nested_fields(views, DraftNesting::default())
    }

    fn draft_nested_fields(
        &self,
        views: &OperationSchemas,
        above: DraftNesting,
    ) -> (Vec<DraftField>, Vec<String>) {
        let (sayable, unsayable): (Vec<&str>, Vec<&str>) =
            views.list_names().into_iter().partition(|name| !name.is_empty() && !name.contains(['.', '/']));
        let mut left_out: Vec<String> = unsayable.into_iter().map(naming::sanitize_text).collect();
        left_out.extend(sayable.iter().skip(MAX_FIELDS).map(|name| naming::sanitize_text(name)));
        let made = sayable
            .iter()
            .take(MAX_FIELDS)
            .map(|name| self.draft_field(name, &views.select_property(name), above));
        (made.collect(), left_out)
    }

    fn draft_field(&self, name: &str, views: &OperationSchemas, above: DraftNesting) -> DraftField {
        let is_id = above.depth == 0 && name == self.id_field.0;
        let (mut access, guessed) = self.infer_behavior(name, views, above, is_id);
        access.required |= above.depth == 0 && self.key_field == Some(name);
        let below = DraftNesting { depth: above.depth + 1, read_only: access.read_only };
        let typed = match is_id {
            true => draft_id_type(views),
            false => self.draft_type(name, views, below),
        };
        let mark = if is_id { None } else { infer_sensitivity(name, views, typed.keyword) };
        // only a text can be a secret, whatever else it looks like
        let typed = match mark {
            Some("secret") => DraftType::from_scalar("string", ScalarType::String { max_length: None }),
            _ => typed,
        };
        let other_kind = self.suggest_reference(name, typed.keyword).filter(|_| !is_id);
        let mut lines =
            vec![build_type_entry(typed.keyword).with_polishes(typed.remark).with_polishes(other_kind)];
        lines.push(DraftEntry::from_text("description", draft_description(name, views)));
        if !above.read_only {
            lines.extend(build_behavior_entries(access, guessed));
        }
        lines.extend(mark.map(|mark| build_sensitivity_entry(name, mark)));
        lines.extend(build_clear_entry(views, access, typed.keyword));
        if access.read_only && !above.read_only && self.full_body && self.is_omitted_from_writes(views) {
            lines.push(DraftEntry::new("omit_from", DraftValue::FlowList(vec!["writes".into()])));
        }
        lines.extend(build_reference_entry(views, typed.keyword));
        let example = typed.scalar.as_ref().filter(|_| mark != Some("secret") && !access.write_only);
        let example = example.and_then(|scalar_type| find_example(views, scalar_type));
        lines.extend(typed.entries);
        lines.extend(example.map(|example| DraftEntry::new("example", DraftValue::Json(example))));
        let mut entry = DraftEntry::new(name, DraftValue::Mapping(lines));
        if access.read_only && guessed.is_none() {
            // no one writes it, so nothing is asked about it
            entry.remove_remarks(RemarkLevel::Polish);
        }
        DraftField { name: name.to_owned(), ty: typed.keyword, behavior: access, sensitivity: mark, entry }
    }

    /// Who may write the field, and what of that is a guess.
    fn infer_behavior(
        &self,
        name: &str,
        views: &OperationSchemas,
        above: DraftNesting,
        is_id: bool,
    ) -> (DraftBehavior, Option<&'static str>) {
        let computed = DraftBehavior { read_only: true, ..DraftBehavior::default() };
        let found = views.infer_behavior();
        match is_id {
            true if self.id_field.1 => (
                DraftBehavior { immutable: true, required: found.required, ..DraftBehavior::default() },
                None,
            ),
            true => (computed, None),
            false if above.read_only => (computed, None),
            false if !found.read_only && is_timestamp(name, views) => {
                (computed, Some("named like a moment that the service notes itself"))
            }
            false if found.immutable => {
                (found, Some("no update of the document takes it, so it is taken for fixed once it is made"))
            }
            false if found.write_only && !views.list_present().any(|plain| plain.write_only) => (
                found,
                Some("no answer of the document has it, so it is taken for one that never reads back"),
            ),
            false => (found, None),
        }
    }

    /// Whether a write of everything leaves it out.
    fn is_omitted_from_writes(&self, views: &OperationSchemas) -> bool {
        views.update.schema().is_none_or(|plain| plain.read_only)
            || views.list_present().any(|plain| plain.read_only)
    }

    fn draft_type(&self, name: &str, views: &OperationSchemas, below: DraftNesting) -> DraftType {
        if below.depth > MAX_NESTED_FIELDS {
            return DraftType::new_any("it is nested too deep for a draft");
        }
        let clear = |plain: &&FlatSchema| !matches!(plain.form, SchemaForm::Unknown(_));
        let Some(plain) = find_written_scalar(views).or_else(|| views.list_present().find(clear)) else {
            let why = views.list_present().find_map(|plain| match plain.form {
                SchemaForm::Unknown(why) => Some(why),
                _ => None,
            });
            return DraftType::new_any(why.unwrap_or(crate::openapi::flatten_schema::UNSPECIFIED));
        };
        match &plain.form {
            SchemaForm::Object { properties: members, additional_properties: others, .. }
                if members.is_empty() =>
            {
                let entries = views.select_entries();
                match entries.list_present().any(|plain| !plain.properties().is_empty()) {
                    true => self.draft_object_map(&entries, below),
                    false => draft_map_type(others.as_deref()),
                }
            }
            SchemaForm::Object { .. } => self.draft_object_type(views, below),
            SchemaForm::Array { item, unique_items: distinct } => {
                let list_type = if *distinct { DraftListType::Set } else { DraftListType::Atomic };
                match views.select_items().list_present().any(|plain| !plain.properties().is_empty()) {
                    true => self.draft_object_list(name, views, below),
                    false => DraftType::from_entries("array", list_type.with_items(build_items_entry(item))),
                }
            }
            _ => draft_scalar_type(plain),
        }
    }

    fn draft_object_type(&self, views: &OperationSchemas, below: DraftNesting) -> DraftType {
        let (fields, left_out) = self.draft_nested_fields(views, below);
        match fields.is_empty() {
            true => DraftType::new_any("the format cannot name its members"),
            false => DraftType::from_entries("object", vec![build_fields_entry(fields, &left_out)]),
        }
    }

    fn draft_object_list(&self, name: &str, views: &OperationSchemas, below: DraftNesting) -> DraftType {
        let (fields, left_out) = self.draft_nested_fields(&views.select_items(), below);
        let list_type = infer_list_type(&fields, name);
        let items = DraftValue::Mapping(vec![build_fields_entry(fields, &left_out)]);
        DraftType::from_entries("array", list_type.with_items(DraftEntry::new("items", items)))
    }

    /// A map of objects: a list with the keys in a field of their own.
    fn draft_object_map(&self, entries: &OperationSchemas, below: DraftNesting) -> DraftType {
        let (mut fields, left_out) = self.draft_nested_fields(entries, below);
        let is_free = |name: &&str| fields.iter().all(|field| field.name != *name);
        let Some(key) = KEY_NAMES.into_iter().find(is_free) else {
            return DraftType::new_any("its entries have members with all the names that a key could have");
        };
        fields.insert(0, draft_key_field(key, below.read_only));
        let items = DraftValue::Mapping(vec![build_fields_entry(fields, &left_out)]);
        let list_type = DraftListType::Keyed(key).with_items(DraftEntry::new("items", items));
        DraftType::from_entries("array", list_type)
    }

    /// That a value may be the id of an object of another kind.
    fn suggest_reference(&self, name: &str, ty: &str) -> Option<String> {
        let mut stem = naming::split_words(name);
        let last = stem.pop().filter(|last| last == "id" || last == "ids")?;
        let stem = naming::derive_kind_name(&stem.join("-"));
        let fits = ["string", "integer", "uuid"].contains(&ty) || (ty == "array" && last == "ids");
        let other = self.kind_names.iter().find(|kind| **kind == stem && fits)?;
        let source = format!("source: {{ kind: {}/{other} }}", self.api);
        Some(format!("if this is the id of a {}/{other}, add reference: {{ id: id, {source} }}", self.api))
    }
}

/// A value that is read as a whole thing and written as its id.
fn build_reference_entry(views: &OperationSchemas, ty: &str) -> Option<DraftEntry> {
    let fits = ["string", "integer", "uuid"].contains(&ty);
    let read = views.read.schema().filter(|read| fits && !read.properties().is_empty())?;
    let id = read.properties().iter().find(|member| naming::normalize_name(&member.name).ends_with("id"))?;
    let line =
        DraftEntry::new("reference", DraftValue::Mapping(vec![DraftEntry::from_text("id", &*id.name)]));
    let ids = read.properties().iter().filter(|member| naming::normalize_name(&member.name).ends_with("id"));
    let remark = "it is read as an object and written as an id; `source` says where such objects are";
    Some(match naming::normalize_name(&id.name) == "id" || ids.count() == 1 {
        true => line.with_polish(remark),
        false => line.with_decision("which member of the object is the id that is written"),
    })
}

/// The names of the field with the keys of a map of objects, the first that is free.
const KEY_NAMES: [&str; 3] = ["name", "key", "member_name"];

/// The field with the keys of a map of objects.
fn draft_key_field(name: &str, read_only: bool) -> DraftField {
    let mut lines =
        vec![build_type_entry("string"), DraftEntry::from_text("description", "The key of the entry.")];
    lines.extend((!read_only).then(|| DraftEntry::from_keyword("required", true)));
    let entry = DraftEntry::new(name, DraftValue::Mapping(lines));
    let behavior = DraftBehavior { required: !read_only, read_only, ..DraftBehavior::default() };
    DraftField { name: name.to_owned(), ty: "string", behavior, sensitivity: None, entry }
}

/// How the items of a list are matched.
enum DraftListType {
    Atomic,
    Set,
    Map(String, Option<String>),
    /// By the names of the members of an object in place of the list.
    Keyed(&'static str),
}

impl DraftListType {
    /// The words of a list with these items.
    fn with_items(self, items: DraftEntry) -> Vec<DraftEntry> {
        self.into_entries().into_iter().chain([items]).collect()
    }

    fn into_entries(self) -> Vec<DraftEntry> {
        let keep = || {
            let remark = "`keep` deletes nothing; `delete` if a written list is complete";
            DraftEntry::from_keyword("unlisted_items", "keep").with_polish(remark)
        };
        match self {
            Self::Atomic => {
                let remark = "`atomic` compares item by item; `set`, or `map` with `list_keys: [[field]]`, if \
                              the order means nothing";
                vec![
                    DraftEntry::from_keyword("list_type", "atomic").with_polish(remark),
                    DraftEntry::from_keyword("unlisted_items", "delete"),
                ]
            }
            Self::Set => vec![DraftEntry::from_keyword("list_type", "set"), keep()],
            Self::Keyed(key) => {
                vec![
                    DraftEntry::from_keyword("list_type", "map"),
                    DraftEntry::from_keyword("keyed_by", key),
                    keep(),
                ]
            }
            Self::Map(key, row) => {
                let remark = format!(
                    "whether `{}` is unique among the items; else name other fields, or `list_type: atomic`",
                    naming::sanitize_text(&key)
                );
                let keys = std::iter::once(key).chain(row).map(|name| vec![name]).collect();
                vec![
                    DraftEntry::from_keyword("list_type", "map"),
                    DraftEntry::new("list_keys", DraftValue::FlowRows(keys)).with_polish(remark),
                    keep(),
                ]
            }
        }
    }
}

/// The list type, with the field that is most likely a key.
fn infer_list_type(fields: &[DraftField], list: &str) -> DraftListType {
    const SCALAR_TYPES: [&str; 4] = ["string", "integer", "uuid", "enum"];
    let owner = naming::singularize_word(list);
    let fits = |field: &&DraftField| {
        let free = !field.behavior.read_only && !field.behavior.write_only && field.behavior.required;
        free && field.sensitivity.is_none() && SCALAR_TYPES.contains(&field.ty)
    };
    let rank = |field: &DraftField| match naming::normalize_name(&field.name).as_str() {
        "id" => Some(0),
        _ => naming::rank_key_name(&field.name, &owner).map(|rank| rank + 1),
    };
    let best = fields.iter().filter(fits).filter_map(|field| Some((rank(field)?, field)));
    let ids = fields
        .iter()
        .filter(fits)
        .filter(|field| naming::split_words(&field.name).last().is_some_and(|w| w == "id"));
    let ids: Vec<&DraftField> = ids.collect();
    let best = best.min_by_key(|(rank, _)| *rank).map(|(_, field)| field).or(match ids.as_slice() {
        [one] => Some(*one),
        _ => None,
    });
    let row = fields.iter().find(|field| {
        field.behavior.read_only
            && naming::normalize_name(&field.name) == "id"
            && SCALAR_TYPES.contains(&field.ty)
    });
    match best {
        Some(field) => DraftListType::Map(field.name.clone(), row.map(|row| row.name.clone())),
        None => DraftListType::Atomic,
    }
}

/// The `properties` of an object, with what had to be left out.
pub fn build_fields_entry(fields: Vec<DraftField>, left_out: &[String]) -> DraftEntry {
    let line = DraftEntry::new(
        "properties",
        DraftValue::Mapping(fields.into_iter().map(|field| field.entry).collect()),
    );
    match left_out {
        [] => line,
        names => {
            let names: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
            line.with_comment(format!("left out, because the format cannot name them: {}", names.join(", ")))
        }
    }
}

/// A value that is written where a whole thing is read.
fn find_written_scalar<'p>(views: &OperationSchemas<'p>) -> Option<&'p FlatSchema> {
    let whole = views.read.schema().is_some_and(|read| !read.properties().is_empty());
    views.list_written().find(|plain| whole && plain.is_scalar())
}

fn draft_description(name: &str, views: &OperationSchemas) -> String {
    let said =
        |text: fn(&FlatSchema) -> &Option<String>| views.list_present().find_map(|plain| text(plain).clone());
    let said = said(|plain| &plain.description).or_else(|| said(|plain| &plain.title));
    let own = || Some(naming::humanize_name(name)).filter(|own| !own.is_empty());
    let meaning =
        said.or_else(own).unwrap_or_else(|| format!("The member `{}`", naming::sanitize_text(name)));
    match views.list_present().any(|plain| plain.deprecated) {
        true => format!("{} (deprecated)", meaning.trim_end_matches('.')),
        false => meaning,
    }
}

/// The words that say who may write the field; the guess is about the last of them.
fn build_behavior_entries(access: DraftBehavior, guessed: Option<&str>) -> Vec<DraftEntry> {
    let mut entries: Vec<_> =
        access.list_keywords().iter().map(|word| DraftEntry::from_keyword(word, true)).collect();
    if let Some(last) = entries.pop() {
        entries.push(last.with_polishes(guessed));
    }
    entries
}

fn infer_sensitivity(name: &str, views: &OperationSchemas, ty: &str) -> Option<&'static str> {
    let format = |wanted: &str| {
        views.list_present().any(
            |plain| matches!(&plain.form, SchemaForm::String(text) if text.format.as_deref() == Some(wanted)),
        )
    };
    let described = || {
        views
            .list_present()
            .any(|plain| plain.description.as_deref().is_some_and(sensitivity::describes_secret))
    };
    let found = match sensitivity::guess_sensitivity(name) {
        _ if format("password") => Some(DraftSensitivity::Secret),
        None if format("email") || format("idn-email") => Some(DraftSensitivity::Personal),
        None if ty == "string" && described() => Some(DraftSensitivity::Secret),
        found => found,
    }?;
    let text = views.list_present().any(|plain| matches!(plain.form, SchemaForm::String(_)));
    match found {
        _ if ["boolean", "datetime"].contains(&ty) => None,
        DraftSensitivity::Personal => Some("personal"),
        DraftSensitivity::Secret if ["date", "enum"].contains(&ty) => None,
        DraftSensitivity::Secret if text => Some("secret"),
        DraftSensitivity::Secret | DraftSensitivity::Internal => Some("internal"),
    }
}

fn build_sensitivity_entry(name: &str, mark: &str) -> DraftEntry {
    let remark = match mark {
        "secret" => "it looks like a credential; documents then say only where it comes from",
        "personal" => "it looks like something about a person; its values are then not shown",
        _ => "it may carry a credential; its values are then not shown",
    };
    DraftEntry::from_keyword("sensitivity", mark)
        .with_polish(format!("named `{}`, {remark}", naming::sanitize_text(name)))
}

/// How the field is cleared, where not as `api.yaml` says: texts with the empty one, nothing else at all.
fn build_clear_entry(views: &OperationSchemas, access: DraftBehavior, ty: &str) -> Option<DraftEntry> {
    if access.is_never_cleared() || ["array", "map"].contains(&ty) {
        return None;
    }
    let nullable = views.list_written().any(|plain| plain.nullable);
    let empty = views
        .list_written()
        .any(|plain| matches!(&plain.form, SchemaForm::String(text) if text.allows_empty));
    match ty {
        _ if nullable => Some(DraftEntry::from_text("clear_with", "null")),
        "string" if !empty => Some(DraftEntry::from_keyword("clear_with", "nothing")),
        "enum" => Some(DraftEntry::from_keyword("clear_with", "nothing")),
        _ => None,
    }
}

/// Whether a field looks like the moment of creation or of the last edit.
fn is_timestamp(name: &str, views: &OperationSchemas) -> bool {
    const LAST_EDIT_WORDS: [&str; 7] =
        ["created", "updated", "modified", "changed", "edited", "creation", "modification"];
    let format = |plain: &FlatSchema| match &plain.form {
        SchemaForm::String(text) => text.format.clone(),
        _ => None,
    };
    let time = |plain: &FlatSchema| format(plain).as_deref() == Some("date-time");
    let optional =
        !matches!(views.create, crate::openapi::schema_pair::SchemaPresence::Present { required: true, .. });
    optional
        && views.list_present().any(time)
        && naming::split_words(name).iter().any(|word| LAST_EDIT_WORDS.contains(&word.as_str()))
}

/// Whether a name is that of the last edit.
pub fn is_last_edit(name: &str) -> bool {
    const LAST_EDIT_WORDS: [&str; 5] = ["updated", "modified", "changed", "edited", "modification"];
    naming::split_words(name).iter().any(|word| LAST_EDIT_WORDS.contains(&word.as_str()))
}

/// An example of the document that fits the type.
fn find_example(views: &OperationSchemas, scalar_type: &ScalarType) -> Option<Json> {
    let mut examples = views.list_present().filter_map(|plain| plain.example.as_ref());
    examples.find(|example| is_valid_example(scalar_type, example)).cloned()
}

fn is_valid_example(scalar_type: &ScalarType, example: &Json) -> bool {
    let harmless =
        |text: &str| text.chars().count() <= MAX_EXAMPLE_CHARS && !text.contains(naming::is_invisible);
    match example {
        Json::String(text) => harmless(text) && scalar_type.read_token(ScalarToken::String(text)).is_ok(),
        Json::Number(number) => scalar_type.read_token(ScalarToken::Number(&number.to_string())).is_ok(),
        Json::Bool(flag) => scalar_type.read_token(ScalarToken::Boolean(*flag)).is_ok(),
        _ => false,
    }
}
