//! The body of a list by POST: the members that the kind gives, with scope values and the page in them.
//!
//! Deliberately absent: what the service makes of them.

use serde_json::{Map, Value as Json};

use crate::kind::file::{ListFile, PagingFile};
use crate::kind::{Kind, ScalarType};
use crate::value::Value;

/// The body of every page: a text `{name}` alone is the value of a scope parameter.
pub(super) fn build_body(kind: &Kind, scope: &[Value], list: &ListFile) -> Json {
    let mut body = list.body.clone().unwrap_or_else(|| Json::Object(Map::new()));
    fill_scope(&mut body, kind, scope);
    body
}

fn fill_scope(node: &mut Json, kind: &Kind, scope: &[Value]) {
    match node {
        Json::String(text) => {
            let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let at = name.and_then(|name| kind.scope.iter().position(|own| *own.name == *name));
            if let Some(value) = at.and_then(|at| scope.get(at)) {
                *node = match value {
                    Value::Integer(number) => Json::from(*number),
                    value => Json::String(ScalarType::render_url_text(value, &kind.api)),
                };
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| fill_scope(item, kind, scope)),
        Json::Object(members) => members.values_mut().for_each(|member| fill_scope(member, kind, scope)),
        _ => {}
    }
}

/// Names a page in the body; numbers are numbers, a cursor is a text.
pub(super) fn put_page(body: &mut Json, paging: &PagingFile, own: Vec<(String, String)>) {
    for (name, text) in own {
        let is_cursor = paging.cursor.as_ref() == Some(&name);
        let number = text.parse::<u64>().ok().filter(|_| !is_cursor);
        let value = number.map_or(Json::String(text), Json::from);
        put_member(body, &name, value);
    }
}

/// Puts a value at a member; dots lead into members.
fn put_member(body: &mut Json, path: &str, value: Json) {
    let mut node = body;
    for name in path.split('.') {
        if !node.is_object() {
            *node = Json::Object(Map::new());
        }
        let Json::Object(members) = node else { return };
        node = members.entry(name).or_insert(Json::Null);
    }
    *node = value;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_is_named_in_the_body() {
        let paging: PagingFile = serde_yaml::from_str(
            "{ style: cursor, cursor: page.after, limit: page.size, page_size: 5, in: body }",
        )
        .expect("paging");
        let mut body = json!({ "filter": { "kind": "x" }, "page": { "size": 1 } });
        put_page(
            &mut body,
            &paging,
            vec![("page.size".into(), "5".into()), ("page.after".into(), "7".into())],
        );
        assert_eq!(body, json!({ "filter": { "kind": "x" }, "page": { "size": 5, "after": "7" } }));
    }
}
