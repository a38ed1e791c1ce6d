//! A report as one HTML file: no network, no inline value, light and dark, searchable and foldable.
//!
//! Everything is in the markup, so the page reads without scripts, and prints; the script only filters, folds
//! and tells how many objects are left. A content policy allows exactly our style and script, by their
//! digests, and no request at all. Texts come from the terminal's drawing, whose styles become elements.
//! Deliberately absent: values as data. A value is text in the page and nothing else.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::clean::count;
use super::field;
use super::markup::{escape, escaped_lines};
use super::paint::{ADDED, DIM, REMOVED};
use super::sheet::{Entry, Sheet, Tone};
use super::shown::Finding;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");
/// The most bytes of the changes of one object.
const MOST_CHANGES: usize = 100_000;
/// From this number on, objects are folded at first.
const FOLDED_FROM: usize = 20;

/// The report as a page.
pub fn html(sheet: &Sheet) -> String {
    let title = format!("trueup {}: {}", sheet.title, sheet.headline());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; \
         script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        digest(STYLE),
        digest(SCRIPT),
        escape(&title)
    );
    let _ = write!(
        page,
        "<a class=\"skip\" href=\"#objects\">To the objects</a>\n<header>\n<h1>{}</h1>\n",
        escape(&title)
    );
    if !sheet.complete {
        page.push_str("<p role=\"note\"><strong>This plan is incomplete: some live state could not be read.</strong></p>\n");
    }
    remarks(&mut page, sheet);
    if let Some(effort) = &sheet.effort {
        let _ = writeln!(page, "<p>{}</p>", escape(effort));
    }
    page.push_str("</header>\n");
    filters(&mut page, sheet);
    objects(&mut page, sheet);
    let _ = write!(
        page,
        "<footer>trueup {}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

/// The source of a style or script, as a content policy names it.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn remarks(page: &mut String, sheet: &Sheet) {
    if sheet.remarks.is_empty() {
        return;
    }
    page.push_str("<ul class=\"findings\">\n");
    sheet.remarks.iter().for_each(|remark| finding(page, sheet, remark));
    page.push_str("</ul>\n");
}

/// Search, and one choice for each word that tells objects apart.
fn filters(page: &mut String, sheet: &Sheet) {
    page.push_str(
        "<form role=\"search\" aria-label=\"Filter objects\">\n<label>Search \
         <input type=\"search\" id=\"search\" placeholder=\"name, field or value; press /\"></label>\n",
    );
    let kinds = sheet.entries.iter().map(|entry| &*entry.object.kind).collect();
    let words = sheet.entries.iter().map(|entry| entry.word).collect();
    let targets = sheet.entries.iter().map(|entry| &*entry.object.target).collect();
    choice(page, ("kind", "Kind"), &kinds);
    choice(page, ("action", "Action"), &words);
    choice(page, ("target", "Target"), &targets);
    let all = count(sheet.entries.len(), "object");
    let _ = write!(
        page,
        "<button type=\"button\" id=\"open\">Unfold all</button>\n<button type=\"button\" id=\"close\">Fold all</button>\n\
         <button type=\"reset\">Clear</button>\n<output id=\"shown\" aria-live=\"polite\">{all}</output>\n</form>\n"
    );
}

fn choice(page: &mut String, (id, label): (&str, &str), words: &BTreeSet<&str>) {
    let _ = write!(page, "<label>{label} <select id=\"{id}\"><option value=\"\">all</option>");
    for word in words {
        let shown = escape(word);
        let _ = write!(page, "<option value=\"{shown}\">{shown}</option>");
    }
    page.push_str("</select></label>\n");
}

/// Those that went wrong first, those that are as wanted last.
fn objects(page: &mut String, sheet: &Sheet) {
    let rank = |entry: &Entry| match entry.tone {
        tone if tone.is_bad() => 0,
        Tone::Calm => 2,
        _ => 1,
    };
    let mut entries: Vec<&Entry> = sheet.entries.iter().collect();
    entries.sort_by_key(|entry| rank(entry));
    let open = if entries.len() < FOLDED_FROM { " open" } else { "" };
    page.push_str("<main id=\"objects\" tabindex=\"-1\">\n");
    for entry in entries {
        object(page, sheet, entry, open);
    }
    page.push_str("<p id=\"none\" hidden>No object is like that.</p>\n</main>\n");
}

