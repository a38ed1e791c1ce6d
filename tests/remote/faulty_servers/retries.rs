//! How often and how fast requests are sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trueup::exchange::Method;
use trueup::kind::Api;
use trueup::kind::file::LimitsFile;
use trueup::remote::retry::RetryPolicy;
use trueup::remote::transport_error::DeliveryStatus;
use url::Url;

use super::{BOUNDS, api, bearer, client, client_of, code, get, quick, request, send, send_safely, target};
use crate::support::raw_server::{RawServer, ServerAction, answer, kept};

#[tokio::test]
async fn a_write_of_unknown_outcome_is_sent_once() {
    let begun = b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{".to_vec();
    for (act, code) in [
        (ServerAction::ResetUnread, "broken"),
        (ServerAction::Reset(Vec::new()), "broken"),
        (ServerAction::Reset(begun), "truncated"),
        (ServerAction::Hang(Vec::new()), "timeout"),
    ] {
        let server = RawServer::new([act]).await;
        let result =
            send_safely(&client(&server, bearer()), &request(Method::Post, "/fish", false), "{}").await;
        let failure = result.err().expect("no answer");
        assert_eq!(
            (failure.code(), failure.delivery, failure.attempts),
            (code, DeliveryStatus::MaybeSent, 1)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((server.heard().len(), server.connections()), (1, 1));
    }
}

#[tokio::test]
async fn a_write_on_a_connection_that_the_server_gives_up_is_sent_once() {
    let server =
        RawServer::new([ServerAction::Keep(kept(200, "", "[]")), ServerAction::Reset(Vec::new())]).await;
    let client = client(&server, bearer());
    assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
    let failure =
        send_safely(&client, &request(Method::Post, "/fish", false), "{}").await.err().expect("no answer");
    assert_eq!((failure.code(), failure.attempts), ("broken", 1));
    assert_eq!(server.connections(), 1, "the connection was used again");
    assert_eq!(server.heard().iter().filter(|heard| heard.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn what_may_be_repeated_is() {
    let busy = || ServerAction::Say(answer(503, "", ""));
    let server = RawServer::new([
        busy(),
        ServerAction::Reset(Vec::new()),
        busy(),
        ServerAction::Say(answer(200, "", "{}")),
    ])
    .await;
    let answered =
        send_safely(&client(&server, bearer()), &request(Method::Put, "/fish/1", true), "{\"a\":1}").await;
    let answered = answered.expect("an answer");
    assert_eq!(
        (answered.response.status, answered.attempts, answered.earlier_delivery),
        (200, 4, DeliveryStatus::MaybeSent)
    );
    assert!(server.heard().iter().all(|heard| heard.ends_with("\r\n\r\n{\"a\":1}")), "the same each time");

    let server = RawServer::new([ServerAction::Say(answer(409, "", ""))]).await;
    let answered =
        send_safely(&client(&server, bearer()), &request(Method::Put, "/fish/1", true), "{}").await;
    assert_eq!(answered.expect("an answer").attempts, 1, "a conflict is an answer");
}

#[tokio::test]
async fn too_many_requests_are_repeated_where_twice_is_the_same_as_once() {
    let date = "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let acts = || ["retry-after: 0\r\n", date].map(|header| ServerAction::Say(answer(429, header, "")));
    let server = RawServer::new(acts().into_iter().chain([ServerAction::Say(answer(200, "", "{}"))])).await;
    let put = request(Method::Put, "/fish/1", true);
    let answered = send_safely(&client(&server, bearer()), &put, "{}").await.expect("an answer");
    assert_eq!(
        (answered.response.status, answered.attempts, answered.earlier_delivery),
        (200, 3, DeliveryStatus::NotSent)
    );

    let server = RawServer::new([ServerAction::Say(answer(429, "retry-after: 3600\r\n", ""))]).await;
    let failure = send_safely(&client(&server, bearer()), &put, "{}").await.err().expect("too long");
    assert_eq!((failure.code(), failure.delivery), ("rate-limited", DeliveryStatus::NotSent));
    assert!(failure.to_string().contains("3600 s"), "{failure}");
}

#[tokio::test]
async fn a_create_is_not_repeated_after_429_without_a_look() {
    for header in ["", "retry-after: 0\r\n", "retry-after: 3600\r\n"] {
        let server = RawServer::new([
            ServerAction::Say(answer(429, header, "")),
            ServerAction::Say(answer(201, "", "{}")),
        ])
        .await;
        let post = request(Method::Post, "/fish", false);
        let answered = send_safely(&client(&server, bearer()), &post, "{}").await.expect("an answer");
        assert_eq!((answered.response.status, answered.attempts), (429, 1), "{header:?}");
        assert_eq!(server.heard().len(), 1);
    }
}

#[tokio::test]
async fn the_wait_for_a_turn_is_no_part_of_the_time_a_request_has() {
    let server = RawServer::new([ServerAction::Late(Duration::from_millis(40), answer(200, "", "{}"))]).await;
    let mut target = target(&server.url, bearer());
    target.parallelism = 1;
    let (client, fish) = (client_of(&target), get("/fish"));
    let patience = RetryPolicy { total_timeout: Duration::from_millis(200), ..quick() };
    let all = (0..12).map(|_| client.send_with_retries(&fish, None, &BOUNDS, &patience));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(|result| result.as_ref().is_ok_and(|answered| answered.attempts == 1)));
}

#[tokio::test]
async fn the_time_for_all_attempts_is_bounded() {
    let server = RawServer::new([ServerAction::Hang(Vec::new())]).await;
    let client = client(&server, bearer());
    let patience = RetryPolicy { total_timeout: Duration::from_millis(900), ..quick() };
    let began = Instant::now();
    let failure =
        client.send_with_retries(&get("/fish"), None, &BOUNDS, &patience).await.err().expect("no answer");
    assert_eq!((failure.code(), failure.attempts), ("timeout", 2), "the second has only what is left");
    assert!(began.elapsed() < Duration::from_millis(1400), "{:?}", began.elapsed());
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = Url::parse(&format!("http://{}", listener.local_addr().expect("an address"))).expect("a url");
    drop(listener);
    let client = client_of(&target(&url, bearer()));
    let failure =
        send_safely(&client, &request(Method::Post, "/fish", false), "{}").await.err().expect("nobody");
    assert_eq!(
        (failure.code(), failure.delivery, failure.attempts),
        ("cannot-connect", DeliveryStatus::NotSent, 4)
    );
    assert!(failure.to_string().contains("connection refused"), "{failure}");
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    let server = RawServer::new([ServerAction::Late(Duration::from_millis(30), answer(200, "", "{}"))]).await;
    let mut target = target(&server.url, bearer());
    target.parallelism = 3;
    let (client, fish) = (client_of(&target), get("/fish"));
    let all = futures_util::future::join_all((0..12).map(|_| send(&client, &fish))).await;
    assert!(all.iter().all(|result| code(result) == "answer"));
    assert_eq!(server.most(), 3);

    let limits = LimitsFile { parallelism: Some(1), per_second: Some(4), ..LimitsFile::default() };
    target.api = Arc::new(Api { limits, ..api() });
    let server = RawServer::new([ServerAction::Say(answer(200, "", "{}"))]).await;
    target.base_url = server.url.clone();
    let (client, began) = (client_of(&target), Instant::now());
    let all = futures_util::future::join_all((0..9).map(|_| send(&client, &fish))).await;
    assert!(all.iter().all(|result| code(result) == "answer"));
    assert_eq!(server.most(), 1, "the limit of the API is below that of the target");
    assert!(began.elapsed() >= Duration::from_secs(2), "nine at four a second: {:?}", began.elapsed());
}
