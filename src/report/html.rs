//! A report as one HTML file: no network, no inline value, light and dark, searchable and foldable.
//!
//! Everything is in the markup, so the page reads without scripts, and prints; the script only filters, folds
//! and tells how many objects are left. Of a large report the first objects are in the markup, and the markup
//! of the others follows compressed, so that the page stays small; the script puts them in their place.
//! A content policy allows exactly our style and script, by their digests, and no request at all. Texts come
//! from the terminal's drawing, whose styles become elements.
//! Deliberately absent: values as data. A value is text in the page and nothing else.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use super::field;
use super::markup::{escape_markup, escape_markup_lines};
use super::plan_report::{CauseView, DiagnosticView};
use super::sanitize::format_count;
use super::styled_text::{ADDED, DIM, REMOVED};
use super::view_model::{ViewEntry, ViewEntryStatus, ViewModel};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");
/// The most bytes of the changes of one object.
const MAX_CHANGE_BYTES: usize = 100_000;
/// From this number on, objects are folded at first.
const FOLD_THRESHOLD: usize = 20;
/// Objects behind this many bytes of markup follow compressed.
const MAX_PLAIN_BYTES: usize = 700_000;

/// The report as a page.
pub fn render_html(view: &ViewModel) -> String {
    let title = format!("trueup {}: {}", view.title, view.format_headline());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; \
         script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        hash_source(STYLE),
        hash_source(SCRIPT),
        escape_markup(&title)
    );
    let _ = write!(
        page,
        "<a class=\"skip\" href=\"#objects\">To the objects</a>\n<header>\n<h1>{}</h1>\n",
        escape_markup(&title)
    );
    if let Some(selection) = &view.selection {
        let _ = writeln!(page, "<p role=\"note\">Selection: {}</p>", escape_markup(selection));
    }
    if !view.complete {
        page.push_str("<p role=\"note\"><strong>This plan is incomplete: some live state could not be read.</strong></p>\n");
    }
    write_diagnostics(&mut page, view);
    if let Some(effort) = &view.request_summary {
        let _ = writeln!(page, "<p>{}</p>", escape_markup(effort));
    }
    page.push_str("</header>\n");
    write_filters(&mut page, view);
    let rest = write_objects(&mut page, view);
    if !rest.is_empty() {
        write_compressed(&mut page, &rest);
    }
    let _ = write!(
        page,
        "<footer>trueup {}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

/// The source of a style or script, as a content policy names it.
fn hash_source(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn write_diagnostics(page: &mut String, view: &ViewModel) {
    if view.diagnostics.is_empty() {
        return;
    }
    page.push_str("<ul class=\"findings\">\n");
    view.diagnostics.iter().for_each(|remark| write_diagnostic(page, view, remark));
    page.push_str("</ul>\n");
}

/// Search, and one choice for each word that tells objects apart.
fn write_filters(page: &mut String, view: &ViewModel) {
    page.push_str(
        "<form role=\"search\" aria-label=\"Filter objects\">\n<label>Search \
         <input type=\"search\" id=\"search\" placeholder=\"name, field or value; press /\"></label>\n",
    );
    let kinds = view.entries.iter().map(|entry| &*entry.object.kind).collect();
    let words = view.entries.iter().map(|entry| entry.label).collect();
    let targets = view.entries.iter().map(|entry| &*entry.object.target).collect();
    let environments: BTreeSet<&str> =
        view.entries.iter().filter_map(|entry| entry.object.environment.as_deref()).collect();
    if !environments.is_empty() {
        write_select(page, "environment", "Environment", &environments);
    }
    let causes: BTreeSet<&str> =
        view.entries.iter().flat_map(list_causes).map(|cause| cause.as_str()).collect();
    write_select(page, "kind", "Kind", &kinds);
    write_select(page, "action", "Action", &words);
    write_select(page, "target", "Target", &targets);
    if !causes.is_empty() {
        write_select(page, "cause", "Cause", &causes);
    }
    let all = format_count(view.entries.len(), "object");
    let _ = write!(
        page,
        "<button type=\"button\" id=\"open\">Expand all</button>\n<button type=\"button\" id=\"close\">Collapse all</button>\n\
         <button type=\"reset\">Clear</button>\n<output id=\"shown\" aria-live=\"polite\">{all}</output>\n</form>\n"
    );
}

fn write_select(page: &mut String, id: &str, label: &str, words: &BTreeSet<&str>) {
    let _ = write!(page, "<label>{label} <select id=\"{id}\"><option value=\"\">all</option>");
    for word in words {
        let shown = escape_markup(word);
        let _ = write!(page, "<option value=\"{shown}\">{shown}</option>");
    }
    page.push_str("</select></label>\n");
}

fn list_causes(entry: &ViewEntry) -> BTreeSet<CauseView> {
    entry.fields.iter().flat_map(|field| field.causes.iter().copied()).collect()
}

/// Those that went wrong first, those that are unchanged last. Gives the markup of those that are left over.
fn write_objects(page: &mut String, view: &ViewModel) -> String {
    let rank = |entry: &ViewEntry| match entry.status {
        tone if tone.is_failure() => 0,
        ViewEntryStatus::Unchanged => 2,
        _ => 1,
    };
    let mut entries: Vec<&ViewEntry> = view.entries.iter().collect();
    entries.sort_by_key(|entry| rank(entry));
    let open = if entries.len() < FOLD_THRESHOLD { " open" } else { "" };
    page.push_str("<main id=\"objects\" tabindex=\"-1\">\n");
    let (mut rest, mut left) = (String::new(), 0);
    for entry in entries {
        match page.len() < MAX_PLAIN_BYTES {
            true => write_object(page, view, entry, open),
            false => {
                left += 1;
                write_object(&mut rest, view, entry, open);
            }
        }
    }
    page.push_str("<p id=\"none\" hidden>No object matches.</p>\n</main>\n");
    if left > 0 {
        let _ = writeln!(
            page,
            "<p id=\"rest-note\">{} more: this page shows them where scripts may run.</p>",
            format_count(left, "object")
        );
    }
    rest
}

/// Markup for the script, which puts it among the objects.
fn write_compressed(page: &mut String, markup: &str) {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // nothing fails in memory
    let bytes = encoder.write_all(markup.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
    let text = STANDARD.encode(bytes);
    let _ = writeln!(page, "<script type=\"application/octet-stream\" id=\"rest\">{text}</script>");
}

fn write_object(page: &mut String, view: &ViewModel, entry: &ViewEntry, open: &str) {
    let object = entry.object;
    let (kind, name, target) =
        (escape_markup(&object.kind), escape_markup(&object.name), escape_markup(&object.target));
    let body = render_body(view, entry);
    let open = if body.is_empty() || entry.status == ViewEntryStatus::Unchanged { "" } else { open };
    let causes: Vec<&str> = list_causes(entry).into_iter().map(CauseView::as_str).collect();
    let causes =
        if causes.is_empty() { String::new() } else { format!(" data-cause=\"{}\"", causes.join(",")) };
    let environment = object.environment.as_deref().map(escape_markup);
    let attribute =
        environment.as_ref().map_or_else(String::new, |name| format!(" data-environment=\"{name}\""));
    let place = environment.map_or_else(String::new, |name| format!("{name} · "));
    let _ = write!(
        page,
        "<details{open} data-kind=\"{kind}\" data-action=\"{word}\" data-target=\"{target}\"{attribute}{causes}>\
         <summary><span class=\"word {tone}\">{word}</span> <span class=\"kind\">{kind}</span> \
         <strong>{name}</strong> <span class=\"place\">{place}{target}{id} · {file}:{line}</span></summary>\n{body}</details>\n",
        word = entry.label,
        tone = map_css_class(entry.status),
        id = format_id(entry),
        file = escape_markup(&view.resolve_file(&object.file)),
        line = object.line,
    );
}

fn format_id(entry: &ViewEntry) -> String {
    entry
        .object
        .id
        .as_ref()
        .map_or_else(String::new, |id| format!(" · id {}", escape_markup(&field::format_id(id))))
}

fn render_body(view: &ViewModel, entry: &ViewEntry) -> String {
    let mut body = String::new();
    if !entry.diagnostics.is_empty() {
        body.push_str("<ul class=\"findings\">\n");
        entry.diagnostics.iter().for_each(|about| write_diagnostic(&mut body, view, about));
        body.push_str("</ul>\n");
    }
    for (name, styled) in [("changes", entry.render_changes()), ("requests", entry.render_requests())] {
        if !styled.is_empty() {
            let _ = writeln!(body, "<pre class=\"{name}\">{}</pre>", render_styled(&styled));
        }
    }
    if !body.is_empty() {
        let file = escape_markup(&entry.object.file);
        let _ = writeln!(body, "<p class=\"commands\"><code>trueup plan {file}</code></p>");
    }
    body
}

fn write_diagnostic(page: &mut String, view: &ViewModel, finding: &DiagnosticView) {
    let weight = finding.severity.as_str();
    let _ = write!(
        page,
        "<li><span class=\"word {weight}\">{weight}</span> <code>{}</code> {}",
        escape_markup(&finding.code),
        render_sentence(&finding.message)
    );
    if let Some(location) = view.locate_diagnostic(finding, None) {
        let _ = write!(page, " <span class=\"place\">{}</span>", escape_markup(&location.to_string()));
    }
    if let Some(hint) = &finding.hint {
        let _ = write!(page, "<br>help: {}", render_sentence(hint));
    }
    page.push_str("</li>\n");
}

/// A sentence, with what stands in backticks as code.
fn render_sentence(sentence: &str) -> String {
    let parts = sentence.split('`').enumerate();
    let shown = parts.map(|(at, part)| match at % 2 {
        0 => escape_markup(part),
        _ => format!("<code>{}</code>", escape_markup(part)),
    });
    shown.collect()
}

fn map_css_class(tone: ViewEntryStatus) -> &'static str {
    match tone {
        ViewEntryStatus::Failed | ViewEntryStatus::Unknown | ViewEntryStatus::Refused => "error",
        ViewEntryStatus::Create => "create",
        ViewEntryStatus::Update | ViewEntryStatus::Drifted => "update",
        ViewEntryStatus::Delete | ViewEntryStatus::Replace => "delete",
        ViewEntryStatus::NotStarted | ViewEntryStatus::Unchanged => "calm",
    }
}

/// Text with a terminal's styles, its greens and reds as insertions and deletions.
fn render_styled(styled: &str) -> String {
    let mut page = String::with_capacity(styled.len() + styled.len() / 4);
    let kinds = [(ADDED, "ins"), (REMOVED, "del"), (DIM, "small")];
    let starts = kinds.map(|(style, element)| (style.render().to_string(), element));
    let mut open = None;
    let mut parts = styled.split('\u{1b}');
    page.push_str(&escape_markup_lines(parts.next().unwrap_or_default()));
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
        page.push_str(&escape_markup_lines(text));
        if page.len() > MAX_CHANGE_BYTES {
            page.push_str(" … truncated");
            break;
        }
    }
    if let Some(element) = open {
        let _ = write!(page, "</{element}>");
    }
    page
}
