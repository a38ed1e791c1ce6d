//! The schemas of the fields below `spec`, each defined once for every form in which it is written.
//!
//! A document that nothing completes writes lists in full. A level may edit the lists of the levels below it. A base
//! holds nothing that says which object it is, and nothing about a person. What is the same in all forms is one
//! definition.

use serde_json::{Map, Value as Json, json};

use super::names::WorkspaceNames;
use super::scalar::{self, ScalarPosition, as_map};
use super::{build_mapping, set_title_and_description};
use crate::kind::explain;
use crate::kind::{ArrayType, Field, FieldType, ItemType, Kind, ListType, MapType, Shape};
use crate::value::Sensitivity;
use crate::yaml;

/// In which form fields are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SpecForm {
    /// All of an object, or of an item of a list.
    Whole,
    /// What a level says over others.
    Level,
    /// What objects share.
    Base,
    /// An item that is changed: its key, and what differs.
    Change,
}

impl SpecForm {
    fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "spec",
            Self::Level => "level",
            Self::Base => "base",
            Self::Change => "change",
        }
    }
}

/// Where an object type is: its path below `spec`, the greatest sensitivity above it, and its form.
#[derive(Clone, Copy)]
struct SchemaPosition<'p> {
    path: &'p str,
    sensitivity: Sensitivity,
    form: SpecForm,
}

/// Builds the definitions of a kind's fields.
pub struct SpecBuilder<'k> {
    pub kind: &'k Kind,
    pub names: &'k WorkspaceNames,
    pub definitions: Map<String, Json>,
}

impl<'k> SpecBuilder<'k> {
    pub fn new(kind: &'k Kind, names: &'k WorkspaceNames) -> Self {
        Self { kind, names, definitions: Map::new() }
    }

    /// The fields of a spec in a form.
    pub fn build_spec(&mut self, form: SpecForm) -> Map<String, Json> {
        let inside = SchemaPosition { path: "", sensitivity: Sensitivity::Public, form };
        self.build_object(&self.kind.shape, inside)
    }

    fn build_object(&mut self, shape: &Shape, inside: SchemaPosition) -> Map<String, Json> {
        let mut properties = Map::new();
        for field in &shape.fields {
            let path = match inside.path {
                "" => field.name.to_string(),
                above => format!("{above}.{}", field.name),
            };
            let sensitivity = inside.sensitivity.max(field.sensitivity);
            let form = self.narrow_form(field, SchemaPosition { path: &path, sensitivity, ..inside });
            let property = self.define_property(field, SchemaPosition { path: &path, sensitivity, form });
            properties.insert(field.name.to_string(), property);
        }
        build_mapping(properties)
    }

    /// The form in which a field differs from the whole one, if it does.
    fn narrow_form(&self, field: &Field, inside: SchemaPosition) -> SpecForm {
        let differs = match inside.form {
            SpecForm::Whole => false,
            SpecForm::Level | SpecForm::Change => has_edits(field),
            SpecForm::Base => has_identity_or_person(field, inside.path, self),
        };
        match inside.form {
            _ if !differs || explain::is_set_by_service(field) => SpecForm::Whole,
            SpecForm::Change => SpecForm::Level,
            form => form,
        }
    }

    /// Whether a field alone says which object it is.
    fn is_identity(&self, path: &str) -> bool {
        let names = self.kind.list_natural_key_names();
        matches!(names.as_slice(), [only] if only == path) || *self.kind.id_field().name == *path
    }

    fn define_property(&mut self, field: &Field, inside: SchemaPosition) -> Json {
        let name = name_definition(inside.form.as_str(), inside.path);
        if !self.definitions.contains_key(&name) {
            let schema = self.build_property(field, inside);
            self.definitions.insert(name.clone(), schema.into());
        }
        refer_to(&name)
    }

    fn build_property(&mut self, field: &Field, inside: SchemaPosition) -> Map<String, Json> {
        let facts = explain::collect_field_facts(self.kind, field);
        let mut schema = Map::new();
        set_title_and_description(&mut schema, inside.path, &field.description, &facts);
        prepend_type(&mut schema, field);
        if explain::is_set_by_service(field) {
            let who = if field.copy_of.is_some() { "trueup fills this in" } else { "the service sets this" };
            schema.extend(build_forbidden(&format!("{who}, a document can't; leave it out")));
            return schema;
        }
        let is_own = inside.form == SpecForm::Base
            && (self.is_identity(inside.path) || field.sensitivity == Sensitivity::Personal);
        if is_own {
            schema.extend(build_forbidden("a base is no object; set this in the document of the object"));
            return schema;
        }
        schema.extend(self.build_field(field, inside));
        add_examples(&mut schema, field, inside.sensitivity);
        schema
    }

