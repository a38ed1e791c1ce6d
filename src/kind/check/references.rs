//! What a field says about other things: copies, references, bounds that stand in live data, protection.
//!
//! Names are resolved against the file, so that a broken field does not hide the faults of those that name it.
//! Deliberately absent: looking anything up; that needs a service.

use std::sync::Arc;

use super::super::file::{AmongFile, BoundsFile, FieldFile, Fields, RefersFile};
use super::super::{Among, Bounds, Copy, Refers, Type};
use super::fields::Beside;
use super::words::{inner, item_fields, type_word};
use super::{Desk, Scene, Spot};
use crate::value::Value;

impl Desk<'_> {
    /// The source of a copy: a scope parameter, else a root field.
    pub(super) fn copy(
        &mut self,
        scene: &Scene,
        beside: &Beside,
        file: &FieldFile,
        spot: Spot,
    ) -> Option<Option<Copy>> {
        let Some(name) = &file.copy_of else { return Some(None) };
        let spot = spot.key("copy_of");
        let (source, ty) = match scene.scope.iter().find(|scope| *scope.name == **name) {
            Some(scope) => (Copy::Scope(Arc::clone(&scope.name)), scope.ty.word()),
            None => {
                let at = scene.root.0.iter().position(|(own, _)| own == name);
                let Some(at) = at else {
                    let known = scene.root.0.iter().map(|(own, _)| own.as_str());
                    let known = known.chain(scene.scope.iter().map(|scope| &*scope.name));
                    self.unknown(spot, "scope parameter or field", name, known.collect::<Vec<_>>());
                    return None;
                };
                let (_, field) = &scene.root.0[at];
                if std::ptr::eq(scene.root, beside.fields) && at == usize::from(beside.number) {
                    self.fault(spot, "contradiction", "a field can't be a copy of itself");
                }
                (Copy::Field(u16::try_from(at).ok()?), type_word(field.ty))
            }
        };
        if ty != type_word(file.ty) {
            let message =
                format!("a field of type `{}` can't be a copy of one of type `{ty}`", type_word(file.ty));
            self.fault(spot, "word-does-not-fit", message);
        }
        Some(Some(source))
    }

    pub(super) fn refers(
        &mut self,
        scene: &Scene,
        file: Option<&RefersFile>,
        spot: Spot,
    ) -> Option<Option<Refers>> {
        let Some(file) = file else { return Some(None) };
        self.said(spot, "id", &file.id);
        if file.among.is_none() && !file.by.is_empty() {
            let message = "a name says nothing without `among`, where the things stand that have it";
            self.fault(spot.key("by"), "missing-word", message);
        }
        let among = match &file.among {
            None => None,
            Some(among) => Some(self.among(scene, file, among, spot)?),
        };
        let by = file.by.iter().map(|name| name.as_str().into()).collect();
        Some(Some(Refers { id: file.id.as_str().into(), by, among }))
    }

    fn among(&mut self, scene: &Scene, file: &RefersFile, among: &AmongFile, spot: Spot) -> Option<Among> {
        let place = spot.key("among");
        match among {
            AmongFile::Field(name) => {
                let (number, field) = self.root_field(scene, place.key("field"), name)?;
                let Some(fields) = item_fields(field) else {
                    let message = format!("`{name}` is not a list of objects");
                    self.fault(place.key("field"), "word-does-not-fit", message);
                    return None;
                };
                self.field_named(spot.key("id"), fields, &file.id)?;
                for (at, name) in file.by.iter().enumerate() {
                    self.field_named(spot.key("by").item(at), fields, name)?;
                }
                Some(Among::Field(number))
            }
            AmongFile::UrlIn(member) => {
                self.said(place, "url_in", member);
                Some(Among::UrlIn(member.as_str().into()))
            }
            AmongFile::List(list) => {
                self.list(scene, place.key("list"), list);
                Some(Among::List(list.clone()))
            }
            AmongFile::Kind(kind) => {
                if !scene.kinds.contains(kind) {
                    self.unknown(place.key("kind"), "kind", kind, scene.kinds.iter().map(String::as_str));
                }
                if !file.by.is_empty() {
                    let message =
                        "an object of a kind is named by its document, `{ ref: name }`, so `by` says nothing";
                    self.fault(spot.key("by"), "contradiction", message);
                }
                Some(Among::Kind(kind.as_str().into()))
            }
        }
    }

    pub(super) fn bounds(
        &mut self,
        scene: &Scene,
        beside: &Beside,
        file: Option<&BoundsFile>,
        spot: Spot,
    ) -> Option<Option<Bounds>> {
        let Some(file) = file else { return Some(None) };
        let (of, field) = self.field_named(spot.key("of"), beside.fields, &file.of)?;
        let among = field.refers_to.as_ref().and_then(|refers| refers.among.as_ref());
        let Some(AmongFile::Field(root)) = among else {
            let message = format!("`{}` does not refer among the items of a field", file.of);
            self.fault(spot.key("of"), "contradiction", message);
            return None;
        };
        let (_, root) = scene.root.0.iter().find(|(name, _)| name == root)?;
        let fields = item_fields(root)?;
        let max_length = match &file.max_length {
            Some(name) => Some(self.field_named(spot.key("max_length"), fields, name)?.0),
            None => None,
        };
        let choices = match &file.choices {
            Some(dotted) => self.through_lists(spot.key("choices"), fields, dotted)?,
            None => Vec::new(),
        };
        Some(Some(Bounds { of, max_length, choices }))
    }

    /// A path that may lead over lists of objects.
    fn through_lists(&mut self, spot: Spot, fields: &Fields<FieldFile>, dotted: &str) -> Option<Vec<u16>> {
        let (mut fields, mut path) = (Some(fields), Vec::new());
        for name in dotted.split('.') {
            let Some(here) = fields else {
                self.fault(spot, "unknown-name", format!("nothing stands below a leaf, so not `{name}`"));
                return None;
            };
            let (number, field) = self.field_named(spot, here, name)?;
            path.push(number);
            fields = inner(field).or_else(|| item_fields(field));
        }
        Some(path)
    }

    pub(super) fn protection(&mut self, file: &FieldFile, ty: &Type, spot: Spot) -> Option<Vec<Value>> {
        let levels = &file.protection.as_ref()?.levels;
        let Type::Leaf(leaf) = ty else { return None };
        let spot = spot.key("protection").key("levels");
        let read = levels.iter().enumerate().map(|(at, level)| self.leaf_fits(spot.item(at), leaf, level));
        Some(read.flatten().collect())
    }
}
