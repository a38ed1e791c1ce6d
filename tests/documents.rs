//! Documents as people write them, right and wrong: what is said, where, and what is never said.

use std::sync::Arc;

use proptest::prelude::*;
use trueup::diagnostic::{Diagnostic, Place, Source};
use trueup::document::{self, Document, Slot, State, Wanted, Wish};
use trueup::kind::registry::Registry;
use trueup::kind::{Shape, Type};
use trueup::report::{Drawing, draw};
use trueup::value::Value;

/// A service with a field of every sort, beside the built-in ones.
fn registry() -> Registry {
    let files = vec![
        ("apis/shop/api.yaml".to_owned(), include_str!("documents/api.yaml").to_owned()),
        ("apis/shop/stall.yaml".to_owned(), include_str!("documents/stall.yaml").to_owned()),
    ];
    let mut faults = Vec::new();
    let registry = Registry::with_workspace(files, &mut faults);
    assert_eq!(lines(&faults), Vec::<String>::new());
    registry
}

/// `line:column code: message (hint)`, one a fault, in order.
fn lines(faults: &[Diagnostic]) -> Vec<String> {
    let mut faults = faults.to_vec();
    trueup::diagnostic::sort(&mut faults);
    faults.iter().map(line).collect()
}

fn line(fault: &Diagnostic) -> String {
    let (line, column) = fault.place.as_ref().map(Place::line_column).unwrap_or_default();
    let also: String = fault
        .also
        .iter()
        .map(|(place, what)| {
            let (line, column) = place.line_column();
            format!(" + {line}:{column} {what}")
        })
        .collect();
    let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{line}:{column} {}: {}{hint}{also}", fault.code, fault.message)
}

fn read(text: &str) -> (Vec<Document>, Vec<Diagnostic>) {
    let source = Source::new("config/a.yaml", text);
    let mut faults = Vec::new();
    let documents = document::read(&source, &registry(), &mut faults);
    (documents, faults)
}

/// A stall with these lines as its spec.
fn stall(spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("kind: shop/stall\nname: one\nid: 5e1f0a77-2c3d-4b4e-8f50-6172839405a6\nspec:\n{spec}")
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    let (_, faults) = read(text);
    assert_eq!(lines(&faults), expected, "of\n{text}");
}

/// The spec starts on line 5, its fields in column 3.
#[track_caller]
fn spec_says(spec: &str, expected: &[&str]) {
    says(&stall(spec), expected);
}

#[test]
fn debug() {
    for text in [
        "kind: shop/stall\nnaem: x\nspec: {}\n",
        "- a\n",
        "kind: shop/stal\nname: x\nspec: {pin: topsecret}\n",
        "kind: shop/stall\nname: ''\nstate: gone\nprotect: yes\nscope: {market: 1, marketId: x}\nid: zz\nspec: []\n",
        "kind: shop/stall\nname: x\nspec: {titel: y}\n",
        "kind: shop/stall\nname: x\nid: 5e1f0a77-2c3d-4b4e-8f50-6172839405a6\nspec: {id: 6e1f0a77-2c3d-4b4e-8f50-6172839405a6}\n",
    ] {
        let (_, faults) = read(text);
        println!("{text}=> {:#?}", lines(&faults));
        println!("{}", draw(&faults, &Drawing::default()));
    }
    for spec in [
        "title: null\nnote:\nopen: 'x'\nrank: 1.5\nrent: 1,5\nsince: 2026-02-30\nseen: 2026-01-01T00:00:00Z\nmarketId: 4\nuntil: x\nsort: fod\ncolour: rde\n",
        "pin: topsecret\nowner: {from_env: X-Y}\nsalary: abc\nextra: {from_env: [1]}\nplace: {row: 5, door: topsecret}\nrank: {from_env: R}\nrent: []\n",
        "hooks: {opned: topsecret, closed: ~}\nlabels: [a]\nwords: [a, b, a, ~]\nsteps: [1, x, 1]\ngoods: [{code: a}, {code: A}, {size: 1}, x, {code: b, size: 1.0}, {code: B, size: 1}]\n",
    ] {
        let (_, faults) = read(&stall(spec));
        println!("{spec}=> {:#?}", lines(&faults));
        println!("{}", draw(&faults, &Drawing::default()));
    }
}
