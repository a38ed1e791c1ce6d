//! A document held against what reads back in the end, by the words of the kind format alone: the plan has no say
//! in whether it was right.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use trueup::kind::{
    AbsenceRule, ArrayType, ComparisonRule, Field, FieldType, ItemType, ListType, ScalarType, Shape,
};
use trueup::value::Sensitivity;

use super::body_oracle::{typed, without_nulls};
use super::live_objects::{Sight, get};
use super::model_service::Manners;

/// What is known of the run.
pub struct Run<'r> {
    pub manners: Manners,
    /// What the slots gave.
    pub env: &'r BTreeMap<String, String>,
    /// Values that could not be seen were written all the same.
    pub forced: bool,
}

impl Run<'_> {
    /// Whether an object is what a document says; an error names a field that is not.
    pub fn holds(
        &self,
        shape: &Shape,
        said: &Map<String, Json>,
        seen: &Map<String, Json>,
    ) -> Result<(), String> {
        for (name, said) in said {
            let field = shape.find_field(name).ok_or_else(|| format!("{name} is no field"))?;
            let known = !field.behavior.write_only && self.can_be_held(field);
            if known && !self.field(field, said, get(seen, field)) {
                return Err(format!("{name} is not as the document says"));
            }
        }
        Ok(())
    }

    /// Whether what reads back of a field is what the service holds.
    fn can_be_held(&self, field: &Field) -> bool {
        match field.when_absent {
            AbsenceRule::Hidden if field.sensitivity == Sensitivity::Secret => {
                self.manners.sight == Sight::Clear
            }
            AbsenceRule::Hidden => self.forced,
            AbsenceRule::Pending => self.manners.verified,
            AbsenceRule::Null | AbsenceRule::Zero => true,
        }
    }

    fn field(&self, field: &Field, said: &Json, seen: Option<&Json>) -> bool {
        let seen = seen.filter(|seen| !seen.is_null());
        match (&field.ty, said, seen) {
            (_, Json::Null, None) => true,
            (FieldType::Scalar(scalar_field), said, seen) => {
                self.scalar_field(field, scalar_field, said, seen)
            }
            (_, said, None) => is_empty(said),
            (FieldType::Object(shape), Json::Object(said), Some(Json::Object(seen))) => {
                self.holds(shape, said, seen).is_ok()
            }
            (FieldType::Object(_), _, Some(_)) => false,
            (FieldType::Map(map), said, Some(seen)) => entries(said, seen, map.deletes_unlisted),
            (FieldType::Array(list), said, Some(seen)) => self.list(list, said, seen),
        }
    }

    fn scalar_field(
        &self,
        field: &Field,
        scalar_field: &ScalarType,
        said: &Json,
        seen: Option<&Json>,
    ) -> bool {
        let slot = said.get("from_env").and_then(Json::as_str).and_then(|name| self.env.get(name));
        let said = slot.map_or_else(|| said.clone(), |value| Json::from(value.as_str()));
        let nothing = |value: &Json| {
            value.is_null()
                || value.as_str() == Some("")
                || (field.when_absent == AbsenceRule::Zero
                    && typed(scalar_field, value).is_some_and(|value| value.is_zero()))
        };
        let id = field.reference.as_ref().and_then(|refers| seen?.get(&*refers.id)).or(seen);
        match id {
            _ if field.compare != ComparisonRule::Exact => true,
            None => nothing(&said),
            Some(seen) if nothing(&said) => nothing(seen),
            Some(seen) if *scalar_field == ScalarType::Any => said == *seen,
            Some(seen) => {
                typed(scalar_field, &said).is_some()
                    && typed(scalar_field, &said) == typed(scalar_field, seen)
            }
        }
    }

    /// Whether an item has nothing of what makes it count.
    fn is_cleared(&self, list: &ArrayType, row: &Json) -> bool {
        let ItemType::Object(shape) = &list.item else { return false };
        list.cleared_item_fields.iter().map(|number| shape.get_field(*number)).all(|field| {
            let seen = row.get(&*field.read_from[0]);
            self.field(field, &Json::Null, seen)
        })
    }

    fn list(&self, list: &ArrayType, said: &Json, seen: &Json) -> bool {
        let items = |side: &Json| side.as_array().cloned().unwrap_or_default();
        let (said, mut seen) = (items(said), items(seen));
        if said.is_empty() && !list.cleared_item_fields.is_empty() {
            return seen.iter().all(|row| self.is_cleared(list, row));
        }
        if said.len() > seen.len() || ((list.deletes_unlisted || said.is_empty()) && said.len() != seen.len())
        {
            return false;
        }
        match (&list.item, &list.list_type) {
            (ItemType::Scalar(scalar_field), ListType::Atomic) => {
                said.iter().zip(&seen).all(|(a, b)| same(scalar_field, a, b))
            }
            (ItemType::Scalar(scalar_field), _) => {
                said.iter().all(|said| take(&mut seen, |seen| same(scalar_field, said, seen)))
            }
            (ItemType::Object(shape), _) => said.iter().all(|said| {
                let Some(said) = said.as_object() else { return false };
                take(&mut seen, |row| row.as_object().is_some_and(|row| self.holds(shape, said, row).is_ok()))
            }),
        }
    }
}

fn same(scalar_field: &ScalarType, a: &Json, b: &Json) -> bool {
    if *scalar_field == ScalarType::Any { a == b } else { typed(scalar_field, a) == typed(scalar_field, b) }
}

/// Takes the first that fits.
fn take(from: &mut Vec<Json>, fits: impl Fn(&Json) -> bool) -> bool {
    let at = from.iter().position(fits);
    at.map(|at| from.remove(at)).is_some()
}

fn entries(said: &Json, seen: &Json, complete: bool) -> bool {
    let shallow = |side: &Json| {
        let entries = side.as_object().cloned().unwrap_or_default();
        entries.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>()
    };
    let (said, seen) = (shallow(said), shallow(seen));
    let has = said.iter().all(|(key, value)| {
        seen.get(key).is_some_and(|own| without_nulls(own.clone()) == without_nulls(value.clone()))
    });
    has && (!(complete || said.is_empty()) || said.len() == seen.len())
}

fn is_empty(said: &Json) -> bool {
    match said {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.values().all(is_empty),
        Json::String(text) => text.is_empty(),
        _ => false,
    }
}
