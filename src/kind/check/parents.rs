//! Parents: scope parameters and fields that refer to other kinds, held against those kinds.
//!
//! One description alone says which kind is meant. Whether the ids have one type, and whether parents lead in
//! circles, is known once all kinds are read.
//! Deliberately absent: documents and their names.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{KindChecker, YamlPath};
use crate::kind::file::ScopeParameterFile;
use crate::kind::{FieldReference, Kind, ReferenceSource, ScopeParameter, Shape};
use crate::value::Sensitivity;

/// How many parents an object may have, one above the other.
const MAX_PARENTS: usize = 8;

/// Finds a kind by its name.
pub type KindLookup<'l> = dyn Fn(&str) -> Option<Arc<Kind>> + 'l;

impl KindChecker<'_> {
    /// What is wrong between a kind and those to which it refers; `find` knows the others.
    pub(super) fn check_references_across(&mut self, root: YamlPath, kind: &Kind, find: &KindLookup) {
        for scope in &kind.scope {
            let place = root.select_key("scope").select_key(&scope.name);
            self.check_parent(place, kind, scope, find);
        }
        self.check_shape_references(root, &kind.shape, find);
    }

    pub(super) fn resolve_parent(
        &mut self,
        yaml_path: YamlPath,
        scope: &ScopeParameterFile,
        kinds: &[String],
    ) -> Option<FieldReference> {
        let Some(parent) = &scope.reference else {
            if scope.each {
                let message = "`each` needs `reference`, the kind of the parents";
                self.report_error(yaml_path.select_key("each"), "missing-word", message);
            }
            return None;
        };
        if !kinds.contains(&parent.kind) {
            let place = yaml_path.select_key("reference").select_key("kind");
            self.report_unknown_name(place, "kind", &parent.kind, kinds.iter().map(String::as_str));
        }
        let source = Some(ReferenceSource::Kind(parent.kind.as_str().into()));
        Some(FieldReference { id: "id".into(), by: Vec::new(), source })
    }

    fn check_parent(&mut self, yaml_path: YamlPath, kind: &Kind, scope: &ScopeParameter, find: &KindLookup) {
        let Some(parent) = scope.parent_kind().and_then(|name| find(name)) else { return };
        let place = yaml_path.select_key("reference");
        if parent.api.name != kind.api.name {
            let message = format!("`{}` belongs to another API", parent.name);
            self.report_error(place, "contradiction", message);
        }
        self.check_id_type(place, &parent, scope.ty.type_name());
        let sensitivity = parent.id_field().sensitivity;
        if sensitivity > Sensitivity::Public {
            let message = format!(
                "the id of `{}` is {}, and values of a scope are shown and recorded",
                parent.name,
                sensitivity.as_str()
            );
            let hint = "refer to a parent with an open id, or leave this kind out";
            self.report_error_with_hint(place, "contradiction", message, hint);
        }
        if leads_in_circles(kind, find) {
            let message = "the parents of this kind lead back to it, or are too many";
            self.report_error(place, "contradiction", message);
        }
    }

    fn check_id_type(&mut self, yaml_path: YamlPath, to: &Kind, own: &str) {
        let id = to.id_field();
        let other = id.ty.type_name();
        if other != own {
            let message = format!("the id `{}` of `{}` is of type `{other}`, not `{own}`", id.name, to.name);
            self.report_error(yaml_path, "word-does-not-fit", message);
        }
    }

    fn check_shape_references(&mut self, yaml_path: YamlPath, shape: &Shape, find: &KindLookup) {
        for field in &shape.fields {
            let place = yaml_path.select_key("properties").select_key(&field.name);
            let kind = field.reference.as_ref().and_then(FieldReference::referenced_kind);
            if let (Some(to), Some(own)) = (kind.and_then(|name| find(name)), field.ty.scalar_type()) {
                self.check_id_type(place.select_key("reference"), &to, own.type_name());
            }
            if let Some(inner) = field.ty.inner_shape() {
                let place = if field.ty.item_shape().is_some() { place.select_key("items") } else { place };
                self.check_shape_references(place, inner, find);
            }
        }
    }
}

/// Whether the way up through the parents has no end; kinds of one level count once, however many lead to them.
fn leads_in_circles(kind: &Kind, find: &KindLookup) -> bool {
    let list_parents = |kind: &Kind| -> BTreeSet<Arc<str>> {
        kind.scope.iter().filter_map(ScopeParameter::parent_kind).cloned().collect()
    };
    let mut level = list_parents(kind);
    for _ in 0..MAX_PARENTS {
        if level.contains(&kind.name) {
            return true;
        }
        level = level.iter().filter_map(|name| find(name)).flat_map(|parent| list_parents(&parent)).collect();
    }
    !level.is_empty()
}
