//! What a document says of the service as a whole: where it is, how it takes credentials, how it says no.
//!
//! Only what the format can say is written; what it cannot is told in a remark.
//! Deliberately absent: kinds.

use std::collections::BTreeMap;

use openapiv3::{APIKeyLocation, SecurityScheme};
use serde_json::Value as Json;
use url::{Host, Url};

use crate::openapi::document::{OpenApiDocument, parse_target};
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm, SchemaProperty, flatten_schema};
use crate::openapi::naming::{normalize_name, sanitize_text};
use crate::openapi::resource::{
    OpenApiLocation, OpenApiOperation, OpenApiResource, get_parameter_name, locate_parameter,
};
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};
use crate::openapi::{naming, sensitivity};

/// Ways to authenticate, in the words of the format.
#[derive(Default)]
struct DraftAuth {
    schemes: Vec<&'static str>,
    headers: Vec<String>,
    token_url: Option<Url>,
    /// What the format cannot say, or a person must decide.
    decisions: Vec<String>,
    polishes: Vec<String>,
}

/// Where the service is.
#[derive(Default)]
struct DraftServer {
    base_url: Option<String>,
    hosts: Vec<String>,
    decision: Option<String>,
    polish: Option<String>,
}

/// The lines of `api.yaml`.
pub fn draft_api_entries(
    book: &OpenApiDocument,
    source: &str,
    resources: &[&OpenApiResource],
) -> Vec<DraftEntry> {
    let title = book.read_text("/info/title").unwrap_or_else(|| "The service".to_owned());
    let is = book.read_text("/info/description").or_else(|| book.read_text("/info/summary"));
    let mut home = find_server(book);
    let (mut auth, headers) =
        (read_auth(book), collect_required_headers(book, resources, &mut home.decision));
    for name in headers.credentials {
        auth.add_header(name);
    }
    let mut lines = vec![
        DraftEntry::from_keyword("format", 1),
        DraftEntry::from_text("title", &*title),
        DraftEntry::from_text("description", is.unwrap_or_else(|| format!("The service {title}."))),
        DraftEntry::from_text("source", source),
    ];
    lines.extend(home.into_entries(auth.token_url.as_ref()));
    lines.push(DraftEntry::new("formats", DraftValue::FlowList(vec!["json".into()])));
    lines.extend(auth.into_entries());
    if !headers.fixed.is_empty() {
        let fixed =
            headers.fixed.iter().map(|(name, value)| DraftEntry::from_text(&**name, &**value)).collect();
        lines.push(DraftEntry::new("headers", DraftValue::Mapping(fixed)));
    }
    let remark =
        "how the service clears a value: `null`, `empty`, `zero` or `nothing`; fields may say otherwise";
    let clear_with =
        vec![DraftEntry::from_keyword("string", "empty"), DraftEntry::from_keyword("other", "nothing")];
    lines.push(DraftEntry::new("clear_with", DraftValue::Mapping(clear_with)).with_polish(remark));
    lines.push(build_errors_entry(book, resources));
    lines
}

/// The first server that the format can name.
fn find_server(book: &OpenApiDocument) -> DraftServer {
    let servers = book.find_json("/servers").and_then(Json::as_array);
    let urls: Vec<String> = servers.into_iter().flatten().filter_map(expand_server_url).collect();
    let usable = urls.iter().find_map(|text| parse_usable_url(text));
    let others = urls.len() > 1;
    match usable {
        Some((url, host)) => DraftServer {
            base_url: Some(url),
            hosts: vec![host],
            decision: None,
            polish: others
                .then(|| "the document names other servers too; a target may name any of them".to_owned()),
        },
        None => DraftServer { decision: Some(describe_missing_server(&urls)), ..DraftServer::default() },
    }
}

/// What to do where the document names no server that can be used as it is.
fn describe_missing_server(urls: &[String]) -> String {
    let relative = urls.iter().find(|url| url.starts_with('/') && url.len() > 1);
    match relative {
        Some(path) => format!(
            "where the service is: the document says only `{}`, so the `base_url` here or of each target is the \
             host with this path",
            sanitize_text(path.trim_end_matches('/'))
        ),
        None => "where the service is; without `base_url` here each target names its own".to_owned(),
    }
}

