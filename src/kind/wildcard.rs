//! Texts with `*`, which stands for any characters: names of members, names of objects.
//!
//! Deliberately absent: paths and files, whose patterns treat separators in a special way.

/// Whether a text matches a pattern in which `*` stands for any characters.
pub fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (form, text) in [
            ("a", "a"),
            ("*", ""),
            ("*", "a/b"),
            ("a*", "a"),
            ("*-cards", "harbor-cards"),
            ("h*-c*s", "harbor-cards"),
            ("a*a", "aa"),
            ("é*", "éß"),
        ] {
            assert!(matches_wildcard(form, text), "{form} takes {text}");
        }
        for (form, text) in
            [("a", "ab"), ("", "a"), ("a*a", "a"), ("*b", "abc"), ("a*b*c", "acb"), ("b*", "ab")]
        {
            assert!(!matches_wildcard(form, text), "{form} does not take {text}");
        }
    }
}
