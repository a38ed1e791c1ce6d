//! A report as a comment on a pull request: the table of kinds and actions first, then the details, folded.
//!
//! Objects that change alike are reported once. The text never grows beyond a number of bytes; details are then
//! left out from the last one on, and that is said. What comes from outside stands in code, or word by word
//! in code where it could be read as a link or a mention, so it is shown and never obeyed.
//! Deliberately absent: posting. The marker in the first line lets whoever posts find the comment again.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::markup::escape_markup;
use super::object_name::spans_environments;
use super::plan_report::DiagnosticView;
use super::sanitize::{self, format_count, group_digits};
use super::styled_text::strip_styles;
use super::view_model::{ViewEntry, ViewEntryStatus, ViewModel};

/// The most characters of a comment on GitHub. Counted in bytes here, which are never fewer.
pub const MAX_COMMENT_BYTES: usize = 65_536;
/// The most bytes of a step summary on GitHub.
pub const MAX_STEP_SUMMARY_BYTES: usize = 1 << 20;
/// What is kept free for saying that something was left out.
const RESERVED_BYTES: usize = 400;
/// The most bytes of the changes of one object, or of objects alike.
const MAX_CHANGE_BYTES: usize = 12_000;
/// The most characters of a name, and of a sentence.
const MAX_NAME_CHARACTERS: usize = 80;
const MAX_SENTENCE_CHARACTERS: usize = 600;
/// The most bytes of the names in one row of the table, and above the details of objects alike.
const MAX_ROW_NAME_BYTES: usize = 400;
const MAX_GROUP_NAME_BYTES: usize = 2_000;

/// The report in at most `most` bytes, of which at least some thousand are needed.
pub fn render_markdown(view: &ViewModel, most: usize) -> String {
    let mut page =
        format!("<!-- trueup:{} -->\n### trueup {}: {}\n", view.title, view.title, view.format_headline());
    if let Some(selection) = &view.selection {
        let _ = writeln!(page, "\nSelection: {}", render_prose(selection));
    }
    if !view.complete {
        page.push_str("\n**This plan is incomplete: some live state could not be read.**\n");
    }
    write_table(&mut page, view, most / 4);
    write_diagnostics(&mut page, view, most / 2);
    if let Some(effort) = &view.request_summary {
        let _ = writeln!(page, "\n{}", render_prose(effort));
    }
    write_details(&mut page, view, most);
    page
}

/// Kind, action, number and names, while there is room.
fn write_table(page: &mut String, view: &ViewModel, most: usize) {
    let mut rows: BTreeMap<(&str, ViewEntryStatus, &str), Vec<Cow<str>>> = BTreeMap::new();
    let entries = view.entries.iter().filter(|entry| entry.status != ViewEntryStatus::Unchanged);
    let is_long = spans_environments(entries.clone().map(|entry| entry.object));
    for entry in entries {
        let row = (&*entry.object.kind, entry.status, entry.label);
        rows.entry(row).or_default().push(entry.object.describe_name(is_long));
    }
    if rows.is_empty() {
        return;
    }
    page.push_str("\n| kind | action | number | objects |\n| --- | --- | ---: | --- |\n");
    for (at, ((kind, _, word), names)) in rows.iter().enumerate() {
        let row = format!(
            "| {} | {word} | {} | {} |\n",
            render_cell(kind),
            group_digits(names.len()),
            join_names(names, MAX_ROW_NAME_BYTES, &render_cell)
        );
        if page.len() + row.len() > most {
            let _ = writeln!(page, "| and {} | | | |", format_count(rows.len() - at, "more row"));
            return;
        }
        page.push_str(&row);
    }
}

/// What is not about one object, while there is room.
fn write_diagnostics(page: &mut String, view: &ViewModel, most: usize) {
    let mut remarks = view.diagnostics.clone();
    remarks.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    if !remarks.is_empty() {
        page.push('\n');
    }
    for (at, finding) in remarks.iter().enumerate() {
        let item = render_diagnostic(view, finding);
        if page.len() + item.len() > most {
            let _ = writeln!(page, "- and {}", format_count(remarks.len() - at, "more finding"));
            return;
        }
        page.push_str(&item);
    }
}

