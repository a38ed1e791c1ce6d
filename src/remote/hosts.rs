//! Where credentials and bodies may go.
//!
//! A pull request that edits a URL must not be able to send a key elsewhere. So a URL is only used when its host is
//! one of the API's own, a loopback address, or allowed outside the repository, and everything but loopback is
//! https. Hosts are allowed for one purpose: API requests, logins or webhooks. An entry may be for one target only
//! and may end in a path, below which it allows. A name without a port means the scheme's own port, so that another
//! service on the same machine is another host.
//! Deliberately absent: the environment. The lists are handed in as text.

mod address;
mod connection;
mod errors;
mod purpose;
mod search;

use url::Url;

pub(super) use self::address::{format_authority, is_local};
use self::errors::{build_host_error, build_pattern_error, build_scheme_error, build_userinfo_error};
pub use self::purpose::HostPurpose;
use crate::diagnostic::Diagnostic;
use crate::kind::registry::is_workspace_api;
use crate::remote::target::Target;

/// The hosts named outside the repository.
#[derive(Clone, Default, Debug)]
pub struct AllowedHosts {
    patterns: Vec<(HostPurpose, HostPattern)>,
}

/// `[TARGET=]HOST[:PORT][/PATH]`, where the host may be `*.domain`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct HostPattern {
    /// Any target, when none is named.
    target: Option<String>,
    host: String,
    /// Whether any host below `host` is meant, rather than `host` itself.
    subdomains: bool,
    port: Option<u16>,
    /// Without a slash at the end; empty for every path.
    path: String,
}

impl AllowedHosts {
    /// The hosts for API requests in a list, separated by commas.
    ///
    /// # Errors
    /// With an entry that is no host.
    pub fn new(list: &str) -> Result<Self, Diagnostic> {
        Self::default().with_hosts(HostPurpose::Api, list)
    }

    /// The hosts for every purpose, by the variables in which they are named.
    ///
    /// # Errors
    /// With an entry that is no host.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Diagnostic> {
        HostPurpose::ALL.into_iter().try_fold(Self::default(), |known, purpose| {
            known.with_hosts(purpose, &env(purpose.variable()).unwrap_or_default())
        })
    }

    /// With further hosts for a purpose.
    ///
    /// # Errors
    /// With an entry that is no host.
    pub fn with_hosts(mut self, purpose: HostPurpose, list: &str) -> Result<Self, Diagnostic> {
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let pattern = HostPattern::new(word).ok_or_else(|| build_pattern_error(purpose, word))?;
            self.patterns.push((purpose, pattern));
        }
        Ok(self)
    }

    /// Whether requests of `target` may go to its base URL.
    ///
    /// # Errors
    /// When they may not.
    pub fn check_base_url(&self, target: &Target) -> Result<(), Diagnostic> {
        let url = &target.base_url;
        let is_allowed = is_local(url)
            || has_own_host(target, url)
            || self.has_match(HostPurpose::Api, Some(&target.name), url);
        check_url(url, HostPurpose::Api, &target.describe(), is_allowed)
    }

    /// Whether credentials of `target` may be posted to a URL that its API describes. A description in the workspace
    /// is no reason: such a URL, its path included, has to be allowed outside the repository.
    ///
    /// # Errors
    /// When they may not.
    pub fn check_described_login(&self, target: &Target, url: &Url) -> Result<(), Diagnostic> {
        let is_allowed = match is_workspace_api(&target.api) {
            true => self.has_path_match(HostPurpose::Login, target, url),
            false => {
                is_local(url)
                    || has_own_host(target, url)
                    || self.has_match(HostPurpose::Api, Some(&target.name), url)
                    || self.has_match(HostPurpose::Login, Some(&target.name), url)
            }
        };
        check_url(url, HostPurpose::Login, &format!("the login of target `{}`", target.name), is_allowed)
    }

    /// Whether credentials of `target` may be posted to a URL that the settings name.
    ///
    /// # Errors
    /// When they may not.
    pub fn check_token_url(&self, target: &Target, url: &Url) -> Result<(), Diagnostic> {
        let is_own = || {
            let listed = target.api.oauth.iter().flat_map(|oauth| oauth.token_urls.values());
            let is_listed =
                !target.trusts_own_authorities() && listed.into_iter().any(|own| own == url.as_str());
            is_local(url) || has_own_host(target, url) || is_listed
        };
        let is_allowed = match is_workspace_api(&target.api) {
            true => self.has_path_match(HostPurpose::Login, target, url),
            false => is_own() || self.has_match(HostPurpose::Login, Some(&target.name), url),
        };
        check_url(url, HostPurpose::Login, &format!("the login of target `{}`", target.name), is_allowed)
    }

    /// Whether a notification may go to a URL.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_webhook(&self, url: &Url) -> Result<(), Diagnostic> {
        let is_allowed = is_local(url) || self.has_match(HostPurpose::Webhook, None, url);
        check_url(url, HostPurpose::Webhook, "a notification", is_allowed)
    }

    fn has_match(&self, purpose: HostPurpose, target: Option<&str>, url: &Url) -> bool {
        self.list_patterns(purpose, target).any(|pattern| pattern.matches_url(url))
    }

    /// Whether an entry with a path allows a URL.
    fn has_path_match(&self, purpose: HostPurpose, target: &Target, url: &Url) -> bool {
        self.list_patterns(purpose, Some(&target.name))
            .any(|pattern| !pattern.path.is_empty() && pattern.matches_url(url))
    }

    /// Whether an entry with exactly the path of a URL, a slash at its end aside, allows it.
    fn has_exact_match(&self, purpose: HostPurpose, target: &Target, url: &Url) -> bool {
        let path = url.path().trim_end_matches('/');
        self.list_patterns(purpose, Some(&target.name))
            .any(|pattern| !path.is_empty() && pattern.path == path && pattern.matches_url(url))
    }

    fn list_patterns<'p>(
        &'p self,
        purpose: HostPurpose,
        target: Option<&'p str>,
    ) -> impl Iterator<Item = &'p HostPattern> {
        let own = self.patterns.iter().filter(move |(own, _)| *own == purpose);
        own.map(|(_, pattern)| pattern)
            .filter(move |pattern| pattern.target.is_none() || pattern.target.as_deref() == target)
    }
}

