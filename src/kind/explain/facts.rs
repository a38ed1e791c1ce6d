//! The facts of a kind or a field beside its meaning: who may write it, what clears it, how items are matched.
//! One sentence a fact; the usual case is not mentioned.
//!
//! Deliberately absent: the layout.

use crate::kind::{
    AbsenceRule, ArrayType, ClearValue, ComparisonRule, CopySource, Field, FieldReference, FieldType,
    IdAssigner, ItemType, Kind, ListType, NestedGranularity, ReadOperation, ReferenceSource, ScalarType,
    Shape, WriteBody, WriteOperation, WrittenItems,
};
use crate::value::Sensitivity;

/// One thing to know.
pub struct ExplanationFact {
    /// One word.
    pub label: &'static str,
    /// Without a period at the end; code between backticks.
    pub text: String,
}

/// Whether no document can set the field.
pub fn is_set_by_service(field: &Field) -> bool {
    field.copy_of.is_some() || (field.behavior.read_only && !field.behavior.identifier)
}

/// Whether a document may ask to clear the field.
pub fn can_be_cleared(field: &Field) -> bool {
    let can_be_empty = match &field.ty {
        FieldType::Array(list) => list.can_be_emptied(),
        _ => true,
    };
    !field.behavior.required && field.clear_with != ClearValue::Nothing && can_be_empty
}

/// The facts of a field beside its type and meaning, most important first.
pub fn collect_field_facts(kind: &Kind, field: &Field) -> Vec<ExplanationFact> {
    let mut facts = vec![ExplanationFact { label: "write", text: render_write_rule(kind, field) }];
    facts.extend(describe_sensitivity(field.sensitivity));
    match &field.ty {
        FieldType::Array(list) => facts.extend(describe_array(list)),
        FieldType::Map(map) => facts.push(ExplanationFact {
            label: "unlisted",
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
        Some(ReferenceSource::List(list)) => {
            format!("the `{}` of a thing of `GET {}`", refers.id, list.path())
        }
        Some(ReferenceSource::UrlIn(_)) | None => format!("the `{}` of something else", refers.id),
    };
    let forms: Vec<String> =
        refers.list_reference_keys().iter().map(|word| format!("`{{ {word}: NAME }}`")).collect();
    if !forms.is_empty() {
        text.push_str(&format!("; or {}, which finds it", forms.join(" or ")));
    }
    ExplanationFact { label: "reference", text }
}

/// Rules of single fields.
fn describe_special_rules(field: &Field) -> Vec<ExplanationFact> {
    let mut facts = Vec::new();
    let mut fact = |about, text: &str| facts.push(ExplanationFact { label: about, text: text.into() });
    if field.limits_from.is_some() {
        fact("limits", "the referenced thing limits its length and its values");
    }
    let limits = &field.value_limits;
    if let Some(least) = limits.minimum {
        fact("minimum", &least.to_string());
    }
    if let Some(most) = limits.maximum {
        fact("maximum", &most.to_string());
    }
    if let Some(pattern) = &limits.pattern {
        fact("pattern", &format!("matches `{pattern}`"));
    }
    if field.protection_levels.is_some() {
        fact("protection", "decides how well the data of the object are protected; lowering it needs a flag");
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
            true => "read-only; a document may name it to identify the object or item",
            false => "read-only; a document can't set it",
        };
        return text.into();
    }
    let mut text = String::from(match (rights.required, rights.immutable, rights.update_only) {
        (true, true, _) => "required on create, immutable afterwards",
        (true, _, _) => "required on create",
        (_, true, _) => "optional on create, immutable afterwards",
        (_, _, true) => "optional; a create can't set it, the update that follows does",
        _ => "optional",
    });
    if rights.write_only {
        text.push_str("; write-only, so a difference can't be seen");
    }
    text
}

/// How a value is masked.
pub fn describe_sensitivity(mark: Sensitivity) -> Option<ExplanationFact> {
    let text = match mark {
        Sensitivity::Public => return None,
        Sensitivity::Internal => "internal, it may carry credentials: shown only as changed",
        Sensitivity::Personal => "personal, it is about a person: masked wherever values are shown",
        Sensitivity::Secret => {
            "secret, never written in plain text: write where it comes from, `{ from_env: NAME }`, \
             `{ from_file: PATH }` or `{ from_command: [PROGRAM, ARGUMENT] }`"
        }
    };
    Some(ExplanationFact { label: "sensitivity", text: text.into() })
}

fn describe_array(list: &ArrayType) -> Vec<ExplanationFact> {
    let matching = match (&list.list_type, &list.item) {
        (ListType::Atomic, _) => "atomic: compared one by one, in their order".into(),
        (ListType::Set, _) => "a set: matched by value, in any order".into(),
        (ListType::Map(keys), ItemType::Object(shape)) => render_list_keys(keys, shape),
        (ListType::Map(_), ItemType::Scalar(_)) => "matched by value".into(),
    };
    let mut facts = vec![
        ExplanationFact { label: "items", text: matching },
        ExplanationFact { label: "unlisted", text: render_unlisted_rule("list", list.deletes_unlisted) },
    ];
    if list.reports_order {
        facts.push(ExplanationFact { label: "order", text: "another order is reported, not changed".into() });
    }
    if list.write_items == WrittenItems::Changed {
        facts.push(ExplanationFact {
            label: "update",
            text: "an update holds only the items that are new or differ".into(),
        });
    }
    if let (Some(keyed), ItemType::Object(shape)) = (list.keyed_members, &list.item) {
        let name = &shape.get_field(keyed.key).name;
        let text = format!("the service has an object here; the names of its members are `{name}`");
        facts.push(ExplanationFact { label: "members", text });
    }
    let removals = list.delete_items_through.as_ref();
    facts.extend(removals.map(|removals| ExplanationFact {
        label: "delete",
        text: format!("`{}` in the same update deletes items", removals.member),
    }));
    facts
}

fn render_list_keys(keys: &[Vec<u16>], shape: &Shape) -> String {
    let names = |key: &Vec<u16>| join_as_code(key.iter().map(|number| &*shape.get_field(*number).name));
    let all: Vec<_> = keys.iter().map(names).collect();
    format!("matched by {}", all.join(", or if that is not unique by "))
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
        true => format!("deleted: a written {noun} is complete"),
        false => format!("kept: a written {noun} adds and changes only"),
    }
}