/// Objects about which the same is to be said.
struct ViewEntryGroup<'s, 'r> {
    entries: Vec<&'s ViewEntry<'r>>,
    diagnostics: String,
    changes: String,
}

/// The details of every object of which there are any; those that went wrong first.
fn write_details(page: &mut String, view: &ViewModel, most: usize) {
    let mut groups = group_entries(view);
    groups.sort_by_key(|group| group.entries.first().is_none_or(|entry| !entry.status.is_failure()));
    for (at, group) in groups.iter().enumerate() {
        let block = render_group(group);
        if page.len() + block.len() + RESERVED_BYTES > most {
            let left: usize = groups.iter().skip(at).map(|group| group.entries.len()).sum();
            let _ = write!(
                page,
                "\n**The details of {} are omitted: this page is limited to {} bytes.** The full report is in the output of the run, and in its HTML and JSON reports.\n",
                format_count(left, "object"),
                group_digits(most)
            );
            return;
        }
        page.push_str(&block);
    }
}

/// The entries with something to tell, grouped by what that is, in the order of the first of each group.
fn group_entries<'s, 'r>(view: &'s ViewModel<'r>) -> Vec<ViewEntryGroup<'s, 'r>> {
    let mut groups: Vec<ViewEntryGroup> = Vec::new();
    let mut known: HashMap<(ViewEntryStatus, &str, &str, String, String), usize> = HashMap::new();
    for entry in &view.entries {
        let findings: String =
            entry.diagnostics.iter().map(|finding| render_diagnostic(view, finding)).collect();
        let changes = render_diff_block(&strip_styles(&entry.render_changes()));
        if findings.is_empty() && changes.is_empty() && entry.requests.is_empty() {
            continue;
        }
        let key =
            (entry.status, &*entry.object.kind, &*entry.object.target, findings.clone(), changes.clone());
        let at = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.entries.push(entry),
            None => groups.push(ViewEntryGroup { entries: vec![entry], diagnostics: findings, changes }),
        }
    }
    groups
}

fn render_group(group: &ViewEntryGroup) -> String {
    let Some(first) = group.entries.first() else { return String::new() };
    let named = |text: &str| {
        format!("<code>{}</code>", escape_markup(&sanitize::truncate_line(text, MAX_NAME_CHARACTERS)))
    };
    let (kind, target) = (named(&first.object.kind), named(&first.object.describe_target()));
    let which = match group.entries.len() {
        1 => format!("<b>{}</b>", named(&first.object.name)),
        alike => format!("<b>{alike} identical</b>"),
    };
    let mut block = format!("\n<details><summary>{} {kind} {which} at {target}</summary>\n\n", first.label);
    if group.entries.len() > 1 {
        let names: Vec<&str> = group.entries.iter().map(|entry| &*entry.object.name).collect();
        let _ = writeln!(block, "{}\n", join_names(&names, MAX_GROUP_NAME_BYTES, &render_code));
    }
    block.push_str(&group.diagnostics);
    block.push_str(&group.changes);
    block.push_str(&render_requests(group));
    block.push_str("\n</details>\n");
    block
}

/// The requests of one object in full; of many alike only their number.
fn render_requests(group: &ViewEntryGroup) -> String {
    match group.entries.as_slice() {
        [one] => render_diff_block(&strip_styles(&one.render_requests())),
        many => {
            let number = many.iter().map(|entry| entry.requests.len()).sum::<usize>();
            if number == 0 { String::new() } else { format!("\n{}\n", format_count(number, "request")) }
        }
    }
}