/// What holds for every URL, then whether its host is allowed.
fn check_url(url: &Url, purpose: HostPurpose, whose: &str, is_allowed: bool) -> Result<(), Diagnostic> {
    if url.host().is_none() {
        return Err(Diagnostic::error("invalid-url", format!("the URL of {whose} names no host"))
            .with_hint("write it like https://api.example.com"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(build_userinfo_error(whose));
    }
    let is_secure = url.scheme() == "https" || (url.scheme() == "http" && is_local(url));
    match (is_allowed, is_secure) {
        (false, _) => Err(build_host_error(url, purpose, whose)),
        (true, false) => Err(build_scheme_error(url, whose)),
        (true, true) => Ok(()),
    }
}

fn has_own_host(target: &Target, url: &Url) -> bool {
    !target.trusts_own_authorities() && has_listed_host(target, url)
}

fn has_listed_host(target: &Target, url: &Url) -> bool {
    target.api.hosts.iter().filter_map(|name| HostPattern::new(name)).any(|name| name.matches_url(url))
}

impl HostPattern {
    fn new(word: &str) -> Option<Self> {
        let (target, word) = match word.split_once('=') {
            Some((target, word)) if !target.is_empty() => (Some(target.trim().to_owned()), word.trim()),
            Some(_) => return None,
            None => (None, word),
        };
        let (word, path) = word.find('/').map_or((word, ""), |at| word.split_at(at));
        let (below, rest) = match word.strip_prefix("*.") {
            // `*.com` would allow half the world
            Some(rest) if rest.contains('.') => (true, rest),
            Some(_) => return None,
            None => (false, word),
        };
        let is_plain =
            |text: &str, refused: &[char]| !text.contains(refused) && !text.contains(char::is_whitespace);
        // a URL with its scheme has an empty host before the first slash
        if !is_plain(rest, &['@', '?', '#', '\\', '*']) || !is_plain(path, &['?', '#', '\\', '*']) {
            return None;
        }
        let url = Url::parse(&format!("https://{rest}{path}")).ok()?;
        let is_host_char = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        if !url.host_str()?.chars().all(is_host_char) {
            return None;
        }
        let port = match rest.rsplit_once(':') {
            Some((_, digits)) if !digits.contains(']') => Some(digits.parse().ok()?),
            _ => None,
        };
        let path = url.path().trim_end_matches('/').to_owned();
        Some(Self { target, host: url.host_str()?.to_owned(), subdomains: below, port, path })
    }

    fn matches_url(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let named = match self.subdomains {
            true => {
                host.strip_suffix(&self.host).is_some_and(|start| start.len() > 1 && start.ends_with('.'))
            }
            false => host == self.host,
        };
        let below =
            url.path().strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        named
            && below
            && self.port.map_or(url.port().is_none(), |port| url.port_or_known_default() == Some(port))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kind::registry::KindRegistry;
    use crate::kind::{Api, WireFormat};
    use crate::remote::target::TargetAuth;

    fn verdict(list: &str, own: &[&str], url: &str) -> &'static str {
        let allowed = AllowedHosts::new(list).ok().expect("the list is right");
        let target = target(url, own);
        allowed.check_base_url(&target).map_or_else(|fault| fault.code, |()| "ok")
    }

    pub(super) fn target(url: &str, own: &[&str]) -> Target {
        let builtin = KindRegistry::get_builtin();
        let name = builtin.list_api_names().into_iter().next().expect("a built-in API");
        let api = Api::clone(&builtin.find_api(name).expect("an API"));
        let hosts = own.iter().map(|name| (*name).to_owned()).collect();
        Target {
            name: "t".into(),
            format: WireFormat::Json,
            api: Arc::new(Api { hosts, login: None, oauth: None, ..api }),
            base_url: Url::parse(url).expect("a url"),
            auth: TargetAuth::default(),
            connection: Default::default(),
            scope: Vec::new(),
            parallelism: 1,
            also_send_nested: false,
            write_personal: false,
        }
    }

    fn own_api(url: &str) -> Target {
        let target = target(url, &[]);
        let api = Api { name: "own".into(), ..Api::clone(&target.api) };
        Target { api: Arc::new(api), ..target }
    }

    #[test]
    fn an_entry_may_be_for_one_target_and_end_in_a_path() {
        let list = "t=erp.example.fi, other=second.example.fi, third.example.fi/api/v2";
        for (url, code) in [
            ("https://erp.example.fi/x", "ok"),
            ("https://second.example.fi", "host-not-allowed"),
            ("https://third.example.fi/api/v2", "ok"),
            ("https://third.example.fi/api/v2/deeper", "ok"),
            ("https://third.example.fi/api/v20", "host-not-allowed"),
            ("https://third.example.fi/api/v2/../admin", "host-not-allowed"),
            ("https://third.example.fi", "host-not-allowed"),
        ] {
            assert_eq!(verdict(list, &[], url), code, "{url}");
        }
    }

    #[test]
    fn a_host_for_one_purpose_is_none_for_another() {
        let list = "hooks.example.com";
        let url = Url::parse("https://hooks.example.com/token").expect("a url");
        let target = target("https://hooks.example.com/token", &[]);
        for purpose in HostPurpose::ALL {
            let allowed = AllowedHosts::default().with_hosts(purpose, list).ok().expect("a host");
            assert_eq!(allowed.check_base_url(&target).is_ok(), purpose == HostPurpose::Api);
            assert_eq!(allowed.check_token_url(&target, &url).is_ok(), purpose == HostPurpose::Login);
            assert_eq!(allowed.check_webhook(&url).is_ok(), purpose == HostPurpose::Webhook);
        }
    }

    #[test]
    fn a_login_that_a_workspace_describes_is_allowed_by_its_path_only() {
        let target = own_api("http://127.0.0.1:8080");
        let login = Url::parse("http://127.0.0.1:8080/auth/login").expect("a url");
        for (list, is_allowed) in [
            ("", false),
            ("127.0.0.1:8080", false),
            ("127.0.0.1:8080/things", false),
            ("other=127.0.0.1:8080/auth/login", false),
            ("127.0.0.1:8080/auth/login", true),
            ("t=127.0.0.1:8080/auth", true),
        ] {
            let allowed = AllowedHosts::default().with_hosts(HostPurpose::Login, list).ok().expect("hosts");
            let allowed = allowed.with_hosts(HostPurpose::Api, "127.0.0.1:8080").ok().expect("hosts");
            assert_eq!(allowed.check_described_login(&target, &login).is_ok(), is_allowed, "{list}");
            assert_eq!(allowed.check_token_url(&target, &login).is_ok(), is_allowed, "{list}");
        }
        let fault = AllowedHosts::default().check_described_login(&target, &login).expect_err("refused");
        let hint = fault.hint.expect("a hint");
        assert!(hint.contains("TRUEUP_ALLOWED_LOGIN_HOSTS=127.0.0.1:8080/auth/login"), "{hint}");
    }

    #[test]
    fn own_hosts_and_loopback_need_no_permission() {
        for url in [
            "https://api.example.com",
            "https://API.example.com:443/core",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://127.1/",
            "http://localhost:3000",
            "http://[::1]:99",
            "https://localhost",
        ] {
            assert_eq!(verdict("", &["api.example.com"], url), "ok", "{url}");
        }
    }

    #[test]
    fn every_other_host_is_refused() {
        for url in [
            "https://evil.example",
            "https://api.example.com.evil.example",
            "https://evilapi.example.com",
            "https://example.com",
            "https://sub.api.example.com",
            "https://api.example.com:8443",
            "https://api.example.com.",
            "https://localhost.evil.example",
            "https://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "https://[::ffff:7f00:1]",
        ] {
            assert_eq!(verdict("", &["api.example.com"], url), "host-not-allowed", "{url}");
        }
    }

    #[test]
    fn names_from_outside_the_repository_are_allowed() {
        let list = " erp.example.fi, other.example.fi:8443 ,*.wild.fi,, *.port.fi:99,[2001:db8::1]:7 ";
        for url in [
            "https://erp.example.fi",
            "https://other.example.fi:8443/x",
            "https://a.wild.fi",
            "https://a.b.wild.fi",
            "https://a.port.fi:99",
            "https://[2001:db8::1]:7",
        ] {
            assert_eq!(verdict(list, &[], url), "ok", "{url}");
        }
        for url in [
            "https://erp.example.fi:8443",
            "https://other.example.fi",
            "https://wild.fi",
            "https://notwild.fi",
            "https://.wild.fi",
            "https://a.wild.fi:8443",
            "https://a.port.fi",
            "https://[2001:db8::1]",
        ] {
            assert_eq!(verdict(list, &[], url), "host-not-allowed", "{url}");
        }
    }

    #[test]
    fn only_loopback_goes_without_tls() {
        assert_eq!(verdict("erp.example.fi", &[], "http://erp.example.fi"), "insecure-url");
        assert_eq!(verdict("", &["api.example.com"], "http://api.example.com"), "insecure-url");
        assert_eq!(verdict("erp.example.fi:80", &[], "http://erp.example.fi"), "insecure-url");
        assert_eq!(verdict("", &[], "ftp://127.0.0.1"), "insecure-url");
        assert_eq!(verdict("", &[], "data:text/plain,x"), "invalid-url");
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        let target = target("https://user:hunter2@api.example.com", &["api.example.com"]);
        let fault = AllowedHosts::default().check_base_url(&target).err();
        let fault = fault.expect("refused");
        assert_eq!(fault.code, "credentials-in-url");
        assert!(!format!("{} {:?}", fault.message, fault.hint).contains("hunter2"));
        assert_eq!(verdict("", &[], "http://user@127.0.0.1"), "credentials-in-url");
    }

    #[test]
    fn the_list_takes_hosts_only() {
        for list in [
            "https://a.example",
            "a.example/x?y",
            "=a.example",
            "u@a.example",
            "*",
            "*.com",
            "a b",
            "a.*.fi",
            "h:99999",
            "h:",
        ] {
            let fault = AllowedHosts::new(list).err().map(|fault| fault.code);
            assert_eq!(fault, Some("invalid-host"), "{list}");
        }
        let fault = AllowedHosts::new("sk_live_hunter2/").expect_err("not a host");
        assert!(!fault.message.contains("hunter2"), "{}", fault.message);
    }
}
