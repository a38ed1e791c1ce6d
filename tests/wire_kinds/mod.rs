//! Kinds made by hand for the tests of the wire formats, and typed trees back to bodies.

#![allow(dead_code)]

use std::sync::Arc;

use trueup::exchange::Wire;
use trueup::kind::file::{ClearsFile, ErrorListFile, ErrorsFile, LimitsFile, ListFile, PagingFile};
use trueup::kind::{
    Absent, Api, Clear, Compare, Field, FormatWord, GuidForm, History, Identity, Item, ItemsSent, Kind, Leaf,
    ListAnswer, ListType, Maker, MapType, NamesWord, NumberForm, Operations, Rights, Shape, ToldApart, Type,
};
use trueup::remote::wire::{self, Live};
use trueup::value::{Mark, Object, Value};

pub const WHOLE: Leaf = Leaf::Whole(NumberForm::Number);
pub const DECIMAL: Leaf = Leaf::Decimal(NumberForm::Number);
pub const TEXT: Leaf = Leaf::Text { max: None };

/// A shape from names and types. `name<a.b` is read at another place, `name>c` written under another name.
pub fn shape(fields: Vec<(&str, Type)>) -> Arc<Shape> {
    let fields = fields.into_iter().enumerate().map(|(number, (name, ty))| field(number as u16, name, ty));
    Arc::new(Shape::new(fields.collect()))
}

fn field(number: u16, name: &str, ty: Type) -> Field {
    let (name, written) = name.split_once('>').unwrap_or((name, ""));
    let (name, read) = name.split_once('<').unwrap_or((name, name));
    Field {
        number,
        name: name.into(),
        read_as: read.split('.').map(Arc::from).collect(),
        written_as: if written.is_empty() { name.into() } else { written.into() },
        ty,
        is: String::new(),
        access: Rights::default(),
        mark: Mark::Open,
        absent: Absent::Null,
        clear: Clear::Null,
        compare: Compare::Exact,
        copy_of: None,
        never_sent: false,
        never_imported: false,
        refers_to: None,
        bounded_by: None,
        protection: None,
        example: None,
        source: None,
    }
}

pub fn leaf(leaf: Leaf) -> Type {
    Type::Leaf(leaf)
}

pub fn text() -> Type {
    leaf(TEXT)
}

pub fn flag() -> Type {
    leaf(Leaf::Flag)
}

pub fn guid() -> Type {
    leaf(Leaf::Guid)
}

pub fn object(shape: Arc<Shape>) -> Type {
    Type::Object(shape)
}

pub fn map(value: Leaf) -> Type {
    Type::Map(MapType { value, keys: Vec::new(), complete: true })
}

pub fn leaves(leaf: Leaf) -> Type {
    list(Item::Leaf(leaf))
}

pub fn objects(shape: Arc<Shape>) -> Type {
    list(Item::Object(shape))
}

fn list(item: Item) -> Type {
    Type::List(ListType {
        item,
        told_apart: ToldApart::Order,
        complete: true,
        order_told: false,
        items_sent: ItemsSent::All,
        removals: None,
    })
}

/// What is special about an API and its list.
#[derive(Clone, Default)]
pub struct Habits {
    pub names: NamesWord,
    pub guids: GuidForm,
    pub errors: ErrorsFile,
    pub answer: ListAnswer,
    pub items: Option<&'static str>,
    pub has_more: Option<&'static str>,
    pub total: Option<&'static str>,
    pub next: Option<&'static str>,
}

/// A kind whose id is field `id` of the shape.
pub fn kind(shape: &Arc<Shape>, id: u16, habits: Habits) -> Kind {
    let owned = |name: Option<&str>| name.map(str::to_owned);
    let paging = PagingFile {
        offset: "offset".into(),
        limit: "limit".into(),
        page: 1000,
        has_more: owned(habits.has_more),
        total: owned(habits.total),
        next: owned(habits.next),
    };
    let list = ListFile {
        get: "/things".into(),
        query: Default::default(),
        items: owned(habits.items),
        answer: habits.answer,
        paging: Some(paging),
        probe: None,
        source: None,
    };
    let operations = Operations {
        list,
        get: None,
        find: None,
        create: None,
        update: None,
        replace: None,
        delete: None,
        if_match: None,
    };
    Kind {
        api: Arc::new(api(&habits)),
        name: "hand/thing".into(),
        title: "Thing".into(),
        is: String::new(),
        source: None,
        scope: Vec::new(),
        identity: Identity { id, made_by: Maker::Server, natural_key: Vec::new(), named_after: Vec::new() },
        operations,
        history: History::default(),
        shape: Arc::clone(shape),
        waiting: None,
        samples: Vec::new(),
    }
}

