//! What hosts are allowed for, and where an operator says so.

/// What a host is allowed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostPurpose {
    /// Requests to the API.
    Api,
    /// Asking for tokens.
    Login,
    /// Lists that are read by POST.
    Search,
    /// Notifications.
    Webhook,
    /// Carrying requests of other hosts.
    Proxy,
}

impl HostPurpose {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Api, Self::Login, Self::Search, Self::Webhook, Self::Proxy];

    /// The variable in which an operator names hosts for this purpose.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Api => "TRUEUP_ALLOWED_HOSTS",
            Self::Login => "TRUEUP_ALLOWED_LOGIN_HOSTS",
            Self::Search => "TRUEUP_ALLOWED_SEARCH_URLS",
            Self::Webhook => "TRUEUP_ALLOWED_WEBHOOK_HOSTS",
            Self::Proxy => "TRUEUP_ALLOWED_PROXY_HOSTS",
        }
    }
}
