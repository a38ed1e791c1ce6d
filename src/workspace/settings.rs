//! `trueup.yaml`: to which services a workspace speaks, and where its documents are.
//!
//! Read with all faults and their places. Credentials come first ([`auth`]), then the form of everything
//! ([`file`]), then each target against the API that it names; a faulty target does not hide the others.
//! Deliberately absent: values of credentials, and whether a host may be spoken to at all.

mod address;
pub mod auth;
mod auth_check;
mod check;
mod composition;
pub mod composition_file;
pub mod connection;
pub mod file;
mod lease;
mod receipts;

use std::path::Path;
use std::sync::Arc;

use url::Url;

use crate::compose::settings::{CompositionSettings, ValueContent};
use crate::compose::values::ValueTable;
use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan, has_errors};
use crate::document::source_reader::SourceReader;
use crate::document::spec::diagnose_mismatch;
use crate::document::{ServiceNames, ValueSource};
use crate::kind::read::read_typed;
use crate::kind::registry::KindRegistry;
use crate::kind::scalar::ScalarToken;
use crate::kind::{Api, ScalarType, WireFormat};
use crate::output_filter::hide_texts;
use crate::remote::target::{Target, normalize_base_url};
use crate::remote::target_client::TargetOrigin;
use crate::workspace::secret_provider::SecretProvider;
use crate::workspace::secrets::{ResolvedSecrets, SecretEnvironment};
use crate::workspace::settings::auth::{
    AccessSettings, AuthSettings, CredentialPurpose, CredentialReader, CredentialSource,
};
use crate::workspace::settings::composition::ScopeValue;
use crate::workspace::settings::connection::ConnectionSettings;
use crate::workspace::settings::file::{
    NotifyEvent, NotifyFile, NotifyFormat, SecretProviderFile, SettingsFile,
};
pub use crate::workspace::settings::lease::LeaseSettings;
pub use crate::workspace::settings::receipts::ReceiptSettings;
use crate::yaml;
use crate::yaml::{YamlEntry, YamlNode};

/// The name of the settings file.
pub const SETTINGS_FILE_NAME: &str = "trueup.yaml";
/// Requests under way at once, where neither target nor API says.
const DEFAULT_PARALLELISM: u32 = 10;

/// The settings of a workspace, as far as they could be read.
pub struct WorkspaceSettings {
    pub source: Arc<NamedSource>,
    /// Those without faults, in the order in which they were written.
    pub targets: Vec<TargetSettings>,
    /// Patterns of paths, with where they stand.
    pub documents: Vec<(String, SourceLocation)>,
    /// Webhooks, as far as they could be read.
    pub notify: Vec<NotifySettings>,
    /// Whether a workspace without any document is no error.
    pub allow_empty: bool,
    /// Whether reports tell the domains of mail addresses.
    pub mail_domains: bool,
    /// How receipts are kept.
    pub receipts: ReceiptSettings,
    /// Providers of secrets.
    pub secrets: Vec<SecretProvider>,
    /// What documents are composed by.
    pub composition: Arc<CompositionSettings>,
    /// Whether something in the file is wrong, so that a missing target may only be a broken one.
    pub has_errors: bool,
}

/// A webhook that gets the results of runs.
pub struct NotifySettings {
    pub url: CredentialSource,
    pub secret: Option<CredentialSource>,
    pub format: NotifyFormat,
    pub events: Vec<NotifyEvent>,
}

/// One target, checked against its API.
pub struct TargetSettings {
    pub name: Arc<str>,
    /// Where the name stands.
    pub span: SourceSpan,
    pub api: Arc<Api>,
    pub base_url: Url,
    pub format: WireFormat,
    pub auth: AccessSettings,
    pub connection: ConnectionSettings,
    /// Texts until a kind says their type.
    pub scope: Vec<(Arc<str>, String)>,
    /// Parameters whose texts are values of the environment.
    pub scope_values: Vec<ScopeValue>,
    /// The environment that it belongs to.
    pub environment: Option<Arc<str>>,
    pub parallelism: Option<u32>,
    pub carry_nested: bool,
    pub lease: Option<LeaseSettings>,
    pub personal: bool,
}

