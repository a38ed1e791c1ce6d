//! What a service says is wrong: error bodies of any shape to sentences, each with the field it is about.
//!
//! Where the sentences stand is data ([`ErrorsFile`]); what it does not foresee is read as well as can be.
//! A server may echo what it was sent, so known secrets are blotted out of the whole text before anything is
//! cut; stack traces are left out, and nothing that could drive a terminal gets through.
//! Deliberately absent: which line of a document a field stands on.

use std::ops::Range;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::wire::{is_html, named_format, read_any};
use crate::exchange::Response;
use crate::kind::FormatWord;
use crate::kind::file::{ErrorListFile, ErrorsFile};
use crate::value::Value;

/// How many complaints of one answer are told.
const MAX_COMPLAINTS: usize = 50;
/// How long an answer may be to be understood.
const MAX_BODY: usize = 256 * 1024;
/// How many characters of a sentence are told.
const MAX_MESSAGE: usize = 300;
/// How many characters of a name or a code are told.
const MAX_NAME: usize = 100;
/// What stands for a text that must not be seen.
const BLOT: &str = "•••";

/// One thing that a service says is wrong.
#[derive(Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The field that it is about, as the service names it; dots and `[0]` lead inwards.
    pub field: Option<String>,
    pub message: String,
    pub code: Option<String>,
}

/// What an error answer says; nothing when it says nothing. `secrets` are blotted out.
pub fn read(answer: &Response, format: FormatWord, errors: &ErrorsFile, secrets: &[&str]) -> Vec<Complaint> {
    let body = String::from_utf8_lossy(answer.body.trim_ascii());
    let listener = Listener { errors, secrets };
    if body.is_empty() {
        return Vec::new();
    }
    if answer.content_type.contains("html") || is_html(body.as_bytes()) {
        return vec![general(listener.html(&body))];
    }
    if body.len() > MAX_BODY {
        return vec![general(format!(
            "the service explains itself in {} bytes, too many to read",
            body.len()
        ))];
    }
    let mut complaints = match understood(&body, &answer.content_type, format) {
        Some(tree) => listener.hear(&tree),
        None => listener.plain(&body).map(general).into_iter().collect(),
    };
    complaints.truncate(MAX_COMPLAINTS);
    complaints
}

fn general(message: String) -> Complaint {
    Complaint { field: None, message, code: None }
}

/// The answer as a tree, if it is one: JSON whatever it is called, JSV where that may be.
fn understood(body: &str, content_type: &str, format: FormatWord) -> Option<Value> {
    if !body.starts_with(['{', '[', '"']) {
        return None;
    }
    let jsv = named_format(content_type).unwrap_or(format) == FormatWord::Jsv;
    let json = read_any(body.as_bytes(), FormatWord::Json).ok();
    json.or_else(|| read_any(body.as_bytes(), FormatWord::Jsv).ok().filter(|_| jsv))
}

/// Turns the parts of an answer into complaints.
struct Listener<'l> {
    errors: &'l ErrorsFile,
    secrets: &'l [&'l str],
}

