//! A simulated service of items whose writes take effect late and out of order, whose reads lag, whose lists lack
//! items, and whose answers are lost or wrong. It holds what is really there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};
use trueup::exchange::HttpResponse;
use trueup::remote::transport::{ResponseFuture, Transport, TransportRequest};
use trueup::remote::transport_error::{DeliveryStatus, TransportErrorReason};

use super::storm::RandomSource;

/// The longest time after which a request without an answer is carried out.
const LATEST: u64 = 100_000;
/// The longest time by which reads lag behind writes.
const LAG: u64 = 3_000;

#[derive(Clone)]
pub struct SlowService(Arc<Mutex<State>>);

struct State {
    random: RandomSource,
    is_faulty: bool,
    /// Of each item what it was, and since when that shows. An item that is gone is null.
    items: Vec<Vec<(Instant, Json)>>,
    /// Requests that are carried out later.
    late: Vec<(Instant, String, String, Json)>,
    /// When a late request was carried out last.
    last_late: Option<Instant>,
    faults: usize,
    /// What was sent and what became of it.
    log: Vec<String>,
    began: Instant,
}

type Exchange = Result<HttpResponse, (TransportErrorReason, DeliveryStatus)>;

/// What becomes of a write.
enum Fate {
    Done,
    /// It is carried out now, later or never, and answered so.
    Lost(Effect, Exchange),
    /// It is carried out, and the answer names another item.
    WrongId,
    /// It is answered with success and not carried out.
    Kept,
}

#[derive(Debug)]
enum Effect {
    Now,
    Later,
    Never,
}

impl SlowService {
    pub fn new(seed: u64, items: Vec<Json>) -> Self {
        let mut state = State {
            random: RandomSource(seed ^ 0x10e),
            is_faulty: true,
            items: Vec::new(),
            late: Vec::new(),
            last_late: None,
            faults: 0,
            log: Vec::new(),
            began: Instant::now(),
        };
        items.into_iter().for_each(|item| drop(state.add_item(item, Instant::now())));
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic before")
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        self.state().is_faulty = false;
    }

    pub fn faults(&self) -> usize {
        self.state().faults
    }

    /// Whether a late request was carried out since then.
    pub fn was_disturbed(&self, since: Instant) -> bool {
        let mut state = self.state();
        state.carry_out_late();
        state.last_late.is_some_and(|last| last >= since)
    }

    /// The items that are really there.
    pub fn items(&self) -> Vec<Json> {
        let mut state = self.state();
        state.carry_out_late();
        let newest = state.items.iter().filter_map(|versions| versions.last());
        newest.map(|(_, item)| item.clone()).filter(|item| !item.is_null()).collect()
    }

    /// Notes what happens, for whoever looks into a seed.
    pub fn log(&self, line: impl FnOnce() -> String) {
        self.state().log(line);
    }

    pub fn print_log(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).log.iter().for_each(|line| println!("{line}"));
    }

    async fn exchange(self, request: TransportRequest) -> Exchange {
        let pause = 5 + self.state().random.below(300);
        sleep(Duration::from_millis(pause)).await;
        let path = request.url.path().to_owned();
        if request.method == "GET" {
            return self.state().read(&path);
        }
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        let fate = match self.state().choose_fate(&request.method) {
            // no one can tell that a value that does not read back was not kept
            Fate::Kept if is_hidden(&body) => Fate::Done,
            fate => fate,
        };
        self.log(|| format!("{} {path} {body} {}", request.method, fate.describe()));
        match fate {
            Fate::Lost(effect, answer) => {
                self.state().carry_out(effect, &request.method, &path, body);
                if matches!(&answer, Err((TransportErrorReason::Timeout(_), _))) {
                    std::future::pending::<()>().await;
                }
                answer
            }
            Fate::Done => Ok(self.state().write(&request.method, &path, body)),
            Fate::WrongId => {
                let mut state = self.state();
                let made = state.write(&request.method, &path, body);
                Ok(if request.method == "POST" { reply(201, &json!({ "id": 1 })) } else { made })
            }
            Fate::Kept => Ok(reply(200, &json!({}))),
        }
    }
}

impl Transport for SlowService {
    fn send_request(&self, request: TransportRequest) -> ResponseFuture {
        Box::pin(self.clone().exchange(request))
    }
}

impl Fate {
    fn describe(&self) -> String {
        match self {
            Self::Done => "is done".into(),
            Self::WrongId => "is done and answered with another id".into(),
            Self::Kept => "is answered and not carried out".into(),
            Self::Lost(effect, Ok(answer)) => format!("takes effect {effect:?}, answered {}", answer.status),
            Self::Lost(effect, Err((reason, _))) => format!("takes effect {effect:?}, {reason:?}"),
        }
    }
}

impl State {
    fn log(&mut self, line: impl FnOnce() -> String) {
        self.log.push(format!("{:?} {}", self.began.elapsed(), line()));
    }

