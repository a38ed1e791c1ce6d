//! What a name or a description says about the data behind it: a credential, a person, neither.
//!
//! A name counts by its words and their order: `access_token` is a credential, `total_tokens`, `token_type` and
//! `mac_address` are not. A description counts only where it begins with what the value is.
//! Deliberately absent: types; `field` decides what a mark fits.

use crate::openapi::naming::{singularize_word, split_words};

/// What a name says about the data behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DraftSensitivity {
    /// A credential.
    Secret,
    /// About a person.
    Personal,
    /// It may carry a credential.
    Internal,
}

const SECRET_WORDS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "credential",
    "pin",
    "otp",
    "apikey",
    "privatekey",
    "authtoken",
];
const SECRET_KEY_PREFIXES: [&str; 10] =
    ["api", "private", "access", "signing", "secret", "encryption", "auth", "hmac", "integration", "shared"];
/// Words before a credential that make it a number of them.
const COUNT_WORDS: [&str; 14] = [
    "total",
    "max",
    "min",
    "maximum",
    "minimum",
    "num",
    "number",
    "count",
    "used",
    "input",
    "output",
    "prompt",
    "completion",
    "remaining",
];
/// Words after a credential that make it something about one.
const ABOUT_WORDS: [&str; 58] = [
    "id",
    "ids",
    "type",
    "kind",
    "name",
    "policy",
    "lifespan",
    "lifetime",
    "expiry",
    "expire",
    "expires",
    "expiration",
    "ttl",
    "count",
    "length",
    "url",
    "uri",
    "endpoint",
    "format",
    "algorithm",
    "alg",
    "age",
    "enabled",
    "disabled",
    "required",
    "allowed",
    "status",
    "state",
    "timeout",
    "limit",
    "at",
    "date",
    "time",
    "method",
    "strategy",
    "mode",
    "hint",
    "setting",
    "config",
    "rotation",
    "field",
    "param",
    "header",
    "claim",
    "scope",
    "audience",
    "issuer",
    "version",
    "last",
    "prefix",
    "reset",
    "changed",
    "provider",
    "mapper",
    "exchange",
    "binding",
    "history",
    "complexity",
];
const PERSONAL_WORDS: [&str; 19] = [
    "email",
    "mail",
    "phone",
    "telephone",
    "mobile",
    "fax",
    "birthday",
    "birthdate",
    "birth",
    "ssn",
    "iban",
    "firstname",
    "lastname",
    "surname",
    "fullname",
    "address",
    "street",
    "passport",
    "gender",
];
const PERSONAL_NAME_PREFIXES: [&str; 7] = ["first", "last", "given", "family", "full", "middle", "contact"];
/// Addresses of machines.
const MACHINE_WORDS: [&str; 24] = [
    "mac",
    "ip",
    "ipv4",
    "ipv6",
    "hardware",
    "bus",
    "memory",
    "network",
    "server",
    "host",
    "source",
    "destination",
    "target",
    "bind",
    "listen",
    "remote",
    "local",
    "web",
    "nat",
    "dns",
    "service",
    "device",
    "gateway",
    "peer",
];

/// What a name says about the data behind it, if it does.
pub fn guess_sensitivity(name: &str) -> Option<DraftSensitivity> {
    let words: Vec<String> = split_words(name).iter().map(|word| singularize_word(word)).collect();
    if find_secret_words(&words).is_some_and(|(start, end)| is_credential(&words, start, end)) {
        return Some(DraftSensitivity::Secret);
    }
    let any = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let machine = any(&MACHINE_WORDS) && any(&["address"]);
    if !machine && (any(&PERSONAL_WORDS) || has_pair(&words, &PERSONAL_NAME_PREFIXES, "name")) {
        return Some(DraftSensitivity::Personal);
    }
    any(&["webhook", "callback"]).then_some(DraftSensitivity::Internal)
}

