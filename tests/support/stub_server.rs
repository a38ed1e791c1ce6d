//! A small server on loopback that answers as a test says, and remembers what it was asked.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;
use url::Url;

/// One request: verb, path with query, body.
#[derive(Clone)]
pub struct ReceivedRequest {
    pub verb: String,
    /// As it came, with its query.
    pub path: String,
    /// As JSON; the text of a body that is none.
    pub body: Json,
}

/// What to say: a status and a body.
pub type Answer = (u16, Json);

/// What to say, with headers. A content type stands among them.
pub struct RawAnswer {
    pub status: u16,
    /// Each with its line break.
    pub headers: String,
    pub body: String,
}

/// The server; it lives as long as the process.
pub struct StubServer {
    pub url: Url,
    requested: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl StubServer {
    /// A server that answers each request with what `answer` says.
    pub fn new(answer: impl Fn(&ReceivedRequest) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_headers(move |request| {
            let (status, body) = answer(request);
            let body = if body.is_null() { String::new() } else { body.to_string() };
            RawAnswer { status, headers: "content-type: application/json\r\n".to_owned(), body }
        })
    }

    /// The same with headers.
    pub fn with_headers(answer: impl Fn(&ReceivedRequest) -> RawAnswer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/api/v2")).expect("a url");
        let requested: Arc<Mutex<Vec<ReceivedRequest>>> = Arc::default();
        let (own, answer) = (Arc::clone(&requested), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (own, answer) = (Arc::clone(&own), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &own, &*answer));
            }
        });
        Self { url, requested }
    }

    /// Every request so far.
    pub fn requested(&self) -> Vec<ReceivedRequest> {
        self.requested.lock().expect("no panic").clone()
    }

    /// `VERB path?query` of every request so far.
    pub fn lines(&self) -> Vec<String> {
        self.requested().iter().map(|requested| format!("{} {}", requested.verb, requested.path)).collect()
    }

    /// The bodies of the requests so far that wrote.
    pub fn bodies(&self) -> Vec<Json> {
        self.requested()
            .into_iter()
            .filter(|requested| requested.verb != "GET")
            .map(|requested| requested.body)
            .collect()
    }
}

fn serve(
    mut stream: TcpStream,
    requested: &Mutex<Vec<ReceivedRequest>>,
    answer: &dyn Fn(&ReceivedRequest) -> RawAnswer,
) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let Some(request) = read(&mut stream) else { return };
    requested.lock().expect("no panic").push(request.clone());
    let RawAnswer { status, headers, body } = answer(&request);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn read(stream: &mut TcpStream) -> Option<ReceivedRequest> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            let body = &bytes[end + 4..];
            if body.len() >= length.unwrap_or(0) {
                let mut words = head.split(' ');
                let (verb, path) = (words.next()?.to_owned(), words.next()?.to_owned());
                let text = String::from_utf8_lossy(body).into_owned();
                let other = if text.is_empty() { Json::Null } else { Json::String(text) };
                let body = serde_json::from_slice(body).unwrap_or(other);
                return Some(ReceivedRequest { verb, path, body });
            }
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
}
