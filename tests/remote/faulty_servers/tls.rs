//! Who is trusted.

use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use trueup::exchange::Method;
use trueup::remote::transport_error::DeliveryStatus;
use url::Url;

use crate::support::tls_server::TestAuthority;

use super::{bearer, client_of, code, get, request, send, send_safely, target};

/// The requests that a server heard.
type Heard = Arc<Mutex<Vec<String>>>;

/// A server that speaks `protocol` and has a certificate for `name` until `year`; what it heard, too.
async fn serve(authority: &TestAuthority, protocol: &str, name: &str, year: i32) -> (Url, Heard) {
    let config = authority.issue(name, year).build_server_config(protocol, None);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let heard = Heard::default();
    let own = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(converse(stream, Arc::clone(&own)));
            }
        }
    });
    (Url::parse(&format!("https://localhost:{port}")).expect("a url"), heard)
}

/// Answers every request on one connection, in the protocol that was agreed upon.
async fn converse(stream: TlsStream<TcpStream>, heard: Heard) {
    let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let length = request.headers().get("content-length").and_then(|length| length.to_str().ok());
        let line = format!("{} {:?} {length:?}", request.method(), request.version());
        heard.lock().expect("no panic").push(line);
        async { Ok::<_, Infallible>(hyper::Response::new("{}".to_owned())) }
    });
    let stream = TokioIo::new(stream);
    let _ = match two {
        true => http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await,
        false => http1::Builder::new().serve_connection(stream, service).await,
    };
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_gets_no_request() {
    let (url, heard) = serve(&TestAuthority::new(), "h2", "localhost", 2100).await;
    let client = client_of(&target(&url, bearer()));
    let failure = send_safely(&client, &get("/fish"), "").await.err().expect("no trust");
    assert_eq!((failure.code(), failure.delivery, failure.attempts), ("tls", DeliveryStatus::NotSent, 1));
    assert!(failure.to_string().contains("UnknownIssuer"), "{failure}");
    assert!(heard.lock().expect("no panic").is_empty());

    let nonsense = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = nonsense.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = nonsense.accept().await {
            let _ = stream.write_all(b"220 smtp.example ESMTP\r\n").await;
        }
    });
    let url = Url::parse(&format!("https://127.0.0.1:{port}")).expect("a url");
    assert_eq!(code(&send(&client_of(&target(&url, bearer())), &get("/fish")).await), "tls");
}

#[tokio::test]
async fn the_certificates_of_the_machine_are_trusted() {
    let authority = TestAuthority::new();
    let (new, new_heard) = serve(&authority, "h2", "localhost", 2100).await;
    let (good, heard) = serve(&authority, "http/1.1", "localhost", 2100).await;
    let (other, other_heard) = serve(&authority, "h2", "other.example", 2100).await;
    let (old, old_heard) = serve(&authority, "h2", "localhost", 2001).await;
    let mut roots = tempfile::NamedTempFile::new().expect("a file");
    roots.write_all(authority.pem.as_bytes()).expect("a disk");
    // which roots a machine has is read from the environment, and that of this process is not ours to change
    let child = tokio::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "faulty_servers::tls::as_the_child_of_another_test", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", roots.path())
        .env("TRUEUP_TEST_URLS", format!("{new} {good} {other} {old}"))
        .output();
    let output = child.await.expect("a child");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("verdicts: answer answer tls tls"),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(*new_heard.lock().expect("no panic"), ["POST HTTP/2.0 Some(\"0\")"]);
    assert_eq!(*heard.lock().expect("no panic"), ["POST HTTP/1.1 Some(\"0\")"]);
    assert!(
        other_heard.lock().expect("no panic").is_empty() && old_heard.lock().expect("no panic").is_empty()
    );
}

#[tokio::test]
#[ignore = "run by the_certificates_of_the_machine_are_trusted, with roots of its own"]
async fn as_the_child_of_another_test() {
    let urls = std::env::var("TRUEUP_TEST_URLS").expect("set by the parent");
    let mut verdicts = String::new();
    for url in urls.split(' ') {
        let client = client_of(&target(&Url::parse(url).expect("a url"), bearer()));
        verdicts =
            format!("{verdicts} {}", code(&send(&client, &request(Method::Post, "/fish", false)).await));
    }
    println!("verdicts:{verdicts}");
}
