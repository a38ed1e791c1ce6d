//! Names for what is imported: of documents, and of the variables that supply their secrets.
//!
//! A name is made of the fields that the kind says, else of the natural key, never of a marked field: names stand
//! in paths, logs and reviews, even when personal values were asked for. It stays the same whatever else is imported
//! beside it: where two objects would have one name, both get theirs from their ids.

use std::collections::{BTreeMap, BTreeSet};

use deunicode::deunicode;

use crate::kind::{Kind, ScalarType, explain};
use crate::run::natural_key::find_live_value;
use crate::value::{Object, Sensitivity, Value};

/// The most characters that a natural key gives to a name.
const MAX_NAME: usize = 80;
/// The most characters of a variable.
const MAX_VARIABLE: usize = 200;
/// So many characters of an id tell objects of one name apart, where they do.
const SHORT_ID: usize = 8;

/// The words of a text in ASCII, lower case, with hyphens between.
pub fn to_kebab(text: &str) -> String {
    let ascii = deunicode(text).to_lowercase();
    let words = ascii.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// The name of each object; `taken` are names that other documents have already.
pub fn assign_names(kind: &Kind, objects: &[&Object], taken: &TakenNames) -> Vec<String> {
    let taken = &taken.documents;
    let plain: Vec<String> = objects.iter().map(|object| build_name(kind, object)).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    plain.iter().for_each(|name| *counts.entry(name).or_default() += 1);
    let alone = |name: &String| counts.get(name.as_str()) == Some(&1) && !taken.contains(name);
    let mut used: BTreeSet<String> = plain.iter().filter(|name| alone(name)).cloned().collect();
    let each = plain.iter().zip(objects).map(|(name, object)| match alone(name) {
        true => name.clone(),
        false => {
            let is_free = |name: &String| !taken.contains(name) && !used.contains(name);
            let name = make_unique_name(name, &format_id_words(kind, object), is_free);
            used.insert(name.clone());
            name
        }
    });
    each.collect()
}

fn make_unique_name(name: &str, id: &str, is_free: impl Fn(&String) -> bool) -> String {
    let short: String = id.chars().take(SHORT_ID).collect();
    let candidates = [format!("{name}-{}", short.trim_end_matches('-')), format!("{name}-{id}")];
    let counted = (2..).map(|number| format!("{name}-{id}-{number}"));
    candidates.into_iter().chain(counted).find(is_free).unwrap_or_default()
}

fn build_name(kind: &Kind, object: &Object) -> String {
    let word = |path: &Vec<u16>| {
        let (mark, _) = kind.shape.find_path_field(path)?;
        let value = find_live_value(object, path).filter(|_| mark == Sensitivity::Public)?;
        Some(to_kebab(&ScalarType::render_url_text(value, &kind.api))).filter(|word| !word.is_empty())
    };
    let words = |paths: &[Vec<u16>]| paths.iter().map(word).collect::<Option<Vec<String>>>();
    let own = words(&kind.identity.import_name).filter(|words| !words.is_empty());
    let words = own.or_else(|| words(&kind.identity.natural_key)).filter(|words| !words.is_empty());
    let words = match &kind.identity.composition {
        Some(parts) if parts.is_empty() => Some(vec![shorten_kind(kind)]),
        Some(parts) => parts.iter().map(|number| word(&vec![*number])).collect(),
        None => words,
    };
    let name: String = words.unwrap_or_default().join("-").chars().take(MAX_NAME).collect();
    match name.trim_end_matches('-') {
        "" => format!("{}-{}", shorten_kind(kind), format_id_words(kind, object))
            .trim_end_matches('-')
            .to_owned(),
        name => name.to_owned(),
    }
}

/// The last word of a kind's name, fit for a file.
pub fn shorten_kind(kind: &Kind) -> String {
    to_kebab(kind.name.rsplit('/').next().unwrap_or_default())
}

fn format_id_words(kind: &Kind, object: &Object) -> String {
    let hyphenated = |value: &Value| match value {
        Value::Uuid(guid) => guid.hyphenated().to_string(),
        other => to_kebab(&ScalarType::render_url_text(other, &kind.api)),
    };
    object.get_field(kind.identity.id).map(hyphenated).unwrap_or_default()
}

/// Whether Windows takes a file of this name, whatever its ending, for a device.
pub fn is_reserved_file_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_numbered = |prefix: &str| {
        let rest = stem.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(&*stem, "con" | "prn" | "aux" | "nul") || is_numbered("com") || is_numbered("lpt")
}

/// Names that nothing else may have.
pub struct TakenNames {
    /// Names of documents.
    pub documents: BTreeSet<String>,
    pub variables: VariableNames,
}

/// Names of environment variables, each for one secret only.
pub struct VariableNames {
    taken: BTreeSet<String>,
}

impl VariableNames {
    /// `taken` are variables that other secrets come from.
    pub fn new(taken: BTreeSet<String>) -> Self {
        Self { taken }
    }

    /// A variable that no one else uses.
    pub fn reserve_name(&mut self, words: &[String]) -> String {
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        let mut name: String = words.join("_").chars().take(MAX_VARIABLE).collect();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name.insert(0, '_');
        }
        let counted = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone()).chain(counted).find(|name| !self.taken.contains(name));
        let name = free.unwrap_or(name);
        self.taken.insert(name.clone());
        name
    }
}

/// A text as the words of a variable.
pub fn to_variable_words(text: &str) -> String {
    to_kebab(text).replace('-', "_").to_uppercase()
}

/// The name of a field as the words of a variable: `merchantKey` is `MERCHANT_KEY`.
pub fn to_field_words(name: &str) -> String {
    explain::suggest_variable(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        assert_eq!(to_kebab("Harbor City – cards"), "harbor-city-cards");
        assert_eq!(to_kebab("Åberg & Söner, Ørsted"), "aberg-soner-orsted");
        assert_eq!(to_kebab("  M-1001 "), "m-1001");
        assert_eq!(to_kebab("–"), "");
    }

    #[test]
    fn a_variable_serves_one_secret() {
        let mut variables = VariableNames::new(BTreeSet::from(["SHOP_ONE_KEY".to_owned()]));
        let words = |name: &str| {
            vec![to_variable_words("shop"), to_variable_words(name), to_field_words("merchantKey")]
        };
        assert_eq!(variables.reserve_name(&words("harbor-cards")), "SHOP_HARBOR_CARDS_MERCHANT_KEY");
        assert_eq!(variables.reserve_name(&words("Harbor cards")), "SHOP_HARBOR_CARDS_MERCHANT_KEY_2");
        assert_eq!(variables.reserve_name(&["SHOP".into(), "ONE".into(), "KEY".into()]), "SHOP_ONE_KEY_2");
        assert_eq!(
            variables.reserve_name(&[to_variable_words("1"), to_variable_words("ACME"), String::new()]),
            "_1_ACME"
        );
    }

    #[test]
    fn names_are_distinguished_by_ids() {
        let mut used = BTreeSet::from(["card".to_owned(), "card-7a40c9d2".to_owned()]);
        let make =
            |used: &BTreeSet<String>| make_unique_name("card", "7a40c9d2-b1e8", |name| !used.contains(name));
        assert_eq!(make(&used), "card-7a40c9d2-b1e8");
        used.insert(make(&used));
        assert_eq!(make(&used), "card-7a40c9d2-b1e8-2");
    }
}
