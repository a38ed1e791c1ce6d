//! `trueup.yaml`: to which services a workspace speaks, and where its documents are.
//!
//! Read with all faults and their places. Credentials come first ([`auth`]), then the form of everything
//! ([`file`]), then each target against the API that it names; a faulty target does not hide the others.
//! Deliberately absent: values of credentials, and whether a host may be spoken to at all.

mod address;
pub mod auth;
mod check;
pub mod file;
mod receipts;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use self::auth::{Access, Auth, Credential, Keyring, Purpose};
use self::file::{NotifyEvent, NotifyFile, NotifyFormat, SettingsFile};
pub use self::receipts::ReceiptSettings;
use super::slots::Secrets;
use crate::diagnostic::{Diagnostic, Place, Source, Span, any_error};
use crate::document::read::Reading;
use crate::kind::read::typed;
use crate::kind::registry::Registry;
use crate::kind::{Api, FormatWord};
use crate::remote::target::Target;
use crate::yaml::{self, Entry, Node};

/// The name of the settings file.
pub const NAME: &str = "trueup.yaml";
/// Requests under way at once, where neither target nor API says.
const PARALLELISM: u32 = 10;

/// The settings of a workspace, as far as they could be read.
pub struct Settings {
    pub source: Arc<Source>,
    /// Those without faults, in the order in which they were written.
    pub targets: Vec<TargetSettings>,
    /// Patterns of paths, with where they stand.
    pub documents: Vec<(String, Place)>,
    /// Webhooks, as far as they could be read.
    pub notify: Vec<NotifySettings>,
    /// Whether reports tell the domains of mail addresses.
    pub mail_domains: bool,
    /// How receipts are kept.
    pub receipts: ReceiptSettings,
    /// Whether something in the file is wrong, so that a missing target may only be a broken one.
    pub faulty: bool,
}

/// A webhook that is told of runs.
pub struct NotifySettings {
    pub url: Credential,
    pub secret: Option<Credential>,
    pub format: NotifyFormat,
    pub on: Vec<NotifyEvent>,
}

/// One target, checked against its API.
pub struct TargetSettings {
    pub name: Arc<str>,
    /// Where the name stands.
    pub span: Span,
    pub api: Arc<Api>,
    pub base_url: Url,
    pub format: FormatWord,
    pub auth: Access,
    /// Texts until a kind says their type.
    pub scope: Vec<(Arc<str>, String)>,
    pub parallelism: Option<u32>,
    pub carry_nested: bool,
    pub lease: Option<LeaseSettings>,
    pub personal: bool,
}

/// A lease that an apply takes before it writes to a target.
#[derive(Clone)]
pub struct LeaseSettings {
    /// Where it stands; none for the workspace's own memory.
    pub directory: Option<String>,
    pub time: Duration,
    /// Where it is written.
    pub span: Span,
}

/// Reads the settings.
pub fn read(source: &Arc<Source>, registry: &Registry, faults: &mut Vec<Diagnostic>) -> Settings {
    let mut found = Vec::new();
    let nodes = yaml::read(source, &mut found);
    let mut reading = Reading::new(source, &mut found);
    if let Some(second) = nodes.get(1) {
        let fault = Diagnostic::error("document-count", format!("{NAME} holds more than one document"));
        let start = Span { end: second.span.start, ..second.span };
        reading.put(start, fault.hint("keep one of them"));
    }
    let root = nodes.first().filter(|node| !node.is_null());
    let (targets, notify) = root.map_or_else(Default::default, |root| sections(root, registry, &mut reading));
    let documents = patterns(root, source);
    let word = root.and_then(|root| root.get("mail_domains")).and_then(Node::scalar);
    let mail_domains = word == Some("show");
    let receipts = receipts::read(root, &mut Reading::new(source, &mut found));
    let faulty = any_error(&found);
    faults.append(&mut found);
    Settings { source: Arc::clone(source), targets, documents, notify, mail_domains, receipts, faulty }
}

fn sections(
    root: &Node,
    registry: &Registry,
    reading: &mut Reading,
) -> (Vec<TargetSettings>, Vec<NotifySettings>) {
    let entries = root.get("targets").map_or(&[][..], Node::entries);
    let mut keyring = Keyring::new(reading);
    let opened: Vec<Opened> = entries.iter().map(|entry| Opened::new(&entry.value, &mut keyring)).collect();
    let hooks = root.get("notify").map_or(&[][..], Node::items);
    let hooks: Vec<_> = hooks.iter().map(|hook| hook_of(hook, &mut keyring)).collect();
    let claimed = keyring.claimed;
    let mut formal = Vec::new();
    let file = typed::<SettingsFile>(root, reading.source, &mut formal);
    let words = file.map(|file| file.notify).unwrap_or_default();
    // where a credential should stand, all is said already
    formal.retain(|fault| !fault.place.as_ref().is_some_and(|place| is_within(place.span, &claimed)));
    reading.faults.append(&mut formal);
    let each = entries.iter().zip(opened);
    let targets = each.filter_map(|(entry, opened)| target(entry, opened, registry, reading)).collect();
    let hook = |((url, secret), file): ((Option<Credential>, Option<Credential>), NotifyFile)| {
        Some(NotifySettings { url: url?, secret, format: file.format, on: file.on })
    };
    (targets, hooks.into_iter().zip(words).filter_map(hook).collect())
}

