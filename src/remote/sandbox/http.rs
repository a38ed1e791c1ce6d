//! The line: connections, bodies, latency, faults, and the log.
//!
//! HTTP/1.1 on loopback. Every request is read whole and within bounds before anything is done; a fault is
//! chosen before that, so that a request that is left hanging leaves no trace in the state.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

use super::answer::Answer;
use super::fault::{self, Blow, Fault, SLOW};
use super::log::{Entry, Log};
use super::refusal::Refusal;
use super::service::{Asked, Lie, Service};
use super::{Watch, control};

/// How many bytes a body may have.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How many bytes of a body are read at all.
const MOST_DROPPED: usize = 4 * MOST_BYTES;
/// How many connections are served at once.
const MOST_CONNECTIONS: usize = 512;
/// How long a client may take over its headers, and again over its body.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many bytes a flood has.
const FLOOD: usize = 200 * 1024 * 1024;

/// What all connections share.
pub struct Line {
    pub service: Service,
    pub faults: Mutex<Vec<Fault>>,
    pub log: Mutex<Log>,
    pub latency: Duration,
    pub keep_bodies: bool,
    pub watch: Option<Watch>,
}

/// Serves until told to stop; then everything under way is dropped.
pub async fn serve(listener: TcpListener, line: Arc<Line>, stop: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let accept = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                // out of file handles, most likely; they come back
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let line = Arc::clone(&line);
            tokio::spawn(async move {
                connection(stream, line).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stop => {}
    }
}

async fn connection(stream: TcpStream, line: Arc<Line>) {
    // small answers must not wait for company
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| exchange(Arc::clone(&line), request));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // a client that goes away is no fault of ours
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is to be dropped without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped")]
struct Dropped;

async fn exchange(line: Arc<Line>, request: Request<Incoming>) -> Result<Response<Outgoing>, Dropped> {
    let start = Instant::now();
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if !is_meant(&head.headers) {
        // a web page elsewhere must not get here by a name of its own for this address
        return Ok(respond(Answer::text(403, "this sandbox answers on loopback only\n"), None));
    }
    if let Some(door) = path.strip_prefix("/_sandbox/") {
        let body = read(body).await.unwrap_or_default();
        return Ok(respond(line.door(head.method.as_str(), door, &body), None));
    }
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let query = url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
    let verb = head.method.as_str().to_owned();
    let blow = fault::struck(&mut lock(&line.faults), &verb, &path);
    let mut asked = Asked { verb, path, raw_query, query, headers: head.headers, body: Bytes::new() };
    let answered = match read(body).await {
        Ok(body) => {
            asked.body = body;
            line.wait(blow).await;
            line.answer(&asked, blow)
        }
        Err(refusal) => Some(line.service.refusal(&asked, &refusal)),
    };
    line.note(&asked, answered.as_ref(), start);
    match (answered, blow) {
        (Some(answer), blow) => Ok(respond(answer, blow)),
        (None, Some(Blow::Hang)) => std::future::pending().await,
        (None, _) => Err(Dropped),
    }
}

/// Whether the request was made for loopback; without a `Host` it was not made by a browser.
fn is_meant(headers: &HeaderMap) -> bool {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let ip = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.is_ok_and(|ip| ip.is_loopback()) || name.eq_ignore_ascii_case("localhost")
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(PATIENCE, collect(body)).await {
        Ok(Ok(Some(body))) => Ok(body.into()),
        Ok(Ok(None)) => Err(Refusal::new(413, "RequestEntityTooLarge", "The body is too large.")),
        Ok(Err(_)) => Err(Refusal::new(400, "BadRequest", "The body broke off.")),
        Err(_) => Err(Refusal::new(408, "RequestTimeout", "The body did not come.")),
    }
}

/// The whole body; none when it is too large. What is too much is read on for a while and dropped, because
/// few clients hear a refusal while they are still sending.
async fn collect(mut body: Incoming) -> Result<Option<Vec<u8>>, hyper::Error> {
    let (mut kept, mut size) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size <= MOST_BYTES {
            kept.extend_from_slice(&data);
        } else if size > MOST_DROPPED {
            break;
        }
    }
    Ok((size <= MOST_BYTES).then_some(kept))
}

