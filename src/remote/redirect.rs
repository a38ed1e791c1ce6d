//! Redirects: followed on reads only, and only to the same scheme, host and port.

use reqwest::Method;
use url::Url;

use super::hosts;
use super::transport::PreparedRequest;
use super::transport_error::RedirectError;

/// Where a redirect may be followed to.
pub(super) fn resolve_redirect(call: &PreparedRequest, to: Option<&str>) -> Result<Url, RedirectError> {
    let to = to.and_then(|to| call.url.join(to).ok());
    if call.method != Method::GET {
        return Err(RedirectError::WriteRedirected(
            to.filter(Url::has_host).map(|to| hosts::format_authority(&to)),
        ));
    }
    let mut to = to.filter(Url::has_host).ok_or(RedirectError::InvalidLocation)?;
    if to.origin() != call.url.origin() {
        return Err(RedirectError::OtherOrigin(format!(
            "{}://{}",
            to.scheme(),
            hosts::format_authority(&to)
        )));
    }
    let bare = to.set_username("").and_then(|()| to.set_password(None));
    bare.map_err(|()| RedirectError::InvalidLocation)?;
    to.set_fragment(None);
    Ok(to)
}
