//! Live objects of any kind, as its service might answer them: every field of the shape, what no description
//! knows, rows that their keys distinguishes.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};
use trueup::kind::{
    AbsenceRule, ArrayType, CopySource, Field, FieldReference, FieldType, ItemType, Kind, ListType, MapType,
    Shape, WriteBody,
};
use trueup::value::Sensitivity;

use super::choices::Choices;

/// How a service shows the secrets that it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    Clear,
    Masked,
    Null,
}

/// What a masked secret reads as.
pub const MASK: &str = "••••";

/// What is around an object.
pub struct Around {
    /// Scope values by the number of the parameter.
    pub scope: Vec<Json>,
    pub sight: Sight,
    /// Whether members that no description knows stand there too.
    pub strangers: bool,
}

impl Around {
    pub fn new(choices: &mut Choices, kind: &Kind, strangers: bool) -> Self {
        let scope = kind
            .scope
            .iter()
            .map(|parameter| choices.scalar_field(&parameter.ty, Sensitivity::Public))
            .collect();
        let sight = *choices.pick(&[Sight::Clear, Sight::Clear, Sight::Masked, Sight::Null]);
        Self { scope, sight, strangers }
    }
}

/// A live object.
pub fn object(choices: &mut Choices, kind: &Kind, around: &Around) -> Json {
    let writes = [&kind.operations.update, &kind.operations.replace];
    let in_parts = writes.into_iter().flatten().all(|write| write.body == WriteBody::Changes);
    let mut maker = Maker { choices, around, whole_references: in_parts };
    let mut root = maker.fields(&kind.shape, Sensitivity::Public, true);
    copies(kind, around, &mut root);
    Json::Object(root)
}

/// The value of a copy, from the scope or from the root.
fn copied(kind: &Kind, around: &Around, copy: &CopySource, root: &Map<String, Json>) -> Option<Json> {
    match copy {
        CopySource::Field(number) => get(root, kind.shape.get_field(*number)).cloned(),
        CopySource::Scope(name) => {
            let at = kind.scope.iter().position(|scope| scope.name == *name)?;
            around.scope.get(at).cloned()
        }
    }
}

/// The member of a field, through the members that it stands in.
pub fn get<'o>(object: &'o Map<String, Json>, field: &Field) -> Option<&'o Json> {
    let (first, rest) = field.read_from.split_first()?;
    rest.iter().try_fold(object.get(&**first)?, |inner, name| inner.get(&**name))
}

/// Sets the member of a field.
pub fn set(object: &mut Map<String, Json>, field: &Field, value: Json) {
    let Some((last, path)) = field.read_from.split_last() else { return };
    let mut inner = object;
    for name in path {
        let next = inner.entry(name.to_string()).or_insert_with(|| Json::Object(Map::new()));
        if !next.is_object() {
            *next = Json::Object(Map::new());
        }
        inner = next.as_object_mut().expect("an object by now");
    }
    inner.insert(last.to_string(), value);
}

/// Fills in the copies, at any depth.
pub fn copies(kind: &Kind, around: &Around, root: &mut Map<String, Json>) {
    let original = root.clone();
    fill(&kind.shape, root, &|copy| copied(kind, around, copy, &original));
}

fn fill(shape: &Shape, object: &mut Map<String, Json>, value: &dyn Fn(&CopySource) -> Option<Json>) {
    for field in &shape.fields {
        if let Some(value) = field.copy_of.as_ref().and_then(value) {
            set(object, field, value);
        }
        let Some(inner) = field.ty.inner_shape() else { continue };
        let [name] = field.read_from.as_slice() else { continue };
        match object.get_mut(&**name) {
            Some(Json::Object(object)) => fill(inner, object, value),
            Some(Json::Array(items)) => {
                items.iter_mut().filter_map(Json::as_object_mut).for_each(|item| fill(inner, item, value));
            }
            _ => {}
        }
    }
}

struct Maker<'m, 't> {
    choices: &'m mut Choices<'t>,
    around: &'m Around,
    /// Whether a reference may stand as the whole thing: only where no one sends back what was read.
    whole_references: bool,
}

impl Maker<'_, '_> {
    fn fields(&mut self, shape: &Shape, above: Sensitivity, root: bool) -> Map<String, Json> {
        let mut object = Map::new();
        for field in &shape.fields {
            if field.behavior.write_only || field.copy_of.is_some() {
                continue;
            }
            if let Some(value) = self.field(field, above, root) {
                set(&mut object, field, value);
            }
        }
        if self.around.strangers {
            for _ in 0..self.choices.roll(3) {
                let (name, value) = self.choices.stranger();
                object.insert(name, value);
            }
        }
        object
    }

