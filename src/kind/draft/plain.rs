//! Schemas made plain: references followed, `allOf` merged, one form or none.
//!
//! A value has one form here (text, number, object, list …) or the reason why that is unclear: several forms,
//! a schema that holds itself, a reference that leads nowhere. The size of what is unfolded is bounded.
//! Deliberately absent: what becomes of a form; `field` decides that.

use openapiv3::{
    AdditionalProperties, AnySchema, ObjectType, ReferenceOr, Schema, SchemaKind, StringFormat, StringType,
    Type, VariantOrUnknownOrEmpty,
};
use serde_json::Value as Json;

use super::book::{Book, target};
use super::words;

/// How many schemas may stand inside each other.
const MAX_NESTED: usize = 24;
/// How many schemas are unfolded for one body or answer.
const MAX_SCHEMAS: usize = 3_000;

/// Why a value's form is unclear.
pub const SILENT: &str = "the document does not say what it is";

/// What a schema says.
#[derive(Clone)]
pub struct Plain {
    pub form: Form,
    /// The name that the document gives the schema.
    pub name: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub example: Option<Json>,
    pub nullable: bool,
    pub read_only: bool,
    pub write_only: bool,
    pub deprecated: bool,
}

/// The form of a value.
#[derive(Clone)]
pub enum Form {
    Text(Text),
    Whole {
        most: Option<i64>,
        /// The only values allowed; empty for any.
        values: Vec<String>,
    },
    Decimal,
    Flag,
    Object {
        members: Vec<Member>,
        /// The members that must be there; they may be listed in another part of the schema.
        required: Vec<String>,
        /// What members that are not listed are.
        others: Option<Box<Plain>>,
    },
    List {
        item: Box<Plain>,
        distinct: bool,
    },
    Unclear(&'static str),
}

/// The form of a text.
#[derive(Clone, Default)]
pub struct Text {
    pub format: Option<String>,
    pub most: Option<u32>,
    /// Whether the empty text is one.
    pub may_be_empty: bool,
    pub choices: Vec<String>,
}

/// A member of an object.
#[derive(Clone)]
pub struct Member {
    pub name: String,
    pub plain: Plain,
}

impl Plain {
    /// A value of a form about which nothing else is known.
    pub fn of(form: Form) -> Self {
        Self {
            form,
            name: None,
            title: None,
            description: None,
            example: None,
            nullable: false,
            read_only: false,
            write_only: false,
            deprecated: false,
        }
    }

    fn unclear(why: &'static str) -> Self {
        Self::of(Form::Unclear(why))
    }

    /// The members of an object; none for anything else.
    pub fn members(&self) -> &[Member] {
        match &self.form {
            Form::Object { members, .. } => members,
            _ => &[],
        }
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&Plain> {
        self.members().iter().find(|member| member.name == name).map(|member| &member.plain)
    }

    /// Whether an object must have the member of that name.
    pub fn requires(&self, name: &str) -> bool {
        matches!(&self.form, Form::Object { required, .. } if required.iter().any(|own| own == name))
    }

    /// Whether it has no parts.
    pub fn is_leaf(&self) -> bool {
        matches!(self.form, Form::Text(_) | Form::Whole { .. } | Form::Decimal | Form::Flag)
    }
}

/// Unfolds the schema at a pointer.
pub fn plain(book: &Book, pointer: &str) -> Plain {
    Reader { book, trail: Vec::new(), left: MAX_SCHEMAS }.plain(pointer)
}

struct Reader<'b> {
    book: &'b Book,
    /// The schemas inside which this one stands.
    trail: Vec<String>,
    left: usize,
}

impl Reader<'_> {
    fn plain(&mut self, pointer: &str) -> Plain {
        if self.trail.iter().any(|above| above == pointer) {
            return Plain::unclear("it holds itself, and trees have no word in this format");
        }
        if self.trail.len() >= MAX_NESTED || self.left == 0 {
            return Plain::unclear("it is nested too deep, or too large, to be unfolded");
        }
        self.left -= 1;
        self.trail.push(pointer.to_owned());
        let plain = self.unfolded(pointer);
        self.trail.pop();
        plain
    }

    fn unfolded(&mut self, pointer: &str) -> Plain {
        let own = self.book.schema(pointer).map(|schema| self.read(&schema));
        match (self.book.reference(pointer), own) {
            (None, Some(own)) => own,
            (None, None) => Plain::unclear("the document's schema for it cannot be read"),
            (Some(None), _) => Plain::unclear("the document refers to another file for it"),
            (Some(Some(target)), own) => {
                let mut referred = self.plain(&target);
                referred.name =
                    target.strip_prefix("/components/schemas/").map(str::to_owned).or(referred.name);
                match own {
                    Some(own) => merged(own, referred),
                    None => referred,
                }
            }
        }
    }

