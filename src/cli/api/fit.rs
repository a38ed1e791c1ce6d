//! How well a kind's description fits live objects: what it misses, what it mistypes, what never came.
//!
//! Names and types are reported, values never: a member that the description does not know may hold anything.
//! Only of a field that is described as open are odd choices named. Paths are written `tariffs[].price`.
//! Deliberately absent: requests, and how the findings look.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::fit_values::{SeenMasks, ValueTracker};
use crate::kind::scalar::ScalarToken;
use crate::kind::{
    ArrayType, Field, FieldType, ItemType, Kind, ListType, MemberNameCase, ScalarType, Shape, WireFormat,
};
use crate::remote::target_client::PagingTrial;
use crate::remote::wire::{Snapshot, read_any};
use crate::run::natural_key::build_live_key;
use crate::value::{Object, Sensitivity, UnknownField, Value};

/// The most objects that are named where several have the same key.
const MAX_IDS: usize = 5;
/// The most odd choices that are named.
const MAX_UNLISTED_VALUES: usize = 5;
/// The most paths of each sort.
const MAX_PATHS: usize = 1000;

/// What live objects say about the description of their kind.
#[derive(Serialize, JsonSchema, Default)]
pub struct FitReport {
    /// The kind, `api/kind`.
    pub kind: String,
    /// How many objects were looked at.
    pub objects: usize,
    /// Members that no field describes.
    pub missing: Vec<UndescribedMember>,
    /// Fields that are not as described.
    pub mistyped: Vec<MistypedField>,
    /// Choices with values that are not listed.
    pub unlisted: Vec<UnlistedValues>,
    /// Fields that no object had.
    pub never_returned: Vec<String>,
    /// Fields that were null in every object that had them.
    pub only_null: Vec<String>,
    /// How many objects came without an id.
    pub without_id: usize,
    /// Whether the natural key tells the objects apart; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub natural_key: Option<KeyFit>,
    /// Whether the items of each list can be matched.
    pub lists: Vec<ListFit>,
    /// Fields that no two objects share, the likeliest natural key first.
    pub unique_fields: Vec<String>,
    /// What the service shows in place of secrets, where the description does not say it.
    pub masks: Vec<SeenMasks>,
    /// How the service turned the pages of the list; absent where they were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<PagingFit>,
}

/// How the service turned the pages of a list.
#[derive(Serialize, JsonSchema)]
pub struct PagingFit {
    /// The pages with objects that were read.
    pub pages: u32,
    /// The objects of all pages.
    pub objects: u64,
    /// Whether the end of the list was reached.
    pub finished: bool,
    /// What contradicts the description.
    pub contradictions: Vec<String>,
    /// The number of the first page, where it is lower than described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_page: Option<u64>,
}

impl PagingFit {
    /// Whether these objects are all that the list has.
    pub fn is_whole(&self, objects: usize) -> bool {
        self.finished && self.contradictions.is_empty() && self.objects == objects as u64
    }

    /// What a trial shows.
    pub fn from_trial(trial: &PagingTrial) -> Self {
        let ignored = "the service gives more objects at a time than `limit` asks for";
        let ignored = trial.ignores_page_size.then(|| ignored.to_owned());
        let reason = trial.reason.as_ref().map(|reason| format!("the list is not complete: {reason}"));
        let earlier = "a page before `first_page` holds other objects";
        let earlier = trial.starts_earlier.then(|| earlier.to_owned());
        let contradictions = reason.into_iter().chain(ignored).chain(earlier).collect();
        let first_page = trial.starts_earlier.then_some(0);
        Self {
            pages: trial.pages,
            objects: trial.objects,
            finished: trial.is_finished,
            contradictions,
            first_page,
        }
    }
}

