//! The page as sections with their commands, and what a command prints held against what the page shows.

use std::fs;

/// A section of the page.
pub struct Section {
    pub title: String,
    pub steps: Vec<Step>,
}

/// What happens in a section, in its order.
pub enum Step {
    /// What happened before, in a comment.
    Situation(Vec<String>),
    Command(ShownCommand),
}

/// A command, and what the page says of it.
pub struct ShownCommand {
    pub text: String,
    pub line: usize,
    pub output: Vec<String>,
    pub code: i32,
}

/// Where a line of the page is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Prose,
    Console,
    Situation,
    Other,
}

/// The sections that hold commands.
pub fn read_sections() -> Vec<Section> {
    let text = fs::read_to_string("docs/runbook.md").expect("the page");
    let mut sections: Vec<Section> = Vec::new();
    let mut place = Place::Prose;
    for (number, line) in text.lines().enumerate() {
        let next = find_place(place, line);
        if place == Place::Prose
            && let Some(title) = line.strip_prefix("## ")
        {
            sections.push(Section { title: title.to_owned(), steps: Vec::new() });
        } else if next == place
            && let Some(section) = sections.last_mut()
        {
            add_line(section, place, number + 1, line);
        } else if next == Place::Situation
            && let Some(section) = sections.last_mut()
        {
            section.steps.push(Step::Situation(Vec::new()));
        }
        place = next;
    }
    sections.retain(|section| !section.steps.is_empty());
    sections
}

fn find_place(place: Place, line: &str) -> Place {
    match (place, line) {
        (Place::Prose, "```console") => Place::Console,
        (Place::Prose, "<!-- situation") => Place::Situation,
        (Place::Prose, line) if line.starts_with("```") => Place::Other,
        (Place::Console | Place::Other, "```") | (Place::Situation, "-->") => Place::Prose,
        (place, _) => place,
    }
}

fn add_line(section: &mut Section, place: Place, number: usize, line: &str) {
    match (place, section.steps.last_mut()) {
        (Place::Situation, Some(Step::Situation(lines))) => lines.push(line.to_owned()),
        (Place::Console, _) if line.starts_with("$ ") => {
            section.steps.push(Step::Command(ShownCommand::read(&line[2..], number)));
        }
        (Place::Console, Some(Step::Command(command))) => command.output.push(line.to_owned()),
        _ => {}
    }
}

impl ShownCommand {
    /// `COMMAND`, or `COMMAND   # exit code N`.
    fn read(text: &str, line: usize) -> Self {
        let (command, comment) = text.split_once("   # exit code ").unwrap_or((text, "0"));
        let code = comment.trim().parse().unwrap_or_else(|_| panic!("runbook.md:{line}: {comment}"));
        Self { text: command.trim().to_owned(), line, output: Vec::new(), code }
    }
}

/// Whether the lines stand in the output, in this order; the first one that does not.
pub fn match_output(shown: &[String], output: &str) -> Result<(), String> {
    let mut lines = output.lines();
    let mut anywhere = false;
    for line in shown {
        if line == "..." {
            anywhere = true;
            continue;
        }
        let found = match anywhere {
            true => lines.any(|actual| is_like(line, actual)),
            false => lines.next().is_some_and(|actual| is_like(line, actual)),
        };
        if !found {
            return Err(line.clone());
        }
        anywhere = false;
    }
    match lines.next() {
        Some(rest) if !anywhere && !shown.is_empty() => Err(format!("(the end, but there is: {rest})")),
        _ => Ok(()),
    }
}

/// Whether a line is what the page shows; `[..]` stands for any text.
fn is_like(shown: &str, actual: &str) -> bool {
    let mut parts = shown.split("[..]");
    let Some(mut rest) = actual.trim_end().strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        let found = match index + 1 == parts.len() {
            true => rest.ends_with(part).then(|| rest.len() - part.len()),
            false => rest.find(part),
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn output_is_compared_line_by_line() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(match_output(&shown(&["a", "...", "c [..] d"]), "a\nx\ny\nc 1 d\n").is_ok());
    assert!(match_output(&shown(&["a"]), "a\nb\n").is_err(), "there is more");
    assert!(match_output(&shown(&["...", "c"]), "a\nb\n").is_err(), "there is no such line");
    assert!(match_output(&shown(&["...", "b", "...", "a", "..."]), "a\nb\n").is_err(), "another order");
    assert!(!is_like("a[..]b", "a1b2") && is_like("a[..]b", "ab1b") && !is_like("a", "ab"));
}

#[test]
fn codes_of_the_tables_are_codes_of_the_program() {
    let pages = ["docs/runbook.md", "docs/troubleshooting.md"];
    let page = pages.map(|page| fs::read_to_string(page).expect("a page")).concat();
    let files = walkdir::WalkDir::new("src").into_iter().filter_map(Result::ok);
    let files = files.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "rs"));
    let source: String = files.map(|entry| fs::read_to_string(entry.path()).expect("a source")).collect();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let codes = cells
        .flat_map(|cell| cell.split('`'))
        .filter(|word| word.contains('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    let codes: Vec<&str> = codes.collect();
    assert!(codes.len() > 20, "{codes:?}");
    for code in codes {
        assert!(source.contains(&format!("\"{code}\"")), "the program has no code {code}");
    }
}