/// A finding as an item of a list.
fn render_diagnostic(view: &ViewModel, finding: &DiagnosticView) -> String {
    let mut item = format!(
        "- **{}** {}: {}",
        finding.severity.as_str(),
        render_code(&finding.code),
        render_prose(&finding.message)
    );
    if let Some(location) = view.locate_diagnostic(finding, None) {
        let _ = write!(item, " ({})", render_code(&location.to_string()));
    }
    if let Some(hint) = &finding.hint {
        let _ = write!(item, "  \n  help: {}", render_prose(hint));
    }
    item.push('\n');
    item
}

/// As many names as fit into `most` bytes, and how many there are beyond them.
fn join_names(names: &[impl AsRef<str>], most: usize, write: &dyn Fn(&str) -> String) -> String {
    let mut list = String::new();
    for (at, name) in names.iter().enumerate() {
        let name = write(name.as_ref());
        if at > 0 && list.len() + name.len() > most {
            let _ = write!(list, " and {} more", group_digits(names.len() - at));
            break;
        }
        let comma = if at == 0 { "" } else { ", " };
        let _ = write!(list, "{comma}{name}");
    }
    list
}

/// Lines in a block that colours those that come and go. The fence is longer than any in the text.
fn render_diff_block(lines: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(find_longest_fence(lines).max(2) + 1);
    let mut block = format!("\n{fence}diff\n");
    for (at, line) in lines.lines().enumerate() {
        // what changes stands as `~` on a terminal; here `!` is what gets a colour
        let line = line.strip_prefix("~ ").map_or_else(|| line.to_owned(), |rest| format!("! {rest}"));
        if block.len() + line.len() > MAX_CHANGE_BYTES {
            let _ = writeln!(block, "… {} omitted", format_count(lines.lines().count() - at, "line"));
            break;
        }
        block.push_str(&line);
        block.push('\n');
    }
    let _ = writeln!(block, "{fence}");
    block
}

/// Text in code, where nothing is a link, a mention or markup.
fn render_code(text: &str) -> String {
    let text = sanitize::escape_line(text);
    let text = sanitize::truncate_line(&text, MAX_NAME_CHARACTERS);
    if text.trim().is_empty() {
        return format!("`{}`", sanitize::quote_line(&text));
    }
    let fence = "`".repeat(find_longest_fence(&text) + 1);
    let blank = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// The same in a cell of a table, where even in code a bar ends the cell.
fn render_cell(text: &str) -> String {
    render_code(&sanitize::escape_line(text).replace('|', "\\u{7c}"))
}

fn find_longest_fence(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A sentence of ours: what stands in backticks there is code here, and so is every word that is more than
/// letters, because a server's words may be in it.
fn render_prose(text: &str) -> String {
    let text = sanitize::escape_line(text);
    let text = sanitize::truncate_line(&text, MAX_SENTENCE_CHARACTERS);
    let mut prose = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            prose.push_str(&render_code(part));
            continue;
        }
        for (at, word) in part.split(' ').enumerate() {
            if at > 0 {
                prose.push(' ');
            }
            match is_plain_word(word) {
                true => prose.push_str(word),
                false => {
                    let bare = word.trim_end_matches([',', ';', '.']);
                    let (bare, end) = if bare.is_empty() { (word, "") } else { word.split_at(bare.len()) };
                    prose.push_str(&render_code(bare));
                    prose.push_str(end);
                }
            }
        }
    }
    prose
}

/// Whether a word cannot be anything but a word: no link, mention, number of an issue, commit or markup.
fn is_plain_word(word: &str) -> bool {
    let inner =
        word.trim_end_matches(['.', ',', ';', ':', '?']).trim_start_matches('(').trim_end_matches(')');
    let numbered = inner.contains('-') && inner.contains(|c: char| c.is_ascii_digit());
    let commit = inner.len() >= 7 && inner.chars().all(|c| c.is_ascii_hexdigit());
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '’' | '\'' | '–' | '…');
    !numbered && !commit && inner.chars().all(plain) && !word.starts_with('-')
}