    fn build_field(&mut self, field: &Field, inside: SchemaPosition) -> Map<String, Json> {
        let nullable = explain::can_be_cleared(field);
        let (sensitivity, names) = (inside.sensitivity, self.names);
        match &field.ty {
            FieldType::Scalar(scalar_type) => scalar::build_scalar_schema(
                scalar_type,
                ScalarPosition { field, sensitivity, nullable, names },
            ),
            FieldType::Object(shape) => allow_null(self.build_object(shape, inside), nullable),
            FieldType::Map(map) => allow_null(self.build_map(map, field, inside), nullable),
            FieldType::Array(list) => allow_null(self.build_array(field, list, inside), nullable),
        }
    }

    /// Any key will do; those that are known are offered. Null takes an entry out.
    fn build_map(&self, map: &MapType, field: &Field, inside: SchemaPosition) -> Map<String, Json> {
        let place =
            ScalarPosition { field, sensitivity: inside.sensitivity, nullable: true, names: self.names };
        let entry = |title: &str, is: &str| {
            let mut entry = scalar::build_scalar_schema(&map.value, place);
            set_title_and_description(&mut entry, title, is, &[]);
            Json::from(entry)
        };
        let known =
            map.keys.iter().map(|(key, is)| (key.to_string(), entry(&format!("{}.{key}", inside.path), is)));
        as_map(json!({
            "type": "object",
            "properties": Map::from_iter(known),
            "patternProperties": { "^<<$": {} },
            "additionalProperties": entry(&format!("{} entry", inside.path), &field.description),
        }))
    }

    fn build_array(&mut self, field: &Field, list: &ArrayType, inside: SchemaPosition) -> Map<String, Json> {
        let form = if inside.form == SpecForm::Base { SpecForm::Base } else { SpecForm::Whole };
        let item = self.build_item(field, list, SchemaPosition { form, ..inside });
        let mut schema = as_map(json!({ "type": "array", "items": item }));
        if !list.can_be_emptied() {
            schema.insert("minItems".into(), 1.into());
        }
        if inside.form == SpecForm::Level {
            schema.insert("type".into(), json!(["array", "object"]));
            schema.extend(self.build_edits(field, list, SchemaPosition { form, ..inside }));
        }
        schema
    }

    /// `{ add, change, remove }`: a mapping where a list may be, which changes the list below.
    fn build_edits(&mut self, field: &Field, list: &ArrayType, inside: SchemaPosition) -> Map<String, Json> {
        let mut edits = Map::new();
        let mut edit = |name: &str, item: Json, is: &str| {
            let mut schema = as_map(json!({ "type": "array", "items": item }));
            set_title_and_description(&mut schema, &format!("{}.{name}", inside.path), is, &[]);
            edits.insert(name.to_owned(), schema.into());
        };
        let whole = self.build_item(field, list, inside);
        edit("add", whole.clone(), "Items that the list below does not have, each in full.");
        match (&list.item, &list.list_type) {
            (ItemType::Object(shape), ListType::Map(keys)) => {
                let changed =
                    self.build_item(field, list, SchemaPosition { form: SpecForm::Change, ..inside });
                edit("change", changed, "Items of the list below: the key of each, and what differs.");
                let removed = self.build_item_key(shape, keys, inside);
                edit("remove", removed, "Items of the list below that go: the key of each.");
            }
            _ => edit("remove", whole, "Items of the list below that go."),
        }
        let mut schema = build_mapping(edits);
        schema.remove("type");
        schema.insert("minProperties".into(), 1.into());
        schema
    }

    fn build_item(&mut self, field: &Field, list: &ArrayType, inside: SchemaPosition) -> Json {
        let shape = match &list.item {
            ItemType::Object(shape) => shape,
            ItemType::Scalar(scalar_type) => {
                let (sensitivity, names) = (inside.sensitivity, self.names);
                let place = ScalarPosition { field, sensitivity, nullable: false, names };
                return scalar::build_scalar_schema(scalar_type, place).into();
            }
        };
        let name = name_definition(&format!("{}-item", inside.form.as_str()), inside.path);
        if !self.definitions.contains_key(&name) {
            let mut item = self.build_object(shape, inside);
            item.insert("title".into(), format!("{} item", inside.path).into());
            if let ListType::Map(keys) = &list.list_type {
                item.extend(build_key_requirement(keys, shape));
            }
            self.definitions.insert(name.clone(), item.into());
        }
        refer_to(&name)
    }

