//! A report as a comment on a pull request: the table of kinds and actions first, then the details, folded.
//!
//! Objects that change alike are told once. The text never grows beyond a number of bytes; details are then
//! left out from the last one on, and that is said. What comes from outside stands in code, or word by word
//! in code where it could be read as a link or a mention, so it is shown and never obeyed.
//! Deliberately absent: posting. The marker in the first line lets whoever posts find the comment again.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::clean::{self, count, grouped};
use super::markup::escape;
use super::sheet::{Entry, Sheet, Tone};
use super::shown::Finding;

/// The most characters of a comment on GitHub. Counted in bytes here, which are never fewer.
pub const COMMENT: usize = 65_536;
/// The most bytes of a step summary on GitHub.
pub const STEP_SUMMARY: usize = 1 << 20;
/// What is kept free for saying that something was left out.
const RESERVE: usize = 400;
/// The most bytes of the changes of one object, or of objects alike.
const MOST_CHANGES: usize = 12_000;
/// The most characters of a name, and of a sentence.
const MOST_NAME: usize = 80;
const MOST_SENTENCE: usize = 600;
/// The most bytes of the names in one row of the table, and above the details of objects alike.
const MOST_IN_ROW: usize = 400;
const MOST_NAMES: usize = 2_000;

/// The report in at most `most` bytes, of which at least some thousand are needed.
pub fn markdown(sheet: &Sheet, most: usize) -> String {
    let mut page =
        format!("<!-- trueup:{} -->\n### trueup {}: {}\n", sheet.title, sheet.title, sheet.headline());
    if !sheet.complete {
        page.push_str("\n**This plan is incomplete: some live state could not be read.**\n");
    }
    table(&mut page, sheet, most / 4);
    remarks(&mut page, sheet, most / 2);
    if let Some(effort) = &sheet.effort {
        let _ = writeln!(page, "\n{}", prose(effort));
    }
    details(&mut page, sheet, most);
    page
}

/// Kind, action, number and names, while there is room.
fn table(page: &mut String, sheet: &Sheet, most: usize) {
    let mut rows: BTreeMap<(&str, Tone, &str), Vec<&str>> = BTreeMap::new();
    for entry in sheet.entries.iter().filter(|entry| entry.tone != Tone::Calm) {
        let row = (&*entry.object.kind, entry.tone, entry.word);
        rows.entry(row).or_default().push(&entry.object.name);
    }
    if rows.is_empty() {
        return;
    }
    page.push_str("\n| kind | action | number | objects |\n| --- | --- | ---: | --- |\n");
    for (at, ((kind, _, word), names)) in rows.iter().enumerate() {
        let row = format!(
            "| {} | {word} | {} | {} |\n",
            cell(kind),
            grouped(names.len()),
            listed(names, MOST_IN_ROW, &cell)
        );
        if page.len() + row.len() > most {
            let _ = writeln!(page, "| and {} | | | |", count(rows.len() - at, "more row"));
            return;
        }
        page.push_str(&row);
    }
}

/// What is not about one object, while there is room.
fn remarks(page: &mut String, sheet: &Sheet, most: usize) {
    let mut remarks = sheet.remarks.clone();
    remarks.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    if !remarks.is_empty() {
        page.push('\n');
    }
    for (at, finding) in remarks.iter().enumerate() {
        let item = item(sheet, finding);
        if page.len() + item.len() > most {
            let _ = writeln!(page, "- and {}", count(remarks.len() - at, "more finding"));
            return;
        }
        page.push_str(&item);
    }
}

/// Objects about which the same is to be said.
struct Group<'s, 'r> {
    entries: Vec<&'s Entry<'r>>,
    findings: String,
    changes: String,
}

/// The details of every object of which there are any; those that went wrong first.
fn details(page: &mut String, sheet: &Sheet, most: usize) {
    let mut groups = alike(sheet);
    groups.sort_by_key(|group| group.entries.first().is_none_or(|entry| !entry.tone.is_bad()));
    for (at, group) in groups.iter().enumerate() {
        let block = block(group);
        if page.len() + block.len() + RESERVE > most {
            let left: usize = groups.iter().skip(at).map(|group| group.entries.len()).sum();
            let _ = write!(
                page,
                "\n**The details of {} are left out: this page may not grow beyond {} bytes.** \
                 The whole report is in the output of the run, and in its HTML and JSON reports.\n",
                count(left, "object"),
                grouped(most)
            );
            return;
        }
        page.push_str(&block);
    }
}

/// The entries with something to tell, grouped by what that is, in the order of the first of each group.
fn alike<'s, 'r>(sheet: &'s Sheet<'r>) -> Vec<Group<'s, 'r>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<(Tone, &str, &str, String, String), usize> = HashMap::new();
    for entry in &sheet.entries {
        let findings: String = entry.findings.iter().map(|finding| item(sheet, finding)).collect();
        let changes = fence(&plain(&entry.changes()));
        if findings.is_empty() && changes.is_empty() && entry.requests.is_empty() {
            continue;
        }
        let key = (entry.tone, &*entry.object.kind, &*entry.object.target, findings.clone(), changes.clone());
        let at = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.entries.push(entry),
            None => groups.push(Group { entries: vec![entry], findings, changes }),
        }
    }
    groups
}

