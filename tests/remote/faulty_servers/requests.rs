//! What goes out, and which credentials never do.

use secrecy::SecretString;
use trueup::diagnostic::Diagnostic;
use trueup::exchange::{Method, PlannedRequest};
use trueup::kind::WireFormat;
use trueup::remote::client::HttpClient;
use trueup::remote::hosts::AllowedHosts;
use trueup::remote::target::{TargetAuth, TokenLocation};
use trueup::remote::transport_error::DeliveryStatus;
use url::Url;

use super::sessions::oauth;
use super::{BOUNDS, bearer, client, client_of, code, get, login, request, send, target};
use crate::support::raw_server::{RawServer, ServerAction, answer};

#[tokio::test]
async fn a_write_says_everything_and_is_never_chunked() {
    let server = RawServer::new([ServerAction::Say(answer(200, "", "{}"))]).await;
    let mut target = target(&server.url.join("/core/v2/").expect("a url"), bearer());
    target.format = WireFormat::Jsv;
    let query = vec![("q".to_owned(), "a b&c=å".to_owned())];
    let put = PlannedRequest { query, ..request(Method::Put, "/fish/a%2Fb", true) };
    let response = client_of(&target).send_once(&put, Some(b"{name:pike}".to_vec()), &BOUNDS).await;
    assert_eq!(code(&response), "answer");
    let heard = server.heard().remove(0);
    let (head, body) = heard.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, "{name:pike}");
    assert!(head.starts_with("PUT /core/v2/fish/a%2Fb?q=a+b%26c%3D%C3%A5 HTTP/1.1\r\n"), "{head}");
    let mut lines: Vec<_> = head.lines().skip(1).filter(|line| !line.starts_with("host: ")).collect();
    lines.sort_unstable();
    let version = concat!("user-agent: trueup/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        lines,
        [
            "accept-encoding: gzip",
            "accept: application/jsv, text/jsv",
            "authorization: Bearer canary-bearer",
            "content-length: 11",
            "content-type: application/jsv",
            version,
            "x-fixed: always",
        ]
    );
}

#[tokio::test]
async fn a_write_without_a_body_says_its_length_and_a_read_has_none() {
    for (verb, length) in [
        (Method::Post, true),
        (Method::Put, true),
        (Method::Patch, true),
        (Method::Get, false),
        (Method::Delete, false),
    ] {
        let server = RawServer::new([ServerAction::Say(answer(200, "", "{}"))]).await;
        assert_eq!(code(&send(&client(&server, bearer()), &request(verb, "/x", false)).await), "answer");
        let head = server.heard().remove(0);
        assert_eq!(head.contains("\r\ncontent-length: 0\r\n"), length, "{head}");
        assert!(!head.contains("transfer-encoding") && !head.contains("content-type"), "{head}");
        assert!(head.contains("\r\naccept: application/json\r\n"), "{head}");
    }
}

#[tokio::test]
async fn several_credentials_travel_together() {
    let server = RawServer::new([ServerAction::Say(answer(200, "", "{}"))]).await;
    let auth = TargetAuth {
        basic: Some(("aladdin".into(), "open sesame".into())),
        headers: vec![("X-Api-Key".into(), "k1".into()), ("X-Other".into(), "k2".into())],
        query: vec![("key".into(), "a/b c".into())],
        ..TargetAuth::default()
    };
    let list = PlannedRequest { query: vec![("page".into(), "2".into())], ..get("/fish") };
    assert_eq!(code(&send(&client(&server, auth), &list).await), "answer");
    let head = server.heard().remove(0);
    assert!(head.starts_with("GET /fish?page=2&key=a%2Fb+c HTTP/1.1"), "{head}");
    for line in ["authorization: Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==", "x-api-key: k1", "x-other: k2"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} in {head}");
    }
    let server = RawServer::new([ServerAction::Say(answer(200, "", "{}"))]).await;
    let token = TargetAuth { token: Some("0123".into()), ..TargetAuth::default() };
    assert_eq!(code(&send(&client(&server, token), &get("/x")).await), "answer");
    assert!(server.heard()[0].contains("\r\nauthorization: Token 0123\r\n"));
}

