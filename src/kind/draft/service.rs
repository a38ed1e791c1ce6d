//! What a document says of the service as a whole: where it is, how it takes credentials, how it says no.
//!
//! Only what the format can say is written; what it cannot is told in a remark.
//! Deliberately absent: kinds.

use std::collections::BTreeMap;

use openapiv3::{APIKeyLocation, SecurityScheme};
use serde_json::Value as Json;
use url::{Host, Url};

use super::book::{Book, target};
use super::plain::{Form, Plain, plain};
use super::resource::{Op, Place, Resource, name, place};
use super::sheet::{self, Line, Said};
use super::words::{self, folded, tidy};

/// Ways to authenticate, in the words of the format.
#[derive(Default)]
struct Auth {
    words: Vec<&'static str>,
    headers: Vec<String>,
    token_url: Option<Url>,
    /// What the format cannot say, or somebody must decide.
    decide: Vec<String>,
}

/// Where the service is.
#[derive(Default)]
struct Home {
    base_url: Option<String>,
    hosts: Vec<String>,
    decide: Option<String>,
}

/// The text of `api.yaml`.
pub fn text(book: &Book, source: &str, resources: &[&Resource]) -> String {
    let title = book.said("/info/title").unwrap_or_else(|| "The service".to_owned());
    let is = book.said("/info/description").or_else(|| book.said("/info/summary"));
    let mut home = home(book);
    let (mut auth, headers) = (auth(book), headers(book, resources, &mut home.decide));
    for name in headers.credentials {
        auth.header(name);
    }
    let mut lines = vec![
        Line::word("format", 1),
        Line::text("title", &*title),
        Line::text("is", is.unwrap_or_else(|| format!("The service {title}."))),
        Line::text("source", source),
    ];
    lines.extend(home.lines(auth.token_url.as_ref()));
    lines.push(Line::new("formats", Said::Words(vec!["json".into()])));
    lines.extend(auth.lines());
    if !headers.fixed.is_empty() {
        let fixed = headers.fixed.iter().map(|(name, value)| Line::text(&**name, &**value)).collect();
        lines.push(Line::new("headers", Said::Lines(fixed)));
    }
    let remark =
        "how the service clears a value: `null`, `empty`, `zero` or `never`; fields may say otherwise";
    let clears = vec![Line::word("text", "empty"), Line::word("other", "never")];
    lines.push(Line::new("clears", Said::Lines(clears)).decide(remark));
    lines.push(errors(book, resources));
    let top = ["yaml-language-server: $schema=../../schemas/api.json".to_owned()];
    sheet::text(&top, &lines)
}

/// The first server that the format can name.
fn home(book: &Book) -> Home {
    let servers = book.raw("/servers").and_then(Json::as_array);
    let urls: Vec<String> = servers.into_iter().flatten().filter_map(server).collect();
    let usable = urls.iter().find_map(|text| usable(text));
    let others = urls.len() > 1;
    match usable {
        Some((url, host)) => Home {
            base_url: Some(url),
            hosts: vec![host],
            decide: others
                .then(|| "the document names other servers too; a target may name any of them".to_owned()),
        },
        None => Home {
            decide: Some(
                "where the service is; until `base_url` stands here, each target names its own".to_owned(),
            ),
            ..Home::default()
        },
    }
}

/// The URL of a server, its variables as by default.
fn server(server: &Json) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in server.get("variables").and_then(Json::as_object).into_iter().flatten() {
        let value = variable.get("default").and_then(Json::as_str)?;
        url = url.replace(&format!("{{{name}}}"), value);
    }
    Some(url)
}

/// An `https` URL, or one of this machine, with its host.
fn usable(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let fits =
        plain && url.password().is_none() && (url.scheme() == "https" || (here && url.scheme() == "http"));
    let host = url.host_str()?.to_owned();
    fits.then(|| (url.as_str().trim_end_matches('/').to_owned(), host))
}

impl Home {
    fn lines(self, token_url: Option<&Url>) -> Vec<Line> {
        let Self { base_url, mut hosts, mut decide } = self;
        let token_host = token_url.and_then(|url| url.host_str()).map(str::to_owned);
        hosts.extend(token_host.filter(|host| !hosts.contains(host) && base_url.is_some()));
        let mut lines: Vec<Line> = base_url.map(|url| Line::text("base_url", url)).into_iter().collect();
        lines.push(Line::new("hosts", Said::Words(hosts)));
        lines.into_iter().map(|line| line.decide_some(decide.take())).collect()
    }
}

fn auth(book: &Book) -> Auth {
    let mut auth = Auth::default();
    for (called, pointer) in book.named("/components/securitySchemes") {
        match book.security(&pointer) {
            Some(scheme) => auth.enter(scheme),
            None => auth.decide.push(format!("`{}` of the document was not understood", tidy(called))),
        }
    }
    auth
}

