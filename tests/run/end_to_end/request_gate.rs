//! A gate on the way to a service: one request is held there until it is let through, so that two runs meet
//! exactly where a test wants them to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than any run needs to get there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the last of these requests, by their verbs, is to be held.
type Holds = dyn Fn(&[String]) -> bool + Send + Sync;

/// A gate on loopback.
pub struct RequestGate {
    /// Its address in place of the service's.
    pub base_url: String,
    arrived: Receiver<()>,
    open: Sender<()>,
}

impl RequestGate {
    /// A gate before the service at that address, for one request.
    pub fn before(service: &str, holds: impl Fn(&[String]) -> bool + Send + Sync + 'static) -> Self {
        let service = url::Url::parse(service).expect("a URL");
        let there = format!("127.0.0.1:{}", service.port().expect("a port"));
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut base_url = service;
        base_url.set_port(Some(socket.local_addr().expect("an address").port())).expect("a port");
        let ((tell, arrived), (open, opened)) = (channel(), channel());
        let holds: Arc<Holds> = Arc::new(holds);
        let turnstile = Arc::new(Mutex::new((Vec::new(), Some((tell, opened)))));
        std::thread::spawn(move || {
            for stream in socket.incoming().filter_map(Result::ok) {
                let service = TcpStream::connect(&there).expect("a service");
                let (holds, turnstile) = (Arc::clone(&holds), Arc::clone(&turnstile));
                let back = (service.try_clone().expect("a socket"), stream.try_clone().expect("a socket"));
                std::thread::spawn(move || pass(back.0, back.1, |_| {}));
                std::thread::spawn(move || pass(stream, service, |bytes| hold(bytes, &*holds, &turnstile)));
            }
        });
        Self { base_url: base_url.to_string(), arrived, open }
    }

    /// Waits until the request is there.
    pub fn wait(&self) {
        self.arrived.recv_timeout(PATIENCE).expect("the request comes to the gate");
    }

    /// Lets it through.
    pub fn open(&self) {
        self.open.send(()).expect("somebody waits");
    }
}

type Turnstile = Mutex<(Vec<String>, Option<(Sender<()>, Receiver<()>)>)>;

/// Notes a request that begins with these bytes, and waits where it is to be held.
fn hold(bytes: &[u8], holds: &Holds, turnstile: &Turnstile) {
    let verb = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        .into_iter()
        .find(|verb| bytes.starts_with(verb.as_bytes()) && bytes.get(verb.len()) == Some(&b' '));
    let Some(verb) = verb else { return };
    let held = {
        let mut turnstile = turnstile.lock().expect("no panic");
        turnstile.0.push(verb.to_owned());
        if holds(&turnstile.0) { turnstile.1.take() } else { None }
    };
    if let Some((tell, opened)) = held {
        tell.send(()).expect("somebody waits");
        opened.recv_timeout(PATIENCE).expect("the gate is opened");
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8])) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        look(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
