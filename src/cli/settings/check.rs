//! A target against the API that it names: format, address, scope.
//!
//! What the target leaves out comes from the API's description here, so nobody above asks again.
//! Deliberately absent: whether the service is there and takes the credentials.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::file::LeaseFile;
use super::{LeaseSettings, address};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::document::read::Reading;
use crate::document::spec::unfit;
use crate::kind::leaf::Token;
use crate::kind::read::typed;
use crate::kind::registry::Registry;
use crate::kind::{Api, FormatWord, Kind, Leaf};
use crate::yaml::{Entry, Node, flag_word};

/// One target under check.
pub struct Checking<'c, 'r> {
    pub entry: &'c Entry<'c>,
    pub registry: &'c Registry,
    pub reading: &'c mut Reading<'r>,
}

impl<'c> Checking<'c, '_> {
    /// The API that the target names.
    pub fn api(&mut self) -> Option<Arc<Api>> {
        let node = self.written("api")?;
        let name = node.scalar()?;
        let api = self.registry.api(name);
        if api.is_none() {
            let mut fault =
                Diagnostic::error("unknown-api", format!("there is no API `{}`", name.escape_debug()));
            fault.hint = did_you_mean(name, self.registry.apis());
            self.reading.put(node.span, fault);
        }
        api
    }

    /// Where the service is: as written, or the API's own address.
    pub fn base_url(&mut self, written: Option<Option<Url>>, api: &Api) -> Option<Url> {
        if let Some(url) = written {
            return url;
        }
        let own = api.base_url.as_deref().and_then(|url| Url::parse(url).ok()).map(address::plain);
        if own.is_none() {
            let message = format!("the target `{}` has no `base_url`", self.entry.key);
            let hint =
                format!("the API `{}` has no address of its own; write where your service is", api.name);
            self.reading.put(self.entry.key_span, Diagnostic::error("missing-key", message).hint(hint));
        }
        own
    }

    /// The wire format: as written, or the API's first.
    pub fn format(&mut self, api: &Api) -> Option<FormatWord> {
        let Some(node) = self.written("format") else { return api.formats.first().copied() };
        let format: FormatWord = typed(node, self.reading.source, &mut Vec::new())?;
        if api.formats.contains(&format) {
            return Some(format);
        }
        let known: Vec<_> = api.formats.iter().map(|format| word_of(*format)).collect();
        let message = format!("the API `{}` does not speak `{}`", api.name, word_of(format));
        let fault = Diagnostic::error("wrong-format", message);
        self.reading.put(node.span, fault.hint(format!("it speaks: {}", known.join(", "))));
        None
    }

    /// The most requests under way at once, where it is written.
    pub fn parallelism(&self) -> Option<u32> {
        self.written("parallelism")?.scalar()?.parse().ok()
    }

    /// Whether unchanged nested fields ride along.
    pub fn carry_nested(&self) -> bool {
        self.written("carry_nested").and_then(Node::scalar).and_then(flag_word).unwrap_or(true)
    }

    /// The lease that an apply takes, where one is written.
    pub fn lease(&self) -> Option<LeaseSettings> {
        let node = self.written("lease")?;
        let file: LeaseFile = typed(node, self.reading.source, &mut Vec::new())?;
        let time = Duration::from_secs(file.seconds.into());
        Some(LeaseSettings { directory: file.directory, time, span: node.span })
    }

    /// Whether personal values of documents are written.
    pub fn personal(&self) -> bool {
        self.written("personal").and_then(Node::scalar) == Some("write")
    }

    /// The scope as texts, each known to a kind of the API and of the type that the kind says.
    pub fn scope(&mut self, api: &Api) -> Vec<(Arc<str>, String)> {
        let entries = self.written("scope").map_or(&[][..], Node::entries);
        if entries.is_empty() {
            // a kind that nobody asks for is not read
            return Vec::new();
        }
        let own = format!("{}/", api.name);
        let names = self.registry.kinds().iter().filter(|name| name.starts_with(&own));
        let kinds: Vec<Arc<Kind>> = names.filter_map(|name| self.registry.kind(name)).collect();
        entries.iter().filter_map(|entry| self.parameter(entry, &kinds)).collect()
    }

    fn parameter(&mut self, entry: &Entry, kinds: &[Arc<Kind>]) -> Option<(Arc<str>, String)> {
        let (name, text) = (&*entry.key, entry.value.scalar().filter(|_| !entry.value.is_null())?);
        let types: Vec<&Leaf> =
            kinds.iter().filter_map(|kind| kind.scope_named(name)).map(|scope| &scope.ty).collect();
        if types.is_empty() {
            let known: BTreeSet<&str> =
                kinds.iter().flat_map(|kind| &kind.scope).map(|scope| &*scope.name).collect();
            let message = format!("no kind of this API has a scope `{}`", name.escape_debug());
            let mut fault = Diagnostic::error("unknown-scope", message);
            fault.hint = did_you_mean(name, known);
            self.reading.put(entry.key_span, fault);
            return None;
        }
        let mut unfitting =
            types.into_iter().filter_map(|leaf| Some((leaf, leaf.read(Token::Text(text)).err()?)));
        if let Some((leaf, mismatch)) = unfitting.next() {
            self.reading.put(entry.value.span, unfit(name, leaf, mismatch));
            return None;
        }
        Some((name.into(), text.to_owned()))
    }

    /// What stands under a key of the target; its form is checked with that of the whole file.
    fn written(&self, key: &str) -> Option<&'c Node<'c>> {
        self.entry.value.get(key).filter(|node| !node.is_null())
    }
}

/// The word in settings.
fn word_of(format: FormatWord) -> &'static str {
    match format {
        FormatWord::Json => "json",
        FormatWord::Jsv => "jsv",
    }
}
