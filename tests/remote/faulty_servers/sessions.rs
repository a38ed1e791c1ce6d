//! Tokens that are asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use trueup::exchange::Method;
use trueup::kind::{Api, MemberNameCase};
use trueup::remote::target::{CredentialRenewal, OauthGrant, OauthGrantType, TargetAuth, TokenLocation};
use trueup::remote::transport_error::DeliveryStatus;

use super::{BOUNDS, api, bearer, client, client_of, code, get, login, request, send, send_safely, target};
use crate::support::raw_server::{RawServer, ServerAction, answer};

const SESSION: &str = "{\"session\":{\"token\":\"canary-t1\"},\"password\":\"canary-pass\"}";

pub fn logs_in(token: &str) -> ServerAction {
    ServerAction::Say(answer(200, "", SESSION.replace("t1", token)))
}

fn fine() -> ServerAction {
    ServerAction::Say(answer(200, "", "{}"))
}

fn unauthorized() -> ServerAction {
    ServerAction::Say(answer(401, "", "{}"))
}

#[tokio::test]
async fn a_token_is_asked_for_on_first_need_and_sent_where_it_belongs() {
    for (place, expected) in [
        (TokenLocation::Bearer, "\r\nauthorization: Bearer canary-t1\r\n"),
        (TokenLocation::Header("X-Session".into()), "\r\nx-session: canary-t1\r\n"),
        (TokenLocation::Cookie("ss-id".into()), "\r\ncookie: ss-id=canary-t1\r\n"),
        (TokenLocation::Query("authToken".into()), "GET /fish?authToken=canary-t1 HTTP/1.1\r\n"),
    ] {
        let server = RawServer::new([logs_in("t1"), fine()]).await;
        let client = client(&server, login(place));
        assert_eq!(server.connections(), 0, "not before it is needed");
        assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
        assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
        let heard = server.heard();
        assert_eq!(heard.len(), 3, "one login for both");
        assert!(heard[0].starts_with("POST /login HTTP/1.1"), "{}", heard[0]);
        assert!(
            heard[0].contains("\r\nx-fixed: always\r\n")
                && heard[0].contains("\r\ncontent-type: application/json")
        );
        assert!(
            heard[0].ends_with("{\"email\":\"canary-user\",\"pass\":\"canary-\\\"pass\"}"),
            "{}",
            heard[0]
        );
        assert!(heard[1].contains(expected) && heard[2].contains(expected), "{}", heard[1]);
    }
}

