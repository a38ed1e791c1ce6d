//! What is to be known of a kind or a field beside its meaning: who may write it, how it is cleared, how items
//! are told apart. One sentence a fact; what is as everybody expects is not said.
//!
//! Deliberately absent: the layout.

use super::{ExplanationFact, is_set_by_service};
use crate::kind::{
    AbsenceRule, ArrayType, ClearValue, ComparisonRule, CopySource, Field, FieldReference, FieldType,
    IdAssigner, ItemType, Kind, ListType, NestedGranularity, ReadOperation, ReferenceSource, ScalarType,
    Shape, WriteBody, WriteOperation, WrittenItems,
};
use crate::value::Sensitivity;

/// What is to be known of a field beside its type and meaning, most important first.
pub fn collect_field_facts(kind: &Kind, field: &Field) -> Vec<ExplanationFact> {
    let mut facts = vec![ExplanationFact { label: "write", text: render_write_rule(kind, field) }];
    facts.extend(describe_sensitivity(field.sensitivity));
    match &field.ty {
        FieldType::Array(list) => facts.extend(describe_array(list)),
        FieldType::Map(map) => facts.push(ExplanationFact {
            label: "listed",
            text: render_unlisted_rule("map", map.deletes_unlisted),
        }),
        FieldType::Scalar(ScalarType::String { max_length: Some(max) }) => {
            facts.push(ExplanationFact { label: "length", text: format!("at most {max} characters") });
        }
        _ => {}
    }
    facts.extend(describe_clearing(field));
    facts.extend(describe_absence(field));
    facts.extend(describe_comparison(field));
    facts.extend(field.reference.as_ref().map(|refers| describe_reference(kind, refers)));
    facts.extend(describe_special_rules(field));
    facts.extend(describe_member_names(field));
    facts
}

fn describe_reference(kind: &Kind, refers: &FieldReference) -> ExplanationFact {
    let mut text = match &refers.source {
        Some(ReferenceSource::Kind(name)) => format!("the id of another object, a `{name}`"),
        Some(ReferenceSource::Field(number)) => {
            format!("the id of an item of `{}` of the same object", kind.shape.get_field(*number).name)
        }
        Some(ReferenceSource::List(list)) => format!("the `{}` of a thing of `GET {}`", refers.id, list.get),
        Some(ReferenceSource::UrlIn(_)) | None => format!("the `{}` of something else", refers.id),
    };
    let forms: Vec<String> =
        refers.list_reference_keys().iter().map(|word| format!("`{{ {word}: NAME }}`")).collect();
    if !forms.is_empty() {
        text.push_str(&format!("; or {}, which finds it", forms.join(" or ")));
    }
    ExplanationFact { label: "refers", text }
}

/// What needs more care than the type tells.
fn describe_special_rules(field: &Field) -> Vec<ExplanationFact> {
    let mut facts = Vec::new();
    let mut fact = |about, text: &str| facts.push(ExplanationFact { label: about, text: text.into() });
    if field.limits_from.is_some() {
        fact("bounds", "the thing referred to says how long it may be, and which values it may have");
    }
    if field.protection_levels.is_some() {
        fact("protects", "decides how well the data of the object are protected; lowering it needs a flag");
    }
    if field.omit_from_import {
        fact("import", "an import leaves it out");
    }
    facts
}

fn render_write_rule(kind: &Kind, field: &Field) -> String {
    let rights = field.behavior;
    if let Some(copy) = &field.copy_of {
        let from = match copy {
            CopySource::Field(number) => &kind.shape.get_field(*number).name,
            CopySource::Scope(name) => name,
        };
        return format!("filled in by trueup, a copy of `{from}`; a document can't set it");
    }
    if rights.read_only {
        let text = match rights.identifier {
            true => "set by the service; a document may name it, to say which one is meant",
            false => "set by the service; a document can't set it",
        };
        return text.into();
    }
    let mut text = String::from(match (rights.required, rights.immutable, rights.update_only) {
        (true, true, _) => "required on create, and never changed later",
        (true, _, _) => "required on create",
        (_, true, _) => "optional on create, and never changed later",
        (_, _, true) => "optional; a create can't set it, the update that follows does",
        _ => "optional",
    });
    if rights.write_only {
        text.push_str("; never reads back, so nobody can see whether it differs");
    }
    text
}

