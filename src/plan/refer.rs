//! Which thing a name means, and whether a value keeps the bounds that stand in such a thing.
//!
//! Exactly one thing must have the name; none and several are faults that tell what there is, as far as it may
//! be seen. Deliberately absent: where the things come from; they were read before.

use std::sync::Arc;

use super::compare::same;
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::document::{Document, Reference, Wanted, Wish};
use crate::kind::{Among as Stands, Bounds, Field, Item, Kind, Leaf, ListType, Refers, Shape, Type};
use crate::value::{Mark, Object, Value};

/// How many things a message tells.
const MOST_TOLD: usize = 12;
/// How many characters of a name are told.
const MOST_CHARACTERS: usize = 60;

/// A thing that may be referred to.
#[derive(Clone)]
pub struct Thing {
    pub id: Value,
    /// What it has in the members by which it may be named.
    pub names: Vec<(Arc<str>, Box<str>)>,
}

/// What is said of a choice among things.
pub struct Among<'a> {
    pub kind: &'a Kind,
    /// The field that refers.
    pub field: &'a str,
    /// What must not be seen of the things.
    pub mark: Mark,
}

/// The things of a list of objects.
pub fn things(kind: &Kind, shape: &Shape, refers: &Refers, list: &Value) -> Vec<Thing> {
    let Some(id) = shape.named(&refers.id) else { return Vec::new() };
    let named = |object: &Object| {
        let name = |by: &Arc<str>| {
            let value = object.get(shape.named(by)?.number).filter(|value| !value.is_blank())?;
            Some((Arc::clone(by), Leaf::url_text(value, &kind.api).into()))
        };
        let id = object.get(id.number).filter(|id| !id.is_blank())?.clone();
        Some(Thing { id, names: refers.by.iter().filter_map(name).collect() })
    };
    list.items().iter().filter_map(Value::as_object).filter_map(named).collect()
}

/// The id of the one thing that has the name.
///
/// # Errors
/// When none has it, or several have.
pub fn pick(reference: &Reference, things: &[Thing], among: &Among) -> Result<Value, Diagnostic> {
    let mut hits: Vec<&Thing> = Vec::new();
    for thing in things.iter().filter(|thing| thing.is_named(reference)) {
        // pages may overlap: the same thing twice is one thing
        if !hits.iter().any(|hit| hit.id == thing.id) {
            hits.push(thing);
        }
    }
    match hits.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(nobody(reference, things, among)),
        several => Err(too_many(reference, several, among)),
    }
}

impl Thing {
    fn is_named(&self, reference: &Reference) -> bool {
        let by = reference.by.as_deref();
        self.names.iter().any(|(own, name)| Some(&**own) == by && *name == reference.name)
    }

    fn called(&self, by: Option<&str>) -> Option<&str> {
        self.names.iter().find(|(own, _)| Some(&**own) == by).map(|(_, name)| &**name)
    }

    /// The id with every name.
    fn shown(&self, kind: &Kind) -> String {
        let names: Vec<String> = self.names.iter().map(|(_, name)| brief(name)).collect();
        let id = Leaf::url_text(&self.id, &kind.api);
        if names.is_empty() { id } else { format!("{id} ({})", names.join(", ")) }
    }
}

fn brief(name: &str) -> String {
    let short: String = name.chars().take(MOST_CHARACTERS).collect();
    short.escape_debug().to_string()
}

fn nobody(reference: &Reference, things: &[Thing], among: &Among) -> Diagnostic {
    let by = reference.by.as_deref().unwrap_or_default();
    let open = among.mark == Mark::Open;
    let called =
        if open { format!("this `{by}`, `{}`", brief(&reference.name)) } else { format!("this `{by}`") };
    let message = match things.len() {
        0 => format!("there is nothing that `{}` could refer to", among.field),
        1 => format!("the one thing that `{}` may refer to does not have {called}", among.field),
        count => format!("none of the {count} things that `{}` may refer to has {called}", among.field),
    };
    let names = things.iter().filter_map(|thing| thing.called(reference.by.as_deref()));
    let near = nearest(&reference.name, names).filter(|_| open);
    let hint = match (near, things.is_empty()) {
        (Some(near), _) => format!("did you mean `{}`? There are: {}", brief(near), told(things, among)),
        (None, false) if open => format!("there are: {}", told(things, among)),
        _ => "look at the things in the service, and write the id".to_owned(),
    };
    Diagnostic::error("unknown-reference", message).hint(hint)
}

