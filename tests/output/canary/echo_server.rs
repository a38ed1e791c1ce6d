//! A service that repeats whatever it is sent, in all the wrong places; what it is not asked to repeat it
//! hands on to the sandbox behind it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use serde_json::json;

/// Where the request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoMode {
    /// Not at all.
    Silent,
    /// In every member in which services put their complaints.
    Complaints,
    /// As the name of the field that is complained about.
    Names,
    /// As a text that is no JSON.
    Plain,
    /// As JSON that breaks off.
    Broken,
    /// In the title of a web page.
    Html,
    /// As the place of a redirect.
    Redirect,
    /// In headers: content type, retry-after, request id, and the reason behind the status.
    Headers,
    /// In a successful answer of another shape.
    Success,
    /// In base64.
    Base64,
    /// Percent-encoded.
    Percent,
}

/// A service in front of a sandbox.
pub struct EchoServer {
    pub addr: SocketAddr,
    state: Arc<State>,
}

struct State {
    behind: SocketAddr,
    /// The first letters of the request lines that are repeated, and how.
    cry: Mutex<(&'static str, EchoMode)>,
    stop: AtomicBool,
}

impl EchoServer {
    /// Sits in front of the sandbox at `behind`.
    pub fn new(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let cry = Mutex::new(("", EchoMode::Silent));
        let state = Arc::new(State { behind, cry, stop: AtomicBool::new(false) });
        let own = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if own.stop.load(Ordering::SeqCst) {
                    return;
                }
                let own = Arc::clone(&own);
                std::thread::spawn(move || own.serve(stream));
            }
        });
        Self { addr, state }
    }

    /// Repeats requests whose line begins so, from now on.
    pub fn repeat(&self, requests: &'static str, cry: EchoMode) {
        *self.state.cry.lock().expect("no panic") = (requests, cry);
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        // the listener looks up once more
        let _ = TcpStream::connect(self.addr);
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
        let Some(request) = read_request(&mut stream) else { return };
        let (requests, cry) = *self.cry.lock().expect("no panic");
        let repeats = cry != EchoMode::Silent && requests.split('|').any(|verb| request.starts_with(verb));
        let answer = if repeats { repeated(&request, cry) } else { self.handed_on(&request) };
        let _ = stream.write_all(&answer);
    }

    fn handed_on(&self, request: &str) -> Vec<u8> {
        let Ok(mut behind) = TcpStream::connect(self.behind) else { return Vec::new() };
        let request = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        let mut answer = Vec::new();
        if behind.write_all(request.as_bytes()).is_ok() {
            let _ = behind.read_to_end(&mut answer);
        }
        answer
    }
}

fn repeated(request: &str, cry: EchoMode) -> Vec<u8> {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let said = format!("{head}\n{body}");
    // short enough that nothing of it is interrupted, one for each line and value
    let mut sentences: Vec<String> = head.lines().map(str::to_owned).collect();
    sentences.extend(body.split(['{', '}', ',', '[', ']']).filter(|part| part.len() > 8).map(str::to_owned));
    let line = said.replace(['\r', '\n'], " ");
    let json = "application/json";
    match cry {
        EchoMode::Silent => Vec::new(),
        EchoMode::Complaints => {
            let listed: Vec<_> = sentences
                .iter()
                .map(|sentence| {
                    json!({ "fieldName": "displayName", "FieldName": "Email", "field": "city",
                    "message": sentence, "Message": sentence, "errorCode": sentence })
                })
                .collect();
            let status = json!({ "message": sentences.first(), "errorCode": sentences.last(), "errors": listed,
                "stackTrace": line });
            let body = json!({ "message": sentences, "error": line, "details": sentences, "detail": line,
                "responseStatus": status, "ResponseStatus": { "Message": line, "Errors": listed },
                "errors": listed, "city": sentences, "customer_name": sentences });
            answer(400, json, "", &body.to_string())
        }
        EchoMode::Names => {
            let named: serde_json::Map<_, _> =
                sentences.iter().map(|sentence| (sentence.clone(), json!(["This is wrong."]))).collect();
            answer(400, json, "", &json!({ "errors": named, "code": line }).to_string())
        }
        EchoMode::Plain => answer(500, "text/plain", "", &sentences.join("\n")),
        EchoMode::Broken => answer(200, json, "", &format!("{{ \"message\": \"{line}\", {body}")),
        EchoMode::Html => {
            answer(403, "text/html", "", &format!("<html><title>{line}</title><p>{said}</p></html>"))
        }
        EchoMode::Redirect => {
            let place: String = line.chars().filter(char::is_ascii_graphic).collect();
            answer(302, "text/plain", &format!("location: https://evil.example/?{place}\r\n"), "")
        }
        EchoMode::Headers => {
            let token = head.lines().find(|line| line.to_lowercase().starts_with("authorization:"));
            let token = token.unwrap_or(&line).rsplit(' ').next().unwrap_or_default();
            let more = format!(
                "x-request-id: {token}\r\nx-correlation-id: {token}\r\nwww-authenticate: {token}\r\n"
            );
            answer(401, &format!("application/{token}"), &more, "{\"message\":\"no\"}")
        }
        EchoMode::Success => {
            answer(200, json, "", &json!({ "id": line, "items": [line], "Results": line }).to_string())
        }
        EchoMode::Base64 => {
            let reported: Vec<String> =
                sentences.iter().map(|text| base64::engine::general_purpose::STANDARD.encode(text)).collect();
            answer(400, json, "", &json!({ "message": reported, "details": reported }).to_string())
        }
        EchoMode::Percent => {
            let reported: Vec<String> = sentences
                .iter()
                .map(|text| {
                    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                        .to_string()
                })
                .collect();
            answer(400, json, "", &json!({ "message": reported, "details": reported }).to_string())
        }
    }
}

fn answer(status: u16, content_type: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Whatever\r\nconnection: close\r\ncontent-type: {content_type}\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Head and body of one request, as far as its `content-length` says.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.and_then(|digits| digits.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
}
