//! Where requests are sent on to.

use trueup::exchange::Method;
use trueup::remote::target::TargetAuth;
use trueup::remote::transport_error::DeliveryStatus;

use super::{bearer, client, code, code_after, get, request, send, send_safely};
use crate::support::raw_server::{RawServer, ServerAction, answer};

#[tokio::test]
async fn a_read_is_redirected_within_its_host_only() {
    let to = |place: &str| ServerAction::Say(answer(302, &format!("location: {place}\r\n"), ""));
    let server = RawServer::new([to("/fish/?page=2#top"), ServerAction::Say(answer(200, "", "[]"))]).await;
    let auth = TargetAuth { query: vec![("key".into(), "canary-query".into())], ..bearer() };
    assert_eq!(code(&send(&client(&server, auth), &get("/fish")).await), "answer");
    let second = &server.heard()[1];
    assert!(second.starts_with("GET /fish/?page=2&key=canary-query HTTP/1.1"), "{second}");
    assert!(second.contains("\r\nauthorization: Bearer canary-bearer\r\n"), "{second}");

    let other = RawServer::new([ServerAction::Say(answer(200, "", "[]"))]).await;
    let port = other.url.port().expect("a port");
    for place in [
        format!("http://127.0.0.1:{port}/steal?canary-place"),
        format!("http://localhost:{port}/steal"),
        format!("//127.0.0.1:{port}/steal"),
        format!("http://x@127.0.0.1:{port}/steal"),
        format!("https://127.0.0.1:{}/", server.url.port().expect("a port")),
    ] {
        let server = RawServer::new([to(&place)]).await;
        let failure =
            send_safely(&client(&server, bearer()), &get("/fish"), "").await.err().expect("refused");
        assert_eq!((failure.code(), failure.attempts), ("redirect", 1), "{place}");
        assert!(failure.to_string().contains(" redirects to http"), "{failure}");
        assert!(!failure.to_string().contains("canary-place"), "{failure}");
    }
    assert_eq!(other.connections(), 0, "not even a connection goes to the other host");
}

#[tokio::test]
async fn redirects_end() {
    let server = RawServer::new([ServerAction::Say(answer(307, "location: /again\r\n", ""))]).await;
    assert_eq!(code(&send(&client(&server, bearer()), &get("/fish")).await), "redirect");
    assert_eq!(server.heard().len(), 6, "the first request and five redirects");
    for nowhere in ["location: http://\r\n", "location: data:text/plain,x\r\n", "location: \u{e5}\r\n"] {
        assert_eq!(code_after(ServerAction::Say(answer(301, nowhere, ""))).await, "redirect", "{nowhere}");
    }
    let server = RawServer::new([ServerAction::Say(answer(304, "", ""))]).await;
    let response = send(&client(&server, bearer()), &get("/fish")).await.expect("an answer");
    assert_eq!(response.status, 304, "without a place it is an answer like any other");
}

#[tokio::test]
async fn a_write_is_never_redirected() {
    for status in [301, 302, 303, 307, 308] {
        for verb in [Method::Put, Method::Post, Method::Patch, Method::Delete] {
            let server =
                RawServer::new([ServerAction::Say(answer(status, "location: /elsewhere\r\n", ""))]).await;
            let result = send_safely(&client(&server, bearer()), &request(verb, "/fish/1", true), "{}").await;
            let failure = result.err().expect("refused");
            assert_eq!((failure.code(), failure.delivery), ("redirect", DeliveryStatus::MaybeSent));
            assert_eq!(server.heard().len(), 1);
        }
    }
}
