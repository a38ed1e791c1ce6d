//! The words around `spec`, in each form that a document has: one object, many, an overlay, a base.

use schemars::Schema;
use serde_json::{Map, Value as Json, json};

use super::identity::{build_identity_requirement, build_spec_requirement};
use super::names::{WorkspaceNames, build_known_name_schema};
use super::scalar::{self, as_map};
use super::spec::{SpecBuilder, SpecForm, build_forbidden, refer_to};
use super::{DRAFT_URI, build_mapping, set_description, set_title_and_description, strip_code_marks};
use crate::kind::explain;
use crate::kind::{Field, FieldType, IdAssigner, Kind};

/// The keys of a document that other levels complete.
const LEVEL_KEYS: [&str; 3] = ["extends", "environments", "unset"];

/// The schema of the documents of `kind`: it chooses by the keys of a document what else is right in it.
pub fn build_document_schema(kind: &Kind, names: &WorkspaceNames) -> Schema {
    let mut builder = EnvelopeBuilder { specs: SpecBuilder::new(kind, names) };
    let forms = [
        ("document", builder.build_document()),
        ("object", builder.build_object()),
        ("objects", builder.build_objects()),
        ("overlay", builder.build_overlay()),
        ("base", builder.build_base()),
    ];
    let mut definitions = std::mem::take(&mut builder.specs.definitions);
    definitions.extend(forms.map(|(name, form)| (name.to_owned(), form.into())));
    let choose =
        |key: &str, other: Json| json!({ "if": { "required": [key] }, "then": refer_to(key), "else": other });
    let chosen = choose("base", choose("overlay", choose("objects", refer_to("document"))));
    let mut schema = as_map(json!({ "$schema": DRAFT_URI, "title": kind.title }));
    set_description(&mut schema, &kind.description, &[]);
    schema.insert("type".into(), "object".into());
    schema.extend(as_map(chosen));
    schema.insert("definitions".into(), definitions.into());
    Schema::from(schema)
}

/// Builds the forms of documents of a kind.
struct EnvelopeBuilder<'k> {
    specs: SpecBuilder<'k>,
}