/// A member that no field describes.
#[derive(Serialize, JsonSchema)]
pub struct UndescribedMember {
    /// Where it stands.
    pub path: String,
    /// What stood there on the wire: `string`, `number`, `boolean`, `array`, `object`, `null`.
    pub actual_types: BTreeSet<&'static str>,
    /// The type of the format that fits every one of them.
    pub suggested: &'static str,
    /// In how many objects.
    pub objects: usize,
    /// Whether a dot is part of its name: then no field can be read from it.
    #[serde(skip)]
    pub has_dotted_name: bool,
}

/// A field that is not as described.
#[derive(Serialize, JsonSchema)]
pub struct MistypedField {
    /// Where it stands.
    pub path: String,
    /// The type that is described.
    pub described: &'static str,
    /// What stood there on the wire.
    pub actual_types: BTreeSet<&'static str>,
    /// What does not fit.
    pub message: String,
    /// In how many objects.
    pub objects: usize,
}

/// A choice with values that are not listed.
#[derive(Serialize, JsonSchema)]
pub struct UnlistedValues {
    /// Where it stands.
    pub path: String,
    /// Some of them; none where the field is marked.
    pub values: BTreeSet<String>,
    /// Whether the description says that others may come.
    pub open: bool,
    /// In how many objects.
    pub objects: usize,
}

/// Whether the natural key tells the objects apart.
#[derive(Serialize, JsonSchema)]
pub struct KeyFit {
    /// Its fields.
    pub fields: Vec<String>,
    /// Whether no two objects share it.
    pub unique: bool,
    /// The ids of some objects that share a key with another, group by group.
    pub shared: Vec<Vec<String>>,
    /// How many objects have no complete key.
    pub absent: usize,
}

/// Whether the items of a list can be matched.
#[derive(Serialize, JsonSchema)]
pub struct ListFit {
    /// Where it stands.
    pub path: String,
    /// The keys that match its items.
    pub matched_by: String,
    /// Whether they are unique in every object.
    pub unique: bool,
    /// In how many objects items were alike.
    pub ambiguous: usize,
    /// How many objects had items there.
    pub objects: usize,
}

impl FitReport {
    /// Whether the description needs work.
    pub fn is_good(&self) -> bool {
        let choices = self.unlisted.iter().all(|unlisted| unlisted.open);
        let keys = self.natural_key.as_ref().is_none_or(|key| key.unique);
        let is_unique = self.lists.iter().all(|list| list.unique);
        let pages = self.paging.as_ref().is_none_or(|paging| paging.contradictions.is_empty());
        pages
            && self.missing.is_empty()
            && self.mistyped.is_empty()
            && self.without_id == 0
            && choices
            && keys
            && is_unique
    }
}

/// Looks at objects one by one.
pub struct FitCollector<'k> {
    kind: &'k Kind,
    format: WireFormat,
    fit: FitReport,
    missing: BTreeMap<String, CountedFinding<Vec<ObservedType>>>,
    /// The paths of those with a dot in their name.
    dotted: BTreeSet<String>,
    mistyped: BTreeMap<String, CountedFinding<MistypedField>>,
    unlisted: BTreeMap<String, CountedFinding<UnlistedValues>>,
    /// Each list, and in how many objects its items were alike.
    lists: BTreeMap<String, (CountedFinding<ListFit>, CountedFinding<()>)>,
    /// How often a field came, and how often with a value.
    occurrences: BTreeMap<String, (usize, usize)>,
    keys: BTreeMap<String, Vec<String>>,
    values: ValueTracker,
}

/// Something with the number of objects that have it; an object counts once.
struct CountedFinding<T> {
    finding: T,
    objects: usize,
    last_object: usize,
}

impl<T> CountedFinding<T> {
    fn new(what: T) -> Self {
        Self { finding: what, objects: 0, last_object: 0 }
    }

    /// Counts object number `object`, from 1.
    fn count_object(&mut self, object: usize) {
        if self.last_object != object {
            self.last_object = object;
            self.objects += 1;
        }
    }
}

