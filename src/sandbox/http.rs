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

use crate::sandbox::error::SandboxError;
use crate::sandbox::fault::{FaultEffect, SLOW_DELAY, SandboxFault};
use crate::sandbox::log::{SandboxLogEntry, SandboxRequestLog};
use crate::sandbox::options::SandboxObserver;
use crate::sandbox::response::SandboxResponse;
use crate::sandbox::service::{FaultMode, SandboxRequest, SandboxService};
use crate::sandbox::{control, fault};

/// How many bytes a body may have.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// How many bytes of a body are read at all.
const MAX_DISCARDED_BYTES: usize = 4 * MAX_BODY_BYTES;
/// How many connections are served at once.
const MAX_CONNECTIONS: usize = 512;
/// How long a client may take over its headers, and again over its body.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How many bytes a flood has.
const FLOOD_BYTES: usize = 200 * 1024 * 1024;

/// What all connections share.
pub struct SandboxServer {
    pub service: SandboxService,
    pub faults: Mutex<Vec<SandboxFault>>,
    pub log: Mutex<SandboxRequestLog>,
    pub latency: Duration,
    pub log_bodies: bool,
    pub observer: Option<SandboxObserver>,
}

/// Serves until asked to stop; then everything under way is dropped.
pub async fn serve_connections(listener: TcpListener, line: Arc<SandboxServer>, stop: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
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
                handle_connection(stream, line).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stop => {}
    }
}

async fn handle_connection(stream: TcpStream, line: Arc<SandboxServer>) {
    // small answers must not wait for company
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle_request(Arc::clone(&line), request));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(READ_TIMEOUT);
    // a client that goes away is no fault of ours
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is to be dropped without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped")]
struct DroppedConnection;

async fn handle_request(
    line: Arc<SandboxServer>,
    request: Request<Incoming>,
) -> Result<Response<SandboxResponseBody>, DroppedConnection> {
    let start = Instant::now();
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if !is_for_loopback(&head.headers) {
        // a web page elsewhere must not get here by a name of its own for this address
        return Ok(build_response(
            SandboxResponse::from_text(403, "this sandbox answers on loopback only\n"),
            None,
        ));
    }
    if let Some(door) = path.strip_prefix("/_sandbox/") {
        let body = read_body(body).await.unwrap_or_default();
        return Ok(build_response(line.handle_control(head.method.as_str(), door, &body), None));
    }
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let query = url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
    let verb = head.method.as_str().to_owned();
    let blow = fault::take_fault(&mut lock_mutex(&line.faults), &verb, &path);
    let mut requested =
        SandboxRequest { method: verb, path, raw_query, query, headers: head.headers, body: Bytes::new() };
    let answered = match read_body(body).await {
        Ok(body) => {
            requested.body = body;
            line.delay_response(blow).await;
            line.answer_request(&requested, blow)
        }
        Err(refusal) => Some(line.service.render_error(&requested, &refusal)),
    };
    line.log_request(&requested, answered.as_ref(), start);
    match (answered, blow) {
        (Some(answer), blow) => Ok(build_response(answer, blow)),
        (None, Some(FaultEffect::Hang)) => std::future::pending().await,
        (None, _) => Err(DroppedConnection),
    }
}

/// Whether the request was made for loopback; without a `Host` it was not made by a browser.
fn is_for_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let ip = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.is_ok_and(|ip| ip.is_loopback()) || name.eq_ignore_ascii_case("localhost")
}

async fn read_body(body: Incoming) -> Result<Bytes, SandboxError> {
    match tokio::time::timeout(READ_TIMEOUT, collect_body(body)).await {
        Ok(Ok(Some(body))) => Ok(body.into()),
        Ok(Ok(None)) => Err(SandboxError::new(413, "RequestEntityTooLarge", "The body is too large.")),
        Ok(Err(_)) => Err(SandboxError::new(400, "BadRequest", "The body broke off.")),
        Err(_) => Err(SandboxError::new(408, "RequestTimeout", "The body did not come.")),
    }
}

/// The whole body; none when it is too large. What is too much is read on for a while and dropped, because
/// few clients read a refusal while they are still sending.
async fn collect_body(mut body: Incoming) -> Result<Option<Vec<u8>>, hyper::Error> {
    let (mut kept, mut size) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size <= MAX_BODY_BYTES {
            kept.extend_from_slice(&data);
        } else if size > MAX_DISCARDED_BYTES {
            break;
        }
    }
    Ok((size <= MAX_BODY_BYTES).then_some(kept))
}

