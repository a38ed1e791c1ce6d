//! The patterns of `--target`, `--kind`, `--name` and `--exclude`, matched against one object.
//!
//! An object is selected when each flag that is given selects it. `*` matches any text, `/` included.
//! Deliberately absent: paths and `--since`, which need the documents of the workspace.

use super::selection_args::{NameArgs, SelectionArgs};
use crate::diagnostic::{Diagnostic, suggest_word};
use crate::kind::wildcard::matches_wildcard;

/// The patterns of a command.
#[derive(Clone, Default)]
pub struct ObjectPatterns {
    target: Vec<String>,
    kind: Vec<String>,
    names: NameArgs,
}

/// What patterns are matched against.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectLabel<'o> {
    pub target: &'o str,
    pub kind: &'o str,
    pub name: &'o str,
}

impl ObjectPatterns {
    /// The patterns of these arguments.
    pub fn from_args(args: &SelectionArgs) -> Self {
        Self { target: args.target.clone(), kind: args.kind.clone(), names: args.names.clone() }
    }

    /// Patterns of names alone.
    pub fn from_names(names: &NameArgs) -> Self {
        Self { names: names.clone(), ..Self::default() }
    }

    /// Whether they select everything.
    pub fn is_empty(&self) -> bool {
        self.target.is_empty() && self.kind.is_empty() && self.names.is_empty()
    }

    /// Whether an object is selected.
    pub fn selects(&self, object: ObjectLabel) -> bool {
        matches_any(&self.target, object.target)
            && matches_any(&self.kind, object.kind)
            && matches_any(&self.names.name, object.name)
            && !self.names.exclude.iter().any(|pattern| matches_object(pattern, object))
    }

    /// Patterns that none of these objects has, which may be typing errors.
    pub fn diagnose_unmatched(&self, objects: &[ObjectLabel]) -> Vec<Diagnostic> {
        type Part = for<'o> fn(&ObjectLabel<'o>) -> &'o str;
        let parts: [(&str, &[String], Part); 3] = [
            ("--target", &self.target, |own| own.target),
            ("--kind", &self.kind, |own| own.kind),
            ("--name", &self.names.name, |own| own.name),
        ];
        let faults = parts.into_iter().flat_map(|(flag, patterns, part)| {
            let known = objects.iter().map(part);
            let is_unmatched =
                move |pattern: &&String| !objects.iter().any(|own| matches_wildcard(pattern, part(own)));
            patterns.iter().filter(is_unmatched).map(move |pattern| {
                let mut words: Vec<&str> = known.clone().collect();
                words.sort_unstable();
                words.dedup();
                diagnose_pattern(flag, pattern, &words)
            })
        });
        let is_unmatched = |pattern: &&String| !objects.iter().any(|own| matches_object(pattern, *own));
        let excluded = self.names.exclude.iter().filter(is_unmatched);
        faults.chain(excluded.map(|pattern| diagnose_pattern("--exclude", pattern, &[]))).collect()
    }
}

fn matches_any(patterns: &[String], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches_wildcard(pattern, text))
}

/// `NAME`, or `api/kind/NAME`.
fn matches_object(pattern: &str, object: ObjectLabel) -> bool {
    match pattern.contains('/') {
        true => matches_wildcard(pattern, &format!("{}/{}", object.kind, object.name)),
        false => matches_wildcard(pattern, object.name),
    }
}

fn diagnose_pattern(flag: &str, pattern: &str, known: &[&str]) -> Diagnostic {
    let message = format!("`{flag} {}` matches no object of this workspace", pattern.escape_debug());
    let hint = suggest_word(pattern, known.iter().copied())
        .unwrap_or_else(|| "`*` matches any text; `trueup plan` lists the objects".to_owned());
    Diagnostic::error("nothing-selected", message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(name: &[&str], exclude: &[&str]) -> ObjectPatterns {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        ObjectPatterns::from_names(&NameArgs { name: own(name), exclude: own(exclude) })
    }

    const CARDS: ObjectLabel = ObjectLabel { target: "harbor", kind: "depot/crate", name: "cards-1" };

    #[test]
    fn each_flag_selects_and_exclude_takes_away() {
        for (name, exclude, selected) in [
            (&[][..], &[][..], true),
            (&["cards-*"], &[], true),
            (&["other", "cards-1"], &[], true),
            (&["other"], &[], false),
            (&[], &["cards-1"], false),
            (&[], &["depot/crate/*"], false),
            (&[], &["depot/*/cards-2"], true),
            (&["cards-*"], &["*-2"], true),
        ] {
            assert_eq!(patterns(name, exclude).selects(CARDS), selected, "{name:?} {exclude:?}");
        }
        let other = ObjectPatterns { target: vec!["depot".to_owned()], ..ObjectPatterns::default() };
        assert!(!other.selects(CARDS));
        let kind = ObjectPatterns { kind: vec!["*/crate".to_owned()], ..ObjectPatterns::default() };
        assert!(kind.selects(CARDS));
    }

    #[test]
    fn a_pattern_without_object_is_an_error_with_the_nearest_name() {
        let faults = patterns(&["card-1"], &["zzz"]).diagnose_unmatched(&[CARDS]);
        let found: Vec<_> = faults.iter().map(|own| (own.code, own.hint.as_deref())).collect();
        assert_eq!(found[0], ("nothing-selected", Some("did you mean `cards-1`?")));
        assert_eq!(found.len(), 2);
    }
}