/// What stood on the wire, and the type that it would fit.
#[derive(Clone, Copy)]
struct ObservedType {
    json_type: &'static str,
    kind_type: &'static str,
}

impl<'k> FitCollector<'k> {
    /// Nothing seen yet.
    pub fn new(kind: &'k Kind, format: WireFormat) -> Self {
        Self {
            fit: FitReport { kind: kind.name.to_string(), ..FitReport::default() },
            kind,
            format,
            missing: BTreeMap::new(),
            dotted: BTreeSet::new(),
            mistyped: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            lists: BTreeMap::new(),
            occurrences: BTreeMap::new(),
            keys: BTreeMap::new(),
            values: ValueTracker::default(),
        }
    }

    /// How many objects were looked at.
    pub fn objects(&self) -> usize {
        self.fit.objects
    }

    /// Looks at one more.
    pub fn inspect_object(&mut self, live: &Snapshot) {
        self.fit.objects += 1;
        self.inspect_members(&self.kind.shape, &live.object, "");
        self.values.inspect_object(self.kind, &live.object);
        for misread in &live.mismatches {
            self.record_mismatch(&live.object, &misread.pointer, &misread.message);
        }
        let id = live.object.get_field(self.kind.identity.id).filter(|id| !id.is_zero());
        if id.is_none() {
            self.fit.without_id += 1;
        }
        let shown = self.kind.id_field().sensitivity == Sensitivity::Public;
        let id = id
            .filter(|_| shown)
            .map_or_else(|| "?".into(), |id| ScalarType::render_url_text(id, &self.kind.api));
        if let Some(key) = build_live_key(self.kind, &live.object) {
            self.keys.entry(key).or_default().push(id);
        }
    }

    /// What was found.
    pub fn into_report(mut self) -> FitReport {
        let mut fit = std::mem::take(&mut self.fit);
        let missing = self.missing.iter().map(|(path, counted)| UndescribedMember {
            has_dotted_name: self.dotted.contains(path),
            ..build_undescribed_member(path, counted)
        });
        fit.missing = missing.collect();
        fit.natural_key = self.check_natural_key(fit.objects);
        fit.unique_fields = self.values.list_unique_fields(self.kind);
        fit.masks = self.values.list_masks(self.kind);
        (fit.never_returned, fit.only_null) = self.find_unseen_fields(fit.objects);
        fit.mistyped = self
            .mistyped
            .into_values()
            .map(|counted| MistypedField { objects: counted.objects, ..counted.finding })
            .collect();
        fit.unlisted = self
            .unlisted
            .into_values()
            .map(|counted| UnlistedValues { objects: counted.objects, ..counted.finding })
            .collect();
        let list = |(counted, alike): (CountedFinding<ListFit>, CountedFinding<()>)| {
            let (objects, ambiguous) = (counted.objects, alike.objects);
            ListFit { unique: ambiguous == 0, ambiguous, objects, ..counted.finding }
        };
        fit.lists = self.lists.into_values().map(list).collect();
        fit
    }

    fn inspect_members(&mut self, shape: &Shape, object: &Object, at: &str) {
        for unknown_field in &object.unknown_fields {
            // what does not fit its field is among the unknown fields too, and is reported as a misfit
            if !shape
                .fields
                .iter()
                .any(|field| is_read_from(field, &unknown_field.name, self.kind.api.member_names))
            {
                self.record_unknown_field(unknown_field, at);
            }
        }
        for field in &shape.fields {
            let path = join_path(at, &field.name);
            if let Some(value) = object.get_field(field.number) {
                let (came, valued) = self.occurrences.entry(path.clone()).or_default();
                *came += 1;
                *valued += usize::from(!matches!(value, Value::Null));
                self.inspect_value(field, value, &path);
            }
        }
    }

