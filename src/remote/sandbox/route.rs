//! Which operation a request means: the paths of the descriptions, turned round.
//!
//! Routes are data, so they are matched here by hand: verb and segments, a literal before a parameter. Hosts
//! that speak JSV ignore the case of paths and a slash at the end; elsewhere a missing slash is a redirect.
//! Deliberately absent: doing anything.

use std::collections::HashSet;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::exchange::Verb;
use crate::kind::leaf::Token;
use crate::kind::{Api, FormatWord, Kind, Leaf, ScopePlace, Type};
use crate::value::Value;

use super::bind::binds_silently;
use super::store::Scoped;

/// Everything that one API serves.
pub struct Mount {
    pub api: Arc<Api>,
    /// Query parameters whose values the descriptions fix.
    pub open: HashSet<String>,
    /// Query parameters that mean something.
    pub known: HashSet<String>,
    routes: Vec<Route>,
}

struct Route {
    verb: Verb,
    parts: Vec<Part>,
    /// Whether the path ends with a slash.
    slash: bool,
    target: Target,
}

enum Part {
    Literal(Box<str>),
    Scope(usize),
    Id,
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An operation on the kind of that number.
    Kind(usize, Operation),
    /// Opening a session.
    Login,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    List,
    /// Whether the scope exists.
    Probe,
    Get,
    Create,
    Update,
    Replace,
    Delete,
}

/// Where a request leads.
pub enum Found {
    Target {
        target: Target,
        parameters: Parameters,
        /// What the path's suffix asks for.
        suffix: Option<FormatWord>,
    },
    /// The same path with a slash at the end exists.
    Slash,
    /// The path exists, but not with this verb.
    OtherVerb,
    Nothing,
}

/// The texts in the places of the parameters.
#[derive(Default)]
pub struct Parameters {
    scope: Vec<(usize, String)>,
    id: Option<String>,
}

/// A parameter that is not of its type.
pub struct Unfit {
    pub name: String,
    pub message: String,
}

impl Mount {
    /// The routes of an API, from all kinds; those of other APIs are skipped.
    pub fn new(api: &Arc<Api>, kinds: &[Arc<Kind>]) -> Self {
        let mut routes = Vec::new();
        for (number, kind) in kinds.iter().enumerate().filter(|(_, kind)| kind.api.name == api.name) {
            routes.extend(operations(kind).into_iter().map(|(operation, verb, path)| {
                Route::new(kind, (verb, path), Target::Kind(number, operation))
            }));
        }
        if let Some(login) = &api.login {
            let parts = segments(&login.post).0.into_iter().map(|part| Part::Literal(part.into())).collect();
            let slash = login.post.ends_with('/');
            routes.push(Route { verb: Verb::Post, parts, slash, target: Target::Login });
        }
        // literals win over parameters, and an object over the question whether it is there
        routes.sort_by_key(|route| {
            let parameters = route.parts.iter().filter(|part| !matches!(part, Part::Literal(_))).count();
            (parameters, matches!(route.target, Target::Kind(_, Operation::Probe)))
        });
        let own: Vec<&Kind> =
            kinds.iter().map(|kind| &**kind).filter(|kind| kind.api.name == api.name).collect();
        let (open, known) = query_names(&own);
        Self { api: Arc::clone(api), open, known, routes }
    }

    /// Where a request leads; `path` is what follows the name of the API, still encoded.
    pub fn find(&self, verb: &str, path: &str) -> Found {
        let lax = binds_silently(&self.api);
        let (path, suffix) = if lax { suffixed(path) } else { (path, None) };
        let (given, slash) = segments(path);
        let fits = |route: &&Route| route.fits(&given, lax);
        let (mut other_verb, mut needs_slash) = (false, false);
        for route in self.routes.iter().filter(fits) {
            match (route.verb.word() == verb, route.slash == slash || lax) {
                (true, true) => {
                    return Found::Target {
                        target: route.target,
                        parameters: route.parameters(&given),
                        suffix,
                    };
                }
                (_, false) => needs_slash |= route.slash,
                (false, true) => other_verb = true,
            }
        }
        match (other_verb, needs_slash) {
            (true, _) => Found::OtherVerb,
            (_, true) => Found::Slash,
            _ => Found::Nothing,
        }
    }
}

