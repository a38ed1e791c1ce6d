//! What is said about an API as a whole: where it is, how it takes credentials, what it bears.
//!
//! Deliberately absent: its kinds, and any look at the network.

use url::{Host, Url};

use super::super::Api;
use super::super::file::{ApiFile, AuthWord, ErrorsFile, LimitsFile};
use super::{Desk, Spot};

/// The API, from a file in which no fault was found.
pub(super) fn made(name: &str, file: ApiFile) -> Api {
    Api {
        name: name.into(),
        title: file.title,
        is: file.is,
        source: file.source,
        base_url: file.base_url,
        hosts: file.hosts,
        formats: file.formats,
        names: file.names,
        guids: file.guids,
        auth: file.auth,
        auth_headers: file.auth_headers,
        oauth: file.oauth,
        login: file.login,
        headers: file.headers.into_iter().collect(),
        clears: file.clears,
        errors: file.errors,
        limits: file.limits,
    }
}

impl Desk<'_> {
    pub(super) fn api_words(&mut self, root: Spot, file: &ApiFile) {
        if file.formats.is_empty() {
            self.fault(root.key("formats"), "missing-word", "an API speaks at least one wire format");
        }
        for (index, host) in file.hosts.iter().enumerate() {
            self.host(root.key("hosts").item(index), host);
        }
        if let Some(url) = &file.base_url {
            self.own_url(root.key("base_url"), url, &file.hosts);
        }
        self.auth(root, file);
        for name in file.headers.keys() {
            let spot = root.key("headers").key(name);
            self.header(spot, name);
            if ["authorization", "cookie"].contains(&name.to_ascii_lowercase().as_str()) {
                self.fault_hint(
                    spot,
                    "contradiction",
                    "credentials have no place in a description",
                    "a target holds them; `auth` says how they travel",
                );
            }
        }
        self.errors(root.key("errors"), &file.errors);
        self.limits(root.key("limits"), &file.limits);
    }

    fn host(&mut self, spot: Spot, host: &str) {
        let fits = Host::parse(host).is_ok_and(|parsed| parsed.to_string() == host);
        if !fits {
            let hint = "a host in small letters, without scheme, port and path: `api.example.com`";
            self.fault_hint(spot, "wrong-host", "this is not the name of a host", hint);
        }
    }

    /// An `https` URL on one of the API's own hosts; this machine needs neither.
    fn own_url(&mut self, spot: Spot, text: &str, hosts: &[String]) {
        let Some(url) = Url::parse(text).ok().filter(|url| url.scheme() == "https" || is_here(url)) else {
            self.fault_hint(
                spot,
                "wrong-url",
                "this is not an https URL",
                "like `https://api.example.com/v2`",
            );
            return;
        };
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            self.fault(spot, "wrong-url", "this URL has a query, a fragment or a user in it");
        }
        let host = url.host_str().unwrap_or_default();
        if !is_here(&url) && !hosts.iter().any(|own| own == host) {
            let message = format!("the host `{host}` is not one of the API's `hosts`");
            self.fault_hint(spot, "wrong-host", message, "add it there");
        }
    }

    fn auth(&mut self, root: Spot, file: &ApiFile) {
        let says = |word| file.auth.contains(&word);
        let pairs = [
            ("login", says(AuthWord::Login), file.login.is_some()),
            ("oauth", says(AuthWord::OauthPassword), file.oauth.is_some()),
            ("auth_headers", says(AuthWord::Headers), !file.auth_headers.is_empty()),
        ];
        for (section, named, there) in pairs {
            if there && !named {
                let message = format!("`{section}` stands here, but `auth` does not name it");
                self.fault(root.key(section), "contradiction", message);
            }
        }
        if says(AuthWord::Login) && file.login.is_none() {
            self.fault(
                root.key("auth"),
                "missing-word",
                "`auth` names `login`, but nothing says how it goes",
            );
        }
        if let Some(login) = &file.login {
            let spot = root.key("login");
            self.template(spot.key("post"), &login.post, &[]);
            if login.token.is_empty() {
                self.fault(spot, "missing-word", "a login needs at least one member that may hold the token");
            }
        }
        for (index, name) in file.auth_headers.iter().enumerate() {
            self.header(root.key("auth_headers").item(index), name);
        }
        self.token_urls(root.key("oauth").key("token_urls"), file);
    }

    fn token_urls(&mut self, spot: Spot, file: &ApiFile) {
        for (host, url) in file.oauth.iter().flat_map(|oauth| &oauth.token_urls) {
            if !file.hosts.contains(host) {
                self.unknown(spot.key(host), "host", host, file.hosts.iter().map(String::as_str));
            }
            self.own_url(spot.key(host), url, &file.hosts);
        }
    }

    fn header(&mut self, spot: Spot, name: &str) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            self.fault(spot, "wrong-header", "this is not the name of a header");
        }
        let ours = ["accept", "content-type", "content-length", "host", "transfer-encoding", "connection"];
        if ours.contains(&name.to_ascii_lowercase().as_str()) {
            self.fault(spot, "wrong-header", format!("the header `{name}` follows from the request itself"));
        }
    }

    fn errors(&mut self, spot: Spot, errors: &ErrorsFile) {
        for (index, list) in errors.lists.iter().enumerate() {
            let spot = spot.key("lists").item(index);
            self.said(spot, "field", &list.field);
            self.said(spot, "message", &list.message);
        }
    }

    fn limits(&mut self, spot: Spot, limits: &LimitsFile) {
        let numbers = [
            ("parallelism", limits.parallelism.map(u64::from)),
            ("per_second", limits.per_second.map(u64::from)),
            ("per_minute", limits.per_minute.map(u64::from)),
            ("burst", limits.burst.map(u64::from)),
            ("answer_bytes", Some(limits.answer_bytes)),
            ("pages", Some(limits.pages.into())),
            ("timeout", Some(limits.timeout.into())),
        ];
        for (word, number) in numbers {
            if number == Some(0) {
                self.fault(spot.key(word), "wrong-number", format!("`{word}` is at least 1"));
            }
        }
        if limits.burst.is_some() && limits.per_second.is_none() && limits.per_minute.is_none() {
            let message = "`burst` needs a rate that refills it: `per_second` or `per_minute`";
            self.fault(spot.key("burst"), "wrong-number", message);
        }
    }
}

/// Whether a URL leads to this machine.
fn is_here(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}
