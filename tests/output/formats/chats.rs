//! Messages for Slack and Teams: within the limits that these services publish, and read by the reader of cards.
//!
//! The card goes through the library with which Teams' own clients read cards, where it is installed (`npm ci
//! --prefix tests/editor`).

use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use trueup::report::chat_message::{render_slack, render_teams};
use trueup::report::{PlanReport, ViewModel};

use super::samples::{self, HOSTILE};

fn all() -> Vec<PlanReport> {
    let hostile = HOSTILE.iter().map(|text| samples::hostile(text));
    hostile.chain([samples::everyday(), samples::seeded(), samples::many(5_000)]).collect()
}

fn view(report: &PlanReport) -> ViewModel<'_> {
    ViewModel::from_plan_report(report, "")
}

#[test]
fn slack_takes_the_message() {
    for report in all() {
        let message = render_slack(&view(&report));
        samples::no_canary(&message.to_string());
        let text = message["text"].as_str().expect("a text");
        assert!(!text.is_empty() && text.chars().count() <= 4_000, "{text}");
        let blocks = message["blocks"].as_array().expect("blocks");
        assert!((1..=50).contains(&blocks.len()), "{message:#}");
        for block in blocks {
            let most = match block["type"].as_str() {
                Some("header") => 150,
                Some("section") => 3_000,
                other => panic!("{other:?} in {message:#}"),
            };
            // nothing that comes from outside is markup
            assert_eq!(block["text"]["type"], "plain_text", "{message:#}");
            let text = block["text"]["text"].as_str().expect("a text");
            assert!((1..=most).contains(&text.chars().count()), "{} characters in {block}", text.len());
        }
    }
}

#[test]
fn a_message_for_teams_is_small() {
    for report in all() {
        let message = render_teams(&view(&report));
        samples::no_canary(&message.to_string());
        // an incoming webhook takes 28 KB
        assert!(message.to_string().len() <= 28_000, "{} bytes", message.to_string().len());
        assert_eq!(message["type"], "message");
        assert_eq!(message["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
    }
}

/// What the reader of cards says of these, one list of complaints each; none where it is not installed.
fn read(cards: &[Json]) -> Option<Vec<Vec<String>>> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/editor/node_modules/adaptivecards/dist/adaptivecards.js");
    if !library.exists() {
        assert!(std::env::var_os("TRUEUP_REQUIRE_EDITOR").is_none(), "the reader of cards is not installed");
        eprintln!("skipped: there is no reader of cards here (`npm ci --prefix tests/editor`)");
        return None;
    }
    let script = "const { AdaptiveCard, SerializationContext } = require(process.argv[1]); \
                  const cards = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8')); \
                  console.log(JSON.stringify(cards.map((source) => { \
                    const card = new AdaptiveCard(), context = new SerializationContext(); \
                    card.parse(source, context); \
                    const said = []; \
                    for (let i = 0; i < context.eventCount; i++) said.push(context.getEventAt(i).message); \
                    return said.concat(card.validateProperties().validationEvents.map((event) => event.message)) \
                  })))";
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), Json::from(cards).to_string()).expect("a file");
    let ran =
        Command::new("node").args(["-e", script]).arg(&library).arg(file.path()).output().expect("node");
    let said = String::from_utf8_lossy(&ran.stdout);
    let failed = || panic!("{said}{}", String::from_utf8_lossy(&ran.stderr));
    Some(serde_json::from_str(&said).unwrap_or_else(|_| failed()))
}

#[test]
fn the_reader_of_cards_has_no_complaint() {
    let mut cards: Vec<Json> =
        all().iter().map(|report| render_teams(&view(report))["attachments"][0]["content"].clone()).collect();
    let fine = cards.len();
    cards.push(json!({ "type": "AdaptiveCard", "version": "1.4", "body": [{ "type": "RichTextBlok" }] }));
    cards.push(
        json!({ "type": "AdaptiveCard", "version": "1.4", "body": [{ "type": "RichTextBlock", "inlines": [
        { "type": "TextRun", "text": "x", "weight": "Heavy" },
    ] }] }),
    );
    let Some(said) = read(&cards) else { return };
    assert_eq!(said.len(), cards.len());
    for (card, complaints) in cards.iter().zip(&said).take(fine) {
        assert!(complaints.is_empty(), "{complaints:?} about {card:#}");
    }
    assert!(said.iter().skip(fine).all(|complaints| !complaints.is_empty()), "it takes anything: {said:?}");
}
