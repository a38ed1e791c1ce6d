//! How values about persons are shown: masked, under short names of their own, or as they are.
//!
//! A short name is made under a key, so that nobody without it can try values until one fits. The same value
//! has the same name wherever it stands, which tells who moved where without telling who it is. A value that
//! can only be one of a few has none: knowing one of them would be knowing all.
//! Deliberately absent: secrets, which no way of showing reaches, and where keys are.

use serde_json::{Map, Value as Json};

use super::mask::open;
use crate::kind::Leaf;
use crate::plan::digest;
use crate::value::Value;

/// The member with the short name.
const MEMBER: &str = "pseudonym";

/// The key under which short names are made; it is asked for when the first one is needed.
pub trait NameKey {
    /// The key; none where nothing can be kept.
    fn name_key(&self) -> Option<&[u8]>;
}

/// How values about persons are shown.
#[derive(Clone, Copy, Default)]
pub enum Persons<'p> {
    /// Only that there are any, and how they change.
    #[default]
    Masked,
    /// Under short names; `domains`: with the domain of a mail address.
    Named { key: &'p dyn NameKey, domains: bool },
    /// As they are: for somebody at a terminal, never for a file.
    Clear,
}

impl Persons<'_> {
    /// A personal value as it may be shown; nothing where its mask is all. `masked` is that mask.
    pub(super) fn show(&self, value: &Value, leaf: &Leaf, masked: &Json) -> Option<Json> {
        match self {
            Self::Masked => None,
            Self::Clear => Some(open(value)),
            // how it changes tells already that it is empty
            Self::Named { .. } if value.is_blank() => Some(open(value)),
            Self::Named { .. } if is_one_of_few(value, leaf) => None,
            Self::Named { key, domains } => {
                let mut name = digest::pseudonym(value, key.name_key()?);
                if let Some(domain) = value.as_text().filter(|_| *domains).and_then(domain) {
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

fn is_one_of_few(value: &Value, leaf: &Leaf) -> bool {
    let few = matches!(leaf, Leaf::Choice { open: false, .. });
    few || matches!(value, Value::Flag(_) | Value::Later(_) | Value::Object(_))
}

/// The domain of a text that is one mail address and nothing else.
fn domain(text: &str) -> Option<&str> {
    let (person, domain) = text.rsplit_once('@')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let one = !person.is_empty() && !person.contains([' ', ',', ';', '@', '<']);
    (one && domain.len() <= 253 && domain.contains('.') && domain.chars().all(plain)).then_some(domain)
}

/// What tells the names of one key from those of another.
pub fn told(key: &[u8]) -> String {
    digest::pseudonym(&Value::text(MEMBER), key)
}

/// The short name in a piece of shown JSON.
pub fn pseudonym_of(shown: &Json) -> Option<&str> {
    shown.as_object().filter(|members| members.len() == 2)?.get(MEMBER)?.as_str()
}

/// A piece of shown JSON with masks in the place of short names: what anybody without the key would be shown.
pub fn bare(shown: &mut Json) {
    match shown {
        Json::Array(items) => items.iter_mut().for_each(bare),
        Json::Object(members) if members.len() == 2 && members.contains_key(MEMBER) => {
            members.shift_remove(MEMBER);
        }
        Json::Object(members) => members.values_mut().for_each(bare),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Key;

    impl NameKey for Key {
        fn name_key(&self) -> Option<&[u8]> {
            Some(b"a key")
        }
    }

    fn named(text: &str, domains: bool) -> Json {
        let masked = serde_json::json!({ "personal": "changed" });
        let persons = Persons::Named { key: &Key, domains };
        persons.show(&Value::text(text), &Leaf::Any, &masked).expect("shown")
    }

    #[test]
    fn only_the_domain_of_one_plain_address_is_shown() {
        let name = |shown: &Json| pseudonym_of(shown).expect("a name").to_owned();
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
        let persons = Persons::Named { key: &Key, domains: true };
        assert!(persons.show(&Value::Flag(true), &Leaf::Any, &masked).is_none());
        assert_eq!(named("", true), serde_json::json!(""));
    }

    #[test]
    fn what_is_bare_has_its_mask_left() {
        let mut shown = serde_json::json!([{ "a": named("x", true) }, { "pseudonym": "of a band" }]);
        bare(&mut shown);
        let masked = serde_json::json!([{ "a": { "personal": "changed" } }, { "pseudonym": "of a band" }]);
        assert_eq!(shown, masked);
    }
}
