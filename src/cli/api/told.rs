//! How well a description fits, for people: a heading with the verdict, then one section for each sort of finding.
//!
//! Names come from a service, so each line is cleaned. Deliberately absent: values; there are none in a [`Fit`]
//! but ids and choices that the description calls open.

use super::fit::{Fit, KeyFit, Missing};
use crate::report::clean::{count, line};

/// What live objects say about a description, for people.
pub fn text(fit: &Fit) -> String {
    let verdict = match (fit.objects, fit.is_good()) {
        (0, _) => "nothing to hold the description against",
        (_, true) => "the description fits",
        (_, false) => "the description does not fit",
    };
    let mut text = format!("{}: {} looked at, {verdict}\n", fit.kind, count(fit.objects, "object"));
    let mut section = |title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            text.push_str(&format!("  {title}\n"));
            rows.iter().for_each(|row| text.push_str(&format!("    {}\n", line(row))));
        }
    };
    let of = |objects: usize| format!("in {objects} of {}", fit.objects);
    section("not described", fit.missing.iter().map(|one| missing(one, &of(one.objects))).collect());
    let mistyped = fit.mistyped.iter().map(|one| {
        let came = list(&one.came);
        format!(
            "{}: described as {}, came as {came}; {} ({})",
            one.path,
            one.described,
            one.message,
            of(one.objects)
        )
    });
    section("not as described", mistyped.collect());
    let unlisted = fit.unlisted.iter().map(|one| {
        let open = if one.open { ", which the description allows" } else { "" };
        let values = if one.values.is_empty() { String::new() } else { format!(" ({})", list(&one.values)) };
        format!("{}: values that are not listed{values} {}{open}", one.path, of(one.objects))
    });
    section("choices", unlisted.collect());
    section("described, but never came", fit.never_came.clone());
    section("described, but only ever null", fit.only_null.clone());
    section("identity", identity(fit));
    let lists = fit.lists.iter().map(|one| match one.unique {
        true => format!("{}: told apart by {} {}", one.path, one.told_apart, of(one.objects)),
        false => {
            format!("{}: {} does not tell the items apart {}", one.path, one.told_apart, of(one.ambiguous))
        }
    });
    section("lists", lists.collect());
    text
}

fn missing(one: &Missing, of: &str) -> String {
    format!("{}: {}, perhaps `type: {}` ({of})", one.path, list(&one.came), one.suggested)
}

fn list<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
    words.join(", ")
}

fn identity(fit: &Fit) -> Vec<String> {
    let mut rows = Vec::new();
    if fit.without_id > 0 {
        rows.push(format!("{} without an id", count(fit.without_id, "object")));
    }
    if let Some(KeyFit { fields, unique, shared, absent }) = &fit.natural_key {
        let fields = fields.join(", ");
        match unique {
            true => rows.push(format!("natural key ({fields}): no two objects share it")),
            false => {
                let groups: Vec<String> = shared.iter().map(|ids| ids.join(" and ")).collect();
                rows.push(format!("natural key ({fields}): shared by {}", groups.join("; by ")));
            }
        }
        if *absent > 0 {
            rows.push(format!("natural key ({fields}): not complete in {}", count(*absent, "object")));
        }
    }
    rows
}