pub fn api(habits: &Habits) -> Api {
    Api {
        name: "hand".into(),
        title: "Hand".into(),
        is: String::new(),
        source: None,
        base_url: None,
        hosts: Vec::new(),
        formats: vec![FormatWord::Json, FormatWord::Jsv],
        names: habits.names,
        guids: habits.guids,
        auth: Vec::new(),
        auth_headers: Vec::new(),
        oauth: None,
        login: None,
        headers: Vec::new(),
        clears: ClearsFile::default(),
        errors: habits.errors.clone(),
        limits: LimitsFile::default(),
    }
}

/// ServiceStack's habits, as BootView shows them.
pub fn servicestack() -> Habits {
    Habits {
        names: NamesWord::CaseInsensitive,
        guids: GuidForm::Plain,
        errors: ErrorsFile {
            messages: vec!["responseStatus.message".into()],
            codes: vec!["responseStatus.errorCode".into()],
            lists: vec![ErrorListFile {
                at: "responseStatus.errors".into(),
                field: "fieldName".into(),
                message: "message".into(),
            }],
            maps: Vec::new(),
            despite_success: vec!["responseStatus.errorCode".into()],
        },
        answer: ListAnswer::OneOrList,
        ..Habits::default()
    }
}

/// The object type of the JSV vectors.
pub fn vector_shape() -> Arc<Shape> {
    let service = || {
        shape(vec![
            ("id", guid()),
            ("partnerId", guid()),
            ("serviceName", text()),
            ("userId", text()),
            ("password", text()),
        ])
    };
    shape(vec![
        ("text", text()),
        ("other", text()),
        ("flag", flag()),
        ("count", leaf(WHOLE)),
        ("maybeCount", leaf(WHOLE)),
        ("amount", leaf(DECIMAL)),
        ("maybeAmount", leaf(DECIMAL)),
        ("id", guid()),
        ("maybeId", guid()),
        ("names", leaves(TEXT)),
        ("numbers", leaves(WHOLE)),
        ("services", objects(service())),
        ("one", object(service())),
        ("attributes", map(TEXT)),
        ("when", leaf(Leaf::Time)),
    ])
}

/// An object as a body in full: known fields in the order of the shape, strangers last.
pub fn wire_of(shape: &Shape, object: &Object) -> Wire {
    let mut members = Vec::new();
    for (number, value) in object.fields() {
        let field = shape.field(number);
        members.push((field.written_as.to_string(), wire_value(&field.ty, value)));
    }
    for stranger in &object.strangers {
        members.push((stranger.name.to_string(), Wire::Raw(stranger.raw.to_string())));
    }
    Wire::Object(members)
}

fn wire_value(ty: &Type, value: &Value) -> Wire {
    match (ty, value) {
        (_, Value::Null) => Wire::Null,
        (Type::Leaf(leaf), value) => leaf.wire(value),
        (Type::Map(map), value) => map.value.wire(value),
        (Type::Object(shape), Value::Object(object)) => wire_of(shape, object),
        (Type::List(list), Value::List(items)) => {
            let item = |item: &Value| match (&list.item, item) {
                (Item::Object(shape), Value::Object(object)) => wire_of(shape, object),
                (Item::Leaf(leaf), item) => leaf.wire(item),
                _ => Wire::Null,
            };
            Wire::List(items.iter().map(item).collect())
        }
        _ => panic!("a value that does not fit its type"),
    }
}

/// An object as a line of JSON, to show what a test found.
pub fn show(kind: &Kind, object: &Object) -> String {
    let body = wire::encode(&wire_of(&kind.shape, object), FormatWord::Json, &kind.api);
    String::from_utf8(body).expect("JSON is UTF-8")
}

/// Reads one object that must fit the kind in full.
pub fn read(body: &str, format: FormatWord, kind: &Kind) -> Object {
    let Live { object, misread, .. } =
        wire::read_object(body.as_bytes(), format, kind).unwrap_or_else(|fault| panic!("{fault}: {body}"));
    assert!(misread.is_empty(), "{misread:?}: {body}");
    object
}
