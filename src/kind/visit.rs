//! The one walk over a shape together with a value: of a live object, or of what a document desires.
//!
//! Each node is visited before what is in it, with the field to which it belongs, the strictest sensitivity on the
//! way, and the numbers of the fields that lead to it. Deliberately absent: changing a value, and walks over two
//! values at once, which pair list items first.

use crate::kind::{Field, FieldType, ItemType, MapType, ScalarType, Shape};
use crate::value::{ItemKeyField, Object, PathSegment, Sensitivity, Value, ValuePath};

/// A tree of values under the guidance of a shape.
pub trait ValueTree: Sized {
    /// What is directly in it.
    fn members(&self) -> TreeMembers<'_, Self>;
}

/// What is directly in a node.
pub enum TreeMembers<'n, N> {
    /// The fields of an object, by their number.
    Fields(&'n [(u16, N)]),
    /// The entries of a map.
    Entries(&'n [(Box<str>, N)]),
    Items(&'n [N]),
    Nothing,
}

impl ValueTree for Value {
    fn members(&self) -> TreeMembers<'_, Self> {
        match self {
            Self::Object(object) => TreeMembers::Fields(object.field_slice()),
            Self::Map(entries) => TreeMembers::Entries(entries),
            Self::Array(items) => TreeMembers::Items(items),
            _ => TreeMembers::Nothing,
        }
    }
}

/// What a visited node is.
#[derive(Clone, Copy)]
pub enum NodeType<'k> {
    /// The value of a field, whatever its type.
    Field,
    /// An item of a list.
    Item(&'k ItemType),
    /// An entry of a map.
    Entry(&'k MapType),
}

/// A node on the walk.
pub struct VisitedNode<'w, 'k, 'n, N> {
    pub node: &'n N,
    /// The field to which it belongs, and the shape of that field.
    pub field: &'k Field,
    pub shape: &'k Shape,
    pub node_type: NodeType<'k>,
    /// The key of a map's entry.
    pub key: Option<&'n str>,
    /// The strictest on the way to it.
    pub sensitivity: Sensitivity,
    /// The fields that lead to it, its own last; items of lists and entries of maps add none.
    pub path: &'w [&'k Field],
}

impl<'k, N> VisitedNode<'_, 'k, '_, N> {
    /// The type of a value without fields of its own; a list of scalars has none, but each of its items has.
    pub fn scalar_type(&self) -> Option<&'k ScalarType> {
        match (self.node_type, &self.field.ty) {
            (NodeType::Field, FieldType::Scalar(own)) | (NodeType::Item(ItemType::Scalar(own)), _) => {
                Some(own)
            }
            (NodeType::Entry(map), _) => Some(&map.value),
            _ => None,
        }
    }
}

/// What to do with what is in a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum VisitFlow {
    Descend,
    Skip,
}

/// Visits everything that is in an object.
pub fn visit_fields<'k, 'n, N: ValueTree>(
    shape: &'k Shape,
    fields: &'n [(u16, N)],
    visit: &mut dyn FnMut(&VisitedNode<'_, 'k, 'n, N>) -> VisitFlow,
) {
    let mut walk = TreeWalk { path: Vec::new(), visit };
    walk.walk_fields(shape, fields, Sensitivity::Public);
}

/// Visits everything that is in a live object.
pub fn visit_object<'k, 'n>(
    shape: &'k Shape,
    object: &'n Object,
    visit: &mut dyn FnMut(&VisitedNode<'_, 'k, 'n, Value>) -> VisitFlow,
) {
    visit_fields(shape, object.field_slice(), visit);
}

struct TreeWalk<'v, 'k, 'n, N> {
    path: Vec<&'k Field>,
    visit: &'v mut dyn FnMut(&VisitedNode<'_, 'k, 'n, N>) -> VisitFlow,
}

impl<'k, 'n, N: ValueTree> TreeWalk<'_, 'k, 'n, N> {
    fn walk_fields(&mut self, shape: &'k Shape, fields: &'n [(u16, N)], above: Sensitivity) {
        for (number, node) in fields {
            let field = shape.get_field(*number);
            self.path.push(field);
            let mut at = VisitedNode {
                node,
                field,
                shape,
                node_type: NodeType::Field,
                key: None,
                sensitivity: above.max(field.sensitivity),
                path: &[],
            };
            if self.visit_node(&mut at) == VisitFlow::Descend {
                self.walk_members(at);
            }
            self.path.pop();
        }
    }

    fn visit_node(&mut self, at: &mut VisitedNode<'_, 'k, 'n, N>) -> VisitFlow {
        (self.visit)(&VisitedNode { path: &self.path, ..*at })
    }

    fn walk_members(&mut self, mut at: VisitedNode<'_, 'k, 'n, N>) {
        match (&at.field.ty, at.node.members()) {
            (FieldType::Object(inner), TreeMembers::Fields(fields)) => {
                self.walk_fields(inner, fields, at.sensitivity);
            }
            (FieldType::Map(map), TreeMembers::Entries(entries)) => {
                for (key, node) in entries {
                    (at.node, at.key, at.node_type) = (node, Some(&**key), NodeType::Entry(map));
                    self.visit_node(&mut at);
                }
            }
            (FieldType::Array(list), TreeMembers::Items(items)) => {
                for node in items {
                    (at.node, at.node_type) = (node, NodeType::Item(&list.item));
                    if let (VisitFlow::Descend, ItemType::Object(inner), TreeMembers::Fields(fields)) =
                        (self.visit_node(&mut at), &list.item, node.members())
                    {
                        self.walk_fields(inner, fields, at.sensitivity);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A segment of a path under the guidance of a shape.
pub struct PathStep<'k, 'p> {
    pub segment: &'p PathSegment,
    /// The field that it names, or to which the item or the entry belongs; `None` for what the kind does not know.
    pub field: Option<&'k Field>,
    /// The strictest sensitivity so far. No one knows what an unknown field holds.
    pub sensitivity: Sensitivity,
}

impl<'k> PathStep<'k, '_> {
    /// The fields of what is at the end of the segment.
    pub fn inner_shape(&self) -> Option<&'k Shape> {
        self.field.and_then(|field| field.ty.inner_shape()).map(|shape| &**shape)
    }

    /// The sensitivity of a field of an item's key.
    pub fn resolve_key_sensitivity(&self, key: &ItemKeyField) -> Sensitivity {
        let field = self.inner_shape().and_then(|shape| shape.find_field(&key.name));
        let own = field.map_or(Sensitivity::Internal, |field| field.sensitivity);
        self.sensitivity.max(key.sensitivity).max(own)
    }
}

/// The segments of a path, each with the field that it leads to.
pub fn walk_path<'k, 'p>(shape: &'k Shape, path: &'p ValuePath) -> Vec<PathStep<'k, 'p>> {
    let (mut shape, mut field, mut sensitivity) = (Some(shape), None, Sensitivity::Public);
    let step = |segment: &'p PathSegment| {
        match segment {
            PathSegment::Field(name) => {
                field = shape.and_then(|shape| shape.find_field(name));
                shape = field.and_then(|field: &Field| field.ty.inner_shape()).map(|inner| &**inner);
                sensitivity = sensitivity.max(field.map_or(Sensitivity::Internal, |field| field.sensitivity));
            }
            PathSegment::Key(_, own) => sensitivity = sensitivity.max(*own),
            PathSegment::Item { .. } => {}
        }
        PathStep { segment, field, sensitivity }
    };
    path.0.iter().map(step).collect()
}
