//! Pages name files that exist, and their links lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

fn pages() -> Vec<PathBuf> {
    let docs = walkdir::WalkDir::new("docs").into_iter().map(|entry| entry.expect("readable").into_path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    docs.chain(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(PathBuf::from)).collect()
}

#[test]
fn files_that_pages_name_exist() {
    let mut missing = Vec::new();
    for page in ["docs/architecture.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(page).expect("a page");
        for name in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "tests/", "docs/"].iter().any(|start| name.starts_with(start));
            if is_path && !name.contains(['<', ' ']) && !Path::new(name).exists() {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let is_local = !file.is_empty() && !file.contains("://") && !file.starts_with("mailto:");
            if is_local && !page.parent().unwrap_or(Path::new("")).join(file).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_changelog_keeps_its_form() {
    let text = fs::read_to_string("CHANGELOG.md").expect("the changelog");
    let is_date = |text: &str| text.len() == 10 && text.split('-').all(|part| part.parse::<u32>().is_ok());
    let mut versions = Vec::new();
    for line in text.lines() {
        if let Some(version) = line.strip_prefix("## ") {
            let is_release = version.split_once(" - ").is_some_and(|(_, date)| is_date(date));
            assert!(version == "Unreleased" || is_release, "{line}");
            versions.push(version.split(' ').next().unwrap_or_default().to_owned());
        }
        if let Some(kind) = line.strip_prefix("### ") {
            let known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
            assert!(known.contains(&kind), "{line}");
        }
    }
    assert_eq!(versions, ["Unreleased", env!("CARGO_PKG_VERSION")]);
}

/// The anchor of a heading, as GitHub and the document make it.
fn build_anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn list_anchors(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).expect("a page");
    let mut in_code = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        if !in_code && line.starts_with('#') {
            anchors.push(build_anchor(line.trim_start_matches('#')));
        }
        // pages that are generated set their own
        anchors
            .extend(line.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    anchors
}

#[test]
fn links_to_headings_lead_to_headings() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let Some((file, anchor)) = target.split_once('#') else { continue };
            let other = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap_or(Path::new("")).join(file)
            };
            let is_page = other.extension().is_some_and(|ending| ending == "md") && !file.contains("://");
            if is_page && !list_anchors(&other).contains(&anchor.to_owned()) {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_is_in_the_book() {
    let summary = fs::read_to_string("docs/SUMMARY.md").expect("the summary");
    let missing: Vec<_> = pages()
        .into_iter()
        .filter_map(|page| {
            page.strip_prefix("docs").map(|path| path.to_string_lossy().replace('\\', "/")).ok()
        })
        .filter(|page| page != "SUMMARY.md" && !summary.contains(&format!("({page})")))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_page_of_environments_is_short() {
    let text = fs::read_to_string("docs/environments.md").expect("a page");
    assert!(text.lines().count() <= 120, "{} lines", text.lines().count());
}
