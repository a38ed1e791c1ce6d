//! Names, read as words: what a name says to a person, and what it tells about the thing that has it.
//!
//! `displayName`, `display_name` and `display-name` are the same words here. What a name tells is a guess, so
//! whoever takes it leaves a remark for the person who refines the draft.
//! Deliberately absent: the document in which the names stand.

/// The most characters of a sentence that is taken from the document.
const MAX_SENTENCE_CHARS: usize = 300;

/// The words of a name, in lower case: breaks are capitals, digits' ends, and whatever is no letter or digit.
pub fn split_words(name: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let rises = letter.is_uppercase()
            && (before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit())
                || (before.is_some_and(|c| c.is_uppercase()) && after.is_some_and(|c| c.is_lowercase())));
        if rises || !letter.is_alphanumeric() {
            parts.extend(Some(std::mem::take(&mut part)).filter(|part| !part.is_empty()));
        }
        if letter.is_alphanumeric() {
            part.extend(letter.to_lowercase());
        }
    }
    parts.extend(Some(part).filter(|part| !part.is_empty()));
    parts
}

/// A name without case and separators, so that spellings can be compared.
pub fn normalize_name(name: &str) -> String {
    split_words(name).concat()
}

/// A name as words with a capital in front: `displayName` is `Display name`; `EUR` stays as it is.
pub fn humanize_name(name: &str) -> String {
    let words = split_words(name);
    match words.as_slice() {
        [_] if name.chars().all(|c| c.is_uppercase() || c.is_ascii_digit()) => name.to_owned(),
        _ => capitalize_text(&words.join(" ")),
    }
}

/// A text with a capital in front.
pub fn capitalize_text(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The name of a kind: small letters, digits and hyphens, a letter first.
pub fn derive_kind_name(name: &str) -> String {
    let mut words = split_words(name);
    if let Some(last) = words.last_mut() {
        *last = singularize_word(last);
    }
    let ascii = words.iter().map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect());
    let joined: Vec<String> = ascii.filter(|word: &String| !word.is_empty()).collect();
    let joined = joined.join("-");
    match joined.starts_with(|first: char| first.is_ascii_lowercase()) {
        // `api` is the name of the file that is about the service as a whole
        true if joined != "api" => joined,
        _ => format!("kind-{joined}").trim_end_matches('-').to_owned(),
    }
}

/// The name of a kind from the name that the document gives its schema, without words such as `Response`.
pub fn derive_schema_kind_name(schema: &str) -> Option<String> {
    const WRAPPER_WORDS: [&str; 14] = [
        "resource",
        "representation",
        "response",
        "dto",
        "schema",
        "model",
        "object",
        "entity",
        "output",
        "out",
        "read",
        "item",
        "base",
        "body",
    ];
    let mut words = split_words(schema);
    while words.len() > 1 && words.last().is_some_and(|last| WRAPPER_WORDS.contains(&last.as_str())) {
        words.pop();
    }
    let name = derive_kind_name(&words.join("-"));
    (!words.is_empty() && !name.starts_with("kind-")).then_some(name)
}

/// The name of a kind from a segment of a path. Where the name of its schema has the same letters, its words
/// count: `autotagging` and `AutoTaggingResource` are `auto-tagging`, `tax_ids` and `tax_id` are `tax-id`.
pub fn merge_kind_names(segment: &str, schema: Option<&str>) -> String {
    const MIN_WORD_CHARS: usize = 3;
    let letters = normalize_name(segment);
    let same = |name: &String| {
        let (words, own) = (split_words(name), normalize_name(name));
        // `oauth` is no `o-auth`
        let split = words.iter().all(|word| word.len() >= MIN_WORD_CHARS);
        (split || words.len() == split_words(segment).len())
            && (own == letters || format!("{own}s") == letters || own == singularize_word(&letters))
    };
    schema.and_then(derive_schema_kind_name).filter(same).unwrap_or_else(|| derive_kind_name(segment))
}

/// One of what a word names several of; English, as far as a few rules go.
pub fn singularize_word(word: &str) -> String {
    const UNCHANGED: [&str; 5] = ["ss", "us", "is", "news", "series"];
    const ENDINGS: [(&str, &str); 5] =
        [("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")];
    if word.len() < 4 || UNCHANGED.iter().any(|end| word.ends_with(end)) {
        return word.to_owned();
    }
    let cut = |end: &str, instead: &str| word.strip_suffix(end).map(|stem| format!("{stem}{instead}"));
    // statuses, but houses
    let latin = word.strip_suffix("uses").filter(|stem| !stem.ends_with(['a', 'e', 'o']) && stem.len() > 1);
    let latin = latin.map(|stem| format!("{stem}us"));
    latin
        .or_else(|| ENDINGS.iter().find_map(|(end, instead)| cut(end, instead)))
        .or_else(|| cut("s", ""))
        .unwrap_or_else(|| word.to_owned())
}

/// Whether a name is that of a value which no two objects share.
pub fn is_unique_name(name: &str) -> bool {
    const UNIQUE_NAMES: [&str; 9] = [
        "slug",
        "username",
        "login",
        "handle",
        "sku",
        "serialnumber",
        "externalid",
        "uniqueid",
        "uniquename",
    ];
    UNIQUE_NAMES.contains(&normalize_name(name).as_str())
}

/// Whether a name is that of an id, an address or a code: something that says which thing is meant.
pub fn is_reference_name(name: &str) -> bool {
    const LAST_WORDS: [&str; 22] = [
        "id",
        "uuid",
        "guid",
        "ref",
        "reference",
        "key",
        "code",
        "url",
        "uri",
        "domain",
        "host",
        "hostname",
        "path",
        "email",
        "number",
        "address",
        "ip",
        "slug",
        "name",
        "identifier",
        "prefix",
        "cidr",
    ];
    split_words(name).last().is_some_and(|last| LAST_WORDS.contains(&last.as_str()))
}