impl EnvelopeBuilder<'_> {
    /// One object.
    fn build_document(&mut self) -> Map<String, Json> {
        let kind = self.specs.kind;
        let mut words = self.list_words(&["kind", "name", "target", "state", "id", "protect"]);
        words.extend(self.list_words(&["depends_on", "scope"]));
        words.extend(self.list_words(&["extends", "environments", "unset", "spec"]));
        words.extend(list_other_forms());
        self.define_spec("spec", SpecForm::Whole);
        let is_level = Json::from_iter(LEVEL_KEYS.map(|key| json!({ "required": [key] })));
        let own = json!({ "properties": { "spec": refer_to("spec") } });
        let partial = json!({ "properties": { "spec": self.refer_to_level() } });
        let demands: Vec<Json> =
            [Some(own), Some(build_spec_requirement()), build_identity_requirement(kind)]
                .into_iter()
                .flatten()
                .collect();
        let content = match self.specs.names.is_completed(&kind.name) {
            true => partial,
            false => json!({ "if": { "anyOf": is_level }, "then": partial, "else": { "allOf": demands } }),
        };
        let mut schema = build_mapping(words);
        schema.insert("allOf".into(), json!([{ "required": ["kind", "name"] }, content]));
        schema.insert("defaultSnippets".into(), json!([build_start_snippet(kind)]));
        schema
    }

    /// One of many objects in a document.
    fn build_object(&mut self) -> Map<String, Json> {
        let mut words = self.list_words(&["target", "state", "id", "protect", "depends_on", "scope"]);
        words.extend(self.list_words(&["extends", "environments", "unset"]));
        words.extend(self.list_words(&["spec"]));
        let mut schema = build_mapping(words);
        schema.insert("allOf".into(), json!([{ "properties": { "spec": self.refer_to_level() } }]));
        schema.insert("type".into(), json!(["object", "null"]));
        set_title_and_description(&mut schema, "object", "One object: what it says itself.", &[]);
        schema
    }

    /// Many objects of a kind.
    fn build_objects(&mut self) -> Map<String, Json> {
        let mut words =
            self.list_words(&["kind", "extends", "environments", "target", "depends_on", "scope"]);
        let mut objects = as_map(json!({
            "type": "object",
            "propertyNames": { "minLength": 1, "maxLength": 200 },
            "additionalProperties": refer_to("object"),
        }));
        set_title_and_description(&mut objects, "objects", OBJECTS, &[]);
        words.insert("objects".into(), objects.into());
        let mut schema = build_mapping(words);
        schema.insert("required".into(), json!(["kind", "objects"]));
        schema
    }

    /// What one environment says of one object.
    fn build_overlay(&mut self) -> Map<String, Json> {
        let mut words = self.list_words(&["overlay", "kind", "name", "target", "state", "id", "protect"]);
        words.extend(self.list_words(&["depends_on", "scope", "unset", "spec"]));
        let mut schema = build_mapping(words);
        schema.insert("allOf".into(), json!([{ "properties": { "spec": self.refer_to_level() } }]));
        schema.insert("required".into(), json!(["overlay", "kind", "name"]));
        schema
    }

    /// What objects share.
    fn build_base(&mut self) -> Map<String, Json> {
        let mut words = self.list_words(&["base", "kind"]);
        let mut spec = self.specs.build_spec(SpecForm::Base);
        set_title_and_description(&mut spec, "spec", BASE_SPEC, &[]);
        words.insert("spec".into(), spec.into());
        for key in ["name", "id"] {
            let message = format!("a base is no object, so it has no `{key}`");
            words.insert(key.into(), build_forbidden(&message).into());
        }
        let mut schema = build_mapping(words);
        schema.insert("required".into(), json!(["base", "kind"]));
        schema
    }

    fn refer_to_level(&mut self) -> Json {
        if !self.specs.definitions.contains_key("level") {
            self.define_spec("level", SpecForm::Level);
        }
        refer_to("level")
    }

    fn define_spec(&mut self, name: &str, form: SpecForm) {
        let mut spec = self.specs.build_spec(form);
        spec.remove("type"); // the word itself has it
        set_title_and_description(&mut spec, "spec", SPEC, &[]);
        self.specs.definitions.insert(name.to_owned(), spec.into());
    }

    fn list_words(&self, keys: &[&str]) -> Map<String, Json> {
        let words = keys.iter().filter_map(|key| Some(((*key).to_owned(), self.build_word(key)?)));
        words.collect()
    }

    /// A key of a document and its meaning; nothing where the kind has no use for it.
    fn build_word(&self, key: &str) -> Option<Json> {
        let (kind, names) = (self.specs.kind, self.specs.names);
        let (mut schema, about) = match key {
            "kind" => (as_map(json!({ "const": &*kind.name })), kind.description.clone()),
            "target" => {
                let known = names.list_targets(&kind.api.name);
                (build_known_name_schema(build_text_schema(), &known), TARGET.to_owned())
            }
            "state" => (build_state_schema(), "Whether the object is to be there.".to_owned()),
            // an id that other values make up is never written
            "id" if kind.identity.composition.is_some() => return None,
            "id" => (build_id_schema(kind), describe_id(kind)),
            "protect" => (
                as_map(json!({ "type": "boolean", "default": false })),
                "Whether this object must never be deleted.".to_owned(),
            ),
            "depends_on" => {
                let name = as_map(json!({ "type": "string", "pattern": "^[^/]+/[^/]+/.*[^ ].*$" }));
                (list_of(name), DEPENDS_ON.to_owned())
            }
            "scope" if kind.scope.is_empty() => return None,
            "scope" => (build_scope_schema(kind, names), SCOPE.to_owned()),
            "extends" => (list_of(build_text_schema()), EXTENDS.to_owned()),
            "environments" => (list_of(self.build_environment_name()), ENVIRONMENTS.to_owned()),
            "unset" => (list_of(build_text_schema()), UNSET.to_owned()),
            "overlay" => (self.build_environment_name(), OVERLAY.to_owned()),
            "base" => (build_text_schema(), BASE.to_owned()),
            "spec" => (as_map(json!({ "type": "object" })), SPEC.to_owned()),
            _ => (build_text_schema(), NAME.to_owned()),
        };
        set_title_and_description(&mut schema, key, &about, &[]);
        Some(schema.into())
    }

    fn build_environment_name(&self) -> Map<String, Json> {
        let known: Vec<&str> = self.specs.names.environments.iter().map(String::as_str).collect();
        build_known_name_schema(build_text_schema(), &known)
    }
}

