//! Examples: live objects as the service answers them, with which the sandbox starts.
//!
//! Each has its id and its scope, and every member fits a field. No two are the same object.

use std::collections::BTreeMap;

use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{ExampleFile, KindFile};
use crate::kind::{MemberNameCase, Shape};

impl KindChecker<'_> {
    pub(super) fn check_examples(
        &mut self,
        context: &CheckContext,
        shape: &Shape,
        file: &KindFile,
        yaml_path: YamlPath,
    ) {
        if self.is_proven {
            return;
        }
        let exact = context.api.member_names == MemberNameCase::Exact;
        let mut seen = BTreeMap::new();
        for (at, example) in file.examples.iter().enumerate() {
            let yaml_path = yaml_path.select_item(at);
            self.check_example_scope(context, example, yaml_path.select_key("scope"));
            let object = serde_json::Value::Object(example.object.clone());
            self.check_response_object(yaml_path.select_key("object"), shape, &object, exact);
            self.check_example_id(context, shape, example, yaml_path, &mut seen);
        }
    }

    fn check_example_scope(&mut self, context: &CheckContext, example: &ExampleFile, yaml_path: YamlPath) {
        for (name, text) in &example.scope {
            match context.scope.iter().find(|scope| *scope.name == **name) {
                Some(scope) => {
                    self.read_scalar(yaml_path.select_key(name), &scope.ty, &text.as_str().into());
                }
                None => {
                    let known: Vec<_> = context.scope.iter().map(|scope| &*scope.name).collect();
                    self.report_unknown_name(yaml_path.select_key(name), "scope parameter", name, known);
                }
            }
        }
        for scope in context.scope.iter().filter(|scope| !example.scope.contains_key(&*scope.name)) {
            self.report_error(
                yaml_path,
                "missing-key",
                format!("the scope parameter `{}` is missing here", scope.name),
            );
        }
    }

    fn check_example_id(
        &mut self,
        context: &CheckContext,
        shape: &Shape,
        example: &ExampleFile,
        yaml_path: YamlPath,
        seen: &mut BTreeMap<String, usize>,
    ) {
        let field = shape.find_field(&context.identity.id).filter(|field| !field.is_composed());
        let Some(field) = field else { return };
        let object = yaml_path.select_key("object");
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
