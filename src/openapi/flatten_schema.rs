//! Schemas made plain: references followed, `allOf` merged, one form or none.
//!
//! A value has one form here (text, number, object, list …) or the reason why that is unclear: several forms,
//! a schema that holds itself, a reference that leads nowhere. The size of what is unfolded is bounded.
//! Deliberately absent: what becomes of a form; `field` decides that.

use std::rc::Rc;

use openapiv3::{
    AdditionalProperties, AnySchema, ObjectType, ReferenceOr, Schema, SchemaKind, StringFormat, StringType,
    Type, VariantOrUnknownOrEmpty,
};
use serde_json::Value as Json;

use crate::openapi::document::{OpenApiDocument, SchemaNode, parse_target};

/// How deep schemas may be nested, from the first try to the last.
const NESTING_LIMITS: [usize; 4] = [6, 8, 12, 24];
/// How many schemas are unfolded for one body or answer.
const MAX_SCHEMAS: usize = 1_500;

/// How many descriptions of one value are kept.
const MAX_NOTES: usize = 4;

/// Why a value's form is unclear.
pub const UNSPECIFIED: &str = "the document does not say what it is";

/// What a schema says.
#[derive(Clone)]
pub struct FlatSchema {
    pub form: SchemaForm,
    /// The name that the document gives the schema.
    pub name: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    /// Everything that is said about it, shortened.
    pub notes: Vec<Rc<str>>,
    pub example: Option<Json>,
    pub nullable: bool,
    pub read_only: bool,
    pub write_only: bool,
    pub deprecated: bool,
}

/// The form of a value.
#[derive(Clone)]
pub enum SchemaForm {
    String(StringSchema),
    Integer {
        maximum: Option<i64>,
        /// The only values allowed; empty for any.
        enum_values: Vec<String>,
    },
    Number,
    Boolean,
    Object {
        properties: Vec<SchemaProperty>,
        /// The members that must be there; they may be listed in another part of the schema.
        required: Vec<String>,
        /// What members that are not listed are.
        additional_properties: Option<Box<FlatSchema>>,
    },
    Array {
        item: Box<FlatSchema>,
        unique_items: bool,
    },
    Unknown(&'static str),
}

/// The form of a text.
#[derive(Clone, Default)]
pub struct StringSchema {
    pub format: Option<String>,
    pub max_length: Option<u32>,
    /// Whether the empty text is one.
    pub allows_empty: bool,
    pub enum_values: Vec<String>,
}

/// A member of an object.
#[derive(Clone)]
pub struct SchemaProperty {
    pub name: String,
    pub schema: FlatSchema,
}

impl FlatSchema {
    /// A value of a form about which nothing else is known.
    pub fn from_form(form: SchemaForm) -> Self {
        Self {
            form,
            name: None,
            title: None,
            description: None,
            notes: Vec::new(),
            example: None,
            nullable: false,
            read_only: false,
            write_only: false,
            deprecated: false,
        }
    }

    fn new_unknown(why: &'static str) -> Self {
        Self::from_form(SchemaForm::Unknown(why))
    }

    /// The members of an object; none for anything else.
    pub fn properties(&self) -> &[SchemaProperty] {
        match &self.form {
            SchemaForm::Object { properties: members, .. } => members,
            _ => &[],
        }
    }

    /// The member of that name.
    pub fn find_property(&self, name: &str) -> Option<&FlatSchema> {
        self.properties().iter().find(|member| member.name == name).map(|member| &member.schema)
    }

    /// Whether an object must have the member of that name.
    pub fn requires_property(&self, name: &str) -> bool {
        matches!(&self.form, SchemaForm::Object { required, .. } if required.iter().any(|own| own == name))
    }

    /// Whether it has no parts.
    pub fn is_scalar(&self) -> bool {
        matches!(
            self.form,
            SchemaForm::String(_) | SchemaForm::Integer { .. } | SchemaForm::Number | SchemaForm::Boolean
        )
    }
}

/// Unfolds the schema at a pointer, as deep as its size allows: all members of an object come before what is
/// deeper inside one of them.
pub fn flatten_schema(openapi_document: &OpenApiDocument, pointer: &str) -> FlatSchema {
    let mut found = None;
    for max_nesting in NESTING_LIMITS {
        let mut flattener = SchemaFlattener {
            document: openapi_document,
            ancestors: Vec::new(),
            max_nesting,
            remaining: MAX_SCHEMAS,
            is_cut: false,
        };
        let schema = flattener.flatten_pointer(pointer);
        let is_spent = flattener.remaining == 0;
        if found.is_none() || !is_spent {
            found = Some(schema);
        }
        if is_spent || !flattener.is_cut {
            break;
        }
    }
    found.unwrap_or_else(|| FlatSchema::new_unknown(UNSPECIFIED))
}

struct SchemaFlattener<'b> {
    document: &'b OpenApiDocument,
    /// The schemas inside which this one stands.
    ancestors: Vec<String>,
    max_nesting: usize,
    remaining: usize,
    /// Whether something is nested deeper than it may.
    is_cut: bool,
}

