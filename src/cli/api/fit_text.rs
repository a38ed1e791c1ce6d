//! How well a description fits, for people: a heading with the verdict, then one section for each sort of finding.
//!
//! Names come from a service, so each line is cleaned. Deliberately absent: values; there are none in a [`FitReport`]
//! but ids and choices that the description calls open.

use super::fit::{FitReport, KeyFit, PagingFit, UndescribedMember};
use crate::report::sanitize::{escape_line, format_count};

/// What live objects say about a description, for people.
pub fn render_fit(fit: &FitReport) -> String {
    let verdict = match (fit.objects, fit.is_good()) {
        (0, _) => "no objects to compare the description with",
        (_, true) => "the description matches",
        (_, false) => "the description does not match",
    };
    let mut text = format!("{}: {} checked, {verdict}\n", fit.kind, format_count(fit.objects, "object"));
    let mut section = |title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            text.push_str(&format!("  {title}\n"));
            rows.iter().for_each(|row| text.push_str(&format!("    {}\n", escape_line(row))));
        }
    };
    let of = |objects: usize| format!("in {objects} of {}", fit.objects);
    section(
        "not described",
        fit.missing.iter().map(|one| render_undescribed_member(one, &of(one.objects))).collect(),
    );
    let mistyped = fit.mistyped.iter().map(|one| {
        let came = join_words(&one.actual_types);
        format!(
            "{}: described as {}, returned as {came}; {} ({})",
            one.path,
            one.described,
            one.message,
            of(one.objects)
        )
    });
    section("not as described", mistyped.collect());
    let unlisted = fit.unlisted.iter().map(|one| {
        let open = if one.open { ", which the description allows" } else { "" };
        let values =
            if one.values.is_empty() { String::new() } else { format!(" ({})", join_words(&one.values)) };
        format!("{}: values that are not listed{values} {}{open}", one.path, of(one.objects))
    });
    section("enums", unlisted.collect());
    section("described, but never returned", fit.never_returned.clone());
    section("described, but always null", fit.only_null.clone());
    section("identity", render_identity(fit));
    let lists = fit.lists.iter().map(|one| match one.unique {
        true => format!("{}: matched by {} {}", one.path, one.matched_by, of(one.objects)),
        false => {
            format!("{}: {} is not unique {}", one.path, one.matched_by, of(one.ambiguous))
        }
    });
    section("lists", lists.collect());
    section("paging", fit.paging.iter().flat_map(render_paging).collect());
    text
}

fn render_paging(paging: &PagingFit) -> Vec<String> {
    let read = format!(
        "{} on {}",
        format_count(paging.objects as usize, "object"),
        format_count(paging.pages as usize, "page")
    );
    let end = if paging.finished { "" } else { ", not read to the end" };
    std::iter::once(format!("{read}{end}")).chain(paging.contradictions.iter().cloned()).collect()
}

fn render_undescribed_member(one: &UndescribedMember, of: &str) -> String {
    format!("{}: {}, perhaps `type: {}` ({of})", one.path, join_words(&one.actual_types), one.suggested)
}

fn join_words<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
    words.join(", ")
}

fn render_identity(fit: &FitReport) -> Vec<String> {
    let mut rows = Vec::new();
    if fit.without_id > 0 {
        rows.push(format!("{} without an id", format_count(fit.without_id, "object")));
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
            rows.push(format!("natural key ({fields}): not complete in {}", format_count(*absent, "object")));
        }
    }
    rows
}
