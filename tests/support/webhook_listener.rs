//! A webhook's other side: keeps what it is sent, and answers as it was sent to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// One message.
#[derive(Clone)]
pub struct Message {
    /// The request line and the headers, names in small letters.
    pub head: Vec<String>,
    pub body: Vec<u8>,
}

/// A listener on loopback.
pub struct WebhookListener {
    pub url: String,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Message {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

impl WebhookListener {
    /// Answers every message with this status.
    pub fn start(status: &'static str) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hooks/T0PSECRETPATH", socket.local_addr().expect("an address"));
        let messages: Arc<Mutex<Vec<Message>>> = Arc::default();
        let kept = Arc::clone(&messages);
        std::thread::spawn(move || {
            for stream in socket.incoming().filter_map(Result::ok) {
                let mut reader = BufReader::new(&stream);
                let mut head = Vec::new();
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) < 3 {
                        break;
                    }
                    let line = line.trim_end();
                    head.push(match line.split_once(": ") {
                        Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
                        None => line.to_owned(),
                    });
                }
                let message = Message { head, body: Vec::new() };
                let length = message.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
                let mut body = vec![0; length];
                let whole = reader.read_exact(&mut body).is_ok();
                if whole {
                    kept.lock().expect("no panic").push(Message { body, ..message });
                }
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        Self { url, messages }
    }

    /// What came so far.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().expect("no panic").clone()
    }
}
