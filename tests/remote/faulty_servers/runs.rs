//! What a whole run may cost: its time, its end, its repetitions, and pauses that hold for all of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trueup::exchange::Method;
use trueup::remote::cancellation::CancellationToken;
use trueup::remote::client::HttpClient;
use trueup::remote::retry::RetryPolicy;
use trueup::remote::retry_budget::RetryBudget;
use trueup::remote::transport_error::DeliveryStatus;

use super::{BOUNDS, bearer, client, code, get, quick, request, send, send_safely};
use crate::support::raw_server::{RawServer, ServerAction, answer};

fn under(server: &RawServer, stop: &Arc<CancellationToken>, retries: Option<u32>) -> HttpClient {
    client(server, bearer()).with_retry_budget(Arc::new(RetryBudget::new(Arc::clone(stop), retries)))
}

fn within(millis: u64) -> Arc<CancellationToken> {
    Arc::new(CancellationToken::with_timeout(Some(Duration::from_millis(millis))))
}

#[tokio::test]
async fn a_read_ends_with_the_time_of_the_run_and_none_is_begun_after() {
    let server = RawServer::new([ServerAction::Hang(Vec::new())]).await;
    let (stop, began) = (within(300), Instant::now());
    let client = under(&server, &stop, None);
    let failure = send(&client, &get("/fish")).await.err().expect("no answer");
    assert_eq!((failure.code(), failure.delivery), ("run-timeout", DeliveryStatus::MaybeSent));
    assert!(!failure.is_not_started() && began.elapsed() < BOUNDS.timeout, "{:?}", began.elapsed());
    let failure = send(&client, &get("/fish")).await.err().expect("no answer");
    assert_eq!((failure.code(), failure.is_not_started(), server.heard().len()), ("run-timeout", true, 1));
}

#[tokio::test]
async fn once_it_writes_what_is_under_way_is_finished_past_the_time() {
    let server =
        RawServer::new([ServerAction::Late(Duration::from_millis(400), answer(200, "", "{}"))]).await;
    let stop = within(100);
    stop.enable_grace();
    let client = under(&server, &stop, None);
    let put = request(Method::Put, "/fish/1", true);
    assert_eq!(code(&send(&client, &put).await), "answer");
    assert!(stop.is_expired());
    let failure = send(&client, &put).await.err().expect("no write is begun");
    assert_eq!((failure.code(), failure.is_not_started(), server.heard().len()), ("stopped", true, 1));
    assert_eq!(code(&send(&client, &get("/fish/1")).await), "answer", "what was written is looked at");
}

#[tokio::test]
async fn an_interrupt_cuts_the_pause_before_a_write_is_sent_again() {
    let server = RawServer::new([ServerAction::Say(answer(503, "retry-after: 30\r\n", ""))]).await;
    let stop = Arc::new(CancellationToken::default());
    let client = under(&server, &stop, None);
    let (put, began) = (request(Method::Put, "/fish/1", true), Instant::now());
    let writing = send_safely(&client, &put, "{}");
    let interrupt = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.cancel_run();
    };
    let (answered, ()) = futures_util::future::join(writing, interrupt).await;
    let answered = answered.expect("the answer that there was");
    assert_eq!(
        (answered.response.status, answered.attempts, answered.earlier_delivery),
        (503, 1, DeliveryStatus::MaybeSent)
    );
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_run_repeats_no_more_than_its_budget() {
    let server = RawServer::new([ServerAction::Say(answer(503, "", ""))]).await;
    let client = under(&server, &Arc::default(), Some(4));
    let (fish, patience) = (get("/fish"), quick());
    let mut attempts = Vec::new();
    for _ in 0..3 {
        let answered = client.send_with_retries(&fish, None, &BOUNDS, &patience).await.expect("an answer");
        attempts.push(answered.attempts);
    }
    assert_eq!((attempts, server.heard().len()), (vec![4, 2, 1], 7));
}

#[tokio::test]
async fn a_pause_that_is_asked_for_in_seconds_or_as_a_date_holds_for_all_requests() {
    let soon = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(3));
    for (asks, least) in [("1".to_owned(), 900), (soon, 1000)] {
        let asking = answer(429, &format!("retry-after: {asks}\r\n"), "");
        let server =
            RawServer::new([ServerAction::Say(asking), ServerAction::Say(answer(200, "", "{}"))]).await;
        let client = under(&server, &Arc::default(), None);
        let (once, began) = (RetryPolicy { max_attempts: 1, ..quick() }, Instant::now());
        let first = client.send_with_retries(&get("/fish"), None, &BOUNDS, &once).await.expect("an answer");
        assert_eq!(first.response.status, 429);
        assert_eq!(code(&send(&client, &get("/other")).await), "answer");
        assert!(began.elapsed() >= Duration::from_millis(least), "{asks}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn half_as_many_are_under_way_after_too_many_requests() {
    let pause = Duration::from_millis(60);
    let busy = (0..8).map(|_| ServerAction::Late(pause, answer(429, "", "")));
    let fine = ServerAction::Late(pause, answer(200, "", "{}"));
    let server = RawServer::new(busy.chain([fine])).await;
    let mut target = super::target(&server.url, bearer());
    target.parallelism = 8;
    let (client, fish) = (super::client_of(&target), get("/fish"));
    let first = futures_util::future::join_all((0..8).map(|_| send(&client, &fish))).await;
    assert!(first.iter().all(|answered| answered.as_ref().is_ok_and(|response| response.status == 429)));
    assert_eq!(server.most(), 8);
    let began = Instant::now();
    futures_util::future::join_all((0..8).map(|_| send(&client, &fish))).await;
    assert!(began.elapsed() >= pause * 2, "four, then four: {:?}", began.elapsed());
}
