//! The client against servers that lie, break off, hang, flood and redirect.
//!
//! Each server speaks raw bytes on loopback. Every test ends within its own bounds, names the exact code, and
//! counts what the server heard: a write of unknown outcome is sent once.

mod redirects;
mod requests;
mod responses;
mod retries;
mod runs;
mod secrets;
mod sessions;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use crate::support::raw_server::{RawServer, ServerAction};
use trueup::exchange::{HttpResponse, Method, PlannedRequest};
use trueup::kind::file::{ApiLoginFile, ClearDefaultsFile, ErrorsFile, LimitsFile};
use trueup::kind::{Api, MemberNameCase, UuidFormat, WireFormat};
use trueup::remote::client::{ExchangeLimits, HttpClient};
use trueup::remote::hosts::AllowedHosts;
use trueup::remote::retry::{CompletedRequest, JitterMode, RetryPolicy};
use trueup::remote::target::{LoginCredentials, Target, TargetAuth, TokenLocation};
use trueup::remote::target_connection::TargetConnection;
use trueup::remote::transport_error::{DeliveryStatus, TransportError};
use url::Url;

const BOUNDS: ExchangeLimits =
    ExchangeLimits { timeout: Duration::from_millis(700), max_response_bytes: 1024 * 1024 };

fn api() -> Api {
    Api {
        idempotency_header: None,
        operation_status: None,
        name: "fishery".into(),
        title: "Fishery".into(),
        description: "A service for tests.".into(),
        source: None,
        base_url: None,
        hosts: vec!["api.fishery.example".into()],
        formats: vec![WireFormat::Json],
        member_names: MemberNameCase::Exact,
        uuid_format: UuidFormat::Hyphenated,
        auth: Vec::new(),
        auth_headers: Vec::new(),
        oauth: None,
        clear_with: ClearDefaultsFile::default(),
        login: Some(ApiLoginFile {
            post: "/login".into(),
            username: "email".into(),
            password: "pass".into(),
            token: vec!["missing.entirely".into(), "session.token".into()],
        }),
        headers: vec![("X-Fixed".into(), "always".into())],
        errors: ErrorsFile::default(),
        limits: LimitsFile::default(),
    }
}

fn target(url: &Url, auth: TargetAuth) -> Target {
    Target {
        name: "harbor".into(),
        api: Arc::new(api()),
        base_url: url.clone(),
        format: WireFormat::Json,
        auth,
        connection: TargetConnection::default(),
        scope: Vec::new(),
        parallelism: 10,
        also_send_nested: false,
        write_personal: true,
    }
}

fn client_of(target: &Target) -> HttpClient {
    HttpClient::new(target, &AllowedHosts::default()).unwrap_or_else(|fault| panic!("{}", fault.message))
}

fn client(server: &RawServer, auth: TargetAuth) -> HttpClient {
    client_of(&target(&server.url, auth))
}

fn bearer() -> TargetAuth {
    TargetAuth { bearer: Some("canary-bearer".into()), ..TargetAuth::default() }
}

fn login(sends: TokenLocation) -> TargetAuth {
    let login = LoginCredentials {
        username: "canary-user".into(),
        password: "canary-\"pass".into(),
        token_location: sends,
    };
    TargetAuth { login: Some(login), ..TargetAuth::default() }
}

fn get(path: &str) -> PlannedRequest {
    request(Method::Get, path, true)
}

fn request(verb: Method, path: &str, repeatable: bool) -> PlannedRequest {
    PlannedRequest {
        method: verb,
        path: path.into(),
        query: Vec::new(),
        body: None,
        body_form: Default::default(),
        idempotent: repeatable,
    }
}

fn quick() -> RetryPolicy {
    RetryPolicy {
        initial_delay: Duration::from_millis(1),
        jitter: JitterMode::None,
        ..RetryPolicy::default()
    }
}

/// The result of one request, which must come before anybody loses patience.
async fn send(client: &HttpClient, request: &PlannedRequest) -> Result<HttpResponse, TransportError> {
    let sent = client.send_once(request, None, &BOUNDS);
    tokio::time::timeout(Duration::from_secs(5), sent).await.expect("an end within bounds")
}

async fn send_safely(
    client: &HttpClient,
    request: &PlannedRequest,
    body: &str,
) -> Result<CompletedRequest, TransportError> {
    let body = (!body.is_empty()).then(|| body.as_bytes().to_vec());
    let patience = quick();
    let sent = client.send_with_retries(request, body, &BOUNDS, &patience);
    tokio::time::timeout(Duration::from_secs(10), sent).await.expect("an end within bounds")
}

fn code(result: &Result<HttpResponse, TransportError>) -> &'static str {
    result.as_ref().map_or_else(TransportError::code, |_| "answer")
}

/// The code of a single GET against a server that does `act`.
async fn code_after(act: ServerAction) -> &'static str {
    let server = RawServer::new([act]).await;
    let result = send(&client(&server, bearer()), &get("/fish")).await;
    if let Err(failure) = &result {
        assert_eq!(failure.delivery, DeliveryStatus::MaybeSent, "the server read it");
        assert_eq!(failure.attempts, 1);
    }
    code(&result)
}