fn describe_clearing(field: &Field) -> Option<ExplanationFact> {
    if is_set_by_service(field) || field.behavior.read_only {
        return None;
    }
    if !can_be_cleared(field) {
        return Some(ExplanationFact { label: "clear", text: "can't be cleared".into() });
    }
    if let FieldType::Array(list) = &field.ty
        && let (false, ItemType::Object(shape)) = (list.cleared_item_fields.is_empty(), &list.item)
    {
        let names = list.cleared_item_fields.iter().map(|number| &*shape.get_field(*number).name);
        let text = format!("`[]` and `null` clear {} of each item", join_as_code(names));
        return Some(ExplanationFact { label: "clear", text });
    }
    let blank = match &field.ty {
        FieldType::Array(list) if list.keyed_members.is_none() => "the empty list",
        FieldType::Array(_) => "the empty map",
        FieldType::Map(_) | FieldType::Object(_) => "the empty map",
        FieldType::Scalar(_) => "the empty string",
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
            "absent on read, it may be hidden: then it is not compared, nor overwritten with nothing".into()
        }
        AbsenceRule::Pending => {
            "absent on read, it may wait for a person, such as a mail to confirm: then it is shown as \
             pending, not as a difference"
                .into()
        }
    };
    Some(ExplanationFact { label: "absent", text })
}

fn render_zero_value(ty: &FieldType) -> &'static str {
    match ty {
        FieldType::Scalar(ScalarType::Boolean) => "`false`",
        FieldType::Scalar(ScalarType::Integer(_) | ScalarType::Decimal(_)) => "`0`",
        FieldType::Scalar(ScalarType::Uuid) => "the UUID of zeros",
        FieldType::Scalar(ScalarType::String { .. } | ScalarType::Enum { .. }) => "the empty string",
        FieldType::Scalar(_) => "nothing",
        FieldType::Array(_) => "no items",
        FieldType::Map(_) | FieldType::Object(_) => "no entries",
    }
}

fn describe_comparison(field: &Field) -> Option<ExplanationFact> {
    let text = match field.compare {
        ComparisonRule::Exact => return None,
        ComparisonRule::Json => "JSON documents; blanks and the order of members do not count",
        ComparisonRule::CaseInsensitive => "upper and lower case are the same",
        ComparisonRule::Addresses => {
            "mail addresses separated by commas; blanks around commas and the case of domains do not count"
        }
    };
    Some(ExplanationFact { label: "compare", text: text.into() })
}

/// The member names, where they differ from the name of the field.
fn describe_member_names(field: &Field) -> Option<ExplanationFact> {
    if field.is_member_name() {
        let text = "the name of the member that holds the item";
        return Some(ExplanationFact { label: "member", text: text.into() });
    }
    let read = field.read_from.join(".");
    let sent = !field.behavior.read_only && !field.omit_from_writes;
    let text = match (read != *field.name, sent && field.write_to != field.name) {
        (true, true) => format!("read from `{read}`, written to `{}`", field.write_to),
        (true, false) => format!("read from `{read}`"),
        (false, true) => format!("written to `{}`", field.write_to),
        (false, false) => return None,
    };
    Some(ExplanationFact { label: "member", text })
}

/// The facts of a kind: its identity and its operations.
pub fn collect_kind_facts(kind: &Kind) -> Vec<ExplanationFact> {
    let mut facts = vec![ExplanationFact { label: "identity", text: render_identity(kind) }];
    let operations = &kind.operations;
    let list = || ExplanationFact {
        label: "list",
        text: format!("`{} {}`", operations.list.method().as_str(), operations.list.path()),
    };
    facts.extend(operations.is_listed.then(list));
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
        IdAssigner::Server => "assigned by the service",
        IdAssigner::Client => "chosen on create",
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
            WriteBody::Full => ", sends the full object: live, overlaid with the document",
            WriteBody::Changes => ", sends only changes",
        });
        text.push_str(match write.nested_fields.as_ref().map(|nested| nested.granularity) {
            Some(NestedGranularity::Whole) => "; of objects, maps and arrays the whole value",
            Some(NestedGranularity::Members) => "; of objects, maps and arrays only changed members",
            None => "",
        });
    }
    if about == "replace" {
        text.push_str("; used with `--method put`");
    }
    text
}
