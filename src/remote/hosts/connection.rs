//! Connections that settings of a repository change: authorities of their own, and proxies.
//!
//! Both decide who can read requests, so both need a host that is named outside the repository.

use url::Url;

use super::{AllowedHosts, HostPurpose, format_authority, is_local};
use crate::diagnostic::Diagnostic;
use crate::remote::target::Target;

impl AllowedHosts {
    /// Whether requests of `target` may pass through a proxy, as far as its settings name one. The proxies of the
    /// environment are the choice of the person who sets it.
    ///
    /// # Errors
    /// When they may not.
    pub fn check_proxy(&self, target: &Target, url: &Url) -> Result<(), Diagnostic> {
        if is_local(url) || self.has_match(HostPurpose::Proxy, Some(&target.name), url) {
            return Ok(());
        }
        let (host, variable) = (format_authority(url), HostPurpose::Proxy.variable());
        let message =
            format!("the requests of target `{}` may not go through the proxy `{host}`", target.name);
        Err(Diagnostic::error("proxy-not-allowed", message).with_hint(format!(
            "if that is right, set {variable}={host} in the environment, outside the repository"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::hosts::tests::target;
    use crate::remote::target_connection::TargetConnection;

    #[test]
    fn the_hosts_of_an_api_are_not_enough_for_a_target_with_its_own_authorities() {
        let own = target("https://own.example.fi", &["own.example.fi"]);
        let connection = TargetConnection { certificate_authority: Some("any".into()), ..Default::default() };
        let trusting = Target { connection, ..target("https://own.example.fi", &["own.example.fi"]) };
        let none = AllowedHosts::default();
        assert!(none.check_base_url(&own).is_ok());
        let fault = none.check_base_url(&trusting).expect_err("not allowed");
        assert!(fault.code == "host-not-allowed" && fault.message.contains("certificate_authority"));
        let named = AllowedHosts::new("own.example.fi").ok().expect("a list");
        assert!(named.check_base_url(&trusting).is_ok());
        let here = target("https://127.0.0.1:8443", &[]);
        assert!(none.check_base_url(&Target { connection: trusting.connection, ..here }).is_ok());
    }
}