fn told(things: &[Thing], among: &Among) -> String {
    let shown: Vec<String> = things.iter().take(MOST_TOLD).map(|thing| thing.shown(among.kind)).collect();
    let more = things.len().saturating_sub(MOST_TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn too_many(reference: &Reference, several: &[&Thing], among: &Among) -> Diagnostic {
    let by = reference.by.as_deref().unwrap_or_default();
    let all: Vec<Thing> = several.iter().map(|thing| (*thing).clone()).collect();
    let told = if among.mark == Mark::Open { format!(": {}", told(&all, among)) } else { String::new() };
    let message = format!("{} things have this `{by}`{told}", several.len());
    Diagnostic::error("ambiguous-reference", message).hint("write the id of the one that is meant")
}

/// Values beyond the bounds that stand in the things to which fields beside them refer. `list` gives the list
/// of a root field. What is live already is left alone: nobody asks for it anew.
pub fn beyond(
    document: &Document,
    live: Option<&Object>,
    list: &dyn Fn(u16) -> Option<Value>,
) -> Vec<Diagnostic> {
    let mut check = Check { document, list, found: Vec::new() };
    check.fields(&document.kind.shape, &document.spec, &live.into_iter().collect::<Vec<_>>());
    check.found
}

struct Check<'c> {
    document: &'c Document,
    list: &'c dyn Fn(u16) -> Option<Value>,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    /// `live` are the objects that may be this one now.
    fn fields(&mut self, shape: &Shape, wanted: &Wanted, live: &[&Object]) {
        let Wish::Object(fields) = &wanted.wish else { return };
        for (number, inner) in fields {
            let field = shape.field(*number);
            let values = || live.iter().filter_map(|object| object.get(*number));
            match (&field.ty, &inner.wish) {
                (Type::Leaf(_), Wish::Leaf(value)) => {
                    if let Some(bounds) = &field.bounded_by {
                        self.leaf(shape, (field, bounds), (value, wanted, inner.span), live);
                    }
                }
                (Type::Object(shape), _) => {
                    self.fields(shape, inner, &values().filter_map(Value::as_object).collect::<Vec<_>>());
                }
                (Type::List(list), Wish::List(items)) => {
                    if let Item::Object(shape) = &list.item {
                        let live: Vec<_> =
                            values().flat_map(Value::items).filter_map(Value::as_object).collect();
                        items.iter().for_each(|item| self.fields(shape, item, &live));
                    }
                }
                _ => {}
            }
        }
    }

    fn leaf(
        &mut self,
        shape: &Shape,
        (field, bounds): (&Field, &Bounds),
        (value, wanted, span): (&Value, &Wanted, Span),
        live: &[&Object],
    ) {
        let of = shape.field(bounds.of);
        let Some(Wish::Leaf(id)) = wanted.field(bounds.of).map(|beside| &beside.wish) else { return };
        let is_there = |object: &&Object| {
            same(of, object.get(of.number), Some(id)) && same(field, object.get(field.number), Some(value))
        };
        let (Some(text), false) = (value.as_text(), live.iter().any(is_there)) else { return };
        let Some(limits) = self.limits(of, bounds, id) else { return };
        if let Some(most) = limits.max_length.filter(|most| text.chars().count() > *most) {
            let message = format!("`{}` is longer than the {most} characters that fit", field.name);
            self.put(span, Diagnostic::error("too-long", message).hint("shorten it"));
        }
        let known = limits.choices.is_empty() || limits.choices.iter().any(|choice| **choice == *text);
        if !text.is_empty() && !known {
            let message = format!("`{}` is none of the values to choose from", field.name);
            self.put(span, Diagnostic::error("not-a-choice", message).hint(limits.hint()));
        }
    }

    /// The bounds in the thing with an id.
    fn limits(&self, of: &Field, bounds: &Bounds, id: &Value) -> Option<Limits> {
        let refers = of.refers_to.as_ref()?;
        let Some(Stands::Field(root)) = refers.among else { return None };
        let root = self.document.kind.shape.field(root);
        let shape = items_of(root)?;
        let (own, list) = (shape.named(&refers.id)?, (self.list)(root.number)?);
        let mut things = list.items().iter().filter_map(Value::as_object);
        let thing = things.find(|thing| thing.get(own.number) == Some(id))?;
        let max_length = bounds.max_length.and_then(|number| match thing.get(number) {
            // 0 is no bound
            Some(Value::Whole(most)) if *most > 0 => usize::try_from(*most).ok(),
            _ => None,
        });
        let mut choices = Vec::new();
        let mark = root.mark.max(texts(shape, thing, &bounds.choices, &mut choices));
        Some(Limits { max_length, choices, mark })
    }

    fn put(&mut self, span: Span, fault: Diagnostic) {
        self.found.push(fault.at(self.document.place(span)));
    }
}

struct Limits {
    max_length: Option<usize>,
    choices: Vec<Box<str>>,
    /// What must not be seen of the choices.
    mark: Mark,
}

impl Limits {
    fn hint(&self) -> String {
        if self.mark != Mark::Open {
            return "look at the choices in the service".to_owned();
        }
        let told: Vec<String> = self.choices.iter().take(MOST_TOLD).map(|choice| brief(choice)).collect();
        let more = self.choices.len().saturating_sub(MOST_TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("choose from: {}{more}", told.join(", "))
    }
}

fn items_of(field: &Field) -> Option<&Shape> {
    match &field.ty {
        Type::List(ListType { item: Item::Object(shape), .. }) => Some(shape),
        _ => None,
    }
}

/// Adds the texts at a path of field numbers that may lead over lists; gives the strictest mark on the way.
fn texts(shape: &Shape, object: &Object, path: &[u16], found: &mut Vec<Box<str>>) -> Mark {
    let Some((number, rest)) = path.split_first() else { return Mark::Open };
    let field = shape.field(*number);
    let Some(value) = object.get(*number) else { return field.mark };
    let inner = match &field.ty {
        Type::Object(inner) => Some(&**inner),
        _ => items_of(field),
    };
    let mut mark = field.mark;
    match inner {
        None => found.extend(value.as_text().map(Box::from)),
        Some(inner) => {
            let several = value.items();
            let objects = if several.is_empty() { std::slice::from_ref(value) } else { several };
            for object in objects.iter().filter_map(Value::as_object) {
                mark = mark.max(texts(inner, object, rest, found));
            }
        }
    }
    mark
}