    fn record_unknown_field(&mut self, unknown_field: &UnknownField, at: &str) {
        let path = join_path(at, &unknown_field.name);
        if self.missing.len() >= MAX_PATHS && !self.missing.contains_key(&path) {
            return;
        }
        let value = read_any(unknown_field.raw.as_bytes(), self.format).ok();
        let sort =
            value.as_ref().map_or(ObservedType { json_type: "unreadable", kind_type: "any" }, observe_type);
        if unknown_field.name.contains('.') {
            self.dotted.insert(path.clone());
        }
        let counted = self.missing.entry(path).or_insert_with(|| CountedFinding::new(Vec::new()));
        counted.finding.push(sort);
        counted.count_object(self.fit.objects);
    }

    fn inspect_value(&mut self, field: &Field, value: &Value, path: &str) {
        match (&field.ty, value) {
            (FieldType::Object(shape), Value::Object(inner)) => self.inspect_members(shape, inner, path),
            (FieldType::Array(list), Value::Array(items)) => self.inspect_list(list, items, path),
            (FieldType::Scalar(ScalarType::Enum { values: choices, open }), Value::String(text))
                if !text.is_empty() && !choices.iter().any(|(choice, _)| **choice == **text) =>
            {
                self.record_unlisted_value(field.sensitivity, text, *open, path);
            }
            _ => {}
        }
    }

    fn record_unlisted_value(&mut self, mark: Sensitivity, text: &str, open: bool, path: &str) {
        let new = || UnlistedValues { path: path.to_owned(), values: BTreeSet::new(), open, objects: 0 };
        let counted = self.unlisted.entry(path.to_owned()).or_insert_with(|| CountedFinding::new(new()));
        counted.count_object(self.fit.objects);
        if mark == Sensitivity::Public && counted.finding.values.len() < MAX_UNLISTED_VALUES {
            counted.finding.values.insert(text.chars().take(60).collect());
        }
    }

    fn inspect_list(&mut self, list: &ArrayType, items: &[Value], path: &str) {
        let inside = format!("{path}[]");
        if let ItemType::Object(shape) = &list.item {
            items
                .iter()
                .filter_map(Value::as_object)
                .for_each(|item| self.inspect_members(shape, item, &inside));
        }
        let Some(matched_by) = describe_list_keys(list).filter(|_| !items.is_empty()) else { return };
        let new = || ListFit { path: path.to_owned(), matched_by, unique: true, ambiguous: 0, objects: 0 };
        let (counted, alike) = self
            .lists
            .entry(path.to_owned())
            .or_insert_with(|| (CountedFinding::new(new()), CountedFinding::new(())));
        counted.count_object(self.fit.objects);
        if !list.has_distinct_items(items) {
            alike.count_object(self.fit.objects);
        }
    }

    fn record_mismatch(&mut self, object: &Object, pointer: &str, message: &str) {
        let steps: Vec<String> =
            pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        let (path, field) = self.resolve_pointer(&steps);
        let came = self.find_observed_type(object, &steps);
        let described = field.map_or("object", |field| name_described_type(field, path.ends_with("[]")));
        let new = || MistypedField {
            path: path.clone(),
            described,
            actual_types: BTreeSet::new(),
            message: message.to_owned(),
            objects: 0,
        };
        if self.mistyped.len() >= MAX_PATHS && !self.mistyped.contains_key(&path) {
            return;
        }
        let counted = self.mistyped.entry(path.clone()).or_insert_with(|| CountedFinding::new(new()));
        counted.finding.actual_types.extend(came);
        counted.count_object(self.fit.objects);
    }

    /// The path of a pointer, and the field at its end.
    fn resolve_pointer(&self, steps: &[String]) -> (String, Option<&'k Field>) {
        let (mut shape, mut field, mut path) = (Some(&*self.kind.shape), None, String::new());
        for step in steps {
            match shape.and_then(|shape| shape.find_field(step)) {
                Some(own) => {
                    path = join_path(&path, step);
                    field = Some(own);
                    shape = match &own.ty {
                        FieldType::Object(inner) => Some(inner),
                        _ => None,
                    };
                }
                // a step that names no field is the number of an item
                None => {
                    path.push_str("[]");
                    shape = field.and_then(|field| field.ty.item_shape()).map(|inner| &**inner);
                }
            }
        }
        (path, field)
    }