    fn read(&mut self, schema: &Schema) -> Plain {
        let data = &schema.schema_data;
        let said = |text: &Option<String>| text.as_deref().and_then(words::sentence);
        let own = Plain {
            title: said(&data.title),
            description: said(&data.description),
            example: data.example.clone(),
            nullable: data.nullable,
            read_only: data.read_only,
            write_only: data.write_only,
            deprecated: data.deprecated,
            ..Plain::unclear(SILENT)
        };
        match &schema.schema_kind {
            SchemaKind::Type(ty) => Plain { form: self.form(ty), ..own },
            SchemaKind::AllOf { all_of } => self.all(own, all_of),
            SchemaKind::OneOf { one_of: several } | SchemaKind::AnyOf { any_of: several } => {
                self.one(own, several)
            }
            SchemaKind::Any(any) => self.mixed(own, any),
            SchemaKind::Not { .. } => own,
        }
    }

    fn form(&mut self, ty: &Type) -> Form {
        match ty {
            Type::String(text) => Form::Text(text_form(text)),
            Type::Number(_) => Form::Decimal,
            Type::Integer(whole) => {
                let values = whole.enumeration.iter().flatten().map(i64::to_string).collect();
                Form::Whole { most: whole.maximum, values }
            }
            Type::Boolean(_) => Form::Flag,
            Type::Object(object) => self.object(object),
            Type::Array(array) => self.list(array.items.as_ref(), array.unique_items),
        }
    }

    fn list(&mut self, items: Option<&ReferenceOr<Box<Schema>>>, distinct: bool) -> Form {
        let item = items.and_then(target).map(|pointer| self.plain(pointer));
        Form::List { item: Box::new(item.unwrap_or_else(|| Plain::unclear(SILENT))), distinct }
    }

    fn object(&mut self, object: &ObjectType) -> Form {
        let mut members = Vec::with_capacity(object.properties.len());
        for (name, schema) in &object.properties {
            let plain = target(schema).map_or_else(|| Plain::unclear(SILENT), |pointer| self.plain(pointer));
            members.push(Member { name: name.clone(), plain });
        }
        let others = match &object.additional_properties {
            Some(AdditionalProperties::Schema(schema)) => target(schema).map(|pointer| self.plain(pointer)),
            Some(AdditionalProperties::Any(false)) => None,
            // an object of which nothing is said is a free one
            Some(AdditionalProperties::Any(true)) => Some(Plain::unclear(SILENT)),
            None => members.is_empty().then(|| Plain::unclear(SILENT)),
        };
        Form::Object { members, required: object.required.clone(), others: others.map(Box::new) }
    }

    /// A schema that says several things at once.
    fn mixed(&mut self, own: Plain, any: &AnySchema) -> Plain {
        let form = self.loose(any);
        let mut made = self.all(Plain { form, ..own }, &any.all_of);
        for several in [&any.one_of, &any.any_of].into_iter().filter(|several| !several.is_empty()) {
            made = self.one(made, several);
        }
        made
    }

    /// The form that the words of a schema give away, with or without a type.
    fn loose(&mut self, any: &AnySchema) -> Form {
        let texts = !any.enumeration.is_empty() && any.enumeration.iter().all(Json::is_string);
        match any.typ.as_deref() {
            Some("string") => Form::Text(loose_text(any)),
            Some("integer") => {
                let values = any.enumeration.iter().filter_map(Json::as_i64);
                Form::Whole { most: None, values: values.map(|value| value.to_string()).collect() }
            }
            Some("number") => Form::Decimal,
            Some("boolean") => Form::Flag,
            Some("array") => self.list(any.items.as_ref(), any.unique_items.unwrap_or(false)),
            Some("object") => self.part_of_object(any),
            _ if texts => Form::Text(loose_text(any)),
            _ if any.items.is_some() => self.list(any.items.as_ref(), any.unique_items.unwrap_or(false)),
            // with only `required` it may be the half of an object that says which members must be there
            _ if any.properties.is_empty() && any.required.is_empty() => Form::Unclear(SILENT),
            _ => self.part_of_object(any),
        }
    }

    fn part_of_object(&mut self, any: &AnySchema) -> Form {
        let closed = || AdditionalProperties::Any(false);
        self.object(&ObjectType {
            properties: any.properties.clone(),
            required: any.required.clone(),
            additional_properties: Some(any.additional_properties.clone().unwrap_or_else(closed)),
            ..ObjectType::default()
        })
    }

    fn all(&mut self, own: Plain, all: &[ReferenceOr<Schema>]) -> Plain {
        let mut made = own;
        for pointer in all.iter().filter_map(target) {
            let other = self.plain(pointer);
            made = merged(made, other);
        }
        made
    }

    /// One of several: clear when only one of them says anything, or all are leaves of one form.
    fn one(&mut self, own: Plain, several: &[ReferenceOr<Schema>]) -> Plain {
        let all: Vec<Plain> = several.iter().filter_map(target).map(|pointer| self.plain(pointer)).collect();
        let mut telling: Vec<Plain> = all.into_iter().filter(|one| !is_silent(one)).collect();
        match telling.len() {
            0 => own,
            1 => telling.pop().map_or_else(|| own.clone(), |one| merged(own.clone(), one)),
            _ => match telling.into_iter().reduce(alike) {
                Some(one) if !matches!(one.form, Form::Unclear(_)) && is_silent(&own) => merged(own, one),
                _ => Plain { form: Form::Unclear("it may have one of several forms"), ..own },
            },
        }
    }
}