impl SchemaFlattener<'_> {
    fn flatten_pointer(&mut self, pointer: &str) -> FlatSchema {
        if self.ancestors.iter().any(|above| above == pointer) {
            return FlatSchema::new_unknown("it holds itself, and trees have no word in this format");
        }
        if self.ancestors.len() >= self.max_nesting || self.remaining == 0 {
            self.is_cut = true;
            return FlatSchema::new_unknown("it is nested too deep, or too large, to be unfolded");
        }
        self.remaining -= 1;
        self.ancestors.push(pointer.to_owned());
        let plain = self.expand_pointer(pointer);
        self.ancestors.pop();
        plain
    }

    fn expand_pointer(&mut self, pointer: &str) -> FlatSchema {
        let node = self.document.load_schema(pointer);
        let own = node.schema.as_ref().map(|schema| self.convert_schema(&node, schema));
        match (&node.reference, own) {
            (None, Some(own)) => own,
            (None, None) => FlatSchema::new_unknown("the document's schema for it cannot be read"),
            (Some(None), _) => FlatSchema::new_unknown("the document refers to another file for it"),
            (Some(Some(target)), own) => {
                let mut referred = self.flatten_pointer(target);
                referred.name = find_schema_name(target).or(referred.name);
                match own {
                    Some(own) => merge_schemas(own, referred),
                    None => referred,
                }
            }
        }
    }

    fn convert_schema(&mut self, node: &SchemaNode, schema: &Schema) -> FlatSchema {
        let data = &schema.schema_data;
        let own = FlatSchema {
            title: node.title.clone(),
            description: node.description.clone(),
            notes: node.note.iter().cloned().collect(),
            example: data.example.clone(),
            nullable: data.nullable,
            read_only: data.read_only,
            write_only: data.write_only,
            deprecated: data.deprecated,
            ..FlatSchema::new_unknown(UNSPECIFIED)
        };
        match &schema.schema_kind {
            SchemaKind::Type(ty) => FlatSchema { form: self.convert_type(ty), ..own },
            SchemaKind::AllOf { all_of } => self.merge_all_of(own, all_of),
            SchemaKind::OneOf { one_of: several } | SchemaKind::AnyOf { any_of: several } => {
                self.merge_one_of(own, several)
            }
            SchemaKind::Any(any) => self.convert_mixed(own, any),
            SchemaKind::Not { .. } => own,
        }
    }

    fn convert_type(&mut self, ty: &Type) -> SchemaForm {
        match ty {
            Type::String(text) => SchemaForm::String(convert_string(text)),
            Type::Number(_) => SchemaForm::Number,
            Type::Integer(whole) => {
                let values = whole.enumeration.iter().flatten().map(i64::to_string).collect();
                SchemaForm::Integer { maximum: whole.maximum, enum_values: values }
            }
            Type::Boolean(_) => SchemaForm::Boolean,
            Type::Object(object) => self.convert_object(object),
            Type::Array(array) => self.convert_array(array.items.as_ref(), array.unique_items),
        }
    }

    fn convert_array(&mut self, items: Option<&ReferenceOr<Box<Schema>>>, distinct: bool) -> SchemaForm {
        let item = items.and_then(parse_target).map(|pointer| self.flatten_pointer(pointer));
        SchemaForm::Array {
            item: Box::new(item.unwrap_or_else(|| FlatSchema::new_unknown(UNSPECIFIED))),
            unique_items: distinct,
        }
    }

    fn convert_object(&mut self, object: &ObjectType) -> SchemaForm {
        let mut members = Vec::with_capacity(object.properties.len());
        for (name, schema) in &object.properties {
            let plain = parse_target(schema).map_or_else(
                || FlatSchema::new_unknown(UNSPECIFIED),
                |pointer| self.flatten_pointer(pointer),
            );
            members.push(SchemaProperty { name: name.clone(), schema: plain });
        }
        let others = match &object.additional_properties {
            Some(AdditionalProperties::Schema(schema)) => {
                parse_target(schema).map(|pointer| self.flatten_pointer(pointer))
            }
            Some(AdditionalProperties::Any(false)) => None,
            // an object of which nothing is said is a free one
            Some(AdditionalProperties::Any(true)) => Some(FlatSchema::new_unknown(UNSPECIFIED)),
            None => members.is_empty().then(|| FlatSchema::new_unknown(UNSPECIFIED)),
        };
        SchemaForm::Object {
            properties: members,
            required: object.required.clone(),
            additional_properties: others.map(Box::new),
        }
    }

    /// A schema that says several things at once.
    fn convert_mixed(&mut self, own: FlatSchema, any: &AnySchema) -> FlatSchema {
        let form = self.infer_form(any);
        let mut made = self.merge_all_of(FlatSchema { form, ..own }, &any.all_of);
        for several in [&any.one_of, &any.any_of].into_iter().filter(|several| !several.is_empty()) {
            made = self.merge_one_of(made, several);
        }
        made
    }

    /// The form that the words of a schema give away, with or without a type.
    fn infer_form(&mut self, any: &AnySchema) -> SchemaForm {
        let texts = !any.enumeration.is_empty() && any.enumeration.iter().all(Json::is_string);
        match any.typ.as_deref() {
            Some("string") => SchemaForm::String(infer_string(any)),
            Some("integer") => {
                let values = any.enumeration.iter().filter_map(Json::as_i64);
                SchemaForm::Integer {
                    maximum: None,
                    enum_values: values.map(|value| value.to_string()).collect(),
                }
            }
            Some("number") => SchemaForm::Number,
            Some("boolean") => SchemaForm::Boolean,
            Some("array") => self.convert_array(any.items.as_ref(), any.unique_items.unwrap_or(false)),
            Some("object") => self.convert_partial_object(any),
            _ if texts => SchemaForm::String(infer_string(any)),
            _ if any.items.is_some() => {
                self.convert_array(any.items.as_ref(), any.unique_items.unwrap_or(false))
            }
            // with only `required` it may be the half of an object that says which members must be there
            _ if any.properties.is_empty() && any.required.is_empty() => SchemaForm::Unknown(UNSPECIFIED),
            _ => self.convert_partial_object(any),
        }
    }

    fn convert_partial_object(&mut self, any: &AnySchema) -> SchemaForm {
        let closed = || AdditionalProperties::Any(false);
        self.convert_object(&ObjectType {
            properties: any.properties.clone(),
            required: any.required.clone(),
            additional_properties: Some(any.additional_properties.clone().unwrap_or_else(closed)),
            ..ObjectType::default()
        })
    }

    fn merge_all_of(&mut self, own: FlatSchema, all: &[ReferenceOr<Schema>]) -> FlatSchema {
        let mut made = own;
        for pointer in all.iter().filter_map(parse_target) {
            let other = self.flatten_pointer(pointer);
            made = merge_schemas(made, other);
        }
        made
    }

    /// One of several: clear when only one of them says anything, or all are values of one form.
    fn merge_one_of(&mut self, own: FlatSchema, several: &[ReferenceOr<Schema>]) -> FlatSchema {
        let all: Vec<FlatSchema> =
            several.iter().filter_map(parse_target).map(|pointer| self.flatten_pointer(pointer)).collect();
        let mut telling: Vec<FlatSchema> = all.into_iter().filter(|one| !is_unspecified(one)).collect();
        match telling.len() {
            0 => own,
            1 => telling.pop().map_or_else(|| own.clone(), |one| merge_schemas(own.clone(), one)),
            _ => match telling.into_iter().reduce(unify_alternatives) {
                Some(one) if !matches!(one.form, SchemaForm::Unknown(_)) && is_unspecified(&own) => {
                    merge_schemas(own, one)
                }
                _ => FlatSchema { form: SchemaForm::Unknown("it may have one of several forms"), ..own },
            },
        }
    }
}