    /// What stood on the wire at a pointer that was misread.
    fn find_observed_type(&self, object: &Object, steps: &[String]) -> Option<&'static str> {
        let (mut shape, mut object) = (&*self.kind.shape, object);
        let mut steps = steps.iter();
        loop {
            let field = shape.find_field(steps.next()?)?;
            match object.get_field(field.number) {
                Some(Value::Object(inner)) => {
                    let FieldType::Object(inside) = &field.ty else { return None };
                    (shape, object) = (inside, inner);
                }
                Some(Value::Array(items)) => {
                    (shape, object) = (
                        field.ty.item_shape()?,
                        items.get(steps.next()?.parse::<usize>().ok()?)?.as_object()?,
                    );
                }
                Some(_) => return None,
                None => {
                    let names = self.kind.api.member_names;
                    let own = object
                        .unknown_fields
                        .iter()
                        .find(|unknown_field| is_read_from(field, &unknown_field.name, names))?;
                    let mut value = read_any(own.raw.as_bytes(), self.format).ok()?;
                    for step in steps {
                        let index = step.parse::<usize>().ok()?;
                        value = match value {
                            Value::Map(entries) => entries.into_iter().nth(index)?.1,
                            value => value.items().get(index)?.clone(),
                        };
                    }
                    return Some(observe_type(&value).json_type);
                }
            }
        }
    }

    fn check_natural_key(&self, objects: usize) -> Option<KeyFit> {
        let fields = self.kind.list_natural_key_names();
        if fields.is_empty() {
            return None;
        }
        let complete: usize = self.keys.values().map(Vec::len).sum();
        let shared = self.keys.values().filter(|ids| ids.len() > 1);
        let shared: Vec<Vec<String>> =
            shared.take(MAX_IDS).map(|ids| ids.iter().take(MAX_IDS).cloned().collect()).collect();
        Some(KeyFit { fields, unique: shared.is_empty(), shared, absent: objects.saturating_sub(complete) })
    }

    /// Fields that no object had, and those that were null wherever they came. Of a container that never came
    /// the fields inside are not reported.
    fn find_unseen_fields(&self, objects: usize) -> (Vec<String>, Vec<String>) {
        let (mut never, mut null) = (Vec::new(), Vec::new());
        if objects > 0 {
            self.collect_unseen_fields(&self.kind.shape, "", &mut never, &mut null);
        }
        (never, null)
    }

    fn collect_unseen_fields(
        &self,
        shape: &Shape,
        at: &str,
        never: &mut Vec<String>,
        null: &mut Vec<String>,
    ) {
        for field in shape.fields.iter().filter(|field| !field.behavior.write_only) {
            let path = join_path(at, &field.name);
            match self.occurrences.get(&path) {
                None if self.is_mistyped(&path) => {}
                None => never.push(path),
                Some((_, 0)) => null.push(path),
                Some(_) => match &field.ty {
                    FieldType::Object(inner) => self.collect_unseen_fields(inner, &path, never, null),
                    FieldType::Array(ArrayType { item: ItemType::Object(inner), .. }) => {
                        let inside = format!("{path}[]");
                        // of empty lists nothing is known
                        if inner
                            .fields
                            .iter()
                            .any(|field| self.occurrences.contains_key(&join_path(&inside, &field.name)))
                        {
                            self.collect_unseen_fields(inner, &inside, never, null);
                        }
                    }
                    _ => {}
                },
            }
        }
    }

    fn is_mistyped(&self, path: &str) -> bool {
        self.mistyped.keys().any(|own| own == path || own.strip_prefix(path).is_some_and(|rest| rest == "[]"))
    }
}

