//! Operations: paths with their parameters, paging, what a write holds and how nested fields travel.
//!
//! Every `{parameter}` must be one that is known when the request is made, and every scope parameter must be
//! used, so that no operation can reach beyond its scope by an oversight.
//! Deliberately absent: requests themselves.

use std::collections::BTreeMap;

use super::super::file::{
    Access, Appears, FindFile, IdentityFile, IfMatchFile, KindFile, ListFile, Maker, NestedFile,
    OperationsFile, ReadFile, ScopePlace, Sends, TypeWord, WriteFile,
};
use super::super::{Answer, IfMatch, Nested, Operations, ReadOne, Write};
use super::{Desk, Scene, Spot};
use crate::exchange::Verb;

/// Which write it is.
#[derive(Clone, Copy, PartialEq)]
enum Job {
    Create,
    Update,
    Replace,
}

impl Desk<'_> {
    pub(super) fn operations(&mut self, scene: &Scene, spot: Spot, file: &KindFile) -> Option<Operations> {
        let before = self.faults.len();
        let (own, identity) = (&file.operations, &file.identity);
        self.list(scene, spot.key("list"), &own.list);
        self.scope_is_used(scene, spot.key("list"), &own.list);
        let get = own.get.as_ref().map(|get| self.get(scene, spot.key("get"), get, identity));
        if let Some(find) = &own.find {
            self.find(scene, spot.key("find"), find, identity);
        }
        let create = self.write(scene, spot.key("create"), own.create.as_ref(), (Job::Create, identity));
        let update = self.write(scene, spot.key("update"), own.update.as_ref(), (Job::Update, identity));
        let replace = self.write(scene, spot.key("replace"), own.replace.as_ref(), (Job::Replace, identity));
        if let Some(delete) = &own.delete {
            self.item_path(scene, spot.key("delete").key("delete"), &delete.delete, identity);
        }
        self.create_can_be_found(spot.key("create"), own, identity);
        let if_match = self.if_match(scene, spot, own);
        (self.faults.len() == before).then_some(())?;
        Some(Operations {
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
    fn if_match(&mut self, scene: &Scene, spot: Spot, file: &OperationsFile) -> Option<IfMatch> {
        let word = file.if_match.as_ref()?;
        let place = spot.key("if_match");
        if file.update.is_none() && file.replace.is_none() && file.delete.is_none() {
            self.fault(place, "contradiction", "nothing here changes or deletes an object");
        }
        match word {
            IfMatchFile::Etag => {
                if file.get.as_ref().is_none_or(|get| get.get.is_none()) {
                    let message = "no path reads one object, and only such a read answers its `ETag`";
                    self.fault_hint(place, "contradiction", message, "add `get: { get: PATH }`");
                }
                Some(IfMatch::Etag)
            }
            IfMatchFile::Field(name) => {
                let place = place.key("field");
                let (number, field) = self.root_field(scene, place, name)?;
                let moving = [TypeWord::Whole, TypeWord::Text, TypeWord::Guid, TypeWord::Time];
                let computed = field.access.all().contains(&Access::Computed);
                if !moving.contains(&field.ty) || !computed || field.mark.is_some() {
                    let message =
                        format!("`{name}` is no field that the service alone sets and everybody may see");
                    let hint = "it is a whole, text, guid or time with `access: computed` and without a mark";
                    self.fault_hint(place, "word-does-not-fit", message, hint);
                }
                Some(IfMatch::Field(number))
            }
        }
    }

    pub(super) fn list(&mut self, scene: &Scene, spot: Spot, list: &ListFile) {
        let scope = path_scope(scene);
        self.template(spot.key("get"), &list.get, &scope);
        if let Some(probe) = &list.probe {
            self.template(spot.key("probe"), probe, &scope);
        }
        if list.items.as_deref() == Some("") {
            self.fault(spot.key("items"), "empty-text", "`items` names no member");
        }
        let Some(paging) = &list.paging else { return };
        let spot = spot.key("paging");
        if paging.page == 0 {
            self.fault(spot.key("page"), "wrong-number", "a page holds at least 1 item");
        }
        self.said(spot, "offset", &paging.offset);
        self.said(spot, "limit", &paging.limit);
        if paging.offset == paging.limit {
            let message = "`offset` and `limit` are two parameters, not one";
            self.fault(spot.key("limit"), "duplicate-name", message);
        }
    }

    fn scope_is_used(&mut self, scene: &Scene, spot: Spot, list: &ListFile) {
        let used = parameters(&list.get).unwrap_or_default();
        for name in path_scope(scene) {
            if !used.contains(&name) {
                let message = format!("the scope parameter `{name}` does not stand in this path");
                let hint = format!("write `{{{name}}}` where it belongs, or say `travels_in: query`");
                self.fault_hint(spot.key("get"), "unused-scope", message, &hint);
            }
        }
    }

    fn get(&mut self, scene: &Scene, spot: Spot, get: &ReadFile, identity: &IdentityFile) -> Option<ReadOne> {
        if let Some(path) = &get.get {
            self.item_path(scene, spot.key("get"), path, identity);
        }
        let mut allowed = path_scope(scene);
        allowed.push(&identity.id);
        let query = self.query(spot.key("list_with"), &get.list_with, &allowed);
        if !get.list_with.is_empty() && !query.contains(&identity.id) {
            let message = format!("nothing here holds `{{{}}}`, so every object would match", identity.id);
            self.fault(spot.key("list_with"), "missing-parameter", message);
        }
        let query: Vec<_> = get.list_with.clone().into_iter().collect();
        match (get.get.clone(), query.is_empty()) {
            (Some(path), true) => Some(ReadOne::Path(path)),
            (Some(path), false) => Some(ReadOne::PathElseList(path, query)),
            (None, false) => Some(ReadOne::List(query)),
            (None, true) => {
                self.fault(spot, "missing-word", "reading one object needs `get`, `list_with`, or both");
                None
            }
        }
    }

    fn find(&mut self, scene: &Scene, spot: Spot, find: &FindFile, identity: &IdentityFile) {
        if identity.natural_key.is_empty() {
            self.fault(
                spot,
                "contradiction",
                "without a `natural_key` there is nothing to find an object by",
            );
        }
        let mut allowed = path_scope(scene);
        allowed.extend(identity.natural_key.iter().map(String::as_str));
        let used = self.query(spot.key("query"), &find.query, &allowed);
        if !identity.natural_key.iter().any(|name| used.contains(name)) {
            let message = "nothing here holds a field of the natural key, so every object would match";
            self.fault(spot.key("query"), "missing-parameter", message);
        }
        if find.except.as_deref() == Some("") {
            self.fault(spot.key("except"), "empty-text", "`except` lists no character");
        }
    }

    /// Checks the values of a query and says which parameters they hold.
    fn query(&mut self, spot: Spot, query: &BTreeMap<String, String>, allowed: &[&str]) -> Vec<String> {
        let mut used = Vec::new();
        for (name, text) in query {
            let spot = spot.key(name);
            used.extend(self.parameters_known(spot, text, allowed));
        }
        used
    }

    fn write(
        &mut self,
        scene: &Scene,
        spot: Spot,
        file: Option<&WriteFile>,
        (job, identity): (Job, &IdentityFile),
    ) -> Option<Write> {
        let file = file?;
        let (verb, word, path) = self.one_verb(spot, file)?;
        let place = spot.key(word);
        if job == Job::Create {
            let mut allowed = path_scope(scene);
            if identity.id_made_by == Maker::Caller {
                allowed.push(&identity.id);
            }
            self.template(place, path, &allowed);
        } else {
            self.item_path(scene, place, path, identity);
        }
        self.write_words(spot, file, job);
        let nested = self.nested(scene, spot, file, job);
        Some(Write {
            verb,
            path: path.to_owned(),
            sends: file.sends,
            nested,
            answer: file.answer,
            appears: file.appears,
            adds_required_when_asked: file.adds_required_when_asked,
            source: file.source.clone(),
        })
    }

    fn one_verb<'f>(&mut self, spot: Spot, file: &'f WriteFile) -> Option<(Verb, &'static str, &'f str)> {
        let verbs = [
            (Verb::Post, "post", &file.post),
            (Verb::Put, "put", &file.put),
            (Verb::Patch, "patch", &file.patch),
        ];
        let mut said = verbs.iter().filter_map(|(verb, word, path)| Some((*verb, *word, path.as_deref()?)));
        match (said.next(), said.next()) {
            (Some(one), None) => Some(one),
            (first, _) => {
                let message = match first {
                    None => "none of `post`, `put` and `patch` names the path",
                    Some(_) => "more than one of `post`, `put` and `patch` names a path",
                };
                self.fault(spot, "one-verb", message);
                None
            }
        }
    }

    fn write_words(&mut self, spot: Spot, file: &WriteFile, job: Job) {
        let changes = file.sends == Sends::Changes;
        let rules = [
            (job != Job::Update && changes, "sends", "only an `update` can send the changes alone"),
            (!changes && file.nested.is_some(), "nested", "`nested` is about writes that send `changes`"),
            (
                job != Job::Create && file.appears == Appears::Later,
                "appears",
                "`appears` is about a `create`",
            ),
            (
                file.adds_required_when_asked && !changes,
                "adds_required_when_asked",
                "a write of everything has the required fields in it",
            ),
        ];
        for (broken, word, message) in rules {
            if broken {
                self.fault(spot.key(word), "contradiction", message);
            }
        }
    }

    fn nested(&mut self, scene: &Scene, spot: Spot, file: &WriteFile, job: Job) -> Option<Nested> {
        let is_nested = |ty| matches!(ty, TypeWord::Object | TypeWord::Map | TypeWord::List);
        let Some(NestedFile { travels, query, along }) = &file.nested else {
            let writable = |field: &super::FieldFile| !field.access.all().contains(&Access::Computed);
            let any = scene.root.0.iter().any(|(_, field)| is_nested(field.ty) && writable(field));
            if job == Job::Update && file.sends == Sends::Changes && any {
                let message = "objects, maps and lists can be written, but nothing says how they travel";
                self.fault_hint(spot, "missing-word", message, "add `nested: { travels: whole }` or `parts`");
            }
            return None;
        };
        let place = spot.key("nested").key("along");
        let mut fields = Vec::new();
        for (at, name) in along.iter().enumerate() {
            let spot = place.item(at);
            let Some((number, field)) = self.root_field(scene, spot, name) else { continue };
            if !is_nested(field.ty) || field.access.all().contains(&Access::Computed) {
                let message = format!("`{name}` is not an object, map or list that can be written");
                self.fault(spot, "word-does-not-fit", message);
            }
            fields.push(number);
        }
        self.query(spot.key("nested").key("query"), query, &[]);
        let query = query.clone().into_iter().collect();
        Some(Nested { travels: *travels, query, along: fields })
    }

    /// After a create the object must be found again, by the answer or by its natural key.
    fn create_can_be_found(&mut self, spot: Spot, file: &OperationsFile, identity: &IdentityFile) {
        let silent = file.create.as_ref().is_some_and(|create| create.answer == Answer::Nothing);
        if silent && identity.natural_key.is_empty() && identity.id_made_by == Maker::Server {
            let message = "nobody could say which object a create has made";
            let hint = "say `answer: id` or `object`, or give the kind a `natural_key`";
            self.fault_hint(spot, "contradiction", message, hint);
        }
    }

    /// A path that leads to one object.
    fn item_path(&mut self, scene: &Scene, spot: Spot, path: &str, identity: &IdentityFile) {
        let mut allowed = path_scope(scene);
        allowed.push(&identity.id);
        let used = self.template(spot, path, &allowed);
        if !used.contains(&identity.id) {
            let message = format!("the path lacks `{{{}}}`, so it does not lead to one object", identity.id);
            self.fault(spot, "missing-parameter", message);
        }
    }

    /// A path with parameters; says which it holds.
    pub(super) fn template(&mut self, spot: Spot, path: &str, allowed: &[&str]) -> Vec<String> {
        if !path.starts_with('/')
            || path.starts_with("//")
            || path.contains(['?', '#', '\\'])
            || has_dots(path)
        {
            let message = "this is not a path below the base URL";
            let hint = "it starts with one slash and has neither query nor `..`";
            self.fault_hint(spot, "wrong-path", message, hint);
        }
        self.parameters_known(spot, path, allowed)
    }

    fn parameters_known(&mut self, spot: Spot, text: &str, allowed: &[&str]) -> Vec<String> {
        let Some(names) = parameters(text) else {
            self.fault(spot, "wrong-path", "a curly bracket stands alone");
            return Vec::new();
        };
        for name in names.iter().filter(|name| !allowed.contains(name)) {
            self.unknown(spot, "parameter", name, allowed.iter().copied());
        }
        names.into_iter().map(str::to_owned).collect()
    }
}

/// The scope parameters that stand in paths.
fn path_scope<'k>(scene: &Scene<'k>) -> Vec<&'k str> {
    let in_path = scene.scope.iter().filter(|scope| scope.place == ScopePlace::Path);
    in_path.map(|scope| &*scope.name).collect()
}

fn has_dots(path: &str) -> bool {
    path.split('/').any(|part| part == "." || part == "..")
}

/// The names between curly brackets; none when a bracket stands alone.
fn parameters(text: &str) -> Option<Vec<&str>> {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find(['{', '}']) {
        let inner = rest[open..].strip_prefix('{')?;
        let close = inner.find(['{', '}'])?;
        rest = inner[close..].strip_prefix('}')?;
        names.push(&inner[..close]);
    }
    Some(names)
}
