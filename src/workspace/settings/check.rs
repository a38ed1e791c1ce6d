//! A target against the API that it names: format, address, scope.
//!
//! What the target leaves out comes from the API's description here, so no one above asks again.
//! Deliberately absent: whether the service is there and takes the credentials.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::diagnostic::{Diagnostic, suggest_word};
use crate::document::source_reader::SourceReader;
use crate::document::spec::diagnose_mismatch;
use crate::kind::read::read_typed;
use crate::kind::registry::KindRegistry;
use crate::kind::scalar::ScalarToken;
use crate::kind::{Api, Kind, ScalarType, WireFormat};
use crate::workspace::settings::address;
use crate::workspace::settings::composition::ScopeValue;
use crate::workspace::settings::file::LeaseFile;
use crate::workspace::settings::lease::LeaseSettings;
use crate::yaml::{YamlEntry, YamlNode, parse_boolean};

/// One target under check.
pub struct TargetChecker<'c, 'r> {
    pub entry: &'c YamlEntry<'c>,
    pub registry: &'c KindRegistry,
    pub reading: &'c mut SourceReader<'r>,
}

impl<'c> TargetChecker<'c, '_> {
    /// The API that the target names.
    pub fn find_api(&mut self) -> Option<Arc<Api>> {
        let node = self.find_node("api")?;
        let name = node.as_scalar()?;
        let api = self.registry.find_api(name);
        if api.is_none() {
            let mut fault =
                Diagnostic::error("unknown-api", format!("there is no API `{}`", name.escape_debug()));
            fault.hint = suggest_word(name, self.registry.list_api_names());
            self.reading.add_diagnostic(node.span, fault);
        }
        api
    }

    /// Where the service is: as written, or the API's own address.
    pub fn resolve_base_url(&mut self, written: Option<Option<Url>>, api: &Api) -> Option<Url> {
        if let Some(url) = written {
            return url;
        }
        let own =
            api.base_url.as_deref().and_then(|url| Url::parse(url).ok()).map(address::trim_trailing_slash);
        if own.is_none() {
            let message = format!("the target `{}` has no `base_url`", self.entry.key);
            let hint =
                format!("the API `{}` has no address of its own; write where your service is", api.name);
            self.reading.add_diagnostic(
                self.entry.key_span,
                Diagnostic::error("missing-key", message).with_hint(hint),
            );
        }
        own
    }

    /// The wire format: as written, or the API's first.
    pub fn read_format(&mut self, api: &Api) -> Option<WireFormat> {
        let Some(node) = self.find_node("format") else { return api.formats.first().copied() };
        let format: WireFormat = read_typed(node, self.reading.source, &mut Vec::new())?;
        if api.formats.contains(&format) {
            return Some(format);
        }
        let known: Vec<_> = api.formats.iter().map(|format| name_format(*format)).collect();
        let message = format!("the API `{}` does not speak `{}`", api.name, name_format(format));
        let fault = Diagnostic::error("wrong-format", message);
        self.reading.add_diagnostic(node.span, fault.with_hint(format!("it speaks: {}", known.join(", "))));
        None
    }

    /// The most requests under way at once, where it is written.
    pub fn read_parallelism(&self) -> Option<u32> {
        self.find_node("parallelism")?.as_scalar()?.parse().ok()
    }

    /// Whether unchanged nested fields ride along.
    pub fn read_carry_nested(&self) -> bool {
        self.find_node("carry_nested").and_then(YamlNode::as_scalar).and_then(parse_boolean).unwrap_or(true)
    }

    /// The lease that an apply takes, where one is written.
    pub fn read_lease(&self) -> Option<LeaseSettings> {
        let node = self.find_node("lease")?;
        let file: LeaseFile = read_typed(node, self.reading.source, &mut Vec::new())?;
        let time = Duration::from_secs(file.seconds.into());
        Some(LeaseSettings { directory: file.directory, duration: time, span: node.span })
    }

    /// Whether personal values of documents are written.
    pub fn read_personal(&self) -> bool {
        self.find_node("personal").and_then(YamlNode::as_scalar) == Some("write")
    }

    /// The scope as texts, each known to a kind of the API and of the type that the kind says.
    pub fn read_scope(&mut self, api: &Api, values: &mut Vec<ScopeValue>) -> Vec<(Arc<str>, String)> {
        let entries = self.find_node("scope").map_or(&[][..], YamlNode::entries);
        if entries.is_empty() {
            // a kind that no one asks for is not read
            return Vec::new();
        }
        let own = format!("{}/", api.name);
        let names = self.registry.kind_names().iter().filter(|name| name.starts_with(&own));
        let kinds: Vec<Arc<Kind>> = names.filter_map(|name| self.registry.find_kind(name)).collect();
        entries.iter().filter_map(|entry| self.read_scope_parameter(entry, &kinds, values)).collect()
    }

    fn read_scope_parameter(
        &mut self,
        entry: &YamlEntry,
        kinds: &[Arc<Kind>],
        values: &mut Vec<ScopeValue>,
    ) -> Option<(Arc<str>, String)> {
        let name = &*entry.key;
        let types: Vec<&ScalarType> =
            kinds.iter().filter_map(|kind| kind.find_scope_parameter(name)).map(|scope| &scope.ty).collect();
        if types.is_empty() {
            let known: BTreeSet<&str> =
                kinds.iter().flat_map(|kind| &kind.scope).map(|scope| &*scope.name).collect();
            let message = format!("no kind of this API has a scope `{}`", name.escape_debug());
            let mut fault = Diagnostic::error("unknown-scope", message);
            fault.hint = suggest_word(name, known);
            self.reading.add_diagnostic(entry.key_span, fault);
            return None;
        }
        if let Some(value) = entry.value.get_value("value").and_then(YamlNode::as_scalar) {
            let types = types.into_iter().cloned().collect();
            let (parameter, name) = (name.into(), value.to_owned());
            values.push(ScopeValue { parameter, name, span: entry.value.span, types });
            return None;
        }
        let text = entry.value.as_scalar().filter(|_| !entry.value.is_null())?;
        let mut unfitting = types.into_iter().filter_map(|scalar_type| {
            Some((scalar_type, scalar_type.read_token(ScalarToken::String(text)).err()?))
        });
        if let Some((scalar_type, mismatch)) = unfitting.next() {
            self.reading.add_diagnostic(entry.value.span, diagnose_mismatch(name, scalar_type, mismatch));
            return None;
        }
        Some((name.into(), text.to_owned()))
    }

    /// What stands under a key of the target; its form is checked with that of the whole file.
    fn find_node(&self, key: &str) -> Option<&'c YamlNode<'c>> {
        self.entry.value.get_value(key).filter(|node| !node.is_null())
    }
}

/// The word in settings.
fn name_format(format: WireFormat) -> &'static str {
    match format {
        WireFormat::Json => "json",
        WireFormat::Jsv => "jsv",
    }
}
