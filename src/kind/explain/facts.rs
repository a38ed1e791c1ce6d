//! What is to be known of a kind or a field beside its meaning: who may write it, how it is cleared, how items
//! are told apart. One sentence a fact; what is as everybody expects is not said.
//!
//! Deliberately absent: the layout.

use super::{Fact, is_set_by_service};
use crate::kind::{
    Absent, Among, Clear, Compare, Copy, Field, Item, ItemsSent, Kind, Leaf, ListType, Maker, ReadOne,
    Refers, Sends, Shape, ToldApart, Travels, Type, Write,
};
use crate::value::Mark;

/// What is to be known of a field beside its type and meaning, most important first.
pub fn facts(kind: &Kind, field: &Field) -> Vec<Fact> {
    let mut facts = vec![Fact { about: "write", text: write_text(kind, field) }];
    facts.extend(mark_fact(field.mark));
    match &field.ty {
        Type::List(list) => facts.extend(list_facts(list)),
        Type::Map(map) => facts.push(Fact { about: "listed", text: listed_text("map", map.complete) }),
        Type::Leaf(Leaf::Text { max: Some(max) }) => {
            facts.push(Fact { about: "length", text: format!("at most {max} characters") });
        }
        _ => {}
    }
    facts.extend(clear_fact(field));
    facts.extend(absent_fact(field));
    facts.extend(compare_fact(field));
    facts.extend(field.refers_to.as_ref().map(|refers| refers_fact(kind, refers)));
    facts.extend(care_facts(field));
    facts.extend(wire_fact(field));
    facts
}

fn refers_fact(kind: &Kind, refers: &Refers) -> Fact {
    let mut text = match &refers.among {
        Some(Among::Kind(name)) => format!("the id of another object, a `{name}`"),
        Some(Among::Field(number)) => {
            format!("the id of an item of `{}` of the same object", kind.shape.field(*number).name)
        }
        Some(Among::List(list)) => format!("the `{}` of a thing of `GET {}`", refers.id, list.get),
        Some(Among::UrlIn(_)) | None => format!("the `{}` of something else", refers.id),
    };
    let forms: Vec<String> = refers.words().iter().map(|word| format!("`{{ {word}: NAME }}`")).collect();
    if !forms.is_empty() {
        text.push_str(&format!("; or {}, which finds it", forms.join(" or ")));
    }
    Fact { about: "refers", text }
}

/// What needs more care than the type tells.
fn care_facts(field: &Field) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |about, text: &str| facts.push(Fact { about, text: text.into() });
    if field.bounded_by.is_some() {
        fact("bounds", "the thing referred to says how long it may be, and which values it may have");
    }
    if field.protection.is_some() {
        fact("protects", "decides how well the data of the object are protected; lowering it needs a flag");
    }
    if field.never_imported {
        fact("import", "an import leaves it out");
    }
    facts
}

fn write_text(kind: &Kind, field: &Field) -> String {
    let rights = field.access;
    if let Some(copy) = &field.copy_of {
        let from = match copy {
            Copy::Field(number) => &kind.shape.field(*number).name,
            Copy::Scope(name) => name,
        };
        return format!("filled in by trueup, a copy of `{from}`; a document can't set it");
    }
    if rights.computed {
        let text = match rights.names_it {
            true => "set by the service; a document may name it, to say which one is meant",
            false => "set by the service; a document can't set it",
        };
        return text.into();
    }
    let mut text = String::from(match (rights.required, rights.create_only, rights.update_only) {
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
pub fn mark_fact(mark: Mark) -> Option<Fact> {
    let text = match mark {
        Mark::Open => return None,
        Mark::Sensitive => "sensitive, it may carry credentials: shown only as changed",
        Mark::Personal => "personal, it is about a person: masked wherever values are shown",
        Mark::Secret => {
            "secret, never written in plain text: write where it comes from, `{ from_env: NAME }`, \
             `{ from_file: PATH }` or `{ from_command: [PROGRAM, ARGUMENT] }`"
        }
    };
    Some(Fact { about: "mark", text: text.into() })
}

fn list_facts(list: &ListType) -> Vec<Fact> {
    let apart = match (&list.told_apart, &list.item) {
        (ToldApart::Order, _) => "told apart by where they stand".into(),
        (ToldApart::Set, _) => "told apart by what they are; their order means nothing".into(),
        (ToldApart::Keys(keys), Item::Object(shape)) => keys_text(keys, shape),
        (ToldApart::Keys(_), Item::Leaf(_)) => "told apart by what they are".into(),
    };
    let mut facts = vec![
        Fact { about: "items", text: apart },
        Fact { about: "listed", text: listed_text("list", list.complete) },
    ];
    if list.order_told {
        facts.push(Fact { about: "order", text: "another order is told, not changed".into() });
    }
    if list.items_sent == ItemsSent::Changed {
        facts.push(Fact {
            about: "sent",
            text: "an update holds only the items that are new or differ".into(),
        });
    }
    let removals = list.removals.as_ref();
    facts.extend(removals.map(|removals| Fact {
        about: "removal",
        text: format!("an item is removed by `{}` in the same update", removals.through),
    }));
    facts
}

fn keys_text(keys: &[Vec<u16>], shape: &Shape) -> String {
    let names = |key: &Vec<u16>| joined(key.iter().map(|number| &*shape.field(*number).name));
    let all: Vec<_> = keys.iter().map(names).collect();
    format!("told apart by {}", all.join(", or where that is not unique by "))
}

/// `a`, `b` and `c`, each as code.
pub fn joined<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
        None => String::new(),
    }
}

fn listed_text(noun: &str, complete: bool) -> String {
    match complete {
        true => format!("a written {noun} is complete: what is not listed is removed"),
        false => format!("a written {noun} adds and changes: what is not listed stays"),
    }
}

fn clear_fact(field: &Field) -> Option<Fact> {
    if is_set_by_service(field) || field.access.computed {
        return None;
    }
    if field.access.required {
        return Some(Fact { about: "clear", text: "can't be cleared".into() });
    }
    let blank = match &field.ty {
        Type::List(_) => "the empty list",
        Type::Map(_) | Type::Object(_) => "the empty map",
        Type::Leaf(_) => "the empty text",
    };
    let text = match field.clear {
        Clear::Null => "`null` clears it".into(),
        Clear::Empty => format!("`null` clears it, by sending {blank}"),
        Clear::Zero => format!("`null` resets it to {}", zero_text(&field.ty)),
        Clear::Never => "can't be cleared".into(),
    };
    Some(Fact { about: "clear", text })
}

fn absent_fact(field: &Field) -> Option<Fact> {
    let text = match field.absent {
        Absent::Null => return None,
        Absent::Zero => format!("a live object without it has {}", zero_text(&field.ty)),
        Absent::Unknown => {
            "missing on read it may be hidden: then it is not compared, nor overwritten with nothing".into()
        }
        Absent::Pending => "missing on read it may wait for somebody, such as a mail to confirm: then it is \
                            shown as pending, not as a difference"
            .into(),
    };
    Some(Fact { about: "missing", text })
}

fn zero_text(ty: &Type) -> &'static str {
    match ty {
        Type::Leaf(Leaf::Flag) => "`false`",
        Type::Leaf(Leaf::Whole(_) | Leaf::Decimal(_)) => "`0`",
        Type::Leaf(Leaf::Guid) => "the guid of zeros",
        Type::Leaf(Leaf::Text { .. } | Leaf::Choice { .. }) => "the empty text",
        Type::Leaf(_) => "nothing",
        Type::List(_) => "no items",
        Type::Map(_) | Type::Object(_) => "no entries",
    }
}