impl SandboxServer {
    async fn delay_response(&self, blow: Option<FaultEffect>) {
        let slow = if blow == Some(FaultEffect::Slow) { SLOW_DELAY } else { Duration::ZERO };
        let pause = self.latency + slow;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    /// The answer, or none where the connection is to hang or be dropped.
    fn answer_request(
        &self,
        requested: &SandboxRequest,
        blow: Option<FaultEffect>,
    ) -> Option<SandboxResponse> {
        let honest = || self.service.answer_request(requested, FaultMode::Normal);
        match blow {
            None | Some(FaultEffect::Slow | FaultEffect::Truncate) => Some(honest()),
            Some(FaultEffect::DiscardWrite) => {
                Some(self.service.answer_request(requested, FaultMode::DiscardWrite))
            }
            Some(FaultEffect::ReverseLists) => {
                Some(self.service.answer_request(requested, FaultMode::ReverseLists))
            }
            Some(FaultEffect::EndlessPages) => {
                Some(self.service.answer_request(requested, FaultMode::EndlessPages))
            }
            Some(FaultEffect::Hang | FaultEffect::Reset) => None,
            Some(FaultEffect::ResetAfter) => {
                honest();
                None
            }
            Some(FaultEffect::Html | FaultEffect::Flood) => Some(SandboxResponse::new_html(200)),
            Some(FaultEffect::Echo) => Some(self.echo_body(requested)),
            Some(FaultEffect::Status(status)) => {
                let refusal = SandboxError::new(status, "PractisedFault", "This fault was asked for.");
                let mut answer = self.service.render_error(requested, &refusal);
                answer.headers =
                    (status == 429).then(|| ("retry-after".to_owned(), "1".to_owned())).into_iter().collect();
                Some(answer)
            }
        }
    }

    fn echo_body(&self, requested: &SandboxRequest) -> SandboxResponse {
        let message = format!("Could not bind: {}", String::from_utf8_lossy(&requested.body));
        self.service.render_error(requested, &SandboxError::new(400, "SerializationException", message))
    }

    fn log_request(&self, requested: &SandboxRequest, answer: Option<&SandboxResponse>, start: Instant) {
        let entry = SandboxLogEntry {
            method: requested.method.clone(),
            path: requested.path.clone(),
            query: self.service.redact_query(requested),
            status: answer.map(|answer| answer.status),
            bytes: requested.body.len(),
            millis: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            body: self.log_bodies.then(|| requested.body.to_vec()),
        };
        if let Some(watch) = &self.observer {
            watch(&entry);
        }
        lock_mutex(&self.log).add_entry(entry);
    }

    fn handle_control(&self, verb: &str, door: &str, body: &[u8]) -> SandboxResponse {
        match (verb, door) {
            ("GET", "log") => {
                let lines: Vec<String> = lock_mutex(&self.log)
                    .list_entries()
                    .iter()
                    .map(|entry| entry.to_json_line() + "\n")
                    .collect();
                SandboxResponse {
                    content_type: "application/jsonl",
                    ..SandboxResponse::from_text(200, lines.concat())
                }
            }
            ("GET", "dump") => {
                let dump = self.service.dump_state().to_string();
                SandboxResponse { content_type: "application/json", ..SandboxResponse::from_text(200, dump) }
            }
            ("POST", "token") => control::issue_token(&self.service, body),
            ("POST", "edit") => control::handle_edit(&self.service, body),
            ("POST", "verify") => {
                self.service.verify_pending();
                SandboxResponse::from_status(204)
            }
            ("POST", "reset") => {
                self.reset_state();
                SandboxResponse::from_status(204)
            }
            _ => SandboxResponse::from_text(
                404,
                "here are GET log, GET dump, POST edit, POST verify, POST reset, POST token\n",
            ),
        }
    }

    /// The state as it was at the start, and an empty log.
    pub fn reset_state(&self) {
        self.service.reset_state();
        lock_mutex(&self.log).clear_entries();
    }
}

/// A lock that outlives a panic elsewhere.
pub fn lock_mutex<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn build_response(answer: SandboxResponse, blow: Option<FaultEffect>) -> Response<SandboxResponseBody> {
    let body = match blow {
        Some(FaultEffect::Truncate) => SandboxResponseBody::new_truncated(&answer.body),
        Some(FaultEffect::Flood) => SandboxResponseBody::Flood { remaining: FLOOD_BYTES },
        _ => SandboxResponseBody::Full(Some(answer.body)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status).unwrap_or_default();
    let content_type =
        if blow == Some(FaultEffect::Flood) { "application/json" } else { answer.content_type };
    let headers = response.headers_mut();
    if !content_type.is_empty() {
        headers.insert("content-type", hyper::header::HeaderValue::from_static(content_type));
    }
    for (name, value) in answer.headers {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, hyper::header::HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// The body of an answer.
enum SandboxResponseBody {
    Full(Option<Bytes>),
    /// The first half is sent, the rest was promised.
    Truncated {
        first_half: Option<Bytes>,
        declared_length: u64,
    },
    /// An endless looking list of zeros.
    Flood {
        remaining: usize,
    },
}

impl SandboxResponseBody {
    fn new_truncated(body: &Bytes) -> Self {
        Self::Truncated {
            first_half: Some(body.slice(..body.len() / 2)),
            declared_length: body.len().max(1) as u64,
        }
    }
}

static FLOOD_CHUNK: [u8; 32 * 1024] = build_flood_chunk();

const fn build_flood_chunk() -> [u8; 32 * 1024] {
    let mut bytes = [b'0'; 32 * 1024];
    let mut at = 1;
    while at < bytes.len() {
        bytes[at] = b',';
        at += 2;
    }
    bytes
}

impl Body for SandboxResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match &mut *self {
            Self::Full(body) => body.take().map(|body| Ok(Frame::data(body))),
            Self::Truncated { first_half: half, .. } => {
                Some(match half.take().filter(|half| !half.is_empty()) {
                    Some(half) => Ok(Frame::data(half)),
                    None => Err(io::ErrorKind::ConnectionAborted.into()),
                })
            }
            Self::Flood { remaining: 0 } => None,
            Self::Flood { remaining: left } => {
                let piece = if *left == FLOOD_BYTES { &b"["[..] } else { &FLOOD_CHUNK[..] };
                *left = left.saturating_sub(piece.len());
                Some(Ok(Frame::data(Bytes::from_static(piece))))
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Truncated { declared_length: promised, .. } => SizeHint::with_exact(*promised),
            Self::Flood { .. } => SizeHint::default(),
        }
    }
}
