//! JUnit: a test case for each object, which fails where the object is refused, faulty or not written.
//!
//! Suites are files, so that a reader finds the document. What is about no object is a case of its own when
//! it is an error. The dialect is the common one of Jenkins, GitLab and GitHub's report actions.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::markup::escape_markup;
use super::plan_report::{DiagnosticView, SeverityView};
use super::sarif::format_sentence;
use super::view_model::{ViewEntry, ViewEntryStatus, ViewModel};

/// A test case.
struct JunitCase {
    name: String,
    class: String,
    /// The file of its suite.
    file: String,
    line: Option<usize>,
    /// Why it failed: the code of the first reason, and all of them.
    failure: Option<(String, String)>,
    skipped: bool,
}

/// The report as JUnit XML.
pub fn render_junit(view: &ViewModel) -> String {
    let remarks = view.diagnostics.iter().filter(|finding| finding.severity == SeverityView::Error);
    let cases = view.entries.iter().map(|entry| build_case(view, entry));
    let mut suites: BTreeMap<String, Vec<JunitCase>> = BTreeMap::new();
    for case in cases.chain(remarks.map(|finding| build_diagnostic_case(view, finding))) {
        suites.entry(case.file.clone()).or_default().push(case);
    }
    let all = || suites.values().flatten();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites name=\"trueup {}\" {}>", view.title, format_counts(all()));
    for (file, cases) in &suites {
        let _ =
            writeln!(xml, "  <testsuite name=\"{}\" {}>", escape_markup(file), format_counts(cases.iter()));
        cases.iter().for_each(|case| write_case(&mut xml, case));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn format_counts<'c>(cases: impl Iterator<Item = &'c JunitCase> + Clone) -> String {
    let (all, failed) = (cases.clone().count(), cases.clone().filter(|case| case.failure.is_some()).count());
    let skipped = cases.filter(|case| case.skipped).count();
    format!("tests=\"{all}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\"")
}

fn build_case(view: &ViewModel, entry: &ViewEntry) -> JunitCase {
    let object = entry.object;
    let at =
        if object.target.is_empty() { String::new() } else { format!(" at {}", object.describe_target()) };
    JunitCase {
        name: format!("{}{at}", object.name),
        class: object.kind.clone(),
        file: view.resolve_file(&object.file),
        line: Some(object.line),
        failure: entry.status.is_failure().then(|| collect_reasons(view, entry)),
        skipped: entry.status == ViewEntryStatus::NotStarted,
    }
}

fn collect_reasons(view: &ViewModel, entry: &ViewEntry) -> (String, String) {
    let code = entry.diagnostics.first().map_or(entry.label, |finding| &*finding.code);
    let lines: Vec<_> =
        entry.diagnostics.iter().map(|finding| format_diagnostic(view, finding, Some(entry))).collect();
    let lines = if lines.is_empty() { vec![entry.label.to_owned()] } else { lines };
    (code.to_owned(), lines.join("\n"))
}

/// A finding that is about no object.
fn build_diagnostic_case(view: &ViewModel, finding: &DiagnosticView) -> JunitCase {
    let location = view.locate_diagnostic(finding, None);
    JunitCase {
        name: finding.code.clone(),
        class: "workspace".to_owned(),
        file: location.as_ref().map_or("workspace".to_owned(), |location| location.file.clone()),
        line: location.and_then(|location| location.line),
        failure: Some((finding.code.clone(), format_diagnostic(view, finding, None))),
        skipped: false,
    }
}

/// `config/a.yaml:3:5: error[code]: what is wrong`
fn format_diagnostic(view: &ViewModel, finding: &DiagnosticView, entry: Option<&ViewEntry>) -> String {
    let place =
        view.locate_diagnostic(finding, entry).map_or(String::new(), |location| format!("{location}: "));
    let (weight, code) = (finding.severity.as_str(), &finding.code);
    format!("{place}{weight}[{code}]: {}", format_sentence(finding, None))
}

fn write_case(xml: &mut String, case: &JunitCase) {
    let line = case.line.map_or(String::new(), |line| format!(" line=\"{line}\""));
    let (name, class, file) =
        (escape_markup(&case.name), escape_markup(&case.class), escape_markup(&case.file));
    let _ = write!(xml, "    <testcase name=\"{name}\" classname=\"{class}\" file=\"{file}\"{line}");
    match &case.failure {
        Some((code, lines)) => {
            let first = lines.lines().next().unwrap_or_default();
            let _ = write!(
                xml,
                ">\n      <failure type=\"{}\" message=\"{}\">",
                escape_markup(code),
                escape_markup(first)
            );
            let lines: Vec<_> = lines.lines().map(escape_markup).collect();
            let _ = writeln!(xml, "{}</failure>\n    </testcase>", lines.join("\n"));
        }
        None if case.skipped => xml.push_str("><skipped/></testcase>\n"),
        None => xml.push_str("/>\n"),
    }
}