impl Listener<'_> {
    fn hear(&self, tree: &Value) -> Vec<Complaint> {
        let mut heard = Vec::new();
        for list in &self.errors.lists {
            at(tree, &list.at).into_iter().for_each(|value| self.listed(value, list, &mut heard));
        }
        for path in &self.errors.maps {
            at(tree, path).into_iter().for_each(|value| self.by_field(value, path, "", &mut heard));
        }
        let code =
            self.errors.codes.iter().filter_map(|path| at(tree, path)).find_map(|value| self.name(value));
        let mut complaints = self.sentences_at(tree);
        // the sentence about the whole often repeats the first one about a field
        complaints.retain(|complaint| heard.iter().all(|other| other.message != complaint.message));
        let bare = if complaints.is_empty() { &mut heard } else { &mut complaints };
        for complaint in bare.iter_mut().filter(|complaint| complaint.code.is_none()) {
            complaint.code.clone_from(&code);
        }
        complaints.append(&mut heard);
        if complaints.is_empty() {
            complaints.extend(self.otherwise(tree, code));
        }
        complaints
    }

    /// Sentences that are not about a field.
    fn sentences_at(&self, tree: &Value) -> Vec<Complaint> {
        let mut complaints: Vec<Complaint> = Vec::new();
        for value in self.errors.messages.iter().filter_map(|path| at(tree, path)) {
            for message in self.sentences(value) {
                if complaints.iter().all(|other| other.message != message) {
                    complaints.push(general(message));
                }
            }
        }
        complaints
    }

    /// An answer that is nothing like what was described.
    fn otherwise(&self, tree: &Value, code: Option<String>) -> Vec<Complaint> {
        let said = self.sentences(tree);
        if !said.is_empty() {
            return said.into_iter().map(general).collect();
        }
        if let Value::List(items) = tree {
            let list = ErrorListFile { at: String::new(), field: "field".into(), message: "message".into() };
            let mut heard = Vec::new();
            items.iter().for_each(|item| self.one(item, &list, &mut heard));
            return heard;
        }
        let message = match &code {
            Some(code) => Some(format!("the service answered with the code {code}")),
            None => self.described(tree),
        };
        message.into_iter().map(|message| Complaint { code: code.clone(), ..general(message) }).collect()
    }

    fn listed(&self, value: &Value, list: &ErrorListFile, heard: &mut Vec<Complaint>) {
        match value {
            Value::List(items) => items.iter().for_each(|item| self.one(item, list, heard)),
            Value::Map(_) => self.by_field(value, &list.at, "", heard),
            other => heard.extend(self.sentence(other).map(general)),
        }
    }

    fn one(&self, item: &Value, list: &ErrorListFile, heard: &mut Vec<Complaint>) {
        if !matches!(item, Value::Map(_)) {
            heard.extend(self.sentences(item).into_iter().map(general));
            return;
        }
        let said = at(item, &list.message).map(|value| self.sentences(value).join("; "));
        let Some(message) = said.filter(|said| !said.is_empty()).or_else(|| self.described(item)) else {
            return;
        };
        let field = at(item, &list.field).and_then(|value| self.name(value));
        let codes = self.errors.codes.iter().filter_map(|path| path.rsplit('.').next());
        let code = codes.filter_map(|name| at(item, name)).find_map(|value| self.name(value));
        heard.push(Complaint { field, message, code });
    }

    /// From field names to sentences, lists of sentences, or more field names.
    fn by_field(&self, value: &Value, path: &str, above: &str, heard: &mut Vec<Complaint>) {
        let Value::Map(entries) = value else {
            heard.extend(self.sentences(value).into_iter().map(general));
            return;
        };
        let outermost = path.is_empty() && above.is_empty();
        for (key, value) in entries.iter().filter(|(key, _)| !is_trace(key)) {
            if heard.len() >= MAX_COMPLAINTS || (outermost && self.is_about_all(key)) {
                continue;
            }
            let field = if above.is_empty() { key.to_string() } else { format!("{above}.{key}") };
            match value {
                Value::Map(_) => self.by_field(value, path, &field, heard),
                Value::List(items) if items.iter().any(|item| matches!(item, Value::Map(_))) => {
                    for (index, item) in items.iter().enumerate() {
                        self.by_field(item, path, &format!("{field}[{index}]"), heard);
                    }
                }
                Value::Text(_) | Value::List(_) => {
                    let field = Some(self.clean(&field, MAX_NAME));
                    let said = self.sentences(value).into_iter();
                    heard.extend(said.map(|message| Complaint { field: field.clone(), ..general(message) }));
                }
                // a number or a flag beside the fields says nothing about one
                _ => {}
            }
        }
    }

    /// Whether a member at the top of an answer has a meaning of its own.
    fn is_about_all(&self, key: &str) -> bool {
        let lists = self.errors.lists.iter().map(|list| &list.at);
        let paths =
            self.errors.messages.iter().chain(&self.errors.codes).chain(lists).chain(&self.errors.maps);
        paths.filter_map(|path| path.split('.').next()).any(|head| head.eq_ignore_ascii_case(key))
    }

    fn sentences(&self, value: &Value) -> Vec<String> {
        match value {
            Value::List(items) => {
                items.iter().take(MAX_COMPLAINTS).filter_map(|item| self.sentence(item)).collect()
            }
            other => self.sentence(other).into_iter().collect(),
        }
    }

    fn sentence(&self, value: &Value) -> Option<String> {
        text_of(value).map(|text| self.clean(&text, MAX_MESSAGE)).filter(|text| !text.is_empty())
    }

    fn name(&self, value: &Value) -> Option<String> {
        text_of(value).map(|text| self.clean(&text, MAX_NAME)).filter(|text| !text.is_empty())
    }

    /// The leaves of an answer of unknown shape, with their names.
    fn described(&self, tree: &Value) -> Option<String> {
        let mut leaves = Vec::new();
        gather(tree, "", &mut leaves);
        let told: Vec<String> = leaves.iter().take(8).map(|(name, text)| format!("{name}: {text}")).collect();
        Some(self.clean(&told.join("; "), MAX_MESSAGE)).filter(|text| !text.is_empty())
    }

    /// The first line of a text.
    fn plain(&self, body: &str) -> Option<String> {
        if body.starts_with(['{', '[', '<']) {
            return Some("the service explains itself in a form that cannot be read".to_owned());
        }
        let seen = blot(body, self.secrets);
        let line = without_trace(&seen).lines().map(str::trim).find(|line| !line.is_empty())?;
        Some(tidy(line, MAX_MESSAGE))
    }

    fn html(&self, body: &str) -> String {
        let lower = body.to_ascii_lowercase();
        let title = || {
            let start = lower.find("<title")?;
            let start = start + lower.get(start..)?.find('>')? + 1;
            let end = start + lower.get(start..)?.find('<')?;
            Some(self.clean(body.get(start..end)?, MAX_NAME)).filter(|title| !title.is_empty())
        };
        match title() {
            Some(title) => format!("the service answered with an HTML page, `{title}`"),
            None => "the service answered with an HTML page".to_owned(),
        }
    }

    fn clean(&self, text: &str, max: usize) -> String {
        tidy(without_trace(&blot(text, self.secrets)), max)
    }
}