impl Line {
    async fn wait(&self, blow: Option<Blow>) {
        let slow = if blow == Some(Blow::Slow) { SLOW } else { Duration::ZERO };
        let pause = self.latency + slow;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    /// The answer, or none where the connection is to hang or be dropped.
    fn answer(&self, asked: &Asked, blow: Option<Blow>) -> Option<Answer> {
        let honest = || self.service.answer(asked, Lie::No);
        match blow {
            None | Some(Blow::Slow | Blow::Truncate) => Some(honest()),
            Some(Blow::KeepNothing) => Some(self.service.answer(asked, Lie::KeepNothing)),
            Some(Blow::Reorder) => Some(self.service.answer(asked, Lie::Reorder)),
            Some(Blow::Endless) => Some(self.service.answer(asked, Lie::Endless)),
            Some(Blow::Hang | Blow::Reset) => None,
            Some(Blow::ResetAfter) => {
                honest();
                None
            }
            Some(Blow::Html | Blow::Flood) => Some(Answer::html(200)),
            Some(Blow::Echo) => Some(self.echo(asked)),
            Some(Blow::Status(status)) => {
                let refusal = Refusal::new(status, "PractisedFault", "This fault was asked for.");
                let mut answer = self.service.refusal(asked, &refusal);
                answer.header = (status == 429).then(|| ("retry-after", "1".to_owned()));
                Some(answer)
            }
        }
    }

    fn echo(&self, asked: &Asked) -> Answer {
        let message = format!("Could not bind: {}", String::from_utf8_lossy(&asked.body));
        self.service.refusal(asked, &Refusal::new(400, "SerializationException", message))
    }

    fn note(&self, asked: &Asked, answer: Option<&Answer>, start: Instant) {
        let entry = Entry {
            verb: asked.verb.clone(),
            path: asked.path.clone(),
            query: self.service.plain_query(asked),
            status: answer.map(|answer| answer.status),
            bytes: asked.body.len(),
            millis: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            body: self.keep_bodies.then(|| asked.body.to_vec()),
        };
        if let Some(watch) = &self.watch {
            watch(&entry);
        }
        lock(&self.log).add(entry);
    }

    fn door(&self, verb: &str, door: &str, body: &[u8]) -> Answer {
        match (verb, door) {
            ("GET", "log") => {
                let lines: Vec<String> =
                    lock(&self.log).all().iter().map(|entry| entry.line() + "\n").collect();
                Answer { content_type: "application/jsonl", ..Answer::text(200, lines.concat()) }
            }
            ("GET", "dump") => {
                let dump = self.service.dump().to_string();
                Answer { content_type: "application/json", ..Answer::text(200, dump) }
            }
            ("POST", "token") => control::token(&self.service, body),
            ("POST", "edit") => control::edit(&self.service, body),
            ("POST", "verify") => {
                self.service.verify();
                Answer::empty(204)
            }
            ("POST", "reset") => {
                self.reset();
                Answer::empty(204)
            }
            _ => Answer::text(
                404,
                "here are GET log, GET dump, POST edit, POST verify, POST reset, POST token\n",
            ),
        }
    }

    /// The state as it was at the start, and an empty log.
    pub fn reset(&self) {
        self.service.reset();
        lock(&self.log).clear();
    }
}

/// A lock that outlives a panic elsewhere.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn respond(answer: Answer, blow: Option<Blow>) -> Response<Outgoing> {
    let body = match blow {
        Some(Blow::Truncate) => Outgoing::cut(&answer.body),
        Some(Blow::Flood) => Outgoing::Flood { left: FLOOD },
        _ => Outgoing::Whole(Some(answer.body)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status).unwrap_or_default();
    let content_type = if blow == Some(Blow::Flood) { "application/json" } else { answer.content_type };
    let headers = response.headers_mut();
    if !content_type.is_empty() {
        headers.insert("content-type", hyper::header::HeaderValue::from_static(content_type));
    }
    if let Some((name, value)) = answer.header
        && let Ok(value) = hyper::header::HeaderValue::from_str(&value)
    {
        headers.insert(name, value);
    }
    response
}

/// The body of an answer.
enum Outgoing {
    Whole(Option<Bytes>),
    /// The first half is sent, the rest was promised.
    Cut {
        half: Option<Bytes>,
        promised: u64,
    },
    /// An endless looking list of zeros.
    Flood {
        left: usize,
    },
}

impl Outgoing {
    fn cut(body: &Bytes) -> Self {
        Self::Cut { half: Some(body.slice(..body.len() / 2)), promised: body.len().max(1) as u64 }
    }
}

static ZEROS: [u8; 32 * 1024] = zeros();

const fn zeros() -> [u8; 32 * 1024] {
    let mut bytes = [b'0'; 32 * 1024];
    let mut at = 1;
    while at < bytes.len() {
        bytes[at] = b',';
        at += 2;
    }
    bytes
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match &mut *self {
            Self::Whole(body) => body.take().map(|body| Ok(Frame::data(body))),
            Self::Cut { half, .. } => Some(match half.take().filter(|half| !half.is_empty()) {
                Some(half) => Ok(Frame::data(half)),
                None => Err(io::ErrorKind::ConnectionAborted.into()),
            }),
            Self::Flood { left: 0 } => None,
            Self::Flood { left } => {
                let piece = if *left == FLOOD { &b"["[..] } else { &ZEROS[..] };
                *left = left.saturating_sub(piece.len());
                Some(Ok(Frame::data(Bytes::from_static(piece))))
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Cut { promised, .. } => SizeHint::with_exact(*promised),
            Self::Flood { .. } => SizeHint::default(),
        }
    }
}