/// The address and the secret of a webhook.
fn hook_of(node: &Node, keyring: &mut Keyring) -> (Option<Credential>, Option<Credential>) {
    let (mut url, mut secret) = (None, None);
    for entry in node.entries() {
        match &*entry.key {
            "url" => url = keyring.credential(entry),
            "secret" => secret = keyring.credential(entry),
            _ => {}
        }
    }
    (url, secret)
}

/// What of a target may hold a credential, right or wrong; read before anything is said about the rest.
struct Opened {
    auth: Access,
    /// Nothing when none is written, and nothing in it when it is faulty.
    base_url: Option<Option<Url>>,
}

impl Opened {
    fn new(target: &Node, keyring: &mut Keyring) -> Self {
        let auth = target.get("auth").map_or_else(Access::default, |node| keyring.access(node));
        let base_url = target.get("base_url").filter(|node| !node.is_null());
        Self { auth, base_url: base_url.map(|node| address::read(node, "base_url", keyring.reading)) }
    }
}

fn is_within(span: Span, claimed: &[Span]) -> bool {
    claimed.iter().any(|outer| outer.start <= span.start && span.end <= outer.end)
}

/// A target, checked against its API.
fn target(
    entry: &Entry,
    Opened { mut auth, base_url }: Opened,
    registry: &Registry,
    reading: &mut Reading,
) -> Option<TargetSettings> {
    let mut checking = check::Checking { entry, registry, reading };
    let api = checking.api()?;
    let base_url = checking.base_url(base_url, &api);
    auth.check(&api, base_url.as_ref(), checking.reading);
    let (format, scope) = (checking.format(&api), checking.scope(&api));
    Some(TargetSettings {
        name: (&*entry.key).into(),
        span: entry.key_span,
        base_url: base_url?,
        format: format?,
        auth,
        scope,
        parallelism: checking.parallelism(),
        carry_nested: checking.carry_nested(),
        lease: checking.lease(),
        personal: checking.personal(),
        api,
    })
}

fn patterns(root: Option<&Node>, source: &Arc<Source>) -> Vec<(String, Place)> {
    match root.and_then(|root| root.get("documents")) {
        Some(node) => {
            let pattern = |item: &Node| Some((item.scalar()?.to_owned(), source.place(item.span)));
            node.items().iter().filter_map(pattern).collect()
        }
        None => {
            let place = || source.place(Span::default());
            file::everywhere().into_iter().map(|pattern| (pattern, place())).collect()
        }
    }
}

impl TargetSettings {
    /// Where the credentials for a purpose come from; nothing where there are none for it.
    pub fn credentials(&self, purpose: Purpose) -> Vec<&Credential> {
        self.auth.to(purpose).map(Auth::credentials).unwrap_or_default()
    }

    /// Why the target is not there for a purpose.
    pub fn unfit(&self, purpose: Purpose, source: &Arc<Source>) -> Option<Diagnostic> {
        let message = format!("the target `{}` has no credentials that write", self.name);
        let fault = Diagnostic::error("read-only-target", message).at(source.place(self.span));
        self.auth.to(purpose).is_none().then(|| fault.hint("write `write` beside `read` in its `auth`"))
    }

    /// The target with its credentials in place; nothing when one of them is unknown, which was reported when
    /// it was looked up. `parallelism` overrides the target's own; the API's limit stays the upper one.
    pub fn connect(&self, secrets: &Secrets, purpose: Purpose, parallelism: Option<u32>) -> Option<Target> {
        let limit = self.api.limits.parallelism;
        let wanted = parallelism.or(self.parallelism).or(limit).unwrap_or(PARALLELISM);
        Some(Target {
            name: Arc::clone(&self.name),
            api: Arc::clone(&self.api),
            base_url: self.base_url.clone(),
            format: self.format,
            auth: self.auth.to(purpose)?.with(secrets)?,
            scope: self.scope.clone(),
            parallelism: wanted.min(limit.unwrap_or(wanted)).max(1),
            carry_nested: self.carry_nested,
            personal: self.personal,
        })
    }
}
