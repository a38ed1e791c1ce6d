//! Which operation a request means: the paths of the descriptions, turned round.
//!
//! Routes are data, so they are matched here by hand: verb and segments, a literal before a parameter. Hosts
//! that speak JSV ignore the case of paths and a slash at the end; elsewhere a missing slash is a redirect.
//! Deliberately absent: doing anything.

use std::collections::HashSet;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::exchange::Method;
use crate::kind::scalar::ScalarToken;
use crate::kind::{Api, FieldType, Kind, ParameterLocation, ScalarType, WireFormat, address};
use crate::sandbox::deserialize::is_lenient;
use crate::sandbox::store::SandboxScopeFilter;
use crate::value::Value;

/// Everything that one API serves.
pub struct SandboxRouter {
    pub api: Arc<Api>,
    /// Query parameters whose values the descriptions fix.
    pub loggable_parameters: HashSet<String>,
    /// Query parameters that mean something.
    pub known_parameters: HashSet<String>,
    routes: Vec<SandboxRoute>,
}

struct SandboxRoute {
    method: Method,
    segments: Vec<SandboxPathSegment>,
    /// Whether the path ends with a slash.
    trailing_slash: bool,
    target: SandboxRouteTarget,
}

enum SandboxPathSegment {
    Literal(Box<str>),
    Scope(usize),
    /// A part of the id.
    Id(usize),
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SandboxRouteTarget {
    /// An operation on the kind of that number.
    Kind(usize, SandboxOperation),
    /// Opening a session.
    Login,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SandboxOperation {
    List,
    /// Whether the scope exists.
    AccessCheck,
    Get,
    Create,
    /// One of several updates.
    UpdatePart(usize),
    Update,
    Replace,
    Delete,
}

/// Where a request leads.
pub enum SandboxRouteMatch {
    Matched {
        target: SandboxRouteTarget,
        parameters: SandboxPathParameters,
        /// What the path's suffix asks for.
        suffix: Option<WireFormat>,
    },
    /// The same path with a slash at the end exists.
    MissingSlash,
    /// The path exists, but not with this verb.
    MethodNotAllowed,
    NotFound,
}

/// The texts in the places of the parameters.
#[derive(Default)]
pub struct SandboxPathParameters {
    scope: Vec<(usize, String)>,
    /// The parts of the id, by their place.
    id: Vec<(usize, String)>,
}

/// A parameter that is not of its type.
pub struct SandboxParameterError {
    pub name: String,
    pub message: String,
}

impl SandboxRouter {
    /// The routes of an API, from all kinds; those of other APIs are skipped.
    pub fn new(api: &Arc<Api>, kinds: &[Arc<Kind>]) -> Self {
        let mut routes = Vec::new();
        for (number, kind) in kinds.iter().enumerate().filter(|(_, kind)| kind.api.name == api.name) {
            routes.extend(list_operations(kind).into_iter().map(|(operation, verb, path)| {
                SandboxRoute::new(kind, verb, path, SandboxRouteTarget::Kind(number, operation))
            }));
        }
        if let Some(login) = &api.login {
            let parts = split_path(&login.post)
                .0
                .into_iter()
                .map(|part| SandboxPathSegment::Literal(part.into()))
                .collect();
            let slash = login.post.ends_with('/');
            routes.push(SandboxRoute {
                method: Method::Post,
                segments: parts,
                trailing_slash: slash,
                target: SandboxRouteTarget::Login,
            });
        }
        // literals win over parameters, and an object over the question whether it is there
        routes.sort_by_key(|route| {
            let parameters =
                route.segments.iter().filter(|part| !matches!(part, SandboxPathSegment::Literal(_))).count();
            (parameters, matches!(route.target, SandboxRouteTarget::Kind(_, SandboxOperation::AccessCheck)))
        });
        let own: Vec<&Kind> =
            kinds.iter().map(|kind| &**kind).filter(|kind| kind.api.name == api.name).collect();
        let (open, known) = collect_query_names(&own);
        Self { api: Arc::clone(api), loggable_parameters: open, known_parameters: known, routes }
    }

    /// Where a request leads; `path` is what follows the name of the API, still encoded.
    pub fn match_request(&self, verb: &str, path: &str) -> SandboxRouteMatch {
        let lax = is_lenient(&self.api);
        let (path, suffix) = if lax { split_suffix(path) } else { (path, None) };
        let (given, slash) = split_path(path);
        let fits = |route: &&SandboxRoute| route.matches_path(&given, lax);
        let (mut other_verb, mut needs_slash) = (false, false);
        for route in self.routes.iter().filter(fits) {
            match (route.method.as_str() == verb, route.trailing_slash == slash || lax) {
                (true, true) => {
                    return SandboxRouteMatch::Matched {
                        target: route.target,
                        parameters: route.extract_parameters(&given),
                        suffix,
                    };
                }
                (_, false) => needs_slash |= route.trailing_slash,
                (false, true) => other_verb = true,
            }
        }
        match (other_verb, needs_slash) {
            (true, _) => SandboxRouteMatch::MethodNotAllowed,
            (_, true) => SandboxRouteMatch::MissingSlash,
            _ => SandboxRouteMatch::NotFound,
        }
    }
}

impl SandboxRoute {
    fn new(kind: &Kind, verb: Method, path: &str, target: SandboxRouteTarget) -> Self {
        let (parts, slash) = split_path(path);
        let part = |text: &str| {
            let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                return SandboxPathSegment::Literal(text.into());
            };
            match kind.scope.iter().position(|scope| *scope.name == *name) {
                Some(at) => SandboxPathSegment::Scope(at),
                None => SandboxPathSegment::Id(find_id_part(kind, name)),
            }
        };
        Self { method: verb, segments: parts.into_iter().map(part).collect(), trailing_slash: slash, target }
    }

    fn matches_path(&self, given: &[&str], lax: bool) -> bool {
        let same = |part: &SandboxPathSegment, text: &str| match part {
            SandboxPathSegment::Literal(own) if lax => own.eq_ignore_ascii_case(text),
            SandboxPathSegment::Literal(own) => **own == *text,
            SandboxPathSegment::Scope(_) | SandboxPathSegment::Id(_) => !text.is_empty(),
        };
        self.segments.len() == given.len()
            && self.segments.iter().zip(given).all(|(part, text)| same(part, text))
    }

    fn extract_parameters(&self, given: &[&str]) -> SandboxPathParameters {
        let mut parameters = SandboxPathParameters::default();
        for (part, text) in self.segments.iter().zip(given) {
            let text = percent_decode_str(text).decode_utf8_lossy().into_owned();
            match part {
                SandboxPathSegment::Literal(_) => {}
                SandboxPathSegment::Scope(at) => parameters.scope.push((*at, text)),
                SandboxPathSegment::Id(at) => parameters.id.push((*at, text)),
            }
        }
        parameters
    }
}

impl SandboxPathParameters {
    /// The text of a scope parameter that is defined elsewhere.
    pub fn add_scope(&mut self, number: usize, text: String) {
        self.scope.push((number, text));
    }

