//! A server that is not the limit: pages are rendered once, answers are bytes. It keeps the city of each
//! partner, so that an apply takes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;

use crate::estate::{number, partner};

const PAGE: usize = 1_000;
/// So many pages can be read; more are only reported.
const PAGES: usize = 1_000;

/// A running server; it ends with the process.
pub struct Mock {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    objects: usize,
    latency: Duration,
    pages: Vec<Bytes>,
    /// Cities that were changed, by the number of the partner.
    cities: Mutex<HashMap<usize, String>>,
    requested: AtomicUsize,
}

impl Mock {
    pub fn start(objects: usize, latency: Duration) -> Self {
        let pages = (0..objects.div_ceil(PAGE).min(PAGES)).map(|page| render(page, objects)).collect();
        let state = Arc::new(State {
            objects,
            latency,
            pages,
            cities: Mutex::default(),
            requested: AtomicUsize::new(0),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a port that can wait");
        let address = listener.local_addr().expect("an address");
        let served = Arc::clone(&state);
        std::thread::spawn(move || serve(listener, &served));
        Self { address, state }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/core/v2", self.address)
    }

    /// Forgets what was changed; gives the number of requests since the last time.
    pub fn reset(&self) -> usize {
        self.state.cities.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.state.requested.swap(0, Ordering::SeqCst)
    }
}

fn render(page: usize, objects: usize) -> Bytes {
    let from = page * PAGE;
    let items: Vec<_> = (from..objects.min(from + PAGE)).map(partner).collect();
    let more = from + items.len() < objects;
    let body = serde_json::json!({ "count": items.len(), "has_more": more, "items": items, "limit": PAGE,
        "offset": from, "pagination": {}, "total": objects });
    Bytes::from(body.to_string())
}

fn serve(listener: std::net::TcpListener, state: &Arc<State>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, _)) = listener.accept().await {
            let state = Arc::clone(state);
            // small answers must not wait for the client's acknowledgement
            stream.set_nodelay(true).expect("a socket without delay");
            tokio::spawn(async move {
                let answer = service_fn(|request| answer(Arc::clone(&state), request));
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    state.requested.fetch_add(1, Ordering::SeqCst);
    if !state.latency.is_zero() {
        tokio::time::sleep(state.latency).await;
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_start_matches("/core/v2/partners").trim_start_matches('/').to_owned();
    let body = match (path.as_str(), &parts.method) {
        ("", _) => list(&state, parts.uri.query().unwrap_or_default()),
        (sid, method) => {
            let Some(number) = number(sid).filter(|number| *number < state.objects) else {
                let missing = Response::builder().status(404).body(Full::default());
                return Ok(missing.expect("an answer"));
            };
            if *method == Method::PATCH {
                let sent = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap_or_default();
                if let Some(city) = sent.get("city").and_then(serde_json::Value::as_str) {
                    state
                        .cities
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(number, city.to_owned());
                }
            }
            Bytes::from(object(&state, number).to_string())
        }
    };
    let answer = Response::builder().header("content-type", "application/json").body(Full::new(body));
    Ok(answer.expect("an answer"))
}

fn object(state: &State, number: usize) -> serde_json::Value {
    let mut object = partner(number);
    if let Some(city) = state.cities.lock().unwrap_or_else(PoisonError::into_inner).get(&number) {
        object["city"] = city.as_str().into();
    }
    object
}

/// A page, or the one partner that a filter names.
fn list(state: &State, query: &str) -> Bytes {
    let value = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.into_owned())
    };
    if let Some(filter) = value("filter") {
        let number = filter.trim_matches('"').rsplit_once('-').and_then(|(_, number)| number.parse().ok());
        let items: Vec<_> =
            number.filter(|n| *n < state.objects).map(|n| object(state, n)).into_iter().collect();
        let body = serde_json::json!({ "count": items.len(), "has_more": false, "items": items, "total": items.len() });
        return Bytes::from(body.to_string());
    }
    let offset: usize = value("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0);
    state
        .pages
        .get(offset / PAGE)
        .cloned()
        .unwrap_or_else(|| Bytes::from_static(b"{\"items\":[],\"has_more\":false}"))
}