impl Auth {
    fn word(&mut self, word: &'static str) {
        if !self.words.contains(&word) {
            self.words.push(word);
        }
    }

    fn header(&mut self, name: String) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !name.is_empty() && name.bytes().all(token) && !self.headers.contains(&name) {
            self.word("headers");
            self.headers.push(name);
        }
    }

    fn enter(&mut self, scheme: SecurityScheme) {
        match scheme {
            SecurityScheme::HTTP { scheme, .. } => match scheme.to_lowercase().as_str() {
                "bearer" => self.word("bearer"),
                "basic" => self.word("basic"),
                other => self.decide.push(format!("the scheme `{}` has no word in the format", tidy(other))),
            },
            SecurityScheme::APIKey { location: APIKeyLocation::Header, name, .. } => {
                if name.eq_ignore_ascii_case("authorization") {
                    self.decide.push(
                        "whether `bearer` or `token` is meant by a key in the header Authorization".into(),
                    );
                }
                self.header(name);
            }
            SecurityScheme::APIKey { location: APIKeyLocation::Query, .. } => self.word("query"),
            SecurityScheme::APIKey { location: APIKeyLocation::Cookie, name, .. } => {
                self.decide.push(format!("a key in the cookie `{}` has no word in the format", tidy(&name)));
            }
            SecurityScheme::OAuth2 { flows, .. } => match flows.password {
                Some(flow) => {
                    self.word("oauth_password");
                    self.token_url = Url::parse(&flow.token_url).ok().filter(|url| url.scheme() == "https");
                }
                None => {
                    self.word("bearer");
                    self.decide.push(
                        "where the bearer token comes from; only the password flow of OAuth has a word"
                            .into(),
                    );
                }
            },
            SecurityScheme::OpenIDConnect { .. } => {
                self.word("bearer");
                self.decide.push("where the bearer token of OpenID Connect comes from".into());
            }
        }
    }

    fn lines(self) -> Vec<Line> {
        let mut decide = self.decide;
        if self.words.is_empty() {
            decide.push("how requests prove who sends them: bearer, token, basic, headers, query, …".into());
        }
        let words = self.words.iter().map(|word| (*word).to_owned()).collect();
        let mut lines = vec![Line::new("auth", Said::Words(words)).decide_some(decide)];
        if !self.headers.is_empty() {
            lines.push(Line::new("auth_headers", Said::Words(self.headers)));
        }
        if let Some((url, host)) = self.token_url.as_ref().and_then(|url| Some((url, url.host_str()?))) {
            let remark = "for each host of the API the URL where its tokens come from";
            let urls =
                Line::new("token_urls", Said::Lines(vec![Line::text(host, url.as_str())])).decide(remark);
            lines.push(Line::new("oauth", Said::Lines(vec![urls])));
        }
        lines
    }
}

/// Headers that the operations demand.
#[derive(Default)]
struct Headers {
    fixed: BTreeMap<String, String>,
    credentials: Vec<String>,
}

fn headers(book: &Book, resources: &[&Resource], decide: &mut Option<String>) -> Headers {
    const OWN: [&str; 4] = ["accept", "content-type", "authorization", "cookie"];
    let mut headers = Headers::default();
    for parameter in operations(resources).flat_map(|op| &op.parameters) {
        let data = parameter.parameter_data_ref();
        let wanted = place(parameter) == Place::Header && data.required;
        let own = name(parameter);
        let known = OWN.contains(&own.to_lowercase().as_str()) || headers.fixed.contains_key(own);
        if !wanted || known || headers.credentials.iter().any(|other| other == own) {
            continue;
        }
        match (words::telling(own), fixed(book, parameter)) {
            (Some(words::Telling::Secret), _) => headers.credentials.push(own.to_owned()),
            (_, Some(value)) => {
                headers.fixed.insert(own.to_owned(), value);
            }
            _ => {
                decide.get_or_insert_with(|| {
                    format!("the document demands the header `{}`: see `headers`", tidy(own))
                });
            }
        }
    }
    headers
}

/// The only value, or the usual one, of a parameter.
fn fixed(book: &Book, parameter: &openapiv3::Parameter) -> Option<String> {
    let pointer = match &parameter.parameter_data_ref().format {
        openapiv3::ParameterSchemaOrContent::Schema(schema) => book.place(target(schema)?)?,
        openapiv3::ParameterSchemaOrContent::Content(_) => return None,
    };
    let schema = book.raw(&pointer)?;
    let only = schema.get("enum").and_then(Json::as_array).and_then(|all| match all.as_slice() {
        [one] => one.as_str(),
        _ => None,
    });
    let texts = [schema.get("const"), schema.get("default")].map(|value| value.and_then(Json::as_str));
    let value = only.or_else(|| texts.into_iter().flatten().next())?;
    (!value.contains(words::is_unseen)).then(|| value.to_owned())
}