/// The URL of a server, its variables as by default.
fn expand_server_url(server: &Json) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in server.get("variables").and_then(Json::as_object).into_iter().flatten() {
        let value = variable.get("default").and_then(Json::as_str)?;
        url = url.replace(&format!("{{{name}}}"), value);
    }
    Some(url)
}

/// An `https` URL, or one of this machine, with its host.
fn parse_usable_url(text: &str) -> Option<(String, String)> {
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

impl DraftServer {
    fn into_entries(self, token_url: Option<&Url>) -> Vec<DraftEntry> {
        let Self { base_url, mut hosts, decision: mut decide, mut polish } = self;
        let token_host = token_url.and_then(|url| url.host_str()).map(str::to_owned);
        hosts.extend(token_host.filter(|host| !hosts.contains(host) && base_url.is_some()));
        let mut lines: Vec<DraftEntry> =
            base_url.map(|url| DraftEntry::from_text("base_url", url)).into_iter().collect();
        lines.push(DraftEntry::new("hosts", DraftValue::FlowList(hosts)));
        let remark = |line: DraftEntry| line.with_decisions(decide.take()).with_polishes(polish.take());
        lines.into_iter().map(remark).collect()
    }
}

fn read_auth(book: &OpenApiDocument) -> DraftAuth {
    let mut auth = DraftAuth::default();
    for (called, pointer) in book.list_members("/components/securitySchemes") {
        match book.read_security_scheme(&pointer) {
            Some(scheme) => auth.add_security_scheme(scheme),
            None => {
                auth.decisions.push(format!("`{}` of the document was not understood", sanitize_text(called)))
            }
        }
    }
    auth
}

impl DraftAuth {
    fn add_scheme(&mut self, word: &'static str) {
        if !self.schemes.contains(&word) {
            self.schemes.push(word);
        }
    }

    fn add_header(&mut self, name: String) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !name.is_empty() && name.bytes().all(token) && !self.headers.contains(&name) {
            self.add_scheme("headers");
            self.headers.push(name);
        }
    }

    /// A grant of OAuth, or a bearer token where its URL cannot be used.
    fn add_grant(&mut self, word: &'static str, token_url: &str) {
        match Url::parse(token_url).ok().filter(|url| url.scheme() == "https") {
            Some(url) => {
                self.add_scheme(word);
                self.token_url = Some(url);
            }
            None => {
                self.add_scheme("bearer");
                self.polishes
                    .push("where the bearer token comes from: the document names no `https` URL".into());
            }
        }
    }

    fn add_security_scheme(&mut self, scheme: SecurityScheme) {
        match scheme {
            SecurityScheme::HTTP { scheme, .. } => match scheme.to_lowercase().as_str() {
                "bearer" => self.add_scheme("bearer"),
                "basic" => self.add_scheme("basic"),
                other => self
                    .decisions
                    .push(format!("the scheme `{}` has no word in the format", sanitize_text(other))),
            },
            SecurityScheme::APIKey { location: APIKeyLocation::Header, name, .. } => {
                if name.eq_ignore_ascii_case("authorization") {
                    self.decisions.push(
                        "whether `bearer` or `token` is meant by a key in the header Authorization".into(),
                    );
                }
                self.add_header(name);
            }
            SecurityScheme::APIKey { location: APIKeyLocation::Query, .. } => self.add_scheme("query"),
            SecurityScheme::APIKey { location: APIKeyLocation::Cookie, name, .. } => {
                self.decisions.push(format!(
                    "a key in the cookie `{}` has no word in the format",
                    sanitize_text(&name)
                ));
            }
            SecurityScheme::OAuth2 { flows, .. } => match flows.password {
                Some(flow) => self.add_grant("oauth_password", &flow.token_url),
                None => match flows.client_credentials {
                    Some(flow) => self.add_grant("oauth_client_credentials", &flow.token_url),
                    None => {
                        self.add_scheme("bearer");
                        self.polishes.push("where the bearer token comes from: the document has only flows of OAuth with a browser".into());
                    }
                },
            },
            SecurityScheme::OpenIDConnect { .. } => {
                self.add_scheme("bearer");
                self.polishes.push("where the bearer token of OpenID Connect comes from".into());
            }
        }
    }

    fn into_entries(self) -> Vec<DraftEntry> {
        let mut decide = self.decisions;
        if self.schemes.is_empty() {
            decide.push("how requests prove who sends them: bearer, token, basic, headers, query, …".into());
        }
        let words = self.schemes.iter().map(|word| (*word).to_owned()).collect();
        let auth = DraftEntry::new("auth", DraftValue::FlowList(words));
        let mut lines = vec![auth.with_decisions(decide).with_polishes(self.polishes)];
        if !self.headers.is_empty() {
            lines.push(DraftEntry::new("auth_headers", DraftValue::FlowList(self.headers)));
        }
        if let Some((url, host)) = self.token_url.as_ref().and_then(|url| Some((url, url.host_str()?))) {
            let remark = "for each host of the API the URL where its tokens come from";
            let urls = DraftEntry::new(
                "token_urls",
                DraftValue::Mapping(vec![DraftEntry::from_text(host, url.as_str())]),
            )
            .with_polish(remark);
            lines.push(DraftEntry::new("oauth", DraftValue::Mapping(vec![urls])));
        }
        lines
    }
}

