//! JUnit: a test case for each object, which fails where the object is refused, faulty or not written.
//!
//! Suites are files, so that a reader finds the document. What is about no object is a case of its own when
//! it is an error. The dialect is the common one of Jenkins, GitLab and GitHub's report actions.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::markup::escape;
use super::sarif::sentence;
use super::sheet::{Entry, Sheet, Tone};
use super::shown::{Finding, Weight};

/// A test case.
struct Case {
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
pub fn junit(sheet: &Sheet) -> String {
    let remarks = sheet.remarks.iter().filter(|finding| finding.severity == Weight::Error);
    let cases = sheet.entries.iter().map(|entry| case(sheet, entry));
    let mut suites: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in cases.chain(remarks.map(|finding| faulty(sheet, finding))) {
        suites.entry(case.file.clone()).or_default().push(case);
    }
    let all = || suites.values().flatten();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites name=\"trueup {}\" {}>", sheet.title, numbers(all()));
    for (file, cases) in &suites {
        let _ = writeln!(xml, "  <testsuite name=\"{}\" {}>", escape(file), numbers(cases.iter()));
        cases.iter().for_each(|case| write_case(&mut xml, case));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn numbers<'c>(cases: impl Iterator<Item = &'c Case> + Clone) -> String {
    let (all, failed) = (cases.clone().count(), cases.clone().filter(|case| case.failure.is_some()).count());
    let skipped = cases.filter(|case| case.skipped).count();
    format!("tests=\"{all}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\"")
}

fn case(sheet: &Sheet, entry: &Entry) -> Case {
    let object = entry.object;
    let at = if object.target.is_empty() { String::new() } else { format!(" at {}", object.target) };
    Case {
        name: format!("{}{at}", object.name),
        class: object.kind.clone(),
        file: sheet.file(&object.file),
        line: Some(object.line),
        failure: entry.tone.is_bad().then(|| reasons(sheet, entry)),
        skipped: entry.tone == Tone::NotStarted,
    }
}

fn reasons(sheet: &Sheet, entry: &Entry) -> (String, String) {
    let code = entry.findings.first().map_or(entry.word, |finding| &*finding.code);
    let lines: Vec<_> = entry.findings.iter().map(|finding| told(sheet, finding, Some(entry))).collect();
    let lines = if lines.is_empty() { vec![entry.word.to_owned()] } else { lines };
    (code.to_owned(), lines.join("\n"))
}

/// A finding that is about no object.
fn faulty(sheet: &Sheet, finding: &Finding) -> Case {
    let spot = sheet.place(finding, None);
    Case {
        name: finding.code.clone(),
        class: "workspace".to_owned(),
        file: spot.as_ref().map_or("workspace".to_owned(), |spot| spot.file.clone()),
        line: spot.and_then(|spot| spot.line),
        failure: Some((finding.code.clone(), told(sheet, finding, None))),
        skipped: false,
    }
}

/// `config/a.yaml:3:5: error[code]: what is wrong`
fn told(sheet: &Sheet, finding: &Finding, entry: Option<&Entry>) -> String {
    let place = sheet.place(finding, entry).map_or(String::new(), |spot| format!("{spot}: "));
    let (weight, code) = (finding.severity.word(), &finding.code);
    format!("{place}{weight}[{code}]: {}", sentence(finding, None))
}

fn write_case(xml: &mut String, case: &Case) {
    let line = case.line.map_or(String::new(), |line| format!(" line=\"{line}\""));
    let (name, class, file) = (escape(&case.name), escape(&case.class), escape(&case.file));
    let _ = write!(xml, "    <testcase name=\"{name}\" classname=\"{class}\" file=\"{file}\"{line}");
    match &case.failure {
        Some((code, lines)) => {
            let first = lines.lines().next().unwrap_or_default();
            let _ = write!(xml, ">\n      <failure type=\"{}\" message=\"{}\">", escape(code), escape(first));
            let lines: Vec<_> = lines.lines().map(escape).collect();
            let _ = writeln!(xml, "{}</failure>\n    </testcase>", lines.join("\n"));
        }
        None if case.skipped => xml.push_str("><skipped/></testcase>\n"),
        None => xml.push_str("/>\n"),
    }
}