const NAME: &str = "The stable key of this document in the repository, unique for its kind and target. The service never sees it.";
const TARGET: &str = "The connection in `trueup.yaml` through which the object is reached. May be left out when exactly one target serves the API.";
const SCOPE: &str = "Where the object lives. Overrides the target's `scope`, one by one.";
const DEPENDS_ON: &str = "Other documents, as `api/kind/NAME`: their objects are written before this one, and deleted after it. A `{ ref: NAME }` needs no such line.";
const SPEC: &str = "The desired fields, named as the service names them. What is not written is not managed; `null` clears a field.";
const BASE_SPEC: &str =
    "The fields that objects share. Nothing is required, and nothing says which object it is.";
const EXTENDS: &str = "The bases whose fields this takes, in any order. `[]` takes none, not even the `defaults` of `trueup.yaml`.";
const ENVIRONMENTS: &str = "The only environments in which the object is. In all of them when left out.";
const UNSET: &str = "Fields of lower levels that are not managed here, as paths with dots.";
const OVERLAY: &str = "The environment in which this document changes the object of this kind and name.";
pub const BASE: &str = "The name by which documents of this kind extend this base.";
const OBJECTS: &str = "Many objects of this kind, each under its name.";

/// The keys that make a document of another form; an editor offers them where a document begins.
fn list_other_forms() -> Map<String, Json> {
    let forms = [("overlay", "string", OVERLAY), ("objects", "object", OBJECTS), ("base", "string", BASE)];
    let word = |(key, ty, about): (&str, &str, &str)| {
        let mut schema = as_map(json!({ "type": ty }));
        set_title_and_description(&mut schema, key, about, &[]);
        (key.to_owned(), schema.into())
    };
    forms.map(word).into_iter().collect()
}

fn list_of(item: Map<String, Json>) -> Map<String, Json> {
    as_map(json!({ "type": "array", "items": item }))
}

/// What an editor writes when a document is begun: the rest of the envelope, with what every object must have.
fn build_start_snippet(kind: &Kind) -> Json {
    let mut keys: Vec<u16> =
        kind.identity.natural_key.iter().filter_map(|path| path.first().copied()).collect();
    keys.extend((kind.identity.id_assigned_by == IdAssigner::Client).then_some(kind.identity.id));
    let wanted = |field: &&Field| field.behavior.required || keys.contains(&field.number);
    let fields = kind.shape.fields.iter().filter(wanted).filter(|field| !field.behavior.read_only);
    let spec = (2..).zip(fields).map(|(stop, field)| (field.name.to_string(), format!("${stop}").into()));
    let spec = Map::from_iter(spec);
    let spec = if spec.is_empty() { json!("$2") } else { spec.into() };
    let title = format!("{}: name and spec", kind.title);
    json!({ "label": title, "description": strip_code_marks(&kind.description), "body": { "name": "$1", "spec": spec } })
}

/// A bare 2024 is a number to an editor.
fn build_text_schema() -> Map<String, Json> {
    let types = ["string", "number", "boolean"];
    as_map(json!({ "type": types, "minLength": 1, "maxLength": 200, "errorMessage": "this is not a string" }))
}

fn build_state_schema() -> Map<String, Json> {
    as_map(json!({
        "enum": ["present", "absent", "unmanaged"],
        "default": "present",
        "markdownEnumDescriptions": [
            "It is made or kept as `spec` says.",
            "It is to be deleted, where the service can and `--allow-delete` is given.",
            "It is left as it is, and not managed any more; nothing is sent.",
        ],
    }))
}

fn build_id_schema(kind: &Kind) -> Map<String, Json> {
    match &kind.id_field().ty {
        FieldType::Scalar(leaf) => scalar::build_plain_schema(leaf, false),
        _ => Map::new(),
    }
}

fn describe_id(kind: &Kind) -> String {
    let is = format!("The service's id of the object, its `{}`.", kind.id_field().name);
    let names = kind.list_natural_key_names();
    if names.is_empty() {
        return is;
    }
    let names = explain::join_as_code(names.iter().map(String::as_str));
    format!("{is} Without it the object is found by its {names}.")
}

fn build_scope_schema(kind: &Kind, names: &WorkspaceNames) -> Map<String, Json> {
    let properties = kind.scope.iter().map(|scope| {
        let mut schema = scalar::build_scope_value_schema(scope, names);
        set_title_and_description(&mut schema, &format!("scope.{}", scope.name), &scope.description, &[]);
        schema.extend(scope.example.clone().map(|example| ("examples".to_owned(), json!([example]))));
        (scope.name.to_string(), schema.into())
    });
    build_mapping(properties.collect())
}