/// Says nothing about the form.
fn is_silent(plain: &Plain) -> bool {
    match &plain.form {
        Form::Unclear(why) => *why == SILENT,
        Form::Object { members, others, .. } => members.is_empty() && others.is_none(),
        _ => false,
    }
}

/// What two alternatives have in common, where both are leaves of one form.
fn alike(a: Plain, b: Plain) -> Plain {
    let form = match (a.form, b.form) {
        (Form::Text(a), Form::Text(b)) => {
            let both = !a.choices.is_empty() && !b.choices.is_empty();
            let mut choices = a.choices;
            choices.extend(b.choices);
            choices.dedup();
            Form::Text(Text { choices: if both { choices } else { Vec::new() }, ..Text::default() })
        }
        (Form::Whole { .. }, Form::Whole { .. }) => Form::Whole { most: None, values: Vec::new() },
        (Form::Whole { .. } | Form::Decimal, Form::Whole { .. } | Form::Decimal) => Form::Decimal,
        (Form::Flag, Form::Flag) => Form::Flag,
        _ => Form::Unclear("it may have one of several forms"),
    };
    Plain { nullable: a.nullable || b.nullable, ..Plain::of(form) }
}

/// Two schemas that hold at once; what the first says of itself wins.
pub fn merged(own: Plain, other: Plain) -> Plain {
    Plain {
        form: both(own.form, other.form),
        name: own.name.or(other.name),
        title: own.title.or(other.title),
        description: own.description.or(other.description),
        example: own.example.or(other.example),
        nullable: own.nullable || other.nullable,
        read_only: own.read_only || other.read_only,
        write_only: own.write_only || other.write_only,
        deprecated: own.deprecated || other.deprecated,
    }
}

fn both(own: Form, other: Form) -> Form {
    match (own, other) {
        (Form::Unclear(SILENT), form) | (form, Form::Unclear(SILENT)) => form,
        (Form::Object { members, required, others }, Form::Object { members: a, required: b, others: c }) => {
            let members = together(members, a);
            // a part that merely leaves others open opens nothing
            let others = others.or(c).filter(|_| members.is_empty());
            Form::Object { members, required: [required, b].concat(), others }
        }
        (Form::Text(own), Form::Text(other)) => Form::Text(Text {
            format: own.format.or(other.format),
            most: own.most.into_iter().chain(other.most).min(),
            may_be_empty: own.may_be_empty && other.may_be_empty,
            choices: if own.choices.is_empty() { other.choices } else { own.choices },
        }),
        (Form::Whole { most, values }, Form::Whole { .. }) => Form::Whole { most, values },
        (Form::Decimal | Form::Whole { .. }, Form::Decimal) | (Form::Decimal, Form::Whole { .. }) => {
            Form::Decimal
        }
        (Form::Flag, Form::Flag) => Form::Flag,
        (Form::List { item, distinct }, Form::List { item: other, distinct: also }) => {
            Form::List { item: Box::new(merged(*item, *other)), distinct: distinct || also }
        }
        (Form::Unclear(why), _) | (_, Form::Unclear(why)) => Form::Unclear(why),
        _ => Form::Unclear("parts of the document contradict each other about it"),
    }
}

fn together(mut members: Vec<Member>, more: Vec<Member>) -> Vec<Member> {
    for member in more {
        match members.iter_mut().find(|own| own.name == member.name) {
            Some(own) => {
                let before = std::mem::replace(&mut own.plain, Plain::unclear(SILENT));
                own.plain = merged(before, member.plain);
            }
            None => members.push(member),
        }
    }
    members
}

fn text_form(text: &StringType) -> Text {
    let format = match &text.format {
        VariantOrUnknownOrEmpty::Empty => None,
        VariantOrUnknownOrEmpty::Unknown(format) => Some(format.to_lowercase()),
        VariantOrUnknownOrEmpty::Item(format) => Some(format_word(format).to_owned()),
    };
    let choices: Vec<String> = text.enumeration.iter().flatten().cloned().collect();
    let free = format.is_none() && text.pattern.is_none() && text.min_length.unwrap_or(0) == 0;
    let most = text.max_length.and_then(|most| u32::try_from(most).ok());
    Text { format, most, may_be_empty: free && choices.is_empty(), choices }
}

fn loose_text(any: &AnySchema) -> Text {
    let choices: Vec<String> = any.enumeration.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    text_form(&StringType {
        format: any.format.clone().into(),
        pattern: any.pattern.clone(),
        enumeration: choices.into_iter().map(Some).collect(),
        min_length: any.min_length,
        max_length: any.max_length,
    })
}

fn format_word(format: &StringFormat) -> &'static str {
    match format {
        StringFormat::Date => "date",
        StringFormat::DateTime => "date-time",
        StringFormat::Password => "password",
        StringFormat::Byte => "byte",
        StringFormat::Binary => "binary",
    }
}
