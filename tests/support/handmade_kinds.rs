//! Kinds made by hand for the tests of the wire formats, and typed trees back to bodies.

#![allow(dead_code)]

use std::sync::Arc;

use trueup::exchange::WireValue;
use trueup::kind::file::{
    ClearDefaultsFile, ErrorListFile, ErrorsFile, LimitsFile, ListFile, ListShows, PagingFile,
};
use trueup::kind::{
    AbsenceRule, Api, ArrayType, ClearValue, ComparisonRule, Field, FieldBehavior, FieldType, HistoryFields,
    IdAssigner, ItemType, Kind, KindIdentity, KindOperations, ListResponseShape, ListType, MapType,
    MapTypeName, MemberNameCase, NumberEncoding, ReadForm, ScalarType, Shape, UuidFormat, WireFormat,
    WrittenItems,
};
use trueup::remote::wire::{self, Snapshot};
use trueup::value::{Object, Sensitivity, Value};

pub const WHOLE: ScalarType = ScalarType::Integer(NumberEncoding::Number);
pub const DECIMAL: ScalarType = ScalarType::Decimal(NumberEncoding::Number);
pub const TEXT: ScalarType = ScalarType::String { max_length: None };

/// A shape from names and types. `name<a.b` is read at another place, `name>c` written under another name.
pub fn shape(fields: Vec<(&str, FieldType)>) -> Arc<Shape> {
    let fields = fields.into_iter().enumerate().map(|(number, (name, ty))| field(number as u16, name, ty));
    Arc::new(Shape::new(fields.collect()))
}

fn field(number: u16, name: &str, ty: FieldType) -> Field {
    let (name, written) = name.split_once('>').unwrap_or((name, ""));
    let (name, read) = name.split_once('<').unwrap_or((name, name));
    Field {
        number,
        name: name.into(),
        read_from: read.split('.').map(Arc::from).collect(),
        write_to: if written.is_empty() { name.into() } else { written.into() },
        ty,
        description: String::new(),
        behavior: FieldBehavior::default(),
        sensitivity: Sensitivity::Public,
        reads_back: None,
        masked_as: Vec::new(),
        when_absent: AbsenceRule::Null,
        clear_with: ClearValue::Null,
        compare: ComparisonRule::Exact,
        copy_of: None,
        omit_from_writes: false,
        omit_from_import: false,
        reference: None,
        limits_from: None,
        value_limits: Default::default(),
        conflicts_with: Vec::new(),
        protection_levels: None,
        example: None,
        source: None,
    }
}

pub fn leaf(leaf: ScalarType) -> FieldType {
    FieldType::Scalar(leaf)
}

pub fn text() -> FieldType {
    leaf(TEXT)
}

pub fn flag() -> FieldType {
    leaf(ScalarType::Boolean)
}

pub fn guid() -> FieldType {
    leaf(ScalarType::Uuid)
}

pub fn object(shape: Arc<Shape>) -> FieldType {
    FieldType::Object(shape)
}

pub fn map(value: ScalarType) -> FieldType {
    FieldType::Map(MapType {
        value,
        keys: Vec::new(),
        deletes_unlisted: true,
        map_type: MapTypeName::default(),
    })
}

pub fn leaves(leaf: ScalarType) -> FieldType {
    list(ItemType::Scalar(leaf))
}

pub fn objects(shape: Arc<Shape>) -> FieldType {
    list(ItemType::Object(shape))
}

fn list(item: ItemType) -> FieldType {
    FieldType::Array(ArrayType {
        item,
        list_type: ListType::Atomic,
        deletes_unlisted: true,
        reports_order: false,
        write_items: WrittenItems::All,
        delete_items_through: None,
        cleared_item_fields: Vec::new(),
        keyed_members: None,
    })
}

/// What is special about an API and its list.
#[derive(Clone, Default)]
pub struct Habits {
    pub names: MemberNameCase,
    pub guids: UuidFormat,
    pub errors: ErrorsFile,
    pub answer: ListResponseShape,
    pub items: Option<&'static str>,
    pub has_more: Option<&'static str>,
    pub total: Option<&'static str>,
    pub next: Option<&'static str>,
}