/// What stands at a dotted path, whatever the case of its names; the empty path is the tree itself.
fn at<'v>(tree: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(tree);
    }
    path.split('.').try_fold(tree, |value, name| match value {
        Value::Map(entries) => entries
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name) && !is_trace(key))
            .map(|(_, value)| value),
        _ => None,
    })
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Number(text) => Some(text.to_string()),
        Value::Decimal(number) => Some(number.to_string()),
        Value::Flag(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn gather(tree: &Value, name: &str, leaves: &mut Vec<(String, String)>) {
    if leaves.len() >= MAX_COMPLAINTS {
        return;
    }
    match tree {
        Value::Map(entries) => {
            for (key, value) in entries.iter().filter(|(key, _)| !is_trace(key)) {
                let name = if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
                gather(value, &name, leaves);
            }
        }
        Value::List(items) => items.iter().for_each(|item| gather(item, name, leaves)),
        leaf => {
            leaves.extend(text_of(leaf).filter(|text| !text.is_empty()).map(|text| (name.to_owned(), text)));
        }
    }
}

/// Whether a member holds a stack trace, which may hold the whole request.
fn is_trace(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    let plain = plain.to_ascii_lowercase();
    plain.contains("stacktrace") || plain.contains("traceback")
}

/// The text before the first frame of a stack trace.
fn without_trace(text: &str) -> &str {
    let mut end = text.find("   at ").unwrap_or(text.len());
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_start();
        let frame = (body.starts_with("at ") && body.contains('('))
            || body.starts_with("Traceback (")
            || body.starts_with("--- End of");
        if frame {
            end = end.min(start);
            break;
        }
        start += line.len();
    }
    text.get(..end).unwrap_or_default()
}

/// One line of at most `max` characters, without anything that could drive a terminal or turn a text around.
pub(super) fn tidy(text: &str, max: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || is_unseen(c)).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max {
        return line;
    }
    line.chars().take(max - 1).chain(['…']).collect()
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` with every known secret replaced by `•••`, in upper or lower case, also where it stands as JSON, JSV
/// or a URL would write it. One of fewer than three characters counts only where it stands as a word.
pub fn blot(text: &str, secrets: &[&str]) -> String {
    let lower = text.to_ascii_lowercase();
    let mut seen: Vec<Range<usize>> = Vec::new();
    for secret in secrets.iter().filter(|secret| !secret.trim().is_empty()) {
        for form in forms(&secret.to_ascii_lowercase()) {
            let short = form.chars().count() < 3;
            let found = lower.match_indices(&form).map(|(start, found)| start..start + found.len());
            seen.extend(found.filter(|range| !short || is_word(text, range)));
        }
    }
    seen.sort_by_key(|range| (range.start, range.end));
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for range in seen {
        if range.start >= from {
            out.push_str(text.get(from..range.start).unwrap_or_default());
            out.push_str(BLOT);
        }
        from = from.max(range.end);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// The ways in which a text may be echoed, each once.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.get(1..json.len() - 1).unwrap_or_default();
    let mut forms = vec![
        secret.to_owned(),
        json.to_owned(),
        secret.replace('"', "\"\""),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string().to_ascii_lowercase(),
    ];
    forms.dedup();
    forms
}

fn is_word(text: &str, range: &Range<usize>) -> bool {
    let before = text.get(..range.start).and_then(|text| text.chars().next_back());
    let after = text.get(range.end..).and_then(|text| text.chars().next());
    let part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !part(before) && !part(after)
}