/// What must not be seen.
pub fn describe_sensitivity(mark: Sensitivity) -> Option<ExplanationFact> {
    let text = match mark {
        Sensitivity::Public => return None,
        Sensitivity::Internal => "sensitive, it may carry credentials: shown only as changed",
        Sensitivity::Personal => "personal, it is about a person: masked wherever values are shown",
        Sensitivity::Secret => {
            "secret, never written in plain text: write where it comes from, `{ from_env: NAME }`, \
             `{ from_file: PATH }` or `{ from_command: [PROGRAM, ARGUMENT] }`"
        }
    };
    Some(ExplanationFact { label: "mark", text: text.into() })
}

fn describe_array(list: &ArrayType) -> Vec<ExplanationFact> {
    let apart = match (&list.list_type, &list.item) {
        (ListType::Atomic, _) => "told apart by where they stand".into(),
        (ListType::Set, _) => "told apart by what they are; their order means nothing".into(),
        (ListType::Map(keys), ItemType::Object(shape)) => render_list_keys(keys, shape),
        (ListType::Map(_), ItemType::Scalar(_)) => "told apart by what they are".into(),
    };
    let mut facts = vec![
        ExplanationFact { label: "items", text: apart },
        ExplanationFact { label: "listed", text: render_unlisted_rule("list", list.deletes_unlisted) },
    ];
    if list.reports_order {
        facts.push(ExplanationFact { label: "order", text: "another order is told, not changed".into() });
    }
    if list.write_items == WrittenItems::Changed {
        facts.push(ExplanationFact {
            label: "sent",
            text: "an update holds only the items that are new or differ".into(),
        });
    }
    let removals = list.delete_items_through.as_ref();
    facts.extend(removals.map(|removals| ExplanationFact {
        label: "removal",
        text: format!("an item is removed by `{}` in the same update", removals.member),
    }));
    facts
}

fn render_list_keys(keys: &[Vec<u16>], shape: &Shape) -> String {
    let names = |key: &Vec<u16>| join_as_code(key.iter().map(|number| &*shape.get_field(*number).name));
    let all: Vec<_> = keys.iter().map(names).collect();
    format!("told apart by {}", all.join(", or where that is not unique by "))
}

/// `a`, `b` and `c`, each as code.
pub fn join_as_code<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
        None => String::new(),
    }
}

fn render_unlisted_rule(noun: &str, complete: bool) -> String {
    match complete {
        true => format!("a written {noun} is complete: what is not listed is removed"),
        false => format!("a written {noun} adds and changes: what is not listed stays"),
    }
}

fn describe_clearing(field: &Field) -> Option<ExplanationFact> {
    if is_set_by_service(field) || field.behavior.read_only {
        return None;
    }
    if field.behavior.required {
        return Some(ExplanationFact { label: "clear", text: "can't be cleared".into() });
    }
    let blank = match &field.ty {
        FieldType::Array(_) => "the empty list",
        FieldType::Map(_) | FieldType::Object(_) => "the empty map",
        FieldType::Scalar(_) => "the empty text",
    };
    let text = match field.clear_with {
        ClearValue::Null => "`null` clears it".into(),
        ClearValue::Empty => format!("`null` clears it, by sending {blank}"),
        ClearValue::Zero => format!("`null` resets it to {}", render_zero_value(&field.ty)),
        ClearValue::Nothing => "can't be cleared".into(),
    };
    Some(ExplanationFact { label: "clear", text })
}

fn describe_absence(field: &Field) -> Option<ExplanationFact> {
    let text = match field.when_absent {
        AbsenceRule::Null => return None,
        AbsenceRule::Zero => format!("a live object without it has {}", render_zero_value(&field.ty)),
        AbsenceRule::Hidden => {
            "missing on read it may be hidden: then it is not compared, nor overwritten with nothing".into()
        }
        AbsenceRule::Pending => {
            "missing on read it may wait for somebody, such as a mail to confirm: then it is \
                            shown as pending, not as a difference"
                .into()
        }
    };
    Some(ExplanationFact { label: "missing", text })
}

