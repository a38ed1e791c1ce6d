//! What of a target's credentials does not go together, or not with its API.
//!
//! Deliberately absent: how credentials are read (`auth`).

use url::Url;

use crate::diagnostic::{Diagnostic, SourceSpan, suggest_word};
use crate::document::source_reader::SourceReader;
use crate::kind::{Api, AuthScheme};
use crate::remote::target::TokenLocation;
use crate::workspace::settings::auth::{AuthSettings, CredentialSource, OauthSettings};

impl AuthSettings {
    /// The ways to authenticate that are used, with where.
    fn list_auth_methods(&self) -> Vec<(AuthScheme, SourceSpan)> {
        let mut words = Vec::new();
        let mut used = |word, credential: Option<&CredentialSource>| {
            words.extend(credential.map(|credential| (word, credential.span)));
        };
        used(AuthScheme::Bearer, self.bearer.as_ref());
        used(AuthScheme::Token, self.token.as_ref());
        used(AuthScheme::Basic, self.basic.as_ref().map(|user| &user.username));
        used(AuthScheme::Headers, self.headers.first().map(|(_, credential)| credential));
        used(AuthScheme::Query, self.query.first().map(|(_, credential)| credential));
        used(AuthScheme::Login, self.login.as_ref().map(|login| &login.user.username));
        words.extend(self.oauth.as_ref().map(|oauth| (oauth.scheme, oauth.first_credential_span())));
        words
    }

    /// What does not go together, or not with this API. What is left out and the API knows is put in.
    pub fn check_auth(&mut self, api: &Api, base_url: Option<&Url>, reading: &mut SourceReader) {
        if let (Some(oauth), Some(base_url)) = (&mut self.oauth, base_url) {
            oauth.complete_from_api(api, base_url, reading);
        }
        self.check_listed_methods(api, reading);
        self.check_listed_headers(api, reading);
        self.check_single_authorization(reading);
        self.check_header_names(reading);
        self.check_client_certificate(reading);
        if let (Some(login), None) = (&self.login, &api.login) {
            let message = format!("the API `{}` does not say how a session is opened", api.name);
            let fault = Diagnostic::error("no-login", message).with_hint("use another way to authenticate");
            reading.add_diagnostic(login.user.username.span, fault);
        }
    }

    fn check_listed_methods(&self, api: &Api, reading: &mut SourceReader) {
        for (word, span) in self.list_auth_methods().into_iter().filter(|(word, _)| !api.auth.contains(word))
        {
            let message = format!("the API `{}` is not known to take `{}`", api.name, name_auth_method(word));
            let known: Vec<_> =
                api.auth.iter().map(|word| format!("`{}`", name_auth_method(*word))).collect();
            let mut fault = Diagnostic::warning("unknown-auth", message);
            fault.hint = (!known.is_empty()).then(|| format!("it is known to take {}", known.join(", ")));
            reading.add_diagnostic(span, fault);
        }
    }

    fn check_listed_headers(&self, api: &Api, reading: &mut SourceReader) {
        let is_listed = |name: &str| api.auth_headers.iter().any(|known| known.eq_ignore_ascii_case(name));
        if api.auth_headers.is_empty() {
            return;
        }
        for (name, credential) in self.headers.iter().filter(|(name, _)| !is_listed(name)) {
            let message = format!("the API `{}` is not known to take credentials in this header", api.name);
            let mut fault = Diagnostic::warning("unknown-auth", message);
            fault.hint = suggest_word(name, api.auth_headers.iter().map(String::as_str));
            reading.add_diagnostic(credential.span, fault);
        }
    }