/// Reads the settings.
pub fn read_settings(
    source: &Arc<NamedSource>,
    registry: &KindRegistry,
    faults: &mut Vec<Diagnostic>,
) -> WorkspaceSettings {
    let mut found = Vec::new();
    let nodes = yaml::read_documents(source, &mut found);
    let mut reading = SourceReader::new(source, &mut found);
    if let Some(second) = nodes.get(1) {
        let fault =
            Diagnostic::error("document-count", format!("{SETTINGS_FILE_NAME} holds more than one document"));
        let start = SourceSpan { end: second.span.start, ..second.span };
        reading.add_diagnostic(start, fault.with_hint("keep one of them"));
    }
    let root = nodes.first().filter(|node| !node.is_null());
    let (targets, notify) =
        root.map_or_else(Default::default, |root| read_sections(root, registry, &mut reading));
    let documents = read_patterns(root, source);
    let word = root.and_then(|root| root.get_value("mail_domains")).and_then(YamlNode::as_scalar);
    let mail_domains = word == Some("show");
    let allow_empty = root.and_then(|root| root.get_value("allow_empty")).and_then(YamlNode::as_scalar);
    let receipts = receipts::read_receipt_settings(root, &mut SourceReader::new(source, &mut found));
    let secrets = root.map_or_else(Vec::new, |root| read_providers(root, source));
    let mut reader = SourceReader::new(source, &mut found);
    let composition = Arc::new(composition::read_composition(root, registry, &mut reader));
    let mut targets = targets;
    for target in &mut targets {
        target.environment = composition.find_target_environment(&target.name).cloned();
    }
    let faulty = has_errors(&found);
    faults.append(&mut found);
    WorkspaceSettings {
        source: Arc::clone(source),
        targets,
        documents,
        notify,
        allow_empty: allow_empty == Some("true"),
        mail_domains,
        receipts,
        secrets,
        composition,
        has_errors: faulty,
    }
}

fn read_sections(
    root: &YamlNode,
    registry: &KindRegistry,
    reading: &mut SourceReader,
) -> (Vec<TargetSettings>, Vec<NotifySettings>) {
    let entries = root.get_value("targets").map_or(&[][..], YamlNode::entries);
    let mut keyring = CredentialReader::new(reading);
    let opened: Vec<ParsedConnection> =
        entries.iter().map(|entry| ParsedConnection::new(&entry.value, &mut keyring)).collect();
    let hooks = root.get_value("notify").map_or(&[][..], YamlNode::items);
    let hooks: Vec<_> = hooks.iter().map(|hook| read_webhook(hook, &mut keyring)).collect();
    let claimed = keyring.claimed_spans;
    let mut formal = Vec::new();
    let file = read_typed::<SettingsFile>(root, reading.source, &mut formal);
    let words = file.map(|file| file.notify).unwrap_or_default();
    // where a credential should stand, all is said already
    formal.retain(|fault| !fault.location.as_ref().is_some_and(|place| is_within(place.span, &claimed)));
    reading.diagnostics.append(&mut formal);
    let each = entries.iter().zip(opened);
    let targets = each.filter_map(|(entry, opened)| read_target(entry, opened, registry, reading)).collect();
    let hook = |((url, secret), file): ((Option<CredentialSource>, Option<CredentialSource>), NotifyFile)| {
        Some(NotifySettings { url: url?, secret, format: file.format, events: file.on })
    };
    (targets, hooks.into_iter().zip(words).filter_map(hook).collect())
}

/// The providers of secrets; what is wrong with their form was said with the rest of the file.
fn read_providers(root: &YamlNode, source: &Arc<NamedSource>) -> Vec<SecretProvider> {
    let entries = root.get_value("secrets").map_or(&[][..], YamlNode::entries);
    let provider = |entry: &YamlEntry| {
        let file = read_typed::<SecretProviderFile>(&entry.value, source, &mut Vec::new())?;
        let is_complete = file.command.first().is_some_and(|program| !program.is_empty());
        let place = source.locate_span(entry.key_span);
        is_complete.then(|| SecretProvider::new(&entry.key, file, place))
    };
    entries.iter().filter_map(provider).collect()
}

/// The address and the secret of a webhook.
fn read_webhook(
    node: &YamlNode,
    keyring: &mut CredentialReader,
) -> (Option<CredentialSource>, Option<CredentialSource>) {
    let (mut url, mut secret) = (None, None);
    for entry in node.entries() {
        match &*entry.key {
            "url" => url = keyring.read_credential(entry),
            "secret" => secret = keyring.read_credential(entry),
            _ => {}
        }
    }
    (url, secret)
}

/// What of a target may hold a credential, right or wrong; read before anything is said about the rest.
struct ParsedConnection {
    auth: AccessSettings,
    /// Nothing when none is written, and nothing in it when it is faulty.
    base_url: Option<Option<Url>>,
    connection: ConnectionSettings,
}

