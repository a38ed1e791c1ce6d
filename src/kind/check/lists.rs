//! Lists of objects: what they show, the scope in which they are, and kinds without one.
//!
//! Deliberately absent: pages (`paging`).

use super::identity_names::IdentityNames;
use super::operations::{list_path_parameters, parse_parameters};
use super::{CheckContext, KindChecker, YamlPath};
use crate::kind::file::{
    IdAssigner, ListFile, ListResponseShape, ListShows, OperationsFile, PagingLocation, PagingStyle, TypeName,
};

impl KindChecker<'_> {
    /// The list of the objects of a scope.
    pub(super) fn check_object_list(&mut self, context: &CheckContext, yaml_path: YamlPath, list: &ListFile) {
        if context.identity.is_singleton() {
            let message = "a scope has one object, which `get` reads";
            self.report_error_with_hint(yaml_path, "contradiction", message, "remove `list`");
        }
        self.check_list_operation(context, Some(context), yaml_path, list);
        self.check_scope_use(context, yaml_path, list);
        self.check_list_conditions(context, yaml_path, list);
        self.check_item_keys(context, yaml_path, list);
    }

    /// A list is read by GET, or by a POST with a body. `is_own`: it is that of the kind, not one to which ids refer.
    pub(super) fn check_list_verb(&mut self, is_own: bool, yaml_path: YamlPath, list: &ListFile) {
        let paging = list.paging.as_ref();
        let in_body = paging.is_some_and(|paging| paging.location == PagingLocation::Body);
        let by_link = paging.is_some_and(|paging| paging.style == PagingStyle::Link);
        let is_object = list.body.as_ref().is_none_or(serde_json::Value::is_object);
        let (word, code, message) = match &list.post {
            None if list.get.is_empty() => ("get", "missing-word", "a list has `get` or `post`"),
            None if list.body.is_some() => ("body", "contradiction", "`body` needs `post`"),
            None if in_body => ("paging", "contradiction", "`in: body` needs a list by `post`"),
            None => return,
            Some(_) if !list.get.is_empty() => ("post", "contradiction", "a list has either `get` or `post`"),
            Some(_) if !is_own => ("post", "contradiction", "ids refer to lists that are read by `get`"),
            Some(_) if !is_object => ("body", "wrong-type", "`body` is a mapping"),
            Some(_) if by_link => ("paging", "contradiction", "a search has no URL of the next page"),
            Some(_) => return,
        };
        self.report_error(yaml_path.select_key(word), code, message);
    }

    /// Without a list, an object is read by what identifies it.
    pub(super) fn check_unlisted(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        file: &OperationsFile,
        identity: &IdentityNames,
    ) {
        let place = yaml_path.select_key("get");
        if file.get.as_ref().is_none_or(|get| get.get.is_none() || !get.list_with.is_empty()) {
            let message = "without a `list`, `get` reads each object by its own path";
            self.report_error_with_hint(place, "missing-word", message, "add `get: { get: PATH }`");
        }
        let path = file.get.as_ref().and_then(|get| get.get.as_deref()).unwrap_or_default();
        self.check_scope_in_path(context, place, path, "write it into the path");
        if !identity.natural_key.is_empty() || file.find.is_some() {
            let message = "without a `list`, nothing finds an object by its natural key";
            self.report_error(yaml_path, "contradiction", message);
        }
        if identity.id_assigned_by == IdAssigner::Server && file.create.is_some() {
            let message =
                "without a `list`, nothing shows whether an object is there that the server numbers";
            let hint = "add a `list`, or remove `create`";
            self.report_error_with_hint(yaml_path, "contradiction", message, hint);
        }
    }

    /// Lists of different scopes differ: in the path, in the body of a search, or in what they keep.
    pub(super) fn check_scope_use(&mut self, context: &CheckContext, yaml_path: YamlPath, list: &ListFile) {
        let mut used = parse_parameters(list.path()).unwrap_or_default();
        used.extend(self.check_body_texts(context, yaml_path.select_key("body"), list));
        used.extend(
            list.only.values().flatten().flat_map(|value| parse_parameters(value).unwrap_or_default()),
        );
        for name in list_path_parameters(context) {
            if !used.contains(&name) {
                let message = format!("the scope parameter `{name}` is not in this path");
                let hint = format!("write `{{{name}}}` where it belongs or under `only`, or say `in: query`");
                self.report_error_with_hint(yaml_path.select_key("get"), "unused-scope", message, &hint);
            }
        }
    }

    /// The scope parameters in the body of a search, where each is a text by itself.
    fn check_body_texts<'l>(
        &mut self,
        context: &CheckContext,
        yaml_path: YamlPath,
        list: &'l ListFile,
    ) -> Vec<&'l str> {
        let mut used = Vec::new();
        for text in list.list_body_texts() {
            let names = parse_parameters(text).unwrap_or_default().into_iter();
            for name in names.filter(|name| context.scope.iter().any(|scope| *scope.name == **name)) {
                if text != format!("{{{name}}}") {
                    let message = format!("`{{{name}}}` is filled in only where it is the whole text");
                    let hint = "in a longer text it would be sent as it is written";
                    self.report_error_with_hint(yaml_path, "word-does-not-fit", message, hint);
                }
                used.push(name);
            }
        }
        used
    }

    /// The names of items are the values of a field.
    pub(super) fn check_item_keys(&mut self, context: &CheckContext, yaml_path: YamlPath, list: &ListFile) {
        let Some(name) = &list.keyed_by else { return };
        let place = yaml_path.select_key("keyed_by");
        if let Some((_, field)) = self.find_root_field(context, place, name)
            && !matches!(field.ty, TypeName::String | TypeName::Integer | TypeName::Uuid)
        {
            let message = format!("`{name}` is not a `string`, an `integer` or a `uuid`");
            self.report_error(place, "word-does-not-fit", message);
        }
        if context.identity.is_composed {
            let message = "the names of items can't be a part of an id of several fields";
            self.report_error(place, "contradiction", message);
        }
        if list.response != ListResponseShape::List {
            let message = "an object is either the items by their names or one item";
            self.report_error(place, "contradiction", message);
        }
    }

    /// A list of summaries leads to objects that are read one by one.
    pub(super) fn check_list_form(&mut self, yaml_path: YamlPath, list: &ListFile, reads_one: bool) {
        if list.shows == ListShows::Summary && !reads_one {
            let message = "the list shows summaries, and no path reads one object";
            let place = yaml_path.select_key("shows");
            self.report_error_with_hint(place, "contradiction", message, "add `get: { get: PATH }`");
        }
    }
}
