//! `receipts:` in the settings: to whom before-values under a mark are sealed, and where receipts are shared.
//!
//! A recipient is a public key and may stand in the file; an identity, which opens what is sealed, may not: such a
//! line is redacted and never repeated, and so is an address with a name or password in it.

use url::Url;

use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::document::source_reader::SourceReader;
use crate::state::receipt_store::SCHEMES;
use crate::yaml::YamlNode;

/// How receipts are kept.
#[derive(Clone, Default)]
pub struct ReceiptSettings {
    /// To whom marked before-values are sealed; none where they are left out.
    pub recipients: Option<Vec<String>>,
    /// Where receipts are shared.
    pub store: Option<Url>,
    /// Where it is written.
    pub span: SourceSpan,
}

/// Reads the section; what is wrong with it is reported.
pub fn read_receipt_settings(root: Option<&YamlNode>, reading: &mut SourceReader) -> ReceiptSettings {
    let Some(node) = root.and_then(|root| root.get_value("receipts")).filter(|node| !node.is_null()) else {
        return ReceiptSettings::default();
    };
    let sealed = node.get_value("before_values").and_then(YamlNode::as_scalar) == Some("encrypted");
    let named = node.get_value("recipients").map_or(&[][..], YamlNode::items);
    let recipients: Vec<String> = named.iter().filter_map(|node| read_recipient(node, reading)).collect();
    if sealed && named.is_empty() {
        let fault = Diagnostic::error("no-recipient", "`before_values: encrypted` needs `recipients`");
        reading.add_diagnostic(
            find_start(node),
            fault.with_hint("name `recipients`: public keys of age, `age1…`"),
        );
    }
    if !sealed && !named.is_empty() {
        let fault = Diagnostic::warning("unused-recipients", "nothing is sealed to these recipients");
        reading.add_diagnostic(
            find_start(node),
            fault.with_hint("write `before_values: encrypted` beside them"),
        );
    }
    let store =
        node.get_value("store").filter(|node| !node.is_null()).and_then(|node| read_store(node, reading));
    ReceiptSettings { recipients: sealed.then_some(recipients), store, span: find_start(node) }
}

fn find_start(node: &YamlNode) -> SourceSpan {
    SourceSpan { end: node.span.start, ..node.span }
}

/// A public key of age; nothing when it is not a receipt.
fn read_recipient(node: &YamlNode, reading: &mut SourceReader) -> Option<String> {
    let text = node.as_scalar()?.trim();
    let is_key =
        |rest: &str| rest.len() == 58 && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if text.strip_prefix("age1").is_some_and(is_key) {
        return Some(text.to_owned());
    }
    reading.redact_span(node.span);
    let fault = match text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY") {
        true => Diagnostic::error("plain-secret", "this is an identity, which opens what is sealed")
            .with_hint(
                "name its public key here, make a new one, and keep it where only those are who may read",
            ),
        false => Diagnostic::error("invalid-recipient", "this is no recipient")
            .with_hint("name an age public key, as `age-keygen` prints it: `age1…`"),
    };
    reading.add_diagnostic(node.span, fault);
    None
}

fn read_store(node: &YamlNode, reading: &mut SourceReader) -> Option<Url> {
    let fault = match Url::parse(node.as_scalar()?) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Diagnostic::error("plain-secret", "`store` holds a name or password in clear")
                .with_hint("credentials come from the environment, as the cloud's own programs take them")
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            Diagnostic::error("invalid-url", "`store` ends in a query or fragment")
                .with_hint("write the place only")
        }
        Ok(url) if SCHEMES.contains(&url.scheme()) => return Some(url),
        Ok(_) | Err(_) => Diagnostic::error("invalid-url", "`store` is no place for receipts").with_hint(
            "like s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///srv/receipts",
        ),
    };
    reading.redact_span(node.span);
    reading.add_diagnostic(node.span, fault);
    None
}