/// Headers that the operations demand.
#[derive(Default)]
struct DraftHeaders {
    fixed: BTreeMap<String, String>,
    credentials: Vec<String>,
}

fn collect_required_headers(
    book: &OpenApiDocument,
    resources: &[&OpenApiResource],
    decide: &mut Option<String>,
) -> DraftHeaders {
    const STANDARD_HEADERS: [&str; 4] = ["accept", "content-type", "authorization", "cookie"];
    let mut headers = DraftHeaders::default();
    for parameter in list_operations(resources).flat_map(|op| &op.parameters) {
        let data = parameter.parameter_data_ref();
        let wanted = locate_parameter(parameter) == OpenApiLocation::Header && data.required;
        let own = get_parameter_name(parameter);
        let known =
            STANDARD_HEADERS.contains(&own.to_lowercase().as_str()) || headers.fixed.contains_key(own);
        if !wanted || known || headers.credentials.iter().any(|other| other == own) {
            continue;
        }
        match (sensitivity::guess_sensitivity(own), find_fixed_value(book, parameter)) {
            (Some(sensitivity::DraftSensitivity::Secret), _) => headers.credentials.push(own.to_owned()),
            (_, Some(value)) => {
                headers.fixed.insert(own.to_owned(), value);
            }
            _ => {
                decide.get_or_insert_with(|| {
                    format!("the document demands the header `{}`: see `headers`", sanitize_text(own))
                });
            }
        }
    }
    headers
}

/// The only value, or the usual one, of a parameter.
fn find_fixed_value(book: &OpenApiDocument, parameter: &openapiv3::Parameter) -> Option<String> {
    let pointer = match &parameter.parameter_data_ref().format {
        openapiv3::ParameterSchemaOrContent::Schema(schema) => book.resolve_pointer(parse_target(schema)?)?,
        openapiv3::ParameterSchemaOrContent::Content(_) => return None,
    };
    let schema = book.find_json(&pointer)?;
    let only = schema.get("enum").and_then(Json::as_array).and_then(|all| match all.as_slice() {
        [one] => one.as_str(),
        _ => None,
    });
    let texts = [schema.get("const"), schema.get("default")].map(|value| value.and_then(Json::as_str));
    let value = only.or_else(|| texts.into_iter().flatten().next())?;
    (!value.contains(naming::is_invisible)).then(|| value.to_owned())
}

fn list_operations<'r>(resources: &'r [&OpenApiResource]) -> impl Iterator<Item = &'r OpenApiOperation> {
    resources.iter().flat_map(|resource| {
        let item = &resource.item;
        let below = [&item.get, &item.put, &item.patch, &item.post, &item.delete];
        std::iter::once(&resource.list).chain(&resource.create).chain(below.into_iter().flatten())
    })
}

/// Where the sentences of an error answer stand, from the first that the document shows.
fn build_errors_entry(book: &OpenApiDocument, resources: &[&OpenApiResource]) -> DraftEntry {
    let remark = "where the sentences of an error answer stand";
    let shown = list_operations(resources).find_map(|op| find_error_schema(book, op));
    let lines = shown.map(|plain| build_error_entries(&plain)).filter(|lines| !lines.is_empty());
    let usual = || {
        let usual = ["message", "error", "detail", "title"].map(str::to_owned).to_vec();
        vec![DraftEntry::new("messages", DraftValue::FlowList(usual))]
    };
    DraftEntry::new("errors", DraftValue::Mapping(lines.unwrap_or_else(usual))).with_polish(remark)
}

