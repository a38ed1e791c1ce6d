//! Where two objects of one shape differ.
//!
//! Items of lists are paired by their identity, so that a moved item is no change of every item behind it.
//! Deliberately absent: when two values are the same, which `kind::equality` says.

use crate::kind::equality::is_equal;
use crate::kind::mask::is_unreadable;
use crate::kind::{ArrayType, Field, FieldType, ItemType, ScalarType, Shape};
use crate::plan::{Change, ChangeValueType};
use crate::value::{Object, PathSegment, Sensitivity, UnknownField, Value, ValuePath};

/// Every value in which two objects of one shape differ; items and entries that came or went as wholes.
/// Fields for which `skip` is true are passed over, at any depth. A change whose second side may not be the
/// value itself is unseen.
pub fn diff_objects(shape: &Shape, a: &Object, b: &Object, skip: &dyn Fn(&Field) -> bool) -> Vec<Change> {
    let mut walk = DiffWalker { skip, changes: Vec::new() };
    walk.diff_object(shape, a, b, &ValuePath::default());
    walk.changes
}

struct DiffWalker<'s> {
    skip: &'s dyn Fn(&Field) -> bool,
    changes: Vec<Change>,
}

impl DiffWalker<'_> {
    fn diff_object(&mut self, shape: &Shape, a: &Object, b: &Object, path: &ValuePath) {
        for field in shape.fields.iter().filter(|field| !(self.skip)(field)) {
            let (a, b) = (a.get_field(field.number), b.get_field(field.number));
            let path = path.join_segment(PathSegment::Field(field.name.clone()));
            match (&field.ty, a, b) {
                _ if is_equal(field, a, b) => {}
                (FieldType::Object(shape), Some(Value::Object(a)), Some(Value::Object(b))) => {
                    self.diff_object(shape, a, b, &path);
                }
                (FieldType::Array(list), a, b) => {
                    let items = |side: Option<&Value>| side.map(|v| v.items().to_vec()).unwrap_or_default();
                    self.diff_list(list, field.sensitivity, &items(a), &items(b), &path);
                }
                (ty, a, b) => {
                    self.push_change(path, (a, b), ChangeValueType::from_type(ty), field.sensitivity);
                    self.set_unreadable(is_unreadable(field, b));
                }
            }
        }
        self.diff_unknown_fields(a, b, path);
    }

    /// Members that no field describes move by themselves; one that is gone was lost.
    fn diff_unknown_fields(&mut self, a: &Object, b: &Object, path: &ValuePath) {
        let is_gone = |own: &&UnknownField| !b.unknown_fields.iter().any(|other| other.name == own.name);
        for gone in a.unknown_fields.iter().filter(is_gone) {
            // no one knows what it holds, so it is shown like a sensitive value
            let (path, any) = (
                path.join_segment(PathSegment::Field((&*gone.name).into())),
                ChangeValueType::Scalar(ScalarType::Any),
            );
            let value = Value::String(gone.raw.clone());
            self.push_change(path, (Some(&value), None), any, Sensitivity::Internal);
        }
    }

    fn diff_list(&mut self, list: &ArrayType, mark: Sensitivity, a: &[Value], b: &[Value], path: &ValuePath) {
        let mut free: Vec<(usize, &Value)> = b.iter().enumerate().collect();
        for (index, item) in a.iter().enumerate() {
            let partner = list.find_partner(index, item, &free).map(|at| free.remove(at).1);
            let at = path.join_segment(list.build_item_segment(index, item, a));
            match (&list.item, item, partner) {
                (ItemType::Object(shape), Value::Object(a), Some(Value::Object(b))) => {
                    self.diff_object(shape, a, b, &at)
                }
                (_, item, Some(other)) if item.is_equivalent(other) => {}
                (_, item, other) => {
                    self.push_change(at, (Some(item), other), ChangeValueType::from_item(&list.item), mark)
                }
            }
        }
        // behind all of the first side, so that none is taken for one that is gone
        for (index, (_, item)) in (a.len()..).zip(free) {
            self.push_change(
                path.join_segment(list.build_item_segment(index, item, b)),
                (None, Some(item)),
                ChangeValueType::from_item(&list.item),
                mark,
            );
        }
    }

    /// Of the last change: whether no one can see what is there now.
    fn set_unreadable(&mut self, unseen: bool) {
        if let Some(last) = self.changes.last_mut() {
            last.unreadable = unseen;
        }
    }

    fn push_change(
        &mut self,
        path: ValuePath,
        sides: (Option<&Value>, Option<&Value>),
        form: ChangeValueType,
        mark: Sensitivity,
    ) {
        let (before, after) = (sides.0.cloned(), sides.1.cloned());
        self.changes.push(Change {
            path,
            before,
            after,
            value_type: form,
            sensitivity: mark,
            place: None,
            unreadable: false,
            causes: Vec::new(),
        });
    }
}

impl ChangeValueType {
    /// The form of a field's value.
    pub fn from_type(ty: &FieldType) -> Self {
        match ty {
            FieldType::Scalar(scalar) => Self::Scalar(scalar.clone()),
            FieldType::Object(shape) => Self::Object(shape.clone()),
            FieldType::Map(map) => Self::Map(map.value.clone()),
            FieldType::Array(list) => Self::from_item(&list.item),
        }
    }

    /// The form of a list's item.
    pub fn from_item(item: &ItemType) -> Self {
        match item {
            ItemType::Scalar(scalar) => Self::Scalar(scalar.clone()),
            ItemType::Object(shape) => Self::Object(shape.clone()),
        }
    }
}
