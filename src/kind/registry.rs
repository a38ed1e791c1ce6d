//! Which APIs and kinds there are: those that come with the program, and those of a workspace.
//!
//! Both come through the same door: YAML, `read`, `check`. Built-in descriptions are read when they are first
//! asked for, because a run needs few of them; a workspace's own are read at once, so that every fault is reported.
//! Deliberately absent: files. Whoever looks at a disk hands in paths and texts.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::check::{self, CheckInput};
use super::file::{ApiFile, KindFile};
use super::{Api, Kind, builtin, read};
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use crate::yaml::{self, YamlNode};

/// The name of the file that describes an API, without its ending.
const API_FILE: &str = "api";

/// The kinds that can be asked for by name.
pub struct KindRegistry {
    api_entries: BTreeMap<String, ApiEntry>,
    /// What comes with the program.
    fallback: Option<&'static KindRegistry>,
    /// Every kind's name, also those below, in order.
    kind_names: Vec<String>,
}

/// One API with its kinds.
#[derive(Default)]
struct ApiEntry {
    api: Option<DescriptionText<Api>>,
    kinds: BTreeMap<String, DescriptionText<Kind>>,
}

/// A description, and what it says once it was read.
struct DescriptionText<T> {
    source: Arc<NamedSource>,
    /// A test has checked it, so it is read without the search for faults.
    is_builtin: bool,
    checked: OnceLock<Option<Arc<T>>>,
}

static BUILTIN: LazyLock<KindRegistry> = LazyLock::new(|| {
    let mut shelves: BTreeMap<String, ApiEntry> = BTreeMap::new();
    for (path, text) in builtin::TEXTS {
        if let Some((api, name)) = path.split_once('/') {
            let source = NamedSource::from_static(format!("{path}.yaml"), text);
            shelves.entry(api.into()).or_default().insert_description(name, source, true);
        }
    }
    KindRegistry::from_entries(shelves, None)
});

/// Whether an API is described by a workspace rather than by this program; then nothing that the description says is a
/// reason to send a credential anywhere.
pub fn is_workspace_api(api: &Api) -> bool {
    api.hosts.is_empty() && KindRegistry::get_builtin().find_api(&api.name).is_none()
}

