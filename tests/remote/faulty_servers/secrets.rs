//! What no one may read in logs and messages.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use trueup::exchange::Method;
use trueup::remote::retry::RetryPolicy;
use trueup::remote::target::{TargetAuth, TokenLocation};

use super::sessions::logs_in;
use super::{BOUNDS, client, login, quick, request};
use crate::support::raw_server::{RawServer, ServerAction, answer};

/// Everything that is logged on this thread, by any library, at the finest level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let own = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        let guard = tracing::subscriber::set_default(subscriber.with_writer(move || own.clone()).finish());
        (log, guard)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_or_reported() {
    let (log, _guard) = Log::start();
    let begun =
        b"HTTP/1.1 200 OK\r\nx-canary-head: canary-head\r\ncontent-length: 99\r\n\r\ncanary-answer".to_vec();
    let elsewhere = "location: http://canary-user:canary-pass@127.0.0.1:1/canary-place?canary-query\r\n";
    let acts = [
        ServerAction::Say(answer(200, "", "canary-answer")),
        ServerAction::Say(answer(503, "", "canary-answer")),
        ServerAction::Reset(Vec::new()),
        ServerAction::Reset(begun.clone()),
        ServerAction::Hang(begun),
        ServerAction::Say(b"canary-nonsense\r\n\r\n".to_vec()),
        ServerAction::Say(answer(302, elsewhere, "")),
        ServerAction::Say(answer(200, "content-encoding: gzip\r\n", "canary-answer")),
    ];
    let mut said = String::new();
    for act in acts {
        let server = RawServer::new([logs_in("t1"), act]).await;
        let auth = TargetAuth {
            basic: Some(("canary-user".into(), "canary-pass".into())),
            headers: vec![("x-api-key".into(), "canary-key".into())],
            query: vec![("key".into(), "canary-query".into())],
            ..login(TokenLocation::Query("token".into()))
        };
        let mut put = request(Method::Put, "/fish/17", true);
        put.query.push(("mail".into(), "canary-personal".into()));
        for verb in [Method::Put, Method::Get] {
            put.method = verb;
            let twice = RetryPolicy { max_attempts: 2, ..quick() };
            let (client, body) = (client(&server, auth_again(&auth)), Some(b"canary-body".to_vec()));
            if let Err(failure) = client.send_with_retries(&put, body, &BOUNDS, &twice).await {
                let fault = failure.to_diagnostic();
                said.push_str(&format!("{failure} {failure:?} {} {:?}\n", fault.message, fault.hint));
            }
        }
    }
    let text = log.text();
    assert!(text.contains("verb=\"PUT\"") && text.contains("path=\"/fish/17\""), "{text}");
    assert!(
        text.contains("status=503") && text.contains("code=\"truncated\"") && text.contains("attempt=2"),
        "{text}"
    );
    assert!(said.lines().count() > 8, "{said}");
    for place in [&text, &said] {
        let leak = place.lines().find(|line| line.to_lowercase().contains("canary"));
        assert_eq!(leak, None);
    }
    let canary = BASE64_STANDARD.encode("canary-user:canary-pass");
    assert!(!text.contains(&canary) && !said.contains(&canary));
}

fn auth_again(auth: &TargetAuth) -> TargetAuth {
    TargetAuth {
        basic: auth.basic.clone(),
        headers: auth.headers.clone(),
        query: auth.query.clone(),
        ..login(TokenLocation::Query("token".into()))
    }
}
