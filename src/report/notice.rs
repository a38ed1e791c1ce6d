//! A report as a message in a chat: the headline, and the objects that matter most.
//!
//! Made from a sheet, so it says nothing that a report hides. What comes from outside is escaped for the chat, so
//! that no name mentions anybody or links anywhere.
//! Deliberately absent: sending.

use serde_json::{Value as Json, json};

use super::clean::{cut, line};
use super::sheet::{Entry, Sheet, Tone};

/// The most objects and findings of a message.
const MOST: usize = 15;
/// The most characters of one line.
const MOST_LINE: usize = 200;

/// The payload of an incoming webhook of Slack.
pub fn slack(sheet: &Sheet) -> Json {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let head = escape(&headline(sheet));
    let lines: Vec<String> = lines(sheet).iter().map(|line| format!("• {}", escape(line))).collect();
    let plain = |text: String| json!({ "type": "plain_text", "text": text, "emoji": false });
    let mut blocks =
        vec![json!({ "type": "header", "text": plain(cut(&headline(sheet), 140).into_owned()) })];
    if !lines.is_empty() {
        blocks.push(json!({ "type": "section", "text": plain(cut(&lines.join("\n"), 2_900).into_owned()) }));
    }
    json!({ "text": head, "blocks": blocks })
}

/// The payload of an incoming webhook of Teams: an adaptive card.
pub fn teams(sheet: &Sheet) -> Json {
    let text = |text: &str, weight: &str| {
        // a run of text is no Markdown
        let run = json!({ "type": "TextRun", "text": text, "weight": weight });
        json!({ "type": "RichTextBlock", "inlines": [run] })
    };
    let mut body = vec![text(&headline(sheet), "Bolder")];
    body.extend(lines(sheet).iter().map(|line| text(line, "Default")));
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    json!({ "type": "message", "attachments": [attachment] })
}

fn headline(sheet: &Sheet) -> String {
    format!("trueup {}: {}", sheet.title, sheet.headline())
}

/// The objects that something was done to, or that something is wrong with, worst first.
fn lines(sheet: &Sheet) -> Vec<String> {
    let mut entries: Vec<&Entry> = sheet.entries.iter().filter(|entry| entry.tone != Tone::Calm).collect();
    entries.sort_by_key(|entry| entry.tone);
    let of_entry = |entry: &&Entry| {
        let object = entry.object;
        format!("{}: {} {} at {}", entry.word, object.kind, object.name, object.target)
    };
    let remarks =
        sheet.remarks.iter().map(|finding| format!("{}: {}", finding.severity.word(), finding.message));
    let all: Vec<String> = entries.iter().map(of_entry).chain(remarks).collect();
    let left = all.len().saturating_sub(MOST);
    let mut shown: Vec<String> =
        all.iter().take(MOST).map(|text| cut(&line(text), MOST_LINE).into_owned()).collect();
    shown.extend((left > 0).then(|| format!("… and {left} more")));
    shown
}
