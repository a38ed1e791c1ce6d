//! How reports say that they are about a part of the workspace.

use super::plan_report::{PlanReport, SelectionView};
use super::styled_text::{DIM, TextPage, style_text};

impl PlanReport {
    /// Whether the plan is about a part of the workspace.
    pub fn is_narrowed(&self) -> bool {
        self.since.is_some() || self.selection.is_some()
    }

    /// Whether the live state of some selected objects could not be read.
    pub fn lacks_live_state(&self) -> bool {
        !self.unread.is_empty() || !(self.complete || self.is_narrowed())
    }
}

impl SelectionView {
    /// `config/a.yaml --kind depot/crate (12 documents skipped)`
    pub fn describe(&self) -> String {
        let flags = [
            ("--env ", &self.environments),
            ("--target ", &self.targets),
            ("--kind ", &self.kinds),
            ("--name ", &self.names),
            ("--exclude ", &self.exclude),
        ];
        let flags = flags.into_iter().flat_map(|(flag, values)| values.iter().map(move |own| (flag, own)));
        let words: Vec<String> = self
            .paths
            .iter()
            .map(|path| ("", path))
            .chain(flags)
            .map(|(flag, value)| format!("{flag}{}", value.escape_debug()))
            .collect();
        let skipped = match self.skipped {
            0 => String::new(),
            1 => " (1 document skipped)".to_owned(),
            many => format!(" ({many} documents skipped)"),
        };
        format!("{}{skipped}", words.join(" "))
    }
}

/// One line about the selection, before everything else.
pub fn write_selection(page: &mut TextPage, selection: Option<&SelectionView>) {
    let Some(selection) = selection else { return };
    page.write_wrapped(0, 2, &[style_text(DIM, format!("Selection: {}", selection.describe()))]);
    page.write_gap();
}