impl Route {
    fn new(kind: &Kind, (verb, path): (Verb, &str), target: Target) -> Self {
        let (parts, slash) = segments(path);
        let part = |text: &str| {
            let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                return Part::Literal(text.into());
            };
            match kind.scope.iter().position(|scope| *scope.name == *name) {
                Some(at) => Part::Scope(at),
                None => Part::Id,
            }
        };
        Self { verb, parts: parts.into_iter().map(part).collect(), slash, target }
    }

    fn fits(&self, given: &[&str], lax: bool) -> bool {
        let same = |part: &Part, text: &str| match part {
            Part::Literal(own) if lax => own.eq_ignore_ascii_case(text),
            Part::Literal(own) => **own == *text,
            Part::Scope(_) | Part::Id => !text.is_empty(),
        };
        self.parts.len() == given.len() && self.parts.iter().zip(given).all(|(part, text)| same(part, text))
    }

    fn parameters(&self, given: &[&str]) -> Parameters {
        let mut parameters = Parameters::default();
        for (part, text) in self.parts.iter().zip(given) {
            let text = percent_decode_str(text).decode_utf8_lossy().into_owned();
            match part {
                Part::Literal(_) => {}
                Part::Scope(at) => parameters.scope.push((*at, text)),
                Part::Id => parameters.id = Some(text),
            }
        }
        parameters
    }
}

impl Parameters {
    /// The scope that path and query name; unlike bodies, both are read strictly. Empty query values say
    /// nothing.
    pub fn scope(&self, kind: &Kind, query: &[(String, String)]) -> Result<Scoped, Unfit> {
        let value = |(at, parameter): (usize, &crate::kind::Scope)| {
            let text = match parameter.place {
                ScopePlace::Path => self.scope.iter().find(|(own, _)| *own == at).map(|(_, text)| text),
                ScopePlace::Query => query.iter().find(|(name, _)| **name == *parameter.name).map(|(_, v)| v),
            };
            let text = text.filter(|text| !text.is_empty());
            text.map(|text| read(&parameter.ty, &parameter.name, text)).transpose()
        };
        kind.scope.iter().enumerate().map(value).collect()
    }

    /// The id that the path names.
    pub fn id(&self, kind: &Kind) -> Result<Option<Value>, Unfit> {
        let field = kind.id_field();
        let Type::Leaf(leaf) = &field.ty else { return Ok(None) };
        self.id.as_ref().map(|text| read(leaf, &field.name, text)).transpose()
    }
}

fn read(leaf: &Leaf, name: &str, text: &str) -> Result<Value, Unfit> {
    leaf.read(Token::Bare(text))
        .map_err(|mismatch| Unfit { name: name.to_owned(), message: mismatch.message })
}

fn operations(kind: &Kind) -> Vec<(Operation, Verb, &str)> {
    let all = &kind.operations;
    let mut found = vec![(Operation::List, Verb::Get, &*all.list.get)];
    found.extend(all.list.probe.iter().map(|probe| (Operation::Probe, Verb::Get, &**probe)));
    found.extend(all.get.iter().filter_map(|get| Some((Operation::Get, Verb::Get, get.path()?))));
    found.extend(all.create.iter().map(|write| (Operation::Create, write.verb, &*write.path)));
    found.extend(all.update.iter().map(|write| (Operation::Update, write.verb, &*write.path)));
    found.extend(all.replace.iter().map(|write| (Operation::Replace, write.verb, &*write.path)));
    found.extend(all.delete.iter().map(|delete| (Operation::Delete, Verb::Delete, &*delete.delete)));
    found
}

/// The segments of a path, and whether it ends with a slash.
fn segments(path: &str) -> (Vec<&str>, bool) {
    let inner = path.strip_prefix('/').unwrap_or(path);
    match inner.strip_suffix('/') {
        Some(inner) => (inner.split('/').collect(), true),
        None => (inner.split('/').collect(), false),
    }
}

/// The format that the end of a path asks for.
fn suffixed(path: &str) -> (&str, Option<FormatWord>) {
    let formats = [(".json", FormatWord::Json), (".jsv", FormatWord::Jsv)];
    let asked = formats.into_iter().find_map(|(suffix, format)| Some((path.strip_suffix(suffix)?, format)));
    asked.map_or((path, None), |(path, format)| (path, Some(format)))
}

/// The names of query parameters that an API gives a meaning: those with values that may be shown, and all.
fn query_names(kinds: &[&Kind]) -> (HashSet<String>, HashSet<String>) {
    let mut open = HashSet::from(["format".to_owned()]);
    let mut known = HashSet::new();
    for kind in kinds {
        let all = &kind.operations;
        open.extend(all.list.query.keys().cloned());
        open.extend(all.list.paging.iter().flat_map(|paging| [paging.offset.clone(), paging.limit.clone()]));
        let writes = [&all.create, &all.update, &all.replace].into_iter().flatten();
        let nested = writes.filter_map(|write| write.nested.as_ref());
        open.extend(nested.flat_map(|nested| nested.query.iter().map(|(name, _)| name.clone())));
        known.extend(all.find.iter().flat_map(|find| find.query.keys().cloned()));
        known.extend(kind.scope.iter().map(|scope| scope.name.to_string()));
    }
    known.extend(open.iter().cloned());
    (open, known)
}
