//! What comes back: whole, broken, endless, or not at all.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{BOUNDS, bearer, client, code, code_after, get, send};
use crate::support::raw_server::{RawServer, ServerAction, answer};

fn gzipped(size: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = [b'0'; 1 << 16];
    for _ in 0..size / zeros.len() {
        encoder.write_all(&zeros).expect("memory");
    }
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn an_answer_is_read_with_what_belongs_to_it() {
    let headers =
        "Content-Type: Text/HTML; charset=utf-8\r\nretry-after: 7\r\ncf-ray: 9f\r\nx-request-id: r-1\r\n";
    let server = RawServer::new([ServerAction::Say(answer(404, headers, "<html>no</html>"))]).await;
    let response = send(&client(&server, bearer()), &get("/fish")).await.expect("an answer");
    assert_eq!(response.status, 404);
    assert_eq!(response.content_type, "text/html");
    assert_eq!(response.retry_after.as_deref(), Some("7"));
    assert_eq!(response.request_id.as_deref(), Some("r-1"));
    assert_eq!(response.body, b"<html>no</html>");
    let server = RawServer::new([ServerAction::Say(answer(200, "x-correlation-id: c\r\n", ""))]).await;
    let response = send(&client(&server, bearer()), &get("/fish")).await.expect("an answer");
    assert_eq!(response.request_id.as_deref(), Some("c"));
    assert_eq!(response.content_type, "");
}

#[tokio::test]
async fn compressed_answers_are_read_and_broken_ones_named() {
    let small = gzipped(1 << 17);
    let server = RawServer::new([ServerAction::Say(answer(200, "content-encoding: gzip\r\n", &small))]).await;
    let response = send(&client(&server, bearer()), &get("/fish")).await.expect("an answer");
    assert_eq!(response.body.len(), 1 << 17);
    let half = &small[..small.len() / 2];
    assert_eq!(
        code_after(ServerAction::Say(answer(200, "content-encoding: gzip\r\n", half))).await,
        "truncated"
    );
    assert_eq!(
        code_after(ServerAction::Say(answer(200, "content-encoding: gzip\r\n", "not gzip"))).await,
        "garbled"
    );
}

#[tokio::test]
async fn a_server_that_hangs_is_left_in_time() {
    let body = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    for act in [
        ServerAction::Hang(Vec::new()),
        ServerAction::Hang(b"HTTP/1.1 200 OK\r\nx-a".to_vec()),
        ServerAction::Hang(body),
    ] {
        let began = Instant::now();
        assert_eq!(code_after(act).await, "timeout");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_broken_connection_is_distinguished_from_a_broken_answer() {
    assert_eq!(code_after(ServerAction::ResetUnread).await, "broken");
    assert_eq!(code_after(ServerAction::Reset(Vec::new())).await, "broken");
    assert_eq!(code_after(ServerAction::Say(Vec::new())).await, "broken");
    assert_eq!(code_after(ServerAction::Say(b"HTTP/1.1 200 OK\r\nconte".to_vec())).await, "broken");
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"a\":".to_vec();
    assert_eq!(code_after(ServerAction::Say(begun.clone())).await, "truncated");
    assert_eq!(code_after(ServerAction::Reset(begun)).await, "truncated");
    let chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n0123".to_vec();
    assert_eq!(code_after(ServerAction::Say(chunk)).await, "truncated");
}

#[tokio::test]
async fn what_is_not_http_is_named() {
    for nonsense in
        ["SSH-2.0-OpenSSH_9.9\r\n\r\n", "HTTP/1.1 abc Bad\r\n\r\n", "HTTP/1.1 200 OK\r\na b: c\r\n\r\n"]
    {
        assert_eq!(code_after(ServerAction::Say(nonsense.into())).await, "not-http", "{nonsense}");
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_not_read() {
    const HUGE: usize = 200_000_000;
    let announced = format!("HTTP/1.1 200 OK\r\ncontent-length: {HUGE}\r\n\r\n");
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let endless = "HTTP/1.1 200 OK\r\n\r\n".to_owned();
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    for (head, part) in [(announced, vec![b'x'; 1 << 16]), (chunked, chunk), (endless, vec![b'x'; 1 << 16])] {
        let server = RawServer::new([ServerAction::Flood(head.clone().into(), part)]).await;
        assert_eq!(
            code(&send(&client(&server, bearer()), &get("/fish")).await),
            "answer-too-large",
            "{head}"
        );
        // some megabytes may wait in the buffers of the machine
        assert!(server.said() < HUGE / 5, "{} bytes were taken", server.said());
    }
}

#[tokio::test]
async fn a_small_answer_that_unpacks_into_a_huge_one_is_not_read() {
    let bomb = gzipped(32 << 20);
    assert!((bomb.len() as u64) < BOUNDS.max_response_bytes, "only what comes out is above the limit");
    assert_eq!(
        code_after(ServerAction::Say(answer(200, "content-encoding: gzip\r\n", bomb))).await,
        "answer-too-large"
    );
}

#[tokio::test]
async fn headers_without_end_are_not_read() {
    let act = ServerAction::Flood("HTTP/1.1 200 OK\r\n".into(), "x-more: and more\r\n".repeat(100).into());
    assert_eq!(code_after(act).await, "answer-too-large");
    let act = ServerAction::Flood("HTTP/1.1 200 OK\r\nx-long: ".into(), vec![b'x'; 1 << 16]);
    assert_eq!(code_after(act).await, "answer-too-large");
}