/// Whether a description begins with the words of a credential: `The API key that …`, `Private key in PEM`.
pub fn describes_secret(text: &str) -> bool {
    const FILLERS: [&str; 14] = [
        "the",
        "a",
        "an",
        "your",
        "this",
        "is",
        "optional",
        "required",
        "contains",
        "value",
        "of",
        "new",
        "plaintext",
        "for",
    ];
    let sentence = text.split(['.', '\n', ',', ';']).next().unwrap_or_default();
    let words: Vec<String> = split_words(sentence).iter().map(|word| singularize_word(word)).collect();
    let start = words.iter().position(|word| !FILLERS.contains(&word.as_str())).unwrap_or(words.len());
    let start_words: Vec<String> = words.into_iter().skip(start).take(4).collect();
    let Some((first, end)) = find_secret_words(&start_words) else { return false };
    let strong = ["password", "passphrase", "secret", "credential", "apikey"];
    let named = start_words.iter().any(|word| strong.contains(&word.as_str())) || end - first == 2;
    first <= 1 && named && is_credential(&start_words, first, end)
}

/// Where the words of a credential begin and end.
fn find_secret_words(words: &[String]) -> Option<(usize, usize)> {
    let pair = |at: &usize| {
        let first = words.get(*at).is_some_and(|word| SECRET_KEY_PREFIXES.contains(&word.as_str()));
        first && words.get(at + 1).is_some_and(|word| word == "key")
    };
    let several = (0..words.len()).find(pair).map(|at| (at, at + 2));
    let one = || words.iter().rposition(|word| SECRET_WORDS.contains(&word.as_str())).map(|at| (at, at + 1));
    several.or_else(one)
}

/// Whether the words around a credential leave it one.
fn is_credential(words: &[String], start: usize, end: usize) -> bool {
    let counted = start.checked_sub(1).and_then(|at| words.get(at));
    let counted = counted.is_some_and(|word| COUNT_WORDS.contains(&word.as_str()));
    let about = words.get(end).is_some_and(|word| ABOUT_WORDS.contains(&word.as_str()));
    !counted && !about
}

fn has_pair(words: &[String], first: &[&str], second: &str) -> bool {
    words.windows(2).any(|two| matches!(two, [a, b] if first.contains(&a.as_str()) && b == second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_must_not_be_shown() {
        for name in [
            "password",
            "apiKey",
            "client_secret",
            "webhookSecrets",
            "accessToken",
            "PIN",
            "hmacKey",
            "privateKey",
        ] {
            assert_eq!(guess_sensitivity(name), Some(DraftSensitivity::Secret), "{name}");
        }
        for name in ["email", "contactPhone", "first_name", "street", "billingEmails", "eMail", "homeAddress"]
        {
            assert_eq!(guess_sensitivity(name), Some(DraftSensitivity::Personal), "{name}");
        }
        assert_eq!(guess_sensitivity("callbackUrl"), Some(DraftSensitivity::Internal));
    }

    #[test]
    fn numbers_of_credentials_and_addresses_of_machines_are_open() {
        for name in [
            "key",
            "name",
            "shipping",
            "spinner",
            "companyName",
            "code",
            "total_tokens",
            "maxTokens",
            "token_type",
            "passwordPolicy",
            "accessTokenLifespan",
            "secretName",
            "client_secret_expires_at",
            "mac_address",
            "ipAddress",
            "tokenIds",
        ] {
            assert_eq!(guess_sensitivity(name), None, "{name}");
        }
    }

    #[test]
    fn descriptions_say_it_where_they_begin() {
        for text in [
            "The API key used to sign in.",
            "Password of the account",
            "Private key in PEM format",
            "The client secret.",
        ] {
            assert!(describes_secret(text), "{text}");
        }
        for text in [
            "The name of the API key.",
            "Whether a password is set.",
            "The id of the token",
            "Token type",
            "The user who owns the secret",
            "Password policy of the realm",
            "",
        ] {
            assert!(!describes_secret(text), "{text}");
        }
    }
}
