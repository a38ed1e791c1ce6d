//! Lists by POST as if what their bodies say stood in the path and in the query; reads of lists know these alone.
//!
//! The body of the kind is the pattern: where it has `{name}`, the request has the value of a scope parameter.
//! Deliberately absent: filters of the body that no kind describes.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::kind::Kind;
use crate::kind::file::{PagingFile, PagingLocation};
use crate::sandbox::route::{SandboxOperation, SandboxPathParameters, SandboxRouteMatch, SandboxRouteTarget};
use crate::sandbox::service::{SandboxRequest, SandboxService};

impl SandboxService {
    /// The request with its page in the query; the scope goes into the parameters of the match.
    pub(super) fn read_search(
        &self,
        found: &mut SandboxRouteMatch,
        requested: &SandboxRequest,
    ) -> Option<SandboxRequest> {
        let SandboxRouteMatch::Matched { target, parameters, .. } = found else { return None };
        let SandboxRouteTarget::Kind(number, SandboxOperation::List) = target else { return None };
        let kind = Arc::clone(&self.lock_state().tables.get(*number)?.kind);
        let list = &kind.operations.list;
        let pattern = list.body.as_ref();
        let paging = list.paging.as_ref().filter(|own| own.location == PagingLocation::Body);
        if pattern.is_none() && paging.is_none() {
            return None;
        }
        let body: Json = serde_json::from_slice(&requested.body).ok()?;
        if let Some(pattern) = pattern {
            read_scope(&kind, pattern, &body, parameters);
        }
        let mut search = requested.clone();
        search.query.extend(paging.into_iter().flat_map(|paging| read_page(paging, &body)));
        Some(search)
    }
}

fn read_scope(kind: &Kind, pattern: &Json, body: &Json, parameters: &mut SandboxPathParameters) {
    match (pattern, body) {
        (Json::Object(members), Json::Object(given)) => {
            let pairs = members.iter().filter_map(|(name, member)| Some((member, given.get(name)?)));
            pairs.for_each(|(member, given)| read_scope(kind, member, given, parameters));
        }
        (Json::Array(items), Json::Array(given)) => {
            items.iter().zip(given).for_each(|(item, given)| read_scope(kind, item, given, parameters));
        }
        (Json::String(text), given) => {
            let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let at = name.and_then(|name| kind.scope.iter().position(|own| *own.name == *name));
            if let Some(at) = at {
                parameters.add_scope(at, render_scalar(given));
            }
        }
        _ => {}
    }
}

fn read_page(paging: &PagingFile, body: &Json) -> Vec<(String, String)> {
    let names = [&paging.offset, &paging.page, &paging.cursor, &paging.limit].into_iter().flatten();
    let member = |name: &String| {
        let value = body.pointer(&format!("/{}", name.replace('.', "/")))?;
        Some((name.clone(), render_scalar(value)))
    };
    names.filter_map(member).collect()
}

fn render_scalar(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