impl ParsedConnection {
    fn new(target: &YamlNode, keyring: &mut CredentialReader) -> Self {
        let auth =
            target.get_value("auth").map_or_else(AccessSettings::default, |node| keyring.read_access(node));
        let connection = ConnectionSettings::read(target, keyring);
        let base_url = target.get_value("base_url").filter(|node| !node.is_null());
        let base_url = base_url.map(|node| address::read_url(node, "base_url", keyring.reading));
        Self { auth, base_url, connection }
    }
}

fn is_within(span: SourceSpan, claimed: &[SourceSpan]) -> bool {
    claimed.iter().any(|outer| outer.start <= span.start && span.end <= outer.end)
}

/// A target, checked against its API.
fn read_target(
    entry: &YamlEntry,
    ParsedConnection { mut auth, base_url, connection }: ParsedConnection,
    registry: &KindRegistry,
    reading: &mut SourceReader,
) -> Option<TargetSettings> {
    let mut checking = check::TargetChecker { entry, registry, reading };
    let api = checking.find_api()?;
    let base_url = checking.resolve_base_url(base_url, &api);
    auth.check_auth(&api, base_url.as_ref(), checking.reading);
    let format = checking.read_format(&api);
    let mut scope_values = Vec::new();
    let scope = checking.read_scope(&api, &mut scope_values);
    Some(TargetSettings {
        name: (&*entry.key).into(),
        span: entry.key_span,
        base_url: base_url?,
        format: format?,
        auth,
        connection,
        scope,
        scope_values,
        environment: None,
        parallelism: checking.read_parallelism(),
        carry_nested: checking.read_carry_nested(),
        lease: checking.read_lease(),
        personal: checking.read_personal(),
        api,
    })
}

fn read_patterns(root: Option<&YamlNode>, source: &Arc<NamedSource>) -> Vec<(String, SourceLocation)> {
    match root.and_then(|root| root.get_value("documents")) {
        Some(node) => {
            let pattern =
                |item: &YamlNode| Some((item.as_scalar()?.to_owned(), source.locate_span(item.span)));
            node.items().iter().filter_map(pattern).collect()
        }
        None => {
            let place = || source.locate_span(SourceSpan::default());
            file::default_documents().into_iter().map(|pattern| (pattern, place())).collect()
        }
    }
}

impl WorkspaceSettings {
    /// Where secrets are read for a run of this process.
    pub fn build_secret_environment<'w>(&'w self, root: &'w Path) -> SecretEnvironment<'w> {
        SecretEnvironment { providers: &self.secrets, ..SecretEnvironment::from_process(root) }
    }

    /// For each target, the first one that is the same service: one address, and credentials from the same sources.
    pub fn list_services(&self) -> ServiceNames {
        let addresses: Vec<_> = self.targets.iter().map(|own| normalize_base_url(&own.base_url)).collect();
        let located = || self.targets.iter().zip(&addresses);
        let find_first = |(own, address): (&TargetSettings, &String)| {
            let mut same = located().filter(|(_, other)| *other == address).map(|(other, _)| other);
            let first = same.find(|other| own.auth.is_same_account(&other.auth))?;
            Some((Arc::clone(&own.name), Arc::clone(&first.name)))
        };
        located().filter_map(find_first).collect()
    }

    /// Puts values in the scopes of targets.
    pub fn resolve_scope_values(&mut self, values: &ValueTable, faults: &mut Vec<Diagnostic>) {
        let needs_environment = !self.composition.environments.is_empty();
        for target in &mut self.targets {
            if needs_environment && target.environment.is_none() {
                continue;
            }
            for own in target.scope_values.clone() {
                match find_scope_text(&own, values, target.environment.as_deref()) {
                    Ok(text) => target.scope.push((Arc::clone(&own.parameter), text)),
                    Err(fault) => {
                        self.has_errors = true;
                        faults.push(fault.with_location(self.source.locate_span(own.span)));
                    }
                }
            }
        }
    }
}

/// The text of a scope parameter that is a value.
fn find_scope_text(
    own: &ScopeValue,
    values: &ValueTable,
    environment: Option<&str>,
) -> Result<String, Diagnostic> {
    let found = values.find_value(&own.name, environment)?;
    let ValueContent::Scalar { text, .. } = &found.setting.content else {
        let message = format!("the value `{}` comes from outside, which a scope cannot", own.name);
        return Err(Diagnostic::error("wrong-value-sensitivity", message)
            .with_related(found.locate(), "the value is set here")
            .with_hint("write the value itself"));
    };
    let mismatch = |scalar_type: &ScalarType| {
        Some((scalar_type.clone(), scalar_type.read_token(ScalarToken::String(text)).err()?))
    };
    match own.types.iter().find_map(mismatch) {
        Some((scalar_type, mismatch)) => Err(diagnose_mismatch(&own.parameter, &scalar_type, mismatch)
            .with_related(found.locate(), "the value is set here")),
        None => Ok(text.to_string()),
    }
}

