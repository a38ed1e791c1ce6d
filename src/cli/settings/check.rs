//! A target against the API that it names: format, address, scope.
//!
//! What the target leaves out comes from the API's description here, so nobody above asks again.
//! Deliberately absent: whether the service is there and takes the credentials.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::address;
use super::file::{ScopeFile, TargetFile};
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::document::read::Reading;
use crate::document::spec::unfit;
use crate::kind::leaf::Token;
use crate::kind::registry::Registry;
use crate::kind::{Api, FormatWord, Kind, Leaf};
use crate::yaml::Entry;

/// One target under check.
pub struct Checking<'c, 'r> {
    pub entry: &'c Entry<'c>,
    pub registry: &'c Registry,
    pub reading: &'c mut Reading<'r>,
}

impl Checking<'_, '_> {
    /// The API that the target names.
    pub fn api(&mut self, file: &TargetFile) -> Option<Arc<Api>> {
        let api = self.registry.api(&file.api);
        if api.is_none() {
            let mut fault = Diagnostic::error("unknown-api", format!("there is no API `{}`", file.api));
            fault.hint = did_you_mean(&file.api, self.registry.apis());
            self.reading.put(self.span("/api"), fault);
        }
        api
    }

    /// Where the service is: as written, or the API's own address.
    pub fn base_url(&mut self, file: &TargetFile, api: &Api) -> Option<Url> {
        if file.base_url.is_some() {
            return address::read(self.entry.value.at("/base_url")?, "base_url", self.reading);
        }
        let own = api.base_url.as_deref().and_then(|url| Url::parse(url).ok());
        if own.is_none() {
            let message = format!("the target `{}` has no `base_url`", self.entry.key);
            let hint =
                format!("the API `{}` has no address of its own; write where your service is", api.name);
            self.reading.put(self.entry.key_span, Diagnostic::error("missing-key", message).hint(hint));
        }
        own
    }

    /// The wire format: as written, or the API's first.
    pub fn format(&mut self, file: &TargetFile, api: &Api) -> Option<FormatWord> {
        let Some(format) = file.format else { return api.formats.first().copied() };
        if api.formats.contains(&format) {
            return Some(format);
        }
        let known: Vec<_> = api.formats.iter().map(|format| word_of(*format)).collect();
        let message = format!("the API `{}` does not speak `{}`", api.name, word_of(format));
        let fault = Diagnostic::error("wrong-format", message);
        self.reading.put(self.span("/format"), fault.hint(format!("it speaks: {}", known.join(", "))));
        None
    }

    /// The scope as texts, each known to a kind of the API and of the type that the kind says.
    pub fn scope(&mut self, file: BTreeMap<String, ScopeFile>, api: &Api) -> Vec<(Arc<str>, String)> {
        let own = format!("{}/", api.name);
        let names = self.registry.kinds().iter().filter(|name| name.starts_with(&own));
        let kinds: Vec<Arc<Kind>> = names.filter_map(|name| self.registry.kind(name)).collect();
        file.into_iter().filter_map(|(name, value)| self.parameter(name, value, &kinds)).collect()
    }

    fn parameter(
        &mut self,
        name: String,
        value: ScopeFile,
        kinds: &[Arc<Kind>],
    ) -> Option<(Arc<str>, String)> {
        let text = match value {
            ScopeFile::Text(text) => text,
            ScopeFile::Whole(number) => number.to_string(),
        };
        let types: Vec<&Leaf> =
            kinds.iter().filter_map(|kind| kind.scope_named(&name)).map(|scope| &scope.ty).collect();
        if types.is_empty() {
            let known = kinds.iter().flat_map(|kind| &kind.scope).map(|scope| &*scope.name);
            let message = format!("no kind of this API has a scope `{name}`");
            let mut fault = Diagnostic::error("unknown-scope", message);
            fault.hint = did_you_mean(&name, known);
            self.reading.put(self.parameter_span(&name, true), fault);
            return None;
        }
        let mut unfitting =
            types.into_iter().filter_map(|leaf| Some((leaf, leaf.read(Token::Text(&text)).err()?)));
        if let Some((leaf, mismatch)) = unfitting.next() {
            self.reading.put(self.parameter_span(&name, false), unfit(&name, leaf, mismatch));
            return None;
        }
        Some((name.into(), text))
    }

    fn parameter_span(&self, name: &str, key: bool) -> Span {
        let entries = self.entry.value.get("scope").map_or(&[][..], |scope| scope.entries());
        let entry = entries.iter().find(|entry| entry.key == name);
        entry.map_or(self.entry.key_span, |entry| if key { entry.key_span } else { entry.value.span })
    }

    fn span(&self, pointer: &str) -> Span {
        self.entry.value.at(pointer).map_or(self.entry.key_span, |node| node.span)
    }
}

/// The word in settings.
fn word_of(format: FormatWord) -> &'static str {
    match format {
        FormatWord::Json => "json",
        FormatWord::Jsv => "jsv",
    }
}
