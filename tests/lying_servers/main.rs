//! The client against servers that lie, break off, hang, flood and redirect.
//!
//! Each server speaks raw bytes on loopback. Every test ends within its own bounds, names the exact code, and
//! counts what the server heard: a write of unknown outcome is sent once.

mod answers;
mod calls;
mod liar;
mod redirects;
mod repetition;
mod runs;
mod secrets;
mod sessions;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use liar::{Act, Liar};
use trueup::exchange::{Request, Response, Verb};
use trueup::kind::file::{ClearsFile, ErrorsFile, LimitsFile, LoginFile};
use trueup::kind::{Api, FormatWord, GuidForm, NamesWord};
use trueup::remote::client::{Bounds, Client};
use trueup::remote::failure::{Failure, Sent};
use trueup::remote::hosts::Allowed;
use trueup::remote::retry::{Answered, Jitter, Patience};
use trueup::remote::target::{Auth, Login, Target, TokenPlace};
use url::Url;

const BOUNDS: Bounds = Bounds { timeout: Duration::from_millis(700), answer_bytes: 1024 * 1024 };

fn api() -> Api {
    Api {
        name: "fishery".into(),
        title: "Fishery".into(),
        is: "A service for tests.".into(),
        source: None,
        base_url: None,
        hosts: vec!["api.fishery.example".into()],
        formats: vec![FormatWord::Json],
        names: NamesWord::Exact,
        guids: GuidForm::Hyphenated,
        auth: Vec::new(),
        auth_headers: Vec::new(),
        oauth: None,
        clears: ClearsFile::default(),
        login: Some(LoginFile {
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

fn target(url: &Url, auth: Auth) -> Target {
    Target {
        name: "harbor".into(),
        api: Arc::new(api()),
        base_url: url.clone(),
        format: FormatWord::Json,
        auth,
        scope: Vec::new(),
        parallelism: 10,
        carry_nested: false,
        personal: true,
    }
}

fn client_of(target: &Target) -> Client {
    Client::new(target, &Allowed::default()).unwrap_or_else(|fault| panic!("{}", fault.message))
}

fn client(liar: &Liar, auth: Auth) -> Client {
    client_of(&target(&liar.url, auth))
}

fn bearer() -> Auth {
    Auth { bearer: Some("canary-bearer".into()), ..Auth::default() }
}

fn login(sends: TokenPlace) -> Auth {
    let login = Login { username: "canary-user".into(), password: "canary-\"pass".into(), sends };
    Auth { login: Some(login), ..Auth::default() }
}

fn get(path: &str) -> Request {
    request(Verb::Get, path, true)
}

fn request(verb: Verb, path: &str, repeatable: bool) -> Request {
    Request { verb, path: path.into(), query: Vec::new(), body: None, repeatable }
}

fn quick() -> Patience {
    Patience { first: Duration::from_millis(1), jitter: Jitter::None, ..Patience::default() }
}

/// The result of one request, which must come before anybody loses patience.
async fn send(client: &Client, request: &Request) -> Result<Response, Failure> {
    let sent = client.send(request, None, &BOUNDS);
    tokio::time::timeout(Duration::from_secs(5), sent).await.expect("an end within bounds")
}

async fn send_safely(client: &Client, request: &Request, body: &str) -> Result<Answered, Failure> {
    let body = (!body.is_empty()).then(|| body.as_bytes().to_vec());
    let patience = quick();
    let sent = client.send_safely(request, body, &BOUNDS, &patience);
    tokio::time::timeout(Duration::from_secs(10), sent).await.expect("an end within bounds")
}

fn code(result: &Result<Response, Failure>) -> &'static str {
    result.as_ref().map_or_else(Failure::code, |_| "answer")
}

/// The code of a single GET against a server that does `act`.
async fn code_after(act: Act) -> &'static str {
    let liar = Liar::new([act]).await;
    let result = send(&client(&liar, bearer()), &get("/fish")).await;
    if let Err(failure) = &result {
        assert_eq!(failure.sent, Sent::Maybe, "the server read it");
        assert_eq!(failure.attempts, 1);
    }
    code(&result)
}