fn find_error_schema(book: &OpenApiDocument, op: &OpenApiOperation) -> Option<FlatSchema> {
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
    Some(flatten_schema(book, &book.find_response_schema(best)?))
        .filter(|plain| !plain.properties().is_empty())
}

fn build_error_entries(answer: &FlatSchema) -> Vec<DraftEntry> {
    const MESSAGE_NAMES: [&str; 7] =
        ["message", "detail", "errormessage", "errordescription", "description", "title", "error"];
    const CODE_NAMES: [&str; 4] = ["code", "errorcode", "type", "status"];
    let mut members: Vec<(String, &FlatSchema)> = Vec::new();
    for member in answer.properties().iter().filter(|member| !member.name.contains('.')) {
        members.push((member.name.clone(), &member.schema));
        let inner = member.schema.properties().iter().filter(|inner| !inner.name.contains('.'));
        members.extend(inner.map(|inner| (format!("{}.{}", member.name, inner.name), &inner.schema)));
    }
    let texts = |names: &[&str]| {
        let own = |dotted: &str| normalize_name(dotted.rsplit('.').next().unwrap_or(dotted));
        let text = |plain: &FlatSchema| matches!(plain.form, SchemaForm::String(_));
        let rank = |dotted: &str| names.iter().position(|name| *name == own(dotted));
        let all = members.iter().filter(|(_, plain)| text(plain));
        let mut found: Vec<(usize, String)> =
            all.filter_map(|(name, _)| Some((rank(name)?, name.clone()))).collect();
        found.sort();
        found.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    let mut lines = Vec::new();
    for (word, names) in [("messages", texts(&MESSAGE_NAMES)), ("codes", texts(&CODE_NAMES))] {
        if !names.is_empty() {
            lines.push(DraftEntry::new(word, DraftValue::FlowList(names)));
        }
    }
    let lists: Vec<Vec<DraftEntry>> =
        members.iter().filter_map(|(name, plain)| build_error_list(name, plain)).collect();
    if !lists.is_empty() {
        lines.push(DraftEntry::new("lists", DraftValue::MappingList(lists)));
    }
    let free = |plain: &FlatSchema| {
        plain.properties().is_empty()
            && matches!(plain.form, SchemaForm::Object { additional_properties: Some(_), .. })
    };
    let maps: Vec<String> = members
        .iter()
        .filter(|(name, plain)| free(plain) && normalize_name(name).contains("error"))
        .map(|(name, _)| name.clone())
        .collect();
    if !maps.is_empty() {
        lines.push(DraftEntry::new("maps", DraftValue::FlowList(maps)));
    }
    lines
}

/// A list of objects that each name a field and say what is wrong with it.
fn build_error_list(at: &str, plain: &FlatSchema) -> Option<Vec<DraftEntry>> {
    const FIELD_NAMES: [&str; 11] = [
        "field",
        "fieldname",
        "property",
        "path",
        "pointer",
        "loc",
        "location",
        "name",
        "param",
        "parameter",
        "source",
    ];
    const MESSAGE_NAMES: [&str; 6] = ["message", "detail", "msg", "reason", "description", "errormessage"];
    let SchemaForm::Array { item, .. } = &plain.form else { return None };
    let find = |names: &[&str]| {
        let rank = |name: &str| names.iter().position(|known| *known == normalize_name(name));
        // the steps to a field may be a list
        let is_steps = |member: &&SchemaProperty| {
            matches!(member.schema.form, SchemaForm::Array { .. })
                && matches!(&*normalize_name(&member.name), "loc" | "path")
        };
        let is_text = |member: &&SchemaProperty| matches!(member.schema.form, SchemaForm::String(_));
        let texts = item.properties().iter().filter(|member| is_text(member) || is_steps(member));
        let ranked = texts.filter_map(|member| Some((rank(&member.name)?, member.name.clone())));
        ranked.min().map(|(_, name)| name)
    };
    let (field, message) = (find(&FIELD_NAMES)?, find(&MESSAGE_NAMES)?);
    Some(vec![
        DraftEntry::from_text("at", at),
        DraftEntry::from_text("field", field),
        DraftEntry::from_text("message", message),
    ])
}