#[tokio::test]
async fn a_path_that_would_lead_elsewhere_is_not_sent() {
    let server = RawServer::new([ServerAction::Say(answer(200, "", "{}"))]).await;
    for path in ["/fish/../admin", "/fish/%2e%2E", "/fish?admin=1"] {
        let result = send(&client(&server, bearer()), &get(path)).await;
        assert_eq!(code(&result), "invalid-path");
        assert!(result.is_err_and(|failure| failure.delivery == DeliveryStatus::NotSent));
    }
    assert_eq!(server.connections(), 0);
}

fn refusal(url: &str, auth: TargetAuth, allowed: &str) -> Diagnostic {
    let target = target(&Url::parse(url).expect("a url"), auth);
    let allowed = AllowedHosts::new(allowed).unwrap_or_else(|fault| panic!("{}", fault.message));
    let fault = HttpClient::new(&target, &allowed).err().expect("refused");
    let shown = format!("{} {:?}", fault.message, fault.hint);
    assert!(!shown.contains("canary"), "{shown}");
    fault
}

#[tokio::test]
async fn credentials_that_may_not_or_cannot_be_sent_stop_the_client() {
    let local = "http://127.0.0.1:9";
    assert_eq!(refusal("https://evil.example", bearer(), "").code, "host-not-allowed");
    assert_eq!(refusal("http://evil.example", bearer(), "evil.example:80").code, "insecure-url");
    assert_eq!(refusal("https://x:canary@api.fishery.example", bearer(), "").code, "credentials-in-url");
    assert_eq!(refusal("http://127.0.0.1:9/?key=canary", bearer(), "").code, "invalid-url");
    let line_break = TargetAuth { bearer: Some("canary\n".into()), ..TargetAuth::default() };
    assert_eq!(refusal(local, line_break, "").code, "invalid-credential");
    let empty = TargetAuth { token: Some(" ".into()), ..TargetAuth::default() };
    assert_eq!(refusal(local, empty, "").code, "invalid-credential");
    let colon = TargetAuth { basic: Some(("canary:x".into(), "canary".into())), ..TargetAuth::default() };
    assert_eq!(refusal(local, colon, "").code, "invalid-credential");
    for name in ["Content-Length", "Host", "transfer-encoding", "a b", ""] {
        let headers = vec![(name.to_owned(), SecretString::from("canary"))];
        assert_eq!(
            refusal(local, TargetAuth { headers, ..TargetAuth::default() }, "").code,
            "invalid-header",
            "{name}"
        );
    }
    let elsewhere = RawServer::new([]).await;
    let mut grant = oauth(&elsewhere);
    grant.oauth.as_mut().expect("a grant").url = Url::parse("https://evil.example/token").expect("a url");
    assert_eq!(refusal(local, grant, "").code, "host-not-allowed");
}

#[test]
fn two_credentials_for_one_place_stop_the_client() {
    let local = "http://127.0.0.1:9";
    let header = |name: &str| vec![(name.to_owned(), SecretString::from("canary"))];
    for auth in [
        TargetAuth { token: Some("canary".into()), ..bearer() },
        TargetAuth { basic: Some(("canary".into(), "canary".into())), ..bearer() },
        TargetAuth { headers: header("AUTHORIZATION"), ..bearer() },
        TargetAuth { headers: header("x-fixed"), ..TargetAuth::default() },
        TargetAuth { bearer: Some("canary".into()), ..login(TokenLocation::Bearer) },
        TargetAuth { headers: header("Cookie"), ..login(TokenLocation::Cookie("sid".into())) },
        TargetAuth { query: header("key"), ..login(TokenLocation::Query("key".into())) },
    ] {
        let fault = refusal(local, auth, "");
        assert_eq!(fault.code, "auth-conflict", "{}", fault.message);
    }
}