/// The name of a schema that a document defines.
fn find_schema_name(pointer: &str) -> Option<String> {
    let (place, name) = pointer.rsplit_once('/')?;
    (place.ends_with("/schemas") || place.ends_with("/definitions")).then(|| name.to_owned())
}

/// Says nothing about the form.
fn is_unspecified(plain: &FlatSchema) -> bool {
    match &plain.form {
        SchemaForm::Unknown(why) => *why == UNSPECIFIED,
        SchemaForm::Object { properties: members, additional_properties: others, .. } => {
            members.is_empty() && others.is_none()
        }
        _ => false,
    }
}

/// What two alternatives have in common, where both are values of one form.
fn unify_alternatives(a: FlatSchema, b: FlatSchema) -> FlatSchema {
    let form = match (a.form, b.form) {
        (SchemaForm::String(a), SchemaForm::String(b)) => {
            let both = !a.enum_values.is_empty() && !b.enum_values.is_empty();
            let mut choices = a.enum_values;
            choices.extend(b.enum_values);
            choices.dedup();
            SchemaForm::String(StringSchema {
                enum_values: if both { choices } else { Vec::new() },
                ..StringSchema::default()
            })
        }
        (SchemaForm::Integer { .. }, SchemaForm::Integer { .. }) => {
            SchemaForm::Integer { maximum: None, enum_values: Vec::new() }
        }
        (
            SchemaForm::Integer { .. } | SchemaForm::Number,
            SchemaForm::Integer { .. } | SchemaForm::Number,
        ) => SchemaForm::Number,
        (SchemaForm::Boolean, SchemaForm::Boolean) => SchemaForm::Boolean,
        _ => SchemaForm::Unknown("it may have one of several forms"),
    };
    FlatSchema { nullable: a.nullable || b.nullable, ..FlatSchema::from_form(form) }
}

