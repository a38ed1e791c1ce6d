//! Lists that are read by POST: only the service knows whether such a request changes nothing.

use url::Url;

use super::{AllowedHosts, HostPurpose, format_authority};
use crate::diagnostic::Diagnostic;
use crate::kind::registry::is_workspace_api;
use crate::remote::target::Target;

impl AllowedHosts {
    /// Whether a list of `target` may be read by a POST to this URL. A description in the workspace is no reason, for
    /// a POST may write: exactly this URL has to be allowed outside the repository, for what is below it may write.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_search(&self, target: &Target, url: &Url) -> Result<(), Diagnostic> {
        if !is_workspace_api(&target.api) || self.has_exact_match(HostPurpose::Search, target, url) {
            return Ok(());
        }
        let entry = format!("{}{}", format_authority(url), url.path().trim_end_matches('/'));
        let message =
            format!("the list of target `{}` is read with POST {url}, which may write", target.name);
        Err(Diagnostic::error("search-not-allowed", message).with_hint(format!(
            "if it changes nothing, set {}={entry} in the environment, outside the repository",
            HostPurpose::Search.variable()
        )))
    }
}