    /// There is one Authorization header; two that want it would send only one of them.
    fn check_single_authorization(&self, reading: &mut SourceReader) {
        let bearer = self.login.as_ref().is_some_and(|login| login.token_place == TokenLocation::Bearer);
        let mut wanting: Vec<(&str, SourceSpan)> = self
            .list_auth_methods()
            .into_iter()
            .filter(|(word, _)| match word {
                AuthScheme::Headers | AuthScheme::Query => false,
                AuthScheme::Login => bearer,
                _ => true,
            })
            .map(|(word, span)| (name_auth_method(word), span))
            .collect();
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        wanting.extend(header.map(|(_, credential)| ("headers", credential.span)));
        let Some(((first, at), others)) = wanting.split_first().map(|(first, others)| (*first, others))
        else {
            return;
        };
        for (other, span) in others {
            let message = format!("`{first}` and `{other}` both set the Authorization header");
            let also = reading.source.locate_span(at);
            let fault =
                Diagnostic::error("conflicting-authorization", message).with_related(also, "the other one");
            reading.add_diagnostic(*span, fault.with_hint("keep one of the two"));
        }
    }

    fn check_client_certificate(&self, reading: &mut SourceReader) {
        let (present, missing) = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), None) => (certificate, "client_key"),
            (None, Some(key)) => (key, "client_certificate"),
            _ => return,
        };
        let fault = Diagnostic::error("missing-key", format!("there is no `{missing}` beside this"));
        reading.add_diagnostic(present.span, fault.with_hint(format!("write the source of `{missing}` too")));
    }

    fn check_header_names(&self, reading: &mut SourceReader) {
        let login = self.login.as_ref().map(|login| (&login.token_place, login.user.username.span));
        let sent = login.into_iter().filter_map(|(sends, span)| match sends {
            TokenLocation::Header(name) | TokenLocation::Cookie(name) => Some((name, span)),
            TokenLocation::Bearer | TokenLocation::Query(_) => None,
        });
        let headers = self.headers.iter().map(|(name, credential)| (name, credential.span));
        for (_, span) in headers.chain(sent).filter(|(name, _)| !is_token(name)) {
            let fault =
                Diagnostic::error("invalid-header-name", "this is not the name of a header or cookie");
            reading.add_diagnostic(span, fault.with_hint("letters, digits and hyphens, like X-Api-Key"));
        }
    }
}

impl OauthSettings {
    fn first_credential_span(&self) -> SourceSpan {
        let user = self.user.as_ref().map(|user| &user.username);
        let first = user.or(self.refresh_token.as_ref()).or(self.client_secret.as_ref());
        first.map_or(self.span, |credential| credential.span)
    }

    fn complete_from_api(&mut self, api: &Api, base_url: &Url, reading: &mut SourceReader) {
        let (own, name) = (api.oauth.as_ref(), name_auth_method(self.scheme));
        let host = base_url.host_str().unwrap_or("");
        let token_url = own.and_then(|own| own.token_urls.get(host));
        self.url = self.url.take().or_else(|| Url::parse(token_url?).ok());
        self.client_id = self.client_id.take().or_else(|| own?.client_id.clone());
        let missing = [("url", self.url.is_none()), ("client_id", self.client_id.is_none())];
        for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
            let message =
                format!("`{name}` has no `{key}`, and the API `{}` has none for this host", api.name);
            let fault =
                Diagnostic::error("missing-key", message).with_hint(format!("write `{key}` under `{name}`"));
            reading.add_diagnostic(self.first_credential_span(), fault);
        }
    }
}

/// The word in settings.
fn name_auth_method(word: AuthScheme) -> &'static str {
    match word {
        AuthScheme::Bearer => "bearer",
        AuthScheme::Token => "token",
        AuthScheme::Basic => "basic",
        AuthScheme::Headers => "headers",
        AuthScheme::Query => "query",
        AuthScheme::Login => "login",
        AuthScheme::OauthPassword => "oauth_password",
        AuthScheme::OauthClientCredentials => "oauth_client_credentials",
        AuthScheme::OauthRefreshToken => "oauth_refresh_token",
    }
}

/// The characters that HTTP allows in a name.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
