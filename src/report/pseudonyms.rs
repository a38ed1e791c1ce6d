//! How values about persons are shown: masked, under short names of their own, or as they are.
//!
//! A short name is made under a key, so that no one without it can try values until one fits. The same value
//! has the same name wherever it stands, which tells who moved where without telling who it is. A value that
//! can only be one of a few has none: knowing one of them would be knowing all.
//! Deliberately absent: secrets, which no way of showing reaches, and where keys are.

use serde_json::{Map, Value as Json};

use super::value_json::convert_value;
use crate::kind::ScalarType;
use crate::plan::digest;
use crate::value::Value;

/// The member with the short name.
const MEMBER: &str = "pseudonym";

/// The key under which short names are made; it is asked for when the first one is needed.
pub trait PseudonymKey {
    /// The key; none where nothing can be kept.
    fn name_key(&self) -> Option<&[u8]>;
}

/// How values about persons are shown.
#[derive(Clone, Copy, Default)]
pub enum PersonalDataMode<'p> {
    /// Only that there are any, and how they change.
    #[default]
    Masked,
    /// Under short names; `domains`: with the domain of a mail address.
    Pseudonymized { key: &'p dyn PseudonymKey, domains: bool },
    /// As they are: for someone at a terminal, never for a file.
    Clear,
}

impl PersonalDataMode<'_> {
    /// A personal value as it may be shown; nothing where its mask is all. `masked` is that mask.
    pub(super) fn show_personal(&self, value: &Value, scalar: &ScalarType, masked: &Json) -> Option<Json> {
        match self {
            Self::Masked => None,
            Self::Clear => Some(convert_value(value)),
            // how it changes tells already that it is empty
            Self::Pseudonymized { .. } if value.is_blank() => Some(convert_value(value)),
            Self::Pseudonymized { .. } if has_few_values(value, scalar) => None,
            Self::Pseudonymized { key, domains } => {
                let mut name = digest::derive_pseudonym(value, key.name_key()?);
                if let Some(domain) = value.as_str().filter(|_| *domains).and_then(find_mail_domain) {
                    name.push('@');
                    name.push_str(&domain.to_ascii_lowercase());
                }
                let mut shown: Map<String, Json> = masked.as_object()?.clone();
                shown.insert(MEMBER.to_owned(), Json::from(name));
                Some(Json::Object(shown))
            }
        }
    }
}

fn has_few_values(value: &Value, scalar: &ScalarType) -> bool {
    let few = matches!(scalar, ScalarType::Enum { open: false, .. });
    few || matches!(value, Value::Boolean(_) | Value::KnownAfterApply(_) | Value::Object(_))
}

/// The domain of a text that is one mail address and nothing else.
fn find_mail_domain(text: &str) -> Option<&str> {
    let (person, domain) = text.rsplit_once('@')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let one = !person.is_empty() && !person.contains([' ', ',', ';', '@', '<']);
    (one && domain.len() <= 253 && domain.contains('.') && domain.chars().all(plain)).then_some(domain)
}

/// What tells the names of one key from those of another.
pub fn fingerprint_key(key: &[u8]) -> String {
    digest::derive_pseudonym(&Value::from_text(MEMBER), key)
}

/// The short name in a piece of shown JSON.
pub fn find_pseudonym(shown: &Json) -> Option<&str> {
    shown.as_object().filter(|members| members.len() == 2)?.get(MEMBER)?.as_str()
}

/// A piece of shown JSON with masks in the place of short names: what anybody without the key would be shown.
pub fn remove_pseudonyms(shown: &mut Json) {
    match shown {
        Json::Array(items) => items.iter_mut().for_each(remove_pseudonyms),
        Json::Object(members) if members.len() == 2 && members.contains_key(MEMBER) => {
            members.shift_remove(MEMBER);
        }
        Json::Object(members) => members.values_mut().for_each(remove_pseudonyms),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct FixedPseudonymKey;

    impl PseudonymKey for FixedPseudonymKey {
        fn name_key(&self) -> Option<&[u8]> {
            Some(b"a key")
        }
    }

    fn named(text: &str, domains: bool) -> Json {
        let masked = serde_json::json!({ "personal": "changed" });
        let persons = PersonalDataMode::Pseudonymized { key: &FixedPseudonymKey, domains };
        persons.show_personal(&Value::from_text(text), &ScalarType::Any, &masked).expect("shown")
    }

    #[test]
    fn only_the_domain_of_one_plain_address_is_shown() {
        let name = |shown: &Json| find_pseudonym(shown).expect("a name").to_owned();
        let short = name(&named("jo@Example.com", false));
        assert_eq!(name(&named("jo@Example.com", true)), format!("{short}@example.com"));
        for other in ["jo@x.com, al@y.com", "Jo <jo@x.com>", "@x.com", "jo@localhost", "a@b@c.com", "+46 70@"]
        {
            assert!(!name(&named(other, true)).contains('@'), "{other}");
        }
    }

    #[test]
    fn a_name_says_nothing_of_what_has_few_values() {
        let masked = serde_json::json!({ "personal": "changed" });
        let persons = PersonalDataMode::Pseudonymized { key: &FixedPseudonymKey, domains: true };
        assert!(persons.show_personal(&Value::Boolean(true), &ScalarType::Any, &masked).is_none());
        assert_eq!(named("", true), serde_json::json!(""));
    }

    #[test]
    fn what_is_bare_has_its_mask_left() {
        let mut shown = serde_json::json!([{ "a": named("x", true) }, { "pseudonym": "of a band" }]);
        remove_pseudonyms(&mut shown);
        let masked = serde_json::json!([{ "a": { "personal": "changed" } }, { "pseudonym": "of a band" }]);
        assert_eq!(shown, masked);
    }
}
