//! Members around objects: where the object of a body or an answer is.
//!
//! Services wrap one object in a member of its name (`{"server": {…}}`) or in `data`. The schema that shares most
//! of its members with what a list shows is the object.
//! Deliberately absent: lists and their envelopes (`envelope`).

use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};

/// How deep a member with the object may be.
const MAX_DEPTH: usize = 2;

/// Where the object of a body or an answer is.
#[derive(Debug, PartialEq, Eq)]
pub enum ObjectPlace {
    /// It is the whole.
    Whole,
    /// It is in this member; dots reach inwards.
    Member(String),
    /// Nothing in it is like the object.
    Nowhere,
}

/// Where in `schema` an object like `object` is.
pub fn locate_object(schema: &FlatSchema, object: &FlatSchema) -> ObjectPlace {
    let own = count_common_members(schema, object);
    let best = list_inner_objects(schema, MAX_DEPTH)
        .into_iter()
        .map(|(path, inner)| (count_common_members(inner, object), path))
        .filter(|(common, _)| *common > 0)
        .min_by_key(|(common, path)| (usize::MAX - common, path.matches('.').count()));
    match best {
        // an object may hold objects that are a little like it
        Some((common, path)) if own == 0 || common > 2 * own => ObjectPlace::Member(path),
        _ if own > 0 => ObjectPlace::Whole,
        _ => ObjectPlace::Nowhere,
    }
}

/// The schema at a path that `locate_object` gave.
pub fn select_member<'s>(schema: &'s FlatSchema, path: &str) -> Option<&'s FlatSchema> {
    path.split('.').try_fold(schema, |schema, name| {
        let member = schema.find_property(name)?;
        Some(as_single_object(member))
    })
}

/// How many members two objects have in common.
pub fn count_common_members(one: &FlatSchema, other: &FlatSchema) -> usize {
    one.properties().iter().filter(|member| other.find_property(&member.name).is_some()).count()
}

/// The objects in an object, each with its path.
fn list_inner_objects(schema: &FlatSchema, depth: usize) -> Vec<(String, &FlatSchema)> {
    let mut found = Vec::new();
    for member in schema.properties().iter().filter(|member| !member.name.contains('.')) {
        let inner = as_single_object(&member.schema);
        if inner.properties().is_empty() {
            continue;
        }
        found.push((member.name.clone(), inner));
        if depth > 1 {
            let below = list_inner_objects(inner, depth - 1).into_iter();
            found.extend(below.map(|(path, inner)| (format!("{}.{path}", member.name), inner)));
        }
    }
    found
}

/// A list of one counts as that one.
fn as_single_object(schema: &FlatSchema) -> &FlatSchema {
    match &schema.form {
        SchemaForm::Array { item, .. } => item,
        _ => schema,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::flatten_schema::SchemaProperty;

    fn object(members: Vec<(&str, FlatSchema)>) -> FlatSchema {
        let member = |(name, schema): (&str, FlatSchema)| SchemaProperty { name: name.into(), schema };
        FlatSchema::from_form(SchemaForm::Object {
            properties: members.into_iter().map(member).collect(),
            required: Vec::new(),
            additional_properties: None,
        })
    }

    fn flag() -> FlatSchema {
        FlatSchema::from_form(SchemaForm::Boolean)
    }

    #[test]
    fn the_object_is_where_its_members_are() {
        let server = || object(vec![("id", flag()), ("name", flag()), ("image", flag()), ("state", flag())]);
        let action = || object(vec![("id", flag()), ("state", flag())]);
        let place = |schema: &FlatSchema| locate_object(schema, &server());
        assert_eq!(place(&server()), ObjectPlace::Whole);
        assert_eq!(place(&object(vec![("server", server())])), ObjectPlace::Member("server".into()));
        let created = object(vec![("action", action()), ("server", server())]);
        assert_eq!(place(&created), ObjectPlace::Member("server".into()));
        let deep = object(vec![("data", object(vec![("item", server())]))]);
        assert_eq!(place(&deep), ObjectPlace::Member("data.item".into()));
        // a part that is a little like the whole
        assert_eq!(place(&object(vec![("name", flag()), ("parent", action())])), ObjectPlace::Whole);
        assert_eq!(place(&object(vec![("count", flag())])), ObjectPlace::Nowhere);
    }
}
