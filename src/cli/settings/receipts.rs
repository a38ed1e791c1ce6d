//! `receipts:` in the settings: to whom before-values under a mark are sealed, and where receipts are shared.
//!
//! A recipient is a public key and may stand in the file; an identity, which opens what is sealed, may not: such a
//! line is veiled and never repeated, and so is an address with a name or password in it.

use url::Url;

use crate::diagnostic::{Diagnostic, Span};
use crate::document::read::Reading;
use crate::run::archive::SCHEMES;
use crate::yaml::Node;

/// How receipts are kept.
#[derive(Clone, Default)]
pub struct ReceiptSettings {
    /// To whom marked before-values are sealed; none where they are left out.
    pub recipients: Option<Vec<String>>,
    /// Where receipts are shared.
    pub store: Option<Url>,
    /// Where it is written.
    pub span: Span,
}

/// Reads the section; what is wrong with it is told.
pub fn read(root: Option<&Node>, reading: &mut Reading) -> ReceiptSettings {
    let Some(node) = root.and_then(|root| root.get("receipts")).filter(|node| !node.is_null()) else {
        return ReceiptSettings::default();
    };
    let sealed = node.get("before_values").and_then(Node::scalar) == Some("encrypted");
    let named = node.get("recipients").map_or(&[][..], Node::items);
    let recipients: Vec<String> = named.iter().filter_map(|node| recipient(node, reading)).collect();
    if sealed && named.is_empty() {
        let fault =
            Diagnostic::error("no-recipient", "`before_values: encrypted` needs somebody who can read them");
        reading.put(opening(node), fault.hint("name `recipients`: public keys of age, `age1…`"));
    }
    if !sealed && !named.is_empty() {
        let fault = Diagnostic::warning("unused-recipients", "nothing is sealed to these recipients");
        reading.put(opening(node), fault.hint("write `before_values: encrypted` beside them"));
    }
    let store = node.get("store").filter(|node| !node.is_null()).and_then(|node| store(node, reading));
    ReceiptSettings { recipients: sealed.then_some(recipients), store, span: opening(node) }
}

fn opening(node: &Node) -> Span {
    Span { end: node.span.start, ..node.span }
}

/// A public key of age; nothing when it is none.
fn recipient(node: &Node, reading: &mut Reading) -> Option<String> {
    let text = node.scalar()?.trim();
    let is_key =
        |rest: &str| rest.len() == 58 && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if text.strip_prefix("age1").is_some_and(is_key) {
        return Some(text.to_owned());
    }
    reading.veil_span(node.span);
    let fault = match text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY") {
        true => Diagnostic::error("plain-secret", "this is an identity, which opens what is sealed")
            .hint("name its public key here, make a new one, and keep it where only those are who may read"),
        false => Diagnostic::error("bad-recipient", "this is no recipient")
            .hint("name a public key of age, as `age-keygen` tells it: `age1…`"),
    };
    reading.put(node.span, fault);
    None
}

fn store(node: &Node, reading: &mut Reading) -> Option<Url> {
    let fault = match Url::parse(node.scalar()?) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Diagnostic::error("plain-secret", "`store` holds a name or password in clear")
                .hint("credentials come from the environment, as the cloud's own programs take them")
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            Diagnostic::error("bad-url", "`store` ends in a query or fragment").hint("write the place only")
        }
        Ok(url) if SCHEMES.contains(&url.scheme()) => return Some(url),
        Ok(_) | Err(_) => Diagnostic::error("bad-url", "`store` is no place for receipts").hint(
            "like s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///srv/receipts",
        ),
    };
    reading.veil_span(node.span);
    reading.put(node.span, fault);
    None
}