impl KindRegistry {
    /// What comes with the program.
    pub fn get_builtin() -> &'static Self {
        &BUILTIN
    }

    /// What comes with the program, and a workspace's own descriptions: `files` are pairs of path and text,
    /// the path ending in `<api>/api.yaml` or `<api>/<kind>.yaml`. Faults are added to `faults`; what has
    /// faults is not in the registry.
    pub fn with_workspace(files: Vec<(String, String)>, faults: &mut Vec<Diagnostic>) -> Self {
        let mut shelves: BTreeMap<String, ApiEntry> = BTreeMap::new();
        for (path, text) in files {
            let source = NamedSource::new(path.clone(), text);
            match parse_description_path(&path) {
                Ok((api, name)) => {
                    if let Some(other) = shelves.entry(api.into()).or_default().insert_description(
                        name,
                        Arc::clone(&source),
                        false,
                    ) {
                        faults.push(build_duplicate_error(&source, &other));
                    }
                }
                Err(fault) => faults.push(fault.with_location(source.locate_span(SourceSpan::default()))),
            }
        }
        let registry = Self::from_entries(shelves, Some(Self::get_builtin()));
        for (name, shelf) in &registry.api_entries {
            registry.read_api_entry(name, shelf, faults);
        }
        registry.check_across(faults);
        registry
    }

    /// Kinds held against those to which they refer.
    fn check_across(&self, faults: &mut Vec<Diagnostic>) {
        for (api, entry) in &self.api_entries {
            for (name, text) in &entry.kinds {
                let Some(kind) = self.find_kind(&format!("{api}/{name}")) else { continue };
                let Some(node) = read_single_document(&text.source, &mut Vec::new()) else { continue };
                let page = CheckInput { node: Some(&node), source: &text.source, kinds: &self.kind_names };
                check::check_references_across(&page, &kind, &|name| self.find_kind(name), faults);
            }
        }
    }

    fn from_entries(shelves: BTreeMap<String, ApiEntry>, below: Option<&'static Self>) -> Self {
        let own = shelves
            .iter()
            .flat_map(|(api, shelf)| shelf.kinds.keys().map(move |kind| format!("{api}/{kind}")));
        let mut names: Vec<_> =
            own.chain(below.into_iter().flat_map(|below| below.kind_names.clone())).collect();
        names.sort();
        names.dedup();
        Self { api_entries: shelves, fallback: below, kind_names: names }
    }

    /// The kind called `api/kind`.
    pub fn find_kind(&self, name: &str) -> Option<Arc<Kind>> {
        let (api, own) = name.split_once('/')?;
        let Some(shelf) = self.api_entries.get(api) else { return self.fallback?.find_kind(name) };
        let text = shelf.kinds.get(own)?;
        text.get_or_read(|faults| self.read_kind(&self.find_api(api)?, own, text, faults))
    }

    /// The API called `name`.
    pub fn find_api(&self, name: &str) -> Option<Arc<Api>> {
        let Some(shelf) = self.api_entries.get(name) else { return self.fallback?.find_api(name) };
        let text = shelf.api.as_ref()?;
        text.get_or_read(|faults| self.read_api(name, text, faults))
    }

    /// The names of all kinds, in order.
    pub fn kind_names(&self) -> &[String] {
        &self.kind_names
    }

    /// The names of all APIs, in order.
    pub fn list_api_names(&self) -> Vec<&str> {
        let own = self.api_entries.keys().map(String::as_str);
        let mut names: Vec<_> = own.chain(self.fallback.into_iter().flat_map(Self::list_api_names)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Reads all that is there and says what is wrong with it.
    pub fn check_all(&self) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for (name, shelf) in &self.api_entries {
            self.read_api_entry(name, shelf, &mut faults);
        }
        faults
    }

    fn read_api_entry(&self, name: &str, shelf: &ApiEntry, faults: &mut Vec<Diagnostic>) {
        let Some(text) = &shelf.api else {
            for kind in shelf.kinds.values() {
                faults.push(
                    build_missing_api_error(name)
                        .with_location(kind.source.locate_span(SourceSpan::default())),
                );
            }
            return;
        };
        let api = self.read_api(name, text, faults);
        let api = text.checked.get_or_init(|| api);
        // a kind is read even when its API is broken, by a stand-in, so that its own faults are reported too
        let stand_in = || Arc::new(check::build_placeholder_api(name));
        let judge = api.clone().unwrap_or_else(stand_in);
        for (own, text) in &shelf.kinds {
            let kind = self.read_kind(&judge, own, text, faults);
            text.checked.get_or_init(|| kind.filter(|_| api.is_some()));
        }
    }

    fn read_api(
        &self,
        name: &str,
        text: &DescriptionText<Api>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Api>> {
        self.read_and_check(text, faults, |page, file: ApiFile, faults| {
            let mut api = check::check_api(page, name, file, faults)?;
            if self.fallback.is_some() {
                // the repository must not be able to say where credentials may go; the operator does, outside it
                api.hosts.clear();
            }
            Some(api)
        })
    }

    fn read_kind(
        &self,
        api: &Arc<Api>,
        name: &str,
        text: &DescriptionText<Kind>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Kind>> {
        self.read_and_check(text, faults, |page, file: KindFile, faults| {
            check::check_kind(page, api, name, file, faults)
        })
    }

    /// Reads and checks a description. Even a broken one is checked, so that all its faults are reported at once.
    fn read_and_check<F: DeserializeOwned + JsonSchema, T>(
        &self,
        text: &DescriptionText<T>,
        faults: &mut Vec<Diagnostic>,
        check: impl FnOnce(&CheckInput, F, &mut Vec<Diagnostic>) -> Option<T>,
    ) -> Option<Arc<T>> {
        let source = &text.source;
        let before = faults.len();
        let node = read_single_document(source, faults)?;
        if text.is_builtin {
            let file = serde_json::from_value(read::convert_untyped(&node)).ok()?;
            let page = CheckInput { node: None, source, kinds: &self.kind_names };
            return check(&page, file, faults).map(Arc::new);
        }
        let mut draft = read::read_partial(&node, source);
        let page = CheckInput { node: Some(&node), source, kinds: &self.kind_names };
        let mut found = Vec::new();
        let made = draft.value.take().and_then(|file| check(&page, file, &mut found));
        found.retain(|fault| !draft.is_follow_up(fault));
        faults.append(&mut draft.diagnostics);
        let sound = faults.len() == before;
        faults.append(&mut found);
        made.filter(|_| sound).map(Arc::new)
    }
}

impl ApiEntry {
    /// Puts a description in its place; gives back what stood there.
    fn insert_description(
        &mut self,
        name: &str,
        source: Arc<NamedSource>,
        is_builtin: bool,
    ) -> Option<Arc<NamedSource>> {
        match name {
            API_FILE => self.api.replace(DescriptionText::new(source, is_builtin)).map(|text| text.source),
            _ => self
                .kinds
                .insert(name.into(), DescriptionText::new(source, is_builtin))
                .map(|text| text.source),
        }
    }
}

impl<T> DescriptionText<T> {
    fn new(source: Arc<NamedSource>, is_builtin: bool) -> Self {
        Self { source, is_builtin, checked: OnceLock::new() }
    }

    /// What it says; read the first time. A broken one is as good as none here, its faults are reported elsewhere.
    fn get_or_read(&self, read: impl FnOnce(&mut Vec<Diagnostic>) -> Option<Arc<T>>) -> Option<Arc<T>> {
        self.checked.get_or_init(|| read(&mut Vec::new())).clone()
    }
}

/// The API's and the file's own name, from the end of a path.
fn split_path(path: &str) -> Option<(&str, &str)> {
    let stem = path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml"))?;
    let (rest, name) = stem.rsplit_once(['/', '\\'])?;
    let api = rest.rsplit(['/', '\\']).next()?;
    Some((api, name))
}

fn parse_description_path(path: &str) -> Result<(&str, &str), Diagnostic> {
    let Some((api, name)) = split_path(path) else {
        return Err(Diagnostic::error("wrong-place", "a description belongs in `apis/<api>/<name>.yaml`"));
    };
    let plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if let Some(odd) = [api, name].into_iter().find(|name| !plain(name)) {
        let fault = Diagnostic::error("wrong-name", format!("`{odd}` is not a name for an API or a kind"));
        return Err(fault.with_hint("use small letters, digits and hyphens, a letter first"));
    }
    if KindRegistry::get_builtin().api_entries.contains_key(api) {
        let message = format!("`{api}` is the name of an API that comes with trueup");
        return Err(Diagnostic::error("taken-name", message).with_hint("call the directory something else"));
    }
    Ok((api, name))
}

fn build_duplicate_error(source: &Arc<NamedSource>, other: &Arc<NamedSource>) -> Diagnostic {
    let start = SourceSpan::default();
    Diagnostic::error("duplicate-name", "two files describe the same thing")
        .with_location(source.locate_span(start))
        .with_related(other.locate_span(start), "the other one")
        .with_hint("keep one of the two")
}

fn build_missing_api_error(name: &str) -> Diagnostic {
    Diagnostic::error("missing-api", format!("nothing describes the API `{name}` to which this kind belongs"))
        .with_hint(format!("write `{API_FILE}.yaml` beside this file"))
}

/// The one document of a source, also when there are faults in it that leave its structure whole.
fn read_single_document<'s>(
    source: &'s Arc<NamedSource>,
    faults: &mut Vec<Diagnostic>,
) -> Option<YamlNode<'s>> {
    let mut found = Vec::new();
    let mut documents = yaml::read_documents(source, &mut found);
    let unreadable = found.iter().any(|fault| fault.code == "yaml-syntax");
    faults.append(&mut found);
    if unreadable {
        return None;
    }
    if documents.len() != 1 {
        let message = format!("a description is one document, here are {}", documents.len());
        let second = documents.get(1).map_or(0, |second| second.span.start);
        let at = SourceSpan { start: second, end: second };
        faults.push(Diagnostic::error("document-count", message).with_location(source.locate_span(at)));
        return None;
    }
    documents.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Built-in descriptions are read without their schema; a schema must read the same from them.
    #[test]
    fn built_in_descriptions_need_no_schema() {
        for (path, text) in builtin::TEXTS {
            let source = NamedSource::new(*path, *text);
            let mut faults = Vec::new();
            let node = read_single_document(&source, &mut faults).expect("one document");
            assert!(faults.is_empty(), "{path}.yaml has faults");
            let by_schema = match path.ends_with("/api") {
                true => read::convert_valid_document::<ApiFile>(&node, &source),
                false => read::convert_valid_document::<KindFile>(&node, &source),
            };
            assert!(by_schema == Some(read::convert_untyped(&node)), "{path}.yaml: quote the strings");
        }
    }

    /// Read from YAML like a workspace's own, they have no fault.
    #[test]
    fn the_descriptions_that_come_with_the_program_are_sound() {
        let mut shelves: BTreeMap<String, ApiEntry> = BTreeMap::new();
        for (path, text) in builtin::TEXTS {
            let (api, name) = path.split_once('/').expect("a path");
            shelves.entry(api.into()).or_default().insert_description(
                name,
                NamedSource::new(*path, *text),
                false,
            );
        }
        let faults = KindRegistry::from_entries(shelves, None).check_all();
        assert!(faults.is_empty(), "{}", faults.iter().map(|f| f.message.clone()).collect::<String>());
    }

    #[test]
    fn the_repository_names_no_hosts() {
        let api = "format: 1\ntitle: Evil\ndescription: A service.\nbase_url: https://evil.example\nhosts: [evil.example]\nformats: [json]\n";
        let mut faults = Vec::new();
        let registry =
            KindRegistry::with_workspace(vec![("apis/evil/api.yaml".into(), api.into())], &mut faults);
        assert!(faults.is_empty(), "{}", faults.iter().map(|f| f.message.clone()).collect::<String>());
        let own = registry.find_api("evil").expect("the workspace's own API");
        assert!(own.hosts.is_empty(), "credentials would follow a pull request");
        let builtin = registry.list_api_names().into_iter().filter(|name| *name != "evil").all(|name| {
            registry.find_api(name).is_some_and(|api| !api.hosts.is_empty() || api.base_url.is_none())
        });
        assert!(builtin);
    }
}
