//! A report as a message in a chat: the headline, and the objects that matter most.
//!
//! Made from a sheet, so it says nothing that a report hides. What comes from outside is escaped for the chat, so
//! that no name mentions anybody or links anywhere.
//! Deliberately absent: sending.

use serde_json::{Value as Json, json};

use super::sanitize::{escape_line, truncate_line};
use super::view_model::{ViewEntry, ViewEntryStatus, ViewModel};

/// The most objects and findings of a message.
const MAX_ITEMS: usize = 15;
/// The most characters of one line.
const MAX_LINE_CHARACTERS: usize = 200;

/// The payload of an incoming webhook of Slack.
pub fn render_slack(view: &ViewModel) -> Json {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let head = escape(&format_headline(view));
    let lines: Vec<String> = collect_lines(view).iter().map(|line| format!("• {}", escape(line))).collect();
    let plain = |text: String| json!({ "type": "plain_text", "text": text, "emoji": false });
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(truncate_line(&format_headline(view), 140).into_owned()) }),
    ];
    if !lines.is_empty() {
        blocks.push(
            json!({ "type": "section", "text": plain(truncate_line(&lines.join("\n"), 2_900).into_owned()) }),
        );
    }
    json!({ "text": head, "blocks": blocks })
}

/// The payload of an incoming webhook of Teams: an adaptive card.
pub fn render_teams(view: &ViewModel) -> Json {
    let text = |text: &str, weight: &str| {
        // a run of text is no Markdown
        let run = json!({ "type": "TextRun", "text": text, "weight": weight });
        json!({ "type": "RichTextBlock", "inlines": [run] })
    };
    let mut body = vec![text(&format_headline(view), "Bolder")];
    body.extend(collect_lines(view).iter().map(|line| text(line, "Default")));
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    json!({ "type": "message", "attachments": [attachment] })
}

fn format_headline(view: &ViewModel) -> String {
    format!("trueup {}: {}", view.title, view.format_headline())
}

/// The objects that something was done to, or that something is wrong with, worst first.
fn collect_lines(view: &ViewModel) -> Vec<String> {
    let mut entries: Vec<&ViewEntry> =
        view.entries.iter().filter(|entry| entry.status != ViewEntryStatus::Unchanged).collect();
    entries.sort_by_key(|entry| entry.status);
    let of_entry = |entry: &&ViewEntry| {
        let object = entry.object;
        format!("{}: {} {} at {}", entry.label, object.kind, object.name, object.describe_target())
    };
    let remarks =
        view.diagnostics.iter().map(|finding| format!("{}: {}", finding.severity.as_str(), finding.message));
    let all: Vec<String> = entries.iter().map(of_entry).chain(remarks).collect();
    let left = all.len().saturating_sub(MAX_ITEMS);
    let mut shown: Vec<String> = all
        .iter()
        .take(MAX_ITEMS)
        .map(|text| truncate_line(&escape_line(text), MAX_LINE_CHARACTERS).into_owned())
        .collect();
    shown.extend((left > 0).then(|| format!("… and {left} more")));
    shown
}