    /// An item by its key alone.
    fn build_item_key(&mut self, shape: &Shape, keys: &[Vec<u16>], inside: SchemaPosition) -> Json {
        let name = name_definition("key", inside.path);
        if !self.definitions.contains_key(&name) {
            let mut item = self.build_object(shape, SchemaPosition { form: SpecForm::Whole, ..inside });
            if let Some(Json::Object(properties)) = item.get_mut("properties") {
                properties.retain(|name, _| {
                    keys.iter().flatten().any(|number| *shape.get_field(*number).name == **name)
                });
            }
            item.insert("title".into(), format!("{} key", inside.path).into());
            item.extend(build_key_requirement(keys, shape));
            self.definitions.insert(name.clone(), item.into());
        }
        refer_to(&name)
    }
}

/// Whether lists of a field, or inside it, can be edited.
fn has_edits(field: &Field) -> bool {
    match &field.ty {
        FieldType::Array(list) => !matches!(list.list_type, ListType::Atomic),
        FieldType::Object(shape) => shape.fields.iter().any(has_edits),
        FieldType::Scalar(_) | FieldType::Map(_) => false,
    }
}

/// Whether something at or inside a field cannot be in a base.
fn has_identity_or_person(field: &Field, path: &str, builder: &SpecBuilder) -> bool {
    let inner = |own: &Field| has_identity_or_person(own, &format!("{path}.{}", own.name), builder);
    let is_own = builder.is_identity(path) || field.sensitivity == Sensitivity::Personal;
    is_own || field.ty.inner_shape().is_some_and(|shape| shape.fields.iter().any(inner))
}

/// Two demands that exclude each other refuse every value; the first is the one that has a message. Never offered.
pub fn build_forbidden(message: &str) -> Map<String, Json> {
    as_map(json!({
        "type": "null",
        "not": { "type": "null" },
        "doNotSuggest": true,
        "errorMessage": message,
    }))
}

/// The name of a definition: letters that need no escape in a reference.
fn name_definition(form: &str, path: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => c.to_string(),
        other => format!("_{:x}_", other as u32),
    };
    format!("{form}.{}", path.chars().map(letter).collect::<String>())
}

/// A reference to a definition of the same schema.
pub fn refer_to(name: &str) -> Json {
    json!({ "$ref": format!("#/definitions/{name}") })
}

/// An editor offers examples as values, but can only write those that fit on the line; others are shown.
fn add_examples(schema: &mut Map<String, Json>, field: &Field, mark: Sensitivity) {
    let Some(example) = explain::build_example(field).filter(|_| mark != Sensitivity::Secret) else { return };
    if !example.is_array() && !example.is_object() {
        schema.insert("examples".into(), json!([example]));
    } else if let Some(Json::String(markdown)) = schema.get_mut("markdownDescription") {
        let text = yaml::write_yaml(&json!({ (&*field.name): example }));
        markdown.push_str(&format!("\n\nExample:\n\n```yaml\n{text}```"));
    }
}

/// An item has all fields of one of its keys: those of all keys are simply required, those of the first one
/// where no other key is complete.
fn build_key_requirement(keys: &[Vec<u16>], shape: &Shape) -> Map<String, Json> {
    let Some((first, others)) = keys.split_first() else { return Map::new() };
    let name = |number: &u16| shape.get_field(*number).name.to_string();
    let names = |key: &[u16]| key.iter().map(name).collect::<Vec<_>>();
    let (everywhere, rest): (Vec<u16>, Vec<u16>) =
        first.iter().partition(|number| others.iter().all(|key| key.contains(number)));
    let mut schema = as_map(json!({ "required": names(&everywhere) }));
    // a key that holds the first one is never complete without it
    let freed = others.iter().filter(|key| !first.iter().all(|number| key.contains(number)));
    let freed: Vec<_> = freed.map(|key| json!({ "required": names(key) })).collect();
    if !freed.is_empty() {
        schema.insert("if".into(), json!({ "not": { "anyOf": freed } }));
        schema.insert("then".into(), json!({ "required": names(&rest) }));
    }
    schema
}

fn allow_null(mut schema: Map<String, Json>, nullable: bool) -> Map<String, Json> {
    if !nullable {
        return schema;
    }
    match schema.get_mut("type") {
        Some(Json::Array(types)) => types.push("null".into()),
        Some(ty) => *ty = json!([ty.clone(), "null"]),
        None => {}
    }
    schema
}

/// The type stands before the meaning, as in `trueup explain`.
fn prepend_type(schema: &mut Map<String, Json>, field: &Field) {
    let ty = explain::render_type(&field.ty);
    if let Some(Json::String(markdown)) = schema.get_mut("markdownDescription") {
        *markdown = format!("`{ty}` {markdown}");
    }
}