/// How well a field names things to people, the best first; none for one that does not.
pub fn rank_display_name(name: &str) -> Option<usize> {
    const DISPLAY_NAMES: [&str; 7] =
        ["name", "displayname", "companyname", "organizationname", "company", "title", "label"];
    let own = normalize_name(name);
    DISPLAY_NAMES.iter().position(|name| *name == own)
}

/// How well a name tells things apart, the best first; none for a name that does not. `owner` is the name of
/// the thing, whose `number` may be called `permitNumber`.
pub fn rank_key_name(name: &str, owner: &str) -> Option<usize> {
    const KEY_NAMES: [&str; 17] = [
        "code",
        "slug",
        "key",
        "externalid",
        "externalreference",
        "reference",
        "number",
        "sku",
        "serialnumber",
        "login",
        "username",
        "handle",
        "email",
        "name",
        "displayname",
        "title",
        "label",
    ];
    let own = normalize_name(name);
    let owner = normalize_name(owner);
    let short = own.strip_prefix(&*owner).filter(|rest| !owner.is_empty() && !rest.is_empty());
    let rank = |name: &str| KEY_NAMES.iter().position(|key| *key == name);
    rank(&own).or_else(|| short.and_then(rank))
}

/// How likely a field identifies a thing, the likeliest first; none for one that does not.
pub fn rank_identifying_name(name: &str, owner: &str) -> Option<usize> {
    const UNRANKED: usize = 100;
    rank_key_name(name, owner).or_else(|| is_reference_name(name).then_some(UNRANKED))
}

/// Text of the document as one harmless line.
pub fn sanitize_text(text: &str) -> String {
    let visible: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a character has no place in a line of text: it is not seen, or it reorders what is.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first paragraph of a description as one line of bounded length; none when it says nothing.
pub fn extract_summary(text: &str) -> Option<String> {
    let paragraphs = text.split("\n\n").map(sanitize_text);
    let first =
        paragraphs.map(|one| one.trim_start_matches(['#', ' ']).to_owned()).find(|one| !one.is_empty())?;
    if first.chars().count() <= MAX_SENTENCE_CHARS {
        return Some(first);
    }
    let cut: String = first.chars().take(MAX_SENTENCE_CHARS).collect();
    Some(match cut.rfind(". ") {
        Some(end) => cut[..=end].to_owned(),
        None => format!("{}…", cut.trim_end()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_are_the_same_words() {
        for name in ["displayName", "display_name", "Display-Name", "DISPLAY_NAME", "displayName_"] {
            assert_eq!(split_words(name), ["display", "name"], "{name}");
        }
        assert_eq!(split_words("HTTPServerID2x"), ["http", "server", "id2x"]);
        assert_eq!(humanize_name("validFrom"), "Valid from");
        assert_eq!(humanize_name("EUR"), "EUR");
        assert_eq!(humanize_name(""), "");
    }

    #[test]
    fn kinds_are_named_after_one_thing() {
        let named = [
            ("paymentGateways", "payment-gateway"),
            ("categories", "category"),
            ("addresses", "address"),
            ("boxes", "box"),
            ("statuses", "status"),
            ("houses", "house"),
            ("sizes", "size"),
            ("taxes", "tax"),
            ("access", "access"),
            ("apis", "apis"),
            ("api", "kind-api"),
            ("2fa", "kind-2fa"),
            ("größe", "gre"),
            ("", "kind"),
        ];
        for (name, wanted) in named {
            assert_eq!(derive_kind_name(name), wanted, "{name}");
        }
    }

    #[test]
    fn names_of_schemas_say_where_words_end() {
        let named = [
            ("autotagging", Some("AutoTaggingResource"), "auto-tagging"),
            ("downloadclients", Some("DownloadClientDto"), "download-client"),
            ("tax_ids", Some("tax_id"), "tax-id"),
            ("snis", Some("SNI"), "sni"),
            ("oauth-clients", Some("OAuthClient"), "oauth-client"),
            ("l2vpns", Some("L2VPN"), "l2vpn"),
            ("boats", Some("VesselResponse"), "boat"),
            ("apis", Some("ApiResponse"), "apis"),
            ("boats", Some("Response"), "boat"),
            ("boats", None, "boat"),
        ];
        for (segment, schema, wanted) in named {
            assert_eq!(merge_kind_names(segment, schema), wanted, "{segment}");
        }
        assert_eq!(derive_schema_kind_name("VesselResponse"), Some("vessel".into()));
        assert_eq!(derive_schema_kind_name("2Response"), None);
    }

    #[test]
    fn some_names_tell_things_apart_better_than_others() {
        assert!(rank_key_name("code", "zone") < rank_key_name("name", "zone"));
        assert_eq!(rank_key_name("permitNumber", "permit"), rank_key_name("number", "permit"));
        assert_eq!(rank_key_name("colour", "zone"), None);
        assert_eq!(rank_key_name("zone", "zone"), None);
    }

    #[test]
    fn descriptions_become_one_harmless_line() {
        assert_eq!(
            extract_summary("# A\u{202e} zone\nwith  spaces\n\nMore."),
            Some("A zone with spaces".into())
        );
        assert_eq!(extract_summary(" \n\u{200b}"), None);
        let long = format!("{}. {}", "a".repeat(100), "b".repeat(400));
        assert_eq!(extract_summary(&long), Some(format!("{}.", "a".repeat(100))));
        assert_eq!(extract_summary(&"ä".repeat(400)).map(|cut| cut.chars().count()), Some(301));
    }
}
