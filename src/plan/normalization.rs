//! Why a service kept something else than was sent, where the two values tell it, and what to do about that.
//!
//! Where the format has a word for it, the line to add to the kind is said; where it has none, what to write in
//! the document instead. Deliberately absent: secrets, of which not even this is reported, how long a value is that
//! not everybody may see, and lists that lost something.

use rust_decimal::Decimal;

use crate::kind::equality::normalize_addresses;
use crate::kind::{ComparisonRule, Field, FieldType, ItemType, ListType};
use crate::value::{Sensitivity, Value};

/// What to do about a field, with the mark of its place, of which `there` was kept of what was `sent`.
pub fn explain_normalization(
    (field, mark): (&Field, Sensitivity),
    sent: &Value,
    there: &Value,
) -> Option<String> {
    match (sent, there) {
        _ if mark.max(field.sensitivity) == Sensitivity::Secret => None,
        (Value::String(sent), Value::String(there)) => {
            explain_text_change((field, mark.max(field.sensitivity)), sent, there)
        }
        (Value::Decimal(sent), Value::Decimal(there)) => explain_rounding(*sent, *there),
        _ => None,
    }
}

/// What to do about a list of which the very items that were sent are there, but in another order.
pub fn explain_reordering(field: &Field, sent: &[Value], there: &[Value]) -> Option<String> {
    let FieldType::Array(list) = &field.ty else { return None };
    let mut left: Vec<&Value> = there.iter().collect();
    let taken =
        |item: &Value| left.iter().position(|other| other.is_equivalent(item)).map(|at| left.swap_remove(at));
    let all = sent.len() == there.len() && sent.iter().map(taken).all(|found| found.is_some());
    let line = match list.item {
        ItemType::Scalar(_) => "add `list_type: set` to",
        ItemType::Object(_) => "add `list_type: map` with `list_keys` to",
    };
    (all && matches!(list.list_type, ListType::Atomic)).then(|| {
        let why = "the service keeps the items in an order of its own";
        format!("{why}: {line} `{}` in the description of the kind", field.name)
    })
}

fn explain_text_change((field, mark): (&Field, Sensitivity), sent: &str, there: &str) -> Option<String> {
    let line = |word: &str, why: &str| {
        Some(format!("{why}: add `compare: {word}` to `{}` in the description of the kind", field.name))
    };
    if field.compare == ComparisonRule::Exact && sent.to_lowercase() == there.to_lowercase() {
        return line("case_insensitive", "the service changes the case of letters");
    }
    if sent.trim() == there {
        return Some("the service takes blanks away at the ends: write the value without them".to_owned());
    }
    let is_list = sent.contains('@') && there.contains('@');
    if field.compare == ComparisonRule::Exact
        && is_list
        && normalize_addresses(sent) == normalize_addresses(there)
    {
        return line("addresses", "the service writes addresses otherwise");
    }
    let cut = !there.is_empty() && sent.starts_with(there);
    cut.then(|| match mark {
        Sensitivity::Public => {
            format!("the service keeps {} characters: write no more", there.chars().count())
        }
        _ => "the service cuts the value off: write a shorter one".to_owned(),
    })
}

fn explain_rounding(sent: Decimal, there: Decimal) -> Option<String> {
    let is_rounded = |places: u32| {
        sent != there && (sent.round_dp(places) == there || sent.trunc_with_scale(places) == there)
    };
    let places = (0..sent.normalize().scale()).find(|places| is_rounded(*places))?;
    Some(format!("the service keeps {places} places after the point: write no more"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::kind::registry::KindRegistry;

    fn kinds() -> Vec<std::sync::Arc<Kind>> {
        let registry = KindRegistry::get_builtin();
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect()
    }

    fn said(is: impl Fn(&Field) -> bool, sent: &Value, there: &Value) -> Option<String> {
        let kinds = kinds();
        let mut fields = kinds.iter().flat_map(|kind| &kind.shape.fields);
        let field = fields.find(|field| is(field)).expect("such a field");
        explain_normalization((field, Sensitivity::Public), sent, there)
    }

    fn of_text(sent: &str, there: &str) -> String {
        let is = |field: &Field| {
            field.sensitivity == Sensitivity::Public && field.compare == ComparisonRule::Exact
        };
        said(is, &Value::from_text(sent), &Value::from_text(there)).unwrap_or_default()
    }

    #[test]
    fn each_cause_has_its_remedy() {
        assert!(of_text("Duluth", "DULUTH").contains("`compare: case_insensitive`"));
        assert!(of_text("a@x.se, b@X.se", "a@x.se,b@y.se").is_empty());
        assert!(of_text("a@x.se, b@x.se", "a@x.se,b@x.se").contains("`compare: addresses`"));
        assert!(of_text(" Duluth ", "Duluth").contains("blanks"));
        assert!(of_text("Duluth, MN", "Duluth").contains("keeps 6 characters"));
        assert!(of_text("Duluth", "Superior").is_empty() && of_text("Duluth", "").is_empty());
        let decimal = |text: &str| Value::Decimal(text.parse().expect("a decimal"));
        let rounded = |sent, there| {
            said(|field| field.sensitivity == Sensitivity::Public, &decimal(sent), &decimal(there))
        };
        assert!(rounded("2.955", "2.96").is_some_and(|said| said.contains("keeps 2 places")));
        assert!(rounded("2.959", "2.95").is_some_and(|said| said.contains("keeps 2 places")));
        assert!(rounded("2.9", "3").is_some_and(|said| said.contains("keeps 0 places")));
        assert!(rounded("2.95", "4").is_none() && rounded("3", "4").is_none());
    }

    #[test]
    fn of_a_secret_nothing_is_reported() {
        let secret = |field: &Field| field.sensitivity == Sensitivity::Secret;
        assert!(said(secret, &Value::from_text("Aa"), &Value::from_text("aa")).is_none());
        let kinds = kinds();
        let open = |field: &&Field| {
            field.sensitivity == Sensitivity::Public && field.compare == ComparisonRule::Exact
        };
        let field = kinds.iter().flat_map(|kind| &kind.shape.fields).find(open).expect("an open field");
        let within = |mark| {
            explain_normalization((field, mark), &Value::from_text("Duluth, MN"), &Value::from_text("Duluth"))
        };
        assert!(within(Sensitivity::Secret).is_none(), "it stands in a secret");
        assert!(
            within(Sensitivity::Personal).is_some_and(|said| !said.contains('6')),
            "its length is not shown"
        );
    }
}