fn render_zero_value(ty: &FieldType) -> &'static str {
    match ty {
        FieldType::Scalar(ScalarType::Boolean) => "`false`",
        FieldType::Scalar(ScalarType::Integer(_) | ScalarType::Decimal(_)) => "`0`",
        FieldType::Scalar(ScalarType::Uuid) => "the guid of zeros",
        FieldType::Scalar(ScalarType::String { .. } | ScalarType::Enum { .. }) => "the empty text",
        FieldType::Scalar(_) => "nothing",
        FieldType::Array(_) => "no items",
        FieldType::Map(_) | FieldType::Object(_) => "no entries",
    }
}

fn describe_comparison(field: &Field) -> Option<ExplanationFact> {
    let text = match field.compare {
        ComparisonRule::Exact => return None,
        ComparisonRule::CaseInsensitive => "upper and lower case are the same",
        ComparisonRule::Addresses => {
            "mail addresses separated by commas; blanks around commas and the case of domains do not count"
        }
    };
    Some(ExplanationFact { label: "compare", text: text.into() })
}

/// How the member is called on the wire, where that is not the field's own name.
fn describe_member_names(field: &Field) -> Option<ExplanationFact> {
    let read = field.read_from.join(".");
    let sent = !field.behavior.read_only && !field.omit_from_writes;
    let text = match (read != *field.name, sent && field.write_to != field.name) {
        (true, true) => format!("read as `{read}`, written as `{}`", field.write_to),
        (true, false) => format!("read as `{read}`"),
        (false, true) => format!("written as `{}`", field.write_to),
        (false, false) => return None,
    };
    Some(ExplanationFact { label: "wire", text })
}

/// What is to be known of a kind: what tells its objects apart, and what can be done with them.
pub fn collect_kind_facts(kind: &Kind) -> Vec<ExplanationFact> {
    let mut facts = vec![ExplanationFact { label: "identity", text: render_identity(kind) }];
    let operations = &kind.operations;
    facts.push(ExplanationFact { label: "list", text: format!("`GET {}`", operations.list.get) });
    facts.extend(
        operations.get.as_ref().map(|get| ExplanationFact { label: "get", text: render_read_operation(get) }),
    );
    for (about, write) in
        [("create", &operations.create), ("update", &operations.update), ("replace", &operations.replace)]
    {
        facts.extend(
            write
                .as_ref()
                .map(|write| ExplanationFact { label: about, text: render_write_operation(write, about) }),
        );
    }
    facts.push(ExplanationFact {
        label: "delete",
        text: match &operations.delete {
            Some(delete) => format!("`DELETE {}`", delete.delete),
            None => "not possible: the service has no way to delete one".into(),
        },
    });
    facts
}

fn render_read_operation(get: &ReadOperation) -> String {
    let listed = get.list_query().map(|query| {
        let words = query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        format!("the list with `{}`", words.join("&"))
    });
    let path = get.path().map(|path| format!("`GET {path}`"));
    path.into_iter().chain(listed).collect::<Vec<_>>().join(", else ")
}

fn render_identity(kind: &Kind) -> String {
    let made = match kind.identity.id_assigned_by {
        IdAssigner::Server => "made by the service",
        IdAssigner::Caller => "chosen on create",
    };
    let id = format!("`id` is the service's `{}`, {made}", kind.id_field().name);
    let names = kind.list_natural_key_names();
    match names.is_empty() {
        true => format!("{id}; a document must have it"),
        false => {
            let names = join_as_code(names.iter().map(String::as_str));
            format!("{id}; without it the object is found by its {names}")
        }
    }
}

fn render_write_operation(write: &WriteOperation, about: &str) -> String {
    let mut text = format!("`{} {}`", write.method.as_str(), write.path);
    if about != "create" {
        text.push_str(match write.body {
            WriteBody::Everything => ", sends the live object overlaid with the document",
            WriteBody::Changes => ", sends only what differs",
        });
        text.push_str(match write.nested_fields.as_ref().map(|nested| nested.granularity) {
            Some(NestedGranularity::Whole) => "; objects, maps and lists travel whole",
            Some(NestedGranularity::Parts) => "; of objects, maps and lists only what differs travels",
            None => "",
        });
    }
    if about == "replace" {
        text.push_str("; used with `--method put`");
    }
    text
}