    /// The scope that path and query name; unlike bodies, both are read strictly. Empty query values say
    /// nothing.
    pub fn read_scope(
        &self,
        kind: &Kind,
        query: &[(String, String)],
    ) -> Result<SandboxScopeFilter, SandboxParameterError> {
        let value = |(at, parameter): (usize, &crate::kind::ScopeParameter)| {
            let text = match parameter.location {
                ParameterLocation::Path => {
                    self.scope.iter().find(|(own, _)| *own == at).map(|(_, text)| text)
                }
                ParameterLocation::Query => {
                    query.iter().find(|(name, _)| **name == *parameter.name).map(|(_, v)| v)
                }
            };
            let text = text.filter(|text| !text.is_empty());
            text.map(|text| parse_parameter(&parameter.ty, &parameter.name, text)).transpose()
        };
        kind.scope.iter().enumerate().map(value).collect()
    }

    /// The id that the path names.
    pub fn read_id(&self, kind: &Kind) -> Result<Option<Value>, SandboxParameterError> {
        let field = kind.id_field();
        let FieldType::Scalar(leaf) = &field.ty else { return Ok(None) };
        if let Some(parts) = &kind.identity.composition {
            let part = |at: usize| self.id.iter().find(|(own, _)| *own == at).map(|(_, text)| text);
            let texts: Option<Vec<&String>> = (0..parts.len()).map(part).collect();
            let encode = |text: &String| address::encode_segment(&Value::from_text(text.as_str()), kind);
            return Ok(
                texts.map(|texts| address::join_id_parts(&texts.into_iter().map(encode).collect::<Vec<_>>()))
            );
        }
        self.id.first().map(|(_, text)| parse_parameter(leaf, &field.name, text)).transpose()
    }
}

/// The place of a field in an id that is made of several.
fn find_id_part(kind: &Kind, name: &str) -> usize {
    let parts = kind.identity.composition.iter().flatten();
    let mut names = parts.map(|number| &kind.shape.get_field(*number).name);
    names.position(|own| **own == *name).unwrap_or_default()
}

fn parse_parameter(leaf: &ScalarType, name: &str, text: &str) -> Result<Value, SandboxParameterError> {
    leaf.read_token(ScalarToken::Plain(text))
        .map_err(|mismatch| SandboxParameterError { name: name.to_owned(), message: mismatch.message })
}

fn list_operations(kind: &Kind) -> Vec<(SandboxOperation, Method, &str)> {
    let all = &kind.operations;
    let mut found = Vec::new();
    found.extend(all.is_listed.then_some((SandboxOperation::List, all.list.method(), all.list.path())));
    found.extend(
        all.list.access_check.iter().map(|probe| (SandboxOperation::AccessCheck, Method::Get, &**probe)),
    );
    found.extend(all.get.iter().filter_map(|get| Some((SandboxOperation::Get, Method::Get, get.path()?))));
    found.extend(all.create.iter().map(|write| (SandboxOperation::Create, write.method, &*write.path)));
    found.extend(all.update.iter().map(|write| (SandboxOperation::Update, write.method, &*write.path)));
    let parts = all.updates.iter().enumerate();
    found.extend(parts.map(|(at, write)| (SandboxOperation::UpdatePart(at), write.method, &*write.path)));
    found.extend(all.replace.iter().map(|write| (SandboxOperation::Replace, write.method, &*write.path)));
    found.extend(all.delete.iter().map(|delete| (SandboxOperation::Delete, Method::Delete, &*delete.delete)));
    found
}

/// The segments of a path, and whether it ends with a slash.
fn split_path(path: &str) -> (Vec<&str>, bool) {
    let inner = path.strip_prefix('/').unwrap_or(path);
    match inner.strip_suffix('/') {
        Some(inner) => (inner.split('/').collect(), true),
        None => (inner.split('/').collect(), false),
    }
}

/// The format that the end of a path asks for.
fn split_suffix(path: &str) -> (&str, Option<WireFormat>) {
    let formats = [(".json", WireFormat::Json), (".jsv", WireFormat::Jsv)];
    let requested =
        formats.into_iter().find_map(|(suffix, format)| Some((path.strip_suffix(suffix)?, format)));
    requested.map_or((path, None), |(path, format)| (path, Some(format)))
}

/// The names of query parameters that an API gives a meaning: those with values that may be shown, and all.
fn collect_query_names(kinds: &[&Kind]) -> (HashSet<String>, HashSet<String>) {
    let mut open = HashSet::from(["format".to_owned()]);
    let mut known = HashSet::new();
    for kind in kinds {
        let all = &kind.operations;
        open.extend(all.list.query.keys().cloned());
        let paging = all.list.paging.iter();
        open.extend(
            paging.flat_map(|own| [&own.offset, &own.page, &own.limit].into_iter().flatten().cloned()),
        );
        let writes = || all.create.iter().chain(all.list_updates()).chain(&all.replace);
        open.extend(writes().flat_map(|write| write.query.iter().map(|(name, _)| name.clone())));
        open.extend(all.delete.iter().flat_map(|delete| delete.query.keys().cloned()));
        open.extend(all.get_form.query.iter().map(|(name, _)| name.clone()));
        let nested = writes().filter_map(|write| write.nested_fields.as_ref());
        open.extend(nested.flat_map(|nested| nested.query.iter().map(|(name, _)| name.clone())));
        known.extend(all.find.iter().flat_map(|find| find.query.keys().cloned()));
        known.extend(kind.scope.iter().map(|scope| scope.name.to_string()));
    }
    known.extend(open.iter().cloned());
    (open, known)
}
