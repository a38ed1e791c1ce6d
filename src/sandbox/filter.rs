//! Which objects a list request asks for: the filter templates of the description, turned round.
//!
//! A template such as `login eq "{login}"` is held against the value that came, and what stands in the place
//! of `{login}` is read as that field. A parameter that the description does not name filters nothing, as on
//! the real services: whoever misspells one gets everything.

use crate::kind::scalar::ScalarToken;
use crate::kind::{ComparisonRule, Field, FieldType, Kind, ScalarType, Shape};
use crate::sandbox::route::SandboxParameterError;
use crate::value::{Object, Value};

/// What an object must have to be listed.
pub struct SandboxFilter<'k> {
    /// The way to the field from the root.
    path: Vec<&'k Field>,
    value: Value,
}

/// A piece of a template.
enum FilterTemplatePart<'t> {
    Literal(&'t str),
    Field(&'t str),
}

/// The conditions that a query holds.
pub fn parse_filters<'k>(
    kind: &'k Kind,
    query: &[(String, String)],
) -> Result<Vec<SandboxFilter<'k>>, SandboxParameterError> {
    let mut found = Vec::new();
    let find = kind.operations.find.iter().flat_map(|find| &find.query);
    let by_id = kind.operations.get.iter().filter_map(|get| get.list_query()).flatten();
    for (name, template) in find.chain(by_id.map(|(name, template)| (name, template))) {
        let Some((_, given)) = query.iter().find(|(own, given)| own == name && !given.is_empty()) else {
            continue;
        };
        let pieces = split_template(template);
        if !pieces.iter().any(|piece| matches!(piece, FilterTemplatePart::Field(_))) {
            continue;
        }
        let unfit =
            || SandboxParameterError { name: name.clone(), message: "this filter can't be read".into() };
        for (field, text) in extract_values(&pieces, given).ok_or_else(unfit)? {
            let text = unescape_value(kind, text).ok_or_else(unfit)?;
            let Some(path) = resolve_path(&kind.shape, field) else { continue };
            let Some(FieldType::Scalar(scalar_type)) = path.last().map(|field| &field.ty) else { continue };
            let value = scalar_type.read_token(ScalarToken::Plain(&text)).map_err(|_| unfit())?;
            found.push(SandboxFilter { path, value });
        }
    }
    Ok(found)
}

impl SandboxFilter<'_> {
    /// Whether an object has it.
    pub fn matches_object(&self, object: &Object) -> bool {
        let Some((last, inner)) = self.path.split_last() else { return true };
        let object =
            inner.iter().try_fold(object, |object, field| object.get_field(field.number)?.as_object());
        let own = object.and_then(|object| object.get_field(last.number)).unwrap_or(&Value::Null);
        match (own, &self.value, last.compare) {
            (
                Value::String(own),
                Value::String(wanted),
                ComparisonRule::CaseInsensitive | ComparisonRule::Addresses | ComparisonRule::Json,
            ) => own.to_lowercase() == wanted.to_lowercase(),
            (own, wanted, _) => own == wanted,
        }
    }
}

/// The fields that a dotted name leads through.
fn resolve_path<'k>(mut shape: &'k Shape, dotted: &str) -> Option<Vec<&'k Field>> {
    let mut fields = Vec::new();
    let mut names = dotted.split('.').peekable();
    while let Some(name) = names.next() {
        let field = shape.find_field(name)?;
        fields.push(field);
        match &field.ty {
            FieldType::Object(inner) => shape = inner,
            _ if names.peek().is_some() => return None,
            _ => {}
        }
    }
    Some(fields)
}

fn split_template(template: &str) -> Vec<FilterTemplatePart<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        pieces.push(FilterTemplatePart::Literal(before));
        pieces.push(FilterTemplatePart::Field(name));
        rest = after;
    }
    pieces.push(FilterTemplatePart::Literal(rest));
    pieces
}

/// What stands in the places of the fields; nothing when the text is not made from the template.
fn extract_values<'t>(pieces: &[FilterTemplatePart<'t>], text: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        match (piece, pieces.get(at + 1)) {
            (FilterTemplatePart::Literal(literal), _) => {
                rest = rest.strip_prefix(literal)?;
                at += 1;
            }
            (FilterTemplatePart::Field(name), Some(FilterTemplatePart::Literal(end))) => {
                // the last literal stands at the very end
                let last = at + 2 == pieces.len();
                let cut = if last { rest.len().checked_sub(end.len())? } else { rest.find(end)? };
                let value = rest.get(..cut)?;
                found.push((*name, value));
                rest = rest.get(cut..)?.strip_prefix(end)?;
                at += 2;
            }
            (FilterTemplatePart::Field(_), _) => return None,
        }
    }
    rest.is_empty().then_some(found)
}

/// A value as it was before its characters were escaped; none where one of them, or a quote, stands bare.
fn unescape_value(kind: &Kind, text: &str) -> Option<String> {
    let escape = kind.operations.find.as_ref().map(|find| &find.escape);
    let (mut value, mut rest) = (String::new(), text);
    while let Some(next) = rest.chars().next() {
        let escaped = escape.and_then(|all| all.iter().find(|(_, text)| rest.starts_with(&***text)));
        match escaped {
            Some((plain, text)) => {
                value.push(*plain);
                rest = &rest[text.len()..];
            }
            None if next == '"' || escape.is_some_and(|all| all.contains_key(&next)) => return None,
            None => {
                value.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    Some(value)
}

/// A number that a query parameter holds.
pub fn parse_number(query: &[(String, String)], name: &str) -> Result<Option<usize>, SandboxParameterError> {
    let Some((_, text)) = query.iter().find(|(own, text)| own == name && !text.is_empty()) else {
        return Ok(None);
    };
    let unfit = || SandboxParameterError {
        name: name.to_owned(),
        message: format!(
            "this is not {}",
            ScalarType::describe_type(&ScalarType::Integer(Default::default()))
        ),
    };
    text.parse().map(Some).map_err(|_| unfit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_values_are_found_again() {
        let found = |template: &'static str, text: &'static str| {
            extract_values(&split_template(template), text).map(|found| {
                found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            })
        };
        assert_eq!(found(r#"login eq "{login}""#, r#"login eq "a b""#).as_deref(), Some("login=a b"));
        assert_eq!(found("{number}", "10044").as_deref(), Some("number=10044"));
        assert_eq!(found("{a} and {b}", "1 and 2").as_deref(), Some("a=1 b=2"));
        assert_eq!(found("x eq {a}", "y eq 1"), None);
        assert_eq!(found("fixed", "fixed").as_deref(), Some(""));
        assert_eq!(found("fixed", "other"), None);
    }
}
