//! Webhooks after an apply and a drift: the real program, a sandbox, and a real listener.

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::webhook_listener::WebhookListener;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use trueup::kind::WireFormat::Json;

/// Three partners, of which one is to have another name, and these webhooks.
fn fixture(notify: &str, url: &str) -> SandboxFixture {
    let mut fixture = SandboxFixture::new("carrierx/partner", 3, Json);
    fixture.documents[1].document["spec"]["company_name"] = json!("North <!channel> Shore");
    fixture.write();
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.workspace.write("trueup.yaml", &format!("{settings}notify:\n{notify}"));
    fixture.workspace.set("HOOK", url);
    fixture.workspace.set("HOOK_SECRET", "shared");
    fixture
}

#[test]
fn an_apply_tells_its_report_and_signs_it() {
    let listener = WebhookListener::start("200 OK");
    let fixture =
        fixture("  - { url: { from_env: HOOK }, secret: { from_env: HOOK_SECRET } }\n", &listener.url);
    fixture.workspace.expect(0, &["validate"]);
    fixture.workspace.expect(0, &["plan"]);
    assert!(listener.messages().is_empty(), "a plan tells nobody");
    let ran = fixture.workspace.expect(0, &["apply", "--auto-approve", "--format", "json"]);
    let messages = listener.messages();
    assert_eq!(messages.len(), 1, "{}", ran.all());
    let message = &messages[0];
    assert!(message.head[0].starts_with("POST /hooks/T0PSECRETPATH "), "{:?}", message.head);
    assert_eq!(message.header("x-trueup-event"), Some("apply"));
    assert_eq!(message.header("content-type"), Some("application/json"));
    assert_eq!(message.json(), ran.json());
    let mut mac = Hmac::<Sha256>::new_from_slice(b"shared").expect("a key");
    mac.update(message.header("x-trueup-timestamp").expect("a time").as_bytes());
    mac.update(b".");
    mac.update(&message.body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(message.header("x-trueup-signature"), Some(&*format!("sha256={digits}")));
    // nothing is written, and no one hears of it
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(listener.messages().len(), 1);
}

#[test]
fn chats_get_messages_in_which_nobody_is_called() {
    let listener = WebhookListener::start("204 No Content");
    let hooks = "  - { url: { from_env: HOOK }, format: slack }\n  - { url: { from_env: HOOK }, format: teams, on: [drift] }\n";
    let fixture = fixture(hooks, &listener.url);
    // what is not known to have been applied is no drift
    fixture.workspace.expect(5, &["drift"]);
    fixture.edit(0, json!({ "company_name": "by hand" }));
    fixture.workspace.expect(2, &["drift"]);
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    fixture.workspace.expect(0, &["drift"]);
    let messages = listener.messages();
    let events: Vec<_> = messages.iter().map(|message| message.header("x-trueup-event")).collect();
    // one to each hook for what was never applied and for what drifted; the second hook takes no applies
    assert_eq!(events, [Some("drift"), Some("drift"), Some("drift"), Some("drift"), Some("apply")]);
    assert!(messages.iter().all(|message| message.header("x-trueup-signature").is_none()));
    let (slack, teams) = (messages[0].json(), messages[1].json());
    assert!(slack["text"].as_str().expect("a text").starts_with("trueup drift: "), "{slack}");
    assert_eq!(slack["blocks"][0]["type"], "header");
    assert!(slack["blocks"][1]["text"]["text"].as_str().expect("lines").contains("carrierx/partner o-0001"));
    let card = &teams["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert!(card["content"]["body"].to_string().contains("carrierx/partner o-0001"), "{card}");
    assert!(messages.iter().all(|message| !String::from_utf8_lossy(&message.body).contains("<!channel>")));
}

#[test]
fn whoever_cannot_be_reported_changes_nothing() {
    let listener = WebhookListener::start("500 Internal Server Error");
    let hook = "  - { url: { from_env: HOOK } }\n";
    for (url, why) in [
        (&*listener.url, "answers 500"),
        ("http://127.0.0.1:9/T0PSECRETPATH", "not-notified"),
        ("https://hooks.example.com/T0PSECRETPATH", "host-not-allowed"),
        ("http://hooks.example.com/T0PSECRETPATH", "host-not-allowed"),
        ("T0PSECRETPATH", "does not give an address"),
    ] {
        let fixture = fixture(hook, url);
        let ran = fixture.workspace.expect(0, &["apply", "--auto-approve"]);
        ran.says(&["1 done"]).complains(&["warning[", why]);
        assert!(!ran.all().contains("T0PSECRETPATH"), "{}", ran.all());
    }
    let mut fixture = fixture(hook, "");
    fixture.workspace.unset("HOOK");
    fixture
        .workspace
        .expect(0, &["apply", "--auto-approve"])
        .complains(&["warning[unresolved-secret]", "HOOK"]);
}

#[test]
fn an_address_in_clear_is_not_taken_and_not_repeated() {
    let fixture = fixture("  - { url: 'https://hooks.example.com/T0PSECRETPATH' }\n", "");
    let ran = fixture.workspace.expect(1, &["validate"]);
    ran.complains(&["plain-secret"]);
    assert!(!ran.all().contains("T0PSECRETPATH"), "{}", ran.all());
    let fixture = self::fixture("  - { url: { from_env: HOOK }, format: pager }\n", "");
    fixture.workspace.expect(1, &["validate"]);
}