impl TargetSettings {
    /// Where what a connection for a purpose needs comes from; nothing of it where there are no credentials for it.
    pub fn list_credentials(&self, purpose: CredentialPurpose) -> Vec<&CredentialSource> {
        let auth = self.auth.select_auth(purpose);
        auth.map(|auth| self.add_connection_sources(auth.list_credentials())).unwrap_or_default()
    }

    /// The same for every purpose.
    pub fn list_all_credentials(&self) -> Vec<&CredentialSource> {
        self.add_connection_sources(self.auth.list_credentials())
    }

    fn add_connection_sources<'c>(
        &'c self,
        credentials: Vec<&'c CredentialSource>,
    ) -> Vec<&'c CredentialSource> {
        credentials.into_iter().chain(self.connection.list_sources()).collect()
    }

    /// The sources of user names among them.
    pub fn list_user_names(&self, purpose: CredentialPurpose) -> Vec<&CredentialSource> {
        self.auth.select_auth(purpose).map(AuthSettings::list_user_names).unwrap_or_default()
    }

    /// Takes the credentials out of every output. The name of a user is in many places, and stays.
    fn hide_credentials(&self, secrets: &ResolvedSecrets, purpose: CredentialPurpose) {
        let (all, names) = (self.list_credentials(purpose), self.list_user_names(purpose));
        let is_one =
            |list: &[&CredentialSource], source: &ValueSource| list.iter().any(|own| own.source == *source);
        hide_texts(secrets.list_texts(|source| is_one(&all, source) && !is_one(&names, source)));
    }

    /// Where in the target an error of this code is caused.
    pub fn find_span(&self, code: &str) -> SourceSpan {
        self.connection.find_span(code).or_else(|| self.auth.find_span(code)).unwrap_or(self.span)
    }

    /// Where the target and its credentials are written.
    pub fn locate_origin(&self, source: &Arc<NamedSource>) -> TargetOrigin {
        let credentials = self.auth.list_credentials();
        let mut sources: Vec<String> = credentials.iter().map(|own| own.source.to_string()).collect();
        sources.dedup();
        TargetOrigin {
            target: source.locate_span(self.span),
            proxy: source.locate_span(self.find_span("proxy-refused")),
            credentials: credentials.first().map(|own| source.locate_span(own.span)),
            sources,
        }
    }

    /// Why the target is not there for a purpose.
    pub fn diagnose_missing_credentials(
        &self,
        purpose: CredentialPurpose,
        source: &Arc<NamedSource>,
    ) -> Option<Diagnostic> {
        let message = format!("the target `{}` has no credentials that write", self.name);
        let fault =
            Diagnostic::error("read-only-target", message).with_location(source.locate_span(self.span));
        self.auth
            .select_auth(purpose)
            .is_none()
            .then(|| fault.with_hint("write `write` beside `read` in its `auth`"))
    }

    /// The target with its credentials in place; nothing when one of them is unknown, which was reported when
    /// it was looked up. `parallelism` overrides the target's own; the API's limit stays the upper one.
    pub fn build_target(
        &self,
        secrets: &ResolvedSecrets,
        secret_environment: &SecretEnvironment,
        purpose: CredentialPurpose,
        parallelism: Option<u32>,
    ) -> Option<Target> {
        self.hide_credentials(secrets, purpose);
        let limit = self.api.limits.parallelism;
        let wanted = parallelism.or(self.parallelism).or(limit).unwrap_or(DEFAULT_PARALLELISM);
        Some(Target {
            name: Arc::clone(&self.name),
            api: Arc::clone(&self.api),
            base_url: self.base_url.clone(),
            format: self.format,
            auth: self.auth.select_auth(purpose)?.resolve_renewable(secrets, secret_environment)?,
            connection: self.connection.resolve_secrets(secrets)?,
            scope: self.scope.clone(),
            parallelism: wanted.min(limit.unwrap_or(wanted)).max(1),
            also_send_nested: self.carry_nested,
            write_personal: self.personal,
        })
    }
}
