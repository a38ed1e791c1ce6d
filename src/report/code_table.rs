//! The table of diagnostic codes: what each means, an example, and the remedy.
//!
//! `codes.yaml` beside this file holds the texts; `trueup explain CODE` and `docs/reference/diagnostics.md` are made
//! from them. A test in `tests/repo` fails for a code without a text, and for a text without a code.
//! Deliberately absent: the codes of policies, which a workspace chooses.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::diagnostic::NamedSource;
use crate::kind::explain::write_section;
use crate::kind::read::convert_untyped;
use crate::yaml::parse_documents;

const CODES_YAML: &str = include_str!("codes.yaml");

/// All codes, in groups.
pub struct CodeTable {
    groups: Vec<CodeGroup>,
}

/// Codes about one subject.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeGroup {
    pub title: String,
    pub codes: Vec<CodeEntry>,
}

/// What there is to say about a code.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CodeEntry {
    pub code: String,
    /// What it means, in sentences.
    pub meaning: String,
    /// A message, or what causes it.
    pub example: String,
    /// What to do.
    pub remedy: String,
}

impl CodeTable {
    /// The table of this program.
    pub fn load() -> Self {
        // the text is part of the program, and tests read it
        let source = NamedSource::from_static("codes.yaml", CODES_YAML);
        let groups = parse_documents(&source, &mut Vec::new()).first().map(convert_untyped);
        Self { groups: groups.and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default() }
    }

    /// Every code, in the order of the table.
    pub fn iter_codes(&self) -> impl Iterator<Item = &CodeEntry> + Clone {
        self.groups.iter().flat_map(|group| &group.codes)
    }

    /// What there is to say about a code.
    pub fn find_code(&self, code: &str) -> Option<&CodeEntry> {
        self.iter_codes().find(|entry| entry.code == code)
    }

    /// The page of all codes, for `docs/reference`.
    pub fn render_page(&self) -> String {
        let mut page = "# Diagnostics\n\nEach message of trueup has a code, as in `error[unknown-kind]`. \
`trueup explain CODE` shows the text of this page offline; `--format json` gives it to programs. Codes do not \
change. Policies of a workspace have codes of their own.\n"
            .to_owned();
        for group in &self.groups {
            let _ = writeln!(page, "\n## {}", group.title);
            for entry in &group.codes {
                let _ = write!(
                    page,
                    "\n### {}\n\n{}\n\n```text\n{}\n```\n\n{}\n",
                    entry.code,
                    entry.meaning.trim_end(),
                    entry.example.trim_end(),
                    entry.remedy.trim_end()
                );
            }
        }
        page
    }
}

impl CodeEntry {
    /// The text for a terminal of `width` columns.
    pub fn render_text(&self, width: usize) -> String {
        let mut text = format!("CODE:   {}\n", self.code);
        write_section(&mut text, "MEANING", &self.meaning, width);
        text.push_str("\nEXAMPLE:\n");
        for line in self.example.trim_end().lines() {
            let _ = writeln!(text, "    {line}");
        }
        write_section(&mut text, "WHAT TO DO", &self.remedy, width);
        text
    }
}
