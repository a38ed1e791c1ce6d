//! Examples: live objects as the service answers them, with which the sandbox starts.
//!
//! Each has its id and its scope, and every member fits a field. No two are the same object.

use std::collections::BTreeMap;

use super::super::file::{ExampleFile, KindFile};
use super::super::{MemberNameCase, Shape};
use super::{CheckContext, KindChecker, YamlPath};

impl KindChecker<'_> {
    pub(super) fn check_examples(
        &mut self,
        scene: &CheckContext,
        shape: &Shape,
        file: &KindFile,
        spot: YamlPath,
    ) {
        if self.is_proven {
            return;
        }
        let exact = scene.api.member_names == MemberNameCase::Exact;
        let mut seen = BTreeMap::new();
        for (at, example) in file.examples.iter().enumerate() {
            let spot = spot.select_item(at);
            self.check_example_scope(scene, example, spot.select_key("scope"));
            let object = serde_json::Value::Object(example.object.clone());
            self.check_response_object(spot.select_key("object"), shape, &object, exact);
            self.check_example_id(shape, file, example, spot, &mut seen);
        }
    }

    fn check_example_scope(&mut self, scene: &CheckContext, example: &ExampleFile, spot: YamlPath) {
        for (name, text) in &example.scope {
            match scene.scope.iter().find(|scope| *scope.name == **name) {
                Some(scope) => {
                    self.read_scalar(spot.select_key(name), &scope.ty, &text.as_str().into());
                }
                None => {
                    let known: Vec<_> = scene.scope.iter().map(|scope| &*scope.name).collect();
                    self.report_unknown_name(spot.select_key(name), "scope parameter", name, known);
                }
            }
        }
        for scope in scene.scope.iter().filter(|scope| !example.scope.contains_key(&*scope.name)) {
            self.report_error(
                spot,
                "missing-key",
                format!("the scope parameter `{}` is missing here", scope.name),
            );
        }
    }

    fn check_example_id(
        &mut self,
        shape: &Shape,
        file: &KindFile,
        example: &ExampleFile,
        spot: YamlPath,
        seen: &mut BTreeMap<String, usize>,
    ) {
        let Some(field) = shape.find_field(&file.identity.id) else { return };
        let object = spot.select_key("object");
        let mut steps = field.read_from.iter();
        let first = steps.next().and_then(|name| example.object.get(&**name));
        let id = steps.fold(first, |json, step| json?.get(&**step));
        let Some(id) = id.filter(|id| !id.is_null()) else {
            self.report_error(object, "missing-key", format!("the id `{}` is missing here", field.name));
            return;
        };
        let key = format!("{:?} {}", example.scope, id.to_string().replace('-', "").to_lowercase());
        if seen.insert(key, 0).is_some() {
            self.report_error(
                object.select_key(&field.name),
                "duplicate-name",
                "another example has this id",
            );
        }
    }
}
