//! A page as sections with what is to be run, and what a command prints compared with what the page shows.
//!
//! - A `sh` block is a script: each of its lines ends with exit code 0.
//! - A `console` block holds commands behind `$ `, what they print, and an exit code as a comment. `...` is any
//!   number of lines, and `[..]` any part of a line.
//! - A `yaml` block that begins with `# PATH` is a file.
//! - A comment that begins with `situation` holds what happened before: directives and commands.
//! - A block below the comment `not run: REASON` is not run.

use std::fs;

/// A section of a page; the title of what is above the first one is empty.
pub struct PageSection {
    pub title: String,
    pub steps: Vec<PageStep>,
}

/// What happens in a section, in its order.
pub enum PageStep {
    /// What happened before, in a comment.
    Situation(Vec<String>),
    Script(PageScript),
    Command(ShownCommand),
    File(PageFile),
}

/// A block of commands without output.
pub struct PageScript {
    pub text: String,
    pub line: usize,
}

/// A file that the page shows whole.
pub struct PageFile {
    pub path: String,
    pub text: String,
}

/// A command, and what the page says of it.
pub struct ShownCommand {
    pub text: String,
    pub line: usize,
    pub output: Vec<String>,
    pub code: i32,
}

/// The sections of a page that hold something to run.
pub fn read_page(path: &str) -> Vec<PageSection> {
    let text = fs::read_to_string(path).expect("the page");
    let mut sections = vec![PageSection { title: String::new(), steps: Vec::new() }];
    let mut is_skipped = false;
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let end = match line {
            "<!-- situation" => "-->",
            line if line.starts_with("```") => "```",
            line => {
                is_skipped = line.starts_with("<!-- not run: ");
                if let Some(title) = line.strip_prefix("## ") {
                    sections.push(PageSection { title: title.to_owned(), steps: Vec::new() });
                }
                continue;
            }
        };
        let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != end).collect();
        if !std::mem::take(&mut is_skipped) {
            let section = sections.last_mut().expect("the first section");
            section.steps.extend(read_block(line, index + 2, &body));
        }
    }
    sections.retain(|section| !section.steps.is_empty());
    sections
}

/// What a block asks for; `number` is the number of its first line.
fn read_block(start: &str, number: usize, body: &[&str]) -> Vec<PageStep> {
    match start {
        "<!-- situation" => vec![PageStep::Situation(body.iter().map(|line| (*line).to_owned()).collect())],
        "```sh" => vec![PageStep::Script(PageScript { text: body.join("\n"), line: number })],
        "```yaml" => read_file(body).map(PageStep::File).into_iter().collect(),
        "```console" => read_commands(number, body).into_iter().map(PageStep::Command).collect(),
        _ => Vec::new(),
    }
}

/// A file: its first line is `# PATH`, or `# PATH: REMARK`.
fn read_file(body: &[&str]) -> Option<PageFile> {
    let path = body.first()?.strip_prefix("# ")?.split([':', ' ']).next()?;
    let is_path = path.ends_with(".yaml") && !path.contains(['*', '$']);
    is_path.then(|| PageFile { path: path.to_owned(), text: body.join("\n") + "\n" })
}

fn read_commands(number: usize, body: &[&str]) -> Vec<ShownCommand> {
    let mut commands: Vec<ShownCommand> = Vec::new();
    for (line, number) in body.iter().zip(number..) {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(text), _) => commands.push(ShownCommand::read(text, number)),
            (None, Some(command)) => command.output.push((*line).to_owned()),
            (None, None) => panic!("line {number} is output without a command"),
        }
    }
    commands
}

impl ShownCommand {
    /// `COMMAND`, or `COMMAND   # exit code N`.
    fn read(text: &str, line: usize) -> Self {
        let (command, comment) = text.split_once("   # exit code ").unwrap_or((text, "0"));
        let code = comment.trim().parse().unwrap_or_else(|_| panic!("line {line}: {comment}"));
        Self { text: command.trim().to_owned(), line, output: Vec::new(), code }
    }

    /// Compares a run of the command with what the page shows.
    pub fn check(&self, page: &str, code: i32, output: &str) {
        println!("{page}:{}: $ {}\n{output}", self.line, self.text);
        assert_eq!(code, self.code, "exit code, {page}:{}", self.line);
        if let Err(missing) = match_output(&self.output, output) {
            panic!("no line like\n    {missing}\nin the output shown above, {page}:{}", self.line);
        }
    }
}

/// Whether the output has the lines, in this order; else the first one that it lacks.
fn match_output(shown: &[String], output: &str) -> Result<(), String> {
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

/// Whether a line is like what the page shows.
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
