//! Operations: paths with their parameters, paging, what a write holds and how nested fields are sent.
//!
//! Every `{parameter}` must be one that is known when the request is made, and every scope parameter must be
//! used, so that no operation can reach beyond its scope by an oversight.
//! Deliberately absent: requests themselves.

use std::collections::BTreeMap;

use super::identity_names::IdentityNames;
use super::{CheckContext, KindChecker, YamlPath};
use crate::exchange::{BodyForm, Method};
use crate::kind::file::{
    DeleteFile, FindFile, IdAssigner, KindFile, ListFile, NestedFieldsFile, OperationsFile,
    ParameterLocation, ReadConsistency, ReadFile, TypeName, WriteBody, WriteFile,
};
use crate::kind::{KindOperations, NestedFields, ReadForm, ReadOperation, WriteOperation, WriteResponse};

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
        context: &CheckContext,
        yaml_path: YamlPath,
        file: &KindFile,
    ) -> Option<KindOperations> {
        let before = self.diagnostics.len();
        let (own, identity) = (&file.operations, context.identity);
        match &own.list {
            Some(list) => self.check_object_list(context, yaml_path.select_key("list"), list),
            None => self.check_unlisted(context, yaml_path, own, identity),
        }
        let get = own
            .get
            .as_ref()
            .map(|get| self.resolve_read_operation(context, yaml_path.select_key("get"), get, identity));
        if let Some(find) = &own.find {
            self.check_find_operation(context, yaml_path.select_key("find"), find, identity);
        }
        let mut resolve_write = |key, write: Option<&WriteFile>, action| {
            self.resolve_write_operation(context, yaml_path.select_key(key), write, action, identity)
        };
        let create = resolve_write("create", own.create.as_ref(), WriteAction::Create);
        let update = resolve_write("update", own.update.as_ref(), WriteAction::Update);
        let replace = resolve_write("replace", own.replace.as_ref(), WriteAction::Replace);
        let get_path = own.get.as_ref().and_then(|get| get.get.as_ref());
        if let Some(list) = &own.list {
            self.check_list_form(yaml_path.select_key("list"), list, get_path.is_some());
        }
        let (update, updates) = self.resolve_several_updates(context, yaml_path, file, update);
        self.check_delete_operation(context, yaml_path.select_key("delete"), own.delete.as_ref(), identity);
        self.check_created_object_is_findable(yaml_path.select_key("create"), own, identity);
        let if_match = self.resolve_if_match(context, yaml_path, own);
        (self.diagnostics.len() == before).then_some(())?;
        Some(KindOperations {
            is_listed: own.list.is_some(),
            list: own.list.clone().unwrap_or_default(),
            get: get.map_or(Some(None), |get| get.map(Some))?,
            get_form: own.get.as_ref().map(resolve_read_form).unwrap_or_default(),
            find: own.find.clone(),
            create,
            update,
            updates,
            replace,
            delete: own.delete.clone(),
            if_match,
        })
    }

    /// Of several updates, each with the fields that it takes.
    fn resolve_several_updates(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: &KindFile,
        update: Option<WriteOperation>,
    ) -> (Option<WriteOperation>, Vec<WriteOperation>) {
        let (own, identity) = (&file.operations, context.identity);
        let owned = self.resolve_update_fields(context, yaml_path, own);
        let mut updates = Vec::new();
        for (at, file) in own.updates.iter().enumerate() {
            let place = yaml_path.select_key("updates").select_item(at);
            let write =
                self.resolve_write_operation(context, place, Some(file), WriteAction::Update, identity);
            updates.extend(write.map(|write| WriteOperation { fields: owned.get(at).cloned(), ..write }));
        }
        let others: Vec<u16> = (0..context.root.0.len())
            .filter_map(|number| u16::try_from(number).ok())
            .filter(|number| !owned.iter().any(|fields| fields.contains(number)))
            .collect();
        let update = update.map(|write| match owned.is_empty() {
            true => write,
            false => WriteOperation { fields: Some(others), ..write },
        });
        (update, updates)
    }

    /// `items` as in `check_paging`.
    pub(super) fn check_list_operation(
        &mut self,
        context: &CheckContext,
        items: Option<&CheckContext>,
        yaml_path: YamlPath,
        list: &ListFile,
    ) {
        let scope = list_path_parameters(context);
        self.check_list_verb(items.is_some(), yaml_path, list);
        let verb = if list.post.is_some() { "post" } else { "get" };
        self.check_path_template(yaml_path.select_key(verb), list.path(), &scope);
        if let Some(path) = &list.access_check {
            self.check_path_template(yaml_path.select_key("access_check"), path, &scope);
        }
        if list.items.as_deref() == Some("") {
            self.report_error(yaml_path.select_key("items"), "empty-text", "`items` names no member");
        }
        if let Some(paging) = &list.paging {
            self.check_paging(items, yaml_path.select_key("paging"), paging);
        }
    }

    fn check_delete_operation(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        delete: Option<&DeleteFile>,
        identity: &IdentityNames,
    ) {
        let Some(delete) = delete else { return };
        self.check_delete_body(yaml_path, delete);
        self.check_item_path(context, yaml_path.select_key("delete"), &delete.delete, identity);
    }

    /// Objects of different scopes have different paths.
    pub(super) fn check_scope_in_path(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        path: &str,
        hint: &str,
    ) {
        let used = parse_parameters(path).unwrap_or_default();
        for name in list_path_parameters(context).into_iter().filter(|name| !used.contains(name)) {
            let message = format!("the scope parameter `{name}` is not in this path");
            self.report_error_with_hint(yaml_path, "unused-scope", message, hint);
        }
    }

    fn resolve_read_operation(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        get: &ReadFile,
        identity: &IdentityNames,
    ) -> Option<ReadOperation> {
        if let Some(path) = &get.get {
            self.check_item_path(context, yaml_path.select_key("get"), path, identity);
        }
        self.check_member_path(yaml_path, "response_member", get.response_member.as_deref());
        let needs_path = get.get.is_none();
        let rules = [
            (
                needs_path && get.response_member.is_some(),
                "response_member",
                "`response_member` needs a path",
            ),
            (needs_path && !get.query.is_empty(), "query", "`query` needs a path"),
        ];
        self.report_contradictions(yaml_path, &rules);
        self.check_fixed_query(yaml_path.select_key("query"), get.query.keys());
        let mut allowed = list_path_parameters(context);
        allowed.extend(identity.parameters.iter().map(String::as_str));
        let query = self.check_query(yaml_path.select_key("list_with"), &get.list_with, &allowed);
        let missing = identity.parameters.iter().find(|name| !query.contains(name));
        if let Some(name) = missing.filter(|_| !get.list_with.is_empty()) {
            let message = format!("nothing here holds `{{{name}}}`, so every object would match");
            self.report_error(yaml_path.select_key("list_with"), "missing-parameter", message);
        }
        let query: Vec<_> = get.list_with.clone().into_iter().collect();
        match (get.get.clone(), query.is_empty()) {
            (Some(path), true) => Some(ReadOperation::Path(path)),
            (Some(path), false) => Some(ReadOperation::PathOrList(path, query)),
            (None, false) => Some(ReadOperation::List(query)),
            (None, true) => {
                self.report_error(
                    yaml_path,
                    "missing-word",
                    "reading one object needs `get`, `list_with`, or both",
                );
                None
            }
        }
    }

    fn check_find_operation(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        find: &FindFile,
        identity: &IdentityNames,
    ) {
        if identity.natural_key.is_empty() {
            self.report_error(
                yaml_path,
                "contradiction",
                "without a `natural_key` there is nothing to find an object by",
            );
        }
        let mut allowed = list_path_parameters(context);
        allowed.extend(identity.natural_key.iter().map(String::as_str));
        let used = self.check_query(yaml_path.select_key("query"), &find.query, &allowed);
        if !identity.natural_key.iter().any(|name| used.contains(name)) {
            let message = "nothing here holds a field of the natural key, so every object would match";
            self.report_error(yaml_path.select_key("query"), "missing-parameter", message);
        }
        for (escaped, text) in &find.escape {
            let place = yaml_path.select_key("escape");
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
            self.report_error(yaml_path.select_key("except"), "empty-text", "`except` lists no character");
        }
    }

    /// Checks the values of a query and says which parameters they hold.
    fn check_query(
        &mut self,
        yaml_path: YamlPath,
        query: &BTreeMap<String, String>,
        allowed: &[&str],
    ) -> Vec<String> {
        let mut used = Vec::new();
        for (name, text) in query {
            let yaml_path = yaml_path.select_key(name);
            used.extend(self.check_parameters(yaml_path, text, allowed));
        }
        used
    }

    fn resolve_write_operation(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: Option<&WriteFile>,
        job: WriteAction,
        identity: &IdentityNames,
    ) -> Option<WriteOperation> {
        let file = file?;
        let (verb, word, path) = self.resolve_method(yaml_path, file)?;
        let place = yaml_path.select_key(word);
        if job == WriteAction::Create {
            let mut allowed = list_path_parameters(context);
            if identity.id_assigned_by == IdAssigner::Client {
                allowed.extend(identity.parameters.iter().map(String::as_str));
            }
            self.check_path_template(place, path, &allowed);
        } else {
            self.check_item_path(context, place, path, identity);
        }
        self.check_write_keywords(yaml_path, file, job);
        self.check_body_words(context, yaml_path, file);
        let nested = self.resolve_nested_fields(context, yaml_path, file, job);
        Some(WriteOperation {
            method: verb,
            path: path.to_owned(),
            body: file.body,
            fields: None,
            body_form: BodyForm {
                member: file.request_member.as_deref().map(Box::from),
                encoding: file.encoding,
            },
            response_member: file.response_member.clone(),
            query: file.query.clone().into_iter().collect(),
            nested_fields: nested,
            response: file.response,
            read_after_write: file.read_after_write,
            retry_with_required: file.retry_with_required,
            source: file.source.clone(),
        })
    }

    fn resolve_method<'f>(
        &mut self,
        yaml_path: YamlPath,
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
                self.report_error(yaml_path, "one-verb", message);
                None
            }
        }
    }

    fn check_write_keywords(&mut self, yaml_path: YamlPath, file: &WriteFile, job: WriteAction) {
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
                job != WriteAction::Create && file.response == WriteResponse::Location,
                "response",
                "only a create answers the URL of a new object",
            ),
            (
                job != WriteAction::Create
                    && file.response == WriteResponse::Id
                    && file.response_member.is_some(),
                "response_member",
                "the id of an update is known",
            ),
            (
                file.retry_with_required && !changes,
                "retry_with_required",
                "a full body already has the required fields",
            ),
        ];
        self.report_contradictions(yaml_path, &rules);
    }

    fn resolve_nested_fields(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: &WriteFile,
        job: WriteAction,
    ) -> Option<NestedFields> {
        let is_nested = |ty| matches!(ty, TypeName::Object | TypeName::Map | TypeName::Array);
        let Some(NestedFieldsFile { granularity, query, also_send }) = &file.nested_fields else {
            let any = context.root.0.iter().any(|(_, field)| is_nested(field.ty) && !field.read_only);
            if job == WriteAction::Update && file.body == WriteBody::Changes && any {
                let message = "objects, maps and arrays can be written, but nothing says how they are sent";
                let hint = "add `nested_fields: { granularity: whole }` or `members`";
                self.report_error_with_hint(yaml_path, "missing-word", message, hint);
            }
            return None;
        };
        let place = yaml_path.select_key("nested_fields").select_key("also_send");
        let mut fields = Vec::new();
        for (at, name) in also_send.iter().enumerate() {
            let yaml_path = place.select_item(at);
            let Some((number, field)) = self.find_root_field(context, yaml_path, name) else { continue };
            if !is_nested(field.ty) || field.read_only {
                let message = format!("`{name}` is not an object, map or array that can be written");
                self.report_error(yaml_path, "word-does-not-fit", message);
            }
            fields.push(number);
        }
        self.check_query(yaml_path.select_key("nested_fields").select_key("query"), query, &[]);
        let query = query.clone().into_iter().collect();
        Some(NestedFields { granularity: *granularity, query, also_send: fields })
    }

    /// After a create the object must be found again, by the answer or by its natural key.
    fn check_created_object_is_findable(
        &mut self,
        yaml_path: YamlPath,
        file: &OperationsFile,
        identity: &IdentityNames,
    ) {
        let silent = file.create.as_ref().is_some_and(|create| create.response == WriteResponse::None);
        if silent && identity.natural_key.is_empty() && identity.id_assigned_by == IdAssigner::Server {
            let message = "nothing identifies the object that a create has made";
            let hint = "say `response: id` or `object`, or give the kind a `natural_key`";
            self.report_error_with_hint(yaml_path, "contradiction", message, hint);
        }
    }

    /// A path that leads to one object.
    fn check_item_path(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        path: &str,
        identity: &IdentityNames,
    ) {
        let mut allowed = list_path_parameters(context);
        allowed.extend(identity.parameters.iter().map(String::as_str));
        let used = self.check_path_template(yaml_path, path, &allowed);
        if let Some(name) = identity.parameters.iter().find(|name| !used.contains(name)) {
            let message = format!("the path lacks `{{{name}}}`, so it does not lead to one object");
            self.report_error(yaml_path, "missing-parameter", message);
        }
    }

    /// A path with parameters; says which it holds.
    pub(super) fn check_path_template(
        &mut self,
        yaml_path: YamlPath,
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
            self.report_error_with_hint(yaml_path, "wrong-path", message, hint);
        }
        self.check_parameters(yaml_path, path, allowed)
    }

    pub(super) fn check_parameters(
        &mut self,
        yaml_path: YamlPath,
        text: &str,
        allowed: &[&str],
    ) -> Vec<String> {
        let Some(names) = parse_parameters(text) else {
            self.report_error(yaml_path, "wrong-path", "a curly bracket has no counterpart");
            return Vec::new();
        };
        for name in names.iter().filter(|name| !allowed.contains(name)) {
            self.report_unknown_name(yaml_path, "parameter", name, allowed.iter().copied());
        }
        names.into_iter().map(str::to_owned).collect()
    }
}

fn resolve_read_form(get: &ReadFile) -> ReadForm {
    ReadForm { member: get.response_member.clone(), query: get.query.clone().into_iter().collect() }
}

/// The scope parameters that stand in paths.
pub(super) fn list_path_parameters<'k>(context: &CheckContext<'k>) -> Vec<&'k str> {
    let in_path = context.scope.iter().filter(|scope| scope.location == ParameterLocation::Path);
    in_path.map(|scope| &*scope.name).collect()
}

fn has_dot_segments(path: &str) -> bool {
    path.split('/').any(|part| part == "." || part == "..")
}

/// The names between curly brackets; none when a bracket stands alone.
pub(super) fn parse_parameters(text: &str) -> Option<Vec<&str>> {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find(['{', '}']) {
        let inner = rest[open..].strip_prefix('{')?;
        let close = inner.find(['{', '}'])?;
        rest = inner[close..].strip_prefix('}')?;
        names.push(&inner[..close]);
    }
    Some(names)
}