    fn choose_fate(&mut self, method: &str) -> Fate {
        if !self.is_faulty || self.random.below(100) < 55 {
            return Fate::Done;
        }
        self.faults += 1;
        let effect = match self.random.below(3) {
            0 => Effect::Now,
            1 => Effect::Later,
            _ => Effect::Never,
        };
        let lost = |reason| Err((reason, DeliveryStatus::MaybeSent));
        match self.random.below(9) {
            0 => Fate::Lost(
                Effect::Never,
                Err((TransportErrorReason::CannotConnect("refused".into()), DeliveryStatus::NotSent)),
            ),
            1 => Fate::Lost(Effect::Never, Ok(reply(429, &Json::Null))),
            2 => Fate::Lost(Effect::Now, Ok(reply(429, &Json::Null))),
            3 => Fate::Lost(effect, Ok(reply(502, &Json::Null))),
            4 => Fate::Lost(effect, Ok(reply(504, &Json::Null))),
            5 => Fate::Lost(effect, lost(TransportErrorReason::ConnectionClosed)),
            6 => Fate::Lost(effect, lost(TransportErrorReason::Timeout(Duration::ZERO))),
            7 if method == "POST" => Fate::WrongId,
            _ => Fate::Kept,
        }
    }

    fn carry_out(&mut self, effect: Effect, method: &str, path: &str, body: Json) {
        match effect {
            Effect::Now => drop(self.write(method, path, body)),
            Effect::Later => {
                let when = Instant::now() + Duration::from_millis(self.random.below(LATEST));
                self.late.push((when, method.to_owned(), path.to_owned(), body));
            }
            Effect::Never => {}
        }
    }

    /// Carries out what is due, in the order of its time.
    fn carry_out_late(&mut self) {
        let now = Instant::now();
        let (mut due, late): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(when, ..)| *when <= now);
        self.late = late;
        due.sort_by_key(|(when, ..)| *when);
        for (when, method, path, body) in due {
            self.last_late = Some(when);
            self.log(|| format!("late {method} {path} {body}"));
            self.apply_write(&method, &path, body, when);
        }
    }

    fn add_item(&mut self, mut item: Json, shows: Instant) -> Json {
        item["id"] = json!(self.items.len() + 1);
        self.items.push(vec![(shows, item.clone())]);
        item
    }

    fn write(&mut self, method: &str, path: &str, body: Json) -> HttpResponse {
        self.carry_out_late();
        self.apply_write(method, path, body, Instant::now())
    }

    /// Carries out a write at its time; reads lag behind it.
    fn apply_write(&mut self, method: &str, path: &str, body: Json, when: Instant) -> HttpResponse {
        let lag = if self.is_faulty { self.random.below(LAG) } else { 0 };
        let shows = when + Duration::from_millis(lag);
        if method == "POST" {
            return reply(201, &hide(self.add_item(body, shows)));
        }
        let id: usize = path.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or_default();
        let Some(versions) = self.items.get_mut(id.wrapping_sub(1)) else { return reply(404, &Json::Null) };
        let mut item = versions.last().map(|(_, item)| item.clone()).unwrap_or_default();
        for (name, value) in body.as_object().into_iter().flatten() {
            item[name] = value.clone();
        }
        versions.push((shows, item.clone()));
        reply(200, &hide(item))
    }

    fn read(&mut self, path: &str) -> Exchange {
        self.carry_out_late();
        if self.is_faulty && self.random.below(100) < 4 {
            self.faults += 1;
            return Err((TransportErrorReason::ConnectionClosed, DeliveryStatus::MaybeSent));
        }
        let now = Instant::now();
        let shown = |versions: &Vec<(Instant, Json)>| {
            versions.iter().rev().find(|(since, _)| *since <= now).map(|(_, item)| hide(item.clone()))
        };
        let items: Vec<Json> = self.items.iter().filter_map(shown).filter(|item| !item.is_null()).collect();
        let last = path.rsplit('/').next().unwrap_or_default();
        Ok(match last.parse::<usize>() {
            Err(_) => reply(200, &self.list(items)),
            Ok(id) => match items.iter().find(|item| item["id"] == json!(id)) {
                Some(item) => reply(200, item),
                None => reply(404, &Json::Null),
            },
        })
    }
}

impl State {
    /// A list; a faulty one lacks items, or has one twice, and its total tells.
    fn list(&mut self, mut items: Vec<Json>) -> Json {
        let total = items.len();
        if self.is_faulty && total > 1 && self.random.below(100) < 8 {
            self.faults += 1;
            let at = self.random.below(total as u64) as usize;
            match self.random.below(3) {
                0 => items.truncate(at),
                1 => items[at] = items[(at + 1) % total].clone(),
                _ => drop(items.remove(at)),
            }
        }
        json!({ "total": total, "items": items })
    }
}

/// An item as reads show it.
fn hide(mut item: Json) -> Json {
    if let Some(members) = item.as_object_mut() {
        members.remove("pin");
    }
    item
}

/// Whether a write is about nothing that can be seen.
fn is_hidden(body: &Json) -> bool {
    body.as_object().is_some_and(|members| members.keys().all(|name| name == "pin"))
}

fn reply(status: u16, body: &Json) -> HttpResponse {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    HttpResponse {
        status,
        content_type: "application/json".into(),
        retry_after: None,
        etag: None,
        request_id: None,
        headers: Vec::new(),
        rate_limit: Default::default(),
        body,
    }
}