fn object(page: &mut String, sheet: &Sheet, entry: &Entry, open: &str) {
    let object = entry.object;
    let (kind, name, target) = (escape(&object.kind), escape(&object.name), escape(&object.target));
    let body = body(sheet, entry);
    let open = if body.is_empty() || entry.tone == Tone::Calm { "" } else { open };
    let _ = write!(
        page,
        "<details{open} data-kind=\"{kind}\" data-action=\"{word}\" data-target=\"{target}\">\
         <summary><span class=\"word {tone}\">{word}</span> <span class=\"kind\">{kind}</span> \
         <strong>{name}</strong> <span class=\"place\">{target}{id} · {file}:{line}</span></summary>\n{body}</details>\n",
        word = entry.word,
        tone = class(entry.tone),
        id = id(entry),
        file = escape(&sheet.file(&object.file)),
        line = object.line,
    );
}

fn id(entry: &Entry) -> String {
    entry.object.id.as_ref().map_or_else(String::new, |id| format!(" · id {}", escape(&field::id(id))))
}

fn body(sheet: &Sheet, entry: &Entry) -> String {
    let mut body = String::new();
    if !entry.findings.is_empty() {
        body.push_str("<ul class=\"findings\">\n");
        entry.findings.iter().for_each(|about| finding(&mut body, sheet, about));
        body.push_str("</ul>\n");
    }
    for (name, styled) in [("changes", entry.changes()), ("requests", entry.sends())] {
        if !styled.is_empty() {
            let _ = writeln!(body, "<pre class=\"{name}\">{}</pre>", drawn(&styled));
        }
    }
    body
}

fn finding(page: &mut String, sheet: &Sheet, finding: &Finding) {
    let weight = finding.severity.word();
    let _ = write!(
        page,
        "<li><span class=\"word {weight}\">{weight}</span> <code>{}</code> {}",
        escape(&finding.code),
        said(&finding.message)
    );
    if let Some(spot) = sheet.place(finding, None) {
        let _ = write!(page, " <span class=\"place\">{}</span>", escape(&spot.to_string()));
    }
    if let Some(hint) = &finding.hint {
        let _ = write!(page, "<br>help: {}", said(hint));
    }
    page.push_str("</li>\n");
}

/// A sentence, with what stands in backticks as code.
fn said(sentence: &str) -> String {
    let parts = sentence.split('`').enumerate();
    let shown = parts.map(|(at, part)| match at % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    shown.collect()
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Failed | Tone::Unknown | Tone::Refused => "error",
        Tone::Create => "create",
        Tone::Update | Tone::Drifted => "update",
        Tone::Delete => "delete",
        Tone::NotStarted | Tone::Calm => "calm",
    }
}

/// Text with a terminal's styles, its greens and reds as insertions and deletions.
fn drawn(styled: &str) -> String {
    let mut page = String::with_capacity(styled.len() + styled.len() / 4);
    let kinds = [(ADDED, "ins"), (REMOVED, "del"), (DIM, "small")];
    let starts = kinds.map(|(style, element)| (style.render().to_string(), element));
    let mut open = None;
    let mut parts = styled.split('\u{1b}');
    page.push_str(&escaped_lines(parts.next().unwrap_or_default()));
    for part in parts {
        let (code, text) = part.split_once('m').unwrap_or((part, ""));
        let element =
            starts.iter().find(|(start, _)| start.strip_prefix('\u{1b}') == Some(&format!("{code}m")));
        if let Some(element) = open.take() {
            let _ = write!(page, "</{element}>");
        }
        if let Some((_, element)) = element {
            let _ = write!(page, "<{element}>");
            open = Some(element);
        }
        page.push_str(&escaped_lines(text));
        if page.len() > MOST_CHANGES {
            page.push_str(" … cut here");
            break;
        }
    }
    if let Some(element) = open {
        let _ = write!(page, "</{element}>");
    }
    page
}
