//! Operations: paths with their parameters, paging, what a write holds and how nested fields are sent.
//!
//! Every `{parameter}` must be one that is known when the request is made, and every scope parameter must be
//! used, so that no operation can reach beyond its scope by an oversight.
//! Deliberately absent: requests themselves.

use std::collections::BTreeMap;

use super::super::file::{
    FindFile, IdAssigner, IdentityFile, IfMatchFile, KindFile, ListFile, NestedFieldsFile, OperationsFile,
    ParameterLocation, ReadConsistency, ReadFile, TypeName, WriteBody, WriteFile,
};
use super::super::{
    IfMatchSource, KindOperations, NestedFields, ReadOperation, WriteOperation, WriteResponse,
};
use super::{CheckContext, KindChecker, YamlPath};
use crate::exchange::Method;

/// Which write it is.
#[derive(Clone, Copy, PartialEq)]
enum WriteAction {
    Create,
    Update,
    Replace,
}

impl KindChecker<'_> {
    pub(super) fn resolve_operations(
        &mut self,
        scene: &CheckContext,
        spot: YamlPath,
        file: &KindFile,
    ) -> Option<KindOperations> {
        let before = self.diagnostics.len();
        let (own, identity) = (&file.operations, &file.identity);
        self.check_list_operation(scene, Some(scene), spot.select_key("list"), &own.list);
        self.check_scope_use(scene, spot.select_key("list"), &own.list);
        let get = own
            .get
            .as_ref()
            .map(|get| self.resolve_read_operation(scene, spot.select_key("get"), get, identity));
        if let Some(find) = &own.find {
            self.check_find_operation(scene, spot.select_key("find"), find, identity);
        }
        let create = self.resolve_write_operation(
            scene,
            spot.select_key("create"),
            own.create.as_ref(),
            (WriteAction::Create, identity),
        );
        let update = self.resolve_write_operation(
            scene,
            spot.select_key("update"),
            own.update.as_ref(),
            (WriteAction::Update, identity),
        );
        let replace = self.resolve_write_operation(
            scene,
            spot.select_key("replace"),
            own.replace.as_ref(),
            (WriteAction::Replace, identity),
        );
        if let Some(delete) = &own.delete {
            self.check_item_path(
                scene,
                spot.select_key("delete").select_key("delete"),
                &delete.delete,
                identity,
            );
        }
        self.check_created_object_is_findable(spot.select_key("create"), own, identity);
        let if_match = self.resolve_if_match(scene, spot, own);
        (self.diagnostics.len() == before).then_some(())?;
        Some(KindOperations {
            list: own.list.clone(),
            get: match get {
                Some(get) => Some(get?),
                None => None,
            },
            find: own.find.clone(),
            create,
            update,
            replace,
            delete: own.delete.clone(),
            if_match,
        })
    }

    /// What tells one state of an object from the next must be known of each object that is written.
    fn resolve_if_match(
        &mut self,
        scene: &CheckContext,
        spot: YamlPath,
        file: &OperationsFile,
    ) -> Option<IfMatchSource> {
        let word = file.if_match.as_ref()?;
        let place = spot.select_key("if_match");
        if file.update.is_none() && file.replace.is_none() && file.delete.is_none() {
            self.report_error(place, "contradiction", "nothing here changes or deletes an object");
        }
        match word {
            IfMatchFile::Etag => {
                if file.get.as_ref().is_none_or(|get| get.get.is_none()) {
                    let message = "no path reads one object, and only such a read answers its `ETag`";
                    self.report_error_with_hint(place, "contradiction", message, "add `get: { get: PATH }`");
                }
                Some(IfMatchSource::Etag)
            }
            IfMatchFile::Field(name) => {
                let place = place.select_key("field");
                let (number, field) = self.find_root_field(scene, place, name)?;
                let moving = [TypeName::Integer, TypeName::String, TypeName::Uuid, TypeName::DateTime];
                if !moving.contains(&field.ty) || !field.read_only || field.sensitivity.is_some() {
                    let message = format!("`{name}` is not a public field that only the service sets");
                    let hint =
                        "it is an integer, string, uuid or datetime, `read_only`, without `sensitivity`";
                    self.report_error_with_hint(place, "word-does-not-fit", message, hint);
                }
                Some(IfMatchSource::Field(number))
            }
        }
    }

    /// `items` as in `check_paging`.
    pub(super) fn check_list_operation(
        &mut self,
        scene: &CheckContext,
        items: Option<&CheckContext>,
        spot: YamlPath,
        list: &ListFile,
    ) {
        let scope = list_path_parameters(scene);
        self.check_path_template(spot.select_key("get"), &list.get, &scope);
        if let Some(path) = &list.access_check {
            self.check_path_template(spot.select_key("access_check"), path, &scope);
        }
        if list.items.as_deref() == Some("") {
            self.report_error(spot.select_key("items"), "empty-text", "`items` names no member");
        }
        if let Some(paging) = &list.paging {
            self.check_paging(items, spot.select_key("paging"), paging);
        }
    }

    fn check_scope_use(&mut self, scene: &CheckContext, spot: YamlPath, list: &ListFile) {
        let used = parse_parameters(&list.get).unwrap_or_default();
        for name in list_path_parameters(scene) {
            if !used.contains(&name) {
                let message = format!("the scope parameter `{name}` is not in this path");
                let hint = format!("write `{{{name}}}` where it belongs, or say `in: query`");
                self.report_error_with_hint(spot.select_key("get"), "unused-scope", message, &hint);
            }
        }
    }

    fn resolve_read_operation(
        &mut self,
        scene: &CheckContext,
        spot: YamlPath,
        get: &ReadFile,
        identity: &IdentityFile,
    ) -> Option<ReadOperation> {
        if let Some(path) = &get.get {
            self.check_item_path(scene, spot.select_key("get"), path, identity);
        }
        let mut allowed = list_path_parameters(scene);
        allowed.push(&identity.id);
        let query = self.check_query(spot.select_key("list_with"), &get.list_with, &allowed);
        if !get.list_with.is_empty() && !query.contains(&identity.id) {
            let message = format!("nothing here holds `{{{}}}`, so every object would match", identity.id);
            self.report_error(spot.select_key("list_with"), "missing-parameter", message);
        }
        let query: Vec<_> = get.list_with.clone().into_iter().collect();
        match (get.get.clone(), query.is_empty()) {
            (Some(path), true) => Some(ReadOperation::Path(path)),
            (Some(path), false) => Some(ReadOperation::PathOrList(path, query)),
            (None, false) => Some(ReadOperation::List(query)),
            (None, true) => {
                self.report_error(
                    spot,
                    "missing-word",
                    "reading one object needs `get`, `list_with`, or both",
                );
                None
            }
        }
    }

    fn check_find_operation(
        &mut self,
        scene: &CheckContext,
        spot: YamlPath,
        find: &FindFile,
        identity: &IdentityFile,
    ) {
        if identity.natural_key.is_empty() {
            self.report_error(
                spot,
                "contradiction",
                "without a `natural_key` there is nothing to find an object by",
            );
        }
        let mut allowed = list_path_parameters(scene);
        allowed.extend(identity.natural_key.iter().map(String::as_str));
        let used = self.check_query(spot.select_key("query"), &find.query, &allowed);
        if !identity.natural_key.iter().any(|name| used.contains(name)) {
            let message = "nothing here holds a field of the natural key, so every object would match";
            self.report_error(spot.select_key("query"), "missing-parameter", message);
        }
        for (escaped, text) in &find.escape {
            let place = spot.select_key("escape");
            if find.except.as_deref().is_some_and(|except| except.contains(*escaped)) {
                let message = format!("`{escaped}` is in `except` too");
                self.report_error(place, "contradiction", message);
            }
            if text.is_empty() {
                let message = format!("`{escaped}` would be left out of the filter");
                self.report_error(place, "empty-text", message);
            }
        }
        if find.except.as_deref() == Some("") {
            self.report_error(spot.select_key("except"), "empty-text", "`except` lists no character");
        }
    }

    /// Checks the values of a query and says which parameters they hold.
    fn check_query(
        &mut self,
        spot: YamlPath,
        query: &BTreeMap<String, String>,
        allowed: &[&str],
    ) -> Vec<String> {
        let mut used = Vec::new();
        for (name, text) in query {
            let spot = spot.select_key(name);
            used.extend(self.check_parameters(spot, text, allowed));
        }
        used
    }

    fn resolve_write_operation(
        &mut self,
        scene: &CheckContext,
        spot: YamlPath,
        file: Option<&WriteFile>,
        (job, identity): (WriteAction, &IdentityFile),
    ) -> Option<WriteOperation> {
        let file = file?;
        let (verb, word, path) = self.resolve_method(spot, file)?;
        let place = spot.select_key(word);
        if job == WriteAction::Create {
            let mut allowed = list_path_parameters(scene);
            if identity.id_assigned_by == IdAssigner::Client {
                allowed.push(&identity.id);
            }
            self.check_path_template(place, path, &allowed);
        } else {
            self.check_item_path(scene, place, path, identity);
        }
        self.check_write_keywords(spot, file, job);
        let nested = self.resolve_nested_fields(scene, spot, file, job);
        Some(WriteOperation {
            method: verb,
            path: path.to_owned(),
            body: file.body,
            nested_fields: nested,
            response: file.response,
            read_after_write: file.read_after_write,
            retry_with_required: file.retry_with_required,
            source: file.source.clone(),
        })
    }

    fn resolve_method<'f>(
        &mut self,
        spot: YamlPath,
        file: &'f WriteFile,
    ) -> Option<(Method, &'static str, &'f str)> {
        let verbs = [
            (Method::Post, "post", &file.post),
            (Method::Put, "put", &file.put),
            (Method::Patch, "patch", &file.patch),
        ];
        let mut said = verbs.iter().filter_map(|(verb, word, path)| Some((*verb, *word, path.as_deref()?)));
        match (said.next(), said.next()) {
            (Some(one), None) => Some(one),
            (first, _) => {
                let message = match first {
                    None => "none of `post`, `put` and `patch` names the path",
                    Some(_) => "more than one of `post`, `put` and `patch` names a path",
                };
                self.report_error(spot, "one-verb", message);
                None
            }
        }
    }

    fn check_write_keywords(&mut self, spot: YamlPath, file: &WriteFile, job: WriteAction) {
        let changes = file.body == WriteBody::Changes;
        let rules = [
            (job != WriteAction::Update && changes, "body", "only an `update` can have `body: changes`"),
            (
                !changes && file.nested_fields.is_some(),
                "nested_fields",
                "`nested_fields` needs `body: changes`",
            ),
            (
                job != WriteAction::Create && file.read_after_write == ReadConsistency::Eventual,
                "read_after_write",
                "`read_after_write` belongs to `create`",
            ),
            (
                file.retry_with_required && !changes,
                "retry_with_required",
                "a full body already has the required fields",
            ),
        ];
        self.report_contradictions(spot, &rules);
    }

    fn resolve_nested_fields(
        &mut self,
        scene: &CheckContext,
        spot: YamlPath,
        file: &WriteFile,
        job: WriteAction,
    ) -> Option<NestedFields> {
        let is_nested = |ty| matches!(ty, TypeName::Object | TypeName::Map | TypeName::Array);
        let Some(NestedFieldsFile { granularity, query, also_send }) = &file.nested_fields else {
            let any = scene.root.0.iter().any(|(_, field)| is_nested(field.ty) && !field.read_only);
            if job == WriteAction::Update && file.body == WriteBody::Changes && any {
                let message = "objects, maps and arrays can be written, but nothing says how they are sent";
                let hint = "add `nested_fields: { granularity: whole }` or `members`";
                self.report_error_with_hint(spot, "missing-word", message, hint);
            }
            return None;
        };
        let place = spot.select_key("nested_fields").select_key("also_send");
        let mut fields = Vec::new();
        for (at, name) in also_send.iter().enumerate() {
            let spot = place.select_item(at);
            let Some((number, field)) = self.find_root_field(scene, spot, name) else { continue };
            if !is_nested(field.ty) || field.read_only {
                let message = format!("`{name}` is not an object, map or array that can be written");
                self.report_error(spot, "word-does-not-fit", message);
            }
            fields.push(number);
        }
        self.check_query(spot.select_key("nested_fields").select_key("query"), query, &[]);
        let query = query.clone().into_iter().collect();
        Some(NestedFields { granularity: *granularity, query, also_send: fields })
    }

    /// After a create the object must be found again, by the answer or by its natural key.
    fn check_created_object_is_findable(
        &mut self,
        spot: YamlPath,
        file: &OperationsFile,
        identity: &IdentityFile,
    ) {
        let silent = file.create.as_ref().is_some_and(|create| create.response == WriteResponse::None);
        if silent && identity.natural_key.is_empty() && identity.id_assigned_by == IdAssigner::Server {
            let message = "nothing identifies the object that a create has made";
            let hint = "say `response: id` or `object`, or give the kind a `natural_key`";
            self.report_error_with_hint(spot, "contradiction", message, hint);
        }
    }

    /// A path that leads to one object.
    fn check_item_path(&mut self, scene: &CheckContext, spot: YamlPath, path: &str, identity: &IdentityFile) {
        let mut allowed = list_path_parameters(scene);
        allowed.push(&identity.id);
        let used = self.check_path_template(spot, path, &allowed);
        if !used.contains(&identity.id) {
            let message = format!("the path lacks `{{{}}}`, so it does not lead to one object", identity.id);
            self.report_error(spot, "missing-parameter", message);
        }
    }

    /// A path with parameters; says which it holds.
    pub(super) fn check_path_template(
        &mut self,
        spot: YamlPath,
        path: &str,
        allowed: &[&str],
    ) -> Vec<String> {
        if !path.starts_with('/')
            || path.starts_with("//")
            || path.contains(['?', '#', '\\'])
            || has_dot_segments(path)
        {
            let message = "this is not a path below the base URL";
            let hint = "it starts with one slash and has neither query nor `..`";
            self.report_error_with_hint(spot, "wrong-path", message, hint);
        }
        self.check_parameters(spot, path, allowed)
    }

    fn check_parameters(&mut self, spot: YamlPath, text: &str, allowed: &[&str]) -> Vec<String> {
        let Some(names) = parse_parameters(text) else {
            self.report_error(spot, "wrong-path", "a curly bracket stands alone");
            return Vec::new();
        };
        for name in names.iter().filter(|name| !allowed.contains(name)) {
            self.report_unknown_name(spot, "parameter", name, allowed.iter().copied());
        }
        names.into_iter().map(str::to_owned).collect()
    }
}

/// The scope parameters that stand in paths.
fn list_path_parameters<'k>(scene: &CheckContext<'k>) -> Vec<&'k str> {
    let in_path = scene.scope.iter().filter(|scope| scope.location == ParameterLocation::Path);
    in_path.map(|scope| &*scope.name).collect()
}

fn has_dot_segments(path: &str) -> bool {
    path.split('/').any(|part| part == "." || part == "..")
}

/// The names between curly brackets; none when a bracket stands alone.
fn parse_parameters(text: &str) -> Option<Vec<&str>> {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find(['{', '}']) {
        let inner = rest[open..].strip_prefix('{')?;
        let close = inner.find(['{', '}'])?;
        rest = inner[close..].strip_prefix('}')?;
        names.push(&inner[..close]);
    }
    Some(names)
}