/// A kind whose id is field `id` of the shape.
pub fn kind(shape: &Arc<Shape>, id: u16, habits: Habits) -> Kind {
    let owned = |name: Option<&str>| name.map(str::to_owned);
    let paging = PagingFile {
        offset: Some("offset".into()),
        limit: Some("limit".into()),
        page_size: Some(1000),
        has_more: owned(habits.has_more),
        total: owned(habits.total),
        next: owned(habits.next),
        ..PagingFile::default()
    };
    let list = ListFile {
        get: "/things".into(),
        post: None,
        body: None,
        query: Default::default(),
        items: owned(habits.items),
        response: habits.answer,
        paging: Some(paging),
        only: Default::default(),
        built_in: Default::default(),
        access_check: None,
        shows: ListShows::default(),
        none: Vec::new(),
        source: None,
        keyed_by: None,
    };
    let operations = KindOperations {
        is_listed: true,
        list,
        get: None,
        get_form: ReadForm::default(),
        find: None,
        create: None,
        update: None,
        updates: Vec::new(),
        replace: None,
        delete: None,
        if_match: None,
    };
    Kind {
        api: Arc::new(api(&habits)),
        name: "hand/thing".into(),
        title: "Thing".into(),
        description: String::new(),
        source: None,
        scope: Vec::new(),
        pending_until: None,
        identity: KindIdentity {
            composition: None,
            id,
            id_assigned_by: IdAssigner::Server,
            natural_key: Vec::new(),
            import_name: Vec::new(),
        },
        operations,
        replacement: trueup::kind::ReplacementRule::default(),
        history: HistoryFields::default(),
        shape: Arc::clone(shape),
        pending_when: None,
        deleted_when: None,
        examples: Vec::new(),
    }
}

pub fn api(habits: &Habits) -> Api {
    Api {
        idempotency_header: None,
        operation_status: None,
        name: "hand".into(),
        title: "Hand".into(),
        description: String::new(),
        source: None,
        base_url: None,
        hosts: Vec::new(),
        formats: vec![WireFormat::Json, WireFormat::Jsv],
        member_names: habits.names,
        uuid_format: habits.guids,
        auth: Vec::new(),
        auth_headers: Vec::new(),
        oauth: None,
        login: None,
        headers: Vec::new(),
        clear_with: ClearDefaultsFile::default(),
        errors: habits.errors.clone(),
        limits: LimitsFile::default(),
    }
}

/// ServiceStack's habits, as BootView shows them.
pub fn servicestack() -> Habits {
    Habits {
        names: MemberNameCase::CaseInsensitive,
        guids: UuidFormat::Plain,
        errors: ErrorsFile {
            messages: vec!["responseStatus.message".into()],
            codes: vec!["responseStatus.errorCode".into()],
            lists: vec![ErrorListFile {
                at: "responseStatus.errors".into(),
                field: "fieldName".into(),
                message: "message".into(),
            }],
            maps: Vec::new(),
            error_in_success: vec!["responseStatus.errorCode".into()],
        },
        answer: ListResponseShape::OneOrList,
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
        ("when", leaf(ScalarType::DateTime)),
    ])
}

/// An object as a body in full: known fields in the order of the shape, strangers last.
pub fn wire_of(shape: &Shape, object: &Object) -> WireValue {
    let mut members = Vec::new();
    for (number, value) in object.fields() {
        let field = shape.get_field(number);
        members.push((field.write_to.to_string(), wire_value(&field.ty, value)));
    }
    for stranger in &object.unknown_fields {
        members.push((stranger.name.to_string(), WireValue::Raw(stranger.raw.to_string())));
    }
    WireValue::Object(members)
}

fn wire_value(ty: &FieldType, value: &Value) -> WireValue {
    match (ty, value) {
        (_, Value::Null) => WireValue::Null,
        (FieldType::Scalar(leaf), value) => leaf.encode_value(value),
        (FieldType::Map(map), value) => map.value.encode_value(value),
        (FieldType::Object(shape), Value::Object(object)) => wire_of(shape, object),
        (FieldType::Array(list), Value::Array(items)) => {
            let item = |item: &Value| match (&list.item, item) {
                (ItemType::Object(shape), Value::Object(object)) => wire_of(shape, object),
                (ItemType::Scalar(leaf), item) => leaf.encode_value(item),
                _ => WireValue::Null,
            };
            WireValue::Array(items.iter().map(item).collect())
        }
        _ => panic!("a value that does not fit its type"),
    }
}

/// An object as a line of JSON, to show what a test found.
pub fn show(kind: &Kind, object: &Object) -> String {
    let body = wire::encode_body(&wire_of(&kind.shape, object), WireFormat::Json, &kind.api);
    String::from_utf8(body).expect("JSON is UTF-8")
}

/// Reads one object that must fit the kind in full.
pub fn read(body: &str, format: WireFormat, kind: &Kind) -> Object {
    let Snapshot { object, mismatches: misread, .. } =
        wire::read_object(body.as_bytes(), format, kind).unwrap_or_else(|fault| panic!("{fault}: {body}"));
    assert!(misread.is_empty(), "{misread:?}: {body}");
    object
}
