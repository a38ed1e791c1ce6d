//! What is said about an API as a whole: where it is, how it takes credentials, what it bears.
//!
//! Deliberately absent: its kinds, and any look at the network.

use url::{Host, Url};

use super::{KindChecker, YamlPath};
use crate::kind::Api;
use crate::kind::file::{ApiFile, AuthScheme, ErrorsFile, LimitsFile, OperationStatusFile};

/// The API, from a file in which no fault was found.
pub(super) fn build_api(name: &str, file: ApiFile) -> Api {
    Api {
        name: name.into(),
        title: file.title,
        description: file.description,
        source: file.source,
        base_url: file.base_url,
        hosts: file.hosts,
        formats: file.formats,
        member_names: file.member_names,
        uuid_format: file.uuid_format,
        auth: file.auth,
        auth_headers: file.auth_headers,
        oauth: file.oauth,
        login: file.login,
        headers: file.headers.into_iter().collect(),
        idempotency_header: file.idempotency_header,
        operation_status: file.operation_status,
        clear_with: file.clear_with,
        errors: file.errors,
        limits: file.limits,
    }
}

impl KindChecker<'_> {
    pub(super) fn check_api_file(&mut self, root: YamlPath, file: &ApiFile) {
        if file.formats.is_empty() {
            self.report_error(
                root.select_key("formats"),
                "missing-word",
                "an API speaks at least one wire format",
            );
        }
        for (index, host) in file.hosts.iter().enumerate() {
            self.check_host(root.select_key("hosts").select_item(index), host);
        }
        if let Some(url) = &file.base_url {
            self.check_url(root.select_key("base_url"), url, &file.hosts);
        }
        self.check_auth(root, file);
        for name in file.headers.keys() {
            let yaml_path = root.select_key("headers").select_key(name);
            self.check_header_name(yaml_path, name);
            if ["authorization", "cookie"].contains(&name.to_ascii_lowercase().as_str()) {
                self.report_error_with_hint(
                    yaml_path,
                    "contradiction",
                    "credentials have no place in a description",
                    "a target holds them; `auth` says how they travel",
                );
            }
        }
        if let Some(name) = &file.idempotency_header {
            self.check_header_name(root.select_key("idempotency_header"), name);
        }
        if let Some(status) = &file.operation_status {
            self.check_operation_status(root.select_key("operation_status"), status);
        }
        self.check_error_lists(root.select_key("errors"), &file.errors);
        self.check_rate_limits(root.select_key("limits"), &file.limits);
    }

    fn check_host(&mut self, yaml_path: YamlPath, host: &str) {
        let fits = Host::parse(host).is_ok_and(|parsed| parsed.to_string() == host);
        if !fits {
            let hint = "a host in small letters, without scheme, port and path: `api.example.com`";
            self.report_error_with_hint(yaml_path, "wrong-host", "this is not the name of a host", hint);
        }
    }

    /// An `https` URL on one of the API's own hosts; this machine needs neither.
    fn check_url(&mut self, yaml_path: YamlPath, text: &str, hosts: &[String]) {
        let Some(url) = Url::parse(text).ok().filter(|url| url.scheme() == "https" || is_loopback_url(url))
        else {
            self.report_error_with_hint(
                yaml_path,
                "wrong-url",
                "this is not an https URL",
                "like `https://api.example.com/v2`",
            );
            return;
        };
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            self.report_error(yaml_path, "wrong-url", "this URL has a query, a fragment or a user in it");
        }
        let host = url.host_str().unwrap_or_default();
        if !is_loopback_url(&url) && !hosts.iter().any(|own| own == host) {
            let message = format!("the host `{host}` is not one of the API's `hosts`");
            self.report_error_with_hint(yaml_path, "wrong-host", message, "add it there");
        }
    }

    fn check_auth(&mut self, root: YamlPath, file: &ApiFile) {
        let says = |word| file.auth.contains(&word);
        let pairs = [
            ("login", says(AuthScheme::Login), file.login.is_some()),
            ("oauth", says(AuthScheme::OauthPassword), file.oauth.is_some()),
            ("auth_headers", says(AuthScheme::Headers), !file.auth_headers.is_empty()),
        ];
        for (section, named, there) in pairs {
            if there && !named {
                let message = format!("`{section}` stands here, but `auth` does not name it");
                self.report_error(root.select_key(section), "contradiction", message);
            }
        }
        if says(AuthScheme::Login) && file.login.is_none() {
            self.report_error(
                root.select_key("auth"),
                "missing-word",
                "`auth` names `login`, but nothing says how it goes",
            );
        }
        if let Some(login) = &file.login {
            let yaml_path = root.select_key("login");
            self.check_path_template(yaml_path.select_key("post"), &login.post, &[]);
            if login.token.is_empty() {
                self.report_error(
                    yaml_path,
                    "missing-word",
                    "a login needs at least one member that may hold the token",
                );
            }
        }
        for (index, name) in file.auth_headers.iter().enumerate() {
            self.check_header_name(root.select_key("auth_headers").select_item(index), name);
        }
        self.check_token_urls(root.select_key("oauth").select_key("token_urls"), file);
    }

    fn check_token_urls(&mut self, yaml_path: YamlPath, file: &ApiFile) {
        for (host, url) in file.oauth.iter().flat_map(|oauth| &oauth.token_urls) {
            if !file.hosts.contains(host) {
                self.report_unknown_name(
                    yaml_path.select_key(host),
                    "host",
                    host,
                    file.hosts.iter().map(String::as_str),
                );
            }
            self.check_url(yaml_path.select_key(host), url, &file.hosts);
        }
    }

    fn check_header_name(&mut self, yaml_path: YamlPath, name: &str) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            self.report_error(yaml_path, "wrong-header", "this is not the name of a header");
        }
        let ours = ["accept", "content-type", "content-length", "host", "transfer-encoding", "connection"];
        if ours.contains(&name.to_ascii_lowercase().as_str()) {
            self.report_error(
                yaml_path,
                "wrong-header",
                format!("the header `{name}` follows from the request itself"),
            );
        }
    }

    fn check_operation_status(&mut self, yaml_path: YamlPath, status: &OperationStatusFile) {
        if status.url_from.is_some() == status.url_member.is_some() {
            let message = "exactly one of `url_from` and `url_member` says where the status is";
            self.report_error(yaml_path, "missing-word", message);
        }
        if status.done.is_empty() {
            let message = "`done` names no member";
            self.report_error(yaml_path.select_key("done"), "missing-word", message);
        }
        for (word, members) in [("done", &status.done), ("failed", &status.failed)] {
            for (name, values) in members {
                let place = yaml_path.select_key(word).select_key(name);
                if name.split('.').any(|part| part.trim().is_empty()) {
                    self.report_error(place, "empty-text", "this names no member");
                }
                if values.is_empty() {
                    self.report_error(place, "missing-word", format!("`{name}` lists no value"));
                }
                let both = values.iter().find(|value| word == "failed" && status.is_done(name, value));
                if let Some(value) = both {
                    let message = format!("`{value}` means both success and failure");
                    self.report_error(place, "contradiction", message);
                }
            }
        }
    }

    fn check_error_lists(&mut self, yaml_path: YamlPath, errors: &ErrorsFile) {
        for (index, list) in errors.lists.iter().enumerate() {
            let yaml_path = yaml_path.select_key("lists").select_item(index);
            self.require_text(yaml_path, "field", &list.field);
            self.require_text(yaml_path, "message", &list.message);
        }
    }

    fn check_rate_limits(&mut self, yaml_path: YamlPath, limits: &LimitsFile) {
        let numbers = [
            ("parallelism", limits.parallelism.map(u64::from)),
            ("writes", limits.writes.map(u64::from)),
            ("per_second", limits.per_second.map(u64::from)),
            ("per_minute", limits.per_minute.map(u64::from)),
            ("burst", limits.burst.map(u64::from)),
            ("response_bytes", Some(limits.response_bytes)),
            ("pages", Some(limits.pages.into())),
            ("timeout", Some(limits.timeout.into())),
        ];
        for (word, number) in numbers {
            if number == Some(0) {
                self.report_error(
                    yaml_path.select_key(word),
                    "wrong-number",
                    format!("`{word}` is at least 1"),
                );
            }
        }
        if limits.burst.is_some() && limits.per_second.is_none() && limits.per_minute.is_none() {
            let message = "`burst` needs a rate that refills it: `per_second` or `per_minute`";
            self.report_error(yaml_path.select_key("burst"), "wrong-number", message);
        }
    }
}

/// Whether a URL leads to this machine.
fn is_loopback_url(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}