fn operations<'r>(resources: &'r [&Resource]) -> impl Iterator<Item = &'r Op> {
    resources.iter().flat_map(|resource| {
        let item = &resource.item;
        let below = [&item.get, &item.put, &item.patch, &item.post, &item.delete];
        std::iter::once(&resource.list).chain(&resource.create).chain(below.into_iter().flatten())
    })
}

/// Where the sentences of an error answer stand, from the first that the document shows.
fn errors(book: &Book, resources: &[&Resource]) -> Line {
    let remark = "where the sentences of an error answer stand";
    let shown = operations(resources).find_map(|op| error_answer(book, op));
    let lines = shown.map(|plain| error_lines(&plain)).filter(|lines| !lines.is_empty());
    let usual = || {
        let usual = ["message", "error", "detail", "title"].map(str::to_owned).to_vec();
        vec![Line::new("messages", Said::Words(usual))]
    };
    Line::new("errors", Said::Lines(lines.unwrap_or_else(usual))).decide(remark)
}

fn error_answer(book: &Book, op: &Op) -> Option<Plain> {
    use openapiv3::StatusCode::{Code, Range};
    let responses = &op.operation.responses;
    let rank = |code: &openapiv3::StatusCode| match code {
        Code(400) => Some(0),
        Code(422) => Some(1),
        Code(other) if (400..500).contains(other) => Some(3),
        Range(4) => Some(2),
        _ => None,
    };
    let coded = responses.responses.iter().filter_map(|(code, one)| Some((rank(code)?, one)));
    let best = coded.min_by_key(|(rank, _)| *rank).map(|(_, one)| one).or(responses.default.as_ref())?;
    Some(plain(book, &book.answer(best)?)).filter(|plain| !plain.members().is_empty())
}

fn error_lines(answer: &Plain) -> Vec<Line> {
    const MESSAGES: [&str; 7] =
        ["message", "detail", "errormessage", "errordescription", "description", "title", "error"];
    const CODES: [&str; 4] = ["code", "errorcode", "type", "status"];
    let mut members: Vec<(String, &Plain)> = Vec::new();
    for member in answer.members().iter().filter(|member| !member.name.contains('.')) {
        members.push((member.name.clone(), &member.plain));
        let inner = member.plain.members().iter().filter(|inner| !inner.name.contains('.'));
        members.extend(inner.map(|inner| (format!("{}.{}", member.name, inner.name), &inner.plain)));
    }
    let texts = |names: &[&str]| {
        let own = |dotted: &str| folded(dotted.rsplit('.').next().unwrap_or(dotted));
        let text = |plain: &Plain| matches!(plain.form, Form::Text(_));
        let rank = |dotted: &str| names.iter().position(|name| *name == own(dotted));
        let all = members.iter().filter(|(_, plain)| text(plain));
        let mut found: Vec<(usize, String)> =
            all.filter_map(|(name, _)| Some((rank(name)?, name.clone()))).collect();
        found.sort();
        found.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    let mut lines = Vec::new();
    for (word, names) in [("messages", texts(&MESSAGES)), ("codes", texts(&CODES))] {
        if !names.is_empty() {
            lines.push(Line::new(word, Said::Words(names)));
        }
    }
    let lists: Vec<Vec<Line>> = members.iter().filter_map(|(name, plain)| fault_list(name, plain)).collect();
    if !lists.is_empty() {
        lines.push(Line::new("lists", Said::Items(lists)));
    }
    let free = |plain: &Plain| {
        plain.members().is_empty() && matches!(plain.form, Form::Object { others: Some(_), .. })
    };
    let maps: Vec<String> = members
        .iter()
        .filter(|(name, plain)| free(plain) && folded(name).contains("error"))
        .map(|(name, _)| name.clone())
        .collect();
    if !maps.is_empty() {
        lines.push(Line::new("maps", Said::Words(maps)));
    }
    lines
}

/// A list of objects that each name a field and say what is wrong with it.
fn fault_list(at: &str, plain: &Plain) -> Option<Vec<Line>> {
    const FIELDS: [&str; 9] =
        ["field", "fieldname", "property", "path", "pointer", "name", "param", "parameter", "source"];
    const MESSAGES: [&str; 6] = ["message", "detail", "msg", "reason", "description", "errormessage"];
    let Form::List { item, .. } = &plain.form else { return None };
    let find = |names: &[&str]| {
        let rank = |name: &str| names.iter().position(|known| *known == folded(name));
        let texts = item.members().iter().filter(|member| matches!(member.plain.form, Form::Text(_)));
        let ranked = texts.filter_map(|member| Some((rank(&member.name)?, member.name.clone())));
        ranked.min().map(|(_, name)| name)
    };
    let (field, message) = (find(&FIELDS)?, find(&MESSAGES)?);
    Some(vec![Line::text("at", at), Line::text("field", field), Line::text("message", message)])
}