/// Two schemas that hold at once; what the first says of itself wins.
pub fn merge_schemas(own: FlatSchema, other: FlatSchema) -> FlatSchema {
    FlatSchema {
        form: merge_forms(own.form, other.form),
        name: own.name.or(other.name),
        title: own.title.or(other.title),
        description: own.description.or(other.description),
        notes: own.notes.into_iter().chain(other.notes).take(MAX_NOTES).collect(),
        example: own.example.or(other.example),
        nullable: own.nullable || other.nullable,
        read_only: own.read_only || other.read_only,
        write_only: own.write_only || other.write_only,
        deprecated: own.deprecated || other.deprecated,
    }
}

fn merge_forms(own: SchemaForm, other: SchemaForm) -> SchemaForm {
    match (own, other) {
        (SchemaForm::Unknown(UNSPECIFIED), form) | (form, SchemaForm::Unknown(UNSPECIFIED)) => form,
        (
            SchemaForm::Object { properties: members, required, additional_properties: others },
            SchemaForm::Object { properties: a, required: b, additional_properties: c },
        ) => {
            let members = merge_properties(members, a);
            // a part that merely leaves others open opens nothing
            let others = others.or(c).filter(|_| members.is_empty());
            SchemaForm::Object {
                properties: members,
                required: [required, b].concat(),
                additional_properties: others,
            }
        }
        (SchemaForm::String(own), SchemaForm::String(other)) => SchemaForm::String(StringSchema {
            format: own.format.or(other.format),
            max_length: own.max_length.into_iter().chain(other.max_length).min(),
            allows_empty: own.allows_empty && other.allows_empty,
            enum_values: if own.enum_values.is_empty() { other.enum_values } else { own.enum_values },
        }),
        (SchemaForm::Integer { maximum: most, enum_values: values }, SchemaForm::Integer { .. }) => {
            SchemaForm::Integer { maximum: most, enum_values: values }
        }
        (SchemaForm::Number | SchemaForm::Integer { .. }, SchemaForm::Number)
        | (SchemaForm::Number, SchemaForm::Integer { .. }) => SchemaForm::Number,
        (SchemaForm::Boolean, SchemaForm::Boolean) => SchemaForm::Boolean,
        (
            SchemaForm::Array { item, unique_items: distinct },
            SchemaForm::Array { item: other, unique_items: also },
        ) => {
            SchemaForm::Array { item: Box::new(merge_schemas(*item, *other)), unique_items: distinct || also }
        }
        (SchemaForm::Unknown(why), _) | (_, SchemaForm::Unknown(why)) => SchemaForm::Unknown(why),
        _ => SchemaForm::Unknown("parts of the document contradict each other about it"),
    }
}

fn merge_properties(mut members: Vec<SchemaProperty>, more: Vec<SchemaProperty>) -> Vec<SchemaProperty> {
    for member in more {
        match members.iter_mut().find(|own| own.name == member.name) {
            Some(own) => {
                let before = std::mem::replace(&mut own.schema, FlatSchema::new_unknown(UNSPECIFIED));
                own.schema = merge_schemas(before, member.schema);
            }
            None => members.push(member),
        }
    }
    members
}

fn convert_string(text: &StringType) -> StringSchema {
    let format = match &text.format {
        VariantOrUnknownOrEmpty::Empty => None,
        VariantOrUnknownOrEmpty::Unknown(format) => Some(format.to_lowercase()),
        VariantOrUnknownOrEmpty::Item(format) => Some(to_format_name(format).to_owned()),
    };
    let choices: Vec<String> = text.enumeration.iter().flatten().cloned().collect();
    let free = format.is_none() && text.pattern.is_none() && text.min_length.unwrap_or(0) == 0;
    let most = text.max_length.and_then(|most| u32::try_from(most).ok());
    StringSchema { format, max_length: most, allows_empty: free && choices.is_empty(), enum_values: choices }
}

fn infer_string(any: &AnySchema) -> StringSchema {
    let choices: Vec<String> = any.enumeration.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    convert_string(&StringType {
        format: any.format.clone().into(),
        pattern: any.pattern.clone(),
        enumeration: choices.into_iter().map(Some).collect(),
        min_length: any.min_length,
        max_length: any.max_length,
    })
}

fn to_format_name(format: &StringFormat) -> &'static str {
    match format {
        StringFormat::Date => "date",
        StringFormat::DateTime => "date-time",
        StringFormat::Password => "password",
        StringFormat::Byte => "byte",
        StringFormat::Binary => "binary",
    }
}
