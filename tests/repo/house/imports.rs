//! Which file uses which: paths resolved to the files that define what they name, and circles among them.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{ModulePath, SourceFile};

/// How many imports of imports are followed.
const MAX_STEPS: usize = 8;

/// The files of the package by module.
pub struct ModuleMap<'s> {
    files: BTreeMap<&'s [String], &'s SourceFile>,
}

impl<'s> ModuleMap<'s> {
    pub fn new(sources: &'s [SourceFile]) -> Self {
        Self { files: sources.iter().map(|file| (&*file.module, file)).collect() }
    }

    /// The files that a file uses, itself excluded. Imports that it only passes on do not count.
    pub fn find_uses(&self, file: &SourceFile) -> BTreeSet<&'s str> {
        let references = file.facts.references.iter();
        let absolute = references.filter_map(|path| self.absolute_path(file, path));
        let used =
            absolute.filter_map(|path| self.find_file(&path, MAX_STEPS)).map(|used| used.path.as_str());
        used.filter(|used| *used != file.path).collect()
    }

    /// The path from the root of the crate; none for paths into other crates.
    fn absolute_path(&self, file: &SourceFile, path: &[String]) -> Option<ModulePath> {
        let first = path.first()?;
        let mut base = file.module.clone();
        let rest = match first.as_str() {
            "crate" | "trueup" => return Some(path[1..].to_vec()),
            "self" => &path[1..],
            "super" => {
                let levels = path.iter().take_while(|part| *part == "super").count();
                base.truncate(base.len().saturating_sub(levels));
                &path[levels..]
            }
            child if file.facts.child_modules.contains(child) => path,
            _ => return None,
        };
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn find_file(&self, path: &[String], steps: usize) -> Option<&'s SourceFile> {
        let known = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let file = self.files[&path[..known]];
        let Some(name) = path.get(known).filter(|name| !file.facts.items.contains(*name)) else {
            return Some(file);
        };
        if steps == 0 {
            return Some(file);
        }
        let passed_on = file.facts.reexports.iter().find_map(|(passed, target)| {
            let mut target = self.absolute_path(file, target)?;
            if passed == "*" {
                target.push(name.clone());
                let end = self.find_file(&target, steps - 1)?;
                return end.facts.items.contains(name).then_some(end);
            }
            if passed != name {
                return None;
            }
            target.extend(path[known + 1..].iter().cloned());
            self.find_file(&target, steps - 1)
        });
        Some(passed_on.unwrap_or(file))
    }
}

/// Files that use each other, directly or through others, as groups of at least two.
pub fn find_circles<'s>(uses: &BTreeMap<&'s str, BTreeSet<&'s str>>) -> Vec<BTreeSet<&'s str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reachable(file, uses))).collect();
    let mut circles: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
    for (file, reached) in &reach {
        let mut circle: BTreeSet<&str> =
            reached.iter().filter(|other| reach[**other].contains(file)).copied().collect();
        circle.insert(file);
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reachable<'s>(from: &str, uses: &BTreeMap<&'s str, BTreeSet<&'s str>>) -> BTreeSet<&'s str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for used in uses.get(file).into_iter().flatten() {
            if reached.insert(*used) {
                open.push(used);
            }
        }
    }
    reached
}