#[tokio::test]
async fn one_login_serves_all_that_wait() {
    let late = ServerAction::Late(Duration::from_millis(100), answer(200, "", SESSION));
    let server = RawServer::new([late, fine()]).await;
    let client = client(&server, login(TokenLocation::Bearer));
    let fish = get("/fish");
    let all = futures_util::future::join_all((0..20).map(|_| send(&client, &fish))).await;
    assert!(all.iter().all(|result| code(result) == "answer"));
    assert_eq!(server.heard().iter().filter(|heard| heard.starts_with("POST /login")).count(), 1);
    assert_eq!(server.heard().len(), 21);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_then_401_stands() {
    let server = RawServer::new([logs_in("t1"), unauthorized(), logs_in("t2"), fine()]).await;
    let post = request(Method::Post, "/fish", false);
    let answered = send_safely(&client(&server, login(TokenLocation::Bearer)), &post, "{}").await.ok();
    assert_eq!(answered.map(|answered| (answered.response.status, answered.attempts)), Some((200, 1)));
    assert!(server.heard()[3].contains("Bearer canary-t2"), "{}", server.heard()[3]);

    let server = RawServer::new([logs_in("t1"), unauthorized(), logs_in("t2"), unauthorized()]).await;
    let response =
        send(&client(&server, login(TokenLocation::Bearer)), &get("/fish")).await.expect("an answer");
    assert_eq!((response.status, server.heard().len()), (401, 4));

    let server = RawServer::new([unauthorized()]).await;
    let response = send(&client(&server, bearer()), &get("/fish")).await.expect("an answer");
    assert_eq!((response.status, server.heard().len()), (401, 1), "a fixed token cannot be renewed");
}

#[tokio::test]
async fn new_tokens_are_not_asked_for_without_end() {
    // as services do that say 401 for "not allowed"
    let acts = "LULUULUULUU".chars().map(|act| if act == 'L' { logs_in("t") } else { unauthorized() });
    let server = RawServer::new(acts).await;
    let client = client(&server, login(TokenLocation::Bearer));
    for _ in 0..10 {
        let response = send(&client, &get("/fish")).await.expect("an answer");
        assert_eq!(response.status, 401);
    }
    let logins = server.heard().iter().filter(|heard| heard.starts_with("POST /login")).count();
    assert_eq!(logins, 4, "the first, and three in vain");
}

#[tokio::test]
async fn a_refused_password_is_not_tried_again() {
    let refusals = [
        (answer(400, "", "{\"error\":\"canary-error\"}"), "login-refused", "status 400"),
        (answer(401, "", "{\"error\":\"invalid_grant\"}"), "login-refused", "`invalid_grant`"),
        (answer(200, "", "{\"password\":\"canary-pass\"}"), "no-token", "no token"),
        (answer(200, "", "<html>canary-pass"), "no-token", "no token"),
        (answer(200, "", "{\"session\":{\"token\":\"a\\nb\"}}"), "no-token", "no token"),
        (answer(302, "location: /canary-place\r\n", ""), "redirect", "redirects"),
    ];
    for (refusal, code, text) in refusals {
        let server = RawServer::new([ServerAction::Say(refusal)]).await;
        let client = client(&server, login(TokenLocation::Bearer));
        for _ in 0..3 {
            let failure = send_safely(&client, &get("/fish"), "").await.err().expect("refused");
            assert_eq!(
                (failure.code(), failure.delivery, failure.during_login),
                (code, DeliveryStatus::NotSent, true)
            );
            let shown = format!("{failure} {failure:?}");
            assert!(failure.to_string().contains(text) && !shown.contains("canary"), "{shown}");
        }
        assert_eq!(server.heard().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_login_that_fails_for_now_is_repeated() {
    let server = RawServer::new([
        ServerAction::Reset(Vec::new()),
        ServerAction::Say(answer(503, "", "")),
        logs_in("t1"),
        fine(),
    ])
    .await;
    let post = request(Method::Post, "/fish", false);
    let answered = send_safely(&client(&server, login(TokenLocation::Bearer)), &post, "{}").await.ok();
    assert_eq!(
        answered.map(|answered| (answered.attempts, answered.earlier_delivery)),
        Some((3, DeliveryStatus::NotSent))
    );

    let server = RawServer::new([ServerAction::Hang(Vec::new())]).await;
    let client = client(&server, login(TokenLocation::Bearer));
    let (began, fish) = (Instant::now(), get("/fish"));
    let all = futures_util::future::join_all((0..10).map(|_| send(&client, &fish))).await;
    assert!(all.iter().all(|result| code(result) == "timeout"));
    assert!(began.elapsed() < BOUNDS.timeout * 2, "those that waited share the failure");
}

#[tokio::test]
async fn the_names_of_a_login_follow_the_rule_of_the_api() {
    let server = RawServer::new([
        ServerAction::Say(answer(200, "", "{\"SESSION\":{\"Token\":\"canary-t1\"}}")),
        fine(),
    ])
    .await;
    let mut target = target(&server.url, login(TokenLocation::Bearer));
    target.api = Arc::new(Api { member_names: MemberNameCase::CaseInsensitive, ..api() });
    assert_eq!(code(&send(&client_of(&target), &get("/fish")).await), "answer");
    assert!(server.heard()[1].contains("Bearer canary-t1"));
}

pub fn oauth(identity: &RawServer) -> TargetAuth {
    let grant = OauthGrant {
        url: identity.url.join("/realms/x/token").expect("a url"),
        client_id: "tool".into(),
        client_secret: Some("s&cret".into()),
        scope: None,
        grant: OauthGrantType::Password { username: "canary-user".into(), password: "p+w=å".into() },
    };
    let headers = vec![("X-Api-Key".into(), "canary-key".into())];
    TargetAuth { oauth: Some(grant), headers, ..TargetAuth::default() }
}

#[tokio::test]
async fn a_password_grant_is_sent_as_a_form_and_only_what_belongs_to_it() {
    let token = "{\"access_token\":\"canary-t1\",\"expires_in\":300,\"token_type\":\"bearer\"}";
    let identity = RawServer::new([ServerAction::Say(answer(200, "", token))]).await;
    let server = RawServer::new([fine()]).await;
    let client = client(&server, oauth(&identity));
    assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
    assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
    assert_eq!(identity.heard().len(), 1);
    let heard = identity.heard().remove(0);
    assert!(heard.starts_with("POST /realms/x/token HTTP/1.1"), "{heard}");
    assert!(heard.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"), "{heard}");
    assert!(!heard.contains("canary-key"), "the key of the API stays with the API: {heard}");
    let form = "grant_type=password&client_id=tool&client_secret=s%26cret&username=canary-user&password=p%2Bw%3D%C3%A5";
    assert!(heard.ends_with(&format!("\r\n\r\n{form}")), "{heard}");
    let head = &server.heard()[1];
    assert!(
        head.contains("\r\nauthorization: Bearer canary-t1\r\n") && head.contains("x-api-key: canary-key"),
        "{head}"
    );
}

#[tokio::test]
async fn a_grant_that_runs_out_is_renewed_before_it_is_refused() {
    let grant = |token: &str, lasts: &str| {
        ServerAction::Say(answer(200, "", format!("{{\"access_token\":\"{token}\",\"expires_in\":{lasts}}}")))
    };
    let identity = RawServer::new([grant("t1", "\"1\""), grant("t2", "3600"), grant("t3", "3600")]).await;
    let server = RawServer::new([fine(), fine(), unauthorized(), fine()]).await;
    let client = client(&server, oauth(&identity));
    assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
    tokio::time::sleep(Duration::from_millis(600)).await;
    for _ in 0..2 {
        let response = send(&client, &get("/fish")).await.expect("an answer");
        assert_eq!(response.status, 200);
    }
    let tokens = server.heard();
    let tokens = ["t1", "t2", "t2", "t3"]
        .iter()
        .zip(&tokens)
        .all(|(token, head)| head.contains(&format!("Bearer {token}\r\n")));
    assert!(tokens, "half of a short life is used, and a 401 ends a long one");
}

/// Credentials of every scheme without a login, of which the source gives others with each reading.
fn renewable(count: &Arc<AtomicUsize>) -> TargetAuth {
    let of = |number: usize| TargetAuth {
        bearer: Some(format!("canary-b{number}").into()),
        headers: vec![("X-Api-Key".into(), format!("canary-h{number}").into())],
        query: vec![("key".into(), format!("canary-q{number}").into())],
        ..TargetAuth::default()
    };
    let count = Arc::clone(count);
    let renewal = move || Some(of(count.fetch_add(1, Ordering::Relaxed) + 1));
    TargetAuth { renewal: Some(CredentialRenewal(Arc::new(renewal))), ..of(0) }
}

#[tokio::test]
async fn credentials_that_ran_out_are_read_from_their_sources_once_more() {
    let server = RawServer::new([fine(), unauthorized(), fine(), fine()]).await;
    let count = Arc::default();
    let client = client(&server, renewable(&count));
    for _ in 0..3 {
        assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
    }
    let heard = server.heard();
    assert_eq!(count.load(Ordering::Relaxed), 1, "once");
    for (head, number) in heard.iter().zip([0, 0, 1, 1]) {
        assert!(head.contains(&format!("?key=canary-q{number}")), "{head}");
        assert!(head.contains(&format!("Bearer canary-b{number}")), "{head}");
        assert!(head.contains(&format!("x-api-key: canary-h{number}")), "{head}");
    }
}

#[tokio::test]
async fn credentials_that_are_refused_again_and_again_are_not_read_without_end() {
    let server = RawServer::new((0..40).map(|_| unauthorized()).collect::<Vec<_>>()).await;
    let count = Arc::default();
    let client = client(&server, renewable(&count));
    for _ in 0..12 {
        let _ = send(&client, &get("/fish")).await;
    }
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

fn granted(identity: &RawServer, grant: OauthGrantType) -> TargetAuth {
    let mut auth = oauth(identity);
    let own = auth.oauth.take().expect("a grant");
    TargetAuth { oauth: Some(OauthGrant { grant, scope: Some("fish:read".into()), ..own }), ..auth }
}

#[tokio::test]
async fn a_client_gets_a_token_for_itself() {
    let token = "{\"access_token\":\"canary-t1\",\"expires_in\":300}";
    let identity = RawServer::new([ServerAction::Say(answer(200, "", token))]).await;
    let server = RawServer::new([fine()]).await;
    let client = client(&server, granted(&identity, OauthGrantType::ClientCredentials));
    assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
    let form = "grant_type=client_credentials&client_id=tool&client_secret=s%26cret&scope=fish%3Aread";
    assert!(identity.heard()[0].ends_with(form), "{}", identity.heard()[0]);
    assert!(server.heard()[0].contains("Bearer canary-t1"));
}

#[tokio::test]
async fn a_refresh_token_is_replaced_by_the_one_that_comes_with_a_token() {
    let token = |number| {
        let text =
            format!("{{\"access_token\":\"canary-t{number}\",\"refresh_token\":\"canary-r{number}\"}}");
        ServerAction::Say(answer(200, "", text))
    };
    let identity = RawServer::new([token(1), token(2)]).await;
    let server = RawServer::new([fine(), unauthorized(), fine()]).await;
    let client = client(&server, granted(&identity, OauthGrantType::RefreshToken("canary-r0".into())));
    for _ in 0..2 {
        assert_eq!(code(&send(&client, &get("/fish")).await), "answer");
    }
    for (head, number) in identity.heard().iter().zip([0, 1]) {
        assert!(head.contains("grant_type=refresh_token"), "{head}");
        assert!(head.ends_with(&format!("refresh_token=canary-r{number}")), "{head}");
    }
    assert!(server.heard()[2].contains("Bearer canary-t2"));
}
