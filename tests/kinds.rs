//! The built-in descriptions, and what the checker says of broken ones.

use trueup::diagnostic::{Diagnostic, Place};
use trueup::kind::registry::Registry;

/// `file:line:column code: message (hint)`, one a line.
fn shown(faults: &[Diagnostic]) -> String {
    let mut lines: Vec<_> = faults.iter().map(line).collect();
    lines.sort_by_key(|(place, text)| (place.clone(), text.clone()));
    lines.into_iter().map(|(_, text)| text + "\n").collect()
}

fn line(fault: &Diagnostic) -> ((String, usize, usize), String) {
    let (line, column) = fault.place.as_ref().map(Place::line_column).unwrap_or_default();
    let path = fault.place.as_ref().map(|place| place.source.path.clone()).unwrap_or_default();
    let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let text = format!("{path}:{line}:{column} {}: {}{hint}", fault.code, fault.message);
    ((path, line, column), text)
}

#[test]
fn the_built_in_descriptions_are_without_fault() {
    assert_eq!(shown(&Registry::builtin().faults()), "");
}

#[test]
fn every_built_in_kind_is_there() {
    let registry = Registry::builtin();
    assert!(!registry.kinds().is_empty());
    for name in registry.kinds() {
        let kind = registry.kind(name);
        assert!(kind.is_some_and(|kind| *kind.name == **name), "{name} cannot be read");
    }
}
