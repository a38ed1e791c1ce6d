//! Samples: live objects as the service answers them, with which the sandbox starts.
//!
//! Each has its id and its scope, and every member fits a field. No two are the same object.
//! Deliberately absent: whether a sample is a good one.

use std::collections::BTreeMap;

use super::super::file::{KindFile, SampleFile};
use super::super::{NamesWord, Shape};
use super::{Desk, Scene, Spot};

impl Desk<'_> {
    pub(super) fn samples(&mut self, scene: &Scene, shape: &Shape, file: &KindFile, spot: Spot) {
        if self.is_proven {
            return;
        }
        let exact = scene.api.names == NamesWord::Exact;
        let mut seen = BTreeMap::new();
        for (at, sample) in file.samples.iter().enumerate() {
            let spot = spot.item(at);
            self.sample_scope(scene, sample, spot.key("scope"));
            let object = serde_json::Value::Object(sample.object.clone());
            self.answer_fits(spot.key("object"), shape, &object, exact);
            self.sample_id(shape, file, sample, spot, &mut seen);
        }
    }

    fn sample_scope(&mut self, scene: &Scene, sample: &SampleFile, spot: Spot) {
        for (name, text) in &sample.scope {
            match scene.scope.iter().find(|scope| *scope.name == **name) {
                Some(scope) => {
                    self.leaf_fits(spot.key(name), &scope.ty, &text.as_str().into());
                }
                None => {
                    let known: Vec<_> = scene.scope.iter().map(|scope| &*scope.name).collect();
                    self.unknown(spot.key(name), "scope parameter", name, known);
                }
            }
        }
        for scope in scene.scope.iter().filter(|scope| !sample.scope.contains_key(&*scope.name)) {
            self.fault(spot, "missing-key", format!("the scope parameter `{}` is missing here", scope.name));
        }
    }

    fn sample_id(
        &mut self,
        shape: &Shape,
        file: &KindFile,
        sample: &SampleFile,
        spot: Spot,
        seen: &mut BTreeMap<String, usize>,
    ) {
        let Some(field) = shape.named(&file.identity.id) else { return };
        let object = spot.key("object");
        let mut steps = field.read_as.iter();
        let first = steps.next().and_then(|name| sample.object.get(&**name));
        let id = steps.fold(first, |json, step| json?.get(&**step));
        let Some(id) = id.filter(|id| !id.is_null()) else {
            self.fault(object, "missing-key", format!("the id `{}` is missing here", field.name));
            return;
        };
        let key = format!("{:?} {}", sample.scope, id.to_string().replace('-', "").to_lowercase());
        if seen.insert(key, 0).is_some() {
            self.fault(object.key(&field.name), "duplicate-name", "another sample has this id");
        }
    }
}