fn block(group: &Group) -> String {
    let Some(first) = group.entries.first() else { return String::new() };
    let named = |text: &str| format!("<code>{}</code>", escape(&clean::cut(text, MOST_NAME)));
    let (kind, target) = (named(&first.object.kind), named(&first.object.target));
    let which = match group.entries.len() {
        1 => format!("<b>{}</b>", named(&first.object.name)),
        alike => format!("<b>{alike} alike</b>"),
    };
    let mut block = format!("\n<details><summary>{} {kind} {which} at {target}</summary>\n\n", first.word);
    if group.entries.len() > 1 {
        let names: Vec<&str> = group.entries.iter().map(|entry| &*entry.object.name).collect();
        let _ = writeln!(block, "{}\n", listed(&names, MOST_NAMES, &code));
    }
    block.push_str(&group.findings);
    block.push_str(&group.changes);
    block.push_str(&requests(group));
    block.push_str("\n</details>\n");
    block
}

/// The requests of one object in full; of many alike only their number.
fn requests(group: &Group) -> String {
    match group.entries.as_slice() {
        [one] => fence(&plain(&one.sends())),
        many => {
            let number = many.iter().map(|entry| entry.requests.len()).sum::<usize>();
            if number == 0 { String::new() } else { format!("\n{}\n", count(number, "request")) }
        }
    }
}

/// A finding as an item of a list.
fn item(sheet: &Sheet, finding: &Finding) -> String {
    let mut item =
        format!("- **{}** {}: {}", finding.severity.word(), code(&finding.code), prose(&finding.message));
    if let Some(spot) = sheet.place(finding, None) {
        let _ = write!(item, " ({})", code(&spot.to_string()));
    }
    if let Some(hint) = &finding.hint {
        let _ = write!(item, "  \n  help: {}", prose(hint));
    }
    item.push('\n');
    item
}

/// As many names as fit into `most` bytes, and how many there are beyond them.
fn listed(names: &[&str], most: usize, write: &dyn Fn(&str) -> String) -> String {
    let mut list = String::new();
    for (at, name) in names.iter().enumerate() {
        let name = write(name);
        if at > 0 && list.len() + name.len() > most {
            let _ = write!(list, " and {} more", grouped(names.len() - at));
            break;
        }
        let comma = if at == 0 { "" } else { ", " };
        let _ = write!(list, "{comma}{name}");
    }
    list
}

/// Lines in a block that colours those that come and go. The fence is longer than any in the text.
fn fence(lines: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(lines).max(2) + 1);
    let mut block = format!("\n{fence}diff\n");
    for (at, line) in lines.lines().enumerate() {
        // what changes stands as `~` on a terminal; here `!` is what gets a colour
        let line = line.strip_prefix("~ ").map_or_else(|| line.to_owned(), |rest| format!("! {rest}"));
        if block.len() + line.len() > MOST_CHANGES {
            let _ = writeln!(block, "… {} left out", count(lines.lines().count() - at, "line"));
            break;
        }
        block.push_str(&line);
        block.push('\n');
    }
    let _ = writeln!(block, "{fence}");
    block
}

fn plain(styled: &str) -> String {
    anstream::adapter::strip_str(styled).to_string()
}

/// Text in code, where nothing is a link, a mention or markup.
fn code(text: &str) -> String {
    let text = clean::line(text);
    let text = clean::cut(&text, MOST_NAME);
    if text.trim().is_empty() {
        return format!("`{}`", clean::quoted(&text));
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let blank = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// The same in a cell of a table, where even in code a bar ends the cell.
fn cell(text: &str) -> String {
    code(&clean::line(text).replace('|', "\\u{7c}"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A sentence of ours: what stands in backticks there is code here, and so is every word that is more than
/// letters, because a server's words may be in it.
fn prose(text: &str) -> String {
    let text = clean::line(text);
    let text = clean::cut(&text, MOST_SENTENCE);
    let mut prose = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            prose.push_str(&code(part));
            continue;
        }
        for (at, word) in part.split(' ').enumerate() {
            if at > 0 {
                prose.push(' ');
            }
            match is_word(word) {
                true => prose.push_str(word),
                false => {
                    let bare = word.trim_end_matches([',', ';', '.']);
                    let (bare, end) = if bare.is_empty() { (word, "") } else { word.split_at(bare.len()) };
                    prose.push_str(&code(bare));
                    prose.push_str(end);
                }
            }
        }
    }
    prose
}

/// Whether a word cannot be anything but a word: no link, mention, number of an issue, commit or markup.
fn is_word(word: &str) -> bool {
    let inner =
        word.trim_end_matches(['.', ',', ';', ':', '?']).trim_start_matches('(').trim_end_matches(')');
    let numbered = inner.contains('-') && inner.contains(|c: char| c.is_ascii_digit());
    let commit = inner.len() >= 7 && inner.chars().all(|c| c.is_ascii_hexdigit());
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '’' | '\'' | '–' | '…');
    !numbered && !commit && inner.chars().all(plain) && !word.starts_with('-')
}