fn build_undescribed_member(path: &str, counted: &CountedFinding<Vec<ObservedType>>) -> UndescribedMember {
    let sorts = || counted.finding.iter().filter(|sort| sort.json_type != "null");
    let words: BTreeSet<&str> = sorts().map(|sort| sort.kind_type).collect();
    let suggested = match words.into_iter().collect::<Vec<_>>().as_slice() {
        ["date"] => "date",
        ["decimal"] | ["decimal", "integer"] => "decimal",
        ["boolean"] => "boolean",
        ["uuid"] => "uuid",
        ["array"] => "array",
        ["object"] => "object",
        ["datetime"] => "datetime",
        ["integer"] => "integer",
        several if !several.is_empty() && sorts().all(|sort| sort.json_type == "string") => "string",
        _ => "any",
    };
    let came = counted.finding.iter().map(|sort| sort.json_type).collect();
    let (path, objects) = (path.to_owned(), counted.objects);
    UndescribedMember { path, actual_types: came, suggested, objects, has_dotted_name: false }
}

/// What a value was on the wire, and the narrowest type that it fits.
fn observe_type(value: &Value) -> ObservedType {
    let (json, word) = match value {
        Value::Null | Value::KnownAfterApply(_) => ("null", "any"),
        Value::Boolean(_) => ("boolean", "boolean"),
        Value::Integer(_) => ("number", "integer"),
        Value::Decimal(number) if number.is_integer() => ("number", "integer"),
        Value::Decimal(_) | Value::Number(_) => ("number", "decimal"),
        Value::Array(_) => ("array", "array"),
        Value::Map(_) | Value::Object(_) => ("object", "object"),
        Value::Uuid(_) => ("string", "uuid"),
        Value::Date(_) => ("string", "date"),
        Value::DateTime(_) => ("string", "datetime"),
        Value::String(text) => {
            let reads = |scalar_type: &ScalarType| scalar_type.read_token(ScalarToken::String(text)).is_ok();
            let known =
                [(ScalarType::Uuid, "uuid"), (ScalarType::Date, "date"), (ScalarType::DateTime, "datetime")];
            (
                "string",
                known
                    .into_iter()
                    .find(|(scalar_type, _)| reads(scalar_type))
                    .map_or("string", |(_, word)| word),
            )
        }
    };
    ObservedType { json_type: json, kind_type: word }
}

/// Whether a field is read from, or from within, a member of that name.
fn is_read_from(field: &Field, member: &str, names: MemberNameCase) -> bool {
    field.read_from.first().is_some_and(|own| match names {
        MemberNameCase::Exact => **own == *member,
        MemberNameCase::CaseInsensitive | MemberNameCase::PreserveCase => own.eq_ignore_ascii_case(member),
    })
}

fn name_described_type(field: &Field, item: bool) -> &'static str {
    match &field.ty {
        FieldType::Array(list) if item => match &list.item {
            ItemType::Scalar(scalar_type) => scalar_type.type_name(),
            ItemType::Object(_) => "object",
        },
        ty => ty.type_name(),
    }
}

fn join_path(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// The keys that match the items of a list, in words; none for atomic lists.
fn describe_list_keys(list: &ArrayType) -> Option<String> {
    match (&list.list_type, &list.item) {
        (ListType::Atomic, _) => None,
        (ListType::Set, _) => Some("set".to_owned()),
        (ListType::Map(keys), ItemType::Object(shape)) => {
            let names = |key: &Vec<u16>| {
                let names: Vec<&str> = key.iter().map(|number| &*shape.get_field(*number).name).collect();
                names.join(", ")
            };
            Some(keys.iter().map(names).collect::<Vec<_>>().join(", or "))
        }
        (ListType::Map(_), ItemType::Scalar(_)) => None,
    }
}
