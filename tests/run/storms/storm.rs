//! The simulated service, and what goes wrong on the way to it and back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};
use trueup::exchange::HttpResponse;
use trueup::remote::transport::{ResponseFuture, Transport, TransportRequest};
use trueup::remote::transport_error::{DeliveryStatus, TransportErrorReason};
use trueup::sandbox::InProcessSandbox;

/// How bad the weather is.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    /// Nothing goes wrong by itself.
    Fair,
    /// So many of a thousand requests fail; now and then everything does for a while.
    Foul { share: u64, outages: bool },
}

impl Mood {
    pub fn of(seed: u64) -> Self {
        let mut choices = RandomSource(seed);
        Self::Foul { share: 40 + choices.below(220), outages: seed.is_multiple_of(2) }
    }
}

/// Numbers that look random and are the same for the same seed (splitmix64).
pub struct RandomSource(pub u64);

impl RandomSource {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What becomes of one request. Of those with a flag, it says whether the service did it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Blow {
    None,
    Unreachable,
    Busy,
    /// A status of 500 and more.
    Down(u16, bool),
    Reset(bool),
    Hang(bool),
    Cut,
    /// A success that is none: nothing was kept, or a page for people.
    Lie,
}

impl Blow {
    /// Whether the caller cannot know what became of it.
    fn leaves_open(self) -> bool {
        !matches!(self, Self::None | Self::Unreachable | Self::Busy)
    }
}

/// A service in a storm.
#[derive(Clone)]
pub struct Storm(Arc<Inner>);

struct Inner {
    still: InProcessSandbox,
    state: Mutex<State>,
}

struct State {
    choices: RandomSource,
    mood: Mood,
    outage: Option<Instant>,
    /// The API that is down for good once it is written to, and how much it heard since.
    down: Option<(String, Option<usize>)>,
    requests: usize,
    faults: usize,
    /// Writes that must not be sent again before a look, and whether there was one.
    open: BTreeMap<String, bool>,
    /// Updates that create something, by verb and path.
    guarded: BTreeSet<String>,
}

impl Storm {
    pub fn new(still: InProcessSandbox, seed: u64, mood: Mood) -> Self {
        let state = State {
            choices: RandomSource(seed ^ 0x5eed),
            mood,
            outage: None,
            down: None,
            requests: 0,
            faults: 0,
            open: BTreeMap::new(),
            guarded: BTreeSet::new(),
        };
        Self(Arc::new(Inner { still, state: Mutex::new(state) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no panic before")
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        let mut state = self.state();
        (state.mood, state.outage, state.down) = (Mood::Fair, None, None);
    }

    /// The weather, taken away for a look at how things are.
    pub fn pause(&self) -> (Mood, Option<Instant>) {
        let mut state = self.state();
        let before = (state.mood, state.outage.take());
        state.mood = Mood::Fair;
        before
    }

    pub fn resume(&self, (mood, outage): (Mood, Option<Instant>)) {
        let mut state = self.state();
        (state.mood, state.outage) = (mood, outage);
    }

    /// From its first write on an API does not answer any more.
    pub fn fail_at_write(&self, api: &str) {
        self.state().down = Some((format!("/{api}/"), None));
    }

    pub fn heard_since_down(&self) -> usize {
        self.state().down.as_ref().and_then(|(_, heard)| *heard).unwrap_or_default()
    }

    pub fn requests(&self) -> usize {
        self.state().requests
    }

    pub fn faults(&self) -> usize {
        self.state().faults
    }

    pub fn still(&self) -> &InProcessSandbox {
        &self.0.still
    }

    /// These updates, by verb and path, are not the same twice as once.
    pub fn guard(&self, updates: BTreeSet<String>) {
        self.state().guarded = updates;
    }

    async fn exchange(
        self,
        parcel: TransportRequest,
    ) -> Result<HttpResponse, (TransportErrorReason, DeliveryStatus)> {
        let (blow, pause) = self.state().strikes(&parcel);
        sleep(pause).await;
        if let (Blow::Busy, answer) = (blow, self.state().busy()) {
            return Ok(answer);
        }
        let done = |lies| self.0.still.answer_request(&parcel, lies);
        match blow {
            Blow::None | Blow::Busy => {
                let answer = done(false);
                self.state().looked(&parcel, &answer);
                Ok(answer)
            }
            Blow::Unreachable => {
                Err((TransportErrorReason::CannotConnect("refused".into()), DeliveryStatus::NotSent))
            }
            Blow::Down(status, taken) => {
                taken.then(|| done(false));
                Ok(answer(status, None))
            }
            Blow::Reset(taken) => {
                taken.then(|| done(false));
                Err((TransportErrorReason::ConnectionClosed, DeliveryStatus::MaybeSent))
            }
            Blow::Hang(taken) => {
                taken.then(|| done(false));
                std::future::pending().await
            }
            Blow::Cut => {
                done(false);
                Err((TransportErrorReason::Truncated, DeliveryStatus::MaybeSent))
            }
            Blow::Lie if parcel.method != "GET" => Ok(done(true)),
            Blow::Lie => Ok(HttpResponse {
                content_type: "text/html".into(),
                body: b"<!DOCTYPE html><p>Sign in".to_vec(),
                ..answer(200, None)
            }),
        }
    }
}

impl Transport for Storm {
    fn send_request(&self, parcel: TransportRequest) -> ResponseFuture {
        Box::pin(self.clone().exchange(parcel))
    }
}

impl State {
    fn strikes(&mut self, parcel: &TransportRequest) -> (Blow, Duration) {
        self.requests += 1;
        let blow = self.blow(parcel);
        self.faults += usize::from(blow != Blow::None);
        self.sent(parcel, blow);
        (blow, Duration::from_millis(5 + self.choices.below(200)))
    }

    fn blow(&mut self, parcel: &TransportRequest) -> Blow {
        if let Some((api, heard)) = &mut self.down
            && parcel.url.path().starts_with(&**api)
            && (heard.is_some() || parcel.method != "GET")
        {
            *heard = Some(heard.unwrap_or_default() + 1);
            return Blow::Down(503, false);
        }
        let Mood::Foul { share, outages } = self.mood else { return Blow::None };
        if self.outage.is_some_and(|end| Instant::now() < end) {
            return if self.choices.below(2) == 0 { Blow::Unreachable } else { Blow::Down(503, false) };
        }
        if outages && self.choices.below(400) == 0 {
            self.outage = Some(Instant::now() + Duration::from_secs(2 + self.choices.below(40)));
        }
        if self.choices.below(1000) >= share {
            return Blow::None;
        }
        let taken = self.choices.below(2) == 0;
        match self.choices.below(10) {
            0 => Blow::Unreachable,
            1 | 2 => Blow::Busy,
            3 | 4 => Blow::Down([500, 502, 503, 504][self.choices.below(4) as usize], taken),
            5 | 6 => Blow::Reset(taken),
            7 => Blow::Hang(taken),
            8 => Blow::Cut,
            _ => Blow::Lie,
        }
    }

    fn busy(&mut self) -> HttpResponse {
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3));
        let asks = [None, Some("0".to_owned()), Some("2".to_owned()), Some(date)];
        answer(429, asks[self.choices.below(4) as usize].clone())
    }

    /// A create, or an update that creates, whose outcome may be unknown; it must not come again unseen.
    fn sent(&mut self, parcel: &TransportRequest, blow: Blow) {
        let path = parcel.url.path();
        let key = match &*parcel.method {
            "POST" => format!("POST {path} {}", String::from_utf8_lossy(&parcel.body)),
            verb if self.guarded.contains(&format!("{verb} {path}")) => format!("{verb} {path}"),
            _ => return,
        };
        let looked = self.open.get(&key).copied().unwrap_or(true);
        assert!(looked, "sent again without a look after an unknown outcome: {} {path}", parcel.method);
        if blow.leaves_open() {
            self.open.insert(key, false);
        }
    }

    /// A whole answer to a read shows what became of everything below and above its path.
    fn looked(&mut self, parcel: &TransportRequest, answer: &HttpResponse) {
        if parcel.method != "GET" || answer.status >= 500 {
            return;
        }
        let own = parcel.url.path().trim_end_matches('/');
        for (key, looked) in &mut self.open {
            let path = key.split(' ').nth(1).unwrap_or_default().trim_end_matches('/');
            *looked |= path.starts_with(own) || own.starts_with(path);
        }
    }
}

fn answer(status: u16, retry_after: Option<String>) -> HttpResponse {
    HttpResponse { status, retry_after, ..HttpResponse::default() }
}