fn compare_fact(field: &Field) -> Option<Fact> {
    let text = match field.compare {
        Compare::Exact => return None,
        Compare::IgnoreCase => "upper and lower case are the same",
        Compare::Addresses => {
            "mail addresses separated by commas; blanks around commas and the case of domains do not count"
        }
    };
    Some(Fact { about: "compare", text: text.into() })
}

/// How the member is called on the wire, where that is not the field's own name.
fn wire_fact(field: &Field) -> Option<Fact> {
    let read = field.read_as.join(".");
    let sent = !field.access.computed && !field.never_sent;
    let text = match (read != *field.name, sent && field.written_as != field.name) {
        (true, true) => format!("read as `{read}`, written as `{}`", field.written_as),
        (true, false) => format!("read as `{read}`"),
        (false, true) => format!("written as `{}`", field.written_as),
        (false, false) => return None,
    };
    Some(Fact { about: "wire", text })
}

/// What is to be known of a kind: what tells its objects apart, and what can be done with them.
pub fn of_kind(kind: &Kind) -> Vec<Fact> {
    let mut facts = vec![Fact { about: "identity", text: identity_text(kind) }];
    let operations = &kind.operations;
    facts.push(Fact { about: "list", text: format!("`GET {}`", operations.list.get) });
    facts.extend(operations.get.as_ref().map(|get| Fact { about: "get", text: get_text(get) }));
    for (about, write) in
        [("create", &operations.create), ("update", &operations.update), ("replace", &operations.replace)]
    {
        facts.extend(write.as_ref().map(|write| Fact { about, text: operation_text(write, about) }));
    }
    facts.push(Fact {
        about: "delete",
        text: match &operations.delete {
            Some(delete) => format!("`DELETE {}`", delete.delete),
            None => "not possible: the service has no way to delete one".into(),
        },
    });
    facts
}

fn get_text(get: &ReadOne) -> String {
    let listed = get.list_with().map(|query| {
        let words = query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        format!("the list with `{}`", words.join("&"))
    });
    let path = get.path().map(|path| format!("`GET {path}`"));
    path.into_iter().chain(listed).collect::<Vec<_>>().join(", else ")
}

fn identity_text(kind: &Kind) -> String {
    let made = match kind.identity.made_by {
        Maker::Server => "made by the service",
        Maker::Caller => "chosen on create",
    };
    let id = format!("`id` is the service's `{}`, {made}", kind.id_field().name);
    let names = kind.natural_key_names();
    match names.is_empty() {
        true => format!("{id}; a document must have it"),
        false => {
            let names = joined(names.iter().map(String::as_str));
            format!("{id}; without it the object is found by its {names}")
        }
    }
}

fn operation_text(write: &Write, about: &str) -> String {
    let mut text = format!("`{} {}`", write.verb.word(), write.path);
    if about != "create" {
        text.push_str(match write.sends {
            Sends::Everything => ", sends the live object overlaid with the document",
            Sends::Changes => ", sends only what differs",
        });
        text.push_str(match write.nested.as_ref().map(|nested| nested.travels) {
            Some(Travels::Whole) => "; objects, maps and lists travel whole",
            Some(Travels::Parts) => "; of objects, maps and lists only what differs travels",
            None => "",
        });
    }
    if about == "replace" {
        text.push_str("; used with `--method put`");
    }
    text
}
