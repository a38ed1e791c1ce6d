//! Where credentials and bodies may go.
//!
//! A pull request that edits a base URL must not be able to send a key elsewhere. So a URL is only used when
//! its host is one of the API's own, a loopback address, or named outside the repository, and everything
//! but loopback is https. A name without a port means the scheme's own port, so that another service on
//! the same machine is another host.
//! Deliberately absent: the environment. The list of names is handed in as text.

use url::{Host, Url};

use crate::diagnostic::Diagnostic;

/// The variable in which an operator names further hosts.
pub const ALLOWED_HOSTS_VARIABLE: &str = "TRUEUP_ALLOWED_HOSTS";

/// The hosts named outside the repository.
#[derive(Clone, Default, Debug)]
pub struct AllowedHosts {
    patterns: Vec<HostPattern>,
}

/// `host`, `host:port`, `*.domain` or `*.domain:port`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct HostPattern {
    host: String,
    /// Whether any host below `host` is meant, rather than `host` itself.
    subdomains: bool,
    port: Option<u16>,
}

impl AllowedHosts {
    /// The hosts in the value of [`ALLOWED_HOSTS_VARIABLE`], separated by commas.
    pub fn new(list: &str) -> Result<Self, Diagnostic> {
        let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
        let names = words.map(|word| HostPattern::new(word).ok_or_else(|| build_pattern_error(word)));
        Ok(Self { patterns: names.collect::<Result<_, _>>()? })
    }

    /// Whether credentials may go to `url`, when `own` are the API's own hosts. `whose` says who asks.
    pub fn check_url(&self, url: &Url, own: &[String], whose: &str) -> Result<(), Diagnostic> {
        let Some(host) = url.host() else {
            return Err(Diagnostic::error("invalid-url", format!("the URL of {whose} names no host"))
                .with_hint("write it like https://api.example.com"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(build_userinfo_error(whose));
        }
        if is_loopback(&host) {
            return match url.scheme() {
                "http" | "https" => Ok(()),
                _ => Err(build_scheme_error(url, whose)),
            };
        }
        if !self.has_match(url)
            && !own.iter().filter_map(|name| HostPattern::new(name)).any(|name| name.matches_url(url))
        {
            return Err(build_host_error(url, whose));
        }
        if url.scheme() == "https" { Ok(()) } else { Err(build_scheme_error(url, whose)) }
    }

    fn has_match(&self, url: &Url) -> bool {
        self.patterns.iter().any(|name| name.matches_url(url))
    }
}

impl HostPattern {
    fn new(word: &str) -> Option<Self> {
        let (below, rest) = match word.strip_prefix("*.") {
            // `*.com` would allow half the world
            Some(rest) if rest.contains('.') => (true, rest),
            Some(_) => return None,
            None => (false, word),
        };
        if rest.contains(['/', '@', '?', '#', '\\', '*']) || rest.contains(char::is_whitespace) {
            return None;
        }
        let url = Url::parse(&format!("https://{rest}")).ok()?;
        let port = match rest.rsplit_once(':') {
            Some((_, digits)) if !digits.contains(']') => Some(digits.parse().ok()?),
            _ => None,
        };
        Some(Self { host: url.host_str()?.to_owned(), subdomains: below, port })
    }

    fn matches_url(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let named = match self.subdomains {
            true => {
                host.strip_suffix(&self.host).is_some_and(|start| start.len() > 1 && start.ends_with('.'))
            }
            false => host == self.host,
        };
        named && self.port.map_or(url.port().is_none(), |port| url.port_or_known_default() == Some(port))
    }
}

/// Whether the host of `url` is this machine.
pub(super) fn is_local(url: &Url) -> bool {
    url.host().is_some_and(|host| is_loopback(&host))
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Host and port of a URL, the port only where it is not the scheme's own.
pub(super) fn format_authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn build_host_error(url: &Url, whose: &str) -> Diagnostic {
    let host = format_authority(url);
    Diagnostic::error("host-not-allowed", format!("the credentials of {whose} may not go to `{host}`"))
        .with_hint(format!(
            "if that is right, set {ALLOWED_HOSTS_VARIABLE}={host} in the environment, outside the repository"
        ))
}

fn build_scheme_error(url: &Url, whose: &str) -> Diagnostic {
    let message = format!("the URL of {whose} begins with `{}:`, which is not secure", url.scheme());
    Diagnostic::error("insecure-url", message).with_hint("use https; http is for this machine alone")
}

fn build_userinfo_error(whose: &str) -> Diagnostic {
    Diagnostic::error("credentials-in-url", format!("the URL of {whose} holds a user name or a password"))
        .with_hint("take it out and name its source under `auth`")
}

fn build_pattern_error(word: &str) -> Diagnostic {
    // the value may be anything, a pasted key for example, so no more than a plain name is repeated
    let plain = word.len() <= 100 && word.chars().all(|c| c.is_ascii_alphanumeric() || "-.:*".contains(c));
    let shown = if plain { format!("`{word}`") } else { "an entry".to_owned() };
    Diagnostic::error("invalid-host", format!("{shown} of {ALLOWED_HOSTS_VARIABLE} is not a host")).with_hint(
        "write names like api.example.com, api.example.com:8443 or *.example.com, separated by commas",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(list: &str, own: &[&str], url: &str) -> &'static str {
        let allowed = AllowedHosts::new(list).ok().expect("the list is right");
        let own: Vec<_> = own.iter().map(|name| (*name).to_owned()).collect();
        let url = Url::parse(url).expect("a url");
        allowed.check_url(&url, &own, "target `t`").map_or_else(|fault| fault.code, |()| "ok")
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
        let url = Url::parse("https://user:hunter2@api.example.com").expect("a url");
        let fault = AllowedHosts::default().check_url(&url, &["api.example.com".into()], "target `t`").err();
        let fault = fault.expect("refused");
        assert_eq!(fault.code, "credentials-in-url");
        assert!(!format!("{} {:?}", fault.message, fault.hint).contains("hunter2"));
        assert_eq!(verdict("", &[], "http://user@127.0.0.1"), "credentials-in-url");
    }

    #[test]
    fn the_list_takes_hosts_only() {
        for list in [
            "https://a.example",
            "a.example/x",
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
