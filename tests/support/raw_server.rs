//! Small servers on loopback that answer in raw bytes, as badly as a test wants, and remember what they heard.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// What the server does with one request. Requests are counted over all connections.
#[derive(Clone)]
pub enum ServerAction {
    /// Reads the request, answers, and ends the connection.
    Say(Vec<u8>),
    /// Reads the request, answers, and waits for the next one on the same connection.
    Keep(Vec<u8>),
    /// Reads the request, says this much, and then nothing more, for ever.
    Hang(Vec<u8>),
    /// Reads the request, says this much, and breaks the connection.
    Reset(Vec<u8>),
    /// Breaks the connection without a look at the request.
    ResetUnread,
    /// Reads the request, says the first and then the second again and again, until no one listens.
    Flood(Vec<u8>, Vec<u8>),
    /// Reads the request, answers a little later, and ends the connection.
    Late(Duration, Vec<u8>),
}

/// A server, and what it heard.
#[derive(Clone)]
pub struct RawServer {
    pub url: Url,
    heard: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    said: Arc<AtomicUsize>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl RawServer {
    /// A server that does `acts` in turn, and the last one for ever.
    pub async fn new(acts: impl IntoIterator<Item = ServerAction>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = Self {
            url: Url::parse(&format!("http://127.0.0.1:{port}")).expect("a url"),
            heard: Arc::default(),
            connections: Arc::default(),
            said: Arc::default(),
            now: Arc::default(),
            most: Arc::default(),
        };
        let (acts, own) = (Arc::new(acts.into_iter().collect::<Vec<_>>()), server.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                own.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(own.clone().serve(stream, Arc::clone(&acts)));
            }
        });
        server
    }

    /// Every request, head and body, in the order of their coming.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Bytes that went out in floods.
    pub fn said(&self) -> usize {
        self.said.load(Ordering::SeqCst)
    }

    /// The most requests that were under way at once.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    async fn serve(self, mut stream: TcpStream, acts: Arc<Vec<ServerAction>>) {
        loop {
            let coming = self.heard().len();
            if let Some(ServerAction::ResetUnread) = acts.get(coming.min(acts.len() - 1)) {
                self.heard.lock().expect("no panic").push(String::new());
                let _ = stream.set_zero_linger();
                return;
            }
            let Some(request) = read_request(&mut stream).await else { return };
            let number = {
                let mut heard = self.heard.lock().expect("no panic");
                heard.push(request);
                heard.len() - 1
            };
            self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let goes_on = self.act(&mut stream, &acts[number.min(acts.len() - 1)]).await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            if !goes_on {
                let _ = stream.shutdown().await;
                return;
            }
        }
    }

    /// Whether the connection goes on.
    async fn act(&self, stream: &mut TcpStream, act: &ServerAction) -> bool {
        match act {
            ServerAction::Say(bytes) => drop(stream.write_all(bytes).await),
            ServerAction::Keep(bytes) => return stream.write_all(bytes).await.is_ok(),
            ServerAction::Hang(bytes) => {
                let _ = stream.write_all(bytes).await;
                std::future::pending::<()>().await;
            }
            ServerAction::Reset(bytes) => {
                let _ = stream.write_all(bytes).await;
                let _ = stream.flush().await;
                // what was said shall arrive before the break does
                tokio::time::sleep(Duration::from_millis(50)).await;
                let _ = stream.set_zero_linger();
            }
            ServerAction::ResetUnread => unreachable!("done before the request is read"),
            ServerAction::Flood(first, again) => {
                let _ = stream.write_all(first).await;
                while stream.write_all(again).await.is_ok() {
                    self.said.fetch_add(again.len(), Ordering::SeqCst);
                }
            }
            ServerAction::Late(pause, bytes) => {
                tokio::time::sleep(*pause).await;
                let _ = stream.write_all(bytes).await;
            }
        }
        false
    }
}

/// An answer with the right length, after which the connection ends.
pub fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    framed(status, &format!("connection: close\r\n{headers}"), body.as_ref())
}

/// An answer with the right length, after which the connection stays.
pub fn kept(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    framed(status, headers, body.as_ref())
}

fn framed(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Whatever\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Head and body of one request, as far as its `content-length` says; `None` when the other side leaves first.
pub async fn read_request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.and_then(|digits| digits.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
}