    /// The member of a field; none where it is absent.
    fn field(&mut self, field: &Field, above: Sensitivity, root: bool) -> Option<Json> {
        let mark = above.max(field.sensitivity);
        // an object has what it is found by, and a row its id
        let named = field.behavior.identifier && (root || field.behavior.read_only);
        let must = field.behavior.required || named;
        match &field.ty {
            FieldType::Scalar(scalar_field)
                if field.sensitivity == Sensitivity::Secret && field.when_absent == AbsenceRule::Hidden =>
            {
                match self.around.sight {
                    Sight::Clear => Some(self.choices.scalar_field(scalar_field, mark)),
                    Sight::Masked => Some(Json::from(MASK)),
                    Sight::Null => Some(Json::Null),
                }
            }
            FieldType::Scalar(scalar_field) if must => {
                let value = self.choices.scalar_field(scalar_field, mark);
                let blank = value.as_str() == Some("");
                Some(if blank { Json::from("x") } else { value })
            }
            FieldType::Scalar(_) if self.choices.chance(2) => match (field.when_absent, self.choices.roll(2))
            {
                // what may be hidden, and what a service leaves out
                (_, 0) => None,
                (AbsenceRule::Zero, _) => None,
                _ => Some(Json::Null),
            },
            FieldType::Scalar(scalar_field) => {
                let value = self.choices.scalar_field(scalar_field, mark);
                Some(match &field.reference {
                    Some(refers) if root && self.whole_references => self.thing(refers, value),
                    _ => value,
                })
            }
            FieldType::Object(_) if !must && self.choices.chance(2) => None,
            FieldType::Object(shape) => Some(Json::Object(self.fields(shape, mark, false))),
            _ if self.choices.chance(1) => Some(Json::Null),
            FieldType::Map(map) => Some(self.map(map, mark)),
            FieldType::Array(list) => Some(self.list(list, mark)),
        }
    }

    /// A reference: the id, or the thing itself.
    fn thing(&mut self, refers: &FieldReference, id: Json) -> Json {
        if self.choices.chance(5) {
            return id;
        }
        let mut thing = Map::from_iter([("zz".to_owned(), Json::from("x"))]);
        thing.insert(refers.id.to_string(), id);
        Json::Object(thing)
    }

    fn map(&mut self, map: &MapType, mark: Sensitivity) -> Json {
        let mut entries = Map::new();
        for _ in 0..self.choices.roll(4) {
            let key = match map.keys.is_empty() || self.choices.chance(1) {
                true => format!("key{}", self.choices.roll(5)),
                false => self.choices.pick(&map.keys).0.to_string(),
            };
            let value =
                if self.choices.chance(1) { Json::Null } else { self.choices.scalar_field(&map.value, mark) };
            entries.insert(key, value);
        }
        Json::Object(entries)
    }

    fn list(&mut self, list: &ArrayType, mark: Sensitivity) -> Json {
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        for _ in 0..self.choices.roll(4) {
            let item = match &list.item {
                ItemType::Scalar(scalar_field) => self.choices.scalar_field(scalar_field, mark),
                ItemType::Object(shape) => Json::Object(self.fields(shape, mark, false)),
            };
            let ordered = matches!(list.list_type, ListType::Atomic);
            if seen.insert(identity(list, &item)) || ordered {
                items.push(item);
            }
        }
        Json::Array(items)
    }
}

/// What tells an item apart, coarsely: two items with different identities are surely two.
pub fn identity(list: &ArrayType, item: &Json) -> String {
    let coarse = |value: &Json| match value {
        Json::Null | Json::Bool(false) => String::new(),
        Json::String(text) => text.to_lowercase().replace('-', ""),
        Json::Number(number) if number.as_f64() == Some(0.0) => String::new(),
        Json::Array(items) if items.is_empty() => String::new(),
        other => other.to_string().to_lowercase(),
    };
    match (&list.list_type, &list.item, item) {
        (ListType::Map(keys), ItemType::Object(shape), Json::Object(item)) => {
            let fields = keys.iter().flatten().map(|number| shape.get_field(*number));
            let own =
                fields.filter(|field| !field.behavior.read_only && field.sensitivity != Sensitivity::Secret);
            let mut own: Vec<_> = own.map(|field| (field.number, get(item, field).map(coarse))).collect();
            own.sort();
            own.dedup();
            format!("{:?}", own.into_iter().map(|(_, value)| value.unwrap_or_default()).collect::<Vec<_>>())
        }
        _ => coarse(item),
    }
}
